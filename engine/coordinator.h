/*
 * The coordinator owns runs and decides. It is a state machine without I/O:
 * time, messages and store replies come in, requests and messages go out. Any
 * number of coordinators may work over one store; each run has one owner at a
 * time, by lease, and the store refuses writes of former owners.
 *
 *     client --START--> coordinator --CREATE--> store
 *     coordinator --DISPATCH--> platform --> worker --CLAIM, FINISH--> store
 *     platform --FAILED--> coordinator, when it can or will not run it
 *     worker --HINT--> coordinator --APPEND--> store
 *     coordinator --RESULT--> client --RESULT_ACK--> coordinator --ACK--> store
 *
 * Handlers (engine/workflow.h) are invoked as attempts of their run's one
 * operation; an invocation asks the owner of its run, not the store:
 *
 *     worker --STATE, CHECKPOINT--> coordinator --APPEND--> store
 *     coordinator --STATE_PAGE, CHECKPOINTED--> worker
 *     anybody --SIGNAL--> store, --WAKE--> coordinator --APPEND--> store
 *
 * A run has at most one request in flight, beside those about its outbox. What
 * was decided but not confirmed is never acted upon: after `unknown`,
 * `conflict` or `failed` the run is read again from the store. Messages may be
 * lost, doubled or late.
 */
#ifndef ENGINE_COORDINATOR_H
#define ENGINE_COORDINATOR_H

#include "engine/defects.h"
#include "engine/graph.h"
#include "engine/limits.h"
#include "engine/memory.h"
#include "engine/record.h"
#include "engine/update.h"

struct engine_coordinator_config {
    uint32_t node;             /* own address, below 65536 */
    uint32_t incarnation;      /* differs each time the process starts, not 0 */
    uint32_t store;            /* addresses */
    const uint32_t *platforms; /* addresses, by number; the first is for all
                                  that name none, or one that is not here */
    uint32_t platform_count;   /* at least 1 */
    const struct engine_graph *const *graphs; /* by workflow id */
    uint32_t graph_count;
    uint64_t seed; /* of retry jitter; the same for all coordinators */
    uint64_t lease_ttl_ns;
    uint64_t claim_ttl_ns;
    uint64_t skew_bound_ns;       /* epsilon: stop this much before the TTL */
    uint64_t scan_ns;             /* longest time between looks for due runs */
    uint64_t request_timeout_ns;  /* after it a store call is unknown */
    uint64_t dispatch_timeout_ns; /* after it a dispatch is sent again */
    uint64_t suspend_after_ns;    /* waits longer than this give up the lease */
    uint32_t runs_max;            /* owned at a time; more are answered BUSY */
    uint32_t snapshot_events; /* handlers: snapshot after so many; 0: none */
    size_t page_max;          /* bytes of a page of state; 0: 1 MiB */
    const struct engine_limits *limits; /* NULL: none for graphs, the first
                                           built-in profile for handlers */
    const struct engine_sink *sink;
    struct engine_defects defects;
    const struct engine_memory *memory;
    struct engine_block *scratch; /* both shared by the machines of one host */
    struct engine_block *rows;    /* thread, empty between steps */
};

/* What comes in. The pointer that the kind needs is set. */
enum engine_input_kind {
    ENGINE_IN_TIME = 1,
    ENGINE_IN_MESSAGE, /* message, whose payload follows it */
    ENGINE_IN_REPLY,   /* reply */
    ENGINE_IN_ENDED,   /* worker: a step's code has ended */
    ENGINE_IN_PROGRESS /* worker: a handler's step goes on; ended, without an
                          error; output: what it saves, may be nothing */
};

struct engine_ended {
    uint32_t slot;
    uint32_t part;  /* operation of a handler's step, 0: none */
    uint32_t error; /* enum engine_error */
    uint32_t retryable;
    uint32_t size; /* of the output: an envelope, or a handler's step's bytes */
    const void *output;
};

struct engine_input {
    enum engine_input_kind kind;
    uint64_t mono_ns; /* own clocks, mono never going back */
    uint64_t wall_ns;
    const struct engine_message *message;
    const struct engine_reply *reply;
    const struct engine_ended *ended;
};

struct engine_coordinator;

/* Returns NULL when out of memory. mono_ns: the clock at the start. */
struct engine_coordinator *
engine_coordinator_new(const struct engine_coordinator_config *config,
                       uint64_t mono_ns);
void engine_coordinator_free(struct engine_coordinator *coordinator);

/*
 * Takes one input and appends to the update what must be done now. Returns 0,
 * or -1 when out of memory: the process should then end, and another takes
 * over its runs.
 */
int engine_coordinator_step(struct engine_coordinator *coordinator,
                            const struct engine_input *input,
                            struct engine_update *update);

/* The next time (mono) at which a step with ENGINE_IN_TIME is needed. */
uint64_t
engine_coordinator_deadline(const struct engine_coordinator *coordinator);
/*
 * The same without looks at what others may have left behind: before it, a
 * coordinator that is alone over its store has nothing to do unless something
 * comes in. UINT64_MAX: nothing is due. (mono)
 */
uint64_t engine_coordinator_due(const struct engine_coordinator *coordinator);

struct engine_run;

/*
 * The state in which it keeps a run, with what it has decided and not yet
 * heard to be durable: for those who hold it against the log. NULL: it does
 * not own the run, or has not read it. Valid until the next step.
 */
const struct engine_run *
engine_coordinator_run(const struct engine_coordinator *coordinator,
                       uint64_t run);

/* How many runs it owns now. */
uint32_t engine_coordinator_owned(const struct engine_coordinator *coordinator);

#endif
