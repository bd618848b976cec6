/*
 * S4: attempts are counted durably. They are numbered from 1 without a gap,
 * each claimed before its code or effect starts, each ended at most once and
 * before the next begins, by its report or once its claim has run out; none
 * follows a success, a failure that must not be repeated, or the last attempt
 * of the policy; delays are the policy's. Nobody runs an attempt that another
 * claimed, and none is given up that the policy would repeat. None is begun,
 * goes on or is repeated long after the deadline for that.
 *
 * An attempt that its platform would not begin was claimed by nobody, and its
 * platform has said so. The next
 * one goes to the next platform of the step, as the log up to it says, and is
 * not counted while that is one that has not been tried.
 *
 * A handler's invocations are attempts as well: a new one follows one that
 * was suspended or broke off, however many there were, and no other. Attempts
 * of a step inside it count up by one from 1, by one retry each, and none of
 * its code begins after it has ended.
 */
#include <inttypes.h>

#include "engine/failure.h"
#include "reports/check_each.h"
#include "reports/fold.h"

/* One record about an operation, with all that rules look at. */
struct look {
    struct check_self *s;
    const struct fold_run *run;
    const struct fold_op *op;
    const struct engine_node *node;
    const struct engine_record *record;
    uint64_t index;
};

#define WRONG(look, format, ...)                                               \
    check_violation((look)->s->result, (look)->record, (look)->index,          \
                    "run %" PRIu64 ": %s attempt %u " format,                  \
                    (look)->record->run, (look)->node->name,                   \
                    (look)->record->attempt, __VA_ARGS__)

enum {
    INVOCATION_DELAY_MAX = 60 /* s, between invocations that break off */
};

static bool is_handler(const struct look *look)
{
    return look->run->handler != NULL;
}

/* An operator decides what becomes of an attempt that may have happened. */
static bool operated(const struct look *look)
{
    return look->op->end == ENGINE_EV_ATTEMPT_AMBIGUOUS &&
           fold_has(look->run, FOLD_OPERATED);
}

/* Of an attempt that nobody had begun: its effect cannot have happened. */
static bool repeatable_unbegun(const struct look *look)
{
    const struct fold_op *op = look->op;

    switch (op->error) {
    case ENGINE_ERR_TIMED_OUT:
        return op->retryable; /* not if the time for all is over */
    case ENGINE_ERR_CONTRACT:
        return op->moves < look->node->platform_count;
    case ENGINE_ERR_USER:
    case ENGINE_ERR_INTERRUPTED:
    case ENGINE_ERR_OOM:
    case ENGINE_ERR_NETWORK:
    case ENGINE_ERR_STORAGE:
    case ENGINE_ERR_PLATFORM_START:
    case ENGINE_ERR_THROTTLED:
    case ENGINE_ERR_AUTH_EXPIRED:
        return true;
    default:
        return false;
    }
}

static bool repeatable(const struct look *look)
{
    const struct fold_op *op = look->op;

    if (operated(look))
        return true;

    if (is_handler(look))
        return op->end == ENGINE_EV_ATTEMPT_SUSPENDED || op->retryable;
    if (!op->begun)
        return repeatable_unbegun(look);
    switch (op->error) {
    case ENGINE_ERR_USER:
        return op->retryable;
    case ENGINE_ERR_TIMED_OUT:
    case ENGINE_ERR_INTERRUPTED:
    case ENGINE_ERR_OOM:
    case ENGINE_ERR_NETWORK:
    case ENGINE_ERR_STORAGE:
        return op->retryable &&
               look->node->side_effect != ENGINE_EFFECT_IRREVERSIBLE;
    default:
        return false;
    }
}

/* The policy of the class, after an attempt that its platform would not begin:
 * it is asked again as the class says. NULL: the step's own. */
static const struct engine_retry *class_policy(const struct fold_op *op)
{
    return op->begun || (op->error != ENGINE_ERR_THROTTLED &&
                         op->error != ENGINE_ERR_AUTH_EXPIRED)
               ? NULL
               : engine_failure_policy((enum engine_error)op->error);
}

