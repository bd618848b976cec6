#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct engine_record *world_end(struct records *records, uint64_t left)
{
    struct engine_record *end =
        records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE);

    end->a = left;
    return end;
}

Test(reports_check_progress, runs_that_end_pass)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ENDED);
    world_end(records, 0);
    records_expect_pass(records, &check_progress);
    records_free(records);
}

Test(reports_check_progress, a_blocked_run_passes)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SHIPPED);
    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_BLOCKED;
    records_event(records, ENGINE_EV_RUN_BLOCKED, UINT32_MAX, 0);
    world_end(records, 0);
    records_expect_pass(records, &check_progress);
    records_free(records);
}

Test(reports_check_progress, a_stuck_run_is_reported_with_what_it_waits_for)
{
    static const struct {
        enum life life;
        const char *text;
    } cases[] = {
        {LIFE_CREATED, "charge is scheduled: attempt 1 is put, never "
                       "dispatched and not claimed"},
        {LIFE_CLAIMED, "charge is scheduled: attempt 1 is claimed by node 3"},
        {LIFE_REPORTED, "attempt 1 was reported, but not taken"},
        {LIFE_WAITING, "hold is waiting: due at store time 105.01"},
        {LIFE_SHIPPING, "its lease (token 2) is held by node 1"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct records *records = records_new();

        records_life(records, 1, cases[i].life);
        records_expect(records, &check_progress, world_end(records, 0),
                       cases[i].text);
        records_free(records);
    }
}

Test(reports_check_progress, work_that_was_never_put_is_named)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SHIPPING);
    records_drop(records, records_find(records, ENGINE_REC_WORK_PUT, 1));
    records_expect(records, &check_progress, world_end(records, 0),
                   "ship is scheduled: attempt 1 has no work row");
    records_free(records);
}

Test(reports_check_progress, a_world_cut_off_early_is_inconclusive)
{
    struct records *records = records_new();
    struct engine_record *end;

    records_life(records, 1, LIFE_WAITING);
    end = world_end(records, 3);
    cr_assert_eq(records_judge(records, &check_progress).verdict,
                 CHECK_INCONCLUSIVE);
    end->time_ns += 1000 * SECOND;
    records_expect(records, &check_progress, end, "run 1: suspended");
    records_free(records);
}

Test(reports_check_progress, a_run_that_ends_too_late_is_reported)
{
    struct records *records = records_new();
    struct engine_record *end;

    records_life(records, 1, LIFE_ENDED);
    end = records_find_event(records, ENGINE_EV_RUN_SUCCEEDED, 0);
    end->time_ns += 1000 * SECOND;
    records_expect(records, &check_progress, end, "run 1: ended at");
    records_free(records);
}

Test(reports_check_progress, a_fault_gives_runs_time_but_a_defect_does_not)
{
    struct records *records = records_new();
    struct engine_record *fault;

    records_life(records, 1, LIFE_WAITING);
    records->now_ns += 990 * SECOND;
    fault = records_add(records, ENGINE_REC_FAULT, 0, NODE_STORE);
    fault->detail = ENGINE_ACT_CRASH;
    records->now_ns += 50 * SECOND;
    world_end(records, 1);
    cr_assert_eq(records_judge(records, &check_progress).verdict,
                 CHECK_INCONCLUSIVE);
    records_find(records, ENGINE_REC_FAULT, 0)->detail = ENGINE_ACT_DEFECT;
    cr_assert_eq(records_judge(records, &check_progress).verdict, CHECK_FAIL);
    records_free(records);
}

Test(reports_check_progress, a_disk_that_never_came_back_excuses)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_add(records, ENGINE_REC_DISK_FAULT, 0, NODE_STORE)->detail =
        ENGINE_ACT_FULL;
    world_end(records, 0);
    cr_assert_eq(records_judge(records, &check_progress).verdict,
                 CHECK_EXCUSED);
    records_free(records);
}
