#include "sim/world.h"

#include <criterion/criterion.h>

#include "tests/support/sim_bed.h"

enum {
    A = 8,
    B = 9,
    STORY = 1024
};

static void expect_story(const struct sim_probe *probe, const char *wanted)
{
    char text[STORY];
    sim_probe_story(probe, text, sizeof(text));
    cr_expect_str_eq(text, wanted);
}

static uint64_t at(uint64_t ms)
{
    return SIM_BED_START_NS + ms * SIM_BED_MS;
}

/* Sends straight to the process, without a network. */
static void hand(struct sim_bed *bed, uint32_t to, uint64_t run, uint64_t ms)
{
    struct engine_message message = {
        .size = sizeof(message), .kind = ENGINE_MSG_HINT, .to = to, .run = run};
    sim_local_send(bed->world, &message, ms * SIM_BED_MS);
}

Test(sim_world, events_happen_by_time_and_equal_times_in_the_order_made)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    sim_process_start(bed->world, A);
    sim_timer_at(bed->world, A, at(5), 1);
    hand(bed, A, 2, 5);
    sim_timer_at(bed->world, A, at(3), 3);
    sim_timer_at(bed->world, A, at(5), 4);
    sim_bed_run(bed, 10 * SIM_BED_MS);
    expect_story(a, "start@0 timer(3)@3 timer(1)@5 msg(2)@5 timer(4)@5");
    sim_bed_free(bed);
}

Test(sim_world, an_event_in_the_past_happens_now)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    sim_process_start(bed->world, A);
    sim_timer_at(bed->world, A, at(5), 1);
    sim_bed_run(bed, 5 * SIM_BED_MS);
    sim_timer_at(bed->world, A, at(2), 2);
    sim_bed_run(bed, 10 * SIM_BED_MS);
    expect_story(a, "start@0 timer(1)@5 timer(2)@5");
    sim_bed_free(bed);
}

Test(sim_world, a_timer_of_a_dead_incarnation_never_comes)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, 2 * SIM_BED_MS);
    sim_process_start(bed->world, A);
    sim_timer_at(bed->world, A, at(8), 1);
    sim_process_crash(bed->world, A, ENGINE_ACT_CRASH);
    sim_bed_run(bed, 3 * SIM_BED_MS);
    sim_timer_at(bed->world, A, at(9), 2);
    sim_bed_run(bed, 20 * SIM_BED_MS);
    expect_story(a, "start@0 stop@0 start@2 timer(2)@9");
    cr_expect_eq(sim_node(bed->world, A)->incarnation, 2);
    sim_bed_free(bed);
}

Test(sim_world, a_message_to_a_dead_process_is_lost_and_one_after_it_is_not)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, 5 * SIM_BED_MS);
    sim_process_start(bed->world, A);
    sim_process_crash(bed->world, A, ENGINE_ACT_CRASH);
    hand(bed, A, 1, 4);
    hand(bed, A, 2, 6);
    sim_bed_run(bed, 20 * SIM_BED_MS);
    expect_story(a, "start@0 stop@0 start@5 msg(2)@6");
    sim_bed_free(bed);
}

Test(sim_world, a_planned_end_is_not_followed_by_a_restart)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, SIM_BED_MS);
    sim_process_start(bed->world, A);
    sim_process_crash(bed->world, A, 0);
    sim_bed_run(bed, 20 * SIM_BED_MS);
    expect_story(a, "start@0 stop@0");
    sim_bed_free(bed);
}

Test(sim_world, a_process_started_by_hand_is_not_started_again_by_its_restart)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, 5 * SIM_BED_MS);
    sim_process_start(bed->world, A);
    sim_process_start(bed->world, A);
    sim_process_crash(bed->world, A, ENGINE_ACT_CRASH);
    sim_process_start(bed->world, A);
    sim_process_crash(bed->world, A, 0);
    sim_process_crash(bed->world, A, ENGINE_ACT_CRASH);
    sim_bed_run(bed, 20 * SIM_BED_MS);
    expect_story(a, "start@0 stop@0 start@0 stop@0");
    cr_expect_eq(sim_bed_count(bed, ENGINE_REC_PROC_DOWN), 2);
    cr_expect_eq(sim_bed_count(bed, ENGINE_REC_PROC_UP), 2);
    sim_bed_free(bed);
}

Test(sim_world, what_reaches_a_paused_process_waits_and_comes_in_order)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    sim_process_start(bed->world, A);
    sim_process_pause(bed->world, A, 10 * SIM_BED_MS);
    hand(bed, A, 1, 3);
    sim_timer_at(bed->world, A, at(4), 2);
    hand(bed, A, 3, 5);
    hand(bed, A, 4, 12);
    sim_bed_run(bed, 20 * SIM_BED_MS);
    expect_story(a, "start@0 resume@10 msg(1)@10 timer(2)@10 msg(3)@10 "
                    "msg(4)@12");
    sim_bed_free(bed);
}

