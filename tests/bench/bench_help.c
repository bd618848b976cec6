/*
 * How long `perdure --help` takes, from the call to the end of the process: the
 * program beside the bench, as a shell would start it. Of twenty starts the
 * best, because the others also measure what else the machine does.
 */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/bench.h"

enum {
    STARTS = 20
};

extern char **environ;

struct program {
    char path[PATH_MAX + 16];
    const char *argument;
};

static double now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double start_ms(const struct program *program)
{
    char *argv[] = {(char *)(uintptr_t)program->path,
                    (char *)(uintptr_t)program->argument, NULL};
    posix_spawn_file_actions_t quiet;
    pid_t child;
    int status;

    posix_spawn_file_actions_init(&quiet);
    posix_spawn_file_actions_addopen(&quiet, STDOUT_FILENO, "/dev/null",
                                     O_WRONLY, 0);
    double began = now_ms();
    if (posix_spawn(&child, program->path, &quiet, NULL, argv, environ) != 0 ||
        waitpid(child, &status, 0) != child)
        bench_fail("a program could not be started");
    double took = now_ms() - began;
    posix_spawn_file_actions_destroy(&quiet);
    if (status != 0)
        bench_fail("perdure --help failed: make build/release/perdure");
    return took;
}

static double best_ms(void *arg)
{
    double best = start_ms(arg);
    for (int i = 1; i < STARTS; i++) {
        double took = start_ms(arg);
        best = took < best ? took : best;
    }
    return best;
}

void bench_help(struct bench *bench)
{
    static struct program perdure = {.argument = "--help"};
    char self[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);

    if (length <= 0)
        bench_fail("where this program is cannot be read");
    self[length] = '\0';
    snprintf(perdure.path, sizeof(perdure.path), "%s/perdure", dirname(self));
    bench_case(bench, &(struct bench_case){
                          .name = "perdure --help, start to end",
                          .unit = "ms",
                          .goal = BENCH_AT_MOST,
                          .target = 10,
                          .measure = best_ms,
                          .arg = &perdure,
                      });
}
