/*
 * What a step declares about itself, checked before a run starts: promises
 * that contradict each other are refused with the rule they break, not found
 * out when they are needed.
 *
 *     side_effect  compensation  key   exactly_once  no_retry  max_retries
 *     read_only    -             any   with a key    any       any
 *     idempotent   -             any   with a key    any       any
 *     reversible   yes           any   with a key    any       any
 *     reversible   no            any   no            any       0
 *     irreversible -             any   no            any       0
 *     undeclared   -             any   no            any       0
 *
 * State transitions are exactly once in any case. exactly_once speaks of the
 * effect in the outside world, which is once only if its receiver recognises
 * the idempotency key, and if the step is repeated until it has answered.
 */
#ifndef ENGINE_CONTRACT_H
#define ENGINE_CONTRACT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/graph.h"

/*
 * X(field, text): the deadlines, from the innermost. Nanoseconds, 0: none.
 * schedule_to_start: from the decision to a worker's claim. attempt: from
 * claim to report. stall: between signs of progress. platform_kill: what the
 * platform gives an attempt. timeout: all attempts of the step and the delays
 * between them.
 */
#define ENGINE_DEADLINES(X)                                                    \
    X(stall_ns, "stall")                                                       \
    X(attempt_ns, "attempt")                                                   \
    X(platform_kill_ns, "platform_kill")                                       \
    X(schedule_to_start_ns, "schedule_to_start")                               \
    X(heartbeat_ns, "heartbeat")                                               \
    X(callback_ns, "callback")                                                 \
    X(timeout_ns, "timeout")                                                   \
    X(run_ns, "run")

struct engine_deadlines {
#define ENGINE_DEADLINE_FIELD(field, text) uint64_t field;
    ENGINE_DEADLINES(ENGINE_DEADLINE_FIELD)
#undef ENGINE_DEADLINE_FIELD
};

#define ENGINE_RETRIES_ANY UINT32_MAX

struct engine_contract {
    enum engine_side_effect side_effect; /* 0: undeclared */
    enum engine_semantics semantics;     /* 0: AT_LEAST_ONCE */
    bool compensation;                   /* there is one */
    bool key;          /* the receiver takes an idempotency key */
    bool exactly_once; /* the effect happens once */
    bool no_retry;
    uint32_t retries_max;  /* the contract's bound; ENGINE_RETRIES_ANY */
    uint32_t attempts_max; /* of the retry policy; 0: by side effect */
    struct engine_deadlines deadlines;
};

/* X(id, text): the rules, in the order in which they are checked. */
#define ENGINE_CONTRACT_RULES(X)                                               \
    X(SIDE_EFFECT, "side_effect must be one that is known")                    \
    X(SEMANTICS, "semantics must be one that is known")                        \
    X(COMPENSATION, "only a reversible step has a compensation")               \
    X(ONCE_KEY, "exactly_once needs an idempotency key")                       \
    X(ONCE_EFFECT, "exactly_once needs a step that may be repeated")           \
    X(ONCE_AT_MOST, "exactly_once needs at_least_once: an attempt that was "   \
                    "cut off is repeated")                                     \
    X(ONCE_RETRY, "exactly_once needs retries")                                \
    X(NO_RETRY_MAX, "no_retry allows no max_retries above 0")                  \
    X(NO_RETRY_POLICY, "no_retry allows one attempt")                          \
    X(RETRIES_EFFECT, "max_retries above 0 needs a step that may be "          \
                      "repeated")                                              \
    X(RETRIES_POLICY, "the retry policy must keep to max_retries")             \
    X(STALL_ATTEMPT, "stall must be below attempt")                            \
    X(ATTEMPT_PLATFORM, "attempt must be at most platform_kill")               \
    X(HEARTBEAT_CALLBACK, "heartbeat must be below callback")                  \
    X(ATTEMPT_TIMEOUT, "attempt must be at most timeout")                      \
    X(START_TIMEOUT, "schedule_to_start must be at most timeout")              \
    X(WITHIN_RUN, "every deadline must be at most run")

enum engine_contract_rule {
#define ENGINE_CONTRACT_ID(id, text) ENGINE_CONTRACT_##id,
    ENGINE_CONTRACT_RULES(ENGINE_CONTRACT_ID)
#undef ENGINE_CONTRACT_ID
    ENGINE_CONTRACT_RULE_COUNT /* none is broken */
};

/* A rule that is broken, with the two values that contradict each other. */
struct engine_contract_fault {
    enum engine_contract_rule rule;
    bool times; /* the values are nanoseconds */
    const char *name;
    uint64_t value;
    const char *other;
    uint64_t other_value;
};

/*
 * The first broken rule, in *fault too, or ENGINE_CONTRACT_RULE_COUNT.
 * Deadlines that are 0 are not compared.
 */
enum engine_contract_rule
engine_contract_check(const struct engine_contract *contract,
                      struct engine_contract_fault *fault);

/*
 * One sentence: "stall must be below attempt: found stall 30 s, attempt 10 s".
 * Cut off if it does not fit; 160 bytes are enough. Returns text.
 */
const char *engine_contract_text(const struct engine_contract_fault *fault,
                                 char *text, size_t size);
const char *engine_contract_rule_text(enum engine_contract_rule rule);

/*
 * The side effect to decide by: a reversible step without a compensation
 * counts as undeclared (0).
 */
enum engine_side_effect
engine_contract_effect(const struct engine_contract *contract);
/* Attempts of a contract that holds: policy, else 6 if repeatable, else 1. */
uint32_t engine_contract_attempts(const struct engine_contract *contract);

#endif
