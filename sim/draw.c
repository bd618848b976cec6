#include "sim/draw.h"

#include <assert.h>
#include <stddef.h>

#include "sim/real.h"

/* The point below which 99 in 100 standard normal draws fall. */
#define NORMAL_P99 2.3263478740408408

/* A number strictly between 0 and 1, from the upper 52 bits; exact. */
static double unit(uint64_t draw)
{
    return ((double)(int64_t)(draw >> 12) + 0.5) * 0x1p-52;
}

static uint64_t to_ns(double x)
{
    if (!(x > 0)) {
        return 0;
    }
    return x < (double)SIM_DIST_MAX_NS ? (uint64_t)(int64_t)(x + 0.5)
                                       : SIM_DIST_MAX_NS;
}

int sim_dist_constant(struct sim_dist *dist, uint64_t value_ns)
{
    if (value_ns > SIM_DIST_MAX_NS) {
        return SIM_DIST_ERANGE;
    }
    *dist = (struct sim_dist){.kind = SIM_DIST_CONSTANT, .low_ns = value_ns};
    return 0;
}

int sim_dist_uniform(struct sim_dist *dist, uint64_t low_ns, uint64_t high_ns)
{
    if (high_ns > SIM_DIST_MAX_NS || low_ns > high_ns) {
        return SIM_DIST_ERANGE;
    }
    *dist = (struct sim_dist){.kind = SIM_DIST_UNIFORM,
                              .low_ns = low_ns,
                              .span = high_ns - low_ns + 1};
    return 0;
}

int sim_dist_exponential(struct sim_dist *dist, uint64_t mean_ns)
{
    if (mean_ns > SIM_DIST_MAX_NS) {
        return SIM_DIST_ERANGE;
    }
    *dist =
        (struct sim_dist){.kind = SIM_DIST_EXPONENTIAL, .a = (double)mean_ns};
    return 0;
}

int sim_dist_normal(struct sim_dist *dist, uint64_t mean_ns, uint64_t sd_ns)
{
    if (mean_ns > SIM_DIST_MAX_NS || sd_ns > SIM_DIST_MAX_NS) {
        return SIM_DIST_ERANGE;
    }
    *dist = (struct sim_dist){
        .kind = SIM_DIST_NORMAL, .a = (double)mean_ns, .b = (double)sd_ns};
    return 0;
}

int sim_dist_lognormal(struct sim_dist *dist, double mu, double sigma)
{
    /* Outside of these every draw is 0 or the largest; NaN fails too. */
    if (!(mu >= -100 && mu <= 100 && sigma >= 0 && sigma <= 100)) {
        return SIM_DIST_ERANGE;
    }
    *dist = (struct sim_dist){.kind = SIM_DIST_LOGNORMAL, .a = mu, .b = sigma};
    return 0;
}

int sim_dist_lognormal_fit(struct sim_dist *dist, uint64_t p50_ns,
                           uint64_t p99_ns)
{
    if (p50_ns == 0 || p99_ns < p50_ns || p99_ns > SIM_DIST_MAX_NS) {
        return SIM_DIST_ERANGE;
    }
    double mu = sim_real_log((double)p50_ns);
    double sigma = (sim_real_log((double)p99_ns) - mu) / NORMAL_P99;
    return sim_dist_lognormal(dist, mu, sigma);
}

int sim_dist_weibull(struct sim_dist *dist, double shape, uint64_t scale_ns)
{
    if (!(shape >= 0.01 && shape <= 1000) || scale_ns > SIM_DIST_MAX_NS) {
        return SIM_DIST_ERANGE;
    }
    *dist = (struct sim_dist){
        .kind = SIM_DIST_WEIBULL, .a = (double)scale_ns, .b = 1.0 / shape};
    return 0;
}

static int check_point(const struct sim_dist_point *points, uint32_t i)
{
    if (!(points[i].p >= 0 && points[i].p <= 1) ||
        points[i].value_ns > SIM_DIST_MAX_NS) {
        return SIM_DIST_ERANGE;
    }
    if (i > 0 && (points[i].p <= points[i - 1].p ||
                  points[i].value_ns < points[i - 1].value_ns)) {
        return SIM_DIST_EORDER;
    }
    return 0;
}

