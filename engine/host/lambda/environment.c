#include "engine/host/lambda/environment_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/host/lambda/variables.h"

/* The process ------------------------------------------------------------- */

static void say(const struct lambda_environment *environment, bool platform,
                const char *text, size_t size)
{
    const struct lambda_host_config *host = environment->config.host;
    const struct lambda_invocation *invocation = environment->invocation;
    const struct lambda_line line = {
        .function = environment->config.program->function.name,
        .request = invocation ? lambda_invocation_id(invocation) : NULL,
        .run = invocation ? lambda_invocation_run(invocation) : 0,
        .number = invocation ? lambda_invocation_number(invocation) : 0,
        .platform = platform,
        .text = text,
        .size = size};

    if (host->log)
        host->log(host->self, &line);
    else if (!platform)
        (void)fprintf(stderr, "%.*s\n", (int)size, text);
}

static void take_line(void *self, const char *text, size_t size)
{
    struct lambda_environment *environment = self;

    lambda_effect_keep_line(environment, text, size);
    if (environment->logged + size > LAMBDA_LOG_MAX) {
        environment->unlogged += size + 1;
        return;
    }
    environment->logged += size + 1;
    say(environment, false, text, size);
}

__attribute__((format(printf, 2, 3))) static void
report(const struct lambda_environment *environment, const char *format, ...)
{
    char text[256];
    va_list list;
    int size;

    va_start(list, format);
    size = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (size > 0 && size < (int)sizeof(text))
        say(environment, true, text, (size_t)size);
}

void lambda_environment_begin_logs(struct lambda_environment *environment)
{
    lambda_process_drain(environment->process);
    environment->logged = 0;
    environment->unlogged = 0;
    environment->began_ns = lambda_service_now(environment->config.service);
    if (environment->invocation)
        report(environment, "START RequestId: %s Version: $LATEST",
               lambda_invocation_id(environment->invocation));
}

static void report_end(const struct lambda_environment *environment)
{
    const char *id = lambda_invocation_id(environment->invocation);
    uint64_t us = (lambda_service_now(environment->config.service) -
                   environment->began_ns) /
                  1000;

    report(environment, "END RequestId: %s", id);
    report(environment,
           "REPORT RequestId: %s\tDuration: %" PRIu64 ".%02" PRIu64
           " ms\tBilled Duration: %" PRIu64 " ms\tMemory Size: %" PRIu32 " MB",
           id, us / 1000, us % 1000 / 10, (us + 999) / 1000,
           lambda_program_memory(environment->config.program));
}

void lambda_environment_trouble(struct lambda_environment *environment,
                                const char *type, const char *words)
{
    const struct lambda_host_config *host = environment->config.host;
    const struct lambda_invocation *invocation = environment->invocation;
    const struct lambda_trouble trouble = {
        .function = environment->config.program->function.name,
        .run = invocation ? lambda_invocation_run(invocation) : 0,
        .number = invocation ? lambda_invocation_number(invocation) : 0,
        .type = type,
        .words = words};

    snprintf(environment->why, sizeof(environment->why), "%.60s: %.180s", type,
             words);
    if (host->trouble)
        host->trouble(host->self, &trouble);
}

const char *lambda_environment_why(const struct lambda_environment *environment)
{
    return environment->why;
}

void lambda_environment_end_logs(struct lambda_environment *environment)
{
    char text[128];
    int size;

    lambda_process_drain(environment->process);
    if (environment->unlogged > 0) {
        size = snprintf(text, sizeof(text),
                        "perdure: %" PRIu64
                        " bytes more were written and dropped; %d are kept of "
                        "an invocation",
                        environment->unlogged, LAMBDA_LOG_MAX);
        say(environment, true, text, (size_t)size);
    }
    environment->logged = 0;
    environment->unlogged = 0;
    if (environment->invocation)
        report_end(environment);
}

static int start_process(struct lambda_environment *environment)
{
    const struct lambda_told told = {
        .program = environment->config.program,
        .address = environment->config.address,
        .port = lambda_http_port(environment->http),
        .skips = environment->config.skips,
        .now_ns = environment->config.host->start_ns,
        .seed = environment->config.host->seed,
        .outgoing = environment->config.host->outgoing,
    };
    struct lambda_variables *variables = lambda_variables_new(&told);

    if (!variables)
        return -1;
    const struct lambda_process_config config = {
        .base = environment->config.base,
        .command = told.program->command,
        .variables = lambda_variables_list(variables),
        .directory = told.program->directory,
        .line = take_line,
        .self = environment,
    };
    environment->process = lambda_process_start(&config);
    lambda_variables_free(variables);
    return environment->process ? 0 : -1;
}

