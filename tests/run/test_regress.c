/*
 * Scenarios kept for defects that were found: each tells in "why" what went
 * wrong, has the seed that showed it, and must hold from then on.
 */
#include <criterion/criterion.h>
#include <glob.h>

#include "scenarios/runner.h"

static void expect_holds(const char *path)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    char message[512] = "";
    struct runner_options options = {.seed = scenario->seed, .command = path};
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    cr_assert_not_null(runner, "%s: %s", path, message);
    cr_expect_eq(runner_model(runner)->verdict, CHECK_PASS, "%s", path);
    runner_free(runner);
    scenario_free(scenario);
}

Test(regress, what_was_once_found_stays_mended)
{
    glob_t found;
    cr_assert_eq(glob("tests/regress/*.json", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        expect_holds(found.gl_pathv[i]);
    globfree(&found);
}
