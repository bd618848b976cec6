#include <criterion/criterion.h>
#include <stdlib.h>

#include "reports/hist.h"

static int ascending(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left;
    uint64_t b = *(const uint64_t *)right;
    return a < b ? -1 : a > b;
}

/* Values of all magnitudes, the same on every call. */
static uint64_t draw(uint64_t *state)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return *state >> (*state >> 58);
}

Test(reports_hist, buckets_tile_all_values_without_gap_or_overlap)
{
    for (uint32_t bits = 5; bits <= 10; bits++) {
        uint32_t last = report_hist_index(bits, UINT64_MAX);
        for (uint32_t i = 0; i < last; i++) {
            uint64_t next = report_hist_edge(bits, i + 1);
            cr_assert_eq(report_hist_index(bits, next), i + 1);
            cr_assert_eq(report_hist_index(bits, next - 1), i);
        }
    }
}

Test(reports_hist, percentiles_are_within_the_stated_fraction_of_exact_ones)
{
    enum {
        COUNT = 20000
    };
    static const uint32_t ppm[] = {1, 10000, 500000, 990000, 999900, 1000000};
    uint64_t *values = malloc(COUNT * sizeof(*values));
    cr_assert(values);
    for (unsigned digits = 1; digits <= 3; digits++) {
        struct report_hist hist;
        cr_assert_eq(report_hist_init(&hist, digits), 0);
        uint64_t state = digits;
        for (int i = 0; i < COUNT; i++) {
            values[i] = draw(&state);
            report_hist_record(&hist, values[i]);
        }
        qsort(values, COUNT, sizeof(*values), ascending);
        for (unsigned i = 0; i < sizeof(ppm) / sizeof(ppm[0]); i++) {
            uint64_t rank = ((uint64_t)COUNT * ppm[i] + 999999) / 1000000;
            uint64_t exact = values[rank ? rank - 1 : 0];
            uint64_t found = report_hist_at(&hist, ppm[i]);
            cr_assert_geq(found, exact);
            cr_assert_leq(found - exact, exact >> hist.bits);
        }
        cr_assert_eq(report_hist_at(&hist, 1000000), values[COUNT - 1]);
        report_hist_deinit(&hist);
    }
    free(values);
}

Test(reports_hist, merging_parts_equals_recording_the_whole)
{
    struct report_hist whole;
    struct report_hist parts[2];
    report_hist_init(&whole, 2);
    report_hist_init(&parts[0], 2);
    report_hist_init(&parts[1], 2);
    uint64_t state = 9;
    for (int i = 0; i < 5000; i++) {
        uint64_t value = draw(&state);
        report_hist_record(&whole, value);
        report_hist_record(&parts[i % 3 == 0], value);
    }
    report_hist_merge(&parts[0], &parts[1]);
    cr_assert_eq(parts[0].count, whole.count);
    cr_assert_eq(parts[0].min, whole.min);
    cr_assert_eq(parts[0].max, whole.max);
    cr_assert_eq(report_hist_mean(&parts[0]), report_hist_mean(&whole));
    cr_assert_arr_eq(parts[0].counts, whole.counts,
                     whole.size * sizeof(*whole.counts));
    report_hist_deinit(&whole);
    report_hist_deinit(&parts[0]);
    report_hist_deinit(&parts[1]);
}

Test(reports_hist, the_mean_is_exact_where_the_sum_exceeds_64_bits)
{
    struct report_hist hist;
    report_hist_init(&hist, 1);
    for (int i = 0; i < 5; i++)
        report_hist_record(&hist, UINT64_MAX - (uint64_t)i);
    cr_assert_eq(report_hist_mean(&hist), UINT64_MAX - 2);
    report_hist_clear(&hist);
    cr_assert_eq(report_hist_mean(&hist), 0);
    report_hist_record(&hist, 7);
    report_hist_record(&hist, 8);
    cr_assert_eq(report_hist_mean(&hist), 7);
    report_hist_deinit(&hist);
}

Test(reports_hist, an_empty_histogram_answers_zero)
{
    struct report_hist hist;
    report_hist_init(&hist, 3);
    cr_assert_eq(report_hist_at(&hist, 500000), 0);
    cr_assert_eq(report_hist_below(&hist, UINT64_MAX), 0);
    report_hist_deinit(&hist);
    report_hist_deinit(&hist);
}

Test(reports_hist, values_below_a_bucket_edge_are_counted_exactly)
{
    struct report_hist hist;
    report_hist_init(&hist, 2);
    for (uint64_t value = 0; value < 4096; value++)
        report_hist_record(&hist, value);
    for (uint32_t i = 0; report_hist_edge(hist.bits, i) < 4096; i++) {
        uint64_t edge = report_hist_edge(hist.bits, i);
        cr_assert_eq(report_hist_below(&hist, edge), edge);
    }
    cr_assert_eq(report_hist_below(&hist, UINT64_MAX), 4096);
    report_hist_deinit(&hist);
}
