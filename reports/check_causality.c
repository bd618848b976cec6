/*
 * S10: causes before effects. An operation starts after all it waits for, an
 * attempt after its scheduling, a run succeeds after its operations; a wait
 * fires once and, like a retry and a timeout, not before it is due by store
 * time. Inside a handler an operation begins in a context that is known and
 * has not ended.
 *
 * A deadline is counted from the store time of a row; records carry the time
 * at which the row was durable, which is later by at most a request's
 * timeout. Where only that is known, as much is allowed.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

#define WRONG(s, record, index, format, ...)                                   \
    check_violation((s)->result, record, index, "run %" PRIu64 ": " format,    \
                    (record)->run, __VA_ARGS__)

static bool complete(const struct fold_run *run, uint32_t op)
{
    return run->ops[op].phase == FOLD_SUCCEEDED ||
           run->ops[op].phase == FOLD_FIRED;
}

static void check_sources(struct check_self *s, const struct fold_run *run,
                          const struct engine_record *record, uint64_t index)
{
    uint32_t count;
    const struct engine_source *sources =
        engine_graph_sources(fold_graph(s->fold, run), record->op, &count);

    s->result->checked++;
    for (uint32_t i = 0; i < count; i++) {
        if (complete(run, sources[i].node))
            continue;
        WRONG(s, record, index, "%s was started before %s, which is %s",
              fold_op_name(s->fold, run, record->op),
              fold_op_name(s->fold, run, sources[i].node),
              fold_phase_name(run->ops[sources[i].node].phase));
        return;
    }
}

static void scheduled(struct check_self *s, const struct fold_run *run,
                      const struct engine_record *record, uint64_t index)
{
    const struct fold_op *op = &run->ops[record->op];

    if (op->phase != FOLD_RETRY) {
        check_sources(s, run, record, index);
        return;
    }
    s->result->checked++;
    if (record->wall_ns + s->world->request_timeout_ns < op->due_ns)
        WRONG(s, record, index,
              "attempt %u of %s was scheduled at store time %.6f s, but is "
              "not due before %.6f s",
              record->attempt, fold_op_name(s->fold, run, record->op),
              check_seconds(record->wall_ns), check_seconds(op->due_ns));
}

static void fired(struct check_self *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    const struct fold_op *op = &run->ops[record->op];
    const char *name = fold_op_name(s->fold, run, record->op);
    uint64_t due = record->a ? record->a : record->b;

    s->result->checked++;
    if (op->phase != FOLD_WAITING)
        WRONG(s, record, index, "the wait %s fired, but it is %s", name,
              fold_phase_name(op->phase));
    else if (record->wall_ns < due)
        WRONG(s, record, index,
              "the wait %s fired at store time %.6f s, but is not due before "
              "%.6f s",
              name, check_seconds(record->wall_ns), check_seconds(due));
    else if (due + s->world->request_timeout_ns < op->due_ns)
        WRONG(s, record, index,
              "the wait %s fired as due at store time %.6f s, expected "
              "%.6f s by its start and duration",
              name, check_seconds(due), check_seconds(op->due_ns));
}

static void run_succeeded(struct check_self *s, const struct fold_run *run,
                          const struct engine_record *record, uint64_t index)
{
    s->result->checked++;
    for (uint32_t op = 0; run->ops && op < run->op_count; op++) {
        if (complete(run, op))
            continue;
        WRONG(s, record, index, "it succeeded while %s is %s",
              fold_op_name(s->fold, run, op),
              fold_phase_name(run->ops[op].phase));
        return;
    }
}

/* The timer of a handler's operation: a wait, a retry, a timeout. */
static void timer(struct check_self *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    const struct fold_operation *op = fold_operation(run, record->op);
    uint64_t due = op ? fold_fires(op, record->detail) : UINT64_MAX;

    if (!op || engine_status_terminal(op->status) || op->orphan ||
        op->ambiguous)
        return; /* S12; an operator's READY has no timer */
    s->result->checked++;
    if (due == UINT64_MAX)
        WRONG(s, record, index, "%s of operation %u, which has no timer",
              engine_event_name(record->detail), record->op);
    else if (record->wall_ns + s->world->request_timeout_ns < due)
        WRONG(s, record, index,
              "%s of operation %u at store time %.6f s, but it is not due "
              "before %.6f s",
              engine_event_name(record->detail), record->op,
              check_seconds(record->wall_ns), check_seconds(due));
}

/* An operation is met for the first time: its context must be open. */
static void begun(struct check_self *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    const struct fold_handler *handler = run->handler;
    const struct fold_operation *parent = NULL;

    if (!handler || record->op != handler->count + 1)
        return;
    s->result->checked++;
    if (!record->key_hi)
        return;
    parent = fold_context(run, record->key_hi);
    if (!parent)
        WRONG(s, record, index,
              "operation %u began in a context that is not known", record->op);
    else if (engine_status_terminal(parent->status) || parent->orphan)
        WRONG(s, record, index,
              "operation %u began in the context of operation %u, which has %s",
              record->op, (uint32_t)(parent - handler->operations) + 1,
              parent->orphan ? "ended with another"
                             : fold_status_name(parent->status));
}

static void operation(struct check_self *s, const struct fold_run *run,
                      const struct engine_record *record, uint64_t index)
{
    begun(s, run, record, index);
    if (record->detail == ENGINE_EV_OPERATION_FIRED ||
        record->detail == ENGINE_EV_OPERATION_READY ||
        record->detail == ENGINE_EV_OPERATION_TIMED_OUT)
        timer(s, run, record, index);
}

static void op_event(struct check_self *s, const struct fold_run *run,
                     const struct engine_record *record, uint64_t index)
{
    if (!fold_op(run, record->op))
        return;
    switch (record->detail) {
    case ENGINE_EV_OP_SCHEDULED:
        scheduled(s, run, record, index);
        break;
    case ENGINE_EV_WAIT_STARTED:
        check_sources(s, run, record, index);
        break;
    case ENGINE_EV_WAIT_FIRED:
        fired(s, run, record, index);
        break;
    case ENGINE_EV_ATTEMPT_STARTED:
        s->result->checked++;
        if (run->ops[record->op].phase == FOLD_IDLE)
            WRONG(s, record, index,
                  "attempt %u of %s was started, but never scheduled",
                  record->attempt, fold_op_name(s->fold, run, record->op));
        break;
    default:
        break;
    }
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct check_self *s = self;
    const struct fold_run *run = fold_run(s->fold, record->run);

    if (!run || fold_has(run, FOLD_OPAQUE))
        return;
    if (record->detail == ENGINE_EV_RUN_SUCCEEDED)
        run_succeeded(s, run, record, index);
    else if (fold_is_operation(record->detail))
        operation(s, run, record, index);
    else
        op_event(s, run, record, index);
}

const struct check_ops check_causality = {
    .id = "S10",
    .name = "causality and time",
    .unit = "starts and timers",
    .kinds = CHECK_KIND(EVENT),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
