/*
 * What a workflow leaves open by its own declaration: why its runs may come
 * out otherwise although nothing went wrong. Who compares runs (S8) has to
 * know.
 */
#ifndef SCENARIOS_FREEDOM_H
#define SCENARIOS_FREEDOM_H

#include "scenarios/scenario.h"

/* A mask of CHECK_FREE_ (reports/check.h); 0: only its input decides. */
uint8_t scenario_freedom(const struct scenario_workflow *workflow);

#endif
