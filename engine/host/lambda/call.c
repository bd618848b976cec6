#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/service_private.h"
#include "engine/workflow.h"

static const char stale[] = "Invalid checkpoint token";

/* Answers ----------------------------------------------------------------- */

void lambda_call_answer(struct lambda_call *call, int status, const void *body,
                        size_t size)
{
    engine_block_free(&call->block);
    call->answer(call, status, NULL, body, size);
}

void lambda_call_refuse(struct lambda_call *call, int status,
                        const char *exception, const char *message)
{
    struct json_writer w = {0};
    bool server = status >= 500;

    engine_block_free(&call->block);
    json_write_reset(&w);
    json_open(&w, NULL);
    json_put_words(&w, "Type", server ? "Service" : "User");
    json_put_words(&w, "message", message);
    json_put_words(&w, "Message", message);
    json_close(&w);
    call->answer(call, status, exception, w.bytes, w.size);
    free(w.bytes);
}

/* Without one, memory has run out. */
void lambda_call_problem(struct lambda_call *call,
                         const struct lambda_problem *problem)
{
    if (problem->type)
        lambda_call_refuse(call, 400, problem->type, problem->text);
    else
        lambda_call_refuse(call, 500, "ServiceException", "out of memory");
}

bool lambda_call_admit(struct lambda_service *service, struct lambda_call *call,
                       enum lambda_rate_kind kind)
{
    static const char body[] =
        "{\"Type\":\"User\",\"Reason\":\"CallerRateLimitExceeded\","
        "\"message\":\"Rate exceeded\",\"Message\":\"Rate exceeded\"}";

    if (!service->config.rates)
        return true;
    call->retry_after_s =
        lambda_rate_take(service->config.rates, &service->rates, kind,
                         lambda_core_now(service->core));
    if (call->retry_after_s == 0)
        return true;
    call->answer(call, 429, "TooManyRequestsException", body, sizeof(body) - 1);
    return false;
}

struct lambda_execution *lambda_call_execution(struct lambda_service *service,
                                               struct lambda_call *call,
                                               enum lambda_rate_kind kind,
                                               const char *text)
{
    struct lambda_execution *execution = NULL;
    struct lambda_arn arn;

    if (!lambda_call_admit(service, call, kind))
        return NULL;
    if (!lambda_arn_parse(text, &arn)) {
        lambda_call_refuse(call, 404, "ResourceNotFoundException",
                           "Durable execution not found");
        return NULL;
    }
    execution = lambda_execution_find(service, arn.run);
    if (execution && execution->accepted &&
        !lambda_retain_is_over(service, execution) &&
        strcmp(execution->name, arn.name) == 0 &&
        strcmp(execution->qualifier, arn.qualifier) == 0 &&
        strcmp(service->functions[execution->function].name, arn.function) == 0)
        return execution;
    lambda_call_refuse(call, 404, "ResourceNotFoundException",
                       "Durable execution not found");
    return NULL;
}

/* Questions to the owner of the run --------------------------------------- */

static void send_question(struct lambda_service *service,
                          struct lambda_execution *execution)
{
    const struct lambda_call *call = execution->asking;
    bool checkpoint = call->block.bytes != NULL;
    const struct engine_message head = {
        .kind = checkpoint ? ENGINE_MSG_CHECKPOINT : ENGINE_MSG_STATE,
        .from = LAMBDA_NODE_WORKER,
        .run = execution->run,
        .attempt = execution->invocation ? execution->invocation->attempt : 0,
        .token = call->token,
        .a = call->mark.lo,
        .b = call->mark.hi,
    };

    if (checkpoint)
        lambda_core_send(service->core, &head,
                         call->block.bytes + sizeof(uint64_t),
                         call->block.size - sizeof(uint64_t));
    else
        lambda_core_send(service->core, &head, NULL, 0);
}

void lambda_call_ask(struct lambda_service *service,
                     struct lambda_execution *execution,
                     struct lambda_call *call)
{
    call->next = NULL;
    if (execution->asking) {
        execution->asking_last->next = call;
        execution->asking_last = call;
        return;
    }
    execution->asking = execution->asking_last = call;
    send_question(service, execution);
}

static struct lambda_call *leave_line(struct lambda_service *service,
                                      struct lambda_execution *execution)
{
    struct lambda_call *call = execution->asking;

    execution->asking = call->next;
    if (execution->asking)
        send_question(service, execution);
    else
        execution->asking_last = NULL;
    return call;
}

