/*
 * `perdure run --export` and `perdure export` as people call them: which
 * files there are, what is refused and how, and that nothing is left half
 * written.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/stage.h"

#define SCENARIO "tests/run/data/held.json"
#define ALL "hgrm,hlog,junit,openmetrics,bmf,github-summary,github-annotations"
#define TRACES "chrome-trace,otlp"

static char *read_in(const struct stage *s, const char *name)
{
    char path[STAGE_PATH_SIZE];
    stage_path(s, name, path);
    return stage_read(path);
}

Test(command_export, a_run_leaves_every_format_and_export_gives_the_same)
{
    static const struct {
        const char *format;
        const char *file;
    } rows[] = {
        {"hgrm", "out/latency.hgrm"},
        {"junit", "out/junit.xml"},
        {"openmetrics", "out/metrics.txt"},
        {"bmf", "out/bmf.json"},
        {"github-summary", "out/summary.md"},
        {"github-annotations", "out/annotations.txt"},
    };
    struct stage s;
    char out[STAGE_PATH_SIZE];
    char report[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    stage_path(&s, "out/report.json", report);
    cr_expect_eq(STAGE_CALL(&s, "run", SCENARIO, "--out", out, "--export", ALL),
                 0, "%s", s.complained);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *file = read_in(&s, rows[i].file);
        cr_expect_eq(
            STAGE_CALL(&s, "export", report, "--format", rows[i].format), 0,
            "%s", s.complained);
        cr_expect_str_eq(s.said, file, "%s", rows[i].format);
        free(file);
    }
    char *hgrm = read_in(&s, "out/latency.hgrm");
    char *hlog = read_in(&s, "out/latency.hlog");
    cr_expect(strstr(hgrm, "#[Max     ="));
    cr_expect(strstr(hlog, ",HISTFA"));
    free(hgrm);
    free(hlog);
    stage_close(&s);
}

Test(command_export, what_cannot_be_done_is_said_with_the_way_out)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    char report[STAGE_PATH_SIZE];
    char nowhere[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    stage_path(&s, "out/report.json", report);
    stage_path(&s, "none/file", nowhere);
    cr_expect_eq(
        STAGE_CALL(&s, "run", SCENARIO, "--out", out, "--export", "junit,yaml"),
        2);
    cr_expect(strstr(s.complained, "\"yaml\", allowed hgrm, hlog, junit"));
    cr_expect_neq(access(out, F_OK), 0, "nothing ran");
    cr_expect_eq(STAGE_CALL(&s, "run", SCENARIO, "--json", "--export", "junit"),
                 2);
    cr_expect(strstr(s.complained, "without --out DIR"));
    cr_expect_eq(STAGE_CALL(&s, "run", SCENARIO, "--out", out), 0);
    cr_expect_eq(STAGE_CALL(&s, "export", report), 2);
    cr_expect(strstr(s.complained, "no --format NAME, allowed hgrm"));
    cr_expect_eq(STAGE_CALL(&s, "export", report, "--format", "hlog"), 2);
    cr_expect(strstr(s.complained, "perdure replay "));
    cr_expect_eq(STAGE_CALL(&s, "export", SCENARIO, "--format", "bmf"), 2);
    cr_expect(strstr(s.complained, "held.json:"));
    cr_expect_eq(
        STAGE_CALL(&s, "export", report, "--format", "bmf", "--out", nowhere),
        6);
    cr_expect(strstr(s.complained, "could not be written"));
    stage_close(&s);
}

/* Cut off anywhere, a report is refused, and the old file stays. */
Test(command_export, a_truncated_report_changes_nothing)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    char report[STAGE_PATH_SIZE];
    char kept[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    stage_path(&s, "out/report.json", report);
    stage_file(&s, "kept.xml", "as it was", kept);
    cr_expect_eq(STAGE_CALL(&s, "run", SCENARIO, "--out", out), 0);
    char *text = stage_read(report);
    for (size_t part = 0; part < 8; part++) {
        char cut[STAGE_PATH_SIZE];
        text[strlen(text) * (8 - part) / 9] = '\0';
        stage_file(&s, "cut.json", text, cut);
        cr_expect_eq(
            STAGE_CALL(&s, "export", cut, "--format", "junit", "--out", kept),
            2);
        cr_expect(strstr(s.complained, "cut.json:"), "%s", s.complained);
        char *now = stage_read(kept);
        cr_expect_str_eq(now, "as it was");
        free(now);
    }
    free(text);
    stage_close(&s);
}

Test(command_export, a_replay_leaves_the_same_traces)
{
    static const char *const files[] = {"trace.json", "traces.otlp.jsonl"};
    struct stage s;
    char out[STAGE_PATH_SIZE], again[STAGE_PATH_SIZE], report[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    stage_path(&s, "again", again);
    stage_path(&s, "out/report.json", report);
    cr_assert_eq(
        STAGE_CALL(&s, "run", SCENARIO, "--out", out, "--export", TRACES), 0,
        "%s", s.complained);
    cr_assert_eq(
        STAGE_CALL(&s, "replay", report, "--out", again, "--export", TRACES), 0,
        "%s", s.complained);
    for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
        char name[64];
        snprintf(name, sizeof(name), "out/%s", files[i]);
        char *first = read_in(&s, name);
        snprintf(name, sizeof(name), "again/%s", files[i]);
        char *second = read_in(&s, name);
        cr_expect_gt(strlen(first), 1000);
        cr_expect_str_eq(first, second, "%s", files[i]);
        free(first);
        free(second);
    }
    stage_close(&s);
}

Test(command_export, traces_need_the_run_and_it_says_how)
{
    struct stage s;
    char out[STAGE_PATH_SIZE], report[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    stage_path(&s, "out/report.json", report);
    cr_assert_eq(STAGE_CALL(&s, "run", SCENARIO, "--out", out), 0);
    cr_expect_eq(STAGE_CALL(&s, "export", report, "--format", "otlp"), 2);
    cr_expect(strstr(s.complained, "format otlp needs the records of a run"));
    cr_expect(strstr(s.complained, "perdure replay "));
    stage_close(&s);
}

/* Figures are of all runs, traces of those that were recorded. */
Test(command_export, a_sample_of_runs_is_all_that_traces_show)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    cr_assert_eq(STAGE_CALL(&s, "run", SCENARIO, "--out", out, "--record",
                            "off", "--export", TRACES),
                 0, "%s", s.complained);
    char *trace = read_in(&s, "out/trace.json");
    char *otlp = read_in(&s, "out/traces.otlp.jsonl");
    cr_expect(strstr(trace, "\"runs\":0,"));
    cr_expect_str_eq(otlp, "");
    free(trace);
    free(otlp);
    stage_close(&s);
}
