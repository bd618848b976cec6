#include "scenarios/judges.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/freedom.h"
#include "scenarios/platform.h"

/* What the checkers and the collector are told ------------------------------
 */

/* Whose slots all work waits for; 0: there are others, or none. */
static uint32_t owned_workers(const struct scenario_world *world)
{
    return world->platform_count == 1 ? world->platforms[0].owned_count : 0;
}

static void fill_check_world(struct judges *j)
{
    const struct scenario *scenario = j->scenario;
    const struct scenario_engine *engine = &scenario->engine;
    const struct bound *bounds = j->bounds.list;
    bounds_init(&j->bounds, scenario, j->world->heal);
    j->check_world = (struct check_world){
        .graphs = j->world->graphs,
        .effects = (const uint32_t *const *)j->world->effects,
        .programs = j->world->steps_of,
        .graph_count = scenario->workflow_count,
        .runs_max = scenario->runs,
        .node_count = SIM_NODE_MAX + 1,
        .store_node = SIM_NODE_STORE,
        .lease_ttl_ns = engine->lease_ttl_ns,
        .claim_ttl_ns = engine->claim_ttl_ns,
        .scan_ns = engine->scan_ns,
        .skew_bound_ns = engine->skew_bound_ns,
        .request_timeout_ns = engine->request_timeout_ns,
        .outage_max_ns = engine->restart_ns,
        .timer_slack_ns = bounds[BOUND_TIMER].ns,
        .progress_bound_ns = bounds[BOUND_PROGRESS].ns,
        .orphan_bound_ns = bounds[BOUND_ORPHAN].ns,
        .livelock_bound_ns = bounds[BOUND_LIVELOCK].ns,
        .waiting_bound_ns = bounds[BOUND_WAITING].ns,
        .goodput_bound_ns = bounds[BOUND_GOODPUT].ns,
        .load_milli = bounds_load(scenario),
        .worker_first = SIM_NODE_WORKER,
        .worker_count = owned_workers(j->world),
        .worker_slots =
            owned_workers(j->world) ? scenario->platform.local.slots : 1,
        .heal = j->world->heal,
        .op_payload_max = engine->op_payload_max,
        .history_ops_max = engine->history_ops_max,
        .operations_max = engine->limits.limits.operations_max,
        .value_max = engine->limits.limits.operation_payload_max,
        .wait_min_ns = engine->limits.limits.wait_min_ns,
        .batch_updates_max = engine->limits.limits.batch_updates_max,
        .invoke_depth_max = engine->limits.limits.invoke_depth_max,
        /* Gauges are of one platform each. */
        .concurrency_max =
            scenario->platform_count > 1 ? 0 : scenario_concurrency(scenario),
        .envelope = {scenario->envelope.skew_ns_max,
                     scenario->envelope.drift_ppb_max,
                     scenario->envelope.honest_sync,
                     scenario->envelope.sound_disk},
        .honest_effects = engine->dedup_ttl_ns == 0,
        .freedom = j->freedom,
        .snapshots =
            engine->snapshot_events > 0 && scenario_has_programs(scenario),
    };
}

static void fill_limits(struct judges *j)
{
    const struct check_world *world = &j->check_world;
    uint64_t *limits = j->limits;
    limits[REPORT_LIMIT_BATCH] = world->batch_updates_max;
    limits[REPORT_LIMIT_CONCURRENCY] = world->concurrency_max;
    limits[REPORT_LIMIT_DEPTH] = world->invoke_depth_max;
    limits[REPORT_LIMIT_EVENTS] = world->history_ops_max;
    limits[REPORT_LIMIT_OPERATIONS] =
        world->operations_max ? world->operations_max : world->history_ops_max;
    limits[REPORT_LIMIT_PAYLOAD] = world->op_payload_max;
    limits[REPORT_LIMIT_VALUE] = world->value_max;
    j->report_world.limits = limits;
}

