#include "engine/limits.h"

#include <assert.h>
#include <string.h>

#define NONE UINT64_MAX
#define SECONDS(n) ((n)*UINT64_C(1000000000))
#define YEAR SECONDS(31536000)      /* 365 days */
#define LEAP_YEAR SECONDS(31622400) /* 366 days */

#define AWS_QUOTAS "AWS, durable functions quotas"
#define AWS_MODEL "AWS, Lambda API model"
#define AWS_SDK "AWS, durable execution SDKs"
#define SEED_1 "seed 001, limits page"
#define SEED_2 "seed 002, inline up to 1,000,000"
#define OURS "ours"

struct profile {
    struct engine_limits limits;
    const char *origins[ENGINE_LIMIT_COUNT];
};

/* X(field, value, origin), in the order of ENGINE_LIMITS. */
#define FIELD(field, value, origin) .field = (value),
#define ORIGIN(field, value, origin) [ENGINE_LIMIT_##field] = (origin),

/*
 * The service's own figures. It calls 1,048,576 bytes 1 MB wherever it gives
 * the bytes, so its 100 MB are read as that many. A result handed in through
 * the execution has no figure of its own but what a run may write in all.
 */
#define AWS(X)                                                                 \
    X(run_max_ns, LEAP_YEAR, AWS_MODEL)                                        \
    X(wait_min_ns, SECONDS(1), AWS_MODEL)                                      \
    X(wait_max_ns, LEAP_YEAR, AWS_MODEL)                                       \
    X(input_max, 6291456, AWS_QUOTAS)                                          \
    X(response_max, 6291456, AWS_QUOTAS)                                       \
    X(result_max, 104857600, AWS_QUOTAS ", as written")                        \
    X(operation_payload_max, 262144, AWS_QUOTAS)                               \
    X(error_max, 32768, AWS_SDK)                                               \
    X(inline_max, 262144, AWS_QUOTAS ", as op_payload")                        \
    X(batch_max, 768000, AWS_SDK)                                              \
    X(batch_updates_max, 250, AWS_SDK)                                         \
    X(operations_max, 3000, AWS_QUOTAS)                                        \
    X(written_max, 104857600, AWS_QUOTAS)                                      \
    X(callback_max_ns, LEAP_YEAR, AWS_MODEL ", as execution_duration")         \
    X(invoke_depth_max, NONE, AWS_QUOTAS ", names none")                       \
    X(invoke_depth_near, 10, OURS)                                             \
    X(concurrency_max, NONE, AWS_QUOTAS ", names none")                        \
    X(name_max, 256, AWS_MODEL)

/* The summary table of seed 001; what it leaves open is as in aws. */
#define SEED_001(X)                                                            \
    X(run_max_ns, YEAR, SEED_1)                                                \
    X(wait_min_ns, SECONDS(1), SEED_1)                                         \
    X(wait_max_ns, YEAR, SEED_1)                                               \
    X(input_max, 262144, SEED_1)                                               \
    X(response_max, 6291456, SEED_1)                                           \
    X(result_max, 104857600, OURS ", as aws")                                  \
    X(operation_payload_max, 262144, SEED_1)                                   \
    X(error_max, 32768, AWS_SDK)                                               \
    X(inline_max, 262144, SEED_1 ", as op_payload")                            \
    X(batch_max, 768000, SEED_1)                                               \
    X(batch_updates_max, 250, AWS_SDK)                                         \
    X(operations_max, 25000, SEED_1)                                           \
    X(written_max, NONE, SEED_1 ", names none")                                \
    X(callback_max_ns, YEAR, SEED_1)                                           \
    X(invoke_depth_max, NONE, SEED_1 ", no hard limit")                        \
    X(invoke_depth_near, 10, OURS)                                             \
    X(concurrency_max, NONE, SEED_1 ", no hard limit")                         \
    X(name_max, 256, AWS_MODEL)

/*
 * seed-001 with larger values: an operation holds what may be inline, and two
 * full operations but not three fit a batch, as 262,144 and 768,000 do. The
 * input is a value like any other.
 */
#define INLINE_1MB(X)                                                          \
    X(run_max_ns, YEAR, SEED_1)                                                \
    X(wait_min_ns, SECONDS(1), SEED_1)                                         \
    X(wait_max_ns, YEAR, SEED_1)                                               \
    X(input_max, 1000000, SEED_2)                                              \
    X(response_max, 6291456, SEED_1)                                           \
    X(result_max, 104857600, OURS ", as aws")                                  \
    X(operation_payload_max, 1000000, OURS ", as inline")                      \
    X(error_max, 32768, AWS_SDK)                                               \
    X(inline_max, 1000000, SEED_2)                                             \
    X(batch_max, 2929687, OURS ", seed 001's share of op_payload")             \
    X(batch_updates_max, 250, AWS_SDK)                                         \
    X(operations_max, 25000, SEED_1)                                           \
    X(written_max, NONE, SEED_1 ", names none")                                \
    X(callback_max_ns, YEAR, SEED_1)                                           \
    X(invoke_depth_max, NONE, SEED_1 ", no hard limit")                        \
    X(invoke_depth_near, 10, OURS)                                             \
    X(concurrency_max, NONE, SEED_1 ", no hard limit")                         \
    X(name_max, 256, AWS_MODEL)

static const struct profile profiles[] = {
    {{.name = "aws", AWS(FIELD)}, {AWS(ORIGIN)}},
    {{.name = "seed-001", SEED_001(FIELD)}, {SEED_001(ORIGIN)}},
    {{.name = "inline-1mb", .spill = 1, INLINE_1MB(FIELD)},
     {INLINE_1MB(ORIGIN)}},
};