void lambda_environment_kill(struct lambda_environment *environment)
{
    if (!environment->process || lambda_process_id(environment->process) <= 0)
        return;
    environment->state = LAMBDA_GONE;
    environment->returning = NULL; /* goes with its connection */
    lambda_process_kill(environment->process);
}

void lambda_environment_freeze(struct lambda_environment *environment)
{
    if (!environment->config.host->freezes)
        return;
    environment->frozen = true;
    lambda_process_freeze(environment->process);
}

void lambda_environment_thaw(struct lambda_environment *environment)
{
    if (environment->frozen)
        lambda_process_thaw(environment->process);
    environment->frozen = false;
}

/* Requests ---------------------------------------------------------------- */

static bool take_request(void *self, struct evhttp_request *request,
                         const char *path)
{
    struct lambda_environment *environment = self;
    bool outgoing = lambda_effect_is_outgoing(environment, request);

    if (!outgoing && strcmp(path, "/perdure/idle") == 0) {
        lambda_barrier_idle(environment, request);
        return true;
    }
    if (!outgoing && lambda_runtime_is(path)) {
        lambda_runtime_take(environment, request, path);
        return true;
    }
    if (environment->state == LAMBDA_GONE) {
        lambda_http_cut(request); /* of one that was just killed */
        return true;
    }
    bool numbered = lambda_barrier_numbers(request);
    environment->requests += numbered;
    if (numbered && environment->barrier && environment->config.skips &&
        lambda_environment_works(environment))
        lambda_barrier_hold(environment, request);
    else
        lambda_strike_carry_out(environment, request);
    return true;
}

static void responded(void *self, struct evhttp_request *request)
{
    struct lambda_environment *environment = self;
    const char *path = evhttp_request_get_uri(request);

    if (strcmp(path, "/perdure/idle") == 0 || lambda_runtime_is(path))
        return;
    environment->responses += lambda_barrier_numbers(request);
    if (request == environment->current) {
        environment->current = NULL;
        if (environment->idle)
            lambda_environment_wake(environment);
    }
}

/* For the host ------------------------------------------------------------ */

enum lambda_environment_state
lambda_environment_state(const struct lambda_environment *environment)
{
    return environment->state;
}

uint64_t lambda_environment_run(const struct lambda_environment *environment)
{
    return environment->invocation
               ? lambda_invocation_run(environment->invocation)
           : environment->echo ? environment->echo->run
                               : 0;
}

pid_t lambda_environment_process(const struct lambda_environment *environment)
{
    return lambda_process_id(environment->process);
}

bool lambda_environment_take(struct lambda_environment *environment,
                             uint32_t function)
{
    environment->invocation = lambda_invocation_take(
        environment->config.service, function, environment);
    if (!environment->invocation)
        return false;
    environment->state = LAMBDA_BUSY;
    return true;
}

void lambda_environment_event(struct lambda_environment *environment,
                              const void *event, size_t size)
{
    environment->event = malloc(size ? size : 1);
    if (!environment->event)
        return;
    memcpy(environment->event, event, size);
    environment->event_size = size;
    if (environment->next)
        lambda_runtime_deliver(environment);
}

/* Echoes ------------------------------------------------------------------ */

void lambda_environment_echo(struct lambda_environment *environment,
                             struct lambda_echo *echo)
{
    environment->state = LAMBDA_BUSY;
    environment->echo = echo;
    environment->event = echo->event;
    environment->event_size = echo->event_size;
    echo->event = NULL;
    if (environment->next)
        lambda_runtime_deliver(environment);
}

void lambda_environment_go_on(struct lambda_environment *environment,
                              uint64_t run)
{
    if (environment->echo && environment->echo->run == run)
        environment->echo->stands = false;
}

static void forget_echo(struct lambda_environment *environment)
{
    lambda_echo_free(environment->echo);
    environment->echo = NULL;
}

void lambda_environment_expire(struct lambda_environment *environment,
                               uint64_t now_ns)
{
    if (!environment->echo || environment->echo->deadline_ns > now_ns)
        return;
    forget_echo(environment);
    lambda_environment_kill(environment);
}

