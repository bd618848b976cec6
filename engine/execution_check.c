/*
 * The rules for a batch of updates. One walk both checks a batch and writes
 * its events: it keeps, for each operation the batch names, how the updates so
 * far would leave it, so that later ones are judged by that.
 */
#include "engine/execution.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "engine/execution_index.h"
#include "engine/store.h"
#include "engine/value.h"

enum {
    ID_TEXT_MAX = 64,
    NAME_SHOWN_MAX = 48 /* bytes of a name in a sentence */
};

/* An operation that the batch names, as the updates so far leave it. */
struct engine_batch_op {
    struct engine_hash id;
    struct engine_hash parent;
    struct engine_text name;
    struct engine_text id_text;
    uint32_t number; /* in the run, also if it is new */
    uint32_t attempt;
    uint32_t updates;
    uint8_t type;
    uint8_t subtype;
    uint8_t status;
    uint8_t first_action;
    uint8_t orphan;
    uint8_t ambiguous;
};

struct batch {
    const struct engine_execution *execution;
    const struct engine_limits *limits;
    struct engine_problem *problem;
    struct engine_block *block; /* NULL: only check */
    struct engine_batch_op *ops;
    uint32_t *slots; /* place in ops + 1 */
    uint32_t op_count;
    uint32_t slot_count;
    uint32_t update; /* the one that is looked at */
    uint32_t added;
    uint32_t branches;
    uint32_t crowd; /* most branches */
    uint64_t now_ns;
    uint64_t last_ns; /* the latest end of a wait that it begins */
    uint64_t written;
    bool closes;    /* a context is closed by it */
    bool invokes;   /* a run is invoked by it */
    bool concluded; /* the EXECUTION's update has been */
};

/* One update taken apart. */
struct update {
    const struct engine_item *item;
    struct engine_operation_view view;
    struct engine_hash id;
    unsigned type;
    unsigned subtype;
    unsigned options;
    unsigned action;
};

/* Saying what is wrong ---------------------------------------------------- */

/* At most NAME_SHOWN_MAX bytes, whole characters, none for a terminal. */
static void shown(char out[NAME_SHOWN_MAX + 1], struct engine_text text)
{
    size_t size = text.size < NAME_SHOWN_MAX ? text.size : NAME_SHOWN_MAX;

    while (size < text.size && size > 0 &&
           ((unsigned char)text.text[size] & 0xC0) == 0x80)
        size--;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text.text[i];

        out[i] = text.text[i];
        if (byte < 0x20 || byte == 0x7F)
            out[i] = '?';
    }
    out[size] = '\0';
}

enum {
    LABEL_SIZE = NAME_SHOWN_MAX + 24
};

/* `step "name"`, or its id where it has no name. */
static void label(char out[LABEL_SIZE], unsigned type, struct engine_text name,
                  struct engine_text id_text, struct engine_hash id)
{
    const char *word = engine_operation_type_name(type);
    char text[NAME_SHOWN_MAX + 1];

    shown(text, name.size ? name : id_text);
    if (name.size || id_text.size)
        (void)snprintf(out, LABEL_SIZE, "%s \"%s\"", word, text);
    else
        (void)snprintf(out, LABEL_SIZE, "%s %016llx", word,
                       (unsigned long long)id.lo);
}

static void label_update(char out[LABEL_SIZE], const struct update *update)
{
    label(out, update->type, update->view.name, update->view.id, update->id);
}

/* Refuses the batch with a sentence about the update; always -1. */
__attribute__((format(printf, 4, 5))) static int
refuse(struct batch *batch, const struct update *update, uint32_t error,
       const char *format, ...)
{
    struct engine_problem *problem = batch->problem;
    char text[LABEL_SIZE];
    va_list arguments;
    int used;

    problem->error = error;
    problem->update = batch->update;
    label_update(text, update);
    used = snprintf(problem->text, sizeof(problem->text), "%s: ", text);
    va_start(arguments, format);
    (void)vsnprintf(problem->text + used, sizeof(problem->text) - (size_t)used,
                    format, arguments);
    va_end(arguments);
    return -1;
}

static const char *unit_of(enum engine_limit limit)
{
    switch (engine_limit_unit(limit)) {
    case ENGINE_LIMIT_NS:
        return " ns";
    case ENGINE_LIMIT_BYTES:
        return " bytes";
    default:
        return "";
    }
}

static int over(struct batch *batch, const struct update *update,
                enum engine_limit limit, const char *what, uint64_t actual,
                uint64_t maximum)
{
    const char *unit = unit_of(limit);
    bool duration = engine_limit_unit(limit) == ENGINE_LIMIT_NS;

    batch->problem->actual = actual;
    batch->problem->maximum = maximum;
    batch->problem->limit = limit;
    return refuse(
        batch, update, duration ? ENGINE_ERR_VALIDATION : ENGINE_ERR_SIZE_LIMIT,
        "%s of %llu%s, at %s %llu allowed (%s)", what,
        (unsigned long long)actual, unit, actual < maximum ? "least" : "most",
        (unsigned long long)maximum, engine_limit_name(limit));
}

