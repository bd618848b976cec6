/*
 * A hundred thousand short runs on the store in memory, in a process that may
 * not have more than 512 MB. It is a test of its own, since its process must
 * not hold what others have left.
 */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "scenarios/runner.h"

enum {
    RUNS = 100000,
    PEAK_KB = 512 * 1024
};

Test(peak_memory, a_hundred_thousand_runs_in_memory_stay_below_512_mb)
{
    struct json_error error = {0};
    struct scenario *scenario =
        scenario_read("tests/run/data/long.json", &error);
    cr_assert_not_null(scenario, "%s", error.text);
    scenario->engine.store = SCENARIO_STORE_MEMORY;
    scenario->runs = RUNS;
    char message[512] = "";
    struct runner_options options = {.seed = 1, .command = "test"};
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    cr_assert_not_null(runner, "%s", message);
    cr_expect_eq(runner_model(runner)->failed, 0);
    cr_expect_geq(runner_counts(runner).commits, 3 * (uint64_t)RUNS);
    struct rusage usage;
    cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
#ifndef PERDURE_NO_JEMALLOC /* sanitizers have memory of their own */
    cr_expect_lt(usage.ru_maxrss, PEAK_KB, "%ld KB", usage.ru_maxrss);
#endif
    runner_free(runner);
    scenario_free(scenario);
}
