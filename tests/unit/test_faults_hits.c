#include "faults/hits.h"

#include <criterion/criterion.h>

Test(faults_hits, counters_of_lanes_points_and_actors_are_apart)
{
    struct fault_hits hits;
    cr_assert_eq(fault_hits_init(&hits), 0);
    cr_expect_eq(fault_hits_add(&hits, 1, 0, 0), 1);
    cr_expect_eq(fault_hits_add(&hits, 1, 0, 0), 2);
    cr_expect_eq(fault_hits_add(&hits, 2, 0, 0), 1);
    cr_expect_eq(fault_hits_add(&hits, 1, 1, 0), 1);
    cr_expect_eq(fault_hits_add(&hits, 1, 0, 1), 1);
    cr_expect_eq(fault_hits_get(&hits, 1, 0, 0), 2);
    cr_expect_eq(fault_hits_get(&hits, 3, 0, 0), 0);
    fault_hits_deinit(&hits);
}

Test(faults_hits, growing_keeps_every_count)
{
    struct fault_hits hits;
    cr_assert_eq(fault_hits_init(&hits), 0);
    uint32_t before = hits.size;
    for (uint32_t actor = 0; actor < 50000; actor++) {
        for (uint32_t i = 0; i <= actor % 3; i++)
            fault_hits_add(&hits, 1 + actor % 5, actor % 7, actor);
    }
    cr_expect_gt(hits.size, before);
    for (uint32_t actor = 0; actor < 50000; actor++)
        cr_assert_eq(fault_hits_get(&hits, 1 + actor % 5, actor % 7, actor),
                     actor % 3 + 1);
    fault_hits_deinit(&hits);
}

Test(faults_hits, a_count_that_is_set_goes_on_from_there)
{
    struct fault_hits hits;
    cr_assert_eq(fault_hits_init(&hits), 0);
    cr_expect_eq(fault_hits_set(&hits, 1, 2, 3, 41), 0);
    cr_expect_eq(fault_hits_add(&hits, 1, 2, 3), 42);
    cr_expect_eq(fault_hits_add(&hits, 1, 2, 4), 1);
    fault_hits_deinit(&hits);
}
