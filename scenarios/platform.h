/*
 * The platforms of a scenario's world, made from their profiles.
 */
#ifndef SCENARIOS_PLATFORM_H
#define SCENARIOS_PLATFORM_H

#include "faults/swarm.h"
#include "scenarios/world.h"

/* Makes models, front ends and workers. False without memory. */
bool scenario_make_platforms(struct scenario_world *world);
/* Only the models, each for all operations of all workflows. */
bool scenario_make_models(struct scenario_world *world);
void scenario_free_platforms(struct scenario_world *world);

/* Clocks as the scenario draws them for a node; self is the world. */
void scenario_clock(void *self, uint32_t node, struct sim_clock *clock);

/* What a swarm may do in this scenario. */
void scenario_swarm_knobs(const struct scenario *scenario,
                          struct fault_swarm_knobs *knobs);

/* The most that may run at once on the platform; 0: no limit. */
uint64_t scenario_concurrency(const struct scenario *scenario);

#endif