Test(sim_world, a_second_pause_while_paused_changes_nothing)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    sim_process_start(bed->world, A);
    sim_process_pause(bed->world, A, 10 * SIM_BED_MS);
    sim_process_pause(bed->world, A, 2 * SIM_BED_MS);
    sim_bed_run(bed, 30 * SIM_BED_MS);
    expect_story(a, "start@0 resume@10");
    cr_expect_eq(sim_bed_count(bed, ENGINE_REC_PROC_PAUSED), 1);
    sim_bed_free(bed);
}

Test(sim_world, the_end_of_an_old_pause_does_not_end_a_new_one)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, SIM_BED_MS);
    sim_process_start(bed->world, A);
    sim_process_pause(bed->world, A, 5 * SIM_BED_MS);
    sim_process_crash(bed->world, A, ENGINE_ACT_CRASH);
    sim_bed_run(bed, 2 * SIM_BED_MS);
    sim_process_pause(bed->world, A, 10 * SIM_BED_MS);
    sim_bed_run(bed, 30 * SIM_BED_MS);
    expect_story(a, "start@0 stop@0 start@1 resume@12");
    sim_bed_free(bed);
}

Test(sim_world, what_waited_for_a_paused_process_dies_with_it)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, SIM_BED_MS);
    sim_process_start(bed->world, A);
    sim_process_pause(bed->world, A, 10 * SIM_BED_MS);
    hand(bed, A, 1, 1);
    sim_timer_at(bed->world, A, at(1), 2);
    sim_bed_run(bed, 2 * SIM_BED_MS);
    sim_process_crash(bed->world, A, ENGINE_ACT_CRASH);
    sim_bed_run(bed, 30 * SIM_BED_MS);
    expect_story(a, "start@0 stop@2 start@3");
    sim_bed_free(bed);
}

Test(sim_world, a_frozen_process_stands_still_until_it_is_thawed)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    sim_process_start(bed->world, A);
    sim_process_thaw(bed->world, A);
    sim_process_freeze(bed->world, A);
    sim_process_freeze(bed->world, A);
    hand(bed, A, 1, 3);
    sim_timer_at(bed->world, A, at(4), 2);
    sim_bed_run(bed, 3600 * 1000 * SIM_BED_MS);
    expect_story(a, "start@0");
    sim_process_thaw(bed->world, A);
    hand(bed, A, 3, 0);
    sim_bed_run(bed, 3600 * 1000 * SIM_BED_MS + SIM_BED_MS);
    expect_story(a, "start@0 resume@3600000 msg(1)@3600000 timer(2)@3600000 "
                    "msg(3)@3600000");
    cr_expect_eq(sim_bed_count(bed, ENGINE_REC_PROC_PAUSED), 0);
    cr_expect_eq(sim_bed_count(bed, ENGINE_REC_PROC_RESUMED), 0);
    sim_bed_free(bed);
}

/* Frozen and paused from 1 ms on; thawed at thaw_ms, paused for pause_ms. */
static void expect_on(uint64_t pause_ms, uint64_t thaw_ms, const char *story)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    sim_process_start(bed->world, A);
    sim_process_freeze(bed->world, A);
    sim_bed_run(bed, SIM_BED_MS);
    sim_process_pause(bed->world, A, pause_ms * SIM_BED_MS);
    sim_bed_run(bed, thaw_ms * SIM_BED_MS);
    sim_process_thaw(bed->world, A);
    sim_bed_run(bed, 100 * SIM_BED_MS);
    expect_story(a, story);
    cr_expect_eq(sim_bed_count(bed, ENGINE_REC_PROC_PAUSED), 1);
    cr_expect_eq(sim_bed_count(bed, ENGINE_REC_PROC_RESUMED), 1);
    sim_bed_free(bed);
}

Test(sim_world, a_frozen_process_that_is_paused_goes_on_when_both_are_over)
{
    expect_on(9, 20, "start@0 resume@20");
    expect_on(29, 20, "start@0 resume@30");
}

Test(sim_world, a_frozen_process_that_crashes_comes_back_unfrozen)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, SIM_BED_MS);
    sim_process_start(bed->world, A);
    sim_process_freeze(bed->world, A);
    hand(bed, A, 1, 1);
    sim_bed_run(bed, 2 * SIM_BED_MS);
    sim_process_crash(bed->world, A, ENGINE_ACT_CRASH);
    hand(bed, A, 2, 3);
    sim_bed_run(bed, 30 * SIM_BED_MS);
    expect_story(a, "start@0 stop@2 start@3 msg(2)@5");
    sim_bed_free(bed);
}

