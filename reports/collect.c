#include "reports/collect.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sample.h"
#include "reports/attempts.h"
#include "reports/outcome.h"
#include "reports/series.h"

enum {
    RETAINED_DEFAULT = 400000,
    OPEN_FAULTS_MAX = 64
};

/* An applied effect whose step has not succeeded yet is kept in the table of
   attempts under this number, which no attempt has. */
#define APPLIED UINT32_MAX

/* What is kept of every run. */
struct run {
    uint64_t due_ns;
    uint32_t workflow;
    uint16_t trouble; /* faults, takeovers and retries, weighed */
    uint8_t state;    /* enum engine_run_state; 0: not durable yet */
    unsigned seen : 1;
    unsigned leased : 1; /* a lease was granted and not given back */
    unsigned parked : 1; /* a handler that has waited */
};

/* What is kept of every node. */
struct node {
    uint64_t down_ns;   /* 0: it is up, as below */
    uint64_t paused_ns; /* 0: it runs */
    uint64_t went_ns;   /* last time it went down for a fault, unclaimed */
    uint64_t stood_ns;  /* last time it was paused, unclaimed */
    uint64_t set_ns;    /* last time its clock was set, unclaimed */
    uint32_t wait_down; /* points + 1 whose effect has not shown yet */
    uint32_t wait_paused;
    uint32_t wait_set;
    int environment; /* of a platform: one that dies is replaced */
};

/* A run that another has invoked. */
struct invoked {
    uint64_t run; /* 0: free */
    uint32_t workflow;
};

struct open_fault {
    uint32_t point;
    uint32_t node;
    uint64_t from_ns;
};

struct report_collect {
    struct report_world world;
    struct report_stats stats;
    int finished;

    struct run *runs; /* by id, grown as ids are seen */
    uint64_t run_room;
    uint64_t in_flight;
    uint64_t in_flight_before; /* most before the first fault */
    uint64_t lasting_ns;       /* until then, at least, a fault lasts */

    struct node *nodes;
    uint32_t node_room;
    uint32_t *step_of; /* by workflow's base + op: index + 1 in steps */
    uint32_t *base_of; /* by workflow */
    struct report_fault *faults; /* by point, point_count of them */
    struct open_fault open[OPEN_FAULTS_MAX];
    uint32_t open_count;

    struct report_attempts attempts;
    struct report_attempts parts; /* of handlers' steps, by operation */
    struct invoked *invoked;      /* open addressing by run */
    uint32_t invoked_count;
    uint32_t invoked_room;
    struct report_series series;
    struct report_splitter *splitter; /* NULL: brief */
    struct report_struck *struck;     /* NULL: brief, or nothing is armed */
    struct report_use use;
    uint64_t renewed_ns; /* last renewal counted, with its sender */
    uint16_t renewed_peer;

    struct report_retained *retained;
    size_t retained_count;
    size_t retained_room;
    uint64_t left_out;
    int choosy; /* only followed runs and the world's own records */
    uint64_t followed[REPORT_FOLLOWED_MAX];
    uint32_t followed_count;
};

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

static const struct report_program *
program_of(const struct report_collect *collect, uint32_t workflow)
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
        const struct report_program *program = program_of(collect, w);
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
        collect->world.retained_max = RETAINED_DEFAULT;
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

/* The room to have for index, doubling from the room there is. */
static uint64_t room_for(uint64_t room, uint64_t index, uint64_t first)
{
    if (room == 0)
        room = first;
    while (room <= index)
        room *= 2;
    return room;
}

/* What is known of a run, made when it is first seen; NULL: none such. */
static struct run *run_of(struct report_collect *collect, uint64_t id)
{
    if (id == 0 || id > collect->world.runs_max)
        return NULL;
    if (id < collect->run_room)
        return &collect->runs[id];
    uint64_t room = room_for(collect->run_room, id, 1024);
    if (room > collect->world.runs_max + 1)
        room = collect->world.runs_max + 1;
    struct run *runs = realloc(collect->runs, room * sizeof(*runs));
    if (!runs) {
        collect->stats.incomplete = 1;
        return NULL;
    }
    memset(runs + collect->run_room, 0,
           (room - collect->run_room) * sizeof(*runs));
    collect->runs = runs;
    collect->run_room = room;
    return &runs[id];
}

static struct node *node_of(struct report_collect *collect, uint16_t id)
{
    if (id < collect->node_room)
        return &collect->nodes[id];
    uint32_t room = (uint32_t)room_for(collect->node_room, id, 64);
    struct node *nodes = realloc(collect->nodes, room * sizeof(*nodes));
    if (!nodes) {
        collect->stats.incomplete = 1;
        return NULL;
    }
    memset(nodes + collect->node_room, 0,
           (room - collect->node_room) * sizeof(*nodes));
    collect->nodes = nodes;
    collect->node_room = room;
    return &nodes[id];
}

