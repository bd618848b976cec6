/*
 * What invocations of handlers ask of the owner of their run. A question is
 * kept until its answer may be given: while a request is under way the run is
 * ahead of what is durable, and nobody is told that.
 */
#include "engine/coordinator_private.h"

#include "engine/invoke.h"
#include "engine/refusal.h"

enum {
    PAGE_MAX = 1 << 20
};

static const struct engine_message *question_of(const struct engine_owned *o)
{
    return o->question.size > 0 ? (const void *)o->question.bytes : NULL;
}

static uint16_t answer_kind(const struct engine_message *question)
{
    return question->kind == ENGINE_MSG_STATE ? ENGINE_MSG_STATE_PAGE
                                              : ENGINE_MSG_CHECKPOINTED;
}

static void answer(struct engine_coordinator *c,
                   const struct engine_message *question, uint32_t error,
                   uint64_t token, uint64_t b, const void *payload, size_t size)
{
    const struct engine_message message = {
        .kind = answer_kind(question),
        .to = question->from,
        .run = question->run,
        .op = error,
        .attempt = question->attempt,
        .token = token,
        .a = question->a,
        .b = b,
    };
    engine_coordinator_send(c, &message, payload, size);
}

static void answer_error(struct engine_coordinator *c,
                         const struct engine_message *question, uint32_t error,
                         const char *words)
{
    answer(c, question, error, question->token, question->b, words,
           strlen(words));
}

void engine_service_refuse(struct engine_coordinator *c, struct engine_owned *o,
                           uint32_t error, const char *words)
{
    if (question_of(o))
        answer_error(c, question_of(o), error, words);
    o->question.size = 0;
    o->answer = ENGINE_ANSWER_NONE;
}

void engine_service_asked(struct engine_coordinator *c,
                          const struct engine_message *message)
{
    struct engine_owned *o = engine_owned_find(c, message->run);
    if (!o) {
        answer_error(c, message, ENGINE_ERR_NOT_OWNER, "");
        return;
    }
    /* A repeat of what is being decided, or it takes the former's place. */
    const struct engine_message *before = question_of(o);
    if (o->answer != ENGINE_ANSWER_NONE) {
        if (before && before->kind == message->kind &&
            before->a == message->a && before->b == message->b)
            return;
        answer_error(c, message, ENGINE_ERR_NOT_OWNER, "");
        return;
    }
    o->question.size = 0;
    if (!engine_owned_keep(c, &o->question, message, message->size))
        return;
    uint64_t id = o->id;
    engine_owned_advance(c, o);
    if (engine_owned_find(c, id) == o)
        engine_owned_rearm(c, o);
}

/* Why the question cannot be answered, or NULL. */
static const char *wrong_time(const struct engine_owned *o,
                              const struct engine_message *question)
{
    const struct engine_op *op = &o->run->ops[0];
    if (!o->run->execution)
        return "the run is not a handler's";
    if (op->state != ENGINE_OP_SCHEDULED || op->attempt != question->attempt)
        return "the invocation is over";
    return NULL;
}

static void refuse_updates(struct engine_coordinator *c, struct engine_owned *o,
                           const struct engine_problem *problem)
{
    const struct engine_message *question = question_of(o);
    const struct engine_message message = {
        .kind = answer_kind(question),
        .flags = engine_refusal(problem->update, problem->limit),
        .to = question->from,
        .run = question->run,
        .op = problem->error,
        .attempt = question->attempt,
        .token = question->token,
        .a = question->a,
        .b = question->b,
    };

    engine_coordinator_send(c, &message, problem->text, strlen(problem->text));
    o->question.size = 0;
    o->answer = ENGINE_ANSWER_NONE;
}

static void take_updates(struct engine_coordinator *c, struct engine_owned *o,
                         struct engine_decide *decide)
{
    const struct engine_message *question = question_of(o);
    size_t size = question->size - sizeof(*question);
    const struct engine_hash client = {question->a, question->b};
    struct engine_problem problem;
    if (engine_execution_check(o->run->execution, question + 1, size,
                               &problem)) {
        refuse_updates(c, o, &problem);
        return;
    }
    size_t from = decide->block->size;
    if (engine_execution_events(o->run->execution, question + 1, size, client,
                                decide->store_now_ns, decide->block)) {
        decide->error = -1;
        return;
    }
    size_t end = decide->block->size;
    engine_decide_added(decide, from);
    const struct engine_invoke_rules rules = {
        .graphs = c->config.graphs,
        .graph_count = c->config.graph_count,
    };
    engine_invoke_started(decide, &rules, from, end);
    o->answer = ENGINE_ANSWER_ACCEPTED;
}

