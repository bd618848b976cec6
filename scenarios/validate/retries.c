/* Asynchronous retries of Lambda, and the engine's delays between attempts. */
#include <stdio.h>

#include "engine/decide.h"
#include "scenarios/validate/functions.h"
#include "sim/real.h"

#define SECOND UINT64_C(1000000000)
#define WORK_S 1.0

/* Of jobs that succeed: work, time lost to crashes, and the two waits. */
static double mean_success(double p, double mtbf)
{
    static const double waited[] = {0, 60, 180};
    /* A crash that comes within the work comes after this long on average. */
    double lost = mtbf - WORK_S * (1 - p) / p;
    double sum = 0;
    double chance = 1;
    for (int k = 0; k < 3; k++) {
        sum += chance * (1 - p) * (WORK_S + waited[k] + k * lost);
        chance *= p;
    }
    return sum / (1 - chance);
}

static bool asynchronous(struct validate *v)
{
    static const double chances[] = {0.1, 0.5};
    for (uint32_t i = 0; i < sizeof(chances) / sizeof(*chances); i++) {
        double p = chances[i];
        double mtbf = -WORK_S / sim_real_log(1 - p);
        struct profile profile;
        static struct validate_watch w;
        struct sim_load_config config = {
            .crashes = true,
            .arrivals = validate_arrivals(v, 4e6, 200000),
        };
        if (!validate_profile(
                v, &profile,
                "{\"profile\": \"lambda-2026\", \"invocation\": \"async\", "
                "\"overrides\": {\"async_duplicates\": \"0%%\"}}"))
            return false;
        struct sim_lambda_function *function = &profile.lambda.function;
        sim_dist_constant(&function->placement, 0);
        sim_dist_constant(&function->init, 0);
        function->placement_extra_ns = function->init_extra_ns = 0;
        function->first_execution_ns = 0;
        if (!validate_model(v, &profile, NULL, &config.model))
            return false;
        sim_dist_exponential(&config.gap, SECOND / 20);
        sim_dist_constant(&config.warm, SECOND);
        sim_dist_constant(&config.cold, SECOND);
        sim_dist_exponential(&config.crash,
                             (uint64_t)(mtbf * (double)SECOND + 0.5));
        bool done = validate_watch(v, &config, &w);
        config.model.ops->free(config.model.self);
        if (!done)
            return false;
        double all = (double)(w.ended + w.gone);
        validate_exact(v, "retries", (double)w.ended / all, 1 - p * p * p,
                       v->near, "1 - p^3",
                       "asynchronous, an attempt fails in %.0f %%: success",
                       100 * p);
        validate_exact(v, "retries", (double)(w.ended + w.cut) / all,
                       1 + p + p * p, v->near, "1 + p + p^2",
                       "asynchronous, an attempt fails in %.0f %%: attempts",
                       100 * p);
        struct report_mean got = report_means_get(&w.sojourn);
        got.mean *= 1e-9;
        got.half *= 1e-9;
        validate_mean(v, "retries", &got, mean_success(p, mtbf), 2 * v->near,
                      "60 s, then 120 s more, before the second and third",
                      "asynchronous, an attempt fails in %.0f %%: mean s to "
                      "success",
                      100 * p);
    }
    return true;
}

/* Full jitter: a half of what grows from 100 ms to 10 s, summed. */
static bool jitter(struct validate *v)
{
    const struct engine_retry policy = {.attempts_max = 12,
                                        .factor_milli = 2000,
                                        .delay_ns = SECOND / 10,
                                        .delay_max_ns = 10 * SECOND,
                                        .jitter = ENGINE_JITTER_FULL};
    double expected = 0;
    double delay = 0.1;
    struct report_means sums;
    report_means_init(&sums, 1);
    for (uint32_t attempt = 2; attempt <= policy.attempts_max; attempt++) {
        expected += (delay < 10 ? delay : 10) / 2;
        delay *= 2;
    }
    uint64_t runs = validate_arrivals(v, 1e6, 50000);
    for (uint64_t run = 1; run <= runs; run++) {
        double sum = 0;
        for (uint32_t attempt = 2; attempt <= policy.attempts_max; attempt++)
            sum +=
                (double)engine_retry_delay(&policy, v->seed, run, 0, attempt) *
                1e-9;
        report_means_add(&sums, sum, 1);
    }
    struct report_mean got = report_means_get(&sums);
    validate_mean(v, "retries", &got, expected, v->near,
                  "half the sum of min(cap, b 2^k)",
                  "full jitter, 100 ms to 10 s, 11 delays: mean sum, s");
    return true;
}

static bool retries(struct validate *v)
{
    return asynchronous(v) && jitter(v);
}

const struct validate_group validate_retries = {
    "retries", "failures come again when they should", retries};
