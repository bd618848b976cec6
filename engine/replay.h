/*
 * The machine under engine/workflow.h: it holds what is recorded of one run,
 * calls its handler, and collects what the handler wants recorded. A worker
 * has one for each invocation it is carrying out.
 *
 *     load OPERATION items.. -> go -> WORKING: take updates, persist them,
 *                                     give back the answer -> go -> ..
 *                                  -> PENDING | SUCCEEDED | FAILED
 *
 * Between two calls of the handler everything is in the table of operations;
 * nothing of it stays. What is queued is applied to the table at once, so the
 * handler meets its own changes; where it must not go on before they are
 * durable, it is SUSPENDED.
 *
 *     a step's result, an early end of a    durable before the handler goes on
 *       map or parallel                       (unless optimistic)
 *     START of an attempt at most once      durable before its code runs
 *     a callback                            durable before its id is given
 *     all others                            durable before what comes later is
 *
 * All updates are made durable in the order in which they were queued, each in
 * one piece: START before the end, a context before what is in it.
 */
#ifndef ENGINE_REPLAY_H
#define ENGINE_REPLAY_H

#include "engine/budget.h"
#include "engine/defects.h"
#include "engine/limits.h"
#include "engine/value.h"
#include "engine/workflow.h"

enum engine_replay_state {
    ENGINE_REPLAY_WORKING,   /* updates wait to be persisted, or steps run */
    ENGINE_REPLAY_PENDING,   /* nothing to do until something outside happens,
                                be it an operator's word on a step that ended
                                ambiguously */
    ENGINE_REPLAY_SUCCEEDED, /* result; empty if it was above the profile's
                                response and is an update of the EXECUTION */
    ENGINE_REPLAY_FAILED     /* error, words. With OOM and no type the replay
                                itself had no memory: the invocation broke, the
                                run did not fail */
};

/* A step's code that the handler's step_fn left to the host (SUSPENDED). */
struct engine_replay_step {
    uint32_t operation; /* handle for engine_replay_ended() */
    uint32_t attempt;
    struct engine_hash id;
    struct engine_hash key;
    uint64_t timeout_ns;          /* 0: none */
    uint64_t stall_ns;            /* between signs of progress; 0: none */
    uint64_t tag;                 /* set by the step_fn: engine_attempt_tag() */
    struct engine_bytes input;    /* these two hold until */
    struct engine_bytes progress; /* engine_replay_ended() */
};

struct engine_replay_config {
    const struct engine_memory *memory;
    const struct engine_handler *handler;
    const struct engine_limits *limits;
    uint64_t run;
    uint64_t seed;             /* of jitter, random and uuid: the run's own */
    uint64_t now_ns;           /* when the run was created */
    struct engine_bytes input; /* must outlive the replay */
    /*
     * Optimistic: a step that may be repeated need not be durable before the
     * next begins. Otherwise (batched) each result is durable before the
     * handler goes on from it; independent branches still share batches.
     */
    bool optimistic;
    bool json; /* results of all steps are JSON: engine_step_options */
    /*
     * NULL, or the retries that all runs of a host may make together: each
     * step counts as a first attempt; one that may be tried again but has no
     * retry left in it fails with its error. Conditions poll without it.
     */
    struct engine_budget *budget;
    /*
     * NULL, or persists the updates (size bytes of UPDATE items) and loads
     * the answer with engine_replay_load() before it returns 0; then the
     * handler goes on at once, and long handlers are not called anew for each
     * result. -1: could not; the updates stay queued and go() says WORKING,
     * or FAILED after engine_replay_refused(). Either way leaves the same log.
     */
    int (*persist)(void *self, const void *updates, size_t size);
    /* NULL, or where engine_log() goes. */
    void (*log)(void *self, uint64_t run, const char *operation,
                const char *text);
    void *self;
    struct engine_defects defects;
};

struct engine_replay;

/* NULL when out of memory. */
struct engine_replay *
engine_replay_new(const struct engine_replay_config *config);
void engine_replay_free(struct engine_replay *replay);

