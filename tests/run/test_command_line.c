/*
 * The program as others call it: exit codes, what lands on stdout and in the
 * output directory, and what bad input gets for an answer. It is looked for
 * beside the test binary.
 */
#include <criterion/criterion.h>
#include <ctype.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/json.h"
#include "scenarios/command.h"

enum {
    ARGS_MAX = 16,
    PATH_SIZE = 512
};

struct stage {
    char dir[64];
    char program[PATH_SIZE];
    char out[PATH_SIZE]; /* a directory that does not exist yet */
    char *said;          /* stdout of the last call */
    size_t said_size;
    char *complained; /* its stderr */
    size_t complained_size;
};

static void path_in(const struct stage *stage, const char *name,
                    char path[PATH_SIZE])
{
    snprintf(path, PATH_SIZE, "%s/%s", stage->dir, name);
}

static char *slurp(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    *size = (size_t)ftell(file);
    rewind(file);
    char *text = calloc(*size + 1, 1);
    cr_assert_eq(fread(text, 1, *size, file), *size);
    fclose(file);
    return text;
}

static void stage_open(struct stage *stage)
{
    memset(stage, 0, sizeof(*stage));
    snprintf(stage->dir, sizeof(stage->dir), "/tmp/perdure-cli-XXXXXX");
    cr_assert(mkdtemp(stage->dir));
    path_in(stage, "out", stage->out);
    char path[PATH_MAX];
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    cr_assert_gt(size, 0);
    path[size] = '\0';
    *strrchr(path, '/') = '\0';
    int room = (int)sizeof(stage->program);
    cr_assert_lt(snprintf(stage->program, (size_t)room, "%s/perdure", path),
                 room);
    cr_assert_eq(access(stage->program, X_OK), 0, "%s: build it first",
                 stage->program);
}

static void stage_close(struct stage *stage)
{
    char command[PATH_SIZE];
    snprintf(command, sizeof(command), "rm -rf '%s'", stage->dir);
    cr_expect_eq(system(command), 0);
    free(stage->said);
    free(stage->complained);
}

static pid_t launch(struct stage *stage, const char *said,
                    const char *const *args)
{
    const char *argv[ARGS_MAX] = {stage->program};
    char complained[PATH_SIZE];
    posix_spawn_file_actions_t actions;
    pid_t pid;
    for (int i = 0; args[i]; i++) {
        cr_assert_lt(i + 2, ARGS_MAX);
        argv[i + 1] = args[i];
    }
    path_in(stage, "stderr", complained);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, said,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, complained,
                                     O_WRONLY | O_CREAT | O_TRUNC, 0600);
    cr_assert_eq(posix_spawn(&pid, stage->program, &actions, NULL,
                             (char *const *)(uintptr_t)argv, environ),
                 0);
    posix_spawn_file_actions_destroy(&actions);
    return pid;
}

/* Waits; the exit code, or minus the signal that ended it. */
static int collect(struct stage *stage, pid_t pid)
{
    char path[PATH_SIZE];
    int status;
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    free(stage->said);
    free(stage->complained);
    path_in(stage, "stdout", path);
    stage->said = slurp(path, &stage->said_size);
    path_in(stage, "stderr", path);
    stage->complained = slurp(path, &stage->complained_size);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int call(struct stage *stage, const char *const *args)
{
    char said[PATH_SIZE];
    path_in(stage, "stdout", said);
    return collect(stage, launch(stage, said, args));
}

#define CALL(stage, ...) call(stage, (const char *const[]){__VA_ARGS__, NULL})

#define DATA "tests/run/data/"

static size_t lines(const char *text)
{
    size_t count = 0;
    for (; *text; text++)
        count += *text == '\n';
    return count;
}

static bool exists(const char *path)
{
    struct stat status;
    return stat(path, &status) == 0;
}

static char *out_file(struct stage *stage, const char *name, size_t *size)
{
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof(path), "%s/%s", stage->out, name);
    return slurp(path, size);
}

/* Exit codes --------------------------------------------------------------- */