/* The place of an invoked run, or the free one where it would be. */
static struct invoked *invoked_place(struct invoked *list, uint32_t room,
                                     uint64_t run)
{
    uint32_t at = (uint32_t)(run * UINT64_C(0x9e3779b97f4a7c15) >> 32);
    for (at &= room - 1; list[at].run && list[at].run != run;)
        at = (at + 1) & (room - 1);
    return &list[at];
}

static void note_invoked(struct report_collect *collect, uint64_t run,
                         uint32_t workflow)
{
    if (2 * collect->invoked_count >= collect->invoked_room) {
        uint32_t room = collect->invoked_room ? 2 * collect->invoked_room : 64;
        struct invoked *list = calloc(room, sizeof(*list));
        if (!list) {
            collect->stats.incomplete = 1;
            return;
        }
        for (uint32_t i = 0; i < collect->invoked_room; i++)
            if (collect->invoked[i].run)
                *invoked_place(list, room, collect->invoked[i].run) =
                    collect->invoked[i];
        free(collect->invoked);
        collect->invoked = list;
        collect->invoked_room = room;
    }
    struct invoked *place =
        invoked_place(collect->invoked, collect->invoked_room, run);
    collect->invoked_count += place->run == 0;
    *place = (struct invoked){run, workflow};
}

/* The workflow of a run of any sort, or UINT32_MAX. */
static uint32_t workflow_of(struct report_collect *collect, uint64_t id)
{
    const struct run *run = run_of(collect, id);
    uint32_t workflow = UINT32_MAX;
    if (run && run->seen)
        workflow = run->workflow;
    else if (!run && collect->invoked_room)
        workflow =
            invoked_place(collect->invoked, collect->invoked_room, id)->run
                ? invoked_place(collect->invoked, collect->invoked_room, id)
                      ->workflow
                : UINT32_MAX;
    return workflow < collect->world.graph_count ? workflow : UINT32_MAX;
}

/* A step of a handler that is known by name speaks for itself. */
static int is_part(const struct report_collect *collect, uint32_t workflow,
                   const struct engine_record *record)
{
    const struct report_program *program = program_of(collect, workflow);
    return program && record->b && record->count &&
           record->count <= program->count &&
           record->kind >= ENGINE_REC_ATTEMPT_BEGIN &&
           record->kind <= ENGINE_REC_EFFECT_REPEAT;
}

static struct report_step *step_of(struct report_collect *collect,
                                   const struct engine_record *record)
{
    uint32_t workflow = workflow_of(collect, record->run);
    if (workflow == UINT32_MAX)
        return NULL;
    uint32_t base = collect->base_of[workflow];
    uint32_t op = record->op;
    if (is_part(collect, workflow, record))
        op = record->count;
    else if (op != UINT32_MAX && record->kind >= ENGINE_REC_EFFECT_SENT &&
             engine_graph_is_handler(collect->world.graphs[workflow]))
        op = 0;
    if (op >= collect->base_of[workflow + 1] - base)
        return NULL;
    uint32_t index = collect->step_of[base + op];
    return index ? &collect->stats.steps[index - 1] : NULL;
}

static void step_latency(struct report_collect *collect,
                         struct report_hist *hist, uint64_t from_ns,
                         uint64_t to_ns)
{
    if (from_ns == 0 || to_ns < from_ns || collect->world.brief)
        return;
    if (!hist->counts && report_hist_init(hist, 1)) {
        collect->stats.incomplete = 1;
        return;
    }
    report_hist_record(hist, to_ns - from_ns);
}

static void trouble(struct report_collect *collect, uint64_t id,
                    unsigned weight)
{
    struct run *run = run_of(collect, id);
    if (!run)
        return;
    unsigned sum = run->trouble + weight;
    run->trouble = (uint16_t)(sum < UINT16_MAX ? sum : UINT16_MAX);
    /* Of a run that has been seen; of none, the number is 0 and its trouble. */
    if (run->trouble > collect->runs[collect->stats.worst_run].trouble)
        collect->stats.worst_run = id;
}

/* Runs. */

static void count_in_flight(struct report_collect *collect, uint64_t now)
{
    struct report_stats *stats = &collect->stats;
    if (!collect->world.brief)
        report_series_in_flight(&collect->series, now, collect->in_flight);
    if (stats->last_fault_ns == 0) {
        if (collect->in_flight > collect->in_flight_before)
            collect->in_flight_before = collect->in_flight;
    } else if (stats->drain_ns == UINT64_MAX && now >= stats->last_fault_ns &&
               collect->in_flight <= collect->in_flight_before) {
        stats->drain_ns = now - stats->last_fault_ns;
    }
}

