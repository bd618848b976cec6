#include "reports/fold.h"

#include <stdlib.h>

#include "engine/point.h"

static const uint64_t folded =
    CHECK_KIND(START_OK) | CHECK_KIND(RESULT_SEEN) | CHECK_KIND(APPENDED) |
    CHECK_KIND(EVENT) | CHECK_KIND(LEASE_GRANTED) | CHECK_KIND(LEASE_RENEWED) |
    CHECK_KIND(LEASE_RELEASED) | CHECK_KIND(WORK_PUT) |
    CHECK_KIND(WORK_CLAIMED) | CHECK_KIND(WORK_DONE) | CHECK_KIND(WORK_TAKEN) |
    CHECK_KIND(WORK_CUT) | CHECK_KIND(OUTBOX_PUT) | CHECK_KIND(OUTBOX_ACKED) |
    CHECK_KIND(SENT) | CHECK_KIND(STORE_OPENED) | CHECK_KIND(AUDIT_ROW) |
    CHECK_KIND(AUDIT_RUN) | CHECK_KIND(SYNC_FAILED) | CHECK_KIND(FAULT) |
    CHECK_KIND(FAULT_ENDED) | CHECK_KIND(PROC_DOWN) | CHECK_KIND(PROC_UP) |
    CHECK_KIND(PROC_PAUSED) | CHECK_KIND(PROC_RESUMED) | CHECK_KIND(CLOCK_SET) |
    CHECK_KIND(DISK_CRASH) | CHECK_KIND(DISK_FAULT) | CHECK_KIND(THROTTLED) |
    CHECK_KIND(KILLED) | CHECK_KIND(PLATFORM);

enum {
    CHILDREN_MIN = 64,
    OPERATIONS_MIN = 16,
    GAVE_UP = 2 /* the first count of PLATFORM that says that it is over */
};

int fold_init(struct fold *fold, const struct check_world *world)
{
    *fold = (struct fold){.world = world};
    fold->runs = calloc(world->runs_max + 1, sizeof(*fold->runs));
    fold->processes = calloc(world->node_count + 1, sizeof(*fold->processes));
    return fold->runs && fold->processes ? 0 : -1;
}

static void forget_handler(struct fold_run *run)
{
    if (run->handler) {
        free(run->handler->operations);
        free(run->handler->ids);
    }
    free(run->handler);
    run->handler = NULL;
}

static void free_run(struct fold_run *run)
{
    free(run->ops);
    forget_handler(run);
}

void fold_deinit(struct fold *fold)
{
    for (uint64_t run = 0; fold->runs && run <= fold->world->runs_max; run++)
        free_run(&fold->runs[run]);
    for (uint32_t i = 0; i < fold->child_count; i++) {
        free_run(fold->children[i]);
        free(fold->children[i]);
    }
    free(fold->children);
    free(fold->child_numbers);
    free(fold->child_slots);
    free(fold->runs);
    free(fold->processes);
    fold->runs = NULL;
    fold->processes = NULL;
}

/* Invoked runs. */

static uint64_t spread(uint64_t key)
{
    return key * UINT64_C(0x9e3779b97f4a7c15) >> 20;
}

/* Where a child stands in the table of twice the capacity, or belongs. */
static uint32_t *child_place(const struct fold *fold, uint64_t run)
{
    uint32_t mask = 2 * fold->child_capacity - 1;
    uint32_t at = (uint32_t)spread(run) & mask;

    while (fold->child_slots[at] &&
           fold->child_numbers[fold->child_slots[at] - 1] != run)
        at = (at + 1) & mask;
    return &fold->child_slots[at];
}

uint64_t fold_child_slot(const struct fold *fold, uint64_t run)
{
    uint32_t index = fold->child_count ? *child_place(fold, run) : 0;

    return index ? fold->world->runs_max + index : 0;
}

static bool more_children(struct fold *fold)
{
    uint32_t more =
        fold->child_capacity ? 2 * fold->child_capacity : CHILDREN_MIN;
    void *children = realloc(fold->children, more * sizeof(*fold->children));
    void *numbers = NULL;

    if (children)
        fold->children = children;
    if (children)
        numbers =
            realloc(fold->child_numbers, more * sizeof(*fold->child_numbers));
    if (numbers)
        fold->child_numbers = numbers;
    uint32_t *slots = numbers ? calloc(more, 2 * sizeof(*slots)) : NULL;
    if (!slots)
        return false;
    free(fold->child_slots);
    fold->child_slots = slots;
    fold->child_capacity = more;
    for (uint32_t i = 0; i < fold->child_count; i++)
        *child_place(fold, fold->child_numbers[i]) = i + 1;
    return true;
}

