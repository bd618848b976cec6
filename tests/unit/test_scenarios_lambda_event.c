#include <criterion/criterion.h>
#include <string.h>

#include "scenarios/lambda/event.h"

static bool read(const char *json, struct lambda_event *event,
                 struct json_doc **doc, struct json_error *err)
{
    cr_assert_eq(json_read_bytes("event", json, strlen(json), doc, err), 0,
                 "%s", err->text);
    return lambda_event_read(json_root(*doc), event, err);
}

Test(scenarios_lambda_event, an_attempt_that_failed_says_which_and_what_next)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    struct lambda_event event;

    cr_assert(read("{\"EventType\":\"StepFailed\",\"SubType\":\"Step\","
                   "\"EventId\":4,\"Id\":\"a1\",\"Name\":\"charge\","
                   "\"EventTimestamp\":1767225600.5,\"StepFailedDetails\":{"
                   "\"Error\":{\"Payload\":{}},\"RetryDetails\":{"
                   "\"CurrentAttempt\":2,\"NextAttemptDelaySeconds\":10}}}",
                   &event, &doc, &err));
    cr_assert_eq(event.number, 4);
    cr_assert_eq(event.time_us, UINT64_C(1767225600500000));
    cr_assert_str_eq(event.name, "charge");
    cr_assert_str_eq(event.parent, "");
    cr_assert_eq(event.attempt, 2);
    cr_assert(event.again);
    cr_assert(lambda_event_is(&event, "Step"));
    cr_assert_not(lambda_event_is(&event, "StepF"));
    json_free(doc);
}

Test(scenarios_lambda_event, an_invocation_tells_its_times_and_whether_it_broke)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    struct lambda_event event;

    cr_assert(read("{\"EventType\":\"InvocationCompleted\",\"EventId\":2,"
                   "\"EventTimestamp\":12,\"InvocationCompletedDetails\":{"
                   "\"StartTimestamp\":10,\"EndTimestamp\":12,"
                   "\"RequestId\":\"r\",\"Error\":{\"Payload\":{}}}}",
                   &event, &doc, &err));
    cr_assert_eq(event.start_us, 10000000);
    cr_assert_eq(event.end_us, 12000000);
    cr_assert_str_eq(event.request, "r");
    cr_assert(event.broke);
    json_free(doc);
}

Test(scenarios_lambda_event, an_event_without_what_all_have_is_refused)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    struct lambda_event event;

    cr_assert_not(read("{\"EventType\":\"StepStarted\",\"EventId\":2}", &event,
                       &doc, &err));
    cr_assert(strstr(err.text, "EventTimestamp"), "%s", err.text);
    json_free(doc);
}
