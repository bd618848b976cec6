#include "engine/operation.h"
#include "tests/support/records.h"

#include <criterion/criterion.h>

Test(reports_check_drained, an_acknowledged_result_passes)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    records_end(records);
    records_expect_pass(records, &check_drained);
    records_free(records);
}

Test(reports_check_drained, a_result_nobody_acknowledged_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SEEN);
    records_end(records);
    records_expect(records, &check_drained,
                   records_find(records, ENGINE_REC_WORLD_END, 0),
                   "run 1: at the end its result was seen but is not");
    records_free(records);
}

Test(reports_check_drained, a_result_never_delivered_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ENDED);
    records_end(records);
    records_expect(records, &check_drained,
                   records_find(records, ENGINE_REC_WORLD_END, 0),
                   "its result was never delivered");
    records_free(records);
}

Test(reports_check_drained, a_report_nobody_took_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_REPORTED);
    records_end(records);
    records_expect(records, &check_drained,
                   records_find(records, ENGINE_REC_WORLD_END, 0),
                   "a report of its work was never taken");
    records_free(records);
}

Test(reports_check_drained, an_acknowledgement_in_doubt_is_no_violation)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SEEN);
    records_add(records, ENGINE_REC_SYNC_FAILED, 0, NODE_STORE);
    records_end(records);
    records_expect_pass(records, &check_drained);
    records_free(records);
}

Test(reports_check_drained, a_world_cut_off_early_is_inconclusive)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SEEN);
    records_end(records);
    records_find(records, ENGINE_REC_WORLD_END, 0)->a = 1;
    cr_assert_eq(records_judge(records, &check_drained).verdict,
                 CHECK_INCONCLUSIVE);
    records_free(records);
}

Test(reports_check_drained, a_signal_that_is_never_sent_is_reported)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_send(records, 1, ENGINE_OUTBOX_SIGNAL, 2, 7)->state =
        ENGINE_SIG_MESSAGE;
    records_arrive(records, 1);
    records->now_ns += 100 * SECOND;
    records_end(records);
    records_expect(records, &check_drained, &records->list[records->count - 1],
                   "something for another run was never sent");
    records_free(records);
}
