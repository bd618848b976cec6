/* INIT of one day is alike; of all days together it is as measured. */
#include "sim/platform/lambda_state.h"

#include <math.h>

#include <criterion/criterion.h>

#define SECOND UINT64_C(1000000000)
#define DAY (86400 * SECOND)

enum {
    DAYS = 600,
    STARTS = 40 /* a day */
};

struct sample {
    double mean[DAYS]; /* of ln INIT, by day */
    double mean_all, between, within;
    double below_p90;
};

static void describe(struct sim_lambda_config *config,
                     struct sim_lambda_function *function, uint32_t share_ppb)
{
    *config = (struct sim_lambda_config){.account_concurrency = 1000,
                                         .scaling_burst = 1000,
                                         .scaling_refill = {100, SECOND},
                                         .request_rate = {10, SECOND},
                                         .init_limit_ns = 10 * SECOND,
                                         .mb_per_vcpu = 1769,
                                         .vcpu_max = 6,
                                         .memory_max_mb = 10240,
                                         .timeout_max_ns = 900 * SECOND,
                                         .billing_step_ns = 1000000};
    *function = (struct sim_lambda_function){
        .timeout_ns = 60 * SECOND,
        .memory_mb = 512,
        .reserved = SIM_LAMBDA_UNRESERVED,
        .day_share_ppb = share_ppb,
        .day_memory_ppb = 400000000,
    };
    sim_dist_lognormal_fit(&function->init, 144000000, 223000000);
}

static struct sample *sample(uint32_t share_ppb)
{
    struct sim_lambda_config config;
    struct sim_lambda_function function;
    struct sim_lambda *lambda;
    struct sample *s = calloc(1, sizeof(*s));
    double squares = 0;
    describe(&config, &function, share_ppb);
    cr_assert_eq(sim_lambda_new(&lambda, &config, &function, 1, 3), 0);
    double p90 = (double)sim_dist_at(&function.init, UINT64_MAX / 10 * 9);
    for (uint64_t i = 0; i < DAYS * STARTS; i++) {
        uint64_t day = i / STARTS;
        uint64_t ns = sim_lambda_start_of(lambda, &lambda->functions[0], i,
                                          day * DAY + i, 10 * SECOND)
                          .init_ns;
        double x = log((double)ns);
        s->mean[day] += x / STARTS;
        s->mean_all += x / (DAYS * STARTS);
        squares += x * x;
        s->below_p90 += (double)ns <= p90;
    }
    for (uint32_t day = 0; day < DAYS; day++) {
        double off = s->mean[day] - s->mean_all;
        s->between += off * off / DAYS;
    }
    s->within =
        squares / (DAYS * STARTS) - s->mean_all * s->mean_all - s->between;
    sim_lambda_free(lambda);
    return s;
}

Test(sim_lambda_start, a_quarter_of_the_spread_is_between_days)
{
    struct sample *s = sample(250000000);
    double share = s->between / (s->between + s->within);
    cr_assert(share > 0.2 && share < 0.3, "%f", share);
    free(s);
}

Test(sim_lambda_start, without_a_share_days_do_not_differ)
{
    struct sample *s = sample(0);
    double share = s->between / (s->between + s->within);
    cr_assert_lt(share, 0.05, "%f", share);
    free(s);
}

Test(sim_lambda_start, a_day_is_like_the_day_before)
{
    struct sample *s = sample(250000000);
    double sum = 0;
    for (uint32_t day = 1; day < DAYS; day++)
        sum += (s->mean[day] - s->mean_all) * (s->mean[day - 1] - s->mean_all);
    double likeness = sum / DAYS / s->between;
    cr_assert(likeness > 0.25 && likeness < 0.5, "%f", likeness);
    free(s);
}

Test(sim_lambda_start, all_days_together_have_the_measured_quantiles)
{
    struct sample *s = sample(250000000);
    double share = s->below_p90 / (DAYS * STARTS);
    cr_assert(share > 0.89 && share < 0.91, "%f", share);
    free(s);
}

Test(sim_lambda_start, a_draw_without_an_effect_keeps_its_place)
{
    uint64_t half = UINT64_C(1) << 63;
    uint64_t quarter = half / 2;
    uint64_t got = sim_lambda_day_draw(quarter, 0, 0);
    cr_assert_leq(got > quarter ? got - quarter : quarter - got, 1 << 16);
    cr_assert_gt(sim_lambda_day_draw(quarter, 1, 250000000), quarter);
    cr_assert_lt(sim_lambda_day_draw(quarter, -1, 250000000), quarter);
    cr_assert_lt(sim_lambda_day_draw(0, 0, 250000000), quarter);
    cr_assert_gt(sim_lambda_day_draw(UINT64_MAX, 0, 250000000), half);
}
