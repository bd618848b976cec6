/* Token buckets: how long a burst takes to be let in. */
#include "scenarios/validate/functions.h"

#define SECOND UINT64_C(1000000000)

/* Lambda: 1,000 environments at once, then 100 a second, to a full fleet. */
static bool scaling(struct validate *v)
{
    static const uint32_t fleets[] = {2000, 5000};
    for (uint32_t i = 0; i < sizeof(fleets) / sizeof(*fleets); i++) {
        struct profile profile;
        static struct validate_watch w;
        struct sim_load_config config = {.arrivals = fleets[i],
                                         .retry_ns = SECOND / 1000};
        if (!validate_profile(v, &profile,
                              "{\"profile\": \"lambda-2026\", \"overrides\": "
                              "{\"account_concurrency\": \"10000 envs\", "
                              "\"request_rate\": \"10000/s\"}}"))
            return false;
        sim_dist_constant(&profile.lambda.function.placement, 0);
        sim_dist_constant(&profile.lambda.function.init, 0);
        profile.lambda.function.first_execution_ns = 0;
        if (!validate_model(v, &profile, NULL, &config.model))
            return false;
        sim_dist_constant(&config.gap, 0);
        sim_dist_constant(&config.warm, 600 * SECOND);
        config.cold = config.warm;
        bool done = validate_watch(v, &config, &w);
        config.model.ops->free(config.model.self);
        if (!done)
            return false;
        validate_exact(v, "rates",
                       (double)(w.last_start_ns - SIM_LOAD_START_NS) * 1e-9,
                       (fleets[i] - 1000) / 100.0, v->near,
                       "docs.aws.amazon.com/lambda scaling-behavior.html",
                       "Lambda: s until %u environments run", fleets[i]);
    }
    return true;
}

/* A burst on Batch on Fargate with nothing slow but what is asked about. */
static bool burst(struct validate *v, uint32_t jobs, const char *overrides,
                  struct validate_watch *w)
{
    struct profile profile;
    struct sim_load_config config = {.arrivals = jobs,
                                     .retry_ns = SECOND / 100};
    if (!validate_profile(v, &profile,
                          "{\"profile\": \"batch-fargate\", \"overrides\": "
                          "{\"max_vcpus\": \"100000 vCPUs\", "
                          "\"scheduling\": \"0s\", \"tick\": \"10ms\", %s}}",
                          overrides) ||
        !validate_model(v, &profile, NULL, &config.model))
        return false;
    sim_dist_constant(&config.gap, 0);
    sim_dist_constant(&config.warm, 600 * SECOND);
    config.cold = config.warm;
    bool done = validate_watch(v, &config, w);
    config.model.ops->free(config.model.self);
    return done;
}

static bool batch(struct validate *v)
{
    static struct validate_watch w;
    if (!burst(v, 2000, "\"fargate_start\": \"1s\"", &w))
        return false;
    validate_exact(v, "rates",
                   (double)(w.last_accepted_ns - SIM_LOAD_START_NS) * 1e-9,
                   (2000 - 50) / 50.0, v->near,
                   "AWS Batch service limits: SubmitJob, 50 a second",
                   "Batch: s until 2000 jobs are submitted");
    if (!burst(v, 1000,
               "\"fargate_start\": \"1s\", \"submit_rate\": \"10000/s\", "
               "\"submit_burst\": \"10000 jobs\"",
               &w))
        return false;
    validate_exact(v, "rates",
                   (double)(w.last_start_ns - w.first_start_ns) * 1e-9,
                   (1000 - 100) / 20.0, v->near,
                   "ECS throttling: 100 launches, then 20 a second",
                   "Fargate: s from the first of 1000 tasks to the last");
    return true;
}

static bool rates(struct validate *v)
{
    return scaling(v) && batch(v);
}

const struct validate_group validate_rates = {
    "rates", "bursts are let in as fast as documented", rates};
