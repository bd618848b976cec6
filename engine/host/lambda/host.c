#include "engine/host/lambda/host.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/pool.h"
#include "engine/host/loop.h"

#define SECOND UINT64_C(1000000000)

enum {
    SCRIPTED_RUN = 1 /* in its id */
};

struct lambda_host {
    struct lambda_host_config config;
    struct lambda_pages pages;
    struct lambda_service *service;
    struct lambda_http *http;
    struct event *children; /* SIGCHLD */
    struct event *timer;
    struct event *weigher; /* of memory, if that of a function has a limit */
    struct lambda_program programs[LAMBDA_FUNCTIONS_MAX];
    struct lambda_pool *pool;
    uint64_t now_ns;    /* of a clock that skips */
    uint64_t target_ns; /* where it has been told to go */
    uint64_t seen_ns;   /* mono: when it was last made to follow true time */
    uint64_t mono_ns;   /* of a real one: its start */
    uint64_t wall_ns;
    struct lambda_alarm *alarms; /* by time */
    uint64_t events;             /* of executions, when last looked at */
    uint64_t still_ns;           /* mono: no more of them since */
    bool gone;                   /* some process has ended */
};

static uint64_t now_of(const struct lambda_host *host)
{
    if (host->config.clock != LAMBDA_CLOCK_REAL)
        return host->now_ns;
    return host->wall_ns + (host_mono_ns() - host->mono_ns);
}

/* A program without the bootstrap sleeps in true time: while one works, a clock
 * that skips goes on as true time does. */
static void follow(struct lambda_host *host)
{
    uint64_t mono = host_mono_ns();

    if (host->config.clock == LAMBDA_CLOCK_SKIP &&
        lambda_pool_works_truly(host->pool))
        host->now_ns += mono - host->seen_ns;
    host->seen_ns = mono;
}

/* For the service --------------------------------------------------------- */

static void wanted(void *self, uint32_t function)
{
    const struct lambda_host *host = self;

    lambda_pool_wanted(host->pool, function);
}

static void give_event(void *self, struct lambda_invocation *invocation,
                       const void *event, size_t size)
{
    (void)self;
    lambda_environment_event(lambda_invocation_host(invocation), event, size);
}

static void drop(void *self, struct lambda_invocation *invocation)
{
    (void)self;
    lambda_environment_dropped(lambda_invocation_host(invocation));
}

static void tell_callback(void *self, const struct lambda_callback *callback)
{
    const struct lambda_host *host = self;

    if (host->config.callback)
        host->config.callback(host->config.self, callback);
}

static void weigh(evutil_socket_t fd, short what, void *self)
{
    const struct lambda_host *host = self;

    (void)fd;
    (void)what;
    lambda_pool_weigh(host->pool);
}

static void on_child(evutil_socket_t fd, short what, void *self)
{
    struct lambda_host *host = self;

    (void)fd;
    (void)what;
    host->gone = true;
}

/* Time -------------------------------------------------------------------- */

void lambda_host_alarm(struct lambda_host *host, struct lambda_alarm *alarm)
{
    struct lambda_alarm **at = &host->alarms;

    while (*at && (*at)->at_ns <= alarm->at_ns)
        at = &(*at)->next;
    alarm->next = *at;
    *at = alarm;
}

static bool ring(struct lambda_host *host)
{
    struct lambda_alarm *alarm = host->alarms;

    if (!alarm || alarm->at_ns > now_of(host))
        return false;
    host->alarms = alarm->next;
    alarm->ring(alarm);
    return true;
}

static uint64_t due_of(const struct lambda_host *host)
{
    uint64_t due = host->config.clock == LAMBDA_CLOCK_REAL
                       ? lambda_service_deadline(host->service)
                       : lambda_service_due(host->service);

    return host->alarms && host->alarms->at_ns < due ? host->alarms->at_ns
                                                     : due;
}

bool lambda_host_idle(const struct lambda_host *host)
{
    return lambda_pool_idle(host->pool) && !lambda_service_busy(host->service);
}

bool lambda_host_starts(const struct lambda_host *host)
{
    return lambda_pool_starts(host->pool);
}

static uint64_t hold_of(const struct lambda_host *host)
{
    return host->config.hold_ns ? host->config.hold_ns : 10 * SECOND;
}

