#include <assert.h>
#include <stdio.h>

#include "sim/platform/batch_state.h"
#include "sim/real.h"

#define PPB 1000000000

/*
 * What waits in a share is a pairing heap of tasks: `first` is a task's first
 * child, `next` its next sibling. Only the least is ever taken out.
 */

static bool before(const struct sim_batch *b, uint32_t x, uint32_t y)
{
    const struct batch_task *a = &b->tasks[x], *c = &b->tasks[y];
    uint32_t mine = batch_demand(b, a)->priority;
    uint32_t other = batch_demand(b, c)->priority;
    if (b->config.fair_share && mine != other) {
        return mine > other;
    }
    return a->sequence < c->sequence;
}

static uint32_t meld(struct sim_batch *b, uint32_t x, uint32_t y)
{
    if (x == BATCH_NONE || y == BATCH_NONE) {
        return x == BATCH_NONE ? y : x;
    }
    if (before(b, y, x)) {
        uint32_t least = y;
        y = x;
        x = least;
    }
    b->tasks[y].next = b->tasks[x].first;
    b->tasks[x].first = y;
    return x;
}

/* In pairs from the left, then all of these from the right. */
static uint32_t meld_children(struct sim_batch *b, uint32_t first)
{
    uint32_t pairs = BATCH_NONE;
    while (first != BATCH_NONE) {
        uint32_t x = first;
        uint32_t y = b->tasks[x].next;
        first = y != BATCH_NONE ? b->tasks[y].next : BATCH_NONE;
        x = meld(b, x, y);
        b->tasks[x].next = pairs;
        pairs = x;
    }
    uint32_t all = BATCH_NONE;
    while (pairs != BATCH_NONE) {
        uint32_t next = b->tasks[pairs].next;
        all = meld(b, all, pairs);
        pairs = next;
    }
    return all;
}

struct batch_queue *batch_queue_of(struct sim_batch *b,
                                   const struct batch_task *task)
{
    uint32_t queue = b->config.fair_share ? 0 : batch_demand(b, task)->priority;
    uint32_t last = b->config.queues - 1;
    return &b->queues[queue < last ? queue : last];
}

struct batch_share *batch_share_of(struct sim_batch *b,
                                   const struct batch_task *task)
{
    uint32_t share = b->config.fair_share ? batch_demand(b, task)->share : 0;
    return &batch_queue_of(b, task)->shares[share % SIM_BATCH_SHARES_MAX];
}

void batch_queue_add(struct sim_batch *b, uint32_t t)
{
    struct batch_task *task = &b->tasks[t];
    struct batch_queue *queue = batch_queue_of(b, task);
    struct batch_share *share = batch_share_of(b, task);
    task->first = BATCH_NONE;
    task->next = BATCH_NONE;
    share->head = meld(b, share->head, t);
    share->waiting++;
    queue->waiting_milli += task->cpu_milli;
    queue->waiting_mb += task->memory_mb;
    queue->waiting_gpus += batch_demand(b, task)->gpus;
}

/* What the share uses, by its weight. */
static double used(const struct sim_batch *b, const struct batch_queue *queue,
                   uint32_t i)
{
    const struct batch_share *share = &queue->shares[i];
    return (share->average_milli + (double)share->running_milli) *
           b->config.weights_milli[i];
}

uint32_t batch_queue_first(struct sim_batch *b, struct batch_queue *queue)
{
    uint32_t least = BATCH_NONE;
    uint32_t shares = b->config.fair_share ? SIM_BATCH_SHARES_MAX : 1;
    for (uint32_t i = 0; i < shares; i++) {
        if (queue->shares[i].head != BATCH_NONE &&
            (least == BATCH_NONE ||
             used(b, queue, i) < used(b, queue, least))) {
            least = i;
        }
    }
    return least == BATCH_NONE ? BATCH_NONE : queue->shares[least].head;
}

void batch_queue_take(struct sim_batch *b, uint32_t t)
{
    struct batch_task *task = &b->tasks[t];
    struct batch_queue *queue = batch_queue_of(b, task);
    struct batch_share *share = batch_share_of(b, task);
    assert(share->head == t);
    share->head = meld_children(b, task->first);
    share->waiting--;
    queue->waiting_milli -= task->cpu_milli;
    queue->waiting_mb -= task->memory_mb;
    queue->waiting_gpus -= batch_demand(b, task)->gpus;
}

static void age(const struct sim_batch *b, struct batch_queue *queue,
                uint64_t now_ns)
{
    uint64_t passed = now_ns - queue->average_at_ns;
    double keep =
        sim_real_exp(-(double)passed / (double)b->config.share_decay_ns);
    for (uint32_t i = 0; i < SIM_BATCH_SHARES_MAX; i++) {
        struct batch_share *share = &queue->shares[i];
        share->average_milli = share->average_milli * keep +
                               (double)share->running_milli * (1 - keep);
    }
    queue->average_at_ns = now_ns;
}

void batch_queue_age(struct sim_batch *b, uint64_t now_ns)
{
    if (!b->config.fair_share || b->config.share_decay_ns == 0) {
        return;
    }
    for (uint32_t q = 0; q < b->config.queues; q++) {
        age(b, &b->queues[q], now_ns);
    }
}

/* The scheduler */

void batch_wake(struct sim_batch *b, uint64_t now_ns)
{
    uint64_t earliest_ns =
        b->last_pass_ns > 0 ? b->last_pass_ns + b->config.tick_ns : now_ns;
    uint64_t due_ns = now_ns > earliest_ns ? now_ns : earliest_ns;
    due_ns = due_ns > b->away_ns ? due_ns : b->away_ns;
    b->pass_ns = due_ns < b->pass_ns ? due_ns : b->pass_ns;
}

