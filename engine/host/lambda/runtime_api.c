#include "engine/host/lambda/environment_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void accepted(struct lambda_environment *environment,
                     struct evhttp_request *request)
{
    static const char body[] = "{\"status\":\"OK\"}";

    lambda_http_respond(environment->http, request, 202, NULL, body,
                        sizeof(body) - 1);
}

static void add_number(struct evkeyvalq *headers, const char *name,
                       uint64_t number)
{
    char text[24];

    snprintf(text, sizeof(text), "%" PRIu64, number);
    evhttp_add_header(headers, name, text);
}

static void give(struct lambda_environment *environment)
{
    struct evhttp_request *request = environment->next;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    const struct lambda_invocation *invocation = environment->invocation;
    char arn[LAMBDA_ARN_SIZE];

    lambda_function_arn_write(environment->config.program->function.name, NULL,
                              arn);
    add_number(headers, "Perdure-World", environment->world);
    add_number(headers, "Perdure-Now-Ms",
               lambda_service_now(environment->config.service) / MILLISECOND);
    add_number(headers, "Lambda-Runtime-Deadline-Ms",
               lambda_invocation_deadline(invocation) / MILLISECOND);
    evhttp_add_header(headers, "Lambda-Runtime-Aws-Request-Id",
                      lambda_invocation_id(invocation));
    evhttp_add_header(headers, "Lambda-Runtime-Invoked-Function-Arn", arn);
    evhttp_add_header(headers, "Lambda-Runtime-Trace-Id",
                      "Root=1-00000000-000000000000000000000000;Sampled=0");
    environment->next = NULL;
    lambda_environment_thaw(environment);
    lambda_http_respond(environment->http, request, 200, NULL,
                        environment->event, environment->event_size);
    free(environment->event);
    environment->event = NULL;
}

void lambda_runtime_deliver(struct lambda_environment *environment)
{
    struct lambda_invocation *invocation = environment->invocation;
    struct lambda_decision decision;

    lambda_labels_set(&environment->labels, LAMBDA_AT_EVENT, "event");
    decision = lambda_strike_decide(environment, false);
    if (decision.act == LAMBDA_PASS) {
        give(environment);
        return;
    }
    free(environment->event);
    environment->event = NULL;
    environment->invocation = NULL;
    environment->state = LAMBDA_IDLE;
    lambda_invocation_lost(environment->config.service, invocation,
                           decision.act == LAMBDA_TIME_OUT
                               ? ENGINE_ERR_TIMED_OUT
                               : ENGINE_ERR_INTERRUPTED,
                           "the environment was gone before it began");
    environment->config.changed(environment->config.self, environment);
}

static void ask_next(struct lambda_environment *environment,
                     struct evhttp_request *request)
{
    environment->next = request;
    environment->owed = false;
    lambda_barrier_cut(environment);
    environment->barrier |=
        evhttp_find_header(evhttp_request_get_input_headers(request),
                           "Perdure-Bootstrap") != NULL;
    if (environment->event) {
        lambda_runtime_deliver(environment);
        return;
    }
    if (environment->state == LAMBDA_GONE)
        return;
    environment->state = LAMBDA_IDLE;
    environment->config.changed(environment->config.self, environment);
    if (environment->state == LAMBDA_IDLE)
        lambda_environment_freeze(environment);
}

/* Whether it names the invocation that is under way. */
static bool is_current(const struct lambda_environment *environment,
                       const char *id)
{
    const char *own = environment->invocation
                          ? lambda_invocation_id(environment->invocation)
                          : "";
    size_t size = strlen(own);

    return size > 0 && strncmp(id, own, size) == 0 && id[size] == '/';
}

static void take_return(struct lambda_environment *environment,
                        const char *what, const void *body, size_t size)
{
    struct lambda_invocation *invocation = environment->invocation;
    struct lambda_decision decision;

    lambda_environment_end_logs(environment);
    lambda_labels_set(&environment->labels, LAMBDA_AT_RETURN, "return");
    decision = lambda_strike_decide(environment, false);
    if (decision.act == LAMBDA_CRASH || decision.act == LAMBDA_TIME_OUT) {
        lambda_strike_crash(environment, decision.act == LAMBDA_CRASH
                                             ? ENGINE_ERR_INTERRUPTED
                                             : ENGINE_ERR_TIMED_OUT);
        return;
    }
    if (strcmp(what, "/response") == 0)
        lambda_invocation_answered(environment->config.service, invocation,
                                   body, size);
    else
        lambda_invocation_threw(environment->config.service, invocation, body,
                                size);
    decision = lambda_strike_decide(environment, true);
    environment->invocation = NULL;
    if (decision.act != LAMBDA_CRASH)
        return;
    if (lambda_barrier_abandons(environment))
        lambda_barrier_abandon(environment);
    else
        lambda_environment_kill(environment);
}

static void take_end(struct lambda_environment *environment,
                     struct evhttp_request *request, const char *rest)
{
    size_t size;
    const void *body = lambda_http_body(request, &size);
    const char *what = strchr(rest, '/');

    if (!is_current(environment, rest) || !what) {
        static const char wrong[] = "{\"errorMessage\":\"Invalid request ID\","
                                    "\"errorType\":\"InvalidRequestID\"}";
        lambda_http_respond(environment->http, request, 400, NULL, wrong,
                            sizeof(wrong) - 1);
        return;
    }
    bool struck = lambda_effect_take_lines(environment);
    while (environment->held && environment->invocation && !struck)
        lambda_barrier_let(environment); /* what was asked before it */
    if (environment->invocation)
        take_return(environment, what, body, size);
    if (environment->idle)
        lambda_environment_wake(environment);
    if (environment->state == LAMBDA_GONE)
        return;
    if (environment->owed)
        lambda_barrier_leave(environment, request);
    else
        accepted(environment, request);
}

static const char runtime[] = "/2018-06-01/runtime/";

bool lambda_runtime_is(const char *path)
{
    return strncmp(path, runtime, sizeof(runtime) - 1) == 0;
}

void lambda_runtime_take(struct lambda_environment *environment,
                         struct evhttp_request *request, const char *path)
{
    const char *rest = path + sizeof(runtime) - 1;

    if (strcmp(rest, "invocation/next") == 0)
        ask_next(environment, request);
    else if (strncmp(rest, "invocation/", 11) == 0)
        take_end(environment, request, rest + 11);
    else
        accepted(environment, request);
}
