#include "engine/invoke.h"

#include <stdio.h>

#include "engine/execution_index.h"
#include "engine/store.h"

/* Numbers of children; those that clients choose are below. */
#define CHILD_BIT (UINT64_C(1) << 39)

uint64_t engine_invoke_child(uint64_t run, uint32_t op)
{
    const uint64_t identity[2] = {run, op};
    uint64_t number = engine_hash_bytes(identity, sizeof(identity)).lo;
    return CHILD_BIT | (number & (CHILD_BIT - 1));
}

bool engine_invoke_is_child(const struct engine_origin *origin,
                            const struct engine_child *child)
{
    return origin->parent == child->parent &&
           origin->parent_op == child->parent_op;
}

/* The event that the reply's log begins with; NULL: there is none. */
static const struct engine_item *beginning(const struct engine_reply *reply)
{
    ENGINE_REPLY_ITEMS(reply, item)
    {
        const struct engine_item *event =
            (const void *)((const unsigned char *)(item + 1) +
                           sizeof(uint64_t));
        if (item->type == ENGINE_ITEM_LOG &&
            item->size >= sizeof(uint64_t) + sizeof(*event) &&
            event->kind == ENGINE_EV_RUN_CREATED)
            return event;
    }
    return NULL;
}

bool engine_invoke_is_taken(const struct engine_origin *origin,
                            const struct engine_reply *reply)
{
    const struct engine_item *event = origin->parent ? beginning(reply) : NULL;
    struct engine_origin known = {0};
    if (!event)
        return false;
    if (event->flags & ENGINE_CREATED_ORIGIN && event->size >= sizeof(known))
        memcpy(&known, event + 1, sizeof(known));
    return known.parent != origin->parent ||
           known.parent_op != origin->parent_op;
}

uint32_t engine_invoke_find(const struct engine_graph *const *graphs,
                            uint32_t count, const char *name, size_t size)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *known = graphs[i] ? engine_graph_name(graphs[i]) : NULL;
        if (known && strlen(known) == size && memcmp(known, name, size) == 0)
            return i;
    }
    return UINT32_MAX;
}

/* The operation comes to nothing before it has begun. */
static void fail(struct engine_decide *decide, uint32_t op, uint32_t error,
                 const char *words)
{
    const struct engine_operations *table = &decide->run->execution->operations;
    const struct engine_op_entry *entry = &table->entries[op];
    const struct engine_item head = {
        .type = ENGINE_ITEM_EVENT,
        .kind = ENGINE_EV_OPERATION_FAILED,
        .op = op,
        .attempt = entry->attempt,
        .a = entry->id.lo,
        .b = entry->id.hi,
        .flags = engine_operation_flags(entry->type, entry->subtype, 0),
    };
    const struct engine_operation_view view = {
        .head = {.parent = table->entries[entry->parent].id,
                 .error = error,
                 .value_size = (uint32_t)strlen(words)},
        .value = words,
    };
    size_t from = decide->block->size;
    if (engine_operation_write(decide->block, &head, &view))
        engine_decide_added(decide, from);
    else
        decide->error = -1;
}

/* Why an invoke cannot be; NULL: it can. */
static const char *obstacle(const struct engine_invoke_rules *rules,
                            const struct engine_op_entry *entry,
                            char words[160])
{
    size_t shown = entry->detail.size < 100 ? entry->detail.size : 100;
    if (engine_invoke_find(rules->graphs, rules->graph_count,
                           entry->detail.text,
                           entry->detail.size) == UINT32_MAX) {
        (void)snprintf(words, 160, "unknown workflow \"%.*s\"", (int)shown,
                       shown ? entry->detail.text : "");
        return words;
    }
    if (entry->number > ENGINE_INVOKE_LAST)
        return "too many operations for another invoke";
    return NULL;
}

