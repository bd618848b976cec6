/*
 * Counters of hits, one for each (lane, point, actor) that was ever counted.
 * A lane is a purpose: the plain hits, or the matches of one rule. A lane
 * has nothing to do with another, so what one rule sees is never shifted by
 * what another counts.
 */
#ifndef FAULTS_HITS_H
#define FAULTS_HITS_H

#include <stdint.h>

/* Lanes are numbered from 1 to this. */
#define FAULT_LANE_MAX 0xffff

/* In place of a point or actor: all of them together. */
#define FAULT_ALL_POINTS 0xffff
#define FAULT_ALL_ACTORS UINT32_MAX

struct fault_hits_slot;

struct fault_hits {
    struct fault_hits_slot *slots;
    uint32_t size; /* a power of two */
    uint32_t used;
};

/* Returns 0 or FAULT_ENOMEM. */
int fault_hits_init(struct fault_hits *hits);
void fault_hits_deinit(struct fault_hits *hits);

/* Counts one more and returns the new count, or 0 if memory is used up. */
uint64_t fault_hits_add(struct fault_hits *hits, uint32_t lane, uint32_t point,
                        uint32_t actor);

/* From now on so many were counted. Returns 0 or FAULT_ENOMEM. */
int fault_hits_set(struct fault_hits *hits, uint32_t lane, uint32_t point,
                   uint32_t actor, uint64_t count);

/* The count so far. */
uint64_t fault_hits_get(const struct fault_hits *hits, uint32_t lane,
                        uint32_t point, uint32_t actor);

#endif
