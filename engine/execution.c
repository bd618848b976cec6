#include "engine/execution.h"

#include <assert.h>

#include "engine/execution_index.h"
#include "engine/store.h"

/* What of an entry waits for its store time. */
enum {
    UNSTAMPED_DUE = 1,
    UNSTAMPED_HEARTBEAT = 2,
    UNSTAMPED_START = 4
};

int engine_execution_init(struct engine_execution *execution,
                          const struct engine_memory *memory, uint64_t run,
                          const struct engine_limits *limits)
{
    *execution = (struct engine_execution){
        .limits = limits, .deadline_ns = UINT64_MAX, .paging = UINT32_MAX};
    execution->operations.memory = memory;
    execution->index = engine_index_new(memory);
    if (!execution->index ||
        engine_operations_init(&execution->operations, memory, run) ||
        engine_index_reserve(execution->index, 0, 1)) {
        engine_execution_free(execution);
        return -1;
    }
    return 0;
}

void engine_execution_free(struct engine_execution *execution)
{
    engine_operations_free(&execution->operations);
    engine_index_free(execution->index);
    execution->index = NULL;
}

/* Rules shared with the check --------------------------------------------- */

static unsigned next_of_step(unsigned status, unsigned action)
{
    bool runs = !status || status == ENGINE_STATUS_STARTED ||
                status == ENGINE_STATUS_READY;

    switch (action) {
    case ENGINE_ACTION_START:
        return !status || status == ENGINE_STATUS_READY ? ENGINE_STATUS_STARTED
                                                        : 0;
    case ENGINE_ACTION_SUCCEED:
        return runs ? ENGINE_STATUS_SUCCEEDED : 0;
    case ENGINE_ACTION_FAIL:
        return runs ? ENGINE_STATUS_FAILED : 0;
    case ENGINE_ACTION_RETRY:
        return runs ? ENGINE_STATUS_PENDING : 0;
    case ENGINE_ACTION_PROGRESS:
        return status == ENGINE_STATUS_STARTED ? ENGINE_STATUS_STARTED : 0;
    default:
        return 0;
    }
}

static unsigned next_of_context(unsigned status, unsigned action)
{
    bool open = !status || status == ENGINE_STATUS_STARTED;

    if (action == ENGINE_ACTION_START)
        return status ? 0 : ENGINE_STATUS_STARTED;
    if (action == ENGINE_ACTION_SUCCEED)
        return open ? ENGINE_STATUS_SUCCEEDED : 0;
    if (action == ENGINE_ACTION_FAIL)
        return open ? ENGINE_STATUS_FAILED : 0;
    return 0;
}

unsigned engine_execution_next(unsigned type, unsigned status, unsigned action)
{
    switch (type) {
    case ENGINE_OPERATION_EXECUTION:
        return action == ENGINE_ACTION_START ? 0
                                             : next_of_context(status, action);
    case ENGINE_OPERATION_CONTEXT:
        return next_of_context(status, action);
    case ENGINE_OPERATION_STEP:
        return next_of_step(status, action);
    case ENGINE_OPERATION_WAIT:
        if (action == ENGINE_ACTION_CANCEL)
            return status == ENGINE_STATUS_STARTED ? ENGINE_STATUS_CANCELLED
                                                   : status;
        break;
    default:
        break;
    }
    return action == ENGINE_ACTION_START && !status ? ENGINE_STATUS_STARTED : 0;
}

uint32_t engine_execution_attempt(unsigned status, uint32_t attempt,
                                  unsigned action)
{
    bool begins = action == ENGINE_ACTION_START || !status ||
                  status == ENGINE_STATUS_READY;

    return begins ? attempt + 1 : attempt;
}

uint64_t engine_execution_payload(const struct engine_operation_view *view,
                                  unsigned action, unsigned options)
{
    bool fails =
        action == ENGINE_ACTION_FAIL ||
        (action == ENGINE_ACTION_RETRY && !(options & ENGINE_OPTION_STATE));
    uint64_t size = view->head.value_size;

    if (options & ENGINE_OPTION_BLOB && size >= sizeof(size))
        memcpy(&size, (const unsigned char *)view->value + size - sizeof(size),
               sizeof(size));
    return fails ? size + view->head.detail_size : size;
}

/* Counts ------------------------------------------------------------------ */

/* Whether something outside will end it. */
static bool waits(const struct engine_op_entry *entry)
{
    switch (entry->type) {
    case ENGINE_OPERATION_EXECUTION:
    case ENGINE_OPERATION_CONTEXT:
        return false;
    case ENGINE_OPERATION_STEP:
        return entry->status == ENGINE_STATUS_PENDING ||
               engine_entry_ambiguous(entry);
    default:
        return entry->status == ENGINE_STATUS_STARTED;
    }
}

void engine_execution_tally(struct engine_execution *execution,
                            const struct engine_op_entry *entry, int sign)
{
    uint32_t one = (uint32_t)sign; /* adds or, modulo 2^32, takes away */

    if (!entry->number || !entry->status || engine_entry_over(entry))
        return;
    execution->open_count += one;
    if (waits(entry))
        execution->waiting += one;
    if (engine_is_branch(entry->type, entry->subtype))
        execution->branches += one;
    if (execution->branches > execution->crowd)
        execution->crowd = execution->branches;
    if (engine_entry_ambiguous(entry))
        execution->ambiguous += one;
}

