#include "engine/host/lambda/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>
#include <event2/listener.h>
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <poll.h>
#include <sodium/utils.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "engine/host/loop.h"

struct lambda_http {
    struct evhttp *server;
    struct lambda_service *service;
    struct lambda_http_hooks hooks;
    struct pending *pending; /* requests that wait for the service */
    uint16_t port;
    bool taking;   /* a connection of its own is being read */
    char date[64]; /* of this second */
    time_t date_of;
    bool truly; /* Date is the machine's */
    struct evconnlistener *listener;
    struct event *resume;   /* accepting, once descriptors may be free again */
    rlim_t descriptors_max; /* beyond which it accepts no more */
    bool guarded;
};

/* A request that the service is about to answer. */
struct pending {
    struct lambda_call call;
    struct lambda_http *http;
    struct evhttp_request *request; /* NULL: its connection has gone */
    bool tail;                      /* it asks for what was printed */
    struct pending *before;
    struct pending *after;
};

enum {
    PATIENCE_S = 30,
    PAUSE_MS = 50
};

/* Responses --------------------------------------------------------------- */

const void *lambda_http_body(struct evhttp_request *request, size_t *size)
{
    struct evbuffer *body = evhttp_request_get_input_buffer(request);

    *size = evbuffer_get_length(body);
    return *size > 0 ? (const void *)evbuffer_pullup(body, -1) : "";
}

/* How long its connection may stand still; 0: for ever. */
static void set_patience(const struct lambda_http *http,
                         struct evhttp_request *request, time_t seconds)
{
    const struct timeval patience = {.tv_sec = seconds};
    struct evhttp_connection *connection =
        evhttp_request_get_connection(request);
    struct bufferevent *buffer =
        connection ? evhttp_connection_get_bufferevent(connection) : NULL;

    if (http->guarded && buffer)
        (void)bufferevent_set_timeouts(buffer, seconds ? &patience : NULL,
                                       seconds ? &patience : NULL);
}

