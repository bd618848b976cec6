/*
 * Cases of a language-neutral conformance suite (tests/run/data/conformance):
 * a handler in words, its input, what outside systems do, and the result and
 * public history that must come of it.
 *
 *     case + handler in C -> durable bed -> log -> history == expected?
 *
 * A value that is expected may be "*" (anything), "${NAME}" (the same wherever
 * it stands) or "${/pattern/}"; keys that are not expected are not compared.
 */
#ifndef CONFORMANCE_H
#define CONFORMANCE_H

#include <cjson/cJSON.h>

#include "engine/workflow.h"

/* What an invoked function returns: NONE with *out set, or an error with its
 * words there. */
typedef enum engine_error conformance_target_fn(struct engine_bytes input,
                                                struct engine_bytes *out);

struct conformance_handler {
    const char *id; /* of the case */
    engine_handler_fn *run;
    void *self;
    conformance_target_fn *target; /* NULL: nothing is invoked */
    const char *reason;            /* why it cannot apply; NULL: it does */
};

struct conformance_case {
    cJSON *json; /* with the variables filled in */
    const char *id;
    const char *group;
    const char *description;
};

/* 0, or -1: the file cannot be read. */
int conformance_open(struct conformance_case *c, const char *path);
void conformance_close(struct conformance_case *c);

/*
 * Runs the case undisturbed and compares; then again, each time with another
 * disturbance, and compares with the first: the worker thrown away after each
 * checkpoint, the service folded anew after each append, both, checkpoints
 * from within the handler, steps that go ahead of them. true, or a sentence
 * about the first difference.
 */
bool conformance_check(const struct conformance_case *c,
                       const struct conformance_handler *handler,
                       char *sentence, size_t room);

/* What came of a case, however it was run. */
struct conformance_outcome {
    const char *status;
    const cJSON *events;
    const char *result; /* JSON */
    const char *logged; /* lines */
};

/* Compares it with what the case expects. true, or a sentence about the first
 * difference. */
bool conformance_compare(const struct conformance_case *c,
                         const struct conformance_outcome *outcome,
                         char *sentence, size_t room);

#endif
