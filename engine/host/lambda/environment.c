#include "engine/host/lambda/environment.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define MILLISECOND UINT64_C(1000000)

enum {
    LINE_MAX_SIZE = 16384,
    VARIABLES_MAX = 128,
    VARIABLE_SIZE = 512,
    LABEL_SIZE = 80,
    LABELS_MAX = 256
};

struct label {
    char operation[LABEL_SIZE];
    const char *action;
};

/* A request that waits until the process is at rest. */
struct held {
    struct evhttp_request *request;
    uint64_t number; /* in the order of the process */
    struct held *next;
};

struct lambda_environment {
    struct lambda_environment_config config;
    struct lambda_http *http;
    enum lambda_environment_state state;
    pid_t process;
    struct bufferevent *output; /* of the process */
    struct lambda_invocation *invocation;
    struct evhttp_request *next; /* it waits for work */
    unsigned char *event;        /* for when it asks; NULL: none */
    size_t event_size;
    struct evhttp_request *idle; /* it waits for time; NULL: it does not */
    uint64_t wake_ns;
    uint64_t requests; /* of it that have come in, but for those of the Runtime
                          API and the bootstrap */
    uint64_t responses;
    struct held *held;              /* by number */
    struct held *left;              /* of an invocation that was abandoned */
    struct evhttp_request *current; /* is being answered */
    enum lambda_place place;        /* of it */
    struct label labels[LABELS_MAX];
    unsigned label_count;
    uint64_t world; /* it serves: what began in another one is over */
    bool barrier;   /* it runs the bootstrap */
    bool owed;      /* the bootstrap is to be told to leave what it does */
    bool dying;
};

/* The process ------------------------------------------------------------- */

/* What the runtime is told, "NAME=value" each. */
struct variables {
    char text[VARIABLES_MAX][VARIABLE_SIZE];
    const char *list[VARIABLES_MAX + 1];
    unsigned count;
};

static void set(struct variables *v, const char *name, const char *value)
{
    if (v->count == VARIABLES_MAX)
        return;
    snprintf(v->text[v->count], VARIABLE_SIZE, "%s=%s", name, value);
    v->list[v->count] = v->text[v->count];
    v->count++;
}

static void set_address(struct variables *v, const char *name,
                        const char *prefix, const char *path,
                        const struct lambda_environment *environment)
{
    char value[128];

    snprintf(value, sizeof(value), "%s%s:%u%s", prefix,
             environment->config.address,
             (unsigned)lambda_http_port(environment->http), path);
    set(v, name, value);
}

static void set_number(struct variables *v, const char *name, uint64_t number)
{
    char value[24];

    snprintf(value, sizeof(value), "%" PRIu64, number);
    set(v, name, value);
}

static void pass(struct variables *v, const char *name)
{
    const char *value = getenv(name);

    if (value)
        set(v, name, value);
}

static void set_all(struct variables *v,
                    const struct lambda_environment *environment)
{
    const struct lambda_program *program = environment->config.program;
    char *root;

    pass(v, "PATH");
    pass(v, "HOME");
    pass(v, "TMPDIR");
    pass(v, "NODE_PATH");
    pass(v, "PYTHONPATH");
    set(v, "TZ", ":UTC");
    set(v, "LANG", "en_US.UTF-8");
    set_address(v, "AWS_LAMBDA_RUNTIME_API", "", "", environment);
    set_address(v, "AWS_ENDPOINT_URL_LAMBDA", "http://", "", environment);
    set_address(v, "PERDURE_EFFECTS", "http://", "/perdure/effects",
                environment);
    set(v, "AWS_REGION", LAMBDA_REGION);
    set(v, "AWS_DEFAULT_REGION", LAMBDA_REGION);
    set(v, "AWS_ACCESS_KEY_ID", "perdure");
    set(v, "AWS_SECRET_ACCESS_KEY", "perdure");
    set(v, "AWS_EC2_METADATA_DISABLED", "true");
    set(v, "AWS_LAMBDA_FUNCTION_NAME", program->function.name);
    set(v, "AWS_LAMBDA_FUNCTION_VERSION", "$LATEST");
    set_number(v, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
               program->memory_mb ? program->memory_mb : 128);
    set(v, "AWS_LAMBDA_LOG_GROUP_NAME", "/aws/lambda/perdure");
    set(v, "AWS_LAMBDA_LOG_STREAM_NAME", program->function.name);
    set(v, "AWS_LAMBDA_INITIALIZATION_TYPE", "on-demand");
    if (program->handler)
        set(v, "_HANDLER", program->handler);
    root = realpath(program->directory ? program->directory : ".", NULL);
    if (root)
        set(v, "LAMBDA_TASK_ROOT", root);
    free(root);
    if (environment->config.skips) {
        set_number(v, "PERDURE_NOW_MS",
                   lambda_service_now(environment->config.service) /
                       MILLISECOND);
        set_number(v, "PERDURE_SEED", environment->config.host->seed);
    }
    for (unsigned i = 0; program->environment && program->environment[i] &&
                         v->count < VARIABLES_MAX;
         i++)
        v->list[v->count++] = program->environment[i];
}

