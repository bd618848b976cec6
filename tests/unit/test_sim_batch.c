#include "sim/platform/batch.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/random.h"
#include "tests/support/model_bed.h"

#define MS UINT64_C(1000000)
#define SECOND BED_SECOND
#define MINUTE (60 * SECOND)
#define HOUR (60 * MINUTE)
#define MB UINT64_C(1000000)

static const struct sim_demand plain = {.name = "plain"};
static const struct sim_work a_second = {SECOND, 1000000000, 1};
static const struct sim_work a_minute = {60 * SECOND, 1000000000, 1};
static const struct sim_work an_hour = {3600 * SECOND, 0, 1};

/* Everything exact; one queue, instances of 4 vCPUs and 8 GB. */
static struct sim_batch_config quiet(enum sim_batch_env_kind kind)
{
    struct sim_batch_config config = {
        .submit_rate = {50, SECOND},
        .submit_burst = 50,
        .payload_max = 30720,
        .definition_bytes = 2048,
        .definition_max = 24576,
        .submitted_max = 1000000,
        .array_max = 10000,
        .queues = 1,
        .tick_ns = SECOND,
        .env_count = 1,
        .envs =
            {{.kind = kind, .max_vcpus = 64, .vcpus = 4, .memory_mb = 8192}},
        .provision_min_ns = 18 * SECOND,
        .capacity_backoff_ns = 5 * MINUTE,
        .pull_bytes_s = 100 * MB,
        .images_kept = 2,
        .image_bytes = 400 * MB,
        .fargate_rate = {20, SECOND},
        .fargate_burst = 100,
        .fargate_bytes_s = 12 * MB,
        .fargate_cpu_min = 250,
        .fargate_cpu_max = 16000,
        .fargate_mb_min = 2048,
        .fargate_mb_max = 8192,
        .fargate_mb_step = 1024,
        .attempts = 1,
        .timeout_min_ns = MINUTE,
        .spot_notice_ns = 2 * MINUTE,
        .vcpu_default_milli = 1000,
        .memory_default_mb = 2048,
        .price_instance_pico = 170000000000,
        .price_vcpu_pico = 40480000000,
        .price_gb_pico = 4445000000,
        .spot_discount_ppb = 600000000,
        .billed_min_ns = MINUTE,
    };
    for (int i = 0; i < SIM_BATCH_SHARES_MAX; i++) {
        config.weights_milli[i] = 1000;
    }
    sim_dist_constant(&config.scheduling, 10 * SECOND);
    sim_dist_constant(&config.provision, 12 * SECOND);
    sim_dist_constant(&config.agent, 10 * SECOND);
    sim_dist_constant(&config.scale_in, 5 * MINUTE);
    sim_dist_constant(&config.container, SECOND);
    sim_dist_constant(&config.fargate_start, 20 * SECOND);
    sim_dist_constant(&config.spot_up, 1000 * HOUR);
    sim_dist_constant(&config.spot_down, 20 * MINUTE);
    return config;
}

static struct bed bed_of(const struct sim_batch_config *config)
{
    struct sim_model model;
    struct bed bed;
    cr_assert_eq(sim_batch_model(&model, config, 3), 0);
    bed_init(&bed, model);
    return bed;
}

static uint64_t start_took(const struct bed *bed, uint32_t job)
{
    return bed->jobs[job].start_ns - bed->jobs[job].submitted_ns;
}

static const struct sim_model_counts *counts(const struct bed *bed)
{
    return bed->model.ops->counts(bed->model.self);
}

/* One more submission, as soon as it is taken. */
static uint32_t submit(struct bed *bed, const struct sim_demand *demand,
                       const struct sim_work *work)
{
    uint32_t job = bed_submit(bed, demand, work, 0);
    while (bed->jobs[job].answer.answer == SIM_SUBMIT_THROTTLED) {
        bed_run_until(bed, bed->now_ns + 20 * MS);
        job = bed_submit(bed, demand, work, 0);
    }
    cr_assert_eq(bed->jobs[job].answer.answer, SIM_SUBMIT_ACCEPTED, "%s",
                 bed->jobs[job].answer.cause.words);
    return job;
}

/* An instance is up and holds the image, nothing runs on it. */
static void warm_up(struct bed *bed)
{
    submit(bed, &plain, &a_second);
    bed_run(bed);
}

Test(sim_batch, a_job_passes_all_states_in_their_order)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &plain, &a_second, 0);
    cr_assert_eq(bed.jobs[job].states, 1U << SIM_BATCH_SUBMITTED |
                                           1U << SIM_BATCH_PENDING |
                                           1U << SIM_BATCH_RUNNABLE);
    bed_run(&bed);
    cr_assert_eq(bed.jobs[job].states, 0x7EU, "all but FAILED: %x",
                 bed.jobs[job].states);
    cr_assert_eq(bed.jobs[job].state, SIM_BATCH_SUCCEEDED);
    bed_deinit(&bed);
}