static void start_child(struct engine_decide *decide,
                        const struct engine_invoke_rules *rules, uint32_t op,
                        uint64_t timeout_ns)
{
    const struct engine_run *run = decide->run;
    const struct engine_op_entry *entry =
        &run->execution->operations.entries[op];
    char words[160];
    const char *why = obstacle(rules, entry, words);
    if (why) {
        fail(decide, op, ENGINE_ERR_VALIDATION, why);
        return;
    }
    const struct engine_child child = {
        .run = engine_invoke_child(run->id, op),
        .timeout_ns = timeout_ns,
        .parent = run->id,
        .parent_op = op,
        .depth = run->origin.depth + 1,
        .name_size = (uint32_t)entry->detail.size,
        .input_size = entry->input_size,
    };
    const struct engine_item head = {
        .type = ENGINE_ITEM_OUTBOX, .kind = ENGINE_OUTBOX_CHILD, .op = 2 * op};
    struct engine_item *item =
        engine_block_item(decide->rows, &head, NULL,
                          sizeof(child) + child.name_size + child.input_size);
    if (!item) {
        decide->error = -1;
        return;
    }
    unsigned char *to = (unsigned char *)(item + 1);
    memcpy(to, &child, sizeof(child));
    memcpy(to + sizeof(child), entry->detail.text, child.name_size);
    if (child.input_size > 0)
        memcpy(to + sizeof(child) + child.name_size, entry->input,
               child.input_size);
    decide->count++;
}

/* Whether the SEND is on an edge that has no place among those of the run. */
static bool is_crowded(const struct engine_execution *execution,
                       const struct engine_op_entry *entry)
{
    const struct engine_edge *edge = engine_index_edge(
        execution->index, entry->type, entry->peer, entry->detail);
    struct engine_execution_edge last;
    if (!edge || edge->named_by == entry->number)
        return engine_execution_edge(execution, ENGINE_INVOKE_EDGES, &last);
    return engine_invoke_unsent(&execution->operations.entries[edge->named_by]);
}

/* Why a message cannot be sent; NULL: it can. */
static const char *hindrance(const struct engine_execution *execution,
                             const struct engine_op_entry *entry)
{
    if (entry->number > ENGINE_INVOKE_LAST)
        return "too many operations for another message";
    if (entry->peer == 0 || entry->peer > ENGINE_RUN_MAX)
        return "there is no such run";
    if (is_crowded(execution, entry))
        return "too many edges for another one";
    return NULL;
}

static void start_message(struct engine_decide *decide, uint32_t op)
{
    const struct engine_op_entry *entry =
        &decide->run->execution->operations.entries[op];
    const char *why = hindrance(decide->run->execution, entry);
    if (why) {
        fail(decide, op, ENGINE_ERR_VALIDATION, why);
        return;
    }
    const struct engine_signal signal = {
        .run = entry->peer,
        .number = entry->second_ns,
        .kind = ENGINE_SIG_MESSAGE,
        .edge_size = (uint16_t)entry->detail.size,
        .value_size = entry->input_size,
    };
    engine_decide_signal(decide, 2 * op, &signal, entry->detail.text,
                         entry->input);
}

/* What it receives is answered from a row of its own. */
static void start_receiver(struct engine_decide *decide, uint32_t op)
{
    if (op > ENGINE_INVOKE_LAST)
        fail(decide, op, ENGINE_ERR_VALIDATION,
             "too many operations to receive another message");
}

bool engine_invoke_unsent(const struct engine_op_entry *entry)
{
    return entry->type == ENGINE_OPERATION_SEND &&
           entry->status == ENGINE_STATUS_FAILED;
}

uint32_t engine_invoke_free_row(const struct engine_run *run)
{
    uint32_t count =
        run->execution ? run->execution->operations.count : run->op_count;
    return 2 * (count <= ENGINE_INVOKE_LAST ? count : ENGINE_INVOKE_LAST + 1);
}

void engine_invoke_started(struct engine_decide *decide,
                           const struct engine_invoke_rules *rules, size_t from,
                           size_t end)
{
    while (from < end && !decide->error) {
        const struct engine_item *event =
            (const void *)(decide->block->bytes + from);
        struct engine_operation_view view;
        unsigned type = engine_operation_flag_type(event->flags);
        uint32_t op = event->op;
        from += engine_item_span(event->size);
        if (event->kind != ENGINE_EV_OPERATION_STARTED ||
            engine_operation_view(event, &view))
            continue;
        if (type == ENGINE_OPERATION_INVOKE)
            start_child(decide, rules, op, view.head.first_ns);
        else if (type == ENGINE_OPERATION_SEND)
            start_message(decide, op);
        else if (type == ENGINE_OPERATION_RECEIVE)
            start_receiver(decide, op);
    }
}
