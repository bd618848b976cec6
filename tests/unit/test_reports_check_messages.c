#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct records *stream(void)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    records_end(records);
    return records;
}

Test(reports_check_messages, messages_that_all_arrive_pass)
{
    struct records *records = stream();

    records_expect_pass(records, &check_messages);
    records_free(records);
}

Test(reports_check_messages, an_acknowledged_start_without_a_run_is_reported)
{
    struct records *records = records_new();

    records_expect(records, &check_messages,
                   records_add(records, ENGINE_REC_START_OK, 2, NODE_CLIENT),
                   "run 2: its start was acknowledged");
    records_free(records);
}

Test(reports_check_messages, a_result_taken_for_new_twice_is_reported)
{
    struct records *records = stream();
    struct engine_record *seen =
        records_find(records, ENGINE_REC_RESULT_SEEN, 0);
    struct engine_record *again = records_repeat(records, seen);

    again->b = 1;
    records_expect_pass(records, &check_messages); /* known as a repeat */
    again->b = 0;
    records_expect(records, &check_messages, again, "for new");
    records_free(records);
}

Test(reports_check_messages, a_result_from_nowhere_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_expect(records, &check_messages,
                   records_add(records, ENGINE_REC_RESULT_SEEN, 1, NODE_CLIENT),
                   "none was put in the outbox; the run is suspended");
    records_free(records);
}

Test(reports_check_messages, a_second_result_in_the_outbox_is_reported)
{
    struct records *records = stream();
    struct engine_record *put = records_find(records, ENGINE_REC_OUTBOX_PUT, 0);

    records_expect(records, &check_messages, records_repeat(records, put),
                   "a second result");
    records_free(records);
}

Test(reports_check_messages, an_end_without_a_result_is_reported)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ENDED);
    records_drop(records, records_find(records, ENGINE_REC_OUTBOX_PUT, 0));
    records_end(records);
    records_expect(records, &check_messages,
                   records_find(records, ENGINE_REC_WORLD_END, 0),
                   "run 1: it succeeded, but no result");
    records_free(records);
}

Test(reports_check_messages, a_result_acknowledged_unseen_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_RESULT_SEEN, 0));
    records_expect(records, &check_messages,
                   records_find(records, ENGINE_REC_OUTBOX_ACKED, 0),
                   "before the client saw it");
    records_free(records);
}

Test(reports_check_messages, work_taken_twice_is_reported)
{
    struct records *records = stream();
    struct engine_record *taken =
        records_find(records, ENGINE_REC_WORK_TAKEN, 0);

    records_expect(records, &check_messages, records_repeat(records, taken),
                   "charge, which has no open work row");
    records_free(records);
}

Test(reports_check_messages, work_put_over_open_work_is_reported)
{
    struct records *records = stream();
    struct engine_record *put = records_find(records, ENGINE_REC_WORK_PUT, 1);

    put = records_repeat(records, put);
    put->attempt = 2;
    records_expect(records, &check_messages, put,
                   "while that of attempt 1 is open");
    records_free(records);
}

Test(reports_check_messages, work_left_by_an_ended_run_is_reported)
{
    struct records *records = stream();

    records_drop(records, records_find(records, ENGINE_REC_WORK_TAKEN, 1));
    records_expect(records, &check_messages,
                   records_find(records, ENGINE_REC_WORLD_END, 0),
                   "left 1 work rows behind");
    records_free(records);
}

Test(reports_check_messages, work_of_a_run_under_way_may_be_open)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SHIPPED);
    records_end(records);
    records_expect_pass(records, &check_messages);
    records_free(records);
}
