/*
 * The program on a terminal of its own, of 20 columns and of 80, and with what
 * is at the other end of a command line when it is no terminal: signals, a
 * pipe that nobody reads to its end, another locale.
 */
#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "tests/support/stage.h"

#define DATA "tests/run/data/"
#define WIPE "\r\033[K"

enum {
    SEEN_MAX = 1 << 20
};

/* A process whose stderr is a terminal; its stdout is a file, if it has one,
   else the terminal too. */
struct screen {
    pid_t pid;
    int master;
    char *seen; /* so far */
    size_t size;
};

static void screen_open(struct screen *screen, const struct stage *s,
                        unsigned short columns, const char *out,
                        const char *const *args)
{
    struct winsize size = {.ws_row = 24, .ws_col = columns};
    const char *argv[STAGE_ARGS_MAX] = {s->program};
    for (int i = 0; args[i]; i++) {
        cr_assert_lt(i + 2, STAGE_ARGS_MAX);
        argv[i + 1] = args[i];
    }
    *screen = (struct screen){.seen = calloc(1, SEEN_MAX)};
    screen->pid = forkpty(&screen->master, NULL, NULL, &size);
    cr_assert_geq(screen->pid, 0, "%s", strerror(errno));
    if (screen->pid > 0)
        return;
    int fd = out ? open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600) : -1;
    if (out && (fd < 0 || dup2(fd, STDOUT_FILENO) < 0))
        _exit(126);
    execv(s->program, (char *const *)(uintptr_t)argv);
    _exit(127);
}

/* Takes in what is there within 100 ms; false: it has come to its end. */
static bool look(struct screen *screen)
{
    struct pollfd ready = {.fd = screen->master, .events = POLLIN};
    if (poll(&ready, 1, 100) <= 0)
        return true;
    ssize_t got = read(screen->master, screen->seen + screen->size,
                       SEEN_MAX - 1 - screen->size);
    if (got <= 0)
        return false;
    screen->size += (size_t)got;
    screen->seen[screen->size] = '\0';
    cr_assert_lt(screen->size, SEEN_MAX - 1);
    return true;
}

static void wait_for(struct screen *screen, const char *words, int times)
{
    for (int i = 0; i < STAGE_PATIENCE_S * 10; i++)
        if (stage_count(screen->seen, words) >= times || !look(screen))
            break;
    cr_assert_geq(stage_count(screen->seen, words), times, "\"%s\" in:\n%s",
                  words, screen->seen);
}

static void press(const struct screen *screen, const char *keys)
{
    cr_assert_eq(write(screen->master, keys, strlen(keys)),
                 (ssize_t)strlen(keys));
}

/* The exit code, or minus the signal. */
static int screen_close(struct screen *screen)
{
    for (int i = 0; i < STAGE_PATIENCE_S * 10 && look(screen); i++)
        continue;
    int code = stage_reap(screen->pid);
    close(screen->master);
    free(screen->seen);
    return code;
}

#define SCREEN(screen, s, columns, out, ...)                                   \
    screen_open((screen), (s), (columns), (out),                               \
                (const char *const[]){__VA_ARGS__, NULL})

/* All that was ever on the moving line. */
static void expect_narrow(const char *seen, size_t most)
{
    int lines = 0;
    for (const char *at = seen; (at = strstr(at, WIPE)); lines++) {
        at += strlen(WIPE);
        size_t width = strcspn(at, "\r\n\033^");
        cr_expect_leq(width, most, "%zu columns: %.*s", width, (int)width, at);
    }
    cr_expect_geq(lines, 2);
}

static void expect_on_a_screen(unsigned short columns, const char *words,
                               const char *const *args)
{
    struct stage s;
    struct screen screen;
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "stdout", out);
    screen_open(&screen, &s, columns, out, args);
    wait_for(&screen, WIPE, 3);
    press(&screen, "\003");
    wait_for(&screen, WIPE, 4);
    expect_narrow(screen.seen, columns - 1);
    cr_expect(stage_has(screen.seen, words), "%s", screen.seen);
    cr_expect_eq(screen_close(&screen), EXIT_INTERRUPTED);
    char *said = stage_read(out);
    cr_expect_null(strchr(said, '\033'), "stdout is a file");
    free(said);
    stage_close(&s);
}

Test(terminal_run, twenty_columns_are_enough_for_a_run)
{
    expect_on_a_screen(
        20, "/1,000,000",
        (const char *const[]){"run", DATA "long.json", "--json", NULL});
}

Test(terminal_run, eighty_columns_show_all_of_a_run)
{
    expect_on_a_screen(
        80, "0 properties failed",
        (const char *const[]){"run", DATA "long.json", "--json", NULL});
}

Test(terminal_run, twenty_columns_are_enough_for_a_sweep)
{
    expect_on_a_screen(20, " worlds",
                       (const char *const[]){"sweep", DATA "held.json", "--for",
                                             "10m", "--jobs", "2", NULL});
}

