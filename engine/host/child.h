/*
 * A program that carries out one attempt: it gets its input on stdin, what it
 * writes to stdout is its output, how it exits is its outcome. Nothing waits:
 * pipes and the end of the process are events of the loop. It runs in a
 * process group of its own, so that giving it up ends all it has started.
 */
#ifndef ENGINE_HOST_CHILD_H
#define ENGINE_HOST_CHILD_H

#include <stddef.h>

#include "engine/host/loop.h"

struct host_child;

struct host_child_end {
    int exit_code;      /* -1: a signal ended it */
    int signal;         /* 0: none */
    bool output_full;   /* it wrote more than it may; the rest is cut off */
    const void *output; /* until the call returns */
    size_t size;
};

struct host_child_config {
    struct host_loop *loop;
    const char *const *command;     /* program and arguments, then NULL */
    const char *const *environment; /* "NAME=value" beside our own, then NULL */
    const void *input;              /* copied */
    size_t input_size;
    size_t output_max;
    /*
     * NULL, or takes what it writes, piece by piece, which then is not kept.
     * False: it is full.
     */
    bool (*wrote)(void *self, const void *bytes, size_t size);
    /* Told once, when it has ended, unless it was given up before. */
    void (*ended)(void *self, const struct host_child_end *end);
    void *self;
};

/* Starts it. NULL with errno: ENOENT is no such program. */
struct host_child *host_child_start(const struct host_child_config *config);
/* Looks whether it has ended, after the loop has seen some child end. Then
 * ended() is called and 1 returned: free it. */
int host_child_look(struct host_child *child);
/* Ends it with all it has started if it has not ended, and frees it. Not from
 * within ended(). */
void host_child_free(struct host_child *child);

#endif
