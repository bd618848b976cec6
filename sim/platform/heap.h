/*
 * What is due next among numbered things: an indexed heap. Each number has at
 * most one time, which can be moved or taken away at any moment, so that what
 * is over leaves nothing behind. Equal times come out in the order in which
 * they were set.
 *
 *     sim_heap_reserve(&heap, 64)       numbers 0 .. 63 can be set now
 *     sim_heap_set(&heap, 7, at_ns)     7 is due at at_ns, whatever it was
 *     sim_heap_next(&heap)              the least time, or SIM_HEAP_NEVER
 *     sim_heap_pop(&heap)               and whose that is
 */
#ifndef SIM_HEAP_H
#define SIM_HEAP_H

#include <stdbool.h>
#include <stdint.h>

#define SIM_HEAP_NEVER UINT64_MAX
#define SIM_HEAP_NONE UINT32_MAX

struct sim_heap_entry {
    uint64_t time_ns;
    uint64_t sequence;
    uint32_t id;
};

/* Zeroed is empty. The fields are the heap's. */
struct sim_heap {
    struct sim_heap_entry *entries;
    uint32_t *at; /* where in entries a number stands, or SIM_HEAP_NONE */
    uint32_t count;
    uint32_t capacity; /* of both */
    uint64_t sequence;
};

void sim_heap_deinit(struct sim_heap *heap);

/* Room for the numbers below `ids`: 0, or -1 and nothing has changed. */
int sim_heap_reserve(struct sim_heap *heap, uint32_t ids);

/* `id` is below what was reserved. SIM_HEAP_NEVER takes it out. */
void sim_heap_set(struct sim_heap *heap, uint32_t id, uint64_t time_ns);

/* Takes `id` out, if it is in. */
void sim_heap_cut(struct sim_heap *heap, uint32_t id);

/* The time of `id`, or SIM_HEAP_NEVER. */
uint64_t sim_heap_time(const struct sim_heap *heap, uint32_t id);

/* The first of them without taking it out: SIM_HEAP_NONE when empty. */
uint32_t sim_heap_first(const struct sim_heap *heap);

/* Takes the first out: SIM_HEAP_NONE when empty. */
uint32_t sim_heap_pop(struct sim_heap *heap);

static inline uint64_t sim_heap_next(const struct sim_heap *heap)
{
    return heap->count > 0 ? heap->entries[0].time_ns : SIM_HEAP_NEVER;
}

#endif
