#include "tests/support/records.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "reports/fold.h"

static const uint64_t MS = 1000000;

static struct engine_graph *order_graph(void)
{
    static const char *const in[] = {"in"};
    static const char *const out[] = {"out"};
    static const struct engine_retry retry = {.attempts_max = 3,
                                              .factor_milli = 2000,
                                              .delay_ns = SECOND,
                                              .delay_max_ns = 10 * SECOND};
    const struct engine_node nodes[] = {
        {.name = "charge",
         .kind = ENGINE_NODE_STEP,
         .attempt_timeout_ns = 10 * SECOND,
         .schedule_to_start_ns = 20 * SECOND,
         .timeout_ns = 60 * SECOND,
         .side_effect = ENGINE_EFFECT_IDEMPOTENT,
         .semantics = ENGINE_AT_LEAST_ONCE,
         .retry = retry,
         .outputs = out,
         .output_count = 1},
        {.name = "hold",
         .kind = ENGINE_NODE_WAIT,
         .wait_ns = 5 * SECOND,
         .inputs = in,
         .input_count = 1,
         .outputs = out,
         .output_count = 1},
        {.name = "ship",
         .kind = ENGINE_NODE_STEP,
         .attempt_timeout_ns = 10 * SECOND,
         .side_effect = ENGINE_EFFECT_IRREVERSIBLE,
         .semantics = ENGINE_AT_MOST_ONCE,
         .retry = retry,
         .inputs = in,
         .input_count = 1},
    };
    static const struct engine_edge_names edges[] = {
        {"charge", "out", "hold", "in"}, {"hold", "out", "ship", "in"}};

    return engine_graph_new("order", nodes, 3, edges, 2, NULL);
}

static struct engine_graph *trip_graph(void)
{
    const struct engine_node node = {.name = "trip",
                                     .kind = ENGINE_NODE_HANDLER,
                                     .attempt_timeout_ns = 30 * SECOND};

    return engine_graph_new("trip", &node, 1, NULL, 0, NULL);
}

struct records *records_handlers_new(void)
{
    static const uint32_t effects[] = {2};
    struct records *records = records_new();

    records->handler = trip_graph();
    cr_assert_not_null(records->handler);
    records->graphs[1] = records->handler;
    records->effects[1] = effects;
    records->world.graph_count = 2;
    return records;
}

uint64_t records_child(unsigned n)
{
    return FOLD_CHILD | n;
}

/* Where a run's numbers are kept. */
static uint64_t place(uint64_t run)
{
    return run <= RECORDS_RUNS ? run
                               : RECORDS_RUNS + 1 + run % RECORDS_CHILDREN;
}

struct records *records_new(void)
{
    static const uint32_t effects[] = {2, 0, 1};
    struct records *records = calloc(1, sizeof(*records));

    cr_assert_not_null(records);
    records->now_ns = 100 * SECOND;
    records->graph = order_graph();
    cr_assert_not_null(records->graph);
    records->graphs[0] = records->graph;
    records->effects[0] = effects;
    records->world = (struct check_world){
        .graphs = records->graphs,
        .effects = records->effects,
        .graph_count = 1,
        .runs_max = RECORDS_RUNS,
        .node_count = NODE_COUNT,
        .store_node = NODE_STORE,
        .lease_ttl_ns = 10 * SECOND,
        .claim_ttl_ns = 10 * SECOND,
        .scan_ns = SECOND,
        .skew_bound_ns = SECOND / 2,
        .request_timeout_ns = SECOND,
        .timer_slack_ns = 2 * SECOND,
        .progress_bound_ns = 60 * SECOND,
        .orphan_bound_ns = 13 * SECOND + SECOND / 2,
        .livelock_bound_ns = 30 * SECOND,
        .waiting_bound_ns = 30 * SECOND,
        .goodput_bound_ns = 60 * SECOND,
        .load_milli = 100,
        .worker_first = NODE_WORKER,
        .worker_count = 2,
        .worker_slots = 1,
        .op_payload_max = 1000,
        .history_ops_max = 100,
        .concurrency_max = 10,
        .envelope = {.skew_max_ns = SECOND,
                     .drift_max_ppb = 100000,
                     .honest_sync = 1,
                     .disk_survives = 1},
        .honest_effects = 1,
    };
    return records;
}

