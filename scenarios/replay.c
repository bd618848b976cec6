#include "scenarios/replay.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/nearby.h"

static bool read_seed(struct json_view top, uint64_t *seed,
                      struct json_error *error)
{
    const char *text;
    if (!json_get_string(top, "seed", JSON_REQUIRED, 1, 20, &text, error))
        return false;
    char *end;
    errno = 0;
    *seed = strtoull(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end || errno)
        return json_fail(json_member(top, "seed"), error,
                         "found seed \"%s\", allowed a whole number", text);
    return true;
}

static bool read_defects(struct json_view top, struct replay *replay,
                         struct json_error *error)
{
    struct json_view list = json_member(top, "defects");
    if (!list.item)
        return true;
    if (!json_as_array(list, 0, REPLAY_DEFECTS_MAX, error))
        return false;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        const char *text;
        if (!json_as_string(v, 1, 64, &text, error))
            return false;
        char *copy = strdup(text);
        if (!copy)
            return json_fail(v, error, "out of memory");
        replay->defects[replay->defect_count++] = copy;
    }
    return true;
}

static bool read_checks(struct json_view top, struct replay *replay,
                        struct json_error *error)
{
    static const char *const names[] = {"golden", "paranoid"};
    struct json_view list = json_member(top, "checks");
    size_t found;
    if (!list.item)
        return true;
    if (!json_as_array(list, 0, 2, error))
        return false;
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        if (!json_as_enum(v, names, 2, &found, error))
            return false;
        replay->golden = replay->golden || found == 0;
        replay->paranoid = replay->paranoid || found == 1;
    }
    return true;
}

/* The files, the main one first. The caller frees the array only. */
static struct scenario_source *read_files(struct json_view top, uint32_t *count,
                                          struct json_error *error)
{
    struct json_view source = json_member(top, "scenario_source");
    const char *main_name;
    if (!source.item) {
        json_fail(top, error,
                  "found no \"scenario_source\", allowed a report that carries "
                  "its scenario");
        return NULL;
    }
    struct json_view files = json_member(source, "files");
    if (!json_as_object(source, error) || !json_as_object(files, error) ||
        !json_get_string(source, "main", JSON_REQUIRED, 1, 4096, &main_name,
                         error))
        return NULL;
    struct scenario_source *list = calloc(json_count(files) + 1, sizeof(*list));
    if (!list)
        return NULL;
    uint32_t others = 1;
    bool found = false;
    for (struct json_view v = json_first(files); v.item; v = json_next(v)) {
        const char *text;
        if (!json_as_string(v, 0, JSON_FILE_MAX, &text, error)) {
            free(list);
            return NULL;
        }
        bool is_main = strcmp(json_key(v), main_name) == 0;
        struct scenario_source *to = is_main ? &list[0] : &list[others++];
        *to = (struct scenario_source){(char *)(uintptr_t)json_key(v),
                                       (char *)(uintptr_t)text, strlen(text)};
        found = found || is_main;
    }
    *count = found ? others : 0;
    if (!found)
        json_fail(files, error, "found no file \"%s\" among the files",
                  main_name);
    return list;
}

/* A digest as 32 hexadecimal digits. */
static bool read_hash(struct json_view view, struct engine_hash *hash,
                      struct json_error *error)
{
    const char *text;
    char half[17] = "";
    if (!json_as_string(view, 32, 32, &text, error))
        return false;
    if (strspn(text, "0123456789abcdef") != 32)
        return json_fail(view, error, "found \"%s\", allowed a digest", text);
    memcpy(half, text, 16);
    hash->hi = strtoull(half, NULL, 16);
    hash->lo = strtoull(text + 16, NULL, 16);
    return true;
}

