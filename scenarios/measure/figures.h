/*
 * Arithmetic over measurements: what stands in the middle of repeated ones and
 * how far apart they lie, what is at a rank of many, whether two sets differ
 * by more than their noise, and what a day adds up to. Whole numbers, in the
 * unit of the values; no clock and no file.
 */
#ifndef SCENARIOS_MEASURE_FIGURES_H
#define SCENARIOS_MEASURE_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MEASURE_REPEATS_MAX = 100
};

/* The same thing measured again and again, in the order of measuring. */
struct measure_repeats {
    uint64_t values[MEASURE_REPEATS_MAX];
    size_t count;
};

/* Adds one; beyond the last place nothing (asserted). */
void measure_add(struct measure_repeats *repeats, uint64_t value);

struct measure_spread {
    uint64_t median; /* of two in the middle the mean */
    uint64_t least;
    uint64_t most;
};

/* Of one value or more (asserted). */
struct measure_spread measure_spread(const struct measure_repeats *repeats);

/*
 * The value at which so many thousandths of them are at or below: 500 is the
 * median. Sorts the values. 0 of none.
 */
uint64_t measure_rank(uint64_t *values, size_t count, uint32_t thousandths);

/* What one costs beside another. */
struct measure_difference {
    int64_t median;  /* of the one less that of the other */
    double p;        /* how often chance alone parts them so far */
    bool told_apart; /* p is at most 0.05 */
    double seen;     /* the smallest share that would be noticed; HUGE_VAL:
                        none would, with so few */
};

/* Both have one value or more (asserted). */
struct measure_difference
measure_difference(const struct measure_repeats *one,
                   const struct measure_repeats *other);

/*
 * Bytes a day: each of count in per_ns brings so many. UINT64_MAX if it is
 * more than fits. per_ns is not 0.
 */
uint64_t measure_a_day(uint64_t bytes_each, uint64_t count, uint64_t per_ns);

#endif
