#include <criterion/criterion.h>

#include "engine/operation.h"
#include "tests/support/records.h"

/* A callback is answered by signal 77, which is consumed. */
static struct records *answered(void)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_STARTED, 1,
                      ENGINE_OPERATION_CALLBACK, 0);
    records_signal(records, 1, 77, ENGINE_SIG_CALLBACK_SUCCEED, 1);
    records_consume(records, 1, 77);
    records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 1,
                      ENGINE_OPERATION_CALLBACK, 0);
    return records;
}

Test(reports_check_inbox, a_signal_heard_once_passes)
{
    struct records *records = answered();

    records_end(records);
    records_expect_pass(records, &check_inbox);
    records_free(records);
}

Test(reports_check_inbox, a_signal_heard_twice_is_reported)
{
    struct records *records = answered();

    records_consume(records, 1, 77);
    records_expect(records, &check_inbox,
                   records_find_event(records, ENGINE_EV_INBOX_CONSUMED, 1),
                   "was consumed a second time");
    records_free(records);
}

Test(reports_check_inbox, a_signal_nobody_sent_is_reported)
{
    struct records *records = answered();

    records_consume(records, 1, 78);
    records_expect(records, &check_inbox,
                   records_find_event(records, ENGINE_EV_INBOX_CONSUMED, 1),
                   "but never put");
    records_free(records);
}

Test(reports_check_inbox, a_signal_put_in_doubt_may_be_heard)
{
    struct records *records = answered();

    records_add(records, ENGINE_REC_SYNC_FAILED, 0, NODE_STORE);
    records_consume(records, 1, 78);
    records_expect_pass(records, &check_inbox);
    records_free(records);
}

Test(reports_check_inbox, a_signal_put_twice_is_reported)
{
    struct records *records = answered();

    records_expect(
        records, &check_inbox,
        records_signal(records, 1, 77, ENGINE_SIG_CALLBACK_SUCCEED, 1),
        "was put a second time, by node 1");
    records_free(records);
}

Test(reports_check_inbox, a_signal_to_a_run_that_has_ended_is_reported)
{
    struct records *records = answered();

    records_arrive(records, 1);
    records_expect(
        records, &check_inbox,
        records_signal(records, 1, 78, ENGINE_SIG_CANCEL, UINT32_MAX),
        "although the run had succeeded");
    records_free(records);
}

Test(reports_check_inbox, a_row_taken_out_without_a_word_is_reported)
{
    struct records *records = answered();

    records_find_event(records, ENGINE_EV_INBOX_CONSUMED, 0)->detail =
        ENGINE_EV_OPERATOR_ACTION;
    records_expect(records, &check_inbox,
                   records_find(records, ENGINE_REC_INBOX_TAKEN, 0),
                   "but the log does not have it");
    records_free(records);
}

Test(reports_check_inbox, a_consumed_row_that_stays_is_reported)
{
    struct records *records = answered();

    records_drop(records, records_find(records, ENGINE_REC_INBOX_TAKEN, 0));
    records_end(records);
    records_expect(records, &check_inbox,
                   records_find(records, ENGINE_REC_INBOX_PUT, 0),
                   "is still in the inbox");
    records_free(records);
}

Test(reports_check_inbox, a_signal_nobody_hears_is_reported)
{
    struct records *records = answered();
    struct engine_record *put =
        records_signal(records, 1, 79, ENGINE_SIG_CANCEL, UINT32_MAX);

    put->peer = NODE_CLIENT;
    records->now_ns += 100 * SECOND;
    records_end(records);
    records_expect(records, &check_inbox,
                   records_find(records, ENGINE_REC_INBOX_PUT, 1),
                   "not consumed by the end");
    records_free(records);
}

Test(reports_check_inbox, a_message_may_wait_for_its_receiver)
{
    struct records *records = answered();

    records_signal(records, 1, 79, ENGINE_SIG_MESSAGE, UINT32_MAX);
    records->now_ns += 100 * SECOND;
    records_end(records);
    records_expect_pass(records, &check_inbox);
    records_free(records);
}

Test(reports_check_inbox, a_paused_run_listens_to_operators_alone)
{
    struct records *records = answered();

    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_PAUSED;
    records_event(records, ENGINE_EV_RUN_PAUSED, UINT32_MAX, 0);
    records_signal(records, 1, 79, ENGINE_SIG_CALLBACK_SUCCEED, 1);
    records->now_ns += 100 * SECOND;
    records_end(records);
    records_expect_pass(records, &check_inbox);
    records->count = 0;
    records_free(records);
}

Test(reports_check_inbox, a_thousand_signals_are_told_apart)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    for (uint64_t id = 1; id <= 1000; id++)
        records_signal(records, 1, id, ENGINE_SIG_CALLBACK_HEARTBEAT, 1);
    for (uint64_t id = 1000; id >= 1; id--)
        records_consume(records, 1, id);
    records_end(records);
    records_expect_pass(records, &check_inbox);
    records_free(records);
}

Test(reports_check_inbox, an_answer_that_ends_nothing_is_reported)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_STARTED, 1,
                      ENGINE_OPERATION_CALLBACK, 0);
    records_signal(records, 1, 77, ENGINE_SIG_CALLBACK_SUCCEED, 1);
    records_consume(records, 1, 77);
    records_checkpoint(records, 1);
    records_expect(records, &check_inbox,
                   records_find_event(records, ENGINE_EV_INBOX_CONSUMED, 0),
                   "operation 1, which waits for it, goes on to wait");
    records_free(records);
}

/* An operator says something; the run's log has this event, and hears it. */
static struct engine_record *told(struct records *records, uint64_t id,
                                  unsigned signal, unsigned event)
{
    records_signal(records, 1, id, signal, UINT32_MAX);
    records_row(records, 1, ENGINE_REQ_APPEND);
    if (event)
        records_event(records, event, UINT32_MAX, 0);
    return records_consume(records, 1, id);
}

Test(reports_check_inbox, a_run_that_pauses_and_goes_on_passes)
{
    struct records *records = answered();

    told(records, 78, ENGINE_SIG_PAUSE, ENGINE_EV_RUN_PAUSED);
    told(records, 79, ENGINE_SIG_UNPAUSE, ENGINE_EV_RUN_UNPAUSED);
    records_end(records);
    records_expect_pass(records, &check_inbox);
    records_free(records);
}

Test(reports_check_inbox, a_run_that_hears_a_pause_and_goes_on_is_reported)
{
    struct records *records = answered();

    records_expect(records, &check_inbox,
                   told(records, 78, ENGINE_SIG_PAUSE, 0),
                   "(pause) was consumed, and the run is running");
    records_free(records);
}

Test(reports_check_inbox, a_run_that_is_let_go_and_stays_held_is_reported)
{
    struct records *records = answered();

    told(records, 78, ENGINE_SIG_PAUSE, ENGINE_EV_RUN_PAUSED);
    records_expect(records, &check_inbox,
                   told(records, 79, ENGINE_SIG_UNPAUSE, 0),
                   "(unpause) was consumed, and the run is paused");
    records_free(records);
}
