#include "scenarios/runner.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/decide.h"
#include "reports/check.h"
#include "scenarios/capacity.h"
#include "scenarios/expect.h"
#include "scenarios/platform.h"
#include "scenarios/settings.h"
#include "scenarios/world.h"

#ifndef PERDURE_VERSION
#define PERDURE_VERSION "0.1.0"
#endif

/* Why a world ended; detail of WORLD_END. */
enum world_end {
    END_DONE,
    END_TIME,
    END_EVENTS,
    END_STOPPED,
    END_INTERRUPTED
};

struct runner {
    const struct scenario *scenario;
    struct runner_options options;
    struct scenario_world *world;
    struct scenario_capacity *capacity; /* in capacity mode: owns the world */
    struct check_world check_world;
    struct check_suite *checks;
    struct report_world report_world;
    struct report_armed *armed;
    char (*node_text)[24];
    const char **node_names;
    struct report_collect *collect;
    struct engine_digest digest;
    struct expect_actual *actual;
    struct report_expectation *expectations;
    struct report_source *sources;
    struct report_rule *rules;
    char (*rule_texts)[320];
    size_t rule_count;
    struct settings settings;
    enum world_end end;
    struct report_model model;
    bool has_model;
    struct runner_counts counts;
};

/* What detail means, in words, for the kinds where it is a number. */
static const char *detail_name(const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_EVENT:
        return engine_event_name(record->detail);
    case ENGINE_REC_APPENDED:
    case ENGINE_REC_ACTED:
    case ENGINE_REC_REJECTED:
        return engine_request_name(record->detail);
    default:
        return "-";
    }
}

static void trace_record(const struct runner *r,
                         const struct engine_record *record)
{
    uint64_t ns = record->time_ns - SCENARIO_START_NS;
    fprintf(r->options.trace,
            "%" PRIu64 ".%09" PRIu64 " %-14s %-16s %s run=%" PRIu64
            " op=%d attempt=%u token=%" PRIu64 " peer=%u detail=%u count=%u "
            "a=%" PRIu64 " b=%" PRIu64 " key=%016" PRIx64 "\n",
            ns / 1000000000, ns % 1000000000,
            r->node_names ? r->node_names[record->node] : "-",
            engine_record_name(record->kind), detail_name(record), record->run,
            record->op == UINT32_MAX ? -1 : (int)record->op, record->attempt,
            record->token, record->peer, record->detail, record->count,
            record->a, record->b, record->key);
}

static void take_records(void *self, const struct engine_record *records,
                         size_t count)
{
    struct runner *r = self;
    engine_digest_add(&r->digest, records, count);
    for (size_t i = 0; r->options.trace && i < count; i++)
        trace_record(r, &records[i]);
    if (r->options.no_checks)
        return;
    if (r->checks)
        check_suite_feed(r->checks, records, count);
    report_collect_feed(r->collect, records, count);
}

/* What the checkers and the collector are told ------------------------------
 */

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

/*
 * How long a run may take from the last fault on: every operation in turn,
 * each with all its attempts running into their time limits, claims that have
 * to expire, and one take-over. Generous by intent: it tells stuck from slow.
 */
static uint64_t progress_bound(const struct scenario *scenario)
{
    const struct scenario_engine *engine = &scenario->engine;
    uint64_t longest = 0;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct engine_graph *graph = scenario->workflows[w].graph;
        uint64_t sum = 0;
        for (uint32_t i = 0; i < engine_graph_count(graph); i++) {
            const struct engine_node *node = engine_graph_node(graph, i);
            if (node->kind == ENGINE_NODE_WAIT)
                sum += node->wait_ns + engine->scan_ns;
            else
                sum += node->attempt_timeout_ns + engine->claim_ttl_ns +
                       retry_time(&node->retry);
        }
        longest = sum > longest ? sum : longest;
    }
    return longest + 2 * engine->lease_ttl_ns + engine->scan_ns +
           10 * engine->request_timeout_ns + engine->restart_ns;
}

static void fill_check_world(struct runner *r)
{
    const struct scenario *scenario = r->scenario;
    const struct scenario_engine *engine = &scenario->engine;
    r->check_world = (struct check_world){
        .graphs = r->world->graphs,
        .effects = (const uint32_t *const *)r->world->effects,
        .programs = r->world->steps_of,
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
        .timer_slack_ns = engine->lease_ttl_ns + engine->scan_ns +
                          5 * engine->request_timeout_ns,
        .progress_bound_ns = progress_bound(scenario),
        .op_payload_max = engine->op_payload_max,
        .history_ops_max = engine->history_ops_max,
        .operations_max = engine->limits.limits.operations_max,
        .concurrency_max = scenario_concurrency(scenario),
        .envelope = {scenario->envelope.skew_ns_max,
                     scenario->envelope.drift_ppb_max,
                     scenario->envelope.honest_sync,
                     scenario->envelope.sound_disk},
        .honest_effects = engine->dedup_ttl_ns == 0,
    };
}

