/*
 * A burst of 150,000 pods on 10,000 nodes, the most that Kubernetes says it
 * can hold (and twice its nodes): creation, scheduling, pulls, starts, ends.
 * The rates of the control plane's clients are out of the way; what counts is
 * what a pod costs to simulate.
 */
#include <stdlib.h>
#include <string.h>

#include "sim/platform/heap.h"
#include "sim/platform/k8s.h"
#include "tests/bench/bench.h"
#include "tests/support/k8s_bed.h"

#define NODES 10000
#define PODS 150000
#define SECOND UINT64_C(1000000000)
#define START_NS SECOND
#define RUN_NS (300 * SECOND)

struct burst {
    struct sim_model model;
    struct sim_actions actions;
    struct sim_heap ends; /* of what runs, by place */
    uint32_t *jobs;       /* by place */
    uint32_t done;
    uint32_t peak;
};

static void describe(struct sim_k8s_config *config)
{
    k8s_bed_config(config, NODES);
    config->client = (struct sim_k8s_qps){{1000000, SECOND}, PODS};
    config->inflight_max = PODS;
    config->controller.rate.count = 100000;
    config->binding.rate.count = 100000;
    config->groups[0].cpu_milli = 16000;
    config->groups[0].memory_mb = 64000;
    sim_dist_lognormal_fit(&config->api_latency, SECOND / 100, SECOND);
    sim_dist_lognormal_fit(&config->start, SECOND + SECOND / 5,
                           4 * SECOND + SECOND / 2);
}

/* What the platform has done, in order. */
static void follow(struct burst *burst)
{
    static const struct sim_work work = {
        .nominal_ns = RUN_NS, .cpu_ppb = 1000000000, .threads = 1};
    if (burst->actions.failed) {
        bench_fail("no memory for actions");
    }
    struct sim_actions *list = &burst->actions;
    uint32_t count = list->count;
    for (uint32_t i = 0; i < count; i++) {
        struct sim_action action = list->list[i];
        if (action.kind == SIM_ACTION_FORGET) {
            burst->done++;
        } else if (action.kind == SIM_ACTION_FAIL) {
            bench_fail("a pod of the burst has failed");
        } else if (action.kind == SIM_ACTION_START) {
            uint64_t ns =
                burst->model.ops->run_ns(burst->model.self, action.time_ns,
                                         action.place, action.job, &work, list);
            burst->jobs[action.place] = action.job;
            sim_heap_set(&burst->ends, action.place, action.time_ns + ns);
        }
    }
    list->count = 0;
}

static void submit(struct burst *burst, const struct sim_demand *demand)
{
    for (uint32_t i = 0; i < PODS; i++) {
        struct sim_job job = {.id = i, .demand = demand};
        struct sim_submitted answer;
        if (burst->model.ops->submit(burst->model.self, START_NS, &job, &answer,
                                     &burst->actions) != 0 ||
            answer.answer != SIM_SUBMIT_ACCEPTED) {
            bench_fail("a pod of the burst was not taken");
        }
        follow(burst);
    }
}

static void run(struct burst *burst)
{
    const struct sim_model_ops *ops = burst->model.ops;
    void *self = burst->model.self;
    while (burst->done < PODS) {
        uint64_t model_ns = ops->next_ns(self);
        uint64_t end_ns = sim_heap_next(&burst->ends);
        if (model_ns <= end_ns) {
            if (model_ns == SIM_MODEL_NEVER) {
                bench_fail("the burst is stuck");
            }
            ops->advance(self, model_ns, &burst->actions);
        } else {
            uint32_t place = sim_heap_pop(&burst->ends);
            ops->finished(self, end_ns, place, burst->jobs[place],
                          &burst->actions);
        }
        follow(burst);
    }
}

static double measure(void *arg)
{
    struct burst *burst = arg;
    struct sim_k8s_config config;
    struct sim_demand demand = {
        .name = "burst", .cpu_milli = 1000, .memory_mb = 1000, .image = 1};
    memset(burst, 0, sizeof *burst);
    describe(&config);
    uint64_t began_ns = bench_cpu_ns();
    burst->jobs = malloc(PODS * sizeof *burst->jobs);
    if (burst->jobs == NULL || sim_heap_reserve(&burst->ends, PODS) != 0 ||
        sim_k8s_model(&burst->model, &config, 1) != 0) {
        bench_fail("no memory for the cluster");
    }
    submit(burst, &demand);
    run(burst);
    uint64_t took_ns = bench_cpu_ns() - began_ns;
    burst->peak = burst->model.ops->counts(burst->model.self)->places_peak;
    burst->model.ops->free(burst->model.self);
    sim_heap_deinit(&burst->ends);
    sim_actions_free(&burst->actions);
    free(burst->jobs);
    return (double)took_ns / (double)SECOND;
}

void bench_k8s(struct bench *bench)
{
    static struct burst burst;
    bench_case(bench, &(struct bench_case){
                          .name = "k8s: 150,000 pods on 10,000 nodes",
                          .unit = "s",
                          .goal = BENCH_AT_MOST,
                          .target = 2,
                          .measure = measure,
                          .arg = &burst,
                      });
}
