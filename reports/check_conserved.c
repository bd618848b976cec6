/*
 * S14: nothing appears, nothing disappears. Work put is work taken, cut or
 * still in the store; no more results are acknowledged than were put; runs in
 * the store are the runs that were created, in the states they were left in;
 * a platform never has less than nothing in flight, nor more than it was
 * given.
 *
 * Runs of which a commit in doubt left something unrecorded are not counted,
 * on either side.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

enum {
    STATES = ENGINE_RUN_STATE_COUNT
};

struct conserved {
    struct check_self head;
    uint64_t put;
    uint64_t acked;
    uint64_t invoked;
    uint64_t work_rows;
    uint64_t run_rows[STATES];
};

static bool counted(const struct fold_run *run)
{
    return run && !fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE);
}

static void outbox(struct conserved *s, const struct fold_run *run,
                   const struct engine_record *record, uint64_t index)
{
    s->head.result->checked++;
    if (record->kind == ENGINE_REC_OUTBOX_PUT) {
        s->put++;
        return;
    }
    if (counted(run))
        s->acked++;
    if (s->acked > s->put)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": its outbox row is number %" PRIu64
                        " to be acknowledged, but only %" PRIu64 " were put",
                        record->run, s->acked, s->put);
}

static void gauge(struct conserved *s, const struct engine_record *record,
                  uint64_t index)
{
    struct check_node word;

    s->head.result->checked++;
    if ((int64_t)record->a < 0)
        check_violation(s->head.result, record, index,
                        "%s has %" PRId64 " invocations in flight",
                        check_node(&word, s->head.world, record->node),
                        (int64_t)record->a);
    else if (record->a > s->invoked)
        check_violation(s->head.result, record, index,
                        "%s has %" PRIu64 " invocations in flight, but only "
                        "%" PRIu64 " were ever made",
                        check_node(&word, s->head.world, record->node),
                        record->a, s->invoked);
}

static void count_rows(struct conserved *s, uint64_t *work,
                       uint64_t states[STATES])
{
    for (uint64_t slot = 1; slot <= fold_count(s->head.fold); slot++) {
        const struct fold_run *run = fold_at(s->head.fold, slot);

        if (!run->next_seq || !counted(run))
            continue;
        *work += run->work_open;
        if (run->row_state < STATES)
            states[run->row_state]++;
    }
}

static void audit_done(struct conserved *s, const struct engine_record *done,
                       uint64_t index)
{
    uint64_t states[STATES] = {0};
    uint64_t work = 0;

    s->head.result->checked++;
    count_rows(s, &work, states);
    if (work != s->work_rows)
        check_violation(s->head.result, done, index,
                        "%" PRIu64 " work rows were put and neither taken nor "
                        "cut, the store has %" PRIu64,
                        work, s->work_rows);
    for (unsigned state = 1; state < STATES; state++)
        if (states[state] != s->run_rows[state])
            check_violation(s->head.result, done, index,
                            "%" PRIu64 " runs were left %s, the store has "
                            "%" PRIu64,
                            states[state], fold_state_name(state),
                            s->run_rows[state]);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct conserved *s = self;
    const struct fold_run *run = fold_run(s->head.fold, record->run);

    switch (record->kind) {
    case ENGINE_REC_OUTBOX_PUT:
    case ENGINE_REC_OUTBOX_ACKED:
        outbox(s, run, record, index);
        break;
    case ENGINE_REC_AUDIT_WORK:
        s->work_rows += counted(run);
        break;
    case ENGINE_REC_AUDIT_RUN:
        if (counted(run) && record->state < STATES)
            s->run_rows[record->state]++;
        break;
    case ENGINE_REC_INVOKED:
        s->invoked++;
        break;
    case ENGINE_REC_GAUGE:
        gauge(s, record, index);
        break;
    default:
        if (record->detail)
            audit_done(s, record, index);
        break;
    }
}

static void *open_conserved(const struct check_view *view,
                            struct check_result *result)
{
    return check_self_new(view, result, sizeof(struct conserved));
}

const struct check_ops check_conserved = {
    .id = "S14",
    .name = "conservation",
    .unit = "counts",
    .kinds = CHECK_KIND(OUTBOX_PUT) | CHECK_KIND(OUTBOX_ACKED) |
             CHECK_KIND(AUDIT_WORK) | CHECK_KIND(AUDIT_RUN) |
             CHECK_KIND(AUDIT_DONE) | CHECK_KIND(INVOKED) | CHECK_KIND(GAUGE),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .open = open_conserved,
    .feed = feed,
    .close = check_self_close,
};
