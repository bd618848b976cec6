#include "scenarios/trial.h"

#include <assert.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/coverage.h"
#include "scenarios/freedom.h"
#include "scenarios/judges.h"

struct court {
    const struct trial *trial;
    struct judges judges;
};

static void take_records(void *self, const struct engine_record *records,
                         size_t count)
{
    struct court *court = self;
    const struct trial_watch *watch = court->trial->watch;
    checkpoints_add(&court->judges.checkpoints, records, count);
    if (watch && watch->over && *watch->over)
        watch = NULL;
    for (size_t i = 0; watch && watch->record && i < count; i++)
        watch->record(watch->self, &records[i]);
    if (court->trial->coverage)
        coverage_feed(court->trial->coverage, records, count);
    judges_feed(&court->judges, records, count);
}

static struct scenario_world *open_world(struct court *court, char *message,
                                         size_t size)
{
    const struct trial *trial = court->trial;
    struct scenario_world_options options = {
        .seed = trial->seed,
        .rules = trial->rules,
        .rule_count = trial->rule_count,
        .defects = trial->defects,
        .defect_count = trial->defect_count,
        .faultless = trial->faultless,
        .schedule = trial->schedule,
        .paranoid = trial->paranoid || trial->scenario->paranoid,
        .watch = trial->watch,
        .records = {take_records, court},
    };
    if (trial->scenario->mode == SCENARIO_MODE_FULL)
        return scenario_world_new(trial->scenario, &options, message, size);
    snprintf(message, size,
             "found mode \"capacity\", allowed \"full\": without an engine "
             "there is nothing to recover");
    return NULL;
}

/* The check_all index of a result, which lists them in that order. */
static void fill_checks(struct trial_result *result,
                        const struct report_facts *facts)
{
    assert(facts->result_count <= TRIAL_CHECKS_MAX);
    for (size_t i = 0; i < facts->result_count; i++) {
        const struct check_result *check = &facts->results[i];
        uint64_t bit = UINT64_C(1) << i;
        result->checked[i] = check->checked;
        result->failed |= check->verdict == CHECK_FAIL ? bit : 0;
        if (check->verdict == CHECK_FAIL && check->violations > 0)
            result->failed_ns[i] =
                check->first.record.time_ns - SCENARIO_START_NS;
        result->excused |= check->verdict == CHECK_EXCUSED ? bit : 0;
        if (check->verdict == CHECK_INCONCLUSIVE && !check->absent)
            result->inconclusive |= bit;
    }
    result->property = result->failed != 0
                           ? (uint32_t)__builtin_ctzll(result->failed)
                           : UINT32_MAX;
}

/* Those of the first 32 expectations that were missed; the last bit stands
   for all others. */
static void fill_missed(struct trial_result *result,
                        const struct report_facts *facts)
{
    for (size_t i = 0; i < facts->expectation_count; i++)
        if (facts->expectations[i].verdict == CHECK_FAIL)
            result->missed |= UINT32_C(1) << (i < 31 ? i : 31);
    for (size_t i = 0; i < facts->threshold_count; i++)
        if (facts->thresholds[i].verdict == CHECK_FAIL)
            result->missed |= UINT32_C(1) << 31;
}

static void fill_world(struct trial_result *result,
                       const struct scenario_world *world)
{
    result->records = world->sim->record_total;
    result->events = world->sim->event_count;
    result->virtual_ns = world->sim->now_ns - SCENARIO_START_NS;
    result->runs_ended = world->progress.runs_ended;
}

static bool judge(struct court *court, const struct scenario_world *world,
                  enum scenario_end end, struct trial_result *result)
{
    struct report_facts facts = {.scenario = court->trial->scenario->name,
                                 .seed = court->trial->seed};
    struct report_model model;
    if (!judges_sum_up(&court->judges, end, &facts))
        return false;
    report_model_judge(&model, court->judges.collect, &facts);
    fill_world(result, world);
    fill_checks(result, &facts);
    fill_missed(result, &facts);
    result->digest = facts.digest;
    result->faults_fired = model.stats->faults_fired;
    result->faults_in_flight = model.stats->faults_in_flight;
    if (court->trial->coverage) {
        coverage_plan(court->trial->coverage, &world->plan);
        result->coverage = coverage_met(court->trial->coverage)->count;
    }
    result->sometimes = expect_sometimes(court->trial->scenario, model.stats);
    result->verdict = model.verdict;
    result->end = end;
    result->reasons = model.reason_count;
    if (model.reason_count > 0)
        snprintf(result->text, sizeof(result->text), "%s",
                 model.reasons[0].text);
    return true;
}

