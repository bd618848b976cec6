#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/service_private.h"
#include "engine/value.h"

/* From an invoke in a function to the start of the one invoked: once the caller
 * has suspended, or so long if it has more to do. */
#define CHAIN_NS UINT64_C(1000000000)

/* What is kept of why one broke off, at most. */
enum {
    BREAK_WORDS_MAX = 512,
    BREAK_TYPE_MAX = 60,
    STACK_LINES_MAX = 16,
    STACK_LINE_MAX = 160,
    THROWN_WORDS_MAX = 32000 /* by a function that is not durable */
};

/* Getters ----------------------------------------------------------------- */

void *lambda_invocation_host(const struct lambda_invocation *invocation)
{
    return invocation->host;
}

uint32_t lambda_invocation_function(const struct lambda_invocation *invocation)
{
    return invocation->execution->function;
}

uint64_t lambda_invocation_run(const struct lambda_invocation *invocation)
{
    return invocation->execution->run;
}

uint32_t lambda_invocation_number(const struct lambda_invocation *invocation)
{
    return invocation->attempt;
}

uint64_t lambda_invocation_deadline(const struct lambda_invocation *invocation)
{
    return invocation->deadline_ns;
}

const char *
lambda_invocation_context(const struct lambda_invocation *invocation)
{
    return invocation->execution->client_context;
}

const char *
lambda_invocation_version(const struct lambda_invocation *invocation)
{
    return invocation->execution->qualifier;
}

const char *lambda_invocation_tenant(const struct lambda_invocation *invocation)
{
    return invocation->execution->tenant;
}

const char *lambda_invocation_id(const struct lambda_invocation *invocation)
{
    return invocation->id;
}

/* Lines ------------------------------------------------------------------- */

static void join_line(struct lambda_line *line,
                      struct lambda_invocation *invocation)
{
    if (line->last)
        line->last->next = invocation;
    else
        line->first = invocation;
    line->last = invocation;
}

static struct lambda_invocation *leave_line(struct lambda_line *line)
{
    struct lambda_invocation *invocation = line->first;

    if (!invocation)
        return NULL;
    line->first = invocation->next;
    if (!line->first)
        line->last = NULL;
    invocation->next = NULL;
    return invocation;
}

/* When it needs to be attended to. */
static uint64_t due_of(const struct lambda_invocation *invocation)
{
    if (invocation->state == LAMBDA_FINISHING)
        return UINT64_MAX;
    return invocation->deadline_ns < invocation->renew_ns
               ? invocation->deadline_ns
               : invocation->renew_ns;
}

/* It will be due later or never: who is first has to be found again. */
static void postpone(struct lambda_service *service,
                     const struct lambda_invocation *invocation)
{
    if (due_of(invocation) <= service->due_ns)
        service->due_ns = 0;
}

static void free_invocation(struct lambda_service *service,
                            struct lambda_invocation *invocation)
{
    struct lambda_execution *execution = invocation->execution;

    postpone(service, invocation);
    if (engine_table_find(&service->working, execution->run) == invocation)
        engine_table_remove(&service->working, execution->run);
    if (execution->invocation == invocation)
        execution->invocation = NULL;
    free(invocation->event.bytes);
    free(invocation->output);
    free(invocation);
}

/* The host is told that nothing will come of it. */
static void drop(struct lambda_service *service,
                 struct lambda_invocation *invocation)
{
    if (invocation->host && invocation->state != LAMBDA_FINISHING)
        service->config.dropped(service->config.self, invocation);
    free_invocation(service, invocation);
}

