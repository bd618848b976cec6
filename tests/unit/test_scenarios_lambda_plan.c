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

    cr_assert(lambda_fault_fits(LAMBDA_FAULT_THROTTLE, &checkpoint));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_THROTTLE, &recorded));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_THROTTLE, &effect));
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_LOST_REPLY, &recorded));
    cr_assert_not(lambda_fault_fits(LAMBDA_FAULT_LOST_REPLY, &checkpoint));
    for (unsigned f = 1; f < LAMBDA_FAULT_COUNT; f++)
        cr_assert_eq(lambda_fault_find(lambda_fault_name((enum lambda_fault)f)),
                     f);
    cr_assert_eq(lambda_fault_find("no such"), LAMBDA_FAULT_COUNT);
    cr_assert(lambda_fault_fits(LAMBDA_FAULT_CRASH, &effect));
}
