#include "scenarios/world.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/store_memory.h"
#include "engine/host/store_sqlite.h"
#include "faults/defects.h"
#include "faults/points.h"
#include "faults/swarm.h"
#include "scenarios/heal.h"
#include "scenarios/platform.h"
#include "scenarios/trial.h"
#include "sim/mirror.h"

static bool say(char *message, size_t size, const char *text)
{
    snprintf(message, size, "%s", text);
    return false;
}

/* Progress ----------------------------------------------------------------- */

/* Runs that other runs have invoked are not what was asked for. */
static void count_end(struct scenario_world *world,
                      const struct engine_record *record)
{
    struct scenario_progress *progress = &world->progress;
    bool invoked = record->run > world->scenario->runs;
    progress->runs_open--;
    if (invoked)
        progress->invoked_open--;
    else
        progress->runs_ended++;
    if (!invoked && record->detail == ENGINE_EV_RUN_BLOCKED)
        progress->blocked++;
}

static void count_unblocked(struct scenario_world *world,
                            const struct engine_record *record)
{
    struct scenario_progress *progress = &world->progress;
    bool invoked = record->run > world->scenario->runs;
    progress->runs_open++;
    if (invoked)
        progress->invoked_open++;
    else
        progress->runs_ended--;
    if (!invoked)
        progress->blocked--;
}

static void count_created(struct scenario_world *world,
                          const struct engine_record *record)
{
    world->progress.runs_open++;
    if (record->run <= world->scenario->runs)
        return;
    world->progress.invoked_open++;
    if (!engine_table_find(&world->invoked, record->run) &&
        engine_table_add(&world->invoked, record->run,
                         (void *)&world->graphs[record->a]))
        world->sim->failed = true;
}

static void count_event(struct scenario_world *world,
                        const struct engine_record *record)
{
    world->progress.operations++;
    switch (record->detail) {
    case ENGINE_EV_RUN_CREATED:
        count_created(world, record);
        break;
    case ENGINE_EV_RUN_UNBLOCKED:
        count_unblocked(world, record);
        break;
    case ENGINE_EV_RUN_SUCCEEDED:
    case ENGINE_EV_RUN_FAILED:
    case ENGINE_EV_RUN_BLOCKED:
    case ENGINE_EV_RUN_CANCELLED:
    case ENGINE_EV_RUN_TIMED_OUT:
    case ENGINE_EV_RUN_STOPPED:
        count_end(world, record);
        break;
    default:
        break;
    }
}

static void count_record(struct scenario_world *world,
                         const struct engine_record *record)
{
    struct scenario_progress *progress = &world->progress;
    switch (record->kind) {
    case ENGINE_REC_WORK_PUT:
    case ENGINE_REC_WORK_CLAIMED:
    case ENGINE_REC_WORK_DONE:
    case ENGINE_REC_WORK_TAKEN:
        progress->operations++;
        break;
    case ENGINE_REC_OUTBOX_PUT:
        progress->operations++;
        progress->outbox_open++;
        break;
    case ENGINE_REC_OUTBOX_ACKED:
        progress->operations++;
        progress->outbox_open--;
        break;
    case ENGINE_REC_EVENT:
        count_event(world, record);
        break;
    default:
        break;
    }
}

static void emit(void *self, const struct engine_record *record)
{
    struct scenario_world *world = self;
    count_record(world, record);
    sim_record(world->sim, record);
}

/* Somebody will look after runs that are blocked. */
static bool operators_decide(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->operator_count; i++)
        if (scenario->operators[i].kind == ENGINE_SIG_RESUME ||
            scenario->operators[i].kind == ENGINE_SIG_SKIP ||
            scenario->operators[i].kind == ENGINE_SIG_ABORT)
            return true;
    return false;
}

bool scenario_world_over(const struct scenario_world *world)
{
    const struct scenario_progress *progress = &world->progress;
    return progress->runs_ended >= world->scenario->runs &&
           progress->outbox_open == 0 &&
           /* What is in doubt may be counted when it ends only. */
           (int64_t)progress->invoked_open <= 0 &&
           (progress->blocked == 0 || !operators_decide(world->scenario));
}

/* Faults ------------------------------------------------------------------ */

/* Scenarios count time from the start of the world. */
static void shift(struct fault_rule *rule)
{
    rule->from_ns += SCENARIO_START_NS;
    if (rule->to_ns < UINT64_MAX - SCENARIO_START_NS)
        rule->to_ns += SCENARIO_START_NS;
    for (uint32_t i = 0; i < rule->time_count; i++)
        rule->times[i] += SCENARIO_START_NS;
}