void lambda_invocation_dispatched(struct lambda_service *service,
                                  const struct engine_message *message)
{
    struct lambda_execution *execution =
        lambda_execution_find(service, message->run);
    struct lambda_invocation *invocation;

    if (!execution || execution->invocation)
        return; /* it is sent again if it is still wanted */
    invocation = calloc(1, sizeof(*invocation));
    if (!invocation) {
        service->failed = true;
        return;
    }
    invocation->execution = execution;
    invocation->attempt = message->attempt;
    invocation->reply_to = (uint32_t)message->b;
    invocation->fresh = message->flags & ENGINE_DISPATCH_FRESH;
    invocation->token = message->token;
    invocation->deadline_ns = UINT64_MAX;
    invocation->renew_ns = UINT64_MAX;
    lambda_request_id_write(message->run, message->attempt, invocation->id);
    execution->invocation = invocation;
    if (execution->parent && message->attempt == 1) {
        invocation->start_ns = lambda_core_now(service->core) + CHAIN_NS;
        join_line(&service->chained, invocation);
        return;
    }
    join_line(&service->lines[execution->function], invocation);
    service->config.wanted(service->config.self, execution->function);
}

/* Whether the caller has suspended, or may take longer than one waits for. */
static bool may_start(const struct lambda_service *service,
                      const struct lambda_invocation *invocation,
                      uint64_t now_ns)
{
    const struct lambda_execution *parent =
        engine_table_find(&service->executions, invocation->execution->parent);

    return invocation->start_ns <= now_ns || !parent || !parent->invocation;
}

static void start_chained(struct lambda_service *service, uint64_t now_ns)
{
    struct lambda_line waiting = service->chained;
    struct lambda_invocation *invocation;

    service->chained = (struct lambda_line){0};
    while ((invocation = leave_line(&waiting))) {
        uint32_t function = invocation->execution->function;
        if (!may_start(service, invocation, now_ns)) {
            join_line(&service->chained, invocation);
            continue;
        }
        join_line(&service->lines[function], invocation);
        if (!lambda_service_has(service, function))
            (void)lambda_invocation_take(service, function, NULL);
        else
            service->config.wanted(service->config.self, function);
    }
}

/* Requests ---------------------------------------------------------------- */

static struct engine_request *begin(struct lambda_service *service,
                                    const struct lambda_invocation *invocation,
                                    enum engine_request_kind kind)
{
    struct engine_request *request =
        lambda_core_begin(service->core, kind, invocation->execution->run);

    if (!request) {
        service->failed = true;
        return NULL;
    }
    request->op = 0;
    request->attempt = invocation->attempt;
    return request;
}

struct lambda_invocation *lambda_invocation_take(struct lambda_service *service,
                                                 uint32_t function, void *host)
{
    struct lambda_invocation *invocation =
        leave_line(&service->lines[function]);

    if (!invocation)
        return NULL;
    invocation->host = host;
    invocation->state = LAMBDA_CLAIMING;
    if (engine_table_add(&service->working, invocation->execution->run,
                         invocation)) {
        service->failed = true;
        return NULL;
    }
    if (begin(service, invocation, ENGINE_REQ_CLAIM))
        lambda_core_ask(service->core, LAMBDA_ASKED_CLAIM);
    return invocation;
}

/* The event --------------------------------------------------------------- */

static void begin_event(struct lambda_service *service,
                        struct lambda_invocation *invocation)
{
    const struct lambda_execution *execution = invocation->execution;
    struct json_writer *w = &invocation->event;
    char arn[LAMBDA_ARN_SIZE];

    lambda_execution_arn(service, execution, arn);
    json_write_reset(w);
    json_open(w, NULL);
    json_put_words(w, "DurableExecutionArn", arn);
    json_open_array(w, "UpdatedOperationIds");
    lambda_execution_write_news(invocation->execution, w);
    json_close_array(w);
    json_open(w, "InitialExecutionState");
    json_open_array(w, "Operations");
    if (!service->config.page_empty)
        lambda_execution_write_self(execution, w, LAMBDA_MILLIS);
}

static void give_event(struct lambda_service *service,
                       struct lambda_invocation *invocation, uint32_t next)
{
    struct json_writer *w = &invocation->event;
    char token[LAMBDA_TOKEN_SIZE];
    char marker[16] = "";

    lambda_token_write(invocation->execution->run, invocation->token, token);
    if (next || service->config.page_empty)
        snprintf(marker, sizeof(marker), "%u", next);
    json_close_array(w);
    json_put_words(w, "NextMarker", marker);
    json_close(w);
    json_put_words(w, "CheckpointToken", token);
    json_close(w);
    if (w->failed)
        service->failed = true;
    invocation->execution->token = invocation->token;
    invocation->state = LAMBDA_RUNNING;
    service->config.event(service->config.self, invocation, w->bytes, w->size);
}