/* Timers ------------------------------------------------------------------ */

static bool is_timed(const struct engine_op_entry *entry)
{
    if (entry->orphan)
        return false;
    switch (entry->type) {
    case ENGINE_OPERATION_STEP:
        return entry->status == ENGINE_STATUS_PENDING ||
               entry->status == ENGINE_STATUS_READY;
    case ENGINE_OPERATION_WAIT:
    case ENGINE_OPERATION_CALLBACK:
    case ENGINE_OPERATION_INVOKE:
    case ENGINE_OPERATION_RECEIVE:
        return entry->status == ENGINE_STATUS_STARTED;
    default:
        return false;
    }
}

/*
 * Whether its second time counts. One that cannot be repeated is not ended
 * while it may be under way: whoever has begun it, or takes over, says what
 * came of it.
 */
static bool has_end(const struct engine_op_entry *entry)
{
    if (entry->type != ENGINE_OPERATION_STEP)
        return is_timed(entry);
    return !engine_entry_over(entry) && !engine_entry_ambiguous(entry) &&
           (entry->status != ENGINE_STATUS_STARTED ||
            !(entry->options & ENGINE_OPTION_IRREVERSIBLE));
}

int engine_execution_arm(struct engine_execution *execution,
                         const struct engine_op_entry *entry)
{
    uint64_t key = (uint64_t)entry->number * 2;
    uint64_t due = UINT64_MAX;
    uint64_t heartbeat = UINT64_MAX;

    if (is_timed(entry) && !(entry->unstamped & UNSTAMPED_DUE))
        due = entry->due_ns;
    if (has_end(entry) && !(entry->unstamped & UNSTAMPED_HEARTBEAT) &&
        !(entry->type == ENGINE_OPERATION_CALLBACK &&
          engine_execution_defect(execution,
                                  ENGINE_DEFECT_HEARTBEAT_UNWATCHED)))
        heartbeat = entry->heartbeat_ns;
    if (engine_index_arm(execution->index, key, due))
        return -1;
    return engine_index_arm(execution->index, key + 1, heartbeat);
}

static int mark_unstamped(struct engine_execution *execution,
                          struct engine_op_entry *entry, unsigned what)
{
    if (!entry->unstamped &&
        engine_index_unstamped(execution->index, entry->number))
        return -1;
    entry->unstamped |= (uint8_t)what;
    return 0;
}

/* Sets one of an entry's times to so long after time_ns. */
static int set_time(struct engine_execution *execution,
                    struct engine_op_entry *entry, uint64_t *time,
                    uint64_t time_ns, uint64_t duration_ns, unsigned what)
{
    entry->unstamped &= (uint8_t)~what;
    if (time_ns) {
        *time = engine_store_later(time_ns, duration_ns);
        return 0;
    }
    *time = duration_ns;
    return mark_unstamped(execution, entry, what);
}

static int set_due(struct engine_execution *execution,
                   struct engine_op_entry *entry, uint64_t time_ns,
                   uint64_t duration_ns)
{
    if (duration_ns)
        return set_time(execution, entry, &entry->due_ns, time_ns, duration_ns,
                        UNSTAMPED_DUE);
    entry->unstamped &= (uint8_t)~UNSTAMPED_DUE;
    entry->due_ns = UINT64_MAX;
    return 0;
}

/* Something outside has ended it, or it was cancelled: its due time is when. */
static int set_ended(struct engine_execution *execution,
                     struct engine_op_entry *entry, uint64_t time_ns)
{
    return set_time(execution, entry, &entry->due_ns, time_ns, 0,
                    UNSTAMPED_DUE);
}

/* The end of a WAIT, after so long or at that time. */
static int set_wait(struct engine_execution *execution,
                    struct engine_op_entry *entry, uint64_t time_ns,
                    uint64_t first_ns)
{
    if (!(entry->options & ENGINE_OPTION_UNTIL))
        return set_time(execution, entry, &entry->due_ns, time_ns, first_ns,
                        UNSTAMPED_DUE);
    entry->due_ns = first_ns > 0 ? first_ns : 1;
    return 0;
}

static int set_heartbeat(struct engine_execution *execution,
                         struct engine_op_entry *entry, uint64_t time_ns)
{
    if (!entry->second_ns)
        return 0;
    return set_time(execution, entry, &entry->heartbeat_ns, time_ns,
                    entry->second_ns, UNSTAMPED_HEARTBEAT);
}

static void stamp_entry(struct engine_op_entry *entry, uint64_t store_time_ns)
{
    if (entry->unstamped & UNSTAMPED_DUE)
        entry->due_ns = engine_store_later(store_time_ns, entry->due_ns);
    if (entry->unstamped & UNSTAMPED_HEARTBEAT)
        entry->heartbeat_ns =
            engine_store_later(store_time_ns, entry->heartbeat_ns);
    if (entry->unstamped & UNSTAMPED_START)
        entry->started_ns = store_time_ns;
    entry->unstamped = 0;
}

