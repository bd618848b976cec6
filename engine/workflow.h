/*
 * Durable workflows as C functions. A handler is called from the top each
 * time something it waited for has happened; operations that are done return
 * what was recorded, the first one that is not done says SUSPENDED, and the
 * handler returns that up its own stack. There are no fibres and no threads:
 * everything a handler has on its stack it finds again by being called again.
 *
 *     static int charge(struct engine_attempt *a, void *self,
 *                       struct engine_bytes input, struct engine_bytes *out)
 *     {
 *         if (card_charge(input, engine_attempt_key(a)))
 *             return engine_attempt_fail(a, ENGINE_ERR_NETWORK, "card down");
 *         *out = engine_attempt_text(a, "{\"ok\":true}");
 *         return ENGINE_DONE;
 *     }
 *
 *     static int order(struct engine_context *c, void *self,
 *                      struct engine_bytes input, struct engine_bytes *out)
 *     {
 *         struct engine_step_options once = {
 *             .side_effect = ENGINE_EFFECT_IDEMPOTENT};
 *         struct engine_bytes paid;
 *         int flow;
 *
 *         if ((flow = engine_step(c, "charge", charge, self, input, &once,
 *                                 &paid)))
 *             return flow;
 *         if ((flow = engine_wait(c, "cool off", 3600 * ENGINE_SECOND)))
 *             return flow;
 *         *out = paid;
 *         return ENGINE_DONE;
 *     }
 *
 * A handler must do the same calls in the same order when it meets the same
 * results: no clock, no random number, no outside state but through this
 * header. An operation is known by the number of its call in its context. A
 * replay that meets another one there than was recorded (another type or
 * name, a map or parallel of another number of branches), or that ends, well
 * or not, before one that was recorded, ends the run as NONDETERMINISTIC and
 * says both. Three may leave behind what was recorded: branches that lost, a
 * context that overlaps when it fails, and a handler without memory.
 *
 * What cannot be right is refused where it is said: a wait that is too short,
 * a name that is too long, options that contradict each other. Such a call
 * returns FAILED_FLOW, and nothing is recorded of it.
 *
 * The same functions can be declared in JSON: engine/program.h.
 *
 * State transitions are recorded exactly once. A step's code may run more
 * than once unless its receiver recognises engine_attempt_key(), or the step
 * says AT_MOST_ONCE and may then not run at all.
 */
#ifndef ENGINE_WORKFLOW_H
#define ENGINE_WORKFLOW_H

#include "engine/graph.h"
#include "engine/operation.h"

#define ENGINE_SECOND UINT64_C(1000000000)

/* What every operation and every handler returns. */
enum engine_flow {
    ENGINE_DONE = 0,
    ENGINE_SUSPENDED = 1,    /* return it at once */
    ENGINE_FAILED_FLOW = -1, /* the operation failed: engine_error_of() */
    ENGINE_BROKEN = -2       /* the run cannot go on: return it at once */
};

/* Bytes that belong to the engine and hold until the handler returns. */
struct engine_bytes {
    const void *data;
    size_t size;
};

struct engine_context; /* the run, or a child context of it */
struct engine_attempt; /* one attempt of one step */

/* A handler, a branch or an item's function. Sets *out when DONE. */
typedef int engine_handler_fn(struct engine_context *c, void *self,
                              struct engine_bytes input,
                              struct engine_bytes *out);
/*
 * A step's code. DONE with *out set; FAILED_FLOW after engine_attempt_fail();
 * SUSPENDED, after engine_attempt_tag(), if the host runs it elsewhere and
 * says later how it ended.
 */
typedef int engine_step_fn(struct engine_attempt *a, void *self,
                           struct engine_bytes input, struct engine_bytes *out);

struct engine_handler {
    const char *name; /* the workflow's name */
    engine_handler_fn *run;
    void *self;
};

/* Why something failed; the same in every replay. */
struct engine_error_info {
    uint32_t error; /* enum engine_error */
    struct engine_text type;
    struct engine_text message;
    uint64_t actual; /* of a SIZE_LIMIT */
    uint64_t maximum;
};
/* The error of the context's last operation that returned FAILED_FLOW. */
const struct engine_error_info *engine_error_of(const struct engine_context *c);
/* Fails the handler or branch itself, with words; returns FAILED_FLOW. */
int engine_fail(struct engine_context *c, uint32_t error, const char *type,
                const char *message);

