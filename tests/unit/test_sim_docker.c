#include "sim/platform/docker.h"

#include <criterion/criterion.h>
#include <string.h>

#include "engine/random.h"
#include "tests/support/model_bed.h"

#define MS UINT64_C(1000000)
#define SECOND BED_SECOND
#define MB UINT64_C(1000000)

static const struct sim_demand plain = {.name = "plain"};
static const struct sim_work one_second = {SECOND, 1000000000, 1};
static const struct sim_work a_minute = {60 * SECOND, 1000000000, 1};
static const struct sim_work waiting = {SECOND, 0, 1};

/* Everything exact: no noise, no contention, images there. */
static struct sim_docker_config quiet(void)
{
    struct sim_docker_config config = {
        .processors = 4,
        .memory_mb = 8192,
        .memory_reserved_mb = 1024,
        .containers_max = 100,
        .images_present = true,
        .image_bytes = 100 * MB,
        .pull_bytes_s = 50 * MB,
        .pull_burst = 100,
        .pull_refill = {100, 6 * 3600 * SECOND},
        .memory_default_mb = 64,
        .restart_first_ns = 100 * MS,
        .restart_max_ns = 60 * SECOND,
        .restart_reset_ns = 10 * SECOND,
        .stop_ns = 10 * SECOND,
    };
    sim_dist_constant(&config.start, 568 * MS);
    sim_dist_constant(&config.reboot, 60 * SECOND);
    return config;
}

static struct bed bed_of(const struct sim_docker_config *config)
{
    struct sim_model model;
    struct bed bed;
    cr_assert_eq(sim_docker_model(&model, config, 3), 0);
    bed_init(&bed, model);
    return bed;
}

static uint64_t took(const struct bed *bed, uint32_t job)
{
    return bed->jobs[job].over_ns - bed->jobs[job].last_start_ns;
}

static uint64_t start_took(const struct bed *bed, uint32_t job)
{
    return bed->jobs[job].start_ns - bed->jobs[job].submitted_ns;
}

Test(sim_docker, a_container_starts_in_568_ms_and_ends_with_its_work)
{
    struct sim_docker_config config = quiet();
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &plain, &one_second, 0);
    bed_run(&bed);
    cr_assert_eq(start_took(&bed, job), 568 * MS);
    cr_assert_eq(took(&bed, job), SECOND);
    cr_assert_not(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].end, 0, "it was closed before it had ended");
    bed_deinit(&bed);
}

Test(sim_docker, more_starts_than_processors_slow_each_other_down)
{
    struct sim_docker_config config = quiet();
    config.contention_ppb = 150000000;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 6; i++) {
        bed_submit(&bed, &plain, &one_second, 0);
    }
    bed_run(&bed);
    cr_assert_eq(start_took(&bed, 3), 568 * MS);
    cr_assert_eq(start_took(&bed, 4), 568 * MS * 115 / 100);
    cr_assert_eq(start_took(&bed, 5), 568 * MS * 130 / 100);
    bed_deinit(&bed);
}

Test(sim_docker, an_image_is_pulled_once_at_the_bandwidth_of_the_link)
{
    struct sim_docker_config config = quiet();
    config.images_present = false;
    config.pull_ns = 500 * MS;
    struct bed bed = bed_of(&config);
    bed_submit(&bed, &plain, &one_second, 0);
    bed_submit(&bed, &plain, &one_second, 0);
    bed_run(&bed);
    cr_assert_eq(start_took(&bed, 0), 2500 * MS + 568 * MS);
    cr_assert_eq(start_took(&bed, 1), 2500 * MS + 568 * MS);
    uint32_t later = bed_submit(&bed, &plain, &one_second, 0);
    bed_run(&bed);
    cr_assert_eq(start_took(&bed, later), 568 * MS);
    bed_deinit(&bed);
}

