#include "engine/host/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
    READ_AT_ONCE = 65536,
    ENVIRONMENT_MAX = 1024
};

struct host_child {
    struct host_child_config config;
    struct host_source writing;
    struct host_source reading;
    pid_t process;
    int in;  /* the child's stdin; -1: closed */
    int out; /* its stdout */
    unsigned char *input;
    size_t written;
    unsigned char *output;
    size_t size;
    size_t capacity;
    bool full;
};

static void close_end(struct host_child *c, int *fd)
{
    if (*fd < 0)
        return;
    host_loop_forget(c->config.loop, *fd);
    close(*fd);
    *fd = -1;
}

static void write_input(void *self, unsigned events)
{
    struct host_child *c = self;

    (void)events;
    while (c->in >= 0 && c->written < c->config.input_size) {
        ssize_t put = write(c->in, c->input + c->written,
                            c->config.input_size - c->written);
        if (put < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (put < 0)
            break; /* it does not want to know: not an error */
        c->written += (size_t)put;
    }
    close_end(c, &c->in);
}

static bool output_room(struct host_child *c)
{
    size_t capacity = c->capacity ? 2 * c->capacity : READ_AT_ONCE;
    void *output;

    if (c->capacity - c->size > 0)
        return true;
    output = realloc(c->output, capacity);
    if (!output)
        return false;
    c->output = output;
    c->capacity = capacity;
    return true;
}

/* Takes over what was read. False: no more may come. */
static bool keep(struct host_child *c, size_t got)
{
    c->size += got;
    if (c->config.wrote) {
        c->full = !c->config.wrote(c->config.self, c->output, c->size);
        c->size = 0;
    } else if (c->size > c->config.output_max) {
        c->size = c->config.output_max;
        c->full = true;
    }
    return !c->full;
}

static void read_output(void *self, unsigned events)
{
    struct host_child *c = self;

    (void)events;
    while (c->out >= 0) {
        if (!output_room(c)) {
            c->full = true;
            break;
        }
        ssize_t got = read(c->out, c->output + c->size, c->capacity - c->size);
        if (got < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        if (got <= 0 || !keep(c, (size_t)got))
            break;
    }
    close_end(c, &c->out);
}

/* Our own variables, but for those named anew, and those. */
static void environment_of(const struct host_child_config *config,
                           const char **all)
{
    size_t count = 0;

    for (char **old = environ; *old && count < ENVIRONMENT_MAX; old++) {
        size_t name = strcspn(*old, "=") + 1;
        bool anew = false;
        for (size_t i = 0; config->environment[i]; i++)
            anew |= strncmp(config->environment[i], *old, name) == 0;
        if (!anew)
            all[count++] = *old;
    }
    for (size_t i = 0; config->environment[i]; i++)
        if (count < ENVIRONMENT_MAX)
            all[count++] = config->environment[i];
    all[count] = NULL;
}

/* Runs it with the ends of two pipes. 0, or an errno. */
static int spawn(struct host_child *c, int in, int out)
{
    const char *environment[ENVIRONMENT_MAX + 1];
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t none;
    sigset_t all;

    environment_of(&c->config, environment);
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP |
                                              POSIX_SPAWN_SETSIGMASK |
                                              POSIX_SPAWN_SETSIGDEF);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    int error =
        posix_spawnp(&c->process, c->config.command[0], &actions, &attributes,
                     (char *const *)(uintptr_t)c->config.command,
                     (char *const *)(uintptr_t)environment);
    posix_spawnattr_destroy(&attributes);
    posix_spawn_file_actions_destroy(&actions);
    return error;
}

/* Two pipes; the near ends are ours and do not wait. */
static int open_pipes(int in[2], int out[2])
{
    if (pipe2(in, O_CLOEXEC))
        return -1;
    if (pipe2(out, O_CLOEXEC)) {
        close(in[0]);
        close(in[1]);
        return -1;
    }
    (void)fcntl(in[1], F_SETFL, O_NONBLOCK);
    (void)fcntl(out[0], F_SETFL, O_NONBLOCK);
    return 0;
}

static int begin(struct host_child *c)
{
    int in[2];
    int out[2];

    if (open_pipes(in, out))
        return errno;
    int error = spawn(c, in[0], out[1]);
    close(in[0]);
    close(out[1]);
    c->in = in[1];
    c->out = out[0];
    c->writing = (struct host_source){write_input, c};
    c->reading = (struct host_source){read_output, c};
    if (error == 0 &&
        (host_loop_watch(c->config.loop, c->in, &c->writing, HOST_WRITE) ||
         host_loop_watch(c->config.loop, c->out, &c->reading, HOST_READ)))
        error = errno;
    return error;
}

struct host_child *host_child_start(const struct host_child_config *config)
{
    struct host_child *c = calloc(1, sizeof(*c));

    if (!c)
        return NULL;
    c->config = *config;
    c->in = -1;
    c->out = -1;
    c->input = malloc(config->input_size ? config->input_size : 1);
    if (c->input && config->input_size)
        memcpy(c->input, config->input, config->input_size);
    int error = c->input ? begin(c) : ENOMEM;
    if (error == 0)
        return c;
    host_child_free(c);
    errno = error;
    return NULL;
}

int host_child_look(struct host_child *c)
{
    struct host_child_end end = {.exit_code = -1};
    int status;

    if (c->process <= 0 || waitpid(c->process, &status, WNOHANG) <= 0)
        return 0;
    c->process = 0;
    read_output(c, HOST_READ);
    if (WIFEXITED(status))
        end.exit_code = WEXITSTATUS(status);
    else
        end.signal = WTERMSIG(status);
    end.output = c->output;
    end.size = c->size;
    end.output_full = c->full;
    c->config.ended(c->config.self, &end);
    return 1;
}

void host_child_free(struct host_child *c)
{
    if (!c)
        return;
    if (c->process > 0) {
        kill(-c->process, SIGKILL);
        (void)waitpid(c->process, NULL, 0);
    }
    close_end(c, &c->in);
    close_end(c, &c->out);
    free(c->input);
    free(c->output);
    free(c);
}