Test(sim_batch, submission_51_in_a_second_is_throttled)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    for (uint32_t i = 0; i < 51; i++) {
        bed_submit(&bed, &plain, &a_second, 0);
        cr_assert_eq(bed.jobs[i].answer.answer,
                     i < 50 ? SIM_SUBMIT_ACCEPTED : SIM_SUBMIT_THROTTLED);
    }
    cr_assert_eq(bed.jobs[50].answer.reason, SIM_BATCH_BY_RATE);
    cr_assert_eq(bed.jobs[50].answer.limit, 50);
    bed_run_until(&bed, bed.now_ns + 20 * MS);
    uint32_t next = bed_submit(&bed, &plain, &a_second, 0);
    cr_assert_eq(bed.jobs[next].answer.answer, SIM_SUBMIT_ACCEPTED);
    bed_deinit(&bed);
}

Test(sim_batch, a_thousand_submissions_take_twenty_seconds)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.submit_burst = 1;
    struct bed bed = bed_of(&config);
    for (uint32_t i = 0; i < 1000; i++) {
        submit(&bed, &plain, &a_second);
    }
    cr_assert_eq(bed.now_ns, BED_START + 999 * 20 * MS);
    bed_deinit(&bed);
}

Test(sim_batch, a_payload_above_30_kib_is_refused)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    uint32_t fits = bed_submit(&bed, &plain, &a_second, 30720);
    uint32_t large = bed_submit(&bed, &plain, &a_second, 30721);
    cr_assert_eq(bed.jobs[fits].answer.answer, SIM_SUBMIT_ACCEPTED);
    cr_assert_eq(bed.jobs[large].answer.answer, SIM_SUBMIT_REFUSED);
    cr_assert_eq(bed.jobs[large].answer.cause.error, ENGINE_ERR_SIZE_LIMIT);
    bed_deinit(&bed);
}

Test(sim_batch, a_job_definition_above_24_kib_is_refused)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.definition_bytes = 24577;
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &plain, &a_second, 0);
    cr_assert_eq(bed.jobs[job].answer.answer, SIM_SUBMIT_REFUSED);
    cr_assert_eq(bed.jobs[job].answer.cause.error, ENGINE_ERR_VALIDATION);
    bed_deinit(&bed);
}

Test(sim_batch, more_submitted_jobs_than_the_limit_are_turned_away)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.submitted_max = 3;
    struct bed bed = bed_of(&config);
    for (uint32_t i = 0; i < 4; i++) {
        bed_submit(&bed, &plain, &a_second, 0);
    }
    cr_assert_eq(bed.jobs[2].answer.answer, SIM_SUBMIT_ACCEPTED);
    cr_assert_eq(bed.jobs[3].answer.answer, SIM_SUBMIT_THROTTLED);
    cr_assert_eq(bed.jobs[3].answer.reason, SIM_BATCH_BY_SUBMITTED);
    bed_deinit(&bed);
}

Test(sim_batch, an_instance_takes_its_time_and_then_pulls_the_image_once)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    warm_up(&bed);
    cr_assert_eq(start_took(&bed, 0), (10 + 18 + 12 + 10 + 4 + 1) * SECOND);
    uint32_t next = submit(&bed, &plain, &a_second);
    bed_run(&bed);
    cr_assert_eq(start_took(&bed, next), (10 + 1) * SECOND);
    bed_deinit(&bed);
}

Test(sim_batch, an_instance_forgets_the_oldest_of_too_many_images)
{
    static const struct sim_demand other[2] = {{.name = "o", .image = 1},
                                               {.name = "p", .image = 2}};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    warm_up(&bed);
    submit(&bed, &other[0], &a_second);
    bed_run(&bed);
    submit(&bed, &other[1], &a_second);
    bed_run(&bed);
    uint32_t again = submit(&bed, &plain, &a_second);
    bed_run(&bed);
    cr_assert_eq(start_took(&bed, again), (10 + 4 + 1) * SECOND);
    bed_deinit(&bed);
}

Test(sim_batch, an_idle_instance_is_given_back_and_paid_until_then)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    warm_up(&bed);
    uint64_t idle_ns = bed.now_ns + 5 * MINUTE;
    bed_run_until(&bed, idle_ns - 1);
    cr_assert_eq(counts(&bed)->hosts, 1);
    bed_run_until(&bed, idle_ns);
    cr_assert_eq(counts(&bed)->hosts, 0);
    cr_assert_eq(counts(&bed)->hosts_lost, 0);
    /* asked for at 11 s, given back 5 minutes after second 57 */
    cr_assert_eq(bed.model.ops->cost_nano(bed.model.self, idle_ns),
                 UINT64_C(346) * 170000000 / 3600);
    bed_run_until(&bed, idle_ns + HOUR);
    cr_assert_eq(bed.model.ops->cost_nano(bed.model.self, bed.now_ns),
                 UINT64_C(346) * 170000000 / 3600);
    bed_deinit(&bed);
}