static bool ask(void *self, const struct engine_site *site,
                struct engine_decision *decision)
{
    struct scenario_world *world = self;
    fault_switchboard_set_now(world->board, world->sim->now_ns);
    fault_switchboard_set_in_flight(world->board, world->progress.runs_open);
    return world->board->port.ask(world->board->port.self, site, decision);
}

enum {
    /* Records that leave together once nobody watches: a page of them, which
       a process that was forked has to itself. */
    AFTER_WATCH = 4096 / sizeof(struct engine_record)
};

/* Adds what the watch wants at this site to the plan and to the board. */
static void add_rule(struct scenario_world *world,
                     const struct fault_rule *wanted,
                     const struct engine_site *site, uint64_t matches)
{
    struct fault_rule rule = *wanted;
    shift(&rule);
    world->broken = world->broken ||
                    fault_plan_add(&world->plan, &rule, world->error,
                                   sizeof(world->error)) ||
                    fault_switchboard_add(
                        world->board, &world->plan.rules[world->plan.count - 1],
                        site->point, site->node, matches);
}

/* From now on the board alone is asked, and only where a rule is armed. */
static void end_watch(struct scenario_world *world)
{
    world->points.armed = world->board->port.armed;
    world->points.ask = ask;
    assert(world->sim->record_count == 0);
    world->sim->record_block = AFTER_WATCH;
}

/* The rest of this world, mostly in a process that was forked for it. */
static void go_on_with(struct scenario_world *world,
                       const struct fault_rule *rule,
                       const struct engine_site *site, uint64_t matches)
{
    if (world->disk)
        (void)sim_disk_move(world->disk); /* else it stays where it is */
    if (world->watch->forked && *world->watch->forked)
        sim_store_node_forsake(world->store);
    if (world->watch->over && *world->watch->over)
        end_watch(world);
    add_rule(world, rule, site, matches);
}

/* The question of a watched world: first the watch, then the board. */
static bool ask_watched(void *self, const struct engine_site *site,
                        struct engine_decision *decision)
{
    struct scenario_world *world = self;
    const struct trial_watch *watch = world->watch;
    if (!fault_point_defect(&world->plan.points[site->point])) {
        uint64_t matches = 0;
        const struct fault_rule *rule =
            watch->site(watch->self, site, &matches);
        if (rule)
            go_on_with(world, rule, site, matches);
    }
    if (world->board->port.armed[site->point])
        return ask(self, site, decision);
    fault_switchboard_note(world->board, site);
    return false;
}

/* What the world's own events are for. */
enum {
    TIMED_FAULT,
    TIMED_HEAL
};

static void schedule_fault(struct scenario_world *world)
{
    if (fault_switchboard_next(world->board, &world->next_fault))
        sim_world_at(world->sim, world->next_fault.time_ns, TIMED_FAULT);
}

/* The same of a rule about what is inside of platforms. */
static bool strike_platforms(struct scenario_world *world)
{
    uint32_t point = world->next_fault.point - scenario_points_base();
    struct engine_decision decision;
    if (point != SIM_POINT_PLATFORM_HOST && point != SIM_POINT_PLATFORM_OUTAGE)
        return false;
    for (uint32_t i = 0; i < world->platform_count; i++) {
        const struct scenario_platform *platform = &world->platforms[i];
        const struct sim_model_ops *ops = platform->model.ops;
        bool host = point == SIM_POINT_PLATFORM_HOST;
        if (!sim_node_up(world->sim, platform->node) ||
            (host ? !ops->fail_host ||
                        ops->counts(platform->model.self)->hosts == 0
                  : !ops->outage) ||
            !fault_switchboard_fire(world->board, &world->next_fault,
                                    platform->node, &decision))
            continue;
        if (host)
            (void)sim_front_fail_host(platform->front);
        else
            (void)sim_front_outage(platform->front, (uint64_t)decision.amount);
    }
    return true;
}

/* The time of a scheduled rule has come: every node there is asked. */
static void timed(void *self, uint64_t arg)
{
    struct scenario_world *world = self;
    struct engine_decision decision;
    if (arg == TIMED_HEAL) {
        heal_core(world);
        return;
    }
    fault_switchboard_set_now(world->board, world->sim->now_ns);
    fault_switchboard_set_in_flight(world->board, world->progress.runs_open);
    bool inside = strike_platforms(world);
    for (uint32_t node = 1; !inside && node < world->sim->node_count; node++)
        if (sim_node_up(world->sim, node) &&
            fault_switchboard_fire(world->board, &world->next_fault, node,
                                   &decision))
            (void)sim_world_act(world->sim, node, &decision);
    schedule_fault(world);
}

