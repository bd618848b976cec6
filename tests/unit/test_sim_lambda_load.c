/*
 * The platform under load against what is known: Erlang's loss formula, the
 * Poisson number of busy servers, and a published simulation of Lambda.
 */
#include "sim/platform/lambda.h"

#include <criterion/criterion.h>
#include <math.h>

#include "sim/queue.h"

#define SECOND UINT64_C(1000000000)

enum {
    ARRIVAL,
    END,
};

struct load {
    struct sim_lambda_config config;
    struct sim_dist gap, warm, cold;
    uint64_t arrivals, skipped; /* of them before anything is counted */
    /* results */
    uint64_t counted, found_empty, throttled, cold_starts;
    double busy, alive; /* means over the whole time */
};

struct run {
    struct load *load;
    struct sim_lambda *lambda;
    struct sim_queue *queue;
    struct engine_stream stream;
    uint64_t now_ns, arrived;
};

static struct load described(double rate, uint64_t warm_ns, uint64_t cold_ns)
{
    struct load load = {.arrivals = 2000000, .skipped = 50000};
    load.config = (struct sim_lambda_config){
        .account_concurrency = 100000,
        .scaling_burst = 100000,
        .scaling_refill = {1000, SECOND},
        .request_rate = {1000, SECOND},
        .init_limit_ns = 10 * SECOND,
        .mb_per_vcpu = 1769,
        .vcpu_max = 6,
        .memory_min_mb = 128,
        .memory_max_mb = 10240,
        .timeout_max_ns = 900 * SECOND,
        .sync_payload_max = 1,
        .billing_step_ns = 1000000,
    };
    sim_dist_constant(&load.config.idle_expiry, 600 * SECOND);
    sim_dist_exponential(&load.gap, (uint64_t)((double)SECOND / rate));
    sim_dist_exponential(&load.warm, warm_ns);
    sim_dist_exponential(&load.cold, cold_ns);
    return load;
}

static void push(struct run *run, uint64_t time_ns, uint32_t kind,
                 struct sim_lambda_env env)
{
    struct sim_event event = {.time_ns = time_ns,
                              .kind = kind,
                              .target = env.index,
                              .arg = env.generation};
    cr_assert_eq(sim_queue_push(run->queue, &event), 0);
}

static void serve(struct run *run, uint64_t draw, bool count)
{
    struct load *load = run->load;
    struct sim_lambda_placed placed;
    bool empty = sim_lambda_counts(run->lambda)->busy == 0;
    sim_lambda_expire(run->lambda, run->now_ns, NULL, NULL);
    cr_assert_eq(sim_lambda_invoke(run->lambda, run->now_ns,
                                   &(struct sim_lambda_request){0}, &placed),
                 0);
    if (count) {
        load->counted++;
        load->found_empty += empty;
        load->throttled += placed.answer == SIM_LAMBDA_THROTTLED;
        load->cold_starts += placed.answer == SIM_LAMBDA_COLD;
    }
    if (placed.answer <= SIM_LAMBDA_COLD) {
        const struct sim_dist *service =
            placed.answer == SIM_LAMBDA_COLD ? &load->cold : &load->warm;
        push(run, placed.starts_ns + sim_dist_at(service, draw), END,
             placed.env);
    }
}

static void arrive(struct run *run)
{
    struct sim_lambda_env none = {0};
    uint64_t draws[2];
    engine_stream_block(&run->stream, run->arrived++, draws);
    serve(run, draws[0], run->arrived > run->load->skipped);
    if (run->arrived < run->load->arrivals) {
        push(run, run->now_ns + sim_dist_at(&run->load->gap, draws[1]), ARRIVAL,
             none);
    }
}

