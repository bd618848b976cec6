#include <stdio.h>

#include "engine/failure.h"
#include "engine/random.h"
#include "engine/replay_private.h"
#include "engine/value.h"

enum {
    POLLS = 60,
    NAME_ROOM = 600
};

const struct engine_retry engine_retry_standard = {
    .attempts_max = 6,
    .factor_milli = 2000,
    .delay_ns = 5 * ENGINE_SECOND,
    .delay_max_ns = 60 * ENGINE_SECOND,
    .jitter = ENGINE_JITTER_FULL};

const struct engine_retry engine_retry_none = {.attempts_max = 1,
                                               .factor_milli = 1000};

struct engine_retry engine_retry_fixed(uint32_t attempts, uint64_t delay_ns)
{
    return (struct engine_retry){.attempts_max = attempts,
                                 .factor_milli = 1000,
                                 .delay_ns = delay_ns,
                                 .delay_max_ns = delay_ns};
}

struct engine_retry engine_retry_linear(uint32_t attempts, uint64_t delay_ns,
                                        uint64_t delay_max_ns)
{
    return (struct engine_retry){.attempts_max = attempts,
                                 .factor_milli = 0,
                                 .delay_ns = delay_ns,
                                 .delay_max_ns = delay_max_ns};
}

/* What one operation of type STEP does. */
struct step {
    engine_step_fn *code;
    void *self;
    struct engine_bytes input; /* of a condition: the initial state */
    const struct engine_step_options *options;
    const struct engine_retry *poll; /* of a condition, else NULL */
    unsigned flags;                  /* ENGINE_OPTION_.. of the operation */
};

/* Retries ----------------------------------------------------------------- */

/* Before attempt number `attempt` (from 2), without jitter. */
static uint64_t plain_delay(const struct engine_retry *retry, uint32_t attempt)
{
    uint64_t most = retry->delay_max_ns;
    uint64_t delay = retry->delay_ns;

    for (uint32_t n = 2; n < attempt && delay > 0 && delay < most; n++) {
        uint64_t factor = retry->factor_milli;

        if (factor == 0)
            delay =
                delay > most - retry->delay_ns ? most : delay + retry->delay_ns;
        else if (factor == 1000)
            break;
        else
            delay = delay > UINT64_MAX / factor ? most : delay * factor / 1000;
    }
    return delay < most ? delay : most;
}

static uint64_t with_jitter(const struct engine_replay *r,
                            const struct engine_op_entry *entry,
                            enum engine_jitter jitter, uint64_t delay)
{
    struct engine_stream stream;

    if (jitter == ENGINE_JITTER_NONE || delay == 0 || delay == UINT64_MAX)
        return delay;
    engine_stream_init(&stream, r->config.seed, "engine/handler/retry",
                       entry->id.lo);
    if (jitter == ENGINE_JITTER_FULL)
        return engine_draw_below(&stream, entry->attempt, delay + 1);
    return delay / 2 +
           engine_draw_below(&stream, entry->attempt, delay - delay / 2 + 1);
}

/* The delay after the entry's attempt; one that the profile lets pass. */
static uint64_t retry_delay(const struct engine_replay *r,
                            const struct engine_op_entry *entry,
                            const struct engine_retry *retry,
                            uint64_t retry_after_ns)
{
    const struct engine_limits *limits = r->config.limits;
    uint64_t delay = with_jitter(r, entry, retry->jitter,
                                 plain_delay(retry, entry->attempt + 1));

    delay = engine_failure_delay(delay, retry_after_ns);
    if (delay < limits->wait_min_ns &&
        !engine_replay_defect(r, ENGINE_DEFECT_WAIT_MIN_IGNORED))
        delay = limits->wait_min_ns;
    return delay < limits->wait_max_ns ? delay : limits->wait_max_ns;
}

static bool has_filter(const struct engine_retry_filter *filter)
{
    return filter->type_count > 0 || filter->message_part;
}

static bool type_matches(const struct engine_retry_filter *filter,
                         struct engine_text type)
{
    for (uint32_t i = 0; i < filter->type_count; i++)
        if (strlen(filter->types[i]) == type.size &&
            memcmp(filter->types[i], type.text, type.size) == 0)
            return true;
    return filter->type_count == 0;
}

static bool words_match(const struct engine_retry_filter *filter,
                        struct engine_text words)
{
    size_t size = filter->message_part ? strlen(filter->message_part) : 0;

