#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/platform/batch_state.h"

/* What is said of it */

void batch_log_state(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                     enum sim_batch_state state, struct sim_actions *actions)
{
    struct batch_task *task = &b->tasks[t];
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_STATE);
    task->state = (uint8_t)state;
    if (action != NULL) {
        action->job = task->job;
        action->place = task->place;
        action->code = (uint16_t)state;
        action->a = task->child;
    }
}

void batch_cause(struct sim_batch *b, const char *code, const char *format, ...)
{
    char words[160];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(words, sizeof words, format, arguments);
    va_end(arguments);
    b->cause = sim_causes_add(&b->causes);
    sim_cause_add(b->cause, "batch", code, "%s", words);
}

/* `inner` with a line before it, or as it is if that does not fit. */
static struct sim_cause *wrapped(struct sim_batch *b, const char *code,
                                 uint32_t count, uint32_t all,
                                 const struct sim_cause *inner)
{
    struct sim_cause *outer = sim_causes_add(&b->causes);
    sim_cause_add(outer, "batch", code, "%lu of %lu", (unsigned long)count,
                  (unsigned long)all);
    size_t size = strlen(outer->words);
    size_t more = strlen(inner->words);
    if (size + 1 + more >= SIM_WORDS_MAX) {
        *outer = *inner;
        return outer;
    }
    outer->words[size] = '\n';
    memcpy(outer->words + size + 1, inner->words, more + 1);
    outer->error = inner->error;
    return outer;
}

void batch_warn(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                uint64_t deadline_ns, struct sim_actions *actions)
{
    const struct batch_task *task = &b->tasks[t];
    struct sim_action *action;
    if (task->state == SIM_BATCH_RUNNING &&
        (action = sim_actions_add(actions, now_ns, SIM_ACTION_WARN)) != NULL) {
        action->job = task->job;
        action->place = task->place;
        action->host =
            task->host != BATCH_NONE ? b->hosts[task->host].number : BATCH_NONE;
        action->deadline_ns = deadline_ns;
        action->code = SIM_BATCH_SPOT;
    }
}

/* Places */

static void take_place(struct sim_batch *b, uint32_t t)
{
    uint32_t place = b->free_place_count > 0
                         ? b->free_places[--b->free_place_count]
                         : b->places_used++;
    assert(place < b->place_capacity);
    b->tasks[t].place = place;
    b->task_of_place[place] = t;
}

static void open_place(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                       struct sim_actions *actions)
{
    struct batch_task *task = &b->tasks[t];
    struct sim_model_counts *counts = &b->counts;
    take_place(b, t);
    counts->queued--;
    counts->running++;
    counts->starts++;
    counts->cold++;
    counts->restarts += task->attempts > 1;
    counts->places_opened++;
    counts->places++;
    if (counts->places > counts->places_peak) {
        counts->places_peak = counts->places;
    }
    batch_log_state(b, now_ns, t, SIM_BATCH_RUNNING, actions);
    for (int i = 0; i < 2; i++) {
        struct sim_action *action = sim_actions_add(
            actions, now_ns, i == 0 ? SIM_ACTION_OPEN : SIM_ACTION_START);
        if (action != NULL) {
            action->place = task->place;
            action->job = task->job;
            action->host = task->host != BATCH_NONE
                               ? b->hosts[task->host].number
                               : BATCH_NONE;
            action->a = now_ns - task->placed_ns;
            action->deadline_ns = i == 0 ? BATCH_NEVER : task->timeout_ns;
        }
    }
}

static void close_place(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                        enum sim_batch_end why, struct sim_actions *actions)
{
    struct batch_task *task = &b->tasks[t];
    if (task->place == BATCH_NONE) {
        return;
    }
    struct sim_action *action =
        sim_actions_add(actions, now_ns, SIM_ACTION_CLOSE);
    if (action != NULL) {
        action->place = task->place;
        action->job = task->job;
        action->host =
            task->host != BATCH_NONE ? b->hosts[task->host].number : BATCH_NONE;
        action->code = (uint16_t)why;
        action->cause = why == SIM_BATCH_DONE ? NULL : b->cause;
    }
    b->task_of_place[task->place] = BATCH_NONE;
    b->free_places[b->free_place_count++] = task->place;
    task->place = BATCH_NONE;
    b->counts.places--;
    b->counts.places_closed++;
    b->counts.running--;
    b->counts.queued++;
}

/* Attempts */

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

void batch_task_timer(struct sim_batch *b, uint32_t t)
{
    const struct batch_task *task = &b->tasks[t];
    sim_heap_set(&b->task_timers, t,
                 least(least(task->timeout_ns, task->oom_ns),
                       least(task->notice_ns, task->kill_ns)));
}

