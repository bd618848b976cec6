#include "sim/platform/bucket.h"

/* Of a level: the sum of two cannot overflow. */
#define LEVEL_MAX (UINT64_C(1) << 62)

bool sim_bucket_init(struct sim_bucket *bucket, uint64_t tokens,
                     const struct sim_rate *refill)
{
    if (refill->count == 0 || refill->per_ns == 0 || tokens == 0 ||
        refill->count > LEVEL_MAX || tokens > LEVEL_MAX / refill->per_ns) {
        return false;
    }
    uint64_t full = tokens * refill->per_ns;
    *bucket = (struct sim_bucket){.level = full,
                                  .full = full,
                                  .token = refill->per_ns,
                                  .refill = refill->count,
                                  .fill_ns = full / refill->count + 1};
    return true;
}

bool sim_bucket_take(struct sim_bucket *bucket, uint64_t now_ns)
{
    uint64_t elapsed = now_ns - bucket->last_ns;
    bucket->last_ns = now_ns;
    if (elapsed >= bucket->fill_ns) {
        bucket->level = bucket->full;
    } else {
        uint64_t level = bucket->level + elapsed * bucket->refill;
        bucket->level = level < bucket->full ? level : bucket->full;
    }
    if (bucket->level < bucket->token) {
        return false;
    }
    bucket->level -= bucket->token;
    return true;
}

uint64_t sim_bucket_size(const struct sim_bucket *bucket)
{
    return bucket->full / bucket->token;
}

uint64_t sim_bucket_wait_ns(const struct sim_bucket *bucket, uint64_t now_ns)
{
    uint64_t elapsed = now_ns - bucket->last_ns;
    if (elapsed >= bucket->fill_ns) {
        return 0;
    }
    uint64_t level = bucket->level + elapsed * bucket->refill;
    if (level >= bucket->token) {
        return 0;
    }
    return (bucket->token - level + bucket->refill - 1) / bucket->refill;
}