static void run_seen(struct report_collect *collect, struct run *run,
                     uint64_t due_ns, uint64_t now, uint32_t workflow)
{
    if (!run || run->seen)
        return;
    run->seen = 1;
    run->due_ns = due_ns;
    run->workflow = workflow;
    collect->stats.runs.started++;
    if (!collect->world.brief)
        report_series_at(&collect->series, due_ns)->started++;
    if (collect->splitter)
        report_splitter_start(collect->splitter,
                              (uint64_t)(run - collect->runs), due_ns);
    collect->in_flight++;
    count_in_flight(collect, now);
}

/* In flight: asked for, neither ended nor waiting for an operator. */
static int flying(unsigned state)
{
    return state != ENGINE_RUN_BLOCKED && state != ENGINE_RUN_PAUSED &&
           !engine_run_state_terminal(state);
}

/* What its latency is made of, which adds up to it. */
static void split_run(struct report_collect *collect, uint64_t id,
                      uint64_t due_ns, uint64_t now)
{
    uint64_t parts[REPORT_PARTS];
    if (!collect->splitter ||
        !report_splitter_end(collect->splitter, id, now, parts))
        return;
    report_series_split(&collect->series, due_ns, parts);
    for (int i = 0; i < REPORT_PARTS; i++)
        report_hist_record(&collect->stats.split.parts[i], parts[i]);
}

static void run_ended(struct report_collect *collect, uint64_t id,
                      const struct run *run, uint64_t now)
{
    struct report_stats *stats = &collect->stats;
    uint64_t latency = now > run->due_ns ? now - run->due_ns : 0;
    report_hist_record(&stats->latency, latency);
    if (!collect->world.brief) {
        report_series_latency(&collect->series, run->due_ns, latency);
        report_series_at(&collect->series, now)->finished++;
    }
    split_run(collect, id, run->due_ns, now);
    if (latency > stats->slowest_ns || stats->slowest_run == 0) {
        stats->slowest_ns = latency;
        stats->slowest_run = id;
    }
}

/* The state of a run after a durable row; an ended run stays ended. */
static void run_state(struct report_collect *collect,
                      const struct engine_record *record)
{
    struct run *run = run_of(collect, record->run);
    if (!run || record->state == 0 || engine_run_state_terminal(run->state))
        return;
    if (!run->seen)
        run_seen(collect, run, record->time_ns, record->time_ns, UINT32_MAX);
    unsigned before = run->state;
    run->state = (uint8_t)record->state;
    if (engine_run_state_terminal(run->state))
        run_ended(collect, record->run, run, record->time_ns);
    if (flying(before) == flying(run->state))
        return;
    if (flying(before))
        collect->in_flight--;
    else
        collect->in_flight++;
    count_in_flight(collect, record->time_ns);
}

/* Attempts and effects. */

static int is_handler(struct report_collect *collect, uint64_t id)
{
    uint32_t workflow = workflow_of(collect, id);
    return workflow != UINT32_MAX &&
           engine_graph_is_handler(collect->world.graphs[workflow]);
}

static void work_put(struct report_collect *collect,
                     const struct engine_record *record)
{
    struct report_step *step = step_of(collect, record);
    /* That a handler is invoked again means no trouble by itself. */
    unsigned retry = record->attempt > 1 && !is_handler(collect, record->run);
    if (retry)
        trouble(collect, record->run, 1);
    if (!step)
        return;
    step->attempts++;
    step->retries += retry;
    struct report_attempt *entry = report_attempts_add(
        &collect->attempts, record->run, record->op, record->attempt);
    if (entry)
        entry->put_ns = record->time_ns;
    else
        collect->stats.incomplete = 1;
}

static void work_claimed(struct report_collect *collect,
                         const struct engine_record *record)
{
    struct report_attempt *entry = report_attempts_find(
        &collect->attempts, record->run, record->op, record->attempt);
    struct report_step *step = step_of(collect, record);
    if (!entry || !step || entry->claimed_ns)
        return;
    entry->claimed_ns = record->time_ns;
    step_latency(collect, &step->dispatch, entry->put_ns, record->time_ns);
}

/* Steps of handlers: each attempt of an operation, and 0 for its effect. */

static struct report_attempt *part(struct report_collect *collect, uint64_t run,
                                   uint64_t id, uint32_t attempt, int add)
{
    uint32_t low = (uint32_t)id;
    uint32_t high = (uint32_t)(id >> 32) ^ attempt * UINT32_C(0x9e3779b1);
    struct report_attempt *entry =
        add ? report_attempts_add(&collect->parts, run, low, high)
            : report_attempts_find(&collect->parts, run, low, high);
    if (add && !entry)
        collect->stats.incomplete = 1;
    return entry;
}

