/*
 * Histories made by hand: what a client and an operator asked for, what they
 * were answered, and what was durable meanwhile. Each rule is broken once, and
 * each order that explains what was heard is let pass.
 */
#include <criterion/criterion.h>

#include "engine/operation.h"
#include "tests/support/records.h"

enum {
    NODE_OUTSIDE = NODE_RECEIVER,
    SIGNAL = 77
};

static struct engine_record *tell(struct records *records, unsigned what,
                                  unsigned kind)
{
    struct engine_record *record = records_add(records, what, 1, NODE_OUTSIDE);

    record->a = SIGNAL;
    record->b = ~(uint64_t)SIGNAL;
    record->detail = (uint16_t)kind;
    return record;
}

static void sends(struct records *records, unsigned kind)
{
    tell(records, ENGINE_REC_SIGNAL_SENT, kind);
}

static struct engine_record *answers(struct records *records, unsigned kind,
                                     unsigned outcome, unsigned repeat)
{
    struct engine_record *record =
        tell(records, ENGINE_REC_SIGNAL_ANSWERED, kind);

    record->count = outcome;
    record->state = (uint16_t)repeat;
    return record;
}

static struct engine_record *puts_in(struct records *records, unsigned kind)
{
    struct engine_record *put =
        records_signal(records, 1, SIGNAL, kind, UINT32_MAX);

    put->peer = NODE_OUTSIDE;
    return put;
}

/* Consumes the signal and ends the run in the same row, if it is to end. */
static struct engine_record *takes(struct records *records, unsigned end)
{
    struct engine_record *event;

    records_row(records, 1, ENGINE_REQ_APPEND);
    event = records_event(records, ENGINE_EV_INBOX_CONSUMED, 0, 0);
    event->a = SIGNAL;
    event->b = ~(uint64_t)SIGNAL;
    if (end)
        event = records_event(records, end, UINT32_MAX, 0);
    return event;
}

/* A run that is open, and a cancel on its way to it. */
static struct records *cancelling(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    sends(records, ENGINE_SIG_CANCEL);
    return records;
}

static void holds(struct records *records)
{
    records_end(records);
    records_expect_pass(records, &check_history);
    records_free(records);
}

static void breaks(struct records *records, const struct engine_record *record,
                   const char *text)
{
    records_expect(records, &check_history, record, text);
    records_free(records);
}

Test(reports_check_history, a_start_and_its_result_pass)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    holds(records);
}

Test(reports_check_history, a_cancel_that_ends_its_run_passes)
{
    struct records *records = cancelling();

    puts_in(records, ENGINE_SIG_CANCEL);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0);
    takes(records, ENGINE_EV_RUN_CANCELLED);
    records_add(records, ENGINE_REC_RESULT_SEEN, 1, NODE_CLIENT)->a =
        ENGINE_RUN_CANCELLED;
    holds(records);
}

Test(reports_check_history, a_cancel_may_come_too_late_although_accepted)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SHIPPED);
    sends(records, ENGINE_SIG_CANCEL);
    puts_in(records, ENGINE_SIG_CANCEL);
    records_life(records, 2, LIFE_ACKED);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0);
    holds(records);
}

Test(reports_check_history, an_unanswered_signal_may_have_an_effect)
{
    struct records *records = cancelling();

    puts_in(records, ENGINE_SIG_CANCEL);
    takes(records, ENGINE_EV_RUN_CANCELLED);
    holds(records);
}

Test(reports_check_history, an_unanswered_signal_may_have_none)
{
    holds(cancelling());
}

Test(reports_check_history, a_signal_asked_for_again_is_a_repeat)
{
    struct records *records = cancelling();

    puts_in(records, ENGINE_SIG_CANCEL);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0);
    sends(records, ENGINE_SIG_CANCEL);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 1);
    takes(records, ENGINE_EV_RUN_CANCELLED);
    holds(records);
}

Test(reports_check_history, a_signal_whose_first_answer_is_lost_is_a_repeat)
{
    struct records *records = cancelling();

    puts_in(records, ENGINE_SIG_CANCEL);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 1);
    takes(records, ENGINE_EV_RUN_CANCELLED);
    holds(records);
}

Test(reports_check_history, a_signal_accepted_and_not_durable_is_reported)
{
    struct records *records = cancelling();

    breaks(records, answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0),
           "a cancel was accepted, but it was not durable");
}

