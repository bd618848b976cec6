/* What a Docker model is made of. Private to sim/platform/docker*.c. */
#ifndef SIM_PLATFORM_DOCKER_STATE_H
#define SIM_PLATFORM_DOCKER_STATE_H

#include "sim/platform/cause.h"
#include "sim/platform/causes.h"
#include "sim/platform/docker.h"
#include "sim/platform/heap.h"
#include "sim/platform/sharing.h"

enum {
    WITHOUT_GPU,
    WITH_GPU,
};

enum docker_phase {
    DOCKER_NO_WORK,
    DOCKER_WAITS, /* for disk and network: until the task's timer */
    DOCKER_COMPUTES,
    DOCKER_OVER, /* the work has ended; nobody has said so yet */
};

/* A job and its container. */
struct docker_task {
    const struct sim_demand *demand;
    uint64_t sequence;   /* order of submission */
    uint64_t created_ns; /* when its start began */
    uint64_t since_ns;   /* running since */
    uint64_t serial;     /* of the container: what its draws are named by */
    uint64_t compute_ns; /* to come after the waiting */
    uint64_t rest_ns;    /* of the work, which it will not live to do */
    uint64_t delay_ns;   /* before the last restart */
    uint32_t job;
    uint32_t place;
    uint32_t next; /* in its queue, or free */
    uint32_t restarts;
    uint32_t weight;  /* threads in thousandths of a processor */
    uint32_t used_mb; /* while it works */
    uint8_t state;
    uint8_t phase;
    bool outgrows; /* its limit: killed when what it does has ended */
    bool doomed;   /* killed now, for what all use together */
};

struct docker_image {
    uint64_t ready_ns;
    uint32_t number;
};

struct docker_queue {
    uint32_t first;
    uint32_t last;
};

struct sim_docker {
    struct sim_docker_config config;
    struct sim_model_counts counts;
    struct sim_sharing sharing; /* by place */
    struct sim_heap timers;     /* by task */
    struct sim_bucket pulls;
    struct sim_dist noise;
    struct engine_stream start_stream, noise_stream, reboot_stream;
    struct docker_task *tasks;
    uint32_t *task_of_job;
    uint32_t *task_of_place; /* or NONE */
    struct docker_image *images;
    uint32_t task_capacity, tasks_used, free_task;
    uint32_t job_capacity, place_capacity;
    uint32_t image_count, image_capacity;
    struct docker_queue waiting[2]; /* without and with GPUs */
    uint64_t sequence, serial, reboots;
    uint64_t link_free_ns; /* the last pull has ended */
    uint64_t back_ns;      /* the daemon is away until then; 0: it is there */
    uint64_t stop_ns;      /* what runs gets SIGKILL then, or NEVER */
    uint32_t admitted;     /* containers that are not waiting */
    uint32_t starting;
    uint32_t gpus_used;
    uint64_t memory_used_mb; /* by all that work and are not doomed */
    struct sim_causes causes;
    struct sim_cause *cause; /* of what fails now */
};

/* Works and memory: docker_work.c. Task t is RUNNING in all of these. */

/* Work begins: how long it takes if nothing changes. */
uint64_t docker_work_begin(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                           const struct sim_work *work,
                           struct sim_actions *actions);
uint64_t docker_work_left(const struct sim_docker *d, uint64_t now_ns,
                          uint32_t t);
/* Its waiting is over. */
void docker_work_compute(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                         struct sim_actions *actions);
/* Its computing is over, or it is gone: others may be faster. */
void docker_work_end(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                     struct sim_actions *actions);
/* Gives its memory back. */
void docker_memory_free(struct sim_docker *d, uint32_t t);

/* Images: docker_image.c */

/* When the image is there; NEVER when it cannot be: `cause` says why. */
uint64_t docker_image_ready(struct sim_docker *d, uint64_t now_ns,
                            const struct sim_demand *demand);

/* Life of a container: docker_life.c */

/* The job is in that state from now on. */
void docker_log_state(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                      enum sim_docker_state state, struct sim_actions *actions);
/* Waits until there is room. */
void docker_queue_add(struct sim_docker *d, uint32_t t);
/* d->cause is a new one with this first line. */
void docker_cause(struct sim_docker *d, const char *code, const char *format,
                  ...) __attribute__((format(printf, 3, 4)));
/* FAIL with d->cause; the task is free. */
void docker_give_up(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                    struct sim_actions *actions);
/* Has no container, no GPU and no place any more. */
void docker_leave(struct sim_docker *d, uint32_t t);
/* Its process and its work are gone. */
void docker_close(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                  enum sim_docker_end why, struct sim_actions *actions);
void docker_free_task(struct sim_docker *d, uint32_t t);
/* d->cause has ended its container; policy: it may start again. */
void docker_failed(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                   enum sim_docker_end why, bool policy,
                   struct sim_actions *actions);
/* Lets in whoever fits. */
void docker_admit(struct sim_docker *d, uint64_t now_ns,
                  struct sim_actions *actions);
/* Its timer is due. */
void docker_due(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                struct sim_actions *actions);

/* ns * ppb / 10^9, at most 2^60. */
uint64_t docker_part(uint64_t ns, uint64_t ppb);

#endif
