/*
 * A made-up record stream for tests of reports: an order workflow on two
 * coordinators and four workers, with a store outage, worker crashes and a
 * pause; and a handler that maps, waits, asks a person and ends. Plausible
 * rather than true: no engine wrote it. The same options give the same records.
 */
#ifndef TESTS_SUPPORT_SYNTHETIC_H
#define TESTS_SUPPORT_SYNTHETIC_H

#include <stddef.h>

#include "engine/graph.h"
#include "reports/collect.h"

enum synthetic_node {
    SYNTHETIC_CLIENT,
    SYNTHETIC_COORDINATOR,
    SYNTHETIC_COORDINATOR_2,
    SYNTHETIC_STORE,
    SYNTHETIC_PLATFORM,
    SYNTHETIC_WORKER,
    SYNTHETIC_WORKERS = 4,
    SYNTHETIC_RECEIVER = SYNTHETIC_WORKER + SYNTHETIC_WORKERS,
    SYNTHETIC_NODES
};

enum synthetic_point {
    SYNTHETIC_POINT_CRASH,   /* worker/effect/after, armed */
    SYNTHETIC_POINT_PROCESS, /* armed */
    SYNTHETIC_POINT_NEVER,   /* armed if asked, never fires */
    SYNTHETIC_POINTS
};

struct synthetic_options {
    uint64_t runs;
    uint64_t trips;       /* runs of a handler, after the others */
    uint64_t crash_every; /* each nth run's charge is cut off; 0: none */
    int outage;           /* the store is away for a time in the middle */
    int duplicate;        /* one effect is applied twice */
    int never;            /* a fault is armed that never fires */
    const char *workflow; /* its name and its first step's; NULL: "order" */
    const char *step;
};

struct synthetic {
    struct engine_graph *graph;
    struct engine_graph *handler;
    const struct engine_graph *graphs[2];
    uint32_t effects_row[8];
    const uint32_t *effects[2];
    struct report_armed armed[SYNTHETIC_POINTS];
    struct report_world world;
    struct engine_record *records;
    size_t count;
    size_t room;
};

/* Never fails: a test without memory aborts. */
struct synthetic *synthetic_new(const struct synthetic_options *options);
void synthetic_free(struct synthetic *synthetic);

#endif
