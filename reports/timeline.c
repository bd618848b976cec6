#include "reports/timeline.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operation.h"
#include "reports/buffer.h"
#include "reports/format.h"

/* The lane of operations is no node's. */
#define NO_NODE UINT32_MAX

/* A handler's operation: what workers know it by, and the log's number. */
struct known {
    uint64_t id;
    uint32_t op;
};

struct telling {
    struct report_timeline *line;
    const struct report_world *world;
    struct known *known; /* by id */
    size_t known_count;
};

const char *report_timeline_step(const struct report_world *world,
                                 uint32_t workflow, uint32_t op,
                                 char word[static 24])
{
    if (workflow < world->graph_count &&
        op < engine_graph_count(world->graphs[workflow]))
        return engine_graph_node(world->graphs[workflow], op)->name;
    int handler = workflow < world->graph_count &&
                  engine_graph_is_handler(world->graphs[workflow]);
    snprintf(word, 24, "%s %" PRIu32, handler ? "operation" : "step", op);
    return word;
}

enum {
    NAME_CUT = 65 /* with its 0: something is said behind it */
};

static const char *fit(const char *name, char cut[static NAME_CUT])
{
    snprintf(cut, NAME_CUT, "%s", name);
    report_buffer_trim(cut);
    return cut;
}

const char *report_timeline_attempt(const struct report_world *world,
                                    uint32_t workflow, uint32_t op,
                                    uint32_t step, char word[REPORT_NAME_SIZE])
{
    const struct report_program *program =
        world->programs && workflow < world->graph_count
            ? &world->programs[workflow]
            : NULL;
    const char *name = program && step > 0 && step <= program->count
                           ? program->names[step - 1]
                           : NULL;
    char cut[NAME_CUT];
    if (name && op != REPORT_NO_OPERATION)
        snprintf(word, REPORT_NAME_SIZE, "%s (operation %" PRIu32 ")",
                 fit(name, cut), op);
    else if (op == REPORT_NO_OPERATION)
        snprintf(word, REPORT_NAME_SIZE, "%s (in no log)",
                 fit(name ? name : "a step", cut));
    else
        return report_timeline_step(world, workflow, op, word);
    return word;
}

const char *report_timeline_type(unsigned type, unsigned subtype)
{
    static const char *const names[ENGINE_SUBTYPE_COUNT] = {
        [ENGINE_SUBTYPE_MAP] = "map",
        [ENGINE_SUBTYPE_MAP_ITERATION] = "map item",
        [ENGINE_SUBTYPE_PARALLEL] = "parallel",
        [ENGINE_SUBTYPE_PARALLEL_BRANCH] = "branch",
        [ENGINE_SUBTYPE_WAIT_FOR_CALLBACK] = "wait for callback",
        [ENGINE_SUBTYPE_WAIT_FOR_CONDITION] = "wait for condition",
        [ENGINE_SUBTYPE_COMPENSATION] = "compensation",
    };
    if (subtype < ENGINE_SUBTYPE_COUNT && names[subtype])
        return names[subtype];
    return engine_operation_type_name(type);
}

static int is_operation(const struct engine_record *record)
{
    return record->kind == ENGINE_REC_EVENT &&
           record->detail >= ENGINE_EV_OPERATION_STARTED &&
           record->detail <= ENGINE_EV_OPERATION_HEARTBEAT;
}

static int audit(unsigned kind)
{
    return kind >= ENGINE_REC_AUDIT_ROW && kind <= ENGINE_REC_AUDIT_DONE;
}

int report_timeline_kept(const struct report_collect *collect, uint64_t run)
{
    size_t count;
    uint64_t left_out;
    const struct report_retained *kept =
        report_collect_retained(collect, &count, &left_out);
    for (size_t i = 0; run != 0 && i < count; i++)
        if (kept[i].record.run == run)
            return 1;
    return 0;
}

