/*
 * How long things may take: one bound for each property that speaks of time,
 * computed from the configuration by a formula that the report prints beside
 * its value. Bounds tell stuck from slow: they are generous by intent.
 */
#ifndef SCENARIOS_BOUNDS_H
#define SCENARIOS_BOUNDS_H

#include "reports/check.h"
#include "scenarios/scenario.h"

enum bound_id {
    BOUND_PROGRESS, /* B1, B2: L1, L2 */
    BOUND_ORPHAN,   /* B3: L3 */
    BOUND_LIVELOCK, /* B4: L4 */
    BOUND_TIMER,    /* B5: L5 */
    BOUND_WAITING,  /* B6: L6 */
    BOUND_GOODPUT,  /* B7: L7, L8 */
    BOUND_COUNT
};

struct bound {
    const char *name;    /* "B4, L4: between two advances of the world" */
    const char *formula; /* in the words of the configuration */
    uint64_t ns;
};

struct bounds {
    struct bound list[BOUND_COUNT];
};

/* `heal` as it is for this seed: without healing the bounds are larger. */
void bounds_init(struct bounds *bounds, const struct scenario *scenario,
                 enum check_heal heal);

/*
 * What is asked of the platform by what it can do, in thousandths; 0: not
 * known. Computed from the mean duration of steps and the rate of arrivals.
 */
uint64_t bounds_load(const struct scenario *scenario);

#endif
