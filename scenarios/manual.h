/*
 * The manual: every command with its options, from their tables, and what is
 * to be known beside them. docs/perdure.1 and docs/commands.md are what these
 * write; ci/reference holds the files to them.
 */
#ifndef SCENARIOS_MANUAL_H
#define SCENARIOS_MANUAL_H

#include "reports/buffer.h"

/* As a manual page, for man. */
void manual_man(struct report_buffer *out, const char *version);

/* As a page of the documentation. */
void manual_markdown(struct report_buffer *out);

#endif