static void part_code(struct report_collect *collect, struct report_step *step,
                      const struct engine_record *record)
{
    int begins = record->kind == ENGINE_REC_ATTEMPT_BEGIN;
    struct report_attempt *entry =
        part(collect, record->run, record->b, record->attempt, begins);
    if (begins) {
        step->attempts++;
        step->retries += record->attempt > 1;
        if (entry)
            entry->begun_ns = record->time_ns;
        return;
    }
    step->failures += record->detail != ENGINE_ERR_NONE;
    if (!entry)
        return;
    step_latency(collect, &step->code, entry->begun_ns, record->time_ns);
    report_attempts_drop(&collect->parts, entry);
}

/* What is sent and not applied when its operation succeeds is lost. */
static void part_effect(struct report_collect *collect,
                        const struct report_step *step,
                        const struct engine_record *record)
{
    struct report_attempt *entry = part(collect, record->run, record->b, 0, 1);
    if (!entry)
        return;
    entry->put_ns = (uint64_t)(step - collect->stats.steps) + 1;
    if (record->kind != ENGINE_REC_EFFECT_SENT)
        entry->claimed_ns = record->time_ns;
}

static void effect_lost(struct report_collect *collect,
                        struct report_step *step, uint64_t run)
{
    step->lost++;
    if (collect->struck)
        report_struck_lost(collect->struck, run);
}

static void part_succeeded(struct report_collect *collect,
                           const struct engine_record *record)
{
    struct report_attempt *entry = part(collect, record->run, record->a, 0, 0);
    if (!entry)
        return;
    collect->stats.steps[entry->put_ns - 1].succeeded++;
    if (!entry->claimed_ns)
        effect_lost(collect, &collect->stats.steps[entry->put_ns - 1],
                    record->run);
    report_attempts_drop(&collect->parts, entry);
}

static void attempt_code(struct report_collect *collect,
                         const struct engine_record *record)
{
    uint32_t workflow = workflow_of(collect, record->run);
    if (workflow != UINT32_MAX && is_part(collect, workflow, record)) {
        struct report_step *of = step_of(collect, record);
        if (of)
            part_code(collect, of, record);
        return;
    }
    struct report_attempt *entry = report_attempts_find(
        &collect->attempts, record->run, record->op, record->attempt);
    struct report_step *step = step_of(collect, record);
    if (!entry || !step)
        return;
    if (record->kind == ENGINE_REC_ATTEMPT_BEGIN) {
        entry->begun_ns = record->time_ns;
    } else {
        step_latency(collect, &step->code, entry->begun_ns, record->time_ns);
        entry->begun_ns = 0;
    }
}

static void work_over(struct report_collect *collect,
                      const struct engine_record *record)
{
    struct report_attempt *entry = report_attempts_find(
        &collect->attempts, record->run, record->op, record->attempt);
    struct report_step *step = step_of(collect, record);
    if (!entry || !step)
        return;
    if (record->kind == ENGINE_REC_WORK_CUT) {
        step->cut++;
    } else {
        step->failures += record->detail != ENGINE_ERR_NONE &&
                          record->detail != ENGINE_ERR_PENDING;
        step_latency(collect, &step->total, entry->put_ns, record->time_ns);
    }
    report_attempts_drop(&collect->attempts, entry);
}

static void effect(struct report_collect *collect,
                   const struct engine_record *record)
{
    struct report_step *step = step_of(collect, record);
    if (!step)
        return;
    int is_of_part = is_part(collect, step->workflow_id, record);
    if (is_of_part)
        part_effect(collect, step, record);
    if (record->kind == ENGINE_REC_EFFECT_SENT) {
        step->effects_sent++;
    } else if (record->kind == ENGINE_REC_EFFECT_REPEAT) {
        step->repeats++;
    } else {
        step->applied++;
        step->duplicates += record->a > 0;
        if (record->a == 0 && step->has_effect && !is_of_part &&
            !report_attempts_add(&collect->attempts, record->run, record->op,
                                 APPLIED))
            collect->stats.incomplete = 1;
    }
}

static void op_succeeded(struct report_collect *collect,
                         const struct engine_record *record)
{
    struct report_step *step = step_of(collect, record);
    if (!step || !step->has_effect)
        return;
    step->succeeded++;
    struct report_attempt *entry = report_attempts_find(
        &collect->attempts, record->run, record->op, APPLIED);
    if (entry)
        report_attempts_drop(&collect->attempts, entry);
    else
        effect_lost(collect, step, record->run);
}

/* The class of error that an attempt ended with, or NONE. */
static uint64_t error_of(const struct engine_record *record)
{
    switch (record->detail) {
    case ENGINE_EV_ATTEMPT_FAILED:
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
        return record->a;
    case ENGINE_EV_OPERATION_FAILED:
    case ENGINE_EV_OPERATION_RETRY:
        return record->token;
    default:
        return ENGINE_ERR_NONE;
    }
}

