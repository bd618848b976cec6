#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/init_times.h"
#include "scenarios/profile_values.h"
#include "sim/platform/lambda_model.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define HOUR (3600 * SECOND)
#define GIGABYTE UINT64_C(1000000000)
#define DOLLAR UINT64_C(1000000000000) /* in pico-dollars */

enum {
    RUNTIME,
    PACKAGE,
    ARCH,
    MEMORY,
    TIMEOUT,
    INVOCATION,
    THREADS,
    DEPENDENCIES,
    VPC,
    RESERVED,
    ACCOUNT_CONCURRENCY,
    UNRESERVED_MIN,
    SCALING_BURST,
    SCALING_REFILL,
    REQUEST_RATE,
    SELECTION,
    IDLE_EXPIRY,
    MEMORY_MIN,
    MEMORY_MAX,
    VCPU_MEMORY,
    VCPU_MAX,
    TIMEOUT_MAX,
    PAYLOAD_SYNC,
    PAYLOAD_ASYNC,
    INIT_TABLE,
    INIT_LIMIT,
    INIT_PER_DEPENDENCY_MB,
    PLACEMENT,
    PLACEMENT_IMAGE_EXTRA,
    PLACEMENT_VPC_EXTRA,
    ASYNC_RETRIES,
    ASYNC_RETRY_1,
    ASYNC_RETRY_2,
    ASYNC_THROTTLE_FIRST,
    ASYNC_THROTTLE_MAX,
    ASYNC_AGE_MAX,
    ASYNC_DUPLICATES,
    BILLING_STEP,
    INIT_BILLED,
    PRICE_X86,
    PRICE_ARM,
    PRICE_REQUESTS,
    PARAMS,
};

static const char *const packages[] = {"zip", "image", NULL};
static const char *const archs[] = {"x86_64", "arm64", NULL};
static const char *const invocations[] = {"sync", "async", NULL};
static const char *const selections[] = {"newest", "oldest", NULL};
static const char *const answers[] = {"no", "yes", NULL};

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
};

_Static_assert(COUNT(params) == PARAMS, "every parameter is described");
_Static_assert(PARAMS + 2 <= PROFILE_ROWS_MAX, "every parameter has a row");

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
        .init_extra_ns =
            v[DEPENDENCIES].number * v[INIT_PER_DEPENDENCY_MB].number,
        .first_execution_ns = times->first_ns,
        .timeout_ns = v[TIMEOUT].number,
        .memory_mb = number32(&v[MEMORY]),
        .reserved = number32(&v[RESERVED]),
        .price_gb_s_pico = v[arm ? PRICE_ARM : PRICE_X86].number,
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
    };
}

/* What ties values together, each with the place where it is broken. */
static bool check(const struct profile_value *v, struct json_error *err)
{
    if (v[MEMORY].number < v[MEMORY_MIN].number ||
        v[MEMORY].number > v[MEMORY_MAX].number) {
        return json_fail(v[MEMORY].at, err,
                         "found a memory of %lluMB, allowed %lluMB to %lluMB",
                         (unsigned long long)v[MEMORY].number,
                         (unsigned long long)v[MEMORY_MIN].number,
                         (unsigned long long)v[MEMORY_MAX].number);
    }
    if (v[TIMEOUT].number > v[TIMEOUT_MAX].number) {
        return json_fail(v[TIMEOUT].at, err,
                         "found a timeout above the platform's, allowed at "
                         "most %llus",
                         (unsigned long long)(v[TIMEOUT_MAX].number / SECOND));
    }
    if (v[RESERVED].number != SIM_LAMBDA_UNRESERVED &&
        v[RESERVED].number + v[UNRESERVED_MIN].number >
            v[ACCOUNT_CONCURRENCY].number) {
        return json_fail(v[RESERVED].at, err,
                         "found %llu envs reserved, allowed to leave %llu of "
                         "the account's %llu to other functions",
                         (unsigned long long)v[RESERVED].number,
                         (unsigned long long)v[UNRESERVED_MIN].number,
                         (unsigned long long)v[ACCOUNT_CONCURRENCY].number);
    }
    if (v[ASYNC_THROTTLE_MAX].number < v[ASYNC_THROTTLE_FIRST].number) {
        return json_fail(v[ASYNC_THROTTLE_MAX].at, err,
                         "found a longest wait below async_throttle_first");
    }
    if (v[BILLING_STEP].number % MS != 0) {
        return json_fail(v[BILLING_STEP].at, err,
                         "found a part of a millisecond, allowed whole ones");
    }
    return true;
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
    if (!check(values, err) || !find_times(values, files, &times, err)) {
        return false;
    }
    profile->lambda = (struct profile_lambda){
        .config = config_of(values),
        .function = function_of(values, &times),
        .mode =
            values[INVOCATION].number == 0 ? SIM_LAMBDA_SYNC : SIM_LAMBDA_ASYNC,
        .queue = queue_of(values),
        .threads = number32(&values[THREADS]),
    };
    add_derived(values, &times, profile);
    return try_out(values, &profile->lambda, err);
}

static int model(const struct profile *profile,
                 const struct sim_demand *demands, uint32_t count,
                 uint64_t seed, struct sim_model *made)
{
    const struct profile_lambda *lambda = &profile->lambda;
    uint32_t functions = 1;
    for (uint32_t i = 0; i < count; i++)
        if (demands[i].function >= functions)
            functions = demands[i].function + 1;
    struct sim_lambda_function *list = calloc(functions, sizeof(*list));
    if (list == NULL) {
        return -1;
    }
    for (uint32_t i = 0; i < functions; i++) {
        list[i] = lambda->function;
    }
    const struct sim_lambda_model_config config = {
        .lambda = lambda->config,
        .functions = list,
        .function_count = functions,
        .mode = lambda->mode,
        .queue = lambda->queue,
        .threads = lambda->threads,
    };
    int error = sim_lambda_model(made, &config, seed);
    free(list);
    return error;
}

const struct profile_platform profile_lambda_platform = {
    .name = "lambda",
    .params = params,
    .count = COUNT(params),
    .build = build,
    .model = model,
};