/* For the host, of invocations -------------------------------------------- */

void lambda_environment_end(struct lambda_environment *environment)
{
    lambda_environment_end_logs(environment);
    lambda_environment_kill(environment);
}

void lambda_environment_dropped(struct lambda_environment *environment)
{
    uint64_t now_ns = lambda_service_now(environment->config.service);

    if (environment->invocation &&
        lambda_invocation_deadline(environment->invocation) <= now_ns)
        lambda_environment_trouble(environment, "Sandbox.Timedout",
                                   "it went on beyond its timeout");
    lambda_environment_end_logs(environment);
    environment->invocation = NULL;
    lambda_environment_kill(environment);
}

/* How a process ended, in the platform's words. */
static void write_end(int status, char words[96])
{
    if (WIFSIGNALED(status))
        snprintf(words, 96, "Runtime exited with error: signal: %s",
                 strsignal(WTERMSIG(status)));
    else if (WEXITSTATUS(status))
        snprintf(words, 96, "Runtime exited with error: exit status %d",
                 WEXITSTATUS(status));
    else
        snprintf(words, 96, "Runtime exited without providing a reason");
}

/* It broke off by itself. */
static void lose(struct lambda_environment *environment,
                 enum engine_error error, const char *words)
{
    struct lambda_invocation *invocation = environment->invocation;
    char text[200];

    environment->invocation = NULL;
    snprintf(text, sizeof(text), "RequestId: %s Error: %s",
             lambda_invocation_id(invocation), words);
    lambda_invocation_lost(environment->config.service, invocation, error,
                           text);
}

void lambda_environment_ended(struct lambda_environment *environment,
                              int status)
{
    bool expected = environment->state == LAMBDA_GONE;
    char words[96];

    lambda_process_bury(environment->process);
    (void)lambda_effect_take_lines(environment);
    write_end(status, words);
    if (!expected && !environment->named)
        lambda_environment_trouble(environment, "Runtime.ExitError", words);
    lambda_environment_end_logs(environment);
    environment->state = LAMBDA_GONE;
    forget_echo(environment);
    if (environment->invocation)
        lose(environment, ENGINE_ERR_INTERRUPTED, words);
}

void lambda_environment_weigh(struct lambda_environment *environment)
{
    uint64_t most = environment->config.program->memory_mb;
    uint64_t used;
    char words[96];

    if (most == 0 || environment->state == LAMBDA_GONE)
        return;
    used = lambda_process_memory(environment->process) >> 20;
    if (used <= most)
        return;
    snprintf(words, sizeof(words), "it used %" PRIu64 " MB, of %" PRIu64, used,
             most);
    lambda_environment_trouble(environment, "Runtime.OutOfMemory", words);
    lambda_environment_end_logs(environment);
    environment->current = NULL;
    lambda_environment_kill(environment);
    forget_echo(environment);
    if (environment->invocation)
        lose(environment, ENGINE_ERR_OOM,
             "Runtime exited with error: signal: killed");
}

void lambda_environment_serve(struct lambda_environment *environment,
                              struct lambda_service *service)
{
    lambda_strike_late(environment);
    environment->config.service = service;
    environment->world++;
    lambda_http_serve(environment->http, service);
}

/* Life -------------------------------------------------------------------- */

struct lambda_environment *
lambda_environment_start(const struct lambda_environment_config *config)
{
    struct lambda_environment *environment = calloc(1, sizeof(*environment));
    const struct lambda_http_hooks hooks = {.request = take_request,
                                            .answer = lambda_strike_answer,
                                            .responded = responded,
                                            .self = environment};
    int code;

    if (!environment)
        return NULL;
    environment->config = *config;
    environment->http = lambda_http_open(config->base, config->service,
                                         config->address, 0, &hooks);
    if (environment->http)
        lambda_http_take_all(environment->http);
    if (environment->http && start_process(environment) == 0)
        return environment;
    code = errno;
    lambda_environment_free(environment);
    errno = code;
    return NULL;
}

void lambda_environment_free(struct lambda_environment *environment)
{
    if (!environment)
        return;
    lambda_process_free(environment->process);
    lambda_forward_drop(environment);
    if (environment->http)
        lambda_http_close(environment->http);
    lambda_barrier_free(environment);
    free(environment->late.body);
    free(environment->given);
    lambda_echo_free(environment->echo);
    free(environment->event);
    free(environment->lines);
    free(environment);
}
