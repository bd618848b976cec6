#include "scenarios/checkpoints.h"

#include <assert.h>

void checkpoints_init(struct checkpoints *points)
{
    *points = (struct checkpoints){.step = CHECKPOINTS_STEP};
    engine_digest_init(&points->digest);
}

/* Every other one goes, the rest stand twice as far apart. */
static void thin(struct checkpoints *points)
{
    assert(points->count == CHECKPOINTS_MAX);
    for (uint32_t i = 0; i < CHECKPOINTS_MAX / 2; i++)
        points->at[i] = points->at[2 * i + 1];
    points->count = CHECKPOINTS_MAX / 2;
    points->step *= 2;
}

void checkpoints_add(struct checkpoints *points,
                     const struct engine_record *records, size_t count)
{
    while (count > 0) {
        uint64_t left = points->step - points->digest.count % points->step;
        size_t now = count < left ? count : (size_t)left;
        engine_digest_add(&points->digest, records, now);
        records += now;
        count -= now;
        if (now < left)
            return;
        if (points->count == CHECKPOINTS_MAX)
            thin(points);
        if (points->digest.count % points->step == 0)
            points->at[points->count++] = points->digest.hash;
    }
}

/* The digest of the first `records`, which is a multiple of the step. */
static struct engine_hash at(const struct checkpoints *points, uint64_t records)
{
    return points->at[records / points->step - 1];
}

uint64_t checkpoints_common(const struct checkpoints *a,
                            const struct checkpoints *b, uint64_t *end)
{
    uint64_t step = a->step > b->step ? a->step : b->step;
    uint64_t most_a = a->count * a->step / step;
    uint64_t most_b = b->count * b->step / step;
    uint64_t low = 0, most = most_a < most_b ? most_a : most_b;
    uint64_t high = most + 1; /* the first that differs, or none */
    while (high - low > 1) {
        uint64_t middle = low + (high - low) / 2;
        if (engine_hash_equal(at(a, middle * step), at(b, middle * step)))
            low = middle;
        else
            high = middle;
    }
    uint64_t total =
        a->digest.count < b->digest.count ? a->digest.count : b->digest.count;
    *end = UINT64_MAX;
    if (high <= most)
        *end = high * step;
    else if (a->digest.count != b->digest.count ||
             !engine_hash_equal(a->digest.hash, b->digest.hash))
        *end = total + 1;
    return *end == UINT64_MAX ? total : low * step;
}
