/*
 * Scenarios to begin with: small, with a comment for each section, and they
 * run as they are.
 */
#ifndef SCENARIOS_STARTER_H
#define SCENARIOS_STARTER_H

#include "reports/buffer.h"

enum starter_kind {
    STARTER_GRAPH,  /* steps and edges */
    STARTER_HANDLER /* code with checkpoints */
};

/* The kinds by name, in their order; NULL ends them. */
extern const char *const starter_kinds[];

/* The scenario as text; schema is where editors find the schema. */
void starter_write(enum starter_kind kind, const char *schema,
                   struct report_buffer *out);

#endif
