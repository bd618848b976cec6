/*
 * What judging costs a record: all checkers over a stream of a million, in
 * which a thousand runs are under way at any time. The stream must pass, or
 * the figure would be that of another path.
 */
#include <stdlib.h>

#include "reports/check.h"
#include "tests/bench/bench.h"

enum {
    RECORDS = 1000000,
    LANES = 1000, /* runs under way at once */
    BLOCK = 256
};

/* One record of a run's life; the rest follows from its place. */
struct part {
    uint16_t kind;
    uint16_t detail; /* an APPENDED: the request; an EVENT: its kind */
    uint32_t op;     /* UINT32_MAX: none */
};

#define REC(kind)                                                              \
    {                                                                          \
        ENGINE_REC_##kind, 0, UINT32_MAX                                       \
    }
#define WORK(kind, op)                                                         \
    {                                                                          \
        ENGINE_REC_##kind, 0, op                                               \
    }
#define ROW(request)                                                           \
    {                                                                          \
        ENGINE_REC_APPENDED, ENGINE_REQ_##request, UINT32_MAX                  \
    }
#define EVENT(kind, op)                                                        \
    {                                                                          \
        ENGINE_REC_EVENT, ENGINE_EV_##kind, op                                 \
    }
#define ATTEMPT(op)                                                            \
    WORK(WORK_PUT, op), WORK(SENT, op), WORK(WORK_CLAIMED, op),                \
        WORK(ATTEMPT_BEGIN, op), WORK(EFFECT_SENT, op),                        \
        WORK(EFFECT_APPLIED, op), WORK(ATTEMPT_END, op), WORK(WORK_DONE, op),  \
        REC(ACTED), ROW(APPEND), EVENT(ATTEMPT_STARTED, op),                   \
        EVENT(ATTEMPT_SUCCEEDED, op), EVENT(OP_SUCCEEDED, op)

static const struct part life[] = {
    REC(START_SENT),
    ROW(CREATE),
    EVENT(RUN_CREATED, UINT32_MAX),
    EVENT(OP_SCHEDULED, 0),
    REC(LEASE_GRANTED),
    REC(START_OK),
    ATTEMPT(0),
    EVENT(OP_SCHEDULED, 1),
    WORK(WORK_TAKEN, 0),
    ATTEMPT(1),
    EVENT(OP_SCHEDULED, 2),
    WORK(WORK_TAKEN, 1),
    REC(LEASE_RENEWED),
    ATTEMPT(2),
    EVENT(RUN_SUCCEEDED, UINT32_MAX),
    WORK(WORK_TAKEN, 2),
    REC(OUTBOX_PUT),
    REC(RESULT_SEEN),
    REC(OUTBOX_ACKED),
};

enum {
    LIFE = sizeof(life) / sizeof(*life),
    RUNS = RECORDS / LIFE
};

struct stream {
    struct engine_record *records;
    size_t count;
    struct engine_graph *graph;
    const struct engine_graph *graphs[1];
    const uint32_t *effects[1];
    struct check_world world;
};

static struct engine_graph *chain(void)
{
    static const char *const in[] = {"in"};
    static const char *const out[] = {"out"};
    static const char *const names[] = {"reserve", "charge", "ship"};
    static const struct engine_edge_names edges[] = {
        {"reserve", "out", "charge", "in"}, {"charge", "out", "ship", "in"}};
    struct engine_node nodes[3];

    for (int i = 0; i < 3; i++)
        nodes[i] = (struct engine_node){
            .name = names[i],
            .kind = ENGINE_NODE_STEP,
            .attempt_timeout_ns = 1000000000,
            .side_effect = ENGINE_EFFECT_IDEMPOTENT,
            .semantics = ENGINE_AT_LEAST_ONCE,
            .retry = {.attempts_max = 3, .factor_milli = 2000},
            .inputs = in,
            .input_count = i > 0,
            .outputs = out,
            .output_count = 1};
    return engine_graph_new("chain", nodes, 3, edges, 2, NULL);
}

