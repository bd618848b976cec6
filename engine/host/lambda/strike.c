#include "engine/host/lambda/environment_private.h"

#include <stdio.h>
#include <stdlib.h>

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
lambda_strike_decide(const struct lambda_environment *environment, bool after)
{
    const struct lambda_host_config *host = environment->config.host;
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    if (!host->boundary || !environment->invocation)
        return decision;
    return lambda_labels_ask(&environment->labels, host, after,
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
        environment->responses++;
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
    default:
        return false;
    }
}

bool lambda_strike_answer(void *self, struct evhttp_request *request,
                          int status)
{
    struct lambda_environment *environment = self;
    struct lambda_decision decision;

    if (request != environment->current || status >= 300)
        return false;
    decision = lambda_strike_decide(environment, true);
    return lambda_strike(environment, request, &decision);
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
    if (struck)
        decision = lambda_strike_decide(environment, false);
    if (lambda_strike(environment, request, &decision))
        return;
    if (outgoing || (struck && environment->labels.place == LAMBDA_AT_EFFECT))
        lambda_effect_carry_out(environment, request);
    else
        lambda_http_route(environment->http, request);
}
