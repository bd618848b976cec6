/*
 * Signals to a run. Each becomes events, INBOX_CONSUMED among them, and leaves
 * the inbox in the same append, so that it counts once however often it was
 * sent. One that changes nothing is only consumed.
 */
#include "engine/coordinator_private.h"

#include "engine/invoke.h"
#include "engine/store.h"
#include "engine/value.h"

static const struct engine_item *item_at(const struct engine_owned *o,
                                         uint32_t at)
{
    return (const void *)(o->inbox.bytes + at);
}

uint32_t engine_inbox_count(const struct engine_owned *o)
{
    uint32_t count = 0;
    for (uint32_t at = 0; at < o->inbox.size; count++)
        at += (uint32_t)engine_item_span(item_at(o, at)->size);
    return count;
}

/* Takes the row out of the inbox, with the event that says so. */
static void consume(struct engine_decide *decide,
                    const struct engine_item *inbox, bool with_event)
{
    const struct engine_item row = {
        .type = ENGINE_ITEM_INBOX, .a = inbox->a, .b = inbox->b};
    if (with_event)
        engine_decide_event(decide, ENGINE_EV_INBOX_CONSUMED, 0, 0, inbox->a,
                            inbox->b, NULL, 0);
    engine_decide_row(decide, &row, NULL, 0);
}

/* Who has done what, and why. */
static void note_action(struct engine_decide *decide,
                        const struct engine_item *inbox)
{
    uint32_t op = inbox->op == ENGINE_SIGNAL_ANY ? UINT32_MAX : inbox->op;
    engine_decide_event(decide, ENGINE_EV_OPERATOR_ACTION, op, 0, inbox->kind,
                        0, engine_item_payload(inbox), inbox->size);
}

/* Operators' decisions on a graph's operations --------------------------- */

/* The signal's value at each of the node's outputs. */
static void skip(struct engine_decide *decide, uint32_t op,
                 const struct engine_signal_view *signal)
{
    const struct engine_node *node = engine_graph_node(decide->run->graph, op);
    size_t from = decide->block->size;
    size_t span = engine_value_span(signal->head.value_size);
    const struct engine_item head = {.type = ENGINE_ITEM_EVENT,
                                     .kind = ENGINE_EV_OP_SUCCEEDED,
                                     .op = op,
                                     .attempt = decide->run->ops[op].attempt};
    struct engine_item *item = engine_block_item(decide->block, &head, NULL,
                                                 span * node->output_count);
    if (!item) {
        decide->error = -1;
        return;
    }
    unsigned char *to = (unsigned char *)(item + 1);
    for (uint32_t i = 0; i < node->output_count; i++)
        to += engine_value_write(to, ENGINE_VALUE_INLINE, signal->value,
                                 signal->head.value_size);
    engine_decide_added(decide, from);
}

static void resolve_op(struct engine_decide *decide, uint32_t op,
                       const struct engine_signal_view *signal)
{
    uint32_t attempt = decide->run->ops[op].attempt;
    switch (signal->head.kind) {
    case ENGINE_SIG_RESUME:
        engine_decide_event(decide, ENGINE_EV_RETRY_SCHEDULED, op, attempt, 0,
                            attempt + 1, NULL, 0);
        break;
    case ENGINE_SIG_SKIP:
        skip(decide, op, signal);
        break;
    default:
        engine_decide_event(decide, ENGINE_EV_OP_FAILED, op, attempt, 0, 0,
                            NULL, 0);
        break;
    }
}

static bool is_ambiguous(const struct engine_run *run, uint32_t op)
{
    return op < run->op_count && run->ops[op].state == ENGINE_OP_AMBIGUOUS;
}

static uint32_t first_of_graph(const struct engine_run *run)
{
    uint32_t op = 0;
    while (!is_ambiguous(run, op))
        op++;
    return op;
}

/* One operation of a graph, or all that wait for it. */
static void resolve_graph(struct engine_decide *decide,
                          const struct engine_item *inbox,
                          const struct engine_signal_view *signal)
{
    struct engine_run *run = decide->run;
    bool any = inbox->op == ENGINE_SIGNAL_ANY;
    uint32_t chosen = inbox->op;
    if (chosen == UINT32_MAX && run->ambiguous_count == 1)
        chosen = first_of_graph(run);
    if (run->ambiguous_count == 0 || (!any && !is_ambiguous(run, chosen))) {
        consume(decide, inbox, true);
        return;
    }
    note_action(decide, inbox);
    if (run->state == ENGINE_RUN_BLOCKED)
        engine_decide_event(decide, ENGINE_EV_RUN_UNBLOCKED, UINT32_MAX, 0, 0,
                            0, NULL, 0);
    for (uint32_t op = 0; op < run->op_count; op++)
        if (is_ambiguous(run, op) && (any || op == chosen))
            resolve_op(decide, op, signal);
    consume(decide, inbox, true);
}

