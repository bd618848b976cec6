/*
 * What every store must do, as a list of sentences that can be false. A store
 * is given by an opener, so that the same suite runs on memory, on a file, on
 * a simulated disk or over a network.
 */
#ifndef STORE_CONFORMANCE_H
#define STORE_CONFORMANCE_H

#include <stddef.h>

#include "engine/defects.h"
#include "engine/store.h"

struct store_opening {
    struct engine_store_limits limits;
    struct engine_defects defects;
    int fresh; /* forget what an earlier store of this opener kept */
};

struct store_opener {
    const char *name;
    /* Opens a store; 0 or -1. */
    int (*open)(void *self, const struct store_opening *how,
                struct engine_store *out);
    void *self;
    int durable; /* what was committed is there after closing and opening */
    int undoes;  /* a rollback undoes requests that were applied */
};

/* Runs the suite, prints the sentences that are false; returns how many. */
size_t store_conformance(const struct store_opener *opener);

/* 1 or 0: whether this one sentence holds; -1: there is none of that name. */
int store_conformance_holds(const struct store_opener *opener,
                            const char *sentence);

/* How many sentences there are. */
size_t store_conformance_count(void);

/*
 * Sends count random requests, drawn from seed, to both stores and to a naive
 * model, one or several a group. 0 if every reply agrees byte for byte and
 * every outcome with the model; else -1 and a line on stderr.
 */
int store_conformance_random(const struct store_opener *one,
                             const struct store_opener *other, uint64_t seed,
                             size_t count);

#endif
