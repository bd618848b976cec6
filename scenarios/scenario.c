#include "scenarios/scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/sentence.h"
#include "faults/defects.h"
#include "scenarios/read.h"
#include "scenarios/read_merge.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define MS UINT64_C(1000000)
#define DAY (UINT64_C(86400) * 1000 * MS)

enum {
    WHY_MAX = 4096,
    EXIT_MAX = 6
};

static const char *const top_keys[] = {
    "why",        "extends",   "mode",       "seed",      "workflow",
    "workflows",  "steps",     "engine",     "platform",  "load",
    "operators",  "network",   "disk",       "clocks",    "faults",
    "heal",       "envelope",  "expect",     "sometimes", "limit",
    "events",     "exit",      "defects",    "checks",    "$schema",
    "reproduces", "platforms", "thresholds", "$comment"};

static void set_defaults(struct scenario *scenario)
{
    scenario->mode = SCENARIO_MODE_FULL;
    scenario->seed = 1;
    scenario->runs = 100;
    scenario->input_bytes = 512;
    scenario->limit_ns = DAY;
    scenario->events_limit = 100000000;
    read_engine_defaults(&scenario->engine);
    read_world_defaults(scenario);
}

/* The file's name without its directory and ".json". */
static void set_name(struct scenario *scenario, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *start = slash ? slash + 1 : path;
    size_t length = strlen(start);
    struct sentence name;
    if (length > 5 && strcmp(start + length - 5, ".json") == 0)
        length -= 5;
    sentence_init(&name, scenario->name, sizeof(scenario->name));
    sentence_plain(&name, start, length);
}

/* A number up to 2^53 - 1, or any 64-bit number as a string of digits. */
static void read_seed(struct json_view root, uint64_t *seed,
                      struct json_error *err)
{
    struct json_view view;
    const char *text = NULL;
    int64_t number;
    if (!json_get(root, "seed", JSON_OPTIONAL, &view, err))
        return;
    if (!json_is_string(view)) {
        if (json_as_int(view, 0, JSON_INT_MAX, &number, err))
            *seed = (uint64_t)number;
        return;
    }
    if (!json_as_string(view, 1, 20, &text, err))
        return;
    uint64_t value = 0;
    bool fits = strspn(text, "0123456789") == strlen(text);
    for (const char *digit = text; fits && *digit; digit++)
        fits = !__builtin_mul_overflow(value, UINT64_C(10), &value) &&
               !__builtin_add_overflow(value, (uint64_t)(*digit - '0'), &value);
    if (!fits)
        json_fail(view, err,
                  "found seed \"%s\", allowed decimal digits up to "
                  "18446744073709551615",
                  text);
    *seed = value;
}

static void read_why(struct json_view root, struct scenario *scenario,
                     struct json_error *err)
{
    const char *why = NULL;
    if (!json_get_string(root, "why", JSON_REQUIRED, 1, WHY_MAX, &why, err))
        return;
    scenario->why = strdup(why);
    if (!scenario->why)
        read_no_memory(root, err);
}

/* Words for people: a text, or a list of lines. */
static void read_comment(struct json_view root, struct json_error *err)
{
    struct json_view view;
    const char *text;
    if (!json_get(root, "$comment", JSON_OPTIONAL, &view, err))
        return;
    if (json_is_string(view))
        (void)json_as_string(view, 0, WHY_MAX, &text, err);
    else if (json_as_array(view, 0, WHY_MAX, err))
        for (struct json_view v = json_first(view); v.item; v = json_next(v))
            if (!json_as_string(v, 0, WHY_MAX, &text, err))
                return;
}

