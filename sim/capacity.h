/*
 * Capacity: how many workers, how long a queue, what bill, for millions of
 * runs. The workflows' graphs are walked over queues and a platform; there is
 * no engine, no store, no network and no process that could die, only the
 * time that they would take:
 *
 *     due ──decide──▶ ready ──(waits for a slot)──▶ placed
 *                       ▲                             │ hold + duration
 *                       │    retry or dependents      ▼
 *                       └───────────decide────────── end
 *
 *   decide_ns   from an end (or a run's due time) until what follows from it
 *               is durable and has reached the platform; takes no slot. A
 *               run has ended this long after its last operation.
 *   hold_ns     what an attempt's slot is held for beside the step's own
 *               time: claiming the work and reporting it
 *
 * With D for the mean time until a commit is durable and H for a mean hop over
 * the network, an engine like ours has decide_ns = D + 4 H (report, store
 * request and reply, dispatch) and hold_ns = 2 D + 4 H (claim and report,
 * each a request and a reply): three commits a step.
 *
 * A run that fails starts nothing new and ends with its last open attempt, as
 * in the engine. An attempt that its platform gives up or loses is known to
 * be lost at once, where the engine might wait for the claim to expire.
 *
 * Draws are functions of (run, operation, attempt), so a change of capacity
 * gives every attempt the time it had before. Memory is proportional to the
 * runs in flight: 24 bytes and 4 for each operation, and 16 for an attempt
 * that waits for a slot.
 */
#ifndef SIM_CAPACITY_H
#define SIM_CAPACITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/graph.h"
#include "engine/record.h"
#include "sim/platform/model.h"
#include "sim/step.h"

/* More runs than this are not simulated at once in one world. */
#define SIM_CAPACITY_RUNS_MAX UINT32_MAX

/* A throttled invocation is sent again after a draw from 0 to the backoff. */
#define SIM_CAPACITY_BACKOFF_NS UINT64_C(100000000) /* doubles each time */
#define SIM_CAPACITY_BACKOFF_MAX_NS UINT64_C(10000000000)

enum sim_capacity_error {
    SIM_CAPACITY_ENOMEM = -1,
    SIM_CAPACITY_ERANGE = -2, /* more than SIM_CAPACITY_RUNS_MAX runs, more
                                 than 65,535 workflows, or no slots */
};

/* How a run went. */
struct sim_capacity_run {
    uint64_t run; /* from 1; run r is of workflow (r - 1) % graph_count */
    uint32_t workflow;
    enum engine_run_state state; /* SUCCEEDED, FAILED or BLOCKED */
    uint64_t due_ns;
    uint64_t end_ns;
};

struct sim_capacity_config {
    uint64_t seed;
    uint64_t start_ns; /* virtual time of the start, not 0 */
    uint64_t end_ns;   /* what is later than this does not happen */
    const struct engine_graph *const *graphs;
    const struct sim_step *const *steps; /* [workflow][op] */
    uint32_t graph_count;
    uint64_t runs;
    uint64_t decide_ns;
    uint64_t hold_ns;
    uint64_t slots; /* of local workers together, in one queue; else 0 */
    struct sim_model model; /* without ops: local workers. Borrowed */
    const struct sim_demand *const *demands; /* of a model: [workflow][op] */
    uint32_t threads; /* a step's CPU-bound part spreads over so many */
    uint64_t payload_bytes;
    /* When run index + 1 is due, ns after the start; rising with index. */
    uint64_t (*arrival)(void *self, uint64_t index);
    void *arrival_self;
    /* Told of each run that ends or blocks, in order of time; may be NULL. */
    void (*run_ended)(void *self, const struct sim_capacity_run *run);
    void *run_ended_self;
    /*
     * Where records go, with their time; may be NULL. The kinds that a
     * platform, a client and the store's host of the modelled engine would
     * write: START_SENT, APPENDED, WORK_PUT, WORK_CLAIMED, WORK_DONE, WORK_CUT,
     * INVOKED, THROTTLED, ENV_STARTED, ENV_ENDED, KILLED, and GAUGE at each
     * new peak.
     */
    const struct engine_sink *sink;
};

/* Sums are in microseconds, each term rounded down, so that they fit. */
struct sim_capacity_counts {
    uint64_t now_ns;
    uint64_t events;
    uint64_t arrived;
    uint64_t succeeded;
    uint64_t failed;
    uint64_t blocked;
    uint64_t in_flight; /* runs */
    uint64_t in_flight_peak;
    uint64_t attempts; /* placed */
    uint64_t retries;  /* of these, beyond an operation's first */
    uint64_t timeouts; /* attempts over their step's or the platform's limit */
    uint64_t throttled;
    uint64_t waited_us; /* from ready to placed, all attempts placed */
    uint64_t waited_max_ns;
    uint64_t busy; /* slots or environments in use */
    uint64_t busy_peak;
    uint64_t busy_us; /* slots used by attempts that have ended */
    uint64_t queued;  /* attempts that wait for a slot */
    uint64_t queued_peak;
    uint64_t pending_peak; /* events */
    uint64_t queue_bytes;  /* held for pending events */
    uint64_t state_bytes;  /* held for runs in flight */
};

struct sim_capacity;

/*
 * Copies the config; what it points to must outlive the simulation. 0, or a
 * sim_capacity_error and *capacity is NULL.
 */
int sim_capacity_new(struct sim_capacity **capacity,
                     const struct sim_capacity_config *config);
/* NULL is allowed. Leaves the platform's model as it is. */
void sim_capacity_free(struct sim_capacity *capacity);

/*
 * Carries out up to `events_max` events. 1: there are more; 0: all that
 * happens before the end has happened; or SIM_CAPACITY_ENOMEM, and then it
 * must not be called again.
 */
int sim_capacity_run(struct sim_capacity *capacity, uint64_t events_max);

struct sim_capacity_counts
sim_capacity_counts(const struct sim_capacity *capacity);

#endif
