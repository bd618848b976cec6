#include "scenarios/profile.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define DRAWS 100000

static bool read_with(const char *json, const struct data_files *files,
                      struct profile *profile, struct json_error *err)
{
    struct json_doc *doc = NULL;
    *err = (struct json_error){0};
    if (json_read_bytes("s.json", json, strlen(json), &doc, err) != 0) {
        return false;
    }
    bool ok = profile_read(json_root(doc), files, profile, err);
    json_free(doc);
    return ok;
}

static bool read_real(const char *json, struct profile *profile,
                      struct json_error *err)
{
    struct data_dir dir = {.dir = "scenarios"};
    struct data_files files = data_dir_files(&dir);
    bool ok = read_with(json, &files, profile, err);
    data_dir_deinit(&dir);
    return ok;
}

static struct profile profile_of(const char *json)
{
    struct profile profile;
    struct json_error err;
    cr_assert(read_real(json, &profile, &err), "%s", err.text);
    return profile;
}

/* "lambda-2026" with these members beside "profile". */
static struct profile lambda_with(const char *members)
{
    char json[1000];
    snprintf(json, sizeof json, "{\"profile\": \"lambda-2026\"%s}", members);
    return profile_of(json);
}

static void expect_error(const char *json, const char *error)
{
    struct profile profile;
    struct json_error err;
    cr_assert_not(read_real(json, &profile, &err), "%s", json);
    cr_assert_str_eq(err.text, error, "%s", err.text);
}

static const struct profile_row *row_of(const struct profile *profile,
                                        const char *name)
{
    for (uint32_t i = 0; i < profile->row_count; i++) {
        if (strcmp(profile->rows[i].name, name) == 0) {
            return &profile->rows[i];
        }
    }
    cr_assert_fail("no row %s", name);
    return NULL;
}

Test(scenarios_profile, lambda_2026_has_the_documented_limits)
{
    struct profile profile = lambda_with("");
    const struct sim_lambda_config *config = &profile.lambda.config;
    const struct sim_lambda_function *function = &profile.lambda.function;
    cr_assert_eq(profile.platform, &profile_lambda_platform);
    cr_assert_eq(config->account_concurrency, 1000);
    cr_assert_eq(config->unreserved_min, 100);
    cr_assert_eq(config->scaling_burst, 1000);
    cr_assert_eq(config->scaling_refill.count, 1);
    cr_assert_eq(config->scaling_refill.per_ns, 10 * MS);
    cr_assert_eq(config->request_rate.count, 1);
    cr_assert_eq(config->request_rate.per_ns, 100 * MS);
    cr_assert_eq(config->pick, SIM_LAMBDA_PICK_NEWEST);
    cr_assert_eq(sim_dist_at(&config->idle_expiry, 0), 5 * MINUTE);
    cr_assert_eq(sim_dist_at(&config->idle_expiry, UINT64_MAX), 7 * MINUTE);
    cr_assert_eq(config->memory_min_mb, 128);
    cr_assert_eq(config->memory_max_mb, 10240);
    cr_assert_eq(config->mb_per_vcpu, 1769);
    cr_assert_eq(config->vcpu_max, 6);
    cr_assert_eq(config->timeout_max_ns, 900 * SECOND);
    cr_assert_eq(config->init_limit_ns, 10 * SECOND);
    cr_assert_eq(config->sync_payload_max, 6291456);
    cr_assert_eq(config->async_payload_max, 1048576);
    cr_assert_eq(config->billing_step_ns, MS);
    cr_assert(config->init_billed);
    cr_assert_eq(config->price_request_pico, 200000);
    cr_assert_eq(function->price_gb_s_pico, 16666700);
    cr_assert_eq(function->memory_mb, 512);
    cr_assert_eq(function->timeout_ns, 900 * SECOND);
    cr_assert_eq(function->reserved, SIM_LAMBDA_UNRESERVED);
}

