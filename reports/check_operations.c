/*
 * S12: operations of a handler change as the checkpoint protocol allows. They
 * are numbered in the order they begin, begin once and end once, and keep who
 * they are; only a step between two attempts becomes ready, only a wait
 * fires, only a callback or an invocation times out. A checkpoint is accepted
 * from the invocation under way alone, with a token that none has used, and
 * an invocation is suspended only if something is left to wait for.
 */
#include <inttypes.h>

#include "reports/check_each.h"
#include "reports/fold.h"

struct look {
    struct check_self *s;
    const struct fold_run *run;
    const struct fold_operation *op; /* NULL: not begun */
    const struct engine_record *record;
    uint64_t index;
};

#define WRONG(look, format, ...)                                               \
    check_violation((look)->s->result, (look)->record, (look)->index,          \
                    "run %" PRIu64 ": " format, (look)->record->run,           \
                    __VA_ARGS__)

#define OP_WRONG(look, format, ...)                                            \
    WRONG(look, "operation %u (%s): %s " format, (look)->record->op,           \
          engine_operation_type_name(engine_record_type((look)->record)),      \
          engine_event_name((look)->record->detail), __VA_ARGS__)

/* Types that something outside ends: they cannot begin with their end. */
static bool needs_start(unsigned type)
{
    return type == ENGINE_OPERATION_WAIT || type == ENGINE_OPERATION_CALLBACK ||
           type == ENGINE_OPERATION_INVOKE;
}

static bool may_be_first(const struct engine_record *record)
{
    switch (record->detail) {
    case ENGINE_EV_OPERATION_STARTED:
        return true;
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
    case ENGINE_EV_OPERATION_RETRY:
    case ENGINE_EV_OPERATION_CANCELLED:
        return !needs_start(engine_record_type(record));
    default:
        return false;
    }
}

static void first(const struct look *look)
{
    const struct engine_record *record = look->record;
    uint32_t count = look->run->handler ? look->run->handler->count : 0;
    unsigned type = engine_record_type(record);

    if (record->op != count + 1)
        WRONG(look, "operation %u (%s) was begun after operation %u",
              record->op, engine_event_name(record->detail), count);
    else if (type <= ENGINE_OPERATION_EXECUTION ||
             type >= ENGINE_OPERATION_TYPE_COUNT)
        WRONG(look, "operation %u has a type that there is not: %u", record->op,
              type);
    else if (!may_be_first(record))
        OP_WRONG(look, "comes before it was %s", "started");
}

static bool allowed(const struct fold_operation *op, unsigned event)
{
    switch (event) {
    case ENGINE_EV_OPERATION_STARTED:
        return op->status == ENGINE_STATUS_READY;
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
        return op->status != ENGINE_STATUS_PENDING;
    case ENGINE_EV_OPERATION_RETRY:
        return op->type == ENGINE_OPERATION_STEP &&
               op->status != ENGINE_STATUS_PENDING;
    case ENGINE_EV_OPERATION_READY:
        return op->status == ENGINE_STATUS_PENDING || op->ambiguous;
    case ENGINE_EV_OPERATION_FIRED:
        return op->type == ENGINE_OPERATION_WAIT;
    case ENGINE_EV_OPERATION_TIMED_OUT:
        return op->type == ENGINE_OPERATION_CALLBACK ||
               op->type == ENGINE_OPERATION_INVOKE ||
               op->type == ENGINE_OPERATION_RECEIVE ||
               fold_closes(op) != UINT64_MAX;
    case ENGINE_EV_OPERATION_HEARTBEAT:
        return op->type == ENGINE_OPERATION_CALLBACK;
    default:
        return true;
    }
}

/* Stopping a run stops what is in its contexts as well, these first. */
static bool stopped_with_its_context(const struct look *look)
{
    const struct fold_operation *above = look->op;

    if (look->record->detail != ENGINE_EV_OPERATION_STOPPED)
        return false;
    do {
        above = fold_operation(look->run, above->parent);
    } while (above && !engine_status_terminal(above->status));
    return above && above->status == ENGINE_STATUS_STOPPED;
}

static void change(const struct look *look)
{
    const struct fold_operation *op = look->op;
    const struct engine_record *record = look->record;

    if (op->id != record->a)
        OP_WRONG(look, "is of id %016" PRIx64 ", but it began as %016" PRIx64,
                 record->a, op->id);
    else if (op->type != engine_record_type(record))
        OP_WRONG(look, "but it began as %s",
                 engine_operation_type_name(op->type));
    else if (engine_status_terminal(op->status))
        OP_WRONG(look, "after it had %s", fold_status_name(op->status));
    else if (op->orphan && !stopped_with_its_context(look))
        OP_WRONG(look, "after %s above it had ended", "a context");
    else if (!allowed(op, record->detail))
        OP_WRONG(look, "while it is %s", fold_status_name(op->status));
}