/* Why the engine refuses a question. */
static void answer_refusal(const struct lambda_service *service,
                           const struct lambda_execution *execution,
                           struct lambda_call *call,
                           const struct engine_message *message)
{
    struct lambda_problem problem = {0};

    if (message->op == ENGINE_ERR_STALE_TOKEN ||
        message->op == ENGINE_ERR_NOT_OWNER) {
        lambda_call_refuse(call, 400, "InvalidParameterValueException", stale);
        return;
    }
    lambda_refusal_read(execution, service->config.limits, &call->block,
                        message, &problem);
    if (message->op == ENGINE_ERR_STORAGE || message->op == ENGINE_ERR_OOM)
        lambda_call_refuse(call, 500, "ServiceException", problem.text);
    else
        lambda_call_problem(call, &problem);
}

static void answer_checkpoint(struct lambda_service *service,
                              struct lambda_execution *execution,
                              struct lambda_call *call,
                              const struct engine_message *message)
{
    struct json_writer *w = &service->out;
    char token[LAMBDA_TOKEN_SIZE];
    uint32_t next = 0;

    execution->token = message->token;
    lambda_execution_write_news(execution, NULL);
    lambda_token_write(execution->run, message->token, token);
    json_write_reset(w);
    json_open(w, NULL);
    if (!call->concluding)
        json_put_words(w, "CheckpointToken", token);
    json_open(w, "NewExecutionState");
    json_open_array(w, "Operations");
    (void)lambda_execution_write(execution, message + 1,
                                 message->size - sizeof(*message), w,
                                 LAMBDA_SECONDS, UINT32_MAX, &next);
    json_close_array(w);
    json_close(w);
    json_close(w);
    lambda_call_answer(call, 200, w->bytes, w->size);
}

static void answer_state(struct lambda_service *service,
                         struct lambda_execution *execution,
                         struct lambda_call *call,
                         const struct engine_message *message)
{
    struct json_writer *w = &service->out;
    uint32_t next = (uint32_t)message->b;
    uint32_t most = call->page_items;
    char marker[16] = "";

    json_write_reset(w);
    json_open(w, NULL);
    json_open_array(w, "Operations");
    if (call->mark.lo == 0) {
        lambda_execution_write_self(execution, w, LAMBDA_SECONDS);
        most--;
    }
    (void)lambda_execution_write(execution, message + 1,
                                 message->size - sizeof(*message), w,
                                 LAMBDA_SECONDS, most, &next);
    json_close_array(w);
    if (next)
        snprintf(marker, sizeof(marker), "%u", next);
    if (next)
        json_put_words(w, "NextMarker", marker);
    json_close(w);
    lambda_call_answer(call, 200, w->bytes, w->size);
}

void lambda_call_answered(struct lambda_service *service,
                          const struct engine_message *message)
{
    struct lambda_execution *execution =
        lambda_execution_find(service, message->run);
    struct lambda_call *call;

    if (!execution || !execution->asking ||
        execution->asking->mark.lo != message->a)
        return;
    call = leave_line(service, execution);
    if (execution->invocation && call == &execution->invocation->load)
        lambda_invocation_page(service, execution->invocation, message);
    else if (message->op != ENGINE_ERR_NONE)
        answer_refusal(service, execution, call, message);
    else if (message->kind == ENGINE_MSG_CHECKPOINTED)
        answer_checkpoint(service, execution, call, message);
    else
        answer_state(service, execution, call, message);
}

/* Whether a token is the one that is valid, or may be a repeat of the last. */
static bool check_token(const struct lambda_execution *execution,
                        struct lambda_call *call, const char *token)
{
    uint64_t run;

    if (lambda_token_parse(token, &run, &call->token) &&
        run == execution->run && execution->invocation &&
        call->token >> 32 == execution->invocation->attempt)
        return true;
    lambda_call_refuse(call, 400, "InvalidParameterValueException", stale);
    return false;
}

bool lambda_service_token(const struct lambda_service *service, uint64_t run,
                          char out[LAMBDA_TOKEN_SIZE])
{
    const struct lambda_execution *execution =
        engine_table_find(&service->executions, run);

    if (!execution || !execution->invocation)
        return false;
    lambda_token_write(run, execution->invocation->token, out);
    return true;
}

/* Checkpoints ------------------------------------------------------------- */