    return size == 0 || (words.size > 0 && memmem(words.text, words.size,
                                                  filter->message_part, size));
}

/* The side effect by which an attempt may be repeated. */
static enum engine_side_effect
effect_of(const struct engine_step_options *options)
{
    enum engine_side_effect effect = options->side_effect;

    if (effect == ENGINE_EFFECT_REVERSIBLE && !options->compensate)
        effect = 0;
    if (effect == 0 && options->retry)
        return ENGINE_EFFECT_IDEMPOTENT; /* its author wants it repeated */
    return effect;
}

static enum engine_verdict judge(const struct engine_step_options *options,
                                 const struct engine_replay_failure *failure)
{
    const struct engine_retry_filter *filter = &options->retryable;
    enum engine_verdict verdict =
        engine_failure_retryable((enum engine_error)failure->error,
                                 effect_of(options), !failure->retryable);
    bool wanted = failure->retryable;

    if (verdict == ENGINE_VERDICT_AMBIGUOUS)
        return verdict;
    if (failure->error == ENGINE_ERR_SIZE_LIMIT ||
        failure->error == ENGINE_ERR_NONDETERMINISTIC)
        return ENGINE_VERDICT_FINAL;
    if (has_filter(filter) && (failure->error == ENGINE_ERR_USER ||
                               failure->error == ENGINE_ERR_UNKNOWN))
        wanted = type_matches(filter, failure->type) &&
                 words_match(filter, failure->words);
    return wanted ? ENGINE_VERDICT_RETRY : verdict;
}

static struct engine_retry policy_of(const struct engine_step_options *options,
                                     uint32_t error)
{
    const struct engine_retry *of_class =
        engine_failure_policy((enum engine_error)error);
    struct engine_retry policy =
        effect_of(options) && effect_of(options) != ENGINE_EFFECT_IRREVERSIBLE
            ? engine_retry_standard
            : engine_retry_none;

    if (options->retry)
        policy = *options->retry;
    if (of_class && (!options->retry || error == ENGINE_ERR_OOM)) {
        uint32_t attempts = policy.attempts_max;

        policy = *of_class;
        if (options->retry && attempts < policy.attempts_max)
            policy.attempts_max = attempts;
    }
    return policy;
}

/* Attempts ---------------------------------------------------------------- */

static bool is_at_most_once(const struct engine_op_entry *entry)
{
    return entry->options & ENGINE_OPTION_AT_MOST_ONCE;
}

static struct engine_replay_change
change_of(const struct engine_op_entry *entry,
          enum engine_operation_action action,
          enum engine_operation_status status)
{
    return (struct engine_replay_change){
        .action = action,
        .status = status,
        .options = entry->options & ~(unsigned)ENGINE_OPTIONS_OF_VALUE,
        .attempt = entry->attempt};
}

/* Whether the coordinator keeps deadlines of a step. */
static bool is_bounded(const struct engine_step_options *options)
{
    return options->timeout_ns || options->schedule_to_start_ns;
}

static int queue_start(struct engine_replay *r, uint32_t number,
                       const struct engine_step_options *options)
{
    struct engine_replay_change change =
        change_of(engine_replay_entry(r, number), ENGINE_ACTION_START,
                  ENGINE_STATUS_STARTED);

    if (options) {
        change.first_ns = options->schedule_to_start_ns;
        change.second_ns = options->timeout_ns;
    }
    return engine_replay_queue(r, number, &change);
}

/* The next attempt; the service learns of it only where that matters. */
static int begin_attempt(struct engine_replay *r, uint32_t number,
                         const struct step *step)
{
    struct engine_op_entry *entry = engine_replay_entry(r, number);

    entry->attempt++;
    entry->status = ENGINE_STATUS_STARTED;
    entry->error = ENGINE_ERR_NONE;
    entry->options =
        (uint8_t)((entry->options & ENGINE_OPTIONS_OF_VALUE) | step->flags);
    engine_replay_note(r, number)->ours = entry->attempt;
    if (r->config.budget && entry->attempt == 1)
        engine_budget_first(r->config.budget);
    if (is_at_most_once(entry) || step->options->stall_timeout_ns ||
        is_bounded(step->options))
        return queue_start(r, number, step->options);
    return ENGINE_DONE;
}