/* 0 while actual is within the limit. */
static int within(struct batch *batch, const struct update *update,
                  enum engine_limit limit, const char *what, uint64_t actual)
{
    uint64_t maximum = engine_limit_value(batch->limits, limit);

    if (actual > maximum && engine_limit_unit(limit) == ENGINE_LIMIT_BYTES &&
        actual <= maximum / 1000 * 1024 &&
        engine_execution_defect(batch->execution,
                                ENGINE_DEFECT_PAYLOAD_KILOBYTES))
        return 0;
    return actual <= maximum
               ? 0
               : over(batch, update, limit, what, actual, maximum);
}

static int invalid(struct batch *batch, const struct update *update,
                   const char *why)
{
    return refuse(batch, update, ENGINE_ERR_VALIDATION, "%s", why);
}

/* What the batch names ---------------------------------------------------- */

static uint32_t slot_of(const struct batch *batch, struct engine_hash id)
{
    uint32_t mask = batch->slot_count - 1;
    uint32_t at = (uint32_t)id.lo & mask;

    while (batch->slots[at] &&
           !engine_hash_equal(batch->ops[batch->slots[at] - 1].id, id))
        at = (at + 1) & mask;
    return at;
}

static struct engine_batch_op *named(const struct batch *batch,
                                     struct engine_hash id)
{
    uint32_t slot = batch->slots[slot_of(batch, id)];

    return slot ? &batch->ops[slot - 1] : NULL;
}

static void copy_entry(const struct engine_execution *execution,
                       const struct engine_op_entry *entry,
                       struct engine_batch_op *op)
{
    *op = (struct engine_batch_op){
        .id = entry->id,
        .parent = execution->operations.entries[entry->parent].id,
        .name = entry->name,
        .id_text = entry->id_text,
        .number = entry->number,
        .attempt = entry->attempt,
        .type = entry->type,
        .subtype = entry->subtype,
        .status = entry->status,
        .orphan = entry->orphan,
        .ambiguous = engine_entry_ambiguous(entry)};
}

static void copy_update(const struct batch *batch, const struct update *update,
                        struct engine_batch_op *op)
{
    *op = (struct engine_batch_op){
        .id = update->id,
        .parent = update->view.head.parent,
        .name = update->view.name,
        .id_text = update->view.id,
        .number = batch->execution->operations.count + batch->added,
        .type = (uint8_t)update->type,
        .subtype = (uint8_t)update->subtype};
}

/* The operation of an update, known or new: then its status is 0. */
static struct engine_batch_op *name_op(struct batch *batch,
                                       const struct update *update)
{
    uint32_t at = slot_of(batch, update->id);
    const struct engine_op_entry *entry;
    struct engine_batch_op *op;

    if (batch->slots[at])
        return &batch->ops[batch->slots[at] - 1];
    op = &batch->ops[batch->op_count];
    batch->slots[at] = ++batch->op_count;
    entry = engine_operations_find(&batch->execution->operations, update->id);
    if (entry)
        copy_entry(batch->execution, entry, op);
    else
        copy_update(batch, update, op);
    return op;
}

/* Parents ----------------------------------------------------------------- */

static bool is_run(struct engine_hash id)
{
    return !id.lo && !id.hi;
}

/* Looks at a context: 0 not there, 1 open, -1 closed or no context. */
static int look_at(const struct batch *batch, struct engine_hash id,
                   struct engine_hash *parent, unsigned *type)
{
    const struct engine_operations *table = &batch->execution->operations;
    const struct engine_batch_op *op = named(batch, id);
    const struct engine_op_entry *entry =
        op ? NULL : engine_operations_find(table, id);

    if (op) {
        *parent = op->parent;
        *type = op->type;
        if (!op->status)
            return 0;
        return engine_status_terminal(op->status) || op->orphan ? -1 : 1;
    }
    if (!entry)
        return 0;
    *parent = table->entries[entry->parent].id;
    *type = entry->type;
    return engine_entry_over(entry) ? -1 : 1;
}

/* Whether a context above this one was closed by the batch. */
static bool below_closed(const struct batch *batch, struct engine_hash id)
{
    unsigned type;

    if (!batch->closes)
        return false;
    while (!is_run(id)) {
        if (look_at(batch, id, &id, &type) < 0)
            return true;
    }
    return false;
}

static int check_parent(struct batch *batch, const struct update *update)
{
    struct engine_hash parent = update->view.head.parent;
    struct engine_hash above;
    unsigned type = 0;
    int state;

    if (is_run(parent))
        return 0;
    state = look_at(batch, parent, &above, &type);
    if (state == 0)
        return invalid(batch, update, "its parent does not exist");
    if (type != ENGINE_OPERATION_CONTEXT)
        return invalid(batch, update, "its parent is not a context");
    if (state < 0 || below_closed(batch, above))
        return refuse(batch, update, ENGINE_ERR_ORPHAN,
                      "its parent context has closed");
    return 0;
}

