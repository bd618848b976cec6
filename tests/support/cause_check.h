/*
 * Whether what a model says of a failure can be understood: each line is
 * "layer: CODE: words" with a code of engine/platform_codes.h on the layer
 * that it has there, and the last line has the class of the whole.
 */
#ifndef TESTS_SUPPORT_CAUSE_CHECK_H
#define TESTS_SUPPORT_CAUSE_CHECK_H

#include "sim/platform/model.h"

/* NULL, or what is wrong with it; the text is static. No cause is no fault. */
const char *cause_fault(const char *kind, const struct sim_cause *cause);

#endif
