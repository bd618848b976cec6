#include "sim/platform/celery.h"

#include <criterion/criterion.h>
#include <string.h>

#include "tests/support/celery_bed.h"

#define MS BED_MS
#define SECOND BED_SECOND
#define MINUTE BED_MINUTE
#define HOUR BED_HOUR

static struct sim_dist always(uint64_t ns)
{
    struct sim_dist dist;
    cr_assert_eq(sim_dist_constant(&dist, ns), 0);
    return dist;
}

/* The profile with one worker of so many children, and times that are round:
 * up after two seconds, no time on the way. */
static struct sim_celery_config small(const char *profile, uint32_t children)
{
    struct sim_celery_config config = celery_bed_config(profile);
    config.workers = 1;
    config.concurrency = children;
    config.cores = children;
    config.start = always(2 * SECOND);
    config.fork = always(0);
    config.replace = always(100 * MS);
    config.rtt = always(0);
    config.message_ns = 0;
    config.duplicate_ppb = 0;
    config.exit_seen_ppb = ENGINE_CHANCE_ALWAYS;
    return config;
}

static struct sim_celery_config late(const char *profile, uint32_t children)
{
    struct sim_celery_config config = small(profile, children);
    config.acks_late = true;
    return config;
}

static const struct sim_model_counts *counts(const struct celery_bed *bed)
{
    return bed->model.ops->counts(bed->model.self);
}

static void submit_many(struct celery_bed *bed, uint32_t count, uint64_t takes)
{
    for (uint32_t i = 0; i < count; i++)
        celery_bed_submit(bed, NULL, takes);
}

Test(sim_celery, a_worker_takes_its_children_times_the_multiplier_and_no_more)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-redis", 8);
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 100, HOUR);
    celery_bed_run(&bed, 10 * SECOND);
    cr_assert_eq(sim_celery_unacked(&bed.model, 0), 32);
    cr_assert_eq(counts(&bed)->running, 8);
    cr_assert_eq(counts(&bed)->queued, 92);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_multiplier_of_one_with_late_acks_takes_what_runs)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-redis", 8);
    config.prefetch = 1;
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 100, HOUR);
    celery_bed_run(&bed, 10 * SECOND);
    cr_assert_eq(sim_celery_unacked(&bed.model, 0), 8);
    celery_bed_deinit(&bed);
}

Test(sim_celery, early_acks_do_not_count_what_runs)
{
    struct celery_bed bed;
    struct sim_celery_config config = small("celery-redis", 8);
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 100, HOUR);
    celery_bed_run(&bed, 10 * SECOND);
    cr_assert_eq(sim_celery_unacked(&bed.model, 0), 32);
    cr_assert_eq(counts(&bed)->running, 8);
    celery_bed_kill_host(&bed, 0);
    celery_bed_deinit(&bed);
}

/* p99 of short tasks that stand behind long ones. */
static uint64_t last_short_ns(uint32_t prefetch)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-rabbitmq", 1);
    uint64_t last_ns = 0;
    config.workers = 4;
    config.prefetch = prefetch;
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 5 * SECOND);
    celery_bed_submit(&bed, NULL, 10 * MINUTE);
    submit_many(&bed, 15, SECOND);
    cr_assert(celery_bed_drain(&bed, HOUR));
    for (uint32_t i = 1; i < 16; i++)
        if (bed.jobs[i].first_ns > last_ns)
            last_ns = bed.jobs[i].first_ns;
    celery_bed_deinit(&bed);
    return last_ns;
}

Test(sim_celery, prefetched_tasks_wait_behind_a_long_one_while_others_are_idle)
{
    cr_assert_lt(last_short_ns(1), 15 * SECOND);
    cr_assert_gt(last_short_ns(4), 10 * MINUTE);
}

