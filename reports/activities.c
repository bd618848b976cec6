#include "reports/activities.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operation.h"
#include "reports/fold.h"
#include "reports/index.h"
#include "reports/timeline.h"

enum {
    NODES = UINT16_MAX + 1
};

/* A run whose records were kept, while it is told. */
struct teller_run {
    uint64_t number;
    uint64_t openers; /* records that begin an activity, and the run */
    bool chosen;
    bool ended;     /* the record of its end was kept */
    uint32_t place; /* of its activity; NONE: not begun */
    uint32_t open;  /* newest of its open activities, not the run; NONE */
};

/* A node: its code that may be open, newest first, and slots taken. */
struct teller_node {
    uint32_t newest;
    uint64_t slots;
};

struct teller {
    struct report_activities *out;
    const struct report_collect *collect;
    const struct report_retained *kept;
    size_t kept_count;
    struct report_index index; /* of runs, by number */
    struct teller_run *runs;
    struct report_index last; /* code last begun, by run and operation */
    uint32_t *last_places;
    uint32_t *next_on_node; /* [most], of code */
    struct teller_node *nodes;
    uint32_t most;
    uint64_t end_ns;
};

/* What a record begins, if anything. */
static bool begins(const struct engine_record *record,
                   enum report_activity_kind *kind)
{
    switch (record->kind) {
    case ENGINE_REC_LEASE_GRANTED:
        *kind = REPORT_ACTIVITY_LEASE;
        return true;
    case ENGINE_REC_WORK_PUT:
        *kind = REPORT_ACTIVITY_QUEUED;
        return true;
    case ENGINE_REC_WORK_CLAIMED:
        *kind = REPORT_ACTIVITY_ATTEMPT;
        return record->count == 0; /* else the same worker claimed it again */
    case ENGINE_REC_ATTEMPT_BEGIN:
        *kind = REPORT_ACTIVITY_CODE;
        return true;
    case ENGINE_REC_EVENT:
        break;
    default:
        return false;
    }
    switch (record->detail) {
    case ENGINE_EV_RETRY_SCHEDULED:
    case ENGINE_EV_OPERATION_RETRY:
        *kind = REPORT_ACTIVITY_RETRY;
        return true;
    case ENGINE_EV_WAIT_STARTED:
        *kind = REPORT_ACTIVITY_WAIT;
        return true;
    case ENGINE_EV_OPERATION_STARTED:
        *kind = engine_record_type(record) == ENGINE_OPERATION_CONTEXT
                    ? REPORT_ACTIVITY_GROUP
                    : REPORT_ACTIVITY_WAIT;
        return engine_record_type(record) != ENGINE_OPERATION_STEP;
    default:
        return false;
    }
}

static bool is_told(const struct engine_record *record)
{
    return record->run != 0 && (record->kind < ENGINE_REC_AUDIT_ROW ||
                                record->kind > ENGINE_REC_AUDIT_DONE);
}

/* Choosing ----------------------------------------------------------------- */

static struct report_key key_of(uint64_t run)
{
    return (struct report_key){{run, 0, 0}};
}

static struct teller_run *find_run(struct teller *teller, uint64_t run)
{
    struct report_key key = key_of(run);
    uint32_t place = report_index_find(&teller->index, &key);
    return place == REPORT_INDEX_NONE ? NULL : &teller->runs[place];
}

static int meet(struct teller *teller, const struct engine_record *record)
{
    enum report_activity_kind kind;
    struct teller_run *run = find_run(teller, record->run);
    if (!run) {
        struct report_key key = key_of(record->run);
        void *list = teller->runs;
        uint32_t place =
            report_index_add(&teller->index, &key, &list, sizeof(*run));
        if (place == REPORT_INDEX_NONE)
            return -1;
        teller->runs = list;
        run = &teller->runs[place];
        *run = (struct teller_run){.number = record->run,
                                   .openers = 1,
                                   .place = REPORT_ACTIVITY_NONE,
                                   .open = REPORT_ACTIVITY_NONE};
    }
    run->openers += begins(record, &kind);
    run->ended |= record->kind == ENGINE_REC_APPENDED &&
                  engine_run_state_terminal(record->state);
    return 0;
}

static void choose(struct teller *teller, struct teller_run *run,
                   uint64_t *room)
{
    if (!run || run->chosen || run->openers > *room)
        return;
    run->chosen = true;
    *room -= run->openers;
    teller->out->run_count++;
}

