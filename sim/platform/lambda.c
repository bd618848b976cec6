#include "sim/platform/lambda.h"

#include <assert.h>

#include "sim/platform/lambda_state.h"

#define BILLION UINT64_C(1000000000)

static struct sim_lambda_slot *slot_of(struct sim_lambda *lambda,
                                       struct sim_lambda_env env)
{
    assert(sim_lambda_alive(lambda, env));
    return &lambda->pool.slots[env.index];
}

bool sim_lambda_alive(const struct sim_lambda *lambda,
                      struct sim_lambda_env env)
{
    return env.index < lambda->pool.used && env.generation % 2 == 1 &&
           lambda->pool.slots[env.index].generation == env.generation;
}

/* From idle to neither idle nor busy. */
static void leave_idle(struct sim_lambda *lambda, uint32_t index)
{
    struct sim_lambda_pool *pool = &lambda->pool;
    struct sim_lambda_slot *slot = &pool->slots[index];
    struct sim_lambda_deployed *function = &lambda->functions[slot->function];
    if (slot->ahead) {
        sim_lambda_list_cut(pool, &function->ready, SIM_LAMBDA_OF_FUNCTION,
                            index);
        return;
    }
    sim_lambda_list_cut(pool, &function->idle, SIM_LAMBDA_OF_FUNCTION, index);
    if (slot->heap_at == SIM_LAMBDA_NONE) {
        sim_lambda_list_cut(pool, &pool->young, SIM_LAMBDA_OF_YOUNG, index);
    } else {
        sim_lambda_heap_cut(pool, index);
    }
}

static void enter_idle(struct sim_lambda *lambda, uint32_t index,
                       uint64_t now_ns)
{
    struct sim_lambda_pool *pool = &lambda->pool;
    struct sim_lambda_slot *slot = &pool->slots[index];
    struct sim_lambda_deployed *function = &lambda->functions[slot->function];
    slot->since_ns = now_ns;
    if (slot->ahead) {
        sim_lambda_ahead_ready(lambda, index);
        return;
    }
    sim_lambda_list_add(pool, &function->idle, SIM_LAMBDA_OF_FUNCTION, index);
    sim_lambda_list_add(pool, &pool->young, SIM_LAMBDA_OF_YOUNG, index);
}

static void enter_busy(struct sim_lambda *lambda, struct sim_lambda_slot *slot,
                       uint64_t now_ns)
{
    struct sim_lambda_deployed *function = &lambda->functions[slot->function];
    struct sim_lambda_counts *counts = &lambda->counts;
    slot->busy = true;
    slot->uses++;
    if (!slot->ahead) {
        function->busy++;
        lambda->unreserved_busy +=
            function->about.reserved == SIM_LAMBDA_UNRESERVED;
    }
    counts->busy++;
    if (counts->busy > counts->busy_peak) {
        counts->busy_peak = counts->busy;
    }
    lambda->worked_ns -= now_ns;
}

static void leave_busy(struct sim_lambda *lambda, struct sim_lambda_slot *slot,
                       uint64_t now_ns)
{
    struct sim_lambda_deployed *function = &lambda->functions[slot->function];
    assert(slot->busy);
    slot->busy = false;
    if (!slot->ahead) {
        function->busy--;
        lambda->unreserved_busy -=
            function->about.reserved == SIM_LAMBDA_UNRESERVED;
    }
    lambda->counts.busy--;
    lambda->worked_ns += now_ns;
}

static void throttle(struct sim_lambda *lambda,
                     struct sim_lambda_placed *placed,
                     enum sim_lambda_reason reason, uint64_t limit,
                     uint64_t in_flight)
{
    lambda->counts.throttled[reason]++;
    *placed = (struct sim_lambda_placed){.answer = SIM_LAMBDA_THROTTLED,
                                         .reason = reason,
                                         .limit = limit,
                                         .actual = in_flight};
}

