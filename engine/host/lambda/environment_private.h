/*
 * What the parts of an environment share: the process and the host's side of
 * it (environment.c), its Runtime API (runtime_api.c), the order in which what
 * it asks is answered (barrier.c), what strikes it there (strike.c), and what
 * it does to others (effect.c, forward.c).
 */
#ifndef ENGINE_HOST_LAMBDA_ENVIRONMENT_PRIVATE_H
#define ENGINE_HOST_LAMBDA_ENVIRONMENT_PRIVATE_H

#include "engine/host/lambda/echo.h"
#include "engine/host/lambda/environment.h"
#include "engine/host/lambda/labels.h"
#include "engine/host/lambda/process.h"

#define MILLISECOND UINT64_C(1000000)

/* A request that waits until the process is at rest. */
struct lambda_held {
    struct evhttp_request *request;
    uint64_t number; /* in the order of the process */
    struct lambda_held *next;
};

/* An answer that comes later. */
struct lambda_late {
    struct evhttp_request *request; /* NULL: there is none */
    uint64_t at_ns;
    int status;
    unsigned char *body;
    size_t size;
};

struct lambda_environment {
    struct lambda_environment_config config;
    struct lambda_http *http;
    enum lambda_environment_state state;
    struct lambda_process *process;
    struct lambda_invocation *invocation;
    struct lambda_echo *echo;    /* it carries out; NULL: none */
    struct evhttp_request *next; /* it waits for work */
    unsigned char *event;        /* for when it asks; NULL: none */
    size_t event_size;
    unsigned char *given; /* the last that it was given */
    size_t given_size;
    struct evhttp_request *idle; /* it waits for time; NULL: it does not */
    uint64_t wake_ns;
    uint64_t requests; /* of it that have come in, but for those of the Runtime
                          API and the bootstrap */
    uint64_t responses;
    struct lambda_held *held;         /* by number */
    struct lambda_held *left;         /* of an invocation that was abandoned */
    struct evhttp_request *current;   /* is being answered */
    struct evhttp_request *returning; /* the end of what it works at */
    uint64_t turn;                    /* when it was heard last; 0: not yet */
    struct lambda_late late;
    struct lambda_labels labels;    /* of it */
    struct lambda_forward *forward; /* with those they were meant for */
    uint64_t world; /* it serves: what began in another one is over */
    bool barrier;   /* it runs the bootstrap */
    bool frozen;
    bool named;                  /* why it will end was told */
    char why[LAMBDA_BREAK_SIZE]; /* the last thing that was told */
    uint64_t began_ns;
    bool owed;          /* the bootstrap is to be told to leave what it does */
    const char **lines; /* effects that it has written of, not yet taken in */
    uint32_t line_count;
    uint32_t line_capacity;
    size_t logged;     /* bytes of this invocation */
    uint64_t unlogged; /* and those that were not passed on */
};

/* It carries out an invocation, or an echo of one. */
static inline bool
lambda_environment_works(const struct lambda_environment *environment)
{
    return environment->invocation || environment->echo;
}
/* Its process is to end, with all it has started. */
void lambda_environment_kill(struct lambda_environment *environment);

/* Between invocations it stands still, as on the platform. */
void lambda_environment_freeze(struct lambda_environment *environment);
void lambda_environment_thaw(struct lambda_environment *environment);
/* What is written from now on belongs to its invocation. */
void lambda_environment_begin_logs(struct lambda_environment *environment);
/* Tells the host what happened, to its invocation if it has one. */
void lambda_environment_trouble(struct lambda_environment *environment,
                                const char *type, const char *words);
/* Its invocation is about to end: what it has written belongs to it. */
void lambda_environment_end_logs(struct lambda_environment *environment);

/* The Runtime API --------------------------------------------------------- */

bool lambda_runtime_is(const char *path);
void lambda_runtime_take(struct lambda_environment *environment,
                         struct evhttp_request *request, const char *path);
/* The event goes to the process that has asked for it. */
void lambda_runtime_deliver(struct lambda_environment *environment);
/* Takes in the end of what it works at. */
void lambda_runtime_return(struct lambda_environment *environment);
/* The invocation becomes an echo: it is lost, and its process stands still. */
void lambda_runtime_lose(struct lambda_environment *environment);