static bool name_nodes(struct runner *r)
{
    uint32_t count = SIM_NODE_MAX + 1;
    r->node_text = calloc(count, sizeof(*r->node_text));
    r->node_names = calloc(count, sizeof(*r->node_names));
    if (!r->node_text || !r->node_names)
        return false;
    static const char *const fixed[] = {"world",    "store",    "client",
                                        "receiver", "platform", "outside"};
    for (uint32_t node = 0; node < count; node++) {
        char *text = r->node_text[node];
        size_t size = sizeof(*r->node_text);
        if (node < sizeof(fixed) / sizeof(*fixed))
            snprintf(text, size, "%s", fixed[node]);
        else if (node >= SIM_NODE_WORKER)
            snprintf(text, size, "worker %u", node - SIM_NODE_WORKER + 1);
        else if (node >= SIM_NODE_COORDINATOR)
            snprintf(text, size, "coordinator %u",
                     node - SIM_NODE_COORDINATOR + 1);
        r->node_names[node] = text;
    }
    return true;
}

/* A rule that depends on chance, or was drawn by a swarm, need not fire. */
static bool chancy(const struct fault_rule *rule)
{
    return rule->chance_ppb < ENGINE_CHANCE_ALWAYS ||
           strncmp(rule->name, "swarm/", 6) == 0;
}

/* A rule over many points has fired when one of them has. */
static void fill_armed(struct runner *r)
{
    const struct fault_plan *plan = &r->world->plan;
    for (uint32_t p = 0; p < plan->point_count; p++) {
        bool must = false;
        for (uint32_t i = 0; i < plan->count; i++) {
            const struct fault_rule *rule = &plan->rules[i];
            if (!fault_rule_has_point(rule, p) ||
                rule->action == ENGINE_ACT_DEFECT)
                continue;
            r->armed[p].count++;
            uint32_t others = 0;
            for (uint32_t q = 0; q < plan->point_count; q++)
                others += fault_rule_has_point(rule, q);
            must = must || (!chancy(rule) && others == 1);
        }
        r->armed[p].optional = !must;
    }
}

static bool open_judges(struct runner *r)
{
    const struct fault_plan *plan = &r->world->plan;
    r->armed = calloc(plan->point_count, sizeof(*r->armed));
    if (!r->armed || !name_nodes(r))
        return false;
    fill_armed(r);
    r->report_world = (struct report_world){
        .graphs = r->world->graphs,
        .effects =
            r->capacity ? NULL : (const uint32_t *const *)r->world->effects,
        .programs = r->world->steps_of,
        .graph_count = r->scenario->workflow_count,
        .node_count = SIM_NODE_MAX + 1,
        .node_names = r->node_names,
        .points = plan->points,
        .armed = r->armed,
        .point_count = plan->point_count,
        .runs_max = r->scenario->runs,
    };
    fill_check_world(r);
    /* Without an engine there is nothing that a property could be of. */
    if (!r->capacity)
        r->checks = check_suite_new(&r->check_world);
    r->collect = report_collect_new(&r->report_world);
    return (r->checks || r->capacity) && r->collect;
}

/* The run -------------------------------------------------------------------
 */

enum {
    LOOK_EVERY = 4096
}; /* events between looks at the outside */

static enum world_end let_it_happen(struct runner *r)
{
    const struct scenario *scenario = r->scenario;
    struct sim_world *sim = r->world->sim;
    uint64_t end_ns = SCENARIO_START_NS + scenario->limit_ns;
    while (sim_world_step(sim)) {
        if (scenario_world_over(r->world))
            return END_DONE;
        if (sim->now_ns >= end_ns)
            return END_TIME;
        if (sim->event_count % LOOK_EVERY != 0)
            continue;
        if (sim->event_count >= scenario->events_limit)
            return END_EVENTS;
        if (r->options.interrupted && *r->options.interrupted)
            return END_INTERRUPTED;
        if (r->options.progress)
            r->options.progress(
                r->options.progress_self, sim->now_ns - SCENARIO_START_NS,
                sim->event_count, r->world->progress.runs_ended);
    }
    return END_STOPPED;
}

/* The same in capacity mode. */
static enum world_end let_it_flow(struct runner *r)
{
    struct sim_capacity_counts counts;
    int more;
    do {
        more = scenario_capacity_run(r->capacity, LOOK_EVERY);
        counts = scenario_capacity_counts(r->capacity);
        if (more < 0)
            return END_STOPPED;
        if (counts.events >= r->scenario->events_limit)
            return END_EVENTS;
        if (r->options.interrupted && *r->options.interrupted)
            return END_INTERRUPTED;
        if (r->options.progress)
            r->options.progress(
                r->options.progress_self, counts.now_ns - SCENARIO_START_NS,
                counts.events, counts.arrived - counts.in_flight);
    } while (more > 0);
    bool all = counts.arrived == r->scenario->runs && counts.in_flight == 0;
    return all ? END_DONE : END_TIME;
}

