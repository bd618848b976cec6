/*
 * What the files of the service share:
 *
 *     service.c      its life; where messages and answers of the engine go
 *     execution.c    executions as their logs say, folded as they are written
 *     invocation.c   an attempt of the handler: claim, state, report
 *     call.c         calls that ask the engine: checkpoint, state, signals
 *     refusal.c      why checkpoints are refused, in the API's words
 *     invoke.c       calls that start something
 *     inspect.c      calls that only look
 *     list.c         executions in the order of their starts
 *     retain.c       how long those are kept that have ended
 *     keep.c         what is kept beside the logs; taking a store up again
 */
#ifndef ENGINE_HOST_LAMBDA_SERVICE_PRIVATE_H
#define ENGINE_HOST_LAMBDA_SERVICE_PRIVATE_H

#include "engine/host/lambda/service.h"
#include "engine/table.h"
#include "engine/timers.h"

struct lambda_execution {
    uint64_t run;
    uint32_t function;
    uint32_t state; /* enum engine_run_state */
    char qualifier[LAMBDA_QUALIFIER_MAX + 1];
    char name[LAMBDA_EXECUTION_MAX + 1];
    uint64_t started_ns;
    uint64_t ended_ns;
    unsigned char *input;
    size_t input_size;
    char *client_context;  /* NULL: none */
    unsigned char *thrown; /* by a function that is not durable; NULL: no */
    size_t thrown_size;
    unsigned char *result; /* once it has ended: the result, or the error */
    size_t result_size;
    uint64_t recorded;              /* events of its operations */
    struct engine_table operations; /* lambda_operation by the id's low half */
    uint32_t operation_count;
    uint32_t awaited; /* callbacks that are not answered */
    uint32_t news;    /* operations of which it is not told */
    uint64_t parent;  /* run that invokes it; 0: none */
    char *tenant;     /* for whom; NULL: for nobody */
    struct lambda_invocation *invocation; /* under way, NULL: none */
    uint64_t token;                       /* the engine's, as told last */
    struct lambda_call *asking;           /* the first one's turn it is */
    struct lambda_call *asking_last;
    struct lambda_call *waiting; /* for its end */
    struct lambda_execution *same_name;
    char trace[LAMBDA_TRACE_MAX + 1]; /* "": none */
    bool accepted;                    /* the engine has made it durable */
    bool abandoned; /* its caller has gone with the service before */
};

enum lambda_invocation_state {
    LAMBDA_WAITING, /* for an environment */
    LAMBDA_CLAIMING,
    LAMBDA_LOADING,
    LAMBDA_RUNNING,
    LAMBDA_FINISHING
};

struct lambda_invocation {
    struct lambda_invocation *next; /* in its function's line */
    struct lambda_execution *execution;
    enum lambda_invocation_state state;
    uint32_t attempt;
    uint32_t reply_to;
    bool fresh;
    uint64_t token;
    uint64_t start_ns; /* of a chained one: not before */
    uint64_t deadline_ns;
    uint64_t renew_ns;
    uint32_t items; /* operations in its event so far */
    uint32_t error; /* how it ended */
    bool retryable;
    struct json_writer event;
    unsigned char *output; /* an envelope or an error's words */
    size_t output_size;
    struct lambda_call load; /* its own question for the state */
    void *host;
    char id[LAMBDA_REQUEST_ID_SIZE];
};

struct lambda_line {
    struct lambda_invocation *first;
    struct lambda_invocation *last;
};

/* A timer that is made to be late. */
struct lambda_delayed {
    uint64_t run;
    struct engine_hash id; /* of its operation */
    uint32_t update;       /* of the next checkpoint; not yet read */
    uint64_t ns;
};

enum {
    LAMBDA_DELAYED_MAX = 64
};

/* Executions in the order in which they started. */
struct lambda_order {
    struct lambda_execution **items;
    uint32_t count;
    uint32_t capacity;
};

/* The history that was asked for last. */
struct lambda_shown {
    struct history *history; /* NULL: none */
    uint64_t run;
    uint64_t last_seq; /* of the log, taken in */
    bool data;
};

