/* Processes of users' programs, and what they leave behind. */
#include <criterion/criterion.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/lambda/process.h"

struct bed {
    struct event_base *base;
    struct lambda_process *process;
    char text[4096]; /* its lines */
    uint64_t bytes;
    unsigned lines;
};

static void keep_line(void *self, const char *line, size_t size)
{
    struct bed *bed = self;
    size_t used = strlen(bed->text);

    bed->lines++;
    bed->bytes += size;
    (void)snprintf(bed->text + used, sizeof(bed->text) - used, "%.*s\n",
                   (int)size, line);
}

static void open_bed(struct bed *bed, const char *script)
{
    const char *const command[] = {"/bin/sh", "-c", script, NULL};
    const char *const variables[] = {"PATH=/usr/bin:/bin", "A=b", NULL};
    struct lambda_process_config config = {.command = command,
                                           .variables = variables,
                                           .line = keep_line,
                                           .self = bed};

    *bed = (struct bed){.base = event_base_new()};
    config.base = bed->base;
    bed->process = lambda_process_start(&config);
    cr_assert_not_null(bed->process);
}

static void close_bed(struct bed *bed)
{
    lambda_process_free(bed->process);
    event_base_free(bed->base);
}

/* Until it has written so many lines. */
static void read_lines(struct bed *bed, unsigned lines)
{
    while (bed->lines < lines)
        (void)event_base_loop(bed->base, EVLOOP_ONCE);
}

/* Until it has ended: how. */
static int end(struct bed *bed)
{
    int status;

    cr_assert_eq(waitpid(lambda_process_id(bed->process), &status, 0),
                 lambda_process_id(bed->process));
    lambda_process_bury(bed->process);
    return status;
}

/* The processes whose numbers it has written are no more, or soon. */
static void expect_gone(const struct bed *bed)
{
    char text[4096];
    unsigned count = 0;

    memcpy(text, bed->text, sizeof(text));
    for (char *at = strtok(text, "\n "); at; at = strtok(NULL, "\n ")) {
        pid_t process = (pid_t)strtol(at, NULL, 10);
        cr_assert_gt(process, 1, "%s", at);
        cr_expect(kill(process, 0) != 0 && errno == ESRCH, "%d lives",
                  (int)process);
        count++;
    }
    cr_expect_gt(count, 0);
}

Test(lambda_process, its_lines_come_and_its_end_is_its_own)
{
    struct bed bed;

    open_bed(&bed, "echo one; echo $A >&2; printf rest; exit 7");
    int status = end(&bed);
    cr_expect_str_eq(bed.text, "one\nb\nrest\n");
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 7, "%x", status);
    close_bed(&bed);
}

Test(lambda_process, a_signal_that_ends_it_is_seen)
{
    struct bed bed;

    open_bed(&bed, "kill -SEGV $$");
    int status = end(&bed);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV, "%x", status);
    close_bed(&bed);
}

Test(lambda_process, a_command_that_is_none_exits_with_127_and_says_so)
{
    const char *const command[] = {"/no/such/program", NULL};
    const char *const variables[] = {NULL};
    struct bed bed = {.base = event_base_new()};
    const struct lambda_process_config config = {.base = bed.base,
                                                 .command = command,
                                                 .variables = variables,
                                                 .line = keep_line,
                                                 .self = &bed};

    bed.process = lambda_process_start(&config);
    int status = end(&bed);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 127, "%x", status);
    cr_expect_str_eq(bed.text, "/no/such/program: No such file or directory\n");
    close_bed(&bed);
}

Test(lambda_process, daemons_are_gone_when_it_is_killed)
{
    struct bed bed;

    open_bed(&bed, "trap '' TERM INT HUP; "
                   "(setsid sh -c 'trap \"\" TERM; sleep 99 & "
                   "echo $$ $!; sleep 98' &); echo $$; sleep 97");
    read_lines(&bed, 2);
    lambda_process_kill(bed.process);
    int status = end(&bed);
    cr_expect(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL, "%x", status);
    expect_gone(&bed);
    close_bed(&bed);
}

