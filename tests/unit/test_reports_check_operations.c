#include <criterion/criterion.h>
#include <string.h>

#include "engine/operation.h"
#include "tests/support/records.h"

#define STARTED ENGINE_EV_OPERATION_STARTED
#define SUCCEEDED ENGINE_EV_OPERATION_SUCCEEDED
#define STEP ENGINE_OPERATION_STEP
#define WAIT ENGINE_OPERATION_WAIT
#define CALLBACK ENGINE_OPERATION_CALLBACK

/*
 * Operation 1 is a step that fails once and succeeds, 2 a wait of 5 s over
 * which the run is parked, 3 a callback that is answered.
 */
static struct records *trip(void)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_RETRY, 1, STEP, 1)->b =
        SECOND;
    records->now_ns += SECOND;
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, ENGINE_EV_OPERATION_READY, 1, STEP, 0);
    records_checkpoint(records, 1);
    records_operation(records, SUCCEEDED, 1, STEP, 2);
    records_operation(records, STARTED, 2, WAIT, 0)->b = 5 * SECOND;
    records_park(records, 1);
    records->now_ns += 5 * SECOND;
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, ENGINE_EV_OPERATION_FIRED, 2, WAIT, 0);
    records_wake(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, STARTED, 3, CALLBACK, 0);
    records_signal(records, 1, 77, ENGINE_SIG_CALLBACK_SUCCEED, 3);
    records_consume(records, 1, 77);
    records_operation(records, SUCCEEDED, 3, CALLBACK, 0);
    return records;
}

static void expect_event(struct records *records, unsigned kind, size_t nth,
                         const char *text)
{
    records_expect(records, &check_operations,
                   records_find_event(records, kind, nth), text);
    records_free(records);
}

Test(reports_check_operations, a_trip_passes_every_property_it_exercises)
{
    struct records *records = trip();
    struct check_suite *suite = check_suite_new(&records->world);
    const struct check_result *results;
    size_t count;

    records_arrive(records, 1);
    records_end(records);
    check_suite_feed(suite, records->list, records->count);
    results = check_suite_finish(suite, &count);
    for (size_t i = 0; i < count; i++) {
        cr_assert_eq(results[i].violations, 0, "%s: %s", results[i].id,
                     results[i].first.text);
        cr_assert_eq(results[i].unjudged, 0, "%s", results[i].id);
        /* L7 and L8 want something to go wrong, S20 declared branches. */
        cr_assert_eq(results[i].absent, check_all[i]->needs ||
                                            check_all[i] == &check_branches ||
                                            strcmp(results[i].id, "L7") == 0 ||
                                            strcmp(results[i].id, "L8") == 0);
    }
    check_suite_free(suite);
    records_free(records);
}

Test(reports_check_operations, a_world_of_graphs_has_nothing_to_check)
{
    struct records *records = records_new();
    struct check_result result;

    records_life(records, 1, LIFE_ACKED);
    result = records_judge(records, &check_operations);
    cr_assert(result.absent);
    cr_assert_str_eq(result.reason, "the workflows have no operation events");
    records_free(records);
}

Test(reports_check_operations, an_operation_left_out_is_reported)
{
    struct records *records = trip();

    records_find_event(records, STARTED, 1)->op = 4;
    expect_event(records, STARTED, 1,
                 "operation 4 (operation_started) was begun after operation 2");
}

Test(reports_check_operations, an_operation_that_becomes_another_is_reported)
{
    struct records *records = trip();

    records_find_event(records, ENGINE_EV_OPERATION_FIRED, 0)->a++;
    expect_event(records, ENGINE_EV_OPERATION_FIRED, 0, "but it began as");
}

Test(reports_check_operations, a_wait_that_turns_into_a_callback_is_reported)
{
    struct records *records = trip();

    records_find_event(records, ENGINE_EV_OPERATION_FIRED, 0)->state = CALLBACK;
    expect_event(records, ENGINE_EV_OPERATION_FIRED, 0, "but it began as wait");
}

Test(reports_check_operations, a_change_after_the_end_is_reported)
{
    struct records *records = trip();

    records_checkpoint(records, 1);
    records_operation(records, SUCCEEDED, 1, STEP, 2);
    expect_event(records, SUCCEEDED, 2, "after it had succeeded");
}

