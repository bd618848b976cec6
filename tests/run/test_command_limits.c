/*
 * `perdure limits` and `perdure errors` as programs read them: the summary
 * table of the limits page in bytes and seconds, the classes of errors.
 */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/json.h"
#include "engine/platform_codes.h"
#include "engine/wire.h"

/* What the program beside this one prints; stderr goes with it. */
static int call(const char *arguments, char *said, size_t size)
{
    char path[PATH_MAX];
    char command[PATH_MAX + 200];
    ssize_t length = readlink("/proc/self/exe", path, sizeof(path) - 1);
    cr_assert_gt(length, 0);
    path[length] = '\0';
    *strrchr(path, '/') = '\0';
    snprintf(command, sizeof(command), "'%s/perdure' %s 2>&1", path, arguments);
    FILE *pipe = popen(command, "r");
    cr_assert(pipe);
    said[fread(said, 1, size - 1, pipe)] = '\0';
    return WEXITSTATUS(pclose(pipe));
}

Test(command_limits, seed_001_prints_its_nine_rows_in_bytes_and_seconds)
{
    static const struct {
        const char *name;
        const char *unit;
        int64_t value;
    } rows[] = {
        {"execution_duration", "s", 31536000},
        {"wait_min", "s", 1},
        {"wait_max", "s", 31536000},
        {"response", "bytes", 6291456},
        {"op_payload", "bytes", 262144},
        {"input", "bytes", 262144},
        {"history_ops", "", 25000},
        {"batch", "bytes", 768000},
        {"callback_timeout_max", "s", 31536000},
    };
    static char said[16384];
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    unsigned found = 0;
    cr_assert_eq(call("limits seed-001 --json", said, sizeof(said)), 0);
    cr_assert_eq(json_read_bytes("limits", said, strlen(said), &doc, &err), 0,
                 "%s", err.text);
    for (struct json_view at = json_first(json_root(doc)); at.item;
         at = json_next(at)) {
        const char *name = "";
        const char *unit = "";
        const char *note = "";
        json_get_string(at, "name", JSON_REQUIRED, 1, 99, &name, &err);
        json_get_string(at, "note", JSON_REQUIRED, 1, 99, &note, &err);
        json_get_string(at, "unit", JSON_REQUIRED, 0, 99, &unit, &err);
        for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
            int64_t value = 0;
            if (strcmp(rows[i].name, name) != 0)
                continue;
            json_get_int(at, "value", JSON_REQUIRED, 0, JSON_INT_MAX, &value,
                         &err);
            cr_assert_eq(value, rows[i].value, "%s", name);
            cr_assert_str_eq(unit, rows[i].unit);
            found++;
        }
    }
    cr_assert_eq(err.code, 0, "%s", err.text);
    cr_assert_eq(found, sizeof(rows) / sizeof(*rows));
    json_free(doc);
}

Test(command_limits, the_table_names_value_unit_note_and_origin)
{
    static char said[16384];
    cr_assert_eq(call("limits seed-001", said, sizeof(said)), 0);
    cr_assert(strstr(said, "execution_duration      31536000 s      "
                           "from start to completion              "
                           "seed 001, limits page\n"),
              "%s", said);
    cr_assert(strstr(said, "history_ops                25000  "), "%s", said);
}

Test(command_limits, an_unknown_profile_is_answered_with_the_known_ones)
{
    static char said[16384];
    cr_assert_eq(call("limits awz", said, sizeof(said)), 2);
    cr_assert_str_eq(
        said, "perdure limits: found profile \"awz\", allowed "
              "aws, seed-001, inline-1mb or a file, NAME.json; did you mean "
              "aws?\n");
    cr_assert_eq(call("limits ./none.json", said, sizeof(said)), 2);
    cr_assert(strstr(said, "none.json"), "%s", said);
    cr_assert_eq(call("limits aws seed-001", said, sizeof(said)), 2);
    cr_assert_eq(call("limits --yaml", said, sizeof(said)), 2);
}

Test(command_limits, limits_validation_and_throttling_print_no_no_and_yes)
{
    static char said[65536];
    cr_assert_eq(call("errors", said, sizeof(said)), 0);
    cr_assert(strstr(said, "SIZE_LIMIT        no   "), "%s", said);
    cr_assert(strstr(said, "VALIDATION        no   "), "%s", said);
    cr_assert(strstr(said, "THROTTLED         yes, after "), "%s", said);
    cr_assert_null(strstr(said, "NONE "));
    cr_assert_eq(call("errors --yaml", said, sizeof(said)), 2);
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    cr_assert_eq(call("errors --json", said, sizeof(said)), 0);
    cr_assert_eq(json_read_bytes("errors", said, strlen(said), &doc, &err), 0,
                 "%s", err.text);
    cr_assert_eq(json_count(json_root(doc)), ENGINE_ERR_COUNT - 1);
    json_free(doc);
}

Test(command_limits, every_code_of_a_platform_prints_its_class)
{
    static char said[65536];
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    cr_assert_eq(call("errors --platforms", said, sizeof(said)), 0);
    cr_assert(strstr(said, "OOMKilled"), "%s", said);
    cr_assert_null(strstr(said, "UNKNOWN"), "%s", said);
    cr_assert_eq(call("errors --platforms aws", said, sizeof(said)), 2);
    cr_assert_eq(call("errors --platforms --json", said, sizeof(said)), 0);
    cr_assert_eq(json_read_bytes("errors", said, strlen(said), &doc, &err), 0,
                 "%s", err.text);
    cr_assert_eq(json_count(json_root(doc)), engine_platform_code_count());
    json_free(doc);
}
