#include <criterion/criterion.h>
#include <string.h>

#include "reports/check.h"
#include "scenarios/freedom.h"

static struct scenario *read_scenario(const char *path)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    return scenario;
}

static struct scenario *read_chain(void)
{
    return read_scenario("scenarios/defects/logstore_collision.json");
}

Test(scenarios_freedom, a_chain_leaves_nothing_open)
{
    struct scenario *scenario = read_chain();
    cr_assert_eq(scenario_freedom(&scenario->workflows[0]), 0);
    scenario_free(scenario);
}

Test(scenarios_freedom, a_step_that_fails_now_and_then_draws_lots)
{
    struct scenario *scenario = read_chain();
    scenario->workflows[0].steps[0].fail_ppb = 1;
    cr_assert_eq(scenario_freedom(&scenario->workflows[0]), CHECK_FREE_CHANCE);
    scenario_free(scenario);
}

Test(scenarios_freedom, a_first_failure_counts_if_it_is_the_last)
{
    struct scenario *scenario = read_chain();
    struct sim_step *step = &scenario->workflows[0].steps[0];
    step->fail_first = 1;
    step->fail_retryable = true;
    cr_assert_eq(scenario_freedom(&scenario->workflows[0]), 0);
    step->fail_retryable = false;
    cr_assert_eq(scenario_freedom(&scenario->workflows[0]), CHECK_FREE_CHANCE);
    scenario_free(scenario);
}

Test(scenarios_freedom, a_quorum_leaves_open_who_is_in_it)
{
    struct scenario *scenario = read_scenario("scenarios/small/handlers.json");
    for (uint32_t i = 0; i < scenario->workflow_count; i++) {
        const struct scenario_workflow *workflow = &scenario->workflows[i];
        bool bids = strcmp(engine_graph_name(workflow->graph), "bids") == 0;
        cr_assert_eq((scenario_freedom(workflow) & CHECK_FREE_CHOICE) != 0,
                     bids, "%s", engine_graph_name(workflow->graph));
    }
    scenario_free(scenario);
}

Test(scenarios_freedom, messages_leave_open_whose_comes_first)
{
    struct scenario *scenario = read_scenario("scenarios/streams.json");
    uint32_t choices = 0;
    for (uint32_t i = 0; i < scenario->workflow_count; i++)
        choices += (scenario_freedom(&scenario->workflows[i]) &
                    CHECK_FREE_CHOICE) != 0;
    cr_assert_gt(choices, 0);
    scenario_free(scenario);
}
