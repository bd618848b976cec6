/*
 * What an execution may use: each limit at its figure and one above it, with
 * the error of the API, after which the execution still ends.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lambda_bed.h"

#define SECOND LAMBDA_BED_SECOND

/* An update with a payload of this many bytes, or an error of them. */
static char *step_of(const char *id, const char *key, size_t size)
{
    char *text = malloc(size + 256);
    int used;

    cr_assert(text);
    used = sprintf(
        text, "[{\"Id\":\"%s\",\"Type\":\"STEP\",\"Action\":\"%s\",%s\"", id,
        strcmp(key, "Payload") == 0 ? "SUCCEED" : "FAIL",
        strcmp(key, "Payload") == 0 ? "\"Payload\":"
                                    : "\"Error\":{\"ErrorMessage\":");
    memset(text + used, 'x', size);
    sprintf(text + used + size, "\"%s}]",
            strcmp(key, "Payload") == 0 ? "" : "}");
    return text;
}

static void expect(struct lambda_bed *bed, char *token, const char *updates,
                   int status, const char *words)
{
    static unsigned long count;
    struct lambda_answered *answered;
    char client[24];

    snprintf(client, sizeof(client), "c%lu", ++count);
    answered =
        lambda_bed_checkpoint(bed, token[0] ? token : NULL, client, updates);
    cr_assert_eq(answered->status, status, "%.300s", answered->body);
    if (status == 200)
        lambda_bed_member(answered->body, "CheckpointToken", token,
                          LAMBDA_TOKEN_SIZE);
    else
        cr_assert(strstr(answered->body, words), "%s", answered->body);
    free(answered);
}

static void expect_end(struct lambda_bed *bed, const char *arn,
                       const char *status, const char *words)
{
    struct lambda_answered *get = lambda_bed_get(bed, arn);

    cr_assert(strstr(get->body, status), "%.500s", get->body);
    cr_assert(strstr(get->body, words), "%.500s", get->body);
    free(get);
}

static void open_limited(struct lambda_bed *bed,
                         const struct engine_limits *limits, char *arn)
{
    *bed = (struct lambda_bed){.limits = limits};
    lambda_bed_open(bed);
    lambda_bed_begin(bed, "order", "first", "{}");
    lambda_bed_member(bed->event, "DurableExecutionArn", arn, LAMBDA_ARN_SIZE);
}

Test(host_lambda_limits, a_payload_and_an_error_fit_up_to_their_last_byte)
{
    static const struct {
        const char *key;
        size_t most;
        const char *words;
    } cases[] = {
        {"Payload", 262144,
         "STEP output payload size must be less than or equal to 262144 "
         "bytes."},
        {"Error", 32768,
         "Error object size must be less than or equal to 32768 bytes."},
    };
    struct lambda_bed bed;
    char arn[LAMBDA_ARN_SIZE];
    char token[LAMBDA_TOKEN_SIZE] = "";

    open_limited(&bed, NULL, arn);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        char *over = step_of(cases[i].key, cases[i].key, cases[i].most + 1);
        char *most = step_of(cases[i].key, cases[i].key, cases[i].most);
        expect(&bed, token, over, 400, cases[i].words);
        expect(&bed, token, most, 200, NULL);
        free(over);
        free(most);
    }
    lambda_bed_respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"1\"}");
    expect_end(&bed, arn, "SUCCEEDED", "\"Result\":\"1\"");
    lambda_bed_close(&bed);
}

Test(host_lambda_limits, operations_and_bytes_are_counted_over_the_execution)
{
    struct engine_limits few = *engine_limits_at(0);
    struct lambda_bed bed;
    char arn[LAMBDA_ARN_SIZE];
    char token[LAMBDA_TOKEN_SIZE] = "";

    few.operations_max = 2;
    few.written_max = 10;
    open_limited(&bed, &few, arn);
    char *six = step_of("a", "Payload", 6);
    char *five = step_of("b", "Payload", 5);
    char *four = step_of("b", "Payload", 4);
    char *third = step_of("c", "Payload", 0);
    expect(&bed, token, six, 200, NULL);
    expect(&bed, token, five, 400, "limit of 10 bytes of payload");
    expect(&bed, token, four, 200, NULL);
    expect(&bed, token, third, 400, "limit of 2 operations");
    lambda_bed_respond(&bed,
                       "{\"Status\":\"FAILED\",\"Error\":{\"ErrorMessage\":"
                       "\"too many\",\"ErrorType\":\"Quota\"}}");
    expect_end(&bed, arn, "FAILED", "too many");
    free(six);
    free(five);
    free(four);
    free(third);
    lambda_bed_close(&bed);
}

