/*
 * The local platform: a fixed number of worker processes with a number of
 * slots each. The front end gives work to the worker with most free slots and
 * keeps what finds none in a queue, in order.
 */
#ifndef SIM_LOCAL_H
#define SIM_LOCAL_H

#include "sim/platform/platform.h"
#include "sim/worker_node.h"

struct sim_local;

/*
 * Makes the front end at SIM_NODE_PLATFORM. Workers are added by
 * sim_local_add() afterwards. NULL without memory.
 */
struct sim_local *sim_local_new(struct sim_world *world,
                                const struct sim_clock *clock,
                                uint32_t workers_max, uint32_t slots,
                                const struct sim_dist *dispatch_latency);
void sim_local_free(struct sim_local *local);

struct sim_platform *sim_local_platform(struct sim_local *local);

/* Adds the worker process at SIM_NODE_WORKER + number of those before it. */
void sim_local_add(struct sim_local *local, struct sim_worker_node *worker);

#endif