void scenario_world_rule_text(const struct scenario_world *world,
                              uint32_t index, char *text, size_t size)
{
    const struct fault_plan *plan = &world->plan;
    struct fault_rule rule = plan->rules[index];
    if (rule.action != ENGINE_ACT_DEFECT) {
        rule.from_ns -= SCENARIO_START_NS;
        if (rule.to_ns < UINT64_MAX - SCENARIO_START_NS)
            rule.to_ns -= SCENARIO_START_NS;
        for (uint32_t i = 0; i < rule.time_count; i++)
            rule.times[i] -= SCENARIO_START_NS;
    }
    fault_rule_text(&rule, plan->points, plan->point_count, text, size);
}

static uint32_t workflow_of(void *self, uint64_t run)
{
    const struct scenario_world *world = self;
    const struct scenario *scenario = world->scenario;
    if (run <= scenario->runs)
        return sim_client_workflow(scenario->started, scenario->started_count,
                                   run);
    const struct engine_graph **invoked =
        engine_table_find(&world->invoked, run);
    return invoked ? (uint32_t)(invoked - world->graphs) : UINT32_MAX;
}

/* The scenario's own rules and, of this seed, its swarm's. */
static bool plan_scenario(struct scenario_world *world, char *message,
                          size_t size)
{
    const struct scenario *scenario = world->scenario;
    for (uint32_t i = 0; i < scenario->plan.count; i++)
        if (fault_plan_add(&world->plan, &scenario->plan.rules[i], message,
                           size))
            return false;
    if (!scenario->swarm)
        return true;
    struct fault_swarm_knobs knobs;
    scenario_swarm_knobs(scenario, &knobs);
    if (world->heal == CHECK_HEAL_NONE)
        knobs.to_ns = scenario->limit_ns;
    if (world->heal == CHECK_HEAL_CORE)
        knobs.to_ns = heal_time(scenario, world->seed);
    /* Seeds that agree in the low half draw the same swarm for worlds that
       differ otherwise: a search stays near one that showed something new. */
    return fault_swarm(&world->plan, world->seed & UINT32_MAX, &knobs, message,
                       size) == 0;
}

static bool plan_defects(struct scenario_world *world,
                         const char *const *defects, uint32_t count,
                         char *message, size_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[FAULT_NAME_SIZE + 8];
        bool armed = false;
        snprintf(name, sizeof(name), "defect/%s", defects[i]);
        for (uint32_t r = 0; r < world->plan.count; r++)
            armed = armed || strcmp(world->plan.rules[r].name, name) == 0;
        if (!armed && fault_defect_arm(&world->plan, defects[i], message, size))
            return false;
    }
    return true;
}

static bool make_plan(struct scenario_world *world,
                      const struct scenario_world_options *options,
                      char *message, size_t size)
{
    const struct scenario *scenario = world->scenario;
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    world->flawed = scenario->defect_count + options->defect_count != 0;
    uint32_t room = scenario->plan.count + scenario->defect_count +
                    options->rule_count + options->defect_count + 64;
    if (fault_plan_init(&world->plan, points, count, room))
        return say(message, size, "out of memory");
    if (!options->faultless && !plan_scenario(world, message, size))
        return false;
    for (uint32_t i = 0; i < options->rule_count; i++)
        if (fault_plan_add(&world->plan, &options->rules[i], message, size))
            return false;
    for (uint32_t i = 0; i < world->plan.count; i++)
        shift(&world->plan.rules[i]);
    return plan_defects(world, (const char *const *)scenario->defects,
                        scenario->defect_count, message, size) &&
           plan_defects(world, options->defects, options->defect_count, message,
                        size);
}

/* Flags of its own, with every boundary's up: a watch sees all sites. */
static bool make_watched(struct scenario_world *world)
{
    const struct fault_plan *plan = &world->plan;
    world->watched = calloc(FAULT_POINTS_MAX, sizeof(*world->watched));
    if (!world->watched)
        return false;
    for (uint32_t i = 0; i < plan->point_count; i++)
        world->watched[i] = fault_point_defect(&plan->points[i])
                                ? world->board->port.armed[i]
                                : !fault_point_timed(&plan->points[i]);
    world->points = (struct engine_points){
        .armed = world->watched, .ask = ask_watched, .self = world};
    return true;
}

static bool make_faults(struct scenario_world *world,
                        const struct scenario_world_options *options,
                        char *message, size_t size)
{
    if (!make_plan(world, options, message, size))
        return false;
    int error;
    world->board = fault_switchboard_new(&world->plan, world->seed, &error);
    if (!world->board)
        return say(message, size,
                   error == FAULT_EBUSY
                       ? "another run is under way in this process"
                       : "the fault switchboard could not be made");
    fault_switchboard_set_workflows(world->board, workflow_of, world);
    world->points = (struct engine_points){
        .armed = world->board->port.armed, .ask = ask, .self = world};
    return !world->watch || !world->watch->site || make_watched(world) ||
           say(message, size, "out of memory");
}