Test(terminal_run, a_sweep_says_done_total_failed_left_rate_and_seed)
{
    expect_on_a_screen(80, " of 10,000,000 worlds, 0 failed, ",
                       (const char *const[]){"sweep", DATA "held.json",
                                             "--seeds", "1..10000000", "--jobs",
                                             "2", NULL});
}

Test(terminal_run, a_sweep_of_boundaries_shows_its_worlds)
{
    expect_on_a_screen(
        60, " worlds, 0 failed",
        (const char *const[]){"sweep", "scenarios/small/order.json", "--crash",
                              "twice", "--jobs", "2", NULL});
}

Test(terminal_run, a_signal_gets_an_answer_that_stays_and_the_run_goes_on)
{
    struct stage s;
    struct screen screen;
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "stdout", out);
    SCREEN(&screen, &s, 100, out, "run", DATA "long.json", "--json");
    wait_for(&screen, WIPE, 1);
    kill(screen.pid, SIGUSR1);
    wait_for(&screen, "\n", 1);
    wait_for(&screen, WIPE, 4);
    const char *end = strchr(screen.seen, '\n');
    const char *answer = end;
    while (answer > screen.seen && *answer != 'K')
        answer--;
    cr_expect(strncmp(answer, "K", 1) == 0 && stage_has(answer, " runs, "),
              "%s", answer);
    press(&screen, "\003");
    cr_expect_eq(screen_close(&screen), EXIT_INTERRUPTED);
    stage_close(&s);
}

Test(terminal_run, a_dumb_terminal_gets_nothing_but_text)
{
    struct stage s;
    struct screen screen;
    stage_open(&s);
    setenv("TERM", "dumb", 1);
    SCREEN(&screen, &s, 80, NULL, "run", DATA "long.json", "--json");
    usleep(700000);
    kill(screen.pid, SIGUSR1);
    wait_for(&screen, "\n", 1);
    cr_expect(stage_has(screen.seen, " runs, "), "%s", screen.seen);
    cr_expect_null(strchr(screen.seen, '\033'), "%s", screen.seen);
    press(&screen, "\003");
    (void)screen_close(&screen);
    stage_close(&s);
}

/* What a held run prints on a terminal, with this in the environment. */
static bool is_coloured(struct stage *s, const char *name, const char *value)
{
    struct screen screen;
    char out[STAGE_PATH_SIZE];
    stage_path(s, "out", out);
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    unsetenv("CLICOLOR_FORCE");
    setenv(name, value, 1);
    SCREEN(&screen, s, 80, NULL, "run", DATA "held.json", "--out", out);
    wait_for(&screen, "Replay:", 1);
    bool coloured =
        stage_has(screen.seen, "\033[3") || stage_has(screen.seen, "\033[1");
    cr_expect_eq(screen_close(&screen), 0);
    return coloured;
}

