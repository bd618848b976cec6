#include "sim/platform/lambda.h"

#include <assert.h>
#include <stdlib.h>

#include "sim/platform/bucket.h"
#include "sim/platform/lambda_pool.h"

#define MS UINT64_C(1000000)
#define BILLION UINT64_C(1000000000)
#define HOUR (3600 * BILLION)

/* Requests in the time of a rate, so that a second of them can be counted. */
#define RATE_MAX (UINT64_C(1) << 34)

/* Processor work may take this many times its nominal time; see scale(). */
#define SLOWEST 16

struct function {
    struct sim_lambda_function about;
    struct sim_bucket scaling;
    struct sim_bucket rate;
    struct sim_lambda_list idle;
    uint64_t cold; /* environments so far */
    uint64_t billed_mb_ms;
    uint32_t busy;
    struct engine_stream placement, init, expiry;
};

struct sim_lambda {
    struct sim_lambda_config config;
    struct sim_lambda_pool pool;
    struct sim_lambda_counts counts;
    uint64_t idle_min_ns; /* no environment expires sooner */
    uint64_t lived_ns;    /* ends less births, modulo 2^64 */
    uint64_t worked_ns;   /* the same of being busy */
    uint32_t unreserved;  /* concurrency shared by functions without own */
    uint32_t unreserved_busy;
    uint32_t function_count;
    struct function functions[];
};

static bool config_ok(const struct sim_lambda_config *config)
{
    return config->account_concurrency > 0 && config->mb_per_vcpu > 0 &&
           config->vcpu_max > 0 &&
           config->vcpu_max <= UINT32_MAX / config->mb_per_vcpu &&
           config->init_limit_ns <= SIM_DIST_MAX_NS &&
           config->timeout_max_ns <= SIM_DIST_MAX_NS &&
           config->billing_step_ns > 0 && config->billing_step_ns % MS == 0;
}

static bool function_ok(const struct sim_lambda_config *config,
                        const struct sim_lambda_function *about)
{
    return about->memory_mb >= config->memory_min_mb &&
           about->memory_mb <= config->memory_max_mb && about->memory_mb > 0 &&
           config->mb_per_vcpu / about->memory_mb < SLOWEST &&
           about->timeout_ns > 0 &&
           about->timeout_ns <= config->timeout_max_ns &&
           about->placement_extra_ns <= SIM_DIST_MAX_NS &&
           about->init_extra_ns <= SIM_DIST_MAX_NS &&
           about->first_execution_ns <= SIM_LAMBDA_WORK_MAX_NS;
}

static uint32_t limit_of(const struct sim_lambda *lambda,
                         const struct function *function)
{
    return function->about.reserved == SIM_LAMBDA_UNRESERVED
               ? lambda->unreserved
               : function->about.reserved;
}

/* a * b / c without overflow, for a * b / c and b * c within 64 bits. */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c)
{
    return a / c * b + a % c * b / c;
}

/*
 * A function's requests follow its concurrency: what it has, or may share.
 * The bucket holds a second of them.
 */
static bool rate_init(struct sim_bucket *bucket, uint64_t concurrency,
                      struct sim_rate rate)
{
    uint64_t share = concurrency > 0 ? concurrency : 1;
    if (rate.per_ns == 0 || rate.per_ns > HOUR ||
        rate.count > RATE_MAX / share) {
        return false;
    }
    rate.count *= share;
    uint64_t tokens = scale(rate.count, BILLION, rate.per_ns);
    return sim_bucket_init(bucket, tokens > 0 ? tokens : 1, &rate);
}

static int function_init(struct sim_lambda *lambda, uint32_t index,
                         const struct sim_lambda_function *about, uint64_t seed)
{
    const struct sim_lambda_config *config = &lambda->config;
    struct function *function = &lambda->functions[index];
    function->about = *about;
    function->idle = (struct sim_lambda_list){SIM_LAMBDA_NONE, SIM_LAMBDA_NONE};
    engine_stream_init(&function->placement, seed, "lambda/placement", index);
    engine_stream_init(&function->init, seed, "lambda/init", index);
    engine_stream_init(&function->expiry, seed, "lambda/expiry", index);
    if (!sim_bucket_init(&function->scaling, config->scaling_burst,
                         &config->scaling_refill) ||
        !rate_init(&function->rate, limit_of(lambda, function),
                   config->request_rate)) {
        return SIM_LAMBDA_ECONFIG;
    }
    return function_ok(config, about) ? 0 : SIM_LAMBDA_ECONFIG;
}

