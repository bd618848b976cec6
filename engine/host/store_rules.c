#include "engine/host/store_rules.h"

#include <assert.h>
#include <string.h>

/* One request on its way to its reply. */
struct call {
    struct store_rules *rules;
    const struct store_tables_ops *tables;
    void *self;
    const struct engine_request *request;
    struct engine_block *reply;
    struct engine_run_row run;
};

static struct engine_reply *head(const struct call *call)
{
    return (void *)call->reply->bytes;
}

static int answer(const struct call *call, uint16_t outcome)
{
    head(call)->outcome = outcome;
    return 0;
}

static int refuse(const struct call *call, uint64_t actual, uint64_t maximum)
{
    head(call)->actual = actual;
    head(call)->maximum = maximum;
    return answer(call, ENGINE_REFUSED);
}

/* Says in the reply how the run stands. */
static void tell_run(const struct call *call)
{
    struct engine_reply *reply = head(call);

    reply->run = call->run.run;
    reply->token = call->run.token;
    reply->seq = call->run.next_seq;
    reply->position = call->run.tail;
    reply->hash = call->run.hash;
    reply->holder = call->run.holder;
}

/* Adds an item to the reply; 0, or -1 when out of memory. */
static struct engine_item *add_item(const struct call *call,
                                    const struct engine_item *item,
                                    const void *payload, size_t size)
{
    struct engine_item *added =
        engine_block_item(call->reply, item, payload, size);

    if (added)
        head(call)->item_count++;
    return added;
}

static int add_run(const struct call *call)
{
    struct engine_item item = {.type = ENGINE_ITEM_RUN,
                               .a = call->run.run,
                               .b = call->run.token,
                               .op = call->run.state,
                               .attempt = call->run.workflow};

    return add_item(call, &item, &call->run, sizeof(call->run)) ? 0 : -1;
}

static int add_log(const struct call *call, const struct engine_log_row *row)
{
    struct engine_item head_item = {.type = ENGINE_ITEM_LOG,
                                    .a = row->seq,
                                    .b = row->token,
                                    .attempt = row->count};
    struct engine_item *item =
        add_item(call, &head_item, NULL, 8 + row->items_size);
    unsigned char *payload;

    if (!item)
        return -1;
    payload = (unsigned char *)(item + 1);
    memcpy(payload, &row->time_ns, 8);
    memcpy(payload + 8, row->items, row->items_size);
    return 0;
}

struct engine_item *store_work_item(struct engine_block *block,
                                    const struct store_work *work)
{
    struct engine_item item = {.type = ENGINE_ITEM_WORK,
                               .kind = (uint16_t)work->state,
                               .op = work->op,
                               .attempt = work->attempt,
                               .a = work->claimed_ns,
                               .b = work->expires_ns,
                               .flags = work->error | work->retryable << 16};

    return engine_block_item(block, &item, work->value, work->value_size);
}

struct engine_item *store_outbox_item(struct engine_block *block,
                                      const struct store_outbox *row)
{
    struct engine_item item = {.type = ENGINE_ITEM_OUTBOX,
                               .kind = (uint16_t)row->kind,
                               .op = row->number};

    return engine_block_item(block, &item, row->value, row->value_size);
}

struct engine_item *store_inbox_item(struct engine_block *block,
                                     const struct store_inbox *row)
{
    struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                               .kind = (uint16_t)row->kind,
                               .op = row->op,
                               .a = row->id.lo,
                               .b = row->id.hi};

    return engine_block_item(block, &item, row->value, row->value_size);
}

struct engine_item *store_snapshot_item(struct engine_block *block,
                                        const struct store_snapshot *snapshot)
{
    struct engine_item item = {
        .type = ENGINE_ITEM_SNAPSHOT, .op = UINT32_MAX, .a = snapshot->seq};

    return engine_block_item(block, &item, snapshot->value,
                             snapshot->value_size);
}

/* Counts an item of the reply that was written, if it was. 0 or -1. */
static int counted(const struct call *call, const struct engine_item *added)
{
    if (!added)
        return -1;
    head(call)->item_count++;
    return 0;
}

static int add_work(void *self, const struct store_work *work)
{
    const struct call *call = self;

    return counted(call, store_work_item(call->reply, work));
}

static int add_outbox(void *self, const struct store_outbox *row)
{
    const struct call *call = self;

    return counted(call, store_outbox_item(call->reply, row));
}

static int add_inbox(void *self, const struct store_inbox *row)
{
    const struct call *call = self;

    return counted(call, store_inbox_item(call->reply, row));
}

/* Work and inbox of the run; what reaches a run that has ended is nothing. */
static int add_mail(struct call *call)
{
    uint64_t run = call->run.run;

    if (call->tables->work_list(call->self, run, add_work, call))
        return -1;
    if (engine_run_state_terminal(call->run.state))
        return 0;
    return call->tables->inbox_list(call->self, run, add_inbox, call);
}

static int add_snapshot(const struct call *call)
{
    const struct store_snapshot *snapshot = &call->rules->history.snapshot;

    if (!snapshot->run)
        return 0;
    return counted(call, store_snapshot_item(call->reply, snapshot));
}

/* Reads the request's run. 1, 0 if there is none, or -1. */
static int read_run(struct call *call, uint64_t run)
{
    int found = call->tables->run_get(call->self, run, &call->run);

    if (found > 0)
        tell_run(call);
    return found;
}

/*
 * The sender holds the run's lease. The token alone does not say so: two
 * coordinators that both tried to create a run both count from 1.
 */
static int holds(const struct call *call, uint64_t token)
{
    return call->run.holder == call->request->sender &&
           call->run.token == token;
}

