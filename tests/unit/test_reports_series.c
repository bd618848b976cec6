#include <criterion/criterion.h>
#include <stdlib.h>

#include "reports/series.h"

#define MS 1000000ull
#define HOUR 3600000000000ull

static struct report_series *series_new(uint64_t origin_ns)
{
    struct report_series *series = malloc(sizeof(*series));
    cr_assert(series);
    report_series_init(series, origin_ns);
    return series;
}

static void series_free(struct report_series *series)
{
    report_series_deinit(series);
    free(series);
}

Test(reports_series, widening_loses_nothing)
{
    struct report_series *series = series_new(5000);
    struct report_bucket buckets[REPORT_BUCKETS_MAX];
    uint64_t step = MS;
    uint64_t at = 5000;
    uint64_t count = 0;
    for (; at < 100 * HOUR; at += step, step += step / 50) {
        report_series_at(series, at)->started++;
        report_series_latency(series, at, step);
        count++;
    }
    uint32_t used = report_series_buckets(series, buckets);
    uint64_t started = 0;
    uint64_t latencies = 0;
    for (uint32_t i = 0; i < used; i++) {
        started += buckets[i].started;
        latencies += buckets[i].latency_count;
        cr_assert_leq(buckets[i].p50_ns, buckets[i].p99_ns);
        cr_assert_leq(buckets[i].p99_ns, buckets[i].max_ns);
    }
    cr_assert_eq(started, count);
    cr_assert_eq(latencies, count);
    cr_assert_geq(used, REPORT_BUCKETS_MAX / 2);
    series_free(series);
}

Test(reports_series, runs_in_flight_are_carried_through_quiet_slices)
{
    struct report_series *series = series_new(0);
    struct report_bucket buckets[REPORT_BUCKETS_MAX];
    report_series_in_flight(series, 0, 3);
    report_series_in_flight(series, MS / 2, 2);
    report_series_in_flight(series, 5 * MS, 1);
    report_series_at(series, 7 * MS);
    cr_assert_eq(report_series_buckets(series, buckets), 8);
    cr_assert_eq(buckets[0].in_flight, 3);
    cr_assert_eq(buckets[1].in_flight, 2);
    cr_assert_eq(buckets[5].in_flight, 2);
    cr_assert_eq(buckets[7].in_flight, 1);
    series_free(series);
}

Test(reports_series, a_time_before_the_origin_falls_into_the_first_slice)
{
    struct report_series *series = series_new(10 * MS);
    report_series_at(series, MS)->started++;
    cr_assert_eq(series->slices[0].started, 1);
    series_free(series);
}