/* What the functions reserve must leave the least that is to be shared. */
static int reserve(struct sim_lambda *lambda,
                   const struct sim_lambda_function *functions, uint32_t count)
{
    uint64_t reserved = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (functions[i].reserved != SIM_LAMBDA_UNRESERVED) {
            reserved += functions[i].reserved;
        }
    }
    const struct sim_lambda_config *config = &lambda->config;
    if (reserved > 0 &&
        reserved + config->unreserved_min > config->account_concurrency) {
        return SIM_LAMBDA_ERESERVED;
    }
    lambda->unreserved = config->account_concurrency - (uint32_t)reserved;
    return 0;
}

static int fill(struct sim_lambda *lambda,
                const struct sim_lambda_function *functions, uint64_t seed)
{
    int error = reserve(lambda, functions, lambda->function_count);
    for (uint32_t i = 0; error == 0 && i < lambda->function_count; i++) {
        error = function_init(lambda, i, &functions[i], seed);
    }
    return error;
}

int sim_lambda_new(struct sim_lambda **lambda,
                   const struct sim_lambda_config *config,
                   const struct sim_lambda_function *functions, uint32_t count,
                   uint64_t seed)
{
    *lambda = NULL;
    if (!config_ok(config) || count == 0 || count > SIM_LAMBDA_FUNCTIONS_MAX) {
        return SIM_LAMBDA_ECONFIG;
    }
    struct sim_lambda *made =
        calloc(1, sizeof *made + count * sizeof made->functions[0]);
    if (made == NULL) {
        return SIM_LAMBDA_ENOMEM;
    }
    made->config = *config;
    made->function_count = count;
    made->idle_min_ns = sim_dist_at(&config->idle_expiry, 0);
    sim_lambda_pool_init(&made->pool);
    int error = fill(made, functions, seed);
    if (error != 0) {
        sim_lambda_free(made);
        return error;
    }
    *lambda = made;
    return 0;
}

void sim_lambda_free(struct sim_lambda *lambda)
{
    if (lambda != NULL) {
        sim_lambda_pool_deinit(&lambda->pool);
        free(lambda);
    }
}

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
    struct function *function = &lambda->functions[slot->function];
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
    struct function *function = &lambda->functions[slot->function];
    slot->since_ns = now_ns;
    sim_lambda_list_add(pool, &function->idle, SIM_LAMBDA_OF_FUNCTION, index);
    sim_lambda_list_add(pool, &pool->young, SIM_LAMBDA_OF_YOUNG, index);
}