static int queue_failure(struct engine_replay *r, uint32_t number,
                         const struct engine_replay_failure *failure,
                         struct engine_replay_change change)
{
    uint64_t room = r->config.limits->error_max;
    struct engine_text type = failure->type;
    struct engine_text words = failure->words;

    if (type.size > room)
        type.size = (size_t)room;
    if (words.size > room - type.size)
        words.size = (size_t)(room - type.size);
    words.size =
        engine_failure_cut(words.text, words.size, ENGINE_ERROR_TEXT_MAX);
    change.error = failure->error;
    change.detail = type;
    change.value = (struct engine_bytes){words.text, words.size};
    return engine_replay_queue(r, number, &change);
}

/*
 * An operation may not be repeated, and nobody knows whether it happened: it
 * stays STARTED until an operator says.
 */
static int end_ambiguous(struct engine_replay *r, uint32_t number,
                         const struct engine_replay_failure *failure)
{
    struct engine_replay_failure ambiguous = *failure;

    ambiguous.error = ENGINE_ERR_AMBIGUOUS;
    return queue_failure(r, number, &ambiguous,
                         change_of(engine_replay_entry(r, number),
                                   ENGINE_ACTION_FAIL, ENGINE_STATUS_STARTED));
}

static int end_failed(struct engine_replay *r, uint32_t number,
                      const struct engine_replay_failure *failure)
{
    return queue_failure(r, number, failure,
                         change_of(engine_replay_entry(r, number),
                                   ENGINE_ACTION_FAIL, ENGINE_STATUS_FAILED));
}

/* Whether all that retry together have one left. Asked last: it is taken. */
static bool may_retry(struct engine_replay *r)
{
    return !r->config.budget || engine_budget_take(r->config.budget);
}

static int fail_attempt(struct engine_replay *r, uint32_t number,
                        const struct step *step,
                        const struct engine_replay_failure *failure)
{
    struct engine_op_entry *entry = engine_replay_entry(r, number);
    enum engine_verdict verdict = judge(step->options, failure);
    struct engine_retry policy = policy_of(step->options, failure->error);
    struct engine_replay_change change;

    if (verdict == ENGINE_VERDICT_AMBIGUOUS)
        return end_ambiguous(r, number, failure);
    if (step->poll || verdict == ENGINE_VERDICT_FINAL ||
        entry->attempt >= policy.attempts_max || !may_retry(r))
        return end_failed(r, number, failure);
    change = change_of(entry, ENGINE_ACTION_RETRY, ENGINE_STATUS_PENDING);
    change.first_ns = retry_delay(r, entry, &policy, failure->retry_after_ns);
    return queue_failure(r, number, failure, change);
}

/* Only results may become blobs; states and progress are in the log. */
static bool is_too_large(const struct engine_replay *r, size_t size)
{
    uint64_t most = r->config.limits->operation_payload_max;

    if (size > most && size <= most / 1000 * 1024 &&
        engine_replay_defect(r, ENGINE_DEFECT_PAYLOAD_KILOBYTES))
        return false;
    return size > most;
}

static int fail_too_large(struct engine_replay *r, uint32_t number,
                          const struct step *step, size_t size)
{
    char words[128];
    int written =
        snprintf(words, sizeof(words), "%llu bytes, at most %llu: %s",
                 (unsigned long long)size,
                 (unsigned long long)r->config.limits->operation_payload_max,
                 engine_limit_name(ENGINE_LIMIT_operation_payload_max));
    const struct engine_replay_failure failure = {
        .error = ENGINE_ERR_SIZE_LIMIT,
        .type = {"", 0},
        .words = {words, (size_t)written}};

    return fail_attempt(r, number, step, &failure);
}

static int fail_unstorable(struct engine_replay *r, uint32_t number,
                           const struct engine_value_fault *fault)
{
    const struct engine_replay_failure failure = {
        .error = ENGINE_ERR_SERIALIZATION,
        .type = {"", 0},
        .words = {fault->text, strlen(fault->text)}};

    return end_failed(r, number, &failure);
}

