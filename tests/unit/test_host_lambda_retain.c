#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/lambda_bed.h"
#include "tests/support/store_file.h"

#define SECOND LAMBDA_BED_SECOND
#define DAY (86400 * SECOND)

static const char done[] = "{\"Status\":\"SUCCEEDED\",\"Result\":\"42\"}";
static const char pending[] = "{\"Status\":\"PENDING\"}";
static const char callback[] =
    "[{\"Id\":\"c1\",\"Type\":\"CALLBACK\",\"Action\":\"START\"}]";

static void keep_days(struct lambda_bed *bed, uint32_t days)
{
    struct lambda_function order = *lambda_service_function(bed->service, 0);

    order.retention_days = days;
    cr_assert_eq(lambda_service_register(bed->service, &order), 0);
}

static void expect_gone(struct lambda_bed *bed, const char *arn)
{
    struct lambda_answered *get = lambda_bed_get(bed, arn);
    struct lambda_answered *history = lambda_bed_history(bed, arn);

    cr_assert_eq(get->status, 404, "%s", get->body);
    cr_assert_str_eq(get->exception, "ResourceNotFoundException");
    cr_assert_eq(history->status, 404, "%s", history->body);
    free(get);
    free(history);
}

Test(host_lambda_retain, an_execution_that_ended_is_there_for_its_days_only)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *answered;
    char arn[LAMBDA_ARN_SIZE];

    lambda_bed_open(&bed);
    keep_days(&bed, 3);
    lambda_bed_begin(&bed, "order", "first", "{}");
    lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    lambda_bed_respond(&bed, done);
    lambda_bed_pass(&bed, 3 * DAY - 1);
    answered = lambda_bed_get(&bed, arn);
    cr_assert_eq(answered->status, 200);
    free(answered);
    lambda_bed_pass(&bed, 1);
    expect_gone(&bed, arn);
    answered = lambda_bed_list(&bed, "order");
    cr_assert_str_eq(answered->body, "{\"DurableExecutions\":[]}");
    free(answered);
    answered = lambda_bed_invoke(&bed, "order", "first", "{\"other\":1}");
    cr_assert_eq(bed.events, 2, "the name is free");
    lambda_bed_respond(&bed, done);
    cr_assert_eq(answered->status, 200);
    cr_assert_str_neq(answered->call.arn, arn);
    free(answered);
    lambda_bed_close(&bed);
}

Test(host_lambda_retain, one_that_runs_is_kept_however_long_it_takes)
{
    struct lambda_bed bed = {0};
    struct lambda_answered *get;
    char arn[LAMBDA_ARN_SIZE];

    lambda_bed_open(&bed);
    keep_days(&bed, 1);
    lambda_bed_begin(&bed, "order", "first", "{}");
    lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    free(lambda_bed_checkpoint(&bed, NULL, "one", callback));
    lambda_bed_respond(&bed, pending);
    lambda_bed_pass(&bed, 100 * DAY);
    get = lambda_bed_get(&bed, arn);
    cr_assert_eq(get->status, 200);
    cr_assert(strstr(get->body, "RUNNING"), "%s", get->body);
    free(get);
    lambda_bed_close(&bed);
}

Test(host_lambda_retain, what_is_over_leaves_nothing_in_the_file_but_a_log_row)
{
    struct store_file file = {0};
    struct lambda_bed bed = {0};
    char arn[LAMBDA_ARN_SIZE];
    char other[LAMBDA_ARN_SIZE];

    store_file_make(&file);
    bed.path = file.path;
    lambda_bed_open(&bed);
    for (int i = 0; i < 5; i++) {
        char name[8];
        snprintf(name, sizeof(name), "e%d", i);
        lambda_bed_begin(&bed, "order", name, "{}");
        lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
        lambda_bed_respond(&bed, done);
    }
    lambda_bed_pass(&bed, 14 * DAY);
    lambda_bed_reopen(&bed);
    lambda_bed_turn(&bed);
    expect_gone(&bed, arn);
    lambda_bed_begin(&bed, "order", "e4", "{}");
    lambda_bed_member(bed.event, "DurableExecutionArn", other, sizeof(other));
    cr_assert_str_neq(arn, other, "a number is given once");
    lambda_bed_close(&bed);
    cr_assert_leq(store_file_ask(&file, "SELECT count(*) FROM run"), 2);
    cr_assert_eq(
        store_file_ask(&file, "SELECT count(*) FROM log WHERE run < 5"), 0);
    cr_assert_eq(store_file_ask(&file, "SELECT count(*) FROM note "
                                       "WHERE kind = 3 AND id < 6"),
                 0);
    store_file_remove(&file);
}

Test(host_lambda_retain, a_clock_that_skips_does_not_go_there_by_itself)
{
    struct lambda_bed bed = {0};

    lambda_bed_open(&bed);
    lambda_bed_begin(&bed, "order", "first", "{}");
    lambda_bed_respond(&bed, done);
    lambda_bed_turn(&bed);
    cr_assert_eq(lambda_service_due(bed.service), UINT64_MAX);
    lambda_bed_close(&bed);
}
