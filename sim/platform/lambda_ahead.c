/*
 * Provisioned concurrency: environments that are made ahead of need, at a
 * rate, and do not expire. What they cannot serve goes to those on demand.
 */
#include <assert.h>

#include "sim/platform/lambda_state.h"

#define BILLION UINT64_C(1000000000)
#define COUNT_MAX (UINT64_C(1) << 32)

/* How long after the first the `count`th may be begun. */
static uint64_t ramp_ns(const struct sim_rate *rate, uint64_t count)
{
    return count * rate->per_ns / rate->count;
}

/* The earliest time at which any function may begin one. */
static void find_due(struct sim_lambda *lambda)
{
    uint64_t due_ns = SIM_LAMBDA_NEVER;
    for (uint32_t i = 0; i < lambda->function_count; i++) {
        const struct sim_lambda_deployed *function = &lambda->functions[i];
        if (function->ahead < function->about.provisioned &&
            function->ahead_next_ns < due_ns) {
            due_ns = function->ahead_next_ns;
        }
    }
    lambda->ahead_due_ns = due_ns;
}

/* As after so long that the first of them have been begun before the start. */
static uint64_t nth_begins(const struct sim_lambda_config *config, uint64_t n)
{
    uint64_t after_ns = ramp_ns(&config->ahead_rate, n);
    return after_ns > config->ahead_lead_ns
               ? config->start_ns + after_ns - config->ahead_lead_ns
               : config->start_ns;
}

bool sim_lambda_ahead_init(struct sim_lambda *lambda, uint32_t index)
{
    const struct sim_lambda_config *config = &lambda->config;
    struct sim_lambda_deployed *function = &lambda->functions[index];
    uint64_t count = function->about.provisioned;
    struct sim_rate rate = config->request_rate;
    if (count == 0) {
        return true;
    }
    if (config->ahead_rate.count == 0 || config->ahead_rate.per_ns == 0 ||
        config->ahead_rate.per_ns > SIM_DIST_MAX_NS / count ||
        config->start_ns > SIM_DIST_MAX_NS ||
        config->ahead_lead_ns > SIM_DIST_MAX_NS || rate.per_ns == 0 ||
        rate.count > COUNT_MAX / count) {
        return false;
    }
    rate.count *= count;
    uint64_t tokens = sim_lambda_scale(rate.count, BILLION, rate.per_ns);
    function->ahead_next_ns =
        config->start_ns > 0 ? config->start_ns : SIM_LAMBDA_NEVER;
    if (lambda->ahead_due_ns > function->ahead_next_ns) {
        lambda->ahead_due_ns = function->ahead_next_ns;
    }
    lambda->waits |= config->start_ns == 0;
    return sim_bucket_init(&function->ahead_rate, tokens > 0 ? tokens : 1,
                           &rate);
}

/* What was asked for before the start is ready the sooner. */
static uint64_t head_start(const struct sim_lambda_config *config,
                           uint64_t number, uint64_t now_ns)
{
    uint64_t ramp = ramp_ns(&config->ahead_rate, number);
    bool before = now_ns == config->start_ns && config->ahead_lead_ns > ramp;
    return before ? config->ahead_lead_ns - ramp : 0;
}

/* Without memory it is not there, and not tried again. */
static void begin_one(struct sim_lambda *lambda, uint32_t function_index,
                      uint64_t now_ns)
{
    struct sim_lambda_deployed *function = &lambda->functions[function_index];
    const struct sim_lambda_config *config = &lambda->config;
    uint64_t limit_ns = config->ahead_init_limit_ns;
    uint64_t lead_ns = head_start(config, function->ahead_begun, now_ns);
    if (limit_ns < function->about.timeout_ns) {
        limit_ns = function->about.timeout_ns;
    }
    function->ahead++;
    function->ahead_begun++;
    uint32_t index = sim_lambda_create(lambda, now_ns, function_index);
    if (index == SIM_LAMBDA_NONE) {
        return;
    }
    struct sim_lambda_slot *slot = &lambda->pool.slots[index];
    struct sim_lambda_start start =
        sim_lambda_start_of(lambda, function, slot->serial, now_ns, limit_ns);
    uint64_t takes_ns = start.placement_ns + start.init_ns + start.again_ns;
    slot->ahead = true;
    slot->until_ns = now_ns + (takes_ns > lead_ns ? takes_ns - lead_ns : 0);
    sim_lambda_heap_add(&lambda->pool, index);
    if (lambda->made != NULL) {
        lambda->made(lambda->made_self, sim_lambda_env_of(lambda, index),
                     now_ns, slot->until_ns);
    }
}

/* While the first are begun, the ramp; for what was lost, one after another. */
static uint64_t next_begins(const struct sim_lambda *lambda,
                            const struct sim_lambda_deployed *function,
                            uint64_t now_ns)
{
    const struct sim_lambda_config *config = &lambda->config;
    return function->ahead_begun < function->about.provisioned
               ? nth_begins(config, function->ahead_begun)
               : now_ns + ramp_ns(&config->ahead_rate, 1);
}

void sim_lambda_ahead_begin(struct sim_lambda *lambda, uint64_t now_ns)
{
    for (uint32_t i = 0; i < lambda->function_count; i++) {
        struct sim_lambda_deployed *function = &lambda->functions[i];
        while (function->ahead < function->about.provisioned &&
               function->ahead_next_ns <= now_ns) {
            begin_one(lambda, i, now_ns);
            function->ahead_next_ns = next_begins(lambda, function, now_ns);
        }
    }
    find_due(lambda);
}

void sim_lambda_ahead_ready(struct sim_lambda *lambda, uint32_t index)
{
    struct sim_lambda_slot *slot = &lambda->pool.slots[index];
    struct sim_lambda_deployed *function = &lambda->functions[slot->function];
    sim_lambda_list_add(&lambda->pool, &function->ready, SIM_LAMBDA_OF_FUNCTION,
                        index);
}

void sim_lambda_ahead_lost(struct sim_lambda *lambda, uint32_t index,
                           uint64_t now_ns)
{
    struct sim_lambda_deployed *function = &lambda->functions[index];
    assert(function->ahead > 0);
    function->ahead--;
    if (function->ahead_next_ns <= now_ns) {
        function->ahead_next_ns = now_ns + 1;
    }
    find_due(lambda);
}

uint32_t sim_lambda_ahead_pick(struct sim_lambda *lambda, uint64_t now_ns,
                               const struct sim_lambda_request *request)
{
    struct sim_lambda_deployed *function =
        &lambda->functions[request->function];
    uint32_t index = lambda->config.pick == SIM_LAMBDA_PICK_NEWEST
                         ? function->ready.last
                         : function->ready.first;
    if (index == SIM_LAMBDA_NONE ||
        (request->mode == SIM_LAMBDA_SYNC &&
         !sim_bucket_take(&function->ahead_rate, now_ns))) {
        lambda->counts.spilled++;
        return SIM_LAMBDA_NONE;
    }
    lambda->counts.ahead++;
    return index;
}

void sim_lambda_begin(struct sim_lambda *lambda, uint64_t now_ns)
{
    if (!lambda->waits) {
        return;
    }
    lambda->waits = false;
    lambda->config.start_ns = now_ns;
    for (uint32_t i = 0; i < lambda->function_count; i++) {
        lambda->functions[i].ahead_next_ns = now_ns;
    }
    find_due(lambda);
}

void sim_lambda_on_made(struct sim_lambda *lambda, sim_lambda_made *made,
                        void *self)
{
    lambda->made = made;
    lambda->made_self = self;
}
