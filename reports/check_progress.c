/*
 * L1: every run that was started ends, or is blocked for an operator, within
 * the progress bound after its own work could have been done and after the
 * last disturbance; one that an operator holds, when its time is over. A
 * stuck run is explained: what it waits for, and the first link that is
 * missing.
 *
 * A handler has no end that could be foreseen. It is stuck if it is parked
 * although something it waited for has come, is overdue, or was never to
 * come; or if an invocation of it does not get on. Waiting for the outside
 * without a timeout is no fault.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/waits.h"

struct progress {
    struct check_self head;
    uint64_t *work_ns; /* by workflow: its operations one after another, every
                          attempt used to the full; UINT64_MAX: no bound */
};

static void close_progress(void *self)
{
    struct progress *s = self;

    free(s->work_ns);
    free(s);
}

static uint64_t later(uint64_t time, uint64_t span)
{
    return time > UINT64_MAX - span ? UINT64_MAX : time + span;
}

static uint64_t node_work(const struct engine_node *node)
{
    uint64_t work = 0;

    if (node->kind == ENGINE_NODE_WAIT)
        return node->wait_ns;
    if (node->kind != ENGINE_NODE_STEP)
        return UINT64_MAX;
    if (!node->attempt_timeout_ns)
        return UINT64_MAX;
    for (uint32_t n = 0; n < node->retry.attempts_max && work < UINT64_MAX; n++)
        work = later(later(work, node->attempt_timeout_ns),
                     n ? node->retry.delay_max_ns : 0);
    return work;
}

static uint64_t graph_work(const struct engine_graph *graph)
{
    uint64_t work = 0;

    for (uint32_t op = 0; op < engine_graph_count(graph); op++)
        work = later(work, node_work(engine_graph_node(graph, op)));
    return work;
}

static void *open_progress(const struct check_view *view,
                           struct check_result *result)
{
    const struct check_world *world = view->world;
    struct progress *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    s->work_ns = calloc(world->graph_count + 1, sizeof(*s->work_ns));
    if (!s->work_ns) {
        close_progress(s);
        return NULL;
    }
    for (uint32_t i = 0; i < world->graph_count; i++)
        s->work_ns[i] = graph_work(world->graphs[i]);
    return s;
}

/* When the run's own work was done, had it been alone; UINT64_MAX: unknown. */
static uint64_t own_end(const struct progress *s, const struct fold_run *run)
{
    if (!fold_graph(s->head.fold, run))
        return UINT64_MAX;
    return later(run->started_ns, s->work_ns[run->workflow]);
}

static void ended(struct progress *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    uint64_t from = own_end(s, run);
    uint64_t bound = s->head.world->progress_bound_ns;

    if (!fold_has(run, FOLD_START_OK) || from == UINT64_MAX)
        return;
    if (s->head.fold->disturbed_ns > from)
        from = s->head.fold->disturbed_ns;
    if (record->time_ns <= later(from, bound))
        return;
    check_violation(s->head.result, record, index,
                    "run %" PRIu64 ": ended at %.6f s, expected by %.6f s: its "
                    "own work and the last fault were over at %.6f s",
                    record->run, check_seconds(record->time_ns),
                    check_seconds(later(from, bound)), check_seconds(from));
}

/* The operation whose timer is due first; NULL: none has one. */
static const struct fold_operation *first_due(const struct fold_run *run)
{
    const struct fold_operation *first = NULL;

    for (uint32_t n = 1; run->handler && n <= run->handler->count; n++) {
        const struct fold_operation *op = fold_operation(run, n);

        if (fold_waits(op) && fold_due(op) != UINT64_MAX &&
            (!first || fold_due(op) < fold_due(first)))
            first = op;
    }
    return first;
}

static void stuck(struct progress *s, const struct fold_run *run,
                  const struct engine_record *about, uint64_t index)
{
    char why[256];

    waits_text(s->head.fold, about->run, about->time_ns, why, sizeof(why));
    check_violation(s->head.result, about, index,
                    "run %" PRIu64 " %s; it is %s at the end, and its last "
                    "event is %s at %.6f s",
                    about->run, why, fold_state_name(run->state),
                    engine_event_name(run->last_event),
                    check_seconds(run->last_ns));
    check_waits(&s->head, about);
}

