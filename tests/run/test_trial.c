/*
 * Trials: they say what a run says, watching changes nothing, and a world that
 * is broken on the way is the world in which the fault was planned.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "faults/points.h"
#include "scenarios/runner.h"
#include "scenarios/trial.h"

static const char *const small[] = {
    "scenarios/small/order.json",
    "scenarios/small/order-on-lambda.json",
    "scenarios/small/handlers.json",
    "scenarios/small/limit-of-operations.json",
    "scenarios/defects/status_no_cas.json",
    "scenarios/defects/sync_off.json",
};

enum {
    SMALL = sizeof(small) / sizeof(*small),
    PLACES = 9 /* of each world that are broken */
};

static struct scenario *read_scenario(const char *path)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    return scenario;
}

static struct trial_result try(const struct trial *trial)
{
    char message[512] = "";
    struct trial_result result;
    int error = trial_run(trial, &result, message, sizeof(message));
    cr_assert_eq(error, 0, "%s", message);
    return result;
}

static bool same(const struct trial_result *a, const struct trial_result *b)
{
    return memcmp(a, b, sizeof(*a)) == 0;
}

Test(trial, says_in_brief_what_a_run_says_at_length)
{
    for (int i = 0; i < SMALL; i++) {
        char message[512] = "";
        struct scenario *scenario = read_scenario(small[i]);
        struct trial trial = {.scenario = scenario, .seed = 7};
        struct runner_options options = {.seed = 7, .command = "test"};
        struct trial_result result = try(&trial);
        struct runner *runner =
            runner_run(scenario, &options, message, sizeof(message));
        cr_assert_not_null(runner, "%s", message);
        const struct report_model *model = runner_model(runner);
        cr_expect_arr_eq(&result.digest, &model->facts.digest,
                         sizeof(result.digest), "%s", small[i]);
        cr_expect_eq(result.verdict, (uint32_t)model->verdict, "%s", small[i]);
        cr_expect_eq(result.records, runner_counts(runner).records);
        cr_expect_eq(result.events, runner_counts(runner).events);
        cr_expect_str_eq(result.text,
                         model->reason_count ? model->reasons[0].text : "");
        for (size_t c = 0; c < model->facts.result_count; c++)
            cr_expect_eq(result.checked[c], model->facts.results[c].checked,
                         "%s %s", small[i], model->facts.results[c].id);
        runner_free(runner);
        scenario_free(scenario);
    }
}

/* Breaks a world at its `target`-th place where somebody can be crashed. */
struct breaker {
    struct fault_rule rule;
    const struct engine_point *points;
    uint64_t places;
    uint64_t target; /* from 1; 0: only look */
    uint64_t records;
    uint64_t like; /* sites before it at the same point and node */
    struct engine_site sites[1 << 16];
    bool narrow; /* the rule names run, operation and attempt too */
};

/* Would a rule about `one` match `other`? It names what `one` is about. */
static bool alike(const struct breaker *b, const struct engine_site *one,
                  const struct engine_site *other)
{
    bool narrow = b->narrow;
    return one->point == other->point && one->node == other->node &&
           (!narrow || one->run == other->run) &&
           (!narrow || one->op == 0 || one->op == other->op) &&
           (!narrow || one->attempt == 0 || one->attempt == other->attempt);
}

static void make_rule(struct breaker *b, const struct engine_site *site)
{
    struct fault_rule *rule = &b->rule;
    fault_rule_init(rule, ENGINE_ACT_CRASH);
    fault_rule_add_point(rule, site->point);
    (void)fault_ranges_add(&rule->nodes, site->node, site->node);
    for (uint64_t i = 0; i + 1 < b->target; i++)
        b->like += alike(b, site, &b->sites[i]);
    fault_rule_nth(rule, b->like + 1, b->like + 1);
    rule->max_fires = 1;
    if (!b->narrow)
        return;
    rule->runs = (struct fault_range){site->run, site->run};
    if (site->attempt > 0)
        rule->attempts = (struct fault_range){site->attempt, site->attempt};
    if (site->op > 0)
        (void)fault_rule_add_op(rule, FAULT_ANY_WORKFLOW, site->op - 1);
}

static const struct fault_rule *look(void *self, const struct engine_site *site,
                                     uint64_t *matches)
{
    struct breaker *b = self;
    uint32_t can = fault_point_actions(&b->points[site->point]);
    if (!(can & FAULT_ACTION_BIT(ENGINE_ACT_CRASH)))
        return NULL;
    cr_assert_lt(b->places, sizeof(b->sites) / sizeof(*b->sites));
    b->sites[b->places++] = *site;
    if (b->places != b->target)
        return NULL;
    make_rule(b, site);
    *matches = b->like;
    return &b->rule;
}

