/*
 * What happens to a run's operations from outside: time, signals, its end.
 * Only events are written here; whoever owns the run's log applies them.
 */
#include "engine/execution.h"

#include "engine/execution_index.h"
#include "engine/store.h"
#include "engine/value.h"

static struct engine_text text_of(const char *text)
{
    return (struct engine_text){text, strlen(text)};
}

static struct engine_item event_for(const struct engine_op_entry *entry,
                                    unsigned kind, unsigned options)
{
    return (struct engine_item){
        .type = ENGINE_ITEM_EVENT,
        .kind = (uint16_t)kind,
        .op = entry->number,
        .attempt = entry->attempt,
        .a = entry->id.lo,
        .b = entry->id.hi,
        .flags = engine_operation_flags(entry->type, entry->subtype, options)};
}

/* An event without a payload. */
static int write_bare(struct engine_block *block,
                      const struct engine_op_entry *entry, unsigned kind)
{
    const struct engine_item event = event_for(entry, kind, 0);

    return engine_block_item(block, &event, NULL, 0) ? 0 : -1;
}

/* How an operation ended. */
struct end {
    unsigned kind; /* of the event */
    unsigned options;
    uint32_t error;
    uint64_t sender; /* and number, of a message */
    uint64_t number;
    struct engine_text type;
    const void *value;
    size_t value_size;
};

static int write_end(const struct engine_execution *execution,
                     struct engine_block *block,
                     const struct engine_op_entry *entry, const struct end *end)
{
    const struct engine_item event = event_for(entry, end->kind, end->options);
    const struct engine_operation_view view = {
        .head = {.parent = execution->operations.entries[entry->parent].id,
                 .first_ns = end->sender,
                 .second_ns = end->number,
                 .error = end->error,
                 .detail_size = (uint32_t)end->type.size,
                 .value_size = (uint32_t)end->value_size},
        .detail = end->type,
        .value = end->value};

    return engine_operation_write(block, &event, &view) ? 0 : -1;
}

static int write_words(const struct engine_execution *execution,
                       struct engine_block *block,
                       const struct engine_op_entry *entry, unsigned kind,
                       uint32_t error, const char *type, const char *words)
{
    const struct end end = {.kind = kind,
                            .error = error,
                            .type = text_of(type),
                            .value = words,
                            .value_size = strlen(words)};

    return write_end(execution, block, entry, &end);
}

/* Time -------------------------------------------------------------------- */

/* Puts the timers that are due below a place of the heap into *due. */
static int collect(const struct engine_execution_index *index, uint32_t at,
                   uint64_t now_ns, struct engine_timers *due)
{
    if (at >= index->heap_count || index->heap[at].time_ns > now_ns)
        return 0;
    if (engine_timers_push(due, index->heap[at].time_ns, index->heap[at].key) ||
        collect(index, 2 * at + 1, now_ns, due))
        return -1;
    return collect(index, 2 * at + 2, now_ns, due);
}

/* A step that is to end: nobody begins it, or no time is left. */
static int write_close(const struct engine_execution *execution,
                       struct engine_block *block,
                       const struct engine_op_entry *entry, bool all)
{
    return write_words(execution, block, entry, ENGINE_EV_OPERATION_TIMED_OUT,
                       ENGINE_ERR_TIMED_OUT,
                       all ? "Step.Timeout" : "Step.ScheduleToStart",
                       all ? "timeout: no time is left for the step"
                           : "schedule_to_start: nobody has begun the attempt");
}

static int write_timeout(const struct engine_execution *execution,
                         struct engine_block *block,
                         const struct engine_op_entry *entry, bool heartbeat)
{
    unsigned kind = ENGINE_EV_OPERATION_TIMED_OUT;

    if (entry->type == ENGINE_OPERATION_INVOKE)
        return write_words(execution, block, entry, kind, ENGINE_ERR_TIMED_OUT,
                           "", "Invoked run timed out");
    if (entry->type == ENGINE_OPERATION_RECEIVE)
        return write_words(execution, block, entry, kind, ENGINE_ERR_TIMED_OUT,
                           "", "No message came in time");
    if (heartbeat)
        return write_words(execution, block, entry, kind, ENGINE_ERR_TIMED_OUT,
                           "Callback.Heartbeat",
                           "Callback timed out on heartbeat");
    return write_words(execution, block, entry, kind, ENGINE_ERR_TIMED_OUT,
                       "Callback.Timeout", "Callback timed out");
}

