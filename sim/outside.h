/*
 * The outside of all runs: whoever answers callbacks, and operators. Both put
 * signals into inboxes through the store, over the network, and ask again
 * until they are answered; a copy of a signal has the id of the first. Who
 * holds the run is then told that there is something in its inbox.
 *
 *     worker --EFFECT (a callback's id)--> outside --SIGNAL--> store
 *                                             holder <--WAKE--'
 *
 * The outside does not die: what it does wrong is what sim_answer says.
 */
#ifndef SIM_OUTSIDE_H
#define SIM_OUTSIDE_H

#include <stdbool.h>

#include "sim/answer.h"
#include "sim/world.h"

enum {
    SIM_OPERATOR_TEXT = 96
};

/* What an operator does to some of the runs that clients start. */
struct sim_operator {
    uint32_t kind; /* enum engine_signal_kind, of those for a run */
    /* From the start of the world, or from when each run is due. */
    uint64_t at_ns;
    bool of_run;
    uint64_t every_ns;  /* again and again until the run has ended; 0: once */
    uint64_t first_run; /* of the runs between, ... */
    uint64_t last_run;
    uint64_t each; /* ... those divisible by it */
    char actor[SIM_OPERATOR_TEXT];
    char reason[SIM_OPERATOR_TEXT];
};

struct sim_outside_config {
    struct sim_world *world;
    const struct sim_answer *const *answers; /* by workflow, by step */
    const struct sim_operator *operators;
    uint32_t operator_count;
    uint64_t runs;       /* ids 1 to runs */
    uint64_t timeout_ns; /* of a request */
    /* When run number index (from 0) is due, ns after the world's start. */
    uint64_t (*arrival)(void *self, uint64_t index);
    void *arrival_self;
};

struct sim_outside;

/* Sets the actor at SIM_NODE_OUTSIDE. NULL without memory. */
struct sim_outside *sim_outside_new(const struct sim_outside_config *config,
                                    const struct sim_clock *clock);
void sim_outside_free(struct sim_outside *outside);

/* Callbacks it was told of, and signals that were taken in. */
uint64_t sim_outside_callbacks(const struct sim_outside *outside);
uint64_t sim_outside_signals(const struct sim_outside *outside);

#endif
