#include "scenarios/profile.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/model_bed.h"

#define MS UINT64_C(1000000)
#define SECOND BED_SECOND
#define MINUTE (60 * SECOND)

static const struct sim_demand plain = {.name = "plain"};
static const struct sim_work a_second = {SECOND, 0, 1};

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

static struct bed bed_of(const char *json)
{
    struct profile profile;
    struct json_error err;
    struct sim_model model;
    struct bed bed;
    cr_assert(read_real(json, &profile, &err), "%s", err.text);
    cr_assert_eq(profile_model(&profile, &plain, 1, 9, &model), 0);
    bed_init(&bed, model);
    return bed;
}

static void expect_error(const char *json, const char *error)
{
    struct profile profile;
    struct json_error err;
    cr_assert_not(read_real(json, &profile, &err), "%s", json);
    cr_assert_str_eq(err.text, error, "%s", err.text);
}

static uint64_t start_took(const struct bed *bed, uint32_t job)
{
    return bed->jobs[job].start_ns - bed->jobs[job].submitted_ns;
}

Test(scenarios_profile_batch, with_idle_capacity_a_job_starts_in_10_to_30_s)
{
    struct bed bed = bed_of("{\"profile\": \"batch-ec2-od\", \"overrides\": "
                            "{\"scale_in\": \"1000h\"}}");
    bed_submit(&bed, &plain, &a_second, 0);
    bed_run(&bed);
    for (uint32_t i = 1; i <= 2000; i++) {
        bed_submit(&bed, &plain, &a_second, 0);
        bed_run(&bed);
        cr_assert_geq(start_took(&bed, i), 10 * SECOND);
        cr_assert_leq(start_took(&bed, i), 30 * SECOND);
    }
    bed_deinit(&bed);
}

Test(scenarios_profile_batch, fargate_starts_413_mb_in_56_9_s)
{
    enum {
        JOBS = 1000
    };
    struct bed bed = bed_of("{\"profile\": \"batch-fargate\", \"overrides\": "
                            "{\"scheduling\": \"0s\", \"tick\": \"0s\"}}");
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < JOBS; i++) {
        bed_submit(&bed, &plain, &a_second, 0);
        bed_run(&bed);
        double s = (double)start_took(&bed, i) / 1e9;
        sum += s;
        squares += s * s;
    }
    double mean = sum / JOBS;
    double sd = sqrt(squares / JOBS - mean * mean);
    cr_assert(mean > 56.4 && mean < 57.4, "%f", mean);
    cr_assert(sd > 2.9 && sd < 3.5, "%f", sd);
    bed_deinit(&bed);
}

Test(scenarios_profile_batch, a_burst_of_1000_takes_20_s_to_submit)
{
    struct bed bed = bed_of("{\"profile\": \"batch-ec2-od\", \"overrides\": "
                            "{\"submit_burst\": \"1 jobs\"}}");
    for (uint32_t accepted = 0; accepted < 1000;) {
        uint32_t job = bed_submit(&bed, &plain, &a_second, 0);
        accepted += bed.jobs[job].answer.answer == SIM_SUBMIT_ACCEPTED;
        bed_run_until(&bed, bed.now_ns + 5 * MS);
    }
    uint64_t took_ns = bed.now_ns - BED_START;
    cr_assert(took_ns > 1995 * SECOND / 100 && took_ns <= 20 * SECOND, "%lu",
              (unsigned long)took_ns);
    bed_deinit(&bed);
}

Test(scenarios_profile_batch, a_burst_of_500_fargate_tasks_takes_20_s_to_launch)
{
    struct bed bed = bed_of(
        "{\"profile\": \"batch-fargate\", \"max_vcpus\": 1000, \"overrides\": "
        "{\"submit_burst\": \"500 jobs\", \"scheduling\": \"10s\", "
        "\"fargate_start\": \"20s\"}, \"image_size\": \"0MB\"}");
    uint64_t first_ns = UINT64_MAX, last_ns = 0;
    for (uint32_t i = 0; i < 500; i++) {
        bed_submit(&bed, &plain, &a_second, 0);
    }
    bed_run(&bed);
    for (uint32_t i = 0; i < 500; i++) {
        uint64_t start_ns = bed.jobs[i].start_ns;
        first_ns = start_ns < first_ns ? start_ns : first_ns;
        last_ns = start_ns > last_ns ? start_ns : last_ns;
    }
    cr_assert_eq(last_ns - first_ns, 20 * SECOND);
    bed_deinit(&bed);
}

/* Instances lost in an hour while one job follows the other. */
static double lost_per_hour(const char *json, uint64_t hours)
{
    struct sim_work work = {3600 * SECOND, 0, 1};
    struct bed bed = bed_of(json);
    for (uint64_t i = 0; i < hours; i++) {
        bed_submit(&bed, &plain, &work, 0);
        bed_run(&bed);
    }
    double lost = (double)bed.model.ops->counts(bed.model.self)->hosts_lost;
    double passed = (double)bed.now_ns / 3600e9;
    bed_deinit(&bed);
    return lost / passed;
}

Test(scenarios_profile_batch, scarce_spot_is_lost_every_other_hour)
{
    double rate =
        lost_per_hour("{\"profile\": \"batch-ec2-spot-scarce\"}", 3000);
    /* 0.51 for an hour up, of which there are 1.93 in 2.27 */
    cr_assert(rate > 0.38 && rate < 0.48, "%f", rate);
}

Test(scenarios_profile_batch, broad_spot_is_lost_in_a_month_by_5_percent)
{
    double rate =
        lost_per_hour("{\"profile\": \"batch-ec2-spot-broad\"}", 100000);
    double month = 1 - exp(-rate * 730.5);
    cr_assert(month > 0.01 && month < 0.10, "%f", month);
}

Test(scenarios_profile_batch, what_cannot_be_is_refused_with_its_place)
{
    expect_error("{\"profile\": \"batch-ec2-od\", \"fallback\": \"fargate\"}",
                 "s.json:1:41: found \"fargate\" behind \"ec2\", allowed EC2 "
                 "or Fargate in one queue, not both");
    expect_error("{\"profile\": \"batch-ec2-od\", \"attempts\": 11}",
                 "s.json:1:41: found 11 attempts, allowed 1 to 10");
    expect_error("{\"profile\": \"batch-ec2-od\", \"timeout\": \"59s\"}",
                 "s.json:1:40: found a timeout of 59s, allowed 0s for none or "
                 "at least 60s");
    expect_error("{\"profile\": \"batch-ec2-od\", \"compute\": \"eks\"}",
                 "s.json:1:40: found the string \"eks\" for \"compute\", "
                 "allowed \"ec2\", \"spot\", \"fargate\", \"fargate-spot\"; "
                 "did you mean \"ec2\"?");
    expect_error("{\"profile\": \"batch-ec2-od\", \"rule_3\": \"always\"}",
                 "s.json:1:39: found \"always\", allowed \"none\" or "
                 "onStatusReason, onReason or onExitCode with a pattern, as in "
                 "\"onStatusReason Host EC2* -> RETRY\" or \"onReason * -> "
                 "EXIT\"");
    expect_error("{\"profile\": \"batch-ec2-od\", \"sharing\": \"fair\", "
                 "\"queues\": 2}",
                 "s.json:1:58: found 2 queues with fair share, allowed 1: a "
                 "step's priority is that within its share");
}