Test(reports_check_operations, a_second_start_is_reported)
{
    struct records *records = trip();

    records_find_event(records, SUCCEEDED, 1)->detail = STARTED;
    expect_event(records, STARTED, 2, "while it is started");
}

Test(reports_check_operations, ready_without_a_retry_is_reported)
{
    struct records *records = trip();

    records_find_event(records, ENGINE_EV_OPERATION_RETRY, 0)->detail = STARTED;
    expect_event(records, ENGINE_EV_OPERATION_READY, 0, "while it is started");
}

Test(reports_check_operations, a_step_that_goes_on_before_it_is_ready_is_seen)
{
    struct records *records = trip();

    records_find_event(records, ENGINE_EV_OPERATION_READY, 0)->detail =
        ENGINE_EV_OPERATION_PROGRESS;
    expect_event(records, SUCCEEDED, 0, "while it is waiting to retry");
}

Test(reports_check_operations, a_callback_that_fires_is_reported)
{
    struct records *records = trip();

    records_find_event(records, SUCCEEDED, 1)->detail =
        ENGINE_EV_OPERATION_FIRED;
    expect_event(records, ENGINE_EV_OPERATION_FIRED, 1, "(callback)");
}

Test(reports_check_operations, a_wait_that_times_out_is_reported)
{
    struct records *records = trip();

    records_find_event(records, ENGINE_EV_OPERATION_FIRED, 0)->detail =
        ENGINE_EV_OPERATION_TIMED_OUT;
    expect_event(records, ENGINE_EV_OPERATION_TIMED_OUT, 0, "(wait)");
}

Test(reports_check_operations, a_wait_that_was_never_started_is_reported)
{
    struct records *records = trip();

    records_find_event(records, STARTED, 0)->detail = SUCCEEDED;
    expect_event(records, SUCCEEDED, 1, "comes before it was started");
}

Test(reports_check_operations, a_token_used_twice_is_reported)
{
    struct records *records = trip();

    records_find_event(records, ENGINE_EV_CHECKPOINT, 1)->b = 1;
    expect_event(records, ENGINE_EV_CHECKPOINT, 1,
                 "token 1 of invocation 1 was accepted again");
}

Test(reports_check_operations, a_checkpoint_carried_out_twice_is_reported)
{
    struct records *records = trip();

    records_find_event(records, ENGINE_EV_CHECKPOINT, 1)->a =
        records_find_event(records, ENGINE_EV_CHECKPOINT, 0)->a;
    expect_event(records, ENGINE_EV_CHECKPOINT, 1, "was carried out twice");
}

Test(reports_check_operations, a_checkpoint_of_a_former_invocation_is_reported)
{
    struct records *records = trip();

    records_find_event(records, ENGINE_EV_CHECKPOINT, 2)->attempt = 1;
    expect_event(records, ENGINE_EV_CHECKPOINT, 2,
                 "a checkpoint of invocation 1 was accepted, but the one "
                 "under way is 2");
}

Test(reports_check_operations, a_checkpoint_after_the_invocation_is_reported)
{
    struct records *records = trip();

    records_checkpoint(records, 1);
    records_operation(records, STARTED, 4, WAIT, 0)->b = SECOND;
    records_park(records, 1);
    records_checkpoint(records, 1);
    expect_event(records, ENGINE_EV_CHECKPOINT, 4, "0 (none)");
}

Test(reports_check_operations, being_parked_for_nothing_is_reported)
{
    struct records *records = trip();

    records_checkpoint(records, 1);
    records_park(records, 1);
    expect_event(records, ENGINE_EV_ATTEMPT_SUSPENDED, 1,
                 "invocation 2 was suspended with nothing to wait for");
}

/* Two waits and a step in a map, that ends before they do. */
static struct records *abandoned(void)
{
    struct records *records = records_handlers_new();
    uint64_t map;

    records_trip(records, 1);
    records_checkpoint(records, 1);
    map =
        records_operation(records, STARTED, 1, ENGINE_OPERATION_CONTEXT, 0)->a;
    for (uint32_t op = 2; op <= 4; op++) {
        struct engine_record *start = records_operation(
            records, STARTED, op, op < 4 ? WAIT : STEP, op == 4);

        start->key_hi = map;
        start->b = SECOND;
    }
    records_operation(records, SUCCEEDED, 1, ENGINE_OPERATION_CONTEXT, 0);
    return records;
}

