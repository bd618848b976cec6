#include "sim/platform/lambda_pool.h"

#include <criterion/criterion.h>

#include "engine/random.h"

#define SLOTS 300

static void take_all(struct sim_lambda_pool *pool)
{
    sim_lambda_pool_init(pool);
    for (uint32_t i = 0; i < SLOTS; i++) {
        cr_assert_eq(sim_lambda_pool_take(pool), i);
    }
}

static void expect_heap(const struct sim_lambda_pool *pool)
{
    for (uint32_t i = 0; i < pool->heap_count; i++) {
        uint32_t slot = pool->heap[i];
        cr_assert_eq(pool->slots[slot].heap_at, i);
        cr_assert(i == 0 || pool->slots[pool->heap[(i - 1) / 2]].until_ns <=
                                pool->slots[slot].until_ns);
    }
}

Test(sim_lambda_pool, the_heap_gives_the_least_whatever_is_cut_out)
{
    struct sim_lambda_pool pool;
    struct engine_stream stream;
    engine_stream_init(&stream, 5, "heap", 0);
    take_all(&pool);
    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t slot = (uint32_t)engine_draw_below(&stream, 2 * i, SLOTS);
        if (pool.slots[slot].heap_at == SIM_LAMBDA_NONE) {
            pool.slots[slot].until_ns =
                engine_draw_below(&stream, 2 * i + 1, 100);
            sim_lambda_heap_add(&pool, slot);
        } else {
            sim_lambda_heap_cut(&pool, slot);
        }
        expect_heap(&pool);
    }
    sim_lambda_pool_deinit(&pool);
}

Test(sim_lambda_pool, a_list_keeps_its_order_when_any_is_cut_out)
{
    struct sim_lambda_pool pool;
    struct sim_lambda_list list = {SIM_LAMBDA_NONE, SIM_LAMBDA_NONE};
    take_all(&pool);
    for (uint32_t i = 0; i < SLOTS; i++) {
        sim_lambda_list_add(&pool, &list, SIM_LAMBDA_OF_YOUNG, i);
    }
    for (uint32_t i = 0; i < SLOTS; i += 3) {
        sim_lambda_list_cut(&pool, &list, SIM_LAMBDA_OF_YOUNG, i);
    }
    sim_lambda_list_cut(&pool, &list, SIM_LAMBDA_OF_YOUNG, SLOTS - 1);
    uint32_t slot = list.first;
    for (uint32_t i = 0; i < SLOTS - 1; i++) {
        if (i % 3 != 0) {
            cr_assert_eq(slot, i);
            slot = pool.slots[slot].links[SIM_LAMBDA_OF_YOUNG].after;
        }
    }
    cr_assert_eq(slot, SIM_LAMBDA_NONE);
    cr_assert_eq(list.last, SLOTS - 2);
    sim_lambda_pool_deinit(&pool);
}

Test(sim_lambda_pool, memory_follows_the_peak_and_not_the_total)
{
    struct sim_lambda_pool pool;
    sim_lambda_pool_init(&pool);
    for (uint32_t i = 0; i < 100000; i++) {
        uint32_t a = sim_lambda_pool_take(&pool);
        uint32_t b = sim_lambda_pool_take(&pool);
        sim_lambda_pool_give(&pool, a);
        sim_lambda_pool_give(&pool, b);
    }
    cr_assert_eq(pool.used, 2);
    sim_lambda_pool_deinit(&pool);
}
