/*
 * S8 by hand: the outcomes of one stream are the golden ones of another.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "engine/operation.h"
#include "reports/outcome.h"
#include "tests/support/records.h"

/* Run 1 to its end, with a result and what its effects asked for. */
static void live(struct records *records)
{
    records_life(records, 1, LIFE_ACKED);
    records_find_event(records, ENGINE_EV_RUN_SUCCEEDED, 0)->a = 0xabc;
    records_find(records, ENGINE_REC_EFFECT_APPLIED, 0)->token = 11;
    records_find(records, ENGINE_REC_EFFECT_APPLIED, 1)->token = 12;
}

static struct records *lived(void)
{
    struct records *records = records_new();

    live(records);
    return records;
}

/* What came of a stream's runs; ends it. */
static struct outcomes *collect(struct records *records)
{
    struct outcomes *outcomes = outcomes_new();

    cr_assert_not_null(outcomes);
    records_end(records);
    records->world.outcomes = outcomes;
    cr_assert_eq(records_judge(records, &check_outcome).violations, 0);
    records->world.outcomes = NULL;
    return outcomes;
}

/* The outcomes of such a run without any fault. */
static struct outcomes *golden(void)
{
    struct records *records = lived();
    struct outcomes *outcomes = collect(records);

    records_free(records);
    return outcomes;
}

/* Ends the stream and judges it against the golden run of this file. */
static struct check_result judge(struct records *records)
{
    struct outcomes *outcomes = golden();
    struct check_result result;

    records_end(records);
    records->world.golden = outcomes;
    result = records_judge(records, &check_outcome);
    records->world.golden = NULL;
    outcomes_free(outcomes);
    records_free(records);
    return result;
}

static void expect_wrong(struct records *records, const char *text)
{
    struct check_result result = judge(records);

    cr_assert_gt(result.violations, 0);
    cr_assert_not_null(strstr(result.first.text, text), "%s",
                       result.first.text);
}

Test(reports_check_outcome, the_same_run_is_equal)
{
    struct check_result result = judge(lived());

    cr_assert_eq(result.verdict, CHECK_PASS, "%s", result.first.text);
    /* The run and its two effects. */
    cr_assert_eq(result.checked, 3);
    cr_assert_eq(result.apart, 0);
}

Test(reports_check_outcome, without_a_golden_world_it_does_not_apply)
{
    struct records *records = lived();
    struct check_result result;

    records_end(records);
    result = records_judge(records, &check_outcome);
    cr_assert(result.absent);
    cr_assert_not_null(strstr(result.reason, "--golden"));
    records_free(records);
}

Test(reports_check_outcome, another_result_is_reported)
{
    struct records *records = lived();

    records_find_event(records, ENGINE_EV_RUN_SUCCEEDED, 0)->a = 0xdef;
    expect_wrong(records, "run 1: it has succeeded with 0000000000000def; "
                          "without faults with 0000000000000abc");
}

Test(reports_check_outcome, another_end_is_reported)
{
    struct records *records = lived();

    records_find_event(records, ENGINE_EV_RUN_SUCCEEDED, 0)->detail =
        ENGINE_EV_RUN_FAILED;
    expect_wrong(records, "it has failed; without faults it has succeeded");
}

Test(reports_check_outcome, a_run_nobody_asks_for_is_reported)
{
    struct records *records = lived();

    records_life(records, 2, LIFE_ACKED);
    expect_wrong(records, "run 2: it exists");
}

Test(reports_check_outcome, an_effect_that_is_missing_is_reported)
{
    struct records *records = lived();

    records_drop(records, records_find(records, ENGINE_REC_EFFECT_APPLIED, 0));
    expect_wrong(records, "the effect of charge was not applied");
}

Test(reports_check_outcome, an_effect_with_a_key_is_counted)
{
    struct records *records = lived();

    records_repeat(records, records_find(records, ENGINE_REC_EFFECT_APPLIED, 0))
        ->attempt++;
    expect_wrong(records, "the effect of charge was applied 2 times, another "
                          "number of times than without faults (1 times)");
}

Test(reports_check_outcome, an_irreversible_effect_may_not_come_twice)
{
    struct records *records = lived();

    records_repeat(records,
                   records_find(records, ENGINE_REC_EFFECT_APPLIED, 1));
    expect_wrong(records, "the effect of ship was applied 2 times, more often");
}

Test(reports_check_outcome, an_effect_that_asks_for_something_else_is_reported)
{
    struct records *records = lived();

    records_find(records, ENGINE_REC_EFFECT_APPLIED, 0)->token = 99;
    expect_wrong(records, "asking for something else than without faults");
}

