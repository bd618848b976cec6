#include "engine/operation.h"
#include "tests/support/records.h"

#include <criterion/criterion.h>

/* An attempt of charge that failed, up to the retry being due. */
static void fail(struct records *records, uint32_t attempt, uint64_t delay_ns,
                 uint16_t error)
{
    struct engine_record *end;

    records_attempt(records, 1, OP_CHARGE, attempt, error);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_CHARGE, attempt);
    end = records_event(records, ENGINE_EV_ATTEMPT_FAILED, OP_CHARGE, attempt);
    end->a = error;
    end->b = 1;
    struct engine_record *retry =
        records_event(records, ENGINE_EV_RETRY_SCHEDULED, OP_CHARGE, attempt);
    retry->a = delay_ns;
    retry->b = attempt + 1;
    records_work(records, ENGINE_REC_WORK_TAKEN, 1, OP_CHARGE, attempt);
    records->now_ns += delay_ns;
}

static void schedule(struct records *records, uint32_t attempt)
{
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_OP_SCHEDULED, OP_CHARGE, attempt);
    records_work(records, ENGINE_REC_WORK_PUT, 1, OP_CHARGE, attempt);
}

/* The policy's three attempts, the third of which is running. */
static struct records *retried(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    fail(records, 1, SECOND, ENGINE_ERR_USER);
    schedule(records, 2);
    fail(records, 2, 2 * SECOND, ENGINE_ERR_INTERRUPTED);
    schedule(records, 3);
    records_attempt(records, 1, OP_CHARGE, 3, 0);
    return records;
}

Test(reports_check_attempts, the_attempts_of_the_policy_pass)
{
    struct records *records = retried();

    records_expect_pass(records, &check_attempts);
    records_free(records);
}

Test(reports_check_attempts, an_attempt_counted_from_one_again_is_reported)
{
    struct records *records = retried();
    struct engine_record *event =
        records_find_event(records, ENGINE_EV_OP_SCHEDULED, 1);

    event->attempt = 1;
    records_expect(records, &check_attempts, event, "expected attempt 2");
    records_free(records);
}

Test(reports_check_attempts, an_attempt_that_was_never_claimed_is_reported)
{
    struct records *records = retried();

    records_drop(records, records_find(records, ENGINE_REC_WORK_CLAIMED, 1));
    records_expect(records, &check_attempts,
                   records_find(records, ENGINE_REC_ATTEMPT_BEGIN, 1),
                   "before its claim was durable");
    records_free(records);
}

Test(reports_check_attempts, an_effect_sent_before_the_claim_is_reported)
{
    struct records *records = retried();

    records_drop(records, records_find(records, ENGINE_REC_WORK_CLAIMED, 2));
    records_drop(records, records_find(records, ENGINE_REC_ATTEMPT_BEGIN, 2));
    records_expect(records, &check_attempts,
                   records_find(records, ENGINE_REC_EFFECT_SENT, 0),
                   "sent its effect");
    records_free(records);
}

Test(reports_check_attempts, an_attempt_above_the_policy_is_reported)
{
    struct records *records = retried();

    fail(records, 3, 4 * SECOND, ENGINE_ERR_USER);
    records_expect(records, &check_attempts,
                   records_find_event(records, ENGINE_EV_RETRY_SCHEDULED, 2),
                   "the policy allows 3");
    records_free(records);
}

Test(reports_check_attempts, a_second_end_of_an_attempt_is_reported)
{
    struct records *records = retried();
    struct engine_record *end =
        records_find_event(records, ENGINE_EV_ATTEMPT_FAILED, 0);

    records_expect(records, &check_attempts, records_repeat(records, end),
                   "attempt 1 is ended");
    records_free(records);
}

Test(reports_check_attempts, an_attempt_before_the_end_of_the_last_is_reported)
{
    struct records *records = retried();

    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_CHARGE, 3);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_CHARGE, 4);
    records_expect(records, &check_attempts, &records->list[records->count - 1],
                   "comes before the end of attempt 3");
    records_free(records);
}

