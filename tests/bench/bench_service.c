/*
 * The Lambda service over loopback, under clients that carry out executions as
 * functions with their SDK do: how many checkpoints it takes in a second, what
 * one costs its process, and how long one takes with many at it. Each begins
 * and ends a step, and is answered once both are in the database.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"
#include "tests/bench/lambda_load.h"
#include "tests/bench/lambda_stand.h"

enum {
    CONNECTIONS = 64,
    CALLS = 32000
};

struct setting {
    const char *path;
    uint32_t connections;
    uint32_t checkpoints; /* of an execution */
    uint64_t calls;
};

static const struct setting memory = {":memory:", CONNECTIONS, 100, CALLS};
static const struct setting long_ones = {":memory:", 16, 2900, 16 * 2900};
static const struct setting short_ones = {":memory:", 16, 100, 16 * 2900};
static const struct setting hundred = {":memory:", 100, 20, CALLS / 4};
static const struct setting thousand = {":memory:", 1000, 20, 20000};

struct measured {
    struct lambda_load_found load;
    uint64_t service_ns; /* processor time */
    uint64_t clients_ns;
};

static void measure(const struct setting *setting, struct measured *m)
{
    struct lambda_stand stand;

    lambda_stand_start(&stand, setting->path);
    const struct lambda_load_config config = {
        .port = stand.port,
        .connections = setting->connections,
        .executions = (uint32_t)(setting->calls / setting->connections /
                                 setting->checkpoints),
        .checkpoints = setting->checkpoints,
    };
    m->service_ns = lambda_stand_cpu_ns(&stand);
    m->clients_ns = bench_cpu_ns();
    lambda_load_run(&config, &m->load);
    m->service_ns = lambda_stand_cpu_ns(&stand) - m->service_ns;
    m->clients_ns = bench_cpu_ns() - m->clients_ns;
    lambda_stand_stop(&stand);
}

static double rate_of(const struct measured *m)
{
    return (double)m->load.checkpoints * 1e9 / (double)m->load.took_ns;
}

static double measure_rate(void *arg)
{
    struct measured m;

    measure(arg, &m);
    return rate_of(&m);
}

static double measure_disk(void *arg)
{
    struct setting setting = *(const struct setting *)arg;
    char dir[] = "build/bench-XXXXXX";
    char path[64];
    char other[72];
    struct measured m;

    if (!mkdtemp(dir))
        bench_fail("no directory can be made in build/");
    snprintf(path, sizeof(path), "%s/lambda.db", dir);
    setting.path = path;
    measure(&setting, &m);
    unlink(path);
    snprintf(other, sizeof(other), "%s-wal", path);
    unlink(other);
    rmdir(dir);
    return rate_of(&m);
}

static double measure_service_cpu(void *arg)
{
    struct measured m;

    measure(arg, &m);
    return (double)m.service_ns / 1e3 / (double)m.load.checkpoints;
}

/* Of executions of 100 steps. */
static double short_service_cpu(void *arg)
{
    (void)arg;
    return measure_service_cpu((void *)(uintptr_t)&short_ones);
}

static double measure_clients_cpu(void *arg)
{
    struct measured m;

    measure(arg, &m);
    return (double)m.clients_ns / 1e3 / (double)m.load.checkpoints;
}

static double measure_p50(void *arg)
{
    struct measured m;

    measure(arg, &m);
    return (double)m.load.p50_ns / 1e6;
}

static double measure_p99(void *arg)
{
    struct measured m;

    measure(arg, &m);
    return (double)m.load.p99_ns / 1e6;
}

/* With the tenth of the executions. */
static struct setting tenth_of(const void *arg)
{
    struct setting setting = *(const struct setting *)arg;

    setting.connections /= 10;
    return setting;
}

static double tenth_p50(void *arg)
{
    struct setting setting = tenth_of(arg);

    return measure_p50(&setting);
}

static double tenth_p99(void *arg)
{
    struct setting setting = tenth_of(arg);

    return measure_p99(&setting);
}

/* Ten times as many take ten times as long, give or take a tenth. */
static void compare_latency(struct bench *bench, const char *name,
                            double (*value)(void *), double (*tenth)(void *),
                            const struct setting *setting)
{
    bench_case(bench, &(struct bench_case){.name = name,
                                           .unit = "ms",
                                           .goal = BENCH_AT_MOST,
                                           .target = 10 * 1.1,
                                           .measure = value,
                                           .baseline = tenth,
                                           .arg = (void *)(uintptr_t)setting});
}

static void bench_latency(struct bench *bench)
{
    compare_latency(bench, "service: 100 executions beside 10, p50",
                    measure_p50, tenth_p50, &hundred);
    compare_latency(bench, "service: 100 executions beside 10, p99",
                    measure_p99, tenth_p99, &hundred);
    compare_latency(bench, "service: 1,000 executions beside 100, p50",
                    measure_p50, tenth_p50, &thousand);
    compare_latency(bench, "service: 1,000 executions beside 100, p99",
                    measure_p99, tenth_p99, &thousand);
}

void bench_service(struct bench *bench)
{
    void *arg = (void *)(uintptr_t)&memory;

    bench_case(bench,
               &(struct bench_case){.name = "service: checkpoints, in memory",
                                    .unit = "calls/s",
                                    .goal = BENCH_AT_LEAST,
                                    .target = 20000,
                                    .measure = measure_rate,
                                    .arg = arg});
    bench_case(bench,
               &(struct bench_case){.name = "service: checkpoints, on disk",
                                    .unit = "calls/s",
                                    .goal = BENCH_AT_LEAST,
                                    .target = 5000,
                                    .measure = measure_disk,
                                    .arg = arg});
    bench_case(bench, &(struct bench_case){
                          .name = "service: its processor time a checkpoint",
                          .unit = "us",
                          .goal = BENCH_AT_MOST,
                          .target = 50,
                          .measure = measure_service_cpu,
                          .arg = arg});
    bench_case(bench, &(struct bench_case){
                          .name = "service: the clients' a checkpoint",
                          .unit = "us",
                          .goal = BENCH_NO_GOAL,
                          .measure = measure_clients_cpu,
                          .arg = arg});
    bench_case(bench, &(struct bench_case){
                          .name = "service: its time in 2,900 steps beside 100",
                          .unit = "us",
                          .goal = BENCH_AT_MOST,
                          .target = 1.25,
                          .measure = measure_service_cpu,
                          .baseline = short_service_cpu,
                          .arg = (void *)(uintptr_t)&long_ones});
    bench_latency(bench);
}
