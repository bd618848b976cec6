#include "scenarios/lambda/control.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "engine/host/json_write.h"
#include "scenarios/command.h"
#include "scenarios/lambda/faults.h"
#include "scenarios/lambda/functions.h"

#define SECOND UINT64_C(1000000000)

/* A time that can be said in nanoseconds, with room for what waits beyond. */
#define SECONDS_MAX UINT64_C(9000000000)

enum {
    TAILS_MAX = 64,
    SAID_MAX = 512
};

struct callback {
    uint64_t run;
    char id[64];
    char name[LAMBDA_POINT_NAME];
};

/* The end of what a run has printed. */
struct tail {
    uint64_t run; /* 0: nobody's */
    size_t size;
    char text[LAMBDA_HTTP_TAIL_MAX];
};

struct lambda_control {
    struct lambda_effects *effects; /* NULL: none */
    struct lambda_host *host;
    struct lambda_faults *faults;
    const char *node;
    enum lambda_clock clock;
    struct callback *callbacks;
    uint32_t callback_count;
    uint32_t callback_capacity;
    struct evhttp_request *waits; /* for time to arrive; NULL: nobody */
    struct lambda_http *http;     /* of it */
    uint64_t said[SAID_MAX];      /* lines of processes without work, by hash */
    struct tail tails[TAILS_MAX]; /* of the runs that printed last */
    uint32_t tail_next;
    struct json_writer out;
};

/* A request that is being answered. */
struct asked {
    struct lambda_control *control;
    struct lambda_http *http;
    struct evhttp_request *request;
    enum evhttp_cmd_type method;
    const char *name; /* behind the path's second slash; "": nothing */
};

/* Answers ----------------------------------------------------------------- */

static void answer(const struct asked *asked, int status)
{
    const struct json_writer *w = &asked->control->out;

    lambda_http_respond(asked->http, asked->request, status, NULL, w->bytes,
                        w->failed ? 0 : w->size);
}

static void refuse(const struct asked *asked, int status, const char *exception,
                   const char *message)
{
    struct json_writer *w = &asked->control->out;

    json_write_reset(w);
    json_open(w, NULL);
    json_put_words(w, "Type", "User");
    json_put_words(w, "message", message);
    json_put_words(w, "Message", message);
    json_close(w);
    lambda_http_respond(asked->http, asked->request, status, exception,
                        w->bytes, w->size);
}

static void refuse_value(const struct asked *asked,
                         const struct json_error *err)
{
    refuse(asked, 400, "InvalidParameterValueException", err->text);
}

static struct json_writer *begin(const struct asked *asked)
{
    struct json_writer *w = &asked->control->out;

    json_write_reset(w);
    json_open(w, NULL);
    return w;
}

static void end(const struct asked *asked, int status)
{
    json_close(&asked->control->out);
    answer(asked, status);
}

/* The document in the body; NULL: refused. */
static struct json_doc *read_body(const struct asked *asked)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    size_t size;
    const void *body = lambda_http_body(asked->request, &size);

    if (json_read_bytes("body", body, size, &doc, &err))
        refuse(asked, 400, "InvalidRequestContentException", err.text);
    return doc;
}

static struct lambda_service *service_of(const struct asked *asked)
{
    return lambda_host_service(asked->control->host);
}

/* Functions --------------------------------------------------------------- */

static void put_seconds(struct json_writer *w, const char *name, uint64_t ns)
{
    char text[32];

    if (ns % SECOND == 0)
        snprintf(text, sizeof(text), "%" PRIu64 "s", ns / SECOND);
    else
        snprintf(text, sizeof(text), "%" PRIu64 "ns", ns);
    json_put_words(w, name, text);
}

static void put_environment(struct json_writer *w,
                            const char *const *environment)
{
    char name[256];

    json_open(w, "environment");
    for (; environment && *environment; environment++) {
        const char *equals = strchr(*environment, '=');
        snprintf(name, sizeof(name), "%.*s", (int)(equals - *environment),
                 *environment);
        json_put_words(w, name, equals + 1);
    }
    json_close(w);
}

