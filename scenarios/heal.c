#include "scenarios/heal.h"

#include "engine/random.h"
#include "scenarios/platform.h"

/* Indices of the draws. */
enum {
    DRAW_COORDINATOR,
    DRAW_WORKER,
    DRAW_MODE,
    DRAW_TIME,
    DRAW_KEPT = 1000, /* by node */
    DRAW_CUT = 100000 /* by node */
};

static struct engine_stream stream_of(uint64_t seed)
{
    struct engine_stream stream;
    /* As the swarm: seeds that agree in the low half draw the same. */
    engine_stream_init(&stream, seed & UINT32_MAX, "scenario/heal", 0);
    return stream;
}

/*
 * Never NONE: a swarm may draw so much, as a pause of a minute at each start,
 * that nothing could make progress until it ends.
 */
static enum check_heal drawn(uint64_t seed)
{
    struct engine_stream stream = stream_of(seed);
    return engine_draw_below(&stream, DRAW_MODE, 4) == 2 ? CHECK_HEAL_CORE
                                                         : CHECK_HEAL_ALL;
}

enum check_heal heal_mode(const struct scenario *scenario, uint64_t seed)
{
    switch (scenario->heal) {
    case SCENARIO_HEAL_ALL:
        return CHECK_HEAL_ALL;
    case SCENARIO_HEAL_CORE:
        return CHECK_HEAL_CORE;
    case SCENARIO_HEAL_NONE:
        return CHECK_HEAL_NONE;
    case SCENARIO_HEAL_DRAWN:
        break;
    }
    return scenario->swarm ? drawn(seed) : CHECK_HEAL_ALL;
}

const char *heal_name(enum check_heal heal)
{
    static const char *const names[] = {"all", "core", "none"};
    return names[heal];
}

/* How long requests keep coming in. */
static uint64_t load_span(const struct scenario *scenario)
{
    struct arrivals arrivals = scenario->arrivals;
    arrivals_seed(&arrivals, 1);
    return arrivals_time(&arrivals, scenario->runs - 1);
}

uint64_t heal_time(const struct scenario *scenario, uint64_t seed)
{
    struct engine_stream stream = stream_of(seed);
    struct fault_swarm_knobs knobs;
    uint64_t lease = scenario->engine.lease_ttl_ns;
    uint64_t span = load_span(scenario) + 2 * lease;
    uint64_t time = lease + engine_draw_below(&stream, DRAW_TIME, span);
    scenario_swarm_knobs(scenario, &knobs);
    return time < knobs.to_ns ? time : knobs.to_ns;
}

/* A node that is cut off goes on by itself, and nobody hears of it. */
static void cut_off(struct scenario_world *world, uint32_t node)
{
    struct engine_decision decision = {.action = ENGINE_ACT_CUT,
                                       .amount = INT64_MAX};
    struct engine_record record = {
        .kind = ENGINE_REC_FAULT,
        .node = (uint16_t)node,
        .op = UINT32_MAX,
        .detail = ENGINE_ACT_CUT,
        .a = INT64_MAX,
        .key = scenario_points_base() + SIM_POINT_NET_LINK,
        .count = world->progress.runs_open > 0,
    };
    sim_record(world->sim, &record);
    (void)sim_world_act(world->sim, node, &decision);
}

/* A node of the core can be reached again. */
static void join(struct scenario_world *world, uint32_t node)
{
    struct sim_node_state *state = sim_node(world->sim, node);
    uint64_t now_ns = world->sim->now_ns;
    if (state->cut_in_until_ns <= now_ns && state->cut_out_until_ns <= now_ns)
        return;
    state->cut_in_until_ns = now_ns;
    state->cut_out_until_ns = now_ns;
    struct engine_record record = {
        .kind = ENGINE_REC_FAULT_ENDED,
        .node = (uint16_t)node,
        .op = UINT32_MAX,
        .key = scenario_points_base() + SIM_POINT_NET_LINK,
    };
    sim_record(world->sim, &record);
}

/*
 * Of `count` nodes from `first` on, one is kept and each other one with an
 * even chance. Of the others, those that may be are cut off as often as not.
 */
static void break_some(struct scenario_world *world, uint32_t first,
                       uint32_t count, uint32_t kept_draw, bool may_cut)
{
    struct engine_stream stream = stream_of(world->seed);
    uint32_t kept = (uint32_t)engine_draw_below(&stream, kept_draw, count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t node = first + i;
        if (i == kept || engine_draw_below(&stream, DRAW_KEPT + node, 2) == 0)
            join(world, node);
        else if (may_cut && engine_draw_below(&stream, DRAW_CUT + node, 2) == 0)
            cut_off(world, node);
        else
            sim_process_retire(world->sim, node);
    }
}

void heal_core(struct scenario_world *world)
{
    break_some(world, SIM_NODE_COORDINATOR,
               world->scenario->engine.coordinators, DRAW_COORDINATOR, true);
    /* A platform makes new environments in place of those that break. */
    for (uint32_t i = 0; i < world->platform_count; i++)
        if (world->platforms[i].owned_count > 0)
            break_some(world, world->platforms[i].worker_first,
                       world->platforms[i].owned_count, DRAW_WORKER, false);
}
