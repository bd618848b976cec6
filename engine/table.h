/*
 * Things by number: a dense array to walk, in an order that follows from what
 * was put in and taken out, and a hash table to look up in. The table holds
 * pointers that its user owns. Numbers start at 1.
 */
#ifndef ENGINE_TABLE_H
#define ENGINE_TABLE_H

#include <stdint.h>

#include "engine/memory.h"

struct engine_table_slot {
    uint64_t id; /* 0: free */
    uint32_t index;
};

struct engine_table {
    const struct engine_memory *memory;
    void **items; /* count of them */
    uint64_t *ids;
    uint32_t count;
    uint32_t capacity;
    struct engine_table_slot *slots; /* linear probing; only looked up */
    uint32_t slot_count;
};

/* Frees the table, not the things in it. A zeroed one is empty. */
void engine_table_free(struct engine_table *table);
/* The thing with this number, or NULL. */
void *engine_table_find(const struct engine_table *table, uint64_t id);
/* Adds a thing whose number is not there yet. 0, or -1: out of memory. */
int engine_table_add(struct engine_table *table, uint64_t id, void *item);
/* Takes out the thing with this number, which is there; the last one moves
 * to its place. */
void engine_table_remove(struct engine_table *table, uint64_t id);

#endif
