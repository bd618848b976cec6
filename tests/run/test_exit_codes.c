/*
 * Every exit code that the manual names, each provoked in the program itself
 * by the commands that can end with it. 0 is what all other tests expect.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "tests/support/stage.h"

#define DATA "tests/run/data/"
#define CANARY "scenarios/defects/retry_all.json"

/* Runs it; the code must be the one, and stderr says why if it is an error. */
static void expect(struct stage *s, int code, const char *const *args)
{
    char line[512] = "";
    for (int i = 0; args[i]; i++) {
        strncat(line, args[i], 60);
        strcat(line, " ");
        cr_assert_lt(strlen(line), 400);
    }
    int found = stage_call(s, args);
    cr_expect_eq(found, code, "%s: found %d, expected %d\n%s", line, found,
                 code, s->complained);
    if (code == EXIT_USAGE || code == EXIT_ENVIRONMENT)
        cr_expect_neq(s->complained[0], '\0', "%s says nothing", line);
}

#define EXPECT(s, code, ...)                                                   \
    expect((s), (code), (const char *const[]){__VA_ARGS__, NULL})

/* A report of the scenario in the stage's directory NAME. */
static void make_report(struct stage *s, const char *name, const char *scenario,
                        const char *seed, char path[STAGE_PATH_SIZE])
{
    char directory[STAGE_PATH_SIZE];
    char file[64];
    stage_path(s, name, directory);
    (void)STAGE_CALL(s, "run", scenario, "--seed", seed, "--out", directory);
    snprintf(file, sizeof(file), "%s/report.json", name);
    stage_path(s, file, path);
    cr_assert_eq(access(path, R_OK), 0, "%s", s->complained);
}

Test(exit_codes, held_and_excused_are_0)
{
    struct stage s;
    char report[STAGE_PATH_SIZE];
    stage_open(&s);
    make_report(&s, "a", DATA "held.json", "1", report);
    EXPECT(&s, EXIT_HELD, "run", DATA "held.json", "--json");
    EXPECT(&s, EXIT_HELD, "run", "scenarios/disk-sync-lies.json", "--json");
    EXPECT(&s, EXIT_HELD, "replay", report, "--json");
    EXPECT(&s, EXIT_HELD, "validate", DATA "held.json");
    EXPECT(&s, EXIT_HELD, "diff", report, report);
    EXPECT(&s, EXIT_HELD, "gate", report, report);
    EXPECT(&s, EXIT_HELD, "--version");
    stage_close(&s);
}

Test(exit_codes, what_contradicts_itself_is_1)
{
    struct stage s;
    char report[STAGE_PATH_SIZE];
    char other[STAGE_PATH_SIZE];
    stage_open(&s);
    make_report(&s, "a", DATA "held.json", "1", report);
    make_report(&s, "b", DATA "held.json", "2", other);
    EXPECT(&s, EXIT_DIFFERENT, "diff", report, other);
    char *text = stage_read(report);
    char *digest = strstr(text, "\"digest\": \"");
    cr_assert(digest);
    digest += strlen("\"digest\": \"");
    *digest = *digest == '0' ? '1' : '0';
    stage_write(other, text);
    free(text);
    EXPECT(&s, EXIT_INTERNAL, "replay", other, "--json");
    cr_expect(stage_has(s.complained, "did not repeat"));
    stage_close(&s);
}

Test(exit_codes, what_was_asked_wrongly_is_2)
{
    struct stage s;
    char empty[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "empty.json", "", empty);
    EXPECT(&s, EXIT_USAGE, "frobnicate");
    EXPECT(&s, EXIT_USAGE, "run");
    EXPECT(&s, EXIT_USAGE, "run", "--frob", DATA "held.json");
    EXPECT(&s, EXIT_USAGE, "run", DATA "unknown-key.json");
    EXPECT(&s, EXIT_USAGE, "run", empty);
    EXPECT(&s, EXIT_USAGE, "run", "/nowhere/x.json");
    EXPECT(&s, EXIT_USAGE, "validate", DATA "unknown-key.json");
    EXPECT(&s, EXIT_USAGE, "sweep", DATA "held.json", "--seeds", "9..1");
    EXPECT(&s, EXIT_USAGE, "shrink", DATA "held.json");
    EXPECT(&s, EXIT_USAGE, "replay", empty);
    stage_close(&s);
}

