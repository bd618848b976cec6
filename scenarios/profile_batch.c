#include <stdio.h>
#include <string.h>

#include "scenarios/profile_values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SECOND UINT64_C(1000000000)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define TERABYTE UINT64_C(1000000000000)
#define DOLLAR UINT64_C(1000000000000) /* in pico-dollars */

enum {
    WEIGHTS = 4, /* shares with a weight of their own */
};

enum {
    COMPUTE,
    FALLBACK,
    FALLBACK_2,
    MAX_VCPUS,
    INSTANCE_VCPUS,
    INSTANCE_MEMORY,
    INSTANCE_GPUS,
    INSTANCE_LABEL,
    THREADS,
    ATTEMPTS,
    RULE_1,
    RULE_2,
    RULE_3,
    RULE_4,
    RULE_5,
    TIMEOUT,
    TIMEOUT_MIN,
    VCPU_DEFAULT,
    MEMORY_DEFAULT,
    IMAGE_SIZE,
    SUBMIT_RATE,
    SUBMIT_BURST,
    PAYLOAD_MAX,
    JOB_DEFINITION,
    JOB_DEFINITION_MAX,
    SUBMITTED_MAX,
    ARRAY_MAX,
    QUEUES,
    SHARING,
    SHARE_WEIGHT,
    SHARE_DECAY = SHARE_WEIGHT + WEIGHTS,
    COMPUTE_RESERVATION,
    SCHEDULING,
    TICK,
    STATE_TIME_LIMIT,
    PROVISION_MIN,
    PROVISION,
    AGENT,
    CAPACITY_ERROR,
    CAPACITY_BACKOFF,
    SCALE_IN,
    CONTAINER_START,
    PULL_BANDWIDTH,
    IMAGES_KEPT,
    FARGATE_RATE,
    FARGATE_BURST,
    FARGATE_START,
    FARGATE_BANDWIDTH,
    FARGATE_VCPU_MIN,
    FARGATE_VCPU_MAX,
    FARGATE_MEMORY_MIN,
    FARGATE_MEMORY_MAX,
    FARGATE_MEMORY_STEP,
    SPOT_UP,
    SPOT_DOWN,
    SPOT_SCOPE,
    SPOT_NOTICE,
    SPOT_DISCOUNT,
    PRICE_INSTANCE,
    PRICE_VCPU,
    PRICE_MEMORY,
    BILLED_MIN,
    PARAMS,
};

/* In the order of enum sim_batch_env_kind. */
static const char *const kinds[] = {"ec2", "spot", "fargate", "fargate-spot",
                                    NULL};
static const char *const fallbacks[] = {"none",    "ec2",          "spot",
                                        "fargate", "fargate-spot", NULL};
static const char *const sharings[] = {"fifo", "fair", NULL};
static const char *const scopes[] = {"instance", "zone", NULL};

