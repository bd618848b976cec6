/*
 * Lambda in a world: a front end that asks the platform's state machine for
 * an environment, and environments that are worker processes of one slot,
 * started cold, kept warm, killed at their limit.
 *
 *     DISPATCH -> front end -> warm: the environment at once
 *                          -> cold: a process after placement and INIT
 *                          -> 429: THROTTLED to the coordinator (sync), or
 *                             kept and tried again by the platform (async)
 */
#ifndef SIM_LAMBDA_FRONT_H
#define SIM_LAMBDA_FRONT_H

#include "sim/platform/lambda.h"
#include "sim/platform/lambda_queue.h"
#include "sim/platform/platform.h"
#include "sim/worker_node.h"

struct sim_lambda_front_config {
    struct sim_world *world;
    struct sim_lambda *lambda; /* borrowed; function = workflow */
    enum sim_lambda_mode mode;
    struct sim_lambda_queue *queue; /* borrowed; ASYNC only */
    uint32_t threads; /* a step's CPU-bound part spreads over so many */
    struct sim_worker_config worker; /* node and platform are filled in */
    /* The clock of the machine that hosts an environment. */
    void (*clock)(void *self, uint32_t node, struct sim_clock *clock);
    void *clock_self;
    uint64_t payload_bytes; /* of an invocation: ids, not values */
    uint64_t limit;         /* concurrency, for the gauge */
};

struct sim_lambda_front;

/* Sets the actor at SIM_NODE_PLATFORM. NULL without memory. */
struct sim_lambda_front *
sim_lambda_front_new(const struct sim_lambda_front_config *config,
                     const struct sim_clock *clock);
/* After the world has been freed or stopped: frees the environments too. */
void sim_lambda_front_free(struct sim_lambda_front *front);

#endif
