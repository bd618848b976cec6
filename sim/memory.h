/*
 * The memory of one simulated process: a list of its own, so that a crash
 * takes everything in one call, a limit can be reached, and a report can say
 * how much was used. Sizes are counted as asked for, so that the count is the
 * same under every allocator.
 */
#ifndef SIM_MEMORY_H
#define SIM_MEMORY_H

#include <stdint.h>

#include "engine/memory.h"

struct sim_memory {
    struct engine_memory port; /* give its address to the process's machines */
    uint64_t used;
    uint64_t peak;
    uint64_t limit; /* bytes; 0: none. Beyond it resize() returns NULL */
    void *blocks;   /* first allocation */
};

/* In place. */
void sim_memory_init(struct sim_memory *memory, uint64_t limit);
/* Frees all that was allocated and resets used and peak. */
void sim_memory_drop(struct sim_memory *memory);
/* As drop, and gives the arena back. */
void sim_memory_deinit(struct sim_memory *memory);

#endif