static uint64_t container_ns(struct sim_batch *b, const struct batch_task *task)
{
    bool ec2 = batch_on_ec2(b->config.envs[task->env].kind);
    return sim_dist_draw(ec2 ? &b->config.container : &b->config.fargate_start,
                         ec2 ? &b->container : &b->fargate,
                         b->attempt_serial++);
}

void batch_begin(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                 struct sim_actions *actions)
{
    struct batch_task *task = &b->tasks[t];
    task->placed_ns = now_ns;
    task->attempts++;
    batch_log_state(b, now_ns, t, SIM_BATCH_STARTING, actions);
    uint64_t ready_ns = batch_image_ready(b, now_ns, t);
    sim_heap_set(&b->task_timers, t, ready_ns + container_ns(b, task));
}

/* When Fargate spot will say that it takes the capacity back. */
static uint64_t notice_of(struct sim_batch *b, uint64_t now_ns, uint32_t env)
{
    if (b->config.spot_zone) {
        return b->envs[env].down ? now_ns : BATCH_NEVER;
    }
    return now_ns +
           sim_dist_draw(&b->config.spot_up, &b->up, b->attempt_serial++);
}

static void begin_running(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                          struct sim_actions *actions)
{
    const struct sim_batch_config *config = &b->config;
    struct batch_task *task = &b->tasks[t];
    task->started_ns = now_ns;
    task->timeout_ns =
        config->timeout_ns > 0 ? now_ns + config->timeout_ns : BATCH_NEVER;
    task->oom_ns = BATCH_NEVER;
    task->kill_ns = BATCH_NEVER;
    task->notice_ns = BATCH_NEVER;
    if (config->envs[task->env].kind == SIM_BATCH_FARGATE_SPOT) {
        task->notice_ns = notice_of(b, now_ns, task->env);
    }
    batch_task_timer(b, t);
    open_place(b, now_ns, t, actions);
}

/* What the scheduler is to know of it, after a while. */
static void again(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                  struct sim_actions *actions)
{
    b->tasks[t].visible = false;
    batch_log_state(b, now_ns, t, SIM_BATCH_RUNNABLE, actions);
    sim_heap_set(&b->task_timers, t,
                 now_ns + sim_dist_draw(&b->config.scheduling, &b->scheduling,
                                        b->attempt_serial++));
}

static void cannot_pull(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                        struct sim_actions *actions)
{
    static const char reason[] = "CannotPullContainerError";
    batch_cause(b, "Task failed to start", "its container");
    sim_cause_add(b->cause, "batch", reason,
                  "pull access denied for %s, repository does not exist or "
                  "may require login",
                  batch_demand(b, &b->tasks[t])->name);
    batch_attempt_failed(b, now_ns, t, SIM_BATCH_EXITED, "Task failed to start",
                         reason, "", actions);
}

static void out_of_memory(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                          struct sim_actions *actions)
{
    static const char status[] = "Essential container in task exited";
    static const char reason[] =
        "OutOfMemoryError: Container killed due to memory usage";
    batch_cause(b, status, "exit code 137");
    sim_cause_add(b->cause, "batch", "OutOfMemoryError",
                  "Container killed due to memory usage, %lu MB of %lu MB",
                  (unsigned long)batch_demand(b, &b->tasks[t])->peak_mb,
                  (unsigned long)b->tasks[t].memory_mb);
    batch_attempt_failed(b, now_ns, t, SIM_BATCH_OOM, status, reason, "137",
                         actions);
}

static void timed_out(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                      struct sim_actions *actions)
{
    static const char status[] = "Job attempt duration exceeded timeout";
    batch_cause(b, status, "%llu s",
                (unsigned long long)(b->config.timeout_ns / 1000000000));
    b->tasks[t].attempts = SIM_BATCH_ATTEMPTS_MAX; /* there is no other */
    batch_attempt_failed(b, now_ns, t, SIM_BATCH_TIMEOUT, status, "", "137",
                         actions);
}

static void interrupted(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                        struct sim_actions *actions)
{
    static const char status[] = "Your Spot Task was interrupted.";
    batch_cause(b, status, "Fargate took the capacity back");
    batch_attempt_failed(b, now_ns, t, SIM_BATCH_SPOT, status, "", "", actions);
}

static void running_due(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                        struct sim_actions *actions)
{
    struct batch_task *task = &b->tasks[t];
    if (task->oom_ns <= now_ns) {
        out_of_memory(b, now_ns, t, actions);
    } else if (task->timeout_ns <= now_ns) {
        timed_out(b, now_ns, t, actions);
    } else if (task->kill_ns <= now_ns) {
        interrupted(b, now_ns, t, actions);
    } else {
        task->notice_ns = BATCH_NEVER;
        task->kill_ns = now_ns + b->config.spot_notice_ns;
        batch_task_timer(b, t);
        batch_warn(b, now_ns, t, task->kill_ns, actions);
    }
}

