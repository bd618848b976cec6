#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct records *stream(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    records_life(records, 2, LIFE_CLAIMED);
    records_end(records);
    return records;
}

Test(reports_check_projection, rows_that_fold_from_the_log_pass)
{
    struct records *records = stream();

    records_expect_pass(records, &check_projection);
    records_free(records);
}

Test(reports_check_projection, a_run_row_that_differs_is_reported)
{
    static const char *const texts[] = {"the next seq is 17", "at position 6",
                                        "has hash", "says running",
                                        "has token 1"};

    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct records *records = stream();
        struct engine_record *row =
            records_find(records, ENGINE_REC_AUDIT_RUN, 0);

        row->a += i == 0;
        row->b += i == 1;
        row->key += i == 2;
        row->state = i == 3 ? ENGINE_RUN_RUNNING : row->state;
        row->token -= i == 4;
        records_expect(records, &check_projection, row, texts[i]);
        records_free(records);
    }
}

Test(reports_check_projection, a_missing_run_row_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_AUDIT_RUN, 1));
    records_expect(records, &check_projection,
                   records_find(records, ENGINE_REC_AUDIT_DONE, 0),
                   "run 2: its log goes to seq 2, but it has no run row");
    records_free(records);
}

Test(reports_check_projection, a_missing_work_row_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_AUDIT_WORK, 0));
    records_expect(records, &check_projection,
                   records_find(records, ENGINE_REC_AUDIT_DONE, 0),
                   "1 attempts are open, the first of charge, but 0 have");
    records_free(records);
}

Test(reports_check_projection, a_work_row_the_log_does_not_know_is_reported)
{
    struct records *records = stream();
    struct engine_record *row = records_find(records, ENGINE_REC_AUDIT_WORK, 0);

    row->attempt = 2;
    records_expect(records, &check_projection, row,
                   "attempt 2 of charge, which by the log is scheduled");
    row->attempt = 1;
    row->run = 1;
    records_expect(records, &check_projection, row, "by the log is over");
    records_free(records);
}
