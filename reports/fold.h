/*
 * The fold of a record stream: for each run what its log, its work rows and
 * its lease say so far, and for the world when it was last disturbed. It is
 * kept once and read by all checkers, each of which sees it as it was
 * *before* the record it is given.
 *
 * Memory is proportional to runs: one struct fold_run for each, and one
 * struct fold_op for each operation of a run that is under way. Operations
 * are forgotten when a run has ended, its result is acknowledged and it has
 * no work rows left.
 *
 * Runs that clients start have the numbers 1..runs_max. Those that runs invoke
 * have large ones; they get a slot behind the others when they are first met.
 * Where a checker keeps an array by run, it is by slot.
 *
 * A run of a handler has op 0, whose attempts are its invocations, and a
 * table of the operations it began, which grows with them.
 *
 * A commit whose outcome was unknown may stand on disk without records. The
 * host announces such a row when it opens the store again, with an APPENDED
 * whose detail is 0 and its EVENTs; what else was in that request stays
 * unknown (FOLD_RECOVERED). A row first met in an audit has no events either
 * (FOLD_OPAQUE): then nothing is known of the run's operations.
 */
#ifndef REPORTS_FOLD_H
#define REPORTS_FOLD_H

#include <stdbool.h>

#include "engine/operation.h"
#include "engine/record.h"
#include "reports/check.h"

enum fold_phase {
    FOLD_IDLE,
    FOLD_SCHEDULED, /* an attempt may be claimed, none is in the log */
    FOLD_RUNNING,   /* ATTEMPT_STARTED without an end */
    FOLD_ENDED,     /* the attempt ended, what follows is not decided */
    FOLD_RETRY,     /* due_ns is when the next attempt may be scheduled */
    FOLD_WAITING,   /* due_ns is when the wait is over */
    FOLD_PARKED,    /* a handler that waits for something */
    FOLD_FIRED,
    FOLD_SUCCEEDED,
    FOLD_FAILED
};

enum {
    FOLD_START_OK = 1,
    FOLD_RESULT_SEEN = 2,
    FOLD_OUTBOX_PUT = 4,
    FOLD_OUTBOX_ACKED = 8,
    FOLD_RELEASED = 16,   /* the last lease was given back */
    FOLD_RECOVERED = 32,  /* its work, outbox and lease are not all known */
    FOLD_OPAQUE = 64,     /* its events are not all known */
    FOLD_FORGOTTEN = 128, /* operations are no longer kept */
    FOLD_AUDITED = 256,   /* its row was read at the end */
    FOLD_OPERATED = 512,  /* an operator has had a say in it */
    FOLD_BROKEN = 1024    /* one of its operations has failed */
};

struct fold_op {
    uint64_t due_ns;       /* store time */
    uint64_t first_ns;     /* when the first attempt was scheduled, or an
                              operator let it go on */
    uint64_t scheduled_ns; /* the same of the last one */
    uint64_t claimed_ns;   /* when the attempt `claimed` was first claimed */
    uint64_t claim_ns;     /* until when at least its claim holds */
    uint32_t attempt;      /* last one started in the log */
    uint32_t claimed;      /* largest attempt that was claimed */
    uint32_t put;          /* attempt of the open work row, 0: none */
    uint16_t claimer;      /* node that holds the claim */
    uint8_t phase;         /* enum fold_phase */
    uint8_t end;           /* event kind of the last attempt's end */
    uint8_t retryable;
    uint8_t done;     /* the open work row was reported */
    uint8_t sent;     /* the open work row was dispatched */
    uint8_t error;    /* class of the last attempt that did not succeed */
    bool begun;       /* the last attempt that ended had been started */
    uint16_t same;    /* attempts in a row that ended with that error */
    uint32_t moves;   /* how often it went on to another platform */
    uint32_t words;   /* bytes of the last attempt's words */
    uint32_t refused; /* attempt of which its platform last said that it is
                         over */
    uint64_t root;    /* of them, a hash of the root cause; 0: none */
};