/* Of a handler --------------------------------------------------------------
 */

/* The first step that waits for an operator; UINT32_MAX: none. */
static uint32_t first_ambiguous(const struct engine_execution *execution)
{
    for (uint32_t i = 1; i < execution->operations.count; i++) {
        const struct engine_op_entry *entry = &execution->operations.entries[i];
        if (entry->type == ENGINE_OPERATION_STEP && !entry->orphan &&
            entry->status == ENGINE_STATUS_STARTED &&
            entry->error == ENGINE_ERR_AMBIGUOUS)
            return i;
    }
    return UINT32_MAX;
}

/* A defect: a message's place on its edge is not looked at. */
static void forget_place(const struct engine_decide *decide,
                         const struct engine_item *inbox)
{
    struct engine_signal *signal = (void *)(uintptr_t)(inbox + 1);
    if (inbox->kind == ENGINE_SIG_MESSAGE &&
        engine_defect(decide->defects, ENGINE_DEFECT_OUTBOX_ORDER))
        signal->number = 0;
}

/* The signal goes to the execution; false: it must wait in the inbox. */
static bool give(struct engine_decide *decide, const struct engine_item *inbox)
{
    size_t from = decide->block->size;
    forget_place(decide, inbox);
    int taken =
        engine_execution_signal(decide->run->execution, inbox, decide->block);
    if (taken < 0)
        decide->error = -1;
    if (taken != 1)
        return taken != 2;
    engine_decide_added(decide, from);
    consume(decide, inbox, false);
    return true;
}

/* The operation of the last event that says RECEIVE is done; 0: none. */
static uint32_t received(const struct engine_decide *decide, size_t from)
{
    uint32_t op = 0;
    while (from < decide->block->size) {
        const struct engine_item *event =
            (const void *)(decide->block->bytes + from);
        if (event->kind == ENGINE_EV_OPERATION_SUCCEEDED &&
            engine_operation_flag_type(event->flags) ==
                ENGINE_OPERATION_RECEIVE)
            op = event->op;
        from += engine_item_span(event->size);
    }
    return op;
}

/* The run that an actor's text names as "run N"; 0: none. */
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
    return run <= ENGINE_RUN_MAX ? run : 0;
}

/* Who sent a message, and those before it, may send the next one. */
static void acknowledge(struct engine_decide *decide, uint32_t row,
                        const struct engine_signal_view *message,
                        uint64_t number)
{
    const struct engine_signal ack = {
        .run = run_named(message->actor),
        .number = number,
        .kind = ENGINE_SIG_MESSAGE_ACK,
        .edge_size = message->head.edge_size,
    };
    engine_decide_signal(decide, row, &ack, message->edge.text, NULL);
}

static void acknowledge_received(struct engine_decide *decide, uint32_t op,
                                 const struct engine_signal_view *message)
{
    if (run_named(message->actor))
        acknowledge(decide, 2 * op + 1, message,
                    decide->run->execution->operations.entries[op].second_ns);
}

/* The defect: the step that another operator has had resumed. */
static uint32_t first_resumed(const struct engine_execution *execution)
{
    for (uint32_t i = 1; i < execution->operations.count; i++) {
        const struct engine_op_entry *entry = &execution->operations.entries[i];
        if (entry->type == ENGINE_OPERATION_STEP && !entry->orphan &&
            entry->options & ENGINE_OPTION_IRREVERSIBLE && entry->attempt > 1)
            return i;
    }
    return UINT32_MAX;
}

/* The step that a signal decides on; UINT32_MAX: none, or it does not say which
 * of several. */
static uint32_t chosen_step(const struct engine_execution *execution,
                            const struct engine_item *inbox)
{
    if (execution->ambiguous == 0 && inbox->kind == ENGINE_SIG_RESUME &&
        engine_execution_defect(execution, ENGINE_DEFECT_RESUME_TWICE))
        return first_resumed(execution);
    if (execution->ambiguous == 0 ||
        (inbox->op == UINT32_MAX && execution->ambiguous > 1))
        return UINT32_MAX;
    return inbox->op < ENGINE_SIGNAL_ANY ? inbox->op
                                         : first_ambiguous(execution);
}

static void resolve_handler(struct engine_decide *decide,
                            const struct engine_item *inbox)
{
    struct engine_run *run = decide->run;
    struct engine_item *copy =
        engine_resize(run->memory, NULL, engine_item_span(inbox->size));
    if (!copy) {
        decide->error = -1;
        return;
    }
    memcpy(copy, inbox, engine_item_span(inbox->size));
    copy->op = chosen_step(run->execution, inbox);
    if (copy->op == UINT32_MAX) {
        consume(decide, inbox, true);
    } else {
        note_action(decide, copy);
        (void)give(decide, copy);
        if (run->state == ENGINE_RUN_BLOCKED && run->execution->ambiguous == 0)
            engine_decide_event(decide, ENGINE_EV_RUN_UNBLOCKED, UINT32_MAX, 0,
                                0, 0, NULL, 0);
    }
    engine_delete(run->memory, copy);
}