void engine_execution_stamp(struct engine_execution *execution,
                            uint64_t store_time_ns)
{
    struct engine_execution_index *index = execution->index;

    if (index->start_unstamped)
        execution->started_ns = store_time_ns;
    index->start_unstamped = false;
    for (uint32_t i = 0; i < index->unstamped_count; i++) {
        struct engine_op_entry *entry =
            &execution->operations.entries[index->unstamped[i]];

        stamp_entry(entry, store_time_ns);
        (void)engine_execution_arm(execution, entry); /* there is room */
    }
    index->unstamped_count = 0;
}

/* Edges ------------------------------------------------------------------- */

static bool has_edge(const struct engine_op_entry *entry)
{
    return entry->type == ENGINE_OPERATION_SEND ||
           entry->type == ENGINE_OPERATION_RECEIVE;
}

uint32_t engine_execution_first_open(const struct engine_execution *execution,
                                     const struct engine_edge *edge)
{
    uint32_t number = edge->first_open;

    while (number != ENGINE_NO_OPERATION &&
           engine_entry_over(&execution->operations.entries[number]))
        number = execution->index->tracks[number].next_open;
    return number;
}

/* Takes what is over out of the front, so that nobody walks over it again. */
static void trim(struct engine_execution *execution, struct engine_edge *edge)
{
    edge->first_open = engine_execution_first_open(execution, edge);
    if (edge->first_open == ENGINE_NO_OPERATION)
        edge->last_open = ENGINE_NO_OPERATION;
}

static struct engine_edge *edge_of(const struct engine_execution *execution,
                                   const struct engine_op_entry *entry)
{
    return engine_index_edge(execution->index, entry->type,
                             engine_edge_peer(entry), entry->detail);
}

/* What is known of an edge, or of a sender on it, by an operation. */
static int note_edge(struct engine_execution *execution,
                     struct engine_edge *edge,
                     const struct engine_op_entry *entry)
{
    if (entry->type == ENGINE_OPERATION_RECEIVE && !entry->peer)
        return 0;
    if (entry->type == ENGINE_OPERATION_RECEIVE)
        edge = engine_index_sender(execution->index, entry, entry->peer);
    if (!edge)
        return -1;
    if (entry->second_ns > edge->count)
        edge->count = entry->second_ns;
    return 0;
}

int engine_execution_rejoin(struct engine_execution *execution,
                            const struct engine_op_entry *entry)
{
    struct engine_edge *edge;

    if (!has_edge(entry))
        return 0;
    edge = engine_index_join(execution->index, entry);
    if (!edge)
        return -1;
    return note_edge(execution, edge, entry);
}

bool engine_execution_edge(const struct engine_execution *execution,
                           uint32_t index, struct engine_execution_edge *edge)
{
    const struct engine_execution_index *known = execution->index;

    for (uint32_t i = 0; i < known->edge_count; i++) {
        const struct engine_op_entry *entry =
            &execution->operations.entries[known->edges[i].named_by];

        if (entry->type != ENGINE_OPERATION_SEND || index-- > 0)
            continue;
        *edge = (struct engine_execution_edge){entry->peer, entry->detail,
                                               known->edges[i].count};
        return true;
    }
    return false;
}

/* Closing contexts -------------------------------------------------------- */

/* The operation after this one in a walk over everything below root. */
static uint32_t next_below(const struct engine_operations *table,
                           uint32_t number, uint32_t root)
{
    if (table->entries[number].first_child)
        return table->entries[number].first_child;
    while (number != root && !table->entries[number].next_sibling)
        number = table->entries[number].parent;
    return number == root ? root : table->entries[number].next_sibling;
}

static int forget_value(struct engine_execution *execution,
                        struct engine_op_entry *entry)
{
    if (engine_operations_set_value(&execution->operations, entry, NULL, 0))
        return -1;
    return engine_operations_set_input(&execution->operations, entry, NULL, 0);
}

static int orphan(struct engine_execution *execution,
                  struct engine_op_entry *entry, bool drop)
{
    engine_execution_tally(execution, entry, -1);
    entry->orphan = 1;
    if (drop && !entry->dropped) {
        entry->dropped = 1;
        if (forget_value(execution, entry))
            return -1;
    }
    return engine_execution_arm(execution, entry);
}

/*
 * A context has closed: nothing below it is waited for any more. Unless it is
 * rebuilt from its children they are dropped, and not walked over again.
 */
static int close_context(struct engine_execution *execution, uint32_t root)
{
    struct engine_operations *table = &execution->operations;
    bool drop = !(table->entries[root].options & ENGINE_OPTION_REPLAY_CHILDREN);

    for (uint32_t i = next_below(table, root, root); i != root;
         i = next_below(table, i, root))
        if (orphan(execution, &table->entries[i], drop))
            return -1;
    if (drop)
        table->entries[root].first_child = 0;
    return 0;
}

/* Operations' events ------------------------------------------------------ */

/* The action an event was made of, 0: it was made of none. */
static unsigned action_of(unsigned kind)
{
    switch (kind) {
    case ENGINE_EV_OPERATION_STARTED:
        return ENGINE_ACTION_START;
    case ENGINE_EV_OPERATION_SUCCEEDED:
        return ENGINE_ACTION_SUCCEED;
    case ENGINE_EV_OPERATION_FAILED:
        return ENGINE_ACTION_FAIL;
    case ENGINE_EV_OPERATION_RETRY:
        return ENGINE_ACTION_RETRY;
    case ENGINE_EV_OPERATION_CANCELLED:
        return ENGINE_ACTION_CANCEL;
    case ENGINE_EV_OPERATION_PROGRESS:
        return ENGINE_ACTION_PROGRESS;
    default:
        return 0;
    }
}

