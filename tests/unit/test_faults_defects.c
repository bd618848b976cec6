#include "faults/defects.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "faults/switchboard.h"
#include "sim/points.h"

/* The world's points, then the engine's defects, as a world lines them up. */
enum {
    POINT_COUNT = SIM_POINT_COUNT + ENGINE_DEFECT_COUNT
};

static struct engine_point points[POINT_COUNT];
static struct fault_plan plan;
static char message[128];

static void set_up(void)
{
    memcpy(points, sim_point_table, SIM_POINT_COUNT * sizeof(points[0]));
    memcpy(points + SIM_POINT_COUNT, engine_defect_table,
           ENGINE_DEFECT_COUNT * sizeof(points[0]));
    cr_assert_eq(fault_plan_init(&plan, points, POINT_COUNT, 32), 0);
}

static void tear_down(void)
{
    fault_plan_deinit(&plan);
}

TestSuite(faults_defects, .init = set_up, .fini = tear_down);

Test(faults_defects, each_row_describes_the_defect_of_its_id)
{
    static const char *const names[] = {
#define DEFECT_NAME(id, name, simulates) name,
        ENGINE_DEFECTS(DEFECT_NAME)
#undef DEFECT_NAME
    };
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++) {
        const struct fault_defect *defect = fault_defect_at(i);
        char path[128];
        cr_assert_not_null(defect->name, "%s has no row", names[i]);
        cr_expect_str_eq(defect->name, names[i]);
        cr_expect_eq(fault_defect_find(names[i]), defect);
        snprintf(path, sizeof(path), "scenarios/defects/%s.json", names[i]);
        cr_expect_str_eq(defect->scenario, path);
        cr_expect(strchr("SL", defect->property[0]), "%s", names[i]);
        cr_expect_eq(defect->breaks[strlen(defect->breaks) - 1], '.');
        cr_expect_gt(strlen(defect->origin), 0);
    }
}

Test(faults_defects, every_defect_can_be_armed_and_only_it_is_on)
{
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++) {
        int error;
        cr_assert_eq(fault_defect_arm(&plan, fault_defect_at(i)->name, message,
                                      sizeof(message)),
                     0, "%s", message);
        struct fault_switchboard *board =
            fault_switchboard_new(&plan, 1, &error);
        cr_assert_not_null(board);
        struct engine_defects defects = {&board->port, SIM_POINT_COUNT, 3};
        for (uint32_t j = 0; j < ENGINE_DEFECT_COUNT; j++)
            cr_expect_eq(engine_defect(&defects, j), i == j);
        fault_switchboard_free(board);
        fault_plan_remove(&plan, 0);
    }
}

Test(faults_defects, an_unknown_defect_is_refused)
{
    cr_expect_eq(
        fault_defect_arm(&plan, "lease_no_fenc", message, sizeof(message)),
        FAULT_EINVAL);
    cr_expect_str_eq(message, "there is no defect lease_no_fenc");
    cr_expect_null(fault_defect_find("lease_no_fenc"));
    cr_expect_eq(plan.count, 0);
}

Test(faults_defects, a_defect_is_armed_once)
{
    cr_expect_eq(fault_defect_arm(&plan, "sync_off", message, sizeof(message)),
                 0);
    cr_expect_eq(fault_defect_arm(&plan, "sync_off", message, sizeof(message)),
                 FAULT_EINVAL);
    cr_expect_str_eq(message, "two rules are named defect/sync_off");
}

Test(faults_defects, a_defect_cannot_be_half_on)
{
    struct fault_rule rule;
    fault_rule_init(&rule, ENGINE_ACT_DEFECT);
    fault_rule_add_point(&rule, SIM_POINT_COUNT);
    rule.chance_ppb = 5;
    cr_expect_eq(fault_plan_add(&plan, &rule, message, sizeof(message)),
                 FAULT_EINVAL);
    cr_expect_str_eq(message, "a seeded defect is on or off: it can be limited "
                              "to nodes, to nothing else");
}
