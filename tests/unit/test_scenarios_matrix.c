#include <criterion/criterion.h>
#include <string.h>

#include "faults/defects.h"
#include "reports/check.h"
#include "scenarios/matrix.h"

Test(scenarios_matrix, every_defect_names_a_property_that_there_is)
{
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++)
        cr_expect_neq(matrix_property(fault_defect_at(i)->property), UINT32_MAX,
                      "%s names %s", fault_defect_at(i)->name,
                      fault_defect_at(i)->property);
    cr_expect_eq(matrix_property("S0"), UINT32_MAX);
    cr_expect_str_eq(check_all[matrix_property("S12")]->id, "S12");
}

Test(scenarios_matrix, the_median_is_of_those_that_were_killed)
{
    struct matrix_row rows[5] = {0};
    uint32_t killed;

    rows[0].cells[1].seeds = 9;
    rows[2].cells[1].seeds = 2;
    rows[3].cells[1].seeds = 3;
    cr_expect_eq(matrix_median_milli(rows, 5, 1, &killed), 3000);
    cr_expect_eq(killed, 3);
    rows[4].cells[1].seeds = 4;
    cr_expect_eq(matrix_median_milli(rows, 5, 1, &killed), 3500);
    cr_expect_eq(matrix_median_milli(rows, 5, 0, &killed), 0);
    cr_expect_eq(killed, 0);
}

static struct scenario *scenario_of(const char *path)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    return scenario;
}

/* Two defects in the scenario of the first: only that one is seen there. */
Test(scenarios_matrix, a_defect_is_killed_only_where_its_property_fails)
{
    const uint32_t defects[2] = {ENGINE_DEFECT_LEASE_NO_FENCE,
                                 ENGINE_DEFECT_LIMIT_OFF_BY_ONE};
    struct scenario *scenario =
        scenario_of(fault_defect_at(defects[0])->scenario);
    const struct scenario *owns[2] = {scenario, scenario};
    struct matrix_row rows[2];
    char message[256];
    for (uint32_t jobs = 1; jobs <= 2; jobs++) {
        const struct matrix_config config = {.defects = defects,
                                             .owns = owns,
                                             .defect_count = 2,
                                             .columns = {{MATRIX_OWN, NULL}},
                                             .column_count = 1,
                                             .seeds = 1,
                                             .jobs = jobs};
        cr_assert_eq(matrix_run(&config, rows, message, sizeof(message)), 0,
                     "%s", message);
        cr_expect(rows[0].named && rows[0].clean);
        cr_expect_eq(rows[0].cells[0].seeds, 1);
        cr_expect(!rows[1].named && rows[1].clean);
        cr_expect_eq(rows[1].cells[0].seeds, 0);
        cr_expect_neq(rows[1].trouble[0], '\0');
    }
    scenario_free(scenario);
}

/* The rows of a matrix with one defect and two columns; its cell of the last.
 */
static struct matrix_cell last_cell(uint32_t defect,
                                    const struct scenario *crashed,
                                    uint64_t limit_ns, struct matrix_row *row)
{
    struct scenario *own = scenario_of(fault_defect_at(defect)->scenario);
    const struct scenario *owns[1] = {own};
    char message[256];
    const struct matrix_config config = {
        .defects = &defect,
        .owns = owns,
        .defect_count = 1,
        .columns = {{MATRIX_OWN, NULL}, {MATRIX_CRASH, crashed}},
        .column_count = 2,
        .seeds = 1,
        .jobs = 1,
        .limit_ns = limit_ns};

    cr_assert_eq(matrix_run(&config, row, message, sizeof(message)), 0, "%s",
                 message);
    scenario_free(own);
    return row->cells[1];
}

Test(scenarios_matrix, a_crash_sweep_ends_with_the_first_kill)
{
    struct scenario *order = scenario_of("scenarios/small/one-order.json");
    struct matrix_row row;
    struct matrix_cell cell =
        last_cell(ENGINE_DEFECT_APPEND_FAILURE_SWALLOWED, order, 0, &row);

    cr_expect(row.named && row.clean);
    cr_expect_eq(cell.seeds, 1);
    cr_expect(cell.failed >> row.property & 1);
    cr_expect_eq(cell.kills, 1);
    cr_expect_lt(cell.tried, 655); /* all boundaries */
    cr_expect_eq(cell.tried, last_cell(ENGINE_DEFECT_APPEND_FAILURE_SWALLOWED,
                                       order, 0, &row)
                                 .tried);
    scenario_free(order);
}

Test(scenarios_matrix, a_sweep_that_takes_too_long_kills_nobody)
{
    struct scenario *order = scenario_of("scenarios/small/one-order.json");
    struct matrix_row row;
    struct matrix_cell cell =
        last_cell(ENGINE_DEFECT_LIMIT_OFF_BY_ONE, order, 1000000, &row);

    cr_expect(cell.hung);
    cr_expect(!cell.died);
    cr_expect_eq(cell.kills, 0);
    cr_expect_eq(cell.seeds, 0);
    scenario_free(order);
}