static const struct profile_param params[] = {
    [COMPUTE] = {"compute", NULL, 0, 0, kinds, PROFILE_CHOICE, true},
    [FALLBACK] = {"fallback", NULL, 0, 0, fallbacks, PROFILE_CHOICE, true},
    [FALLBACK_2] = {"fallback_2", NULL, 0, 0, fallbacks, PROFILE_CHOICE, true},
    [MAX_VCPUS] = {"max_vcpus", "vCPUs", 1, 1000000, NULL, PROFILE_COUNT, true},
    [INSTANCE_VCPUS] = {"instance_vcpus", "vCPUs", 1, 1000, NULL, PROFILE_COUNT,
                        true},
    [INSTANCE_MEMORY] = {"instance_memory", NULL, 1, 33554432, NULL,
                         PROFILE_MEMORY, true},
    [INSTANCE_GPUS] = {"instance_gpus", "GPUs", 0, 64, NULL, PROFILE_COUNT,
                       true},
    [INSTANCE_LABEL] = {"instance_label", NULL, 0, 0, NULL, PROFILE_TEXT, true},
    [THREADS] = {"threads", "threads", 1, 1000, NULL, PROFILE_COUNT, true},
    [ATTEMPTS] = {"attempts", "attempts", 1, SIM_BATCH_ATTEMPTS_MAX, NULL,
                  PROFILE_COUNT, true},
    [RULE_1] = {"rule_1", NULL, 0, 0, NULL, PROFILE_TEXT, true},
    [RULE_2] = {"rule_2", NULL, 0, 0, NULL, PROFILE_TEXT, true},
    [RULE_3] = {"rule_3", NULL, 0, 0, NULL, PROFILE_TEXT, true},
    [RULE_4] = {"rule_4", NULL, 0, 0, NULL, PROFILE_TEXT, true},
    [RULE_5] = {"rule_5", NULL, 0, 0, NULL, PROFILE_TEXT, true},
    [TIMEOUT] = {"timeout", NULL, 0, 365 * DAY, NULL, PROFILE_DURATION, true},
    [TIMEOUT_MIN] = {"timeout_min", NULL, 0, HOUR, NULL, PROFILE_DURATION,
                     false},
    [VCPU_DEFAULT] = {"vcpu_default", "milli-vCPUs", 1, 1000000, NULL,
                      PROFILE_COUNT, false},
    [MEMORY_DEFAULT] = {"memory_default", NULL, 1, 33554432, NULL,
                        PROFILE_MEMORY, false},
    [IMAGE_SIZE] = {"image_size", NULL, 0, TERABYTE, NULL, PROFILE_SIZE, true},
    [SUBMIT_RATE] = {"submit_rate", NULL, 1, 1000000, NULL, PROFILE_RATE,
                     false},
    [SUBMIT_BURST] = {"submit_burst", "jobs", 1, 1000000, NULL, PROFILE_COUNT,
                      false},
    [PAYLOAD_MAX] = {"payload_max", NULL, 1, TERABYTE, NULL, PROFILE_SIZE,
                     false},
    [JOB_DEFINITION] = {"job_definition", NULL, 1, TERABYTE, NULL, PROFILE_SIZE,
                        false},
    [JOB_DEFINITION_MAX] = {"job_definition_max", NULL, 1, TERABYTE, NULL,
                            PROFILE_SIZE, false},
    [SUBMITTED_MAX] = {"submitted_max", "jobs", 1, 100000000, NULL,
                       PROFILE_COUNT, false},
    [ARRAY_MAX] = {"array_max", "jobs", 2, SIM_BATCH_ARRAY_MAX, NULL,
                   PROFILE_COUNT, false},
    [QUEUES] = {"queues", "queues", 1, SIM_BATCH_QUEUES_MAX, NULL,
                PROFILE_COUNT, true},
    [SHARING] = {"sharing", NULL, 0, 0, sharings, PROFILE_CHOICE, true},
    [SHARE_WEIGHT] = {"share_weight_0", "thousandths", 1, 1000000, NULL,
                      PROFILE_COUNT, false},
    [SHARE_WEIGHT + 1] = {"share_weight_1", "thousandths", 1, 1000000, NULL,
                          PROFILE_COUNT, false},
    [SHARE_WEIGHT + 2] = {"share_weight_2", "thousandths", 1, 1000000, NULL,
                          PROFILE_COUNT, false},
    [SHARE_WEIGHT + 3] = {"share_weight_3", "thousandths", 1, 1000000, NULL,
                          PROFILE_COUNT, false},
    [SHARE_DECAY] = {"share_decay", NULL, 0, 7 * DAY, NULL, PROFILE_DURATION,
                     false},
    [COMPUTE_RESERVATION] = {"compute_reservation", NULL, 0, SECOND - 1, NULL,
                             PROFILE_SHARE, false},
    [SCHEDULING] = {"scheduling", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [TICK] = {"tick", NULL, 0, HOUR, NULL, PROFILE_DURATION, false},
    [STATE_TIME_LIMIT] = {"state_time_limit", NULL, 0, DAY, NULL,
                          PROFILE_DURATION, true},
    [PROVISION_MIN] = {"provision_min", NULL, 0, HOUR, NULL, PROFILE_DURATION,
                       false},
    [PROVISION] = {"provision", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [AGENT] = {"agent", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [CAPACITY_ERROR] = {"capacity_error", NULL, 0, SECOND, NULL, PROFILE_SHARE,
                        false},
    [CAPACITY_BACKOFF] = {"capacity_backoff", NULL, SECOND, DAY, NULL,
                          PROFILE_DURATION, false},
    [SCALE_IN] = {"scale_in", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [CONTAINER_START] = {"container_start", NULL, 0, 0, NULL, PROFILE_DIST,
                         false},
    [PULL_BANDWIDTH] = {"pull_bandwidth", NULL, 1, TERABYTE, NULL, PROFILE_SIZE,
                        false},
    [IMAGES_KEPT] = {"images_kept", "images", 1, 16, NULL, PROFILE_COUNT,
                     false},
    [FARGATE_RATE] = {"fargate_rate", NULL, 1, 1000000, NULL, PROFILE_RATE,
                      false},
    [FARGATE_BURST] = {"fargate_burst", "launches", 1, 1000000, NULL,
                       PROFILE_COUNT, false},
    [FARGATE_START] = {"fargate_start", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [FARGATE_BANDWIDTH] = {"fargate_bandwidth", NULL, 1, TERABYTE, NULL,
                           PROFILE_SIZE, false},
    [FARGATE_VCPU_MIN] = {"fargate_vcpu_min", "milli-vCPUs", 1, 1000000, NULL,
                          PROFILE_COUNT, false},
    [FARGATE_VCPU_MAX] = {"fargate_vcpu_max", "milli-vCPUs", 1, 1000000, NULL,
                          PROFILE_COUNT, false},
    [FARGATE_MEMORY_MIN] = {"fargate_memory_min", NULL, 1, 1048576, NULL,
                            PROFILE_MEMORY, false},
    [FARGATE_MEMORY_MAX] = {"fargate_memory_max", NULL, 1, 1048576, NULL,
                            PROFILE_MEMORY, false},
    [FARGATE_MEMORY_STEP] = {"fargate_memory_step", NULL, 1, 1048576, NULL,
                             PROFILE_MEMORY, false},
    [SPOT_UP] = {"spot_up", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [SPOT_DOWN] = {"spot_down", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [SPOT_SCOPE] = {"spot_scope", NULL, 0, 0, scopes, PROFILE_CHOICE, false},
    [SPOT_NOTICE] = {"spot_notice", NULL, 0, HOUR, NULL, PROFILE_DURATION,
                     false},
    [SPOT_DISCOUNT] = {"spot_discount", NULL, 0, SECOND, NULL, PROFILE_SHARE,
                       false},
    [PRICE_INSTANCE] = {"price_instance", "USD/instance-h", 0, 1000 * DOLLAR,
                        NULL, PROFILE_MONEY, false},
    [PRICE_VCPU] = {"price_vcpu", "USD/vCPU-h", 0, DOLLAR, NULL, PROFILE_MONEY,
                    false},
    [PRICE_MEMORY] = {"price_memory", "USD/GB-h", 0, DOLLAR, NULL,
                      PROFILE_MONEY, false},
    [BILLED_MIN] = {"billed_min", NULL, 0, HOUR, NULL, PROFILE_DURATION, false},
};

_Static_assert(COUNT(params) == PARAMS, "every parameter is described");
_Static_assert(PARAMS <= PROFILE_ROWS_MAX, "every parameter has a row");

static uint32_t number32(const struct profile_value *value)
{
    return (uint32_t)value->number;
}

/* "onStatusReason Host EC2* -> RETRY", or "none". */
static bool read_rule(const struct profile_value *value,
                      struct sim_batch_config *config, struct json_error *err)
{
    static const char *const keys[] = {"onStatusReason ", "onReason ",
                                       "onExitCode "};
    struct sim_batch_rule rule = {.retry = false};
    char *patterns[] = {rule.on_status_reason, rule.on_reason,
                        rule.on_exit_code};
    const char *arrow = strstr(value->text, " -> ");
    if (strcmp(value->text, "none") == 0) {
        return true;
    }
    for (size_t i = 0; arrow != NULL && i < COUNT(keys); i++) {
        size_t skip = strlen(keys[i]);
        if (strncmp(value->text, keys[i], skip) == 0 &&
            value->text + skip < arrow) {
            rule.retry = strcmp(arrow + 4, "RETRY") == 0;
            memcpy(patterns[i], value->text + skip,
                   (size_t)(arrow - value->text) - skip);
            if (rule.retry || strcmp(arrow + 4, "EXIT") == 0) {
                config->rules[config->rule_count++] = rule;
                return true;
            }
        }
    }
    return json_fail(value->at, err,
                     "found \"%s\", allowed \"none\" or onStatusReason, "
                     "onReason or onExitCode with a pattern, as in "
                     "\"onStatusReason Host EC2* -> RETRY\" or \"onReason * "
                     "-> EXIT\"",
                     value->text);
}

static struct sim_batch_env env_of(const struct profile_value *v,
                                   enum sim_batch_env_kind kind)
{
    struct sim_batch_env env = {
        .kind = kind,
        .max_vcpus = number32(&v[MAX_VCPUS]),
        .vcpus = number32(&v[INSTANCE_VCPUS]),
        .memory_mb = number32(&v[INSTANCE_MEMORY]),
        .gpus = number32(&v[INSTANCE_GPUS]),
    };
    if (strcmp(v[INSTANCE_LABEL].text, "none") != 0) {
        snprintf(env.labels[0], sizeof env.labels[0], "%s",
                 v[INSTANCE_LABEL].text);
    }
    return env;
}

static bool is_fargate(enum sim_batch_env_kind kind)
{
    return kind >= SIM_BATCH_FARGATE;
}

static bool read_envs(const struct profile_value *v,
                      struct sim_batch_config *config, struct json_error *err)
{
    config->envs[config->env_count++] =
        env_of(v, (enum sim_batch_env_kind)v[COMPUTE].number);
    for (int i = FALLBACK; i <= FALLBACK_2; i++) {
        if (v[i].number == 0) {
            continue;
        }
        enum sim_batch_env_kind kind =
            (enum sim_batch_env_kind)(v[i].number - 1);
        if (is_fargate(kind) != is_fargate(config->envs[0].kind)) {
            return json_fail(v[i].at, err,
                             "found \"%s\" behind \"%s\", allowed EC2 or "
                             "Fargate in one queue, not both",
                             kinds[kind], kinds[config->envs[0].kind]);
        }
        config->envs[config->env_count++] = env_of(v, kind);
    }
    return true;
}

static void set_queues(const struct profile_value *v,
                       struct sim_batch_config *config)
{
    config->submit_rate =
        (struct sim_rate){v[SUBMIT_RATE].number, v[SUBMIT_RATE].per_ns};
    config->submit_burst = number32(&v[SUBMIT_BURST]);
    config->payload_max = v[PAYLOAD_MAX].number;
    config->definition_bytes = v[JOB_DEFINITION].number;
    config->definition_max = v[JOB_DEFINITION_MAX].number;
    config->submitted_max = number32(&v[SUBMITTED_MAX]);
    config->array_max = number32(&v[ARRAY_MAX]);
    config->queues = number32(&v[QUEUES]);
    config->fair_share = v[SHARING].number == 1;
    for (uint32_t i = 0; i < SIM_BATCH_SHARES_MAX; i++) {
        config->weights_milli[i] =
            i < WEIGHTS ? number32(&v[SHARE_WEIGHT + i]) : 1000;
    }
    config->share_decay_ns = v[SHARE_DECAY].number;
    config->compute_reservation_ppb = number32(&v[COMPUTE_RESERVATION]);
    config->scheduling = v[SCHEDULING].dist;
    config->tick_ns = v[TICK].number;
    config->state_limit_ns = v[STATE_TIME_LIMIT].number;
    config->attempts = number32(&v[ATTEMPTS]);
    config->timeout_ns = v[TIMEOUT].number;
    config->timeout_min_ns = v[TIMEOUT_MIN].number;
}

static void set_compute(const struct profile_value *v,
                        struct sim_batch_config *config)
{
    config->provision_min_ns = v[PROVISION_MIN].number;
    config->provision = v[PROVISION].dist;
    config->agent = v[AGENT].dist;
    config->capacity_error_ppb = number32(&v[CAPACITY_ERROR]);
    config->capacity_backoff_ns = v[CAPACITY_BACKOFF].number;
    config->scale_in = v[SCALE_IN].dist;
    config->container = v[CONTAINER_START].dist;
    config->pull_bytes_s = v[PULL_BANDWIDTH].number;
    config->images_kept = number32(&v[IMAGES_KEPT]);
    config->image_bytes = v[IMAGE_SIZE].number;
    config->fargate_rate =
        (struct sim_rate){v[FARGATE_RATE].number, v[FARGATE_RATE].per_ns};
    config->fargate_burst = number32(&v[FARGATE_BURST]);
    config->fargate_start = v[FARGATE_START].dist;
    config->fargate_bytes_s = v[FARGATE_BANDWIDTH].number;
    config->fargate_cpu_min = number32(&v[FARGATE_VCPU_MIN]);
    config->fargate_cpu_max = number32(&v[FARGATE_VCPU_MAX]);
    config->fargate_mb_min = number32(&v[FARGATE_MEMORY_MIN]);
    config->fargate_mb_max = number32(&v[FARGATE_MEMORY_MAX]);
    config->fargate_mb_step = number32(&v[FARGATE_MEMORY_STEP]);
    config->vcpu_default_milli = number32(&v[VCPU_DEFAULT]);
    config->memory_default_mb = number32(&v[MEMORY_DEFAULT]);
}

static void set_market(const struct profile_value *v,
                       struct sim_batch_config *config)
{
    config->spot_up = v[SPOT_UP].dist;
    config->spot_down = v[SPOT_DOWN].dist;
    config->spot_zone = v[SPOT_SCOPE].number == 1;
    config->spot_notice_ns = v[SPOT_NOTICE].number;
    config->spot_discount_ppb = number32(&v[SPOT_DISCOUNT]);
    config->price_instance_pico = v[PRICE_INSTANCE].number;
    config->price_vcpu_pico = v[PRICE_VCPU].number;
    config->price_gb_pico = v[PRICE_MEMORY].number;
    config->billed_min_ns = v[BILLED_MIN].number;
}

static bool check(const struct profile_value *v, struct json_error *err)
{
    if (v[TIMEOUT].number != 0 && v[TIMEOUT].number < v[TIMEOUT_MIN].number) {
        return json_fail(v[TIMEOUT].at, err,
                         "found a timeout of %llus, allowed 0s for none or at "
                         "least %llus",
                         (unsigned long long)(v[TIMEOUT].number / SECOND),
                         (unsigned long long)(v[TIMEOUT_MIN].number / SECOND));
    }
    if (v[SHARING].number == 1 && v[QUEUES].number > 1) {
        return json_fail(v[QUEUES].at, err,
                         "found %llu queues with fair share, allowed 1: a "
                         "step's priority is that within its share",
                         (unsigned long long)v[QUEUES].number);
    }
    return true;
}

static bool build(const struct profile_value *values,
                  const struct data_files *files, struct profile *profile,
                  struct json_error *err)
{
    struct sim_batch_config *config = &profile->batch.config;
    struct sim_model model;
    (void)files;
    *config = (struct sim_batch_config){.env_count = 0};
    if (!check(values, err) || !read_envs(values, config, err)) {
        return false;
    }
    for (int i = RULE_1; i <= RULE_5; i++) {
        if (!read_rule(&values[i], config, err)) {
            return false;
        }
    }
    set_queues(values, config);
    set_compute(values, config);
    set_market(values, config);
    profile->threads = number32(&values[THREADS]);
    int error = sim_batch_model(&model, config, 0);
    if (error != 0) {
        return json_fail(values[SUBMIT_RATE].at, err,
                         error == -1 ? "memory ran out"
                                     : "found limits that cannot be counted "
                                       "together");
    }
    model.ops->free(model.self);
    return true;
}

static int make_model(const struct profile *profile,
                      const struct sim_demand *demands, uint32_t count,
                      uint64_t seed, struct sim_model *model)
{
    (void)demands;
    (void)count;
    return sim_batch_model(model, &profile->batch.config, seed);
}

const struct profile_platform profile_batch_platform = {
    .name = "batch",
    .params = params,
    .count = COUNT(params),
    .build = build,
    .model = make_model,
    .dispatch_timeout_ns = UINT64_C(600000000000),
    .dispatch_timeout_why = "batch: a job waits for an instance to start",
};