/* vCPUs in thousandths that are kept for shares which are not active. */
static uint64_t reserved(const struct sim_batch *b,
                         const struct batch_queue *queue, uint64_t all)
{
    double part = 1;
    for (uint32_t i = 0; i < SIM_BATCH_SHARES_MAX; i++) {
        if (queue->shares[i].waiting > 0 ||
            queue->shares[i].running_milli > 0) {
            part *= (double)b->config.compute_reservation_ppb / PPB;
        }
    }
    return (uint64_t)((double)all * part);
}

static bool may_use(const struct sim_batch *b, const struct batch_queue *queue,
                    const struct batch_task *task)
{
    uint64_t all = 0;
    uint64_t running = 0;
    if (!b->config.fair_share || b->config.compute_reservation_ppb == 0) {
        return true;
    }
    for (uint32_t e = 0; e < b->config.env_count; e++) {
        all += (uint64_t)b->config.envs[e].max_vcpus * 1000;
    }
    for (uint32_t i = 0; i < SIM_BATCH_SHARES_MAX; i++) {
        running += queue->shares[i].running_milli;
    }
    return running + task->cpu_milli + reserved(b, queue, all) <= all;
}

/* The best that any environment has to say. */
static enum batch_blocked why_blocked(const struct sim_batch *b,
                                      const struct batch_task *task,
                                      uint64_t now_ns)
{
    enum batch_blocked why = BATCH_TOO_LARGE;
    for (uint32_t e = 0; e < b->config.env_count; e++) {
        enum batch_blocked fits = batch_fits(b, e, task);
        if (fits == BATCH_NOT_BLOCKED) {
            fits = b->envs[e].away_until_ns > now_ns ? BATCH_CAPACITY
                                                     : BATCH_WAITS;
        }
        why = fits < why ? fits : why;
    }
    return why;
}

static void block(struct sim_batch *b, uint64_t now_ns,
                  struct batch_queue *queue, uint32_t t)
{
    enum batch_blocked why = why_blocked(b, &b->tasks[t], now_ns);
    if (queue->blocked != why || queue->blocked_task != t) {
        queue->blocked = (uint8_t)why;
        queue->blocked_task = t;
        queue->blocked_ns = now_ns;
    }
}

/* Whoever is first goes first; when it finds no room nobody behind it does. */
static void serve(struct sim_batch *b, uint64_t now_ns,
                  struct batch_queue *queue, struct sim_actions *actions)
{
    uint32_t t;
    while ((t = batch_queue_first(b, queue)) != BATCH_NONE) {
        if (!may_use(b, queue, &b->tasks[t])) {
            break;
        }
        if (!batch_place(b, now_ns, t)) {
            queue->blocked =
                queue->blocked_task == t ? queue->blocked : BATCH_NOT_BLOCKED;
            queue->blocked_task = t;
            return; /* why: when it is known what can be had */
        }
        batch_queue_take(b, t);
        batch_share_of(b, &b->tasks[t])->running_milli += b->tasks[t].cpu_milli;
        batch_begin(b, now_ns, t, actions);
    }
    queue->blocked = BATCH_NOT_BLOCKED;
    queue->blocked_task = BATCH_NONE;
}

void batch_pass(struct sim_batch *b, uint64_t now_ns,
                struct sim_actions *actions)
{
    b->pass_ns = BATCH_NEVER;
    b->last_pass_ns = now_ns;
    batch_queue_age(b, now_ns);
    for (uint32_t q = b->config.queues; q-- > 0;) {
        serve(b, now_ns, &b->queues[q], actions);
    }
    batch_scale(b, now_ns);
    for (uint32_t q = 0; q < b->config.queues; q++) {
        struct batch_queue *queue = &b->queues[q];
        if (queue->blocked_task != BATCH_NONE) {
            block(b, now_ns, queue, queue->blocked_task);
        }
    }
}

/* jobStateTimeLimitActions */

const char *batch_blocked_code(enum batch_blocked blocked)
{
    switch (blocked) {
    case BATCH_CAPACITY:
        return "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY";
    case BATCH_MAX:
        return "MISCONFIGURATION:COMPUTE_ENVIRONMENT_MAX_RESOURCE";
    case BATCH_TOO_LARGE:
        return "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT";
    case BATCH_NOT_BLOCKED:
    case BATCH_WAITS:
        break;
    }
    return NULL;
}

uint64_t batch_limit_ns(const struct sim_batch *b,
                        const struct batch_queue *queue)
{
    if (queue->blocked_task == BATCH_NONE || b->config.state_limit_ns == 0 ||
        batch_blocked_code((enum batch_blocked)queue->blocked) == NULL) {
        return BATCH_NEVER;
    }
    return queue->blocked_ns + b->config.state_limit_ns;
}

void batch_limit(struct sim_batch *b, uint64_t now_ns,
                 struct batch_queue *queue, struct sim_actions *actions)
{
    uint32_t t = queue->blocked_task;
    enum batch_blocked why = (enum batch_blocked)queue->blocked;
    bool first = batch_queue_first(b, queue) == t;
    batch_wake(b, now_ns);
    if (first) {
        batch_queue_take(b, t);
    }
    queue->blocked = BATCH_NOT_BLOCKED;
    queue->blocked_task = BATCH_NONE;
    if (!first) {
        return; /* it is behind somebody else by now */
    }
    batch_cause(b, "JobStateTimeLimit", "RUNNABLE for %llu s, cancelled",
                (unsigned long long)(b->config.state_limit_ns / PPB));
    sim_cause_add(b->cause, "batch", batch_blocked_code(why), "%s",
                  why == BATCH_CAPACITY
                      ? "the service cannot fulfill the capacity requested"
                      : "no compute environment of its queue can hold the job");
    batch_fail(b, now_ns, t, actions);
}
