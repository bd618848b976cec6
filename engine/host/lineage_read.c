/*
 * One run's log, event by event: checked, folded, and turned into executions.
 * What a node is given is taken from the fold, what a handler's operation is
 * given from its events.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lineage_private.h"
#include "engine/invoke.h"
#include "engine/run.h"
#include "engine/value.h"

enum {
    PAGE_ROWS = 65536,
    WHY_SIZE = 200
};

/* What is known of an operation while events come. */
struct track {
    uint32_t current; /* its last execution */
    uint32_t done;    /* the one whose output stands */
    uint32_t last_in; /* of what is inside of it, the one that ended last */
};

struct reading {
    struct lineage_collecting *c;
    struct lineage *l;
    struct engine_run_row row;
    const struct engine_graph *graph;
    struct engine_run *run; /* the fold */
    struct engine_block block;
    struct track *tracks; /* by operation */
    uint32_t track_count;
    struct lineage_map outputs;  /* by digest and context */
    struct engine_hash consumed; /* the signal taken by the event before */
    bool has_consumed;
    struct engine_hash chain;
    bool chained; /* chain is that of the row before */
    bool restored;
    uint64_t seq;      /* of the next event */
    uint64_t skip;     /* events up to here are folded in */
    uint64_t position; /* of the row */
    uint64_t time_ns;
    uint32_t index; /* of the run */
    uint32_t depth;
    uint32_t vertex; /* of the run itself */
    enum lineage_result result;
    char why[WHY_SIZE];
};

static struct lineage_execution *at(struct reading *r, uint32_t execution)
{
    return &r->l->executions[execution];
}

static int damaged(struct reading *r, const char *why)
{
    r->result = LINEAGE_DAMAGED;
    snprintf(r->why, sizeof(r->why), "%s", why);
    return 1;
}

static int no_memory(struct reading *r)
{
    r->result = LINEAGE_MEMORY;
    return 1;
}

/* Grows to hold the operation. NULL without memory. */
static struct track *track(struct reading *r, uint32_t op)
{
    if (op >= r->track_count) {
        uint32_t count = r->track_count ? r->track_count : 64;

        while (count <= op && count < UINT32_C(1) << 31)
            count *= 2;
        void *grown = realloc(r->tracks, count * sizeof(*r->tracks));
        if (!grown) {
            (void)no_memory(r);
            return NULL;
        }
        r->tracks = grown;
        for (uint32_t i = r->track_count; i < count; i++)
            r->tracks[i] =
                (struct track){LINEAGE_NONE, LINEAGE_NONE, LINEAGE_NONE};
        r->track_count = count;
    }
    return &r->tracks[op];
}

static struct lineage_value value_of(const void *bytes, size_t size)
{
    return (struct lineage_value){
        .digest = engine_hash_bytes(bytes, size), .size = size, .known = true};
}

/* Executions ---------------------------------------------------------------
 */

static struct lineage_execution blank(const struct reading *r, uint32_t op)
{
    return (struct lineage_execution){
        .run = r->index,
        .op = op,
        .context = r->vertex,
        .name = "",
        .first = LINEAGE_NONE,
        .last = LINEAGE_NONE,
        .state = LINEAGE_OPEN,
        .final = true,
        .scheduled_ns = r->time_ns,
    };
}

/* Adds it as the last one of its operation. */
static uint32_t add(struct reading *r, const struct lineage_execution *e)
{
    struct track *t = track(r, e->op);
    uint32_t made = t ? lineage_add(r->l, e) : LINEAGE_NONE;

    if (made == LINEAGE_NONE) {
        (void)no_memory(r);
        return LINEAGE_NONE;
    }
    if (t->current != LINEAGE_NONE)
        at(r, t->current)->final = false;
    t->current = made;
    return made;
}

/* The name of a platform that an attempt of a node goes to. */
static void place(struct reading *r, struct lineage_execution *e, uint32_t op)
{
    const struct engine_node *node = engine_graph_node(r->graph, op);

    e->has_platform = true;
    e->platform_id = engine_run_platform(r->run, op);
    for (uint32_t i = 0; i < node->platform_count; i++)
        if (node->platforms[i] == e->platform_id && node->platform_names[i])
            e->platform = node->platform_names[i];
    if (!e->platform)
        e->platform = host_reader_platform(r->c->reader, e->platform_id);
}

