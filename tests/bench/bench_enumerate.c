#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>

#include "scenarios/enumerate.h"
#include "tests/bench/bench.h"

/* What one measurement enumerates. */
struct sweep {
    uint32_t depth;
    uint64_t limit;
    uint64_t worlds;
};

/* CPU time of all processes that this one has waited for, and of theirs. */
static double children_s(void)
{
    struct rusage use;
    getrusage(RUSAGE_CHILDREN, &use);
    return (double)(use.ru_utime.tv_sec + use.ru_stime.tv_sec) +
           (double)(use.ru_utime.tv_usec + use.ru_stime.tv_usec) / 1e6;
}

/* CPU seconds of a sweep on one core. */
static double sweep_s(void *arg)
{
    struct sweep *sweep = arg;
    char message[1024];
    struct json_error error = {0};
    struct enumeration *result;
    struct scenario *scenario =
        scenario_read("scenarios/crash-every-boundary.json", &error);
    if (!scenario)
        bench_fail(error.text);
    struct enumerate_config config = {
        .scenario = scenario,
        .seed = 1,
        .ways = {BOUNDARY_CRASH},
        .way_count = 1,
        .depth = sweep->depth,
        .jobs = 1,
        .limit = sweep->limit,
    };
    double before = children_s();
    if (enumerate_run(&config, &result, message, sizeof(message)))
        bench_fail(message);
    double took = children_s() - before;
    if (result->outcomes[ENUMERATE_HELD] != result->count)
        bench_fail("a world of the crash sweep did not hold");
    sweep->worlds = result->count;
    enumerate_free(result);
    scenario_free(scenario);
    return took;
}

static double worlds_a_minute(void *arg)
{
    struct sweep *sweep = arg;
    double took = sweep_s(sweep);
    return (double)sweep->worlds * 60 / took;
}

/* Of all children so far; a sweep is among them. */
static double peak_mb(void *arg)
{
    struct rusage use;
    struct sweep *sweep = arg;
    if (sweep->worlds == 0)
        (void)sweep_s(sweep);
    getrusage(RUSAGE_CHILDREN, &use);
    return (double)use.ru_maxrss / 1024;
}

void bench_enumerate(struct bench *bench)
{
    static struct sweep once = {.depth = 1};
    static struct sweep twice = {.depth = 2, .limit = 1};
    bench_case_once(bench,
                    &(struct bench_case){
                        .name = "crash sweep: every boundary of 50 steps",
                        .unit = "s of one core",
                        .goal = BENCH_AT_MOST,
                        .target = 3,
                        .measure = sweep_s,
                        .arg = &once,
                    });
    bench_case_once(bench,
                    &(struct bench_case){
                        .name = "crash sweep: worlds with a second crash",
                        .unit = "worlds a minute",
                        .goal = BENCH_AT_LEAST,
                        .target = 20000,
                        .measure = worlds_a_minute,
                        .arg = &twice,
                    });
    bench_case_once(bench, &(struct bench_case){
                               .name = "crash sweep: memory of a process",
                               .unit = "MiB",
                               .goal = BENCH_AT_MOST,
                               .target = 256,
                               .measure = peak_mb,
                               .arg = &once,
                           });
}