/* The order --------------------------------------------------------------- */

/* Whether the bootstrap counts a request; a program that the process has
 * started makes others, which are answered at once. */
bool lambda_barrier_numbers(struct evhttp_request *request);
/* Keeps a request until it is at rest. */
void lambda_barrier_hold(struct lambda_environment *environment,
                         struct evhttp_request *request);
/* Carries out the first that is held. */
void lambda_barrier_let(struct lambda_environment *environment);
/* The bootstrap says that nothing is under way. */
void lambda_barrier_idle(struct lambda_environment *environment,
                         struct evhttp_request *request);
/* Whether a crash leaves the process, and ends only its invocation. */
bool lambda_barrier_abandons(const struct lambda_environment *environment);
/* The bootstrap goes on with the next invocation: it is told so at once, or as
 * soon as it asks something. */
void lambda_barrier_abandon(struct lambda_environment *environment);
/* The answer to that which it asks: from now on neither side counts what was
 * before. */
void lambda_barrier_leave(struct lambda_environment *environment,
                          struct evhttp_request *request);
/* What it had asked before it left is closed without an answer. */
void lambda_barrier_cut(struct lambda_environment *environment);
void lambda_barrier_free(struct lambda_environment *environment);

/* Boundaries -------------------------------------------------------------- */

/* What is to happen before, or after, what its labels name. */
struct lambda_decision
lambda_strike_decide(struct lambda_environment *environment, bool after);
/* Its invocation breaks off: ENGINE_ERR_INTERRUPTED or _TIMED_OUT. */
void lambda_strike_crash(struct lambda_environment *environment,
                         enum engine_error error);
/* Answers a request of the process. */
void lambda_strike_carry_out(struct lambda_environment *environment,
                             struct evhttp_request *request);
/* Carries out what was decided. True: the request is not to be answered. */
bool lambda_strike(struct lambda_environment *environment,
                   struct evhttp_request *request,
                   const struct lambda_decision *decision);
/* What is to happen before that answer. True: it is not to be sent. */
bool lambda_strike_after(struct lambda_environment *environment,
                         struct evhttp_request *request, int status,
                         const void *body, size_t size);
/* The hook of its endpoint: true if the answer is not to be sent. */
bool lambda_strike_answer(void *self, struct evhttp_request *request,
                          int status, const void *body, size_t size);
/* Sends an answer that was kept back. */
void lambda_strike_late(struct lambda_environment *environment);

/* Effects ----------------------------------------------------------------- */

/* Whether a request is not for us, but to be led on as by a proxy. */
bool lambda_effect_is_outgoing(const struct lambda_environment *environment,
                               struct evhttp_request *request);
/* Labels it. False: it is no effect, and cannot be struck. */
bool lambda_effect_label(struct lambda_environment *environment,
                         struct evhttp_request *request);
/* Answers one that goes out, or is for our own endpoint of effects. */
void lambda_effect_carry_out(struct lambda_environment *environment,
                             struct evhttp_request *request);
/* It was applied: it counts. True: it was struck after that, and that answer is
 * not to be sent. */
bool lambda_effect_happened(struct lambda_environment *environment,
                            struct evhttp_request *request, int status,
                            const void *body, size_t size);
/* Keeps what a line tells of until it is at rest, so that it always comes
 * between the same requests. */
void lambda_effect_keep_line(struct lambda_environment *environment,
                             const char *text, size_t size);
/* Takes in what it has written, before anything that it asks. True: it was
 * struck, and its invocation is over. */
bool lambda_effect_take_lines(struct lambda_environment *environment);
/* Answers that it is not carried out. */
void lambda_effect_refuse(struct lambda_environment *environment,
                          struct evhttp_request *request, int status,
                          const char *why);

/* Passes a request on, and its answer back. */
void lambda_forward_start(struct lambda_environment *environment,
                          struct evhttp_request *request);
/* Nobody waits for that any more. */
void lambda_forward_drop(struct lambda_environment *environment);

#endif
