/* Names that mislead are what is tested here.
   NOLINTBEGIN(misc-misleading-bidirectional) */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/html.h"
#include "tests/support/golden.h"
#include "tests/support/sample_report.h"

static struct report_buffer html_of(const struct sample_report *sample)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_html(&sample->model, NULL, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

static const struct synthetic_options options = {
    .runs = 40, .crash_every = 7, .outage = 1};

Test(reports_html, the_page_is_as_it_was)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = html_of(sample);
    char room[400];
    const char *differs =
        golden_differs("report.html", out.text, out.size, room);
    cr_assert_null(differs, "%s", differs);
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_html, the_page_needs_nothing_but_itself)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = html_of(sample);
    static const char *const never[] = {"<script",  "<link",  "<img",
                                        "<iframe",  "src=",   "http://",
                                        "https://", "@import"};
    for (unsigned i = 0; i < sizeof(never) / sizeof(never[0]); i++)
        cr_assert_null(strstr(out.text, never[i]), "%s", never[i]);
    /* Patterns are of the page itself. */
    for (const char *at = out.text; (at = strstr(at, "url(")); at++)
        cr_assert_eq(strncmp(at, "url(#on-", 8), 0);
    cr_assert(strstr(out.text, "Content-Security-Policy"));
    cr_assert(strstr(out.text, "prefers-color-scheme:dark"));
    report_buffer_free(&out);
    sample_report_free(sample);
}

static const char hostile[] =
    "</script></title></svg>\"'><img src=x onerror=alert(1)>\033[2J\xe2\x80\xae"
    "\xff&amp;";

/* Every text of the facts is hostile at once. */
static void poison(struct sample_report *sample)
{
    for (int i = 0; i < SAMPLE_RESULTS; i++) {
        struct check_result *result = &sample->results[i];
        result->id = result->name = result->unit = hostile;
        result->verdict = i ? CHECK_EXCUSED : CHECK_FAIL;
        result->violations = i == 0;
        snprintf(result->first.text, sizeof(result->first.text), "%s", hostile);
        snprintf(result->reason, sizeof(result->reason), "%s", hostile);
    }
    sample->expectations[0] =
        (struct report_expectation){hostile, hostile, CHECK_FAIL};
    sample->facts.scenario = sample->facts.why = hostile;
    sample->facts.version = sample->facts.replay = hostile;
    sample->facts.incomplete = hostile;
}

Test(reports_html, names_are_shown_and_never_obeyed)
{
    struct synthetic_options bad = options;
    bad.workflow = bad.step = hostile;
    struct sample_report *sample = sample_report_new(&bad);
    poison(sample);
    const struct report_setting setting = {hostile, hostile, hostile, hostile,
                                           hostile};
    const struct report_bill bill = {hostile, hostile, hostile};
    const char *const words[] = {hostile};
    sample->facts.settings = &setting;
    sample->facts.setting_count = 1;
    sample->facts.bill = &bill;
    sample->facts.bill_count = 1;
    sample->facts.defects = sample->facts.limits = words;
    sample->facts.defect_count = sample->facts.limit_count = 1;
    sample_report_judge(sample);
    struct report_buffer out = html_of(sample);
    cr_assert_null(strstr(out.text, "<img"));
    cr_assert_null(strstr(out.text, "</script"));
    cr_assert_null(strstr(out.text, "&amp;amp;amp;"));
    cr_assert_null(strchr(out.text, '\033'));
    cr_assert_null(strstr(out.text, "\xe2\x80\xae"));
    cr_assert_null(strchr(out.text, '\xff'));
    cr_assert(strstr(out.text, "&lt;img src=x onerror=alert(1)&gt;"));
    cr_assert(strstr(out.text, "\\u{202e}\\x{ff}&amp;amp;"));
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_html, every_element_that_must_be_closed_is_closed)
{
    static const char *const names[] = {"svg",  "table", "details", "section",
                                        "dl",   "ul",    "header",  "pre",
                                        "html", "body",  "text",    "span"};
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = html_of(sample);
    for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char open[16];
        char close[16];
        int opened = 0;
        int closed = 0;
        size_t size = (size_t)snprintf(open, sizeof(open), "<%s", names[i]);
        snprintf(close, sizeof(close), "</%s>", names[i]);
        for (const char *at = out.text; (at = strstr(at, open)); at += size)
            opened += at[size] == '>' || at[size] == ' ';
        for (const char *at = out.text; (at = strstr(at, close)); at++)
            closed++;
        cr_assert_eq(opened, closed, "%s: %d, %d", names[i], opened, closed);
        cr_assert_gt(opened, 0, "%s", names[i]);
    }
    report_buffer_free(&out);
    sample_report_free(sample);
}

