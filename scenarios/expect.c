#include "scenarios/expect.h"

#include <inttypes.h>
#include <stdio.h>

#include "reports/format.h"

static bool compare(enum scenario_comparison comparison, uint64_t actual,
                    uint64_t value)
{
    switch (comparison) {
    case SCENARIO_LESS:
        return actual < value;
    case SCENARIO_AT_MOST:
        return actual <= value;
    case SCENARIO_EQUAL:
        return actual == value;
    case SCENARIO_AT_LEAST:
        return actual >= value;
    case SCENARIO_MORE:
        return actual > value;
    }
    return false;
}

/* Effects of a step: exactly, at most or at least once for each run's. */
static enum check_verdict
judge_effects(const struct scenario_expectation *expected,
              const struct report_stats *stats, struct expect_actual *actual)
{
    for (uint32_t i = 0; i < stats->step_count; i++) {
        const struct report_step *step = &stats->steps[i];
        if (step->workflow_id != expected->workflow || step->op != expected->op)
            continue;
        snprintf(actual->text, sizeof(actual->text),
                 "%" PRIu64 " applied, %" PRIu64 " twice, %" PRIu64 " lost",
                 step->applied, step->duplicates, step->lost);
        if (step->applied == 0 && step->lost == 0)
            return CHECK_INCONCLUSIVE;
        bool twice = step->duplicates > 0;
        bool lost = step->lost > 0;
        bool missed =
            (expected->comparison == SCENARIO_EQUAL && (twice || lost)) ||
            (expected->comparison == SCENARIO_AT_MOST && twice) ||
            (expected->comparison == SCENARIO_AT_LEAST && lost);
        return missed ? CHECK_FAIL : CHECK_PASS;
    }
    snprintf(actual->text, sizeof(actual->text), "the step never ran");
    return CHECK_INCONCLUSIVE;
}

static uint64_t fired(const struct report_stats *stats, uint32_t point)
{
    for (uint32_t i = 0; i < stats->fault_count; i++)
        if (stats->faults[i].point == point)
            return stats->faults[i].fired;
    return 0;
}

/* Attempts that began on a platform of the scenario, by its index. */
static uint64_t starts(const struct report_stats *stats, uint32_t index)
{
    const struct report_platform *platform = stats->platform_count > index
                                                 ? &stats->platforms[index]
                                                 : &stats->platform;
    return platform->cold + platform->warm;
}

static uint64_t measure(const struct scenario_expectation *expected,
                        const struct report_stats *stats)
{
    switch (expected->measure) {
    case SCENARIO_STUCK:
        return stats->runs.stuck;
    case SCENARIO_BLOCKED:
        return stats->runs.blocked;
    case SCENARIO_FAILED:
        return stats->runs.failed;
    case SCENARIO_SUCCEEDED:
        return stats->runs.succeeded;
    case SCENARIO_CANCELLED:
        return stats->runs.cancelled;
    case SCENARIO_STOPPED:
        return stats->runs.stopped;
    case SCENARIO_TIMED_OUT:
        return stats->runs.timed_out;
    case SCENARIO_RUN_LATENCY:
        return report_hist_at(&stats->latency, expected->percentile_milli * 10);
    case SCENARIO_DRAIN:
        return stats->drain_ns;
    case SCENARIO_FIRED:
        return fired(stats, expected->point);
    case SCENARIO_TAKEOVERS:
        return stats->store.takeovers;
    case SCENARIO_REJECTED:
        return stats->store.fenced;
    case SCENARIO_THROTTLED:
        return stats->platform.throttled;
    case SCENARIO_KILLED:
        return stats->platform.killed;
    case SCENARIO_ERRORS:
        return stats->errors[expected->point];
    case SCENARIO_GIVEN_UP:
        return stats->platform.given_up[expected->point];
    case SCENARIO_STARTS:
        return starts(stats, expected->point);
    case SCENARIO_WARNED:
        return stats->platform.warned;
    case SCENARIO_NOTICE:
        return stats->platform.notice_ns;
    default:
        return 0;
    }
}

static bool is_time(enum scenario_measure measured)
{
    return measured == SCENARIO_RUN_LATENCY || measured == SCENARIO_DRAIN ||
           measured == SCENARIO_NOTICE;
}

static enum check_verdict judge(const struct scenario_expectation *expected,
                                const struct report_stats *stats,
                                struct expect_actual *actual)
{
    if (expected->measure == SCENARIO_EFFECTS)
        return judge_effects(expected, stats, actual);
    uint64_t value = measure(expected, stats);
    if (expected->measure == SCENARIO_DRAIN && value == UINT64_MAX) {
        snprintf(actual->text, sizeof(actual->text), "never drained");
        return CHECK_FAIL;
    }
    if (expected->measure == SCENARIO_RUN_LATENCY &&
        stats->latency.count == 0) {
        snprintf(actual->text, sizeof(actual->text), "no run ended");
        return CHECK_INCONCLUSIVE;
    }
    if (expected->measure == SCENARIO_NOTICE && stats->platform.warned == 0) {
        snprintf(actual->text, sizeof(actual->text), "no place was warned");
        return CHECK_INCONCLUSIVE;
    }
    struct report_word word;
    if (is_time(expected->measure))
        snprintf(actual->text, sizeof(actual->text), "%s",
                 report_format_ns(&word, value));
    else
        snprintf(actual->text, sizeof(actual->text), "%" PRIu64, value);
    return compare(expected->comparison, value, expected->value) ? CHECK_PASS
                                                                 : CHECK_FAIL;
}

static void judge_all(const struct scenario_expectation *expected,
                      uint32_t count, const struct report_stats *stats,
                      struct report_expectation *out,
                      struct expect_actual *actual)
{
    for (uint32_t i = 0; i < count; i++) {
        out[i].verdict = judge(&expected[i], stats, &actual[i]);
        out[i].text = expected[i].text;
        out[i].actual = actual[i].text;
    }
}

void expect_judge(const struct scenario *scenario,
                  const struct report_stats *stats,
                  struct report_expectation *out, struct expect_actual *actual)
{
    judge_all(scenario->expectations, scenario->expectation_count, stats, out,
              actual);
}

void expect_judge_sometimes(const struct scenario *scenario,
                            const struct report_stats *stats,
                            struct report_expectation *out,
                            struct expect_actual *actual)
{
    judge_all(scenario->sometimes, scenario->sometimes_count, stats, out,
              actual);
}

uint64_t expect_sometimes(const struct scenario *scenario,
                          const struct report_stats *stats)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < scenario->sometimes_count; i++) {
        struct expect_actual actual;
        if (judge(&scenario->sometimes[i], stats, &actual) == CHECK_PASS)
            mask |= UINT64_C(1) << i;
    }
    return mask;
}
