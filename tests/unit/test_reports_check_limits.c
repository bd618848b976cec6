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
