#include "scenarios/pool.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    FINE,
    CRASH, /* the worker kills itself */
    LEAVE, /* it exits with 7 */
    HANG
};

struct item {
    uint64_t number;
    int what;
    bool fresh;
    bool known;
};

struct answer {
    uint64_t number;
    pid_t pid;
    uint64_t before; /* items that this process had worked on */
};

/* What came of a batch, in the order in which it was told. */
struct told {
    const struct item *items;
    uint64_t count;
    uint64_t done;
    uint64_t arrived;
    uint64_t stop_at; /* done() says stop there; UINT64_MAX: never */
    enum pool_end ends[256];
    int statuses[256];
    struct answer answers[256];
};

static uint64_t worked;

static size_t work(void *self, const void *bytes, void *result)
{
    const struct item *item = bytes;
    struct answer *answer = result;
    struct timespec nap = {.tv_nsec = (long)(item->number % 3) * 1000000};
    (void)self;
    nanosleep(&nap, NULL); /* so that they end in another order */
    if (item->what == CRASH)
        raise(SIGKILL);
    if (item->what == LEAVE)
        _exit(7);
    while (item->what == HANG)
        pause();
    *answer = (struct answer){item->number * 3, getpid(), worked++};
    return sizeof(*answer);
}

static enum pool_next next(void *self, uint64_t index, void *bytes,
                           void *result, size_t *size)
{
    const struct told *told = self;
    if (index == told->count)
        return POOL_NO_MORE;
    memcpy(bytes, &told->items[index], sizeof(struct item));
    if (!told->items[index].known)
        return told->items[index].fresh ? POOL_FRESH : POOL_WORK;
    *(struct answer *)result = (struct answer){.number = 3 * index};
    *size = sizeof(struct answer);
    return POOL_KNOWN;
}

static bool arrived(void *self, const struct pool_outcome *outcome)
{
    struct told *told = self;
    cr_expect_not(outcome->known);
    told->arrived++;
    return true;
}

static bool done(void *self, const struct pool_outcome *outcome)
{
    struct told *told = self;
    cr_assert_eq(outcome->index, told->done);
    cr_assert_lt(told->done, 256);
    told->ends[told->done] = outcome->end;
    told->statuses[told->done] = outcome->status;
    if (outcome->end == POOL_DONE)
        memcpy(&told->answers[told->done], outcome->result, outcome->size);
    told->done++;
    return told->done != told->stop_at;
}

static struct pool *open_pool(uint32_t jobs,
                              const volatile sig_atomic_t *interrupted)
{
    struct pool_config config = {
        .jobs = jobs,
        .item_size = sizeof(struct item),
        .result_max = sizeof(struct answer),
        .limit_ns = 300000000,
        .work = work,
        .interrupted = interrupted,
    };
    struct pool *pool = pool_new(&config);
    cr_assert_not_null(pool);
    return pool;
}

static int run(struct pool *pool, struct told *told)
{
    struct pool_batch batch = {next, arrived, done, NULL, told};
    return pool_run(pool, &batch);
}

static void fill(struct item *items, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        items[i] = (struct item){.number = i};
}

static int open_files(void)
{
    int count = 0;
    DIR *directory = opendir("/proc/self/fd");
    cr_assert_not_null(directory);
    while (readdir(directory))
        count++;
    closedir(directory);
    return count;
}

static void expect_no_children(void)
{
    cr_expect_eq(waitpid(-1, NULL, WNOHANG), -1);
}

Test(scenarios_pool, results_come_in_the_order_of_items)
{
    struct item items[200];
    int files = open_files();
    fill(items, 200);
    for (uint32_t jobs = 1; jobs <= 7; jobs += 3) {
        struct told told = {.items = items, .count = 200};
        struct pool *pool = open_pool(jobs, NULL);
        cr_expect_eq(run(pool, &told), 0);
        cr_expect_eq(told.done, 200);
        cr_expect_eq(told.arrived, 200);
        for (uint64_t i = 0; i < 200; i++)
            cr_expect_eq(told.answers[i].number, 3 * i);
        cr_expect_gt(pool_free(pool), 0);
        expect_no_children();
    }
    cr_expect_eq(open_files(), files);
}

