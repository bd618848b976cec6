#include "faults/switchboard.h"

#include <criterion/criterion.h>
#include <fiu-control.h>
#include <fiu.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A small program: two boundaries, a message, a clock, a defect. */
enum {
    BEFORE,
    AFTER,
    SEND,
    CLOCK,
    DEFECT,
    POINT_COUNT
};

static const struct engine_point points[POINT_COUNT] = {
    {"worker/claim/before", "before", ""},
    {"worker/claim/after", "after", ""},
    {"net/send", "before", ""},
    {"clock", "timed", ""},
    {"defect/lease_no_fence", "inside", ""}};

static struct fault_plan plan;
static struct fault_switchboard *board;
static char hits[4096]; /* the hits that fired, as "1 2 3" */

static void set_up(void)
{
    cr_assert_eq(fault_plan_init(&plan, points, POINT_COUNT, 16), 0);
}

static void tear_down(void)
{
    fault_switchboard_free(board);
    board = NULL;
    fault_plan_deinit(&plan);
}

TestSuite(faults_switchboard, .init = set_up, .fini = tear_down);

static struct fault_rule rule_at(uint32_t action, uint32_t point)
{
    struct fault_rule rule;
    fault_rule_init(&rule, action);
    fault_rule_add_point(&rule, point);
    return rule;
}

static void add(const struct fault_rule *rule)
{
    char message[256];
    cr_assert_eq(fault_plan_add(&plan, rule, message, sizeof(message)), 0, "%s",
                 message);
}

static void switch_on(uint64_t seed)
{
    int error;
    fault_switchboard_free(board);
    board = fault_switchboard_new(&plan, seed, &error);
    cr_assert_not_null(board, "%d", error);
}

static bool hit(uint32_t point, uint32_t node)
{
    struct engine_decision decision;
    return engine_point_hit(&board->port, point, node, 0, 0, 0, &decision);
}

/* Hits the point `count` times; says which of them fired. */
static const char *fired(uint32_t point, uint32_t node, int count)
{
    size_t used = 0;
    hits[0] = '\0';
    for (int i = 1; i <= count; i++) {
        if (hit(point, node))
            used += (size_t)snprintf(hits + used, sizeof(hits) - used, "%s%d",
                                     used ? " " : "", i);
    }
    return hits;
}

Test(faults_switchboard, without_rules_no_flag_is_up_and_nothing_fires)
{
    switch_on(1);
    for (uint32_t i = 0; i < POINT_COUNT; i++)
        cr_expect_eq(board->port.armed[i], 0);
    cr_expect_str_eq(fired(BEFORE, 1, 100), "");
    cr_expect_eq(fault_switchboard_ledger(board, BEFORE)->asked, 0);
}

Test(faults_switchboard, only_points_of_rules_are_armed)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, AFTER);
    add(&rule);
    switch_on(1);
    cr_expect_eq(board->port.armed[AFTER], 1);
    cr_expect_eq(board->port.armed[BEFORE], 0);
    cr_expect_eq(fault_switchboard_ledger(board, AFTER)->armed, 1);
    cr_expect_eq(fault_switchboard_ledger(board, BEFORE)->armed, 0);
}

Test(faults_switchboard, nth_chooses_exactly_those_hits_of_each_actor)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    fault_rule_nth(&rule, 3, 5);
    add(&rule);
    switch_on(1);
    cr_expect_str_eq(fired(BEFORE, 1, 10), "3 4 5");
    cr_expect_str_eq(fired(BEFORE, 2, 10), "3 4 5");
}

Test(faults_switchboard, every_chooses_multiples_or_counts_from_nth)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    rule.every = 4;
    add(&rule);
    rule = rule_at(ENGINE_ACT_CRASH, AFTER);
    rule.every = 4;
    fault_rule_nth(&rule, 2, 11);
    add(&rule);
    switch_on(1);
    cr_expect_str_eq(fired(BEFORE, 1, 13), "4 8 12");
    cr_expect_str_eq(fired(AFTER, 1, 13), "2 6 10");
}

