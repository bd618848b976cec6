#include <criterion/criterion.h>

#include "scenarios/lambda/answers.h"

#define MS UINT64_C(1000000)
#define SECOND UINT64_C(1000000000)

static const struct lambda_callback hour = {.timeout_ns = 3600 * SECOND};
static const struct lambda_callback beating = {.timeout_ns = 3600 * SECOND,
                                               .heartbeat_ns = 60 * SECOND};
static const struct lambda_reply usual = {10 * SECOND, LAMBDA_CALLBACK_SUCCEED};

static struct lambda_reply only(enum lambda_fault fault,
                                const struct lambda_callback *callback)
{
    struct lambda_reply out[LAMBDA_REPLIES_MAX];

    cr_assert_eq(lambda_answers_plan(fault, callback, &usual, out), 1);
    return out[0];
}

Test(scenarios_lambda_answers, an_answer_races_the_limit_that_comes_first)
{
    cr_assert_eq(only(LAMBDA_FAULT_NONE, &hour).after_ns, 10 * SECOND);
    cr_assert_eq(only(LAMBDA_FAULT_CALLBACK_FIRST, &hour).after_ns, 0);
    cr_assert_eq(only(LAMBDA_FAULT_CALLBACK_EARLY, &hour).after_ns,
                 3600 * SECOND - MS);
    cr_assert_eq(only(LAMBDA_FAULT_CALLBACK_SAME, &hour).after_ns,
                 3600 * SECOND);
    cr_assert_eq(only(LAMBDA_FAULT_CALLBACK_LATE, &hour).after_ns,
                 3600 * SECOND + MS);
    cr_assert_eq(only(LAMBDA_FAULT_CALLBACK_LATE, &beating).after_ns,
                 60 * SECOND + MS);
    cr_assert_eq(only(LAMBDA_FAULT_CALLBACK_FAIL, &hour).end,
                 LAMBDA_CALLBACK_FAIL);
}

Test(scenarios_lambda_answers,
     heartbeats_in_time_keep_a_callback_for_its_answer)
{
    struct lambda_reply out[LAMBDA_REPLIES_MAX];
    uint32_t count = lambda_answers_plan(LAMBDA_FAULT_HEARTBEAT_EARLY, &beating,
                                         &usual, out);
    uint64_t last = 0;

    cr_assert_eq(count, 4);
    for (uint32_t i = 0; i < count; i++) {
        cr_assert_lt(out[i].after_ns - last, beating.heartbeat_ns);
        cr_assert_eq(out[i].end, i + 1 < count ? LAMBDA_CALLBACK_HEARTBEAT
                                               : LAMBDA_CALLBACK_SUCCEED);
        last = out[i].after_ns;
    }
}

Test(scenarios_lambda_answers, the_answer_comes_before_a_timeout_that_is_near)
{
    const struct lambda_callback tight = {.timeout_ns = 70 * SECOND,
                                          .heartbeat_ns = 60 * SECOND};
    struct lambda_reply out[LAMBDA_REPLIES_MAX];
    uint32_t count =
        lambda_answers_plan(LAMBDA_FAULT_HEARTBEAT_EARLY, &tight, &usual, out);

    cr_assert_eq(count, 2);
    cr_assert_lt(out[1].after_ns, tight.timeout_ns);
}

Test(scenarios_lambda_answers, a_callback_can_be_answered_twice_or_never)
{
    struct lambda_reply out[LAMBDA_REPLIES_MAX];

    cr_assert_eq(
        lambda_answers_plan(LAMBDA_FAULT_CALLBACK_TWICE, &hour, &usual, out),
        2);
    cr_assert_eq(
        lambda_answers_plan(LAMBDA_FAULT_CALLBACK_NEVER, &hour, &usual, out),
        0);
    cr_assert_eq(
        lambda_answers_plan(LAMBDA_FAULT_HEARTBEAT_LATE, &beating, &usual, out),
        2);
    cr_assert_gt(out[0].after_ns, beating.heartbeat_ns);
}
