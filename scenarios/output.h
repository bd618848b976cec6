/*
 * Where a command puts its files. What cannot be written is said on stderr.
 */
#ifndef SCENARIOS_OUTPUT_H
#define SCENARIOS_OUTPUT_H

#include <stdbool.h>

#include "reports/buffer.h"

/* Makes DIR and every folder above it: EXIT_HELD or EXIT_ENVIRONMENT. */
int output_directory(const char *path);

/* Replaces DIR/NAME as a whole; false: it is as it was. */
bool output_write(const char *directory, const char *name,
                  const struct report_buffer *buffer);

#endif