static const char *why_incomplete(const struct runner *r)
{
    if (r->end == END_INTERRUPTED)
        return "interrupted";
    if (r->end == END_EVENTS)
        return "the scenario's limit of events was reached";
    if (r->capacity ? r->end == END_STOPPED : r->world->sim->failed)
        return "the simulator ran out of memory";
    if (r->world->board && fault_switchboard_error(r->world->board))
        return "the fault switchboard ran out of memory";
    return NULL;
}

/* The faults of the plan and what became of each. */
static bool fill_rules(struct runner *r)
{
    const struct fault_plan *plan = &r->world->plan;
    r->rules = calloc(plan->count + 1, sizeof(*r->rules));
    r->rule_texts = calloc(plan->count + 1, sizeof(*r->rule_texts));
    if (!r->rules || !r->rule_texts)
        return false;
    for (uint32_t i = 0; r->world->board && i < plan->count; i++) {
        const struct fault_rule *rule = &plan->rules[i];
        if (rule->action == ENGINE_ACT_DEFECT)
            continue;
        const struct fault_ledger *ledger =
            fault_switchboard_rule_ledger(r->world->board, i);
        char *text = r->rule_texts[r->rule_count];
        scenario_world_rule_text(r->world, i, text, sizeof(*r->rule_texts));
        r->rules[r->rule_count++] = (struct report_rule){
            text, ledger->fired, ledger->in_flight, chancy(rule)};
    }
    return true;
}

/* The verdict ---------------------------------------------------------------
 */

static bool fill_lists(struct runner *r)
{
    const struct scenario *scenario = r->scenario;
    r->actual = calloc(scenario->expectation_count + 1, sizeof(*r->actual));
    r->expectations =
        calloc(scenario->expectation_count + 1, sizeof(*r->expectations));
    r->sources = calloc(scenario->source_count + 1, sizeof(*r->sources));
    if (!r->actual || !r->expectations || !r->sources || !fill_rules(r))
        return false;
    for (uint32_t i = 0; i < scenario->source_count; i++)
        r->sources[i] = (struct report_source){scenario->sources[i].name,
                                               scenario->sources[i].text,
                                               scenario->sources[i].size};
    if (!settings_init(&r->settings, scenario, &r->check_world, r->world))
        return false;
    if (r->capacity)
        scenario_capacity_bill(r->capacity, &r->settings);
    return true;
}

static const char *const check_ids[] = {"S1", "S2",  "S3",  "S4",  "S5",  "S6",
                                        "S9", "S10", "S11", "S14", "S15", "S17",
                                        "L1", "L2",  "L3",  "L5",  "S12"};

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

/*
 * Every property must have looked at something, except those about what the
 * workflows do not have: waits, side effects, operations of handlers.
 */
static size_t list_required(const struct scenario *scenario,
                            const char **required)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof(check_ids) / sizeof(*check_ids); i++) {
        const char *id = check_ids[i];
        if ((strcmp(id, "L5") == 0 && !has_waits(scenario)) ||
            (strcmp(id, "S5") == 0 && !has_effects(scenario)) ||
            (strcmp(id, "S12") == 0 && !scenario_has_programs(scenario)))
            continue;
        required[count++] = id;
    }
    return count;
}

