/*
 * Handlers with long histories: how fast one is replayed, and whether an
 * operation costs the same however many came before it; what a map costs
 * beside as many single steps; how long a snapshot takes to be read back.
 * The service is the execution alone, without a store, on the test bed.
 */
#include "tests/bench/bench.h"
#include "tests/support/durable_bed.h"

enum {
    LONG = 10000,
    SHORT = 1000,
    EVENTS = 25000,
    BLOCK_HEAD = 8
};

struct history {
    uint32_t count; /* of steps or of items */
    bool sync;      /* the worker waits for each answer within the handler */
    struct engine_bytes *items;
};

/* Handlers ---------------------------------------------------------------- */

static int give_input(struct engine_attempt *a, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    (void)a;
    (void)self;
    *out = input;
    return ENGINE_DONE;
}

static int steps(struct engine_context *c, void *self,
                 struct engine_bytes input, struct engine_bytes *out)
{
    const struct history *history = self;
    int flow = ENGINE_DONE;

    *out = input;
    for (uint32_t i = 0; i < history->count && !flow; i++)
        flow = engine_step(c, "step", give_input, NULL, input, NULL, out);
    return flow;
}

static int item_step(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    return engine_step(c, "step", give_input, self, input, NULL, out);
}

static int map(struct engine_context *c, void *self, struct engine_bytes input,
               struct engine_bytes *out)
{
    const struct history *history = self;
    struct engine_batch batch;

    *out = input;
    return engine_map(c, "map", history->items, history->count, item_step, NULL,
                      NULL, &batch);
}

/* Runs -------------------------------------------------------------------- */

static void begin(struct durable_bed *bed, engine_handler_fn *run,
                  struct history *history)
{
    durable_bed_init(bed, run, history, "{}");
    bed->limits.operations_max = 2 * EVENTS;
    bed->page_max = bed->limits.batch_max;
    bed->sync = history->sync;
}

static void finish(struct durable_bed *bed)
{
    if (durable_bed_run(bed) != DURABLE_SUCCEEDED)
        bench_fail("a measured handler did not succeed");
}

static double run_seconds(engine_handler_fn *run, struct history *history)
{
    struct durable_bed bed;
    uint64_t began_ns;
    uint64_t ended_ns;

    begin(&bed, run, history);
    began_ns = bench_cpu_ns();
    finish(&bed);
    ended_ns = bench_cpu_ns();
    durable_bed_free(&bed);
    return (double)(ended_ns - began_ns) / 1e9;
}

static double map_seconds(void *arg)
{
    return run_seconds(map, arg);
}

static double steps_seconds(void *arg)
{
    return run_seconds(steps, arg);
}

/* A history of so many steps, as pages of its state. */
static void record(struct durable_bed *bed, struct history *history,
                   struct engine_block *pages)
{
    uint32_t marker = 0;

    begin(bed, steps, history);
    finish(bed);
    if (!engine_block_begin(pages, BLOCK_HEAD))
        bench_fail("out of memory");
    do {
        if (engine_execution_page(&bed->execution, marker, bed->page_max, pages,
                                  &marker))
            bench_fail("out of memory");
    } while (marker);
}

static double replay_once(const struct durable_bed *bed,
                          const struct engine_block *pages)
{
    uint64_t began_ns = bench_cpu_ns();
    struct engine_replay *replay = engine_replay_new(&bed->config);

    if (!replay ||
        engine_replay_load(replay, pages->bytes + BLOCK_HEAD,
                           pages->size - BLOCK_HEAD) ||
        engine_replay_go(replay) != ENGINE_REPLAY_SUCCEEDED)
        bench_fail("a recorded handler was not replayed");
    engine_replay_free(replay);
    return (double)(bench_cpu_ns() - began_ns) / 1e9;
}

/* Load, go and free, over as many replays as make a million operations. */
static double seconds_an_operation(uint32_t count)
{
    struct history history = {.count = count, .sync = true};
    struct engine_block pages = {0};
    struct durable_bed bed;
    uint32_t rounds = 1000000 / count;
    double seconds = 0;

    record(&bed, &history, &pages);
    bed.config.persist = NULL;
    for (uint32_t i = 0; i < rounds; i++)
        seconds += replay_once(&bed, &pages);
    engine_block_free(&pages);
    durable_bed_free(&bed);
    return seconds / rounds / count;
}

