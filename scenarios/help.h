/*
 * What the program says about itself, all of it from the tables of commands:
 * on a terminal, as a manual page, and as a page of the documentation.
 */
#ifndef SCENARIOS_HELP_H
#define SCENARIOS_HELP_H

#include "reports/buffer.h"
#include "scenarios/options.h"

/* The commands in groups, a line each. */
void help_overview(struct report_buffer *out, const char *version);

/* One command with all its options. */
void help_command(struct report_buffer *out, const struct command *command);

/* A group's heading. */
const char *help_group(enum command_group group);

/*
 * What follows an option's name: " FILE", " every|twice", "[=json|lines]" or
 * nothing. text holds at least HELP_VALUE_SIZE bytes.
 */
enum {
    HELP_VALUE_SIZE = 200
};
const char *help_value(const struct option *option, char *text);

/* Exit codes, from 0 on until NULL; *code is what the process returns. */
const char *help_exit_code(uint32_t index, int *code);

#endif
