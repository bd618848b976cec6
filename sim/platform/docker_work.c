#include <assert.h>

#include "sim/platform/docker_state.h"

#define PPB UINT64_C(1000000000)
#define WORK_MAX (UINT64_C(1) << 58)

/* What all together would weigh if `task` computed. */
static uint64_t crowd(const struct docker_task *task, uint64_t weights)
{
    return task->phase == DOCKER_WAITS ? weights + task->weight : weights;
}

/* Whether the task's end moves when the weights change. */
static bool slower(const struct sim_docker *d, const struct docker_task *task,
                   uint64_t before, uint64_t after)
{
    if (task->phase != DOCKER_WAITS && task->phase != DOCKER_COMPUTES) {
        return false;
    }
    uint64_t all = d->sharing.processors;
    uint64_t was = crowd(task, before), is = crowd(task, after);
    return (was > all ? was : all) != (is > all ? is : all);
}

/* Everyone but `but` whose end has moved is told. */
static void tell(struct sim_docker *d, uint64_t now_ns, uint64_t before,
                 uint32_t but, struct sim_actions *actions)
{
    uint64_t after = d->sharing.weights;
    for (uint32_t p = 0; p < d->place_capacity; p++) {
        uint32_t t = d->task_of_place[p];
        if (t == SIM_MODEL_NONE || t == but ||
            !slower(d, &d->tasks[t], before, after)) {
            continue;
        }
        struct sim_action *action =
            sim_actions_add(actions, now_ns, SIM_ACTION_PACE);
        if (action != NULL) {
            action->place = p;
            action->job = d->tasks[t].job;
        }
    }
}

/* How much of the work there is before memory reaches its limit. */
static uint64_t lived(uint64_t ns, uint32_t limit_mb, uint32_t peak_mb)
{
    return ns / peak_mb * limit_mb + ns % peak_mb * limit_mb / peak_mb;
}

static uint32_t peak_mb(const struct sim_docker *d,
                        const struct sim_demand *demand)
{
    uint32_t peak = demand->peak_mb;
    peak = peak ? peak : demand->memory_mb;
    return peak ? peak : d->config.memory_default_mb;
}

/* Threads that can be busy at a time. */
static uint32_t weight_of(const struct sim_docker *d,
                          const struct docker_task *task, uint32_t threads)
{
    uint64_t weight = (uint64_t)threads * 1000;
    uint32_t limit = task->demand->cpu_milli;
    weight = limit > 0 && weight > limit ? limit : weight;
    return (uint32_t)(weight < d->sharing.processors ? weight
                                                     : d->sharing.processors);
}

/* The kernel kills who uses most, the newest among equals, until it fits. */
static void kill_for_memory(struct sim_docker *d, uint64_t now_ns)
{
    uint64_t limit = d->config.memory_mb - d->config.memory_reserved_mb;
    while (d->memory_used_mb > limit) {
        struct docker_task *worst = NULL;
        uint32_t victim = SIM_MODEL_NONE;
        for (uint32_t p = 0; p < d->place_capacity; p++) {
            uint32_t t = d->task_of_place[p];
            struct docker_task *task = t != SIM_MODEL_NONE ? &d->tasks[t] : 0;
            if (task != NULL && task->used_mb > 0 &&
                (worst == NULL || task->used_mb > worst->used_mb ||
                 (task->used_mb == worst->used_mb &&
                  task->serial > worst->serial))) {
                worst = task;
                victim = t;
            }
        }
        assert(worst != NULL);
        docker_memory_free(d, victim);
        worst->doomed = true;
        sim_heap_set(&d->timers, victim, now_ns);
    }
}

void docker_memory_free(struct sim_docker *d, uint32_t t)
{
    d->memory_used_mb -= d->tasks[t].used_mb;
    d->tasks[t].used_mb = 0;
}

