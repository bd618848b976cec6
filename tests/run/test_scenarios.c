/*
 * Whole runs in process: what a seed promises, and what each family of faults
 * ends in.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/runner.h"

struct outcome {
    enum check_verdict verdict;
    struct engine_hash digest;
    struct runner_counts counts;
    uint32_t failed;
    bool incomplete;
};

static struct outcome run(const struct scenario *scenario, uint64_t seed,
                          const char *defect)
{
    char message[512] = "";
    struct runner_options options = {
        .seed = seed,
        .defects = &defect,
        .defect_count = defect ? 1 : 0,
        .command = "test",
    };
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    cr_assert_not_null(runner, "%s", message);
    const struct report_model *model = runner_model(runner);
    struct outcome outcome = {
        .verdict = model->verdict,
        .digest = model->facts.digest,
        .counts = runner_counts(runner),
        .failed = (uint32_t)model->failed,
        .incomplete = model->facts.incomplete != NULL,
    };
    runner_free(runner);
    return outcome;
}

static struct scenario *read_scenario(const char *path)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    return scenario;
}

static bool same(const struct outcome *a, const struct outcome *b)
{
    return memcmp(&a->digest, &b->digest, sizeof(a->digest)) == 0 &&
           a->counts.events == b->counts.events &&
           a->counts.records == b->counts.records &&
           a->counts.commits == b->counts.commits;
}

static const char *const small[] = {
    "scenarios/small/order.json",    "scenarios/small/order-on-lambda.json",
    "scenarios/small/handlers.json", "scenarios/small/limit-of-operations.json",
    "tests/run/data/held.json",
};

enum {
    SMALL = sizeof(small) / sizeof(*small)
};

Test(scenarios, the_same_seed_gives_the_same_digest_and_another_a_different_one)
{
    for (int i = 0; i < SMALL; i++) {
        struct scenario *scenario = read_scenario(small[i]);
        struct outcome first = run(scenario, 5, NULL);
        struct outcome other = run(scenario, 6, NULL);
        struct outcome again = run(scenario, 5, NULL);
        cr_expect(same(&first, &again), "%s", small[i]);
        cr_expect_not(same(&first, &other), "%s", small[i]);
        scenario_free(scenario);
    }
}

Test(scenarios, a_world_may_start_as_many_workers_as_it_has_numbers_for)
{
    struct scenario *scenario =
        read_scenario("tests/run/data/many-workers.json");
    struct outcome outcome = run(scenario, 1, NULL);
    cr_expect_eq(outcome.verdict, CHECK_PASS);
    scenario_free(scenario);
}

Test(scenarios, small_worlds_hold_under_many_seeds)
{
    for (int i = 0; i < SMALL; i++) {
        struct scenario *scenario = read_scenario(small[i]);
        for (uint64_t seed = 1; seed <= 40; seed++) {
            struct outcome outcome = run(scenario, seed, NULL);
            cr_expect_eq(outcome.failed, 0, "%s --seed %d", small[i],
                         (int)seed);
            cr_expect_not(outcome.incomplete);
        }
        scenario_free(scenario);
    }
}

static const struct {
    const char *path;
    enum check_verdict verdict;
} families[] = {
    {"scenarios/nothing-goes-wrong.json", CHECK_PASS},
    {"scenarios/worker-dies-after-effect-before-report.json", CHECK_PASS},
    {"scenarios/coordinator-dies-at-each-boundary.json", CHECK_PASS},
    {"scenarios/store-dies-inside-a-commit.json", CHECK_PASS},
    {"scenarios/lease-expires-by-pause.json", CHECK_PASS},
    {"scenarios/clocks-skew-drift-and-step.json", CHECK_PASS},
    {"scenarios/network-partition.json", CHECK_PASS},
    {"scenarios/network-loses-and-doubles.json", CHECK_PASS},
    {"scenarios/replies-get-lost.json", CHECK_PASS},
    {"scenarios/disk-write-errors.json", CHECK_PASS},
    {"scenarios/disk-fills-up.json", CHECK_PASS},
    {"scenarios/slow-disk.json", CHECK_PASS},
    {"scenarios/platform-kills-at-its-limit.json", CHECK_PASS},
    {"scenarios/platform-throttles-and-doubles.json", CHECK_PASS},
    {"scenarios/swarm.json", CHECK_PASS},
    {"scenarios/steps-fail-and-outlast-claims.json", CHECK_PASS},
    {"scenarios/waits-on-a-fast-clock.json", CHECK_PASS},
    {"scenarios/answers-outlast-leases.json", CHECK_PASS},
    {"scenarios/approval-survives.json", CHECK_PASS},
    {"scenarios/callback-timeout.json", CHECK_PASS},
    {"scenarios/fanout-crash.json", CHECK_PASS},
    {"scenarios/saga-compensates.json", CHECK_PASS},
    {"scenarios/invoke-children.json", CHECK_PASS},
    {"scenarios/parent-ends-before-child.json", CHECK_PASS},
    {"scenarios/reader-leaves-messages.json", CHECK_PASS},
    {"scenarios/handler-lost-replies.json", CHECK_PASS},
    {"scenarios/handler-swarm.json", CHECK_PASS},
    {"scenarios/handler-on-lambda.json", CHECK_PASS},
    {"scenarios/at-most-once.json", CHECK_PASS},
    {"scenarios/operators-pause-cancel.json", CHECK_PASS},
    {"scenarios/streams.json", CHECK_PASS},
    {"scenarios/long-log.json", CHECK_PASS},
    {"scenarios/limits-history.json", CHECK_PASS},
    {"scenarios/deadlines-of-steps.json", CHECK_PASS},
    {"scenarios/deadlines-of-handlers.json", CHECK_PASS},
    {"scenarios/nobody-takes-the-next-try.json", CHECK_PASS},
    {"scenarios/paused-runs-run-out-of-time.json", CHECK_PASS},
    {"scenarios/blocked-runs-outlast-their-deadline.json", CHECK_PASS},
};

Test(scenarios, each_family_of_faults_ends_as_it_must)
{
    for (size_t i = 0; i < sizeof(families) / sizeof(*families); i++) {
        struct scenario *scenario = read_scenario(families[i].path);
        struct outcome outcome = run(scenario, scenario->seed, NULL);
        cr_expect_eq(outcome.verdict, families[i].verdict, "%s: %d",
                     families[i].path, (int)outcome.verdict);
        scenario_free(scenario);
    }
}

/* Whether a lie did harm depends on what was lost; it is never a failure. */
Test(scenarios,
     a_disk_whose_syncs_lie_is_excused_and_never_blamed_on_the_engine)
{
    struct scenario *scenario = read_scenario("scenarios/disk-sync-lies.json");
    uint32_t excused = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        struct outcome outcome = run(scenario, seed, NULL);
        cr_expect_neq(outcome.verdict, CHECK_FAIL, "seed %d", (int)seed);
        excused += outcome.verdict == CHECK_EXCUSED;
    }
    cr_expect_gt(excused, 0);
    scenario_free(scenario);
}

