#include "engine/host/lambda/environment_private.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "engine/host/lambda/variables.h"

/* The process ------------------------------------------------------------- */

static void say(const struct lambda_environment *environment, const char *text,
                size_t size)
{
    const struct lambda_host_config *host = environment->config.host;
    const struct lambda_invocation *invocation = environment->invocation;
    const struct lambda_line line = {
        .function = environment->config.program->function.name,
        .request = invocation ? lambda_invocation_id(invocation) : NULL,
        .run = invocation ? lambda_invocation_run(invocation) : 0,
        .number = invocation ? lambda_invocation_number(invocation) : 0,
        .text = text,
        .size = size};

    if (host->log)
        host->log(host->self, &line);
    else
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
    say(environment, text, size);
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
        say(environment, text, (size_t)size);
    }
    environment->logged = 0;
    environment->unlogged = 0;
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
    environment->requests++;
    if (environment->barrier && environment->config.skips &&
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
    environment->responses++;
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

void lambda_environment_dropped(struct lambda_environment *environment)
{
    lambda_environment_end_logs(environment);
    environment->invocation = NULL;
    lambda_environment_kill(environment);
}

void lambda_environment_ended(struct lambda_environment *environment,
                              int status)
{
    struct lambda_invocation *invocation;
    char words[160];

    lambda_process_bury(environment->process);
    (void)lambda_effect_take_lines(environment);
    lambda_environment_end_logs(environment);
    invocation = environment->invocation;
    environment->state = LAMBDA_GONE;
    environment->invocation = NULL;
    forget_echo(environment);
    if (!invocation)
        return;
    if (WIFSIGNALED(status))
        snprintf(words, sizeof(words),
                 "RequestId: %s Error: Runtime exited with error: signal: %s",
                 lambda_invocation_id(invocation), strsignal(WTERMSIG(status)));
    else
        snprintf(words, sizeof(words),
                 "RequestId: %s Error: Runtime exited with error: exit status "
                 "%d",
                 lambda_invocation_id(invocation), WEXITSTATUS(status));
    lambda_invocation_lost(environment->config.service, invocation,
                           ENGINE_ERR_INTERRUPTED, words);
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
