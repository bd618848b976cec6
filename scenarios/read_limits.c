#include "scenarios/read_limits.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/names.h"
#include "scenarios/options.h"

/* Larger counts and sizes have no JSON number; longer times no sum. */
#define NUMBER_MAX UINT64_C(9007199254740991)
#define TIME_MAX UINT64_C(9223372036854775807)

static void adopt(const struct engine_limits *limits,
                  struct limits_profile *profile)
{
    profile->limits = *limits;
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++)
        snprintf(profile->origins[i], sizeof(profile->origins[i]), "%s",
                 engine_limit_origin(limits, (enum engine_limit)i));
}

bool limits_profile_find(const char *name, struct limits_profile *profile)
{
    const struct engine_limits *limits = engine_limits_find(name);
    if (limits)
        adopt(limits, profile);
    return limits != NULL;
}

/* The built-in profile that the file extends. */
static bool read_base(struct json_view root, struct limits_profile *profile,
                      struct json_error *err)
{
    const char *names[8];
    size_t count = 0;
    size_t index = 0;
    while (engine_limits_at((uint32_t)count)) {
        names[count] = engine_limits_at((uint32_t)count)->name;
        count++;
    }
    if (!json_get_enum(root, "extends", JSON_REQUIRED, names, count, &index,
                       err))
        return false;
    adopt(engine_limits_at((uint32_t)index), profile);
    return true;
}

/* A name of its own, of letters, digits and -, so that none is mistaken. */
static bool read_name(struct json_view root, struct limits_profile *profile,
                      struct json_error *err)
{
    const char *name;
    if (!json_get_string(root, "profile", JSON_REQUIRED, 1,
                         sizeof(profile->limits.name) - 1, &name, err))
        return false;
    struct json_view at = json_member(root, "profile");
    if (name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] != '\0')
        return json_fail(at, err,
                         "found \"%s\", allowed letters a to z, digits and -",
                         name);
    if (engine_limits_find(name))
        return json_fail(at, err,
                         "found \"%s\", a built-in profile's name, allowed "
                         "another one",
                         name);
    snprintf(profile->limits.name, sizeof(profile->limits.name), "%s", name);
    return true;
}

static bool is_none(struct json_view at)
{
    struct json_error ignored = {0};
    const char *text;
    return json_as_string(at, 0, SIZE_MAX, &text, &ignored) &&
           strcmp(text, "none") == 0;
}

static bool read_value(struct json_view at, enum engine_limit limit,
                       uint64_t *value, struct json_error *err)
{
    int64_t number = 0;
    if (is_none(at)) {
        *value = UINT64_MAX;
        return true;
    }
    switch (engine_limit_unit(limit)) {
    case ENGINE_LIMIT_NS:
        return json_as_quantity(at, QUANTITY_DURATION, 0, TIME_MAX, value, err);
    case ENGINE_LIMIT_BYTES:
        return json_as_quantity(at, QUANTITY_SIZE, 0, NUMBER_MAX, value, err);
    case ENGINE_LIMIT_NUMBER:
        break;
    }
    if (!json_as_int(at, 0, (int64_t)NUMBER_MAX, &number, err))
        return false;
    *value = (uint64_t)number;
    return true;
}

static bool read_values(struct json_view values, const char *file,
                        struct limits_profile *profile, struct json_error *err)
{
    const char *names[ENGINE_LIMIT_COUNT];
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++)
        names[i] = engine_limit_name((enum engine_limit)i);
    if (!json_check_keys(values, names, ENGINE_LIMIT_COUNT, err))
        return false;
    for (struct json_view at = json_first(values); at.item;
         at = json_next(at)) {
        enum engine_limit limit = engine_limit_find(json_key(at));
        uint64_t value = 0;
        if (!read_value(at, limit, &value, err))
            return false;
        engine_limit_set(&profile->limits, limit, value);
        snprintf(profile->origins[limit], sizeof(profile->origins[limit]),
                 "%.60s", file);
    }
    return true;
}

/* A figure as it would be written in the file. */
static const char *figure(const struct limits_profile *profile,
                          enum engine_limit limit, char text[32])
{
    uint64_t value = engine_limit_value(&profile->limits, limit);
    enum engine_limit_unit unit = engine_limit_unit(limit);
    if (value == UINT64_MAX)
        snprintf(text, 32, "none");
    else if (unit == ENGINE_LIMIT_NUMBER)
        snprintf(text, 32, "%ju", (uintmax_t)value);
    else
        quantity_print(unit == ENGINE_LIMIT_NS ? QUANTITY_DURATION
                                               : QUANTITY_SIZE,
                       value, text, 32);
    return text;
}

/* At the limit that the file sets; both may be set, or only the other. */
static bool check(struct json_view values, const struct limits_profile *profile,
                  struct json_error *err)
{
    enum engine_limit against;
    enum engine_limit wrong = engine_limits_check(&profile->limits, &against);
    if (wrong == ENGINE_LIMIT_COUNT)
        return true;
    const char *name = engine_limit_name(wrong);
    struct json_view at = json_member(values, name);
    if (wrong == against)
        return json_fail(at, err, "found 0, allowed 1 or more");
    if (!at.item)
        at = json_member(values, engine_limit_name(against));
    char low[32];
    char high[32];
    return json_fail(at, err,
                     "found %s %s above %s %s, allowed at most as much", name,
                     figure(profile, wrong, low), engine_limit_name(against),
                     figure(profile, against, high));
}

bool limits_profile_read(struct json_view root, const char *file,
                         struct limits_profile *profile, struct json_error *err)
{
    static const char *const keys[] = {"profile", "why",    "extends",
                                       "spill",   "limits", "$schema"};
    struct json_view values;
    const char *why, *schema;
    bool spill;
    if (!json_check_keys(root, keys, sizeof(keys) / sizeof(*keys), err) ||
        !json_get_string(root, "why", JSON_REQUIRED, 1, 1000, &why, err) ||
        !read_base(root, profile, err) || !read_name(root, profile, err) ||
        !json_get_object(root, "limits", JSON_REQUIRED, &values, err))
        return false;
    (void)json_get_string(root, "$schema", JSON_OPTIONAL, 0, 1024, &schema,
                          err);
    if (json_get_bool(root, "spill", JSON_OPTIONAL, &spill, err))
        profile->limits.spill = spill;
    return err->code == 0 && read_values(values, file, profile, err) &&
           check(values, profile, err);
}

bool limits_profile_ask(const char *command, const char *name,
                        struct limits_profile *profile)
{
    struct json_error error = {0};
    struct json_doc *doc = NULL;

    if (limits_profile_find(name, profile))
        return true;
    if (access(name, F_OK) != 0) {
        fprintf(stderr, "perdure %s: found limit profile \"%.40s\", allowed",
                command, name);
        for (uint32_t i = 0; engine_limits_at(i); i++)
            fprintf(stderr, " %s,", engine_limits_at(i)->name);
        const char *meant = options_nearest(name, names_limits);
        fprintf(stderr, " or the name of a file%s%s%s\n",
                meant ? "; did you mean " : "", meant ? meant : "",
                meant ? "?" : "");
        return false;
    }
    if (json_read_file(name, &doc, &error) == 0)
        (void)limits_profile_read(json_root(doc), name, profile, &error);
    json_free(doc);
    if (error.code)
        fprintf(stderr, "%s\n", error.text);
    return error.code == 0;
}
