#include "tests/support/records.h"

#include <criterion/criterion.h>

/* The holder of run 1 crashes; another node has it after a time. */
static struct records *orphaned(uint64_t after_ns)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_CLAIMED);
    records_add(records, ENGINE_REC_PROC_DOWN, 0, NODE_FIRST)->detail =
        ENGINE_ACT_CRASH;
    records->now_ns += after_ns;
    records_grant(records, 1, NODE_SECOND);
    return records;
}

Test(reports_check_orphans, an_orphan_granted_in_time_passes)
{
    struct records *records = orphaned(13 * SECOND);

    records_expect_pass(records, &check_orphans);
    records_free(records);
}

Test(reports_check_orphans, an_orphan_granted_too_late_is_reported)
{
    struct records *records = orphaned(15 * SECOND);

    records_expect(records, &check_orphans,
                   records_find(records, ENGINE_REC_LEASE_GRANTED, 1),
                   "run 1: node 1 went down with it");
    records_free(records);
}

Test(reports_check_orphans, an_orphan_nobody_takes_is_reported)
{
    struct records *records = orphaned(0);

    records->count -= 3; /* the grant and its row */
    records_expect(records, &check_orphans,
                   records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE),
                   "none until the end");
    records_free(records);
}

Test(reports_check_orphans, time_without_a_store_does_not_count)
{
    struct records *records = orphaned(0);

    records->count -= 3;
    records_add(records, ENGINE_REC_PROC_DOWN, 0, NODE_STORE)->detail =
        ENGINE_ACT_CRASH;
    records->now_ns += 30 * SECOND;
    records_add(records, ENGINE_REC_PROC_UP, 0, NODE_STORE);
    records->now_ns += 13 * SECOND;
    records_grant(records, 1, NODE_SECOND);
    records_expect_pass(records, &check_orphans);
    records_free(records);
}

Test(reports_check_orphans, a_run_given_back_is_no_orphan)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_add(records, ENGINE_REC_PROC_DOWN, 0, NODE_FIRST)->detail =
        ENGINE_ACT_CRASH;
    records->now_ns += 100 * SECOND;
    records_grant(records, 1, NODE_SECOND);
    cr_assert_eq(records_judge(records, &check_orphans).violations, 0);
    records_free(records);
}

Test(reports_check_orphans, an_orphan_may_queue_behind_other_grants)
{
    struct records *records = orphaned(0);

    records->count -= 3;
    records_life(records, 2, LIFE_WAITING);
    for (int i = 0; i < 20; i++) {
        records->now_ns += SECOND;
        records_grant(records, 2, NODE_SECOND);
    }
    records_grant(records, 1, NODE_SECOND);
    records_expect_pass(records, &check_orphans);
    records_free(records);
}