static uint32_t platforms_of(const struct look *look)
{
    return look->node->platform_count ? look->node->platform_count : 1;
}

/* How many attempts there may be, now. */
static uint32_t attempts_max(const struct look *look)
{
    const struct engine_retry *policy = class_policy(look->op);
    uint32_t others = platforms_of(look) - 1;
    uint32_t most = look->node->retry.attempts_max;

    most += look->op->moves < others ? look->op->moves : others;
    return policy ? most + policy->attempts_max - 1 : most;
}

/* Whether the class's policy has another. */
static bool is_asked_again(const struct look *look)
{
    const struct engine_retry *policy = class_policy(look->op);

    return !policy ||
           look->op->same < policy->attempts_max * platforms_of(look);
}

/* Rules for any sign that attempt number `next` is to run. */
static void check_next(const struct look *look, uint32_t next)
{
    const struct fold_op *op = look->op;
    const char *what = engine_record_name(look->record->kind);

    if (look->record->kind == ENGINE_REC_EVENT)
        what = engine_event_name(look->record->detail);
    if (op->phase == FOLD_SUCCEEDED || op->phase == FOLD_FAILED)
        WRONG(look, "(%s) follows the operation's end: it has %s", what,
              fold_phase_name(op->phase));
    else if (op->phase == FOLD_RUNNING)
        WRONG(look, "(%s) comes before the end of attempt %u", what,
              op->attempt);
    else if (next != op->attempt + 1)
        WRONG(look, "(%s): expected attempt %u after %u started", what,
              op->attempt + 1, op->attempt);
    else if (!is_handler(look) && !operated(look) &&
             (next > attempts_max(look) || !is_asked_again(look)))
        WRONG(look, "(%s) is one too many: the policy allows %u", what,
              attempts_max(look));
    else if (op->attempt && !repeatable(look))
        WRONG(look, "(%s) repeats an attempt that must not be: %s, error %s",
              what, engine_event_name(op->end), engine_error_name(op->error));
}

static void check_started(const struct look *look)
{
    look->s->result->checked++;
    check_next(look, look->record->attempt);
    if (look->op->claimed < look->record->attempt &&
        !fold_has(look->run, FOLD_RECOVERED) &&
        !fold_in_doubt(look->s->fold, look->run))
        WRONG(look, "was started in the log, but the last claimed is %u",
              look->op->claimed);
}

/* Whether a deadline has passed by the time of an event. */
static bool is_past(const struct look *look, uint64_t from, uint64_t limit)
{
    return limit > 0 && look->record->wall_ns >= from &&
           look->record->wall_ns - from >= limit;
}

/* The time for all attempts is over. */
static bool is_closed(const struct look *look)
{
    return is_past(look, look->op->first_ns, look->node->timeout_ns);
}

/* An attempt that nobody has begun is given up when that is too late, or when
 * its platform says that it will not be. */
static void check_dropped(const struct look *look)
{
    const struct fold_op *op = look->op;

    if (look->record->attempt != op->attempt + 1 ||
        (op->claimed >= look->record->attempt &&
         !fold_in_doubt(look->s->fold, look->run)))
        WRONG(look, "was given up as not begun; the last claimed is %u",
              op->claimed);
    else if (look->record->detail == ENGINE_EV_ATTEMPT_FAILED &&
             op->refused != look->record->attempt)
        WRONG(look, "was given up (%s), and its platform has not said so",
              engine_error_name((unsigned)look->record->a));
    else if (look->record->detail == ENGINE_EV_ATTEMPT_TIMED_OUT &&
             !is_closed(look) &&
             !is_past(look, op->scheduled_ns, look->node->schedule_to_start_ns))
        WRONG(look,
              "was given up %.6f s after it was scheduled, and no deadline "
              "has passed",
              check_seconds(look->record->wall_ns - op->scheduled_ns));
}