/* Any run -------------------------------------------------------------------
 */

static void hold(struct engine_decide *decide, const struct engine_item *inbox,
                 uint32_t from, enum engine_event_kind event)
{
    bool deaf = event == ENGINE_EV_RUN_PAUSED &&
                decide->run->ops[0].state == ENGINE_OP_SCHEDULED &&
                engine_defect(decide->defects, ENGINE_DEFECT_PAUSE_BUSY);
    if (decide->run->state == from && !deaf) {
        note_action(decide, inbox);
        engine_decide_event(decide, event, UINT32_MAX, 0, 0, 0, NULL, 0);
    }
    consume(decide, inbox, true);
}

static bool is_of_stream(const struct engine_item *inbox)
{
    return inbox->kind == ENGINE_SIG_MESSAGE ||
           inbox->kind == ENGINE_SIG_END_OF_STREAM;
}

/* True: the signal has been taken. */
static bool take(struct engine_decide *decide, const struct engine_item *inbox)
{
    struct engine_signal_view signal;
    size_t from = decide->block->size;
    if (engine_signal_view(inbox, &signal)) {
        consume(decide, inbox, true);
        return true;
    }
    switch (inbox->kind) {
    case ENGINE_SIG_PAUSE:
        hold(decide, inbox, ENGINE_RUN_RUNNING, ENGINE_EV_RUN_PAUSED);
        return true;
    case ENGINE_SIG_UNPAUSE:
        hold(decide, inbox, ENGINE_RUN_PAUSED, ENGINE_EV_RUN_UNPAUSED);
        return true;
    case ENGINE_SIG_RESUME:
    case ENGINE_SIG_SKIP:
    case ENGINE_SIG_ABORT:
        if (decide->run->execution)
            resolve_handler(decide, inbox);
        else
            resolve_graph(decide, inbox, &signal);
        return true;
    default:
        break;
    }
    if (!decide->run->execution) {
        /* It receives nothing: messages stay there until it ends. */
        if (is_of_stream(inbox))
            return false;
        consume(decide, inbox, true);
        return true;
    }
    bool taken = give(decide, inbox);
    if (!taken &&
        engine_defect(decide->defects, ENGINE_DEFECT_DROP_UNKNOWN_INSTANCE)) {
        consume(decide, inbox, true);
        return true;
    }
    uint32_t op = taken && inbox->kind == ENGINE_SIG_MESSAGE && !decide->error
                      ? received(decide, from)
                      : 0;
    if (op)
        acknowledge_received(decide, op, &signal);
    return taken;
}

/* Ends of streams, or all the rest. */
static void take_some(struct engine_owned *o, struct engine_decide *decide,
                      bool ends)
{
    uint32_t kept = 0;
    for (uint32_t at = 0; at < o->inbox.size && !decide->error;) {
        const struct engine_item *item = item_at(o, at);
        uint32_t span = (uint32_t)engine_item_span(item->size);
        at += span;
        if ((item->kind == ENGINE_SIG_END_OF_STREAM) != ends ||
            !take(decide, item)) {
            memmove(o->inbox.bytes + kept, item, span);
            kept += span;
        }
    }
    o->inbox.size = kept;
}

void engine_inbox_decide(struct engine_owned *o, struct engine_decide *decide)
{
    /* A message that is there goes before the end of another sender. */
    take_some(o, decide, false);
    take_some(o, decide, true);
    size_t from = decide->block->size;
    if (decide->error || !o->run->execution)
        return;
    if (engine_execution_ends(o->run->execution, decide->block))
        decide->error = -1;
    else
        engine_decide_added(decide, from);
}

/* Ending ---------------------------------------------------------------------
 */

static const struct engine_item *asks_for_end(const struct engine_owned *o)
{
    for (uint32_t at = 0; at < o->inbox.size;) {
        const struct engine_item *item = item_at(o, at);
        if (item->kind == ENGINE_SIG_CANCEL || item->kind == ENGINE_SIG_STOP)
            return item;
        at += (uint32_t)engine_item_span(item->size);
    }
    return NULL;
}

bool engine_inbox_wants_end(const struct engine_owned *o)
{
    return asks_for_end(o) != NULL;
}

