/*
 * The documented behaviour of Lambda, a sentence a test. Sources: the quotas
 * and rules in scenarios/profiles/lambda-2026.json.
 */
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
};

static struct world described(void)
{
    struct world world = {.function_count = 1};
    world.config = (struct sim_lambda_config){
        .account_concurrency = 1000,
        .unreserved_min = 100,
        .scaling_burst = 1000,
        .scaling_refill = {100, SECOND},
        .request_rate = {1, SECOND / 10},
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
    };
    sim_dist_uniform(&world.config.idle_expiry, 5 * MINUTE, 7 * MINUTE);
    struct sim_lambda_function *function = &world.functions[0];
    sim_dist_constant(&function->placement, 100 * MS);
    sim_dist_constant(&function->init, 144 * MS);
    function->timeout_ns = 900 * SECOND;
    function->memory_mb = 1769;
    function->reserved = SIM_LAMBDA_UNRESERVED;
    function->price_gb_s_pico = 16666700;
    world.functions[1] = *function;
    return world;
}

static void make(struct world *world)
{
    cr_assert_eq(sim_lambda_new(&world->lambda, &world->config,
                                world->functions, world->function_count, 7),
                 0);
}

static void set_up(struct world *world)
{
    *world = described();
    make(world);
}

static struct sim_lambda_placed ask(struct world *world, uint64_t now_ns,
                                    uint32_t function,
                                    enum sim_lambda_mode mode, uint64_t bytes)
{
    struct sim_lambda_request request = {function, mode, bytes};
    struct sim_lambda_placed placed;
    sim_lambda_expire(world->lambda, now_ns, NULL, NULL);
    cr_assert_eq(sim_lambda_invoke(world->lambda, now_ns, &request, &placed),
                 0);
    return placed;
}

static struct sim_lambda_placed invoke(struct world *world, uint64_t now_ns)
{
    return ask(world, now_ns, 0, SIM_LAMBDA_SYNC, 0);
}

/* An environment that is idle from `now_ns` on, born a second before. */
static struct sim_lambda_env warmed(struct world *world, uint64_t now_ns)
{
    struct sim_lambda_placed placed = invoke(world, now_ns - SECOND);
    cr_assert_eq(placed.answer, SIM_LAMBDA_COLD);
    sim_lambda_finish(world->lambda, placed.env, now_ns);
    return placed.env;
}

static uint64_t throttled(const struct world *world,
                          enum sim_lambda_reason reason)
{
    return sim_lambda_counts(world->lambda)->throttled[reason];
}

static void expect_throttle(struct sim_lambda_placed placed,
                            enum sim_lambda_reason reason, uint64_t limit,
                            uint64_t actual)
{
    cr_assert_eq(placed.answer, SIM_LAMBDA_THROTTLED);
    cr_assert_eq(placed.reason, reason);
    cr_assert_eq(placed.limit, limit);
    cr_assert_eq(placed.actual, actual);
}