bool fold_meet(struct fold *fold, uint64_t run)
{
    struct fold_run *child;

    if (fold_slot(fold, run))
        return true;
    if (!(run & FOLD_CHILD) || run >> 40)
        return false;
    child = fold->child_count < fold->child_capacity || more_children(fold)
                ? calloc(1, sizeof(*child))
                : NULL;
    if (!child) {
        fold->failed = 1;
        return false;
    }
    fold->children[fold->child_count] = child;
    fold->child_numbers[fold->child_count] = run;
    *child_place(fold, run) = ++fold->child_count;
    return true;
}

int fold_has_handlers(const struct check_world *world)
{
    for (uint32_t i = 0; i < world->graph_count; i++)
        if (engine_graph_is_handler(world->graphs[i]))
            return 1;
    return 0;
}

const struct engine_graph *fold_graph(const struct fold *fold,
                                      const struct fold_run *run)
{
    if (!run->op_count || run->workflow >= fold->world->graph_count)
        return NULL;
    return fold->world->graphs[run->workflow];
}

const struct engine_node *fold_node(const struct fold *fold,
                                    const struct fold_run *run, uint32_t op)
{
    const struct engine_graph *graph = fold_graph(fold, run);

    return graph && op < run->op_count ? engine_graph_node(graph, op) : NULL;
}

const char *fold_op_name(const struct fold *fold, const struct fold_run *run,
                         uint32_t op)
{
    const struct engine_node *node = fold_node(fold, run, op);

    return node ? node->name : "?";
}

uint32_t fold_effect(const struct fold *fold, const struct fold_run *run,
                     uint32_t op)
{
    const struct check_world *world = fold->world;

    if (!fold_node(fold, run, op) || !world->effects ||
        !world->effects[run->workflow])
        return 0;
    return world->effects[run->workflow][op];
}

uint32_t fold_step_effect(const struct fold *fold, const struct fold_run *run,
                          const struct engine_record *record)
{
    const struct report_program *program =
        fold->world->programs ? &fold->world->programs[run->workflow] : NULL;

    if (program && record->count && record->count <= program->count)
        return program->effects[record->count - 1];
    return fold_effect(fold, run, 0);
}

static void forget_ops(struct fold_run *run)
{
    if (!fold_terminal(run) || run->work_open ||
        !fold_has(run, FOLD_OUTBOX_ACKED))
        return;
    if (run->handler && run->handler->outbox_open)
        return;
    free(run->ops);
    run->ops = NULL;
    forget_handler(run);
    run->flags |= FOLD_FORGOTTEN;
}

static struct fold_handler *handler_of(struct fold *fold, struct fold_run *run)
{
    if (!run->handler)
        run->handler = calloc(1, sizeof(*run->handler));
    if (!run->handler)
        fold->failed = 1;
    return run->handler;
}

static void create(struct fold *fold, struct fold_run *run, uint64_t workflow)
{
    run->state = ENGINE_RUN_RUNNING;
    if (run->ops || workflow >= fold->world->graph_count)
        return;
    run->workflow = (uint32_t)workflow;
    run->op_count = engine_graph_count(fold->world->graphs[workflow]);
    run->ops = calloc(run->op_count, sizeof(*run->ops));
    if (!run->ops)
        fold->failed = 1;
    if (engine_graph_is_handler(fold->world->graphs[workflow]))
        handler_of(fold, run);
}

/* An attempt that ended so, and that nobody had begun, is not given to the
 * same platform again if there is another. */
static bool moves_on(uint8_t error)
{
    switch (error) {
    case ENGINE_ERR_PLATFORM_START:
    case ENGINE_ERR_THROTTLED:
    case ENGINE_ERR_AUTH_EXPIRED:
    case ENGINE_ERR_CONTRACT:
    case ENGINE_ERR_TIMED_OUT:
        return true;
    default:
        return false;
    }
}

static void count_end(struct fold_op *op, uint8_t before)
{
    if (op->error == ENGINE_ERR_NONE)
        op->same = 0;
    else if (op->error != before)
        op->same = 1;
    else if (op->same < UINT16_MAX)
        op->same++;
    op->moves += !op->begun && moves_on(op->error);
}

static void end_attempt(struct fold_op *op, const struct engine_record *event)
{
    uint8_t before = op->error;

    op->begun = op->phase != FOLD_SCHEDULED;
    if (!op->begun)
        op->attempt = event->attempt; /* over without having begun */
    op->phase = FOLD_ENDED;
    op->end = (uint8_t)event->detail;
    op->error = event->detail == ENGINE_EV_ATTEMPT_SUCCEEDED
                    ? ENGINE_ERR_NONE
                    : (uint8_t)event->a;
    op->retryable = event->b && event->detail != ENGINE_EV_ATTEMPT_SUCCEEDED &&
                    event->detail != ENGINE_EV_ATTEMPT_AMBIGUOUS;
    op->words = op->error == ENGINE_ERR_NONE ? 0 : event->count;
    op->root = op->error == ENGINE_ERR_NONE ? 0 : event->key_hi;
    count_end(op, before);
}

