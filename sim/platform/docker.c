#include "sim/platform/docker.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/platform/docker_state.h"

#define SECOND UINT64_C(1000000000)
#define TIME_MAX (UINT64_C(1) << 60)

/* The daemon and the machine */

/* Everything that is not running fails, or that runs as well. */
static void fail_all(struct sim_docker *d, uint64_t now_ns, bool running,
                     enum sim_docker_end why, struct sim_actions *actions)
{
    for (uint32_t t = 0; t < d->tasks_used; t++) {
        struct docker_task *task = &d->tasks[t];
        if (task->state == SIM_DOCKER_EXITED ||
            (task->state == SIM_DOCKER_RUNNING && !running)) {
            continue;
        }
        if (task->state == SIM_DOCKER_WAITING) {
            d->counts.queued--;
        } else {
            if (task->state == SIM_DOCKER_RUNNING) {
                docker_close(d, now_ns, t, why, actions);
            }
            docker_leave(d, t);
        }
        docker_give_up(d, now_ns, t, actions);
    }
    d->waiting[WITHOUT_GPU].first = SIM_MODEL_NONE;
    d->waiting[WITH_GPU].first = SIM_MODEL_NONE;
}

static void stopped(struct sim_docker *d)
{
    docker_cause(d, "exit 137", "stopped with the daemon, SIGKILL after %llu s",
                 (unsigned long long)(d->config.stop_ns / SECOND));
}

static void unreachable(struct sim_docker *d)
{
    docker_cause(d, "Cannot connect to the Docker daemon",
                 "at unix:///var/run/docker.sock. Is the docker daemon "
                 "running?");
}

static void warn_all(struct sim_docker *d, uint64_t now_ns,
                     struct sim_actions *actions)
{
    for (uint32_t p = 0; p < d->place_capacity; p++) {
        if (d->task_of_place[p] == SIM_MODEL_NONE) {
            continue;
        }
        struct sim_action *action =
            sim_actions_add(actions, now_ns, SIM_ACTION_WARN);
        if (action != NULL) {
            action->place = p;
            action->job = d->tasks[d->task_of_place[p]].job;
            action->host = 0;
            action->code = SIM_DOCKER_STOPPED;
            action->deadline_ns = d->stop_ns;
        }
    }
}

static void op_outage(void *self, uint64_t now_ns, uint64_t until_ns,
                      struct sim_actions *actions)
{
    struct sim_docker *d = self;
    sim_causes_reset(&d->causes);
    bool here = d->back_ns == 0;
    d->back_ns = until_ns > d->back_ns ? until_ns : d->back_ns;
    if (!here) {
        return;
    }
    unreachable(d);
    fail_all(d, now_ns, false, SIM_DOCKER_STOPPED, actions);
    if (!d->config.live_restore && d->counts.running > 0) {
        d->stop_ns = now_ns + d->config.stop_ns;
        warn_all(d, now_ns, actions);
    }
}

static bool op_fail_host(void *self, uint64_t now_ns, uint32_t host,
                         struct sim_actions *actions)
{
    struct sim_docker *d = self;
    sim_causes_reset(&d->causes);
    if (host != 0 || d->counts.hosts == 0) {
        return false;
    }
    d->counts.hosts = 0;
    d->counts.hosts_lost++;
    d->stop_ns = SIM_MODEL_NEVER;
    docker_cause(d, "host failed", "the machine went down");
    fail_all(d, now_ns, true, SIM_DOCKER_HOST, actions);
    uint64_t back_ns =
        now_ns + 1 +
        sim_dist_draw(&d->config.reboot, &d->reboot_stream, d->reboots++);
    d->back_ns = back_ns > d->back_ns ? back_ns : d->back_ns;
    return true;
}

static void back(struct sim_docker *d)
{
    d->back_ns = 0;
    d->counts.hosts = 1;
}

/* Submission */

/* New lists as long as they have to be: 0 or -1, nothing has changed. */
static int reserve_job(struct sim_docker *d, uint32_t job)
{
    if (job < d->job_capacity) {
        return 0;
    }
    uint64_t wanted = d->job_capacity ? d->job_capacity : 64;
    while (wanted <= job) {
        wanted *= 2;
    }
    uint32_t *list = realloc(d->task_of_job, wanted * sizeof(*list));
    if (list == NULL) {
        return -1;
    }
    for (uint64_t i = d->job_capacity; i < wanted; i++) {
        list[i] = SIM_MODEL_NONE;
    }
    d->task_of_job = list;
    d->job_capacity = (uint32_t)wanted;
    return 0;
}

