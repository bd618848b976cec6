#include "scenarios/profile.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/profile_values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KEYS_MAX (PROFILE_ROWS_MAX + 3)

/* A line for each. */
/* clang-format off */
static const char *const known[] = {
    "batch-ec2-od",
    "batch-ec2-spot-broad",
    "batch-ec2-spot-scarce",
    "batch-fargate",
    "celery-rabbitmq",
    "celery-redis",
    "celery-seed",
    "celery-sqs",
    "docker-desktop",
    "docker-ssd",
    "huawei-2025",
    "k8s-default",
    "k8s-legacy",
    "lambda-2026",
    "lambda-legacy",
    "lambda-seeddoc",
    "local",
};
/* clang-format on */
static const struct profile_platform *const platforms[] = {
    &profile_local_platform, &profile_lambda_platform, &profile_docker_platform,
    &profile_k8s_platform,   &profile_celery_platform, &profile_batch_platform,
};

/* What a profile and a scenario say, while it is put together. */
struct reading {
    struct json_view platform; /* item NULL: the scenario says nothing */
    const struct data_files *files;
    struct json_error *err;
    const struct profile_platform *kind;
    struct profile *profile;
    struct profile_value values[PROFILE_ROWS_MAX];
};

const char *const *profile_names(size_t *count)
{
    *count = COUNT(known);
    return known;
}

