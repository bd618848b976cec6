/*
 * The Lambda platform alone: arrivals, cold starts, reuse, expiry, billing,
 * with arrivals and ends through the event queue. What an invocation costs,
 * and whether the number of busy environments is that of an M/G/infinity
 * queue, without which the cost would mean nothing.
 */
#include <math.h>
#include <string.h>

#include "engine/random.h"
#include "sim/draw.h"
#include "sim/platform/lambda.h"
#include "sim/platform/lambda_model.h"
#include "sim/platform/load.h"
#include "sim/queue.h"
#include "tests/bench/bench.h"

#define INVOCATIONS 2000000
#define SECOND UINT64_C(1000000000)
#define RATE 100 /* a second */
#define SERVICE_NS (2 * SECOND)
#define START_NS SECOND

enum kind {
    ARRIVAL,
    END,
};

struct load {
    struct sim_queue *queue;
    struct sim_lambda *lambda;
    struct engine_stream stream;
    struct sim_dist gap, service;
    uint64_t arrived;
    uint64_t now_ns;
    double busy_mean;
};

static void push(struct load *load, const struct sim_event *event)
{
    if (sim_queue_push(load->queue, event) != 0) {
        bench_fail("no memory for events");
    }
}

static void begin(struct load *load, uint64_t service_draw)
{
    struct sim_lambda_request request = {.payload_bytes = 1000};
    struct sim_lambda_placed placed;
    if (sim_lambda_next_expiry(load->lambda) <= load->now_ns) {
        sim_lambda_expire(load->lambda, load->now_ns, NULL, NULL);
    }
    if (sim_lambda_invoke(load->lambda, load->now_ns, &request, &placed) != 0 ||
        placed.answer > SIM_LAMBDA_COLD) {
        bench_fail("an invocation was not placed");
    }
    struct sim_lambda_work work = {
        .nominal_ns = sim_dist_at(&load->service, service_draw),
        .cpu_ppb = 500000000,
        .threads = 1};
    uint64_t takes_ns = sim_lambda_run_time(load->lambda, placed.env, &work);
    push(load, &(struct sim_event){.time_ns = placed.starts_ns + takes_ns,
                                   .kind = END,
                                   .target = placed.env.index,
                                   .arg = placed.env.generation});
}

/* One block of the stream serves one invocation: gap and service. */
static void arrive(struct load *load)
{
    uint64_t draws[2];
    engine_stream_block(&load->stream, load->arrived++, draws);
    begin(load, draws[1]);
    if (load->arrived < INVOCATIONS) {
        push(load,
             &(struct sim_event){.time_ns = load->now_ns +
                                            sim_dist_at(&load->gap, draws[0]),
                                 .kind = ARRIVAL});
    }
}

static void step(struct load *load, const struct sim_event *event)
{
    load->now_ns = event->time_ns;
    if (event->kind == ARRIVAL) {
        arrive(load);
        return;
    }
    struct sim_lambda_env env = {.index = event->target,
                                 .generation = (uint32_t)event->arg};
    sim_lambda_finish(load->lambda, env, load->now_ns);
}

static struct sim_lambda_config platform(void)
{
    struct sim_lambda_config config = {
        .account_concurrency = 1000,
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
        .billing_step_ns = 1000000,
        .init_billed = true,
        .price_request_pico = 200000,
    };
    sim_dist_uniform(&config.idle_expiry, 300 * SECOND, 420 * SECOND);
    return config;
}

static struct sim_lambda_function deployed(void)
{
    struct sim_lambda_function function = {
        .timeout_ns = 900 * SECOND,
        .memory_mb = 1769,
        .reserved = SIM_LAMBDA_UNRESERVED,
        .price_gb_s_pico = 16666700,
    };
    sim_dist_lognormal_fit(&function.placement, SECOND / 10, SECOND / 4);
    sim_dist_lognormal_fit(&function.init, SECOND / 7, SECOND / 4);
    return function;
}

