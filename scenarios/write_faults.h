/*
 * A fault that happened, written as a scenario would ask for it: the inverse
 * of scenarios/read_faults.c for one decision. Exactly that one: by node,
 * point and hit, or by its time; or about the run, operation and attempt that
 * it struck, wherever these are when the world has become another.
 *
 *     FAULT record -> fault_decision -> {"crash": "worker",
 *         "at": "worker/effect/after", "node": "worker 3", "nth": 7,
 *         "count": "each node"}
 */
#ifndef SCENARIOS_WRITE_FAULTS_H
#define SCENARIOS_WRITE_FAULTS_H

#include <cjson/cJSON.h>

#include "faults/plan.h"

/* What went wrong and what it struck: plain data. */
struct write_fault {
    struct fault_decision decision;
    uint64_t run;     /* 0: the place was about no run */
    uint32_t op;      /* UINT32_MAX: about no operation */
    uint32_t attempt; /* 0: about no attempt */
};

enum write_fault_form {
    WRITE_FAULT_EXACT, /* this node's hit of this number, or this time */
    WRITE_FAULT_ABOUT  /* the first hit about this run, op and attempt */
};

/* Reads it back out of a record; false if that is of another kind. */
bool write_fault_of(const struct engine_record *record,
                    struct write_fault *fault);

/*
 * The fault as an object for "faults", to be freed by the caller. Times of
 * decisions are true time; start_ns is the world's start. NULL if there are
 * no words for it, if it was about nothing (form ABOUT), or without memory.
 */
cJSON *write_fault(const struct write_fault *fault, enum write_fault_form form,
                   uint64_t start_ns);

#endif
