#include "sim/memory.h"

#include <criterion/criterion.h>
#include <string.h>

/* The suite holds with jemalloc and without (ALLOC=glibc, SAN=asan). */

Test(sim_memory, used_and_peak_count_what_was_asked_for)
{
    struct sim_memory memory;
    sim_memory_init(&memory, 0);
    void *a = engine_resize(&memory.port, NULL, 100);
    void *b = engine_resize(&memory.port, NULL, 50);
    cr_expect_eq(memory.used, 150);
    a = engine_resize(&memory.port, a, 300);
    cr_expect_eq(memory.used, 350);
    engine_delete(&memory.port, b);
    a = engine_resize(&memory.port, a, 10);
    cr_expect_eq(memory.used, 10);
    cr_expect_eq(memory.peak, 350);
    engine_delete(&memory.port, a);
    cr_expect_eq(memory.used, 0);
    sim_memory_deinit(&memory);
}

Test(sim_memory, growing_keeps_the_bytes)
{
    struct sim_memory memory;
    sim_memory_init(&memory, 0);
    unsigned char *a = engine_resize(&memory.port, NULL, 64);
    memset(a, 0xab, 64);
    a = engine_resize(&memory.port, a, 100000);
    for (int i = 0; i < 64; i++)
        cr_assert_eq(a[i], 0xab);
    cr_expect_eq((uintptr_t)a % 16, 0);
    sim_memory_deinit(&memory);
}

Test(sim_memory, the_limit_is_given_and_one_byte_more_is_not)
{
    struct sim_memory memory;
    sim_memory_init(&memory, 1000);
    unsigned char *a = engine_resize(&memory.port, NULL, 600);
    cr_assert(a);
    a[599] = 7;
    cr_expect_null(engine_resize(&memory.port, NULL, 401));
    cr_expect_null(engine_resize(&memory.port, a, 1001));
    cr_expect_null(engine_resize(&memory.port, a, SIZE_MAX));
    cr_expect_eq(a[599], 7, "a refusal leaves the block alone");
    cr_expect_eq(memory.used, 600);
    cr_expect(engine_resize(&memory.port, NULL, 400));
    cr_expect_eq(memory.used, 1000);
    cr_expect(engine_resize(&memory.port, a, 600));
    sim_memory_deinit(&memory);
}

Test(sim_memory, a_drop_frees_all_at_once_and_the_process_can_begin_again)
{
    struct sim_memory memory;
    sim_memory_init(&memory, 1 << 20);
    for (int life = 0; life < 50; life++) {
        void *blocks[64];
        for (int i = 0; i < 64; i++) {
            blocks[i] = engine_resize(&memory.port, NULL, 16000);
            cr_assert(blocks[i], "life %d", life);
        }
        /* From the middle, the front and the end of the list. */
        engine_delete(&memory.port, blocks[31]);
        engine_delete(&memory.port, blocks[63]);
        engine_delete(&memory.port, blocks[0]);
        blocks[5] = engine_resize(&memory.port, blocks[5], 20000);
        cr_assert(blocks[5]);
        sim_memory_drop(&memory);
        cr_expect_eq(memory.used, 0);
        cr_expect_eq(memory.peak, 0);
    }
    sim_memory_deinit(&memory);
}

Test(sim_memory, two_processes_do_not_free_each_other_s_memory)
{
    struct sim_memory one, other;
    sim_memory_init(&one, 0);
    sim_memory_init(&other, 0);
    unsigned char *kept = engine_resize(&one.port, NULL, 5000);
    memset(kept, 3, 5000);
    cr_assert(engine_resize(&other.port, NULL, 5000));
    sim_memory_drop(&other);
    unsigned char *fresh = engine_resize(&other.port, NULL, 5000);
    memset(fresh, 4, 5000);
    cr_expect_eq(kept[4999], 3);
    cr_expect_eq(one.used, 5000);
    sim_memory_deinit(&other);
    cr_expect_eq(kept[0], 3);
    sim_memory_deinit(&one);
}

Test(sim_memory, a_process_that_never_asked_can_be_dropped)
{
    struct sim_memory memory;
    sim_memory_init(&memory, 10);
    sim_memory_drop(&memory);
    cr_expect_null(engine_resize(&memory.port, NULL, 0));
    sim_memory_deinit(&memory);
    cr_expect_eq(memory.used, 0);
}