Test(sim_lambda, the_1001st_concurrent_request_is_throttled_by_the_account)
{
    struct world world;
    set_up(&world);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(invoke(&world, START).answer, SIM_LAMBDA_COLD);
    }
    expect_throttle(invoke(&world, START), SIM_LAMBDA_BY_ACCOUNT, 1000, 1000);
    cr_assert_eq(sim_lambda_counts(world.lambda)->busy_peak, 1000);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_finished_request_makes_room_for_the_next)
{
    struct world world;
    set_up(&world);
    struct sim_lambda_env first = invoke(&world, START).env;
    for (int i = 1; i < 1000; i++) {
        invoke(&world, START);
    }
    sim_lambda_finish(world.lambda, first, START + SECOND);
    cr_assert_eq(invoke(&world, START + SECOND).answer, SIM_LAMBDA_WARM);
    cr_assert_eq(invoke(&world, START + SECOND).answer, SIM_LAMBDA_THROTTLED);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, new_environments_come_1000_at_once_then_100_a_second)
{
    struct world world = described();
    world.config.account_concurrency = 5000;
    make(&world);
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(invoke(&world, START).answer, SIM_LAMBDA_COLD);
    }
    expect_throttle(invoke(&world, START), SIM_LAMBDA_BY_SCALING, 1000, 1000);
    /* The first token is whole after 10 ms and not before. */
    cr_assert_eq(invoke(&world, START + 10 * MS - 1).answer,
                 SIM_LAMBDA_THROTTLED);
    cr_assert_eq(invoke(&world, START + 10 * MS).answer, SIM_LAMBDA_COLD);
    uint64_t now_ns = START + 10 * MS;
    uint32_t alive = 1001;
    for (; alive < 5000; alive++) {
        now_ns += 10 * MS;
        cr_assert_eq(invoke(&world, now_ns).answer, SIM_LAMBDA_COLD);
    }
    /* (5,000 - 1,000) / 100 a second. */
    cr_assert_eq(now_ns - START, 40 * SECOND);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, unused_scaling_does_not_add_up_above_1000)
{
    struct world world = described();
    world.config.account_concurrency = 5000;
    make(&world);
    uint64_t now_ns = START + 1000 * MINUTE;
    for (int i = 0; i < 1000; i++) {
        cr_assert_eq(invoke(&world, now_ns).answer, SIM_LAMBDA_COLD);
    }
    cr_assert_eq(invoke(&world, now_ns).answer, SIM_LAMBDA_THROTTLED);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, each_function_scales_on_its_own)
{
    struct world world = described();
    world.config.account_concurrency = 5000;
    world.function_count = 2;
    make(&world);
    for (int i = 0; i < 1001; i++) {
        invoke(&world, START);
    }
    cr_assert_eq(throttled(&world, SIM_LAMBDA_BY_SCALING), 1);
    cr_assert_eq(ask(&world, START, 1, SIM_LAMBDA_SYNC, 0).answer,
                 SIM_LAMBDA_COLD);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_reservation_is_a_cap_and_a_guarantee)
{
    struct world world = described();
    world.config.account_concurrency = 110;
    world.functions[0].reserved = 10;
    world.function_count = 2;
    make(&world);
    for (int i = 0; i < 100; i++) {
        ask(&world, START, 1, SIM_LAMBDA_SYNC, 0);
    }
    expect_throttle(ask(&world, START, 1, SIM_LAMBDA_SYNC, 0),
                    SIM_LAMBDA_BY_ACCOUNT, 100, 100);
    for (int i = 0; i < 10; i++) {
        cr_assert_eq(invoke(&world, START).answer, SIM_LAMBDA_COLD);
    }
    expect_throttle(invoke(&world, START), SIM_LAMBDA_BY_FUNCTION, 10, 10);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, reservations_must_leave_100_to_the_others)
{
    struct world world = described();
    world.functions[0].reserved = 901;
    cr_assert_eq(
        sim_lambda_new(&world.lambda, &world.config, world.functions, 1, 7),
        SIM_LAMBDA_ERESERVED);
    cr_assert_null(world.lambda);
    world.functions[0].reserved = 900;
    make(&world);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_function_reserved_to_0_serves_nothing)
{
    struct world world = described();
    world.functions[0].reserved = 0;
    make(&world);
    expect_throttle(invoke(&world, START), SIM_LAMBDA_BY_FUNCTION, 0, 0);
    sim_lambda_free(world.lambda);
}

/* Requests of 0 ns at one time: only their rate can limit them. */
static struct sim_lambda_placed touch(struct world *world, uint64_t now_ns,
                                      enum sim_lambda_mode mode)
{
    struct sim_lambda_placed placed = ask(world, now_ns, 0, mode, 0);
    if (placed.answer == SIM_LAMBDA_WARM) {
        sim_lambda_finish(world->lambda, placed.env, now_ns);
    }
    return placed;
}