/* Who writes records of this kind. FAULT and SENT_* tell nothing. */
static enum report_role role_of(unsigned kind)
{
    switch (kind) {
    case ENGINE_REC_START_SENT:
    case ENGINE_REC_START_OK:
    case ENGINE_REC_RESULT_SEEN:
    case ENGINE_REC_START_REFUSED:
    case ENGINE_REC_SIGNAL_SENT:
    case ENGINE_REC_SIGNAL_ANSWERED:
        return REPORT_ROLE_CLIENT;
    case ENGINE_REC_ACTED:
    case ENGINE_REC_OWNED:
    case ENGINE_REC_DISOWNED:
    case ENGINE_REC_SENT:
    case ENGINE_REC_ENGINE_ERROR:
        return REPORT_ROLE_COORDINATOR;
    case ENGINE_REC_ATTEMPT_BEGIN:
    case ENGINE_REC_ATTEMPT_END:
    case ENGINE_REC_EFFECT_SENT:
        return REPORT_ROLE_WORKER;
    case ENGINE_REC_EFFECT_APPLIED:
    case ENGINE_REC_EFFECT_REPEAT:
        return REPORT_ROLE_RECEIVER;
    case ENGINE_REC_INVOKED:
    case ENGINE_REC_THROTTLED:
    case ENGINE_REC_KILLED:
        return REPORT_ROLE_PLATFORM;
    case ENGINE_REC_INBOX_PUT:
    case ENGINE_REC_INBOX_TAKEN:
        return REPORT_ROLE_STORE;
    default:
        return kind >= ENGINE_REC_APPENDED && kind <= ENGINE_REC_SYNC_FAILED
                   ? REPORT_ROLE_STORE
                   : REPORT_ROLE_OTHER;
    }
}

const char *report_role_name(enum report_role role)
{
    static const char *const names[REPORT_ROLES] = {
        "client",   "coordinator", "operations", "store",
        "platform", "worker",      "receiver",   "node"};
    return names[role];
}

const char *report_span_name(enum report_span_kind kind)
{
    static const char *const names[REPORT_SPAN_KINDS] = {
        "owned", "attempt", "error",   "cut",
        "down",  "paused",  "context", "waiting"};
    return names[kind];
}

const char *report_mark_name(enum report_mark_kind kind)
{
    static const char *const names[REPORT_MARK_KINDS] = {
        "commit", "rejected", "effect", "duplicate",
        "repeat", "fault",    "end",    "signal"};
    return names[kind];
}

/* The lane of a node, or UINT32_MAX. */
static uint32_t lane_of(const struct report_timeline *line, uint32_t node)
{
    for (uint32_t i = 0; i < line->lane_count; i++)
        if (line->lanes[i].node == node)
            return i;
    return UINT32_MAX;
}

static void add_lane(struct telling *telling, uint32_t node,
                     enum report_role role)
{
    struct report_timeline *line = telling->line;
    uint32_t at = lane_of(line, node);
    if (at != UINT32_MAX) {
        if (role < line->lanes[at].role)
            line->lanes[at].role = role;
    } else if (line->lane_count < REPORT_LANES_MAX) {
        line->lanes[line->lane_count++] =
            (struct report_lane){.node = node, .role = role};
    } else {
        line->lanes_left_out++;
    }
}

static int by_role(const void *left, const void *right)
{
    const struct report_lane *a = left;
    const struct report_lane *b = right;
    if (a->role != b->role)
        return a->role < b->role ? -1 : 1;
    return a->node < b->node ? -1 : a->node > b->node;
}

static void name_lanes(struct telling *telling)
{
    struct report_timeline *line = telling->line;
    const struct report_world *world = telling->world;
    qsort(line->lanes, line->lane_count, sizeof(line->lanes[0]), by_role);
    for (uint32_t i = 0; i < line->lane_count; i++) {
        struct report_lane *lane = &line->lanes[i];
        if (lane->role == REPORT_ROLE_OPERATIONS)
            snprintf(lane->name, sizeof(lane->name), "%s",
                     report_role_name(lane->role));
        else if (world->node_names && lane->node < world->node_count &&
                 world->node_names[lane->node])
            snprintf(lane->name, sizeof(lane->name), "%s",
                     world->node_names[lane->node]);
        else
            snprintf(lane->name, sizeof(lane->name), "%s %" PRIu32,
                     report_role_name(lane->role), lane->node);
        report_buffer_trim(lane->name);
    }
}

/* Numbers of operations ------------------------------------------------------
 *
 * What workers and receivers say of a handler's step counts operations as its
 * invocation does, which may have met them in another order than the log.
 */

static int by_id(const void *left, const void *right)
{
    const struct known *a = left;
    const struct known *b = right;
    return a->id < b->id ? -1 : a->id > b->id;
}

static int is_of_step(const struct engine_record *record)
{
    return record->count > 0 && record->b != 0 &&
           (record->kind == ENGINE_REC_ATTEMPT_BEGIN ||
            record->kind == ENGINE_REC_ATTEMPT_END ||
            record->kind == ENGINE_REC_EFFECT_SENT ||
            record->kind == ENGINE_REC_EFFECT_APPLIED ||
            record->kind == ENGINE_REC_EFFECT_REPEAT);
}

