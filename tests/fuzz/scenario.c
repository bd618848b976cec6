/*
 * The scenario reader under any bytes. The input is a scenario and the files
 * it refers to, apart by lines that begin with "==== " and a file's name, as
 * in tests/fuzz/corpus/scenario; the profile "local" is always there. What is
 * refused must say so in one safe line; what is accepted must be the same
 * when it is read again from the sources it carries, and its plan must be one
 * that can be carried out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/sentence.h"
#include "scenarios/scenario.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    FILES_MAX = 8
};

static const char profile[] =
    "{\"profile\": \"local\", \"kind\": \"local\", \"why\": \"w\","
    "\"parameters\": {"
    "\"workers\": {\"value\": \"4 workers\", \"source\": \"s\","
    " \"tag\": \"GK\", \"note\": \"n\"},"
    "\"slots\": {\"value\": \"1 slots\", \"source\": \"s\","
    " \"tag\": \"GK\", \"note\": \"n\"},"
    "\"dispatch_latency\": {\"value\": \"1ms\", \"source\": \"s\","
    " \"tag\": \"GK\", \"note\": \"n\"},"
    "\"start_up\": {\"value\": \"1ms\", \"source\": \"s\","
    " \"tag\": \"GK\", \"note\": \"n\"}}}";

struct input {
    char *text; /* a copy, cut into names and texts */
    struct scenario_source sources[FILES_MAX];
    uint32_t count;
    char profile_name[32];
    char profile_text[sizeof(profile)];
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

/* The next line that begins a file, or the end. */
static char *next_file(char *at, char *end)
{
    while (at < end) {
        char *line = memchr(at, '\n', (size_t)(end - at));
        if (!line)
            return end;
        at = line + 1;
        if (end - at > 5 && memcmp(at, "==== ", 5) == 0)
            return line;
    }
    return end;
}

static void cut(struct input *input, size_t size)
{
    static char scenario_name[] = "s.json";
    char *end = input->text + size;
    char *stop = next_file(input->text, end);
    input->sources[0] = (struct scenario_source){scenario_name, input->text,
                                                 (size_t)(stop - input->text)};
    memcpy(input->profile_text, profile, sizeof(profile));
    snprintf(input->profile_name, sizeof(input->profile_name),
             "profiles/local.json");
    input->sources[1] = (struct scenario_source){
        input->profile_name, input->profile_text, sizeof(profile) - 1};
    input->count = 2;
    while (stop < end && input->count < FILES_MAX) {
        char *name = stop + 6;
        char *line = memchr(name, '\n', (size_t)(end - name));
        if (!line)
            return;
        *line = '\0';
        stop = next_file(line + 1, end);
        input->sources[input->count++] =
            (struct scenario_source){name, line + 1, (size_t)(stop - line - 1)};
    }
}

/* One line of valid UTF-8 with nothing for a terminal, and a place. */
static void check_refusal(const struct json_error *err)
{
    size_t length = strlen(err->text);
    uint32_t point = 0;
    must(err->code != 0);
    must(length > 0);
    must(err->line > 0 && err->column > 0);
    must(strstr(err->text, "found ") != NULL || err->code == JSON_ENOMEM);
    for (size_t at = 0; at < length;) {
        size_t size = sentence_decode(err->text + at, length - at, &point);
        must(size > 0);
        must(point >= 0x20 && (point < 0x7F || point > 0x9F));
        at += size;
    }
}

static void check_plan(const struct scenario *scenario)
{
    struct fault_plan plan;
    char message[256];
    must(fault_plan_init(&plan, scenario->plan.points,
                         scenario->plan.point_count,
                         scenario->plan.count) == 0);
    for (uint32_t i = 0; i < scenario->plan.count; i++)
        must(fault_plan_add(&plan, &scenario->plan.rules[i], message,
                            sizeof(message)) == 0);
    fault_plan_deinit(&plan);
}

static void check_same(const struct scenario *a, const struct scenario *b)
{
    must(strcmp(a->name, b->name) == 0);
    must(strcmp(a->why, b->why) == 0);
    must(a->seed == b->seed);
    must(a->runs == b->runs);
    must(a->engine.coordinators == b->engine.coordinators);
    must(a->engine.lease_ttl_ns == b->engine.lease_ttl_ns);
    must(a->engine.blob_max == b->engine.blob_max);
    must(a->workflow_count == b->workflow_count);
    must(a->plan.count == b->plan.count);
    must(a->source_count == b->source_count);
    must(a->expectation_count == b->expectation_count);
    for (uint32_t i = 0; i < a->workflow_count; i++) {
        struct engine_hash left = engine_graph_digest(a->workflows[i].graph);
        struct engine_hash right = engine_graph_digest(b->workflows[i].graph);
        must(memcmp(&left, &right, sizeof(left)) == 0);
    }
    for (uint32_t i = 0; i < a->plan.count; i++)
        must(fault_rule_key(&a->plan.rules[i], a->plan.points,
                            a->plan.point_count) ==
             fault_rule_key(&b->plan.rules[i], b->plan.points,
                            b->plan.point_count));
}

static void check_accepted(const struct scenario *scenario)
{
    struct json_error err;
    struct scenario *again =
        scenario_read_sources(scenario->sources, scenario->source_count, &err);
    must(again != NULL);
    check_same(scenario, again);
    check_plan(scenario);
    scenario_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {.text = malloc(size + 1)};
    struct json_error err;
    if (!input.text)
        return 0;
    if (size > 0)
        memcpy(input.text, data, size);
    input.text[size] = '\0';
    cut(&input, size);
    struct scenario *scenario =
        scenario_read_sources(input.sources, input.count, &err);
    if (scenario)
        check_accepted(scenario);
    else
        check_refusal(&err);
    scenario_free(scenario);
    free(input.text);
    return 0;
}