/*
 * Once an operation was SUSPENDED, all further ones of its context are too,
 * so a handler that does not return at once does no harm. Not in a context
 * that overlaps: there its handler goes on to operations that do not need the
 * one that is open, and says SUSPENDED at its end. Its calls must still be
 * the same in every replay, whatever is open.
 */
void engine_context_overlap(struct engine_context *c);

/*
 * For a handler that overlaps, after one of its operations has failed: from
 * now on nothing begins in the context. Calls for what has ended give it, so
 * that what can be undone is known, all others say SUSPENDED, and the
 * context's error stays that of the first failure. The handler then returns
 * FAILED_FLOW.
 */
void engine_context_close(struct engine_context *c);

/* Steps ------------------------------------------------------------------- */

/*
 * Which errors of class USER and UNKNOWN are retried: those that match both.
 * Without a filter, those of which engine_attempt_fail_as() says so.
 */
struct engine_retry_filter {
    const char *const *types; /* of engine_attempt_fail_as(); NULL: any */
    uint32_t type_count;
    const char *message_part; /* NULL: any */
};

/* Zeros mean the defaults, named with each. */
struct engine_step_options {
    enum engine_side_effect side_effect; /* 0: undeclared, one attempt only */
    enum engine_semantics semantics;     /* AT_LEAST_ONCE; an IRREVERSIBLE step
                                            is AT_MOST_ONCE */
    const struct engine_retry *retry;    /* NULL: by side effect, see below */
    struct engine_retry_filter retryable;
    uint64_t attempt_timeout_ns; /* none; kept by the host */
    uint64_t stall_timeout_ns;   /* between signs of progress; none; the same */
    /*
     * Kept by the coordinator, so whatever happens to the worker: how long the
     * next attempt may wait to be begun once it is due, and of all attempts
     * from when the first has begun; none. Who misses one ends as TIMED_OUT
     * for good, but an IRREVERSIBLE attempt goes on to its own end.
     */
    uint64_t schedule_to_start_ns;
    uint64_t timeout_ns;
    engine_step_fn *compensate; /* of a REVERSIBLE step: called with the same
                                   self and the step's result if the run
                                   fails */
    bool json; /* its result is JSON: engine_value_storable() */
};

/*
 * The retry policies: `standard` is 6 attempts, 5 s, doubling, at most 60 s,
 * full jitter, for READ_ONLY and IDEMPOTENT steps and for REVERSIBLE ones
 * with a compensation; all others have one attempt. Which errors are retried
 * is in engine/failure.h: THROTTLED, OOM and AUTH_EXPIRED have policies of
 * their own. A step that declares nothing but has a policy is repeated like
 * an IDEMPOTENT one. Delays are never below the profile's shortest wait, nor
 * below what engine_attempt_fail_as() asks for.
 *
 * In a policy factor_milli 0 is linear growth: each delay is delay_ns longer.
 */
extern const struct engine_retry engine_retry_standard;
extern const struct engine_retry engine_retry_none;
struct engine_retry engine_retry_fixed(uint32_t attempts, uint64_t delay_ns);
struct engine_retry engine_retry_linear(uint32_t attempts, uint64_t delay_ns,
                                        uint64_t delay_max_ns);

/*
 * Runs code until an attempt succeeds or none is left; its result is recorded
 * and given to every replay. An attempt that is AT_MOST_ONCE is recorded
 * before its code runs: if a later replay finds that it was cut off, it was
 * INTERRUPTED, and the policy decides. An IRREVERSIBLE one is AMBIGUOUS then,
 * and the run stays SUSPENDED until an operator skips, resumes or aborts the
 * step. A result above the profile's op_payload fails as SIZE_LIMIT, unless
 * the profile spills: then it becomes a blob, which is stored before the log
 * refers to it and read before a handler is called that needs it. One that
 * is said to be JSON and is not, or that refers to what would not outlive the
 * process (memory, a temporary file), fails as SERIALIZATION with the place.
 * Neither is tried again. Of an error's words 1,000 characters are kept.
 *
 * If the run fails, the compensations of its succeeded REVERSIBLE steps run,
 * newest first, each as a step called "compensate NAME" with the standard
 * policy; the run then fails with its own error whether they succeed or not.
 * Steps of failed and cancelled branches are undone like all others.
 */
int engine_step(struct engine_context *c, const char *name,
                engine_step_fn *code, void *self, struct engine_bytes input,
                const struct engine_step_options *options,
                struct engine_bytes *out);