Test(reports_check_attempts, an_attempt_after_success_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_expect(records, &check_attempts,
                   records_work(records, ENGINE_REC_WORK_PUT, 1, OP_CHARGE, 2),
                   "follows the operation's end");
    records_free(records);
}

Test(reports_check_attempts, a_repeated_unknown_error_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    fail(records, 1, SECOND, ENGINE_ERR_UNKNOWN);
    records_expect(records, &check_attempts,
                   records_find_event(records, ENGINE_EV_RETRY_SCHEDULED, 0),
                   "must not be");
    records_free(records);
}

Test(reports_check_attempts, a_repeated_irreversible_attempt_is_reported)
{
    struct records *records = records_new();
    struct engine_record *end;

    records_life(records, 1, LIFE_SHIPPING);
    records_attempt(records, 1, OP_SHIP, 1, 0);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_SHIP, 1);
    end = records_event(records, ENGINE_EV_ATTEMPT_INTERRUPTED, OP_SHIP, 1);
    end->a = ENGINE_ERR_INTERRUPTED;
    end->b = 1;
    records_event(records, ENGINE_EV_RETRY_SCHEDULED, OP_SHIP, 1)->b = 2;
    records_expect(records, &check_attempts, &records->list[records->count - 1],
                   "ship attempt 1");
    records_free(records);
}

Test(reports_check_attempts, a_delay_outside_the_policy_is_reported)
{
    struct records *records = retried();
    struct engine_record *retry =
        records_find_event(records, ENGINE_EV_RETRY_SCHEDULED, 1);

    retry->a = 2 * SECOND + 1;
    records_expect(records, &check_attempts, retry,
                   "expected 2.000000 s to 2.000000 s");
    records_free(records);
}

Test(reports_check_attempts, a_success_without_a_successful_attempt_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_drop(records,
                 records_find_event(records, ENGINE_EV_ATTEMPT_SUCCEEDED, 0));
    records_expect(records, &check_attempts,
                   records_find_event(records, ENGINE_EV_OP_SUCCEEDED, 0),
                   "made the operation succeed");
    records_free(records);
}

Test(reports_check_attempts,
     an_attempt_run_by_one_who_did_not_claim_it_is_reported)
{
    struct records *records = retried();
    struct engine_record *begin =
        records_find(records, ENGINE_REC_ATTEMPT_BEGIN, 1);

    begin->node++;
    records_expect(records, &check_attempts, begin, "has claimed it");
    records_free(records);
}

Test(reports_check_attempts, giving_up_before_the_last_attempt_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    fail(records, 1, SECOND, ENGINE_ERR_USER);
    struct engine_record *event =
        records_find_event(records, ENGINE_EV_RETRY_SCHEDULED, 0);

    event->detail = ENGINE_EV_OP_FAILED;
    records_expect(records, &check_attempts, event, "was the last");
    records_free(records);
}

/* An attempt of charge that nobody has begun for so long. */
static struct records *given_up(uint64_t after_ns)
{
    struct records *records = records_new();
    struct engine_record *end;

    records_life(records, 1, LIFE_CREATED);
    records->now_ns += after_ns;
    records_row(records, 1, ENGINE_REQ_APPEND);
    end = records_event(records, ENGINE_EV_ATTEMPT_TIMED_OUT, OP_CHARGE, 1);
    end->a = ENGINE_ERR_TIMED_OUT;
    end->b = 1;
    struct engine_record *retry =
        records_event(records, ENGINE_EV_RETRY_SCHEDULED, OP_CHARGE, 1);
    retry->a = SECOND;
    retry->b = 2;
    records_work(records, ENGINE_REC_WORK_CUT, 1, OP_CHARGE, 1);
    return records;
}

