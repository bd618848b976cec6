#include "sim/machine.h"

#include <criterion/criterion.h>

#include "tests/support/sim_bed.h"

enum {
    NODE = 8,
    DONE_MAX = 64
};

/* A machine that wants `wants` things at each step and notes their order. */
struct rig {
    struct sim_bed *bed;
    struct sim_machine machine;
    uint32_t wants;
    uint64_t deadline_ns;
    uint32_t steps;
    uint64_t stepped_ns; /* mono, of the last step */
    uint32_t done[DONE_MAX];
    uint32_t done_count;
    uint32_t pause_after; /* this action, 0: none */
    bool fails;
};

static int step(void *self, const struct engine_input *input,
                struct engine_update *update)
{
    struct rig *rig = self;
    rig->steps++;
    rig->stepped_ns = input->mono_ns;
    if (rig->fails)
        return -1;
    for (uint32_t i = 1; i <= rig->wants; i++)
        engine_update_add(update, ENGINE_DO_SEND, &i, sizeof(i), NULL, 0);
    rig->wants = 0;
    if (input->mono_ns >= rig->deadline_ns)
        rig->deadline_ns = UINT64_MAX;
    return 0;
}

static uint64_t deadline(void *self)
{
    return ((struct rig *)self)->deadline_ns;
}

static bool carry_out(void *self, const struct engine_do *action)
{
    struct rig *rig = self;
    const uint32_t *number = engine_update_bytes(&rig->machine.update, action);
    cr_assert_lt(rig->done_count, DONE_MAX);
    rig->done[rig->done_count++] = *number;
    if (*number != rig->pause_after)
        return false;
    rig->pause_after = 0;
    sim_process_pause(rig->bed->world, NODE, 50 * SIM_BED_MS);
    return true;
}

static void timer(void *self, uint64_t arg)
{
    (void)arg;
    sim_machine_timer(&((struct rig *)self)->machine);
}

static void resumed(void *self)
{
    sim_machine_resume(&((struct rig *)self)->machine);
}

static const struct sim_actor_ops ops = {.timer = timer, .resume = resumed};

static void rig_open(struct rig *rig)
{
    struct sim_clock clock = sim_bed_clock();
    *rig = (struct rig){.deadline_ns = UINT64_MAX};
    rig->bed = sim_bed_new(1, NULL);
    sim_machine_init(&rig->machine, rig->bed->world, NODE);
    rig->machine.step = step;
    rig->machine.deadline = deadline;
    rig->machine.carry_out = carry_out;
    rig->machine.self = rig;
    sim_node_set(rig->bed->world, NODE, &ops, rig, &clock, UINT64_MAX);
    sim_process_start(rig->bed->world, NODE);
}

static void rig_close(struct rig *rig)
{
    sim_bed_free(rig->bed);
    sim_machine_deinit(&rig->machine);
}

static void input(struct rig *rig)
{
    struct engine_input in = {.kind = ENGINE_IN_TIME};
    sim_machine_input(&rig->machine, &in);
}

Test(sim_machine, actions_are_carried_out_once_and_in_order)
{
    struct rig rig;
    rig_open(&rig);
    rig.wants = 5;
    input(&rig);
    input(&rig);
    cr_assert_eq(rig.done_count, 5);
    for (uint32_t i = 0; i < 5; i++)
        cr_expect_eq(rig.done[i], i + 1);
    rig_close(&rig);
}

Test(sim_machine, a_pause_between_two_actions_loses_and_repeats_none)
{
    for (uint32_t after = 1; after <= 5; after++) {
        struct rig rig;
        rig_open(&rig);
        rig.wants = 5;
        rig.pause_after = after;
        input(&rig);
        cr_expect_eq(rig.done_count, after);
        sim_bed_run(rig.bed, 40 * SIM_BED_MS);
        cr_expect_eq(rig.done_count, after, "it stands still");
        sim_bed_run(rig.bed, 60 * SIM_BED_MS);
        cr_assert_eq(rig.done_count, 5);
        for (uint32_t i = 0; i < 5; i++)
            cr_expect_eq(rig.done[i], i + 1);
        cr_expect_eq(rig.steps, 2, "then it looks at the clock");
        rig_close(&rig);
    }
}

Test(sim_machine, a_deadline_wakes_it_once_when_its_clock_shows_it)
{
    struct rig rig;
    rig_open(&rig);
    rig.deadline_ns = SIM_BED_START_NS + 10 * SIM_BED_MS;
    input(&rig);
    input(&rig);
    sim_bed_run(rig.bed, 100 * SIM_BED_MS);
    cr_expect_eq(rig.steps, 3);
    cr_expect_eq(rig.stepped_ns, SIM_BED_START_NS + 10 * SIM_BED_MS);
    rig_close(&rig);
}

Test(sim_machine, a_deadline_put_off_is_kept_and_one_brought_forward_too)
{
    struct rig rig;
    rig_open(&rig);
    rig.deadline_ns = SIM_BED_START_NS + 10 * SIM_BED_MS;
    input(&rig);
    rig.deadline_ns = SIM_BED_START_NS + 30 * SIM_BED_MS;
    input(&rig);
    sim_bed_run(rig.bed, 29 * SIM_BED_MS);
    cr_expect_eq(rig.steps, 2);
    rig.deadline_ns = SIM_BED_START_NS + 35 * SIM_BED_MS;
    sim_bed_run(rig.bed, 34 * SIM_BED_MS);
    cr_expect_eq(rig.steps, 2);
    sim_bed_run(rig.bed, 100 * SIM_BED_MS);
    cr_expect_eq(rig.steps, 3);
    cr_expect_eq(rig.stepped_ns, SIM_BED_START_NS + 35 * SIM_BED_MS);
    rig_close(&rig);
}

Test(sim_machine, a_frozen_clock_puts_its_deadline_off_until_it_has_thawed)
{
    struct rig rig;
    struct engine_decision freeze = {ENGINE_ACT_FREEZE, 20 * SIM_BED_MS};
    rig_open(&rig);
    rig.deadline_ns = SIM_BED_START_NS + 10 * SIM_BED_MS;
    input(&rig);
    sim_world_act(rig.bed->world, NODE, &freeze);
    sim_bed_run(rig.bed, 19 * SIM_BED_MS);
    cr_expect_eq(rig.deadline_ns, SIM_BED_START_NS + 10 * SIM_BED_MS);
    sim_bed_run(rig.bed, 29 * SIM_BED_MS);
    cr_expect_neq(rig.deadline_ns, UINT64_MAX);
    sim_bed_run(rig.bed, 30 * SIM_BED_MS);
    cr_expect_eq(rig.deadline_ns, UINT64_MAX, "10 ms by its own clock");
    rig_close(&rig);
}

Test(sim_machine, a_machine_without_memory_left_dies)
{
    struct rig rig;
    rig_open(&rig);
    rig.fails = true;
    input(&rig);
    cr_expect_eq(sim_node(rig.bed->world, NODE)->state, SIM_PROCESS_DOWN);
    cr_expect_eq(sim_bed_record(rig.bed, ENGINE_REC_PROC_DOWN, 0)->detail,
                 ENGINE_ACT_OOM);
    rig_close(&rig);
}