static void op_event(struct fold_op *op, const struct engine_record *event)
{
    switch (event->detail) {
    case ENGINE_EV_OP_SCHEDULED:
        op->phase = FOLD_SCHEDULED;
        op->scheduled_ns = event->wall_ns;
        if (!op->first_ns)
            op->first_ns = event->wall_ns;
        break;
    case ENGINE_EV_ATTEMPT_STARTED:
        op->phase = FOLD_RUNNING;
        op->attempt = event->attempt;
        break;
    case ENGINE_EV_RETRY_SCHEDULED:
        op->phase = FOLD_RETRY;
        op->due_ns = event->wall_ns + event->a;
        if (op->end == ENGINE_EV_ATTEMPT_AMBIGUOUS)
            op->first_ns = event->wall_ns; /* an operator lets it go on */
        break;
    case ENGINE_EV_WAIT_STARTED:
        op->phase = FOLD_WAITING;
        op->due_ns = event->wall_ns + event->a;
        break;
    case ENGINE_EV_WAIT_FIRED:
        op->phase = FOLD_FIRED;
        break;
    case ENGINE_EV_ATTEMPT_SUSPENDED:
        op->phase = FOLD_PARKED;
        op->end = (uint8_t)event->detail;
        op->error = ENGINE_ERR_NONE;
        op->same = 0;
        break;
    case ENGINE_EV_OP_SUCCEEDED:
        op->phase = FOLD_SUCCEEDED;
        break;
    case ENGINE_EV_OP_FAILED:
        op->phase = FOLD_FAILED;
        break;
    default:
        end_attempt(op, event);
        break;
    }
}

/* The run is going to say why its first operation failed. What it says of a
 * deadline is its own. */
static void note_failure(struct fold_run *run, const struct fold_op *op)
{
    if (run->flags & FOLD_BROKEN)
        return;
    run->flags |= FOLD_BROKEN;
    run->error = op->error;
    run->root = op->error == ENGINE_ERR_TIMED_OUT ? 0 : op->root;
}

static void set_state(struct fold_run *run, uint16_t state)
{
    run->state = state;
    run->row_state = state;
}

/* Operations of handlers. */

static uint32_t *id_place(const struct fold_handler *handler, uint64_t id)
{
    uint32_t mask = handler->id_slots - 1;
    uint32_t at = (uint32_t)spread(id) & mask;

    while (handler->ids[at] &&
           handler->operations[handler->ids[at] - 1].id != id)
        at = (at + 1) & mask;
    return &handler->ids[at];
}

static uint32_t number_of(const struct fold_handler *handler, uint64_t id)
{
    uint32_t number = id && handler->id_count ? *id_place(handler, id) : 0;

    return id && !number ? UINT32_MAX : number;
}

const struct fold_operation *fold_context(const struct fold_run *run,
                                          uint64_t id)
{
    uint32_t number = run->handler ? number_of(run->handler, id) : 0;

    return number && number <= run->handler->count
               ? &run->handler->operations[number - 1]
               : NULL;
}

const struct fold_operation *fold_step_of(const struct fold_run *run,
                                          const struct engine_record *record)
{
    return record->b ? fold_context(run, record->b)
                     : fold_operation(run, record->op);
}

static bool add_id(struct fold_handler *handler, uint32_t number)
{
    if (2 * handler->id_count >= handler->id_slots) {
        uint32_t slots =
            handler->id_slots ? 2 * handler->id_slots : 2 * OPERATIONS_MIN;
        uint32_t *former = handler->ids;
        uint32_t former_slots = handler->id_slots;

        handler->ids = calloc(slots, sizeof(*handler->ids));
        if (!handler->ids) {
            handler->ids = former;
            return false;
        }
        handler->id_slots = slots;
        for (uint32_t i = 0; i < former_slots; i++)
            if (former[i])
                *id_place(handler, handler->operations[former[i] - 1].id) =
                    former[i];
        free(former);
    }
    *id_place(handler, handler->operations[number - 1].id) = number;
    handler->id_count++;
    return true;
}

/* Takes up the next operation; a number further on is none of ours. */
static struct fold_operation *add_operation(struct fold *fold,
                                            struct fold_handler *handler,
                                            const struct engine_record *event)
{
    struct fold_operation *op;

    if (event->op != handler->count + 1)
        return NULL;
    if (handler->count == handler->capacity) {
        uint32_t capacity =
            handler->capacity ? 2 * handler->capacity : OPERATIONS_MIN;

        op = realloc(handler->operations, capacity * sizeof(*op));
        if (!op) {
            fold->failed = 1;
            return NULL;
        }
        handler->operations = op;
        handler->capacity = capacity;
    }
    op = &handler->operations[handler->count++];
    *op = (struct fold_operation){
        .id = event->a,
        .due_ns = UINT64_MAX,
        .close_ns = UINT64_MAX,
        .parent = number_of(handler, event->key_hi),
        .type = (uint8_t)engine_record_type(event),
        .subtype = (uint8_t)engine_record_subtype(event),
        .options = (uint8_t)engine_record_options(event)};
    if (op->parent && op->parent != UINT32_MAX) {
        struct fold_operation *parent = &handler->operations[op->parent - 1];

        op->next_sibling = parent->first_child;
        parent->first_child = handler->count;
    }
    if (!add_id(handler, handler->count))
        fold->failed = 1;
    return op;
}