/* The invocation that may write checkpoints; 0: none. */
static uint32_t under_way(const struct fold_run *run)
{
    const struct fold_op *op = fold_op(run, 0);

    if (!run->handler || !op ||
        (op->phase != FOLD_SCHEDULED && op->phase != FOLD_RUNNING))
        return 0;
    return run->handler->invocation;
}

static void checkpoint(const struct look *look)
{
    const struct fold_handler *handler = look->run->handler;
    const struct engine_record *record = look->record;
    uint32_t current = under_way(look->run);

    if (!handler)
        WRONG(look,
              "a checkpoint of invocation %u was accepted, but the run "
              "has no handler",
              record->attempt);
    else if (record->attempt != current)
        WRONG(look,
              "a checkpoint of invocation %u was accepted, but the one under "
              "way is %u%s",
              record->attempt, current, current ? "" : " (none)");
    else if (record->b < handler->token)
        WRONG(look,
              "token %" PRIu64 " of invocation %u was accepted again; tokens "
              "below %" PRIu64 " are used up",
              record->b, record->attempt, handler->token);
    else if (handler->token && record->a == handler->client_token[0] &&
             record->key_hi == handler->client_token[1])
        WRONG(look,
              "one checkpoint of invocation %u was carried out twice, with "
              "token %" PRIu64,
              record->attempt, record->b);
}

/* A step at most once that an earlier invocation began and nobody decided. */
static const struct fold_operation *left_behind(const struct fold_run *run)
{
    for (uint32_t n = 1; n <= run->handler->count; n++) {
        const struct fold_operation *op = fold_operation(run, n);

        if (op->type == ENGINE_OPERATION_STEP && !op->orphan &&
            !op->ambiguous && op->status == ENGINE_STATUS_STARTED &&
            op->options & ENGINE_OPTION_AT_MOST_ONCE &&
            op->begun_by < run->handler->invocation)
            return op;
    }
    return NULL;
}

/* The invocation has gone over all that the handler had begun. */
static void looked_over(const struct look *look)
{
    const struct fold_handler *handler = look->run->handler;
    const struct fold_operation *op = handler ? left_behind(look->run) : NULL;

    if (op)
        WRONG(look,
              "invocation %u ended (%s) and left operation %u as invocation "
              "%u had begun it: a step that runs at most once an attempt",
              look->record->attempt, engine_event_name(look->record->detail),
              (uint32_t)(op - handler->operations) + 1, op->begun_by);
}

static bool is_own_failure(const struct engine_record *record)
{
    return record->detail == ENGINE_EV_ATTEMPT_FAILED && record->op == 0 &&
           !record->b;
}

static void suspended(const struct look *look)
{
    const struct fold_handler *handler = look->run->handler;

    if (handler && !handler->waiting && !handler->fresh &&
        !fold_held(look->run))
        WRONG(look, "invocation %u was suspended with nothing to wait for",
              look->record->attempt);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct look look = {.s = self, .record = record, .index = index};

    if (record->detail < ENGINE_EV_ATTEMPT_SUSPENDED && !is_own_failure(record))
        return;
    look.run = fold_run(look.s->fold, record->run);
    if (!look.run || fold_has(look.run, FOLD_OPAQUE))
        return;
    if (is_own_failure(record) || record->detail == ENGINE_EV_ATTEMPT_SUSPENDED)
        looked_over(&look);
    if (is_own_failure(record))
        return;
    look.op = fold_operation(look.run, record->op);
    look.s->result->checked++;
    if (record->detail == ENGINE_EV_CHECKPOINT)
        checkpoint(&look);
    else if (record->detail == ENGINE_EV_ATTEMPT_SUSPENDED)
        suspended(&look);
    else if (!fold_is_operation(record->detail) ||
             engine_record_type(record) == ENGINE_OPERATION_EXECUTION)
        return;
    else if (look.op)
        change(&look);
    else
        first(&look);
}

const struct check_ops check_operations = {
    .id = "S12",
    .name = "operations and checkpoints",
    .unit = "operation events",
    .kinds = CHECK_KIND(EVENT),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .applies = fold_has_handlers,
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