Test(sim_celery, tasks_with_an_eta_are_held_beyond_the_prefetch)
{
    struct celery_bed bed;
    struct sim_demand later = {.name = "later", .eta_ns = 20 * MINUTE};
    struct sim_celery_config config = late("celery-redis", 1);
    celery_bed_init(&bed, &config, 1);
    for (uint32_t i = 0; i < 50; i++)
        celery_bed_submit(&bed, &later, SECOND);
    celery_bed_run(&bed, MINUTE);
    cr_assert_eq(sim_celery_held(&bed.model, 0), 50);
    cr_assert_eq(sim_celery_unacked(&bed.model, 0), 0);
    uint32_t plain = celery_bed_submit(&bed, NULL, SECOND);
    celery_bed_run(&bed, 2 * MINUTE);
    cr_assert_eq(bed.jobs[plain].finishes, 1);
    cr_assert(celery_bed_drain(&bed, HOUR));
    cr_assert_geq(bed.jobs[0].first_ns, 20 * MINUTE);
    cr_assert_eq(counts(&bed)->done, 51);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_limit_of_eta_tasks_stops_a_worker_from_taking_more)
{
    struct celery_bed bed;
    struct sim_demand later = {.name = "later", .eta_ns = 20 * MINUTE};
    struct sim_celery_config config = late("celery-redis", 1);
    config.eta_limit = 10;
    celery_bed_init(&bed, &config, 1);
    for (uint32_t i = 0; i < 50; i++)
        celery_bed_submit(&bed, &later, SECOND);
    celery_bed_run(&bed, MINUTE);
    cr_assert_eq(sim_celery_held(&bed.model, 0), 10);
    celery_bed_deinit(&bed);
}

/* Two workers; the first task runs in a worker that dies as a minute is over.
 * When it was started again, less that. */
static uint64_t recovery_ns(const struct sim_celery_config *config)
{
    struct celery_bed bed;
    celery_bed_init(&bed, config, 1);
    celery_bed_submit(&bed, NULL, 10 * MINUTE);
    celery_bed_run(&bed, MINUTE);
    cr_assert_eq(bed.jobs[0].starts, 1);
    celery_bed_kill_host(&bed, bed.jobs[0].host);
    cr_assert(celery_bed_drain(&bed, 12 * HOUR));
    cr_assert_eq(bed.jobs[0].starts, 2);
    cr_assert_eq(bed.jobs[0].forgets, 1);
    uint64_t last_ns = bed.jobs[0].last_ns;
    celery_bed_deinit(&bed);
    return last_ns - MINUTE;
}

static struct sim_celery_config two_workers(const char *profile)
{
    struct sim_celery_config config = late(profile, 1);
    config.workers = 2;
    return config;
}

Test(sim_celery, redis_gives_what_a_dead_worker_had_away_after_an_hour)
{
    struct sim_celery_config config = two_workers("celery-redis");
    uint64_t took_ns = recovery_ns(&config);
    /* Taken a minute before the crash, seen by the next scan. */
    cr_assert_geq(took_ns, HOUR - MINUTE);
    cr_assert_leq(took_ns, HOUR - MINUTE + 100 * SECOND);
}

Test(sim_celery, rabbitmq_gives_it_away_as_the_connection_closes)
{
    struct sim_celery_config config = two_workers("celery-rabbitmq");
    cr_assert_lt(recovery_ns(&config), 10 * MS);
}

Test(sim_celery, rabbitmq_misses_a_silent_machine_after_two_heartbeats)
{
    struct sim_celery_config config = two_workers("celery-rabbitmq");
    config.loss = SIM_CELERY_MACHINE;
    uint64_t took_ns = recovery_ns(&config);
    cr_assert_geq(took_ns, 180 * SECOND);
    cr_assert_leq(took_ns, 360 * SECOND);
}

Test(sim_celery, sqs_gives_it_away_when_its_visibility_timeout_is_over)
{
    struct sim_celery_config config = two_workers("celery-sqs");
    uint64_t took_ns = recovery_ns(&config);
    cr_assert_geq(took_ns, 29 * MINUTE - 3 * SECOND);
    cr_assert_leq(took_ns, 29 * MINUTE + 11 * SECOND);
}

Test(sim_celery, early_acks_lose_what_ran_on_a_machine_that_died)
{
    struct celery_bed bed;
    struct sim_celery_config config = small("celery-rabbitmq", 4);
    config.loss = SIM_CELERY_MACHINE;
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 10, MINUTE);
    celery_bed_run(&bed, 30 * SECOND);
    celery_bed_kill_host(&bed, 0);
    cr_assert(celery_bed_drain(&bed, HOUR));
    cr_assert_eq(counts(&bed)->lost, 4);
    cr_assert_eq(counts(&bed)->done, 6);
    cr_assert_eq(counts(&bed)->restarts, 0);
    celery_bed_deinit(&bed);
}

