#include "scenarios/pool.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/loop.h"

enum {
    TICK_MS = 100,
    AHEAD = 16 /* items that a job may be ahead of the first unfinished */
};

/* Before an item on its way to a worker, and before a result from there. */
struct frame {
    uint64_t index;
    uint64_t size;
};

struct worker {
    pid_t pid; /* 0: there is none */
    int socket;
    bool busy;
    bool used; /* it has worked on something */
    uint64_t index;
    uint64_t began_ns;
    size_t got; /* bytes of frame and result so far */
    unsigned char *buffer;
};

/* An item that was handed out and is not done yet; a ring by index. */
struct slot {
    bool ready;
    bool fresh; /* for a process that has done nothing yet */
    struct pool_outcome outcome;
    unsigned char *item;
    unsigned char *result;
};

struct pool {
    struct pool_config config;
    struct worker *workers;
    struct slot *slots;
    struct pollfd *polls;
    uint32_t slot_count;
    uint64_t handed; /* items of this batch, as below */
    uint64_t delivered;
    bool more;
    uint64_t memory_max;
    uint64_t ticked_ns;
};

uint32_t pool_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count > 0 ? (uint32_t)count : 1;
}

/* In a worker ------------------------------------------------------------- */

/* All of it, or false: the other side is gone. */
static bool read_all(int fd, void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t got = read(fd, (char *)bytes + at, size - at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        at += (size_t)got;
    }
    return true;
}

static bool write_all(int fd, const void *bytes, size_t size)
{
    for (size_t at = 0; at < size;) {
        ssize_t put =
            send(fd, (const char *)bytes + at, size - at, MSG_NOSIGNAL);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return false;
        at += (size_t)put;
    }
    return true;
}

static void serve(const struct pool_config *config, int fd, void *item,
                  unsigned char *buffer)
{
    struct frame frame;
    while (read_all(fd, &frame, sizeof(frame)) &&
           read_all(fd, item, config->item_size)) {
        frame.size = config->work(config->self, item, buffer + sizeof(frame));
        assert(frame.size <= config->result_max);
        memcpy(buffer, &frame, sizeof(frame));
        if (!write_all(fd, buffer, sizeof(frame) + frame.size))
            return;
    }
}

/*
 * Ctrl-C reaches the whole group: a worker leaves it to its parent, with whom
 * it dies in any case.
 */
static _Noreturn void be_worker(struct pool *pool, const struct worker *self,
                                pid_t parent)
{
    signal(SIGINT, SIG_IGN);
    signal(SIGTERM, SIG_DFL);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(0);
    for (uint32_t i = 0; i < pool->config.jobs; i++)
        if (pool->workers[i].pid != 0 && &pool->workers[i] != self)
            close(pool->workers[i].socket);
    void *item = malloc(pool->config.item_size + 1);
    if (item)
        serve(&pool->config, self->socket, item, self->buffer);
    _exit(item ? 0 : 1);
}

/* Workers seen from outside ----------------------------------------------- */

static int start(struct pool *pool, struct worker *worker)
{
    int pair[2];
    pid_t parent = getpid();
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    pid_t pid = fork();
    if (pid < 0) {
        int error = errno;
        close(pair[0]);
        close(pair[1]);
        errno = error;
        return -1;
    }
    worker->busy = worker->used = false;
    worker->got = 0;
    if (pid == 0) {
        close(pair[0]);
        worker->socket = pair[1];
        be_worker(pool, worker, parent);
    }
    close(pair[1]);
    worker->pid = pid;
    worker->socket = pair[0];
    return 0;
}

/* Waits for a worker that has ended or was killed; its status. */
static int reap(struct pool *pool, struct worker *worker)
{
    struct rusage usage = {0};
    int status = 0;
    while (wait4(worker->pid, &status, 0, &usage) < 0 && errno == EINTR)
        ;
    close(worker->socket);
    worker->pid = 0;
    uint64_t memory = (uint64_t)usage.ru_maxrss * 1024;
    if (memory > pool->memory_max)
        pool->memory_max = memory;
    return status;
}

static void end_all(struct pool *pool, bool at_once)
{
    for (uint32_t i = 0; i < pool->config.jobs; i++) {
        const struct worker *worker = &pool->workers[i];
        if (worker->pid == 0)
            continue;
        if (at_once || worker->busy)
            kill(worker->pid, SIGKILL);
        else
            shutdown(worker->socket, SHUT_RDWR);
    }
    for (uint32_t i = 0; i < pool->config.jobs; i++)
        if (pool->workers[i].pid != 0)
            reap(pool, &pool->workers[i]);
}