/* An operation of a handler. Times are store times. */
struct fold_operation {
    uint64_t id;          /* low half */
    uint64_t due_ns;      /* wait, retry or timeout; UINT64_MAX: none */
    uint64_t second_ns;   /* heartbeat timeout, or that of all attempts of a
                             step; of a map or parallel its branches
                             plus 1; 0: none */
    uint64_t start_ns;    /* step: how long it may be READY, 0: for ever */
    uint64_t close_ns;    /* step: its end at the latest; UINT64_MAX: none */
    uint64_t beat_ns;     /* when it began or last gave a sign of life */
    uint32_t parent;      /* number; 0: the run, UINT32_MAX: not known */
    uint32_t attempt;     /* of the step, last one known to have begun */
    uint32_t first_child; /* number, 0: none, as below */
    uint32_t next_sibling;
    uint8_t type;
    uint8_t subtype;
    uint8_t status; /* enum engine_operation_status */
    uint8_t options;
    uint8_t orphan;    /* open, and a context above it has ended */
    uint8_t ambiguous; /* STARTED, and an operator is to say what happened */
    uint8_t resumed;   /* an operator had it begin again */
    uint32_t begun_by; /* invocation that began its last known attempt */
};

struct fold_handler {
    struct fold_operation *operations; /* [count], number 1 first */
    uint32_t count;
    uint32_t capacity;
    uint32_t *ids; /* open addressing by id: numbers */
    uint32_t id_count;
    uint32_t id_slots;
    uint32_t invocation;      /* last one scheduled */
    uint32_t waiting;         /* operations that something outside will end */
    uint32_t outbox_open;     /* rows for other runs, not acknowledged */
    uint32_t result_row;      /* outbox number of the result; 0: none */
    uint64_t token;           /* one more than the last number used up */
    uint64_t client_token[2]; /* of the last checkpoint */
    uint64_t news_ns; /* true time of the first news since it is parked */
    bool fresh;       /* news since the last checkpoint or scheduling */
};

struct fold_run {
    uint64_t next_seq; /* 0: not created */
    uint64_t tail;     /* position of the last row */
    struct engine_hash hash;
    uint64_t token;      /* largest granted */
    uint64_t expires_ns; /* of the lease, store time; 0: unknown */
    uint64_t started_ns; /* true time of START_OK */
    uint64_t last_ns;    /* true time of the last event */
    uint64_t held_ns;    /* store time until which an operator held it */
    uint64_t root;       /* hash of the root cause of the first operation
                            that failed; 0: it had no words */
    struct fold_op *ops;
    struct fold_handler *handler; /* NULL: a declared graph, or forgotten */
    uint32_t workflow;
    uint32_t op_count;
    uint32_t work_open; /* work rows put and neither taken nor cut */
    uint32_t last_op;
    uint32_t last_attempt;
    uint16_t last_event;
    uint16_t holder;    /* node of the largest token */
    uint16_t state;     /* by its events, 0: not created */
    uint16_t row_state; /* by its last row, as the store says */
    uint16_t flags;
    uint16_t error; /* its class */
};

/* What is known of a node. */
struct fold_process {
    uint64_t cut_until_ns; /* true time until which the network leaves it out */
    bool down;
};

struct fold {
    const struct check_world *world;
    struct fold_process *processes; /* [node_count] */
    struct fold_run *runs;          /* [runs_max + 1] */
    struct fold_run **children; /* invoked runs, in the order they were met */
    uint64_t *child_numbers;
    uint32_t *child_slots; /* open addressing by number: index + 1 */
    uint32_t child_count;
    uint32_t child_capacity;
    uint64_t last_position; /* of the log, as far as acknowledged or found */
    uint64_t disturbed_ns;  /* true time of the last fault or its end */
    uint64_t store_away_ns; /* how long the store was down, closed periods */
    uint64_t store_down_ns; /* true time since when it is down, 0: it is up */
    uint64_t in_doubt_ns;   /* when commits may last have gone unrecorded */
    uint64_t store_skew_ns; /* store time - true time, modulo 2^64 */
    int failed;             /* out of memory: nothing may be concluded */
};