/*
 * Whole runs, as long as there is room. Where records were kept of some runs
 * only from some time on, what has no end may have been cut short. 0, or -1
 * when out of memory.
 */
static int choose_runs(struct teller *teller, const struct report_stats *stats)
{
    uint64_t room = teller->most;
    for (size_t i = 0; i < teller->kept_count; i++)
        if (is_told(&teller->kept[i].record) &&
            meet(teller, &teller->kept[i].record))
            return -1;
    choose(teller, find_run(teller, stats->worst_run), &room);
    choose(teller, find_run(teller, stats->slowest_run), &room);
    for (uint32_t i = 0; i < teller->index.count; i++) {
        struct teller_run *run = &teller->runs[i];
        if (!run->chosen && run->openers > room)
            break;
        if (run->ended || !report_collect_is_choosy(teller->collect))
            choose(teller, run, &room);
    }
    teller->out->runs_left_out = teller->index.count - teller->out->run_count;
    return 0;
}

/* Telling ------------------------------------------------------------------ */

static struct report_activity *activity_at(struct teller *teller,
                                           uint32_t place)
{
    return &teller->out->list[place];
}

static uint64_t step_id(const struct engine_record *record)
{
    return record->kind == ENGINE_REC_EVENT ? record->a
           : record->count > 0              ? record->b
                                            : 0;
}

static struct report_activity *append(struct teller *teller,
                                      struct report_activity activity)
{
    struct report_activities *out = teller->out;
    if (out->count == teller->most) {
        out->activities_left_out++;
        return NULL;
    }
    activity.to_ns = teller->end_ns;
    out->list[out->count] = activity;
    return &out->list[out->count++];
}

/* The open activity of a run, and what points to it; NULL: there is none. */
static uint32_t *find_open(struct teller *teller, struct teller_run *run,
                           enum report_activity_kind kind, uint32_t op)
{
    uint32_t *at = &run->open;
    while (*at != REPORT_ACTIVITY_NONE) {
        struct report_activity *each = activity_at(teller, *at);
        if (each->kind == kind &&
            (kind == REPORT_ACTIVITY_LEASE || each->op == op))
            return at;
        at = &each->next_open;
    }
    return NULL;
}

/* The open code that a worker's record is about. */
static uint32_t *find_code(struct teller *teller, struct teller_run *run,
                           const struct engine_record *record)
{
    uint32_t *at = &run->open;
    while (*at != REPORT_ACTIVITY_NONE) {
        struct report_activity *each = activity_at(teller, *at);
        if (each->kind == REPORT_ACTIVITY_CODE && each->node == record->node &&
            each->op == record->op && each->attempt == record->attempt &&
            each->id == step_id(record))
            return at;
        at = &each->next_open;
    }
    return NULL;
}

static void free_slot(struct teller *teller,
                      const struct report_activity *activity)
{
    if (activity->kind == REPORT_ACTIVITY_CODE &&
        activity->slot != REPORT_ACTIVITY_NONE)
        teller->nodes[activity->node].slots &= ~(UINT64_C(1) << activity->slot);
}

/* Ends what *at points to and takes it out of the open ones. */
static void end_at(struct teller *teller, uint32_t *at, uint64_t now,
                   enum report_activity_end end, uint16_t error)
{
    struct report_activity *activity = at ? activity_at(teller, *at) : NULL;
    if (!activity)
        return;
    *at = activity->next_open;
    activity->to_ns = now;
    activity->end = end;
    activity->error = error == ENGINE_ERR_PENDING ? ENGINE_ERR_NONE : error;
    free_slot(teller, activity);
}

static void end_open(struct teller *teller, struct teller_run *run,
                     enum report_activity_kind kind, uint32_t op, uint64_t now,
                     enum report_activity_end end)
{
    end_at(teller, find_open(teller, run, kind, op), now, end, 0);
}

static uint32_t take_slot(struct teller *teller, uint32_t node)
{
    uint64_t slots = teller->nodes[node].slots;
    for (uint32_t slot = 0; slot < REPORT_ACTIVITY_SLOTS; slot++) {
        if (slots >> slot & 1)
            continue;
        teller->nodes[node].slots |= UINT64_C(1) << slot;
        return slot;
    }
    return REPORT_ACTIVITY_NONE;
}

