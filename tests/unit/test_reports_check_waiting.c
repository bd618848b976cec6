#include "tests/support/records.h"

#include <criterion/criterion.h>

/* Charge of run 1 is put; both workers are there and have said so. */
static struct records *put(void)
{
    struct records *records = records_new();

    records_add(records, ENGINE_REC_PROC_UP, 0, NODE_WORKER);
    records_add(records, ENGINE_REC_PROC_UP, 0, NODE_OTHER_WORKER);
    records_life(records, 1, LIFE_CREATED);
    return records;
}

static struct engine_record *claim(struct records *records)
{
    return records_work(records, ENGINE_REC_WORK_CLAIMED, 1, OP_CHARGE, 1);
}

Test(reports_check_waiting, work_that_is_claimed_at_once_passes)
{
    struct records *records = put();

    claim(records);
    records_expect_pass(records, &check_waiting);
    records_free(records);
}

Test(reports_check_waiting, work_left_beside_an_idle_worker_is_reported)
{
    struct records *records = put();

    records->now_ns += 31 * SECOND;
    records_expect(records, &check_waiting, claim(records),
                   "attempt 1 of charge was left to wait beside node 3");
    records_free(records);
}

Test(reports_check_waiting, work_that_nobody_ever_claims_is_reported)
{
    struct records *records = put();

    records->now_ns += 31 * SECOND;
    records_expect(records, &check_waiting,
                   records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE),
                   "charge was left to wait");
    records_free(records);
}

/* A worker begins another attempt, which takes its only slot. */
static void occupy(struct records *records, unsigned node)
{
    records_work(records, ENGINE_REC_ATTEMPT_BEGIN, 2, OP_CHARGE, 1)->node =
        (uint16_t)node;
}

Test(reports_check_waiting, work_may_wait_while_all_workers_are_busy)
{
    struct records *records = put();

    occupy(records, NODE_WORKER);
    occupy(records, NODE_OTHER_WORKER);
    records->now_ns += 31 * SECOND;
    claim(records);
    records_expect_pass(records, &check_waiting);
    records_free(records);
}

Test(reports_check_waiting, a_worker_that_is_down_is_not_idle)
{
    struct records *records = put();

    occupy(records, NODE_WORKER);
    records_add(records, ENGINE_REC_PROC_DOWN, 0, NODE_OTHER_WORKER)->detail =
        ENGINE_ACT_CRASH;
    records->now_ns += 31 * SECOND;
    claim(records);
    cr_assert_eq(records_judge(records, &check_waiting).violations, 0);
    records_free(records);
}

Test(reports_check_waiting, a_platform_that_says_it_has_room_is_believed)
{
    struct records *records = put();
    struct engine_record *gauge;

    occupy(records, NODE_WORKER);
    occupy(records, NODE_OTHER_WORKER);
    gauge = records_add(records, ENGINE_REC_GAUGE, 0, NODE_STORE);
    gauge->a = 1;
    gauge->b = 2;
    records->now_ns += 31 * SECOND;
    records_expect(records, &check_waiting, claim(records),
                   "was left to wait beside free slots");
    records_free(records);
}

Test(reports_check_waiting, throttling_starts_the_bound_again)
{
    struct records *records = put();

    records->now_ns += 20 * SECOND;
    records_add(records, ENGINE_REC_THROTTLED, 1, NODE_STORE);
    records->now_ns += 20 * SECOND;
    claim(records);
    records_expect_pass(records, &check_waiting);
    records_free(records);
}
