/*
 * What shrinking says to people; shared by the commands that do it.
 */
#ifndef SCENARIOS_COMMAND_SHRINK_H
#define SCENARIOS_COMMAND_SHRINK_H

#include <stdio.h>

#include "scenarios/reproduce.h"
#include "scenarios/sweep.h"

/*
 * Shrinks one failure and says on `out` what came of it; the last line is the
 * command that repeats it. Returns an exit code of scenarios/command.h;
 * problems are said on stderr.
 */
int command_shrink_one(const struct reproduce_request *request, FILE *out);

/*
 * Shrinks the first failure of each property of a sweep into its directory.
 * The sweep's exit code stays what it is; problems are said on stderr.
 */
void command_shrink_sweep(const struct sweep_options *options,
                          const struct sweep_summary *summary, FILE *out);

#endif
