/* `perdure profiles` as people and programs read it. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/json.h"
#include "scenarios/profile.h"

static char said[1 << 17];

/* What the program beside this one prints; stderr goes with it. */
static int call(const char *arguments)
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
    said[fread(said, 1, sizeof(said) - 1, pipe)] = '\0';
    return WEXITSTATUS(pclose(pipe));
}

Test(command_profiles, each_profile_has_a_line_with_its_kind)
{
    size_t count;
    const char *const *names = profile_names(&count);
    cr_assert_eq(call("profiles"), 0, "%s", said);
    for (size_t i = 0; i < count; i++)
        cr_expect(strstr(said, names[i]), "%s", names[i]);
    cr_expect(strstr(said, "lambda-2026            lambda      AWS Lambda"));
}

Test(command_profiles, every_value_of_every_profile_has_a_source_and_a_tag)
{
    size_t count;
    const char *const *names = profile_names(&count);
    for (size_t i = 0; i < count; i++) {
        char command[100];
        struct json_error err = {0};
        struct json_doc *doc = NULL;
        struct json_view rows;
        snprintf(command, sizeof(command), "profiles %s --json", names[i]);
        cr_assert_eq(call(command), 0, "%s", said);
        cr_assert_eq(json_read_bytes("p", said, strlen(said), &doc, &err), 0,
                     "%s", err.text);
        cr_assert(
            json_get(json_root(doc), "parameters", JSON_REQUIRED, &rows, &err));
        cr_expect_geq(json_count(rows), 4);
        for (struct json_view row = json_first(rows); row.item;
             row = json_next(row)) {
            const char *text = "";
            json_get_string(row, "source", JSON_REQUIRED, 1, 200, &text, &err);
            json_get_string(row, "tag", JSON_REQUIRED, 1, 9, &text, &err);
            json_get_string(row, "unit", JSON_REQUIRED, 1, 40, &text, &err);
        }
        cr_expect_eq(err.code, 0, "%s: %s", names[i], err.text);
        json_free(doc);
    }
}

Test(command_profiles, explain_says_what_a_value_does_and_where_it_is_from)
{
    cr_assert_eq(call("profiles lambda-2026 --explain"), 0, "%s", said);
    cr_expect(strstr(said, "scaling_burst             1000 envs [S]\n"
                           "    does  new environments that a function gets at "
                           "once; above it 429\n"
                           "    from  docs.aws.amazon.com/lambda "
                           "scaling-behavior.html\n"
                           "    note  per function: 1,000 new environments"),
              "%s", said);
}

Test(command_profiles, every_parameter_of_lambda_says_what_it_does)
{
    cr_assert_eq(call("profiles lambda-2026 --json"), 0);
    const char *end = strstr(said, "\"init\", \"value\": \"p50");
    cr_assert(end);
    const char *empty = strstr(said, "\"about\": \"\"");
    cr_expect(empty == NULL || empty > end, "%.200s", empty);
}

Test(command_profiles, a_wrong_name_gets_the_nearest_one)
{
    cr_assert_eq(call("profiles lambda-2025"), 2);
    cr_expect(strstr(said, "found profile \"lambda-2025\", allowed "), "%s",
              said);
    cr_expect(strstr(said, "; did you mean lambda-2026?\n"), "%s", said);
}

Test(command_profiles, other_arguments_are_refused)
{
    cr_assert_eq(call("profiles local lambda-2026"), 2);
    cr_expect(strstr(said, "allowed perdure profiles [NAME]"));
}