Test(sim_batch, an_environment_grows_by_what_waits_up_to_its_maximum)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.envs[0].max_vcpus = 16;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 40; i++) {
        submit(&bed, &plain, &a_minute);
    }
    bed_run_until(&bed, bed.now_ns + 90 * SECOND);
    cr_assert_eq(counts(&bed)->hosts, 4);
    bed_run(&bed);
    cr_assert_eq(bed.running_peak, 16);
    cr_assert_eq(counts(&bed)->hosts_started, 4);
    bed_deinit(&bed);
}

Test(sim_batch, a_small_burst_does_not_start_more_than_it_needs)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 9; i++) {
        submit(&bed, &plain, &a_minute);
    }
    bed_run(&bed);
    cr_assert_eq(counts(&bed)->hosts_started, 3, "9 vCPUs of 4 each");
    bed_deinit(&bed);
}

Test(sim_batch, nobody_passes_the_first_of_a_queue)
{
    static const struct sim_demand wide = {.name = "w", .cpu_milli = 4000};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.envs[0].max_vcpus = 4;
    struct bed bed = bed_of(&config);
    char text[200];
    uint32_t first = submit(&bed, &plain, &an_hour);
    uint32_t blocked = submit(&bed, &wide, &a_second);
    uint32_t behind = submit(&bed, &plain, &a_second);
    bed_run_until(&bed, bed.now_ns + 10 * MINUTE);
    cr_assert_eq(bed.jobs[first].starts, 1);
    cr_assert_eq(bed.jobs[blocked].starts, 0);
    cr_assert_eq(bed.jobs[behind].starts, 0, "three vCPUs are free");
    bed.model.ops->explain(bed.model.self, bed.now_ns, behind, text,
                           sizeof text);
    cr_assert_str_eq(text, "RUNNABLE behind the first of its queue: which "
                           "waits for room");
    bed_run(&bed);
    cr_assert_geq(bed.jobs[behind].start_ns, bed.jobs[blocked].start_ns);
    bed_deinit(&bed);
}

Test(sim_batch, a_queue_with_higher_priority_goes_first)
{
    static const struct sim_demand urgent = {.name = "u", .priority = 1};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.queues = 2;
    config.envs[0].max_vcpus = 4;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 8; i++) {
        submit(&bed, &plain, &a_minute);
    }
    uint32_t last = submit(&bed, &urgent, &a_minute);
    bed_run_until(&bed, bed.now_ns + 60 * SECOND);
    cr_assert_eq(bed.jobs[last].starts, 1, "it was submitted last");
    bed_run(&bed);
    bed_deinit(&bed);
}

Test(sim_batch, a_job_that_no_instance_holds_is_cancelled_after_the_limit)
{
    static const struct sim_demand huge = {.name = "h", .cpu_milli = 64000};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.state_limit_ns = 4 * HOUR;
    struct bed bed = bed_of(&config);
    uint32_t stuck = submit(&bed, &huge, &a_second);
    uint32_t behind = submit(&bed, &plain, &a_second);
    bed_run(&bed);
    cr_assert(bed.jobs[stuck].failed);
    cr_assert_eq(bed.jobs[stuck].over_ns, BED_START + 4 * HOUR + 10 * SECOND);
    cr_assert_eq(bed.jobs[stuck].cause.error, ENGINE_ERR_CONTRACT);
    cr_assert_not_null(strstr(bed_root(&bed.jobs[stuck].cause),
                              "MISCONFIGURATION:JOB_RESOURCE_REQUIREMENT"));
    cr_assert_not(bed.jobs[behind].failed);
    cr_assert_gt(bed.jobs[behind].start_ns, bed.jobs[stuck].over_ns);
    bed_deinit(&bed);
}

Test(sim_batch, without_a_limit_the_first_blocks_its_queue_for_ever)
{
    static const struct sim_demand huge = {.name = "h", .cpu_milli = 64000};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    submit(&bed, &huge, &a_second);
    uint32_t behind = submit(&bed, &plain, &a_second);
    bed_run_until(&bed, bed.now_ns + 1000 * HOUR);
    cr_assert_eq(bed.jobs[behind].starts, 0);
    cr_assert_eq(bed.open, 2);
    bed_deinit(&bed);
}

