#include "faults/rule.h"

#include <criterion/criterion.h>
#include <string.h>

#include "faults/points.h"
#include "sim/points.h"

#define POINTS sim_point_table, SIM_POINT_COUNT

static struct fault_rule crash_at(uint32_t point)
{
    struct fault_rule rule;
    fault_rule_init(&rule, ENGINE_ACT_CRASH);
    fault_rule_add_point(&rule, point);
    return rule;
}

static uint64_t key_of(const struct fault_rule *rule)
{
    return fault_rule_key(rule, POINTS);
}

Test(faults_rule, a_prefix_names_each_boundary_of_a_role)
{
    struct fault_rule rule;
    fault_rule_init(&rule, ENGINE_ACT_CRASH);
    cr_expect_eq(fault_rule_add_points(&rule, POINTS, "worker/"), 10);
    cr_expect(fault_rule_has_point(&rule, SIM_POINT_WORKER_CHECKPOINT_AFTER));
    cr_expect(fault_rule_has_point(&rule, SIM_POINT_WORKER_HEARTBEAT));
    cr_expect_not(fault_rule_has_point(&rule, SIM_POINT_STORE_GROUP_BEFORE));
}

Test(faults_rule, a_prefix_skips_points_that_cannot_perform_the_action)
{
    struct fault_rule rule;
    fault_rule_init(&rule, ENGINE_ACT_FULL);
    cr_expect_eq(fault_rule_add_points(&rule, POINTS, "disk/"), 1);
    cr_expect(fault_rule_has_point(&rule, SIM_POINT_DISK_WRITE));
}

Test(faults_rule, a_timed_point_comes_only_if_named_in_full)
{
    struct fault_rule rule;
    fault_rule_init(&rule, ENGINE_ACT_CRASH);
    fault_rule_add_points(&rule, POINTS, "");
    cr_expect_not(fault_rule_has_point(&rule, SIM_POINT_PROCESS));
    cr_expect_eq(fault_rule_add_points(&rule, POINTS, "process"), 1);
}

Test(faults_rule, an_empty_set_holds_every_number_and_a_full_one_says_so)
{
    struct fault_ranges ranges = {0};
    cr_expect(fault_ranges_have(&ranges, 12345));
    for (uint64_t i = 0; i < 100; i++)
        cr_assert_eq(fault_ranges_add(&ranges, i, i), 0);
    cr_expect_eq(ranges.count, 1, "neighbours make one range");
    cr_expect(fault_ranges_have(&ranges, 99));
    cr_expect_not(fault_ranges_have(&ranges, 100));
    for (uint64_t i = 1; i < FAULT_RANGES_MAX; i++)
        cr_assert_eq(fault_ranges_add(&ranges, i * 1000, i * 1000), 0);
    cr_expect_eq(fault_ranges_add(&ranges, 99000, 99000), FAULT_EFULL);
}

Test(faults_rule, a_key_depends_on_each_field_but_not_on_the_line)
{
    struct fault_rule base = crash_at(SIM_POINT_WORKER_CLAIM_AFTER);
    struct fault_rule rules[20];
    for (int i = 0; i < 20; i++)
        rules[i] = base;
    rules[1].action = ENGINE_ACT_OOM;
    fault_rule_add_point(&rules[2], SIM_POINT_WORKER_HEARTBEAT);
    rules[3].amount_min = -1;
    rules[4].amount_max = 1;
    fault_ranges_add(&rules[5].nodes, 1, 2);
    fault_rule_add_op(&rules[6], FAULT_ANY_WORKFLOW, 3);
    rules[7].runs.to = 5;
    rules[8].attempts.from = 2;
    rules[9].from_ns = 1;
    rules[10].to_ns = 1;
    rules[11].in_flight_min = 1;
    fault_rule_nth(&rules[12], 1, 3);
    rules[13].every = 2;
    rules[14].chance_ppb = 1;
    rules[15].max_fires = 1;
    rules[16].across_actors = true;
    rules[17].across_points = true;
    rules[18].period_ns = 1;
    rules[19].times[rules[19].time_count++] = 1;
    for (int i = 0; i < 20; i++) {
        for (int j = 0; j < i; j++)
            cr_expect_neq(key_of(&rules[i]), key_of(&rules[j]), "%d %d", i, j);
    }
    uint64_t key = key_of(&base);
    base.line = 7;
    cr_expect_eq(key_of(&base), key);
}