static bool payload_fits(struct sim_lambda *lambda,
                         const struct sim_lambda_request *request,
                         struct sim_lambda_placed *placed)
{
    uint64_t bytes_max = sim_lambda_payload_max(lambda, request->mode);
    if (request->payload_bytes <= bytes_max) {
        return true;
    }
    lambda->counts.too_large++;
    *placed = (struct sim_lambda_placed){.answer = SIM_LAMBDA_TOO_LARGE,
                                         .limit = bytes_max,
                                         .actual = request->payload_bytes};
    return false;
}

/* Whether the request may have an environment at all; else says why not. */
static bool admit(struct sim_lambda *lambda, uint64_t now_ns,
                  const struct sim_lambda_request *request,
                  struct sim_lambda_placed *placed)
{
    struct sim_lambda_deployed *function =
        &lambda->functions[request->function];
    bool own = function->about.reserved != SIM_LAMBDA_UNRESERVED;
    uint32_t limit = sim_lambda_limit_of(lambda, function);
    uint32_t in_flight = own ? function->busy : lambda->unreserved_busy;
    if (request->mode == SIM_LAMBDA_SYNC &&
        !sim_bucket_take(&function->rate, now_ns)) {
        throttle(lambda, placed, SIM_LAMBDA_BY_RATE,
                 sim_bucket_size(&function->rate), in_flight);
        return false;
    }
    if (in_flight >= limit) {
        throttle(lambda, placed,
                 own ? SIM_LAMBDA_BY_FUNCTION : SIM_LAMBDA_BY_ACCOUNT, limit,
                 in_flight);
        return false;
    }
    return true;
}

static void place_warm(struct sim_lambda *lambda, uint64_t now_ns,
                       uint32_t index, struct sim_lambda_placed *placed)
{
    struct sim_lambda_slot *slot = &lambda->pool.slots[index];
    leave_idle(lambda, index);
    enter_busy(lambda, slot, now_ns);
    slot->since_ns = now_ns;
    slot->until_ns =
        now_ns + lambda->functions[slot->function].about.timeout_ns;
    lambda->counts.warm++;
    lambda->functions[slot->function].calls++;
    *placed =
        (struct sim_lambda_placed){.answer = SIM_LAMBDA_WARM,
                                   .env = sim_lambda_env_of(lambda, index),
                                   .starts_ns = now_ns,
                                   .deadline_ns = slot->until_ns};
}

/*
 * Placement, then INIT, then the handler. An INIT over its limit is cut off
 * and run again on the function's own time.
 */
static void place_cold(struct sim_lambda *lambda, uint64_t now_ns,
                       uint32_t index, struct sim_lambda_placed *placed)
{
    struct sim_lambda_slot *slot = &lambda->pool.slots[index];
    struct sim_lambda_deployed *function = &lambda->functions[slot->function];
    struct sim_lambda_start start = sim_lambda_start_of(
        lambda, function, slot->serial, now_ns, lambda->config.init_limit_ns);
    uint64_t begins_ns = now_ns + start.placement_ns;
    uint64_t ready_ns = begins_ns + start.init_ns;
    slot->since_ns = lambda->config.init_billed ? begins_ns : ready_ns;
    slot->until_ns = ready_ns + function->about.timeout_ns;
    lambda->counts.cold++;
    function->calls++;
    enter_busy(lambda, slot, now_ns);
    *placed =
        (struct sim_lambda_placed){.answer = SIM_LAMBDA_COLD,
                                   .env = sim_lambda_env_of(lambda, index),
                                   .starts_ns = ready_ns + start.again_ns,
                                   .deadline_ns = slot->until_ns,
                                   .init_ns = start.init_ns + start.again_ns};
}

uint32_t sim_lambda_create(struct sim_lambda *lambda, uint64_t now_ns,
                           uint32_t function_index)
{
    struct sim_lambda_counts *counts = &lambda->counts;
    uint32_t index = sim_lambda_pool_take(&lambda->pool);
    if (index == SIM_LAMBDA_NONE) {
        return index;
    }
    struct sim_lambda_slot *slot = &lambda->pool.slots[index];
    slot->function = function_index;
    slot->serial = lambda->functions[function_index].cold++;
    slot->fresh = true;
    counts->envs++;
    if (counts->envs > counts->envs_peak) {
        counts->envs_peak = counts->envs;
    }
    lambda->lived_ns -= now_ns;
    return index;
}