Test(faults_switchboard, a_limit_holds_for_all_actors_and_lowers_the_flag)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    rule.max_fires = 3;
    add(&rule);
    switch_on(1);
    cr_expect_str_eq(fired(BEFORE, 1, 2), "1 2");
    cr_expect_str_eq(fired(BEFORE, 2, 5), "1");
    cr_expect_eq(board->port.armed[BEFORE], 0);
    cr_expect_eq(fault_switchboard_ledger(board, BEFORE)->asked, 3);
}

Test(faults_switchboard, a_used_up_rule_leaves_the_flag_to_the_others)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    rule.max_fires = 1;
    add(&rule);
    rule = rule_at(ENGINE_ACT_OOM, BEFORE);
    fault_rule_nth(&rule, 3, 3);
    add(&rule);
    switch_on(1);
    cr_expect_str_eq(fired(BEFORE, 1, 10), "1 3");
}

Test(faults_switchboard, a_window_counts_from_its_start)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    rule.from_ns = 5;
    rule.to_ns = 9;
    fault_rule_nth(&rule, 2, 100);
    add(&rule);
    switch_on(1);
    for (uint64_t now = 0; now < 20; now++) {
        fault_switchboard_set_now(board, now);
        cr_expect_eq(hit(BEFORE, 1), now >= 6 && now < 9, "%d", (int)now);
    }
}

Test(faults_switchboard, load_opens_the_rule_and_closes_it_again)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    rule.in_flight_min = 3;
    add(&rule);
    switch_on(1);
    for (uint64_t load = 0; load < 6; load++) {
        fault_switchboard_set_in_flight(board, load);
        cr_expect_eq(hit(BEFORE, 1), load >= 3);
    }
    fault_switchboard_set_in_flight(board, 0);
    cr_expect_not(hit(BEFORE, 1));
}

static uint32_t odd_runs(void *self, uint64_t run)
{
    (void)self;
    return (uint32_t)(run % 2);
}

Test(faults_switchboard, sites_are_chosen_by_node_op_workflow_run_and_attempt)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    fault_ranges_add(&rule.nodes, 2, 2);
    fault_ranges_add(&rule.nodes, 5, 6);
    fault_rule_add_op(&rule, 1, 0);
    rule.runs = (struct fault_range){3, 8};
    rule.attempts = (struct fault_range){2, 3};
    add(&rule);
    switch_on(1);
    fault_switchboard_set_workflows(board, odd_runs, NULL);
    struct engine_decision decision;
    for (uint32_t node = 0; node < 8; node++)
        for (uint64_t run = 0; run < 10; run++)
            for (uint32_t op = 0; op < 3; op++)
                for (uint32_t attempt = 0; attempt < 5; attempt++)
                    cr_assert_eq(engine_point_hit(&board->port, BEFORE, node,
                                                  run, op, attempt, &decision),
                                 (node == 2 || node == 5 || node == 6) &&
                                     op == 1 && run >= 3 && run <= 8 &&
                                     run % 2 == 1 &&
                                     (attempt == 2 || attempt == 3));
}

Test(faults_switchboard, hits_about_other_steps_do_not_count)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    fault_rule_add_op(&rule, FAULT_ANY_WORKFLOW, 7);
    fault_rule_nth(&rule, 2, 2);
    add(&rule);
    switch_on(1);
    struct engine_decision decision;
    int found = 0;
    for (int i = 1; i <= 12; i++) {
        uint32_t op = i % 3 == 0 ? 8 : 1;
        if (engine_point_hit(&board->port, BEFORE, 1, 1, op, 1, &decision))
            found = found * 100 + i;
    }
    cr_expect_eq(found, 6, "the second hit of op 7 and no other: %d", found);
}

