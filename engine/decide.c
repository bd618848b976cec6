#include "engine/decide.h"

#include <assert.h>
#include <stdio.h>

#include "engine/cause.h"
#include "engine/failure.h"
#include "engine/invoke.h"
#include "engine/random.h"
#include "engine/store.h"
#include "engine/value.h"

void engine_decide_event(struct engine_decide *decide,
                         enum engine_event_kind kind, uint32_t op,
                         uint32_t attempt, uint64_t a, uint64_t b,
                         const void *payload, size_t size)
{
    struct engine_item head = {
        .type = ENGINE_ITEM_EVENT,
        .kind = (uint16_t)kind,
        .op = op,
        .attempt = attempt,
        .a = a,
        .b = b,
    };
    struct engine_item *item =
        engine_block_item(decide->block, &head, payload, size);
    if (!item) {
        decide->error = -1;
        return;
    }
    decide->count++;
    int error = engine_run_apply(decide->run, item, 0);
    if (error && !decide->error)
        decide->error = error;
}

void engine_decide_added(struct engine_decide *decide, size_t from)
{
    while (from < decide->block->size) {
        const struct engine_item *event =
            (const void *)(decide->block->bytes + from);
        int error = engine_run_apply(decide->run, event, 0);
        if (error && !decide->error)
            decide->error = error;
        decide->count++;
        from += engine_item_span(event->size);
    }
}

void engine_decide_row(struct engine_decide *decide,
                       const struct engine_item *row, const void *payload,
                       size_t size)
{
    if (engine_block_item(decide->rows, row, payload, size))
        decide->count++;
    else
        decide->error = -1;
}

static void add_row(struct engine_decide *decide, const struct engine_item *row)
{
    engine_decide_row(decide, row, NULL, 0);
}

static void add_work(struct engine_decide *decide, uint32_t flag, uint32_t op,
                     uint32_t attempt, uint64_t a, uint64_t b)
{
    struct engine_item row = {.type = ENGINE_ITEM_WORK,
                              .op = op,
                              .attempt = attempt,
                              .a = a,
                              .b = b,
                              .flags = flag};
    add_row(decide, &row);
}

void engine_decide_rows(struct engine_decide *decide)
{
    for (const struct engine_item *row =
             engine_item_first(decide->rows->bytes, sizeof(uint64_t));
         row; row = engine_item_next(decide->rows->bytes, row)) {
        bool put =
            row->type == ENGINE_ITEM_WORK && row->flags == ENGINE_WORK_PUT;
        size_t size =
            put ? engine_run_input_size(decide->run, row->op) : row->size;
        struct engine_item *item = engine_block_item(
            decide->block, row, put ? NULL : engine_item_payload(row), size);
        if (!item)
            decide->error = -1;
        else if (put)
            engine_run_input(decide->run, row->op, item + 1);
    }
}

/* A retry waits its turn, then is scheduled like a first attempt. */
static void schedule(struct engine_decide *decide, uint32_t op,
                     uint32_t attempt)
{
    engine_decide_event(decide, ENGINE_EV_OP_SCHEDULED, op, attempt, 0, 0, NULL,
                        0);
    add_work(decide, ENGINE_WORK_PUT, op, attempt, 0, 0);
}

uint64_t engine_retry_delay(const struct engine_retry *retry, uint64_t seed,
                            uint64_t run, uint32_t op, uint32_t attempt)
{
    uint64_t delay = retry->delay_ns;
    for (uint32_t n = 2; n < attempt && delay < retry->delay_max_ns; n++) {
        /* Divide first where the product could overflow. */
        delay = delay > UINT64_MAX / retry->factor_milli
                    ? retry->delay_max_ns
                    : delay * retry->factor_milli / 1000;
    }
    if (delay > retry->delay_max_ns)
        delay = retry->delay_max_ns;
    if (retry->jitter == ENGINE_JITTER_NONE || delay == 0)
        return delay;
    struct engine_stream stream;
    engine_stream_init(&stream, seed, "engine/retry", run);
    uint64_t index = (uint64_t)op << 32 | attempt;
    if (retry->jitter == ENGINE_JITTER_FULL)
        return engine_draw_below(&stream, index, delay + 1);
    return delay / 2 + engine_draw_below(&stream, index, delay - delay / 2 + 1);
}

/* May an attempt that ended with this error be followed by another? */
static bool repeatable(const struct engine_decide *decide,
                       const struct engine_node *node, uint32_t error,
                       bool retryable)
{
    if (engine_defect(decide->defects, ENGINE_DEFECT_RETRY_ALL))
        return true;
    if (error == ENGINE_ERR_USER)
        return retryable;
    /* Who declares nothing but attempts wants them made. */
    return engine_failure_retryable(
               (enum engine_error)error,
               node->side_effect ? node->side_effect : ENGINE_EFFECT_IDEMPOTENT,
               true) == ENGINE_VERDICT_RETRY;
}

/* The attempt was cut off: may its side effect have happened unseen? */
static bool ambiguous(const struct engine_decide *decide,
                      const struct engine_node *node)
{
    if (engine_defect(decide->defects, ENGINE_DEFECT_RETRY_ALL))
        return false;
    return node->side_effect == ENGINE_EFFECT_IRREVERSIBLE ||
           (node->side_effect == ENGINE_EFFECT_REVERSIBLE &&
            node->semantics == ENGINE_AT_MOST_ONCE);
}

/* Whether the policy has another attempt after this one. */
static bool has_budget(const struct engine_decide *decide,
                       const struct engine_node *node,
                       const struct engine_op *op)
{
    if (engine_defect(decide->defects, ENGINE_DEFECT_RETRY_ALL) ||
        (op->error == ENGINE_ERR_INTERRUPTED &&
         engine_defect(decide->defects, ENGINE_DEFECT_ATTEMPT_ON_REPORT_ONLY)))
        return true;
    if (engine_defect(decide->defects, ENGINE_DEFECT_RETRY_UNREAD))
        return false;
    if (engine_defect(decide->defects, ENGINE_DEFECT_ATTEMPTS_OFF_BY_ONE))
        return op->attempt <= node->retry.attempts_max;
    return engine_decide_has_attempt(decide->run,
                                     (uint32_t)(op - decide->run->ops));
}