Test(reports_check_attempts, an_attempt_that_nobody_began_in_time_is_given_up)
{
    struct records *records = given_up(20 * SECOND);

    records->now_ns += SECOND;
    schedule(records, 2);
    records_attempt(records, 1, OP_CHARGE, 2, 0);
    records_expect_pass(records, &check_attempts);
    records_free(records);
}

Test(reports_check_attempts, an_attempt_given_up_before_its_time_is_reported)
{
    struct records *records = given_up(15 * SECOND);

    records_expect(records, &check_attempts,
                   records_find_event(records, ENGINE_EV_ATTEMPT_TIMED_OUT, 0),
                   "no deadline has passed");
    records_free(records);
}

Test(reports_check_attempts, an_attempt_given_up_though_claimed_is_reported)
{
    struct records *records = given_up(20 * SECOND);

    records_find_event(records, ENGINE_EV_ATTEMPT_TIMED_OUT, 0)->attempt = 2;
    records_expect(records, &check_attempts,
                   records_find_event(records, ENGINE_EV_ATTEMPT_TIMED_OUT, 0),
                   "was given up as not begun");
    records_free(records);
}

/* A step that ends between its attempts, so long after the first failed. */
static struct records *closed(uint64_t after_ns)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    fail(records, 1, SECOND, ENGINE_ERR_USER);
    records->now_ns += after_ns;
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_OP_FAILED, OP_CHARGE, 2)->a =
        ENGINE_ERR_TIMED_OUT;
    return records;
}

Test(reports_check_attempts, a_step_ends_between_attempts_by_its_deadline_only)
{
    struct records *records = closed(60 * SECOND);

    records_expect_pass(records, &check_attempts);
    records_free(records);
    records = closed(10 * SECOND);
    records_expect(records, &check_attempts,
                   records_find_event(records, ENGINE_EV_OP_FAILED, 0),
                   "before its deadline");
    records_free(records);
}

/* A handler's step that fails once and then succeeds. */
static struct records *step(void)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_RETRY, 1,
                      ENGINE_OPERATION_STEP, 1);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, ENGINE_EV_OPERATION_READY, 1,
                      ENGINE_OPERATION_STEP, 0);
    records_work(records, ENGINE_REC_ATTEMPT_BEGIN, 1, 1, 2);
    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 1,
                      ENGINE_OPERATION_STEP, 2);
    return records;
}

Test(reports_check_attempts, a_step_of_a_handler_counts_up_by_one)
{
    struct records *records = step();

    records_expect_pass(records, &check_attempts);
    records_free(records);
}

Test(reports_check_attempts, a_step_that_leaves_an_attempt_out_is_reported)
{
    struct records *records = step();
    struct engine_record *end =
        records_find_event(records, ENGINE_EV_OPERATION_SUCCEEDED, 0);

    end->attempt = 3;
    records_expect(records, &check_attempts, end,
                   "operation 1 attempt 3 (operation_succeeded): expected "
                   "attempt 2");
    records_free(records);
}

Test(reports_check_attempts, a_step_that_begins_after_its_end_is_reported)
{
    struct records *records = step();
    struct engine_record *begin =
        records_work(records, ENGINE_REC_ATTEMPT_BEGIN, 1, 1, 2);

    records_expect(records, &check_attempts, begin,
                   "but the operation has succeeded");
    records_free(records);
}

Test(reports_check_attempts, a_step_run_by_a_worker_that_lost_the_run_passes)
{
    struct records *records = step();

    records_work(records, ENGINE_REC_ATTEMPT_BEGIN, 1, 1, 2)->node =
        NODE_OTHER_WORKER;
    records_expect_pass(records, &check_attempts);
    records_free(records);
}

Test(reports_check_attempts, an_invocation_follows_one_that_is_parked)
{
    struct records *records = step();

    for (uint32_t op = 2; op < 40; op++) {
        records_checkpoint(records, 1);
        records_operation(records, ENGINE_EV_OPERATION_STARTED, op,
                          ENGINE_OPERATION_CALLBACK, 0);
        records_park(records, 1);
        records_wake(records, 1);
    }
    records_expect_pass(records, &check_attempts);
    records_free(records);
}