Test(sim_celery, children_die_with_their_worker)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-rabbitmq", 3);
    celery_bed_init(&bed, &config, 1);
    celery_bed_submit(&bed, NULL, MINUTE);
    celery_bed_run(&bed, 30 * SECOND);
    celery_bed_kill_host(&bed, 0);
    cr_assert_eq(celery_bed_places(&bed), 0);
    cr_assert(celery_bed_drain(&bed, HOUR));
    cr_assert_eq(bed.jobs[0].starts, 2);
    cr_assert_eq(bed.jobs[0].finishes, 1);
    celery_bed_deinit(&bed);
}

/* A child is killed under its task; what became of it. */
static struct bed_job child_killed(bool acks_late, bool reject, bool seen)
{
    struct celery_bed bed;
    struct sim_celery_config config = small("celery-redis", 2);
    config.acks_late = acks_late;
    config.reject_on_worker_lost = reject;
    config.exit_seen_ppb = seen ? ENGINE_CHANCE_ALWAYS : 0;
    celery_bed_init(&bed, &config, 1);
    celery_bed_submit(&bed, NULL, MINUTE);
    celery_bed_run(&bed, 10 * SECOND);
    celery_bed_kill(&bed, bed.jobs[0].place, 137);
    celery_bed_run(&bed, 11 * SECOND);
    cr_assert_eq(celery_bed_places(&bed), seen ? 2 : 1);
    celery_bed_run(&bed, 13 * SECOND);
    cr_assert_eq(celery_bed_places(&bed), 2, "the pool has a new child");
    cr_assert(celery_bed_drain(&bed, 10 * MINUTE));
    struct bed_job job = bed.jobs[0];
    celery_bed_deinit(&bed);
    return job;
}

Test(sim_celery, a_killed_child_is_a_worker_lost_error_with_early_acks)
{
    struct bed_job job = child_killed(false, false, true);
    cr_assert_eq(job.fails, 1);
    cr_assert_eq(job.starts, 1);
    cr_assert(strstr(job.cause.words, "WorkerLostError") != NULL);
    cr_assert(strstr(job.cause.words, "signal 9") != NULL);
    cr_assert_eq(job.cause.error, ENGINE_ERR_INTERRUPTED);
}

Test(sim_celery, late_acks_alone_do_not_bring_back_what_a_killed_child_had)
{
    struct bed_job job = child_killed(true, false, true);
    cr_assert_eq(job.fails, 1);
    cr_assert_eq(job.starts, 1);
    cr_assert_eq(job.over_ns, 10 * SECOND);
}

Test(sim_celery, reject_on_worker_lost_brings_it_back)
{
    struct bed_job job = child_killed(true, true, true);
    cr_assert_eq(job.starts, 2);
    cr_assert_eq(job.finishes, 1);
    cr_assert_eq(job.forgets, 1);
    cr_assert_eq(job.last_ns, 10 * SECOND);
}

Test(sim_celery, a_death_that_is_not_seen_is_found_within_five_seconds)
{
    struct bed_job job = child_killed(true, true, false);
    cr_assert_eq(job.starts, 2);
    /* Up at 2 s: the pool looks at 7, 12, ..; then its child is new. */
    cr_assert_eq(job.states[SIM_CELERY_RESTORED], 1);
    cr_assert_eq(job.last_ns, 12 * SECOND);
}

Test(sim_celery,
     a_task_longer_than_the_visibility_timeout_runs_again_beside_itself)
{
    struct celery_bed bed;
    struct sim_celery_config config = two_workers("celery-redis");
    celery_bed_init(&bed, &config, 1);
    celery_bed_submit(&bed, NULL, 150 * MINUTE);
    celery_bed_run(&bed, 62 * MINUTE);
    cr_assert_eq(bed.jobs[0].running, 2);
    cr_assert(celery_bed_drain(&bed, 24 * HOUR));
    cr_assert_eq(bed.jobs[0].finishes, bed.jobs[0].starts);
    celery_bed_deinit(&bed);
}

Test(sim_celery, with_early_acks_a_long_task_runs_once)
{
    struct celery_bed bed;
    struct sim_celery_config config = two_workers("celery-redis");
    config.acks_late = false;
    celery_bed_init(&bed, &config, 1);
    celery_bed_submit(&bed, NULL, 3 * HOUR);
    cr_assert(celery_bed_drain(&bed, 24 * HOUR));
    cr_assert_eq(bed.jobs[0].starts, 1);
    celery_bed_deinit(&bed);
}

