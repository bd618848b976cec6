/*
 * What a platform is to the world: a front end at SIM_NODE_PLATFORM that
 * takes dispatches and puts each on a worker, and the worker processes behind
 * it, at SIM_NODE_WORKER and up.
 */
#ifndef SIM_PLATFORM_H
#define SIM_PLATFORM_H

#include "sim/world.h"

struct sim_platform_ops {
    /* A worker process has nothing to do any more. */
    void (*idle)(void *self, uint32_t node);
    /* How long code of this nominal duration takes on this worker. */
    uint64_t (*run_time)(void *self, uint32_t node, uint64_t nominal_ns,
                         uint32_t cpu_share_ppb);
    /* The worker process has died. */
    void (*lost)(void *self, uint32_t node);
};

struct sim_platform {
    const struct sim_platform_ops *ops;
    void *self;
};

#endif