static void event(struct report_collect *collect,
                  const struct engine_record *record)
{
    uint64_t error = error_of(record);
    if (error != ENGINE_ERR_NONE && error < ENGINE_ERR_COUNT)
        collect->stats.errors[error]++;
    struct run *run = run_of(collect, record->run);
    if (!run && record->detail == ENGINE_EV_RUN_CREATED) {
        collect->stats.runs.invoked++;
        note_invoked(collect, record->run, (uint32_t)record->a);
    }
    if (record->detail == ENGINE_EV_OPERATION_SUCCEEDED)
        part_succeeded(collect, record);
    else if (!run && record->detail == ENGINE_EV_OP_SUCCEEDED)
        op_succeeded(collect, record);
    if (!run)
        return;
    run->parked |= record->detail == ENGINE_EV_ATTEMPT_SUSPENDED;
    if (record->detail == ENGINE_EV_RUN_CREATED && run->seen &&
        run->workflow == UINT32_MAX)
        run->workflow = (uint32_t)record->a;
    else if (record->detail == ENGINE_EV_OP_SUCCEEDED)
        op_succeeded(collect, record);
}

/* Faults. */

static void add_band(struct report_collect *collect, struct report_band band)
{
    struct report_stats *stats = &collect->stats;
    if (stats->band_count < REPORT_BANDS_MAX)
        stats->bands[stats->band_count++] = band;
    else
        stats->bands_left_out++;
}

/* A fault begins or ends: what is in flight has to drain from here, or from
   when the last of those that last is over. */
static void fault_time(struct report_collect *collect, uint64_t now)
{
    struct report_stats *stats = &collect->stats;
    int lasts = collect->lasting_ns > now;
    stats->last_fault_ns = lasts ? collect->lasting_ns : now;
    stats->drain_ns = !lasts && collect->in_flight <= collect->in_flight_before
                          ? 0
                          : UINT64_MAX;
}

/* Faults that are given a time end by themselves. */
static int ends_itself(const struct engine_record *record)
{
    return (record->detail == ENGINE_ACT_CUT ||
            record->detail == ENGINE_ACT_CUT_IN ||
            record->detail == ENGINE_ACT_CUT_OUT ||
            record->detail == ENGINE_ACT_FREEZE) &&
           (int64_t)record->a > 0;
}

static void lasting_fault(struct report_collect *collect,
                          const struct engine_record *record)
{
    uint64_t end = record->time_ns + record->a;
    add_band(collect,
             (struct report_band){REPORT_BAND_FAULT, record->node,
                                  (uint32_t)record->key, record->time_ns, end});
    if (end > collect->lasting_ns)
        collect->lasting_ns = end;
}

static void effective(struct report_collect *collect, uint32_t point)
{
    if (point < collect->world.point_count)
        collect->faults[point].effective++;
}

/*
 * The world may write its own record of the consequence before or after the
 * FAULT record: whichever comes second, at a node, claims the first.
 */
static void await(struct report_collect *collect, uint32_t point, uint64_t now,
                  uint64_t *shown_ns, uint32_t *waiting)
{
    if (*shown_ns == now) {
        *shown_ns = 0;
        effective(collect, point);
    } else {
        *waiting = point + 1;
    }
}

static void shown(struct report_collect *collect, uint64_t now,
                  uint64_t *shown_ns, uint32_t *waiting)
{
    if (*waiting) {
        effective(collect, *waiting - 1);
        *waiting = 0;
    } else {
        *shown_ns = now;
    }
}

static int is_host(const struct report_collect *collect, uint32_t point)
{
    return point < collect->world.point_count && collect->world.points &&
           strcmp(collect->world.points[point].name, "platform/host") == 0;
}

static void fault_effect(struct report_collect *collect,
                         const struct engine_record *record)
{
    uint32_t point = (uint32_t)record->key;
    uint64_t now = record->time_ns;
    struct node *node = node_of(collect, record->node);
    if (!node)
        return;
    switch (record->detail) {
    case ENGINE_ACT_NONE:
        break;
    case ENGINE_ACT_CRASH:
    case ENGINE_ACT_OOM:
        if (is_host(collect, point)) {
            effective(collect, point); /* the platform's node lives on */
            break;
        }
        await(collect, point, now, &node->went_ns, &node->wait_down);
        break;
    case ENGINE_ACT_PAUSE:
        await(collect, point, now, &node->stood_ns, &node->wait_paused);
        break;
    case ENGINE_ACT_STEP:
    case ENGINE_ACT_DRIFT:
        await(collect, point, now, &node->set_ns, &node->wait_set);
        break;
    default:
        effective(collect, point);
    }
}

