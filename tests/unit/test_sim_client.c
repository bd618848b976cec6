#include "sim/client.h"

#include <criterion/criterion.h>

#include "tests/support/sim_bed.h"

enum {
    FIRST = SIM_NODE_COORDINATOR,
    SECOND = FIRST + 1,
    RUNS = 3
};

struct rig {
    struct sim_bed *bed;
    struct sim_client *client;
    struct sim_probe *first, *second;
};

static uint64_t arrival(void *self, uint64_t index)
{
    (void)self;
    return 100 * SIM_BED_MS * (index + 1);
}

static void rig_open(struct rig *rig)
{
    struct sim_clock clock = sim_bed_clock();
    rig->bed = sim_bed_new(1, NULL);
    struct sim_client_config config = {
        .world = rig->bed->world,
        .runs = RUNS,
        .coordinators = 2,
        .workflow_count = 2,
        .input_bytes = 10,
        .timeout_ns = 1000 * SIM_BED_MS,
        .arrival = arrival,
    };
    rig->client = sim_client_new(&config, &clock);
    rig->first = sim_bed_probe(rig->bed, FIRST, UINT64_MAX);
    rig->second = sim_bed_probe(rig->bed, SECOND, UINT64_MAX);
    sim_process_start(rig->bed->world, FIRST);
    sim_process_start(rig->bed->world, SECOND);
    sim_process_start(rig->bed->world, SIM_NODE_CLIENT);
}

static void rig_close(struct rig *rig)
{
    sim_bed_free(rig->bed);
    sim_client_free(rig->client);
}

static void tell(struct rig *rig, enum engine_message_kind kind, uint64_t run)
{
    struct engine_message message = {
        .size = sizeof(message),
        .kind = (uint16_t)kind,
        .from = FIRST,
        .to = SIM_NODE_CLIENT,
        .run = run,
        .a = ENGINE_RUN_SUCCEEDED,
    };
    sim_net_send(rig->bed->world, &message);
}

static void expect_story(const struct sim_probe *probe, const char *wanted)
{
    char text[512];
    sim_probe_story(probe, text, sizeof(text));
    cr_expect_str_eq(text, wanted);
}

Test(sim_client, a_start_is_asked_for_again_elsewhere_until_it_is_confirmed)
{
    struct rig rig;
    rig_open(&rig);
    sim_bed_run(rig.bed, 2150 * SIM_BED_MS);
    for (uint64_t run = 1; run <= RUNS; run++)
        tell(&rig, ENGINE_MSG_STARTED, run);
    sim_bed_run(rig.bed, 9000 * SIM_BED_MS);
    expect_story(rig.second, "start@0 msg(1)@101 msg(3)@301 msg(2)@1201 "
                             "msg(1)@2101");
    expect_story(rig.first, "start@0 msg(2)@201 msg(1)@1101 msg(3)@1301");
    cr_expect_eq(sim_bed_count(rig.bed, ENGINE_REC_START_SENT), RUNS);
    cr_expect_eq(sim_bed_count(rig.bed, ENGINE_REC_START_OK), RUNS);
    rig_close(&rig);
}

Test(sim_client, a_run_is_due_when_the_workload_says_so_however_late_it_gets_in)
{
    struct rig rig;
    rig_open(&rig);
    sim_bed_run(rig.bed, 500 * SIM_BED_MS);
    for (size_t i = 0; i < RUNS; i++) {
        const struct engine_record *sent =
            sim_bed_record(rig.bed, ENGINE_REC_START_SENT, i);
        cr_expect_eq(sent->run, i + 1);
        cr_expect_eq(sent->a, SIM_BED_START_NS + arrival(NULL, i));
        cr_expect_eq(sent->op, i % 2, "its workflow");
    }
    rig_close(&rig);
}

Test(sim_client, every_result_is_acknowledged_and_only_the_first_is_news)
{
    struct rig rig;
    rig_open(&rig);
    sim_bed_run(rig.bed, 150 * SIM_BED_MS);
    tell(&rig, ENGINE_MSG_RESULT, 1); /* the confirmation was lost */
    tell(&rig, ENGINE_MSG_RESULT, 1);
    tell(&rig, ENGINE_MSG_STARTED, 1);
    tell(&rig, ENGINE_MSG_RESULT, 0);
    tell(&rig, ENGINE_MSG_RESULT, RUNS + 1);
    sim_bed_run(rig.bed, 160 * SIM_BED_MS);
    cr_expect_eq(sim_bed_count(rig.bed, ENGINE_REC_START_OK), 1);
    cr_expect_eq(sim_bed_count(rig.bed, ENGINE_REC_RESULT_SEEN), 2);
    cr_expect_eq(sim_bed_record(rig.bed, ENGINE_REC_RESULT_SEEN, 0)->b, 0);
    cr_expect_eq(sim_bed_record(rig.bed, ENGINE_REC_RESULT_SEEN, 1)->b, 1);
    expect_story(rig.first, "start@0 msg(1)@152 msg(1)@152");
    rig_close(&rig);
}

Test(sim_client, a_busy_coordinator_is_not_asked_again_before_the_time_out)
{
    struct rig rig;
    rig_open(&rig);
    sim_bed_run(rig.bed, 110 * SIM_BED_MS);
    tell(&rig, ENGINE_MSG_BUSY, 1);
    sim_bed_run(rig.bed, 1000 * SIM_BED_MS);
    cr_expect_eq(sim_probe_count(rig.first, SEEN_MESSAGE) +
                     sim_probe_count(rig.second, SEEN_MESSAGE),
                 RUNS);
    rig_close(&rig);
}

/* It will be refused by the next one as well. */
Test(sim_client, a_start_that_is_refused_is_asked_for_no_more)
{
    struct rig rig;
    rig_open(&rig);
    sim_bed_run(rig.bed, 350 * SIM_BED_MS);
    for (uint64_t run = 1; run <= RUNS; run++)
        tell(&rig, ENGINE_MSG_REFUSED, run);
    sim_bed_run(rig.bed, 9000 * SIM_BED_MS);
    expect_story(rig.second, "start@0 msg(1)@101 msg(3)@301");
    cr_expect_eq(sim_bed_count(rig.bed, ENGINE_REC_START_REFUSED), RUNS);
    rig_close(&rig);
}
