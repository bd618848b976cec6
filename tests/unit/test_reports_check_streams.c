#include <criterion/criterion.h>

#include "engine/operation.h"
#include "tests/support/records.h"

enum {
    EDGE = 0xed9e
};

/* Run 1 sends run 2 something on the edge; it arrives. */
static struct engine_record *send(struct records *records, unsigned signal,
                                  uint64_t number)
{
    struct engine_record *put =
        records_send(records, 1, ENGINE_OUTBOX_SIGNAL, 2, (uint32_t)number + 5);

    put->b = number;
    put->state = (uint16_t)signal;
    put->key = EDGE;
    put = records_signal(records, 2, 100 + number, signal, UINT32_MAX);
    put->key = number;
    put->key_hi = EDGE;
    return put - 1;
}

/* Run 2 consumes a signal, and an operation of it receives what that is. */
static void receive(struct records *records, uint64_t id)
{
    records_consume(records, 2, id);
    records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 1,
                      ENGINE_OPERATION_RECEIVE, 0);
}

/* Three messages and the end of the stream, all received. */
static struct records *stream(void)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_trip(records, 2);
    for (uint64_t n = 1; n <= 4; n++)
        send(records, n < 4 ? ENGINE_SIG_MESSAGE : ENGINE_SIG_END_OF_STREAM, n);
    for (uint64_t n = 1; n <= 4; n++)
        receive(records, 100 + n);
    return records;
}

static void expect_consumed(struct records *records, size_t nth,
                            const char *text)
{
    records_expect(records, &check_streams,
                   records_find_event(records, ENGINE_EV_INBOX_CONSUMED, nth),
                   text);
    records_free(records);
}

Test(reports_check_streams, messages_in_order_pass)
{
    struct records *records = stream();

    records_arrive(records, 1);
    records_end(records);
    records_expect_pass(records, &check_streams);
    records_free(records);
}

Test(reports_check_streams, a_message_sent_out_of_turn_is_reported)
{
    struct records *records = stream();
    struct engine_record *put = records_find(records, ENGINE_REC_OUTBOX_PUT, 1);

    put->b = 3;
    records_expect(records, &check_streams, put,
                   "message 3 was sent after message 1 of edge "
                   "000000000000ed9e");
    records_free(records);
}

Test(reports_check_streams, an_end_too_early_is_reported)
{
    struct records *records = stream();
    struct engine_record *put = records_find(records, ENGINE_REC_OUTBOX_PUT, 3);

    put->b = 3;
    records_expect(records, &check_streams, put,
                   "end 3 was sent after message 3");
    records_free(records);
}

Test(reports_check_streams, a_message_after_the_end_is_reported)
{
    struct records *records = stream();

    records_expect(records, &check_streams,
                   send(records, ENGINE_SIG_MESSAGE, 5),
                   "message 5 was sent after the end");
    records_free(records);
}

Test(reports_check_streams, messages_that_overtake_are_reported)
{
    struct records *records = stream();

    records_find_event(records, ENGINE_EV_INBOX_CONSUMED, 0)->a = 102;
    records_find_event(records, ENGINE_EV_INBOX_CONSUMED, 0)->b =
        ~UINT64_C(102);
    expect_consumed(records, 0, "message 2 was consumed after message 0");
}

Test(reports_check_streams, a_message_twice_is_reported)
{
    struct records *records = stream();

    records_find(records, ENGINE_REC_INBOX_PUT, 1)->key = 1;
    expect_consumed(records, 1, "message 1 was consumed after message 1");
}

Test(reports_check_streams, a_message_nobody_sent_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_OUTBOX_PUT, 3));
    records_drop(records, records_find(records, ENGINE_REC_OUTBOX_PUT, 2));
    expect_consumed(records, 2, "but only 2 messages were sent");
}

Test(reports_check_streams, a_sender_that_ends_without_a_word_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_OUTBOX_PUT, 3));
    records_find_event(records, ENGINE_EV_INBOX_CONSUMED, 3)->detail =
        ENGINE_EV_OPERATOR_ACTION;
    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_FAILED;
    records_event(records, ENGINE_EV_RUN_FAILED, UINT32_MAX, 0);
    records_end(records);
    records_expect(records, &check_streams,
                   records_find(records, ENGINE_REC_OUTBOX_PUT, 0),
                   "it failed after message 3 without sending the end");
    records_free(records);
}

Test(reports_check_streams, a_message_that_never_arrives_is_reported)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_trip(records, 2);
    send(records, ENGINE_SIG_MESSAGE, 1);
    send(records, ENGINE_SIG_MESSAGE, 2);
    records_expect_pass(records, &check_streams);
    records_drop(records, records_find(records, ENGINE_REC_INBOX_PUT, 1));
    records_end(records);
    records_expect(records, &check_streams,
                   records_find(records, ENGINE_REC_OUTBOX_PUT, 0),
                   "it sent 2 signals to run 2, 1 arrived by the end");
    records_free(records);
}

Test(reports_check_streams, a_message_that_nobody_received_is_reported)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_trip(records, 2);
    send(records, ENGINE_SIG_MESSAGE, 1);
    records_consume(records, 2, 101);
    records_checkpoint(records, 2);
    expect_consumed(records, 0, "and no operation received it");
}

/*
 * Run 1 waits for an answer to its one message, and its reader ends without
 * having read it.
 */
static struct records *unread(void)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_trip(records, 2);
    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_STARTED, 1,
                      ENGINE_OPERATION_SEND, 0);
    send(records, ENGINE_SIG_MESSAGE, 1);
    records_arrive(records, 2);
    return records;
}

Test(reports_check_streams, a_sender_that_is_never_answered_is_reported)
{
    struct records *records = unread();

    records_end(records);
    records_expect(records, &check_streams,
                   records_find(records, ENGINE_REC_OUTBOX_PUT, 0),
                   "it waits for an answer to message 1, and run 2 has ended");
    records_free(records);
}

Test(reports_check_streams, a_sender_that_was_answered_passes)
{
    struct records *records = unread();

    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, ENGINE_EV_OPERATION_FAILED, 1,
                      ENGINE_OPERATION_SEND, 0);
    records_end(records);
    records_expect_pass(records, &check_streams);
    records_free(records);
}
