#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/lambda/legal.h"

/* One event; what is 0 or NULL is left out. */
struct told {
    const char *type;
    const char *id;
    const char *parent;
    uint32_t attempt;
    bool again;
    uint32_t at;         /* seconds after the beginning */
    const char *request; /* of an invocation */
};

#define START UINT64_C(1767225600000000)

static struct lambda_event event_of(const struct told *told, uint64_t number)
{
    uint64_t at = START + told->at * UINT64_C(1000000);

    return (struct lambda_event){
        .number = number,
        .time_us = at,
        .type = told->type,
        .subtype = "",
        .name = "",
        .id = told->id ? told->id : "",
        .parent = told->parent ? told->parent : "",
        .attempt = told->attempt,
        .again = told->again,
        .start_us = at,
        .end_us = at,
        .request = told->request ? told->request : "",
    };
}

/* A context with a step that needs two attempts, a wait, two invocations. */
static const struct told whole[] = {
    {.type = "ExecutionStarted"},
    {.type = "ContextStarted", .id = "c"},
    {.type = "StepStarted", .id = "s", .parent = "c"},
    {.type = "StepFailed",
     .id = "s",
     .parent = "c",
     .attempt = 1,
     .again = true,
     .at = 1},
    {.type = "InvocationCompleted", .request = "r1", .at = 1},
    {.type = "StepStarted", .id = "s", .parent = "c", .at = 11},
    {.type = "StepSucceeded", .id = "s", .parent = "c", .attempt = 2, .at = 11},
    {.type = "ContextSucceeded", .id = "c", .at = 11},
    {.type = "WaitStarted", .id = "w", .at = 11},
    {.type = "InvocationCompleted", .request = "r2", .at = 12},
    {.type = "WaitSucceeded", .id = "w", .at = 20},
    {.type = "InvocationCompleted", .request = "r3", .at = 20},
    {.type = "ExecutionSucceeded", .at = 20},
};

enum {
    WHOLE = sizeof(whole) / sizeof(*whole)
};

/* What is said of events; "" if they are legal. */
static void judge(const struct told *events, size_t count, const char *status,
                  char why[LAMBDA_LEGAL_SIZE])
{
    struct lambda_legal legal = {.events = 0};

    for (size_t i = 0; i < count; i++) {
        struct lambda_event event = event_of(&events[i], i + 1);
        (void)lambda_legal_add(&legal, &event);
    }
    (void)lambda_legal_end(&legal, status);
    snprintf(why, LAMBDA_LEGAL_SIZE, "%s", legal.why);
    cr_assert_eq(legal.events, count);
    lambda_legal_free(&legal);
}

Test(scenarios_lambda_legal, a_history_as_the_service_tells_it_is_legal)
{
    char why[LAMBDA_LEGAL_SIZE];

    judge(whole, WHOLE, "SUCCEEDED", why);
    cr_assert_str_eq(why, "");
    judge(whole, 9, "RUNNING", why);
    cr_assert_str_eq(why, "");
}

Test(scenarios_lambda_legal, what_it_invoked_is_stopped_when_it_ends)
{
    static const struct told stops[] = {
        {.type = "ExecutionStarted"},
        {.type = "ChainedInvokeStarted", .id = "i"},
        {.type = "InvocationCompleted", .request = "r1"},
        {.type = "ChainedInvokeStopped", .id = "i"},
        {.type = "ExecutionFailed"},
    };
    char why[LAMBDA_LEGAL_SIZE];

    judge(stops, 5, "FAILED", why);
    cr_assert_str_eq(why, "");
}

Test(scenarios_lambda_legal, an_end_that_is_not_the_executions_is_refused)
{
    char why[LAMBDA_LEGAL_SIZE];

    judge(whole, WHOLE, "FAILED", why);
    cr_assert_str_eq(why,
                     "the history ends SUCCEEDED, the execution is FAILED");
    judge(whole, WHOLE - 1, "SUCCEEDED", why);
    cr_assert_str_eq(why,
                     "the history ends RUNNING, the execution is SUCCEEDED");
    judge(whole, 0, "RUNNING", why);
    cr_assert_str_eq(why, "the history is empty");
}

/* The whole with one event put in the place of another. */
static void doctored(size_t index, struct told event, const char *expected)
{
    struct told events[WHOLE];
    char why[LAMBDA_LEGAL_SIZE];

    memcpy(events, whole, sizeof(whole));
    events[index] = event;
    judge(events, WHOLE, "SUCCEEDED", why);
    cr_assert(strstr(why, expected), "\"%s\" does not say \"%s\"", why,
              expected);
}

Test(scenarios_lambda_legal, whatever_is_out_of_order_is_refused)
{
    doctored(0, (struct told){.type = "WaitStarted", .id = "x"},
             "event 1 is WaitStarted, not ExecutionStarted");
    doctored(1, (struct told){.type = "ExecutionStarted"},
             "ExecutionStarted again");
    doctored(2, (struct told){.type = "StepStarted", .id = "s", .parent = "q"},
             "no context that has started");
    doctored(8,
             (struct told){
                 .type = "StepStarted", .id = "z", .parent = "c", .at = 11},
             "its parent c has ended");
    doctored(5,
             (struct told){
                 .type = "StepSucceeded", .id = "s", .attempt = 2, .at = 11},
             "it has ended its last attempt before");
    doctored(6,
             (struct told){
                 .type = "StepSucceeded", .id = "s", .attempt = 3, .at = 11},
             "attempt 3 ends after attempt 1");
    doctored(8, (struct told){.type = "StepStarted", .id = "s", .at = 11},
             "it has started before, and no retry is due");
    doctored(8, (struct told){.type = "ContextFailed", .id = "c", .at = 11},
             "it has ended before");
    doctored(8, (struct told){.type = "WaitSucceeded", .id = "v", .at = 11},
             "it has not started");
    doctored(
        9,
        (struct told){.type = "InvocationCompleted", .request = "r1", .at = 12},
        "invocation r1 was completed before");
    doctored(10, (struct told){.type = "WaitSucceeded", .id = "w", .at = 2},
             "its time is before that of the event before it");
    doctored(11, (struct told){.type = "WaitStarted", .id = "u", .at = 20},
             "no InvocationCompleted stands directly before it");
    doctored(11, (struct told){.type = "ExecutionTimedOut", .at = 20},
             "the execution had ended TIMED_OUT");
    doctored(8, (struct told){.type = "StepVanished", .id = "s", .at = 11},
             "\"StepVanished\" is no event type");
    doctored(8, (struct told){.type = "WaitStarted", .at = 11}, "it has no Id");
}

Test(scenarios_lambda_legal, event_ids_count_up_without_a_gap)
{
    struct lambda_legal legal = {.events = 0};
    struct lambda_event event = event_of(&whole[0], 2);

    cr_assert_not(lambda_legal_add(&legal, &event));
    cr_assert_str_eq(legal.why, "event 1 has EventId 2");
    lambda_legal_free(&legal);
}

Test(scenarios_lambda_legal, an_invocation_ends_after_it_begins)
{
    struct lambda_legal legal = {.events = 0};
    struct lambda_event first = event_of(&whole[0], 1);
    struct lambda_event event = event_of(&whole[4], 2);

    event.start_us = event.end_us + 1;
    cr_assert(lambda_legal_add(&legal, &first));
    cr_assert_not(lambda_legal_add(&legal, &event));
    cr_assert(strstr(legal.why, "it ends before it begins"), "%s", legal.why);
    lambda_legal_free(&legal);
}