void lambda_service_delay(struct lambda_service *service, uint32_t update,
                          uint64_t ns)
{
    if (service->delayed_count < LAMBDA_DELAYED_MAX)
        service->delayed[service->delayed_count++] =
            (struct lambda_delayed){.update = update, .ns = ns};
}

/* The durations of timers that are to be late grow. */
static void delay_updates(struct lambda_service *service, uint64_t run,
                          struct engine_block *block)
{
    uint32_t index = 0;

    for (size_t at = sizeof(uint64_t); at < block->size; index++) {
        struct engine_item *item = (void *)(block->bytes + at);
        struct engine_operation *head = (void *)(item + 1);
        at += engine_item_span(item->size);
        for (uint32_t i = 0; i < service->delayed_count; i++) {
            struct lambda_delayed *delayed = &service->delayed[i];
            if (delayed->run != 0 || delayed->update != index)
                continue;
            delayed->run = run;
            delayed->id = (struct engine_hash){item->a, item->b};
            head->first_ns += delayed->ns;
        }
    }
}

/* The functions that its updates invoke. */
static void expect_functions(struct lambda_service *service,
                             const struct engine_block *block)
{
    for (size_t at = sizeof(uint64_t); at < block->size;) {
        const struct engine_item *item = (const void *)(block->bytes + at);
        struct engine_operation_view view;
        at += engine_item_span(item->size);
        if (engine_operation_flag_type(item->flags) ==
                ENGINE_OPERATION_INVOKE &&
            item->kind == ENGINE_ACTION_START &&
            engine_operation_view(item, &view) == 0)
            lambda_service_expect(service, view.detail.text, view.detail.size);
    }
}

static bool read_checkpoint(struct lambda_service *service,
                            struct lambda_execution *execution,
                            struct lambda_call *call, struct json_view body)
{
    struct lambda_problem problem = {0};
    struct json_error wrong = {0};
    const char *token = NULL;
    const char *client = NULL;

    json_get_string(body, "CheckpointToken", JSON_REQUIRED, 1, 2048, &token,
                    &wrong);
    json_get_string(body, "ClientToken", JSON_OPTIONAL, 1, 64, &client, &wrong);
    if (wrong.code) {
        lambda_call_refuse(call, 400, "InvalidParameterValueException",
                           wrong.text);
        return false;
    }
    if (!check_token(execution, call, token))
        return false;
    service->next_client++;
    call->mark = client ? engine_hash_bytes(client, strlen(client))
                        : (struct engine_hash){service->next_client,
                                               service->config.incarnation};
    engine_block_init(&call->block);
    if (lambda_updates_read(json_member(body, "Updates"), &call->block,
                            &call->concluding, &problem) == 0 &&
        (call->token != execution->token ||
         lambda_refusal_check(execution, &call->block, &problem))) {
        if (service->delayed_count > 0)
            delay_updates(service, execution->run, &call->block);
        expect_functions(service, &call->block);
        return true;
    }
    lambda_call_problem(call, &problem);
    return false;
}

void lambda_call_checkpoint(struct lambda_service *service,
                            struct lambda_call *call, const char *arn,
                            const void *body, size_t size)
{
    struct lambda_execution *execution =
        lambda_call_execution(service, call, LAMBDA_RATE_CHECKPOINT, arn);
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;

    if (!execution)
        return;
    if (json_read_bytes("body", body, size, &doc, &wrong)) {
        lambda_call_refuse(call, 400, "InvalidRequestContentException",
                           wrong.text);
        return;
    }
    if (read_checkpoint(service, execution, call, json_root(doc)))
        lambda_call_ask(service, execution, call);
    json_free(doc);
}

/* The operation number in a marker; false: it is none. */
static bool read_marker(const char *marker, uint64_t *out)
{
    char *end;

    *out = 0;
    if (!marker || !*marker)
        return true;
    *out = strtoull(marker, &end, 10);
    return marker[0] >= '0' && marker[0] <= '9' && *end == '\0' &&
           *out < UINT32_MAX;
}

