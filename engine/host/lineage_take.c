/*
 * What an event adds: executions and the edges to their parents. What a node
 * is given is taken from the fold, what a handler's operation is given from
 * its events.
 */
#include <stdlib.h>
#include <string.h>

#include "engine/host/lineage_private.h"
#include "engine/invoke.h"
#include "engine/value.h"

static struct lineage_execution *at(struct lineage_reading *r,
                                    uint32_t execution)
{
    return &r->l->executions[execution];
}

/* Grows to hold the operation. NULL without memory. */
static struct lineage_track *track(struct lineage_reading *r, uint32_t op)
{
    if (op >= r->track_count) {
        uint32_t count = r->track_count ? r->track_count : 64;

        while (count <= op && count < UINT32_C(1) << 31)
            count *= 2;
        void *grown = realloc(r->tracks, count * sizeof(*r->tracks));
        if (!grown) {
            (void)lineage_no_memory(r);
            return NULL;
        }
        r->tracks = grown;
        for (uint32_t i = r->track_count; i < count; i++)
            r->tracks[i] = (struct lineage_track){LINEAGE_NONE, LINEAGE_NONE,
                                                  LINEAGE_NONE};
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

static struct lineage_execution blank(const struct lineage_reading *r,
                                      uint32_t op)
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
static uint32_t add(struct lineage_reading *r,
                    const struct lineage_execution *e)
{
    struct lineage_track *t = track(r, e->op);
    uint32_t made = t ? lineage_add(r->l, e) : LINEAGE_NONE;

    if (made == LINEAGE_NONE) {
        (void)lineage_no_memory(r);
        return LINEAGE_NONE;
    }
    if (t->current != LINEAGE_NONE)
        at(r, t->current)->final = false;
    t->current = made;
    return made;
}

/* The name of a platform that an attempt of a node goes to. */
static void place(struct lineage_reading *r, struct lineage_execution *e,
                  uint32_t op)
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

void lineage_take_run(struct lineage_reading *r)
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
        (void)lineage_no_memory(r);
}

/* Nodes of graphs, invocations of handlers ---------------------------------
 */

/* What the fold gives to the attempt. */
static struct lineage_value input_of(struct lineage_reading *r, uint32_t op)
{
    size_t size = engine_run_input_size(r->run, op);
    void *bytes = malloc(size ? size : 1);
    struct lineage_value value = {.known = false};

