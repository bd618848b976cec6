#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lambda_bed.h"

#define SECOND LAMBDA_BED_SECOND

Test(host_lambda_rate, a_seconds_worth_comes_at_once_and_then_one_by_one)
{
    const struct lambda_rates rates = {{[LAMBDA_RATE_LIST] = 4}};
    struct lambda_rate_state state = {0};
    uint64_t now = 100 * SECOND;

    for (int i = 0; i < 4; i++)
        cr_assert_eq(lambda_rate_take(&rates, &state, LAMBDA_RATE_LIST, now),
                     0);
    cr_assert_eq(lambda_rate_take(&rates, &state, LAMBDA_RATE_LIST, now), 1);
    cr_assert_eq(lambda_rate_take(&rates, &state, LAMBDA_RATE_GET, now), 0,
                 "another kind has its own, here none");
    now += SECOND / 4 - 1;
    cr_assert_eq(lambda_rate_take(&rates, &state, LAMBDA_RATE_LIST, now), 1);
    now += 1;
    cr_assert_eq(lambda_rate_take(&rates, &state, LAMBDA_RATE_LIST, now), 0);
    cr_assert_eq(lambda_rate_take(&rates, &state, LAMBDA_RATE_LIST, now), 1);
    now += 10 * SECOND;
    for (int i = 0; i < 4; i++)
        cr_assert_eq(lambda_rate_take(&rates, &state, LAMBDA_RATE_LIST, now),
                     0);
    cr_assert_eq(lambda_rate_take(&rates, &state, LAMBDA_RATE_LIST, now), 1,
                 "what was not used is not saved");
}

Test(host_lambda_rate, a_call_over_the_rate_is_told_when_to_come_again)
{
    struct lambda_bed bed = {.rates = lambda_rates_aws()};
    struct lambda_answered *answered;

    lambda_bed_open(&bed);
    for (int i = 0; i < 15; i++) {
        answered = lambda_bed_list(&bed, "order");
        cr_assert_eq(answered->status, 200, "%d", i);
        free(answered);
    }
    answered = lambda_bed_list(&bed, "order");
    cr_assert_eq(answered->status, 429);
    cr_assert_str_eq(answered->exception, "TooManyRequestsException");
    cr_assert_eq(answered->call.retry_after_s, 1);
    cr_assert(strstr(answered->body, "CallerRateLimitExceeded"), "%s",
              answered->body);
    free(answered);
    lambda_bed_pass(&bed, SECOND);
    answered = lambda_bed_list(&bed, "order");
    cr_assert_eq(answered->status, 200);
    free(answered);
    lambda_bed_close(&bed);
}

Test(host_lambda_rate, a_call_that_is_refused_so_changes_nothing)
{
    const struct lambda_rates rates = {
        {[LAMBDA_RATE_START] = 1, [LAMBDA_RATE_CHECKPOINT] = 1}};
    static const char step[] =
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"START\"}]";
    struct lambda_bed bed = {.rates = &rates};
    struct lambda_answered *answered;

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    answered = lambda_bed_invoke(&bed, "order", "second", "{}");
    cr_assert_eq(answered->status, 429);
    free(answered);
    answered = lambda_bed_list(&bed, "order");
    cr_assert_not(strstr(answered->body, "second"), "%s", answered->body);
    free(answered);
    free(lambda_bed_checkpoint(&bed, NULL, "one", NULL));
    answered = lambda_bed_checkpoint(&bed, NULL, "two", step);
    cr_assert_eq(answered->status, 429);
    free(answered);
    lambda_bed_close(&bed);
}