/* Code belongs to the attempt of its step, or of its handler. */
static uint32_t parent_of_code(struct teller *teller, struct teller_run *run,
                               const struct report_activity *code)
{
    uint32_t at = run->open;
    for (; at != REPORT_ACTIVITY_NONE;
         at = activity_at(teller, at)->next_open) {
        const struct report_activity *each = activity_at(teller, at);
        if (each->kind == REPORT_ACTIVITY_ATTEMPT && each->node == code->node &&
            (code->id ? each->op == 0
                      : each->op == code->op && each->attempt == code->attempt))
            return at;
    }
    return run->place;
}

/* What is to be known of code beyond its record. -1 when out of memory. */
static int place_code(struct teller *teller, struct teller_run *run,
                      struct report_activity *code)
{
    uint32_t place = (uint32_t)(code - teller->out->list);
    struct teller_node *node = &teller->nodes[code->node];
    struct report_key key = {{run->number, code->id, code->id ? 0 : code->op}};
    uint32_t last = report_index_find(&teller->last, &key);
    if (last == REPORT_INDEX_NONE) {
        void *list = teller->last_places;
        last = report_index_add(&teller->last, &key, &list,
                                sizeof(*teller->last_places));
        if (last == REPORT_INDEX_NONE)
            return -1;
        teller->last_places = list;
    } else {
        code->before = teller->last_places[last];
    }
    teller->last_places[last] = place;
    code->parent = parent_of_code(teller, run, code);
    code->slot = take_slot(teller, code->node);
    teller->next_on_node[place] = node->newest;
    node->newest = place;
    return 0;
}

static uint32_t node_of(const struct engine_record *record,
                        enum report_activity_kind kind)
{
    if (kind == REPORT_ACTIVITY_CODE)
        return record->node;
    return kind == REPORT_ACTIVITY_LEASE || kind == REPORT_ACTIVITY_ATTEMPT
               ? record->peer
               : REPORT_ACTIVITY_NONE;
}

/* The number of a handler's step that waits to be repeated, by its code. */
static uint32_t step_of_retry(struct teller *teller,
                              const struct teller_run *run, uint64_t id)
{
    struct report_key key = {{run->number, id, 0}};
    uint32_t last =
        id ? report_index_find(&teller->last, &key) : REPORT_INDEX_NONE;
    return last == REPORT_INDEX_NONE
               ? 0
               : activity_at(teller, teller->last_places[last])->step;
}

static int begin(struct teller *teller, struct teller_run *run,
                 const struct report_retained *kept,
                 enum report_activity_kind kind)
{
    const struct engine_record *record = &kept->record;
    bool operation =
        fold_is_operation(record->detail) && record->kind == ENGINE_REC_EVENT;
    struct report_activity *activity = append(
        teller,
        (struct report_activity){
            .kind = kind,
            .run = run->place,
            .parent = run->place,
            .before = REPORT_ACTIVITY_NONE,
            .node = node_of(record, kind),
            .slot = REPORT_ACTIVITY_NONE,
            .op = record->op,
            .attempt = record->attempt,
            .step = kind == REPORT_ACTIVITY_CODE ? record->count
                    : kind == REPORT_ACTIVITY_RETRY && operation
                        ? step_of_retry(teller, run, step_id(record))
                        : 0,
            .id =
                kind == REPORT_ACTIVITY_CODE || operation ? step_id(record) : 0,
            .token = kind == REPORT_ACTIVITY_LEASE ? record->token : 0,
            .from_ns = record->time_ns,
            .index = kept->index,
            .workflow = activity_at(teller, run->place)->workflow,
            .next_open = run->open,
            .type = operation ? (uint8_t)engine_record_type(record) : 0,
            .subtype = operation ? (uint8_t)engine_record_subtype(record) : 0});
    if (!activity)
        return 0;
    if (kind == REPORT_ACTIVITY_CODE && place_code(teller, run, activity))
        return -1;
    run->open = (uint32_t)(activity - teller->out->list);
    return 0;
}

