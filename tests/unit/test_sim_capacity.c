#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/capacity.h"
#include "sim/platform/lambda_model.h"

#define START_NS UINT64_C(1000000000)
#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)

enum {
    NODES_MAX = 12
};

/* A study of one workflow; the tests fill in what they are about. */
struct bed {
    struct engine_node nodes[NODES_MAX];
    struct engine_edge_names edges[2 * NODES_MAX];
    uint32_t node_count;
    uint32_t edge_count;
    struct engine_graph *graph;
    const struct engine_graph *graphs[1];
    struct sim_step steps[NODES_MAX];
    const struct sim_step *step_lists[1];
    struct sim_demand demands[NODES_MAX];
    const struct sim_demand *demand_lists[1];
    struct sim_capacity_config config;
    struct sim_dist gap;
    struct engine_stream gaps;
    uint64_t due_ns;
    uint64_t latency_us; /* of all runs that have ended */
    uint64_t latency_max_ns;
    uint64_t last_end_ns;
    struct engine_sink sink;
    struct engine_digest digest;
    uint64_t kinds[ENGINE_REC_COUNT];
    uint64_t throttled_last_ns;
    uint64_t pause_max_ns; /* between two throttled tries of a run */
};

static uint64_t poisson(void *self, uint64_t index)
{
    struct bed *bed = self;
    if (index > 0)
        bed->due_ns += sim_dist_draw(&bed->gap, &bed->gaps, index);
    return bed->due_ns;
}

static uint64_t at_once(void *self, uint64_t index)
{
    (void)self;
    (void)index;
    return 0;
}

static void run_ended(void *self, const struct sim_capacity_run *run)
{
    struct bed *bed = self;
    uint64_t latency_ns = run->end_ns - run->due_ns;
    cr_assert_geq(run->end_ns, bed->last_end_ns);
    bed->last_end_ns = run->end_ns;
    bed->latency_us += latency_ns / 1000;
    if (latency_ns > bed->latency_max_ns)
        bed->latency_max_ns = latency_ns;
}

static void emit(void *self, const struct engine_record *record)
{
    struct bed *bed = self;
    engine_digest_add(&bed->digest, record, 1);
    bed->kinds[record->kind]++;
    if (record->kind != ENGINE_REC_THROTTLED || record->run != 2)
        return;
    uint64_t pause_ns = record->time_ns - bed->throttled_last_ns;
    if (bed->throttled_last_ns && pause_ns > bed->pause_max_ns)
        bed->pause_max_ns = pause_ns;
    bed->throttled_last_ns = record->time_ns;
}

static void bed_init(struct bed *bed, uint64_t runs, uint64_t slots)
{
    memset(bed, 0, sizeof(*bed));
    bed->config = (struct sim_capacity_config){
        .seed = 7,
        .start_ns = START_NS,
        .end_ns = UINT64_MAX - 1,
        .graphs = bed->graphs,
        .steps = bed->step_lists,
        .graph_count = 1,
        .runs = runs,
        .slots = slots,
        .arrival = at_once,
        .arrival_self = bed,
        .run_ended = run_ended,
        .run_ended_self = bed,
    };
    bed->step_lists[0] = bed->steps;
    bed->sink = (struct engine_sink){emit, bed};
    engine_digest_init(&bed->digest);
    engine_stream_init(&bed->gaps, 7, "test/gaps", 0);
}

/* Runs come by chance, one in a mean gap. */
static void load(struct bed *bed, uint64_t gap_ns)
{
    cr_assert_eq(sim_dist_exponential(&bed->gap, gap_ns), 0);
    bed->config.arrival = poisson;
}

static const char *const handles[NODES_MAX] = {"0", "1", "2", "3", "4",  "5",
                                               "6", "7", "8", "9", "10", "11"};

