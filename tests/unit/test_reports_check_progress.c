#include "engine/operation.h"
#include "tests/support/records.h"

#include <criterion/criterion.h>

static struct engine_record *world_end(struct records *records, uint64_t left)
{
    struct engine_record *end =
        records_add(records, ENGINE_REC_WORLD_END, 0, NODE_STORE);

    end->a = left;
    return end;
}

Test(reports_check_progress, runs_that_end_pass)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_ENDED);
    world_end(records, 0);
    records_expect_pass(records, &check_progress);
    records_free(records);
}

Test(reports_check_progress, a_blocked_run_passes)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SHIPPED);
    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_BLOCKED;
    records_event(records, ENGINE_EV_RUN_BLOCKED, UINT32_MAX, 0);
    world_end(records, 0);
    records_expect_pass(records, &check_progress);
    records_free(records);
}

Test(reports_check_progress, a_stuck_run_is_reported_with_what_it_waits_for)
{
    static const struct {
        enum life life;
        const char *text;
    } cases[] = {
        {LIFE_CREATED, "run 1 waits for a worker to claim attempt 1 of charge, "
                       "which node 1 holds (token 1, until 110.0"},
        {LIFE_CLAIMED, "attempt 1 of charge, claimed by node 3, which has not "
                       "reported; it is running at the end"},
        {LIFE_REPORTED,
         "the report of attempt 1 of charge, which node 1 holds"},
        {LIFE_WAITING, "the timer of hold at 105.01"},
        {LIFE_SHIPPING, "to claim attempt 1 of ship, which node 1 holds (token "
                        "2, until 11"},
    };

    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct records *records = records_new();

        records_life(records, 1, cases[i].life);
        records_expect(records, &check_progress, world_end(records, 0),
                       cases[i].text);
        records_free(records);
    }
}

Test(reports_check_progress, work_that_was_never_put_is_named)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_SHIPPING);
    records_drop(records, records_find(records, ENGINE_REC_WORK_PUT, 1));
    records_expect(records, &check_progress, world_end(records, 0),
                   "attempt 1 of ship, which has no work row");
    records_free(records);
}

Test(reports_check_progress, a_world_cut_off_early_is_inconclusive)
{
    struct records *records = records_new();
    struct engine_record *end;

    records_life(records, 1, LIFE_WAITING);
    end = world_end(records, 3);
    cr_assert_eq(records_judge(records, &check_progress).verdict,
                 CHECK_INCONCLUSIVE);
    end->time_ns += 1000 * SECOND;
    records_expect(records, &check_progress, end, "it is suspended at the end");
    records_free(records);
}

Test(reports_check_progress, a_run_that_ends_too_late_is_reported)
{
    struct records *records = records_new();
    struct engine_record *end;

    records_life(records, 1, LIFE_ENDED);
    end = records_find_event(records, ENGINE_EV_RUN_SUCCEEDED, 0);
    end->time_ns += 1000 * SECOND;
    records_expect(records, &check_progress, end, "run 1: ended at");
    records_free(records);
}

Test(reports_check_progress, a_fault_gives_runs_time_but_a_defect_does_not)
{
    struct records *records = records_new();
    struct engine_record *fault;

    records_life(records, 1, LIFE_WAITING);
    records->now_ns += 990 * SECOND;
    fault = records_add(records, ENGINE_REC_FAULT, 0, NODE_STORE);
    fault->detail = ENGINE_ACT_CRASH;
    records->now_ns += 50 * SECOND;
    world_end(records, 1);
    cr_assert_eq(records_judge(records, &check_progress).verdict,
                 CHECK_INCONCLUSIVE);
    records_find(records, ENGINE_REC_FAULT, 0)->detail = ENGINE_ACT_DEFECT;
    cr_assert_eq(records_judge(records, &check_progress).verdict, CHECK_FAIL);
    records_free(records);
}

Test(reports_check_progress, a_disk_that_never_came_back_excuses)
{
    struct records *records = records_new();

    records_life(records, 1, LIFE_WAITING);
    records_add(records, ENGINE_REC_DISK_FAULT, 0, NODE_STORE)->detail =
        ENGINE_ACT_FULL;
    world_end(records, 0);
    cr_assert_eq(records_judge(records, &check_progress).verdict,
                 CHECK_EXCUSED);
    records_free(records);
}