Test(scenarios, a_defect_is_caught_in_its_scenario_and_only_with_it)
{
    struct scenario *scenario =
        read_scenario("scenarios/defects/retry_all.json");
    struct outcome sound = run(scenario, scenario->seed, NULL);
    struct outcome broken = run(scenario, scenario->seed, "retry_all");
    cr_expect_eq(sound.failed, 0);
    cr_expect_gt(broken.failed, 0);
    scenario_free(scenario);
}

Test(scenarios, a_run_without_checks_is_the_same_run)
{
    struct scenario *scenario = read_scenario(small[0]);
    struct outcome judged = run(scenario, 9, NULL);
    char message[512] = "";
    struct runner_options options = {.seed = 9, .no_checks = true};
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    cr_assert_not_null(runner, "%s", message);
    cr_expect_null(runner_model(runner));
    cr_expect_eq(runner_counts(runner).events, judged.counts.events);
    cr_expect_eq(runner_counts(runner).records, judged.counts.records);
    runner_free(runner);
    scenario_free(scenario);
}

Test(scenarios, a_store_in_memory_holds_what_the_one_on_disk_holds)
{
    struct scenario *scenario = read_scenario(small[2]);
    scenario->engine.store = SCENARIO_STORE_MEMORY;
    for (uint64_t seed = 1; seed <= 20; seed++)
        cr_expect_eq(run(scenario, seed, NULL).failed, 0, "seed %d", (int)seed);
    scenario_free(scenario);
}

Test(scenarios, a_limit_of_events_marks_the_run_incomplete)
{
    struct scenario *scenario = read_scenario("tests/run/data/long.json");
    scenario->events_limit = 20000;
    struct outcome outcome = run(scenario, 1, NULL);
    cr_expect(outcome.incomplete);
    cr_expect_leq(outcome.counts.events, 20000 + 4096);
    cr_expect_neq(outcome.verdict, CHECK_PASS);
    scenario_free(scenario);
}

Test(scenarios, an_interrupt_that_came_before_ends_the_run_at_once)
{
    static const volatile sig_atomic_t interrupted = 1;
    struct scenario *scenario = read_scenario("tests/run/data/long.json");
    char message[512] = "";
    struct runner_options options = {
        .seed = 1, .command = "test", .interrupted = &interrupted};
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    cr_assert_not_null(runner, "%s", message);
    cr_expect_str_eq(runner_model(runner)->facts.incomplete, "interrupted");
    cr_expect_lt(runner_counts(runner).events, 10000);
    runner_free(runner);
    scenario_free(scenario);
}
