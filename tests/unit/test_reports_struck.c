#include <criterion/criterion.h>

#include "engine/point.h"
#include "reports/struck.h"

enum {
    POINTS = 3,
    STORE = 1,
    OWNER = 16,
    OTHER = 17,
    WORKER = 64,
    PLATFORM = 4
};

static void feed(struct report_struck *struck, struct engine_record record)
{
    report_struck_feed(struck, &record, 7, 0);
}

static void fault(struct report_struck *struck, uint64_t time_ns,
                  uint32_t point, uint16_t node, unsigned action, uint64_t run)
{
    feed(struck, (struct engine_record){.kind = ENGINE_REC_FAULT,
                                        .time_ns = time_ns,
                                        .key = point,
                                        .node = node,
                                        .detail = (uint16_t)action,
                                        .run = run,
                                        .count = 1});
}

static void lease(struct report_struck *struck, uint64_t time_ns, uint64_t run,
                  uint16_t owner)
{
    feed(struck, (struct engine_record){.kind = ENGINE_REC_LEASE_GRANTED,
                                        .time_ns = time_ns,
                                        .run = run,
                                        .node = STORE,
                                        .peer = owner});
}

/* A record about attempt `attempt` of step 0. */
static void work(struct report_struck *struck, unsigned kind, uint64_t time_ns,
                 uint64_t run, uint32_t attempt)
{
    feed(struck, (struct engine_record){.kind = (uint16_t)kind,
                                        .time_ns = time_ns,
                                        .run = run,
                                        .attempt = attempt,
                                        .node = STORE,
                                        .peer = WORKER});
}

static void ends(struct report_struck *struck, uint64_t run, unsigned state)
{
    feed(struck, (struct engine_record){.kind = ENGINE_REC_APPENDED,
                                        .run = run,
                                        .node = STORE,
                                        .state = (uint16_t)state});
}

/* How many firings at a point came to this; all others came to nothing. */
static void expect(struct report_struck *struck, uint32_t point,
                   enum report_came came, uint64_t firings)
{
    const struct report_strikes *strikes = &report_struck_finish(struck)[point];
    for (unsigned i = 0; i < REPORT_CAMES; i++)
        cr_assert_eq(strikes->came[i].firings, i == came ? firings : 0,
                     "point %u: %s", point, report_came_name(i));
}

Test(reports_struck, a_worker_that_dies_makes_its_attempt_be_made_again)
{
    struct report_struck *struck = report_struck_new(POINTS);
    lease(struck, 1, 5, OWNER);
    work(struck, ENGINE_REC_WORK_CLAIMED, 10, 5, 1);
    fault(struck, 20, 1, WORKER, ENGINE_ACT_CRASH, 0);
    work(struck, ENGINE_REC_WORK_CUT, 50, 5, 1);
    work(struck, ENGINE_REC_WORK_PUT, 50, 5, 2);
    ends(struck, 5, ENGINE_RUN_SUCCEEDED);
    expect(struck, 1, REPORT_CAME_RETRIED, 1);
    const struct report_strikes *strikes = &report_struck_finish(struck)[1];
    cr_assert_eq(strikes->retries, 1);
    cr_assert_eq(strikes->came[REPORT_CAME_RETRIED].run, 5);
    cr_assert_eq(strikes->in_flight_max, 7);
    report_struck_free(struck);
}

