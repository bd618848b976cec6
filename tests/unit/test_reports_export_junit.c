#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/sample_export.h"

static struct report_buffer render(const struct report_export *from)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_export_junit(from, &out);
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

Test(reports_export_junit, a_run_that_held_is_as_it_was)
{
    expect_golden("export-junit.xml", sample_export_plain());
}

Test(reports_export_junit, hostile_names_are_shown_as_text)
{
    expect_golden("export-junit-hostile.xml", sample_export_hostile());
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        found++;
    return found;
}

Test(reports_export_junit, the_totals_are_those_of_the_cases)
{
    struct report_export from = sample_export_hostile();
    struct report_buffer out = render(&from);
    cr_expect_eq(count(out.text, "<testcase "), 5);
    cr_expect_eq(count(out.text, "<failure "), 3);
    cr_expect_eq(count(out.text, "<skipped "), 1);
    cr_expect(strstr(out.text, " tests=\"5\" failures=\"3\" errors=\"0\""
                               " skipped=\"1\""));
    report_buffer_free(&out);
}

Test(reports_export_junit, an_inconclusive_run_is_an_error_and_not_a_pass)
{
    struct report_export from = sample_export_plain();
    from.verdict = CHECK_INCONCLUSIVE;
    struct report_buffer out = render(&from);
    cr_expect_eq(count(out.text, "<error "), 1);
    cr_expect(strstr(out.text, "errors=\"1\""));
    cr_expect(strstr(out.text, "again: perdure run orders.json --seed 1"));
    report_buffer_free(&out);
}
