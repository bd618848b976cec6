/*
 * The steps inside a handler, as far as they are known by name: what a worker
 * says of a step's attempt carries the step's number, from 1, in `count`, and
 * the low half of the operation's id in `b`.
 */
#ifndef REPORTS_PROGRAM_H
#define REPORTS_PROGRAM_H

#include <stdint.h>

/* What a workflow declares of its only map, or its only parallel. */
struct report_batch {
    uint32_t known; /* 0: it has none, or several */
    uint32_t min_successful;
    uint32_t min_ended;
    uint32_t failures_max;
    uint32_t share_milli;
    uint32_t open_max; /* 0: any number */
};

struct report_program {
    const char *const *names;
    const uint32_t *effects; /* 1: a side effect, 2: its receiver takes a key */
    uint32_t count;          /* 0: the workflow is a graph, or none is known */
    const uint8_t *undoes;   /* 1: a compensation; NULL: none is known to be */
    /* NULL: nothing can be undone. By step, the one that undoes it and the one
     * that it undoes, from 1; 0: none. */
    const uint32_t *undone_by;
    const uint32_t *undone_step;
    struct report_batch map;
    struct report_batch parallel;
};

#endif
