/*
 * What the parts of the scenario reader share: the scenario that is being
 * filled in, the files it comes from, and the first error. Each part reads
 * one section of the file over defaults that are already there. Errors stick
 * (engine/host/json.h), so a part may go on after one and do no harm.
 */
#ifndef SCENARIOS_READ_H
#define SCENARIOS_READ_H

#include "scenarios/read_files.h"
#include "scenarios/scenario.h"

struct read_state {
    struct scenario *scenario;
    struct read_files *files;
    struct json_error *err;
};

/* Notes that memory ran out while reading @view. Always returns false. */
bool read_no_memory(struct json_view view, struct json_error *err);

/* calloc() that notes a failure at @view. */
void *read_alloc(size_t count, size_t size, struct json_view view,
                 struct json_error *err);

enum {
    READ_DROPPED_MAX = 9
};

/*
 * Keys that a scenario does not take from the one that it extends; at most
 * READ_DROPPED_MAX, all constants. Returns how many.
 */
size_t read_dropped_keys(struct json_view ours, const char **dropped);

/* "workflow", "workflows" and "steps". */
void read_workflows(struct read_state *state, struct json_view root);

/* "engine", with the rules that tie its values together. */
void read_engine_defaults(struct scenario_engine *engine);
void read_engine(struct read_state *state, struct json_view view);
/* After workflows: what handlers may use, the store takes. */
void read_engine_follow(struct scenario *scenario);

/* "network", "disk", "clocks" and "envelope". */
void read_world_defaults(struct scenario *scenario);
void read_world(struct json_view root, struct scenario *scenario,
                struct json_error *err);

/* "platform" or "platforms": profiles, and what the scenario changes. */
void read_platforms_used(struct read_state *state, struct json_view root);

/* "load": what arrives, how often and when. */
void read_load(struct read_state *state, struct json_view root);

/* "operators", after load. */
void read_operators(struct read_state *state, struct json_view root);

/* "faults", after workflows and engine: it names steps and nodes. */
void read_faults(struct read_state *state, struct json_view root);

/* "expect", after workflows. */
void read_expectations(struct read_state *state, struct json_view root);
/* Takes "<= " off the start of a text: what follows it; NULL: there is none. */
const char *read_comparison(const char *text, enum scenario_comparison *out);

/* "thresholds", after workflows and platforms. */
void read_thresholds(struct read_state *state, struct json_view root);

#endif