uint32_t engine_attempt_number(const struct engine_attempt *a); /* from 1 */
/* The same for every attempt of this step of this run, and for no other. */
struct engine_hash engine_attempt_key(const struct engine_attempt *a);
/* What the attempt before saved last; size 0: nothing. */
struct engine_bytes engine_attempt_progress(const struct engine_attempt *a);
/* Saves progress; durable with the next checkpoint. 0 or -1. */
int engine_attempt_save(struct engine_attempt *a, struct engine_bytes progress);
/* Memory that lives as long as the attempt's result needs it; NULL: none. */
void *engine_attempt_memory(struct engine_attempt *a, size_t size);
/* A copy of a text as a result. */
struct engine_bytes engine_attempt_text(struct engine_attempt *a,
                                        const char *text);
/*
 * Say why the step failed; return FAILED_FLOW. Retried by class and policy:
 * USER, UNKNOWN, VALIDATION and the like are not, unless fail_as says that
 * they are retryable, which also says that the effect has surely not begun.
 */
int engine_attempt_fail(struct engine_attempt *a, uint32_t error,
                        const char *message);
int engine_attempt_fail_as(struct engine_attempt *a, uint32_t error,
                           const char *type, const char *message,
                           bool retryable, uint64_t retry_after_ns);

/* Waiting ----------------------------------------------------------------- */

/* FAILED_FLOW with CANCELLED if another branch cancelled it. */
int engine_wait(struct engine_context *c, const char *name, uint64_t ns);
/*
 * The same until a moment by the store's clock, unix ns. One that is past ends
 * the wait at once. No later than the profile's longest wait after
 * engine_time(). For schedules: engine/cron.h.
 */
int engine_wait_until(struct engine_context *c, const char *name,
                      uint64_t unix_ns);
/* Cancels the newest open wait of this name, in any branch that is open. One
 * that is over stays as it is, and none is no error. */
int engine_wait_cancel(struct engine_context *c, const char *name);

/* How a condition polls: a retry policy with a state in place of the error. */
struct engine_condition_options {
    struct engine_retry poll; /* zeros: 60 polls, 1 s, x1.5, at most 60 s */
};
/*
 * check gets the state and sets the next one; it returns DONE when the
 * condition holds (the state is the result), SUSPENDED to be asked again. Its
 * errors are not retried. After the last poll the operation fails: TIMED_OUT,
 * type Condition.Exhausted.
 */
int engine_wait_for_condition(struct engine_context *c, const char *name,
                              engine_step_fn *check, void *self,
                              struct engine_bytes initial,
                              const struct engine_condition_options *options,
                              struct engine_bytes *out);

struct engine_callback_options {
    uint64_t timeout_ns;   /* 0: none */
    uint64_t heartbeat_ns; /* 0: none; must be below the timeout */
};
struct engine_callback {
    struct engine_hash operation;
    char id[48]; /* what outside systems answer to */
};
/* Makes a callback; it is durable when this returns DONE. */
int engine_create_callback(struct engine_context *c, const char *name,
                           const struct engine_callback_options *options,
                           struct engine_callback *callback);
int engine_callback_result(struct engine_context *c,
                           const struct engine_callback *callback,
                           struct engine_bytes *out);
/*
 * A child context with a callback and a step, the submitter, whose input is
 * the callback's id. It runs once the callback is durable, and not again when
 * the callback has been answered.
 */
int engine_wait_for_callback(struct engine_context *c, const char *name,
                             engine_step_fn *submitter, void *self,
                             const struct engine_step_options *step,
                             const struct engine_callback_options *options,
                             struct engine_bytes *out);
/* The callback of an operation: its number in the run, and its id. */
void engine_callback_write(uint64_t run, uint32_t operation,
                           struct engine_hash key,
                           struct engine_callback *callback);
/* The run that a callback id names, the operation's number in it, and its id.
 * 0, or -1: it is none, or mistyped. */
int engine_callback_parse(const char *id, uint64_t *run, uint32_t *operation,
                          struct engine_hash *key);

/* Other runs -------------------------------------------------------------- */

/* What becomes of an invoked run whose parent ends before it, however that
 * does. */
enum engine_parent_end {
    ENGINE_PARENT_END_LEAVE, /* it goes on */
    ENGINE_PARENT_END_CANCEL /* it is cancelled as soon as it can be reached */
};

