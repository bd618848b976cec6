#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/export_read.h"
#include "tests/support/sample_report.h"

static const struct synthetic_options options = {
    .runs = 40, .crash_every = 7, .outage = 1};

/* A sample's report.json after one text in it was replaced. */
static struct json_doc *read_changed(const char *from, const char *to)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer json;
    struct report_buffer changed;
    struct json_error error = {0};
    struct json_doc *doc = NULL;
    report_buffer_init(&json);
    report_buffer_init(&changed);
    report_json(&sample->model, &json);
    char *at = strstr(json.text, from);
    cr_assert(at, "%s", from);
    report_buffer_bytes(&changed, json.text, (size_t)(at - json.text));
    report_buffer_put(&changed, to);
    report_buffer_put(&changed, at + strlen(from));
    cr_assert_eq(json_read_bytes("report.json", changed.text, changed.size,
                                 &doc, &error),
                 0, "%s", error.text);
    report_buffer_free(&changed);
    report_buffer_free(&json);
    sample_report_free(sample);
    return doc;
}

Test(scenarios_export_read, the_figures_are_those_of_the_report)
{
    struct sample_report *sample = sample_report_new(&options);
    struct export_figures figures;
    struct json_error error = {0};
    struct json_doc *doc = read_changed("{", "{");
    cr_assert_eq(export_figures_read(doc, &figures, &error), 0, "%s",
                 error.text);
    const struct report_export *got = &figures.report;
    const struct report_stats *stats = sample->model.stats;
    cr_expect_str_eq(got->scenario, "orders");
    cr_expect_str_eq(got->seed, "18446744073709551615");
    cr_expect_eq(got->case_count, SAMPLE_RESULTS + SAMPLE_EXPECTATIONS);
    cr_expect_str_eq(got->cases[1].detail, "none came near");
    cr_expect_eq(got->cases[1].verdict, CHECK_INCONCLUSIVE);
    cr_expect_null(got->cases[3].id);
    cr_expect_str_eq(got->cases[3].detail, "39 s");
    cr_expect_eq(got->verdict, sample->model.verdict);
    cr_expect_eq(got->reason_count, sample->model.reason_count);
    cr_expect_eq(got->fault_count, stats->fault_count);
    cr_expect_eq(got->step_count, stats->step_count);
    cr_expect_eq(got->steps[0].attempts, stats->steps[0].attempts);
    cr_expect_eq(got->latency.max_ns, stats->latency.max);
    cr_expect_eq(got->runs.succeeded, stats->runs.succeeded);
    cr_expect_eq(got->commits, stats->commits);
    export_figures_deinit(&figures);
    json_free(doc);
    sample_report_free(sample);
}

/* The change is refused with a place and these words. */
static void expect_refused(const char *from, const char *to, const char *words)
{
    struct export_figures figures;
    struct json_error error = {0};
    struct json_doc *doc = read_changed(from, to);
    cr_expect_eq(export_figures_read(doc, &figures, &error), -1, "%s", to);
    cr_expect(strstr(error.text, words), "%s", error.text);
    cr_expect_eq(strncmp(error.text, "report.json:", 12), 0, "%s", error.text);
    export_figures_deinit(&figures);
    json_free(doc);
}

Test(scenarios_export_read, another_format_or_a_damaged_one_is_refused)
{
    expect_refused("perdure.report/1", "perdure.report/2",
                   "allowed \"perdure.report/1\"");
    expect_refused("\"commits\": ", "\"commits_\": ", "commits");
    expect_refused("\"crashes\": ", "\"crashes\": -", "crashes");
    expect_refused("\"verdict\": \"pass\"", "\"verdict\": \"good\"", "good");
    expect_refused("\"properties\": [", "\"properties\": [7, ", "7");
    expect_refused("\"max_ns\": ", "\"max_ns\": \"x\", \"was\": ", "\"x\"");
}

Test(scenarios_export_read, a_count_above_what_a_double_holds_is_exact)
{
    struct export_figures figures;
    struct json_error error = {0};
    struct json_doc *doc = read_changed(
        "\"commits\": ", "\"commits\": \"18446744073709551615\", \"was\": ");
    cr_assert_eq(export_figures_read(doc, &figures, &error), 0, "%s",
                 error.text);
    cr_expect_eq(figures.report.commits, UINT64_MAX);
    export_figures_deinit(&figures);
    json_free(doc);
}
