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