Test(terminal_run, colour_is_for_terminals_that_were_not_told_otherwise)
{
    struct stage s;
    char out[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    cr_expect(is_coloured(&s, "TERM", "xterm"));
    cr_expect(is_coloured(&s, "NO_COLOR", ""));
    cr_expect_not(is_coloured(&s, "NO_COLOR", "1"));
    cr_expect_not(is_coloured(&s, "TERM", "dumb"));
    setenv("TERM", "xterm", 1);
    unsetenv("NO_COLOR");
    cr_expect_eq(STAGE_CALL(&s, "run", DATA "held.json", "--out", out), 0);
    cr_expect_null(strchr(s.said, '\033'), "a file gets none");
    setenv("CLICOLOR_FORCE", "1", 1);
    cr_expect_eq(STAGE_CALL(&s, "run", DATA "held.json", "--out", out), 0);
    cr_expect(strchr(s.said, '\033'), "unless it is forced");
    stage_close(&s);
}

/* Without a terminal -------------------------------------------------------
 */

/* By a shell: the exit code of the program in a pipe whose reader leaves. */
static int call_into_head(struct stage *s, const char *args, const char *more)
{
    char command[2048];
    snprintf(command, sizeof(command),
             "bash -c '%s %s %s 2>%s/err | head -c 10 >%s/head;"
             " exit ${PIPESTATUS[0]}'",
             s->program, args, more, s->dir, s->dir);
    int status = system(command);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

Test(terminal_run, a_closed_pipe_changes_neither_the_code_nor_the_files)
{
    struct stage s;
    char path[STAGE_PATH_SIZE];
    char more[STAGE_PATH_SIZE + 32];
    stage_open(&s);
    stage_path(&s, "out", path);
    snprintf(more, sizeof(more), "--json --out %s", path);
    cr_expect_eq(call_into_head(&s, "run " DATA "held.json", more), 0);
    stage_path(&s, "head", path);
    char *head = stage_read(path);
    cr_expect_eq(strlen(head), 10);
    free(head);
    stage_path(&s, "err", path);
    char *complained = stage_read(path);
    cr_expect_str_eq(complained, "", "no word of the pipe");
    free(complained);
    cr_expect_eq(STAGE_CALL(&s, "replay", "--json",
                            (stage_path(&s, "out/report.json", path), path)),
                 0, "%s", s.complained);
    cr_expect_eq(call_into_head(&s, "run " DATA "missed.json", "--json"), 4);
    cr_expect_eq(call_into_head(&s, "points", ""), 0);
    cr_expect_eq(
        call_into_head(&s, "sweep " DATA "held.json --seeds 1..20", "--json"),
        0);
    stage_close(&s);
}

/* A report that is larger than the pipe; nobody ever reads. */
Test(terminal_run, the_second_interrupt_ends_it_at_once_with_whole_files)
{
    struct stage s;
    char fifo[STAGE_PATH_SIZE];
    char out[STAGE_PATH_SIZE];
    char path[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "silent.out", fifo);
    stage_path(&s, "out", out);
    cr_assert_eq(mkfifo(fifo, 0600), 0);
    int reader = open(fifo, O_RDONLY | O_NONBLOCK);
    const char *const args[] = {"run", DATA "long.json", "--json", "--out", out,
                                NULL};
    pid_t pid = stage_launch(&s, "silent", args);
    cr_assert_gt(fcntl(reader, F_SETPIPE_SZ, 4096), 0);
    sleep(1);
    kill(pid, SIGINT);
    stage_path(&s, "out/run-meta.json", path);
    for (int i = 0; i < 6000 && access(path, R_OK) != 0; i++)
        usleep(10000);
    usleep(200000);
    cr_expect_eq(waitpid(pid, NULL, WNOHANG), 0, "it waits for a reader");
    kill(pid, SIGINT);
    cr_expect_eq(stage_reap(pid), EXIT_INTERRUPTED);
    close(reader);
    stage_path(&s, "out/report.json", path);
    cr_expect_eq(STAGE_CALL(&s, "export", path, "--format", "bmf"), 0, "%s",
                 s.complained);
    stage_close(&s);
}

Test(terminal_run, a_locale_with_decimal_commas_changes_no_byte)
{
    struct stage s;
    stage_open(&s);
    unsetenv("CLICOLOR_FORCE");
    setenv("LC_ALL", "C", 1);
    cr_assert_eq(STAGE_CALL(&s, "run", DATA "held.json", "--json"), 0);
    char *plain = strdup(s.said);
    setenv("LC_ALL", "de_DE.UTF-8", 1);
    cr_assert_eq(STAGE_CALL(&s, "run", DATA "held.json", "--json"), 0);
    cr_expect_str_eq(s.said, plain);
    free(plain);
    stage_close(&s);
}

/* Cut at many places, a report is refused by whoever reads one. */
Test(terminal_run, a_truncated_report_is_refused_in_one_line_by_all_readers)
{
    static const char *const readers[][4] = {
        {"replay", NULL},
        {"shrink", "--out", "/tmp/perdure-nowhere", NULL},
        {"export", "--format", "junit", NULL},
    };
    struct stage s;
    char out[STAGE_PATH_SIZE];
    char path[STAGE_PATH_SIZE];
    stage_open(&s);
    stage_path(&s, "out", out);
    cr_assert_eq(STAGE_CALL(&s, "run", DATA "held.json", "--out", out), 0);
    stage_path(&s, "out/report.json", path);
    char *text = stage_read(path);
    size_t size = strlen(text);
    for (size_t cut = 1; cut < 8; cut++) {
        text[size * cut / 8] = '\0';
        stage_file(&s, "cut.json", text, path);
        text[size * cut / 8] = '?';
        for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
            const char *args[8] = {readers[i][0], path};
            for (int a = 1; readers[i][a]; a++)
                args[a + 1] = readers[i][a];
            cr_expect_eq(stage_call(&s, args), EXIT_USAGE, "%s at %zu: %s",
                         readers[i][0], cut, s.complained);
            cr_expect_eq(stage_count(s.complained, "\n"), 1, "%s: %s",
                         readers[i][0], s.complained);
            cr_expect(stage_has(s.complained, "cut.json"), "%s", s.complained);
        }
        cr_expect_eq(STAGE_CALL(&s, "gate", path, path), EXIT_USAGE, "%s",
                     s.complained);
        cr_expect_eq(STAGE_CALL(&s, "compare", path, path), EXIT_USAGE, "%s",
                     s.complained);
        cr_expect_eq(STAGE_CALL(&s, "diff", path, path), EXIT_USAGE, "%s",
                     s.complained);
    }
    free(text);
    stage_close(&s);
}