Test(exit_codes, a_property_that_failed_is_3)
{
    struct stage s;
    char report[STAGE_PATH_SIZE];
    char base[STAGE_PATH_SIZE];
    stage_open(&s);
    EXPECT(&s, EXIT_PROPERTY, "run", CANARY, "--defect", "retry_all", "--json");
    EXPECT(&s, EXIT_PROPERTY, "sweep", CANARY, "--defect", "retry_all",
           "--seeds", "1..2", "--json");
    make_report(&s, "base", "scenarios/small/order.json", "1", base);
    stage_path(&s, "new", report);
    (void)STAGE_CALL(&s, "run", CANARY, "--defect", "retry_all", "--out",
                     report);
    strcat(report, "/report.json");
    EXPECT(&s, EXIT_PROPERTY, "replay", report, "--json");
    stage_close(&s);
}

Test(exit_codes, a_missed_expectation_is_4)
{
    struct stage s;
    stage_open(&s);
    EXPECT(&s, EXIT_BUDGET, "run", DATA "missed.json", "--json");
    EXPECT(&s, EXIT_BUDGET, "sweep", DATA "missed.json", "--seeds", "1..2",
           "--json");
    stage_close(&s);
}

Test(exit_codes, what_could_not_be_judged_is_5)
{
    struct stage s;
    stage_open(&s);
    EXPECT(&s, EXIT_INCONCLUSIVE, "run", DATA "never-fires.json", "--json");
    EXPECT(&s, EXIT_INCONCLUSIVE, "sweep", DATA "never-fires.json", "--seeds",
           "1..2", "--json");
    stage_close(&s);
}

