/*
 * The policy of a gate, as people write it:
 *
 *     {"schema": "perdure.gate-policy/1", "default": "2%",
 *      "metrics": {"latency.*": {"worse": "5%", "floor": "10ms"}}}
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/gate_read.h"

enum {
    RULES_MAX = 10000
};

struct policy_draft {
    struct report_gate_policy *policy;
    struct json_error *err;
};

static bool add_rule(struct policy_draft *draft, struct json_view at,
                     const char *scenario, const char *metric,
                     struct report_gate_budget budget)
{
    struct report_gate_policy *policy = draft->policy;
    struct report_gate_rule *rule;
    if (policy->rule_count == RULES_MAX)
        return json_fail(at, draft->err, "found more than %d budgets",
                         RULES_MAX);
    if (strlen(scenario) >= sizeof(rule->scenario) ||
        strlen(metric) >= sizeof(rule->metric))
        return json_fail_key(at, draft->err,
                             "found a name that is too long, allowed 199 "
                             "bytes");
    void *grown = realloc(policy->rules,
                          (policy->rule_count + 1) * sizeof(*policy->rules));
    if (!grown)
        return json_fail(at, draft->err, "out of memory");
    policy->rules = grown;
    rule = &policy->rules[policy->rule_count++];
    *rule = (struct report_gate_rule){.budget = budget};
    snprintf(rule->scenario, sizeof(rule->scenario), "%s", scenario);
    snprintf(rule->metric, sizeof(rule->metric), "%s", metric);
    return true;
}

/* "10ms", "64KiB" or a count. */
static bool read_floor(struct json_view view, uint64_t *floor,
                       struct json_error *err)
{
    const char *text, *why;
    int64_t count = 0;
    if (!json_is_string(view)) {
        if (!json_as_int(view, 0, JSON_INT_MAX, &count, err))
            return false;
        *floor = (uint64_t)count;
        return true;
    }
    if (!json_as_string(view, 1, 40, &text, err))
        return false;
    return quantity_read(QUANTITY_DURATION, text, floor, &why) == 0 ||
           quantity_read(QUANTITY_SIZE, text, floor, &why) == 0 ||
           json_fail(view, err,
                     "found floor \"%s\", allowed a duration (\"10ms\"), a "
                     "size (\"64KiB\") or a count",
                     text);
}

/* "5%", "exact", "ignore". */
static bool read_word(struct json_view view, struct report_gate_budget *budget,
                      struct json_error *err)
{
    const char *text, *why;
    if (!json_as_string(view, 1, 40, &text, err))
        return false;
    if (strcmp(text, "exact") == 0)
        budget->mode = REPORT_GATE_EXACT;
    else if (strcmp(text, "ignore") == 0)
        budget->mode = REPORT_GATE_IGNORE;
    else if (quantity_read(QUANTITY_SHARE, text, &budget->worse_ppb, &why) != 0)
        return json_fail(view, err,
                         "found budget \"%s\", allowed a share as \"5%%\", "
                         "\"exact\" or \"ignore\"",
                         text);
    return true;
}

static bool read_budget(struct json_view view,
                        struct report_gate_budget *budget,
                        struct json_error *err)
{
    static const char *const keys[] = {"worse", "floor"};
    struct json_view floor;
    *budget = (struct report_gate_budget){.mode = REPORT_GATE_WITHIN};
    if (!json_is_object(view))
        return read_word(view, budget, err);
    if (!json_check_keys(view, keys, 2, err))
        return false;
    (void)json_get_quantity(view, "worse", JSON_OPTIONAL, QUANTITY_SHARE, 0,
                            UINT64_C(1000000000), &budget->worse_ppb, err);
    if (json_get(view, "floor", JSON_OPTIONAL, &floor, err))
        (void)read_floor(floor, &budget->floor, err);
    return err->code == 0;
}

/* "default" and "metrics" of the policy, or of scenarios in it. */
static void read_budgets(struct policy_draft *draft, struct json_view object,
                         const char *scenario)
{
    struct json_view view;
    struct report_gate_budget budget;
    if (json_get(object, "default", JSON_OPTIONAL, &view, draft->err) &&
        read_budget(view, &budget, draft->err))
        (void)add_rule(draft, view, scenario, "*", budget);
    if (!json_get_object(object, "metrics", JSON_OPTIONAL, &view, draft->err))
        return;
    for (struct json_view v = json_first(view); v.item; v = json_next(v))
        if (!read_budget(v, &budget, draft->err) ||
            !add_rule(draft, v, scenario, json_key(v), budget))
            return;
}