static void start_run(struct reading *r)
{
    struct lineage_execution e = blank(r, UINT32_MAX);
    const char *name = engine_graph_name(r->graph);

    e.context = LINEAGE_NONE;
    e.type = ENGINE_OPERATION_EXECUTION;
    e.name = lineage_keep(r->l, name, strlen(name));
    e.name_size = (uint32_t)strlen(name);
    e.scheduled_ns = 0;
    r->vertex = lineage_add(r->l, &e);
    r->l->runs[r->index].execution = r->vertex;
    if (r->vertex == LINEAGE_NONE)
        (void)no_memory(r);
}

/* Nodes of graphs, invocations of handlers ---------------------------------
 */

/* What the fold gives to the attempt. */
static struct lineage_value input_of(struct reading *r, uint32_t op)
{
    size_t size = engine_run_input_size(r->run, op);
    void *bytes = malloc(size ? size : 1);
    struct lineage_value value = {.known = false};

    if (!bytes) {
        (void)no_memory(r);
        return value;
    }
    engine_run_input(r->run, op, bytes);
    value = value_of(bytes, size);
    free(bytes);
    return value;
}

static void join_sources(struct reading *r, uint32_t op, uint32_t execution)
{
    const struct engine_node *node = engine_graph_node(r->graph, op);
    uint32_t count;
    const struct engine_source *from =
        engine_graph_sources(r->graph, op, &count);

    for (uint32_t i = 0; i < count; i++) {
        const struct track *t = track(r, from[i].node);
        if (t && t->done != LINEAGE_NONE)
            lineage_join(r->l, execution, t->done, LINEAGE_OUTPUT,
                         engine_graph_node(r->graph, from[i].node)
                             ->outputs[from[i].output],
                         node->inputs[from[i].input]);
    }
}

static int schedule(struct reading *r, const struct engine_item *event)
{
    const struct engine_node *node = engine_graph_node(r->graph, event->op);
    struct lineage_execution e = blank(r, event->op);

    e.attempt = event->attempt;
    e.name = node->name;
    e.name_size = (uint32_t)strlen(node->name);
    if (event->kind == ENGINE_EV_WAIT_STARTED) {
        e.type = ENGINE_OPERATION_WAIT;
        e.started_ns = r->time_ns;
    } else {
        place(r, &e, event->op);
        e.type =
            r->run->execution ? LINEAGE_TYPE_INVOCATION : ENGINE_OPERATION_STEP;
    }
    e.input =
        r->run->execution ? at(r, r->vertex)->input : input_of(r, event->op);
    e.name = lineage_keep(r->l, e.name, e.name_size);
    uint32_t made = add(r, &e);
    if (made != LINEAGE_NONE && !r->run->execution)
        join_sources(r, event->op, made);
    return r->result;
}

static enum lineage_state state_of_attempt(unsigned kind)
{
    switch (kind) {
    case ENGINE_EV_ATTEMPT_SUCCEEDED:
        return LINEAGE_SUCCEEDED;
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
        return LINEAGE_TIMED_OUT;
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
        return LINEAGE_INTERRUPTED;
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
        return LINEAGE_AMBIGUOUS;
    case ENGINE_EV_ATTEMPT_SUSPENDED:
        return LINEAGE_SUSPENDED;
    default:
        return LINEAGE_FAILED;
    }
}

static bool is_logged(const struct engine_item *event,
                      const struct lineage_value *value)
{
    return engine_hash_equal(value->digest,
                             (struct engine_hash){event->a, event->b});
}

static int end_attempt(struct reading *r, const struct engine_item *event)
{
    struct track *t = track(r, event->op);

    if (!t || t->current == LINEAGE_NONE)
        return r->result;
    struct lineage_execution *e = at(r, t->current);
    e->state = (uint8_t)state_of_attempt(event->kind);
    e->ended_ns = r->time_ns;
    if (lineage_is_failure(e->state))
        e->error = (uint16_t)event->a;
    if (event->kind != ENGINE_EV_ATTEMPT_SUCCEEDED)
        return 0;
    e->output = value_of(engine_item_payload(event), event->size);
    t->done = t->current;
    return is_logged(event, &e->output)
               ? 0
               : damaged(r, "the output is not the one that its digest is of");
}