static int reserve_task(struct sim_docker *d)
{
    if (d->free_task != SIM_MODEL_NONE) {
        return 0;
    }
    if (sim_heap_reserve(&d->timers, d->tasks_used + 1) != 0) {
        return -1;
    }
    if (d->tasks_used == d->task_capacity) {
        uint32_t capacity = d->timers.capacity;
        struct docker_task *tasks =
            realloc(d->tasks, capacity * sizeof(*tasks));
        if (tasks == NULL) {
            return -1;
        }
        d->tasks = tasks;
        d->task_capacity = capacity;
    }
    d->tasks[d->tasks_used].next = SIM_MODEL_NONE;
    d->tasks[d->tasks_used].state = SIM_DOCKER_EXITED;
    d->free_task = d->tasks_used++;
    return 0;
}

/* A GPU that nobody has configured, or more of them than there are. */
static bool refused(struct sim_docker *d, const struct sim_demand *demand,
                    struct sim_submitted *out)
{
    if (demand->gpus <= d->config.gpus) {
        return false;
    }
    out->answer = SIM_SUBMIT_REFUSED;
    out->limit = d->config.gpus;
    out->actual = demand->gpus;
    sim_cause_add(&out->cause, "docker", "could not select device driver",
                  "\"\" with capabilities: [[gpu]]; %s wants %lu GPUs, %lu are "
                  "configured: GPUs of Docker are configured by hand, set "
                  "\"gpus\"",
                  demand->name, (unsigned long)demand->gpus,
                  (unsigned long)d->config.gpus);
    return true;
}

static int op_submit(void *self, uint64_t now_ns, const struct sim_job *job,
                     struct sim_submitted *out, struct sim_actions *actions)
{
    struct sim_docker *d = self;
    sim_causes_reset(&d->causes);
    *out = (struct sim_submitted){.answer = SIM_SUBMIT_ACCEPTED};
    if (refused(d, job->demand, out)) {
        d->counts.submitted++;
        d->counts.refused++;
        return 0;
    }
    if (d->back_ns != 0) {
        out->answer = SIM_SUBMIT_THROTTLED;
        out->reason = SIM_DOCKER_BY_DAEMON;
        d->counts.submitted++;
        d->counts.throttled++;
        return 0;
    }
    if (reserve_job(d, job->id) != 0 || reserve_task(d) != 0) {
        return -1;
    }
    uint32_t t = d->free_task;
    d->free_task = d->tasks[t].next;
    d->tasks[t] = (struct docker_task){
        .demand = job->demand,
        .sequence = d->sequence++,
        .job = job->id,
        .place = SIM_MODEL_NONE,
    };
    d->task_of_job[job->id] = t;
    d->counts.submitted++;
    d->counts.jobs++;
    d->counts.queued++;
    docker_log_state(d, now_ns, t, SIM_DOCKER_WAITING, actions);
    docker_queue_add(d, t);
    docker_admit(d, now_ns, actions);
    return 0;
}

/* Time */

static uint64_t op_next_ns(const void *self)
{
    const struct sim_docker *d = self;
    uint64_t next_ns = sim_heap_next(&d->timers);
    uint64_t shared_ns = sim_sharing_next_ns(&d->sharing);
    next_ns = shared_ns < next_ns ? shared_ns : next_ns;
    next_ns = d->stop_ns < next_ns ? d->stop_ns : next_ns;
    return d->back_ns != 0 && d->back_ns < next_ns ? d->back_ns : next_ns;
}

static void op_advance(void *self, uint64_t now_ns, struct sim_actions *actions)
{
    struct sim_docker *d = self;
    sim_causes_reset(&d->causes);
    uint64_t next_ns;
    while ((next_ns = op_next_ns(d)) <= now_ns) {
        uint32_t place = sim_sharing_ended(&d->sharing, next_ns);
        if (place != SIM_HEAP_NONE) {
            docker_work_end(d, next_ns, d->task_of_place[place], actions);
        } else if (sim_heap_next(&d->timers) == next_ns) {
            docker_due(d, next_ns, sim_heap_pop(&d->timers), actions);
        } else if (d->stop_ns == next_ns) {
            d->stop_ns = SIM_MODEL_NEVER;
            stopped(d);
            fail_all(d, next_ns, true, SIM_DOCKER_STOPPED, actions);
        } else {
            back(d);
        }
    }
}

static void op_finished(void *self, uint64_t now_ns, uint32_t place,
                        uint32_t job, struct sim_actions *actions)
{
    struct sim_docker *d = self;
    sim_causes_reset(&d->causes);
    assert(place < d->place_capacity);
    uint32_t t = d->task_of_place[place];
    assert(t != SIM_MODEL_NONE && d->tasks[t].job == job);
    docker_close(d, now_ns, t, SIM_DOCKER_DONE, actions);
    docker_leave(d, t);
    docker_log_state(d, now_ns, t, SIM_DOCKER_EXITED, actions);
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_FORGET);
    if (action != NULL) {
        action->job = job;
    }
    d->counts.done++;
    docker_free_task(d, t);
    docker_admit(d, now_ns, actions);
}

