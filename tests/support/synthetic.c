#include "tests/support/synthetic.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operation.h"

#define MS 1000000ull
#define S 1000000000ull
#define ORIGIN (1000 * S)
#define OUTAGE_FROM (ORIGIN + 40 * S)
#define OUTAGE_TO (ORIGIN + 52 * S)

/* Steps of the workflow, by operation index. */
enum {
    RESERVE,
    CHARGE,
    SETTLE,
    SHIP,
    NOTIFY,
    CLOSE,
    OPS
};

static const struct engine_point points[SYNTHETIC_POINTS] = {
    {"worker/effect/after", "after", "the side effect happened, nobody knows"},
    {"process", "timed", "a process at a time of its own"},
    {"disk/sync/before", "before", "a sync that lies"},
};

static const char *const node_names[SYNTHETIC_NODES] = {
    "client",   "coordinator 1", "coordinator 2", "store",    "platform",
    "worker 1", "worker 2",      "worker 3",      "worker 4", "receiver"};

/* One run being written. */
struct author {
    struct synthetic *synthetic;
    const struct synthetic_options *options;
    uint64_t run;
    uint64_t now;
    uint64_t token;
    uint64_t seq;
    uint16_t coordinator;
};

static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ x >> 27) * 0x94d049bb133111ebull;
    return x ^ x >> 31;
}

static uint64_t draw(struct author *author, uint64_t low, uint64_t high)
{
    uint64_t salt = author->run << 20 | author->synthetic->count;
    return low + mix(salt) % (high - low);
}

static struct engine_record *add(struct synthetic *synthetic, uint64_t time,
                                 unsigned node, unsigned kind)
{
    if (synthetic->count == synthetic->room) {
        synthetic->room = synthetic->room ? synthetic->room * 2 : 1024;
        synthetic->records = realloc(
            synthetic->records, synthetic->room * sizeof(struct engine_record));
        assert(synthetic->records);
    }
    struct engine_record *record = &synthetic->records[synthetic->count++];
    *record = (struct engine_record){.time_ns = time,
                                     .wall_ns = time,
                                     .mono_ns = time,
                                     .op = UINT32_MAX,
                                     .node = (uint16_t)node,
                                     .kind = (uint16_t)kind};
    return record;
}

static struct engine_record *write_of(struct author *author, unsigned node,
                                      unsigned kind)
{
    struct engine_record *record =
        add(author->synthetic, author->now, node, kind);
    record->run = author->run;
    record->token = author->token;
    return record;
}

static struct engine_record *write_op(struct author *author, unsigned node,
                                      unsigned kind, uint32_t op,
                                      uint32_t attempt)
{
    struct engine_record *record = write_of(author, node, kind);
    record->op = op;
    record->attempt = attempt;
    return record;
}

/* A commit takes a few milliseconds, and waits for the store to be there. */
static void commit_time(struct author *author)
{
    author->now += draw(author, 2 * MS, 6 * MS);
    if (author->options->outage && author->now >= OUTAGE_FROM &&
        author->now < OUTAGE_TO)
        author->now = OUTAGE_TO + draw(author, 10 * MS, 3 * S);
}

static void append(struct author *author, unsigned state, unsigned request)
{
    commit_time(author);
    struct engine_record *record =
        write_of(author, SYNTHETIC_STORE, ENGINE_REC_APPENDED);
    record->a = author->seq;
    record->count = 2;
    record->peer = author->coordinator;
    record->detail = (uint16_t)request;
    record->state = (uint16_t)state;
    author->seq += 2;
}

static void event(struct author *author, unsigned kind, uint32_t op)
{
    struct engine_record *record =
        write_op(author, SYNTHETIC_STORE, ENGINE_REC_EVENT, op, 0);
    record->detail = (uint16_t)kind;
}

static void effect(struct author *author, uint32_t op, uint32_t attempt,
                   uint64_t before)
{
    author->now += draw(author, MS, 20 * MS);
    int again = author->options->duplicate && author->run == 7;
    struct engine_record *record = write_op(
        author, SYNTHETIC_RECEIVER,
        before && !again ? ENGINE_REC_EFFECT_REPEAT : ENGINE_REC_EFFECT_APPLIED,
        op, attempt);
    record->key = author->run << 8 | op;
    record->a = before;
}