/* All operations that the log tells of. 0, or -1 when out of memory. */
static int learn_operations(struct telling *telling,
                            const struct report_retained *kept, size_t count)
{
    size_t most = 0;
    for (size_t i = 0; i < count; i++)
        most += kept[i].record.run == telling->line->run &&
                is_operation(&kept[i].record);
    telling->known = calloc(most + 1, sizeof(*telling->known));
    if (!telling->known)
        return -1;
    for (size_t i = 0; i < count; i++)
        if (kept[i].record.run == telling->line->run &&
            is_operation(&kept[i].record))
            telling->known[telling->known_count++] =
                (struct known){kept[i].record.a, kept[i].record.op};
    qsort(telling->known, telling->known_count, sizeof(*telling->known), by_id);
    return 0;
}

/* The record as the log would count its operation. */
static struct report_retained as_logged(const struct telling *telling,
                                        const struct report_retained *kept)
{
    struct report_retained result = *kept;
    if (!is_of_step(&kept->record))
        return result;
    const struct known *known =
        bsearch(&(struct known){.id = kept->record.b}, telling->known,
                telling->known_count, sizeof(*telling->known), by_id);
    result.record.op = known ? known->op : REPORT_NO_OPERATION;
    return result;
}

/* First pass: when the run was there, and which nodes had to do with it. */
static void survey(struct telling *telling, const struct report_retained *kept,
                   size_t count)
{
    struct report_timeline *line = telling->line;
    int any = 0;
    for (size_t i = 0; i < count; i++) {
        const struct engine_record *record = &kept[i].record;
        if (record->run != line->run || audit(record->kind))
            continue;
        if (!any || record->time_ns < line->from_ns)
            line->from_ns = record->time_ns;
        if (!any || record->time_ns > line->to_ns)
            line->to_ns = record->time_ns;
        any = 1;
        add_lane(telling, record->node, role_of(record->kind));
        if (is_operation(record))
            add_lane(telling, NO_NODE, REPORT_ROLE_OPERATIONS);
    }
    name_lanes(telling);
}

static struct report_span *open_span(struct report_timeline *line,
                                     struct report_span span)
{
    if (line->span_count == REPORT_SPANS_MAX) {
        line->spans_left_out++;
        return NULL;
    }
    span.to_ns = UINT64_MAX;
    line->spans[line->span_count] = span;
    return &line->spans[line->span_count++];
}

static int is_attempt(enum report_span_kind kind)
{
    return kind == REPORT_SPAN_ATTEMPT || kind == REPORT_SPAN_ERROR ||
           kind == REPORT_SPAN_CUT;
}

static int is_operation_span(enum report_span_kind kind)
{
    return kind == REPORT_SPAN_CONTEXT || kind == REPORT_SPAN_WAITING;
}

/* The open span of this kind in a lane; op matters to operations. */
static struct report_span *find_open(struct report_timeline *line,
                                     uint32_t lane, enum report_span_kind kind,
                                     uint32_t op)
{
    for (uint32_t i = line->span_count; i-- > 0;) {
        struct report_span *span = &line->spans[i];
        if (span->to_ns == UINT64_MAX && span->lane == lane &&
            span->kind == kind && (!is_operation_span(kind) || span->op == op))
            return span;
    }
    return NULL;
}

static uint64_t step_id(const struct engine_record *record)
{
    return is_of_step(record) ? record->b : 0;
}

/* The open attempt that a record of its worker speaks of. */
static struct report_span *find_attempt(struct report_timeline *line,
                                        const struct engine_record *record,
                                        uint32_t lane)
{
    for (uint32_t i = line->span_count; i-- > 0;) {
        struct report_span *span = &line->spans[i];
        if (span->to_ns == UINT64_MAX && span->lane == lane &&
            span->kind == REPORT_SPAN_ATTEMPT && span->op == record->op &&
            span->attempt == record->attempt && span->id == step_id(record))
            return span;
    }
    return NULL;
}

static void close_span(struct report_timeline *line, uint32_t lane,
                       enum report_span_kind kind, uint64_t now)
{
    struct report_span *span = find_open(line, lane, kind, 0);
    if (span)
        span->to_ns = now;
}

/* A process that goes down takes everything it did with it. */
static void lane_down(struct report_timeline *line, uint32_t lane, uint64_t now)
{
    for (uint32_t i = 0; i < line->span_count; i++) {
        struct report_span *span = &line->spans[i];
        if (span->lane != lane || span->to_ns != UINT64_MAX)
            continue;
        span->to_ns = now;
        if (is_attempt(span->kind))
            span->kind = REPORT_SPAN_CUT;
    }
}