void records_free(struct records *records)
{
    engine_graph_free(records->graph);
    engine_graph_free(records->handler);
    free(records->list);
    free(records);
}

static struct engine_record *make_room(struct records *records)
{
    if (records->count == records->capacity) {
        records->capacity = records->capacity ? 2 * records->capacity : 256;
        records->list = realloc(
            records->list, records->capacity * sizeof(struct engine_record));
        cr_assert_not_null(records->list);
    }
    return &records->list[records->count++];
}

struct engine_record *records_add(struct records *records, unsigned kind,
                                  uint64_t run, unsigned node)
{
    struct engine_record *record = make_room(records);

    *record = (struct engine_record){
        .time_ns = records->now_ns,
        .wall_ns = records->now_ns,
        .mono_ns = records->now_ns,
        .run = run,
        .token = records->token[place(run)],
        .op = UINT32_MAX,
        .node = (uint16_t)node,
        .peer = NODE_FIRST,
        .kind = (uint16_t)kind,
    };
    records->now_ns += MS;
    return record;
}

static unsigned home(unsigned kind)
{
    if (kind >= ENGINE_REC_ATTEMPT_BEGIN && kind <= ENGINE_REC_EFFECT_SENT)
        return NODE_WORKER;
    if (kind == ENGINE_REC_SENT)
        return NODE_FIRST;
    return kind == ENGINE_REC_EFFECT_APPLIED ? NODE_RECEIVER : NODE_STORE;
}

struct engine_record *records_work(struct records *records, unsigned kind,
                                   uint64_t run, uint32_t op, uint32_t attempt)
{
    struct engine_record *record = records_add(records, kind, run, home(kind));

    record->op = op;
    record->attempt = attempt;
    if (kind == ENGINE_REC_WORK_CLAIMED || kind == ENGINE_REC_WORK_DONE)
        record->peer = NODE_WORKER;
    if (kind == ENGINE_REC_EFFECT_SENT || kind == ENGINE_REC_EFFECT_APPLIED)
        record->key = run << 8 | op;
    return record;
}

struct engine_record *records_row(struct records *records, uint64_t run,
                                  unsigned request)
{
    struct engine_record *row =
        records_add(records, ENGINE_REC_APPENDED, run, NODE_STORE);

    records->row = records->count - 1;
    row->a = records->seq[place(run)] + 1;
    row->b = ++records->position;
    row->key = run * 1000 + row->b;
    row->key_hi = row->b;
    row->detail = (uint16_t)request;
    row->state = ENGINE_RUN_RUNNING;
    return row;
}

struct engine_record *records_event(struct records *records, unsigned kind,
                                    uint32_t op, uint32_t attempt)
{
    uint64_t run = records->list[records->row].run;
    struct engine_record *event =
        records_work(records, ENGINE_REC_EVENT, run, op, attempt);

    event->detail = (uint16_t)kind;
    event->key = ++records->seq[place(run)];
    records->list[records->row].count++;
    return event;
}

struct engine_record *records_grant(struct records *records, uint64_t run,
                                    unsigned node)
{
    struct engine_record *grant;

    records->token[place(run)]++;
    if (records->seq[place(run)]) {
        records_row(records, run, ENGINE_REQ_ACQUIRE);
        records_event(records, ENGINE_EV_LEASE_ACQUIRED, UINT32_MAX, 0);
    } else {
        records_row(records, run, ENGINE_REQ_CREATE);
        records_event(records, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0);
        records_event(records, ENGINE_EV_OP_SCHEDULED, OP_CHARGE, 1);
    }
    grant = records_add(records, ENGINE_REC_LEASE_GRANTED, run, NODE_STORE);
    grant->peer = (uint16_t)node;
    grant->a = grant->wall_ns + records->world.lease_ttl_ns;
    return grant;
}

