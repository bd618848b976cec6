/*
 * Handlers on Lambda: what their runs did is metered, and the rates of durable
 * executions and checkpoints hold without breaking anything.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/runner.h"

static struct scenario *read_scenario(const char *path)
{
    struct json_error error = {0};
    struct scenario *scenario = scenario_read(path, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    return scenario;
}

static struct runner *run(const struct scenario *scenario)
{
    char message[512] = "";
    struct runner_options options = {.seed = 3, .command = "test"};
    struct runner *runner =
        runner_run(scenario, &options, message, sizeof(message));
    cr_assert_not_null(runner, "%s", message);
    return runner;
}

static const struct report_bill *line(const struct report_model *model,
                                      const char *name)
{
    for (size_t i = 0; i < model->facts.bill_count; i++)
        if (strcmp(model->facts.bill[i].name, name) == 0)
            return &model->facts.bill[i];
    cr_assert(false, "no line %s", name);
    return NULL;
}

Test(durable_on_lambda, operations_and_data_are_lines_of_the_bill)
{
    struct scenario *scenario =
        read_scenario("scenarios/handler-on-lambda.json");
    struct runner *runner = run(scenario);
    const struct report_model *model = runner_model(runner);
    const struct report_bill *operations = line(model, "durable operations");
    uint64_t count = strtoull(operations->amount, NULL, 10);
    cr_expect_geq(count, 60, "of 60 runs: %s", operations->amount);
    char cost[64];
    snprintf(cost, sizeof(cost), "$0.%06lu", (unsigned long)(count * 8));
    cr_expect_str_eq(operations->cost, cost, "8 dollars a million");
    cr_expect_gt(
        strtoull(line(model, "durable data written")->amount, NULL, 10), 0);
    (void)line(model, "durable data kept");
    runner_free(runner);
    scenario_free(scenario);
}

Test(durable_on_lambda, executions_and_checkpoints_above_their_rates_wait)
{
    struct scenario *scenario =
        read_scenario("tests/run/data/durable-rates.json");
    struct runner *runner = run(scenario);
    const struct report_model *model = runner_model(runner);
    cr_expect_gt(model->stats->platform.throttled, 0);
    cr_expect_eq(model->failed, 0);
    cr_expect_eq(model->stats->runs.succeeded + model->stats->runs.failed +
                     model->stats->runs.cancelled,
                 60);
    runner_free(runner);
    scenario_free(scenario);
}