/* The defect: a message that was carried out is carried out once more. What it
 * says of operations is known, so they stay as they are. */
static void take_again(struct engine_owned *o, struct engine_decide *decide)
{
    const struct engine_message *question = question_of(o);
    const struct engine_hash client = {question->a, question->b};
    size_t from = decide->block->size;
    if (engine_execution_events(o->run->execution, question + 1, 0, client,
                                decide->store_now_ns, decide->block)) {
        decide->error = -1;
        return;
    }
    engine_decide_added(decide, from);
    o->answer = ENGINE_ANSWER_ACCEPTED;
}

static void take_checkpoint(struct engine_coordinator *c,
                            struct engine_owned *o,
                            struct engine_decide *decide)
{
    const struct engine_message *question = question_of(o);
    const struct engine_hash client = {question->a, question->b};
    enum engine_token_state state = engine_execution_token_state(
        o->run->execution, question->token, client);
    if (state == ENGINE_TOKEN_REPEAT &&
        engine_defect(&c->config.defects, ENGINE_DEFECT_TOKEN_REUSE)) {
        take_again(o, decide);
        return;
    }
    switch (state) {
    case ENGINE_TOKEN_REPEAT:
        o->answer = ENGINE_ANSWER_CHANGES;
        break;
    case ENGINE_TOKEN_GOOD:
        if (question->size > sizeof(*question))
            take_updates(c, o, decide);
        else
            o->answer = ENGINE_ANSWER_POLL;
        break;
    default:
        engine_service_refuse(c, o, ENGINE_ERR_STALE_TOKEN,
                              "the token was used, or is another's");
        break;
    }
}

void engine_service_decide(struct engine_coordinator *c, struct engine_owned *o,
                           struct engine_decide *decide)
{
    const struct engine_message *question = question_of(o);
    if (!question || decide->error)
        return;
    const char *words = wrong_time(o, question);
    if (words)
        engine_service_refuse(c, o, ENGINE_ERR_STALE_TOKEN, words);
    else if (question->kind == ENGINE_MSG_STATE)
        o->answer = ENGINE_ANSWER_PAGE;
    else
        take_checkpoint(c, o, decide);
}

/* The items of the answer go behind the scratch block's head of 8 bytes. */
static void answer_page(struct engine_coordinator *c, struct engine_owned *o)
{
    const struct engine_message *question = question_of(o);
    const struct engine_execution *execution = o->run->execution;
    struct engine_block *block = c->config.scratch;
    size_t most = c->config.page_max ? c->config.page_max : PAGE_MAX;
    uint32_t next = 0;
    if (engine_execution_page(execution, (uint32_t)question->a, most, block,
                              &next)) {
        c->failed = true;
        return;
    }
    answer(c, question, ENGINE_ERR_NONE, execution->token, next,
           block->bytes + sizeof(uint64_t), block->size - sizeof(uint64_t));
}

static void answer_changes(struct engine_coordinator *c, struct engine_owned *o,
                           uint32_t since)
{
    const struct engine_message *question = question_of(o);
    const struct engine_execution *execution = o->run->execution;
    struct engine_block *block = c->config.scratch;
    if (engine_execution_delta(execution, since, block)) {
        c->failed = true;
        return;
    }
    answer(c, question, ENGINE_ERR_NONE, execution->token, question->b,
           block->bytes + sizeof(uint64_t), block->size - sizeof(uint64_t));
}

void engine_service_answer(struct engine_coordinator *c, struct engine_owned *o)
{
    struct engine_execution *execution = o->run->execution;
    unsigned kind = o->answer;
    o->answer = ENGINE_ANSWER_NONE;
    /*
     * Only of the first answer is it certain that the invocation cannot have
     * gone on without it: a later one may be to a question that was doubled on
     * its way.
     */
    if (kind == ENGINE_ANSWER_ACCEPTED)
        engine_execution_told(execution, execution->change);
    if (!engine_block_begin(c->config.scratch, sizeof(uint64_t)))
        c->failed = true;
    else if (kind == ENGINE_ANSWER_PAGE)
        answer_page(c, o);
    else
        answer_changes(c, o,
                       kind == ENGINE_ANSWER_POLL ? execution->delivered
                                                  : execution->before);
    o->question.size = 0;
}
