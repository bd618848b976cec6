/*
 * `perdure report` as people call it: the bytes of the run again, in every
 * form, and bad reports with the words and the exit codes for them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/stage.h"

#define SCENARIO "tests/run/data/held.json"

struct place {
    struct stage s;
    char out[STAGE_PATH_SIZE];
    char report[STAGE_PATH_SIZE];
    char kept[STAGE_PATH_SIZE]; /* a file that is not to be changed */
};

static void place_open(struct place *place)
{
    struct stage *s = &place->s;
    stage_open(s);
    stage_path(s, "out", place->out);
    stage_path(s, "out/report.json", place->report);
    stage_file(s, "kept.html", "as it was", place->kept);
    cr_assert_eq(STAGE_CALL(s, "run", SCENARIO, "--out", place->out), 0, "%s",
                 s->complained);
}

static void expect_file(const struct place *place, const char *name,
                        const char *expected)
{
    char path[STAGE_PATH_SIZE];
    stage_path(&place->s, name, path);
    char *text = stage_read(path);
    cr_expect_str_eq(text, expected, "%s", name);
    free(text);
}

Test(command_report, a_report_is_shown_again_in_every_form)
{
    struct place place;
    struct stage *s = &place.s;
    char again[STAGE_PATH_SIZE];
    place_open(&place);
    char *text = strdup(s->said);
    char *html = NULL;
    char *json = stage_read(place.report);
    stage_path(s, "out/report.html", again);
    html = stage_read(again);
    cr_expect_eq(STAGE_CALL(s, "report", place.report), 0, "%s", s->complained);
    cr_expect_str_eq(s->said, text);
    cr_expect_eq(STAGE_CALL(s, "report", place.report, "--format", "html"), 0);
    cr_expect_str_eq(s->said, html);
    cr_expect_eq(STAGE_CALL(s, "report", place.report, "--format", "json"), 0);
    cr_expect_str_eq(s->said, json);
    cr_expect_eq(STAGE_CALL(s, "report", place.report, "--format=markdown"), 0);
    cr_expect_eq(strncmp(s->said, "## held: pass\n", 14), 0, "%s", s->said);
    char *markdown = strdup(s->said);
    static const char *const names[] = {"a.html", "a.md", "a.json", "a.txt"};
    const char *const expected[] = {html, markdown, json, text};
    for (int i = 0; i < 4; i++) {
        stage_path(s, names[i], again);
        cr_expect_eq(STAGE_CALL(s, "report", place.report, "--out", again), 0,
                     "%s", s->complained);
        cr_expect_str_empty(s->said);
        expect_file(&place, names[i], expected[i]);
    }
    free(text);
    free(html);
    free(json);
    free(markdown);
    stage_close(s);
}

/* Asked for as a page in the place of a file, which stays as it was. */
static void expect_refused(struct place *place, const char *report, int code,
                           const char *why)
{
    cr_expect_eq(STAGE_CALL(&place->s, "report", report, "--out", place->kept),
                 code, "%s", why);
    cr_expect(strstr(place->s.complained, why), "said \"%s\", not \"%s\"",
              place->s.complained, why);
    expect_file(place, "kept.html", "as it was");
}

/* The report with the first of a text replaced by another of its length. */
static void edit(struct place *place, const char *from, const char *to,
                 char path[STAGE_PATH_SIZE])
{
    char *json = stage_read(place->report);
    char *at = strstr(json, from);
    cr_assert(at && strlen(from) == strlen(to), "%s", from);
    memcpy(at, to, strlen(to));
    stage_file(&place->s, "edited.json", json, path);
    free(json);
}

Test(command_report, what_is_no_whole_report_is_refused_and_nothing_is_written)
{
    struct place place;
    struct stage *s = &place.s;
    char path[STAGE_PATH_SIZE];
    place_open(&place);
    edit(&place, "\"succeeded\": 10", "\"succeeded\": 11", path);
    expect_refused(&place, path, 2, "content_digest does not match");
    edit(&place, "perdure.report/1", "perdure.report/2", path);
    expect_refused(&place, path, 2, "another version of perdure");
    stage_path(s, "out/run-meta.json", path);
    expect_refused(&place, path, 2, "another kind of file");
    expect_refused(&place, SCENARIO, 2, "without \"schema\"");
    stage_file(s, "text.json", "Dear reader", path);
    expect_refused(&place, path, 2, "text.json:1:1: ");
    stage_file(s, "none.json", "", path);
    expect_refused(&place, path, 2, "none.json:1:1: ");
    expect_refused(&place, place.out, 2, "directory");
    expect_refused(&place, "/none.json", 2, "No such file");
    cr_expect_eq(STAGE_CALL(s, "report", place.report, "--format", "pdf"), 2);
    cr_expect_eq(STAGE_CALL(s, "report"), 2);
    char *json = stage_read(place.report);
    for (size_t part = 1; part < 6; part++) {
        json[strlen(json) * (6 - part) / 6] = '\0';
        stage_file(s, "cut.json", json, path);
        expect_refused(&place, path, 2, "cut.json:");
    }
    free(json);
    stage_close(s);
}

Test(command_report, a_file_of_a_gigabyte_is_refused_without_reading_it)
{
    struct place place;
    char path[STAGE_PATH_SIZE];
    place_open(&place);
    stage_file(&place.s, "large.json", "{", path);
    cr_assert_eq(truncate(path, (off_t)1 << 30), 0);
    expect_refused(&place, path, 2, "allowed at most 16777216");
    stage_close(&place.s);
}

Test(command_report, where_nothing_can_be_written_nothing_is)
{
    struct place place;
    struct stage *s = &place.s;
    char nowhere[STAGE_PATH_SIZE];
    place_open(&place);
    stage_path(s, "none/report.html", nowhere);
    cr_expect_eq(STAGE_CALL(s, "report", place.report, "--out", nowhere), 6);
    cr_expect(strstr(s->complained, "could not be written: No such file"));
    cr_expect_eq(STAGE_CALL(s, "report", place.report, "--out", place.out), 6);
    cr_expect(strstr(s->complained, "could not be written"));
    cr_expect(strstr(s->complained, "--out FILE"));
    if (geteuid() != 0) {
        stage_path(s, "out/x.html", nowhere);
        cr_assert_eq(chmod(place.out, 0500), 0);
        cr_expect_eq(STAGE_CALL(s, "report", place.report, "--out", nowhere),
                     6);
        cr_assert_eq(chmod(place.out, 0700), 0);
    }
    stage_close(s);
}