Test(sim_batch, no_capacity_is_a_reason_of_its_own)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.capacity_error_ppb = 1000000000;
    config.state_limit_ns = 10 * MINUTE;
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &plain, &a_second);
    bed_run(&bed);
    cr_assert(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].cause.error, ENGINE_ERR_PLATFORM_START);
    cr_assert_not_null(strstr(bed_root(&bed.jobs[job].cause),
                              "CAPACITY:INSUFFICIENT_INSTANCE_CAPACITY"));
    bed_deinit(&bed);
}

Test(sim_batch, without_capacity_the_next_environment_is_used)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2_SPOT);
    config.env_count = 2;
    config.envs[1] = config.envs[0];
    config.envs[1].kind = SIM_BATCH_EC2;
    config.envs[0].max_vcpus = 4;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 8; i++) {
        submit(&bed, &plain, &a_minute);
    }
    bed_run(&bed);
    const char *name;
    uint64_t nano[2];
    for (uint32_t i = 0; i < 2; i++) {
        bed.model.ops->cost_line(bed.model.self, bed.now_ns, i, &name,
                                 &nano[i]);
    }
    cr_assert_eq(counts(&bed)->hosts_started, 2);
    cr_assert_gt(nano[0], 0, "on demand");
    cr_assert_eq(nano[1], nano[0] * 4 / 10, "spot: %lu %lu",
                 (unsigned long)nano[0], (unsigned long)nano[1]);
    bed_deinit(&bed);
}

Test(sim_batch, fair_share_gives_a_quarter_to_four_times_the_weight)
{
    static const struct sim_demand shares[2] = {{.name = "a", .share = 0},
                                                {.name = "b", .share = 1}};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.fair_share = true;
    config.envs[0].max_vcpus = 20;
    config.weights_milli[1] = 4000;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 200; i++) {
        submit(&bed, &shares[i % 2], &an_hour);
    }
    bed_run_until(&bed, bed.now_ns + 10 * MINUTE);
    uint32_t running[2] = {0};
    for (uint32_t i = 0; i < bed.job_count; i++) {
        running[i % 2] += bed.jobs[i].running;
    }
    cr_assert_eq(running[0] + running[1], 20);
    cr_assert_eq(running[0], 16, "%u", running[0]);
    bed_deinit(&bed);
}

Test(sim_batch, compute_reservation_leaves_half_to_shares_that_may_come)
{
    static const struct sim_demand late = {.name = "b", .share = 1};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.fair_share = true;
    config.envs[0].max_vcpus = 16;
    config.compute_reservation_ppb = 500000000;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 20; i++) {
        submit(&bed, &plain, &an_hour);
    }
    bed_run_until(&bed, bed.now_ns + 5 * MINUTE);
    cr_assert_eq(bed.running, 8);
    for (int i = 0; i < 20; i++) {
        submit(&bed, &late, &an_hour);
    }
    bed_run_until(&bed, bed.now_ns + 5 * MINUTE);
    cr_assert_eq(bed.running, 12, "a quarter for a third");
    bed_deinit(&bed);
}

Test(sim_batch, past_use_decays)
{
    static const struct sim_demand shares[2] = {{.name = "a", .share = 0},
                                                {.name = "b", .share = 1}};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.fair_share = true;
    config.share_decay_ns = HOUR;
    config.envs[0].max_vcpus = 4;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 4; i++) {
        submit(&bed, &shares[0], &an_hour);
    }
    bed_run(&bed);
    for (int i = 0; i < 8; i++) {
        submit(&bed, &shares[i % 2], &an_hour);
    }
    bed_run_until(&bed, bed.now_ns + 5 * MINUTE);
    uint32_t running[2] = {0};
    for (uint32_t i = 4; i < bed.job_count; i++) {
        running[i % 2] += bed.jobs[i].running;
    }
    cr_assert_gt(running[1], running[0], "the first has used it for an hour");
    bed_deinit(&bed);
}

Test(sim_batch, fargate_launches_100_at_once_and_20_in_a_second)
{
    struct sim_batch_config config = quiet(SIM_BATCH_FARGATE);
    config.envs[0].max_vcpus = 1000;
    config.submit_rate.count = 1000000;
    config.submit_burst = 1000;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 500; i++) {
        submit(&bed, &plain, &a_minute);
    }
    bed_run(&bed);
    uint64_t last_ns = 0;
    for (uint32_t i = 0; i < 500; i++) {
        last_ns =
            bed.jobs[i].start_ns > last_ns ? bed.jobs[i].start_ns : last_ns;
    }
    uint64_t pull_ns = 400 * SECOND / 12;
    uint64_t spread_ns = last_ns - BED_START - 30 * SECOND - pull_ns;
    cr_assert(spread_ns >= 20 * SECOND && spread_ns <= 21 * SECOND,
              "(500 - 100) / 20 = 20 s, not %lu ms",
              (unsigned long)(spread_ns / MS));
    bed_deinit(&bed);
}