/* Adds a step of constant time; its number. */
static uint32_t step(struct bed *bed, uint64_t takes_ns)
{
    static const char *const names[NODES_MAX] = {"a", "b", "c", "d", "e", "f",
                                                 "g", "h", "i", "j", "k", "l"};
    uint32_t at = bed->node_count++;
    bed->nodes[at] = (struct engine_node){
        .name = names[at],
        .kind = ENGINE_NODE_STEP,
        .attempt_timeout_ns = 1000 * SECOND,
        .side_effect = ENGINE_EFFECT_IDEMPOTENT,
        .semantics = ENGINE_AT_LEAST_ONCE,
        .retry = {.attempts_max = 1, .factor_milli = 1000},
        .inputs = handles,
        .outputs = handles,
        .output_count = 1,
    };
    cr_assert_eq(sim_dist_constant(&bed->steps[at].duration, takes_ns), 0);
    return at;
}

static uint32_t exponential(struct bed *bed, uint64_t mean_ns)
{
    uint32_t at = step(bed, 0);
    cr_assert_eq(sim_dist_exponential(&bed->steps[at].duration, mean_ns), 0);
    return at;
}

static void join(struct bed *bed, uint32_t from, uint32_t to)
{
    struct engine_node *node = &bed->nodes[to];
    bed->edges[bed->edge_count++] =
        (struct engine_edge_names){bed->nodes[from].name, handles[0],
                                   node->name, handles[node->input_count++]};
}

static struct sim_capacity_counts run(struct bed *bed)
{
    struct sim_capacity *capacity;
    bed->graph = engine_graph_new("test", bed->nodes, bed->node_count,
                                  bed->edges, bed->edge_count, NULL);
    cr_assert_not_null(bed->graph);
    bed->graphs[0] = bed->graph;
    cr_assert_eq(sim_capacity_new(&capacity, &bed->config), 0);
    int more = 1;
    while (more > 0)
        more = sim_capacity_run(capacity, 1000);
    cr_assert_eq(more, 0);
    struct sim_capacity_counts counts = sim_capacity_counts(capacity);
    sim_capacity_free(capacity);
    engine_graph_free(bed->graph);
    return counts;
}

static void within(double found, double wanted, double percent)
{
    cr_assert_float_eq(found / wanted, 1, percent / 100, "found %g, wanted %g",
                       found, wanted);
}

static double mean_latency_s(const struct bed *bed)
{
    return (double)bed->latency_us / 1e6 / (double)bed->config.runs;
}

Test(sim_capacity, waits_are_those_of_erlang_c)
{
    /* M/M/c: servers, load, mean wait in service times. */
    static const struct {
        uint32_t servers;
        double load;
        double wait;
        double percent;
    } cases[] = {
        {1, 0.5, 1.000000000, 3},  {1, 0.8, 4.000000000, 5},
        {4, 0.8, 0.745540590, 4},  {8, 0.7, 0.112751222, 4},
        {16, 0.9, 0.369589621, 6}, {64, 0.8, 0.004379404, 10},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct bed bed;
        bed_init(&bed, 400000, cases[i].servers);
        exponential(&bed, SECOND);
        load(&bed, (uint64_t)(1e9 / (cases[i].load * cases[i].servers)));
        struct sim_capacity_counts counts = run(&bed);
        cr_assert_eq(counts.succeeded, bed.config.runs);
        within((double)counts.waited_us / 1e6 / (double)counts.attempts,
               cases[i].wait, cases[i].percent);
        within(mean_latency_s(&bed), 1 + cases[i].wait, cases[i].percent);
        within((double)counts.busy_us / 1e6 / cases[i].servers /
                   ((double)(counts.now_ns - START_NS) / 1e9),
               cases[i].load, 2);
        cr_assert_leq(counts.busy_peak, cases[i].servers);
    }
}

Test(sim_capacity, waits_for_constant_service_are_half_of_exponential)
{
    struct bed bed;
    bed_init(&bed, 400000, 1);
    step(&bed, SECOND);
    load(&bed, SECOND * 10 / 8);
    struct sim_capacity_counts counts = run(&bed);
    /* Pollaczek-Khinchine at 0.8 and no variance. */
    within((double)counts.waited_us / 1e6 / (double)counts.attempts, 2, 4);
}

