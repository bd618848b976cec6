#include "sim/platform/local.h"

#include <criterion/criterion.h>

#include "tests/support/sim_workers.h"

/* The highest number in flight the front end has written down. */
static uint64_t most_in_flight(struct sim_workers *rig)
{
    const struct engine_record *gauge;
    uint64_t most = 0;
    for (size_t i = 0; (gauge = sim_bed_record(rig->bed, ENGINE_REC_GAUGE, i));
         i++)
        most = gauge->a > most ? gauge->a : most;
    return most;
}

Test(sim_local, everything_dispatched_at_once_is_done_and_nothing_is_dropped)
{
    /* Work reaches a worker while others of its attempts end. */
    for (uint64_t latency_ms = 0; latency_ms <= 30; latency_ms += 5) {
        struct sim_workers *rig = sim_workers_new(2, 2, latency_ms);
        for (uint64_t run = 1; run <= 20; run++) {
            sim_workers_dispatch(rig, run);
            sim_bed_run(rig->bed, run * 3 * SIM_BED_MS);
        }
        sim_bed_run(rig->bed, 1000 * SIM_BED_MS);
        cr_expect_eq(rig->claims, 20, "latency %d: %d", (int)latency_ms,
                     (int)rig->claims);
        cr_expect_eq(rig->reports, 20);
        cr_expect_eq(most_in_flight(rig), 4);
        sim_workers_free(rig);
    }
}

Test(sim_local, the_worker_with_most_free_slots_is_given_work)
{
    struct sim_workers *rig = sim_workers_new(3, 4, 0);
    for (uint64_t run = 1; run <= 6; run++)
        sim_workers_dispatch(rig, run);
    sim_bed_run(rig->bed, 5 * SIM_BED_MS);
    for (uint32_t i = 0; i < 3; i++)
        cr_expect_eq(sim_workers_busy(rig, i), 2);
    sim_workers_free(rig);
}

Test(sim_local, a_claim_that_is_refused_frees_its_slot)
{
    struct sim_workers *rig = sim_workers_new(1, 1, 0);
    rig->store_refuses = 3;
    for (uint64_t run = 1; run <= 5; run++)
        sim_workers_dispatch(rig, run);
    sim_bed_run(rig->bed, 1000 * SIM_BED_MS);
    cr_expect_eq(rig->claims, 5);
    cr_expect_eq(rig->reports, 2);
    sim_workers_free(rig);
}

/* What a worker has let go it does not begin again, and says nothing. */
Test(sim_local, work_that_nobody_takes_notice_of_takes_no_slot_for_good)
{
    struct sim_workers *rig = sim_workers_new(1, 2, 0);
    (void)sim_dist_constant(&rig->step.duration, 1000 * SIM_BED_MS);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 100 * SIM_BED_MS);
    sim_process_pause(rig->bed->world, SIM_NODE_WORKER, 100000 * SIM_BED_MS);
    sim_bed_run(rig->bed, 110000 * SIM_BED_MS);
    cr_assert_eq(sim_workers_busy(rig, 0), 0);
    cr_assert_eq(rig->reports, 0, "its claim has run out");
    for (int copy = 0; copy < 2; copy++)
        sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 120000 * SIM_BED_MS);
    for (uint64_t run = 2; run <= 5; run++)
        sim_workers_dispatch(rig, run);
    sim_bed_run(rig->bed, 200000 * SIM_BED_MS);
    cr_expect_eq(rig->reports, 4);
    sim_workers_free(rig);
}

Test(sim_local, a_dead_worker_is_given_nothing_and_its_slots_come_back_with_it)
{
    struct sim_workers *rig = sim_workers_new(1, 1, 0);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 3 * SIM_BED_MS);
    sim_process_crash(rig->bed->world, SIM_NODE_WORKER, ENGINE_ACT_CRASH);
    sim_workers_dispatch(rig, 2);
    sim_bed_run(rig->bed, 50 * SIM_BED_MS);
    cr_expect_eq(rig->claims, 1);
    sim_bed_run(rig->bed, 150 * SIM_BED_MS);
    sim_workers_dispatch(rig, 3);
    sim_bed_run(rig->bed, 500 * SIM_BED_MS);
    cr_expect_eq(rig->claims, 3, "what waited is given out, too");
    cr_expect_eq(rig->reports, 2);
    sim_workers_free(rig);
}

/* What the coordinator hears and the worker does under a fault. */
static void under(enum engine_action action, uint32_t answers, uint32_t claims)
{
    struct sim_workers *rig = sim_workers_new(1, 2, 0);
    sim_bed_arm(rig->bed, SIM_POINT_PLATFORM_INVOKE, 0, 1, action, 0);
    sim_workers_dispatch(rig, 1);
    sim_bed_run(rig->bed, 3 * SIM_BED_MS);
    cr_expect_eq(sim_probe_count(rig->coordinator, SEEN_MESSAGE), answers);
    sim_bed_run(rig->bed, 500 * SIM_BED_MS);
    cr_expect_eq(rig->claims, claims, "action %d", (int)action);
    cr_expect_eq(rig->bed->asked.op, 1);
    sim_workers_free(rig);
}

Test(sim_local, an_invocation_can_be_throttled_lost_and_doubled)
{
    under(ENGINE_ACT_NONE, 1, 1);
    under(ENGINE_ACT_THROTTLE, 1, 0);
    under(ENGINE_ACT_LOSE, 0, 0);
    under(ENGINE_ACT_DUPLICATE, 1, 1);
}
