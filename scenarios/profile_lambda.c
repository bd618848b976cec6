#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/init_times.h"
#include "scenarios/profile_lambda.h"
#include "scenarios/profile_values.h"
#include "sim/platform/lambda_model.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define GIGABYTE UINT64_C(1000000000)
#define DOLLAR UINT64_C(1000000000000) /* in pico-dollars */

static const char *const packages[] = {"zip", "image", NULL};
static const char *const archs[] = {"x86_64", "arm64", NULL};
static const char *const invocations[] = {"sync", "async", NULL};
static const char *const selections[] = {"newest", "oldest", NULL};
static const char *const answers[] = {"no", "yes", NULL};
static const char *const init_sources[] = {"table", NULL};

static const struct profile_param params[] = {
    [RUNTIME] = {"runtime", NULL, 0, 0, NULL, PROFILE_TEXT, true},
    [PACKAGE] = {"package", NULL, 0, 0, packages, PROFILE_CHOICE, true},
    [ARCH] = {"arch", NULL, 0, 0, archs, PROFILE_CHOICE, true},
    [MEMORY] = {"memory", NULL, 1, 1048576, NULL, PROFILE_MEMORY, true},
    [TIMEOUT] = {"timeout", NULL, SECOND, 24 * HOUR, NULL, PROFILE_DURATION,
                 true},
    [INVOCATION] = {"invocation", NULL, 0, 0, invocations, PROFILE_CHOICE,
                    true},
    [THREADS] = {"threads", "threads", 1, 1000, NULL, PROFILE_COUNT, true},
    [DEPENDENCIES] = {"dependencies", NULL, 0, 10240, NULL, PROFILE_MEMORY,
                      true},
    [VPC] = {"vpc", NULL, 0, 0, answers, PROFILE_CHOICE, true},
    [RESERVED] = {"reserved_concurrency", "envs", 0, 1000000, NULL,
                  PROFILE_RESERVED, false},
    [PROVISIONED] = {"provisioned_concurrency", "envs", 0, 1000000, NULL,
                     PROFILE_COUNT, true},
    [UNZIPPED] = {"unzipped", NULL, 0, 102400, NULL, PROFILE_MEMORY, true},
    [IMAGE_SIZE] = {"image_size", NULL, 0, 102400, NULL, PROFILE_MEMORY, true},
    [ACCOUNT_CONCURRENCY] = {"account_concurrency", "envs", 1, 1000000, NULL,
                             PROFILE_COUNT, false},
    [UNRESERVED_MIN] = {"unreserved_min", "envs", 0, 1000000, NULL,
                        PROFILE_COUNT, false},
    [SCALING_BURST] = {"scaling_burst", "envs", 1, 1000000, NULL, PROFILE_COUNT,
                       false},
    [SCALING_REFILL] = {"scaling_refill", NULL, 1, 1000000, NULL, PROFILE_RATE,
                        false},
    [REQUEST_RATE] = {"request_rate", NULL, 1, 10000, NULL, PROFILE_RATE,
                      false},
    [SELECTION] = {"selection", NULL, 0, 0, selections, PROFILE_CHOICE, false},
    [IDLE_EXPIRY] = {"idle_expiry", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [MEMORY_MIN] = {"memory_min", NULL, 1, 1048576, NULL, PROFILE_MEMORY,
                    false},
    [MEMORY_MAX] = {"memory_max", NULL, 1, 1048576, NULL, PROFILE_MEMORY,
                    false},
    [VCPU_MEMORY] = {"vcpu_memory", NULL, 1, 1048576, NULL, PROFILE_MEMORY,
                     false},
    [VCPU_MAX] = {"vcpu_max", "vCPUs", 1, 1000, NULL, PROFILE_COUNT, false},
    [TIMEOUT_MAX] = {"timeout_max", NULL, SECOND, 24 * HOUR, NULL,
                     PROFILE_DURATION, false},
    [PAYLOAD_SYNC] = {"payload_sync", NULL, 1, GIGABYTE, NULL, PROFILE_SIZE,
                      false},
    [PAYLOAD_ASYNC] = {"payload_async", NULL, 1, GIGABYTE, NULL, PROFILE_SIZE,
                       false},
    [INIT_TABLE] = {"init_table", NULL, 0, 0, NULL, PROFILE_TEXT, false},
    [INIT_LIMIT] = {"init_limit", NULL, 1, 24 * HOUR, NULL, PROFILE_DURATION,
                    false},
    [INIT_PER_DEPENDENCY_MB] = {"init_per_dependency_mb", NULL, 0, 10 * SECOND,
                                NULL, PROFILE_DURATION, false},
    [PLACEMENT] = {"placement", NULL, 0, 0, NULL, PROFILE_DIST, false},
    [PLACEMENT_IMAGE_EXTRA] = {"placement_image_extra", NULL, 0, HOUR, NULL,
                               PROFILE_DURATION, false},
    [PLACEMENT_VPC_EXTRA] = {"placement_vpc_extra", NULL, 0, HOUR, NULL,
                             PROFILE_DURATION, false},
    [ASYNC_RETRIES] = {"async_retries", "retries", 0,
                       SIM_LAMBDA_QUEUE_RETRIES_MAX, NULL, PROFILE_COUNT,
                       false},
    [ASYNC_RETRY_1] = {"async_retry_1", NULL, 0, 24 * HOUR, NULL,
                       PROFILE_DURATION, false},
    [ASYNC_RETRY_2] = {"async_retry_2", NULL, 0, 24 * HOUR, NULL,
                       PROFILE_DURATION, false},
    [ASYNC_THROTTLE_FIRST] = {"async_throttle_first", NULL, MS, 24 * HOUR, NULL,
                              PROFILE_DURATION, false},
    [ASYNC_THROTTLE_MAX] = {"async_throttle_max", NULL, MS, 24 * HOUR, NULL,
                            PROFILE_DURATION, false},
    [ASYNC_AGE_MAX] = {"async_age_max", NULL, SECOND, 24 * HOUR, NULL,
                       PROFILE_DURATION, false},
    [ASYNC_DUPLICATES] = {"async_duplicates", NULL, 0, 1000000000, NULL,
                          PROFILE_SHARE, false},
    [BILLING_STEP] = {"billing_step", NULL, MS, HOUR, NULL, PROFILE_DURATION,
                      false},
    [INIT_BILLED] = {"init_billed", NULL, 0, 0, answers, PROFILE_CHOICE, false},
    [PRICE_X86] = {"price_x86", "USD/GB-s", 0, DOLLAR / 1000, NULL,
                   PROFILE_MONEY, false},
    [PRICE_ARM] = {"price_arm", "USD/GB-s", 0, DOLLAR / 1000, NULL,
                   PROFILE_MONEY, false},
    [PRICE_REQUESTS] = {"price_requests", "USD/million requests", 0,
                        1000 * DOLLAR, NULL, PROFILE_MONEY, false},
    [PACKAGE_ZIP_MAX] = {"package_zip_max", NULL, 1, 102400, NULL,
                         PROFILE_MEMORY, false},
    [PACKAGE_UNZIPPED_MAX] = {"package_unzipped_max", NULL, 1, 102400, NULL,
                              PROFILE_MEMORY, false},
    [PACKAGE_IMAGE_MAX] = {"package_image_max", NULL, 1, 102400, NULL,
                           PROFILE_MEMORY, false},
    [INIT] = {"init", NULL, 0, 0, init_sources, PROFILE_DIST, false},
    [INIT_DAY_SHARE] = {"init_day_share", NULL, 0, 900000000, NULL,
                        PROFILE_SHARE, false},
    [INIT_DAY_MEMORY] = {"init_day_memory", NULL, 0, 900000000, NULL,
                         PROFILE_SHARE, false},
    [INIT_LIMIT_PROVISIONED] = {"init_limit_provisioned", NULL, 1, 24 * HOUR,
                                NULL, PROFILE_DURATION, false},
    [PROVISIONED_LEAD] = {"provisioned_lead", NULL, 0, 8784 * HOUR, NULL,
                          PROFILE_DURATION, true},
    [PROVISIONED_RATE] = {"provisioned_rate", NULL, 1, 1000000, NULL,
                          PROFILE_RATE, false},
    [PROVISIONED_BILLING_STEP] = {"provisioned_billing_step", NULL, MS, HOUR,
                                  NULL, PROFILE_DURATION, false},
    [PRICE_PROVISIONED_X86] = {"price_provisioned_x86", "USD/GB-s", 0,
                               DOLLAR / 1000, NULL, PROFILE_MONEY, false},
    [PRICE_PROVISIONED_ARM] = {"price_provisioned_arm", "USD/GB-s", 0,
                               DOLLAR / 1000, NULL, PROFILE_MONEY, false},
    [PRICE_PROVISIONED_RUN_X86] = {"price_provisioned_run_x86", "USD/GB-s", 0,
                                   DOLLAR / 1000, NULL, PROFILE_MONEY, false},
    [PRICE_PROVISIONED_RUN_ARM] = {"price_provisioned_run_arm", "USD/GB-s", 0,
                                   DOLLAR / 1000, NULL, PROFILE_MONEY, false},
    [ASYNC_BACKLOG] = {"async_backlog", "events", 0, 1000000000, NULL,
                       PROFILE_COUNT, false},
    [ASYNC_DROPS] = {"async_drops", NULL, 0, 1000000000, NULL, PROFILE_SHARE,
                     false},
    [DURABLE_OPERATIONS_MAX] = {"durable_operations_max", "operations", 1,
                                1000000000, NULL, PROFILE_COUNT, false},
    [DURABLE_DATA_MAX] = {"durable_data_max", NULL, 1, 1000 * GIGABYTE, NULL,
                          PROFILE_SIZE, false},
    [DURABLE_START_RATE] = {"durable_start_rate", NULL, 1, 1000000, NULL,
                            PROFILE_RATE, false},
    [DURABLE_CHECKPOINT_RATE] = {"durable_checkpoint_rate", NULL, 1, 1000000,
                                 NULL, PROFILE_RATE, false},
    [PRICE_DURABLE_OPERATIONS] = {"price_durable_operations",
                                  "USD/million operations", 0, 1000 * DOLLAR,
                                  NULL, PROFILE_MONEY, false},
    [PRICE_DURABLE_WRITTEN] = {"price_durable_written", "USD/GB", 0,
                               1000 * DOLLAR, NULL, PROFILE_MONEY, false},
    [PRICE_DURABLE_RETAINED] = {"price_durable_retained", "USD/GB-month", 0,
                                1000 * DOLLAR, NULL, PROFILE_MONEY, false},
};

_Static_assert(COUNT(params) == PARAMS, "every parameter is described");
_Static_assert(PARAMS + 2 <= PROFILE_ROWS_MAX, "every parameter has a row");

static const char *const about[PARAMS] = {
    [RUNTIME] = "which measured INIT times and first execution apply",
    [PACKAGE] =
        "zip or container image: INIT times, placement, which limit of size",
    [ARCH] = "processor: INIT times and prices",
    [MEMORY] = "memory, and with it processor share and price",
    [TIMEOUT] =
        "an invocation is killed after so long, INIT run again included",
    [INVOCATION] =
        "sync answers 429 at once; async queues, retries and may double",
    [THREADS] = "vCPUs that the processor part of work can spread over",
    [DEPENDENCIES] =
        "zipped size of the package: lengthens INIT; the limit of a zip",
    [VPC] = "adds placement_vpc_extra to each cold start",
    [RESERVED] =
        "concurrency that the function has to itself, and not more than that",
    [PROVISIONED] =
        "environments made before they are needed; they never expire",
    [UNZIPPED] = "size of code and layers, against package_unzipped_max",
    [IMAGE_SIZE] = "size of the image, against package_image_max",
    [ACCOUNT_CONCURRENCY] = "requests in flight of all functions; above it 429",
    [UNRESERVED_MIN] = "what reservations must leave to other functions",
    [SCALING_BURST] =
        "new environments that a function gets at once; above it 429",
    [SCALING_REFILL] = "how fast more of them become available",
    [REQUEST_RATE] =
        "requests for each unit of concurrency, sync only; above it 429",
    [SELECTION] = "which idle environment serves the next request",
    [IDLE_EXPIRY] = "how long an environment is kept after its last request",
    [MEMORY_MIN] = "the smallest memory a function may have",
    [MEMORY_MAX] = "the largest",
    [VCPU_MEMORY] = "memory that buys one vCPU",
    [VCPU_MAX] = "more threads than this do not help",
    [TIMEOUT_MAX] = "the longest timeout a function may have",
    [PAYLOAD_SYNC] = "larger requests and responses are refused with 413",
    [PAYLOAD_ASYNC] = "larger events are refused with 413",
    [INIT_TABLE] =
        "quantiles of INIT by runtime, package, architecture, memory",
    [INIT_LIMIT] = "a longer INIT is cut off and run again within the timeout",
    [INIT_PER_DEPENDENCY_MB] =
        "added to INIT for each megabyte of dependencies",
    [PLACEMENT] = "from the request to the begin of INIT; not billed",
    [PLACEMENT_IMAGE_EXTRA] = "added to placement for images",
    [PLACEMENT_VPC_EXTRA] = "added to placement in a VPC",
    [ASYNC_RETRIES] = "more attempts after an error of the function",
    [ASYNC_RETRY_1] = "before the first of them",
    [ASYNC_RETRY_2] = "before the second",
    [ASYNC_THROTTLE_FIRST] = "an event waits so long after its first 429",
    [ASYNC_THROTTLE_MAX] = "doubled each time, up to this",
    [ASYNC_AGE_MAX] = "an event that would be older is given up",
    [ASYNC_DUPLICATES] =
        "chance that an event is delivered twice without an error",
    [BILLING_STEP] = "durations are rounded up to this",
    [INIT_BILLED] = "whether INIT costs as much as the handler",
    [PRICE_X86] = "of duration on x86_64",
    [PRICE_ARM] = "of duration on arm64",
    [PRICE_REQUESTS] = "of each request that was served",
    [PACKAGE_ZIP_MAX] = "a larger zip is refused as the service does",
    [PACKAGE_UNZIPPED_MAX] =
        "more unzipped code is refused as the service does",
    [PACKAGE_IMAGE_MAX] = "a larger image is refused as the service does",
    [INIT] = "where INIT times come from",
    [INIT_DAY_SHARE] =
        "part of the spread of INIT that all starts of a day share",
    [INIT_DAY_MEMORY] = "how much a day is like the one before",
    [INIT_LIMIT_PROVISIONED] = "INIT limit of provisioned environments",
    [PROVISIONED_LEAD] =
        "how much of the ramp lies before the start of the world",
    [PROVISIONED_RATE] = "how fast provisioned environments are begun",
    [PROVISIONED_BILLING_STEP] = "time they are kept is rounded up to this",
    [PRICE_PROVISIONED_X86] = "of memory kept ready, x86_64",
    [PRICE_PROVISIONED_ARM] = "of memory kept ready, arm64",
    [PRICE_PROVISIONED_RUN_X86] =
        "of duration in provisioned environments, x86_64",
    [PRICE_PROVISIONED_RUN_ARM] =
        "of duration in provisioned environments, arm64",
    [ASYNC_BACKLOG] =
        "a longer queue waits longer between deliveries, and may lose events",
    [ASYNC_DROPS] =
        "chance that such a queue loses an event that was throttled",
    [DURABLE_OPERATIONS_MAX] = "operations of one durable execution",
    [DURABLE_DATA_MAX] = "bytes written by one durable execution",
    [DURABLE_START_RATE] = "durable executions started",
    [DURABLE_CHECKPOINT_RATE] = "checkpoints taken",
    [PRICE_DURABLE_OPERATIONS] = "of operations as they are metered",
    [PRICE_DURABLE_WRITTEN] = "of data written",
    [PRICE_DURABLE_RETAINED] = "of data kept, the days of retention included",
};

static uint32_t number32(const struct profile_value *value)
{
    return (uint32_t)value->number;
}

static struct sim_rate rate_of(const struct profile_value *value)
{
    return (struct sim_rate){value->number, value->per_ns};
}

static struct sim_lambda_config config_of(const struct profile_value *v)
{
    return (struct sim_lambda_config){
        .account_concurrency = number32(&v[ACCOUNT_CONCURRENCY]),
        .unreserved_min = number32(&v[UNRESERVED_MIN]),
        .scaling_burst = number32(&v[SCALING_BURST]),
        .scaling_refill = rate_of(&v[SCALING_REFILL]),
        .request_rate = rate_of(&v[REQUEST_RATE]),
        .idle_expiry = v[IDLE_EXPIRY].dist,
        .pick = v[SELECTION].number == 0 ? SIM_LAMBDA_PICK_NEWEST
                                         : SIM_LAMBDA_PICK_OLDEST,
        .init_limit_ns = v[INIT_LIMIT].number,
        .mb_per_vcpu = number32(&v[VCPU_MEMORY]),
        .vcpu_max = number32(&v[VCPU_MAX]),
        .memory_min_mb = number32(&v[MEMORY_MIN]),
        .memory_max_mb = number32(&v[MEMORY_MAX]),
        .timeout_max_ns = v[TIMEOUT_MAX].number,
        .sync_payload_max = v[PAYLOAD_SYNC].number,
        .async_payload_max = v[PAYLOAD_ASYNC].number,
        .billing_step_ns = v[BILLING_STEP].number,
        .init_billed = v[INIT_BILLED].number == 1,
        .price_request_pico = v[PRICE_REQUESTS].number / 1000000,
        .ahead_lead_ns = v[PROVISIONED_LEAD].number,
        .ahead_rate = rate_of(&v[PROVISIONED_RATE]),
        .ahead_init_limit_ns = v[INIT_LIMIT_PROVISIONED].number,
        .ahead_billing_step_ns = v[PROVISIONED_BILLING_STEP].number,
    };
}

static struct sim_lambda_function function_of(const struct profile_value *v,
                                              const struct init_times *times)
{
    bool image = v[PACKAGE].number == 1;
    bool vpc = v[VPC].number == 1;
    bool arm = v[ARCH].number == 1;
    return (struct sim_lambda_function){
        .placement = v[PLACEMENT].dist,
        .placement_extra_ns = (image ? v[PLACEMENT_IMAGE_EXTRA].number : 0) +
                              (vpc ? v[PLACEMENT_VPC_EXTRA].number : 0),
        .init = times->init,
        /* An image is loaded lazily: its size does not count. */
        .init_extra_ns =
            image ? 0
                  : v[DEPENDENCIES].number * v[INIT_PER_DEPENDENCY_MB].number,
        .first_execution_ns = times->first_ns,
        .timeout_ns = v[TIMEOUT].number,
        .memory_mb = number32(&v[MEMORY]),
        .reserved = number32(&v[RESERVED]),
        .provisioned = number32(&v[PROVISIONED]),
        .price_gb_s_pico = v[arm ? PRICE_ARM : PRICE_X86].number,
        .price_ahead_gb_s_pico =
            v[arm ? PRICE_PROVISIONED_ARM : PRICE_PROVISIONED_X86].number,
        .price_ahead_run_gb_s_pico =
            v[arm ? PRICE_PROVISIONED_RUN_ARM : PRICE_PROVISIONED_RUN_X86]
                .number,
        .day_share_ppb = number32(&v[INIT_DAY_SHARE]),
        .day_memory_ppb = number32(&v[INIT_DAY_MEMORY]),
    };
}

static struct sim_lambda_queue_config queue_of(const struct profile_value *v)
{
    return (struct sim_lambda_queue_config){
        .payload_max = v[PAYLOAD_ASYNC].number,
        .retries = number32(&v[ASYNC_RETRIES]),
        .retry_ns = {v[ASYNC_RETRY_1].number, v[ASYNC_RETRY_2].number},
        .throttle_first_ns = v[ASYNC_THROTTLE_FIRST].number,
        .throttle_max_ns = v[ASYNC_THROTTLE_MAX].number,
        .age_max_ns = v[ASYNC_AGE_MAX].number,
        .duplicate_ppb = number32(&v[ASYNC_DUPLICATES]),
        .backlog = number32(&v[ASYNC_BACKLOG]),
        .drop_ppb = number32(&v[ASYNC_DROPS]),
    };
}

static struct sim_lambda_durable_config
durable_of(const struct profile_value *v)
{
    return (struct sim_lambda_durable_config){
        .operations_max = v[DURABLE_OPERATIONS_MAX].number,
        .data_max = v[DURABLE_DATA_MAX].number,
        .start_rate = rate_of(&v[DURABLE_START_RATE]),
        .checkpoint_rate = rate_of(&v[DURABLE_CHECKPOINT_RATE]),
        .price_operation_pico = v[PRICE_DURABLE_OPERATIONS].number / 1000000,
        .price_written_pico = v[PRICE_DURABLE_WRITTEN].number,
        .price_retained_pico = v[PRICE_DURABLE_RETAINED].number,
    };
}

static bool find_times(const struct profile_value *v,
                       const struct data_files *files, struct init_times *times,
                       struct json_error *err)
{
    char name[80];
    size_t size;
    struct init_times_key key = {.runtime = v[RUNTIME].text,
                                 .package = packages[v[PACKAGE].number],
                                 .arch = archs[v[ARCH].number],
                                 .memory_mb = number32(&v[MEMORY]),
                                 .vcpu_mb = number32(&v[VCPU_MEMORY]),
                                 .runtime_at = v[RUNTIME].at,
                                 .package_at = v[PACKAGE].at,
                                 .arch_at = v[ARCH].at};
    snprintf(name, sizeof name, "data/%s", v[INIT_TABLE].text);
    const char *text = strchr(v[INIT_TABLE].text, '/') == NULL
                           ? files->bytes(files->self, name, &size)
                           : NULL;
    if (text == NULL) {
        return json_fail(v[INIT_TABLE].at, err,
                         "found \"%s\", allowed a table that can be read in "
                         "scenarios/data",
                         v[INIT_TABLE].text);
    }
    return init_times_find(name, text, size, &key, times, err);
}

/* What the table said: not a parameter, but what a reader wants to know. */
static void add_derived(const struct profile_value *v,
                        const struct init_times *times, struct profile *profile)
{
    struct profile_row row = {
        .name = "init",
        .unit = "duration",
        .source = "github.com/maxday/lambda-perf, quantiles of 142 days",
        .tag = "C",
    };
    snprintf(row.value, sizeof row.value, "p50 %llums, p95 %llums, p99 %llums",
             (unsigned long long)((times->p50_ns + MS / 2) / MS),
             (unsigned long long)((times->p95_ns + MS / 2) / MS),
             (unsigned long long)((times->p99_ns + MS / 2) / MS));
    snprintf(row.note, sizeof row.note,
             "%s %s %s, measured with %luMB: INIT does not depend on memory; "
             "%llu cold starts",
             v[RUNTIME].text, packages[v[PACKAGE].number],
             archs[v[ARCH].number], (unsigned long)times->measured_mb,
             (unsigned long long)times->samples);
    profile_add_row(profile, &row);
    snprintf(row.name, sizeof row.name, "first_execution");
    snprintf(row.value, sizeof row.value, "%lluus",
             (unsigned long long)(times->first_ns / 1000));
    snprintf(row.note, sizeof row.note,
             "added to the first work in an environment; by 1 / memory "
             "between measured sizes");
    profile_add_row(profile, &row);
}

/* The last word on whether the numbers fit together is the platform's. */
static bool try_out(const struct profile_value *v,
                    const struct profile_lambda *lambda, struct json_error *err)
{
    struct sim_lambda *made;
    int error = sim_lambda_new(&made, &lambda->config, &lambda->function, 1, 0);
    if (error == SIM_LAMBDA_ENOMEM) {
        return json_fail(v[MEMORY].at, err, "memory ran out");
    }
    if (error != 0) {
        return json_fail(v[ACCOUNT_CONCURRENCY].at, err,
                         "found limits and memory that exceed what can be "
                         "counted together");
    }
    sim_lambda_free(made);
    return true;
}

static bool build(const struct profile_value *values,
                  const struct data_files *files, struct profile *profile,
                  struct json_error *err)
{
    struct init_times times = {.samples = 0};
    if (!profile_lambda_check(values, err) ||
        !find_times(values, files, &times, err)) {
        return false;
    }
    profile->lambda = (struct profile_lambda){
        .config = config_of(values),
        .function = function_of(values, &times),
        .mode =
            values[INVOCATION].number == 0 ? SIM_LAMBDA_SYNC : SIM_LAMBDA_ASYNC,
        .queue = queue_of(values),
        .durable = durable_of(values),
        .threads = number32(&values[THREADS]),
    };
    if (values[INIT].number == 0) {
        add_derived(values, &times, profile);
    } else {
        profile->lambda.function.init = values[INIT].dist;
        profile->lambda.function.first_execution_ns = 0;
    }
    return try_out(values, &profile->lambda, err);
}

/* The memory that a step asks for; what is too much is refused at its submit */
static void take_memory(const struct sim_lambda_config *config,
                        const struct sim_demand *demand,
                        struct sim_lambda_function *function)
{
    uint32_t mb = demand->memory_mb;
    if (mb == 0 || mb > config->memory_max_mb) {
        return;
    }
    function->memory_mb =
        mb < config->memory_min_mb ? config->memory_min_mb : mb;
}

/*
 * One function for each that the demands speak of, as the profile says but
 * for the memory they need.
 */
static int model(const struct profile *profile,
                 const struct sim_demand *demands, uint32_t count,
                 uint64_t seed, struct sim_model *made)
{
    const struct profile_lambda *lambda = &profile->lambda;
    uint32_t function_count = 1;
    for (uint32_t i = 0; i < count; i++) {
        if (demands[i].function >= SIM_LAMBDA_FUNCTIONS_MAX) {
            return -2;
        }
        if (demands[i].function >= function_count) {
            function_count = demands[i].function + 1;
        }
    }
    struct sim_lambda_function *functions =
        calloc(function_count, sizeof *functions);
    if (functions == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < function_count; i++) {
        functions[i] = lambda->function;
    }
    for (uint32_t i = 0; i < count; i++) {
        take_memory(&lambda->config, &demands[i],
                    &functions[demands[i].function]);
    }
    struct sim_lambda_model_config config = {
        .lambda = lambda->config,
        .functions = functions,
        .function_count = function_count,
        .mode = lambda->mode,
        .queue = lambda->queue,
        .threads = lambda->threads,
        .durable = lambda->durable,
    };
    int error = sim_lambda_model(made, &config, seed);
    free(functions);
    return error;
}

const struct profile_platform profile_lambda_platform = {
    .name = "lambda",
    .params = params,
    .count = COUNT(params),
    .about = about,
    .build = build,
    .model = model,
};
