/*
 * A scenario as one document: what it extends is merged in, and its workflows
 * and limits stand in it, so that it can be edited and kept as a single file.
 * What it draws on beside that (profiles of platforms, tables) stays a
 * reference.
 */
#ifndef SCENARIOS_DOCUMENT_H
#define SCENARIOS_DOCUMENT_H

#include <cjson/cJSON.h>

#include "scenarios/scenario.h"

/*
 * The document of a scenario that was read, to be freed by the caller, its
 * keys in the order in which they were written. NULL without memory.
 */
cJSON *document_flatten(const struct scenario *scenario);

/*
 * The document as people write it: what fits stands in one line, the rest is
 * indented by four spaces. To be freed with free(); NULL without memory.
 */
char *document_print(const cJSON *document);

#endif
