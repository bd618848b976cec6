/*
 * A simulated process around one worker: it plays the steps' code as their
 * models say (time, a side effect, an outcome), and its boundaries are the
 * points worker/... .
 */
#ifndef SIM_WORKER_NODE_H
#define SIM_WORKER_NODE_H

#include "engine/worker.h"
#include "sim/platform.h"
#include "sim/step.h"
#include "sim/world.h"

struct sim_worker_config {
    struct sim_world *world;
    struct engine_worker_config engine;  /* incarnation, memory and sink are
                                            filled in */
    const struct sim_step *const *steps; /* by workflow, by operation */
    struct sim_platform *platform;
    uint64_t effect_timeout_ns; /* then the receiver is asked again */
};

struct sim_worker_node;

/* Makes the actor and sets it at config->engine.node. NULL without memory. */
struct sim_worker_node *
sim_worker_node_new(const struct sim_worker_config *config,
                    const struct sim_clock *clock, uint64_t restart_ns);
void sim_worker_node_free(struct sim_worker_node *node);

/* Attempts under way; 0 while down. */
uint32_t sim_worker_node_busy(const struct sim_worker_node *node);

#endif
