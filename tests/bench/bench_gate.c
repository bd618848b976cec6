/*
 * The gate: CPU seconds that 200 new reports take to be held against a baseline
 * of 200, each of a scenario of its own, from files to the outcome. They are
 * whole reports of four worlds under names of their own, from the largest
 * that perdure comes with, on Lambda, to a swarm.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/content.h"
#include "reports/file.h"
#include "scenarios/gate_pairs.h"
#include "scenarios/runner.h"
#include "tests/bench/bench.h"

enum {
    SCENARIOS = 200
};

static const char *const worlds[] = {
    "scenarios/orders-on-lambda.json", "scenarios/fanout-crash.json",
    "scenarios/saga-compensates.json", "scenarios/swarm.json"};

enum {
    WORLDS = sizeof(worlds) / sizeof(*worlds)
};

struct baseline {
    char directory[32];
};

/* The report with another name of its scenario, sealed, in DIR. */
static void write_one(const char *directory, const struct report_buffer *json,
                      int number)
{
    static const char key[] = "\n  \"scenario\": \"";
    char path[64];
    const char *name = strstr(json->text, key);
    if (!name)
        bench_fail("the report has no scenario");
    name += strlen(key);
    char *text = malloc(json->size + 16);
    if (!text)
        bench_fail("out of memory");
    int size = snprintf(text, json->size + 16, "%.*s%03d-%s",
                        (int)(name - json->text), json->text, number, name);
    report_content_seal(text, (size_t)size);
    snprintf(path, sizeof(path), "%s/%03d.json", directory, number);
    if (report_file_write(path, text, (size_t)size) != 0)
        bench_fail(path);
    free(text);
}

/* The report of a world's run. */
static void run(const char *path, struct report_buffer *json)
{
    struct json_error error = {0};
    char message[512];
    struct scenario *scenario = scenario_read(path, &error);
    if (!scenario)
        bench_fail(error.text);
    struct runner *runner =
        runner_run(scenario, &(struct runner_options){.seed = 1}, message,
                   sizeof(message));
    if (!runner)
        bench_fail(message);
    report_buffer_init(json);
    report_json(runner_model(runner), json);
    if (!report_buffer_ok(json))
        bench_fail("out of memory");
    runner_free(runner);
    scenario_free(scenario);
}

/* SCENARIOS reports in a directory. */
static void prepare(struct baseline *baseline)
{
    snprintf(baseline->directory, sizeof(baseline->directory),
             "/tmp/perdure-gate-XXXXXX");
    if (!mkdtemp(baseline->directory))
        bench_fail("no room for the baseline");
    for (int world = 0; world < WORLDS; world++) {
        struct report_buffer json;
        run(worlds[world], &json);
        for (int i = world; i < SCENARIOS; i += WORLDS)
            write_one(baseline->directory, &json, i);
        report_buffer_free(&json);
    }
}

static void clear(struct baseline *baseline)
{
    char path[64];
    for (int i = 0; i < SCENARIOS; i++) {
        snprintf(path, sizeof(path), "%s/%03d.json", baseline->directory, i);
        remove(path);
    }
    remove(baseline->directory);
}

/* CPU seconds: the machine may be shared, and the files are in its cache. */
static double seconds(void *arg)
{
    struct baseline *baseline = arg;
    uint64_t from = bench_cpu_ns();
    struct gate_set base, now;
    struct gate_pairs pairs;
    struct report_gate_policy policy;
    struct json_error error = {0};
    size_t held = 0;
    gate_policy_default(&policy);
    if (!gate_read_set(baseline->directory, &base, &error) ||
        !gate_read_set(baseline->directory, &now, &error) ||
        !gate_pairs_make(&base, &now, false, &pairs))
        bench_fail(error.text);
    for (size_t i = 0; i < pairs.count; i++) {
        struct report_gate_result result;
        report_gate_result_init(&result);
        report_gate_compare(&policy, &pairs.pairs[i].base->report,
                            &pairs.pairs[i].now->report, &result);
        held += result.outcome == REPORT_GATE_HELD && result.same > 0;
        report_gate_result_free(&result);
    }
    uint64_t took = bench_cpu_ns() - from;
    if (pairs.matched != SCENARIOS || held != SCENARIOS)
        bench_fail("the gate did not hold 200 scenarios");
    gate_pairs_free(&pairs);
    gate_set_free(&base);
    gate_set_free(&now);
    gate_policy_free(&policy);
    return (double)took / 1e9;
}

void bench_gate(struct bench *bench)
{
    struct baseline baseline;
    prepare(&baseline);
    bench_case(bench, &(struct bench_case){.name = "gate: 200 scenarios",
                                           .unit = "s",
                                           .goal = BENCH_AT_MOST,
                                           .target = 1.0,
                                           .measure = seconds,
                                           .arg = &baseline});
    clear(&baseline);
}