/* Of a function that is not durable, its input as it is. */
static void give_plain(struct lambda_service *service,
                       struct lambda_invocation *invocation)
{
    struct engine_text input = lambda_execution_input(invocation->execution);

    invocation->state = LAMBDA_RUNNING;
    service->config.event(service->config.self, invocation, input.text,
                          input.size);
}

static void ask_page(struct lambda_service *service,
                     struct lambda_invocation *invocation, uint32_t first)
{
    invocation->state = LAMBDA_LOADING;
    invocation->load = (struct lambda_call){.run = invocation->execution->run,
                                            .mark = {first, 0}};
    lambda_call_ask(service, invocation->execution, &invocation->load);
}

void lambda_invocation_page(struct lambda_service *service,
                            struct lambda_invocation *invocation,
                            const struct engine_message *page)
{
    uint32_t most = service->config.page_items - invocation->items;
    uint32_t next = (uint32_t)page->b;

    if (page->op != ENGINE_ERR_NONE) {
        lambda_invocation_lost(service, invocation, ENGINE_ERR_INTERRUPTED,
                               "the execution has ended");
        return;
    }
    invocation->token = page->token;
    if (service->config.page_empty) {
        give_event(service, invocation, 0);
        return;
    }
    invocation->items += lambda_execution_write(
        invocation->execution, page + 1, page->size - sizeof(*page),
        &invocation->event, LAMBDA_MILLIS, most, &next);
    if (next == 0 || invocation->items == service->config.page_items)
        give_event(service, invocation, next);
    else
        ask_page(service, invocation, next);
}

static void keep_break(struct lambda_service *service,
                       struct lambda_invocation *invocation, const char *type,
                       const char *words, size_t words_max);
static void finish(struct lambda_service *service,
                   struct lambda_invocation *invocation,
                   enum engine_error error);

/* There is no such function. */
static void miss(struct lambda_service *service,
                 struct lambda_invocation *invocation)
{
    const struct lambda_execution *execution = invocation->execution;
    char words[LAMBDA_ARN_SIZE + 32] = "Function not found: ";
    char arn[LAMBDA_ARN_SIZE];

    lambda_function_arn_write(service->functions[execution->function].name,
                              execution->qualifier, arn);
    strcat(words, arn);
    keep_break(service, invocation, "ResourceNotFoundException", words,
               BREAK_WORDS_MAX);
    finish(service, invocation, ENGINE_ERR_USER);
}

static uint64_t soon(uint64_t now_ns, uint64_t duration_ns)
{
    return duration_ns < UINT64_MAX - now_ns ? now_ns + duration_ns
                                             : UINT64_MAX;
}

void lambda_invocation_claimed(struct lambda_service *service,
                               struct lambda_invocation *invocation,
                               const struct engine_reply *reply)
{
    const struct lambda_function *function =
        &service->functions[invocation->execution->function];
    uint64_t now_ns = lambda_core_now(service->core);

    if (invocation->state != LAMBDA_CLAIMING)
        return;
    if (reply->outcome != ENGINE_COMMITTED) {
        drop(service, invocation);
        return;
    }
    invocation->deadline_ns = soon(now_ns, function->timeout_ns);
    invocation->renew_ns = soon(now_ns, service->config.lease_ns / 3);
    if (due_of(invocation) < service->due_ns)
        service->due_ns = due_of(invocation);
    if (!lambda_service_has(service, invocation->execution->function)) {
        miss(service, invocation);
        return;
    }
    if (!function->durable) {
        give_plain(service, invocation);
        return;
    }
    begin_event(service, invocation);
    if (invocation->fresh)
        give_event(service, invocation, 0);
    else
        ask_page(service, invocation, 0);
}

/* The end ----------------------------------------------------------------- */

