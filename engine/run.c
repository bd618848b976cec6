#include "engine/run.h"

#include <assert.h>
#include <string.h>

#include "engine/value.h"

struct engine_run *engine_run_new(const struct engine_memory *memory,
                                  uint64_t id, uint32_t workflow,
                                  const struct engine_graph *graph)
{
    uint32_t count = engine_graph_count(graph);
    size_t ops_size = count * sizeof(struct engine_op);
    size_t lists_size = 2 * (size_t)count * sizeof(uint32_t);
    struct engine_run *run =
        engine_new(memory, sizeof(struct engine_run) + ops_size + lists_size);
    if (!run)
        return NULL;
    run->memory = memory;
    run->id = id;
    run->workflow = workflow;
    run->graph = graph;
    run->op_count = count;
    run->open = (void *)((char *)run->ops + ops_size);
    run->ready = run->open + count;
    for (uint32_t op = 0; op < count; op++)
        run->ops[op].waits_for = engine_graph_indegree(graph, op);
    engine_run_settle(run);
    return run;
}

void engine_run_free(struct engine_run *run)
{
    if (!run)
        return;
    for (uint32_t op = 0; op < run->op_count; op++)
        engine_delete(run->memory, run->ops[op].output);
    engine_delete(run->memory, run->input);
    engine_delete(run->memory, run);
}

void engine_run_settle(struct engine_run *run)
{
    run->ready_count = 0;
    for (uint32_t op = 0; op < run->op_count; op++)
        if (run->ops[op].state == ENGINE_OP_IDLE && run->ops[op].waits_for == 0)
            run->ready[run->ready_count++] = op;
}

void engine_run_stamp(struct engine_run *run, uint64_t store_time_ns)
{
    for (uint32_t i = 0; i < run->open_count; i++) {
        struct engine_op *op = &run->ops[run->open[i]];
        if (op->unstamped) {
            op->due_ns += store_time_ns;
            op->unstamped = 0;
        }
    }
}

static void open_op(struct engine_run *run, uint32_t op)
{
    assert(run->open_count < run->op_count);
    run->open[run->open_count++] = op;
}

static void close_op(struct engine_run *run, uint32_t op)
{
    uint32_t i = 0;
    while (i < run->open_count && run->open[i] != op)
        i++;
    assert(i < run->open_count);
    run->open_count--;
    memmove(&run->open[i], &run->open[i + 1],
            (run->open_count - i) * sizeof(*run->open));
}

static void set_due(struct engine_op *op, uint64_t delay_ns, uint64_t time_ns)
{
    op->due_ns = time_ns + delay_ns;
    op->unstamped = time_ns == 0;
}

static int keep_output(struct engine_run *run, struct engine_op *op,
                       const struct engine_item *event)
{
    engine_delete(run->memory, op->output);
    op->output = NULL;
    op->output_size = event->size;
    if (event->size == 0)
        return 0;
    op->output = engine_resize(run->memory, NULL, event->size);
    if (!op->output)
        return -1;
    memcpy(op->output, engine_item_payload(event), event->size);
    return 0;
}

static void release_dependents(struct engine_run *run, uint32_t op)
{
    uint32_t count;
    const uint32_t *next = engine_graph_dependents(run->graph, op, &count);
    for (uint32_t i = 0; i < count; i++) {
        if (run->ops[next[i]].waits_for > 0 &&
            --run->ops[next[i]].waits_for == 0)
            run->ready[run->ready_count++] = next[i];
    }
}

static int apply_attempt_end(struct engine_run *run, struct engine_op *op,
                             const struct engine_item *event)
{
    if (op->state != ENGINE_OP_SCHEDULED || op->attempt != event->attempt)
        return -2;
    op->state = ENGINE_OP_ENDED;
    op->error = ENGINE_ERR_NONE;
    if (event->kind == ENGINE_EV_ATTEMPT_SUCCEEDED)
        return keep_output(run, op, event);
    if (event->a == ENGINE_ERR_NONE || event->a >= ENGINE_ERR_COUNT)
        return -2;
    op->error = (uint16_t)event->a;
    if (event->kind == ENGINE_EV_ATTEMPT_AMBIGUOUS) {
        op->state = ENGINE_OP_AMBIGUOUS;
        run->ambiguous_count++;
        close_op(run, event->op);
    }
    return 0;
}

static bool of_kind(const struct engine_run *run,
                    const struct engine_item *event, enum engine_node_kind kind)
{
    return engine_graph_node(run->graph, event->op)->kind == kind;
}

static int apply_scheduled(struct engine_run *run, struct engine_op *op,
                           const struct engine_item *event)
{
    bool first = op->state == ENGINE_OP_IDLE && op->waits_for == 0;
    if (!first && op->state != ENGINE_OP_RETRY_WAIT)
        return -2;
    if (event->attempt != (first ? 1 : op->attempt) ||
        !of_kind(run, event, ENGINE_NODE_STEP))
        return -2;
    if (first)
        open_op(run, event->op);
    op->state = ENGINE_OP_SCHEDULED;
    op->attempt = event->attempt;
    return 0;
}

static int apply_op_end(struct engine_run *run, struct engine_op *op,
                        const struct engine_item *event)
{
    bool failed = event->kind == ENGINE_EV_OP_FAILED;
    if (op->state != ENGINE_OP_ENDED || failed != (op->error != 0))
        return -2;
    close_op(run, event->op);
    if (failed) {
        op->state = ENGINE_OP_FAILED;
        if (run->failed_count++ == 0)
            run->error = op->error;
        return 0;
    }
    op->state = ENGINE_OP_SUCCEEDED;
    run->succeeded_count++;
    release_dependents(run, event->op);
    return 0;
}