Test(reports_check_attempts, an_invocation_beside_another_is_reported)
{
    struct records *records = step();

    records_row(records, 1, ENGINE_REQ_APPEND);
    records_expect(records, &check_attempts,
                   records_event(records, ENGINE_EV_OP_SCHEDULED, 0, 2),
                   "trip attempt 2 (op_scheduled): expected attempt 1");
    records_free(records);
}

Test(reports_check_attempts, an_invocation_after_an_error_is_reported)
{
    struct records *records = step();

    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, 0, 1);
    records_event(records, ENGINE_EV_ATTEMPT_FAILED, 0, 1)->a = ENGINE_ERR_USER;
    records_expect(records, &check_attempts,
                   records_event(records, ENGINE_EV_OP_SCHEDULED, 0, 2),
                   "repeats an attempt that must not be");
    records_free(records);
}

Test(reports_check_attempts, an_invocation_that_broke_off_is_repeated)
{
    struct records *records = step();
    struct engine_record *broken;

    for (uint32_t n = 1; n < 10; n++) {
        records_row(records, 1, ENGINE_REQ_APPEND);
        records_event(records, ENGINE_EV_ATTEMPT_STARTED, 0, n);
        broken = records_event(records, ENGINE_EV_ATTEMPT_INTERRUPTED, 0, n);
        broken->a = ENGINE_ERR_INTERRUPTED;
        broken->b = 1;
        records_event(records, ENGINE_EV_RETRY_SCHEDULED, 0, n)->b = n + 1;
        records_wake(records, 1);
    }
    records_expect_pass(records, &check_attempts);
    records_free(records);
}

/* ship is cut off: nobody knows whether it happened. */
static struct records *ambiguous(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SHIPPING);
    records_attempt(records, 1, OP_SHIP, 1, ENGINE_ERR_AMBIGUOUS);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_SHIP, 1);
    records_event(records, ENGINE_EV_ATTEMPT_AMBIGUOUS, OP_SHIP, 1)->a =
        ENGINE_ERR_INTERRUPTED;
    records_row(records, 1, ENGINE_REQ_APPEND);
    return records;
}

Test(reports_check_attempts, an_operator_may_have_an_ambiguous_step_repeated)
{
    struct records *records = ambiguous();

    records_event(records, ENGINE_EV_OPERATOR_ACTION, UINT32_MAX, 0);
    records_event(records, ENGINE_EV_RETRY_SCHEDULED, OP_SHIP, 1)->b = 2;
    records_event(records, ENGINE_EV_OP_SCHEDULED, OP_SHIP, 2);
    records_expect_pass(records, &check_attempts);
    records_free(records);
}

Test(reports_check_attempts, an_ambiguous_step_repeated_by_itself_is_reported)
{
    struct records *records = ambiguous();
    struct engine_record *retry =
        records_event(records, ENGINE_EV_RETRY_SCHEDULED, OP_SHIP, 1);

    retry->b = 2;
    records_expect(records, &check_attempts, retry,
                   "repeats an attempt that must not be");
    records_free(records);
}

/* As if it had come so much later, at its time and all that follows. */
static void delay(struct records *records, struct engine_record *from,
                  uint64_t by_ns)
{
    for (size_t i = (size_t)(from - records->list); i < records->count; i++) {
        records->list[i].time_ns += by_ns;
        records->list[i].wall_ns += by_ns;
    }
}

Test(reports_check_attempts, a_report_long_after_the_timeout_is_reported)
{
    struct records *records = records_new();
    struct engine_record *done;

    records_life(records, 1, LIFE_REPORTED);
    done = records_find(records, ENGINE_REC_WORK_DONE, 0);
    delay(records, done, 11 * SECOND);
    records_expect_pass(records, &check_attempts);
    delay(records, done, SECOND);
    records_expect(records, &check_attempts, done,
                   "after it was begun, and had 10.000000 s");
    records_free(records);
}