bool fold_waits(const struct fold_operation *op)
{
    if (op->orphan)
        return false;
    return op->status == ENGINE_STATUS_PENDING ||
           (op->status == ENGINE_STATUS_STARTED &&
            (op->ambiguous || fold_is_outside(op->type)));
}

static uint64_t later(uint64_t time, uint64_t span)
{
    return time > UINT64_MAX - span ? UINT64_MAX : time + span;
}

uint64_t fold_due(const struct fold_operation *op)
{
    uint64_t beat = op->second_ns && op->status == ENGINE_STATUS_STARTED &&
                            op->type != ENGINE_OPERATION_STEP
                        ? later(op->beat_ns, op->second_ns)
                        : UINT64_MAX;

    return beat < op->due_ns ? beat : op->due_ns;
}

uint64_t fold_closes(const struct fold_operation *op)
{
    bool unclaimed = op->status == ENGINE_STATUS_READY;

    return unclaimed && op->due_ns < op->close_ns ? op->due_ns : op->close_ns;
}

uint64_t fold_fires(const struct fold_operation *op, unsigned event)
{
    bool closes = op->type == ENGINE_OPERATION_STEP &&
                  event == ENGINE_EV_OPERATION_TIMED_OUT;

    return closes ? fold_closes(op) : fold_due(op);
}

/* The clock of all attempts of a step starts, if there is one. */
static void attempts_begin(struct fold_operation *op, uint64_t now_ns)
{
    if (op->second_ns)
        op->close_ns = later(now_ns, op->second_ns);
}

static void step_began(struct fold_operation *op,
                       const struct engine_record *event)
{
    bool first = !op->second_ns && event->token;

    op->start_ns = event->b;
    op->due_ns = UINT64_MAX;
    if (!first)
        return;
    op->second_ns = event->token;
    attempts_begin(op, event->wall_ns);
}

/* What its record says of times are times; a SEND has other numbers there. */
static bool has_timer(unsigned type)
{
    return type == ENGINE_OPERATION_WAIT || type == ENGINE_OPERATION_CALLBACK ||
           type == ENGINE_OPERATION_INVOKE || type == ENGINE_OPERATION_RECEIVE;
}

static void began(struct fold_operation *op, const struct engine_record *event)
{
    op->status = ENGINE_STATUS_STARTED;
    op->beat_ns = event->wall_ns;
    if (op->type == ENGINE_OPERATION_CONTEXT)
        op->second_ns = event->token;
    if (op->type == ENGINE_OPERATION_STEP)
        step_began(op, event);
    if (!has_timer(op->type))
        return;
    op->second_ns = event->token;
    if (op->type == ENGINE_OPERATION_WAIT &&
        engine_record_options(event) & ENGINE_OPTION_UNTIL)
        op->due_ns = event->b > event->wall_ns ? event->b : event->wall_ns;
    else
        op->due_ns = event->b || op->type == ENGINE_OPERATION_WAIT
                         ? later(event->wall_ns, event->b)
                         : UINT64_MAX;
}

/* Whether an operator has to say what became of the step. */
static bool asks(const struct fold_operation *op,
                 const struct engine_record *event)
{
    return event->detail == ENGINE_EV_OPERATION_FAILED && !op->ambiguous &&
           op->type == ENGINE_OPERATION_STEP &&
           event->token == ENGINE_ERR_AMBIGUOUS;
}