/* One timer of a step: with all time over nothing else matters. */
static int fire_step(const struct engine_execution *execution,
                     const struct engine_op_entry *entry, bool all,
                     uint64_t now_ns, struct engine_block *block)
{
    if (!all && entry->heartbeat_ns <= now_ns)
        return 0;
    if (!all && entry->status == ENGINE_STATUS_PENDING)
        return write_bare(block, entry, ENGINE_EV_OPERATION_READY);
    return write_close(execution, block, entry, all);
}

/* One timer that is due; the later one of a callback comes to nothing. */
static int fire_one(const struct engine_execution *execution,
                    struct engine_timer timer, uint64_t now_ns,
                    struct engine_block *block)
{
    const struct engine_op_entry *entry =
        &execution->operations.entries[timer.key / 2];
    bool heartbeat = timer.key % 2;

    if (entry->type == ENGINE_OPERATION_STEP)
        return fire_step(execution, entry, heartbeat, now_ns, block);
    if (heartbeat && entry->due_ns <= entry->heartbeat_ns)
        return 0;
    if (!heartbeat && entry->heartbeat_ns < entry->due_ns)
        return 0;
    if (entry->type == ENGINE_OPERATION_WAIT)
        return write_bare(block, entry, ENGINE_EV_OPERATION_FIRED);
    return write_timeout(execution, block, entry, heartbeat);
}

int engine_execution_fire(const struct engine_execution *execution,
                          uint64_t now_ns, struct engine_block *block,
                          uint64_t *latest)
{
    struct engine_timers due = {.memory = execution->operations.memory};
    int result = collect(execution->index, 0, now_ns, &due);

    *latest = 0;
    while (!result && due.count > 0) {
        struct engine_timer timer = engine_timers_pop(&due);

        result = fire_one(execution, timer, now_ns, block);
        *latest = timer.time_ns;
    }
    engine_timers_free(&due);
    return result;
}

/* Signals ----------------------------------------------------------------- */

int engine_signal_view(const struct engine_item *inbox,
                       struct engine_signal_view *view)
{
    const char *at = engine_item_payload(inbox);
    struct engine_signal *head = &view->head;

    if (inbox->size < sizeof(*head))
        return -1;
    memcpy(head, at, sizeof(*head));
    if (sizeof(*head) + head->actor_size + head->reason_size + head->edge_size +
            (size_t)head->value_size !=
        inbox->size)
        return -1;
    at += sizeof(*head);
    view->actor = (struct engine_text){at, head->actor_size};
    at += head->actor_size;
    view->reason = (struct engine_text){at, head->reason_size};
    at += head->reason_size;
    view->edge = (struct engine_text){at, head->edge_size};
    view->value = at + head->edge_size;
    return 0;
}

static int consume(struct engine_block *block, const struct engine_item *inbox)
{
    const struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                      .kind = ENGINE_EV_INBOX_CONSUMED,
                                      .a = inbox->a,
                                      .b = inbox->b};

    return engine_block_item(block, &event, NULL, 0) ? 1 : -1;
}

/* Whether the value is more than an operation may have; blobs may be more. */
static bool is_too_large(const struct engine_limits *limits,
                         const struct end *end)
{
    struct engine_blob_ref ref;

    if (!(end->options & ENGINE_OPTION_BLOB))
        return end->value_size > limits->operation_payload_max;
    if (end->value_size != sizeof(ref))
        return true;
    memcpy(&ref, end->value, sizeof(ref));
    return !limits->spill && ref.size > limits->operation_payload_max;
}

/* Consumes the signal and ends an operation with its value. 1 or -1. */
static int deliver(const struct engine_execution *execution,
                   const struct engine_item *inbox, struct engine_block *block,
                   const struct engine_op_entry *entry, struct end end)
{
    if (consume(block, inbox) < 0)
        return -1;
    if (is_too_large(execution->limits, &end)) {
        static const char words[] = "result is larger than an operation's may";

        end.options = 0;
        end.kind = ENGINE_EV_OPERATION_FAILED;
        end.error = ENGINE_ERR_SIZE_LIMIT;
        end.type = text_of("");
        end.value = words;
        end.value_size = sizeof(words) - 1;
    }
    return write_end(execution, block, entry, &end) ? -1 : 1;
}

