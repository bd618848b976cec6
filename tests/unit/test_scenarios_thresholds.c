#include "scenarios/thresholds.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum {
    STEPS = 2
};

/* A world's figures with a threshold on them. */
struct scene {
    struct scenario *scenario;
    struct scenario_threshold threshold;
    struct report_stats *stats;
    struct report_step steps[STEPS];
    struct report_bill bill[2];
    struct threshold_figures figures;
};

static void raise(struct scene *scene)
{
    *scene = (struct scene){.scenario = calloc(1, sizeof(struct scenario)),
                            .stats = calloc(1, sizeof(struct report_stats))};
    cr_assert(scene->scenario && scene->stats);
    scene->scenario->thresholds = &scene->threshold;
    scene->scenario->threshold_count = 1;
    scene->threshold = (struct scenario_threshold){.expr = "it",
                                                   .limit = "so",
                                                   .op = THRESHOLD_ALL,
                                                   .index = THRESHOLD_ALL,
                                                   .workflow = THRESHOLD_ALL};
    for (uint32_t i = 0; i < STEPS; i++)
        scene->steps[i] = (struct report_step){
            .op = i, .attempts = 10 * (i + 1), .retries = i + 1};
    scene->stats->steps = scene->steps;
    scene->stats->step_count = STEPS;
    scene->bill[0] = (struct report_bill){"compute", "1 GB-s", "$0.200000"};
    scene->bill[1] = (struct report_bill){"requests", "7", "$0.050001"};
    scene->figures.stats = scene->stats;
}

static void lower(struct scene *scene)
{
    report_hist_deinit(&scene->stats->latency);
    free(scene->scenario);
    free(scene->stats);
}

static struct report_threshold judge(struct scene *scene)
{
    struct report_threshold out;
    static struct threshold_actual actual;
    cr_assert_eq(
        thresholds_judge(scene->scenario, &scene->figures, &out, &actual), 1);
    return out;
}

static void expect(struct scene *scene, enum check_verdict verdict,
                   const char *actual)
{
    struct report_threshold out = judge(scene);
    cr_expect_eq(out.verdict, verdict);
    cr_expect_str_eq(out.actual, actual);
    cr_expect_str_eq(out.expr, "it");
    cr_expect_str_eq(out.limit, "so");
}

Test(scenarios_thresholds, each_comparison_is_what_it_says)
{
    static const struct {
        enum scenario_comparison comparison;
        bool below, same, above;
    } rows[] = {{SCENARIO_LESS, true, false, false},
                {SCENARIO_AT_MOST, true, true, false},
                {SCENARIO_EQUAL, false, true, false},
                {SCENARIO_AT_LEAST, false, true, true},
                {SCENARIO_MORE, false, false, true}};
    struct scene scene;
    raise(&scene);
    scene.threshold.measure = THRESHOLD_COMMITS;
    scene.threshold.value = 10;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        scene.threshold.comparison = rows[i].comparison;
        scene.stats->commits = 9;
        cr_expect_eq(judge(&scene).verdict == CHECK_PASS, rows[i].below);
        scene.stats->commits = 10;
        cr_expect_eq(judge(&scene).verdict == CHECK_PASS, rows[i].same);
        scene.stats->commits = 11;
        cr_expect_eq(judge(&scene).verdict == CHECK_PASS, rows[i].above);
    }
    lower(&scene);
}

Test(scenarios_thresholds, steps_are_counted_alone_or_together)
{
    struct scene scene;
    raise(&scene);
    scene.threshold.measure = THRESHOLD_RETRIES;
    scene.threshold.value = 3;
    expect(&scene, CHECK_FAIL, "3");
    scene.threshold.workflow = 0;
    scene.threshold.op = 1;
    expect(&scene, CHECK_PASS, "2");
    scene.threshold.op = 7;
    expect(&scene, CHECK_INCONCLUSIVE, "the step never ran");
    lower(&scene);
}

