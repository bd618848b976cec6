#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct records *stream(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ENDED);
    return records;
}

Test(reports_check_causality, causes_before_effects_pass)
{
    struct records *records = stream();

    records_expect_pass(records, &check_causality);
    records_free(records);
}

Test(reports_check_causality, a_step_before_its_source_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_expect(records, &check_causality,
                   records_event(records, ENGINE_EV_OP_SCHEDULED, OP_SHIP, 1),
                   "ship was started before hold, which is waiting");
    records_free(records);
}

Test(reports_check_causality, an_attempt_never_scheduled_is_reported)
{
    struct records *records = stream();

    records_drop(records,
                 records_find_event(records, ENGINE_EV_OP_SCHEDULED, 1));
    records_expect(records, &check_causality,
                   records_find_event(records, ENGINE_EV_ATTEMPT_STARTED, 1),
                   "attempt 1 of ship was started, but never scheduled");
    records_free(records);
}

Test(reports_check_causality, a_wait_that_fires_early_is_reported)
{
    struct records *records = stream();
    struct engine_record *fired =
        records_find_event(records, ENGINE_EV_WAIT_FIRED, 0);

    fired->wall_ns = fired->b - 1;
    records_expect(records, &check_causality, fired, "is not due before");
    records_free(records);
}

Test(reports_check_causality, a_wait_cut_short_is_reported)
{
    struct records *records = stream();
    struct engine_record *fired =
        records_find_event(records, ENGINE_EV_WAIT_FIRED, 0);

    fired->b -= 2 * SECOND;
    records_expect(records, &check_causality, fired,
                   "by its start and duration");
    records_free(records);
}

Test(reports_check_causality, a_wait_that_fires_twice_is_reported)
{
    struct records *records = stream();
    struct engine_record *fired =
        records_find_event(records, ENGINE_EV_WAIT_FIRED, 0);

    records_expect(records, &check_causality, records_repeat(records, fired),
                   "the wait hold fired, but it is fired");
    records_free(records);
}

Test(reports_check_causality, a_retry_before_it_is_due_is_reported)
{
    struct records *records = records_new();
    struct engine_record *retry;

    records_life(records, 1, LIFE_REPORTED);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_CHARGE, 1);
    records_event(records, ENGINE_EV_ATTEMPT_FAILED, OP_CHARGE, 1)->b = 1;
    retry = records_event(records, ENGINE_EV_RETRY_SCHEDULED, OP_CHARGE, 1);
    retry->a = 5 * SECOND;
    retry->b = 2;
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_expect(records, &check_causality,
                   records_event(records, ENGINE_EV_OP_SCHEDULED, OP_CHARGE, 2),
                   "attempt 2 of charge was scheduled at store time");
    records_free(records);
}

Test(reports_check_causality, a_success_with_open_operations_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_expect(
        records, &check_causality,
        records_event(records, ENGINE_EV_RUN_SUCCEEDED, UINT32_MAX, 0),
        "it succeeded while hold is waiting");
    records_free(records);
}
