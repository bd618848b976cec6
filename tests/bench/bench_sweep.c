/*
 * Sweeps: worlds of the default swarm, 50 runs each with all checks, coverage
 * and verdict, in one process on one core; and how much memory a worker of a
 * sweep takes in the end.
 */
#include <stdio.h>
#include <string.h>

#include "scenarios/sweep.h"
#include "tests/bench/bench.h"

enum {
    WORLDS = 200
};

struct subject {
    const char *path;
    uint64_t seed; /* the next one: no world is measured twice */
};

static struct scenario *read_scenario(const char *path)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    if (!scenario)
        bench_fail(error.text);
    return scenario;
}

/* Worlds a second of CPU time, so that a shared machine does not count. */
static double worlds_per_second(void *arg)
{
    struct subject *subject = arg;
    struct scenario *scenario = read_scenario(subject->path);
    uint64_t began = bench_cpu_ns();
    for (int i = 0; i < WORLDS; i++) {
        char message[512];
        struct trial_result result;
        struct trial trial = {.scenario = scenario,
                              .seed = subject->seed++,
                              .coverage = coverage_new(scenario->runs)};
        if (!trial.coverage ||
            trial_run(&trial, &result, message, sizeof(message)) != 0)
            bench_fail("a world could not be made");
        if (result.verdict == CHECK_FAIL)
            bench_fail(result.text);
        coverage_free(trial.coverage);
    }
    uint64_t took = bench_cpu_ns() - began;
    scenario_free(scenario);
    return WORLDS * 1e9 / (double)took;
}

static double worker_mebibytes(void *arg)
{
    const struct subject *subject = arg;
    char message[512];
    struct scenario *scenario = read_scenario(subject->path);
    struct sweep_options options = {.scenario = scenario,
                                    .file = subject->path,
                                    .from = 1,
                                    .to = WORLDS,
                                    .jobs = 1};
    struct sweep_summary summary;
    if (sweep_run(&options, &summary, message, sizeof(message)) != 0)
        bench_fail(message);
    double memory = (double)summary.memory_max / (1 << 20);
    sweep_summary_deinit(&summary);
    scenario_free(scenario);
    return memory;
}

void bench_sweep(struct bench *bench)
{
    static struct subject swarm = {"scenarios/swarm.json", 1};
    static struct subject disk = {"scenarios/swarm-on-disk.json", 1};
    bench_case(bench, &(struct bench_case){
                          .name = "sweep: worlds of the default swarm",
                          .unit = "worlds/s",
                          .goal = BENCH_AT_LEAST,
                          .target = 100,
                          .measure = worlds_per_second,
                          .arg = &swarm,
                      });
    bench_case(bench, &(struct bench_case){
                          .name = "sweep: memory of a worker, swarm on disk",
                          .unit = "MiB",
                          .goal = BENCH_AT_MOST,
                          .target = 256,
                          .measure = worker_mebibytes,
                          .arg = &disk,
                      });
}
