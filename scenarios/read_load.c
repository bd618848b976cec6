/*
 * What carries the load and what it is: "platform" and "load".
 */
#include "scenarios/read.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    RUNS_MAX = 10000000
};

void read_platform(struct read_state *state, struct json_view root)
{
    struct data_files files = read_files_data(state->files);
    struct json_view platform = {.doc = root.doc};
    (void)json_get(root, "platform", JSON_OPTIONAL, &platform, state->err);
    if (state->err->code == 0)
        (void)profile_read(platform, &files, &state->scenario->platform,
                           state->err);
}

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

void read_load(struct read_state *state, struct json_view root)
{
    static const char *const keys[] = {"arrivals", "runs", "input"};
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
    if (json_get(load, "arrivals", JSON_REQUIRED, &arrivals, err))
        (void)arrivals_read(arrivals, &files, &scenario->arrivals, err);
}
