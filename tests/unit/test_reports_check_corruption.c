#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct records *stream(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_add(records, ENGINE_REC_TAINT_READ, 0, NODE_STORE)->detail = 1;
    records_audit(records, 1);
    return records;
}

Test(reports_check_corruption, corruption_that_is_noticed_passes)
{
    struct records *records = stream();

    /* The audit finds what the reader had been told of. */
    records_find(records, ENGINE_REC_AUDIT_ROW, 1)->detail = 1;
    records_expect_pass(records, &check_corruption);
    records_free(records);
}

Test(reports_check_corruption, a_corrupted_sector_believed_is_reported)
{
    struct records *records = stream();
    struct engine_record *read =
        records_find(records, ENGINE_REC_TAINT_READ, 0);

    read->detail = 0;
    read->a = 4096;
    records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE);
    records_expect(records, &check_corruption,
                   records_find(records, ENGINE_REC_TAINT_READ, 0),
                   "at offset 4096 and believed it");
    records_free(records);
}

Test(reports_check_corruption, a_reader_that_refuses_has_noticed)
{
    struct records *records = stream();
    struct engine_record *refused;

    records_find(records, ENGINE_REC_TAINT_READ, 0)->detail = 0;
    refused = records_add(records, ENGINE_REC_REJECTED, 1, NODE_STORE);
    refused->detail = ENGINE_REQ_ACQUIRE;
    refused->count = ENGINE_REFUSED;
    /* Other rows of the same sector are read later. */
    records_add(records, ENGINE_REC_TAINT_READ, 0, NODE_STORE);
    records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE);
    records_expect_pass(records, &check_corruption);
    records_free(records);
}

Test(reports_check_corruption, reads_of_the_last_audit_prove_nothing)
{
    struct records *records = stream();
    struct engine_record *read =
        records_find(records, ENGINE_REC_TAINT_READ, 0);

    read->detail = 0;
    read->time_ns = records->now_ns;
    records_add(records, ENGINE_REC_AUDIT_DONE, 0, NODE_STORE)->detail = 1;
    records_expect_pass(records, &check_corruption);
    records_free(records);
}

Test(reports_check_corruption, a_broken_row_nobody_corrupted_is_reported)
{
    struct records *records = stream();
    struct engine_record *row;

    records_drop(records, records_find(records, ENGINE_REC_TAINT_READ, 0));
    row = records_find(records, ENGINE_REC_AUDIT_ROW, 1);
    row->detail = 1;
    records_expect(records, &check_corruption, row,
                   "run 1: the row at position 2");
    records_free(records);
}