static uint32_t eta_starts(const char *profile, uint64_t eta_ns)
{
    struct celery_bed bed;
    struct sim_demand later = {.name = "later", .eta_ns = eta_ns};
    struct sim_celery_config config = small(profile, 8);
    celery_bed_init(&bed, &config, 1);
    celery_bed_submit(&bed, &later, SECOND);
    cr_assert(celery_bed_drain(&bed, 48 * HOUR));
    uint32_t starts = bed.jobs[0].starts;
    celery_bed_deinit(&bed);
    return starts;
}

Test(sim_celery, an_eta_beyond_the_visibility_timeout_runs_once_for_each)
{
    cr_assert_eq(eta_starts("celery-redis", 50 * MINUTE), 1);
    cr_assert_eq(eta_starts("celery-redis", 90 * MINUTE), 2);
    cr_assert_eq(eta_starts("celery-redis", 330 * MINUTE), 6);
    cr_assert_eq(eta_starts("celery-sqs", 330 * MINUTE), 11);
}

Test(sim_celery,
     rabbitmq_closes_a_channel_that_acknowledges_nothing_for_30_minutes)
{
    struct celery_bed bed;
    struct sim_demand later = {.name = "later", .eta_ns = 3 * HOUR};
    struct sim_celery_config config = late("celery-rabbitmq", 1);
    celery_bed_init(&bed, &config, 1);
    celery_bed_submit(&bed, &later, SECOND);
    celery_bed_run(&bed, 29 * MINUTE);
    cr_assert_eq(sim_celery_redelivered(&bed.model), 0);
    celery_bed_run(&bed, 33 * MINUTE);
    cr_assert_eq(sim_celery_redelivered(&bed.model), 1);
    cr_assert(celery_bed_drain(&bed, 4 * HOUR));
    /* What it held went with the connection: it runs once. */
    cr_assert_eq(bed.jobs[0].starts, 1);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_task_longer_than_the_consumer_timeout_runs_again_and_again)
{
    struct celery_bed bed;
    struct sim_celery_config config = two_workers("celery-rabbitmq");
    celery_bed_init(&bed, &config, 1);
    celery_bed_submit(&bed, NULL, 45 * MINUTE);
    celery_bed_run(&bed, 32 * MINUTE);
    cr_assert_eq(bed.jobs[0].starts, 2);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_soft_limit_warns_and_a_hard_limit_ends_the_child)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-redis", 1);
    config.soft_limit_ns = 60 * SECOND;
    config.hard_limit_ns = 90 * SECOND;
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 10 * SECOND);
    celery_bed_submit(&bed, NULL, 59 * SECOND);
    cr_assert(celery_bed_drain(&bed, HOUR));
    cr_assert_eq(bed.warned, 0);
    celery_bed_submit(&bed, NULL, HOUR);
    celery_bed_submit(&bed, NULL, SECOND);
    cr_assert(celery_bed_drain(&bed, 2 * HOUR));
    cr_assert_eq(bed.warned, 1);
    cr_assert_eq(bed.warned_ns, bed.jobs[1].first_ns + 60 * SECOND);
    cr_assert_eq(bed.jobs[1].deadline_ns, bed.jobs[1].first_ns + 90 * SECOND);
    cr_assert_eq(bed.jobs[1].over_ns, bed.jobs[1].deadline_ns);
    cr_assert_eq(bed.jobs[1].fails, 1);
    cr_assert_eq(bed.jobs[1].cause.error, ENGINE_ERR_TIMED_OUT);
    cr_assert_eq(bed.closes[SIM_CELERY_END_LIMIT], 1);
    cr_assert_eq(bed.jobs[2].finishes, 1, "the child was replaced");
    celery_bed_deinit(&bed);
}

Test(sim_celery, one_task_per_child_and_a_start_of_a_second_are_60_a_minute)
{
    struct celery_bed bed;
    struct sim_celery_config config = small("celery-redis", 1);
    config.tasks_per_child = 1;
    config.replace = always(SECOND);
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 1000, 0);
    celery_bed_run(&bed, 3 * SECOND);
    uint64_t before = counts(&bed)->done;
    celery_bed_run(&bed, 3 * SECOND + 5 * MINUTE);
    cr_assert_eq(counts(&bed)->done - before, 300);
    cr_assert_eq(bed.closes[SIM_CELERY_END_RECYCLED], counts(&bed)->done);
    celery_bed_deinit(&bed);
}