static void touch(struct engine_execution *execution,
                  struct engine_op_entry *entry, bool outside)
{
    entry->changed = ++execution->change;
    engine_index_touch(execution->index, entry->number);
    if (outside)
        execution->outside = execution->change;
    else
        execution->delivered = execution->change;
}

static int set_value(struct engine_execution *execution,
                     struct engine_op_entry *entry,
                     const struct engine_operation_view *view, unsigned options)
{
    entry->options &= (uint8_t)~ENGINE_OPTIONS_OF_VALUE;
    entry->options |= (uint8_t)(options & ENGINE_OPTIONS_OF_VALUE);
    return engine_operations_set_value(&execution->operations, entry,
                                       view->value, view->head.value_size);
}

/* An attempt of a step; the clock of all of them starts with the first. */
static int start_step(struct engine_execution *execution,
                      struct engine_op_entry *entry,
                      const struct engine_operation *head, uint64_t time_ns)
{
    bool first = !entry->second_ns && head->second_ns;

    entry->peer = head->first_ns;
    if (first) {
        entry->second_ns = head->second_ns;
        if (set_heartbeat(execution, entry, time_ns))
            return -1;
    }
    return set_due(execution, entry, time_ns, 0);
}

/* The text that FAIL and RETRY bring, where it is not something else. */
static int set_error(struct engine_execution *execution,
                     struct engine_op_entry *entry,
                     const struct engine_operation_view *view)
{
    entry->error = (uint16_t)view->head.error;
    if (has_edge(entry) || entry->type == ENGINE_OPERATION_INVOKE)
        return 0;
    return engine_operations_set_text(&execution->operations, &entry->detail,
                                      view->detail.text, view->detail.size);
}

static int start(struct engine_execution *execution,
                 struct engine_op_entry *entry,
                 const struct engine_operation_view *view, unsigned options,
                 uint64_t time_ns)
{
    const struct engine_operation *head = &view->head;

    entry->error = ENGINE_ERR_NONE;
    switch (entry->type) {
    case ENGINE_OPERATION_CALLBACK:
        entry->second_ns = head->second_ns;
        if (set_heartbeat(execution, entry, time_ns))
            return -1;
        return set_due(execution, entry, time_ns, head->first_ns);
    case ENGINE_OPERATION_WAIT:
        return set_wait(execution, entry, time_ns, head->first_ns);
    case ENGINE_OPERATION_CONTEXT:
        entry->second_ns = head->second_ns;
        return set_due(execution, entry, time_ns, 0);
    case ENGINE_OPERATION_SEND:
        entry->peer = head->first_ns;
        entry->second_ns = head->second_ns;
        break;
    case ENGINE_OPERATION_INVOKE:
    case ENGINE_OPERATION_RECEIVE:
        if (set_due(execution, entry, time_ns, head->first_ns))
            return -1;
        break;
    case ENGINE_OPERATION_STEP:
        return start_step(execution, entry, head, time_ns);
    default:
        return set_due(execution, entry, time_ns, 0);
    }
    entry->options |= (uint8_t)(options & ENGINE_OPTION_BLOB);
    if (engine_operations_set_text(&execution->operations, &entry->detail,
                                   view->detail.text, view->detail.size))
        return -1;
    return engine_operations_set_input(&execution->operations, entry,
                                       view->value, head->value_size);
}

static int retry(struct engine_execution *execution,
                 struct engine_op_entry *entry,
                 const struct engine_operation_view *view, unsigned options,
                 uint64_t time_ns)
{
    bool keeps = entry->options & ENGINE_OPTION_PROGRESS &&
                 !(options & ENGINE_OPTION_STATE);

    if (set_time(execution, entry, &entry->due_ns, time_ns, view->head.first_ns,
                 UNSTAMPED_DUE) ||
        set_error(execution, entry, view))
        return -1;
    return keeps ? 0 : set_value(execution, entry, view, options);
}

/* An end: result or error, and what was only there until then goes. */
static int finish(struct engine_execution *execution,
                  struct engine_op_entry *entry,
                  const struct engine_operation_view *view, unsigned options)
{
    if (set_error(execution, entry, view) ||
        set_value(execution, entry, view, options))
        return -1;
    if (entry->type == ENGINE_OPERATION_STEP)
        entry->due_ns = UINT64_MAX;
    if (entry->type == ENGINE_OPERATION_RECEIVE) {
        entry->peer = view->head.first_ns;
        entry->second_ns = view->head.second_ns;
    }
    return engine_operations_set_input(&execution->operations, entry, NULL, 0);
}

/* A step whose effect may have happened waits for an operator. */
static int hold(struct engine_execution *execution,
                struct engine_op_entry *entry,
                const struct engine_operation_view *view, unsigned options)
{
    if (set_error(execution, entry, view))
        return -1;
    if (entry->options & ENGINE_OPTION_PROGRESS)
        return 0;
    return set_value(execution, entry, view, options);
}

