#include <criterion/criterion.h>

#include "engine/operation.h"
#include "tests/support/records.h"

#define INVOKE ENGINE_OPERATION_INVOKE

static void ask(struct records *records, uint64_t run, uint32_t op,
                uint64_t child, uint32_t depth)
{
    struct engine_record *put;

    records_checkpoint(records, run);
    records_operation(records, ENGINE_EV_OPERATION_STARTED, op, INVOKE, 0);
    put = records_send(records, run, ENGINE_OUTBOX_CHILD, child, 5);
    put->b = op;
    put->count = depth;
}

static void hear(struct records *records, unsigned kind)
{
    records_signal(records, 1, 88, ENGINE_SIG_CHILD_ENDED, 1);
    records_consume(records, 1, 88);
    records_operation(records, kind, 1, INVOKE, 0);
}

/* Run 1 invokes run 2^39, which succeeds; run 1 hears of it. */
static struct records *invoked(void)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    ask(records, 1, 1, records_child(0), 1);
    records_trip(records, records_child(0));
    records_add(records, ENGINE_REC_OUTBOX_ACKED, 1, NODE_STORE)->op = 5;
    records_arrive(records, records_child(0));
    hear(records, ENGINE_EV_OPERATION_SUCCEEDED);
    return records;
}

Test(reports_check_children, an_invocation_passes_every_property)
{
    struct records *records = invoked();
    struct check_suite *suite = check_suite_new(&records->world);
    const struct check_result *results;
    size_t count;

    records_arrive(records, 1);
    records_end(records);
    check_suite_feed(suite, records->list, records->count);
    results = check_suite_finish(suite, &count);
    for (size_t i = 0; i < count; i++)
        cr_assert_eq(results[i].violations, 0, "%s: %s", results[i].id,
                     results[i].first.text);
    cr_assert_eq(results[12].checked, 2, "both runs end: %s", results[12].id);
    check_suite_free(suite);
    records_expect_pass(records, &check_children);
    records_free(records);
}

Test(reports_check_children, one_run_for_two_operations_is_reported)
{
    struct records *records = invoked();

    ask(records, 1, 2, records_child(0), 1);
    records_expect(records, &check_children,
                   records_find(records, ENGINE_REC_OUTBOX_PUT, 2),
                   "which operation 1 of run 1 has invoked");
    records_free(records);
}

Test(reports_check_children, two_runs_for_one_operation_are_reported)
{
    struct records *records = invoked();
    struct engine_record *again =
        records_send(records, 1, ENGINE_OUTBOX_CHILD, records_child(1), 6);

    again->b = 1;
    again->count = 1;
    records_expect(records, &check_children, again, "but it has invoked run");
    records_free(records);
}

Test(reports_check_children, a_run_invoked_by_no_invocation_is_reported)
{
    struct records *records = invoked();
    struct engine_record *put =
        records_send(records, 1, ENGINE_OUTBOX_CHILD, records_child(1), 6);

    put->b = 2;
    put->count = 1;
    records_expect(records, &check_children, put,
                   "which is no invocation under way");
    records_free(records);
}

Test(reports_check_children, a_wrong_depth_is_reported)
{
    struct records *records = invoked();

    records_trip(records, records_child(1)); /* known before its time */
    records->count -= 7;
    records_find(records, ENGINE_REC_OUTBOX_PUT, 0)->count = 2;
    records_expect(records, &check_children,
                   records_find(records, ENGINE_REC_OUTBOX_PUT, 0),
                   "at depth 2, expected 1");
    records_free(records);
}

Test(reports_check_children, a_run_nobody_asked_for_is_reported)
{
    struct records *records = invoked();
    size_t from = records->count;

    records_trip(records, records_child(2));
    records_expect(records, &check_children, &records->list[from + 1],
                   "no operation has invoked it");
    records_free(records);
}

Test(reports_check_children, an_end_before_the_childs_is_reported)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    ask(records, 1, 1, records_child(0), 1);
    records_trip(records, records_child(0));
    hear(records, ENGINE_EV_OPERATION_SUCCEEDED);
    records_expect(
        records, &check_children,
        records_find_event(records, ENGINE_EV_OPERATION_SUCCEEDED, 0),
        "has not ended");
    records_free(records);
}

Test(reports_check_children, an_end_unlike_the_childs_is_reported)
{
    struct records *records = invoked();

    records_find_event(records, ENGINE_EV_OPERATION_SUCCEEDED, 0)->detail =
        ENGINE_EV_OPERATION_FAILED;
    records_expect(records, &check_children,
                   records_find_event(records, ENGINE_EV_OPERATION_FAILED, 0),
                   "ended with run_succeeded");
    records_free(records);
}

