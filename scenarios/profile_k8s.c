#include <stdio.h>
#include <string.h>

#include "scenarios/profile_values.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)
#define TERABYTE UINT64_C(1000000000000)
#define DOLLAR UINT64_C(1000000000000) /* in pico-dollars */
#define MEMORY_MAX 16777216
#define CPU_MAX 1000000
#define BILLION UINT64_C(1000000000)

enum {
    NODES,
    NODES_MAX,
    NODE_CPU,
    NODE_MEMORY,
    NODE_LABEL,
    GPU_NODES,
    GPU_NODES_MAX,
    GPU_NODE_CPU,
    GPU_NODE_MEMORY,
    GPU_NODE_GPUS,
    GPU_NODE_LABEL,
    AUTOSCALER,
    RESTART_POLICY,
    DEFAULT_CPU,
    DEFAULT_MEMORY,
    IMAGE_SIZE,
    ACTIVE_DEADLINE,
    QUOTA_PODS,
    QUOTA_CPU,
    QUOTA_MEMORY,
    QUOTA_GPUS,
    CLIENT_RATE,
    CLIENT_BURST,
    CLIENT_WAIT_MAX,
    REQUESTS_INFLIGHT,
    API_LATENCY,
    RETRY_AFTER,
    OBJECT_MAX,
    CONTROLLER_RATE,
    CONTROLLER_BURST,
    JOB_SYNC,
    BACKOFF_LIMIT,
    RECREATE_FIRST,
    RECREATE_MAX,
    DISRUPTIONS_COUNT,
    DUPLICATE_PODS,
    CREATE_RETRY_FIRST,
    CREATE_RETRY_MAX,
    SCHEDULE_RATE,
    BINDING_RATE,
    BINDING_BURST,
    UNSCHEDULABLE_FIRST,
    UNSCHEDULABLE_MAX,
    NODES_SCORED,
    PREEMPTION,
    PODS_PER_NODE,
    PODS_PER_CORE,
    CPU_LIMITS,
    PULL_BANDWIDTH,
    REGISTRY_LATENCY,
    REGISTRY_RATE,
    REGISTRY_BURST,
    IMAGES_PER_NODE,
    IMAGE_BACKOFF_FIRST,
    IMAGE_BACKOFF_MAX,
    START,
    STATUS_DELAY,
    CRASH_FIRST,
    CRASH_MAX,
    CRASH_RESET,
    GRACE,
    EVICTION_MEMORY,
    EVICTION_PERIOD,
    PRESSURE_TRANSITION,
    HEARTBEAT,
    MONITOR_PERIOD,
    MONITOR_GRACE,
    TOLERATION,
    EVICTION_RATE,
    SECONDARY_RATE,
    UNHEALTHY_SHARE,
    LARGE_CLUSTER,
    NODE_REPAIR,
    PARTITION_SHARE,
    PARTITION,
    SCAN_INTERVAL,
    SCALE_DECISION,
    BATCH_IDLE,
    BATCH_MAX,
    NODE_BOOT,
    SCALE_DOWN_AFTER,
    LEASE,
    LEASE_RENEW,
    LEASE_RETRY,
    PRICE_NODE,
    PRICE_GPU_NODE,
    PRICE_CONTROL_PLANE,
    PARAMS,
};

static const char *const answers[] = {"no", "yes", NULL};
static const char *const scalers[] = {"none", "cluster-autoscaler", "karpenter",
                                      NULL};
static const char *const policies[] = {"Never", "OnFailure", NULL};

