/*
 * The schema and the reader know the same keys: what an editor offers is
 * read, and what the reader allows is described.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/scenario.h"

enum {
    TEXT_MAX = 2048
};

/* A section, and how a scenario with one key of it is written. */
static const struct section {
    const char *definition; /* NULL: the scenario itself */
    const char *format;
} sections[] = {
    {NULL, "{\"%s\": null, \"why\": \"w\"}"},
    {"engine", "{\"why\": \"w\", \"engine\": {\"%s\": null}}"},
    {"network", "{\"network\": {\"%s\": null}, "},
    {"disk", "{\"disk\": {\"%s\": null}, "},
    {"clocks", "{\"clocks\": {\"%s\": null}, "},
    {"envelope", "{\"envelope\": {\"%s\": null}, "},
    {"load", "{\"load\": {\"%s\": null}, "},
    {"fault", "{\"faults\": [{\"%s\": null}], "},
    {"run", "{\"steps\": {\"a\": {\"%s\": null}}, "},
    {"node", "{\"why\": \"w\", \"workflow\": {\"name\": \"x\", \"nodes\": "
             "[{\"%s\": null}]}}"},
};

/* What every scenario needs, for formats that end in a comma. */
static const char rest[] =
    "\"why\": \"w\", \"workflow\": {\"name\": \"x\", \"nodes\": "
    "[{\"name\": \"a\"}]}";

static void error_with(const struct section *section, const char *key,
                       struct json_error *err)
{
    char text[TEXT_MAX], load[128] = "}", profile[TEXT_MAX];
    char names[2][32] = {"s.json", "profiles/local.json"};
    FILE *file = fopen("scenarios/profiles/local.json", "rb");

    cr_assert_not_null(file);
    size_t size = fread(profile, 1, sizeof(profile), file);
    (void)fclose(file);
    int length = snprintf(text, sizeof(text), section->format, key);
    if (!section->definition || strcmp(section->definition, "load") != 0)
        snprintf(load, sizeof(load),
                 ", \"load\": {\"arrivals\": {\"every\": \"1s\"}}}");
    if (text[length - 1] == ' ')
        snprintf(text + length, sizeof(text) - (size_t)length, "%s%s", rest,
                 load);
    const struct scenario_source sources[] = {{names[0], text, strlen(text)},
                                              {names[1], profile, size}};
    struct scenario *scenario = scenario_read_sources(sources, 2, err);
    cr_assert_null(scenario, "accepted: %s", text);
}

static struct json_view properties(const struct json_doc *schema,
                                   const char *definition)
{
    struct json_view at = json_root(schema);

    if (definition)
        at = json_member(json_member(at, "$defs"), definition);
    at = json_member(at, "properties");
    cr_assert(json_is_object(at), "%s", definition);
    return at;
}

static struct json_doc *read_schema(void)
{
    struct json_error err = {0};
    struct json_doc *schema = NULL;

    cr_assert_eq(
        json_read_file("scenarios/scenario.schema.json", &schema, &err), 0,
        "%s", err.text);
    return schema;
}

Test(scenarios_read_schema, each_key_of_the_schema_is_known_to_the_reader)
{
    struct json_doc *schema = read_schema();

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        struct json_view keys = properties(schema, sections[i].definition);
        for (struct json_view v = json_first(keys); v.item; v = json_next(v)) {
            struct json_error err;
            if (strcmp(json_key(v), "why") == 0 ||
                (sections[i].definition && strcmp(json_key(v), "wait") == 0))
                continue;
            error_with(&sections[i], json_key(v), &err);
            cr_expect_null(strstr(err.text, "found key"), "%s", err.text);
        }
    }
    json_free(schema);
}

/* Expects each name of an error's list to be a key of the schema. */
static void expect_described(struct json_view keys, const char *list)
{
    char name[64];
    uint32_t count = 0;

    for (const char *at = strchr(list, '"'); at; at = strchr(at, '"')) {
        size_t length = strcspn(at + 1, "\"");
        snprintf(name, sizeof(name), "%.*s", (int)length, at + 1);
        cr_expect_not_null(json_member(keys, name).item, "%s", name);
        at += length + 2;
        count++;
    }
    cr_expect_gt(count, 0);
}

Test(scenarios_read_schema, each_key_that_the_reader_allows_is_described)
{
    struct json_doc *schema = read_schema();

    for (size_t i = 0; i < sizeof(sections) / sizeof(sections[0]); i++) {
        struct json_error err;
        error_with(&sections[i], "#", &err);
        const char *list = strstr(err.text, ", allowed ");
        cr_assert_not_null(list, "%s", err.text);
        cr_assert_not_null(strstr(err.text, "found key \"#\""), "%s", err.text);
        expect_described(properties(schema, sections[i].definition), list);
    }
    json_free(schema);
}