static void write_date(time_t now, char *text, size_t size)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed",
                                       "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr",
                                         "May", "Jun", "Jul", "Aug",
                                         "Sep", "Oct", "Nov", "Dec"};
    struct tm tm;

    gmtime_r(&now, &tm);
    snprintf(text, size, "%s, %02d %s %04d %02d:%02d:%02d GMT",
             days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900,
             tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static void add_date(struct lambda_http *http, struct evkeyvalq *headers)
{
    uint64_t now_ns =
        http->truly ? host_wall_ns() : lambda_service_now(http->service);
    time_t now = (time_t)(now_ns / UINT64_C(1000000000));

    if (now != http->date_of || !http->date[0])
        write_date(now, http->date, sizeof(http->date));
    http->date_of = now;
    evhttp_add_header(headers, "Date", http->date);
}

void lambda_http_respond(struct lambda_http *http,
                         struct evhttp_request *request, int status,
                         const char *exception, const void *body, size_t size)
{
    struct evkeyvalq *headers = evhttp_request_get_output_headers(request);
    struct evbuffer *out = evhttp_request_get_output_buffer(request);

    add_date(http, headers);
    evhttp_add_header(headers, "Content-Type", "application/json");
    if (exception)
        evhttp_add_header(headers, "x-amzn-errortype", exception);
    if (size > 0)
        evbuffer_add(out, body, size);
    lambda_http_send(http, request, status);
}

void lambda_http_send(struct lambda_http *http, struct evhttp_request *request,
                      int status)
{
    if (http->hooks.responded)
        http->hooks.responded(http->hooks.self, request);
    set_patience(http, request, PATIENCE_S);
    evhttp_send_reply(request, status, status < 300 ? "OK" : "Error", NULL);
}

/*
 * What an answer has put into its connection's buffer goes out at once, without
 * a turn of the loop until the socket can be written, which it nearly always
 * can. What is left over goes out then.
 */
static void send_now(struct evhttp_connection *connection)
{
    struct bufferevent *both = evhttp_connection_get_bufferevent(connection);
    struct evbuffer *out = bufferevent_get_output(both);

    evbuffer_unfreeze(out, 1);
    (void)evbuffer_write(out, bufferevent_getfd(both));
    evbuffer_freeze(out, 1);
    if (evbuffer_get_length(out) == 0)
        bufferevent_trigger(both, EV_WRITE, 0);
}

/* The connection has gone before the answer, and the request with it. */
static void gone(struct evhttp_connection *connection, void *self)
{
    struct pending *pending = self;

    (void)connection;
    pending->request = NULL;
}

static void watch(struct pending *pending, bool on)
{
    struct evhttp_connection *connection =
        evhttp_request_get_connection(pending->request);

    if (connection)
        evhttp_connection_set_closecb(connection, on ? gone : NULL,
                                      on ? pending : NULL);
}

static void add_pending(struct lambda_http *http, struct pending *pending)
{
    pending->after = http->pending;
    if (http->pending)
        http->pending->before = pending;
    http->pending = pending;
    watch(pending, true);
}

static void free_pending(struct pending *pending)
{
    if (pending->request)
        watch(pending, false);
    if (pending->before)
        pending->before->after = pending->after;
    else
        pending->http->pending = pending->after;
    if (pending->after)
        pending->after->before = pending->before;
    free(pending);
}

/* The end of what a run has printed. */
static void add_tail(const struct lambda_http *http, struct evkeyvalq *headers,
                     uint64_t run)
{
    char tail[LAMBDA_HTTP_TAIL_MAX];
    char text[sodium_base64_ENCODED_LEN(LAMBDA_HTTP_TAIL_MAX,
                                        sodium_base64_VARIANT_ORIGINAL)];
    size_t size;

    if (!http->hooks.tail)
        return;
    size = http->hooks.tail(http->hooks.self, run, tail);
    sodium_bin2base64(text, sizeof(text), (const unsigned char *)tail, size,
                      sodium_base64_VARIANT_ORIGINAL);
    evhttp_add_header(headers, "X-Amz-Log-Result", text);
}

static void add_seconds(struct evkeyvalq *headers, const char *name,
                        uint32_t seconds)
{
    char text[16];

    snprintf(text, sizeof(text), "%" PRIu32, seconds);
    evhttp_add_header(headers, name, text);
}

static void answer(struct lambda_call *call, int status, const char *exception,
                   const void *body, size_t size)
{
    struct pending *pending = (void *)call;
    struct lambda_http *http = pending->http;
    struct evhttp_request *request = pending->request;
    struct evhttp_connection *connection;
    struct evkeyvalq *headers;

    if (request &&
        !(http->hooks.answer &&
          http->hooks.answer(http->hooks.self, request, status, body, size))) {
        headers = evhttp_request_get_output_headers(request);
        if (call->arn[0])
            evhttp_add_header(headers, "X-Amz-Durable-Execution-Arn",
                              call->arn);
        if (call->version[0] && status < 300)
            evhttp_add_header(headers, "X-Amz-Executed-Version", call->version);
        if (call->retry_after_s)
            add_seconds(headers, "Retry-After", call->retry_after_s);
        if (call->function_error)
            evhttp_add_header(headers, "X-Amz-Function-Error",
                              call->function_error);
        if (pending->tail && call->run)
            add_tail(http, headers, call->run);
        watch(pending, false);
        pending->request = NULL;
        connection = evhttp_request_get_connection(request);
        lambda_http_respond(http, request, status, exception, body, size);
        if (!http->taking && connection)
            send_now(connection);
    }
    free_pending(pending);
}

/* Routes ------------------------------------------------------------------ */

enum {
    PARTS_MAX = 8,
    PART_SIZE = 1100,
    CONTEXT_MAX = 3583 /* bytes of base64 */
};

struct route {
    struct lambda_http *http;
    struct evhttp_request *request;
    struct pending *pending;
    unsigned count;
    struct evkeyvalq query;
    const void *body;
    size_t size;
    char parts[PARTS_MAX][PART_SIZE]; /* of them count are there */
};

static void refuse_route(struct route *r, int status, const char *exception,
                         const char *message)
{
    char body[256];
    int size = snprintf(body, sizeof(body),
                        "{\"Type\":\"User\",\"message\":\"%s\"}", message);

    if (r->pending)
        free_pending(r->pending);
    r->pending = NULL;
    lambda_http_respond(r->http, r->request, status, exception, body,
                        (size_t)size);
}

static int digit_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* What stands at the start of a part, its escape decoded; '\0': it is none. */
static char character(const char *text, size_t *size)
{
    int high = *text == '%' ? digit_of(text[1]) : -1;
    int low = high >= 0 ? digit_of(text[2]) : -1;

    *size = *text == '%' ? 3 : 1;
    if (*text != '%')
        return *text;
    return (char)(low >= 0 ? high << 4 | low : 0);
}

/* The path's parts, decoded. False: too many, too long, or not decodable. */
static bool split(struct route *r, const char *path)
{
    while (*path == '/')
        path++;
    while (*path) {
        char *part = r->parts[r->count];
        size_t size = 0;
        size_t taken;
        if (r->count == PARTS_MAX)
            return false;
        for (; *path && *path != '/'; path += taken) {
            part[size] = character(path, &taken);
            if (part[size] == '\0' || ++size == PART_SIZE)
                return false;
        }
        part[size] = '\0';
        r->count++;
        while (*path == '/')
            path++;
    }
    return true;
}

static const char *asked(const struct route *r, const char *key)
{
    return evhttp_find_header(&r->query, key);
}

static const char *header(const struct route *r, const char *key)
{
    return evhttp_find_header(evhttp_request_get_input_headers(r->request),
                              key);
}

static uint64_t number_asked(const struct route *r, const char *key)
{
    const char *text = asked(r, key);

    return text ? strtoull(text, NULL, 10) : 0;
}

static bool bool_asked(const struct route *r, const char *key)
{
    const char *text = asked(r, key);

    return text && strcmp(text, "true") == 0;
}

/* It is given unless it is declined. */
static bool data_asked(const struct route *r, const char *key)
{
    const char *text = asked(r, key);

    return !text || strcmp(text, "false") != 0;
}

static bool is(const struct route *r, enum evhttp_cmd_type method,
               unsigned count)
{
    return evhttp_request_get_command(r->request) == method &&
           r->count == count;
}

static bool route_execution(struct route *r)
{
    struct lambda_service *service = r->http->service;
    struct lambda_call *call = &r->pending->call;
    const char *arn = r->parts[2];
    const char *what = r->parts[3];

    if (is(r, EVHTTP_REQ_POST, 4) && strcmp(what, "checkpoint") == 0) {
        lambda_call_checkpoint(service, call, arn, r->body, r->size);
    } else if (is(r, EVHTTP_REQ_GET, 4) && strcmp(what, "state") == 0) {
        lambda_call_state(service, call, arn, asked(r, "CheckpointToken"),
                          asked(r, "Marker"), number_asked(r, "MaxItems"));
    } else if (is(r, EVHTTP_REQ_GET, 3)) {
        lambda_call_get(service, call, arn,
                        data_asked(r, "IncludeExecutionData"));
    } else if (is(r, EVHTTP_REQ_GET, 4) && strcmp(what, "history") == 0) {
        const struct lambda_history_query query = {
            .data = data_asked(r, "IncludeExecutionData"),
            .reverse = bool_asked(r, "ReverseOrder"),
            .items = number_asked(r, "MaxItems"),
            .marker = asked(r, "Marker"),
        };
        lambda_call_history(service, call, arn, &query);
    } else if (is(r, EVHTTP_REQ_POST, 4) && strcmp(what, "stop") == 0) {
        lambda_call_stop(service, call, arn, r->body, r->size);
    } else {
        return false;
    }
    return true;
}

static bool route_callback(struct route *r)
{
    static const char *const ends[] = {"succeed", "fail", "heartbeat"};

    if (!is(r, EVHTTP_REQ_POST, 4))
        return false;
    for (unsigned i = 0; i < 3; i++) {
        if (strcmp(r->parts[3], ends[i]) != 0)
            continue;
        lambda_call_callback(r->http->service, &r->pending->call, r->parts[2],
                             (enum lambda_callback_end)i, r->body, r->size);
        return true;
    }
    return false;
}

/* A key that may stand there several times: its values, with commas. */
static const char *all_asked(const struct route *r, const char *key, char *out,
                             size_t room)
{
    size_t used = 0;

    out[0] = '\0';
    for (const struct evkeyval *at = r->query.tqh_first; at;
         at = at->next.tqe_next) {
        if (strcmp(at->key, key) != 0 || used >= room)
            continue;
        used += (size_t)snprintf(out + used, room - used, "%s%s",
                                 used ? "," : "", at->value);
    }
    return used ? out : NULL;
}

/* Name and qualifier, which may stand in both places if they agree. */
static bool read_function(struct route *r,
                          char function[LAMBDA_FUNCTION_MAX + 1],
                          char qualifier[LAMBDA_QUALIFIER_MAX + 1])
{
    const char *also = asked(r, "Qualifier");

    if (!lambda_function_parse(r->parts[2], function, qualifier)) {
        refuse_route(r, 400, "InvalidParameterValueException",
                     "Invalid function name, partial ARN or ARN");
        return false;
    }
    if (also && qualifier[0] && strcmp(also, qualifier) != 0) {
        refuse_route(r, 400, "InvalidParameterValueException",
                     "The derived qualifier from the function name does not "
                     "match the specified qualifier.");
        return false;
    }
    if (also && !lambda_qualifier_ok(also)) {
        refuse_route(r, 400, "InvalidParameterValueException",
                     "Invalid qualifier");
        return false;
    }
    if (also)
        snprintf(qualifier, LAMBDA_QUALIFIER_MAX + 1, "%s", also);
    return true;
}

static bool route_list(struct route *r)
{
    char function[LAMBDA_FUNCTION_MAX + 1];
    char qualifier[LAMBDA_QUALIFIER_MAX + 1];
    char statuses[256];
    const struct lambda_list_query query = {
        .qualifier = asked(r, "Qualifier") ? asked(r, "Qualifier") : qualifier,
        .name = asked(r, "DurableExecutionName"),
        .statuses = all_asked(r, "Statuses", statuses, sizeof(statuses)),
        .after = asked(r, "StartedAfter"),
        .before = asked(r, "StartedBefore"),
        .reverse = bool_asked(r, "ReverseOrder"),
        .items = number_asked(r, "MaxItems"),
        .marker = asked(r, "Marker"),
    };

    if (!is(r, EVHTTP_REQ_GET, 4) ||
        strcmp(r->parts[3], "durable-executions") != 0)
        return false;
    if (!read_function(r, function, qualifier))
        return true;
    lambda_call_list(r->http->service, &r->pending->call, function, &query);
    return true;
}

/* JSON for the function, from base64. NULL: there is none; false: refused. */
static bool read_context(struct route *r, char **context)
{
    const char *text = header(r, "X-Amz-Client-Context");
    size_t size = text ? strlen(text) : 0;
    size_t decoded = 0;
    struct json_error wrong = {0};
    struct json_doc *doc = NULL;
    bool good;

    *context = NULL;
    if (size == 0)
        return true;
    *context = malloc(size + 1);
    good = *context && size <= CONTEXT_MAX &&
           sodium_base642bin((unsigned char *)*context, size, text, size, NULL,
                             &decoded, NULL,
                             sodium_base64_VARIANT_ORIGINAL) == 0 &&
           memchr(*context, '\n', decoded) == NULL &&
           json_read_bytes("context", *context, decoded, &doc, &wrong) == 0;
    json_free(doc);
    if (good) {
        (*context)[decoded] = '\0';
        return true;
    }
    free(*context);
    refuse_route(r, 400, "InvalidRequestContentException",
                 "Client context must be a valid Base64-encoded JSON object.");
    return false;
}

static bool read_type(struct route *r, enum lambda_invocation_type *type)
{
    static const char *const types[] = {"RequestResponse", "Event", "DryRun"};
    const char *text = header(r, "X-Amz-Invocation-Type");

    *type = LAMBDA_REQUEST_RESPONSE;
    for (unsigned i = 0; i < 3; i++) {
        if (text && strcmp(text, types[i]) != 0)
            continue;
        *type = text ? (enum lambda_invocation_type)i : *type;
        return true;
    }
    refuse_route(r, 400, "InvalidParameterValueException",
                 "Value at 'invocationType' failed to satisfy constraint: "
                 "Member must satisfy enum value set: [Event, "
                 "RequestResponse, DryRun]");
    return false;
}

static void invoke(struct route *r, const char *function, const char *qualifier)
{
    const char *log = header(r, "X-Amz-Log-Type");
    enum lambda_invocation_type type;
    char *context;

    if (!read_type(r, &type) || !read_context(r, &context))
        return;
    r->pending->call.client_context = context;
    r->pending->call.trace = header(r, "X-Amzn-Trace-Id");
    r->pending->call.tenant = header(r, "X-Amz-Tenant-Id");
    r->pending->tail = log && strcmp(log, "Tail") == 0;
    lambda_call_invoke(r->http->service, &r->pending->call, function, qualifier,
                       header(r, "X-Amz-Durable-Execution-Name"), type, r->body,
                       r->size);
    free(context);
}

static bool route_function(struct route *r)
{
    struct lambda_service *service = r->http->service;
    struct lambda_call *call = &r->pending->call;
    bool invokes =
        is(r, EVHTTP_REQ_POST, 4) && strcmp(r->parts[3], "invocations") == 0;
    bool whole = is(r, EVHTTP_REQ_GET, 3);
    char function[LAMBDA_FUNCTION_MAX + 1];
    char qualifier[LAMBDA_QUALIFIER_MAX + 1];

    if (is(r, EVHTTP_REQ_GET, 2)) {
        lambda_call_functions(service, call);
        return true;
    }
    if (!invokes && !whole &&
        !(is(r, EVHTTP_REQ_GET, 4) &&
          strcmp(r->parts[3], "configuration") == 0))
        return false;
    if (!read_function(r, function, qualifier))
        return true;
    if (invokes)
        invoke(r, function, qualifier);
    else
        lambda_call_function(service, call, function, qualifier, whole);
    return true;
}

static bool route(struct route *r)
{
    if (r->count >= 2 && strcmp(r->parts[0], "2015-03-31") == 0)
        return strcmp(r->parts[1], "functions") == 0 && route_function(r);
    if (r->count < 3)
        return false;
    if (strcmp(r->parts[0], "2025-12-01") != 0)
        return false;
    if (strcmp(r->parts[1], "durable-executions") == 0)
        return route_execution(r);
    if (strcmp(r->parts[1], "durable-execution-callbacks") == 0)
        return route_callback(r);
    return strcmp(r->parts[1], "functions") == 0 && route_list(r);
}

/* The method that a path takes; NULL: there is no such path. */
static const char *method_of(const struct route *r)
{
    static const struct {
        const char *parts[4]; /* NULL: anything; "": nothing */
        const char *method;
    } paths[] = {
        {{"2015-03-31", "functions", "", ""}, "GET"},
        {{"2015-03-31", "functions", NULL, ""}, "GET"},
        {{"2015-03-31", "functions", NULL, "configuration"}, "GET"},
        {{"2015-03-31", "functions", NULL, "invocations"}, "POST"},
        {{"2025-12-01", "functions", NULL, "durable-executions"}, "GET"},
        {{"2025-12-01", "durable-executions", NULL, ""}, "GET"},
        {{"2025-12-01", "durable-executions", NULL, "checkpoint"}, "POST"},
        {{"2025-12-01", "durable-executions", NULL, "state"}, "GET"},
        {{"2025-12-01", "durable-executions", NULL, "history"}, "GET"},
        {{"2025-12-01", "durable-executions", NULL, "stop"}, "POST"},
        {{"2025-12-01", "durable-execution-callbacks", NULL, "succeed"},
         "POST"},
        {{"2025-12-01", "durable-execution-callbacks", NULL, "fail"}, "POST"},
        {{"2025-12-01", "durable-execution-callbacks", NULL, "heartbeat"},
         "POST"},
    };

    for (unsigned p = 0; p < sizeof(paths) / sizeof(*paths); p++) {
        unsigned i = 0;
        while (i < 4 && (!paths[p].parts[i] ||
                         strcmp(paths[p].parts[i],
                                i < r->count ? r->parts[i] : "") == 0))
            i++;
        if (i == 4 && r->count <= 4)
            return paths[p].method;
    }
    return NULL;
}

static void refuse_path(struct route *r)
{
    const char *method = method_of(r);

    if (!method) {
        refuse_route(r, 404, "ResourceNotFoundException",
                     "There is no such path in this API");
        return;
    }
    evhttp_add_header(evhttp_request_get_output_headers(r->request), "Allow",
                      method);
    refuse_route(r, 405, "MethodNotAllowedException",
                 "This path does not take that method");
}

void lambda_http_route(struct lambda_http *http, struct evhttp_request *request)
{
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;
    const char *query = uri ? evhttp_uri_get_query(uri) : NULL;
    struct route *r = malloc(sizeof(*r));

    if (!r) {
        evhttp_send_error(request, 500, NULL);
        return;
    }
    memset(r, 0, offsetof(struct route, parts));
    r->http = http;
    r->request = request;
    r->body = lambda_http_body(request, &r->size);
    r->pending = calloc(1, sizeof(*r->pending));
    if (r->pending) {
        *r->pending = (struct pending){
            .call = {.answer = answer}, .http = http, .request = request};
        add_pending(http, r->pending);
    }
    if (!r->pending) {
        refuse_route(r, 500, "ServiceException", "out of memory");
    } else if (!path || !split(r, path) ||
               evhttp_parse_query_str(query ? query : "", &r->query)) {
        refuse_route(r, 400, "InvalidParameterValueException",
                     "The address cannot be read");
    } else if (r->size > LAMBDA_HTTP_BODY_MAX) {
        refuse_route(r, 413, "RequestTooLargeException",
                     "Request must be smaller than 7340032 bytes");
    } else if (!route(r)) {
        refuse_path(r);
    }
    evhttp_clear_headers(&r->query);
    free(r);
}

static void take_request(struct evhttp_request *request, void *self)
{
    struct lambda_http *http = self;
    const struct evhttp_uri *uri = evhttp_request_get_evhttp_uri(request);
    const char *path = uri ? evhttp_uri_get_path(uri) : NULL;

    http->taking = true;
    set_patience(http, request, 0);
    if (!path || !http->hooks.request ||
        !http->hooks.request(http->hooks.self, request, path))
        lambda_http_route(http, request);
    http->taking = false;
}

void lambda_http_tell_true_time(struct lambda_http *http)
{
    http->truly = true;
}

void lambda_http_cut(struct evhttp_request *request)
{
    struct evhttp_connection *connection =
        evhttp_request_get_connection(request);

    if (connection)
        evhttp_connection_free(connection);
}

void lambda_http_serve(struct lambda_http *http, struct lambda_service *service)
{
    while (http->pending) {
        struct pending *pending = http->pending;
        struct evhttp_request *request = pending->request;
        free_pending(pending);
        if (request)
            lambda_http_cut(request);
    }
    http->service = service;
}

/* Life -------------------------------------------------------------------- */

struct event_base *lambda_http_base(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base = NULL;

    if (config &&
        event_config_set_flag(config, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST |
                                          EVENT_BASE_FLAG_NOLOCK) == 0)
        base = event_base_new_with_config(config);
    if (config)
        event_config_free(config);
    return base;
}

static uint16_t port_of(struct evhttp_bound_socket *bound)
{
    struct sockaddr_in address = {0};
    socklen_t size = sizeof(address);

    if (getsockname(evhttp_bound_socket_get_fd(bound),
                    (struct sockaddr *)&address, &size))
        return 0;
    return ntohs(address.sin_port);
}

/* Descriptors ------------------------------------------------------------- */

static void resume(evutil_socket_t fd, short what, void *self)
{
    struct lambda_http *http = self;

    (void)fd;
    (void)what;
    (void)evconnlistener_enable(http->listener);
}

/*
 * A connection was accepted: the next one waits if there are few descriptors
 * left, of which processes and the store need some.
 */
static struct bufferevent *take_connection(struct event_base *base, void *self)
{
    static const struct timeval pause = {.tv_usec = PAUSE_MS * 1000};
    struct lambda_http *http = self;
    int next = fcntl(evconnlistener_get_fd(http->listener), F_DUPFD_CLOEXEC, 0);

    if (next >= 0)
        close(next);
    if (next < 0 || (rlim_t)next >= http->descriptors_max) {
        (void)evconnlistener_disable(http->listener);
        (void)evtimer_add(http->resume, &pause);
    }
    return bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
}

/* None was left all the same: it is tried again, but not without end. */
static void fail_accept(struct evconnlistener *listener, void *server)
{
    (void)listener;
    (void)server;
    (void)poll(NULL, 0, PAUSE_MS / 5);
}

static bool limit_connections(struct lambda_http *http, struct event_base *base,
                              struct evhttp_bound_socket *bound)
{
    struct rlimit limit;

    http->listener = evhttp_bound_socket_get_listener(bound);
    http->resume = evtimer_new(base, resume, http);
    http->descriptors_max = RLIM_INFINITY;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        http->descriptors_max = limit.rlim_cur - limit.rlim_cur / 8;
    evconnlistener_set_error_cb(http->listener, fail_accept);
    evhttp_set_bevcb(http->server, take_connection, http);
    return http->resume != NULL;
}

void lambda_http_guard(struct lambda_http *http)
{
    struct rlimit limit;

    http->guarded = true;
    evhttp_set_timeout(http->server, PATIENCE_S);
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        http->descriptors_max = limit.rlim_cur - limit.rlim_cur / 4;
}

struct lambda_http *lambda_http_open(struct event_base *base,
                                     struct lambda_service *service,
                                     const char *address, uint16_t port,
                                     const struct lambda_http_hooks *hooks)
{
    struct lambda_http *http = calloc(1, sizeof(*http));
    struct evhttp_bound_socket *bound;

    if (!http)
        return NULL;
    http->service = service;
    if (hooks)
        http->hooks = *hooks;
    http->server = evhttp_new(base);
    if (!http->server) {
        free(http);
        errno = ENOMEM;
        return NULL;
    }
    evhttp_set_max_body_size(http->server, LAMBDA_HTTP_READ_MAX);
    evhttp_set_max_headers_size(http->server, LAMBDA_HTTP_HEADERS_MAX);
    evhttp_set_allowed_methods(
        http->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                          EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD |
                          EVHTTP_REQ_OPTIONS | EVHTTP_REQ_PATCH);
    evhttp_set_gencb(http->server, take_request, http);
    bound = evhttp_bind_socket_with_handle(http->server, address, port);
    if (!bound || !limit_connections(http, base, bound)) {
        int code = errno;
        lambda_http_close(http);
        errno = code;
        return NULL;
    }
    http->port = port_of(bound);
    return http;
}

void lambda_http_take_all(struct lambda_http *http)
{
    evhttp_set_allowed_methods(
        http->server, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_PUT |
                          EVHTTP_REQ_DELETE | EVHTTP_REQ_HEAD |
                          EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                          EVHTTP_REQ_CONNECT | EVHTTP_REQ_PATCH);
}

uint16_t lambda_http_port(const struct lambda_http *http)
{
    return http->port;
}

void lambda_http_close(struct lambda_http *http)
{
    if (!http)
        return;
    while (http->pending)
        free_pending(http->pending);
    evhttp_free(http->server);
    if (http->resume)
        event_free(http->resume);
    free(http);
}
