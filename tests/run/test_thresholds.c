/*
 * A scenario's thresholds as people meet them: what a run says and ends with,
 * what its report holds, what formats and gates make of them.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "tests/support/stage.h"

#define CHARGE "\"expr\": \"p50(run)\", \"limit\": \"< 1ms\""

/* A scenario of the tests' own with these thresholds. */
static void make(const struct stage *s, const char *thresholds,
                 char path[STAGE_PATH_SIZE])
{
    char text[2048], here[600], beside[STAGE_PATH_SIZE];
    char *step = stage_read("tests/run/data/step.json");
    cr_assert(getcwd(here, sizeof(here)));
    stage_file(s, "step.json", step, beside);
    free(step);
    snprintf(text, sizeof(text),
             "{\"why\": \"It has a budget.\", \"extends\": "
             "\"%s/tests/run/data/held.json\", \"thresholds\": [%s]}",
             here, thresholds);
    stage_file(s, "budget.json", text, path);
}

Test(thresholds, a_missed_one_ends_a_run_with_4_and_is_in_its_report)
{
    struct stage s;
    char file[STAGE_PATH_SIZE], out[STAGE_PATH_SIZE], path[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, "{" CHARGE "}, {\"expr\": \"failed runs\", \"limit\": 0}", file);
    stage_path(&s, "out", out);
    cr_expect_eq(STAGE_CALL(&s, "run", file, "--out", out, "--export",
                            "junit,openmetrics"),
                 EXIT_BUDGET, "%s", s.complained);
    cr_expect(stage_has(s.said, "FAIL  The threshold of p50(run) is < 1ms, "
                                "found "));
    cr_expect(stage_has(s.said, "  failed runs = 0 "));
    stage_path(&s, "out/report.json", path);
    char *report = stage_read(path);
    cr_expect(stage_has(report, "\"expr\": \"p50(run)\",\n      \"limit\": "
                                "\"< 1ms\",\n      \"verdict\": \"fail\""));
    free(report);
    stage_path(&s, "out/junit.xml", path);
    char *junit = stage_read(path);
    cr_expect(stage_has(junit, "name=\"p50(run) &lt; 1ms\""));
    free(junit);
    stage_path(&s, "out/metrics.txt", path);
    char *metrics = stage_read(path);
    cr_expect(stage_has(metrics, "expectation=\"p50(run) < 1ms\"} 0"));
    cr_expect(stage_has(metrics, "expectation=\"failed runs = 0\"} 1"));
    free(metrics);
    stage_close(&s);
}

Test(thresholds, one_that_cannot_be_said_ends_a_run_with_5)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, "{\"expr\": \"shortest notice\", \"limit\": \"> 1s\"}", file);
    cr_expect_eq(STAGE_CALL(&s, "run", file, "--json"), EXIT_INCONCLUSIVE);
    cr_expect(stage_has(s.said, "found no place was warned."));
    stage_close(&s);
}

Test(thresholds, a_sweep_holds_its_worlds_to_them)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    stage_open(&s);
    make(&s, "{" CHARGE "}", file);
    cr_expect_eq(STAGE_CALL(&s, "sweep", file, "--seeds", "2", "--json"),
                 EXIT_BUDGET, "%s", s.complained);
    cr_expect(stage_has(s.said, "The threshold of p50(run) is < 1ms"));
    stage_close(&s);
}

Test(thresholds, a_gate_fails_for_one_that_is_newly_missed)
{
    struct stage s;
    char file[STAGE_PATH_SIZE], base[STAGE_PATH_SIZE], now[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "base", base);
    stage_path(&s, "now", now);
    make(&s, "{\"expr\": \"p50(run)\", \"limit\": \"< 1h\"}", file);
    cr_assert_eq(STAGE_CALL(&s, "run", file, "--out", base), EXIT_HELD);
    make(&s, "{" CHARGE "}", file);
    cr_assert_eq(STAGE_CALL(&s, "run", file, "--out", now), EXIT_BUDGET);
    cr_expect_eq(STAGE_CALL(&s, "gate", now, base), EXIT_BUDGET, "%s",
                 s.complained);
    cr_expect(stage_has(s.said, "expectation   p50(run) < 1ms"));
    stage_close(&s);
}