Test(sim_lambda, requests_are_limited_to_ten_times_concurrency_a_second)
{
    struct world world;
    set_up(&world);
    warmed(&world, START);
    uint64_t now_ns = START + MINUTE;
    for (int i = 0; i < 10000; i++) {
        cr_assert_eq(touch(&world, now_ns, SIM_LAMBDA_SYNC).answer,
                     SIM_LAMBDA_WARM);
    }
    expect_throttle(touch(&world, now_ns, SIM_LAMBDA_SYNC), SIM_LAMBDA_BY_RATE,
                    10000, 0);
    cr_assert_eq(touch(&world, now_ns + MS / 10, SIM_LAMBDA_SYNC).answer,
                 SIM_LAMBDA_WARM);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, asynchronous_deliveries_have_no_request_rate)
{
    struct world world;
    set_up(&world);
    warmed(&world, START);
    for (int i = 0; i < 20000; i++) {
        cr_assert_eq(touch(&world, START, SIM_LAMBDA_ASYNC).answer,
                     SIM_LAMBDA_WARM);
    }
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_payload_is_accepted_at_the_limit_and_refused_above)
{
    struct world world;
    set_up(&world);
    static const struct {
        enum sim_lambda_mode mode;
        uint64_t limit;
    } cases[] = {{SIM_LAMBDA_SYNC, 6291456}, {SIM_LAMBDA_ASYNC, 1048576}};
    for (int i = 0; i < 2; i++) {
        uint64_t limit = cases[i].limit;
        cr_assert_eq(sim_lambda_payload_max(world.lambda, cases[i].mode),
                     limit);
        cr_assert_eq(ask(&world, START, 0, cases[i].mode, limit).answer,
                     SIM_LAMBDA_COLD);
        struct sim_lambda_placed placed =
            ask(&world, START, 0, cases[i].mode, limit + 1);
        cr_assert_eq(placed.answer, SIM_LAMBDA_TOO_LARGE);
        cr_assert_eq(placed.limit, limit);
        cr_assert_eq(placed.actual, limit + 1);
    }
    cr_assert_eq(sim_lambda_counts(world.lambda)->too_large, 2);
    cr_assert_eq(sim_lambda_counts(world.lambda)->cold, 2);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_cold_start_is_placement_and_then_init)
{
    struct world world = described();
    world.functions[0].init_extra_ns = 6 * MS;
    world.functions[0].placement_extra_ns = 400 * MS;
    make(&world);
    struct sim_lambda_placed placed = invoke(&world, START);
    cr_assert_eq(placed.starts_ns, START + 650 * MS);
    cr_assert_eq(placed.init_ns, 150 * MS);
    cr_assert_eq(placed.deadline_ns, placed.starts_ns + 900 * SECOND);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, an_idle_environment_starts_at_once)
{
    struct world world;
    set_up(&world);
    struct sim_lambda_env env = warmed(&world, START);
    struct sim_lambda_placed placed = invoke(&world, START);
    cr_assert_eq(placed.answer, SIM_LAMBDA_WARM);
    cr_assert_eq(placed.env.index, env.index);
    cr_assert_eq(placed.env.generation, env.generation);
    cr_assert_eq(placed.starts_ns, START);
    cr_assert_eq(placed.deadline_ns, START + 900 * SECOND);
    sim_lambda_free(world.lambda);
}

/* Three environments, idle in the order 1, 2, 0; which one serves next? */
static uint32_t picked(enum sim_lambda_pick pick)
{
    static const int order[] = {1, 2, 0};
    struct world world = described();
    struct sim_lambda_env envs[3];
    world.config.pick = pick;
    make(&world);
    for (int i = 0; i < 3; i++) {
        envs[i] = invoke(&world, START).env;
    }
    for (uint64_t i = 0; i < 3; i++) {
        sim_lambda_finish(world.lambda, envs[order[i]],
                          START + SECOND * (i + 1));
    }
    uint32_t index = invoke(&world, START + MINUTE).env.index;
    sim_lambda_free(world.lambda);
    for (uint32_t i = 0; i < 3; i++) {
        if (envs[i].index == index) {
            return i;
        }
    }
    return 3;
}

Test(sim_lambda, the_environment_used_last_serves_first)
{
    cr_assert_eq(picked(SIM_LAMBDA_PICK_NEWEST), 0);
}

Test(sim_lambda, the_environment_idle_longest_serves_first_if_asked)
{
    cr_assert_eq(picked(SIM_LAMBDA_PICK_OLDEST), 1);
}

struct ends {
    uint64_t times[1000];
    uint32_t count;
};

static void note_end(void *self, struct sim_lambda_env env, uint64_t time_ns)
{
    struct ends *ends = self;
    (void)env;
    ends->times[ends->count++] = time_ns;
}