Test(faults_switchboard, counts_can_span_actors_and_points)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, SEND);
    rule.action = ENGINE_ACT_LOSE;
    rule.across_actors = true;
    fault_rule_nth(&rule, 4, 4);
    add(&rule);
    rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    fault_rule_add_point(&rule, AFTER);
    rule.across_points = true;
    fault_rule_nth(&rule, 4, 4);
    add(&rule);
    switch_on(1);
    cr_expect_str_eq(fired(SEND, 1, 2), "");
    cr_expect_str_eq(fired(SEND, 2, 3), "2");
    cr_expect_str_eq(fired(BEFORE, 1, 3), "");
    cr_expect_str_eq(fired(AFTER, 2, 3), "");
    cr_expect_str_eq(fired(AFTER, 1, 3), "1");
}

Test(faults_switchboard, the_kth_boundary_of_one_node_crashes_and_no_other)
{
    for (uint64_t k = 1; k <= 6; k++) {
        struct fault_rule rule;
        fault_rule_kth_boundary(&rule, points, POINT_COUNT, 1, k);
        add(&rule);
        switch_on(1);
        for (uint64_t i = 1; i <= 6; i++) {
            cr_expect_not(hit(i % 2 ? BEFORE : AFTER, 2));
            cr_expect_eq(hit(i % 2 ? BEFORE : AFTER, 1), i == k);
        }
        cr_expect_eq(fault_switchboard_matches(board, 0, 0, 1), 6);
        fault_plan_remove(&plan, 0);
    }
}

Test(faults_switchboard, a_chance_is_kept_and_the_seed_decides)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_LOSE, SEND);
    rule.chance_ppb = 10000000; /* 1 % */
    add(&rule);
    char first[sizeof(hits)];
    switch_on(7);
    snprintf(first, sizeof(first), "%s", fired(SEND, 1, 50000));
    uint64_t count = fault_switchboard_ledger(board, SEND)->fired;
    cr_expect(count > 400 && count < 600, "%d", (int)count);
    cr_expect_str_neq(fired(SEND, 2, 50000), first, "actors are alike");
    switch_on(7);
    cr_expect_str_eq(fired(SEND, 1, 50000), first, "not the same again");
    switch_on(8);
    cr_expect_str_neq(fired(SEND, 1, 50000), first, "seeds are alike");
}

/* What a chance rule at SEND does, whatever else the plan holds. */
static void watch(char *out, size_t size)
{
    size_t used = 0;
    switch_on(3);
    out[0] = '\0';
    for (int i = 0; i < 2000; i++) {
        struct engine_decision decision;
        hit(BEFORE, 1);
        if (engine_point_hit(&board->port, SEND, 1, 0, 0, 0, &decision) &&
            decision.action == ENGINE_ACT_DELAY)
            used += (size_t)snprintf(out + used, size - used, "%d:%d ", i,
                                     (int)decision.amount);
    }
}

Test(faults_switchboard, other_rules_do_not_move_a_rules_draws)
{
    char alone[8192], crowded[8192], thinned[8192];
    struct fault_rule late = rule_at(ENGINE_ACT_DELAY, SEND);
    struct fault_rule other = rule_at(ENGINE_ACT_CRASH, BEFORE);
    struct fault_rule rival = rule_at(ENGINE_ACT_LOSE, SEND);
    late.chance_ppb = 50000000;
    late.amount_min = 1;
    late.amount_max = 1000000;
    other.chance_ppb = 300000000;
    rival.nth = (struct fault_range){1900, 1999};
    add(&late);
    watch(alone, sizeof(alone));
    fault_plan_remove(&plan, 0);
    add(&other);
    add(&late);
    add(&rival);
    watch(crowded, sizeof(crowded));
    fault_plan_remove(&plan, 0);
    watch(thinned, sizeof(thinned));
    cr_expect_gt(strlen(alone), 500);
    cr_expect_str_eq(crowded, alone);
    cr_expect_str_eq(thinned, alone);
}

