/*
 * The Lambda durable-execution API without a network: functions, executions
 * and their invocations on the engine. Calls come in as parsed HTTP and are
 * answered later, once what they asked for is durable; invocations go out to
 * whoever hosts the functions.
 *
 *     SDK --call--> service --> core (engine, store)
 *      ^               |
 *      +--- function <-+-- host: one environment an invocation
 *
 * Time is the host's: nothing happens by itself between two turns.
 */
#ifndef ENGINE_HOST_LAMBDA_SERVICE_H
#define ENGINE_HOST_LAMBDA_SERVICE_H

#include "engine/host/json_write.h"
#include "engine/host/lambda/codec.h"
#include "engine/host/lambda/core.h"
#include "engine/host/lambda/names.h"
#include "engine/host/lambda/rate.h"

struct lambda_service;
struct lambda_invocation;

enum lambda_invocation_type {
    LAMBDA_REQUEST_RESPONSE,
    LAMBDA_EVENT,
    LAMBDA_DRY_RUN
};

/* A call of the API. Whoever makes it embeds it. */
struct lambda_call {
    struct lambda_call *next; /* the service's while it waits */
    /*
     * Answers it: an HTTP status, the exception's name or NULL, a body that
     * holds until it returns. Once, possibly before the call returns; never if
     * the service is freed before.
     */
    void (*answer)(struct lambda_call *call, int status, const char *exception,
                   const void *body, size_t size);
    /* With Invoke: JSON for the function, while the call is made; NULL. */
    const char *client_context;
    const char *tenant; /* of Invoke; NULL: for nobody */
    /* With answers to Invoke: "" if it has none. */
    char arn[LAMBDA_ARN_SIZE];
    char version[LAMBDA_QUALIFIER_MAX + 1];
    const char *function_error; /* NULL: none */
    uint32_t retry_after_s;     /* with 429, 0: it does not say */
    const char *trace;          /* of Invoke: its X-Amzn-Trace-Id, NULL: none */
    uint64_t run;               /* that it starts; 0: none */
    uint64_t token;             /* of its question to the engine */
    bool concluding; /* its checkpoint ends the execution, or it stops it */
    enum lambda_invocation_type type; /* of Invoke */
    uint64_t signal;                  /* its number, of one that signals */
    /* What tells a question from others of its execution: a checkpoint's
     * client token, or the first operation of a page. */
    struct engine_hash mark;
    uint32_t page_items;       /* of a page: at most */
    struct engine_block block; /* of a checkpoint: its updates */
};

/* What a function is. */
struct lambda_function {
    const char *name;
    bool durable;
    uint64_t timeout_ns;           /* of an invocation */
    uint64_t execution_timeout_ns; /* durable: of all of it */
    uint32_t retention_days; /* durable: of executions that have ended; 0: 14 */
};

/* A callback that was made. */
struct lambda_callback {
    uint64_t run;
    const char *name; /* of its operation; no end marker */
    size_t name_size;
    const char *id;
    uint64_t timeout_ns;   /* 0: none */
    uint64_t heartbeat_ns; /* between two of them; 0: none */
};

enum {
    LAMBDA_SERVICE_WHY_SIZE = 256
};

struct lambda_service_config {
    struct engine_store store; /* open; closed with the service */
    const struct engine_limits *limits;
    const struct lambda_rates *rates; /* of calls; NULL: none */
    uint64_t seed;
    uint64_t now_ns; /* at least; the last time in the store if that is later */
    uint64_t lease_ns;
    uint32_t incarnation; /* the least; over a store that was used a new one */
    char *why; /* of LAMBDA_SERVICE_WHY_SIZE, "" until it is known why there
                  is no service; NULL: nobody asks */
    uint32_t page_items; /* of the state in an invocation's event; 0: 100 */
    bool page_every;     /* pages that are asked for are no larger */
    bool page_empty;     /* the event has none: all of it is asked for */
    const struct engine_sink *sink; /* NULL: nobody looks */
    /*
     * An invocation waits for an environment of the function; the host takes
     * it when it has one.
     */
    void (*wanted)(void *self, uint32_t function);
    /* What it was taken for is known: the event to give to the function. */
    void (*event)(void *self, struct lambda_invocation *invocation,
                  const void *event, size_t size);
    /* NULL: nobody cares. */
    void (*callback)(void *self, const struct lambda_callback *callback);
    /* It is over before it was answered: whoever works at it must stop. */
    void (*dropped)(void *self, struct lambda_invocation *invocation);
    void *self;
};