/* 1 if the sender's lease holds; 0 if it was answered FENCED; or -1. */
static int read_owned(struct call *call, int check)
{
    int found = read_run(call, call->request->run);

    if (found < 0)
        return -1;
    if (found && (!check || holds(call, call->request->token)))
        return 1;
    return answer(call, ENGINE_FENCED);
}

static int fence(const struct call *call)
{
    return !store_defect(call->rules, ENGINE_DEFECT_LEASE_NO_FENCE);
}

/* Adds items to the run's log; *row says what and becomes what was written. */
static int append_row(struct call *call, struct engine_log_row *row)
{
    struct engine_run_row *run = &call->run;

    row->run = run->run;
    row->seq = run->next_seq;
    row->time_ns = call->rules->now_ns;
    row->previous = run->tail;
    row->hash = engine_store_chain(run->hash, row);
    if (call->tables->log_append(call->self, row))
        return -1;
    run->next_seq += row->count;
    run->tail = row->position;
    run->hash = row->hash;
    return 0;
}

/* The events of a request, which lie side by side. */
struct events {
    const struct engine_item *items;
    size_t size;
    uint32_t count;
    uint32_t stops; /* of them, ends of operations that end with their run */
};

static struct events find_events(const struct engine_request *request)
{
    struct events events = {0};

    ENGINE_REQUEST_ITEMS(request, item)
    {
        if (item->type != ENGINE_ITEM_EVENT)
            break;
        if (!events.count++)
            events.items = item;
        events.size += engine_item_span(item->size);
        events.stops += item->kind == ENGINE_EV_OPERATION_STOPPED;
    }
    return events;
}

static int append_events(struct call *call, const struct events *events,
                         uint64_t token)
{
    struct engine_log_row row = {.token = token,
                                 .count = events->count,
                                 .items = events->items,
                                 .items_size = events->size};

    return events->count ? append_row(call, &row) : 0;
}

/* 1 if the run may have that many more events, else answered. */
static int within_history(const struct call *call, uint32_t count)
{
    uint64_t maximum = call->rules->limits.history_ops_max;
    uint64_t actual = call->run.next_seq - 1 + count;

    if (actual <= maximum)
        return 1;
    if (store_defect(call->rules, ENGINE_DEFECT_LIMIT_OFF_BY_ONE) &&
        actual == maximum + 1)
        return 1;
    return refuse(call, actual, maximum);
}

/* What an earlier item of the same request does to this item's row. */
static const struct engine_item *
earlier_item(const struct engine_request *request, const struct engine_item *of)
{
    const struct engine_item *last = NULL;

    ENGINE_REQUEST_ITEMS(request, item)
    {
        if (item == of)
            break;
        if (item->type == ENGINE_ITEM_WORK && item->op == of->op)
            last = item;
    }
    return last;
}

/* Reads the row of an item as earlier items of the request will leave it. */
static int read_work(const struct call *call, const struct engine_item *item,
                     int touched, struct store_work *work)
{
    const struct engine_item *earlier =
        touched ? earlier_item(call->request, item) : NULL;

    if (!earlier)
        return call->tables->work_get(call->self, call->request->run, item->op,
                                      0, work);
    work->state = ENGINE_WORK_PENDING;
    work->attempt = earlier->attempt;
    return earlier->flags == ENGINE_WORK_PUT;
}

/* 1 if the item may be applied, 0 if the request was answered, or -1. */
static int guard_work(const struct call *call, const struct engine_item *item,
                      int touched)
{
    struct store_work work;
    int found = read_work(call, item, touched, &work);
    uint32_t needed = item->flags == ENGINE_WORK_TAKE   ? ENGINE_WORK_DONE
                      : item->flags == ENGINE_WORK_DROP ? ENGINE_WORK_PENDING
                                                        : ENGINE_WORK_CLAIMED;

    if (found < 0)
        return -1;
    if (item->flags == ENGINE_WORK_PUT)
        return found ? answer(call, ENGINE_CONFLICT) : 1;
    if (!found || work.attempt != item->attempt || work.state != needed)
        return answer(call, ENGINE_CONFLICT);
    if (item->flags != ENGINE_WORK_CUT)
        return 1;
    /* A heartbeat since the claim was looked at has saved it. */
    if (work.expires_ns != item->a)
        return answer(call, ENGINE_CONFLICT);
    if (call->rules->now_ns < item->b)
        return refuse(call, call->rules->now_ns, item->b);
    return 1;
}

static int guard_outbox(const struct call *call, const struct engine_item *item)
{
    int found = call->tables->outbox_get(call->self, call->run.run, item->op);

    if (found < 0)
        return -1;
    return found ? answer(call, ENGINE_CONFLICT) : 1;
}

static struct engine_hash inbox_id(const struct engine_item *item)
{
    return (struct engine_hash){item->a, item->b};
}

static int guard_inbox(const struct call *call, const struct engine_item *item)
{
    int taken;
    int found = call->tables->inbox_get(call->self, call->run.run,
                                        inbox_id(item), &taken);

    if (!found && store_defect(call->rules, ENGINE_DEFECT_INBOX_DELETE_FIRST))
        return 1;
    return found ? found : answer(call, ENGINE_CONFLICT);
}

/* A snapshot stands at the end of a log row: before the append or after it. */
static int guard_snapshot(const struct call *call,
                          const struct engine_item *item)
{
    uint64_t before = call->run.next_seq - 1;
    uint64_t after = before + find_events(call->request).count;

    if (item->a && (item->a == before || item->a == after))
        return 1;
    return refuse(call, item->a, after);
}