Test(reports_check_history, a_repeat_of_nothing_is_reported)
{
    struct records *records = cancelling();

    breaks(records, answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 1),
           "as a repeat of one that was never put");
}

Test(reports_check_history, a_repeat_of_what_went_unrecorded_passes)
{
    struct records *records = cancelling();

    records_add(records, ENGINE_REC_SYNC_FAILED, 0, NODE_STORE);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 1);
    records_expect_pass(records, &check_history);
    records_free(records);
}

Test(reports_check_history, a_signal_accepted_as_new_twice_is_reported)
{
    struct records *records = cancelling();

    puts_in(records, ENGINE_SIG_CANCEL);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0);
    sends(records, ENGINE_SIG_CANCEL);
    breaks(records, answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0),
           "was accepted as new, but it had been put before");
}

Test(reports_check_history, a_signal_after_the_end_is_refused)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ENDED);
    sends(records, ENGINE_SIG_CANCEL);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_FENCED, 0);
    records_life(records, 2, LIFE_ACKED);
    holds(records);
}

Test(reports_check_history, a_refusal_by_a_run_that_is_open_is_reported)
{
    struct records *records = cancelling();

    breaks(records, answers(records, ENGINE_SIG_CANCEL, ENGINE_FENCED, 0),
           "refused since the run had ended, but it is running");
}

Test(reports_check_history, a_refusal_of_what_was_put_is_reported)
{
    struct records *records = cancelling();

    puts_in(records, ENGINE_SIG_CANCEL);
    takes(records, ENGINE_EV_RUN_CANCELLED);
    breaks(records, answers(records, ENGINE_SIG_CANCEL, ENGINE_FENCED, 0),
           "but it had been put");
}

Test(reports_check_history, an_effect_of_what_was_refused_is_reported)
{
    struct records *records = cancelling();

    answers(records, ENGINE_SIG_CANCEL, ENGINE_REFUSED, 0);
    breaks(records, puts_in(records, ENGINE_SIG_CANCEL),
           "a cancel was put after it had been refused");
}

Test(reports_check_history, a_signal_refused_for_its_size_but_put_is_reported)
{
    struct records *records = cancelling();

    puts_in(records, ENGINE_SIG_CANCEL);
    breaks(records, answers(records, ENGINE_SIG_CANCEL, ENGINE_REFUSED, 0),
           "refused for its size, but it had been put");
}

Test(reports_check_history, no_such_run_passes_before_there_is_one)
{
    struct records *records = records_new();

    sends(records, ENGINE_SIG_PAUSE);
    records_life(records, 1, LIFE_CREATED);
    answers(records, ENGINE_SIG_PAUSE, ENGINE_CONFLICT, 0);
    holds(records);
}

Test(reports_check_history, no_such_run_after_its_start_is_reported)
{
    struct records *records = cancelling();

    breaks(records, answers(records, ENGINE_SIG_CANCEL, ENGINE_CONFLICT, 0),
           "there is no such run, but there was when it was sent");
}

Test(reports_check_history, an_answer_to_nothing_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    breaks(records, answers(records, ENGINE_SIG_STOP, ENGINE_COMMITTED, 0),
           "a stop was answered that nobody had sent");
}

Test(reports_check_history, a_signal_of_an_operator_who_was_silent_is_reported)
{
    struct records *records = cancelling();
    struct engine_record *put = puts_in(records, ENGINE_SIG_STOP);

    put->a++;
    breaks(records, put, "a stop was put that nobody had sent");
}

Test(reports_check_history, a_cancel_consumed_by_a_run_that_goes_on_is_reported)
{
    struct records *records = cancelling();
    struct engine_record *consumed;

    puts_in(records, ENGINE_SIG_CANCEL);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0);
    consumed = takes(records, 0);
    records_end(records);
    consumed = records_find_event(records, ENGINE_EV_INBOX_CONSUMED, 0);
    breaks(records, consumed, "a cancel was consumed at seq 3, and the run");
}

Test(reports_check_history, a_stop_that_ends_its_run_as_cancelled_is_reported)
{
    struct records *records = cancelling();

    puts_in(records, ENGINE_SIG_STOP);
    breaks(records, takes(records, ENGINE_EV_RUN_CANCELLED),
           "nobody's request for it was consumed with it");
}