struct engine_invoke_options {
    uint64_t timeout_ns; /* 0: none */
    enum engine_parent_end on_parent_end;
};
/*
 * Has another workflow run, as a run of its own, and waits for its end. If the
 * number that the run would have is another's already, it fails with
 * VALIDATION.
 */
int engine_invoke(struct engine_context *c, const char *name,
                  const char *workflow, struct engine_bytes input,
                  const struct engine_invoke_options *options,
                  struct engine_bytes *out);
/*
 * Messages: FIFO from each sender on each edge of a receiving run, each with an
 * id that does not depend on attempts. A SEND is open until its receiver has
 * consumed the message; send is SUSPENDED, and sends nothing, while `window`
 * (0: 3) earlier ones of this run to that edge are open. It does not wait for
 * its own. What a run sends on an edge ends when the run does, however it does.
 * A receiver that has not started yet is looked for during two minutes; then,
 * and when it has ended, messages are dropped and count as consumed. So are
 * those that it has not received when it ends. A run whose operations are more
 * than 30,000 sends, receives and invokes no more from there on, nor does it
 * send on more than 2,000 edges: VALIDATION.
 *
 * Several may send on one edge: a receiver gets the first message that has
 * come and is the next of its sender. The edge has ended when every sender has
 * that was seen on it so far. Who is yet to come cannot be known: a receiver
 * that awaits n senders counts what they say last, not *end, and after an *end
 * that came too early waits a while and receives again; nothing is lost.
 */
int engine_send(struct engine_context *c, uint64_t to_run, const char *edge,
                struct engine_bytes message, uint32_t window);
/* DONE with the next message; *end is set when the edge has ended. */
int engine_receive(struct engine_context *c, const char *edge,
                   struct engine_bytes *message, bool *end);
/*
 * The same, but fails with TIMED_OUT if nothing comes for so long (0: waits
 * for ever). The handler may end then, or receive again: a message that comes
 * later waits in the inbox and is the next.
 */
int engine_receive_for(struct engine_context *c, const char *edge,
                       uint64_t inactivity_ns, struct engine_bytes *message,
                       bool *end);

/* Triggers ----------------------------------------------------------------- */

/*
 * A trigger is an edge with a sender that is no run: a source, whose name is
 * the actor of all its signals. The outside puts signals of kind MESSAGE into
 * the run's inbox, each with an id of its own and a number: its place in the
 * source, from 1, as a file or a queue counts (its offset + 1). The handler
 * that receives from the edge gets number 1, 2, 3 .. exactly once each, whoever
 * crashes when:
 *
 *     handler <- RECEIVE <- inbox: 7 6 4 | taken: 1 2 3
 *                                                     ^ the cursor
 *
 * The number of messages taken is the cursor. It is durable: the signal goes
 * out of the inbox in the same append that ends the RECEIVE. What comes out of
 * order waits in the inbox until what is missing has come. What comes twice is
 * consumed and nothing else, be it the same signal (the inbox knows its id) or
 * another with a number that was taken. So a source that does not know what
 * has arrived sends again from any number at or below the cursor + 1. Without
 * a number (0) a message is the next whenever it comes, and only its id keeps
 * it from coming twice. The source ends with END_OF_STREAM, whose number is
 * that of the last message + 1.
 */

/* Structure --------------------------------------------------------------- */

struct engine_child_options {
    bool replay_children; /* a result above op_payload is not stored: a replay
                             calls the function again for it */
};
/*
 * A function whose operations are numbered on their own, and which is over
 * once it returns: a replay takes its result and does not call it. If it
 * fails, the operation fails with its error.
 */
int engine_run_in_child_context(struct engine_context *c, const char *name,
                                engine_handler_fn *run, void *self,
                                struct engine_bytes input,
                                const struct engine_child_options *options,
                                struct engine_bytes *out);

/*
 * When a map or parallel is over: once enough branches have succeeded; else
 * once too many have failed; else when all have ended. It fails with its first
 * failure, by place, if too many failed or too few succeeded. Without
 * `tolerate`, one failure is too many, but any number if min_successful is
 * set.
 */
struct engine_completion {
    uint32_t min_successful;        /* 0: all */
    bool tolerate;                  /* the two below hold */
    uint32_t tolerated_failures;    /* more than this many: over; 0 with a
                                       share: only that counts */
    uint32_t tolerated_share_milli; /* more than this share of all: over; 0:
                                       only the number counts */
};

