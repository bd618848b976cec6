/*
 * Where a checkpoint is wrong that was refused: what the flags of its answer
 * say beside the error and its words, for hosts that have words of their own.
 */
#ifndef ENGINE_REFUSAL_H
#define ENGINE_REFUSAL_H

#include "engine/limits.h"

enum {
    ENGINE_REFUSAL_UPDATES = 1 << 11 /* indices that fit, with one for none */
};

_Static_assert(ENGINE_LIMIT_COUNT < 32, "a limit fits behind the index");

/* limit: ENGINE_LIMIT_COUNT: none. */
static inline uint16_t engine_refusal(uint32_t update, enum engine_limit limit)
{
    uint32_t index = update < ENGINE_REFUSAL_UPDATES - 1 ? update + 1 : 0;

    return (uint16_t)(index | (uint32_t)limit * ENGINE_REFUSAL_UPDATES);
}

/* The index of the update that is wrong, UINT32_MAX: it is not known. */
static inline uint32_t engine_refusal_update(uint16_t flags)
{
    return flags % ENGINE_REFUSAL_UPDATES - UINT32_C(1);
}

static inline enum engine_limit engine_refusal_limit(uint16_t flags)
{
    return (enum engine_limit)(flags / ENGINE_REFUSAL_UPDATES);
}

#endif
