#include "scenarios/read_dist.h"

#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static bool read_time(struct json_view view, uint64_t *ns,
                      struct json_error *err)
{
    return json_as_quantity(view, QUANTITY_DURATION, 0, READ_DIST_MAX_NS, ns,
                            err);
}

static bool need_time(struct json_view object, const char *key, uint64_t *ns,
                      struct json_error *err)
{
    return json_get_duration(object, key, JSON_REQUIRED, 0, READ_DIST_MAX_NS,
                             ns, err);
}

static bool read_uniform(struct json_view view, struct sim_dist *dist,
                         struct json_error *err)
{
    uint64_t low, high;
    if (!json_as_array(view, 2, 2, err) ||
        !read_time(json_first(view), &low, err) ||
        !read_time(json_next(json_first(view)), &high, err))
        return false;
    if (sim_dist_uniform(dist, low, high) != 0)
        return json_fail(view, err,
                         "found a range that ends before it "
                         "starts, allowed [least, most]");
    return true;
}

static bool read_exponential(struct json_view view, struct sim_dist *dist,
                             struct json_error *err)
{
    uint64_t mean;
    return read_time(view, &mean, err) && sim_dist_exponential(dist, mean) == 0;
}

static bool read_normal(struct json_view view, struct sim_dist *dist,
                        struct json_error *err)
{
    static const char *const keys[] = {"mean", "sd"};
    uint64_t mean, sd;
    return json_check_keys(view, keys, COUNT(keys), err) &&
           need_time(view, "mean", &mean, err) &&
           need_time(view, "sd", &sd, err) &&
           sim_dist_normal(dist, mean, sd) == 0;
}

static bool read_lognormal(struct json_view view, struct sim_dist *dist,
                           struct json_error *err)
{
    static const char *const keys[] = {"p50", "p99"};
    uint64_t p50, p99;
    if (!json_check_keys(view, keys, COUNT(keys), err) ||
        !need_time(view, "p50", &p50, err) ||
        !need_time(view, "p99", &p99, err))
        return false;
    if (sim_dist_lognormal_fit(dist, p50, p99) != 0)
        return json_fail(view, err,
                         "found a lognormal that cannot be, "
                         "allowed 0s < p50 <= p99");
    return true;
}

static bool read_weibull(struct json_view view, struct sim_dist *dist,
                         struct json_error *err)
{
    static const char *const keys[] = {"shape", "scale"};
    uint64_t scale;
    double shape;
    if (!json_check_keys(view, keys, COUNT(keys), err) ||
        !json_get_double(view, "shape", JSON_REQUIRED, 0.01, 100, &shape,
                         err) ||
        !need_time(view, "scale", &scale, err))
        return false;
    if (sim_dist_weibull(dist, shape, scale) != 0)
        return json_fail(view, err,
                         "found a weibull that cannot be, allowed "
                         "a shape and a scale above 0");
    return true;
}

bool read_percentile(const char *text, size_t size, uint32_t *milli)
{
    uint32_t value = 0, unit = 0;
    if (size < 2 || text[0] != 'p')
        return false;
    for (size_t i = 1; i < size; i++) {
        if (text[i] == '.' && unit == 0 && i > 1 && i + 1 < size) {
            unit = 1000;
            continue;
        }
        if (text[i] < '0' || text[i] > '9' || unit == 1 || value > 100000)
            return false;
        if (unit == 0) {
            value = value * 10 + (uint32_t)(text[i] - '0') * 1000;
        } else {
            unit /= 10;
            value += (uint32_t)(text[i] - '0') * unit;
        }
    }
    *milli = value;
    return value > 0 && value < 100000;
}

static bool read_quantile(struct json_view view, struct sim_dist_point *point,
                          struct json_error *err)
{
    const char *key = json_key(view);
    uint32_t milli = 0;
    if (strcmp(key, "max") == 0)
        milli = 100000;
    else if (strcmp(key, "min") != 0 &&
             !read_percentile(key, strlen(key), &milli))
        return json_fail_key(view, err,
                             "found quantile \"%s\", allowed \"min\", \"p50\", "
                             "\"p99.9\" and the like, and \"max\"",
                             key);
    point->p = (double)milli / 100000;
    return read_time(view, &point->value_ns, err);
}

static bool read_quantiles(struct json_view view, struct sim_dist *dist,
                           struct json_error *err)
{
    struct sim_dist_point points[SIM_DIST_POINTS_MAX];
    uint32_t count = 0;
    if (!json_as_object(view, err))
        return false;
    if (json_count(view) < 1 || json_count(view) > SIM_DIST_POINTS_MAX)
        return json_fail(view, err, "found %zu quantiles, allowed 1 to %d",
                         json_count(view), SIM_DIST_POINTS_MAX);
    for (struct json_view v = json_first(view); v.item; v = json_next(v)) {
        if (!read_quantile(v, &points[count++], err))
            return false;
    }
    if (sim_dist_table(dist, points, count) != 0)
        return json_fail(view, err,
                         "found quantiles out of order, allowed "
                         "percentiles that rise with durations "
                         "that do not fall");
    return true;
}

bool read_dist(struct json_view view, struct sim_dist *dist,
               struct json_error *err)
{
    static const char *const names[] = {"uniform", "exponential",
                                        "normal",  "lognormal",
                                        "weibull", "quantiles"};
    static bool (*const readers[])(struct json_view, struct sim_dist *,
                                   struct json_error *) = {
        read_uniform,   read_exponential, read_normal,
        read_lognormal, read_weibull,     read_quantiles};
    uint64_t ns;
    if (!json_is_object(view))
        return read_time(view, &ns, err) && sim_dist_constant(dist, ns) == 0;
    if (!json_check_keys(view, names, COUNT(names), err))
        return false;
    if (json_count(view) != 1)
        return json_fail(view, err, "found %zu distributions, allowed one",
                         json_count(view));
    size_t kind = 0;
    struct json_view only = json_first(view);
    while (strcmp(names[kind], json_key(only)) != 0)
        kind++;
    return readers[kind](only, dist, err);
}

bool read_dist_member(struct json_view object, const char *key,
                      struct sim_dist *dist, struct json_error *err)
{
    struct json_view view;
    return json_get(object, key, JSON_OPTIONAL, &view, err) &&
           read_dist(view, dist, err);
}
