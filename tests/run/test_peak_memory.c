/*
 * A hundred thousand short runs on the store in memory, in a process that may
 * not have more than 512 MB. It is a test of its own, since its process must
 * not hold what others have left.
 */
#include <criterion/criterion.h>
#include <sys/resource.h>

#include "scenarios/runner.h"

enum {
    PAGE_BYTES = 2000000,
    PAGE_KB = 300 * 1024,
    RUNS = 100000,
    PEAK_KB = 512 * 1024
};

static long peak_kb(void)
{
    struct rusage usage;
    cr_assert_eq(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* Both files of a report, one after the other. */
static void expect_small_report(const struct report_model *model)
{
    struct report_buffer page;
    struct report_buffer json;
    long before_kb = peak_kb();
    report_buffer_init(&page);
    report_buffer_init(&json);
    report_html(model, report_library(), &page);
    report_json(model, &json);
    cr_expect(report_buffer_ok(&page) && report_buffer_ok(&json));
    cr_expect_lt(page.size, PAGE_BYTES, "%zu bytes", page.size);
    cr_expect_lt(peak_kb() - before_kb, PAGE_KB);
    report_buffer_free(&page);
    report_buffer_free(&json);
}

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
#ifndef PERDURE_NO_JEMALLOC /* sanitizers have memory of their own */
    cr_expect_lt(peak_kb(), PEAK_KB, "%ld KB", peak_kb());
#endif
    expect_small_report(runner_model(runner));
    runner_free(runner);
    scenario_free(scenario);
}