static void read_scenarios(struct policy_draft *draft, struct json_view top)
{
    static const char *const keys[] = {"default", "metrics"};
    struct json_view view;
    if (!json_get_object(top, "scenarios", JSON_OPTIONAL, &view, draft->err))
        return;
    for (struct json_view v = json_first(view); v.item; v = json_next(v)) {
        if (!json_as_object(v, draft->err) ||
            !json_check_keys(v, keys, 2, draft->err))
            return;
        read_budgets(draft, v, json_key(v));
    }
}

static void read_wall(struct policy_draft *draft, struct json_view top)
{
    static const char *const keys[] = {"level", "worse", "floor"};
    struct report_gate_wall *wall = &draft->policy->wall;
    struct json_view view;
    if (!json_get_object(top, "wall", JSON_OPTIONAL, &view, draft->err) ||
        !json_check_keys(view, keys, 3, draft->err))
        return;
    wall->wanted = true;
    (void)json_get_double(view, "level", JSON_OPTIONAL, 1e-6, 0.2, &wall->level,
                          draft->err);
    (void)json_get_quantity(view, "worse", JSON_OPTIONAL, QUANTITY_SHARE, 0,
                            UINT64_C(1000000000), &wall->worse_ppb, draft->err);
    (void)json_get_duration(view, "floor", JSON_OPTIONAL, 0, INT64_MAX,
                            &wall->floor_ns, draft->err);
}

static void read_words(struct policy_draft *draft, struct json_view top)
{
    static const char *const missing[] = {"inconclusive", "allowed"};
    static const char *const changed[] = {"inconclusive", "compare"};
    size_t found = 0;
    if (json_get_enum(top, "missing", JSON_OPTIONAL, missing, 2, &found,
                      draft->err))
        draft->policy->missing =
            found == 1 ? REPORT_GATE_HELD : REPORT_GATE_INCONCLUSIVE;
    if (json_get_enum(top, "changed", JSON_OPTIONAL, changed, 2, &found,
                      draft->err))
        draft->policy->changed = found == 1;
}

static bool read_policy(struct policy_draft *draft, struct json_view top)
{
    static const char *const keys[] = {"$schema",   "schema",  "default",
                                       "metrics",   "missing", "changed",
                                       "scenarios", "wall"};
    static const char *const schemas[] = {"perdure.gate-policy/1"};
    const char *editors = NULL;
    size_t schema;
    if (!json_as_object(top, draft->err) ||
        !json_check_keys(top, keys, sizeof(keys) / sizeof(*keys), draft->err) ||
        !json_get_enum(top, "schema", JSON_REQUIRED, schemas, 1, &schema,
                       draft->err))
        return false;
    (void)json_get_string(top, "$schema", JSON_OPTIONAL, 0, 1024, &editors,
                          draft->err);
    read_budgets(draft, top, "*");
    read_scenarios(draft, top);
    read_words(draft, top);
    read_wall(draft, top);
    return draft->err->code == 0;
}

void gate_policy_default(struct report_gate_policy *policy)
{
    *policy =
        (struct report_gate_policy){.missing = REPORT_GATE_INCONCLUSIVE,
                                    .wall = {.level = 0.01,
                                             .worse_ppb = 100000000, /* 10 % */
                                             .floor_ns = 50000000}};
}

bool gate_read_policy(const char *path, struct report_gate_policy *policy,
                      struct json_error *err)
{
    struct json_doc *doc = NULL;
    struct policy_draft draft = {.policy = policy, .err = err};
    gate_policy_default(policy);
    bool good = json_read_file(path, &doc, err) == 0 &&
                read_policy(&draft, json_root(doc));
    json_free(doc);
    if (!good)
        gate_policy_free(policy);
    return good;
}

void gate_policy_free(struct report_gate_policy *policy)
{
    free(policy->rules);
    gate_policy_default(policy);
}
