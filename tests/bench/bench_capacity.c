/*
 * Capacity mode at the size it is made for: a million runs of a chain of ten
 * steps with exponential times, on local workers at a load of 0.8, every
 * latency counted. What a pending event costs is measured with a million runs
 * that all wait at once.
 */
#include "sim/capacity.h"

#include "reports/hist.h"
#include "tests/bench/bench.h"

#define STEPS 10
#define RUNS 1000000
#define SLOTS 1000
#define SERVICE_NS UINT64_C(1000000000)
#define AHEAD 64 /* arrivals drawn at once; divides RUNS */

struct study {
    struct engine_graph *graph;
    struct sim_step steps[STEPS];
    const struct engine_graph *graphs[1];
    const struct sim_step *step_lists[1];
    struct sim_dist gap;
    struct engine_stream gaps;
    uint64_t gaps_ns[AHEAD];
    uint64_t due_ns;
    struct report_hist latency;
    uint64_t decide_ns;
    uint64_t hold_ns;
    bool at_once; /* all runs are due at the start */
};

static uint64_t arrival(void *self, uint64_t index)
{
    struct study *study = self;
    if (study->at_once)
        return 0;
    if (index % AHEAD == 0)
        sim_dist_fill(&study->gap, &study->gaps, index, study->gaps_ns, AHEAD);
    study->due_ns += study->gaps_ns[index % AHEAD];
    return study->due_ns;
}

static void run_ended(void *self, const struct sim_capacity_run *run)
{
    struct study *study = self;
    report_hist_record(&study->latency, run->end_ns - run->due_ns);
}

/* A chain of steps, or one wait of an hour. */
static struct engine_graph *make_graph(enum engine_node_kind kind,
                                       uint32_t count)
{
    static const char *const names[STEPS] = {"a", "b", "c", "d", "e",
                                             "f", "g", "h", "i", "j"};
    static const char *const in[] = {"in"};
    static const char *const out[] = {"out"};
    struct engine_node nodes[STEPS];
    struct engine_edge_names edges[STEPS];
    for (uint32_t i = 0; i < count; i++) {
        nodes[i] = (struct engine_node){
            .name = names[i],
            .kind = kind,
            .wait_ns = 3600 * SERVICE_NS,
            .attempt_timeout_ns = 3600 * SERVICE_NS,
            .side_effect = ENGINE_EFFECT_IDEMPOTENT,
            .semantics = ENGINE_AT_LEAST_ONCE,
            .retry = {.attempts_max = 1, .factor_milli = 1000},
            .inputs = in,
            .input_count = 1,
            .outputs = out,
            .output_count = 1};
        if (i > 0)
            edges[i - 1] =
                (struct engine_edge_names){names[i - 1], "out", names[i], "in"};
    }
    return engine_graph_new("bench", nodes, count, edges, count - 1, NULL);
}

static struct sim_capacity *open_study(struct study *study)
{
    study->graphs[0] = study->graph;
    study->step_lists[0] = study->steps;
    struct sim_capacity_config config = {
        .seed = 1,
        .start_ns = 1,
        .end_ns = UINT64_MAX - 1,
        .graphs = study->graphs,
        .steps = study->step_lists,
        .graph_count = 1,
        .runs = RUNS,
        .decide_ns = study->decide_ns,
        .hold_ns = study->hold_ns,
        .slots = SLOTS,
        .arrival = arrival,
        .arrival_self = study,
        .run_ended = run_ended,
        .run_ended_self = study,
    };
    struct sim_capacity *capacity;
    study->due_ns = 0;
    report_hist_clear(&study->latency);
    if (!study->graph || sim_capacity_new(&capacity, &config) != 0)
        bench_fail("no memory for a capacity study");
    return capacity;
}

static struct sim_capacity_counts walk(struct study *study)
{
    struct sim_capacity *capacity = open_study(study);
    int more = 1;
    while (more > 0)
        more = sim_capacity_run(capacity, 1000000);
    struct sim_capacity_counts counts = sim_capacity_counts(capacity);
    if (more < 0 || counts.succeeded != RUNS || study->latency.count != RUNS)
        bench_fail("not every run of the capacity study has ended");
    sim_capacity_free(capacity);
    return counts;
}

static double measure_chain(void *arg)
{
    uint64_t began_ns = bench_cpu_ns();
    struct sim_capacity_counts counts = walk(arg);
    if (counts.attempts != (uint64_t)RUNS * STEPS)
        bench_fail("not every step of the capacity study was placed");
    return (double)(bench_cpu_ns() - began_ns) / 1e9;
}

static double measure_event(void *arg)
{
    struct sim_capacity_counts counts = walk(arg);
    if (counts.pending_peak < RUNS)
        bench_fail("not all runs waited at once");
    return (double)counts.queue_bytes / (double)counts.pending_peak;
}

static double measure_run(void *arg)
{
    struct sim_capacity_counts counts = walk(arg);
    return (double)counts.state_bytes / (double)counts.in_flight_peak;
}

static void make_chain(struct study *study, uint64_t decide_ns,
                       uint64_t hold_ns)
{
    /* 0.8 of the slots are busy: STEPS attempts a run and gap. */
    uint64_t gap_ns = STEPS * (SERVICE_NS + hold_ns) * 10 / 8 / SLOTS;
    *study = (struct study){.graph = make_graph(ENGINE_NODE_STEP, STEPS),
                            .decide_ns = decide_ns,
                            .hold_ns = hold_ns};
    for (uint32_t i = 0; i < STEPS; i++)
        sim_dist_exponential(&study->steps[i].duration, SERVICE_NS);
    sim_dist_exponential(&study->gap, gap_ns);
    engine_stream_init(&study->gaps, 1, "bench/arrivals", 0);
    if (report_hist_init(&study->latency, 3) != 0)
        bench_fail("no memory for a histogram");
}

static void free_study(struct study *study)
{
    engine_graph_free(study->graph);
    report_hist_deinit(&study->latency);
}

static void bench_chain(struct bench *bench, const char *name,
                        uint64_t decide_ns, uint64_t hold_ns)
{
    struct study chain;
    make_chain(&chain, decide_ns, hold_ns);
    bench_case(bench, &(struct bench_case){.name = name,
                                           .unit = "s",
                                           .goal = BENCH_AT_MOST,
                                           .target = 4,
                                           .measure = measure_chain,
                                           .arg = &chain});
    free_study(&chain);
}

void bench_capacity(struct bench *bench)
{
    bench_chain(bench, "capacity: 1M runs of 10 steps, engine 0 ms", 0, 0);
    bench_chain(bench, "capacity: 1M runs of 10 steps, engine 7 ms", 3000000,
                4000000);
    struct study waits = {.graph = make_graph(ENGINE_NODE_WAIT, 1),
                          .at_once = true};
    if (report_hist_init(&waits.latency, 3) != 0)
        bench_fail("no memory for a histogram");
    bench_case(bench, &(struct bench_case){.name = "capacity: a pending event",
                                           .unit = "bytes",
                                           .goal = BENCH_AT_MOST,
                                           .target = 40,
                                           .measure = measure_event,
                                           .arg = &waits});
    bench_case(bench, &(struct bench_case){.name = "capacity: a run in flight",
                                           .unit = "bytes",
                                           .goal = BENCH_NO_GOAL,
                                           .measure = measure_run,
                                           .arg = &waits});
    free_study(&waits);
}
