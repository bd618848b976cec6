/*
 * Why runs failed: their cause chains (engine/cause.h), as the store took
 * them, grouped by what their root cause says. Numbers in it do not tell two
 * causes apart: "node 3 was lost" and "node 4 was lost" are one.
 */
#ifndef REPORTS_FAILURES_H
#define REPORTS_FAILURES_H

#include <stddef.h>
#include <stdint.h>

#include "engine/cause.h"
#include "engine/wire.h"

enum {
    REPORT_FAILURES_MAX = 32 /* causes; runs of others are only counted */
};

struct report_failure {
    uint64_t count; /* runs */
    uint64_t run;   /* the first of them, and what it said: */
    uint32_t error; /* its class */
    uint32_t size;
    char chain[ENGINE_CAUSE_MAX];
};

/* Zeroed, it holds none. */
struct report_failures {
    struct report_failure list[REPORT_FAILURES_MAX];
    uint32_t count;
    uint64_t others; /* runs */
};

/* Takes a request that was committed: it may be the end of a run. */
void report_failures_hear(struct report_failures *failures,
                          const struct engine_request *request,
                          const struct engine_reply *reply);

#endif