/*
 * A store that a service before it has left is taken up: its functions and
 * executions are as they were, what fell due meanwhile is due now, invocations
 * that were under way have broken off. NULL: out of memory, or what is kept
 * cannot be read; the store is then still the caller's.
 */
struct lambda_service *
lambda_service_new(const struct lambda_service_config *config);
void lambda_service_free(struct lambda_service *service);
/* The store is the caller's again: it is not closed with the service. */
void lambda_service_leave(struct lambda_service *service);

/* Its number, or UINT32_MAX: too many, or out of memory. Another function of
 * that name is given the new settings. */
uint32_t lambda_service_register(struct lambda_service *service,
                                 const struct lambda_function *function);
/* Nobody can invoke it from now on. 0, or -1: executions of it run. */
int lambda_service_remove(struct lambda_service *service, uint32_t number);
/* Executions that have not ended; UINT32_MAX: of all functions. */
uint32_t lambda_service_running(const struct lambda_service *service,
                                uint32_t function);
/* Makes an invoke of a name that no function has fail in its time. */
void lambda_service_expect(struct lambda_service *service, const char *name,
                           size_t size);
/* UINT32_MAX: there is none with this name. */
uint32_t lambda_service_find(const struct lambda_service *service,
                             const char *name);
const struct lambda_function *
lambda_service_function(const struct lambda_service *service, uint32_t number);
/* Numbers given so far; not all are still of a function. */
uint32_t lambda_service_functions(const struct lambda_service *service);
bool lambda_service_has(const struct lambda_service *service, uint32_t number);
/* What its functions are to the engine: LAMBDA_FUNCTIONS_MAX, by number. */
const struct engine_graph *const *
lambda_service_graphs(const struct lambda_service *service);
/* Where executions are kept: to read between turns. */
struct engine_store *lambda_service_store(struct lambda_service *service);

/* As lambda_core_turn() and lambda_core_deadline(). */
int lambda_service_turn(struct lambda_service *service, uint64_t now_ns);
bool lambda_service_busy(const struct lambda_service *service);
uint64_t lambda_service_deadline(const struct lambda_service *service);
/* As lambda_core_due(). */
uint64_t lambda_service_due(const struct lambda_service *service);
/* Whether somebody outside may answer a callback of a running execution;
 * *over_ns: when the first of those is out of time. */
bool lambda_service_awaits(const struct lambda_service *service,
                           uint64_t *over_ns);
/* Grows with whatever happens to an execution. */
uint64_t lambda_service_events(const struct lambda_service *service);
uint64_t lambda_service_now(const struct lambda_service *service);

/*
 * The timer that an update of the next checkpoint starts, counted from 0, goes
 * off so much later than it says.
 */
void lambda_service_delay(struct lambda_service *service, uint32_t update,
                          uint64_t ns);

/* The token of an execution's invocation, under way or about to be; false:
 * there is none. */
bool lambda_service_token(const struct lambda_service *service, uint64_t run,
                          char out[LAMBDA_TOKEN_SIZE]);

/* How an execution stands. */
struct lambda_standing {
    const char *name;
    const char *qualifier;
    uint32_t function;
    const char *status; /* "RUNNING" and so on */
    const void *result; /* or its error's words; NULL: it has not ended */
    size_t size;
    uint32_t operations;
    uint64_t recorded; /* what happened to its operations so far */
    uint64_t started_ns;
    uint64_t ended_ns; /* 0: it has not */
};
/* False: there is no such run. */
bool lambda_service_standing(const struct lambda_service *service, uint64_t run,
                             struct lambda_standing *standing);

/* Invocations ------------------------------------------------------------- */

/* The next one that waits for this function, for host to carry out; NULL. */
struct lambda_invocation *lambda_invocation_take(struct lambda_service *service,
                                                 uint32_t function, void *host);