/* The run itself, by its first record. */
static bool begin_run(struct teller *teller, struct teller_run *run,
                      const struct report_retained *kept)
{
    uint64_t due = report_collect_due(teller->collect, run->number);
    uint64_t from = kept->record.time_ns;
    struct report_activity *activity = append(
        teller,
        (struct report_activity){
            .kind = REPORT_ACTIVITY_RUN,
            .run = teller->out->count,
            .parent = REPORT_ACTIVITY_NONE,
            .before = REPORT_ACTIVITY_NONE,
            .node = REPORT_ACTIVITY_NONE,
            .slot = REPORT_ACTIVITY_NONE,
            .op = UINT32_MAX,
            .from_ns = due && due < from ? due : from,
            .index = kept->index,
            .number = run->number,
            .workflow = report_collect_workflow(teller->collect, run->number),
            .next_open = REPORT_ACTIVITY_NONE});
    if (activity)
        run->place = (uint32_t)(activity - teller->out->list);
    return activity != NULL;
}

static void end_run(struct teller *teller, struct teller_run *run,
                    const struct engine_record *record)
{
    struct report_activity *self = activity_at(teller, run->place);
    self->state = record->state;
    if (!engine_run_state_terminal(record->state) ||
        self->end != REPORT_ACTIVITY_OPEN)
        return;
    self->to_ns = record->time_ns;
    self->end = record->state == ENGINE_RUN_SUCCEEDED ? REPORT_ACTIVITY_DONE
                                                      : REPORT_ACTIVITY_FAILED;
}

static enum report_activity_end end_of(unsigned error)
{
    return error == ENGINE_ERR_NONE || error == ENGINE_ERR_PENDING
               ? REPORT_ACTIVITY_DONE
               : REPORT_ACTIVITY_FAILED;
}

/* Events of the log that end a wait; what they begin comes after. */
static void end_by_event(struct teller *teller, struct teller_run *run,
                         const struct engine_record *record)
{
    uint64_t now = record->time_ns;
    bool bad = record->detail == ENGINE_EV_OPERATION_FAILED ||
               record->detail == ENGINE_EV_OPERATION_TIMED_OUT;
    enum report_activity_end end =
        bad ? REPORT_ACTIVITY_FAILED : REPORT_ACTIVITY_DONE;
    if (record->detail == ENGINE_EV_WAIT_FIRED)
        end_open(teller, run, REPORT_ACTIVITY_WAIT, record->op, now, end);
    if (!fold_is_operation(record->detail) ||
        record->detail == ENGINE_EV_OPERATION_PROGRESS ||
        record->detail == ENGINE_EV_OPERATION_HEARTBEAT)
        return;
    end_open(teller, run, REPORT_ACTIVITY_RETRY, record->op, now, end);
    if (!fold_is_end(record->detail))
        return;
    end_open(teller, run, REPORT_ACTIVITY_WAIT, record->op, now, end);
    end_open(teller, run, REPORT_ACTIVITY_GROUP, record->op, now, end);
}

/* What a record ends. */
static void end_by(struct teller *teller, struct teller_run *run,
                   const struct engine_record *record)
{
    uint64_t now = record->time_ns;
    switch (record->kind) {
    case ENGINE_REC_APPENDED:
        end_run(teller, run, record);
        break;
    case ENGINE_REC_START_REFUSED:
        activity_at(teller, run->place)->to_ns = now;
        activity_at(teller, run->place)->end = REPORT_ACTIVITY_FAILED;
        break;
    case ENGINE_REC_LEASE_GRANTED:
        end_open(teller, run, REPORT_ACTIVITY_LEASE, 0, now,
                 REPORT_ACTIVITY_CUT);
        break;
    case ENGINE_REC_LEASE_RELEASED:
        end_open(teller, run, REPORT_ACTIVITY_LEASE, 0, now,
                 REPORT_ACTIVITY_DONE);
        break;
    case ENGINE_REC_WORK_PUT:
        end_open(teller, run, REPORT_ACTIVITY_RETRY, record->op, now,
                 REPORT_ACTIVITY_DONE);
        break;
    case ENGINE_REC_WORK_CLAIMED:
        end_open(teller, run, REPORT_ACTIVITY_QUEUED, record->op, now,
                 REPORT_ACTIVITY_DONE);
        if (record->count == 0)
            end_open(teller, run, REPORT_ACTIVITY_ATTEMPT, record->op, now,
                     REPORT_ACTIVITY_CUT);
        break;
    case ENGINE_REC_WORK_DONE:
        end_at(teller,
               find_open(teller, run, REPORT_ACTIVITY_ATTEMPT, record->op), now,
               end_of(record->detail), record->detail);
        break;
    case ENGINE_REC_WORK_CUT:
        end_open(teller, run, REPORT_ACTIVITY_QUEUED, record->op, now,
                 REPORT_ACTIVITY_CUT);
        end_open(teller, run, REPORT_ACTIVITY_ATTEMPT, record->op, now,
                 REPORT_ACTIVITY_CUT);
        break;
    case ENGINE_REC_ATTEMPT_END:
        end_at(teller, find_code(teller, run, record), now,
               end_of(record->detail), record->detail);
        break;
    case ENGINE_REC_EVENT:
        end_by_event(teller, run, record);
        break;
    default:
        break;
    }
}

