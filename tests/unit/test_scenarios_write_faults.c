/*
 * Each decision that a plan can make is written as a fault that the reader
 * takes, and that means the same decision.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faults/points.h"
#include "scenarios/scenario.h"
#include "scenarios/write_faults.h"
#include "sim/nodes.h"

static char profile_text[65536];

static struct scenario *read_back(const cJSON *fault)
{
    char text[4096], names[2][32] = {"s.json", "profiles/local.json"};
    char *plain = cJSON_PrintUnformatted(fault);
    struct json_error error = {0};
    FILE *file = fopen("scenarios/profiles/local.json", "rb");
    cr_assert(file && plain);
    size_t size = fread(profile_text, 1, sizeof(profile_text), file);
    (void)fclose(file);
    snprintf(text, sizeof(text),
             "{\"why\": \"w\", \"workflow\": {\"name\": \"x\", \"nodes\": "
             "[{\"name\": \"a\"}]}, \"engine\": {\"coordinators\": 5}, "
             "\"load\": {\"arrivals\": {\"every\": \"1s\"}}, \"faults\": [%s]}",
             plain);
    const struct scenario_source sources[] = {{names[0], text, strlen(text)},
                                              {names[1], profile_text, size}};
    struct scenario *scenario = scenario_read_sources(sources, 2, &error);
    cr_assert(scenario, "%s: %s", plain, error.text);
    cJSON_free(plain);
    return scenario;
}

/* The node that plays a part at a point. */
static uint32_t node_at(const struct engine_point *point)
{
    if (strncmp(point->name, "worker/", 7) == 0)
        return SIM_NODE_WORKER + 6;
    if (strncmp(point->name, "store/", 6) == 0 ||
        strncmp(point->name, "disk/", 5) == 0)
        return SIM_NODE_STORE;
    if (strncmp(point->name, "platform/", 9) == 0)
        return SIM_NODE_PLATFORM;
    return SIM_NODE_COORDINATOR + 1;
}

static void expect_written(uint32_t index, const struct engine_point *point,
                           uint32_t action)
{
    bool amount = action == ENGINE_ACT_PAUSE || action == ENGINE_ACT_DELAY ||
                  action == ENGINE_ACT_CUT || action == ENGINE_ACT_CUT_IN ||
                  action == ENGINE_ACT_CUT_OUT || action == ENGINE_ACT_FREEZE ||
                  action == ENGINE_ACT_STEP || action == ENGINE_ACT_DRIFT;
    struct write_fault fault = {.decision = {.time_ns = 1000 + 123456789,
                                             .hit = 17,
                                             .amount = amount ? 123457 : 0,
                                             .node = node_at(point),
                                             .point = index,
                                             .action = action}};
    cJSON *object = write_fault(&fault, WRITE_FAULT_EXACT, 1000);
    cr_assert(object, "no words for %s at %s", fault_action_name(action),
              point->name);
    struct scenario *scenario = read_back(object);
    const struct fault_rule *rule = &scenario->plan.rules[0];
    cr_assert_eq(scenario->plan.count, 1);
    cr_expect_eq(rule->action, action, "%s", point->name);
    for (uint32_t i = 0; i < scenario->plan.point_count; i++)
        cr_expect_eq(fault_rule_has_point(rule, i), i == index, "%s: %s",
                     point->name, scenario->plan.points[i].name);
    cr_expect_eq(rule->nodes.count, 1);
    cr_expect_eq(rule->nodes.at[0].from, fault.decision.node);
    cr_expect_eq(rule->nodes.at[0].to, fault.decision.node);
    cr_expect_eq(rule->amount_min, fault.decision.amount);
    cr_expect_eq(rule->amount_max, fault.decision.amount);
    cr_expect_not(rule->across_actors);
    if (fault_point_timed(point)) {
        cr_expect_eq(rule->time_count, 1);
        cr_expect_eq(rule->times[0], 123456789);
    } else {
        cr_expect_eq(rule->nth.from, 17);
        cr_expect_eq(rule->nth.to, 17);
    }
    scenario_free(scenario);
    cJSON_Delete(object);
}

Test(scenarios_write_faults, each_action_at_each_point_is_read_back)
{
    uint32_t count, written = 0;
    const struct engine_point *points = scenario_points(&count);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t actions = fault_point_actions(&points[i]);
        for (uint32_t action = 1; action < ENGINE_ACT_COUNT; action++) {
            bool late = action == ENGINE_ACT_DELAY &&
                        strcmp(points[i].name, "platform/invoke") == 0;
            if (!(actions & FAULT_ACTION_BIT(action)) || late ||
                action == ENGINE_ACT_DEFECT)
                continue;
            expect_written(i, &points[i], action);
            written++;
        }
    }
    cr_expect_gt(written, 100);
}

Test(scenarios_write_faults, a_fault_about_a_run_names_no_node)
{
    uint32_t count;
    const struct engine_point *points = scenario_points(&count);
    uint32_t point = fault_point_find(points, count, "worker/effect/after");
    struct write_fault fault = {.decision = {.hit = 5,
                                             .node = SIM_NODE_WORKER + 2,
                                             .point = point,
                                             .action = ENGINE_ACT_CRASH},
                                .run = 37,
                                .op = 2,
                                .attempt = 1};
    cJSON *object = write_fault(&fault, WRITE_FAULT_ABOUT, 0);
    char *text = cJSON_PrintUnformatted(object);
    cr_expect_str_eq(text,
                     "{\"crash\":\"worker\",\"at\":\"worker/effect/after\","
                     "\"run\":37,\"of\":\"operation 2\",\"attempt\":1,"
                     "\"nth\":1,\"count\":\"all nodes\"}");
    cJSON_free(text);
    cJSON_Delete(object);
    fault.run = 0;
    cr_expect_null(write_fault(&fault, WRITE_FAULT_ABOUT, 0));
}
