/*
 * The steps inside a handler, as far as they are known by name: what a worker
 * says of a step's attempt carries the step's number, from 1, in `count`, and
 * the low half of the operation's id in `b`.
 */
#ifndef REPORTS_PROGRAM_H
#define REPORTS_PROGRAM_H

#include <stdint.h>

struct report_program {
    const char *const *names;
    const uint32_t *effects; /* 1: a side effect, 2: its receiver takes a key */
    uint32_t count;          /* 0: the workflow is a graph, or none is known */
    const uint8_t *undoes;   /* 1: a compensation; NULL: none is known to be */
};

#endif
