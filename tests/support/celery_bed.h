/*
 * Celery's model with somebody to do its work: what START begins ends after
 * its time, unless its place is closed first. Everything that happened is
 * counted, for each job and in all.
 */
#ifndef TESTS_CELERY_BED_H
#define TESTS_CELERY_BED_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/platform/celery.h"

#define BED_MS UINT64_C(1000000)
#define BED_SECOND (1000 * BED_MS)
#define BED_MINUTE (60 * BED_SECOND)
#define BED_HOUR (60 * BED_MINUTE)

struct bed_job {
    uint32_t starts, finishes, fails, forgets;
    uint32_t running; /* now */
    uint32_t place;   /* of the last start */
    uint32_t host;
    uint64_t first_ns, last_ns; /* starts */
    uint64_t deadline_ns;       /* of the last start */
    uint64_t over_ns;
    uint64_t takes_ns;
    struct sim_cause cause;
    uint32_t states[16];
};

struct bed_run {
    uint64_t end_ns;
    uint32_t place;
    uint32_t job;
};

struct bed_place {
    uint64_t opened_ns;
    uint32_t host;
    uint32_t job; /* SIM_MODEL_NONE: idle */
    bool open;
};

struct celery_bed {
    struct sim_celery_config config;
    struct sim_model model;
    struct sim_actions actions;
    uint64_t now_ns;
    struct bed_job *jobs;
    uint32_t job_count, jobs_room;
    struct bed_run *runs;
    uint32_t run_count, runs_room;
    struct bed_place *places;
    uint32_t places_room;
    uint32_t warned;
    uint64_t warned_ns;
    uint32_t closes[16]; /* by enum sim_celery_end */
    uint64_t digest;     /* of all actions */
    struct sim_submitted answer;
};

/* That of the "platform" of a scenario; ends the program with an error. */
struct sim_celery_config celery_bed_read(const char *json);

/* The configuration of a profile that comes with perdure. */
struct sim_celery_config celery_bed_config(const char *profile);

/* Begins at 0; ends the test when it cannot. */
void celery_bed_init(struct celery_bed *bed,
                     const struct sim_celery_config *config, uint64_t seed);
void celery_bed_deinit(struct celery_bed *bed);

/* Until what is due then has happened. */
void celery_bed_run(struct celery_bed *bed, uint64_t until_ns);

/* Until nothing is accepted and not over; false: not until then. */
bool celery_bed_drain(struct celery_bed *bed, uint64_t until_ns);

/* A job of a kind that takes so long: its number, or SIM_MODEL_NONE. */
uint32_t celery_bed_submit(struct celery_bed *bed,
                           const struct sim_demand *demand, uint64_t takes_ns);

/* The process in the place dies with this exit code. */
void celery_bed_kill(struct celery_bed *bed, uint32_t place,
                     uint32_t exit_code);

void celery_bed_kill_host(struct celery_bed *bed, uint32_t host);

/* Open places. */
uint32_t celery_bed_places(const struct celery_bed *bed);

#endif
