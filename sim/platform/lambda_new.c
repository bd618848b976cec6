#include <assert.h>
#include <stdlib.h>

#include "sim/platform/lambda_state.h"

#define MS UINT64_C(1000000)
#define BILLION UINT64_C(1000000000)
#define HOUR (3600 * BILLION)

/* Requests in the time of a rate, so that a second of them can be counted. */
#define RATE_MAX (UINT64_C(1) << 34)

/* Processor work may take this many times its nominal time; see scale(). */
#define SLOWEST 16

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
           about->first_execution_ns <= SIM_LAMBDA_WORK_MAX_NS &&
           about->day_share_ppb <= BILLION && about->day_memory_ppb < BILLION;
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
    uint64_t tokens = sim_lambda_scale(rate.count, BILLION, rate.per_ns);
    return sim_bucket_init(bucket, tokens > 0 ? tokens : 1, &rate);
}

static int function_init(struct sim_lambda *lambda, uint32_t index,
                         const struct sim_lambda_function *about, uint64_t seed)
{
    const struct sim_lambda_config *config = &lambda->config;
    struct sim_lambda_deployed *function = &lambda->functions[index];
    function->about = *about;
    function->idle = (struct sim_lambda_list){SIM_LAMBDA_NONE, SIM_LAMBDA_NONE};
    function->ready = function->idle;
    engine_stream_init(&function->placement, seed, "lambda/placement", index);
    engine_stream_init(&function->init, seed, "lambda/init", index);
    engine_stream_init(&function->expiry, seed, "lambda/expiry", index);
    if (!sim_bucket_init(&function->scaling, config->scaling_burst,
                         &config->scaling_refill) ||
        !rate_init(&function->rate, sim_lambda_limit_of(lambda, function),
                   config->request_rate) ||
        !sim_lambda_ahead_init(lambda, index)) {
        return SIM_LAMBDA_ECONFIG;
    }
    return function_ok(config, about) ? 0 : SIM_LAMBDA_ECONFIG;
}

/*
 * What the functions have to themselves, reserved or made ahead, must leave
 * the least that is to be shared.
 */
static int reserve(struct sim_lambda *lambda,
                   const struct sim_lambda_function *functions, uint32_t count)
{
    uint64_t reserved = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool own = functions[i].reserved != SIM_LAMBDA_UNRESERVED;
        if (own && functions[i].provisioned > functions[i].reserved) {
            return SIM_LAMBDA_ERESERVED;
        }
        reserved += own ? functions[i].reserved : functions[i].provisioned;
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
    made->ahead_due_ns = SIM_LAMBDA_NEVER;
    made->day = UINT64_MAX;
    engine_stream_init(&made->days, seed, "lambda/day", 0);
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