    if (!bytes) {
        (void)lineage_no_memory(r);
        return value;
    }
    engine_run_input(r->run, op, bytes);
    value = value_of(bytes, size);
    free(bytes);
    return value;
}

static void join_sources(struct lineage_reading *r, uint32_t op,
                         uint32_t execution)
{
    const struct engine_node *node = engine_graph_node(r->graph, op);
    uint32_t count;
    const struct engine_source *from =
        engine_graph_sources(r->graph, op, &count);

    for (uint32_t i = 0; i < count; i++) {
        const struct lineage_track *t = track(r, from[i].node);
        if (t && t->done != LINEAGE_NONE)
            lineage_join(r->l, execution, t->done, LINEAGE_OUTPUT,
                         engine_graph_node(r->graph, from[i].node)
                             ->outputs[from[i].output],
                         node->inputs[from[i].input]);
    }
}

static int schedule(struct lineage_reading *r, const struct engine_item *event)
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

static int end_attempt(struct lineage_reading *r,
                       const struct engine_item *event)
{
    struct lineage_track *t = track(r, event->op);

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
               : lineage_damaged(
                     r, "the output is not the one that its digest is of");
}

/* A wait that is over, or what an operator says of an attempt. */
static int end_node(struct lineage_reading *r, const struct engine_item *event)
{
    struct lineage_track *t = track(r, event->op);

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

static int take_attempt(struct lineage_reading *r,
                        const struct engine_item *event)
{
    struct lineage_track *t;

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

static const struct engine_op_entry *entry_of(const struct lineage_reading *r,
                                              uint32_t op)
{
    return &r->run->execution->operations.entries[op];
}

/* What gave these bytes, as seen from a context: in it, or around it. */
static void join_value(struct lineage_reading *r, uint32_t execution,
                       uint32_t context, const struct lineage_value *value)
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
static uint32_t begin_operation(struct lineage_reading *r, uint32_t op,
                                uint32_t attempt)
{
    const struct engine_op_entry *entry = entry_of(r, op);
    struct lineage_execution e = blank(r, op);
    const struct lineage_track *context = track(r, entry->parent);

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
static uint32_t execution_of(struct lineage_reading *r,
                             const struct engine_item *event)
{
    const struct lineage_track *t = track(r, event->op);

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

static void link_others(struct lineage_reading *r, uint32_t op,
                        uint32_t execution)
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
            (void)lineage_no_memory(r);
    }
    if (link.run)
        lineage_link(r->c, link);
}

static int start_operation(struct lineage_reading *r,
                           const struct engine_item *event,
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
static int take_output(struct lineage_reading *r, uint32_t op,
                       uint32_t execution)
{
    const struct engine_op_entry *entry = entry_of(r, op);
    struct lineage_value output = at(r, execution)->output;
    uint32_t inner = LINEAGE_NONE;
    const struct lineage_track *context = track(r, entry->parent);

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
               ? lineage_no_memory(r)
               : 0;
}

static int end_operation(struct lineage_reading *r,
                         const struct engine_item *event,
                         const struct engine_operation_view *view)
{
    uint32_t made = execution_of(r, event);
    unsigned options = engine_operation_flag_options(event->flags);
    struct lineage_track *t = track(r, event->op);

    if (made == LINEAGE_NONE || !t)
        return r->result;
    struct lineage_execution *e = at(r, made);
    bool was_ambiguous = e->state == LINEAGE_AMBIGUOUS;
    e->state = (uint8_t)state_after(event, view);
    e->ended_ns = r->time_ns;
    e->error = (uint16_t)view->head.error;
    struct lineage_track *context = track(r, entry_of(r, event->op)->parent);
    if (context && event->kind != ENGINE_EV_OPERATION_RETRY)
        context->last_in = made;
    if (e->state != LINEAGE_SUCCEEDED)
        return r->result;
    if (was_ambiguous)
        e->state = LINEAGE_SKIPPED;
    if (e->type != ENGINE_OPERATION_SEND)
        e->output = value_of(view->value, view->head.value_size);
    r->tracks[event->op].done = made;
    if (e->type == ENGINE_OPERATION_RECEIVE && r->has_consumed &&
        !(options & ENGINE_OPTION_END))
        lineage_received(r->c, r->consumed, made);
    return take_output(r, event->op, made);
}

static int take_operation(struct lineage_reading *r,
                          const struct engine_item *event)
{
    struct engine_operation_view view = {.value = ""};

    if (event->kind != ENGINE_EV_OPERATION_FIRED &&
        event->kind != ENGINE_EV_OPERATION_STOPPED &&
        event->kind != ENGINE_EV_OPERATION_READY &&
        event->kind != ENGINE_EV_OPERATION_HEARTBEAT &&
        engine_operation_view(event, &view))
        return lineage_damaged(r, "its parts do not add up to its size");
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

static void join_result(struct lineage_reading *r,
                        const struct engine_item *event)
{
    const struct engine_value *value =
        engine_value_at(engine_item_payload(event), event->size, 0);

    for (uint32_t i = 0; !r->run->execution && i < r->run->op_count; i++) {
        uint32_t count;
        const struct lineage_track *t = track(r, i);
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

static int end_run(struct lineage_reading *r, const struct engine_item *event)
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
               : lineage_damaged(
                     r, "the result is not the one that its digest is of");
}

void lineage_take_created(struct lineage_reading *r)
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

int lineage_take(struct lineage_reading *r, const struct engine_item *event)
{
    if (event->kind == ENGINE_EV_RUN_CREATED) {
        lineage_take_created(r);
        return 0;
    }
    if (is_of_node(event->kind))
        return take_attempt(r, event);
    if (event->kind > ENGINE_EV_CHECKPOINT &&
        event->kind <= ENGINE_EV_OPERATION_HEARTBEAT)
        return take_operation(r, event);
    return end_run(r, event);
}

/* What a snapshot knows ---------------------------------------- */

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
int lineage_take_entry(struct lineage_reading *r, uint32_t op)
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
    /* Values that no replay needs are not in the snapshot. */
    if (entry->value_size > 0)
        e->output = value_of(entry->value, entry->value_size);
    r->tracks[op].done = made;
    return take_output(r, op, made);
}

/* The places of calls in their contexts, which no number in the log says. */
void lineage_take_calls(struct lineage_reading *r)
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