/* Identity ---------------------------------------------------------------- */

static bool equal_text(struct engine_text a, struct engine_text b)
{
    return a.size == b.size &&
           (a.size == 0 || memcmp(a.text, b.text, a.size) == 0);
}

/* It is not the operation that was recorded under its id; always -1. */
static int mismatch(struct batch *batch, const struct update *update,
                    const struct engine_batch_op *op)
{
    char recorded[LABEL_SIZE];

    label(recorded, op->type, op->name, op->id_text, op->id);
    if (op->type != update->type || !equal_text(op->name, update->view.name))
        return refuse(batch, update, ENGINE_ERR_NONDETERMINISTIC,
                      "was recorded as %s", recorded);
    if (op->subtype != update->subtype)
        return refuse(batch, update, ENGINE_ERR_NONDETERMINISTIC,
                      "is now %s, was recorded as %s %s",
                      engine_operation_subtype_name(update->subtype),
                      engine_operation_subtype_name(op->subtype), recorded);
    return refuse(batch, update, ENGINE_ERR_NONDETERMINISTIC,
                  "was recorded as %s in another context", recorded);
}

static int check_identity(struct batch *batch, const struct update *update,
                          const struct engine_batch_op *op)
{
    bool same = op->type == update->type && op->subtype == update->subtype &&
                equal_text(op->name, update->view.name) &&
                engine_hash_equal(op->parent, update->view.head.parent);

    return same ? 0 : mismatch(batch, update, op);
}

/* Shape of one update ----------------------------------------------------- */

static bool has_controls(struct engine_text text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char byte = (unsigned char)text.text[i];

        if (byte < 0x20 || byte == 0x7F)
            return true;
    }
    return false;
}

static bool names_target(const struct update *update)
{
    return update->action == ENGINE_ACTION_START &&
           (update->type == ENGINE_OPERATION_INVOKE ||
            update->type == ENGINE_OPERATION_SEND ||
            update->type == ENGINE_OPERATION_RECEIVE);
}

/* Behind a zero byte stands what is not of the id. */
static size_t id_length(struct engine_text id)
{
    const char *end = id.size ? memchr(id.text, '\0', id.size) : NULL;

    return end ? (size_t)(end - id.text) : id.size;
}

static int check_texts(struct batch *batch, const struct update *update)
{
    const struct engine_operation_view *view = &update->view;

    if (within(batch, update, ENGINE_LIMIT_name_max, "name", view->name.size))
        return -1;
    if (has_controls(view->name))
        return invalid(batch, update, "its name has control characters");
    if (id_length(view->id) > ID_TEXT_MAX)
        return invalid(batch, update, "its id has more than 64 bytes");
    if (!names_target(update))
        return 0;
    if (!view->detail.size)
        return invalid(batch, update, "names no workflow or edge");
    return within(batch, update, ENGINE_LIMIT_name_max, "workflow or edge name",
                  view->detail.size);
}

/* Which error goes with which action. */
static int check_error(struct batch *batch, const struct update *update)
{
    uint32_t error = update->view.head.error;
    bool state = update->options & ENGINE_OPTION_STATE;
    bool fails = update->action == ENGINE_ACTION_FAIL ||
                 (update->action == ENGINE_ACTION_RETRY && !state);

    if (error >= ENGINE_ERR_COUNT || error == ENGINE_ERR_PENDING)
        return invalid(batch, update, "its error class is unknown");
    if (fails && error == ENGINE_ERR_NONE)
        return invalid(batch, update, "fails without an error");
    if (!fails && error != ENGINE_ERR_NONE)
        return invalid(batch, update, "has an error but does not fail");
    if (state && update->action != ENGINE_ACTION_RETRY)
        return invalid(batch, update, "only a retry carries a state");
    return 0;
}

static int check_blob(struct batch *batch, const struct update *update)
{
    if (!(update->options & ENGINE_OPTION_BLOB))
        return 0;
    if (!batch->limits->spill)
        return invalid(batch, update, "the profile keeps no blobs");
    if (update->view.head.value_size != sizeof(struct engine_blob_ref))
        return invalid(batch, update, "its blob reference is damaged");
    return 0;
}

static int check_result(struct batch *batch, const struct update *update,
                        uint64_t size)
{
    if (within(batch, update, ENGINE_LIMIT_result_max, "result", size))
        return -1;
    if (!batch->limits->spill)
        return 0;
    return within(batch, update, ENGINE_LIMIT_inline_max, "inline result",
                  update->view.head.value_size);
}