/*
 * The policy of its class, for an attempt that its platform would not begin:
 * how often the platform is asked again is not for the step to say.
 */
static const struct engine_retry *platform_policy(const struct engine_op *op)
{
    return op->begun || (op->error != ENGINE_ERR_THROTTLED &&
                         op->error != ENGINE_ERR_AUTH_EXPIRED)
               ? NULL
               : engine_failure_policy((enum engine_error)op->error);
}

/* Whether that policy has another; each platform is asked so often. */
static bool may_ask_again(const struct engine_node *node,
                          const struct engine_retry *policy, uint32_t same)
{
    uint32_t count = node->platform_count ? node->platform_count : 1;
    return same < policy->attempts_max * count;
}

bool engine_decide_has_attempt(const struct engine_run *run, uint32_t index)
{
    const struct engine_node *node = engine_graph_node(run->graph, index);
    const struct engine_op *op = &run->ops[index];
    const struct engine_retry *policy = platform_policy(op);
    uint32_t counted = op->attempt - engine_run_first_moves(run, index);
    if (!policy)
        return counted < node->retry.attempts_max;
    return may_ask_again(node, policy, op->same) &&
           counted < node->retry.attempts_max + policy->attempts_max - 1;
}

/* How long the next attempt of an operation waits. */
static uint64_t delay_of(const struct engine_decide *decide, uint32_t op)
{
    struct engine_retry retry =
        engine_graph_node(decide->run->graph, op)->retry;
    uint32_t next = decide->run->ops[op].attempt + 1;
    uint64_t base = 0;
    const struct engine_retry *policy = platform_policy(&decide->run->ops[op]);
    if (policy)
        return engine_retry_delay(policy, decide->seed, decide->run->id, op,
                                  decide->run->ops[op].same + 1U);
    if (engine_defect(decide->defects, ENGINE_DEFECT_BACKOFF_NO_GROWTH))
        next = 2;
    if (engine_defect(decide->defects, ENGINE_DEFECT_BACKOFF_NO_CAP))
        retry.delay_max_ns = (uint64_t)INT64_MAX;
    if (engine_defect(decide->defects, ENGINE_DEFECT_JITTER_ON_TOP))
        base = retry.delay_ns;
    return base +
           engine_retry_delay(&retry, decide->seed, decide->run->id, op, next);
}

static const struct engine_text no_words = {"", 0};

/* After an attempt that did not succeed: the next one, or the end. */
static void follow(struct engine_decide *decide, uint32_t op, bool again)
{
    const struct engine_node *node = engine_graph_node(decide->run->graph, op);
    uint32_t attempt = decide->run->ops[op].attempt;
    if (again && has_budget(decide, node, &decide->run->ops[op])) {
        uint64_t delay = delay_of(decide, op);
        engine_decide_event(decide, ENGINE_EV_RETRY_SCHEDULED, op, attempt,
                            delay, attempt + 1, NULL, 0);
    } else {
        engine_decide_event(decide, ENGINE_EV_OP_FAILED, op, attempt, 0, 0,
                            NULL, 0);
    }
}

static void end_failed(struct engine_decide *decide, uint32_t op,
                       enum engine_event_kind kind, uint32_t error,
                       bool retryable, struct engine_text words)
{
    const struct engine_node *node = engine_graph_node(decide->run->graph, op);
    bool again = repeatable(decide, node, error, retryable);
    engine_decide_event(decide, kind, op, decide->run->ops[op].attempt, error,
                        again, words.text, words.size);
    follow(decide, op, again);
}

/* Deadlines around attempts are named in the events that they lead to. */
static const char start_deadline[] = "schedule_to_start";
static const char close_deadline[] = "timeout";

/* The attempt under way missed a deadline; again: there may be another. */
static void end_late(struct engine_decide *decide, uint32_t op,
                     const char *deadline, bool again)
{
    engine_decide_event(decide, ENGINE_EV_ATTEMPT_TIMED_OUT, op,
                        decide->run->ops[op].attempt, ENGINE_ERR_TIMED_OUT,
                        again, deadline, strlen(deadline));
    follow(decide, op, again);
}

static void not_before(struct engine_decide *decide, uint64_t time_ns)
{
    if (time_ns > decide->not_before_ns)
        decide->not_before_ns = time_ns;
}

/* The time for all attempts of an operation is over. */
static bool is_closed(const struct engine_decide *decide,
                      const struct engine_op *op)
{
    if (engine_defect(decide->defects, ENGINE_DEFECT_CLOSE_DEADLINE_UNREAD))
        return false;
    return !op->unstamped && op->close_ns > 0 &&
           op->close_ns <= decide->store_now_ns;
}

/* The step's code did not come to its end. */
static bool cut_short(uint32_t error)
{
    return error == ENGINE_ERR_TIMED_OUT || error == ENGINE_ERR_INTERRUPTED ||
           error == ENGINE_ERR_OOM;
}

size_t engine_decide_actor(uint64_t run, char text[32])
{
    char digits[24];
    size_t count = 0;
    size_t size = 4;
    memcpy(text, "run ", size);
    do {
        digits[count++] = (char)('0' + run % 10);
        run /= 10;
    } while (run > 0);
    while (count > 0)
        text[size++] = digits[--count];
    return size;
}

uint64_t engine_decide_backoff(uint32_t failures)
{
    const uint64_t longest = UINT64_C(60000000000);
    uint64_t delay = UINT64_C(1000000000);
    for (uint32_t n = 1; n < failures && delay < longest; n++)
        delay *= 2;
    return delay < longest ? delay : longest;
}