static struct engine_defects defects_at(const struct scenario_world *world,
                                        uint32_t node)
{
    return (struct engine_defects){&world->points, 0, node};
}

/* Nodes ------------------------------------------------------------------- */

void scenario_clock(void *self, uint32_t node, struct sim_clock *clock)
{
    const struct scenario_world *world = self;
    const struct scenario_clocks *clocks = &world->scenario->clocks;
    struct engine_stream stream;
    engine_stream_init(&stream, world->seed, "scenario/clock", node);
    int64_t offset =
        (int64_t)engine_draw_below(&stream, 0, 2 * clocks->skew_ns + 1) -
        (int64_t)clocks->skew_ns;
    int64_t drift =
        (int64_t)engine_draw_below(&stream, 1, 2 * clocks->drift_ppb + 1) -
        (int64_t)clocks->drift_ppb;
    /* Monotonic clocks count from their machine's start, not from 1970. */
    uint64_t mono =
        UINT64_C(1000000000) * (1000 + engine_draw_below(&stream, 2, 1000000));
    sim_clock_init(clock, world->sim->now_ns, mono, offset, (int32_t)drift);
}

static void note_clock(struct scenario_world *world, uint32_t node)
{
    const struct sim_clock *clock = &sim_node(world->sim, node)->clock;
    struct engine_record record = {
        .kind = ENGINE_REC_CLOCK_SET,
        .node = (uint16_t)node,
        .op = UINT32_MAX,
        .a = sim_clock_wall(clock, world->sim->now_ns) - world->sim->now_ns,
        .b = (uint64_t)(int64_t)clock->drift_ppb,
    };
    sim_record(world->sim, &record);
}

static bool make_sim(struct scenario_world *world,
                     const struct scenario_world_options *options)
{
    const struct scenario_net *net = &world->scenario->net;
    struct sim_world_config config = {
        .seed = world->seed,
        .schedule = options->schedule,
        .start_ns = SCENARIO_START_NS,
        .points = &world->points,
        .point_base = scenario_points_base(),
        .net = {net->latency, net->loss_ppb, net->duplicate_ppb,
                net->reorder_ppb, net->reorder_delay},
        .recording = true,
        .records_to = options->records,
        .record_block =
            world->watch && world->watch->site && world->watch->record ? 1 : 0,
    };
    world->sim = sim_world_new(&config);
    if (!world->sim)
        return false;
    world->sim->timed = timed;
    world->sim->timed_self = world;
    world->sink = (struct engine_sink){emit, world};
    world->sim->sink = world->sink;
    fault_switchboard_set_sink(world->board, &world->sim->sink);
    return true;
}

static struct engine_store_limits store_limits(const struct scenario *scenario)
{
    const struct scenario_engine *engine = &scenario->engine;
    return (struct engine_store_limits){
        engine->op_payload_max, engine->request_max, engine->history_ops_max,
        engine->blob_max, 0};
}

static int open_store(void *self, struct engine_store *store)
{
    struct scenario_world *world = self;
    const struct scenario *scenario = world->scenario;
    if (scenario->engine.store == SCENARIO_STORE_MEMORY) {
        *store = world->memory_store;
        return 0;
    }
    struct store_sqlite_config config = {
        .path = "perdure.db",
        .vfs = world->vfs_name,
        .page_size = scenario->engine.page_size,
        .cache_size = scenario->engine.cache_size,
        .journal =
            scenario->engine.wal ? STORE_SQLITE_WAL : STORE_SQLITE_DELETE,
        .create = 1,
        /* A sound engine on a sound disk finds the schema that it made. */
        .lazily = !world->flawed && !sim_disk_doubtful(world->disk),
        .limits = store_limits(scenario),
        .defects = defects_at(world, SIM_NODE_STORE),
    };
    if (store_sqlite_open(&config, store, world->error) == 0)
        return 0;
    return strstr(world->error, "damaged") ? SIM_STORE_DAMAGED
                                           : SIM_STORE_OPEN_FAILED;
}

