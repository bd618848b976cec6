#include "scenarios/bounds.h"

#include "engine/decide.h"
#include "engine/failure.h"
#include "scenarios/platform.h"

enum {
    UNHEALED_FACTOR = 20, /* bounds of a world in which faults go on */
    EXCHANGES = 10        /* times that a request may have to be repeated */
};

/* The delays between all attempts of an operation, without jitter. */
static uint64_t retry_time(const struct engine_retry *retry)
{
    uint64_t sum = 0;
    for (uint32_t n = 2; n <= retry->attempts_max && n <= 64; n++) {
        struct engine_retry steady = *retry;
        steady.jitter = ENGINE_JITTER_NONE;
        sum += engine_retry_delay(&steady, 0, 1, 0, n);
    }
    return sum;
}

/* Of what is drawn, one in a thousand is above. */
static uint64_t late(const struct sim_dist *dist)
{
    return sim_dist_at(dist, UINT64_MAX / 1000 * 999);
}

/* Until a platform that rents its machines has one more, and begins. */
static uint64_t start_time(const struct profile *profile)
{
    const struct sim_batch_config *b = &profile->batch.config;
    const struct sim_k8s_config *k = &profile->k8s.config;
    if (profile->platform == &profile_batch_platform)
        return late(&b->scheduling) + b->tick_ns + b->provision_min_ns +
               late(&b->provision) + late(&b->agent) + late(&b->container) +
               b->capacity_backoff_ns;
    if (profile->platform == &profile_k8s_platform)
        return k->scan_ns + late(&k->decision) + k->batch_max_ns +
               late(&k->boot) + late(&k->start);
    return 0;
}

/* The slowest of them. */
static uint64_t longest_start(const struct scenario *scenario)
{
    uint64_t longest = 0;
    for (uint32_t i = 0; i < scenario->platform_count; i++) {
        uint64_t start = start_time(scenario_profile(scenario, i));
        longest = start > longest ? start : longest;
    }
    return longest;
}

/* Attempts that go on to another platform are on top of the policy's. */
static uint64_t fallback_time(const struct scenario_engine *engine,
                              const struct engine_node *node)
{
    uint32_t others = node->platform_count ? node->platform_count - 1 : 0;
    return others * (engine->claim_ttl_ns +
                     retry_time(engine_failure_policy(ENGINE_ERR_THROTTLED)));
}

static uint64_t node_time(const struct scenario_engine *engine,
                          const struct engine_node *node)
{
    return node->kind == ENGINE_NODE_WAIT
               ? node->wait_ns + engine->scan_ns
               : node->attempt_timeout_ns + engine->claim_ttl_ns +
                     retry_time(&node->retry) + fallback_time(engine, node);
}

/* Of the workflow that takes longest, one operation after another. */
static uint64_t work_time(const struct scenario *scenario)
{
    uint64_t longest = 0;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct engine_graph *graph = scenario->workflows[w].graph;
        uint64_t sum = engine_graph_count(graph) * longest_start(scenario);
        for (uint32_t i = 0; i < engine_graph_count(graph); i++)
            sum += node_time(&scenario->engine, engine_graph_node(graph, i));
        longest = sum > longest ? sum : longest;
    }
    return longest;
}

/* The longest time that a step asks its platform to wait with it. */
static uint64_t longest_eta(const struct scenario *scenario)
{
    uint64_t longest = 0;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        for (uint32_t i = 0; i < scenario_step_count(workflow); i++) {
            uint64_t eta = workflow->steps[i].needs.demand.eta_ns;
            longest = eta > longest ? eta : longest;
        }
    }
    return longest;
}

/* Two clocks drift apart while a lease runs. */
static uint64_t lease_drift(const struct scenario *scenario)
{
    uint64_t ppm = scenario->envelope.drift_ppb_max / 1000 + 1;
    return scenario->engine.lease_ttl_ns / 1000000 * ppm * 2;
}

