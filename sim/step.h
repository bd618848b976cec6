/*
 * How a step behaves in the simulated world, in place of a user's code: how
 * long it takes, what it asks of the outside, how often it fails and how much
 * it returns.
 */
#ifndef SIM_STEP_H
#define SIM_STEP_H

#include <stdbool.h>

#include "sim/draw.h"

struct sim_step {
    struct sim_dist duration;
    uint32_t cpu_share_ppb; /* of the duration that is CPU-bound */
    bool effect;            /* it asks the receiver to do something */
    bool keyed;             /* and gives an idempotency key */
    uint32_t output_bytes;  /* by output handle */
    uint32_t fail_ppb;      /* chance that an attempt fails */
    uint32_t fail_first;    /* the first so many attempts of a run fail */
    bool fail_retryable;
};

#endif