/* No longer than it would take where nothing is skipped. */
static uint64_t hold_until(const struct lambda_host *host, uint64_t due_ns)
{
    uint64_t left = due_ns > host->now_ns ? due_ns - host->now_ns : 0;

    return left < hold_of(host) ? left : hold_of(host);
}

/*
 * Whether somebody who calls from outside is given true time to answer a
 * callback before *due_ns is skipped to: it may be the end of its execution.
 */
static bool is_held(struct lambda_host *host, uint64_t due_ns)
{
    uint64_t events = lambda_service_events(host->service);
    uint64_t over_ns;

    if (host->config.alone || host->config.clock != LAMBDA_CLOCK_SKIP ||
        due_ns == UINT64_MAX || !lambda_service_awaits(host->service, &over_ns))
        return false;
    if (events != host->events) {
        host->events = events;
        host->still_ns = host_mono_ns();
    }
    return due_ns >= over_ns ||
           host_mono_ns() - host->still_ns < hold_until(host, due_ns);
}

void lambda_host_advance(struct lambda_host *host, uint64_t to_ns)
{
    host->target_ns = to_ns;
}

bool lambda_host_arrived(const struct lambda_host *host)
{
    uint64_t wake;

    return host->now_ns >= host->target_ns &&
           lambda_pool_rests(host->pool, &wake) &&
           !lambda_service_busy(host->service) && wake > host->now_ns &&
           due_of(host) > host->now_ns;
}

/* The next moment, if it is one that time may go to; UINT64_MAX: none. */
static uint64_t limit(const struct lambda_host *host, uint64_t wake)
{
    bool told = host->target_ns > host->now_ns;

    if (!told && host->config.clock == LAMBDA_CLOCK_SKIP)
        return wake;
    if (!told)
        return wake <= host->now_ns ? wake : UINT64_MAX;
    return host->target_ns < wake ? host->target_ns : wake;
}

/* 1: time has gone on; 0: nobody waits for it; -1: something is under way. */
static int skip(struct lambda_host *host)
{
    uint64_t due = due_of(host);
    uint64_t wake;

    if (!lambda_pool_rests(host->pool, &wake) ||
        lambda_service_busy(host->service))
        return -1;
    if (due <= wake && host->target_ns <= host->now_ns && is_held(host, due))
        return 0;
    wake = limit(host, due < wake ? due : wake);
    if (wake == UINT64_MAX)
        return 0;
    if (wake > host->now_ns)
        host->now_ns = wake;
    if (lambda_service_turn(host->service, host->now_ns))
        return 1;
    lambda_pool_wake(host->pool, host->now_ns);
    return 1;
}

static void nothing(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    (void)self;
}

/* Waits for something to happen, so long at most. */
static void wait_for(struct lambda_host *host, uint64_t ns)
{
    struct timeval limit = {.tv_sec = (time_t)(ns / SECOND),
                            .tv_usec = (suseconds_t)(ns % SECOND / 1000 + 1)};

    if (ns != UINT64_MAX)
        evtimer_add(host->timer, &limit);
    (void)event_base_loop(host->config.base, EVLOOP_ONCE);
    evtimer_del(host->timer);
}

static int carry_on(struct lambda_host *host, uint64_t left_ns)
{
    uint64_t due = due_of(host);
    uint64_t now = now_of(host);
    uint64_t wait = left_ns;
    int moved;

    if (host->config.clock == LAMBDA_CLOCK_SKIP &&
        lambda_pool_works_truly(host->pool)) {
        if (due != UINT64_MAX)
            wait = due > now ? due - now : 0;
        wait = wait < left_ns ? wait : left_ns;
    } else if (host->config.clock != LAMBDA_CLOCK_REAL) {
        moved = skip(host);
        if (moved > 0)
            return 0;
        if (moved == 0 && host->config.alone)
            return 2;
        if (moved == 0 && due != UINT64_MAX)
            wait = wait < SECOND / 20 ? wait : SECOND / 20;
    } else if (due != UINT64_MAX) {
        uint64_t until = due > now ? due - now : 0;
        wait = until < wait ? until : wait;
    }
    wait_for(host, wait);
    return 0;
}

