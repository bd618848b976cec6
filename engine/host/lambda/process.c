#include "engine/host/lambda/process.h"

#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    LINE_MAX_SIZE = 16384
};

struct lambda_process {
    struct lambda_process_config config; /* its line and self */
    pid_t id;
    struct bufferevent *output;
};

/* In the child, between fork and exec. */
static void become(const struct lambda_process_config *config, int output)
{
    int nothing = open("/dev/null", O_RDONLY);

    (void)setpgid(0, 0);
    (void)prctl(PR_SET_PDEATHSIG, SIGKILL);
    (void)signal(SIGPIPE, SIG_DFL);
    (void)signal(SIGXFSZ, SIG_DFL);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(output, STDOUT_FILENO) < 0 || dup2(output, STDERR_FILENO) < 0)
        _exit(126);
    if (config->directory && chdir(config->directory))
        _exit(126);
    (void)execvpe(config->command[0], (char *const *)config->command,
                  (char *const *)config->variables);
    dprintf(STDERR_FILENO, "%s: %s\n", config->command[0], strerror(errno));
    _exit(127);
}

static void take_output(struct bufferevent *output, void *self)
{
    struct lambda_process *process = self;
    struct evbuffer *input = bufferevent_get_input(output);
    size_t size;
    char *line;

    while ((line = evbuffer_readln(input, &size, EVBUFFER_EOL_LF))) {
        process->config.line(process->config.self, line, size);
        free(line);
    }
    if (evbuffer_get_length(input) > LINE_MAX_SIZE) {
        process->config.line(process->config.self,
                             (const char *)evbuffer_pullup(input, -1),
                             evbuffer_get_length(input));
        evbuffer_drain(input, evbuffer_get_length(input));
    }
}

static int start(struct lambda_process *process)
{
    int ends[2];

    if (pipe2(ends, O_CLOEXEC))
        return -1;
    process->id = fork();
    if (process->id == 0)
        become(&process->config, ends[1]);
    close(ends[1]);
    if (process->id < 0) {
        close(ends[0]);
        return -1;
    }
    (void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
    process->output = bufferevent_socket_new(process->config.base, ends[0],
                                             BEV_OPT_CLOSE_ON_FREE);
    if (!process->output) {
        close(ends[0]);
        return -1;
    }
    bufferevent_setcb(process->output, take_output, NULL, NULL, process);
    bufferevent_enable(process->output, EV_READ);
    return 0;
}

struct lambda_process *
lambda_process_start(const struct lambda_process_config *config)
{
    struct lambda_process *process = calloc(1, sizeof(*process));
    int code;

    if (!process)
        return NULL;
    process->config = *config;
    if (start(process) == 0)
        return process;
    code = errno;
    lambda_process_free(process);
    errno = code;
    return NULL;
}

void lambda_process_free(struct lambda_process *process)
{
    if (!process)
        return;
    lambda_process_kill(process);
    if (process->id > 0)
        (void)waitpid(process->id, NULL, 0);
    if (process->output)
        bufferevent_free(process->output);
    free(process);
}

pid_t lambda_process_id(const struct lambda_process *process)
{
    return process->id;
}

void lambda_process_kill(struct lambda_process *process)
{
    if (process->id <= 0)
        return;
    (void)kill(-process->id, SIGKILL);
    (void)kill(process->id, SIGKILL);
}

void lambda_process_bury(struct lambda_process *process)
{
    process->id = 0;
}