/*
 * Takes over OPERATION items (size bytes side by side, at an address divisible
 * by 8): pages of the state before the first go(), then the answers to the
 * updates, before engine_replay_persisted(). 0, -1 out of memory, -2 damaged;
 * then the replay is of no more use.
 */
int engine_replay_load(struct engine_replay *replay, const void *items,
                       size_t size);

/*
 * A recorded result that is in a blob which has not been given yet; false:
 * none, and go() may be called. Gives it: 0, or -1 out of memory.
 */
bool engine_replay_missing(const struct engine_replay *replay,
                           struct engine_blob_ref *ref);
int engine_replay_fetched(struct engine_replay *replay, const void *bytes,
                          size_t size);

/*
 * Calls the handler, unless updates are still queued or it has ended. Once,
 * but with `persist` again while the answers bring what it waits for.
 */
enum engine_replay_state engine_replay_go(struct engine_replay *replay);

/*
 * Whether the updates queued may still be joined by others before they are
 * persisted: the handler has not ended, and they are fewer, in number and
 * bytes, than one batch may hold, none of which has been given out.
 */
bool engine_replay_open(const struct engine_replay *replay);
/*
 * Calls the handler once though updates are queued, after a step that the host
 * runs has ended: what it made known joins them. Whatever waits for one of
 * them goes on waiting. Only while it is open.
 */
enum engine_replay_state engine_replay_collect(struct engine_replay *replay);

/*
 * The updates to persist next: one batch within the limits of the profile (a
 * single update may be larger), UPDATE items side by side. NULL when none is
 * queued. It stays the next one until engine_replay_persisted(); its bytes hold
 * until then, or until the next call that may queue: go(), progress().
 */
const void *engine_replay_updates(struct engine_replay *replay, size_t *size);
/*
 * The bytes of a result above the profile's inline limit, which the updates
 * refer to: to be stored as a blob before any of them is persisted. false:
 * none. It stays the next one until engine_replay_stored(). The persist hook
 * is not called while there is one.
 */
bool engine_replay_blob(const struct engine_replay *replay,
                        struct engine_bytes *bytes);
void engine_replay_stored(struct engine_replay *replay);
/* That batch is durable; its OPERATION items have been loaded. */
void engine_replay_persisted(struct engine_replay *replay);
/* That batch was refused: the run fails with it; nothing stays queued. */
void engine_replay_refused(struct engine_replay *replay, uint32_t error,
                           const char *text, size_t size);

/* Steps that the host is to run now; each is handed out once, those of
 * branches that have lost by then not at all. */
bool engine_replay_next_step(struct engine_replay *replay,
                             struct engine_replay_step *step);
/* Progress of one: durable with the next updates. 0, or -1: too large, out of
 * memory, or no step is running under this handle. */
int engine_replay_progress(struct engine_replay *replay, uint32_t operation,
                           struct engine_bytes progress);
/*
 * How one ended: its output, or with an error its words. A condition's check
 * that does not hold yet ends with PENDING and its new state. 0, or -1 when
 * out of memory.
 */
int engine_replay_ended(struct engine_replay *replay, uint32_t operation,
                        uint32_t error, bool retryable,
                        struct engine_bytes output);
/* Whether a step that was handed out has been ended by the coordinator since:
 * nothing comes of what it does. It still has to be told how it ended. */
bool engine_replay_is_over(const struct engine_replay *replay,
                           uint32_t operation);
/* Steps handed out that have not ended. */
uint32_t engine_replay_running(const struct engine_replay *replay);

/* After SUCCEEDED: the result. After FAILED: the error's class and words. */
struct engine_bytes engine_replay_result(const struct engine_replay *replay);
uint32_t engine_replay_error(const struct engine_replay *replay,
                             struct engine_text *type,
                             struct engine_text *words);

/* For step functions that leave their work to the host: what it needs to
 * know the step by. */
void engine_attempt_tag(struct engine_attempt *a, uint64_t tag);

#endif