static int apply_op(struct engine_run *run, const struct engine_item *event,
                    uint64_t time_ns)
{
    if (event->op >= run->op_count)
        return -2;
    struct engine_op *op = &run->ops[event->op];
    switch (event->kind) {
    case ENGINE_EV_OP_SCHEDULED:
        return apply_scheduled(run, op, event);
    case ENGINE_EV_ATTEMPT_STARTED:
        return op->state == ENGINE_OP_SCHEDULED && op->attempt == event->attempt
                   ? 0
                   : -2;
    case ENGINE_EV_ATTEMPT_SUCCEEDED:
    case ENGINE_EV_ATTEMPT_FAILED:
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
        return apply_attempt_end(run, op, event);
    case ENGINE_EV_RETRY_SCHEDULED:
        if (op->state != ENGINE_OP_ENDED || op->error == ENGINE_ERR_NONE ||
            event->b != (uint64_t)op->attempt + 1)
            return -2;
        op->state = ENGINE_OP_RETRY_WAIT;
        op->attempt = (uint32_t)event->b;
        set_due(op, event->a, time_ns);
        return 0;
    case ENGINE_EV_WAIT_STARTED:
        if (op->state != ENGINE_OP_IDLE || op->waits_for != 0 ||
            !of_kind(run, event, ENGINE_NODE_WAIT))
            return -2;
        open_op(run, event->op);
        op->state = ENGINE_OP_WAITING;
        set_due(op, event->a, time_ns);
        return 0;
    case ENGINE_EV_WAIT_FIRED:
        if (op->state != ENGINE_OP_WAITING)
            return -2;
        op->state = ENGINE_OP_ENDED;
        return 0;
    case ENGINE_EV_OP_SUCCEEDED:
    case ENGINE_EV_OP_FAILED:
        return apply_op_end(run, op, event);
    default:
        return -2;
    }
}

static int keep_input(struct engine_run *run, const struct engine_item *event)
{
    if (run->state != 0)
        return -2;
    run->state = ENGINE_RUN_RUNNING;
    run->client = (uint32_t)event->b;
    run->input_size = event->size;
    if (event->size == 0)
        return 0;
    run->input = engine_resize(run->memory, NULL, event->size);
    if (!run->input)
        return -1;
    memcpy(run->input, engine_item_payload(event), event->size);
    return 0;
}

int engine_run_apply(struct engine_run *run, const struct engine_item *event,
                     uint64_t time_ns)
{
    if (event->kind == ENGINE_EV_RUN_CREATED)
        return keep_input(run, event);
    if (run->state == 0 || engine_run_state_terminal(run->state))
        return event->kind == ENGINE_EV_LEASE_ACQUIRED && run->state ? 0 : -2;
    if (event->kind == ENGINE_EV_LEASE_ACQUIRED) {
        run->state = ENGINE_RUN_RUNNING;
        return 0;
    }
    /* Who suspends or blocks a run gives its lease back. */
    if (run->state != ENGINE_RUN_RUNNING)
        return -2;
    switch (event->kind) {
    case ENGINE_EV_RUN_SUSPENDED:
        run->state = ENGINE_RUN_SUSPENDED;
        return 0;
    case ENGINE_EV_RUN_BLOCKED:
        run->state = ENGINE_RUN_BLOCKED;
        return 0;
    case ENGINE_EV_RUN_SUCCEEDED:
        if (!engine_run_complete(run))
            return -2;
        run->state = ENGINE_RUN_SUCCEEDED;
        return 0;
    case ENGINE_EV_RUN_FAILED:
        run->state = ENGINE_RUN_FAILED;
        return 0;
    default:
        return apply_op(run, event, time_ns);
    }
}

static const struct engine_value *input_value(const struct engine_run *run,
                                              const struct engine_source *from)
{
    const struct engine_op *op = &run->ops[from->node];
    return op->output
               ? engine_value_at(op->output, op->output_size, from->output)
               : NULL;
}

size_t engine_run_input_size(const struct engine_run *run, uint32_t op)
{
    uint32_t count;
    const struct engine_source *from =
        engine_graph_sources(run->graph, op, &count);
    if (count == 0)
        return engine_value_span(run->input_size);
    size_t size = 0;
    for (uint32_t i = 0; i < count; i++) {
        const struct engine_value *value = input_value(run, &from[i]);
        size += engine_value_span(value ? value->size : 0);
    }
    return size;
}

void engine_run_input(const struct engine_run *run, uint32_t op, void *out)
{
    uint32_t count;
    const struct engine_source *from =
        engine_graph_sources(run->graph, op, &count);
    if (count == 0) {
        engine_value_write(out, ENGINE_VALUE_INLINE, run->input,
                           run->input_size);
        return;
    }
    unsigned char *to = out;
    for (uint32_t i = 0; i < count; i++) {
        /* A wait gives an empty value. */
        const struct engine_value *value = input_value(run, &from[i]);
        to += value
                  ? engine_value_write(to, (enum engine_value_kind)value->kind,
                                       engine_value_bytes(value), value->size)
                  : engine_value_write(to, ENGINE_VALUE_INLINE, NULL, 0);
    }
}