Test(command_line, a_run_that_held_exits_0_and_leaves_three_files)
{
    struct stage stage;
    size_t size;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "run", DATA "held.json", "--out", stage.out), 0);
    cr_expect_eq(strncmp(stage.said, "PASS", 4), 0, "%s", stage.said);
    cr_expect(strstr(stage.said, "\nReplay: perdure run " DATA "held.json"));
    static const char *const names[] = {"report.html", "report.json",
                                        "run-meta.json"};
    for (int i = 0; i < 3; i++) {
        char *text = out_file(&stage, names[i], &size);
        cr_expect(text && size > 0, "%s", names[i]);
        free(text);
    }
    stage_close(&stage);
}

/* Whether a file of the output directory has this text. */
static int out_has(struct stage *stage, const char *name, const char *text)
{
    size_t size;
    char *file = out_file(stage, name, &size);
    int has = file && strstr(file, text) != NULL;
    free(file);
    return has;
}

Test(command_line, the_run_that_is_asked_for_is_shown_first)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "run", DATA "held.json", "--show", "2", "--out",
                      stage.out),
                 0);
    cr_expect(out_has(&stage, "report.html",
                      "<a href=\"#run-2\">the timeline of run 2</a>, the run "
                      "that was asked for"));
    cr_expect_eq(CALL(&stage, "run", DATA "held.json", "--show", "999999",
                      "--out", stage.out),
                 0);
    cr_expect(strstr(stage.complained, "found --show 999999, allowed a run"),
              "%s", stage.complained);
    stage_close(&stage);
}

Test(command_line, an_enumeration_leaves_a_page_with_its_matrix)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "sweep", "scenarios/small/one-order.json",
                      "--duplicate", "every", "--out", stage.out),
                 0);
    static const char *const parts[] = {
        "<code>platform/invoke</code></th>", /* its row */
        "-held\">10</a></td>",               /* its cell */
        "-held\">\xe2\x9c\x93 held</p>",     /* where that leads to */
        "<h3 id=\"story-0\">",               /* a timeline */
        "perdure sweep scenarios/small/one-order.json --duplicate every</pre>",
        "Everything held."};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        cr_expect(out_has(&stage, "sweep.html", parts[i]), "%s", parts[i]);
    stage_close(&stage);
}

Test(command_line, a_sweep_leaves_a_page_with_the_seeds_that_failed)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "sweep", "scenarios/canary.json", "--seeds",
                      "1..2", "--out", stage.out),
                 3);
    static const char *const parts[] = {
        "0 of 2 worlds held.", "perdure run scenarios/canary.json --seed 2",
        "perdure sweep scenarios/canary.json --seeds 1..2</pre>",
        "id=\"coverage\"", "S8 needs the golden worlds"};
    for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
        cr_expect(out_has(&stage, "sweep.html", parts[i]), "%s", parts[i]);
    stage_close(&stage);
}

Test(command_line, a_property_that_failed_exits_3_and_is_named_first)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "run", "scenarios/defects/retry_all.json",
                      "--defect", "retry_all", "--out", stage.out),
                 3);
    cr_expect_eq(strncmp(stage.said, "FAIL", 4), 0);
    cr_expect(strstr(stage.said, "--defect retry_all\n"),
              "the last line repeats the defect");
    stage_close(&stage);
}

Test(command_line, a_missed_expectation_exits_4)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "run", DATA "missed.json", "--out", stage.out),
                 4);
    cr_expect(strstr(stage.said, "p50(run) < 1ms"));
    stage_close(&stage);
}

Test(command_line, a_fault_that_never_fired_exits_5)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(
        CALL(&stage, "run", DATA "never-fires.json", "--out", stage.out), 5);
    cr_expect_eq(CALL(&stage, "run", DATA "second-fault-never-fires.json",
                      "--out", stage.out),
                 5);
    stage_close(&stage);
}

