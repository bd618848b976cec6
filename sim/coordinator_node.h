/*
 * A simulated process around one coordinator: its boundaries are the points
 * coordinator/... .
 */
#ifndef SIM_COORDINATOR_NODE_H
#define SIM_COORDINATOR_NODE_H

#include "engine/coordinator.h"
#include "sim/world.h"

struct sim_coordinator_node;

/*
 * Makes the actor and sets it at config->node. config's incarnation, memory
 * and sink are filled in here. NULL without memory.
 */
struct sim_coordinator_node *
sim_coordinator_node_new(struct sim_world *world,
                         const struct engine_coordinator_config *config,
                         const struct sim_clock *clock, uint64_t restart_ns);
struct sim_mirror;

/* From now on what it asks to be written is held against the log (S7). */
void sim_coordinator_node_watch(struct sim_coordinator_node *node,
                                struct sim_mirror *mirror);
void sim_coordinator_node_free(struct sim_coordinator_node *node);

#endif