Test(sim_batch, fargate_pulls_the_image_for_every_task)
{
    struct sim_batch_config config = quiet(SIM_BATCH_FARGATE);
    struct bed bed = bed_of(&config);
    for (uint32_t i = 0; i < 2; i++) {
        submit(&bed, &plain, &a_second);
        bed_run(&bed);
        cr_assert_eq(start_took(&bed, i),
                     10 * SECOND + 20 * SECOND + 400 * SECOND / 12);
    }
    bed_deinit(&bed);
}

Test(sim_batch, fargate_has_sizes_and_is_paid_for_them)
{
    static const struct sim_demand odd = {
        .name = "odd", .cpu_milli = 700, .memory_mb = 5000};
    static const struct sim_demand wide = {.name = "w", .cpu_milli = 17000};
    static const struct sim_demand gpu = {.name = "g", .gpus = 1};
    struct sim_batch_config config = quiet(SIM_BATCH_FARGATE);
    config.image_bytes = 0;
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &odd, &a_minute);
    bed_run(&bed);
    /* 1 vCPU and 5 GB for 80 s */
    uint64_t nano =
        UINT64_C(40480000) * 80 / 3600 + UINT64_C(4445000) * 5 * 80 / 3600;
    cr_assert_eq(bed.model.ops->cost_nano(bed.model.self, bed.now_ns), nano);
    job = bed_submit(&bed, &wide, &a_second, 0);
    cr_assert_eq(bed.jobs[job].answer.answer, SIM_SUBMIT_REFUSED);
    job = bed_submit(&bed, &gpu, &a_second, 0);
    cr_assert_eq(bed.jobs[job].answer.answer, SIM_SUBMIT_REFUSED);
    bed_deinit(&bed);
}

Test(sim_batch, an_array_is_over_when_all_its_children_are)
{
    static const struct sim_demand array = {.name = "a", .array = 100};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &array, &a_minute);
    bed_run(&bed);
    cr_assert_eq(bed.jobs[job].starts, 100);
    cr_assert_eq(bed.running_peak, 64);
    cr_assert_eq(counts(&bed)->done, 1);
    bed_deinit(&bed);
}

Test(sim_batch, an_array_with_a_failed_child_fails_and_says_why)
{
    static const struct sim_demand array = {.name = "a", .array = 10};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &array, &an_hour);
    bed_run_until(&bed, bed.now_ns + 5 * MINUTE);
    bed_crash(&bed, 3, 9);
    cr_assert(bed.jobs[job].open, "nine are still running");
    bed_run(&bed);
    cr_assert(bed.jobs[job].failed);
    cr_assert_not_null(
        strstr(bed.jobs[job].cause.words, "Array Child Job failed: 1 of 10"));
    cr_assert_not_null(strstr(bed_root(&bed.jobs[job].cause), "exit 9"));
    bed_deinit(&bed);
}

Test(sim_batch, an_array_has_at_most_10000_children)
{
    static const struct sim_demand most = {.name = "a", .array = 10000};
    static const struct sim_demand more = {.name = "b", .array = 10001};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    uint32_t job = bed_submit(&bed, &more, &a_second, 0);
    cr_assert_eq(bed.jobs[job].answer.answer, SIM_SUBMIT_REFUSED);
    job = submit(&bed, &most, &a_second);
    bed_run(&bed);
    cr_assert_eq(bed.jobs[job].starts, 10000);
    bed_deinit(&bed);
}

Test(sim_batch, a_job_has_as_many_attempts_as_it_was_given)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.attempts = 3;
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &plain, &an_hour);
    for (uint32_t i = 1; i <= 3; i++) {
        bed_run_until(&bed, bed.now_ns + 2 * MINUTE);
        cr_assert_eq(bed.jobs[job].starts, i);
        bed_crash(&bed, bed.jobs[job].place, 1);
    }
    cr_assert(bed.jobs[job].failed);
    cr_assert_not_null(
        strstr(bed.jobs[job].cause.words, "Job attempts exhausted: 3 of 3"));
    bed_deinit(&bed);
}

Test(sim_batch, the_first_rule_that_matches_decides)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    cr_assert(sim_batch_retried(&config, "any", "", "1"), "there is no rule");
    config.rules[0] =
        (struct sim_batch_rule){.on_status_reason = "Host EC2*", .retry = true};
    config.rules[1] =
        (struct sim_batch_rule){.on_exit_code = "4*", .retry = true};
    config.rules[2] = (struct sim_batch_rule){.on_exit_code = "42"};
    config.rules[3] = (struct sim_batch_rule){.on_reason = "*"};
    config.rule_count = 4;
    cr_assert(sim_batch_retried(&config, "Host EC2 (instance i-1) terminated.",
                                "", ""));
    cr_assert(sim_batch_retried(&config, "Essential", "", "42"));
    cr_assert_not(sim_batch_retried(&config, "Essential", "", "1"));
    config.rule_count = 3;
    cr_assert(sim_batch_retried(&config, "Essential", "", "1"),
              "none matches: it is tried again");
}