static void crash(struct author *author, unsigned worker, uint32_t op,
                  uint32_t attempt)
{
    struct engine_record *record =
        write_op(author, worker, ENGINE_REC_FAULT, op, attempt);
    record->detail = ENGINE_ACT_CRASH;
    record->key = SYNTHETIC_POINT_CRASH;
    record->count = 1;
    record = add(author->synthetic, author->now, worker, ENGINE_REC_PROC_DOWN);
    record->detail = ENGINE_ACT_CRASH;
    record->a = 48000 + author->run;
    record = add(author->synthetic, author->now + 900 * MS, worker,
                 ENGINE_REC_PROC_UP);
    record->a = author->run;
}

/* One attempt; returns 0 if it was cut off. */
static int attempt(struct author *author, uint32_t op, uint32_t number, int cut)
{
    unsigned worker =
        SYNTHETIC_WORKER +
        (unsigned)((author->run + op + number) % SYNTHETIC_WORKERS);
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_APPEND);
    write_op(author, SYNTHETIC_STORE, ENGINE_REC_WORK_PUT, op, number);
    author->now += draw(author, MS, 10 * MS);
    write_op(author, SYNTHETIC_PLATFORM, ENGINE_REC_INVOKED, op, number)
        ->detail = draw(author, 0, 20) == 0 ? 1 : 2;
    commit_time(author);
    write_op(author, SYNTHETIC_STORE, ENGINE_REC_WORK_CLAIMED, op, number)
        ->peer = (uint16_t)worker;
    write_op(author, worker, ENGINE_REC_ATTEMPT_BEGIN, op, number);
    uint64_t low = op == SHIP ? 200 * MS : 30 * MS;
    author->now += draw(author, low, low * 4);
    write_op(author, worker, ENGINE_REC_EFFECT_SENT, op, number);
    effect(author, op, number, number - 1);
    if (cut) {
        crash(author, worker, op, number);
        author->now += 8 * S;
        append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_APPEND);
        event(author, ENGINE_EV_ATTEMPT_INTERRUPTED, op);
        write_op(author, SYNTHETIC_STORE, ENGINE_REC_WORK_CUT, op, number);
        return 0;
    }
    write_op(author, worker, ENGINE_REC_ATTEMPT_END, op, number);
    commit_time(author);
    write_op(author, SYNTHETIC_STORE, ENGINE_REC_WORK_DONE, op, number);
    return 1;
}

static void step(struct author *author, uint32_t op)
{
    uint64_t every = author->options->crash_every;
    int cut = op == CHARGE && every && author->run % every == 0;
    if (!attempt(author, op, 1, cut))
        attempt(author, op, 2, 0);
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_APPEND);
    event(author, ENGINE_EV_OP_SUCCEEDED, op);
}

static void lease(struct author *author)
{
    struct engine_record *record =
        write_of(author, SYNTHETIC_STORE, ENGINE_REC_LEASE_GRANTED);
    record->peer = author->coordinator;
    write_of(author, author->coordinator, ENGINE_REC_OWNED);
}

static void settle(struct author *author)
{
    append(author, ENGINE_RUN_SUSPENDED, ENGINE_REQ_APPEND);
    event(author, ENGINE_EV_WAIT_STARTED, SETTLE);
    write_of(author, SYNTHETIC_STORE, ENGINE_REC_LEASE_RELEASED);
    write_of(author, author->coordinator, ENGINE_REC_DISOWNED);
    author->now += 30 * S;
    author->token++;
    author->coordinator = (uint16_t)(SYNTHETIC_COORDINATOR + author->run % 2);
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_ACQUIRE);
    lease(author);
    event(author, ENGINE_EV_WAIT_FIRED, SETTLE);
}