static void count_record(void *self, const struct engine_record *record)
{
    struct breaker *b = self;
    cr_assert_neq(record->time_ns, 0);
    b->records++;
}

static struct trial_result watch(const struct trial *plain, struct breaker *b,
                                 uint64_t target)
{
    struct trial_watch watch = {
        .site = look, .record = count_record, .self = b};
    struct trial trial = *plain;
    uint32_t count;
    b->points = scenario_points(&count);
    b->target = target;
    b->places = b->records = b->like = 0;
    trial.watch = &watch;
    return try(&trial);
}

static struct breaker breaker;

Test(trial, is_not_changed_by_being_watched)
{
    for (int i = 0; i < SMALL; i++) {
        struct scenario *scenario = read_scenario(small[i]);
        struct trial trial = {.scenario = scenario, .seed = 3};
        struct trial_result plain = try(&trial);
        struct trial_result watched = watch(&trial, &breaker, 0);
        cr_expect(same(&plain, &watched), "%s", small[i]);
        cr_expect_gt(breaker.places, 0, "%s", small[i]);
        cr_expect_eq(breaker.records, plain.records, "%s", small[i]);
        scenario_free(scenario);
    }
}

/* The world broken at its target-th place is that of the planned rule. */
static void expect_equal(const struct trial *plain, uint64_t target,
                         const char *name)
{
    struct trial planned = *plain;
    struct trial_result broken = watch(plain, &breaker, target);
    struct fault_rule rule = breaker.rule;
    planned.rules = &rule;
    planned.rule_count = 1;
    struct trial_result whole = try(&planned);
    cr_expect(same(&broken, &whole), "%s at place %llu: %s, %s", name,
              (unsigned long long)target, broken.text, whole.text);
    cr_expect_gt(broken.faults_fired, 0, "%s", name);
}

Test(trial, broken_at_a_boundary_is_the_trial_in_which_that_was_planned)
{
    for (int i = 0; i < SMALL; i++) {
        struct scenario *scenario = read_scenario(small[i]);
        for (int narrow = 0; narrow < 2; narrow++) {
            struct trial trial = {
                .scenario = scenario, .seed = 3, .faultless = i % 2 != 0};
            breaker.narrow = narrow;
            (void)watch(&trial, &breaker, 0);
            uint64_t places = breaker.places;
            for (uint64_t p = 1; p <= PLACES; p++)
                expect_equal(&trial, 1 + (places - 1) * p / PLACES, small[i]);
        }
        scenario_free(scenario);
    }
}

Test(trial, without_faults_has_none_of_the_plan_and_none_of_the_swarm)
{
    struct scenario *scenario = read_scenario("scenarios/swarm.json");
    scenario->runs = 20;
    struct trial trial = {.scenario = scenario, .seed = 3, .faultless = true};
    struct trial_result golden = try(&trial);
    trial.faultless = false;
    struct trial_result faulty = try(&trial);
    cr_expect_eq(golden.faults_fired, 0);
    cr_expect_eq(golden.runs_ended, 20);
    cr_expect_gt(faulty.faults_fired, 0);
    scenario_free(scenario);
}

Test(trial, makes_a_property_fail_with_its_defect_and_says_which)
{
    static const char *const defect = "status_no_cas";
    struct scenario *scenario =
        read_scenario("scenarios/defects/status_no_cas.json");
    struct trial trial = {.scenario = scenario, .seed = scenario->seed};
    cr_expect_eq(try(&trial).failed, 0);
    trial.defects = &defect;
    trial.defect_count = 1;
    struct trial_result result = try(&trial);
    cr_assert_lt(result.property, TRIAL_CHECKS_MAX);
    const char *id = check_all[result.property]->id;
    cr_expect_eq(strncmp(result.text, id, strlen(id)), 0, "%s: %s", id,
                 result.text);
    scenario_free(scenario);
}

Test(trial, of_a_world_without_an_engine_is_refused)
{
    char message[512] = "";
    struct trial_result result;
    struct scenario *scenario = read_scenario("scenarios/small/order.json");
    scenario->mode = SCENARIO_MODE_CAPACITY;
    struct trial trial = {.scenario = scenario, .seed = 1};
    cr_expect_eq(trial_run(&trial, &result, message, sizeof(message)), -1);
    cr_expect_not_null(strstr(message, "capacity"), "%s", message);
    scenario_free(scenario);
}
