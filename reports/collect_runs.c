/*
 * Runs, their steps and attempts, and the effects of those.
 */
#include "reports/collect_private.h"

#include <stdlib.h>
#include <string.h>

uint64_t collect_room_for(uint64_t room, uint64_t index, uint64_t first)
{
    if (room == 0)
        room = first;
    while (room <= index)
        room *= 2;
    return room;
}

struct collect_run *collect_run_of(struct report_collect *collect, uint64_t id)
{
    if (id == 0 || id > collect->world.runs_max)
        return NULL;
    if (id < collect->run_room)
        return &collect->runs[id];
    uint64_t room = collect_room_for(collect->run_room, id, 1024);
    if (room > collect->world.runs_max + 1)
        room = collect->world.runs_max + 1;
    struct collect_run *runs = realloc(collect->runs, room * sizeof(*runs));
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

struct collect_node *collect_node_of(struct report_collect *collect,
                                     uint16_t id)
{
    if (id < collect->node_room)
        return &collect->nodes[id];
    uint32_t room = (uint32_t)collect_room_for(collect->node_room, id, 64);
    struct collect_node *nodes = realloc(collect->nodes, room * sizeof(*nodes));
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
static struct collect_invoked *invoked_place(struct collect_invoked *list,
                                             uint32_t room, uint64_t run)
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
        struct collect_invoked *list = calloc(room, sizeof(*list));
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
    struct collect_invoked *place =
        invoked_place(collect->invoked, collect->invoked_room, run);
    collect->invoked_count += place->run == 0;
    *place = (struct collect_invoked){run, workflow};
}

/* The workflow of a run of any sort, or UINT32_MAX. */
static uint32_t workflow_of(struct report_collect *collect, uint64_t id)
{
    const struct collect_run *run = collect_run_of(collect, id);
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
    const struct report_program *program =
        collect_program_of(collect, workflow);
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

void collect_trouble(struct report_collect *collect, uint64_t id,
                     unsigned weight)
{
    struct collect_run *run = collect_run_of(collect, id);
    if (!run)
        return;
    unsigned sum = run->trouble + weight;
    run->trouble = (uint16_t)(sum < UINT16_MAX ? sum : UINT16_MAX);
    /* Of a run that has been seen; of none, the number is 0 and its trouble. */
    if (run->trouble > collect->runs[collect->stats.worst_run].trouble)
        collect->stats.worst_run = id;
}

/* Runs. */

void collect_count_in_flight(struct report_collect *collect, uint64_t now)
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

void collect_run_seen(struct report_collect *collect, struct collect_run *run,
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
    collect_count_in_flight(collect, now);
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
                      const struct collect_run *run, uint64_t now)
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

void collect_run_state(struct report_collect *collect,
                       const struct engine_record *record)
{
    struct collect_run *run = collect_run_of(collect, record->run);
    if (!run || record->state == 0 || engine_run_state_terminal(run->state))
        return;
    if (!run->seen)
        collect_run_seen(collect, run, record->time_ns, record->time_ns,
                         UINT32_MAX);
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
    collect_count_in_flight(collect, record->time_ns);
}

/* Attempts and effects. */

int collect_is_handler(struct report_collect *collect, uint64_t id)
{
    uint32_t workflow = workflow_of(collect, id);
    return workflow != UINT32_MAX &&
           engine_graph_is_handler(collect->world.graphs[workflow]);
}

void collect_work_put(struct report_collect *collect,
                      const struct engine_record *record)
{
    struct report_step *step = step_of(collect, record);
    /* That a handler is invoked again means no trouble by itself. */
    unsigned retry =
        record->attempt > 1 && !collect_is_handler(collect, record->run);
    if (retry)
        collect_trouble(collect, record->run, 1);
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

void collect_work_claimed(struct report_collect *collect,
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

void collect_attempt_code(struct report_collect *collect,
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

void collect_work_over(struct report_collect *collect,
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

void collect_effect(struct report_collect *collect,
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
                                 COLLECT_APPLIED))
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
        &collect->attempts, record->run, record->op, COLLECT_APPLIED);
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

void collect_event(struct report_collect *collect,
                   const struct engine_record *record)
{
    uint64_t error = error_of(record);
    if (error != ENGINE_ERR_NONE && error < ENGINE_ERR_COUNT)
        collect->stats.errors[error]++;
    struct collect_run *run = collect_run_of(collect, record->run);
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
