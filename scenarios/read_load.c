/*
 * What the load is: "load".
 */
#include <string.h>

#include "scenarios/read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    RUNS_MAX = 10000000,
    READ_LOAD_WORKFLOWS = 64 /* as many as a scenario may have */
};

static void check_input(struct json_view load, const struct scenario *scenario,
                        struct json_error *err)
{
    uint64_t most = scenario->engine.op_payload_max;
    if (err->code == 0 && scenario->input_bytes > most)
        json_fail(json_member(load, "input"), err,
                  "found inputs of %u bytes, allowed at most "
                  "engine.limits.op_payload, %ju bytes",
                  scenario->input_bytes, (uintmax_t)most);
}

static bool starts(const struct scenario *scenario, uint32_t workflow)
{
    for (uint32_t i = 0; i < scenario->started_count; i++)
        if (scenario->started[i] == workflow)
            return true;
    return false;
}

static void start_one(struct scenario *scenario, struct json_view view,
                      struct json_error *err)
{
    const char *names[READ_LOAD_WORKFLOWS];
    const char *name = "";
    uint32_t index = 0;
    uint32_t count = scenario->workflow_count;
    for (uint32_t i = 0; i < count && i < READ_LOAD_WORKFLOWS; i++)
        names[i] = engine_graph_name(scenario->workflows[i].graph);
    if (!json_as_string(view, 0, SIZE_MAX, &name, err))
        return;
    while (index < count && strcmp(names[index], name) != 0)
        index++;
    if (index == count)
        json_fail_choice(view, err, "workflow", name, names, count);
    else if (starts(scenario, index))
        json_fail(view, err, "found \"%s\" twice, allowed each workflow once",
                  name);
    else
        scenario->started[scenario->started_count++] = index;
}

/* "start": the workflows that clients start, by name; usually all. */
static void read_start(struct json_view load, struct scenario *scenario,
                       struct json_error *err)
{
    uint32_t count = scenario->workflow_count;
    struct json_view list = {0};
    if (err->code != 0)
        return;
    scenario->started =
        read_alloc(count, sizeof(*scenario->started), load, err);
    if (json_get_array(load, "start", JSON_OPTIONAL, 1, count, &list, err)) {
        for (struct json_view v = json_first(list); v.item && err->code == 0;
             v = json_next(v))
            start_one(scenario, v, err);
        return;
    }
    for (uint32_t i = 0; scenario->started && i < count; i++)
        scenario->started[scenario->started_count++] = i;
}

void read_load(struct read_state *state, struct json_view root)
{
    static const char *const keys[] = {"arrivals", "runs", "input", "start"};
    struct data_files files = read_files_data(state->files);
    struct scenario *scenario = state->scenario;
    struct json_error *err = state->err;
    struct json_view load, arrivals;
    int64_t runs = (int64_t)scenario->runs;
    uint64_t input = scenario->input_bytes;
    if (!json_get(root, "load", JSON_REQUIRED, &load, err) ||
        !json_check_keys(load, keys, COUNT(keys), err))
        return;
    (void)json_get_int(load, "runs", JSON_OPTIONAL, 1, RUNS_MAX, &runs, err);
    (void)json_get_quantity(load, "input", JSON_OPTIONAL, QUANTITY_SIZE, 0,
                            1 << 30, &input, err);
    scenario->runs = (uint64_t)runs;
    scenario->input_bytes = (uint32_t)input;
    check_input(load, scenario, err);
    read_start(load, scenario, err);
    if (json_get(load, "arrivals", JSON_REQUIRED, &arrivals, err))
        (void)arrivals_read(arrivals, &files, &scenario->arrivals, err);
}
