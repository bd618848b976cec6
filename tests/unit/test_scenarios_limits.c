#include "scenarios/read_limits.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static bool read_text(const char *json, struct limits_profile *profile,
                      struct json_error *err)
{
    struct json_doc *doc = NULL;
    *err = (struct json_error){0};
    bool ok = json_read_bytes("own.json", json, strlen(json), &doc, err) == 0 &&
              limits_profile_read(json_root(doc), "own.json", profile, err);
    json_free(doc);
    return ok;
}

/* A profile "own" of seed-001 with these members in "limits". */
static bool read_own(const char *members, struct limits_profile *profile,
                     struct json_error *err)
{
    char json[1000];
    snprintf(json, sizeof(json),
             "{\"profile\": \"own\", \"why\": \"A test.\", "
             "\"extends\": \"seed-001\",\n\"limits\": {%s}}",
             members);
    return read_text(json, profile, err);
}

Test(scenarios_limits, a_file_changes_what_it_says_and_nothing_else)
{
    struct limits_profile profile;
    struct json_error err;
    const struct engine_limits *base = engine_limits_find("seed-001");
    cr_assert(read_own("\"wait_max\": \"30d\", \"input\": \"1MiB\", "
                       "\"history_ops\": 500, \"callback_timeout_max\": "
                       "\"none\", \"wait_min\": \"500ms\"",
                       &profile, &err),
              "%s", err.text);
    cr_assert_str_eq(profile.limits.name, "own");
    cr_assert_eq(profile.limits.wait_max_ns, 2592000 * UINT64_C(1000000000));
    cr_assert_eq(profile.limits.wait_min_ns, 500000000);
    cr_assert_eq(profile.limits.input_max, 1048576);
    cr_assert_eq(profile.limits.operations_max, 500);
    cr_assert_eq(profile.limits.callback_max_ns, UINT64_MAX);
    cr_assert_eq(profile.limits.spill, 0);
    unsigned changed = 0;
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++) {
        enum engine_limit limit = (enum engine_limit)i;
        bool own = strcmp(profile.origins[i], "own.json") == 0;
        changed += own;
        cr_assert_eq(engine_limit_value(&profile.limits, limit) ==
                         engine_limit_value(base, limit),
                     !own, "%s", engine_limit_name(limit));
    }
    cr_assert_eq(changed, 5);
}

Test(scenarios_limits, every_limit_can_be_set_by_its_printed_name)
{
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++) {
        struct limits_profile profile;
        struct json_error err;
        char member[64];
        enum engine_limit limit = (enum engine_limit)i;
        snprintf(member, sizeof(member), "\"%s\": \"none\"",
                 engine_limit_name(limit));
        bool bound = limit == ENGINE_LIMIT_wait_min_ns ||
                     limit == ENGINE_LIMIT_response_max ||
                     limit == ENGINE_LIMIT_operation_payload_max ||
                     limit == ENGINE_LIMIT_error_max ||
                     limit == ENGINE_LIMIT_inline_max;
        cr_assert_eq(read_own(member, &profile, &err), !bound, "%s: %s", member,
                     err.text);
    }
}

Test(scenarios_limits, values_above_inline_spill_where_the_file_says_so)
{
    struct limits_profile profile;
    struct json_error err;
    cr_assert(read_text("{\"profile\": \"own\", \"why\": \"x\", \"extends\": "
                        "\"aws\", \"spill\": true, \"limits\": {}}",
                        &profile, &err));
    cr_assert_eq(profile.limits.spill, 1);
    cr_assert(read_text("{\"profile\": \"own\", \"why\": \"x\", \"extends\": "
                        "\"inline-1mb\", \"spill\": false, \"limits\": {}}",
                        &profile, &err));
    cr_assert_eq(profile.limits.spill, 0);
    cr_assert_eq(profile.limits.inline_max, 1000000);
}

Test(scenarios_limits, wrong_members_are_named_where_they_stand)
{
    static const struct {
        const char *members;
        const char *error;
    } cases[] = {
        {"\"inputs\": \"1KB\"", "own.json:2:12: found key \"inputs\""},
        {"\"input\": 1000", "own.json:2:21: "},
        {"\"input\": \"1s\"", "own.json:2:21: "},
        {"\"wait_max\": \"1KB\"", "own.json:2:24: "},
        {"\"wait_max\": \"-1s\"", "own.json:2:24: "},
        {"\"history_ops\": -1", "own.json:2:27: "},
        {"\"history_ops\": 2.5", "own.json:2:27: "},
        {"\"history_ops\": \"many\"", "own.json:2:27: "},
        {"\"history_ops\": 0", "own.json:2:27: found 0, allowed 1 or more"},
        {"\"wait_min\": \"2s\", \"wait_max\": \"1s\"",
         "own.json:2:24: found wait_min 2s above wait_max 1s, allowed at most "
         "as much"},
        {"\"op_payload\": \"200KB\"",
         "own.json:2:26: found inline 256KiB above op_payload 200KB, allowed "
         "at most as much"},
        {"\"batch\": \"262143B\"",
         "own.json:2:21: found op_payload 256KiB above batch 262143B, allowed "
         "at most as much"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct limits_profile profile;
        struct json_error err;
        cr_assert_not(read_own(cases[i].members, &profile, &err), "%s",
                      cases[i].members);
        cr_assert(strncmp(err.text, cases[i].error, strlen(cases[i].error)) ==
                      0,
                  "%s", err.text);
    }
}

Test(scenarios_limits, a_file_needs_a_name_of_its_own_and_a_known_base)
{
    static const char *const wrong[] = {
        "{}",
        "[]",
        "{\"profile\": \"aws\", \"why\": \"x\", \"extends\": \"aws\", "
        "\"limits\": {}}",
        "{\"profile\": \"../x\", \"why\": \"x\", \"extends\": \"aws\", "
        "\"limits\": {}}",
        "{\"profile\": \"own\", \"why\": \"x\", \"extends\": \"AWS\", "
        "\"limits\": {}}",
        "{\"profile\": \"own\", \"extends\": \"aws\", \"limits\": {}}",
        "{\"profile\": \"own\", \"why\": \"x\", \"limits\": {}}",
        "{\"profile\": \"own\", \"why\": \"x\", \"extends\": \"aws\"}",
        "{\"profile\": \"own\", \"why\": \"x\", \"extends\": \"aws\", "
        "\"limits\": [], \"spill\": true}",
        "{\"profile\": \"own\", \"why\": \"x\", \"extends\": \"aws\", "
        "\"limits\": {}, \"spill\": 1}",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct limits_profile profile;
        struct json_error err;
        cr_assert_not(read_text(wrong[i], &profile, &err), "%s", wrong[i]);
        cr_assert_neq(err.text[0], '\0');
    }
}