/* A wait that is over, or what an operator says of an attempt. */
static int end_node(struct reading *r, const struct engine_item *event)
{
    struct track *t = track(r, event->op);

    if (!t || t->current == LINEAGE_NONE)
        return r->result;
    struct lineage_execution *e = at(r, t->current);
    bool wait = e->type == ENGINE_OPERATION_WAIT;
    if (event->kind != ENGINE_EV_OP_SUCCEEDED ||
        (!wait && e->state != LINEAGE_AMBIGUOUS))
        return 0;
    e->state = wait ? LINEAGE_SUCCEEDED : LINEAGE_SKIPPED;
    e->ended_ns = r->time_ns;
    e->output = value_of(engine_item_payload(event), event->size);
    t->done = t->current;
    return 0;
}

static int take_attempt(struct reading *r, const struct engine_item *event)
{
    struct track *t;

    switch (event->kind) {
    case ENGINE_EV_OP_SCHEDULED:
    case ENGINE_EV_WAIT_STARTED:
        return schedule(r, event);
    case ENGINE_EV_ATTEMPT_STARTED:
        t = track(r, event->op);
        if (t && t->current != LINEAGE_NONE)
            at(r, t->current)->started_ns = event->a;
        return r->result;
    case ENGINE_EV_OP_SUCCEEDED:
    case ENGINE_EV_OP_FAILED:
        return end_node(r, event);
    case ENGINE_EV_RETRY_SCHEDULED:
    case ENGINE_EV_WAIT_FIRED:
        return 0;
    default:
        return end_attempt(r, event);
    }
}

/* Operations of handlers ---------------------------------------------------
 */

static struct engine_hash within(struct engine_hash digest, uint32_t context)
{
    const struct engine_hash parts[2] = {digest, {context, 1}};

    return lineage_hash(parts, 2);
}

static bool is_batch(const struct engine_op_entry *entry)
{
    return entry->subtype == ENGINE_SUBTYPE_MAP ||
           entry->subtype == ENGINE_SUBTYPE_PARALLEL;
}

static const struct engine_op_entry *entry_of(const struct reading *r,
                                              uint32_t op)
{
    return &r->run->execution->operations.entries[op];
}

/* What gave these bytes, as seen from a context: in it, or around it. */
static void join_value(struct reading *r, uint32_t execution, uint32_t context,
                       const struct lineage_value *value)
{
    for (;; context = entry_of(r, context)->parent) {
        uint32_t parent =
            lineage_map_get(&r->outputs, within(value->digest, context));
        if (parent != LINEAGE_NONE) {
            lineage_join(r->l, execution, parent, LINEAGE_VALUE, NULL, NULL);
            return;
        }
        if (context == 0)
            break;
    }
    const struct lineage_value *input = &at(r, r->vertex)->input;
    if (input->size == value->size &&
        engine_hash_equal(input->digest, value->digest))
        lineage_join(r->l, execution, r->vertex, LINEAGE_INPUT, NULL, NULL);
}

/* A new execution of the operation, begun now. */
static uint32_t begin_operation(struct reading *r, uint32_t op,
                                uint32_t attempt)
{
    const struct engine_op_entry *entry = entry_of(r, op);
    struct lineage_execution e = blank(r, op);
    const struct track *context = track(r, entry->parent);

    if (!context)
        return LINEAGE_NONE;
    e.started_ns = r->time_ns;
    e.type = entry->type;
    e.subtype = entry->subtype;
    e.attempt = entry->type == ENGINE_OPERATION_STEP ? attempt : 0;
    e.name = lineage_keep(r->l, entry->name.text, entry->name.size);
    e.name_size = (uint32_t)entry->name.size;
    if (entry->parent && context->current != LINEAGE_NONE)
        e.context = context->current;
    uint32_t after = context->last_in;
    if (entry->type == ENGINE_OPERATION_STEP ||
        entry->type == ENGINE_OPERATION_CONTEXT)
        place(r, &e, 0);
    uint32_t made = add(r, &e);
    if (made != LINEAGE_NONE && after != LINEAGE_NONE &&
        !is_batch(entry_of(r, entry->parent)))
        lineage_join(r->l, made, after, LINEAGE_AFTER, NULL, NULL);
    return made;
}