static void run(struct author *author)
{
    uint64_t due = author->now;
    author->token = 1;
    author->seq = 1;
    author->coordinator =
        (uint16_t)(SYNTHETIC_COORDINATOR + (author->run / 3) % 2);
    struct engine_record *record =
        write_of(author, SYNTHETIC_CLIENT, ENGINE_REC_START_SENT);
    record->a = due;
    record->op = 0;
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_CREATE);
    lease(author);
    write_of(author, SYNTHETIC_CLIENT, ENGINE_REC_START_OK);
    step(author, RESERVE);
    step(author, CHARGE);
    settle(author);
    step(author, SHIP);
    step(author, NOTIFY);
    step(author, CLOSE);
    append(author, ENGINE_RUN_SUCCEEDED, ENGINE_REQ_APPEND);
    author->now += draw(author, MS, 5 * MS);
    record = write_of(author, SYNTHETIC_CLIENT, ENGINE_REC_RESULT_SEEN);
    record->a = ENGINE_RUN_SUCCEEDED;
}

/* An event of a handler's operation, in the row that was appended last. */
static struct engine_record *operation(struct author *author, unsigned kind,
                                       uint32_t op, unsigned type)
{
    event(author, kind, op);
    struct engine_record *record =
        &author->synthetic->records[author->synthetic->count - 1];
    record->token = 0;
    record->state = (uint16_t)type;
    return record;
}

/* The code of a step, in the invocation under way. */
static void code(struct author *author, uint32_t op)
{
    write_op(author, SYNTHETIC_WORKER, ENGINE_REC_ATTEMPT_BEGIN, op, 1);
    author->now += draw(author, 300 * MS, 900 * MS);
    write_op(author, SYNTHETIC_WORKER, ENGINE_REC_EFFECT_SENT, op, 1);
    effect(author, op, 1, 0);
    write_op(author, SYNTHETIC_WORKER, ENGINE_REC_ATTEMPT_END, op, 1);
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_APPEND);
    operation(author, ENGINE_EV_OPERATION_SUCCEEDED, op, ENGINE_OPERATION_STEP)
        ->attempt = 1;
}

static void invoke(struct author *author, uint32_t number)
{
    append(author, ENGINE_RUN_RUNNING,
           number == 1 ? ENGINE_REQ_CREATE : ENGINE_REQ_APPEND);
    if (number == 1)
        lease(author);
    write_op(author, SYNTHETIC_STORE, ENGINE_REC_WORK_PUT, 0, number);
    commit_time(author);
    write_op(author, SYNTHETIC_STORE, ENGINE_REC_WORK_CLAIMED, 0, number)
        ->peer = SYNTHETIC_WORKER;
    write_op(author, SYNTHETIC_WORKER, ENGINE_REC_ATTEMPT_BEGIN, 0, number);
}

static void leave(struct author *author, uint32_t number, uint16_t error)
{
    write_op(author, SYNTHETIC_WORKER, ENGINE_REC_ATTEMPT_END, 0, number)
        ->detail = error;
    commit_time(author);
    write_op(author, SYNTHETIC_STORE, ENGINE_REC_WORK_DONE, 0, number)->detail =
        error;
    append(author, error ? ENGINE_RUN_SUSPENDED : ENGINE_RUN_SUCCEEDED,
           ENGINE_REQ_APPEND);
    event(author,
          error ? ENGINE_EV_ATTEMPT_SUSPENDED : ENGINE_EV_ATTEMPT_SUCCEEDED, 0);
    author->synthetic->records[author->synthetic->count - 1].attempt = number;
}

static void callback(struct author *author, uint32_t op)
{
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_APPEND);
    operation(author, ENGINE_EV_OPERATION_STARTED, op,
              ENGINE_OPERATION_CALLBACK);
    leave(author, 2, ENGINE_ERR_PENDING);
    author->now += 3 * S;
    struct engine_record *put =
        write_op(author, SYNTHETIC_STORE, ENGINE_REC_INBOX_PUT, op, 0);
    put->detail = ENGINE_SIG_CALLBACK_SUCCEED;
    put->peer = SYNTHETIC_CLIENT;
    put->a = 77;
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_APPEND);
    event(author, ENGINE_EV_INBOX_CONSUMED, 0);
    operation(author, ENGINE_EV_OPERATION_SUCCEEDED, op,
              ENGINE_OPERATION_CALLBACK);
}