/* A process that goes takes the code with it that it was running. */
static void lose_code(struct teller *teller, uint32_t node, uint64_t now)
{
    uint32_t place = teller->nodes[node].newest;
    for (; place != REPORT_ACTIVITY_NONE; place = teller->next_on_node[place]) {
        struct report_activity *code = activity_at(teller, place);
        if (code->end != REPORT_ACTIVITY_OPEN)
            continue;
        struct teller_run *run =
            find_run(teller, activity_at(teller, code->run)->number);
        uint32_t *at = &run->open;
        while (*at != place)
            at = &activity_at(teller, *at)->next_open;
        end_at(teller, at, now, REPORT_ACTIVITY_CUT, 0);
    }
    teller->nodes[node].newest = REPORT_ACTIVITY_NONE;
}

static void mark(struct teller *teller, const struct engine_record *record)
{
    struct report_activities *out = teller->out;
    bool fault = record->kind == ENGINE_REC_FAULT;
    if (out->mark_count == REPORT_ACTIVITY_MARKS_MAX) {
        out->marks_left_out++;
        return;
    }
    out->marks[out->mark_count++] = (struct report_activity_mark){
        .time_ns = record->time_ns,
        .node = record->node,
        .point = fault ? (uint32_t)record->key : REPORT_ACTIVITY_NONE,
        .action = record->detail};
}

static void tell_world(struct teller *teller,
                       const struct engine_record *record)
{
    bool down = record->kind == ENGINE_REC_PROC_DOWN;
    if (down || record->kind == ENGINE_REC_PROC_UP)
        lose_code(teller, record->node, record->time_ns);
    if (record->kind == ENGINE_REC_FAULT || (down && record->detail != 0))
        mark(teller, record);
}

/* 0, or -1 when out of memory. */
static int tell_run(struct teller *teller, const struct report_retained *kept)
{
    enum report_activity_kind kind;
    struct teller_run *run = find_run(teller, kept->record.run);
    if (!run || !run->chosen)
        return 0;
    if (run->place == REPORT_ACTIVITY_NONE && !begin_run(teller, run, kept))
        return 0;
    end_by(teller, run, &kept->record);
    return begins(&kept->record, &kind) ? begin(teller, run, kept, kind) : 0;
}

static int tell(struct teller *teller)
{
    for (size_t i = 0; i < teller->kept_count; i++) {
        const struct engine_record *record = &teller->kept[i].record;
        tell_world(teller, record);
        if (is_told(record) && tell_run(teller, &teller->kept[i]))
            return -1;
    }
    return 0;
}

/* What is still open of a run that has ended goes no further than it. */
static void close_runs(struct report_activities *out)
{
    for (uint32_t i = 0; i < out->count; i++) {
        struct report_activity *each = &out->list[i];
        const struct report_activity *run = &out->list[each->run];
        if (each->end != REPORT_ACTIVITY_OPEN ||
            run->end == REPORT_ACTIVITY_OPEN)
            continue;
        each->to_ns = each->from_ns > run->to_ns ? each->from_ns : run->to_ns;
        each->end = each->kind == REPORT_ACTIVITY_LEASE ||
                            each->kind == REPORT_ACTIVITY_GROUP
                        ? REPORT_ACTIVITY_DONE
                        : REPORT_ACTIVITY_CUT;
    }
}

static int make_room(struct teller *teller)
{
    struct report_activities *out = teller->out;
    out->list = calloc((size_t)teller->most + 1, sizeof(*out->list));
    out->marks = calloc(REPORT_ACTIVITY_MARKS_MAX, sizeof(*out->marks));
    teller->next_on_node =
        calloc((size_t)teller->most + 1, sizeof(*teller->next_on_node));
    teller->nodes = calloc(NODES, sizeof(*teller->nodes));
    if (!out->list || !out->marks || !teller->next_on_node || !teller->nodes)
        return -1;
    for (uint32_t i = 0; i < NODES; i++)
        teller->nodes[i].newest = REPORT_ACTIVITY_NONE;
    return 0;
}

