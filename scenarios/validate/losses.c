/* Functions without a queue: what is lost at a cap, and how many run. */
#include <math.h>

#include "scenarios/validate/formulas.h"
#include "scenarios/validate/functions.h"
#include "sim/real.h"

#define SECOND UINT64_C(1000000000)

bool functions_make(struct validate *v, const struct functions_spec *spec,
                    struct sim_model *model)
{
    struct profile profile;
    if (!validate_profile(v, &profile,
                          "{\"profile\": \"lambda-2026\", "
                          "\"memory\": \"1769MB\"}"))
        return false;
    struct sim_lambda_config *config = &profile.lambda.config;
    struct sim_lambda_function *function = &profile.lambda.function;
    config->account_concurrency = spec->concurrency;
    config->pick = spec->pick;
    config->scaling_burst = 1000000;
    config->scaling_refill = (struct sim_rate){1000000, SECOND};
    config->request_rate = (struct sim_rate){1000, SECOND};
    sim_dist_constant(&config->idle_expiry, spec->expiry_ns);
    sim_dist_constant(&function->placement, 0);
    sim_dist_constant(&function->init, 0);
    function->placement_extra_ns = function->init_extra_ns = 0;
    function->first_execution_ns = 0;
    return validate_model(v, &profile, NULL, model);
}

bool functions_watch(struct validate *v, const struct functions_spec *spec,
                     struct sim_load_config *config, struct validate_watch *w)
{
    if (!functions_make(v, spec, &config->model))
        return false;
    bool done = validate_watch(v, config, w);
    config->model.ops->free(config->model.self);
    return done;
}

static bool one_erlang_b(struct validate *v, uint32_t servers, double offered,
                         double full, bool lognormal)
{
    struct validate_watch w;
    struct functions_spec spec = {.concurrency = servers,
                                  .expiry_ns = 600 * SECOND};
    struct sim_load_config config = {
        .arrivals =
            validate_arrivals(v, full, servers < 1000 ? 800000 : 2000000)};
    sim_dist_exponential(&config.gap,
                         (uint64_t)((double)SECOND / offered + 0.5));
    if (lognormal) /* squared variation 4 */
        sim_dist_lognormal(&config.warm,
                           sim_real_log((double)SECOND) - sim_real_log(5) / 2,
                           sqrt(sim_real_log(5)));
    else
        sim_dist_exponential(&config.warm, SECOND);
    config.cold = config.warm;
    config.seed = 2 * servers + lognormal;
    if (!functions_watch(v, &spec, &config, &w))
        return false;
    struct report_mean got = report_means_get(&w.throttled);
    validate_mean(v, "erlang-b", &got, formula_erlang_b(servers, offered),
                  v->near, "Erlang B",
                  "cap %u, %.0f offered, %s times: share throttled", servers,
                  offered, lognormal ? "lognormal" : "exponential");
    return true;
}

static bool erlang_b(struct validate *v)
{
    return one_erlang_b(v, 10, 8, 4e7, false) &&
           one_erlang_b(v, 10, 8, 4e7, true) &&
           one_erlang_b(v, 50, 45, 2e7, false) &&
           one_erlang_b(v, 100, 90, 4e7, true) &&
           one_erlang_b(v, 1000, 1000, 4e7, false) &&
           one_erlang_b(v, 1000, 1100, 2e7, true) &&
           one_erlang_b(v, 1000, 2016, 1e7, false);
}

const struct validate_group validate_erlang_b = {
    "erlang-b", "requests above the concurrency are lost as in M/G/c/c",
    erlang_b};

static bool no_queue(struct validate *v)
{
    const double rate = 0.9;
    const uint64_t mean_ns = UINT64_C(1991255556);
    for (int uniform = 0; uniform < 2; uniform++) {
        const char *times = uniform ? "uniform" : "exponential";
        struct validate_watch w;
        struct functions_spec spec = {.concurrency = 1000000,
                                      .expiry_ns = 600 * SECOND};
        struct sim_load_config config = {.arrivals =
                                             validate_arrivals(v, 2e7, 400000)};
        sim_dist_exponential(&config.gap,
                             (uint64_t)((double)SECOND / rate + 0.5));
        if (uniform)
            sim_dist_uniform(&config.warm, 0, 2 * mean_ns);
        else
            sim_dist_exponential(&config.warm, mean_ns);
        config.cold = config.warm;
        if (!functions_watch(v, &spec, &config, &w))
            return false;
        double load = rate * (double)mean_ns / (double)SECOND;
        struct report_mean empty = report_means_get(&w.empty);
        struct report_mean running = report_means_get(&w.running);
        struct report_mean squared = report_means_get(&w.running_squared);
        squared.mean -= running.mean * running.mean;
        validate_mean(v, "m/g/inf", &empty, sim_real_exp(-load), v->near,
                      "Poisson, by insensitivity",
                      "%s times: share of arrivals that find nothing running",
                      times);
        validate_mean(v, "m/g/inf", &running, load, v->near, "Little",
                      "%s times: mean running", times);
        validate_mean(v, "m/g/inf", &squared, load, 2 * v->near,
                      "Poisson: variance is mean", "%s times: its variance",
                      times);
    }
    return true;
}

const struct validate_group validate_no_queue = {
    "m/g/inf", "without a cap the number running is Poisson", no_queue};