static bool judge(struct runner *r)
{
    static const char *const limits[] = {
        "A process crash keeps nothing in memory; a crash of the store's "
        "process is a loss of power of its disk.",
        "Steps are modelled by the time they take, their side effect and "
        "their outcome; no user code runs.",
        "Side effects are counted at their receiver: once with a key the "
        "receiver remembers, at least once otherwise. Execution is never "
        "claimed to happen exactly once.",
        "Figures are in virtual time and follow from the model parameters "
        "above; their sources say how far to trust them.",
    };
    static const char *const capacity_limits[] = {
        "Capacity mode runs no engine and no store: nothing was made durable, "
        "no property was checked, and commits are those an engine would make.",
        "The engine's share of each step is a constant; a crash, a lost "
        "message or a busy store would add to it.",
        "Figures are in virtual time and follow from the model parameters "
        "above; their sources say how far to trust them.",
    };
    size_t result_count = 0;
    const struct check_result *results =
        r->checks ? check_suite_finish(r->checks, &result_count) : NULL;
    const struct report_stats *stats = report_collect_finish(r->collect);
    if (!fill_lists(r))
        return false;
    expect_judge(r->scenario, stats, r->expectations, r->actual);
    /* What had no time to happen was not missed. */
    for (uint32_t i = 0;
         r->end == END_INTERRUPTED && i < r->scenario->expectation_count; i++)
        if (r->expectations[i].verdict == CHECK_FAIL)
            r->expectations[i].verdict = CHECK_INCONCLUSIVE;
    const char *required[sizeof(check_ids) / sizeof(*check_ids)];
    size_t required_count = list_required(r->scenario, required);
    struct report_facts facts = {
        .scenario = r->scenario->name,
        .why = r->scenario->why,
        .version = PERDURE_VERSION,
        .replay = r->options.command,
        .incomplete = why_incomplete(r),
        .seed = r->options.seed,
        .digest = r->digest.hash,
        .results = results,
        .result_count = result_count,
        .required = required,
        .required_count = required_count,
        .expectations = r->expectations,
        .expectation_count = r->scenario->expectation_count,
        .rules = r->rules,
        .rule_count = r->rule_count,
        .settings = r->settings.rows,
        .setting_count = r->settings.count,
        .sources = r->sources,
        .source_count = r->scenario->source_count,
        .bill = r->settings.bill,
        .bill_count = r->settings.bill_count,
        .defects = r->options.defects,
        .defect_count = r->options.defect_count,
        .limits = limits,
        .limit_count = sizeof(limits) / sizeof(*limits),
    };
    if (r->capacity) {
        facts.limits = capacity_limits;
        facts.limit_count = sizeof(capacity_limits) / sizeof(*limits);
    }
    if (report_model_init(&r->model, r->collect, &facts))
        return false;
    r->has_model = true;
    return true;
}

static void count_flow(struct runner *r)
{
    struct sim_capacity_counts counts = scenario_capacity_counts(r->capacity);
    r->counts = (struct runner_counts){
        .virtual_ns = counts.now_ns - SCENARIO_START_NS,
        .events = counts.events,
        .records = r->digest.count,
    };
}

static void count(struct runner *r)
{
    const struct sim_world *sim = r->world->sim;
    r->counts = (struct runner_counts){
        .virtual_ns = sim->now_ns - SCENARIO_START_NS,
        .events = sim->event_count,
        .records = sim->record_total,
        .operations = r->world->progress.operations,
        .commits = sim_store_node_commits(r->world->store),
        .groups = sim_store_node_groups(r->world->store),
        .crashes = sim_node(r->world->sim, SIM_NODE_STORE)->incarnation - 1,
    };
}

static bool open_world(struct runner *r, char *message, size_t size)
{
    const struct runner_options *options = &r->options;
    struct sim_record_sink sink = {take_records, r};
    if (r->scenario->mode == SCENARIO_MODE_CAPACITY) {
        r->capacity =
            scenario_capacity_new(r->scenario, options->seed,
                                  options->defect_count, sink, message, size);
        if (r->capacity)
            r->world = scenario_capacity_world(r->capacity);
    } else {
        r->world =
            scenario_world_new(r->scenario, options->seed, options->defects,
                               options->defect_count, sink, message, size);
    }
    return r->world != NULL;
}

static void run_world(struct runner *r)
{
    scenario_world_start(r->world);
    r->end = let_it_happen(r);
    scenario_world_end(r->world, r->end);
    count(r);
}

static void run_capacity(struct runner *r)
{
    r->end = let_it_flow(r);
    scenario_capacity_end(r->capacity, r->end);
    count_flow(r);
}

struct runner *runner_run(const struct scenario *scenario,
                          const struct runner_options *options, char *message,
                          size_t message_size)
{
    struct runner *r = calloc(1, sizeof(*r));
    if (!r) {
        snprintf(message, message_size, "out of memory");
        return NULL;
    }
    r->scenario = scenario;
    r->options = *options;
    engine_digest_init(&r->digest);
    if (!open_world(r, message, message_size)) {
        runner_free(r);
        return NULL;
    }
    if (open_judges(r)) {
        if (r->capacity)
            run_capacity(r);
        else
            run_world(r);
        if (options->no_checks || judge(r))
            return r;
    }
    snprintf(message, message_size, "out of memory");
    runner_free(r);
    return NULL;
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    if (r->has_model)
        report_model_deinit(&r->model);
    settings_deinit(&r->settings);
    report_collect_free(r->collect);
    check_suite_free(r->checks);
    if (r->capacity)
        scenario_capacity_free(r->capacity);
    else
        scenario_world_free(r->world);
    free(r->armed);
    free(r->node_text);
    free(r->node_names);
    free(r->actual);
    free(r->expectations);
    free(r->sources);
    free(r->rules);
    free(r->rule_texts);
    free(r);
}

const struct report_model *runner_model(const struct runner *r)
{
    return r->has_model ? &r->model : NULL;
}

struct runner_counts runner_counts(const struct runner *r)
{
    return r->counts;
}