/* As a file would declare it. */
static void put_function(struct json_writer *w,
                         const struct lambda_function *function,
                         const struct lambda_program *program, const char *name)
{
    json_open(w, name);
    if (program->handler)
        json_put_words(w, "handler", program->handler);
    else
        json_open_array(w, "command");
    for (unsigned i = 0; !program->handler && program->command[i]; i++)
        json_put_words(w, NULL, program->command[i]);
    if (!program->handler)
        json_close_array(w);
    if (program->directory)
        json_put_words(w, "directory", program->directory);
    put_environment(w, program->environment);
    json_put_bool(w, "durable", function->durable);
    put_seconds(w, "timeout", function->timeout_ns);
    if (function->durable) {
        put_seconds(w, "execution_timeout", function->execution_timeout_ns);
        json_put_number(w, "retention_days",
                        function->retention_days ? function->retention_days
                                                 : 14);
    }
    if (program->memory_mb)
        json_put_number(w, "memory_mb", program->memory_mb);
    json_put_number(w, "environments_max",
                    program->environments_max ? program->environments_max : 16);
    json_close(w);
}

static void put_function_at(const struct asked *asked, uint32_t number,
                            const char *name)
{
    put_function(&asked->control->out,
                 lambda_service_function(service_of(asked), number),
                 lambda_host_program(asked->control->host, number), name);
}

static void list_functions(const struct asked *asked)
{
    const struct lambda_service *service = service_of(asked);
    struct json_writer *w = begin(asked);

    json_open(w, "functions");
    for (uint32_t i = 0; i < lambda_service_functions(service); i++)
        if (lambda_service_has(service, i))
            put_function_at(asked, i,
                            lambda_service_function(service, i)->name);
    json_close(w);
    end(asked, 200);
}

static void refuse_conflict(const struct asked *asked, const char *message)
{
    refuse(asked, 409, "ResourceConflictException", message);
}

/* What its executions rely on stays as it was. */
static bool may_replace(const struct asked *asked, uint32_t number,
                        const struct lambda_function *now)
{
    const struct lambda_function *before =
        lambda_service_function(service_of(asked), number);

    if (before->durable == now->durable &&
        before->execution_timeout_ns == now->execution_timeout_ns)
        return true;
    refuse_conflict(asked, "\"durable\" and \"execution_timeout\" of a "
                           "function cannot be changed; declare it by "
                           "another name");
    return false;
}

static void add_program(const struct asked *asked,
                        const struct lambda_program *program)
{
    uint32_t number = lambda_service_find(service_of(asked), asked->name);
    bool known = number != UINT32_MAX;

    if (known && !may_replace(asked, number, &program->function))
        return;
    number = lambda_host_add(asked->control->host, program);
    if (number == UINT32_MAX) {
        refuse_conflict(asked, "There are 256 functions already, or were; "
                               "serve must be started anew for more");
        return;
    }
    memset(asked->control->said, 0, sizeof(asked->control->said));
    json_write_reset(&asked->control->out);
    put_function_at(asked, number, NULL);
    answer(asked, known ? 200 : 201);
}

static void put_one(const struct asked *asked)
{
    struct lambda_programs *set = calloc(1, sizeof(*set));
    struct json_doc *doc = set ? read_body(asked) : NULL;
    struct json_error err = {0};

    if (!set)
        refuse(asked, 500, "ServiceException", "out of memory");
    if (!doc) {
        free(set);
        return;
    }
    set->runtimes.node = asked->control->node;
    if (lambda_functions_put(set, asked->name, json_root(doc), ".", &err) ==
        EXIT_HELD)
        add_program(asked, &set->programs[0]);
    else
        refuse_value(asked, &err);
    json_free(doc);
    lambda_programs_free(set);
    free(set);
}

static void remove_one(const struct asked *asked, uint32_t number)
{
    if (lambda_host_remove(asked->control->host, number)) {
        refuse_conflict(asked, "Executions of this function run; stop them, "
                               "or wait for their end");
        return;
    }
    json_write_reset(&asked->control->out);
    answer(asked, 204);
}

static void take_function(const struct asked *asked)
{
    uint32_t number = lambda_service_find(service_of(asked), asked->name);

    if (!asked->name[0]) {
        list_functions(asked);
    } else if (asked->method == EVHTTP_REQ_PUT) {
        put_one(asked);
    } else if (number == UINT32_MAX) {
        refuse(asked, 404, "ResourceNotFoundException", "Function not found");
    } else if (asked->method == EVHTTP_REQ_DELETE) {
        remove_one(asked, number);
    } else {
        json_write_reset(&asked->control->out);
        put_function_at(asked, number, NULL);
        answer(asked, 200);
    }
}