Test(faults_switchboard, the_first_rule_wins_and_the_second_still_counts)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    fault_rule_nth(&rule, 1, 1);
    add(&rule);
    rule.action = ENGINE_ACT_OOM;
    fault_rule_nth(&rule, 1, 2);
    add(&rule);
    switch_on(1);
    struct engine_decision decision;
    cr_assert(engine_point_hit(&board->port, BEFORE, 1, 0, 0, 0, &decision));
    cr_expect_eq(decision.action, ENGINE_ACT_CRASH);
    cr_assert(engine_point_hit(&board->port, BEFORE, 1, 0, 0, 0, &decision));
    cr_expect_eq(decision.action, ENGINE_ACT_OOM);
    cr_expect_not(hit(BEFORE, 1));
}

Test(faults_switchboard, rules_that_say_the_same_draw_apart)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_LOSE, SEND);
    rule.chance_ppb = 100000000;
    add(&rule);
    switch_on(1);
    fired(SEND, 1, 3000);
    uint64_t one = fault_switchboard_ledger(board, SEND)->fired;
    add(&rule);
    switch_on(1);
    fired(SEND, 1, 3000);
    uint64_t two = fault_switchboard_ledger(board, SEND)->fired;
    cr_expect(two > one + one / 2 && two < 2 * one, "%d then %d", (int)one,
              (int)two);
}

Test(faults_switchboard, amounts_fill_their_range_and_stay_in_it)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_DELAY, SEND);
    rule.amount_min = 10;
    rule.amount_max = 14;
    add(&rule);
    switch_on(1);
    int seen[5] = {0};
    for (int i = 0; i < 500; i++) {
        struct engine_decision decision;
        cr_assert(engine_point_hit(&board->port, SEND, 1, 0, 0, 0, &decision));
        cr_assert(decision.amount >= 10 && decision.amount <= 14);
        seen[decision.amount - 10]++;
    }
    for (int i = 0; i < 5; i++)
        cr_expect_gt(seen[i], 50);
}

static struct engine_record records[64];
static uint32_t record_count;

static void keep(void *self, const struct engine_record *record)
{
    (void)self;
    records[record_count] = *record;
    records[record_count++].time_ns = board->now_ns;
}

static const struct engine_sink keeper = {keep, NULL};

Test(faults_switchboard, each_decision_leaves_a_record_and_the_ledger_adds_up)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_PAUSE, BEFORE);
    rule.amount_min = rule.amount_max = 77;
    rule.every = 2;
    add(&rule);
    switch_on(1);
    fault_switchboard_set_sink(board, &keeper);
    struct engine_decision decision;
    for (uint64_t i = 1; i <= 5; i++) {
        fault_switchboard_set_in_flight(board, i == 4);
        engine_point_hit(&board->port, BEFORE, 9, 1000, 6, 2, &decision);
    }
    cr_assert_eq(record_count, 2);
    const struct engine_record *record = &records[1];
    cr_expect_eq(record->kind, ENGINE_REC_FAULT);
    cr_expect_eq(record->detail, ENGINE_ACT_PAUSE);
    cr_expect_eq(record->key, BEFORE);
    cr_expect_eq(record->a, 77);
    cr_expect_eq(record->peer, 4);
    cr_expect_eq(record->node, 9);
    cr_expect_eq(record->run, 1000);
    cr_expect_eq(record->op, 5);
    cr_expect_eq(record->attempt, 2);
    cr_expect_eq(record->count, 1);
    cr_expect_eq(records[0].count, 0);
    const struct fault_ledger *ledger = fault_switchboard_ledger(board, BEFORE);
    cr_expect_eq(ledger->asked, 5);
    cr_expect_eq(ledger->fired, 2);
    cr_expect_eq(ledger->in_flight, 1);
    ledger = fault_switchboard_rule_ledger(board, 0);
    cr_expect_eq(ledger->asked, 5);
    cr_expect_eq(ledger->fired, 2);
    cr_expect_eq(ledger->in_flight, 1);
}

