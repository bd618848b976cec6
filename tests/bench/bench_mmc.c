/*
 * An M/M/10 queue at a load of 0.9 on a bare kernel: our event queue, our
 * draws, a callback for each event. What a simulated customer costs, and
 * whether the waits are those of Erlang's formula, without which the cost
 * would mean nothing.
 */
#include <math.h>
#include <string.h>

#include "engine/random.h"
#include "sim/draw.h"
#include "sim/queue.h"
#include "tests/bench/bench.h"

#define SERVERS 10
#define SERVICE_NS 1000000000
#define ARRIVAL_NS 111111111 /* SERVICE_NS / (0.9 * SERVERS) */
#define CUSTOMERS 4000000
#define WAITING_MAX 4096 /* a power of two */
#define AHEAD 64         /* customers drawn at once; divides CUSTOMERS */

enum kind {
    ARRIVAL,
    DEPARTURE,
};

struct mmc {
    struct sim_queue *queue;
    struct engine_stream arrivals, services;
    struct sim_dist arrival, service;
    uint64_t gaps_ns[AHEAD], services_ns[AHEAD];
    uint64_t now_ns;
    uint64_t customers; /* who have arrived */
    uint64_t waited_ns; /* by those whose service has begun */
    uint32_t busy;
    uint32_t first, next; /* those who wait, in a ring */
    struct {
        uint64_t since_ns, service_ns;
    } waiting[WAITING_MAX];
};

static void schedule(struct mmc *mmc, enum kind kind, uint64_t after_ns)
{
    struct sim_event event = {.time_ns = mmc->now_ns + after_ns, .kind = kind};
    if (sim_queue_push(mmc->queue, &event) != 0) {
        bench_fail("no memory for events");
    }
}

static void join(struct mmc *mmc, uint64_t service_ns)
{
    if (mmc->next - mmc->first == WAITING_MAX) {
        bench_fail("more customers wait than a stable queue has");
    }
    uint32_t at = mmc->next++ % WAITING_MAX;
    mmc->waiting[at].since_ns = mmc->now_ns;
    mmc->waiting[at].service_ns = service_ns;
}

/* Draws are functions of an index, so they can be made ahead of use. */
static void draw_ahead(struct mmc *mmc)
{
    sim_dist_fill(&mmc->arrival, &mmc->arrivals, mmc->customers, mmc->gaps_ns,
                  AHEAD);
    sim_dist_fill(&mmc->service, &mmc->services, mmc->customers,
                  mmc->services_ns, AHEAD);
}

static void arrive(struct mmc *mmc)
{
    uint32_t at = mmc->customers % AHEAD;
    if (at == 0) {
        draw_ahead(mmc);
    }
    uint64_t service_ns = mmc->services_ns[at];
    if (++mmc->customers < CUSTOMERS) {
        schedule(mmc, ARRIVAL, mmc->gaps_ns[at]);
    }
    if (mmc->busy == SERVERS) {
        join(mmc, service_ns);
        return;
    }
    mmc->busy++;
    schedule(mmc, DEPARTURE, service_ns);
}

static void depart(struct mmc *mmc)
{
    if (mmc->first == mmc->next) {
        mmc->busy--;
        return;
    }
    uint32_t at = mmc->first++ % WAITING_MAX;
    mmc->waited_ns += mmc->now_ns - mmc->waiting[at].since_ns;
    schedule(mmc, DEPARTURE, mmc->waiting[at].service_ns);
}

static void (*const handlers[])(struct mmc *) = {
    [ARRIVAL] = arrive,
    [DEPARTURE] = depart,
};

static void start(struct mmc *mmc)
{
    memset(mmc, 0, sizeof *mmc);
    mmc->queue = sim_queue_new(SERVERS + 1);
    if (mmc->queue == NULL) {
        bench_fail("no memory for the queue");
    }
    engine_stream_init(&mmc->arrivals, 1, "arrival", 0);
    engine_stream_init(&mmc->services, 1, "service", 0);
    sim_dist_exponential(&mmc->arrival, ARRIVAL_NS);
    sim_dist_exponential(&mmc->service, SERVICE_NS);
    mmc->now_ns = 1;
    schedule(mmc, ARRIVAL, 0);
}

static double measure_customer(void *arg)
{
    struct mmc *mmc = arg;
    start(mmc);
    uint64_t began_ns = bench_cpu_ns();
    struct sim_event event;
    while (sim_queue_pop(mmc->queue, &event)) {
        mmc->now_ns = event.time_ns;
        handlers[event.kind](mmc);
    }
    uint64_t took_ns = bench_cpu_ns() - began_ns;
    sim_queue_free(mmc->queue);
    return (double)took_ns / CUSTOMERS;
}

/* The mean wait in service times: Erlang C / (servers * (1 - load)). */
static double erlang_wait(int servers, double load)
{
    double offered = servers * load;
    double blocked = 1;
    for (int k = 1; k <= servers; k++) {
        blocked = offered * blocked / (k + offered * blocked);
    }
    double waits = blocked / (1 - load * (1 - blocked));
    return waits / (servers * (1 - load));
}

static double measure_wait_error(void *arg)
{
    struct mmc *mmc = arg;
    measure_customer(mmc);
    double wait = (double)mmc->waited_ns / CUSTOMERS / SERVICE_NS;
    return fabs(wait / erlang_wait(SERVERS, 0.9) - 1) * 100;
}

static double measure_draws(void *arg)
{
    struct mmc *mmc = arg;
    uint64_t sum = 0;
    uint64_t began_ns = bench_cpu_ns();
    for (mmc->customers = 0; mmc->customers < CUSTOMERS;) {
        draw_ahead(mmc);
        for (int i = 0; i < AHEAD; i++) {
            sum += mmc->gaps_ns[i] + mmc->services_ns[i];
        }
        mmc->customers += AHEAD;
    }
    uint64_t took_ns = bench_cpu_ns() - began_ns;
    if (sum == 0) {
        bench_fail("all draws are 0");
    }
    return (double)took_ns / CUSTOMERS;
}

void bench_mmc(struct bench *bench)
{
    static struct mmc mmc;
    /* The formula itself, against the published 0.369589621 for M/M/16. */
    if (fabs(erlang_wait(16, 0.9) - 0.369589621) > 1e-8) {
        bench_fail("Erlang's formula is wrong");
    }
    start(&mmc);
    sim_queue_free(mmc.queue);
    bench_case(bench, &(struct bench_case){.name = "mmc: M/M/10 at 0.9",
                                           .unit = "ns/cust",
                                           .goal = BENCH_AT_MOST,
                                           .target = 75,
                                           .measure = measure_customer,
                                           .arg = &mmc});
    bench_case(bench,
               &(struct bench_case){.name = "mmc: mean wait off Erlang C",
                                    .unit = "percent",
                                    .goal = BENCH_AT_MOST,
                                    .target = 3,
                                    .measure = measure_wait_error,
                                    .arg = &mmc});
    bench_case(bench, &(struct bench_case){.name = "mmc: two exponential draws",
                                           .unit = "ns/pair",
                                           .goal = BENCH_NO_GOAL,
                                           .measure = measure_draws,
                                           .arg = &mmc});
}