Test(sim_lambda, idle_environments_end_between_5_and_7_minutes)
{
    struct world world;
    set_up(&world);
    struct sim_lambda_env envs[1000];
    struct ends ends = {.count = 0};
    for (int i = 0; i < 1000; i++) {
        envs[i] = invoke(&world, START).env;
    }
    uint64_t idle_ns = START + MINUTE;
    for (int i = 0; i < 1000; i++) {
        sim_lambda_finish(world.lambda, envs[i], idle_ns);
    }
    cr_assert_eq(sim_lambda_next_expiry(world.lambda), idle_ns + 5 * MINUTE);
    sim_lambda_expire(world.lambda, idle_ns + 6 * MINUTE, note_end, &ends);
    cr_assert(ends.count > 450 && ends.count < 550, "%u", ends.count);
    sim_lambda_expire(world.lambda, idle_ns + 7 * MINUTE, note_end, &ends);
    cr_assert_eq(ends.count, 1000);
    for (int i = 0; i < 1000; i++) {
        cr_assert_geq(ends.times[i], idle_ns + 5 * MINUTE);
        cr_assert(i == 0 || ends.times[i] >= ends.times[i - 1]);
        cr_assert_not(sim_lambda_alive(world.lambda, envs[i]));
    }
    cr_assert_eq(sim_lambda_next_expiry(world.lambda), SIM_LAMBDA_NEVER);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_use_starts_the_idle_time_anew)
{
    struct world world = described();
    sim_dist_constant(&world.config.idle_expiry, 10 * MINUTE);
    make(&world);
    struct sim_lambda_env env = warmed(&world, START);
    uint64_t now_ns = START;
    for (int i = 0; i < 10; i++) {
        now_ns += 10 * MINUTE - 1;
        struct sim_lambda_placed placed = invoke(&world, now_ns);
        cr_assert_eq(placed.answer, SIM_LAMBDA_WARM);
        sim_lambda_finish(world.lambda, env, now_ns);
    }
    cr_assert_eq(sim_lambda_next_expiry(world.lambda), now_ns + 10 * MINUTE);
    cr_assert_eq(invoke(&world, now_ns + 10 * MINUTE).answer, SIM_LAMBDA_COLD);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, an_environment_past_the_shortest_idle_time_still_serves)
{
    struct world world;
    set_up(&world);
    uint32_t warm = 0;
    for (uint64_t i = 1; i <= 200; i++) {
        uint64_t now_ns = START + i * 3600 * SECOND;
        warmed(&world, now_ns);
        struct sim_lambda_placed placed = invoke(&world, now_ns + 6 * MINUTE);
        warm += placed.answer == SIM_LAMBDA_WARM;
        sim_lambda_kill(world.lambda, placed.env, now_ns + 6 * MINUTE);
    }
    cr_assert(warm > 70 && warm < 130, "%u of 200 outlived 6 minutes", warm);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, an_init_over_10_s_runs_again_on_the_functions_time)
{
    struct world world = described();
    sim_dist_constant(&world.functions[0].init, 12 * SECOND);
    make(&world);
    struct sim_lambda_placed placed = invoke(&world, START);
    uint64_t cut_ns = START + 100 * MS + 10 * SECOND;
    cr_assert_eq(placed.starts_ns, cut_ns + 12 * SECOND);
    cr_assert_eq(placed.deadline_ns, cut_ns + 900 * SECOND);
    cr_assert_eq(sim_lambda_counts(world.lambda)->init_overruns, 1);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_step_of_901_s_is_killed_at_900_s)
{
    struct world world;
    set_up(&world);
    struct sim_lambda_placed placed = invoke(&world, START);
    struct sim_lambda_work work = {.nominal_ns = 901 * SECOND, .threads = 1};
    uint64_t ends_ns =
        placed.starts_ns + sim_lambda_run_time(world.lambda, placed.env, &work);
    cr_assert_gt(ends_ns, placed.deadline_ns);
    cr_assert_eq(placed.deadline_ns, placed.starts_ns + 900 * SECOND);
    uint64_t billed_ns =
        sim_lambda_kill(world.lambda, placed.env, placed.deadline_ns);
    cr_assert_eq(billed_ns, 144 * MS + 900 * SECOND);
    cr_assert_not(sim_lambda_alive(world.lambda, placed.env));
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_timeout_above_900_s_is_refused)
{
    struct world world = described();
    world.functions[0].timeout_ns = 900 * SECOND + 1;
    cr_assert_eq(
        sim_lambda_new(&world.lambda, &world.config, world.functions, 1, 7),
        SIM_LAMBDA_ECONFIG);
}

