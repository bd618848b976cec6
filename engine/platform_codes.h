/*
 * What each platform calls its failures, and the class of the one taxonomy
 * (engine/failure.h) that each of them is. With the class goes what follows:
 * whether there is another attempt, when, and whether it goes on to the next
 * platform of the step.
 *
 *     kubernetes  platform  FailedScheduling  PLATFORM_START  no node has room
 *
 * The same words can mean several things on one platform; then they stand here
 * once, as what cannot do harm, and a chain has a line behind them that says
 * more. `perdure errors --platforms` prints the table.
 */
#ifndef ENGINE_PLATFORM_CODES_H
#define ENGINE_PLATFORM_CODES_H

#include <stddef.h>

#include "engine/wire.h"

struct engine_platform_code {
    const char *platform; /* as its model's kind; "node": on any of them */
    const char *layer;    /* who says so: see engine/cause.h */
    const char *code;     /* or how its words begin */
    enum engine_error error;
    const char *meaning;
};

size_t engine_platform_code_count(void);
/* Rows stand by platform; index below the count. */
const struct engine_platform_code *engine_platform_code_at(size_t index);

/*
 * The row for what this platform says: the longest code with which the words
 * begin and which ends there, at a space or at a sign; rows of "node" after its
 * own. NULL: none, it is to be taken for UNKNOWN.
 */
const struct engine_platform_code *
engine_platform_code_find(const char *platform, const char *words);

#endif
