/*
 * Outcomes: what came of each run of a world, whatever happened on the way.
 * That is how it ended, the hash of its result, and which side effects were
 * applied, told apart by the operation that asked for them and by a hash of
 * what it asked for. Times, attempts, owners and order are left out: two
 * worlds of the same scenario and inputs are crash-equivalent (S8) if their
 * outcomes are.
 *
 *     golden world  -> records -> outcomes --.
 *                                             `-> S8: equal, run by run?
 *     faulty world  -> records -> outcomes --'
 *
 * A world's outcomes are collected by its own checker of S8 into
 * check_world.outcomes, and given to the checker of another as
 * check_world.golden. Where a workflow leaves it open what comes of it, the
 * golden outcomes are a chain: one for each schedule that was tried, with the
 * same inputs but other latencies and durations.
 */
#ifndef REPORTS_OUTCOME_H
#define REPORTS_OUTCOME_H

#include <stdbool.h>

#include "engine/record.h"
#include "reports/index.h"

struct fold;

/* What the log of a run says that excuses another outcome. */
enum {
    OUTCOME_BROKEN = 1,   /* an attempt was broken off */
    OUTCOME_FAULTED = 2,  /* so an operation failed, or its time ran out */
    OUTCOME_OPERATED = 4, /* an operator, or its deadline, had a say in it */
    OUTCOME_OPAQUE = 8,   /* its events are not all known */
    OUTCOME_OPEN = 16,    /* it had not ended; a blocked run never has */
    OUTCOME_ENDED = 32    /* the event that ended it was seen */
};

/* How often an effect may be applied. */
enum outcome_promise {
    OUTCOME_AT_LEAST_ONCE = 1,
    OUTCOME_AT_MOST_ONCE, /* without a key, and not repeated */
    OUTCOME_ONCE          /* its receiver takes a key */
};

struct outcome_run {
    uint64_t run;
    uint64_t result; /* hash of the result; FAILED: the class of its error */
    uint64_t result_hi;
    uint32_t workflow;
    uint32_t family; /* place of a run that it had to do with; its own */
    uint16_t state;  /* enum engine_run_state at the end */
    uint16_t flags;  /* OUTCOME_ */
};

struct outcome_effect {
    struct engine_record last; /* application of it */
    uint64_t run;
    uint64_t id;      /* operation of a graph, or low half of a handler's id */
    uint64_t content; /* hash of what was asked for, first time */
    uint64_t index;   /* of the record */
    uint32_t count;   /* times applied */
    uint8_t promise;  /* enum outcome_promise */
    uint8_t undoes;   /* it is a compensation */
};

struct outcomes {
    struct outcome_run *runs;
    struct report_index run_index; /* run */
    struct outcome_effect *effects;
    struct report_index effect_index; /* run, id */
    uint8_t *broken;
    struct report_index broken_index; /* run, operation with broken attempts */
    struct outcomes *next;            /* those of another schedule, owned */
    bool failed;                      /* out of memory: nothing may be said */
};

/* NULL when out of memory. */
struct outcomes *outcomes_new(void);
/* Frees the chain; takes NULL. */
void outcomes_free(struct outcomes *outcomes);

/* The kinds of records that outcomes are made of. */
#define OUTCOME_KINDS                                                          \
    (CHECK_KIND(EVENT) | CHECK_KIND(OUTBOX_PUT) | CHECK_KIND(EFFECT_APPLIED) | \
     CHECK_KIND(WORLD_END))

/*
 * Takes one record of these kinds; fold is that of the records before it. By
 * WORLD_END they are complete.
 */
void outcomes_feed(struct outcomes *outcomes, const struct fold *fold,
                   const struct engine_record *record, uint64_t index);

/* NULL: the world had no such run, or no such effect. */
const struct outcome_run *outcomes_run(const struct outcomes *outcomes,
                                       uint64_t run);
const struct outcome_effect *outcomes_effect(const struct outcomes *outcomes,
                                             uint64_t run, uint64_t id);
/*
 * Runs that invoked each other or sent each other messages are a family: what
 * happens to one may show in all. The place of the one that stands for it.
 */
uint32_t outcomes_family(const struct outcomes *outcomes, uint32_t place);

#endif
