/*
 * Digests of the first records of a run, the first 2, 3 .. times as many: so
 * few that a report can carry them, and enough that two runs are told apart to
 * a small block of records. Each step is a power of two, and where steps
 * differ the larger one's records are among the smaller one's.
 *
 *     records   0        1024       2048       3072 ..
 *     digests            at[0]      at[1]      at[2]
 */
#ifndef SCENARIOS_CHECKPOINTS_H
#define SCENARIOS_CHECKPOINTS_H

#include "engine/operation.h"
#include "engine/record.h"

enum {
    CHECKPOINTS_MAX = 64,
    CHECKPOINTS_STEP = 64 /* the least */
};

struct checkpoints {
    struct engine_digest digest; /* of all records so far */
    uint64_t step;
    uint32_t count;
    struct engine_hash at[CHECKPOINTS_MAX];
};

void checkpoints_init(struct checkpoints *points);

/* In order; how the stream is split changes nothing. */
void checkpoints_add(struct checkpoints *points,
                     const struct engine_record *records, size_t count);

/*
 * How many records both surely have in common, by digests alone. *end is a
 * number of records within which they differ, or UINT64_MAX: they are equal
 * as far as the digests go, which is all of both if their totals are equal.
 */
uint64_t checkpoints_common(const struct checkpoints *a,
                            const struct checkpoints *b, uint64_t *end);

#endif
