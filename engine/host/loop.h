/*
 * Waiting for the real world: descriptors that have something to say, signals
 * that want the process to end, and a deadline. One thread, one loop; who
 * registered a descriptor is called when it is ready and must not be freed
 * before host_loop_wait() has returned.
 *
 *     host_loop_open(&loop);
 *     host_loop_watch(&loop, fd, &source, HOST_READ);
 *     while (!host_loop_stopped(&loop))
 *         host_loop_wait(&loop, deadline - host_mono_ns());
 *     host_loop_close(&loop);
 */
#ifndef ENGINE_HOST_LOOP_H
#define ENGINE_HOST_LOOP_H

#include <stdbool.h>
#include <stdint.h>

enum {
    HOST_READ = 1,
    HOST_WRITE = 2
};

/* Who is called, and with what; events is HOST_READ, HOST_WRITE or both. A
 * descriptor that is gone is reported as both: reading or writing says how. */
struct host_source {
    void (*ready)(void *self, unsigned events);
    void *self;
};

struct host_loop {
    int epoll;
    int signals;   /* SIGTERM and SIGINT as a descriptor */
    int stopped;   /* the signal that asked for the end; 0: none yet */
    bool children; /* a child process has ended since this was last cleared */
};

/* Opens the loop and takes over SIGTERM, SIGINT and SIGCHLD, which then no
 * longer interrupt anything. 0, or -1 with errno. */
int host_loop_open(struct host_loop *loop);
/* Gives the signals back. */
void host_loop_close(struct host_loop *loop);

/* Watches a descriptor for events, from now on these only; source must stay
 * where it is. 0, or -1 with errno. */
int host_loop_watch(struct host_loop *loop, int fd,
                    const struct host_source *source, unsigned events);
void host_loop_change(struct host_loop *loop, int fd,
                      const struct host_source *source, unsigned events);
/* Before the descriptor is closed. */
void host_loop_forget(struct host_loop *loop, int fd);

/*
 * Waits at most timeout_ns (UINT64_MAX: for ever; 0: only looks) and calls
 * whoever is ready. Returns how many were, or -1 with errno.
 */
int host_loop_wait(struct host_loop *loop, uint64_t timeout_ns);

/* The time since some moment, never going back; and since 1970. */
uint64_t host_mono_ns(void);
uint64_t host_wall_ns(void);
/* A number that differs each time a process starts; never 0. */
uint32_t host_incarnation(void);

#endif
