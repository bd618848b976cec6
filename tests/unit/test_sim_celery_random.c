/*
 * Whatever happens to Celery in whatever order, every job that it took ends
 * once, no child does two things, no worker holds more than it may, and the
 * same seed does the same.
 */
#include <criterion/criterion.h>

#include "tests/support/celery_bed.h"

#define MS BED_MS
#define SECOND BED_SECOND
#define MINUTE BED_MINUTE
#define STEPS 1500

static const struct sim_demand kinds[] = {
    {.name = "plain"},
    {.name = "later", .eta_ns = 30 * SECOND},
    {.name = "renamed", .unregistered = true},
};

static struct sim_dist from_to(uint64_t low_ns, uint64_t high_ns)
{
    struct sim_dist dist;
    cr_assert_eq(sim_dist_uniform(&dist, low_ns, high_ns), 0);
    return dist;
}

static struct sim_celery_config drawn(const char *profile, uint64_t seed)
{
    struct sim_celery_config config = celery_bed_config(profile);
    struct engine_stream draws;
    engine_stream_init(&draws, seed, "config", 0);
    config.workers = 1 + (uint32_t)engine_draw_below(&draws, 0, 4);
    config.concurrency = 1 + (uint32_t)engine_draw_below(&draws, 1, 5);
    config.prefetch = (uint32_t)engine_draw_below(&draws, 2, 5);
    config.acks_late = engine_draw_below(&draws, 3, 2) == 1;
    config.reject_on_worker_lost = engine_draw_below(&draws, 4, 2) == 1;
    config.tasks_per_child = (uint32_t)engine_draw_below(&draws, 5, 4);
    config.hard_limit_ns = engine_draw_below(&draws, 6, 2) * 40 * SECOND;
    config.soft_limit_ns = config.hard_limit_ns / 2;
    config.loss = engine_draw_below(&draws, 7, 2) ? SIM_CELERY_MACHINE
                                                  : SIM_CELERY_PROCESS;
    config.durable = engine_draw_below(&draws, 8, 3) > 0;
    config.eta_limit = (uint32_t)engine_draw_below(&draws, 9, 2) * 3;
    config.stale_ppb = 300000000;
    config.visibility_ns = 45 * SECOND;
    config.sweep_ns = SECOND;
    config.heartbeat_ns = 10 * SECOND;
    config.consumer_timeout_ns = 2 * MINUTE;
    config.duplicate_ppb = 20000000;
    config.conflict_ppb = 100000000;
    config.conflict_at = 10;
    config.reconnects = 4;
    config.rtt = from_to(0, 5 * MS);
    config.replace = from_to(0, SECOND);
    return config;
}

static void check(const struct celery_bed *bed)
{
    const struct sim_model_counts *counts =
        bed->model.ops->counts(bed->model.self);
    uint32_t jobs = 0, running = 0, fails = 0, forgets = 0;
    for (uint32_t i = 0; i < bed->job_count; i++) {
        const struct bed_job *job = &bed->jobs[i];
        jobs += job->fails + job->forgets == 0;
        running += job->running > 0;
        fails += job->fails;
        forgets += job->forgets;
    }
    cr_assert_eq(counts->jobs, jobs);
    cr_assert_eq(counts->running, running);
    cr_assert_eq(counts->queued, jobs - running);
    cr_assert_eq(counts->failed, fails);
    cr_assert_eq(counts->done + counts->lost, forgets);
    cr_assert_eq(counts->places, celery_bed_places(bed));
    cr_assert_eq(counts->places, counts->places_opened - counts->places_closed);
    cr_assert_eq(counts->hosts, counts->hosts_started - counts->hosts_lost);
    cr_assert_geq(bed->model.ops->next_ns(bed->model.self), bed->now_ns);
}

static void check_hosts(const struct celery_bed *bed, bool etas)
{
    const struct sim_celery_config *config = &bed->config;
    for (uint32_t h = 0; h < config->workers; h++) {
        uint32_t open = 0;
        for (uint32_t i = 0; i < bed->places_room; i++)
            open += bed->places[i].open && bed->places[i].host == h;
        cr_assert_leq(open, config->concurrency);
        if (config->prefetch && !etas)
            cr_assert_leq(sim_celery_unacked(&bed->model, h),
                          config->prefetch * config->concurrency);
    }
}

static void kill_some_place(struct celery_bed *bed, uint64_t draw)
{
    for (uint32_t i = 0; i < bed->places_room; i++) {
        uint32_t at = (uint32_t)((draw + i) % bed->places_room);
        if (bed->places[at].open) {
            celery_bed_kill(bed, at, draw % 2 ? 137 : 1);
            return;
        }
    }
}

/* Where copies that are late are not accepted, work that outlasts its timeout
 * in a worker comes again for ever: not here. */
static uint64_t longest_ns(const struct celery_bed *bed)
{
    return bed->config.broker == SIM_CELERY_SQS ? SECOND : 30 * SECOND;
}

static void do_something(struct celery_bed *bed, uint64_t draw, bool etas)
{
    uint64_t which = draw % 100, more = draw / 100;
    if (which < 70) {
        uint32_t kind = (uint32_t)(more % 10);
        kind = kind == 1 && etas ? 1 : kind == 2 ? 2 : 0;
        celery_bed_submit(bed, &kinds[kind], more / 10 % longest_ns(bed));
    } else if (which < 80) {
        kill_some_place(bed, more);
    } else if (which < 83) {
        (void)bed->model.ops->fail_host(bed->model.self, bed->now_ns,
                                        (uint32_t)(more % 4), &bed->actions);
    } else if (which < 84) {
        bed->model.ops->outage(bed->model.self, bed->now_ns,
                               bed->now_ns + more % (30 * SECOND),
                               &bed->actions);
    }
    celery_bed_run(bed, bed->now_ns + more / 7 % (2 * SECOND));
}

static uint64_t live(const char *profile, uint64_t seed, bool etas)
{
    struct celery_bed bed;
    struct engine_stream draws;
    struct sim_celery_config config = drawn(profile, seed);
    engine_stream_init(&draws, seed, "live", 0);
    celery_bed_init(&bed, &config, seed);
    for (uint32_t i = 0; i < STEPS; i++) {
        do_something(&bed, engine_stream_u64(&draws, i), etas);
        if (i % 16 == 0) {
            check(&bed);
            check_hosts(&bed, etas);
        }
    }
    cr_assert(celery_bed_drain(&bed, bed.now_ns + 24 * BED_HOUR),
              "%s, seed %llu: a job never ends", profile,
              (unsigned long long)seed);
    check(&bed);
    uint64_t digest = bed.digest;
    celery_bed_deinit(&bed);
    return digest;
}

static void live_many(const char *profile)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        (void)live(profile, seed, seed % 2 == 0);
}

Test(sim_celery_random, every_job_on_redis_ends_once)
{
    live_many("celery-redis");
}

Test(sim_celery_random, every_job_on_rabbitmq_ends_once)
{
    live_many("celery-rabbitmq");
}

Test(sim_celery_random, every_job_on_sqs_ends_once)
{
    live_many("celery-sqs");
}

Test(sim_celery_random, the_same_seed_does_the_same_and_another_does_not)
{
    uint64_t first = live("celery-redis", 5, true);
    cr_assert_eq(live("celery-redis", 5, true), first);
    cr_assert_neq(live("celery-redis", 6, true), first);
}