static void read_limits(struct json_view root, struct scenario *scenario,
                        struct json_error *err)
{
    static const char *const modes[] = {"full", "capacity"};
    const char *schema = NULL;
    int64_t events = (int64_t)scenario->events_limit, code = 0;
    static const char *const heals[] = {"all", "core", "none"};
    size_t mode = 0, heal = 0;
    (void)json_get_string(root, "$schema", JSON_OPTIONAL, 0, 1024, &schema,
                          err);
    if (json_get_enum(root, "mode", JSON_OPTIONAL, modes, COUNT(modes), &mode,
                      err))
        scenario->mode = (enum scenario_mode)mode;
    if (json_get_enum(root, "heal", JSON_OPTIONAL, heals, COUNT(heals), &heal,
                      err))
        scenario->heal = (enum scenario_heal)(SCENARIO_HEAL_ALL + heal);
    (void)json_get_duration(root, "limit", JSON_OPTIONAL, MS, 3650 * DAY,
                            &scenario->limit_ns, err);
    (void)json_get_int(root, "events", JSON_OPTIONAL, 1, JSON_INT_MAX, &events,
                       err);
    (void)json_get_int(root, "exit", JSON_OPTIONAL, 0, EXIT_MAX, &code, err);
    scenario->events_limit = (uint64_t)events;
    scenario->exit_code = (uint32_t)code;
}

/* Queues know nothing of what a handler does. */
static void check_mode(struct json_view root, const struct scenario *scenario,
                       struct json_error *err)
{
    for (uint32_t i = 0; i < scenario->workflow_count && !err->code; i++)
        if (scenario->mode == SCENARIO_MODE_CAPACITY &&
            scenario->workflows[i].program)
            json_fail(json_member(root, "mode"), err,
                      "found \"capacity\" with workflow \"%s\", a handler, "
                      "allowed graphs of steps and waits: write it as one "
                      "without \"run_as\": \"handler\", or use \"mode\": "
                      "\"full\"",
                      engine_graph_name(scenario->workflows[i].graph));
}

/* Properties that take more than one look, and are judged if asked for. */
static void read_checks(struct json_view root, struct scenario *scenario,
                        struct json_error *err)
{
    static const char *const names[] = {"golden", "paranoid"};
    struct json_view view;
    size_t found;
    if (!json_get_array(root, "checks", JSON_OPTIONAL, 1, COUNT(names), &view,
                        err))
        return;
    for (struct json_view v = json_first(view); v.item && err->code == 0;
         v = json_next(v)) {
        if (!json_as_enum(v, names, COUNT(names), &found, err))
            return;
        scenario->golden = scenario->golden || found == 0;
        scenario->paranoid = scenario->paranoid || found == 1;
    }
}

/* Names of seeded defects that all runs of the scenario have on. */
static void read_defects(struct json_view root, struct scenario *scenario,
                         struct json_error *err)
{
    const char *names[ENGINE_DEFECT_COUNT];
    struct json_view view;
    size_t found;
    if (!json_get_array(root, "defects", JSON_OPTIONAL, 1, COUNT(names), &view,
                        err))
        return;
    for (uint32_t i = 0; i < ENGINE_DEFECT_COUNT; i++)
        names[i] = fault_defect_at(i)->name;
    scenario->defects =
        read_alloc(json_count(view), sizeof(*scenario->defects), view, err);
    for (struct json_view v = json_first(view); v.item && err->code == 0;
         v = json_next(v)) {
        if (!json_as_enum(v, names, COUNT(names), &found, err))
            return;
        if (scenario_has_defect(scenario, names[found])) {
            json_fail(v, err, "found defect \"%s\" twice, allowed once",
                      names[found]);
            return;
        }
        char *name = strdup(names[found]);
        if (!name) {
            read_no_memory(v, err);
            return;
        }
        scenario->defects[scenario->defect_count++] = name;
    }
}

static void read_short(struct json_view view, const char *key, size_t least,
                       char *text, size_t size, struct json_error *err)
{
    const char *found = NULL;
    if (json_get_string(view, key, JSON_REQUIRED, least, size - 1, &found, err))
        snprintf(text, size, "%s", found);
}