static int act(struct engine_execution *execution,
               struct engine_op_entry *entry,
               const struct engine_operation_view *view, unsigned options,
               unsigned action, uint64_t time_ns)
{
    switch (action) {
    case ENGINE_ACTION_START:
        return start(execution, entry, view, options, time_ns);
    case ENGINE_ACTION_RETRY:
        return retry(execution, entry, view, options, time_ns);
    case ENGINE_ACTION_PROGRESS:
        return set_value(execution, entry, view,
                         (options & ENGINE_OPTION_BLOB) |
                             ENGINE_OPTION_PROGRESS);
    case ENGINE_ACTION_CANCEL:
        return set_ended(execution, entry, time_ns);
    default:
        return finish(execution, entry, view, options);
    }
}

/* The entry that an operation's event is about, which has no payload. */
static struct engine_op_entry *known(struct engine_execution *execution,
                                     const struct engine_item *event)
{
    const struct engine_hash id = {event->a, event->b};
    struct engine_operations *table = &execution->operations;

    if (event->op >= table->count ||
        !engine_hash_equal(table->entries[event->op].id, id))
        return NULL;
    return &table->entries[event->op];
}

/* Whether an operation may be added under this one. */
static bool is_open_context(const struct engine_op_entry *entry)
{
    if (!entry->number)
        return !engine_status_terminal(entry->status);
    return entry->type == ENGINE_OPERATION_CONTEXT && !engine_entry_over(entry);
}

static int add(struct engine_execution *execution,
               const struct engine_item *event,
               const struct engine_operation_view *view)
{
    struct engine_operations *table = &execution->operations;
    const struct engine_hash id = {event->a, event->b};
    struct engine_op_entry *parent =
        engine_operations_find(table, view->head.parent);
    struct engine_op_entry *entry;

    if (event->op != table->count || !parent || !is_open_context(parent) ||
        engine_operations_find(table, id))
        return -2;
    if (engine_index_reserve(execution->index, table->count, table->count + 1))
        return -1;
    entry = engine_operations_add(table, id, parent->number);
    if (!entry)
        return -1;
    entry->run_number = entry->number;
    entry->type = (uint8_t)engine_operation_flag_type(event->flags);
    entry->subtype = (uint8_t)engine_operation_flag_subtype(event->flags);
    if (engine_operations_set_text(table, &entry->id_text, view->id.text,
                                   view->id.size) ||
        engine_operations_set_text(table, &entry->name, view->name.text,
                                   view->name.size))
        return -1;
    return 0;
}

/* Finds or adds the entry of an event with a payload. 0, -1, -2. */
static int find(struct engine_execution *execution,
                const struct engine_item *event,
                const struct engine_operation_view *view,
                struct engine_op_entry **entry)
{
    unsigned type = engine_operation_flag_type(event->flags);
    int result = 0;

    if (!type || type >= ENGINE_OPERATION_TYPE_COUNT ||
        engine_operation_flag_subtype(event->flags) >= ENGINE_SUBTYPE_COUNT ||
        view->head.error >= ENGINE_ERR_COUNT)
        return -2;
    if (type == ENGINE_OPERATION_EXECUTION) {
        *entry = execution->operations.entries;
        return event->op == 0 ? 0 : -2;
    }
    if (event->op == execution->operations.count)
        result = add(execution, event, view);
    if (result)
        return result;
    *entry = known(execution, event);
    return *entry && (*entry)->number && (*entry)->type == type ? 0 : -2;
}

/* Whether the event is an end that only something outside can bring. */
static bool ends_outside(const struct engine_op_entry *entry, unsigned action)
{
    if (action != ENGINE_ACTION_SUCCEED && action != ENGINE_ACTION_FAIL)
        return false;
    return entry->type >= ENGINE_OPERATION_CALLBACK ||
           engine_entry_ambiguous(entry);
}

static int end_on_edge(struct engine_execution *execution,
                       const struct engine_op_entry *entry)
{
    struct engine_edge *edge = edge_of(execution, entry);

    if (!edge)
        return 0;
    trim(execution, edge);
    return note_edge(execution, edge, entry);
}

static int end_outside(struct engine_execution *execution,
                       struct engine_op_entry *entry,
                       const struct engine_operation_view *view,
                       unsigned options, unsigned status, uint64_t time_ns)
{
    const struct engine_edge *edge;
    bool outside = true;

    if (engine_entry_over(entry) &&
        (entry->orphan || entry->type != ENGINE_OPERATION_CALLBACK ||
         !engine_execution_defect(execution, ENGINE_DEFECT_CALLBACK_TWICE)))
        return 0;
    if (entry->type == ENGINE_OPERATION_RECEIVE &&
        options & ENGINE_OPTION_END) {
        edge = edge_of(execution, entry);
        outside = !edge || !edge->ended; /* else it came with its START */
    }
    engine_execution_tally(execution, entry, -1);
    if (finish(execution, entry, view, options) ||
        set_ended(execution, entry, time_ns))
        return -1;
    entry->status = (uint8_t)status;
    touch(execution, entry, outside);
    if (has_edge(entry) && end_on_edge(execution, entry))
        return -1;
    return engine_execution_arm(execution, entry);
}

