#include "sim/platform/batch.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "sim/platform/batch_state.h"

#define SECOND UINT64_C(1000000000)
#define TIME_MAX (UINT64_C(1) << 60)
#define WORK_MAX (UINT64_C(1) << 58)
#define PPB UINT64_C(1000000000)

static int op_submit(void *self, uint64_t now_ns, const struct sim_job *job,
                     struct sim_submitted *out, struct sim_actions *actions)
{
    return batch_submit(self, now_ns, job, out, actions);
}

/* Time */

static uint64_t limits_ns(const struct sim_batch *b, uint32_t *queue)
{
    uint64_t next_ns = BATCH_NEVER;
    for (uint32_t q = 0; q < b->config.queues; q++) {
        uint64_t limit_ns = batch_limit_ns(b, &b->queues[q]);
        if (limit_ns < next_ns) {
            next_ns = limit_ns;
            *queue = q;
        }
    }
    return next_ns;
}

static uint64_t op_next_ns(const void *self)
{
    const struct sim_batch *b = self;
    uint32_t queue;
    uint64_t next_ns = sim_heap_next(&b->task_timers);
    uint64_t others[] = {sim_heap_next(&b->host_timers), b->pass_ns,
                         batch_flip_ns(b), limits_ns(b, &queue)};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        next_ns = others[i] < next_ns ? others[i] : next_ns;
    }
    return next_ns;
}

static void step(struct sim_batch *b, uint64_t now_ns,
                 struct sim_actions *actions)
{
    uint32_t queue = 0;
    if (sim_heap_next(&b->task_timers) <= now_ns) {
        batch_task_due(b, now_ns, sim_heap_pop(&b->task_timers), actions);
    } else if (sim_heap_next(&b->host_timers) <= now_ns) {
        batch_host_due(b, now_ns, sim_heap_pop(&b->host_timers), actions);
    } else if (batch_flip_ns(b) <= now_ns) {
        batch_flip(b, now_ns, actions);
    } else if (limits_ns(b, &queue) <= now_ns) {
        batch_limit(b, now_ns, &b->queues[queue], actions);
    } else {
        batch_pass(b, now_ns, actions);
    }
}

static void op_advance(void *self, uint64_t now_ns, struct sim_actions *actions)
{
    struct sim_batch *b = self;
    uint64_t next_ns;
    sim_causes_reset(&b->causes);
    while ((next_ns = op_next_ns(b)) <= now_ns) {
        step(b, next_ns, actions);
    }
    actions->failed |= b->failed;
}

/* What happens in places */

static uint32_t task_in(const struct sim_batch *b, uint32_t place)
{
    assert(place < b->place_capacity);
    return b->task_of_place[place];
}

static void op_finished(void *self, uint64_t now_ns, uint32_t place,
                        uint32_t job, struct sim_actions *actions)
{
    struct sim_batch *b = self;
    uint32_t t = task_in(b, place);
    sim_causes_reset(&b->causes);
    assert(t != BATCH_NONE && b->tasks[t].job == job);
    batch_succeed(b, now_ns, t, actions);
}

static void op_exited(void *self, uint64_t now_ns, uint32_t place,
                      uint32_t exit_code, struct sim_actions *actions)
{
    static const char status[] = "Essential container in task exited";
    struct sim_batch *b = self;
    uint32_t t = task_in(b, place);
    char code[24], digits[16];
    assert(t != BATCH_NONE);
    sim_causes_reset(&b->causes);
    snprintf(digits, sizeof digits, "%lu", (unsigned long)exit_code);
    snprintf(code, sizeof code, "exit %s", digits);
    batch_cause(b, status, "its exit code says more");
    sim_cause_add(b->cause, "batch", code, "the container's process ended");
    batch_attempt_failed(b, now_ns, t, SIM_BATCH_EXITED, status, "", digits,
                         actions);
}