void lambda_call_state(struct lambda_service *service, struct lambda_call *call,
                       const char *arn, const char *token, const char *marker,
                       uint64_t items)
{
    struct lambda_execution *execution =
        lambda_call_execution(service, call, LAMBDA_RATE_STATE, arn);

    if (!execution || !check_token(execution, call, token ? token : ""))
        return;
    if (call->token != execution->token) {
        lambda_call_refuse(call, 400, "InvalidParameterValueException", stale);
        return;
    }
    call->mark = (struct engine_hash){0, 0};
    if (!read_marker(marker, &call->mark.lo) || items > 1000) {
        lambda_call_refuse(call, 400, "InvalidParameterValueException",
                           items > 1000 ? "MaxItems must be at most 1000"
                                        : "Invalid Marker");
        return;
    }
    call->page_items = items ? (uint32_t)items : service->config.page_items;
    if (service->config.page_every &&
        call->page_items > service->config.page_items)
        call->page_items = service->config.page_items;
    engine_block_init(&call->block);
    lambda_call_ask(service, execution, call);
}

/* Signals ----------------------------------------------------------------- */

static void put_signal(struct lambda_service *service, struct lambda_call *call,
                       uint64_t run, uint32_t op, enum engine_signal_kind kind,
                       const char *type, const void *value, size_t size)
{
    const struct engine_signal head = {
        .run = run,
        .kind = kind,
        .error = kind == ENGINE_SIG_CALLBACK_FAIL ? ENGINE_ERR_USER : 0,
        .edge_size = type ? (uint16_t)strlen(type) : 0,
        /* A run that is stopped ends with the reason. */
        .reason_size = kind == ENGINE_SIG_STOP ? (uint16_t)size : 0,
        .value_size = kind == ENGINE_SIG_STOP ? 0 : (uint32_t)size,
    };
    const uint64_t number = ++service->next_client;
    const struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                                     .kind = (uint16_t)kind,
                                     .op = op,
                                     .a = number,
                                     .b = service->config.incarnation};
    struct engine_request *request =
        lambda_core_begin(service->core, ENGINE_REQ_SIGNAL, run);
    struct engine_item *place =
        request ? engine_block_item(lambda_core_block(service->core), &item,
                                    NULL, sizeof(head) + head.edge_size + size)
                : NULL;

    if (!place) {
        lambda_call_refuse(call, 500, "ServiceException", "out of memory");
        return;
    }
    unsigned char *bytes = (unsigned char *)(place + 1);
    memcpy(bytes, &head, sizeof(head));
    if (head.edge_size)
        memcpy(bytes + sizeof(head), type, head.edge_size);
    if (size > 0)
        memcpy(bytes + sizeof(head) + head.edge_size, value, size);
    call->run = run;
    call->signal = number;
    call->next = service->signals;
    service->signals = call;
    lambda_core_ask(service->core,
                    number << LAMBDA_ASKED_BITS | LAMBDA_ASKED_SIGNAL);
}

static void wake_owner(struct lambda_service *service, uint64_t run)
{
    const struct engine_message head = {
        .kind = ENGINE_MSG_WAKE, .from = LAMBDA_NODE_CLIENT, .run = run};

    lambda_core_send(service->core, &head, NULL, 0);
}

static void answer_signal(struct lambda_service *service,
                          struct lambda_call *call,
                          const struct engine_reply *reply)
{
    struct json_writer *w = &service->out;

    if (reply->outcome == ENGINE_FENCED && !call->concluding) {
        lambda_call_refuse(call, 400, "CallbackTimeoutException",
                           "The callback has ended");
        return;
    }
    if (reply->outcome != ENGINE_COMMITTED && reply->outcome != ENGINE_FENCED) {
        lambda_call_refuse(call, 404, "ResourceNotFoundException",
                           "There is no such execution");
        return;
    }
    wake_owner(service, call->run);
    json_write_reset(w);
    json_open(w, NULL);
    if (call->concluding)
        json_put_seconds(w, "StopTimestamp", lambda_core_now(service->core));
    json_close(w);
    lambda_call_answer(call, 200, w->bytes, w->size);
}

void lambda_call_signalled(struct lambda_service *service, uint64_t number,
                           const struct engine_reply *reply)
{
    struct lambda_call **at = &service->signals;

    while (*at && (*at)->signal != number)
        at = &(*at)->next;
    if (!*at)
        return;
    struct lambda_call *call = *at;
    *at = call->next;
    answer_signal(service, call, reply);
}

/* Callbacks --------------------------------------------------------------- */

static const enum engine_signal_kind signals[] = {
    ENGINE_SIG_CALLBACK_SUCCEED, ENGINE_SIG_CALLBACK_FAIL,
    ENGINE_SIG_CALLBACK_HEARTBEAT};

