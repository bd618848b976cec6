#include "reports/hist.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

int report_hist_init(struct report_hist *hist, unsigned digits)
{
    assert(digits >= 1 && digits <= 3);
    memset(hist, 0, sizeof(*hist));
    hist->bits = digits == 1 ? 5 : digits == 2 ? 7 : 10;
    hist->size = report_hist_index(hist->bits, UINT64_MAX) + 1;
    hist->min = UINT64_MAX;
    hist->counts = calloc(hist->size, sizeof(*hist->counts));
    return hist->counts ? 0 : -1;
}

void report_hist_deinit(struct report_hist *hist)
{
    free(hist->counts);
    memset(hist, 0, sizeof(*hist));
}

void report_hist_clear(struct report_hist *hist)
{
    memset(hist->counts, 0, hist->size * sizeof(*hist->counts));
    hist->count = hist->sum_lo = hist->sum_hi = hist->max = 0;
    hist->min = UINT64_MAX;
}

void report_hist_merge(struct report_hist *into, const struct report_hist *from)
{
    assert(into->bits == from->bits);
    if (from->count == 0)
        return;
    uint32_t last = report_hist_index(from->bits, from->max);
    for (uint32_t i = report_hist_index(from->bits, from->min); i <= last; i++)
        into->counts[i] += from->counts[i];
    into->count += from->count;
    into->sum_lo += from->sum_lo;
    into->sum_hi += from->sum_hi + (into->sum_lo < from->sum_lo);
    if (from->min < into->min)
        into->min = from->min;
    if (from->max > into->max)
        into->max = from->max;
}

/* The rank, from 1, of the value that ppm millionths reach; exact. */
static uint64_t rank_of(uint64_t count, uint32_t ppm)
{
    uint64_t whole = count / 1000000 * ppm;
    uint64_t rest = (count % 1000000 * ppm + 999999) / 1000000;
    return whole + rest ? whole + rest : 1;
}

uint64_t report_hist_at(const struct report_hist *hist, uint32_t ppm)
{
    assert(ppm <= 1000000);
    if (hist->count == 0)
        return 0;
    uint64_t rank = rank_of(hist->count, ppm);
    uint32_t last = report_hist_index(hist->bits, hist->max);
    uint64_t seen = 0;
    for (uint32_t i = report_hist_index(hist->bits, hist->min); i < last; i++) {
        seen += hist->counts[i];
        if (seen >= rank)
            return report_hist_edge(hist->bits, i + 1) - 1;
    }
    return hist->max;
}

uint64_t report_hist_mean(const struct report_hist *hist)
{
    if (hist->count == 0)
        return 0;
    /* Long division, a bit a step: sum_hi < count, as every value fits. */
    uint64_t rest = hist->sum_hi;
    uint64_t mean = 0;
    for (int bit = 63; bit >= 0; bit--) {
        uint64_t carry = rest >> 63;
        rest = rest << 1 | (hist->sum_lo >> bit & 1);
        mean <<= 1;
        if (carry || rest >= hist->count) {
            rest -= hist->count;
            mean |= 1;
        }
    }
    return mean;
}

uint64_t report_hist_below(const struct report_hist *hist, uint64_t limit)
{
    if (hist->count == 0 || limit <= hist->min)
        return 0;
    if (limit > hist->max)
        return hist->count;
    uint64_t below = 0;
    uint32_t last = report_hist_index(hist->bits, limit - 1);
    for (uint32_t i = report_hist_index(hist->bits, hist->min); i <= last; i++)
        below += hist->counts[i];
    return below;
}
