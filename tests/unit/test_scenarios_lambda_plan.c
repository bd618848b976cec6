#include <criterion/criterion.h>
#include <string.h>

#include "scenarios/lambda/plan.h"

static enum lambda_act cross(struct lambda_plan *plan, enum lambda_place place,
                             bool after, const char *operation,
                             const char *action)
{
    const struct lambda_boundary boundary = {.place = place,
                                             .after = after,
                                             .operation = operation,
                                             .action = action,
                                             .run = 1};
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    lambda_plan_boundary(plan, &boundary, &decision);
    return decision.act;
}

Test(scenarios_lambda_plan, boundaries_are_numbered_by_their_names)
{
    struct lambda_plan plan = {.recording = true};
    char label[LAMBDA_LABEL_SIZE];

    (void)cross(&plan, LAMBDA_AT_CHECKPOINT, false, "charge", "START");
    (void)cross(&plan, LAMBDA_AT_CHECKPOINT, true, "charge", "START");
    (void)cross(&plan, LAMBDA_AT_CHECKPOINT, false, "charge", "START");
    (void)cross(&plan, LAMBDA_AT_EFFECT, false, "charge", "");
    cr_assert_eq(plan.point_count, 4);
    cr_assert_str_eq(lambda_point_write(&plan.points[2], label),
                     "before charge START #2");
    cr_assert_str_eq(lambda_point_write(&plan.points[3], label),
                     "before effect charge #1");
    lambda_plan_free(&plan);
}

Test(scenarios_lambda_plan, a_fault_strikes_its_occurrence_and_so_many_after_it)
{
    struct lambda_plan plan = {.fault = LAMBDA_FAULT_THROTTLE,
                               .at = {.place = LAMBDA_AT_CHECKPOINT,
                                      .operation = "charge",
                                      .action = "SUCCEED",
                                      .occurrence = 2},
                               .times = 2};
    const enum lambda_act expected[] = {LAMBDA_PASS, LAMBDA_REFUSE,
                                        LAMBDA_REFUSE, LAMBDA_PASS};

    lambda_plan_begin(&plan);
    for (unsigned i = 0; i < 4; i++) {
        cr_assert_eq(
            cross(&plan, LAMBDA_AT_CHECKPOINT, false, "charge", "SUCCEED"),
            expected[i]);
        cr_assert_eq(
            cross(&plan, LAMBDA_AT_CHECKPOINT, false, "other", "SUCCEED"),
            LAMBDA_PASS);
    }
    cr_assert_eq(plan.struck, 2);
    lambda_plan_free(&plan);
}

Test(scenarios_lambda_plan, a_new_run_counts_from_the_start)
{
    struct lambda_plan plan = {
        .fault = LAMBDA_FAULT_CRASH,
        .at = {.place = LAMBDA_AT_EVENT, .operation = "event", .occurrence = 1},
        .times = 1};

    for (unsigned i = 0; i < 3; i++) {
        lambda_plan_begin(&plan);
        cr_assert_eq(cross(&plan, LAMBDA_AT_EVENT, false, "event", ""),
                     LAMBDA_CRASH);
        cr_assert_eq(cross(&plan, LAMBDA_AT_EVENT, false, "event", ""),
                     LAMBDA_PASS);
    }
    lambda_plan_free(&plan);
}

Test(scenarios_lambda_plan, faults_fit_where_they_can_happen)
{
    const struct lambda_point checkpoint = {.place = LAMBDA_AT_CHECKPOINT};
    const struct lambda_point recorded = {.place = LAMBDA_AT_CHECKPOINT,
                                          .after = true};
    const struct lambda_point effect = {.place = LAMBDA_AT_EFFECT};
    const struct lambda_point applied = {.place = LAMBDA_AT_EFFECT,
                                         .after = true};
    const struct lambda_point line = {.place = LAMBDA_AT_LINE, .after = true};

    cr_assert(lambda_fault_fits(LAMBDA_FAULT_THROTTLE, &checkpoint));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_THROTTLE, &recorded));
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_SERVER_ERROR, &effect));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_SERVER_ERROR, &applied));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_STALE_TOKEN, &effect));
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_LOST_REPLY, &applied));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_LOST_REPLY, &line));
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_LOST_REPLY, &recorded));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_LOST_REPLY, &checkpoint));
    for (unsigned f = 1; f < LAMBDA_FAULT_COUNT; f++)
        cr_assert_eq(lambda_fault_find(lambda_fault_name((enum lambda_fault)f)),
                     f);
    cr_assert_eq(lambda_fault_find("no such"), LAMBDA_FAULT_COUNT);
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_CRASH, &effect));
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_CRASH, &line));
}