Test(reports_check_operations, what_a_closed_context_leaves_open_is_over)
{
    struct records *records = abandoned();

    records_operation(records, STARTED, 5, CALLBACK, 0);
    records_park(records, 1);
    records->now_ns += 1000 * SECOND;
    records_end(records);
    records_expect_pass(records, &check_operations);
    records_expect_pass(records, &check_progress);
    cr_assert_eq(records_judge(records, &check_timers).violations, 0);
    records_free(records);
}

Test(reports_check_operations, a_change_below_a_closed_context_is_reported)
{
    struct records *records = abandoned();

    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, ENGINE_EV_OPERATION_FIRED, 2, WAIT, 0);
    expect_event(records, ENGINE_EV_OPERATION_FIRED, 0,
                 "after a context above it had ended");
}

Test(reports_check_operations, a_wait_below_a_closed_context_wakes_nobody)
{
    struct records *records = abandoned();

    records_park(records, 1);
    expect_event(records, ENGINE_EV_ATTEMPT_SUSPENDED, 0,
                 "with nothing to wait for");
}

/* An irreversible step was cut off; an operator decides. */
static struct records *ambiguous(unsigned kind)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, STARTED, 1, STEP, 1);
    records_operation(records, ENGINE_EV_OPERATION_FAILED, 1, STEP, 1)->token =
        ENGINE_ERR_AMBIGUOUS;
    records_park(records, 1);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, kind, 1, STEP, 1)->token =
        kind == ENGINE_EV_OPERATION_FAILED ? ENGINE_ERR_AMBIGUOUS : 0;
    return records;
}

Test(reports_check_operations, an_operator_ends_or_resumes_an_ambiguous_step)
{
    static const unsigned kinds[] = {SUCCEEDED, ENGINE_EV_OPERATION_FAILED,
                                     ENGINE_EV_OPERATION_READY};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct records *records = ambiguous(kinds[i]);

        records_wake(records, 1);
        records_checkpoint(records, 1);
        if (kinds[i] == ENGINE_EV_OPERATION_READY)
            records_operation(records, STARTED, 1, STEP, 2);
        records_expect_pass(records, &check_operations);
        records_expect_pass(records, &check_attempts);
        records_expect_pass(records, &check_causality);
        records_free(records);
    }
}

Test(reports_check_operations, an_ambiguous_step_is_decided_once)
{
    struct records *records = ambiguous(SUCCEEDED);

    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, ENGINE_EV_OPERATION_READY, 1, STEP, 1);
    expect_event(records, ENGINE_EV_OPERATION_READY, 0,
                 "after it had succeeded");
}

/*
 * Invocation 1 begins a step that runs at most once an attempt; invocation 2
 * has begun.
 */
static struct records *cut_off(unsigned options)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, STARTED, 1, STEP, 1)->state |=
        (uint16_t)(options << 8);
    records_checkpoint(records, 1);
    records_operation(records, STARTED, 2, CALLBACK, 0);
    records_wake(records, 1);
    return records;
}

Test(reports_check_operations, a_step_at_most_once_left_as_it_was_is_reported)
{
    struct records *records = cut_off(ENGINE_OPTION_AT_MOST_ONCE);

    records_park(records, 1);
    expect_event(records, ENGINE_EV_ATTEMPT_SUSPENDED, 0,
                 "invocation 2 ended (attempt_suspended) and left operation 1 "
                 "as invocation 1 had begun it");
}

Test(reports_check_operations, a_failure_that_leaves_such_a_step_is_reported)
{
    struct records *records = cut_off(ENGINE_OPTION_AT_MOST_ONCE);

    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_FAILED, 0, 2);
    expect_event(records, ENGINE_EV_ATTEMPT_FAILED, 0,
                 "invocation 2 ended (attempt_failed) and left operation 1");
}

Test(reports_check_operations, a_step_at_most_once_that_is_interrupted_passes)
{
    struct records *records = cut_off(ENGINE_OPTION_AT_MOST_ONCE);

    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_FAILED, 1, STEP, 1);
    records_park(records, 1);
    records_expect_pass(records, &check_operations);
    records_free(records);
}

Test(reports_check_operations, a_step_that_may_be_repeated_may_be_left)
{
    struct records *records = cut_off(0);

    records_park(records, 1);
    records_expect_pass(records, &check_operations);
    records_free(records);
}
