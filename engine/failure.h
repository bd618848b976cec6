/*
 * What each class of error means for the attempt that met it: the taxonomy
 * as data, and the one decision made from it, whether another attempt may
 * follow. Two things decide: what repeating the step would do, and whether
 * the step's effect can have begun.
 *
 *     never begun ............... RETRY, whatever the step does
 *     read_only, idempotent,
 *     reversible ................ RETRY
 *     irreversible, begun ....... AMBIGUOUS: an operator must look
 *     undeclared, begun ......... FINAL
 *
 * for errors that leave open what happened; other classes are always final,
 * or always surely before the effect. How often, and when, is for the retry
 * policy to say.
 */
#ifndef ENGINE_FAILURE_H
#define ENGINE_FAILURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/graph.h"
#include "engine/wire.h"

/* X(id, text): what the taxonomy says of a class. */
#define ENGINE_RETRYABILITIES(X)                                               \
    X(NO, "no")                                                                \
    X(YES, "yes")                                                              \
    X(AFTER, "yes, after the time it says")                                    \
    X(BY_CLASS, "by side-effect class")                                        \
    X(LIMITED, "limited")                                                      \
    X(BY_FILTER, "by filter, default no")                                      \
    X(OPERATOR, "no, an operator decides")                                     \
    X(SUSPENDED, "no, the run is suspended")

enum engine_retryability {
#define ENGINE_RETRYABILITY_ID(id, text) ENGINE_RETRYABLE_##id,
    ENGINE_RETRYABILITIES(ENGINE_RETRYABILITY_ID)
#undef ENGINE_RETRYABILITY_ID
    ENGINE_RETRYABILITY_COUNT
};

struct engine_failure {
    const char *code; /* stable, in capitals */
    enum engine_retryability retryable;
    const char *meaning;
};

/* The row of an enum engine_error; what is none gets UNKNOWN's. */
const struct engine_failure *engine_failure_of(unsigned error);
const char *engine_retryability_name(enum engine_retryability retryable);
/* The class with this code, or ENGINE_ERR_COUNT. */
enum engine_error engine_failure_find(const char *code);

enum engine_verdict {
    ENGINE_VERDICT_FINAL,    /* the operation fails */
    ENGINE_VERDICT_RETRY,    /* another attempt may follow, if policy has one */
    ENGINE_VERDICT_AMBIGUOUS /* the effect may have happened: run BLOCKED */
};

/*
 * What follows an attempt that ended with this error. side_effect 0: the step
 * declares none. sent: the step's code, or its request, may have reached its
 * target. A reversible step without a compensation is to be given as 0. USER
 * is FINAL here: the step's own filter may say otherwise.
 */
enum engine_verdict
engine_failure_retryable(enum engine_error error,
                         enum engine_side_effect side_effect, bool sent);

/*
 * The retry policy that belongs to a class rather than to the step: THROTTLED
 * 5 retries from 100 ms to 10 s, OOM 2 from 1 s to 60 s, AUTH_EXPIRED 1 at
 * once. NULL: the step's own.
 */
const struct engine_retry *engine_failure_policy(enum engine_error error);

/* The delay by the policy, but never less than what the target asked for. */
static inline uint64_t engine_failure_delay(uint64_t policy_ns,
                                            uint64_t retry_after_ns)
{
    return policy_ns > retry_after_ns ? policy_ns : retry_after_ns;
}

enum {
    ENGINE_ERROR_TEXT_MAX = 1000 /* characters of an error's words */
};

/*
 * The bytes of text to keep so that at most `characters` characters of UTF-8
 * and no part of one are left; bytes that are not UTF-8 count one each.
 */
size_t engine_failure_cut(const char *text, size_t size, size_t characters);

#endif
