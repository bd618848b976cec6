#include "reports/collect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reports/collect_private.h"

static int open_steps(struct report_collect *collect)
{
    const struct report_world *world = &collect->world;
    uint32_t total = 0;
    collect->base_of = calloc(world->graph_count + 1u, sizeof(uint32_t));
    if (!collect->base_of)
        return -1;
    for (uint32_t i = 0; i < world->graph_count; i++) {
        collect->base_of[i] = total;
        total += engine_graph_count(world->graphs[i]) +
                 (world->programs ? world->programs[i].count : 0);
    }
    collect->base_of[world->graph_count] = total;
    collect->step_of = calloc(total + 1u, sizeof(uint32_t));
    collect->stats.steps =
        calloc(REPORT_STEPS_MAX, sizeof(*collect->stats.steps));
    return collect->step_of && collect->stats.steps ? 0 : -1;
}

static void list_step(struct report_collect *collect, uint32_t workflow,
                      uint32_t op, const char *name, int has_effect)
{
    struct report_stats *stats = &collect->stats;
    if (stats->step_count == REPORT_STEPS_MAX) {
        stats->steps_left_out++;
        return;
    }
    stats->steps[stats->step_count++] = (struct report_step){
        .name = name,
        .workflow = engine_graph_name(collect->world.graphs[workflow]),
        .workflow_id = workflow,
        .op = op,
        .has_effect = has_effect};
    collect->step_of[collect->base_of[workflow] + op] = stats->step_count;
}

const struct report_program *
collect_program_of(const struct report_collect *collect, uint32_t workflow)
{
    return collect->world.programs ? &collect->world.programs[workflow] : NULL;
}

/*
 * Steps are listed in the order they are declared, waits are not. The first of
 * a handler are its invocations, with the effects of steps without a name.
 */
static void list_steps(struct report_collect *collect)
{
    const struct report_world *world = &collect->world;
    for (uint32_t w = 0; w < world->graph_count; w++) {
        const struct engine_graph *graph = world->graphs[w];
        const struct report_program *program = collect_program_of(collect, w);
        for (uint32_t op = 0; op < engine_graph_count(graph); op++) {
            const struct engine_node *node = engine_graph_node(graph, op);
            if (node->kind != ENGINE_NODE_WAIT)
                list_step(collect, w, op, node->name,
                          node->kind == ENGINE_NODE_STEP && world->effects &&
                              world->effects[w][op] != 0);
        }
        for (uint32_t i = 0; program && i < program->count; i++)
            list_step(collect, w, i + 1, program->names[i],
                      program->effects[i] != 0);
    }
}

static int open_faults(struct report_collect *collect)
{
    const struct report_world *world = &collect->world;
    collect->faults = calloc(world->point_count + 1u, sizeof(*collect->faults));
    collect->stats.faults =
        calloc(world->point_count + 1u, sizeof(*collect->stats.faults));
    collect->stats.bands =
        calloc(REPORT_BANDS_MAX, sizeof(*collect->stats.bands));
    if (!collect->faults || !collect->stats.faults || !collect->stats.bands)
        return -1;
    for (uint32_t i = 0; i < world->point_count; i++) {
        struct report_fault *fault = &collect->faults[i];
        fault->name = world->points[i].name;
        fault->point = i;
        if (world->armed) {
            fault->armed = world->armed[i].count;
            fault->optional = world->armed[i].optional;
        }
    }
    return 0;
}

/* Each of several platforms beside all of them together. */
static int open_platforms(struct report_collect *collect)
{
    const struct report_world *world = &collect->world;
    struct report_stats *stats = &collect->stats;
    for (uint32_t i = 0; i < world->platform_count && i < REPORT_PLATFORMS_MAX;
         i++) {
        const char *name =
            world->node_names ? world->node_names[world->platforms[i]] : "";
        stats->platforms[i].name = name;
        if (strncmp(name, "platform ", 9) == 0)
            stats->platforms[i].name += 9;
        if (report_hist_init(&stats->platforms[i].start_up, 2))
            return -1;
        stats->platform_count = i + 1;
    }
    return 0;
}

static int open_split(struct report_collect *collect)
{
    if (collect->world.brief)
        return 0;
    for (int i = 0; i < REPORT_PARTS; i++)
        if (report_hist_init(&collect->stats.split.parts[i], 2))
            return -1;
    collect->splitter = report_splitter_new(collect->world.claims_run);
    return collect->splitter ? 0 : -1;
}

static int open_struck(struct report_collect *collect)
{
    const struct report_world *world = &collect->world;
    uint32_t armed = 0;
    for (uint32_t i = 0; world->armed && i < world->point_count; i++)
        armed += world->armed[i].count;
    if (world->brief || armed == 0)
        return 0;
    collect->struck = report_struck_new(world->point_count);
    return collect->struck ? 0 : -1;
}

struct report_collect *report_collect_new(const struct report_world *world)
{
    struct report_collect *collect = calloc(1, sizeof(*collect));
    if (!collect)
        return NULL;
    collect->world = *world;
    if (collect->world.retained_max == 0)
        collect->world.retained_max = COLLECT_RETAINED_DEFAULT;
    report_attempts_init(&collect->attempts);
    report_attempts_init(&collect->parts);
    if (open_steps(collect) || open_faults(collect) ||
        report_hist_init(&collect->stats.latency, 3) ||
        report_hist_init(&collect->stats.platform.start_up, 2) ||
        open_platforms(collect) || open_split(collect) ||
        open_struck(collect)) {
        report_collect_free(collect);
        return NULL;
    }
    list_steps(collect);
    if (world->follow)
        collect->followed[collect->followed_count++] = world->follow;
    return collect;
}

