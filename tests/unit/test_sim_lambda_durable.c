/* Durable functions as they are metered and billed: a sentence a test. */
#include "sim/platform/lambda_durable.h"

#include <criterion/criterion.h>

#include "sim/platform/lambda_state.h"

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)
#define CENT UINT64_C(10000000) /* in nano-dollars */
#define MILLION UINT64_C(1000000)
#define DOLLAR (MILLION * MILLION) /* in pico-dollars */

static const struct sim_lambda_durable_config config = {
    .operations_max = 3000,
    .data_max = 100 * MILLION,
    .start_rate = {300, SECOND},
    .checkpoint_rate = {10000, SECOND},
    .price_operation_pico = 8 * DOLLAR / MILLION,
    .price_written_pico = DOLLAR / 4,
    .price_retained_pico = 15 * DOLLAR / 100,
};

static uint64_t cents(uint64_t nano)
{
    return (nano + CENT / 2) / CENT;
}

static uint64_t line(const struct sim_lambda_durable_use *use,
                     enum sim_lambda_durable_line which)
{
    return cents(sim_lambda_durable_nano(&config, use, which));
}

/*
 * The worked example of the pricing page: a million claims of four operations
 * and 104 KB, a wait of 7 days and 14 days of retention; 32 GB-seconds each
 * on arm64, of which 400,000 are free, and two requests, of which a million
 * are free. The page's parts are 421.34, 32.00, 26.00 and 10.92; its sum has
 * the 0.20 of the requests too.
 */
Test(sim_lambda_durable, a_million_claims_cost_490_dollars_and_46_cents)
{
    struct sim_lambda_durable_use use = {
        .steps = 3 * MILLION,
        .waits = MILLION,
        .written_bytes = 104000 * MILLION,
        .retained_bytes = 104000 * MILLION,
        .retained_ns = 21 * DAY,
    };
    uint64_t requests = cents(MILLION * 200000 / 1000);
    uint64_t compute = cents(sim_lambda_scale((32 * MILLION - 400000) * 1024000,
                                              13333400, UINT64_C(1024000)) /
                             1000);
    cr_assert_eq(compute, 42134);
    cr_assert_eq(requests, 20);
    cr_assert_eq(line(&use, SIM_LAMBDA_DURABLE_OPERATIONS), 3200);
    cr_assert_eq(line(&use, SIM_LAMBDA_DURABLE_WRITTEN), 2600);
    cr_assert_eq(line(&use, SIM_LAMBDA_DURABLE_RETAINED), 1092);
    uint64_t all = compute + requests;
    for (int i = 0; i < SIM_LAMBDA_DURABLE_LINES; i++)
        all += line(&use, (enum sim_lambda_durable_line)i);
    cr_assert_eq(all, 49046);
}

Test(sim_lambda_durable, a_step_counts_once_and_once_for_each_retry)
{
    struct sim_lambda_durable_use use = {.steps = 5, .step_retries = 2};
    cr_assert_eq(sim_lambda_durable_operations(&use), 7);
}

Test(sim_lambda_durable, a_condition_counts_once_and_once_for_each_poll)
{
    struct sim_lambda_durable_use use = {.conditions = 1, .polls = 9};
    cr_assert_eq(sim_lambda_durable_operations(&use), 10);
}

Test(sim_lambda_durable, a_callback_counts_three_times_and_its_data_twice)
{
    struct sim_lambda_durable_use use = {.callbacks = 2,
                                         .callback_retries = 1,
                                         .written_bytes = 1000,
                                         .callback_bytes = 400};
    cr_assert_eq(sim_lambda_durable_operations(&use), 7);
    cr_assert_eq(sim_lambda_durable_written(&use), 1400);
}

Test(sim_lambda_durable, a_map_counts_once_and_once_for_each_branch)
{
    struct sim_lambda_durable_use use = {.fans = 1, .branches = 50};
    cr_assert_eq(sim_lambda_durable_operations(&use), 51);
}

Test(sim_lambda_durable, three_thousand_operations_are_the_most)
{
    struct sim_lambda_durable_use use = {.steps = 3000};
    cr_assert_null(sim_lambda_durable_over(&config, &use));
    use.waits = 1;
    cr_assert_str_eq(sim_lambda_durable_over(&config, &use), "operations");
}

Test(sim_lambda_durable, a_hundred_megabytes_are_the_most)
{
    struct sim_lambda_durable_use use = {.written_bytes = 100 * MILLION};
    cr_assert_null(sim_lambda_durable_over(&config, &use));
    use.written_bytes++;
    cr_assert_str_eq(sim_lambda_durable_over(&config, &use), "data");
}

Test(sim_lambda_durable, three_hundred_executions_start_in_a_second)
{
    struct sim_lambda_durable_gate gate;
    uint32_t started = 0;
    cr_assert(sim_lambda_durable_gate_init(&gate, &config));
    for (uint32_t i = 0; i < 1000; i++)
        started += sim_lambda_durable_start(&gate, 5 * SECOND);
    cr_assert_eq(started, 300);
    cr_assert(sim_lambda_durable_start(&gate, 5 * SECOND + SECOND / 300 + 1));
}

Test(sim_lambda_durable, ten_thousand_checkpoints_are_taken_in_a_second)
{
    struct sim_lambda_durable_gate gate;
    uint32_t taken = 0;
    cr_assert(sim_lambda_durable_gate_init(&gate, &config));
    for (uint32_t i = 0; i < 20000; i++)
        taken += sim_lambda_durable_checkpoint(&gate, 5 * SECOND);
    cr_assert_eq(taken, 10000);
}
