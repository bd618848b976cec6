#include "faults/plan.h"

#include <criterion/criterion.h>
#include <string.h>

#include "sim/points.h"

static struct fault_plan plan;
static char message[256];

static void make_plan(void)
{
    cr_assert_eq(fault_plan_init(&plan, sim_point_table, SIM_POINT_COUNT, 4),
                 0);
}

static void drop_plan(void)
{
    fault_plan_deinit(&plan);
}

static struct fault_rule rule_at(uint32_t action, uint32_t point)
{
    struct fault_rule rule;
    fault_rule_init(&rule, action);
    fault_rule_add_point(&rule, point);
    return rule;
}

static void expect_refused(const struct fault_rule *rule, const char *sentence)
{
    uint32_t before = plan.count;
    cr_expect_eq(fault_plan_add(&plan, rule, message, sizeof(message)),
                 FAULT_EINVAL);
    cr_expect_str_eq(message, sentence);
    cr_expect_eq(plan.count, before, "a refused rule must not stay");
}

static void expect_added(const struct fault_rule *rule)
{
    cr_expect_eq(fault_plan_add(&plan, rule, message, sizeof(message)), 0, "%s",
                 message);
}

TestSuite(faults_plan, .init = make_plan, .fini = drop_plan);

Test(faults_plan, a_clock_cannot_lose_a_message)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_LOSE, SIM_POINT_CLOCK);
    expect_refused(&rule, "clock cannot lose, allowed: step, drift, freeze");
}

Test(faults_plan, a_rule_without_a_point_is_refused)
{
    struct fault_rule rule;
    fault_rule_init(&rule, ENGINE_ACT_CRASH);
    expect_refused(&rule, "the rule names no point where it could crash");
    fault_rule_add_point(&rule, SIM_POINT_COUNT);
    cr_expect_eq(fault_plan_add(&plan, &rule, message, sizeof(message)),
                 FAULT_EINVAL);
}

Test(faults_plan, a_timed_point_stands_alone)
{
    struct fault_rule rule =
        rule_at(ENGINE_ACT_CRASH, SIM_POINT_WORKER_HEARTBEAT);
    fault_rule_add_point(&rule, SIM_POINT_PROCESS);
    expect_refused(&rule, "a point asked at set times stands alone, but the "
                          "rule names 2 points");
}

Test(faults_plan, an_action_with_a_duration_needs_one)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_PAUSE, SIM_POINT_PROCESS);
    rule.period_ns = 5;
    expect_refused(&rule, "pause needs a time above 0");
    rule.amount_min = 2;
    rule.amount_max = 1;
    expect_refused(&rule, "the least amount is above the largest");
    rule.amount_max = 2;
    expect_added(&rule);
}

Test(faults_plan, only_clocks_take_negative_amounts)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_STEP, SIM_POINT_CLOCK);
    rule.times[rule.time_count++] = 5;
    expect_refused(&rule, "step needs an amount other than 0");
    rule.amount_min = -5;
    expect_added(&rule);
    rule = rule_at(ENGINE_ACT_CRASH, SIM_POINT_WORKER_HEARTBEAT);
    rule.amount_min = -5;
    expect_refused(&rule, "crash takes no negative amount");
    rule = rule_at(ENGINE_ACT_DRIFT, SIM_POINT_CLOCK);
    rule.amount_max = 1000000000;
    rule.period_ns = 5;
    expect_refused(&rule, "a drift is below 1000000000 ppb either way");
}

Test(faults_plan, selectors_that_can_never_choose_are_refused)
{
    struct fault_rule good =
        rule_at(ENGINE_ACT_CRASH, SIM_POINT_WORKER_HEARTBEAT);
    struct fault_rule rule = good;
    fault_rule_nth(&rule, 0, 3);
    expect_refused(&rule, "hits are counted from 1, found nth 0");
    fault_rule_nth(&rule, 3, 2);
    expect_refused(&rule, "nth 3 to 2 is empty: the first is larger");
    rule = good;
    rule.chance_ppb = 0;
    expect_refused(&rule, "a chance is above 0 and at most 1");
    rule.chance_ppb = ENGINE_CHANCE_ALWAYS + 1;
    expect_refused(&rule, "a chance is above 0 and at most 1");
    rule = good;
    rule.from_ns = rule.to_ns = 7;
    expect_refused(&rule, "the time window is empty");
    rule = good;
    rule.attempts = (struct fault_range){2, 1};
    expect_refused(&rule, "attempt 2 to 1 is empty: the first is larger");
}

