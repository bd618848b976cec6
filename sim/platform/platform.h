/*
 * What a platform is to the worker processes behind it, as they tell it what
 * becomes of the dispatches it gives them: sim/platform/front.h.
 */
#ifndef SIM_PLATFORM_H
#define SIM_PLATFORM_H

#include "sim/world.h"

/* Which dispatch a worker speaks of. */
struct sim_attempt {
    uint64_t run;
    uint32_t op;
    uint32_t attempt;
};

struct sim_platform_ops {
    /* A dispatch has reached the worker process: it has taken it up, or does
     * not want it. */
    void (*delivered)(void *self, uint32_t node,
                      const struct sim_attempt *attempt);
    /* A worker process has less to do than before. */
    void (*idle)(void *self, uint32_t node);
    /* How long code of this nominal duration takes on this worker. */
    uint64_t (*run_time)(void *self, uint32_t node,
                         const struct sim_attempt *attempt, uint64_t nominal_ns,
                         uint32_t cpu_share_ppb);
    /* A handler is about to ask for a checkpoint. False: the platform turns
     * it away, and nothing is sent. */
    bool (*checkpoint)(void *self, uint32_t node,
                       const struct engine_message *message);
    /* The worker process has died. */
    void (*lost)(void *self, uint32_t node);
};

struct sim_platform {
    const struct sim_platform_ops *ops;
    void *self;
    bool shared;           /* speeds change: sim_worker_node_pace() */
    uint64_t response_max; /* bytes that an attempt may answer with; 0: any */
};

#endif