Test(command_line, a_directory_that_cannot_be_written_exits_6_before_the_run)
{
    struct stage stage;
    char file[PATH_SIZE];
    char below[2 * PATH_SIZE];
    stage_open(&stage);
    path_in(&stage, "file", file);
    fclose(fopen(file, "w"));
    chmod(file, 0700);
    snprintf(below, sizeof(below), "%s/deeper", file);
    const char *bad[] = {file, below, "", "/proc/perdure/x"};
    for (int i = 0; i < 4; i++) {
        cr_expect_eq(CALL(&stage, "run", DATA "long.json", "--out", bad[i]), 6,
                     "%s", bad[i]);
        cr_expect_eq(stage.said_size, 0);
        cr_expect_eq(lines(stage.complained), 1, "%s", stage.complained);
    }
    stage_close(&stage);
}

/* Usage -----------------------------------------------------------------------
 */

/* Where nothing lies about; data is then found by `scenario`. */
static void move_away(struct stage *stage, const char *name,
                      char scenario[PATH_MAX])
{
    cr_assert(realpath(name, scenario));
    cr_assert_eq(chdir(stage->dir), 0);
}

Test(command_line, bad_usage_exits_2_with_one_line_and_writes_nothing)
{
    static const struct {
        const char *args[4];
        const char *says;
    } bad[] = {
        {{"--frob"}, "--frob"},
        {{"--seed"}, "--seed"},
        {{"--seed", "-1"}, "-1"},
        {{"--seed", "18446744073709551616"}, "18446744073709551616"},
        {{"--seed", "7x"}, "7x"},
        {{"--seed", ""}, "seed"},
        {{"--defect", "lease_no_fense"}, "lease_no_fense"},
        {{"--out"}, "--out"},
        {{"another.json"}, "another.json"},
    };
    struct stage stage;
    char held[PATH_MAX];
    stage_open(&stage);
    move_away(&stage, DATA "held.json", held);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cr_expect_eq(CALL(&stage, "run", held, bad[i].args[0], bad[i].args[1]),
                     2, "%s", bad[i].args[0]);
        cr_expect_eq(stage.said_size, 0);
        cr_expect_eq(lines(stage.complained), 1, "%s", stage.complained);
        cr_expect(strstr(stage.complained, bad[i].says), "%s",
                  stage.complained);
    }
    cr_expect_eq(CALL(&stage, "frob"), 2);
    cr_expect(strstr(stage.complained, "frob"));
    cr_expect_eq(CALL(&stage, "run"), 2);
    cr_expect_not(exists("perdure-report"), "something was written");
    stage_close(&stage);
}

Test(command_line, the_largest_seed_is_taken)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "run", DATA "held.json", "--json", "--seed",
                      "18446744073709551615"),
                 0, "%s", stage.complained);
    cr_expect(strstr(stage.said, "\"seed\": \"18446744073709551615\""));
    stage_close(&stage);
}

Test(command_line, a_bad_scenario_exits_2_with_its_place_and_the_nearest_key)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(
        CALL(&stage, "run", DATA "unknown-key.json", "--out", stage.out), 2);
    cr_expect(strstr(stage.complained, "unknown-key.json:5:5: "));
    cr_expect(strstr(stage.complained, "did you mean \"load\"?"));
    cr_expect_eq(lines(stage.complained), 1);
    cr_expect_not(exists(stage.out));
    stage_close(&stage);
}

/* A file of `count` times `piece`. */
static void fill(const struct stage *stage, const char *name, const char *piece,
                 size_t count, char path[PATH_SIZE])
{
    path_in(stage, name, path);
    FILE *file = fopen(path, "w");
    for (size_t i = 0; i < count; i++)
        fputs(piece, file);
    fclose(file);
}

Test(command_line, what_is_no_scenario_is_refused_in_one_line)
{
    struct stage stage;
    char path[PATH_SIZE];
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "validate", stage.dir), 2);
    cr_expect_eq(lines(stage.complained), 1, "%s", stage.complained);
    cr_expect_eq(CALL(&stage, "validate", "no-such-file.json"), 2);
    cr_expect(strstr(stage.complained, "no-such-file.json"));
    fill(&stage, "deep", "[", 1000000, path);
    cr_expect_eq(CALL(&stage, "validate", path), 2);
    cr_expect_eq(lines(stage.complained), 1);
    cr_expect_lt(stage.complained_size, 1000);
    path_in(&stage, "large", path);
    cr_assert_eq(truncate((fclose(fopen(path, "w")), path), 100 << 20), 0);
    cr_expect_eq(CALL(&stage, "validate", path), 2);
    cr_expect_eq(lines(stage.complained), 1);
    cr_expect_eq(CALL(&stage, "validate", "/dev/zero"), 2);
    cr_expect_eq(CALL(&stage, "validate"), 2);
    cr_expect_eq(CALL(&stage, "validate", DATA "held.json"), 0);
    cr_expect_eq(CALL(&stage, "validate", DATA "held.json", path), 2);
    stage_close(&stage);
}