static bool make_disk(struct scenario_world *world)
{
    const struct scenario_disk *disk = &world->scenario->disk;
    struct sim_disk_config config = {
        .sector = disk->sector,
        .node = SIM_NODE_STORE,
        .ordered = !disk->tears,
        .keep_after_failed_sync = !disk->drops_dirty,
        .point_base = scenario_points_base(),
        .capacity = disk->capacity,
        .read = disk->read,
        .write = disk->write,
        .sync = disk->sync,
        .points = &world->points,
        .sink = &world->sim->sink,
    };
    engine_stream_init(&config.stream, world->seed, "sim/disk", 0);
    world->disk = sim_disk_new(&config);
    if (!world->disk)
        return false;
    snprintf(world->vfs_name, sizeof(world->vfs_name), "perdure-%016llx",
             (unsigned long long)world->seed);
    /* As the unix VFS: a torn write harms no byte that it did not cover. */
    struct sim_vfs_config vfs = {
        .name = world->vfs_name,
        .characteristics = SQLITE_IOCAP_POWERSAFE_OVERWRITE,
    };
    engine_stream_init(&vfs.stream, world->seed, "sim/vfs", 0);
    world->vfs = sim_vfs_register(world->disk, &vfs);
    return world->vfs != NULL;
}

/* Graphs alone are bound by the store only, unless a profile is named. */
static const struct engine_limits *
engine_limits_of(const struct scenario *scenario)
{
    return scenario->engine.limits_given || scenario_has_programs(scenario)
               ? &scenario->engine.limits.limits
               : NULL;
}

/* The whole logs, for S7 and where there are snapshots. */
static bool make_mirror(struct scenario_world *world, bool paranoid)
{
    struct sim_mirror_config config = {
        .graphs = world->graphs,
        .graph_count = world->scenario->workflow_count,
        .limits = engine_limits_of(world->scenario),
        .sink = &world->sim->sink,
    };
    if (!paranoid && (world->scenario->engine.snapshot_events == 0 ||
                      !scenario_has_programs(world->scenario)))
        return true;
    world->mirror = sim_mirror_new(&config);
    return world->mirror != NULL;
}

static void hear(void *self, const struct engine_request *request,
                 const struct engine_reply *reply)
{
    report_failures_hear(self, request, reply);
}

static bool make_store(struct scenario_world *world)
{
    const struct scenario *scenario = world->scenario;
    struct sim_clock clock;
    scenario_clock(world, SIM_NODE_STORE, &clock);
    struct sim_store_config config = {
        .world = world->sim,
        .open = open_store,
        .open_self = world,
        .group_max = scenario->engine.group_max,
        .request_ns = 2000,
        .defects = defects_at(world, SIM_NODE_STORE),
        .mirror = world->mirror,
        .heard = world->failures ? hear : NULL,
        .heard_self = world->failures,
    };
    if (scenario->engine.store == SCENARIO_STORE_SQLITE) {
        if (!make_disk(world))
            return false;
        config.disk = world->disk;
    } else {
        struct store_memory_config memory = {
            .limits = store_limits(scenario),
            .keep_log = 1,
            .defects = defects_at(world, SIM_NODE_STORE),
        };
        if (store_memory_open(&memory, &world->memory_store))
            return false;
    }
    world->store =
        sim_store_node_new(&config, &clock, scenario->engine.restart_ns);
    return world->store != NULL;
}

static bool make_coordinators(struct scenario_world *world, bool paranoid)
{
    const struct scenario *scenario = world->scenario;
    const struct scenario_engine *engine = &scenario->engine;
    for (uint32_t i = 0; i < scenario->platform_count; i++)
        world->platform_nodes[i] = sim_node_platform(i);
    world->coordinators =
        calloc(engine->coordinators, sizeof(struct sim_coordinator_node *));
    if (!world->coordinators)
        return false;
    for (uint32_t i = 0; i < engine->coordinators; i++) {
        uint32_t node = SIM_NODE_COORDINATOR + i;
        struct sim_clock clock;
        scenario_clock(world, node, &clock);
        struct engine_coordinator_config config = {
            .node = node,
            .store = SIM_NODE_STORE,
            .platforms = world->platform_nodes,
            .platform_count = scenario->platform_count,
            .graphs = world->graphs,
            .graph_count = world->scenario->workflow_count,
            .seed = world->seed,
            .lease_ttl_ns = engine->lease_ttl_ns,
            .claim_ttl_ns = engine->claim_ttl_ns,
            .skew_bound_ns = engine->skew_bound_ns,
            .scan_ns = engine->scan_ns,
            .request_timeout_ns = engine->request_timeout_ns,
            .dispatch_timeout_ns = engine->dispatch_timeout_ns,
            .suspend_after_ns = engine->suspend_after_ns,
            .runs_max = engine->runs_max,
            .snapshot_events = engine->snapshot_events,
            .limits = engine_limits_of(world->scenario),
            .defects = defects_at(world, node),
            .scratch = &world->scratch,
            .rows = &world->rows,
        };
        world->coordinators[i] = sim_coordinator_node_new(
            world->sim, &config, &clock, engine->restart_ns);
        if (!world->coordinators[i])
            return false;
        if (paranoid)
            sim_coordinator_node_watch(world->coordinators[i], world->mirror);
    }
    return true;
}

