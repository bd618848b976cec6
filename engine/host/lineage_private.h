/*
 * What the files that collect a lineage share: lineage.c (which runs, edges
 * between them), lineage_read.c (one run's log), lineage_digest.c. Nobody else
 * includes this.
 */
#ifndef ENGINE_HOST_LINEAGE_PRIVATE_H
#define ENGINE_HOST_LINEAGE_PRIVATE_H

#include "engine/host/lineage.h"

/* Numbers by hashes, open addressing. The last one put stands. */
struct lineage_map {
    struct engine_hash *keys; /* zeros: free */
    uint32_t *values;
    uint32_t count;
    uint32_t capacity; /* a power of two, or 0 */
};

/* 0 or -1. */
int lineage_map_put(struct lineage_map *map, struct engine_hash key,
                    uint32_t value);
/* LINEAGE_NONE: it is not there. */
uint32_t lineage_map_get(const struct lineage_map *map, struct engine_hash key);
void lineage_map_free(struct lineage_map *map);

/* Another run that one has to do with. */
struct lineage_link {
    uint64_t run;
    uint32_t execution; /* the INVOKE, or the SEND */
    uint32_t depth;     /* of the other run */
    bool child;
};

/* What is known while runs are read. */
struct lineage_collecting {
    struct lineage *lineage;
    struct host_reader *reader;
    char *error; /* of HOST_ERROR_SIZE */
    struct lineage_link *links;
    uint32_t link_count;
    uint32_t link_capacity;
    struct lineage_map sent;     /* id of a signal: the SEND */
    struct engine_hash *signals; /* ids of what was received .. */
    uint32_t *receivers;         /* .. and the RECEIVE */
    uint32_t received_count;
    uint32_t received_capacity;
};

/* LINEAGE_NONE without memory, which is remembered. */
uint32_t lineage_add(struct lineage *l, const struct lineage_execution *e);
void lineage_join(struct lineage *l, uint32_t child, uint32_t parent,
                  enum lineage_edge_kind kind, const char *from,
                  const char *to);
/* A copy that lives as long as the lineage and ends with a 0. */
const char *lineage_keep(struct lineage *l, const char *text, size_t size);
/* Adds a link to another run. */
void lineage_link(struct lineage_collecting *c, struct lineage_link link);
/* Adds the id of the signal that a RECEIVE was answered with. */
void lineage_received(struct lineage_collecting *c, struct engine_hash id,
                      uint32_t execution);
/* The hash of several. */
struct engine_hash lineage_hash(const struct engine_hash *parts, size_t count);

/* Reads the log of a run, adds its executions and their edges, and links. */
enum lineage_result lineage_read_run(struct lineage_collecting *c,
                                     const struct engine_run_row *row,
                                     uint32_t depth);
/*
 * The digest of a definition without the platforms that its nodes name, so
 * that a node which runs elsewhere is the same code. Without memory that of
 * the whole definition.
 */
struct engine_hash lineage_code(const struct engine_graph *graph);
/* Computes paths and digests once all edges are there. */
void lineage_digest(struct lineage *l);

#endif
