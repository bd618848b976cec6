/*
 * S9: an end is an end. A run has one terminal event; nothing but the
 * acquiring of its lease, to deliver the result, and the note of what an
 * operator did comes after; the state row
 * does not leave the terminal state, and the client is told the same. A run
 * that failed says why: its root cause is that of the operation it failed of.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

static bool is_end(const struct engine_record *record)
{
    return fold_is_run_end(record->detail);
}

/* Whether a run fails of its operation, and says something else of it. */
static bool is_rootless(const struct fold_run *run,
                        const struct engine_record *record)
{
    return record->detail == ENGINE_EV_RUN_FAILED && run->root &&
           record->a == run->error && record->key_hi != run->root;
}

static void event(struct check_self *s, const struct fold_run *run,
                  const struct engine_record *record, uint64_t index)
{
    s->result->checked += is_end(record);
    if (is_rootless(run, record))
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": it failed (%s) without the root "
                        "cause of its operation's failure",
                        record->run, engine_error_name((unsigned)record->a));
    if (!fold_terminal(run) || record->detail == ENGINE_EV_LEASE_ACQUIRED ||
        record->detail == ENGINE_EV_OPERATOR_ACTION)
        return;
    check_violation(s->result, record, index,
                    "run %" PRIu64 ": %s was logged at seq %" PRIu64
                    " after the run had %s",
                    record->run, engine_event_name(record->detail), record->key,
                    fold_state_name(run->state));
}

static void appended(struct check_self *s, const struct fold_run *run,
                     const struct engine_record *record, uint64_t index)
{
    struct check_node word;

    if (!fold_terminal(run) || !record->state || record->state == run->state)
        return;
    check_violation(s->result, record, index,
                    "run %" PRIu64 ": a write of %s made the run %s "
                    "after it had %s",
                    record->run, check_node(&word, s->world, record->peer),
                    fold_state_name(record->state),
                    fold_state_name(run->state));
}

static void result_seen(struct check_self *s, const struct fold_run *run,
                        const struct engine_record *record, uint64_t index)
{
    s->result->checked++;
    if (fold_has(run, FOLD_OPAQUE) || record->a == run->state)
        return;
    check_violation(s->result, record, index,
                    "run %" PRIu64 ": the client was told that it %s, the log "
                    "says %s",
                    record->run,
                    fold_state_name(record->a < 16 ? (unsigned)record->a : 16),
                    fold_state_name(run->state));
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct check_self *s = self;
    const struct fold_run *run = fold_run(s->fold, record->run);

    if (!run)
        return;
    if (record->kind == ENGINE_REC_EVENT)
        event(s, run, record, index);
    else if (record->kind == ENGINE_REC_APPENDED)
        appended(s, run, record, index);
    else
        result_seen(s, run, record, index);
}

const struct check_ops check_terminal = {
    .id = "S9",
    .name = "terminal stability",
    .unit = "ends and results seen",
    .kinds = CHECK_KIND(EVENT) | CHECK_KIND(APPENDED) | CHECK_KIND(RESULT_SEEN),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
