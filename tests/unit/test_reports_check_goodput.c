#include "tests/support/records.h"

#include <criterion/criterion.h>

enum {
    RUNS = 40
};

/* A fault, then so many runs a second apart, of which some take too long. */
static struct records *offered(unsigned late)
{
    struct records *records = records_new();

    records->world.runs_max = RUNS;
    records_add(records, ENGINE_REC_FAULT, 0, NODE_STORE)->detail =
        ENGINE_ACT_LOSE;
    records->now_ns += 61 * SECOND;
    for (uint64_t run = 1; run <= RUNS; run++) {
        records_add(records, ENGINE_REC_START_SENT, 1, NODE_CLIENT)->run = run;
        records->now_ns += SECOND;
    }
    for (uint64_t run = 1; run <= RUNS; run++) {
        struct engine_record *row;

        if (run > RUNS - late)
            records->now_ns += 100 * SECOND;
        row = records_add(records, ENGINE_REC_APPENDED, 1, NODE_STORE);
        row->run = run;
        row->state = ENGINE_RUN_SUCCEEDED;
    }
    records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE);
    return records;
}

Test(reports_check_goodput, runs_done_in_time_after_a_fault_pass)
{
    struct records *records = offered(0);
    struct check_result result = records_judge(records, &check_goodput);

    cr_assert_eq(result.verdict, CHECK_PASS);
    cr_assert_eq(result.checked, RUNS);
    records_free(records);
}

Test(reports_check_goodput, one_in_twenty_may_be_late)
{
    struct records *records = offered(2);

    records_expect_pass(records, &check_goodput);
    records_free(records);
}

Test(reports_check_goodput, more_than_that_is_reported)
{
    struct records *records = offered(3);

    records_expect(records, &check_goodput, &records->list[records->count - 1],
                   "3 were not done within 60.000000 s");
    records_free(records);
}

/* So many runs and no more; the last ones are late. */
static struct records *few(unsigned runs, unsigned late)
{
    struct records *records = offered(late);

    for (size_t i = records->count; i-- > 0;)
        if (records->list[i].run > 0 && records->list[i].run <= RUNS - runs)
            records_drop(records, &records->list[i]);
    return records;
}

Test(reports_check_goodput, one_of_a_few_may_be_late)
{
    struct records *records = few(6, 1);

    records_expect_pass(records, &check_goodput);
    records_free(records);
}

Test(reports_check_goodput, two_of_a_few_are_reported)
{
    struct records *records = few(6, 2);

    records_expect(records, &check_goodput, &records->list[records->count - 1],
                   "of 6 runs");
    records_free(records);
}

Test(reports_check_goodput, five_runs_say_nothing)
{
    struct records *records = few(5, 5);

    cr_assert(records_judge(records, &check_goodput).absent);
    records_free(records);
}

Test(reports_check_goodput, without_load_after_the_fault_there_is_nothing)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    records_end(records);
    cr_assert(records_judge(records, &check_goodput).absent);
    records_free(records);
}

Test(reports_check_goodput, a_platform_that_cannot_carry_the_load_is_not_judged)
{
    struct records *records = offered(30);

    records->world.load_milli = 900;
    cr_assert(records_judge(records, &check_goodput).absent);
    records_free(records);
}

Test(reports_check_goodput, a_run_that_waits_for_something_counts_as_served)
{
    struct records *records = offered(3);

    for (size_t i = 0; i < records->count; i++)
        if (records->list[i].kind == ENGINE_REC_APPENDED)
            records->list[i].time_ns = 200 * SECOND;
    records->list[records->count - 2].state = ENGINE_RUN_SUSPENDED;
    records_expect_pass(records, &check_goodput);
    records_free(records);
}