/* Looks at all rows the request wants to change. Returns as above. */
static int guard_rows(const struct call *call)
{
    uint32_t seen = 0; /* one more than the largest op so far */

    ENGINE_REQUEST_ITEMS(call->request, item)
    {
        int right = 1;

        if (item->type == ENGINE_ITEM_WORK) {
            right = guard_work(call, item, item->op < seen);
            if (item->op >= seen)
                seen = item->op + 1;
        } else if (item->type == ENGINE_ITEM_OUTBOX) {
            right = guard_outbox(call, item);
        } else if (item->type == ENGINE_ITEM_INBOX) {
            right = guard_inbox(call, item);
        } else if (item->type == ENGINE_ITEM_SNAPSHOT) {
            right = guard_snapshot(call, item);
        }
        if (right <= 0)
            return right;
    }
    return 1;
}

/* For the defects that write a row in a transaction of its own. */
static int set_aside_bytes(const struct call *call,
                           const struct engine_item *item, const void *bytes,
                           size_t size)
{
    struct engine_block *aside = &call->rules->aside;
    struct engine_item copy = *item;

    if (!aside->size && !engine_block_begin(aside, 8))
        return -1;
    copy.a = call->run.run;
    return engine_block_item(aside, &copy, bytes, size) ? 0 : -1;
}

static int set_aside(const struct call *call, const struct engine_item *item)
{
    const uint64_t id[2] = {item->a, item->b};

    return item->type == ENGINE_ITEM_INBOX
               ? set_aside_bytes(call, item, id, sizeof(id))
               : set_aside_bytes(call, item, engine_item_payload(item),
                                 item->size);
}

static int put_work(struct store_rules *rules, uint64_t run,
                    const struct engine_item *item)
{
    struct store_work work = {.run = run,
                              .op = item->op,
                              .attempt = item->attempt,
                              .state = ENGINE_WORK_PENDING,
                              .value = engine_item_payload(item),
                              .value_size = item->size};

    return rules->tables->work_put(rules->self, &work);
}

static int put_outbox(struct store_rules *rules, uint64_t run,
                      const struct engine_item *item)
{
    struct store_outbox row = {.run = run,
                               .number = item->op,
                               .kind = item->kind,
                               .value = engine_item_payload(item),
                               .value_size = item->size};

    return rules->tables->outbox_put(rules->self, &row);
}

static int apply_work(const struct call *call, const struct engine_item *item)
{
    if (item->flags == ENGINE_WORK_TAKE &&
        store_defect(call->rules, ENGINE_DEFECT_WORK_TAKE_LATE))
        return set_aside(call, item);
    if (item->flags != ENGINE_WORK_PUT)
        return call->tables->work_remove(call->self, call->run.run, item->op);
    if (store_defect(call->rules, ENGINE_DEFECT_SPLIT_TXN_DISPATCH))
        return set_aside(call, item);
    return put_work(call->rules, call->run.run, item);
}

static int put_snapshot(const struct call *call, const struct engine_item *item,
                        const struct engine_run_row *before)
{
    const struct engine_run_row *at =
        item->a == before->next_seq - 1 ? before : &call->run;
    struct store_snapshot snapshot = {.run = at->run,
                                      .seq = item->a,
                                      .position = at->tail,
                                      .hash = at->hash,
                                      .value = engine_item_payload(item),
                                      .value_size = item->size};

    /* Without a log there is nothing that it could stand for. */
    if (!call->tables->log_get)
        return 0;
    snapshot.digest = store_snapshot_digest(&snapshot);
    return call->tables->snapshot_put(call->self, &snapshot);
}

/* Applies one item that is not an event. */
static int apply_row(const struct call *call, const struct engine_item *item,
                     const struct engine_run_row *before)
{
    switch (item->type) {
    case ENGINE_ITEM_WORK:
        return apply_work(call, item);
    case ENGINE_ITEM_OUTBOX:
        if (store_defect(call->rules, ENGINE_DEFECT_OUTBOX_AFTER_COMMIT))
            return set_aside(call, item);
        return put_outbox(call->rules, call->run.run, item);
    case ENGINE_ITEM_INBOX:
        if (store_defect(call->rules, ENGINE_DEFECT_INBOX_TAKE_LATE))
            return set_aside(call, item);
        return call->tables->inbox_take(call->self, call->run.run,
                                        inbox_id(item));
    case ENGINE_ITEM_SNAPSHOT:
        return put_snapshot(call, item, before);
    default:
        return 0;
    }
}

/* Applies all of them; before: the run as it was before the events. */
static int apply_rows(const struct call *call,
                      const struct engine_run_row *before)
{
    ENGINE_REQUEST_ITEMS(call->request, item)
    {
        if (apply_row(call, item, before))
            return -1;
    }
    return 0;
}

/* Adds the row that the run's log begins with, if it is still there. */
static int add_beginning(struct call *call)
{
    struct store_history *history = &call->rules->history;

    if (!call->tables->log_get)
        return 0;
    if (store_history_read_all(history, call->tables, call->self, &call->run))
        return -1;
    return history->count && history->rows[0].seq == 1
               ? add_log(call, &history->rows[0])
               : 0;
}

/* The run is there. */
static int create_again(struct call *call)
{
    if (store_defect(call->rules, ENGINE_DEFECT_RESUME_NO_LEASE) &&
        !engine_run_state_terminal(call->run.state)) {
        call->run.holder = call->request->sender;
        if (call->tables->run_update(call->self, &call->run))
            return -1;
    }
    if (add_run(call) ||
        (call->request->flags & ENGINE_CREATE_CHILD && add_beginning(call)))
        return -1;
    return answer(call, ENGINE_CONFLICT);
}

static int insert_run(const struct call *call)
{
    const struct engine_item item = {.type = ENGINE_ITEM_RUN,
                                     .size = sizeof(call->run)};

    return store_defect(call->rules, ENGINE_DEFECT_CREATE_IN_TWO)
               ? set_aside_bytes(call, &item, &call->run, sizeof(call->run))
               : call->tables->run_insert(call->self, &call->run);
}