static bool fill_freedom(struct judges *j)
{
    const struct scenario *scenario = j->scenario;
    j->freedom = calloc(scenario->workflow_count + 1, sizeof(*j->freedom));
    for (uint32_t w = 0; j->freedom && w < scenario->workflow_count; w++)
        j->freedom[w] = scenario_freedom(&scenario->workflows[w]);
    return j->freedom != NULL;
}

static bool name_nodes(struct judges *j)
{
    uint32_t count = SIM_NODE_MAX + 1;
    j->node_text = calloc(count, sizeof(*j->node_text));
    j->node_names = calloc(count, sizeof(*j->node_names));
    if (!j->node_text || !j->node_names)
        return false;
    static const char *const fixed[] = {"world",    "store",    "client",
                                        "receiver", "platform", "outside"};
    for (uint32_t node = 0; node < count; node++) {
        char *text = j->node_text[node];
        size_t size = sizeof(*j->node_text);
        if (node < sizeof(fixed) / sizeof(*fixed))
            snprintf(text, size, "%s", fixed[node]);
        else if (node >= SIM_NODE_WORKER)
            snprintf(text, size, "worker %u", node - SIM_NODE_WORKER + 1);
        else if (node >= SIM_NODE_PLATFORMS)
            snprintf(text, size, "platform %u", node - SIM_NODE_PLATFORMS + 2);
        else if (node >= SIM_NODE_COORDINATOR)
            snprintf(text, size, "coordinator %u",
                     node - SIM_NODE_COORDINATOR + 1);
        j->node_names[node] = text;
    }
    for (uint32_t i = 0;
         j->scenario->platform_count > 1 && i < j->scenario->platform_count;
         i++)
        snprintf(j->node_text[sim_node_platform(i)], sizeof(*j->node_text),
                 "platform %.*s", (int)sizeof(*j->node_text) - 10,
                 j->scenario->platforms[i].name);
    return true;
}

/* A rule that depends on chance, or was drawn by a swarm, need not fire. */
static bool chancy(const struct fault_rule *rule)
{
    return rule->chance_ppb < ENGINE_CHANCE_ALWAYS ||
           strncmp(rule->name, "swarm/", 6) == 0;
}

/* A rule over many points has fired when one of them has. */
static void fill_armed(struct judges *j)
{
    const struct fault_plan *plan = &j->world->plan;
    for (uint32_t p = 0; p < plan->point_count; p++) {
        bool must = false;
        for (uint32_t i = 0; i < plan->count; i++) {
            const struct fault_rule *rule = &plan->rules[i];
            if (!fault_rule_has_point(rule, p) ||
                rule->action == ENGINE_ACT_DEFECT)
                continue;
            j->armed[p].count++;
            uint32_t others = 0;
            for (uint32_t q = 0; q < plan->point_count; q++)
                others += fault_rule_has_point(rule, q);
            must = must || (!chancy(rule) && others == 1);
        }
        j->armed[p].optional = !must;
    }
}

bool judges_init(struct judges *j, const struct scenario *scenario,
                 const struct scenario_world *world,
                 const struct judges_options *options)
{
    const struct fault_plan *plan = &world->plan;
    bool capacity = options->capacity;
    *j = (struct judges){
        .scenario = scenario, .world = world, .capacity = capacity};
    checkpoints_init(&j->checkpoints);
    j->armed = calloc(plan->point_count, sizeof(*j->armed));
    /* Only a report and a trace name nodes. */
    j->brief = options->brief;
    if (!j->armed || (!options->brief && !name_nodes(j)) || !fill_freedom(j))
        return false;
    fill_armed(j);
    j->report_world = (struct report_world){
        .graphs = world->graphs,
        .effects = capacity ? NULL : (const uint32_t *const *)world->effects,
        .programs = world->steps_of,
        .graph_count = scenario->workflow_count,
        .node_count = SIM_NODE_MAX + 1,
        .node_names = j->node_names,
        .points = plan->points,
        .armed = j->armed,
        .platforms = world->platform_nodes,
        .platform_count =
            scenario->platform_count > 1 ? scenario->platform_count : 0,
        .point_count = plan->point_count,
        .runs_max = scenario->runs,
        .brief = options->brief,
        .follow = options->show,
        .sampled = options->record.sampled,
        .sample_ppb = options->record.share_ppb,
        .claims_run = capacity,
    };
    fill_check_world(j);
    fill_limits(j);
    j->report_world.golden = options->golden;
    j->check_world.golden = options->golden;
    j->check_world.paranoid = options->paranoid;
    j->check_world.outcomes = options->outcomes;
    /* Without an engine there is nothing that a property could be of. */
    if (!capacity)
        j->checks = check_suite_new(&j->check_world);
    j->collect = report_collect_new(&j->report_world);
    return (j->checks || capacity) && j->collect;
}

