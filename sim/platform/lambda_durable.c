#include "sim/platform/lambda_durable.h"

#include <assert.h>
#include <stddef.h>

#define SECOND UINT64_C(1000000000)
#define GIGABYTE UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define MONTH_HOURS UINT64_C(720)

/* a * b / c without overflow, for a * b / c and b * c within 64 bits. */
static uint64_t scale(uint64_t a, uint64_t b, uint64_t c)
{
    return a / c * b + a % c * b / c;
}

uint64_t sim_lambda_durable_operations(const struct sim_lambda_durable_use *use)
{
    return use->steps + use->step_retries + use->conditions + use->polls +
           3 * use->callbacks + use->callback_retries + use->fans +
           use->branches + use->waits + use->invokes;
}

uint64_t sim_lambda_durable_written(const struct sim_lambda_durable_use *use)
{
    return use->written_bytes + use->callback_bytes;
}

/* Whole hours of a month of 30 days. */
static uint64_t retained_nano(uint64_t price_pico, uint64_t bytes,
                              uint64_t kept_ns)
{
    uint64_t month = scale(bytes, price_pico / 1000, GIGABYTE);
    return scale(month, kept_ns / HOUR, MONTH_HOURS);
}

uint64_t sim_lambda_durable_nano(const struct sim_lambda_durable_config *config,
                                 const struct sim_lambda_durable_use *use,
                                 enum sim_lambda_durable_line line)
{
    assert(line < SIM_LAMBDA_DURABLE_LINES);
    if (line == SIM_LAMBDA_DURABLE_OPERATIONS)
        return scale(sim_lambda_durable_operations(use),
                     config->price_operation_pico, 1000);
    if (line == SIM_LAMBDA_DURABLE_WRITTEN)
        return scale(sim_lambda_durable_written(use),
                     config->price_written_pico / 1000, GIGABYTE);
    return retained_nano(config->price_retained_pico, use->retained_bytes,
                         use->retained_ns);
}

const char *
sim_lambda_durable_over(const struct sim_lambda_durable_config *config,
                        const struct sim_lambda_durable_use *use)
{
    if (sim_lambda_durable_operations(use) > config->operations_max)
        return "operations";
    return sim_lambda_durable_written(use) > config->data_max ? "data" : NULL;
}

static bool of_a_second(struct sim_bucket *bucket, const struct sim_rate *rate)
{
    if (rate->per_ns == 0 || rate->count > UINT64_MAX / SECOND)
        return false;
    uint64_t tokens = rate->count * SECOND / rate->per_ns;
    return sim_bucket_init(bucket, tokens > 0 ? tokens : 1, rate);
}

bool sim_lambda_durable_gate_init(
    struct sim_lambda_durable_gate *gate,
    const struct sim_lambda_durable_config *config)
{
    return of_a_second(&gate->starts, &config->start_rate) &&
           of_a_second(&gate->checkpoints, &config->checkpoint_rate);
}

bool sim_lambda_durable_start(struct sim_lambda_durable_gate *gate,
                              uint64_t now_ns)
{
    return sim_bucket_take(&gate->starts, now_ns);
}

bool sim_lambda_durable_checkpoint(struct sim_lambda_durable_gate *gate,
                                   uint64_t now_ns)
{
    return sim_bucket_take(&gate->checkpoints, now_ns);
}