/* Who has claimed it goes on: nobody may say that it broke off. */
static bool is_cut_early(const struct look *look)
{
    const struct fold_op *op = look->op;
    const struct engine_record *record = look->record;

    return (record->detail == ENGINE_EV_ATTEMPT_INTERRUPTED ||
            record->detail == ENGINE_EV_ATTEMPT_FAILED) &&
           op->put == record->attempt && op->claimed == record->attempt &&
           !op->done && record->wall_ns < op->claim_ns &&
           !fold_has(look->run, FOLD_RECOVERED) &&
           !fold_in_doubt(look->s->fold, look->run);
}

static void check_ended(const struct look *look)
{
    look->s->result->checked++;
    if (look->op->phase == FOLD_SCHEDULED &&
        (look->record->detail == ENGINE_EV_ATTEMPT_TIMED_OUT ||
         look->record->detail == ENGINE_EV_ATTEMPT_FAILED)) {
        check_dropped(look);
        return;
    }
    if (look->op->phase != FOLD_RUNNING ||
        look->op->attempt != look->record->attempt)
        WRONG(look, "ended (%s), but attempt %u is %s",
              engine_event_name(look->record->detail), look->op->attempt,
              fold_phase_name(look->op->phase));
    else if (is_cut_early(look))
        WRONG(look, "was cut off (%s) %.6f s before its claim is over",
              engine_error_name((unsigned)look->record->a),
              check_seconds(look->op->claim_ns - look->record->wall_ns));
}

/* The delay before an attempt, without jitter. */
static uint64_t policy_delay(const struct engine_retry *retry, uint32_t attempt)
{
    uint64_t delay = retry->delay_ns;

    for (uint32_t n = 2; n < attempt && delay < retry->delay_max_ns; n++) {
        if (__builtin_mul_overflow(delay, retry->factor_milli, &delay))
            return retry->delay_max_ns;
        delay /= 1000;
    }
    return delay < retry->delay_max_ns ? delay : retry->delay_max_ns;
}

static void check_delay(const struct look *look, uint32_t next)
{
    const struct engine_retry *policy = class_policy(look->op);
    const struct engine_retry *retry = policy ? policy : &look->node->retry;
    uint64_t most = policy_delay(retry, policy ? look->op->same + 1U : next);
    uint64_t least = most;

    if (operated(look))
        return;
    if (is_handler(look)) {
        most = INVOCATION_DELAY_MAX * UINT64_C(1000000000);
        least = 0;
    } else if (retry->jitter == ENGINE_JITTER_HALF)
        least = most / 2;
    else if (retry->jitter == ENGINE_JITTER_FULL)
        least = 0;
    if (look->record->a < least || look->record->a > most)
        WRONG(look, "is to be repeated after %.6f s, expected %.6f s to %.6f s",
              check_seconds(look->record->a), check_seconds(least),
              check_seconds(most));
}

static void check_retry(const struct look *look)
{
    uint32_t next = (uint32_t)look->record->b;

    look->s->result->checked++;
    check_next(look, next);
    check_delay(look, next);
}

static void check_success(const struct look *look)
{
    if (look->node->kind == ENGINE_NODE_STEP && !operated(look) &&
        (look->op->phase != FOLD_ENDED ||
         look->op->end != ENGINE_EV_ATTEMPT_SUCCEEDED))
        WRONG(look, "made the operation succeed, but attempt %u is %s",
              look->op->attempt, fold_phase_name(look->op->phase));
}

static void check_failure(const struct look *look)
{
    const struct fold_op *op = look->op;

    if (op->phase == FOLD_RETRY && !is_closed(look))
        WRONG(look,
              "(error %s) was to be followed by another, and the step "
              "has ended before its deadline",
              engine_error_name(op->error));
    if (op->phase == FOLD_ENDED && repeatable(look) && !is_handler(look) &&
        !operated(look) && op->attempt < attempts_max(look) &&
        is_asked_again(look))
        WRONG(look, "was the last (error %s): the policy allows %u",
              engine_error_name(op->error), attempts_max(look));
}

/* Whether a deadline counted from a time has been missed, by more than an
 * owner needs to see to it; limit 0: there is none. */
