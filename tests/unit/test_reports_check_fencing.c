#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct records *stream(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    return records;
}

Test(reports_check_fencing, writes_with_the_latest_token_pass)
{
    struct records *records = stream();

    records_expect_pass(records, &check_fencing);
    records_free(records);
}

Test(reports_check_fencing, a_write_with_an_older_token_is_reported)
{
    static const unsigned kinds[] = {
        ENGINE_REC_OUTBOX_PUT, ENGINE_REC_OUTBOX_ACKED, ENGINE_REC_APPENDED};

    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct records *records = stream();
        struct engine_record *write =
            records_find(records, kinds[i], i == 2 ? 4 : 0);

        cr_assert_eq(write->token, 2);
        write->token = 1;
        records_expect(records, &check_fencing, write,
                       "with token 1, expected token 2");
        records_free(records);
    }
}

Test(reports_check_fencing, work_put_with_an_older_token_is_reported)
{
    struct records *records = stream();
    struct engine_record *put = records_find(records, ENGINE_REC_WORK_PUT, 1);

    put->token = 1;
    records_expect(records, &check_fencing, put, "work_put");
    records_free(records);
}

Test(reports_check_fencing, a_token_nobody_was_granted_is_reported)
{
    struct records *records = stream();
    struct engine_record *put = records_find(records, ENGINE_REC_OUTBOX_PUT, 0);

    put->token = 9;
    records_expect(records, &check_fencing, put, "token 9");
    records_free(records);
}

Test(reports_check_fencing, a_token_granted_twice_is_reported)
{
    struct records *records = stream();
    struct engine_record *grant =
        records_find(records, ENGINE_REC_LEASE_GRANTED, 1);

    records_expect(records, &check_fencing, records_repeat(records, grant),
                   "expected more than 2");
    records_free(records);
}

Test(reports_check_fencing, the_right_token_from_another_writer_is_reported)
{
    struct records *records = stream();
    struct engine_record *put = records_find(records, ENGINE_REC_OUTBOX_PUT, 0);

    put->peer = put->peer == NODE_FIRST ? NODE_SECOND : NODE_FIRST;
    records_expect(records, &check_fencing, put, "which was granted to");
    records_free(records);
}

Test(reports_check_fencing, a_report_of_who_has_no_claim_is_reported)
{
    struct records *records = stream();
    struct engine_record *done = records_find(records, ENGINE_REC_WORK_DONE, 0);

    done->peer = NODE_OTHER_WORKER;
    records_expect(records, &check_fencing, done,
                   "the report of node 4 on attempt 1 of charge was accepted");
    records_free(records);
}

Test(reports_check_fencing, a_report_on_a_former_attempt_is_reported)
{
    struct records *records = records_new();
    struct engine_record *late;

    records_life(records, 1, LIFE_CLAIMED);
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_work(records, ENGINE_REC_WORK_CUT, 1, OP_CHARGE, 1);
    records_work(records, ENGINE_REC_WORK_PUT, 1, OP_CHARGE, 2);
    records_expect_pass(records, &check_fencing);
    late = records_work(records, ENGINE_REC_WORK_DONE, 1, OP_CHARGE, 1);
    records_expect(records, &check_fencing, late,
                   "attempt 2 is the last that was put");
    records_free(records);
}
