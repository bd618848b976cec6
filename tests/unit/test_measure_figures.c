#include <criterion/criterion.h>
#include <math.h>

#include "scenarios/measure/figures.h"

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)

static struct measure_repeats of(const uint64_t *values, size_t count)
{
    struct measure_repeats repeats = {.count = 0};
    for (size_t i = 0; i < count; i++)
        measure_add(&repeats, values[i]);
    return repeats;
}

Test(measure_figures, the_median_lies_between_the_least_and_the_most)
{
    static const uint64_t odd[] = {9, 1, 5};
    static const uint64_t even[] = {4, 1, 9, 6};
    struct measure_repeats repeats = of(odd, 3);
    struct measure_spread spread = measure_spread(&repeats);
    cr_expect_eq(spread.median, 5);
    cr_expect_eq(spread.least, 1);
    cr_expect_eq(spread.most, 9);
    repeats = of(even, 4);
    cr_expect_eq(measure_spread(&repeats).median, 5, "the mean of 4 and 6");
}

Test(measure_figures, a_rank_is_a_value_that_was_measured)
{
    uint64_t values[200];
    for (uint64_t i = 0; i < 200; i++)
        values[i] = 200 - i;
    cr_expect_eq(measure_rank(values, 200, 500), 100);
    cr_expect_eq(measure_rank(values, 200, 990), 198);
    cr_expect_eq(measure_rank(values, 200, 1000), 200);
    cr_expect_eq(measure_rank(values, 200, 0), 1);
    cr_expect_eq(measure_rank(values, 1, 990), 1, "of one, that one");
    cr_expect_eq(measure_rank(NULL, 0, 500), 0, "of none, 0");
}

Test(measure_figures, five_that_lie_apart_are_told_apart_and_two_never_are)
{
    static const uint64_t slow[] = {200, 210, 205, 220, 215};
    static const uint64_t fast[] = {100, 110, 105, 120, 115};
    struct measure_repeats a = of(slow, 5);
    struct measure_repeats b = of(fast, 5);
    struct measure_difference d = measure_difference(&a, &b);
    cr_expect_eq(d.median, 100);
    cr_expect(d.told_apart, "p = %f", d.p);
    cr_expect(isfinite(d.seen));
    a = of(slow, 2);
    b = of(fast, 2);
    d = measure_difference(&a, &b);
    cr_expect_not(d.told_apart, "p = %f", d.p);
    cr_expect_not(isfinite(d.seen), "with so few nothing would be seen");
}

Test(measure_figures, what_is_faster_has_a_difference_below_zero)
{
    static const uint64_t slow[] = {200, 210, 205};
    static const uint64_t fast[] = {100, 110, 105};
    struct measure_repeats a = of(fast, 3);
    struct measure_repeats b = of(slow, 3);
    cr_expect_eq(measure_difference(&a, &b).median, -100);
}

Test(measure_figures, a_day_holds_what_its_runs_bring)
{
    cr_expect_eq(measure_a_day(2030, 1000, DAY), 2030000);
    cr_expect_eq(measure_a_day(100000, 10000000, DAY), 1000000000000);
    cr_expect_eq(measure_a_day(1, 50, SECOND), 50 * 86400);
    cr_expect_eq(measure_a_day(3, 1, 7 * SECOND), 3 * 86400 / 7);
    cr_expect_eq(measure_a_day(UINT64_MAX, 1, DAY), UINT64_MAX);
    cr_expect_eq(measure_a_day(UINT64_MAX, 2, DAY), UINT64_MAX, "and no more");
    cr_expect_eq(measure_a_day(1, UINT64_MAX, 1), UINT64_MAX);
    cr_expect_eq(measure_a_day(0, UINT64_MAX, 1), 0);
}
