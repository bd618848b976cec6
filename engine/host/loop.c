#include "engine/host/loop.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "engine/store.h"

enum {
    EVENTS_AT_ONCE = 64
};

static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGCHLD);
}

int host_loop_open(struct host_loop *loop)
{
    struct epoll_event event = {.events = EPOLLIN};
    sigset_t set;

    memset(loop, 0, sizeof(*loop));
    signal_set(&set);
    loop->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll < 0)
        return -1;
    loop->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (loop->signals < 0 ||
        epoll_ctl(loop->epoll, EPOLL_CTL_ADD, loop->signals, &event) ||
        sigprocmask(SIG_BLOCK, &set, NULL)) {
        int error = errno;
        if (loop->signals >= 0)
            close(loop->signals);
        close(loop->epoll);
        errno = error;
        return -1;
    }
    return 0;
}

void host_loop_close(struct host_loop *loop)
{
    sigset_t set;

    signal_set(&set);
    close(loop->signals);
    close(loop->epoll);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static struct epoll_event event_of(const struct host_source *source,
                                   unsigned events)
{
    struct epoll_event event = {.data.ptr = (void *)(uintptr_t)source};

    if (events & HOST_READ)
        event.events |= EPOLLIN;
    if (events & HOST_WRITE)
        event.events |= EPOLLOUT;
    return event;
}

int host_loop_watch(struct host_loop *loop, int fd,
                    const struct host_source *source, unsigned events)
{
    struct epoll_event event = event_of(source, events);

    return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event);
}

void host_loop_change(struct host_loop *loop, int fd,
                      const struct host_source *source, unsigned events)
{
    struct epoll_event event = event_of(source, events);

    (void)epoll_ctl(loop->epoll, EPOLL_CTL_MOD, fd, &event);
}

void host_loop_forget(struct host_loop *loop, int fd)
{
    (void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, fd, NULL);
}

static void take_signals(struct host_loop *loop)
{
    struct signalfd_siginfo info;

    while (read(loop->signals, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
        if (info.ssi_signo == SIGCHLD)
            loop->children = true;
        else
            loop->stopped = (int)info.ssi_signo;
    }
}

/* Milliseconds, rounded up: a timer is never early. */
static int milliseconds(uint64_t ns)
{
    if (ns == UINT64_MAX)
        return -1;
    uint64_t ms = ns / 1000000 + (ns % 1000000 != 0);
    return ms > 60000 ? 60000 : (int)ms;
}

int host_loop_wait(struct host_loop *loop, uint64_t timeout_ns)
{
    struct epoll_event events[EVENTS_AT_ONCE];
    int count = epoll_wait(loop->epoll, events, EVENTS_AT_ONCE,
                           milliseconds(timeout_ns));

    if (count < 0)
        return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        const struct host_source *source = events[i].data.ptr;
        unsigned ready = 0;
        if (!source) {
            take_signals(loop);
            continue;
        }
        if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
            ready |= HOST_READ;
        if (events[i].events & (EPOLLOUT | EPOLLERR))
            ready |= HOST_WRITE;
        source->ready(source->self, ready);
    }
    return count;
}

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t host_mono_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t host_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

uint32_t host_incarnation(void)
{
    uint32_t number = 0;

    if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) {
        /* No entropy to be had: process and time still tell them apart. */
        uint64_t seed[2] = {(uint64_t)getpid(), host_mono_ns()};
        number = (uint32_t)engine_hash_bytes(seed, sizeof(seed)).lo;
    }
    return number ? number : 1;
}