static void start(struct load *load)
{
    struct sim_lambda_config config = platform();
    struct sim_lambda_function function = deployed();
    memset(load, 0, sizeof *load);
    sim_dist_exponential(&load->gap, SECOND / RATE);
    sim_dist_exponential(&load->service, SERVICE_NS);
    engine_stream_init(&load->stream, 1, "load", 0);
    load->queue = sim_queue_new(1024);
    if (load->queue == NULL ||
        sim_lambda_new(&load->lambda, &config, &function, 1, 1) != 0) {
        bench_fail("no memory for the platform");
    }
}

static double measure_rate(void *arg)
{
    struct load *load = arg;
    struct sim_event event = {.time_ns = START_NS, .kind = ARRIVAL};
    start(load);
    uint64_t began_ns = bench_cpu_ns();
    push(load, &event);
    while (sim_queue_pop(load->queue, &event)) {
        step(load, &event);
    }
    uint64_t took_ns = bench_cpu_ns() - began_ns;
    load->busy_mean = (double)sim_lambda_busy_ns(load->lambda, load->now_ns) /
                      (double)(load->now_ns - START_NS);
    sim_queue_free(load->queue);
    sim_lambda_free(load->lambda);
    return INVOCATIONS * 1e9 / (double)took_ns;
}

static double measure_busy_error(void *arg)
{
    struct load *load = arg;
    measure_rate(load);
    double expected = RATE * (double)SERVICE_NS / (double)SECOND;
    return fabs(load->busy_mean / expected - 1) * 100;
}

static void unseen(void *self, const struct sim_load_event *event)
{
    uint64_t *count = self;
    *count += event->kind == SIM_LOAD_ENDED;
}

/* The same behind the interface that all platforms have. */
static double measure_model(void *arg)
{
    (void)arg;
    struct sim_lambda_function function = deployed();
    struct sim_lambda_model_config about = {.lambda = platform(),
                                            .functions = &function,
                                            .function_count = 1,
                                            .threads = 1};
    static const struct sim_demand demand = {.name = "bench"};
    uint64_t ended = 0;
    uint64_t now_ns;
    struct sim_load_config config = {.seed = 1,
                                     .arrivals = INVOCATIONS,
                                     .demand = &demand,
                                     .payload_bytes = 1000,
                                     .seen = unseen,
                                     .self = &ended};
    sim_dist_exponential(&config.gap, SECOND / RATE);
    sim_dist_exponential(&config.warm, SERVICE_NS);
    config.cold = config.warm;
    if (sim_lambda_model(&config.model, &about, 1) != 0) {
        bench_fail("no memory for the platform");
    }
    uint64_t began_ns = bench_cpu_ns();
    if (sim_load_run(&config, &now_ns) != 0 || ended != INVOCATIONS) {
        bench_fail("an invocation was not carried out");
    }
    uint64_t took_ns = bench_cpu_ns() - began_ns;
    config.model.ops->free(config.model.self);
    return INVOCATIONS * 1e9 / (double)took_ns;
}

void bench_lambda(struct bench *bench)
{
    static struct load load;
    bench_case(bench, &(struct bench_case){.name = "lambda: the platform alone",
                                           .unit = "invocs/s",
                                           .goal = BENCH_AT_LEAST,
                                           .target = 5000000,
                                           .measure = measure_rate,
                                           .arg = &load});
    bench_case(bench, &(struct bench_case){
                          .name = "lambda: behind the platforms' interface",
                          .unit = "invocs/s",
                          .goal = BENCH_AT_LEAST,
                          .target = 5000000,
                          .measure = measure_model});
    bench_case(bench,
               &(struct bench_case){.name = "lambda: mean busy off rate x time",
                                    .unit = "percent",
                                    .goal = BENCH_AT_MOST,
                                    .target = 1,
                                    .measure = measure_busy_error,
                                    .arg = &load});
}