Test(sim_docker, two_images_share_the_link)
{
    static const struct sim_demand other = {.name = "o", .image = 1};
    struct sim_docker_config config = quiet();
    config.images_present = false;
    struct bed bed = bed_of(&config);
    bed_submit(&bed, &plain, &one_second, 0);
    bed_submit(&bed, &other, &one_second, 0);
    bed_run(&bed);
    cr_assert_eq(start_took(&bed, 0), 2 * SECOND + 568 * MS);
    cr_assert_eq(start_took(&bed, 1), 4 * SECOND + 568 * MS);
    bed_deinit(&bed);
}

Test(sim_docker, pull_101_in_six_hours_is_turned_away_by_the_registry)
{
    struct sim_demand demands[101];
    struct sim_docker_config config = quiet();
    config.images_present = false;
    config.containers_max = 101;
    struct bed bed = bed_of(&config);
    for (uint32_t i = 0; i < 101; i++) {
        demands[i] = (struct sim_demand){.name = "i", .image = i};
        bed_submit(&bed, &demands[i], &one_second, 0);
    }
    bed_run(&bed);
    for (uint32_t i = 0; i < 100; i++) {
        cr_assert_not(bed.jobs[i].failed);
    }
    cr_assert(bed.jobs[100].failed);
    cr_assert_eq(bed.jobs[100].cause.error, ENGINE_ERR_PLATFORM_START);
    cr_assert_not_null(
        strstr(bed_root(&bed.jobs[100].cause), "toomanyrequests"), "%s",
        bed.jobs[100].cause.words);
    bed_deinit(&bed);
}

Test(sim_docker, an_image_that_is_not_there_fails_at_once)
{
    static const struct sim_demand lost = {.name = "x", .image_missing = true};
    struct sim_docker_config config = quiet();
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &lost, &one_second, 0);
    cr_assert(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].cause.error, ENGINE_ERR_PLATFORM_START);
    cr_assert_not_null(
        strstr(bed_root(&bed.jobs[job].cause), "pull access denied"));
    cr_assert_eq(bed.jobs[job].starts, 0);
    bed_deinit(&bed);
}

Test(sim_docker, four_busy_containers_on_two_processors_take_twice_as_long)
{
    struct sim_docker_config config = quiet();
    config.processors = 2;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 4; i++) {
        bed_submit(&bed, &plain, &a_minute, 0);
    }
    bed_run(&bed);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(took(&bed, i), 120 * SECOND);
    }
    bed_deinit(&bed);
}

Test(sim_docker, containers_that_wait_do_not_slow_anybody_down)
{
    struct sim_docker_config config = quiet();
    config.processors = 1;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 20; i++) {
        bed_submit(&bed, &plain, &waiting, 0);
    }
    uint32_t busy = bed_submit(&bed, &plain, &one_second, 0);
    bed_run(&bed);
    for (uint32_t i = 0; i < 20; i++) {
        cr_assert_eq(took(&bed, i), SECOND);
    }
    cr_assert_eq(took(&bed, busy), SECOND);
    bed_deinit(&bed);
}

Test(sim_docker, a_container_gets_no_more_processors_than_its_limit)
{
    static const struct sim_demand half = {.name = "half", .cpu_milli = 500};
    static const struct sim_work wide = {SECOND, 1000000000, 4};
    struct sim_docker_config config = quiet();
    struct bed bed = bed_of(&config);
    uint32_t limited = bed_submit(&bed, &half, &one_second, 0);
    bed_run(&bed);
    uint32_t free = bed_submit(&bed, &plain, &wide, 0);
    bed_run(&bed);
    cr_assert_eq(took(&bed, limited), 2 * SECOND);
    cr_assert_eq(took(&bed, free), SECOND / 4);
    bed_deinit(&bed);
}

Test(sim_docker, memory_above_its_limit_kills_a_container_with_exit_code_137)
{
    static const struct sim_demand big = {
        .name = "big", .memory_mb = 512, .peak_mb = 1024};
    struct sim_docker_config config = quiet();
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &big, &one_second, 0);
    bed_run(&bed);
    cr_assert(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].end, SIM_DOCKER_OOM);
    cr_assert_eq(bed.jobs[job].cause.error, ENGINE_ERR_OOM);
    cr_assert_eq(took(&bed, job), SECOND / 2, "half of its memory");
    cr_assert_not_null(strstr(bed.jobs[job].cause.words, "exit 137"));
    bed_deinit(&bed);
}