Test(sim_lambda, memory_outside_of_128_to_10240_mb_is_refused)
{
    static const uint32_t bad[] = {0, 127, 10241};
    for (int i = 0; i < 3; i++) {
        struct world world = described();
        world.functions[0].memory_mb = bad[i];
        cr_assert_eq(
            sim_lambda_new(&world.lambda, &world.config, world.functions, 1, 7),
            SIM_LAMBDA_ECONFIG);
    }
}

/* The time of a second of work, `cpu_ppb` of it on the processor. */
static uint64_t second_of_work(uint32_t memory_mb, uint32_t cpu_ppb,
                               uint32_t threads, uint64_t first_ns)
{
    struct world world = described();
    world.functions[0].memory_mb = memory_mb;
    world.functions[0].first_execution_ns = first_ns;
    make(&world);
    struct sim_lambda_env env = invoke(&world, START).env;
    struct sim_lambda_work work = {SECOND, cpu_ppb, threads};
    uint64_t time_ns = sim_lambda_run_time(world.lambda, env, &work);
    sim_lambda_free(world.lambda);
    return time_ns;
}

Test(sim_lambda, only_processor_work_gets_faster_with_memory)
{
    static const struct {
        uint32_t memory_mb, cpu_ppb, threads;
        uint64_t ms;
    } cases[] = {
        {1769, 1000000000, 1, 1000},
        {3538, 1000000000, 1, 1000}, /* one thread stays on one vCPU */
        {3538, 1000000000, 2, 500},
        {3538, 1000000000, 9, 500},
        {10240, 1000000000, 1, 1000},
        {128, 0, 1, 1000}, /* waiting needs no processor */
        {3538, 500000000, 2, 750},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        cr_assert_eq(second_of_work(cases[i].memory_mb, cases[i].cpu_ppb,
                                    cases[i].threads, 0),
                     cases[i].ms * MS, "case %zu", i);
    }
    /* Half a vCPU, less half a megabyte: twice as long within 0.1 %. */
    uint64_t half = second_of_work(884, 1000000000, 4, 0);
    cr_assert(half > 2000 * MS && half < 2003 * MS);
}

Test(sim_lambda, the_vcpus_end_at_six)
{
    struct world world = described();
    world.config.memory_max_mb = 20000;
    world.functions[0].memory_mb = 20000;
    make(&world);
    struct sim_lambda_env env = invoke(&world, START).env;
    struct sim_lambda_work work = {6 * SECOND, 1000000000, 64};
    cr_assert_eq(sim_lambda_run_time(world.lambda, env, &work), SECOND);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, only_the_first_work_in_an_environment_pays_for_it)
{
    struct world world = described();
    world.functions[0].first_execution_ns = 97 * MS;
    make(&world);
    struct sim_lambda_work work = {10 * MS, 0, 1};
    struct sim_lambda_env env = invoke(&world, START).env;
    cr_assert_eq(sim_lambda_run_time(world.lambda, env, &work), 107 * MS);
    cr_assert_eq(sim_lambda_run_time(world.lambda, env, &work), 10 * MS);
    sim_lambda_finish(world.lambda, env, START + SECOND);
    env = invoke(&world, START + SECOND).env;
    cr_assert_eq(sim_lambda_run_time(world.lambda, env, &work), 10 * MS);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, billing_rounds_up_to_a_millisecond)
{
    static const struct {
        uint64_t took_ns, billed_ms;
    } cases[] = {{0, 0}, {1, 1}, {MS, 1}, {MS + 1, 2}, {100 * MS, 100}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct world world;
        set_up(&world);
        warmed(&world, START);
        struct sim_lambda_placed placed = invoke(&world, START);
        cr_assert_eq(sim_lambda_finish(world.lambda, placed.env,
                                       START + cases[i].took_ns),
                     cases[i].billed_ms * MS);
        sim_lambda_free(world.lambda);
    }
}