static double replayed_a_second(void *arg)
{
    return 1 / seconds_an_operation(*(const uint32_t *)arg);
}

static double long_nanoseconds(void *arg)
{
    (void)arg;
    return seconds_an_operation(LONG) * 1e9;
}

static double short_nanoseconds(void *arg)
{
    (void)arg;
    return seconds_an_operation(SHORT) * 1e9;
}

/* Snapshots --------------------------------------------------------------- */

static uint32_t count_events(const struct durable_bed *bed)
{
    uint32_t count = 0;

    for (size_t at = BLOCK_HEAD; at < bed->log.size; count++)
        at += engine_item_span(
            ((const struct engine_item *)(const void *)(bed->log.bytes + at))
                ->size);
    return count;
}

static double restore_once(const struct engine_block *snapshot,
                           const struct engine_limits *limits)
{
    uint64_t began_ns = bench_cpu_ns();
    struct engine_execution execution;
    double seconds;

    if (engine_execution_init(&execution, NULL, DURABLE_RUN, limits) ||
        engine_execution_restore(&execution, snapshot->bytes, snapshot->size))
        bench_fail("a snapshot could not be read back");
    seconds = (double)(bench_cpu_ns() - began_ns) / 1e9;
    engine_execution_free(&execution);
    return seconds;
}

static double restore_milliseconds(void *arg)
{
    enum {
        ROUNDS = 20
    };
    struct history history = {.count = EVENTS, .sync = true};
    struct engine_block snapshot = {0};
    struct durable_bed bed;
    double seconds = 0;

    (void)arg;
    begin(&bed, steps, &history);
    bed.config.optimistic = true;
    finish(&bed);
    if (count_events(&bed) < EVENTS ||
        engine_execution_save(&bed.execution, &snapshot))
        bench_fail("there is no snapshot to read back");
    for (uint32_t i = 0; i < ROUNDS; i++)
        seconds += restore_once(&snapshot, &bed.limits);
    engine_block_free(&snapshot);
    durable_bed_free(&bed);
    return seconds * 1e3 / ROUNDS;
}

/* Rows -------------------------------------------------------------------- */

static void bench_history(struct bench *bench)
{
    uint32_t count = LONG;

    bench_case(bench, &(struct bench_case){
                          .name = "replay: a history of 10,000 operations",
                          .unit = "ops/s",
                          .goal = BENCH_AT_LEAST,
                          .target = 500000,
                          .measure = replayed_a_second,
                          .arg = &count});
    bench_case(bench, &(struct bench_case){
                          .name = "replay: an operation of 10,000, of 1,000",
                          .unit = "ns",
                          .goal = BENCH_AT_MOST,
                          .target = 1.3,
                          .measure = long_nanoseconds,
                          .baseline = short_nanoseconds});
    bench_case(bench, &(struct bench_case){
                          .name = "replay: restore a run of 25,000 events",
                          .unit = "ms",
                          .goal = BENCH_AT_MOST,
                          .target = 20,
                          .measure = restore_milliseconds});
}

static void bench_map(struct bench *bench)
{
    static struct engine_bytes items[LONG];
    struct history asked = {.count = LONG, .items = items};
    struct history waited = {.count = LONG, .items = items, .sync = true};

    for (uint32_t i = 0; i < LONG; i++)
        items[i] = (struct engine_bytes){"{}", 2};
    bench_case(bench,
               &(struct bench_case){.name = "map 10,000 items, or 10,000 steps",
                                    .unit = "s",
                                    .goal = BENCH_AT_MOST,
                                    .target = 3,
                                    .measure = map_seconds,
                                    .baseline = steps_seconds,
                                    .arg = &asked});
    bench_case(bench, &(struct bench_case){
                          .name = "the same, waiting for each checkpoint",
                          .unit = "s",
                          .goal = BENCH_AT_MOST,
                          .target = 3,
                          .measure = map_seconds,
                          .baseline = steps_seconds,
                          .arg = &waited});
}

void bench_replay(struct bench *bench)
{
    bench_history(bench);
    bench_map(bench);
}
