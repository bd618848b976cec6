/* Names that mislead are what is tested here.
   NOLINTBEGIN(misc-misleading-bidirectional) */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/golden.h"
#include "tests/support/sample_report.h"

static struct report_buffer text_of(const struct sample_report *sample,
                                    unsigned flags)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_text(&sample->model, &out, flags);
    cr_assert(report_buffer_ok(&out));
    return out;
}

static const struct synthetic_options options = {
    .runs = 40, .crash_every = 7, .outage = 1};

Test(reports_text, the_summary_is_as_it_was)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = text_of(sample, 0);
    char room[400];
    const char *differs =
        golden_differs("report.txt", out.text, out.size, room);
    cr_assert_null(differs, "%s", differs);
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_text, a_failure_is_said_first_and_the_command_last)
{
    struct sample_report *sample = sample_report_new(&options);
    sample->results[2].verdict = CHECK_FAIL;
    sample->results[2].violations = 2;
    sample->results[2].first.record.run = 9;
    snprintf(sample->results[2].first.text,
             sizeof(sample->results[2].first.text), "%s", "Run 9 never ended.");
    sample_report_judge(sample);
    struct report_buffer out = text_of(sample, 0);
    cr_assert_eq(
        strncmp(out.text, "FAIL  L1 every run ends: Run 9 never ended.\n", 44),
        0);
    const char *last = "\nReplay: perdure replay report.json\n";
    cr_assert_str_eq(out.text + out.size - strlen(last), last);
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_text, what_must_come_true_sometimes_decides_nothing)
{
    static const struct report_expectation sometimes[] = {
        {"takeovers > 0", "3", CHECK_PASS},
        {"fenced writes > 0", "0", CHECK_FAIL},
    };
    struct sample_report *sample = sample_report_new(&options);
    enum check_verdict before = sample->model.verdict;
    sample->facts.sometimes = sometimes;
    sample->facts.sometimes_count = 2;
    sample_report_judge(sample);
    struct report_buffer out = text_of(sample, 0);
    const char *found = strstr(out.text, "Sometimes, in one world");
    cr_assert_not_null(found);
    cr_expect_not_null(strstr(found, "came true\n"));
    cr_expect_not_null(strstr(found, "not in this world\n"));
    cr_expect_eq(sample->model.verdict, before);
    report_buffer_free(&out);
    sample_report_free(sample);
}

static size_t columns(const char *line, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += (line[i] & 0xc0) != 0x80;
    return count;
}

Test(reports_text, no_line_is_wider_than_a_terminal)
{
    struct synthetic_options wide = options;
    wide.step = "a step \xe2\x80\xae with a name \033[31m that is far longer "
                "than any column of any table and then goes on";
    struct sample_report *sample = sample_report_new(&wide);
    sample->results[0].name = wide.step;
    sample->results[0].unit = wide.step;
    sample->expectations[0].text = wide.step;
    sample->facts.why = wide.step;
    sample_report_judge(sample);
    struct report_buffer out = text_of(sample, 0);
    cr_assert_null(strchr(out.text, '\033'));
    for (const char *line = out.text; *line;) {
        size_t size = strcspn(line, "\n");
        cr_assert_leq(columns(line, size), 80, "%.*s", (int)size, line);
        line += size + (line[size] != 0);
    }
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_text, colour_adds_only_escapes)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer plain = text_of(sample, 0);
    struct report_buffer colour = text_of(sample, REPORT_TEXT_COLOUR);
    cr_assert(strchr(colour.text, '\033'));
    size_t at = 0;
    for (const char *from = colour.text; *from; from++) {
        if (*from == '\033')
            from += strcspn(from, "m");
        else
            cr_assert_eq(*from, plain.text[at++]);
    }
    cr_assert_eq(at, plain.size);
    report_buffer_free(&plain);
    report_buffer_free(&colour);
    sample_report_free(sample);
}
/* NOLINTEND(misc-misleading-bidirectional) */