int sim_dist_table(struct sim_dist *dist, const struct sim_dist_point *points,
                   uint32_t count)
{
    struct sim_dist made = {.kind = SIM_DIST_TABLE, .count = count};
    if (count == 0 || count > SIM_DIST_POINTS_MAX) {
        return SIM_DIST_ERANGE;
    }
    for (uint32_t i = 0; i < count; i++) {
        int error = check_point(points, i);
        if (error != 0) {
            return error;
        }
        made.points[i] = points[i];
        made.logs[i] = sim_real_log((double)points[i].value_ns);
    }
    *dist = made;
    return 0;
}

/* The value a fraction `f` of the way from point i to point i + 1. */
static uint64_t table_between(const struct sim_dist *dist, uint32_t i, double f)
{
    uint64_t low = dist->points[i].value_ns;
    uint64_t high = dist->points[i + 1].value_ns;
    double log_low = dist->logs[i];
    double value =
        low == 0 ? f * (double)high
                 : sim_real_exp(log_low + f * (dist->logs[i + 1] - log_low));
    uint64_t ns = to_ns(value);
    return ns < low ? low : ns > high ? high : ns;
}

static uint64_t table_at(const struct sim_dist *dist, double p)
{
    const struct sim_dist_point *points = dist->points;
    if (p <= points[0].p) {
        return points[0].value_ns;
    }
    for (uint32_t i = 0; i + 1 < dist->count; i++) {
        if (p < points[i + 1].p) {
            double width = points[i + 1].p - points[i].p;
            return table_between(dist, i, (p - points[i].p) / width);
        }
    }
    return points[dist->count - 1].value_ns;
}

/* A standard exponential that rises with the draw: the log of 1 - unit. */
static double exponential(uint64_t draw)
{
    return -sim_real_log(unit(~draw));
}

static double weibull(const struct sim_dist *dist, uint64_t draw)
{
    return dist->a * sim_real_exp(sim_real_log(exponential(draw)) * dist->b);
}

uint64_t sim_dist_at(const struct sim_dist *dist, uint64_t draw)
{
    assert(dist->kind <= SIM_DIST_TABLE);
    switch (dist->kind) {
    case SIM_DIST_CONSTANT:
        return dist->low_ns;
    case SIM_DIST_UNIFORM:
        return dist->low_ns + engine_random_scale(draw, dist->span);
    case SIM_DIST_EXPONENTIAL:
        return to_ns(dist->a * exponential(draw));
    case SIM_DIST_NORMAL:
        return to_ns(dist->a + dist->b * sim_real_normal(unit(draw)));
    case SIM_DIST_LOGNORMAL:
        return to_ns(
            sim_real_exp(dist->a + dist->b * sim_real_normal(unit(draw))));
    case SIM_DIST_WEIBULL:
        return to_ns(weibull(dist, draw));
    case SIM_DIST_TABLE:
        return table_at(dist, unit(draw));
    }
    return 0;
}

uint64_t sim_dist_draw(const struct sim_dist *dist,
                       const struct engine_stream *stream, uint64_t index)
{
    return sim_dist_at(dist, engine_stream_u64(stream, index));
}

void sim_dist_fill(const struct sim_dist *dist,
                   const struct engine_stream *stream, uint64_t index,
                   uint64_t *out, size_t count)
{
    size_t done = 0;
    if (index % 2 == 1 && count > 0) {
        out[done++] = sim_dist_draw(dist, stream, index);
    }
    for (; count - done >= 2; done += 2) {
        uint64_t pair[2];
        engine_stream_block(stream, (index + done) / 2, pair);
        out[done] = sim_dist_at(dist, pair[0]);
        out[done + 1] = sim_dist_at(dist, pair[1]);
    }
    if (done < count) {
        out[done] = sim_dist_draw(dist, stream, index + done);
    }
}
