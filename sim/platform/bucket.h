/*
 * A token bucket that is exact: it starts full, is refilled continuously and
 * never holds more than its size.
 */
#ifndef SIM_BUCKET_H
#define SIM_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* Events in time: `count` in each `per_ns`, both at least 1. */
struct sim_rate {
    uint64_t count;
    uint64_t per_ns;
};

/* Tokens are counted times per_ns, so that refilling needs no division. */
struct sim_bucket {
    uint64_t level;
    uint64_t full;
    uint64_t token;   /* what one token takes away */
    uint64_t refill;  /* in each nanosecond */
    uint64_t fill_ns; /* from empty to full */
    uint64_t last_ns;
};

/* False when the numbers are 0 or too large to be counted. */
bool sim_bucket_init(struct sim_bucket *bucket, uint64_t tokens,
                     const struct sim_rate *refill);

/* Takes a token if there is a whole one. Times never fall. */
bool sim_bucket_take(struct sim_bucket *bucket, uint64_t now_ns);

/* How long after `now_ns` there is a whole token, if nobody takes one. */
uint64_t sim_bucket_wait_ns(const struct sim_bucket *bucket, uint64_t now_ns);

/* How many tokens it holds when full. */
uint64_t sim_bucket_size(const struct sim_bucket *bucket);

#endif