/* When a worker of so many children takes work. */
static uint64_t ready_ns(struct sim_celery_config config, uint32_t children)
{
    struct celery_bed bed;
    config.workers = 1;
    config.concurrency = children;
    celery_bed_init(&bed, &config, 1);
    while (bed.now_ns == 0 || !sim_celery_ready(&bed.model, 0))
        celery_bed_run(&bed, bed.now_ns + MS);
    cr_assert_eq(celery_bed_places(&bed), children);
    uint64_t now_ns = bed.now_ns;
    celery_bed_deinit(&bed);
    return now_ns;
}

Test(sim_celery, start_up_grows_with_children_and_more_so_beyond_the_cores)
{
    struct sim_celery_config config = celery_bed_config("celery-seed");
    config.start = always(2 * SECOND);
    config.fork = always(30 * MS);
    config.crowded = 4;
    config.cores = 32;
    cr_assert_eq(ready_ns(config, 8), 2000 * MS + 8 * 30 * MS);
    cr_assert_eq(ready_ns(config, 32), 2000 * MS + 32 * 30 * MS);
    cr_assert_eq(ready_ns(config, 64),
                 2000 * MS + 32 * 30 * MS + 32 * 120 * MS);
}

/* Tasks in a second of one child with so long a round trip. */
static uint64_t rate(struct sim_celery_config config, uint64_t rtt_ns)
{
    struct celery_bed bed;
    config.rtt = always(rtt_ns);
    config.prefetch = 1;
    config.acks_late = true;
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 5 * SECOND);
    submit_many(&bed, 3000, 0);
    celery_bed_run(&bed, 15 * SECOND);
    uint64_t done = counts(&bed)->done;
    celery_bed_deinit(&bed);
    return (done + 5) / 10;
}

Test(sim_celery, one_consumer_does_four_round_trips_a_task)
{
    struct sim_celery_config config = small("celery-redis", 1);
    cr_assert_eq(rate(config, 2 * MS), 125); /* 121 were measured at 2 ms */
    cr_assert_eq(rate(config, MS), 250);
}

Test(sim_celery, publishing_outlasts_a_short_outage_and_no_longer_one)
{
    struct celery_bed bed;
    struct sim_celery_config config = small("celery-redis", 1);
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 10 * SECOND);
    bed.model.ops->outage(bed.model.self, bed.now_ns, bed.now_ns + 300 * MS,
                          &bed.actions);
    uint32_t job = celery_bed_submit(&bed, NULL, SECOND);
    cr_assert_neq(job, SIM_MODEL_NONE);
    cr_assert(celery_bed_drain(&bed, MINUTE));
    cr_assert_eq(bed.jobs[job].finishes, 1);
    bed.model.ops->outage(bed.model.self, bed.now_ns, bed.now_ns + 2 * SECOND,
                          &bed.actions);
    cr_assert_eq(celery_bed_submit(&bed, NULL, SECOND), SIM_MODEL_NONE);
    cr_assert_eq(bed.answer.answer, SIM_SUBMIT_THROTTLED);
    cr_assert_str_eq(bed.model.ops->reason_name(bed.answer.reason),
                     "broker-away");
    celery_bed_deinit(&bed);
}

static void away(struct celery_bed *bed, uint64_t ns)
{
    bed->model.ops->outage(bed->model.self, bed->now_ns, bed->now_ns + ns,
                           &bed->actions);
    celery_bed_run(bed, bed->now_ns);
}

Test(sim_celery, what_ran_with_late_acks_as_rabbitmq_went_runs_twice)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-rabbitmq", 2);
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 8, 20 * SECOND);
    celery_bed_run(&bed, 10 * SECOND);
    away(&bed, 5 * SECOND);
    cr_assert_eq(sim_celery_unacked(&bed.model, 0), 0, "dropped");
    cr_assert_eq(counts(&bed)->running, 2);
    cr_assert(celery_bed_drain(&bed, HOUR));
    for (uint32_t i = 0; i < 8; i++)
        cr_assert_eq(bed.jobs[i].starts, i < 2 ? 2 : 1);
    cr_assert_eq(counts(&bed)->done, 8);
    celery_bed_deinit(&bed);
}