/* The invocation broke off: there will be another, until the run's end. */
static void end_broken(struct engine_decide *decide,
                       enum engine_event_kind kind, uint32_t error,
                       struct engine_text words)
{
    uint32_t attempt = decide->run->ops[0].attempt;
    engine_decide_event(decide, kind, 0, attempt, error, 1, words.text,
                        words.size);
    engine_decide_event(decide, ENGINE_EV_RETRY_SCHEDULED, 0, attempt,
                        engine_decide_backoff(decide->run->execution->failures),
                        attempt + 1, NULL, 0);
}

/* The handler's own error ends the run. */
static void end_wrong(struct engine_decide *decide, uint32_t error,
                      const void *words, size_t size)
{
    uint32_t attempt = decide->run->ops[0].attempt;
    engine_decide_event(decide, ENGINE_EV_ATTEMPT_FAILED, 0, attempt, error, 0,
                        words, size);
    engine_decide_event(decide, ENGINE_EV_OP_FAILED, 0, attempt, 0, 0, NULL, 0);
}

const struct engine_item *engine_decide_word(const void *words, size_t size,
                                             uint32_t op, uint32_t attempt)
{
    const unsigned char *bytes = words;
    for (size_t at = 0; at < size;) {
        const struct engine_item *word = (const void *)(bytes + at);
        if (word->op == op && word->attempt == attempt)
            return word;
        at += engine_item_span(word->size);
    }
    return NULL;
}

static const struct engine_item *word_of(const struct engine_decide *decide,
                                         const struct engine_item *work)
{
    return engine_decide_word(decide->words, decide->words_size, work->op,
                              work->attempt);
}

bool engine_decide_may_end(uint32_t error)
{
    return error == ENGINE_ERR_USER || error == ENGINE_ERR_TIMED_OUT ||
           error == ENGINE_ERR_INTERRUPTED || error == ENGINE_ERR_OOM ||
           error == ENGINE_ERR_NETWORK || error == ENGINE_ERR_STORAGE ||
           error == ENGINE_ERR_SIZE_LIMIT || error == ENGINE_ERR_UNKNOWN;
}

static enum engine_event_kind kind_of_break(uint32_t error)
{
    if (error == ENGINE_ERR_TIMED_OUT)
        return ENGINE_EV_ATTEMPT_TIMED_OUT;
    return error == ENGINE_ERR_INTERRUPTED ? ENGINE_EV_ATTEMPT_INTERRUPTED
                                           : ENGINE_EV_ATTEMPT_FAILED;
}

static void take_invocation(struct engine_decide *decide,
                            const struct engine_item *work, uint32_t error)
{
    static const char idle[] = "PENDING with nothing pending";
    const struct engine_execution *execution = decide->run->execution;
    const void *payload = engine_item_payload(work);
    struct engine_hash hash;
    switch (error) {
    case ENGINE_ERR_NONE:
        hash = engine_hash_bytes(payload, work->size);
        engine_decide_event(decide, ENGINE_EV_ATTEMPT_SUCCEEDED, 0,
                            work->attempt, hash.lo, hash.hi, payload,
                            work->size);
        engine_decide_event(decide, ENGINE_EV_OP_SUCCEEDED, 0, work->attempt, 0,
                            0, NULL, 0);
        break;
    case ENGINE_ERR_PENDING:
        if (engine_execution_is_waiting(execution) ||
            engine_execution_has_news(execution) ||
            engine_defect(decide->defects, ENGINE_DEFECT_PENDING_IDLE))
            engine_decide_event(decide, ENGINE_EV_ATTEMPT_SUSPENDED, 0,
                                work->attempt, 0, 0, NULL, 0);
        else
            end_wrong(decide, ENGINE_ERR_VALIDATION, idle, sizeof(idle) - 1);
        break;
    default:
        /* Retryable: it broke off; else it is the handler's own error. */
        if (work->flags >> 16)
            end_broken(decide, kind_of_break(error), error,
                       work->size <= ENGINE_CAUSE_MAX
                           ? (struct engine_text){payload, work->size}
                           : no_words);
        else
            end_wrong(decide, error, payload, work->size);
        break;
    }
    add_work(decide, ENGINE_WORK_TAKE, 0, work->attempt, 0, 0);
}

static void take_report(struct engine_decide *decide,
                        const struct engine_item *work)
{
    uint32_t error = work->flags & 0xffff;
    if (error >= ENGINE_ERR_COUNT)
        error = ENGINE_ERR_UNKNOWN;
    engine_decide_event(decide, ENGINE_EV_ATTEMPT_STARTED, work->op,
                        work->attempt, work->a, 0, NULL, 0);
    if (decide->run->execution) {
        take_invocation(decide, work, error);
        return;
    }
    if (error == ENGINE_ERR_NONE) {
        struct engine_hash hash =
            engine_hash_bytes(engine_item_payload(work), work->size);
        engine_decide_event(decide, ENGINE_EV_ATTEMPT_SUCCEEDED, work->op,
                            work->attempt, hash.lo, hash.hi,
                            engine_item_payload(work), work->size);
        engine_decide_event(decide, ENGINE_EV_OP_SUCCEEDED, work->op,
                            work->attempt, 0, 0, NULL, 0);
    } else {
        const struct engine_node *node =
            engine_graph_node(decide->run->graph, work->op);
        if (cut_short(error) ? ambiguous(decide, node)
                             : error == ENGINE_ERR_AMBIGUOUS)
            engine_decide_event(decide, ENGINE_EV_ATTEMPT_AMBIGUOUS, work->op,
                                work->attempt, error, 0, NULL, 0);
        else
            end_failed(decide, work->op,
                       error == ENGINE_ERR_TIMED_OUT
                           ? ENGINE_EV_ATTEMPT_TIMED_OUT
                           : ENGINE_EV_ATTEMPT_FAILED,
                       error, work->flags >> 16 != 0, no_words);
    }
    add_work(decide, ENGINE_WORK_TAKE, work->op, work->attempt, 0, 0);
}

/*
 * Nobody has begun the attempt in time, so nothing of it can have happened,
 * and whoever is late finds no work.
 */