enum {
    PROFILE_COUNT = sizeof(profiles) / sizeof(*profiles)
};

static const struct {
    const char *name;
    const char *note;
    enum engine_limit_unit unit;
} rows[] = {
#define ROW(field, text, unit, note) {text, note, ENGINE_LIMIT_##unit},
    ENGINE_LIMITS(ROW)
#undef ROW
};

/* Pairs that must not be the other way round: the first at most the second. */
static const struct {
    enum engine_limit low;
    enum engine_limit high;
} pairs[] = {
    {ENGINE_LIMIT_wait_min_ns, ENGINE_LIMIT_wait_max_ns},
    {ENGINE_LIMIT_response_max, ENGINE_LIMIT_result_max},
    {ENGINE_LIMIT_inline_max, ENGINE_LIMIT_operation_payload_max},
    {ENGINE_LIMIT_operation_payload_max, ENGINE_LIMIT_batch_max},
    {ENGINE_LIMIT_error_max, ENGINE_LIMIT_batch_max},
    {ENGINE_LIMIT_invoke_depth_near, ENGINE_LIMIT_invoke_depth_max},
};

const struct engine_limits *engine_limits_at(uint32_t index)
{
    return index < PROFILE_COUNT ? &profiles[index].limits : NULL;
}

const struct engine_limits *engine_limits_find(const char *name)
{
    for (uint32_t i = 0; i < PROFILE_COUNT; i++)
        if (strcmp(profiles[i].limits.name, name) == 0)
            return &profiles[i].limits;
    return NULL;
}

enum engine_limit engine_limit_find(const char *name)
{
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++)
        if (strcmp(rows[i].name, name) == 0)
            return (enum engine_limit)i;
    return ENGINE_LIMIT_COUNT;
}

const char *engine_limit_name(enum engine_limit limit)
{
    assert(limit < ENGINE_LIMIT_COUNT);
    return rows[limit].name;
}

const char *engine_limit_note(enum engine_limit limit)
{
    assert(limit < ENGINE_LIMIT_COUNT);
    return rows[limit].note;
}

enum engine_limit_unit engine_limit_unit(enum engine_limit limit)
{
    assert(limit < ENGINE_LIMIT_COUNT);
    return rows[limit].unit;
}

const char *engine_limit_origin(const struct engine_limits *limits,
                                enum engine_limit limit)
{
    assert(limit < ENGINE_LIMIT_COUNT);
    for (uint32_t i = 0; i < PROFILE_COUNT; i++)
        if (strcmp(profiles[i].limits.name, limits->name) == 0)
            return profiles[i].origins[limit];
    return "";
}

uint64_t engine_limit_value(const struct engine_limits *limits,
                            enum engine_limit limit)
{
    assert(limit < ENGINE_LIMIT_COUNT);
    switch (limit) {
#define VALUE(field, text, unit, note)                                         \
    case ENGINE_LIMIT_##field:                                                 \
        return limits->field;
        ENGINE_LIMITS(VALUE)
#undef VALUE
    case ENGINE_LIMIT_COUNT:
        break;
    }
    return 0;
}

void engine_limit_set(struct engine_limits *limits, enum engine_limit limit,
                      uint64_t value)
{
    assert(limit < ENGINE_LIMIT_COUNT);
    switch (limit) {
#define SET(field, text, unit, note)                                           \
    case ENGINE_LIMIT_##field:                                                 \
        limits->field = value;                                                 \
        return;
        ENGINE_LIMITS(SET)
#undef SET
    case ENGINE_LIMIT_COUNT:
        break;
    }
}

/* A least wait of nothing means something, and so do no invokes at all. */
static int may_be_zero(enum engine_limit limit)
{
    return limit == ENGINE_LIMIT_wait_min_ns ||
           limit == ENGINE_LIMIT_invoke_depth_max ||
           limit == ENGINE_LIMIT_invoke_depth_near;
}

enum engine_limit engine_limits_check(const struct engine_limits *limits,
                                      enum engine_limit *against)
{
    for (unsigned i = 0; i < ENGINE_LIMIT_COUNT; i++) {
        enum engine_limit limit = (enum engine_limit)i;
        *against = limit;
        if (!may_be_zero(limit) && engine_limit_value(limits, limit) == 0)
            return limit;
    }
    for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++) {
        *against = pairs[i].high;
        if (engine_limit_value(limits, pairs[i].low) >
            engine_limit_value(limits, pairs[i].high))
            return pairs[i].low;
    }
    *against = ENGINE_LIMIT_COUNT;
    return ENGINE_LIMIT_COUNT;
}

/* The smallest whole amount that is at least this share of the maximum. */
static uint64_t share_of(uint64_t maximum, uint32_t milli)
{
    return maximum / 1000 * milli + (maximum % 1000 * milli + 999) / 1000;
}

static int reaches(uint64_t threshold, uint64_t before, uint64_t after)
{
    return before < threshold && after >= threshold;
}

uint32_t engine_limit_near(uint64_t maximum, uint64_t before, uint64_t after)
{
    if (maximum == NONE)
        return 0;
    if (reaches(share_of(maximum, ENGINE_LIMIT_NEAR_2), before, after))
        return ENGINE_LIMIT_NEAR_2;
    if (reaches(share_of(maximum, ENGINE_LIMIT_NEAR_1), before, after))
        return ENGINE_LIMIT_NEAR_1;
    return 0;
}
