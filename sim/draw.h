/*
 * Durations from distributions, the same to the bit on every machine.
 *
 * A distribution is a small value made once, from parameters as users know
 * them; making it is where bad parameters are refused. A draw turns one
 * 64-bit number of a stream into nanoseconds, always through the inverse of
 * the distribution function: one (stream, index) gives a longer or shorter
 * time as the parameters change, never an unrelated one.
 *
 * All results are at most SIM_DIST_MAX_NS, so that a time and a draw can be
 * added; what would be negative is 0.
 */
#ifndef SIM_DRAW_H
#define SIM_DRAW_H

#include <stddef.h>
#include <stdint.h>

#include "engine/random.h"

#define SIM_DIST_MAX_NS (UINT64_C(1) << 62)
#define SIM_DIST_POINTS_MAX 16

enum sim_dist_error {
    SIM_DIST_ERANGE = -1, /* a parameter is outside of what its name means */
    SIM_DIST_EORDER = -2, /* the points of a table do not rise */
};

enum sim_dist_kind {
    SIM_DIST_CONSTANT,
    SIM_DIST_UNIFORM,
    SIM_DIST_EXPONENTIAL,
    SIM_DIST_NORMAL,
    SIM_DIST_LOGNORMAL,
    SIM_DIST_WEIBULL,
    SIM_DIST_TABLE,
};

/* At a fraction `p` of all draws the duration is at most `value_ns`. */
struct sim_dist_point {
    double p;
    uint64_t value_ns;
};

/* Copy freely. Made by the functions below; the fields are theirs. */
struct sim_dist {
    enum sim_dist_kind kind;
    uint32_t count;  /* points in use */
    uint64_t low_ns; /* constant, uniform */
    uint64_t span;   /* uniform: how many values there are */
    double a;        /* mean, mu or scale, by kind */
    double b;        /* sd, sigma or 1 / shape */
    struct sim_dist_point points[SIM_DIST_POINTS_MAX];
    double logs[SIM_DIST_POINTS_MAX]; /* of the values; unused for 0 */
};

/*
 * Each of these fills *dist and returns 0, or returns a sim_dist_error and
 * leaves *dist as it was. Times are nanoseconds, at most SIM_DIST_MAX_NS.
 */

int sim_dist_constant(struct sim_dist *dist, uint64_t value_ns);

/* From low_ns to high_ns, both included. */
int sim_dist_uniform(struct sim_dist *dist, uint64_t low_ns, uint64_t high_ns);

int sim_dist_exponential(struct sim_dist *dist, uint64_t mean_ns);

/* What falls below 0 is 0. */
int sim_dist_normal(struct sim_dist *dist, uint64_t mean_ns, uint64_t sd_ns);

/* e to the power of a normal variable: mu is the log of nanoseconds. */
int sim_dist_lognormal(struct sim_dist *dist, double mu, double sigma);

/* The lognormal with this median and 99th percentile; 0 < p50 <= p99. */
int sim_dist_lognormal_fit(struct sim_dist *dist, uint64_t p50_ns,
                           uint64_t p99_ns);

/* The shape is positive; 1 makes it exponential. */
int sim_dist_weibull(struct sim_dist *dist, double shape, uint64_t scale_ns);

/*
 * Measured quantiles: 1 to SIM_DIST_POINTS_MAX points with p rising within
 * [0, 1] and values never falling. Between two points the log of the value
 * is a straight line (the value itself next to a 0); outside of the first and
 * the last the value stays theirs.
 */
int sim_dist_table(struct sim_dist *dist, const struct sim_dist_point *points,
                   uint32_t count);

/* The duration for one uniform 64-bit number, rising with it. */
uint64_t sim_dist_at(const struct sim_dist *dist, uint64_t draw);

/* The duration for the stream's draw at `index`. */
uint64_t sim_dist_draw(const struct sim_dist *dist,
                       const struct engine_stream *stream, uint64_t index);

/*
 * Writes the durations for `count` draws from `index` on to out[]: the same
 * as one by one, at less than half the cost. An even index is cheapest.
 */
void sim_dist_fill(const struct sim_dist *dist,
                   const struct engine_stream *stream, uint64_t index,
                   uint64_t *out, size_t count);

#endif
