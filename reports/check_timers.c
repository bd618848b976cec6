/*
 * L5: a wait fires within the slack after it is due by store time; inside a
 * handler so do retries and timeouts. No timer fires while an operator holds
 * the run. If
 * anything was disturbed near that time, the count begins when a new owner
 * must have the run: a lease, a look and the skew bound after it.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

static void fired(struct check_self *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    uint64_t due = record->a ? record->a : record->b;
    uint64_t from = due < run->held_ns ? run->held_ns : due;
    uint64_t limit = fold_latest(s->fold, from, record);

    s->result->checked++;
    if (record->wall_ns > limit)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": the wait %s was due at store time "
                        "%.6f s and fired at %.6f s, expected by %.6f s",
                        record->run, fold_op_name(s->fold, run, record->op),
                        check_seconds(due), check_seconds(record->wall_ns),
                        check_seconds(limit));
}

/* When a timer of a handler's operation may first fire. */
static uint64_t operation_due(const struct fold_run *run,
                              const struct fold_operation *op, unsigned event)
{
    uint64_t due = fold_fires(op, event);

    return due != UINT64_MAX && due < run->held_ns ? run->held_ns : due;
}

static void operation_fired(struct check_self *s, const struct fold_run *run,
                            const struct engine_record *record, uint64_t index)
{
    const struct fold_operation *op = fold_operation(run, record->op);
    uint64_t due = op ? operation_due(run, op, record->detail) : UINT64_MAX;
    uint64_t limit;

    if (due == UINT64_MAX || fold_held(run) || !fold_waits(op))
        return; /* S10, S12 */
    limit = fold_latest(s->fold, due, record);
    s->result->checked++;
    if (record->wall_ns > limit)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": %s of operation %u was due at store "
                        "time %.6f s and came at %.6f s, expected by %.6f s",
                        record->run, engine_event_name(record->detail),
                        record->op, check_seconds(due),
                        check_seconds(record->wall_ns), check_seconds(limit));
}

static void check_operation(struct check_self *s, const struct fold_run *run,
                            uint32_t number, const struct engine_record *end,
                            uint64_t index)
{
    const struct fold_operation *op = fold_operation(run, number);
    uint64_t due = operation_due(run, op, 0);

    if (due == UINT64_MAX || !fold_waits(op))
        return;
    s->result->checked++;
    if (end->wall_ns > fold_latest(s->fold, due, end) || end->a == 0)
        check_violation(s->result, end, index,
                        "run %" PRIu64 ": operation %u was due at store time "
                        "%.6f s and its timer has not fired at the end",
                        end->run, number, check_seconds(due));
    else
        s->result->unjudged++;
}

static void still_waiting(struct check_self *s, const struct fold_run *run,
                          uint32_t op, const struct engine_record *end,
                          uint64_t index)
{
    uint64_t due = run->ops[op].due_ns;
    uint64_t from = due < run->held_ns ? run->held_ns : due;
    uint64_t limit = fold_latest(s->fold, from, end);

    s->result->checked++;
    if (end->wall_ns > limit || end->a == 0)
        check_violation(s->result, end, index,
                        "run %" PRIu64 ": the wait %s was due at store time "
                        "%.6f s and has not fired at the end",
                        end->run, fold_op_name(s->fold, run, op),
                        check_seconds(due));
    else
        s->result->unjudged++;
}

static void check_end(struct check_self *s, const struct engine_record *end,
                      uint64_t index)
{
    const struct fold_run *run = fold_run(s->fold, end->run);

    if (!run->ops || fold_terminal(run) || fold_held(run) ||
        fold_has(run, FOLD_OPAQUE))
        return;
    for (uint32_t n = 1; run->handler && n <= run->handler->count; n++)
        check_operation(s, run, n, end, index);
    for (uint32_t op = 0; op < run->op_count; op++)
        if (run->ops[op].phase == FOLD_WAITING)
            still_waiting(s, run, op, end, index);
}

/* Something outside has ended it: in time, or its timer has not fired. */
static void ended(struct check_self *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    const struct fold_operation *op = fold_operation(run, record->op);
    uint64_t due = op && op->type == ENGINE_OPERATION_CALLBACK
                       ? operation_due(run, op, record->detail)
                       : UINT64_MAX;

    if (due == UINT64_MAX || fold_held(run) || !fold_waits(op))
        return;
    s->result->checked++;
    if (record->wall_ns > fold_latest(s->fold, due, record))
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": %s of operation %u came at store "
                        "time %.6f s; its timer was due at %.6f s and has not "
                        "fired",
                        record->run, engine_event_name(record->detail),
                        record->op, check_seconds(record->wall_ns),
                        check_seconds(due));
}

/* Nobody's time runs out while an operator holds the run. */
static void fired_held(struct check_self *s, const struct fold_run *run,
                       const struct engine_record *record, uint64_t index)
{
    const struct fold_operation *op = fold_operation(run, record->op);

    if (run->state != ENGINE_RUN_PAUSED || !op || op->ambiguous)
        return;
    s->result->checked++;
    check_violation(s->result, record, index,
                    "run %" PRIu64 ": %s of operation %u came while an "
                    "operator holds the run",
                    record->run, engine_event_name(record->detail), record->op);
}

static bool is_timer(unsigned event)
{
    return event == ENGINE_EV_OPERATION_FIRED ||
           event == ENGINE_EV_OPERATION_READY ||
           event == ENGINE_EV_OPERATION_TIMED_OUT;
}

static int applies(const struct check_world *world)
{
    for (uint32_t w = 0; w < world->graph_count; w++)
        for (uint32_t op = 0; op < engine_graph_count(world->graphs[w]); op++)
            if (engine_graph_node(world->graphs[w], op)->kind ==
                ENGINE_NODE_WAIT)
                return 1;
    return fold_has_handlers(world);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct check_self *s = self;
    struct engine_record about = *record;
    const struct fold_run *run = fold_run(s->fold, record->run);

    if (record->kind == ENGINE_REC_EVENT) {
        if (run && record->detail == ENGINE_EV_WAIT_FIRED)
            fired(s, run, record, index);
        else if (run && is_timer(record->detail)) {
            operation_fired(s, run, record, index);
            fired_held(s, run, record, index);
        } else if (run && fold_is_operation(record->detail))
            ended(s, run, record, index);
        return;
    }
    about.wall_ns = about.time_ns + s->fold->store_skew_ns;
    for (uint64_t slot = 1; slot <= fold_count(s->fold); slot++) {
        about.run = fold_number(s->fold, slot);
        check_end(s, &about, index);
    }
}

const struct check_ops check_timers = {
    .id = "L5",
    .name = "timers are not late",
    .unit = "waits",
    .kinds = CHECK_KIND(EVENT) | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .applies = applies,
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
