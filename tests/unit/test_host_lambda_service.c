/*
 * The service without a network and without processes: calls as clients make
 * them, invocations as an environment answers them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lambda_bed.h"

#define SECOND LAMBDA_BED_SECOND
#define START_NS LAMBDA_BED_START

static const char step_done[] =
    "[{\"Id\":\"a1\",\"Name\":\"charge\",\"Type\":\"STEP\",\"SubType\":"
    "\"Step\",\"Action\":\"SUCCEED\",\"Payload\":\"7\"}]";

Test(host_lambda_service, a_function_is_invoked_and_its_result_returned)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *call;

    lambda_bed_open(&bed);
    call = lambda_bed_invoke(&bed, "order", "first", "{\"id\":1}");
    cr_assert_eq(bed.events, 1);
    cr_assert(strstr(bed.event, "\"InputPayload\":\"{\\\"id\\\":1}\""), "%s",
              bed.event);
    cr_assert_eq(call->status, 0);
    lambda_bed_respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"42\"}");
    cr_assert_eq(call->status, 200);
    cr_assert_str_eq(call->body, "42");
    free(call);
    lambda_bed_close(&bed);
}

Test(host_lambda_service, a_checkpoint_is_answered_with_a_new_token_and_once)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *call;
    struct lambda_answered *first;
    struct lambda_answered *again;
    struct lambda_answered *stale;

    lambda_bed_open(&bed);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    first = lambda_bed_checkpoint(&bed, NULL, "one", step_done);
    cr_assert_eq(first->status, 200, "%s", first->body);
    cr_assert(strstr(first->body, "\"Status\":\"SUCCEEDED\""), "%s",
              first->body);
    again = lambda_bed_checkpoint(&bed, NULL, "one", step_done);
    cr_assert_str_eq(again->body, first->body);
    stale = lambda_bed_checkpoint(&bed, NULL, "two", step_done);
    cr_assert_eq(stale->status, 400);
    cr_assert_str_eq(stale->exception, "InvalidParameterValueException");
    cr_assert(strstr(stale->body, "Invalid checkpoint token"), "%s",
              stale->body);
    free(first);
    free(again);
    free(stale);
    lambda_bed_close(&bed);
    free(call);
}

Test(host_lambda_service, a_wait_ends_when_its_time_is_over_and_not_before)
{
    static const char wait[] =
        "[{\"Id\":\"w1\",\"Type\":\"WAIT\",\"SubType\":\"Wait\",\"Action\":"
        "\"START\",\"WaitOptions\":{\"WaitSeconds\":86400}}]";
    struct lambda_bed bed = {0};
    struct lambda_answered *call;

    lambda_bed_open(&bed);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    free(lambda_bed_checkpoint(&bed, NULL, "one", wait));
    lambda_bed_respond(&bed, "{\"Status\":\"PENDING\"}");
    while (bed.events == 1)
        lambda_bed_skip(&bed);
    cr_assert_geq(bed.now_ns, START_NS + 86400 * SECOND);
    cr_assert_lt(bed.now_ns, START_NS + 86401 * SECOND);
    cr_assert(strstr(bed.event, "\"Status\":\"SUCCEEDED\""), "%s", bed.event);
    lambda_bed_respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"1\"}");
    cr_assert_eq(call->status, 200);
    free(call);
    lambda_bed_close(&bed);
}

Test(host_lambda_service, a_lost_invocation_is_invoked_again_with_what_it_knew)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *call;

    lambda_bed_open(&bed);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    free(lambda_bed_checkpoint(&bed, NULL, "one", step_done));
    lambda_invocation_lost(bed.service, bed.invocation, ENGINE_ERR_INTERRUPTED,
                           "killed");
    lambda_bed_turn(&bed);
    while (bed.events == 1)
        lambda_bed_skip(&bed);
    cr_assert(strstr(bed.event, "\"Id\":\"a1\",\"Name\":\"charge\""), "%s",
              bed.event);
    cr_assert(strstr(bed.event, "\"Result\":\"7\""), "%s", bed.event);
    lambda_bed_respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"1\"}");
    cr_assert_eq(call->status, 200);
    free(call);
    lambda_bed_close(&bed);
}

Test(host_lambda_service, an_answered_callback_wakes_its_execution)
{
    static const char callback[] =
        "[{\"Id\":\"c1\",\"Name\":\"approve\",\"Type\":\"CALLBACK\","
        "\"SubType\":\"Callback\",\"Action\":\"START\","
        "\"CallbackOptions\":{\"TimeoutSeconds\":600}}]";
    struct lambda_bed bed = {0};
    struct lambda_answered *call;
    struct lambda_answered *success = lambda_bed_call();
    struct lambda_answered *late = lambda_bed_call();

    lambda_bed_open(&bed);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    free(lambda_bed_checkpoint(&bed, NULL, "one", callback));
    lambda_bed_respond(&bed, "{\"Status\":\"PENDING\"}");
    cr_assert_neq(bed.callback[0], '\0');
    lambda_call_callback(bed.service, &success->call, bed.callback,
                         LAMBDA_CALLBACK_SUCCEED, "\"yes\"", 5);
    lambda_bed_turn(&bed);
    cr_assert_eq(success->status, 200, "%s", success->body);
    cr_assert_eq(bed.events, 2);
    cr_assert(strstr(bed.event, "\"Result\":\"\\\"yes\\\"\""), "%s", bed.event);
    lambda_call_callback(bed.service, &late->call, bed.callback,
                         LAMBDA_CALLBACK_SUCCEED, "1", 1);
    lambda_bed_turn(&bed);
    cr_assert_eq(late->status, 400);
    cr_assert_str_eq(late->exception, "CallbackTimeoutException");
    free(success);
    free(late);
    lambda_bed_close(&bed);
    free(call);
}

Test(host_lambda_service, nothing_is_due_while_nothing_runs)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *call;

    lambda_bed_open(&bed);
    lambda_bed_turn(&bed);
    cr_assert_eq(lambda_service_due(bed.service), UINT64_MAX);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    lambda_bed_respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"1\"}");
    cr_assert_eq(call->status, 200);
    lambda_bed_turn(&bed);
    cr_assert_eq(lambda_service_due(bed.service), UINT64_MAX);
    free(call);
    lambda_bed_close(&bed);
}

Test(host_lambda_service, an_execution_tells_whose_answer_it_waits_for)
{
    static const char callback[] =
        "[{\"Id\":\"c1\",\"Type\":\"CALLBACK\",\"SubType\":\"Callback\","
        "\"Action\":\"START\",\"CallbackOptions\":{}}]";
    struct lambda_bed bed = {0};
    struct lambda_answered *call;
    struct lambda_answered *success = lambda_bed_call();
    uint64_t over = 0;

    lambda_bed_open(&bed);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    cr_assert_not(lambda_service_awaits(bed.service, &over));
    free(lambda_bed_checkpoint(&bed, NULL, "one", callback));
    lambda_bed_respond(&bed, "{\"Status\":\"PENDING\"}");
    lambda_bed_turn(&bed);
    cr_assert(lambda_service_awaits(bed.service, &over));
    cr_assert_geq(lambda_service_due(bed.service), over,
                  "only the end of its time is due");
    lambda_call_callback(bed.service, &success->call, bed.callback,
                         LAMBDA_CALLBACK_SUCCEED, "1", 1);
    lambda_bed_turn(&bed);
    cr_assert_eq(success->status, 200, "%s", success->body);
    lambda_bed_skip(&bed);
    cr_assert_not(lambda_service_awaits(bed.service, &over));
    free(success);
    free(call);
    lambda_bed_close(&bed);
}

Test(host_lambda_service, a_name_stands_for_one_execution)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *first;
    struct lambda_answered *same;
    struct lambda_answered *other;

    lambda_bed_open(&bed);
    first = lambda_bed_invoke(&bed, "order", "first", "{}");
    same = lambda_bed_invoke(&bed, "order", "first", "{}");
    other = lambda_bed_invoke(&bed, "order", "first", "{\"x\":1}");
    cr_assert_eq(other->status, 409);
    cr_assert_str_eq(other->exception,
                     "DurableExecutionAlreadyStartedException");
    cr_assert_eq(bed.events, 1);
    lambda_bed_respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"5\"}");
    cr_assert_str_eq(first->body, "5");
    cr_assert_str_eq(same->body, "5");
    free(first);
    free(same);
    free(other);
    lambda_bed_close(&bed);
}

Test(host_lambda_service, a_qualifier_of_any_length_is_refused_or_kept_whole)
{
    char long_one[300];
    const char *const wrong[] = {"a b", "$OTHER", "a/b", long_one};
    struct lambda_bed bed = {0};

    lambda_bed_open(&bed);
    memset(long_one, 'a', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct lambda_answered *refused = lambda_bed_call();
        lambda_call_invoke(bed.service, &refused->call, "order", wrong[i],
                           "first", LAMBDA_REQUEST_RESPONSE, "{}", 2);
        cr_assert_eq(refused->status, 400, "%s", wrong[i]);
        free(refused);
    }
    cr_assert_eq(bed.events, 0);
    lambda_bed_close(&bed);
}

Test(host_lambda_service, a_stopped_execution_takes_no_more_checkpoints)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *call;
    struct lambda_answered *stop = lambda_bed_call();
    struct lambda_answered *refused;
    char arn[LAMBDA_ARN_SIZE];

    lambda_bed_open(&bed);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    lambda_call_stop(bed.service, &stop->call, arn, "", 0);
    lambda_bed_turn(&bed);
    cr_assert_eq(stop->status, 200, "%s", stop->body);
    refused = lambda_bed_checkpoint(&bed, NULL, "one", step_done);
    cr_assert_eq(refused->status, 400, "%s", refused->body);
    cr_assert(strstr(call->body, "STOPPED"), "%s", call->body);
    free(refused);
    free(stop);
    free(call);
    lambda_bed_close(&bed);
}

Test(host_lambda_service, a_plain_function_is_given_its_payload_as_it_is)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *call;

    lambda_bed_open(&bed);
    call = lambda_bed_invoke(&bed, "plain", NULL, "[1,2]");
    cr_assert_str_eq(bed.event, "[1,2]");
    lambda_bed_respond(&bed, "{\"sum\":3}");
    cr_assert_str_eq(call->body, "{\"sum\":3}");
    free(call);
    lambda_bed_close(&bed);
}

/* What is wrong is refused, and the next call goes on as if it had not been. */
Test(host_lambda_service, wrong_updates_are_refused_as_a_whole)
{
    static const char *const wrong[] = {
        "7",
        "[7]",
        "[{}]",
        "[{\"Id\":\"a\",\"Type\":\"NOTHING\",\"Action\":\"START\"}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"JUMP\"}]",
        "[{\"Id\":\"a b\",\"Type\":\"STEP\",\"Action\":\"START\"}]",
        "[{\"Id\":\"a\",\"Type\":\"WAIT\",\"Action\":\"START\","
        "\"WaitOptions\":{\"WaitSeconds\":0}}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"RETRY\"}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"FAIL\","
        "\"Payload\":\"1\"}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"SUCCEED\","
        "\"Error\":{}}]",
        "[{\"Id\":\"a\",\"ParentId\":\"none\",\"Type\":\"STEP\","
        "\"Action\":\"START\"}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"START\"},"
        "{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"START\"}]",
        "[{\"Id\":\"a\",\"Type\":\"CHAINED_INVOKE\",\"Action\":\"START\"}]"};
    struct lambda_bed bed = {0};
    struct lambda_answered *call;
    struct lambda_answered *good;

    lambda_bed_open(&bed);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct lambda_answered *refused =
            lambda_bed_checkpoint(&bed, NULL, "w", wrong[i]);
        cr_assert_eq(refused->status, 400, "%s: %s", wrong[i], refused->body);
        cr_assert_str_eq(refused->exception, "InvalidParameterValueException",
                         "%s: %s", wrong[i], refused->body);
        free(refused);
    }
    good = lambda_bed_checkpoint(&bed, NULL, "good", step_done);
    cr_assert_eq(good->status, 200, "%s", good->body);
    free(good);
    lambda_bed_close(&bed);
    free(call);
}
