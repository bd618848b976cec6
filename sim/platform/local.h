/*
 * Local workers as a platform model (sim/platform/model.h): a fixed number of
 * worker processes with a number of slots each. A job is given to the worker
 * with most free slots, the first of equals; what finds none waits, in order.
 *
 * A worker is a place that is there from the start. When its process dies, its
 * jobs are forgotten and its place opens again at once: the process is of a
 * machine that starts it again, and takes no work until it answers.
 */
#ifndef SIM_LOCAL_H
#define SIM_LOCAL_H

#include "sim/draw.h"
#include "sim/platform/model.h"

struct sim_local_config {
    uint32_t workers;
    uint32_t slots;                   /* of each */
    struct sim_dist dispatch_latency; /* START's a: on the way to its worker */
};

/* 0, -1 without memory, -2: nothing can run. The caller frees the model. */
int sim_local_model(struct sim_model *model,
                    const struct sim_local_config *config, uint64_t seed);

#endif