/* In the child, between fork and exec. */
static void become(const struct lambda_program *program, int output,
                   const struct variables *v)
{
    int nothing = open("/dev/null", O_RDONLY);

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        _exit(126);
    if (program->directory && chdir(program->directory))
        _exit(126);
    (void)execvpe(program->command[0], (char *const *)program->command,
                  (char *const *)v->list);
    dprintf(STDERR_FILENO, "%s: %s\n", program->command[0], strerror(errno));
    _exit(127);
}

static void say_line(struct lambda_environment *environment, const char *line,
                     size_t size)
{
    const struct lambda_host_config *host = environment->config.host;

    if (host->log)
        host->log(host->self, environment->config.program->function.name, line,
                  size);
    else
        (void)fprintf(stderr, "%.*s\n", (int)size, line);
}

static void take_output(struct bufferevent *output, void *self)
{
    struct lambda_environment *environment = self;
    struct evbuffer *input = bufferevent_get_input(output);
    size_t size;
    char *line;

    while ((line = evbuffer_readln(input, &size, EVBUFFER_EOL_LF))) {
        say_line(environment, line, size);
        free(line);
    }
    if (evbuffer_get_length(input) > LINE_MAX_SIZE) {
        say_line(environment, (const char *)evbuffer_pullup(input, -1),
                 evbuffer_get_length(input));
        evbuffer_drain(input, evbuffer_get_length(input));
    }
}