static int begin_entry(struct engine_execution *execution,
                       struct engine_op_entry *entry, uint64_t time_ns)
{
    if (entry->status)
        return 0;
    return set_time(execution, entry, &entry->started_ns, time_ns, 0,
                    UNSTAMPED_START);
}

/* Whether a RECEIVE begins behind the end of its edge. */
static bool is_late(const struct engine_execution *execution,
                    const struct engine_op_entry *entry)
{
    const struct engine_edge *edge = entry->type == ENGINE_OPERATION_RECEIVE
                                         ? edge_of(execution, entry)
                                         : NULL;

    return edge && edge->ended;
}

/* What follows from the new status of an entry. */
static int settle(struct engine_execution *execution,
                  struct engine_op_entry *entry, unsigned action)
{
    engine_execution_tally(execution, entry, 1);
    touch(execution, entry, false);
    if (action == ENGINE_ACTION_START &&
        engine_execution_rejoin(execution, entry))
        return -1;
    if (action == ENGINE_ACTION_START && is_late(execution, entry))
        execution->index->late = true;
    if (engine_status_terminal(entry->status) &&
        entry->type == ENGINE_OPERATION_CONTEXT &&
        close_context(execution, entry->number))
        return -1;
    return engine_execution_arm(execution, entry);
}

/* An event made of an update. */
static int apply_update(struct engine_execution *execution,
                        struct engine_op_entry *entry,
                        const struct engine_operation_view *view,
                        unsigned options, unsigned action, uint64_t time_ns)
{
    unsigned status = engine_execution_next(entry->type, entry->status, action);
    bool held = status == ENGINE_STATUS_FAILED &&
                entry->type == ENGINE_OPERATION_STEP &&
                view->head.error == ENGINE_ERR_AMBIGUOUS;
    int result;

    if (!status || entry->orphan || engine_entry_ambiguous(entry) ||
        (entry->status && engine_status_terminal(entry->status)))
        return -2;
    engine_execution_tally(execution, entry, -1);
    execution->written += engine_execution_payload(view, action, options);
    entry->options |= (uint8_t)(options & ~(unsigned)ENGINE_OPTIONS_OF_VALUE);
    if (entry->type == ENGINE_OPERATION_STEP)
        entry->attempt =
            engine_execution_attempt(entry->status, entry->attempt, action);
    result = begin_entry(execution, entry, time_ns);
    if (!result && held)
        result = hold(execution, entry, view, options);
    else if (!result)
        result = act(execution, entry, view, options, action, time_ns);
    if (result)
        return result;
    entry->status = (uint8_t)(held ? ENGINE_STATUS_STARTED : status);
    return settle(execution, entry, action);
}

static int apply_action(struct engine_execution *execution,
                        const struct engine_item *event, uint64_t time_ns)
{
    unsigned options = engine_operation_flag_options(event->flags);
    unsigned action = action_of(event->kind);
    struct engine_operation_view view;
    struct engine_op_entry *entry;
    int result;

    if (engine_operation_view(event, &view))
        return -2;
    result = find(execution, event, &view, &entry);
    if (result)
        return result;
    if (!ends_outside(entry, action))
        return apply_update(execution, entry, &view, options, action, time_ns);
    if (!entry->status)
        return -2;
    return end_outside(execution, entry, &view, options,
                       action == ENGINE_ACTION_FAIL ? ENGINE_STATUS_FAILED
                                                    : ENGINE_STATUS_SUCCEEDED,
                       time_ns);
}

/* A change of status that brings nothing with it. */
static int become(struct engine_execution *execution,
                  struct engine_op_entry *entry, unsigned status,
                  unsigned error)
{
    engine_execution_tally(execution, entry, -1);
    entry->status = (uint8_t)status;
    entry->error = (uint16_t)error;
    engine_execution_tally(execution, entry, 1);
    touch(execution, entry, true);
    return engine_execution_arm(execution, entry);
}

static int ready(struct engine_execution *execution,
                 struct engine_op_entry *entry, uint64_t time_ns)
{
    if (entry->type != ENGINE_OPERATION_STEP)
        return -2;
    if (entry->orphan ||
        (!waits(entry) &&
         !engine_execution_defect(execution, ENGINE_DEFECT_RESUME_TWICE)))
        return 0;
    if (set_due(execution, entry, time_ns, entry->peer) ||
        (engine_entry_ambiguous(entry) && /* nobody was to blame */
         set_heartbeat(execution, entry, time_ns)))
        return -1;
    return become(execution, entry, ENGINE_STATUS_READY, entry->error);
}

static int fired(struct engine_execution *execution,
                 struct engine_op_entry *entry, uint64_t time_ns)
{
    if (entry->type != ENGINE_OPERATION_WAIT)
        return -2;
    if (engine_entry_over(entry))
        return 0;
    if (set_ended(execution, entry, time_ns))
        return -1;
    return become(execution, entry, ENGINE_STATUS_SUCCEEDED, ENGINE_ERR_NONE);
}

