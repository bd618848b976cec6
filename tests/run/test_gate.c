/*
 * `perdure gate` as a pipeline calls it: which inputs it refuses and how, and
 * what it ends with. Each refusal has its exit code and names the file.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reports/content.h"
#include "scenarios/command.h"
#include "tests/support/stage.h"

#define HELD "tests/run/data/held.json"

/* A run of the scenario in the stage's directory NAME; its report's path. */
static void make(struct stage *s, const char *scenario, const char *name,
                 char report[STAGE_PATH_SIZE])
{
    char out[STAGE_PATH_SIZE], file[64];
    stage_path(s, name, out);
    int code = STAGE_CALL(s, "run", scenario, "--out", out);
    cr_assert(code == EXIT_HELD || code == EXIT_BUDGET ||
                  code == EXIT_INCONCLUSIVE,
              "%s", s->complained);
    snprintf(file, sizeof(file), "%s/report.json", name);
    stage_path(s, file, report);
}

/* Puts one text for another in a file; sealed anew if asked for. */
static void edit(const char *path, const char *from, const char *to, bool seal)
{
    char *text = stage_read(path);
    char *at = strstr(text, from);
    cr_assert(at, "%s", from);
    size_t size = strlen(text) + strlen(to) + 1;
    char *changed = malloc(size);
    snprintf(changed, size, "%.*s%s%s", (int)(at - text), text, to,
             at + strlen(from));
    if (seal)
        report_content_seal(changed, strlen(changed));
    stage_write(path, changed);
    free(changed);
    free(text);
}

/* The gate of NEW on BASE must end so, and say this. */
static void expect(struct stage *s, const char *now, const char *base,
                   const char *policy, int code, const char *says)
{
    int found = policy ? STAGE_CALL(s, "gate", now, base, "--policy", policy)
                       : STAGE_CALL(s, "gate", now, base);
    cr_expect_eq(found, code, "found %d, expected %d: %s%s", found, code,
                 s->said, s->complained);
    const char *where = code == EXIT_USAGE || code == EXIT_ENVIRONMENT
                            ? s->complained
                            : s->said;
    cr_expect(stage_has(where, says), "expected \"%s\" in: %s", says, where);
}

Test(gate, damaged_reports_are_refused_by_name)
{
    struct stage s;
    char now[STAGE_PATH_SIZE], base[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, HELD, "base", base);
    make(&s, HELD, "now", now);
    edit(now, "\"verdict\": \"pass\"", "\"verdict\": \"fail\"", false);
    expect(&s, now, base, NULL, EXIT_USAGE, "now/report.json");
    cr_expect(stage_has(s.complained, "content_digest"), "%s", s.complained);
    make(&s, HELD, "now", now);
    edit(now, "perdure.report/1", "perdure.report/2", true);
    expect(&s, now, base, NULL, EXIT_USAGE, "perdure.report/2");
    make(&s, HELD, "now", now);
    cr_assert_eq(truncate(now, 3000), 0);
    expect(&s, now, base, NULL, EXIT_USAGE, "now/report.json");
    cr_assert_eq(truncate(now, 0), 0);
    expect(&s, now, base, NULL, EXIT_USAGE, "now/report.json");
    expect(&s, "/nowhere/report.json", base, NULL, EXIT_USAGE,
           "/nowhere/report.json: No such file or directory");
    stage_close(&s);
}

Test(gate, nothing_matched_is_an_error)
{
    struct stage s;
    char now[STAGE_PATH_SIZE], base[STAGE_PATH_SIZE], folder[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, HELD, "base/a", base);
    make(&s, "tests/run/data/never-fires.json", "now/b", now);
    stage_path(&s, "base", base);
    stage_path(&s, "now", now);
    expect(&s, now, base, NULL, EXIT_USAGE, "nothing was compared");
    stage_path(&s, "empty", folder);
    cr_assert_eq(mkdir(folder, 0777), 0);
    expect(&s, folder, base, NULL, EXIT_USAGE, "(0 reports)");
    stage_close(&s);
}

Test(gate, bad_policies_are_refused_with_their_place)
{
    static const struct {
        const char *policy;
        const char *says;
    } rows[] = {
        {"{\"schema\": \"perdure.gate-policy/2\"}", "perdure.gate-policy/2"},
        {"{\"schema\": \"perdure.gate-policy/1\", \"metric\": {}}",
         "did you mean \"metrics\"?"},
        {"{\"schema\": \"perdure.gate-policy/1\", \"default\": \"much\"}",
         "much"},
        {"{\"schema\": ", "policy.json:1:"},
    };
    struct stage s;
    char base[STAGE_PATH_SIZE], policy[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, HELD, "base", base);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        stage_file(&s, "policy.json", rows[i].policy, policy);
        expect(&s, base, base, policy, EXIT_USAGE, rows[i].says);
    }
    stage_close(&s);
}

