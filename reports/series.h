/*
 * What happened over virtual time, in at most REPORT_BUCKETS_MAX slices of
 * equal width. The width starts small and doubles whenever time outgrows the
 * slices, so nobody has to know beforehand how long a world will last.
 */
#ifndef REPORTS_SERIES_H
#define REPORTS_SERIES_H

#include "reports/collect.h"

struct report_slice {
    uint64_t started;
    uint64_t finished;
    uint64_t faults;
    uint64_t in_flight_max;
    uint64_t in_flight_end;
    int touched; /* the two above are set */
    int waited;  /* the two below are set */
    uint64_t backlog_max;
    uint64_t backlog_end;
    uint64_t split_ns[REPORT_PARTS];
    struct report_hist latency; /* counts == NULL while empty */
};

struct report_series {
    uint64_t origin_ns;
    uint64_t width_ns;
    uint32_t count; /* slices in use */
    uint64_t in_flight;
    uint64_t backlog;
    int failed; /* out of memory: some latencies are missing */
    struct report_slice slices[REPORT_BUCKETS_MAX];
};

/* An empty series that starts at this time. */
void report_series_init(struct report_series *series, uint64_t origin_ns);
void report_series_deinit(struct report_series *series);
/* The slice of a time, which is made to fit; earlier than origin: the first. */
struct report_slice *report_series_at(struct report_series *series,
                                      uint64_t time_ns);
/* From this time on, so many runs are in flight. */
void report_series_in_flight(struct report_series *series, uint64_t time_ns,
                             uint64_t runs);
/* From this time on, so many attempts are ready and not taken. */
void report_series_backlog(struct report_series *series, uint64_t time_ns,
                           uint64_t attempts);
/* What the latency of a run that was due at this time is made of. */
void report_series_split(struct report_series *series, uint64_t due_ns,
                         const uint64_t parts[REPORT_PARTS]);
/* A run that was due at this time took so long. */
void report_series_latency(struct report_series *series, uint64_t due_ns,
                           uint64_t latency_ns);
/* Writes the slices into buckets; returns how many. */
uint32_t report_series_buckets(const struct report_series *series,
                               struct report_bucket *buckets);

#endif
