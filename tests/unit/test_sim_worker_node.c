#include "sim/worker_node.h"

#include <criterion/criterion.h>

#include "tests/support/sim_workers.h"

static size_t count(struct sim_workers *rig, enum engine_record_kind kind)
{
    return sim_bed_count(rig->bed, kind);
}

/* One attempt under a fault at one of the worker's points. */
static struct sim_workers *attempt(bool keyed, enum sim_point point,
                                   enum engine_action action)
{
    struct sim_workers *rig = sim_workers_new(1, 2, 0);
    rig->step.effect = true;
    rig->step.keyed = keyed;
    sim_bed_arm(rig->bed, point, 0, 1, action, 200 * SIM_BED_MS);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 3000 * SIM_BED_MS);
    return rig;
}

static const enum sim_point boundaries[] = {
    SIM_POINT_WORKER_CLAIM_BEFORE,  SIM_POINT_WORKER_CLAIM_AFTER,
    SIM_POINT_WORKER_EFFECT_BEFORE, SIM_POINT_WORKER_EFFECT_AFTER,
    SIM_POINT_WORKER_REPORT_BEFORE, SIM_POINT_WORKER_REPORT_AFTER,
};

enum {
    BOUNDARIES = sizeof(boundaries) / sizeof(*boundaries)
};

Test(sim_worker_node, a_pause_at_any_boundary_only_delays_the_attempt)
{
    for (int i = 0; i < 2 * BOUNDARIES; i++) {
        struct sim_workers *rig =
            attempt(i % 2, boundaries[i / 2], ENGINE_ACT_PAUSE);
        cr_expect_eq(count(rig, ENGINE_REC_PROC_PAUSED), 1, "%d", i / 2);
        cr_expect_eq(rig->claims, 1);
        cr_expect_eq(count(rig, ENGINE_REC_EFFECT_SENT), 1, "%d", i / 2);
        cr_expect_eq(count(rig, ENGINE_REC_EFFECT_APPLIED), 1);
        cr_expect_eq(rig->reports, 1, "boundary %d", i / 2);
        cr_expect_eq(sim_workers_busy(rig, 0), 0);
        sim_workers_free(rig);
    }
}

/* What has happened when the process dies there, and nothing more. */
Test(sim_worker_node, a_crash_at_a_boundary_ends_the_attempt_right_there)
{
    static const struct {
        uint32_t claims, effects, reports;
    } left[BOUNDARIES] = {{0, 0, 0}, {1, 0, 0}, {1, 0, 0},
                          {1, 1, 0}, {1, 1, 0}, {1, 1, 1}};
    for (int i = 0; i < BOUNDARIES; i++) {
        struct sim_workers *rig =
            attempt(true, boundaries[i], ENGINE_ACT_CRASH);
        cr_expect_eq(count(rig, ENGINE_REC_PROC_DOWN), 1);
        cr_expect_eq(rig->claims, left[i].claims, "boundary %d", i);
        cr_expect_eq(count(rig, ENGINE_REC_EFFECT_APPLIED), left[i].effects,
                     "boundary %d", i);
        cr_expect_eq(rig->reports, left[i].reports, "boundary %d", i);
        sim_workers_free(rig);
    }
}

Test(sim_worker_node, a_lost_answer_makes_a_step_with_a_key_ask_again)
{
    struct sim_workers *rig = sim_workers_new(1, 1, 0);
    rig->step.effect = true;
    rig->step.keyed = true;
    /* The fifth message over the net is the receiver's answer: dispatch,
     * accepted, effect, answer; requests and replies have other points. */
    sim_bed_arm(rig->bed, SIM_POINT_NET_SEND, 3, 1, ENGINE_ACT_LOSE, 0);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 3000 * SIM_BED_MS);
    cr_expect_eq(count(rig, ENGINE_REC_EFFECT_SENT), 2);
    cr_expect_eq(count(rig, ENGINE_REC_EFFECT_APPLIED), 1);
    cr_expect_eq(count(rig, ENGINE_REC_EFFECT_REPEAT), 1);
    cr_expect_eq(rig->reports, 1);
    sim_workers_free(rig);
}

Test(sim_worker_node, a_lost_answer_makes_a_step_without_a_key_run_out_of_time)
{
    struct sim_workers *rig = sim_workers_new(1, 1, 0);
    rig->step.effect = true;
    sim_bed_arm(rig->bed, SIM_POINT_NET_SEND, 3, 1, ENGINE_ACT_LOSE, 0);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 40000 * SIM_BED_MS);
    cr_expect_eq(count(rig, ENGINE_REC_EFFECT_SENT), 1);
    cr_expect_eq(count(rig, ENGINE_REC_EFFECT_APPLIED), 1);
    cr_expect_eq(rig->reports, 1, "a report of the time-out");
    sim_workers_free(rig);
}

Test(sim_worker_node, a_reply_to_a_dead_incarnation_is_not_taken_by_the_next)
{
    struct sim_workers *rig = sim_workers_new(1, 1, 0);
    struct engine_decision slow = {ENGINE_ACT_DELAY, 300 * SIM_BED_MS};
    (void)sim_world_act(rig->bed->world, SIM_NODE_STORE, &slow);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 10 * SIM_BED_MS);
    sim_process_crash(rig->bed->world, SIM_NODE_WORKER, ENGINE_ACT_CRASH);
    sim_bed_run(rig->bed, 150 * SIM_BED_MS);
    sim_workers_dispatch(rig, 2);
    sim_bed_run(rig->bed, 400 * SIM_BED_MS);
    /* The grant of run 1 came at 303; the one of run 2 comes at 453. */
    cr_expect_eq(count(rig, ENGINE_REC_ATTEMPT_BEGIN), 0);
    sim_bed_run(rig->bed, 2000 * SIM_BED_MS);
    cr_expect_eq(count(rig, ENGINE_REC_ATTEMPT_BEGIN), 1);
    cr_expect_eq(sim_bed_record(rig->bed, ENGINE_REC_ATTEMPT_BEGIN, 0)->run, 2);
    sim_workers_free(rig);
}

Test(sim_worker_node, an_attempt_fails_as_often_as_its_model_says)
{
    struct sim_workers *rig = sim_workers_new(4, 4, 0);
    rig->step.fail_ppb = 500000000;
    for (uint64_t run = 1; run <= 100; run++)
        sim_workers_dispatch(rig, run);
    sim_bed_run(rig->bed, 3000 * SIM_BED_MS);
    const struct engine_record *end;
    uint32_t failed = 0;
    for (size_t i = 0;
         (end = sim_bed_record(rig->bed, ENGINE_REC_ATTEMPT_END, i)); i++)
        failed += end->detail == ENGINE_ERR_USER;
    cr_expect_eq(count(rig, ENGINE_REC_ATTEMPT_END), 100);
    cr_expect_gt(failed, 30);
    cr_expect_lt(failed, 70);
    sim_workers_free(rig);
}