/* The execution that an event is about: the last one, unless it is over. */
static uint32_t execution_of(struct reading *r, const struct engine_item *event)
{
    const struct track *t = track(r, event->op);

    if (!t)
        return LINEAGE_NONE;
    if (t->current != LINEAGE_NONE) {
        const struct lineage_execution *e = at(r, t->current);
        bool open =
            e->state == LINEAGE_OPEN ||
            (e->state == LINEAGE_AMBIGUOUS && event->attempt <= e->attempt);
        if (open)
            return t->current;
    }
    return begin_operation(r, event->op, event->attempt);
}

static void link_others(struct reading *r, uint32_t op, uint32_t execution)
{
    const struct engine_op_entry *entry = entry_of(r, op);
    const uint64_t identity[3] = {r->row.run, 2 * (uint64_t)op, 0};
    struct lineage_link link = {.execution = execution, .depth = r->depth + 1};

    if (entry->type == ENGINE_OPERATION_INVOKE) {
        link.run = engine_invoke_child(r->row.run, op);
        link.child = true;
    } else if (entry->type == ENGINE_OPERATION_SEND) {
        /* The id that its owner gives to the signal: engine/courier.c. */
        struct engine_hash id = engine_hash_bytes(identity, sizeof(identity));
        id.lo |= 1;
        link.run = entry->peer;
        if (lineage_map_put(&r->c->sent, id, execution))
            (void)no_memory(r);
    }
    if (link.run)
        lineage_link(r->c, link);
}

static int start_operation(struct reading *r, const struct engine_item *event,
                           const struct engine_operation_view *view)
{
    uint32_t made = execution_of(r, event);
    struct lineage_execution *e = made == LINEAGE_NONE ? NULL : at(r, made);

    if (!e)
        return r->result;
    e->started_ns = r->time_ns;
    if (view->head.value_size > 0 && !e->input.known) {
        e->input = value_of(view->value, view->head.value_size);
        struct lineage_value input = e->input;
        join_value(r, made, entry_of(r, event->op)->parent, &input);
    }
    link_others(r, event->op, made);
    return r->result;
}

static enum lineage_state state_after(const struct engine_item *event,
                                      const struct engine_operation_view *view)
{
    unsigned options = engine_operation_flag_options(event->flags);
    bool step =
        engine_operation_flag_type(event->flags) == ENGINE_OPERATION_STEP;

    switch (event->kind) {
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FIRED:
        return LINEAGE_SUCCEEDED;
    case ENGINE_EV_OPERATION_RETRY:
        return options & ENGINE_OPTION_STATE ? LINEAGE_AGAIN : LINEAGE_FAILED;
    case ENGINE_EV_OPERATION_CANCELLED:
        return LINEAGE_CANCELLED;
    case ENGINE_EV_OPERATION_TIMED_OUT:
        return LINEAGE_TIMED_OUT;
    case ENGINE_EV_OPERATION_STOPPED:
        return LINEAGE_STOPPED;
    default:
        return step && view->head.error == ENGINE_ERR_AMBIGUOUS
                   ? LINEAGE_AMBIGUOUS
                   : LINEAGE_FAILED;
    }
}

/* What an operation has given, and who may have been given it. */
static int take_output(struct reading *r, uint32_t op, uint32_t execution)
{
    const struct engine_op_entry *entry = entry_of(r, op);
    struct lineage_value output = at(r, execution)->output;
    uint32_t inner = LINEAGE_NONE;
    const struct track *context = track(r, entry->parent);

    if (!context)
        return r->result;
    if (is_batch(entry_of(r, entry->parent)) &&
        context->current != LINEAGE_NONE)
        lineage_join(r->l, context->current, execution, LINEAGE_BRANCH, NULL,
                     NULL);
    if (output.size == 0)
        return 0;
    if (entry->type == ENGINE_OPERATION_CONTEXT)
        inner = lineage_map_get(&r->outputs, within(output.digest, op));
    if (inner != LINEAGE_NONE)
        lineage_join(r->l, execution, inner, LINEAGE_RESULT, NULL, NULL);
    return lineage_map_put(&r->outputs, within(output.digest, entry->parent),
                           execution)
               ? no_memory(r)
               : 0;
}

