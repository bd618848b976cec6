/*
 * The loop on descriptors of the test's own: who is ready is called, signals
 * and ended children are noticed, and nothing else interrupts.
 */
#include <criterion/criterion.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "engine/host/loop.h"

struct heard {
    unsigned events;
    int calls;
};

static void hear(void *self, unsigned events)
{
    struct heard *heard = self;

    heard->events = events;
    heard->calls++;
}

Test(host_loop, who_is_ready_is_called_with_what_it_is_ready_for)
{
    struct host_loop loop;
    struct heard heard = {0};
    const struct host_source source = {hear, &heard};
    int ends[2];

    cr_assert_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    cr_assert_eq(host_loop_open(&loop), 0);
    cr_assert_eq(host_loop_watch(&loop, ends[0], &source, HOST_READ), 0);
    cr_expect_eq(host_loop_wait(&loop, 0), 0, "nothing is there");
    cr_assert_eq(write(ends[1], "x", 1), 1);
    cr_expect_eq(host_loop_wait(&loop, UINT64_MAX), 1);
    cr_expect_eq(heard.events, HOST_READ);
    host_loop_change(&loop, ends[0], &source, HOST_WRITE);
    cr_expect_eq(host_loop_wait(&loop, UINT64_MAX), 1);
    cr_expect_eq(heard.events, HOST_WRITE);
    host_loop_forget(&loop, ends[0]);
    cr_expect_eq(host_loop_wait(&loop, 0), 0);
    cr_expect_eq(heard.calls, 2);
    host_loop_close(&loop);
    close(ends[0]);
    close(ends[1]);
}

Test(host_loop, an_end_that_has_gone_is_ready)
{
    struct host_loop loop;
    struct heard heard = {0};
    const struct host_source source = {hear, &heard};
    int ends[2];

    cr_assert_eq(pipe(ends), 0);
    cr_assert_eq(host_loop_open(&loop), 0);
    cr_assert_eq(host_loop_watch(&loop, ends[0], &source, HOST_READ), 0);
    close(ends[1]);
    cr_expect_eq(host_loop_wait(&loop, UINT64_MAX), 1);
    cr_expect(heard.events & HOST_READ);
    host_loop_close(&loop);
    close(ends[0]);
}

Test(host_loop, a_signal_asks_for_the_end_and_ends_nothing_itself)
{
    static const int numbers[] = {SIGTERM, SIGINT};

    for (int i = 0; i < 2; i++) {
        struct host_loop loop;
        cr_assert_eq(host_loop_open(&loop), 0);
        cr_expect_eq(loop.stopped, 0);
        cr_assert_eq(kill(getpid(), numbers[i]), 0);
        while (!loop.stopped)
            cr_assert_geq(host_loop_wait(&loop, UINT64_MAX), 0);
        cr_expect_eq(loop.stopped, numbers[i]);
        host_loop_close(&loop);
    }
}

Test(host_loop, the_end_of_a_child_is_noticed)
{
    struct host_loop loop;

    cr_assert_eq(host_loop_open(&loop), 0);
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    cr_assert_gt(child, 0);
    while (!loop.children)
        cr_assert_geq(host_loop_wait(&loop, UINT64_MAX), 0);
    cr_expect_eq(loop.stopped, 0);
    cr_expect_eq(waitpid(child, NULL, 0), child);
    host_loop_close(&loop);
}

Test(host_loop, a_descriptor_that_is_none_is_refused)
{
    struct host_loop loop;
    const struct host_source source = {hear, NULL};

    cr_assert_eq(host_loop_open(&loop), 0);
    cr_expect_eq(host_loop_watch(&loop, 1000000, &source, HOST_READ), -1);
    host_loop_close(&loop);
}

Test(host_loop, an_incarnation_is_never_nothing)
{
    for (int i = 0; i < 100; i++)
        cr_assert_neq(host_incarnation(), 0);
}
