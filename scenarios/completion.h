/*
 * Scripts that complete commands, options and their values in a shell, from
 * the tables of commands. None of them needs more than the shell itself.
 */
#ifndef SCENARIOS_COMPLETION_H
#define SCENARIOS_COMPLETION_H

#include "reports/buffer.h"

void completion_bash(struct report_buffer *out);
void completion_zsh(struct report_buffer *out);
void completion_fish(struct report_buffer *out);

#endif
