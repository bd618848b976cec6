#include <criterion/criterion.h>

#include "engine/operation.h"
#include "reports/used.h"

static void event(struct report_use *use, uint64_t run, unsigned kind,
                  uint32_t op, unsigned type, uint32_t bytes)
{
    struct engine_record record = {.kind = ENGINE_REC_EVENT,
                                   .run = run,
                                   .detail = (uint16_t)kind,
                                   .op = op,
                                   .state = (uint16_t)type,
                                   .count = bytes};
    report_use_feed(use, &record, 1);
}

static uint64_t used(const struct report_use *use, enum report_limit limit)
{
    return use->list[limit].used;
}

Test(reports_used, a_batch_is_the_updates_of_one_checkpoint)
{
    struct report_use use = {0};
    event(&use, 3, ENGINE_EV_CHECKPOINT, 0, 0, 0);
    event(&use, 3, ENGINE_EV_OPERATION_STARTED, 1, ENGINE_OPERATION_STEP, 0);
    event(&use, 3, ENGINE_EV_OPERATION_SUCCEEDED, 1, ENGINE_OPERATION_STEP, 40);
    event(&use, 4, ENGINE_EV_CHECKPOINT, 0, 0, 0);
    event(&use, 4, ENGINE_EV_OPERATION_STARTED, 9, ENGINE_OPERATION_STEP, 0);
    cr_assert_eq(used(&use, REPORT_LIMIT_BATCH), 2);
    cr_assert_eq(use.list[REPORT_LIMIT_BATCH].run, 3);
    cr_assert_eq(used(&use, REPORT_LIMIT_OPERATIONS), 9);
    cr_assert_eq(use.list[REPORT_LIMIT_OPERATIONS].run, 4);
    cr_assert_eq(used(&use, REPORT_LIMIT_VALUE), 40);
    cr_assert_eq(used(&use, REPORT_LIMIT_PAYLOAD), 40);
}

Test(reports_used, a_handlers_own_result_is_no_operations)
{
    struct report_use use = {0};
    event(&use, 3, ENGINE_EV_OPERATION_SUCCEEDED, 0, ENGINE_OPERATION_EXECUTION,
          5000);
    cr_assert_eq(used(&use, REPORT_LIMIT_VALUE), 0);
    cr_assert_eq(used(&use, REPORT_LIMIT_PAYLOAD), 0);
}

Test(reports_used, events_are_counted_of_graphs_only)
{
    struct report_use use = {0};
    struct engine_record row = {
        .kind = ENGINE_REC_APPENDED, .run = 2, .a = 7, .count = 4};
    report_use_feed(&use, &row, 1);
    cr_assert_eq(used(&use, REPORT_LIMIT_EVENTS), 0);
    report_use_feed(&use, &row, 0);
    cr_assert_eq(used(&use, REPORT_LIMIT_EVENTS), 10);
}

Test(reports_used, a_platforms_limit_is_what_it_says_last)
{
    struct report_use use = {0};
    struct engine_record gauge = {.kind = ENGINE_REC_GAUGE, .a = 30, .b = 100};
    report_use_feed(&use, &gauge, 0);
    gauge.a = 20;
    gauge.b = 50;
    report_use_feed(&use, &gauge, 0);
    cr_assert_eq(used(&use, REPORT_LIMIT_CONCURRENCY), 30);
    cr_assert_eq(use.list[REPORT_LIMIT_CONCURRENCY].allowed, 50);
}

Test(reports_used, every_limit_has_a_name_of_its_own)
{
    for (unsigned i = 0; i < REPORT_LIMITS; i++)
        for (unsigned k = 0; k < i; k++)
            cr_assert_str_neq(report_limit_name(i), report_limit_name(k));
    cr_assert_str_eq(report_limit_unit(REPORT_LIMIT_VALUE), "bytes");
    cr_assert_str_eq(report_limit_unit(REPORT_LIMIT_EVENTS), "");
}