/* Which failure the scenario was made from. */
static void read_reproduces(struct json_view root, struct scenario *scenario,
                            struct json_error *err)
{
    static const char *const keys[] = {"property", "digest", "version",
                                       "content",  "from",   "text"};
    struct scenario_reproduces *made = &scenario->reproduces;
    struct json_view view;
    char other[4096];
    if (!json_get_object(root, "reproduces", JSON_OPTIONAL, &view, err) ||
        !json_check_keys(view, keys, COUNT(keys), err))
        return;
    read_short(view, "property", 1, made->property, sizeof(made->property),
               err);
    read_short(view, "digest", 32, made->digest, sizeof(made->digest), err);
    read_short(view, "version", 1, made->version, sizeof(made->version), err);
    read_short(view, "content", 32, made->content, sizeof(made->content), err);
    read_short(view, "from", 1, other, sizeof(other), err);
    read_short(view, "text", 0, other, sizeof(other), err);
}

/* The sections in the order in which they need each other. */
static void read_sections(struct read_state *state, struct json_view root)
{
    struct scenario *scenario = state->scenario;
    struct json_error *err = state->err;
    struct json_view view;
    (void)json_check_keys(root, top_keys, COUNT(top_keys), err);
    read_why(root, scenario, err);
    read_comment(root, err);
    read_limits(root, scenario, err);
    read_seed(root, &scenario->seed, err);
    if (json_get(root, "engine", JSON_OPTIONAL, &view, err))
        read_engine(state, view);
    read_workflows(state, root);
    check_mode(root, scenario, err);
    read_engine_follow(scenario);
    read_world(root, scenario, err);
    read_platforms_used(state, root);
    read_load(state, root);
    read_operators(state, root);
    read_faults(state, root);
    read_defects(root, scenario, err);
    read_checks(root, scenario, err);
    read_reproduces(root, scenario, err);
    read_expectations(state, root);
    read_thresholds(state, root);
}

/* "extends": the other file is merged under this one. */

static struct read_part part_of(const struct read_files *files, uint32_t index,
                                const char *shown, const struct json_doc *doc)
{
    return (struct read_part){.shown = shown,
                              .text = files->taken[index].text,
                              .size = files->taken[index].size,
                              .doc = doc};
}

static bool has(struct json_view object, const char *key)
{
    return json_member(object, key).item != NULL;
}

/*
 * Keys of the base that are not taken from it: those that each file has for
 * itself, and what ours replaces as a whole. A platform with a profile of its
 * own has other keys than the base's.
 */
size_t read_dropped_keys(struct json_view ours, const char **dropped)
{
    size_t count = 0;
    dropped[count++] = "why";
    dropped[count++] = "extends";
    dropped[count++] = "$schema";
    dropped[count++] = "$comment";
    dropped[count++] = "reproduces";
    if (has(ours, "workflow") || has(ours, "workflows")) {
        dropped[count++] = "workflow";
        dropped[count++] = "workflows";
    }
    bool several = has(ours, "platforms");
    if (several || has(json_member(ours, "platform"), "profile"))
        dropped[count++] = "platform";
    if (several || has(ours, "platform"))
        dropped[count++] = "platforms";
    return count;
}

static void read_merged(struct read_state *state, const struct read_part *ours,
                        const struct read_part *base)
{
    const char *dropped[READ_DROPPED_MAX];
    struct read_merge merge;
    struct json_doc *doc = NULL;
    size_t count = read_dropped_keys(json_root(ours->doc), dropped);
    read_merge(&merge, ours, base, dropped, count, state->err);
    if (state->err->code == 0 &&
        json_read_bytes(READ_MERGE_NAME, merge.text, merge.size, &doc,
                        state->err) == 0)
        read_sections(state, json_root(doc));
    read_merge_place(&merge, state->err);
    json_free(doc);
    read_merge_free(&merge);
}

