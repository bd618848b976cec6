/*
 * S6: no message is lost, none is made up. An acknowledged start is a run; a
 * run's end puts one result in the outbox, the client sees it once, and only
 * then is it acknowledged; work that was put is taken or cut once, and none
 * is left when the run has ended. What runs have for one another is the
 * matter of S16, S18 and S19.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

#define WRONG(s, record, index, format, ...)                                   \
    check_violation((s)->result, record, index, "run %" PRIu64 ": " format,    \
                    (record)->run, __VA_ARGS__)

static void result_seen(struct check_self *s, const struct fold_run *run,
                        const struct engine_record *record, uint64_t index)
{
    s->result->checked++;
    if (record->b)
        return;
    if (fold_has(run, FOLD_RESULT_SEEN))
        WRONG(s, record, index, "the client took the result for new %s",
              "although it had seen it before");
    else if (!fold_has(run, FOLD_OUTBOX_PUT | FOLD_RECOVERED | FOLD_OPAQUE))
        WRONG(s, record, index,
              "the client saw a result (%s), but none was put in the outbox; "
              "the run is %s",
              fold_state_name(record->a < 16 ? (unsigned)record->a : 16),
              fold_state_name(run->state));
}

static void outbox_put(struct check_self *s, const struct fold_run *run,
                       const struct engine_record *record, uint64_t index)
{
    s->result->checked++;
    if (fold_is_for_run(record))
        return;
    if (fold_has(run, FOLD_OUTBOX_PUT))
        WRONG(s, record, index, "a second result was put in the outbox by %s",
              engine_record_name(record->kind));
    else if (!fold_terminal(run) && !fold_has(run, FOLD_OPAQUE))
        WRONG(s, record, index,
              "a result was put in the outbox while the run is %s",
              fold_state_name(run->state));
}

static void outbox_acked(struct check_self *s, const struct fold_run *run,
                         const struct engine_record *record, uint64_t index)
{
    const struct fold_handler *handler = run->handler;
    uint32_t row = record->op == UINT32_MAX ? 1 : record->op;
    struct check_node word;

    s->result->checked++;
    if (handler && handler->result_row != row) {
        if (!handler->outbox_open &&
            !fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE))
            WRONG(s, record, index,
                  "outbox row %u was acknowledged, but none is open", row);
    } else if (!fold_has(run, FOLD_OUTBOX_PUT | FOLD_RECOVERED | FOLD_OPAQUE)) {
        WRONG(s, record, index,
              "a result was acknowledged that was never put; the run is %s",
              fold_state_name(run->state));
    } else if (!fold_has(run, FOLD_RESULT_SEEN) &&
               record->run <= s->world->runs_max) {
        WRONG(s, record, index,
              "%s acknowledged the result before the client saw it",
              check_node(&word, s->world, record->peer));
    }
}

static void work(struct check_self *s, const struct fold_run *run,
                 const struct engine_record *record, uint64_t index)
{
    const struct fold_op *op = fold_op(run, record->op);
    const char *name = fold_op_name(s->fold, run, record->op);

    s->result->checked++;
    if (fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE))
        return;
    if (record->kind != ENGINE_REC_WORK_PUT) {
        if (!run->work_open || (op && op->put != record->attempt))
            WRONG(s, record, index,
                  "%s for attempt %u of %s, which has no open work row",
                  engine_record_name(record->kind), record->attempt, name);
    } else if (op && op->put) {
        WRONG(s, record, index,
              "work was put for attempt %u of %s while that of attempt %u is "
              "open",
              record->attempt, name, op->put);
    }
}

static void check_end(struct check_self *s, const struct fold_run *run,
                      const struct engine_record *about, uint64_t index,
                      const struct engine_record *end)
{
    if (!fold_terminal(run) || fold_has(run, FOLD_RECOVERED | FOLD_OPAQUE))
        return;
    if (!fold_has(run, FOLD_OUTBOX_PUT)) {
        WRONG(s, about, index, "it %s, but no result was put in the outbox",
              fold_state_name(run->state));
    } else if (run->work_open) {
        if (fold_settled(s->fold, end, run->last_ns))
            WRONG(s, about, index, "it %s and left %u work rows behind",
                  fold_state_name(run->state), run->work_open);
        else
            s->result->unjudged++;
    }
}

static void world_end(struct check_self *s, const struct engine_record *end,
                      uint64_t index)
{
    struct engine_record about = *end;

    for (uint64_t slot = 1; slot <= fold_count(s->fold); slot++) {
        about.run = fold_number(s->fold, slot);
        check_end(s, fold_at(s->fold, slot), &about, index, end);
    }
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct check_self *s = self;
    const struct fold_run *run = fold_run(s->fold, record->run);

    if (record->kind == ENGINE_REC_WORLD_END)
        world_end(s, record, index);
    if (!run)
        return;
    switch (record->kind) {
    case ENGINE_REC_START_OK:
        s->result->checked++;
        if (!run->next_seq)
            WRONG(s, record, index, "its start was acknowledged, but %s",
                  "its first row was never durable");
        break;
    case ENGINE_REC_RESULT_SEEN:
        result_seen(s, run, record, index);
        break;
    case ENGINE_REC_OUTBOX_PUT:
        outbox_put(s, run, record, index);
        break;
    case ENGINE_REC_OUTBOX_ACKED:
        outbox_acked(s, run, record, index);
        break;
    default:
        work(s, run, record, index);
        break;
    }
}

const struct check_ops check_messages = {
    .id = "S6",
    .name = "no lost and no phantom message",
    .unit = "messages",
    .kinds = CHECK_KIND(START_OK) | CHECK_KIND(RESULT_SEEN) |
             CHECK_KIND(OUTBOX_PUT) | CHECK_KIND(OUTBOX_ACKED) |
             CHECK_KIND(WORK_PUT) | CHECK_KIND(WORK_TAKEN) |
             CHECK_KIND(WORK_CUT) | CHECK_KIND(WORLD_END),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
