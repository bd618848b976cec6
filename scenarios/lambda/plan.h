/*
 * Where the runs of a function can be struck, and with what. A run that is not
 * struck writes down each boundary that it crosses; a fault strikes one of
 * them, or several of the same name in a row.
 */
#ifndef SCENARIOS_LAMBDA_PLAN_H
#define SCENARIOS_LAMBDA_PLAN_H

#include "engine/host/lambda/host.h"

enum {
    LAMBDA_POINT_NAME = 80,
    LAMBDA_LABEL_SIZE = 160
};

/* A boundary by name: its kind, and which of those it is, from 1. */
struct lambda_point {
    enum lambda_place place;
    bool after;
    char operation[LAMBDA_POINT_NAME];
    char action[16];
    uint32_t occurrence;
};

/* "after charge SUCCEED #1". Returns out. */
const char *lambda_point_write(const struct lambda_point *point,
                               char out[LAMBDA_LABEL_SIZE]);

enum lambda_fault {
    LAMBDA_FAULT_NONE,
    LAMBDA_FAULT_CRASH,
    LAMBDA_FAULT_TIME_OUT,
    LAMBDA_FAULT_LOST_REPLY,
    LAMBDA_FAULT_THROTTLE,
    LAMBDA_FAULT_SERVER_ERROR,
    LAMBDA_FAULT_STALE_TOKEN,
    LAMBDA_FAULT_STOP,
    LAMBDA_FAULT_COUNT
};
/* "crash" and so on. */
const char *lambda_fault_name(enum lambda_fault fault);
enum lambda_fault lambda_fault_find(const char *name);

struct lambda_plan {
    enum lambda_fault fault;
    struct lambda_point at;
    uint32_t times; /* from there on, of boundaries with that name */
    bool recording;
    /* Filled: */
    uint32_t struck;
    struct lambda_point *points; /* crossed, in order */
    uint32_t *counts;            /* of each name; parallel to names */
    struct lambda_point *names;
    uint32_t point_count;
    uint32_t point_capacity;
    uint32_t name_count;
    uint32_t name_capacity;
    bool failed; /* out of memory */
};

/* For a run: forgets what the last one crossed. */
void lambda_plan_begin(struct lambda_plan *plan);
void lambda_plan_free(struct lambda_plan *plan);
/* The hook of the host. */
void lambda_plan_boundary(struct lambda_plan *plan,
                          const struct lambda_boundary *boundary,
                          struct lambda_decision *decision);

/* Whether a fault can strike there. */
bool lambda_fault_fits(enum lambda_fault fault,
                       const struct lambda_point *point);

#endif
