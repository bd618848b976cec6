/*
 * What a report costs: recording a value in a histogram, and the page of a run
 * of a hundred thousand. A page above 2 MB would mean that something in it
 * grows with the run.
 */
#include <stdio.h>
#include <stdlib.h>

#include "scenarios/runner.h"
#include "tests/bench/bench.h"

enum {
    VALUES = 4000000,
    SIZE_MAX_BYTES = 2000000
};

/* Latencies over six decades, as they come: a multiply and a shift each. */
static double measure_hist(void *arg)
{
    struct report_hist hist;
    (void)arg;
    if (report_hist_init(&hist, 3))
        bench_fail("out of memory");
    uint64_t random = 88172645463325252;
    uint64_t began_ns = bench_cpu_ns();
    for (int i = 0; i < VALUES; i++) {
        random = random * 6364136223846793005 + 1442695040888963407;
        report_hist_record(&hist, random >> 24 >> (random >> 59));
    }
    double each = (double)(bench_cpu_ns() - began_ns) / VALUES;
    if (hist.count != VALUES)
        bench_fail("values are missing");
    report_hist_deinit(&hist);
    return each;
}

static double measure_page(void *arg)
{
    const struct runner *runner = arg;
    struct report_buffer page;
    report_buffer_init(&page);
    uint64_t began_ns = bench_cpu_ns();
    report_html(runner_model(runner), report_library(), &page);
    double took = (double)(bench_cpu_ns() - began_ns) / 1e6;
    if (!report_buffer_ok(&page) || page.size > SIZE_MAX_BYTES)
        bench_fail("the page is larger than 2 MB");
    report_buffer_free(&page);
    return took;
}

static double measure_json(void *arg)
{
    const struct runner *runner = arg;
    struct report_buffer json;
    report_buffer_init(&json);
    uint64_t began_ns = bench_cpu_ns();
    report_json(runner_model(runner), &json);
    double took = (double)(bench_cpu_ns() - began_ns) / 1e6;
    if (!report_buffer_ok(&json))
        bench_fail("out of memory");
    report_buffer_free(&json);
    return took;
}

void bench_report(struct bench *bench)
{
    static const char path[] =
        "scenarios/capacity/orders-on-lambda-at-scale.json";
    struct json_error error = {0};
    char message[512] = "";
    struct runner_options options = {.seed = 1, .command = "bench"};
    bench_case(bench, &(struct bench_case){.name = "hist: a value recorded",
                                           .unit = "ns",
                                           .goal = BENCH_AT_MOST,
                                           .target = 12,
                                           .measure = measure_hist});
    struct scenario *scenario = scenario_read(path, &error);
    if (!scenario)
        bench_fail(error.text);
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    if (!runner)
        bench_fail(message);
    bench_case(bench,
               &(struct bench_case){.name = "report: the page of 100,000 "
                                            "runs",
                                    .unit = "ms",
                                    .goal = BENCH_AT_MOST,
                                    .target = 2000,
                                    .measure = measure_page,
                                    .arg = runner});
    bench_case(bench,
               &(struct bench_case){.name = "report: the JSON of 100,000 "
                                            "runs",
                                    .unit = "ms",
                                    .goal = BENCH_AT_MOST,
                                    .target = 2000,
                                    .measure = measure_json,
                                    .arg = runner});
    runner_free(runner);
    scenario_free(scenario);
}