void records_attempt(struct records *records, uint64_t run, uint32_t op,
                     uint32_t attempt, uint16_t error)
{
    records_work(records, ENGINE_REC_SENT, run, op, attempt);
    records_work(records, ENGINE_REC_WORK_CLAIMED, run, op, attempt);
    records_work(records, ENGINE_REC_ATTEMPT_BEGIN, run, op, attempt);
    if (!error) {
        records_work(records, ENGINE_REC_EFFECT_SENT, run, op, attempt);
        records_work(records, ENGINE_REC_EFFECT_APPLIED, run, op, attempt);
    }
    records_work(records, ENGINE_REC_ATTEMPT_END, run, op, attempt)->detail =
        error;
    records_work(records, ENGINE_REC_WORK_DONE, run, op, attempt)->detail =
        error;
}

static void take(struct records *records, uint64_t run, uint32_t op)
{
    records_add(records, ENGINE_REC_ACTED, run, NODE_FIRST);
    records_row(records, run, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, op, 1);
    records_event(records, ENGINE_EV_ATTEMPT_SUCCEEDED, op, 1);
    records_event(records, ENGINE_EV_OP_SUCCEEDED, op, 1);
}

static void live_waiting(struct records *records, uint64_t run)
{
    take(records, run, OP_CHARGE);
    records_event(records, ENGINE_EV_WAIT_STARTED, OP_HOLD, 0)->a = 5 * SECOND;
    records_event(records, ENGINE_EV_RUN_SUSPENDED, UINT32_MAX, 0);
    records->list[records->row].state = ENGINE_RUN_SUSPENDED;
    records_work(records, ENGINE_REC_WORK_TAKEN, run, OP_CHARGE, 1);
    records_add(records, ENGINE_REC_LEASE_RELEASED, run, NODE_STORE)->a =
        records->now_ns + 5 * SECOND;
}

static void live_shipping(struct records *records, uint64_t run)
{
    uint64_t due =
        records_find_event(records, ENGINE_EV_WAIT_STARTED, run - 1)->wall_ns +
        5 * SECOND;

    records->now_ns = due + 10 * MS;
    records_grant(records, run, NODE_FIRST);
    records_row(records, run, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_WAIT_FIRED, OP_HOLD, 0)->b = due;
    records_event(records, ENGINE_EV_OP_SUCCEEDED, OP_HOLD, 0);
    records_event(records, ENGINE_EV_OP_SCHEDULED, OP_SHIP, 1);
    records_work(records, ENGINE_REC_WORK_PUT, run, OP_SHIP, 1);
}

static void live_ended(struct records *records, uint64_t run)
{
    take(records, run, OP_SHIP);
    records_event(records, ENGINE_EV_RUN_SUCCEEDED, UINT32_MAX, 0);
    records->list[records->row].state = ENGINE_RUN_SUCCEEDED;
    records_work(records, ENGINE_REC_WORK_TAKEN, run, OP_SHIP, 1);
    records_add(records, ENGINE_REC_OUTBOX_PUT, run, NODE_STORE)->detail =
        ENGINE_OUTBOX_RESULT;
}

static void live(struct records *records, uint64_t run, enum life part)
{
    switch (part) {
    case LIFE_CREATED:
        records_add(records, ENGINE_REC_START_SENT, run, NODE_CLIENT);
        records_grant(records, run, NODE_FIRST);
        records_work(records, ENGINE_REC_WORK_PUT, run, OP_CHARGE, 1);
        records_add(records, ENGINE_REC_START_OK, run, NODE_CLIENT);
        break;
    case LIFE_CLAIMED:
    case LIFE_REPORTED:
        /* Both are one attempt, cut off in the middle. */
        records_attempt(records, run, OP_CHARGE, 1, 0);
        if (part == LIFE_CLAIMED)
            records->count -= 4;
        break;
    case LIFE_WAITING:
        live_waiting(records, run);
        break;
    case LIFE_SHIPPING:
        live_shipping(records, run);
        break;
    case LIFE_SHIPPED:
        records_attempt(records, run, OP_SHIP, 1, 0);
        break;
    case LIFE_ENDED:
        live_ended(records, run);
        break;
    case LIFE_SEEN:
        records_add(records, ENGINE_REC_RESULT_SEEN, run, NODE_CLIENT)->a =
            ENGINE_RUN_SUCCEEDED;
        break;
    case LIFE_ACKED:
        records_add(records, ENGINE_REC_OUTBOX_ACKED, run, NODE_STORE);
        break;
    }
}