static int run(const struct trial *trial, const struct outcomes *golden,
               struct trial_result *result, char *message, size_t message_size)
{
    struct court court = {.trial = trial};
    struct scenario_look look = {.interrupted = trial->interrupted};
    struct judges_options options = {
        .brief = true,
        .golden = golden,
        .paranoid = trial->paranoid || trial->scenario->paranoid,
        .outcomes = trial->outcomes,
    };
    bool good = false;
    memset(result, 0, sizeof(*result));
    struct scenario_world *world = open_world(&court, message, message_size);
    if (!world)
        return -1;
    snprintf(message, message_size, "out of memory");
    if (judges_init(&court.judges, trial->scenario, world, &options)) {
        enum scenario_end end = scenario_world_run(world, &look);
        good = judge(&court, world, end, result);
        if (world->broken) {
            good = false;
            snprintf(message, message_size,
                     "the watch's fault could not be added: %s",
                     world->error[0] ? world->error : "out of memory");
        }
    }
    if (good && trial->watch && trial->watch->judged)
        trial->watch->judged(trial->watch->self, result);
    judges_deinit(&court.judges);
    scenario_world_free(world);
    return good ? 0 : -1;
}

void trial_alone(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_SINGLETHREAD);
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

int trial_run(const struct trial *trial, struct trial_result *result,
              char *message, size_t message_size)
{
    struct outcomes *golden = NULL;
    bool asked = trial->compare || trial->scenario->golden;
    if (asked && !trial->golden && !trial->faultless) {
        golden = trial_golden(trial, message, message_size);
        if (!golden)
            return -1;
    }
    int error = run(trial, golden ? golden : trial->golden, result, message,
                    message_size);
    outcomes_free(golden);
    return error;
}

/* Golden worlds ----------------------------------------------------------- */

enum {
    SCHEDULES = 8 /* that are tried where they decide */
};

/* What comes of this world's runs; NULL: see message. */
static struct outcomes *collect(const struct trial *trial, char *message,
                                size_t size)
{
    struct trial_result result;
    struct outcomes *outcomes = outcomes_new();
    struct trial golden = *trial;
    golden.outcomes = outcomes;
    snprintf(message, size, "out of memory");
    if (outcomes && run(&golden, NULL, &result, message, size) == 0)
        return outcomes;
    outcomes_free(outcomes);
    return NULL;
}

/* The twin of this schedule; 0: the world's own. */
static struct trial twin_of(const struct trial *trial, uint64_t n)
{
    return (struct trial){
        .scenario = trial->scenario,
        .seed = trial->seed,
        .defects = trial->defects,
        .defect_count = trial->defect_count,
        .faultless = true,
        .schedule = n ? trial->seed + n * UINT64_C(0x9e3779b97f4a7c15) : 0,
        .interrupted = trial->interrupted,
    };
}

static bool schedules_decide(const struct scenario *scenario)
{
    for (uint32_t w = 0; w < scenario->workflow_count; w++)
        if (scenario_freedom(&scenario->workflows[w]) & CHECK_FREE_CHOICE)
            return true;
    return false;
}

int trial_schedules(const struct trial *trial, struct outcomes *golden,
                    char *message, size_t message_size)
{
    if (!schedules_decide(trial->scenario))
        return 0;
    for (uint64_t n = 1; n < SCHEDULES; n++) {
        struct trial twin = twin_of(trial, n);
        golden->next = collect(&twin, message, message_size);
        if (!golden->next)
            return -1;
        golden = golden->next;
    }
    return 0;
}

struct outcomes *trial_golden(const struct trial *trial, char *message,
                              size_t message_size)
{
    struct trial twin = twin_of(trial, 0);
    struct outcomes *golden = collect(&twin, message, message_size);
    if (golden && trial_schedules(trial, golden, message, message_size)) {
        outcomes_free(golden);
        return NULL;
    }
    return golden;
}
