/*
 * A platform in a world: an actor that asks the platform's model
 * (sim/platform/model.h) what becomes of each dispatch, and the worker
 * processes in its places.
 *
 *     DISPATCH -> submit -> ACCEPTED, THROTTLED or FAILED to the coordinator
 *     OPEN    a worker node is kept for the place, ENV_STARTED
 *     START   the place's process, started if it is down, gets the dispatch
 *     CLOSE   the place's process is killed, ENV_ENDED
 *     FAIL    FAILED to the coordinator, with class and cause
 *     PACE    the worker is told how long its work takes now
 *
 * Where places without a job freeze (sim_model_ops.freezes), a place's process
 * stands still from the end of its last job to the next START.
 *
 * What a worker has done or did not want is finished for the model; a process
 * that dies by itself has exited, as if killed from outside.
 *
 * Places are nodes: place i is node worker_first + i. A platform that would
 * have more places than nodes is told at once that they have died.
 */
#ifndef SIM_FRONT_H
#define SIM_FRONT_H

#include "sim/platform/credentials.h"
#include "sim/platform/model.h"
#include "sim/platform/platform.h"
#include "sim/worker_node.h"

/* Reasons for THROTTLED that are not the model's. */
enum {
    SIM_FRONT_BY_CHECKPOINTS = 0xfffd, /* of a checkpoint, not of a job */
    SIM_FRONT_BY_NODES = 0xfffe, /* the world has no node left for a place */
    SIM_FRONT_BY_FAULT = 0xffff
};

/* What a PLATFORM record tells: its count. */
enum sim_front_log {
    SIM_FRONT_STATE,   /* a job is in state `detail` */
    SIM_FRONT_WARNED,  /* its place will be ended at a; detail says why */
    SIM_FRONT_GAVE_UP, /* the platform has given it up: b = enum engine_error */
    SIM_FRONT_REFUSED  /* it did not take it: b = enum engine_error */
};

struct sim_front_config {
    struct sim_world *world;
    struct sim_model model; /* borrowed; nothing has happened in it yet */
    uint32_t node;          /* its own */
    uint32_t worker_first;  /* of its places */
    uint32_t worker_count;  /* it has at most so many */
    uint32_t slots;         /* attempts at a time in each */
    /*
     * Not NULL: all places are machines with a process that is there from the
     * start and comes back by itself so long after a crash, by place. Whoever
     * makes the world starts them.
     */
    const uint64_t *restart_ns;
    uint32_t threads; /* a step's CPU-bound part spreads over so many */
    /* By workflow, by operation. */
    const struct sim_demand *const *demands;
    uint64_t payload_bytes;          /* of a dispatch: ids, not values */
    struct sim_worker_config worker; /* node, slots and platform filled in */
    /* The clock of the machine that hosts a place. */
    void (*clock)(void *self, uint32_t node, struct sim_clock *clock);
    void *clock_self;
    struct sim_credentials *credentials; /* NULL: they never expire. Borrowed */
    uint64_t seed;                       /* which host dies */
};

struct sim_front;

/* Sets the actor at its node. NULL without memory. */
struct sim_front *sim_front_new(const struct sim_front_config *config,
                                const struct sim_clock *clock);
/* After the world has been freed or stopped: frees the workers, too. */
void sim_front_free(struct sim_front *front);

/*
 * One of the hosts that are up dies now, by a draw. False: there is none, or
 * the platform has no hosts.
 */
bool sim_front_fail_host(struct sim_front *front);

/*
 * Its broker or control plane is away for so long from now. False: it has
 * none that could be.
 */
bool sim_front_outage(struct sim_front *front, uint64_t duration_ns);

/* The worker of a place; NULL: there has been none. */
const struct sim_worker_node *sim_front_worker(const struct sim_front *front,
                                               uint32_t place);

#endif
