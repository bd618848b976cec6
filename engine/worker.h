/*
 * The worker executes attempts: it claims an attempt in the store (from then
 * on the attempt has started, durably), lets its host run the step's code,
 * reports what came of it, and hints the coordinator. A state machine without
 * I/O, like the coordinator.
 *
 *     DISPATCH -> CLAIM -> (GET_BLOB..) -> execute -> (PUT_BLOB..) -> FINISH
 *              -> HINT
 *
 * An invocation of a handler is such an attempt, too; in place of the step's
 * code it has engine/replay.h, and talks to the run's owner about it:
 *
 *     DISPATCH -> CLAIM -> (STATE..) -> replay <-> CHECKPOINT.. -> FINISH
 *                                         <-> execute..
 *
 * A claim is kept alive by heartbeats. A worker that could not renew it stops
 * by its own monotonic clock before the claim runs out, and lets the attempt
 * go: somebody else will decide about it. Values above the inline limit
 * travel as blobs, written before the report that refers to them. A STREAM is
 * given by a graph's step as its reference with the record behind it; to a
 * step it is given as the record alone.
 */
#ifndef ENGINE_WORKER_H
#define ENGINE_WORKER_H

#include "engine/coordinator.h"
#include "engine/replay.h"

struct engine_worker_config {
    uint32_t node;
    uint32_t incarnation;
    uint32_t store;
    uint32_t slots; /* attempts at a time */
    const struct engine_graph *const *graphs;
    uint32_t graph_count;
    uint64_t claim_ttl_ns;
    uint64_t skew_bound_ns;
    uint64_t request_timeout_ns;
    uint32_t inline_max; /* bytes of a value; larger ones become blobs */
    /* By workflow id, NULL for graphs; NULL: it has none. */
    const struct engine_handler *const *handlers;
    const struct engine_limits *limits; /* of handlers; NULL: the first
                                           built-in profile */
    bool optimistic;                    /* engine/replay.h */
    bool json;                          /* the same */
    /*
     * How long a batch of updates stays open for the results of steps that the
     * host is running beside: it goes out after so long, when it is full, or
     * when no step runs any more. 0: it goes out at once. Not with `persist`.
     */
    uint64_t checkpoint_window_ns;
    struct engine_budget *budget; /* the same; must outlive it */
    /*
     * NULL, or asks the coordinator and waits for its answer: fills the block
     * with the CHECKPOINTED message and its payload. -1: no answer; then the
     * question goes out as a message.
     */
    int (*persist)(void *self, const struct engine_message *question,
                   struct engine_block *answer);
    void (*log)(void *self, uint64_t run, const char *operation,
                const char *text);
    void *self; /* of persist and log */
    const struct engine_sink *sink;
    struct engine_defects defects;
    const struct engine_memory *memory;
    struct engine_block *scratch;
};

struct engine_worker;

/* Returns NULL when out of memory. */
struct engine_worker *
engine_worker_new(const struct engine_worker_config *config, uint64_t mono_ns);
void engine_worker_free(struct engine_worker *worker);

/* As engine_coordinator_step(). */
int engine_worker_step(struct engine_worker *worker,
                       const struct engine_input *input,
                       struct engine_update *update);
uint64_t engine_worker_deadline(const struct engine_worker *worker);

/* Attempts under way. */
uint32_t engine_worker_busy(const struct engine_worker *worker);
/* Whether this attempt is one of them. */
bool engine_worker_has(const struct engine_worker *worker, uint64_t run,
                       uint32_t op, uint32_t attempt);

#endif
