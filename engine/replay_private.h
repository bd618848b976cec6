/*
 * What the machine (replay.c), the operations of a handler (workflow.c) and
 * those of its branches (batch.c) share. A call of a handler goes through
 *
 *     begin -> found? -> gate -> give            done before, or queued just
 * now
 *           -> not found -> add, queue -> gate   first time
 *
 * Each change is queued for the service and applied to the table of operations
 * at once, so a call that is met again sees the same in all modes. A gate stops
 * the handler where it must not go on before the change is durable.
 */
#ifndef ENGINE_REPLAY_PRIVATE_H
#define ENGINE_REPLAY_PRIVATE_H

#include "engine/replay.h"

/* With more bytes queued no new branch of a batch is begun. */
#define ENGINE_QUEUE_MAX (UINT64_C(4) << 20)

/* Memory that is given out from the front and taken back all at once. */
struct engine_arena_chunk;
struct engine_arena {
    const struct engine_memory *memory;
    struct engine_arena_chunk *first;
    struct engine_arena_chunk *current;
    size_t used; /* of current */
};
struct engine_arena_mark {
    struct engine_arena_chunk *current;
    size_t used;
};

/* A step's code that runs elsewhere, and how it ended. One allocation each. */
struct engine_replay_job {
    struct engine_replay_step step;
    uint32_t error;
    bool retryable;
    struct engine_bytes output;
    unsigned char *output_bytes; /* its own, or NULL */
    unsigned char input_bytes[];
};

enum engine_replay_place {
    ENGINE_PLACE_HERE, /* the step's code has no job */
    ENGINE_PLACE_READY,
    ENGINE_PLACE_RUNNING,
    ENGINE_PLACE_ENDED
};

/* What a replay knows of an operation beyond the table. */
struct engine_replay_note {
    uint64_t update;    /* number of the last one queued for it; 0: none */
    uint64_t cancel;    /* number of its CANCEL; 0: none */
    uint32_t born;      /* pass in which it was added; 0: loaded */
    uint32_t passed;    /* pass in which the handler first got its end */
    uint32_t entered;   /* pass in which it was first entered, as a context */
    uint32_t met;       /* visit of its context in which it was met last */
    uint32_t listed;    /* turn in which it was counted: a compensation, or a
                           message on its edge */
    uint32_t ours;      /* attempt that this replay has begun */
    uint32_t announced; /* attempt whose START is queued or recorded */
    uint32_t children;
    uint32_t next;    /* job that is handed out after this one */
    uint8_t in_batch; /* 1: START, 2: another; of the batch in_batch_of */
    uint8_t place;    /* enum engine_replay_place */
    uint8_t lacks;    /* its value is the reference of a blob */
    uint32_t in_batch_of;
    uint32_t next_blob; /* that is stored after this one */
    struct engine_replay_job *job;
};

/* A succeeded step that is undone if the run fails. */
struct engine_compensation {
    struct engine_compensation *next; /* met before it */
    uint32_t number;
    engine_step_fn *code;
    void *self;
};

/* Messages sent to one edge of one run, in this turn. */
struct engine_replay_edge {
    struct engine_replay_edge *next;
    uint64_t run;
    struct engine_text edge;
    uint32_t open;
};

/* Why something failed. */
struct engine_replay_failure {
    uint32_t error;
    struct engine_text type;
    struct engine_text words;
    bool retryable; /* its author says so */
    uint64_t retry_after_ns;
};

struct engine_replay {
    struct engine_replay_config config;
    struct engine_operations table;
    struct engine_replay_note *notes; /* by number */
    uint32_t note_capacity;
    uint32_t turn;   /* calls of the handler, from 1 */
    uint32_t pass;   /* the same, and of branches called anew in one turn */
    uint32_t visits; /* contexts entered, that of the run too */
    struct engine_arena arena;

    struct engine_block queue; /* 8 bytes, then UPDATE items */
    size_t queue_at;           /* first one that is not durable */
    size_t batch_end;          /* of the batch given out; 0: none is */
    uint32_t batch_count;
    uint32_t batch_number;
    uint64_t queued;  /* updates, ever */
    uint64_t durable; /* of them */