void batch_task_due(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                    struct sim_actions *actions)
{
    struct batch_task *task = &b->tasks[t];
    if (task->state == SIM_BATCH_RUNNABLE) {
        task->visible = true;
        batch_queue_add(b, t);
        batch_wake(b, now_ns);
    } else if (task->state == SIM_BATCH_RUNNING) {
        running_due(b, now_ns, t, actions);
    } else if (batch_demand(b, task)->image_missing) {
        cannot_pull(b, now_ns, t, actions);
    } else {
        begin_running(b, now_ns, t, actions);
    }
}

/* Ends */

/* One child less; the last one ends the job. */
static void child_over(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                       struct sim_actions *actions)
{
    uint32_t id = b->tasks[t].job;
    struct batch_job *job = &b->jobs[id];
    b->tasks[t].next = b->free_task;
    b->free_task = t;
    b->tasks_free++;
    b->counts.queued--;
    if (--job->children > 0) {
        return;
    }
    struct sim_action *action = sim_actions_add(
        actions, now_ns, job->failed > 0 ? SIM_ACTION_FAIL : SIM_ACTION_FORGET);
    if (action != NULL) {
        action->job = id;
        action->cause = b->cause;
    }
    if (job->failed > 0 && job->array && action != NULL) {
        action->cause =
            wrapped(b, "Array Child Job failed", job->failed,
                    job->demand->array, job->cause ? job->cause : b->cause);
    }
    free(job->cause);
    job->open = false;
    b->counts.jobs--;
    b->counts.failed += job->failed > 0;
    b->counts.done += job->failed == 0;
}

void batch_fail(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                struct sim_actions *actions)
{
    struct batch_task *task = &b->tasks[t];
    struct batch_job *job = &b->jobs[task->job];
    sim_heap_cut(&b->task_timers, t);
    if (task->attempts > 1 && task->attempts >= b->config.attempts &&
        task->timeout_ns > now_ns) {
        b->cause = wrapped(b, "Job attempts exhausted", task->attempts,
                           b->config.attempts, b->cause);
    }
    if (job->failed++ == 0 && job->array &&
        (job->cause = malloc(sizeof(*job->cause))) != NULL) {
        *job->cause = *b->cause;
    }
    batch_log_state(b, now_ns, t, SIM_BATCH_FAILED, actions);
    child_over(b, now_ns, t, actions);
}

/* The room is free, whoever waits may have it. */
static void leave(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                  enum sim_batch_end why, struct sim_actions *actions)
{
    sim_heap_cut(&b->task_timers, t);
    close_place(b, now_ns, t, why, actions);
    batch_release(b, now_ns, t);
    batch_wake(b, now_ns);
}

void batch_succeed(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                   struct sim_actions *actions)
{
    leave(b, now_ns, t, SIM_BATCH_DONE, actions);
    batch_log_state(b, now_ns, t, SIM_BATCH_SUCCEEDED, actions);
    child_over(b, now_ns, t, actions);
}

void batch_attempt_failed(struct sim_batch *b, uint64_t now_ns, uint32_t t,
                          enum sim_batch_end why, const char *status_reason,
                          const char *reason, const char *exit_code,
                          struct sim_actions *actions)
{
    leave(b, now_ns, t, why, actions);
    if (b->tasks[t].attempts < b->config.attempts &&
        sim_batch_retried(&b->config, status_reason, reason, exit_code)) {
        again(b, now_ns, t, actions);
    } else {
        batch_fail(b, now_ns, t, actions);
    }
}

/* Rules */

/* A * at the end stands for anything. */
static bool matches(const char *pattern, const char *text)
{
    size_t size = strlen(pattern);
    if (size == 0) {
        return true;
    }
    if (pattern[size - 1] == '*') {
        return strncmp(pattern, text, size - 1) == 0;
    }
    return strcmp(pattern, text) == 0;
}

bool sim_batch_retried(const struct sim_batch_config *config,
                       const char *status_reason, const char *reason,
                       const char *exit_code)
{
    for (uint32_t i = 0; i < config->rule_count; i++) {
        const struct sim_batch_rule *rule = &config->rules[i];
        if (matches(rule->on_status_reason, status_reason) &&
            matches(rule->on_reason, reason) &&
            matches(rule->on_exit_code, exit_code)) {
            return rule->retry;
        }
    }
    return true;
}
