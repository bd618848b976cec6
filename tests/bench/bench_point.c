/*
 * What a named point costs: a flag that is down, libfiu asked in vain, and
 * the whole way to a decision that nothing goes wrong.
 */
#include <fiu.h>

#include "faults/switchboard.h"
#include "tests/bench/bench.h"

enum {
    QUIET,
    ARMED,
    POINT_COUNT
};

static const struct engine_point points[POINT_COUNT] = {
    {"worker/claim/before", "before", ""}, {"worker/claim/after", "after", ""}};

/* A switchboard whose rule counts every hit of ARMED and never fires. */
static struct fault_switchboard *make_board(void)
{
    struct fault_plan plan;
    struct fault_rule rule;
    struct fault_switchboard *board;
    char message[128];
    int error;
    if (fault_plan_init(&plan, points, POINT_COUNT, 1)) {
        bench_fail("no memory for the plan");
    }
    fault_rule_init(&rule, ENGINE_ACT_CRASH);
    fault_rule_add_point(&rule, ARMED);
    fault_rule_nth(&rule, UINT64_MAX, UINT64_MAX);
    if (fault_plan_add(&plan, &rule, message, sizeof(message))) {
        bench_fail(message);
    }
    board = fault_switchboard_new(&plan, 1, &error);
    fault_plan_deinit(&plan);
    if (!board) {
        bench_fail("no switchboard");
    }
    return board;
}

static double measure_hits(uint32_t point, uint32_t count)
{
    struct fault_switchboard *board = make_board();
    const struct engine_points *port = &board->port;
    struct engine_decision decision;
    uint32_t fired = 0;
    uint64_t began_ns = bench_cpu_ns();
    for (uint32_t i = 0; i < count; i++) {
        fired += engine_point_hit(port, point, i % 16, i, 1, 1, &decision);
        /* The flag must be read each time, as in code that does work. */
        __asm__ volatile("" ::: "memory");
    }
    double ns = (double)(bench_cpu_ns() - began_ns) / count;
    if (fired != 0 || fault_switchboard_ledger(board, ARMED)->asked !=
                          (point == ARMED ? count : 0)) {
        bench_fail("the points were not asked as meant");
    }
    fault_switchboard_free(board);
    return ns;
}

static double measure_quiet(void *arg)
{
    (void)arg;
    return measure_hits(QUIET, 100000000);
}

static double measure_armed(void *arg)
{
    (void)arg;
    return measure_hits(ARMED, 2000000);
}

static double measure_fiu(void *arg)
{
    const uint32_t count = 2000000;
    int failed = 0;
    (void)arg;
    if (fiu_init(0) != 0) {
        bench_fail("libfiu does not start");
    }
    uint64_t began_ns = bench_cpu_ns();
    for (uint32_t i = 0; i < count; i++) {
        failed |= fiu_fail(points[QUIET].name);
    }
    double ns = (double)(bench_cpu_ns() - began_ns) / count;
    if (failed) {
        bench_fail("a point failed with nothing enabled");
    }
    return ns;
}

void bench_point(struct bench *bench)
{
    bench_case(bench, &(struct bench_case){.name = "point: not armed",
                                           .unit = "ns",
                                           .goal = BENCH_AT_MOST,
                                           .target = 1,
                                           .measure = measure_quiet});
    bench_case(bench,
               &(struct bench_case){.name = "point: fiu_fail, nothing enabled",
                                    .unit = "ns",
                                    .goal = BENCH_NO_GOAL,
                                    .measure = measure_fiu});
    bench_case(bench, &(struct bench_case){
                          .name = "point: armed and silent, vs fiu_fail",
                          .unit = "ns",
                          .goal = BENCH_NO_GOAL,
                          .measure = measure_armed,
                          .baseline = measure_fiu});
}
