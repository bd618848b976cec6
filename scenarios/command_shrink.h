/*
 * What shrinking says to people; shared by the commands that do it.
 */
#ifndef SCENARIOS_COMMAND_SHRINK_H
#define SCENARIOS_COMMAND_SHRINK_H

#include "scenarios/reproduce.h"

/*
 * Shrinks one failure and says on stdout what came of it; the last line is
 * the command that repeats it. Returns an exit code of scenarios/command.h;
 * problems are said on stderr.
 */
int command_shrink_one(const struct reproduce_request *request);

#endif
