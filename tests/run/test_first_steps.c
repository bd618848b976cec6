/*
 * What somebody does first: perdure doctor, init, demo.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "tests/support/stage.h"

Test(first_steps, what_init_writes_is_valid_and_runs_as_it_is)
{
    static const char *const kinds[] = {"graph", "handler"};
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "deep.json", file);
    stage_path(&s, "out", out);
    for (int i = 0; i < 2; i++) {
        cr_expect_eq(
            STAGE_CALL(&s, "init", file, "--kind", kinds[i], "--force"), 0,
            "%s", s.complained);
        cr_expect(stage_has(s.said, file));
        cr_expect_eq(STAGE_CALL(&s, "validate", file), 0, "%s", s.complained);
        for (int seed = 1; seed <= 3; seed++) {
            char number[8];
            snprintf(number, sizeof(number), "%d", seed);
            cr_expect_eq(
                STAGE_CALL(&s, "run", file, "--seed", number, "--out", out), 0,
                "%s %d: %s", kinds[i], seed, s.said);
        }
        char *text = stage_read(file);
        cr_expect(stage_has(text, "\"$schema\": \"/"));
        cr_expect(stage_has(text, "\"$comment\": ["));
        free(text);
    }
    stage_close(&s);
}

Test(first_steps, init_leaves_a_file_that_is_there_as_it_is)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "mine.json", "mine", file);
    cr_expect_eq(STAGE_CALL(&s, "init", file), EXIT_USAGE);
    cr_expect(stage_has(s.complained, "--force"), "%s", s.complained);
    char *text = stage_read(file);
    cr_expect_str_eq(text, "mine");
    free(text);
    cr_expect_eq(STAGE_CALL(&s, "init", "/proc/x.json"), EXIT_ENVIRONMENT);
    cr_expect_eq(STAGE_CALL(&s, "init", "-", "--kind", "handler"), 0);
    cr_expect(stage_has(s.said, "\"run_as\": \"handler\""));
    stage_close(&s);
}

Test(first_steps, demo_says_the_verdict_and_where_its_report_is)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    char report[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    stage_path(&s, "out/report.html", report);
    cr_assert_eq(chdir(s.dir), 0, "from anywhere");
    cr_expect_eq(STAGE_CALL(&s, "demo", out), 0, "%s", s.complained);
    cr_expect_eq(strncmp(s.said, "PASS", 4), 0, "%s", s.said);
    cr_expect(stage_has(s.said, report));
    cr_expect_eq(access(report, R_OK), 0);
    stage_close(&s);
}

/* Alone in a directory it has lost its files. */
Test(first_steps, a_program_without_its_files_says_how_to_get_them)
{
    struct stage s;
    char command[3 * STAGE_PATH_SIZE];
    char alone[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "bin/perdure", alone);
    snprintf(command, sizeof(command), "mkdir '%s/bin' && cp '%s' '%s'", s.dir,
             s.program, alone);
    cr_assert_eq(system(command), 0);
    cr_assert_eq(chdir(s.dir), 0);
    snprintf(s.program, sizeof(s.program), "%s", alone);
    cr_expect_eq(STAGE_CALL(&s, "demo"), EXIT_ENVIRONMENT);
    cr_expect(stage_has(s.complained, "make install"), "%s", s.complained);
    cr_expect_eq(STAGE_CALL(&s, "doctor"), EXIT_ENVIRONMENT);
    cr_expect(stage_has(s.said, "missing  scenarios"), "%s", s.said);
    cr_expect(stage_has(s.said, "-> install perdure with its files"));
    stage_close(&s);
}

Test(first_steps, doctor_is_0_here_and_6_where_nothing_can_be_written)
{
    struct stage s;
    stage_open(&s);
    cr_expect_eq(STAGE_CALL(&s, "doctor", s.dir), 0, "%s", s.said);
    cr_expect(stage_has(s.said, "ok       sqlite"), "%s", s.said);
    cr_expect_eq(STAGE_CALL(&s, "doctor", "/nowhere", "--json"),
                 EXIT_ENVIRONMENT);
    cr_expect(stage_has(s.said, "\"state\": \"missing\""), "%s", s.said);
    stage_close(&s);
}