Test(faults_switchboard, a_site_about_no_operation_is_recorded_as_none)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    add(&rule);
    switch_on(1);
    fault_switchboard_set_sink(board, &keeper);
    cr_expect(hit(BEFORE, 1));
    cr_expect_eq(records[0].op, UINT32_MAX);
}

Test(faults_switchboard, a_defect_is_always_on_and_no_fault)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_DEFECT, DEFECT);
    fault_ranges_add(&rule.nodes, 1, 1);
    add(&rule);
    switch_on(1);
    fault_switchboard_set_sink(board, &keeper);
    cr_expect_str_eq(fired(DEFECT, 1, 5), "1 2 3 4 5");
    cr_expect_str_eq(fired(DEFECT, 2, 5), "");
    cr_expect_eq(record_count, 0);
    cr_expect_eq(fault_switchboard_ledger(board, DEFECT)->fired, 0);
    cr_expect_eq(fault_switchboard_rule_ledger(board, 0)->fired, 5);
}

static struct fault_rule step_every(uint64_t period, uint64_t from, uint64_t to)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_STEP, CLOCK);
    rule.amount_min = rule.amount_max = -5;
    rule.period_ns = period;
    rule.from_ns = from;
    rule.to_ns = to;
    return rule;
}

/* Writes the schedule as "time/rule" and plays it for nodes 1 to 3. */
static const char *play(void)
{
    struct fault_occurrence occurrence;
    struct engine_decision decision;
    size_t used = 0;
    hits[0] = '\0';
    while (fault_switchboard_next(board, &occurrence)) {
        fault_switchboard_set_now(board, occurrence.time_ns);
        used += (size_t)snprintf(hits + used, sizeof(hits) - used, "%s%d",
                                 used ? " " : "", (int)occurrence.time_ns);
        for (uint32_t node = 1; node <= 3; node++) {
            if (fault_switchboard_fire(board, &occurrence, node, &decision))
                used += (size_t)snprintf(hits + used, sizeof(hits) - used,
                                         "/%d", (int)node);
        }
    }
    return hits;
}

Test(faults_switchboard, schedules_come_merged_in_order_within_their_windows)
{
    struct fault_rule rule = step_every(10, 0, 35);
    add(&rule);
    rule = step_every(0, 0, 40);
    fault_ranges_add(&rule.nodes, 2, 2);
    rule.times[0] = 40; /* beyond its window */
    rule.times[1] = 20;
    rule.times[2] = 7;
    rule.time_count = 3;
    add(&rule);
    switch_on(1);
    cr_expect_str_eq(play(), "7/2 10/1/2/3 20/1/2/3 20/2 30/1/2/3");
}

Test(faults_switchboard, nth_and_limits_hold_for_schedules_too)
{
    struct fault_rule rule = step_every(10, 0, 95);
    fault_ranges_add(&rule.nodes, 1, 1);
    fault_rule_nth(&rule, 2, 6);
    rule.max_fires = 3;
    add(&rule);
    switch_on(1);
    cr_expect_str_eq(play(), "10 20/1 30/1 40/1");
}

Test(faults_switchboard, jitter_moves_times_later_and_never_out_of_order)
{
    struct fault_rule rule = step_every(1000, 0, 200000);
    rule.jitter_ns = 999;
    add(&rule);
    switch_on(5);
    struct fault_occurrence occurrence;
    uint64_t last = 0, moved = 0, count = 0;
    while (fault_switchboard_next(board, &occurrence)) {
        uint64_t base = occurrence.number * 1000;
        cr_assert(occurrence.time_ns >= base &&
                  occurrence.time_ns <= base + 999);
        cr_assert_geq(occurrence.time_ns, last);
        last = occurrence.time_ns;
        moved += occurrence.time_ns != base;
        count++;
    }
    cr_expect_geq(count, 198);
    cr_expect_gt(moved, 150);
}