static int create(struct call *call)
{
    const struct engine_request *request = call->request;
    struct events events = find_events(request);
    uint64_t expires = engine_store_later(call->rules->now_ns, request->ttl_ns);
    int right = read_run(call, request->run);
    int there;

    if (right < 0)
        return -1;
    if (right && !store_defect(call->rules, ENGINE_DEFECT_START_REPLACES))
        return create_again(call);
    there = right;
    call->run = (struct engine_run_row){.run = request->run,
                                        .token = 1,
                                        .holder = request->sender,
                                        .expires_ns = expires,
                                        .wake_ns = expires,
                                        .next_seq = 1,
                                        .state = ENGINE_RUN_RUNNING};
    if (events.count)
        call->run.workflow = (uint32_t)events.items->a;
    right = within_history(call, events.count);
    if (right > 0)
        right = guard_rows(call);
    if (right <= 0)
        return right;
    if (append_events(call, &events, 1) ||
        (there ? call->tables->run_update(call->self, &call->run)
               : insert_run(call)) ||
        apply_rows(call, &call->run))
        return -1;
    tell_run(call);
    return answer(call, ENGINE_COMMITTED);
}

/* Whether nothing is left to do for a run in this state. */
static int at_rest(uint32_t state)
{
    return engine_run_state_terminal(state) || state == ENGINE_RUN_BLOCKED;
}

/* 1 if its owner has heard all that the inbox holds, else answered, or -1. */
static int guard_heard(const struct call *call)
{
    uint32_t heard = call->request->op;
    int more;

    ENGINE_REQUEST_ITEMS(call->request, item)
    {
        heard += item->type == ENGINE_ITEM_INBOX;
    }
    more = call->tables->inbox_beyond(call->self, call->run.run, heard);
    if (more < 0)
        return -1;
    return more ? answer(call, ENGINE_CONFLICT) : 1;
}

/* 1 if the append may go on, 0 if it was answered, or -1. */
static int guard_append(const struct call *call, const struct events *events)
{
    const struct engine_request *request = call->request;
    uint64_t now_ns = call->rules->now_ns;
    int right;

    if (store_defect(call->rules, ENGINE_DEFECT_STATUS_NO_CAS) ||
        (request->token != call->run.token &&
         store_defect(call->rules, ENGINE_DEFECT_LEASE_NO_FENCE)))
        return 1;
    if ((request->seq != call->run.next_seq &&
         !store_defect(call->rules, ENGINE_DEFECT_APPEND_SEQ_BLIND)) ||
        engine_run_state_terminal(call->run.state))
        return answer(call, ENGINE_CONFLICT);
    if (now_ns < request->not_before_ns &&
        !store_defect(call->rules, ENGINE_DEFECT_TIMER_EARLY))
        return refuse(call, now_ns, request->not_before_ns);
    /* The event that ends a run, and with it what was open, finds room in a
     * full history. */
    right = at_rest(request->state) && events->count - events->stops == 1
                ? 1
                : within_history(call, events->count);
    if (right > 0 && request->flags & ENGINE_APPEND_HEARD)
        right = guard_heard(call);
    return right > 0 ? guard_rows(call) : right;
}

/* Whether the run's outbox still keeps it from resting, or -1. */
static int outbox_left(const struct call *call)
{
    return call->tables->outbox_any(call->self, call->run.run);
}

/* Whether the inbox has rows that its owner has not said to leave, or -1. */
static int inbox_unseen(const struct call *call, uint32_t seen)
{
    if (engine_run_state_terminal(call->run.state))
        return 0;
    return call->tables->inbox_beyond(call->self, call->run.run, seen);
}

/* Gives the lease back. */
static void release(struct call *call)
{
    struct engine_run_row *run = &call->run;

    run->holder = 0;
    run->expires_ns = 0;
    run->wake_ns = call->request->wake_ns;
    if (run->wake_ns > INT64_MAX ||
        store_defect(call->rules, ENGINE_DEFECT_TIMER_MEM_ONLY))
        run->wake_ns = STORE_NEVER;
}

/* Nobody may sleep on what nobody has seen. */
static void wake_for_inbox(struct call *call)
{
    struct engine_run_row *run = &call->run;
    uint64_t wake_ns = run->holder ? run->expires_ns : call->rules->now_ns;

    if (run->wake_ns > wake_ns)
        run->wake_ns = wake_ns;
}

/* Lease and wake of the run after an append. 0 or -1. */
static int settle(struct call *call)
{
    const struct engine_request *request = call->request;
    struct engine_run_row *run = &call->run;
    int released = request->flags & ENGINE_APPEND_RELEASE;
    int left;

    if (released)
        release(call);
    if (!released && !at_rest(run->state))
        return 0;
    left = at_rest(run->state) ? outbox_left(call) : 1;
    if (left < 0)
        return -1;
    if (!left)
        run->wake_ns = STORE_NEVER;
    left = inbox_unseen(call, request->op);
    if (store_defect(call->rules, ENGINE_DEFECT_RELEASE_OVER_UNSEEN))
        return 0;
    if (left > 0)
        wake_for_inbox(call);
    return left < 0 ? -1 : 0;
}

/* A defect: the state of the row follows in a transaction of its own. */
static int leave_state(struct call *call, const struct engine_run_row *before)
{
    const struct engine_item item = {.type = ENGINE_ITEM_RUN,
                                     .op = call->run.state};

    if (call->run.state == before->state ||
        !store_defect(call->rules, ENGINE_DEFECT_PROJ_BEST_EFFORT))
        return 0;
    call->run.state = before->state;
    return set_aside(call, &item);
}

