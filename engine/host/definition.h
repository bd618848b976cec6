/*
 * A workflow's graph as bytes: what a worker tells the engine about the
 * workflows it can execute, and what the database keeps, so that an engine
 * can go on with a run before a worker that knows its workflow has come back.
 */
#ifndef ENGINE_HOST_DEFINITION_H
#define ENGINE_HOST_DEFINITION_H

#include "engine/graph.h"
#include "engine/wire.h"

/*
 * Starts the block with an 8-byte head and writes the definition behind it.
 * Returns 0 with *bytes and *size inside the block, or -1: out of memory.
 */
int host_definition_write(struct engine_block *block,
                          const struct engine_graph *graph, const void **bytes,
                          size_t *size);

/*
 * Makes the graph again. NULL: damaged, written by another version, or out of
 * memory. Its digest is checked against the one written.
 */
struct engine_graph *host_definition_read(const void *bytes, size_t size);

#endif