void bounds_init(struct bounds *bounds, const struct scenario *scenario,
                 enum check_heal heal)
{
    const struct scenario_engine *e = &scenario->engine;
    uint64_t exchange = EXCHANGES * e->request_timeout_ns;
    uint64_t taken_over = e->lease_ttl_ns + e->scan_ns + e->skew_bound_ns;
    uint64_t handed_out = taken_over + 2 * e->dispatch_timeout_ns +
                          e->claim_ttl_ns + exchange + e->restart_ns +
                          longest_eta(scenario);
    uint64_t work = work_time(scenario) + 2 * e->lease_ttl_ns + e->scan_ns +
                    exchange + e->restart_ns;
    *bounds = (struct bounds){
        {[BOUND_PROGRESS] =
             {"bound B1, B2: a run's progress after the last fault (L1, L2)",
              "operations of the longest workflow, each with attempt timeout, "
              "claim, back-offs, platforms to fall back to and the start of a "
              "rented machine, + 2 leases + scan + 10 request timeouts + "
              "restart",
              work},
         [BOUND_ORPHAN] = {"bound B3: an orphan is leased again (L3)",
                           "lease + scan + skew bound + 2 request timeouts + "
                           "drift over a lease",
                           taken_over + 2 * e->request_timeout_ns +
                               lease_drift(scenario)},
         [BOUND_LIVELOCK] = {"bound B4: between two advances (L4)",
                             "lease + scan + skew bound + 2 dispatch timeouts "
                             "+ claim + 10 request timeouts + restart + the "
                             "longest eta + start of a rented machine",
                             handed_out + longest_start(scenario)},
         [BOUND_TIMER] = {"bound B5: a timer's lateness (L5)",
                          "lease + scan + 5 request timeouts",
                          e->lease_ttl_ns + e->scan_ns +
                              5 * e->request_timeout_ns},
         [BOUND_WAITING] = {"bound B6: work beside a free slot (L6)",
                            "lease + scan + skew bound + 2 dispatch timeouts + "
                            "claim + 10 request timeouts + restart + the "
                            "longest eta",
                            handed_out},
         [BOUND_GOODPUT] = {"bound B7: goodput after the last fault (L7, L8)",
                            "as B1, for the fault to be over and for each run "
                            "from its start",
                            work}}};
    if (heal != CHECK_HEAL_NONE)
        return;
    bounds->list[BOUND_LIVELOCK].ns *= UNHEALED_FACTOR;
    bounds->list[BOUND_LIVELOCK].formula =
        "20 times (lease + scan + skew bound + 2 dispatch timeouts + claim + "
        "10 request timeouts + restart + the longest eta + start of a rented "
        "machine), since faults go on";
}

/* The load ------------------------------------------------------------------
 */

enum {
    MEAN_POINTS = 64,
    ARRIVALS_SEEN = 1000 /* so many tell the rate */
};

/* The mean of a duration, by its values at even distances. */
static uint64_t mean(const struct sim_dist *dist)
{
    struct engine_stream stream;
    uint64_t sum = 0;
    engine_stream_init(&stream, 1, "scenario/bounds", 0);
    for (uint32_t i = 0; i < MEAN_POINTS; i++)
        sum += sim_dist_draw(dist, &stream, i) / MEAN_POINTS;
    return sum;
}

/* What a run asks of the platform: its steps, each once. */
static uint64_t run_time(const struct scenario_workflow *workflow)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < scenario_step_count(workflow); i++)
        sum += mean(&workflow->steps[i].duration);
    return sum;
}

uint64_t bounds_load(const struct scenario *scenario)
{
    uint64_t slots = scenario_concurrency(scenario), work = 0;
    if (!slots || scenario->runs < 2 || !scenario->started_count ||
        scenario->mode != SCENARIO_MODE_FULL || scenario_has_programs(scenario))
        return 0;
    for (uint32_t i = 0; i < scenario->started_count; i++)
        work += run_time(&scenario->workflows[scenario->started[i]]) /
                scenario->started_count;
    struct arrivals arrivals = scenario->arrivals;
    arrivals_seed(&arrivals, 1);
    uint64_t last =
        scenario->runs < ARRIVALS_SEEN ? scenario->runs - 1 : ARRIVALS_SEEN - 1;
    uint64_t first = arrivals_time(&arrivals, 0);
    uint64_t gap = (arrivals_time(&arrivals, last) - first) / last;
    uint64_t room = gap * slots;
    return room ? 1 + work / (room / 1000 + 1) : 0;
}