void *lambda_invocation_host(const struct lambda_invocation *invocation);
uint32_t lambda_invocation_function(const struct lambda_invocation *invocation);
uint64_t lambda_invocation_run(const struct lambda_invocation *invocation);
uint32_t lambda_invocation_number(const struct lambda_invocation *invocation);
/* When it must have ended; since 1970. */
uint64_t lambda_invocation_deadline(const struct lambda_invocation *invocation);
/* What it was invoked with beside its payload; NULL: nothing. */
const char *
lambda_invocation_context(const struct lambda_invocation *invocation);
/* As it was asked for; for whom, NULL: for nobody. */
const char *
lambda_invocation_version(const struct lambda_invocation *invocation);
const char *
lambda_invocation_tenant(const struct lambda_invocation *invocation);
/* Its id as the Runtime API has it. */
const char *lambda_invocation_id(const struct lambda_invocation *invocation);
/*
 * How it ended; the invocation is the service's again. The function answered;
 * it threw (error: an error object or not); it or its environment is gone
 * (ENGINE_ERR_INTERRUPTED, _TIMED_OUT, _OOM, with words).
 */
void lambda_invocation_answered(struct lambda_service *service,
                                struct lambda_invocation *invocation,
                                const void *body, size_t size);
void lambda_invocation_threw(struct lambda_service *service,
                             struct lambda_invocation *invocation,
                             const void *body, size_t size);
void lambda_invocation_lost(struct lambda_service *service,
                            struct lambda_invocation *invocation,
                            enum engine_error error, const char *words);

/* Calls ------------------------------------------------------------------- */

/* name: of the execution, NULL: the service chooses. */
void lambda_call_invoke(struct lambda_service *service,
                        struct lambda_call *call, const char *function,
                        const char *qualifier, const char *name,
                        enum lambda_invocation_type type, const void *payload,
                        size_t size);
void lambda_call_checkpoint(struct lambda_service *service,
                            struct lambda_call *call, const char *arn,
                            const void *body, size_t size);
/* Of a function, its configuration: alone, or as GetFunction has it. */
void lambda_call_function(struct lambda_service *service,
                          struct lambda_call *call, const char *function,
                          const char *qualifier, bool whole);
/* All functions' configurations. */
void lambda_call_functions(struct lambda_service *service,
                           struct lambda_call *call);
/* marker NULL: the start; items 0: as many as there may be. */
void lambda_call_state(struct lambda_service *service, struct lambda_call *call,
                       const char *arn, const char *token, const char *marker,
                       uint64_t items);
/* data: input, result and error too. */
void lambda_call_get(struct lambda_service *service, struct lambda_call *call,
                     const char *arn, bool data);
struct lambda_history_query {
    bool data; /* inputs, results and errors too */
    bool reverse;
    uint64_t items; /* 0: as many as there may be */
    const char *marker;
};
void lambda_call_history(struct lambda_service *service,
                         struct lambda_call *call, const char *arn,
                         const struct lambda_history_query *query);
/* Texts as clients send them, NULL: any. */
struct lambda_list_query {
    const char *qualifier;
    const char *name;
    const char *statuses; /* with commas between them */
    const char *after;    /* when it started: seconds since 1970, or a date and
                             time as in RFC 3339 */
    const char *before;
    bool reverse;   /* the oldest first */
    uint64_t items; /* 0: 100; at most 1000 */
    const char *marker;
};
void lambda_call_list(struct lambda_service *service, struct lambda_call *call,
                      const char *function,
                      const struct lambda_list_query *query);
/* Whether somebody could still answer it. */
bool lambda_service_callback_waits(const struct lambda_service *service,
                                   const char *id);
void lambda_call_stop(struct lambda_service *service, struct lambda_call *call,
                      const char *arn, const void *body, size_t size);

/* The same of a run that is known, without an error. */
void lambda_call_stop_run(struct lambda_service *service,
                          struct lambda_call *call, uint64_t run);

enum lambda_callback_end {
    LAMBDA_CALLBACK_SUCCEED,
    LAMBDA_CALLBACK_FAIL,
    LAMBDA_CALLBACK_HEARTBEAT
};
void lambda_call_callback(struct lambda_service *service,
                          struct lambda_call *call, const char *id,
                          enum lambda_callback_end end, const void *body,
                          size_t size);

#endif
