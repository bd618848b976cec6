/*
 * Whether two samples come from the same distribution, by the two-sided test
 * of Mann and Whitney: how often chance alone would part them as far as they
 * are, or farther. It supposes nothing about the shape of the noise.
 *
 * With fewer than REPORT_EXACT_BELOW values on each side every way to deal
 * the values out is counted, ties included, so that p is exact. With more the
 * normal distribution stands in, corrected for ties and for continuity.
 *
 *     3 against 3, fully parted: p = 2 of 20 = 0.1, and never less
 *     5 against 5, fully parted: p = 2 of 252 = 0.0079
 *
 * Floating point: for figures of the wall clock only, which are printed with
 * few digits and are in no report that must be the same everywhere.
 */
#ifndef REPORTS_MANN_WHITNEY_H
#define REPORTS_MANN_WHITNEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    REPORT_EXACT_BELOW = 20,
    REPORT_SAMPLES_MAX = 1000 /* of a side */
};

struct report_mann_whitney {
    double u; /* pairs in which the first is larger; half for a tie */
    double p;
    double p_least; /* what p is when the two are fully parted */
    bool exact;
};

/* Compares the samples; each has 1 to REPORT_SAMPLES_MAX values (asserted). */
struct report_mann_whitney report_mann_whitney(const uint64_t *a,
                                               size_t a_count,
                                               const uint64_t *b,
                                               size_t b_count);

/* The same by the normal distribution, however few there are. */
struct report_mann_whitney report_mann_whitney_normal(const uint64_t *a,
                                                      size_t a_count,
                                                      const uint64_t *b,
                                                      size_t b_count);

/*
 * The smallest change, as a share of the base's median, that would be seen at
 * this level in four of five comparisons with this much noise in the samples.
 * HUGE_VAL if so few values can never reach the level, or the median is 0.
 */
double report_mann_whitney_detectable(const uint64_t *base, size_t base_count,
                                      const uint64_t *head, size_t head_count,
                                      double level);

/* The median of 1 to REPORT_SAMPLES_MAX; of two in the middle the mean. */
uint64_t report_median(const uint64_t *values, size_t count);

#endif