Test(exit_codes, a_place_that_cannot_be_written_is_6)
{
    struct stage s;
    char file[STAGE_PATH_SIZE];
    char below[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_file(&s, "file", "", file);
    stage_path(&s, "file/below", below);
    EXPECT(&s, EXIT_ENVIRONMENT, "run", DATA "held.json", "--out", below);
    EXPECT(&s, EXIT_ENVIRONMENT, "sweep", DATA "held.json", "--seeds", "1..2",
           "--out", below);
    EXPECT(&s, EXIT_ENVIRONMENT, "sweep", DATA "held.json", "--crash", "every",
           "--out", below);
    EXPECT(&s, EXIT_ENVIRONMENT, "shrink", CANARY, "--defect", "retry_all",
           "--out", below);
    EXPECT(&s, EXIT_ENVIRONMENT, "run", DATA "held.json", "--trace", below,
           "--json");
    EXPECT(&s, EXIT_ENVIRONMENT, "ps", below);
    stage_close(&s);
}

/* Its stdout is `out`; what it complained of is in the stage. */
static int call_to(struct stage *s, const char *out, const char *const *args)
{
    char command[2048];
    char path[STAGE_PATH_SIZE];
    stage_path(s, "shell.err", path);
    snprintf(command, sizeof(command), "exec '%s'", s->program);
    for (int i = 0; args[i]; i++) {
        strcat(command, " ");
        strcat(command, args[i]);
    }
    snprintf(command + strlen(command), 600, " > %s 2> '%s'", out, path);
    int status = system(command);
    free(s->complained);
    s->complained = stage_read(path);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(exit_codes, a_full_device_is_6_for_every_command_that_says_something)
{
    static const char *const commands[][5] = {
        {"run", DATA "held.json", "--json"},
        {"run", DATA "missed.json", "--json"},
        {"sweep", DATA "held.json", "--seeds", "1..2"},
        {"points"},
        {"defects", "--json"},
        {"limits"},
        {"profiles"},
        {"errors"},
        {"--help"},
        {"--version"},
        {"run", "--help"},
    };
    struct stage s;
    stage_open(&s);
    for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
        int code = call_to(&s, "/dev/full", commands[i]);
        cr_expect_eq(code, EXIT_ENVIRONMENT, "%s: %d", commands[i][0], code);
        cr_expect(stage_has(s.complained, "No space left"), "%s: %s",
                  commands[i][0], s.complained);
    }
    stage_close(&s);
}

/* 130 ------------------------------------------------------------------------
 */

/* Waits until it says on stderr how far it is, when it is asked. */
static void wait_until_under_way(const struct stage *s, pid_t pid,
                                 const char *name)
{
    char path[STAGE_PATH_SIZE];
    bool said = false;
    stage_path(s, name, path);
    for (int i = 0; i < 6000 && !said; i++) {
        usleep(10000);
        /* Before its handler is there the signal would end it. */
        char status[64];
        char line[256];
        snprintf(status, sizeof(status), "/proc/%d/status", (int)pid);
        FILE *file = fopen(status, "r");
        bool catches = false;
        while (file && fgets(line, sizeof(line), file))
            if (strncmp(line, "SigCgt:", 7) == 0)
                catches = strtoull(line + 7, NULL, 16) >> (SIGUSR1 - 1) & 1;
        if (file)
            fclose(file);
        if (catches)
            kill(pid, SIGUSR1);
        char *text = stage_read(path);
        said = strchr(text, '\n') != NULL;
        free(text);
    }
    cr_assert(said, "it never answered");
}

/* Interrupts it once it is under way; it must exit with 130. What it has said
   is in the stage. */
static void interrupt(struct stage *s, int number, const char *const *args)
{
    char path[STAGE_PATH_SIZE];
    stage_path(s, "long.err", path);
    (void)unlink(path);
    pid_t pid = stage_launch(s, "long", args);
    wait_until_under_way(s, pid, "long.err");
    kill(pid, number);
    free(s->complained);
    free(s->said);
    cr_expect_eq(stage_reap(pid), EXIT_INTERRUPTED, "%s", args[0]);
    s->complained = stage_read(path);
    stage_path(s, "long.out", path);
    s->said = stage_read(path);
}

#define INTERRUPT(s, number, ...)                                              \
    interrupt((s), (number), (const char *const[]){__VA_ARGS__, NULL})

static char *file_of(const struct stage *s, const char *name)
{
    char path[STAGE_PATH_SIZE];
    stage_path(s, name, path);
    cr_assert_eq(access(path, R_OK), 0, "no %s was written", name);
    return stage_read(path);
}

Test(exit_codes, an_interrupted_run_is_130_and_its_report_is_incomplete)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    INTERRUPT(&s, SIGINT, "run", DATA "long.json", "--out", out);
    cr_expect_eq(strncmp(s.said, "INCONCLUSIVE", 12), 0, "%s", s.said);
    cr_expect(stage_has(s.complained, "perdure run: "), "%s", s.complained);
    cr_expect(stage_has(s.complained, " of 1,000,000 runs"));
    char *report = file_of(&s, "out/report.json");
    cr_expect(stage_has(report, "\"interrupted\""), "marked incomplete");
    cr_expect(stage_has(report, "\"verdict\": \"inconclusive\""));
    free(report);
    stage_close(&s);
}

Test(exit_codes, an_interrupted_sweep_is_130_and_says_what_there_is)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    INTERRUPT(&s, SIGTERM, "sweep", DATA "held.json", "--seeds", "1..10000000",
              "--jobs", "2", "--out", out);
    cr_expect_eq(strncmp(s.said, "INCONCLUSIVE", 12), 0, "%s", s.said);
    cr_expect(stage_has(s.complained, " of 10,000,000 worlds, 0 failed"));
    char *json = file_of(&s, "out/sweep.json");
    cr_expect(stage_has(json, "\"complete\": false"));
    free(json);
    stage_close(&s);
}

/* Only the first process is told: it ends all others. */
Test(exit_codes, an_interrupted_sweep_of_boundaries_is_130)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    INTERRUPT(&s, SIGINT, "sweep", "scenarios/orders-on-lambda.json", "--crash",
              "twice", "--jobs", "2", "--out", out);
    cr_expect(stage_has(s.said, "INCONCLUSIVE: interrupted after"), "%s",
              s.said);
    char *json = file_of(&s, "out/sweep.json");
    cr_expect(stage_has(json, "\"complete\": false"));
    free(json);
    stage_close(&s);
}

Test(exit_codes, an_interrupted_shrink_is_130_before_and_after_a_failure)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    INTERRUPT(&s, SIGINT, "shrink", DATA "long.json", "--out", out);
    cr_expect(stage_has(s.complained, "interrupted before"), "%s",
              s.complained);
    stage_close(&s);
}