/* Executions -------------------------------------------------------------- */

static void put_arn(const struct asked *asked, const char *name, uint64_t run)
{
    const struct lambda_service *service = service_of(asked);
    struct lambda_standing standing;
    char arn[LAMBDA_ARN_SIZE];

    if (!run || !lambda_service_standing(service, run, &standing))
        return;
    lambda_arn_write(lambda_service_function(service, standing.function)->name,
                     standing.qualifier, standing.name, run, arn);
    json_put_words(&asked->control->out, name, arn);
}

static void put_processes(const struct asked *asked)
{
    struct json_writer *w = &asked->control->out;
    struct lambda_standing_process process;

    json_open_array(w, "processes");
    for (uint32_t i = 0; lambda_host_process(asked->control->host, i, &process);
         i++) {
        json_open(w, NULL);
        json_put_words(
            w, "function",
            lambda_service_function(service_of(asked), process.function)->name);
        json_put_number(w, "pid", (uint64_t)process.process);
        json_put_words(w, "state", process.state);
        put_arn(asked, "execution", process.run);
        json_close(w);
    }
    json_close_array(w);
}

static void forget_ended(struct lambda_control *control)
{
    const struct lambda_service *service = lambda_host_service(control->host);
    uint32_t kept = 0;

    for (uint32_t i = 0; i < control->callback_count; i++)
        if (lambda_service_callback_waits(service, control->callbacks[i].id))
            control->callbacks[kept++] = control->callbacks[i];
    control->callback_count = kept;
}

static void list_callbacks(const struct asked *asked)
{
    struct lambda_control *control = asked->control;
    struct json_writer *w = begin(asked);

    forget_ended(control);
    json_open_array(w, "callbacks");
    for (uint32_t i = 0; i < control->callback_count; i++) {
        const struct callback *callback = &control->callbacks[i];
        json_open(w, NULL);
        json_put_words(w, "id", callback->id);
        json_put_words(w, "name", callback->name);
        put_arn(asked, "execution", callback->run);
        json_close(w);
    }
    json_close_array(w);
    end(asked, 200);
}

static void keep_callback(void *self, const struct lambda_callback *made)
{
    struct lambda_control *control = self;
    struct callback *callback;

    if (control->callback_count == control->callback_capacity)
        forget_ended(control);
    if (2 * control->callback_count >= control->callback_capacity) {
        uint32_t capacity =
            control->callback_capacity ? 2 * control->callback_capacity : 64;
        void *grown = realloc(control->callbacks, capacity * sizeof(*callback));
        if (!grown && control->callback_count == control->callback_capacity)
            return;
        if (grown) {
            control->callbacks = grown;
            control->callback_capacity = capacity;
        }
    }
    callback = &control->callbacks[control->callback_count++];
    callback->run = made->run;
    snprintf(callback->id, sizeof(callback->id), "%s", made->id);
    snprintf(callback->name, sizeof(callback->name), "%.*s",
             (int)made->name_size, made->name);
}

/* Faults ------------------------------------------------------------------ */

static void add_fault(const struct asked *asked)
{
    struct lambda_control *control = asked->control;
    struct json_doc *doc = read_body(asked);
    struct json_error err = {0};
    uint32_t number;

    if (!doc)
        return;
    number = lambda_faults_add(control->faults, json_root(doc), &err);
    json_free(doc);
    if (number == 0) {
        refuse_value(asked, &err);
        return;
    }
    json_write_reset(&control->out);
    lambda_faults_write_one(control->faults, number, &control->out);
    answer(asked, 201);
}

static void remove_fault(const struct asked *asked)
{
    unsigned long number = strtoul(asked->name, NULL, 10);

    if ((asked->name[0] && (number == 0 || number > UINT32_MAX)) ||
        !lambda_faults_remove(asked->control->faults, (uint32_t)number)) {
        refuse(asked, 404, "ResourceNotFoundException",
               "There is no fault with this id");
        return;
    }
    json_write_reset(&asked->control->out);
    answer(asked, 204);
}

static void take_fault(const struct asked *asked)
{
    if (asked->method == EVHTTP_REQ_DELETE) {
        remove_fault(asked);
    } else if (asked->method == EVHTTP_REQ_POST) {
        add_fault(asked);
    } else {
        lambda_faults_write(asked->control->faults, "faults", begin(asked));
        end(asked, 200);
    }
}