static int end_operation(struct reading *r, const struct engine_item *event,
                         const struct engine_operation_view *view)
{
    uint32_t made = execution_of(r, event);
    unsigned options = engine_operation_flag_options(event->flags);
    struct track *t = track(r, event->op);

    if (made == LINEAGE_NONE || !t)
        return r->result;
    struct lineage_execution *e = at(r, made);
    bool was_ambiguous = e->state == LINEAGE_AMBIGUOUS;
    e->state = (uint8_t)state_after(event, view);
    e->ended_ns = r->time_ns;
    e->error = (uint16_t)view->head.error;
    struct track *context = track(r, entry_of(r, event->op)->parent);
    if (context && event->kind != ENGINE_EV_OPERATION_RETRY)
        context->last_in = made;
    if (e->state != LINEAGE_SUCCEEDED)
        return r->result;
    if (was_ambiguous)
        e->state = LINEAGE_SKIPPED;
    e->output = value_of(view->value, view->head.value_size);
    r->tracks[event->op].done = made;
    if (e->type == ENGINE_OPERATION_RECEIVE && r->has_consumed &&
        !(options & ENGINE_OPTION_END))
        lineage_received(r->c, r->consumed, made);
    return take_output(r, event->op, made);
}

static int take_operation(struct reading *r, const struct engine_item *event)
{
    struct engine_operation_view view = {.value = ""};

    if (event->kind != ENGINE_EV_OPERATION_FIRED &&
        event->kind != ENGINE_EV_OPERATION_STOPPED &&
        event->kind != ENGINE_EV_OPERATION_READY &&
        event->kind != ENGINE_EV_OPERATION_HEARTBEAT &&
        engine_operation_view(event, &view))
        return damaged(r, "its parts do not add up to its size");
    switch (event->kind) {
    case ENGINE_EV_OPERATION_STARTED:
        return start_operation(r, event, &view);
    case ENGINE_EV_OPERATION_PROGRESS:
    case ENGINE_EV_OPERATION_READY:
    case ENGINE_EV_OPERATION_HEARTBEAT:
        return 0;
    default:
        return end_operation(r, event, &view);
    }
}

/* The run ------------------------------------------------------------------
 */

static void join_result(struct reading *r, const struct engine_item *event)
{
    const struct engine_value *value =
        engine_value_at(engine_item_payload(event), event->size, 0);

    for (uint32_t i = 0; !r->run->execution && i < r->run->op_count; i++) {
        uint32_t count;
        const struct track *t = track(r, i);
        (void)engine_graph_dependents(r->graph, i, &count);
        if (count == 0 && t && t->done != LINEAGE_NONE)
            lineage_join(r->l, r->vertex, t->done, LINEAGE_RESULT, NULL, NULL);
    }
    if (!r->run->execution || !value || value->size == 0)
        return;
    struct engine_hash digest =
        engine_hash_bytes(engine_value_bytes(value), value->size);
    uint32_t from = lineage_map_get(&r->outputs, within(digest, 0));
    /* A declared program's values are envelopes themselves. */
    if (from == LINEAGE_NONE)
        from = lineage_map_get(
            &r->outputs, within((struct engine_hash){event->a, event->b}, 0));
    if (from != LINEAGE_NONE)
        lineage_join(r->l, r->vertex, from, LINEAGE_RESULT, NULL, NULL);
}

