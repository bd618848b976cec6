/*
 * Whether cold starts come out as they were measured: for each configuration
 * of a table of INIT times (scenarios/init_times.h), as many draws as asked
 * for, and their quantiles beside those of the table.
 *
 * The quantiles are of draws spread evenly, one in each equal slice of all
 * draws, so that the chance of a heavy tail does not hide an error. The
 * distance (Kolmogorov-Smirnov) is of plain draws, as a simulation makes them,
 * at the twelve points of the table.
 */
#ifndef SCENARIOS_INIT_CHECK_H
#define SCENARIOS_INIT_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/host/json.h"

enum init_check_quantile {
    INIT_CHECK_P50,
    INIT_CHECK_P95,
    INIT_CHECK_P99,
    INIT_CHECK_QUANTILES,
};

/* One configuration. */
struct init_check_row {
    char name[160]; /* "nodejs22.x zip x86_64 512MB" */
    uint64_t expected_ns[INIT_CHECK_QUANTILES];
    uint64_t got_ns[INIT_CHECK_QUANTILES];
    double error[INIT_CHECK_QUANTILES]; /* share of what was expected */
    double distance;
    bool ok; /* all within what is allowed below */
};

/* How far off a quantile may be: 1, 2 and 3 percent; and the distance. */
extern const double init_check_allowed[INIT_CHECK_QUANTILES];
#define INIT_CHECK_DISTANCE 0.02

struct init_check {
    uint64_t draws; /* of each configuration, at least 1,000 */
    uint64_t seed;
    void (*seen)(void *self, const struct init_check_row *row);
    void *self;
    uint32_t rows, failed; /* filled in */
};

/*
 * Checks all configurations of the table called `name`, `size` bytes at
 * `text`. False and an error if it is not one, or memory ran out.
 */
bool init_check_run(struct init_check *check, const char *name,
                    const char *text, size_t size, struct json_error *err);

#endif
