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

#include "engine/defects.h"
#include "engine/limits.h"
#include "engine/operation.h"

struct engine_execution_index;

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
    uint32_t told;       /* the same as delivered, but as far as known here
                            only: engine_execution_told() */
    uint32_t paging;     /* change at which its first page was sent */
    uint32_t waiting;    /* operations that something outside will end */
    uint32_t open_count; /* not terminal, contexts too, orphans not */
    uint32_t branches;   /* of them, iterations of maps and branches */
    uint32_t crowd;      /* most branches that were open at a time */
    uint32_t ambiguous;  /* of them, steps that an operator must decide */
    uint64_t written;    /* payload bytes of all updates */
    uint64_t started_ns; /* store time at which the run was created */
    uint64_t deadline_ns; /* of the run; UINT64_MAX none */
    uint32_t depth;       /* of invocations by other runs, 0: none */
    uint32_t failures;    /* invocations in a row that broke off */
    uint64_t parent_run;  /* 0: none */
    uint32_t parent_op;
    const struct engine_defects *defects; /* of its owner; NULL: none */
    struct engine_execution_index *index; /* private */
};

/* True if this seeded defect is on where the run is kept. */
static inline bool
engine_execution_defect(const struct engine_execution *execution,
                        enum engine_defect id)
{
    return execution->defects && engine_defect(execution->defects, id);
}

/* A problem with a batch: nothing of it is applied. */
struct engine_problem {
    uint32_t error;          /* enum engine_error; NONE: the batch is good */
    uint32_t update;         /* index of the update that is wrong */
    uint64_t actual;         /* with SIZE_LIMIT, and VALIDATION of a duration */
    uint64_t maximum;        /* what would have passed; a minimum if below */
    enum engine_limit limit; /* which; ENGINE_LIMIT_COUNT: none */
    char text[192];          /* one sentence, for the handler's author */
};

/*
 * What becomes of a step that fails with ENGINE_ERR_AMBIGUOUS: it stays
 * STARTED with that error, execution->ambiguous counts it, no update of it is
 * accepted, and an operator's signal with op = its number ends that: SKIP (it
 * SUCCEEDED, with the signal's value), ABORT (it FAILED), RESUME (READY: the
 * next attempt may start).
 */

/* limits must outlive it. 0, or -1 when out of memory. */
int engine_execution_init(struct engine_execution *execution,
                          const struct engine_memory *memory, uint64_t run,
                          const struct engine_limits *limits);
void engine_execution_free(struct engine_execution *execution);

/*
 * Folds one event: those of the handler's kinds (engine/wire.h: from
 * ATTEMPT_SUSPENDED on, the ATTEMPT_.. and OP_.. events of op 0) and
 * RUN_CREATED, for started_ns; all others change nothing. time_ns is its row's
 * store time, 0 if not yet committed: then stamp follows. An end that comes
 * from outside for an operation that has ended is passed over.
 * 0; -1 out of memory; -2 if it cannot follow what was applied before. After
 * an error the fold is only good for engine_execution_free().
 */
int engine_execution_apply(struct engine_execution *execution,
                           const struct engine_item *event, uint64_t time_ns);
void engine_execution_stamp(struct engine_execution *execution,
                            uint64_t store_time_ns);

/* The token of an invocation after count accepted checkpoints. */
static inline uint64_t engine_execution_token(uint32_t invocation,
                                              uint32_t count)
{
    return (uint64_t)invocation << 32 | count;
}

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
 * Checks a batch of UPDATE items (size bytes, side by side, the first at an
 * address divisible by 8) as one: actions allowed by type and status, order,
 * parents, names and types unchanged, limits, at most one update for an
 * operation but START followed by one other. The bytes may be anything. Fills
 * *problem; 0 if the batch may be applied, else -1.
 *
 * Too large or too many is SIZE_LIMIT, too short or too long VALIDATION. The
 * update of the EXECUTION does not count for the size of the batch.
 */
int engine_execution_check(const struct engine_execution *execution,
                           const void *updates, size_t size,
                           struct engine_problem *problem);
/*
 * Writes the events of a checked batch: CHECKPOINT, the updates' events, and
 * LIMIT_NEAR where one is neared. That is also where a run is invoked deep;
 * where a wait or callback is begun at store time now_ns (an estimate) that
 * may end behind the run's deadline, or first comes to 80 % of its time; and
 * once where ENGINE_BRANCHES_MAX branches are open and the profile has no
 * bound. Cancelling a wait that is over has no event. Does not apply them. 0
 * or -1.
 */
int engine_execution_events(const struct engine_execution *execution,
                            const void *updates, size_t size,
                            struct engine_hash client_token, uint64_t now_ns,
                            struct engine_block *block);