Test(sim_capacity, a_chain_takes_the_sum_of_its_steps_and_of_the_engine)
{
    struct bed bed;
    bed_init(&bed, 10, 100);
    bed.config.decide_ns = 3 * MS;
    bed.config.hold_ns = 5 * MS;
    for (uint32_t i = 0; i < 4; i++) {
        step(&bed, 100 * MS);
        if (i > 0)
            join(&bed, i - 1, i);
    }
    bed.nodes[2].kind = ENGINE_NODE_WAIT;
    bed.nodes[2].wait_ns = 7 * SECOND;
    struct sim_capacity_counts counts = run(&bed);
    cr_assert_eq(counts.succeeded, 10);
    cr_assert_eq(counts.attempts, 30);
    /* The start's decision, three steps each with its own, a wait. */
    cr_assert_eq(bed.latency_max_ns, (3 + 3 * (100 + 5 + 3)) * MS + 7 * SECOND);
    cr_assert_eq(bed.latency_us * 1000, 10 * bed.latency_max_ns);
}

Test(sim_capacity, a_chain_of_exponential_steps_takes_the_sum_of_their_means)
{
    struct bed bed;
    bed_init(&bed, 100000, 10000000);
    for (uint32_t i = 0; i < 10; i++) {
        exponential(&bed, SECOND);
        if (i > 0)
            join(&bed, i - 1, i);
    }
    load(&bed, 10 * MS);
    run(&bed);
    within(mean_latency_s(&bed), 10, 1);
}

Test(sim_capacity, a_fan_in_waits_for_the_slowest)
{
    struct bed bed;
    bed_init(&bed, 200000, 10000000);
    uint32_t first = step(&bed, 0);
    uint32_t last = step(&bed, 0);
    for (uint32_t i = 0; i < 8; i++) {
        uint32_t branch = exponential(&bed, SECOND);
        join(&bed, first, branch);
        join(&bed, branch, last);
    }
    load(&bed, 10 * MS);
    struct sim_capacity_counts counts = run(&bed);
    cr_assert_eq(counts.attempts, 10 * bed.config.runs);
    within(mean_latency_s(&bed), 2.717857, 1); /* E[max of 8 exp(1)] */
}

Test(sim_capacity, retries_are_counted_and_delayed)
{
    struct bed bed;
    bed_init(&bed, 50, 1000);
    step(&bed, SECOND);
    bed.nodes[0].retry = (struct engine_retry){.attempts_max = 4,
                                               .factor_milli = 2000,
                                               .delay_ns = SECOND,
                                               .delay_max_ns = 60 * SECOND,
                                               .jitter = ENGINE_JITTER_NONE};
    bed.steps[0].fail_first = 3;
    bed.steps[0].fail_retryable = true;
    struct sim_capacity_counts counts = run(&bed);
    cr_assert_eq(counts.succeeded, 50);
    cr_assert_eq(counts.attempts, 200);
    cr_assert_eq(counts.retries, 150);
    cr_assert_eq(bed.latency_max_ns, 4 * SECOND + (1 + 2 + 4) * SECOND);
}

Test(sim_capacity, a_run_fails_once_its_attempts_are_used_up)
{
    struct bed bed;
    bed_init(&bed, 20000, 1000000);
    uint32_t bad = step(&bed, SECOND);
    uint32_t slow = step(&bed, 9 * SECOND);
    uint32_t after = step(&bed, SECOND);
    join(&bed, bad, after);
    join(&bed, slow, after);
    bed.nodes[bad].retry.attempts_max = 2;
    bed.steps[bad].fail_ppb = 500000000;
    bed.steps[bad].fail_retryable = true;
    struct sim_capacity_counts counts = run(&bed);
    cr_assert_eq(counts.failed + counts.succeeded, 20000);
    cr_assert_eq(counts.in_flight, 0);
    within((double)counts.failed, 20000 * 0.25, 5);
    /* A failed run starts nothing, but its slow step goes on to its end. */
    cr_assert_eq(counts.attempts, 40000 + counts.retries + counts.succeeded);
    cr_assert_eq(bed.latency_max_ns, 10 * SECOND);
}

