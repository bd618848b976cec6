/* Work that is begun anew after each crash, and checkpoints against that. */
#include <stdio.h>

#include "scenarios/validate/formulas.h"
#include "scenarios/validate/validate.h"

/* An hour stands for a second of virtual time: only ratios matter. */
#define HOUR_NS 1e9

/* Times in hours. */
struct restart_case {
    double work, mtbf, restart;
};

/* The mean time to complete the work, in hours, on one worker that crashes. */
static bool complete(struct validate *v, const struct restart_case *c,
                     double full, struct report_mean *got)
{
    struct profile profile;
    struct validate_watch w;
    struct sim_load_config config = {
        .crashes = true,
        .resubmit = true,
        .restart_ns = (uint64_t)(c->restart * HOUR_NS),
        .arrivals = validate_arrivals(v, full, 20000),
    };
    if (!validate_profile(v, &profile,
                          "{\"profile\": \"local\", \"workers\": 1, "
                          "\"slots\": 1, \"overrides\": "
                          "{\"dispatch_latency\": \"0s\"}}") ||
        !validate_model(v, &profile, NULL, &config.model))
        return false;
    /* So far apart that none waits for another. */
    sim_dist_constant(&config.gap, (uint64_t)(1000 * HOUR_NS));
    sim_dist_constant(&config.warm, (uint64_t)(c->work * HOUR_NS + 0.5));
    sim_dist_exponential(&config.crash, (uint64_t)(c->mtbf * HOUR_NS + 0.5));
    config.cold = config.warm;
    bool done = validate_watch(v, &config, &w);
    config.model.ops->free(config.model.self);
    if (!done)
        return false;
    *got = report_means_get(&w.sojourn);
    got->mean /= HOUR_NS;
    got->half /= HOUR_NS;
    return true;
}

static bool from_scratch(struct validate *v)
{
    static const struct restart_case cases[] = {
        {1, 0.5, 0}, {1, 1, 0}, {1, 1, 0.1},
        {1, 2, 0.1}, {1, 6, 0}, {1, 24, 0.1},
    };
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        const struct restart_case *c = &cases[i];
        struct report_mean got;
        if (!complete(v, c, 2e6, &got))
            return false;
        validate_mean(v, "restarts", &got,
                      formula_restart(c->work, c->mtbf, c->restart), v->near,
                      "(M + R)(e^(w/M) - 1)",
                      "1 h of work, a crash in %g h, restart %g h: mean h",
                      c->mtbf, c->restart);
    }
    return true;
}

/* n steps, each durable at the price of a checkpoint: n such works. */
static bool in_steps(struct validate *v)
{
    static const uint32_t steps[] = {4, 20};
    const double cost = 5.0 / 3600;
    for (uint32_t i = 0; i < sizeof(steps) / sizeof(*steps); i++) {
        double n = steps[i];
        struct restart_case c = {1 / n + cost, 1, 0.1};
        struct report_mean got;
        if (!complete(v, &c, 2e6, &got))
            return false;
        got.mean *= n;
        got.half *= n;
        validate_mean(v, "restarts", &got,
                      n * formula_restart(c.work, c.mtbf, c.restart), v->near,
                      "n (M + R)(e^((w/n + C)/M) - 1)",
                      "1 h in %u steps, a crash in 1 h, checkpoint 5 s: mean h",
                      steps[i]);
    }
    return true;
}

/* What an hour of work costs at this interval between checkpoints. */
static bool price(struct validate *v, double interval, double cost, double mtbf,
                  struct report_mean *got)
{
    struct restart_case c = {interval + cost, mtbf, 0};
    if (!complete(v, &c, 4e6, got))
        return false;
    got->mean /= interval;
    got->half /= interval;
    return true;
}

/*
 * The best interval, found by trying: the price is least where Young and Daly
 * say, and a parabola through three prices has its lowest point there.
 */
static bool intervals(struct validate *v)
{
    static const struct {
        double cost_s, mtbf_h;
    } cases[] = {{5, 1}, {30, 6}};
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        double cost = cases[i].cost_s / 3600;
        double mtbf = cases[i].mtbf_h;
        double daly = formula_daly(cost, mtbf);
        struct report_mean at[3];
        for (int side = 0; side < 3; side++)
            if (!price(v, daly * (side == 0 ? 0.5 : side), cost, mtbf,
                       &at[side]))
                return false;
        double best =
            mtbf * (formula_restart(daly + cost, mtbf, 0) / mtbf) / daly;
        validate_mean(v, "restarts", &at[1], best, v->near,
                      "M (e^((t + C)/M) - 1) / t",
                      "checkpoint %g s, a crash in %g h: price of Daly's "
                      "interval %.1f s",
                      cases[i].cost_s, mtbf, daly * 3600);
        struct validate_row row = {
            .group = "restarts",
            .source = "Young, Daly: there is no better interval",
            .expected = at[0].mean < at[2].mean ? at[0].mean : at[2].mean,
            .got = at[1].mean,
            .at_most = true,
        };
        snprintf(row.name, sizeof(row.name),
                 "it costs less than half and twice that interval");
        validate_add(v, &row);
        validate_exact(v, "restarts", formula_young(cost, mtbf) * 3600,
                       i == 0 ? 189.737 : 1138.42, 1e-5,
                       "computed apart from this program",
                       "Young's interval for it, s");
    }
    return true;
}

static bool restarts(struct validate *v)
{
    return from_scratch(v) && in_steps(v) && intervals(v);
}

const struct validate_group validate_restarts = {
    "restarts", "crashes cost what restarts and checkpoints should", restarts};
