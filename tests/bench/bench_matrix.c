/*
 * Seeded defects: how many seeds it takes until one is seen, in its own
 * scenario by the property it names, and in the default swarm by any. Every
 * fifth defect stands for all. The figures are counts, the same on every
 * machine, so that they are found once.
 */
#include "faults/defects.h"
#include "scenarios/matrix.h"
#include "tests/bench/bench.h"

enum {
    STRIDE = 5,
    SEEDS = 50, /* most in one scenario */
    CHOSEN_MAX = ENGINE_DEFECT_COUNT / STRIDE + 1
};

struct slice {
    uint32_t defects[CHOSEN_MAX];
    struct scenario *owns[CHOSEN_MAX];
    struct matrix_row rows[CHOSEN_MAX];
    uint32_t count; /* 0: not yet run */
};

struct question {
    struct slice *slice;
    uint32_t column;
};

static struct scenario *read_scenario(const char *path)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    if (!scenario)
        bench_fail(error.text);
    return scenario;
}

static void try_all(struct slice *slice)
{
    char message[512];
    uint32_t count = 0;
    struct scenario *swarm = read_scenario("scenarios/swarm.json");
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i += STRIDE, count++) {
        slice->defects[count] = i;
        slice->owns[count] = read_scenario(fault_defect_at(i)->scenario);
    }
    const struct matrix_config config = {
        .defects = slice->defects,
        .owns = (const struct scenario *const *)slice->owns,
        .defect_count = count,
        .columns = {{MATRIX_OWN, NULL}, {MATRIX_SWARM, swarm}},
        .column_count = 2,
        .seeds = SEEDS,
    };
    if (matrix_run(&config, slice->rows, message, sizeof(message)) != 0)
        bench_fail(message);
    for (uint32_t i = 0; i < count; i++)
        scenario_free(slice->owns[i]);
    scenario_free(swarm);
    slice->count = count;
}

static double median_seeds(void *arg)
{
    const struct question *question = arg;
    struct slice *slice = question->slice;
    uint32_t killed;
    if (slice->count == 0)
        try_all(slice);
    uint64_t milli = matrix_median_milli(slice->rows, slice->count,
                                         question->column, &killed);
    if (killed == 0)
        bench_fail("no defect was seen");
    return (double)milli / 1000;
}

static double killed_percent(void *arg)
{
    const struct question *question = arg;
    struct slice *slice = question->slice;
    uint32_t killed;
    if (slice->count == 0)
        try_all(slice);
    (void)matrix_median_milli(slice->rows, slice->count, question->column,
                              &killed);
    return 100.0 * killed / slice->count;
}

void bench_matrix(struct bench *bench)
{
    static struct slice slice;
    static struct question own = {&slice, 0};
    static struct question swarm = {&slice, 1};
    bench_case(bench, &(struct bench_case){
                          .name = "matrix: defects seen, own scenario",
                          .unit = "%",
                          .goal = BENCH_AT_LEAST,
                          .target = 100,
                          .measure = killed_percent,
                          .arg = &own,
                      });
    bench_case(bench, &(struct bench_case){
                          .name = "matrix: seeds to see one, own scenario",
                          .unit = "seeds",
                          .goal = BENCH_AT_MOST,
                          .target = 50,
                          .measure = median_seeds,
                          .arg = &own,
                      });
    bench_case(bench, &(struct bench_case){
                          .name = "matrix: defects seen, default swarm",
                          .unit = "%",
                          .goal = BENCH_NO_GOAL,
                          .measure = killed_percent,
                          .arg = &swarm,
                      });
    bench_case(bench, &(struct bench_case){
                          .name = "matrix: seeds to see one of them, swarm",
                          .unit = "seeds",
                          .goal = BENCH_AT_MOST,
                          .target = 50,
                          .measure = median_seeds,
                          .arg = &swarm,
                      });
}
