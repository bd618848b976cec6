/*
 * Drives a platform's model without a world, for tests: jobs are submitted by
 * hand, their work takes as long as the model says, everything that happens is
 * kept by job, and what a model owes its driver is asserted at every action.
 */
#ifndef TESTS_MODEL_BED_H
#define TESTS_MODEL_BED_H

#include "sim/platform/heap.h"
#include "sim/platform/model.h"

#define BED_SECOND UINT64_C(1000000000)
#define BED_START BED_SECOND

struct bed_job {
    struct sim_submitted answer;
    struct sim_cause cause; /* of FAIL */
    struct sim_work work;
    uint64_t submitted_ns;
    uint64_t start_ns; /* the first */
    uint64_t last_start_ns;
    uint64_t deadline_ns; /* of the last START */
    uint64_t warned_ns;   /* the last WARN, */
    uint64_t warning_ns;  /* and what it announced */
    uint64_t over_ns;     /* FAIL or FORGET */
    uint32_t starts;
    uint32_t closes; /* while it ran */
    uint32_t running;
    uint32_t paces;
    uint32_t place; /* of the last START */
    uint32_t host;
    uint16_t end;    /* code of the last CLOSE while it ran */
    uint16_t state;  /* the last */
    uint32_t states; /* a bit for each that it was in */
    bool open;       /* accepted and not over */
    bool failed;
};

struct bed_place {
    uint32_t job; /* or SIM_MODEL_NONE */
    bool open;
};

struct bed {
    struct sim_model model;
    struct sim_actions actions;
    struct sim_heap ends; /* by place */
    struct bed_job *jobs;
    struct bed_place *places;
    uint32_t job_count, place_count;
    uint64_t now_ns;
    uint64_t digest; /* of all actions */
    uint32_t running, running_peak, open;
};

/* The bed owns the model from now on. Time begins at BED_START. */
void bed_init(struct bed *bed, struct sim_model model);
void bed_deinit(struct bed *bed);

/* Submits now; the number of the job is that of the call, from 0. */
uint32_t bed_submit(struct bed *bed, const struct sim_demand *demand,
                    const struct sim_work *work, uint64_t payload_bytes);

/* Lets time pass: until then, or until nothing will happen any more. */
void bed_run_until(struct bed *bed, uint64_t until_ns);
/* Until every accepted job is over; fails the test when that never comes. */
void bed_run(struct bed *bed);

/* The process in a place dies; nothing when there is none. */
void bed_crash(struct bed *bed, uint32_t place, uint32_t exit_code);
bool bed_fail_host(struct bed *bed, uint32_t host);
void bed_outage(struct bed *bed, uint64_t until_ns);

/* Its last line: what really happened. */
const char *bed_root(const struct sim_cause *cause);

#endif