static void loop(struct run *run)
{
    struct sim_event event = {.time_ns = SECOND, .kind = ARRIVAL};
    cr_assert_eq(sim_queue_push(run->queue, &event), 0);
    while (sim_queue_pop(run->queue, &event)) {
        struct sim_lambda_env env = {event.target, (uint32_t)event.arg};
        run->now_ns = event.time_ns;
        if (event.kind == ARRIVAL) {
            arrive(run);
        } else {
            sim_lambda_finish(run->lambda, env, run->now_ns);
        }
    }
    double span = (double)(run->now_ns - SECOND);
    run->load->busy =
        (double)sim_lambda_busy_ns(run->lambda, run->now_ns) / span;
    run->load->alive =
        (double)sim_lambda_lived_ns(run->lambda, run->now_ns) / span;
}

static void simulate(struct load *load, uint64_t seed)
{
    struct run run = {.load = load};
    struct sim_lambda_function function = {.timeout_ns = 900 * SECOND,
                                           .memory_mb = 128,
                                           .reserved = SIM_LAMBDA_UNRESERVED};
    sim_dist_constant(&function.init, 0);
    sim_dist_constant(&function.placement, 0);
    engine_stream_init(&run.stream, seed, "load", 0);
    run.queue = sim_queue_new(4096);
    cr_assert_not_null(run.queue);
    cr_assert_eq(sim_lambda_new(&run.lambda, &load->config, &function, 1, seed),
                 0);
    loop(&run);
    sim_queue_free(run.queue);
    sim_lambda_free(run.lambda);
}

static double share(uint64_t part, uint64_t whole)
{
    return (double)part / (double)whole;
}

static void expect_near(double got, double want, double fraction)
{
    cr_assert_leq(fabs(got / want - 1), fraction, "%g for %g", got, want);
}

Test(sim_lambda_load, the_share_throttled_at_the_cap_is_erlangs)
{
    static const struct {
        uint32_t cap;
        double offered, blocked;
    } cases[] = {
        {10, 8, 0.121661064},
        {50, 45, 0.054104472},
        {1000, 2016, 0.5044545818988837},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct load load = described(cases[i].offered, SECOND, SECOND);
        load.config.account_concurrency = cases[i].cap;
        simulate(&load, 3);
        expect_near(share(load.throttled, load.counted), cases[i].blocked,
                    0.01);
    }
}

Test(sim_lambda_load, erlangs_share_depends_only_on_the_mean_time)
{
    struct load load = described(8, SECOND, SECOND);
    load.config.account_concurrency = 10;
    sim_dist_uniform(&load.warm, 0, 2 * SECOND);
    load.cold = load.warm;
    simulate(&load, 4);
    expect_near(share(load.throttled, load.counted), 0.121661064, 0.01);
}

Test(sim_lambda_load, nothing_runs_as_often_as_poisson_says)
{
    struct load load = described(0.9, SECOND, SECOND);
    /* 0.9 a second for 1.99125555... s are 1.79213 at once. */
    sim_dist_uniform(&load.warm, 0, 2 * UINT64_C(1991255556));
    load.cold = load.warm;
    simulate(&load, 5);
    expect_near(share(load.found_empty, load.counted), 0.166605, 0.01);
    expect_near(load.busy, 1.79213, 0.01);
}

/* Mahmoudi and Khazaei, SimFaaS: 0.9 a second, 1.991 s warm, 2.244 s cold. */
Test(sim_lambda_load, a_published_simulation_of_lambda_is_repeated)
{
    struct load load =
        described(0.9, UINT64_C(1991000000), UINT64_C(2244000000));
    load.arrivals = 6000000;
    simulate(&load, 6);
    expect_near(share(load.cold_starts, load.counted), 0.0013321, 0.03);
    expect_near(load.alive, 7.69768, 0.01);
    expect_near(load.busy, 1.792258, 0.01);
}

Test(sim_lambda_load, reusing_the_oldest_keeps_more_alive_and_starts_fewer)
{
    struct load load =
        described(0.9, UINT64_C(1991000000), UINT64_C(2244000000));
    load.config.pick = SIM_LAMBDA_PICK_OLDEST;
    simulate(&load, 6);
    cr_assert_lt(share(load.cold_starts, load.counted), 0.0001);
    cr_assert_gt(load.alive, 10);
}
