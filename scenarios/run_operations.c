#include "scenarios/run_operations.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/cause.h"
#include "engine/value.h"

enum {
    PAGE_ROWS = 65536
};

/* Finding -------------------------------------------------------------------
 */

struct finding {
    uint64_t run;
    struct engine_run_row *row;
    bool found;
};

static int look_at_row(void *self, const struct engine_run_row *row)
{
    struct finding *finding = self;

    if (row->run != finding->run)
        return row->run > finding->run;
    *finding->row = *row;
    finding->found = true;
    return 1;
}

int run_operations_row(struct host_reader *reader, uint64_t run,
                       struct engine_run_row *row)
{
    struct engine_store *store = host_reader_store(reader);
    struct finding finding = {run, row, false};

    if (store->ops->scan_runs(store->self, look_at_row, &finding) < 0)
        return -1;
    return finding.found;
}

/* The number of an operation is its place, but for gaps nobody fills. */
static struct run_operation *operation_at(struct run_operations *all,
                                          uint32_t number)
{
    uint32_t first = all->handler ? 1 : 0;
    uint32_t index = number - first;

    if (number < first || number > UINT32_C(1) << 24)
        return NULL;
    if (index >= all->capacity) {
        uint32_t capacity = all->capacity ? all->capacity : 64;
        while (capacity <= index)
            capacity *= 2;
        void *list = realloc(all->list, capacity * sizeof(*all->list));
        all->failed |= !list;
        if (!list)
            return NULL;
        all->list = list;
        all->capacity = capacity;
    }
    for (; all->count <= index; all->count++)
        all->list[all->count] = (struct run_operation){
            .number = all->count + first, .parent = UINT32_MAX};
    return &all->list[index];
}

static uint32_t find_id(const struct run_operations *all, struct engine_hash id)
{
    for (uint32_t i = all->count; (id.lo || id.hi) && i-- > 0;)
        if (engine_hash_equal(all->list[i].id, id))
            return i;
    return UINT32_MAX;
}

/* Values --------------------------------------------------------------------
 */

static void keep_value(struct run_operations *all, enum run_value_form form,
                       const void *bytes, size_t size)
{
    void *copy = malloc(size ? size : 1);

    all->failed |= !copy;
    if (!copy)
        return;
    if (size > 0)
        memcpy(copy, bytes, size);
    free(all->value);
    all->value = copy;
    all->value_size = size;
    all->form = form;
}

static bool is_wanted(const struct run_operations *all,
                      const struct run_operation *operation)
{
    if (all->name)
        return strcmp(all->name, operation->name) == 0;
    return all->wanted == operation->number;
}

/* Steps of declared programs give envelopes, all others bytes. */
static enum run_value_form form_of(const void *bytes, size_t size)
{
    uint32_t wrong;

    return engine_value_at(bytes, size, 0) &&
                   engine_value_check(bytes, size, &wrong) == ENGINE_ERR_NONE
               ? RUN_VALUE_ENVELOPE
               : RUN_VALUE_BYTES;
}

/* Handlers ------------------------------------------------------------------
 */

/* What an error that the operation has goes back to. */
static void keep_root(struct run_operation *operation, const void *chain,
                      size_t size)
{
    struct engine_text root = {"", 0};

    if (operation->error)
        root = engine_cause_root(chain, size);
    snprintf(operation->root, sizeof(operation->root), "%.*s", (int)root.size,
             root.text);
}

static void take_view(struct run_operations *all,
                      struct run_operation *operation,
                      const struct engine_item *event,
                      const struct engine_operation_view *view)
{
    size_t size = view->name.size;

    operation->type = engine_operation_flag_type(event->flags);
    operation->subtype = engine_operation_flag_subtype(event->flags);
    operation->parent = find_id(all, view->head.parent);
    operation->depth = operation->parent == UINT32_MAX
                           ? 0
                           : all->list[operation->parent].depth + 1;
    if (size >= sizeof(operation->name))
        size = sizeof(operation->name) - 1;
    if (size > 0)
        memcpy(operation->name, view->name.text, size);
    operation->name[size] = '\0';
    operation->error = view->head.error;
    keep_root(operation, view->value, view->head.value_size);
    if (event->kind != ENGINE_EV_OPERATION_SUCCEEDED ||
        !is_wanted(all, operation))
        return;
    if (engine_operation_flag_options(event->flags) & ENGINE_OPTION_BLOB)
        keep_value(all, RUN_VALUE_BLOB, view->value, view->head.value_size);
    else
        keep_value(all, form_of(view->value, view->head.value_size),
                   view->value, view->head.value_size);
}