Test(scenarios_pool, a_worker_that_is_lost_is_the_outcome_of_its_item_alone)
{
    struct item items[40];
    int files = open_files();
    fill(items, 40);
    items[3].what = CRASH;
    items[11].what = LEAVE;
    items[25].what = HANG;
    struct told told = {.items = items, .count = 40};
    struct pool *pool = open_pool(2, NULL);
    cr_expect_eq(run(pool, &told), 0);
    cr_expect_eq(told.done, 40);
    for (uint64_t i = 0; i < 40; i++) {
        enum pool_end wanted = i == 3    ? POOL_KILLED
                               : i == 11 ? POOL_EXITED
                               : i == 25 ? POOL_HUNG
                                         : POOL_DONE;
        cr_expect_eq(told.ends[i], wanted, "item %llu", (unsigned long long)i);
    }
    cr_expect_eq(told.statuses[3], SIGKILL);
    cr_expect_eq(told.statuses[11], 7);
    pool_free(pool);
    expect_no_children();
    cr_expect_eq(open_files(), files);
}

Test(scenarios_pool, a_fresh_item_gets_a_process_that_has_done_nothing)
{
    struct item items[30];
    fill(items, 30);
    for (int i = 0; i < 30; i += 7)
        items[i].fresh = true;
    struct told told = {.items = items, .count = 30};
    struct pool *pool = open_pool(1, NULL);
    cr_expect_eq(run(pool, &told), 0);
    for (uint64_t i = 0; i < 30; i++)
        cr_expect_eq(told.answers[i].before, i % 7);
    pool_free(pool);
}

Test(scenarios_pool, what_is_known_is_not_worked_for)
{
    struct item items[30];
    fill(items, 30);
    for (int i = 0; i < 30; i++)
        items[i].known = i % 2 == 0;
    struct told told = {.items = items, .count = 30};
    struct pool *pool = open_pool(2, NULL);
    cr_expect_eq(run(pool, &told), 0);
    cr_expect_eq(told.done, 30);
    cr_expect_eq(told.arrived, 15);
    pool_free(pool);
}

Test(scenarios_pool, it_works_off_one_batch_after_another)
{
    struct item items[10];
    fill(items, 10);
    struct pool *pool = open_pool(2, NULL);
    for (int i = 0; i < 3; i++) {
        struct told told = {.items = items, .count = 10};
        cr_expect_eq(run(pool, &told), 0);
        cr_expect_eq(told.done, 10);
    }
    struct told none = {.items = items};
    cr_expect_eq(run(pool, &none), 0);
    pool_free(pool);
}

Test(scenarios_pool, a_batch_that_is_stopped_leaves_no_process)
{
    struct item items[30];
    fill(items, 30);
    struct told told = {.items = items, .count = 30, .stop_at = 5};
    struct pool *pool = open_pool(3, NULL);
    cr_expect_eq(run(pool, &told), POOL_ESTOPPED);
    cr_expect_eq(told.done, 5);
    expect_no_children();
    pool_free(pool);
}

Test(scenarios_pool, an_interrupt_ends_all_at_once)
{
    static volatile sig_atomic_t interrupted = 1;
    struct item items[30];
    fill(items, 30);
    for (int i = 0; i < 30; i++)
        items[i].what = HANG;
    struct told told = {.items = items, .count = 30};
    struct pool *pool = open_pool(3, &interrupted);
    cr_expect_eq(run(pool, &told), POOL_EINTERRUPTED);
    cr_expect_eq(told.done, 0);
    expect_no_children();
    pool_free(pool);
}
