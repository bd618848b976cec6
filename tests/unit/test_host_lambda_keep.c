/*
 * A service over a file that another one has left, in the middle of what it
 * did.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/lambda_bed.h"
#include "tests/support/store_file.h"

#define SECOND LAMBDA_BED_SECOND

static const char step_done[] =
    "[{\"Id\":\"a1\",\"Name\":\"charge\",\"Type\":\"STEP\",\"SubType\":"
    "\"Step\",\"Action\":\"SUCCEED\",\"Payload\":\"7\"}]";
static const char wait_day[] =
    "[{\"Id\":\"w1\",\"Type\":\"WAIT\",\"SubType\":\"Wait\",\"Action\":"
    "\"START\",\"WaitOptions\":{\"WaitSeconds\":86400}}]";
static const char callback[] =
    "[{\"Id\":\"c1\",\"Name\":\"approve\",\"Type\":\"CALLBACK\",\"SubType\":"
    "\"Callback\",\"Action\":\"START\"}]";
static const char pending[] = "{\"Status\":\"PENDING\"}";
static const char done[] = "{\"Status\":\"SUCCEEDED\",\"Result\":\"42\"}";

static void open_file(struct lambda_bed *bed, struct store_file *file)
{
    *file = (struct store_file){0};
    store_file_make(file);
    *bed = (struct lambda_bed){.path = file->path};
    lambda_bed_open(bed);
}

static void close_file(struct lambda_bed *bed, const struct store_file *file)
{
    lambda_bed_close(bed);
    store_file_remove(file);
}

static void expect_same(struct lambda_answered *before,
                        struct lambda_answered *after)
{
    cr_assert_eq(after->status, 200, "%s", after->body);
    cr_assert_str_eq(after->body, before->body);
    free(before);
    free(after);
}

Test(host_lambda_keep, what_is_said_of_an_execution_is_the_same_after_a_restart)
{
    struct store_file file;
    struct lambda_bed bed;
    struct lambda_answered *call;
    char arn[LAMBDA_ARN_SIZE];

    open_file(&bed, &file);
    lambda_bed_begin(&bed, "plain", NULL, "[1]");
    lambda_bed_respond(&bed, "1");
    call = lambda_bed_invoke(&bed, "order", "first", "{\"id\":1}");
    lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    free(lambda_bed_checkpoint(&bed, NULL, "one", step_done));
    lambda_bed_respond(&bed, done);
    cr_assert_str_eq(call->body, "42");
    free(call);

    struct lambda_answered *get = lambda_bed_get(&bed, arn);
    struct lambda_answered *history = lambda_bed_history(&bed, arn);
    struct lambda_answered *list = lambda_bed_list(&bed, "order");
    cr_assert(strstr(history->body, "ExecutionSucceeded"), "%s", history->body);
    lambda_bed_reopen(&bed);
    lambda_bed_turn(&bed);
    expect_same(get, lambda_bed_get(&bed, arn));
    expect_same(history, lambda_bed_history(&bed, arn));
    expect_same(list, lambda_bed_list(&bed, "order"));
    cr_assert_eq(bed.events, 2, "what has ended is not invoked");
    close_file(&bed, &file);
}

Test(host_lambda_keep, a_history_that_grows_is_the_one_that_is_read_whole)
{
    struct store_file file;
    struct lambda_bed bed;
    struct lambda_answered *call;
    char arn[LAMBDA_ARN_SIZE];

    open_file(&bed, &file);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    lambda_bed_member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    free(lambda_bed_history(&bed, arn));
    free(lambda_bed_checkpoint(&bed, NULL, "one", step_done));
    struct lambda_answered *part = lambda_bed_history(&bed, arn);
    cr_assert(strstr(part->body, "StepSucceeded"), "%s", part->body);
    cr_assert_null(strstr(part->body, "ExecutionSucceeded"));
    lambda_bed_respond(&bed, done);
    struct lambda_answered *whole = lambda_bed_history(&bed, arn);
    cr_assert(strstr(whole->body, "ExecutionSucceeded"), "%s", whole->body);
    lambda_bed_reopen(&bed);
    expect_same(whole, lambda_bed_history(&bed, arn));
    free(call);
    free(part);
    close_file(&bed, &file);
}

Test(host_lambda_keep, a_name_stands_for_its_execution_after_a_restart_too)
{
    struct store_file file;
    struct lambda_bed bed;
    struct lambda_answered *call;

    open_file(&bed, &file);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    lambda_bed_respond(&bed, done);
    free(call);
    lambda_bed_reopen(&bed);
    lambda_bed_turn(&bed);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    cr_assert_eq(call->status, 200);
    cr_assert_str_eq(call->body, "42");
    free(call);
    call = lambda_bed_invoke(&bed, "order", "first", "{\"x\":1}");
    cr_assert_eq(call->status, 409);
    free(call);
    cr_assert_eq(bed.events, 1);
    call = lambda_bed_invoke(&bed, "order", "second", "{}");
    cr_assert_eq(bed.events, 2, "another name is another execution");
    lambda_bed_respond(&bed, done);
    cr_assert_eq(call->status, 200);
    free(call);
    close_file(&bed, &file);
}

Test(host_lambda_keep, an_invocation_under_way_is_made_again_with_what_it_knew)
{
    struct store_file file;
    struct lambda_bed bed;
    struct lambda_answered *call;
    char token[LAMBDA_TOKEN_SIZE];

    open_file(&bed, &file);
    lambda_bed_begin(&bed, "order", "first", "{}");
    call = lambda_bed_checkpoint(&bed, NULL, "one", step_done);
    lambda_bed_member(call->body, "CheckpointToken", token, sizeof(token));
    free(call);
    lambda_bed_reopen(&bed);
    lambda_bed_turn(&bed);
    call = lambda_bed_checkpoint(&bed, token, "two", wait_day);
    cr_assert_eq(call->status, 400, "a token of the service before");
    cr_assert(strstr(call->body, "Invalid checkpoint token"), "%s", call->body);
    free(call);
    lambda_bed_skip_to_event(&bed, 2);
    cr_assert_leq(bed.now_ns, LAMBDA_BED_START + 60 * SECOND);
    cr_assert(strstr(bed.event, "\"Name\":\"charge\""), "%s", bed.event);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    lambda_bed_respond(&bed, done);
    cr_assert_str_eq(call->body, "42");
    free(call);
    close_file(&bed, &file);
}

Test(host_lambda_keep, a_wait_that_ended_meanwhile_is_over_at_the_restart)
{
    struct store_file file;
    struct lambda_bed bed;
    struct lambda_answered *call;

    open_file(&bed, &file);
    lambda_bed_begin(&bed, "order", "first", "{}");
    free(lambda_bed_checkpoint(&bed, NULL, "one", wait_day));
    lambda_bed_respond(&bed, pending);
    bed.now_ns += 3 * 86400 * SECOND;
    lambda_bed_reopen(&bed);
    lambda_bed_turn(&bed);
    cr_assert_eq(bed.events, 2);
    cr_assert(strstr(bed.event, "\"Status\":\"SUCCEEDED\""), "%s", bed.event);
    call = lambda_bed_invoke(&bed, "order", "first", "{}");
    lambda_bed_respond(&bed, done);
    cr_assert_str_eq(call->body, "42");
    free(call);
    close_file(&bed, &file);
}

Test(host_lambda_keep, a_wait_goes_on_over_a_restart_to_its_end)
{
    struct store_file file;
    struct lambda_bed bed;

    open_file(&bed, &file);
    lambda_bed_begin(&bed, "order", "first", "{}");
    free(lambda_bed_checkpoint(&bed, NULL, "one", wait_day));
    lambda_bed_respond(&bed, pending);
    lambda_bed_pass(&bed, 3600 * SECOND);
    lambda_bed_reopen(&bed);
    lambda_bed_skip_to_event(&bed, 2);
    cr_assert_geq(bed.now_ns, LAMBDA_BED_START + 86400 * SECOND);
    cr_assert_lt(bed.now_ns, LAMBDA_BED_START + 86401 * SECOND);
    close_file(&bed, &file);
}

Test(host_lambda_keep, a_callback_works_by_the_id_it_had_before_the_restart)
{
    struct store_file file;
    struct lambda_bed bed;
    struct lambda_answered *success = lambda_bed_call();

    open_file(&bed, &file);
    lambda_bed_begin(&bed, "order", "first", "{}");
    free(lambda_bed_checkpoint(&bed, NULL, "one", callback));
    lambda_bed_respond(&bed, pending);
    lambda_bed_reopen(&bed);
    lambda_bed_turn(&bed);
    cr_assert_eq(bed.events, 1);
    lambda_call_callback(bed.service, &success->call, bed.callback,
                         LAMBDA_CALLBACK_SUCCEED, "\"yes\"", 5);
    lambda_bed_turn(&bed);
    cr_assert_eq(success->status, 200, "%s", success->body);
    lambda_bed_skip_to_event(&bed, 2);
    cr_assert_eq(bed.now_ns, LAMBDA_BED_START, "at once");
    cr_assert(strstr(bed.event, "\\\"yes\\\""), "%s", bed.event);
    free(success);
    close_file(&bed, &file);
}

Test(host_lambda_keep, time_never_goes_back_over_a_restart)
{
    struct store_file file;
    struct lambda_bed bed;

    open_file(&bed, &file);
    lambda_bed_pass(&bed, 1000 * SECOND);
    lambda_bed_begin(&bed, "order", "first", "{}");
    bed.now_ns = LAMBDA_BED_START;
    lambda_bed_reopen(&bed);
    cr_assert_geq(lambda_service_now(bed.service),
                  LAMBDA_BED_START + 1000 * SECOND);
    close_file(&bed, &file);
}

Test(host_lambda_keep, a_function_that_is_not_registered_again_keeps_its_number)
{
    const struct lambda_function other = {
        .name = "another", .durable = true, .timeout_ns = SECOND};
    struct store_file file;
    struct lambda_bed bed;

    open_file(&bed, &file);
    cr_assert_eq(lambda_service_register(bed.service, &other), 2);
    lambda_bed_begin(&bed, "another", "first", "{}");
    lambda_bed_reopen(&bed);
    cr_assert_eq(lambda_service_find(bed.service, "another"), 2);
    cr_assert(lambda_service_function(bed.service, 2)->durable);
    struct lambda_answered *list = lambda_bed_list(&bed, "another");
    cr_assert(strstr(list->body, "function:another:"), "%s", list->body);
    free(list);
    close_file(&bed, &file);
}

Test(host_lambda_keep, what_another_function_answers_comes_over_a_restart)
{
    static const char chained[] =
        "[{\"Id\":\"i1\",\"Type\":\"CHAINED_INVOKE\",\"Action\":\"START\","
        "\"Payload\":\"[7]\",\"ChainedInvokeOptions\":{\"FunctionName\":"
        "\"order\"}}]";
    struct store_file file;
    struct lambda_bed bed;
    struct lambda_answered *list;

    open_file(&bed, &file);
    lambda_bed_begin(&bed, "order", "parent", "{}");
    free(lambda_bed_checkpoint(&bed, NULL, "one", chained));
    lambda_bed_respond(&bed, pending);
    lambda_bed_skip_to_event(&bed, 2); /* the child */
    lambda_bed_reopen(&bed);
    lambda_bed_skip_to_event(&bed, 3); /* it again */
    cr_assert(strstr(bed.event, "\"InputPayload\":\"[7]\""), "%s", bed.event);
    lambda_bed_respond(&bed, done);
    lambda_bed_skip_to_event(&bed, 4); /* the parent, and once more */
    lambda_bed_reopen(&bed);
    lambda_bed_skip_to_event(&bed, 5);
    cr_assert(strstr(bed.event, "\"Result\":\"42\""), "%s", bed.event);
    lambda_bed_respond(&bed, done);
    list = lambda_bed_list(&bed, "order");
    cr_assert_not(strstr(list->body, "RUNNING"), "%s", list->body);
    free(list);
    close_file(&bed, &file);
}

