/* What a Batch model is made of. Private to sim/platform/batch*.c. */
#ifndef SIM_PLATFORM_BATCH_STATE_H
#define SIM_PLATFORM_BATCH_STATE_H

#include "sim/platform/batch.h"
#include "sim/platform/cause.h"
#include "sim/platform/causes.h"
#include "sim/platform/heap.h"

#define BATCH_NONE UINT32_MAX
#define BATCH_NEVER UINT64_MAX
#define BATCH_IMAGES_MAX 16

/* Why the first job of a queue finds no room. */
enum batch_blocked {
    BATCH_NOT_BLOCKED,
    BATCH_WAITS,    /* for instances, others' ends or launches: no reason */
    BATCH_CAPACITY, /* there are no instances to be had */
    BATCH_MAX,      /* the environment's maximum is below what it needs */
    BATCH_TOO_LARGE,
};

/* A job that is no array, or a child of one. */
struct batch_task {
    uint64_t sequence; /* order of submission */
    uint64_t placed_ns;
    uint64_t started_ns;
    uint64_t timeout_ns; /* RUNNING: when; as what follows, or NEVER */
    uint64_t oom_ns;
    uint64_t notice_ns; /* Fargate spot */
    uint64_t kill_ns;
    uint32_t job;
    uint32_t child;
    uint32_t cpu_milli; /* as the platform gives it */
    uint32_t memory_mb;
    uint32_t place;
    uint32_t host;
    uint32_t env;
    uint32_t before, after; /* on its host */
    uint32_t first, next;   /* in its queue's heap; next: free */
    uint8_t state;
    uint8_t attempts; /* that were begun */
    bool visible;     /* RUNNABLE: the scheduler knows it */
};

struct batch_job {
    const struct sim_demand *demand;
    struct sim_cause *cause; /* array: of the first child that failed */
    uint32_t children;       /* that are not over */
    uint32_t failed;
    bool open;
    bool array;
};

enum batch_host_state {
    BATCH_HOST_FREE,
    BATCH_HOST_BOOTS,
    BATCH_HOST_UP,
    BATCH_HOST_NOTICE, /* will be taken back */
};

struct batch_host_image {
    uint64_t ready_ns;
    uint32_t number;
};

struct batch_host {
    uint64_t serial; /* its draws are named by it */
    uint64_t asked_ns;
    uint64_t ready_ns;
    uint64_t idle_ns;    /* when it is given back, or NEVER */
    uint64_t reclaim_ns; /* when its capacity is, or NEVER */
    uint64_t link_ns;    /* the last pull ends */
    uint32_t env;
    uint32_t number; /* as others know it, once it is up */
    uint32_t free_milli, free_mb, free_gpus;
    uint32_t tasks; /* the first on it */
    uint32_t next;  /* free */
    uint32_t image_count, image_next;
    struct batch_host_image images[BATCH_IMAGES_MAX];
    uint8_t state;
};

struct batch_share {
    uint32_t head; /* of what is visible: a heap of tasks */
    uint32_t waiting;
    uint64_t running_milli;
    double average_milli; /* with decay */
};

struct batch_queue {
    struct batch_share shares[SIM_BATCH_SHARES_MAX];
    uint64_t average_at_ns;
    uint64_t waiting_milli, waiting_mb, waiting_gpus; /* visible */
    uint64_t blocked_ns; /* since when, for this reason */
    uint32_t blocked_task;
    uint8_t blocked; /* enum batch_blocked */
};

struct batch_env {
    struct sim_bucket launches;
    uint64_t used_milli;    /* EC2: of instances, else of jobs */
    uint64_t away_until_ns; /* after a capacity error */
    uint64_t flip_ns;       /* spot capacity of the zone comes or goes */
    uint64_t flips, asked;
    uint32_t booting;
    bool down; /* the zone has no spot capacity */
};

struct sim_batch {
    struct sim_batch_config config;
    struct sim_model_counts counts;
    struct sim_bucket submits;
    struct sim_heap task_timers, host_timers;
    struct batch_task *tasks;
    struct batch_job *jobs;
    uint32_t *task_of_place;
    struct batch_host *hosts;
    uint32_t task_capacity, tasks_used, free_task, tasks_free;
    uint32_t job_capacity;
    uint32_t place_capacity, places_used;
    uint32_t *free_places;
    uint32_t free_place_count;
    uint32_t host_capacity, hosts_used, free_host;
    struct batch_queue queues[SIM_BATCH_QUEUES_MAX];
    struct batch_env envs[SIM_BATCH_ENVS_MAX];
    struct engine_stream scheduling, provision, agent, scale_in, container,
        fargate, capacity, up, down;
    uint64_t sequence, attempt_serial, host_serial;
    uint64_t pass_ns;      /* the next pass of the scheduler, or NEVER */
    uint64_t last_pass_ns; /* 0: there was none */
    uint64_t away_ns;      /* the service is away until then */
    uint64_t meter[SIM_BATCH_KINDS][2]; /* closed: instance-seconds; or
                                           milli vCPU and MB seconds */
    uint64_t instance_pico[2];          /* on demand, spot */
    uint64_t vcpu_pico[2], gb_pico[2];
    uint32_t submitted; /* tasks in SUBMITTED */
    bool failed;        /* out of memory */
    struct sim_causes causes;
    struct sim_cause *cause; /* of what fails now */
};

