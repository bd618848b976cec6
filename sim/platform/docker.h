/*
 * Docker on one machine, as a model of sim/platform/model.h: every job is a
 * container of its own, and all of them share the machine.
 *
 *   waiting ─▶ pulling ─▶ starting ─▶ running ─▶ exited
 *   (a place,   (once per   (slower the  (processors shared, memory up to the
 *    a GPU)      image)      more start)  limit, then killed: exit code 137)
 *
 * A container runs on its own until it is finished: no health checks, no
 * Swarm. GPUs are there only if somebody has configured them. The machine is
 * host 0; when it dies everything on it does, and nothing is accepted until
 * it is up again.
 *
 * A piece of work waits first (disk, network) and then computes. Computing is
 * shared between threads, not between containers: a container with two busy
 * threads gets twice as much as one with one.
 */
#ifndef SIM_PLATFORM_DOCKER_H
#define SIM_PLATFORM_DOCKER_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/draw.h"
#include "sim/platform/bucket.h"
#include "sim/platform/model.h"

#define SIM_DOCKER_CONTAINERS_MAX 1000
#define SIM_DOCKER_PROCESSORS_MAX 1024

/* States of a job, the code of STATE. */
enum sim_docker_state {
    SIM_DOCKER_WAITING = 1,
    SIM_DOCKER_PULLING,
    SIM_DOCKER_STARTING,
    SIM_DOCKER_RUNNING,
    SIM_DOCKER_RESTARTING, /* by its restart policy, after a delay */
    SIM_DOCKER_EXITED,
};

/* Why a place was closed, the code of CLOSE and WARN. */
enum sim_docker_end {
    SIM_DOCKER_DONE = 1,
    SIM_DOCKER_CRASHED, /* the process exited by itself */
    SIM_DOCKER_OOM,
    SIM_DOCKER_STOPPED, /* with the daemon: SIGTERM, then SIGKILL */
    SIM_DOCKER_HOST,    /* with the machine */
};

/* Why a submission has to be tried again. */
enum sim_docker_reason {
    SIM_DOCKER_BY_DAEMON = 1, /* it is not running */
};

struct sim_docker_config {
    uint32_t processors; /* of the machine, or of its virtual machine */
    uint32_t memory_mb;
    uint32_t memory_reserved_mb; /* the system's and the daemon's own */
    uint32_t gpus;               /* 0: not configured */
    uint32_t containers_max;     /* at a time; further ones wait */
    struct sim_dist start;       /* of a container whose image is there */
    uint32_t contention_ppb;     /* longer by so much for each start beyond
                                    the processors at the same time */
    uint32_t cpu_noise_ppb;      /* standard deviation of processor work */
    bool images_present;         /* nothing has to be pulled */
    uint64_t image_bytes;        /* of a job that does not say */
    uint64_t pull_bytes_s;       /* one pull after the other */
    uint64_t pull_ns;            /* of any image: manifests, unpacking */
    uint32_t pull_burst;         /* pulls that the registry allows */
    struct sim_rate pull_refill; /* and how they come back */
    uint32_t memory_default_mb;  /* what a job uses that does not say */
    uint32_t restarts;           /* on failure, at most; 0: policy "no" */
    uint64_t restart_first_ns;   /* doubled each time */
    uint64_t restart_max_ns;
    uint64_t restart_reset_ns; /* after so long a run the first again */
    uint64_t stop_ns;          /* between SIGTERM and SIGKILL */
    bool live_restore;         /* containers survive the daemon */
    struct sim_dist reboot;    /* of the machine */
};

/* 0, -1 without memory, or -2: a number is out of its range. */
int sim_docker_model(struct sim_model *model,
                     const struct sim_docker_config *config, uint64_t seed);

#endif