Test(reports_struck, the_first_death_since_the_claim_is_what_broke_it_off)
{
    struct report_struck *struck = report_struck_new(POINTS);
    lease(struck, 1, 5, OWNER);
    fault(struck, 5, 0, WORKER, ENGINE_ACT_CRASH, 0);
    work(struck, ENGINE_REC_WORK_CLAIMED, 10, 5, 1);
    fault(struck, 20, 1, WORKER, ENGINE_ACT_CRASH, 0);
    fault(struck, 30, 2, WORKER, ENGINE_ACT_CRASH, 0);
    work(struck, ENGINE_REC_WORK_CUT, 50, 5, 1);
    work(struck, ENGINE_REC_WORK_PUT, 50, 5, 2);
    expect(struck, 0, REPORT_CAME_WENT_ON, 1);
    report_struck_free(struck);

    struck = report_struck_new(POINTS);
    lease(struck, 1, 5, OWNER);
    work(struck, ENGINE_REC_WORK_CLAIMED, 10, 5, 1);
    fault(struck, 20, 1, WORKER, ENGINE_ACT_CRASH, 0);
    fault(struck, 30, 2, WORKER, ENGINE_ACT_CRASH, 0);
    work(struck, ENGINE_REC_WORK_CUT, 50, 5, 1);
    work(struck, ENGINE_REC_WORK_PUT, 50, 5, 2);
    ends(struck, 5, ENGINE_RUN_SUCCEEDED);
    expect(struck, 1, REPORT_CAME_RETRIED, 1);
    expect(struck, 2, REPORT_CAME_WENT_ON, 1);
    report_struck_free(struck);
}

Test(reports_struck, an_owner_that_dies_loses_its_runs_to_another)
{
    struct report_struck *struck = report_struck_new(POINTS);
    lease(struck, 1, 5, OWNER);
    lease(struck, 1, 6, OWNER);
    lease(struck, 1, 7, OTHER);
    fault(struck, 20, 1, OWNER, ENGINE_ACT_CRASH, 0);
    lease(struck, 50, 5, OTHER);
    lease(struck, 50, 6, OTHER);
    for (uint64_t run = 5; run < 8; run++)
        ends(struck, run, ENGINE_RUN_SUCCEEDED);
    expect(struck, 1, REPORT_CAME_TAKEN_OVER, 1);
    cr_assert_eq(report_struck_finish(struck)[1].takeovers, 2);
    report_struck_free(struck);
}

Test(reports_struck, a_lease_that_was_given_back_is_not_taken_over)
{
    struct report_struck *struck = report_struck_new(POINTS);
    lease(struck, 1, 5, OWNER);
    work(struck, ENGINE_REC_LEASE_RELEASED, 10, 5, 0);
    fault(struck, 20, 1, OWNER, ENGINE_ACT_CRASH, 0);
    lease(struck, 50, 5, OTHER);
    ends(struck, 5, ENGINE_RUN_SUCCEEDED);
    expect(struck, 1, REPORT_CAME_WENT_ON, 1);
    report_struck_free(struck);
}

Test(reports_struck, a_run_that_nobody_takes_over_is_unfinished)
{
    struct report_struck *struck = report_struck_new(POINTS);
    lease(struck, 1, 5, OWNER);
    ends(struck, 5, ENGINE_RUN_RUNNING);
    fault(struck, 20, 1, OWNER, ENGINE_ACT_CRASH, 0);
    expect(struck, 1, REPORT_CAME_UNFINISHED, 1);
    cr_assert_eq(report_struck_finish(struck)[1].unfinished, 1);
    report_struck_free(struck);
}

Test(reports_struck, the_gravest_thing_decides)
{
    struct report_struck *struck = report_struck_new(POINTS);
    struct engine_record effect = {.kind = ENGINE_REC_EFFECT_REPEAT, .run = 5};
    lease(struck, 1, 5, OWNER);
    fault(struck, 20, 1, WORKER, ENGINE_ACT_LOSE, 5);
    feed(struck, effect);
    cr_assert_eq(report_struck_failed(struck), 0);
    effect.kind = ENGINE_REC_EFFECT_APPLIED;
    feed(struck, effect); /* the first time: nothing to blame */
    effect.a = 1;
    feed(struck, effect);
    feed(struck, effect);
    ends(struck, 5, ENGINE_RUN_FAILED);
    expect(struck, 1, REPORT_CAME_DUPLICATE, 1);
    const struct report_strikes *strikes = &report_struck_finish(struck)[1];
    cr_assert_eq(strikes->repeats, 1);
    cr_assert_eq(strikes->duplicates, 2);
    report_struck_free(struck);
}

