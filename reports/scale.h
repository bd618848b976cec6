/*
 * Logarithmic scales in integers: the logarithm and its inverse, and bins of
 * equal width on a logarithmic axis that fit a histogram. No floating point,
 * so a chart has the same bytes on every machine.
 */
#ifndef REPORTS_SCALE_H
#define REPORTS_SCALE_H

#include "reports/hist.h"

/* log2 of value times 1024, rounded down; value is not 0. */
uint32_t report_scale_log2(uint64_t value);
/* 2^(steps / 32), rounded down; steps below 2048. */
uint64_t report_scale_exp2(uint32_t steps);

/* Bins: the index-th starts at 2^((first + index * step) / 32). */
struct report_bins {
    uint32_t first;
    uint32_t step;
    uint32_t count;
    uint64_t most; /* values in the fullest bin, at least 1 */
};

/* Bins that hold all values of a histogram that is not empty; at most max,
   which is at least 8, and at least an octave of them. */
struct report_bins report_scale_fit(const struct report_hist *hist,
                                    uint32_t max);
/* The lower edge of a bin; of index == count: the end of the last. */
uint64_t report_scale_edge(const struct report_bins *bins, uint32_t index);
/* How many values lie in a bin; the sum over all bins is the count. */
uint64_t report_scale_count(const struct report_bins *bins,
                            const struct report_hist *hist, uint32_t index);

#endif