static struct slot *slot_of(struct pool *pool, uint64_t index)
{
    return &pool->slots[index % pool->slot_count];
}

/* Items --------------------------------------------------------------------
 */

/* Its outcome is there: the caller hears at once, and again in order. */
static bool arrive(const struct pool_batch *batch, struct slot *slot,
                   enum pool_end end, int status, size_t size)
{
    slot->ready = true;
    slot->outcome.end = end;
    slot->outcome.status = status;
    slot->outcome.size = size;
    return slot->outcome.known || !batch->arrived ||
           batch->arrived(batch->self, &slot->outcome);
}

/* What a worker that is gone was working on is over, and so is its pipe. */
static int lose(struct pool *pool, const struct pool_batch *batch,
                struct worker *worker, bool hung)
{
    bool busy = worker->busy;
    int status = reap(pool, worker);
    enum pool_end end = hung                  ? POOL_HUNG
                        : WIFSIGNALED(status) ? POOL_KILLED
                                              : POOL_EXITED;
    int number = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
    if (start(pool, worker) != 0)
        return POOL_EFORK;
    if (busy && !arrive(batch, slot_of(pool, worker->index), end, number, 0))
        return POOL_ESTOPPED;
    return 0;
}

/* Takes the next item that needs a worker; false: nothing to hand out now. */
static bool next_item(struct pool *pool, const struct pool_batch *batch)
{
    while (pool->more && pool->handed - pool->delivered < pool->slot_count) {
        uint64_t index = pool->handed;
        struct slot *slot = slot_of(pool, index);
        size_t size = 0;
        enum pool_next next =
            batch->next(batch->self, index, slot->item, slot->result, &size);
        if (next == POOL_NO_MORE) {
            pool->more = false;
            return false;
        }
        pool->handed++;
        slot->ready = false;
        slot->fresh = next == POOL_FRESH;
        slot->outcome = (struct pool_outcome){.index = index,
                                              .known = next == POOL_KNOWN,
                                              .item = slot->item,
                                              .result = slot->result};
        if (next == POOL_WORK || next == POOL_FRESH)
            return true;
        assert(size <= pool->config.result_max);
        (void)arrive(batch, slot, POOL_DONE, 0, size);
    }
    return false;
}

static struct worker *idle(struct pool *pool)
{
    for (uint32_t i = 0; i < pool->config.jobs; i++)
        if (!pool->workers[i].busy)
            return &pool->workers[i];
    return NULL;
}

/* An idle worker gives way to a new one. */
static int replace(struct pool *pool, struct worker *worker)
{
    shutdown(worker->socket, SHUT_RDWR);
    reap(pool, worker);
    return start(pool, worker);
}

/* A worker that died idle takes nothing: its item is lost with it. */
static int hand_out(struct pool *pool, struct worker *worker, uint64_t index)
{
    struct frame frame = {index, pool->config.item_size};
    const struct slot *slot = slot_of(pool, index);
    if (slot->fresh && worker->used && replace(pool, worker) != 0)
        return POOL_EFORK;
    worker->busy = worker->used = true;
    worker->index = index;
    worker->began_ns = host_mono_ns();
    worker->got = 0;
    if (write_all(worker->socket, &frame, sizeof(frame)))
        (void)write_all(worker->socket, slot->item, pool->config.item_size);
    return 0;
}

/* Reads what is there of an answer. */
static int hear(struct pool *pool, const struct pool_batch *batch,
                struct worker *worker)
{
    struct frame frame;
    size_t room = sizeof(frame) + pool->config.result_max;
    ssize_t got = recv(worker->socket, worker->buffer + worker->got,
                       room - worker->got, MSG_DONTWAIT);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return 0;
    if (got <= 0)
        return lose(pool, batch, worker, false);
    worker->got += (size_t)got;
    if (worker->got < sizeof(frame))
        return 0;
    memcpy(&frame, worker->buffer, sizeof(frame));
    if (worker->got < sizeof(frame) + frame.size)
        return 0;
    assert(frame.index == worker->index);
    struct slot *slot = slot_of(pool, worker->index);
    memcpy(slot->result, worker->buffer + sizeof(frame), frame.size);
    worker->busy = false;
    return arrive(batch, slot, POOL_DONE, 0, frame.size) ? 0 : POOL_ESTOPPED;
}

static bool deliver(struct pool *pool, const struct pool_batch *batch)
{
    while (pool->delivered < pool->handed &&
           slot_of(pool, pool->delivered)->ready) {
        const struct slot *slot = slot_of(pool, pool->delivered);
        pool->delivered++;
        if (!batch->done(batch->self, &slot->outcome))
            return false;
    }
    return true;
}

