/* Provisioned concurrency, as documented: a sentence a test. */
#include "sim/platform/lambda.h"

#include <criterion/criterion.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define START (5 * SECOND)

struct world {
    struct sim_lambda *lambda;
    struct sim_lambda_config config;
    struct sim_lambda_function functions[2];
    uint32_t function_count;
    uint32_t made;
    uint64_t last_made_ns, last_ready_ns;
    struct sim_lambda_env last;
};

static void describe(struct world *world)
{
    *world = (struct world){.function_count = 1};
    world->config = (struct sim_lambda_config){
        .account_concurrency = 1000,
        .unreserved_min = 100,
        .scaling_burst = 1000,
        .scaling_refill = {100, SECOND},
        .request_rate = {10, SECOND},
        .init_limit_ns = 10 * SECOND,
        .mb_per_vcpu = 1769,
        .vcpu_max = 6,
        .memory_min_mb = 128,
        .memory_max_mb = 10240,
        .timeout_max_ns = 900 * SECOND,
        .sync_payload_max = 6291456,
        .async_payload_max = 1048576,
        .billing_step_ns = MS,
        .init_billed = true,
        .price_request_pico = 200000,
        .start_ns = START,
        .ahead_rate = {6000, MINUTE},
        .ahead_init_limit_ns = 130 * SECOND,
        .ahead_billing_step_ns = 5 * MINUTE,
    };
    sim_dist_uniform(&world->config.idle_expiry, 5 * MINUTE, 7 * MINUTE);
    struct sim_lambda_function *function = &world->functions[0];
    sim_dist_constant(&function->placement, 100 * MS);
    sim_dist_constant(&function->init, 144 * MS);
    function->timeout_ns = 60 * SECOND;
    function->memory_mb = 1024;
    function->reserved = SIM_LAMBDA_UNRESERVED;
    function->provisioned = 10;
    function->price_gb_s_pico = 16666700;
    function->price_ahead_gb_s_pico = 4166700;
    function->price_ahead_run_gb_s_pico = 9722200;
    world->functions[1] = *function;
    world->functions[1].provisioned = 0;
}

static void note(void *self, struct sim_lambda_env env, uint64_t time_ns,
                 uint64_t ready_ns)
{
    struct world *world = self;
    world->made++;
    world->last = env;
    world->last_made_ns = time_ns;
    world->last_ready_ns = ready_ns;
}

static int try(struct world *world)
{
    return sim_lambda_new(&world->lambda, &world->config, world->functions,
                          world->function_count, 7);
}

static void make(struct world *world)
{
    cr_assert_eq(try(world), 0);
    sim_lambda_on_made(world->lambda, note, world);
}

static struct sim_lambda_placed ask(struct world *world, uint64_t now_ns,
                                    enum sim_lambda_mode mode)
{
    struct sim_lambda_request request = {.mode = mode, .payload_bytes = 1};
    struct sim_lambda_placed placed;
    sim_lambda_expire(world->lambda, now_ns, NULL, NULL);
    cr_assert_eq(sim_lambda_invoke(world->lambda, now_ns, &request, &placed),
                 0);
    return placed;
}

