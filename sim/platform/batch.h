/*
 * AWS Batch as a model of sim/platform/model.h: jobs wait in queues until the
 * scheduler finds room for them in a compute environment, which grows and
 * shrinks with what waits.
 *
 *   SUBMITTED ─▶ PENDING ─▶ RUNNABLE ─▶ STARTING ─▶ RUNNING ─▶ SUCCEEDED
 *                              ▲  (a place; image,     │
 *                              │   container)          ├─▶ FAILED
 *                              └──── another attempt ──┘
 *
 * Queues are served by priority. Within a queue the first job that can run
 * goes first, and when it finds no room nobody behind it does. An environment
 * is EC2 (instances with vCPUs, memory, GPUs, an image cache; on demand or
 * spot) or Fargate (no instances, no cache). The job's attempt is a place.
 *
 * An array job is one job of the caller: its children are places of their
 * own, and it is over when all of them are.
 *
 * A demand's priority says which queue (the highest there is serves all
 * above), or with fair share where in its share; 1 vCPU or 1 MB that is asked
 * for in parts is rounded up to what the platform has.
 */
#ifndef SIM_PLATFORM_BATCH_H
#define SIM_PLATFORM_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/draw.h"
#include "sim/platform/bucket.h"
#include "sim/platform/model.h"

#define SIM_BATCH_QUEUES_MAX 50
#define SIM_BATCH_ENVS_MAX 3 /* of a queue */
#define SIM_BATCH_SHARES_MAX 16
#define SIM_BATCH_RULES_MAX 5
#define SIM_BATCH_ATTEMPTS_MAX 10
#define SIM_BATCH_ARRAY_MAX 10000
#define SIM_BATCH_TEXT_MAX 64

/* States of a job or a child, the code of STATE; `a` is the child. */
enum sim_batch_state {
    SIM_BATCH_SUBMITTED = 1,
    SIM_BATCH_PENDING,
    SIM_BATCH_RUNNABLE,
    SIM_BATCH_STARTING,
    SIM_BATCH_RUNNING,
    SIM_BATCH_SUCCEEDED,
    SIM_BATCH_FAILED,
};

/* Why a place was closed, the code of CLOSE and WARN. */
enum sim_batch_end {
    SIM_BATCH_DONE = 1,
    SIM_BATCH_EXITED, /* the container exited by itself */
    SIM_BATCH_OOM,
    SIM_BATCH_TIMEOUT,
    SIM_BATCH_SPOT, /* the capacity was taken back */
    SIM_BATCH_HOST, /* the instance failed */
};

/* Why a submission has to be tried again. */
enum sim_batch_reason {
    SIM_BATCH_BY_RATE = 1,  /* SubmitJob */
    SIM_BATCH_BY_SUBMITTED, /* jobs in SUBMITTED */
    SIM_BATCH_BY_SERVICE,   /* it is away */
};

enum sim_batch_env_kind {
    SIM_BATCH_EC2,
    SIM_BATCH_EC2_SPOT,
    SIM_BATCH_FARGATE,
    SIM_BATCH_FARGATE_SPOT,
    SIM_BATCH_KINDS,
};

/* A compute environment: of one kind of instance. */
struct sim_batch_env {
    enum sim_batch_env_kind kind;
    uint32_t max_vcpus;
    uint32_t vcpus; /* of an instance; EC2 only, as what follows */
    uint32_t memory_mb;
    uint32_t gpus;
    char labels[SIM_MODEL_LABELS_MAX][SIM_BATCH_TEXT_MAX]; /* "": none */
};

/* evaluateOnExit: "" is anything; a * may stand at the end. */
struct sim_batch_rule {
    char on_status_reason[SIM_BATCH_TEXT_MAX];
    char on_reason[SIM_BATCH_TEXT_MAX];
    char on_exit_code[SIM_BATCH_TEXT_MAX];
    bool retry; /* else EXIT */
};

struct sim_batch_config {
    struct sim_rate submit_rate;
    uint32_t submit_burst;
    uint64_t payload_max;
    uint64_t definition_bytes; /* of the job definitions that are used */
    uint64_t definition_max;
    uint32_t submitted_max;
    uint32_t array_max;

    uint32_t queues;                              /* queue i has priority i */
    bool fair_share;                              /* within each queue */
    uint32_t weights_milli[SIM_BATCH_SHARES_MAX]; /* lower gets more */
    uint64_t share_decay_ns;                      /* 0: only what runs counts */
    uint32_t compute_reservation_ppb; /* for shares that are not active */
    struct sim_dist scheduling; /* from SUBMITTED until it can be placed */
    uint64_t tick_ns;           /* the scheduler passes at most so often */
    uint64_t state_limit_ns; /* jobStateTimeLimitActions: the first of a queue
                                is cancelled after so long; 0: never */

    struct sim_batch_env envs[SIM_BATCH_ENVS_MAX]; /* in order */
    uint32_t env_count;
    uint64_t provision_min_ns; /* an instance: this, */
    struct sim_dist provision; /* and this, */
    struct sim_dist agent;     /* and until it is registered */
    uint32_t capacity_error_ppb;
    uint64_t capacity_backoff_ns; /* then it is not asked again for so long */
    struct sim_dist scale_in;     /* an instance without jobs */
    struct sim_dist container;    /* start of one, EC2 */
    uint64_t pull_bytes_s;        /* of an instance, one after the other */
    uint32_t images_kept;         /* on an instance */
    uint64_t image_bytes;         /* of a job that does not say */

    struct sim_rate fargate_rate; /* launches, on demand and spot each */
    uint32_t fargate_burst;
    struct sim_dist fargate_start; /* without its image */
    uint64_t fargate_bytes_s;
    uint32_t fargate_cpu_min, fargate_cpu_max; /* milli vCPU, doubling */
    uint32_t fargate_mb_min, fargate_mb_max;   /* for each vCPU */
    uint32_t fargate_mb_step;

    uint32_t attempts; /* 1 to 10 */
    struct sim_batch_rule rules[SIM_BATCH_RULES_MAX];
    uint32_t rule_count;
    uint64_t timeout_ns;     /* of an attempt; 0: none */
    uint64_t timeout_min_ns; /* else at least this */

    struct sim_dist spot_up;   /* until capacity is taken back */
    struct sim_dist spot_down; /* until there is some again; zone only */
    bool spot_zone;            /* all instances at once; else each by itself */
    uint64_t spot_notice_ns;

    uint32_t vcpu_default_milli;
    uint32_t memory_default_mb;
    uint64_t price_instance_pico; /* an hour on demand */
    uint64_t price_vcpu_pico;     /* Fargate, an hour */
    uint64_t price_gb_pico;
    uint32_t spot_discount_ppb;
    uint64_t billed_min_ns;
};

/* 0, -1 without memory, or -2: a number is out of its range. */
int sim_batch_model(struct sim_model *model,
                    const struct sim_batch_config *config, uint64_t seed);

/*
 * Whether an attempt that ended so is followed by another one: the first rule
 * of which all that is said matches decides; without one it is.
 */
bool sim_batch_retried(const struct sim_batch_config *config,
                       const char *status_reason, const char *reason,
                       const char *exit_code);

#endif