/* How long an invocation may take without an event; UINT64_MAX: any time. */
static uint64_t invocation_time(const struct progress *s,
                                const struct fold_run *run)
{
    const struct engine_node *node = fold_node(s->head.fold, run, 0);

    return node && node->attempt_timeout_ns ? node->attempt_timeout_ns
                                            : UINT64_MAX;
}

/*
 * True time since when a handler should have got on; UINT64_MAX: it is right
 * that it waits, or may be.
 */
static uint64_t handler_since(const struct progress *s,
                              const struct fold_run *run)
{
    const struct fold_handler *handler = run->handler;
    const struct fold_op *op = fold_op(run, 0);
    const struct fold_operation *first = first_due(run);

    if (!op)
        return UINT64_MAX;
    if (op->phase == FOLD_SCHEDULED || op->phase == FOLD_RUNNING)
        return later(run->last_ns, invocation_time(s, run));
    if (op->phase == FOLD_RETRY)
        return op->due_ns - s->head.fold->store_skew_ns;
    if (op->phase != FOLD_PARKED)
        return run->last_ns;
    if (handler->news_ns)
        return handler->news_ns;
    if (first)
        return fold_due(first) - s->head.fold->store_skew_ns;
    return handler->waiting ? UINT64_MAX : run->last_ns;
}

static bool is_invoked(const struct fold_run *run)
{
    const struct fold_op *op = fold_op(run, 0);

    return op && (op->phase == FOLD_SCHEDULED || op->phase == FOLD_RUNNING);
}

static void check_handler(struct progress *s, const struct fold_run *run,
                          const struct engine_record *about, uint64_t index)
{
    uint64_t since = handler_since(s, run);

    if (since == UINT64_MAX && about->a && is_invoked(run))
        s->head.result->unjudged++;
    if (since == UINT64_MAX && (about->a || !is_invoked(run)))
        return;
    if (fold_has(run, FOLD_OPAQUE) ||
        (about->a && !fold_settled(s->head.fold, about, since)))
        s->head.result->unjudged++;
    else
        stuck(s, run, about, index);
}

/* Its time is over, although an operator holds it. */
static bool is_over(const struct progress *s, const struct fold_run *run,
                    uint64_t now_ns)
{
    const struct engine_graph *graph = fold_graph(s->head.fold, run);
    uint64_t timeout = graph ? engine_graph_timeout(graph) : 0;
    uint64_t since = later(run->started_ns, timeout);

    for (uint32_t op = 0; run->ops && op < run->op_count; op++)
        if (run->ops[op].end == ENGINE_EV_ATTEMPT_AMBIGUOUS)
            return false;
    if (s->head.fold->disturbed_ns > since)
        since = s->head.fold->disturbed_ns;
    return timeout > 0 && run->state == ENGINE_RUN_PAUSED && !run->handler &&
           now_ns > later(since, s->head.world->progress_bound_ns);
}

static void check_end(struct progress *s, const struct fold_run *run,
                      const struct engine_record *about, uint64_t index)
{
    uint64_t from = own_end(s, run);

    if (!fold_has(run, FOLD_START_OK) &&
        (about->run <= s->head.world->runs_max || !run->next_seq))
        return;
    s->head.result->checked++;
    if (!fold_has(run, FOLD_OPAQUE) && is_over(s, run, about->time_ns))
        stuck(s, run, about, index);
    if (fold_terminal(run) || fold_held(run))
        return;
    if (run->handler) {
        check_handler(s, run, about, index);
        return;
    }
    if ((fold_has(run, FOLD_OPAQUE) && !fold_has(run, FOLD_AUDITED)) ||
        (about->a &&
         (from == UINT64_MAX || !fold_settled(s->head.fold, about, from))))
        s->head.result->unjudged++;
    else
        stuck(s, run, about, index);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct progress *s = self;
    struct engine_record about = *record;
    const struct fold_run *run = fold_run(s->head.fold, record->run);

    if (record->kind == ENGINE_REC_EVENT) {
        if (run && fold_is_run_end(record->detail))
            ended(s, run, record, index);
        return;
    }
    for (uint64_t slot = 1; slot <= fold_count(s->head.fold); slot++) {
        about.run = fold_number(s->head.fold, slot);
        check_end(s, fold_at(s->head.fold, slot), &about, index);
    }
}

const struct check_ops check_progress = {
    .id = "L1",
    .name = "every run ends",
    .unit = "started runs",
    .kinds = CHECK_KIND(EVENT) | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .open = open_progress,
    .feed = feed,
    .close = close_progress,
};
