/* Workers with a queue in front: M/M/c, M/G/1, and waiting for the last. */
#include <math.h>

#include "scenarios/validate/formulas.h"
#include "scenarios/validate/validate.h"
#include "sim/real.h"

#define SECOND UINT64_C(1000000000)
#define SERVICE_NS SECOND

/* Local workers of one slot that start and are reached in no time. */
static bool workers(struct validate *v, uint32_t count, struct profile *profile)
{
    return validate_profile(v, profile,
                            "{\"profile\": \"local\", \"workers\": %u, "
                            "\"slots\": 1, \"overrides\": "
                            "{\"dispatch_latency\": \"0s\", "
                            "\"start_up\": \"0s\"}}",
                            count);
}

static bool watch(struct validate *v, const struct profile *profile,
                  struct sim_load_config *config, struct validate_watch *w)
{
    if (!validate_model(v, profile, NULL, &config->model))
        return false;
    bool done = validate_watch(v, config, w);
    config->model.ops->free(config->model.self);
    return done;
}

static bool one_erlang_c(struct validate *v, uint32_t servers, double load)
{
    struct profile profile;
    struct validate_watch w;
    struct sim_load_config config = {
        .arrivals = validate_arrivals(v, servers > 8 ? 1e8 : 3e7, 3000000)};
    sim_dist_exponential(
        &config.gap, (uint64_t)((double)SERVICE_NS / (load * servers) + 0.5));
    sim_dist_exponential(&config.warm, SERVICE_NS);
    config.cold = config.warm;
    config.seed = servers;
    if (!workers(v, servers, &profile) || !watch(v, &profile, &config, &w))
        return false;
    struct report_mean wait = report_means_get(&w.wait);
    struct report_mean waited = report_means_get(&w.waited);
    wait.mean /= SERVICE_NS;
    wait.half /= SERVICE_NS;
    validate_mean(v, "erlang-c", &waited, formula_erlang_c(servers, load),
                  v->near, "Erlang C", "M/M/%u at load %.2f: share that waits",
                  servers, load);
    validate_mean(v, "erlang-c", &wait, formula_mmc_wait(servers, load),
                  v->near, "Erlang C",
                  "M/M/%u at load %.2f: mean wait, in service times", servers,
                  load);
    return true;
}

static bool erlang_c(struct validate *v)
{
    static const struct {
        uint32_t servers;
        double load;
    } cases[] = {{1, 0.8}, {8, 0.8}, {32, 0.9}, {128, 0.95}};
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        if (!one_erlang_c(v, cases[i].servers, cases[i].load))
            return false;
    return true;
}

const struct validate_group validate_erlang_c = {
    "erlang-c", "workers with one queue wait as in M/M/c", erlang_c};

/*
 * A service time of mean SERVICE_NS and this squared variation. 19 is that of
 * a Weibull variable of shape 1/3, whose mean is 6 of its scale: as varied as
 * a lognormal one, but with a tail of which a simulation meets enough.
 */
static void service(struct sim_dist *dist, double cv2)
{
    double spread = sim_real_log(1 + cv2);
    if (cv2 <= 0)
        sim_dist_constant(dist, SERVICE_NS);
    else if (cv2 == 1)
        sim_dist_exponential(dist, SERVICE_NS);
    else if (cv2 == 19)
        sim_dist_weibull(dist, 1.0 / 3, (SERVICE_NS + 3) / 6);
    else
        sim_dist_lognormal(dist, sim_real_log((double)SERVICE_NS) - spread / 2,
                           sqrt(spread));
}

static bool single_server(struct validate *v)
{
    static const double variations[] = {0, 1, 4, 19};
    const double load = 0.8;
    struct profile profile;
    if (!workers(v, 1, &profile))
        return false;
    for (uint32_t i = 0; i < sizeof(variations) / sizeof(*variations); i++) {
        double cv2 = variations[i];
        struct validate_watch w;
        struct sim_load_config config = {
            .arrivals = validate_arrivals(v, cv2 > 1 ? 1e8 : 2e7, 400000)};
        sim_dist_exponential(&config.gap,
                             (uint64_t)((double)SERVICE_NS / load + 0.5));
        service(&config.warm, cv2);
        config.cold = config.warm;
        if (!watch(v, &profile, &config, &w))
            return false;
        struct report_mean wait = report_means_get(&w.wait);
        wait.mean /= SERVICE_NS;
        wait.half /= SERVICE_NS;
        validate_mean(v, "m/g/1", &wait, formula_mg1_wait(load, cv2),
                      cv2 > 4 ? 2 * v->near : v->near, "Pollaczek-Khinchine",
                      "load %.1f, squared variation %.0f: mean wait, in "
                      "service times",
                      load, cv2);
    }
    return true;
}

const struct validate_group validate_single_server = {
    "m/g/1", "one worker waits as Pollaczek and Khinchine say", single_server};

static bool fan_out(struct validate *v)
{
    static const struct {
        uint32_t count;
        double repeats;
    } cases[] = {{16, 100000}, {128, 30000}, {1000, 4000}};
    for (uint32_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct report_means last;
        struct profile profile;
        if (!workers(v, cases[i].count, &profile))
            return false;
        report_means_init(&last, 1);
        uint64_t repeats = validate_arrivals(v, cases[i].repeats, 400);
        for (uint64_t r = 0; r < repeats; r++) {
            struct validate_watch w;
            struct sim_load_config config = {.seed = r,
                                             .arrivals = cases[i].count};
            sim_dist_constant(&config.gap, 0);
            sim_dist_exponential(&config.warm, SERVICE_NS);
            config.cold = config.warm;
            if (!watch(v, &profile, &config, &w))
                return false;
            report_means_add(
                &last, (double)(w.last_end_ns - SIM_LOAD_START_NS) / SERVICE_NS,
                1);
        }
        struct report_mean got = report_means_get(&last);
        validate_mean(v, "fan-out", &got, formula_largest(cases[i].count),
                      v->near, "1 + 1/2 + ... + 1/n",
                      "the last of %u, in mean times", cases[i].count);
    }
    return true;
}

const struct validate_group validate_fan_out = {
    "fan-out", "the last of n at once ends as the largest of n times", fan_out};
