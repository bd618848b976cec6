/*
 * A database as operators look at it: which runs there are, how they stand
 * and what happened to them. Only reads, and works beside a running engine as
 * well as without one. Every page is read anew, so that what is long is never
 * held whole.
 */
#ifndef ENGINE_HOST_READER_H
#define ENGINE_HOST_READER_H

#include "engine/cause.h"
#include "engine/graph.h"
#include "engine/host/socket.h"
#include "engine/host/store_upkeep.h"
#include "engine/limits.h"

struct host_reader;

/* What the row and the events of a run say. */
struct host_run {
    struct engine_run_row row;
    const char *workflow;    /* its name, "?" if it is not known */
    uint64_t started_ns;     /* store time */
    uint64_t last_ns;        /* of the last event */
    uint32_t operations;     /* begun */
    uint64_t operations_max; /* nodes of a graph, limit of a handler */
    uint64_t events;
    uint32_t attempts_open;           /* under way, or waiting for a worker */
    uint32_t error;                   /* enum engine_error */
    char words[ENGINE_CAUSE_MAX + 1]; /* of the error, a cause chain; cut */
    uint32_t ambiguous_op; /* waits for an operator; UINT32_MAX: none */
    bool archived;
};

/*
 * Opens a database with its key, NULL: it is not encrypted. NULL with a
 * sentence.
 */
struct host_reader *host_reader_open(const char *database, const uint8_t *key,
                                     char error[HOST_ERROR_SIZE]);
void host_reader_close(struct host_reader *reader);

/* For store_read_events() and the scans. */
struct engine_store *host_reader_store(struct host_reader *reader);
/* The workflow with this number, or NULL. */
const struct engine_graph *host_reader_workflow(const struct host_reader *r,
                                                uint32_t id);
/* The limits that the engine was started with last; the first built-in
 * profile if it never was. */
const struct engine_limits *host_reader_limits(const struct host_reader *r);

/* What its runs' owners call the platform with this number; NULL: nothing. */
const char *host_reader_platform(const struct host_reader *r, uint32_t number);

/* Reads all of a run's events to say how it stands. 0 or -1. */
int host_reader_run(struct host_reader *reader,
                    const struct engine_run_row *row, struct host_run *run);

/* "running" and so on. */
const char *host_run_state_name(uint32_t state);

#endif