/* The operation a signal is for, if it is of this type and still open. */
static const struct engine_op_entry *
target(const struct engine_execution *execution,
       const struct engine_item *inbox, unsigned type)
{
    const struct engine_op_entry *entry;

    if (inbox->op == 0 || inbox->op >= execution->operations.count)
        return NULL;
    entry = &execution->operations.entries[inbox->op];
    return entry->type == type && !engine_entry_over(entry) ? entry : NULL;
}

/* The callback that a signal is for. The defect: also if it was answered. */
static const struct engine_op_entry *
callback_of(const struct engine_execution *execution,
            const struct engine_item *inbox)
{
    const struct engine_op_entry *entry =
        target(execution, inbox, ENGINE_OPERATION_CALLBACK);

    if (entry || inbox->op >= execution->operations.count ||
        !engine_execution_defect(execution, ENGINE_DEFECT_CALLBACK_TWICE))
        return entry;
    entry = &execution->operations.entries[inbox->op];
    return entry->type == ENGINE_OPERATION_CALLBACK ? entry : NULL;
}

static int callback(const struct engine_execution *execution,
                    const struct engine_item *inbox,
                    const struct engine_signal_view *signal,
                    struct engine_block *block)
{
    const struct engine_op_entry *entry = callback_of(execution, inbox);
    struct end end = {.kind = ENGINE_EV_OPERATION_SUCCEEDED,
                      .value = signal->value,
                      .value_size = signal->head.value_size};

    if (!entry)
        return consume(block, inbox);
    if (signal->head.kind == ENGINE_SIG_CALLBACK_HEARTBEAT)
        return consume(block, inbox) < 0 ||
                       write_bare(block, entry, ENGINE_EV_OPERATION_HEARTBEAT)
                   ? -1
                   : 1;
    if (signal->head.kind == ENGINE_SIG_CALLBACK_FAIL) {
        end.kind = ENGINE_EV_OPERATION_FAILED;
        end.error = signal->head.error ? signal->head.error : ENGINE_ERR_USER;
        end.type = signal->edge;
    }
    return deliver(execution, inbox, block, entry, end);
}

static int child_ended(const struct engine_execution *execution,
                       const struct engine_item *inbox,
                       const struct engine_signal_view *signal,
                       struct engine_block *block)
{
    const struct engine_op_entry *entry =
        target(execution, inbox, ENGINE_OPERATION_INVOKE);
    struct end end = {.kind = ENGINE_EV_OPERATION_FAILED,
                      .error = signal->head.error,
                      .value = signal->value,
                      .value_size = signal->head.value_size};

    if (!entry ||
        (end.error != ENGINE_ERR_NONE &&
         engine_execution_defect(execution, ENGINE_DEFECT_CHILD_ONLY_SUCCESS)))
        return consume(block, inbox);
    if (engine_execution_defect(execution, ENGINE_DEFECT_CHILD_ERROR_DROPPED))
        end.error = ENGINE_ERR_NONE;
    if (end.error == ENGINE_ERR_NONE)
        end.kind = ENGINE_EV_OPERATION_SUCCEEDED;
    if (signal->head.flags & ENGINE_SIGNAL_BLOB)
        end.options = ENGINE_OPTION_BLOB;
    if (end.error == ENGINE_ERR_TIMED_OUT)
        end.kind = ENGINE_EV_OPERATION_TIMED_OUT;
    if (end.error == ENGINE_ERR_STOPPED)
        end.kind = ENGINE_EV_OPERATION_STOPPED;
    return deliver(execution, inbox, block, entry, end);
}

static const struct engine_op_entry *
first_open(const struct engine_execution *execution,
           const struct engine_edge *edge)
{
    uint32_t number = edge ? engine_execution_first_open(execution, edge)
                           : ENGINE_NO_OPERATION;

    return number == ENGINE_NO_OPERATION
               ? NULL
               : &execution->operations.entries[number];
}

/* The run that an actor's text names as "run N", 0: none. */
static uint64_t run_named(struct engine_text actor)
{
    uint64_t run = 0;

    if (actor.size < 5 || actor.size > 4 + 13 ||
        memcmp(actor.text, "run ", 4) != 0)
        return 0;
    for (size_t i = 4; i < actor.size; i++) {
        if (actor.text[i] < '0' || actor.text[i] > '9')
            return 0;
        run = run * 10 + (uint64_t)(actor.text[i] - '0');
    }
    return run;
}

