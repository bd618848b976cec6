/*
 * What carries the load: "platform", or "platforms" by their names.
 */
#include <stdio.h>
#include <string.h>

#include "scenarios/profile_values.h"
#include "scenarios/read.h"
#include "scenarios/read_dist.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)

/* {"ttl", "refresh", "refresh_time", "refresh_fails"} */
static void read_credentials(struct json_view view,
                             struct sim_credentials_config *credentials,
                             struct json_error *err)
{
    static const char *const keys[] = {"ttl", "refresh", "refresh_time",
                                       "refresh_fails"};
    uint64_t fails = 0;
    if (!json_check_keys(view, keys, COUNT(keys), err))
        return;
    credentials->refresh = true;
    (void)sim_dist_constant(&credentials->refresh_time, SECOND);
    (void)json_get_duration(view, "ttl", JSON_REQUIRED, SECOND, 3650 * DAY,
                            &credentials->ttl_ns, err);
    (void)json_get_bool(view, "refresh", JSON_OPTIONAL, &credentials->refresh,
                        err);
    (void)read_dist_member(view, "refresh_time", &credentials->refresh_time,
                           err);
    (void)json_get_quantity(view, "refresh_fails", JSON_OPTIONAL,
                            QUANTITY_SHARE, 0, ENGINE_CHANCE_ALWAYS, &fails,
                            err);
    credentials->refresh_fails_ppb = (uint32_t)fails;
}

static bool read_one(struct read_state *state, struct json_view view,
                     const char *name, struct profile *profile)
{
    struct scenario *scenario = state->scenario;
    struct data_files files = read_files_data(state->files);
    struct scenario_platform_use *use =
        &scenario->platforms[scenario->platform_count++];
    struct json_view credentials;
    snprintf(use->name, sizeof(use->name), "%s", name);
    if (state->err->code != 0 ||
        !profile_read(view, &files, profile, state->err))
        return false;
    if (view.item && json_get_object(view, "credentials", JSON_OPTIONAL,
                                     &credentials, state->err))
        read_credentials(credentials, &use->credentials, state->err);
    return state->err->code == 0;
}

/* Each platform has its part of the world's nodes. */
static void check_workers(struct read_state *state, struct json_view at)
{
    const struct scenario *scenario = state->scenario;
    uint32_t most = sim_node_places(scenario->platform_count);
    for (uint32_t i = 0; i < scenario->platform_count; i++) {
        const struct profile *profile = scenario_profile(scenario, i);
        if (profile->platform == &profile_local_platform &&
            profile->local.workers > most)
            json_fail(at, state->err,
                      "found %u workers of platform \"%s\", allowed at most %u "
                      "of each of %u platforms",
                      profile->local.workers, scenario->platforms[i].name, most,
                      scenario->platform_count);
    }
}

/* Letters, digits, "-" and "_": a fault's "node" may name it. */
static bool is_name(const char *name)
{
    size_t size = strlen(name);
    return size > 0 && size < sizeof(((struct scenario *)0)->platforms->name) &&
           name[strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_")] == '\0';
}

static void read_several(struct read_state *state, struct json_view list)
{
    struct scenario *scenario = state->scenario;
    size_t count = json_count(list);
    if (count < 1 || count > SIM_NODE_PLATFORMS_MAX) {
        json_fail(list, state->err,
                  "found %zu platforms, allowed 1 to %d, each with a name",
                  count, SIM_NODE_PLATFORMS_MAX);
        return;
    }
    scenario->others =
        read_alloc(count, sizeof(*scenario->others), list, state->err);
    for (struct json_view v = json_first(list); v.item && !state->err->code;
         v = json_next(v)) {
        uint32_t index = scenario->platform_count;
        if (!is_name(json_key(v)))
            json_fail_key(v, state->err,
                          "found platform \"%s\", allowed names of up to 63 "
                          "of a-z, 0-9, - and _",
                          json_key(v));
        else
            (void)read_one(state, v, json_key(v),
                           index == 0 ? &scenario->platform
                                      : &scenario->others[index - 1]);
    }
    if (state->err->code == 0)
        check_workers(state, list);
}

/* The platform with this number gives an attempt less than the step allows it:
 * it would be killed before it is over. */
static void check_attempt(struct read_state *state, struct json_view at,
                          const struct engine_node *node, uint32_t number)
{
    const struct scenario *scenario = state->scenario;
    const struct profile *profile = scenario_profile(scenario, number);
    if (profile->platform != &profile_lambda_platform ||
        node->attempt_timeout_ns <= profile->lambda.function.timeout_ns)
        return;
    json_fail(at, state->err,
              "found a timeout of %g s of step \"%s\", allowed at most %g s, "
              "what platform \"%s\" gives an attempt",
              (double)node->attempt_timeout_ns / (double)SECOND, node->name,
              (double)profile->lambda.function.timeout_ns / (double)SECOND,
              scenario->platforms[number].name);
}

/* Steps of graphs; a handler's invocation ends at its platform's limit and the
 * next one goes on. */
static void check_attempts(struct read_state *state, struct json_view at)
{
    const struct scenario *scenario = state->scenario;
    for (uint32_t w = 0; w < scenario->workflow_count; w++) {
        const struct engine_graph *graph = scenario->workflows[w].graph;
        if (scenario->workflows[w].program)
            continue;
        for (uint32_t i = 0; i < engine_graph_count(graph); i++) {
            const struct engine_node *node = engine_graph_node(graph, i);
            if (node->kind == ENGINE_NODE_WAIT)
                continue;
            if (node->platform_count == 0)
                check_attempt(state, at, node, 0);
            for (uint32_t p = 0; p < node->platform_count; p++)
                check_attempt(state, at, node, node->platforms[p]);
        }
    }
}

/* Work that is still starting on the slowest of them is not sent again. */
static void follow_platforms(struct scenario *scenario)
{
    struct scenario_engine *engine = &scenario->engine;
    if (engine->dispatch_timeout_given)
        return;
    for (uint32_t i = 0; i < scenario->platform_count; i++) {
        const struct profile_platform *kind =
            scenario_profile(scenario, i)->platform;
        if (kind->dispatch_timeout_ns <= engine->dispatch_timeout_ns)
            continue;
        engine->dispatch_timeout_ns = kind->dispatch_timeout_ns;
        engine->dispatch_timeout_why = kind->dispatch_timeout_why;
    }
}

static void read_either(struct read_state *state, struct json_view root)
{
    struct json_view one = {.doc = root.doc}, several = {.doc = root.doc};
    bool single = json_get(root, "platform", JSON_OPTIONAL, &one, state->err);
    if (!json_get_object(root, "platforms", JSON_OPTIONAL, &several,
                         state->err)) {
        if (read_one(state, one, "platform", &state->scenario->platform))
            check_attempts(state, one);
        return;
    }
    if (single)
        json_fail_key(several, state->err,
                      "found both \"platform\" and \"platforms\", allowed one "
                      "of them");
    else
        read_several(state, several);
    if (state->err->code == 0)
        check_attempts(state, several);
}

void read_platforms_used(struct read_state *state, struct json_view root)
{
    read_either(state, root);
    if (state->err->code == 0)
        follow_platforms(state->scenario);
}
