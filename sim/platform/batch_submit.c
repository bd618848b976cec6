#include <stdlib.h>

#include "sim/platform/batch_state.h"

/* Sizes */

static uint32_t rounded_up(uint32_t number, uint32_t step)
{
    return (number + step - 1) / step * step;
}

/* vCPUs and memory as EC2 gives them: whole vCPUs. */
static void size_on_ec2(const struct sim_batch_config *config,
                        const struct sim_demand *demand,
                        struct batch_task *task)
{
    uint32_t milli = demand->cpu_milli;
    milli = milli > 0 ? milli : config->vcpu_default_milli;
    task->cpu_milli = rounded_up(milli, 1000);
    task->memory_mb =
        demand->memory_mb > 0 ? demand->memory_mb : config->memory_default_mb;
}

/* The least size of Fargate that holds it; false: there is none. */
static bool size_on_fargate(const struct sim_batch_config *config,
                            const struct sim_demand *demand,
                            struct batch_task *task)
{
    uint32_t milli = demand->cpu_milli;
    uint32_t mb = demand->memory_mb;
    milli = milli > 0 ? milli : config->vcpu_default_milli;
    mb = mb > 0 ? mb : config->memory_default_mb;
    for (uint64_t size = config->fargate_cpu_min;
         size <= config->fargate_cpu_max; size *= 2) {
        uint64_t most = size * config->fargate_mb_max / 1000;
        uint64_t least = size * config->fargate_mb_min / 1000;
        uint64_t given = mb > least ? mb : least;
        uint32_t step = size < 1000 ? 512 : config->fargate_mb_step;
        given = (given + step - 1) / step * step;
        if (size >= milli && given <= most) {
            task->cpu_milli = (uint32_t)size;
            task->memory_mb = (uint32_t)given;
            return true;
        }
    }
    return false;
}

static bool on_fargate(const struct sim_batch *b)
{
    return !batch_on_ec2(b->config.envs[0].kind);
}

/* Submission */

static void refuse(struct sim_submitted *out, uint64_t limit, uint64_t actual)
{
    out->answer = SIM_SUBMIT_REFUSED;
    out->limit = limit;
    out->actual = actual;
}

/* Requests that can never be taken. */
static bool refused(const struct sim_batch *b, const struct sim_job *job,
                    struct batch_task *task, struct sim_submitted *out)
{
    const struct sim_batch_config *config = &b->config;
    const struct sim_demand *demand = job->demand;
    struct sim_cause *cause = &out->cause;
    if (job->payload_bytes > config->payload_max) {
        refuse(out, config->payload_max, job->payload_bytes);
        sim_cause_add(cause, "batch", "RequestEntityTooLarge",
                      "SubmitJob of %llu bytes, allowed %llu",
                      (unsigned long long)job->payload_bytes,
                      (unsigned long long)config->payload_max);
    } else if (config->definition_bytes > config->definition_max) {
        refuse(out, config->definition_max, config->definition_bytes);
        sim_cause_add(cause, "batch", "ClientException",
                      "job definition of %llu bytes, allowed %llu",
                      (unsigned long long)config->definition_bytes,
                      (unsigned long long)config->definition_max);
    } else if (demand->array > config->array_max) {
        refuse(out, config->array_max, demand->array);
        sim_cause_add(cause, "batch", "ClientException",
                      "array of %lu jobs, allowed 2 to %lu",
                      (unsigned long)demand->array,
                      (unsigned long)config->array_max);
    } else if (!on_fargate(b)) {
        size_on_ec2(config, demand, task);
    } else if (demand->gpus > 0 || demand->labels[0] != NULL) {
        refuse(out, 0, demand->gpus);
        sim_cause_add(cause, "batch", "ClientException",
                      "%s asks for GPUs or instances of its own, Fargate has "
                      "none: use EC2",
                      demand->name);
    } else if (!size_on_fargate(config, demand, task)) {
        refuse(out, config->fargate_cpu_max, demand->cpu_milli);
        sim_cause_add(cause, "batch", "ClientException",
                      "Fargate resource requirements (%lu milli vCPU, %lu "
                      "MiB) not valid",
                      (unsigned long)demand->cpu_milli,
                      (unsigned long)demand->memory_mb);
    }
    return out->answer == SIM_SUBMIT_REFUSED;
}

static bool throttled(struct sim_batch *b, uint64_t now_ns, uint32_t children,
                      struct sim_submitted *out)
{
    if (now_ns < b->away_ns) {
        out->reason = SIM_BATCH_BY_SERVICE;
    } else if (!sim_bucket_take(&b->submits, now_ns)) {
        out->reason = SIM_BATCH_BY_RATE;
        out->limit = sim_bucket_size(&b->submits);
        out->actual = out->limit; /* as many are on their way */
    } else if (b->counts.queued + children > b->config.submitted_max) {
        out->reason = SIM_BATCH_BY_SUBMITTED;
        out->limit = b->config.submitted_max;
        out->actual = b->counts.queued;
    } else {
        return false;
    }
    out->answer = SIM_SUBMIT_THROTTLED;
    return true;
}

