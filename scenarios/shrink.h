/*
 * Makes a failing scenario small. It works on the scenario as a document and
 * tries edits, one after another: fewer runs with what goes wrong loosened,
 * then the faults that struck written out one by one, then without some of
 * them (ddmin), fewer runs, fewer nodes of the workflows, fewer processes,
 * rounder amounts, a lower limit, without whatever is not needed; and again,
 * until nothing more can be taken away. Whether a candidate still fails in
 * the same way is for an oracle to say.
 *
 *     document -> edit -> oracle: fails the same way?  yes: it is the document
 *                                                      no: the next edit
 *
 * What is tried, and in which order, depends on the document and on what the
 * oracle says alone; so equal numbers of trials give equal results.
 */
#ifndef SCENARIOS_SHRINK_H
#define SCENARIOS_SHRINK_H

#include <cjson/cJSON.h>

#include "scenarios/shrink_trial.h"

struct shrink_oracle {
    /*
     * Whether this scenario fails as the first one did; then *seen says what
     * was seen of it. *seen may be used as scratch in any case.
     */
    bool (*fails)(void *self, const cJSON *document, struct shrink_seen *seen);
    /* Time is up, or somebody wants it to stop. NULL: never. */
    bool (*over)(void *self);
    void *self;
    uint64_t trials_max; /* 0: no limit */
    uint64_t start_ns;   /* true time at which worlds start */
    bool keep_limit;     /* a shorter world would fail for being short */
};

/* What is left in a scenario. */
struct shrink_size {
    uint64_t faults;
    uint64_t runs;
    uint64_t nodes; /* of all workflows, at every level */
};

struct shrink_size shrink_size(const cJSON *document);
/* All of it together. */
uint64_t shrink_items(const struct shrink_size *size);

struct shrink_result {
    uint64_t trials;
    uint64_t accepted;
    bool whole; /* nothing more could be taken away: not cut off */
    struct shrink_size before;
    struct shrink_size after;
};

/*
 * Shrinks *document, which fails, in place (it may become another object; it
 * stays the caller's). `seen` is what was seen of it, and of the smaller one
 * at the end. 0, or -1 without memory: *document is then the smallest so far.
 */
int shrink(cJSON **document, struct shrink_seen *seen,
           const struct shrink_oracle *oracle, struct shrink_result *result);

#endif
