#include "engine/host/lambda/environment_private.h"

#include <event2/bufferevent.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static void free_held(struct lambda_held *held)
{
    while (held) {
        struct lambda_held *next = held->next;
        free(held);
        held = next;
    }
}

static void leave_one(struct lambda_environment *environment,
                      struct evhttp_request *request)
{
    struct lambda_held *one = request ? calloc(1, sizeof(*one)) : NULL;

    if (!one)
        return;
    one->request = request;
    one->next = environment->left;
    environment->left = one;
}

/* What it asked for and waits for will not be answered. Nor does it hear so
 * before it knows that it is to leave it. */
static void leave_requests(struct lambda_environment *environment)
{
    struct lambda_held **at = &environment->left;

    while (*at)
        at = &(*at)->next;
    *at = environment->held;
    environment->held = NULL;
    leave_one(environment, environment->current);
    leave_one(environment, environment->late.request);
    environment->returning = NULL; /* it is answered that it is to leave */
    environment->current = NULL;
    environment->late.request = NULL;
}

void lambda_barrier_cut(struct lambda_environment *environment)
{
    struct lambda_held *left = environment->left;

    environment->left = NULL;
    for (struct lambda_held *one = left; one; one = one->next)
        lambda_http_cut(one->request);
    free_held(left);
}

static const char leave[] = "abandon";

void lambda_barrier_leave(struct lambda_environment *environment,
                          struct evhttp_request *request)
{
    environment->owed = false;
    environment->requests = 0;
    environment->responses = 0;
    lambda_http_respond(environment->http, request, 200, NULL, leave,
                        sizeof(leave) - 1);
}

void lambda_barrier_abandon(struct lambda_environment *environment)
{
    struct evhttp_request *idle = environment->idle;

    environment->idle = NULL;
    environment->owed = true;
    environment->state = LAMBDA_LEAVING;
    leave_requests(environment);
    if (idle)
        lambda_barrier_leave(environment, idle);
}

bool lambda_barrier_abandons(const struct lambda_environment *environment)
{
    return environment->config.host->abandons && environment->barrier;
}