/* Whose numbers a message's number is one of. */
static uint64_t sender_of(const struct engine_signal_view *signal)
{
    uint64_t run = run_named(signal->actor);

    return run ? run
               : UINT64_C(1) << 63 |
                     engine_hash_bytes(signal->actor.text, signal->actor.size)
                         .lo;
}

/* What is known of who sends on an edge, NULL: nothing. */
static const struct engine_edge *
stream_of(const struct engine_execution *execution,
          const struct engine_signal_view *signal)
{
    return engine_index_edge(execution->index, ENGINE_OPERATION_RECEIVE,
                             sender_of(signal), signal->edge);
}

static int message(const struct engine_execution *execution,
                   const struct engine_item *inbox,
                   const struct engine_signal_view *signal,
                   struct engine_block *block)
{
    const struct engine_edge *edge = engine_index_edge(
        execution->index, ENGINE_OPERATION_RECEIVE, 0, signal->edge);
    const struct engine_edge *stream = stream_of(execution, signal);
    const struct engine_op_entry *entry = first_open(execution, edge);
    uint64_t next = stream ? stream->count + 1 : 1;
    uint64_t number = signal->head.number;
    const struct end end = {.kind = ENGINE_EV_OPERATION_SUCCEEDED,
                            .sender = sender_of(signal),
                            .number = next,
                            .value = signal->value,
                            .value_size = signal->head.value_size};

    if ((number && number < next) || (stream && stream->ended))
        return consume(block, inbox);
    if (number > next || !entry)
        return 2;
    return deliver(execution, inbox, block, entry, end);
}

/* Every RECEIVE that is open on an edge from this one on ends. 0 or -1. */
static int end_receives(const struct engine_execution *execution,
                        uint32_t number, struct engine_block *block)
{
    const struct engine_op_entry *entries = execution->operations.entries;
    const struct end end = {.kind = ENGINE_EV_OPERATION_SUCCEEDED,
                            .options = ENGINE_OPTION_END};

    for (; number != ENGINE_NO_OPERATION;
         number = execution->index->tracks[number].next_open)
        if (!engine_entry_over(&entries[number]) &&
            write_end(execution, block, &entries[number], &end))
            return -1;
    return 0;
}

/* Consumes a signal with which a sender ends. 0 or -1. */
static int consume_end(struct engine_block *block,
                       const struct engine_item *inbox,
                       const struct engine_signal_view *signal)
{
    const struct engine_stream_end end = {.sender = sender_of(signal)};
    const struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                      .kind = ENGINE_EV_INBOX_CONSUMED,
                                      .a = inbox->a,
                                      .b = inbox->b};
    struct engine_item *item =
        engine_block_item(block, &event, NULL, sizeof(end) + signal->edge.size);

    if (!item)
        return -1;
    memcpy(item + 1, &end, sizeof(end));
    if (signal->edge.size > 0)
        memcpy((char *)(item + 1) + sizeof(end), signal->edge.text,
               signal->edge.size);
    return 0;
}

/* The edge ends with the last of the senders that have been seen on it. */
static int end_of_stream(const struct engine_execution *execution,
                         const struct engine_item *inbox,
                         const struct engine_signal_view *signal,
                         struct engine_block *block)
{
    const struct engine_edge *edge = engine_index_edge(
        execution->index, ENGINE_OPERATION_RECEIVE, 0, signal->edge);
    const struct engine_edge *stream = stream_of(execution, signal);
    const struct engine_op_entry *entry = first_open(execution, edge);

    if (stream && stream->ended)
        return consume(block, inbox);
    if (!entry || signal->head.number > (stream ? stream->count : 0) + 1)
        return 2;
    /* A RECEIVE that ends before its edge does is news. */
    if (edge->over + 1 == edge->senders + !stream &&
        end_receives(execution, entry->number, block))
        return -1;
    return consume_end(block, inbox, signal) ? -1 : 1;
}

int engine_execution_ends(const struct engine_execution *execution,
                          struct engine_block *block)
{
    const struct engine_execution_index *index = execution->index;

