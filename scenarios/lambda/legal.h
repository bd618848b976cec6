/*
 * Whether a history is one that the service may tell: the order of events of
 * one execution, as its API shows them.
 *
 *     EventIds count up from 1, timestamps do not go back
 *     ExecutionStarted is first; one event ends it, and nothing follows
 *     the invocation that ends it is completed directly before, but for
 *         executions it had invoked, which are stopped with it
 *     an operation starts once, or once for each retry, in a parent that is
 *         open; it ends after it has started, once
 *     attempts that end count up by one from 1
 *     no invocation is completed twice, none ends before it begins
 */
#ifndef SCENARIOS_LAMBDA_LEGAL_H
#define SCENARIOS_LAMBDA_LEGAL_H

#include "engine/table.h"
#include "scenarios/lambda/event.h"

enum {
    LAMBDA_LEGAL_SIZE = 240
};

/* Zeroed at first. */
struct lambda_legal {
    struct engine_table operations; /* by hash of the id */
    struct engine_table requests;   /* invocations, the same */
    uint64_t events;
    uint64_t last_us;
    bool completed; /* InvocationCompleted was last, or what it stopped */
    char end[16];   /* "SUCCEEDED" once it has ended */
    bool failed;    /* out of memory */
    char why[LAMBDA_LEGAL_SIZE]; /* the first thing that is wrong; "": none */
};

/* Takes the next event; true as long as nothing is wrong. */
bool lambda_legal_add(struct lambda_legal *legal,
                      const struct lambda_event *event);
/* status: of the execution, as the API says it. True: all of it was legal. */
bool lambda_legal_end(struct lambda_legal *legal, const char *status);
void lambda_legal_free(struct lambda_legal *legal);

#endif
