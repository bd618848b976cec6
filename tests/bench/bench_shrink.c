/*
 * Shrinking: seconds that a seeded defect takes from its own scenario to a
 * reproduction that was saved and proved, and how much is left of it.
 */
#include <stdio.h>
#include <stdlib.h>

#include "scenarios/reproduce.h"
#include "tests/bench/bench.h"

struct subject {
    const char *defect;
    uint64_t items;
};

/* Wall seconds: every candidate is a process. */
static double seconds(void *arg)
{
    struct subject *subject = arg;
    struct json_error error = {0};
    char path[128], message[2048], directory[] = "/tmp/perdure-bench-XXXXXX";
    struct reproduce_result *result = malloc(sizeof(*result));
    snprintf(path, sizeof(path), "scenarios/defects/%s.json", subject->defect);
    struct scenario *scenario = scenario_read(path, &error);
    if (!result || !scenario || !mkdtemp(directory))
        bench_fail(error.text);
    struct reproduce_request request = {.scenario = scenario,
                                        .file = path,
                                        .seed = scenario->seed,
                                        .defects = &subject->defect,
                                        .defect_count = 1,
                                        .directory = directory,
                                        .trials_max = 1000,
                                        .budget_ns = UINT64_C(60000000000)};
    if (reproduce(&request, result, message, sizeof(message)) != 0)
        bench_fail(message);
    double took = (double)result->wall_ns / 1e9;
    subject->items = shrink_items(&result->shrunk.after);
    remove(result->path);
    remove(directory);
    free(result);
    scenario_free(scenario);
    return took;
}

void bench_shrink(struct bench *bench)
{
    static struct subject effect = {"dedup_ttl_short", 0};
    static struct subject fence = {"lease_no_fence", 0};
    static struct subject timer = {"timer_early", 0};
    static const struct {
        const char *name;
        struct subject *subject;
    } rows[] = {{"shrink: a forgotten key (100 runs)", &effect},
                {"shrink: a lost fence (100 runs)", &fence},
                {"shrink: an early timer (100 runs)", &timer}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        bench_case(bench, &(struct bench_case){.name = rows[i].name,
                                               .unit = "s",
                                               .goal = BENCH_AT_MOST,
                                               .target = 30,
                                               .measure = seconds,
                                               .arg = rows[i].subject});
        if (rows[i].subject->items > 12)
            bench_fail("more than 12 faults, runs and nodes are left");
    }
}
