/*
 * The state of one run: the fold of its log. The same function applies an
 * event when a coordinator decides it and when a log is read back, so that a
 * run that recovered is in the state in which it was left.
 *
 * A run of a replayed handler has one operation here, the handler: each of
 * its invocations is an attempt. What the handler does is in `execution`.
 */
#ifndef ENGINE_RUN_H
#define ENGINE_RUN_H

#include <stdbool.h>

#include "engine/execution.h"
#include "engine/graph.h"
#include "engine/memory.h"
#include "engine/wire.h"

enum engine_op_state {
    ENGINE_OP_IDLE,
    ENGINE_OP_SCHEDULED,  /* an attempt may be started or running; due_ns is
                             until when it must have been claimed */
    ENGINE_OP_ENDED,      /* the attempt has ended, what follows is decided */
    ENGINE_OP_RETRY_WAIT, /* due_ns is when the next attempt may start */
    ENGINE_OP_WAITING,    /* due_ns is when the wait is over */
    ENGINE_OP_AMBIGUOUS,  /* an operator must say */
    ENGINE_OP_SUCCEEDED,
    ENGINE_OP_FAILED,
    ENGINE_OP_PARKED /* a handler that waits for news */
};

struct engine_op {
    uint8_t state;      /* enum engine_op_state */
    uint8_t unstamped;  /* due_ns or close_ns is still a duration */
    uint16_t error;     /* of the last attempt that did not succeed */
    uint8_t begun;      /* somebody has begun the last attempt */
    uint16_t same;      /* attempts in a row that ended with that error */
    uint32_t moves;     /* how often it went on to another platform */
    uint32_t attempt;   /* the current or next one; 0: none yet */
    uint32_t waits_for; /* operations that must succeed first */
    uint32_t output_size;
    uint64_t due_ns;   /* store time, UINT64_MAX: none */
    uint64_t close_ns; /* store time by which its attempts must be over and
                          done; 0: none */
    void *output;      /* envelope, or the words of its error; owned */
};

struct engine_run {
    uint64_t id;
    uint32_t workflow;
    uint32_t state;  /* enum engine_run_state */
    uint32_t client; /* node that asked for the run */
    const struct engine_graph *graph;
    const struct engine_memory *memory;
    uint32_t op_count;
    uint32_t succeeded_count;
    uint32_t failed_count;
    uint32_t ambiguous_count;
    uint32_t error;      /* of the first failed operation */
    uint32_t failed_op;  /* which that is */
    uint32_t open_count; /* scheduled, waiting or between attempts */
    uint32_t ready_count;
    uint32_t input_size;
    uint8_t has_origin;
    uint8_t operator_speaks;     /* an action of one is being folded */
    uint8_t unstamped;           /* started and deadline are not known yet */
    struct engine_origin origin; /* zeros: started by a client */
    uint64_t started_ns;         /* store time */
    uint64_t deadline_ns;        /* store time, UINT64_MAX: none */
    struct engine_execution *execution; /* NULL: its graph is no handler */
    void *input;                        /* owned */
    uint32_t *open;                     /* operations, order of opening */
    uint32_t *ready; /* operations whose inputs have just become complete */
    struct engine_op ops[];
};

/* Returns a run with nothing in it, or NULL when out of memory. */
struct engine_run *engine_run_new(const struct engine_memory *memory,
                                  uint64_t id, uint32_t workflow,
                                  const struct engine_graph *graph);
/* The same with limits for a handler, which must outlive the run. NULL: the
 * first built-in profile. */
struct engine_run *engine_run_new_within(const struct engine_memory *memory,
                                         uint64_t id, uint32_t workflow,
                                         const struct engine_graph *graph,
                                         const struct engine_limits *limits);
void engine_run_free(struct engine_run *run);

/*
 * Applies one event. time_ns is the store time of its row, or 0 if the row is
 * not yet committed: then engine_run_stamp() must follow with the time.
 * Returns 0; -1 when out of memory; -2 if the event cannot follow what was
 * applied before: the log is damaged or was written by another program.
 */
int engine_run_apply(struct engine_run *run, const struct engine_item *event,
                     uint64_t time_ns);

/* Gives the deadlines of events just committed their store time. */
void engine_run_stamp(struct engine_run *run, uint64_t store_time_ns);

/*
 * The store time at which the run ends, paused or not; UINT64_MAX: at none.
 * While an operator must say what came of an attempt it does not end by
 * itself: what may have happened would be forgotten.
 */
uint64_t engine_run_deadline(const struct engine_run *run);
/*
 * The earliest store time at which the run's own clock or a timer of its
 * handler has something to say; UINT64_MAX: never. The timers of a graph's
 * operations are in ops.
 */
uint64_t engine_run_due(const struct engine_run *run);
/*
 * The store time at which an operation that is open needs its owner of itself;
 * UINT64_MAX: never, or not yet known. Scheduled: as long as nobody has
 * claimed the attempt.
 */
uint64_t engine_run_op_due(const struct engine_op *op);

/*
 * A digest of the state: equal for two folds of the same log, whoever made
 * them and when, also while events that are not yet committed are applied.
 */
struct engine_hash engine_run_digest(const struct engine_run *run);

/* The fold of a handler's run as bytes appended to the block, which has been
 * begun, for a SNAPSHOT item; everything in it is committed. 0 or -1. */
int engine_run_save(const struct engine_run *run, struct engine_block *block);
/* Into a run with nothing in it. 0; -1 out of memory; -2 damaged. */
int engine_run_restore(struct engine_run *run, const void *bytes, size_t size);

/* After reading a log: recomputes which operations are ready. */
void engine_run_settle(struct engine_run *run);

/*
 * The platform for the attempt of an operation that is under way, or for the
 * next one, of those that its node names: a number as in its `platforms`. It
 * moves on to the next, and from the last to the first, when an attempt ended
 * that nobody had begun: its platform could not start it, took no more, had no
 * credentials, lacks what it needs, or did not begin in time.
 */
uint32_t engine_run_platform(const struct engine_run *run, uint32_t op);
/* Of these moves, those to platforms that had not been tried before. */
uint32_t engine_run_first_moves(const struct engine_run *run, uint32_t op);
/* Whether an error moves an attempt that was not begun to another platform. */
bool engine_run_moves_on(uint32_t error);

/* No operation may start any more: the run will fail or block once those that
 * are under way have ended. */
static inline bool engine_run_winds_down(const struct engine_run *run)
{
    return run->failed_count > 0 || run->ambiguous_count > 0;
}

/* True when every operation has succeeded. */
static inline bool engine_run_complete(const struct engine_run *run)
{
    return run->succeeded_count == run->op_count;
}

/* Bytes of the input envelope of an operation. */
size_t engine_run_input_size(const struct engine_run *run, uint32_t op);
/*
 * Writes the input envelope: the sources' outputs in the order of the input
 * handles, or the run's input for an operation without edges into it; for a
 * handler that and a struct engine_invocation.
 */
void engine_run_input(const struct engine_run *run, uint32_t op, void *out);

#endif
