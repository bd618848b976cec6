/*
 * The store in memory, for capacity studies of millions of runs: the same
 * rules and replies as the store in SQLite, rows in arrays and hash tables,
 * nothing durable. Nothing in it depends on addresses or on the order of a
 * hash table, so equal requests give equal replies on every machine.
 *
 * Applying cannot fail half-way, except for lack of memory. Then the store
 * answers nothing more: a rollback cannot bring the group back.
 */
#ifndef ENGINE_HOST_STORE_MEMORY_H
#define ENGINE_HOST_STORE_MEMORY_H

#include "engine/defects.h"
#include "engine/store.h"

struct store_memory_config {
    struct engine_store_limits limits;
    struct engine_defects defects;
    /*
     * 0: log rows are hashed and counted but not kept. ACQUIRE and LOAD then
     * return a run without its log, and scan_log() visits nothing.
     */
    int keep_log;
};

/* An empty store. config is copied. 0, or -1 when out of memory. */
int store_memory_open(const struct store_memory_config *config,
                      struct engine_store *out);

#endif