static uint64_t arrival(void *self, uint64_t index)
{
    struct scenario_world *world = self;
    return arrivals_time(&world->arrivals, index);
}

/* Whoever answers callbacks, and operators, if there is any use for them. */
static bool make_answering(struct scenario_world *world)
{
    const struct scenario *scenario = world->scenario;
    struct sim_clock clock;
    if (!world->programs && scenario->operator_count == 0)
        return true;
    struct sim_outside_config config = {
        .world = world->sim,
        .answers = world->answers,
        .operators = scenario->operators,
        .operator_count = scenario->operator_count,
        .runs = scenario->runs,
        .timeout_ns = scenario->engine.request_timeout_ns,
        .arrival = arrival,
        .arrival_self = world,
    };
    scenario_clock(world, SIM_NODE_OUTSIDE, &clock);
    world->outside = sim_outside_new(&config, &clock);
    return world->outside != NULL;
}

static bool make_outside(struct scenario_world *world)
{
    const struct scenario *scenario = world->scenario;
    struct sim_clock clock;
    struct engine_defects defects = defects_at(world, SIM_NODE_RECEIVER);
    scenario_clock(world, SIM_NODE_RECEIVER, &clock);
    world->receiver = sim_receiver_new(world->sim, &clock,
                                       scenario->engine.dedup_ttl_ns, &defects);
    struct sim_client_config config = {
        .world = world->sim,
        .runs = scenario->runs,
        .coordinators = scenario->engine.coordinators,
        .workflows = scenario->started,
        .workflow_count = scenario->started_count,
        .input_bytes = scenario->input_bytes,
        .timeout_ns = scenario->engine.request_timeout_ns,
        .arrival = arrival,
        .arrival_self = world,
    };
    world->arrivals = scenario->arrivals;
    arrivals_seed(&world->arrivals, world->seed);
    scenario_clock(world, SIM_NODE_CLIENT, &clock);
    world->client = sim_client_new(&config, &clock);
    return world->receiver && world->client && make_answering(world);
}

/* What the steps of a handler have between them: 2 if all effects take keys. */
static uint32_t effects_of(const struct scenario_workflow *workflow)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < scenario_step_count(workflow); i++)
        if (workflow->effects[i] && (all == 0 || workflow->effects[i] < all))
            all = workflow->effects[i];
    return all;
}

/* By operation of the graph; NULL without memory. */
static uint32_t *effect_table(const struct scenario_workflow *workflow)
{
    uint32_t count = engine_graph_count(workflow->graph);
    uint32_t *effects = calloc(count, sizeof(*effects));
    if (effects && workflow->program)
        effects[0] = effects_of(workflow);
    else if (effects)
        memcpy(effects, workflow->effects, count * sizeof(*effects));
    return effects;
}

/* The policy of a map or parallel, as it is carried out. */
static struct report_batch policy_of(const struct engine_program_node *node)
{
    const struct engine_completion *c = &node->batch.completion;
    struct report_batch batch = {.known = 1,
                                 .share_milli = 1000,
                                 .open_max = node->batch.max_concurrency};
    bool policy =
        node->kind == ENGINE_PROGRAM_MAP || node->mode == ENGINE_PROGRAM_POLICY;
    if (node->kind == ENGINE_PROGRAM_PARALLEL && !policy)
        batch.open_max = 0;
    if (node->mode == ENGINE_PROGRAM_RACE && !policy)
        batch.min_ended = 1;
    if (node->mode == ENGINE_PROGRAM_ANY && !policy)
        batch.min_successful = 1;
    if (!policy) {
        batch.failures_max = node->mode == ENGINE_PROGRAM_ALL ? 0 : UINT32_MAX;
        return batch;
    }
    batch.min_successful = c->min_successful;
    batch.failures_max = c->min_successful ? UINT32_MAX : 0;
    if (c->tolerate) {
        batch.failures_max = c->tolerated_failures;
        if (c->tolerated_share_milli)
            batch.share_milli = c->tolerated_share_milli;
        if (c->tolerated_share_milli && !c->tolerated_failures)
            batch.failures_max = UINT32_MAX;
    }
    return batch;
}