int sim_lambda_invoke(struct sim_lambda *lambda, uint64_t now_ns,
                      const struct sim_lambda_request *request,
                      struct sim_lambda_placed *placed)
{
    assert(request->function < lambda->function_count);
    assert(sim_lambda_next_expiry(lambda) > now_ns);
    struct sim_lambda_deployed *function =
        &lambda->functions[request->function];
    if (!payload_fits(lambda, request, placed)) {
        return 0;
    }
    if (function->about.provisioned > 0) {
        uint32_t ready = sim_lambda_ahead_pick(lambda, now_ns, request);
        if (ready != SIM_LAMBDA_NONE) {
            place_warm(lambda, now_ns, ready, placed);
            return 0;
        }
    }
    if (!admit(lambda, now_ns, request, placed)) {
        return 0;
    }
    uint32_t index = lambda->config.pick == SIM_LAMBDA_PICK_NEWEST
                         ? function->idle.last
                         : function->idle.first;
    if (index != SIM_LAMBDA_NONE) {
        place_warm(lambda, now_ns, index, placed);
        return 0;
    }
    if (!sim_bucket_take(&function->scaling, now_ns)) {
        throttle(lambda, placed, SIM_LAMBDA_BY_SCALING,
                 lambda->config.scaling_burst, function->busy);
        return 0;
    }
    index = sim_lambda_create(lambda, now_ns, request->function);
    if (index == SIM_LAMBDA_NONE) {
        return SIM_LAMBDA_ENOMEM;
    }
    place_cold(lambda, now_ns, index, placed);
    return 0;
}

/* Processor work by the vCPUs that the memory buys and the work can use. */
static uint64_t stretched(const struct sim_lambda_config *config,
                          uint64_t memory_mb,
                          const struct sim_lambda_work *work)
{
    uint64_t cpu_ns =
        sim_lambda_scale(work->nominal_ns, work->cpu_ppb, BILLION);
    uint64_t vcpus =
        work->threads < config->vcpu_max ? work->threads : config->vcpu_max;
    uint64_t usable_mb = vcpus * config->mb_per_vcpu;
    uint64_t mb = memory_mb < usable_mb ? memory_mb : usable_mb;
    return work->nominal_ns - cpu_ns +
           sim_lambda_scale(cpu_ns, config->mb_per_vcpu, mb);
}

uint64_t sim_lambda_run_time(struct sim_lambda *lambda,
                             struct sim_lambda_env env,
                             const struct sim_lambda_work *work)
{
    struct sim_lambda_slot *slot = slot_of(lambda, env);
    const struct sim_lambda_config *config = &lambda->config;
    const struct sim_lambda_function *about =
        &lambda->functions[slot->function].about;
    assert(slot->busy);
    assert(work->nominal_ns <= SIM_LAMBDA_WORK_MAX_NS);
    assert(work->cpu_ppb <= BILLION && work->threads > 0);
    uint64_t time_ns = work->nominal_ns;
    if (work->cpu_ppb > 0) {
        time_ns = stretched(config, about->memory_mb, work);
    }
    if (slot->fresh) {
        slot->fresh = false;
        time_ns += about->first_execution_ns;
    }
    return time_ns;
}

uint64_t sim_lambda_finish(struct sim_lambda *lambda, struct sim_lambda_env env,
                           uint64_t now_ns)
{
    struct sim_lambda_slot *slot = slot_of(lambda, env);
    assert(slot->busy);
    assert(now_ns <= slot->until_ns);
    uint64_t billed_ns = sim_lambda_bill(lambda, slot, now_ns);
    leave_busy(lambda, slot, now_ns);
    enter_idle(lambda, env.index, now_ns);
    return billed_ns;
}

