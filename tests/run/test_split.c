/* What the latency of real runs is made of. */
#include <criterion/criterion.h>

#include "scenarios/runner.h"
#include "scenarios/validate/formulas.h"

#define SECOND UINT64_C(1000000000)

static struct runner *runner_of(const char *path, struct scenario **scenario,
                                uint64_t seed)
{
    struct json_error error = {0};
    char message[512] = "";
    struct runner_options options = {.seed = seed, .command = "test"};
    *scenario = scenario_read(path, &error);
    cr_assert_not_null(*scenario, "%s", error.text);
    struct runner *runner =
        runner_run(*scenario, &options, message, sizeof(message));
    cr_assert_not_null(runner, "%s", message);
    return runner;
}

/* All nanoseconds of all runs, in 128 bits. */
static void expect_sums(const struct report_stats *stats, const char *path)
{
    uint64_t lo = 0;
    uint64_t hi = 0;
    for (int i = 0; i < REPORT_PARTS; i++) {
        const struct report_hist *part = &stats->split.parts[i];
        cr_expect_eq(part->count, stats->latency.count, "%s", path);
        lo += part->sum_lo;
        hi += part->sum_hi + (lo < part->sum_lo);
    }
    cr_expect_eq(lo, stats->latency.sum_lo, "%s", path);
    cr_expect_eq(hi, stats->latency.sum_hi, "%s", path);
}

Test(split, the_parts_of_all_runs_add_up_to_their_latency)
{
    static const char *const paths[] = {
        "scenarios/orders-on-lambda.json",
        "scenarios/handler-on-lambda.json",
        "scenarios/approval-survives.json",
        "scenarios/orders-on-kubernetes.json",
        "scenarios/orders-on-batch.json",
        "scenarios/orders-on-docker.json",
        "scenarios/celery-worker-killed-redis.json",
        "scenarios/invoke-children.json",
        "scenarios/streams.json",
        "scenarios/fanout-crash.json",
        "scenarios/operators-pause-cancel.json",
        "scenarios/steps-fail-and-outlast-claims.json",
        "scenarios/mixed-platforms.json",
        "scenarios/clocks-skew-drift-and-step.json",
        "scenarios/capacity/orders-on-local-workers.json",
    };
    uint64_t used[REPORT_PARTS] = {0};
    for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
        struct scenario *scenario;
        struct runner *runner = runner_of(paths[i], &scenario, i + 1);
        const struct report_stats *stats = runner_model(runner)->stats;
        cr_expect_gt(stats->latency.count, 0, "%s", paths[i]);
        expect_sums(stats, paths[i]);
        for (int k = 0; k < REPORT_PARTS; k++)
            used[k] += stats->split.parts[k].max > 0;
        runner_free(runner);
        scenario_free(scenario);
    }
    for (int k = 0; k < REPORT_PARTS; k++)
        cr_expect_gt(used[k], 0, "%s", report_part_name((enum report_part)k));
}

static double mean_of(const struct runner *runner, enum report_part part)
{
    const struct report_split *split = &runner_model(runner)->stats->split;
    return (double)report_hist_mean(&split->parts[part]) / (double)SECOND;
}

/*
 * Four workers and 2.4 arrivals a second: what runs queue for, as a ratio to
 * what Erlang C says of the time that they were served for.
 */
static double queueing(const char *path, uint64_t seeds)
{
    double wait = 0;
    double service = 0;
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct scenario *scenario;
        struct runner *runner = runner_of(path, &scenario, seed);
        wait += mean_of(runner, REPORT_PART_QUEUEING) / (double)seeds;
        service += mean_of(runner, REPORT_PART_SERVICE) / (double)seeds;
        runner_free(runner);
        scenario_free(scenario);
    }
    cr_expect_float_eq(service, 1, 0.02);
    return wait / (service * formula_mmc_wait(4, 2.4 * service / 4));
}

Test(split, queueing_is_what_erlang_says_of_four_workers)
{
    cr_expect_float_eq(queueing("tests/run/data/queue-in-theory.json", 4), 1,
                       0.02);
    cr_expect_float_eq(queueing("tests/run/data/queue-with-engine.json", 2), 1,
                       0.05);
}

Test(split, a_world_in_which_nothing_goes_wrong_serves_waits_and_commits)
{
    struct scenario *scenario;
    struct runner *runner =
        runner_of("scenarios/nothing-goes-wrong.json", &scenario, 1);
    const struct report_stats *stats = runner_model(runner)->stats;
    const struct report_hist *parts = stats->split.parts;
    /* A timer of two minutes in each; the steps' own time; no cold starts. */
    cr_expect_geq(parts[REPORT_PART_WAITING].min, 120 * SECOND);
    cr_expect_leq(parts[REPORT_PART_WAITING].max, 121 * SECOND);
    cr_expect_eq(parts[REPORT_PART_START_UP].max, 0);
    cr_expect_eq(parts[REPORT_PART_REPLAY].max, 0);
    cr_expect_lt(parts[REPORT_PART_QUEUEING].max, SECOND / 10);
    cr_expect_lt(parts[REPORT_PART_ENGINE].max, SECOND / 10);
    runner_free(runner);
    scenario_free(scenario);
}
