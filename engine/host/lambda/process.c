#include "engine/host/lambda/process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/lambda/guard.h"

enum {
    LINE_MAX_SIZE = 16384,
    READS_MAX = 64, /* in a row, before others have their turn */
    FILES_MAX = 1024,
    DEPTH_MAX = 16,
    TEXT_SIZE = 4096 /* of a file of /proc */
};

struct lambda_process {
    struct lambda_process_config config; /* its line and self */
    pid_t guard;
    pid_t program; /* 0: not known yet */
    int report;    /* where the guard says it */
    int output;    /* of the program */
    struct event *readable;
    size_t used; /* of a line whose end has not come */
    char line[LINE_MAX_SIZE];
};

/* The child --------------------------------------------------------------- */

struct becoming {
    const struct lambda_process_config *config;
    int output;
};

static void become(const void *self)
{
    const struct becoming *one = self;
    const struct lambda_process_config *config = one->config;
    const struct rlimit files = {FILES_MAX, FILES_MAX};
    const struct rlimit none = {0, 0};
    int nothing = open("/dev/null", O_RDONLY);

    (void)setrlimit(RLIMIT_NOFILE, &files);
    (void)setrlimit(RLIMIT_CORE, &none);
    if (nothing < 0 || dup2(nothing, STDIN_FILENO) < 0 ||
        dup2(one->output, STDOUT_FILENO) < 0 ||
        dup2(one->output, STDERR_FILENO) < 0)
        _exit(126);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    if (config->directory && chdir(config->directory))
        _exit(126);
    (void)execvpe(config->command[0], (char *const *)config->command,
                  (char *const *)config->variables);
    dprintf(STDERR_FILENO, "%s: %s\n", config->command[0], strerror(errno));
    _exit(127);
}

static int start_guard(struct lambda_process *process, int output, int report)
{
    const struct becoming one = {&process->config, output};
    pid_t parent = getpid();

    process->guard = fork();
    if (process->guard == 0)
        lambda_guard(parent, report, become, &one);
    return process->guard < 0 ? -1 : 0;
}

/* What it writes ---------------------------------------------------------- */

static void end_line(struct lambda_process *process)
{
    if (process->used > 0)
        process->config.line(process->config.self, process->line,
                             process->used);
    process->used = 0;
}

static void take_bytes(struct lambda_process *process, const char *bytes,
                       size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] == '\n' && process->used == 0)
            process->config.line(process->config.self, "", 0);
        else if (bytes[i] == '\n')
            end_line(process);
        else
            process->line[process->used++] = bytes[i];
        if (process->used == LINE_MAX_SIZE)
            end_line(process);
    }
}

void lambda_process_drain(struct lambda_process *process)
{
    char bytes[LINE_MAX_SIZE];
    ssize_t size = 1;

    for (unsigned i = 0; size > 0 && i < READS_MAX; i++) {
        size = read(process->output, bytes, sizeof(bytes));
        if (size > 0)
            take_bytes(process, bytes, (size_t)size);
    }
    if (size == 0) {
        end_line(process);
        (void)event_del(process->readable);
    }
}

static void take_output(evutil_socket_t output, short what, void *self)
{
    (void)output;
    (void)what;
    lambda_process_drain(self);
}

/* Life -------------------------------------------------------------------- */

static int start(struct lambda_process *process)
{
    int output[2];
    int report[2];
    int result = -1;

    if (pipe2(output, O_CLOEXEC))
        return -1;
    process->output = output[0];
    if (pipe2(report, O_CLOEXEC) == 0) {
        process->report = report[0];
        result = start_guard(process, output[1], report[1]);
        close(report[1]);
    }
    close(output[1]);
    if (result)
        return -1;
    (void)fcntl(output[0], F_SETFL, O_NONBLOCK);
    process->readable = event_new(process->config.base, output[0],
                                  EV_READ | EV_PERSIST, take_output, process);
    return process->readable ? event_add(process->readable, NULL) : -1;
}

struct lambda_process *
lambda_process_start(const struct lambda_process_config *config)
{
    struct lambda_process *process = calloc(1, sizeof(*process));
    int code;

    if (!process)
        return NULL;
    process->config = *config;
    process->output = -1;
    process->report = -1;
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
    if (process->guard > 0)
        (void)waitpid(process->guard, NULL, 0);
    if (process->readable)
        event_free(process->readable);
    if (process->output >= 0)
        close(process->output);
    if (process->report >= 0)
        close(process->report);
    free(process);
}

pid_t lambda_process_id(const struct lambda_process *process)
{
    return process->guard;
}

/* Of the program; 0: there is none any more. */
static pid_t program_of(struct lambda_process *process)
{
    if (process->guard > 0 && process->program == 0 &&
        read(process->report, &process->program, sizeof(process->program)) <
            (ssize_t)sizeof(process->program))
        process->program = 0;
    return process->guard > 0 ? process->program : 0;
}

static void tell(struct lambda_process *process, int number)
{
    pid_t program = program_of(process);

    if (program <= 0)
        return;
    (void)kill(-program, number);
    (void)kill(program, number);
}

void lambda_process_kill(struct lambda_process *process)
{
    if (process->guard <= 0)
        return;
    tell(process, SIGKILL);
    (void)kill(process->guard, SIGTERM);
}

/* A file of /proc, or as much of it as there is room for; "": there is none. */
static void read_text(const char *path, char text[TEXT_SIZE])
{
    FILE *file = fopen(path, "re");
    size_t size = file ? fread(text, 1, TEXT_SIZE - 1, file) : 0;

    text[size] = '\0';
    if (file)
        (void)fclose(file);
}

/* That a process has in memory. */
static uint64_t own_pages(long process)
{
    char path[64];
    char text[TEXT_SIZE];
    char *rest;

    snprintf(path, sizeof(path), "/proc/%ld/statm", process);
    read_text(path, text);
    (void)strtoull(text, &rest, 10); /* those of its addresses */
    return strtoull(rest, NULL, 10);
}

/* That those it has started have, and those that they have started. */
static uint64_t pages_below(long process, unsigned depth)
{
    char path[64];
    char text[TEXT_SIZE];
    uint64_t pages = 0;
    char *at = text;

    snprintf(path, sizeof(path), "/proc/%ld/task/%ld/children", process,
             process);
    read_text(path, text);
    for (long child = strtol(at, &at, 10); child > 0;
         child = strtol(at, &at, 10)) {
        pages += own_pages(child);
        if (depth > 1)
            pages += pages_below(child, depth - 1);
    }
    return pages;
}

uint64_t lambda_process_memory(const struct lambda_process *process)
{
    if (process->guard <= 0)
        return 0;
    return pages_below(process->guard, DEPTH_MAX) *
           (uint64_t)sysconf(_SC_PAGESIZE);
}

void lambda_process_freeze(struct lambda_process *process)
{
    tell(process, SIGSTOP);
}

void lambda_process_thaw(struct lambda_process *process)
{
    tell(process, SIGCONT);
}

void lambda_process_bury(struct lambda_process *process)
{
    lambda_process_drain(process);
    end_line(process);
    process->guard = 0;
}
