#include <criterion/criterion.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "scenarios/nursery.h"

#ifndef PERDURE_NO_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

enum {
    BLOCKS = 2000,
    WORLDS = 40
};

/* Allocates, writes and frees as a world does; a sum of what it then reads. */
static unsigned churn(unsigned seed)
{
    unsigned char *blocks[BLOCKS] = {0};
    unsigned sum = 0;
    unsigned at = seed;

    for (unsigned i = 0; i < 4 * BLOCKS; i++) {
        unsigned char **block = &blocks[at % BLOCKS];
        size_t size = 16 + at % 3000;

        free(*block);
        *block = at & 1 ? malloc(size) : calloc(1, size);
        if (!*block)
            return 0;
        if (at & 1)
            memset(*block, (int)(at & 0xff), size);
        sum = sum * 31 + (*block)[size - 1];
        at = at * 1103515245 + 12345;
    }
    for (unsigned i = 0; i < BLOCKS; i++)
        free(blocks[i]);
    return sum;
}

/* What a child of this level computes; it tells by a pipe. */
static unsigned in_child(struct nursery *nursery, unsigned level, unsigned room,
                         unsigned seed)
{
    unsigned sum = 0;
    int ends[2];
    int status;
    pid_t pid;

    cr_assert_eq(pipe(ends), 0);
    nursery_ready(nursery);
    pid = fork();
    if (pid == 0) {
        nursery_enter(nursery, level, room);
        sum = churn(seed);
        _exit(write(ends[1], &sum, sizeof(sum)) != sizeof(sum));
    }
    close(ends[1]);
    cr_assert_eq(read(ends[0], &sum, sizeof(sum)), (ssize_t)sizeof(sum));
    close(ends[0]);
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
    return sum;
}

Test(scenarios_nursery, what_a_world_computes_is_the_same_without_one)
{
    struct nursery *nursery = nursery_open(2, 2);
    unsigned before = churn(1);

    nursery_enter(nursery, 0, 0);
    cr_expect_eq(churn(1), before);
    for (unsigned i = 0; i < WORLDS; i++)
        cr_assert_eq(in_child(nursery, 1, i % 2, i), in_child(NULL, 1, 0, i),
                     "world %u", i);
}

/* The pages of a room hold what the child before has left there. */
Test(scenarios_nursery, memory_asked_for_as_zeros_is_zeros_in_a_used_room)
{
    struct nursery *nursery = nursery_open(2, 1);

    for (unsigned round = 0; round < 3; round++) {
        int status;
        pid_t pid;

        nursery_ready(nursery);
        pid = fork();
        if (pid == 0) {
            unsigned char *bytes;

            nursery_enter(nursery, 1, 0);
            bytes = calloc(1, 1 << 20);
            for (size_t i = 0; bytes && i < 1 << 20; i++)
                if (bytes[i] != 0)
                    _exit(1);
            if (bytes)
                memset(bytes, 0xa5, 1 << 20);
            _exit(!bytes);
        }
        cr_assert_eq(waitpid(pid, &status, 0), pid);
        cr_assert_eq(status, 0, "round %u", round);
    }
}

/* More than a room holds: the rest lies elsewhere. */
Test(scenarios_nursery, a_world_larger_than_its_room_lives_on)
{
    struct nursery *nursery = nursery_open(3, 1);
    int status;
    pid_t pid;

    nursery_enter(nursery, 0, 0);
    nursery_ready(nursery);
    pid = fork();
    if (pid == 0) {
        unsigned missing = 0;

        nursery_enter(nursery, 2, 0);
        for (unsigned i = 0; i < 100; i++) {
            unsigned char *block = malloc(1 << 20);

            if (block)
                block[0] = block[(1 << 20) - 1] = 1;
            missing += !block;
        }
        _exit(missing != 0);
    }
    cr_assert_eq(waitpid(pid, &status, 0), pid);
    cr_assert_eq(status, 0);
}

#ifndef PERDURE_NO_JEMALLOC

static size_t allocated(void)
{
    uint64_t epoch = 1;
    size_t bytes = 0;
    size_t size = sizeof(bytes);

    (void)mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
    cr_assert_eq(mallctl("stats.allocated", &bytes, &size, NULL, 0), 0);
    return bytes;
}

/* What the children have had goes with them, and what is freed is free. */
Test(scenarios_nursery, worlds_leave_no_memory_behind_them)
{
    struct nursery *nursery = nursery_open(2, 1);
    size_t before;

    cr_assert_not_null(nursery);
    nursery_enter(nursery, 0, 0);
    churn(1);
    nursery_ready(nursery);
    before = allocated();
    for (unsigned i = 0; i < WORLDS; i++) {
        churn(i);
        in_child(nursery, 1, 0, i);
    }
    nursery_ready(nursery);
    cr_expect_eq(allocated(), before);
}

#endif