void judges_deinit(struct judges *j)
{
    report_collect_free(j->collect);
    check_suite_free(j->checks);
    free(j->armed);
    free(j->freedom);
    free(j->node_text);
    free(j->node_names);
    free(j->actual);
    free(j->expectations);
    free(j->found);
    free(j->thresholds);
    free(j->rules);
    free(j->rule_texts);
    *j = (struct judges){0};
}

void judges_feed(struct judges *j, const struct engine_record *records,
                 size_t count)
{
    if (j->checks)
        check_suite_feed(j->checks, records, count);
    report_collect_feed(j->collect, records, count);
}

/* The verdict ---------------------------------------------------------------
 */

/* The faults of the plan and what became of each. */
static bool fill_rules(struct judges *j)
{
    const struct fault_plan *plan = &j->world->plan;
    j->rules = calloc(plan->count + 1, sizeof(*j->rules));
    j->rule_texts = calloc(plan->count + 1, sizeof(*j->rule_texts));
    if (!j->rules || !j->rule_texts)
        return false;
    for (uint32_t i = 0; j->world->board && i < plan->count; i++) {
        const struct fault_rule *rule = &plan->rules[i];
        if (rule->action == ENGINE_ACT_DEFECT)
            continue;
        const struct fault_ledger *ledger =
            fault_switchboard_rule_ledger(j->world->board, i);
        char *text = j->rule_texts[j->rule_count];
        scenario_world_rule_text(j->world, i, text, sizeof(*j->rule_texts));
        j->rules[j->rule_count++] = (struct report_rule){
            text, ledger->fired, ledger->in_flight, chancy(rule)};
    }
    return true;
}

static const char *const check_ids[] = {
    "S1",  "S2",  "S3", "S4", "S5", "S6", "S9", "S10", "S11", "S14",
    "S15", "S17", "L1", "L2", "L3", "L4", "L5", "L6",  "S12"};

static bool has_waits(const struct scenario *scenario)
{
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct engine_graph *graph = scenario->workflows[w].graph;
        for (uint32_t i = 0; i < engine_graph_count(graph); i++)
            if (engine_graph_node(graph, i)->kind == ENGINE_NODE_WAIT)
                return true;
    }
    return false;
}

static bool has_effects(const struct scenario *scenario)
{
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct scenario_workflow *workflow = &scenario->workflows[w];
        for (uint32_t i = 0; i < scenario_step_count(workflow); i++)
            if (workflow->effects[i])
                return true;
    }
    return false;
}

/* Where faults go on, runs need only make progress. */
static bool healed_for(const struct judges *j, const char *id)
{
    return j->world->heal != CHECK_HEAL_NONE || id[0] != 'L' ||
           strcmp(id, "L4") == 0;
}

/*
 * Every property must have looked at something, except those about what the
 * workflows do not have: waits, side effects, operations of handlers.
 */