static int succeed(struct engine_replay *r, uint32_t number,
                   const struct step *step, struct engine_bytes output)
{
    struct engine_value_fault fault;
    struct engine_replay_change change =
        change_of(engine_replay_entry(r, number), ENGINE_ACTION_SUCCEED,
                  ENGINE_STATUS_SUCCEEDED);

    if (is_too_large(r, output.size) && !r->config.limits->spill)
        return fail_too_large(r, number, step, output.size);
    if ((step->options->json || r->config.json) &&
        engine_value_storable(output.data, output.size, true, &fault))
        return fail_unstorable(r, number, &fault);
    change.value = output;
    return engine_replay_queue(r, number, &change);
}

static int give_up_polling(struct engine_replay *r, uint32_t number)
{
    char words[64];
    int written = snprintf(words, sizeof(words), "not so after %u polls",
                           engine_replay_entry(r, number)->attempt);
    const struct engine_replay_failure failure = {
        .error = ENGINE_ERR_TIMED_OUT,
        .type = {"Condition.Exhausted", strlen("Condition.Exhausted")},
        .words = {words, (size_t)written}};

    return end_failed(r, number, &failure);
}

/* The condition does not hold yet: its state waits for the next poll. */
static int poll_again(struct engine_replay *r, uint32_t number,
                      const struct step *step, struct engine_bytes state)
{
    struct engine_op_entry *entry = engine_replay_entry(r, number);
    struct engine_replay_change change =
        change_of(entry, ENGINE_ACTION_RETRY, ENGINE_STATUS_PENDING);

    if (is_too_large(r, state.size))
        return fail_too_large(r, number, step, state.size);
    if (entry->attempt >= step->poll->attempts_max)
        return give_up_polling(r, number);
    change.options |= ENGINE_OPTION_STATE;
    change.first_ns = retry_delay(r, entry, step->poll, 0);
    change.value = state;
    return engine_replay_queue(r, number, &change);
}

/* Code -------------------------------------------------------------------- */

/* A copy that stays where it is while the operation changes. */
static int copy_of(struct engine_replay *r, struct engine_bytes *bytes)
{
    void *copy;

    if (bytes->size == 0)
        return ENGINE_DONE;
    copy = engine_replay_memory(r, bytes->size);
    if (!copy)
        return ENGINE_BROKEN;
    memcpy(copy, bytes->data, bytes->size);
    bytes->data = copy;
    return ENGINE_DONE;
}

static struct engine_bytes value_for(const struct engine_op_entry *entry,
                                     unsigned option,
                                     struct engine_bytes otherwise)
{
    if (!(entry->options & option))
        return otherwise;
    return (struct engine_bytes){entry->value, entry->value_size};
}

static int hand_out(struct engine_replay *r, const struct engine_attempt *a,
                    const struct step *step, struct engine_bytes input)
{
    const struct engine_replay_step job = {
        .operation = a->number,
        .attempt = engine_attempt_number(a),
        .id = engine_replay_entry(r, a->number)->id,
        .key = engine_attempt_key(a),
        .timeout_ns = step->options->attempt_timeout_ns,
        .stall_ns = step->options->stall_timeout_ns,
        .tag = a->tag,
        .input = input,
        .progress = a->progress};

    return engine_replay_hand_out(r, a->number, &job);
}

static int settle(struct engine_attempt *a, const struct step *step, int flow,
                  struct engine_bytes input, struct engine_bytes output)
{
    struct engine_replay *r = a->replay;

    if (r->broken)
        return ENGINE_BROKEN;
    switch (flow) {
    case ENGINE_DONE:
        return succeed(r, a->number, step, output);
    case ENGINE_FAILED_FLOW:
        return fail_attempt(r, a->number, step, &a->failure);
    case ENGINE_SUSPENDED:
        if (step->poll && !a->tagged)
            return poll_again(r, a->number, step, output);
        if (!a->tagged)
            return engine_replay_break(
                r, ENGINE_ERR_VALIDATION,
                "a step's code is suspended and has no tag to be ended by");
        return hand_out(r, a, step, input);
    default:
        return engine_replay_break(r, ENGINE_ERR_VALIDATION,
                                   "a step's code returned %d", flow);
    }
}

