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

/* Puts it all on stdout and frees it: code, or EXIT_INTERNAL. */
int output_print(struct report_buffer *buffer, int code);

/* Adds a member of a JSON object, four columns in, and then `end`. */
void output_member(struct report_buffer *out, const char *name,
                   const char *value, const char *end);

#endif