static void keep_output(struct lambda_service *service,
                        struct lambda_invocation *invocation, const void *bytes,
                        size_t size, bool envelope)
{
    size_t room = envelope ? engine_value_span((uint32_t)size) : size;

    free(invocation->output);
    invocation->output = calloc(1, room ? room : 1);
    invocation->output_size = room;
    if (!invocation->output)
        service->failed = true;
    else if (envelope)
        engine_value_write(invocation->output, ENGINE_VALUE_INLINE, bytes,
                           (uint32_t)size);
    else if (size > 0)
        memcpy(invocation->output, bytes, size);
}

static void finish(struct lambda_service *service,
                   struct lambda_invocation *invocation,
                   enum engine_error error)
{
    const struct engine_item head = {
        .type = ENGINE_ITEM_WORK, .op = 0, .attempt = invocation->attempt};
    struct engine_request *request;

    postpone(service, invocation);
    invocation->state = LAMBDA_FINISHING;
    invocation->host = NULL;
    invocation->error = error;
    invocation->retryable = error == ENGINE_ERR_INTERRUPTED ||
                            error == ENGINE_ERR_TIMED_OUT ||
                            error == ENGINE_ERR_OOM;
    request = begin(service, invocation, ENGINE_REQ_FINISH);
    if (!request)
        return;
    request->error = error;
    request->retryable = invocation->retryable;
    engine_block_item(lambda_core_block(service->core), &head,
                      invocation->output, invocation->output_size);
    lambda_core_ask(service->core, LAMBDA_ASKED_FINISH);
}

static void hint(struct lambda_service *service,
                 const struct lambda_invocation *invocation)
{
    const struct engine_message message = {
        .kind = ENGINE_MSG_HINT,
        .from = LAMBDA_NODE_WORKER,
        .run = invocation->execution->run,
        .op = 0,
        .attempt = invocation->attempt,
    };
    const struct engine_item head = {
        .type = ENGINE_ITEM_WORK,
        .kind = ENGINE_WORK_DONE,
        .op = 0,
        .attempt = invocation->attempt,
        .flags =
            invocation->error | (invocation->retryable ? UINT32_C(1) << 16 : 0),
    };
    struct engine_block block;

    engine_block_init(&block);
    if (engine_block_begin(&block, sizeof(uint64_t)))
        engine_block_item(&block, &head, invocation->output,
                          invocation->output_size);
    if (engine_block_ok(&block))
        lambda_core_send(service->core, &message,
                         block.bytes + sizeof(uint64_t),
                         block.size - sizeof(uint64_t));
    else
        service->failed = true;
    engine_block_free(&block);
}

/* Why an invocation broke off, as histories show it. */
static void keep_break(struct lambda_service *service,
                       struct lambda_invocation *invocation, const char *type,
                       const char *words, size_t words_max)
{
    struct json_writer *kept = &service->kept;

    json_write_reset(kept);
    json_raw(kept, words, strnlen(words, words_max));
    json_raw(kept, "", 1);
    kept->first = true;
    (void)json_put_string(kept, "ErrorType", type,
                          strnlen(type, BREAK_TYPE_MAX));
    keep_output(service, invocation, kept->bytes, kept->size, false);
}

static const char *type_of(enum engine_error error)
{
    switch (error) {
    case ENGINE_ERR_TIMED_OUT:
        return "Sandbox.Timedout";
    case ENGINE_ERR_OOM:
        return "Runtime.OutOfMemory";
    default:
        return "Runtime.ExitError";
    }
}

void lambda_invocation_lost(struct lambda_service *service,
                            struct lambda_invocation *invocation,
                            enum engine_error error, const char *words)
{
    bool durable = service->functions[invocation->execution->function].durable;

    keep_break(service, invocation, type_of(error), words, BREAK_WORDS_MAX);
    /* One that is not durable is invoked once. */
    finish(service, invocation, durable ? error : ENGINE_ERR_USER);
}

/* It answered, but with what is no answer. */
static void garbled(struct lambda_service *service,
                    struct lambda_invocation *invocation)
{
    keep_break(service, invocation, "Runtime.Unknown",
               "Invalid output from the function", BREAK_WORDS_MAX);
    finish(service, invocation, ENGINE_ERR_INTERRUPTED);
}