static int run_code(struct engine_context *c, uint32_t number,
                    const struct step *step)
{
    struct engine_replay *r = c->replay;
    struct engine_op_entry *entry = engine_replay_entry(r, number);
    struct engine_arena_mark mark = engine_arena_mark(&r->arena);
    struct engine_bytes none = {"", 0};
    struct engine_attempt a = {
        .replay = r,
        .number = number,
        .progress = value_for(entry, ENGINE_OPTION_PROGRESS, none),
        .failure = {
            .error = ENGINE_ERR_UNKNOWN, .type = {"", 0}, .words = {"", 0}}};
    struct engine_bytes input =
        value_for(entry, ENGINE_OPTION_STATE, step->input);
    struct engine_bytes output;
    int flow;

    if (copy_of(r, &a.progress) ||
        (entry->options & ENGINE_OPTION_STATE && copy_of(r, &input)))
        return ENGINE_BROKEN;
    output = step->poll ? input : none;
    r->current = NULL; /* code has no context: no operations inside a step */
    flow = step->code(&a, step->self, input, &output);
    r->current = c;
    flow = settle(&a, step, flow, input, output);
    if (mark.current)
        engine_arena_release(&r->arena, mark);
    return flow;
}

/* Takes over how a job of the host ended. */
static int settle_job(struct engine_replay *r, uint32_t number,
                      const struct step *step)
{
    struct engine_replay_job *job = engine_replay_note(r, number)->job;
    const struct engine_replay_failure failure = {
        .error = job->error,
        .type = {"", 0},
        .words = {job->output.data ? job->output.data : "", job->output.size},
        .retryable = job->retryable};
    int flow;

    if (job->error == ENGINE_ERR_NONE)
        flow = succeed(r, number, step, job->output);
    else if (job->error == ENGINE_ERR_PENDING && step->poll)
        flow = poll_again(r, number, step, job->output);
    else
        flow = fail_attempt(r, number, step, &failure);
    engine_replay_drop_job(r, number);
    return flow;
}

/* An attempt that another replay began and did not end. */
static int take_over(struct engine_context *c, uint32_t number,
                     const struct step *step)
{
    struct engine_replay *r = c->replay;
    static const char words[] = "the worker went away during the attempt";
    const struct engine_op_entry *entry = engine_replay_entry(r, number);
    const struct engine_replay_failure failure = {
        .error = ENGINE_ERR_INTERRUPTED,
        .type = {"", 0},
        .words = {words, sizeof(words) - 1}};

    if (is_at_most_once(entry) &&
        engine_replay_defect(r, ENGINE_DEFECT_AMO_NOT_INTERRUPTED))
        return engine_call_suspend(c);
    if (is_at_most_once(entry) &&
        !engine_replay_defect(r, ENGINE_DEFECT_AMO_RERUN))
        return fail_attempt(r, number, step, &failure);
    engine_replay_note(r, number)->ours = entry->attempt;
    return ENGINE_DONE;
}

static int go_on_with_attempt(struct engine_context *c, uint32_t number,
                              const struct step *step)
{
    struct engine_replay *r = c->replay;
    const struct engine_op_entry *entry = engine_replay_entry(r, number);
    const struct engine_replay_note *note = engine_replay_note(r, number);
    int flow = ENGINE_DONE;

    if (entry->error == ENGINE_ERR_AMBIGUOUS)
        return engine_call_suspend(c);
    if (note->ours != entry->attempt)
        return take_over(c, number, step);
    if (is_at_most_once(entry) &&
        !engine_defect(&r->config.defects, ENGINE_DEFECT_START_NOT_DURABLE))
        flow = engine_call_gate(c, number, true);
    if (flow)
        return flow;
    switch (engine_replay_note(r, number)->place) {
    case ENGINE_PLACE_HERE:
        return run_code(c, number, step);
    case ENGINE_PLACE_ENDED:
        return settle_job(r, number, step);
    default:
        return engine_call_suspend(c);
    }
}

/* A step that can be undone joins the list of what a failing run undoes. */
static int remember(struct engine_context *c, uint32_t number,
                    const struct step *step)
{
    struct engine_replay *r = c->replay;
    struct engine_replay_note *note = engine_replay_note(r, number);
    struct engine_compensation *compensation;

    if (!step->options->compensate ||
        step->options->side_effect != ENGINE_EFFECT_REVERSIBLE ||
        engine_replay_entry(r, number)->status != ENGINE_STATUS_SUCCEEDED)
        return ENGINE_DONE;
    if (!note->ours && engine_replay_defect(r, ENGINE_DEFECT_UNDO_OWN_ONLY))
        return ENGINE_DONE;
    c->undo = true;
    if (note->listed == r->turn)
        return ENGINE_DONE;
    compensation = engine_replay_memory(r, sizeof(*compensation));
    if (!compensation)
        return ENGINE_BROKEN;
    *compensation =
        (struct engine_compensation){.next = r->compensations,
                                     .number = number,
                                     .code = step->options->compensate,
                                     .self = step->self};
    r->compensations = compensation;
    note->listed = r->turn;
    return ENGINE_DONE;
}