void records_life(struct records *records, uint64_t run, enum life until)
{
    for (enum life part = LIFE_CREATED; part <= until; part++)
        if (part != LIFE_CLAIMED || until == LIFE_CLAIMED)
            live(records, run, part);
}

static void begin_invocation(struct records *records, uint64_t run)
{
    uint32_t attempt = records->invocation[place(run)];

    records_work(records, ENGINE_REC_WORK_PUT, run, 0, attempt);
    records_work(records, ENGINE_REC_SENT, run, 0, attempt);
    records_work(records, ENGINE_REC_WORK_CLAIMED, run, 0, attempt);
    records_work(records, ENGINE_REC_ATTEMPT_BEGIN, run, 0, attempt);
}

void records_trip(struct records *records, uint64_t run)
{
    struct engine_record *grant;

    if (run <= RECORDS_RUNS)
        records_add(records, ENGINE_REC_START_SENT, run, NODE_CLIENT)->op = 1;
    records->token[place(run)] = 1;
    records->invocation[place(run)] = 1;
    records_row(records, run, ENGINE_REQ_CREATE);
    records_event(records, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0)->a = 1;
    records_event(records, ENGINE_EV_OP_SCHEDULED, 0, 1);
    grant = records_add(records, ENGINE_REC_LEASE_GRANTED, run, NODE_STORE);
    grant->a = grant->wall_ns + 1000 * SECOND;
    if (run <= RECORDS_RUNS)
        records_add(records, ENGINE_REC_START_OK, run, NODE_CLIENT);
    begin_invocation(records, run);
}

struct engine_record *records_checkpoint(struct records *records, uint64_t run)
{
    struct engine_record *event;

    records_row(records, run, ENGINE_REQ_APPEND);
    event = records_event(records, ENGINE_EV_CHECKPOINT, 0,
                          records->invocation[place(run)]);
    event->b = ++records->checkpoints;
    event->a = run << 32 | event->b;
    return event;
}

struct engine_record *records_operation(struct records *records, unsigned kind,
                                        uint32_t op, unsigned type,
                                        uint32_t attempt)
{
    struct engine_record *event = records_event(records, kind, op, attempt);

    event->a = event->run << 32 | op;
    event->token = 0;
    event->state = (uint16_t)type;
    return event;
}

static void end_invocation(struct records *records, uint64_t run,
                           uint16_t error)
{
    uint32_t attempt = records->invocation[place(run)];

    records_work(records, ENGINE_REC_ATTEMPT_END, run, 0, attempt)->detail =
        error;
    records_work(records, ENGINE_REC_WORK_DONE, run, 0, attempt)->detail =
        error;
    records_row(records, run, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, 0, attempt);
    records_event(records,
                  error ? ENGINE_EV_ATTEMPT_SUSPENDED
                        : ENGINE_EV_ATTEMPT_SUCCEEDED,
                  0, attempt);
}

void records_park(struct records *records, uint64_t run)
{
    end_invocation(records, run, ENGINE_ERR_PENDING);
    records_event(records, ENGINE_EV_RUN_SUSPENDED, UINT32_MAX, 0);
    records->list[records->row].state = ENGINE_RUN_SUSPENDED;
    records_work(records, ENGINE_REC_WORK_TAKEN, run, 0,
                 records->invocation[place(run)]);
}