static int heartbeat(struct engine_execution *execution,
                     struct engine_op_entry *entry, uint64_t time_ns)
{
    if (entry->type != ENGINE_OPERATION_CALLBACK)
        return -2;
    if (engine_entry_over(entry))
        return 0;
    if (engine_execution_defect(execution, ENGINE_DEFECT_HEARTBEAT_EXTENDS) &&
        entry->due_ns != UINT64_MAX && !entry->unstamped &&
        set_due(execution, entry, time_ns, entry->due_ns - entry->started_ns))
        return -1;
    if (set_heartbeat(execution, entry, time_ns))
        return -1;
    return engine_execution_arm(execution, entry);
}

/* An end with a payload that is neither success nor failure. */
static int end_as(struct engine_execution *execution,
                  const struct engine_item *event,
                  struct engine_op_entry *entry, unsigned status,
                  uint64_t time_ns)
{
    struct engine_operation_view view;

    if (engine_operation_view(event, &view) ||
        view.head.error >= ENGINE_ERR_COUNT ||
        (entry->type != ENGINE_OPERATION_STEP &&
         entry->type != ENGINE_OPERATION_CALLBACK &&
         entry->type != ENGINE_OPERATION_INVOKE &&
         entry->type != ENGINE_OPERATION_RECEIVE))
        return -2;
    return end_outside(execution, entry, &view, 0, status, time_ns);
}

static int stopped(struct engine_execution *execution,
                   const struct engine_item *event,
                   struct engine_op_entry *entry, uint64_t time_ns)
{
    if (event->size > 0)
        return end_as(execution, event, entry, ENGINE_STATUS_STOPPED, time_ns);
    if (engine_entry_over(entry))
        return 0;
    if (set_ended(execution, entry, time_ns))
        return -1;
    return become(execution, entry, ENGINE_STATUS_STOPPED, ENGINE_ERR_STOPPED);
}

static int apply_outside(struct engine_execution *execution,
                         const struct engine_item *event, uint64_t time_ns)
{
    struct engine_op_entry *entry = known(execution, event);

    if (!entry || !entry->number)
        return -2;
    switch (event->kind) {
    case ENGINE_EV_OPERATION_READY:
        return ready(execution, entry, time_ns);
    case ENGINE_EV_OPERATION_FIRED:
        return fired(execution, entry, time_ns);
    case ENGINE_EV_OPERATION_TIMED_OUT:
        return end_as(execution, event, entry, ENGINE_STATUS_TIMED_OUT,
                      time_ns);
    case ENGINE_EV_OPERATION_HEARTBEAT:
        return heartbeat(execution, entry, time_ns);
    default:
        return stopped(execution, event, entry, time_ns);
    }
}

/* The run's events -------------------------------------------------------- */

static int created(struct engine_execution *execution, uint64_t time_ns)
{
    execution->started_ns = time_ns;
    execution->index->start_unstamped = !time_ns;
    return 0;
}

static int invoked(struct engine_execution *execution, uint32_t invocation)
{
    execution->token = engine_execution_token(invocation, 0);
    execution->used = 0;
    execution->client_token = (struct engine_hash){0, 0};
    execution->delivered = execution->change;
    execution->before = execution->change;
    execution->told = 0;
    execution->paging = UINT32_MAX;
    return 0;
}

static int ended(struct engine_execution *execution, bool broke_off)
{
    execution->token = 0;
    execution->failures = broke_off ? execution->failures + 1 : 0;
    return 0;
}

static int checkpoint(struct engine_execution *execution,
                      const struct engine_item *event)
{
    if (!execution->token ||
        execution->token !=
            engine_execution_token(event->attempt, event->flags))
        return -2;
    execution->before = execution->delivered;
    execution->delivered = execution->change;
    execution->used = execution->token++;
    execution->client_token = (struct engine_hash){event->a, event->b};
    return 0;
}

/* What was consumed may have been the end of a sender. */
static int consumed(struct engine_execution *execution,
                    const struct engine_item *event)
{
    const struct engine_edge *edge;
    struct engine_stream_end end;
    struct engine_text name;

    if (!event->size)
        return 0;
    if (event->size < sizeof(end))
        return -2;
    memcpy(&end, engine_item_payload(event), sizeof(end));
    name.text = (const char *)engine_item_payload(event) + sizeof(end);
    name.size = event->size - sizeof(end);
    edge =
        engine_index_edge(execution->index, ENGINE_OPERATION_RECEIVE, 0, name);
    if (!edge || !end.sender)
        return -2;
    return engine_index_end(execution->index,
                            &execution->operations.entries[edge->named_by],
                            end.sender);
}

static bool breaks_off(uint64_t error)
{
    return error == ENGINE_ERR_OOM || error == ENGINE_ERR_INTERRUPTED ||
           error == ENGINE_ERR_TIMED_OUT;
}

/* Events of the handler as a whole, and those that are nothing to us. */
static int apply_run(struct engine_execution *execution,
                     const struct engine_item *event, uint64_t time_ns)
{
    switch (event->kind) {
    case ENGINE_EV_RUN_CREATED:
        return created(execution, time_ns);
    case ENGINE_EV_OP_SCHEDULED:
        return event->op ? -2 : invoked(execution, event->attempt);
    case ENGINE_EV_ATTEMPT_SUCCEEDED:
    case ENGINE_EV_ATTEMPT_SUSPENDED:
        return event->op ? -2 : ended(execution, false);
    case ENGINE_EV_ATTEMPT_FAILED:
        return event->op ? -2 : ended(execution, breaks_off(event->a));
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
        return event->op ? -2 : ended(execution, true);
    case ENGINE_EV_CHECKPOINT:
        return checkpoint(execution, event);
    case ENGINE_EV_INBOX_CONSUMED:
        return consumed(execution, event);
    default:
        return event->kind && event->kind < ENGINE_EV_COUNT ? 0 : -2;
    }
}