Test(sim_world, a_message_put_back_comes_first_of_all_that_waits)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    a->pause_at_run = 1;
    a->pause_ns = 10 * SIM_BED_MS;
    sim_process_start(bed->world, A);
    hand(bed, A, 1, 1);
    hand(bed, A, 2, 2);
    sim_bed_run(bed, 30 * SIM_BED_MS);
    expect_story(a, "start@0 msg(1)@1 resume@11 msg(1)@11 msg(2)@11");
    sim_bed_free(bed);
}

Test(sim_world, a_pause_in_the_midst_of_what_waited_keeps_the_rest_in_order)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    sim_process_start(bed->world, A);
    sim_process_pause(bed->world, A, 10 * SIM_BED_MS);
    a->pause_at_run = 2;
    a->pause_ns = 10 * SIM_BED_MS;
    for (uint64_t run = 1; run <= 4; run++)
        hand(bed, A, run, run);
    sim_bed_run(bed, 40 * SIM_BED_MS);
    expect_story(a, "start@0 resume@10 msg(1)@10 msg(2)@10 resume@20 msg(2)@20 "
                    "msg(3)@20 msg(4)@20");
    sim_bed_free(bed);
}

Test(sim_world, a_crash_gives_back_the_memory_and_says_how_much_it_was)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    sim_bed_probe(bed, A, SIM_BED_MS);
    sim_process_start(bed->world, A);
    struct sim_memory *memory = &sim_node(bed->world, A)->memory;
    cr_assert(engine_new(&memory->port, 5000));
    sim_process_crash(bed->world, A, ENGINE_ACT_OOM);
    const struct engine_record *down =
        sim_bed_record(bed, ENGINE_REC_PROC_DOWN, 0);
    cr_expect_eq(down->detail, ENGINE_ACT_OOM);
    cr_expect_eq(down->a, 5000);
    cr_expect_eq(memory->used, 0);
    sim_bed_free(bed);
}

Test(sim_world, a_cut_node_neither_sends_nor_receives_until_the_cut_ends)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    struct sim_probe *b = sim_bed_probe(bed, B, UINT64_MAX);
    struct engine_decision cut = {ENGINE_ACT_CUT, 10 * SIM_BED_MS};
    sim_process_start(bed->world, A);
    sim_process_start(bed->world, B);
    cr_expect_not(sim_world_act(bed->world, A, &cut));
    sim_bed_send(bed, A, B, 1);
    sim_bed_send(bed, B, A, 2);
    sim_timer_at(bed->world, A, at(10), 9);
    sim_bed_run(bed, 10 * SIM_BED_MS);
    sim_bed_send(bed, A, B, 3);
    sim_bed_send(bed, B, A, 4);
    sim_bed_run(bed, 20 * SIM_BED_MS);
    expect_story(a, "start@0 timer(9)@10 msg(4)@11");
    expect_story(b, "start@0 msg(3)@11");
    sim_bed_free(bed);
}

Test(sim_world, a_slow_node_sends_late_for_a_minute)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *b = sim_bed_probe(bed, B, UINT64_MAX);
    struct engine_decision slow = {ENGINE_ACT_DELAY, 7 * SIM_BED_MS};
    sim_bed_probe(bed, A, UINT64_MAX);
    sim_process_start(bed->world, A);
    sim_process_start(bed->world, B);
    cr_expect_not(sim_world_act(bed->world, A, &slow));
    sim_bed_send(bed, A, B, 1);
    sim_timer_at(bed->world, A, at(60000), 0);
    sim_bed_run(bed, 60000 * SIM_BED_MS);
    sim_bed_send(bed, A, B, 2);
    sim_bed_run(bed, 60010 * SIM_BED_MS);
    expect_story(b, "start@0 msg(1)@8 msg(2)@60001");
    sim_bed_free(bed);
}

Test(sim_world, a_process_that_is_killed_at_its_boundary_is_told_not_to_go_on)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    sim_bed_probe(bed, A, UINT64_MAX);
    sim_process_start(bed->world, A);
    sim_bed_arm(bed, SIM_POINT_COORD_START, 1, 1, ENGINE_ACT_CRASH, 0);
    cr_expect_not(sim_boundary(bed->world, SIM_POINT_COORD_START, A, 3, 4, 5));
    cr_expect_eq(bed->asked.node, A);
    cr_expect_eq(bed->asked.run, 3);
    cr_expect_eq(bed->asked.op, 4);
    cr_expect_eq(bed->asked.attempt, 5);
    cr_expect(sim_boundary(bed->world, SIM_POINT_COORD_START, A, 3, 4, 5));
    cr_expect_not(sim_node_up(bed->world, A));
    sim_bed_free(bed);
}

