#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "sim/platform/docker_state.h"

#define TIME_MAX (UINT64_C(1) << 60)

void docker_log_state(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                      enum sim_docker_state state, struct sim_actions *actions)
{
    struct docker_task *task = &d->tasks[t];
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_STATE);
    task->state = (uint8_t)state;
    if (action != NULL) {
        action->job = task->job;
        action->place = task->place;
        action->code = (uint16_t)state;
    }
}

/* Queues: in the order of submission. */

void docker_queue_add(struct sim_docker *d, uint32_t t)
{
    struct docker_queue *queue =
        &d->waiting[d->tasks[t].demand->gpus > 0 ? WITH_GPU : WITHOUT_GPU];
    d->tasks[t].next = SIM_MODEL_NONE;
    if (queue->first == SIM_MODEL_NONE) {
        queue->first = t;
    } else {
        d->tasks[queue->last].next = t;
    }
    queue->last = t;
}

static uint32_t queue_take(struct sim_docker *d, int which)
{
    uint32_t t = d->waiting[which].first;
    d->waiting[which].first = d->tasks[t].next;
    return t;
}

/* Who of those that can start now has waited for longest, or NONE. */
static uint32_t admissible(const struct sim_docker *d, int *which)
{
    uint32_t plain = d->waiting[WITHOUT_GPU].first;
    uint32_t gpu = d->waiting[WITH_GPU].first;
    if (d->admitted >= d->config.containers_max) {
        return SIM_MODEL_NONE;
    }
    if (gpu != SIM_MODEL_NONE &&
        d->tasks[gpu].demand->gpus > d->config.gpus - d->gpus_used) {
        gpu = SIM_MODEL_NONE;
    }
    if (gpu == SIM_MODEL_NONE ||
        (plain != SIM_MODEL_NONE &&
         d->tasks[plain].sequence < d->tasks[gpu].sequence)) {
        *which = WITHOUT_GPU;
        return plain;
    }
    *which = WITH_GPU;
    return gpu;
}

/* Ends of jobs */

void docker_cause(struct sim_docker *d, const char *code, const char *format,
                  ...)
{
    char words[120];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    d->cause = sim_causes_add(&d->causes);
    sim_cause_add(d->cause, "docker", code, "%s", words);
}

void docker_free_task(struct sim_docker *d, uint32_t t)
{
    d->counts.jobs--;
    d->tasks[t].next = d->free_task;
    d->free_task = t;
}

void docker_give_up(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                    struct sim_actions *actions)
{
    docker_log_state(d, now_ns, t, SIM_DOCKER_EXITED, actions);
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_FAIL);
    if (action != NULL) {
        action->job = d->tasks[t].job;
        action->cause = d->cause;
    }
    d->counts.failed++;
    docker_free_task(d, t);
}

/* The job does not count among those that have a container any more. */
void docker_leave(struct sim_docker *d, uint32_t t)
{
    struct docker_task *task = &d->tasks[t];
    sim_heap_cut(&d->timers, t);
    d->starting -= task->state == SIM_DOCKER_STARTING;
    d->gpus_used -= task->demand->gpus;
    d->admitted--;
    if (task->state == SIM_DOCKER_RUNNING) {
        d->counts.running--;
    } else {
        d->counts.queued--;
    }
    if (task->place != SIM_MODEL_NONE) {
        d->task_of_place[task->place] = SIM_MODEL_NONE;
        task->place = SIM_MODEL_NONE;
    }
}

void docker_close(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                  enum sim_docker_end why, struct sim_actions *actions)
{
    struct docker_task *task = &d->tasks[t];
    docker_memory_free(d, t);
    task->outgrows = false;
    docker_work_end(d, now_ns, t, actions);
    task->phase = DOCKER_NO_WORK;
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_CLOSE);
    if (action != NULL) {
        action->place = task->place;
        action->job = task->job;
        action->host = 0;
        action->code = (uint16_t)why;
        action->cause = why == SIM_DOCKER_DONE ? NULL : d->cause;
    }
    d->counts.places--;
    d->counts.places_closed++;
}

/* Starting */

static uint64_t start_time(const struct sim_docker *d, uint64_t serial)
{
    uint64_t start_ns =
        sim_dist_draw(&d->config.start, &d->start_stream, serial);
    uint32_t processors = d->config.processors;
    uint64_t beyond = d->starting > processors ? d->starting - processors : 0;
    uint64_t ns =
        start_ns + docker_part(start_ns, beyond * d->config.contention_ppb);
    return ns < TIME_MAX ? ns : TIME_MAX;
}

static void begin_start(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                        struct sim_actions *actions)
{
    struct docker_task *task = &d->tasks[t];
    d->starting++;
    task->serial = d->serial++;
    task->created_ns = now_ns;
    docker_log_state(d, now_ns, t, SIM_DOCKER_STARTING, actions);
    sim_heap_set(&d->timers, t, now_ns + start_time(d, task->serial));
}

