#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/capacity.h"
#include "scenarios/runner.h"

static const char workflow[] =
    "{\"name\": \"one\", \"nodes\": [{\"name\": \"only\", \"timeout\": \"30s\","
    " \"side_effect\": \"idempotent\", \"run\": {\"duration\": \"1s\", "
    "\"effect\": true}}],"
    " \"edges\": []}";

/* A study of 50 runs, a second of work each, on four slots. */
static struct scenario *read_with(const char *rest)
{
    char text[2048];
    struct json_error error;
    snprintf(text, sizeof(text),
             "{\"why\": \"A test.\", \"mode\": \"capacity\","
             " \"workflow\": \"one.json\","
             " \"platform\": {\"profile\": \"local\", \"workers\": 2,"
             " \"slots\": 2},"
             " \"load\": {\"arrivals\": {\"every\": \"1s\"}, \"runs\": 50}%s}",
             rest);
    static char profile[16384];
    FILE *file = fopen("scenarios/profiles/local.json", "rb");
    cr_assert_not_null(file);
    size_t size = fread(profile, 1, sizeof(profile), file);
    fclose(file);
    struct scenario_source sources[] = {
        {(char *)"test.json", text, strlen(text)},
        {(char *)"one.json", (char *)workflow, strlen(workflow)},
        {(char *)"profiles/local.json", profile, size}};
    struct scenario *scenario = scenario_read_sources(sources, 3, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    return scenario;
}

static struct runner *run(const struct scenario *scenario)
{
    char message[256];
    struct runner_options options = {.seed = 3, .command = "test"};
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    cr_assert_not_null(runner, "%s", message);
    return runner;
}

static enum check_verdict verdict_with(const char *rest)
{
    struct scenario *scenario = read_with(rest);
    struct runner *runner = run(scenario);
    enum check_verdict verdict = runner_model(runner)->verdict;
    runner_free(runner);
    scenario_free(scenario);
    return verdict;
}

Test(scenarios_capacity, the_engine_costs_three_commits_and_eight_hops)
{
    struct scenario *scenario =
        read_with(", \"network\": {\"latency\": \"1ms\"},"
                  " \"disk\": {\"write\": \"2ms\","
                  " \"sync\": {\"base\": \"10ms\", \"tail\": \"5ms\"}}");
    sim_dist_constant(&scenario->platform.local.dispatch_latency, 500000);
    struct scenario_capacity_times times = scenario_capacity_times(scenario);
    cr_assert_eq(times.decide_ns, 17000000 + 4 * 1000000);
    cr_assert_eq(times.hold_ns, 2 * 17000000 + 4 * 1000000 + 500000);
    scenario_free(scenario);
}

Test(scenarios_capacity, a_mean_latency_is_that_of_its_distribution)
{
    struct scenario *scenario =
        read_with(", \"engine\": {\"store\": \"memory\"},"
                  " \"network\": {\"latency\": {\"exponential\": \"8ms\"}}");
    struct scenario_capacity_times times = scenario_capacity_times(scenario);
    cr_assert_float_eq((double)times.decide_ns, 2000 + 4 * 8e6, 32e6 / 500);
    scenario_free(scenario);
}

Test(scenarios_capacity, expectations_alone_decide_the_verdict)
{
    cr_assert_eq(verdict_with(""), CHECK_INCONCLUSIVE);
    cr_assert_eq(verdict_with(", \"expect\": {\"p99(run)\": \"< 2s\"}"),
                 CHECK_PASS);
    cr_assert_eq(verdict_with(", \"expect\": {\"p99(run)\": \"< 1s\"}"),
                 CHECK_FAIL);
    cr_assert_eq(verdict_with(", \"expect\": {\"effects:only\": "
                              "\"exactly once\"}"),
                 CHECK_INCONCLUSIVE);
}

Test(scenarios_capacity, a_study_that_is_cut_short_has_stuck_runs)
{
    cr_assert_eq(
        verdict_with(
            ", \"expect\": {\"stuck runs\": 0}, \"limit\": \"40500ms\""),
        CHECK_FAIL);
}

Test(scenarios_capacity, the_report_has_the_runs_and_claims_no_property)
{
    struct scenario *scenario = read_with("");
    struct runner *runner = run(scenario);
    const struct report_model *model = runner_model(runner);
    cr_assert_eq(model->facts.result_count, 0);
    cr_assert_eq(model->stats->runs.succeeded, 50);
    cr_assert_eq(model->stats->latency.count, 50);
    cr_assert_eq(model->stats->platform.warm, 50);
    cr_assert_eq(model->stats->steps[0].attempts, 50);
    cr_assert_not_null(strstr(model->facts.limits[0], "no property"));
    runner_free(runner);
    scenario_free(scenario);
}

Test(scenarios_capacity, defects_are_refused)
{
    struct scenario *scenario = read_with("");
    const char *const defects[] = {"ack_early"};
    struct runner_options options = {
        .defects = defects, .defect_count = 1, .command = "test"};
    char message[256];
    cr_assert_null(runner_run(scenario, &options, message, sizeof(message)));
    cr_assert_not_null(strstr(message, "capacity mode"));
    scenario_free(scenario);
}