static int append(struct call *call)
{
    struct events events = find_events(call->request);
    int right = read_owned(call, fence(call));
    struct engine_run_row before;

    if (right > 0)
        right = guard_append(call, &events);
    if (right <= 0)
        return right;
    before = call->run;
    if (append_events(call, &events, call->request->token) ||
        apply_rows(call, &before))
        return -1;
    call->run.state = call->request->state;
    if (settle(call) || leave_state(call, &before))
        return -1;
    if (before.holder == call->run.holder &&
        before.wake_ns == call->run.wake_ns)
        right = call->tables->run_advance(call->self, &call->run);
    else
        right = call->tables->run_update(call->self, &call->run);
    if (right < 0)
        return -1;
    tell_run(call);
    head(call)->wake_ns = call->run.wake_ns;
    return answer(call, ENGINE_COMMITTED);
}

/* A log that cannot be trusted: nobody acts on it and nobody is held up. */
static int block_run(struct call *call, uint64_t found, uint64_t expected)
{
    struct engine_run_row *run = &call->run;

    run->token++;
    run->holder = 0;
    run->expires_ns = 0;
    run->wake_ns = STORE_NEVER;
    run->state = ENGINE_RUN_BLOCKED;
    if (call->tables->run_update(call->self, run))
        return -1;
    tell_run(call);
    return refuse(call, found, expected);
}

/* A defect: rows in the order of their wall times. */
static void sort_by_time(struct store_history *history)
{
    for (size_t i = 1; i < history->count; i++) {
        struct engine_log_row row = history->rows[i];
        size_t at = i;

        for (; at > 0 && history->rows[at - 1].time_ns > row.time_ns; at--)
            history->rows[at] = history->rows[at - 1];
        history->rows[at] = row;
    }
}

/* 1 if the run's log was read and is whole, 0 if answered, or -1. */
static int read_history(struct call *call)
{
    struct store_history *history = &call->rules->history;
    uint64_t found;
    uint64_t expected;

    history->count = 0;
    history->snapshot.run = 0;
    if (!call->tables->log_get)
        return 1;
    if (store_history_read(history, call->tables, call->self, &call->run))
        return -1;
    if (store_defect(call->rules, ENGINE_DEFECT_LOG_BY_TIME))
        sort_by_time(history);
    if (store_history_verify(history, &call->run, &found, &expected))
        return 1;
    /* The log itself may still be whole behind a snapshot that is not. */
    if (history->snapshot.run) {
        if (store_history_read_all(history, call->tables, call->self,
                                   &call->run))
            return -1;
        if (store_history_verify(history, &call->run, &found, &expected))
            return 1;
    }
    return block_run(call, found, expected);
}

/*
 * Adds the run, snapshot, log, mail and outbox to the reply. The newest log row
 * may be given here: it was not there yet when the history was read.
 */
static int add_whole_run(struct call *call, const struct engine_log_row *newest)
{
    const struct store_history *history = &call->rules->history;
    uint64_t run = call->run.run;

    answer(call, ENGINE_COMMITTED);
    if (add_run(call) || add_snapshot(call))
        return -1;
    for (size_t i = 0; i < history->count; i++) {
        if (add_log(call, &history->rows[i]))
            return -1;
    }
    if (newest && call->tables->log_get && add_log(call, newest))
        return -1;
    if (add_mail(call) ||
        call->tables->outbox_list(call->self, run, add_outbox, call))
        return -1;
    return 0;
}

/* Gives the run to the sender. */
static void grant(struct call *call)
{
    struct engine_run_row *run = &call->run;

    if (!store_defect(call->rules, ENGINE_DEFECT_GRANT_NO_EPOCH))
        run->token++;
    run->holder = call->request->sender;
    run->expires_ns =
        engine_store_later(call->rules->now_ns, call->request->ttl_ns);
    run->wake_ns = run->expires_ns;
    if (store_defect(call->rules, ENGINE_DEFECT_ORPHAN_SCAN_ONCE))
        run->wake_ns = STORE_NEVER;
    if (run->state == ENGINE_RUN_SUSPENDED)
        run->state = ENGINE_RUN_RUNNING;
}

/* When the next run falls due, into the reply. */
static int tell_wake(const struct call *call)
{
    uint64_t run;
    uint64_t wake_ns;
    int found = call->tables->due(call->self, &run, &wake_ns);

    if (found < 0)
        return -1;
    head(call)->wake_ns = found ? wake_ns : STORE_NEVER;
    return 0;
}

/* Leases the run, logs that, and answers with all of it. */
static int take_run(struct call *call)
{
    struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                .kind = ENGINE_EV_LEASE_ACQUIRED,
                                .op = UINT32_MAX,
                                .b = call->request->sender};
    struct engine_log_row row = {
        .count = 1, .items = &event, .items_size = sizeof(event)};
    int right = read_history(call);

    if (right <= 0)
        return right ? -1 : tell_wake(call);
    grant(call);
    event.a = call->run.token;
    row.token = call->run.token;
    if (store_defect(call->rules, ENGINE_DEFECT_CHAIN_RESTARTED))
        call->run.hash = (struct engine_hash){0};
    /* Nothing follows the end of a run: only its outbox is left to do. */
    int ended = engine_run_state_terminal(call->run.state);
    if ((!ended && append_row(call, &row)) ||
        call->tables->run_update(call->self, &call->run))
        return -1;
    tell_run(call);
    return add_whole_run(call, ended ? NULL : &row) ? -1 : tell_wake(call);
}

/* A defect: who has the sender's host name is taken for the sender. */
static int held_by_namesake(const struct call *call)
{
    return call->run.holder >> 32 == call->request->sender >> 32 &&
           store_defect(call->rules, ENGINE_DEFECT_OWNER_ID_HOSTNAME);
}