    uint32_t lacking;    /* operations whose blobs are missing */
    uint32_t lack_first; /* there is none before this one */
    uint32_t blob_first; /* operation whose result is to be stored; 0: none */
    uint32_t blob_last;

    uint32_t ready_first; /* jobs to hand out; 0: none */
    uint32_t ready_last;
    uint32_t ready_count;
    uint32_t running;

    struct engine_context *current;
    uint32_t shared;     /* contexts in which several things are under way */
    bool news;           /* the answer held more than what was queued */
    bool gated;          /* something waits only for its update */
    bool cannot_persist; /* in this turn */
    struct engine_compensation *compensations; /* the last one met first */
    struct engine_replay_edge *edges;

    bool broken;
    bool ended;
    enum engine_replay_state state; /* when ended */
    uint32_t error;
    struct engine_text type;
    struct engine_text words;
    unsigned char *kept; /* result, or type and words */
    size_t kept_capacity;
    struct engine_bytes result;
};

/* True if this seeded defect is on where the handler is replayed. */
static inline bool engine_replay_defect(const struct engine_replay *r,
                                        enum engine_defect id)
{
    return engine_defect(&r->config.defects, id);
}

struct engine_context {
    struct engine_replay *replay;
    struct engine_context *outer;
    struct engine_hash id; /* zeros: the run */
    uint32_t number;
    uint32_t calls;
    uint32_t visit; /* each time a context is entered, from 1 */
    uint32_t met;   /* operations below it, in this visit */
    uint32_t last;  /* whose end it got last; at the start its own number */
    uint64_t draws;
    uint64_t time_ns; /* engine_time() */
    int stuck;        /* what every further call returns, DONE: nothing */
    bool suspended;   /* a call said so */
    bool overlaps;    /* and that does not stop the others */
    bool closed;      /* called for what was recorded: nothing can be added */
    bool undo;        /* has steps with a compensation */
    struct engine_error_info error;
    struct engine_error_info failure; /* that closed it, if one did */
};

struct engine_attempt {
    struct engine_replay *replay;
    uint32_t number;
    bool tagged;
    uint64_t tag;
    struct engine_bytes progress;
    struct engine_replay_failure failure;
};

/* One call of a handler that needs an operation. */
struct engine_call {
    uint8_t type;
    uint8_t subtype;
    struct engine_text name;
    struct engine_hash id;
    uint32_t number; /* 0: nothing is recorded */
};

/* What a queued update says beyond the operation itself. */
struct engine_replay_change {
    enum engine_operation_action action;
    enum engine_operation_status status; /* of the operation from now on */
    unsigned options;
    uint32_t attempt;
    uint64_t first_ns;
    uint64_t second_ns;
    uint32_t error;
    struct engine_text detail;
    struct engine_bytes value;
};

/* replay.c ---------------------------------------------------------------- */

/* NULL: none; the replay is then broken. Aligned for anything. */
void *engine_arena_take(struct engine_arena *arena, size_t size);
struct engine_arena_mark engine_arena_mark(const struct engine_arena *arena);
void engine_arena_release(struct engine_arena *arena,
                          struct engine_arena_mark mark);
/* The same for a replay: out of memory breaks it. */
void *engine_replay_memory(struct engine_replay *replay, size_t size);

static inline struct engine_op_entry *
engine_replay_entry(struct engine_replay *replay, uint32_t number)
{
    return &replay->table.entries[number];
}

static inline struct engine_replay_note *
engine_replay_note(struct engine_replay *replay, uint32_t number)
{
    return &replay->notes[number];
}

