#include "scenarios/init_check.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "scenarios/init_times.h"

const double init_check_allowed[INIT_CHECK_QUANTILES] = {0.01, 0.02, 0.03};

static const double shares[INIT_CHECK_QUANTILES] = {0.5, 0.95, 0.99};

struct work {
    struct init_check *check;
    uint64_t *values; /* `draws` of them */
};

static int compare(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a;
    uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Rising with the slice, since a draw rises with the number it is made of. */
static void draw_evenly(const struct work *work, const struct sim_dist *dist,
                        const struct engine_stream *stream)
{
    uint64_t draws = work->check->draws;
    uint64_t width = UINT64_MAX / draws;
    for (uint64_t i = 0; i < draws; i++) {
        uint64_t within = engine_draw_below(stream, i, width);
        work->values[i] = sim_dist_at(dist, i * width + within);
    }
}

static void quantiles(const struct work *work, const struct init_times *times,
                      struct init_check_row *row)
{
    const uint64_t expected[] = {times->p50_ns, times->p95_ns, times->p99_ns};
    for (int i = 0; i < INIT_CHECK_QUANTILES; i++) {
        double rank = shares[i] * (double)work->check->draws;
        row->expected_ns[i] = expected[i];
        row->got_ns[i] = work->values[(uint64_t)rank];
        row->error[i] = fabs((double)row->got_ns[i] / (double)expected[i] - 1);
        row->ok = row->ok && row->error[i] <= init_check_allowed[i];
    }
}

/* How many of the values, which rise, are at most `most`. */
static uint64_t at_most(const uint64_t *values, uint64_t count, uint64_t most)
{
    uint64_t low = 0;
    while (count > 0) {
        uint64_t half = count / 2;
        if (values[low + half] <= most) {
            low += half + 1;
            count -= half + 1;
        } else {
            count = half;
        }
    }
    return low;
}

/* Of several points with the same value the last one is the share below it. */
static double distance(const struct work *work, const struct sim_dist *dist)
{
    uint64_t draws = work->check->draws;
    double most = 0;
    for (uint32_t i = 0; i < dist->count; i++) {
        uint64_t value = dist->points[i].value_ns;
        if (i + 1 < dist->count && dist->points[i + 1].value_ns == value) {
            continue;
        }
        double share =
            (double)at_most(work->values, draws, value) / (double)draws;
        double off = fabs(share - dist->points[i].p);
        most = off > most ? off : most;
    }
    return most;
}

static void check_row(void *self, const struct init_times_key *key,
                      const struct init_times *times)
{
    struct work *work = self;
    struct init_check *check = work->check;
    struct init_check_row row = {.ok = true};
    struct engine_stream even, plain;
    engine_stream_init(&even, check->seed, "init-check/even", check->rows);
    engine_stream_init(&plain, check->seed, "init-check/plain", check->rows);
    snprintf(row.name, sizeof(row.name), "%s %s %s %luMB", key->runtime,
             key->package, key->arch, (unsigned long)key->memory_mb);
    draw_evenly(work, &times->init, &even);
    quantiles(work, times, &row);
    sim_dist_fill(&times->init, &plain, 0, work->values, check->draws);
    qsort(work->values, check->draws, sizeof(*work->values), compare);
    row.distance = distance(work, &times->init);
    row.ok = row.ok && row.distance < INIT_CHECK_DISTANCE;
    check->rows++;
    check->failed += !row.ok;
    if (check->seen)
        check->seen(check->self, &row);
}

bool init_check_run(struct init_check *check, const char *name,
                    const char *text, size_t size, struct json_error *err)
{
    assert(check->draws >= 1000);
    struct work work = {.check = check};
    work.values = calloc(check->draws, sizeof(*work.values));
    if (!work.values) {
        *err =
            (struct json_error){.code = JSON_ENOMEM, .text = "memory ran out"};
        return false;
    }
    check->rows = check->failed = 0;
    bool ok = init_times_each(name, text, size, check_row, &work, err);
    free(work.values);
    return ok;
}