static int find_param(const struct profile_platform *kind, const char *name)
{
    for (uint32_t i = 0; i < kind->count; i++) {
        if (strcmp(kind->params[i].name, name) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* Fails unless all keys are "profile", "overrides" or parameters. */
static bool check_keys(struct reading *reading, struct json_view object,
                       bool beside_profile)
{
    const char *names[KEYS_MAX];
    size_t count = 0;
    if (beside_profile) {
        names[count++] = "profile";
        names[count++] = "overrides";
        names[count++] = "credentials"; /* not the profile's: who uses it */
    }
    for (uint32_t i = 0; i < reading->kind->count; i++) {
        if (!beside_profile || reading->kind->params[i].direct) {
            names[count++] = reading->kind->params[i].name;
        }
    }
    return json_check_keys(object, names, count, reading->err);
}

static void copy_string(struct json_view object, const char *key,
                        enum json_need need, char *text, size_t size,
                        struct json_error *err)
{
    const char *found;
    text[0] = '\0';
    if (json_get_string(object, key, need, 1, size - 1, &found, err)) {
        snprintf(text, size, "%s", found);
    }
}

/* {"value", "source", "tag", "note"} of one parameter. */
static bool read_param(struct reading *reading, struct json_view parameters,
                       uint32_t index)
{
    static const char *const keys[] = {"value", "source", "tag", "note"};
    static const char *const tags[] = {"S", "2", "C", "GK"};
    const struct profile_param *param = &reading->kind->params[index];
    struct profile_value *value = &reading->values[index];
    struct profile_row row = {.tag = ""};
    struct json_error *err = reading->err;
    struct json_view object;
    size_t tag;
    if (!json_get_object(parameters, param->name, JSON_REQUIRED, &object,
                         err) ||
        !json_check_keys(object, keys, COUNT(keys), err) ||
        !json_get(object, "value", JSON_REQUIRED, &value->at, err) ||
        !json_get_enum(object, "tag", JSON_REQUIRED, tags, COUNT(tags), &tag,
                       err)) {
        return false;
    }
    if (json_is_number(value->at)) {
        return json_fail(value->at, err,
                         "found a number without its unit, allowed for "
                         "example \"8 %s\"",
                         profile_value_unit(param));
    }
    copy_string(object, "source", JSON_REQUIRED, row.source, sizeof row.source,
                err);
    copy_string(object, "note", JSON_OPTIONAL, row.note, sizeof row.note, err);
    snprintf(row.name, sizeof row.name, "%s", param->name);
    snprintf(row.unit, sizeof row.unit, "%s", profile_value_unit(param));
    snprintf(row.tag, sizeof row.tag, "%s", tags[tag]);
    profile_value_print(param, value->at, row.value, sizeof row.value);
    profile_add_row(reading->profile, &row);
    return err->code == 0;
}

static bool read_params(struct reading *reading, struct json_view parameters)
{
    if (!check_keys(reading, parameters, false)) {
        return false;
    }
    for (uint32_t i = 0; i < reading->kind->count; i++) {
        if (!read_param(reading, parameters, i)) {
            return false;
        }
    }
    return true;
}

/* The parameter's row keeps what the profile said in its note. */
static bool override(struct reading *reading, struct json_view at)
{
    int index = find_param(reading->kind, json_key(at));
    assert(index >= 0);
    struct profile_row *row = &reading->profile->rows[index];
    if (strcmp(row->tag, "scenario") == 0) {
        return json_fail_key(at, reading->err,
                             "found \"%s\" here and in \"overrides\", allowed "
                             "in one of them",
                             row->name);
    }
    struct profile_row set = {.tag = "scenario", .source = "the scenario"};
    memcpy(set.name, row->name, sizeof set.name);
    memcpy(set.unit, row->unit, sizeof set.unit);
    snprintf(set.note, sizeof set.note, "the profile says %s", row->value);
    profile_value_print(&reading->kind->params[index], at, set.value,
                        sizeof set.value);
    *row = set;
    reading->values[index].at = at;
    return true;
}

static bool read_overrides(struct reading *reading)
{
    struct json_view platform = reading->platform;
    struct json_view overrides = {.item = NULL};
    if (platform.item == NULL) {
        return true;
    }
    if (!check_keys(reading, platform, true)) {
        return false;
    }
    if (json_get_object(platform, "overrides", JSON_OPTIONAL, &overrides,
                        reading->err)) {
        check_keys(reading, overrides, false);
        for (struct json_view v = json_first(overrides);
             v.item != NULL && reading->err->code == 0; v = json_next(v)) {
            override(reading, v);
        }
    }
    for (struct json_view v = json_first(platform);
         v.item != NULL && reading->err->code == 0; v = json_next(v)) {
        if (find_param(reading->kind, json_key(v)) >= 0) {
            override(reading, v);
        }
    }
    return reading->err->code == 0;
}

static bool read_values(struct reading *reading)
{
    for (uint32_t i = 0; i < reading->kind->count; i++) {
        if (!profile_value_read(&reading->kind->params[i], &reading->values[i],
                                reading->err)) {
            return false;
        }
    }
    return true;
}

static bool read_document(struct reading *reading, struct json_view root)
{
    static const char *const keys[] = {"profile", "kind", "why", "parameters"};
    struct json_error *err = reading->err;
    struct json_view parameters;
    const char *name, *why, *kinds[COUNT(platforms)];
    size_t kind;
    for (size_t i = 0; i < COUNT(platforms); i++) {
        kinds[i] = platforms[i]->name;
    }
    if (!json_check_keys(root, keys, COUNT(keys), err) ||
        !json_get_string(root, "profile", JSON_REQUIRED, 1, 63, &name, err) ||
        !json_get_enum(root, "kind", JSON_REQUIRED, kinds, COUNT(platforms),
                       &kind, err) ||
        !json_get_string(root, "why", JSON_REQUIRED, 1, 1000, &why, err) ||
        !json_get_object(root, "parameters", JSON_REQUIRED, &parameters, err)) {
        return false;
    }
    if (strcmp(name, reading->profile->name) != 0) {
        return json_fail(json_member(root, "profile"), err,
                         "found \"%s\", allowed \"%s\", the file's name", name,
                         reading->profile->name);
    }
    snprintf(reading->profile->why, sizeof reading->profile->why, "%s", why);
    reading->kind = platforms[kind];
    reading->profile->platform = platforms[kind];
    return read_params(reading, parameters) && read_overrides(reading) &&
           read_values(reading) &&
           reading->kind->build(reading->values, reading->files,
                                reading->profile, err);
}

/* Letters, digits and - only: a name is not a way out of the directory. */
static bool is_name(const char *name)
{
    return name[0] != '\0' &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-")] == '\0';
}

/* The document of the profile that the scenario names. */
static struct json_doc *load(struct reading *reading)
{
    char file[96];
    const char *name = "local";
    const char *bytes = NULL;
    struct json_doc *doc = NULL;
    size_t size;
    if (reading->platform.item != NULL &&
        !json_get_string(reading->platform, "profile", JSON_REQUIRED, 1, 63,
                         &name, reading->err)) {
        return NULL;
    }
    snprintf(reading->profile->name, sizeof reading->profile->name, "%s", name);
    snprintf(file, sizeof file, "profiles/%s.json", name);
    if (is_name(name)) {
        bytes = reading->files->bytes(reading->files->self, file, &size);
    }
    if (bytes != NULL) {
        json_read_bytes(file, bytes, size, &doc, reading->err);
    } else if (reading->platform.item != NULL) {
        json_fail_choice(json_member(reading->platform, "profile"),
                         reading->err, "profile", name, known, COUNT(known));
    } else {
        reading->err->code = JSON_EREAD;
        snprintf(reading->err->text, sizeof reading->err->text,
                 "%s: cannot be read", file);
    }
    return doc;
}

bool profile_read(struct json_view platform, const struct data_files *files,
                  struct profile *profile, struct json_error *err)
{
    if (err->code != 0) {
        return false;
    }
    struct reading *reading = calloc(1, sizeof *reading);
    if (reading == NULL) {
        *err =
            (struct json_error){.code = JSON_ENOMEM, .text = "memory ran out"};
        return false;
    }
    *profile = (struct profile){.platform = &profile_local_platform};
    reading->platform = platform;
    reading->files = files;
    reading->err = err;
    reading->profile = profile;
    struct json_doc *doc = load(reading);
    bool ok = doc != NULL && read_document(reading, json_root(doc));
    json_free(doc);
    free(reading);
    return ok;
}

int profile_model(const struct profile *profile,
                  const struct sim_demand *demands, uint32_t count,
                  uint64_t seed, struct sim_model *model)
{
    return profile->platform->model(profile, demands, count, seed, model);
}
