#include "scenarios/platform.h"

#include <stdlib.h>

static struct sim_worker_config worker_config(struct scenario_world *world)
{
    const struct scenario_engine *engine = &world->scenario->engine;
    return (struct sim_worker_config){
        .world = world->sim,
        .engine =
            {
                .store = SIM_NODE_STORE,
                .slots = 1,
                .graphs = world->graphs,
                .graph_count = world->scenario->workflow_count,
                .claim_ttl_ns = engine->claim_ttl_ns,
                .skew_bound_ns = engine->skew_bound_ns,
                .request_timeout_ns = engine->request_timeout_ns,
                .inline_max = engine->inline_max,
                .defects = {&world->points, 0, SIM_NODE_WORKER},
                .scratch = &world->scratch,
                .limits = &world->scenario->engine.limits.limits,
                .optimistic = engine->optimistic,
                .checkpoint_window_ns = engine->checkpoint_window_ns,
            },
        .steps = world->steps,
        .programs = world->programs,
        .effect_timeout_ns = engine->effect_timeout_ns,
        .retries_bounded = engine->retries_bounded,
        .retry_share_milli = engine->retry_share_milli,
        .retry_burst = engine->retry_burst,
    };
}

static struct sim_demand demand_of(const struct scenario *scenario,
                                   uint32_t index, uint32_t op)
{
    const struct scenario_workflow *workflow = &scenario->workflows[index];
    const struct sim_needs *needs =
        workflow->program ? &workflow->needs : &workflow->steps[op].needs;
    struct sim_demand demand = needs->demand;
    demand.name = engine_graph_node(workflow->graph, op)->name;
    demand.function = index;
    for (uint32_t i = 0; i < SIM_MODEL_LABELS_MAX; i++)
        if (needs->labels[i][0])
            demand.labels[i] = needs->labels[i];
    return demand;
}

/*
 * Which function of Lambda a step is: its workflow's, or one for each size of
 * memory that steps of the workflow ask for, behind all workflows'.
 */
static uint32_t function_of(const struct sim_demand *demands, uint32_t op,
                            uint32_t *next)
{
    if (demands[op].memory_mb == 0)
        return demands[op].function;
    for (uint32_t i = 0; i < op; i++)
        if (demands[i].memory_mb == demands[op].memory_mb)
            return demands[i].function;
    return (*next)++;
}

/* What each operation asks of its platform: for a workflow, by operation. */
static bool make_demands(struct scenario_world *world)
{
    const struct scenario *scenario = world->scenario;
    uint32_t count = 0;
    for (uint32_t i = 0; i < scenario->workflow_count; i++)
        count += engine_graph_count(scenario->workflows[i].graph);
    struct sim_demand *demands = calloc(count, sizeof(*demands));
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers. */
    world->demands = calloc(scenario->workflow_count, sizeof(*world->demands));
    if (!demands || !world->demands) {
        free(demands);
        return false;
    }
    world->demand_count = count;
    uint32_t functions = scenario->workflow_count;
    for (uint32_t i = 0; i < scenario->workflow_count; i++) {
        const struct engine_graph *graph = scenario->workflows[i].graph;
        world->demands[i] = demands;
        for (uint32_t op = 0; op < engine_graph_count(graph); op++) {
            demands[op] = demand_of(scenario, i, op);
            demands[op].function = function_of(demands, op, &functions);
        }
        demands += engine_graph_count(graph);
    }
    return true;
}

static bool make_front(struct scenario_world *world,
                       struct scenario_platform *platform)
{
    struct sim_clock clock;
    const struct profile *profile = platform->profile;
    struct sim_front_config config = {
        .world = world->sim,
        .model = platform->model,
        .node = platform->node,
        .worker_first = platform->worker_first,
        .worker_count = platform->worker_count,
        .slots = 1,
        .restart_ns = platform->restart_ns,
        .threads = profile->threads ? profile->threads : 1,
        .demands = (const struct sim_demand *const *)world->demands,
        .payload_bytes = sizeof(struct engine_message),
        .worker = worker_config(world),
        .clock = scenario_clock,
        .clock_self = world,
        .seed = world->seed,
    };
    uint32_t index = (uint32_t)(platform - world->platforms);
    const struct sim_credentials_config *credentials =
        &world->scenario->platforms[index].credentials;
    sim_credentials_init(&platform->credentials, credentials,
                         world->seed + index, world->sim->now_ns);
    if (credentials->ttl_ns)
        config.credentials = &platform->credentials;
    if (platform->restart_ns)
        config.slots = profile->local.slots;
    scenario_clock(world, platform->node, &clock);
    platform->front = sim_front_new(&config, &clock);
    return platform->front != NULL;
}