struct lambda_service {
    struct lambda_service_config config;
    struct lambda_core *core;
    struct lambda_function functions[LAMBDA_FUNCTIONS_MAX];
    bool removed[LAMBDA_FUNCTIONS_MAX];
    struct lambda_line lines[LAMBDA_FUNCTIONS_MAX];
    struct lambda_line chained; /* that are not to start yet */
    uint32_t function_count;
    struct engine_table executions; /* by run */
    struct engine_table names;      /* lambda_execution by hash of the name */
    struct lambda_order started;    /* those that the engine has accepted */
    struct engine_timers retained;  /* runs that ended, by when to look at them
                                       again */
    struct engine_table working;    /* lambda_invocation by run: claimed */
    uint64_t due_ns; /* when the first of them is due; 0: to be found */
    struct lambda_call *signals; /* that wait for the store */
    struct lambda_delayed delayed[LAMBDA_DELAYED_MAX]; /* run 0: of the next
                                                          checkpoint */
    uint32_t delayed_count;
    struct lambda_rate_state rates;
    uint64_t next_run;
    uint64_t next_client;
    uint64_t events;  /* of executions, folded */
    uint32_t awaited; /* callbacks of running executions, not answered */
    struct lambda_shown shown;
    struct json_writer out;
    struct json_writer kept;
    bool reopening; /* it reads what a service before it has left */
    bool failed;
};

/* What a reply of the store is for: the tag's low bits; the rest is a run. */
enum lambda_asked {
    LAMBDA_ASKED_CLAIM,
    LAMBDA_ASKED_FINISH,
    LAMBDA_ASKED_RENEW,
    LAMBDA_ASKED_SIGNAL,
    LAMBDA_ASKED_BITS = 2
};

/* keep.c */

/* Before there is a core: looks for what a service has left and sets the
 * incarnation and the time. 1: there is something to take up; 0; -1. */
int lambda_keep_find(struct lambda_service_config *config, uint64_t *next_run);
/* Takes it up. 0 or -1, then the reason has been given. */
int lambda_keep_open(struct lambda_service *service);
bool lambda_keep_function(struct lambda_service *service, uint32_t number);
/* In an open group, 0 or -1. */
int lambda_keep_execution(struct lambda_service *service,
                          const struct lambda_execution *execution);
int lambda_keep_nothing(struct lambda_service *service, uint64_t run);

/* list.c */

/* False: out of memory. */
bool lambda_order_add(struct lambda_order *order,
                      struct lambda_execution *execution);
void lambda_order_remove(struct lambda_order *order,
                         const struct lambda_execution *execution);

/* retain.c */

/* It has ended, and is kept from now on. */
void lambda_retain(struct lambda_service *service,
                   const struct lambda_execution *execution);
/* Whether it is not to be seen any more. */
bool lambda_retain_is_over(const struct lambda_service *service,
                           const struct lambda_execution *execution);
uint32_t lambda_retain_days(const struct lambda_function *function);
/* Removes those whose time is over. */
void lambda_retain_attend(struct lambda_service *service);

/* execution.c */

struct lambda_execution *lambda_execution_find(struct lambda_service *service,
                                               uint64_t run);
/* Adds one that is about to start, or that another run invokes. NULL: out of
 * memory. name: NULL: its id. */
struct lambda_execution *lambda_execution_new(struct lambda_service *service,
                                              uint64_t run, uint32_t function,
                                              const char *qualifier,
                                              const char *name);
/* Forgets one that came to nothing. */
void lambda_execution_drop(struct lambda_service *service,
                           struct lambda_execution *execution);
void lambda_execution_free(struct lambda_execution *execution);
struct lambda_execution *lambda_execution_named(struct lambda_service *service,
                                                uint32_t function,
                                                const char *qualifier,
                                                const char *name);
/* False: out of memory. */
bool lambda_execution_rename(struct lambda_service *service,
                             struct lambda_execution *execution,
                             const char *qualifier, const char *name);
/* Takes in the events of a row. */
void lambda_execution_fold(struct lambda_service *service, uint64_t run,
                           const struct engine_item *event, uint64_t time_ns);