Test(command_line, help_and_version_go_to_stdout)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "--help"), 0);
    cr_expect(strstr(stage.said, "perdure run "));
    cr_expect_eq(CALL(&stage, "--version"), 0);
    cr_expect_eq(strncmp(stage.said, "perdure ", 8), 0);
    cr_expect_eq(stage.complained_size, 0);
    stage_close(&stage);
}

/* Reports --------------------------------------------------------------------
 */

static void expect_json(const char *text, size_t size)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    cr_expect_eq(json_read_bytes("stdout", text, size, &doc, &err), 0, "%s",
                 err.text);
    json_free(doc);
}

/* Whether a word stands there on its own. */
static bool names(const char *text, const char *word, size_t length)
{
    for (const char *at = text; (at = strstr(at, word)); at++) {
        char before = at == text ? ' ' : at[-1];
        if (!isalnum((unsigned char)before) && before != '-' &&
            !isalnum((unsigned char)at[length]) && at[length] != '-')
            return true;
    }
    return false;
}

Test(command_line, a_sweep_leaves_its_summary_and_exits_as_its_worlds)
{
    struct stage stage;
    size_t size;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "sweep", DATA "held.json", "--seeds", "1..12",
                      "--jobs", "2", "--out", stage.out),
                 0);
    cr_expect_eq(strncmp(stage.said, "PASS", 4), 0, "%s", stage.said);
    char *saved = out_file(&stage, "sweep.json", &size);
    cr_assert_not_null(saved);
    cr_expect_eq(CALL(&stage, "sweep", DATA "held.json", "--seeds", "1..12",
                      "--jobs", "1", "--out", stage.out, "--json"),
                 0);
    cr_expect_str_eq(stage.said, saved);
    free(saved);
    cr_expect_eq(
        CALL(&stage, "sweep", "scenarios/canary.json", "--seeds", "1..3"), 3);
    cr_expect(strstr(stage.said, "perdure run scenarios/canary.json --seed "));
    stage_close(&stage);
}

Test(command_line, a_sweep_of_what_makes_no_sense_is_refused)
{
    static const struct {
        const char *args[6];
        const char *complaint;
    } bad[] = {
        {{"sweep", DATA "held.json", "--seeds", "5..4"}, "empty"},
        {{"sweep", DATA "held.json", "--seeds", "1..x"}, "whole numbers"},
        {{"sweep", DATA "held.json", "--seeds", "-1..2"}, "whole numbers"},
        {{"sweep", DATA "held.json", "--seeds", "1..99999999999999999999"},
         "whole numbers"},
        {{"sweep", DATA "held.json", "--seeds", "0..9999999999"},
         "at most 1000000000"},
        {{"sweep", DATA "held.json", "--seeds", "1..2", "--for=1s"},
         "found two of them"},
        {{"sweep", DATA "held.json"}, "found none"},
        {{"sweep", DATA "held.json", "--limit", "3"}, "allowed only with"},
        {{"sweep", "scenarios/capacity/orders-on-local-workers.json", "--seeds",
          "1"},
         "capacity"},
    };
    struct stage stage;
    stage_open(&stage);
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        cr_expect_eq(call(&stage, bad[i].args), 2, "%zu", i);
        cr_expect(strstr(stage.complained, bad[i].complaint), "%zu: %s", i,
                  stage.complained);
    }
    stage_close(&stage);
}