/* Goes over a block and those inside; several maps are not told apart. */
static void declare_block(const struct engine_program_block *block,
                          struct report_program *steps, uint32_t *undone_by,
                          uint32_t *undoes, uint32_t found[2])
{
    uint32_t count = engine_graph_count(engine_program_graph(block));
    for (uint32_t i = 0; i < count; i++) {
        const struct engine_program_node *node = engine_program_node(block, i);
        bool map = node->kind == ENGINE_PROGRAM_MAP;
        if (map || node->kind == ENGINE_PROGRAM_PARALLEL) {
            struct report_batch *batch = map ? &steps->map : &steps->parallel;
            *batch = policy_of(node);
            batch->known = found[map]++ == 0;
        }
        if (node->kind == ENGINE_PROGRAM_STEP &&
            node->compensation != ENGINE_PROGRAM_NONE) {
            undone_by[node->step] = node->compensation + 1;
            undoes[node->compensation] = node->step + 1;
            steps->undone_by = undone_by;
            steps->undone_step = undoes;
        }
        for (uint32_t b = 0; b < node->branch_count; b++)
            declare_block(node->branches[b].block, steps, undone_by, undoes,
                          found);
    }
}

/* What is declared of branches and compensations; false without memory. */
static bool declare(const struct engine_program *program,
                    struct report_program *steps)
{
    uint32_t *undo = calloc(2 * (size_t)steps->count + 1, sizeof(*undo));
    uint32_t found[2] = {0, 0};
    if (!undo)
        return false;
    declare_block(engine_program_root(program), steps, undo,
                  undo + steps->count, found);
    if (!steps->undone_by)
        free(undo);
    return true;
}

/* Names and effects of a program's steps; false without memory. */
static bool name_steps(const struct scenario_workflow *workflow,
                       struct report_program *steps)
{
    uint32_t count = scenario_step_count(workflow);
    if (!workflow->program)
        return true;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers. */
    const char **names = calloc(count + 1, sizeof(*names));
    for (uint32_t i = 0; names && i < count; i++)
        names[i] = scenario_step_name(workflow, i);
    uint8_t *undoes = calloc(count + 1, sizeof(*undoes));
    for (uint32_t i = 0; undoes && i < count; i++)
        undoes[i] = engine_program_step(workflow->program, i)->role ==
                    ENGINE_PROGRAM_COMPENSATION;
    *steps = (struct report_program){.names = names,
                                     .effects = workflow->effects,
                                     .count = count,
                                     .undoes = undoes};
    return names && undoes && declare(workflow->program, steps);
}

static bool make_programs(struct scenario_world *world)
{
    const struct scenario *scenario = world->scenario;
    if (!scenario_has_programs(scenario))
        return true;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers. */
    world->programs =
        calloc(scenario->workflow_count, sizeof(*world->programs));
    world->steps_of =
        calloc(scenario->workflow_count, sizeof(*world->steps_of));
    if (!world->programs || !world->steps_of)
        return false;
    for (uint32_t i = 0; i < scenario->workflow_count; i++) {
        world->programs[i] = scenario->workflows[i].program;
        if (!name_steps(&scenario->workflows[i], &world->steps_of[i]))
            return false;
    }
    return true;
}

bool scenario_world_tables(struct scenario_world *world)
{
    const struct scenario *scenario = world->scenario;
    uint32_t count = scenario->workflow_count;
    /* NOLINTBEGIN(bugprone-sizeof-expression): they are arrays of pointers. */
    world->graphs = calloc(count, sizeof(*world->graphs));
    world->steps = calloc(count, sizeof(*world->steps));
    world->answers = calloc(count, sizeof(*world->answers));
    world->effects = calloc(count, sizeof(*world->effects));
    /* NOLINTEND(bugprone-sizeof-expression) */
    if (!world->graphs || !world->steps || !world->answers || !world->effects ||
        !make_programs(world))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        world->graphs[i] = scenario->workflows[i].graph;
        world->steps[i] = scenario->workflows[i].steps;
        world->answers[i] = scenario->workflows[i].answers;
        world->effects[i] = effect_table(&scenario->workflows[i]);
        if (!world->effects[i])
            return false;
    }
    return true;
}

void scenario_world_start(struct scenario_world *world)
{
    for (uint32_t node = 1; node < world->sim->node_count; node++)
        if (sim_node(world->sim, node)->ops)
            note_clock(world, node);
    sim_process_start(world->sim, SIM_NODE_STORE);
    sim_process_start(world->sim, SIM_NODE_RECEIVER);
    for (uint32_t i = 0; i < world->platform_count; i++)
        sim_process_start(world->sim, world->platforms[i].node);
    if (world->outside)
        sim_process_start(world->sim, SIM_NODE_OUTSIDE);
    for (uint32_t i = 0; i < world->scenario->engine.coordinators; i++)
        sim_process_start(world->sim, SIM_NODE_COORDINATOR + i);
    for (uint32_t i = 0; i < world->platform_count; i++)
        for (uint32_t w = 0; w < world->platforms[i].owned_count; w++)
            sim_process_start(world->sim, world->platforms[i].worker_first + w);
    sim_process_start(world->sim, SIM_NODE_CLIENT);
    schedule_fault(world);
    if (world->heal == CHECK_HEAL_CORE)
        sim_world_at(world->sim,
                     SCENARIO_START_NS +
                         heal_time(world->scenario, world->seed),
                     TIMED_HEAL);
}