/* Time -------------------------------------------------------------------- */

static const char *const clocks[] = {"real", "skip", "manual"};

static void put_time(const struct asked *asked)
{
    struct json_writer *w = &asked->control->out;
    uint64_t due = lambda_service_deadline(service_of(asked));

    json_put_words(w, "clock", clocks[asked->control->clock]);
    json_put_seconds(w, "now", lambda_service_now(service_of(asked)));
    if (due != UINT64_MAX)
        json_put_seconds(w, "due", due);
}

static void answer_time(const struct asked *asked)
{
    (void)begin(asked);
    put_time(asked);
    end(asked, 200);
}

/* The client has gone before time has come. */
static void leave(struct evhttp_connection *connection, void *self)
{
    struct lambda_control *control = self;

    (void)connection;
    control->waits = NULL;
}

static void watch(struct evhttp_request *request,
                  struct lambda_control *control)
{
    struct evhttp_connection *connection =
        evhttp_request_get_connection(request);

    if (connection)
        evhttp_connection_set_closecb(connection, control ? leave : NULL,
                                      control);
}

/* Where time is to go; 0: refused. */
static uint64_t read_time(const struct asked *asked, struct json_view body,
                          struct json_error *err)
{
    static const char *const keys[] = {"by", "to"};
    uint64_t now = lambda_service_now(service_of(asked));
    uint64_t by = 0;
    double to = 0;

    if (!json_as_object(body, err) || !json_check_keys(body, keys, 2, err))
        return 0;
    if (json_get_duration(body, "by", JSON_OPTIONAL, 0, SECONDS_MAX * SECOND,
                          &by, err) &&
        json_member(body, "to").item)
        json_fail(body, err, "found both \"by\" and \"to\", allowed one");
    if (json_get_double(body, "to", JSON_OPTIONAL, 0, (double)SECONDS_MAX, &to,
                        err)) {
        by = (uint64_t)(to * 1000) * UINT64_C(1000000);
        if (by < now)
            json_fail_key(json_member(body, "to"), err,
                          "found a time that has passed, allowed from %.3f on",
                          (double)now / 1e9);
        by = by < now ? 0 : by - now;
    } else if (!json_member(body, "by").item) {
        json_fail(body, err,
                  "found neither \"by\" nor \"to\", allowed "
                  "{\"by\": \"1h\"} or {\"to\": SECONDS since 1970}");
    }
    if (err->code == 0 && now + by > SECONDS_MAX * SECOND)
        json_fail(body, err,
                  "found a time too far off, allowed up to the "
                  "year 2255");
    return err->code ? 0 : now + by;
}

static void advance(const struct asked *asked)
{
    struct lambda_control *control = asked->control;
    struct json_error err = {0};
    struct json_doc *doc;
    uint64_t to;

    if (control->clock == LAMBDA_CLOCK_REAL) {
        refuse_conflict(asked, "Time is real; serve --time skip or --time "
                               "manual has one that can be advanced");
        return;
    }
    if (control->waits) {
        refuse_conflict(asked, "Time is being advanced by another request");
        return;
    }
    doc = read_body(asked);
    if (!doc)
        return;
    to = read_time(asked, json_root(doc), &err);
    json_free(doc);
    if (err.code) {
        refuse_value(asked, &err);
        return;
    }
    lambda_host_advance(control->host, to);
    control->waits = asked->request;
    control->http = asked->http;
    watch(asked->request, control);
}

void lambda_control_turn(struct lambda_control *control)
{
    const struct asked asked = {
        .control = control, .http = control->http, .request = control->waits};

    if (!control->waits || !lambda_host_arrived(control->host))
        return;
    watch(control->waits, NULL);
    control->waits = NULL;
    answer_time(&asked);
}

static void take_time(const struct asked *asked)
{
    if (asked->method == EVHTTP_REQ_POST)
        advance(asked);
    else
        answer_time(asked);
}