Test(command_line, a_sweep_into_the_directory_of_another_is_refused)
{
    struct stage stage;
    stage_open(&stage);
    cr_assert_eq(CALL(&stage, "sweep", DATA "held.json", "--seeds", "1..2",
                      "--out", stage.out),
                 0);
    cr_expect_eq(CALL(&stage, "sweep", DATA "held.json", "--seeds", "1..3",
                      "--out", stage.out),
                 2);
    cr_expect(strstr(stage.complained, "--seeds 1..2"), "%s", stage.complained);
    cr_expect(strstr(stage.complained, "--seeds 1..3"));
    cr_expect(strstr(stage.complained, "--out DIR"));
    stage_close(&stage);
}

/* A manual as it is read: without fonts and escapes. */
static char *manual(void)
{
    size_t size;
    char *text = slurp("docs/perdure.1", &size);
    char *to = text;

    cr_assert(text);
    for (const char *from = text; *from; from++) {
        if (*from == '\\' && from[1] == 'f')
            from += 2;
        else if (*from != '\\')
            *to++ = *from;
    }
    *to = '\0';
    return text;
}

/* What stands between two lines of a text, for the caller to free. */
static char *between(const char *text, const char *start, const char *name,
                     const char *end)
{
    char line[80];
    snprintf(line, sizeof(line), "%s%s\n", start, name);
    const char *from = strstr(text, line);
    cr_assert(from, "there is no \"%s%s\"", start, name);
    from += strlen(line);
    const char *to = strstr(from, end);
    return strndup(from, to ? (size_t)(to - from) : strlen(from));
}

/* The same of a shell's "    name)". */
static char *part_of(const char *script, const char *name, const char *end)
{
    char line[80];
    snprintf(line, sizeof(line), "%s)", name);
    return between(script, "\n    ", line, end);
}

/* Expects each option of a command in a part of some text, which is freed. */
static void expect_options(const struct command *command, char *part,
                           const char *where)
{
    for (const struct option *o = command->options; o->name; o++)
        cr_expect(names(part, o->name, strlen(o->name)),
                  "%s of %s lacks %s: ci/reference --write", where,
                  command->name, o->name);
    free(part);
}

/* In fish "--seed" is "-l seed", on lines that name the command. */
static void expect_fish(const struct command *command, const char *script)
{
    char line[160];
    for (const struct option *o = command->options; o->name; o++) {
        snprintf(line, sizeof(line), "_from %s' -l %s ", command->name,
                 o->name + 2);
        cr_expect(strstr(script, line), "fish lacks %s of %s", o->name,
                  command->name);
    }
}

/* Expects nothing in a command's part of a text that it does not take. */
static void expect_taken(const struct command *command, const char *part)
{
    char word[32];
    for (const char *at = part; (at = strstr(at, "\n  ")); at++) {
        const char *name =
            at + 3 + (strncmp(at + 3, "-", 1) == 0 && at[4] != '-' ? 4 : 0);
        if (strncmp(name, "--", 2) != 0)
            continue;
        snprintf(word, sizeof(word), "%.*s", (int)strcspn(name, " [\n"), name);
        const struct option *o = command->options;
        while (o->name && strcmp(o->name, word) != 0)
            o++;
        cr_expect(o->name || strcmp(word, "--help") == 0,
                  "help of %s: nothing takes %s", command->name, word);
    }
}

/* What the program takes is what it says, each option at its command. */
Test(command_line, each_command_and_option_is_in_help_and_manual)
{
    struct stage stage;
    const struct command *command;
    char *page = manual();
    size_t size;
    char *docs = slurp("docs/commands.md", &size);
    char *scripts[3];
    static const char *const shells[] = {"bash", "zsh", "fish"};

    stage_open(&stage);
    for (int i = 0; i < 3; i++) {
        cr_expect_eq(CALL(&stage, "completion", shells[i]), 0);
        scripts[i] = strdup(stage.said);
    }
    cr_expect_eq(CALL(&stage, "--help"), 0);
    char *help = strdup(stage.said);
    for (uint32_t i = 0; (command = command_at(i)); i++) {
        const char *name = command->name;
        cr_expect(names(help, name, strlen(name)), "--help lacks %s", name);
        cr_expect_eq(CALL(&stage, name, "--help"), 0);
        expect_taken(command, stage.said);
        expect_options(command, strdup(stage.said), "--help");
        expect_options(command, between(page, ".SS ", name, "\n.S"), "man");
        expect_options(command, between(docs, "\n### ", name, "\n#"), "docs");
        expect_options(command, part_of(scripts[0], name, "files="), "bash");
        expect_options(command, part_of(scripts[1], name, " ;;"), "zsh");
        expect_fish(command, scripts[2]);
    }
    for (int i = 0; i < 3; i++)
        free(scripts[i]);
    free(help);
    free(docs);
    free(page);
    stage_close(&stage);
}