static unsigned status_after(unsigned kind)
{
    switch (kind) {
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FIRED:
        return ENGINE_STATUS_SUCCEEDED;
    case ENGINE_EV_OPERATION_FAILED:
        return ENGINE_STATUS_FAILED;
    case ENGINE_EV_OPERATION_RETRY:
        return ENGINE_STATUS_PENDING;
    case ENGINE_EV_OPERATION_CANCELLED:
        return ENGINE_STATUS_CANCELLED;
    case ENGINE_EV_OPERATION_READY:
        return ENGINE_STATUS_READY;
    case ENGINE_EV_OPERATION_TIMED_OUT:
        return ENGINE_STATUS_TIMED_OUT;
    case ENGINE_EV_OPERATION_STOPPED:
        return ENGINE_STATUS_STOPPED;
    default:
        return ENGINE_STATUS_STARTED;
    }
}

static bool has_view(unsigned kind)
{
    return kind == ENGINE_EV_OPERATION_STARTED ||
           kind == ENGINE_EV_OPERATION_SUCCEEDED ||
           kind == ENGINE_EV_OPERATION_FAILED ||
           kind == ENGINE_EV_OPERATION_RETRY ||
           kind == ENGINE_EV_OPERATION_CANCELLED;
}

/* It has not ended: an operator is to say what came of it. */
static void hold(struct run_operation *operation)
{
    operation->ambiguous = true;
    operation->status = ENGINE_STATUS_STARTED;
    operation->ended_ns = 0;
}

static void take_operation(struct run_operations *all,
                           const struct engine_item *event, const void *payload,
                           uint64_t time_ns)
{
    struct run_operation *operation = operation_at(all, event->op);
    struct engine_operation_view view;
    const struct engine_item *item = NULL;

    if (!operation)
        return;
    if (!operation->started_ns)
        operation->started_ns = time_ns;
    operation->id = (struct engine_hash){event->a, event->b};
    if (event->attempt > operation->attempts)
        operation->attempts = event->attempt;
    bool waited = operation->ambiguous;
    operation->ambiguous = false;
    operation->status = status_after(event->kind);
    if (engine_status_terminal(operation->status))
        operation->ended_ns = time_ns;
    /* Aligned, as the parts of an item must be. */
    if (has_view(event->kind) && engine_block_begin(&all->block, 8))
        item = engine_block_item(&all->block, event, payload, event->size);
    if (!item || engine_operation_view(item, &view))
        return;
    take_view(all, operation, event, &view);
    if (!waited && event->kind == ENGINE_EV_OPERATION_FAILED &&
        view.head.error == ENGINE_ERR_AMBIGUOUS &&
        operation->type == ENGINE_OPERATION_STEP)
        hold(operation);
}

static void take_handler(struct run_operations *all,
                         const struct engine_item *event, const void *payload,
                         uint64_t time_ns)
{
    switch (event->kind) {
    case ENGINE_EV_OPERATION_STARTED:
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
    case ENGINE_EV_OPERATION_RETRY:
    case ENGINE_EV_OPERATION_CANCELLED:
    case ENGINE_EV_OPERATION_READY:
    case ENGINE_EV_OPERATION_FIRED:
    case ENGINE_EV_OPERATION_TIMED_OUT:
    case ENGINE_EV_OPERATION_STOPPED:
        take_operation(all, event, payload, time_ns);
        break;
    default:
        break;
    }
}

/* Graphs --------------------------------------------------------------------
 */