static int end_run(struct reading *r, const struct engine_item *event)
{
    static const uint8_t states[ENGINE_EV_COUNT] = {
        [ENGINE_EV_RUN_SUCCEEDED] = LINEAGE_SUCCEEDED,
        [ENGINE_EV_RUN_FAILED] = LINEAGE_FAILED,
        [ENGINE_EV_RUN_CANCELLED] = LINEAGE_CANCELLED,
        [ENGINE_EV_RUN_TIMED_OUT] = LINEAGE_TIMED_OUT,
        [ENGINE_EV_RUN_STOPPED] = LINEAGE_STOPPED,
    };
    struct lineage_execution *e = at(r, r->vertex);

    if (!states[event->kind])
        return 0;
    e->state = states[event->kind];
    e->ended_ns = r->time_ns;
    if (event->kind != ENGINE_EV_RUN_SUCCEEDED) {
        e->error = (uint16_t)event->a;
        return 0;
    }
    e->output = value_of(engine_item_payload(event), event->size);
    struct lineage_value output = e->output;
    join_result(r, event);
    return is_logged(event, &output)
               ? 0
               : damaged(r, "the result is not the one that its digest is of");
}

static void create(struct reading *r)
{
    struct lineage_run *run = &r->l->runs[r->index];
    struct lineage_execution *e = at(r, r->vertex);

    e->input =
        value_of(r->run->input_size ? r->run->input : "", r->run->input_size);
    e->scheduled_ns = r->time_ns;
    e->started_ns = r->time_ns;
    run->parent = r->run->origin.parent;
    run->parent_op = r->run->origin.parent_op;
}

static bool is_of_node(unsigned kind)
{
    return (kind >= ENGINE_EV_OP_SCHEDULED && kind <= ENGINE_EV_WAIT_FIRED) ||
           kind == ENGINE_EV_ATTEMPT_SUSPENDED;
}

static int take(struct reading *r, const struct engine_item *event)
{
    if (event->kind == ENGINE_EV_RUN_CREATED) {
        create(r);
        return 0;
    }
    if (is_of_node(event->kind))
        return take_attempt(r, event);
    if (event->kind > ENGINE_EV_CHECKPOINT &&
        event->kind <= ENGINE_EV_OPERATION_HEARTBEAT)
        return take_operation(r, event);
    return end_run(r, event);
}

/* Reading ------------------------------------------------------------------
 */

static int take_event(struct reading *r, const struct engine_item *event,
                      const void *payload)
{
    const struct engine_item *item =
        engine_block_begin(&r->block, 8)
            ? engine_block_item(&r->block, event, payload, event->size)
            : NULL;

    if (!item)
        return no_memory(r);
    int applied = engine_run_apply(r->run, item, r->time_ns);
    if (applied == -1)
        return no_memory(r);
    if (applied)
        return damaged(r, "it cannot follow what was before it");
    int result = take(r, item);
    r->has_consumed = event->kind == ENGINE_EV_INBOX_CONSUMED;
    r->consumed = (struct engine_hash){event->a, event->b};
    return result || r->l->failed ? (r->result ? 1 : no_memory(r)) : 0;
}

/* The row follows the one before it and is as it was written. */
static int check_row(struct reading *r, const struct engine_log_row *row)
{
    r->position = row->position;
    r->time_ns = row->time_ns;
    if (row->seq != r->seq)
        return damaged(r, "events are missing before it");
    if (r->chained &&
        !engine_hash_equal(engine_store_chain(r->chain, row), row->hash))
        return damaged(r, "its row is not the one that was written");
    r->chain = row->hash;
    r->chained = true;
    return 0;
}

static int take_row(void *self, const struct engine_log_row *row)
{
    struct reading *r = self;
    const unsigned char *items = row->items;
    size_t offset = 0;

    if (check_row(r, row))
        return 1;
    for (uint32_t i = 0; i < row->count; i++, r->seq++) {
        struct engine_item event;

        if (row->items_size - offset < sizeof(event))
            return damaged(r, "its row ends before it");
        memcpy(&event, items + offset, sizeof(event));
        if (event.type != ENGINE_ITEM_EVENT || event.kind >= ENGINE_EV_COUNT ||
            engine_item_span(event.size) > row->items_size - offset)
            return damaged(r, "it is longer than its row");
        if (r->seq > r->skip &&
            take_event(r, &event, items + offset + sizeof(event)))
            return 1;
        offset += engine_item_span(event.size);
    }
    return 0;
}

/* A log without its beginning ----------------------------------------------
 */

