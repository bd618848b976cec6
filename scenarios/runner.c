#include "scenarios/runner.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/format.h"
#include "scenarios/capacity.h"
#include "scenarios/judges.h"
#include "scenarios/keep_database.h"
#include "scenarios/settings.h"
#include "scenarios/trace_line.h"
#include "scenarios/trial.h"

#ifndef PERDURE_VERSION
#define PERDURE_VERSION "0.1.0"
#endif

enum {
    LIMITS_MAX = 8
};

struct runner {
    const struct scenario *scenario;
    struct runner_options options;
    struct scenario_world *world;
    struct scenario_capacity *capacity; /* in capacity mode: owns the world */
    struct judges judges;
    struct outcomes *golden; /* NULL: S8 is not judged */
    struct report_source *sources;
    const char **defects;
    uint32_t defect_count;
    const char *checks[2];         /* asked for by name */
    char recorded[RECORDING_TEXT]; /* the last of limits, unless all was */
    const char *limits[LIMITS_MAX];
    struct settings settings;
    struct durable_bill durable;
    enum scenario_end end;
    struct report_model model;
    bool has_model;
    struct runner_counts counts;
    struct report_failures failures;
};

static void take_records(void *self, const struct engine_record *records,
                         size_t count)
{
    struct runner *r = self;
    checkpoints_add(&r->judges.checkpoints, records, count);
    durable_bill_add(&r->durable, records, count);
    for (size_t i = 0; r->options.trace && i < count; i++)
        if (recording_keeps(&r->options.record, records[i].run))
            trace_line(r->options.trace, &records[i],
                       r->judges.node_names[records[i].node]);
    if (!r->options.no_checks)
        judges_feed(&r->judges, records, count);
}

/* The run -------------------------------------------------------------------
 */

static void look_in(void *self, uint64_t virtual_ns, uint64_t events,
                    uint64_t runs_ended)
{
    const struct runner *r = self;
    struct report_word words[2];
    char rest[120];
    if (!r->options.progress)
        return;
    snprintf(rest, sizeof(rest), "%s events, %s of virtual time",
             report_format_count(&words[0], events),
             report_format_ns(&words[1], virtual_ns));
    struct progress_now now = {
        .unit = "runs",
        .done = runs_ended,
        .total = r->scenario->runs,
        .bad = r->judges.checks ? "properties failed" : NULL,
        .failed = r->judges.checks ? check_suite_violated(r->judges.checks) : 0,
        .has_seed = true,
        .seed = r->options.seed,
        .rest = rest,
    };
    r->options.progress(r->options.progress_self, &now);
}

/* The same in capacity mode. */
static enum scenario_end let_it_flow(struct runner *r)
{
    struct sim_capacity_counts counts;
    int more;
    do {
        more = scenario_capacity_run(r->capacity, SCENARIO_LOOK_EVERY);
        counts = scenario_capacity_counts(r->capacity);
        if (more < 0)
            return SCENARIO_END_STOPPED;
        if (counts.events >= r->scenario->events_limit)
            return SCENARIO_END_EVENTS;
        if (r->options.interrupted && *r->options.interrupted)
            return SCENARIO_END_INTERRUPTED;
        look_in(r, counts.now_ns - SCENARIO_START_NS, counts.events,
                counts.arrived - counts.in_flight);
    } while (more > 0);
    bool all = counts.arrived == r->scenario->runs && counts.in_flight == 0;
    return all ? SCENARIO_END_DONE : SCENARIO_END_TIME;
}

/* The verdict ---------------------------------------------------------------
 */

/* The scenario's own, then those of the command, each once. */
static bool list_defects(struct runner *r)
{
    const struct scenario *scenario = r->scenario;
    uint32_t room = scenario->defect_count + r->options.defect_count + 1;
    /* NOLINTNEXTLINE(bugprone-sizeof-expression): an array of pointers. */
    r->defects = calloc(room, sizeof(*r->defects));
    for (uint32_t i = 0; r->defects && i < scenario->defect_count; i++)
        r->defects[r->defect_count++] = scenario->defects[i];
    for (uint32_t i = 0; r->defects && i < r->options.defect_count; i++)
        if (!scenario_has_defect(scenario, r->options.defects[i]))
            r->defects[r->defect_count++] = r->options.defects[i];
    return r->defects != NULL;
}

static bool fill_lists(struct runner *r)
{
    const struct scenario *scenario = r->scenario;
    r->sources = calloc(scenario->source_count + 1, sizeof(*r->sources));
    if (!r->sources)
        return false;
    for (uint32_t i = 0; i < scenario->source_count; i++)
        r->sources[i] = (struct report_source){scenario->sources[i].name,
                                               scenario->sources[i].text,
                                               scenario->sources[i].size};
    if (!settings_init(&r->settings, scenario, &r->judges.bounds, r->world,
                       &r->durable))
        return false;
    if (r->capacity)
        scenario_capacity_bill(r->capacity, &r->settings);
    return list_defects(r);
}