static void give_up_late(struct engine_decide *decide,
                         const struct engine_item *work, uint64_t due)
{
    bool closed = is_closed(decide, &decide->run->ops[work->op]);
    not_before(decide, due);
    if (decide->run->execution)
        end_broken(
            decide, ENGINE_EV_ATTEMPT_TIMED_OUT, ENGINE_ERR_TIMED_OUT,
            (struct engine_text){start_deadline, sizeof(start_deadline) - 1});
    else
        end_late(decide, work->op, closed ? close_deadline : start_deadline,
                 !closed);
}

static struct engine_text text_of(const struct engine_item *word)
{
    return (struct engine_text){engine_item_payload(word), word->size};
}

/* May an attempt that its platform would not begin be followed by another? */
static bool may_begin_again(const struct engine_decide *decide, uint32_t index,
                            uint32_t error)
{
    const struct engine_run *run = decide->run;
    const struct engine_node *node = engine_graph_node(run->graph, index);
    const struct engine_op *op = &run->ops[index];
    if (error == ENGINE_ERR_CONTRACT) /* another may have what it needs */
        return op->moves + 1 < node->platform_count;
    if (error == ENGINE_ERR_AUTH_EXPIRED &&
        engine_defect(decide->defects, ENGINE_DEFECT_EXPIRY_FATAL))
        return false;
    if (run->execution && error == ENGINE_ERR_AUTH_EXPIRED)
        return may_ask_again(node, engine_failure_policy(error),
                             op->error == error ? op->same + 1U : 1);
    return error == ENGINE_ERR_USER ||
           engine_failure_retryable((enum engine_error)error, node->side_effect,
                                    false) == ENGINE_VERDICT_RETRY;
}

/* Its platform says that nobody will begin it. */
static void give_up_unbegun(struct engine_decide *decide,
                            const struct engine_item *work,
                            const struct engine_item *word)
{
    uint32_t error = (uint32_t)word->a;
    bool again = may_begin_again(decide, work->op, error);
    if (!decide->run->execution) {
        engine_decide_event(decide, ENGINE_EV_ATTEMPT_FAILED, work->op,
                            work->attempt, error, again,
                            engine_item_payload(word), word->size);
        follow(decide, work->op, again);
    } else if (again) {
        end_broken(decide, ENGINE_EV_ATTEMPT_FAILED, error, text_of(word));
    } else {
        end_wrong(decide, error, engine_item_payload(word), word->size);
    }
}

static void drop_attempt(struct engine_decide *decide,
                         const struct engine_item *work)
{
    uint64_t due = engine_run_op_due(&decide->run->ops[work->op]);
    bool late =
        due <= decide->store_now_ns &&
        !engine_defect(decide->defects, ENGINE_DEFECT_START_DEADLINE_UNREAD);
    const struct engine_item *word = late ? NULL : word_of(decide, work);
    if (late)
        give_up_late(decide, work, due);
    else if (word)
        give_up_unbegun(decide, work, word);
    else
        return;
    add_work(decide, ENGINE_WORK_DROP, work->op, work->attempt, 0, 0);
    decide->cut_count++;
}

/* When an attempt that was claimed at that time must be over. */
uint64_t engine_decide_over_at(const struct engine_run *run, uint32_t op,
                               uint64_t claimed_ns)
{
    uint64_t timeout = engine_graph_node(run->graph, op)->attempt_timeout_ns;
    uint64_t over = claimed_ns + timeout;
    uint64_t close = run->ops[op].close_ns;
    return close > 0 && close < over ? close : over;
}

/* How an attempt that was cut off is said to have ended. */
struct cut {
    uint32_t error;
    struct engine_text words;
};

/* The claim ran out: nobody knows why, unless its platform has said it. */
static struct cut cut_of(const struct engine_decide *decide,
                         const struct engine_item *work, bool expired)
{
    const struct engine_item *word = expired ? word_of(decide, work) : NULL;
    struct cut cut = {expired ? ENGINE_ERR_INTERRUPTED : ENGINE_ERR_TIMED_OUT,
                      no_words};
    if (!word)
        return cut;
    cut.words = text_of(word);
    if (engine_decide_may_end((uint32_t)word->a))
        cut.error = (uint32_t)word->a;
    return cut;
}

static void end_cut(struct engine_decide *decide,
                    const struct engine_item *work, struct cut cut)
{
    enum engine_event_kind kind = kind_of_break(cut.error);
    const struct engine_node *node =
        engine_graph_node(decide->run->graph, work->op);
    bool final = cut.error != ENGINE_ERR_USER &&
                 engine_failure_retryable((enum engine_error)cut.error,
                                          ENGINE_EFFECT_IDEMPOTENT,
                                          true) != ENGINE_VERDICT_RETRY;
    if (decide->run->execution && final)
        end_wrong(decide, cut.error, cut.words.text, cut.words.size);
    else if (decide->run->execution)
        end_broken(decide, kind, cut.error, cut.words);
    else if (ambiguous(decide, node))
        engine_decide_event(decide, ENGINE_EV_ATTEMPT_AMBIGUOUS, work->op,
                            work->attempt, cut.error, 0, cut.words.text,
                            cut.words.size);
    else
        end_failed(decide, work->op, kind, cut.error, true, cut.words);
}

/* A defect: the claim holds, and its platform says that it has failed. */
static bool is_believed(const struct engine_decide *decide,
                        const struct engine_item *work)
{
    const struct engine_item *word = word_of(decide, work);
    return word && engine_decide_may_end((uint32_t)word->a) &&
           engine_defect(decide->defects, ENGINE_DEFECT_WORD_OVER_CLAIM);
}