/* Ends everything: the run fails with this. Returns BROKEN. */
int engine_replay_break(struct engine_replay *replay, uint32_t error,
                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Adds the operation of a call to the table; 0: out of memory, broken. */
uint32_t engine_replay_add(struct engine_context *c,
                           const struct engine_call *call);
/* Queues an update and applies it to the table. DONE, or BROKEN. */
int engine_replay_queue(struct engine_replay *replay, uint32_t number,
                        const struct engine_replay_change *change);
/* Makes all that is queued durable, if the host can do it now. */
bool engine_replay_flush(struct engine_replay *replay);
/* Whether the last update of an operation is durable. */
bool engine_replay_is_durable(const struct engine_replay *replay,
                              uint32_t number);
/* So much is queued that it must go out before more is made. */
bool engine_replay_is_full(const struct engine_replay *replay);
/* Whether anything is queued, and how many bytes are. */
bool engine_replay_has_queued(const struct engine_replay *replay);
size_t engine_replay_queued_bytes(const struct engine_replay *replay);
/* A job for the host; takes copies. DONE, or BROKEN. */
int engine_replay_hand_out(struct engine_replay *replay, uint32_t number,
                           const struct engine_replay_step *step);
/* Forgets a job that has ended. */
void engine_replay_drop_job(struct engine_replay *replay, uint32_t number);

/* workflow.c -------------------------------------------------------------- */

/* DONE, or what every call in this context returns now. */
int engine_call_usable(struct engine_context *c);
/*
 * Begins a call: DONE with *call filled, or what the call returns. Checks the
 * operation recorded in its place, if there is one.
 */
int engine_call_begin(struct engine_context *c, unsigned type, unsigned subtype,
                      const char *name, struct engine_call *call);
/* A new context; of a batch: how many branches it has, plus 1. Its number; 0:
 * broken. */
uint32_t engine_call_start(struct engine_context *c,
                           const struct engine_call *call, uint64_t branches);
/* What is recorded for the next call if it is this one, or NULL. */
const struct engine_op_entry *
engine_call_recorded(const struct engine_context *c, unsigned type,
                     unsigned subtype, const char *name);
/* A call that is not done. Returns SUSPENDED. */
int engine_call_suspend(struct engine_context *c);
/*
 * Stops the handler until the operation's updates are durable: DONE, or what
 * the call returns. always: also where the replay is optimistic.
 */
int engine_call_gate(struct engine_context *c, uint32_t number, bool always);
/* An ended operation's result or error for the handler. */
int engine_call_give(struct engine_context *c, uint32_t number,
                     struct engine_bytes *out);
/* A call that cannot be made: the context's error. Returns FAILED_FLOW. */
int engine_call_refuse(struct engine_context *c, uint32_t error,
                       const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* SIZE_LIMIT: what has `actual` bytes, and `maximum` is allowed. */
int engine_call_too_large(struct engine_context *c, const char *what,
                          size_t actual, uint64_t maximum,
                          enum engine_limit limit);
/* The error of an ended operation. */
void engine_call_error(struct engine_replay *replay, uint32_t number,
                       struct engine_error_info *info);

/* Enters and leaves a context; between them it is the current one. */
void engine_context_enter(struct engine_context *c,
                          struct engine_context *outer, uint32_t number);
void engine_context_leave(struct engine_context *c);
/* How the function of a context ended, given what it returned. */
int engine_context_flow(struct engine_context *c, int returned);
/*
 * What came of a context whose function has ended like this: the same, or
 * BROKEN if something recorded below it that every replay must meet was not.
 */
int engine_context_complete(struct engine_context *c, int flow);
/* The same of one such operation; why: the context fails with it, or NULL.
 * Returns BROKEN. */
int engine_context_missed(struct engine_context *c, uint32_t number,
                          const struct engine_error_info *why);

/* A function that is called with a context of its own. */
struct engine_child_call {
    const char *name;
    enum engine_operation_subtype subtype;
    engine_handler_fn *run;
    void *self;
    struct engine_bytes input;
    bool replay_children;
};
int engine_child_call(struct engine_context *c,
                      const struct engine_child_call *child,
                      struct engine_bytes *out);

/* attempt.c --------------------------------------------------------------- */

/* Queues a step's progress. 0, or -1: too large, or out of memory. */
int engine_replay_save(struct engine_replay *replay, uint32_t number,
                       struct engine_bytes progress);
/* Runs the compensations of a failing run. DONE when all have ended. */
int engine_compensate(struct engine_context *root);

#endif
