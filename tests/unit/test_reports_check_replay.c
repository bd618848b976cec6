#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/records.h"

static struct engine_record *replayed(struct records *records, uint64_t seq,
                                      unsigned detail)
{
    struct engine_record *record =
        records_add(records, ENGINE_REC_REPLAYED, 1, NODE_FIRST);

    record->a = seq;
    record->detail = (uint16_t)detail;
    return record;
}

Test(reports_check_replay, states_that_their_logs_fold_to_pass)
{
    struct records *records = records_new();

    records->world.paranoid = 1;
    records_life(records, 1, LIFE_ACKED);
    replayed(records, 4, 0);
    records_end(records);
    records_expect_pass(records, &check_replay);
    records_free(records);
}

Test(reports_check_replay, a_state_of_its_own_is_reported)
{
    struct records *records = records_new();

    records->world.paranoid = 1;
    records_life(records, 1, LIFE_ACKED);
    replayed(records, 4, 0);
    records_expect(records, &check_replay, replayed(records, 7, 1),
                   "run 1: at seq 7 node 1 is in another state");
    records_free(records);
}

Test(reports_check_replay, a_world_that_is_not_asked_is_not_judged)
{
    struct records *records = records_new();
    struct check_result result;

    records_life(records, 1, LIFE_ACKED);
    records_end(records);
    result = records_judge(records, &check_replay);
    cr_assert(result.absent);
    cr_assert_not_null(strstr(result.reason, "--paranoid"));
    records_free(records);
}

Test(reports_check_replay, nothing_to_look_at_is_no_pass)
{
    struct records *records = records_new();
    struct check_result result;

    records->world.paranoid = 1;
    records_life(records, 1, LIFE_ACKED);
    records_end(records);
    result = records_judge(records, &check_replay);
    cr_assert_eq(result.verdict, CHECK_INCONCLUSIVE);
    cr_assert(!result.absent);
    records_free(records);
}