static void begin_pull(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                       struct sim_actions *actions)
{
    uint64_t ready_ns = docker_image_ready(d, now_ns, d->tasks[t].demand);
    if (ready_ns == SIM_MODEL_NEVER) {
        docker_leave(d, t);
        docker_give_up(d, now_ns, t, actions);
    } else if (ready_ns > now_ns) {
        docker_log_state(d, now_ns, t, SIM_DOCKER_PULLING, actions);
        sim_heap_set(&d->timers, t, ready_ns);
    } else {
        begin_start(d, now_ns, t, actions);
    }
}

/* Lets in whoever fits. */
void docker_admit(struct sim_docker *d, uint64_t now_ns,
                  struct sim_actions *actions)
{
    int which;
    while (admissible(d, &which) != SIM_MODEL_NONE) {
        uint32_t t = queue_take(d, which);
        struct docker_task *task = &d->tasks[t];
        d->admitted++;
        d->gpus_used += task->demand->gpus;
        begin_pull(d, now_ns, t, actions);
    }
}

/* There are as many numbers as containers at most, so one is free. */
static uint32_t free_place(const struct sim_docker *d)
{
    uint32_t p = 0;
    while (d->task_of_place[p] != SIM_MODEL_NONE) {
        p++;
        assert(p < d->place_capacity);
    }
    return p;
}

static void open_place(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                       struct sim_actions *actions)
{
    struct docker_task *task = &d->tasks[t];
    struct sim_model_counts *counts = &d->counts;
    task->place = free_place(d);
    d->task_of_place[task->place] = t;
    d->starting--;
    counts->queued--;
    counts->running++;
    counts->starts++;
    counts->cold++;
    counts->restarts += task->restarts > 0;
    counts->places_opened++;
    counts->places++;
    if (counts->places > counts->places_peak) {
        counts->places_peak = counts->places;
    }
    task->since_ns = now_ns;
    docker_log_state(d, now_ns, t, SIM_DOCKER_RUNNING, actions);
    for (int i = 0; i < 2; i++) {
        struct sim_action *action = sim_actions_add(
            actions, now_ns, i == 0 ? SIM_ACTION_OPEN : SIM_ACTION_START);
        if (action != NULL) {
            action->place = task->place;
            action->job = task->job;
            action->host = 0;
            action->a = now_ns - task->created_ns;
        }
    }
}

/* Ends of containers */

/* False: its policy says no, or not any more. */
static bool restart(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                    struct sim_actions *actions)
{
    const struct sim_docker_config *config = &d->config;
    struct docker_task *task = &d->tasks[t];
    if (task->restarts >= config->restarts) {
        return false;
    }
    if (task->delay_ns == 0 ||
        now_ns - task->since_ns >= config->restart_reset_ns) {
        task->delay_ns = config->restart_first_ns;
    } else {
        task->delay_ns *= 2;
    }
    if (task->delay_ns > config->restart_max_ns) {
        task->delay_ns = config->restart_max_ns;
    }
    task->restarts++;
    d->task_of_place[task->place] = SIM_MODEL_NONE;
    task->place = SIM_MODEL_NONE;
    d->counts.running--;
    d->counts.queued++;
    docker_log_state(d, now_ns, t, SIM_DOCKER_RESTARTING, actions);
    sim_heap_set(&d->timers, t, now_ns + task->delay_ns);
    return true;
}

void docker_failed(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                   enum sim_docker_end why, bool policy,
                   struct sim_actions *actions)
{
    docker_close(d, now_ns, t, why, actions);
    sim_heap_cut(&d->timers, t);
    d->tasks[t].doomed = false;
    if (!policy || !restart(d, now_ns, t, actions)) {
        docker_leave(d, t);
        docker_give_up(d, now_ns, t, actions);
    }
    docker_admit(d, now_ns, actions);
}

static void out_of_memory(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                          struct sim_actions *actions)
{
    const struct sim_docker_config *config = &d->config;
    const struct docker_task *task = &d->tasks[t];
    const struct sim_demand *demand = task->demand;
    docker_cause(d, "exit 137", "container exited");
    if (task->doomed) {
        sim_cause_add(
            d->cause, "docker", "OOMKilled",
            "containers want more than the %lu MB of the machine",
            (unsigned long)(config->memory_mb - config->memory_reserved_mb));
    } else {
        sim_cause_add(d->cause, "docker", "OOMKilled",
                      "memory limit %lu MB, wanted %lu MB",
                      (unsigned long)demand->memory_mb,
                      (unsigned long)demand->peak_mb);
    }
    docker_failed(d, now_ns, t, SIM_DOCKER_OOM, true, actions);
}

void docker_due(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                struct sim_actions *actions)
{
    struct docker_task *task = &d->tasks[t];
    switch ((enum sim_docker_state)task->state) {
    case SIM_DOCKER_PULLING:
    case SIM_DOCKER_RESTARTING:
        begin_start(d, now_ns, t, actions);
        break;
    case SIM_DOCKER_STARTING:
        open_place(d, now_ns, t, actions);
        break;
    case SIM_DOCKER_RUNNING:
        if (task->doomed || task->phase == DOCKER_OVER) {
            out_of_memory(d, now_ns, t, actions);
        } else {
            docker_work_compute(d, now_ns, t, actions);
        }
        break;
    case SIM_DOCKER_WAITING:
    case SIM_DOCKER_EXITED:
        assert(false);
    }
}
