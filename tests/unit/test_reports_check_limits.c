#include "engine/operation.h"
#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct records *stream(void)
{
    struct records *records = records_new();
    struct engine_record *gauge;

    records_life(records, 1, LIFE_ACKED);
    gauge = records_add(records, ENGINE_REC_GAUGE, 0, NODE_WORKER);
    gauge->a = 5;
    gauge->b = 5;
    records_add(records, ENGINE_REC_REJECTED, 1, NODE_STORE)->count =
        ENGINE_REFUSED;
    return records;
}

Test(reports_check_limits, what_is_at_the_limit_passes)
{
    struct records *records = stream();

    records->world.history_ops_max = 15;
    records_find_event(records, ENGINE_EV_ATTEMPT_SUCCEEDED, 0)->count = 1000;
    records_expect_pass(records, &check_limits);
    records_free(records);
}

Test(reports_check_limits, one_invocation_above_the_limit_is_reported)
{
    struct records *records = stream();
    struct engine_record *gauge = records_find(records, ENGINE_REC_GAUGE, 0);

    gauge->a = 6;
    records_expect(records, &check_limits, gauge, "the limit is 5");
    gauge->a = 11;
    gauge->b = 0;
    records_expect(records, &check_limits, gauge, "the limit is 10");
    records_free(records);
}

Test(reports_check_limits, one_event_above_the_limit_is_reported)
{
    struct records *records = stream();

    records->world.history_ops_max = 14;
    records_expect(records, &check_limits,
                   records_find(records, ENGINE_REC_APPENDED, 4),
                   "its history has 15 events, the limit is 14");
    records_free(records);
}

Test(reports_check_limits, one_byte_above_the_limit_is_reported)
{
    struct records *records = stream();
    struct engine_record *event =
        records_find_event(records, ENGINE_EV_ATTEMPT_SUCCEEDED, 0);

    event->count = 1001;
    records_expect(records, &check_limits, event, "has 1001 bytes");
    records_free(records);
}

Test(reports_check_limits, a_handlers_operations_are_counted_not_its_events)
{
    struct records *records = records_handlers_new();

    records->world.history_ops_max = 50;
    records_trip(records, 1);
    for (uint32_t op = 1; op <= 50; op++) {
        records_checkpoint(records, 1);
        records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, op,
                          ENGINE_OPERATION_STEP, 1);
    }
    records_expect_pass(records, &check_limits);
    records_expect(records, &check_limits,
                   records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 51,
                                     ENGINE_OPERATION_STEP, 1),
                   "operation 51 was begun, the limit is 50");
    records_free(records);
}

/* A handler's run whose checkpoint is open. */
static struct records *handler(void)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    return records;
}

static struct engine_record *operation(struct records *records, unsigned kind,
                                       uint32_t op, unsigned type)
{
    return records_operation(records, kind, op, type, 1);
}

Test(reports_check_limits, a_result_of_an_operation_one_byte_too_long_is_seen)
{
    struct records *records = handler();
    struct engine_record *result;

    records->world.value_max = 100;
    result = operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 1,
                       ENGINE_OPERATION_STEP);
    result->count = 100;
    records_expect_pass(records, &check_limits);
    result->count = 101;
    records_expect(records, &check_limits, result,
                   "the result of operation 1 has 101 bytes, the limit is 100");
    result->state |= ENGINE_OPTION_BLOB << 8;
    records_expect_pass(records, &check_limits);
    records_free(records);
}

Test(reports_check_limits, waits_and_delays_below_the_shortest_are_reported)
{
    struct records *records = handler();
    struct engine_record *event;

    records->world.wait_min_ns = SECOND;
    operation(records, ENGINE_EV_OPERATION_STARTED, 1, ENGINE_OPERATION_WAIT)
        ->b = SECOND;
    records_expect_pass(records, &check_limits);
    event = operation(records, ENGINE_EV_OPERATION_STARTED, 2,
                      ENGINE_OPERATION_WAIT);
    event->b = SECOND - 1;
    records_expect(records, &check_limits, event,
                   "operation_started of operation 2 is for");
    event->state |= ENGINE_OPTION_UNTIL << 8; /* a time, not how long */
    records_expect_pass(records, &check_limits);
    event =
        operation(records, ENGINE_EV_OPERATION_RETRY, 3, ENGINE_OPERATION_STEP);
    event->b = SECOND - 1;
    records_expect(records, &check_limits, event,
                   "operation_retry of operation 3 is for");
    records_free(records);
}

Test(reports_check_limits, a_checkpoint_with_one_update_too_many_is_reported)
{
    struct records *records = handler();

    records->world.batch_updates_max = 2;
    for (uint32_t op = 1; op <= 4; op++) {
        operation(records, ENGINE_EV_OPERATION_STARTED, op,
                  ENGINE_OPERATION_WAIT);
        if (op == 2)
            records_checkpoint(records, 1);
    }
    records_expect_pass(records, &check_limits);
    records_expect(records, &check_limits,
                   operation(records, ENGINE_EV_OPERATION_STARTED, 5,
                             ENGINE_OPERATION_WAIT),
                   "a checkpoint has 3 updates or more, the limit is 2");
    records_free(records);
}

Test(reports_check_limits, what_outside_ends_is_no_update_of_a_checkpoint)
{
    struct records *records = handler();

    records->world.batch_updates_max = 1;
    operation(records, ENGINE_EV_OPERATION_STARTED, 1,
              ENGINE_OPERATION_CALLBACK);
    operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 1,
              ENGINE_OPERATION_CALLBACK);
    records_expect_pass(records, &check_limits);
    records_free(records);
}

Test(reports_check_limits, a_run_invoked_too_deep_is_reported)
{
    struct records *records = handler();
    struct engine_record *put =
        records_send(records, 1, ENGINE_OUTBOX_CHILD, records_child(0), 5);

    records->world.invoke_depth_max = 3;
    put->count = 3;
    records_expect_pass(records, &check_limits);
    put->count = 4;
    records_expect(records, &check_limits, put,
                   "it invokes a run at depth 4, the limit is 3");
    records_free(records);
}
