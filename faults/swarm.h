/*
 * A swarm: each seed draws which families of faults exist in its world and
 * how strong they are. Worlds in which some families are missing find more
 * than worlds in which all are weak together (Groce and others, ISSTA 2012).
 * What was drawn becomes ordinary rules in the plan, named "swarm/...", so
 * that a report can print them and a shrinker can take them away.
 */
#ifndef FAULTS_SWARM_H
#define FAULTS_SWARM_H

#include <stddef.h>
#include <stdint.h>

#include "faults/plan.h"

/* The world in which the swarm is let loose, and what must not be exceeded. */
struct fault_swarm_knobs {
    struct fault_envelope envelope;
    uint64_t from_ns; /* faults strike in this time, */
    uint64_t to_ns;   /* which the world outlives, so that it can heal */
    uint64_t lease_ns;
    /* Who plays which part. With count 0 the families of the part are out. */
    struct fault_ranges workers;
    struct fault_ranges coordinators;
    struct fault_ranges stores;
    struct fault_ranges platforms;
    struct fault_ranges hosts;   /* platforms that have hosts */
    struct fault_ranges outages; /* platforms that can be away */
};

/* Fills in an hour from `from_ns`, and what every engine should survive. */
void fault_swarm_knobs_init(struct fault_swarm_knobs *knobs, uint64_t from_ns);

/*
 * Adds what `seed` draws to the plan. Equal seeds and knobs add equal rules,
 * all within the envelope. Returns 0, or FAULT_EFULL if the plan has no room.
 */
int fault_swarm(struct fault_plan *plan, uint64_t seed,
                const struct fault_swarm_knobs *knobs, char *message,
                size_t size);

#endif