static void op_exited(void *self, uint64_t now_ns, uint32_t place,
                      uint32_t exit_code, struct sim_actions *actions)
{
    struct sim_docker *d = self;
    sim_causes_reset(&d->causes);
    assert(place < d->place_capacity);
    uint32_t t = d->task_of_place[place];
    assert(t != SIM_MODEL_NONE);
    char code[24];
    snprintf(code, sizeof code, "exit %lu", (unsigned long)exit_code);
    docker_cause(d, code, "container exited, OOMKilled=false");
    docker_failed(d, now_ns, t, SIM_DOCKER_CRASHED, true, actions);
}

static uint64_t op_run_ns(void *self, uint64_t now_ns, uint32_t place,
                          uint32_t job, const struct sim_work *work,
                          struct sim_actions *actions)
{
    struct sim_docker *d = self;
    sim_causes_reset(&d->causes);
    uint32_t t = d->task_of_place[place];
    if (t == SIM_MODEL_NONE || d->tasks[t].job != job) {
        return TIME_MAX; /* closed by now: its CLOSE is on the way */
    }
    return docker_work_begin(d, now_ns, t, work, actions);
}

static uint64_t op_left_ns(void *self, uint64_t now_ns, uint32_t place,
                           uint32_t job)
{
    struct sim_docker *d = self;
    uint32_t t = d->task_of_place[place];
    if (t == SIM_MODEL_NONE || d->tasks[t].job != job) {
        return TIME_MAX; /* closed by now: its CLOSE is on the way */
    }
    return docker_work_left(d, now_ns, t);
}

/* What others want to know */

static const struct sim_model_counts *op_counts(const void *self)
{
    const struct sim_docker *d = self;
    return &d->counts;
}

/* The machine is paid for by somebody else. */
static uint64_t op_cost(const void *self, uint64_t now_ns)
{
    (void)self;
    (void)now_ns;
    return 0;
}

static bool op_cost_line(const void *self, uint64_t now_ns, uint32_t i,
                         const char **name, uint64_t *nano)
{
    (void)self;
    (void)now_ns;
    (void)i;
    (void)name;
    (void)nano;
    return false;
}

static void explain_waiting(const struct sim_docker *d,
                            const struct docker_task *task, char *text,
                            size_t size)
{
    if (d->admitted >= d->config.containers_max) {
        snprintf(text, size, "waits for one of %lu containers to end",
                 (unsigned long)d->config.containers_max);
    } else {
        snprintf(text, size, "waits for %lu of %lu GPUs, %lu are in use",
                 (unsigned long)task->demand->gpus,
                 (unsigned long)d->config.gpus, (unsigned long)d->gpus_used);
    }
}

static void op_explain(const void *self, uint64_t now_ns, uint32_t job,
                       char *text, size_t size)
{
    const struct sim_docker *d = self;
    uint32_t t = job < d->job_capacity ? d->task_of_job[job] : SIM_MODEL_NONE;
    if (t == SIM_MODEL_NONE || d->tasks[t].job != job ||
        d->tasks[t].state == SIM_DOCKER_EXITED) {
        snprintf(text, size, "is not here");
        return;
    }
    uint64_t left_ns = sim_heap_time(&d->timers, t) - now_ns;
    unsigned long ms = (unsigned long)(left_ns / 1000000);
    switch ((enum sim_docker_state)d->tasks[t].state) {
    case SIM_DOCKER_WAITING:
        explain_waiting(d, &d->tasks[t], text, size);
        break;
    case SIM_DOCKER_PULLING:
        snprintf(text, size, "its image is pulled for %lu ms more", ms);
        break;
    case SIM_DOCKER_STARTING:
        snprintf(text, size, "its container starts in %lu ms", ms);
        break;
    case SIM_DOCKER_RESTARTING:
        snprintf(text, size, "is restarted in %lu ms, restart %lu of %lu", ms,
                 (unsigned long)d->tasks[t].restarts,
                 (unsigned long)d->config.restarts);
        break;
    case SIM_DOCKER_RUNNING:
        snprintf(text, size, "runs");
        break;
    case SIM_DOCKER_EXITED:
        break;
    }
}

