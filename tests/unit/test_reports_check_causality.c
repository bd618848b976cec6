#include "engine/operation.h"
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

/* A handler's operation of this type that has a timer of 5 s. */
static struct records *timed(unsigned type, unsigned kind)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, kind, 1, type, type == ENGINE_OPERATION_STEP)
        ->b = 5 * SECOND;
    return records;
}

static struct engine_record *ring(struct records *records, unsigned kind,
                                  unsigned type)
{
    records_row(records, 1, ENGINE_REQ_APPEND);
    return records_operation(records, kind, 1, type, 0);
}

Test(reports_check_causality, no_timer_of_a_handler_may_be_early)
{
    static const struct {
        unsigned type;
        unsigned start;
        unsigned end;
    } timers[] = {
        {ENGINE_OPERATION_WAIT, ENGINE_EV_OPERATION_STARTED,
         ENGINE_EV_OPERATION_FIRED},
        {ENGINE_OPERATION_STEP, ENGINE_EV_OPERATION_RETRY,
         ENGINE_EV_OPERATION_READY},
        {ENGINE_OPERATION_CALLBACK, ENGINE_EV_OPERATION_STARTED,
         ENGINE_EV_OPERATION_TIMED_OUT},
        {ENGINE_OPERATION_INVOKE, ENGINE_EV_OPERATION_STARTED,
         ENGINE_EV_OPERATION_TIMED_OUT},
    };

    for (size_t i = 0; i < sizeof(timers) / sizeof(*timers); i++) {
        struct records *records = timed(timers[i].type, timers[i].start);

        records->now_ns += 3 * SECOND;
        records_expect(records, &check_causality,
                       ring(records, timers[i].end, timers[i].type),
                       "but it is not due before 10");
        records_free(records);
        records = timed(timers[i].type, timers[i].start);
        records->now_ns += 5 * SECOND;
        ring(records, timers[i].end, timers[i].type);
        records_expect_pass(records, &check_causality);
        records_free(records);
    }
}

Test(reports_check_causality, a_heartbeat_puts_its_own_timeout_off)
{
    struct records *records =
        timed(ENGINE_OPERATION_CALLBACK, ENGINE_EV_OPERATION_STARTED);

    records_find_event(records, ENGINE_EV_OPERATION_STARTED, 0)->token =
        2 * SECOND;
    records->now_ns += SECOND + SECOND / 2;
    ring(records, ENGINE_EV_OPERATION_HEARTBEAT, ENGINE_OPERATION_CALLBACK);
    records->now_ns += SECOND / 2;
    records_expect(
        records, &check_causality,
        ring(records, ENGINE_EV_OPERATION_TIMED_OUT, ENGINE_OPERATION_CALLBACK),
        "but it is not due before 103.5");
    records_free(records);
}

Test(reports_check_causality, a_timeout_nobody_asked_for_is_reported)
{
    struct records *records =
        timed(ENGINE_OPERATION_CALLBACK, ENGINE_EV_OPERATION_STARTED);

    records_find_event(records, ENGINE_EV_OPERATION_STARTED, 0)->b = 0;
    records_expect(
        records, &check_causality,
        ring(records, ENGINE_EV_OPERATION_TIMED_OUT, ENGINE_OPERATION_CALLBACK),
        "which has no timer");
    records_free(records);
}

Test(reports_check_causality, an_operation_in_a_closed_context_is_reported)
{
    struct records *records =
        timed(ENGINE_OPERATION_CONTEXT, ENGINE_EV_OPERATION_STARTED);
    uint64_t context =
        records_find_event(records, ENGINE_EV_OPERATION_STARTED, 0)->a;

    records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 2,
                      ENGINE_OPERATION_STEP, 1)
        ->key_hi = context;
    records_expect_pass(records, &check_causality);
    records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 1,
                      ENGINE_OPERATION_CONTEXT, 0);
    records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 3,
                      ENGINE_OPERATION_STEP, 1)
        ->key_hi = context;
    records_expect(
        records, &check_causality,
        records_find_event(records, ENGINE_EV_OPERATION_SUCCEEDED, 2),
        "operation 3 began in the context of operation 1, which "
        "has succeeded");
    records_free(records);
}

Test(reports_check_causality, an_operation_in_an_unknown_context_is_reported)
{
    struct records *records =
        timed(ENGINE_OPERATION_WAIT, ENGINE_EV_OPERATION_STARTED);
    struct engine_record *start =
        records_find_event(records, ENGINE_EV_OPERATION_STARTED, 0);

    start->key_hi = 12345;
    records_expect(records, &check_causality, start,
                   "in a context that is not known");
    records_free(records);
}
