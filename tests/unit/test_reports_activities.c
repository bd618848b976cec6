#include "reports/activities.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/synthetic.h"

/* A world, its collector and what is told of it. */
struct telling {
    struct synthetic *world;
    struct report_collect *collect;
    const struct report_stats *stats;
    struct report_activities told;
};

static struct telling tell(const struct synthetic_options *options,
                           uint32_t most)
{
    struct telling telling = {.world = synthetic_new(options)};
    telling.collect = report_collect_new(&telling.world->world);
    cr_assert(telling.collect);
    report_collect_feed(telling.collect, telling.world->records,
                        telling.world->count);
    telling.stats = report_collect_finish(telling.collect);
    cr_assert_eq(report_activities_init(&telling.told, telling.collect,
                                        telling.stats, most),
                 0);
    return telling;
}

static void untell(struct telling *telling)
{
    report_activities_deinit(&telling->told);
    report_collect_free(telling->collect);
    synthetic_free(telling->world);
}

static uint32_t count_of(const struct report_activities *told,
                         enum report_activity_kind kind)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < told->count; i++)
        count += told->list[i].kind == kind;
    return count;
}

static const struct synthetic_options some = {
    .runs = 12, .trips = 2, .crash_every = 3, .outage = 1};

Test(reports_activities, each_run_is_told_once_and_every_attempt_of_it)
{
    struct telling telling = tell(&some, REPORT_ACTIVITIES_MAX);
    const struct report_activities *told = &telling.told;
    uint32_t begun = 0;
    for (size_t i = 0; i < telling.world->count; i++)
        begun += telling.world->records[i].kind == ENGINE_REC_ATTEMPT_BEGIN;
    cr_expect_eq(told->run_count, 14);
    cr_expect_eq(count_of(told, REPORT_ACTIVITY_RUN), 14);
    cr_expect_eq(count_of(told, REPORT_ACTIVITY_CODE), begun);
    cr_expect_eq(told->runs_left_out, 0);
    cr_expect_eq(told->activities_left_out, 0);
    untell(&telling);
}

Test(reports_activities, a_parent_comes_before_and_is_of_the_same_run)
{
    struct telling telling = tell(&some, REPORT_ACTIVITIES_MAX);
    const struct report_activities *told = &telling.told;
    for (uint32_t i = 0; i < told->count; i++) {
        const struct report_activity *each = &told->list[i];
        cr_expect_leq(each->from_ns, each->to_ns);
        if (each->kind == REPORT_ACTIVITY_RUN) {
            cr_expect_eq(each->parent, REPORT_ACTIVITY_NONE);
            continue;
        }
        cr_assert_lt(each->parent, i);
        cr_expect_eq(told->list[each->parent].run, each->run);
        cr_expect_geq(each->from_ns, told->list[each->parent].from_ns);
    }
    untell(&telling);
}

Test(reports_activities, code_of_a_process_that_dies_is_cut_and_repeated)
{
    struct telling telling =
        tell(&(struct synthetic_options){.runs = 12, .crash_every = 3},
             REPORT_ACTIVITIES_MAX);
    const struct report_activities *told = &telling.told;
    uint32_t cut = 0, repeated = 0;
    for (uint32_t i = 0; i < told->count; i++) {
        const struct report_activity *each = &told->list[i];
        if (each->kind != REPORT_ACTIVITY_CODE)
            continue;
        cut += each->end == REPORT_ACTIVITY_CUT;
        if (each->before == REPORT_ACTIVITY_NONE)
            continue;
        const struct report_activity *before = &told->list[each->before];
        repeated++;
        cr_expect_eq(before->run, each->run);
        cr_expect_gt(each->attempt, before->attempt);
    }
    cr_expect_gt(cut, 0);
    cr_expect_geq(cut, repeated);
    cr_expect_gt(repeated, 0);
    untell(&telling);
}

Test(reports_activities, two_at_once_on_a_node_have_two_slots)
{
    struct telling telling =
        tell(&(struct synthetic_options){.runs = 60}, REPORT_ACTIVITIES_MAX);
    const struct report_activities *told = &telling.told;
    for (uint32_t i = 0; i < told->count; i++)
        for (uint32_t j = i + 1; j < told->count; j++) {
            const struct report_activity *a = &told->list[i];
            const struct report_activity *b = &told->list[j];
            if (a->kind == REPORT_ACTIVITY_CODE && b->kind == a->kind &&
                a->node == b->node && a->slot == b->slot)
                cr_expect(a->to_ns <= b->from_ns || b->to_ns <= a->from_ns,
                          "%u and %u share slot %u", i, j, a->slot);
        }
    untell(&telling);
}

Test(reports_activities, without_room_for_all_whole_runs_are_left_out)
{
    struct telling all = tell(&some, REPORT_ACTIVITIES_MAX);
    struct telling few = tell(&some, all.told.count / 2);
    cr_expect_leq(few.told.count, all.told.count / 2);
    cr_expect_gt(few.told.run_count, 0);
    cr_expect_gt(few.told.runs_left_out, 0);
    cr_expect_eq(few.told.run_count + few.told.runs_left_out,
                 all.told.run_count);
    cr_expect_eq(few.told.activities_left_out, 0);
    bool worst = false;
    for (uint32_t i = 0; i < few.told.count; i++)
        worst |= few.told.list[i].kind == REPORT_ACTIVITY_RUN &&
                 few.told.list[i].number == few.stats->worst_run;
    cr_expect(worst, "the worst run is not among them");
    untell(&few);
    untell(&all);
}

Test(reports_activities, faults_and_crashes_are_marks)
{
    struct telling telling = tell(&some, REPORT_ACTIVITIES_MAX);
    uint32_t faults = 0, downs = 0;
    char word[120];
    for (uint32_t i = 0; i < telling.told.mark_count; i++) {
        const struct report_activity_mark *mark = &telling.told.marks[i];
        report_activity_mark_name(&telling.told, mark, word);
        faults += strncmp(word, "fault: ", 7) == 0;
        downs += strncmp(word, "process down: ", 14) == 0;
    }
    cr_expect_eq(faults, telling.stats->faults_fired);
    cr_expect_eq(downs, telling.stats->crashes);
    untell(&telling);
}

Test(reports_activities, names_are_those_of_the_workflow)
{
    struct telling telling = tell(&some, REPORT_ACTIVITIES_MAX);
    const struct report_activities *told = &telling.told;
    char word[120];
    bool order = false, charge = false, queued = false;
    for (uint32_t i = 0; i < told->count; i++) {
        const char *name = report_activity_name(told, &told->list[i], word);
        order |= strcmp(name, "order") == 0;
        charge |= strcmp(name, "charge card") == 0;
        queued |= strcmp(name, "queued: charge card") == 0;
    }
    cr_expect(order && charge && queued);
    untell(&telling);
}