Test(scenarios_profile, lambda_2026_queues_as_documented)
{
    struct profile profile = lambda_with(", \"invocation\": \"async\"");
    const struct sim_lambda_queue_config *queue = &profile.lambda.queue;
    cr_assert_eq(profile.lambda.mode, SIM_LAMBDA_ASYNC);
    cr_assert_eq(queue->payload_max, 1048576);
    cr_assert_eq(queue->retries, 2);
    cr_assert_eq(queue->retry_ns[0], MINUTE);
    cr_assert_eq(queue->retry_ns[1], 2 * MINUTE);
    cr_assert_eq(queue->throttle_first_ns, SECOND);
    cr_assert_eq(queue->throttle_max_ns, 5 * MINUTE);
    cr_assert_eq(queue->age_max_ns, 360 * MINUTE);
    cr_assert_eq(queue->duplicate_ppb, 10000);
}

Test(scenarios_profile, every_parameter_says_where_it_comes_from)
{
    size_t count;
    const char *const *names = profile_names(&count);
    for (size_t i = 0; i < count; i++) {
        char json[100];
        snprintf(json, sizeof json, "{\"profile\": \"%s\"}", names[i]);
        struct profile profile = profile_of(json);
        cr_assert_gt(profile.row_count, 0);
        for (uint32_t r = 0; r < profile.row_count; r++) {
            const struct profile_row *row = &profile.rows[r];
            cr_assert(row->value[0] != '\0' && row->unit[0] != '\0' &&
                          row->source[0] != '\0',
                      "%s", row->name);
            cr_assert(
                strcmp(row->tag, "S") == 0 || strcmp(row->tag, "2") == 0 ||
                    strcmp(row->tag, "C") == 0 || strcmp(row->tag, "GK") == 0,
                "%s", row->name);
        }
    }
}

static bool is_named(const char *file)
{
    size_t count;
    const char *const *names = profile_names(&count);
    for (size_t i = 0; i < count; i++) {
        char wanted[100];
        snprintf(wanted, sizeof wanted, "%s.json", names[i]);
        if (strcmp(file, wanted) == 0) {
            return true;
        }
    }
    return false;
}

Test(scenarios_profile, every_profile_in_the_directory_can_be_named)
{
    DIR *dir = opendir("scenarios/profiles");
    cr_assert_not_null(dir);
    for (struct dirent *e = readdir(dir); e != NULL; e = readdir(dir)) {
        cr_assert(e->d_name[0] == '.' || is_named(e->d_name), "%s", e->d_name);
    }
    closedir(dir);
}

Test(scenarios_profile, local_is_what_a_silent_scenario_gets)
{
    struct data_dir dir = {.dir = "scenarios"};
    struct data_files files = data_dir_files(&dir);
    struct profile profile;
    struct json_error err = {0};
    struct json_view nothing = {.item = NULL};
    cr_assert(profile_read(nothing, &files, &profile, &err), "%s", err.text);
    data_dir_deinit(&dir);
    cr_assert_eq(profile.platform, &profile_local_platform);
    cr_assert_str_eq(profile.name, "local");
    cr_assert_eq(profile.local.workers, 4);
    cr_assert_eq(profile.local.slots, 8);
}

Test(scenarios_profile, a_scenario_sets_workers_as_plain_numbers)
{
    struct profile profile =
        profile_of("{\"profile\": \"local\", \"workers\": 2, \"overrides\": "
                   "{\"slots\": \"3 slots\", \"start_up\": \"1s\"}}");
    cr_assert_eq(profile.local.workers, 2);
    cr_assert_eq(profile.local.slots, 3);
    cr_assert_eq(sim_dist_at(&profile.local.start_up, 0), SECOND);
    cr_assert_str_eq(row_of(&profile, "workers")->value, "2 workers");
}

Test(scenarios_profile, an_override_is_marked_and_remembers_the_profile)
{
    struct profile profile =
        lambda_with(", \"memory\": \"1GB\", \"overrides\": "
                    "{\"account_concurrency\": \"50 envs\", "
                    "\"idle_expiry\": {\"uniform\": [\"1s\", \"2s\"]}}");
    cr_assert_eq(profile.lambda.config.account_concurrency, 50);
    cr_assert_eq(profile.lambda.function.memory_mb, 1024);
    const struct profile_row *row = row_of(&profile, "account_concurrency");
    cr_assert_str_eq(row->value, "50 envs");
    cr_assert_str_eq(row->tag, "scenario");
    cr_assert_str_eq(row->note, "the profile says 1000 envs");
    row = row_of(&profile, "idle_expiry");
    cr_assert_str_eq(row->value, "{\"uniform\":[\"1s\",\"2s\"]}");
    cr_assert_str_eq(row_of(&profile, "vcpu_max")->tag, "GK");
}

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void expect_quantile(const uint64_t *sorted, double p, double ms,
                            double fraction)
{
    double got = (double)sorted[(size_t)(p * DRAWS)] / (double)MS;
    cr_assert_leq(fabs(got / ms - 1), fraction, "%g for %g", got, ms);
}

