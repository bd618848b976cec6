/*
 * The mirror at work: in worlds without a defect it finds nothing, with one
 * it does; reports/check_replay and check_snapshot judge what it says.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "reports/check.h"
#include "scenarios/trial.h"

static uint32_t place_of(const char *id)
{
    uint32_t place = 0;
    while (strcmp(check_all[place]->id, id) != 0)
        place++;
    return place;
}

static struct trial_result try(const char *path, const char *defect)
{
    char message[512] = "";
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    struct trial trial = {.scenario = scenario,
                          .seed = 1,
                          .defects = &defect,
                          .defect_count = defect != NULL,
                          .paranoid = true};
    struct trial_result result;
    cr_assert_eq(trial_run(&trial, &result, message, sizeof(message)), 0, "%s",
                 message);
    scenario_free(scenario);
    return result;
}

Test(sim_mirror, finds_graphs_and_handlers_to_be_their_logs)
{
    static const char *const paths[] = {"scenarios/small/order.json",
                                        "scenarios/small/handlers.json"};
    for (int i = 0; i < 2; i++) {
        struct trial_result result = try(paths[i], NULL);
        cr_assert_eq(result.failed, 0, "%s", result.text);
        cr_assert_gt(result.checked[place_of("S7")], 50, "%s", paths[i]);
    }
}

Test(sim_mirror, finds_an_owner_in_another_state)
{
    struct trial_result result =
        try("scenarios/defects/replay_uses_now.json", "replay_uses_now");
    cr_assert(result.failed >> place_of("S7") & 1, "%s", result.text);
}

Test(sim_mirror, finds_a_snapshot_that_leaves_out_events)
{
    struct trial_result result =
        try("scenarios/defects/snap_names_later.json", "snap_names_later");
    cr_assert(result.failed >> place_of("S13") & 1, "%s", result.text);
}