/* The list with room for `count`, or NULL and it is as it was. */
static void *longer(void *list, uint32_t *capacity, uint32_t count, size_t size)
{
    uint64_t wanted = *capacity > 0 ? *capacity : 64;
    while (wanted < count) {
        wanted *= 2;
    }
    void *more = realloc(list, wanted * size);
    if (more != NULL) {
        *capacity = (uint32_t)wanted;
    }
    return more;
}

static int reserve_job(struct sim_batch *b, uint32_t id)
{
    uint32_t had = b->job_capacity;
    if (id < had) {
        return 0;
    }
    struct batch_job *jobs =
        longer(b->jobs, &b->job_capacity, id + 1, sizeof(*jobs));
    if (jobs == NULL) {
        return -1;
    }
    for (uint32_t i = had; i < b->job_capacity; i++) {
        jobs[i].open = false;
    }
    b->jobs = jobs;
    return 0;
}

/* Every task may need a place. */
static int reserve_places(struct sim_batch *b, uint32_t count)
{
    uint32_t capacity = b->place_capacity;
    if (count <= capacity) {
        return 0;
    }
    uint32_t *places =
        longer(b->task_of_place, &capacity, count, sizeof(*b->task_of_place));
    if (places == NULL) {
        return -1;
    }
    b->task_of_place = places;
    capacity = b->place_capacity;
    places = longer(b->free_places, &capacity, count, sizeof(*b->free_places));
    if (places == NULL) {
        return -1;
    }
    b->free_places = places;
    for (uint32_t i = b->place_capacity; i < capacity; i++) {
        b->task_of_place[i] = BATCH_NONE;
    }
    b->place_capacity = capacity;
    return 0;
}

static int reserve_tasks(struct sim_batch *b, uint32_t children)
{
    if (children <= b->tasks_free) {
        return 0;
    }
    uint32_t count = b->tasks_used + children - b->tasks_free;
    if (sim_heap_reserve(&b->task_timers, count) != 0 ||
        reserve_places(b, count) != 0) {
        return -1;
    }
    if (count > b->task_capacity) {
        struct batch_task *tasks =
            longer(b->tasks, &b->task_capacity, count, sizeof(*tasks));
        if (tasks == NULL) {
            return -1;
        }
        b->tasks = tasks;
    }
    while (b->tasks_used < count) {
        b->tasks[b->tasks_used].state = 0;
        b->tasks[b->tasks_used].next = b->free_task;
        b->free_task = b->tasks_used++;
        b->tasks_free++;
    }
    return 0;
}

static void add_child(struct sim_batch *b, uint64_t now_ns,
                      const struct sim_job *job, uint32_t child,
                      const struct batch_task *size,
                      struct sim_actions *actions)
{
    uint32_t t = b->free_task;
    struct batch_task *task = &b->tasks[t];
    b->free_task = task->next;
    b->tasks_free--;
    *task = (struct batch_task){
        .sequence = b->sequence++,
        .timeout_ns = BATCH_NEVER,
        .oom_ns = BATCH_NEVER,
        .notice_ns = BATCH_NEVER,
        .kill_ns = BATCH_NEVER,
        .job = job->id,
        .child = child,
        .cpu_milli = size->cpu_milli,
        .memory_mb = size->memory_mb,
        .place = BATCH_NONE,
        .host = BATCH_NONE,
    };
    if (child == 0) {
        batch_log_state(b, now_ns, t, SIM_BATCH_SUBMITTED, actions);
        batch_log_state(b, now_ns, t, SIM_BATCH_PENDING, actions);
    }
    batch_log_state(b, now_ns, t, SIM_BATCH_RUNNABLE, actions);
    sim_heap_set(&b->task_timers, t,
                 now_ns + sim_dist_draw(&b->config.scheduling, &b->scheduling,
                                        b->attempt_serial++));
}

int batch_submit(struct sim_batch *b, uint64_t now_ns,
                 const struct sim_job *job, struct sim_submitted *out,
                 struct sim_actions *actions)
{
    struct batch_task size = {.cpu_milli = 0};
    uint32_t children = job->demand->array > 1 ? job->demand->array : 1;
    sim_causes_reset(&b->causes);
    *out = (struct sim_submitted){.answer = SIM_SUBMIT_ACCEPTED};
    if (reserve_job(b, job->id) != 0 || reserve_tasks(b, children) != 0) {
        return -1;
    }
    b->counts.submitted++;
    if (throttled(b, now_ns, children, out)) {
        b->counts.throttled++;
        return 0;
    }
    if (refused(b, job, &size, out)) {
        b->counts.refused++;
        return 0;
    }
    batch_flip_idle(b, now_ns);
    b->jobs[job->id] = (struct batch_job){
        .demand = job->demand,
        .children = children,
        .open = true,
        .array = children > 1,
    };
    b->counts.jobs++;
    b->counts.queued += children;
    for (uint32_t i = 0; i < children; i++) {
        add_child(b, now_ns, job, i, &size, actions);
    }
    return 0;
}
