#include "reports/series.h"

#include <string.h>

#define WIDTH_FIRST_NS 1000000ull

void report_series_init(struct report_series *series, uint64_t origin_ns)
{
    memset(series, 0, sizeof(*series));
    series->origin_ns = origin_ns;
    series->width_ns = WIDTH_FIRST_NS;
}

void report_series_deinit(struct report_series *series)
{
    for (uint32_t i = 0; i < REPORT_BUCKETS_MAX; i++)
        report_hist_deinit(&series->slices[i].latency);
}

/* Adds the later slice to the earlier and leaves it empty, memory and all. */
static void fold(struct report_slice *into, struct report_slice *from)
{
    into->started += from->started;
    into->finished += from->finished;
    into->faults += from->faults;
    if (from->touched) {
        if (from->in_flight_max > into->in_flight_max)
            into->in_flight_max = from->in_flight_max;
        into->in_flight_end = from->in_flight_end;
        into->touched = 1;
    }
    if (from->waited) {
        if (from->backlog_max > into->backlog_max)
            into->backlog_max = from->backlog_max;
        into->backlog_end = from->backlog_end;
        into->waited = 1;
    }
    for (int i = 0; i < REPORT_PARTS; i++)
        into->split_ns[i] += from->split_ns[i];
    if (!into->latency.counts) {
        into->latency = from->latency;
    } else if (from->latency.counts) {
        report_hist_merge(&into->latency, &from->latency);
        report_hist_deinit(&from->latency);
    }
    memset(from, 0, sizeof(*from));
}

static void move(struct report_slice *into, struct report_slice *from)
{
    if (into == from)
        return;
    *into = *from;
    memset(from, 0, sizeof(*from));
}

static void widen(struct report_series *series)
{
    for (uint32_t i = 0; i < REPORT_BUCKETS_MAX; i += 2) {
        fold(&series->slices[i], &series->slices[i + 1]);
        move(&series->slices[i / 2], &series->slices[i]);
    }
    series->width_ns *= 2;
    series->count = (series->count + 1) / 2;
}

struct report_slice *report_series_at(struct report_series *series,
                                      uint64_t time_ns)
{
    uint64_t since =
        time_ns > series->origin_ns ? time_ns - series->origin_ns : 0;
    while (since / series->width_ns >= REPORT_BUCKETS_MAX)
        widen(series);
    uint32_t index = (uint32_t)(since / series->width_ns);
    if (index >= series->count)
        series->count = index + 1;
    return &series->slices[index];
}

void report_series_in_flight(struct report_series *series, uint64_t time_ns,
                             uint64_t runs)
{
    struct report_slice *slice = report_series_at(series, time_ns);
    if (!slice->touched)
        slice->in_flight_max = series->in_flight;
    if (runs > slice->in_flight_max)
        slice->in_flight_max = runs;
    slice->in_flight_end = runs;
    slice->touched = 1;
    series->in_flight = runs;
}

void report_series_backlog(struct report_series *series, uint64_t time_ns,
                           uint64_t attempts)
{
    if (attempts == series->backlog)
        return;
    struct report_slice *slice = report_series_at(series, time_ns);
    if (!slice->waited)
        slice->backlog_max = series->backlog;
    if (attempts > slice->backlog_max)
        slice->backlog_max = attempts;
    slice->backlog_end = attempts;
    slice->waited = 1;
    series->backlog = attempts;
}

void report_series_split(struct report_series *series, uint64_t due_ns,
                         const uint64_t parts[REPORT_PARTS])
{
    struct report_slice *slice = report_series_at(series, due_ns);
    for (int i = 0; i < REPORT_PARTS; i++)
        slice->split_ns[i] += parts[i];
}

void report_series_latency(struct report_series *series, uint64_t due_ns,
                           uint64_t latency_ns)
{
    struct report_slice *slice = report_series_at(series, due_ns);
    if (!slice->latency.counts && report_hist_init(&slice->latency, 1)) {
        series->failed = 1;
        return;
    }
    report_hist_record(&slice->latency, latency_ns);
}

uint32_t report_series_buckets(const struct report_series *series,
                               struct report_bucket *buckets)
{
    uint64_t in_flight = 0;
    uint64_t backlog = 0;
    for (uint32_t i = 0; i < series->count; i++) {
        const struct report_slice *slice = &series->slices[i];
        const struct report_hist *hist = &slice->latency;
        buckets[i] = (struct report_bucket){
            .started = slice->started,
            .finished = slice->finished,
            .faults = slice->faults,
            .in_flight = slice->touched ? slice->in_flight_max : in_flight,
            .backlog = slice->waited ? slice->backlog_max : backlog,
            .latency_count = hist->count,
            .max_ns = hist->max};
        if (hist->count) {
            buckets[i].p50_ns = report_hist_at(hist, 500000);
            buckets[i].p90_ns = report_hist_at(hist, 900000);
            buckets[i].p99_ns = report_hist_at(hist, 990000);
        }
        if (slice->touched)
            in_flight = slice->in_flight_end;
        if (slice->waited)
            backlog = slice->backlog_end;
        memcpy(buckets[i].split_ns, slice->split_ns, sizeof(slice->split_ns));
    }
    return series->count;
}