/* The defect: what an earlier invocation recorded is not looked for. */
static bool is_forgotten(struct engine_replay *r, uint32_t number)
{
    const struct engine_replay_note *note = engine_replay_note(r, number);

    return engine_replay_defect(r, ENGINE_DEFECT_REPLAY_RERUNS_DONE) &&
           !note->born && !note->ours &&
           engine_replay_entry(r, number)->status == ENGINE_STATUS_SUCCEEDED;
}

/* Does what can be done for a step now. */
static int go_on(struct engine_context *c, uint32_t number,
                 const struct step *step, struct engine_bytes *out)
{
    struct engine_replay *r = c->replay;
    int flow = ENGINE_DONE;

    if (is_forgotten(r, number))
        engine_replay_entry(r, number)->status = ENGINE_STATUS_READY;
    while (!flow) {
        switch (engine_replay_entry(r, number)->status) {
        case 0:
        case ENGINE_STATUS_READY:
            flow = begin_attempt(r, number, step);
            break;
        case ENGINE_STATUS_STARTED:
            flow = go_on_with_attempt(c, number, step);
            break;
        case ENGINE_STATUS_PENDING:
            return engine_call_suspend(c);
        default:
            flow = remember(c, number, step);
            if (!flow)
                flow = engine_call_gate(c, number, is_bounded(step->options));
            return flow ? flow : engine_call_give(c, number, out);
        }
    }
    return flow;
}

/* Steps ------------------------------------------------------------------- */

static unsigned flags_of(const struct engine_step_options *options)
{
    if (options->side_effect == ENGINE_EFFECT_IRREVERSIBLE)
        return ENGINE_OPTION_IRREVERSIBLE | ENGINE_OPTION_AT_MOST_ONCE;
    return options->semantics == ENGINE_AT_MOST_ONCE
               ? ENGINE_OPTION_AT_MOST_ONCE
               : 0;
}

/* What contradicts itself in the options, or NULL. */
static const char *wrong_options(const struct engine_step_options *options)
{
    if (options->side_effect == ENGINE_EFFECT_IRREVERSIBLE &&
        options->semantics == ENGINE_AT_LEAST_ONCE)
        return "an irreversible step cannot be at least once";
    if (options->compensate && options->side_effect != ENGINE_EFFECT_REVERSIBLE)
        return "only a reversible step has a compensation";
    if (options->retry && options->retry->attempts_max == 0)
        return "a retry policy has at least one attempt";
    return NULL;
}

static int call_step(struct engine_context *c, const char *name,
                     unsigned subtype, const struct step *step,
                     struct engine_bytes *out)
{
    struct engine_call call;
    int flow =
        engine_call_begin(c, ENGINE_OPERATION_STEP, subtype, name, &call);
    const char *wrong;

    if (flow)
        return flow;
    if (!call.number) {
        wrong = wrong_options(step->options);
        if (wrong)
            return engine_call_refuse(c, ENGINE_ERR_CONTRACT, "%s", wrong);
        call.number = engine_replay_add(c, &call);
    }
    return call.number ? go_on(c, call.number, step, out) : ENGINE_BROKEN;
}

int engine_step(struct engine_context *c, const char *name,
                engine_step_fn *code, void *self, struct engine_bytes input,
                const struct engine_step_options *options,
                struct engine_bytes *out)
{
    static const struct engine_step_options defaults = {0};
    struct step step = {.code = code, .self = self, .input = input};

    step.options = options ? options : &defaults;
    step.flags = flags_of(step.options);
    return call_step(c, name, ENGINE_SUBTYPE_STEP, &step, out);
}

int engine_wait_for_condition(struct engine_context *c, const char *name,
                              engine_step_fn *check, void *self,
                              struct engine_bytes initial,
                              const struct engine_condition_options *options,
                              struct engine_bytes *out)
{
    static const struct engine_retry defaults = {.attempts_max = POLLS,
                                                 .factor_milli = 1500,
                                                 .delay_ns = ENGINE_SECOND,
                                                 .delay_max_ns =
                                                     60 * ENGINE_SECOND};
    static const struct engine_step_options nothing = {0};
    struct step step = {.code = check,
                        .self = self,
                        .input = initial,
                        .options = &nothing,
                        .poll = &defaults};

