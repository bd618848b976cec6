#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lambda_bed.h"

static const char pending[] = "{\"Status\":\"PENDING\"}";
static const char callback[] =
    "[{\"Id\":\"c1\",\"Type\":\"CALLBACK\",\"Action\":\"START\"}]";

/* A step's update; each is two events. */
static void take_step(struct lambda_bed *bed, char *token, int number)
{
    char client[16];
    char update[160];
    struct lambda_answered *answered;

    snprintf(client, sizeof(client), "s%d", number);
    snprintf(update, sizeof(update),
             "[{\"Id\":\"%s\",\"Type\":\"STEP\",\"Action\":\"SUCCEED\","
             "\"Payload\":\"secret\"}]",
             client);
    answered =
        lambda_bed_checkpoint(bed, token[0] ? token : NULL, client, update);
    cr_assert_eq(answered->status, 200, "%s", answered->body);
    lambda_bed_member(answered->body, "CheckpointToken", token,
                      LAMBDA_TOKEN_SIZE);
    free(answered);
}

static void ask(struct lambda_bed *bed, const char *arn,
                const struct lambda_history_query *query,
                struct lambda_answered *out)
{
    struct lambda_answered *answered = lambda_bed_call();

    lambda_call_history(bed->service, &answered->call, arn, query);
    *out = *answered;
    free(answered);
}

/* The ids of the events on a page. */
static size_t add_ids(const char *body, char *out, size_t room, size_t used)
{
    for (const char *at = body; (at = strstr(at, "\"EventId\":")) != NULL;) {
        at += strlen("\"EventId\":");
        used += (size_t)snprintf(out + used, room - used, "%d ", atoi(at));
    }
    return used;
}

/* All pages of three events; a step is taken between the first two. */
static void walk(bool reverse, char *out, size_t room)
{
    struct lambda_bed bed = {0};
    struct lambda_answered page;
    char arn[LAMBDA_ARN_SIZE];
    char token[LAMBDA_TOKEN_SIZE] = "";
    char marker[32] = "";
    size_t used = 0;

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    for (int i = 0; i < 3; i++)
        take_step(&bed, token, i);
    for (int i = 0; i < 10; i++) {
        const struct lambda_history_query query = {
            .data = true, .reverse = reverse, .items = 3, .marker = marker};
        ask(&bed, arn, &query, &page);
        cr_assert_eq(page.status, 200, "%s", page.body);
        used = add_ids(page.body, out, room, used);
        if (!strstr(page.body, "NextMarker"))
            break;
        lambda_bed_member(page.body, "NextMarker", marker, sizeof(marker));
        if (i == 0)
            take_step(&bed, token, 3);
    }
    lambda_bed_close(&bed);
}

Test(host_lambda_inspect, pages_of_a_history_go_on_where_they_ended)
{
    char ids[128];

    walk(false, ids, sizeof(ids));
    cr_assert_str_eq(ids, "1 2 3 4 5 6 7 8 9 ");
    walk(true, ids, sizeof(ids));
    cr_assert_str_eq(ids, "7 6 5 4 3 2 1 ", "what came in between is not told");
}

Test(host_lambda_inspect, a_marker_or_a_size_that_is_none_is_refused)
{
    static const struct lambda_history_query wrong[] = {
        {.marker = "x"}, {.marker = "0"}, {.marker = "1x"}, {.items = 1001}};
    struct lambda_bed bed = {0};
    struct lambda_answered page;
    char arn[LAMBDA_ARN_SIZE];

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        ask(&bed, arn, &wrong[i], &page);
        cr_assert_eq(page.status, 400, "case %zu: %s", i, page.body);
        cr_assert_str_eq(page.exception, "InvalidParameterValueException");
    }
    lambda_bed_close(&bed);
}

Test(host_lambda_inspect, data_is_left_out_where_it_is_declined)
{
    const struct lambda_history_query bare = {.data = false};
    struct lambda_bed bed = {0};
    struct lambda_answered page;
    struct lambda_answered *get = lambda_bed_call();
    char arn[LAMBDA_ARN_SIZE];
    char token[LAMBDA_TOKEN_SIZE] = "";

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{\"secret\":1}");
    lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    take_step(&bed, token, 1);
    ask(&bed, arn, &bare, &page);
    cr_assert_eq(page.status, 200);
    cr_assert(strstr(page.body, "StepSucceeded"), "%s", page.body);
    cr_assert_not(strstr(page.body, "secret"), "%s", page.body);
    lambda_call_get(bed.service, &get->call, arn, false);
    cr_assert_eq(get->status, 200);
    cr_assert_not(strstr(get->body, "secret"), "%s", get->body);
    cr_assert(strstr(get->body, "\"ExecutionDataIncluded\":false"), "%s",
              get->body);
    cr_assert(strstr(get->body,
                     "\"DurableConfig\":{\"RetentionPeriodInDays\":14"
                     ",\"ExecutionTimeout\":31536000}"),
              "%s", get->body);
    free(get);
    lambda_bed_close(&bed);
}

Test(host_lambda_inspect, a_trace_header_is_kept_with_its_execution)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *begun = lambda_bed_call();
    struct lambda_answered *get;

    lambda_bed_open(&bed);
    begun->call.trace = "Root=1-5759e988-bd862e3fe1be46a994272793";
    lambda_call_invoke(bed.service, &begun->call, "order", NULL, "first",
                       LAMBDA_EVENT, "{}", 2);
    lambda_bed_turn(&bed);
    get = lambda_bed_get(&bed, begun->call.arn);
    cr_assert(strstr(get->body,
                     "\"TraceHeader\":{\"XAmznTraceId\":\"Root=1-5759e988-"),
              "%s", get->body);
    free(get);
    free(begun);
    lambda_bed_close(&bed);
}

Test(host_lambda_inspect, a_waiting_execution_has_no_end)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *get;
    char arn[LAMBDA_ARN_SIZE];

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    free(lambda_bed_checkpoint(&bed, NULL, "one", callback));
    lambda_bed_respond(&bed, pending);
    get = lambda_bed_get(&bed, arn);
    cr_assert(strstr(get->body, "\"Status\":\"RUNNING\""), "%s", get->body);
    cr_assert_not(strstr(get->body, "EndTimestamp"), "%s", get->body);
    free(get);
    lambda_bed_close(&bed);
}
