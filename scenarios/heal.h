/*
 * What becomes of the faults before a world ends, which decides what its runs
 * can be asked for:
 *
 *     all    the swarm ends, everything comes back: all is well in the end
 *     core   the swarm ends for a core that the seed draws, with at least one
 *            coordinator and one worker, and with all that there is only one
 *            of; the rest breaks for good at that time. Runs end all the same
 *     none   the swarm goes on until the limit: runs make progress
 *
 * What a scenario's own faults say of time holds in all three.
 */
#ifndef SCENARIOS_HEAL_H
#define SCENARIOS_HEAL_H

#include "reports/check.h"
#include "scenarios/world.h"

/* The mode of this seed. A swarm whose scenario names none draws it: core in
 * one of four, else all. */
enum check_heal heal_mode(const struct scenario *scenario, uint64_t seed);
const char *heal_name(enum check_heal heal);

/*
 * From the world's start: when the swarm ends for the core. It comes early
 * enough to meet runs: within the time of the load and two leases, after one.
 */
uint64_t heal_time(const struct scenario *scenario, uint64_t seed);

/* Breaks what is not of the core, for good. Called at that time. */
void heal_core(struct scenario_world *world);

#endif
