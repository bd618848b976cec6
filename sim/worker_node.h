/*
 * A simulated process around one worker: it plays the steps' code as their
 * models say (time, a side effect, an outcome), and its boundaries are the
 * points worker/... . Of a program it runs the handler, and plays the steps
 * that the handler leaves to its host, several at a time.
 *
 * Records of a handler's step have the operation's number as the invocation
 * counts it, which need not be the one in the log; b is the low half of its
 * id, count its step's number in the program plus SIM_STEP_BASE.
 */
#ifndef SIM_WORKER_NODE_H
#define SIM_WORKER_NODE_H

#include "engine/program.h"
#include "engine/worker.h"
#include "sim/platform/platform.h"
#include "sim/step.h"
#include "sim/world.h"

struct sim_worker_config {
    struct sim_world *world;
    struct engine_worker_config engine;  /* incarnation, memory, sink and
                                            handlers are filled in */
    const struct sim_step *const *steps; /* by workflow, by operation; of a
                                            program by its steps' numbers */
    /* By workflow, NULL: a graph. NULL: there are none. */
    const struct engine_program *const *programs;
    struct sim_platform *platform;
    uint64_t effect_timeout_ns; /* then the receiver is asked again */
    /* Each process has a budget of retries of handlers' steps, new when it
     * starts: engine/budget.h. */
    bool retries_bounded;
    uint32_t retry_share_milli;
    uint32_t retry_burst;
};

struct sim_worker_node;

/* Makes the actor and sets it at config->engine.node. NULL without memory. */
struct sim_worker_node *
sim_worker_node_new(const struct sim_worker_config *config,
                    const struct sim_clock *clock, uint64_t restart_ns);
void sim_worker_node_free(struct sim_worker_node *node);

/* Attempts under way; 0 while down. */
uint32_t sim_worker_node_busy(const struct sim_worker_node *node);
/* Whether this one is. */
bool sim_worker_node_has(const struct sim_worker_node *node,
                         const struct sim_attempt *attempt);

/*
 * The platform's speed has changed: what this attempt asked to run last has
 * left_ns to go from now, and what it runs beside that changes alike.
 */
void sim_worker_node_pace(struct sim_worker_node *node,
                          const struct sim_attempt *attempt, uint64_t left_ns);

#endif
