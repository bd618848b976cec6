/*
 * A scenario as one document: what it draws on stands in it.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/document.h"

#define BODY "\"load\": {\"arrivals\": {\"every\": \"1s\"}, \"runs\": 3}"

static char profile[] = "{\"profile\": \"low\", \"why\": \"w\", \"extends\": "
                        "\"seed-001\", \"limits\": {\"history_ops\": 7}}";
static char local[4096];

static struct scenario *read_text(char *text)
{
    struct json_error error = {0};
    FILE *file = fopen("scenarios/profiles/local.json", "rb");
    cr_assert_not_null(file);
    size_t size = fread(local, 1, sizeof(local), file);
    (void)fclose(file);
    char names[4][32] = {"s.json", "profiles/local.json", "limits/low.json",
                         "flow.json"};
    char flow[] = "{\"name\": \"x\", \"nodes\": [{\"name\": \"a\"}]}";
    const struct scenario_source sources[] = {
        {names[0], text, strlen(text)},
        {names[1], local, size},
        {names[2], profile, strlen(profile)},
        {names[3], flow, strlen(flow)},
    };
    struct scenario *scenario = scenario_read_sources(sources, 4, &error);
    cr_assert_not_null(scenario, "%s", error.text);
    return scenario;
}

static const char *text_at(const cJSON *document, const char *section,
                           const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(
        cJSON_GetObjectItemCaseSensitive(document, section), key));
}

Test(scenarios_document, workflows_stand_in_it)
{
    char text[] = "{\"why\": \"w\", \"workflow\": \"flow.json\", " BODY "}";
    struct scenario *scenario = read_text(text);
    cJSON *flat = document_flatten(scenario);
    cr_assert_str_eq(text_at(flat, "workflow", "name"), "x");
    cJSON_Delete(flat);
    scenario_free(scenario);
}

Test(scenarios_document, a_file_of_limits_stands_in_it_and_means_the_same)
{
    char text[] = "{\"why\": \"w\", \"workflow\": \"flow.json\", \"engine\": "
                  "{\"limits\": \"limits/low.json\"}, " BODY "}";
    struct scenario *scenario = read_text(text);
    cJSON *flat = document_flatten(scenario);
    const cJSON *engine = cJSON_GetObjectItemCaseSensitive(flat, "engine");
    cr_assert_str_eq(text_at(engine, "limits", "profile"), "low");
    char *again = document_print(flat);
    struct scenario *same = read_text(again);
    const struct engine_limits *a = &scenario->engine.limits.limits;
    const struct engine_limits *b = &same->engine.limits.limits;
    cr_assert_eq(a->operations_max, 7);
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++)
        cr_assert_eq(engine_limit_value(a, (enum engine_limit)i),
                     engine_limit_value(b, (enum engine_limit)i), "%s",
                     engine_limit_name((enum engine_limit)i));
    cr_assert_eq(scenario->engine.history_ops_max,
                 same->engine.history_ops_max);
    scenario_free(same);
    free(again);
    cJSON_Delete(flat);
    scenario_free(scenario);
}

Test(scenarios_document, limits_that_come_with_perdure_stay_a_name)
{
    char text[] = "{\"why\": \"w\", \"workflow\": \"flow.json\", \"engine\": "
                  "{\"limits\": \"aws\"}, " BODY "}";
    struct scenario *scenario = read_text(text);
    cJSON *flat = document_flatten(scenario);
    cr_assert_str_eq(text_at(flat, "engine", "limits"), "aws");
    cJSON_Delete(flat);
    scenario_free(scenario);
}