static void fault(struct report_collect *collect,
                  const struct engine_record *record)
{
    struct report_stats *stats = &collect->stats;
    stats->faults_fired++;
    stats->faults_in_flight += record->count == 1;
    if (!collect->world.brief)
        report_series_at(&collect->series, record->time_ns)->faults++;
    if (ends_itself(record))
        lasting_fault(collect, record);
    fault_time(collect, record->time_ns);
    if (record->run)
        trouble(collect, record->run, 4);
    if (record->key >= collect->world.point_count)
        return;
    struct report_fault *row = &collect->faults[record->key];
    if (row->fired++ == 0)
        row->first_ns = record->time_ns;
    row->last_ns = record->time_ns;
    row->in_flight += record->count == 1;
    fault_effect(collect, record);
    if (!ends_itself(record) && collect->open_count < OPEN_FAULTS_MAX)
        collect->open[collect->open_count++] = (struct open_fault){
            (uint32_t)record->key, record->node, record->time_ns};
}

/* Most faults never end, they are over at once: the oldest makes room. */
static void forget_open(struct report_collect *collect, uint32_t index)
{
    collect->open_count--;
    memmove(&collect->open[index], &collect->open[index + 1],
            (collect->open_count - index) * sizeof(collect->open[0]));
}

static void fault_ended(struct report_collect *collect,
                        const struct engine_record *record)
{
    fault_time(collect, record->time_ns);
    for (uint32_t i = collect->open_count; i-- > 0;) {
        struct open_fault *open = &collect->open[i];
        if (open->point != record->key || open->node != record->node)
            continue;
        add_band(collect, (struct report_band){REPORT_BAND_FAULT, open->node,
                                               open->point, open->from_ns,
                                               record->time_ns});
        forget_open(collect, i);
        return;
    }
}

static void proc_down(struct report_collect *collect,
                      const struct engine_record *record)
{
    struct report_stats *stats = &collect->stats;
    struct node *node = node_of(collect, record->node);
    if (record->a > stats->store.process_bytes_max) {
        stats->store.process_bytes_max = record->a;
        stats->store.process_bytes_node = record->node;
    }
    if (!node || record->detail == ENGINE_ACT_NONE)
        return;
    stats->crashes++;
    node->down_ns = node->environment ? 0 : record->time_ns;
    fault_time(collect, record->time_ns);
    shown(collect, record->time_ns, &node->went_ns, &node->wait_down);
}

static void proc_back(struct report_collect *collect,
                      const struct engine_record *record)
{
    struct node *node = node_of(collect, record->node);
    if (!node)
        return;
    int up = record->kind == ENGINE_REC_PROC_UP;
    uint64_t *from_ns = up ? &node->down_ns : &node->paused_ns;
    if (*from_ns == 0)
        return;
    add_band(collect,
             (struct report_band){up ? REPORT_BAND_DOWN : REPORT_BAND_PAUSED,
                                  record->node, 0, *from_ns, record->time_ns});
    *from_ns = 0;
    if (up)
        node->paused_ns = node->wait_down = 0;
    fault_time(collect, record->time_ns);
}

static void proc_paused(struct report_collect *collect,
                        const struct engine_record *record)
{
    struct node *node = node_of(collect, record->node);
    if (!node)
        return;
    node->paused_ns = record->time_ns;
    shown(collect, record->time_ns, &node->stood_ns, &node->wait_paused);
}

static void clock_set(struct report_collect *collect,
                      const struct engine_record *record)
{
    struct node *node = node_of(collect, record->node);
    if (node)
        shown(collect, record->time_ns, &node->set_ns, &node->wait_set);
}

/* Stores and platforms. */

static void renewed(struct report_collect *collect,
                    const struct engine_record *record)
{
    /* One exchange renews many leases: it is one commit. */
    if (record->time_ns == collect->renewed_ns &&
        record->peer == collect->renewed_peer)
        return;
    collect->renewed_ns = record->time_ns;
    collect->renewed_peer = record->peer;
    collect->stats.commits++;
}

static void leased(struct report_collect *collect,
                   const struct engine_record *record)
{
    struct run *run = run_of(collect, record->run);
    if (!run)
        return;
    if (record->kind == ENGINE_REC_LEASE_RELEASED) {
        run->leased = 0;
        return;
    }
    if (run->leased) {
        collect->stats.store.takeovers++;
        trouble(collect, record->run, 2);
    }
    run->leased = 1;
}

static void rejected(struct report_collect *collect,
                     const struct engine_record *record)
{
    collect->stats.store.fenced += record->count == ENGINE_FENCED;
    collect->stats.store.conflicts += record->count == ENGINE_CONFLICT;
}

static void environment(struct report_platform *platform,
                        const struct engine_record *record)
{
    if (record->kind == ENGINE_REC_ENV_ENDED) {
        platform->environments_open -= platform->environments_open > 0;
        return;
    }
    platform->environments++;
    if (++platform->environments_open > platform->environments_max)
        platform->environments_max = platform->environments_open;
    report_hist_record(&platform->start_up, record->a);
}

