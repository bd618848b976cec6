#include "scenarios/coverage.h"

#include <criterion/criterion.h>

static struct coverage *coverage;

static void set_up(void)
{
    coverage = coverage_new(10);
    cr_assert_not_null(coverage);
}

static void tear_down(void)
{
    coverage_free(coverage);
}

TestSuite(scenarios_coverage, .init = set_up, .fini = tear_down);

static void fault(uint64_t run, uint32_t point, uint32_t action)
{
    struct engine_record record = {.kind = ENGINE_REC_FAULT,
                                   .run = run,
                                   .key = point,
                                   .detail = (uint16_t)action};
    coverage_feed(coverage, &record, 1);
}

/* An append that leaves the run in a state, with one event. */
static void event(uint64_t run, unsigned state, unsigned kind)
{
    struct engine_record records[2] = {
        {.kind = ENGINE_REC_APPENDED, .run = run, .state = (uint16_t)state},
        {.kind = ENGINE_REC_EVENT, .run = run, .detail = (uint16_t)kind}};
    coverage_feed(coverage, records, 2);
}

static void happen(uint64_t run, unsigned kind, unsigned detail)
{
    struct engine_record record = {
        .kind = (uint16_t)kind, .run = run, .detail = (uint16_t)detail};
    coverage_feed(coverage, &record, 1);
}

static bool met(enum coverage_kind kind, uint32_t point, uint32_t action,
                uint32_t state, uint32_t what)
{
    return coverage_set_has(coverage_met(coverage),
                            coverage_tuple(kind, point, action, state, what));
}

Test(scenarios_coverage, an_event_is_told_apart_by_the_state_it_meets)
{
    event(1, 2, 30);
    cr_expect(met(COVERAGE_EVENT, 0, 0, 0, 30));
    event(1, 3, 31);
    cr_expect(met(COVERAGE_EVENT, 0, 0, 2, 31));
    event(2, 3, 31);
    cr_expect(met(COVERAGE_EVENT, 0, 0, 0, 31));
    cr_expect_eq(coverage_met(coverage)->count, 3);
}

Test(scenarios_coverage, only_the_first_event_after_a_fault_has_it)
{
    event(1, 2, 30);
    fault(0, 7, ENGINE_ACT_CRASH);
    event(1, 2, 31);
    event(1, 2, 32);
    cr_expect(met(COVERAGE_FIRED, 7, ENGINE_ACT_CRASH, 0, 0));
    cr_expect(met(COVERAGE_EVENT, 7, ENGINE_ACT_CRASH, 2, 31));
    cr_expect(met(COVERAGE_EVENT, 0, 0, 2, 32));
}

Test(scenarios_coverage, a_fault_about_the_run_comes_before_one_about_none)
{
    fault(1, 8, ENGINE_ACT_PAUSE);
    fault(0, 7, ENGINE_ACT_CRASH);
    event(1, 2, 31);
    event(2, 2, 31);
    cr_expect(met(COVERAGE_EVENT, 8, ENGINE_ACT_PAUSE, 0, 31));
    cr_expect(met(COVERAGE_EVENT, 7, ENGINE_ACT_CRASH, 0, 31));
}

Test(scenarios_coverage, a_recovery_is_known_by_its_fault_and_its_path)
{
    happen(1, ENGINE_REC_WORK_CUT, 0);
    cr_expect_eq(coverage_met(coverage)->count, 0);
    fault(1, 8, ENGINE_ACT_CRASH);
    happen(1, ENGINE_REC_WORK_CUT, 0);
    happen(1, ENGINE_REC_WORK_CUT, 0);
    happen(1, ENGINE_REC_LEASE_GRANTED, 0);
    cr_expect_eq(coverage_met(coverage)->count, 3);
}

Test(scenarios_coverage, runs_beyond_those_of_clients_are_folded_too)
{
    event(UINT64_C(1) << 39 | 5, 2, 30);
    cr_expect(met(COVERAGE_EVENT, 0, 0, 0, 30));
}

Test(scenarios_coverage, a_set_keeps_each_number_once_and_lists_them_in_order)
{
    static uint32_t list[10000];
    struct coverage_set set = {0};
    cr_expect_not(coverage_set_has(&set, 1));
    for (uint32_t i = 5000; i > 0; i--) {
        cr_assert_eq(coverage_set_add(&set, i * 7919), 1);
        cr_assert_eq(coverage_set_add(&set, i * 7919), 0);
    }
    cr_expect_eq(coverage_set_list(&set, list, 10000), 5000);
    for (uint32_t i = 1; i <= 5000; i++)
        cr_assert_eq(list[i - 1], i * 7919);
    coverage_set_deinit(&set);
}

Test(scenarios_coverage, a_tuple_tells_what_it_is_made_of)
{
    uint32_t tuple = coverage_tuple(COVERAGE_RECOVERY, 511, 19, 7, 900);
    cr_expect_eq(coverage_kind_of(tuple), COVERAGE_RECOVERY);
    cr_expect_eq(coverage_point_of(tuple), 511);
    cr_expect_eq(coverage_action_of(tuple), 19);
}
