#include "engine/run.h"

#include <assert.h>
#include <string.h>

#include "engine/store.h"
#include "engine/value.h"

/* What of an operation waits for its store time. */
enum {
    UNSTAMPED_DUE = 1,
    UNSTAMPED_CLOSE = 2
};

static struct engine_execution *
new_execution(const struct engine_memory *memory, uint64_t id,
              const struct engine_limits *limits)
{
    struct engine_execution *execution = engine_new(memory, sizeof(*execution));
    if (!execution)
        return NULL;
    if (engine_execution_init(execution, memory, id,
                              limits ? limits : engine_limits_at(0))) {
        engine_delete(memory, execution);
        return NULL;
    }
    return execution;
}

struct engine_run *engine_run_new(const struct engine_memory *memory,
                                  uint64_t id, uint32_t workflow,
                                  const struct engine_graph *graph)
{
    return engine_run_new_within(memory, id, workflow, graph, NULL);
}

struct engine_run *engine_run_new_within(const struct engine_memory *memory,
                                         uint64_t id, uint32_t workflow,
                                         const struct engine_graph *graph,
                                         const struct engine_limits *limits)
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
    run->deadline_ns = UINT64_MAX;
    if (engine_graph_is_handler(graph)) {
        run->execution = new_execution(memory, id, limits);
        if (!run->execution) {
            engine_delete(memory, run);
            return NULL;
        }
    }
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
    if (run->execution)
        engine_execution_free(run->execution);
    engine_delete(run->memory, run->execution);
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

static uint64_t shorter(uint64_t left, uint64_t right)
{
    return right != 0 && (left == 0 || right < left) ? right : left;
}

/* The run's clock starts. */
static void start_clock(struct engine_run *run, uint64_t store_time_ns)
{
    uint64_t timeout =
        shorter(engine_graph_timeout(run->graph), run->origin.timeout_ns);
    if (run->execution &&
        run->execution->limits->run_max_ns <= (uint64_t)INT64_MAX)
        timeout = shorter(timeout, run->execution->limits->run_max_ns);
    run->unstamped = store_time_ns == 0;
    run->started_ns = store_time_ns;
    run->deadline_ns = timeout == 0 || run->unstamped ? UINT64_MAX
                       : timeout > (uint64_t)INT64_MAX - store_time_ns
                           ? (uint64_t)INT64_MAX
                           : store_time_ns + timeout;
    if (!run->execution)
        return;
    run->execution->started_ns = run->started_ns;
    run->execution->deadline_ns = run->deadline_ns;
}

uint64_t engine_run_deadline(const struct engine_run *run)
{
    bool held = run->ambiguous_count > 0 ||
                (run->execution && run->execution->ambiguous > 0);
    return held ? UINT64_MAX : run->deadline_ns;
}

uint64_t engine_run_due(const struct engine_run *run)
{
    uint64_t deadline = engine_run_deadline(run);
    if (!run->execution)
        return deadline;
    uint64_t due = engine_execution_due(run->execution);
    return due < deadline ? due : deadline;
}

uint64_t engine_run_op_due(const struct engine_op *op)
{
    if (op->unstamped)
        return UINT64_MAX;
    return op->close_ns > 0 && op->close_ns < op->due_ns ? op->close_ns
                                                         : op->due_ns;
}