Test(sim_celery, what_was_prefetched_as_redis_went_comes_after_an_hour)
{
    struct celery_bed bed;
    struct sim_celery_config config = small("celery-redis", 1);
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 5, 20 * SECOND);
    celery_bed_run(&bed, 10 * SECOND);
    away(&bed, 5 * SECOND);
    celery_bed_run(&bed, 50 * MINUTE);
    cr_assert_eq(counts(&bed)->done, 1);
    cr_assert(celery_bed_drain(&bed, 2 * HOUR));
    cr_assert_eq(counts(&bed)->done, 5);
    cr_assert_eq(counts(&bed)->restarts, 0);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_redis_worker_whose_connection_is_cut_puts_back_what_it_had)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-redis", 1);
    config.prefetch = 2;
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 3, 8 * SECOND);
    celery_bed_run(&bed, 4 * SECOND);
    away(&bed, 0);
    cr_assert(celery_bed_drain(&bed, MINUTE));
    cr_assert_eq(bed.jobs[0].starts, 2);
    cr_assert_eq(bed.jobs[1].starts, 1);
    cr_assert_eq(bed.jobs[2].starts, 1);
    /* The one that was prefetched, what ran once more, what was queued. */
    cr_assert_eq(bed.jobs[1].first_ns, 10 * SECOND);
    cr_assert_eq(bed.jobs[0].last_ns, 18 * SECOND);
    cr_assert_eq(bed.jobs[2].first_ns, 26 * SECOND);
    celery_bed_deinit(&bed);
}

Test(sim_celery, workers_connect_again_after_waits_of_2_4_6_seconds)
{
    struct celery_bed bed;
    struct sim_celery_config config = small("celery-rabbitmq", 1);
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 10 * SECOND);
    away(&bed, 7 * SECOND); /* tried at 0, 2, 6, 12 */
    celery_bed_run(&bed, 21 * SECOND);
    cr_assert_not(sim_celery_ready(&bed.model, 0));
    celery_bed_run(&bed, 22 * SECOND);
    cr_assert(sim_celery_ready(&bed.model, 0));
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_worker_ends_after_100_tries_to_connect)
{
    struct celery_bed bed;
    struct sim_celery_config config = small("celery-rabbitmq", 1);
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 10 * SECOND);
    away(&bed, 3 * HOUR);
    celery_bed_run(&bed, HOUR);
    cr_assert_eq(counts(&bed)->hosts_lost, 1);
    celery_bed_run(&bed, 4 * HOUR);
    cr_assert(sim_celery_ready(&bed.model, 0));
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_broker_without_persistence_loses_what_it_had)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-redis", 1);
    config.durable = false;
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 10, 20 * SECOND);
    celery_bed_run(&bed, 10 * SECOND);
    away(&bed, SECOND);
    cr_assert(celery_bed_drain(&bed, MINUTE));
    cr_assert_eq(counts(&bed)->done, 1, "a child had it");
    cr_assert_eq(counts(&bed)->lost, 9);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_stale_worker_discards_a_task_that_it_does_not_know)
{
    struct celery_bed bed;
    struct sim_demand fresh = {.name = "renamed", .unregistered = true};
    struct sim_celery_config config = late("celery-redis", 1);
    config.workers = 8;
    config.stale_ppb = 500000000;
    config.message_ns = MS;
    celery_bed_init(&bed, &config, 1);
    for (uint32_t i = 0; i < 400; i++)
        celery_bed_submit(&bed, &fresh, MS);
    celery_bed_submit(&bed, NULL, MS);
    cr_assert(celery_bed_drain(&bed, HOUR));
    cr_assert_gt(counts(&bed)->failed, 40);
    cr_assert_gt(counts(&bed)->done, 40);
    for (uint32_t i = 0; i < 400; i++) {
        if (bed.jobs[i].fails == 0)
            continue;
        cr_assert_eq(bed.jobs[i].starts, 0);
        cr_assert(strstr(bed.jobs[i].cause.words, "NotRegistered") != NULL);
        cr_assert(strstr(bed.jobs[i].cause.words, "STALE_CODE") != NULL);
    }
    cr_assert_eq(bed.jobs[400].finishes, 1);
    celery_bed_deinit(&bed);
}