Test(faults_switchboard, a_schedules_chances_are_its_own)
{
    char alone[sizeof(hits)], merged[sizeof(hits)];
    struct fault_rule rule = step_every(10, 0, 500);
    rule.chance_ppb = 500000000;
    add(&rule);
    switch_on(5);
    snprintf(alone, sizeof(alone), "%s", play());
    fault_plan_remove(&plan, 0);
    struct fault_rule other = step_every(7, 0, 500);
    fault_ranges_add(&other.nodes, 9, 9); /* never there */
    add(&other);
    add(&rule);
    switch_on(5);
    snprintf(merged, sizeof(merged), "%s", play());
    size_t used = 0;
    char kept[sizeof(hits)] = "";
    for (char *word = strtok(merged, " "); word; word = strtok(NULL, " ")) {
        long time = strtol(word, NULL, 10);
        if (time % 10 == 0 && !(time % 7 == 0 && !strchr(word, '/')))
            used += (size_t)snprintf(kept + used, sizeof(kept) - used, "%s%s",
                                     used ? " " : "", word);
    }
    size_t found = 0;
    for (char *word = strtok(alone, " "); word; word = strtok(NULL, " ")) {
        found += strstr(kept, word) != NULL;
        cr_expect(!strchr(word, '/') || strstr(kept, word), "%s", word);
    }
    cr_expect_gt(found, 30);
}

/* A little world of mixed faults; its decisions land in records[]. */
static void live_through(void)
{
    struct fault_occurrence occurrence;
    struct engine_decision decision;
    record_count = 0;
    fault_switchboard_set_sink(board, &keeper);
    bool more = fault_switchboard_next(board, &occurrence);
    for (uint64_t now = 1; now <= 300; now++) {
        fault_switchboard_set_now(board, now);
        while (more && occurrence.time_ns == now) {
            for (uint32_t node = 1; node <= 3; node++)
                fault_switchboard_fire(board, &occurrence, node, &decision);
            more = fault_switchboard_next(board, &occurrence);
        }
        engine_point_hit(&board->port, SEND, 1 + (uint32_t)now % 3, now, 1, 1,
                         &decision);
        hit(BEFORE, 1 + (uint32_t)now % 2);
    }
}

Test(faults_switchboard, replayed_decisions_repeat_a_run_record_for_record)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_DELAY, SEND);
    rule.chance_ppb = 60000000;
    rule.amount_min = 1;
    rule.amount_max = 1000;
    add(&rule);
    rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    rule.every = 50;
    add(&rule);
    rule = step_every(60, 0, 290);
    rule.chance_ppb = 600000000;
    add(&rule);
    switch_on(11);
    live_through();
    uint32_t count = record_count;
    struct engine_record first[64];
    struct fault_decision decisions[64];
    cr_assert(count > 15 && count < 60, "%d", (int)count);
    memcpy(first, records, sizeof(first));
    for (uint32_t i = 0; i < count; i++)
        cr_assert(fault_decision_of(&first[i], &decisions[i]));
    char message[128];
    cr_assert_eq(
        fault_plan_replay(&plan, decisions, count, message, sizeof(message)),
        0);
    switch_on(99); /* the seed has no say in a replay */
    live_through();
    cr_expect_eq(record_count, count);
    cr_expect_eq(memcmp(first, records, count * sizeof(first[0])), 0);
    fault_plan_replay(&plan, decisions, count / 2, message, sizeof(message));
    switch_on(99);
    live_through();
    cr_expect_eq(record_count, count / 2, "a shrunk list does just that");
}

Test(faults_switchboard, a_second_one_is_refused_and_the_first_lives_on)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    add(&rule);
    switch_on(1);
    int error = 0;
    cr_expect_null(fault_switchboard_new(&plan, 1, &error));
    cr_expect_eq(error, FAULT_EBUSY);
    cr_expect(hit(BEFORE, 1));
    fault_switchboard_free(board);
    board = fault_switchboard_new(&plan, 1, &error);
    cr_expect_not_null(board);
    cr_expect_eq(error, 0);
}

