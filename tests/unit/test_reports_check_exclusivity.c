#include "tests/support/records.h"

#include <criterion/criterion.h>

/* Node 1 has the run, the lease runs out, node 2 takes it. */
static struct records *stolen(uint64_t after_ns)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    records->now_ns =
        records_find(records, ENGINE_REC_LEASE_GRANTED, 0)->a + after_ns;
    records_grant(records, 1, NODE_SECOND);
    return records;
}

static struct engine_record *act(struct records *records, uint64_t wait_ns)
{
    struct engine_record *record;

    records->now_ns += wait_ns;
    record = records_add(records, ENGINE_REC_ACTED, 1, NODE_FIRST);
    record->token = 1;
    return record;
}

Test(reports_check_exclusivity, one_owner_after_another_passes)
{
    struct records *records = stolen(0);

    records_expect_pass(records, &check_exclusivity);
    records_free(records);
}

Test(reports_check_exclusivity, an_act_within_the_skew_bound_passes)
{
    struct records *records = stolen(0);

    act(records, SECOND / 4);
    records_expect_pass(records, &check_exclusivity);
    records_free(records);
}

Test(reports_check_exclusivity, an_act_after_the_run_was_taken_is_reported)
{
    struct records *records = stolen(0);

    records_expect(records, &check_exclusivity, act(records, SECOND),
                   "run 1: node 1 acted as its owner with token 1");
    records_free(records);
}

Test(reports_check_exclusivity, a_lease_granted_too_early_is_reported)
{
    struct records *records = stolen(UINT64_C(0) - UINT64_C(100000000));

    records_expect(records, &check_exclusivity,
                   records_find(records, ENGINE_REC_LEASE_GRANTED, 1),
                   "node 1 holds it until");
    records_free(records);
}

Test(reports_check_exclusivity, a_lease_given_back_may_be_granted_at_once)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_grant(records, 1, NODE_SECOND);
    /* The former holder lost the answer and asks again. */
    act(records, SECOND);
    records_expect_pass(records, &check_exclusivity);
    records_free(records);
}

Test(reports_check_exclusivity, a_second_claim_of_an_attempt_is_reported)
{
    struct records *records = records_new();
    struct engine_record *claim;

    records_life(records, 1, LIFE_CLAIMED);
    records_work(records, ENGINE_REC_WORK_CLAIMED, 1, OP_CHARGE, 1);
    records_expect_pass(records, &check_exclusivity); /* the same worker */
    claim = records_work(records, ENGINE_REC_WORK_CLAIMED, 1, OP_CHARGE, 1);
    claim->peer = NODE_OTHER_WORKER;
    records_expect(records, &check_exclusivity, claim,
                   "attempt 1 of charge was claimed by node 4");
    records_free(records);
}

/* The worker claims charge, its claim runs out, the attempt is cut. */
static struct records *cut(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CLAIMED);
    records->now_ns += 10 * SECOND;
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_STARTED, OP_CHARGE, 1);
    records_event(records, ENGINE_EV_ATTEMPT_INTERRUPTED, OP_CHARGE, 1);
    records_work(records, ENGINE_REC_WORK_CUT, 1, OP_CHARGE, 1);
    return records;
}

Test(reports_check_exclusivity,
     an_effect_of_an_attempt_that_is_over_is_reported)
{
    struct records *records = cut();
    struct engine_record *effect;

    records_expect_pass(records, &check_exclusivity);
    effect = records_work(records, ENGINE_REC_EFFECT_SENT, 1, OP_CHARGE, 1);
    records_expect(records, &check_exclusivity, effect,
                   "asked for an effect in attempt 1 of charge, which is over");
    records_free(records);
}

Test(reports_check_exclusivity, who_has_just_stood_still_may_do_one_more_thing)
{
    struct records *records = cut();

    records_add(records, ENGINE_REC_PROC_RESUMED, 0, NODE_WORKER);
    records->now_ns = records->list[records->count - 1].time_ns;
    records_work(records, ENGINE_REC_EFFECT_SENT, 1, OP_CHARGE, 1);
    records_expect_pass(records, &check_exclusivity);
    records_free(records);
}

Test(reports_check_exclusivity, a_clock_that_was_bent_is_not_relied_on)
{
    struct records *records = cut();

    records_add(records, ENGINE_REC_FAULT, 0, NODE_WORKER)->detail =
        ENGINE_ACT_FREEZE;
    records_work(records, ENGINE_REC_EFFECT_SENT, 1, OP_CHARGE, 1);
    records_expect_pass(records, &check_exclusivity);
    records_free(records);
}