Test(sim_celery, only_each_tenth_look_of_a_redis_worker_scans)
{
    struct celery_bed bed;
    struct sim_celery_config config = two_workers("celery-redis");
    config.visibility_ns = 5 * SECOND;
    config.restart_ns = HOUR;
    celery_bed_init(&bed, &config, 1); /* scans at 2, 92, 192 */
    celery_bed_submit(&bed, NULL, 3 * SECOND);
    celery_bed_run(&bed, 4 * SECOND);
    celery_bed_kill_host(&bed, bed.jobs[0].host);
    cr_assert(celery_bed_drain(&bed, HOUR));
    cr_assert_eq(bed.jobs[0].last_ns, 92 * SECOND);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_worker_that_connects_scans_at_once)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-redis", 1);
    config.visibility_ns = 5 * SECOND;
    config.restart_ns = 10 * SECOND;
    celery_bed_init(&bed, &config, 1);
    celery_bed_submit(&bed, NULL, 3 * SECOND);
    celery_bed_run(&bed, 4 * SECOND);
    celery_bed_kill_host(&bed, 0);
    cr_assert(celery_bed_drain(&bed, HOUR));
    cr_assert_eq(bed.jobs[0].last_ns, 16 * SECOND);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_worker_that_dies_in_its_scan_keeps_the_lock_for_five_minutes)
{
    struct celery_bed bed;
    struct sim_celery_config config = two_workers("celery-redis");
    config.visibility_ns = 5 * SECOND;
    config.restart_ns = HOUR;
    config.rtt = always(4 * SECOND); /* a scan takes that long at least */
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 3 * SECOND);
    celery_bed_submit(&bed, NULL, HOUR);
    celery_bed_kill_host(&bed, 0); /* whose turn it was */
    celery_bed_run(&bed, 50 * SECOND);
    cr_assert_eq(bed.jobs[0].starts, 1);
    celery_bed_run(&bed, 302 * SECOND); /* skips at 92, 192, 292 */
    cr_assert_eq(sim_celery_redelivered(&bed.model), 0);
    celery_bed_run(&bed, 450 * SECOND);
    cr_assert_eq(bed.jobs[0].states[SIM_CELERY_RESTORED], 1);
    celery_bed_deinit(&bed);
}

Test(sim_celery, sqs_is_polled_and_gives_ten_messages_at_most)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-sqs", 30);
    config.rtt = always(100 * MS);
    config.result_trips = 0;
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 30, HOUR);
    celery_bed_run(&bed, 2105 * MS);
    cr_assert_eq(counts(&bed)->running, 10);
    celery_bed_run(&bed, 2205 * MS);
    cr_assert_eq(counts(&bed)->running, 20);
    celery_bed_deinit(&bed);
}

Test(sim_celery, sqs_is_not_asked_for_a_moment_after_an_empty_receive)
{
    struct celery_bed bed;
    struct sim_celery_config config = late("celery-sqs", 1);
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 12500 * MS); /* polled from 2 to 12, again at 13 */
    uint32_t job = celery_bed_submit(&bed, NULL, SECOND);
    celery_bed_run(&bed, 20 * SECOND);
    cr_assert_eq(bed.jobs[job].first_ns, 13 * SECOND);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_result_is_gone_after_a_day_when_a_copy_still_runs)
{
    struct celery_bed bed;
    struct sim_celery_config config = two_workers("celery-redis");
    config.visibility_ns = 30 * HOUR;
    celery_bed_init(&bed, &config, 1);
    celery_bed_submit(&bed, NULL, MINUTE);
    celery_bed_run(&bed, 10 * SECOND);
    away(&bed, SECOND); /* what runs goes on, and cannot be acknowledged */
    cr_assert(celery_bed_drain(&bed, 40 * HOUR));
    cr_assert_eq(bed.jobs[0].finishes, 2);
    cr_assert_eq(bed.jobs[0].states[SIM_CELERY_EXPIRED], 1);
    celery_bed_deinit(&bed);
}

Test(sim_celery, one_control_node_is_a_single_server)
{
    struct celery_bed bed;
    struct sim_celery_config config = celery_bed_config("celery-seed");
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 10 * SECOND);
    submit_many(&bed, 1000, 0);
    celery_bed_run(&bed, 15 * SECOND);
    uint64_t done = counts(&bed)->done;
    cr_assert(done > 490 && done <= 500, "%d", (int)done); /* 100 a second */
    celery_bed_deinit(&bed);
}