Test(command_line, json_goes_to_stdout_whole_and_alone)
{
    struct stage stage;
    char held[PATH_MAX];
    stage_open(&stage);
    move_away(&stage, DATA "held.json", held);
    cr_expect_eq(CALL(&stage, "run", held, "--json"), 0);
    cr_expect_eq(stage.complained_size, 0);
    cr_expect(strstr(stage.said, "\"schema\": \"perdure.report/1\""));
    expect_json(stage.said, stage.said_size);
    cr_expect_not(exists("perdure-report"));
    cr_expect_eq(CALL(&stage, "points", "--json"), 0);
    expect_json(stage.said, stage.said_size);
    cr_expect_eq(CALL(&stage, "defects", "--json"), 0);
    expect_json(stage.said, stage.said_size);
    stage_close(&stage);
}

Test(command_line, a_gate_holds_until_a_property_regresses)
{
    struct stage stage;
    char base[PATH_SIZE], worse[PATH_SIZE], file[2 * PATH_SIZE];
    stage_open(&stage);
    path_in(&stage, "base", base);
    path_in(&stage, "worse", worse);
    cr_expect_eq(CALL(&stage, "run", "scenarios/canary.json", "--out", worse),
                 3);
    cr_expect_eq(CALL(&stage, "run", DATA "held.json", "--out", stage.out), 0);
    cr_expect_eq(CALL(&stage, "gate", stage.out, base), 2);
    cr_expect_eq(CALL(&stage, "gate", stage.out, base, "--accept"), 0);
    snprintf(file, sizeof(file), "%s/held.seed-1.json", base);
    cr_expect(exists(file), "%s", stage.complained);
    cr_expect_eq(CALL(&stage, "gate", stage.out, base), 0, "%s", stage.said);
    cr_expect_eq(CALL(&stage, "gate", worse, base), 2);
    cr_expect(strstr(stage.complained, "nothing was compared"));
    snprintf(file, sizeof(file), "%s/canary", stage.out);
    cr_assert_eq(rename(worse, file), 0);
    cr_expect_eq(CALL(&stage, "gate", stage.out, base, "--json"), 3);
    expect_json(stage.said, stage.said_size);
    cr_expect_eq(CALL(&stage, "gate", file, stage.out), 5, "one is missing");
    stage_close(&stage);
}

Test(command_line, a_replay_gives_the_same_bytes)
{
    struct stage stage;
    char report[2 * PATH_SIZE];
    size_t size;
    stage_open(&stage);
    snprintf(report, sizeof(report), "%s/report.json", stage.out);
    cr_expect_eq(CALL(&stage, "run", "scenarios/small/order.json", "--seed",
                      "77", "--out", stage.out),
                 0, "%s", stage.complained);
    char *first = out_file(&stage, "report.json", &size);
    cr_expect_eq(CALL(&stage, "replay", report, "--json"), 0, "%s",
                 stage.complained);
    cr_expect_str_eq(stage.said, first);
    cr_expect(strstr(stage.complained, "same digest"));
    cr_expect_eq(CALL(&stage, "run", "scenarios/small/order.json", "--seed",
                      "77", "--json"),
                 0);
    cr_expect_str_eq(stage.said, first);
    cr_expect_eq(CALL(&stage, "run", "scenarios/small/order.json", "--seed",
                      "78", "--json"),
                 0);
    cr_expect_str_neq(stage.said, first);
    free(first);
    stage_close(&stage);
}