static bool is_missed(const struct look *look, uint64_t from, uint64_t limit)
{
    return limit > 0 && from > 0 && limit <= UINT64_MAX - from &&
           look->record->wall_ns >
               fold_latest(look->s->fold, from + limit, look->record);
}

/* Work is taken up or reported: in time? */
static void check_deadlines(const struct look *look)
{
    const struct fold_op *op = look->op;
    const struct engine_record *record = look->record;
    bool claim = record->kind == ENGINE_REC_WORK_CLAIMED;
    uint64_t from = claim ? op->scheduled_ns : op->claimed_ns;
    uint64_t limit = claim ? look->node->schedule_to_start_ns
                           : look->node->attempt_timeout_ns;

    if (record->attempt != op->claimed + claim ||
        (claim && op->phase != FOLD_SCHEDULED))
        return;
    look->s->result->checked++;
    if (is_missed(look, from, limit))
        WRONG(look, "was %s %.6f s after it was %s, and had %.6f s",
              claim ? "begun" : "reported",
              check_seconds(record->wall_ns - from),
              claim ? "scheduled" : "begun", check_seconds(limit));
}

static void check_scheduled(const struct look *look)
{
    check_next(look, look->record->attempt);
    if (look->op->phase == FOLD_RETRY &&
        is_missed(look, look->op->first_ns, look->node->timeout_ns))
        WRONG(look, "was scheduled %.6f s after the first, and all have %.6f s",
              check_seconds(look->record->wall_ns - look->op->first_ns),
              check_seconds(look->node->timeout_ns));
    if (look->op->phase == FOLD_SCHEDULED)
        WRONG(look, "was scheduled twice; attempt %u started before",
              look->op->attempt);
}

static void check_event(const struct look *look)
{
    switch (look->record->detail) {
    case ENGINE_EV_OP_SCHEDULED:
        check_scheduled(look);
        break;
    case ENGINE_EV_ATTEMPT_STARTED:
        check_started(look);
        break;
    case ENGINE_EV_ATTEMPT_SUCCEEDED:
    case ENGINE_EV_ATTEMPT_FAILED:
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
    case ENGINE_EV_ATTEMPT_SUSPENDED:
        check_ended(look);
        break;
    case ENGINE_EV_RETRY_SCHEDULED:
        check_retry(look);
        break;
    case ENGINE_EV_OP_SUCCEEDED:
        check_success(look);
        break;
    case ENGINE_EV_OP_FAILED:
        check_failure(look);
        break;
    default:
        break;
    }
}

static void check_begin(const struct look *look)
{
    struct check_node words[2];

    look->s->result->checked++;
    if (look->record->attempt == look->op->claimed &&
        look->record->node != look->op->claimer)
        WRONG(look, "runs on %s, but %s has claimed it",
              check_node(&words[0], look->s->world, look->record->node),
              check_node(&words[1], look->s->world, look->op->claimer));
    if (look->record->attempt > look->op->claimed)
        WRONG(look,
              "%s on %s before its claim was durable; the last "
              "claimed is %u",
              look->record->kind == ENGINE_REC_ATTEMPT_BEGIN
                  ? "began"
                  : "sent its effect",
              check_node(&words[0], look->s->world, look->record->node),
              look->op->claimed);
}

/* Attempts of a step inside a handler. */

#define STEP_WRONG(look, format, ...)                                          \
    check_violation((look)->s->result, (look)->record, (look)->index,          \
                    "run %" PRIu64 ": operation %u attempt %u " format,        \
                    (look)->record->run, (look)->record->op,                   \
                    (look)->record->attempt, __VA_ARGS__)

/* The number that the next attempt of a step has: READY makes it due. */
static uint32_t step_attempt(const struct fold_operation *op)
{
    if (!op || !op->attempt)
        return 1;
    return op->attempt + (op->status == ENGINE_STATUS_PENDING ||
                          op->status == ENGINE_STATUS_READY);
}