Test(scenarios_lambda_plan, only_what_ends_at_a_time_can_be_late)
{
    struct lambda_point start = {.place = LAMBDA_AT_CHECKPOINT};
    struct lambda_point callback = {.place = LAMBDA_AT_CALLBACK,
                                    .answered = true};

    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_LATE_TIMER, &start));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_CALLBACK_LATE, &callback));
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_CALLBACK_TWICE, &callback));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_HEARTBEAT_LATE, &callback));
    start.timed = true;
    callback.timed = true;
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_LATE_TIMER, &start));
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_CALLBACK_LATE, &callback));
    callback.beating = true;
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_HEARTBEAT_LATE, &callback));
    callback.answered = false;
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_HEARTBEAT_LATE, &callback));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_CRASH, &callback));
}

Test(scenarios_lambda_plan, the_size_of_a_fault_is_how_often_or_how_late)
{
    const struct lambda_point at = {.place = LAMBDA_AT_CHECKPOINT};
    const struct lambda_point effect = {.place = LAMBDA_AT_EFFECT};
    uint32_t sizes[LAMBDA_SIZES_MAX];
    char detail[LAMBDA_DETAIL_SIZE];

    cr_assert_eq(lambda_fault_sizes(LAMBDA_FAULT_CRASH, &at, sizes), 1);
    cr_assert_str_eq(lambda_fault_detail(LAMBDA_FAULT_CRASH, 1, detail), "");
    cr_assert_eq(lambda_fault_sizes(LAMBDA_FAULT_THROTTLE, &at, sizes), 3);
    cr_assert_eq(sizes[2], 9);
    cr_assert_eq(lambda_fault_sizes(LAMBDA_FAULT_THROTTLE, &effect, sizes), 1);
    cr_assert_eq(sizes[0], 1);
    cr_assert_str_eq(lambda_fault_detail(LAMBDA_FAULT_THROTTLE, 9, detail),
                     "x9");
    cr_assert_str_eq(lambda_fault_detail(LAMBDA_FAULT_LATE_TIMER, 60, detail),
                     "60 s late");
}

static uint64_t delay_of(struct lambda_plan *plan, const char *name)
{
    const struct lambda_boundary wait = {.place = LAMBDA_AT_CHECKPOINT,
                                         .operation = name,
                                         .action = "START",
                                         .timed = true,
                                         .run = 1};
    struct lambda_decision decision = {.act = LAMBDA_PASS};

    lambda_plan_boundary(plan, &wait, &decision);
    return decision.act == LAMBDA_DELAY ? decision.ns : UINT64_MAX;
}

Test(scenarios_lambda_plan, timers_are_reordered_in_the_same_way_each_time)
{
    struct lambda_plan one = {.fault = LAMBDA_FAULT_REORDERED_TIMERS,
                              .times = 1};
    struct lambda_plan other = {.fault = LAMBDA_FAULT_REORDERED_TIMERS,
                                .times = 2};
    uint64_t first = delay_of(&one, "a");
    uint64_t second = delay_of(&one, "b");

    cr_assert_neq(first, UINT64_MAX);
    cr_assert_neq(first, second);
    cr_assert_neq(delay_of(&other, "a"), first);
    lambda_plan_begin(&one);
    cr_assert_eq(delay_of(&one, "a"), first);
    cr_assert_eq(delay_of(&one, "b"), second);
    cr_assert_eq(one.struck, 2);
    lambda_plan_free(&one);
    lambda_plan_free(&other);
}

Test(scenarios_lambda_plan, what_is_delivered_twice_is_heard_in_both_orders)
{
    const struct lambda_point event = {
        .place = LAMBDA_AT_EVENT, .operation = "event", .occurrence = 1};
    const struct lambda_point over = {.place = LAMBDA_AT_RETURN, .after = true};
    const struct lambda_boundary begins = {
        .place = LAMBDA_AT_EVENT, .operation = "event", .action = "", .run = 1};
    uint32_t sizes[LAMBDA_SIZES_MAX];

    cr_assert(lambda_fault_fits(LAMBDA_FAULT_DUPLICATE, &event));
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_DUPLICATE, &over));
    cr_assert_eq(lambda_fault_sizes(LAMBDA_FAULT_DUPLICATE, &event, sizes), 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct lambda_plan plan = {
            .fault = LAMBDA_FAULT_DUPLICATE, .at = event, .times = sizes[i]};
        struct lambda_decision decision = {.act = LAMBDA_PASS};
        lambda_plan_boundary(&plan, &begins, &decision);
        cr_assert_eq(decision.act, LAMBDA_AGAIN);
        cr_assert_eq(decision.first, i == 1);
        lambda_plan_free(&plan);
    }
    cr_assert_eq(lambda_fault_sizes(LAMBDA_FAULT_DUPLICATE, &over, sizes), 1);
}