static void gauge(struct report_platform *platform,
                  const struct engine_record *record)
{
    if (record->a > platform->in_flight_max)
        platform->in_flight_max = record->a;
    platform->limit = record->b;
}

/* A platform's own log of an attempt: 2 given up, 3 refused. */
static void said(struct report_platform *platform,
                 const struct engine_record *record)
{
    if ((record->count == 2 || record->count == 3) &&
        record->b < ENGINE_ERR_COUNT)
        platform->given_up[record->b]++;
}

/* Records kept whole. */

static int concerns_world(unsigned kind)
{
    return (kind >= ENGINE_REC_FAULT && kind <= ENGINE_REC_DISK_FAULT) ||
           kind == ENGINE_REC_STORE_OPENED;
}

/* Whether the record is among those that are asked for. */
static int sampled(const struct report_collect *collect,
                   const struct engine_record *record)
{
    const struct report_world *world = &collect->world;
    if (!world->sampled || (record->run && record->run == world->follow))
        return 1;
    return record->run ? engine_sample_sees(record->run, world->sample_ppb)
                       : world->sample_ppb > 0;
}

static int wanted(const struct report_collect *collect,
                  const struct engine_record *record)
{
    if (record->kind >= ENGINE_REC_AUDIT_ROW &&
        record->kind <= ENGINE_REC_AUDIT_DONE)
        return 0;
    if (!sampled(collect, record))
        return 0;
    if (!collect->choosy || concerns_world(record->kind))
        return 1;
    for (uint32_t i = 0; i < collect->followed_count; i++)
        if (record->run && collect->followed[i] == record->run)
            return 1;
    return 0;
}

static void follow(struct report_collect *collect, uint64_t run)
{
    for (uint32_t i = 0; i < collect->followed_count; i++)
        if (collect->followed[i] == run)
            return;
    if (run && collect->followed_count < REPORT_FOLLOWED_MAX)
        collect->followed[collect->followed_count++] = run;
}

/* Most of the room is full: only the runs worth telling go on. */
static void become_choosy(struct report_collect *collect)
{
    collect->choosy = 1;
    follow(collect, collect->stats.worst_run);
    follow(collect, collect->stats.slowest_run);
}

static void retain(struct report_collect *collect,
                   const struct engine_record *record)
{
    uint64_t max = collect->world.retained_max;
    if (!collect->choosy && collect->retained_count >= max - max / 8)
        become_choosy(collect);
    if (!wanted(collect, record))
        return;
    if (collect->retained_count >= max) {
        collect->left_out++;
        return;
    }
    if (collect->retained_count == collect->retained_room) {
        size_t room = (size_t)room_for(collect->retained_room,
                                       collect->retained_count, 1024);
        struct report_retained *retained =
            realloc(collect->retained, room * sizeof(*retained));
        if (!retained) {
            collect->left_out++;
            return;
        }
        collect->retained = retained;
        collect->retained_room = room;
    }
    collect->retained[collect->retained_count++] =
        (struct report_retained){*record, collect->stats.events};
}

static void take_world(struct report_collect *collect,
                       const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_FAULT:
        if (collect->open_count == OPEN_FAULTS_MAX)
            forget_open(collect, 0);
        fault(collect, record);
        break;
    case ENGINE_REC_FAULT_ENDED:
        fault_ended(collect, record);
        break;
    case ENGINE_REC_PROC_DOWN:
        proc_down(collect, record);
        break;
    case ENGINE_REC_PROC_UP:
    case ENGINE_REC_PROC_RESUMED:
        proc_back(collect, record);
        break;
    case ENGINE_REC_PROC_PAUSED:
        proc_paused(collect, record);
        break;
    case ENGINE_REC_CLOCK_SET:
        clock_set(collect, record);
        break;
    case ENGINE_REC_TAINT_READ:
        collect->stats.store.taint_believed += record->detail == 0;
        break;
    default:
        break;
    }
}

/* A place will be ended: a spot notice, a drain, a soft limit. */
static void warned(struct report_platform *platform,
                   const struct engine_record *record)
{
    static const uint32_t warning = 1; /* of a PLATFORM record */
    if (record->count != warning)
        return;
    uint64_t notice_ns =
        record->a > record->time_ns ? record->a - record->time_ns : 0;
    if (platform->warned++ == 0 || notice_ns < platform->notice_ns)
        platform->notice_ns = notice_ns;
}

/* What a platform's record adds to its figures, or to those of all. */
static void add_platform(struct report_platform *platform,
                         const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_INVOKED:
        platform->cold += record->detail == 1;
        platform->warm += record->detail == 2;
        break;
    case ENGINE_REC_THROTTLED:
        platform->throttled++;
        gauge(platform, record);
        break;
    case ENGINE_REC_ENV_STARTED:
    case ENGINE_REC_ENV_ENDED:
        environment(platform, record);
        break;
    case ENGINE_REC_KILLED:
        platform->killed++;
        break;
    case ENGINE_REC_PLATFORM:
        said(platform, record);
        warned(platform, record);
        break;
    default:
        gauge(platform, record);
        break;
    }
}