/* Returns 0, or -1 when out of memory. The world must outlive the fold. */
int fold_init(struct fold *fold, const struct check_world *world);
void fold_deinit(struct fold *fold);
void fold_feed(struct fold *fold, const struct engine_record *record);

/* Numbers of invoked runs have this bit. */
#define FOLD_CHILD (UINT64_C(1) << 39)

/* Makes sure that a run has a slot; false if no run has this number. */
bool fold_meet(struct fold *fold, uint64_t run);
/* The slot of an invoked run, 0: it was never met. */
uint64_t fold_child_slot(const struct fold *fold, uint64_t run);

/* The slot of a run, from 1; 0 if no such run is known. */
static inline uint64_t fold_slot(const struct fold *fold, uint64_t run)
{
    return run <= fold->world->runs_max ? run : fold_child_slot(fold, run);
}

/* The largest slot. */
static inline uint64_t fold_count(const struct fold *fold)
{
    return fold->world->runs_max + fold->child_count;
}

/* The run in a slot, which is not 0. */
static inline struct fold_run *fold_at(const struct fold *fold, uint64_t slot)
{
    uint64_t runs_max = fold->world->runs_max;

    return slot <= runs_max ? &fold->runs[slot]
                            : fold->children[slot - runs_max - 1];
}

/* The number of the run in a slot. */
static inline uint64_t fold_number(const struct fold *fold, uint64_t slot)
{
    uint64_t runs_max = fold->world->runs_max;

    return slot <= runs_max ? slot : fold->child_numbers[slot - runs_max - 1];
}

/* The run of this record; NULL if it names none. */
static inline struct fold_run *fold_run(const struct fold *fold, uint64_t run)
{
    uint64_t slot = fold_slot(fold, run);

    return slot ? fold_at(fold, slot) : NULL;
}

/* An operation; NULL if it is not known or no longer kept. */
static inline struct fold_op *fold_op(const struct fold_run *run, uint32_t op)
{
    return run && run->ops && op < run->op_count ? &run->ops[op] : NULL;
}

/* An operation of a handler; NULL if it is not known or no longer kept. */
static inline const struct fold_operation *
fold_operation(const struct fold_run *run, uint32_t number)
{
    if (!run || !run->handler || !number || number > run->handler->count)
        return NULL;
    return &run->handler->operations[number - 1];
}

static inline bool fold_has(const struct fold_run *run, unsigned flags)
{
    return (run->flags & flags) != 0;
}

static inline bool fold_terminal(const struct fold_run *run)
{
    return engine_run_state_terminal(run->state);
}

/* It waits for an operator: nothing need happen by itself. */
static inline bool fold_held(const struct fold_run *run)
{
    return run->state == ENGINE_RUN_BLOCKED ||
           run->row_state == ENGINE_RUN_BLOCKED ||
           run->state == ENGINE_RUN_PAUSED ||
           run->row_state == ENGINE_RUN_PAUSED;
}

/* True for events about an operation of a handler. */
static inline bool fold_is_operation(unsigned event)
{
    return event >= ENGINE_EV_OPERATION_STARTED &&
           event <= ENGINE_EV_OPERATION_HEARTBEAT;
}

/* True for the events after which an operation changes no more. */
static inline bool fold_is_end(unsigned event)
{
    return event == ENGINE_EV_OPERATION_SUCCEEDED ||
           event == ENGINE_EV_OPERATION_FAILED ||
           event == ENGINE_EV_OPERATION_CANCELLED ||
           event == ENGINE_EV_OPERATION_FIRED ||
           event == ENGINE_EV_OPERATION_TIMED_OUT ||
           event == ENGINE_EV_OPERATION_STOPPED;
}

/* True for the events that end a run. */
static inline bool fold_is_run_end(unsigned event)
{
    return event == ENGINE_EV_RUN_SUCCEEDED || event == ENGINE_EV_RUN_FAILED ||
           event == ENGINE_EV_RUN_CANCELLED ||
           event == ENGINE_EV_RUN_TIMED_OUT || event == ENGINE_EV_RUN_STOPPED;
}

