#include "engine/host/lambda/environment_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/loop.h"

enum {
    RESPONSE_MAX = 6291556
};

static const char too_large[] =
    "{\"errorType\":\"Function.ResponseSizeTooLarge\",\"errorMessage\":"
    "\"Response payload size exceeded maximum allowed payload size (6291556 "
    "bytes).\"}";

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

/* By the clock that the process has. */
static uint64_t deadline_of(const struct lambda_environment *environment)
{
    uint64_t deadline =
        environment->echo ? environment->echo->deadline_ns
                          : lambda_invocation_deadline(environment->invocation);

    if (environment->barrier || deadline == UINT64_MAX)
        return deadline;
    return host_wall_ns() +
           (deadline - lambda_service_now(environment->config.service));
}

static void give(struct lambda_environment *environment)
{
    struct evhttp_request *request = environment->next;
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    const struct lambda_invocation *invocation = environment->invocation;
    const struct lambda_echo *echo = environment->echo;
    const char *version = echo ? "$" : lambda_invocation_version(invocation);
    const char *tenant = echo ? NULL : lambda_invocation_tenant(invocation);
    char arn[LAMBDA_ARN_SIZE];

    lambda_function_arn_write(environment->config.program->function.name,
                              version[0] == '$' ? NULL : version, arn);
    add_number(headers, "Perdure-World", environment->world);
    add_number(headers, "Perdure-Now-Ms",
               lambda_service_now(environment->config.service) / MILLISECOND);
    add_number(headers, "Lambda-Runtime-Deadline-Ms",
               deadline_of(environment) / MILLISECOND);
    evhttp_add_header(headers, "Lambda-Runtime-Aws-Request-Id",
                      echo ? echo->id : lambda_invocation_id(invocation));
    evhttp_add_header(headers, "Lambda-Runtime-Invoked-Function-Arn", arn);
    if (!echo && lambda_invocation_context(invocation))
        evhttp_add_header(headers, "Lambda-Runtime-Client-Context",
                          lambda_invocation_context(invocation));
    evhttp_add_header(headers, "Lambda-Runtime-Trace-Id",
                      "Root=1-00000000-000000000000000000000000;Sampled=0");
    if (echo) /* it draws other numbers than the one that it repeats */
        evhttp_add_header(headers, "Perdure-Echo", "1");
    if (tenant)
        evhttp_add_header(headers, "Lambda-Runtime-Aws-Tenant-Id", tenant);
    environment->next = NULL;
    lambda_environment_begin_logs(environment);
    lambda_environment_thaw(environment);
    lambda_http_respond(environment->http, request, 200, NULL,
                        environment->event, environment->event_size);
    free(environment->given);
    environment->given = environment->event;
    environment->given_size = environment->event_size;
    environment->event = NULL;
    environment->turn = 0;
}

static void echo_given(struct lambda_environment *environment,
                       const struct lambda_invocation *invocation, bool first)
{
    struct lambda_echo *echo = lambda_echo_new(invocation, environment->given,
                                               environment->given_size);

    if (!echo)
        return;
    echo->first = first;
    environment->config.echoed(environment->config.self, environment, echo);
}

void lambda_runtime_lose(struct lambda_environment *environment)
{
    struct lambda_invocation *invocation = environment->invocation;
    struct lambda_echo *echo = lambda_echo_new(invocation, "", 0);

    if (!echo)
        return;
    echo->stands = true;
    environment->echo = echo;
    environment->invocation = NULL;
    lambda_invocation_lost(environment->config.service, invocation,
                           ENGINE_ERR_INTERRUPTED,
                           "the environment does not answer");
}