int engine_execution_apply(struct engine_execution *execution,
                           const struct engine_item *event, uint64_t time_ns)
{
    switch (event->kind) {
    case ENGINE_EV_OPERATION_STARTED:
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
    case ENGINE_EV_OPERATION_RETRY:
    case ENGINE_EV_OPERATION_PROGRESS:
    case ENGINE_EV_OPERATION_CANCELLED:
        return apply_action(execution, event, time_ns);
    case ENGINE_EV_OPERATION_READY:
    case ENGINE_EV_OPERATION_FIRED:
    case ENGINE_EV_OPERATION_TIMED_OUT:
    case ENGINE_EV_OPERATION_STOPPED:
    case ENGINE_EV_OPERATION_HEARTBEAT:
        return apply_outside(execution, event, time_ns);
    default:
        return apply_run(execution, event, time_ns);
    }
}

/* Asking ------------------------------------------------------------------ */

enum engine_token_state
engine_execution_token_state(const struct engine_execution *execution,
                             uint64_t token, struct engine_hash client_token)
{
    if (!token)
        return ENGINE_TOKEN_STALE;
    if (token == execution->used &&
        engine_hash_equal(client_token, execution->client_token))
        return ENGINE_TOKEN_REPEAT;
    return token == execution->token ? ENGINE_TOKEN_GOOD : ENGINE_TOKEN_STALE;
}

bool engine_execution_has_news(const struct engine_execution *execution)
{
    return execution->outside > execution->delivered &&
           execution->outside > execution->told;
}

void engine_execution_told(struct engine_execution *execution, uint32_t change)
{
    assert(change <= execution->change);
    if (change > execution->told)
        execution->told = change;
}

void engine_execution_paged(struct engine_execution *execution, uint32_t marker,
                            uint32_t next)
{
    if (marker == 0 && execution->paging == UINT32_MAX)
        execution->paging = execution->change;
    if (next == 0 && execution->paging != UINT32_MAX)
        engine_execution_told(execution, execution->paging);
}

bool engine_execution_is_waiting(const struct engine_execution *execution)
{
    return execution->waiting > 0;
}

uint64_t engine_execution_due(const struct engine_execution *execution)
{
    const struct engine_execution_index *index = execution->index;

    return index->heap_count ? index->heap[0].time_ns : UINT64_MAX;
}

static bool is_shown(const struct engine_op_entry *entry)
{
    return entry->status && !entry->dropped;
}

/* The next operation to show from this number on, 0: none. */
static uint32_t next_shown(const struct engine_operations *table,
                           uint32_t number)
{
    while (number < table->count && !is_shown(&table->entries[number]))
        number++;
    return number < table->count ? number : 0;
}

/* Whether one more item of this size is too much for a page. */
static bool is_full(const struct engine_block *block, size_t start,
                    size_t max_bytes, size_t item_size)
{
    size_t used = block->size - start;

    return used > 0 && (used >= max_bytes || item_size > max_bytes - used);
}

int engine_execution_page(const struct engine_execution *execution,
                          uint32_t marker, size_t max_bytes,
                          struct engine_block *block, uint32_t *next)
{
    const struct engine_operations *table = &execution->operations;
    size_t start = block->size;
    uint32_t number = next_shown(table, marker ? marker : 1);

    *next = 0;
    if (!marker && is_shown(&table->entries[0]) &&
        engine_operations_store(table, 0, block))
        return -1;
    for (; number; number = next_shown(table, number + 1)) {
        if (is_full(block, start, max_bytes,
                    engine_operations_span(table, number))) {
            *next = number + engine_execution_defect(execution,
                                                     ENGINE_DEFECT_PAGE_SKIPS);
            return 0;
        }
        if (engine_operations_store(table, number, block))
            return -1;
    }
    return 0;
}

/* Everything that changed after `since`, to be taken out by number. */
static int gather(const struct engine_execution *execution, uint32_t since,
                  struct engine_timers *numbers)
{
    const struct engine_operations *table = &execution->operations;

    for (uint32_t i = execution->index->newest;
         i != ENGINE_NO_OPERATION && table->entries[i].changed > since;
         i = execution->index->tracks[i].older)
        if (is_shown(&table->entries[i]) && engine_timers_push(numbers, i, 0))
            return -1;
    return 0;
}

int engine_execution_delta(const struct engine_execution *execution,
                           uint32_t since, struct engine_block *block)
{
    struct engine_timers numbers = {.memory = execution->operations.memory};
    int result = gather(execution, since, &numbers);

    while (!result && numbers.count > 0) {
        uint32_t number = (uint32_t)engine_timers_pop(&numbers).time_ns;

        result = engine_operations_store(&execution->operations, number, block);
    }
    engine_timers_free(&numbers);
    return result;
}