/* ns * ppb / 10^9, where ns is below 2^58 and ppb at most 10^12. */
static uint64_t part(uint64_t ns, uint64_t ppb)
{
    uint64_t seconds = ns / PPB;
    if (seconds > WORK_MAX / (ppb + 1)) {
        return WORK_MAX;
    }
    return seconds * ppb + ppb / PPB * (ns % PPB) +
           ppb % PPB * (ns % PPB) / PPB;
}

static uint64_t op_run_ns(void *self, uint64_t now_ns, uint32_t place,
                          uint32_t job, const struct sim_work *work,
                          struct sim_actions *actions)
{
    struct sim_batch *b = self;
    uint32_t t = task_in(b, place);
    (void)actions;
    if (t == BATCH_NONE || b->tasks[t].job != job) {
        return TIME_MAX; /* closed by now: its CLOSE is on the way */
    }
    struct batch_task *task = &b->tasks[t];
    uint64_t milli = (uint64_t)work->threads * 1000;
    milli = milli < task->cpu_milli ? milli : task->cpu_milli;
    uint64_t cpu_ns = part(work->nominal_ns, work->cpu_ppb);
    uint64_t run_ns =
        work->nominal_ns - cpu_ns + part(cpu_ns, PPB * 1000 / milli);
    uint32_t peak = b->jobs[job].demand->peak_mb;
    if (peak > task->memory_mb) {
        task->oom_ns = now_ns + run_ns / peak * task->memory_mb +
                       run_ns % peak * task->memory_mb / peak;
        run_ns++; /* it dies first, however short it is */
        batch_task_timer(b, t);
    }
    return run_ns;
}

static bool op_fail_host(void *self, uint64_t now_ns, uint32_t number,
                         struct sim_actions *actions)
{
    struct sim_batch *b = self;
    sim_causes_reset(&b->causes);
    for (uint32_t h = 0; h < b->hosts_used; h++) {
        if (b->hosts[h].number == number &&
            (b->hosts[h].state == BATCH_HOST_UP ||
             b->hosts[h].state == BATCH_HOST_NOTICE)) {
            batch_host_gone(b, now_ns, h, SIM_BATCH_HOST, actions);
            return true;
        }
    }
    return false;
}

/* No submissions and no passes; what runs goes on. */
static void op_outage(void *self, uint64_t now_ns, uint64_t until_ns,
                      struct sim_actions *actions)
{
    struct sim_batch *b = self;
    (void)now_ns;
    (void)actions;
    b->away_ns = until_ns > b->away_ns ? until_ns : b->away_ns;
    if (b->pass_ns != BATCH_NEVER && b->pass_ns < b->away_ns) {
        b->pass_ns = b->away_ns;
    }
}

/* What others want to know */

static const struct sim_model_counts *op_counts(const void *self)
{
    const struct sim_batch *b = self;
    return &b->counts;
}

static bool op_cost_line(const void *self, uint64_t now_ns, uint32_t i,
                         const char **name, uint64_t *nano)
{
    return batch_cost_line(self, now_ns, i, name, nano);
}

static uint64_t op_cost(const void *self, uint64_t now_ns)
{
    const char *name;
    uint64_t all = 0;
    uint64_t nano;
    for (uint32_t i = 0; batch_cost_line(self, now_ns, i, &name, &nano); i++) {
        all += nano;
    }
    return all;
}

static void explain_runnable(const struct sim_batch *b, uint32_t t, char *text,
                             size_t size)
{
    const struct batch_task *task = &b->tasks[t];
    struct batch_queue *queue = batch_queue_of((struct sim_batch *)b, task);
    const char *code = batch_blocked_code((enum batch_blocked)queue->blocked);
    if (!task->visible) {
        snprintf(text, size, "RUNNABLE: the scheduler has not seen it yet");
    } else if (queue->blocked_task == t) {
        snprintf(text, size, "RUNNABLE, first of its queue: %s",
                 code != NULL ? code : "waits for room");
    } else {
        snprintf(text, size, "RUNNABLE behind the first of its queue: %s",
                 code != NULL ? code : "which waits for room");
    }
}