    if (options && options->poll.attempts_max > 0)
        step.poll = &options->poll;
    return call_step(c, name, ENGINE_SUBTYPE_WAIT_FOR_CONDITION, &step, out);
}

/* Compensations ----------------------------------------------------------- */

static uint32_t age_of(struct engine_replay *r,
                       const struct engine_compensation *compensation)
{
    return engine_replay_entry(r, compensation->number)->run_number;
}

/* Merges two lists, each newest operation first. */
static struct engine_compensation *merge(struct engine_replay *r,
                                         struct engine_compensation *a,
                                         struct engine_compensation *b)
{
    struct engine_compensation *first = NULL;
    struct engine_compensation **end = &first;

    while (a && b) {
        bool newest_first =
            !engine_replay_defect(r, ENGINE_DEFECT_UNDO_OLDEST_FIRST);
        struct engine_compensation **newer =
            (age_of(r, a) > age_of(r, b)) == newest_first ? &a : &b;

        *end = *newer;
        end = &(*newer)->next;
        *newer = *end;
    }
    *end = a ? a : b;
    return first;
}

/* The order in which they were met differs between replays; this one not. */
static struct engine_compensation *sort(struct engine_replay *r,
                                        struct engine_compensation *list)
{
    struct engine_compensation *half = list;
    struct engine_compensation *rest;

    if (!list || !list->next)
        return list;
    for (struct engine_compensation *end = list->next; end && end->next;
         end = end->next->next)
        half = half->next;
    rest = half->next;
    half->next = NULL;
    return merge(r, sort(r, list), sort(r, rest));
}

static void name_compensation(const struct engine_replay *r,
                              struct engine_text of, char *out, size_t room,
                              struct engine_text *name)
{
    int written = snprintf(out, room, "compensate %.*s", (int)of.size, of.text);
    uint64_t most = r->config.limits->name_max;

    name->text = out;
    name->size = (size_t)written < room ? (size_t)written : room - 1;
    if (name->size > most)
        name->size = (size_t)most;
}

/* Always the first. The defect: each invocation has it undone anew. */
static uint64_t undo_call(struct engine_replay *r)
{
    uint64_t known = 0;

    if (!engine_replay_defect(r, ENGINE_DEFECT_UNDO_TWICE))
        return 1;
    while (known < r->table.count && !r->notes[known].born)
        known++;
    return known;
}

/* Its id hangs on the step, not on the order among the compensations. */
static int compensate(struct engine_context *root,
                      const struct engine_compensation *compensation)
{
    static const struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT};
    struct engine_replay *r = root->replay;
    const struct engine_op_entry *undone =
        engine_replay_entry(r, compensation->number);
    const struct step step = {.code = compensation->code,
                              .self = compensation->self,
                              .input = {undone->value, undone->value_size},
                              .options = &options};
    struct engine_call call = {
        .type = ENGINE_OPERATION_STEP,
        .subtype = ENGINE_SUBTYPE_COMPENSATION,
        .id = engine_operation_id(r->config.run, undone->id, undo_call(r))};
    struct engine_op_entry *entry = engine_operations_find(&r->table, call.id);
    struct engine_bytes ignored;
    char name[NAME_ROOM];

    name_compensation(r, undone->name, name, sizeof(name), &call.name);
    call.number = entry ? entry->number : engine_replay_add(root, &call);
    if (entry)
        r->notes[entry->number].met = root->visit;
    return call.number ? go_on(root, call.number, &step, &ignored)
                       : ENGINE_BROKEN;
}

/* A step was undone that the handler, as it is now, would not undo. */
static int check_undone(struct engine_context *root)
{
    struct engine_replay *r = root->replay;

    for (uint32_t n = engine_replay_entry(r, 0)->first_child; n;
         n = engine_replay_entry(r, n)->next_sibling)
        if (engine_replay_entry(r, n)->subtype == ENGINE_SUBTYPE_COMPENSATION &&
            r->notes[n].met != root->visit &&
            !engine_replay_defect(r, ENGINE_DEFECT_UNDO_OWN_ONLY) &&
            !engine_replay_defect(r, ENGINE_DEFECT_UNDO_TWICE))
            return engine_context_missed(root, n, NULL);
    return ENGINE_DONE;
}

