#include <criterion/criterion.h>
#include <math.h>

#include "reports/mann_whitney.h"
#include "sim/real.h"

/* a[i] = first + i * step: no ties between two of different parity. */
static void fill(uint64_t *values, size_t count, uint64_t first, uint64_t step)
{
    for (size_t i = 0; i < count; i++)
        values[i] = first + i * step;
}

/* Two samples that are fully parted. */
static struct report_mann_whitney parted(size_t a, size_t b)
{
    uint64_t low[REPORT_SAMPLES_MAX], high[REPORT_SAMPLES_MAX];
    fill(low, a, 1, 1);
    fill(high, b, 100000, 1);
    return report_mann_whitney(low, a, high, b);
}

Test(reports_mann_whitney, fully_parted_samples_have_two_ways_of_all)
{
    static const struct {
        size_t a, b;
        double ways; /* a + b over a */
    } table[] = {{3, 3, 20},
                 {4, 4, 70},
                 {5, 5, 252},
                 {5, 3, 56},
                 {10, 10, 184756},
                 {1, 19, 20},
                 {19, 19, 35345263800.0}};
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        struct report_mann_whitney result = parted(table[i].a, table[i].b);
        cr_expect(result.exact);
        cr_expect_float_eq(result.p * table[i].ways, 2, 1e-9, "%zu: %g", i,
                           result.p);
        cr_expect_float_eq(result.p_least, result.p, 1e-12);
        cr_expect_eq(result.u, 0);
    }
}

/* Critical values of U, two-sided, as tables print them: the largest U whose
 * p is at most the level. */
Test(reports_mann_whitney, critical_values_are_those_of_the_tables)
{
    static const struct {
        size_t n;
        double level;
        unsigned u;
    } table[] = {{5, 0.05, 2},    {6, 0.05, 5},   {8, 0.05, 13},
                 {10, 0.05, 23},  {12, 0.05, 37}, {15, 0.05, 64},
                 {19, 0.05, 113}, {5, 0.01, 0},   {8, 0.01, 7},
                 {10, 0.01, 16},  {15, 0.01, 51}};
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        uint64_t a[20], b[20];
        size_t n = table[i].n;
        for (unsigned u = table[i].u; u <= table[i].u + 1; u++) {
            /* Of a, u / n are above all of b, and one is above u % n. */
            fill(b, n, 1000, 10);
            for (size_t k = 0; k < n; k++)
                a[k] = k < u / n ? 5000 + k : 1 + k;
            if (u % n)
                a[n - 1] = 1000 + 10 * (u % n) - 5;
            struct report_mann_whitney result = report_mann_whitney(a, n, b, n);
            cr_expect_eq(result.u, u);
            cr_expect_eq(result.p <= table[i].level, u == table[i].u,
                         "n %zu, U %u: p %g", n, u, result.p);
        }
    }
}

Test(reports_mann_whitney, five_a_side_reach_a_hundredth_only_exactly)
{
    uint64_t a[5], b[5];
    fill(a, 5, 1, 1);
    fill(b, 5, 100, 1);
    cr_expect_float_eq(report_mann_whitney(a, 5, b, 5).p, 0.0079, 5e-5);
    cr_expect_float_eq(report_mann_whitney_normal(a, 5, b, 5).p, 0.0122, 5e-5);
}

Test(reports_mann_whitney, ties_are_counted_and_not_guessed)
{
    static const uint64_t a[] = {1, 2, 2, 3}, b[] = {2, 3, 4, 5};
    /* Of the 70 ways to deal out 1 2 2 2 3 3 4 5, 12 are as far apart. */
    uint64_t far = 0, all = 0;
    static const double rank[] = {1, 3, 3, 3, 5.5, 5.5, 7, 8};
    for (unsigned mask = 0; mask < 256; mask++) {
        double sum = 0;
        if (__builtin_popcount(mask) != 4)
            continue;
        for (int i = 0; i < 8; i++)
            sum += mask >> i & 1 ? rank[i] : 0;
        all++;
        far += fabs(sum - 18) >= fabs(12.5 - 18);
    }
    struct report_mann_whitney result = report_mann_whitney(a, 4, b, 4);
    cr_expect_float_eq(result.p, (double)far / (double)all, 1e-12);
    cr_expect_eq(all, 70);
}