static void end_attempt(struct report_timeline *line,
                        const struct engine_record *record, uint32_t lane)
{
    struct report_span *span = find_attempt(line, record, lane);
    if (!span)
        return;
    span->to_ns = record->time_ns;
    if (record->detail != ENGINE_ERR_NONE &&
        record->detail != ENGINE_ERR_PENDING)
        span->kind = REPORT_SPAN_ERROR;
}

/* From when an operation waits, or holds others, to when it does no more. */
static void tell_operation(struct telling *telling,
                           const struct engine_record *record)
{
    struct report_timeline *line = telling->line;
    uint32_t lane = lane_of(line, NO_NODE);
    unsigned type = engine_record_type(record);
    struct report_span span = {
        .kind = type == ENGINE_OPERATION_CONTEXT ? REPORT_SPAN_CONTEXT
                                                 : REPORT_SPAN_WAITING,
        .lane = lane,
        .from_ns = record->time_ns,
        .op = record->op,
        .type = (uint8_t)type,
        .subtype = (uint8_t)engine_record_subtype(record)};
    struct report_span *open = find_open(line, lane, span.kind, record->op);
    if (record->detail == ENGINE_EV_OPERATION_PROGRESS ||
        record->detail == ENGINE_EV_OPERATION_HEARTBEAT)
        return;
    if (open)
        open->to_ns = record->time_ns;
    if (record->detail == ENGINE_EV_OPERATION_RETRY ||
        (record->detail == ENGINE_EV_OPERATION_STARTED &&
         type != ENGINE_OPERATION_STEP))
        open_span(line, span);
}

static void tell_spans(struct telling *telling,
                       const struct engine_record *record, uint32_t lane)
{
    struct report_timeline *line = telling->line;
    struct report_span span = {.lane = lane,
                               .from_ns = record->time_ns,
                               .op = record->op,
                               .attempt = record->attempt,
                               .step = is_of_step(record) ? record->count : 0,
                               .id = step_id(record),
                               .token = record->token};
    if (is_operation(record) && lane_of(line, NO_NODE) != UINT32_MAX)
        tell_operation(telling, record);
    switch (record->kind) {
    case ENGINE_REC_OWNED:
        span.kind = REPORT_SPAN_OWNED;
        if (!find_open(line, lane, REPORT_SPAN_OWNED, 0))
            open_span(line, span);
        break;
    case ENGINE_REC_DISOWNED:
        close_span(line, lane, REPORT_SPAN_OWNED, record->time_ns);
        break;
    case ENGINE_REC_ATTEMPT_BEGIN:
        span.kind = REPORT_SPAN_ATTEMPT;
        open_span(line, span);
        break;
    case ENGINE_REC_ATTEMPT_END:
        end_attempt(line, record, lane);
        break;
    case ENGINE_REC_PROC_DOWN:
        lane_down(line, lane, record->time_ns);
        span.kind = REPORT_SPAN_DOWN;
        open_span(line, span);
        break;
    case ENGINE_REC_PROC_UP:
        lane_down(line, lane, record->time_ns);
        break;
    case ENGINE_REC_PROC_PAUSED:
        span.kind = REPORT_SPAN_PAUSED;
        open_span(line, span);
        break;
    case ENGINE_REC_PROC_RESUMED:
        close_span(line, lane, REPORT_SPAN_PAUSED, record->time_ns);
        break;
    default:
        break;
    }
}

static void tell_mark(struct telling *telling,
                      const struct report_retained *kept, uint32_t lane)
{
    const struct engine_record *record = &kept->record;
    struct report_timeline *line = telling->line;
    struct report_mark mark = {.lane = lane,
                               .time_ns = record->time_ns,
                               .index = kept->index,
                               .own = record->run == line->run};
    switch (record->kind) {
    case ENGINE_REC_APPENDED:
        mark.kind = engine_run_state_terminal(record->state)
                        ? REPORT_MARK_END
                        : REPORT_MARK_COMMIT;
        break;
    case ENGINE_REC_WORK_CLAIMED:
    case ENGINE_REC_WORK_DONE:
        mark.kind = REPORT_MARK_COMMIT;
        break;
    case ENGINE_REC_REJECTED:
        mark.kind = REPORT_MARK_REJECTED;
        break;
    case ENGINE_REC_EFFECT_APPLIED:
        mark.kind = record->a ? REPORT_MARK_DUPLICATE : REPORT_MARK_EFFECT;
        break;
    case ENGINE_REC_EFFECT_REPEAT:
        mark.kind = REPORT_MARK_REPEAT;
        break;
    case ENGINE_REC_FAULT:
        mark.kind = REPORT_MARK_FAULT;
        break;
    case ENGINE_REC_INBOX_PUT:
        mark.kind = REPORT_MARK_SIGNAL;
        break;
    default:
        return;
    }
    if (line->mark_count == REPORT_MARKS_MAX)
        line->marks_left_out++;
    else
        line->marks[line->mark_count++] = mark;
}

