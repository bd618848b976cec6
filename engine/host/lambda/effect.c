#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/environment_private.h"

enum {
    URL_SIZE = 2048
};

static const char *method_of(struct evhttp_request *request)
{
    static const struct {
        enum evhttp_cmd_type type;
        const char *name;
    } methods[] = {{EVHTTP_REQ_GET, "GET"},         {EVHTTP_REQ_POST, "POST"},
                   {EVHTTP_REQ_HEAD, "HEAD"},       {EVHTTP_REQ_PUT, "PUT"},
                   {EVHTTP_REQ_DELETE, "DELETE"},   {EVHTTP_REQ_PATCH, "PATCH"},
                   {EVHTTP_REQ_OPTIONS, "OPTIONS"}, {EVHTTP_REQ_TRACE, "TRACE"},
                   {EVHTTP_REQ_CONNECT, "CONNECT"}};

    for (unsigned i = 0; i < sizeof(methods) / sizeof(*methods); i++)
        if (evhttp_request_get_command(request) == methods[i].type)
            return methods[i].name;
    return "";
}

/* Where a request is to go, without a port that its scheme implies. */
static void write_url(struct evhttp_request *request, char out[URL_SIZE])
{
    const char *raw = evhttp_request_get_uri(request);
    const char *authority = strstr(raw, "://");

    if (!authority) { /* of CONNECT */
        snprintf(out, URL_SIZE, "https://%s", raw);
        return;
    }
    authority += 3;
    const char *port = strncmp(raw, "https:", 6) == 0 ? ":443" : ":80";
    size_t size = strcspn(authority, "/?#");
    size_t tail = strlen(port);
    bool implied =
        size > tail && strncmp(authority + size - tail, port, tail) == 0;
    snprintf(out, URL_SIZE, "%.*s%s",
             (int)(authority - raw + (long)size - (implied ? (long)tail : 0)),
             raw, authority + size);
}

bool lambda_effect_is_outgoing(const struct lambda_environment *environment,
                               struct evhttp_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *host = uri ? evhttp_uri_get_host(uri) : NULL;

    return host &&
           (strcmp(host, environment->config.address) != 0 ||
            evhttp_uri_get_port(uri) != lambda_http_port(environment->http));
}

static const struct lambda_rule *
rule_of(const struct lambda_environment *environment,
        struct evhttp_request *request, char url[URL_SIZE])
{
    const struct lambda_outgoing *outgoing = environment->config.host->outgoing;

    write_url(request, url);
    return outgoing ? lambda_outgoing_find(outgoing, method_of(request), url)
                    : NULL;
}

bool lambda_effect_label(struct lambda_environment *environment,
                         struct evhttp_request *request)
{
    char url[URL_SIZE];
    char name[LAMBDA_RULE_NAME];
    const struct lambda_rule *rule = rule_of(environment, request, url);

    environment->labels.count = 0;
    if (!rule || !lambda_rule_counts(rule, method_of(request)))
        return false;
    lambda_rule_name(rule, url, name);
    lambda_labels_set(&environment->labels, LAMBDA_AT_EFFECT, name);
    return true;
}

void lambda_effect_refuse(struct lambda_environment *environment,
                          struct evhttp_request *request, int status,
                          const char *why)
{
    const struct lambda_host_config *host = environment->config.host;
    char url[URL_SIZE];
    char body[300];
    int size =
        snprintf(body, sizeof(body), "{\"message\":\"perdure: %s\"}", why);

    write_url(request, url);
    if (host->refused)
        host->refused(host->self, environment->config.program->function.name,
                      method_of(request), url, why);
    lambda_http_respond(environment->http, request, status, NULL, body,
                        (size_t)size);
}

/* It has been carried out. True: the request is not to be answered. */
bool lambda_effect_happened(struct lambda_environment *environment,
                            struct evhttp_request *request, int status,
                            const void *body, size_t size)
{
    const struct lambda_host_config *host = environment->config.host;

    if (environment->labels.count == 0)
        return false;
    if (host->effect && lambda_environment_works(environment))
        host->effect(
            host->self, lambda_environment_run(environment),
            environment->labels.all[0].operation,
            evhttp_find_header(evhttp_request_get_input_headers(request),
                               "Idempotency-Key"));
    return lambda_strike_after(environment, request, status, body, size);
}

void lambda_effect_keep_line(struct lambda_environment *environment,
                             const char *text, size_t size)
{
    const struct lambda_outgoing *outgoing = environment->config.host->outgoing;
    const char *name =
        outgoing ? lambda_outgoing_line(outgoing, text, size) : NULL;

    if (!name)
        return;
    if (environment->line_count == environment->line_capacity) {
        uint32_t capacity = 2 * environment->line_capacity + 16;
        const char **lines =
            realloc(environment->lines, capacity * sizeof(*lines));
        if (!lines)
            return;
        environment->lines = lines;
        environment->line_capacity = capacity;
    }
    environment->lines[environment->line_count++] = name;
}

/* True: its invocation is over. */
static bool take_line(struct lambda_environment *environment, const char *name)
{
    const struct lambda_host_config *host = environment->config.host;
    const uint64_t run = lambda_environment_run(environment);
    struct lambda_labels labels;
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    if (host->effect)
        host->effect(host->self, run, name, NULL);
    lambda_labels_set(&labels, LAMBDA_AT_LINE, name);
    if (host->boundary && environment->invocation)
        decision = lambda_labels_ask(&labels, host,
                                     environment->config.program->function.name,
                                     true, run);
    return lambda_strike(environment, NULL, &decision);
}

bool lambda_effect_take_lines(struct lambda_environment *environment)
{
    bool struck = !lambda_environment_works(environment);

    lambda_process_drain(environment->process);
    for (uint32_t i = 0; i < environment->line_count && !struck; i++)
        struck = take_line(environment, environment->lines[i]);
    environment->line_count = 0;
    return struck;
}

/* name: NULL if it is for our own endpoint. */
static void answer(struct lambda_environment *environment,
                   struct evhttp_request *request, const char *name)
{
    const struct lambda_host_config *host = environment->config.host;
    struct lambda_response response = {.status = 200, .body = "{}", .size = 2};

    if (name && host->reply)
        host->reply(host->self, name, &response);
    if (!lambda_effect_happened(environment, request, response.status,
                                response.body, response.size))
        lambda_http_respond(environment->http, request, response.status, NULL,
                            response.body, response.size);
}

static void go_out(struct lambda_environment *environment,
                   struct evhttp_request *request)
{
    const struct lambda_outgoing *outgoing = environment->config.host->outgoing;
    char url[URL_SIZE];
    char name[LAMBDA_RULE_NAME];
    const struct lambda_rule *rule = rule_of(environment, request, url);

    if (rule)
        lambda_rule_name(rule, url, name);
    if (evhttp_request_get_command(request) == EVHTTP_REQ_CONNECT)
        lambda_effect_refuse(environment, request, 501,
                             "https of a program without a bootstrap cannot "
                             "be seen");
    else if (!outgoing || (!rule && !outgoing->lets))
        lambda_effect_refuse(environment, request, 403,
                             "no --effects takes this request, and there "
                             "is no --network allow");
    else if (rule && !outgoing->forwards)
        answer(environment, request, name);
    else
        lambda_forward_start(environment, request);
}

void lambda_effect_carry_out(struct lambda_environment *environment,
                             struct evhttp_request *request)
{
    if (lambda_effect_is_outgoing(environment, request))
        go_out(environment, request);
    else
        answer(environment, request, NULL);
}
