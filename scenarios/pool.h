/*
 * A pool of worker processes. Work is a function of an item, which must not
 * depend on what its process did before; processes and not threads, because
 * libfiu is process-wide and because a crash of one is then a result.
 *
 *     next(0) next(1) ..  ->  worker  worker  ..  ->  arrived(), any order
 *                                                 ->  done(0) done(1) .., in
 *                                                     the order of items
 *
 * A worker that crashes, is killed or takes too long is the outcome of the
 * item it had, and another takes its place. Workers die with the process
 * that started them.
 */
#ifndef SCENARIOS_POOL_H
#define SCENARIOS_POOL_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pool_config {
    uint32_t jobs;     /* processes; 0: one for each core */
    size_t item_size;  /* bytes of an item */
    size_t result_max; /* most bytes of a result */
    uint64_t limit_ns; /* wall time of one item; 0: none */
    /* In a worker: fills in the result and returns its size. */
    size_t (*work)(void *self, const void *item, void *result);
    void *self; /* as it is when a worker is forked */
    const volatile sig_atomic_t *interrupted; /* NULL: never */
};

enum pool_end {
    POOL_DONE,   /* the worker answered: there is a result */
    POOL_KILLED, /* by signal number `status` */
    POOL_EXITED, /* by itself, with `status` */
    POOL_HUNG    /* it was killed when its time was over */
};

struct pool_outcome {
    uint64_t index; /* of the item, from 0 in each pool_run() */
    enum pool_end end;
    int status;
    bool known; /* next() had the result: nobody worked for it */
    const void *item;
    const void *result; /* valid during the call, aligned for anything */
    size_t size;
};

enum pool_next {
    POOL_WORK,   /* the item was filled in */
    POOL_FRESH,  /* so it was; a process that has done nothing yet gets it */
    POOL_KNOWN,  /* so were the result and its size: no work is needed */
    POOL_NO_MORE /* there is no such item, nor any after it */
};

/* What pool_run() asks and tells. All are called in the caller's process. */
struct pool_batch {
    enum pool_next (*next)(void *self, uint64_t index, void *item, void *result,
                           size_t *size);
    /* As soon as it is there, not for known ones; false: stop. May be NULL. */
    bool (*arrived)(void *self, const struct pool_outcome *outcome);
    /* In the order of items; false: stop. */
    bool (*done)(void *self, const struct pool_outcome *outcome);
    /* Some times a second, for progress. May be NULL. */
    void (*tick)(void *self);
    void *self;
};

enum pool_error {
    POOL_EFORK = -1,        /* a process, pipe or memory could not be had */
    POOL_ESTOPPED = -2,     /* a function of the batch said so */
    POOL_EINTERRUPTED = -3, /* work under way is given up */
};

struct pool;

/*
 * Starts the workers. NULL with errno if that fails. The config's self is
 * borrowed.
 */
struct pool *pool_new(const struct pool_config *config);

/*
 * Works off a batch. 0 or an error; after an error the pool has no workers
 * left and is only good for pool_free(). Items in work are then lost, what
 * has arrived is not.
 */
int pool_run(struct pool *pool, const struct pool_batch *batch);

/* How many processes there are. */
uint32_t pool_jobs(const struct pool *pool);

/*
 * Ends the workers, waits for them, and frees the pool; NULL is allowed.
 * Returns the most memory that one of them ever had, in bytes.
 */
uint64_t pool_free(struct pool *pool);

/* How many cores this process may use, at least 1. */
uint32_t pool_cores(void);

#endif