Test(faults_rule, a_named_rule_keeps_its_key_when_it_is_edited)
{
    struct fault_rule rule = crash_at(SIM_POINT_WORKER_CLAIM_AFTER);
    strcpy(rule.name, "crash-1");
    uint64_t key = key_of(&rule);
    rule.chance_ppb = 5;
    cr_expect_eq(key_of(&rule), key);
    strcpy(rule.name, "crash-2");
    cr_expect_neq(key_of(&rule), key);
}

Test(faults_rule, a_key_does_not_depend_on_the_ids_of_points)
{
    struct fault_rule here = crash_at(SIM_POINT_CLOCK);
    struct fault_rule alone = crash_at(0);
    cr_expect_eq(key_of(&here),
                 fault_rule_key(&alone, &sim_point_table[SIM_POINT_CLOCK], 1));
}

Test(faults_rule, a_plain_rule_reads_as_its_action_and_point)
{
    struct fault_rule rule = crash_at(SIM_POINT_WORKER_EFFECT_AFTER);
    char text[128];
    fault_rule_text(&rule, POINTS, text, sizeof(text));
    cr_expect_str_eq(text, "crash at worker/effect/after");
}

Test(faults_rule, a_rule_reads_as_one_line_with_all_its_conditions)
{
    struct fault_rule rule;
    fault_rule_init(&rule, ENGINE_ACT_PAUSE);
    strcpy(rule.name, "stall");
    fault_rule_add_points(&rule, POINTS, "worker/claim/");
    rule.amount_min = 90000000000;
    rule.amount_max = 120000000000;
    fault_ranges_add(&rule.nodes, 4, 6);
    fault_rule_add_op(&rule, 1, 2);
    fault_rule_add_op(&rule, FAULT_ANY_WORKFLOW, 5);
    rule.attempts = (struct fault_range){2, UINT64_MAX};
    rule.in_flight_min = 10;
    rule.from_ns = 1500000000;
    rule.to_ns = 3600000000000;
    fault_rule_nth(&rule, 1, 3);
    rule.every = 2;
    rule.chance_ppb = 1250000;
    rule.max_fires = 8;
    rule.across_actors = true;
    char text[512];
    fault_rule_text(&rule, POINTS, text, sizeof(text));
    cr_expect_str_eq(
        text, "stall: pause 90s to 2m at worker/claim/before, "
              "worker/claim/after; node 4-6; op 1.2, 5; attempt 2 and later; "
              "while 10 in flight; from 1500ms; until 1h; nth 1-3; every 2; "
              "chance 0.125%; at most 8 in all; all actors counted together");
}

Test(faults_rule, a_drift_reads_as_a_rate_and_a_step_back_has_its_sign)
{
    struct fault_rule rule;
    char text[128];
    fault_rule_init(&rule, ENGINE_ACT_DRIFT);
    fault_rule_add_point(&rule, SIM_POINT_CLOCK);
    rule.amount_min = -200000;
    rule.amount_max = 200000;
    rule.period_ns = 60000000000;
    rule.jitter_ns = 1000000;
    fault_rule_text(&rule, POINTS, text, sizeof(text));
    cr_expect_str_eq(text, "drift -200000ppb to 200000ppb at clock; each 1m + "
                           "up to 1ms");
    rule.action = ENGINE_ACT_STEP;
    rule.amount_min = rule.amount_max = INT64_MIN;
    rule.period_ns = rule.jitter_ns = 0;
    fault_rule_text(&rule, POINTS, text, sizeof(text));
    cr_expect_str_eq(text, "step -9223372036854775808ns at clock");
}

Test(faults_rule, text_is_cut_off_at_every_size_and_stays_terminated)
{
    struct fault_rule rule = crash_at(SIM_POINT_WORKER_EFFECT_AFTER);
    char whole[128], text[128];
    rule.every = 3;
    fault_rule_text(&rule, POINTS, whole, sizeof(whole));
    for (size_t size = 1; size < sizeof(text); size++) {
        memset(text, '#', sizeof(text));
        fault_rule_text(&rule, POINTS, text, size);
        size_t want = strlen(whole) < size - 1 ? strlen(whole) : size - 1;
        cr_assert_eq(strlen(text), want);
        cr_assert_eq(memcmp(text, whole, want), 0);
        cr_assert_eq(text[size], '#');
    }
}