Test(reports_check_children, an_invocation_that_times_out_need_not_wait)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    ask(records, 1, 1, records_child(0), 1);
    records_trip(records, records_child(0));
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, ENGINE_EV_OPERATION_TIMED_OUT, 1, INVOKE, 0);
    records_expect_pass(records, &check_children);
    records_free(records);
}

Test(reports_check_children, an_end_that_is_never_heard_is_reported)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    ask(records, 1, 1, records_child(0), 1);
    records_trip(records, records_child(0));
    records_arrive(records, records_child(0));
    records_end(records);
    records_expect(records, &check_children,
                   records_find(records, ENGINE_REC_OUTBOX_PUT, 0),
                   "operation 1 never heard that run 549755813888 ended");
    records_free(records);
}

Test(reports_check_children, a_run_that_is_never_created_is_reported)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    ask(records, 1, 1, records_child(0), 1);
    records_end(records);
    records_expect(records, &check_children,
                   records_find(records, ENGINE_REC_OUTBOX_PUT, 0),
                   "which was never created");
    records_free(records);
}

/* What an invoked run does wrong is seen by the checkers of all runs. */
Test(reports_check_children, an_invoked_run_is_judged_like_any_other)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    ask(records, 1, 1, records_child(0), 1);
    records_trip(records, records_child(0));
    records->list[records->count - 5].token = 9;
    records_expect(records, &check_fencing,
                   records_find(records, ENGINE_REC_WORK_PUT, 1),
                   "run 549755813888: work_put of node 1 was accepted");
    records_free(records);
}

/* A child that fails for a reason, and an operation that fails for one. */
static struct records *failed(uint64_t root, uint64_t heard)
{
    struct records *records = invoked();
    struct engine_record *end =
        records_find_event(records, ENGINE_EV_RUN_SUCCEEDED, 0);

    end->detail = ENGINE_EV_RUN_FAILED;
    end->key_hi = root;
    end = records_find_event(records, ENGINE_EV_OPERATION_SUCCEEDED, 0);
    end->detail = ENGINE_EV_OPERATION_FAILED;
    end->b = heard;
    return records;
}

Test(reports_check_children, an_operation_that_lost_the_root_cause_is_reported)
{
    struct records *records = failed(77, 78);

    records_expect(records, &check_children,
                   records_find_event(records, ENGINE_EV_OPERATION_FAILED, 0),
                   "without the root cause");
    records_free(records);
}

Test(reports_check_children, an_operation_that_keeps_the_root_cause_passes)
{
    struct records *records = failed(77, 77);

    records_expect_pass(records, &check_children);
    records_free(records);
}

/*
 * Run 1 invokes run 2^39 with these options and fails; so long after that the
 * other one succeeds by itself. What it ends with.
 */
static struct engine_record *outlive(struct records *records, unsigned options,
                                     uint64_t after_ns)
{
    size_t from;

    records_trip(records, 1);
    ask(records, 1, 1, records_child(0), 1);
    records_find_event(records, ENGINE_EV_OPERATION_STARTED, 0)->state |=
        (uint16_t)(options << 8);
    records_trip(records, records_child(0));
    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_FAILED;
    records_event(records, ENGINE_EV_RUN_FAILED, UINT32_MAX, 0);
    records->now_ns += after_ns;
    from = records->count;
    records_arrive(records, records_child(0));
    while (records->list[from].kind != ENGINE_REC_EVENT ||
           records->list[from].detail != ENGINE_EV_RUN_SUCCEEDED)
        from++;
    return &records->list[from];
}

Test(reports_check_children, a_run_that_outlives_its_parent_is_reported)
{
    struct records *records = records_handlers_new();

    records_expect(records, &check_children,
                   outlive(records, ENGINE_OPTION_CANCEL, 100 * SECOND),
                   "it was to end with run 1, which ended 100.0");
    records_free(records);
}

Test(reports_check_children, a_run_may_end_before_it_hears_of_its_parents_end)
{
    struct records *records = records_handlers_new();

    outlive(records, ENGINE_OPTION_CANCEL, SECOND / 10);
    records_expect_pass(records, &check_children);
    records_free(records);
}

Test(reports_check_children, a_run_that_is_left_alone_may_outlive_its_parent)
{
    struct records *records = records_handlers_new();

    outlive(records, 0, 100 * SECOND);
    records_expect_pass(records, &check_children);
    records_free(records);
}