static void enter_busy(struct sim_lambda *lambda, struct sim_lambda_slot *slot,
                       uint64_t now_ns)
{
    struct function *function = &lambda->functions[slot->function];
    struct sim_lambda_counts *counts = &lambda->counts;
    slot->busy = true;
    slot->uses++;
    function->busy++;
    if (function->about.reserved == SIM_LAMBDA_UNRESERVED) {
        lambda->unreserved_busy++;
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
    struct function *function = &lambda->functions[slot->function];
    assert(slot->busy && function->busy > 0);
    slot->busy = false;
    function->busy--;
    if (function->about.reserved == SIM_LAMBDA_UNRESERVED) {
        lambda->unreserved_busy--;
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

/* Whether the request may have an environment at all; else says why not. */
static bool admit(struct sim_lambda *lambda, uint64_t now_ns,
                  const struct sim_lambda_request *request,
                  struct sim_lambda_placed *placed)
{
    struct function *function = &lambda->functions[request->function];
    bool own = function->about.reserved != SIM_LAMBDA_UNRESERVED;
    uint32_t limit = limit_of(lambda, function);
    uint32_t in_flight = own ? function->busy : lambda->unreserved_busy;
    uint64_t bytes_max = sim_lambda_payload_max(lambda, request->mode);
    if (request->payload_bytes > bytes_max) {
        lambda->counts.too_large++;
        *placed = (struct sim_lambda_placed){.answer = SIM_LAMBDA_TOO_LARGE,
                                             .limit = bytes_max,
                                             .actual = request->payload_bytes};
        return false;
    }
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

static struct sim_lambda_env env_of(const struct sim_lambda *lambda,
                                    uint32_t index)
{
    return (struct sim_lambda_env){index, lambda->pool.slots[index].generation};
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
    *placed = (struct sim_lambda_placed){.answer = SIM_LAMBDA_WARM,
                                         .env = env_of(lambda, index),
                                         .starts_ns = now_ns,
                                         .deadline_ns = slot->until_ns};
}

/* The INIT of environment `serial`; `again` is its second try. */
static uint64_t init_time(const struct function *function, uint64_t serial,
                          unsigned again)
{
    return function->about.init_extra_ns + sim_dist_draw(&function->about.init,
                                                         &function->init,
                                                         2 * serial + again);
}

/*
 * Placement, then INIT, then the handler. An INIT over its limit is cut off
 * and run again on the function's own time.
 */
static void place_cold(struct sim_lambda *lambda, uint64_t now_ns,
                       uint32_t index, struct sim_lambda_placed *placed)
{
    struct sim_lambda_slot *slot = &lambda->pool.slots[index];
    struct function *function = &lambda->functions[slot->function];
    uint64_t limit_ns = lambda->config.init_limit_ns;
    uint64_t init_ns = init_time(function, slot->serial, 0);
    uint64_t again_ns = 0;
    if (init_ns > limit_ns) {
        init_ns = limit_ns;
        again_ns = init_time(function, slot->serial, 1);
        lambda->counts.init_overruns++;
    }
    uint64_t begins_ns = now_ns + function->about.placement_extra_ns +
                         sim_dist_draw(&function->about.placement,
                                       &function->placement, slot->serial);
    uint64_t ready_ns = begins_ns + init_ns;
    slot->since_ns = lambda->config.init_billed ? begins_ns : ready_ns;
    slot->until_ns = ready_ns + function->about.timeout_ns;
    *placed = (struct sim_lambda_placed){.answer = SIM_LAMBDA_COLD,
                                         .env = env_of(lambda, index),
                                         .starts_ns = ready_ns + again_ns,
                                         .deadline_ns = slot->until_ns,
                                         .init_ns = init_ns + again_ns};
}

/* SIM_LAMBDA_NONE without memory. */
static uint32_t create(struct sim_lambda *lambda, uint64_t now_ns,
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
    enter_busy(lambda, slot, now_ns);
    counts->cold++;
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
    struct function *function = &lambda->functions[request->function];
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
    index = create(lambda, now_ns, request->function);
    if (index == SIM_LAMBDA_NONE) {
        return SIM_LAMBDA_ENOMEM;
    }
    place_cold(lambda, now_ns, index, placed);
    return 0;
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
    uint64_t cpu_ns = scale(work->nominal_ns, work->cpu_ppb, BILLION);
    uint64_t vcpus =
        work->threads < config->vcpu_max ? work->threads : config->vcpu_max;
    uint64_t usable_mb = vcpus * config->mb_per_vcpu;
    uint64_t mb = about->memory_mb < usable_mb ? about->memory_mb : usable_mb;
    uint64_t time_ns =
        work->nominal_ns - cpu_ns + scale(cpu_ns, config->mb_per_vcpu, mb);
    if (slot->fresh) {
        slot->fresh = false;
        time_ns += about->first_execution_ns;
    }
    return time_ns;
}

/* Nothing is billed of an environment that died before it was placed. */
static uint64_t bill(struct sim_lambda *lambda,
                     const struct sim_lambda_slot *slot, uint64_t now_ns)
{
    struct function *function = &lambda->functions[slot->function];
    uint64_t step_ns = lambda->config.billing_step_ns;
    if (now_ns <= slot->since_ns) {
        return 0;
    }
    uint64_t steps = (now_ns - slot->since_ns + step_ns - 1) / step_ns;
    uint64_t mb_ms = steps * (step_ns / MS) * function->about.memory_mb;
    function->billed_mb_ms += mb_ms;
    lambda->counts.billed_mb_ms += mb_ms;
    return steps * step_ns;
}

uint64_t sim_lambda_finish(struct sim_lambda *lambda, struct sim_lambda_env env,
                           uint64_t now_ns)
{
    struct sim_lambda_slot *slot = slot_of(lambda, env);
    assert(slot->busy);
    assert(now_ns <= slot->until_ns);
    uint64_t billed_ns = bill(lambda, slot, now_ns);
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
        billed_ns = bill(lambda, slot, now_ns);
        leave_busy(lambda, slot, now_ns);
    } else {
        leave_idle(lambda, env.index);
    }
    lambda->counts.killed++;
    bury(lambda, env.index, now_ns);
    return billed_ns;
}

uint64_t sim_lambda_next_expiry(const struct sim_lambda *lambda)
{
    const struct sim_lambda_pool *pool = &lambda->pool;
    uint64_t next = SIM_LAMBDA_NEVER;
    if (pool->heap_count > 0) {
        next = pool->slots[pool->heap[0]].until_ns;
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
        struct function *function = &lambda->functions[slot->function];
        slot->until_ns =
            slot->since_ns + sim_dist_draw(&lambda->config.idle_expiry,
                                           &function->expiry,
                                           slot->serial << 32 | slot->uses);
        sim_lambda_list_cut(pool, &pool->young, SIM_LAMBDA_OF_YOUNG, index);
        sim_lambda_heap_add(pool, index);
    }
}

void sim_lambda_expire(struct sim_lambda *lambda, uint64_t now_ns,
                       sim_lambda_gone *gone, void *self)
{
    struct sim_lambda_pool *pool = &lambda->pool;
    grow_up(lambda, now_ns);
    while (pool->heap_count > 0 &&
           pool->slots[pool->heap[0]].until_ns <= now_ns) {
        uint32_t index = pool->heap[0];
        uint64_t time_ns = pool->slots[index].until_ns;
        struct sim_lambda_env env = env_of(lambda, index);
        leave_idle(lambda, index);
        lambda->counts.expired++;
        bury(lambda, index, time_ns);
        if (gone != NULL) {
            gone(self, env, time_ns);
        }
    }
}

const struct sim_lambda_counts *
sim_lambda_counts(const struct sim_lambda *lambda)
{
    return &lambda->counts;
}

uint64_t sim_lambda_lived_ns(const struct sim_lambda *lambda, uint64_t now_ns)
{
    return lambda->lived_ns + lambda->counts.envs * now_ns;
}

uint64_t sim_lambda_busy_ns(const struct sim_lambda *lambda, uint64_t now_ns)
{
    return lambda->worked_ns + lambda->counts.busy * now_ns;
}

uint64_t sim_lambda_cost_nano(const struct sim_lambda *lambda)
{
    const struct sim_lambda_counts *counts = &lambda->counts;
    uint64_t pico =
        (counts->cold + counts->warm) * lambda->config.price_request_pico;
    for (uint32_t i = 0; i < lambda->function_count; i++) {
        const struct function *function = &lambda->functions[i];
        /* A GB-second is 1,024 MB for 1,000 ms. */
        pico += scale(function->billed_mb_ms, function->about.price_gb_s_pico,
                      UINT64_C(1024000));
    }
    return pico / 1000;
}

uint64_t sim_lambda_payload_max(const struct sim_lambda *lambda,
                                enum sim_lambda_mode mode)
{
    return mode == SIM_LAMBDA_SYNC ? lambda->config.sync_payload_max
                                   : lambda->config.async_payload_max;
}

const char *sim_lambda_reason_name(enum sim_lambda_reason reason)
{
    static const char *const names[SIM_LAMBDA_REASONS] = {
        [SIM_LAMBDA_BY_ACCOUNT] = "account",
        [SIM_LAMBDA_BY_FUNCTION] = "function",
        [SIM_LAMBDA_BY_SCALING] = "scaling",
        [SIM_LAMBDA_BY_RATE] = "rate",
    };
    assert(reason < SIM_LAMBDA_REASONS);
    return names[reason];
}
