/*
 * A worker as a process: it connects to the engine of a database, says which
 * workflows it can execute, and executes the attempts it is given, many at a
 * time in one thread. When the engine goes away it looks for the next one,
 * later and later, while the attempts under way go on; they are reported when
 * it is found. SIGTERM lets them end, for a while; SIGKILL is safe.
 */
#ifndef ENGINE_HOST_WORKER_PROCESS_H
#define ENGINE_HOST_WORKER_PROCESS_H

#include "engine/host/engine_process.h"
#include "engine/host/loop.h"
#include "engine/update.h"

struct host_worker;

/*
 * Who runs the steps' code, of declared graphs and of handlers whose step
 * functions return SUSPENDED. Every call comes from the worker's one thread
 * and must not wait.
 */
struct host_executor {
    /*
     * Begins an attempt; workflow is the index in the worker's list, input an
     * envelope, or the bytes that a handler gave its step, that hold until
     * the call returns. Says how it ended by host_worker_ended(), at once or
     * later.
     */
    void (*begin)(void *self, struct host_worker *worker, uint32_t workflow,
                  const struct engine_execute *what, const void *input,
                  size_t size);
    /* The attempt in this slot, or this part of it (0: the step itself), is
     * given up: stop it, say nothing more. */
    void (*abandon)(void *self, uint32_t slot, uint32_t part);
    /* When time() wants to be called (mono); UINT64_MAX: not. May be NULL
     * together with time. */
    uint64_t (*deadline)(void *self);
    void (*time)(void *self, uint64_t mono_ns);
    /* Some child process has ended. May be NULL. */
    void (*child)(void *self);
    void *self;
};

/* A workflow that a worker can execute. */
struct host_workflow {
    const struct engine_graph *graph;
    const struct engine_handler *handler; /* NULL: a declared graph */
};

struct host_worker_config {
    const char *database;
    const char *id;    /* unique among the workers of the database */
    uint32_t slots;    /* attempts at a time; 0: 64 */
    uint64_t drain_ns; /* attempts may take this long after SIGTERM */
    const struct host_workflow *workflows;
    uint32_t workflow_count;
    const struct host_executor *executor; /* NULL: handlers only, which run
                                             all their steps themselves */
    /*
     * A handler's step need not be durable before the next one begins: many
     * share a checkpoint, and after a crash all of them run again. Otherwise
     * each result is durable before the handler goes on from it.
     */
    bool optimistic;
    uint64_t checkpoint_window_ns; /* engine/worker.h; at most 1 s */
    enum host_level level;
    void (*say)(void *self, enum host_level level, const char *text);
    void *self;
};

/*
 * Runs until SIGTERM or SIGINT; then 0. -1 with a sentence: the engine
 * refuses the worker (its id is taken, a workflow is damaged, another
 * version), or memory ran out.
 */
int host_worker_run(const struct host_worker_config *config,
                    char error[HOST_ERROR_SIZE]);

/* For executors: how an attempt ended. output is an envelope, of a handler's
 * step bytes; copied. */
void host_worker_ended(struct host_worker *worker, uint32_t slot, uint32_t part,
                       uint32_t error, bool retryable, const void *output,
                       size_t size);
/* For executors that watch descriptors. */
struct host_loop *host_worker_loop(struct host_worker *worker);

#endif