Test(scenarios_profile, drawn_inits_have_the_measured_quantiles)
{
    static const struct {
        const char *runtime, *package;
        double p50, p95, p99;
    } cases[] = {
        {"python3.12", "zip", 88.36, 119.99, 144.25},
        {"nodejs22.x", "zip", 143.66, 184.13, 223.31},
        {"java21", "zip", 247.97, 314.86, 578.2},
        {"dotnet8", "image", 404.94, 728.09, 855.76},
        {"rust (prov.al2023)", "zip", 16.32, 26.48, 47.96},
    };
    static uint64_t draws[DRAWS];
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char members[100];
        struct engine_stream stream;
        snprintf(members, sizeof members,
                 ", \"runtime\": \"%s\", \"package\": \"%s\"", cases[i].runtime,
                 cases[i].package);
        struct profile profile = lambda_with(members);
        engine_stream_init(&stream, 5, "init", i);
        for (uint64_t d = 0; d < DRAWS; d++) {
            draws[d] = sim_dist_draw(&profile.lambda.function.init, &stream, d);
        }
        qsort(draws, DRAWS, sizeof draws[0], compare);
        expect_quantile(draws, 0.5, cases[i].p50, 0.01);
        expect_quantile(draws, 0.95, cases[i].p95, 0.02);
        expect_quantile(draws, 0.99, cases[i].p99, 0.03);
    }
}

static struct profile with_memory(const char *runtime, unsigned mb)
{
    char members[100];
    snprintf(members, sizeof members,
             ", \"runtime\": \"%s\", \"memory\": \"%uMB\"", runtime, mb);
    return lambda_with(members);
}

Test(scenarios_profile, init_does_not_depend_on_memory_but_first_work_does)
{
    static const unsigned sizes[] = {128, 256, 512, 1024};
    uint64_t last_first = UINT64_MAX;
    for (int i = 0; i < 4; i++) {
        struct profile profile = with_memory("dotnet8", sizes[i]);
        const struct sim_lambda_function *function = &profile.lambda.function;
        double p50 = (double)sim_dist_at(&function->init, UINT64_MAX / 2);
        cr_assert_leq(fabs(p50 / 257e6 - 1), 0.01);
        cr_assert_lt(function->first_execution_ns, last_first * 6 / 10);
        last_first = function->first_execution_ns;
    }
    cr_assert_eq(last_first, 75166000);
}

Test(scenarios_profile, first_work_follows_memory_between_and_beyond)
{
    static const struct {
        unsigned mb;
        uint64_t ns;
    } cases[] = {
        {128, 721365000},
        {256, 358661000},
        /* Halfway between 1/256 and 1/512 is 1/341.33. */
        {341, 263096000},
        {1024, 75166000},
        {1769, 43510000},  /* 75.166 ms * 1024 / 1769 */
        {10240, 43510000}, /* one thread is not faster on more vCPUs */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct profile profile = with_memory("dotnet8", cases[i].mb);
        double ns = (double)profile.lambda.function.first_execution_ns;
        cr_assert_leq(fabs(ns / (double)cases[i].ns - 1), 0.001, "%u MB: %g",
                      cases[i].mb, ns);
    }
}

