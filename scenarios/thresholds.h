/*
 * Budgets that a scenario sets on its figures, each an expression and a limit:
 *
 *     "thresholds": [
 *         {"expr": "p99(step:charge)", "limit": "< 2s"},
 *         {"expr": "throughput", "limit": ">= 3/s"},
 *         {"expr": "cost", "limit": "<= $0.25"}
 *     ]
 *
 * They are about what is allowed to get worse, "expect" about what is right;
 * a missed one fails the run as a missed expectation does, with exit code 4.
 */
#ifndef SCENARIOS_THRESHOLDS_H
#define SCENARIOS_THRESHOLDS_H

#include "reports/report.h"
#include "scenarios/scenario.h"

enum threshold_unit {
    THRESHOLD_COUNT,
    THRESHOLD_NS,
    THRESHOLD_BYTES,
    THRESHOLD_MICRODOLLARS,
    THRESHOLD_MILLIONTHS_PER_S,
    THRESHOLD_PPB /* a share, in parts of a billion */
};

/* What a measure needs besides its name. */
enum threshold_argument {
    THRESHOLD_ALONE,
    THRESHOLD_OF_POINT,
    THRESHOLD_OF_CLASS,
    THRESHOLD_OF_PLATFORM,
    THRESHOLD_OF_STEP,
    THRESHOLD_OF_LIMIT,
    THRESHOLD_OF_PART
};

enum threshold_measure {
    THRESHOLD_STUCK,
    THRESHOLD_BLOCKED,
    THRESHOLD_FAILED,
    THRESHOLD_SUCCEEDED,
    THRESHOLD_CANCELLED,
    THRESHOLD_STOPPED,
    THRESHOLD_TIMED_OUT,
    THRESHOLD_DRAIN,
    THRESHOLD_TAKEOVERS,
    THRESHOLD_FENCED,
    THRESHOLD_THROTTLED,
    THRESHOLD_KILLED,
    THRESHOLD_WARNED,
    THRESHOLD_NOTICE,
    THRESHOLD_THROUGHPUT, /* runs succeeded in a second of virtual time */
    THRESHOLD_ATTEMPTS,
    THRESHOLD_RETRIES,
    THRESHOLD_FAILURES, /* attempts reported with an error */
    THRESHOLD_DUPLICATES,
    THRESHOLD_LOST,
    THRESHOLD_COMMITS,
    THRESHOLD_CRASHES,
    THRESHOLD_BACKLOG, /* the most attempts at once that nobody had taken */
    THRESHOLD_COLD,
    THRESHOLD_PLACES, /* the most at once */
    THRESHOLD_MEMORY, /* of the largest process */
    THRESHOLD_COST,
    THRESHOLD_FIRED,
    THRESHOLD_ERRORS,
    THRESHOLD_GIVEN_UP,
    THRESHOLD_STARTS,
    THRESHOLD_USED, /* of a limit, its share */
    /* Percentiles, or mean or max, of a time. */
    THRESHOLD_OF_RUNS,
    THRESHOLD_OF_A_STEP,
    THRESHOLD_OF_A_PART,
    THRESHOLD_OF_START_UP
};

/* Instead of a percentile; an enumerator would not fit an int. */
#define THRESHOLD_MEAN (UINT32_MAX - 1)
#define THRESHOLD_MAX UINT32_MAX
/* Instead of an index: all of them. */
#define THRESHOLD_ALL UINT32_MAX

struct scenario_threshold {
    char expr[128];
    char limit[64];
    enum threshold_measure measure;
    enum threshold_unit unit;
    enum scenario_comparison comparison;
    uint64_t value;
    uint32_t percentile_milli; /* or MEAN, or MAX */
    uint32_t workflow;         /* of a step */
    uint32_t op;
    uint32_t index; /* of a point, class, platform, limit or part; ALL */
};

/* What they are judged by. */
struct threshold_figures {
    const struct report_stats *stats;
    const struct report_bill *bill;
    size_t bill_count;
    /* Nothing is known over time, of steps' times, parts, limits and money:
       a sweep. */
    bool brief;
};

struct threshold_actual {
    char text[64];
};

/*
 * Judges those that the figures can: of a brief world those that need more
 * are left out. out and actual have room for scenario->threshold_count, and
 * out refers to actual. Returns how many.
 */
size_t thresholds_judge(const struct scenario *scenario,
                        const struct threshold_figures *figures,
                        struct report_threshold *out,
                        struct threshold_actual *actual);

#endif