/* "digests", which older reports lack. */
static bool read_digests(struct json_view top, struct replay *replay,
                         struct json_error *error)
{
    struct checkpoints *points = &replay->checkpoints;
    struct json_view digests, list;
    int64_t step = 0, records = 0;
    if (!json_get_object(top, "digests", JSON_OPTIONAL, &digests, error))
        return error->code == 0;
    if (!json_get_int(digests, "step", JSON_REQUIRED, 1, JSON_INT_MAX, &step,
                      error) ||
        !json_get_int(digests, "records", JSON_REQUIRED, 0, JSON_INT_MAX,
                      &records, error) ||
        !json_get_array(digests, "at", JSON_REQUIRED, 0, CHECKPOINTS_MAX, &list,
                        error))
        return false;
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        if (!read_hash(v, &points->at[points->count++], error))
            return false;
    if ((step & (step - 1)) != 0 || (int64_t)points->count > records / step)
        return json_fail(digests, error,
                         "found more digests than records, or a step that is "
                         "no power of two: was it damaged?");
    points->step = (uint64_t)step;
    points->digest.count = (uint64_t)records;
    return read_hash(json_member(top, "digest"), &points->digest.hash, error);
}

static bool read_report(struct json_view top, struct replay *replay,
                        struct json_error *error)
{
    const char *schema;
    const char *digest;
    const char *command;
    const char *version = "unknown";
    if (!json_as_object(top, error) ||
        !json_get_string(top, "schema", JSON_REQUIRED, 1, 64, &schema, error))
        return false;
    if (strcmp(schema, "perdure.report/1") != 0)
        return json_fail(json_member(top, "schema"), error,
                         "found schema \"%s\", allowed \"perdure.report/1\"",
                         schema);
    if (!json_get_string(top, "digest", JSON_REQUIRED, 32, 32, &digest,
                         error) ||
        !json_get_string(top, "replay", JSON_REQUIRED, 1,
                         sizeof(replay->command) - 1, &command, error) ||
        !read_seed(top, &replay->seed, error) ||
        !read_defects(top, replay, error) || !read_checks(top, replay, error))
        return false;
    (void)json_get_string(top, "version", JSON_OPTIONAL, 0,
                          sizeof(replay->version) - 1, &version, error);
    if (!read_digests(top, replay, error))
        return false;
    snprintf(replay->version, sizeof(replay->version), "%s", version);
    snprintf(replay->digest, sizeof(replay->digest), "%s", digest);
    snprintf(replay->command, sizeof(replay->command), "%s", command);
    uint32_t count = 0;
    struct scenario_source *files = read_files(top, &count, error);
    if (files && count > 0)
        replay->scenario = scenario_read_sources(files, count, error);
    free(files);
    return replay->scenario != NULL;
}

int replay_read(const char *path, struct replay *replay,
                struct json_error *error)
{
    struct json_doc *doc;
    *replay = (struct replay){0};
    if (json_read_file(path, &doc, error)) {
        nearby_suggest(path, error);
        return -1;
    }
    bool good = read_report(json_root(doc), replay, error);
    json_free(doc);
    if (good)
        return 0;
    if (error->code == 0)
        error->code = JSON_ENOMEM;
    replay_deinit(replay);
    return -1;
}

void replay_deinit(struct replay *replay)
{
    scenario_free(replay->scenario);
    for (uint32_t i = 0; i < replay->defect_count; i++)
        free(replay->defects[i]);
    *replay = (struct replay){0};
}

void replay_quote(char *text, size_t size, const char *word)
{
    size_t at = strlen(text);
    bool plain = word[0] != '\0' &&
                 strspn(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRST"
                              "UVWXYZ0123456789_./-+:=@%") == strlen(word);
    if (plain) {
        snprintf(text + at, size - at, " %s", word);
        return;
    }
    snprintf(text + at, size - at, " '");
    for (const char *c = word; *c; c++) {
        at = strlen(text);
        if (*c == '\'')
            snprintf(text + at, size - at, "'\\''");
        else
            snprintf(text + at, size - at, "%c", *c);
    }
    at = strlen(text);
    snprintf(text + at, size - at, "'");
}

void replay_line(char *text, size_t size, const char *file, uint64_t seed,
                 const char *const *defects, uint32_t defect_count)
{
    snprintf(text, size, "perdure run");
    replay_quote(text, size, file);
    size_t at = strlen(text);
    snprintf(text + at, size - at, " --seed %" PRIu64, seed);
    for (uint32_t i = 0; i < defect_count; i++) {
        at = strlen(text);
        snprintf(text + at, size - at, " --defect");
        replay_quote(text, size, defects[i]);
    }
}