static int check_value(struct batch *batch, const struct update *update)
{
    uint64_t size = engine_execution_payload(&update->view, update->action,
                                             update->options);
    bool blob = update->options & ENGINE_OPTION_BLOB;

    if (update->view.head.error != ENGINE_ERR_NONE)
        return within(batch, update, ENGINE_LIMIT_error_max, "error",
                      (uint64_t)update->view.head.detail_size +
                          update->view.head.value_size);
    if (update->type == ENGINE_OPERATION_EXECUTION)
        return check_result(batch, update, size);
    if (blob)
        return 0;
    if (update->type == ENGINE_OPERATION_INVOKE)
        return within(batch, update, ENGINE_LIMIT_input_max, "input", size);
    if (within(batch, update, ENGINE_LIMIT_operation_payload_max, "value",
               size))
        return -1;
    return within(batch, update, ENGINE_LIMIT_inline_max, "inline value", size);
}

static int check_delay(struct batch *batch, const struct update *update)
{
    uint64_t delay = update->view.head.first_ns;
    const char *what =
        update->type == ENGINE_OPERATION_WAIT ? "wait" : "retry delay";

    if (delay < batch->limits->wait_min_ns &&
        !engine_execution_defect(batch->execution,
                                 ENGINE_DEFECT_WAIT_MIN_IGNORED))
        return over(batch, update, ENGINE_LIMIT_wait_min_ns, what, delay,
                    batch->limits->wait_min_ns);
    return within(batch, update, ENGINE_LIMIT_wait_max_ns, what, delay);
}

/* A wait until a time: none before its run's end is too long. */
static int check_wait(struct batch *batch, const struct update *update)
{
    uint64_t last =
        engine_store_later(engine_store_later(batch->execution->started_ns,
                                              batch->limits->run_max_ns),
                           batch->limits->wait_max_ns);

    if (!(update->options & ENGINE_OPTION_UNTIL))
        return check_delay(batch, update);
    if (update->view.head.first_ns <= last)
        return 0;
    return over(batch, update, ENGINE_LIMIT_wait_max_ns, "wait's end",
                update->view.head.first_ns, last);
}

static int check_callback(struct batch *batch, const struct update *update)
{
    uint64_t timeout = update->view.head.first_ns;
    uint64_t heartbeat = update->view.head.second_ns;

    if (within(batch, update, ENGINE_LIMIT_callback_max_ns, "timeout",
               timeout) ||
        within(batch, update, ENGINE_LIMIT_callback_max_ns, "heartbeat timeout",
               heartbeat))
        return -1;
    if (!timeout || heartbeat < timeout)
        return 0;
    return over(batch, update, ENGINE_LIMIT_callback_max_ns,
                "heartbeat timeout", heartbeat, timeout - 1);
}

static int check_invoke(struct batch *batch, const struct update *update)
{
    if (within(batch, update, ENGINE_LIMIT_run_max_ns, "timeout",
               update->view.head.first_ns))
        return -1;
    return within(batch, update, ENGINE_LIMIT_invoke_depth_max, "depth",
                  (uint64_t)batch->execution->depth +
                      !engine_execution_defect(batch->execution,
                                               ENGINE_DEFECT_DEPTH_OF_PARENT));
}

static int check_send(struct batch *batch, const struct update *update)
{
    uint64_t run = update->view.head.first_ns;

    if (!run || run > ENGINE_RUN_MAX)
        return invalid(batch, update, "names no run to send to");
    return 0;
}

static int check_numbers(struct batch *batch, const struct update *update)
{
    if (update->action == ENGINE_ACTION_RETRY)
        return check_delay(batch, update);
    if (update->action != ENGINE_ACTION_START)
        return 0;
    switch (update->type) {
    case ENGINE_OPERATION_WAIT:
        return check_wait(batch, update);
    case ENGINE_OPERATION_RECEIVE:
        return within(batch, update, ENGINE_LIMIT_callback_max_ns, "timeout",
                      update->view.head.first_ns);
    case ENGINE_OPERATION_CALLBACK:
        return check_callback(batch, update);
    case ENGINE_OPERATION_INVOKE:
        return check_invoke(batch, update);
    case ENGINE_OPERATION_SEND:
        return check_send(batch, update);
    default:
        return 0;
    }
}

static int check_shape(struct batch *batch, const struct update *update)
{
    if (check_texts(batch, update) || check_error(batch, update) ||
        check_blob(batch, update) || check_value(batch, update))
        return -1;
    return check_numbers(batch, update);
}

/* Counts ------------------------------------------------------------------ */

static bool opens_branch(const struct update *update,
                         const struct engine_batch_op *op)
{
    return update->action == ENGINE_ACTION_START &&
           engine_is_branch(op->type, op->subtype);
}

static bool is_open_branch(const struct engine_batch_op *op)
{
    return engine_is_branch(op->type, op->subtype) &&
           op->status == ENGINE_STATUS_STARTED && !op->orphan;
}

/* Open branches without those in contexts that the batch closes. */
static uint32_t count_branches(const struct batch *batch)
{
    const struct engine_operations *table = &batch->execution->operations;
    uint32_t count = 0;

    assert(batch->ops);
    for (uint32_t i = 1; i < table->count; i++) {
        const struct engine_op_entry *entry = &table->entries[i];

        if (engine_is_branch(entry->type, entry->subtype) &&
            !engine_entry_over(entry) && !named(batch, entry->id) &&
            !below_closed(batch, table->entries[entry->parent].id))
            count++;
    }
    for (uint32_t i = 0; i < batch->op_count; i++)
        if (is_open_branch(&batch->ops[i]) &&
            !below_closed(batch, batch->ops[i].parent))
            count++;
    return count;
}