Test(sim_docker, memory_up_to_its_limit_is_fine)
{
    static const struct sim_demand full = {
        .name = "full", .memory_mb = 512, .peak_mb = 512};
    struct sim_docker_config config = quiet();
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &full, &one_second, 0);
    bed_run(&bed);
    cr_assert_not(bed.jobs[job].failed);
    bed_deinit(&bed);
}

Test(sim_docker, when_the_machine_is_full_the_largest_container_is_killed)
{
    static const struct sim_demand small = {.name = "s", .peak_mb = 3000};
    static const struct sim_demand large = {.name = "l", .peak_mb = 4000};
    struct sim_docker_config config = quiet(); /* 7168 MB are free */
    struct bed bed = bed_of(&config);
    uint32_t first = bed_submit(&bed, &large, &a_minute, 0);
    uint32_t second = bed_submit(&bed, &small, &a_minute, 0);
    bed_run_until(&bed, bed.now_ns + 10 * SECOND);
    uint32_t third = bed_submit(&bed, &small, &a_minute, 0);
    bed_run(&bed);
    cr_assert(bed.jobs[first].failed);
    cr_assert_eq(bed.jobs[first].over_ns, bed.jobs[third].start_ns);
    cr_assert_not_null(strstr(bed_root(&bed.jobs[first].cause), "machine"));
    cr_assert_not(bed.jobs[second].failed);
    cr_assert_not(bed.jobs[third].failed);
    bed_deinit(&bed);
}

Test(sim_docker, a_gpu_is_refused_until_somebody_configures_one)
{
    static const struct sim_demand gpu = {.name = "train", .gpus = 1};
    struct sim_docker_config config = quiet();
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &gpu, &one_second, 0);
    const struct sim_submitted *answer = &bed.jobs[job].answer;
    cr_assert_eq(answer->answer, SIM_SUBMIT_REFUSED);
    cr_assert_eq(answer->cause.error, ENGINE_ERR_CONTRACT);
    cr_assert_not_null(strstr(bed_root(&answer->cause), "by hand"));
    bed_deinit(&bed);
}

Test(sim_docker, one_gpu_serves_two_jobs_one_after_the_other)
{
    static const struct sim_demand gpu = {.name = "train", .gpus = 1};
    struct sim_docker_config config = quiet();
    config.gpus = 1;
    struct bed bed = bed_of(&config);
    bed_submit(&bed, &gpu, &one_second, 0);
    bed_submit(&bed, &gpu, &one_second, 0);
    uint32_t other = bed_submit(&bed, &plain, &one_second, 0);
    bed_run(&bed);
    cr_assert_eq(start_took(&bed, 1), 2 * 568 * MS + SECOND);
    cr_assert_eq(start_took(&bed, other), 568 * MS, "it needs none");
    bed_deinit(&bed);
}

Test(sim_docker, a_container_that_crashes_is_not_restarted_by_default)
{
    struct sim_docker_config config = quiet();
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &plain, &a_minute, 0);
    bed_run_until(&bed, bed.now_ns + 10 * SECOND);
    bed_crash(&bed, bed.jobs[job].place, 1);
    cr_assert(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].cause.error, ENGINE_ERR_USER);
    cr_assert_not_null(strstr(bed.jobs[job].cause.words, "exit 1:"));
    bed_deinit(&bed);
}

/* When the n-th restart came after the crash before it. */
static uint64_t restart_after(struct bed *bed, uint32_t job, uint64_t run_ns)
{
    bed_run_until(bed, bed->jobs[job].last_start_ns + run_ns);
    uint64_t crash_ns = bed->now_ns;
    uint32_t starts = bed->jobs[job].starts;
    bed_crash(bed, bed->jobs[job].place, 1);
    while (bed->jobs[job].starts == starts && !bed->jobs[job].failed) {
        bed_run_until(bed, bed->now_ns + 10 * MS);
    }
    return bed->jobs[job].last_start_ns - crash_ns - 568 * MS;
}