static void op_explain(const void *self, uint64_t now_ns, uint32_t job,
                       char *text, size_t size)
{
    const struct sim_batch *b = self;
    (void)now_ns;
    for (uint32_t t = 0;
         t < b->tasks_used && job < b->job_capacity && b->jobs[job].open; t++) {
        if (b->tasks[t].job != job) {
            continue;
        }
        if (b->tasks[t].state == SIM_BATCH_RUNNABLE) {
            explain_runnable(b, t, text, size);
            return;
        }
        if (b->tasks[t].state == SIM_BATCH_STARTING ||
            b->tasks[t].state == SIM_BATCH_RUNNING) {
            snprintf(text, size, "%s, attempt %lu of %lu",
                     b->tasks[t].state == SIM_BATCH_RUNNING ? "RUNNING"
                                                            : "STARTING",
                     (unsigned long)b->tasks[t].attempts,
                     (unsigned long)b->config.attempts);
            return;
        }
    }
    snprintf(text, size, "is not here");
}

static const char *op_state_name(uint32_t code)
{
    static const char *const names[] = {
        [SIM_BATCH_SUBMITTED] = "SUBMITTED",
        [SIM_BATCH_PENDING] = "PENDING",
        [SIM_BATCH_RUNNABLE] = "RUNNABLE",
        [SIM_BATCH_STARTING] = "STARTING",
        [SIM_BATCH_RUNNING] = "RUNNING",
        [SIM_BATCH_SUCCEEDED] = "SUCCEEDED",
        [SIM_BATCH_FAILED] = "FAILED",
    };
    assert(code >= SIM_BATCH_SUBMITTED && code <= SIM_BATCH_FAILED);
    return names[code];
}

static const char *op_end_name(uint32_t code)
{
    static const char *const names[] = {
        [SIM_BATCH_DONE] = "done", [SIM_BATCH_EXITED] = "exited",
        [SIM_BATCH_OOM] = "OOM",   [SIM_BATCH_TIMEOUT] = "timeout",
        [SIM_BATCH_SPOT] = "spot", [SIM_BATCH_HOST] = "host lost",
    };
    assert(code >= SIM_BATCH_DONE && code <= SIM_BATCH_HOST);
    return names[code];
}

static const char *op_reason_name(uint32_t reason)
{
    static const char *const names[] = {
        "none",
        [SIM_BATCH_BY_RATE] = "rate",
        [SIM_BATCH_BY_SUBMITTED] = "submitted",
        [SIM_BATCH_BY_SERVICE] = "service",
    };
    return reason <= SIM_BATCH_BY_SERVICE ? names[reason] : names[0];
}

/* Making and freeing */

static void op_free(void *self)
{
    struct sim_batch *b = self;
    sim_heap_deinit(&b->task_timers);
    sim_heap_deinit(&b->host_timers);
    sim_causes_deinit(&b->causes);
    for (uint32_t i = 0; i < b->job_capacity; i++) {
        free(b->jobs[i].open ? b->jobs[i].cause : NULL);
    }
    free(b->tasks);
    free(b->jobs);
    free(b->task_of_place);
    free(b->free_places);
    free(b->hosts);
    free(b);
}

