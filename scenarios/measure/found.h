/*
 * All that `perdure bench-engine` found, and how it is told: as text beside
 * the figures that another recorder publishes, and as JSON, schema
 * "perdure.bench-engine/1". The same findings give the same bytes.
 */
#ifndef SCENARIOS_MEASURE_FOUND_H
#define SCENARIOS_MEASURE_FOUND_H

#include "engine/host/quantity.h"
#include "reports/buffer.h"
#include "scenarios/machine.h"
#include "scenarios/measure/disk.h"
#include "scenarios/measure/growth.h"
#include "scenarios/measure/overhead.h"

enum {
    MEASURE_GROWTHS_MAX = 12,
    MEASURE_COMMITS_MAX = 8,
    MEASURE_RATES_MAX = 4
};

struct measure_ranks {
    uint64_t p50_ns;
    uint64_t p99_ns;
    uint64_t most_ns;
    uint64_t count;
};

/* Commits of one kind, over all repeats. */
struct measure_committed {
    uint32_t requests; /* in each */
    bool sync_normal;
    struct measure_ranks commit;
    struct measure_repeats a_second; /* commits */
};

struct measure_found {
    const char *version;
    struct machine machine;
    uint64_t load_milli; /* the system's load before: processes, in 1/1000 */
    uint64_t took_ns;
    struct measure_place place;
    uint32_t runs;    /* in each measurement of the engine */
    uint32_t repeats; /* of whatever takes turns */
    struct measure_ranks sync_grows;
    struct measure_ranks sync_over;
    struct measure_committed commits[MEASURE_COMMITS_MAX];
    uint32_t commit_count;
    uint64_t chain_ns; /* of a row of 1 KiB */
    uint64_t blob_ns;  /* of a value of 100 KB */
    struct measure_overhead overhead;
    struct measure_shape alone_shape;
    struct measure_ranks alone;
    uint64_t alone_events; /* of each such run */
    struct measure_growth growths[MEASURE_GROWTHS_MAX];
    uint32_t growth_count;
    struct quantity_rate rates[MEASURE_RATES_MAX]; /* of runs */
    uint32_t rate_count;
};

/* p50, p99 and most of values, which are sorted. */
struct measure_ranks measure_ranks(uint64_t *values, size_t count);

void measure_text(const struct measure_found *found, struct report_buffer *out);
void measure_json(const struct measure_found *found, struct report_buffer *out);

#endif