Test(reports_check_history, a_run_cancelled_by_nobody_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    records_row(records, 1, ENGINE_REQ_APPEND);
    breaks(records,
           records_event(records, ENGINE_EV_RUN_CANCELLED, UINT32_MAX, 0),
           "run_cancelled was logged at seq 3, but nobody's request");
}

Test(reports_check_history, a_pause_that_holds_nothing_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    sends(records, ENGINE_SIG_PAUSE);
    puts_in(records, ENGINE_SIG_PAUSE);
    breaks(records, takes(records, 0),
           "a pause was consumed at seq 3, and the run is still running");
}

Test(reports_check_history, a_pause_that_holds_its_run_passes)
{
    struct records *records = records_new();
    struct engine_record *event;

    records_life(records, 1, LIFE_CREATED);
    sends(records, ENGINE_SIG_PAUSE);
    puts_in(records, ENGINE_SIG_PAUSE);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_RUN_PAUSED, UINT32_MAX, 0);
    event = records_event(records, ENGINE_EV_INBOX_CONSUMED, 0, 0);
    event->a = SIGNAL;
    event->b = ~(uint64_t)SIGNAL;
    answers(records, ENGINE_SIG_PAUSE, ENGINE_COMMITTED, 0);
    holds(records);
}

Test(reports_check_history, results_that_differ_are_reported)
{
    struct records *records = records_new();
    struct engine_record *again;

    records_life(records, 1, LIFE_ACKED);
    again = records_add(records, ENGINE_REC_RESULT_SEEN, 1, NODE_CLIENT);
    again->a = ENGINE_RUN_FAILED;
    again->b = 1;
    breaks(records, again,
           "told that it failed, after it had been told that it succeeded");
}

Test(reports_check_history, a_run_that_nobody_started_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    records_drop(records, records_find(records, ENGINE_REC_START_SENT, 0));
    breaks(records, records_find(records, ENGINE_REC_APPENDED, 0),
           "it was created before anybody asked for it");
}

Test(reports_check_history, a_start_that_makes_another_run_is_reported)
{
    struct records *records = records_new();
    struct engine_record *again;

    records_life(records, 1, LIFE_CLAIMED);
    again = records_row(records, 1, ENGINE_REQ_CREATE);
    breaks(records, again, "made another run where there was one already");
}

Test(reports_check_history, a_start_of_another_workflow_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    records_find(records, ENGINE_REC_START_SENT, 0)->op = 1;
    breaks(records, records_find(records, ENGINE_REC_START_OK, 0),
           "the start of workflow 1 was acknowledged, but the run is of "
           "workflow 0");
}

Test(reports_check_history, a_start_refused_is_a_run_that_never_comes)
{
    struct records *records = records_new();

    records_add(records, ENGINE_REC_START_SENT, 2, NODE_CLIENT);
    records_add(records, ENGINE_REC_START_REFUSED, 2, NODE_CLIENT);
    records_life(records, 1, LIFE_ACKED);
    holds(records);
}

Test(reports_check_history, a_run_whose_start_was_refused_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    breaks(records,
           records_add(records, ENGINE_REC_START_REFUSED, 1, NODE_CLIENT),
           "its start was refused, but the run is running");
}

Test(reports_check_history, a_signal_accepted_after_the_end_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ENDED);
    sends(records, ENGINE_SIG_CANCEL);
    puts_in(records, ENGINE_SIG_CANCEL);
    breaks(records, answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0),
           "accepted, but the run had ended before it was sent");
}

/* The run goes on to its end, over the cancel in its inbox. */
static struct engine_record *succeeds(struct records *records)
{
    records_row(records, 1, ENGINE_REQ_APPEND);
    return records_event(records, ENGINE_EV_RUN_SUCCEEDED, UINT32_MAX, 0);
}

Test(reports_check_history, a_cancel_that_a_new_owner_passes_over_is_reported)
{
    struct records *records = cancelling();

    puts_in(records, ENGINE_SIG_CANCEL);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0);
    records_grant(records, 1, NODE_SECOND);
    breaks(records, succeeds(records),
           "had been in its inbox when it got its owner");
}

Test(reports_check_history, a_cancel_that_the_owner_does_not_know_passes)
{
    struct records *records = cancelling();

    records_grant(records, 1, NODE_SECOND);
    puts_in(records, ENGINE_SIG_CANCEL);
    answers(records, ENGINE_SIG_CANCEL, ENGINE_COMMITTED, 0);
    succeeds(records);
    records_expect_pass(records, &check_history);
    records_free(records);
}