/* In their order, what a scenario may write beside the profile first. */
static const struct profile_param params[] = {
    [NODES] = {"nodes", "nodes", 0, SIM_K8S_NODES_MAX, NULL, PROFILE_COUNT,
               true},
    [NODES_MAX] = {"nodes_max", "nodes", 0, SIM_K8S_NODES_MAX, NULL,
                   PROFILE_COUNT, true},
    [NODE_CPU] = {"node_cpu", "milli", 1, CPU_MAX, NULL, PROFILE_COUNT, true},
    [NODE_MEMORY] = {"node_memory", NULL, 1, MEMORY_MAX, NULL, PROFILE_MEMORY,
                     true},
    [NODE_LABEL] = {"node_label", NULL, 0, 0, NULL, PROFILE_TEXT, true},
    [GPU_NODES] = {"gpu_nodes", "nodes", 0, SIM_K8S_NODES_MAX, NULL,
                   PROFILE_COUNT, true},
    [GPU_NODES_MAX] = {"gpu_nodes_max", "nodes", 0, SIM_K8S_NODES_MAX, NULL,
                       PROFILE_COUNT, true},
    [GPU_NODE_CPU] = {"gpu_node_cpu", "milli", 1, CPU_MAX, NULL, PROFILE_COUNT,
                      true},
    [GPU_NODE_MEMORY] = {"gpu_node_memory", NULL, 1, MEMORY_MAX, NULL,
                         PROFILE_MEMORY, true},
    [GPU_NODE_GPUS] = {"gpu_node_gpus", "GPUs", 0, 64, NULL, PROFILE_COUNT,
                       true},
    [GPU_NODE_LABEL] = {"gpu_node_label", NULL, 0, 0, NULL, PROFILE_TEXT, true},
    [AUTOSCALER] = {"autoscaler", NULL, 0, 0, scalers, PROFILE_CHOICE, true},
    [RESTART_POLICY] = {"restart_policy", NULL, 0, 0, policies, PROFILE_CHOICE,
                        true},
    [DEFAULT_CPU] = {"default_cpu", "milli", 0, CPU_MAX, NULL, PROFILE_COUNT,
                     true},
    [DEFAULT_MEMORY] = {"default_memory", NULL, 0, MEMORY_MAX, NULL,
                        PROFILE_MEMORY, true},
    [IMAGE_SIZE] = {"image_size", NULL, 0, TERABYTE, NULL, PROFILE_SIZE, true},
    [ACTIVE_DEADLINE] = {"active_deadline", NULL, 0, 365 * DAY, NULL,
                         PROFILE_DURATION, true},
    [QUOTA_PODS] = {"quota_pods", "pods", 0, 10000000, NULL, PROFILE_COUNT,
                    true},
    [QUOTA_CPU] = {"quota_cpu", "milli", 0, UINT64_C(1000000000000), NULL,
                   PROFILE_COUNT, true},
    [QUOTA_MEMORY] = {"quota_memory", NULL, 0, UINT64_C(1000000000), NULL,
                      PROFILE_MEMORY, true},
    [QUOTA_GPUS] = {"quota_gpus", "GPUs", 0, 10000000, NULL, PROFILE_COUNT,
                    true},
    [CLIENT_RATE] = {"client_rate", NULL, 1, 1000000, NULL, PROFILE_RATE,
                     false},
    [CLIENT_BURST] = {"client_burst", "requests", 1, 1000000, NULL,
                      PROFILE_COUNT, false},
    [CLIENT_WAIT_MAX] = {"client_wait_max", NULL, 0, DAY, NULL,
                         PROFILE_DURATION, false},
    [REQUESTS_INFLIGHT] = {"requests_inflight", "requests", 1, 1000000, NULL,
                           PROFILE_COUNT, false},
    [API_LATENCY] = {"api_latency", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [RETRY_AFTER] = {"retry_after", NULL, MS, HOUR, NULL, PROFILE_DURATION,
                     false},
    [OBJECT_MAX] = {"object_max", NULL, 1, TERABYTE, NULL, PROFILE_SIZE, false},
    [CONTROLLER_RATE] = {"controller_rate", NULL, 1, 1000000, NULL,
                         PROFILE_RATE, false},
    [CONTROLLER_BURST] = {"controller_burst", "requests", 1, 1000000, NULL,
                          PROFILE_COUNT, false},
    [JOB_SYNC] = {"job_sync", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [BACKOFF_LIMIT] = {"backoff_limit", "failures", 0, 1000000, NULL,
                       PROFILE_COUNT, false},
    [RECREATE_FIRST] = {"recreate_first", NULL, 0, DAY, NULL, PROFILE_DURATION,
                        false},
    [RECREATE_MAX] = {"recreate_max", NULL, 0, DAY, NULL, PROFILE_DURATION,
                      false},
    [DISRUPTIONS_COUNT] = {"disruptions_count", NULL, 0, 0, answers,
                           PROFILE_CHOICE, false},
    [DUPLICATE_PODS] = {"duplicate_pods", NULL, 0, BILLION, NULL, PROFILE_SHARE,
                        false},
    [CREATE_RETRY_FIRST] = {"create_retry_first", NULL, MS, DAY, NULL,
                            PROFILE_DURATION, false},
    [CREATE_RETRY_MAX] = {"create_retry_max", NULL, MS, DAY, NULL,
                          PROFILE_DURATION, false},
    [SCHEDULE_RATE] = {"schedule_rate", NULL, 1, 1000000, NULL, PROFILE_RATE,
                       false},
    [BINDING_RATE] = {"binding_rate", NULL, 1, 1000000, NULL, PROFILE_RATE,
                      false},
    [BINDING_BURST] = {"binding_burst", "requests", 1, 1000000, NULL,
                       PROFILE_COUNT, false},
    [UNSCHEDULABLE_FIRST] = {"unschedulable_first", NULL, 0, DAY, NULL,
                             PROFILE_DURATION, false},
    [UNSCHEDULABLE_MAX] = {"unschedulable_max", NULL, 0, DAY, NULL,
                           PROFILE_DURATION, false},
    [NODES_SCORED] = {"nodes_scored", "nodes", 1, SIM_K8S_NODES_MAX, NULL,
                      PROFILE_COUNT, false},
    [PREEMPTION] = {"preemption", NULL, 0, 0, answers, PROFILE_CHOICE, false},
    [PODS_PER_NODE] = {"pods_per_node", "pods", 1, 10000, NULL, PROFILE_COUNT,
                       false},
    [PODS_PER_CORE] = {"pods_per_core", "pods", 1, 10000, NULL, PROFILE_COUNT,
                       false},
    [CPU_LIMITS] = {"cpu_limits", NULL, 0, 0, answers, PROFILE_CHOICE, false},
    [PULL_BANDWIDTH] = {"pull_bandwidth", NULL, 1, 10 * BILLION, NULL,
                        PROFILE_SIZE, false},
    [REGISTRY_LATENCY] = {"registry_latency", NULL, 0, 0, NULL, PROFILE_DIST,
                          false},
    [REGISTRY_RATE] = {"registry_rate", NULL, 1, 1000000, NULL, PROFILE_RATE,
                       false},
    [REGISTRY_BURST] = {"registry_burst", "pulls", 1, 1000000, NULL,
                        PROFILE_COUNT, false},
    [IMAGES_PER_NODE] = {"images_per_node", "images", 1, SIM_K8S_IMAGES_MAX,
                         NULL, PROFILE_COUNT, false},
    [IMAGE_BACKOFF_FIRST] = {"image_backoff_first", NULL, MS, DAY, NULL,
                             PROFILE_DURATION, false},
    [IMAGE_BACKOFF_MAX] = {"image_backoff_max", NULL, MS, DAY, NULL,
                           PROFILE_DURATION, false},
    [START] = {"start", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [STATUS_DELAY] = {"status_delay", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [CRASH_FIRST] = {"crash_first", NULL, 0, DAY, NULL, PROFILE_DURATION,
                     false},
    [CRASH_MAX] = {"crash_max", NULL, 0, DAY, NULL, PROFILE_DURATION, false},
    [CRASH_RESET] = {"crash_reset", NULL, 0, DAY, NULL, PROFILE_DURATION,
                     false},
    [GRACE] = {"grace", NULL, 0, DAY, NULL, PROFILE_DURATION, false},
    [EVICTION_MEMORY] = {"eviction_memory", NULL, 0, MEMORY_MAX, NULL,
                         PROFILE_MEMORY, false},
    [EVICTION_PERIOD] = {"eviction_period", NULL, MS, DAY, NULL,
                         PROFILE_DURATION, false},
    [PRESSURE_TRANSITION] = {"pressure_transition", NULL, 0, DAY, NULL,
                             PROFILE_DURATION, false},
    [HEARTBEAT] = {"heartbeat", NULL, MS, DAY, NULL, PROFILE_DURATION, false},
    [MONITOR_PERIOD] = {"monitor_period", NULL, MS, DAY, NULL, PROFILE_DURATION,
                        false},
    [MONITOR_GRACE] = {"monitor_grace", NULL, MS, DAY, NULL, PROFILE_DURATION,
                       false},
    [TOLERATION] = {"toleration", NULL, 0, 365 * DAY, NULL, PROFILE_DURATION,
                    false},
    [EVICTION_RATE] = {"eviction_rate", NULL, 1, 1000000, NULL, PROFILE_RATE,
                       false},
    [SECONDARY_RATE] = {"secondary_rate", NULL, 1, 1000000, NULL, PROFILE_RATE,
                        false},
    [UNHEALTHY_SHARE] = {"unhealthy_share", NULL, 0, BILLION, NULL,
                         PROFILE_SHARE, false},
    [LARGE_CLUSTER] = {"large_cluster", "nodes", 0, SIM_K8S_NODES_MAX, NULL,
                       PROFILE_COUNT, false},
    [NODE_REPAIR] = {"node_repair", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [PARTITION_SHARE] = {"partition_share", NULL, 0, BILLION, NULL,
                         PROFILE_SHARE, true},
    [PARTITION] = {"partition", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [SCAN_INTERVAL] = {"scan_interval", NULL, MS, DAY, NULL, PROFILE_DURATION,
                       false},
    [SCALE_DECISION] = {"scale_decision", NULL, 0, 0, NULL, PROFILE_DIST,
                        false},
    [BATCH_IDLE] = {"batch_idle", NULL, 0, DAY, NULL, PROFILE_DURATION, false},
    [BATCH_MAX] = {"batch_max", NULL, 0, DAY, NULL, PROFILE_DURATION, false},
    [NODE_BOOT] = {"node_boot", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [SCALE_DOWN_AFTER] = {"scale_down_after", NULL, 0, 365 * DAY, NULL,
                          PROFILE_DURATION, false},
    [LEASE] = {"lease", NULL, MS, DAY, NULL, PROFILE_DURATION, false},
    [LEASE_RENEW] = {"lease_renew", NULL, MS, DAY, NULL, PROFILE_DURATION,
                     false},
    [LEASE_RETRY] = {"lease_retry", NULL, MS, DAY, NULL, PROFILE_DURATION,
                     false},
    [PRICE_NODE] = {"price_node", "USD/node-hour", 0, 1000 * DOLLAR, NULL,
                    PROFILE_MONEY, false},
    [PRICE_GPU_NODE] = {"price_gpu_node", "USD/node-hour", 0, 1000 * DOLLAR,
                        NULL, PROFILE_MONEY, false},
    [PRICE_CONTROL_PLANE] = {"price_control_plane", "USD/hour", 0,
                             1000 * DOLLAR, NULL, PROFILE_MONEY, false},
};

_Static_assert(COUNT(params) == PARAMS, "every parameter is described");
_Static_assert(PARAMS <= PROFILE_ROWS_MAX, "every parameter has a row");

static uint32_t number32(const struct profile_value *value)
{
    return (uint32_t)value->number;
}

static struct sim_rate rate_of(const struct profile_value *value)
{
    return (struct sim_rate){value->number, value->per_ns};
}

static struct sim_k8s_qps qps_of(const struct profile_value *rate,
                                 const struct profile_value *burst)
{
    return (struct sim_k8s_qps){rate_of(rate), number32(burst)};
}

/* Prices are read in pico-dollars. */
static uint64_t nano_of(const struct profile_value *value)
{
    return value->number / 1000;
}

static void set_groups(const struct profile_value *v,
                       struct sim_k8s_config *config)
{
    config->group_count =
        v[GPU_NODES].number > 0 || v[GPU_NODES_MAX].number > 0 ? 2 : 1;
    config->groups[0] = (struct sim_k8s_group){
        .nodes = number32(&v[NODES]),
        .nodes_max = number32(&v[NODES_MAX]),
        .cpu_milli = number32(&v[NODE_CPU]),
        .memory_mb = number32(&v[NODE_MEMORY]),
        .price_hour_nano = nano_of(&v[PRICE_NODE]),
    };
    config->groups[1] = (struct sim_k8s_group){
        .nodes = number32(&v[GPU_NODES]),
        .nodes_max = number32(&v[GPU_NODES_MAX]),
        .cpu_milli = number32(&v[GPU_NODE_CPU]),
        .memory_mb = number32(&v[GPU_NODE_MEMORY]),
        .gpus = number32(&v[GPU_NODE_GPUS]),
        .price_hour_nano = nano_of(&v[PRICE_GPU_NODE]),
    };
    snprintf(config->groups[0].labels[0], SIM_K8S_LABEL_MAX, "%s",
             v[NODE_LABEL].text);
    snprintf(config->groups[1].labels[0], SIM_K8S_LABEL_MAX, "%s",
             v[GPU_NODE_LABEL].text);
}

static void set_control_plane(const struct profile_value *v,
                              struct sim_k8s_config *config)
{
    config->client = qps_of(&v[CLIENT_RATE], &v[CLIENT_BURST]);
    config->client_wait_max_ns = v[CLIENT_WAIT_MAX].number;
    config->inflight_max = number32(&v[REQUESTS_INFLIGHT]);
    config->api_latency = v[API_LATENCY].dist;
    config->retry_after_ns = v[RETRY_AFTER].number;
    config->object_max = v[OBJECT_MAX].number;
    config->controller = qps_of(&v[CONTROLLER_RATE], &v[CONTROLLER_BURST]);
    config->job_sync = v[JOB_SYNC].dist;
    config->backoff_limit = number32(&v[BACKOFF_LIMIT]);
    config->recreate_first_ns = v[RECREATE_FIRST].number;
    config->recreate_max_ns = v[RECREATE_MAX].number;
    config->active_deadline_ns = v[ACTIVE_DEADLINE].number;
    config->restart_on_failure = v[RESTART_POLICY].number == 1;
    config->disruptions_count = v[DISRUPTIONS_COUNT].number == 1;
    config->duplicate_ppb = number32(&v[DUPLICATE_PODS]);
    config->create_retry_first_ns = v[CREATE_RETRY_FIRST].number;
    config->create_retry_max_ns = v[CREATE_RETRY_MAX].number;
    config->quota = (struct sim_k8s_quota){
        .pods = number32(&v[QUOTA_PODS]),
        .cpu_milli = v[QUOTA_CPU].number,
        .memory_mb = v[QUOTA_MEMORY].number,
        .gpus = number32(&v[QUOTA_GPUS]),
    };
    config->schedule_rate = rate_of(&v[SCHEDULE_RATE]);
    config->binding = qps_of(&v[BINDING_RATE], &v[BINDING_BURST]);
    config->unschedulable_first_ns = v[UNSCHEDULABLE_FIRST].number;
    config->unschedulable_max_ns = v[UNSCHEDULABLE_MAX].number;
    config->nodes_scored = number32(&v[NODES_SCORED]);
    config->preemption = v[PREEMPTION].number == 1;
    config->lease_ns = v[LEASE].number;
    config->renew_ns = v[LEASE_RENEW].number;
    config->lease_retry_ns = v[LEASE_RETRY].number;
    config->control_price_hour_nano = nano_of(&v[PRICE_CONTROL_PLANE]);
}

static void set_kubelet(const struct profile_value *v,
                        struct sim_k8s_config *config)
{
    config->pods_per_node = number32(&v[PODS_PER_NODE]);
    config->pods_per_core = number32(&v[PODS_PER_CORE]);
    config->default_cpu_milli = number32(&v[DEFAULT_CPU]);
    config->default_memory_mb = number32(&v[DEFAULT_MEMORY]);
    config->cpu_limits = v[CPU_LIMITS].number == 1;
    config->image_bytes = v[IMAGE_SIZE].number;
    config->pull_bytes_s = v[PULL_BANDWIDTH].number;
    config->registry_latency = v[REGISTRY_LATENCY].dist;
    config->registry = qps_of(&v[REGISTRY_RATE], &v[REGISTRY_BURST]);
    config->images_per_node = number32(&v[IMAGES_PER_NODE]);
    config->image_backoff_first_ns = v[IMAGE_BACKOFF_FIRST].number;
    config->image_backoff_max_ns = v[IMAGE_BACKOFF_MAX].number;
    config->start = v[START].dist;
    config->status_delay = v[STATUS_DELAY].dist;
    config->crash_first_ns = v[CRASH_FIRST].number;
    config->crash_max_ns = v[CRASH_MAX].number;
    config->crash_reset_ns = v[CRASH_RESET].number;
    config->grace_ns = v[GRACE].number;
    config->eviction_memory_mb = number32(&v[EVICTION_MEMORY]);
    config->eviction_period_ns = v[EVICTION_PERIOD].number;
    config->pressure_ns = v[PRESSURE_TRANSITION].number;
}

static void set_nodes(const struct profile_value *v,
                      struct sim_k8s_config *config)
{
    config->heartbeat_ns = v[HEARTBEAT].number;
    config->monitor_ns = v[MONITOR_PERIOD].number;
    config->monitor_grace_ns = v[MONITOR_GRACE].number;
    config->toleration_ns = v[TOLERATION].number;
    config->eviction_rate = rate_of(&v[EVICTION_RATE]);
    config->secondary_rate = rate_of(&v[SECONDARY_RATE]);
    config->unhealthy_ppb = number32(&v[UNHEALTHY_SHARE]);
    config->large_cluster = number32(&v[LARGE_CLUSTER]);
    config->repair = v[NODE_REPAIR].dist;
    config->partition_ppb = number32(&v[PARTITION_SHARE]);
    config->partition = v[PARTITION].dist;
    config->scaler = (enum sim_k8s_scaler)v[AUTOSCALER].number;
    config->scan_ns = v[SCAN_INTERVAL].number;
    config->decision = v[SCALE_DECISION].dist;
    config->batch_idle_ns = v[BATCH_IDLE].number;
    config->batch_max_ns = v[BATCH_MAX].number;
    config->boot = v[NODE_BOOT].dist;
    config->scale_down_ns = v[SCALE_DOWN_AFTER].number;
}

/* The largest of two that belong together is not the smaller one. */
static bool check_pair(const struct profile_value *v, int first, int max,
                       struct json_error *err)
{
    if (v[max].number >= v[first].number) {
        return true;
    }
    return json_fail(v[max].at, err,
                     "found less than %s, allowed at least as much",
                     params[first].name);
}

static bool check_label(const struct profile_value *value,
                        struct json_error *err)
{
    const char *equals = strchr(value->text, '=');
    if (equals != NULL && equals > value->text && equals[1] != '\0') {
        return true;
    }
    return json_fail(value->at, err,
                     "found \"%s\", allowed a label such as \"pool=default\"",
                     value->text);
}

/* What ties values together, each with the place where it is broken. */
static bool check(const struct profile_value *v, struct json_error *err)
{
    static const int pairs[][2] = {
        {RECREATE_FIRST, RECREATE_MAX},
        {CREATE_RETRY_FIRST, CREATE_RETRY_MAX},
        {UNSCHEDULABLE_FIRST, UNSCHEDULABLE_MAX},
        {IMAGE_BACKOFF_FIRST, IMAGE_BACKOFF_MAX},
        {CRASH_FIRST, CRASH_MAX},
        {HEARTBEAT, MONITOR_GRACE},
        {LEASE_RENEW, LEASE},
        {LEASE_RETRY, LEASE_RENEW},
        {BATCH_IDLE, BATCH_MAX},
    };
    for (size_t i = 0; i < COUNT(pairs); i++) {
        if (!check_pair(v, pairs[i][0], pairs[i][1], err)) {
            return false;
        }
    }
    return check_label(&v[NODE_LABEL], err) &&
           check_label(&v[GPU_NODE_LABEL], err);
}

/* Without a scaler there are never more than from the beginning. */
static void settle(struct sim_k8s_config *config)
{
    for (uint32_t i = 0; i < config->group_count; i++) {
        struct sim_k8s_group *group = &config->groups[i];
        if (config->scaler == SIM_K8S_SCALER_NONE ||
            group->nodes_max < group->nodes) {
            group->nodes_max = group->nodes;
        }
    }
}

/* The last word on whether the numbers fit together is the model's. */
static bool try_out(const struct profile_value *v,
                    const struct sim_k8s_config *config, struct json_error *err)
{
    struct sim_model model;
    int error = sim_k8s_model(&model, config, 0);
    if (error == 0) {
        model.ops->free(model.self);
        return true;
    }
    return json_fail(v[CLIENT_RATE].at, err,
                     error == SIM_K8S_ENOMEM
                         ? "memory ran out"
                         : "found rates and limits that cannot be counted "
                           "together");
}

static bool build(const struct profile_value *values,
                  const struct data_files *files, struct profile *profile,
                  struct json_error *err)
{
    struct sim_k8s_config *config = &profile->k8s.config;
    (void)files;
    if (!check(values, err)) {
        return false;
    }
    *config = (struct sim_k8s_config){.group_count = 0};
    set_groups(values, config);
    set_control_plane(values, config);
    set_kubelet(values, config);
    set_nodes(values, config);
    settle(config);
    return try_out(values, config, err);
}

static int make_model(const struct profile *profile,
                      const struct sim_demand *demands, uint32_t count,
                      uint64_t seed, struct sim_model *model)
{
    (void)demands;
    (void)count;
    return sim_k8s_model(model, &profile->k8s.config, seed);
}

const struct profile_platform profile_k8s_platform = {
    .name = "kubernetes",
    .params = params,
    .count = COUNT(params),
    .build = build,
    .model = make_model,
    .dispatch_timeout_ns = UINT64_C(120000000000),
    .dispatch_timeout_why =
        "kubernetes: a pod waits for a node, and pulls its image",
};
