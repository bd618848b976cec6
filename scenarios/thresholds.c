#include "scenarios/thresholds.h"

#include <stdio.h>

#include "reports/format.h"
#include "reports/gate.h"
#include "scenarios/gate_read.h"

/* A figure, or why there is none. */
struct reading {
    uint64_t value;
    const char *why; /* it cannot be said */
    bool never;      /* what was to happen did not */
};

static bool needs_more(const struct scenario_threshold *threshold)
{
    switch (threshold->measure) {
    case THRESHOLD_BACKLOG:
    case THRESHOLD_COST:
    case THRESHOLD_USED:
    case THRESHOLD_OF_A_PART:
    case THRESHOLD_OF_A_STEP:
        return true;
    default:
        return false;
    }
}

static const struct report_platform *
platform_of(const struct report_stats *stats, uint32_t index)
{
    return index < stats->platform_count ? &stats->platforms[index]
                                         : &stats->platform;
}

static uint64_t of_step(const struct report_step *step,
                        enum threshold_measure measure)
{
    switch (measure) {
    case THRESHOLD_ATTEMPTS:
        return step->attempts;
    case THRESHOLD_RETRIES:
        return step->retries;
    case THRESHOLD_FAILURES:
        return step->failures;
    case THRESHOLD_DUPLICATES:
        return step->duplicates;
    case THRESHOLD_LOST:
        return step->lost;
    default:
        return 0;
    }
}

static bool is_step(const struct scenario_threshold *threshold,
                    const struct report_step *step)
{
    return step->workflow_id == threshold->workflow &&
           step->op == threshold->op;
}

/* Of one step, or of all. */
static struct reading read_steps(const struct scenario_threshold *threshold,
                                 const struct report_stats *stats)
{
    struct reading reading = {.why = "the step never ran"};
    for (uint32_t i = 0; i < stats->step_count; i++) {
        const struct report_step *step = &stats->steps[i];
        if (threshold->op != THRESHOLD_ALL && !is_step(threshold, step))
            continue;
        reading.value += of_step(step, threshold->measure);
        reading.why = NULL;
    }
    if (threshold->op == THRESHOLD_ALL)
        reading.why = NULL;
    return reading;
}

static struct reading read_hist(const struct scenario_threshold *threshold,
                                const struct report_hist *hist,
                                const char *none)
{
    if (!hist || !hist->counts || hist->count == 0)
        return (struct reading){.why = none};
    if (threshold->percentile_milli == THRESHOLD_MAX)
        return (struct reading){.value = hist->max};
    if (threshold->percentile_milli == THRESHOLD_MEAN)
        return (struct reading){.value = report_hist_mean(hist)};
    return (struct reading){
        .value = report_hist_at(hist, threshold->percentile_milli * 10)};
}

static struct reading read_time(const struct scenario_threshold *threshold,
                                const struct report_stats *stats)
{
    const struct report_hist *step = NULL;
    switch (threshold->measure) {
    case THRESHOLD_OF_A_PART:
        return read_hist(threshold, &stats->split.parts[threshold->index],
                         "no run ended");
    case THRESHOLD_OF_START_UP:
        return read_hist(threshold,
                         &platform_of(stats, threshold->index)->start_up,
                         "nothing was started cold");
    case THRESHOLD_OF_A_STEP:
        for (uint32_t i = 0; i < stats->step_count; i++)
            if (is_step(threshold, &stats->steps[i]))
                step = &stats->steps[i].total;
        return read_hist(threshold, step, "the step never ran");
    default:
        return read_hist(threshold, &stats->latency, "no run ended");
    }
}

static struct reading read_throughput(const struct report_stats *stats)
{
    __extension__ unsigned __int128 rate =
        stats->runs.succeeded * (unsigned __int128)1000000000000000;
    uint64_t span = stats->last_ns - stats->first_ns;
    if (span == 0)
        return (struct reading){.why = "no time went by"};
    rate /= span;
    return (struct reading){.value = rate > UINT64_MAX - 1 ? UINT64_MAX - 1
                                                           : (uint64_t)rate};
}

static struct reading read_cost(const struct threshold_figures *figures)
{
    struct reading reading = {.why = "no platform of it has prices"};
    for (size_t i = 0; i < figures->bill_count; i++) {
        uint64_t micro;
        if (!figures->bill[i].cost ||
            !gate_read_price(figures->bill[i].cost, &micro))
            continue;
        reading.value += micro;
        reading.why = NULL;
    }
    return reading;
}

static struct reading read_backlog(const struct report_stats *stats)
{
    struct reading reading = {0};
    for (uint32_t i = 0; i < stats->bucket_count; i++)
        if (stats->buckets[i].backlog > reading.value)
            reading.value = stats->buckets[i].backlog;
    return reading;
}

static struct reading read_used(const struct report_used *used)
{
    if (used->allowed == 0)
        return (struct reading){.why = "this world has no such limit"};
    __extension__ unsigned __int128 share =
        (unsigned __int128)used->used * 1000000000 / used->allowed;
    return (struct reading){.value = share > UINT64_MAX ? UINT64_MAX
                                                        : (uint64_t)share};
}

static uint64_t fired(const struct report_stats *stats, uint32_t point)
{
    for (uint32_t i = 0; i < stats->fault_count; i++)
        if (stats->faults[i].point == point)
            return stats->faults[i].fired;
    return 0;
}