static int start_process(struct lambda_environment *environment)
{
    struct variables *v = calloc(1, sizeof(*v));
    int ends[2];

    if (!v || pipe2(ends, O_CLOEXEC)) {
        free(v);
        return -1;
    }
    set_all(v, environment);
    environment->process = fork();
    if (environment->process == 0)
        become(environment->config.program, ends[1], v);
    free(v);
    close(ends[1]);
    if (environment->process < 0) {
        close(ends[0]);
        return -1;
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    environment->output = bufferevent_socket_new(
        environment->config.base, ends[0], BEV_OPT_CLOSE_ON_FREE);
    if (!environment->output) {
        close(ends[0]);
        return -1;
    }
    bufferevent_setcb(environment->output, take_output, NULL, NULL,
                      environment);
    bufferevent_enable(environment->output, EV_READ);
    return 0;
}

/* Boundaries -------------------------------------------------------------- */

static void kill_all(struct lambda_environment *environment)
{
    if (environment->process <= 0)
        return;
    environment->dying = true;
    (void)kill(-environment->process, SIGKILL);
    (void)kill(environment->process, SIGKILL);
}

static void free_held(struct held *held)
{
    while (held) {
        struct held *next = held->next;
        free(held);
        held = next;
    }
}

/* What it asked for and waits for will not be answered. Nor does it hear so
 * before it knows that it is to leave it. */
static void leave_requests(struct lambda_environment *environment)
{
    struct held **at = &environment->left;
    struct held *current =
        environment->current ? calloc(1, sizeof(*current)) : NULL;

    while (*at)
        at = &(*at)->next;
    *at = environment->held;
    environment->held = NULL;
    if (current) {
        current->request = environment->current;
        current->next = environment->left;
        environment->left = current;
    }
    environment->current = NULL;
}

static void cut_left(struct lambda_environment *environment)
{
    struct held *left = environment->left;

    environment->left = NULL;
    for (struct held *one = left; one; one = one->next)
        lambda_http_cut(one->request);
    free_held(left);
}

static const char leave[] = "abandon";

/* The bootstrap is told to leave its invocation. From now on neither side
 * counts what was before. */
static void tell_to_leave(struct lambda_environment *environment,
                          struct evhttp_request *request)
{
    environment->owed = false;
    environment->requests = 0;
    environment->responses = 0;
    lambda_http_respond(environment->http, request, 200, NULL, leave,
                        sizeof(leave) - 1);
}

/* The bootstrap goes on with the next invocation: it is told so at once, or as
 * soon as it asks something. */
static void abandon(struct lambda_environment *environment)
{
    struct evhttp_request *idle = environment->idle;

    environment->idle = NULL;
    environment->owed = true;
    environment->state = LAMBDA_STARTING;
    leave_requests(environment);
    if (idle)
        tell_to_leave(environment, idle);
}

static bool is_abandoning(const struct lambda_environment *environment)
{
    return environment->config.host->abandons && environment->barrier;
}

static void crash(struct lambda_environment *environment,
                  enum engine_error error)
{
    struct lambda_invocation *invocation = environment->invocation;
    char words[160];

    if (is_abandoning(environment)) {
        abandon(environment);
    } else {
        kill_all(environment);
        environment->current = NULL; /* goes with its connection */
        if (error != ENGINE_ERR_TIMED_OUT)
            return; /* its end tells the rest */
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

static struct lambda_decision decide(struct lambda_environment *environment,
                                     enum lambda_place place, bool after)
{
    const struct lambda_host_config *host = environment->config.host;
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    if (!host->boundary || !environment->invocation)
        return decision;
    for (unsigned i = 0; i < environment->label_count; i++) {
        const struct lambda_boundary boundary = {
            .place = place,
            .after = after,
            .operation = environment->labels[i].operation,
            .action = environment->labels[i].action,
            .run = lambda_invocation_run(environment->invocation),
        };
        struct lambda_decision one = {.act = LAMBDA_PASS};
        host->boundary(host->self, &boundary, &one);
        if (decision.act == LAMBDA_PASS)
            decision = one;
    }
    return decision;
}

static void label(struct lambda_environment *environment, const char *operation,
                  const char *action)
{
    struct label *to;

    if (environment->label_count == LABELS_MAX)
        return;
    to = &environment->labels[environment->label_count++];
    snprintf(to->operation, sizeof(to->operation), "%s", operation);
    to->action = action;
}

static const char *text_of(struct json_view object, const char *key)
{
    struct json_view view = json_member(object, key);

    return view.item && json_is_string(view) ? view.item->valuestring : NULL;
}

static const char *action_of(const char *text)
{
    static const char *const actions[] = {"START", "SUCCEED", "FAIL", "RETRY",
                                          "CANCEL"};

    for (unsigned i = 0; text && i < sizeof(actions) / sizeof(*actions); i++)
        if (strcmp(actions[i], text) == 0)
            return actions[i];
    return "";
}

/* Each update of a checkpoint is a boundary; one without any is one. */
static void label_checkpoint(struct lambda_environment *environment,
                             const void *body, size_t size)
{
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;

    if (json_read_bytes("body", body, size, &doc, &wrong) == 0 &&
        json_is_object(json_root(doc))) {
        struct json_view updates = json_member(json_root(doc), "Updates");
        for (struct json_view v = json_first(updates); updates.item && v.item;
             v = json_next(v)) {
            const char *name = text_of(v, "Name");
            const char *type = text_of(v, "Type");
            label(environment,
                  name   ? name
                  : type ? type
                         : "?",
                  action_of(text_of(v, "Action")));
        }
    }
    json_free(doc);
    if (environment->label_count == 0)
        label(environment, "checkpoint", "");
}

static const char effects[] = "/perdure/effects/";

/* What the request is about. False: nothing that can be struck. */
static bool label_request(struct lambda_environment *environment,
                          struct evhttp_request *request, const char *path)
{
    size_t length = strlen(path);
    size_t size;
    const void *body = lambda_http_body(request, &size);

    environment->label_count = 0;
    if (strncmp(path, effects, sizeof(effects) - 1) == 0) {
        environment->place = LAMBDA_AT_EFFECT;
        label(environment, path + sizeof(effects) - 1, "");
    } else if (length > 11 && strcmp(path + length - 11, "/checkpoint") == 0) {
        environment->place = LAMBDA_AT_CHECKPOINT;
        label_checkpoint(environment, body, size);
    } else if (length > 6 && strcmp(path + length - 6, "/state") == 0) {
        environment->place = LAMBDA_AT_STATE;
        label(environment, "state", "");
    }
    return environment->label_count > 0;
}

static void stop_execution(struct lambda_environment *environment);

/* Carries out what was decided. True: the request is not to be answered. */
static bool strike(struct lambda_environment *environment,
                   struct evhttp_request *request,
                   const struct lambda_decision *decision)
{
    char body[400];
    int size;

    switch (decision->act) {
    case LAMBDA_CRASH:
        crash(environment, ENGINE_ERR_INTERRUPTED);
        return true;
    case LAMBDA_TIME_OUT:
        crash(environment, ENGINE_ERR_TIMED_OUT);
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

/* An answer of the API to what the process asked. */
static bool take_answer(void *self, struct evhttp_request *request, int status)
{
    struct lambda_environment *environment = self;
    struct lambda_decision decision;

    if (request != environment->current || status >= 300)
        return false;
    decision = decide(environment, environment->place, true);
    return strike(environment, request, &decision);
}

static void take_effect(struct lambda_environment *environment,
                        struct evhttp_request *request)
{
    const struct lambda_host_config *host = environment->config.host;
    struct lambda_decision decision;

    if (host->effect && environment->invocation)
        host->effect(
            host->self, lambda_invocation_run(environment->invocation),
            environment->labels[0].operation,
            evhttp_find_header(evhttp_request_get_input_headers(request),
                               "Idempotency-Key"));
    decision = decide(environment, LAMBDA_AT_EFFECT, true);
    if (!strike(environment, request, &decision))
        lambda_http_respond(environment->http, request, 200, NULL, "{}", 2);
}

/* Answers a request of the process. */
static void carry_out(struct lambda_environment *environment,
                      struct evhttp_request *request)
{
    const char *path =
        evhttp_uri_get_path(evhttp_request_get_evhttp_uri(request));
    bool struck = label_request(environment, request, path);
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    environment->current = request;
    if (struck)
        decision = decide(environment, environment->place, false);
    if (strike(environment, request, &decision))
        return;
    if (struck && environment->place == LAMBDA_AT_EFFECT)
        take_effect(environment, request);
    else
        lambda_http_route(environment->http, request);
}

static void hold(struct lambda_environment *environment,
                 struct evhttp_request *request)
{
    const char *number = evhttp_find_header(
        evhttp_request_get_input_headers(request), "Perdure-Number");
    struct held **at = &environment->held;
    struct held *held = calloc(1, sizeof(*held));

    if (!held) {
        lambda_http_cut(request);
        return;
    }
    held->request = request;
    held->number = number ? strtoull(number, NULL, 10) : UINT64_MAX;
    while (*at && (*at)->number <= held->number)
        at = &(*at)->next;
    held->next = *at;
    *at = held;
    /* It was not at rest after all: it shall look again. */
    if (environment->idle && !environment->current)
        lambda_environment_wake(environment);
}

static void carry_out_first(struct lambda_environment *environment)
{
    struct held *held = environment->held;
    struct evhttp_request *request = held->request;

    environment->held = held->next;
    free(held);
    carry_out(environment, request);
}

/* The Runtime API --------------------------------------------------------- */

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
    lambda_http_respond(environment->http, request, 200, NULL,
                        environment->event, environment->event_size);
    free(environment->event);
    environment->event = NULL;
}

/* The event goes to the process that has asked for it. */
static void deliver(struct lambda_environment *environment)
{
    struct lambda_invocation *invocation = environment->invocation;
    struct lambda_decision decision;

    environment->label_count = 0;
    label(environment, "event", "");
    decision = decide(environment, LAMBDA_AT_EVENT, false);
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
    cut_left(environment);
    environment->barrier |=
        evhttp_find_header(evhttp_request_get_input_headers(request),
                           "Perdure-Bootstrap") != NULL;
    if (environment->event) {
        deliver(environment);
        return;
    }
    if (environment->dying)
        return;
    environment->state = LAMBDA_IDLE;
    environment->config.changed(environment->config.self, environment);
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

    environment->label_count = 0;
    label(environment, "return", "");
    decision = decide(environment, LAMBDA_AT_RETURN, false);
    if (decision.act == LAMBDA_CRASH || decision.act == LAMBDA_TIME_OUT) {
        crash(environment, decision.act == LAMBDA_CRASH ? ENGINE_ERR_INTERRUPTED
                                                        : ENGINE_ERR_TIMED_OUT);
        return;
    }
    if (strcmp(what, "/response") == 0)
        lambda_invocation_answered(environment->config.service, invocation,
                                   body, size);
    else
        lambda_invocation_threw(environment->config.service, invocation, body,
                                size);
    decision = decide(environment, LAMBDA_AT_RETURN, true);
    environment->invocation = NULL;
    if (decision.act != LAMBDA_CRASH)
        return;
    if (is_abandoning(environment))
        abandon(environment);
    else
        kill_all(environment);
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
    while (environment->held && environment->invocation)
        carry_out_first(environment); /* what was asked before it */
    if (environment->invocation)
        take_return(environment, what, body, size);
    if (environment->idle)
        lambda_environment_wake(environment);
    if (environment->dying)
        return;
    if (environment->owed)
        tell_to_leave(environment, request);
    else
        accepted(environment, request);
}

static void take_idle(struct lambda_environment *environment,
                      struct evhttp_request *request)
{
    size_t size;
    const char *body = lambda_http_body(request, &size);
    char text[96] = {0};
    uint64_t sent = 0;
    uint64_t got = 0;
    uint64_t wake = 0;

    if (environment->owed) {
        tell_to_leave(environment, request);
        return;
    }
    memcpy(text, body, size < sizeof(text) - 1 ? size : sizeof(text) - 1);
    (void)sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64, &sent, &got, &wake);
    if (environment->idle)
        lambda_environment_wake(environment);
    environment->idle = request;
    environment->wake_ns = wake ? wake * MILLISECOND : UINT64_MAX;
    if (sent != environment->requests || got != environment->responses ||
        !environment->invocation) {
        /* Something is on its way to it, or from it: it shall look again. */
        lambda_environment_wake(environment);
        return;
    }
    if (environment->held)
        carry_out_first(environment);
    else
        environment->config.changed(environment->config.self, environment);
}

static const char runtime[] = "/2018-06-01/runtime/";

static bool is_runtime(const char *path)
{
    return strncmp(path, runtime, sizeof(runtime) - 1) == 0;
}

static void take_runtime(struct lambda_environment *environment,
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

static bool take_request(void *self, struct evhttp_request *request,
                         const char *path)
{
    struct lambda_environment *environment = self;

    if (strcmp(path, "/perdure/idle") == 0) {
        take_idle(environment, request);
        return true;
    }
    if (is_runtime(path)) {
        take_runtime(environment, request, path);
        return true;
    }
    environment->requests++;
    if (environment->barrier && environment->invocation)
        hold(environment, request);
    else
        carry_out(environment, request);
    return true;
}

static void responded(void *self, struct evhttp_request *request)
{
    struct lambda_environment *environment = self;
    const char *path = evhttp_request_get_uri(request);

    if (strcmp(path, "/perdure/idle") == 0 || is_runtime(path))
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

pid_t lambda_environment_process(const struct lambda_environment *environment)
{
    return environment->process;
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
        deliver(environment);
}

void lambda_environment_dropped(struct lambda_environment *environment)
{
    environment->invocation = NULL;
    kill_all(environment);
}

void lambda_environment_ended(struct lambda_environment *environment,
                              int status)
{
    struct lambda_invocation *invocation = environment->invocation;
    char words[160];

    environment->process = 0;
    environment->state = LAMBDA_GONE;
    environment->invocation = NULL;
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

bool lambda_environment_rests(const struct lambda_environment *environment,
                              uint64_t *wake_ns)
{
    *wake_ns = UINT64_MAX;
    if (environment->dying)
        return false;
    if (environment->state == LAMBDA_IDLE || environment->state == LAMBDA_GONE)
        return true;
    if (environment->state == LAMBDA_STARTING)
        return false;
    *wake_ns = environment->wake_ns;
    return environment->idle && !environment->held;
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

void lambda_environment_serve(struct lambda_environment *environment,
                              struct lambda_service *service)
{
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
                                            .answer = take_answer,
                                            .responded = responded,
                                            .self = environment};
    int code;

    if (!environment)
        return NULL;
    environment->config = *config;
    environment->http = lambda_http_open(config->base, config->service,
                                         config->address, 0, &hooks);
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
    kill_all(environment);
    if (environment->process > 0)
        (void)waitpid(environment->process, NULL, 0);
    if (environment->output)
        bufferevent_free(environment->output);
    if (environment->http)
        lambda_http_close(environment->http);
    free_held(environment->held);
    free_held(environment->left);
    free(environment->event);
    free(environment);
}
