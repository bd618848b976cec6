#include <event2/buffer.h>
#include <event2/keyvalq_struct.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/host/lambda/environment_private.h"

enum {
    ANSWER_SECONDS = 60
};

struct lambda_forward {
    struct lambda_environment *environment;
    struct evhttp_request *request; /* NULL: its connection has gone */
    bool numbered;
    struct evhttp_connection *connection;
    struct lambda_labels labels;
    struct lambda_forward *next;
};

/* Of one connection only, or written anew for the next. */
static bool is_own(const char *name)
{
    static const char *const names[] = {
        "Connection",          "Keep-Alive", "Proxy-Connection",
        "Proxy-Authorization", "TE",         "Trailer",
        "Transfer-Encoding",   "Upgrade",    "Content-Length",
        "Perdure-Number",      "Host",       "Expect"};

    for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (strcasecmp(names[i], name) == 0)
            return true;
    return false;
}

static void copy(struct evhttp_request *from, struct evhttp_request *to)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(to);
    struct evkeyval *one;

    for (one = evhttp_request_get_input_headers(from)->tqh_first; one;
         one = one->next.tqe_next)
        if (!is_own(one->key))
            evhttp_add_header(headers, one->key, one->value);
    (void)evbuffer_add_buffer(evhttp_request_get_output_buffer(to),
                              evhttp_request_get_input_buffer(from));
}

static void gone(struct evhttp_connection *connection, void *self)
{
    struct lambda_forward *forward = self;

    (void)connection;
    forward->request = NULL;
}

static void watch(struct lambda_forward *forward, bool on)
{
    struct evhttp_connection *connection =
        forward->request ? evhttp_request_get_connection(forward->request)
                         : NULL;

    if (connection)
        evhttp_connection_set_closecb(connection, on ? gone : NULL,
                                      on ? forward : NULL);
}

static void forget(struct lambda_forward *forward)
{
    struct lambda_forward **at = &forward->environment->forward;

    while (*at != forward)
        at = &(*at)->next;
    *at = forward->next;
    watch(forward, false);
}

/* Of a connection that libevent has let go. */
static void end(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    evhttp_connection_free(self);
}

/* It has been answered: reply, or NULL if nobody does. */
static void done(struct evhttp_request *reply, void *self)
{
    struct lambda_forward *forward = self;
    struct lambda_environment *environment = forward->environment;
    struct evhttp_request *request = forward->request;
    int status = reply ? evhttp_request_get_response_code(reply) : 0;

    forget(forward);
    environment->labels = forward->labels;
    if (!request) {
        /* The process has given it up, and counts it as answered. */
        environment->responses += forward->numbered;
        lambda_environment_wake(environment);
    } else if (status == 0) {
        lambda_effect_refuse(environment, request, 502,
                             "it was passed on, and nobody answers there");
    } else {
        struct evbuffer *body = evhttp_request_get_input_buffer(reply);
        size_t size = evbuffer_get_length(body);
        if (!lambda_effect_happened(
                environment, request, status,
                size ? (const void *)evbuffer_pullup(body, -1) : "", size)) {
            copy(reply, request);
            lambda_http_send(environment->http, request, status);
        }
    }
    (void)event_base_once(environment->config.base, -1, EV_TIMEOUT, end,
                          forward->connection, NULL);
    free(forward);
}

static const char *path_of(struct evhttp_request *request)
{
    const char *authority = strstr(evhttp_request_get_uri(request), "://") + 3;
    const char *path = strchr(authority, '/');

    return path ? path : "/";
}

static void add_host(struct evhttp_request *made, const char *host, int port)
{
    char text[300];

    if (port > 0 && port != 80)
        snprintf(text, sizeof(text), "%s:%d", host, port);
    else
        snprintf(text, sizeof(text), "%s", host);
    evhttp_add_header(evhttp_request_get_output_headers(made), "Host", text);
}

static bool begin(struct lambda_forward *forward)
{
    struct evhttp_request *request = forward->request;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *host = evhttp_uri_get_host(uri);
    int port = evhttp_uri_get_port(uri);
    struct evhttp_request *made = evhttp_request_new(done, forward);

    forward->connection = evhttp_connection_base_new(
        forward->environment->config.base, NULL, host,
        (unsigned short)(port > 0 ? port : 80));
    if (!made || !forward->connection) {
        if (made)
            evhttp_request_free(made);
        return false;
    }
    evhttp_connection_set_timeout(forward->connection, ANSWER_SECONDS);
    copy(request, made);
    add_host(made, host, port);
    return evhttp_make_request(forward->connection, made,
                               evhttp_request_get_command(request),
                               path_of(request)) == 0;
}

static void discard(struct lambda_forward *forward)
{
    if (forward->connection)
        evhttp_connection_free(forward->connection);
    free(forward);
}

void lambda_forward_start(struct lambda_environment *environment,
                          struct evhttp_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *scheme = evhttp_uri_get_scheme(uri);
    struct lambda_forward *forward;

    if (!scheme || strcmp(scheme, "http") != 0) {
        lambda_effect_refuse(environment, request, 501,
                             "only http is passed on, https needs --answer");
        return;
    }
    forward = calloc(1, sizeof(*forward));
    if (!forward) {
        lambda_http_cut(request);
        return;
    }
    *forward =
        (struct lambda_forward){.environment = environment,
                                .request = request,
                                .labels = environment->labels,
                                .numbered = lambda_barrier_numbers(request),
                                .next = environment->forward};
    environment->forward = forward;
    watch(forward, true);
    if (begin(forward))
        return;
    forget(forward);
    discard(forward);
    lambda_effect_refuse(environment, request, 502,
                         "it could not be passed on");
}

void lambda_forward_drop(struct lambda_environment *environment)
{
    while (environment->forward) {
        struct lambda_forward *forward = environment->forward;
        forget(forward);
        discard(forward);
    }
}