static void take_attempt(struct run_operations *all,
                         struct run_operation *operation,
                         const struct engine_item *event, const void *payload)
{
    if (event->attempt > operation->attempts)
        operation->attempts = event->attempt;
    switch (event->kind) {
    case ENGINE_EV_OP_SCHEDULED:
        operation->status = ENGINE_STATUS_READY;
        break;
    case ENGINE_EV_ATTEMPT_STARTED:
        operation->status = ENGINE_STATUS_STARTED;
        break;
    case ENGINE_EV_ATTEMPT_SUCCEEDED:
        operation->error = ENGINE_ERR_NONE;
        if (is_wanted(all, operation))
            keep_value(all, RUN_VALUE_ENVELOPE, payload, event->size);
        break;
    case ENGINE_EV_RETRY_SCHEDULED:
        operation->status = ENGINE_STATUS_PENDING;
        break;
    default:
        operation->error = (uint32_t)event->a;
        keep_root(operation, payload, event->size);
        break;
    }
}

static void take_graph(struct run_operations *all,
                       const struct engine_item *event, const void *payload,
                       uint64_t time_ns)
{
    bool ends = event->kind == ENGINE_EV_OP_SUCCEEDED ||
                event->kind == ENGINE_EV_OP_FAILED;
    struct run_operation *operation = NULL;

    if ((event->kind >= ENGINE_EV_OP_SCHEDULED &&
         event->kind <= ENGINE_EV_WAIT_FIRED) &&
        event->op != UINT32_MAX)
        operation = operation_at(all, event->op);
    if (!operation)
        return;
    if (!operation->started_ns)
        operation->started_ns = time_ns;
    operation->ambiguous = event->kind == ENGINE_EV_ATTEMPT_AMBIGUOUS;
    if (event->kind == ENGINE_EV_WAIT_STARTED) {
        operation->status = ENGINE_STATUS_STARTED;
    } else if (ends) {
        operation->status = event->kind == ENGINE_EV_OP_SUCCEEDED
                                ? ENGINE_STATUS_SUCCEEDED
                                : ENGINE_STATUS_FAILED;
        operation->ended_ns = time_ns;
    } else if (event->kind != ENGINE_EV_WAIT_FIRED) {
        take_attempt(all, operation, event, payload);
    }
}

/* All nodes, also those that nothing has happened to yet. */
static void enter_nodes(struct run_operations *all,
                        const struct engine_graph *graph)
{
    for (uint32_t i = 0; i < engine_graph_count(graph); i++) {
        const struct engine_node *node = engine_graph_node(graph, i);
        struct run_operation *operation = operation_at(all, i);
        if (!operation)
            return;
        operation->type = node->kind == ENGINE_NODE_WAIT
                              ? ENGINE_OPERATION_WAIT
                              : ENGINE_OPERATION_STEP;
        snprintf(operation->name, sizeof(operation->name), "%s", node->name);
    }
}

/* Reading -------------------------------------------------------------------
 */

static int take_row(void *self, const struct engine_log_row *row)
{
    struct run_operations *all = self;
    const unsigned char *items = row->items;

    for (size_t at = 0; at + sizeof(struct engine_item) <= row->items_size;) {
        struct engine_item event;
        memcpy(&event, items + at, sizeof(event));
        const void *payload = items + at + sizeof(event);
        at += engine_item_span(event.size);
        if (event.kind == ENGINE_EV_RUN_SUCCEEDED && !all->name &&
            all->wanted == UINT32_MAX)
            keep_value(all, form_of(payload, event.size), payload, event.size);
        if (all->handler)
            take_handler(all, &event, payload, row->time_ns);
        else
            take_graph(all, &event, payload, row->time_ns);
    }
    return all->failed;
}

int run_operations_read(struct host_reader *reader,
                        const struct engine_run_row *row,
                        struct run_operations *all)
{
    const struct engine_graph *graph =
        host_reader_workflow(reader, row->workflow);
    struct store_page page;
    uint64_t after = 0;

    engine_block_init(&all->block);
    all->handler = graph && engine_graph_is_handler(graph);
    if (graph && !all->handler)
        enter_nodes(all, graph);
    do {
        if (store_read_events(host_reader_store(reader), row->run, after,
                              PAGE_ROWS, take_row, all, &page))
            return -1;
        if (after == 0)
            all->folded_seq = page.folded_seq;
        after = page.last_seq;
    } while (page.state == STORE_PAGE_MORE);
    all->archived = page.state == STORE_PAGE_ARCHIVED;
    return all->failed ? -1 : 0;
}

void run_operations_free(struct run_operations *all)
{
    engine_block_free(&all->block);
    free(all->list);
    free(all->value);
}