Test(sim_lambda_ahead, a_provisioned_environment_has_no_cold_start)
{
    struct world world;
    describe(&world);
    make(&world);
    uint64_t now_ns = START + SECOND;
    struct sim_lambda_placed placed = ask(&world, now_ns, SIM_LAMBDA_SYNC);
    cr_assert_eq(world.made, 10);
    cr_assert_eq(placed.answer, SIM_LAMBDA_WARM);
    cr_assert_eq(placed.starts_ns, now_ns);
    cr_assert_eq(sim_lambda_counts(world.lambda)->ahead, 1);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, six_thousand_a_minute_are_made_ready)
{
    struct world world;
    describe(&world);
    world.functions[0].provisioned = 900;
    make(&world);
    sim_lambda_expire(world.lambda, START, NULL, NULL);
    cr_assert_eq(world.made, 1);
    sim_lambda_expire(world.lambda, START + SECOND - 1, NULL, NULL);
    cr_assert_eq(world.made, 100);
    sim_lambda_expire(world.lambda, START + 2 * SECOND - 1, NULL, NULL);
    cr_assert_eq(world.made, 200);
    sim_lambda_expire(world.lambda, START + MINUTE, NULL, NULL);
    cr_assert_eq(world.made, 900);
    cr_assert_eq(world.last_made_ns, START + 8990 * MS);
    cr_assert_eq(sim_lambda_next_expiry(world.lambda), SIM_LAMBDA_NEVER);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, a_request_before_the_ramp_is_over_starts_on_demand)
{
    struct world world;
    describe(&world);
    make(&world);
    cr_assert_eq(ask(&world, START + 100 * MS, SIM_LAMBDA_SYNC).answer,
                 SIM_LAMBDA_COLD);
    cr_assert_eq(sim_lambda_counts(world.lambda)->spilled, 1);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, asked_for_long_before_the_start_all_are_ready_at_it)
{
    struct world world;
    describe(&world);
    world.config.ahead_lead_ns = 10 * MINUTE;
    make(&world);
    for (uint32_t i = 0; i < 10; i++)
        cr_assert_eq(ask(&world, START, SIM_LAMBDA_SYNC).answer,
                     SIM_LAMBDA_WARM);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, what_exceeds_them_spills_over_to_on_demand)
{
    struct world world;
    describe(&world);
    make(&world);
    for (uint32_t i = 0; i < 10; i++)
        cr_assert_eq(ask(&world, START + MINUTE, SIM_LAMBDA_SYNC).answer,
                     SIM_LAMBDA_WARM);
    cr_assert_eq(ask(&world, START + MINUTE, SIM_LAMBDA_SYNC).answer,
                 SIM_LAMBDA_COLD);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, ten_requests_a_second_go_to_each_the_rest_spills_over)
{
    struct world world;
    describe(&world);
    world.functions[0].provisioned = 1;
    make(&world);
    uint64_t now_ns = START + MINUTE;
    for (uint32_t i = 0; i < 10; i++) {
        struct sim_lambda_placed placed = ask(&world, now_ns, SIM_LAMBDA_SYNC);
        cr_assert_eq(placed.answer, SIM_LAMBDA_WARM);
        sim_lambda_finish(world.lambda, placed.env, now_ns);
    }
    cr_assert_eq(ask(&world, now_ns, SIM_LAMBDA_SYNC).answer, SIM_LAMBDA_COLD);
    cr_assert_eq(ask(&world, now_ns, SIM_LAMBDA_ASYNC).answer, SIM_LAMBDA_WARM);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, they_do_not_expire)
{
    struct world world;
    describe(&world);
    make(&world);
    sim_lambda_expire(world.lambda, START + MINUTE, NULL, NULL);
    cr_assert_eq(sim_lambda_next_expiry(world.lambda), SIM_LAMBDA_NEVER);
    cr_assert_eq(sim_lambda_counts(world.lambda)->envs, 10);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, one_that_died_is_made_again)
{
    struct world world;
    describe(&world);
    make(&world);
    uint64_t now_ns = START + MINUTE;
    struct sim_lambda_placed placed = ask(&world, now_ns, SIM_LAMBDA_SYNC);
    sim_lambda_kill(world.lambda, placed.env, now_ns);
    cr_assert_eq(sim_lambda_counts(world.lambda)->envs, 9);
    sim_lambda_expire(world.lambda, now_ns + SECOND, NULL, NULL);
    cr_assert_eq(sim_lambda_counts(world.lambda)->envs, 10);
    cr_assert_eq(world.made, 11);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, one_that_dies_while_it_is_made_is_made_again)
{
    struct world world;
    describe(&world);
    world.functions[0].provisioned = 1;
    make(&world);
    sim_lambda_expire(world.lambda, START, NULL, NULL);
    sim_lambda_kill(world.lambda, world.last, START + MS);
    cr_assert_eq(sim_lambda_counts(world.lambda)->envs, 0);
    sim_lambda_expire(world.lambda, START + SECOND, NULL, NULL);
    cr_assert_eq(sim_lambda_counts(world.lambda)->envs, 1);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, their_init_may_take_130_seconds)
{
    struct world world;
    describe(&world);
    sim_dist_constant(&world.functions[0].init, 129 * SECOND);
    make(&world);
    sim_lambda_expire(world.lambda, START, NULL, NULL);
    cr_assert_eq(world.last_ready_ns, START + 100 * MS + 129 * SECOND);
    cr_assert_eq(sim_lambda_counts(world.lambda)->init_overruns, 0);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, init_above_130_seconds_is_cut_off_and_run_again)
{
    struct world world;
    describe(&world);
    sim_dist_constant(&world.functions[0].init, 131 * SECOND);
    make(&world);
    sim_lambda_expire(world.lambda, START, NULL, NULL);
    cr_assert_eq(world.last_ready_ns, START + 100 * MS + 261 * SECOND);
    cr_assert_eq(sim_lambda_counts(world.lambda)->init_overruns, 1);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, they_are_taken_from_what_others_share)
{
    struct world world;
    describe(&world);
    world.config.account_concurrency = 110;
    world.function_count = 2;
    make(&world);
    struct sim_lambda_request request = {.function = 1};
    struct sim_lambda_placed placed;
    sim_lambda_expire(world.lambda, START + MINUTE, NULL, NULL);
    for (uint32_t i = 0; i < 101; i++)
        sim_lambda_invoke(world.lambda, START + MINUTE, &request, &placed);
    cr_assert_eq(placed.answer, SIM_LAMBDA_THROTTLED);
    cr_assert_eq(placed.reason, SIM_LAMBDA_BY_ACCOUNT);
    cr_assert_eq(placed.limit, 100);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, all_of_them_reserved_nothing_spills_over)
{
    struct world world;
    describe(&world);
    world.functions[0].reserved = 10;
    make(&world);
    for (uint32_t i = 0; i < 10; i++)
        ask(&world, START + MINUTE, SIM_LAMBDA_SYNC);
    struct sim_lambda_placed placed =
        ask(&world, START + MINUTE, SIM_LAMBDA_SYNC);
    cr_assert_eq(placed.answer, SIM_LAMBDA_THROTTLED);
    cr_assert_eq(placed.reason, SIM_LAMBDA_BY_FUNCTION);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, more_than_is_reserved_is_refused)
{
    struct world world;
    describe(&world);
    world.functions[0].reserved = 9;
    cr_assert_eq(try(&world), SIM_LAMBDA_ERESERVED);
    world.functions[0].reserved = SIM_LAMBDA_UNRESERVED;
    world.functions[0].provisioned = 901;
    cr_assert_eq(try(&world), SIM_LAMBDA_ERESERVED);
    world.functions[0].provisioned = 900;
    world.config.ahead_rate.count = 0;
    cr_assert_eq(try(&world), SIM_LAMBDA_ECONFIG);
}