static void say(struct report_row *row, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void say(struct report_row *row, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(row->text, sizeof(row->text), format, args);
    va_end(args);
    report_buffer_trim(row->text);
}

const char *report_timeline_action(unsigned action)
{
    static const char *const names[ENGINE_ACT_COUNT] = {
        "nothing", "crash",     "pause",      "out of memory", "error",
        "lost",    "duplicate", "delay",      "short write",   "no space",
        "lie",     "throttle",  "time limit", "clock step",    "clock drift",
        "freeze",  "cut",       "defect"};
    return action < ENGINE_ACT_COUNT ? names[action] : "unknown action";
}

static const char *state_name(unsigned state)
{
    static const char *const names[] = {
        "new",    "running",   "suspended", "blocked", "succeeded",
        "failed", "cancelled", "timed out", "stopped", "paused"};
    return state < ENGINE_RUN_STATE_COUNT ? names[state] : "unknown state";
}

/* Sentences of the world: faults and processes. 0: nothing worth a row. */
static int say_world(struct telling *telling, struct report_row *row,
                     const struct engine_record *record)
{
    const struct report_world *world = telling->world;
    row->bold = 1;
    switch (record->kind) {
    case ENGINE_REC_FAULT:
        say(row, "fault: %s at %s", report_timeline_action(record->detail),
            record->key < world->point_count ? world->points[record->key].name
                                             : "an unknown point");
        return 1;
    case ENGINE_REC_FAULT_ENDED:
        say(row, "fault ends: %s",
            record->key < world->point_count ? world->points[record->key].name
                                             : "an unknown point");
        return 1;
    case ENGINE_REC_PROC_DOWN:
        say(row, "process down (%s)",
            record->detail ? report_timeline_action(record->detail)
                           : "shutdown");
        return 1;
    case ENGINE_REC_PROC_UP:
        say(row, "process up, incarnation %" PRIu64, record->a);
        return 1;
    case ENGINE_REC_PROC_PAUSED:
        say(row, "process stands still");
        return 1;
    case ENGINE_REC_PROC_RESUMED:
        say(row, "process goes on");
        return 1;
    case ENGINE_REC_CLOCK_SET:
        say(row, "clock: offset %" PRId64 " ns, drift %" PRId64 " ppb",
            (int64_t)record->a, (int64_t)record->b);
        return 1;
    case ENGINE_REC_DISK_CRASH:
        say(row,
            "disk after power loss: %" PRIu64 " writes kept, %" PRIu64
            " dropped, %" PRIu32 " torn",
            record->a, record->b, record->count);
        return 1;
    case ENGINE_REC_STORE_OPENED:
        say(row, "store opened, last position %" PRIu64 "%s", record->a,
            record->count ? ", refused as damaged" : "");
        return 1;
    default:
        return 0;
    }
}

/* An invocation that ends since it waits for something has not failed. */
static int waits(const struct engine_record *record)
{
    return record->detail == ENGINE_ERR_PENDING;
}

static int say_step(struct telling *telling, struct report_row *row,
                    const struct engine_record *record)
{
    char word[REPORT_NAME_SIZE];
    const char *step = report_timeline_attempt(
        telling->world, telling->line->workflow, record->op,
        is_of_step(record) ? record->count : 0, word);
    unsigned attempt = record->attempt;
    switch (record->kind) {
    case ENGINE_REC_WORK_PUT:
        say(row, "work durable: %s, attempt %u", step, attempt);
        return 1;
    case ENGINE_REC_WORK_CLAIMED:
        say(row, "claimed: %s, attempt %u", step, attempt);
        return 1;
    case ENGINE_REC_WORK_DONE:
        if (waits(record)) {
            say(row, "report durable: %s, attempt %u, it waits", step, attempt);
            return 1;
        }
        row->bold = record->detail != ENGINE_ERR_NONE;
        say(row, "report durable: %s, attempt %u%s%s", step, attempt,
            row->bold ? ", error " : "",
            row->bold ? engine_error_name(record->detail) : "");
        return 1;
    case ENGINE_REC_WORK_CUT:
        row->bold = 1;
        say(row, "abandoned: %s, attempt %u", step, attempt);
        return 1;
    case ENGINE_REC_ATTEMPT_BEGIN:
        say(row, "begins: %s, attempt %u", step, attempt);
        return 1;
    case ENGINE_REC_ATTEMPT_END:
        if (waits(record)) {
            say(row, "waits: %s, attempt %u", step, attempt);
            return 1;
        }
        row->bold = record->detail != ENGINE_ERR_NONE;
        say(row, "ends: %s, attempt %u%s%s", step, attempt,
            row->bold ? ", error " : "",
            row->bold ? engine_error_name(record->detail) : "");
        return 1;
    case ENGINE_REC_EFFECT_APPLIED:
        row->bold = record->a > 0;
        say(row, "effect applied%s: %s, attempt %u", record->a ? " AGAIN" : "",
            step, attempt);
        return 1;
    case ENGINE_REC_EFFECT_REPEAT:
        say(row, "effect recognised, not applied: %s, attempt %u", step,
            attempt);
        return 1;
    case ENGINE_REC_INVOKED:
        say(row, "invoked (%s): %s, attempt %u",
            record->detail == 1 ? "cold" : "warm", step, attempt);
        return 1;
    case ENGINE_REC_THROTTLED:
        row->bold = 1;
        say(row, "throttled: %s, attempt %u (%" PRIu64 " of %" PRIu64 ")", step,
            attempt, record->a, record->b);
        return 1;
    case ENGINE_REC_KILLED:
        row->bold = 1;
        say(row, "killed at the time limit: %s, attempt %u", step, attempt);
        return 1;
    default:
        return say_world(telling, row, record);
    }
}

static const char *signal_name(unsigned signal)
{
    static const char *const names[ENGINE_SIG_COUNT] = {
        "signal",
        "callback succeeds",
        "callback fails",
        "sign of life",
        "an invoked run has ended",
        "message",
        "end of stream",
        "messages consumed",
        "cancel",
        "stop",
        "pause",
        "go on",
        "resume",
        "skip",
        "abort"};
    return signal < ENGINE_SIG_COUNT ? names[signal] : "unknown signal";
}

/* A node by its lane, or by what the world calls it. */
static const char *actor_name(const struct telling *telling, uint32_t node,
                              char word[static 24])
{
    const struct report_world *world = telling->world;
    uint32_t lane = lane_of(telling->line, node);
    if (lane != UINT32_MAX)
        return telling->line->lanes[lane].name;
    if (world->node_names && node < world->node_count &&
        world->node_names[node])
        return world->node_names[node];
    snprintf(word, 24, "node %" PRIu32, node);
    return word;
}

static int say_signal(struct telling *telling, struct report_row *row,
                      const struct engine_record *record)
{
    char word[24];
    const char *from = actor_name(telling, record->peer, word);
    row->bold = record->detail >= ENGINE_SIG_CANCEL;
    if (record->op != UINT32_MAX && record->op != 0)
        say(row, "signal from %s: %s, operation %" PRIu32, from,
            signal_name(record->detail), record->op);
    else if (record->key)
        say(row, "signal from %s: %s %" PRIu64, from,
            signal_name(record->detail), record->key);
    else
        say(row, "signal from %s: %s", from, signal_name(record->detail));
    return 1;
}

/* What whoever sends it knows. */
static int say_request(struct report_row *row,
                       const struct engine_record *record)
{
    const char *name = signal_name(record->detail);
    if (record->kind == ENGINE_REC_SIGNAL_SENT)
        say(row, "asks for: %s", name);
    else
        say(row, "%s answered: %s%s", name, engine_outcome_name(record->count),
            record->state ? " (again)" : "");
    return 1;
}

static int say_outbox(struct report_row *row,
                      const struct engine_record *record)
{
    if (record->detail == ENGINE_OUTBOX_CHILD)
        say(row, "invokes run %" PRIu64 ", operation %" PRIu64, record->a,
            record->b);
    else if (record->detail == ENGINE_OUTBOX_SIGNAL)
        say(row, "for run %" PRIu64 ": %s", record->a,
            signal_name(record->state));
    else
        return 0;
    return 1;
}

static const char *change_name(unsigned event)
{
    static const char *const names[] = {
        "started",   "succeeded", "failed", "waits to retry",
        "goes on",   "cancelled", "ready",  "fires",
        "times out", "stopped",   "alive"};
    return names[event - ENGINE_EV_OPERATION_STARTED];
}

/* Whether an event says how long something takes: not a run, nor a time. */
static bool has_duration(const struct engine_record *record)
{
    unsigned type = engine_record_type(record);
    return record->b && record->detail != ENGINE_EV_OPERATION_TIMED_OUT &&
           record->detail != ENGINE_EV_OPERATION_FAILED &&
           type != ENGINE_OPERATION_SEND &&
           !(type == ENGINE_OPERATION_WAIT &&
             engine_record_options(record) & ENGINE_OPTION_UNTIL);
}

static int say_operation(struct report_row *row,
                         const struct engine_record *record)
{
    struct report_word time;
    char attempt[24] = "";
    const char *type = report_timeline_type(engine_record_type(record),
                                            engine_record_subtype(record));
    row->bold = record->detail == ENGINE_EV_OPERATION_FAILED ||
                record->detail == ENGINE_EV_OPERATION_TIMED_OUT;
    if (record->attempt)
        snprintf(attempt, sizeof(attempt), ", attempt %" PRIu32,
                 record->attempt);
    if (has_duration(record))
        say(row, "operation %" PRIu32 " (%s) %s%s, %s", record->op, type,
            change_name(record->detail), attempt,
            report_format_ns(&time, record->b));
    else
        say(row, "operation %" PRIu32 " (%s) %s%s", record->op, type,
            change_name(record->detail), attempt);
    return 1;
}

/* Events that runs of handlers have and others do not. */
static int say_handler(struct report_row *row,
                       const struct engine_record *record)
{
    if (is_operation(record))
        return say_operation(row, record);
    switch (record->detail) {
    case ENGINE_EV_ATTEMPT_SUSPENDED:
        say(row, "logged: invocation %" PRIu32 " waits", record->attempt);
        return 1;
    case ENGINE_EV_INBOX_CONSUMED:
        say(row, "logged: signal consumed");
        return 1;
    case ENGINE_EV_OPERATOR_ACTION:
        row->bold = 1;
        say(row, "logged: operator, %s", signal_name((unsigned)record->a));
        return 1;
    case ENGINE_EV_LIMIT_NEAR:
        row->bold = 1;
        say(row, "logged: a limit is near, %" PRIu64 " used", record->b);
        return 1;
    case ENGINE_EV_RUN_CANCELLED:
    case ENGINE_EV_RUN_TIMED_OUT:
    case ENGINE_EV_RUN_STOPPED:
    case ENGINE_EV_RUN_PAUSED:
    case ENGINE_EV_RUN_UNPAUSED:
    case ENGINE_EV_RUN_UNBLOCKED:
        row->bold = 1;
        say(row, "logged: %s", engine_event_name(record->detail));
        return 1;
    default:
        return 0;
    }
}

static int say_event(struct telling *telling, struct report_row *row,
                     const struct engine_record *record)
{
    char word[24];
    switch (record->detail) {
    case ENGINE_EV_RETRY_SCHEDULED:
    case ENGINE_EV_WAIT_STARTED:
    case ENGINE_EV_WAIT_FIRED:
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
    case ENGINE_EV_OP_FAILED:
        say(row, "logged: %s, %s", engine_event_name(record->detail),
            report_timeline_step(telling->world, telling->line->workflow,
                                 record->op, word));
        return 1;
    case ENGINE_EV_RUN_BLOCKED:
        row->bold = 1;
        say(row, "logged: run blocked (%s)",
            engine_error_name((unsigned)record->a));
        return 1;
    default:
        return say_handler(row, record);
    }
}

static int say_run(struct telling *telling, struct report_row *row,
                   const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_START_SENT:
        say(row, "start sent");
        return 1;
    case ENGINE_REC_START_OK:
        say(row, "start acknowledged");
        return 1;
    case ENGINE_REC_RESULT_SEEN:
        say(row, "result seen: %s%s", state_name((unsigned)record->a),
            record->b ? " (again)" : "");
        return 1;
    case ENGINE_REC_START_REFUSED:
        say(row, "start refused");
        return 1;
    case ENGINE_REC_SIGNAL_SENT:
    case ENGINE_REC_SIGNAL_ANSWERED:
        return say_request(row, record);
    case ENGINE_REC_APPENDED:
        say(row,
            "log row durable: %s, %" PRIu32 " events from %" PRIu64
            ", run %s, token %" PRIu64,
            engine_request_name(record->detail), record->count, record->a,
            state_name(record->state), record->token);
        return 1;
    case ENGINE_REC_EVENT:
        return say_event(telling, row, record);
    case ENGINE_REC_INBOX_PUT:
        return say_signal(telling, row, record);
    case ENGINE_REC_OUTBOX_PUT:
        return say_outbox(row, record);
    case ENGINE_REC_LEASE_GRANTED:
        row->bold = record->token > 1;
        say(row, "lease granted, token %" PRIu64, record->token);
        return 1;
    case ENGINE_REC_REJECTED:
        row->bold = 1;
        say(row, "rejected: %s, %s, token %" PRIu64,
            engine_request_name(record->detail),
            engine_outcome_name(record->count), record->token);
        return 1;
    case ENGINE_REC_OWNED:
        say(row, "owns the run, token %" PRIu64, record->token);
        return 1;
    case ENGINE_REC_DISOWNED:
        say(row, "gives the run up, token %" PRIu64, record->token);
        return 1;
    case ENGINE_REC_ENGINE_ERROR:
        row->bold = 1;
        say(row, "engine error %u", record->detail);
        return 1;
    default:
        return say_step(telling, row, record);
    }
}