/* Thousands of rows, each of the worst text there is. */
Test(reports_html, the_page_stays_below_two_megabytes)
{
    enum {
        MANY = 5000,
        LONG = 4000
    };
    char *name = malloc(LONG + 1);
    struct report_setting *settings = calloc(MANY, sizeof(*settings));
    struct report_expectation *expected = calloc(MANY, sizeof(*expected));
    struct check_result *results = calloc(MANY, sizeof(*results));
    const char **limits = calloc(MANY, sizeof(*limits));
    cr_assert(name && settings && expected && results && limits);
    memset(name, '"', LONG);
    name[LONG] = 0;
    for (int i = 0; i < MANY; i++) {
        settings[i] = (struct report_setting){name, name, name, name, name};
        expected[i] = (struct report_expectation){name, name, CHECK_FAIL};
        results[i] = (struct check_result){.id = name,
                                           .name = name,
                                           .unit = name,
                                           .verdict = CHECK_FAIL,
                                           .violations = 1};
        memset(results[i].first.text, '"', sizeof(results[i].first.text) - 1);
        limits[i] = name;
    }
    struct synthetic_options bad = {.runs = 400, .crash_every = 2, .outage = 1};
    bad.step = bad.workflow = name;
    struct sample_report *sample = sample_report_new(&bad);
    sample->facts.settings = settings;
    sample->facts.expectations = expected;
    sample->facts.results = results;
    sample->facts.limits = limits;
    sample->facts.setting_count = sample->facts.expectation_count = MANY;
    sample->facts.result_count = sample->facts.limit_count = MANY;
    sample->facts.scenario = sample->facts.why = sample->facts.replay = name;
    sample_report_judge(sample);
    struct report_buffer out = html_of(sample);
    cr_assert_lt(out.size, 2000000);
    cr_assert(strstr(out.text, "What this report does not show"));
    cr_assert(strstr(out.text, "more are in the .json file"));
    report_buffer_free(&out);
    sample_report_free(sample);
    free(name);
    free(settings);
    free(expected);
    free(results);
    free(limits);
}

Test(reports_html, a_world_without_runs_still_makes_a_page)
{
    struct synthetic_options none = {.runs = 0};
    struct sample_report *sample = sample_report_new(&none);
    struct report_buffer out = html_of(sample);
    cr_assert(strstr(out.text, "No run ended."));
    cr_assert(strstr(out.text, "No run was started."));
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_html, the_same_input_gives_the_same_bytes)
{
    struct sample_report *first = sample_report_new(&options);
    struct sample_report *second = sample_report_new(&options);
    struct report_buffer a = html_of(first);
    struct report_buffer b = html_of(second);
    cr_assert_str_eq(a.text, b.text);
    report_buffer_free(&a);
    report_buffer_free(&b);
    sample_report_free(first);
    sample_report_free(second);
}

/* Whether the page says this. */
static void expect_text(const struct report_buffer *page, const char *text)
{
    cr_assert(strstr(page->text, text), "the page lacks: %s", text);
}

Test(reports_html, a_cell_of_the_matrix_leads_to_a_run_on_the_page)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = html_of(sample);
    const struct report_strikes *strikes =
        &sample->model.stats->faults[0].strikes;
    const struct report_came_count *came = &strikes->came[REPORT_CAME_REPEATED];
    char link[96];
    cr_assert_gt(came->firings, 0);
    cr_assert(html_shows_run(&sample->model, came->run));
    snprintf(link, sizeof(link), "<a href=\"#run-%u\">%u <small>",
             (unsigned)came->run, (unsigned)came->firings);
    expect_text(&out, link);
    snprintf(link, sizeof(link), "<h3 id=\"run-%u\">", (unsigned)came->run);
    expect_text(&out, link);
    expect_text(&out, "repeats recognised</td>");
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_html, effects_are_held_against_what_was_expected_of_them)
{
    struct synthetic_options twice = options;
    twice.duplicate = 1;
    struct sample_report *sample = sample_report_new(&twice);
    struct report_buffer out = html_of(sample);
    expect_text(&out, "no golden world was run to hold it against");
    expect_text(&out, "<td class=\"w excused\">≈ 1 applied again</td>");
    expect_text(&out, "<td class=\"w pass\">✓ as expected</td>");
    report_buffer_free(&out);
    sample->results[0].id = "S5";
    sample->results[0].verdict = CHECK_FAIL;
    sample_report_judge(sample);
    out = html_of(sample);
    expect_text(&out, "<td class=\"w fail\">✗ 1 applied again</td>");
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_html, what_was_left_out_is_said_in_the_last_box)
{
    struct sample_report *sample = sample_report_new(&options);
    sample->model.records_left_out = 12345;
    struct report_buffer out = html_of(sample);
    const char *box = strstr(out.text, "<section id=\"limits\"");
    cr_assert(box);
    cr_assert(strstr(box, "<li>12,345 records were judged but not kept"));
    cr_assert(strstr(box, "which --golden runs"));
    cr_assert(strstr(box, "runs without a timeline"));
    cr_assert(strstr(box, "without the library that zooms"));
    report_buffer_free(&out);
    sample_report_free(sample);
}
/* NOLINTEND(misc-misleading-bidirectional) */
