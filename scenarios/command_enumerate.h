/*
 * `perdure sweep SCENARIO --crash every` and its like: the enumerating half
 * of the command.
 */
#ifndef SCENARIOS_COMMAND_ENUMERATE_H
#define SCENARIOS_COMMAND_ENUMERATE_H

#include <stdbool.h>

/* Whether the arguments of `perdure sweep` ask for an enumeration. */
bool command_enumerate_wanted(int argc, char **argv);

/* Does it; the exit code of the process. */
int command_enumerate(int argc, char **argv);

#endif
