#include <criterion/criterion.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reports/export.h"
#include "tests/support/golden.h"

static struct report_buffer render(const struct report_hist *hist)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_export_hgrm(hist, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

Test(reports_export_hgrm, the_spectrum_of_a_thousand_values_is_as_it_was)
{
    struct report_hist hist;
    char room[400];
    cr_assert_eq(report_hist_init(&hist, 3), 0);
    for (uint64_t i = 1; i <= 1000; i++)
        report_hist_record(&hist, i * 1000000);
    struct report_buffer out = render(&hist);
    const char *differs =
        golden_differs("export-latency.hgrm", out.text, out.size, room);
    cr_expect_null(differs, "%s", differs);
    report_buffer_free(&out);
    report_hist_deinit(&hist);
}

Test(reports_export_hgrm, no_value_gives_a_header_and_a_footer)
{
    struct report_hist hist;
    cr_assert_eq(report_hist_init(&hist, 3), 0);
    struct report_buffer out = render(&hist);
    cr_expect(strstr(out.text, "1/(1-Percentile)\n\n#[Mean    ="));
    cr_expect(strstr(out.text, "Total count    =            0]"));
    report_buffer_free(&out);
    report_hist_deinit(&hist);
}

Test(reports_export_hgrm, one_value_gives_its_line_and_the_last)
{
    struct report_hist hist;
    cr_assert_eq(report_hist_init(&hist, 3), 0);
    report_hist_record(&hist, UINT64_MAX);
    struct report_buffer out = render(&hist);
    cr_expect(strstr(out.text,
                     "\n\n18446744073709.551615 0.000000000000          1"
                     "           1.00\n18446744073709.551615 1.000000000000"
                     "          1\n#["));
    report_buffer_free(&out);
    report_hist_deinit(&hist);
}

/* Each line's count is at least its share of all, and no line goes back. */
Test(reports_export_hgrm, every_line_keeps_what_its_percentile_promises)
{
    struct report_hist hist;
    cr_assert_eq(report_hist_init(&hist, 3), 0);
    for (uint64_t i = 0; i < 123457; i++)
        report_hist_record(&hist, i * i);
    struct report_buffer out = render(&hist);
    double last = -1;
    int lines = 0;
    for (char *at = strstr(out.text, "\n\n") + 2; *at != '#';
         at = strchr(at, '\n') + 1) {
        double value;
        double level;
        uint64_t count;
        cr_assert_eq(sscanf(at, "%lf %lf %" SCNu64, &value, &level, &count), 3);
        cr_expect_geq((double)count + 1e-6, level * 123457);
        cr_expect_geq(value, last);
        last = value;
        lines++;
    }
    cr_expect_gt(lines, 60);
    report_buffer_free(&out);
    report_hist_deinit(&hist);
}
