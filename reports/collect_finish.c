/*
 * What runs, faults and effects come to when no more records come.
 */
#include "reports/collect_private.h"

#include <stdlib.h>
#include <string.h>

#include "reports/outcome.h"

/* What a run counts as at the end. */
static uint64_t *count_of(struct report_runs *runs,
                          const struct collect_run *run)
{
    switch (run->state) {
    case ENGINE_RUN_SUCCEEDED:
        return &runs->succeeded;
    case ENGINE_RUN_FAILED:
        return &runs->failed;
    case ENGINE_RUN_BLOCKED:
        return &runs->blocked;
    case ENGINE_RUN_CANCELLED:
        return &runs->cancelled;
    case ENGINE_RUN_TIMED_OUT:
        return &runs->timed_out;
    case ENGINE_RUN_STOPPED:
        return &runs->stopped;
    case ENGINE_RUN_PAUSED:
        return &runs->paused;
    case ENGINE_RUN_SUSPENDED:
        return run->parked ? &runs->waiting : &runs->stuck;
    default:
        return &runs->stuck;
    }
}

static void finish_runs(struct report_collect *collect)
{
    struct report_runs *runs = &collect->stats.runs;
    for (uint64_t id = 1; id < collect->run_room; id++) {
        const struct collect_run *run = &collect->runs[id];
        if (!run->seen)
            continue;
        (*count_of(runs, run))++;
    }
}

static void finish_faults(struct report_collect *collect)
{
    struct report_stats *stats = &collect->stats;
    const struct report_strikes *strikes =
        collect->struck ? report_struck_finish(collect->struck) : NULL;
    stats->incomplete |=
        collect->struck && report_struck_failed(collect->struck);
    for (uint32_t i = 0; strikes && i < collect->world.point_count; i++)
        collect->faults[i].strikes = strikes[i];
    for (uint32_t i = 0; i < collect->world.point_count; i++)
        if (collect->faults[i].armed || collect->faults[i].fired)
            stats->faults[stats->fault_count++] = collect->faults[i];
}

static void finish_used(struct report_collect *collect)
{
    struct report_stats *stats = &collect->stats;
    for (unsigned i = 0; i < REPORT_LIMITS; i++) {
        stats->used[i] = collect->use.list[i];
        uint64_t limit = collect->world.limits ? collect->world.limits[i] : 0;
        if (limit != 0 && limit != UINT64_MAX)
            stats->used[i].allowed = limit;
    }
}

/* The step whose effect the golden world applied, or NULL. */
static struct report_step *expected_step(struct report_collect *collect,
                                         const struct outcomes *golden,
                                         const struct outcome_effect *effect)
{
    const struct outcome_run *run = outcomes_run(golden, effect->run);
    if (!run || run->workflow >= collect->world.graph_count)
        return NULL;
    const struct report_program *program =
        collect_program_of(collect, run->workflow);
    uint32_t base = collect->base_of[run->workflow];
    uint64_t op = effect->id;
    if (engine_graph_is_handler(collect->world.graphs[run->workflow]))
        op = program && effect->last.count <= program->count
                 ? effect->last.count
                 : 0;
    if (op >= collect->base_of[run->workflow + 1] - base)
        return NULL;
    uint32_t index = collect->step_of[base + op];
    return index ? &collect->stats.steps[index - 1] : NULL;
}

/* What each step did to the outside where nothing went wrong, as the least
   and the most of all schedules; `sums` is by step. */
static void expect_effects(struct report_collect *collect,
                           const struct outcomes *golden,
                           uint64_t sums[REPORT_STEPS_MAX])
{
    struct report_stats *stats = &collect->stats;
    memset(sums, 0, REPORT_STEPS_MAX * sizeof(*sums));
    for (uint32_t i = 0; i < golden->effect_index.count; i++) {
        const struct outcome_effect *effect = &golden->effects[i];
        const struct report_step *step = expected_step(collect, golden, effect);
        if (step)
            sums[step - stats->steps] += effect->count;
    }
    for (uint32_t i = 0; i < stats->step_count; i++) {
        struct report_step *step = &stats->steps[i];
        if (stats->golden_schedules == 0 || sums[i] < step->expected_min)
            step->expected_min = sums[i];
        if (sums[i] > step->expected_max)
            step->expected_max = sums[i];
    }
    stats->golden_schedules++;
}

static void finish_effects(struct report_collect *collect)
{
    uint64_t *sums =
        collect->world.golden ? calloc(REPORT_STEPS_MAX, sizeof(*sums)) : NULL;
    collect->stats.incomplete |= collect->world.golden && !sums;
    for (const struct outcomes *golden = collect->world.golden; sums && golden;
         golden = golden->next)
        expect_effects(collect, golden, sums);
    free(sums);
}

/* What is still down, paused or broken is so until the end. */
static void finish_bands(struct report_collect *collect)
{
    uint64_t end = collect->stats.last_ns;
    for (uint32_t i = 0; i < collect->stats.band_count; i++)
        if (collect->stats.bands[i].to_ns > end)
            collect->stats.bands[i].to_ns = end;
    for (uint32_t i = 0; i < collect->node_room; i++) {
        const struct collect_node *node = &collect->nodes[i];
        if (node->down_ns)
            collect_add_band(collect,
                             (struct report_band){REPORT_BAND_DOWN, i, 0,
                                                  node->down_ns, end});
        if (node->paused_ns)
            collect_add_band(collect,
                             (struct report_band){REPORT_BAND_PAUSED, i, 0,
                                                  node->paused_ns, end});
    }
}

const struct report_stats *report_collect_finish(struct report_collect *collect)
{
    struct report_stats *stats = &collect->stats;
    if (collect->finished)
        return stats;
    collect->finished = 1;
    finish_runs(collect);
    finish_faults(collect);
    finish_used(collect);
    finish_effects(collect);
    finish_bands(collect);
    if (stats->events == 0)
        return stats;
    collect_count_in_flight(collect, stats->last_ns);
    if (collect->world.brief)
        return stats;
    stats->slices = collect->series.slices;
    stats->bucket_ns = collect->series.width_ns;
    stats->bucket_count =
        report_series_buckets(&collect->series, stats->buckets);
    stats->incomplete |=
        collect->series.failed | report_splitter_failed(collect->splitter);
    return stats;
}
