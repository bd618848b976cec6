/*
 * How long a start takes: placement, INIT, and INIT again if it was too long.
 *
 * INIT of one day is alike: part of its spread is the day's, in the manner of
 * a Gaussian copula, so that all days together are the measured distribution.
 * Days follow one another with a memory.
 */
#include "sim/platform/lambda_state.h"
#include "sim/real.h"

#include <math.h>

#define BILLION 1e9
#define DAY_NS UINT64_C(86400000000000)

enum {
    DAYS_BACK = 24, /* what is older moves nothing that one could see */
    TERMS_MAX = 200
};

/* The effect of a day: standard normal, alike to that of the days before. */
static double effect_of(const struct engine_stream *days, uint64_t day,
                        double memory)
{
    double sum = 0;
    for (uint64_t back = DAYS_BACK; back > 0; back--) {
        double draw = sim_lambda_unit(
            engine_stream_u64(days, day + DAYS_BACK - back + 1));
        double own = sim_real_normal(draw);
        sum = back == DAYS_BACK
                  ? own
                  : memory * sum + sqrt(1 - memory * memory) * own;
    }
    return sum;
}

/* The share of a standard normal variable below x. */
static double below(double x)
{
    double term = x, sum = x;
    if (x > 8 || x < -8) {
        return x > 0 ? 1 : 0;
    }
    for (int i = 1; i < TERMS_MAX && (term > 1e-17 || term < -1e-17); i++) {
        term *= x * x / (2 * i + 1);
        sum += term;
    }
    /* 1 / sqrt(2 pi) */
    return 0.5 + sum * 0.3989422804014327 * sim_real_exp(-x * x / 2);
}

uint64_t sim_lambda_day_draw(uint64_t draw, double effect, uint32_t share_ppb)
{
    double share = share_ppb / BILLION;
    double own = sim_real_normal(sim_lambda_unit(draw));
    double p = below(sqrt(share) * effect + sqrt(1 - share) * own);
    if (p <= 0) {
        return 0;
    }
    return p >= 1 ? UINT64_MAX : (uint64_t)(p * 0x1p63) * 2;
}

/* One draw of the INIT of a function on the day of now_ns. */
static uint64_t init_time(struct sim_lambda *lambda,
                          const struct sim_lambda_deployed *function,
                          uint64_t index, uint64_t now_ns)
{
    const struct sim_lambda_function *about = &function->about;
    uint64_t draw = engine_stream_u64(&function->init, index);
    uint64_t day = now_ns / DAY_NS;
    if (about->day_share_ppb > 0) {
        if (lambda->day != day) {
            lambda->day = day;
            lambda->day_effect =
                effect_of(&lambda->days, day, about->day_memory_ppb / BILLION);
        }
        draw =
            sim_lambda_day_draw(draw, lambda->day_effect, about->day_share_ppb);
    }
    return about->init_extra_ns + sim_dist_at(&about->init, draw);
}

struct sim_lambda_start
sim_lambda_start_of(struct sim_lambda *lambda,
                    const struct sim_lambda_deployed *function, uint64_t serial,
                    uint64_t now_ns, uint64_t limit_ns)
{
    struct sim_lambda_start start = {
        .placement_ns = function->about.placement_extra_ns +
                        sim_dist_draw(&function->about.placement,
                                      &function->placement, serial),
        .init_ns = init_time(lambda, function, 2 * serial, now_ns),
    };
    if (start.init_ns > limit_ns) {
        start.init_ns = limit_ns;
        start.again_ns = init_time(lambda, function, 2 * serial + 1, now_ns);
        lambda->counts.init_overruns++;
    }
    return start;
}
