/*
 * Measured INIT durations of Lambda by runtime, package, memory and
 * architecture: a row of quantiles for each, and the time of the first
 * execution. INIT does not depend on memory, so a size that was not measured
 * takes the nearest one's; the first execution is processor work, so it is
 * interpolated along 1 / memory.
 */
#ifndef SCENARIOS_INIT_TIMES_H
#define SCENARIOS_INIT_TIMES_H

#include "engine/host/json.h"
#include "sim/draw.h"

/* What is asked, each with the place to which an error about it belongs. */
struct init_times_key {
    const char *runtime, *package, *arch;
    uint32_t memory_mb;
    uint32_t vcpu_mb; /* more memory than this speeds up no single thread */
    struct json_view runtime_at, package_at, arch_at;
};

struct init_times {
    struct sim_dist init;
    uint64_t p50_ns, p95_ns, p99_ns; /* of init */
    uint64_t first_ns;
    uint32_t measured_mb; /* the row that was taken */
    uint64_t samples;
};

/*
 * Finds the times in the table called `name`, `size` bytes at `text`. False
 * and an error if the table is not one, or does not have what is asked.
 */
bool init_times_find(const char *name, const char *text, size_t size,
                     const struct init_times_key *key, struct init_times *times,
                     struct json_error *err);

/*
 * Tells `seen` of every row of such a table, in its order: what it is about
 * (without places) and its times, the first execution as measured. False and
 * an error if the table is not one.
 */
bool init_times_each(const char *name, const char *text, size_t size,
                     void (*seen)(void *self, const struct init_times_key *key,
                                  const struct init_times *times),
                     void *self, struct json_error *err);

#endif