static size_t list_required(const struct judges *j, const char **required)
{
    const struct scenario *scenario = j->scenario;
    size_t count = 0;
    for (size_t i = 0; i < sizeof(check_ids) / sizeof(*check_ids); i++) {
        const char *id = check_ids[i];
        if (!healed_for(j, id) ||
            (strcmp(id, "L5") == 0 && !has_waits(scenario)) ||
            (strcmp(id, "S5") == 0 && !has_effects(scenario)) ||
            (strcmp(id, "S12") == 0 && !scenario_has_programs(scenario)))
            continue;
        required[count++] = id;
    }
    return count;
}

static const char *why_incomplete(const struct judges *j, enum scenario_end end)
{
    if (end == SCENARIO_END_INTERRUPTED)
        return "interrupted";
    if (end == SCENARIO_END_EVENTS)
        return "the scenario's limit of events was reached";
    if (j->capacity ? end == SCENARIO_END_STOPPED : j->world->sim->failed)
        return "the simulator ran out of memory";
    if (j->world->board && fault_switchboard_error(j->world->board))
        return "the fault switchboard ran out of memory";
    return NULL;
}

static bool expect(struct judges *j, enum scenario_end end)
{
    const struct scenario *scenario = j->scenario;
    const struct report_stats *stats = report_collect_finish(j->collect);
    uint32_t count = scenario->expectation_count;
    uint32_t all = count + scenario->sometimes_count;
    j->actual = calloc(all + 1, sizeof(*j->actual));
    j->expectations = calloc(all + 1, sizeof(*j->expectations));
    if (!j->actual || !j->expectations)
        return false;
    expect_judge(scenario, stats, j->expectations, j->actual);
    expect_judge_sometimes(scenario, stats, j->expectations + count,
                           j->actual + count);
    /* What had no time to happen was not missed. */
    for (uint32_t i = 0; end == SCENARIO_END_INTERRUPTED && i < count; i++)
        if (j->expectations[i].verdict == CHECK_FAIL)
            j->expectations[i].verdict = CHECK_INCONCLUSIVE;
    return true;
}

/* By the figures and the bill that is in the facts. */
static bool hold(struct judges *j, enum scenario_end end,
                 struct report_facts *facts)
{
    uint32_t count = j->scenario->threshold_count;
    struct threshold_figures figures = {.stats =
                                            report_collect_finish(j->collect),
                                        .bill = facts->bill,
                                        .bill_count = facts->bill_count,
                                        .brief = j->brief};
    j->found = calloc((size_t)count + 1, sizeof(*j->found));
    j->thresholds = calloc((size_t)count + 1, sizeof(*j->thresholds));
    if (!j->found || !j->thresholds)
        return false;
    facts->thresholds = j->thresholds;
    facts->threshold_count =
        thresholds_judge(j->scenario, &figures, j->thresholds, j->found);
    for (size_t i = 0; i < facts->threshold_count; i++)
        if (end == SCENARIO_END_INTERRUPTED &&
            j->thresholds[i].verdict == CHECK_FAIL)
            j->thresholds[i].verdict = CHECK_INCONCLUSIVE;
    return true;
}

bool judges_sum_up(struct judges *j, enum scenario_end end,
                   struct report_facts *facts)
{
    size_t result_count = 0;
    const struct check_result *results =
        j->checks ? check_suite_finish(j->checks, &result_count) : NULL;
    if (!expect(j, end) || !hold(j, end, facts) || !fill_rules(j))
        return false;
    facts->incomplete = why_incomplete(j, end);
    facts->digest = j->checkpoints.digest.hash;
    facts->digests = j->checkpoints.at;
    facts->digest_count = j->checkpoints.count;
    facts->digest_step = j->checkpoints.step;
    facts->record_count = j->checkpoints.digest.count;
    facts->results = results;
    facts->result_count = result_count;
    facts->required = j->required;
    facts->required_count = list_required(j, j->required);
    facts->expectations = j->expectations;
    facts->expectation_count = j->scenario->expectation_count;
    facts->sometimes = j->expectations + facts->expectation_count;
    facts->sometimes_count = j->scenario->sometimes_count;
    facts->rules = j->rules;
    facts->rule_count = j->rule_count;
    return true;
}
