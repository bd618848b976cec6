#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reports/gate.h"

/* A report with a property, an expectation and two figures. */
struct sample {
    struct report_gate_judged property;
    struct report_gate_judged expectation;
    struct report_gate_metric metrics[2];
    struct report_gate_report report;
};

static void sample_init(struct sample *sample)
{
    *sample = (struct sample){
        .property = {.id = "S1 durability", .verdict = CHECK_PASS},
        .expectation = {.id = "stuck runs = 0", .verdict = CHECK_PASS},
        .metrics = {{"commits", 1000, REPORT_GATE_COUNT, REPORT_GATE_LESS},
                    {"events", 50, REPORT_GATE_COUNT, REPORT_GATE_NEITHER}},
        .report = {.scenario = "orders",
                   .seed = "1",
                   .digest = "d",
                   .source = "s",
                   .property_count = 1,
                   .expectation_count = 1,
                   .metric_count = 2},
    };
    sample->report.properties = &sample->property;
    sample->report.expectations = &sample->expectation;
    sample->report.metrics = sample->metrics;
}

struct fixture {
    struct sample base;
    struct sample now;
    struct report_gate_rule rule;
    struct report_gate_policy policy;
};

static void init(struct fixture *f)
{
    *f = (struct fixture){.policy = {.missing = REPORT_GATE_INCONCLUSIVE}};
    sample_init(&f->base);
    sample_init(&f->now);
}

static void with_budget(struct fixture *f, const char *metric,
                        struct report_gate_budget budget)
{
    snprintf(f->rule.scenario, sizeof(f->rule.scenario), "*");
    snprintf(f->rule.metric, sizeof(f->rule.metric), "%s", metric);
    f->rule.budget = budget;
    f->policy.rules = &f->rule;
    f->policy.rule_count = 1;
}

static enum report_gate_outcome outcome(const struct fixture *f)
{
    struct report_gate_result result;
    report_gate_result_init(&result);
    report_gate_compare(&f->policy, &f->base.report, &f->now.report, &result);
    enum report_gate_outcome found = result.outcome;
    report_gate_result_free(&result);
    return found;
}

Test(reports_gate, a_report_holds_against_itself)
{
    struct fixture f;
    init(&f);
    cr_expect_eq(outcome(&f), REPORT_GATE_HELD);
}

Test(reports_gate, a_property_that_fails_now_is_graver_than_a_budget)
{
    struct fixture f;
    init(&f);
    f.now.metrics[0].value = 2000;
    f.now.expectation.verdict = CHECK_FAIL;
    cr_expect_eq(outcome(&f), REPORT_GATE_BUDGET);
    f.now.property.verdict = CHECK_FAIL;
    cr_expect_eq(outcome(&f), REPORT_GATE_PROPERTY);
}

Test(reports_gate, what_failed_before_does_not_fail_the_gate_again)
{
    struct fixture f;
    init(&f);
    f.base.property.verdict = f.now.property.verdict = CHECK_FAIL;
    f.base.expectation.verdict = f.now.expectation.verdict = CHECK_FAIL;
    cr_expect_eq(outcome(&f), REPORT_GATE_HELD);
}

Test(reports_gate, what_is_no_longer_judged_is_inconclusive)
{
    struct fixture f;
    init(&f);
    f.now.property.verdict = CHECK_INCONCLUSIVE;
    cr_expect_eq(outcome(&f), REPORT_GATE_INCONCLUSIVE);
    init(&f);
    f.now.report.expectation_count = 0;
    cr_expect_eq(outcome(&f), REPORT_GATE_INCONCLUSIVE);
    init(&f);
    f.now.report.metric_count = 1;
    cr_expect_eq(outcome(&f), REPORT_GATE_INCONCLUSIVE);
    init(&f);
    f.now.report.incomplete = true;
    cr_expect_eq(outcome(&f), REPORT_GATE_INCONCLUSIVE);
    init(&f);
    f.base.report.property_count = f.now.report.property_count = 0;
    cr_expect_eq(outcome(&f), REPORT_GATE_INCONCLUSIVE);
}

