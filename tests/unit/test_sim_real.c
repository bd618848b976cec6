#include "sim/real.h"

#include <criterion/criterion.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/random.h"

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double from_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* How many doubles lie between two of equal sign. */
static uint64_t apart(double a, double b)
{
    uint64_t x = bits_of(a), y = bits_of(b);
    return x > y ? x - y : y - x;
}

/* Any positive finite double, every exponent equally often. */
static double any_positive(const struct engine_stream *stream, uint64_t i)
{
    double x = from_bits(engine_stream_u64(stream, i) >> 1);
    return isfinite(x) && x > 0 ? x : 1.5;
}

static double between(const struct engine_stream *stream, uint64_t i, double a,
                      double b)
{
    double u = (double)(engine_stream_u64(stream, i) >> 11) * 0x1p-53;
    return a + u * (b - a);
}

/* The library's own error is below one unit, so two apart is one of ours. */
Test(sim_real, log_is_within_two_doubles_of_the_library)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 1, "log", 0);
    for (uint64_t i = 0; i < 200000; i++) {
        double x =
            i % 2 ? any_positive(&stream, i) : between(&stream, i, 0.5, 2.0);
        cr_assert_leq(apart(sim_real_log(x), log(x)), 2, "log(%a)", x);
    }
}

Test(sim_real, exp_is_within_two_doubles_of_the_library)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 1, "exp", 0);
    for (uint64_t i = 0; i < 200000; i++) {
        double limit = i % 2 ? 745.0 : 1.0;
        double x = between(&stream, i, -limit, i % 2 ? 709.0 : 1.0);
        cr_assert_leq(apart(sim_real_exp(x), exp(x)), 2, "exp(%a)", x);
    }
}

Test(sim_real, edges_are_those_of_ieee)
{
    cr_assert_eq(bits_of(sim_real_log(1.0)), 0);
    cr_assert_eq(sim_real_log(0.0), -(double)INFINITY);
    cr_assert_eq(sim_real_log(-0.0), -(double)INFINITY);
    cr_assert(isnan(sim_real_log(-1.0)));
    cr_assert(isnan(sim_real_log((double)NAN)));
    cr_assert_eq(sim_real_log((double)INFINITY), (double)INFINITY);
    cr_assert_leq(apart(sim_real_log(0x1p-1074), log(0x1p-1074)), 1);

    cr_assert_eq(sim_real_exp(0.0), 1.0);
    cr_assert_eq(sim_real_exp(710.0), (double)INFINITY);
    cr_assert_eq(sim_real_exp((double)INFINITY), (double)INFINITY);
    cr_assert_eq(sim_real_exp(-746.5), 0.0);
    cr_assert_eq(sim_real_exp(-(double)INFINITY), 0.0);
    cr_assert(isnan(sim_real_exp((double)NAN)));
    cr_assert_eq(sim_real_exp(-744.4400719213812), 0x1p-1074);
}

Test(sim_real, log_and_exp_never_step_backwards_between_neighbours)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 2, "order", 0);
    for (uint64_t i = 0; i < 100000; i++) {
        double x = between(&stream, i, 0.001, 30.0);
        double next = from_bits(bits_of(x) + 1 + i % 5);
        cr_assert_leq(sim_real_log(x), sim_real_log(next), "log(%a)", x);
        cr_assert_leq(sim_real_exp(x), sim_real_exp(next), "exp(%a)", x);
    }
}

/* Both tails and the seams at 0.075 and exp(-25), checked through erfc. */
Test(sim_real, normal_inverts_its_distribution_function)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 3, "normal", 0);
    for (uint64_t i = 0; i < 50000; i++) {
        double p = between(&stream, i, 1e-9, 1.0);
        p = i % 3 == 0 ? p : i % 3 == 1 ? p * p * p * p * p : p * 0x1p-30;
        double z = sim_real_normal(p);
        double back = 0.5 * erfc(-z * 0.70710678118654752440);
        cr_assert_lt(fabs(back / p - 1), 1e-13 * (1 + z * z), "p %a", p);
        if (p > 0x1p-40) {
            double mirrored = sim_real_normal(1.0 - p);
            cr_assert_lt(fabs(mirrored + z), 1e-3 + fabs(z) * 1e-9, "p %a", p);
        }
    }
    cr_assert_eq(sim_real_normal(0.5), 0.0);
}

/* Exact bits, the same on every machine and compiler at every level. */
Test(sim_real, bits_are_frozen)
{
    static const struct {
        uint64_t x, log, exp;
    } known[] = {
        {0x01a56e1fc2f8f359, 0xc085963447f87fb5, 0x3ff0000000000000},
        {0x0000000000000001, 0xc0874385446d71c3, 0x3ff0000000000000},
        {0x3e112e0be826d695, 0xc034b927f32bffb8, 0x3ff000000044b830},
        {0x3fb999999999999a, 0xc0026bb1bbb55515, 0x3ff1aec7b35a00d4},
        {0x3fe0000000000000, 0xbfe62e42fefa39ef, 0x3ffa61298e1e069c},
        {0x3fefffeb074a771d, 0xbee4f8bc681df714, 0x4005befc4aae7caf},
        {0x3ff000001ad7f29b, 0x3e7ad7f2847b6492, 0x4005bf0aaf904984},
        {0x3ff8000000000000, 0x3fd9f323ecbf984c, 0x4011ed3fe64fc541},
        {0x4005bf0a8b145769, 0x3ff0000000000000, 0x402e4efb75e4527a},
        {0x400921fb54442d18, 0x3ff250d048e7a1bd, 0x403724046eb09339},
        {0x4024000000000000, 0x40026bb1bbb55516, 0x40d5829dcf950560},
        {0x4059000000000000, 0x40126bb1bbb55516, 0x48f3494a9b171bf5},
        {0x407f480000000000, 0x4018dcc83d05b126, 0x6d10c8445efec68e},
        {0x4085e00000000000, 0x401a344e6741ebab, 0x7f0d945df4f8ec8e},
        {0x40862d999999999a, 0x401a42660825ce24, 0x7fed75ae7a50ee14},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        double x = from_bits(known[i].x);
        cr_assert_eq(bits_of(sim_real_log(x)), known[i].log, "log(%a)", x);
        cr_assert_eq(bits_of(sim_real_exp(x)), known[i].exp, "exp(%a)", x);
    }
    cr_assert_eq(bits_of(sim_real_normal(0.99)), UINT64_C(0x40029c5c4630ff0e));
    cr_assert_eq(bits_of(sim_real_normal(1e-12)), UINT64_C(0xc01c234fba57a32a));
}

static uint64_t fold(uint64_t hash, double x)
{
    return (hash ^ bits_of(x)) * UINT64_C(1099511628211);
}

Test(sim_real, a_hundred_thousand_results_fold_to_one_frozen_number)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 4, "fold", 0);
    uint64_t hash = 0;
    for (uint64_t i = 0; i < 100000; i++) {
        double p = between(&stream, i, 1e-6, 0.999999);
        hash = fold(hash, sim_real_log(any_positive(&stream, i)));
        hash = fold(hash, sim_real_exp(between(&stream, i, -740, 700)));
        hash = fold(hash, sim_real_normal(p));
    }
    cr_assert_eq(hash, UINT64_C(0x2bb235e1999e1791), "%016llx",
                 (unsigned long long)hash);
}