static int count_branch(struct batch *batch, const struct update *update,
                        const struct engine_batch_op *op)
{
    if (!opens_branch(update, op))
        return 0;
    if (batch->closes && batch->branches >= batch->limits->concurrency_max)
        batch->branches = count_branches(batch);
    batch->branches++;
    if (batch->branches > batch->crowd)
        batch->crowd = batch->branches;
    return within(batch, update, ENGINE_LIMIT_concurrency_max, "open branch",
                  batch->branches);
}

static int count_update(struct batch *batch, const struct update *update,
                        const struct engine_batch_op *op)
{
    uint64_t payload = engine_execution_payload(&update->view, update->action,
                                                update->options);

    if (op && !op->status) {
        batch->added++;
        if (!is_run(op->parent) &&
            engine_execution_defect(batch->execution,
                                    ENGINE_DEFECT_HISTORY_TOP_LEVEL))
            (void)batch;
        else if (within(batch, update, ENGINE_LIMIT_operations_max, "operation",
                        (uint64_t)batch->execution->operations.count - 1 +
                            batch->added))
            return -1;
    }
    if (payload > UINT64_MAX - batch->written)
        payload = UINT64_MAX - batch->written;
    batch->written += payload;
    if (within(batch, update, ENGINE_LIMIT_written_max, "written payload",
               batch->written))
        return -1;
    return op ? count_branch(batch, update, op) : 0;
}

/* Events ------------------------------------------------------------------ */

static unsigned kind_of(unsigned action)
{
    static const uint16_t kinds[ENGINE_ACTION_COUNT] = {
        [ENGINE_ACTION_START] = ENGINE_EV_OPERATION_STARTED,
        [ENGINE_ACTION_SUCCEED] = ENGINE_EV_OPERATION_SUCCEEDED,
        [ENGINE_ACTION_FAIL] = ENGINE_EV_OPERATION_FAILED,
        [ENGINE_ACTION_RETRY] = ENGINE_EV_OPERATION_RETRY,
        [ENGINE_ACTION_CANCEL] = ENGINE_EV_OPERATION_CANCELLED,
        [ENGINE_ACTION_PROGRESS] = ENGINE_EV_OPERATION_PROGRESS,
    };

    return kinds[action];
}

/*
 * The number of the message that a SEND of the batch makes. The edge stands
 * among what the batch names, under a hash of its own and without a type.
 */
static uint64_t message_number(struct batch *batch, const struct update *update)
{
    struct engine_hash key = engine_index_edge_key(
        update->type, update->view.head.first_ns, update->view.detail);
    const struct engine_edge *edge =
        engine_index_edge(batch->execution->index, update->type,
                          update->view.head.first_ns, update->view.detail);
    uint32_t at = slot_of(batch, key);

    if (!batch->slots[at]) {
        batch->ops[batch->op_count] = (struct engine_batch_op){.id = key};
        batch->slots[at] = ++batch->op_count;
    }
    return (edge ? edge->count : 0) +
           ++batch->ops[batch->slots[at] - 1].updates;
}

static int write_event(struct batch *batch, const struct update *update,
                       uint32_t number, uint32_t attempt)
{
    struct engine_operation head = update->view.head;
    struct engine_item event = *update->item;
    struct engine_item *item;

    event.type = ENGINE_ITEM_EVENT;
    event.kind = (uint16_t)kind_of(update->action);
    event.op = number;
    event.attempt = attempt;
    event.reserved = 0;
    if (update->type == ENGINE_OPERATION_EXECUTION)
        event.a = event.b = 0;
    if (update->type == ENGINE_OPERATION_SEND)
        head.second_ns = message_number(batch, update);
    if (update->type == ENGINE_OPERATION_RECEIVE)
        head.second_ns = 0;
    item = engine_block_item(batch->block, &event,
                             engine_item_payload(update->item),
                             update->item->size);
    if (!item)
        return -1;
    memcpy(item + 1, &head, sizeof(head));
    return 0;
}

static int write_events(struct batch *batch, const struct update *update,
                        uint32_t number, uint32_t attempt)
{
    return batch->block ? write_event(batch, update, number, attempt) : 0;
}

/* One update -------------------------------------------------------------- */

/* The EXECUTION's own: the run's result. */
static int conclude(struct batch *batch, const struct update *update)
{
    batch->concluded = true;
    if (update->action != ENGINE_ACTION_SUCCEED &&
        update->action != ENGINE_ACTION_FAIL)
        return invalid(batch, update, "can only succeed or fail");
    if (check_shape(batch, update) || count_update(batch, update, NULL))
        return -1;
    return write_events(batch, update, 0, 0);
}

