#include "engine/host/lambda/environment_private.h"

#include <event2/buffer.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void lambda_strike_crash(struct lambda_environment *environment,
                         enum engine_error error)
{
    struct lambda_invocation *invocation = environment->invocation;
    char words[160];

    lambda_environment_end_logs(environment);
    if (lambda_barrier_abandons(environment)) {
        lambda_barrier_abandon(environment);
    } else {
        lambda_environment_kill(environment);
        environment->current = NULL; /* goes with its connection */
    }
    environment->invocation = NULL;
    snprintf(words, sizeof(words), "RequestId: %s Error: %s",
             lambda_invocation_id(invocation),
             error == ENGINE_ERR_TIMED_OUT
                 ? "Task timed out"
                 : "Runtime exited with error: signal: Killed");
    lambda_invocation_lost(environment->config.service, invocation, error,
                           words);
}

struct lambda_decision
lambda_strike_decide(struct lambda_environment *environment, bool after)
{
    const struct lambda_host_config *host = environment->config.host;
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    if (!host->boundary || !environment->invocation)
        return decision;
    return lambda_labels_ask(&environment->labels, host,
                             environment->config.program->function.name, after,
                             lambda_invocation_run(environment->invocation));
}

static void ignore(struct lambda_call *call, int status, const char *exception,
                   const void *body, size_t size)
{
    (void)status;
    (void)exception;
    (void)body;
    (void)size;
    free(call);
}

static void stop_execution(struct lambda_environment *environment)
{
    struct lambda_call *call = calloc(1, sizeof(*call));

    if (!call)
        return;
    call->answer = ignore;
    lambda_call_stop_run(environment->config.service, call,
                         lambda_invocation_run(environment->invocation));
}

/* Writes another token over the one in a checkpoint; all are equally long. */
static void swap_token(struct evhttp_request *request, const char *token)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t size = evbuffer_get_length(input);
    unsigned char *body = evbuffer_pullup(input, -1);
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;
    const char *own = NULL;

    if (body && json_read_bytes("body", body, size, &doc, &wrong) == 0)
        json_get_string(json_root(doc), "CheckpointToken", JSON_REQUIRED, 1,
                        2048, &own, &wrong);
    unsigned char *at = own ? memmem(body, size, own, strlen(own)) : NULL;
    if (at && strlen(own) == strlen(token))
        memcpy(at, token, strlen(token));
    json_free(doc);
}

static void delay_timers(struct lambda_environment *environment)
{
    const struct lambda_labels *labels = &environment->labels;

    for (unsigned i = 0; i < labels->count; i++)
        if (labels->all[i].delay_ns)
            lambda_service_delay(environment->config.service, i,
                                 labels->all[i].delay_ns);
}

static void keep_late(struct lambda_environment *environment,
                      struct evhttp_request *request, uint64_t ns, int status,
                      const void *body, size_t size)
{
    struct lambda_late *late = &environment->late;

    lambda_strike_late(environment);
    late->body = malloc(size ? size : 1);
    if (!late->body)
        return;
    memcpy(late->body, body, size);
    late->size = size;
    late->status = status;
    late->request = request;
    late->at_ns = lambda_service_now(environment->config.service) + ns;
    environment->current = NULL;
    lambda_environment_wake(environment);
}

void lambda_strike_late(struct lambda_environment *environment)
{
    struct lambda_late late = environment->late;

    environment->late = (struct lambda_late){.request = NULL};
    if (late.request)
        lambda_http_respond(environment->http, late.request, late.status, NULL,
                            late.body, late.size);
    free(late.body);
}

bool lambda_strike(struct lambda_environment *environment,
                   struct evhttp_request *request,
                   const struct lambda_decision *decision)
{
    char body[400];
    int size;

    switch (decision->act) {
    case LAMBDA_CRASH:
        lambda_strike_crash(environment, ENGINE_ERR_INTERRUPTED);
        return true;
    case LAMBDA_TIME_OUT:
        lambda_strike_crash(environment, ENGINE_ERR_TIMED_OUT);
        return true;
    case LAMBDA_LOSE:
        environment->current = NULL;
        environment->responses += lambda_barrier_numbers(request);
        lambda_http_cut(request);
        lambda_environment_wake(environment);
        return true;
    case LAMBDA_REFUSE:
        size = snprintf(body, sizeof(body),
                        "{\"Type\":\"User\",\"message\":\"%s\"}",
                        decision->message);
        environment->current = NULL;
        lambda_http_respond(environment->http, request, decision->status,
                            decision->exception, body, (size_t)size);
        lambda_environment_wake(environment);
        return true;
    case LAMBDA_STOP:
        stop_execution(environment);
        return false;
    case LAMBDA_OVERLAP:
        lambda_runtime_lose(environment);
        return false;
    case LAMBDA_SWAP:
        swap_token(request, decision->token);
        return false;
    default:
        return false;
    }
}

bool lambda_strike_after(struct lambda_environment *environment,
                         struct evhttp_request *request, int status,
                         const void *body, size_t size)
{
    const struct lambda_decision decision =
        lambda_strike_decide(environment, true);

    if (decision.act == LAMBDA_LATE) {
        keep_late(environment, request, decision.ns, status, body, size);
        return true;
    }
    return lambda_strike(environment, request, &decision);
}

bool lambda_strike_answer(void *self, struct evhttp_request *request,
                          int status, const void *body, size_t size)
{
    struct lambda_environment *environment = self;

    return request == environment->current && status < 300 &&
           lambda_strike_after(environment, request, status, body, size);
}

/* A scripted invocation asks. True: it is answered, or left. */
static bool answer_scripted(struct lambda_environment *environment,
                            struct evhttp_request *request, const char *path)
{
    const struct lambda_host_config *host = environment->config.host;
    struct lambda_scripted answer = {.status = 200};
    size_t size;
    const void *body = lambda_http_body(request, &size);

    if (!environment->echo || !environment->echo->scripted || !host->asked ||
        lambda_effect_is_outgoing(environment, request) ||
        !host->asked(host->self, path, body, size, &answer))
        return false;
    if (!answer.leave) {
        lambda_http_respond(environment->http, request, answer.status, NULL,
                            answer.body, answer.size);
        return true;
    }
    lambda_environment_end_logs(environment);
    lambda_echo_free(environment->echo);
    environment->echo = NULL;
    if (environment->barrier)
        lambda_barrier_abandon(environment);
    else
        lambda_environment_kill(environment);
    return true;
}

void lambda_strike_carry_out(struct lambda_environment *environment,
                             struct evhttp_request *request)
{
    const char *path =
        evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    bool outgoing = lambda_effect_is_outgoing(environment, request);
    bool struck =
        outgoing ? lambda_effect_label(environment, request)
                 : lambda_labels_request(&environment->labels, request, path);
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    environment->current = request;
    if (answer_scripted(environment, request, path))
        return;
    if (struck)
        decision = lambda_strike_decide(environment, false);
    if (decision.act == LAMBDA_OVERLAP) {
        /* It is heard when its process goes on. */
        lambda_runtime_lose(environment);
        environment->current = NULL;
        lambda_barrier_hold(environment, request);
        return;
    }
    if (lambda_strike(environment, request, &decision))
        return;
    delay_timers(environment);
    if (outgoing || (struck && environment->labels.place == LAMBDA_AT_EFFECT))
        lambda_effect_carry_out(environment, request);
    else
        lambda_http_route(environment->http, request);
}