    for (uint32_t i = 0; index->late && i < index->edge_count; i++) {
        const struct engine_edge *edge = &index->edges[i];

        if (edge->ended && end_receives(execution, edge->first_open, block))
            return -1;
    }
    execution->index->late = false;
    return 0;
}

static int message_ack(const struct engine_execution *execution,
                       const struct engine_item *inbox,
                       const struct engine_signal_view *signal,
                       struct engine_block *block)
{
    const struct engine_edge *edge =
        engine_index_edge(execution->index, ENGINE_OPERATION_SEND,
                          run_named(signal->actor), signal->edge);
    const struct engine_op_entry *entries = execution->operations.entries;
    uint32_t i = edge ? edge->first_open : ENGINE_NO_OPERATION;

    if (consume(block, inbox) < 0)
        return -1;
    for (; i != ENGINE_NO_OPERATION &&
           entries[i].second_ns <= signal->head.number;
         i = execution->index->tracks[i].next_open) {
        const struct end end = {.kind = ENGINE_EV_OPERATION_SUCCEEDED,
                                .number = entries[i].second_ns};

        if (!engine_entry_over(&entries[i]) &&
            write_end(execution, block, &entries[i], &end))
            return -1;
    }
    return 1;
}

/* What an operator says of a step whose effect may have happened. */
static int decide(const struct engine_execution *execution,
                  const struct engine_item *inbox,
                  const struct engine_signal_view *signal,
                  struct engine_block *block)
{
    static const char aborted[] = "aborted by an operator";
    const struct engine_op_entry *entry =
        target(execution, inbox, ENGINE_OPERATION_STEP);
    struct end end = {.kind = ENGINE_EV_OPERATION_SUCCEEDED,
                      .value = signal->value,
                      .value_size = signal->head.value_size};

    if (engine_execution_defect(execution, ENGINE_DEFECT_RESUME_TWICE) &&
        inbox->op < execution->operations.count)
        entry = &execution->operations.entries[inbox->op];
    else if (!entry || !engine_entry_ambiguous(entry))
        return consume(block, inbox);
    if (signal->head.kind == ENGINE_SIG_RESUME)
        return consume(block, inbox) < 0 ||
                       write_bare(block, entry, ENGINE_EV_OPERATION_READY)
                   ? -1
                   : 1;
    if (signal->head.kind == ENGINE_SIG_ABORT) {
        end.kind = ENGINE_EV_OPERATION_FAILED;
        end.error = ENGINE_ERR_AMBIGUOUS;
        end.value = aborted;
        end.value_size = sizeof(aborted) - 1;
    }
    return deliver(execution, inbox, block, entry, end);
}

int engine_execution_signal(const struct engine_execution *execution,
                            const struct engine_item *inbox,
                            struct engine_block *block)
{
    struct engine_signal_view signal;

    if (engine_signal_view(inbox, &signal) ||
        signal.head.error >= ENGINE_ERR_COUNT)
        return consume(block, inbox);
    switch (signal.head.kind) {
    case ENGINE_SIG_CALLBACK_SUCCEED:
    case ENGINE_SIG_CALLBACK_FAIL:
    case ENGINE_SIG_CALLBACK_HEARTBEAT:
        return callback(execution, inbox, &signal, block);
    case ENGINE_SIG_CHILD_ENDED:
        return child_ended(execution, inbox, &signal, block);
    case ENGINE_SIG_MESSAGE:
        return message(execution, inbox, &signal, block);
    case ENGINE_SIG_END_OF_STREAM:
        return end_of_stream(execution, inbox, &signal, block);
    case ENGINE_SIG_MESSAGE_ACK:
        return message_ack(execution, inbox, &signal, block);
    case ENGINE_SIG_RESUME:
    case ENGINE_SIG_SKIP:
    case ENGINE_SIG_ABORT:
        return inbox->op == UINT32_MAX
                   ? 0
                   : decide(execution, inbox, &signal, block);
    default:
        return 0;
    }
}

int engine_execution_stop(const struct engine_execution *execution,
                          struct engine_block *block)
{
    const struct engine_operations *table = &execution->operations;

    for (uint32_t i = 1; i < table->count; i++)
        if (!engine_entry_over(&table->entries[i]) &&
            write_bare(block, &table->entries[i], ENGINE_EV_OPERATION_STOPPED))
            return -1;
    return 0;
}
