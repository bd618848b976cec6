/*
 * L2: at the end nothing lies about: every result, invocation and message in
 * the outbox was acknowledged, every attempt that was reported was taken into
 * the log.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/waits.h"

/* Reports of a run that is held wait for the operator, as the run does. */
static bool blocked(const struct fold_run *run)
{
    return fold_held(run);
}

static void late(struct check_self *s, const struct fold_run *run,
                 const struct engine_record *end, uint64_t index,
                 const char *what)
{
    struct check_node word;

    if (!fold_settled(s->fold, end, run->last_ns)) {
        s->result->unjudged++;
        return;
    }
    check_violation(s->result, end, index,
                    "run %" PRIu64 ": at the end %s; the run is %s since "
                    "%.6f s and %s had its lease last",
                    end->run, what, fold_state_name(run->state),
                    check_seconds(run->last_ns),
                    check_node(&word, s->world, run->holder));
    check_waits(s, end);
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

/* Invocations of other runs and signals to them. */
static void check_sent(struct check_self *s, const struct fold_run *run,
                       const struct engine_record *end, uint64_t index)
{
    if (!run->handler || !run->handler->outbox_open)
        return;
    s->result->checked++;
    if (!fold_in_doubt(s->fold, run) &&
        !fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE))
        late(s, run, end, index, "something for another run was never sent");
}

static void check_reports(struct check_self *s, const struct fold_run *run,
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

    for (uint64_t slot = 1; slot <= fold_count(s->fold); slot++) {
        const struct fold_run *run = fold_at(s->fold, slot);

        end.run = fold_number(s->fold, slot);
        check_outbox(s, run, &end, index);
        check_sent(s, run, &end, index);
        check_reports(s, run, &end, index);
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