/* Figures that are there in every world. */
static uint64_t read_plain(const struct scenario_threshold *threshold,
                           const struct report_stats *stats)
{
    const struct report_platform *platform =
        platform_of(stats, threshold->index);
    switch (threshold->measure) {
    case THRESHOLD_STUCK:
        return stats->runs.stuck;
    case THRESHOLD_BLOCKED:
        return stats->runs.blocked;
    case THRESHOLD_FAILED:
        return stats->runs.failed;
    case THRESHOLD_SUCCEEDED:
        return stats->runs.succeeded;
    case THRESHOLD_CANCELLED:
        return stats->runs.cancelled;
    case THRESHOLD_STOPPED:
        return stats->runs.stopped;
    case THRESHOLD_TIMED_OUT:
        return stats->runs.timed_out;
    case THRESHOLD_TAKEOVERS:
        return stats->store.takeovers;
    case THRESHOLD_FENCED:
        return stats->store.fenced;
    case THRESHOLD_THROTTLED:
        return platform->throttled;
    case THRESHOLD_KILLED:
        return platform->killed;
    case THRESHOLD_WARNED:
        return platform->warned;
    case THRESHOLD_COMMITS:
        return stats->commits;
    case THRESHOLD_CRASHES:
        return stats->crashes;
    case THRESHOLD_COLD:
        return platform->cold;
    case THRESHOLD_PLACES:
        return platform->environments_max;
    case THRESHOLD_MEMORY:
        return stats->store.process_bytes_max;
    case THRESHOLD_FIRED:
        return fired(stats, threshold->index);
    case THRESHOLD_ERRORS:
        return stats->errors[threshold->index];
    case THRESHOLD_GIVEN_UP:
        return stats->platform.given_up[threshold->index];
    case THRESHOLD_STARTS:
        return platform->cold + platform->warm;
    default:
        return 0;
    }
}

static struct reading read(const struct scenario_threshold *threshold,
                           const struct threshold_figures *figures)
{
    const struct report_stats *stats = figures->stats;
    switch (threshold->measure) {
    case THRESHOLD_OF_RUNS:
    case THRESHOLD_OF_A_STEP:
    case THRESHOLD_OF_A_PART:
    case THRESHOLD_OF_START_UP:
        return read_time(threshold, stats);
    case THRESHOLD_ATTEMPTS:
    case THRESHOLD_RETRIES:
    case THRESHOLD_FAILURES:
    case THRESHOLD_DUPLICATES:
    case THRESHOLD_LOST:
        return read_steps(threshold, stats);
    case THRESHOLD_THROUGHPUT:
        return read_throughput(stats);
    case THRESHOLD_COST:
        return read_cost(figures);
    case THRESHOLD_BACKLOG:
        return read_backlog(stats);
    case THRESHOLD_USED:
        return read_used(&stats->used[threshold->index]);
    case THRESHOLD_DRAIN:
        return (struct reading){.value = stats->drain_ns,
                                .never = stats->drain_ns == UINT64_MAX};
    case THRESHOLD_NOTICE:
        return (struct reading){
            .value = stats->platform.notice_ns,
            .why = stats->platform.warned ? NULL : "no place was warned"};
    default:
        return (struct reading){.value = read_plain(threshold, stats)};
    }
}

static bool holds(const struct scenario_threshold *threshold, uint64_t actual)
{
    switch (threshold->comparison) {
    case SCENARIO_LESS:
        return actual < threshold->value;
    case SCENARIO_AT_MOST:
        return actual <= threshold->value;
    case SCENARIO_EQUAL:
        return actual == threshold->value;
    case SCENARIO_AT_LEAST:
        return actual >= threshold->value;
    case SCENARIO_MORE:
        return actual > threshold->value;
    }
    return false;
}

static void write_value(const struct scenario_threshold *threshold,
                        uint64_t value, struct threshold_actual *actual)
{
    static const enum report_gate_unit units[] = {
        [THRESHOLD_COUNT] = REPORT_GATE_COUNT,
        [THRESHOLD_NS] = REPORT_GATE_NS,
        [THRESHOLD_BYTES] = REPORT_GATE_BYTES,
        [THRESHOLD_MICRODOLLARS] = REPORT_GATE_MICRODOLLARS,
        [THRESHOLD_MILLIONTHS_PER_S] = REPORT_GATE_MILLIONTHS_PER_S};
    struct report_buffer text;
    struct report_word word;
    if (threshold->unit == THRESHOLD_PPB) {
        snprintf(actual->text, sizeof(actual->text), "%s",
                 report_format_share(&word, value, 1000000000));
        return;
    }
    report_buffer_init(&text);
    report_gate_value(&text, units[threshold->unit], value);
    snprintf(actual->text, sizeof(actual->text), "%s",
             report_buffer_ok(&text) ? text.text : "out of memory");
    report_buffer_free(&text);
}

static enum check_verdict judge(const struct scenario_threshold *threshold,
                                const struct threshold_figures *figures,
                                struct threshold_actual *actual)
{
    struct reading reading = read(threshold, figures);
    if (reading.why || reading.never) {
        snprintf(actual->text, sizeof(actual->text), "%s",
                 reading.why ? reading.why : "never");
        return reading.never ? CHECK_FAIL : CHECK_INCONCLUSIVE;
    }
    write_value(threshold, reading.value, actual);
    return holds(threshold, reading.value) ? CHECK_PASS : CHECK_FAIL;
}

size_t thresholds_judge(const struct scenario *scenario,
                        const struct threshold_figures *figures,
                        struct report_threshold *out,
                        struct threshold_actual *actual)
{
    size_t count = 0;
    for (uint32_t i = 0; i < scenario->threshold_count; i++) {
        const struct scenario_threshold *each = &scenario->thresholds[i];
        if (figures->brief && needs_more(each))
            continue;
        out[count].verdict = judge(each, figures, &actual[count]);
        out[count].expr = each->expr;
        out[count].limit = each->limit;
        out[count].actual = actual[count].text;
        count++;
    }
    return count;
}