static void cut_attempt(struct engine_decide *decide,
                        const struct engine_item *work)
{
    const struct engine_node *node =
        engine_graph_node(decide->run->graph, work->op);
    uint64_t over = engine_decide_over_at(decide->run, work->op, work->a);
    bool believed = is_believed(decide, work);
    bool expired = believed || decide->store_now_ns >= work->b;
    bool closed = !expired && is_closed(decide, &decide->run->ops[work->op]);
    if (!expired &&
        (decide->store_now_ns < over ||
         engine_defect(decide->defects, ENGINE_DEFECT_ATTEMPT_NO_TIMEOUT)))
        return;
    if (ambiguous(decide, node) &&
        engine_defect(decide->defects, ENGINE_DEFECT_AMO_NO_INTERRUPT_ERR))
        return;
    engine_decide_event(decide, ENGINE_EV_ATTEMPT_STARTED, work->op,
                        work->attempt, work->a, 0, NULL, 0);
    if (closed && !decide->run->execution && !ambiguous(decide, node))
        end_late(decide, work->op, close_deadline, false);
    else
        end_cut(decide, work, cut_of(decide, work, expired));
    add_work(decide, ENGINE_WORK_CUT, work->op, work->attempt, work->b,
             believed  ? 0
             : expired ? work->b
                       : over);
    decide->cut_count++;
}

void engine_decide_work(struct engine_decide *decide,
                        const struct engine_item *work)
{
    struct engine_run *run = decide->run;
    if (work->op >= run->op_count)
        return;
    const struct engine_op *op = &run->ops[work->op];
    if (op->state != ENGINE_OP_SCHEDULED || op->attempt != work->attempt)
        return;
    if (work->kind == ENGINE_WORK_DONE)
        take_report(decide, work);
    else if (work->kind == ENGINE_WORK_CLAIMED)
        cut_attempt(decide, work);
    else if (work->kind == ENGINE_WORK_PENDING)
        drop_attempt(decide, work);
}

/* Something may begin: the run is not held, nor at its end. */
static bool goes_on(const struct engine_decide *decide)
{
    const struct engine_run *run = decide->run;
    return run->state == ENGINE_RUN_RUNNING && !engine_run_winds_down(run) &&
           engine_run_deadline(run) > decide->store_now_ns;
}

static void fire(struct engine_decide *decide)
{
    size_t from = decide->block->size;
    uint64_t latest = 0;
    if (engine_execution_due(decide->run->execution) > decide->store_now_ns)
        return;
    if (engine_execution_fire(decide->run->execution, decide->store_now_ns,
                              decide->block, &latest)) {
        decide->error = -1;
        return;
    }
    not_before(decide, latest);
    engine_decide_added(decide, from);
}

/* A step between its attempts for which there is no time left. */
static void close_step(struct engine_decide *decide, uint32_t op)
{
    const struct engine_op *step = &decide->run->ops[op];
    not_before(decide, step->close_ns);
    engine_decide_event(decide, ENGINE_EV_OP_FAILED, op, step->attempt,
                        ENGINE_ERR_TIMED_OUT, step->close_ns, close_deadline,
                        sizeof(close_deadline) - 1);
}

/* When what an operation waits for is due. */
static uint64_t due_of(const struct engine_decide *decide,
                       const struct engine_op *op)
{
    const uint64_t most = UINT64_C(1000000) << 31;
    if (op->state == ENGINE_OP_WAITING && !op->unstamped &&
        op->due_ns > decide->store_now_ns + most &&
        engine_defect(decide->defects, ENGINE_DEFECT_TIMER_OVERFLOW))
        return decide->store_now_ns;
    if (engine_defect(decide->defects, ENGINE_DEFECT_CLOSE_DEADLINE_UNREAD))
        return op->unstamped ? UINT64_MAX : op->due_ns;
    return engine_run_op_due(op);
}

void engine_decide_timers(struct engine_decide *decide)
{
    struct engine_run *run = decide->run;
    if (run->state == ENGINE_RUN_PAUSED && run->execution &&
        engine_defect(decide->defects, ENGINE_DEFECT_PAUSED_TIMERS))
        fire(decide);
    if (!goes_on(decide))
        return;
    if (run->execution)
        fire(decide);
    /* Firing closes operations: walk a list that may shrink under us. */
    for (uint32_t i = 0; i < run->open_count;) {
        uint32_t index = run->open[i];
        struct engine_op *op = &run->ops[index];
        bool timed =
            op->state == ENGINE_OP_WAITING || op->state == ENGINE_OP_RETRY_WAIT;
        uint64_t due = timed ? due_of(decide, op) : UINT64_MAX;
        if (due > decide->store_now_ns) {
            i++;
            continue;
        }
        if (is_closed(decide, op)) {
            close_step(decide, index);
            continue;
        }
        not_before(decide, due < op->due_ns ? due : op->due_ns);
        if (op->state == ENGINE_OP_RETRY_WAIT) {
            schedule(decide, index, op->attempt);
            i++;
        } else {
            engine_decide_event(decide, ENGINE_EV_WAIT_FIRED, index, 0, 0,
                                op->due_ns, NULL, 0);
            engine_decide_event(decide, ENGINE_EV_OP_SUCCEEDED, index, 0, 0, 0,
                                NULL, 0);
        }
        if (decide->error)
            return;
    }
}

void engine_decide_ready(struct engine_decide *decide)
{
    struct engine_run *run = decide->run;
    if (!goes_on(decide))
        return;
    if (run->ops[0].state == ENGINE_OP_PARKED &&
        engine_execution_has_news(run->execution))
        schedule(decide, 0, run->ops[0].attempt + 1);
    uint32_t count = run->ready_count;
    run->ready_count = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct engine_node *node =
            engine_graph_node(run->graph, run->ready[i]);
        if (node->kind == ENGINE_NODE_WAIT)
            engine_decide_event(decide, ENGINE_EV_WAIT_STARTED, run->ready[i],
                                0, node->wait_ns, 0, NULL, 0);
        else
            schedule(decide, run->ready[i], 1);
    }
}

static bool attempts_open(const struct engine_run *run)
{
    for (uint32_t i = 0; i < run->open_count; i++)
        if (run->ops[run->open[i]].state == ENGINE_OP_SCHEDULED)
            return true;
    return false;
}

