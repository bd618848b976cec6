#include "sim/receiver.h"

#include <criterion/criterion.h>

#include "engine/defects.h"
#include "tests/support/sim_bed.h"

enum {
    ASKER = 64
};

struct rig {
    struct sim_bed *bed;
    struct sim_receiver *receiver;
    struct sim_probe *asker;
};

static void rig_open(struct rig *rig, uint64_t ttl_ms,
                     const struct engine_defects *defects)
{
    struct sim_clock clock = sim_bed_clock();
    struct engine_defects none = {0};
    rig->bed = sim_bed_new(1, NULL);
    rig->receiver =
        sim_receiver_new(rig->bed->world, &clock, ttl_ms * SIM_BED_MS,
                         defects ? defects : &none);
    rig->asker = sim_bed_probe(rig->bed, ASKER, UINT64_MAX);
    sim_process_start(rig->bed->world, SIM_NODE_RECEIVER);
    sim_process_start(rig->bed->world, ASKER);
}

static void rig_close(struct rig *rig)
{
    sim_bed_free(rig->bed);
    sim_receiver_free(rig->receiver);
}

static void ask(struct rig *rig, uint64_t key, bool keyed, uint64_t at_ms)
{
    struct engine_message message = {
        .size = sizeof(message),
        .kind = ENGINE_MSG_EFFECT,
        .flags = keyed ? SIM_EFFECT_KEYED : 0,
        .from = ASKER,
        .to = SIM_NODE_RECEIVER,
        .run = key,
        .a = key,
        .b = ~key,
    };
    sim_bed_run(rig->bed, at_ms * SIM_BED_MS);
    sim_net_send(rig->bed->world, &message);
}

static void expect(struct rig *rig, size_t applied, size_t repeats)
{
    sim_bed_run(rig->bed, 100000 * SIM_BED_MS);
    cr_expect_eq(sim_bed_count(rig->bed, ENGINE_REC_EFFECT_APPLIED), applied);
    cr_expect_eq(sim_bed_count(rig->bed, ENGINE_REC_EFFECT_REPEAT), repeats);
    cr_expect_eq(sim_probe_count(rig->asker, SEEN_MESSAGE), applied + repeats,
                 "everything is answered");
}

Test(sim_receiver, a_key_is_applied_once_and_its_repeats_are_answered)
{
    struct rig rig;
    rig_open(&rig, 0, NULL);
    for (uint64_t i = 0; i < 3; i++)
        ask(&rig, 7, true, 10000 * i);
    ask(&rig, 8, true, 30000);
    expect(&rig, 2, 2);
    rig_close(&rig);
}

Test(sim_receiver, a_request_without_a_key_is_applied_every_time_and_counted)
{
    struct rig rig;
    rig_open(&rig, 0, NULL);
    for (uint64_t i = 0; i < 3; i++)
        ask(&rig, 7, false, i);
    expect(&rig, 3, 0);
    for (uint64_t i = 0; i < 3; i++)
        cr_expect_eq(sim_bed_record(rig.bed, ENGINE_REC_EFFECT_APPLIED, i)->a,
                     i);
    rig_close(&rig);
}

Test(sim_receiver, a_key_is_forgotten_after_its_time_and_not_before)
{
    struct rig rig;
    rig_open(&rig, 100, NULL);
    ask(&rig, 7, true, 0);   /* applied at 1 */
    ask(&rig, 7, true, 100); /* comes at 101: 100 old */
    ask(&rig, 7, true, 101); /* comes at 102 */
    expect(&rig, 2, 1);
    rig_close(&rig);
}

Test(sim_receiver, thousands_of_keys_are_all_remembered)
{
    struct rig rig;
    rig_open(&rig, 0, NULL);
    sim_process_crash(rig.bed->world, ASKER, 0);
    for (uint64_t key = 1; key <= 5000; key++)
        ask(&rig, key << 10, true, key); /* keys that meet in the table */
    for (uint64_t key = 1; key <= 5000; key++)
        ask(&rig, key << 10, true, 5000 + key);
    sim_bed_run(rig.bed, 20000 * SIM_BED_MS);
    cr_expect_eq(sim_bed_count(rig.bed, ENGINE_REC_EFFECT_APPLIED), 5000);
    cr_expect_eq(sim_bed_count(rig.bed, ENGINE_REC_EFFECT_REPEAT), 5000);
    rig_close(&rig);
}

static bool say_yes(void *self, const struct engine_site *site,
                    struct engine_decision *decision)
{
    (void)self;
    (void)site;
    decision->action = ENGINE_ACT_DEFECT;
    return true;
}

Test(sim_receiver, the_defect_forgets_a_key_within_milliseconds)
{
    uint8_t armed[ENGINE_DEFECT_COUNT] = {0};
    struct engine_points points = {armed, say_yes, NULL};
    struct engine_defects defects = {.points = &points};
    struct rig rig;
    armed[ENGINE_DEFECT_DEDUP_TTL_SHORT] = 1;
    rig_open(&rig, 0, &defects);
    ask(&rig, 7, true, 0);
    ask(&rig, 7, true, 50);
    expect(&rig, 2, 0);
    rig_close(&rig);
}