static void check_step_event(const struct look *look,
                             const struct fold_operation *op)
{
    unsigned kind = look->record->detail;
    uint32_t expected = step_attempt(op);

    if (engine_record_type(look->record) != ENGINE_OPERATION_STEP ||
        !look->record->attempt)
        return;
    if (kind != ENGINE_EV_OPERATION_STARTED &&
        kind != ENGINE_EV_OPERATION_SUCCEEDED &&
        kind != ENGINE_EV_OPERATION_FAILED && kind != ENGINE_EV_OPERATION_RETRY)
        return;
    look->s->result->checked++;
    if (look->record->attempt != expected)
        STEP_WRONG(look, "(%s): expected attempt %u, the last known is %u",
                   engine_event_name(kind), expected, op ? op->attempt : 0);
}

/* A step's code begins. A worker that lost the run may not know better. */
static void check_step_begin(const struct look *look,
                             const struct fold_operation *op)
{
    const struct fold_op *handler = fold_op(look->run, 0);
    struct check_node word;

    look->s->result->checked++;
    if (!handler || handler->claimer != look->record->node ||
        handler->claimed < look->run->handler->invocation)
        return;
    if (op && (op->status == ENGINE_STATUS_SUCCEEDED ||
               op->status == ENGINE_STATUS_FAILED))
        STEP_WRONG(look, "began on %s, but the operation has %s",
                   check_node(&word, look->s->world, look->record->node),
                   fold_status_name(op->status));
    else if (look->record->attempt > step_attempt(op))
        STEP_WRONG(look, "began on %s, expected attempt %u",
                   check_node(&word, look->s->world, look->record->node),
                   step_attempt(op));
}

static void check_step(const struct look *look)
{
    const struct engine_record *record = look->record;
    const struct fold_operation *op = fold_operation(look->run, record->op);

    if (!look->run->handler || record->op == UINT32_MAX || !record->op)
        return;
    if (record->kind == ENGINE_REC_ATTEMPT_BEGIN)
        check_step_begin(look, fold_step_of(look->run, record));
    else if (record->kind == ENGINE_REC_EVENT &&
             fold_is_operation(record->detail))
        check_step_event(look, op);
}

/* A dispatch goes where the log says that the attempt is to run. */
static void check_sent(const struct look *look)
{
    const struct engine_node *node = look->node;
    uint32_t expected = 0;

    if (look->op->phase != FOLD_SCHEDULED ||
        look->record->attempt != look->op->attempt + 1)
        return;
    if (node->platform_count > 0) {
        expected = node->platforms[look->op->moves % node->platform_count];
        look->s->result->checked++;
    }
    if (look->record->a != expected)
        WRONG(look,
              "was sent to platform %" PRIu64 ", expected %u: it has moved on "
              "%u times",
              look->record->a, expected, look->op->moves);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct look look = {.s = self, .record = record, .index = index};

    look.run = fold_run(look.s->fold, record->run);
    look.op = fold_op(look.run, record->op);
    if (!look.run || fold_has(look.run, FOLD_OPAQUE))
        return;
    check_step(&look);
    if (!look.op || record->op == UINT32_MAX)
        return;
    look.node = fold_node(look.s->fold, look.run, record->op);
    if (record->kind == ENGINE_REC_EVENT)
        check_event(&look);
    else if (record->kind == ENGINE_REC_WORK_PUT)
        check_next(&look, record->attempt);
    else if (record->kind == ENGINE_REC_WORK_CLAIMED ||
             record->kind == ENGINE_REC_WORK_DONE)
        check_deadlines(&look);
    else if (record->kind == ENGINE_REC_SENT)
        check_sent(&look);
    else
        check_begin(&look);
}

const struct check_ops check_attempts = {
    .id = "S4",
    .name = "attempt accounting",
    .unit = "attempt starts and ends",
    .kinds = CHECK_KIND(EVENT) | CHECK_KIND(WORK_PUT) |
             CHECK_KIND(WORK_CLAIMED) | CHECK_KIND(WORK_DONE) |
             CHECK_KIND(ATTEMPT_BEGIN) | CHECK_KIND(EFFECT_SENT) |
             CHECK_KIND(SENT),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT,
    .open = check_self_open,
    .feed = feed,
    .close = check_self_close,
};