Test(scenarios_thresholds, cost_is_the_sum_of_the_bill)
{
    struct scene scene;
    raise(&scene);
    scene.threshold.measure = THRESHOLD_COST;
    scene.threshold.unit = THRESHOLD_MICRODOLLARS;
    scene.threshold.comparison = SCENARIO_AT_MOST;
    scene.threshold.value = 250000;
    expect(&scene, CHECK_INCONCLUSIVE, "no platform of it has prices");
    scene.figures.bill = scene.bill;
    scene.figures.bill_count = 2;
    expect(&scene, CHECK_FAIL, "$0.250001");
    scene.threshold.value++;
    expect(&scene, CHECK_PASS, "$0.250001");
    lower(&scene);
}

Test(scenarios_thresholds, throughput_is_of_runs_that_succeeded)
{
    struct scene scene;
    raise(&scene);
    scene.threshold.measure = THRESHOLD_THROUGHPUT;
    scene.threshold.unit = THRESHOLD_MILLIONTHS_PER_S;
    scene.threshold.comparison = SCENARIO_AT_LEAST;
    scene.threshold.value = 3000000;
    expect(&scene, CHECK_INCONCLUSIVE, "no time went by");
    scene.stats->first_ns = 1000000000;
    scene.stats->last_ns = 3000000000;
    scene.stats->runs.succeeded = 6;
    scene.stats->runs.failed = 100;
    expect(&scene, CHECK_PASS, "3.000000/s");
    scene.stats->runs.succeeded = 5;
    expect(&scene, CHECK_FAIL, "2.500000/s");
    lower(&scene);
}

Test(scenarios_thresholds, a_backlog_that_never_drains_is_missed)
{
    struct scene scene;
    raise(&scene);
    scene.threshold.measure = THRESHOLD_DRAIN;
    scene.threshold.unit = THRESHOLD_NS;
    scene.threshold.value = UINT64_MAX;
    scene.stats->drain_ns = UINT64_MAX;
    expect(&scene, CHECK_FAIL, "never");
    lower(&scene);
}

Test(scenarios_thresholds, a_limit_is_used_by_its_share)
{
    struct scene scene;
    raise(&scene);
    scene.threshold.measure = THRESHOLD_USED;
    scene.threshold.unit = THRESHOLD_PPB;
    scene.threshold.index = REPORT_LIMIT_EVENTS;
    scene.threshold.comparison = SCENARIO_AT_MOST;
    scene.threshold.value = 800000000;
    expect(&scene, CHECK_INCONCLUSIVE, "this world has no such limit");
    scene.stats->used[REPORT_LIMIT_EVENTS] =
        (struct report_used){.used = 801, .allowed = 1000};
    expect(&scene, CHECK_FAIL, "80.1 %");
    scene.stats->used[REPORT_LIMIT_EVENTS].used = 800;
    expect(&scene, CHECK_PASS, "80.0 %");
    lower(&scene);
}

Test(scenarios_thresholds, a_time_has_percentiles_a_mean_and_a_maximum)
{
    struct scene scene;
    raise(&scene);
    scene.threshold.measure = THRESHOLD_OF_RUNS;
    scene.threshold.unit = THRESHOLD_NS;
    scene.threshold.value = 1000000000;
    scene.threshold.percentile_milli = THRESHOLD_MAX;
    expect(&scene, CHECK_INCONCLUSIVE, "no run ended");
    cr_assert_eq(report_hist_init(&scene.stats->latency, 3), 0);
    report_hist_record(&scene.stats->latency, 1000000);
    report_hist_record(&scene.stats->latency, 3000000);
    expect(&scene, CHECK_PASS, "3.00 ms");
    scene.threshold.percentile_milli = THRESHOLD_MEAN;
    expect(&scene, CHECK_PASS, "2.00 ms");
    scene.threshold.percentile_milli = 50000;
    cr_expect_eq(strncmp(judge(&scene).actual, "1.00 ms", 7), 0);
    lower(&scene);
}

Test(scenarios_thresholds, a_brief_world_is_not_held_to_what_it_cannot_tell)
{
    struct scene scene;
    struct report_threshold out;
    struct threshold_actual actual;
    raise(&scene);
    scene.figures.brief = true;
    scene.threshold.measure = THRESHOLD_COST;
    cr_expect_eq(
        thresholds_judge(scene.scenario, &scene.figures, &out, &actual), 0);
    scene.threshold.measure = THRESHOLD_RETRIES;
    cr_expect_eq(
        thresholds_judge(scene.scenario, &scene.figures, &out, &actual), 1);
    lower(&scene);
}