Test(sim_docker, restarts_wait_100_ms_doubling_and_10_s_of_running_resets)
{
    struct sim_docker_config config = quiet();
    config.restarts = 5;
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &plain, &a_minute, 0);
    bed_run_until(&bed, bed.now_ns + SECOND);
    cr_assert_eq(restart_after(&bed, job, SECOND), 100 * MS);
    cr_assert_eq(restart_after(&bed, job, SECOND), 200 * MS);
    cr_assert_eq(restart_after(&bed, job, SECOND), 400 * MS);
    cr_assert_eq(restart_after(&bed, job, 10 * SECOND), 100 * MS);
    cr_assert_eq(restart_after(&bed, job, SECOND), 200 * MS);
    restart_after(&bed, job, SECOND);
    cr_assert(bed.jobs[job].failed, "five restarts are the limit");
    cr_assert_eq(bed.jobs[job].starts, 6);
    bed_deinit(&bed);
}

Test(sim_docker, containers_beyond_the_limit_wait_in_order)
{
    struct sim_docker_config config = quiet();
    config.containers_max = 2;
    struct bed bed = bed_of(&config);
    char text[100];
    for (int i = 0; i < 4; i++) {
        bed_submit(&bed, &plain, &one_second, 0);
    }
    bed.model.ops->explain(bed.model.self, bed.now_ns, 3, text, sizeof text);
    cr_assert_str_eq(text, "waits for one of 2 containers to end");
    bed_run(&bed);
    cr_assert_eq(bed.running_peak, 2);
    cr_assert_eq(start_took(&bed, 2), 2 * 568 * MS + SECOND);
    cr_assert_eq(start_took(&bed, 3), 2 * 568 * MS + SECOND);
    bed_deinit(&bed);
}

Test(sim_docker, stopping_the_daemon_stops_containers_after_10_s)
{
    struct sim_docker_config config = quiet();
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &plain, &a_minute, 0);
    bed_run_until(&bed, bed.now_ns + 2 * SECOND);
    uint64_t away_ns = bed.now_ns;
    bed_outage(&bed, away_ns + 30 * SECOND);
    uint32_t late = bed_submit(&bed, &plain, &one_second, 0);
    bed_run(&bed);
    cr_assert_eq(bed.jobs[job].warning_ns, away_ns + 10 * SECOND);
    cr_assert_eq(bed.jobs[job].over_ns, away_ns + 10 * SECOND);
    cr_assert_eq(bed.jobs[job].end, SIM_DOCKER_STOPPED);
    cr_assert_eq(bed.jobs[late].answer.answer, SIM_SUBMIT_THROTTLED);
    bed_run_until(&bed, away_ns + 30 * SECOND);
    late = bed_submit(&bed, &plain, &one_second, 0);
    bed_run(&bed);
    cr_assert_not(bed.jobs[late].failed);
    bed_deinit(&bed);
}

Test(sim_docker, with_live_restore_containers_survive_the_daemon)
{
    struct sim_docker_config config = quiet();
    config.live_restore = true;
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &plain, &a_minute, 0);
    bed_run_until(&bed, bed.now_ns + 2 * SECOND);
    bed_outage(&bed, bed.now_ns + 30 * SECOND);
    bed_run(&bed);
    cr_assert_not(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].starts, 1);
    bed_deinit(&bed);
}

Test(sim_docker, the_machine_takes_every_container_with_it)
{
    struct sim_docker_config config = quiet();
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 3; i++) {
        bed_submit(&bed, &plain, &a_minute, 0);
    }
    bed_run_until(&bed, bed.now_ns + 2 * SECOND);
    cr_assert(bed_fail_host(&bed, 0));
    cr_assert_not(bed_fail_host(&bed, 0), "it is down already");
    for (uint32_t i = 0; i < 3; i++) {
        cr_assert(bed.jobs[i].failed);
        cr_assert_eq(bed.jobs[i].end, SIM_DOCKER_HOST);
        cr_assert_not_null(strstr(bed_root(&bed.jobs[i].cause), "host failed"));
    }
    bed_run_until(&bed, bed.now_ns + 61 * SECOND);
    uint32_t job = bed_submit(&bed, &plain, &one_second, 0);
    bed_run(&bed);
    cr_assert_not(bed.jobs[job].failed);
    bed_deinit(&bed);
}