static const char *op_state_name(uint32_t code)
{
    static const char *const names[] = {
        [SIM_DOCKER_WAITING] = "WAITING",
        [SIM_DOCKER_PULLING] = "PULLING",
        [SIM_DOCKER_STARTING] = "STARTING",
        [SIM_DOCKER_RUNNING] = "RUNNING",
        [SIM_DOCKER_RESTARTING] = "RESTARTING",
        [SIM_DOCKER_EXITED] = "EXITED",
    };
    assert(code >= SIM_DOCKER_WAITING && code <= SIM_DOCKER_EXITED);
    return names[code];
}

static const char *op_end_name(uint32_t code)
{
    static const char *const names[] = {
        [SIM_DOCKER_DONE] = "done",      [SIM_DOCKER_CRASHED] = "crashed",
        [SIM_DOCKER_OOM] = "OOMKilled",  [SIM_DOCKER_STOPPED] = "stopped",
        [SIM_DOCKER_HOST] = "host lost",
    };
    assert(code >= SIM_DOCKER_DONE && code <= SIM_DOCKER_HOST);
    return names[code];
}

static const char *op_reason_name(uint32_t reason)
{
    return reason == SIM_DOCKER_BY_DAEMON ? "daemon" : "none";
}

/* Making and freeing */

static void op_free(void *self)
{
    struct sim_docker *d = self;
    sim_sharing_deinit(&d->sharing);
    sim_heap_deinit(&d->timers);
    sim_causes_deinit(&d->causes);
    free(d->tasks);
    free(d->task_of_job);
    free(d->task_of_place);
    free(d->images);
    free(d);
}

static const struct sim_model_ops ops = {
    .kind = "docker",
    .free = op_free,
    .submit = op_submit,
    .next_ns = op_next_ns,
    .advance = op_advance,
    .finished = op_finished,
    .exited = op_exited,
    .run_ns = op_run_ns,
    .left_ns = op_left_ns,
    .fail_host = op_fail_host,
    .outage = op_outage,
    .counts = op_counts,
    .cost_nano = op_cost,
    .cost_line = op_cost_line,
    .explain = op_explain,
    .state_name = op_state_name,
    .end_name = op_end_name,
    .reason_name = op_reason_name,
};

static bool in_range(const struct sim_docker_config *config)
{
    return config->processors >= 1 &&
           config->processors <= SIM_DOCKER_PROCESSORS_MAX &&
           config->containers_max >= 1 &&
           config->containers_max <= SIM_DOCKER_CONTAINERS_MAX &&
           config->memory_reserved_mb < config->memory_mb &&
           config->pull_bytes_s >= 1 && config->memory_default_mb >= 1 &&
           config->restart_first_ns >= 1 &&
           config->restart_max_ns <= TIME_MAX && config->pull_ns <= TIME_MAX &&
           config->stop_ns <= TIME_MAX && config->cpu_noise_ppb <= SECOND;
}

static int make_places(struct sim_docker *d)
{
    uint32_t count = d->config.containers_max;
    d->task_of_place = malloc(count * sizeof(*d->task_of_place));
    if (d->task_of_place == NULL ||
        sim_sharing_reserve(&d->sharing, count) != 0) {
        return -1;
    }
    for (uint32_t p = 0; p < count; p++) {
        d->task_of_place[p] = SIM_MODEL_NONE;
    }
    d->place_capacity = count;
    return 0;
}

int sim_docker_model(struct sim_model *model,
                     const struct sim_docker_config *config, uint64_t seed)
{
    *model = (struct sim_model){.ops = NULL};
    struct sim_docker *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return -1;
    }
    if (!in_range(config) ||
        !sim_bucket_init(&d->pulls, config->pull_burst, &config->pull_refill) ||
        sim_dist_normal(&d->noise, SECOND, config->cpu_noise_ppb) != 0) {
        free(d);
        return -2;
    }
    d->config = *config;
    sim_sharing_init(&d->sharing, config->processors * 1000);
    engine_stream_init(&d->start_stream, seed, "docker/start", 0);
    engine_stream_init(&d->noise_stream, seed, "docker/noise", 0);
    engine_stream_init(&d->reboot_stream, seed, "docker/reboot", 0);
    d->free_task = SIM_MODEL_NONE;
    d->waiting[WITHOUT_GPU].first = SIM_MODEL_NONE;
    d->waiting[WITH_GPU].first = SIM_MODEL_NONE;
    d->stop_ns = SIM_MODEL_NEVER;
    d->counts.hosts_started = 1;
    d->counts.hosts = 1;
    d->counts.limit = config->containers_max;
    *model = (struct sim_model){.ops = &ops, .self = d};
    if (make_places(d) != 0) {
        op_free(d);
        *model = (struct sim_model){.ops = NULL};
        return -1;
    }
    return 0;
}