Test(scenarios_profile, package_and_place_add_to_a_cold_start)
{
    struct profile plain = lambda_with("");
    struct profile heavy =
        lambda_with(", \"package\": \"image\", \"vpc\": \"yes\", "
                    "\"dependencies\": \"14MB\", \"arch\": \"arm64\"");
    cr_assert_eq(plain.lambda.function.placement_extra_ns, 0);
    cr_assert_eq(plain.lambda.function.init_extra_ns, 0);
    cr_assert_eq(heavy.lambda.function.placement_extra_ns, 630 * MS);
    cr_assert_eq(heavy.lambda.function.init_extra_ns, 0, "an image is lazy");
    cr_assert_eq(heavy.lambda.function.price_gb_s_pico, 13333400);
    plain = lambda_with(", \"dependencies\": \"14MB\"");
    cr_assert_eq(plain.lambda.function.init_extra_ns, 105 * MS * 14);
}

/* An error that begins and ends so: which profiles there are may change. */
static void expect_nearest(const char *json, const char *begins,
                           const char *ends)
{
    struct profile profile;
    struct json_error err;
    cr_assert_not(read_real(json, &profile, &err), "%s", json);
    size_t length = strlen(err.text);
    cr_assert_eq(strncmp(err.text, begins, strlen(begins)), 0, "%s", err.text);
    cr_assert(length > strlen(ends));
    cr_assert_str_eq(err.text + length - strlen(ends), ends, "%s", err.text);
}

Test(scenarios_profile, wrong_names_get_the_nearest_one)
{
    expect_nearest("{\"profile\": \"lambda-2025\"}",
                   "s.json:1:13: found profile \"lambda-2025\", allowed \"",
                   "; did you mean \"lambda-2026\"?");
    expect_nearest("{\"profile\": \"../local\"}",
                   "s.json:1:13: found profile \"../local\", allowed \"",
                   "; did you mean \"local\"?");
    expect_error(
        "{\"profile\": \"local\", \"worker\": 2}",
        "s.json:1:22: found key \"worker\", allowed \"profile\", "
        "\"overrides\", \"credentials\", \"workers\", \"slots\"; did you mean "
        "\"workers\"?");
}

Test(scenarios_profile, an_unknown_runtime_gets_the_nearest_one)
{
    struct profile profile;
    struct json_error err;
    cr_assert_not(read_real("{\"profile\": \"lambda-2026\",\n"
                            " \"runtime\": \"nodejs23.x\"}",
                            &profile, &err));
    cr_assert_eq(err.line, 2);
    cr_assert_eq(err.column, 13);
    cr_assert_not_null(strstr(err.text, "found runtime \"nodejs23.x\""));
    cr_assert_not_null(strstr(err.text, "did you mean \"nodejs2"), "%s",
                       err.text);
    expect_error("{\"profile\": \"lambda-2026\", \"runtime\": \"bun layer"
                 "(prov.al2)\", \"package\": \"image\"}",
                 "s.json:1:73: found package \"image\", allowed \"zip\"");
}

Test(scenarios_profile, values_out_of_range_are_refused_at_their_place)
{
    expect_error("{\"profile\": \"lambda-2026\", \"memory\": \"10241MB\"}",
                 "s.json:1:38: found a memory of 10241MB, allowed 128MB to "
                 "10240MB");
    expect_error("{\"profile\": \"lambda-2026\", \"timeout\": \"901s\"}",
                 "s.json:1:39: found a timeout above the platform's, allowed "
                 "at most 900s");
    expect_error("{\"profile\": \"local\", \"workers\": 0}",
                 "s.json:1:33: found 0 workers, allowed 1 to 8128");
    expect_error("{\"profile\": \"local\", \"workers\": \"2\"}",
                 "s.json:1:33: found \"2\" for \"workers\", allowed a number "
                 "alone or with its unit: 2 or \"2 workers\"");
    expect_error("{\"profile\": \"lambda-2026\", \"overrides\": "
                 "{\"reserved_concurrency\": \"901 envs\"}}",
                 "s.json:1:66: found 901 envs reserved, allowed to leave 100 "
                 "of the account's 1000 to other functions");
    expect_error("{\"profile\": \"lambda-2026\", \"overrides\": "
                 "{\"price_x86\": \"0.1 EUR/GB-s\"}}",
                 "s.json:1:55: found \"0.1 EUR/GB-s\", allowed an amount such "
                 "as \"0.05 USD/GB-s\"");
    expect_error("{\"profile\": \"lambda-2026\", \"memory\": \"1GB\", "
                 "\"overrides\": {\"memory\": \"1GB\"}}",
                 "s.json:1:28: found \"memory\" here and in \"overrides\", "
                 "allowed in one of them");
}