static int note_first(void *self, const struct engine_log_row *row)
{
    *(uint64_t *)self = row->seq;
    return 1;
}

static int find_snapshot(void *self, uint64_t run,
                         const struct engine_item *item)
{
    struct reading *r = self;

    if (item->type != ENGINE_ITEM_SNAPSHOT || run != r->row.run)
        return 0;
    int error =
        engine_run_restore(r->run, engine_item_payload(item), item->size);
    if (error == -1)
        return no_memory(r);
    if (error)
        return damaged(r, "the snapshot before it cannot be read");
    r->skip = item->a;
    r->restored = true;
    return 1;
}

static enum lineage_state state_of_entry(const struct engine_op_entry *entry)
{
    static const uint8_t states[ENGINE_STATUS_COUNT] = {
        [ENGINE_STATUS_STARTED] = LINEAGE_OPEN,
        [ENGINE_STATUS_PENDING] = LINEAGE_OPEN,
        [ENGINE_STATUS_READY] = LINEAGE_OPEN,
        [ENGINE_STATUS_SUCCEEDED] = LINEAGE_SUCCEEDED,
        [ENGINE_STATUS_FAILED] = LINEAGE_FAILED,
        [ENGINE_STATUS_CANCELLED] = LINEAGE_CANCELLED,
        [ENGINE_STATUS_TIMED_OUT] = LINEAGE_TIMED_OUT,
        [ENGINE_STATUS_STOPPED] = LINEAGE_STOPPED,
    };

    return entry->error == ENGINE_ERR_AMBIGUOUS &&
                   !engine_status_terminal(entry->status)
               ? LINEAGE_AMBIGUOUS
               : (enum lineage_state)states[entry->status];
}

/* What the snapshot knows of an operation. */
static int take_entry(struct reading *r, uint32_t op)
{
    const struct engine_op_entry *entry = entry_of(r, op);

    r->time_ns = entry->started_ns;
    uint32_t made = begin_operation(r, op, entry->attempt);
    if (made == LINEAGE_NONE)
        return r->result;
    struct lineage_execution *e = at(r, made);
    e->state = (uint8_t)state_of_entry(entry);
    e->error = entry->error;
    e->has_platform = false; /* it is not known any more */
    e->platform = NULL;
    if (entry->input_size > 0)
        e->input = value_of(entry->input, entry->input_size);
    link_others(r, op, made);
    if (e->state != LINEAGE_SUCCEEDED)
        return r->result;
    e->output =
        value_of(entry->value_size ? entry->value : "", entry->value_size);
    r->tracks[op].done = made;
    return take_output(r, op, made);
}

static int restore(struct reading *r)
{
    struct engine_store *store = host_reader_store(r->c->reader);

    if (!r->run->execution)
        return damaged(r, "events are missing before it");
    if (store->ops->scan_boxes(store->self, find_snapshot, r) < 0)
        return damaged(r, "the snapshots cannot be read");
    if (r->result)
        return 1;
    if (!r->restored)
        return damaged(r, "events are missing before it");
    r->l->runs[r->index].folded_seq = r->skip;
    create(r);
    at(r, r->vertex)->scheduled_ns = r->run->started_ns;
    at(r, r->vertex)->started_ns = r->run->started_ns;
    for (uint32_t i = 1; i < r->run->execution->operations.count; i++)
        if (take_entry(r, i))
            return 1;
    return 0;
}

/* Where the log begins, and what was before that. */
static int begin_log(struct reading *r)
{
    struct engine_store *store = host_reader_store(r->c->reader);
    struct store_page page;
    uint64_t first = 1;

    if (store_read_events(store, r->row.run, 0, PAGE_ROWS, note_first, &first,
                          &page) < 0)
        return damaged(r, "a page of it cannot be read");
    if (page.state == STORE_PAGE_ARCHIVED) {
        r->result = LINEAGE_ARCHIVED;
        return 1;
    }
    r->chained = first == 1;
    r->seq = first;
    return first > 1 ? restore(r) : 0;
}