void engine_run_stamp(struct engine_run *run, uint64_t store_time_ns)
{
    if (run->unstamped)
        start_clock(run, store_time_ns);
    if (run->execution)
        engine_execution_stamp(run->execution, store_time_ns);
    for (uint32_t i = 0; i < run->open_count; i++) {
        struct engine_op *op = &run->ops[run->open[i]];
        if (op->unstamped & UNSTAMPED_DUE)
            op->due_ns = engine_store_later(store_time_ns, op->due_ns);
        if (op->unstamped & UNSTAMPED_CLOSE)
            op->close_ns = engine_store_later(store_time_ns, op->close_ns);
        op->unstamped = 0;
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

/* One of an operation's times: so long after time_ns. */
static void set_time(struct engine_op *op, uint64_t *time, uint64_t delay_ns,
                     uint64_t time_ns, unsigned what)
{
    *time = time_ns ? engine_store_later(time_ns, delay_ns) : delay_ns;
    op->unstamped &= (uint8_t)~what;
    if (time_ns == 0)
        op->unstamped |= (uint8_t)what;
}

static void set_due(struct engine_op *op, uint64_t delay_ns, uint64_t time_ns)
{
    set_time(op, &op->due_ns, delay_ns, time_ns, UNSTAMPED_DUE);
}

/* Something else than time comes next. */
static void clear_due(struct engine_op *op)
{
    op->due_ns = UINT64_MAX;
    op->unstamped &= (uint8_t)~UNSTAMPED_DUE;
}

/* The clock of all attempts of a step starts. */
static void start_attempts(struct engine_run *run, uint32_t index,
                           uint64_t time_ns)
{
    struct engine_op *op = &run->ops[index];
    uint64_t timeout = engine_graph_node(run->graph, index)->timeout_ns;
    if (timeout > 0)
        set_time(op, &op->close_ns, timeout, time_ns, UNSTAMPED_CLOSE);
}

static int keep_bytes(struct engine_run *run, struct engine_op *op,
                      const void *bytes, uint32_t size)
{
    engine_delete(run->memory, op->output);
    op->output = NULL;
    op->output_size = size;
    if (size == 0)
        return 0;
    op->output = engine_resize(run->memory, NULL, size);
    if (!op->output)
        return -1;
    memcpy(op->output, bytes, size);
    return 0;
}

static int keep_output(struct engine_run *run, struct engine_op *op,
                       const struct engine_item *event)
{
    return keep_bytes(run, op, engine_item_payload(event), event->size);
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

bool engine_run_moves_on(uint32_t error)
{
    return error == ENGINE_ERR_PLATFORM_START ||
           error == ENGINE_ERR_THROTTLED || error == ENGINE_ERR_AUTH_EXPIRED ||
           error == ENGINE_ERR_CONTRACT || error == ENGINE_ERR_TIMED_OUT;
}

uint32_t engine_run_platform(const struct engine_run *run, uint32_t op)
{
    const struct engine_node *node = engine_graph_node(run->graph, op);
    return node->platform_count
               ? node->platforms[run->ops[op].moves % node->platform_count]
               : 0;
}

uint32_t engine_run_first_moves(const struct engine_run *run, uint32_t op)
{
    uint32_t count = engine_graph_node(run->graph, op)->platform_count;
    uint32_t most = count ? count - 1 : 0;
    return run->ops[op].moves < most ? run->ops[op].moves : most;
}

/* How it ended decides where the next attempt goes. */
static void count_failure(struct engine_op *op, uint16_t before)
{
    op->same = op->error != before     ? 1
               : op->same < UINT16_MAX ? (uint16_t)(op->same + 1)
                                       : op->same;
    if (!op->begun && engine_run_moves_on(op->error))
        op->moves++;
}

static int apply_attempt_end(struct engine_run *run, struct engine_op *op,
                             const struct engine_item *event)
{
    uint16_t before = op->error;
    if (op->state != ENGINE_OP_SCHEDULED || op->attempt != event->attempt)
        return -2;
    op->state = ENGINE_OP_ENDED;
    op->error = ENGINE_ERR_NONE;
    if (event->kind == ENGINE_EV_ATTEMPT_SUSPENDED) {
        op->state = ENGINE_OP_PARKED;
        clear_due(op);
        return run->execution ? 0 : -2;
    }
    if (event->kind == ENGINE_EV_ATTEMPT_SUCCEEDED)
        return keep_output(run, op, event);
    if (event->a == ENGINE_ERR_NONE || event->a >= ENGINE_ERR_COUNT)
        return -2;
    op->error = (uint16_t)event->a;
    count_failure(op, before);
    if (event->kind == ENGINE_EV_ATTEMPT_AMBIGUOUS) {
        op->state = ENGINE_OP_AMBIGUOUS;
        run->ambiguous_count++;
        close_op(run, event->op);
    }
    return keep_output(run, op, event);
}

static bool of_kind(const struct engine_run *run,
                    const struct engine_item *event, enum engine_node_kind kind)
{
    return engine_graph_node(run->graph, event->op)->kind == kind;
}

static int apply_scheduled(struct engine_run *run, struct engine_op *op,
                           const struct engine_item *event, uint64_t time_ns)
{
    uint64_t wait =
        engine_graph_node(run->graph, event->op)->schedule_to_start_ns;
    bool first = op->state == ENGINE_OP_IDLE && op->waits_for == 0;
    bool parked = op->state == ENGINE_OP_PARKED;
    if (!first && !parked && op->state != ENGINE_OP_RETRY_WAIT)
        return -2;
    if (event->attempt != (first    ? 1
                           : parked ? op->attempt + 1
                                    : op->attempt) ||
        of_kind(run, event, ENGINE_NODE_WAIT))
        return -2;
    if (first) {
        open_op(run, event->op);
        start_attempts(run, event->op, time_ns);
    }
    op->state = ENGINE_OP_SCHEDULED;
    op->attempt = event->attempt;
    op->begun = 0;
    if (wait > 0)
        set_due(op, wait, time_ns);
    else
        clear_due(op);
    return 0;
}

static void note_failed(struct engine_run *run, uint32_t op)
{
    run->ops[op].state = ENGINE_OP_FAILED;
    if (run->failed_count++ > 0)
        return;
    run->error = run->ops[op].error;
    run->failed_op = op;
}

/* What an operator says of an operation that nobody knows the end of. */
static int apply_verdict(struct engine_run *run, struct engine_op *op,
                         const struct engine_item *event)
{
    run->ambiguous_count--;
    if (event->kind == ENGINE_EV_OP_FAILED) {
        op->error = ENGINE_ERR_AMBIGUOUS;
        note_failed(run, event->op);
        return 0;
    }
    op->state = ENGINE_OP_SUCCEEDED;
    run->succeeded_count++;
    release_dependents(run, event->op);
    return keep_output(run, op, event);
}

/* The time for all attempts is over while none is under way. */
static void apply_closed(struct engine_op *op, const struct engine_item *event)
{
    if (op->state != ENGINE_OP_RETRY_WAIT || op->close_ns == 0 ||
        event->kind != ENGINE_EV_OP_FAILED || event->a != ENGINE_ERR_TIMED_OUT)
        return;
    op->state = ENGINE_OP_ENDED;
    op->error = ENGINE_ERR_TIMED_OUT;
}

static int apply_op_end(struct engine_run *run, struct engine_op *op,
                        const struct engine_item *event)
{
    if (op->state == ENGINE_OP_AMBIGUOUS && run->operator_speaks)
        return apply_verdict(run, op, event);
    apply_closed(op, event);
    bool failed = event->kind == ENGINE_EV_OP_FAILED;
    if (op->state != ENGINE_OP_ENDED || failed != (op->error != 0))
        return -2;
    close_op(run, event->op);
    if (failed) {
        note_failed(run, event->op);
        return 0;
    }
    op->state = ENGINE_OP_SUCCEEDED;
    run->succeeded_count++;
    release_dependents(run, event->op);
    return 0;
}

static int apply_retry(struct engine_run *run, struct engine_op *op,
                       const struct engine_item *event, uint64_t time_ns)
{
    bool resumed = op->state == ENGINE_OP_AMBIGUOUS && run->operator_speaks;
    if ((!resumed && op->state != ENGINE_OP_ENDED) ||
        op->error == ENGINE_ERR_NONE || event->b != (uint64_t)op->attempt + 1)
        return -2;
    if (resumed) {
        run->ambiguous_count--;
        open_op(run, event->op);
        start_attempts(run, event->op, time_ns); /* nobody was to blame */
    }
    op->state = ENGINE_OP_RETRY_WAIT;
    op->attempt = (uint32_t)event->b;
    set_due(op, event->a, time_ns);
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
        return apply_scheduled(run, op, event, time_ns);
    case ENGINE_EV_ATTEMPT_STARTED:
        if (op->state != ENGINE_OP_SCHEDULED || op->attempt != event->attempt)
            return -2;
        op->begun = 1;
        return 0;
    case ENGINE_EV_ATTEMPT_SUCCEEDED:
    case ENGINE_EV_ATTEMPT_FAILED:
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
    case ENGINE_EV_ATTEMPT_SUSPENDED:
        return apply_attempt_end(run, op, event);
    case ENGINE_EV_RETRY_SCHEDULED:
        return apply_retry(run, op, event, time_ns);
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

/* Events that the execution folds: those about its own invocations, too. */
static int apply_execution(struct engine_run *run,
                           const struct engine_item *event, uint64_t time_ns)
{
    switch (event->kind) {
    case ENGINE_EV_ATTEMPT_STARTED:
    case ENGINE_EV_RETRY_SCHEDULED:
        return 0;
    default:
        return engine_execution_apply(run->execution, event, time_ns);
    }
}

/* Events about the handler's operations, not about the handler itself. */
static bool of_operation(uint32_t kind)
{
    return kind >= ENGINE_EV_CHECKPOINT &&
           kind <= ENGINE_EV_OPERATION_HEARTBEAT;
}

static int apply_any_op(struct engine_run *run, const struct engine_item *event,
                        uint64_t time_ns)
{
    if (!run->execution)
        return of_operation(event->kind) ? -2 : apply_op(run, event, time_ns);
    if (!of_operation(event->kind)) {
        int error = apply_op(run, event, time_ns);
        if (error)
            return error;
    }
    return apply_execution(run, event, time_ns);
}

static int keep_input(struct engine_run *run, const struct engine_item *event,
                      uint64_t time_ns)
{
    const unsigned char *bytes = engine_item_payload(event);
    uint32_t size = event->size;
    if (run->state != 0)
        return -2;
    run->has_origin = (event->flags & ENGINE_CREATED_ORIGIN) != 0;
    if (run->has_origin) {
        if (size < sizeof(run->origin))
            return -2;
        memcpy(&run->origin, bytes, sizeof(run->origin));
        bytes += sizeof(run->origin);
        size -= (uint32_t)sizeof(run->origin);
    }
    run->state = ENGINE_RUN_RUNNING;
    run->client = (uint32_t)event->b;
    if (run->execution) {
        run->execution->parent_run = run->origin.parent;
        run->execution->parent_op = run->origin.parent_op;
        run->execution->depth = run->origin.depth;
    }
    start_clock(run, time_ns);
    run->input_size = size;
    if (size == 0)
        return 0;
    run->input = engine_resize(run->memory, NULL, size);
    if (!run->input)
        return -1;
    memcpy(run->input, bytes, size);
    return 0;
}

/*
 * What may happen in which state. Who suspends a run gives its lease back; a
 * run that is held starts nothing; of a blocked one only operators and the
 * outside world may say something.
 */
static bool may_follow(const struct engine_run *run, uint32_t kind)
{
    switch (run->state) {
    case ENGINE_RUN_RUNNING:
        return true;
    case ENGINE_RUN_PAUSED:
        return kind != ENGINE_EV_OP_SCHEDULED &&
               kind != ENGINE_EV_WAIT_STARTED && kind != ENGINE_EV_WAIT_FIRED &&
               kind != ENGINE_EV_RUN_SUSPENDED &&
               kind != ENGINE_EV_RUN_SUCCEEDED;
    case ENGINE_RUN_BLOCKED:
        return (kind >= ENGINE_EV_RUN_CANCELLED &&
                kind <= ENGINE_EV_OPERATOR_ACTION) ||
               kind == ENGINE_EV_RUN_BLOCKED || of_operation(kind) ||
               kind == ENGINE_EV_INBOX_CONSUMED;
    default:
        return false;
    }
}

static int enter(struct engine_run *run, uint32_t state)
{
    run->state = state;
    return 0;
}

static int apply_running(struct engine_run *run,
                         const struct engine_item *event, uint64_t time_ns)
{
    switch (event->kind) {
    case ENGINE_EV_RUN_SUSPENDED:
        return enter(run, ENGINE_RUN_SUSPENDED);
    case ENGINE_EV_RUN_BLOCKED:
        return enter(run, ENGINE_RUN_BLOCKED);
    case ENGINE_EV_RUN_SUCCEEDED:
        return engine_run_complete(run) ? enter(run, ENGINE_RUN_SUCCEEDED) : -2;
    case ENGINE_EV_RUN_FAILED:
        return enter(run, ENGINE_RUN_FAILED);
    case ENGINE_EV_RUN_CANCELLED:
        return enter(run, ENGINE_RUN_CANCELLED);
    case ENGINE_EV_RUN_TIMED_OUT:
        return enter(run, ENGINE_RUN_TIMED_OUT);
    case ENGINE_EV_RUN_STOPPED:
        return enter(run, ENGINE_RUN_STOPPED);
    case ENGINE_EV_RUN_PAUSED:
        return enter(run, ENGINE_RUN_PAUSED);
    case ENGINE_EV_RUN_UNPAUSED:
        return run->state == ENGINE_RUN_PAUSED ? enter(run, ENGINE_RUN_RUNNING)
                                               : -2;
    case ENGINE_EV_RUN_UNBLOCKED:
        return run->state == ENGINE_RUN_BLOCKED ? enter(run, ENGINE_RUN_RUNNING)
                                                : -2;
    case ENGINE_EV_LIMIT_NEAR:
        return 0;
    case ENGINE_EV_OPERATOR_ACTION:
        run->operator_speaks = 1;
        return 0;
    case ENGINE_EV_INBOX_CONSUMED:
        run->operator_speaks = 0;
        return run->execution ? apply_execution(run, event, time_ns) : 0;
    default:
        return apply_any_op(run, event, time_ns);
    }
}

int engine_run_apply(struct engine_run *run, const struct engine_item *event,
                     uint64_t time_ns)
{
    if (event->kind == ENGINE_EV_RUN_CREATED)
        return keep_input(run, event, time_ns);
    if (run->state == 0 || engine_run_state_terminal(run->state))
        return event->kind == ENGINE_EV_LEASE_ACQUIRED && run->state ? 0 : -2;
    if (event->kind == ENGINE_EV_LEASE_ACQUIRED) {
        if (run->state == ENGINE_RUN_SUSPENDED)
            run->state = ENGINE_RUN_RUNNING;
        return 0;
    }
    return may_follow(run, event->kind) ? apply_running(run, event, time_ns)
                                        : -2;
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
        return engine_value_span(run->input_size) +
               (run->execution ? engine_value_span(
                                     (uint32_t)sizeof(struct engine_invocation))
                               : 0);
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
    unsigned char *to = out;
    if (count == 0) {
        to += engine_value_write(to, ENGINE_VALUE_INLINE, run->input,
                                 run->input_size);
        const struct engine_invocation invocation = {
            .created_ns = run->origin.created_ns, .seed = run->origin.seed};
        if (run->execution)
            engine_value_write(to, ENGINE_VALUE_INLINE, &invocation,
                               (uint32_t)sizeof(invocation));
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        /* A wait gives an empty value. */
        const struct engine_value *value = input_value(run, &from[i]);
        to += value
                  ? engine_value_write(to, (enum engine_value_kind)value->kind,
                                       engine_value_bytes(value), value->size)
                  : engine_value_write(to, ENGINE_VALUE_INLINE, NULL, 0);
    }
}

/* Snapshots --------------------------------------------------------------- */

/* What stands before the input, the output and the execution's bytes. */
struct image {
    uint32_t state;
    uint32_t client;
    uint32_t error;
    uint32_t input_size;
    uint32_t output_size;
    uint32_t attempt;
    uint8_t op_state;
    uint8_t has_origin;
    uint16_t op_error;
    uint32_t counts; /* succeeded, failed, ambiguous: one bit each, begun; from
                        the 16th on: same */
    uint32_t moves;
    uint32_t reserved; /* 0 */
    uint64_t due_ns;
    uint64_t started_ns;
    uint64_t deadline_ns;
    struct engine_origin origin;
};

/* An item that only the two functions below read. */
static int save_part(struct engine_block *block, uint32_t number,
                     const void *bytes, size_t size)
{
    const struct engine_item head = {.op = number};
    return engine_block_item(block, &head, bytes, size) ? 0 : -1;
}

int engine_run_save(const struct engine_run *run, struct engine_block *block)
{
    const struct engine_op *op = &run->ops[0];
    assert(run->execution && !run->unstamped && !op->unstamped);
    const struct image image = {
        .state = run->state,
        .client = run->client,
        .error = run->error,
        .input_size = run->input_size,
        .output_size = op->output_size,
        .attempt = op->attempt,
        .op_state = op->state,
        .has_origin = run->has_origin,
        .op_error = op->error,
        .counts = run->succeeded_count | run->failed_count << 1 |
                  run->ambiguous_count << 2 | (uint32_t)op->begun << 3 |
                  (uint32_t)op->same << 16,
        .moves = op->moves,
        .due_ns = op->due_ns,
        .started_ns = run->started_ns,
        .deadline_ns = run->deadline_ns,
        .origin = run->origin,
    };
    struct engine_block execution;
    engine_block_init(&execution);
    int error = engine_execution_save(run->execution, &execution) ||
                save_part(block, 0, &image, sizeof(image)) ||
                save_part(block, 1, run->input, run->input_size) ||
                save_part(block, 2, op->output, op->output_size) ||
                save_part(block, 3, execution.bytes, execution.size);
    engine_block_free(&execution);
    return error ? -1 : 0;
}

/* The part with this number at *at, which moves behind it; NULL: damaged. */
static const struct engine_item *next_part(const unsigned char **at,
                                           const unsigned char *end,
                                           uint32_t number, size_t size)
{
    const struct engine_item *item = (const void *)*at;
    if ((size_t)(end - *at) < sizeof(*item) || item->op != number ||
        item->size != size ||
        (size_t)(end - *at) < engine_item_span(item->size))
        return NULL;
    *at += engine_item_span(item->size);
    return item;
}

static void restore_head(struct engine_run *run, const struct image *image)
{
    struct engine_op *op = &run->ops[0];
    run->state = image->state;
    run->client = image->client;
    run->error = image->error;
    run->has_origin = image->has_origin;
    run->origin = image->origin;
    run->started_ns = image->started_ns;
    run->deadline_ns = image->deadline_ns;
    run->succeeded_count = image->counts & 1;
    run->failed_count = image->counts >> 1 & 1;
    run->ambiguous_count = image->counts >> 2 & 1;
    op->state = image->op_state;
    op->error = image->op_error;
    op->attempt = image->attempt;
    op->due_ns = image->due_ns;
    op->begun = image->counts >> 3 & 1;
    op->same = (uint16_t)(image->counts >> 16);
    op->moves = image->moves;
    if (op->state == ENGINE_OP_SCHEDULED &&
        engine_graph_node(run->graph, 0)->schedule_to_start_ns == 0)
        clear_due(op);
    if (op->state == ENGINE_OP_SCHEDULED || op->state == ENGINE_OP_RETRY_WAIT ||
        op->state == ENGINE_OP_PARKED || op->state == ENGINE_OP_ENDED)
        open_op(run, 0);
}

int engine_run_restore(struct engine_run *run, const void *bytes, size_t size)
{
    const unsigned char *at = bytes;
    const unsigned char *end = at + size;
    struct image image;
    const struct engine_item *part;
    if (!run->execution || run->state != 0)
        return -2;
    part = next_part(&at, end, 0, sizeof(image));
    if (!part)
        return -2;
    memcpy(&image, engine_item_payload(part), sizeof(image));
    part = next_part(&at, end, 1, image.input_size);
    if (!part || image.state == 0 || image.state >= ENGINE_RUN_STATE_COUNT ||
        image.op_state > ENGINE_OP_PARKED)
        return -2;
    if (part->size > 0) {
        run->input = engine_resize(run->memory, NULL, part->size);
        if (!run->input)
            return -1;
        memcpy(run->input, engine_item_payload(part), part->size);
    }
    run->input_size = part->size;
    part = next_part(&at, end, 2, image.output_size);
    if (!part)
        return -2;
    if (keep_output(run, &run->ops[0], part))
        return -1;
    if (end - at < (ptrdiff_t)sizeof(*part))
        return -2;
    part = next_part(&at, end, 3,
                     ((const struct engine_item *)(const void *)at)->size);
    if (!part)
        return -2;
    restore_head(run, &image);
    int error = engine_execution_restore(run->execution,
                                         engine_item_payload(part), part->size);
    if (error)
        return error;
    run->execution->parent_run = run->origin.parent;
    run->execution->parent_op = run->origin.parent_op;
    run->execution->depth = run->origin.depth;
    run->execution->started_ns = run->started_ns;
    run->execution->deadline_ns = run->deadline_ns;
    return 0;
}
