/*
 * One environment of a function: a process, and the Runtime API that it talks
 * to, on a port of its own. The Lambda API is served on that port as well.
 *
 *     GET  /2018-06-01/runtime/invocation/next
 *     POST /2018-06-01/runtime/invocation/ID/response, /error
 *     POST /2018-06-01/runtime/init/error
 *     POST /perdure/idle           the bootstrap: nothing is under way here
 *     POST /perdure/effects/NAME   a side effect happens
 *
 * A process with the bootstrap is asked for nothing and told nothing while
 * something is under way in it. What it asked for is answered in the order in
 * which it asked, one at a time: so it takes the same course each time.
 */
#ifndef ENGINE_HOST_LAMBDA_ENVIRONMENT_H
#define ENGINE_HOST_LAMBDA_ENVIRONMENT_H

#include <sys/types.h>

#include "engine/host/lambda/echo.h"

enum lambda_environment_state {
    LAMBDA_STARTING, /* it has not asked for work yet */
    LAMBDA_LEAVING,  /* it is told to leave its work, and to ask for other */
    LAMBDA_IDLE,
    LAMBDA_BUSY,
    LAMBDA_GONE /* it has ended, or is about to */
};

enum {
    LAMBDA_BREAK_SIZE = 256
};

struct lambda_environment;

struct lambda_environment_config {
    struct event_base *base;
    struct lambda_service *service;
    const struct lambda_program *program;
    const char *address;
    bool skips; /* the clock */
    /* It can be given work, or may have come to rest. */
    void (*changed)(void *self, struct lambda_environment *environment);
    /* An echo is to be carried out by some process of the function; it is
       given away. */
    void (*echoed)(void *self, struct lambda_environment *environment,
                   struct lambda_echo *echo);
    /* An invocation of that run is about to begin. */
    void (*begins)(void *self, uint64_t run);
    void *self;
    const struct lambda_host_config *host; /* its hooks */
};

/* Starts it; NULL with errno. */
struct lambda_environment *
lambda_environment_start(const struct lambda_environment_config *config);
/* Kills its process with all it has started, and takes back what it worked
 * at. */
void lambda_environment_free(struct lambda_environment *environment);

enum lambda_environment_state
lambda_environment_state(const struct lambda_environment *environment);
/* The run it works at; 0: none. */
uint64_t lambda_environment_run(const struct lambda_environment *environment);
pid_t lambda_environment_process(const struct lambda_environment *environment);
/* Another service from now on; it is idle. */
void lambda_environment_serve(struct lambda_environment *environment,
                              struct lambda_service *service);
/* Takes an invocation for it, if one waits. */
bool lambda_environment_take(struct lambda_environment *environment,
                             uint32_t function);
void lambda_environment_event(struct lambda_environment *environment,
                              const void *event, size_t size);
/* Its invocation is over before it has answered. */
void lambda_environment_dropped(struct lambda_environment *environment);
/* What its process has ended of: "" if nothing was wrong. */
const char *
lambda_environment_why(const struct lambda_environment *environment);
/* Kills it if it uses more memory than its function may. */
void lambda_environment_weigh(struct lambda_environment *environment);
/* It has no work, and is to end. */
void lambda_environment_end(struct lambda_environment *environment);
/* Its process has ended so. */
void lambda_environment_ended(struct lambda_environment *environment,
                              int status);

/* Carries out an echo; it is idle. The echo is given away. */
void lambda_environment_echo(struct lambda_environment *environment,
                             struct lambda_echo *echo);
/* Goes on, if it carries out an echo of that run that stands still. */
void lambda_environment_go_on(struct lambda_environment *environment,
                              uint64_t run);
/* The time of an echo is over; its process is ended. */
void lambda_environment_expire(struct lambda_environment *environment,
                               uint64_t now_ns);

/*
 * Processes with the bootstrap are heard in turn, once each of them is at rest
 * or has something to ask: so what comes of many is the same each time.
 */
enum lambda_hearing {
    LAMBDA_UNHEARD, /* nobody need wait for it */
    LAMBDA_UNREADY, /* it is under way */
    LAMBDA_READY    /* it asks for something, or has come to an end */
};
enum lambda_hearing
lambda_environment_hearing(const struct lambda_environment *environment);
/* Whether a is heard before b; both are ready. */
bool lambda_environment_before(const struct lambda_environment *a,
                               const struct lambda_environment *b);
/* Answers the first thing that it asks, or takes its end. */
void lambda_environment_hear(struct lambda_environment *environment,
                             uint64_t turn);

/*
 * Whether nothing will happen in it by itself before *wake_ns (UINT64_MAX:
 * never): it has no work, or says that it only waits.
 */
bool lambda_environment_rests(const struct lambda_environment *environment,
                              uint64_t *wake_ns);
/* It has its time from here, not from the machine. */
bool lambda_environment_follows(const struct lambda_environment *environment);
/* Time has gone on: its timers may be due. */
void lambda_environment_wake(struct lambda_environment *environment);

#endif
