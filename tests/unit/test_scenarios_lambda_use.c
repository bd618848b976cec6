#include <criterion/criterion.h>

#include "engine/operation.h"
#include "scenarios/lambda/use.h"

#define SECOND UINT64_C(1000000000)

static void tell(struct lambda_using *u, const char *type, const char *subtype,
                 bool again)
{
    const struct lambda_event event = {
        .type = type, .subtype = subtype, .again = again, .time_us = 1};

    lambda_use_event(u, &event, true);
}

Test(scenarios_lambda_use, a_step_is_metered_once_and_once_for_each_retry)
{
    struct lambda_using u = {.second = 0};

    tell(&u, "ExecutionStarted", "", false);
    for (int i = 0; i < 3; i++) {
        tell(&u, "StepStarted", "Step", false);
        tell(&u, i < 2 ? "StepFailed" : "StepSucceeded", "Step", i < 2);
    }
    cr_assert_eq(u.use.metered[LAMBDA_METER_STEPS], 1);
    cr_assert_eq(u.use.metered[LAMBDA_METER_STEP_RETRIES], 2);
    cr_assert_eq(lambda_metered(&u.use), 4);
}

Test(scenarios_lambda_use, a_wait_for_a_callback_is_metered_three_times)
{
    struct lambda_using u = {.second = 0};

    tell(&u, "ContextStarted", "WaitForCallback", false);
    tell(&u, "CallbackStarted", "Callback", false);
    tell(&u, "StepStarted", "Step", false);
    tell(&u, "StepSucceeded", "Step", false);
    tell(&u, "CallbackSucceeded", "Callback", false);
    tell(&u, "ContextSucceeded", "WaitForCallback", false);
    cr_assert_eq(lambda_metered(&u.use), 3);
}

Test(scenarios_lambda_use, a_condition_is_metered_once_and_once_for_each_poll)
{
    struct lambda_using u = {.second = 0};

    for (int i = 0; i < 4; i++) {
        tell(&u, "StepStarted", "WaitForCondition", false);
        tell(&u, "StepSucceeded", "WaitForCondition", i < 3);
    }
    cr_assert_eq(u.use.metered[LAMBDA_METER_CONDITIONS], 1);
    cr_assert_eq(u.use.metered[LAMBDA_METER_POLLS], 3);
}

Test(scenarios_lambda_use, an_invocation_that_broke_off_is_metered)
{
    struct lambda_using u = {.second = 0};
    struct lambda_event event = {.type = "InvocationCompleted",
                                 .subtype = "",
                                 .start_us = 1000000,
                                 .end_us = 4000000,
                                 .broke = true};

    lambda_use_event(&u, &event, true);
    event.broke = false;
    event.end_us = 2000000;
    lambda_use_event(&u, &event, true);
    cr_assert_eq(lambda_metered(&u.use), 1);
    cr_assert_eq(u.use.quotas[LAMBDA_QUOTA_INVOCATIONS], 2);
    cr_assert_eq(u.use.quotas[LAMBDA_QUOTA_INVOCATION], 3 * SECOND);
}

static void record(struct lambda_using *u, uint64_t run, unsigned event,
                   uint64_t at_ns, uint32_t bytes)
{
    const struct engine_record made = {.kind = ENGINE_REC_EVENT,
                                       .detail = (uint16_t)event,
                                       .run = run,
                                       .op = 1,
                                       .time_ns = at_ns,
                                       .state = ENGINE_OPERATION_STEP,
                                       .count = bytes};

    lambda_use_record(u, &made);
}

Test(scenarios_lambda_use, checkpoints_are_counted_by_the_second)
{
    struct lambda_using u = {.second = 0};

    for (uint64_t i = 0; i < 3; i++) {
        record(&u, 1, ENGINE_EV_CHECKPOINT, 5 * SECOND, 0);
        record(&u, 1, ENGINE_EV_OPERATION_SUCCEEDED, 5 * SECOND, 100);
    }
    record(&u, 1, ENGINE_EV_CHECKPOINT, 7 * SECOND, 0);
    record(&u, 2, ENGINE_EV_CHECKPOINT, 7 * SECOND, 0);
    record(&u, 2, ENGINE_EV_OPERATION_SUCCEEDED, 7 * SECOND, 5000);
    cr_assert_eq(u.use.quotas[LAMBDA_QUOTA_CHECKPOINTS], 4);
    cr_assert_eq(u.use.quotas[LAMBDA_QUOTA_RATE], 3);
    cr_assert_eq(u.use.quotas[LAMBDA_QUOTA_WRITTEN], 300);
    cr_assert_eq(u.use.quotas[LAMBDA_QUOTA_PAYLOAD], 100);
    cr_assert_eq(u.use.quotas[LAMBDA_QUOTA_BATCH], 1);
}

Test(scenarios_lambda_use, the_quotas_are_those_of_the_profile)
{
    const struct engine_limits *aws = engine_limits_find("aws");

    cr_assert_eq(lambda_quota_allowed(LAMBDA_QUOTA_OPERATIONS, aws), 3000);
    cr_assert_eq(lambda_quota_allowed(LAMBDA_QUOTA_WRITTEN, aws), 104857600);
    cr_assert_eq(lambda_quota_allowed(LAMBDA_QUOTA_PAYLOAD, aws), 262144);
    cr_assert_eq(lambda_quota_allowed(LAMBDA_QUOTA_RATE, aws), 10000);
    cr_assert_eq(lambda_quota_allowed(LAMBDA_QUOTA_INVOCATION, aws),
                 900 * SECOND);
    cr_assert_eq(lambda_quota_allowed(LAMBDA_QUOTA_INVOCATIONS, aws), 0);
}