/* Without the files it came from: a report carries what a replay needs. */
Test(command_line, a_replay_needs_nothing_but_the_report)
{
    struct stage stage;
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "run", DATA "held.json", "--out", stage.out), 0);
    cr_assert_eq(chdir(stage.dir), 0);
    cr_expect_eq(CALL(&stage, "replay", "out/report.json", "--json"), 0, "%s",
                 stage.complained);
    stage_close(&stage);
}

Test(command_line, a_replay_whose_digest_differs_says_so_and_exits_1)
{
    struct stage stage;
    char path[PATH_SIZE];
    stage_open(&stage);
    cr_expect_eq(CALL(&stage, "run", DATA "held.json", "--json"), 0);
    char *digest = strstr(stage.said, "\"digest\": \"");
    cr_assert(digest);
    digest += strlen("\"digest\": \"");
    *digest = *digest == '0' ? '1' : '0';
    fill(&stage, "changed.json", stage.said, 1, path);
    cr_expect_eq(CALL(&stage, "replay", path, "--json"), 1);
    cr_expect(strstr(stage.complained, "did not repeat"));
    stage_close(&stage);
}

/* The outside
 * ------------------------------------------------------------------ */

Test(command_line, an_interrupt_leaves_a_report_marked_incomplete)
{
    struct stage stage;
    char said[PATH_SIZE];
    char trace[PATH_SIZE];
    struct stat status;
    stage_open(&stage);
    path_in(&stage, "stdout", said);
    path_in(&stage, "trace", trace);
    const char *args[] = {
        "run", DATA "long.json", "--out", stage.out, "--trace", trace, NULL};
    pid_t pid = launch(&stage, said, args);
    /* Once there is a trace, the run is on its way. */
    while (stat(trace, &status) != 0 || status.st_size == 0)
        usleep(2000);
    kill(pid, SIGINT);
    cr_expect_eq(collect(&stage, pid), 130, "%s", stage.complained);
    size_t size;
    char *report = out_file(&stage, "report.json", &size);
    cr_assert(report, "no report was written");
    cr_expect(strstr(report, "interrupted"));
    expect_json(report, size);
    cr_expect(strstr(stage.said, "interrupted"), "%s", stage.said);
    /* Runs that had no time to end are not stuck. */
    cr_expect_eq(strncmp(stage.said, "INCONCLUSIVE", 12), 0, "%s", stage.said);
    free(report);
    stage_close(&stage);
}

Test(command_line, a_reader_that_went_away_does_not_spoil_the_files)
{
    struct stage stage;
    char fifo[PATH_SIZE];
    size_t size;
    stage_open(&stage);
    path_in(&stage, "stdout", fifo);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDONLY | O_NONBLOCK);
    const char *args[] = {"run",   DATA "held.json", "--json",
                          "--out", stage.out,        NULL};
    pid_t pid = launch(&stage, fifo, args);
    /* The pipe is smaller than the report; nobody ever reads from it. */
    char line[1];
    struct stat status;
    char path[2 * PATH_SIZE];
    snprintf(path, sizeof(path), "%s/run-meta.json", stage.out);
    while (stat(path, &status) != 0)
        usleep(2000);
    (void)!read(reader, line, 1);
    close(reader);
    int code;
    cr_assert_eq(waitpid(pid, &code, 0), pid);
    cr_expect(WIFEXITED(code) && WEXITSTATUS(code) == 0, "%d", code);
    char *report = out_file(&stage, "report.json", &size);
    cr_assert(report, "no report was written");
    expect_json(report, size);
    free(report);
    stage_close(&stage);
}

Test(command_line, a_full_device_is_an_error)
{
    struct stage stage;
    int code;
    stage_open(&stage);
    const char *args[] = {"run", DATA "held.json", "--json", NULL};
    pid_t pid = launch(&stage, "/dev/full", args);
    cr_assert_eq(waitpid(pid, &code, 0), pid);
    cr_expect(WIFEXITED(code) && WEXITSTATUS(code) != 0);
    stage_close(&stage);
}