static int acquire(struct call *call)
{
    uint64_t now_ns = call->rules->now_ns;
    uint64_t run;
    uint64_t wake_ns = STORE_NEVER;
    int found = call->tables->due(call->self, &run, &wake_ns);

    if (found < 0)
        return -1;
    if (store_defect(call->rules, ENGINE_DEFECT_LEASE_WALLCLOCK))
        now_ns = call->request->now_ns;
    if (!found || wake_ns > now_ns) {
        head(call)->wake_ns = wake_ns;
        return answer(call, ENGINE_COMMITTED);
    }
    /* An index that names a run that is not there is a damaged file. */
    if (read_run(call, run) <= 0)
        return -1;
    if (held_by_namesake(call)) {
        head(call)->wake_ns = STORE_NEVER;
        return answer(call, ENGINE_COMMITTED);
    }
    return take_run(call);
}

static int load(struct call *call)
{
    int right = read_owned(call, 1);

    if (right > 0)
        right = read_history(call);
    if (right <= 0)
        return right;
    return add_whole_run(call, NULL) ? -1 : tell_wake(call);
}

/* A defect: what is read is gone from the inbox. */
static int take_inbox(const struct call *call)
{
    ENGINE_REPLY_ITEMS(head(call), item)
    {
        if (item->type == ENGINE_ITEM_INBOX &&
            call->tables->inbox_take(call->self, call->run.run, inbox_id(item)))
            return -1;
    }
    return 0;
}

static int mail(struct call *call)
{
    int right = read_owned(call, fence(call));

    if (right <= 0)
        return right;
    answer(call, ENGINE_COMMITTED);
    if (add_mail(call))
        return -1;
    return store_defect(call->rules, ENGINE_DEFECT_INBOX_DELETE_FIRST)
               ? take_inbox(call)
               : 0;
}

/* Extends one lease; *flags becomes what the reply has to say, or -1. */
static int renew_one(struct call *call, const struct engine_item *lease,
                     int *flags)
{
    struct engine_run_row *run = &call->run;
    int found = call->tables->run_get(call->self, lease->a, run);

    *flags = 0;
    if (found < 0)
        return -1;
    if (!found || (!holds(call, lease->b) &&
                   !store_defect(call->rules, ENGINE_DEFECT_RENEW_NO_OWNER)))
        return 0;
    run->expires_ns =
        engine_store_later(call->rules->now_ns, call->request->ttl_ns);
    if (run->wake_ns != STORE_NEVER &&
        !store_defect(call->rules, ENGINE_DEFECT_LOCK_ROBBED_BY_AGE))
        run->wake_ns = run->expires_ns;
    if (call->tables->run_update(call->self, run))
        return -1;
    found = call->tables->work_done(call->self, run->run);
    if (!found)
        found = inbox_unseen(call, 0);
    *flags = found ? 1 : -1;
    return found < 0 ? -1 : 0;
}

static int renew(struct call *call)
{
    ENGINE_REQUEST_ITEMS(call->request, lease)
    {
        struct engine_item item = {
            .type = ENGINE_ITEM_RUN, .a = lease->a, .b = lease->b};
        int flags;

        if (renew_one(call, lease, &flags))
            return -1;
        if (flags < 0)
            continue;
        item.flags = (uint32_t)flags;
        if (!add_item(call, &item, NULL, 0))
            return -1;
    }
    return answer(call, ENGINE_COMMITTED);
}

/* A run at rest is not due any more once nothing in its boxes waits. */
static int lay_to_rest(struct call *call)
{
    int left;

    if (!at_rest(call->run.state) || call->run.wake_ns == STORE_NEVER)
        return 0;
    left = outbox_left(call);
    if (!left)
        left = inbox_unseen(call, 0);
    if (left)
        return left < 0 ? -1 : 0;
    call->run.wake_ns = STORE_NEVER;
    return call->tables->run_update(call->self, &call->run);
}

static int ack(struct call *call)
{
    int right = read_owned(
        call, fence(call) &&
                  !store_defect(call->rules, ENGINE_DEFECT_OUTBOX_UNFENCED));

    if (right <= 0)
        return right;
    right = call->tables->outbox_remove(call->self, call->run.run,
                                        call->request->op);
    if (right < 0)
        return -1;
    head(call)->repeat = !right;
    if (lay_to_rest(call))
        return -1;
    return answer(call, ENGINE_COMMITTED);
}

/* A defect: whoever reports on an operation is believed. */
static int zombie(const struct call *call)
{
    return call->request->kind == ENGINE_REQ_FINISH &&
           store_defect(call->rules, ENGINE_DEFECT_CLAIM_NO_FENCE);
}

/* 1 if the attempt's row is there, 0 if answered FENCED, or -1. */
static int read_attempt(const struct call *call, int with_value,
                        struct store_work *work)
{
    const struct engine_request *request = call->request;
    int found = call->tables->work_get(call->self, request->run, request->op,
                                       with_value, work);

    if (found < 0)
        return -1;
    if (!found || (work->attempt != request->attempt && !zombie(call)))
        return answer(call, ENGINE_FENCED);
    head(call)->holder = work->holder;
    return 1;
}

static int extend_claim(const struct call *call, struct store_work *work)
{
    work->expires_ns =
        engine_store_later(call->rules->now_ns, call->request->ttl_ns);
    return call->tables->work_claim(call->self, work);
}

/* A defect: a worker is known by its host name. */
static int namesakes(const struct call *call, uint64_t holder)
{
    return holder >> 32 == call->request->sender >> 32 &&
           store_defect(call->rules, ENGINE_DEFECT_WORKER_ID_REUSED);
}