/* The run that invoked this one hears of its end by a signal. */
static void tell_parent(struct engine_decide *decide, uint32_t error,
                        unsigned flags, const void *value, size_t size)
{
    const struct engine_origin *origin = &decide->run->origin;
    struct engine_item head = {.type = ENGINE_ITEM_OUTBOX,
                               .kind = ENGINE_OUTBOX_SIGNAL,
                               .op = ENGINE_OUTBOX_END};
    const struct engine_signal signal = {.run = origin->parent,
                                         .number = origin->parent_op,
                                         .kind = ENGINE_SIG_CHILD_ENDED,
                                         .error = error,
                                         .flags = (uint16_t)flags,
                                         .value_size = (uint32_t)size};
    struct engine_item *item =
        engine_block_item(decide->rows, &head, NULL, sizeof(signal) + size);
    if (!item) {
        decide->error = -1;
        return;
    }
    memcpy(item + 1, &signal, sizeof(signal));
    if (size > 0)
        memcpy((unsigned char *)(item + 1) + sizeof(signal), value, size);
    decide->count++;
}

/* Of the messages of an edge, those that came to nothing: the last ones. */
static uint64_t unsent(const struct engine_execution *execution,
                       const struct engine_execution_edge *edge)
{
    uint64_t count = 0;
    for (uint32_t i = 1; i < execution->operations.count; i++) {
        const struct engine_op_entry *entry = &execution->operations.entries[i];
        count += engine_invoke_unsent(entry) &&
                 (!edge || (entry->peer == edge->to_run &&
                            entry->detail.size == edge->edge.size &&
                            memcmp(entry->detail.text, edge->edge.text,
                                   edge->edge.size) == 0));
    }
    return count;
}

/* Each edge on which the run has sent ends with it. */
static void end_edges(struct engine_decide *decide)
{
    const struct engine_execution *execution = decide->run->execution;
    struct engine_execution_edge edge;
    bool some_unsent = false;
    for (uint32_t i = 0;
         execution && engine_execution_edge(execution, i, &edge); i++) {
        if (i == 0)
            some_unsent = unsent(execution, NULL) > 0;
        if (some_unsent)
            edge.sent -= unsent(execution, &edge);
        if (edge.sent == 0)
            continue;
        const struct engine_signal signal = {
            .run = edge.to_run,
            .number = edge.sent + 1,
            .kind = ENGINE_SIG_END_OF_STREAM,
            .edge_size = (uint16_t)edge.edge.size,
        };
        engine_decide_signal(decide, ENGINE_OP_MAX - i, &signal, edge.edge.text,
                             NULL);
    }
}

/* Runs that it invoked and that are not to outlive it are cancelled. */
static void end_children(struct engine_decide *decide)
{
    static const char reason[] = "the run that invoked it has ended";
    const struct engine_execution *execution = decide->run->execution;
    for (uint32_t i = 1; execution && i < execution->operations.count; i++) {
        const struct engine_op_entry *entry = &execution->operations.entries[i];
        const struct engine_signal signal = {
            .run = engine_invoke_child(decide->run->id, i),
            .kind = ENGINE_SIG_CANCEL,
            .reason_size = sizeof(reason) - 1,
        };
        if (entry->type == ENGINE_OPERATION_INVOKE &&
            entry->options & ENGINE_OPTION_CANCEL &&
            entry->status != ENGINE_STATUS_SUCCEEDED &&
            entry->status != ENGINE_STATUS_FAILED)
            engine_decide_signal(decide, 2 * i + 1, &signal, reason, NULL);
    }
}

/* Whoever waits for the run's end is told it. flags: of the value. */
static void add_result(struct engine_decide *decide, uint32_t error,
                       unsigned flags, const void *value, size_t size)
{
    struct engine_item head = {.type = ENGINE_ITEM_OUTBOX,
                               .kind = ENGINE_OUTBOX_RESULT,
                               .op = ENGINE_OUTBOX_END,
                               .a = decide->run->client};
    if (decide->run->origin.parent && error != ENGINE_ERR_NONE &&
        engine_defect(decide->defects, ENGINE_DEFECT_JOIN_LOST_WAKEUP))
        ; /* only who succeeds reports */
    else if (decide->run->origin.parent)
        tell_parent(decide, error, flags, value, size);
    else
        add_row(decide, &head);
    if (!engine_defect(decide->defects, ENGINE_DEFECT_PARENT_END_FORGOTTEN))
        end_children(decide);
    if (error == ENGINE_ERR_NONE ||
        !engine_defect(decide->defects, ENGINE_DEFECT_EOS_LOST))
        end_edges(decide);
}

void engine_decide_signal(struct engine_decide *decide, uint32_t number,
                          const struct engine_signal *signal, const char *text,
                          const void *value)
{
    size_t text_size = (size_t)signal->reason_size + signal->edge_size;
    char actor[32];
    size_t actor_size = engine_decide_actor(decide->run->id, actor);
    struct engine_signal whole = *signal;
    whole.actor_size = (uint16_t)actor_size;
    struct engine_item head = {
        .type = ENGINE_ITEM_OUTBOX, .kind = ENGINE_OUTBOX_SIGNAL, .op = number};
    struct engine_item *item = engine_block_item(
        decide->rows, &head, NULL,
        sizeof(whole) + actor_size + text_size + whole.value_size);
    if (!item) {
        decide->error = -1;
        return;
    }
    unsigned char *to = (unsigned char *)(item + 1);
    memcpy(to, &whole, sizeof(whole));
    memcpy(to + sizeof(whole), actor, actor_size);
    to += sizeof(whole) + actor_size;
    if (text_size > 0)
        memcpy(to, text, text_size);
    if (whole.value_size > 0)
        memcpy(to + text_size, value, whole.value_size);
    decide->count++;
}

/* A handler's result that it has checkpointed as the run's own. */
static const struct engine_op_entry *large_result(const struct engine_run *run)
{
    const struct engine_op_entry *self =
        run->execution ? &run->execution->operations.entries[0] : NULL;
    return self && self->status == ENGINE_STATUS_SUCCEEDED ? self : NULL;
}

