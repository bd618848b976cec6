#include "sim/platform/heap.h"

#include <criterion/criterion.h>

#include "engine/random.h"

enum {
    IDS = 300,
    STEPS = 20000
};

Test(sim_heap, equal_times_come_out_in_the_order_they_were_set)
{
    struct sim_heap heap = {0};
    cr_assert_eq(sim_heap_reserve(&heap, 40), 0);
    for (uint32_t i = 0; i < 40; i++) {
        sim_heap_set(&heap, 39 - i, 7);
    }
    for (uint32_t i = 0; i < 40; i++) {
        cr_assert_eq(sim_heap_next(&heap), 7);
        cr_assert_eq(sim_heap_pop(&heap), 39 - i);
    }
    cr_assert_eq(sim_heap_pop(&heap), SIM_HEAP_NONE);
    cr_assert_eq(sim_heap_next(&heap), SIM_HEAP_NEVER);
    sim_heap_deinit(&heap);
}

Test(sim_heap, never_takes_a_number_out)
{
    struct sim_heap heap = {0};
    cr_assert_eq(sim_heap_reserve(&heap, 2), 0);
    sim_heap_set(&heap, 1, 5);
    sim_heap_set(&heap, 1, SIM_HEAP_NEVER);
    cr_assert_eq(sim_heap_first(&heap), SIM_HEAP_NONE);
    cr_assert_eq(sim_heap_time(&heap, 1), SIM_HEAP_NEVER);
    sim_heap_deinit(&heap);
}

/* The first by a walk over all, for comparison. */
static uint32_t least(const uint64_t *times, const uint64_t *order)
{
    uint32_t found = SIM_HEAP_NONE;
    for (uint32_t i = 0; i < IDS; i++) {
        if (times[i] != SIM_HEAP_NEVER &&
            (found == SIM_HEAP_NONE || times[i] < times[found] ||
             (times[i] == times[found] && order[i] < order[found]))) {
            found = i;
        }
    }
    return found;
}

Test(sim_heap, any_sets_and_cuts_leave_the_first_first)
{
    struct sim_heap heap = {0};
    struct engine_stream stream;
    uint64_t times[IDS];
    uint64_t order[IDS] = {0};
    engine_stream_init(&stream, 11, "heap", 0);
    for (uint32_t i = 0; i < IDS; i++) {
        times[i] = SIM_HEAP_NEVER;
        cr_assert_eq(sim_heap_reserve(&heap, i + 1), 0);
    }
    for (uint64_t step = 0; step < STEPS; step++) {
        uint32_t id = (uint32_t)engine_draw_below(&stream, 3 * step, IDS);
        uint64_t what = engine_draw_below(&stream, 3 * step + 1, 8);
        if (what == 0) {
            sim_heap_cut(&heap, id);
            times[id] = SIM_HEAP_NEVER;
        } else if (what < 3) {
            id = least(times, order);
            cr_assert_eq(sim_heap_pop(&heap), id);
            if (id != SIM_HEAP_NONE) {
                times[id] = SIM_HEAP_NEVER;
            }
        } else {
            times[id] = engine_draw_below(&stream, 3 * step + 2, 50);
            order[id] = step;
            sim_heap_set(&heap, id, times[id]);
            cr_assert_eq(sim_heap_time(&heap, id), times[id]);
        }
        cr_assert_eq(sim_heap_first(&heap), least(times, order));
    }
    sim_heap_deinit(&heap);
}
