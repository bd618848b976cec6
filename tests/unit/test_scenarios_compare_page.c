#include "scenarios/compare_page.h"

#include <criterion/criterion.h>

static struct compare_paired three(uint64_t a, uint64_t b, uint64_t c)
{
    struct compare_paired paired = {
        .a = {100, 100, 100}, .b = {a, b, c}, .count = 3};
    for (size_t i = 0; i < 3; i++) {
        paired.lower += paired.b[i] < 100;
        paired.higher += paired.b[i] > 100;
    }
    return paired;
}

Test(scenarios_compare_page, changes_are_in_order_whatever_their_sign)
{
    struct compare_paired paired = three(130, 95, 60);
    struct compare_changes changes = compare_changes(&paired);
    cr_expect(changes.least.less);
    cr_expect_eq(changes.least.amount, 40);
    cr_expect(changes.median.less);
    cr_expect_eq(changes.median.amount, 5);
    cr_expect_not(changes.most.less);
    cr_expect_eq(changes.most.amount, 30);
}

Test(scenarios_compare_page, seeds_that_do_not_agree_are_mixed)
{
    struct report_gate_metric less = {.better = REPORT_GATE_LESS};
    struct report_gate_metric more = {.better = REPORT_GATE_MORE};
    struct report_gate_metric none = {.better = REPORT_GATE_NEITHER};
    struct compare_paired mixed = three(130, 95, 60);
    struct compare_paired lower = three(90, 100, 60);
    struct compare_paired same = three(100, 100, 100);
    cr_expect_str_eq(compare_seeds(&less, &mixed), "mixed");
    cr_expect_str_eq(compare_seeds(&less, &lower), "better");
    cr_expect_str_eq(compare_seeds(&more, &lower), "worse");
    cr_expect_str_eq(compare_seeds(&none, &lower), "");
    cr_expect_str_eq(compare_seeds(&less, &same), "");
}
