#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct records *stream(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    records_life(records, 2, LIFE_CLAIMED);
    records_add(records, ENGINE_REC_INVOKED, 1, NODE_WORKER);
    records_add(records, ENGINE_REC_GAUGE, 0, NODE_WORKER)->a = 1;
    records_end(records);
    return records;
}

Test(reports_check_conserved, counts_that_agree_pass)
{
    struct records *records = stream();

    records_expect_pass(records, &check_conserved);
    records_free(records);
}

Test(reports_check_conserved, a_work_row_that_vanished_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_AUDIT_WORK, 0));
    records_expect(records, &check_conserved,
                   records_find(records, ENGINE_REC_AUDIT_DONE, 0),
                   "1 work rows were put and neither taken nor cut, the store "
                   "has 0");
    records_free(records);
}

Test(reports_check_conserved, a_run_that_vanished_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_AUDIT_RUN, 0));
    records_expect(records, &check_conserved,
                   records_find(records, ENGINE_REC_AUDIT_DONE, 0),
                   "1 runs were left succeeded, the store has 0");
    records_free(records);
}

Test(reports_check_conserved, more_acknowledged_than_put_is_reported)
{
    struct records *records = stream();
    struct engine_record *acked =
        records_find(records, ENGINE_REC_OUTBOX_ACKED, 0);

    records_expect(records, &check_conserved, records_repeat(records, acked),
                   "only 1 were put");
    records_free(records);
}

Test(reports_check_conserved, less_than_nothing_in_flight_is_reported)
{
    struct records *records = stream();
    struct engine_record *gauge = records_find(records, ENGINE_REC_GAUGE, 0);

    gauge->a = UINT64_MAX;
    records_expect(records, &check_conserved, gauge, "has -1 invocations");
    gauge->a = 2;
    records_expect(records, &check_conserved, gauge, "only 1 were ever made");
    records_free(records);
}