static void take_platform(struct report_collect *collect,
                          const struct engine_record *record)
{
    struct report_stats *stats = &collect->stats;
    struct node *node = NULL;
    switch (record->kind) {
    case ENGINE_REC_ENV_STARTED:
        node = node_of(collect, record->peer);
        if (node)
            node->environment = 1;
        break;
    case ENGINE_REC_INVOKED:
    case ENGINE_REC_THROTTLED:
    case ENGINE_REC_ENV_ENDED:
    case ENGINE_REC_KILLED:
    case ENGINE_REC_PLATFORM:
    case ENGINE_REC_GAUGE:
        break;
    default:
        take_world(collect, record);
        return;
    }
    add_platform(&stats->platform, record);
    for (uint32_t i = 0; i < stats->platform_count; i++)
        if (collect->world.platforms[i] == record->node)
            add_platform(&stats->platforms[i], record);
}

static void take_store(struct report_collect *collect,
                       const struct engine_record *record)
{
    struct report_stats *stats = &collect->stats;
    switch (record->kind) {
    case ENGINE_REC_LEASE_GRANTED:
    case ENGINE_REC_LEASE_RELEASED:
        leased(collect, record);
        break;
    case ENGINE_REC_LEASE_RENEWED:
        renewed(collect, record);
        break;
    case ENGINE_REC_OUTBOX_ACKED:
    case ENGINE_REC_BLOB_PUT:
        stats->commits++;
        break;
    case ENGINE_REC_REJECTED:
        rejected(collect, record);
        break;
    case ENGINE_REC_STORE_OPENED:
        stats->store.opened++;
        stats->store.refused += record->count == 1;
        break;
    case ENGINE_REC_SYNC_FAILED:
        stats->store.unknown++;
        break;
    default:
        take_platform(collect, record);
    }
}

/* A fault of one of a platform's hosts shows in what ended with it, at once. */
static void host_gone(struct report_collect *collect,
                      const struct engine_record *record)
{
    struct node *platform = node_of(collect, record->node);
    if (platform && platform->wait_down &&
        collect->stats.last_fault_ns == record->time_ns)
        shown(collect, record->time_ns, &platform->went_ns,
              &platform->wait_down);
}

static void take(struct report_collect *collect,
                 const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_START_SENT:
        run_seen(collect, run_of(collect, record->run), record->a,
                 record->time_ns, record->op);
        break;
    case ENGINE_REC_APPENDED:
        collect->stats.commits++;
        run_state(collect, record);
        break;
    case ENGINE_REC_EVENT:
        event(collect, record);
        break;
    case ENGINE_REC_WORK_PUT:
        work_put(collect, record);
        break;
    case ENGINE_REC_WORK_CLAIMED:
        collect->stats.commits += record->count == 0; /* 1: a repeat */
        work_claimed(collect, record);
        break;
    case ENGINE_REC_WORK_DONE:
        collect->stats.commits++;
        work_over(collect, record);
        break;
    case ENGINE_REC_WORK_CUT:
        work_over(collect, record);
        break;
    case ENGINE_REC_ATTEMPT_BEGIN:
    case ENGINE_REC_ATTEMPT_END:
        attempt_code(collect, record);
        break;
    case ENGINE_REC_EFFECT_SENT:
    case ENGINE_REC_EFFECT_APPLIED:
    case ENGINE_REC_EFFECT_REPEAT:
        effect(collect, record);
        break;
    case ENGINE_REC_ENV_ENDED:
        host_gone(collect, record);
        take_store(collect, record);
        break;
    default:
        take_store(collect, record);
    }
}

/* What it uses of limits, and what follows from faults. */
static void follow_record(struct report_collect *collect,
                          const struct engine_record *record)
{
    int handler = (record->kind == ENGINE_REC_APPENDED ||
                   record->kind == ENGINE_REC_WORK_PUT) &&
                  is_handler(collect, record->run);
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
            retain(collect, record);
        }
        stats->events++;
    }
}

/* What a run counts as at the end. */
static uint64_t *count_of(struct report_runs *runs, const struct run *run)
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
        const struct run *run = &collect->runs[id];
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
    const struct report_program *program = program_of(collect, run->workflow);
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
        const struct node *node = &collect->nodes[i];
        if (node->down_ns)
            add_band(collect, (struct report_band){REPORT_BAND_DOWN, i, 0,
                                                   node->down_ns, end});
        if (node->paused_ns)
            add_band(collect, (struct report_band){REPORT_BAND_PAUSED, i, 0,
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
    count_in_flight(collect, stats->last_ns);
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