static uint64_t conflicts_of(uint32_t workers)
{
    struct celery_bed bed;
    struct sim_celery_config config = celery_bed_config("celery-seed");
    config.workers = workers / 32;
    config.control_ns = 0;
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 10 * SECOND);
    submit_many(&bed, 2000, MS);
    cr_assert(celery_bed_drain(&bed, HOUR));
    uint64_t failed = counts(&bed)->failed;
    celery_bed_deinit(&bed);
    return failed;
}

Test(sim_celery, beyond_512_children_files_that_all_write_conflict)
{
    cr_assert_eq(conflicts_of(32), 0);
    uint64_t at_512 = conflicts_of(512), at_1024 = conflicts_of(1024);
    cr_assert(at_512 > 70 && at_512 < 130, "%d", (int)at_512);       /* 4.9 % */
    cr_assert(at_1024 > 1020 && at_1024 < 1190, "%d", (int)at_1024); /* 55 % */
}

Test(sim_celery, on_sqs_a_task_is_doubled_exactly_when_it_outlasts_its_timeout)
{
    struct celery_bed bed;
    struct sim_dist times;
    struct engine_stream stream;
    struct sim_celery_config config = late("celery-sqs", 1000);
    uint32_t longer = 0, doubled = 0;
    config.cores = 1000;
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 5 * SECOND);
    cr_assert_eq(sim_dist_exponential(&times, 15 * MINUTE), 0);
    engine_stream_init(&stream, 7, "times", 0);
    for (uint32_t i = 0; i < 900; i++) {
        uint64_t takes_ns = sim_dist_draw(&times, &stream, i);
        celery_bed_submit(&bed, NULL, takes_ns);
        longer += takes_ns > 30 * MINUTE;
    }
    celery_bed_run(&bed, 24 * HOUR);
    for (uint32_t i = 0; i < 900; i++) {
        doubled += bed.jobs[i].starts > 1;
        cr_assert_eq(bed.jobs[i].starts > 1,
                     bed.jobs[i].takes_ns > 30 * MINUTE);
    }
    cr_assert_eq(doubled, longer);
    cr_assert(doubled > 90 && doubled < 155, "%u", doubled); /* e^-2: 122 */
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_message_above_the_brokers_limit_is_refused_with_its_cause)
{
    struct celery_bed bed;
    struct sim_submitted out;
    static const struct sim_demand demand = {.name = "large"};
    struct sim_job job = {.demand = &demand, .payload_bytes = 262145};
    struct sim_celery_config config = celery_bed_config("celery-sqs");
    celery_bed_init(&bed, &config, 1);
    cr_assert_eq(
        bed.model.ops->submit(bed.model.self, 0, &job, &out, &bed.actions), 0);
    cr_assert_eq(out.answer, SIM_SUBMIT_REFUSED);
    cr_assert_eq(out.limit, 262144);
    cr_assert_eq(out.cause.error, ENGINE_ERR_SIZE_LIMIT);
    celery_bed_deinit(&bed);
}

Test(sim_celery, a_worker_costs_its_hours_whether_it_works_or_not)
{
    struct celery_bed bed;
    struct sim_celery_config config = celery_bed_config("celery-redis");
    config.workers = 3;
    celery_bed_init(&bed, &config, 1);
    celery_bed_run(&bed, 10 * HOUR);
    /* 30 hours at 0.192 and 10 at 0.068. */
    cr_assert_eq(bed.model.ops->cost_nano(bed.model.self, 10 * HOUR),
                 UINT64_C(6440000000));
    celery_bed_deinit(&bed);
}

Test(sim_celery, it_says_why_a_task_does_not_run)
{
    struct celery_bed bed;
    char text[200];
    struct sim_celery_config config = late("celery-redis", 1);
    config.restart_ns = HOUR;
    celery_bed_init(&bed, &config, 1);
    submit_many(&bed, 6, HOUR);
    celery_bed_run(&bed, 10 * SECOND);
    bed.model.ops->explain(bed.model.self, bed.now_ns, 2, text, sizeof(text));
    cr_assert_str_eq(text, "it waits for a child of worker 0, not acknowledged "
                           "for 8 s");
    bed.model.ops->explain(bed.model.self, bed.now_ns, 5, text, sizeof(text));
    cr_assert(strstr(text, "what they may prefetch (4 each)") != NULL);
    celery_bed_kill_host(&bed, 0);
    bed.model.ops->explain(bed.model.self, bed.now_ns, 2, text, sizeof(text));
    cr_assert(strstr(text, "a worker that is gone") != NULL);
    celery_bed_deinit(&bed);
}