Test(sim_lambda, init_is_billed_and_placement_is_not)
{
    struct world world;
    set_up(&world);
    struct sim_lambda_placed placed = invoke(&world, START);
    cr_assert_eq(
        sim_lambda_finish(world.lambda, placed.env, placed.starts_ns + 10 * MS),
        154 * MS);
    sim_lambda_free(world.lambda);
    world = described();
    world.config.init_billed = false;
    make(&world);
    placed = invoke(&world, START);
    cr_assert_eq(
        sim_lambda_finish(world.lambda, placed.env, placed.starts_ns + 10 * MS),
        10 * MS);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_million_gb_seconds_cost_what_the_price_list_says)
{
    struct world world = described();
    world.config.init_billed = false;
    world.functions[0].memory_mb = 1024;
    make(&world);
    uint64_t now_ns = START;
    for (int i = 0; i < 10000; i++) {
        struct sim_lambda_placed placed = invoke(&world, now_ns);
        now_ns = placed.starts_ns + 100 * SECOND;
        sim_lambda_finish(world.lambda, placed.env, now_ns);
    }
    /* 10^6 GB-s at $0.0000166667 and 10^4 requests at $0.20 a million. */
    cr_assert_eq(sim_lambda_cost_nano(world.lambda),
                 UINT64_C(16666700000) + 2000000);
    cr_assert_eq(sim_lambda_counts(world.lambda)->billed_mb_ms,
                 UINT64_C(1024000) * 1000000);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, a_crash_while_busy_is_billed_and_while_idle_is_not)
{
    struct world world;
    set_up(&world);
    struct sim_lambda_placed placed = invoke(&world, START);
    cr_assert_eq(sim_lambda_kill(world.lambda, placed.env, START + 50 * MS), 0);
    placed = invoke(&world, START + SECOND);
    cr_assert_eq(
        sim_lambda_kill(world.lambda, placed.env, placed.starts_ns + 6 * MS),
        150 * MS);
    struct sim_lambda_env env = warmed(&world, START + MINUTE);
    cr_assert_eq(sim_lambda_kill(world.lambda, env, START + 2 * MINUTE), 0);
    cr_assert_eq(sim_lambda_counts(world.lambda)->killed, 3);
    cr_assert_eq(sim_lambda_counts(world.lambda)->envs, 0);
    cr_assert_eq(sim_lambda_next_expiry(world.lambda), SIM_LAMBDA_NEVER);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, an_index_is_reused_with_another_generation)
{
    struct world world;
    set_up(&world);
    struct sim_lambda_env env = invoke(&world, START).env;
    sim_lambda_kill(world.lambda, env, START);
    struct sim_lambda_env next = invoke(&world, START).env;
    cr_assert_eq(next.index, env.index);
    cr_assert_neq(next.generation, env.generation);
    cr_assert_not(sim_lambda_alive(world.lambda, env));
    cr_assert(sim_lambda_alive(world.lambda, next));
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, lived_and_busy_time_are_exact)
{
    struct world world = described();
    sim_dist_constant(&world.config.idle_expiry, 10 * MINUTE);
    make(&world);
    struct sim_lambda_env env = invoke(&world, START).env;
    sim_lambda_finish(world.lambda, env, START + MINUTE);
    cr_assert_eq(sim_lambda_lived_ns(world.lambda, START + 2 * MINUTE),
                 2 * MINUTE);
    /* However late it is expired, it ended after 11 minutes. */
    sim_lambda_expire(world.lambda, START + 100 * MINUTE, NULL, NULL);
    cr_assert_eq(sim_lambda_lived_ns(world.lambda, START + 100 * MINUTE),
                 11 * MINUTE);
    cr_assert_eq(sim_lambda_busy_ns(world.lambda, START + 100 * MINUTE),
                 MINUTE);
    sim_lambda_free(world.lambda);
}

Test(sim_lambda, one_more_cold_start_moves_no_draw_of_another_function)
{
    uint64_t starts[2];
    for (int extra = 0; extra < 2; extra++) {
        struct world world = described();
        world.function_count = 2;
        sim_dist_exponential(&world.functions[1].init, SECOND);
        make(&world);
        for (int i = 0; i < 1 + extra; i++) {
            invoke(&world, START);
        }
        starts[extra] = ask(&world, START, 1, SIM_LAMBDA_SYNC, 0).starts_ns;
        sim_lambda_free(world.lambda);
    }
    cr_assert_eq(starts[0], starts[1]);
}

Test(sim_lambda, reasons_have_names)
{
    cr_assert_str_eq(sim_lambda_reason_name(SIM_LAMBDA_BY_ACCOUNT), "account");
    cr_assert_str_eq(sim_lambda_reason_name(SIM_LAMBDA_BY_RATE), "rate");
}
