#include "engine/operation.h"
#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct records *stream(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SEEN);
    return records;
}

Test(reports_check_terminal, an_end_that_stays_passes)
{
    struct records *records = stream();

    /* To deliver the result again, someone may take the lease. */
    records_grant(records, 1, NODE_SECOND);
    records->list[records->row].state = ENGINE_RUN_SUCCEEDED;
    records_expect_pass(records, &check_terminal);
    records_free(records);
}

Test(reports_check_terminal, a_second_end_is_reported)
{
    struct records *records = stream();
    struct engine_record *end;

    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_SUCCEEDED;
    end = records_event(records, ENGINE_EV_RUN_FAILED, UINT32_MAX, 0);
    records_expect(records, &check_terminal, end,
                   "after the run had succeeded");
    records_free(records);
}

Test(reports_check_terminal, an_event_after_the_end_is_reported)
{
    struct records *records = stream();

    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_SUCCEEDED;
    records_expect(records, &check_terminal,
                   records_event(records, ENGINE_EV_OP_SCHEDULED, OP_CHARGE, 2),
                   "was logged at seq 16");
    records_free(records);
}

Test(reports_check_terminal, a_late_status_write_is_reported)
{
    struct records *records = stream();
    struct engine_record *row = records_row(records, 1, ENGINE_REQ_APPEND);

    records_expect(records, &check_terminal, row,
                   "made the run running after it had succeeded");
    records_free(records);
}

Test(reports_check_terminal, a_client_told_otherwise_is_reported)
{
    struct records *records = stream();
    struct engine_record *seen =
        records_find(records, ENGINE_REC_RESULT_SEEN, 0);

    seen->a = ENGINE_RUN_FAILED;
    records_expect(records, &check_terminal, seen,
                   "told that it failed, the log says succeeded");
    records_free(records);
}

Test(reports_check_terminal, every_way_to_end_is_an_end)
{
    static const unsigned ends[] = {
        ENGINE_EV_RUN_SUCCEEDED, ENGINE_EV_RUN_FAILED, ENGINE_EV_RUN_CANCELLED,
        ENGINE_EV_RUN_TIMED_OUT, ENGINE_EV_RUN_STOPPED};

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        struct records *records = records_handlers_new();

        records_trip(records, 1);
        records_row(records, 1, ENGINE_REQ_APPEND)->state =
            (uint16_t)(ENGINE_RUN_SUCCEEDED + i);
        records_event(records, ends[i], UINT32_MAX, 0);
        records_event(records, ENGINE_EV_OPERATOR_ACTION, UINT32_MAX, 0);
        records_expect_pass(records, &check_terminal);
        records_expect(records, &check_terminal,
                       records_event(records, ENGINE_EV_CHECKPOINT, 0, 1),
                       "checkpoint was logged");
        records_free(records);
    }
}

/* The step of a run fails for one reason, and the run for that or another. */
static struct engine_record *fails(struct records *records, uint64_t root)
{
    struct engine_record *end;

    records_life(records, 1, LIFE_CREATED);
    records_attempt(records, 1, OP_CHARGE, 1, ENGINE_ERR_OOM);
    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_FAILED;
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_CHARGE, 1);
    end = records_event(records, ENGINE_EV_ATTEMPT_FAILED, OP_CHARGE, 1);
    end->a = ENGINE_ERR_OOM;
    end->key_hi = 77;
    records_event(records, ENGINE_EV_OP_FAILED, OP_CHARGE, 1);
    end = records_event(records, ENGINE_EV_RUN_FAILED, UINT32_MAX, 0);
    end->a = ENGINE_ERR_OOM;
    end->key_hi = root;
    return end;
}

Test(reports_check_terminal, a_run_that_fails_for_the_reason_of_its_step_passes)
{
    struct records *records = records_new();

    fails(records, 77);
    records_expect_pass(records, &check_terminal);
    records_free(records);
}

Test(reports_check_terminal, a_run_that_lost_its_root_cause_is_reported)
{
    struct records *records = records_new();
    struct engine_record *end = fails(records, 78);

    records_expect(records, &check_terminal, end, "without the root cause");
    records_free(records);
}

Test(reports_check_terminal, a_run_that_ends_by_a_deadline_has_its_own_reason)
{
    struct records *records = records_new();

    fails(records, 0)->a = ENGINE_ERR_TIMED_OUT;
    records_expect_pass(records, &check_terminal);
    records_free(records);
}
