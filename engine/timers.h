/*
 * Deadlines of a machine: a heap of (time, key) in which a key may stand
 * several times. Whoever pops one compares it with the key's deadline of
 * record and ignores what is out of date.
 */
#ifndef ENGINE_TIMERS_H
#define ENGINE_TIMERS_H

#include <stddef.h>
#include <stdint.h>

#include "engine/memory.h"

struct engine_timer {
    uint64_t time_ns;
    uint64_t key;
};

struct engine_timers {
    const struct engine_memory *memory;
    struct engine_timer *heap;
    size_t count;
    size_t capacity;
};

void engine_timers_free(struct engine_timers *timers);
/* Returns 0, or -1 when out of memory. */
int engine_timers_push(struct engine_timers *timers, uint64_t time_ns,
                       uint64_t key);
/* Removes the earliest, ties by key. Only when count > 0. */
struct engine_timer engine_timers_pop(struct engine_timers *timers);

static inline uint64_t engine_timers_next(const struct engine_timers *timers)
{
    return timers->count ? timers->heap[0].time_ns : UINT64_MAX;
}

#endif
