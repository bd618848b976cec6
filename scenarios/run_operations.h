/*
 * The operations of a run as its log tells of them: nodes of a declared
 * graph, or what a handler did, each with how it stands, since when, and its
 * result if that is asked for.
 */
#ifndef SCENARIOS_RUN_OPERATIONS_H
#define SCENARIOS_RUN_OPERATIONS_H

#include "engine/host/reader.h"
#include "engine/operation.h"

/* How the bytes of a result stand in the log. */
enum run_value_form {
    RUN_VALUE_NONE,
    RUN_VALUE_BYTES,
    RUN_VALUE_ENVELOPE,
    RUN_VALUE_BLOB /* struct engine_blob_ref */
};

struct run_operation {
    struct engine_hash id; /* of a handler's */
    uint32_t number;       /* as events name it */
    uint32_t parent;       /* index; UINT32_MAX: the run */
    uint32_t depth;        /* contexts around it */
    unsigned type;         /* enum engine_operation_type */
    unsigned subtype;
    unsigned status; /* enum engine_operation_status */
    uint32_t attempts;
    uint32_t error; /* enum engine_error */
    uint64_t started_ns;
    uint64_t ended_ns; /* 0: not over */
    bool ambiguous;    /* it waits for an operator */
    char name[128];    /* cut; "" if it has none */
    char root[160];    /* of its error: the root cause, cut; "" as well */
};

struct run_operations {
    struct run_operation *list; /* in the order of their numbers */
    uint32_t count;
    uint32_t capacity;
    bool handler;
    uint64_t folded_seq; /* events up to here are only in a snapshot */
    bool archived;
    uint32_t wanted;  /* number whose result is kept; UINT32_MAX: the run's */
    const char *name; /* or by name, if not NULL; the first one */
    enum run_value_form form;
    void *value;
    size_t value_size;
    bool failed; /* out of memory */
    struct engine_block block;
};

/* Reads a run's log. wanted and name are to be set before, all else 0. 0 or
 * -1. */
int run_operations_read(struct host_reader *reader,
                        const struct engine_run_row *row,
                        struct run_operations *operations);
void run_operations_free(struct run_operations *operations);

/* Finds a run's row. 1; 0: there is none; -1. */
int run_operations_row(struct host_reader *reader, uint64_t run,
                       struct engine_run_row *row);

#endif