Test(reports_check_attempts, a_start_long_after_its_deadline_is_reported)
{
    struct records *records = records_new();
    struct engine_record *claimed;

    records_life(records, 1, LIFE_CLAIMED);
    claimed = records_find(records, ENGINE_REC_WORK_CLAIMED, 0);
    delay(records, claimed, 21 * SECOND);
    records_expect_pass(records, &check_attempts);
    delay(records, claimed, SECOND);
    records_expect(records, &check_attempts, claimed,
                   "after it was scheduled, and had 20.000000 s");
    records_free(records);
}

Test(reports_check_attempts, an_attempt_after_the_deadline_of_all_is_reported)
{
    struct records *records = retried();
    struct engine_record *third =
        records_find_event(records, ENGINE_EV_OP_SCHEDULED, 2);

    delay(records, third, 55 * SECOND);
    records_expect_pass(records, &check_attempts);
    delay(records, third, 5 * SECOND);
    records_expect(records, &check_attempts, third,
                   "after the first, and all have 60.000000 s");
    records_free(records);
}

/* The platform of charge refuses it, or nobody has said so. */
static struct records *refused(uint16_t said)
{
    struct records *records = records_new();
    struct engine_record *record;

    records_life(records, 1, LIFE_CREATED);
    record = records_add(records, ENGINE_REC_PLATFORM, 1, NODE_OTHER_WORKER);
    record->op = OP_CHARGE;
    record->attempt = 1;
    record->count = said;
    records_row(records, 1, ENGINE_REQ_APPEND);
    record = records_event(records, ENGINE_EV_ATTEMPT_FAILED, OP_CHARGE, 1);
    record->a = ENGINE_ERR_PLATFORM_START;
    record->b = 1;
    records_work(records, ENGINE_REC_WORK_CUT, 1, OP_CHARGE, 1);
    return records;
}

Test(reports_check_attempts, an_attempt_that_its_platform_refuses_is_given_up)
{
    for (uint16_t said = 2; said <= 3; said++) {
        struct records *records = refused(said);
        records_expect_pass(records, &check_attempts);
        records_free(records);
    }
}

Test(reports_check_attempts, an_attempt_that_nobody_refused_is_reported)
{
    struct records *records = refused(1);

    records_expect(records, &check_attempts,
                   records_find_event(records, ENGINE_EV_ATTEMPT_FAILED, 0),
                   "its platform has not said so");
    records_free(records);
}

/* Charge is claimed for so long, and cut off then. */
static struct records *cut(uint64_t after_ns)
{
    struct records *records = records_new();
    struct engine_record *record;

    records_life(records, 1, LIFE_CREATED);
    record = records_work(records, ENGINE_REC_WORK_CLAIMED, 1, OP_CHARGE, 1);
    record->peer = NODE_WORKER;
    record->a = record->wall_ns + 10 * SECOND;
    records->now_ns += after_ns;
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_CHARGE, 1);
    record =
        records_event(records, ENGINE_EV_ATTEMPT_INTERRUPTED, OP_CHARGE, 1);
    record->a = ENGINE_ERR_INTERRUPTED;
    record->b = 1;
    records_work(records, ENGINE_REC_WORK_CUT, 1, OP_CHARGE, 1);
    return records;
}

Test(reports_check_attempts,
     an_attempt_cut_off_while_its_claim_holds_is_reported)
{
    struct records *records = cut(5 * SECOND);

    records_expect(
        records, &check_attempts,
        records_find_event(records, ENGINE_EV_ATTEMPT_INTERRUPTED, 0),
        "before its claim is over");
    records_free(records);
}

Test(reports_check_attempts, an_attempt_cut_off_after_its_claim_passes)
{
    struct records *records = cut(11 * SECOND);

    records_expect_pass(records, &check_attempts);
    records_free(records);
}