static int check_turn(struct batch *batch, const struct update *update,
                      const struct engine_batch_op *op)
{
    bool pair = op->type == ENGINE_OPERATION_STEP ||
                op->type == ENGINE_OPERATION_CONTEXT;

    if (op->updates == 0)
        return 0;
    if (op->updates == 1 && pair && op->first_action == ENGINE_ACTION_START &&
        update->action != ENGINE_ACTION_START)
        return 0;
    return invalid(batch, update, "has more updates than a batch may hold");
}

static int check_transition(struct batch *batch, const struct update *update,
                            const struct engine_batch_op *op)
{
    if (op->ambiguous)
        return invalid(batch, update, "waits for an operator");
    if (!engine_execution_next(op->type, op->status, update->action))
        return refuse(batch, update, ENGINE_ERR_VALIDATION,
                      "cannot %s, it is %s",
                      engine_operation_action_name(update->action),
                      op->status ? engine_operation_status_name(op->status)
                                 : "not started");
    if (update->action == ENGINE_ACTION_RETRY && !op->status &&
        update->options & ENGINE_OPTION_AT_MOST_ONCE)
        return invalid(batch, update,
                       "runs at most once and must start before a retry");
    if (update->action == ENGINE_ACTION_PROGRESS &&
        update->subtype == ENGINE_SUBTYPE_WAIT_FOR_CONDITION)
        return invalid(batch, update, "its state is all it can keep");
    return 0;
}

/* Whether it is about a wait that is over already: nothing comes of it. */
static bool is_idle(const struct update *update,
                    const struct engine_batch_op *op)
{
    return update->action == ENGINE_ACTION_CANCEL &&
           engine_status_terminal(op->status);
}

/*
 * Whether it comes from an invocation that does not know yet that time has
 * ended the step: nothing comes of it, and the answer says so.
 */
static bool is_late(const struct engine_batch_op *op)
{
    return op->type == ENGINE_OPERATION_STEP &&
           op->status == ENGINE_STATUS_TIMED_OUT;
}

/* Remembers when a wait that the update begins may end. */
static void note_end(struct batch *batch, const struct update *update)
{
    uint64_t first_ns = update->view.head.first_ns;
    bool timed = update->type == ENGINE_OPERATION_WAIT ||
                 (update->type == ENGINE_OPERATION_CALLBACK && first_ns > 0);
    uint64_t end_ns = update->options & ENGINE_OPTION_UNTIL
                          ? first_ns
                          : engine_store_later(batch->now_ns, first_ns);

    if (timed && update->action == ENGINE_ACTION_START &&
        end_ns > batch->last_ns)
        batch->last_ns = end_ns;
}

/* How the update leaves its operation. */
static void advance(struct batch *batch, const struct update *update,
                    struct engine_batch_op *op)
{
    unsigned status =
        engine_execution_next(op->type, op->status, update->action);

    if (op->updates++ == 0)
        op->first_action = (uint8_t)update->action;
    if (engine_status_terminal(status) && is_open_branch(op))
        batch->branches--;
    if (op->type == ENGINE_OPERATION_STEP &&
        update->view.head.error == ENGINE_ERR_AMBIGUOUS &&
        status == ENGINE_STATUS_FAILED) {
        op->ambiguous = true;
        status = ENGINE_STATUS_STARTED;
    }
    if (op->type == ENGINE_OPERATION_CONTEXT && engine_status_terminal(status))
        batch->closes = true;
    if (op->type == ENGINE_OPERATION_INVOKE)
        batch->invokes = true;
    note_end(batch, update);
    op->status = (uint8_t)status;
}

static int examine_operation(struct batch *batch, const struct update *update)
{
    struct engine_batch_op *op;
    int idle;

    if (is_run(update->id))
        return invalid(batch, update, "has no id");
    op = name_op(batch, update);
    if (op->status && check_identity(batch, update, op))
        return -1;
    if (is_late(op))
        return check_shape(batch, update);
    if (check_parent(batch, update) || check_turn(batch, update, op) ||
        check_transition(batch, update, op) || check_shape(batch, update))
        return -1;
    idle = is_idle(update, op);
    if (!idle && count_update(batch, update, op))
        return -1;
    if (op->type == ENGINE_OPERATION_STEP)
        op->attempt =
            engine_execution_attempt(op->status, op->attempt, update->action);
    if (!idle && write_events(batch, update, op->number, op->attempt))
        return -1;
    advance(batch, update, op);
    return 0;
}

static int examine(struct batch *batch, const struct update *update)
{
    bool ends = update->type == ENGINE_OPERATION_RECEIVE &&
                update->options & ENGINE_OPTION_END;

    if (batch->concluded)
        return invalid(batch, update, "comes after the run's own result");
    if (ends || update->options & ENGINE_OPTION_PROGRESS)
        return invalid(batch, update, "has options that are not its to give");
    if (update->type == ENGINE_OPERATION_EXECUTION)
        return conclude(batch, update);
    return examine_operation(batch, update);
}