static void operation_changes(struct fold_operation *op,
                              const struct engine_record *event)
{
    static const uint8_t ends[ENGINE_EV_COUNT] = {
        [ENGINE_EV_OPERATION_SUCCEEDED] = ENGINE_STATUS_SUCCEEDED,
        [ENGINE_EV_OPERATION_FAILED] = ENGINE_STATUS_FAILED,
        [ENGINE_EV_OPERATION_CANCELLED] = ENGINE_STATUS_CANCELLED,
        [ENGINE_EV_OPERATION_FIRED] = ENGINE_STATUS_SUCCEEDED,
        [ENGINE_EV_OPERATION_TIMED_OUT] = ENGINE_STATUS_TIMED_OUT,
        [ENGINE_EV_OPERATION_STOPPED] = ENGINE_STATUS_STOPPED,
    };

    if (event->attempt > op->attempt &&
        event->detail != ENGINE_EV_OPERATION_READY)
        op->attempt = event->attempt;
    if (asks(op, event)) {
        op->status = ENGINE_STATUS_STARTED;
        op->ambiguous = 1;
        return;
    }
    switch (event->detail) {
    case ENGINE_EV_OPERATION_STARTED:
        began(op, event);
        break;
    case ENGINE_EV_OPERATION_RETRY:
        op->status = ENGINE_STATUS_PENDING;
        op->due_ns = later(event->wall_ns, event->b);
        break;
    case ENGINE_EV_OPERATION_READY:
        op->status = ENGINE_STATUS_READY;
        op->due_ns =
            op->start_ns ? later(event->wall_ns, op->start_ns) : UINT64_MAX;
        if (op->ambiguous)
            attempts_begin(op, event->wall_ns);
        op->resumed |= op->ambiguous;
        op->ambiguous = 0;
        break;
    case ENGINE_EV_OPERATION_HEARTBEAT:
        op->beat_ns = event->wall_ns;
        break;
    case ENGINE_EV_OPERATION_PROGRESS:
        if (!op->status)
            op->status = ENGINE_STATUS_STARTED;
        break;
    default:
        op->status = ends[event->detail];
        break;
    }
}

/* Whether the handler has to be told: it did not bring this about itself. */
static bool is_news(const struct fold_operation *op, unsigned event)
{
    return event == ENGINE_EV_OPERATION_READY ||
           event == ENGINE_EV_OPERATION_FIRED ||
           event == ENGINE_EV_OPERATION_TIMED_OUT ||
           event == ENGINE_EV_OPERATION_STOPPED ||
           (fold_is_end(event) && fold_is_outside(op->type));
}

/*
 * A context ends: what is open below it will not go on. What is below an
 * ended context, or one that will not go on, was dealt with before.
 */
static void close_context(struct fold_handler *handler, uint32_t root)
{
    struct fold_operation *list = handler->operations;
    uint32_t number = list[root - 1].first_child;

    while (number) {
        struct fold_operation *op = &list[number - 1];

        if (!engine_status_terminal(op->status) && !op->orphan) {
            handler->waiting -= fold_waits(op);
            op->orphan = 1;
            if (op->first_child) {
                number = op->first_child;
                continue;
            }
        }
        while (number != root && !list[number - 1].next_sibling)
            number = list[number - 1].parent;
        number = number == root ? 0 : list[number - 1].next_sibling;
    }
}

static void operation_fold(struct fold *fold, struct fold_run *run,
                           const struct engine_record *event)
{
    struct fold_handler *handler = handler_of(fold, run);
    struct fold_operation *op;
    bool news;

    if (!handler || !event->op)
        return;
    op = event->op <= handler->count ? &handler->operations[event->op - 1]
                                     : add_operation(fold, handler, event);
    if (!op || engine_status_terminal(op->status))
        return;
    handler->waiting -= fold_waits(op);
    news = op->ambiguous || is_news(op, event->detail);
    operation_changes(op, event);
    if (event->detail == ENGINE_EV_OPERATION_STARTED)
        op->begun_by = run->handler->invocation;
    handler->waiting += fold_waits(op);
    if (op->type == ENGINE_OPERATION_CONTEXT &&
        engine_status_terminal(op->status))
        close_context(handler, event->op);
    if (!news)
        return;
    handler->fresh = true;
    if (run->ops && run->ops->phase == FOLD_PARKED && !handler->news_ns)
        handler->news_ns = event->time_ns;
}

/* What events about the handler as a whole say of its invocation. */
static void invocation_fold(struct fold_handler *handler,
                            const struct engine_record *event)
{
    switch (event->detail) {
    case ENGINE_EV_OP_SCHEDULED:
        handler->invocation = event->attempt;
        handler->token = 0;
        handler->news_ns = 0;
        handler->fresh = false;
        break;
    case ENGINE_EV_CHECKPOINT:
        handler->token = event->b + 1;
        handler->client_token[0] = event->a;
        handler->client_token[1] = event->key_hi;
        handler->fresh = false;
        break;
    default:
        break;
    }
}

/* An operator lets the run go on. */
static void let_go(struct fold_run *run, const struct engine_record *event)
{
    run->state = ENGINE_RUN_RUNNING;
    if (run->row_state == ENGINE_RUN_PAUSED ||
        run->row_state == ENGINE_RUN_BLOCKED)
        run->row_state = ENGINE_RUN_RUNNING;
    run->held_ns = event->wall_ns;
}