void lambda_runtime_deliver(struct lambda_environment *environment)
{
    struct lambda_invocation *invocation = environment->invocation;
    struct lambda_decision decision;

    lambda_labels_set(&environment->labels, LAMBDA_AT_EVENT, "event");
    decision = lambda_strike_decide(environment, false);
    if (environment->invocation)
        environment->config.begins(environment->config.self,
                                   lambda_environment_run(environment));
    if (decision.act != LAMBDA_CRASH && decision.act != LAMBDA_TIME_OUT) {
        give(environment);
        if (decision.act == LAMBDA_AGAIN)
            echo_given(environment, invocation, decision.first);
        else if (decision.act == LAMBDA_OVERLAP)
            lambda_runtime_lose(environment);
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

static void refuse(struct lambda_environment *environment,
                   struct evhttp_request *request, int status, const char *body)
{
    lambda_http_respond(environment->http, request, status, NULL, body,
                        strlen(body));
}

static void ask_next(struct lambda_environment *environment,
                     struct evhttp_request *request)
{
    if (lambda_environment_works(environment) && !environment->event) {
        refuse(environment, request, 403,
               "{\"errorMessage\":\"State transition is not allowed\","
               "\"errorType\":\"InvalidStateTransition\"}");
        return;
    }
    environment->next = request;
    environment->owed = false;
    lambda_barrier_cut(environment);
    environment->barrier |=
        evhttp_find_header(evhttp_request_get_input_headers(request),
                           "Perdure-Bootstrap") != NULL;
    if (!environment->barrier)
        lambda_http_tell_true_time(environment->http);
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
    const char *own = environment->echo ? environment->echo->id
                      : environment->invocation
                          ? lambda_invocation_id(environment->invocation)
                          : "";
    size_t size = strlen(own);

    return size > 0 && strncmp(id, own, size) == 0 && id[size] == '/';
}

static const char *member(struct json_doc *doc, const char *name)
{
    struct json_view view =
        doc ? json_member(json_root(doc), name) : (struct json_view){0};

    return view.item && json_is_string(view) ? view.item->valuestring : NULL;
}

static void take_error(struct lambda_environment *environment, const void *body,
                       size_t size)
{
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;
    const char *type = NULL;
    const char *message = NULL;

    if (json_read_bytes("error", body, size, &doc, &wrong) == 0 &&
        json_is_object(json_root(doc))) {
        type = member(doc, "errorType");
        message = member(doc, "errorMessage");
    }
    lambda_environment_trouble(environment, type ? type : "Runtime.Unknown",
                               message ? message : "");
    json_free(doc);
    lambda_invocation_threw(environment->config.service,
                            environment->invocation, body, size);
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
    if (strcmp(what, "/response") == 0 && size > RESPONSE_MAX)
        lambda_invocation_threw(environment->config.service, invocation,
                                too_large, sizeof(too_large) - 1);
    else if (strcmp(what, "/response") == 0)
        lambda_invocation_answered(environment->config.service, invocation,
                                   body, size);
    else
        take_error(environment, body, size);
    decision = lambda_strike_decide(environment, true);
    if (decision.act == LAMBDA_AGAIN)
        echo_given(environment, invocation, decision.first);
    environment->invocation = NULL;
    if (decision.act != LAMBDA_CRASH)
        return;
    if (lambda_barrier_abandons(environment))
        lambda_barrier_abandon(environment);
    else
        lambda_environment_kill(environment);
}

/* Nobody hears what an echo returns, unless it is scripted. */
static void end_echo(struct lambda_environment *environment, const char *what,
                     const void *body, size_t size)
{
    const struct lambda_host_config *host = environment->config.host;

    lambda_environment_end_logs(environment);
    if (environment->echo->scripted && host->returned)
        host->returned(host->self, strcmp(what, "/response") != 0, body, size);
    lambda_echo_free(environment->echo);
    environment->echo = NULL;
}

static const char runtime[] = "/2018-06-01/runtime/";
static const char ends[] = "invocation/";

void lambda_runtime_return(struct lambda_environment *environment)
{
    struct evhttp_request *request = environment->returning;
    const char *path =
        evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    const char *what =
        strchr(path + sizeof(runtime) - 1 + sizeof(ends) - 1, '/');
    size_t size;
    const void *body = lambda_http_body(request, &size);
    bool struck = lambda_effect_take_lines(environment);

    while (environment->held && lambda_environment_works(environment) &&
           !struck)
        lambda_barrier_let(environment); /* what was asked before it */
    environment->returning = NULL;
    if (environment->invocation)
        take_return(environment, what, body, size);
    else if (environment->echo)
        end_echo(environment, what, body, size);
    if (environment->idle)
        lambda_environment_wake(environment);
    if (environment->state == LAMBDA_GONE)
        return;
    if (environment->owed)
        lambda_barrier_leave(environment, request);
    else
        accepted(environment, request);
}

static void take_end(struct lambda_environment *environment,
                     struct evhttp_request *request, const char *rest)
{
    if (!is_current(environment, rest) || !strchr(rest, '/')) {
        refuse(environment, request, 400,
               "{\"errorMessage\":\"Invalid request ID\","
               "\"errorType\":\"InvalidRequestID\"}");
        return;
    }
    environment->returning = request;
    if (!environment->barrier || !environment->config.host->alone)
        lambda_runtime_return(environment);
}

/* The first place that a stack names. */
static const char *find_place(struct json_doc *doc, const char *message)
{
    struct json_view lines =
        doc ? json_member(json_root(doc), "stackTrace") : (struct json_view){0};

    for (struct json_view v = lines.item ? json_first(lines)
                                         : (struct json_view){0};
         v.item; v = json_next(v)) {
        const char *line = json_is_string(v) ? v.item->valuestring : "";
        line += strspn(line, " \t");
        if (*line && (!message || !*message || !strstr(line, message)))
            return line;
    }
    return "";
}

/* It could not load its function, and is about to end. */
static void take_init_error(struct lambda_environment *environment,
                            struct evhttp_request *request)
{
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;
    char words[400];
    size_t size;
    const void *body = lambda_http_body(request, &size);

    if (json_read_bytes("error", body, size, &doc, &wrong) ||
        !json_is_object(json_root(doc))) {
        json_free(doc);
        doc = NULL;
    }
    const char *type = member(doc, "errorType");
    const char *message = member(doc, "errorMessage");
    const char *line = find_place(doc, message);
    snprintf(words, sizeof(words), "%.200s%s%.*s",
             message ? message : "its function could not be loaded",
             line[0] ? ", " : "", (int)strcspn(line, "\n"), line);
    environment->named = true;
    lambda_environment_trouble(environment, type ? type : "Runtime.Unknown",
                               words);
    json_free(doc);
    accepted(environment, request);
}

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
    else if (strncmp(rest, ends, sizeof(ends) - 1) == 0)
        take_end(environment, request, rest + sizeof(ends) - 1);
    else if (strcmp(rest, "init/error") == 0)
        take_init_error(environment, request);
    else
        accepted(environment, request);
}