/* It answered more than may be; it would do so again. */
static void too_large(struct lambda_service *service,
                      struct lambda_invocation *invocation)
{
    char words[128];

    snprintf(words, sizeof(words),
             "Response payload size exceeded maximum allowed payload size "
             "(%llu bytes).",
             (unsigned long long)service->config.limits->response_max);
    keep_break(service, invocation, "Function.ResponseSizeTooLarge", words,
               BREAK_WORDS_MAX);
    finish(service, invocation, ENGINE_ERR_USER);
}

/* The store does not take what it ended with: it ends with that instead. */
static void finish_without(struct lambda_service *service,
                           struct lambda_invocation *invocation,
                           const struct engine_reply *reply)
{
    char words[128];

    snprintf(words, sizeof(words),
             "The response could not be recorded: %llu bytes, %llu are "
             "allowed.",
             (unsigned long long)reply->actual,
             (unsigned long long)reply->maximum);
    keep_break(service, invocation, "Function.ResponseSizeTooLarge", words,
               BREAK_WORDS_MAX);
    finish(service, invocation, ENGINE_ERR_USER);
}

void lambda_invocation_finished(struct lambda_service *service,
                                struct lambda_invocation *invocation,
                                const struct engine_reply *reply)
{
    if (invocation->state != LAMBDA_FINISHING)
        return;
    if (reply->outcome == ENGINE_REFUSED &&
        invocation->output_size > BREAK_WORDS_MAX + BREAK_TYPE_MAX + 64) {
        finish_without(service, invocation, reply);
        return;
    }
    if (reply->outcome == ENGINE_COMMITTED)
        hint(service, invocation);
    free_invocation(service, invocation);
}

/* The stack of an error, behind what has been kept of it. */
static void keep_stack(struct json_writer *kept, struct json_view error)
{
    struct json_view stack = json_member(error, "stackTrace");
    unsigned left = STACK_LINES_MAX;

    if (!stack.item)
        stack = json_member(error, "trace"); /* of the one for Node */
    if (!json_is_array(stack) || !json_is_string(json_first(stack)))
        return;
    json_open_array(kept, "StackTrace");
    for (struct json_view v = json_first(stack);
         v.item && left > 0 && json_is_string(v); v = json_next(v), left--)
        (void)json_put_string(kept, NULL, v.item->valuestring,
                              strnlen(v.item->valuestring, STACK_LINE_MAX));
    json_close_array(kept);
}

/* {"errorType": .., "errorMessage": .., ..} of a runtime. */
static bool keep_thrown(struct lambda_service *service,
                        struct lambda_invocation *invocation, const void *body,
                        size_t size, size_t words_max)
{
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;
    const char *message = NULL;
    const char *type = NULL;
    bool good;

    good = json_read_bytes("error", body, size, &doc, &wrong) == 0 &&
           json_is_object(json_root(doc));
    if (good) {
        json_get_string(json_root(doc), "errorMessage", JSON_OPTIONAL, 0, size,
                        &message, &wrong);
        json_get_string(json_root(doc), "errorType", JSON_OPTIONAL, 0, size,
                        &type, &wrong);
        keep_break(service, invocation, type ? type : "Error",
                   message ? message : "", words_max);
        keep_stack(&service->kept, json_root(doc));
        keep_output(service, invocation, service->kept.bytes,
                    service->kept.size, false);
    }
    json_free(doc);
    return good;
}

/* Who waits for it is told in the runtime's own words. */
static void keep_body(struct lambda_execution *execution, const void *body,
                      size_t size)
{
    free(execution->thrown);
    execution->thrown = malloc(size ? size : 1);
    execution->thrown_size = execution->thrown ? size : 0;
    if (size > 0 && execution->thrown)
        memcpy(execution->thrown, body, size);
}