/* As much as an operation of an execution may hold. */
static bool check_size(const struct lambda_service *service,
                       struct lambda_call *call, enum engine_limit limit,
                       const char *what, size_t size)
{
    uint64_t most = engine_limit_value(service->config.limits, limit);
    char text[128];

    if (size <= most)
        return true;
    snprintf(text, sizeof(text),
             "%s size must be less than or equal to %" PRIu64 " bytes.", what,
             most);
    lambda_call_refuse(call, 400, "InvalidParameterValueException", text);
    return false;
}

/* The words of an error in a body; type NULL: it is kept among the rest.
 * False: refused. */
static bool read_error_body(struct lambda_service *service,
                            struct lambda_call *call, const void *body,
                            size_t size, char type[128])
{
    struct lambda_problem problem = {0};
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;
    const char *found = NULL;
    bool good;

    json_write_reset(&service->kept);
    if (size == 0)
        return true;
    if (json_read_bytes("body", body, size, &doc, &wrong)) {
        lambda_call_refuse(call, 400, "InvalidRequestContentException",
                           wrong.text);
        return false;
    }
    good = type ? lambda_error_read(json_root(doc), &service->kept, &found,
                                    &problem)
                : lambda_error_read_whole(json_root(doc), &service->kept,
                                          &problem);
    if (good && found)
        snprintf(type, 128, "%s", found);
    if (!good)
        lambda_call_problem(call, &problem);
    json_free(doc);
    return good && check_size(service, call, ENGINE_LIMIT_error_max,
                              "Error object", service->kept.size);
}

bool lambda_service_callback_waits(const struct lambda_service *service,
                                   const char *id)
{
    const struct lambda_execution *execution = NULL;
    const struct lambda_operation *operation = NULL;
    struct engine_hash key;
    uint64_t run;
    uint32_t op;

    if (engine_callback_parse(id, &run, &op, &key) == 0)
        execution = engine_table_find(&service->executions, run);
    if (execution)
        operation = lambda_execution_operation(execution, key);
    return operation && !operation->ended_ns && !execution->ended_ns;
}

void lambda_call_callback(struct lambda_service *service,
                          struct lambda_call *call, const char *id,
                          enum lambda_callback_end end, const void *body,
                          size_t size)
{
    struct lambda_execution *execution = NULL;
    struct lambda_operation *operation = NULL;
    struct engine_hash key;
    uint64_t run;
    uint32_t op;
    char type[128] = "";

    if (!lambda_call_admit(service, call, LAMBDA_RATE_CALLBACK))
        return;
    if (engine_callback_parse(id, &run, &op, &key) == 0)
        execution = lambda_execution_find(service, run);
    if (execution && !lambda_retain_is_over(service, execution))
        operation = lambda_execution_operation(execution, key);
    if (!operation) {
        lambda_call_refuse(call, 400, "InvalidParameterValueException",
                           "Invalid callback id");
        return;
    }
    if (operation->ended_ns || execution->ended_ns) {
        lambda_call_refuse(call, 400, "CallbackTimeoutException",
                           "The callback has ended");
        return;
    }
    if (end == LAMBDA_CALLBACK_SUCCEED &&
        !check_size(service, call, ENGINE_LIMIT_operation_payload_max,
                    "Callback payload", size))
        return;
    if (end == LAMBDA_CALLBACK_FAIL) {
        if (!read_error_body(service, call, body, size, type))
            return;
        body = service->kept.bytes;
        size = service->kept.size;
    } else if (end == LAMBDA_CALLBACK_HEARTBEAT) {
        size = 0;
    }
    put_signal(service, call, run, op, signals[end], type, body, size);
}

void lambda_call_stop(struct lambda_service *service, struct lambda_call *call,
                      const char *arn, const void *body, size_t size)
{
    struct lambda_execution *execution =
        lambda_call_execution(service, call, LAMBDA_RATE_STOP, arn);

    if (!execution || !read_error_body(service, call, body, size, NULL))
        return;
    call->concluding = true;
    put_signal(service, call, execution->run, UINT32_MAX, ENGINE_SIG_STOP, NULL,
               service->kept.bytes, service->kept.size);
}

void lambda_call_stop_run(struct lambda_service *service,
                          struct lambda_call *call, uint64_t run)
{
    call->concluding = true;
    put_signal(service, call, run, UINT32_MAX, ENGINE_SIG_STOP, NULL, NULL, 0);
}
