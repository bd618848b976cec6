/*
 * Open-loop load on a platform's model, without engine, store or network:
 * jobs come at drawn intervals whatever becomes of those before, run for a
 * drawn time, and are over. What a platform does by itself is seen here, for
 * capacity, for comparison with theory and with experiments, and for speed.
 *
 * The observer is told of everything in order of time. Arrival i draws its
 * gap and its time by i, so a change of the platform moves neither.
 */
#ifndef SIM_PLATFORM_LOAD_H
#define SIM_PLATFORM_LOAD_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/draw.h"
#include "sim/platform/model.h"

/* Time begins here, so that nothing is before it. */
#define SIM_LOAD_START_NS UINT64_C(1000000000)

enum sim_load_error {
    SIM_LOAD_ENOMEM = -1,
    SIM_LOAD_ESTUCK = -2, /* jobs are left and nothing will happen any more */
};

enum sim_load_kind {
    SIM_LOAD_ARRIVED,   /* and was accepted */
    SIM_LOAD_THROTTLED, /* for the first time */
    SIM_LOAD_REFUSED,
    SIM_LOAD_STARTED, /* given to its place; cold: first in a place opened for
                         a job; again: not first start */
    SIM_LOAD_ENDED,   /* its work is done */
    SIM_LOAD_CUT,     /* its place was closed or died under it */
    SIM_LOAD_GONE,    /* given up or lost by the platform */
    SIM_LOAD_OPENED,  /* a place; job NONE */
    SIM_LOAD_CLOSED,  /* a place; since_ns: when it was opened; job NONE */
};

struct sim_load_event {
    uint64_t time_ns;
    uint64_t since_ns; /* when the job arrived first */
    uint64_t number;   /* of the job, from 0 */
    enum sim_load_kind kind;
    uint32_t place;
    bool cold;
    bool again;
};

struct sim_load_config {
    struct sim_model model; /* borrowed; nothing has happened in it yet */
    uint64_t seed;
    struct sim_dist gap;   /* before each arrival */
    struct sim_dist warm;  /* time in a place that was there before */
    struct sim_dist cold;  /* time in a new one */
    struct sim_dist crash; /* the place dies so long after a start, if */
    bool crashes;          /* there are crashes */
    uint64_t restart_ns;   /* a place that opens at once after a crash does not
                              answer for so long */
    bool resubmit;         /* what is lost or given up comes again at once */
    uint64_t retry_ns;     /* what is throttled comes again; 0: it is lost */
    uint64_t arrivals;     /* then no more, and the run ends when all is over */
    uint64_t end_ns;       /* or then; 0: no such time */
    const struct sim_demand *demand; /* of every job */
    uint64_t payload_bytes;
    void (*seen)(void *self, const struct sim_load_event *event);
    void *self;
};

/*
 * Runs it all. *now_ns is the time of the last event. 0 or a sim_load_error.
 */
int sim_load_run(const struct sim_load_config *config, uint64_t *now_ns);

#endif