Test(sim_batch, a_rule_with_exit_ends_a_job_with_attempts_left)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.attempts = 5;
    config.rules[0] = (struct sim_batch_rule){.on_reason = "*"};
    config.rule_count = 1;
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &plain, &an_hour);
    bed_run_until(&bed, bed.now_ns + 2 * MINUTE);
    bed_crash(&bed, bed.jobs[job].place, 1);
    cr_assert(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].starts, 1);
    bed_deinit(&bed);
}

Test(sim_batch, an_attempt_is_ended_at_its_timeout_and_not_tried_again)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.attempts = 5;
    config.timeout_ns = 2 * MINUTE;
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &plain, &an_hour);
    bed_run(&bed);
    cr_assert(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].starts, 1);
    cr_assert_eq(bed.jobs[job].deadline_ns, bed.jobs[job].over_ns);
    cr_assert_eq(bed.jobs[job].over_ns - bed.jobs[job].start_ns, 2 * MINUTE);
    cr_assert_eq(bed.jobs[job].cause.error, ENGINE_ERR_TIMED_OUT);
    bed_deinit(&bed);
}

Test(sim_batch, a_timeout_below_60_s_cannot_be)
{
    struct sim_model model;
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.timeout_ns = MINUTE - 1;
    cr_assert_eq(sim_batch_model(&model, &config, 1), -2);
    config.timeout_ns = MINUTE;
    cr_assert_eq(sim_batch_model(&model, &config, 1), 0);
    model.ops->free(model.self);
}

Test(sim_batch, eleven_attempts_cannot_be)
{
    struct sim_model model;
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.attempts = 11;
    cr_assert_eq(sim_batch_model(&model, &config, 1), -2);
}

Test(sim_batch, ec2_and_fargate_do_not_mix_in_a_queue)
{
    struct sim_model model;
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.envs[1] = config.envs[0];
    config.envs[1].kind = SIM_BATCH_FARGATE;
    config.env_count = 2;
    cr_assert_eq(sim_batch_model(&model, &config, 1), -2);
}

Test(sim_batch, spot_gives_two_minutes_of_notice)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2_SPOT);
    config.attempts = 2;
    config.rules[0] =
        (struct sim_batch_rule){.on_status_reason = "Host EC2*", .retry = true};
    config.rules[1] = (struct sim_batch_rule){.on_reason = "*"};
    config.rule_count = 2;
    sim_dist_constant(&config.spot_up, 30 * MINUTE);
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &plain, &an_hour);
    bed_run(&bed);
    const struct bed_job *about = &bed.jobs[job];
    uint64_t up_ns = BED_START + (10 + 18 + 12 + 10) * SECOND;
    cr_assert(about->failed, "an hour does not fit twice");
    cr_assert_eq(about->starts, 2);
    cr_assert_eq(about->closes, 2);
    cr_assert_eq(about->end, SIM_BATCH_SPOT);
    cr_assert_eq(about->warning_ns - about->warned_ns, 2 * MINUTE);
    cr_assert_eq(about->warning_ns, about->over_ns);
    cr_assert_gt(about->over_ns, up_ns + HOUR);
    cr_assert_not_null(strstr(about->cause.words, "Host EC2 (instance i-"));
    cr_assert_not_null(strstr(about->cause.words, ") terminated."));
    cr_assert_eq(about->cause.error, ENGINE_ERR_INTERRUPTED);
    bed_deinit(&bed);
}

Test(sim_batch, a_zone_without_spot_capacity_takes_all_and_gives_none)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2_SPOT);
    config.spot_zone = true;
    config.attempts = 10;
    sim_dist_constant(&config.spot_up, 2 * HOUR);
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 40; i++) {
        submit(&bed, &plain, &an_hour);
    }
    bed_run_until(&bed, BED_START + 100 * MINUTE);
    cr_assert_eq(bed.running, 0);
    for (int i = 0; i < 40; i++) {
        submit(&bed, &plain, &an_hour);
    }
    bed_run_until(&bed, BED_START + 2 * HOUR + 2 * MINUTE);
    cr_assert_eq(bed.running, 0, "all of them at once");
    cr_assert_eq(counts(&bed)->hosts_lost, 10);
    bed_run_until(&bed, BED_START + 2 * HOUR + 20 * MINUTE);
    cr_assert_eq(counts(&bed)->hosts, 0, "there are no others");
    bed_run(&bed);
    cr_assert_eq(counts(&bed)->done, 80);
    cr_assert_eq(counts(&bed)->restarts, 40);
    bed_deinit(&bed);
}

