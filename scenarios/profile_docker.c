#include "scenarios/profile_values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define TERABYTE UINT64_C(1000000000000)

enum {
    PROCESSORS,
    MEMORY,
    MEMORY_RESERVED,
    GPUS,
    CONTAINERS,
    START,
    START_CONTENTION,
    CPU_NOISE,
    IMAGES,
    IMAGE_SIZE,
    PULL_BANDWIDTH,
    PULL_EXTRA,
    PULL_LIMIT,
    PULL_REFILL,
    MEMORY_DEFAULT,
    RESTARTS,
    RESTART_FIRST,
    RESTART_MAX,
    RESTART_RESET,
    STOP_TIMEOUT,
    LIVE_RESTORE,
    REBOOT,
    PARAMS,
};

static const char *const answers[] = {"no", "yes", NULL};
static const char *const images[] = {"pull", "present", NULL};

static const struct profile_param params[] = {
    [PROCESSORS] = {"processors", "processors", 1, SIM_DOCKER_PROCESSORS_MAX,
                    NULL, PROFILE_COUNT, true},
    [MEMORY] = {"memory", NULL, 1, 16777216, NULL, PROFILE_MEMORY, true},
    [MEMORY_RESERVED] = {"memory_reserved", NULL, 0, 16777215, NULL,
                         PROFILE_MEMORY, false},
    [GPUS] = {"gpus", "GPUs", 0, 64, NULL, PROFILE_COUNT, true},
    [CONTAINERS] = {"containers", "containers", 1, SIM_DOCKER_CONTAINERS_MAX,
                    NULL, PROFILE_COUNT, true},
    [START] = {"start", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [START_CONTENTION] = {"start_contention", NULL, 0, SECOND, NULL,
                          PROFILE_SHARE, false},
    [CPU_NOISE] = {"cpu_noise", NULL, 0, SECOND, NULL, PROFILE_SHARE, false},
    [IMAGES] = {"images", NULL, 0, 0, images, PROFILE_CHOICE, true},
    [IMAGE_SIZE] = {"image_size", NULL, 0, TERABYTE, NULL, PROFILE_SIZE, true},
    [PULL_BANDWIDTH] = {"pull_bandwidth", NULL, 1, TERABYTE, NULL, PROFILE_SIZE,
                        false},
    [PULL_EXTRA] = {"pull_extra", NULL, 0, HOUR, NULL, PROFILE_DURATION, false},
    [PULL_LIMIT] = {"pull_limit", "pulls", 1, 1000000, NULL, PROFILE_COUNT,
                    false},
    [PULL_REFILL] = {"pull_refill", NULL, 1, 1000000, NULL, PROFILE_RATE,
                     false},
    [MEMORY_DEFAULT] = {"memory_default", NULL, 1, 16777216, NULL,
                        PROFILE_MEMORY, false},
    [RESTARTS] = {"restarts", "restarts", 0, 1000, NULL, PROFILE_COUNT, true},
    [RESTART_FIRST] = {"restart_first", NULL, 1, HOUR, NULL, PROFILE_DURATION,
                       false},
    [RESTART_MAX] = {"restart_max", NULL, 1, HOUR, NULL, PROFILE_DURATION,
                     false},
    [RESTART_RESET] = {"restart_reset", NULL, 0, HOUR, NULL, PROFILE_DURATION,
                       false},
    [STOP_TIMEOUT] = {"stop_timeout", NULL, 0, HOUR, NULL, PROFILE_DURATION,
                      false},
    [LIVE_RESTORE] = {"live_restore", NULL, 0, 0, answers, PROFILE_CHOICE,
                      false},
    [REBOOT] = {"reboot", NULL, 0, 0, NULL, PROFILE_DIST, false},
};

_Static_assert(COUNT(params) == PARAMS, "every parameter is described");
_Static_assert(PARAMS <= PROFILE_ROWS_MAX, "every parameter has a row");

static struct sim_docker_config config_of(const struct profile_value *v)
{
    return (struct sim_docker_config){
        .processors = (uint32_t)v[PROCESSORS].number,
        .memory_mb = (uint32_t)v[MEMORY].number,
        .memory_reserved_mb = (uint32_t)v[MEMORY_RESERVED].number,
        .gpus = (uint32_t)v[GPUS].number,
        .containers_max = (uint32_t)v[CONTAINERS].number,
        .start = v[START].dist,
        .contention_ppb = (uint32_t)v[START_CONTENTION].number,
        .cpu_noise_ppb = (uint32_t)v[CPU_NOISE].number,
        .images_present = v[IMAGES].number == 1,
        .image_bytes = v[IMAGE_SIZE].number,
        .pull_bytes_s = v[PULL_BANDWIDTH].number,
        .pull_ns = v[PULL_EXTRA].number,
        .pull_burst = (uint32_t)v[PULL_LIMIT].number,
        .pull_refill = {v[PULL_REFILL].number, v[PULL_REFILL].per_ns},
        .memory_default_mb = (uint32_t)v[MEMORY_DEFAULT].number,
        .restarts = (uint32_t)v[RESTARTS].number,
        .restart_first_ns = v[RESTART_FIRST].number,
        .restart_max_ns = v[RESTART_MAX].number,
        .restart_reset_ns = v[RESTART_RESET].number,
        .stop_ns = v[STOP_TIMEOUT].number,
        .live_restore = v[LIVE_RESTORE].number == 1,
        .reboot = v[REBOOT].dist,
    };
}

/* The last word on whether the numbers fit together is the model's. */
static bool try_out(const struct profile_value *v,
                    const struct sim_docker_config *config,
                    struct json_error *err)
{
    struct sim_model model;
    if (config->memory_reserved_mb >= config->memory_mb) {
        return json_fail(v[MEMORY_RESERVED].at, err,
                         "found %lu MB for the system, allowed less than the "
                         "machine's %lu MB",
                         (unsigned long)config->memory_reserved_mb,
                         (unsigned long)config->memory_mb);
    }
    int error = sim_docker_model(&model, config, 0);
    if (error != 0) {
        return json_fail(v[PULL_REFILL].at, err,
                         error == -1 ? "memory ran out"
                                     : "found limits that cannot be counted "
                                       "together");
    }
    model.ops->free(model.self);
    return true;
}

static bool build(const struct profile_value *values,
                  const struct data_files *files, struct profile *profile,
                  struct json_error *err)
{
    (void)files;
    profile->docker.config = config_of(values);
    return try_out(values, &profile->docker.config, err);
}

static int make_model(const struct profile *profile,
                      const struct sim_demand *demands, uint32_t count,
                      uint64_t seed, struct sim_model *model)
{
    (void)demands;
    (void)count;
    return sim_docker_model(model, &profile->docker.config, seed);
}

const struct profile_platform profile_docker_platform = {
    .name = "docker",
    .params = params,
    .count = COUNT(params),
    .build = build,
    .model = make_model,
    .dispatch_timeout_ns = UINT64_C(60000000000),
    .dispatch_timeout_why = "docker: a container waits for its image",
};