static uint32_t events_of_row(size_t at)
{
    uint32_t count = 0;

    while (at + count + 1 < LIFE &&
           life[at + count + 1].kind == ENGINE_REC_EVENT)
        count++;
    return count;
}

static uint64_t events_before(size_t at)
{
    uint64_t count = 0;

    for (size_t i = 0; i < at; i++)
        count += life[i].kind == ENGINE_REC_EVENT;
    return count;
}

static void fill(struct engine_record *record, size_t at, uint64_t run,
                 uint64_t *position, uint64_t now_ns)
{
    const struct part *part = &life[at];

    *record = (struct engine_record){.time_ns = now_ns,
                                     .wall_ns = now_ns,
                                     .mono_ns = now_ns,
                                     .run = run,
                                     .token = 1,
                                     .op = part->op,
                                     .attempt = part->op < 3,
                                     .kind = part->kind,
                                     .detail = part->detail,
                                     .node = 1,
                                     .peer = 1};
    if (part->kind == ENGINE_REC_APPENDED) {
        record->a = events_before(at) + 1;
        record->b = ++*position;
        record->count = events_of_row(at);
        record->key = run ^ record->b;
        record->state = ENGINE_RUN_RUNNING;
    } else if (part->kind == ENGINE_REC_EVENT) {
        record->key = events_before(at) + 1;
    } else if (part->kind == ENGINE_REC_RESULT_SEEN) {
        record->a = ENGINE_RUN_SUCCEEDED;
    } else {
        record->a = 0;
        record->key = run << 8 | part->op;
    }
}

/* Rows are whole in the stream; between them runs take turns. */
static size_t unit_end(size_t at)
{
    return at + 1 +
           (life[at].kind == ENGINE_REC_APPENDED ? events_of_row(at) : 0);
}

static void fill_stream(struct stream *stream)
{
    uint64_t position = 0;
    uint64_t now_ns = 1000000000;

    for (uint64_t first = 1; first <= RUNS; first += LANES) {
        for (size_t at = 0; at < LIFE; at = unit_end(at)) {
            for (uint64_t run = first; run < first + LANES && run <= RUNS;
                 run++) {
                for (size_t i = at; i < unit_end(at); i++)
                    fill(&stream->records[stream->count++], i, run, &position,
                         now_ns += 1000);
            }
        }
    }
}

static double measure_record(void *arg)
{
    const struct stream *stream = arg;
    struct check_suite *suite = check_suite_new(&stream->world);
    uint64_t began_ns = bench_cpu_ns();
    size_t count;

    if (!suite)
        bench_fail("out of memory");
    for (size_t i = 0; i < stream->count; i += BLOCK)
        check_suite_feed(suite, &stream->records[i],
                         stream->count - i < BLOCK ? stream->count - i : BLOCK);
    uint64_t took_ns = bench_cpu_ns() - began_ns;
    const struct check_result *results = check_suite_finish(suite, &count);
    for (size_t i = 0; i < count; i++)
        if (results[i].violations)
            bench_fail(results[i].first.text);
    check_suite_free(suite);
    return (double)took_ns / (double)stream->count;
}

void bench_check(struct bench *bench)
{
    static const uint32_t effects[] = {2, 2, 2};
    struct stream stream = {0};

    stream.records = calloc(RECORDS, sizeof(struct engine_record));
    stream.graph = chain();
    if (!stream.records || !stream.graph)
        bench_fail("out of memory");
    stream.graphs[0] = stream.graph;
    stream.effects[0] = effects;
    stream.world = (struct check_world){.graphs = stream.graphs,
                                        .effects = stream.effects,
                                        .graph_count = 1,
                                        .runs_max = RUNS,
                                        .node_count = 4,
                                        .honest_effects = 1};
    fill_stream(&stream);
    bench_case(bench, &(struct bench_case){.name = "check: a record, all "
                                                   "properties",
                                           .unit = "ns/rec",
                                           .goal = BENCH_AT_MOST,
                                           .target = 100,
                                           .measure = measure_record,
                                           .arg = &stream});
    engine_graph_free(stream.graph);
    free(stream.records);
}
