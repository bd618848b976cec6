/*
 * Memory for processes that are forked for one world and end with it. What
 * such a process allocates is new, and would otherwise lie scattered over
 * pages that it shares with its parent: each first write to one of them costs
 * a fault and a copy. In a nursery it lies side by side, on huge pages where
 * the system has them; what it frees is not given back.
 *
 *     nursery_open(), nursery_enter(level 0)
 *       `-> fork -> child: nursery_enter(level 1)
 *                     `-> fork -> its child: nursery_enter(level 2)
 *
 * The first process enters it too, so that what its children have of it lies
 * as close together.
 * Children that fork nothing themselves, those of the last level, take over
 * the pages of the one before them: no page is found, cleared and given back
 * for each world. Those that live at the same time have a room each.
 *
 * Without jemalloc there are no nurseries, and children allocate as others do.
 */
#ifndef SCENARIOS_NURSERY_H
#define SCENARIOS_NURSERY_H

#include <stdbool.h>

enum {
    NURSERY_LEVELS = 3 /* the first process and two of children */
};

struct nursery;

/*
 * Makes them, all empty, before anything is forked, for so many levels, from 2
 * to NURSERY_LEVELS, and so many children of the last one at a time. NULL:
 * there are none.
 */
struct nursery *nursery_open(unsigned levels, unsigned rooms);

/* Before a fork: what was freed last is not kept for the child to take. */
void nursery_ready(struct nursery *nursery);

/*
 * What a process of this level, from 0, allocates from now on comes from its
 * nursery; at the last level from this room, which nobody else is in. Nothing
 * happens if there are none (NULL).
 */
void nursery_enter(struct nursery *nursery, unsigned level, unsigned room);

#endif