static void read_extending(struct read_state *state, const char *shown,
                           const struct json_doc *doc, struct json_view extends)
{
    struct json_error *err = state->err;
    (void)json_check_keys(json_root(doc), top_keys, COUNT(top_keys), err);
    struct json_doc *base = read_files_json(state->files, extends, err);
    if (!base)
        return;
    struct json_view root = json_root(base);
    struct json_view further;
    (void)json_check_keys(root, top_keys, COUNT(top_keys), err);
    if (json_get(root, "extends", JSON_OPTIONAL, &further, err))
        json_fail_key(further, err,
                      "found \"extends\" in a file that is itself extended, "
                      "allowed one level");
    char *base_shown = strdup(state->files->shown);
    if (!base_shown) {
        read_no_memory(extends, err);
    } else if (err->code == 0) {
        struct read_part ours = part_of(state->files, 0, shown, doc);
        struct read_part theirs =
            part_of(state->files, state->files->count - 1, base_shown, base);
        read_merged(state, &ours, &theirs);
    }
    free(base_shown);
    json_free(base);
}

static void read_document(struct read_state *state, const char *shown,
                          const struct json_doc *doc)
{
    struct json_view extends;
    set_defaults(state->scenario);
    set_name(state->scenario, shown);
    if (json_get(json_root(doc), "extends", JSON_OPTIONAL, &extends,
                 state->err))
        read_extending(state, shown, doc, extends);
    else
        read_sections(state, json_root(doc));
}

/* Fills a scenario from a document, which is freed, and takes the sources. */
static struct scenario *scenario_of(struct read_files *files, const char *shown,
                                    struct json_doc *doc,
                                    struct json_error *err)
{
    struct scenario *scenario =
        err->code == 0 ? calloc(1, sizeof(*scenario)) : NULL;
    struct read_state state = {scenario, files, err};
    if (scenario)
        read_document(&state, shown, doc);
    else if (err->code == 0)
        read_no_memory(json_root(doc), err);
    json_free(doc);
    if (scenario && err->code == 0) {
        scenario->sources = files->taken;
        scenario->source_count = files->count;
        files->taken = NULL;
        files->count = 0;
    } else {
        scenario_free(scenario);
        scenario = NULL;
    }
    read_files_free(files);
    return scenario;
}

struct scenario *scenario_read(const char *path, struct json_error *error)
{
    struct read_files files;
    struct json_doc *doc = NULL;
    *error = (struct json_error){0};
    (void)read_files_start(&files, path, &doc, error);
    return scenario_of(&files, path, doc, error);
}

struct scenario *scenario_read_sources(const struct scenario_source *sources,
                                       uint32_t count, struct json_error *error)
{
    struct read_files files;
    struct json_doc *doc = NULL;
    *error = (struct json_error){0};
    (void)read_files_replay(&files, sources, count, &doc, error);
    return scenario_of(&files, sources[0].name, doc, error);
}

bool scenario_has_programs(const struct scenario *scenario)
{
    for (uint32_t i = 0; i < scenario->workflow_count; i++)
        if (scenario->workflows[i].program)
            return true;
    return false;
}

bool scenario_has_defect(const struct scenario *scenario, const char *name)
{
    for (uint32_t i = 0; i < scenario->defect_count; i++)
        if (strcmp(scenario->defects[i], name) == 0)
            return true;
    return false;
}

const struct profile *scenario_profile(const struct scenario *scenario,
                                       uint32_t index)
{
    return index == 0 ? &scenario->platform : &scenario->others[index - 1];
}

void scenario_free(struct scenario *scenario)
{
    if (!scenario)
        return;
    scenario_workflows_free(scenario->workflows, scenario->workflow_count);
    for (uint32_t i = 0; i < scenario->source_count; i++) {
        free(scenario->sources[i].name);
        free(scenario->sources[i].text);
    }
    arrivals_deinit(&scenario->arrivals);
    fault_plan_deinit(&scenario->plan);
    free(scenario->expectations);
    free(scenario->sometimes);
    free(scenario->thresholds);
    for (uint32_t i = 0; i < scenario->defect_count; i++)
        free(scenario->defects[i]);
    free(scenario->defects);
    free(scenario->others);
    free(scenario->started);
    free(scenario->operators);
    free(scenario->sources);
    free(scenario->why);
    free(scenario);
}