Test(host_lambda_keep, a_plain_function_is_run_again_only_if_nobody_waited)
{
    struct store_file file;
    struct lambda_bed bed;
    struct lambda_answered *call;

    open_file(&bed, &file);
    call = lambda_bed_invoke(&bed, "plain", NULL, "[1]");
    lambda_bed_begin(&bed, "plain", NULL, "[2]");
    cr_assert_eq(bed.events, 2);
    lambda_bed_reopen(&bed);
    lambda_bed_skip_to_event(&bed, 3);
    cr_assert_str_eq(bed.event, "[2]");
    lambda_bed_respond(&bed, "2");
    for (int i = 0; i < 50 && lambda_service_due(bed.service) != UINT64_MAX;
         i++)
        lambda_bed_skip(&bed);
    cr_assert_eq(lambda_service_due(bed.service), UINT64_MAX);
    cr_assert_eq(bed.events, 3);
    free(call);
    close_file(&bed, &file);
}

/* What is said where no service can be over the file; it stays ours. */
static void expect_refused(struct store_file *file, const char *words)
{
    char why[LAMBDA_SERVICE_WHY_SIZE] = "";
    struct lambda_service_config config = {
        .store = store_file_open(file),
        .limits = engine_limits_at(0),
        .seed = 1,
        .now_ns = LAMBDA_BED_START,
        .lease_ns = 30 * SECOND,
        .incarnation = 1,
        .why = why,
    };

    cr_assert_null(lambda_service_new(&config));
    cr_assert(strstr(why, words), "%s", why);
    config.store.ops->close(config.store.self);
}

