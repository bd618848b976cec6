#include "tests/support/records.h"

#include <criterion/criterion.h>

/* A clean stream with a reopening in the middle. */
static struct records *stream(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_add(records, ENGINE_REC_STORE_OPENED, 0, NODE_STORE)->a =
        records->position;
    records_audit(records, 1);
    records_add(records, ENGINE_REC_AUDIT_DONE, 0, NODE_STORE);
    records_life(records, 2, LIFE_WAITING);
    records_end(records);
    return records;
}

Test(reports_check_durability, a_log_found_as_acknowledged_passes)
{
    struct records *records = stream();

    records_expect_pass(records, &check_durability);
    records_free(records);
}

Test(reports_check_durability, a_gap_in_a_run_is_reported)
{
    struct records *records = stream();
    struct engine_record *row = records_find(records, ENGINE_REC_APPENDED, 1);

    row->a++;
    records_expect(records, &check_durability, row,
                   "run 1: expected a row from seq 3, found one from seq 4");
    records_free(records);
}

Test(reports_check_durability, a_position_used_twice_is_reported)
{
    struct records *records = stream();
    struct engine_record *row = records_find(records, ENGINE_REC_APPENDED, 1);

    row->b--;
    records_expect(records, &check_durability, row, "position 2");
    records_free(records);
}

Test(reports_check_durability, an_event_outside_its_row_is_reported)
{
    struct records *records = stream();
    struct engine_record *event =
        records_find_event(records, ENGINE_EV_WAIT_STARTED, 0);

    event->key++;
    records_expect(records, &check_durability, event, "belongs to no row");
    records_free(records);
}

Test(reports_check_durability, a_row_short_of_an_event_is_reported)
{
    struct records *records = stream();

    records_drop(records,
                 records_find_event(records, ENGINE_EV_OP_SCHEDULED, 0));
    records_expect(records, &check_durability,
                   records_find(records, ENGINE_REC_APPENDED, 1),
                   "its events stop before seq 2");
    records_free(records);
}

Test(reports_check_durability, acknowledged_rows_lost_at_opening_are_reported)
{
    struct records *records = stream();
    struct engine_record *opened =
        records_find(records, ENGINE_REC_STORE_OPENED, 0);

    opened->a--;
    records_expect(records, &check_durability, opened,
                   "up to 1, but 2 had been acknowledged");
    records_free(records);
}

Test(reports_check_durability, a_refused_store_is_reported)
{
    struct records *records = stream();
    struct engine_record *opened =
        records_find(records, ENGINE_REC_STORE_OPENED, 0);

    opened->count = 1;
    records_expect(records, &check_durability, opened, "damaged");
    records_free(records);
}

Test(reports_check_durability, a_row_missing_after_reopening_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_AUDIT_ROW, 1));
    records_expect(records, &check_durability,
                   records_find(records, ENGINE_REC_AUDIT_DONE, 0),
                   "run 1: events up to seq 7 were acknowledged, the audit "
                   "found them up to 2");
    records_free(records);
}

Test(reports_check_durability, a_row_missing_at_the_end_is_reported)
{
    struct records *records = stream();

    /* Rows 1 and 2, then all four: the last is the sixth. */
    records_drop(records, records_find(records, ENGINE_REC_AUDIT_ROW, 5));
    records_expect(records, &check_durability,
                   records_find(records, ENGINE_REC_AUDIT_DONE, 1), "run 2");
    records_free(records);
}

Test(reports_check_durability, a_hole_between_positions_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_AUDIT_ROW, 3));
    records_expect(records, &check_durability,
                   records_find(records, ENGINE_REC_AUDIT_ROW, 3),
                   "expected a row at position 2");
    records_free(records);
}

Test(reports_check_durability, another_hash_than_acknowledged_is_reported)
{
    struct records *records = stream();
    struct engine_record *row = records_find(records, ENGINE_REC_AUDIT_ROW, 1);

    row->key ^= 1;
    records_expect(records, &check_durability, row, "hash");
    records_free(records);
}

Test(reports_check_durability, a_hash_that_does_not_verify_is_reported)
{
    struct records *records = stream();
    struct engine_record *row = records_find(records, ENGINE_REC_AUDIT_ROW, 0);

    row->detail = 1;
    records_expect(records, &check_durability, row, "does not fit its content");
    records_free(records);
}

/* Two rows are acknowledged; a third one's commit was in doubt. */
static struct records *in_doubt(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_add(records, ENGINE_REC_SYNC_FAILED, 0, NODE_STORE);
    records_add(records, ENGINE_REC_STORE_OPENED, 0, NODE_STORE)->a = 3;
    return records;
}

static void announce(struct records *records)
{
    records_row(records, 1, 0)->token = 2;
    records_event(records, ENGINE_EV_LEASE_ACQUIRED, UINT32_MAX, 0);
}

Test(reports_check_durability, a_row_that_survived_in_doubt_is_no_violation)
{
    struct records *records = in_doubt();

    announce(records);
    records_audit(records, 1);
    records_add(records, ENGINE_REC_AUDIT_DONE, 0, NODE_STORE);
    records_end(records);
    records_expect_pass(records, &check_durability);
    records_free(records);
}

Test(reports_check_durability, a_survivor_may_be_announced_after_its_audit)
{
    struct records *records = in_doubt();
    struct engine_record *row;

    records_audit(records, 1);
    row = records_add(records, ENGINE_REC_AUDIT_ROW, 1, NODE_STORE);
    row->a = records->seq[1] + 1;
    row->b = 3;
    row->count = 1;
    row->key = 1003;
    row->key_hi = 3;
    announce(records);
    records_add(records, ENGINE_REC_AUDIT_DONE, 0, NODE_STORE);
    records_end(records);
    records_expect_pass(records, &check_durability);
    records_free(records);
}

Test(reports_check_durability, an_audit_cut_short_is_continued)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_add(records, ENGINE_REC_STORE_OPENED, 0, NODE_STORE)->a = 2;
    records_audit(records, 1);
    records_drop(records, records_find(records, ENGINE_REC_AUDIT_ROW, 1));
    records_add(records, ENGINE_REC_AUDIT_DONE, 0, NODE_STORE)->count = 1;
    records_add(records, ENGINE_REC_STORE_OPENED, 0, NODE_STORE)->a = 2;
    records_audit(records, 2);
    records_add(records, ENGINE_REC_AUDIT_DONE, 0, NODE_STORE);
    records_end(records);
    records_expect_pass(records, &check_durability);
    records_free(records);
}

Test(reports_check_durability, a_log_that_cannot_be_read_is_reported)
{
    struct records *records = stream();
    struct engine_record *done =
        records_find(records, ENGINE_REC_AUDIT_DONE, 1);

    done->count = 1;
    records_expect(records, &check_durability, done,
                   "cannot be read beyond position 4");
    records_free(records);
}
