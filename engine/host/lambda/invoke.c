#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/service_private.h"

enum {
    EVENT_MAX = 1048576
};

static void start(struct lambda_service *service,
                  const struct lambda_execution *execution, const void *payload,
                  size_t size)
{
    const struct lambda_function *function =
        &service->functions[execution->function];
    const struct engine_message head = {
        .kind = ENGINE_MSG_START,
        .from = LAMBDA_NODE_CLIENT,
        .run = execution->run,
        .a = execution->function,
        .b = function->durable ? function->execution_timeout_ns : 0,
    };

    lambda_core_send(service->core, &head, payload, size);
}

static void wait_for(struct lambda_execution *execution,
                     struct lambda_call *call)
{
    call->next = execution->waiting;
    execution->waiting = call;
}

/* The error of an execution under the names that runtimes give: what was kept
 * of it has those of the API. */
static void write_failure(const struct lambda_execution *execution,
                          struct json_writer *w)
{
    static const struct engine_text unknown = {"", 0};
    static const char *const names[][2] = {{"ErrorType", "errorType"},
                                           {"ErrorMessage", "errorMessage"}};
    struct json_writer kept = {0};
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;
    const char *text;
    bool typed = false;

    json_write_reset(&kept);
    lambda_error_write(&kept, NULL, unknown, execution->result,
                       execution->result_size);
    json_open(w, NULL);
    if (json_read_bytes("error", kept.bytes, kept.size, &doc, &wrong) == 0)
        for (unsigned i = 0; i < 2; i++)
            if (json_get_string(json_root(doc), names[i][0], JSON_OPTIONAL, 0,
                                SIZE_MAX, &text, &wrong)) {
                json_put_words(w, names[i][1], text);
                typed |= i == 0;
            }
    if (!typed)
        json_put_words(w, names[0][1], lambda_execution_status(execution));
    json_close(w);
    json_free(doc);
    free(kept.bytes);
}

/* The error of a plain function, or of an execution, as Invoke gives it. */
static void answer_failure(struct lambda_service *service,
                           const struct lambda_execution *execution,
                           struct lambda_call *call)
{
    struct json_writer *w = &service->out;

    call->function_error = "Unhandled";
    if (execution->thrown) {
        lambda_call_answer(call, 200, execution->thrown,
                           execution->thrown_size);
        return;
    }
    json_write_reset(w);
    write_failure(execution, w);
    lambda_call_answer(call, 200, w->bytes, w->size);
}

static void answer_end(struct lambda_service *service,
                       const struct lambda_execution *execution,
                       struct lambda_call *call)
{
    if (execution->state == ENGINE_RUN_SUCCEEDED)
        lambda_call_answer(call, 200, execution->result,
                           execution->result_size);
    else
        answer_failure(service, execution, call);
}

void lambda_invoke_ended(struct lambda_service *service,
                         struct lambda_execution *execution)
{
    struct lambda_call *call = execution->waiting;

    execution->waiting = NULL;
    while (call) {
        struct lambda_call *next = call->next;
        answer_end(service, execution, call);
        call = next;
    }
}

void lambda_invoke_started(struct lambda_service *service,
                           struct lambda_execution *execution)
{
    struct lambda_call **at = &execution->waiting;

    (void)service;
    while (*at) {
        struct lambda_call *call = *at;
        if (call->type != LAMBDA_EVENT) {
            at = &call->next;
            continue;
        }
        *at = call->next;
        lambda_call_answer(call, 202, "", 0);
    }
}

void lambda_invoke_refused(struct lambda_service *service,
                           const struct engine_message *message)
{
    struct lambda_execution *execution =
        lambda_execution_find(service, message->run);
    struct lambda_call *call;

    if (!execution || execution->accepted)
        return;
    call = execution->waiting;
    execution->waiting = NULL;
    while (call) {
        struct lambda_call *next = call->next;
        if (message->kind == ENGINE_MSG_BUSY)
            lambda_call_refuse(call, 429, "TooManyRequestsException",
                               "Too many executions are running");
        else
            lambda_call_refuse(call, 413, "RequestTooLargeException",
                               "The payload is larger than allowed");
        call = next;
    }
    lambda_execution_drop(service, execution);
}