static char *response_of(size_t size)
{
    static const char before[] = "{\"Status\":\"SUCCEEDED\",\"Result\":\"";
    char *text = malloc(size + 1);

    cr_assert(text);
    memset(text, 'x', size);
    memcpy(text, before, sizeof(before) - 1);
    memcpy(text + size - 2, "\"}", 3);
    return text;
}

Test(host_lambda_limits, a_response_that_is_too_large_fails_its_execution)
{
    const size_t most = engine_limits_at(0)->response_max;
    struct lambda_bed bed;
    char arn[LAMBDA_ARN_SIZE];

    for (size_t over = 0; over < 1000001; over += 1000000) {
        char *response = response_of(most + over);
        open_limited(&bed, NULL, arn);
        lambda_bed_respond(&bed, response);
        cr_assert_eq(bed.events, 1, "it is not invoked again");
        if (over)
            expect_end(&bed, arn, "FAILED", "Function.ResponseSizeTooLarge");
        else
            expect_end(&bed, arn, "\"Result\":\"xxx", "xxx");
        lambda_bed_close(&bed);
        free(response);
    }
}

Test(host_lambda_limits, a_response_that_the_store_refuses_fails_it_too)
{
    struct engine_limits wide = *engine_limits_at(0);
    struct lambda_bed bed;
    char arn[LAMBDA_ARN_SIZE];
    char *response = response_of(12 << 20); /* its store takes 10 */

    wide.response_max = UINT64_MAX;
    wide.result_max = UINT64_MAX;
    open_limited(&bed, &wide, arn);
    lambda_bed_respond(&bed, response);
    cr_assert_eq(bed.events, 1);
    expect_end(&bed, arn, "FAILED", "could not be recorded");
    lambda_bed_close(&bed);
    free(response);
}

static struct lambda_answered *invoke_with(struct lambda_bed *bed,
                                           enum lambda_invocation_type type,
                                           size_t size, int status)
{
    struct lambda_answered *answered = lambda_bed_call();
    char *payload = malloc(size);

    memset(payload, ' ', size);
    memcpy(payload, "{}", 2);
    lambda_call_invoke(bed->service, &answered->call, "order", NULL, NULL, type,
                       payload, size);
    lambda_bed_turn(bed);
    cr_assert_eq(answered->status, status, "%zu: %.200s", size, answered->body);
    if (status == 413)
        cr_assert_str_eq(answered->exception, "RequestTooLargeException");
    free(payload);
    return answered;
}

Test(host_lambda_limits, a_payload_of_invoke_is_6_mib_or_1_if_nobody_waits)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *waits;

    lambda_bed_open(&bed);
    waits = invoke_with(&bed, LAMBDA_REQUEST_RESPONSE, 6291456, 0);
    free(invoke_with(&bed, LAMBDA_REQUEST_RESPONSE, 6291457, 413));
    free(invoke_with(&bed, LAMBDA_EVENT, 1048576, 202));
    free(invoke_with(&bed, LAMBDA_EVENT, 1048577, 413));
    lambda_bed_close(&bed);
    free(waits);
}

Test(host_lambda_limits, what_comes_for_a_callback_is_limited_and_it_waits_on)
{
    static const char callback[] =
        "[{\"Id\":\"c1\",\"Type\":\"CALLBACK\",\"Action\":\"START\"}]";
    struct lambda_bed bed;
    char arn[LAMBDA_ARN_SIZE];
    char *bytes = calloc(1, 262145);

    open_limited(&bed, NULL, arn);
    free(lambda_bed_checkpoint(&bed, NULL, "one", callback));
    lambda_bed_respond(&bed, "{\"Status\":\"PENDING\"}");
    memset(bytes, '1', 262145);
    for (size_t size = 262145; size >= 262144; size--) {
        struct lambda_answered *answered = lambda_bed_call();
        lambda_call_callback(bed.service, &answered->call, bed.callback,
                             LAMBDA_CALLBACK_SUCCEED, bytes, size);
        lambda_bed_turn(&bed);
        cr_assert_eq(answered->status, size > 262144 ? 400 : 200, "%s",
                     answered->body);
        free(answered);
    }
    lambda_bed_skip_to_event(&bed, 2);
    lambda_bed_close(&bed);
    free(bytes);
}
