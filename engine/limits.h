/*
 * Limit profiles: what a run may use, under one name. Sizes are bytes of the
 * serialised form that is stored or sent. Every limit is inclusive: what
 * equals it passes, one more is refused with the actual value and the
 * maximum. A value of UINT64_MAX is "no limit".
 */
#ifndef ENGINE_LIMITS_H
#define ENGINE_LIMITS_H

#include <stdint.h>

/* X(field, text, unit, note): every limit, in the order it is printed. */
#define ENGINE_LIMITS(X)                                                       \
    X(run_max_ns, "execution_duration", NS, "from start to completion")        \
    X(wait_min_ns, "wait_min", NS, "each wait and retry delay")                \
    X(wait_max_ns, "wait_max", NS, "each wait and retry delay")                \
    X(input_max, "input", BYTES, "initial input of a run")                     \
    X(response_max, "response", BYTES, "final result given inline")            \
    X(result_max, "result", BYTES, "final result, exempt from op_payload")     \
    X(operation_payload_max, "op_payload", BYTES, "each result or state")      \
    X(error_max, "error", BYTES, "error object of one operation")              \
    X(inline_max, "inline", BYTES, "values kept in the log itself")            \
    X(batch_max, "batch", BYTES, "updates of one checkpoint")                  \
    X(batch_updates_max, "batch_updates", NUMBER, "updates of one checkpoint") \
    X(operations_max, "history_ops", NUMBER, "operations of one run")          \
    X(written_max, "written", BYTES, "payload written by one run, all told")   \
    X(callback_max_ns, "callback_timeout_max", NS, "each callback")            \
    X(invoke_depth_max, "invoke_depth", NUMBER, "runs invoked by runs")        \
    X(invoke_depth_near, "invoke_depth_warning", NUMBER,                       \
      "warned from here on")                                                   \
    X(concurrency_max, "concurrency", NUMBER, "open branches of one run")      \
    X(name_max, "name", BYTES, "name of an operation")

enum engine_limit {
#define ENGINE_LIMIT_ID(field, text, unit, note) ENGINE_LIMIT_##field,
    ENGINE_LIMITS(ENGINE_LIMIT_ID)
#undef ENGINE_LIMIT_ID
    ENGINE_LIMIT_COUNT
};

enum engine_limit_unit {
    ENGINE_LIMIT_NS,
    ENGINE_LIMIT_BYTES,
    ENGINE_LIMIT_NUMBER
};

struct engine_limits {
    char name[32];
    /* Values above inline_max become blobs; without, they are refused. */
    uint32_t spill;
    uint32_t reserved;
#define ENGINE_LIMIT_FIELD(field, text, unit, note) uint64_t field;
    ENGINE_LIMITS(ENGINE_LIMIT_FIELD)
#undef ENGINE_LIMIT_FIELD
};

/*
 * Branches of one batch that are open at a time where neither it nor the
 * profile sets a bound.
 */
#define ENGINE_BRANCHES_MAX 256

/* A run nears a limit at these shares of it, in thousandths. */
#define ENGINE_LIMIT_NEAR_1 800
#define ENGINE_LIMIT_NEAR_2 950

/*
 * The built-in profiles by index: aws, seed-001, inline-1mb; NULL after.
 * docs/limits.md says where each figure is from.
 */
const struct engine_limits *engine_limits_at(uint32_t index);
/* The built-in profile with this name, or NULL. */
const struct engine_limits *engine_limits_find(const char *name);

/* The limit with this text as its name, or ENGINE_LIMIT_COUNT. */
enum engine_limit engine_limit_find(const char *name);
const char *engine_limit_name(enum engine_limit limit);
const char *engine_limit_note(enum engine_limit limit);
enum engine_limit_unit engine_limit_unit(enum engine_limit limit);
uint64_t engine_limit_value(const struct engine_limits *limits,
                            enum engine_limit limit);
/* Where a figure of a built-in profile is from; "" for other profiles. */
const char *engine_limit_origin(const struct engine_limits *limits,
                                enum engine_limit limit);
/* For profiles that users write. */
void engine_limit_set(struct engine_limits *limits, enum engine_limit limit,
                      uint64_t value);
/*
 * Checks that a profile agrees with itself: wait_min at most wait_max, inline
 * at most op_payload, op_payload and error at most batch, response at most
 * result, invoke_depth_warning at most invoke_depth; and that no limit is 0
 * but wait_min and the two of invoke_depth. Returns the limit that is wrong,
 * with *against the one it contradicts (itself if it is 0), or
 * ENGINE_LIMIT_COUNT.
 */
enum engine_limit engine_limits_check(const struct engine_limits *limits,
                                      enum engine_limit *against);

/*
 * The threshold (in thousandths: 800, 950) that going from `before` to
 * `after` reaches, the higher one if both; 0: none. Of 25,000 they are
 * reached at 20,000 and 23,750. Exact for every maximum; UINT64_MAX has none.
 */
uint32_t engine_limit_near(uint64_t maximum, uint64_t before, uint64_t after);

#endif