Test(sim_capacity, an_attempt_over_its_limit_is_cut_and_repeated_if_it_may_be)
{
    for (int irreversible = 0; irreversible < 2; irreversible++) {
        struct bed bed;
        bed_init(&bed, 10, 100);
        step(&bed, 50 * SECOND);
        bed.nodes[0].attempt_timeout_ns = 2 * SECOND;
        if (irreversible)
            bed.nodes[0].side_effect = ENGINE_EFFECT_IRREVERSIBLE;
        else
            bed.nodes[0].retry.attempts_max = 3;
        struct sim_capacity_counts counts = run(&bed);
        cr_assert_eq(counts.timeouts, irreversible ? 10 : 30);
        cr_assert_eq(counts.blocked, irreversible ? 10 : 0);
        cr_assert_eq(counts.failed, irreversible ? 0 : 10);
        cr_assert_eq(bed.latency_max_ns,
                     irreversible ? 2 * SECOND : 6 * SECOND);
    }
}

Test(sim_capacity, memory_follows_the_runs_in_flight_and_not_all_runs)
{
    struct bed bed;
    bed_init(&bed, 300000, 100);
    for (uint32_t i = 0; i < 10; i++) {
        exponential(&bed, SECOND);
        if (i > 0)
            join(&bed, i - 1, i);
    }
    load(&bed, 125 * MS);
    struct sim_capacity_counts counts = run(&bed);
    cr_assert_lt(counts.in_flight_peak, 1000);
    cr_assert_leq(counts.state_bytes,
                  8 + 64 * counts.in_flight_peak + UINT64_C(16) * 1024);
    cr_assert_leq(counts.pending_peak, 101);
}

Test(sim_capacity, what_is_later_than_the_end_does_not_happen)
{
    struct bed bed;
    bed_init(&bed, 10, 1);
    step(&bed, SECOND);
    bed.config.end_ns = START_NS + 5 * SECOND;
    struct sim_capacity_counts counts = run(&bed);
    cr_assert_eq(counts.succeeded, 5);
    cr_assert_eq(counts.in_flight, 5);
    cr_assert_eq(counts.queued, 4);
}

Test(sim_capacity, the_same_seed_gives_the_same_records)
{
    struct engine_hash hashes[3];
    for (uint32_t i = 0; i < 3; i++) {
        struct bed bed;
        bed_init(&bed, 2000, 8);
        bed.config.sink = &bed.sink;
        bed.config.seed = i < 2 ? 11 : 12;
        bed.config.decide_ns = MS;
        uint32_t first = exponential(&bed, SECOND);
        join(&bed, first, exponential(&bed, SECOND));
        bed.nodes[1].retry.attempts_max = 3;
        bed.steps[1].fail_ppb = 100000000;
        bed.steps[1].fail_retryable = true;
        load(&bed, 300 * MS);
        struct sim_capacity_counts counts = run(&bed);
        cr_assert_eq(bed.kinds[ENGINE_REC_WORK_PUT], counts.attempts);
        cr_assert_eq(bed.kinds[ENGINE_REC_WORK_DONE], counts.attempts);
        cr_assert_eq(bed.kinds[ENGINE_REC_START_SENT], 2000);
        hashes[i] = bed.digest.hash;
    }
    cr_assert_eq(memcmp(&hashes[0], &hashes[1], sizeof(hashes[0])), 0);
    cr_assert_neq(memcmp(&hashes[0], &hashes[2], sizeof(hashes[0])), 0);
}

/* Lambda with so many environments in all, ready after 250 ms. */
static void use_lambda(struct bed *bed, uint32_t concurrency)
{
    struct sim_lambda_config config = {
        .account_concurrency = concurrency,
        .scaling_burst = 1000,
        .scaling_refill = {1000, 10 * SECOND},
        .request_rate = {1000, SECOND},
        .init_limit_ns = 10 * SECOND,
        .mb_per_vcpu = 1769,
        .vcpu_max = 6,
        .memory_min_mb = 128,
        .memory_max_mb = 10240,
        .timeout_max_ns = 900 * SECOND,
        .sync_payload_max = 6291556,
        .async_payload_max = 1048576,
        .billing_step_ns = MS,
        .init_billed = true,
        .price_request_pico = 200000,
    };
    struct sim_lambda_function function = {
        .timeout_ns = 900 * SECOND,
        .memory_mb = 1769,
        .reserved = SIM_LAMBDA_UNRESERVED,
        .price_gb_s_pico = 16666700,
    };
    sim_dist_constant(&config.idle_expiry, 600 * SECOND);
    sim_dist_constant(&function.placement, 50 * MS);
    sim_dist_constant(&function.init, 200 * MS);
    struct sim_lambda_model_config model = {
        .lambda = config,
        .functions = &function,
        .function_count = 1,
        .mode = SIM_LAMBDA_SYNC,
    };
    cr_assert_eq(sim_lambda_model(&bed->config.model, &model, 7), 0);
    bed->demand_lists[0] = bed->demands;
    bed->config.demands = bed->demand_lists;
    bed->config.slots = 0;
    bed->config.threads = 1;
    bed->config.payload_bytes = 100;
    bed->config.sink = &bed->sink;
}

