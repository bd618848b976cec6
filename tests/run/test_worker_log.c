/*
 * What handlers log, in a worker process as a user links it: the words of
 * engine_log() on its stderr, with the run and the place, once each.
 */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "engine/host/worker_main.h"
#include "tests/support/stage.h"

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

static int inside(struct engine_context *c, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    engine_log(c, "inside, before");
    TRY(engine_wait(c, "short", ENGINE_SECOND));
    engine_log(c, "inside, after");
    *out = input;
    return ENGINE_DONE;
}

/* Two waits: three calls, the later ones over what was said before. */
static int talkative(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    engine_log(c, "begins with %zu bytes", input.size);
    TRY(engine_run_in_child_context(c, "block", inside, self, input, NULL,
                                    out));
    engine_log(c, "between");
    TRY(engine_wait(c, "short", ENGINE_SECOND));
    engine_log(c, "ends");
    return ENGINE_DONE;
}

/* The process of a program of the user's, which ends with its test. */
static pid_t user_program(const struct stage *s)
{
    static const struct engine_handler handlers[] = {
        {"talkative", talkative, NULL}};
    char err[STAGE_PATH_SIZE];
    pid_t test = getpid();

    stage_path(s, "user.err", err);
    pid_t pid = fork();
    cr_assert_geq(pid, 0);
    if (pid > 0)
        return pid;
    int fd = open(err, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, STDERR_FILENO) < 0 ||
        prctl(PR_SET_PDEATHSIG, SIGKILL) || getppid() != test)
        _exit(99);
    char *argv[] = {(char[]){"user"}, (char *)(uintptr_t)s->database,
                    (char[]){"--id"}, (char[]){"user"}, NULL};
    _exit(perdure_worker_main(4, argv, handlers, 1));
}

Test(run_worker_log, a_line_is_said_once_with_its_run_and_place, .timeout = 120)
{
    static const char *const lines[] = {
        "run 1, the handler: begins with 3 bytes\n",
        "run 1, block: inside, before\n", "run 1, block: inside, after\n",
        "run 1, the handler: between\n", "run 1, the handler: ends\n"};
    struct stage s;
    char path[STAGE_PATH_SIZE];

    stage_open(&s);
    stage_engine(&s, "30s");
    s.workers[0] = user_program(&s);
    stage_wait_words(&s, "user.err", "ready");
    cr_assert_eq(STAGE_CALL(&s, "start", s.database, "talkative", "--input",
                            "abc", "--wait"),
                 0, "%s", s.complained);
    stage_path(&s, "user.err", path);
    char *said = stage_read(path);
    for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
        cr_expect_eq(stage_count(said, lines[i]), 1, "%s in\n%s", lines[i],
                     said);
    cr_expect_eq(stage_count(said, "run 1, "), 5, "%s", said);
    free(said);
    stage_close(&s);
}
