#include "tests/bench/lambda_stand.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/event.h>
#include <inttypes.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/host/lambda/http.h"
#include "engine/host/loop.h"
#include "engine/host/store_sqlite.h"
#include "engine/table.h"
#include "tests/bench/bench.h"

#define SECOND UINT64_C(1000000000)

/* Who asks for work, and waits for its event once it has an invocation. */
struct asking {
    struct asking *next;
    struct evhttp_request *request;
    struct lambda_invocation *invocation;
};

struct standing {
    struct event_base *base;
    struct lambda_service *service;
    struct lambda_http *http;
    struct asking *asking;
    struct engine_table working; /* asking by the invocation's run */
    uint32_t function;
    uint32_t waiting; /* invocations that nobody has asked for */
    bool over;
};

/* Invocations ------------------------------------------------------------- */

static void take(struct standing *s)
{
    while (s->waiting > 0 && s->asking) {
        struct asking *one = s->asking;
        one->invocation = lambda_invocation_take(s->service, s->function, one);
        s->waiting--;
        if (!one->invocation)
            continue;
        s->asking = one->next;
    }
}

static void wanted(void *self, uint32_t function)
{
    struct standing *s = self;

    (void)function;
    s->waiting++;
    take(s);
}

static void give_event(void *self, struct lambda_invocation *invocation,
                       const void *event, size_t size)
{
    struct standing *s = self;
    struct asking *one = lambda_invocation_host(invocation);
    char run[24];

    snprintf(run, sizeof(run), "%" PRIu64, lambda_invocation_run(invocation));
    evhttp_add_header(evhttp_request_get_output_headers(one->request),
                      LAMBDA_STAND_RUN, run);
    if (engine_table_add(&s->working, lambda_invocation_run(invocation), one))
        bench_fail("out of memory");
    lambda_http_respond(s->http, one->request, 200, NULL, event, size);
}

static void drop(void *self, struct lambda_invocation *invocation)
{
    (void)self;
    (void)invocation;
    bench_fail("an invocation was dropped");
}

static void answer(struct standing *s, struct evhttp_request *request,
                   uint64_t run)
{
    struct asking *one = engine_table_find(&s->working, run);
    const void *body;
    size_t size;

    if (!one)
        bench_fail("nobody works at what is answered");
    engine_table_remove(&s->working, run);
    body = lambda_http_body(request, &size);
    lambda_invocation_answered(s->service, one->invocation, body, size);
    free(one);
    lambda_http_respond(s->http, request, 202, NULL, "", 0);
}

static bool take_request(void *self, struct evhttp_request *request,
                         const char *path)
{
    struct standing *s = self;
    struct asking *one;

    if (strncmp(path, "/response/", 10) == 0) {
        answer(s, request, strtoull(path + 10, NULL, 10));
        return true;
    }
    if (strcmp(path, "/next") != 0)
        return false;
    one = calloc(1, sizeof(*one));
    if (!one)
        bench_fail("out of memory");
    one->request = request;
    one->next = s->asking;
    s->asking = one;
    take(s);
    return true;
}

/* The process ------------------------------------------------------------- */

static void stop(evutil_socket_t fd, short what, void *self)
{
    struct standing *s = self;

    (void)fd;
    (void)what;
    s->over = true;
}

static void wait_for(struct standing *s, struct event *timer)
{
    uint64_t due = lambda_service_deadline(s->service);
    uint64_t now = host_wall_ns();
    uint64_t ns = due > now ? due - now : 0;
    struct timeval limit = {.tv_sec = (time_t)(ns / SECOND),
                            .tv_usec = (suseconds_t)(ns % SECOND / 1000 + 1)};

    if (due != UINT64_MAX)
        event_add(timer, &limit);
    (void)event_base_loop(s->base, EVLOOP_ONCE);
}

static void nothing(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    (void)self;
}

static void serve(struct standing *s, int stopper)
{
    struct event *ends = event_new(s->base, stopper, EV_READ, stop, s);
    struct event *timer = event_new(s->base, -1, 0, nothing, NULL);

    if (!ends || !timer || event_add(ends, NULL))
        bench_fail("out of memory");
    while (!s->over) {
        wait_for(s, timer);
        if (lambda_service_turn(s->service, host_wall_ns()))
            bench_fail("the service failed");
    }
    event_free(ends);
    event_free(timer);
}

static void open_service(struct standing *s, const char *path)
{
    static const struct lambda_function function = {
        .name = LAMBDA_STAND_FUNCTION,
        .durable = true,
        .timeout_ns = 900 * SECOND,
        .execution_timeout_ns = 86400 * SECOND};
    const struct store_sqlite_config database = {
        .path = path,
        .create = 1,
        .limits = {.op_payload_max = 8 << 20,
                   .request_max = 32 << 20,
                   .history_ops_max = 1 << 20,
                   .blob_max = 16 << 20},
    };
    struct lambda_service_config config = {
        .limits = engine_limits_at(0),
        .seed = 1,
        .now_ns = host_wall_ns(),
        .lease_ns = 30 * SECOND,
        .incarnation = 1,
        .wanted = wanted,
        .event = give_event,
        .dropped = drop,
        .self = s,
    };
    struct store_problem problem;

    if (store_sqlite_try(&database, &config.store, &problem))
        bench_fail(problem.text);
    s->service = lambda_service_new(&config);
    if (!s->service)
        bench_fail("out of memory");
    s->function = lambda_service_register(s->service, &function);
}

static _Noreturn void run(const char *path, int stopper, int tell)
{
    struct standing s = {.base = lambda_http_base()};
    const struct lambda_http_hooks hooks = {.request = take_request,
                                            .self = &s};
    uint16_t port;

    open_service(&s, path);
    s.http = lambda_http_open(s.base, s.service, "127.0.0.1", 0, &hooks);
    if (!s.http)
        bench_fail("no port can be opened");
    port = lambda_http_port(s.http);
    if (write(tell, &port, sizeof(port)) != sizeof(port))
        bench_fail("the bench has gone");
    serve(&s, stopper);
    lambda_http_close(s.http);
    lambda_service_free(s.service);
    engine_table_free(&s.working);
    event_base_free(s.base);
    _exit(0);
}

void lambda_stand_start(struct lambda_stand *out, const char *path)
{
    int stops[2];
    int tells[2];

    if (pipe(stops) || pipe(tells))
        bench_fail("no pipes");
    out->process = fork();
    if (out->process == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(stops[1]);
        run(path, stops[0], tells[1]);
    }
    close(stops[0]);
    close(tells[1]);
    out->stop = stops[1];
    if (out->process < 0 ||
        read(tells[0], &out->port, sizeof(out->port)) != sizeof(out->port))
        bench_fail("the service did not come up");
    close(tells[0]);
}

uint64_t lambda_stand_cpu_ns(const struct lambda_stand *stand)
{
    struct timespec spent;
    clockid_t clock;

    if (clock_getcpuclockid(stand->process, &clock) ||
        clock_gettime(clock, &spent))
        bench_fail("the service has gone");
    return (uint64_t)spent.tv_sec * SECOND + (uint64_t)spent.tv_nsec;
}

uint64_t lambda_stand_stop(struct lambda_stand *stand)
{
    struct rusage usage;
    int status;

    close(stand->stop);
    if (wait4(stand->process, &status, 0, &usage) != stand->process ||
        status != 0)
        bench_fail("the service ended badly");
    return (uint64_t)usage.ru_maxrss * 1024;
}
