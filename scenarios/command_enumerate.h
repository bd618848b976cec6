/*
 * `perdure sweep SCENARIO --crash every` and its like: the enumerating half
 * of the command, which has the arguments of both.
 */
#ifndef SCENARIOS_COMMAND_ENUMERATE_H
#define SCENARIOS_COMMAND_ENUMERATE_H

#include <stdbool.h>

#include "scenarios/options.h"

enum {
    ENUMERATE_MODES = 5, /* crash, fail, lose-reply, pause, duplicate */
    ENUMERATE_NOT_GIVEN = 99
};

struct enumerate_arguments {
    const char *file;
    const char *out;
    uint64_t modes[ENUMERATE_MODES]; /* index of its value, or NOT_GIVEN */
    uint64_t limit;
    uint64_t jobs; /* 0: one for each core */
    struct option_seed seed;
    struct option_texts only;
    struct option_texts defects;
    bool no_fork;
    uint64_t json; /* enum output_json */
    bool quiet;
};

/* The values that a mode may have. */
extern const char *const enumerate_once[];  /* every */
extern const char *const enumerate_crash[]; /* every, twice */

/* Whether the arguments ask for an enumeration. */
bool command_enumerate_wanted(const struct enumerate_arguments *given);

/* Does it; the exit code of the process. */
int command_enumerate(const struct enumerate_arguments *given);

#endif
