/*
 * The client: starts runs when the workload says so, asks again (another
 * coordinator) until a start is confirmed, and confirms results. Latency is
 * counted from the time a run was due, not from when it got through.
 */
#ifndef SIM_CLIENT_H
#define SIM_CLIENT_H

#include "sim/world.h"

struct sim_client_config {
    struct sim_world *world;
    uint64_t runs; /* ids 1 to runs */
    uint32_t coordinators;
    const uint32_t *workflows; /* run i is of the (i - 1) % count-th; NULL: of
                                  the workflow with this number */
    uint32_t workflow_count;
    uint32_t input_bytes;
    uint64_t timeout_ns; /* of a start */
    /* When run number index (from 0) is due, ns after the world's start;
     * rising with index. */
    uint64_t (*arrival)(void *self, uint64_t index);
    void *arrival_self;
};

struct sim_client;

/* Sets the actor at SIM_NODE_CLIENT. NULL without memory. */
struct sim_client *sim_client_new(const struct sim_client_config *config,
                                  const struct sim_clock *clock);
void sim_client_free(struct sim_client *client);

/* The workflow of a run. */
static inline uint32_t sim_client_workflow(const uint32_t *workflows,
                                           uint32_t workflow_count,
                                           uint64_t run)
{
    uint32_t index = (uint32_t)((run - 1) % workflow_count);
    return workflows ? workflows[index] : index;
}

#endif
