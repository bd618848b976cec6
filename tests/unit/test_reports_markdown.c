#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reports/markdown.h"
#include "tests/support/golden.h"
#include "tests/support/sample_report.h"

static const struct synthetic_options options = {
    .runs = 40, .crash_every = 7, .outage = 1};

static struct report_buffer render(const struct report_model *model)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_markdown(model, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

Test(reports_markdown, the_page_is_as_it_was)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = render(&sample->model);
    char room[400];
    const char *differs = golden_differs("report.md", out.text, out.size, room);
    cr_expect_null(differs, "%s", differs);
    report_buffer_free(&out);
    sample_report_free(sample);
}

/* Every row of a table has as many bars as the table's rule. */
static void expect_tables(char *text)
{
    size_t bars = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t count = 0;
        for (const char *c = line; *c; c++)
            count += *c == '|';
        if (strncmp(line, "|--", 3) == 0)
            bars = count;
        else if (line[0] != '|')
            bars = 0;
        if (bars > 0)
            cr_expect_eq(count, bars, "%s", line);
    }
}

Test(reports_markdown, hostile_text_makes_neither_cells_nor_elements)
{
    static const char hostile[] = "</pre><script>|x|\n| y |`[a](b) **c** $d$";
    struct sample_report *sample = sample_report_new(&options);
    struct report_failures failures = {.count = 1};
    failures.list[0].size = sizeof(hostile) - 1;
    memcpy(failures.list[0].chain, hostile, sizeof(hostile));
    sample->facts.scenario = sample->facts.why = hostile;
    sample->facts.version = hostile;
    sample->facts.replay = "</pre><script>";
    sample->facts.failures = &failures;
    sample->results[0].id = sample->results[0].name = hostile;
    sample->results[0].unit = hostile;
    sample->results[0].verdict = CHECK_FAIL;
    sample->expectations[0] =
        (struct report_expectation){hostile, hostile, CHECK_FAIL};
    sample_report_judge(sample);
    struct report_buffer out = render(&sample->model);
    cr_expect_null(strstr(out.text, "<script"));
    cr_expect_null(strstr(out.text, "[a]"));
    cr_expect_null(strstr(out.text, "**c"));
    cr_expect_eq(strstr(strstr(out.text, "</pre>") + 1, "</pre>"), NULL);
    expect_tables(out.text);
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_markdown, rows_beyond_the_limit_are_left_out_whole_and_counted)
{
    struct report_buffer out;
    struct markdown page;
    report_buffer_init(&out);
    markdown_init(&page, &out, 60);
    markdown_table(&page, "T", "| A | B |", "|---|--:|");
    for (uint64_t i = 0; i < 10; i++) {
        markdown_cell(&page, "row");
        markdown_count(&page, i);
        markdown_row_end(&page);
    }
    markdown_table_end(&page, "for room.");
    cr_expect_str_eq(out.text, "\n### T\n\n| A | B |\n|---|--:|\n| row | 0 |\n"
                               "| row | 1 |\n\n8 more rows were left out: for "
                               "room.\n");
    markdown_deinit(&page);
    report_buffer_free(&out);
}