/* Whether the process has closed its connection. */
static bool is_given_up(struct evhttp_request *request)
{
    struct evhttp_connection *connection =
        evhttp_request_get_connection(request);
    char byte;

    return !connection ||
           recv(
               bufferevent_getfd(evhttp_connection_get_bufferevent(connection)),
               &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

/* What it has given up it counts as answered. */
static void drop_given_up(struct lambda_environment *environment)
{
    struct lambda_held **at = &environment->held;

    while (*at) {
        struct lambda_held *held = *at;
        if (!is_given_up(held->request)) {
            at = &held->next;
            continue;
        }
        *at = held->next;
        lambda_http_cut(held->request);
        free(held);
        environment->responses++;
    }
}

static const char *number_of(struct evhttp_request *request)
{
    return evhttp_find_header(evhttp_request_get_input_headers(request),
                              "Perdure-Number");
}

bool lambda_barrier_numbers(struct evhttp_request *request)
{
    return number_of(request) != NULL;
}

void lambda_barrier_hold(struct lambda_environment *environment,
                         struct evhttp_request *request)
{
    struct lambda_held **at = &environment->held;
    struct lambda_held *held = calloc(1, sizeof(*held));

    if (!held) {
        lambda_http_cut(request);
        return;
    }
    held->request = request;
    held->number = strtoull(number_of(request), NULL, 10);
    while (*at && (*at)->number <= held->number)
        at = &(*at)->next;
    held->next = *at;
    *at = held;
    /* It was not at rest after all: it shall look again. */
    if (environment->idle && !environment->current)
        lambda_environment_wake(environment);
}

void lambda_barrier_let(struct lambda_environment *environment)
{
    struct lambda_held *held = environment->held;
    struct evhttp_request *request = held->request;

    environment->held = held->next;
    free(held);
    lambda_strike_carry_out(environment, request);
}

/* It is heard once the process knows what time it is. */
static bool is_late_due(const struct lambda_environment *environment)
{
    return environment->late.request &&
           environment->late.at_ns <=
               lambda_service_now(environment->config.service);
}

void lambda_barrier_idle(struct lambda_environment *environment,
                         struct evhttp_request *request)
{
    size_t size;
    const char *body = lambda_http_body(request, &size);
    char text[96] = {0};
    uint64_t sent = 0;
    uint64_t got = 0;
    uint64_t wake = 0;

    if (environment->owed) {
        lambda_barrier_leave(environment, request);
        return;
    }
    memcpy(text, body, size < sizeof(text) - 1 ? size : sizeof(text) - 1);
    (void)sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &sent, &got, &wake);
    if (environment->idle)
        lambda_environment_wake(environment);
    environment->idle = request;
    environment->wake_ns = wake ? wake * MILLISECOND : UINT64_MAX;
    if (environment->late.request && got > environment->responses)
        lambda_strike_late(environment); /* nobody waits for it any more */
    if (got > environment->responses)
        drop_given_up(environment);
    if (sent != environment->requests || got != environment->responses ||
        !lambda_environment_works(environment)) {
        /* Something is on its way to it, or from it: it shall look again. */
        lambda_environment_wake(environment);
        return;
    }
    if (lambda_effect_take_lines(environment))
        return;
    if (is_late_due(environment)) {
        lambda_strike_late(environment);
        lambda_environment_wake(environment);
        return;
    }
    if (!environment->config.host->alone &&
        lambda_environment_hearing(environment) == LAMBDA_READY)
        lambda_environment_hear(environment, 0);
}

/* Turns ------------------------------------------------------------------- */

static bool asks(const struct lambda_environment *environment)
{
    return environment->idle && environment->held && !environment->forward;
}

enum lambda_hearing
lambda_environment_hearing(const struct lambda_environment *environment)
{
    bool stands = environment->echo && environment->echo->stands;

    if (environment->state == LAMBDA_STARTING)
        return LAMBDA_UNREADY;
    if (environment->state == LAMBDA_IDLE || !environment->barrier)
        return LAMBDA_UNHEARD;
    if (environment->state == LAMBDA_GONE)
        return environment->invocation ? LAMBDA_UNREADY : LAMBDA_UNHEARD;
    if (environment->state != LAMBDA_BUSY)
        return LAMBDA_UNREADY;
    if (environment->returning || asks(environment))
        return stands ? LAMBDA_UNHEARD : LAMBDA_READY;
    return environment->idle && !environment->forward ? LAMBDA_UNHEARD
                                                      : LAMBDA_UNREADY;
}

/* Of those that were not heard for equally long. */
static uint32_t rank_of(const struct lambda_environment *environment)
{
    if (!environment->echo)
        return 1;
    return environment->echo->first ? 0 : 2;
}

bool lambda_environment_before(const struct lambda_environment *a,
                               const struct lambda_environment *b)
{
    if (a->turn != b->turn)
        return a->turn < b->turn;
    if (lambda_environment_run(a) != lambda_environment_run(b))
        return lambda_environment_run(a) < lambda_environment_run(b);
    return rank_of(a) < rank_of(b);
}

void lambda_environment_hear(struct lambda_environment *environment,
                             uint64_t turn)
{
    environment->turn = turn;
    if (environment->returning)
        lambda_runtime_return(environment);
    else
        lambda_barrier_let(environment);
}

bool lambda_environment_rests(const struct lambda_environment *environment,
                              uint64_t *wake_ns)
{
    *wake_ns = UINT64_MAX;
    if (environment->state == LAMBDA_IDLE || environment->state == LAMBDA_GONE)
        return true;
    if (environment->state != LAMBDA_BUSY)
        return false;
    *wake_ns = environment->wake_ns;
    if (environment->late.request && environment->late.at_ns < *wake_ns)
        *wake_ns = environment->late.at_ns;
    if (environment->echo && environment->echo->deadline_ns < *wake_ns)
        *wake_ns = environment->echo->deadline_ns;
    if (environment->echo && environment->echo->stands)
        return environment->idle || environment->returning;
    return environment->idle && !environment->held && !environment->forward;
}

bool lambda_environment_follows(const struct lambda_environment *environment)
{
    return environment->barrier;
}

void lambda_environment_wake(struct lambda_environment *environment)
{
    struct evhttp_request *request = environment->idle;
    char now[32];
    int size;

    if (!request)
        return;
    environment->idle = NULL;
    size =
        snprintf(now, sizeof(now), "%" PRIu64,
                 lambda_service_now(environment->config.service) / MILLISECOND);
    lambda_http_respond(environment->http, request, 200, NULL, now,
                        (size_t)size);
}

void lambda_barrier_free(struct lambda_environment *environment)
{
    free_held(environment->held);
    free_held(environment->left);
}