static int claim(struct call *call)
{
    struct store_work work;
    int right = read_attempt(call, 1, &work);
    int ours = right > 0 && (work.holder == call->request->sender ||
                             namesakes(call, work.holder));

    if (right <= 0)
        return right;
    if (work.state == ENGINE_WORK_DONE)
        return answer(call, ENGINE_FENCED);
    if (work.state == ENGINE_WORK_CLAIMED && !ours &&
        !store_defect(call->rules, ENGINE_DEFECT_CLAIM_NO_CAS))
        return answer(call, ENGINE_CONFLICT);
    head(call)->repeat = work.state == ENGINE_WORK_CLAIMED;
    if (work.state == ENGINE_WORK_PENDING)
        work.claimed_ns = call->rules->now_ns;
    work.state = ENGINE_WORK_CLAIMED;
    work.holder = call->request->sender;
    work.expires_ns =
        engine_store_later(call->rules->now_ns, call->request->ttl_ns);
    /* The input is copied before the write may move it. */
    if (add_work(call, &work) || extend_claim(call, &work))
        return -1;
    head(call)->holder = work.holder;
    return answer(call, ENGINE_COMMITTED);
}

/* Says who holds the attempt's run now: the worker may have to turn to it. */
static int tell_owner(struct call *call)
{
    int found =
        call->tables->run_get(call->self, call->request->run, &call->run);

    head(call)->holder = found > 0 ? call->run.holder : 0;
    return found < 0 ? -1 : 0;
}

static int heartbeat(struct call *call)
{
    struct store_work work;
    int right = read_attempt(call, 0, &work);

    if (right <= 0)
        return right;
    if (work.state != ENGINE_WORK_CLAIMED ||
        work.holder != call->request->sender)
        return answer(call, ENGINE_FENCED);
    if (!store_defect(call->rules, ENGINE_DEFECT_RESCUE_IGNORE_HB) &&
        extend_claim(call, &work))
        return -1;
    if (tell_owner(call))
        return -1;
    return answer(call, ENGINE_COMMITTED);
}

static int finish(struct call *call)
{
    const struct engine_request *request = call->request;
    const struct engine_item *output =
        engine_item_first(request, sizeof(*request));
    struct store_work work;
    int right = read_attempt(call, 0, &work);

    if (right <= 0)
        return right;
    if (!zombie(call) &&
        (work.state == ENGINE_WORK_PENDING || work.holder != request->sender))
        return answer(call, ENGINE_FENCED);
    if (work.state == ENGINE_WORK_DONE) {
        head(call)->repeat = 1;
        return answer(call, ENGINE_COMMITTED);
    }
    work.state = ENGINE_WORK_DONE;
    work.error = request->error;
    work.retryable = request->retryable;
    work.value = output ? engine_item_payload(output) : NULL;
    work.value_size = output ? output->size : 0;
    if (call->tables->work_finish(call->self, &work))
        return -1;
    return answer(call, ENGINE_COMMITTED);
}

/* Puts the row, which is new, and wakes its run. */
static int put_signal(struct call *call, const struct engine_item *item)
{
    uint64_t wake_ns = call->run.wake_ns;
    struct store_inbox row = {.run = call->run.run,
                              .id = inbox_id(item),
                              .kind = item->kind,
                              .op = item->op,
                              .value = engine_item_payload(item),
                              .value_size = item->size};

    if (call->tables->inbox_put(call->self, &row))
        return -1;
    if (!store_defect(call->rules, ENGINE_DEFECT_SIGNAL_NO_WAKE))
        wake_for_inbox(call);
    if (call->run.wake_ns != wake_ns &&
        call->tables->run_update(call->self, &call->run))
        return -1;
    return answer(call, ENGINE_COMMITTED);
}

/* A defect: a signal that was taken before is one more signal. */
static int put_anew(struct call *call, const struct engine_item *item)
{
    struct store_inbox row = {.run = call->run.run,
                              .id = inbox_id(item),
                              .kind = item->kind,
                              .op = item->op,
                              .value = engine_item_payload(item),
                              .value_size = item->size};

    if (engine_run_state_terminal(call->run.state))
        return answer(call, ENGINE_FENCED);
    row.id.hi ^= call->rules->now_ns;
    if (call->tables->inbox_put(call->self, &row))
        return -1;
    wake_for_inbox(call);
    if (call->tables->run_update(call->self, &call->run))
        return -1;
    return answer(call, ENGINE_COMMITTED);
}

static int signal_run(struct call *call)
{
    const struct engine_item *item =
        engine_item_first(call->request, sizeof(*call->request));
    int found = read_run(call, call->request->run);
    int taken = 0;

    if (found <= 0)
        return found ? -1 : answer(call, ENGINE_CONFLICT);
    found = call->tables->inbox_get(call->self, call->run.run, inbox_id(item),
                                    &taken);
    if (found < 0)
        return -1;
    if (taken && store_defect(call->rules, ENGINE_DEFECT_INBOX_NO_DEDUP))
        return put_anew(call, item);
    head(call)->repeat = found || taken;
    if (head(call)->repeat)
        return answer(call, ENGINE_COMMITTED);
    if (engine_run_state_terminal(call->run.state))
        return answer(call, ENGINE_FENCED);
    return put_signal(call, item);
}

static int put_blob(struct call *call)
{
    const struct engine_item *item =
        engine_item_first(call->request, sizeof(*call->request));
    int fresh = call->tables->blob_put(call->self, call->request->blob,
                                       engine_item_payload(item), item->size);

    if (fresh < 0)
        return -1;
    head(call)->repeat = !fresh;
    return answer(call, ENGINE_COMMITTED);
}

static int get_blob(struct call *call)
{
    struct engine_item item = {.type = ENGINE_ITEM_BLOB};
    const void *bytes;
    size_t size;
    int found =
        call->tables->blob_get(call->self, call->request->blob, &bytes, &size);

    if (found < 0 || (found && !add_item(call, &item, bytes, size)))
        return -1;
    return answer(call, ENGINE_COMMITTED);
}