Test(scenarios_profile, a_package_that_is_too_large_is_refused_in_its_words)
{
    expect_error("{\"profile\": \"lambda-2026\", \"dependencies\": \"51MB\"}",
                 "s.json:1:44: found a zip package of 51MB, allowed at most "
                 "50MB: RequestEntityTooLargeException: Request must be "
                 "smaller than 69905067 bytes for the CreateFunction "
                 "operation");
    expect_error("{\"profile\": \"lambda-2026\", \"unzipped\": \"251MB\"}",
                 "s.json:1:40: found 251MB of unzipped code and layers, "
                 "allowed at most 250MB: InvalidParameterValueException: "
                 "Unzipped size must be smaller than 262144000 bytes");
    expect_error("{\"profile\": \"lambda-2026\", \"package\": \"image\", "
                 "\"image_size\": \"10241MB\"}",
                 "s.json:1:62: found an image of 10241MB, allowed at most "
                 "10240MB: InvalidImage(SizeLimitExceeded: Uncompressed "
                 "container image size exceeds 10 GiB limit)");
}

Test(scenarios_profile, a_package_at_its_limit_is_accepted)
{
    lambda_with(", \"dependencies\": \"50MB\", \"unzipped\": \"250MB\"");
    lambda_with(", \"package\": \"image\", \"image_size\": \"10240MB\"");
}

Test(scenarios_profile, bad_input_of_lambda_is_refused_at_its_place)
{
    expect_error("{\"profile\": \"lambda-2026\", \"memory\": \"127MB\"}",
                 "s.json:1:38: found a memory of 127MB, allowed 128MB to "
                 "10240MB");
    expect_error("{\"profile\": \"lambda-2026\", \"package\": \"zap\"}",
                 "s.json:1:39: found the string \"zap\" for \"package\", "
                 "allowed \"zip\", \"image\"; did you mean \"zip\"?");
    expect_error("{\"profile\": \"lambda-2026\", "
                 "\"provisioned_concurrency\": \"901 envs\"}",
                 "s.json:1:55: found 901 provisioned envs, allowed at most "
                 "900: what is reserved for the function, or all but "
                 "unreserved_min of the account's 1000");
    expect_error("{\"profile\": \"lambda-2026\", "
                 "\"provisioned_concurrency\": -1}",
                 "s.json:1:55: found the number -1 for "
                 "\"provisioned_concurrency\", allowed an integer from 0 to "
                 "9007199254740991");
    expect_error("{\"profile\": \"lambda-2026\", \"overrides\": "
                 "{\"scaling_refill\": \"0/s\"}}",
                 "s.json:1:60: found a rate that is out of range, allowed for "
                 "example \"100/s\"");
    expect_error("{\"profile\": \"lambda-2026\", \"overrides\": {\"init\": "
                 "{\"quantiles\": {\"p50\": \"2s\", \"p99\": \"1s\"}}}}",
                 "s.json:1:64: found quantiles out of order, allowed "
                 "percentiles that rise with durations that do not fall");
    expect_nearest("{\"profile\": \"lambda-2026\", \"overrides\": "
                   "{\"init\": \"tabel\"}}",
                   "s.json:1:50: found init \"tabel\", allowed \"table\"",
                   "; did you mean \"table\"?");
}

/* The mean and the standard deviation of a distribution, in seconds. */
static void moments(const struct sim_dist *dist, double *mean, double *sd)
{
    struct engine_stream stream;
    double sum = 0, squares = 0;
    engine_stream_init(&stream, 1, "moments", 0);
    for (uint64_t i = 0; i < 20 * DRAWS; i++) {
        double s = (double)sim_dist_draw(dist, &stream, i) / 1e9;
        sum += s;
        squares += s * s;
    }
    *mean = sum / (20 * DRAWS);
    *sd = sqrt(squares / (20 * DRAWS) - *mean * *mean);
}