static size_t list_checks(struct runner *r)
{
    size_t count = 0;
    if (r->options.golden)
        r->checks[count++] = "golden";
    if (r->options.paranoid)
        r->checks[count++] = "paranoid";
    return count;
}

/* What the report does not show: of every world, then of this recording. */
static size_t list_limits(struct runner *r, const char *const *limits,
                          size_t count)
{
    assert(count < LIMITS_MAX);
    for (size_t i = 0; i < count; i++)
        r->limits[i] = limits[i];
    if (!r->options.record.sampled)
        return count;
    r->limits[count] =
        recording_limit(&r->options.record, r->scenario->runs, r->recorded);
    return count + 1;
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
    if (!fill_lists(r))
        return false;
    struct report_facts facts = {
        .scenario = r->scenario->name,
        .why = r->scenario->why,
        .version = PERDURE_VERSION,
        .replay = r->options.command,
        .seed = r->options.seed,
        .settings = r->settings.rows,
        .setting_count = r->settings.count,
        .sources = r->sources,
        .source_count = r->scenario->source_count,
        .failures = r->capacity ? NULL : &r->failures,
        .bill = r->settings.bill,
        .bill_count = r->settings.bill_count,
        .checks = r->checks,
        .check_count = list_checks(r),
        .defects = r->defects,
        .defect_count = r->defect_count,
        .limits = r->limits,
    };
    facts.limit_count =
        r->capacity ? list_limits(r, capacity_limits,
                                  sizeof(capacity_limits) / sizeof(*limits))
                    : list_limits(r, limits, sizeof(limits) / sizeof(*limits));
    if (!judges_sum_up(&r->judges, r->end, &facts) ||
        report_model_init(&r->model, r->judges.collect, &facts))
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
        .records = r->judges.checkpoints.digest.count,
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
        r->capacity = scenario_capacity_new(r->scenario, options->seed,
                                            options->defect_count +
                                                r->scenario->defect_count,
                                            sink, message, size);
        if (r->capacity)
            r->world = scenario_capacity_world(r->capacity);
    } else {
        struct scenario_world_options world = {
            .failures = &r->failures,
            .seed = options->seed,
            .defects = options->defects,
            .defect_count = options->defect_count,
            .paranoid = options->paranoid,
            .records = sink,
        };
        r->world = scenario_world_new(r->scenario, &world, message, size);
    }
    return r->world != NULL;
}

static void run_world(struct runner *r)
{
    struct scenario_look look = {r->options.interrupted, look_in, r};
    r->end = scenario_world_run(r->world, &look);
    count(r);
}

static void run_capacity(struct runner *r)
{
    r->end = let_it_flow(r);
    scenario_capacity_end(r->capacity, r->end);
    count_flow(r);
}

/* The faultless twin, if it is asked for. */
static bool run_twin(struct runner *r, char *message, size_t size)
{
    const struct runner_options *options = &r->options;
    struct trial trial = {
        .scenario = r->scenario,
        .seed = options->seed,
        .defects = options->defects,
        .defect_count = options->defect_count,
        .interrupted = options->interrupted,
    };
    if (r->scenario->mode == SCENARIO_MODE_CAPACITY || options->no_checks ||
        !options->golden)
        return true;
    r->golden = trial_golden(&trial, message, size);
    return r->golden != NULL;
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
    r->options.golden = options->golden || scenario->golden;
    r->options.paranoid = options->paranoid || scenario->paranoid;
    if (!run_twin(r, message, message_size) ||
        !open_world(r, message, message_size)) {
        runner_free(r);
        return NULL;
    }
    struct judges_options judges = {.capacity = r->capacity != NULL,
                                    .golden = r->golden,
                                    .paranoid = r->options.paranoid,
                                    .show = r->options.show,
                                    .record = r->options.record};
    snprintf(message, message_size, "out of memory");
    if (judges_init(&r->judges, scenario, r->world, &judges)) {
        if (r->capacity)
            run_capacity(r);
        else
            run_world(r);
        if ((options->no_checks || judge(r)) &&
            (!options->database || keep_database(r->world, options->database,
                                                 message, message_size) == 0))
            return r;
    }
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
    judges_deinit(&r->judges);
    if (r->capacity)
        scenario_capacity_free(r->capacity);
    else
        scenario_world_free(r->world);
    outcomes_free(r->golden);
    free(r->sources);
    free(r->defects);
    free(r);
}

const char *runner_version(void)
{
    return PERDURE_VERSION;
}

const struct report_model *runner_model(const struct runner *r)
{
    return r->has_model ? &r->model : NULL;
}

const struct report_collect *runner_collect(const struct runner *r)
{
    return r->judges.collect;
}

struct runner_counts runner_counts(const struct runner *r)
{
    return r->counts;
}
