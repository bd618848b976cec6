/*
 * What the files that collect a lineage share: lineage.c (which runs, edges
 * between them), lineage_read.c (one run's log), lineage_take.c (its events),
 * lineage_digest.c. Nobody else
 * includes this.
 */
#ifndef ENGINE_HOST_LINEAGE_PRIVATE_H
#define ENGINE_HOST_LINEAGE_PRIVATE_H

#include "engine/host/lineage.h"
#include "engine/run.h"

enum {
    LINEAGE_WHY_SIZE = 200
};

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

/* What is known of an operation while events come. */
struct lineage_track {
    uint32_t current; /* its last execution */
    uint32_t done;    /* the one whose output stands */
    uint32_t last_in; /* of what is inside of it, the one that ended last */
};

struct lineage_reading {
    struct lineage_collecting *c;
    struct lineage *l;
    struct engine_run_row row;
    const struct engine_graph *graph;
    struct engine_run *run; /* the fold */
    struct engine_block block;
    struct lineage_track *tracks; /* by operation */
    uint32_t track_count;
    struct lineage_map outputs;  /* by digest and context */
    struct engine_hash consumed; /* the signal taken by the event before */
    bool has_consumed;
    struct engine_hash chain;
    bool chained; /* chain is that of the row before */
    bool restored;
    uint64_t seq;      /* of the next event */
    uint64_t skip;     /* events up to here are folded in */
    uint64_t position; /* of the row */
    uint64_t time_ns;
    uint32_t index; /* of the run */
    uint32_t depth;
    uint32_t vertex; /* of the run itself */
    enum lineage_result result;
    char why[LINEAGE_WHY_SIZE];
};

/* Ends the reading as DAMAGED or without memory: 1. */
int lineage_damaged(struct lineage_reading *r, const char *why);
int lineage_no_memory(struct lineage_reading *r);
/* Adds the execution of the run itself; fills it, once the run is created. */
void lineage_take_run(struct lineage_reading *r);
void lineage_take_created(struct lineage_reading *r);
/* Takes an event that has been applied to the fold. 0, or 1: r->result. */
int lineage_take(struct lineage_reading *r, const struct engine_item *event);
/* The same of an operation of which only a snapshot tells. */
int lineage_take_entry(struct lineage_reading *r, uint32_t op);
/* Gives operations the numbers of their calls, at the end. */
void lineage_take_calls(struct lineage_reading *r);

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