int lambda_host_run(struct lambda_host *host, bool (*done)(void *self),
                    void *self, uint64_t wall_ns)
{
    uint64_t began = host_mono_ns();
    int result = 0;

    while (result == 0) {
        uint64_t spent = host_mono_ns() - began;
        follow(host);
        if (event_base_loop(host->config.base, EVLOOP_NONBLOCK) < 0 ||
            lambda_service_turn(host->service, now_of(host)))
            return -1;
        if (host->gone) {
            host->gone = false;
            lambda_pool_bury(host->pool);
            if (host->config.alone && lambda_pool_is_stuck(host->pool))
                return 3;
            continue;
        }
        if (ring(host))
            continue;
        if (done(self))
            return 0;
        if (spent >= wall_ns)
            return 1;
        if (host->config.alone && !lambda_service_busy(host->service) &&
            lambda_pool_hear(host->pool))
            continue;
        result = carry_on(host,
                          wall_ns == UINT64_MAX ? UINT64_MAX : wall_ns - spent);
    }
    return result;
}

/* Functions --------------------------------------------------------------- */

static void free_list(const char *const *list)
{
    for (unsigned i = 0; list && list[i]; i++)
        free((char *)list[i]);
    free((void *)list);
}

static const char *const *copy_list(const char *const *list)
{
    unsigned count = 0;
    char **copy;

    while (list && list[count])
        count++;
    copy = calloc(count + 1, sizeof(*copy));
    for (unsigned i = 0; copy && i < count; i++)
        copy[i] = strdup(list[i]);
    return (const char *const *)copy;
}

static void free_program(struct lambda_program *program)
{
    free_list(program->command);
    free_list(program->environment);
    free((char *)program->directory);
    free((char *)program->handler);
    free((char *)program->function.name);
    *program = (struct lambda_program){0};
}

static char *copy_text(const char *text)
{
    return text ? strdup(text) : NULL;
}

uint32_t lambda_host_add(struct lambda_host *host,
                         const struct lambda_program *program)
{
    uint32_t number =
        lambda_service_register(host->service, &program->function);
    const struct timeval weighing = {.tv_usec = 50000};
    struct lambda_program *place;

    if (number == UINT32_MAX) {
        errno = ENOMEM;
        return number;
    }
    place = &host->programs[number];
    free_program(place);
    *place = *program;
    place->function.name = copy_text(program->function.name);
    place->command = copy_list(program->command);
    place->environment = copy_list(program->environment);
    place->directory = copy_text(program->directory);
    place->handler = copy_text(program->handler);
    lambda_pool_retire(host->pool, number);
    lambda_pool_added(host->pool, number);
    if (place->memory_mb)
        event_add(host->weigher, &weighing);
    return number;
}

int lambda_host_remove(struct lambda_host *host, uint32_t function)
{
    if (lambda_service_remove(host->service, function))
        return -1;
    lambda_pool_retire(host->pool, function);
    return 0;
}

const struct lambda_program *lambda_host_program(const struct lambda_host *host,
                                                 uint32_t function)
{
    return &host->programs[function];
}

bool lambda_host_process(const struct lambda_host *host, uint32_t index,
                         struct lambda_standing_process *out)
{
    return lambda_pool_process(host->pool, index, out);
}

/* Life -------------------------------------------------------------------- */

struct lambda_service *lambda_host_service(struct lambda_host *host)
{
    return host->service;
}

uint16_t lambda_host_port(const struct lambda_host *host)
{
    return lambda_http_port(host->http);
}

static struct lambda_service *
open_service(struct lambda_host *host, struct engine_store store, uint64_t seed)
{
    const struct lambda_service_config config = {
        .store = store,
        .limits = host->config.limits,
        .rates = host->config.rates,
        .seed = seed,
        .now_ns = now_of(host),
        .lease_ns = host->config.clock == LAMBDA_CLOCK_REAL ? 30 * SECOND
                                                            : 3600 * SECOND,
        .incarnation = 1,
        .page_items = host->pages.items,
        .page_every = host->pages.every,
        .page_empty = host->pages.empty,
        .why = host->config.why,
        .sink = host->config.sink,
        .wanted = wanted,
        .event = give_event,
        .dropped = drop,
        .callback = tell_callback,
        .self = host,
    };

    return lambda_service_new(&config);
}