Test(reports_struck, what_is_lost_is_gravest_of_all)
{
    struct report_struck *struck = report_struck_new(POINTS);
    fault(struck, 20, 1, WORKER, ENGINE_ACT_LOSE, 5);
    fault(struck, 21, 1, WORKER, ENGINE_ACT_LOSE, 6);
    report_struck_lost(struck, 5);
    report_struck_lost(struck, 9); /* struck by nothing */
    ends(struck, 5, ENGINE_RUN_SUCCEEDED);
    ends(struck, 6, ENGINE_RUN_SUCCEEDED);
    const struct report_strikes *strikes = &report_struck_finish(struck)[1];
    cr_assert_eq(strikes->came[REPORT_CAME_LOST].firings, 1);
    cr_assert_eq(strikes->came[REPORT_CAME_LOST].run, 5);
    cr_assert_eq(strikes->came[REPORT_CAME_LOST].time_ns, 20);
    cr_assert_eq(strikes->came[REPORT_CAME_WENT_ON].firings, 1);
    cr_assert_eq(strikes->lost, 1);
    report_struck_free(struck);
}

Test(reports_struck, a_step_that_fails_by_itself_is_no_consequence)
{
    struct report_struck *struck = report_struck_new(POINTS);
    struct engine_record event = {.kind = ENGINE_REC_EVENT,
                                  .run = 5,
                                  .detail = ENGINE_EV_ATTEMPT_FAILED,
                                  .a = ENGINE_ERR_USER};
    fault(struck, 20, 1, WORKER, ENGINE_ACT_DELAY, 5);
    feed(struck, event);
    work(struck, ENGINE_REC_WORK_PUT, 50, 5, 2);
    ends(struck, 5, ENGINE_RUN_SUCCEEDED);
    expect(struck, 1, REPORT_CAME_WENT_ON, 1);
    report_struck_free(struck);
}

Test(reports_struck, a_host_that_dies_takes_what_ran_on_it)
{
    struct report_struck *struck = report_struck_new(POINTS);
    lease(struck, 1, 5, OWNER);
    feed(struck, (struct engine_record){.kind = ENGINE_REC_ENV_STARTED,
                                        .node = PLATFORM,
                                        .peer = WORKER});
    work(struck, ENGINE_REC_WORK_CLAIMED, 10, 5, 1);
    fault(struck, 20, 2, PLATFORM, ENGINE_ACT_CRASH, 0);
    work(struck, ENGINE_REC_WORK_CUT, 50, 5, 1);
    work(struck, ENGINE_REC_WORK_PUT, 50, 5, 2);
    ends(struck, 5, ENGINE_RUN_SUCCEEDED);
    expect(struck, 2, REPORT_CAME_RETRIED, 1);
    report_struck_free(struck);
}

Test(reports_struck, a_fault_without_work_in_flight_strikes_nothing)
{
    struct report_struck *struck = report_struck_new(POINTS);
    feed(struck, (struct engine_record){.kind = ENGINE_REC_FAULT,
                                        .key = 1,
                                        .detail = ENGINE_ACT_CRASH});
    feed(struck, (struct engine_record){.kind = ENGINE_REC_FAULT,
                                        .key = POINTS}); /* no such point */
    expect(struck, 1, REPORT_CAME_NOTHING, 1);
    report_struck_free(struck);
}

Test(reports_struck, firings_beyond_those_followed_are_counted)
{
    struct report_struck *struck = report_struck_new(POINTS);
    for (uint32_t i = 0; i < REPORT_FIRINGS_MAX + 3; i++)
        fault(struck, i + 1, 1, WORKER, ENGINE_ACT_DELAY, 0);
    expect(struck, 1, REPORT_CAME_WENT_ON, REPORT_FIRINGS_MAX);
    cr_assert_eq(report_struck_finish(struck)[1].not_followed, 3);
    report_struck_free(struck);
}