Test(scenarios_profile, huaweis_cold_starts_have_the_published_moments)
{
    struct profile profile = profile_of("{\"profile\": \"huawei-2025\"}");
    double mean, sd;
    moments(&profile.lambda.function.placement, &mean, &sd);
    cr_assert(mean > 3.19 && mean < 3.29, "%f", mean);
    cr_assert(sd > 6.6 && sd < 7.6, "%f", sd);
    cr_assert_eq(sim_dist_at(&profile.lambda.config.idle_expiry, 1),
                 60 * SECOND);
}

Test(scenarios_profile, lambda_profiles_differ_in_what_they_say_they_do)
{
    struct profile now = lambda_with("");
    struct profile seed = profile_of("{\"profile\": \"lambda-seeddoc\"}");
    struct profile old = profile_of("{\"profile\": \"lambda-legacy\"}");
    cr_assert_eq(now.lambda.durable.operations_max, 3000);
    cr_assert_eq(seed.lambda.durable.operations_max, 25000);
    cr_assert_eq(seed.lambda.config.async_payload_max, 262144);
    cr_assert_eq(now.lambda.config.scaling_burst, 1000);
    cr_assert_eq(old.lambda.config.scaling_burst, 3000);
    cr_assert_eq(old.lambda.config.scaling_refill.count, 1);
    cr_assert_eq(old.lambda.config.scaling_refill.per_ns, 120 * MS);
}

Test(scenarios_profile, a_lambda_profile_makes_a_model)
{
    struct profile profile = lambda_with("");
    struct sim_demand demands[2] = {{.name = "a"}, {.function = 1}};
    struct sim_model model;
    cr_assert_eq(profile_model(&profile, demands, 2, 7, &model), 0);
    cr_assert_str_eq(model.ops->kind, "lambda");
    model.ops->free(model.self);
    demands[1].function = SIM_LAMBDA_FUNCTIONS_MAX;
    cr_assert_eq(profile_model(&profile, demands, 2, 7, &model), -2);
}

/* A profile file and no others. */
static const char *only(void *self, const char *name, size_t *size)
{
    const char *text = self;
    *size = strlen(text);
    return strncmp(name, "profiles/", 9) == 0 ? text : NULL;
}

static void expect_bad_file(const char *text, const char *error)
{
    char copy[1000];
    struct data_files files = {.bytes = only, .self = copy};
    struct profile profile;
    struct json_error err;
    snprintf(copy, sizeof copy, "%s", text);
    cr_assert_not(
        read_with("{\"profile\": \"local\"}", &files, &profile, &err));
    cr_assert_str_eq(err.text, error, "%s", err.text);
}

#define HEAD                                                                   \
    "{\"profile\": \"local\", \"kind\": \"local\", \"why\": \"x\",\n"          \
    "\"parameters\": {\n"

Test(scenarios_profile, a_bad_profile_is_refused_with_file_and_place)
{
    expect_bad_file("{\"profile\": \"lokal\", \"kind\": \"local\", \"why\": "
                    "\"x\", \"parameters\": {}}",
                    "profiles/local.json:1:13: found \"lokal\", allowed "
                    "\"local\", the file's name");
    expect_bad_file(HEAD "}}",
                    "profiles/local.json:2:15: found an object "
                    "without \"workers\", allowed only with this key");
    expect_bad_file(HEAD "\"wrokers\": {}}}",
                    "profiles/local.json:3:1: found key \"wrokers\", allowed "
                    "\"workers\", \"slots\", \"dispatch_latency\", "
                    "\"start_up\"; did you mean \"workers\"?");
    expect_bad_file(HEAD "\"workers\": {\"value\": 4, \"source\": \"y\", "
                         "\"tag\": \"S\"}}}",
                    "profiles/local.json:3:22: found a number without its "
                    "unit, allowed for example \"8 workers\"");
    expect_bad_file(HEAD "\"workers\": {\"value\": \"4 workers\", \"source\": "
                         "\"y\", \"tag\": \"X\"}}}",
                    "profiles/local.json:3:57: found the string \"X\" for "
                    "\"tag\", allowed \"S\", \"2\", \"C\", \"GK\"");
    expect_bad_file(HEAD "\"workers\": {\"value\": \"4 workers\", \"tag\": "
                         "\"S\"}}}",
                    "profiles/local.json:3:12: found an object without "
                    "\"source\", allowed only with this key");
}