Test(sim_batch, fargate_spot_is_interrupted_after_a_notice)
{
    struct sim_batch_config config = quiet(SIM_BATCH_FARGATE_SPOT);
    sim_dist_constant(&config.spot_up, 30 * MINUTE);
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &plain, &an_hour);
    bed_run(&bed);
    cr_assert(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].over_ns - bed.jobs[job].start_ns, 32 * MINUTE);
    cr_assert_not_null(
        strstr(bed.jobs[job].cause.words, "Your Spot Task was interrupted."));
    bed_deinit(&bed);
}

Test(sim_batch, four_gpus_run_four_jobs_of_one_gpu)
{
    static const struct sim_demand gpu = {.name = "g", .gpus = 1};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.envs[0].gpus = 4;
    config.envs[0].vcpus = 32;
    config.envs[0].memory_mb = 245760;
    config.envs[0].max_vcpus = 32;
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 10; i++) {
        submit(&bed, &gpu, &a_minute);
    }
    bed_run(&bed);
    cr_assert_eq(bed.running_peak, 4);
    bed_deinit(&bed);
}

Test(sim_batch, the_gpus_of_a_job_are_on_one_instance)
{
    static const struct sim_demand pair = {.name = "g", .gpus = 2};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.envs[0].gpus = 3;
    config.envs[0].max_vcpus = 8; /* two instances with three each */
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 6; i++) {
        submit(&bed, &pair, &a_minute);
    }
    bed_run(&bed);
    cr_assert_eq(bed.running_peak, 2, "three pairs would fit in six");
    bed_deinit(&bed);
}

Test(sim_batch, a_label_chooses_the_environment)
{
    static const struct sim_demand picky = {
        .name = "p", .labels = {"accelerator=nvidia-tesla-v100"}};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    config.state_limit_ns = HOUR;
    config.env_count = 2;
    config.envs[1] = config.envs[0];
    strcpy(config.envs[1].labels[0], "accelerator=nvidia-tesla-v100");
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &picky, &a_second);
    bed_run(&bed);
    cr_assert_not(bed.jobs[job].failed);
    bed_deinit(&bed);
    config.env_count = 1;
    bed = bed_of(&config);
    job = submit(&bed, &picky, &a_second);
    bed_run(&bed);
    cr_assert(bed.jobs[job].failed);
    bed_deinit(&bed);
}

Test(sim_batch, memory_above_the_jobs_is_exit_code_137)
{
    static const struct sim_demand big = {
        .name = "b", .memory_mb = 1024, .peak_mb = 2048};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &big, &a_minute);
    bed_run(&bed);
    cr_assert(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].cause.error, ENGINE_ERR_OOM);
    cr_assert_eq(bed.jobs[job].end, SIM_BATCH_OOM);
    cr_assert_eq(bed.jobs[job].over_ns - bed.jobs[job].start_ns, 30 * SECOND);
    bed_deinit(&bed);
}

Test(sim_batch, an_image_that_cannot_be_pulled_fails_the_attempt)
{
    static const struct sim_demand lost = {.name = "x", .image_missing = true};
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    uint32_t job = submit(&bed, &lost, &a_second);
    bed_run(&bed);
    cr_assert(bed.jobs[job].failed);
    cr_assert_eq(bed.jobs[job].starts, 0);
    cr_assert_not_null(
        strstr(bed_root(&bed.jobs[job].cause), "CannotPullContainerError"));
    bed_deinit(&bed);
}

Test(sim_batch, a_host_that_fails_takes_its_jobs_and_only_these)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    for (int i = 0; i < 8; i++) {
        submit(&bed, &plain, &an_hour);
    }
    bed_run_until(&bed, bed.now_ns + 5 * MINUTE);
    uint32_t host = bed.jobs[0].host;
    cr_assert(bed_fail_host(&bed, host));
    cr_assert_not(bed_fail_host(&bed, host));
    for (uint32_t i = 0; i < 8; i++) {
        cr_assert_eq(bed.jobs[i].failed, bed.jobs[i].host == host);
    }
    bed_run(&bed);
    cr_assert_eq(counts(&bed)->failed, 4);
    bed_deinit(&bed);
}

