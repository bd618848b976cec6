#include <criterion/criterion.h>

#include "reports/scale.h"

Test(reports_scale, logarithm_and_power_undo_one_another)
{
    for (uint32_t steps = 10 * 32; steps < 2048; steps++) {
        uint64_t value = report_scale_exp2(steps);
        uint32_t log = report_scale_log2(value);
        cr_assert_leq(log, steps * 32);
        cr_assert_geq(log + 2, steps * 32);
    }
    for (uint32_t bit = 0; bit < 64; bit++)
        cr_assert_eq(report_scale_log2((uint64_t)1 << bit), bit << 10);
}

Test(reports_scale, bins_hold_every_value_once)
{
    static const uint64_t lows[] = {0, 1, 999, 1000000007, UINT64_MAX - 3};
    for (unsigned i = 0; i < sizeof(lows) / sizeof(lows[0]); i++) {
        for (unsigned j = i; j < sizeof(lows) / sizeof(lows[0]); j++) {
            struct report_hist hist;
            cr_assert_eq(report_hist_init(&hist, 3), 0);
            for (unsigned k = i; k <= j; k++)
                for (uint64_t more = 0; more < 3; more++)
                    report_hist_record(&hist, lows[k] + more);
            struct report_bins bins = report_scale_fit(&hist, 16);
            uint64_t sum = 0;
            for (uint32_t bin = 0; bin < bins.count; bin++)
                sum += report_scale_count(&bins, &hist, bin);
            cr_assert_eq(sum, hist.count);
            cr_assert_leq(bins.count, 16);
            cr_assert_leq(bins.most, hist.count);
            report_hist_deinit(&hist);
        }
    }
}
