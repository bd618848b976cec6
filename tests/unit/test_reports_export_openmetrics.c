#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/sample_export.h"

static struct report_buffer render(const struct report_export *from)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_export_openmetrics(from, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

static void expect_golden(const char *name, struct report_export from)
{
    struct report_buffer out = render(&from);
    char room[400];
    const char *differs = golden_differs(name, out.text, out.size, room);
    cr_expect_null(differs, "%s", differs);
    report_buffer_free(&out);
}

Test(reports_export_openmetrics, a_run_that_held_is_as_it_was)
{
    expect_golden("export-metrics.txt", sample_export_plain());
}

Test(reports_export_openmetrics, hostile_labels_stay_in_their_quotes)
{
    expect_golden("export-metrics-hostile.txt", sample_export_hostile());
}

Test(reports_export_openmetrics, each_series_appears_once_and_the_end_is_marked)
{
    struct report_export from = sample_export_plain();
    struct report_buffer out = render(&from);
    const char *met = strstr(out.text, "perdure_expectation_met{");
    cr_assert(met);
    cr_expect_null(strstr(met + 1, "perdure_expectation_met{"));
    cr_expect_str_eq(out.text + out.size - 6, "# EOF\n");
    cr_expect_null(strstr(out.text, "step=\"never\",quantile"));
    cr_expect(strstr(out.text, "quantile=\"1.0\"} 9007199.254740993\n"));
    report_buffer_free(&out);
}