int report_activities_init(struct report_activities *activities,
                           const struct report_collect *collect,
                           const struct report_stats *stats, uint32_t most)
{
    *activities =
        (struct report_activities){.world = report_collect_world(collect)};
    struct teller teller = {.out = activities,
                            .collect = collect,
                            .most = most,
                            .end_ns = stats->last_ns};
    teller.kept = report_collect_retained(collect, &teller.kept_count,
                                          &activities->records_left_out);
    report_index_init(&teller.index);
    report_index_init(&teller.last);
    int result = make_room(&teller);
    if (result == 0)
        result = choose_runs(&teller, stats);
    if (result == 0)
        result = tell(&teller);
    if (result == 0)
        close_runs(activities);
    report_index_deinit(&teller.index);
    report_index_deinit(&teller.last);
    free(teller.runs);
    free(teller.last_places);
    free(teller.next_on_node);
    free(teller.nodes);
    return result;
}

void report_activities_deinit(struct report_activities *activities)
{
    free(activities->list);
    free(activities->marks);
    *activities = (struct report_activities){0};
}

/* Names -------------------------------------------------------------------- */

const char *report_activity_kind_name(enum report_activity_kind kind)
{
    static const char *const names[] = {"run",  "lease", "queued", "attempt",
                                        "code", "retry", "wait",   "group"};
    return names[kind];
}

const char *report_activity_end_name(enum report_activity_end end)
{
    static const char *const names[] = {"open", "done", "failed", "cut"};
    return names[end];
}

const char *report_activity_node(const struct report_activities *activities,
                                 uint32_t node, char word[static 24])
{
    const struct report_world *world = activities->world;
    if (world->node_names && node < world->node_count &&
        world->node_names[node])
        return world->node_names[node];
    snprintf(word, 24, "node %" PRIu32, node);
    return word;
}

static const char *workflow_name(const struct report_world *world,
                                 uint32_t workflow)
{
    return workflow < world->graph_count
               ? engine_graph_name(world->graphs[workflow])
               : "a run";
}

static bool is_handler(const struct report_world *world, uint32_t workflow)
{
    return workflow < world->graph_count &&
           engine_graph_is_handler(world->graphs[workflow]);
}

/* The step or the operation it is about, without its number where it can. */
static const char *subject(const struct report_world *world,
                           const struct report_activity *activity,
                           char word[static 24])
{
    const struct report_program *program =
        world->programs && activity->workflow < world->graph_count
            ? &world->programs[activity->workflow]
            : NULL;
    if (program && activity->step > 0 && activity->step <= program->count)
        return program->names[activity->step - 1];
    if (activity->type)
        return report_timeline_type(activity->type, activity->subtype);
    if (is_handler(world, activity->workflow))
        return activity->id ? "step" : "invocation";
    return report_timeline_step(world, activity->workflow, activity->op, word);
}

const char *report_activity_name(const struct report_activities *activities,
                                 const struct report_activity *activity,
                                 char word[static 120])
{
    static const char *const before[] = {
        [REPORT_ACTIVITY_QUEUED] = "queued: ",
        [REPORT_ACTIVITY_ATTEMPT] = "attempt: ",
        [REPORT_ACTIVITY_CODE] = "",
        [REPORT_ACTIVITY_RETRY] = "retry: ",
        [REPORT_ACTIVITY_WAIT] = "wait: ",
        [REPORT_ACTIVITY_GROUP] = ""};
    const struct report_world *world = activities->world;
    char step[24];
    if (activity->kind == REPORT_ACTIVITY_RUN)
        return workflow_name(world, activity->workflow);
    if (activity->kind == REPORT_ACTIVITY_LEASE)
        return "lease";
    snprintf(word, 120, "%s%.100s", before[activity->kind],
             subject(world, activity, step));
    return word;
}

void report_activity_mark_name(const struct report_activities *activities,
                               const struct report_activity_mark *mark,
                               char word[static 120])
{
    const struct report_world *world = activities->world;
    const char *action = report_timeline_action(mark->action);
    if (mark->point == REPORT_ACTIVITY_NONE)
        snprintf(word, 120, "process down: %s", action);
    else
        snprintf(word, 120, "fault: %s at %.80s", action,
                 mark->point < world->point_count
                     ? world->points[mark->point].name
                     : "an unknown point");
}