/* Charge is cut short in each of its three attempts, and the run fails. */
static struct records *used_up(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    records_row(records, 1, ENGINE_REQ_APPEND);
    for (uint32_t attempt = 1; attempt <= 3; attempt++) {
        records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_CHARGE, attempt);
        records_event(records, ENGINE_EV_ATTEMPT_INTERRUPTED, OP_CHARGE,
                      attempt)
            ->a = ENGINE_ERR_INTERRUPTED;
    }
    records_event(records, ENGINE_EV_OP_FAILED, OP_CHARGE, 3);
    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_FAILED;
    records_event(records, ENGINE_EV_RUN_FAILED, UINT32_MAX, 0)->a =
        ENGINE_ERR_INTERRUPTED;
    return records;
}

Test(reports_check_outcome, attempts_that_faults_used_up_are_counted_apart)
{
    struct check_result result = judge(used_up());

    cr_assert_eq(result.violations, 0, "%s", result.first.text);
    cr_assert_eq(result.apart, 1);
}

Test(reports_check_outcome, even_then_nothing_else_may_be_done)
{
    struct records *records = used_up();

    records_work(records, ENGINE_REC_EFFECT_APPLIED, 1, OP_HOLD, 1)->node =
        NODE_RECEIVER;
    expect_wrong(records, "the effect of hold was applied by attempt 1; "
                          "without faults it never is");
}

Test(reports_check_outcome, the_steps_own_error_excuses_nothing)
{
    struct records *records = used_up();

    for (size_t n = 0; n < 3; n++) {
        struct engine_record *event =
            records_find_event(records, ENGINE_EV_ATTEMPT_INTERRUPTED, 0);
        event->detail = ENGINE_EV_ATTEMPT_FAILED;
        event->a = ENGINE_ERR_USER;
    }
    expect_wrong(records, "it has failed; without faults it has succeeded");
}

Test(reports_check_outcome, a_broken_attempt_alone_excuses_nothing)
{
    struct records *records = used_up();

    records_find_event(records, ENGINE_EV_OP_FAILED, 0)->op = OP_HOLD;
    expect_wrong(records, "it has failed; without faults it has succeeded");
}

Test(reports_check_outcome, another_lot_is_drawn_only_where_chance_decides)
{
    static const uint8_t chance[] = {CHECK_FREE_CHANCE};
    struct records *records = used_up();
    struct check_result result;

    records_find_event(records, ENGINE_EV_OP_FAILED, 0)->op = OP_HOLD;
    records->world.freedom = chance;
    result = judge(records);
    cr_assert_eq(result.violations, 0, "%s", result.first.text);
    cr_assert_eq(result.apart, 1);
}

Test(reports_check_outcome, what_an_operator_ended_is_counted_apart)
{
    struct records *records = records_new();
    struct check_result result;

    records_life(records, 1, LIFE_WAITING);
    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_CANCELLED;
    records_event(records, ENGINE_EV_RUN_CANCELLED, UINT32_MAX, 0);
    records_find(records, ENGINE_REC_EFFECT_APPLIED, 0)->token = 11;
    result = judge(records);
    cr_assert_eq(result.violations, 0, "%s", result.first.text);
    cr_assert_eq(result.apart, 1);
}

Test(reports_check_outcome, one_of_several_schedules_is_enough)
{
    static const uint8_t choice[] = {CHECK_FREE_CHOICE};
    struct records *records = lived();
    struct records *other = lived();
    struct outcomes *outcomes = golden();
    struct check_result result;

    records_find_event(records, ENGINE_EV_RUN_SUCCEEDED, 0)->a = 0xdef;
    records_find_event(other, ENGINE_EV_RUN_SUCCEEDED, 0)->a = 0xdef;
    outcomes->next = collect(other);
    records_end(records);
    records->world.golden = outcomes;
    records->world.freedom = choice;
    result = records_judge(records, &check_outcome);
    cr_assert_eq(result.verdict, CHECK_PASS, "%s", result.first.text);
    cr_assert_eq(result.apart, 0);
    outcomes_free(outcomes);
    records_free(other);
    records_free(records);
}

Test(reports_check_outcome, an_end_that_no_schedule_has_is_reported)
{
    static const uint8_t choice[] = {CHECK_FREE_CHOICE};
    struct records *records = lived();

    records->world.freedom = choice;
    records_find_event(records, ENGINE_EV_RUN_SUCCEEDED, 0)->detail =
        ENGINE_EV_RUN_FAILED;
    expect_wrong(records, "it has failed; without faults it has succeeded");
}

Test(reports_check_outcome, runs_that_spoke_to_each_other_stand_for_another)
{
    struct records *records = records_handlers_new();
    struct outcomes *outcomes;

    records_trip(records, 1);
    records_send(records, 1, ENGINE_OUTBOX_SIGNAL, 2, 2);
    records_trip(records, 2);
    records_trip(records, 3);
    outcomes = collect(records);
    cr_assert_eq(outcomes_family(outcomes, 0), outcomes_family(outcomes, 1));
    cr_assert_neq(outcomes_family(outcomes, 0), outcomes_family(outcomes, 2));
    outcomes_free(outcomes);
    records_free(records);
}