/* One with this name that is there already. */
static void invoke_again(struct lambda_service *service,
                         struct lambda_execution *execution,
                         struct lambda_call *call, const void *payload,
                         size_t size)
{
    if (execution->accepted &&
        (execution->input_size != size ||
         (size > 0 && memcmp(execution->input, payload, size) != 0))) {
        lambda_call_refuse(call, 409, "DurableExecutionAlreadyStartedException",
                           "An execution with this name and another payload "
                           "has been started");
        return;
    }
    lambda_execution_arn(service, execution, call->arn);
    call->run = execution->run;
    if (call->type == LAMBDA_EVENT && execution->accepted)
        lambda_call_answer(call, 202, "", 0);
    else if (execution->ended_ns)
        answer_end(service, execution, call);
    else
        wait_for(execution, call);
}

static bool check_size(const struct lambda_service *service,
                       struct lambda_call *call, size_t size)
{
    uint64_t most = service->config.limits->input_max;
    char message[128];

    if (call->type == LAMBDA_EVENT && most > EVENT_MAX)
        most = EVENT_MAX;
    if (size <= most)
        return true;
    if (call->type == LAMBDA_EVENT)
        snprintf(message, sizeof(message),
                 "%zu byte payload is too large for the Event invocation type "
                 "(limit %" PRIu64 " bytes)",
                 size, most);
    else
        snprintf(message, sizeof(message),
                 "Request must be smaller than %" PRIu64 " bytes for the "
                 "InvokeFunction operation",
                 most);
    lambda_call_refuse(call, 413, "RequestTooLargeException", message);
    return false;
}

static bool check_payload(struct lambda_call *call, const void *payload,
                          size_t size)
{
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;
    int result =
        size > 0 ? json_read_bytes("payload", payload, size, &doc, &wrong) : 0;

    json_free(doc);
    if (result == 0)
        return true;
    lambda_call_refuse(call, 400, "InvalidRequestContentException",
                       "Could not parse request body into json");
    return false;
}

void lambda_call_invoke(struct lambda_service *service,
                        struct lambda_call *call, const char *function,
                        const char *qualifier, const char *name,
                        enum lambda_invocation_type type, const void *payload,
                        size_t size)
{
    uint32_t number = lambda_service_find(service, function);
    const char *version = qualifier && *qualifier ? qualifier : "$LATEST";
    struct lambda_execution *execution;

    call->type = type;
    if (number == UINT32_MAX) {
        lambda_call_refuse(call, 404, "ResourceNotFoundException",
                           "Function not found");
        return;
    }
    if (!lambda_qualifier_ok(version)) {
        lambda_call_refuse(call, 400, "InvalidParameterValueException",
                           "Invalid qualifier");
        return;
    }
    version = lambda_version(version);
    strcpy(call->version, version);
    if (!check_size(service, call, size) || !check_payload(call, payload, size))
        return;
    if (type == LAMBDA_DRY_RUN) {
        lambda_call_answer(call, 204, "", 0);
        return;
    }
    if (name && !lambda_name_ok(name, LAMBDA_EXECUTION_MAX)) {
        lambda_call_refuse(call, 400, "InvalidParameterValueException",
                           "Invalid durable execution name");
        return;
    }
    execution =
        name ? lambda_execution_named(service, number, version, name) : NULL;
    if (execution && !lambda_retain_is_over(service, execution)) {
        invoke_again(service, execution, call, payload, size);
        return;
    }
    if (service->functions[number].durable &&
        !lambda_call_admit(service, call, LAMBDA_RATE_START))
        return;
    execution = lambda_execution_new(service, service->next_run++, number,
                                     version, name);
    if (!execution) {
        lambda_call_refuse(call, 500, "ServiceException", "out of memory");
        return;
    }
    if (call->trace)
        strncpy(execution->trace, call->trace, LAMBDA_TRACE_MAX);
    if (call->tenant)
        execution->tenant = strdup(call->tenant);
    if (service->functions[number].durable)
        lambda_execution_arn(service, execution, call->arn);
    if (call->client_context && type == LAMBDA_REQUEST_RESPONSE)
        execution->client_context = strdup(call->client_context);
    call->run = execution->run;
    wait_for(execution, call);
    start(service, execution, payload, size);
}
