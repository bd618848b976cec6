/*
 * Memory for processes that are forked for one world and end with it. What
 * such a process allocates is new, and would otherwise lie scattered over
 * pages that it shares with its parent: each first write to one of them costs
 * a fault and a copy. In a nursery it lies side by side, on one huge page
 * where the system has them; what it frees is not given back.
 *
 *     parent: nursery_open() -> fork -> child: nursery_enter(level 0)
 *                                          `-> fork -> nursery_enter(level 1)
 *
 * Without jemalloc there are no nurseries, and children allocate as others do.
 */
#ifndef SCENARIOS_NURSERY_H
#define SCENARIOS_NURSERY_H

#include <stdbool.h>

enum {
    NURSERY_LEVELS = 2 /* generations of children */
};

struct nursery;

/* Makes them, all empty, before anything is forked; NULL: there are none. */
struct nursery *nursery_open(void);

/* Before a fork: what was freed last is not kept for the child to take. */
void nursery_ready(struct nursery *nursery);

/*
 * In a new child of the given generation, from 0: what it allocates from now
 * on comes from its nursery. Nothing happens if there are none (NULL).
 */
void nursery_enter(struct nursery *nursery, unsigned level);

#endif
