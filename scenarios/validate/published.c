/*
 * A published simulation of Lambda, repeated: SimFaaS (Mahmoudi and Khazaei,
 * 2021, MIT licence), its example of 0.9 requests a second, 1.991 s warm and
 * 2.244 s cold, environments kept for 600 s, the newest first. What is held
 * against is a long run of an independent simulation of the same system, with
 * its own interval: 8 runs of 1e8 s.
 */
#include <stdio.h>

#include "scenarios/validate/functions.h"

#define SECOND UINT64_C(1000000000)
#define RATE 0.9
#define WARM_NS UINT64_C(1991000000)
#define COLD_NS UINT64_C(2244000000)

static void mean(struct validate *v, struct report_mean got, double expected,
                 double known, double near, const char *name)
{
    struct validate_row row = {
        .group = "published",
        .expected = expected,
        .known = known,
        .got = got.mean,
        .half = got.half,
        .allowed = near,
    };
    snprintf(row.name, sizeof(row.name), "%s", name);
    snprintf(row.source, sizeof(row.source),
             "SimFaaS README case; long reference run, 8 x 1e8 s");
    validate_add(v, &row);
}

static struct report_mean seconds(struct report_mean mean)
{
    mean.mean *= 1e-9;
    mean.half *= 1e-9;
    return mean;
}

static bool steady(struct validate *v)
{
    static struct validate_watch w; /* large */
    struct functions_spec spec = {.concurrency = 1000,
                                  .expiry_ns = 600 * SECOND};
    struct sim_load_config config = {.arrivals =
                                         validate_arrivals(v, 7.2e8, 2000000)};
    sim_dist_exponential(&config.gap, (uint64_t)((double)SECOND / RATE + 0.5));
    sim_dist_exponential(&config.warm, WARM_NS);
    sim_dist_exponential(&config.cold, COLD_NS);
    if (!functions_watch(v, &spec, &config, &w))
        return false;
    /* Four digits when run in full. */
    double near = v->length >= 1 ? 0.0005 : v->near;
    mean(v, report_means_get(&w.cold), 0.0013321, 0.0000025, 4 * near,
         "share of cold starts");
    mean(v, report_means_get(&w.places), 7.69768, 0.00185, near,
         "mean environments");
    mean(v, report_means_get(&w.running), 1.792258, 0.00025, near,
         "mean running");
    mean(v, report_means_get(&w.idle), 5.90542, 0.0019, near, "mean idle");
    mean(v, seconds(report_means_get(&w.life)), 6420.9, 11.1, 4 * near,
         "mean life of an environment, s");
    static const double shares[] = {0.05746, 0.40094, 0.37289,
                                    0.13068, 0.03064, 0.00599};
    double all = 0;
    for (uint32_t i = 0; i < VALIDATE_LEVELS; i++)
        all += w.levels[i];
    for (uint32_t i = 0; i < sizeof(shares) / sizeof(*shares); i++)
        validate_exact(v, "published", w.levels[6 + i] / all, shares[i],
                       (v->length >= 1 ? 0.02 : 0.1) + (i > 3 ? 0.2 : 0),
                       "SimFaaS README case; reference run of 4e8 s",
                       "share of the time with %u environments", 6 + i);
    return true;
}

static bool policy(struct validate *v)
{
    static struct validate_watch w;
    struct functions_spec spec = {.concurrency = 1000,
                                  .expiry_ns = 600 * SECOND,
                                  .pick = SIM_LAMBDA_PICK_OLDEST};
    struct sim_load_config config = {.arrivals =
                                         validate_arrivals(v, 2e7, 4000000)};
    sim_dist_exponential(&config.gap, (uint64_t)((double)SECOND / RATE + 0.5));
    sim_dist_exponential(&config.warm, WARM_NS);
    sim_dist_exponential(&config.cold, COLD_NS);
    if (!functions_watch(v, &spec, &config, &w))
        return false;
    /* The others are a thousand times as many: 1.3e-3. */
    struct validate_row row = {
        .group = "published",
        .name = "share of cold starts, the one idle longest first",
        .source = "the same system, another policy: 7e-7",
        .expected = 1e-5,
        .got = (double)w.cold_starts / (double)w.starts,
        .at_most = true,
    };
    validate_add(v, &row);
    return true;
}

static bool capped(struct validate *v)
{
    static struct validate_watch w;
    struct functions_spec spec = {.concurrency = 1000,
                                  .expiry_ns = 600 * SECOND};
    struct sim_load_config config = {
        .arrivals = UINT64_MAX, .end_ns = SIM_LOAD_START_NS + 2000 * SECOND};
    sim_dist_exponential(&config.gap, SECOND / 1000);
    sim_dist_exponential(&config.warm, UINT64_C(2016000000));
    sim_dist_exponential(&config.cold, UINT64_C(2163000000));
    if (!functions_watch(v, &spec, &config, &w))
        return false;
    struct report_mean got = report_means_get(&w.throttled);
    validate_mean(v, "published", &got, 0.50365, v->near,
                  "SimFaaS, 1000/s and a cap of 1000; reference run of 2000 s",
                  "share rejected at the cap");
    got = report_means_get(&w.places);
    validate_mean(v, "published", &got, 999.40, v->near,
                  "SimFaaS, 1000/s and a cap of 1000",
                  "mean environments at the cap");
    return true;
}

static bool published(struct validate *v)
{
    return steady(v) && policy(v) && capped(v);
}

const struct validate_group validate_published = {
    "published", "a published simulation of Lambda is repeated", published};
