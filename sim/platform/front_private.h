/*
 * The front end of a platform, inside: front.c hears the coordinator and the
 * workers, front_act.c does what the model decides.
 */
#ifndef SIM_FRONT_PRIVATE_H
#define SIM_FRONT_PRIVATE_H

#include "sim/platform/front.h"

#define SIM_FRONT_NONE SIM_MODEL_NONE
#define SIM_FRONT_NEVER SIM_MODEL_NEVER
#define SIM_FRONT_SECOND UINT64_C(1000000000)

/* How long into an attempt a fault inside it strikes. */
#define SIM_FRONT_STRIKE_NS UINT64_C(10000000)

/* Timer arguments of the front end: what, and about which start where. */
enum sim_front_timer {
    SIM_FRONT_TIMER_MODEL,
    SIM_FRONT_TIMER_HANG,
    SIM_FRONT_TIMER_DIE,
    SIM_FRONT_TIMER_BEYOND, /* there is no node for the place */
    SIM_FRONT_TIMER_END,    /* of a process that could not end while it asked */
    SIM_FRONT_TIMER_FREEZE  /* a place that has no job, once it is still */
};

enum {
    SIM_FRONT_TIMER_BITS = 3,
    SIM_FRONT_PLACE_BITS = 24,
    SIM_FRONT_EXIT_KILLED = 137,
    SIM_FRONT_FIRST_CAPACITY = 64
};

/* A job's work in a place. */
struct sim_front_run {
    uint64_t serial; /* of its START; 0: free */
    uint64_t deadline_ns;
    uint32_t job;
    bool taken; /* the worker has it */
};

struct sim_front_place {
    struct sim_worker_node *worker; /* kept for the next of this index */
    uint64_t born_ns;
    bool open;
    bool used; /* something was started in it */
    bool died; /* by itself: the model does not know yet, or just now */
    bool silent;
};

struct sim_front_job {
    struct engine_message message;
    uint32_t runs;
    uint32_t next_free;
    bool hangs;
    bool over; /* for the model */
};

struct sim_front {
    struct sim_front_config config;
    const struct sim_model_ops *ops;
    void *model;
    struct sim_platform platform;
    struct sim_actions actions;
    struct sim_front_place *places;
    struct sim_front_run *runs; /* by place and slot */
    uint32_t place_count;
    struct sim_front_job *jobs;
    uint32_t job_count;
    uint32_t free_job;
    uint32_t died;   /* places that died while actions were carried out */
    uint32_t asking; /* node whose process waits for an answer */
    uint64_t serial;
    uint64_t running;
    uint64_t timer_ns; /* of the model's timer */
    uint64_t hosts_failed;
    struct engine_stream hosts;
    bool acting;
    bool stopped;
};

static inline struct sim_world *sim_front_world_of(const struct sim_front *f)
{
    return f->config.world;
}

static inline uint64_t sim_front_now_of(const struct sim_front *f)
{
    return f->config.world->now_ns;
}

static inline uint32_t sim_front_node_of(const struct sim_front *f,
                                         uint32_t place)
{
    return f->config.worker_first + place;
}

static inline bool sim_front_is_owned(const struct sim_front *f)
{
    return f->config.restart_ns != NULL;
}

static inline struct sim_front_run *sim_front_runs_of(const struct sim_front *f,
                                                      uint32_t place)
{
    return f->runs + (size_t)place * f->config.slots;
}

void sim_front_note(struct sim_front *f, enum engine_record_kind kind,
                    const struct engine_message *message, uint32_t place,
                    unsigned detail, uint64_t a, uint64_t b);

void sim_front_gauge(struct sim_front *f);

/* What a platform's own log says of a job. */
void sim_front_log_job(struct sim_front *f, enum sim_front_log what,
                       const struct sim_action *action,
                       const struct engine_message *message);

void sim_front_answer_failed(struct sim_front *f,
                             const struct engine_message *message,
                             const struct sim_cause *cause);

void sim_front_free_job(struct sim_front *f, uint32_t id);

/* The model may have done with a job that still runs somewhere. */
void sim_front_reap(struct sim_front *f, uint32_t id);

bool sim_front_grow_places(struct sim_front *f, uint32_t wanted);

/* False: there is no node for it, or no memory. */
bool sim_front_worker_ready(struct sim_front *f, uint32_t index);

struct sim_attempt sim_front_attempt_of(const struct sim_front *f,
                                        const struct sim_front_run *run);

/* The run of an attempt that the worker has, or has not taken; or NULL. */
struct sim_front_run *sim_front_run_of(const struct sim_front *f,
                                       uint32_t place,
                                       const struct sim_attempt *attempt,
                                       bool taken);

/* The run of this START, or NULL if it is over. */
struct sim_front_run *sim_front_run_started(const struct sim_front *f,
                                            uint32_t place, uint64_t serial);

void sim_front_leave(struct sim_front *f, struct sim_front_run *run);

void sim_front_timer_for(struct sim_front *f, uint64_t time_ns,
                         enum sim_front_timer what, uint32_t place,
                         uint64_t serial);

void sim_front_set_timer(struct sim_front *f);

void sim_front_exited(struct sim_front *f, uint32_t place);

/* Does what the model has decided, and what comes of that. */
void sim_front_carry_out(struct sim_front *f);

/* Before the model is asked anything: what was due until now. */
void sim_front_catch_up(struct sim_front *f);

#endif