static inline const struct sim_demand *
batch_demand(const struct sim_batch *b, const struct batch_task *task)
{
    return b->jobs[task->job].demand;
}

static inline bool batch_on_ec2(enum sim_batch_env_kind kind)
{
    return kind == SIM_BATCH_EC2 || kind == SIM_BATCH_EC2_SPOT;
}

static inline bool batch_is_spot(enum sim_batch_env_kind kind)
{
    return kind == SIM_BATCH_EC2_SPOT || kind == SIM_BATCH_FARGATE_SPOT;
}

/* As of struct sim_model_ops: batch_submit.c */
int batch_submit(struct sim_batch *b, uint64_t now_ns,
                 const struct sim_job *job, struct sim_submitted *out,
                 struct sim_actions *actions);

/* Lives of jobs: batch_life.c */

void batch_log_state(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                     enum sim_batch_state state, struct sim_actions *actions);
/* b->cause is a new one with this first line. */
void batch_cause(struct sim_batch *b, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* An attempt begins in the room that it was given. */
void batch_begin(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                 struct sim_actions *actions);
/* The timer of a task is due. */
void batch_task_due(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                    struct sim_actions *actions);
/* Sets its timer to the first of what can happen to it. */
void batch_task_timer(struct sim_batch *b, uint32_t t);
/* Its work has ended well. */
void batch_succeed(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                   struct sim_actions *actions);
/*
 * An attempt has ended for what b->cause says, whose first line is the status
 * reason and whose last the reason. Another one, or the end of it.
 */
void batch_attempt_failed(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                          enum sim_batch_end why, const char *status_reason,
                          const char *reason, const char *exit_code,
                          struct sim_actions *actions);
/* It never was placed, or will not be again: b->cause. */
void batch_fail(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                struct sim_actions *actions);
/* A notice that what runs in its place ends at deadline_ns. */
void batch_warn(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                uint64_t deadline_ns, struct sim_actions *actions);

/* Queues and the scheduler: batch_queue.c */

struct batch_queue *batch_queue_of(struct sim_batch *b,
                                   const struct batch_task *task);
struct batch_share *batch_share_of(struct sim_batch *b,
                                   const struct batch_task *task);
/* The task can be placed from now on. */
void batch_queue_add(struct sim_batch *b, uint32_t t);
/* The first of a queue, or NONE; and takes it out. */
uint32_t batch_queue_first(struct sim_batch *b, struct batch_queue *queue);
void batch_queue_take(struct sim_batch *b, uint32_t t);
/* Usage up to now, before what runs changes. */
void batch_queue_age(struct sim_batch *b, uint64_t now_ns);
/* There is something for the scheduler to do. */
void batch_wake(struct sim_batch *b, uint64_t now_ns);
void batch_pass(struct sim_batch *b, uint64_t now_ns,
                struct sim_actions *actions);
/* When the first of a queue will have waited for too long, or NEVER. */
uint64_t batch_limit_ns(const struct sim_batch *b,
                        const struct batch_queue *queue);
void batch_limit(struct sim_batch *b, uint64_t now_ns,
                 struct batch_queue *queue, struct sim_actions *actions);
const char *batch_blocked_code(enum batch_blocked blocked);

/* Environments and instances: batch_hosts.c */

/* Whether the environment's kind of instance could ever hold the task. */
enum batch_blocked batch_fits(const struct sim_batch *b, uint32_t env,
                              const struct batch_task *task);
/* Gives the task a place on an instance that is up, or in Fargate. */
bool batch_place(struct sim_batch *b, uint64_t now_ns, uint32_t t);
/* When the image is there, in the room that it was given. */
uint64_t batch_image_ready(struct sim_batch *b, uint64_t now_ns, uint32_t t);
/* The room is free again. */
void batch_release(struct sim_batch *b, uint64_t now_ns, uint32_t t);
/* Asks for instances for what waits. */
void batch_scale(struct sim_batch *b, uint64_t now_ns);
void batch_host_due(struct sim_batch *b, uint64_t now_ns, uint32_t h,
                    struct sim_actions *actions);
/* The instance is gone now, with all that runs on it. */
void batch_host_gone(struct sim_batch *b, uint64_t now_ns, uint32_t h,
                     enum sim_batch_end why, struct sim_actions *actions);
/* Spot capacity of the zone: when it changes, and that it does. */
uint64_t batch_flip_ns(const struct sim_batch *b);
void batch_flip(struct sim_batch *b, uint64_t now_ns,
                struct sim_actions *actions);
/* Lets the zone's time pass while nobody was here. */
void batch_flip_idle(struct sim_batch *b, uint64_t now_ns);

/* Nano-dollars: batch_cost.c */

void batch_meter_host(struct sim_batch *b, uint64_t now_ns, uint32_t h);
void batch_meter_task(struct sim_batch *b, uint64_t now_ns, uint32_t t);
bool batch_cost_line(const struct sim_batch *b, uint64_t now_ns, uint32_t i,
                     const char **name, uint64_t *nano);

#endif