static int read_log(struct reading *r)
{
    struct engine_store *store = host_reader_store(r->c->reader);
    struct store_page page = {.state = STORE_PAGE_MORE};

    if (begin_log(r))
        return 1;
    while (page.state == STORE_PAGE_MORE) {
        int result = store_read_events(store, r->row.run, r->seq - 1, PAGE_ROWS,
                                       take_row, r, &page);
        if (r->result)
            return 1;
        if (result)
            return damaged(r, "a page of it cannot be read");
    }
    if (r->seq < r->row.next_seq)
        return damaged(r, "events are missing at the end");
    if (r->seq == r->row.next_seq && r->chained &&
        !engine_hash_equal(r->chain, r->row.hash))
        return damaged(r, "the run's row is of another log");
    return 0;
}

static int add_run(struct reading *r)
{
    struct lineage *l = r->l;

    if (l->run_count == l->run_capacity) {
        uint32_t capacity = l->run_capacity ? 2 * l->run_capacity : 8;
        void *runs = realloc(l->runs, capacity * sizeof(*l->runs));
        if (!runs)
            return no_memory(r);
        l->runs = runs;
        l->run_capacity = capacity;
    }
    r->index = l->run_count++;
    l->runs[r->index] = (struct lineage_run){
        .number = r->row.run,
        .workflow = engine_graph_name(r->graph),
        .code = lineage_code(r->graph),
        .state = r->row.state,
        .depth = r->depth,
        .handler = engine_graph_is_handler(r->graph),
    };
    start_run(r);
    return r->result;
}

/* The places of calls in their contexts, which no number in the log says. */
static void number_calls(struct reading *r)
{
    const struct engine_operations *table = &r->run->execution->operations;

    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t left = 0;
        for (uint32_t n = table->entries[i].first_child; n;
             n = table->entries[n].next_sibling)
            left++;
        uint32_t most = left ? left + 64 : 0;
        for (uint32_t n = 1; left > 0 && n <= most; n++) {
            const struct engine_op_entry *entry = engine_operations_find(
                table,
                engine_operation_id(table->run, table->entries[i].id, n));
            if (!entry || entry->number >= r->track_count)
                continue;
            left--;
            if (r->tracks[entry->number].current != LINEAGE_NONE)
                at(r, r->tracks[entry->number].current)->ordinal = n;
        }
    }
}

static void say(const struct reading *r)
{
    char *error = r->c->error;

    if (r->result == LINEAGE_DAMAGED)
        snprintf(error, HOST_ERROR_SIZE,
                 "run %" PRIu64 ", event %" PRIu64 ", position %" PRIu64 ": %s",
                 r->row.run, r->seq, r->position, r->why);
    else if (r->result == LINEAGE_ARCHIVED)
        snprintf(error, HOST_ERROR_SIZE,
                 "run %" PRIu64 " has left the database: its log is in an "
                 "archive, if there is one",
                 r->row.run);
    else if (r->result == LINEAGE_UNKNOWN)
        snprintf(error, HOST_ERROR_SIZE,
                 "run %" PRIu64 ": its workflow, number %u, is not among those "
                 "that the database keeps",
                 r->row.run, r->row.workflow);
    else
        snprintf(error, HOST_ERROR_SIZE, "out of memory");
}

enum lineage_result lineage_read_run(struct lineage_collecting *c,
                                     const struct engine_run_row *row,
                                     uint32_t depth)
{
    struct reading r = {.c = c,
                        .l = c->lineage,
                        .row = *row,
                        .depth = depth,
                        .graph = host_reader_workflow(c->reader, row->workflow),
                        .vertex = LINEAGE_NONE};

    engine_block_init(&r.block);
    if (!r.graph)
        r.result = LINEAGE_UNKNOWN;
    else
        r.run = engine_run_new_within(NULL, row->run, row->workflow, r.graph,
                                      host_reader_limits(c->reader));
    if (r.graph && !r.run)
        r.result = LINEAGE_MEMORY;
    if (!r.result && !add_run(&r) && !read_log(&r) && r.run->execution)
        number_calls(&r);
    if (r.result)
        say(&r);
    engine_run_free(r.run);
    engine_block_free(&r.block);
    lineage_map_free(&r.outputs);
    free(r.tracks);
    return r.result;
}