static void other_event(struct fold *fold, struct fold_run *run,
                        const struct engine_record *event)
{
    if (fold_is_operation(event->detail)) {
        operation_fold(fold, run, event);
        return;
    }
    if (run->handler && event->op == 0)
        invocation_fold(run->handler, event);
    struct fold_op *op = fold_op(run, event->op);
    if (!op || event->detail == ENGINE_EV_CHECKPOINT ||
        event->detail == ENGINE_EV_INBOX_CONSUMED)
        return;
    op_event(op, event);
    if (event->detail == ENGINE_EV_OP_FAILED)
        note_failure(run, op);
}

static void event_fold(struct fold *fold, struct fold_run *run,
                       const struct engine_record *event)
{
    static const uint8_t states[ENGINE_EV_COUNT] = {
        [ENGINE_EV_RUN_SUSPENDED] = ENGINE_RUN_SUSPENDED,
        [ENGINE_EV_RUN_BLOCKED] = ENGINE_RUN_BLOCKED,
        [ENGINE_EV_RUN_SUCCEEDED] = ENGINE_RUN_SUCCEEDED,
        [ENGINE_EV_RUN_FAILED] = ENGINE_RUN_FAILED,
        [ENGINE_EV_RUN_CANCELLED] = ENGINE_RUN_CANCELLED,
        [ENGINE_EV_RUN_TIMED_OUT] = ENGINE_RUN_TIMED_OUT,
        [ENGINE_EV_RUN_STOPPED] = ENGINE_RUN_STOPPED,
        [ENGINE_EV_RUN_PAUSED] = ENGINE_RUN_PAUSED,
    };

    run->last_event = event->detail;
    run->last_op = event->op;
    run->last_attempt = event->attempt;
    run->last_ns = event->time_ns;
    if (event->detail < ENGINE_EV_COUNT && states[event->detail]) {
        set_state(run, states[event->detail]);
        return;
    }
    switch (event->detail) {
    case ENGINE_EV_RUN_CREATED:
        if (!run->started_ns) /* nobody acknowledges an invoked one */
            run->started_ns = event->time_ns;
        create(fold, run, event->a);
        break;
    case ENGINE_EV_LEASE_ACQUIRED:
        if (!fold_terminal(run))
            run->state = ENGINE_RUN_RUNNING;
        break;
    case ENGINE_EV_RUN_UNPAUSED:
    case ENGINE_EV_RUN_UNBLOCKED:
        let_go(run, event);
        break;
    case ENGINE_EV_OPERATOR_ACTION:
        run->flags |= FOLD_OPERATED;
        break;
    case ENGINE_EV_LIMIT_NEAR:
        break;
    default:
        other_event(fold, run, event);
        break;
    }
}

static void mark_unknown(struct fold_run *run, unsigned flag, uint64_t token)
{
    run->flags |= (uint16_t)flag;
    run->expires_ns = 0;
    if (token > run->token)
        run->token = token;
}

static void set_tail(struct fold_run *run, const struct engine_record *row)
{
    run->next_seq = row->a + row->count;
    run->tail = row->b;
    run->hash.lo = row->key;
    run->hash.hi = row->key_hi;
}

static void appended(struct fold *fold, struct fold_run *run,
                     const struct engine_record *row)
{
    set_tail(run, row);
    if (row->b > fold->last_position || row->detail)
        fold->last_position = row->b;
    fold->store_skew_ns = row->wall_ns - row->time_ns;
    if (row->state)
        run->row_state = row->state;
    if (row->detail)
        return;
    mark_unknown(run, FOLD_RECOVERED, row->token);
    run->flags &= (uint16_t)~FOLD_OPAQUE;
}

/* A row nobody acknowledged: its commit was in doubt and has survived. */
static void audit_row(struct fold_run *run, const struct engine_record *row)
{
    if (row->detail || row->b <= run->tail)
        return;
    set_tail(run, row);
    mark_unknown(run, FOLD_OPAQUE, row->token);
}

static void granted(struct fold_run *run, const struct engine_record *lease)
{
    if (lease->token < run->token)
        return;
    run->token = lease->token;
    run->holder = lease->peer;
    run->expires_ns = lease->a;
    run->flags &= (uint16_t)~FOLD_RELEASED;
}

static void lease_fold(struct fold_run *run, const struct engine_record *lease)
{
    if (lease->kind == ENGINE_REC_LEASE_GRANTED) {
        granted(run, lease);
        return;
    }
    if (lease->token != run->token)
        return;
    if (lease->kind == ENGINE_REC_LEASE_RENEWED)
        run->expires_ns = lease->a;
    else
        run->flags |= FOLD_RELEASED;
}

static void work_removed(struct fold_run *run, struct fold_op *op,
                         uint32_t attempt)
{
    if (op && op->put != attempt)
        return;
    if (op)
        op->put = 0;
    if (run->work_open)
        run->work_open--;
    forget_ops(run);
}

static void work_put(struct fold_run *run, struct fold_op *op, uint32_t attempt)
{
    if (!op || !op->put)
        run->work_open++;
    if (!op)
        return;
    op->put = attempt;
    op->done = 0;
    op->sent = 0;
}