static void bury(struct sim_lambda *lambda, uint32_t index, uint64_t time_ns)
{
    sim_lambda_pool_give(&lambda->pool, index);
    lambda->counts.envs--;
    lambda->lived_ns += time_ns;
}

uint64_t sim_lambda_kill(struct sim_lambda *lambda, struct sim_lambda_env env,
                         uint64_t now_ns)
{
    struct sim_lambda_slot *slot = slot_of(lambda, env);
    uint64_t billed_ns = 0;
    if (slot->busy) {
        billed_ns = sim_lambda_bill(lambda, slot, now_ns);
        leave_busy(lambda, slot, now_ns);
    } else if (slot->ahead && slot->heap_at != SIM_LAMBDA_NONE) {
        sim_lambda_heap_cut(&lambda->pool, env.index);
    } else {
        leave_idle(lambda, env.index);
    }
    lambda->counts.killed++;
    if (slot->ahead) {
        sim_lambda_ahead_lost(lambda, slot->function, now_ns);
    }
    bury(lambda, env.index, now_ns);
    return billed_ns;
}

uint64_t sim_lambda_next_expiry(const struct sim_lambda *lambda)
{
    const struct sim_lambda_pool *pool = &lambda->pool;
    uint64_t next = lambda->ahead_due_ns;
    if (pool->heap_count > 0) {
        uint64_t first = pool->slots[pool->heap[0]].until_ns;
        next = first < next ? first : next;
    }
    if (pool->young.first != SIM_LAMBDA_NONE) {
        uint64_t grown =
            pool->slots[pool->young.first].since_ns + lambda->idle_min_ns;
        next = grown < next ? grown : next;
    }
    return next;
}

/* Draws the expiries of those who have been idle for the shortest time. */
static void grow_up(struct sim_lambda *lambda, uint64_t now_ns)
{
    struct sim_lambda_pool *pool = &lambda->pool;
    while (pool->young.first != SIM_LAMBDA_NONE) {
        uint32_t index = pool->young.first;
        struct sim_lambda_slot *slot = &pool->slots[index];
        if (slot->since_ns + lambda->idle_min_ns > now_ns) {
            return;
        }
        struct sim_lambda_deployed *function =
            &lambda->functions[slot->function];
        slot->until_ns =
            slot->since_ns + sim_dist_draw(&lambda->config.idle_expiry,
                                           &function->expiry,
                                           slot->serial << 32 | slot->uses);
        sim_lambda_list_cut(pool, &pool->young, SIM_LAMBDA_OF_YOUNG, index);
        sim_lambda_heap_add(pool, index);
    }
}

/* The first in the heap: it expires, or it is ready. */
static void first_due(struct sim_lambda *lambda, sim_lambda_gone *gone,
                      void *self)
{
    struct sim_lambda_pool *pool = &lambda->pool;
    uint32_t index = pool->heap[0];
    uint64_t time_ns = pool->slots[index].until_ns;
    struct sim_lambda_env env = sim_lambda_env_of(lambda, index);
    if (pool->slots[index].ahead) {
        sim_lambda_heap_cut(pool, index);
        sim_lambda_ahead_ready(lambda, index);
        return;
    }
    leave_idle(lambda, index);
    lambda->counts.expired++;
    bury(lambda, index, time_ns);
    if (gone != NULL) {
        gone(self, env, time_ns);
    }
}

void sim_lambda_expire(struct sim_lambda *lambda, uint64_t now_ns,
                       sim_lambda_gone *gone, void *self)
{
    struct sim_lambda_pool *pool = &lambda->pool;
    grow_up(lambda, now_ns);
    for (;;) {
        uint64_t due_ns = pool->heap_count > 0
                              ? pool->slots[pool->heap[0]].until_ns
                              : SIM_LAMBDA_NEVER;
        if (lambda->ahead_due_ns <= now_ns && lambda->ahead_due_ns <= due_ns) {
            sim_lambda_ahead_begin(lambda, lambda->ahead_due_ns);
        } else if (due_ns <= now_ns) {
            first_due(lambda, gone, self);
        } else {
            return;
        }
    }
}