Test(reports_gate, without_a_policy_one_commit_more_is_too_many)
{
    struct fixture f;
    init(&f);
    f.now.metrics[0].value = 1001;
    cr_expect_eq(outcome(&f), REPORT_GATE_BUDGET);
    f.now.metrics[0].value = 900;
    cr_expect_eq(outcome(&f), REPORT_GATE_HELD);
}

Test(reports_gate, a_figure_that_is_neither_good_nor_bad_may_change)
{
    struct fixture f;
    init(&f);
    f.now.metrics[1].value = 51;
    cr_expect_eq(outcome(&f), REPORT_GATE_HELD);
    with_budget(&f, "ev*",
                (struct report_gate_budget){.mode = REPORT_GATE_EXACT});
    cr_expect_eq(outcome(&f), REPORT_GATE_BUDGET);
}

Test(reports_gate, a_budget_is_kept_to_the_last_unit)
{
    struct fixture f;
    init(&f);
    with_budget(&f, "commits",
                (struct report_gate_budget){.worse_ppb = 50000000});
    f.now.metrics[0].value = 1050;
    cr_expect_eq(outcome(&f), REPORT_GATE_HELD);
    f.now.metrics[0].value = 1051;
    cr_expect_eq(outcome(&f), REPORT_GATE_BUDGET);
    f.rule.budget.floor = 51;
    cr_expect_eq(outcome(&f), REPORT_GATE_HELD);
    f.now.metrics[0].value = 1052;
    cr_expect_eq(outcome(&f), REPORT_GATE_BUDGET);
}

Test(reports_gate, never_is_worse_than_any_budget_allows)
{
    struct fixture f;
    init(&f);
    with_budget(&f, "*", (struct report_gate_budget){.worse_ppb = 1000000000});
    f.now.metrics[0].value = UINT64_MAX;
    cr_expect_eq(outcome(&f), REPORT_GATE_BUDGET);
}

Test(reports_gate, figures_of_another_scenario_are_not_compared)
{
    struct fixture f;
    init(&f);
    f.now.metrics[0].value = 2000;
    snprintf(f.now.report.source, sizeof(f.now.report.source), "t");
    cr_expect_eq(outcome(&f), REPORT_GATE_INCONCLUSIVE);
    f.policy.changed = true;
    cr_expect_eq(outcome(&f), REPORT_GATE_BUDGET);
    snprintf(f.now.report.seed, sizeof(f.now.report.seed), "2");
    cr_expect_eq(outcome(&f), REPORT_GATE_INCONCLUSIVE);
}

Test(reports_gate, what_fails_in_a_new_scenario_was_never_accepted)
{
    struct fixture f;
    struct report_gate_result result;
    init(&f);
    report_gate_result_init(&result);
    report_gate_alone(&f.now.report, &result);
    cr_expect_eq(result.outcome, REPORT_GATE_HELD);
    f.now.property.verdict = CHECK_FAIL;
    report_gate_alone(&f.now.report, &result);
    cr_expect_eq(result.outcome, REPORT_GATE_PROPERTY);
    report_gate_result_free(&result);
}

/* The wall clock: n runs of each side by turns. */
enum {
    RUNS = 10
};

struct clocked {
    struct report_gate_sample base[RUNS];
    struct report_gate_sample now[RUNS];
    struct report_gate_policy policy;
};

static void clocked_init(struct clocked *c, uint64_t base_ns, uint64_t now_ns,
                         uint64_t spread_ns)
{
    *c = (struct clocked){.policy.wall = {.wanted = true,
                                          .level = 0.01,
                                          .worse_ppb = 100000000,
                                          .floor_ns = 1000}};
    for (uint64_t i = 0; i < RUNS; i++) {
        c->base[i] = (struct report_gate_sample){
            base_ns + (i * 7 % RUNS) * spread_ns, 2 * i, "m"};
        c->now[i] = (struct report_gate_sample){
            now_ns + (i * 3 % RUNS) * spread_ns, 2 * i + 1, "m"};
    }
}