/* A map of two steps, a wait of 4 s, a callback after 3 s. */
static void trip(struct author *author)
{
    struct engine_record *record =
        write_of(author, SYNTHETIC_CLIENT, ENGINE_REC_START_SENT);
    record->a = author->now;
    record->op = 1;
    author->token = 1;
    author->seq = 1;
    author->coordinator = SYNTHETIC_COORDINATOR;
    invoke(author, 1);
    write_of(author, SYNTHETIC_CLIENT, ENGINE_REC_START_OK);
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_APPEND);
    operation(author, ENGINE_EV_OPERATION_STARTED, 1,
              ENGINE_OPERATION_CONTEXT | ENGINE_SUBTYPE_MAP << 4);
    code(author, 2);
    code(author, 3);
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_APPEND);
    operation(author, ENGINE_EV_OPERATION_SUCCEEDED, 1,
              ENGINE_OPERATION_CONTEXT | ENGINE_SUBTYPE_MAP << 4);
    operation(author, ENGINE_EV_OPERATION_STARTED, 4, ENGINE_OPERATION_WAIT)
        ->b = 4 * S;
    leave(author, 1, ENGINE_ERR_PENDING);
    author->now += 4 * S;
    append(author, ENGINE_RUN_RUNNING, ENGINE_REQ_APPEND);
    operation(author, ENGINE_EV_OPERATION_FIRED, 4, ENGINE_OPERATION_WAIT);
    invoke(author, 2);
    callback(author, 5);
    if (author->run % 4 == 0) {
        append(author, ENGINE_RUN_CANCELLED, ENGINE_REQ_APPEND);
        event(author, ENGINE_EV_RUN_CANCELLED, UINT32_MAX);
        return;
    }
    invoke(author, 3);
    leave(author, 3, ENGINE_ERR_NONE);
}

static void outage(struct synthetic *synthetic)
{
    struct engine_record *record =
        add(synthetic, OUTAGE_FROM, SYNTHETIC_STORE, ENGINE_REC_FAULT);
    record->detail = ENGINE_ACT_CRASH;
    record->key = SYNTHETIC_POINT_PROCESS;
    record->count = 1;
    record = add(synthetic, OUTAGE_FROM, SYNTHETIC_STORE, ENGINE_REC_PROC_DOWN);
    record->detail = ENGINE_ACT_CRASH;
    record->a = 9000000;
    add(synthetic, OUTAGE_TO, SYNTHETIC_STORE, ENGINE_REC_PROC_UP)->a = 2;
    add(synthetic, OUTAGE_TO + MS, SYNTHETIC_STORE, ENGINE_REC_STORE_OPENED)
        ->b = 100;
    record = add(synthetic, OUTAGE_FROM + 20 * S, SYNTHETIC_COORDINATOR,
                 ENGINE_REC_FAULT);
    record->detail = ENGINE_ACT_PAUSE;
    record->key = SYNTHETIC_POINT_PROCESS;
    record->count = 1;
    add(synthetic, OUTAGE_FROM + 20 * S, SYNTHETIC_COORDINATOR,
        ENGINE_REC_PROC_PAUSED);
    add(synthetic, OUTAGE_FROM + 24 * S, SYNTHETIC_COORDINATOR,
        ENGINE_REC_PROC_RESUMED);
}

static int by_time(const void *left, const void *right)
{
    const struct engine_record *a = left;
    const struct engine_record *b = right;
    if (a->time_ns != b->time_ns)
        return a->time_ns < b->time_ns ? -1 : 1;
    return a->mono_ns < b->mono_ns ? -1 : a->mono_ns > b->mono_ns;
}

/* Equal times stay in the order of writing: mono carries it for a moment. */
static void sort(struct synthetic *synthetic)
{
    for (size_t i = 0; i < synthetic->count; i++)
        synthetic->records[i].mono_ns = i;
    if (synthetic->count == 0)
        return;
    qsort(synthetic->records, synthetic->count, sizeof(struct engine_record),
          by_time);
    for (size_t i = 0; i < synthetic->count; i++)
        synthetic->records[i].mono_ns = synthetic->records[i].time_ns;
}

