/*
 * How a step behaves in the simulated world, in place of a user's code: how
 * long it takes, what it asks of the outside, how often it fails and how much
 * it returns.
 */
#ifndef SIM_STEP_H
#define SIM_STEP_H

#include <stdbool.h>

#include "sim/draw.h"
#include "sim/platform/model.h"

enum {
    SIM_LABEL_SIZE = 64
};

/* What it asks of its platform. The demand's labels are those below. */
struct sim_needs {
    struct sim_demand demand;
    char labels[SIM_MODEL_LABELS_MAX][SIM_LABEL_SIZE];
};

struct sim_step {
    struct sim_dist duration;
    uint32_t cpu_share_ppb; /* of the duration that is CPU-bound */
    bool effect;            /* it asks the receiver to do something */
    bool keyed;             /* and gives an idempotency key */
    uint32_t output_bytes;  /* by output handle */
    uint32_t fail_ppb;      /* chance that an attempt fails */
    uint32_t fail_first;    /* the first so many attempts of a run fail */
    bool fail_retryable;
    struct sim_needs needs;
};

#endif