/* Splits the work into waiting and computing, cut off at the limit. */
static uint64_t plan(struct sim_docker *d, uint32_t t,
                     const struct sim_work *work)
{
    struct docker_task *task = &d->tasks[t];
    uint64_t cpu_ns = docker_part(work->nominal_ns, work->cpu_ppb);
    uint64_t wait_ns = work->nominal_ns - cpu_ns;
    uint64_t noise = sim_dist_draw(&d->noise, &d->noise_stream, task->serial);
    uint32_t limit = task->demand->memory_mb;
    uint32_t peak = peak_mb(d, task->demand);
    cpu_ns = docker_part(cpu_ns, noise);
    cpu_ns = docker_part(cpu_ns, PPB * 1000 / task->weight);
    cpu_ns = cpu_ns < WORK_MAX ? cpu_ns : WORK_MAX;
    task->outgrows = limit > 0 && peak > limit;
    task->used_mb = task->outgrows ? limit : peak;
    task->rest_ns = 0;
    if (task->outgrows) {
        task->rest_ns = cpu_ns + wait_ns + 1;
        cpu_ns = lived(cpu_ns, limit, peak);
        wait_ns = lived(wait_ns, limit, peak);
        task->rest_ns -= cpu_ns + wait_ns;
    }
    task->compute_ns = cpu_ns;
    return wait_ns;
}

uint64_t docker_work_begin(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                           const struct sim_work *work,
                           struct sim_actions *actions)
{
    struct docker_task *task = &d->tasks[t];
    if (task->doomed) {
        return work->nominal_ns;
    }
    task->outgrows = false;
    docker_work_end(d, now_ns, t, actions);
    sim_heap_cut(&d->timers, t);
    docker_memory_free(d, t);
    task->weight = weight_of(d, task, work->threads);
    uint64_t wait_ns = plan(d, t, work);
    d->memory_used_mb += task->used_mb;
    task->phase = DOCKER_WAITS;
    if (wait_ns > 0) {
        sim_heap_set(&d->timers, t, now_ns + wait_ns);
    } else {
        docker_work_compute(d, now_ns, t, actions);
    }
    kill_for_memory(d, now_ns);
    return docker_work_left(d, now_ns, t);
}

uint64_t docker_work_left(const struct sim_docker *d, uint64_t now_ns,
                          uint32_t t)
{
    const struct docker_task *task = &d->tasks[t];
    if (task->phase == DOCKER_COMPUTES) {
        return sim_sharing_left_ns(&d->sharing, now_ns, task->place) +
               task->rest_ns;
    }
    if (task->phase == DOCKER_WAITS) {
        uint64_t until_ns = sim_heap_time(&d->timers, t);
        return until_ns - now_ns + task->rest_ns +
               sim_sharing_stretch(&d->sharing, task->compute_ns,
                                   crowd(task, d->sharing.weights));
    }
    return task->rest_ns;
}

void docker_work_compute(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                         struct sim_actions *actions)
{
    struct docker_task *task = &d->tasks[t];
    uint64_t before = d->sharing.weights;
    if (task->compute_ns == 0) {
        docker_work_end(d, now_ns, t, actions);
        return;
    }
    sim_sharing_add(&d->sharing, now_ns, task->place, task->compute_ns,
                    task->weight);
    task->phase = DOCKER_COMPUTES;
    tell(d, now_ns, before, t, actions);
}

void docker_work_end(struct sim_docker *d, uint64_t now_ns, uint32_t t,
                     struct sim_actions *actions)
{
    struct docker_task *task = &d->tasks[t];
    uint64_t before = d->sharing.weights;
    if (task->phase == DOCKER_NO_WORK) {
        return;
    }
    task->phase = DOCKER_OVER;
    sim_sharing_cut(&d->sharing, now_ns, task->place);
    tell(d, now_ns, before, t, actions);
    if (task->outgrows && !task->doomed) {
        sim_heap_set(&d->timers, t, now_ns); /* killed as the next thing */
    }
}