Test(faults_switchboard, after_the_last_one_libfiu_answers_no_again)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    add(&rule);
    switch_on(1);
    cr_expect(hit(BEFORE, 1));
    fault_switchboard_free(board);
    board = NULL;
    cr_expect_eq(fiu_fail(points[BEFORE].name), 0);
}

Test(faults_switchboard, names_that_nobody_asked_about_through_us_do_not_fail)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    add(&rule);
    switch_on(1);
    cr_expect_eq(fiu_fail(points[BEFORE].name), 0);
    cr_expect_eq(fiu_fail("libc/io/write"), 0);
    cr_expect_eq(fault_switchboard_ledger(board, BEFORE)->asked, 0);
}

Test(faults_switchboard, a_name_enabled_by_somebody_else_is_not_our_decision)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    fault_rule_nth(&rule, 1000, 1000);
    add(&rule);
    switch_on(1);
    fiu_disable(points[BEFORE].name);
    cr_assert_eq(fiu_enable(points[BEFORE].name, 1, NULL, 0), 0);
    cr_expect_not(hit(BEFORE, 1));
    fiu_disable(points[BEFORE].name);
}

/* Hits that the board counts although no rule is there. */
static void note(uint32_t point, uint32_t node, int count)
{
    struct engine_site site = {.point = point, .node = node};
    for (int i = 0; i < count; i++)
        fault_switchboard_note(board, &site);
}

Test(faults_switchboard, a_rule_added_later_goes_on_as_one_there_from_the_start)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, AFTER);
    char whole[sizeof(hits)];
    rule.chance_ppb = ENGINE_CHANCE_ALWAYS / 3;
    add(&rule);
    switch_on(5);
    (void)fired(AFTER, 7, 20);
    snprintf(whole, sizeof(whole), "%s", fired(AFTER, 7, 60));
    cr_expect_str_neq(whole, "");

    fault_plan_remove(&plan, 0);
    switch_on(5);
    note(AFTER, 7, 20);
    cr_assert_eq(fault_switchboard_add(board, &rule, AFTER, 7, 20), 0);
    cr_expect_str_eq(fired(AFTER, 7, 60), whole);
    cr_expect_eq(fault_switchboard_matches(board, 0, AFTER, 7), 80);
}

Test(faults_switchboard, a_rule_added_later_takes_its_preset_matches_for_met)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    fault_rule_nth(&rule, 5, 5);
    switch_on(1);
    cr_expect_not(board->port.armed[BEFORE]);
    cr_assert_eq(fault_switchboard_add(board, &rule, BEFORE, 7, 3), 0);
    cr_expect(board->port.armed[BEFORE]);
    cr_expect_str_eq(fired(BEFORE, 7, 5), "2");
    cr_expect_str_eq(fired(BEFORE, 8, 6), "5");
}

Test(faults_switchboard, adding_a_rule_raises_no_flag_of_one_that_is_used_up)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_CRASH, BEFORE);
    rule.max_fires = 1;
    add(&rule);
    switch_on(1);
    cr_expect_str_eq(fired(BEFORE, 7, 2), "1");
    struct fault_rule other = rule_at(ENGINE_ACT_LOSE, SEND);
    cr_assert_eq(fault_switchboard_add(board, &other, SEND, 7, 0), 0);
    cr_expect_not(board->port.armed[BEFORE]);
    cr_expect_str_eq(fired(SEND, 7, 2), "1 2");
}

Test(faults_switchboard, a_timed_rule_cannot_be_added_later)
{
    struct fault_rule rule = rule_at(ENGINE_ACT_STEP, CLOCK);
    rule.times[0] = 10;
    rule.time_count = 1;
    switch_on(1);
    cr_expect_eq(fault_switchboard_add(board, &rule, CLOCK, 7, 0),
                 FAULT_EINVAL);
    cr_expect_not(board->port.armed[CLOCK]);
}
