#include "reports/scale.h"

#include <assert.h>

/* 2^(i / 32) times 2^30. */
static const uint32_t octave[32] = {
    0x40000000, 0x4166c34c, 0x42d561b4, 0x444c0740, 0x45cae0f2, 0x47521cc6,
    0x48e1e9ba, 0x4a7a77d4, 0x4c1bf829, 0x4dc69cdd, 0x4f7a9930, 0x51382182,
    0x52ff6b55, 0x54d0ad5a, 0x56ac1f75, 0x5891fac1, 0x5a82799a, 0x5c7dd7a4,
    0x5e8451d0, 0x60962665, 0x62b39509, 0x64dcdec3, 0x6712460b, 0x69540ec9,
    0x6ba27e65, 0x6dfddbcc, 0x70666f76, 0x72dc8374, 0x75606374, 0x77f25cce,
    0x7a92be8b, 0x7d41d96e};

uint32_t report_scale_log2(uint64_t value)
{
    assert(value != 0);
    uint32_t whole = 63 - (uint32_t)__builtin_clzll(value);
    /* The fraction, a bit each time the square passes 2. */
    uint64_t x = whole > 31 ? value >> (whole - 31) : value << (31 - whole);
    uint32_t fraction = 0;
    for (int i = 0; i < 10; i++) {
        x = x * x >> 31;
        fraction <<= 1;
        if (x >> 32) {
            x >>= 1;
            fraction |= 1;
        }
    }
    return whole << 10 | fraction;
}

uint64_t report_scale_exp2(uint32_t steps)
{
    uint32_t whole = steps / 32;
    uint64_t mantissa = octave[steps % 32];
    return whole >= 30 ? mantissa << (whole - 30) : mantissa >> (30 - whole);
}

struct report_bins report_scale_fit(const struct report_hist *hist,
                                    uint32_t max)
{
    assert(max >= 8 && hist->count != 0);
    struct report_bins bins = {.step = 1, .most = 1};
    uint32_t low = report_scale_log2(hist->min ? hist->min : 1) / 32;
    uint32_t high = report_scale_log2(hist->max ? hist->max : 1) / 32 + 1;
    /* An octave at least, or equal values would fill a chart. */
    uint32_t margin = high - low < 32 ? (32 - (high - low)) / 2 : 0;
    low -= low > margin ? margin : low;
    high += margin;
    while ((high - low) / bins.step + 2 > max)
        bins.step *= 2;
    bins.first = low / bins.step * bins.step;
    bins.count = (high - bins.first) / bins.step + 1;
    for (uint32_t i = 0; i < bins.count; i++)
        if (report_scale_count(&bins, hist, i) > bins.most)
            bins.most = report_scale_count(&bins, hist, i);
    return bins;
}

uint64_t report_scale_edge(const struct report_bins *bins, uint32_t index)
{
    uint32_t steps = bins->first + index * bins->step;
    return steps < 2048 ? report_scale_exp2(steps) : UINT64_MAX;
}

uint64_t report_scale_count(const struct report_bins *bins,
                            const struct report_hist *hist, uint32_t index)
{
    uint64_t below =
        index ? report_hist_below(hist, report_scale_edge(bins, index)) : 0;
    if (index + 1 == bins->count)
        return hist->count - below;
    return report_hist_below(hist, report_scale_edge(bins, index + 1)) - below;
}