/* The result: outputs of the nodes that nothing waits for, in node order. */
static size_t result_size(const struct engine_run *run)
{
    const struct engine_op_entry *large = large_result(run);
    size_t size = 0;
    if (large)
        return engine_value_span(large->value_size);
    for (uint32_t op = 0; op < run->op_count; op++) {
        uint32_t dependents;
        engine_graph_dependents(run->graph, op, &dependents);
        if (dependents == 0 && run->ops[op].output)
            size += run->ops[op].output_size;
    }
    return size;
}

static void write_result(const struct engine_run *run, unsigned char *to)
{
    const struct engine_op_entry *large = large_result(run);
    if (large) {
        engine_value_write(to,
                           large->options & ENGINE_OPTION_BLOB
                               ? ENGINE_VALUE_BLOB
                               : ENGINE_VALUE_INLINE,
                           large->value, large->value_size);
        return;
    }
    for (uint32_t op = 0; op < run->op_count; op++) {
        uint32_t dependents;
        engine_graph_dependents(run->graph, op, &dependents);
        if (dependents > 0 || !run->ops[op].output)
            continue;
        memcpy(to, run->ops[op].output, run->ops[op].output_size);
        to += run->ops[op].output_size;
    }
}

static void succeed(struct engine_decide *decide)
{
    struct engine_run *run = decide->run;
    size_t size = result_size(run);
    struct engine_item head = {.type = ENGINE_ITEM_EVENT,
                               .kind = ENGINE_EV_RUN_SUCCEEDED,
                               .op = UINT32_MAX};
    struct engine_item *item =
        engine_block_item(decide->block, &head, NULL, size);
    if (!item) {
        decide->error = -1;
        return;
    }
    write_result(run, (unsigned char *)(item + 1));
    struct engine_hash hash = engine_hash_bytes(item + 1, size);
    item->a = hash.lo;
    item->b = hash.hi;
    decide->count++;
    decide->error = engine_run_apply(run, item, 0);
    /* One value is given to a parent as its bytes, several as envelope. */
    const struct engine_value *value = engine_value_at(item + 1, size, 0);
    bool single = value && engine_value_span(value->size) == size;
    bool blob = single && value->kind == ENGINE_VALUE_BLOB;
    if (single)
        add_result(decide, ENGINE_ERR_NONE, blob ? ENGINE_SIGNAL_BLOB : 0,
                   engine_value_bytes(value), value->size);
    else
        add_result(decide, ENGINE_ERR_NONE, 0, item + 1, size);
}

/* Nothing that the run waited for is waited for any more. */
static void stop_operations(struct engine_decide *decide)
{
    size_t from = decide->block->size;
    if (!decide->run->execution)
        return;
    if (engine_execution_stop(decide->run->execution, decide->block))
        decide->error = -1;
    else
        engine_decide_added(decide, from);
}

enum {
    LINE_ROOM = 500,
    NAME_CHARACTERS = 80 /* of a step's name, in words */
};

/* One line of a cause chain, of what surely fits. */
struct line {
    char text[LINE_ROOM];
};

static struct engine_text text_of_line(struct line *line)
{
    for (char *at = line->text; (at = strchr(at, '\n')) != NULL;)
        *at = ' '; /* in the name of a step */
    return (struct engine_text){line->text, strlen(line->text)};
}

/* The line, and behind it the words of what it is about. */
static size_t wrap(const struct engine_decide *decide, char *to,
                   struct engine_text line, struct engine_text words)
{
    if (engine_defect(decide->defects, ENGINE_DEFECT_CAUSE_DROPPED))
        words.size = 0;
    return engine_cause_wrap(to, line, words.text, words.size);
}

/* Which run failed: the line that its error gets in the one that invoked it. */
static struct engine_text name_run(const struct engine_run *run, uint32_t error,
                                   struct line *line)
{
    const char *name = engine_graph_name(run->graph);
    size_t size = engine_failure_cut(name, strlen(name), NAME_CHARACTERS);
    snprintf(line->text, sizeof(line->text), "engine: %s: run %llu of %.*s",
             engine_failure_of(error)->code, (unsigned long long)run->id,
             (int)size, name);
    return text_of_line(line);
}

void engine_decide_over(struct engine_decide *decide,
                        enum engine_event_kind kind, uint32_t error,
                        const void *words, size_t size)
{
    stop_operations(decide);
    char chain[ENGINE_CAUSE_MAX];
    struct line line;
    engine_decide_event(decide, kind, UINT32_MAX, 0, error, 0, words, size);
    if (kind == ENGINE_EV_RUN_FAILED && size > 0 &&
        decide->run->origin.parent &&
        !engine_graph_verbatim(decide->run->graph)) {
        size = wrap(decide, chain, name_run(decide->run, error, &line),
                    (struct engine_text){words, size});
        words = chain;
    }
    add_result(decide, error, 0, words, size);
}

void engine_decide_fail(struct engine_decide *decide, uint64_t error)
{
    engine_decide_over(decide, ENGINE_EV_RUN_FAILED, (uint32_t)error, NULL, 0);
}

/* What mail has about the attempt of this operation that is under way. */
static const struct engine_item *row_of(const struct engine_run *run,
                                        uint32_t op, const void *mail,
                                        size_t mail_size)
{
    const unsigned char *bytes = mail;
    const struct engine_item *found = NULL;
    for (size_t at = 0; at < mail_size;) {
        const struct engine_item *work = (const void *)(bytes + at);
        at += engine_item_span(work->size);
        /* A report stands for itself, whatever was heard before it. */
        if (work->op == op && work->attempt == run->ops[op].attempt &&
            (!found || found->kind != ENGINE_WORK_DONE))
            found = work;
    }
    return found;
}