static void work_claimed(struct fold_op *op, const struct engine_record *claim)
{
    if (claim->attempt < op->claimed)
        return;
    if (claim->attempt > op->claimed)
        op->claimed_ns = claim->wall_ns;
    op->claim_ns = claim->a;
    op->claimed = claim->attempt;
    op->claimer = claim->peer;
}

static void work_fold(struct fold_run *run, const struct engine_record *work)
{
    struct fold_op *op = fold_op(run, work->op);

    if (work->kind == ENGINE_REC_WORK_PUT)
        work_put(run, op, work->attempt);
    else if (work->kind == ENGINE_REC_WORK_TAKEN ||
             work->kind == ENGINE_REC_WORK_CUT)
        work_removed(run, op, work->attempt);
    else if (op && work->kind == ENGINE_REC_WORK_CLAIMED)
        work_claimed(op, work);
    else if (op && op->put == work->attempt)
        *(work->kind == ENGINE_REC_SENT ? &op->sent : &op->done) = 1;
}

/* Its platform has given the attempt up, or does not take it. */
static void platform_fold(struct fold_run *run,
                          const struct engine_record *record)
{
    struct fold_op *op = fold_op(run, record->op);

    if (op && record->count >= GAVE_UP)
        op->refused = record->attempt;
}

static bool is_cut(const struct engine_record *record)
{
    return record->kind == ENGINE_REC_FAULT &&
           (record->detail == ENGINE_ACT_CUT ||
            record->detail == ENGINE_ACT_CUT_IN ||
            record->detail == ENGINE_ACT_CUT_OUT);
}

/* Until when the network leaves a node out; UINT64_MAX: for good. */
static uint64_t cut_until(const struct engine_record *cut)
{
    return cut->a >= INT64_MAX ? UINT64_MAX : cut->time_ns + cut->a;
}

static void links_fold(struct fold *fold, const struct engine_record *record)
{
    uint64_t *until;

    if (record->node >= fold->world->node_count)
        return;
    until = &fold->processes[record->node].cut_until_ns;
    if (record->kind == ENGINE_REC_FAULT_ENDED)
        *until = 0;
    else if (is_cut(record) && cut_until(record) > *until)
        *until = cut_until(record);
}

/* A cut lasts; what is cut off for good is no matter of time any more. */
static void disturb(struct fold *fold, const struct engine_record *record)
{
    uint64_t time_ns = record->time_ns;

    if (record->kind == ENGINE_REC_FAULT && record->detail == ENGINE_ACT_DEFECT)
        return;
    links_fold(fold, record);
    if (is_cut(record) && cut_until(record) != UINT64_MAX)
        time_ns = cut_until(record);
    if (time_ns > fold->disturbed_ns)
        fold->disturbed_ns = time_ns;
}

static void process_fold(struct fold *fold, const struct engine_record *record)
{
    int down = record->kind == ENGINE_REC_PROC_DOWN;

    if (record->node < fold->world->node_count)
        fold->processes[record->node].down = down;
    if (!down || record->detail)
        disturb(fold, record);
    if (record->node != fold->world->store_node)
        return;
    if (down && record->detail)
        fold->in_doubt_ns = record->time_ns;
    if (down && !fold->store_down_ns)
        fold->store_down_ns = record->time_ns;
    if (down || !fold->store_down_ns)
        return;
    fold->store_away_ns += record->time_ns - fold->store_down_ns;
    fold->store_down_ns = 0;
}

static void world_fold(struct fold *fold, const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_STORE_OPENED:
        if (!record->count)
            fold->last_position = record->a;
        break;
    case ENGINE_REC_PROC_DOWN:
    case ENGINE_REC_PROC_UP:
        process_fold(fold, record);
        break;
    case ENGINE_REC_SYNC_FAILED:
        fold->in_doubt_ns = record->time_ns;
        disturb(fold, record);
        break;
    default:
        disturb(fold, record);
        break;
    }
}

static void client_fold(struct fold_run *run,
                        const struct engine_record *record)
{
    if (record->kind == ENGINE_REC_RESULT_SEEN) {
        run->flags |= FOLD_RESULT_SEEN;
        return;
    }
    if (!fold_has(run, FOLD_START_OK))
        run->started_ns = record->time_ns;
    run->flags |= FOLD_START_OK;
}

/* The number of an outbox row; the records leave out that it is 1. */
static uint32_t row_number(const struct engine_record *outbox)
{
    return outbox->op == UINT32_MAX ? 1 : outbox->op;
}

static void outbox_put(struct fold_run *run, const struct engine_record *record)
{
    if (run->handler && fold_is_for_run(record)) {
        run->handler->outbox_open++;
        return;
    }
    run->flags |= FOLD_OUTBOX_PUT;
    if (run->handler)
        run->handler->result_row = row_number(record);
}