struct engine_batch_options {
    uint32_t max_concurrency; /* open branches; 0: the profile's bound, which
                                 holds for a run with all its batches; where
                                 it has none, 256 of this batch */
    struct engine_completion completion; /* zeros: one failure ends it */
    uint32_t items_per_batch;            /* map: 0 or 1: one each */
    size_t bytes_per_batch;              /* 0: no bound. If one of the two is
                                            set, the other's default is 100
                                            items or 262,144 bytes */
    const char *const *item_names;       /* map: one for each of its branches;
                                            NULL: they have none */
};

enum engine_branch_status {
    ENGINE_BRANCH_NOT_STARTED,
    ENGINE_BRANCH_STARTED,
    ENGINE_BRANCH_SUCCEEDED,
    ENGINE_BRANCH_FAILED,
    ENGINE_BRANCH_CANCELLED
};
enum engine_batch_reason {
    ENGINE_ALL_COMPLETED = 1,
    ENGINE_MIN_SUCCESSFUL_REACHED,
    ENGINE_FAILURE_TOLERANCE_EXCEEDED
};
/* CANCELLED: it was open when the others decided. */
struct engine_branch_result {
    enum engine_branch_status status;
    struct engine_bytes value;
    struct engine_error_info error;
};
/* Belongs to the engine, holds until the handler returns. */
struct engine_batch {
    enum engine_batch_reason reason;
    uint32_t count;
    uint32_t succeeded;
    uint32_t failed;
    const struct engine_branch_result *branches;
};

struct engine_branch {
    const char *name;
    engine_handler_fn *run;
    void *self;
    struct engine_bytes input;
};

/*
 * Calls run for each item, in a context of its own, side by side; the results
 * are in the order of the items, and the same in every replay. DONE also when
 * branches failed, if the completion policy allows it; *out is filled also
 * with FAILED_FLOW, with no branches if the options were refused. Costs 1
 * operation, 1 for each branch and those inside. With batches of items an input
 * is a row of items, each after its size as uint32; engine_item_of() takes it
 * apart.
 */
int engine_map(struct engine_context *c, const char *name,
               const struct engine_bytes *items, uint32_t count,
               engine_handler_fn *run, void *self,
               const struct engine_batch_options *options,
               struct engine_batch *out);
/* The same with a function for each branch. */
int engine_parallel(struct engine_context *c, const char *name,
                    const struct engine_branch *branches, uint32_t count,
                    const struct engine_batch_options *options,
                    struct engine_batch *out);
/* The n-th item of such a row, from 0; data NULL: there is none. */
struct engine_bytes engine_item_of(struct engine_bytes batch, uint32_t n);

/* Fails with the first failure. */
int engine_all(struct engine_context *c, const char *name,
               const struct engine_branch *branches, uint32_t count,
               struct engine_batch *out);
int engine_all_settled(struct engine_context *c, const char *name,
                       const struct engine_branch *branches, uint32_t count,
                       struct engine_batch *out);
/* The first branch to end, well or not: fails if that one failed. */
int engine_race(struct engine_context *c, const char *name,
                const struct engine_branch *branches, uint32_t count,
                uint32_t *winner, struct engine_bytes *out);
/* The first to succeed; fails when all failed. */
int engine_any(struct engine_context *c, const char *name,
               const struct engine_branch *branches, uint32_t count,
               uint32_t *winner, struct engine_bytes *out);

/* Replay-safe helpers ------------------------------------------------------ */

uint64_t engine_context_run(const struct engine_context *c);
/* When the run was created; the same in every replay. Unix ns. */
uint64_t engine_now(const struct engine_context *c);
/*
 * The latest time by the store's clock that the context knows: when something
 * outside ended a wait, callback, invoke or receive that it was given; at
 * first what the context around it knows, the run's creation in the end. The
 * same in every replay. In a context that overlaps it stays as at first.
 */
uint64_t engine_time(const struct engine_context *c);
/* Drawn from the run's seed; each context has its own sequence. */
uint64_t engine_random(struct engine_context *c);
void engine_uuid(struct engine_context *c, char out[37]);
/* True while the handler goes where it has been before. */
bool engine_is_replaying(const struct engine_context *c);
/* A line to the host's log, with the names of the contexts around it; not
 * again in replays. */
void engine_log(struct engine_context *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Memory that lives until the handler returns; NULL: none. */
void *engine_context_memory(struct engine_context *c, size_t size);
struct engine_bytes engine_text_bytes(const char *text);

#endif
