#include "reports/means.h"

#include <assert.h>
#include <math.h>
#include <string.h>

enum {
    BATCHES_LEAST = 9,
    WARM_UP_PART = 10 /* a tenth, rounded up */
};

void report_means_init(struct report_means *means, double batch_weight)
{
    assert(batch_weight > 0);
    memset(means, 0, sizeof(*means));
    means->batch_weight = batch_weight;
}

/* All batches are full: half as many of twice the weight. */
static void join(struct report_means *means)
{
    for (uint32_t i = 0; i < REPORT_MEANS_BATCHES / 2; i++)
        means->sums[i] = means->sums[2 * i] + means->sums[2 * i + 1];
    memset(means->sums + REPORT_MEANS_BATCHES / 2, 0, sizeof(means->sums) / 2);
    means->full = REPORT_MEANS_BATCHES / 2;
    means->batch_weight *= 2;
}

static void fill(struct report_means *means, double value, double weight)
{
    means->sums[means->full] += value * weight;
    means->filled += weight;
    if (means->filled < means->batch_weight)
        return;
    means->filled = 0;
    if (++means->full == REPORT_MEANS_BATCHES)
        join(means);
}

void report_means_add(struct report_means *means, double value, double weight)
{
    means->count += weight > 0;
    /* A level that lasts for many batches makes them larger, not many. */
    while (weight > 4 * REPORT_MEANS_BATCHES * means->batch_weight &&
           means->full == 0 && means->filled == 0)
        means->batch_weight *= 2;
    while (weight > 0) {
        double room = means->batch_weight - means->filled;
        double part = weight < room ? weight : room;
        fill(means, value, part);
        weight -= part;
    }
}

double report_means_student(uint32_t degrees)
{
    const double z = 1.959963984540054;
    double v = degrees;
    double z3 = z * z * z, z5 = z3 * z * z, z7 = z5 * z * z;
    return z + (z3 + z) / (4 * v) + (5 * z5 + 16 * z3 + 3 * z) / (96 * v * v) +
           (3 * z7 + 19 * z5 + 17 * z3 - 15 * z) / (384 * v * v * v);
}

/* All that was added, batches or not. */
static double plain_mean(const struct report_means *means)
{
    double sum = 0;
    for (uint32_t i = 0; i <= means->full && i < REPORT_MEANS_BATCHES; i++)
        sum += means->sums[i];
    double weight = means->full * means->batch_weight + means->filled;
    return weight > 0 ? sum / weight : 0;
}

struct report_mean report_means_get(const struct report_means *means)
{
    struct report_mean got = {
        .mean = plain_mean(means),
        .half = INFINITY,
        .batches = means->full,
        .batch_weight = means->batch_weight,
        .count = means->count,
    };
    if (means->full < BATCHES_LEAST)
        return got;
    uint32_t left_out = (means->full + WARM_UP_PART - 1) / WARM_UP_PART;
    uint32_t n = means->full - left_out;
    double centre = got.mean; /* sums of squares of small numbers */
    double sum = 0, squares = 0;
    for (uint32_t i = left_out; i < means->full; i++) {
        double value = means->sums[i] / means->batch_weight - centre;
        sum += value;
        squares += value * value;
    }
    double off = sum / n;
    double variance = (squares - n * off * off) / (n - 1);
    got.mean = centre + off;
    got.deviation = variance > 0 ? sqrt(variance) : 0;
    got.half = report_means_student(n - 1) * got.deviation / sqrt(n);
    got.warm_up = (double)left_out / means->full;
    got.batches = n;
    return got;
}
