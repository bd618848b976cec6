#include "engine/host/lambda/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Between fork and exec, or without one: only what is safe after fork. */

enum {
    CHILDREN_SIZE = 4096
};

static void forget_handlers(void)
{
    for (int number = 1; number < NSIG; number++)
        (void)signal(number, SIG_DFL);
}

/* Those that wait for the guard. */
static void block(int how)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    (void)sigprocmask(how, &set, NULL);
}

static void kill_children(void)
{
    int file = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
    char text[CHILDREN_SIZE];
    ssize_t size = file < 0 ? 0 : read(file, text, sizeof(text));
    pid_t child = 0;

    for (ssize_t i = 0; i < size; i++) {
        if (text[i] >= '0' && text[i] <= '9') {
            child = child * 10 + (text[i] - '0');
        } else if (child > 0) {
            (void)kill(child, SIGKILL);
            child = 0;
        }
    }
    if (file >= 0)
        (void)close(file);
}

/* Those of the dead become the guard's, and are seen the next time. How the
 * program ended, if it had not before. */
static int end_all(pid_t program, int status)
{
    pid_t process;
    int ended;

    (void)kill(-program, SIGKILL);
    do {
        kill_children();
        process = waitpid(-1, &ended, 0);
        if (process == program)
            status = ended;
    } while (process > 0 || errno == EINTR);
    return status;
}

static _Noreturn void end_as(int status)
{
    const struct rlimit none = {0, 0};

    if (WIFSIGNALED(status)) {
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)signal(SIGTERM, SIG_IGN); /* one that waits is forgotten */
        (void)signal(SIGTERM, SIG_DFL);
        (void)kill(getpid(), WTERMSIG(status));
        block(SIG_UNBLOCK);
    }
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128);
}

static void look_for_end(pid_t program)
{
    pid_t process;
    int status;

    while ((process = waitpid(-1, &status, WNOHANG)) > 0) {
        if (process != program)
            continue;
        end_as(end_all(program, status));
    }
}

static _Noreturn void stand(pid_t program)
{
    sigset_t set;
    int number;

    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    sigaddset(&set, SIGTERM);
    for (;;) {
        if (sigwait(&set, &number) == 0 && number == SIGTERM)
            end_as(end_all(program, SIGKILL));
        look_for_end(program);
    }
}

_Noreturn void lambda_guard(pid_t parent, int report,
                            void (*become)(const void *self), const void *self)
{
    pid_t program;

    forget_handlers();
    block(SIG_BLOCK);
    (void)setpgid(0, 0);
    (void)prctl(PR_SET_NAME, "perdure-guard");
    (void)prctl(PR_SET_CHILD_SUBREAPER, 1);
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent)
        _exit(0);
    program = fork();
    if (program == 0) {
        (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
        (void)setpgid(0, 0);
        block(SIG_UNBLOCK);
        become(self);
    }
    if (program < 0 || write(report, &program, sizeof(program)) < 0)
        _exit(126);
    (void)close_range(0, ~0U, 0);
    stand(program);
}