void records_wake(struct records *records, uint64_t run)
{
    records_row(records, run, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_OP_SCHEDULED, 0,
                  ++records->invocation[place(run)]);
    begin_invocation(records, run);
}

void records_arrive(struct records *records, uint64_t run)
{
    struct engine_record *result;

    end_invocation(records, run, 0);
    records_event(records, ENGINE_EV_OP_SUCCEEDED, 0,
                  records->invocation[place(run)]);
    records_event(records, ENGINE_EV_RUN_SUCCEEDED, UINT32_MAX, 0);
    records->list[records->row].state = ENGINE_RUN_SUCCEEDED;
    records_work(records, ENGINE_REC_WORK_TAKEN, run, 0,
                 records->invocation[place(run)]);
    result = records_add(records, ENGINE_REC_OUTBOX_PUT, run, NODE_STORE);
    result->detail =
        run <= RECORDS_RUNS ? ENGINE_OUTBOX_RESULT : ENGINE_OUTBOX_SIGNAL;
    result->state = run <= RECORDS_RUNS ? 0 : ENGINE_SIG_CHILD_ENDED;
    if (run <= RECORDS_RUNS)
        records_add(records, ENGINE_REC_RESULT_SEEN, run, NODE_CLIENT)->a =
            ENGINE_RUN_SUCCEEDED;
    records_add(records, ENGINE_REC_OUTBOX_ACKED, run, NODE_STORE);
}

struct engine_record *records_signal(struct records *records, uint64_t run,
                                     uint64_t id, unsigned kind, uint32_t op)
{
    struct engine_record *put =
        records_add(records, ENGINE_REC_INBOX_PUT, run, NODE_STORE);

    put->a = id;
    put->b = ~id;
    put->detail = (uint16_t)kind;
    put->op = op;
    return put;
}

struct engine_record *records_consume(struct records *records, uint64_t run,
                                      uint64_t id)
{
    struct engine_record *taken;
    struct engine_record *event;

    records_row(records, run, ENGINE_REQ_APPEND);
    event = records_event(records, ENGINE_EV_INBOX_CONSUMED, 0, 0);
    event->a = id;
    event->b = ~id;
    taken = records_add(records, ENGINE_REC_INBOX_TAKEN, run, NODE_STORE);
    taken->a = id;
    taken->b = ~id;
    return taken - 1;
}

struct engine_record *records_send(struct records *records, uint64_t run,
                                   unsigned outbox, uint64_t to, uint32_t row)
{
    struct engine_record *put =
        records_add(records, ENGINE_REC_OUTBOX_PUT, run, NODE_STORE);

    put->detail = (uint16_t)outbox;
    put->a = to;
    put->op = row;
    return put;
}

void records_audit(struct records *records, uint64_t from)
{
    size_t count = records->count;

    for (size_t i = 0; i < count; i++) {
        struct engine_record row = records->list[i];
        struct engine_record *found;

        if (row.kind != ENGINE_REC_APPENDED || row.b < from)
            continue;
        found = records_add(records, ENGINE_REC_AUDIT_ROW, row.run, NODE_STORE);
        found->a = row.a;
        found->b = row.b;
        found->count = row.count;
        found->token = row.token;
        found->key = row.key;
        found->key_hi = row.key_hi;
    }
}

static void audit_run(struct records *records, uint64_t run)
{
    const struct engine_record *last = NULL;
    struct engine_record *row;

    for (size_t i = 0; i < records->count; i++)
        if (records->list[i].kind == ENGINE_REC_APPENDED &&
            records->list[i].run == run)
            last = &records->list[i];
    if (!last)
        return;
    struct engine_record copy = *last;
    row = records_add(records, ENGINE_REC_AUDIT_RUN, run, NODE_STORE);
    row->a = copy.a + copy.count;
    row->b = copy.b;
    row->key = copy.key;
    row->key_hi = copy.key_hi;
    row->state = copy.state;
}

