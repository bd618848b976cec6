/*
 * A file that is not there, and the one that was perhaps meant.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/nearby.h"

static const char *meant_by(const char *path)
{
    static char meant[NEARBY_SIZE];
    return nearby_file(path, meant);
}

Test(scenarios_nearby, the_nearest_name_is_meant)
{
    cr_expect_str_eq(meant_by("scenarios/canarry.json"),
                     "scenarios/canary.json");
    cr_expect_str_eq(meant_by("scenarios/canary"), "scenarios/canary.json");
    cr_expect_str_eq(meant_by("canary.json"), "scenarios/canary.json");
    cr_expect_str_eq(meant_by("scenaros/canary.json"), "scenarios/canary.json");
    cr_expect_str_eq(meant_by("./scenarios/./Swarm.json"),
                     "./scenarios/./swarm.json");
}

Test(scenarios_nearby, nothing_is_meant_by_what_is_there_or_like_nothing)
{
    cr_expect_null(meant_by("scenarios/canary.json"));
    cr_expect_null(meant_by("scenarios"));
    cr_expect_null(meant_by(""));
    cr_expect_null(meant_by("scenarios/"));
    cr_expect_null(meant_by("/nowhere/utterly-different-from-all.json"));
}

Test(scenarios_nearby, a_name_is_looked_for_in_its_directory_only)
{
    char meant[NEARBY_SIZE];
    cr_expect_str_eq(nearby_name("scenarios", "workflows/ordr.json", meant),
                     "workflows/order.json");
    cr_expect_str_eq(nearby_name(".", "scenarios/canari.json", meant),
                     "scenarios/canary.json");
    cr_expect_null(nearby_name("tests", "canary.json", meant));
    cr_expect_null(nearby_name("scenarios", "", meant));
    cr_expect_null(nearby_name("scenarios", "workflows/", meant));
}

Test(scenarios_nearby, a_path_longer_than_any_is_left_alone)
{
    char path[3 * NEARBY_SIZE];
    memset(path, 'a', sizeof(path) - 1);
    path[sizeof(path) - 1] = '\0';
    cr_expect_null(meant_by(path));
    path[2 * NEARBY_SIZE] = '/';
    cr_expect_null(meant_by(path));
    path[300] = '\0';
    cr_expect_null(meant_by(path));
}

Test(scenarios_nearby, only_a_missing_file_gets_a_suggestion)
{
    struct json_error error = {.code = JSON_EREAD, .text = "no such file"};
    nearby_suggest("scenarios/canarry.json", &error);
    cr_expect_str_eq(error.text,
                     "no such file; did you mean scenarios/canary.json?");
    struct json_error other = {.code = JSON_ETEXT, .text = "bad"};
    nearby_suggest("scenarios/canarry.json", &other);
    cr_expect_str_eq(other.text, "bad");
}