static const struct sim_lambda_counts *lambda_counts(const struct bed *bed)
{
    return sim_lambda_counts(sim_lambda_model_platform(&bed->config.model));
}

static void free_lambda(struct bed *bed)
{
    bed->config.model.ops->free(bed->config.model.self);
}

Test(sim_capacity, lambda_starts_cold_once_and_stays_warm)
{
    struct bed bed;
    bed_init(&bed, 1, 0);
    use_lambda(&bed, 10);
    uint32_t first = step(&bed, SECOND);
    join(&bed, first, step(&bed, SECOND));
    bed.config.hold_ns = 10 * MS;
    struct sim_capacity_counts counts = run(&bed);
    cr_assert_eq(counts.succeeded, 1);
    cr_assert_eq(lambda_counts(&bed)->cold, 1);
    cr_assert_eq(lambda_counts(&bed)->warm, 1);
    cr_assert_eq(bed.latency_max_ns, 250 * MS + 2 * (SECOND + 10 * MS));
    free_lambda(&bed);
}

Test(sim_capacity, throttled_steps_come_back_within_the_longest_backoff)
{
    struct bed bed;
    bed_init(&bed, 2, 0);
    use_lambda(&bed, 1);
    step(&bed, 800 * SECOND);
    struct sim_capacity_counts counts = run(&bed);
    cr_assert_eq(counts.succeeded, 2);
    cr_assert_gt(counts.throttled, 80);
    cr_assert_lt(counts.throttled, 300); /* 160 are expected */
    cr_assert_eq(counts.throttled, bed.kinds[ENGINE_REC_THROTTLED]);
    cr_assert_leq(bed.pause_max_ns, SIM_CAPACITY_BACKOFF_MAX_NS);
    cr_assert_gt(bed.pause_max_ns, SIM_CAPACITY_BACKOFF_MAX_NS / 2);
    cr_assert_eq(counts.busy_peak, 1);
    free_lambda(&bed);
}

Test(sim_capacity, lambda_kills_what_runs_over_its_limit)
{
    struct bed bed;
    bed_init(&bed, 3, 0);
    use_lambda(&bed, 10);
    step(&bed, 901 * SECOND);
    bed.nodes[0].retry.attempts_max = 2;
    struct sim_capacity_counts counts = run(&bed);
    cr_assert_eq(counts.failed, 3);
    cr_assert_eq(counts.timeouts, 6);
    cr_assert_eq(bed.kinds[ENGINE_REC_KILLED], 6);
    cr_assert_eq(bed.kinds[ENGINE_REC_ENV_ENDED], 6);
    cr_assert_eq(lambda_counts(&bed)->killed, 6);
    free_lambda(&bed);
}

Test(sim_capacity, refuses_what_it_cannot_simulate)
{
    struct bed bed;
    struct sim_capacity *capacity;
    bed_init(&bed, 1, 0);
    cr_assert_eq(sim_capacity_new(&capacity, &bed.config), SIM_CAPACITY_ERANGE);
    cr_assert_null(capacity);
    bed.config.slots = 1;
    bed.config.runs = SIM_CAPACITY_RUNS_MAX + UINT64_C(1);
    cr_assert_eq(sim_capacity_new(&capacity, &bed.config), SIM_CAPACITY_ERANGE);
}