static bool take_request(void *self, struct evhttp_request *request,
                         const char *path)
{
    struct lambda_host *host = self;

    return host->config.request &&
           host->config.request(host->config.self, host->http, request, path);
}

/* What a store has lived to see is over. */
static void catch_up(struct lambda_host *host)
{
    uint64_t last_ns = lambda_service_now(host->service);

    if (last_ns <= now_of(host))
        return;
    host->now_ns = last_ns;
    host->wall_ns = last_ns;
    host->mono_ns = host_mono_ns();
}

static size_t take_tail(void *self, uint64_t run,
                        char out[LAMBDA_HTTP_TAIL_MAX])
{
    struct lambda_host *host = self;

    return host->config.tail ? host->config.tail(host->config.self, run, out)
                             : 0;
}

static bool open_parts(struct lambda_host *host)
{
    const struct lambda_http_hooks hooks = {
        .request = take_request, .tail = take_tail, .self = host};

    host->service = open_service(host, host->config.store, host->config.seed);
    if (!host->service)
        return false;
    catch_up(host);
    host->http =
        lambda_http_open(host->config.base, host->service, host->config.address,
                         host->config.port, &hooks);
    if (host->http && !host->config.alone)
        lambda_http_guard(host->http);
    host->pool = lambda_pool_new(&host->config, host->programs);
    host->children = evsignal_new(host->config.base, SIGCHLD, on_child, host);
    host->weigher = event_new(host->config.base, -1, EV_PERSIST, weigh, host);
    host->timer = evtimer_new(host->config.base, nothing, host);
    if (host->pool)
        lambda_pool_serve(host->pool, host->service);
    return host->http && host->pool && host->children && host->timer &&
           host->weigher && evsignal_add(host->children, NULL) == 0;
}

void lambda_host_set_pages(struct lambda_host *host,
                           const struct lambda_pages *pages)
{
    host->pages = *pages;
}

void lambda_host_set_start(struct lambda_host *host, uint64_t start_ns)
{
    host->config.start_ns = start_ns;
}

int lambda_host_script(struct lambda_host *host, uint32_t function,
                       const void *event, size_t size)
{
    struct lambda_echo *echo = lambda_echo_of(event, size);

    if (!echo)
        return -1;
    echo->scripted = true;
    echo->deadline_ns =
        host->now_ns + host->programs[function].function.timeout_ns;
    lambda_request_id_write(SCRIPTED_RUN, 1, echo->id);
    lambda_pool_echo(host->pool, function, echo);
    return 0;
}

int lambda_host_begin(struct lambda_host *host, struct engine_store store,
                      uint64_t seed)
{
    uint32_t count = lambda_service_functions(host->service);

    host->alarms = NULL;
    lambda_service_free(host->service);
    host->now_ns = host->config.start_ns;
    host->target_ns = 0;
    host->service = open_service(host, store, seed);
    lambda_http_serve(host->http, host->service);
    lambda_pool_serve(host->pool, host->service);
    if (!host->service)
        return -1;
    for (uint32_t i = 0; i < count; i++) {
        if (host->programs[i].function.name &&
            lambda_service_register(host->service,
                                    &host->programs[i].function) != i)
            return -1;
    }
    return 0;
}

struct lambda_host *lambda_host_new(const struct lambda_host_config *config)
{
    struct lambda_host *host = calloc(1, sizeof(*host));

    if (!host)
        return NULL;
    host->config = *config;
    host->pages.items = config->page_items;
    if (!host->config.address)
        host->config.address = LAMBDA_LOOPBACK;
    host->now_ns = config->start_ns;
    host->mono_ns = host_mono_ns();
    host->wall_ns = host_wall_ns();
    if (open_parts(host))
        return host;
    int code = errno;
    if (host->service)
        lambda_service_leave(host->service);
    lambda_host_free(host);
    errno = code;
    return NULL;
}

void lambda_host_free(struct lambda_host *host)
{
    if (!host)
        return;
    lambda_pool_free(host->pool);
    lambda_http_close(host->http);
    if (host->children)
        event_free(host->children);
    if (host->timer)
        event_free(host->timer);
    if (host->weigher)
        event_free(host->weigher);
    lambda_service_free(host->service);
    for (uint32_t i = 0; i < LAMBDA_FUNCTIONS_MAX; i++)
        free_program(&host->programs[i]);
    free(host);
}