static struct engine_graph *graph_new(const struct synthetic_options *options)
{
    const char *in[] = {"in"};
    const char *out[] = {"out"};
    const char *names[OPS] = {options->step ? options->step : "reserve stock",
                              "charge card",
                              "settle",
                              "ship",
                              "notify",
                              "close"};
    struct engine_node nodes[OPS];
    struct engine_edge_names edges[OPS - 1];
    for (uint32_t i = 0; i < OPS; i++) {
        nodes[i] = (struct engine_node){
            .name = names[i],
            .kind = i == SETTLE ? ENGINE_NODE_WAIT : ENGINE_NODE_STEP,
            .wait_ns = i == SETTLE ? 30 * S : 0,
            .attempt_timeout_ns = i == SETTLE ? 0 : 10 * S,
            .side_effect = ENGINE_EFFECT_IDEMPOTENT,
            .semantics = ENGINE_AT_LEAST_ONCE,
            .retry = {.attempts_max = 3, .factor_milli = 2000},
            .inputs = in,
            .input_count = i > 0,
            .outputs = out,
            .output_count = i < CLOSE};
        if (i > 0)
            edges[i - 1] =
                (struct engine_edge_names){names[i - 1], "out", names[i], "in"};
    }
    struct engine_graph_error error = {0};
    struct engine_graph *graph =
        engine_graph_new(options->workflow ? options->workflow : "order", nodes,
                         OPS, edges, OPS - 1, &error);
    assert(graph);
    return graph;
}

static struct engine_graph *handler_new(void)
{
    const struct engine_node node = {.name = "plan trip",
                                     .kind = ENGINE_NODE_HANDLER,
                                     .attempt_timeout_ns = 900 * S};
    struct engine_graph *graph =
        engine_graph_new("trip", &node, 1, NULL, 0, NULL);
    assert(graph);
    return graph;
}

static void describe(struct synthetic *synthetic,
                     const struct synthetic_options *options)
{
    synthetic->graph = graph_new(options);
    synthetic->graphs[0] = synthetic->graph;
    synthetic->handler = handler_new();
    synthetic->graphs[1] = synthetic->handler;
    for (uint32_t op = 0; op < OPS; op++)
        synthetic->effects_row[op] = op == SETTLE ? 0 : 2;
    synthetic->effects[0] = synthetic->effects_row;
    synthetic->effects[1] = synthetic->effects_row;
    synthetic->armed[SYNTHETIC_POINT_CRASH].count =
        options->crash_every ? 1 : 0;
    synthetic->armed[SYNTHETIC_POINT_PROCESS].count = options->outage ? 2 : 0;
    synthetic->armed[SYNTHETIC_POINT_NEVER].count = options->never ? 1 : 0;
    synthetic->world =
        (struct report_world){.graphs = synthetic->graphs,
                              .effects = synthetic->effects,
                              .graph_count = options->trips ? 2 : 1,
                              .node_count = SYNTHETIC_NODES,
                              .node_names = node_names,
                              .points = points,
                              .armed = synthetic->armed,
                              .point_count = SYNTHETIC_POINTS,
                              .runs_max = options->runs + options->trips};
}

struct synthetic *synthetic_new(const struct synthetic_options *options)
{
    struct synthetic *synthetic = calloc(1, sizeof(*synthetic));
    assert(synthetic);
    describe(synthetic, options);
    struct author author = {.synthetic = synthetic, .options = options};
    uint64_t now = ORIGIN;
    for (author.run = 1; author.run <= options->runs; author.run++) {
        now += mix(author.run) % (200 * MS);
        author.now = now;
        run(&author);
    }
    for (; author.run <= options->runs + options->trips; author.run++) {
        now += 50 * MS;
        author.now = now;
        trip(&author);
    }
    if (options->outage)
        outage(synthetic);
    sort(synthetic);
    return synthetic;
}

void synthetic_free(struct synthetic *synthetic)
{
    if (!synthetic)
        return;
    engine_graph_free(synthetic->graph);
    engine_graph_free(synthetic->handler);
    free(synthetic->records);
    free(synthetic);
}
