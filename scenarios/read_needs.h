/*
 * Reading "needs": what a step, or a handler, asks of its platform.
 */
#ifndef SCENARIOS_READ_NEEDS_H
#define SCENARIOS_READ_NEEDS_H

#include "engine/host/json.h"
#include "sim/step.h"

/* Over what is there. False after an error. */
bool read_needs(struct json_view view, struct sim_needs *needs,
                struct json_error *err);

/* The same of the member "needs", if there is one. */
bool read_needs_member(struct json_view object, struct sim_needs *needs,
                       struct json_error *err);

#endif
