/*
 * Local workers on a test bed: a front end, workers of one step, a receiver
 * of effects, a store that grants every claim and takes every report, and a
 * probe where the coordinator would be.
 */
#ifndef TESTS_SIM_WORKERS_H
#define TESTS_SIM_WORKERS_H

#include "engine/graph.h"
#include "sim/platform/front.h"
#include "sim/platform/local.h"
#include "sim/receiver.h"
#include "tests/support/sim_bed.h"

enum {
    SIM_WORKERS_MAX = 4
};

struct sim_workers {
    struct sim_bed *bed;
    struct sim_model model;
    struct sim_front *front;
    struct sim_receiver *receiver;
    uint64_t restart_ns[SIM_WORKERS_MAX];
    struct engine_graph *graph;
    const struct engine_graph *graphs[1];
    struct sim_step step; /* 10 ms, no effect; change it before it runs */
    const struct sim_step *steps[1];
    struct engine_block scratch;
    struct engine_block reply;
    struct sim_probe *coordinator; /* of local workers */
    uint32_t claims;               /* requests the store was asked */
    uint32_t reports;
    uint32_t store_refuses; /* so many claims get FENCED */
    uint32_t failed;        /* FAILED messages, and the last one: */
    uint64_t failed_error;
    char failed_words[SIM_WORDS_MAX];
};

/* Started; messages take 1 ms, dispatches to workers latency_ms. */
struct sim_workers *sim_workers_new(uint32_t workers, uint32_t slots,
                                    uint64_t latency_ms);

/* On a platform of the caller's, with rented places of one slot. */
struct sim_workers *sim_workers_on(struct sim_model model, uint32_t places);
void sim_workers_free(struct sim_workers *rig);

/* Attempts that a worker has under way. */
uint32_t sim_workers_busy(const struct sim_workers *rig, uint32_t worker);

/* The coordinator dispatches the step of a run. */
void sim_workers_dispatch(struct sim_workers *rig, uint64_t run);

#endif
