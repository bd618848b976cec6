/*
 * A function is struck at each of its boundaries, once for each fault that can
 * strike there, and judged against a run that was not struck:
 *
 *     the same status and the same result, unless it was stopped
 *     no effect lost; none that is declared to happen once applied again
 *     an end: nothing waits for what will never come
 *     what was watched meanwhile (watch.h): properties, legal histories
 */
#ifndef SCENARIOS_LAMBDA_SWEEP_H
#define SCENARIOS_LAMBDA_SWEEP_H

#include "reports/check.h"
#include "scenarios/lambda/cases.h"
#include "scenarios/lambda/trial.h"

enum {
    LAMBDA_ROW_WHY_SIZE = 240,
    LAMBDA_SWEEP_PROPERTIES = LAMBDA_PROPERTIES_MAX + 3
};

/* One trial of a sweep. */
struct lambda_row {
    enum lambda_fault fault;
    struct lambda_point at;
    uint32_t times;            /* the fault's size */
    struct lambda_strike also; /* in the same run; its fault may be NONE */
    uint32_t page_items;       /* of every page of state; 0: as configured */
    enum check_verdict verdict;
    char why[LAMBDA_ROW_WHY_SIZE]; /* "": as without the fault */
    char status[16];
    uint32_t invocations;
    uint32_t struck;
    uint64_t virtual_ns;
    uint32_t applied[LAMBDA_EFFECTS_MAX]; /* by number of the effect */
    struct lambda_use use;
};

struct lambda_sweep_config {
    struct lambda_bench *bench;
    const struct engine_limits *limits;
    bool faults[LAMBDA_FAULT_COUNT];
    const char *const *once; /* effects that may be applied once for each time
                                the undisturbed run applies them */
    uint32_t once_count;
    const char *only; /* the label of a boundary; NULL: all */
    uint32_t times;   /* of faults that have sizes; 0: all of theirs */
    const char *also; /* another fault in each run, as lambda_strike_write()
                         has it; NULL: none */
    uint32_t pairs;   /* so many runs more, with two faults each */
    uint64_t seed;    /* of what is drawn for them */
    bool may_fail;    /* a run that ends FAILED is right as well */
    /* Each row as it comes; false: enough. */
    bool (*row)(void *self, const struct lambda_row *row);
    /* Before each, for whoever waits. */
    void (*progress)(void *self, uint32_t done, uint32_t total);
    void *self;
};

struct lambda_sweep {
    struct lambda_outcome golden; /* of the run that was not struck */
    struct lambda_plan plan;      /* with its boundaries */
    uint32_t trials;
    uint32_t held;
    uint32_t failed;
    uint32_t missed; /* never came to where they were to be struck */
    /* Effects by number: those of the undisturbed run, then others. */
    char effects[LAMBDA_EFFECTS_MAX][LAMBDA_POINT_NAME];
    uint32_t effect_count;
    /* Over all runs: checked and violations are sums. */
    struct lambda_property properties[LAMBDA_SWEEP_PROPERTIES];
    uint32_t property_count;
};

/* 0; -1 out of memory. Free the sweep in any case. */
int lambda_sweep_run(const struct lambda_sweep_config *config,
                     struct lambda_sweep *sweep);
void lambda_sweep_free(struct lambda_sweep *sweep);

#endif