static int wait_for_workers(struct pool *pool, const struct pool_batch *batch)
{
    for (uint32_t i = 0; i < pool->config.jobs; i++)
        pool->polls[i] =
            (struct pollfd){.fd = pool->workers[i].socket, .events = POLLIN};
    if (poll(pool->polls, pool->config.jobs, TICK_MS) < 0 && errno != EINTR)
        return POOL_EFORK;
    uint64_t now = host_mono_ns();
    for (uint32_t i = 0; i < pool->config.jobs; i++) {
        struct worker *worker = &pool->workers[i];
        uint64_t limit = pool->config.limit_ns;
        int error = 0;
        if (pool->polls[i].revents != 0) {
            error = hear(pool, batch, worker);
        } else if (worker->busy && limit && now - worker->began_ns > limit) {
            kill(worker->pid, SIGKILL);
            error = lose(pool, batch, worker, true);
        }
        if (error)
            return error;
    }
    return 0;
}

static void tick(struct pool *pool, const struct pool_batch *batch)
{
    uint64_t now = host_mono_ns();
    if (!batch->tick || now - pool->ticked_ns < TICK_MS * UINT64_C(1000000))
        return;
    pool->ticked_ns = now;
    batch->tick(batch->self);
}

static int work_off(struct pool *pool, const struct pool_batch *batch)
{
    for (;;) {
        struct worker *worker;
        if (pool->config.interrupted && *pool->config.interrupted)
            return POOL_EINTERRUPTED;
        while ((worker = idle(pool)) != NULL && next_item(pool, batch))
            if (hand_out(pool, worker, pool->handed - 1) != 0)
                return POOL_EFORK;
        if (!deliver(pool, batch))
            return POOL_ESTOPPED;
        tick(pool, batch);
        if (pool->delivered == pool->handed) {
            if (!pool->more)
                return 0;
            continue;
        }
        int error = wait_for_workers(pool, batch);
        if (error)
            return error;
    }
}

int pool_run(struct pool *pool, const struct pool_batch *batch)
{
    pool->handed = pool->delivered = 0;
    pool->more = true;
    int error = work_off(pool, batch);
    if (error) {
        int number = errno;
        end_all(pool, true);
        errno = number;
    }
    return error;
}

/* The pool ---------------------------------------------------------------- */

static bool allocate(struct pool *pool)
{
    uint32_t jobs = pool->config.jobs;
    size_t size = sizeof(struct frame) + pool->config.result_max;
    pool->slot_count = jobs * AHEAD;
    pool->workers = calloc(jobs, sizeof(*pool->workers));
    pool->polls = calloc(jobs, sizeof(*pool->polls));
    pool->slots = calloc(pool->slot_count, sizeof(*pool->slots));
    bool good = pool->workers && pool->polls && pool->slots;
    for (uint32_t i = 0; good && i < jobs; i++)
        good = (pool->workers[i].buffer = malloc(size)) != NULL;
    for (uint32_t i = 0; good && i < pool->slot_count; i++) {
        pool->slots[i].item = calloc(1, pool->config.item_size + 1);
        pool->slots[i].result = malloc(size);
        good = pool->slots[i].item && pool->slots[i].result;
    }
    return good;
}

struct pool *pool_new(const struct pool_config *config)
{
    struct pool *pool = calloc(1, sizeof(*pool));
    if (!pool)
        return NULL;
    pool->config = *config;
    if (config->jobs == 0)
        pool->config.jobs = pool_cores();
    bool good = allocate(pool);
    for (uint32_t i = 0; good && i < pool->config.jobs; i++)
        good = start(pool, &pool->workers[i]) == 0;
    if (good)
        return pool;
    int error = errno;
    pool_free(pool);
    errno = error;
    return NULL;
}

uint32_t pool_jobs(const struct pool *pool)
{
    return pool->config.jobs;
}

uint64_t pool_free(struct pool *pool)
{
    if (!pool)
        return 0;
    if (pool->workers)
        end_all(pool, false);
    for (uint32_t i = 0; pool->workers && i < pool->config.jobs; i++)
        free(pool->workers[i].buffer);
    for (uint32_t i = 0; pool->slots && i < pool->slot_count; i++) {
        free(pool->slots[i].item);
        free(pool->slots[i].result);
    }
    uint64_t memory = pool->memory_max;
    free(pool->workers);
    free(pool->slots);
    free(pool->polls);
    free(pool);
    return memory;
}
