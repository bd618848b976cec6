#include <criterion/criterion.h>

#include "engine/operation.h"
#include "tests/support/records.h"

#define STARTED ENGINE_EV_OPERATION_STARTED
#define SUCCEEDED ENGINE_EV_OPERATION_SUCCEEDED
#define FAILED ENGINE_EV_OPERATION_FAILED
#define CONTEXT ENGINE_OPERATION_CONTEXT
#define STEP ENGINE_OPERATION_STEP

enum {
    MAP = CONTEXT | ENGINE_SUBTYPE_MAP << 4,
    UNDOING = STEP | ENGINE_SUBTYPE_COMPENSATION << 4,
    BRANCHES = 4,
    /* Steps of the program, from 1. */
    BOOK = 1,
    PAY,
    CANCEL_BOOKING,
    REFUND
};

/* A handler with one map: over when two have succeeded or two failed, with at
   most two open; and two steps, each with one that undoes it. */
static struct records *trip(void)
{
    static const char *const names[] = {"book", "pay", "cancel", "refund"};
    static const uint32_t undone_by[] = {CANCEL_BOOKING, REFUND, 0, 0};
    static const uint32_t undone_step[] = {0, 0, BOOK, PAY};
    static const struct report_program programs[] = {
        {0},
        {.names = names,
         .count = 4,
         .undone_by = undone_by,
         .undone_step = undone_step,
         .map = {.known = 1,
                 .min_successful = 2,
                 .failures_max = 1,
                 .share_milli = 1000,
                 .open_max = 2}}};
    struct records *records = records_handlers_new();

    records->world.programs = programs;
    records_trip(records, 1);
    records_checkpoint(records, 1);
    return records;
}

static void begin_map(struct records *records)
{
    records_operation(records, STARTED, 1, MAP, 0)->token = BRANCHES + 1;
}

static struct engine_record *branch(struct records *records, uint32_t op)
{
    struct engine_record *event =
        records_operation(records, STARTED, op, CONTEXT, 0);

    event->key_hi = UINT64_C(1) << 32 | 1;
    return event;
}

static void end(struct records *records, uint32_t op, unsigned kind)
{
    records_operation(records, kind, op, op == 1 ? (unsigned)MAP : CONTEXT, 0);
}

static void expect_event(struct records *records, unsigned kind, size_t nth,
                         const char *text)
{
    records_expect(records, &check_branches,
                   records_find_event(records, kind, nth), text);
    records_free(records);
}

Test(reports_check_branches, a_map_that_keeps_to_its_policy_passes)
{
    struct records *records = trip();

    begin_map(records);
    branch(records, 2);
    branch(records, 3);
    end(records, 2, SUCCEEDED);
    branch(records, 4);
    end(records, 3, FAILED);
    end(records, 4, SUCCEEDED);
    end(records, 1, SUCCEEDED);
    records_expect_pass(records, &check_branches);
    cr_assert_eq(records_judge(records, &check_branches).checked, 4);
    records_free(records);
}

Test(reports_check_branches, a_map_that_is_over_too_early_is_reported)
{
    struct records *records = trip();

    begin_map(records);
    branch(records, 2);
    branch(records, 3);
    end(records, 2, SUCCEEDED);
    end(records, 3, FAILED);
    end(records, 1, SUCCEEDED);
    expect_event(records, SUCCEEDED, 1,
                 "is over with 1 branches succeeded, 1 failed, of 4");
}

Test(reports_check_branches, more_failures_than_it_bears_end_a_map)
{
    struct records *records = trip();

    begin_map(records);
    branch(records, 2);
    branch(records, 3);
    end(records, 2, FAILED);
    end(records, 3, FAILED);
    end(records, 1, SUCCEEDED);
    records_expect_pass(records, &check_branches);
    records_free(records);
}

Test(reports_check_branches, a_branch_behind_the_policy_is_reported)
{
    struct records *records = trip();

    begin_map(records);
    branch(records, 2);
    branch(records, 3);
    end(records, 2, SUCCEEDED);
    end(records, 3, SUCCEEDED);
    branch(records, 4);
    expect_event(records, STARTED, 3, "its policy was met before");
}

Test(reports_check_branches, more_open_branches_than_may_be_are_reported)
{
    struct records *records = trip();

    begin_map(records);
    branch(records, 2);
    branch(records, 3);
    branch(records, 4);
    expect_event(records, STARTED, 3, "with 2 open, at most 2 may be");
}

/* A step runs, as a worker tells, and succeeds. */
static void step(struct records *records, uint32_t op, uint32_t number,
                 unsigned type)
{
    struct engine_record *begins =
        records_add(records, ENGINE_REC_ATTEMPT_BEGIN, 1, NODE_WORKER);

    begins->op = op;
    begins->count = number;
    begins->b = UINT64_C(1) << 32 | op;
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, SUCCEEDED, op, type, 1);
}

/* The handler's code fails. */
static void fail(struct records *records)
{
    records_row(records, 1, ENGINE_REQ_APPEND);
    records_event(records, ENGINE_EV_ATTEMPT_FAILED, 0, 1)->a = ENGINE_ERR_USER;
}

Test(reports_check_branches, what_is_undone_newest_first_passes)
{
    struct records *records = trip();

    step(records, 1, BOOK, STEP);
    step(records, 2, PAY, STEP);
    step(records, 3, REFUND, UNDOING);
    step(records, 4, CANCEL_BOOKING, UNDOING);
    fail(records);
    records_expect_pass(records, &check_branches);
    cr_assert_eq(records_judge(records, &check_branches).checked, 3);
    records_free(records);
}

Test(reports_check_branches, what_is_undone_oldest_first_is_reported)
{
    struct records *records = trip();

    step(records, 1, BOOK, STEP);
    step(records, 2, PAY, STEP);
    step(records, 3, CANCEL_BOOKING, UNDOING);
    expect_event(records, SUCCEEDED, 2,
                 "undoes operation 1 before operation 2 (pay), which is newer");
}

Test(reports_check_branches, what_is_undone_twice_is_reported)
{
    struct records *records = trip();

    step(records, 1, BOOK, STEP);
    step(records, 2, CANCEL_BOOKING, UNDOING);
    step(records, 3, CANCEL_BOOKING, UNDOING);
    expect_event(records, SUCCEEDED, 2,
                 "undoes book, which is undone or was not done");
}

Test(reports_check_branches, what_a_failed_handler_leaves_done_is_reported)
{
    struct records *records = trip();

    step(records, 1, BOOK, STEP);
    fail(records);
    expect_event(records, ENGINE_EV_ATTEMPT_FAILED, 0,
                 "operation 1 (book) is not undone");
}

Test(reports_check_branches, a_world_without_batches_has_nothing_to_check)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ACKED);
    records_end(records);
    cr_assert(records_judge(records, &check_branches).absent);
    records_free(records);
}