Test(sim_lambda_ahead, they_cost_while_idle_in_steps_of_five_minutes)
{
    struct world world;
    describe(&world);
    make(&world);
    /* 10 of 1 GB for 300 s at $0.0000041667. */
    cr_assert_eq(sim_lambda_line_nano(world.lambda, START + 300 * SECOND,
                                      SIM_LAMBDA_LINE_AHEAD_KEPT),
                 12500100);
    cr_assert_eq(sim_lambda_line_nano(world.lambda, START + 301 * SECOND,
                                      SIM_LAMBDA_LINE_AHEAD_KEPT),
                 25000200);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda_ahead, work_in_them_is_cheaper)
{
    struct world world;
    describe(&world);
    make(&world);
    uint64_t now_ns = START + MINUTE;
    struct sim_lambda_placed placed = ask(&world, now_ns, SIM_LAMBDA_SYNC);
    sim_lambda_finish(world.lambda, placed.env, now_ns + 10 * SECOND);
    cr_assert_eq(sim_lambda_line_nano(world.lambda, now_ns + MINUTE,
                                      SIM_LAMBDA_LINE_AHEAD_DURATION),
                 97222);
    cr_assert_eq(sim_lambda_line_nano(world.lambda, now_ns + MINUTE,
                                      SIM_LAMBDA_LINE_DURATION),
                 0);
    sim_lambda_free(world.lambda);
}
