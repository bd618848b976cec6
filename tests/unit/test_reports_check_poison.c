#include "tests/support/records.h"

#include <criterion/criterion.h>

enum {
    RUNS = 40
};

/* Charge of run 1 begins, and its worker dies, so many times. */
static struct records *deadly(unsigned times)
{
    struct records *records = records_new();

    records->world.runs_max = RUNS;
    records_life(records, 1, LIFE_CREATED);
    for (unsigned i = 1; i <= times; i++) {
        records_work(records, ENGINE_REC_ATTEMPT_BEGIN, 1, OP_CHARGE, i);
        records->now_ns += SECOND;
        records_add(records, ENGINE_REC_PROC_DOWN, 0, NODE_WORKER)->detail =
            ENGINE_ACT_OOM;
        records_add(records, ENGINE_REC_PROC_UP, 0, NODE_WORKER);
    }
    return records;
}

Test(reports_check_poison, as_many_attempts_as_declared_pass)
{
    struct records *records = deadly(3);

    records_expect_pass(records, &check_poison);
    records_free(records);
}

Test(reports_check_poison, one_attempt_more_is_reported)
{
    struct records *records = deadly(4);

    records_expect(records, &check_poison,
                   records_find(records, ENGINE_REC_ATTEMPT_BEGIN, 3),
                   "charge is begun again after 3 of its workers died");
    records_free(records);
}

Test(reports_check_poison, a_world_without_deaths_has_nothing_to_check)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    records_end(records);
    cr_assert(records_judge(records, &check_poison).absent);
    records_free(records);
}

/* Others start between the second and the third death; some are late. */
static struct records *beside(unsigned late)
{
    struct records *records = deadly(2);

    for (uint64_t run = 2; run <= RUNS; run++)
        records_add(records, ENGINE_REC_START_SENT, 1, NODE_CLIENT)->run = run;
    records_work(records, ENGINE_REC_ATTEMPT_BEGIN, 1, OP_CHARGE, 3);
    records_add(records, ENGINE_REC_PROC_DOWN, 0, NODE_WORKER)->detail =
        ENGINE_ACT_OOM;
    for (uint64_t run = 2; run <= RUNS; run++) {
        struct engine_record *row;

        if (run == RUNS + 1 - late)
            records->now_ns += 100 * SECOND;
        row = records_add(records, ENGINE_REC_APPENDED, 1, NODE_STORE);
        row->run = run;
        row->state = ENGINE_RUN_SUCCEEDED;
    }
    records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE);
    return records;
}

Test(reports_check_poison, others_that_go_on_pass)
{
    struct records *records = beside(19);

    records_expect_pass(records, &check_poison);
    records_free(records);
}

Test(reports_check_poison, more_late_ones_than_a_workers_share_are_reported)
{
    struct records *records = beside(20);

    records_expect(records, &check_poison, &records->list[records->count - 1],
                   "20 of 39 other runs were not done");
    records_free(records);
}

Test(reports_check_poison, others_are_not_judged_where_other_things_go_wrong)
{
    struct records *records = beside(20);
    struct engine_record *fault = records_find(records, ENGINE_REC_PROC_UP, 0);

    fault->kind = ENGINE_REC_FAULT;
    fault->detail = ENGINE_ACT_LOSE;
    records_expect_pass(records, &check_poison);
    records_free(records);
}