Test(faults_plan, a_schedule_belongs_to_a_timed_point)
{
    struct fault_rule rule =
        rule_at(ENGINE_ACT_CRASH, SIM_POINT_WORKER_HEARTBEAT);
    rule.period_ns = 1;
    expect_refused(&rule, "times and periods are for process, clock and link; "
                          "other points are hit by the code that owns them");
    rule = rule_at(ENGINE_ACT_CRASH, SIM_POINT_PROCESS);
    expect_refused(&rule, "the rule needs a time or a period");
    rule.period_ns = rule.jitter_ns = 5;
    expect_refused(&rule, "jitter must be shorter than the period");
    rule.jitter_ns = 4;
    rule.attempts.from = 2;
    expect_refused(&rule,
                   "a fault at a set time is about no step, run or attempt");
    rule.attempts.from = 0;
    rule.times[rule.time_count++] = 1;
    expect_refused(&rule, "the rule has both times and a period");
    rule.period_ns = 0;
    rule.jitter_ns = UINT64_MAX;
    expect_refused(&rule, "the jitter is too long");
}

Test(faults_plan, two_rules_of_one_name_are_refused)
{
    struct fault_rule rule =
        rule_at(ENGINE_ACT_CRASH, SIM_POINT_WORKER_HEARTBEAT);
    strcpy(rule.name, "twin");
    expect_added(&rule);
    expect_refused(&rule, "two rules are named twin");
    memset(rule.name, 'x', sizeof(rule.name));
    expect_refused(&rule, "the name of a rule has at most 63 bytes");
}

Test(faults_plan, a_full_plan_stays_as_it_was)
{
    struct fault_rule rule =
        rule_at(ENGINE_ACT_CRASH, SIM_POINT_WORKER_HEARTBEAT);
    for (int i = 0; i < 4; i++)
        expect_added(&rule);
    cr_expect_eq(fault_plan_add(&plan, &rule, message, sizeof(message)),
                 FAULT_EFULL);
    cr_expect_str_eq(message, "a plan has at most 4 rules");
    fault_plan_remove(&plan, 0);
    cr_expect_eq(plan.count, 3);
    expect_added(&rule);
}

Test(faults_plan, replayed_decisions_are_checked_like_rules)
{
    struct fault_decision decision = {.hit = 1, .action = ENGINE_ACT_CRASH};
    decision.point = SIM_POINT_COUNT;
    cr_expect_eq(
        fault_plan_replay(&plan, &decision, 1, message, sizeof(message)),
        FAULT_EINVAL);
    decision.point = SIM_POINT_CLOCK;
    cr_expect_eq(
        fault_plan_replay(&plan, &decision, 1, message, sizeof(message)),
        FAULT_EINVAL);
    cr_expect_str_eq(message,
                     "clock cannot crash, allowed: step, drift, freeze");
    cr_expect_not(plan.replayed);
}

Test(faults_plan, a_rule_beyond_the_envelope_is_named_with_its_reason)
{
    struct fault_envelope envelope = {.skew_ns_max = 500,
                                      .drift_ppb_max = 200,
                                      .loss_ppb_max = 10000000,
                                      .honest_sync = true,
                                      .sound_disk = true};
    struct fault_rule rule = rule_at(ENGINE_ACT_STEP, SIM_POINT_CLOCK);
    rule.amount_min = -500;
    rule.amount_max = 500;
    cr_expect_null(fault_envelope_breach(&envelope, &plan, &rule));
    rule.amount_min = -501;
    cr_expect_not_null(fault_envelope_breach(&envelope, &plan, &rule));
    rule = rule_at(ENGINE_ACT_LOSE, SIM_POINT_NET_SEND);
    rule.chance_ppb = 10000000;
    cr_expect_null(fault_envelope_breach(&envelope, &plan, &rule));
    rule.chance_ppb++;
    cr_expect_not_null(fault_envelope_breach(&envelope, &plan, &rule));
    rule.max_fires = 3;
    cr_expect_null(fault_envelope_breach(&envelope, &plan, &rule));
    rule = rule_at(ENGINE_ACT_LIE, SIM_POINT_DISK_SYNC_BEFORE);
    cr_expect_not_null(fault_envelope_breach(&envelope, &plan, &rule));
    envelope.honest_sync = false;
    cr_expect_null(fault_envelope_breach(&envelope, &plan, &rule));
    rule = rule_at(ENGINE_ACT_LIE, SIM_POINT_DISK_WRITE);
    cr_expect_not_null(fault_envelope_breach(&envelope, &plan, &rule));
}

Test(faults_plan, a_disk_error_may_last_for_good_and_reads_so)
{
    char text[128];
    struct fault_rule rule = rule_at(ENGINE_ACT_ERROR, SIM_POINT_DISK_WRITE);
    rule.amount_min = rule.amount_max = -1;
    expect_added(&rule);
    fault_rule_text(&rule, sim_point_table, SIM_POINT_COUNT, text,
                    sizeof(text));
    cr_expect_str_eq(text, "error for good at disk/write");
}
