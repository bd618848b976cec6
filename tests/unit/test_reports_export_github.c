#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/sample_export.h"

static struct report_buffer render(const struct report_export *from)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_export_github_summary(from, &out);
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

static struct report_buffer annotate(const struct report_export *from)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_export_github_annotations(from, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

Test(reports_export_github, a_summary_is_as_it_was)
{
    expect_golden("export-summary.md", sample_export_plain());
}

Test(reports_export_github, hostile_names_make_neither_cells_nor_elements)
{
    expect_golden("export-summary-hostile.md", sample_export_hostile());
    struct report_export from = sample_export_hostile();
    struct report_buffer out = render(&from);
    cr_expect_null(strstr(out.text, "<script"));
    for (char *line = strtok(out.text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t bars = 0;
        for (const char *c = line; *c; c++)
            bars += *c == '|';
        if (strncmp(line, "| S1", 4) == 0)
            cr_expect_eq(bars, 6, "%s", line);
    }
    report_buffer_free(&out);
}

Test(reports_export_github, a_summary_too_long_is_cut_between_rows_and_says_so)
{
    enum {
        MANY = 20000
    };
    struct report_export from = sample_export_plain();
    struct report_export_case *cases = calloc(MANY, sizeof(*cases));
    cr_assert(cases);
    for (int i = 0; i < MANY; i++)
        cases[i] = (struct report_export_case){
            .name = SAMPLE_HOSTILE SAMPLE_HOSTILE, .verdict = CHECK_PASS};
    from.cases = cases;
    from.case_count = MANY;
    struct report_buffer out = render(&from);
    cr_expect_leq(out.size, REPORT_EXPORT_SUMMARY_MAX);
    cr_expect_gt(out.size, REPORT_EXPORT_SUMMARY_MAX - 8192);
    const char *note = strstr(out.text, " more rows were left out");
    cr_assert(note);
    cr_expect_eq(note[-1] >= '0' && note[-1] <= '9', 1);
    cr_expect(strstr(note, "### Faults"));
    report_buffer_free(&out);
    free(cases);
}

Test(reports_export_github, a_run_that_held_has_no_annotation)
{
    struct report_export from = sample_export_plain();
    struct report_buffer out = annotate(&from);
    cr_expect_eq(out.size, 0);
    report_buffer_free(&out);
}

Test(reports_export_github, at_most_five_annotations_and_the_rest_is_counted)
{
    struct report_export from = sample_export_hostile();
    struct report_buffer out = annotate(&from);
    char room[400];
    const char *differs =
        golden_differs("export-annotations.txt", out.text, out.size, room);
    cr_expect_null(differs, "%s", differs);
    int lines = 0;
    for (const char *c = out.text; *c; c++)
        lines += *c == '\n';
    cr_expect_eq(lines, 5);
    cr_expect(strstr(out.text, "five %25 of it%0AAnd 2 more in the report.\n"));
    report_buffer_free(&out);
}