static void outbox_acked(struct fold_run *run,
                         const struct engine_record *record)
{
    struct fold_handler *handler = run->handler;

    if (handler && handler->result_row != row_number(record)) {
        if (handler->outbox_open)
            handler->outbox_open--;
    } else {
        run->flags |= FOLD_OUTBOX_ACKED;
    }
    forget_ops(run);
}

static void run_fold(struct fold *fold, struct fold_run *run,
                     const struct engine_record *record)
{
    switch (record->kind) {
    case ENGINE_REC_EVENT:
        event_fold(fold, run, record);
        break;
    case ENGINE_REC_APPENDED:
        appended(fold, run, record);
        break;
    case ENGINE_REC_START_OK:
    case ENGINE_REC_RESULT_SEEN:
        client_fold(run, record);
        break;
    case ENGINE_REC_LEASE_GRANTED:
    case ENGINE_REC_LEASE_RENEWED:
    case ENGINE_REC_LEASE_RELEASED:
        lease_fold(run, record);
        break;
    case ENGINE_REC_OUTBOX_PUT:
        outbox_put(run, record);
        break;
    case ENGINE_REC_OUTBOX_ACKED:
        outbox_acked(run, record);
        break;
    case ENGINE_REC_PLATFORM:
        platform_fold(run, record);
        break;
    case ENGINE_REC_AUDIT_ROW:
        audit_row(run, record);
        break;
    case ENGINE_REC_AUDIT_RUN:
        run->flags |= FOLD_AUDITED;
        run->row_state = record->state;
        if (fold_has(run, FOLD_OPAQUE))
            run->state = record->state;
        break;
    default:
        work_fold(run, record);
        break;
    }
}

/* Kinds that are about the world, even if they name a run. */
static bool about_world(unsigned kind)
{
    return kind == ENGINE_REC_STORE_OPENED || kind == ENGINE_REC_SYNC_FAILED ||
           kind == ENGINE_REC_THROTTLED ||
           (kind >= ENGINE_REC_KILLED && kind != ENGINE_REC_PLATFORM);
}

void fold_feed(struct fold *fold, const struct engine_record *record)
{
    struct fold_run *run;

    if (record->kind >= ENGINE_REC_COUNT || !(folded >> record->kind & 1))
        return;
    if (about_world(record->kind)) {
        world_fold(fold, record);
        return;
    }
    run = fold_run(fold, record->run);
    if (run)
        run_fold(fold, run, record);
}

bool fold_settled(const struct fold *fold, const struct engine_record *end,
                  uint64_t since_ns)
{
    if (fold->disturbed_ns > since_ns)
        since_ns = fold->disturbed_ns;
    return end->a == 0 ||
           end->time_ns >= since_ns + fold->world->progress_bound_ns;
}

uint64_t fold_latest(const struct fold *fold, uint64_t due_ns,
                     const struct engine_record *now)
{
    const struct check_world *world = fold->world;
    uint64_t since = now->time_ns > fold->disturbed_ns
                         ? now->time_ns - fold->disturbed_ns
                         : 0; /* a cut that is not over */
    uint64_t from = due_ns;

    if (fold->disturbed_ns && since < now->wall_ns) {
        uint64_t owned = now->wall_ns - since + world->lease_ttl_ns +
                         world->scan_ns + world->skew_bound_ns;
        if (owned > from)
            from = owned;
    }
    return from + world->timer_slack_ns;
}

bool fold_in_doubt(const struct fold *fold, const struct fold_run *run)
{
    return fold->in_doubt_ns > run->last_ns;
}

uint64_t fold_drift(const struct fold *fold, uint64_t span_ns)
{
    uint64_t ppm = fold->world->envelope.drift_max_ppb / 1000 + 1;

    return span_ns / 1000000 * ppm * 2;
}

const char *fold_phase_name(unsigned phase)
{
    static const char *const names[] = {
        "not scheduled",    "scheduled", "running", "ended",
        "waiting to retry", "waiting",   "parked",  "fired",
        "succeeded",        "failed",
    };
    return phase < sizeof(names) / sizeof(*names) ? names[phase] : "?";
}

const char *fold_state_name(unsigned state)
{
    static const char *const names[] = {
        "not created", "running",   "suspended", "blocked", "succeeded",
        "failed",      "cancelled", "timed out", "stopped", "paused",
    };
    return state < sizeof(names) / sizeof(*names) ? names[state] : "?";
}

const char *fold_status_name(unsigned status)
{
    static const char *const names[ENGINE_STATUS_COUNT] = {
        "not started", "started",   "waiting to retry", "ready",   "succeeded",
        "failed",      "cancelled", "timed out",        "stopped",
    };
    return status < ENGINE_STATUS_COUNT ? names[status] : "?";
}