struct scenario_world *
scenario_world_new(const struct scenario *scenario,
                   const struct scenario_world_options *options, char *message,
                   size_t size)
{
    struct scenario_world *world = calloc(1, sizeof(*world));
    if (!world) {
        say(message, size, "out of memory");
        return NULL;
    }
    world->scenario = scenario;
    world->seed = options->seed;
    world->heal = options->faultless ? CHECK_HEAL_ALL
                                     : heal_mode(scenario, options->seed);
    world->watch = options->watch;
    world->failures = options->failures;
    engine_block_init(&world->scratch);
    engine_block_init(&world->rows);
    if (!make_faults(world, options, message, size)) {
        scenario_world_free(world);
        return NULL;
    }
    if (!scenario_world_tables(world) || !make_sim(world, options) ||
        !make_mirror(world, options->paranoid) || !make_store(world) ||
        !make_coordinators(world, options->paranoid) ||
        !scenario_make_platforms(world) || !make_outside(world)) {
        say(message, size, "the world could not be made: out of memory");
        scenario_world_free(world);
        return NULL;
    }
    return world;
}

static enum scenario_end let_it_happen(struct scenario_world *world,
                                       const struct scenario_look *look)
{
    const struct scenario *scenario = world->scenario;
    struct sim_world *sim = world->sim;
    uint64_t end_ns = SCENARIO_START_NS + scenario->limit_ns;
    while (sim_world_step(sim)) {
        if (scenario_world_over(world))
            return SCENARIO_END_DONE;
        if (sim->now_ns >= end_ns)
            return SCENARIO_END_TIME;
        if (sim->event_count % SCENARIO_LOOK_EVERY != 0)
            continue;
        if (sim->event_count >= scenario->events_limit)
            return SCENARIO_END_EVENTS;
        if (look->interrupted && *look->interrupted)
            return SCENARIO_END_INTERRUPTED;
        if (look->progress)
            look->progress(look->self, sim->now_ns - SCENARIO_START_NS,
                           sim->event_count, world->progress.runs_ended);
    }
    return SCENARIO_END_STOPPED;
}

enum scenario_end scenario_world_run(struct scenario_world *world,
                                     const struct scenario_look *look)
{
    scenario_world_start(world);
    enum scenario_end end = let_it_happen(world, look);
    scenario_world_end(world, end);
    return end;
}

void scenario_world_end(struct scenario_world *world, enum scenario_end why)
{
    static const uint8_t quiet[FAULT_POINTS_MAX];
    /* Nothing goes wrong any more: the audit reads what is there. */
    world->points.armed = quiet;
    sim_store_node_audit(world->store);
    struct engine_record record = {
        .kind = ENGINE_REC_WORLD_END,
        .op = UINT32_MAX,
        .a = sim_queue_count(world->sim->queue),
        .detail = (uint16_t)why,
    };
    sim_record(world->sim, &record);
    sim_record_flush(world->sim);
}

void scenario_world_free(struct scenario_world *world)
{
    if (!world)
        return;
    /* The world first: it stops the processes that the actors stand for. */
    if (world->sim)
        world->sim->recording = false;
    sim_world_free(world->sim);
    sim_store_node_free(world->store);
    if (world->memory_store.ops)
        world->memory_store.ops->close(world->memory_store.self);
    sim_vfs_unregister(world->vfs);
    sim_disk_free(world->disk);
    for (uint32_t i = 0;
         world->coordinators && i < world->scenario->engine.coordinators; i++)
        sim_coordinator_node_free(world->coordinators[i]);
    free(world->coordinators);
    sim_mirror_free(world->mirror);
    scenario_free_platforms(world);
    sim_client_free(world->client);
    sim_receiver_free(world->receiver);
    sim_outside_free(world->outside);
    engine_table_free(&world->invoked);
    if (world->board)
        fault_switchboard_free(world->board);
    fault_plan_deinit(&world->plan);
    free(world->watched);
    engine_block_free(&world->scratch);
    engine_block_free(&world->rows);
    free(world->graphs);
    free(world->steps);
    free(world->answers);
    free(world->programs);
    for (uint32_t i = 0; world->steps_of && i < world->scenario->workflow_count;
         i++) {
        free((void *)world->steps_of[i].names);
        free((void *)world->steps_of[i].undoes);
        free((void *)world->steps_of[i].undone_by);
    }
    free(world->steps_of);
    for (uint32_t i = 0; world->effects && i < world->scenario->workflow_count;
         i++)
        free(world->effects[i]);
    free(world->effects);
    free(world);
}
