#include "sim/platform/sharing.h"

#include <criterion/criterion.h>

#include "engine/random.h"
#include "sim/draw.h"

#define SECOND UINT64_C(1000000000)

static struct sim_sharing made(uint32_t processors, uint32_t ids)
{
    struct sim_sharing sharing;
    sim_sharing_init(&sharing, processors);
    cr_assert_eq(sim_sharing_reserve(&sharing, ids), 0);
    return sharing;
}

Test(sim_sharing, tasks_on_processors_of_their_own_take_their_time)
{
    struct sim_sharing sharing = made(2000, 2);
    sim_sharing_add(&sharing, 5, 0, 10 * SECOND, 1000);
    sim_sharing_add(&sharing, 5, 1, 7 * SECOND, 1000);
    cr_assert_eq(sim_sharing_next_ns(&sharing), 5 + 7 * SECOND);
    cr_assert_eq(sim_sharing_left_ns(&sharing, 5, 0), 10 * SECOND);
    cr_assert_eq(sim_sharing_ended(&sharing, 5 + 7 * SECOND), 1);
    sim_sharing_deinit(&sharing);
}

Test(sim_sharing, four_tasks_on_two_processors_take_twice_as_long)
{
    struct sim_sharing sharing = made(2000, 4);
    for (uint32_t i = 0; i < 4; i++) {
        sim_sharing_add(&sharing, 0, i, SECOND, 1000);
    }
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(sim_sharing_left_ns(&sharing, 0, i), 2 * SECOND);
        cr_assert_eq(sim_sharing_next_ns(&sharing), 2 * SECOND);
        cr_assert_eq(sim_sharing_ended(&sharing, 2 * SECOND), i);
        sim_sharing_cut(&sharing, 2 * SECOND, i);
    }
    cr_assert_eq(sim_sharing_next_ns(&sharing), SIM_SHARING_NEVER);
    sim_sharing_deinit(&sharing);
}

Test(sim_sharing, who_stays_is_faster_when_somebody_leaves)
{
    struct sim_sharing sharing = made(1000, 2);
    sim_sharing_add(&sharing, 0, 0, 10 * SECOND, 1000);
    sim_sharing_add(&sharing, 0, 1, 10 * SECOND, 1000);
    sim_sharing_cut(&sharing, 10 * SECOND, 1); /* 5 of 10 s are done */
    cr_assert_eq(sim_sharing_left_ns(&sharing, 10 * SECOND, 0), 5 * SECOND);
    sim_sharing_deinit(&sharing);
}

Test(sim_sharing, weights_share_in_proportion)
{
    struct sim_sharing sharing = made(3000, 2);
    sim_sharing_add(&sharing, 0, 0, SECOND, 4000);
    sim_sharing_add(&sharing, 0, 1, SECOND, 2000);
    cr_assert_eq(sim_sharing_left_ns(&sharing, 0, 0), 2 * SECOND);
    cr_assert_eq(sim_sharing_left_ns(&sharing, 0, 1), 2 * SECOND);
    sim_sharing_deinit(&sharing);
}

Test(sim_sharing, a_million_changes_of_speed_do_not_move_an_end)
{
    struct sim_sharing sharing = made(1000, 2);
    const uint64_t work_ns = 4000 * SECOND;
    const uint64_t odd_ns = 1000003; /* shared by two, by one, by two, ... */
    uint64_t now_ns = 0;
    uint64_t done_2 = 0; /* twice what has been done */
    sim_sharing_add(&sharing, 0, 0, work_ns, 1000);
    for (uint32_t i = 0; i < 1000000; i++) {
        sim_sharing_add(&sharing, now_ns, 1, SECOND, 1000);
        now_ns += odd_ns;
        done_2 += odd_ns;
        sim_sharing_cut(&sharing, now_ns, 1);
        now_ns += odd_ns;
        done_2 += 2 * odd_ns;
    }
    uint64_t left_ns = sim_sharing_left_ns(&sharing, now_ns, 0);
    uint64_t exact_ns = work_ns - done_2 / 2;
    cr_assert(left_ns >= exact_ns && left_ns <= exact_ns + 1, "%lu %lu",
              (unsigned long)left_ns, (unsigned long)exact_ns);
    sim_sharing_deinit(&sharing);
}

Test(sim_sharing, long_work_is_stretched_without_overflow)
{
    struct sim_sharing sharing = made(1000, 1);
    cr_assert_eq(sim_sharing_stretch(&sharing, UINT64_C(1) << 40, 1000),
                 UINT64_C(1) << 40);
    cr_assert_eq(sim_sharing_stretch(&sharing, UINT64_C(1) << 40, 3000),
                 UINT64_C(3) << 40);
    cr_assert_eq(sim_sharing_stretch(&sharing, UINT64_C(1) << 58, 1 << 30),
                 UINT64_C(1) << 62);
    sim_sharing_deinit(&sharing);
}

/* Mean time in an M/M/1 queue with processor sharing: S / (1 - rho). */
Test(sim_sharing, the_mean_time_is_that_of_an_m_m_1_ps_queue)
{
    enum {
        ARRIVALS = 400000,
        IDS = 4096
    };
    static uint64_t since[IDS];
    struct sim_sharing sharing = made(1000, IDS);
    struct sim_dist gap, work;
    struct engine_stream stream;
    uint64_t now_ns = 0, arrive_ns = 0, total_us = 0;
    uint32_t arrived = 0, ended = 0;
    sim_dist_exponential(&gap, SECOND * 10 / 7); /* rho = 0.7 */
    sim_dist_exponential(&work, SECOND);
    engine_stream_init(&stream, 5, "ps", 0);
    while (ended < ARRIVALS) {
        uint64_t end_ns = sim_sharing_next_ns(&sharing);
        if (arrived < ARRIVALS && arrive_ns <= end_ns) {
            uint32_t id = arrived % IDS;
            now_ns = arrive_ns;
            since[id] = now_ns;
            sim_sharing_add(&sharing, now_ns, id,
                            sim_dist_draw(&work, &stream, 2 * arrived), 1000);
            arrive_ns += sim_dist_draw(&gap, &stream, 2 * arrived + 1);
            arrived++;
        } else {
            now_ns = end_ns;
            uint32_t id = sim_sharing_ended(&sharing, now_ns);
            cr_assert_neq(id, SIM_HEAP_NONE);
            sim_sharing_cut(&sharing, now_ns, id);
            total_us += (now_ns - since[id]) / 1000;
            ended++;
        }
    }
    double mean = (double)total_us / ARRIVALS / 1e6;
    double expected = 1 / (1 - 0.7);
    cr_assert(mean > expected * 0.98 && mean < expected * 1.02, "%f", mean);
    sim_sharing_deinit(&sharing);
}