int engine_compensate(struct engine_context *root)
{
    struct engine_replay *r = root->replay;

    if (!r->compensations)
        return check_undone(root);
    root->overlaps = false;
    root->closed = false;
    root->suspended = false;
    if (!engine_replay_flush(r)) {
        r->gated = true;
        return r->broken ? ENGINE_BROKEN : ENGINE_SUSPENDED;
    }
    r->shared = 0;
    for (struct engine_compensation *next = sort(r, r->compensations); next;
         next = next->next) {
        int flow = ENGINE_DONE;

        /* One that was too late has not succeeded, whatever it said here. */
        if (engine_replay_entry(r, next->number)->status ==
            ENGINE_STATUS_SUCCEEDED)
            flow = compensate(root, next);
        if (flow == ENGINE_SUSPENDED || flow == ENGINE_BROKEN)
            return flow;
    }
    return check_undone(root);
}

/* What a step's code may ask ---------------------------------------------- */

uint32_t engine_attempt_number(const struct engine_attempt *a)
{
    return engine_replay_entry(a->replay, a->number)->attempt;
}

struct engine_hash engine_attempt_key(const struct engine_attempt *a)
{
    return engine_operation_id(a->replay->config.run,
                               engine_replay_entry(a->replay, a->number)->id,
                               0);
}

struct engine_bytes engine_attempt_progress(const struct engine_attempt *a)
{
    return a->progress;
}

int engine_replay_save(struct engine_replay *r, uint32_t number,
                       struct engine_bytes progress)
{
    const struct engine_op_entry *entry = engine_replay_entry(r, number);
    struct engine_replay_change change;

    if (is_too_large(r, progress.size) ||
        entry->subtype == ENGINE_SUBTYPE_WAIT_FOR_CONDITION)
        return -1;
    if (engine_replay_note(r, number)->announced != entry->attempt &&
        queue_start(r, number, NULL))
        return -1;
    change = change_of(engine_replay_entry(r, number), ENGINE_ACTION_PROGRESS,
                       ENGINE_STATUS_STARTED);
    change.options |= ENGINE_OPTION_PROGRESS;
    change.value = progress;
    return engine_replay_queue(r, number, &change) ? -1 : 0;
}

int engine_attempt_save(struct engine_attempt *a, struct engine_bytes progress)
{
    if (engine_replay_save(a->replay, a->number, progress))
        return -1;
    if (a->replay->config.persist)
        (void)engine_replay_flush(a->replay);
    return a->replay->broken ? -1 : 0;
}

void *engine_attempt_memory(struct engine_attempt *a, size_t size)
{
    return engine_arena_take(&a->replay->arena, size);
}

struct engine_bytes engine_attempt_text(struct engine_attempt *a,
                                        const char *text)
{
    size_t size = strlen(text);
    char *copy = engine_replay_memory(a->replay, size + 1);

    if (!copy)
        return (struct engine_bytes){"", 0};
    memcpy(copy, text, size + 1);
    return (struct engine_bytes){copy, size};
}

static struct engine_text text_of(struct engine_attempt *a, const char *text)
{
    struct engine_bytes copy = engine_attempt_text(a, text ? text : "");

    return (struct engine_text){copy.data, copy.size};
}

int engine_attempt_fail_as(struct engine_attempt *a, uint32_t error,
                           const char *type, const char *message,
                           bool retryable, uint64_t retry_after_ns)
{
    if (error == ENGINE_ERR_NONE || error >= ENGINE_ERR_COUNT)
        error = ENGINE_ERR_UNKNOWN;
    a->failure =
        (struct engine_replay_failure){.error = error,
                                       .type = text_of(a, type),
                                       .words = text_of(a, message),
                                       .retryable = retryable,
                                       .retry_after_ns = retry_after_ns};
    return ENGINE_FAILED_FLOW;
}

int engine_attempt_fail(struct engine_attempt *a, uint32_t error,
                        const char *message)
{
    return engine_attempt_fail_as(a, error, NULL, message, false, 0);
}

void engine_attempt_tag(struct engine_attempt *a, uint64_t tag)
{
    a->tag = tag;
    a->tagged = true;
}