struct lambda_operation *
lambda_execution_operation(const struct lambda_execution *execution,
                           struct engine_hash id);
/* Appends the operations among these items; the run's own is left out. */
uint32_t lambda_execution_write(const struct lambda_execution *execution,
                                const void *items, size_t size,
                                struct json_writer *w, enum lambda_times times,
                                uint32_t most, uint32_t *next);
/* Appends the operation that is the execution itself. */
void lambda_execution_write_self(const struct lambda_execution *execution,
                                 struct json_writer *w,
                                 enum lambda_times times);
void lambda_execution_arn(const struct lambda_service *service,
                          const struct lambda_execution *execution,
                          char out[LAMBDA_ARN_SIZE]);
/* Appends the ids of operations that something outside has changed since the
 * function was last told of any; now it is told. NULL: it has been. */
void lambda_execution_write_news(struct lambda_execution *execution,
                                 struct json_writer *w);
/* What it was invoked with; nothing is an empty object. */
struct engine_text
lambda_execution_input(const struct lambda_execution *execution);
/* "RUNNING" and so on. */
const char *lambda_execution_status(const struct lambda_execution *execution);
/* The error of one that failed. */
void lambda_execution_write_error(const struct lambda_execution *execution,
                                  struct json_writer *w, const char *name);

/* invocation.c */

void lambda_invocation_dispatched(struct lambda_service *service,
                                  const struct engine_message *message);
void lambda_invocation_claimed(struct lambda_service *service,
                               struct lambda_invocation *invocation,
                               const struct engine_reply *reply);
void lambda_invocation_finished(struct lambda_service *service,
                                struct lambda_invocation *invocation,
                                const struct engine_reply *reply);
/* A page of the state for its event. */
void lambda_invocation_page(struct lambda_service *service,
                            struct lambda_invocation *invocation,
                            const struct engine_message *page);
/* Those whose time is over; claims that are to be renewed. */
void lambda_invocation_attend(struct lambda_service *service);
uint64_t lambda_invocation_due(const struct lambda_service *service);

/* call.c */

void lambda_call_answer(struct lambda_call *call, int status, const void *body,
                        size_t size);
void lambda_call_refuse(struct lambda_call *call, int status,
                        const char *exception, const char *message);
void lambda_call_problem(struct lambda_call *call,
                         const struct lambda_problem *problem);
/* False: there have been too many of its kind, it was refused. */
bool lambda_call_admit(struct lambda_service *service, struct lambda_call *call,
                       enum lambda_rate_kind kind);
/* The execution of an ARN; NULL: refused. */
struct lambda_execution *lambda_call_execution(struct lambda_service *service,
                                               struct lambda_call *call,
                                               enum lambda_rate_kind kind,
                                               const char *arn);
/* Puts a question into the execution's line. */
void lambda_call_ask(struct lambda_service *service,
                     struct lambda_execution *execution,
                     struct lambda_call *call);
/* The coordinator's answer to the first in the line. */
void lambda_call_answered(struct lambda_service *service,
                          const struct engine_message *message);
void lambda_call_signalled(struct lambda_service *service, uint64_t number,
                           const struct engine_reply *reply);

/* refusal.c */

/*
 * What the API allows less of than the engine, and ids that cannot be told
 * apart; of updates that come with the token that is valid now. False with the
 * problem.
 */
bool lambda_refusal_check(const struct lambda_execution *execution,
                          const struct engine_block *updates,
                          struct lambda_problem *problem);
/* Why the engine refuses these updates. */
void lambda_refusal_read(const struct lambda_execution *execution,
                         const struct engine_limits *limits,
                         const struct engine_block *updates,
                         const struct engine_message *message,
                         struct lambda_problem *problem);

/* invoke.c */

/* It has ended: whoever waits for that is told. */
void lambda_invoke_ended(struct lambda_service *service,
                         struct lambda_execution *execution);
void lambda_invoke_started(struct lambda_service *service,
                           struct lambda_execution *execution);
void lambda_invoke_refused(struct lambda_service *service,
                           const struct engine_message *message);

/* inspect.c */

/* Frees the history that is kept, if there is one. */
void lambda_history_forget(struct lambda_service *service);

#endif