static uint64_t one_more(uint64_t limit)
{
    return limit == UINT64_MAX ? limit : limit + 1;
}

/* 1 if the request may be looked at, else answered. */
static int admit(const struct call *call)
{
    struct engine_store_limits limits = call->rules->limits;
    struct engine_reply *reply = head(call);

    if (store_defect(call->rules, ENGINE_DEFECT_LIMIT_OFF_BY_ONE)) {
        limits.op_payload_max = one_more(limits.op_payload_max);
        limits.request_max = one_more(limits.request_max);
        limits.blob_max = one_more(limits.blob_max);
        if (limits.snapshot_max)
            limits.snapshot_max = one_more(limits.snapshot_max);
    }
    reply->outcome = (uint16_t)engine_store_admit(
        &limits, call->request, &reply->actual, &reply->maximum);
    return !reply->outcome;
}

static int decide(struct call *call)
{
    static int (*const rules[ENGINE_REQ_COUNT])(struct call *) = {
        [ENGINE_REQ_CREATE] = create,
        [ENGINE_REQ_ACQUIRE] = acquire,
        [ENGINE_REQ_LOAD] = load,
        [ENGINE_REQ_APPEND] = append,
        [ENGINE_REQ_MAIL] = mail,
        [ENGINE_REQ_RENEW] = renew,
        [ENGINE_REQ_ACK] = ack,
        [ENGINE_REQ_CLAIM] = claim,
        [ENGINE_REQ_HEARTBEAT] = heartbeat,
        [ENGINE_REQ_FINISH] = finish,
        [ENGINE_REQ_PUT_BLOB] = put_blob,
        [ENGINE_REQ_GET_BLOB] = get_blob,
        [ENGINE_REQ_SIGNAL] = signal_run,
    };

    return admit(call) ? rules[call->request->kind](call) : 0;
}

int store_rules_apply(struct store_rules *rules,
                      const struct engine_request *request,
                      struct engine_block *reply)
{
    struct call call;
    struct engine_reply *begun = engine_block_begin(reply, sizeof(*begun));

    call.rules = rules;
    call.tables = rules->tables;
    call.self = rules->self;
    call.request = request;
    call.reply = reply;
    if (!begun)
        return -1;
    begun->kind = request->kind;
    begun->id = request->id;
    begun->run = request->run;
    begun->store_time_ns = rules->now_ns;
    if (decide(&call) || !engine_block_ok(reply))
        return -1;
    assert(head(&call)->outcome);
    return 0;
}

void store_rules_init(struct store_rules *rules,
                      const struct store_tables_ops *tables, void *self,
                      const struct engine_store_limits *limits,
                      const struct engine_defects *defects)
{
    memset(rules, 0, sizeof(*rules));
    rules->tables = tables;
    rules->self = self;
    rules->limits = *limits;
    rules->defects = *defects;
}

void store_rules_deinit(struct store_rules *rules)
{
    store_history_free(&rules->history);
    engine_block_free(&rules->aside);
    engine_block_free(&rules->late);
}

/* An outbox row that comes late still has to wake its run's next owner. */
static int put_late_outbox(struct store_rules *rules,
                           const struct engine_item *item)
{
    struct engine_run_row run;
    int found = rules->tables->outbox_get(rules->self, item->a, item->op);

    if (found)
        return found < 0 ? -1 : 0;
    if (put_outbox(rules, item->a, item) ||
        rules->tables->run_get(rules->self, item->a, &run) < 0)
        return -1;
    run.wake_ns = run.expires_ns;
    return rules->tables->run_update(rules->self, &run);
}

static int put_late_work(struct store_rules *rules,
                         const struct engine_item *item)
{
    struct store_work work;
    int found =
        rules->tables->work_get(rules->self, item->a, item->op, 0, &work);

    if (item->flags == ENGINE_WORK_TAKE)
        return found > 0 && work.attempt == item->attempt
                   ? rules->tables->work_remove(rules->self, item->a, item->op)
                   : found;
    if (found)
        return found < 0 ? -1 : 0;
    return put_work(rules, item->a, item);
}

static int put_late_state(struct store_rules *rules,
                          const struct engine_item *item)
{
    struct engine_run_row run;
    int found = rules->tables->run_get(rules->self, item->a, &run);

    if (found < 0)
        return -1;
    if (!found)
        return rules->tables->run_insert(rules->self,
                                         engine_item_payload(item));
    run.state = item->op;
    return rules->tables->run_update(rules->self, &run);
}

static int write_one_late(struct store_rules *rules,
                          const struct engine_item *item)
{
    const struct engine_hash *id = engine_item_payload(item);

    switch (item->type) {
    case ENGINE_ITEM_WORK:
        return put_late_work(rules, item);
    case ENGINE_ITEM_RUN:
        return put_late_state(rules, item);
    case ENGINE_ITEM_INBOX:
        return rules->tables->inbox_take(rules->self, item->a, *id);
    default:
        return put_late_outbox(rules, item);
    }
}

/* Writes what defects have left for a later transaction. */
static int write_late(struct store_rules *rules)
{
    int result = 0;

    if (!rules->late.size)
        return 0;
    for (const struct engine_item *item =
             engine_item_first(rules->late.bytes, 8);
         item && !result; item = engine_item_next(rules->late.bytes, item)) {
        result = write_one_late(rules, item);
    }
    rules->late.size = 0;
    return result;
}

int store_rules_begin(struct store_rules *rules, uint64_t now_ns)
{
    rules->now_ns = now_ns;
    return write_late(rules);
}

void store_rules_end(struct store_rules *rules, int committed)
{
    struct engine_block spare = rules->late;

    if (committed && rules->aside.size) {
        rules->late = rules->aside;
        rules->aside = spare;
    }
    rules->aside.size = 0;
}