static const struct sim_model_ops ops = {
    .kind = "batch",
    .free = op_free,
    .submit = op_submit,
    .next_ns = op_next_ns,
    .advance = op_advance,
    .finished = op_finished,
    .exited = op_exited,
    .run_ns = op_run_ns,
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

static bool env_in_range(const struct sim_batch_config *config, uint32_t e)
{
    const struct sim_batch_env *env = &config->envs[e];
    bool ec2 = batch_on_ec2(env->kind);
    return env->kind < SIM_BATCH_KINDS && env->max_vcpus >= 1 &&
           env->max_vcpus <= 1000000 &&
           ec2 == batch_on_ec2(config->envs[0].kind) &&
           (!ec2 ||
            (env->vcpus >= 1 && env->vcpus <= 1000000 && env->memory_mb >= 1));
}

static bool in_range(const struct sim_batch_config *config)
{
    bool ok =
        config->queues >= 1 && config->queues <= SIM_BATCH_QUEUES_MAX &&
        config->env_count >= 1 && config->env_count <= SIM_BATCH_ENVS_MAX &&
        config->attempts >= 1 && config->attempts <= SIM_BATCH_ATTEMPTS_MAX &&
        config->rule_count <= SIM_BATCH_RULES_MAX &&
        config->array_max <= SIM_BATCH_ARRAY_MAX &&
        (config->timeout_ns == 0 ||
         config->timeout_ns >= config->timeout_min_ns) &&
        config->timeout_ns <= TIME_MAX && config->tick_ns <= TIME_MAX &&
        config->images_kept >= 1 && config->images_kept <= BATCH_IMAGES_MAX &&
        config->pull_bytes_s >= 1 && config->fargate_bytes_s >= 1 &&
        config->fargate_cpu_min >= 1 && config->fargate_mb_step >= 1 &&
        config->vcpu_default_milli >= 1 && config->memory_default_mb >= 1 &&
        config->spot_discount_ppb <= PPB &&
        config->compute_reservation_ppb < PPB;
    for (uint32_t e = 0; ok && e < config->env_count; e++) {
        ok = env_in_range(config, e);
    }
    return ok;
}

static void set_prices(struct sim_batch *b)
{
    const struct sim_batch_config *config = &b->config;
    uint64_t left = PPB - config->spot_discount_ppb;
    b->instance_pico[0] = config->price_instance_pico;
    b->instance_pico[1] = part(config->price_instance_pico, left);
    b->vcpu_pico[0] = config->price_vcpu_pico;
    b->vcpu_pico[1] = part(config->price_vcpu_pico, left);
    b->gb_pico[0] = config->price_gb_pico;
    b->gb_pico[1] = part(config->price_gb_pico, left);
}

static void set_streams(struct sim_batch *b, uint64_t seed)
{
    engine_stream_init(&b->scheduling, seed, "batch/scheduling", 0);
    engine_stream_init(&b->provision, seed, "batch/provision", 0);
    engine_stream_init(&b->agent, seed, "batch/agent", 0);
    engine_stream_init(&b->scale_in, seed, "batch/scale-in", 0);
    engine_stream_init(&b->container, seed, "batch/container", 0);
    engine_stream_init(&b->fargate, seed, "batch/fargate", 0);
    engine_stream_init(&b->capacity, seed, "batch/capacity", 0);
    engine_stream_init(&b->up, seed, "batch/up", 0);
    engine_stream_init(&b->down, seed, "batch/down", 0);
}

static void set_empty(struct sim_batch *b)
{
    b->free_task = BATCH_NONE;
    b->free_host = BATCH_NONE;
    b->pass_ns = BATCH_NEVER;
    for (uint32_t q = 0; q < b->config.queues; q++) {
        b->queues[q].blocked_task = BATCH_NONE;
        for (uint32_t i = 0; i < SIM_BATCH_SHARES_MAX; i++) {
            b->queues[q].shares[i].head = BATCH_NONE;
        }
    }
}

static bool set_buckets(struct sim_batch *b)
{
    const struct sim_batch_config *config = &b->config;
    bool ok = sim_bucket_init(&b->submits, config->submit_burst,
                              &config->submit_rate);
    for (uint32_t e = 0; ok && e < config->env_count; e++) {
        ok = sim_bucket_init(&b->envs[e].launches, config->fargate_burst,
                             &config->fargate_rate);
    }
    return ok;
}

int sim_batch_model(struct sim_model *model,
                    const struct sim_batch_config *config, uint64_t seed)
{
    *model = (struct sim_model){.ops = NULL};
    struct sim_batch *b = calloc(1, sizeof(*b));
    if (b == NULL) {
        return -1;
    }
    b->config = *config;
    if (!in_range(config) || !set_buckets(b)) {
        free(b);
        return -2;
    }
    set_prices(b);
    set_streams(b, seed);
    set_empty(b);
    for (uint32_t e = 0; e < config->env_count; e++) {
        b->counts.limit += config->envs[e].max_vcpus;
    }
    *model = (struct sim_model){.ops = &ops, .self = b};
    return 0;
}