static enum report_gate_outcome wall(const struct clocked *c, size_t runs,
                                     const char *says)
{
    struct report_gate_result result;
    report_gate_result_init(&result);
    report_gate_wall(&c->policy, c->base, runs, c->now, runs, &result);
    enum report_gate_outcome found = result.outcome;
    cr_expect_eq(result.count, says ? 1 : 0);
    if (says && result.count)
        cr_expect(strstr(result.lines[0].text, says), "%s",
                  result.lines[0].text);
    report_gate_result_free(&result);
    return found;
}

Test(reports_gate, the_clock_needs_significance_effect_and_floor)
{
    struct clocked c;
    clocked_init(&c, 1000000, 1300000, 1000);
    cr_expect_eq(wall(&c, RUNS, "slower"), REPORT_GATE_BUDGET);
    c.policy.wall.floor_ns = 400000;
    cr_expect_eq(wall(&c, RUNS, "less than counts"), REPORT_GATE_HELD);
    clocked_init(&c, 1000000, 1050000, 1000);
    cr_expect_eq(wall(&c, RUNS, "less than counts"), REPORT_GATE_HELD);
    clocked_init(&c, 1300000, 1000000, 1000);
    cr_expect_eq(wall(&c, RUNS, "faster"), REPORT_GATE_HELD);
    clocked_init(&c, 1000000, 1000000, 1000);
    cr_expect_eq(wall(&c, RUNS, "no difference"), REPORT_GATE_HELD);
}

Test(reports_gate, noise_that_could_hide_a_slowdown_is_inconclusive)
{
    struct clocked c;
    clocked_init(&c, 1000000, 1000000, 200000);
    cr_expect_eq(wall(&c, RUNS, "hidden in the noise"),
                 REPORT_GATE_INCONCLUSIVE);
    clocked_init(&c, 1000000, 2000000, 1000);
    cr_expect_eq(wall(&c, 3, "so few runs"), REPORT_GATE_INCONCLUSIVE);
    cr_expect_eq(wall(&c, 0, "run-meta.json"), REPORT_GATE_INCONCLUSIVE);
    c.policy.wall.wanted = false;
    cr_expect_eq(wall(&c, 3, NULL), REPORT_GATE_HELD);
}

Test(reports_gate, runs_of_another_machine_or_one_after_the_other_are_refused)
{
    struct clocked c;
    clocked_init(&c, 1000000, 2000000, 1000);
    snprintf(c.base[4].machine, sizeof(c.base[4].machine), "other");
    cr_expect_eq(wall(&c, RUNS, "different machines"),
                 REPORT_GATE_INCONCLUSIVE);
    clocked_init(&c, 1000000, 2000000, 1000);
    c.now[0].machine[0] = '\0';
    cr_expect_eq(wall(&c, RUNS, "different machines"),
                 REPORT_GATE_INCONCLUSIVE);
    clocked_init(&c, 1000000, 2000000, 1000);
    for (size_t i = 0; i < RUNS; i++)
        c.now[i].finished_ns += 1000;
    cr_expect_eq(wall(&c, RUNS, "take turns"), REPORT_GATE_INCONCLUSIVE);
}

Test(reports_gate, a_change_is_said_with_its_sign)
{
    char text[40];
    cr_expect_str_eq(report_gate_change(text, 40, 100, 107), "+7.00 %");
    cr_expect_str_eq(report_gate_change(text, 40, 100, 93), "-7.00 %");
    cr_expect_str_eq(report_gate_change(text, 40, 0, 3), "from 0");
    cr_expect_str_eq(report_gate_change(text, 40, 5, 5), "");
    cr_expect_str_eq(report_gate_change(text, 40, 1000000, 1000001),
                     "+<0.01 %");
    cr_expect_str_eq(report_gate_change(text, 40, 1, UINT64_MAX - 1),
                     ">+10000.00 %");
}
