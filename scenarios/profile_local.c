#include "scenarios/profile_values.h"
#include "sim/nodes.h"
#include "sim/platform/local.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum {
    WORKERS,
    SLOTS,
    DISPATCH_LATENCY,
    START_UP,
    PARAMS,
};

static const struct profile_param params[] = {
    [WORKERS] = {"workers", "workers", 1, SIM_NODE_MAX - SIM_NODE_WORKER + 1,
                 NULL, PROFILE_COUNT, true},
    [SLOTS] = {"slots", "slots", 1, 10000, NULL, PROFILE_COUNT, true},
    [DISPATCH_LATENCY] = {"dispatch_latency", NULL, 0, 0, NULL, PROFILE_DIST,
                          false},
    [START_UP] = {"start_up", NULL, 0, 0, NULL, PROFILE_DIST, false},
};

_Static_assert(COUNT(params) == PARAMS, "every parameter is described");
_Static_assert(PARAMS <= PROFILE_ROWS_MAX, "every parameter has a row");

static const char *const about[PARAMS] = {
    [WORKERS] = "how many processes there are",
    [SLOTS] = "attempts that one of them works on at a time",
    [DISPATCH_LATENCY] = "from the coordinator to a worker with a free slot",
    [START_UP] = "added to engine.restart before a dead process is back",
};

static bool build(const struct profile_value *values,
                  const struct data_files *files, struct profile *profile,
                  struct json_error *err)
{
    (void)files;
    (void)err;
    profile->local = (struct profile_local){
        .workers = (uint32_t)values[WORKERS].number,
        .slots = (uint32_t)values[SLOTS].number,
        .dispatch_latency = values[DISPATCH_LATENCY].dist,
        .start_up = values[START_UP].dist,
    };
    return true;
}

static int model(const struct profile *profile,
                 const struct sim_demand *demands, uint32_t count,
                 uint64_t seed, struct sim_model *made)
{
    const struct sim_local_config config = {
        .workers = profile->local.workers,
        .slots = profile->local.slots,
        .dispatch_latency = profile->local.dispatch_latency,
    };
    (void)demands;
    (void)count;
    return sim_local_model(made, &config, seed);
}

const struct profile_platform profile_local_platform = {
    .name = "local",
    .params = params,
    .count = COUNT(params),
    .about = about,
    .build = build,
    .model = model,
};
