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

static bool make_local(struct scenario_world *world,
                       const struct profile_local *local)
{
    struct sim_clock clock;
    scenario_clock(world, SIM_NODE_PLATFORM, &clock);
    world->local = sim_local_new(world->sim, &clock, local->workers,
                                 local->slots, &local->dispatch_latency);
    world->workers = calloc(local->workers, sizeof(struct sim_worker_node *));
    if (!world->local || !world->workers)
        return false;
    struct engine_stream starts;
    engine_stream_init(&starts, world->seed, "scenario/worker/start", 0);
    for (uint32_t i = 0; i < local->workers; i++) {
        struct sim_worker_config config = worker_config(world);
        config.engine.node = SIM_NODE_WORKER + i;
        config.engine.slots = local->slots;
        config.engine.defects.node = config.engine.node;
        config.platform = sim_local_platform(world->local);
        scenario_clock(world, config.engine.node, &clock);
        uint64_t restart_ns = world->scenario->engine.restart_ns +
                              sim_dist_draw(&local->start_up, &starts, i);
        world->workers[i] = sim_worker_node_new(&config, &clock, restart_ns);
        if (!world->workers[i])
            return false;
        world->worker_count = i + 1;
        sim_local_add(world->local, world->workers[i]);
    }
    return true;
}

bool scenario_make_lambda(struct scenario_world *world)
{
    const struct profile_lambda *profile = &world->scenario->platform.lambda;
    uint32_t count = world->scenario->workflow_count;
    struct sim_lambda_function *functions = calloc(count, sizeof(*functions));
    if (!functions)
        return false;
    for (uint32_t i = 0; i < count; i++)
        functions[i] = profile->function;
    int error = sim_lambda_new(&world->lambda, &profile->config, functions,
                               count, world->seed);
    free(functions);
    return error == 0;
}

static bool make_lambda(struct scenario_world *world,
                        const struct profile_lambda *profile)
{
    world->lambda_queue = sim_lambda_queue_new(&profile->queue, world->seed);
    if (!world->lambda_queue || !scenario_make_lambda(world))
        return false;
    struct sim_clock clock;
    scenario_clock(world, SIM_NODE_PLATFORM, &clock);
    struct sim_lambda_front_config config = {
        .world = world->sim,
        .lambda = world->lambda,
        .mode = profile->mode,
        .queue = world->lambda_queue,
        .threads = profile->threads,
        .worker = worker_config(world),
        .clock = scenario_clock,
        .clock_self = world,
        .payload_bytes = sizeof(struct engine_message),
        .limit = profile->config.account_concurrency,
    };
    world->lambda_front = sim_lambda_front_new(&config, &clock);
    return world->lambda_front != NULL;
}

bool scenario_make_platform(struct scenario_world *world)
{
    const struct profile *profile = &world->scenario->platform;
    return profile->platform == &profile_local_platform
               ? make_local(world, &profile->local)
               : make_lambda(world, &profile->lambda);
}

void scenario_free_platform(struct scenario_world *world)
{
    for (uint32_t i = 0; i < world->worker_count; i++)
        sim_worker_node_free(world->workers[i]);
    free(world->workers);
    sim_local_free(world->local);
    sim_lambda_front_free(world->lambda_front);
    sim_lambda_queue_free(world->lambda_queue);
    sim_lambda_free(world->lambda);
}

uint64_t scenario_concurrency(const struct scenario *scenario)
{
    const struct profile *profile = &scenario->platform;
    return profile->platform == &profile_local_platform
               ? (uint64_t)profile->local.workers * profile->local.slots
               : profile->lambda.config.account_concurrency;
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
    fault_ranges_add(&knobs->platforms, SIM_NODE_PLATFORM, SIM_NODE_PLATFORM);
    /* A store in memory cannot lose its power and come back. */
    if (scenario->engine.store == SCENARIO_STORE_SQLITE)
        fault_ranges_add(&knobs->stores, SIM_NODE_STORE, SIM_NODE_STORE);
}