/* Something outside will end an operation of this type. */
static inline bool fold_is_outside(unsigned type)
{
    return type >= ENGINE_OPERATION_WAIT && type <= ENGINE_OPERATION_RECEIVE;
}

/* An outbox row for another run, not the result for a client. */
static inline bool fold_is_for_run(const struct engine_record *outbox)
{
    return outbox->detail == ENGINE_OUTBOX_CHILD ||
           (outbox->detail == ENGINE_OUTBOX_SIGNAL &&
            outbox->state != ENGINE_SIG_CHILD_ENDED);
}

/* The operation with this id (its low half) in a handler's run, or NULL. */
const struct fold_operation *fold_context(const struct fold_run *run,
                                          uint64_t id);
/* The one whose code a worker speaks of; NULL: nothing of it is in the log. */
const struct fold_operation *fold_step_of(const struct fold_run *run,
                                          const struct engine_record *record);
/* 1 if any workflow of the world is a handler, else 0. */
int fold_has_handlers(const struct check_world *world);
/* The earliest store time at which a timer of this operation may fire. */
uint64_t fold_due(const struct fold_operation *op);
/* The store time at which a step ends of itself: nobody has begun its attempt,
 * or there is no time left for any; UINT64_MAX: it does not. */
uint64_t fold_closes(const struct fold_operation *op);
/* The one of the two that this event of a timer is about. */
uint64_t fold_fires(const struct fold_operation *op, unsigned event);
/* It will go on by something outside: a timer, a signal, an operator. */
bool fold_waits(const struct fold_operation *op);

/* The graph of a created run, or NULL. */
const struct engine_graph *fold_graph(const struct fold *fold,
                                      const struct fold_run *run);
/* The node of a run's operation, or NULL. */
const struct engine_node *fold_node(const struct fold *fold,
                                    const struct fold_run *run, uint32_t op);
/* The operation's name for sentences, "?" if it has none. */
const char *fold_op_name(const struct fold *fold, const struct fold_run *run,
                         uint32_t op);
/* 0: no side effect, 1: one without a key, 2: the receiver takes a key. */
uint32_t fold_effect(const struct fold *fold, const struct fold_run *run,
                     uint32_t op);
/* The same of the step of a handler that a worker or receiver speaks of. */
uint32_t fold_step_effect(const struct fold *fold, const struct fold_run *run,
                          const struct engine_record *record);

/*
 * True if by the record end (WORLD_END) everything had time to happen that
 * should follow since_ns and the last disturbance within the progress bound,
 * or if nothing more was going to happen at all.
 */
bool fold_settled(const struct fold *fold, const struct engine_record *end,
                  uint64_t since_ns);
/*
 * Until when, by store time, what is due then may come. A disturbance near
 * that time delays it: the count begins when a new owner must have the run.
 */
uint64_t fold_latest(const struct fold *fold, uint64_t due_ns,
                     const struct engine_record *now);
/*
 * True if a request about this run may have been committed without a record
 * since its last event: the store failed in the meantime.
 */
bool fold_in_doubt(const struct fold *fold, const struct fold_run *run);

/* The node is down. */
static inline bool fold_node_down(const struct fold *fold, uint32_t node)
{
    return node < fold->world->node_count && fold->processes[node].down;
}

/* The network leaves the node out at this true time. */
static inline bool fold_node_cut(const struct fold *fold, uint32_t node,
                                 uint64_t now_ns)
{
    return node < fold->world->node_count &&
           fold->processes[node].cut_until_ns > now_ns;
}

/* Drift of two clocks against each other over a time, within the envelope. */
uint64_t fold_drift(const struct fold *fold, uint64_t span_ns);

const char *fold_phase_name(unsigned phase);
const char *fold_state_name(unsigned state);
/* Of a handler's operation, for sentences. */
const char *fold_status_name(unsigned status);

#endif