/* The batch as a whole ---------------------------------------------------- */

__attribute__((format(printf, 3, 4))) static int
refuse_batch(struct batch *batch, uint32_t error, const char *format, ...)
{
    va_list arguments;

    batch->problem->error = error;
    batch->problem->update = batch->update;
    va_start(arguments, format);
    (void)vsnprintf(batch->problem->text, sizeof(batch->problem->text), format,
                    arguments);
    va_end(arguments);
    return -1;
}

static int batch_within(struct batch *batch, enum engine_limit limit,
                        const char *what, uint64_t actual)
{
    uint64_t maximum = engine_limit_value(batch->limits, limit);

    if (actual <= maximum ||
        (limit == ENGINE_LIMIT_batch_updates_max && actual == maximum + 1 &&
         engine_execution_defect(batch->execution,
                                 ENGINE_DEFECT_BATCH_OVERFLOW)))
        return 0;
    batch->problem->actual = actual;
    batch->problem->maximum = maximum;
    batch->problem->limit = limit;
    return refuse_batch(batch, ENGINE_ERR_SIZE_LIMIT,
                        "batch of %llu %s, at most %llu allowed (%s)",
                        (unsigned long long)actual, what,
                        (unsigned long long)maximum, engine_limit_name(limit));
}

/* The item at a place, if it is whole, or NULL. */
static const struct engine_item *item_at(const void *updates, size_t size,
                                         size_t at)
{
    const struct engine_item *item =
        (const void *)((const unsigned char *)updates + at);

    if (size - at < sizeof(*item) || engine_item_span(item->size) > size - at)
        return NULL;
    return item;
}

static int take_apart(const struct engine_item *item, struct update *update)
{
    *update =
        (struct update){.item = item,
                        .id = {item->a, item->b},
                        .type = engine_operation_flag_type(item->flags),
                        .subtype = engine_operation_flag_subtype(item->flags),
                        .options = engine_operation_flag_options(item->flags),
                        .action = item->kind};
    if (item->type != ENGINE_ITEM_UPDATE || !update->action ||
        update->action >= ENGINE_ACTION_COUNT || !update->type ||
        update->type >= ENGINE_OPERATION_TYPE_COUNT ||
        update->subtype >= ENGINE_SUBTYPE_COUNT || update->options > UINT8_MAX)
        return -1;
    return engine_operation_view(item, &update->view);
}

/* A run's result, and the input of an invoke that comes alone, may be more than
 * a batch. */
static bool has_own_limit(const struct engine_item *item, size_t size)
{
    unsigned type = engine_operation_flag_type(item->flags);

    return type == ENGINE_OPERATION_EXECUTION ||
           (type == ENGINE_OPERATION_INVOKE &&
            engine_item_span(item->size) == size);
}

/* Looks at the batch as a whole; *count becomes its number of updates. */
static int survey(struct batch *batch, const void *updates, size_t size,
                  uint32_t *count)
{
    const struct engine_item *item;
    uint64_t total = 0;

    *count = 0;
    for (size_t at = 0; at < size; at += engine_item_span(item->size)) {
        batch->update = (*count)++;
        item = item_at(updates, size, at);
        if (!item)
            return refuse_batch(batch, ENGINE_ERR_VALIDATION,
                                "update %u is damaged", batch->update);
        if (!has_own_limit(item, size))
            total += engine_item_span(item->size);
        if (batch_within(batch, ENGINE_LIMIT_batch_max, "bytes", total) ||
            batch_within(batch, ENGINE_LIMIT_batch_updates_max, "updates",
                         *count))
            return -1;
    }
    if (*count > 0 &&
        engine_status_terminal(batch->execution->operations.entries[0].status))
        return refuse_batch(batch, ENGINE_ERR_VALIDATION,
                            "the run has reported its result");
    return 0;
}

/* Room for what the updates name: an operation each, and an edge. */
static int make_room(struct batch *batch, uint32_t count)
{
    struct engine_execution_index *index = batch->execution->index;
    uint32_t slot_count = 8;

    while (slot_count < 4 * count)
        slot_count *= 2;
    if (index->batch_capacity < slot_count) {
        engine_delete(index->memory, index->batch);
        engine_delete(index->memory, index->batch_slots);
        index->batch_capacity = 0;
        index->batch = engine_resize(index->memory, NULL,
                                     slot_count / 2 * sizeof(*batch->ops));
        index->batch_slots = engine_resize(index->memory, NULL,
                                           slot_count * sizeof(*batch->slots));
        if (!index->batch || !index->batch_slots)
            return -1;
        index->batch_capacity = slot_count;
    }
    batch->ops = index->batch;
    batch->slots = index->batch_slots;
    batch->slot_count = slot_count;
    memset(batch->slots, 0, slot_count * sizeof(*batch->slots));
    return 0;
}

