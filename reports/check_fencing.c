/*
 * S2: whatever a store accepts for a run carries the largest token that was
 * granted for it so far and comes from who was granted it; a report is
 * accepted from the worker alone that has claimed the attempt, while that is
 * the last one.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

/* Requests that bring a token of their own, granted with them. */
static bool brings_token(const struct engine_record *record)
{
    return record->kind == ENGINE_REC_LEASE_GRANTED ||
           (record->kind == ENGINE_REC_APPENDED &&
            (record->detail == ENGINE_REQ_CREATE ||
             record->detail == ENGINE_REQ_ACQUIRE));
}

/* The token is right: is it the writer's? */
static void check_writer(struct check_self *s, const struct fold_run *run,
                         const struct engine_record *record, uint64_t index)
{
    struct check_node words[2];

    if (record->peer == run->holder || !record->peer ||
        fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE) ||
        (record->kind == ENGINE_REC_APPENDED && !record->detail))
        return;
    check_violation(s->result, record, index,
                    "run %" PRIu64 ": %s of %s was accepted with token "
                    "%" PRIu64 ", which was granted to %s",
                    record->run, engine_record_name(record->kind),
                    check_node(&words[0], s->world, record->peer),
                    record->token,
                    check_node(&words[1], s->world, run->holder));
}

/* A worker reports an attempt. */
static void check_report(struct check_self *s, const struct fold_run *run,
                         const struct engine_record *record, uint64_t index)
{
    const struct fold_op *op = fold_op(run, record->op);
    struct check_node words[2];

    if (!op || !op->claimed || fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE) ||
        fold_in_doubt(s->fold, run) ||
        (op->claimed == record->attempt && op->claimer == record->peer &&
         op->put == record->attempt))
        return;
    check_violation(s->result, record, index,
                    "run %" PRIu64 ": the report of %s on attempt %u of %s "
                    "was accepted; attempt %u is the last that was put, %u "
                    "was claimed last, by %s",
                    record->run, check_node(&words[0], s->world, record->peer),
                    record->attempt, fold_op_name(s->fold, run, record->op),
                    op->put, op->claimed,
                    check_node(&words[1], s->world, op->claimer));
}

static void check_write(struct check_self *s, const struct fold_run *run,
                        const struct engine_record *record, uint64_t index)
{
    struct check_node words[2];

    if (record->token == run->token) {
        check_writer(s, run, record, index);
        return;
    }
    /* Announced after a commit in doubt: its grant had no record. */
    if (record->kind == ENGINE_REC_APPENDED && !record->detail &&
        record->token > run->token)
        return;
    check_violation(s->result, record, index,
                    "run %" PRIu64 ": %s of %s was accepted with token "
                    "%" PRIu64 ", expected token %" PRIu64 ", granted to %s",
                    record->run, engine_record_name(record->kind),
                    check_node(&words[0], s->world, record->peer),
                    record->token, run->token,
                    check_node(&words[1], s->world, run->holder));
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct check_self *s = self;
    const struct fold_run *run = fold_run(s->fold, record->run);
    struct check_node words[2];

    if (!run)
        return;
    s->result->checked++;
    if (record->kind == ENGINE_REC_WORK_DONE)
        check_report(s, run, record, index);
    else if (!brings_token(record))
        check_write(s, run, record, index);
    else if (record->token <= run->token)
        check_violation(s->result, record, index,
                        "run %" PRIu64 ": %s was granted token %" PRIu64
                        ", expected more than %" PRIu64 ", granted to %s",
                        record->run,
                        check_node(&words[0], s->world, record->peer),
                        record->token, run->token,
                        check_node(&words[1], s->world, run->holder));
}

const struct check_ops check_fencing = {
    .id = "S2",
    .name = "fencing",
    .unit = "accepted writes",
    .kinds = CHECK_KIND(APPENDED) | CHECK_KIND(LEASE_GRANTED) |
             CHECK_KIND(LEASE_RENEWED) | CHECK_KIND(LEASE_RELEASED) |
             CHECK_KIND(WORK_PUT) | CHECK_KIND(WORK_TAKEN) |
             CHECK_KIND(WORK_CUT) | CHECK_KIND(WORK_DONE) |
             CHECK_KIND(OUTBOX_PUT) | CHECK_KIND(OUTBOX_ACKED) |
             CHECK_KIND(INBOX_TAKEN),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
