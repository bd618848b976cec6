/*
 * The model's side of tests/fidelity/fidelity.py: the same small things that
 * real workers do, with the same settings, as one line of JSON.
 *
 * usage: fidelity EXPERIMENT PLATFORM
 *        fidelity prefetch '{"profile": "celery-redis", "overrides": {}}'
 */
#include <stdio.h>
#include <string.h>

#include "tests/support/celery_bed.h"

#define MS BED_MS
#define SECOND BED_SECOND
#define MINUTE BED_MINUTE

static double seconds(uint64_t ns)
{
    return (double)ns * 1e-9;
}

/* Runs until so many workers take work; when the last of them did. */
static uint64_t ready(struct celery_bed *bed, uint32_t count)
{
    uint32_t up = 0;
    while (up < count) {
        celery_bed_run(bed, bed->now_ns + MS);
        up = 0;
        for (uint32_t i = 0; i < count; i++)
            up += sim_celery_ready(&bed->model, i);
    }
    return bed->now_ns;
}

static void prefetch(struct celery_bed *bed)
{
    uint32_t taken = 0;
    ready(bed, 1);
    for (uint32_t i = 0; i < 40; i++)
        celery_bed_submit(bed, NULL, MINUTE);
    celery_bed_run(bed, bed->now_ns + 5 * SECOND);
    for (uint32_t i = 0; i < 40; i++)
        taken += bed->jobs[i].states[SIM_CELERY_RECEIVED] > 0;
    printf("{\"taken\": %u}\n", taken);
}

static void child(struct celery_bed *bed)
{
    uint64_t at_ns = ready(bed, 1);
    uint32_t job = celery_bed_submit(bed, NULL, 30 * SECOND);
    celery_bed_run(bed, at_ns + 7 * SECOND);
    uint64_t killed_ns = bed->now_ns;
    celery_bed_kill(bed, bed->jobs[job].place, 137);
    celery_bed_run(bed, killed_ns + 30 * SECOND);
    const struct bed_job *about = &bed->jobs[job];
    uint64_t after_ns = about->fails ? about->over_ns : about->last_ns;
    printf("{\"starts\": %u, \"after_s\": %.6f}\n", about->starts,
           seconds(after_ns - killed_ns));
}

static void worker(struct celery_bed *bed)
{
    uint64_t at_ns = ready(bed, 2);
    uint32_t job = celery_bed_submit(bed, NULL, 20 * SECOND);
    celery_bed_run(bed, bed->now_ns + SECOND);
    uint64_t killed_ns = bed->now_ns;
    celery_bed_kill_host(bed, bed->jobs[job].host);
    celery_bed_run(bed, killed_ns + 5 * MINUTE);
    const struct bed_job *about = &bed->jobs[job];
    printf("{\"ends\": %u, \"after_s\": %.6f, \"from_ready_s\": %.6f}\n",
           about->finishes, seconds(about->last_ns - killed_ns),
           seconds(about->last_ns - at_ns));
}

/*
 * Workers connect 8 and 20 seconds after the task was sent: two that were up
 * have died before, and are back then.
 */
static void eta(struct celery_bed *bed)
{
    static const struct sim_demand later = {.name = "t", .eta_ns = 40 * SECOND};
    uint64_t up_ns = ready(bed, 3), back_ns = bed->config.restart_ns + up_ns;
    uint64_t at_ns = up_ns + back_ns;
    celery_bed_run(bed, at_ns + 8 * SECOND - back_ns);
    celery_bed_kill_host(bed, 1);
    celery_bed_run(bed, at_ns + 20 * SECOND - back_ns);
    celery_bed_kill_host(bed, 2);
    celery_bed_run(bed, at_ns);
    uint32_t job = celery_bed_submit(bed, &later, 0);
    celery_bed_run(bed, at_ns + 50 * SECOND);
    printf("{\"starts\": %u, \"first_s\": %.6f}\n", bed->jobs[job].starts,
           seconds(bed->jobs[job].first_ns - at_ns));
}

/* One task runs, one is prefetched and one is queued as the broker goes. */
static void away(struct celery_bed *bed, uint64_t ns)
{
    ready(bed, 1);
    for (uint32_t i = 0; i < 3; i++) {
        celery_bed_submit(bed, NULL, 8 * SECOND);
        celery_bed_run(bed, bed->now_ns + 50 * MS);
    }
    celery_bed_run(bed, bed->now_ns + 2 * SECOND);
    uint64_t at_ns = bed->now_ns;
    bed->model.ops->outage(bed->model.self, at_ns, at_ns + ns, &bed->actions);
    celery_bed_run(bed, at_ns + 160 * SECOND);
    printf("{\"runs_starts\": %u, \"prefetched_starts\": %u, "
           "\"queued_starts\": %u, \"prefetched_s\": %.6f}\n",
           bed->jobs[0].starts, bed->jobs[1].starts, bed->jobs[2].starts,
           seconds(bed->jobs[1].first_ns - at_ns));
}

static void cut(struct celery_bed *bed)
{
    away(bed, 0);
}

static void restart(struct celery_bed *bed)
{
    away(bed, 3 * SECOND);
}

/* From one start to the next, when each child does one task only. */
static void replaced(struct celery_bed *bed)
{
    uint64_t last_ns = ready(bed, 1), quick_ns = 0;
    uint32_t quick = 0;
    for (uint32_t i = 0; i < 200; i++)
        celery_bed_submit(bed, NULL, 0);
    celery_bed_run(bed, last_ns + 3600 * SECOND);
    for (uint32_t i = 1; i < 200; i++) {
        uint64_t gap_ns = bed->jobs[i].first_ns - bed->jobs[i - 1].first_ns;
        if (gap_ns > 2 * SECOND || bed->jobs[i].first_ns < last_ns)
            continue;
        quick++;
        quick_ns += gap_ns;
    }
    printf("{\"at_once\": %.6f, \"quick_s\": %.6f}\n", quick / 199.0,
           quick ? seconds(quick_ns) / quick : 0);
}

static void start(struct celery_bed *bed)
{
    printf("{\"ready_s\": %.6f}\n", seconds(ready(bed, 1)));
}

/* Tasks in a second, of which a worker has more than it can do. */
static void rate(struct celery_bed *bed)
{
    uint64_t at_ns = ready(bed, 1);
    for (uint32_t i = 0; i < 20000; i++)
        celery_bed_submit(bed, NULL, 0);
    celery_bed_run(bed, at_ns + 2 * SECOND);
    uint64_t before = bed->model.ops->counts(bed->model.self)->done;
    celery_bed_run(bed, at_ns + 7 * SECOND);
    uint64_t done = bed->model.ops->counts(bed->model.self)->done - before;
    printf("{\"rate\": %.6f}\n", (double)done / 5);
}

int main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(struct celery_bed *bed);
    } experiments[] = {
        {"prefetch", prefetch}, {"child", child},       {"worker", worker},
        {"eta", eta},           {"cut", cut},           {"restart", restart},
        {"start", start},       {"replaced", replaced}, {"throughput", rate},
    };
    for (size_t i = 0; argc == 3 && i < 9; i++) {
        struct celery_bed bed;
        if (strcmp(argv[1], experiments[i].name) != 0)
            continue;
        struct sim_celery_config config = celery_bed_read(argv[2]);
        celery_bed_init(&bed, &config, 1);
        experiments[i].run(&bed);
        celery_bed_deinit(&bed);
        return 0;
    }
    fprintf(stderr, "usage: fidelity EXPERIMENT PLATFORM\n");
    return 2;
}
