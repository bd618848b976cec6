/*
 * Distributions of durations as people know them:
 *
 *     "900ms"                                        always this
 *     {"uniform": ["1s", "2s"]}                      both included
 *     {"exponential": "1s"}                          its mean
 *     {"normal": {"mean": "1s", "sd": "200ms"}}      never below 0
 *     {"lognormal": {"p50": "900ms", "p99": "51s"}}
 *     {"weibull": {"shape": 0.7, "scale": "1s"}}
 *     {"quantiles": {"min": "1ms", "p50": "2ms", "p99.9": "9ms"}}
 */
#ifndef SCENARIOS_READ_DIST_H
#define SCENARIOS_READ_DIST_H

#include "engine/host/json.h"
#include "sim/draw.h"

/* The longest time a distribution may speak of: 100 years. */
#define READ_DIST_MAX_NS UINT64_C(3153600000000000000)

/* True and the distribution, or an error at or below @view. */
bool read_dist(struct json_view view, struct sim_dist *dist,
               struct json_error *err);

/* The same of a member that may be absent: then *dist stays. */
bool read_dist_member(struct json_view object, const char *key,
                      struct sim_dist *dist, struct json_error *err);

/*
 * Reads "p50" as 50000, "p99.9" as 99900, thousandths of a percent. False if
 * it is no percentile between 0 and 100, both excluded.
 */
bool read_percentile(const char *text, size_t size, uint32_t *milli);

#endif
