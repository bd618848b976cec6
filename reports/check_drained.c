/*
 * L2: at the end nothing lies about: every result in the outbox was
 * acknowledged, every attempt that was reported was taken into the log.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

/* Reports of a blocked run wait for the operator, as the run does. */
static bool blocked(const struct fold_run *run)
{
    return run->state == ENGINE_RUN_BLOCKED ||
           run->row_state == ENGINE_RUN_BLOCKED;
}

static void late(struct check_self *s, const struct fold_run *run,
                 const struct engine_record *end, uint64_t index,
                 const char *what)
{
    if (fold_settled(s->fold, end, run->last_ns))
        check_violation(s->result, end, index,
                        "run %" PRIu64 ": at the end %s; the run is %s since "
                        "%.6f s and node %u had its lease last",
                        end->run, what, fold_state_name(run->state),
                        check_seconds(run->last_ns), run->holder);
    else
        s->result->unjudged++;
}

static void check_outbox(struct check_self *s, const struct fold_run *run,
                         const struct engine_record *end, uint64_t index)
{
    if (!fold_has(run, FOLD_OUTBOX_PUT))
        return;
    s->result->checked++;
    if (fold_has(run, FOLD_OUTBOX_ACKED))
        return;
    /* The acknowledgement may be durable and its record lost. */
    if (fold_has(run, FOLD_RESULT_SEEN) && fold_in_doubt(s->fold, run))
        return;
    late(s, run, end, index,
         fold_has(run, FOLD_RESULT_SEEN)
             ? "its result was seen but is not acknowledged"
             : "its result was never delivered");
}

static void check_inbox(struct check_self *s, const struct fold_run *run,
                        const struct engine_record *end, uint64_t index)
{
    for (uint32_t op = 0; run->ops && op < run->op_count; op++) {
        if (!run->ops[op].put || !run->ops[op].done)
            continue;
        s->result->checked++;
        if (!blocked(run) && !fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE))
            late(s, run, end, index, "a report of its work was never taken");
    }
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct check_self *s = self;
    struct engine_record end = *record;

    for (end.run = 1; end.run <= s->world->runs_max; end.run++) {
        const struct fold_run *run = &s->fold->runs[end.run];

        check_outbox(s, run, &end, index);
        check_inbox(s, run, &end, index);
    }
}

const struct check_ops check_drained = {
    .id = "L2",
    .name = "outbox and inbox are drained",
    .unit = "results and reports",
    .kinds = CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT,
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
