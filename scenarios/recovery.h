/*
 * Tells from the records of a world what is under way in it and, after
 * something was broken, whether all of that has been brought to its end.
 * scenarios/enumerate.h says when a recovery is over.
 */
#ifndef SCENARIOS_RECOVERY_H
#define SCENARIOS_RECOVERY_H

#include <stdbool.h>

#include "engine/record.h"

struct recovery_run;

struct recovery {
    struct recovery_run *runs; /* in the order in which they were met */
    uint32_t count;
    uint32_t capacity;
    uint32_t waited; /* runs that still owe something */
    uint32_t struck; /* the node that has to come back, 0: none */
    bool begun;
    bool failed; /* out of memory: never over */
};

void recovery_init(struct recovery *recovery);
void recovery_deinit(struct recovery *recovery);

/* Each record of the world, in order. */
void recovery_feed(struct recovery *recovery,
                   const struct engine_record *record);

/* Something was broken now. node: who has to come back, 0: nobody. */
void recovery_begin(struct recovery *recovery, uint32_t node);

/* It has begun, and something of what was under way then is still open. */
static inline bool recovery_under_way(const struct recovery *recovery)
{
    return recovery->begun &&
           (recovery->waited != 0 || recovery->struck != 0 || recovery->failed);
}

#endif