Test(sim_world, a_frozen_clock_holds_its_timers_and_resumes_the_process)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    struct engine_decision freeze = {ENGINE_ACT_FREEZE, 10 * SIM_BED_MS};
    sim_process_start(bed->world, A);
    cr_expect_not(sim_world_act(bed->world, A, &freeze));
    sim_bed_run(bed, 4 * SIM_BED_MS);
    sim_timer_mono(bed->world, A, SIM_BED_START_NS + SIM_BED_MS, 1);
    cr_expect_eq(sim_node_mono(bed->world, A), SIM_BED_START_NS);
    sim_bed_run(bed, 30 * SIM_BED_MS);
    expect_story(a, "start@0 resume@10");
    sim_timer_at(bed->world, A, at(31), 2);
    sim_bed_run(bed, 31 * SIM_BED_MS);
    cr_expect_eq(sim_node_mono(bed->world, A),
                 SIM_BED_START_NS + 21 * SIM_BED_MS);
    cr_expect_eq(sim_node_wall(bed->world, A), at(31));
    sim_bed_free(bed);
}

Test(sim_world, a_clock_that_changes_its_rate_lets_the_process_set_timers_anew)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    struct engine_decision drift = {ENGINE_ACT_DRIFT, 100000000};
    sim_process_start(bed->world, A);
    cr_expect_not(sim_world_act(bed->world, A, &drift));
    cr_expect_eq(sim_probe_count(a, SEEN_RESUME), 0, "in the midst of a step");
    sim_bed_run(bed, 0);
    expect_story(a, "start@0 resume@0");
    sim_timer_mono(bed->world, A, SIM_BED_START_NS + 11 * SIM_BED_MS, 1);
    sim_bed_run(bed, 20 * SIM_BED_MS);
    expect_story(a, "start@0 resume@0 timer(1)@10");
    sim_bed_free(bed);
}

Test(sim_world, a_step_of_the_wall_clock_moves_no_timer_and_is_recorded)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    struct engine_decision step = {ENGINE_ACT_STEP, -3 * (int64_t)SIM_BED_MS};
    sim_process_start(bed->world, A);
    sim_timer_mono(bed->world, A, at(5), 1);
    cr_expect_not(sim_world_act(bed->world, A, &step));
    sim_bed_run(bed, 20 * SIM_BED_MS);
    expect_story(a, "start@0 timer(1)@5");
    cr_expect_eq((int64_t)sim_bed_record(bed, ENGINE_REC_CLOCK_SET, 0)->a,
                 -3 * (int64_t)SIM_BED_MS);
    sim_bed_free(bed);
}

Test(sim_world, a_record_carries_true_time_and_both_clocks_of_its_node)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_clock clock;
    struct engine_record record = {.kind = ENGINE_REC_GAUGE, .node = A};
    sim_bed_probe(bed, A, UINT64_MAX);
    sim_clock_init(&clock, SIM_BED_START_NS, 77, -5, 0);
    sim_node(bed->world, A)->clock = clock;
    sim_timer_at(bed->world, A, at(2), 0);
    sim_bed_run(bed, 2 * SIM_BED_MS);
    sim_record(bed->world, &record);
    const struct engine_record *got = sim_bed_record(bed, ENGINE_REC_GAUGE, 0);
    cr_expect_eq(got->time_ns, at(2));
    cr_expect_eq(got->wall_ns, at(2) - 5);
    cr_expect_eq(got->mono_ns, 77 + 2 * SIM_BED_MS);
    sim_bed_free(bed);
}

Test(sim_world, a_world_freed_with_messages_everywhere_leaks_none)
{
    struct sim_bed *bed = sim_bed_new(1, NULL);
    struct sim_probe *a = sim_bed_probe(bed, A, UINT64_MAX);
    sim_bed_probe(bed, B, UINT64_MAX);
    a->pause_at_run = 1;
    a->pause_ns = UINT64_C(1) << 40;
    sim_process_start(bed->world, A);
    for (uint64_t run = 1; run <= 20; run++) {
        hand(bed, A, run, run);
        hand(bed, B, run, run);
    }
    sim_bed_run(bed, 10 * SIM_BED_MS);
    cr_expect_eq(sim_probe_count(a, SEEN_MESSAGE), 1);
    sim_bed_free(bed); /* a leak fails under SAN=asan */
}
