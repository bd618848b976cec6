#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/lambda/cases.h"

/* A plan with so many checkpoints recorded. */
static struct lambda_plan record(uint32_t checkpoints)
{
    struct lambda_plan plan = {.recording = true};

    for (uint32_t i = 0; i < checkpoints; i++) {
        const struct lambda_boundary boundary = {.place = LAMBDA_AT_CHECKPOINT,
                                                 .after = i % 2 == 1,
                                                 .operation = "charge",
                                                 .action = "SUCCEED",
                                                 .run = 1};
        struct lambda_decision decision = {.act = LAMBDA_PASS};
        lambda_plan_boundary(&plan, &boundary, &decision);
    }
    return plan;
}

Test(scenarios_lambda_cases, each_boundary_is_tried_with_each_size_that_fits)
{
    bool faults[LAMBDA_FAULT_COUNT] = {
        [LAMBDA_FAULT_CRASH] = true, [LAMBDA_FAULT_THROTTLE] = true};
    struct lambda_choice choice = {.faults = faults};
    struct lambda_plan plan = record(2);
    struct lambda_cases cases = {0};

    cr_assert_eq(lambda_cases_add(&cases, &choice, &plan, 0), 0);
    cr_assert_eq(cases.count, 5); /* before: crash, 3 throttles; after: crash */
    lambda_cases_free(&cases);
    choice.only = "before charge SUCCEED #1";
    choice.times = 7;
    cr_assert_eq(lambda_cases_add(&cases, &choice, &plan, 0), 0);
    cr_assert_eq(cases.count, 2);
    cr_assert_eq(cases.cases[1].times, 7);
    lambda_cases_free(&cases);
    lambda_plan_free(&plan);
}

Test(scenarios_lambda_cases, the_whole_run_is_tried_once_for_each_size)
{
    bool faults[LAMBDA_FAULT_COUNT] = {
        [LAMBDA_FAULT_PAGES] = true, [LAMBDA_FAULT_REORDERED_TIMERS] = true};
    const struct lambda_choice choice = {.faults = faults};
    struct lambda_plan plan = record(2); /* no timers among them */
    struct lambda_cases cases = {0};

    cr_assert_eq(lambda_cases_add_whole(&cases, &choice, &plan), 0);
    cr_assert_eq(cases.count, 4);
    cr_assert_eq(cases.cases[0].at.place, LAMBDA_AT_RUN);
    lambda_cases_free(&cases);
    lambda_plan_free(&plan);
}

Test(scenarios_lambda_cases, a_seed_draws_the_same_pairs_each_time)
{
    bool faults[LAMBDA_FAULT_COUNT] = {[LAMBDA_FAULT_CRASH] = true};
    const struct lambda_choice choice = {.faults = faults};
    struct lambda_plan plan = record(40);
    struct lambda_cases a = {0};
    struct lambda_cases b = {0};
    uint32_t other = 0;

    cr_assert_eq(lambda_cases_add(&a, &choice, &plan, 0), 0);
    cr_assert_eq(lambda_cases_add(&b, &choice, &plan, 0), 0);
    cr_assert_eq(lambda_cases_add_pairs(&a, 20, 1), 0);
    cr_assert_eq(lambda_cases_add_pairs(&b, 20, 1), 0);
    cr_assert_eq(a.count, 60);
    for (uint32_t i = 40; i < 60; i++) {
        cr_assert_eq(a.cases[i].also.fault, LAMBDA_FAULT_CRASH);
        cr_assert_eq(a.cases[i].at.occurrence, b.cases[i].at.occurrence);
        cr_assert_eq(a.cases[i].also.at.occurrence,
                     b.cases[i].also.at.occurrence);
        cr_assert(a.cases[i].at.occurrence < a.cases[i].also.at.occurrence ||
                  (a.cases[i].at.occurrence == a.cases[i].also.at.occurrence &&
                   a.cases[i].also.at.after));
        other += a.cases[i].at.occurrence != a.cases[40].at.occurrence;
    }
    cr_assert_gt(other, 0);
    lambda_cases_free(&a);
    lambda_cases_free(&b);
    lambda_plan_free(&plan);
}

Test(scenarios_lambda_cases, a_strike_is_read_as_it_is_written)
{
    struct lambda_plan plan = record(4);
    struct lambda_strike strike;
    char text[LAMBDA_STRIKE_SIZE];

    cr_assert(lambda_strike_read("throttle*3 before charge SUCCEED #2", &plan,
                                 &strike));
    cr_assert_eq(strike.times, 3);
    cr_assert_eq(strike.at.occurrence, 2);
    cr_assert_str_eq(lambda_strike_write(&strike, text),
                     "throttle*3 before charge SUCCEED #2");
    cr_assert(
        lambda_strike_read("crash after charge SUCCEED #1", &plan, &strike));
    cr_assert_str_eq(lambda_strike_write(&strike, text),
                     "crash after charge SUCCEED #1");
    cr_assert_not(
        lambda_strike_read("crash after charge SUCCEED #9", &plan, &strike));
    cr_assert_not(
        lambda_strike_read("throttle after charge SUCCEED #1", &plan, &strike));
    cr_assert_not(lambda_strike_read("melt after charge", &plan, &strike));
    cr_assert_not(lambda_strike_read("", &plan, &strike));
    lambda_plan_free(&plan);
}

Test(scenarios_lambda_cases, both_faults_of_a_pair_strike_once)
{
    struct lambda_plan recorded = record(4);
    struct lambda_plan plan = {.fault = LAMBDA_FAULT_CRASH,
                               .at = recorded.points[0],
                               .times = 1,
                               .also = {.fault = LAMBDA_FAULT_STOP,
                                        .at = recorded.points[3],
                                        .times = 1}};
    enum lambda_act acts[4];

    for (uint32_t i = 0; i < 4; i++) {
        const struct lambda_boundary boundary = {.place = LAMBDA_AT_CHECKPOINT,
                                                 .after = i % 2 == 1,
                                                 .operation = "charge",
                                                 .action = "SUCCEED",
                                                 .run = 1};
        struct lambda_decision decision = {.act = LAMBDA_PASS};
        lambda_plan_boundary(&plan, &boundary, &decision);
        acts[i] = decision.act;
    }
    cr_assert_eq(acts[0], LAMBDA_CRASH);
    cr_assert_eq(acts[1], LAMBDA_PASS);
    cr_assert_eq(acts[2], LAMBDA_PASS);
    cr_assert_eq(acts[3], LAMBDA_STOP);
    cr_assert_eq(plan.struck, 2);
    lambda_plan_free(&plan);
    lambda_plan_free(&recorded);
}