static int walk(struct batch *batch, const void *updates, size_t size)
{
    uint32_t count;
    size_t at = 0;

    if (survey(batch, updates, size, &count))
        return -1;
    if (make_room(batch, count))
        return refuse_batch(batch, ENGINE_ERR_OOM, "out of memory");
    for (batch->update = 0; batch->update < count; batch->update++) {
        const struct engine_item *item = item_at(updates, size, at);
        struct update update;

        if (take_apart(item, &update))
            return refuse_batch(batch, ENGINE_ERR_VALIDATION,
                                "update %u is damaged", batch->update);
        if (examine(batch, &update))
            return -1;
        at += engine_item_span(item->size);
    }
    return 0;
}

static struct batch batch_of(const struct engine_execution *execution,
                             struct engine_problem *problem)
{
    *problem = (struct engine_problem){.limit = ENGINE_LIMIT_COUNT};
    return (struct batch){.execution = execution,
                          .limits = execution->limits,
                          .problem = problem,
                          .branches = execution->branches,
                          .crowd = execution->crowd,
                          .written = execution->written};
}

int engine_execution_check(const struct engine_execution *execution,
                           const void *updates, size_t size,
                           struct engine_problem *problem)
{
    struct batch batch = batch_of(execution, problem);

    assert(((uintptr_t)updates & 7) == 0);
    return walk(&batch, updates, size);
}

static int write_near(struct batch *batch, enum engine_limit limit,
                      uint64_t used, uint32_t share)
{
    const struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                      .kind = ENGINE_EV_LIMIT_NEAR,
                                      .op = UINT32_MAX,
                                      .a = (uint64_t)limit,
                                      .b = used,
                                      .flags = share};

    return engine_block_item(batch->block, &event, NULL, 0) ? 0 : -1;
}

/* Writes LIMIT_NEAR if the batch comes near to a limit. */
static int write_if_near(struct batch *batch, enum engine_limit limit,
                         uint64_t before, uint64_t after)
{
    uint32_t share = engine_limit_near(engine_limit_value(batch->limits, limit),
                                       before, after);

    return share ? write_near(batch, limit, after, share) : 0;
}

/* Every invocation from a certain depth on is worth a warning. */
static int write_if_deep(struct batch *batch)
{
    uint64_t maximum = batch->limits->invoke_depth_max;
    uint64_t depth = (uint64_t)batch->execution->depth + 1;
    uint32_t share = maximum == UINT64_MAX || maximum == 0
                         ? 0
                         : (uint32_t)(depth * 1000 / maximum);

    if (!batch->invokes || depth < batch->limits->invoke_depth_near)
        return 0;
    return write_near(batch, ENGINE_LIMIT_invoke_depth_near, depth, share);
}

/* A wait may last as long as the run may, or longer. */
static int write_if_late(struct batch *batch)
{
    const struct engine_execution *execution = batch->execution;
    uint64_t start_ns = execution->started_ns;
    uint64_t most = execution->deadline_ns - start_ns;
    uint64_t before = batch->now_ns > start_ns ? batch->now_ns - start_ns : 0;
    uint64_t after = batch->last_ns - start_ns;
    uint64_t share = most < 1000 ? 1000 : after / (most / 1000);

    if (execution->deadline_ns == UINT64_MAX || batch->last_ns < start_ns ||
        (after <= most && !engine_limit_near(most, before, after)))
        return 0;
    return write_near(batch, ENGINE_LIMIT_run_max_ns, after,
                      share < UINT32_MAX ? (uint32_t)share : UINT32_MAX);
}

/* What a profile without a bound holds back all the same. */
static int write_if_crowded(struct batch *batch)
{
    if (batch->limits->concurrency_max != UINT64_MAX ||
        batch->execution->crowd >= ENGINE_BRANCHES_MAX ||
        batch->crowd < ENGINE_BRANCHES_MAX)
        return 0;
    return write_near(batch, ENGINE_LIMIT_concurrency_max, batch->crowd, 1000);
}

int engine_execution_events(const struct engine_execution *execution,
                            const void *updates, size_t size,
                            struct engine_hash client_token, uint64_t now_ns,
                            struct engine_block *block)
{
    const struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                      .kind = ENGINE_EV_CHECKPOINT,
                                      .attempt =
                                          (uint32_t)(execution->token >> 32),
                                      .a = client_token.lo,
                                      .b = client_token.hi,
                                      .flags = (uint32_t)execution->token};
    uint64_t operations = (uint64_t)execution->operations.count - 1;
    struct engine_problem problem;
    struct batch batch = batch_of(execution, &problem);

    batch.block = block;
    batch.now_ns = now_ns;
    if (!engine_block_item(block, &event, NULL, 0) ||
        walk(&batch, updates, size))
        return -1;
    if (write_if_deep(&batch) || write_if_late(&batch) ||
        write_if_crowded(&batch) ||
        write_if_near(&batch, ENGINE_LIMIT_operations_max, operations,
                      operations + batch.added))
        return -1;
    return write_if_near(&batch, ENGINE_LIMIT_written_max, execution->written,
                         batch.written);
}
