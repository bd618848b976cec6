/*
 * S15: nothing above a limit is accepted: invocations in flight, events of a
 * declared run or operations of a handler's, bytes of an event or of an
 * operation's value where the record says how many (count), updates of a
 * checkpoint, the depth of invoked runs; and no wait is below the shortest.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

struct limits {
    struct check_self head;
    uint64_t run;     /* whose checkpoint the last records were of; 0: none */
    uint64_t updates; /* of it, so far */
};

static void in_flight(struct check_self *s, const struct engine_record *record,
                      uint64_t index)
{
    uint64_t limit = s->world->concurrency_max;
    struct check_node word;

    if (record->b && (!limit || record->b < limit))
        limit = record->b;
    s->result->checked++;
    if (limit && (int64_t)record->a >= 0 && record->a > limit)
        check_violation(s->result, record, index,
                        "%" PRIu64 " invocations are in flight on %s, the "
                        "limit is %" PRIu64,
                        record->a, check_node(&word, s->world, record->node),
                        limit);
}

static void appended(struct check_self *s, const struct engine_record *record,
                     uint64_t index)
{
    uint64_t events = record->a + record->count - 1;
    const struct fold_run *run = fold_run(s->fold, record->run);

    if (run && run->handler)
        return;
    /* Taking a lease and the one event that ends a run are never refused. */
    if (record->detail == ENGINE_REQ_ACQUIRE ||
        (record->count == 1 && (engine_run_state_terminal(record->state) ||
                                record->state == ENGINE_RUN_BLOCKED)))
        return;
    s->result->checked++;
    if (s->world->history_ops_max && events > s->world->history_ops_max)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": its history has %" PRIu64
                        " events, the limit is %" PRIu64,
                        record->run, events, s->world->history_ops_max);
}

static void operation(struct check_self *s, const struct engine_record *record,
                      uint64_t index)
{
    uint64_t most = s->world->operations_max ? s->world->operations_max
                                             : s->world->history_ops_max;

    s->result->checked++;
    if (most && record->op > most)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": operation %u was begun, the limit "
                        "is %" PRIu64,
                        record->run, record->op, most);
}

static void value(struct check_self *s, const struct engine_record *record,
                  uint64_t index)
{
    uint64_t most = s->world->value_max;

    if (most && record->detail == ENGINE_EV_OPERATION_SUCCEEDED &&
        engine_record_type(record) != ENGINE_OPERATION_EXECUTION &&
        !(engine_record_options(record) & ENGINE_OPTION_BLOB) &&
        record->count > most)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": the result of operation %u has %u "
                        "bytes, the limit is %" PRIu64,
                        record->run, record->op, record->count, most);
}

static void delay(struct check_self *s, const struct engine_record *record,
                  uint64_t index)
{
    bool waits = record->detail == ENGINE_EV_OPERATION_RETRY ||
                 (record->detail == ENGINE_EV_OPERATION_STARTED &&
                  engine_record_type(record) == ENGINE_OPERATION_WAIT &&
                  !(engine_record_options(record) & ENGINE_OPTION_UNTIL));

    if (waits && record->b < s->world->wait_min_ns)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": %s of operation %u is for %.6f s, "
                        "at least %.6f s are allowed",
                        record->run, engine_event_name(record->detail),
                        record->op, check_seconds(record->b),
                        check_seconds(s->world->wait_min_ns));
}

/* Whether the event is of an update, as they stand behind a CHECKPOINT. */
static bool is_update(const struct engine_record *record)
{
    unsigned type = engine_record_type(record);

    switch (record->detail) {
    case ENGINE_EV_OPERATION_STARTED:
    case ENGINE_EV_OPERATION_PROGRESS:
    case ENGINE_EV_OPERATION_RETRY:
    case ENGINE_EV_OPERATION_CANCELLED:
        return true;
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
        return type < ENGINE_OPERATION_CALLBACK;
    default:
        return false;
    }
}

static void batch(struct limits *l, const struct engine_record *record,
                  uint64_t index)
{
    struct check_self *s = &l->head;
    uint64_t most = s->world->batch_updates_max;

    if (record->kind == ENGINE_REC_EVENT &&
        record->detail == ENGINE_EV_CHECKPOINT) {
        l->run = record->run;
        l->updates = 0;
        return;
    }
    if (record->kind != ENGINE_REC_EVENT || record->run != l->run ||
        !is_update(record)) {
        l->run = 0;
        return;
    }
    if (++l->updates > most && most)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": a checkpoint has %" PRIu64
                        " updates or more, the limit is %" PRIu64,
                        record->run, l->updates, most);
}

static void depth(struct check_self *s, const struct engine_record *record,
                  uint64_t index)
{
    uint64_t most = s->world->invoke_depth_max;

    if (record->detail != ENGINE_OUTBOX_CHILD || !most)
        return;
    s->result->checked++;
    if (record->count > most)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": it invokes a run at depth %u, the "
                        "limit is %" PRIu64,
                        record->run, record->count, most);
}

static void event(struct check_self *s, const struct engine_record *record,
                  uint64_t index)
{
    if (fold_is_operation(record->detail)) {
        operation(s, record, index);
        value(s, record, index);
        delay(s, record, index);
    }
    /* The result of a handler as a whole has a limit of its own. */
    if (!record->count ||
        (fold_is_operation(record->detail) &&
         engine_record_type(record) == ENGINE_OPERATION_EXECUTION))
        return;
    s->result->checked++;
    if (s->world->op_payload_max && record->count > s->world->op_payload_max)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": the payload of %s has %u bytes, the "
                        "limit is %" PRIu64,
                        record->run, engine_event_name(record->detail),
                        record->count, s->world->op_payload_max);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct check_self *s = self;

    batch(self, record, index);
    switch (record->kind) {
    case ENGINE_REC_OUTBOX_PUT:
        depth(s, record, index);
        break;
    case ENGINE_REC_APPENDED:
        appended(s, record, index);
        break;
    case ENGINE_REC_EVENT:
        event(s, record, index);
        break;
    case ENGINE_REC_REJECTED:
        s->result->checked += record->count == ENGINE_REFUSED;
        break;
    default:
        in_flight(s, record, index);
        break;
    }
}

static void *open_limits(const struct check_view *view,
                         struct check_result *result)
{
    return check_self_new(view, result, sizeof(struct limits));
}

const struct check_ops check_limits = {
    .id = "S15",
    .name = "limits",
    .unit = "appends, refusals and gauges",
    .kinds = CHECK_KIND(APPENDED) | CHECK_KIND(EVENT) | CHECK_KIND(REJECTED) |
             CHECK_KIND(INVOKED) | CHECK_KIND(THROTTLED) | CHECK_KIND(GAUGE) |
             CHECK_KIND(OUTBOX_PUT),
    .excuses = 0,
    .open = open_limits,
    .feed = feed,
    .close = check_self_close,
};