static void tell_row(struct telling *telling,
                     const struct report_retained *kept, uint32_t lane)
{
    struct report_timeline *line = telling->line;
    struct report_row row = {
        .index = kept->index, .time_ns = kept->record.time_ns, .lane = lane};
    if (!say_run(telling, &row, &kept->record))
        return;
    if (line->row_count == REPORT_ROWS_MAX)
        line->rows_left_out++;
    else
        line->rows[line->row_count++] = row;
}

/* The run's own records, and what befell the nodes that had to do with it. */
static int part_of(const struct report_timeline *line,
                   const struct engine_record *record)
{
    if (audit(record->kind))
        return 0;
    if (record->run == line->run)
        return 1;
    int world = (record->kind >= ENGINE_REC_FAULT &&
                 record->kind <= ENGINE_REC_DISK_FAULT) ||
                record->kind == ENGINE_REC_STORE_OPENED;
    return world && record->run == 0 && record->time_ns >= line->from_ns &&
           record->time_ns <= line->to_ns;
}

static void tell(struct telling *telling, const struct report_retained *kept,
                 size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint32_t lane = lane_of(telling->line, kept[i].record.node);
        if (lane == UINT32_MAX || !part_of(telling->line, &kept[i].record))
            continue;
        struct report_retained logged = as_logged(telling, &kept[i]);
        tell_spans(telling, &logged.record, lane);
        tell_mark(telling, &logged, lane);
        tell_row(telling, &logged, lane);
    }
}