Test(sim_batch, while_the_service_is_away_nothing_is_placed_but_all_runs_on)
{
    struct sim_batch_config config = quiet(SIM_BATCH_EC2);
    struct bed bed = bed_of(&config);
    warm_up(&bed);
    uint32_t running = submit(&bed, &plain, &a_minute);
    bed_run_until(&bed, bed.now_ns + 15 * SECOND);
    uint32_t waiting = submit(&bed, &plain, &a_second);
    uint64_t back_ns = bed.now_ns + 2 * MINUTE;
    bed_outage(&bed, back_ns);
    uint32_t turned = bed_submit(&bed, &plain, &a_second, 0);
    bed_run(&bed);
    cr_assert_eq(bed.jobs[turned].answer.reason, SIM_BATCH_BY_SERVICE);
    cr_assert_not(bed.jobs[running].failed);
    cr_assert_lt(bed.jobs[running].over_ns, back_ns);
    cr_assert_eq(bed.jobs[waiting].start_ns, back_ns + SECOND);
    bed_deinit(&bed);
}

/* Thousands of submissions, crashes, outages and lost instances. */
static uint64_t storm(enum sim_batch_env_kind kind, bool zone, uint64_t seed)
{
    static const struct sim_demand kinds[] = {
        {.name = "a"},
        {.name = "b", .memory_mb = 3000, .peak_mb = 3500, .image = 1},
        {.name = "c", .cpu_milli = 3000, .share = 2, .priority = 1},
        {.name = "d", .array = 7, .image = 2},
        {.name = "e", .image_missing = true, .share = 1},
        {.name = "f", .cpu_milli = 99000},
    };
    struct sim_batch_config config = quiet(kind);
    struct engine_stream stream;
    config.queues = 2;
    config.fair_share = seed % 2 == 0;
    config.share_decay_ns = 10 * MINUTE;
    config.attempts = 3;
    config.timeout_ns = 20 * MINUTE;
    config.state_limit_ns = 30 * MINUTE;
    config.capacity_error_ppb = 100000000;
    config.spot_zone = zone;
    config.env_count = 2;
    config.envs[0].max_vcpus = 24;
    config.envs[1] = config.envs[0];
    sim_dist_uniform(&config.scheduling, 5 * SECOND, 30 * SECOND);
    sim_dist_exponential(&config.spot_up, 30 * MINUTE);
    sim_dist_exponential(&config.spot_down, 10 * MINUTE);
    struct bed bed = bed_of(&config);
    engine_stream_init(&stream, seed, "storm", 0);
    for (uint64_t i = 0; i < 3000; i++) {
        uint64_t r[2];
        engine_stream_block(&stream, i, r);
        uint32_t what = (uint32_t)(r[0] % 100);
        struct sim_work work = {r[1] % (10 * MINUTE),
                                (uint32_t)(r[1] >> 34) % 1000000001,
                                1 + (uint32_t)(r[1] >> 60) % 4};
        if (what < 40) {
            bed_submit(&bed, &kinds[(r[0] >> 8) % 5], &work, 0);
        } else if (what < 50) {
            bed_crash(&bed, (uint32_t)(r[0] >> 8) % 48, what);
        } else if (what == 50) {
            bed_outage(&bed, bed.now_ns + r[1] % (5 * MINUTE));
        } else if (what == 51) {
            bed_fail_host(&bed, (uint32_t)((r[0] >> 8) %
                                           (counts(&bed)->hosts_started + 1)));
        } else if (what == 52 && i % 7 == 0) {
            bed_submit(&bed, &kinds[5], &work, 0);
        }
        bed_run_until(&bed, bed.now_ns + (r[0] >> 32) % (20 * SECOND));
        cr_assert_leq(bed.running, kind >= SIM_BATCH_FARGATE ? 192 : 48);
    }
    bed_run(&bed);
    const struct sim_model_counts *c = counts(&bed);
    cr_assert_eq(c->queued, 0);
    cr_assert_eq(c->places, 0);
    cr_assert_eq(c->places_opened, c->places_closed);
    cr_assert_eq(c->submitted, c->done + c->failed + c->refused + c->throttled);
    cr_assert_gt(c->done, 200);
    cr_assert_gt(c->restarts, 50);
    bed_run_until(&bed, bed.now_ns + 100 * HOUR);
    cr_assert_eq(c->hosts, 0);
    cr_assert_eq(bed.model.ops->next_ns(bed.model.self), SIM_MODEL_NEVER);
    uint64_t digest =
        bed.digest ^ bed.model.ops->cost_nano(bed.model.self, bed.now_ns);
    bed_deinit(&bed);
    return digest;
}

Test(sim_batch, every_job_ends_once_whatever_happens)
{
    for (uint32_t kind = 0; kind < SIM_BATCH_KINDS; kind++) {
        for (uint64_t seed = 1; seed <= 4; seed++) {
            cr_assert_eq(storm(kind, seed > 2, seed),
                         storm(kind, seed > 2, seed),
                         "same seed, same actions");
        }
    }
}
