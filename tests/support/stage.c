#include "tests/support/stage.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READ_MAX = 4 << 20
};

void stage_path(const struct stage *s, const char *name,
                char path[STAGE_PATH_SIZE])
{
    cr_assert_lt(snprintf(path, STAGE_PATH_SIZE, "%s/%s", s->dir, name),
                 STAGE_PATH_SIZE);
}

char *stage_read(const char *path)
{
    FILE *file = fopen(path, "rb");
    cr_assert(file, "%s: %s", path, strerror(errno));
    char *text = calloc(1, READ_MAX);
    cr_assert_lt(fread(text, 1, (READ_MAX)-1, file), (READ_MAX)-1);
    fclose(file);
    return text;
}

void stage_write(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    cr_assert(file);
    cr_assert_geq(fputs(text, file), 0);
    cr_assert_eq(fclose(file), 0);
}

void stage_open(struct stage *s)
{
    char path[PATH_MAX];
    memset(s, 0, sizeof(*s));
    snprintf(s->dir, sizeof(s->dir), "/tmp/perdure-run-XXXXXX");
    cr_assert(mkdtemp(s->dir));
    stage_path(s, "runs.db", s->database);
    ssize_t size = readlink("/proc/self/exe", path, sizeof(path) - 1);
    cr_assert_gt(size, 0);
    path[size] = '\0';
    *strrchr(path, '/') = '\0';
    int room = (int)sizeof(s->program);
    cr_assert_lt(snprintf(s->program, (size_t)room, "%s/perdure", path), room);
    cr_assert_eq(access(s->program, X_OK), 0, "%s: build it first", s->program);
}

/* What a process of the stage becomes; it does not outlive the test, however
 * that ends. */
_Noreturn static void become(const char *program, char *const *argv,
                             const int fds[3], pid_t test)
{
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != test)
        _exit(126);
    for (int fd = 0; fd < 3; fd++)
        if (dup2(fds[fd], fd) < 0)
            _exit(126);
    execv(program, argv);
    _exit(127);
}

static int open_words(const struct stage *s, const char *out, const char *kind,
                      int flags)
{
    char name[64];
    char path[STAGE_PATH_SIZE];
    cr_assert_lt(snprintf(name, sizeof(name), "%s.%s", out, kind),
                 (int)sizeof(name));
    stage_path(s, name, path);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | flags, 0600);
    cr_assert_geq(fd, 0, "%s: %s", path, strerror(errno));
    return fd;
}

pid_t stage_launch(const struct stage *s, const char *out,
                   const char *const *args)
{
    const char *argv[STAGE_ARGS_MAX] = {s->program};
    for (int i = 0; args[i]; i++) {
        cr_assert_lt(i + 2, STAGE_ARGS_MAX);
        argv[i + 1] = args[i];
    }
    const int fds[3] = {open("/dev/null", O_RDONLY | O_CLOEXEC),
                        open_words(s, out, "out", O_TRUNC),
                        open_words(s, out, "err", O_APPEND)};
    pid_t test = getpid();
    pid_t pid = fork();
    if (pid == 0)
        become(s->program, (char *const *)(uintptr_t)argv, fds, test);
    cr_assert_gt(pid, 0, "%s: %s", s->program, strerror(errno));
    for (int fd = 0; fd < 3; fd++)
        close(fds[fd]);
    return pid;
}

int stage_reap(pid_t pid)
{
    int status;
    for (int i = 0; i < STAGE_PATIENCE_S * 200; i++) {
        pid_t got = waitpid(pid, &status, WNOHANG);
        cr_assert_geq(got, 0);
        if (got == pid)
            return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        usleep(5000);
    }
    kill(pid, SIGKILL);
    (void)waitpid(pid, &status, 0);
    return -SIGALRM;
}

int stage_call(struct stage *s, const char *const *args)
{
    char path[STAGE_PATH_SIZE];
    stage_path(s, "call.err", path);
    (void)unlink(path);
    int code = stage_reap(stage_launch(s, "call", args));
    free(s->said);
    free(s->complained);
    s->complained = stage_read(path);
    stage_path(s, "call.out", path);
    s->said = stage_read(path);
    return code;
}

