#include "engine/operation.h"
#include "tests/support/records.h"

#include <criterion/criterion.h>

Test(reports_check_timers, a_wait_within_the_slack_passes)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ENDED);
    records_end(records);
    records_expect_pass(records, &check_timers);
    records_free(records);
}

Test(reports_check_timers, a_wait_that_fires_late_is_reported)
{
    struct records *records = records_new();
    struct engine_record *fired;

    records_life(records, 1, LIFE_ENDED);
    fired = records_find_event(records, ENGINE_EV_WAIT_FIRED, 0);
    fired->wall_ns = fired->b + 2 * SECOND + 1;
    fired->time_ns = fired->wall_ns;
    records_expect(records, &check_timers, fired, "the wait hold was due");
    records_free(records);
}

Test(reports_check_timers, a_fault_while_it_was_due_is_allowed_for)
{
    struct records *records = records_new();
    struct engine_record *fault;
    struct engine_record *fired;

    records_life(records, 1, LIFE_ENDED);
    fired = records_find_event(records, ENGINE_EV_WAIT_FIRED, 0);
    fault = records_find(records, ENGINE_REC_LEASE_GRANTED, 1);
    *fault = (struct engine_record){.kind = ENGINE_REC_PROC_DOWN,
                                    .detail = ENGINE_ACT_CRASH,
                                    .node = NODE_FIRST,
                                    .time_ns = fault->time_ns,
                                    .wall_ns = fault->wall_ns};
    fired->wall_ns = fired->b + 12 * SECOND;
    fired->time_ns = fired->wall_ns;
    records_expect_pass(records, &check_timers);
    fired->wall_ns += 3 * SECOND;
    fired->time_ns = fired->wall_ns;
    records_expect(records, &check_timers, fired, "hold");
    records_free(records);
}

Test(reports_check_timers, a_wait_that_never_fires_is_reported)
{
    struct records *records = records_new();
    struct engine_record *end;

    records_life(records, 1, LIFE_WAITING);
    end = records_add(records, ENGINE_REC_WORLD_END, 0, NODE_CLIENT);
    end->a = 1;
    cr_assert_eq(records_judge(records, &check_timers).verdict,
                 CHECK_INCONCLUSIVE);
    end->time_ns += 60 * SECOND;
    records_expect(records, &check_timers, end, "has not fired at the end");
    records_free(records);
}

/* A handler's wait of 5 s, parked. */
static struct records *waiting(void)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_STARTED, 1,
                      ENGINE_OPERATION_WAIT, 0)
        ->b = 5 * SECOND;
    records_park(records, 1);
    return records;
}

static struct engine_record *fires(struct records *records)
{
    records_row(records, 1, ENGINE_REQ_APPEND);
    return records_operation(records, ENGINE_EV_OPERATION_FIRED, 1,
                             ENGINE_OPERATION_WAIT, 0);
}

Test(reports_check_timers, a_handlers_wait_in_time_passes)
{
    struct records *records = waiting();

    records->now_ns += 5 * SECOND;
    fires(records);
    records_expect_pass(records, &check_timers);
    records_free(records);
}

Test(reports_check_timers, a_handlers_wait_that_is_late_is_reported)
{
    struct records *records = waiting();

    records->now_ns += 8 * SECOND;
    records_expect(records, &check_timers, fires(records),
                   "operation_fired of operation 1 was due");
    records_free(records);
}

Test(reports_check_timers, a_wait_over_a_pause_counts_from_its_end)
{
    struct records *records = waiting();

    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_PAUSED;
    records_event(records, ENGINE_EV_RUN_PAUSED, UINT32_MAX, 0);
    records->now_ns += 100 * SECOND;
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_RUN_UNPAUSED, UINT32_MAX, 0);
    fires(records);
    records_expect_pass(records, &check_timers);
    records_free(records);
}

Test(reports_check_timers, a_handlers_wait_that_never_fires_is_reported)
{
    struct records *records = waiting();

    records->now_ns += 100 * SECOND;
    records_end(records);
    records_expect(records, &check_timers, &records->list[records->count - 1],
                   "operation 1 was due");
    records_free(records);
}

/* A callback with a timeout, and what ends it after so long. */
static struct engine_record *answer(struct records *records, uint64_t after_ns)
{
    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_STARTED, 1,
                      ENGINE_OPERATION_CALLBACK, 0)
        ->b = 5 * SECOND;
    records->now_ns += after_ns;
    records_row(records, 1, ENGINE_REQ_APPEND);
    return records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 1,
                             ENGINE_OPERATION_CALLBACK, 0);
}

Test(reports_check_timers, a_callback_answered_in_time_passes)
{
    struct records *records = records_handlers_new();

    answer(records, 5 * SECOND);
    records_expect_pass(records, &check_timers);
    records_free(records);
}

Test(reports_check_timers, a_callback_that_outlives_its_timer_is_reported)
{
    struct records *records = records_handlers_new();

    records_expect(records, &check_timers, answer(records, 9 * SECOND),
                   "operation_succeeded of operation 1 came at store time");
    records_free(records);
}

Test(reports_check_timers, a_timer_that_fires_in_a_pause_is_reported)
{
    struct records *records = waiting();

    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_PAUSED;
    records_event(records, ENGINE_EV_RUN_PAUSED, UINT32_MAX, 0);
    records->now_ns += 5 * SECOND;
    records_expect(records, &check_timers, fires(records),
                   "operation_fired of operation 1 came while an operator "
                   "holds the run");
    records_free(records);
}