/* The earliest time at which fire() has something to do; UINT64_MAX none. */
uint64_t engine_execution_due(const struct engine_execution *execution);
/*
 * Writes the events of timers that are due at store time now_ns: waits fired,
 * retries ready, callbacks, heartbeats and invokes timed out, and steps whose
 * attempt nobody has begun or for which no time is left. *latest becomes
 * the latest deadline taken as past. Does not apply them. 0 or -1.
 */
int engine_execution_fire(const struct engine_execution *execution,
                          uint64_t now_ns, struct engine_block *block,
                          uint64_t *latest);
/*
 * Writes the events that a signal for an operation leads to, with
 * INBOX_CONSUMED (if it comes too late: only that). 1 if it
 * was for an operation; 0 if it is for the run as a whole (nothing written);
 * 2 if it must wait in the inbox (a message that is not next on its edge, or
 * that nobody receives yet); -1. Apply what it wrote before the next call.
 *
 * Messages and ends are numbered by their sender: the run in the actor's "run
 * N", or the actor as it stands. An edge has ended when every sender seen on
 * it has; a sender that comes after that opens it again.
 *
 * RESUME, SKIP and ABORT are for an operation if their op is not UINT32_MAX.
 * CALLBACK_FAIL: the edge text is the error's type. CHILD_ENDED with error
 * STOPPED or TIMED_OUT ends the INVOKE as that, with OPERATION_STOPPED (with a
 * payload) or OPERATION_TIMED_OUT. MESSAGE with number 0 is the next on its
 * sender whenever it comes. END_OF_STREAM, if it ends the edge, ends the
 * RECEIVEs open on it as SUCCEEDED with ENGINE_OPTION_END. MESSAGE_ACK ends the
 * SENDs on its edge up to its number; its actor is the receiver: "run N". A
 * result above op_payload makes its operation FAIL with SIZE_LIMIT.
 */
int engine_execution_signal(const struct engine_execution *execution,
                            const struct engine_item *inbox,
                            struct engine_block *block);
/*
 * The same end for RECEIVEs begun on an edge that had ended already: after a
 * batch, once nothing in the inbox can be given to them. Does not apply what
 * it writes. 0 or -1.
 */
int engine_execution_ends(const struct engine_execution *execution,
                          struct engine_block *block);
/* A signal's payload taken apart; points into it. */
struct engine_signal_view {
    struct engine_signal head;
    struct engine_text actor;
    struct engine_text reason;
    struct engine_text edge;
    const void *value;
};
/* Returns 0, or -1 if the sizes do not add up to the item's. */
int engine_signal_view(const struct engine_item *inbox,
                       struct engine_signal_view *view);

/* An edge on which this run has sent. */
struct engine_execution_edge {
    uint64_t to_run;
    struct engine_text edge; /* holds until the next event is applied */
    uint64_t sent;           /* messages */
};
/* The index-th of them, from 0 in the order of first use; false: no more. */
bool engine_execution_edge(const struct engine_execution *execution,
                           uint32_t index, struct engine_execution_edge *edge);

/* Writes OPERATION_STOPPED for every open operation. 0 or -1. */
int engine_execution_stop(const struct engine_execution *execution,
                          struct engine_block *block);

/*
 * Something changed from outside that the last or current invocation has not
 * been told. It knows what was so when it was scheduled, since it reads its
 * pages after that, and what its checkpoints were answered.
 */
bool engine_execution_has_news(const struct engine_execution *execution);
/*
 * The current invocation, which cannot go on without this answer, was sent
 * every change up to this one. Not in the log: after a recovery it counts as
 * told what its checkpoints say, and may be called once in vain.
 */
void engine_execution_told(struct engine_execution *execution, uint32_t change);
/* The same for a page, with its marker and *next. */
void engine_execution_paged(struct engine_execution *execution, uint32_t marker,
                            uint32_t next);
/* Something outside will end an operation: PENDING is a legal answer. */
bool engine_execution_is_waiting(const struct engine_execution *execution);

/*
 * One page of the state, from the operation numbered marker on (0: the
 * start): OPERATION items up to max_bytes, at least one; children of closed
 * contexts are left out, the run itself until it has reported its result.
 * *next: the next marker, 0 when done. 0 or -1.
 */
int engine_execution_page(const struct engine_execution *execution,
                          uint32_t marker, size_t max_bytes,
                          struct engine_block *block, uint32_t *next);
/* OPERATION items of what changed after change number `since`, in the order
 * of number; a checkpoint is answered with since = before. 0 or -1. */
int engine_execution_delta(const struct engine_execution *execution,
                           uint32_t since, struct engine_block *block);

/*
 * The fold as bytes, for a SNAPSHOT item: all of the block, which is begun
 * here. Nothing may wait for its stamp. 0 or -1.
 */
int engine_execution_save(const struct engine_execution *execution,
                          struct engine_block *block);
/*
 * Reads them back into an execution that was only initialised, for the same
 * run. 0, -1, -2 as apply; the bytes may be anything.
 */
int engine_execution_restore(struct engine_execution *execution,
                             const void *bytes, size_t size);

#endif
