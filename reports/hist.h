/*
 * A histogram of unsigned values, mostly nanoseconds, over the whole range of
 * 64 bits in fixed memory. Buckets are linear inside each power of two, so a
 * value read back is never more than the stated fraction above one recorded:
 *
 *     digits 1   1/32     15 KiB   for the slices of a time series
 *     digits 2   1/128    58 KiB
 *     digits 3   1/1024  440 KiB   for totals
 *
 * All arithmetic is on integers: the same values give the same answers on
 * every machine, in any order of recording and merging.
 */
#ifndef REPORTS_HIST_H
#define REPORTS_HIST_H

#include <stdint.h>

struct report_hist {
    uint64_t *counts;
    uint32_t size; /* of counts */
    uint32_t bits; /* a bucket is 2^-bits of its value wide, or 1 */
    uint64_t count;
    uint64_t min; /* UINT64_MAX while empty */
    uint64_t max; /* 0 while empty */
    uint64_t sum_lo;
    uint64_t sum_hi;
};

/* Prepares an empty histogram of 1, 2 or 3 digits; -1: out of memory. */
int report_hist_init(struct report_hist *hist, unsigned digits);
/* Frees its memory; a zeroed or already deinitialised one is allowed. */
void report_hist_deinit(struct report_hist *hist);
/* Forgets all values. */
void report_hist_clear(struct report_hist *hist);
/* Adds the values of another histogram of the same digits. */
void report_hist_merge(struct report_hist *into,
                       const struct report_hist *from);

/*
 * The smallest value such that at least ppm millionths of all values are at
 * or below it, read as the top of its bucket and never above the true
 * maximum. 0 for an empty histogram; ppm is at most 1000000.
 */
uint64_t report_hist_at(const struct report_hist *hist, uint32_t ppm);
/* The mean, rounded down; 0 for an empty histogram. Exact. */
uint64_t report_hist_mean(const struct report_hist *hist);
/*
 * How many values lie in buckets that start below limit; exact for a limit
 * that is a bucket's edge, otherwise off by less than one bucket.
 */
uint64_t report_hist_below(const struct report_hist *hist, uint64_t limit);

/* The bucket of a value, and the smallest value of a bucket. */
static inline uint32_t report_hist_index(uint32_t bits, uint64_t value)
{
    if (value < (uint64_t)2 << bits)
        return (uint32_t)value;
    uint32_t shift = 63 - (uint32_t)__builtin_clzll(value) - bits;
    return (shift << bits) + (uint32_t)(value >> shift);
}

static inline uint64_t report_hist_edge(uint32_t bits, uint32_t index)
{
    if (index < (uint32_t)2 << bits)
        return index;
    uint32_t shift = (index >> bits) - 1;
    return (uint64_t)(index - (shift << bits)) << shift;
}

/* Adds one value. */
static inline void report_hist_record(struct report_hist *hist, uint64_t value)
{
    hist->counts[report_hist_index(hist->bits, value)]++;
    hist->count++;
    hist->sum_lo += value;
    hist->sum_hi += hist->sum_lo < value;
    if (value < hist->min)
        hist->min = value;
    if (value > hist->max)
        hist->max = value;
}

#endif
