#include "faults/points.h"

#include <criterion/criterion.h>
#include <string.h>

#include "sim/points.h"

Test(faults_points, every_point_of_the_world_can_do_something)
{
    for (uint32_t i = 0; i < SIM_POINT_COUNT; i++)
        cr_expect_neq(fault_point_actions(&sim_point_table[i]), 0, "%s",
                      sim_point_table[i].name);
}

Test(faults_points, a_point_of_unknown_kind_can_do_nothing)
{
    struct engine_point point = {"kitchen/sink", "before", "a leak"};
    cr_expect_eq(fault_point_actions(&point), 0);
}

Test(faults_points, the_longest_name_decides_what_a_disk_point_can_do)
{
    const struct engine_point *sync =
        &sim_point_table[SIM_POINT_DISK_SYNC_AFTER];
    const struct engine_point *write = &sim_point_table[SIM_POINT_DISK_WRITE];
    uint32_t full = FAULT_ACTION_BIT(ENGINE_ACT_FULL);
    cr_expect(fault_point_actions(write) & full);
    cr_expect_not(fault_point_actions(sync) & full);
}

Test(faults_points, only_process_clock_link_host_and_outage_are_timed)
{
    for (uint32_t i = 0; i < SIM_POINT_COUNT; i++)
        cr_expect_eq(fault_point_timed(&sim_point_table[i]),
                     i == SIM_POINT_PROCESS || i == SIM_POINT_CLOCK ||
                         i == SIM_POINT_NET_LINK ||
                         i == SIM_POINT_PLATFORM_HOST ||
                         i == SIM_POINT_PLATFORM_OUTAGE);
}

Test(faults_points, an_action_is_found_by_its_name)
{
    for (uint32_t i = 1; i < ENGINE_ACT_COUNT; i++)
        cr_expect_eq(fault_action_find(fault_action_name(i)), i);
    cr_expect_eq(fault_action_find("explode"), ENGINE_ACT_NONE);
}

Test(faults_points, the_room_of_a_point_is_the_start_of_its_name)
{
    struct fault_point_info info =
        fault_point_info(&sim_point_table[SIM_POINT_WORKER_CLAIM_BEFORE]);
    cr_expect_eq(info.room_length, (int)strlen("worker"));
    info = fault_point_info(&sim_point_table[SIM_POINT_CLOCK]);
    cr_expect_eq(info.room_length, (int)strlen("clock"));
    cr_expect_str_eq(info.phase, "timed");
}

Test(faults_points, a_set_of_actions_reads_as_a_list_and_never_overflows)
{
    uint32_t set = fault_point_actions(&sim_point_table[SIM_POINT_CLOCK]);
    char text[32], small[8];
    fault_actions_text(set, text, sizeof(text));
    cr_expect_str_eq(text, "step, drift, freeze");
    fault_actions_text(set, small, sizeof(small));
    cr_expect_str_eq(small, "step, d");
}

Test(faults_points, a_point_that_is_not_there_is_found_past_the_end)
{
    cr_expect_eq(fault_point_find(sim_point_table, SIM_POINT_COUNT, "clock"),
                 SIM_POINT_CLOCK);
    cr_expect_eq(fault_point_find(sim_point_table, SIM_POINT_COUNT, "cloc"),
                 SIM_POINT_COUNT);
}