/* What is open at the end: an attempt never ended, the rest just goes on. */
static void finish(struct report_timeline *line)
{
    for (uint32_t i = 0; i < line->span_count; i++) {
        struct report_span *span = &line->spans[i];
        if (span->to_ns != UINT64_MAX)
            continue;
        span->to_ns = line->to_ns;
        if (span->kind == REPORT_SPAN_ATTEMPT)
            span->kind = REPORT_SPAN_CUT;
    }
}

/* So that who draws it need not know the world. */
static void name_spans(const struct telling *telling)
{
    char word[REPORT_NAME_SIZE];
    for (uint32_t i = 0; i < telling->line->span_count; i++) {
        struct report_span *span = &telling->line->spans[i];
        if (is_operation_span(span->kind))
            snprintf(span->name, sizeof(span->name), "%s %" PRIu32,
                     report_timeline_type(span->type, span->subtype), span->op);
        else if (is_attempt(span->kind))
            snprintf(span->name, sizeof(span->name), "%s",
                     report_timeline_attempt(telling->world,
                                             telling->line->workflow, span->op,
                                             span->step, word));
        report_buffer_trim(span->name);
    }
}

struct report_timeline *
report_timeline_new(const struct report_collect *collect, uint64_t run,
                    const char *why)
{
    struct report_timeline *line = calloc(1, sizeof(*line));
    if (!line)
        return NULL;
    size_t count;
    uint64_t left_out;
    const struct report_retained *kept =
        report_collect_retained(collect, &count, &left_out);
    struct telling telling = {.line = line,
                              .world = report_collect_world(collect)};
    line->run = run;
    if (learn_operations(&telling, kept, count)) {
        free(line);
        return NULL;
    }
    line->why = why;
    line->workflow = report_collect_workflow(collect, run);
    survey(&telling, kept, count);
    uint64_t due = report_collect_due(collect, run);
    if (due && due < line->from_ns)
        line->from_ns = due;
    line->handler = lane_of(line, NO_NODE) != UINT32_MAX;
    tell(&telling, kept, count);
    finish(line);
    name_spans(&telling);
    free(telling.known);
    line->cut_short = left_out > 0;
    return line;
}