/* Work rows of the stream: put, neither taken nor cut. */
static void audit_work(struct records *records)
{
    size_t count = records->count;

    for (size_t i = 0; i < count; i++) {
        struct engine_record put = records->list[i];
        int open = put.kind == ENGINE_REC_WORK_PUT;

        for (size_t j = i; open && j < count; j++) {
            const struct engine_record *end = &records->list[j];

            if ((end->kind == ENGINE_REC_WORK_TAKEN ||
                 end->kind == ENGINE_REC_WORK_CUT) &&
                end->run == put.run && end->op == put.op &&
                end->attempt == put.attempt)
                open = 0;
        }
        if (open)
            records_work(records, ENGINE_REC_AUDIT_WORK, put.run, put.op,
                         put.attempt);
    }
}

void records_end(struct records *records)
{
    records_add(records, ENGINE_REC_STORE_OPENED, 0, NODE_STORE)->a =
        records->position;
    records_audit(records, 1);
    for (uint64_t run = 1; run <= RECORDS_RUNS; run++)
        audit_run(records, run);
    for (unsigned n = 0; n < RECORDS_CHILDREN; n++)
        audit_run(records, records_child(n));
    audit_work(records);
    records_add(records, ENGINE_REC_AUDIT_DONE, 0, NODE_STORE)->detail = 1;
    records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE);
}

static struct engine_record *find(struct records *records, unsigned kind,
                                  unsigned event, size_t nth)
{
    for (size_t i = 0; i < records->count; i++) {
        struct engine_record *record = &records->list[i];

        if (record->kind == kind && (!event || record->detail == event) &&
            nth-- == 0)
            return record;
    }
    cr_assert_fail("no such %s", engine_record_name(kind));
    return NULL;
}

struct engine_record *records_find(struct records *records, unsigned kind,
                                   size_t nth)
{
    return find(records, kind, 0, nth);
}

struct engine_record *records_find_event(struct records *records, unsigned kind,
                                         size_t nth)
{
    return find(records, ENGINE_REC_EVENT, kind, nth);
}

void records_drop(struct records *records, struct engine_record *record)
{
    size_t index = (size_t)(record - records->list);

    records->count--;
    memmove(record, record + 1, (records->count - index) * sizeof(*record));
}

struct engine_record *records_repeat(struct records *records,
                                     struct engine_record *record)
{
    size_t index = (size_t)(record - records->list);

    make_room(records);
    record = &records->list[index];
    memmove(record + 1, record, (records->count - 1 - index) * sizeof(*record));
    return record + 1;
}

struct check_result records_judge(const struct records *records,
                                  const struct check_ops *ops)
{
    const struct check_ops *list[] = {ops, NULL};
    struct check_suite *suite = check_suite_of(&records->world, list);
    struct check_result result;
    size_t count;

    cr_assert_not_null(suite);
    check_suite_feed(suite, records->list, records->count);
    result = *check_suite_finish(suite, &count);
    cr_assert_eq(count, 1);
    check_suite_free(suite);
    return result;
}

void records_expect_pass(const struct records *records,
                         const struct check_ops *ops)
{
    struct check_result result = records_judge(records, ops);

    cr_assert_eq(result.verdict, CHECK_PASS, "%s: %s: %s%s", result.id,
                 check_verdict_name(result.verdict), result.reason,
                 result.first.text);
    cr_assert_gt(result.checked, 0);
}

void records_expect(const struct records *records, const struct check_ops *ops,
                    const struct engine_record *record, const char *text)
{
    struct check_result result = records_judge(records, ops);
    size_t index = (size_t)(record - records->list);

    cr_assert_eq(result.verdict, CHECK_FAIL, "%s: %s", result.id,
                 check_verdict_name(result.verdict));
    cr_assert_eq(result.first.index, index, "expected %s at %zu: %s",
                 engine_record_name(record->kind), index, result.first.text);
    cr_assert_not_null(strstr(result.first.text, text), "%s",
                       result.first.text);
}