Test(gate, a_baseline_that_cannot_be_written_ends_it_with_6)
{
    struct stage s;
    char now[STAGE_PATH_SIZE], base[STAGE_PATH_SIZE], file[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, HELD, "now", now);
    stage_file(&s, "plain", "no directory", file);
    stage_path(&s, "plain/base.json", base);
    cr_expect_neq(STAGE_CALL(&s, "gate", now, base, "--accept"), EXIT_HELD);
    cr_expect(stage_has(s.complained, "plain/base.json"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "gate", now, now, "--trend", base),
                 EXIT_ENVIRONMENT);
    cr_expect(stage_has(s.complained, "plain/base.json\" could not be "
                                      "written: Not a directory"));
    stage_close(&s);
}

Test(gate, what_cannot_be_said_ends_as_people_want)
{
    struct stage s;
    char now[STAGE_PATH_SIZE], base[STAGE_PATH_SIZE], policy[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, HELD, "base", base);
    make(&s, HELD, "now", now);
    stage_file(&s, "policy.json",
               "{\"schema\": \"perdure.gate-policy/1\", \"wall\": {\"level\": "
               "0.01, \"worse\": \"10%\", \"floor\": \"1ms\"}}",
               policy);
    expect(&s, now, base, policy, EXIT_INCONCLUSIVE, "so few runs");
    cr_expect_eq(STAGE_CALL(&s, "gate", now, base, "--policy", policy,
                            "--exit-inconclusive", "0"),
                 EXIT_HELD, "%s", s.complained);
    cr_expect(stage_has(s.said, "INCONCLUSIVE"));
    cr_expect_eq(STAGE_CALL(&s, "gate", now, base, "--policy", policy,
                            "--exit-inconclusive", "3"),
                 EXIT_USAGE);
    stage_close(&s);
}

Test(gate, a_baseline_of_another_machine_says_nothing_of_time)
{
    struct stage s;
    char now[STAGE_PATH_SIZE], base[STAGE_PATH_SIZE], policy[STAGE_PATH_SIZE],
        meta[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, HELD, "base", base);
    make(&s, HELD, "now", now);
    stage_path(&s, "base/run-meta.json", meta);
    char *text = stage_read(meta);
    char *print = strstr(text, "\"fingerprint\": \"");
    cr_assert(print);
    print += 16;
    *print = *print == 'a' ? 'b' : 'a';
    stage_write(meta, text);
    free(text);
    stage_file(&s, "policy.json",
               "{\"schema\": \"perdure.gate-policy/1\", \"wall\": {\"level\": "
               "0.01, \"worse\": \"10%\", \"floor\": \"1ms\"}}",
               policy);
    expect(&s, now, base, policy, EXIT_INCONCLUSIVE, "different machines");
    expect(&s, now, base, NULL, EXIT_HELD, "PASS");
    stage_close(&s);
}

Test(gate, a_scenario_with_another_name_is_found_again)
{
    struct stage s;
    char now[STAGE_PATH_SIZE], base[STAGE_PATH_SIZE], file[STAGE_PATH_SIZE],
        step[STAGE_PATH_SIZE];
    char *held = stage_read(HELD),
         *text = stage_read("tests/run/data/step.json");
    stage_open(&s);
    stage_file(&s, "step.json", text, step);
    stage_file(&s, "first.json", held, file);
    make(&s, file, "base/x", base);
    stage_file(&s, "second.json", held, file);
    make(&s, file, "now/x", now);
    stage_path(&s, "base", base);
    stage_path(&s, "now", now);
    expect(&s, now, base, NULL, EXIT_HELD, "it was first");
    cr_expect(stage_has(s.said, "renamed"));
    free(held);
    free(text);
    stage_close(&s);
}

Test(gate, what_a_run_exports_beside_its_report_is_passed_over)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    cr_assert_eq(STAGE_CALL(&s, "run", HELD, "--out", out, "--export",
                            "hgrm,hlog,junit,openmetrics,bmf,github-summary,"
                            "github-annotations,chrome-trace,otlp"),
                 EXIT_HELD, "%s", s.complained);
    expect(&s, out, out, NULL, EXIT_HELD, "1 matched: 1 held");
    stage_close(&s);
}
