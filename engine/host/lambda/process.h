/*
 * A process of a user's program, with all that it starts: none of it outlives
 * it, or us. What it writes to stdout and stderr comes in lines, the end of a
 * long one as another.
 */
#ifndef ENGINE_HOST_LAMBDA_PROCESS_H
#define ENGINE_HOST_LAMBDA_PROCESS_H

#include <event2/event.h>
#include <stddef.h>
#include <sys/types.h>

struct lambda_process;

struct lambda_process_config {
    struct event_base *base;
    const char *const *command;   /* program and arguments, then NULL */
    const char *const *variables; /* "NAME=value", then NULL */
    const char *directory;        /* where it starts; NULL: here */
    void (*line)(void *self, const char *line, size_t size);
    void *self;
};

/* NULL with errno. A command that cannot be carried out exits with 126 or 127,
 * and says why on stderr. */
struct lambda_process *
lambda_process_start(const struct lambda_process_config *config);
/* Kills it with all it has started, unless it was buried, and waits for its
 * end. */
void lambda_process_free(struct lambda_process *process);

/* What to wait for; it ends as the program does, when all that the program had
 * started has ended. 0: it was buried. */
pid_t lambda_process_id(const struct lambda_process *process);
void lambda_process_kill(struct lambda_process *process);
/* Its group stands still, and goes on. */
void lambda_process_freeze(struct lambda_process *process);
void lambda_process_thaw(struct lambda_process *process);
/* Bytes that it and all it has started have in memory. */
uint64_t lambda_process_memory(const struct lambda_process *process);
/* Takes what it has written so far. */
void lambda_process_drain(struct lambda_process *process);
/* It was waited for: its number may be another's by now. */
void lambda_process_bury(struct lambda_process *process);

#endif