Test(lambda_process, daemons_are_gone_when_it_has_ended)
{
    struct bed bed;

    open_bed(&bed, "(setsid sleep 99 & echo $!); exit 3");
    int status = end(&bed);
    cr_expect(WIFEXITED(status) && WEXITSTATUS(status) == 3, "%x", status);
    expect_gone(&bed);
    close_bed(&bed);
}

/* In a process of its own: who starts one, and is killed. */
static _Noreturn void start_and_die(int report)
{
    struct bed bed;

    open_bed(&bed, "(setsid sleep 99 & echo $!); echo $$; sleep 98");
    read_lines(&bed, 2);
    (void)!write(report, bed.text, strlen(bed.text));
    (void)kill(getpid(), SIGKILL);
    _exit(1);
}

Test(lambda_process, everything_is_gone_when_we_are_killed)
{
    struct bed bed = {.text = ""};
    char byte;
    int ends[2];
    size_t used = 0;

    cr_assert_eq(pipe(ends), 0);
    pid_t child = fork();
    if (child == 0)
        start_and_die(ends[1]);
    close(ends[1]);
    while (used < sizeof(bed.text) - 1 && read(ends[0], &byte, 1) == 1)
        bed.text[used++] = byte;
    (void)waitpid(child, NULL, 0);
    /* Nobody tells when the guard is done: no end of the test but its limit. */
    for (char *at = bed.text; *at;) {
        pid_t process = (pid_t)strtol(at, &at, 10);
        while (process > 1 && kill(process, 0) == 0)
            (void)usleep(1000);
        at += *at == '\n';
    }
    expect_gone(&bed);
    close(ends[0]);
}

/* The letter of its state, of the process that it has written. */
static char state_of(const struct bed *bed)
{
    char path[64];
    char text[256] = "";

    (void)snprintf(path, sizeof(path), "/proc/%ld/stat",
                   strtol(bed->text, NULL, 10));
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file);
    cr_assert_not_null(fgets(text, sizeof(text), file));
    (void)fclose(file);
    return strrchr(text, ')')[2];
}

Test(lambda_process, a_frozen_one_stands_still_until_it_is_thawed)
{
    struct bed bed;

    open_bed(&bed, "echo $$; while :; do :; done");
    read_lines(&bed, 1);
    lambda_process_freeze(bed.process);
    while (state_of(&bed) != 'T')
        (void)usleep(1000); /* its end is the limit of the test */
    lambda_process_thaw(bed.process);
    while (state_of(&bed) == 'T')
        (void)usleep(1000);
    lambda_process_freeze(bed.process);
    lambda_process_kill(bed.process);
    cr_expect(WIFSIGNALED(end(&bed)));
    close_bed(&bed);
}

Test(lambda_process, its_memory_is_that_of_all_it_has_started)
{
    struct bed bed;

    open_bed(&bed, "echo $$; (sh -c 'x=$(head -c 30000000 /dev/zero | "
                   "tr \"\\0\" x); echo $$; sleep 99'); sleep 99");
    read_lines(&bed, 1);
    uint64_t before = lambda_process_memory(bed.process);
    cr_expect_gt(before, 0);
    read_lines(&bed, 2);
    cr_expect_gt(lambda_process_memory(bed.process), before + 25000000);
    lambda_process_kill(bed.process);
    (void)end(&bed);
    cr_expect_eq(lambda_process_memory(bed.process), 0);
    close_bed(&bed);
}

Test(lambda_process, a_long_line_comes_in_parts)
{
    struct bed bed;

    open_bed(&bed, "head -c 40000 /dev/zero | tr '\\0' x");
    (void)end(&bed);
    cr_expect_eq(bed.bytes, 40000);
    cr_expect_eq(bed.lines, 3);
    close_bed(&bed);
}
