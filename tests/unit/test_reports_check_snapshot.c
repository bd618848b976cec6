#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/records.h"

static struct engine_record *restored(struct records *records, uint64_t seq,
                                      unsigned detail)
{
    struct engine_record *record =
        records_add(records, ENGINE_REC_RESTORED, 1, NODE_STORE);

    record->a = seq;
    record->detail = (uint16_t)detail;
    return record;
}

Test(reports_check_snapshot, snapshots_that_are_their_logs_pass)
{
    struct records *records = records_handlers_new();

    records->world.snapshots = 1;
    records_trip(records, 1);
    restored(records, 3, 0);
    records_end(records);
    records_expect_pass(records, &check_snapshot);
    records_free(records);
}

Test(reports_check_snapshot, one_that_leaves_something_out_is_reported)
{
    struct records *records = records_handlers_new();

    records->world.snapshots = 1;
    records_trip(records, 1);
    records_expect(records, &check_snapshot, restored(records, 3, 1),
                   "run 1: its snapshot up to seq 3 and the rows behind it");
    records_free(records);
}

Test(reports_check_snapshot, without_snapshots_it_does_not_apply)
{
    struct records *records = records_handlers_new();
    struct check_result result;

    records_trip(records, 1);
    records_end(records);
    result = records_judge(records, &check_snapshot);
    cr_assert(result.absent);
    records_free(records);
}
