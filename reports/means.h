/*
 * The mean of a simulated quantity, with a confidence interval that is honest
 * about correlation: observations of one simulation follow one another, so
 * their own variance says too little.
 *
 * Batch means: the observations, in order, are cut into 64 to 127 batches of
 * equal weight, each batch has a mean, and those are taken for independent
 * (Law, Simulation Modeling and Analysis, 9.5.3). Memory is fixed: when all
 * batches are full, neighbours are joined and batches weigh twice as much.
 *
 * Warm-up: the first tenth of the batches is left out. (Rules that choose how
 * much to leave out by the spread of the rest, such as MSER, are biased where
 * batches with large means also spread most, as those of long queues do.)
 *
 * An observation weighs 1; a level that lasts weighs as long as it lasts, and
 * is divided where a batch ends, so a mean over time is the same thing.
 */
#ifndef REPORTS_MEANS_H
#define REPORTS_MEANS_H

#include <stdint.h>

enum {
    REPORT_MEANS_BATCHES = 128
};

/* Zero but for batch_weight, which is set by report_means_init(). */
struct report_means {
    double sums[REPORT_MEANS_BATCHES]; /* of value times weight */
    double batch_weight;
    double filled; /* weight in the batch that is being filled */
    uint32_t full; /* batches that are complete */
    uint64_t count;
};

struct report_mean {
    double mean;
    double half;         /* of the 95 % interval: mean - half to mean + half;
                            infinite with fewer than 9 batches */
    double deviation;    /* of the batches' means */
    double warm_up;      /* share of the batches that was left out */
    uint32_t batches;    /* that were used */
    double batch_weight; /* of one */
    uint64_t count;      /* observations in all */
};

/*
 * batch_weight: of a batch at first, above 0; 1 for observations, some small
 * time for levels.
 */
void report_means_init(struct report_means *means, double batch_weight);
/* weight 0 is no observation. Neither may be infinite or NaN. */
void report_means_add(struct report_means *means, double value, double weight);
/* What has been added so far. All 0 with an infinite half if nothing was. */
struct report_mean report_means_get(const struct report_means *means);

/*
 * The two-sided 95 % point of Student's distribution, for 7 degrees of freedom
 * and more, to four digits: an expansion in 1/degrees about the normal's
 * (Abramowitz and Stegun, 26.7.5).
 */
double report_means_student(uint32_t degrees);

#endif