void lambda_invocation_threw(struct lambda_service *service,
                             struct lambda_invocation *invocation,
                             const void *body, size_t size)
{
    bool durable = service->functions[invocation->execution->function].durable;

    size_t most = durable ? BREAK_WORDS_MAX : THROWN_WORDS_MAX;

    if (!durable)
        keep_body(invocation->execution, body, size);
    if (!keep_thrown(service, invocation, body, size, most))
        keep_output(service, invocation, body, size < most ? size : most,
                    false);
    finish(service, invocation,
           durable ? ENGINE_ERR_INTERRUPTED : ENGINE_ERR_USER);
}

static void answered_durable(struct lambda_service *service,
                             struct lambda_invocation *invocation,
                             struct json_view answer)
{
    static const char *const statuses[] = {"SUCCEEDED", "FAILED", "PENDING"};
    struct lambda_problem problem = {0};
    struct json_error wrong = {0};
    struct json_view error = json_member(answer, "Error");
    struct json_view result = json_member(answer, "Result");
    size_t status = 3;

    json_get_enum(answer, "Status", JSON_REQUIRED, statuses, 3, &status,
                  &wrong);
    if (wrong.code || (status == 1 && result.item) ||
        (status == 0 && error.item) ||
        (result.item && !json_is_string(result))) {
        garbled(service, invocation);
        return;
    }
    if (status == 0) {
        const char *text = result.item ? result.item->valuestring : "";
        keep_output(service, invocation, text, strlen(text), true);
        finish(service, invocation, ENGINE_ERR_NONE);
    } else if (status == 1) {
        json_write_reset(&service->kept);
        if (error.item)
            (void)lambda_error_read_whole(error, &service->kept, &problem);
        keep_output(service, invocation, service->kept.bytes,
                    service->kept.size, false);
        finish(service, invocation, ENGINE_ERR_USER);
    } else {
        finish(service, invocation, ENGINE_ERR_PENDING);
    }
}

void lambda_invocation_answered(struct lambda_service *service,
                                struct lambda_invocation *invocation,
                                const void *body, size_t size)
{
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;

    if (size > service->config.limits->response_max) {
        too_large(service, invocation);
        return;
    }
    if (!service->functions[invocation->execution->function].durable) {
        keep_output(service, invocation, body, size, true);
        finish(service, invocation, ENGINE_ERR_NONE);
        return;
    }
    if (json_read_bytes("response", body, size, &doc, &wrong) == 0)
        answered_durable(service, invocation, json_root(doc));
    else
        garbled(service, invocation);
    json_free(doc);
}

/* Time -------------------------------------------------------------------- */

static void renew(struct lambda_service *service,
                  struct lambda_invocation *invocation, uint64_t now_ns)
{
    postpone(service, invocation);
    invocation->renew_ns = soon(now_ns, service->config.lease_ns / 3);
    if (begin(service, invocation, ENGINE_REQ_HEARTBEAT))
        lambda_core_ask(service->core, LAMBDA_ASKED_RENEW);
}

static uint64_t find_due(const struct lambda_service *service)
{
    uint64_t due = UINT64_MAX;

    for (uint32_t i = 0; i < service->working.count; i++) {
        uint64_t its = due_of(service->working.items[i]);
        due = its < due ? its : due;
    }
    return due;
}

static void attend(struct lambda_service *service,
                   struct lambda_invocation *invocation, uint64_t now_ns)
{
    if (due_of(invocation) > now_ns)
        return;
    if (invocation->deadline_ns > now_ns) {
        renew(service, invocation, now_ns);
        return;
    }
    service->config.dropped(service->config.self, invocation);
    lambda_invocation_lost(service, invocation, ENGINE_ERR_TIMED_OUT,
                           "Task timed out");
}

void lambda_invocation_attend(struct lambda_service *service)
{
    uint64_t now_ns = lambda_core_now(service->core);

    start_chained(service, now_ns);
    if (service->due_ns > now_ns)
        return;
    for (uint32_t i = 0; i < service->working.count; i++)
        attend(service, service->working.items[i], now_ns);
    service->due_ns = find_due(service);
}

uint64_t lambda_invocation_due(const struct lambda_service *service)
{
    uint64_t due = service->due_ns ? service->due_ns : find_due(service);
    const struct lambda_invocation *chained = service->chained.first;

    return chained && chained->start_ns < due ? chained->start_ns : due;
}