void report_collect_free(struct report_collect *collect)
{
    if (!collect)
        return;
    for (uint32_t i = 0; i < collect->stats.step_count; i++) {
        report_hist_deinit(&collect->stats.steps[i].total);
        report_hist_deinit(&collect->stats.steps[i].dispatch);
        report_hist_deinit(&collect->stats.steps[i].code);
    }
    report_hist_deinit(&collect->stats.latency);
    for (int i = 0; i < REPORT_PARTS; i++)
        report_hist_deinit(&collect->stats.split.parts[i]);
    report_splitter_free(collect->splitter);
    report_struck_free(collect->struck);
    report_hist_deinit(&collect->stats.platform.start_up);
    for (uint32_t i = 0; i < collect->stats.platform_count; i++)
        report_hist_deinit(&collect->stats.platforms[i].start_up);
    report_attempts_deinit(&collect->attempts);
    report_attempts_deinit(&collect->parts);
    free(collect->invoked);
    report_series_deinit(&collect->series);
    free(collect->stats.steps);
    free(collect->stats.faults);
    free(collect->stats.bands);
    free(collect->step_of);
    free(collect->base_of);
    free(collect->faults);
    free(collect->runs);
    free(collect->nodes);
    free(collect->retained);
    free(collect);
}

static void take(struct report_collect *collect,
                 const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_START_SENT:
        collect_run_seen(collect, collect_run_of(collect, record->run),
                         record->a, record->time_ns, record->op);
        break;
    case ENGINE_REC_APPENDED:
        collect->stats.commits++;
        collect_run_state(collect, record);
        break;
    case ENGINE_REC_EVENT:
        collect_event(collect, record);
        break;
    case ENGINE_REC_WORK_PUT:
        collect_work_put(collect, record);
        break;
    case ENGINE_REC_WORK_CLAIMED:
        collect->stats.commits += record->count == 0; /* 1: a repeat */
        collect_work_claimed(collect, record);
        break;
    case ENGINE_REC_WORK_DONE:
        collect->stats.commits++;
        collect_work_over(collect, record);
        break;
    case ENGINE_REC_WORK_CUT:
        collect_work_over(collect, record);
        break;
    case ENGINE_REC_ATTEMPT_BEGIN:
    case ENGINE_REC_ATTEMPT_END:
        collect_attempt_code(collect, record);
        break;
    case ENGINE_REC_EFFECT_SENT:
    case ENGINE_REC_EFFECT_APPLIED:
    case ENGINE_REC_EFFECT_REPEAT:
        collect_effect(collect, record);
        break;
    case ENGINE_REC_ENV_ENDED:
        collect_host_gone(collect, record);
        collect_take_store(collect, record);
        break;
    default:
        collect_take_store(collect, record);
    }
}

/* What it uses of limits, and what follows from faults. */
static void follow_record(struct report_collect *collect,
                          const struct engine_record *record)
{
    int handler = (record->kind == ENGINE_REC_APPENDED ||
                   record->kind == ENGINE_REC_WORK_PUT) &&
                  collect_is_handler(collect, record->run);
    report_use_feed(&collect->use, record, handler);
    if (collect->struck)
        report_struck_feed(collect->struck, record, collect->in_flight,
                           handler);
}

void report_collect_feed(struct report_collect *collect,
                         const struct engine_record *records, size_t count)
{
    assert(!collect->finished);
    struct report_stats *stats = &collect->stats;
    for (size_t i = 0; i < count; i++) {
        const struct engine_record *record = &records[i];
        if (stats->events == 0) {
            stats->first_ns = record->time_ns;
            report_series_init(&collect->series, record->time_ns);
        }
        if (record->time_ns > stats->last_ns)
            stats->last_ns = record->time_ns;
        if (!collect->world.brief)
            follow_record(collect, record);
        take(collect, record);
        if (!collect->world.brief) {
            report_splitter_feed(collect->splitter, record);
            uint64_t backlog = report_splitter_backlog(collect->splitter);
            if (backlog != collect->series.backlog)
                report_series_backlog(&collect->series, record->time_ns,
                                      backlog);
            collect_retain(collect, record);
        }
        stats->events++;
    }
}

const char *report_band_name(enum report_band_kind kind)
{
    static const char *const names[REPORT_BAND_KINDS] = {"down", "paused",
                                                         "fault"};
    return names[kind];
}

const struct report_world *
report_collect_world(const struct report_collect *collect)
{
    return &collect->world;
}

const struct report_retained *
report_collect_retained(const struct report_collect *collect, size_t *count,
                        uint64_t *left_out)
{
    *count = collect->retained_count;
    *left_out = collect->left_out;
    return collect->retained;
}

int report_collect_is_choosy(const struct report_collect *collect)
{
    return collect->choosy;
}

uint64_t report_collect_due(const struct report_collect *collect, uint64_t run)
{
    return run < collect->run_room ? collect->runs[run].due_ns : 0;
}

uint32_t report_collect_workflow(const struct report_collect *collect,
                                 uint64_t run)
{
    return run < collect->run_room && collect->runs[run].seen
               ? collect->runs[run].workflow
               : UINT32_MAX;
}
