/*
 * A record as one line for people: when, where, what, and its fields by name.
 */
#ifndef SCENARIOS_TRACE_LINE_H
#define SCENARIOS_TRACE_LINE_H

#include <stdio.h>

#include "engine/record.h"

/* Writes the line; node is the name of the record's node. */
void trace_line(FILE *out, const struct engine_record *record,
                const char *node);

#endif
