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
