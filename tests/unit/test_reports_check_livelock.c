#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct engine_record *world_end(struct records *records)
{
    return records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE);
}

Test(reports_check_livelock, a_life_that_goes_on_passes)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    records->now_ns += 1000 * SECOND;
    world_end(records);
    records_expect_pass(records, &check_livelock);
    records_free(records);
}

Test(reports_check_livelock, a_world_that_stands_still_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    records->now_ns += 31 * SECOND;
    records_expect(records, &check_livelock, world_end(records),
                   "run 1 waits for a worker to claim attempt 1 of charge");
    records_free(records);
}

Test(reports_check_livelock, a_standstill_that_ends_is_reported_all_the_same)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    records->now_ns += 31 * SECOND;
    records_life(records, 2, LIFE_CREATED);
    records_expect(records, &check_livelock,
                   records_find(records, ENGINE_REC_APPENDED, 1),
                   "nothing advanced for");
    records_free(records);
}

Test(reports_check_livelock, a_wait_that_is_not_over_is_no_standstill)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_find_event(records, ENGINE_EV_WAIT_STARTED, 0)->a = 3600 * SECOND;
    records->now_ns += 1000 * SECOND;
    world_end(records);
    records_expect_pass(records, &check_livelock);
    records_free(records);
}

Test(reports_check_livelock, a_fault_starts_the_bound_again)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CREATED);
    records->now_ns += 20 * SECOND;
    records_add(records, ENGINE_REC_FAULT, 0, NODE_STORE)->detail =
        ENGINE_ACT_LOSE;
    records->now_ns += 20 * SECOND;
    world_end(records);
    records_expect_pass(records, &check_livelock);
    records->world.heal = CHECK_HEAL_NONE;
    records_expect(records, &check_livelock, &records->list[records->count - 1],
                   "nothing advanced for");
    records_free(records);
}

/* The owner is refused every two seconds. */
static struct records *refused(unsigned times)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CLAIMED);
    for (unsigned i = 0; i < times; i++) {
        records->now_ns += 2 * SECOND;
        records_add(records, ENGINE_REC_REJECTED, 1, NODE_STORE)->detail =
            ENGINE_REQ_APPEND;
    }
    return records;
}

Test(reports_check_livelock, a_run_refused_again_and_again_is_a_hot_loop)
{
    struct records *records = refused(17);

    records_expect(records, &check_livelock,
                   records_find(records, ENGINE_REC_REJECTED, 15),
                   "tried 16 times");
    records_free(records);
}

Test(reports_check_livelock, a_few_refusals_are_no_loop)
{
    struct records *records = refused(10);

    world_end(records);
    records_expect_pass(records, &check_livelock);
    records_free(records);
}

Test(reports_check_livelock, a_run_that_changes_hands_without_end_is_a_loop)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    for (int i = 0; i < 20; i++) {
        records->now_ns += 2 * SECOND;
        records_grant(records, 1, i % 2 ? NODE_FIRST : NODE_SECOND);
    }
    cr_assert_gt(records_judge(records, &check_livelock).violations, 0);
    records_free(records);
}