static void show_status(const struct asked *asked)
{
    struct lambda_control *control = asked->control;
    const struct lambda_service *service = service_of(asked);
    struct json_writer *w = begin(asked);

    put_time(asked);
    json_open_array(w, "functions");
    for (uint32_t i = 0; i < lambda_service_functions(service); i++) {
        if (!lambda_service_has(service, i))
            continue;
        json_open(w, NULL);
        json_put_words(w, "name", lambda_service_function(service, i)->name);
        json_put_number(w, "running", lambda_service_running(service, i));
        json_close(w);
    }
    json_close_array(w);
    json_put_number(w, "running", lambda_service_running(service, UINT32_MAX));
    put_processes(asked);
    forget_ended(control);
    json_put_number(w, "callbacks", control->callback_count);
    json_put_number(w, "faults", lambda_faults_count(control->faults));
    end(asked, 200);
}

/* Routes ------------------------------------------------------------------ */

static const struct {
    const char *path;
    void (*take)(const struct asked *asked);
    unsigned methods;       /* of the path alone */
    unsigned methods_named; /* with a name behind it; 0: there is none */
    const char *allowed;
    const char *allowed_named;
} routes[] = {
    {"status", show_status, EVHTTP_REQ_GET, 0, "GET", ""},
    {"functions", take_function, EVHTTP_REQ_GET,
     EVHTTP_REQ_GET | EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE, "GET",
     "GET, PUT, DELETE"},
    {"callbacks", list_callbacks, EVHTTP_REQ_GET, 0, "GET", ""},
    {"faults", take_fault, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_DELETE,
     EVHTTP_REQ_DELETE, "GET, POST, DELETE", "DELETE"},
    {"time", take_time, EVHTTP_REQ_GET | EVHTTP_REQ_POST, 0, "GET, POST", ""},
};

static bool take_route(struct asked *asked, const char *path)
{
    size_t size = strcspn(path, "/");

    for (unsigned i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        unsigned methods = path[size] && path[size + 1]
                               ? routes[i].methods_named
                               : routes[i].methods;
        if (strlen(routes[i].path) != size ||
            memcmp(routes[i].path, path, size) != 0 || methods == 0)
            continue;
        asked->name = path[size] ? path + size + 1 : "";
        if (methods & asked->method) {
            routes[i].take(asked);
            return true;
        }
        evhttp_add_header(
            evhttp_request_get_output_headers(asked->request), "Allow",
            asked->name[0] ? routes[i].allowed_named : routes[i].allowed);
        refuse(asked, 405, "MethodNotAllowedException",
               "This path does not take that method");
        return true;
    }
    return false;
}

/* Web pages can make a browser send requests to this machine, and names can
 * be made to lead here; addresses and "localhost" cannot. */
static bool is_here(const char *host)
{
    unsigned char bytes[sizeof(struct in6_addr)];
    char name[256];
    size_t size = host[0] == '[' ? strcspn(host, "]") : strcspn(host, ":");
    size_t skip = host[0] == '[';

    if (size < skip || size - skip >= sizeof(name))
        return false;
    memcpy(name, host + skip, size - skip);
    name[size - skip] = '\0';
    return strcmp(name, "localhost") == 0 ||
           inet_pton(AF_INET, name, bytes) == 1 ||
           inet_pton(AF_INET6, name, bytes) == 1;
}

/* True: the request is not from here, and was refused. */
static bool is_foreign(const struct asked *asked, bool own)
{
    struct evkeyvalq *headers =
        evhttp_request_get_input_headers(asked->request);
    const char *host = evhttp_find_header(headers, "Host");

    if (evhttp_find_header(headers, "Origin"))
        refuse(asked, 403, "AccessDeniedException",
               "Requests of web pages are refused");
    else if (own && host && !is_here(host))
        refuse(asked, 403, "AccessDeniedException",
               "Host must be an IP address or localhost");
    else
        return false;
    return true;
}

static bool take_request(void *self, struct lambda_http *http,
                         struct evhttp_request *request, const char *path)
{
    struct asked asked = {.control = self,
                          .http = http,
                          .request = request,
                          .method = evhttp_request_get_command(request)};
    bool own = strncmp(path, "/perdure/", 9) == 0;

    if (is_foreign(&asked, own))
        return true;
    if (!own)
        return false;
    if (!take_route(&asked, path + 9))
        refuse(&asked, 404, "ResourceNotFoundException",
               "There is no such path; allowed are /perdure/status, "
               "functions[/NAME], callbacks, faults[/ID] and time");
    return true;
}

/* Life -------------------------------------------------------------------- */

static void take_boundary(void *self, const struct lambda_boundary *boundary,
                          struct lambda_decision *decision)
{
    struct lambda_control *control = self;