Test(host_lambda_keep, a_file_of_others_or_a_damaged_one_is_refused_in_words)
{
    static const struct {
        const char *meddle;
        const char *words;
    } cases[] = {
        {"DELETE FROM note WHERE kind = 2", "no `perdure lambda serve`"},
        {"UPDATE note SET value = x'00' WHERE kind = 2", "cannot be read"},
        {"UPDATE note SET value = x'414243' WHERE kind = 3", "cannot be read"},
        {"UPDATE log SET items = x'01020304'", "cannot be read"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct store_file file;
        struct lambda_bed bed;

        open_file(&bed, &file);
        lambda_bed_begin(&bed, "order", "first", "{}");
        lambda_bed_close(&bed);
        store_file_meddle(&file, cases[i].meddle);
        expect_refused(&file, cases[i].words);
        store_file_remove(&file);
    }
}

/* Killed ------------------------------------------------------------------ */

enum {
    EXECUTIONS = 6,
    GROUPS = 60 /* more than it takes */
};

static bool one_runs(struct lambda_bed *bed)
{
    struct lambda_answered *list = lambda_bed_list(bed, "order");
    bool runs = strstr(list->body, "\"RUNNING\"") != NULL;

    free(list);
    return runs;
}

/* Carries all executions on until none runs: a step, a wait of a day, the
 * result, each in an invocation of its own. */
static void carry_on(struct lambda_bed *bed, int *left)
{
    for (int i = 0; i < 10000 && one_runs(bed); i++) {
        if (left && (*left)-- == 0)
            raise(SIGKILL);
        if (!bed->invocation) {
            lambda_bed_skip(bed);
        } else if (!strstr(bed->event, "\"Id\":\"a1\"")) {
            free(lambda_bed_checkpoint(bed, NULL, "one", step_done));
            lambda_bed_respond(bed, "{}"); /* breaks off */
        } else if (!strstr(bed->event, "\"Id\":\"w1\"")) {
            free(lambda_bed_checkpoint(bed, NULL, "two", wait_day));
            lambda_bed_respond(bed, pending);
        } else {
            lambda_bed_respond(bed, done);
        }
    }
}

static bool all_ended(struct lambda_bed *bed)
{
    struct lambda_answered *list = lambda_bed_list(bed, "order");
    int count = 0;

    for (const char *at = list->body; (at = strstr(at, "\"SUCCEEDED\"")); at++)
        count++;
    free(list);
    return count == EXECUTIONS;
}

/* One at a time, so that an event is not lost to the next. */
static void carry_on_all(struct lambda_bed *bed, int *left)
{
    char name[16];

    for (int i = 0; i < EXECUTIONS; i++) {
        snprintf(name, sizeof(name), "e%d", i);
        lambda_bed_begin(bed, "order", name, "{}");
        carry_on(bed, left);
    }
}

static void die_after(const char *path, int count)
{
    pid_t child = fork();
    int status = 0;

    cr_assert_geq(child, 0);
    if (child == 0) {
        struct lambda_bed bed = {.path = path};
        lambda_bed_open(&bed);
        carry_on_all(&bed, &count);
        _exit(0);
    }
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFSIGNALED(status) || WEXITSTATUS(status) == 0);
}

Test(host_lambda_keep, killed_anywhere_every_execution_ends_right_all_the_same)
{
    for (int count = 1; count < GROUPS; count += 7) {
        struct store_file file = {0};
        struct lambda_bed bed = {0};

        store_file_make(&file);
        die_after(file.path, count);
        bed.path = file.path;
        lambda_bed_open(&bed);
        carry_on(&bed, NULL);
        carry_on_all(&bed, NULL);
        cr_assert(all_ended(&bed), "killed after %d", count);
        close_file(&bed, &file);
    }
}