/* Machines of its own, which start again after a crash. */
static bool own_workers(struct scenario_world *world,
                        struct scenario_platform *platform)
{
    const struct profile_local *local = &platform->profile->local;
    struct engine_stream starts;
    platform->worker_count = local->workers;
    platform->owned_count = local->workers;
    platform->restart_ns =
        calloc(local->workers, sizeof(*platform->restart_ns));
    engine_stream_init(&starts, world->seed, "scenario/worker/start", 0);
    for (uint32_t i = 0; platform->restart_ns && i < local->workers; i++)
        platform->restart_ns[i] = world->scenario->engine.restart_ns +
                                  sim_dist_draw(&local->start_up, &starts, i);
    return platform->restart_ns != NULL;
}

bool scenario_make_models(struct scenario_world *world)
{
    uint32_t count = world->scenario->platform_count;
    world->platforms = calloc(count, sizeof(*world->platforms));
    if (!world->platforms || !make_demands(world))
        return false;
    uint64_t schedule = world->sim ? world->sim->schedule : world->seed;
    for (uint32_t i = 0; i < count; i++) {
        struct scenario_platform *platform = &world->platforms[i];
        platform->profile = scenario_profile(world->scenario, i);
        platform->node = sim_node_platform(i);
        platform->worker_first = sim_node_place(i, count);
        platform->worker_count = sim_node_places(count);
        world->platform_count = i + 1;
        if (profile_model(platform->profile, world->demands[0],
                          world->demand_count, schedule + i, &platform->model))
            return false;
    }
    return true;
}

bool scenario_make_platforms(struct scenario_world *world)
{
    if (!scenario_make_models(world))
        return false;
    for (uint32_t i = 0; i < world->platform_count; i++) {
        struct scenario_platform *platform = &world->platforms[i];
        bool owned = platform->profile->platform == &profile_local_platform;
        if ((owned && !own_workers(world, platform)) ||
            !make_front(world, platform))
            return false;
    }
    return true;
}

void scenario_free_platforms(struct scenario_world *world)
{
    for (uint32_t i = 0; i < world->platform_count; i++) {
        struct scenario_platform *platform = &world->platforms[i];
        sim_front_free(platform->front);
        if (platform->model.ops)
            platform->model.ops->free(platform->model.self);
        free(platform->restart_ns);
    }
    free(world->platforms);
    if (world->demands)
        free(world->demands[0]);
    free(world->demands);
}

/* What a platform can do, and how much at once. */
struct ability {
    bool hosts, outages;
    uint64_t limit; /* 0: none */
};

static struct ability ability_of(const struct profile *profile)
{
    const struct sim_demand demand = {.name = ""};
    struct sim_model model;
    if (profile_model(profile, &demand, 1, 0, &model))
        return (struct ability){.limit = 0};
    struct ability ability = {
        .hosts = model.ops->fail_host != NULL,
        .outages = model.ops->outage != NULL,
        .limit = model.ops->counts(model.self)->limit,
    };
    model.ops->free(model.self);
    return ability;
}

uint64_t scenario_concurrency(const struct scenario *scenario)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < scenario->platform_count; i++) {
        uint64_t limit = ability_of(scenario_profile(scenario, i)).limit;
        if (limit == 0)
            return 0;
        sum += limit;
    }
    return sum;
}

void scenario_swarm_knobs(const struct scenario *scenario,
                          struct fault_swarm_knobs *knobs)
{
    uint64_t span = scenario->limit_ns / 3;
    fault_swarm_knobs_init(knobs, 0);
    knobs->envelope = scenario->envelope;
    knobs->to_ns = span < knobs->to_ns ? span : knobs->to_ns;
    knobs->lease_ns = scenario->engine.lease_ttl_ns;
    fault_ranges_add(&knobs->coordinators, SIM_NODE_COORDINATOR,
                     SIM_NODE_COORDINATOR + scenario->engine.coordinators - 1);
    fault_ranges_add(&knobs->workers, SIM_NODE_WORKER, SIM_NODE_MAX);
    for (uint32_t i = 0; i < scenario->platform_count; i++) {
        uint32_t node = sim_node_platform(i);
        struct ability ability = ability_of(scenario_profile(scenario, i));
        fault_ranges_add(&knobs->platforms, node, node);
        if (ability.hosts)
            fault_ranges_add(&knobs->hosts, node, node);
        if (ability.outages)
            fault_ranges_add(&knobs->outages, node, node);
    }
    /* A store in memory cannot lose its power and come back. */
    if (scenario->engine.store == SCENARIO_STORE_SQLITE)
        fault_ranges_add(&knobs->stores, SIM_NODE_STORE, SIM_NODE_STORE);
}