    lambda_faults_boundary(control->faults, boundary, decision);
}

static struct tail *find_tail(struct lambda_control *control, uint64_t run)
{
    for (uint32_t i = 0; i < TAILS_MAX; i++)
        if (control->tails[i].run == run)
            return &control->tails[i];
    return NULL;
}

static void append(struct tail *tail, const char *text, size_t size)
{
    size_t over;

    if (size > sizeof(tail->text)) {
        text += size - sizeof(tail->text);
        size = sizeof(tail->text);
    }
    over = tail->size + size > sizeof(tail->text)
               ? tail->size + size - sizeof(tail->text)
               : 0;
    memmove(tail->text, tail->text + over, tail->size - over);
    memcpy(tail->text + tail->size - over, text, size);
    tail->size += size - over;
}

static void keep_line(struct lambda_control *control,
                      const struct lambda_line *line)
{
    struct tail *tail = find_tail(control, line->run);

    if (!tail) {
        tail = &control->tails[control->tail_next++ % TAILS_MAX];
        tail->run = line->run;
        tail->size = 0;
    }
    append(tail, line->text, line->size);
    append(tail, "\n", 1);
}

static size_t take_tail(void *self, uint64_t run,
                        char out[LAMBDA_HTTP_TAIL_MAX])
{
    const struct tail *tail = find_tail(self, run);

    if (!tail)
        return 0;
    memcpy(out, tail->text, tail->size);
    return tail->size;
}

/* A function that does not load says why each time that it is started: once
 * is enough. What it says while it works is never the same. */
static bool was_said(struct lambda_control *control,
                     const struct lambda_line *line)
{
    const struct engine_hash parts[] = {
        engine_hash_bytes(line->function, strlen(line->function)),
        engine_hash_bytes(line->text, line->size)};
    uint64_t hash = engine_hash_bytes(parts, sizeof(parts)).lo | 1;
    uint64_t *place = &control->said[hash / 2 % SAID_MAX];
    bool said = *place == hash;

    *place = hash;
    return said;
}

static void say_trouble(void *self, const struct lambda_trouble *trouble)
{
    struct lambda_control *control = self;
    const struct lambda_line line = {.function = trouble->function,
                                     .text = trouble->words,
                                     .size = strlen(trouble->words)};

    if (trouble->run || was_said(control, &line))
        return;
    (void)fprintf(stderr,
                  "perdure lambda: %s does not come to take work: %s; what it "
                  "prints is not repeated. Mend it and PUT "
                  "/perdure/functions/%s, or start serve anew\n",
                  trouble->function, trouble->words, trouble->function);
}

static void print_line(void *self, const struct lambda_line *line)
{
    if (line->run)
        keep_line(self, line);
    else if (was_said(self, line))
        return;
    (void)fprintf(stderr, "[%s %s] %.*s\n", line->function,
                  line->request ? line->request : "-", (int)line->size,
                  line->text);
}

static void take_reply(void *self, const char *name,
                       struct lambda_response *reply)
{
    const struct lambda_control *control = self;

    lambda_effects_reply(control->effects, name, reply);
}

static void take_refused(void *self, const char *function, const char *method,
                         const char *url, const char *why)
{
    const struct lambda_control *control = self;

    lambda_effects_refused(control->effects, function, method, url, why);
}

struct lambda_control *lambda_control_new(const char *node,
                                          struct lambda_effects *effects,
                                          struct lambda_host_config *config)
{
    struct lambda_control *control = calloc(1, sizeof(*control));

    if (!control)
        return NULL;
    control->node = node;
    control->clock = config->clock;
    control->faults = lambda_faults_new();
    if (!control->faults) {
        free(control);
        return NULL;
    }
    config->boundary = take_boundary;
    config->callback = keep_callback;
    config->request = take_request;
    config->log = print_line;
    config->trouble = say_trouble;
    config->tail = take_tail;
    config->self = control;
    control->effects = effects;
    if (!effects)
        return control;
    config->outgoing = &effects->outgoing;
    config->reply = take_reply;
    config->refused = take_refused;
    return control;
}

void lambda_control_host(struct lambda_control *control,
                         struct lambda_host *host)
{
    control->host = host;
}

void lambda_control_free(struct lambda_control *control)
{
    if (!control)
        return;
    lambda_faults_free(control->faults);
    free(control->callbacks);
    free(control->out.bytes);
    free(control);
}