Test(sim_docker, noise_has_the_deviation_it_was_given)
{
    enum {
        JOBS = 2000
    };
    struct sim_docker_config config = quiet();
    config.cpu_noise_ppb = 50000000;
    struct bed bed = bed_of(&config);
    double sum = 0, squares = 0;
    for (uint32_t i = 0; i < JOBS; i++) {
        bed_submit(&bed, &plain, &one_second, 0);
        bed_run(&bed);
        double x = (double)took(&bed, i) / 1e9;
        sum += x;
        squares += x * x;
    }
    double mean = sum / JOBS;
    double variance = squares / JOBS - mean * mean;
    cr_assert(mean > 0.996 && mean < 1.004, "%f", mean);
    cr_assert(variance > 0.0023 && variance < 0.0027, "%f", variance);
    bed_deinit(&bed);
}

Test(sim_docker, a_number_out_of_range_is_refused)
{
    struct sim_model model;
    struct sim_docker_config config = quiet();
    config.memory_reserved_mb = config.memory_mb;
    cr_assert_eq(sim_docker_model(&model, &config, 1), -2);
    cr_assert_null(model.ops);
    config = quiet();
    config.pull_refill.count = 0;
    cr_assert_eq(sim_docker_model(&model, &config, 1), -2);
}

/* Thousands of random submissions, crashes, outages and lost machines. */
static uint64_t storm(uint64_t seed)
{
    static const struct sim_demand kinds[] = {
        {.name = "a"},
        {.name = "b", .memory_mb = 512, .peak_mb = 600, .image = 1},
        {.name = "c", .gpus = 1, .image = 2},
        {.name = "d", .peak_mb = 2500, .cpu_milli = 1500},
        {.name = "e", .image_missing = true},
        {.name = "f", .gpus = 3},
    };
    struct sim_docker_config config = quiet();
    struct engine_stream stream;
    config.processors = 2;
    config.gpus = 2;
    config.containers_max = 12;
    config.images_present = false;
    config.contention_ppb = 150000000;
    config.cpu_noise_ppb = 10000000;
    config.restarts = 2;
    struct bed bed = bed_of(&config);
    engine_stream_init(&stream, seed, "storm", 0);
    for (uint64_t i = 0; i < 6000; i++) {
        uint64_t r[2];
        engine_stream_block(&stream, i, r);
        uint32_t what = (uint32_t)(r[0] % 100);
        struct sim_work work = {r[1] % (4 * SECOND),
                                (uint32_t)(r[1] >> 34) % 1000000001,
                                1 + (uint32_t)(r[1] >> 60) % 4};
        if (what < 50) {
            bed_submit(&bed, &kinds[(r[0] >> 8) % 6], &work, 0);
        } else if (what < 60) {
            bed_crash(&bed, (uint32_t)(r[0] >> 8) % 12, what);
        } else if (what == 60) {
            bed_outage(&bed, bed.now_ns + r[1] % (5 * SECOND));
        } else if (what == 61) {
            bed_fail_host(&bed, 0);
        }
        bed_run_until(&bed, bed.now_ns + (r[0] >> 32) % SECOND);
        cr_assert_leq(bed.running, 12);
    }
    bed_run(&bed);
    const struct sim_model_counts *counts =
        bed.model.ops->counts(bed.model.self);
    cr_assert_eq(counts->queued, 0);
    cr_assert_eq(counts->places, 0);
    cr_assert_eq(counts->places_opened, counts->places_closed);
    cr_assert_eq(counts->submitted, counts->done + counts->failed +
                                        counts->refused + counts->throttled);
    cr_assert_gt(counts->done, 500);
    cr_assert_gt(counts->restarts, 50);
    uint64_t digest = bed.digest;
    bed_deinit(&bed);
    return digest;
}

Test(sim_docker, every_job_ends_once_whatever_happens)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        cr_assert_eq(storm(seed), storm(seed), "same seed, same actions");
    }
}