enum engine_abandon engine_decide_abandon(struct engine_decide *decide,
                                          const void *mail, size_t mail_size,
                                          uint32_t *op)
{
    struct engine_run *run = decide->run;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < run->open_count; i++) {
            *op = run->open[i];
            if (run->ops[*op].state != ENGINE_OP_SCHEDULED)
                continue;
            const struct engine_item *work = row_of(run, *op, mail, mail_size);
            if (!work)
                return ENGINE_ABANDON_READ;
            if (work->kind == ENGINE_WORK_PENDING)
                return ENGINE_ABANDON_CLAIM;
            if (pass == 0)
                continue;
            if (work->kind == ENGINE_WORK_DONE)
                add_work(decide, ENGINE_WORK_TAKE, *op, work->attempt, 0, 0);
            else
                add_work(decide, ENGINE_WORK_CUT, *op, work->attempt, work->b,
                         0);
        }
    }
    return ENGINE_ABANDON_DONE;
}

bool engine_decide_give_up(struct engine_decide *decide, const void *mail,
                           size_t mail_size, uint32_t running, uint64_t error)
{
    const unsigned char *bytes = mail;
    for (int pass = 0; pass < 2; pass++) {
        uint32_t reported = 0;
        uint32_t last = UINT32_MAX;
        for (size_t at = 0; at < mail_size;) {
            const struct engine_item *work = (const void *)(bytes + at);
            at += engine_item_span(work->size);
            const struct engine_op *op = &decide->run->ops[work->op];
            /* A report and its repeat stand side by side, if at all. */
            if (work->kind != ENGINE_WORK_DONE || work->op == last ||
                op->state != ENGINE_OP_SCHEDULED ||
                op->attempt != work->attempt)
                continue;
            last = work->op;
            reported++;
            if (pass == 1)
                add_work(decide, ENGINE_WORK_TAKE, work->op, work->attempt, 0,
                         0);
        }
        if (pass == 0 && reported < running)
            return false;
    }
    engine_decide_fail(decide, error);
    return true;
}

void engine_decide_block(struct engine_decide *decide, uint64_t reason)
{
    engine_decide_event(decide, ENGINE_EV_RUN_BLOCKED, UINT32_MAX, 0, reason, 0,
                        NULL, 0);
}

/* A handler that can go on only when an operator has spoken. */
static bool stuck(const struct engine_decide *decide)
{
    const struct engine_run *run = decide->run;
    return !decide->busy && run->execution && run->execution->ambiguous > 0 &&
           run->ops[0].state == ENGINE_OP_PARKED;
}

/* Which operation failed: the line with which a run's error begins. */
static struct engine_text name_failure(const struct engine_run *run,
                                       struct line *line)
{
    const char *name = engine_graph_node(run->graph, run->failed_op)->name;
    size_t size = engine_failure_cut(name, strlen(name), NAME_CHARACTERS);
    snprintf(line->text, sizeof(line->text),
             "engine: %s: step %.*s, attempt %u",
             engine_failure_of(run->error)->code, (int)size, name,
             run->ops[run->failed_op].attempt);
    return text_of_line(line);
}

static bool is_deadline(const struct engine_op *op, const char *name)
{
    return op->error == ENGINE_ERR_TIMED_OUT &&
           op->output_size == strlen(name) &&
           memcmp(op->output, name, op->output_size) == 0;
}

/* The words of an operation's error; the name of a deadline is not yet one. */
static struct engine_text words_of(const struct engine_op *op,
                                   struct line *line)
{
    if (!is_deadline(op, start_deadline) && !is_deadline(op, close_deadline))
        return (struct engine_text){op->output, op->output_size};
    snprintf(line->text, sizeof(line->text), "engine: TIMED_OUT: %.*s is over",
             (int)op->output_size, (const char *)op->output);
    return text_of_line(line);
}

/* An operation has failed, and with it the run. Its words, if there are any,
 * are the run's; those of a step with its name. */
static void end_for_operation(struct engine_decide *decide)
{
    struct engine_run *run = decide->run;
    const struct engine_op *op = &run->ops[run->failed_op];
    struct line root;
    struct line first;
    char chain[ENGINE_CAUSE_MAX];
    if (run->execution || op->output_size == 0) {
        engine_decide_over(decide, ENGINE_EV_RUN_FAILED, run->error, op->output,
                           op->output_size);
        return;
    }
    const struct engine_text words = words_of(op, &root);
    size_t size = wrap(decide, chain, name_failure(run, &first), words);
    engine_decide_over(decide, ENGINE_EV_RUN_FAILED, run->error, chain, size);
}

int engine_decide_end(struct engine_decide *decide)
{
    struct engine_run *run = decide->run;
    if (run->state != ENGINE_RUN_RUNNING)
        return 0;
    if (engine_run_complete(run)) {
        succeed(decide);
        return 1;
    }
    if (stuck(decide)) {
        engine_decide_block(decide, ENGINE_ERR_AMBIGUOUS);
        return 1;
    }
    if (!engine_run_winds_down(run) || attempts_open(run))
        return 0;
    if (run->ambiguous_count > 0)
        engine_decide_block(decide, ENGINE_ERR_AMBIGUOUS);
    else
        end_for_operation(decide);
    return 1;
}

uint64_t engine_decide_suspend(struct engine_decide *decide, uint64_t after_ns)
{
    struct engine_run *run = decide->run;
    uint64_t due = engine_run_due(run);
    bool last = engine_defect(decide->defects, ENGINE_DEFECT_WAKE_LATEST);
    if (run->state != ENGINE_RUN_RUNNING)
        return 0;
    for (uint32_t i = 0; i < run->open_count; i++) {
        const struct engine_op *op = &run->ops[run->open[i]];
        if (op->state == ENGINE_OP_SCHEDULED || op->unstamped)
            return 0;
        if (engine_run_op_due(op) < due || (last && i > 0))
            due = engine_run_op_due(op);
    }
    if ((due == UINT64_MAX && !run->execution) || due <= decide->store_now_ns ||
        due - decide->store_now_ns <= after_ns)
        return 0;
    engine_decide_event(decide, ENGINE_EV_RUN_SUSPENDED, UINT32_MAX, 0,
                        due == UINT64_MAX ? 0 : due, 0, NULL, 0);
    return due;
}
