#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/lambda/recorded.h"

#define SECOND UINT64_C(1000000000)

/* A step that fails once, then a wait, in an execution of three invocations. */
static const char history[] =
    "{\"Events\": ["
    "{\"EventType\": \"ExecutionStarted\", \"EventTimestamp\": 1000,"
    " \"ExecutionStartedDetails\": {\"Input\": {\"Payload\": \"{}\"}}},"
    "{\"EventType\": \"StepStarted\", \"EventTimestamp\": 1000, \"Id\": \"a\","
    " \"Name\": \"charge\", \"SubType\": \"Step\"},"
    "{\"EventType\": \"StepFailed\", \"EventTimestamp\": 1001, \"Id\": \"a\","
    " \"StepFailedDetails\": {\"Error\": {\"Payload\": {\"ErrorMessage\":"
    " \"no\"}}, \"RetryDetails\": {\"CurrentAttempt\": 1,"
    " \"NextAttemptDelaySeconds\": 10}}},"
    "{\"EventType\": \"InvocationCompleted\", \"EventTimestamp\": 1001},"
    "{\"EventType\": \"StepStarted\", \"EventTimestamp\": 1011,"
    " \"Id\": \"a\"},"
    "{\"EventType\": \"StepSucceeded\", \"EventTimestamp\": 1011,"
    " \"Id\": \"a\", \"StepSucceededDetails\": {\"Result\": {\"Payload\":"
    " \"7\"}, \"RetryDetails\": {\"CurrentAttempt\": 2}}},"
    "{\"EventType\": \"WaitStarted\", \"EventTimestamp\":"
    " \"1970-01-01T00:17:00.500Z\", \"Id\": \"b\","
    " \"WaitStartedDetails\": {\"Duration\": 60}},"
    "{\"EventType\": \"InvocationCompleted\", \"EventTimestamp\": 1021},"
    "{\"EventType\": \"WaitSucceeded\", \"EventTimestamp\": 1080.5,"
    " \"Id\": \"b\"},"
    "{\"EventType\": \"InvocationCompleted\", \"EventTimestamp\": 1081},"
    "{\"EventType\": \"ExecutionSucceeded\", \"EventTimestamp\": 1081,"
    " \"ExecutionSucceededDetails\": {\"Result\": {\"Payload\": \"7\"}}}]}";

static struct lambda_recorded *read(const char *text)
{
    struct json_error error = {0};
    struct lambda_recorded *recorded =
        lambda_recorded_of("history", text, strlen(text), &error);

    cr_assert_not_null(recorded, "%s", error.text);
    return recorded;
}

static void refused(const char *text, const char *words)
{
    struct json_error error = {0};

    cr_assert_null(lambda_recorded_of("history", text, strlen(text), &error));
    cr_assert_not_null(strstr(error.text, words), "%s", error.text);
}

Test(scenarios_lambda_recorded, operations_stand_as_they_did_at_each_event)
{
    struct lambda_recorded *recorded = read(history);
    const struct lambda_recorded_operation *step =
        lambda_recorded_find(recorded, "a");

    cr_assert_eq(recorded->operation_count, 2);
    cr_assert_str_eq(recorded->end, "SUCCEEDED");
    cr_assert_str_eq(recorded->result, "7");
    lambda_recorded_go(recorded, 1);
    cr_assert_str_eq(step->status, "");
    lambda_recorded_go(recorded, 2);
    cr_assert_str_eq(step->status, "STARTED");
    lambda_recorded_go(recorded, 3);
    cr_assert_str_eq(step->status, "PENDING");
    cr_assert_eq(step->attempt, 1);
    cr_assert_eq(step->due_ns, 1011 * SECOND);
    /* The next thing that happens is after that. */
    lambda_recorded_go(recorded, 4);
    cr_assert_str_eq(step->status, "READY");
    lambda_recorded_go(recorded, 6);
    cr_assert_str_eq(step->status, "SUCCEEDED");
    cr_assert_str_eq(step->result, "7");
    cr_assert_null(step->error);
    lambda_recorded_go(recorded, 2);
    cr_assert_str_eq(step->status, "STARTED");
    cr_assert_null(step->result);
    lambda_recorded_free(recorded);
}

Test(scenarios_lambda_recorded, times_are_numbers_or_words)
{
    struct lambda_recorded *recorded = read(history);

    lambda_recorded_go(recorded, 7);
    cr_assert_eq(lambda_recorded_find(recorded, "b")->due_ns,
                 1080 * SECOND + SECOND / 2);
    cr_assert_eq(recorded->now_ns, 1021 * SECOND);
    lambda_recorded_free(recorded);
}

Test(scenarios_lambda_recorded, what_came_next_of_an_operation_is_known)
{
    struct lambda_recorded *recorded = read(history);
    const struct lambda_recorded_operation *step =
        lambda_recorded_find(recorded, "a");
    struct lambda_recorded_end end;

    lambda_recorded_go(recorded, 1);
    cr_assert(lambda_recorded_next(recorded, step, &end));
    cr_assert(end.again);
    cr_assert_not(end.succeeded);
    lambda_recorded_go(recorded, 4);
    cr_assert(lambda_recorded_next(recorded, step, &end));
    cr_assert_not(end.again);
    cr_assert(end.succeeded);
    cr_assert_str_eq(end.result, "7");
    lambda_recorded_go(recorded, 6);
    cr_assert_not(lambda_recorded_next(recorded, step, &end));
    lambda_recorded_free(recorded);
}

Test(scenarios_lambda_recorded, an_invocation_begins_with_what_was_there)
{
    struct lambda_recorded *recorded = read(history);
    struct json_writer event = {0};

    lambda_recorded_go(recorded, 6);
    lambda_recorded_write(recorded, &event);
    json_raw(&event, "", 1);
    cr_assert_not_null(strstr(event.bytes, "\"Type\":\"EXECUTION\""), "%s",
                       event.bytes);
    cr_assert_not_null(strstr(event.bytes, "\"Name\":\"charge\""));
    cr_assert_not_null(strstr(event.bytes, "\"Result\":\"7\""));
    cr_assert_null(strstr(event.bytes, "\"Id\":\"b\""));
    cr_assert(lambda_recorded_begins(recorded, 1));
    cr_assert_not(lambda_recorded_begins(recorded, 4));
    cr_assert_not(lambda_recorded_begins(recorded, recorded->event_count));
    free(event.bytes);
    lambda_recorded_free(recorded);
}

Test(scenarios_lambda_recorded, what_is_no_whole_history_is_refused)
{
    refused("{}", "Events");
    refused("{\"Events\": [{\"EventType\": \"StepStarted\","
            " \"EventTimestamp\": 1, \"Id\": \"a\"}]}",
            "ExecutionStarted");
    refused("{\"Events\": [{\"EventType\": \"ExecutionStarted\"}]}",
            "EventTimestamp");
    refused("{\"Events\": [{\"EventType\": \"ExecutionStarted\","
            " \"EventTimestamp\": 1}, {\"EventType\": \"StepStarted\","
            " \"EventTimestamp\": 1}]}",
            "without an Id");
    refused("{\"Events\": [{\"EventType\": \"ExecutionStarted\","
            " \"EventTimestamp\": 1, \"ExecutionStartedDetails\": {\"Input\":"
            " {\"Truncated\": true}}}]}",
            "IncludeExecutionData");
}