Test(reports_mann_whitney, equal_samples_show_nothing)
{
    uint64_t same[40];
    fill(same, 40, 7, 0);
    cr_expect_eq(report_mann_whitney(same, 10, same, 10).p, 1);
    cr_expect_eq(report_mann_whitney(same, 40, same, 40).p, 1);
    cr_expect_eq(report_mann_whitney(same, 1, same, 1).p, 1);
}

Test(reports_mann_whitney, the_normal_distribution_follows_the_exact_one)
{
    uint64_t a[19], b[19];
    for (uint64_t shift = 0; shift < 20; shift++) {
        fill(a, 19, 1000, 20);
        fill(b, 19, 1003 + 17 * shift, 20);
        double exact = report_mann_whitney(a, 19, b, 19).p;
        double normal = report_mann_whitney_normal(a, 19, b, 19).p;
        cr_expect_lt(fabs(exact - normal), 0.006, "%g and %g", exact, normal);
    }
    cr_expect_not(parted(20, 5).exact);
    cr_expect_lt(parted(20, 20).p, 1e-6);
}

Test(reports_mann_whitney, it_is_the_same_from_both_sides)
{
    static const uint64_t a[] = {5, 9, 12, 40, 41}, b[] = {1, 2, 10, 11};
    struct report_mann_whitney one = report_mann_whitney(a, 5, b, 4);
    struct report_mann_whitney other = report_mann_whitney(b, 4, a, 5);
    cr_expect_eq(one.p, other.p);
    cr_expect_eq(one.u + other.u, 20);
}

/* A normal value from a small generator; the same everywhere. */
static double noise(uint64_t *state)
{
    *state = *state * 6364136223846793005 + 1442695040888963407;
    double share = ((double)(*state >> 12) + 0.5) / 4503599627370496.0;
    return sim_real_normal(share);
}

/* In how many of a hundred comparisons such a slowdown is seen. */
static double seen(double spread, double slower, size_t n)
{
    enum {
        TRIALS = 1500
    };
    uint64_t state = 42, a[30], b[30];
    unsigned found = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        for (size_t i = 0; i < n; i++) {
            a[i] = (uint64_t)(1e6 * (1 + spread * noise(&state)));
            b[i] = (uint64_t)(1e6 * (slower + spread * noise(&state)));
        }
        found += report_mann_whitney_normal(a, n, b, n).p < 0.01;
    }
    return 100.0 * found / TRIALS;
}

/* The table that the rules of gates stand on: share seen of slowdowns. */
Test(reports_mann_whitney, power_is_what_was_measured_elsewhere)
{
    static const struct {
        double spread, slower;
        size_t n;
        double seen;
    } table[] = {
        {0.01, 1.05, 5, 0},   {0.01, 1.05, 10, 100}, {0.03, 1.05, 10, 71},
        {0.03, 1.05, 20, 98}, {0.07, 1.05, 20, 32},  {0.07, 1.10, 10, 53},
        {0.07, 1.10, 20, 93}, {0.13, 1.10, 20, 38},  {0.13, 1.25, 10, 86}};
    for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
        double got = seen(table[i].spread, table[i].slower, table[i].n);
        cr_expect_lt(fabs(got - table[i].seen), 6, "%zu: %g, not %g", i, got,
                     table[i].seen);
    }
}

Test(reports_mann_whitney, what_is_said_to_be_seen_is_seen_four_times_in_five)
{
    uint64_t state = 7, a[20], b[20];
    for (size_t i = 0; i < 20; i++) {
        a[i] = (uint64_t)(1e6 * (1 + 0.07 * noise(&state)));
        b[i] = (uint64_t)(1e6 * (1 + 0.07 * noise(&state)));
    }
    double least = report_mann_whitney_detectable(a, 20, b, 20, 0.01);
    cr_expect_gt(least, 0.05);
    cr_expect_lt(least, 0.11);
    cr_expect_gt(seen(0.07, 1 + least, 20), 60);
    cr_expect_eq(report_mann_whitney_detectable(a, 3, b, 3, 0.01), HUGE_VAL);
}

Test(reports_mann_whitney, the_median_of_two_in_the_middle_is_between_them)
{
    static const uint64_t values[] = {9, 1, 5, 3}, one[] = {8};
    cr_expect_eq(report_median(values, 4), 4);
    cr_expect_eq(report_median(values, 3), 5);
    cr_expect_eq(report_median(one, 1), 8);
}
