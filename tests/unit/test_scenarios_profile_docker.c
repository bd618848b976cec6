#include "scenarios/profile.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/model_bed.h"

#define MS UINT64_C(1000000)
#define SECOND BED_SECOND

static bool read_real(const char *json, struct profile *profile,
                      struct json_error *err)
{
    struct data_dir dir = {.dir = "scenarios"};
    struct data_files files = data_dir_files(&dir);
    struct json_doc *doc = NULL;
    *err = (struct json_error){0};
    bool ok = json_read_bytes("s.json", json, strlen(json), &doc, err) == 0 &&
              profile_read(json_root(doc), &files, profile, err);
    json_free(doc);
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

static void expect_error(const char *json, const char *error)
{
    struct profile profile;
    struct json_error err;
    cr_assert_not(read_real(json, &profile, &err), "%s", json);
    cr_assert_str_eq(err.text, error, "%s", err.text);
}

static struct bed bed_of(const struct profile *profile)
{
    struct sim_model model;
    struct bed bed;
    struct sim_demand demand = {.name = "any"};
    cr_assert_eq(profile_model(profile, &demand, 1, 9, &model), 0);
    bed_init(&bed, model);
    return bed;
}

/* The median time to start of containers one after the other. */
static uint64_t median_start(const char *json)
{
    enum {
        JOBS = 401
    };
    static const struct sim_demand plain = {.name = "plain"};
    static const struct sim_work work = {SECOND, 0, 1};
    struct profile profile = profile_of(json);
    struct bed bed = bed_of(&profile);
    uint32_t below[2] = {0};
    uint64_t low = 0, high = 10 * SECOND;
    for (uint32_t i = 0; i < JOBS; i++) {
        bed_submit(&bed, &plain, &work, 0);
        bed_run(&bed);
    }
    while (high - low > MS) {
        uint64_t middle = low + (high - low) / 2;
        below[0] = 0;
        for (uint32_t i = 0; i < JOBS; i++) {
            below[0] +=
                bed.jobs[i].start_ns - bed.jobs[i].submitted_ns < middle;
        }
        if (below[0] > JOBS / 2) {
            high = middle;
        } else {
            low = middle;
        }
    }
    bed_deinit(&bed);
    return low;
}

Test(scenarios_profile_docker, desktop_takes_2_69_times_as_long_to_start)
{
    uint64_t ssd =
        median_start("{\"profile\": \"docker-ssd\", \"images\": \"present\"}");
    uint64_t desktop = median_start(
        "{\"profile\": \"docker-desktop\", \"images\": \"present\"}");
    cr_assert(ssd > 550 * MS && ssd < 586 * MS, "%lu", (unsigned long)ssd);
    double ratio = (double)desktop / (double)ssd;
    cr_assert(ratio > 2.68 && ratio < 2.70, "%f", ratio);
}

Test(scenarios_profile_docker, no_gpu_is_configured_unless_somebody_does)
{
    struct profile profile = profile_of("{\"profile\": \"docker-ssd\"}");
    cr_assert_eq(profile.docker.config.gpus, 0);
    profile = profile_of("{\"profile\": \"docker-ssd\", \"gpus\": 2}");
    cr_assert_eq(profile.docker.config.gpus, 2);
}

Test(scenarios_profile_docker, a_burst_of_containers_shares_the_processors)
{
    static const struct sim_demand plain = {.name = "plain"};
    static const struct sim_work work = {10 * SECOND, 1000000000, 1};
    struct profile profile =
        profile_of("{\"profile\": \"docker-ssd\", \"images\": \"present\", "
                   "\"overrides\": {\"start\": \"1s\", \"cpu_noise\": \"0%\", "
                   "\"start_contention\": \"0%\"}}");
    struct bed bed = bed_of(&profile);
    for (int i = 0; i < 40; i++) {
        bed_submit(&bed, &plain, &work, 0);
    }
    bed_run(&bed);
    cr_assert_eq(bed.now_ns, BED_START + 101 * SECOND, "40 x 10 s on 4");
    bed_deinit(&bed);
}

Test(scenarios_profile_docker, what_cannot_be_is_refused_with_its_place)
{
    expect_error("{\"profile\": \"docker-ssd\", \"memory\": \"1024MB\"}",
                 "profiles/docker-ssd.json:18:16: "
                 "found 1024 MB for the "
                 "system, allowed less than the machine's 1024 MB");
    expect_error("{\"profile\": \"docker-ssd\", \"containers\": 0}",
                 "s.json:1:41: found 0 containers, allowed 1 to "
                 "1000");
    expect_error("{\"profile\": \"docker-ssd\", \"processors\": \"2\"}",
                 "s.json:1:41: found \"2\" for \"processors\", allowed a "
                 "number alone or with its unit: 2 or \"2 processors\"");
}
