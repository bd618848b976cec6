/*
 * A Kubernetes cluster for tests and benches, with somebody in front of it
 * who lets work run its time and writes down what the model does.
 */
#ifndef K8S_BED_H
#define K8S_BED_H

#include "sim/platform/heap.h"
#include "sim/platform/k8s.h"

#define K8S_BED_START UINT64_C(1000000000000) /* a multiple of all periods */

/* `nodes` nodes of 4 processors, 16 GB; nothing random, nothing goes wrong. */
void k8s_bed_config(struct sim_k8s_config *config, uint32_t nodes);

struct k8s_seen {
    struct sim_action action;
    char words[SIM_WORDS_MAX]; /* of its cause */
    enum engine_error error;
};

struct k8s_bed {
    struct sim_k8s_config config;
    struct sim_model model;
    struct sim_actions actions;
    struct sim_heap ends; /* of what runs, by place */
    uint32_t *jobs;       /* by place */
    struct k8s_seen *seen;
    uint32_t seen_count, seen_capacity;
    uint64_t now_ns;
    uint64_t work_ns; /* of each start; 0: until the test ends it */
    uint64_t seed;
    uint32_t running_peak; /* of places */
};

/* Makes the model of bed->config, at K8S_BED_START. */
void k8s_bed_begin(struct k8s_bed *bed);
void k8s_bed_end(struct k8s_bed *bed);

/* Time goes on, and what is due happens. */
void k8s_bed_run(struct k8s_bed *bed, uint64_t length_ns);

struct sim_submitted k8s_bed_submit(struct k8s_bed *bed, uint32_t id,
                                    const struct sim_demand *demand);
/* The process in the place dies. */
void k8s_bed_exit(struct k8s_bed *bed, uint32_t place, uint32_t exit_code);
bool k8s_bed_fail_host(struct k8s_bed *bed, uint32_t host);

/*
 * The nth (from 0) action of this kind of the job (SIM_MODEL_NONE: any), with
 * this code (0: any); NULL: there were not so many.
 */
const struct k8s_seen *k8s_bed_find(const struct k8s_bed *bed,
                                    enum sim_action_kind kind, uint32_t job,
                                    uint16_t code, uint32_t nth);
uint32_t k8s_bed_count(const struct k8s_bed *bed, enum sim_action_kind kind,
                       uint32_t job, uint16_t code);
/* The time of the nth since K8S_BED_START, or UINT64_MAX. */
uint64_t k8s_bed_when(const struct k8s_bed *bed, enum sim_action_kind kind,
                      uint32_t job, uint16_t code, uint32_t nth);

#endif
