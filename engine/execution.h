/*
 * A run of a replayed handler as its coordinator keeps it: the fold of its
 * operations, the rules of the checkpoint protocol, its timers. Pure: events
 * in, events out. What is decided here is written into the run's log by its
 * owner and then applied, so that whoever reads the log comes to the same.
 *
 *     updates --check--> events --append, commit--> apply --> page, delta
 *     time ----fire----> events        "
 *     inbox --signal---> events        "
 *
 * Tokens are numbers: invocation << 32 | count of its accepted checkpoints.
 * The current one is valid once; the same client token with the token it
 * used up is answered again, without a change.
 */
#ifndef ENGINE_EXECUTION_H
#define ENGINE_EXECUTION_H

#include "engine/limits.h"
#include "engine/operation.h"

struct engine_execution {
    struct engine_operations operations;
    const struct engine_limits *limits;
    uint64_t token; /* valid now; 0: no invocation is under way */
    uint64_t used;  /* the token that the last checkpoint used up */
    struct engine_hash client_token; /* of the last checkpoint */
    uint32_t change;                 /* number of the last change */
    uint32_t delivered;  /* changes up to here are known to the invocation */
    uint32_t before;     /* the same before the last checkpoint */
    uint32_t outside;    /* last change that did not come from the invocation */
    uint32_t waiting;    /* operations that something outside will end */
    uint32_t open_count; /* not terminal, contexts too */
    uint64_t written;    /* payload bytes of all updates */
    uint64_t started_ns; /* store time at which the run was created */
    uint64_t deadline_ns; /* of the run; UINT64_MAX none */
    uint32_t depth;       /* of invocations by other runs, 0: none */
    uint32_t failures;    /* invocations in a row that broke off */
    uint64_t parent_run;  /* 0: none */
    uint32_t parent_op;
    struct engine_timers_of_run *timers; /* private */
};

/* A problem with a batch: nothing of it is applied. */
struct engine_problem {
    uint32_t error;  /* enum engine_error; NONE: the batch is good */
    uint32_t update; /* index of the update that is wrong */
    uint64_t actual; /* with SIZE_LIMIT and VALIDATION of numbers */
    uint64_t maximum;
    enum engine_limit limit; /* which, with SIZE_LIMIT */
    char text[192];          /* one sentence, for the handler's author */
};

/* limits must outlive it. 0, or -1 when out of memory. */
int engine_execution_init(struct engine_execution *execution,
                          const struct engine_memory *memory, uint64_t run,
                          const struct engine_limits *limits);
void engine_execution_free(struct engine_execution *execution);

/*
 * Folds one event of the handler's kinds (engine/wire.h: from
 * ATTEMPT_SUSPENDED on, and the ATTEMPT_.. and OP_.. events of op 0). time_ns
 * is its row's store time, 0 if not yet committed: then stamp follows.
 * 0; -1 out of memory; -2 if it cannot follow what was applied before.
 */
int engine_execution_apply(struct engine_execution *execution,
                           const struct engine_item *event, uint64_t time_ns);
void engine_execution_stamp(struct engine_execution *execution,
                            uint64_t store_time_ns);

/* A new invocation begins: gives it its token and forgets what was delivered.
 * Called for OP_SCHEDULED of op 0 by apply; here for the worker's sake. */
uint64_t engine_execution_token(uint32_t invocation, uint32_t count);

/* How a checkpoint's tokens stand. */
enum engine_token_state {
    ENGINE_TOKEN_GOOD,
    ENGINE_TOKEN_REPEAT, /* answer as before, change nothing */
    ENGINE_TOKEN_STALE
};
enum engine_token_state
engine_execution_token_state(const struct engine_execution *execution,
                             uint64_t token, struct engine_hash client_token);

/*
 * Checks a batch of UPDATE items (size bytes, side by side) as one: actions
 * allowed by type and status, order, parents, names and types unchanged,
 * limits, at most one update for an operation but START followed by one
 * other. Fills *problem; 0 if the batch may be applied, else -1.
 */
int engine_execution_check(const struct engine_execution *execution,
                           const void *updates, size_t size,
                           struct engine_problem *problem);
/*
 * Writes the events of a checked batch: CHECKPOINT, the updates' events, and
 * LIMIT_NEAR where one is neared. Does not apply them. 0 or -1.
 */
int engine_execution_events(const struct engine_execution *execution,
                            const void *updates, size_t size,
                            struct engine_hash client_token,
                            struct engine_block *block);

/* The earliest time at which fire() has something to do; UINT64_MAX none. */
uint64_t engine_execution_due(const struct engine_execution *execution);
/*
 * Writes the events of timers that are due at store time now_ns: waits fired,
 * retries ready, callbacks, heartbeats and invokes timed out. *latest becomes
 * the latest deadline taken as past. Does not apply them. 0 or -1.
 */
int engine_execution_fire(const struct engine_execution *execution,
                          uint64_t now_ns, struct engine_block *block,
                          uint64_t *latest);
/*
 * Writes the events that a signal for an operation leads to, INBOX_CONSUMED
 * first (it is consumed also when it comes too late: then only that). 1 if it
 * was for an operation; 0 if it is for the run as a whole (nothing written);
 * 2 if it must wait in the inbox (a message that is not next on its edge, or
 * that nobody receives yet); -1.
 */
int engine_execution_signal(const struct engine_execution *execution,
                            const struct engine_item *inbox,
                            struct engine_block *block);
/* Writes OPERATION_STOPPED for every open operation. 0 or -1. */
int engine_execution_stop(const struct engine_execution *execution,
                          struct engine_block *block);

/* Something changed that the last or current invocation has not been told. */
bool engine_execution_has_news(const struct engine_execution *execution);
/* Something outside will end an operation: PENDING is a legal answer. */
bool engine_execution_is_waiting(const struct engine_execution *execution);

/*
 * One page of the state, from the operation numbered marker on (0: the
 * start): OPERATION items up to max_bytes, at least one; children of closed
 * contexts are left out. *next: the next marker, 0 when done. 0 or -1.
 */
int engine_execution_page(const struct engine_execution *execution,
                          uint32_t marker, size_t max_bytes,
                          struct engine_block *block, uint32_t *next);
/* OPERATION items of what changed after change number `since`. 0 or -1. */
int engine_execution_delta(const struct engine_execution *execution,
                           uint32_t since, struct engine_block *block);

/* The fold as bytes, for a SNAPSHOT item, and back. 0, -1, -2 as apply. */
int engine_execution_save(const struct engine_execution *execution,
                          struct engine_block *block);
int engine_execution_restore(struct engine_execution *execution,
                             const void *bytes, size_t size);

#endif