/* The row has been consumed; what else is in the inbox comes too late. */
static void take_out(struct engine_owned *o, const struct engine_item *item)
{
    uint32_t at = (uint32_t)((const unsigned char *)item - o->inbox.bytes);
    uint32_t span = (uint32_t)engine_item_span(item->size);
    memmove(o->inbox.bytes + at, o->inbox.bytes + at + span,
            o->inbox.size - at - span);
    o->inbox.size -= span;
}

/* Nothing of the run's work may be begun, or go on. False: not yet. */
static bool clear_work(struct engine_owned *o, struct engine_decide *decide)
{
    uint32_t op = 0;
    o->ending = 1;
    switch (engine_decide_abandon(decide, o->mail.bytes, o->mail.size, &op)) {
    case ENGINE_ABANDON_DONE:
        o->mail.size = 0;
        return true;
    case ENGINE_ABANDON_CLAIM:
        o->claim_op = op + 1;
        return false;
    default:
        o->mail_wanted = 1;
        return false;
    }
}

bool engine_inbox_over(struct engine_owned *o, struct engine_decide *decide,
                       enum engine_event_kind kind, uint32_t error,
                       const void *words, size_t size)
{
    if (!clear_work(o, decide))
        return false;
    engine_decide_over(decide, kind, error, words, size);
    return true;
}

/* A defect: a cancel is noted and taken, and its run is left to its work. */
static bool only_hears(const struct engine_decide *decide,
                       const struct engine_item *item)
{
    return item->kind == ENGINE_SIG_CANCEL && decide->run->open_count > 0 &&
           engine_defect(decide->defects, ENGINE_DEFECT_CANCEL_HEARD_ONLY);
}

static void end_as_asked(struct engine_owned *o, struct engine_decide *decide,
                         const struct engine_item *item)
{
    struct engine_signal_view signal = {0};
    bool stop = item->kind == ENGINE_SIG_STOP;
    if (only_hears(decide, item)) {
        note_action(decide, item);
        consume(decide, item, true);
        take_out(o, item);
        return;
    }
    if (!clear_work(o, decide))
        return;
    (void)engine_signal_view(item, &signal);
    note_action(decide, item);
    consume(decide, item, true);
    engine_decide_over(decide,
                       stop ? ENGINE_EV_RUN_STOPPED : ENGINE_EV_RUN_CANCELLED,
                       stop ? ENGINE_ERR_STOPPED : ENGINE_ERR_CANCELLED,
                       signal.reason.text, signal.reason.size);
    take_out(o, item);
}

bool engine_inbox_end(struct engine_owned *o, struct engine_decide *decide)
{
    static const char late[] = "the run's time is over";
    const struct engine_item *item = asks_for_end(o);
    bool over = o->run->state != ENGINE_RUN_BLOCKED &&
                engine_run_deadline(o->run) <= decide->store_now_ns;
    o->ending = 0;
    o->claim_op = 0;
    if (item) {
        end_as_asked(o, decide, item);
    } else if (over) {
        decide->not_before_ns = o->run->deadline_ns;
        (void)engine_inbox_over(o, decide, ENGINE_EV_RUN_TIMED_OUT,
                                ENGINE_ERR_TIMED_OUT, late, sizeof(late) - 1);
    } else {
        return false;
    }
    return true;
}

/* A message of another run that nobody will receive. */
static bool is_unread(const struct engine_item *item,
                      struct engine_signal_view *message)
{
    return item->kind == ENGINE_SIG_MESSAGE &&
           !engine_signal_view(item, message) && run_named(message->actor);
}

static bool same_text(struct engine_text a, struct engine_text b)
{
    return a.size == b.size && memcmp(a.text, b.text, a.size) == 0;
}

/* Whether a later message of the same sender on the same edge stands behind a
 * place in the inbox: its answer is the answer to both. */
static bool is_followed(const struct engine_owned *o, uint32_t at,
                        const struct engine_signal_view *message)
{
    while (at < o->inbox.size) {
        const struct engine_item *item = item_at(o, at);
        struct engine_signal_view other;
        at += (uint32_t)engine_item_span(item->size);
        if (is_unread(item, &other) &&
            other.head.number >= message->head.number &&
            same_text(other.actor, message->actor) &&
            same_text(other.edge, message->edge))
            return true;
    }
    return false;
}

void engine_inbox_close(struct engine_owned *o, struct engine_decide *decide)
{
    uint32_t row = engine_invoke_free_row(decide->run);
    if (engine_defect(decide->defects, ENGINE_DEFECT_UNREAD_UNANSWERED))
        return;
    for (uint32_t at = 0; at < o->inbox.size && !decide->error;) {
        const struct engine_item *item = item_at(o, at);
        struct engine_signal_view message;
        at += (uint32_t)engine_item_span(item->size);
        if (is_unread(item, &message) && !is_followed(o, at, &message) &&
            row < ENGINE_INVOKE_ENDS)
            acknowledge(decide, row++, &message, message.head.number);
    }
}
