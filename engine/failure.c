#include "engine/failure.h"

#include <assert.h>
#include <string.h>

#define MS UINT64_C(1000000)
#define ROW(id, text, retryability, words)                                     \
    [ENGINE_ERR_##id] = {(text), ENGINE_RETRYABLE_##retryability, (words)}

static const struct engine_failure failures[ENGINE_ERR_COUNT] = {
    ROW(NONE, "NONE", NO, "no error"),
    ROW(USER, "USER", BY_FILTER, "the step's own error"),
    ROW(TIMED_OUT, "TIMED_OUT", BY_CLASS,
        "a deadline passed: attempt, stall, heartbeat, callback or run"),
    ROW(INTERRUPTED, "INTERRUPTED", BY_CLASS,
        "the attempt was cut off: its worker disappeared"),
    ROW(AMBIGUOUS, "AMBIGUOUS", OPERATOR,
        "an effect that cannot be repeated may have happened"),
    ROW(OOM, "OOM", LIMITED, "memory ran out: 2 retries, from 1 s to 60 s"),
    ROW(SIZE_LIMIT, "SIZE_LIMIT", NO,
        "a limit of bytes or of counts, with actual value and maximum"),
    ROW(UNKNOWN, "UNKNOWN", NO, "an error that was mapped to no class"),
    ROW(VALIDATION, "VALIDATION", NO,
        "bad input, duration, count, configuration or graph"),
    ROW(THROTTLED, "THROTTLED", AFTER,
        "a limit of rate or concurrency: 5 retries, from 100 ms to 10 s"),
    ROW(NETWORK, "NETWORK", BY_CLASS,
        "the connection failed; retried if surely not sent"),
    ROW(PLATFORM_START, "PLATFORM_START", YES,
        "the platform could not start it: image, capacity, quota"),
    ROW(AUTH_EXPIRED, "AUTH_EXPIRED", LIMITED,
        "credentials ran out: refreshed once"),
    ROW(NONDETERMINISTIC, "NONDETERMINISTIC", NO,
        "a replay met another operation than the one recorded"),
    ROW(SERIALIZATION, "SERIALIZATION", NO,
        "a value that has no stored form, or a volatile reference"),
    ROW(INTEGRITY, "INTEGRITY", NO, "a digest or the chain does not hold"),
    ROW(STORAGE, "STORAGE", BY_CLASS,
        "the store failed; retried with back-off"),
    ROW(STORAGE_FULL, "STORAGE_FULL", SUSPENDED,
        "no room: the run goes on when there is some"),
    ROW(CONTRACT, "CONTRACT", NO, "what was declared cannot be kept"),
    ROW(CANCELLED, "CANCELLED", NO, "cancelled from outside"),
    ROW(STOPPED, "STOPPED", NO, "stopped from outside"),
    ROW(STALE_TOKEN, "STALE_TOKEN", NO,
        "a checkpoint's token was used before or is foreign"),
    ROW(ORPHAN, "ORPHAN", NO, "the parent context has closed"),
    ROW(NOT_OWNER, "NOT_OWNER", NO, "this coordinator does not hold the run"),
    ROW(PENDING, "PENDING", NO, "not an error: waiting for something"),
};

static const struct engine_retry throttled = {.attempts_max = 6,
                                              .factor_milli = 2000,
                                              .delay_ns = 100 * MS,
                                              .delay_max_ns = 10000 * MS};
static const struct engine_retry out_of_memory = {.attempts_max = 3,
                                                  .factor_milli = 2000,
                                                  .delay_ns = 1000 * MS,
                                                  .delay_max_ns = 60000 * MS};
static const struct engine_retry refreshed = {.attempts_max = 2,
                                              .factor_milli = 1000};

const struct engine_failure *engine_failure_of(unsigned error)
{
    return &failures[error < ENGINE_ERR_COUNT ? error : ENGINE_ERR_UNKNOWN];
}

const char *engine_retryability_name(enum engine_retryability retryable)
{
    static const char *const names[] = {
#define NAME(id, text) text,
        ENGINE_RETRYABILITIES(NAME)
#undef NAME
    };
    assert(retryable < ENGINE_RETRYABILITY_COUNT);
    return names[retryable];
}

enum engine_error engine_failure_find(const char *code)
{
    unsigned error = 0;
    while (error < ENGINE_ERR_COUNT && strcmp(failures[error].code, code) != 0)
        error++;
    return (enum engine_error)error;
}

/* The error leaves open whether the effect has happened. */
static bool leaves_open(enum engine_error error)
{
    return error == ENGINE_ERR_TIMED_OUT || error == ENGINE_ERR_INTERRUPTED ||
           error == ENGINE_ERR_NETWORK || error == ENGINE_ERR_OOM ||
           error == ENGINE_ERR_STORAGE;
}

/* The error says itself that the effect has not begun. */
static bool before_effect(enum engine_error error)
{
    return error == ENGINE_ERR_THROTTLED ||
           error == ENGINE_ERR_PLATFORM_START ||
           error == ENGINE_ERR_AUTH_EXPIRED;
}

enum engine_verdict
engine_failure_retryable(enum engine_error error,
                         enum engine_side_effect side_effect, bool sent)
{
    if (error == ENGINE_ERR_AMBIGUOUS)
        return ENGINE_VERDICT_AMBIGUOUS;
    if (before_effect(error) || (leaves_open(error) && !sent))
        return ENGINE_VERDICT_RETRY;
    if (!leaves_open(error))
        return ENGINE_VERDICT_FINAL;
    switch (side_effect) {
    case ENGINE_EFFECT_READ_ONLY:
    case ENGINE_EFFECT_IDEMPOTENT:
    case ENGINE_EFFECT_REVERSIBLE:
        return ENGINE_VERDICT_RETRY;
    case ENGINE_EFFECT_IRREVERSIBLE:
        return ENGINE_VERDICT_AMBIGUOUS;
    }
    return ENGINE_VERDICT_FINAL;
}

const struct engine_retry *engine_failure_policy(enum engine_error error)
{
    if (error == ENGINE_ERR_THROTTLED)
        return &throttled;
    if (error == ENGINE_ERR_OOM)
        return &out_of_memory;
    return error == ENGINE_ERR_AUTH_EXPIRED ? &refreshed : NULL;
}

/* Bytes of the character at text, 1 if it is not whole or not UTF-8. */
static size_t character(const unsigned char *text, size_t size)
{
    size_t need = text[0] < 0xc2   ? 1
                  : text[0] < 0xe0 ? 2
                  : text[0] < 0xf0 ? 3
                  : text[0] < 0xf5 ? 4
                                   : 1;
    if (need > size)
        return 1;
    for (size_t i = 1; i < need; i++)
        if ((text[i] & 0xc0) != 0x80)
            return 1;
    return need;
}

size_t engine_failure_cut(const char *text, size_t size, size_t characters)
{
    size_t at = 0;
    while (at < size && characters-- > 0)
        at += character((const unsigned char *)text + at, size - at);
    return at;
}