/* A handler is parked on an operation of this type, with a timer or none. */
static struct records *parked(unsigned type, uint64_t timer_ns)
{
    struct records *records = records_handlers_new();

    records_trip(records, 1);
    records_checkpoint(records, 1);
    records_operation(records, ENGINE_EV_OPERATION_STARTED, 1, type, 0)->b =
        timer_ns;
    records_park(records, 1);
    return records;
}

static void expect_stuck(struct records *records, const char *text)
{
    records->now_ns += 1000 * SECOND;
    records_end(records);
    records_expect(records, &check_progress, &records->list[records->count - 1],
                   text);
    records_free(records);
}

Test(reports_check_progress, a_handler_may_wait_for_the_outside)
{
    struct records *records = parked(ENGINE_OPERATION_CALLBACK, 0);

    records->now_ns += 1000 * SECOND;
    records_end(records);
    records_expect_pass(records, &check_progress);
    records_free(records);
}

Test(reports_check_progress, a_handler_nobody_wakes_for_its_news_is_stuck)
{
    struct records *records = parked(ENGINE_OPERATION_CALLBACK, 0);

    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 1,
                      ENGINE_OPERATION_CALLBACK, 0);
    expect_stuck(records, "an invocation with the news of 100.0");
}

Test(reports_check_progress, a_handler_whose_timer_is_overdue_is_stuck)
{
    expect_stuck(parked(ENGINE_OPERATION_WAIT, 5 * SECOND),
                 "the timer of operation 1 at 105.0");
}

Test(reports_check_progress, a_handler_nothing_will_ever_wake_is_stuck)
{
    expect_stuck(parked(ENGINE_OPERATION_CONTEXT, 0),
                 "something that nothing outside will ever send");
}

Test(reports_check_progress, an_invocation_that_does_not_get_on_is_stuck)
{
    struct records *records = parked(ENGINE_OPERATION_CALLBACK, 0);

    records_row(records, 1, ENGINE_REQ_APPEND);
    records_operation(records, ENGINE_EV_OPERATION_SUCCEEDED, 1,
                      ENGINE_OPERATION_CALLBACK, 0);
    records_wake(records, 1);
    expect_stuck(records, "attempt 2 of trip, claimed by node 3");
}

Test(reports_check_progress, a_paused_handler_waits_for_its_operator)
{
    struct records *records = parked(ENGINE_OPERATION_WAIT, SECOND);

    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_PAUSED;
    records_event(records, ENGINE_EV_RUN_PAUSED, UINT32_MAX, 0);
    records->now_ns += 1000 * SECOND;
    records_end(records);
    records_expect_pass(records, &check_progress);
    records_free(records);
}

Test(reports_check_progress, a_disk_that_nobody_asked_again_excuses_nothing)
{
    struct records *records = records_new();

    records->world.envelope.disk_survives = 1;
    records_life(records, 1, LIFE_CLAIMED);
    records_add(records, ENGINE_REC_DISK_FAULT, 0, NODE_STORE)->detail =
        ENGINE_ACT_FULL;
    records->now_ns += 59 * SECOND;
    world_end(records, 0);
    cr_assert_eq(records_judge(records, &check_progress).verdict,
                 CHECK_EXCUSED);
    records->list[records->count - 1].time_ns += 2 * SECOND;
    cr_assert_eq(records_judge(records, &check_progress).verdict, CHECK_FAIL);
    records_free(records);
}

Test(reports_check_progress, a_paused_run_that_outlasts_its_time_is_reported)
{
    struct records *records = records_new();
    struct engine_record *end;

    engine_graph_set_timeout(records->graph, 30 * SECOND);
    records_life(records, 1, LIFE_WAITING);
    records_row(records, 1, ENGINE_REQ_APPEND)->state = ENGINE_RUN_PAUSED;
    records_event(records, ENGINE_EV_RUN_PAUSED, UINT32_MAX, 0);
    records->now_ns += 60 * SECOND;
    end = world_end(records, 0);
    records_expect_pass(records, &check_progress);
    end->time_ns += 60 * SECOND;
    records_expect(records, &check_progress, end, "paused at the end");
    records_free(records);
}
