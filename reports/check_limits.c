/*
 * S15: nothing above a limit is accepted: invocations in flight, events of a
 * declared run or operations of a handler's, bytes of an event or of an
 * operation's value where the record says how many (count).
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

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

static void event(struct check_self *s, const struct engine_record *record,
                  uint64_t index)
{
    if (fold_is_operation(record->detail))
        operation(s, record, index);
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

    switch (record->kind) {
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

const struct check_ops check_limits = {
    .id = "S15",
    .name = "limits",
    .unit = "appends, refusals and gauges",
    .kinds = CHECK_KIND(APPENDED) | CHECK_KIND(EVENT) | CHECK_KIND(REJECTED) |
             CHECK_KIND(INVOKED) | CHECK_KIND(THROTTLED) | CHECK_KIND(GAUGE),
    .excuses = 0,
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