bool stage_has(const char *text, const char *part)
{
    return strstr(text, part) != NULL;
}

void stage_wait_words(const struct stage *s, const char *name,
                      const char *words)
{
    char path[STAGE_PATH_SIZE];
    stage_path(s, name, path);
    for (int i = 0; i < STAGE_PATIENCE_S * 200; i++) {
        char *text = access(path, R_OK) == 0 ? stage_read(path) : NULL;
        bool there = text && stage_has(text, words);
        free(text);
        if (there)
            return;
        usleep(5000);
    }
    cr_assert_fail("%s never said \"%s\"", name, words);
}

/* Launches with the arguments of two lists, one after the other. */
static pid_t launch_both(const struct stage *s, const char *out,
                         const char *const *first, const char *const *more)
{
    const char *args[STAGE_ARGS_MAX] = {0};
    char path[STAGE_PATH_SIZE];
    char name[32];
    int count = 0;
    for (; first[count]; count++)
        args[count] = first[count];
    for (; *more; more++, count++) {
        cr_assert_lt(count + 1, STAGE_ARGS_MAX);
        args[count] = *more;
    }
    snprintf(name, sizeof(name), "%s.err", out);
    stage_path(s, name, path);
    (void)unlink(path);
    return stage_launch(s, out, args);
}

void stage_engine_with(struct stage *s, const char *const *more)
{
    const char *const first[] = {"engine", s->database, NULL};
    s->engine = launch_both(s, "engine", first, more);
    stage_wait_words(s, "engine.err", "ready");
}

void stage_engine(struct stage *s, const char *lease)
{
    stage_engine_with(s, (const char *const[]){"--lease", lease, NULL});
}

static void start_worker(struct stage *s, int i, const char *const *more)
{
    char id[16];
    snprintf(id, sizeof(id), "w%d", i);
    const char *const first[] = {"worker", s->database, "--id", id, NULL};
    s->workers[i] = launch_both(s, id, first, more);
}

void stage_worker(struct stage *s, int i, const char *workflow)
{
    start_worker(s, i, (const char *const[]){"--workflow", workflow, NULL});
}

void stage_worker_with(struct stage *s, int i, const char *const *more)
{
    char words[24];
    start_worker(s, i, more);
    snprintf(words, sizeof(words), "w%d.err", i);
    stage_wait_words(s, words, "ready");
}

void stage_kill(pid_t *pid, int number, int expected)
{
    if (*pid == 0)
        return;
    kill(*pid, number);
    cr_expect_eq(stage_reap(*pid), expected);
    *pid = 0;
}

void stage_close(struct stage *s)
{
    char command[STAGE_PATH_SIZE];
    for (int i = 0; i < STAGE_WORKERS_MAX; i++)
        stage_kill(&s->workers[i], SIGTERM, 0);
    stage_kill(&s->engine, SIGTERM, 0);
    snprintf(command, sizeof(command), "rm -rf '%s'", s->dir);
    cr_expect_eq(system(command), 0);
    free(s->said);
    free(s->complained);
}

int stage_count(const char *text, const char *part)
{
    /* Not by strstr(): a sanitizer's reads all that is left at each call. */
    size_t size = strlen(part);
    int count = 0;
    for (const char *at = text; (at = strchr(at, part[0])); at++)
        if (strncmp(at, part, size) == 0) {
            count++;
            at += size - 1;
        }
    return count;
}

void stage_wait_ended(struct stage *s)
{
    for (int i = 0; i < STAGE_PATIENCE_S * 10; i++) {
        cr_assert_eq(STAGE_CALL(s, "ps", s->database, "--json"), 0, "%s",
                     s->complained);
        if (s->said[0] == '\0')
            return;
        usleep(100000);
    }
    cr_assert_fail("runs are left:\n%s", s->said);
}

void stage_expect_whole(struct stage *s)
{
    cr_expect_eq(STAGE_CALL(s, "verify", s->database), 0, "%s%s", s->said,
                 s->complained);
}

void stage_file(const struct stage *s, const char *name, const char *text,
                char path[STAGE_PATH_SIZE])
{
    stage_path(s, name, path);
    stage_write(path, text);
}
