/*
 * The outbox of a run, one row after the other: a child is created, a signal
 * is put into another run's inbox; then the row is acknowledged. All of it may
 * be done twice. It goes on beside the run's own request.
 */
#include "engine/coordinator_private.h"

#include "engine/invoke.h"
#include "engine/store.h"

/* A run that is not there yet may come: 2 minutes all told. */
enum {
    MISSING_TRIES = 8,
    MISSING_SECONDS_MAX = 30
};

static const struct engine_item *first_row(const struct engine_owned *o)
{
    return o->outbox_durable > 0 ? (const void *)o->outbox.bytes : NULL;
}

void engine_courier_note(struct engine_coordinator *c, struct engine_owned *o)
{
    for (const struct engine_item *row =
             engine_item_first(c->config.rows->bytes, sizeof(uint64_t));
         row; row = engine_item_next(c->config.rows->bytes, row))
        if (row->type == ENGINE_ITEM_OUTBOX &&
            row->kind != ENGINE_OUTBOX_RESULT)
            (void)engine_owned_keep_item(c, &o->outbox, row);
}

void engine_courier_forget(struct engine_coordinator *c, struct engine_owned *o)
{
    if (o->courier.request_id)
        engine_table_remove(&c->couriers, o->courier.request_id);
    o->courier.request_id = 0;
}

/* Sends the request in the scratch block. */
static void submit(struct engine_coordinator *c, struct engine_owned *o,
                   enum engine_courier_state state)
{
    o->courier.state = (uint8_t)state;
    o->courier.again_ns = c->mono_ns + c->config.request_timeout_ns;
    o->courier.request_id = c->next_id;
    if (engine_table_add(&c->couriers, c->next_id, o)) {
        o->courier.request_id = 0;
        c->failed = true;
        return;
    }
    engine_coordinator_submit(c);
}

static void acknowledge(struct engine_coordinator *c, struct engine_owned *o)
{
    struct engine_request *request =
        engine_coordinator_begin(c, ENGINE_REQ_ACK);
    if (!request)
        return;
    request->run = o->id;
    request->token = o->token;
    request->op = first_row(o)->op;
    engine_owned_note(c, ENGINE_REC_ACTED, o, UINT32_MAX, 0, ENGINE_REQ_ACK);
    submit(c, o, ENGINE_COURIER_ACKING);
}

/* The same signal has the same id, however often it is sent. */
static struct engine_hash signal_id(const struct engine_coordinator *c,
                                    const struct engine_owned *o, uint32_t row,
                                    bool returned)
{
    uint64_t identity[3] = {o->id, row, returned};
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_MESSAGE_ID_SALTED))
        identity[2] |= c->next_id << 1;
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_DEDUP_BY_NAME))
        identity[1] = 0;
    struct engine_hash id = engine_hash_bytes(identity, sizeof(identity));
    id.lo |= 1; /* never 0 */
    return id;
}

static void put_signal(struct engine_coordinator *c, struct engine_owned *o,
                       const struct engine_signal *signal, uint32_t op,
                       const void *payload, size_t size,
                       enum engine_courier_state state)
{
    struct engine_hash id =
        signal_id(c, o, first_row(o)->op, state == ENGINE_COURIER_RETURNING);
    const struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                                     .kind = (uint16_t)signal->kind,
                                     .op = op,
                                     .a = id.lo,
                                     .b = id.hi};
    struct engine_request *request =
        engine_coordinator_begin(c, ENGINE_REQ_SIGNAL);
    if (!request)
        return;
    request->run = signal->run;
    if (engine_block_item(c->config.scratch, &item, payload, size))
        submit(c, o, state);
    else
        c->failed = true;
}

static void send_signal(struct engine_coordinator *c, struct engine_owned *o,
                        const struct engine_item *row)
{
    struct engine_signal signal;
    memcpy(&signal, engine_item_payload(row), sizeof(signal));
    put_signal(c, o, &signal,
               signal.kind == ENGINE_SIG_CHILD_ENDED ? (uint32_t)signal.number
                                                     : UINT32_MAX,
               engine_item_payload(row), row->size, ENGINE_COURIER_SENDING);
}

/* The row's addressee cannot take it: whoever waits for that is told. */
static void send_back(struct engine_coordinator *c, struct engine_owned *o,
                      const struct engine_item *row)
{
    unsigned char bytes[sizeof(struct engine_signal) + 32 + UINT8_MAX];
    const unsigned char *payload = engine_item_payload(row);
    struct engine_signal back = {.run = o->id};
    const char *text = "";
    char actor[32];
    if (row->kind == ENGINE_OUTBOX_CHILD) {
        bool taken = o->courier.refused == ENGINE_COURIER_TAKEN;
        text = taken ? "the number of the run to invoke is another run's"
                     : "the run could not be created";
        back.kind = ENGINE_SIG_CHILD_ENDED;
        back.error = taken ? ENGINE_ERR_VALIDATION : ENGINE_ERR_SIZE_LIMIT;
        back.value_size = (uint32_t)strlen(text);
        back.number = row->op / 2;
    } else {
        struct engine_signal sent;
        memcpy(&sent, payload, sizeof(sent));
        if (sent.kind != ENGINE_SIG_MESSAGE || sent.edge_size > UINT8_MAX) {
            acknowledge(c, o);
            return;
        }
        back.kind = ENGINE_SIG_MESSAGE_ACK;
        back.number = sent.number;
        back.edge_size = sent.edge_size;
        back.actor_size = (uint16_t)engine_decide_actor(sent.run, actor);
        text = (const char *)payload + sizeof(sent) + sent.actor_size +
               sent.reason_size;
    }
    size_t size = sizeof(back);
    memcpy(bytes, &back, size);
    memcpy(bytes + size, actor, back.actor_size);
    size += back.actor_size;
    memcpy(bytes + size, text, back.edge_size + (size_t)back.value_size);
    size += back.edge_size + (size_t)back.value_size;
    put_signal(c, o, &back,
               row->kind == ENGINE_OUTBOX_CHILD ? row->op / 2 : UINT32_MAX,
               bytes, size, ENGINE_COURIER_RETURNING);
}

/* A defect: the child's number is drawn now, until the row is read again. */
static void draw_child(const struct engine_coordinator *c,
                       const struct engine_owned *o,
                       const struct engine_item *row, struct engine_child *head)
{
    size_t at = (size_t)((const unsigned char *)(row + 1) - o->outbox.bytes);
    if (head->run != engine_invoke_child(o->id, row->op / 2))
        return;
    head->run ^= c->next_id & UINT16_MAX;
    memcpy(o->outbox.bytes + at, head, sizeof(*head));
}

static void make_child(struct engine_coordinator *c, struct engine_owned *o,
                       const struct engine_item *row)
{
    const unsigned char *payload = engine_item_payload(row);
    struct engine_child head;
    memcpy(&head, payload, sizeof(head));
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_CHILD_ID_FRESH))
        draw_child(c, o, row, &head);
    struct engine_owned *child = engine_owned_find(c, head.run);
    uint32_t workflow = engine_invoke_find(
        c->config.graphs, c->config.graph_count,
        (const char *)payload + sizeof(head), head.name_size);
    if (child && child->durable && child->run) {
        o->courier.refused = engine_invoke_is_child(&child->run->origin, &head)
                                 ? ENGINE_COURIER_CREATED
                                 : ENGINE_COURIER_TAKEN;
        if (o->courier.refused)
            send_back(c, o, row);
        else
            acknowledge(c, o);
        return;
    }
    o->courier.state = ENGINE_COURIER_CHILD;
    o->courier.again_ns = c->mono_ns + c->config.request_timeout_ns;
    /* Its creation is under way, or who knows the workflow must do it. */
    if (child || workflow == UINT32_MAX)
        return;
    child = engine_owned_adopt(c, head.run, 1, c->mono_ns);
    if (!child)
        return;
    struct engine_origin origin = {.timeout_ns = head.timeout_ns,
                                   .parent = head.parent,
                                   .parent_op = head.parent_op,
                                   .depth = head.depth};
    engine_owned_create(c, child, workflow, 0, &origin,
                        payload + sizeof(head) + head.name_size,
                        head.input_size);
    engine_owned_rearm(c, child);
}

void engine_courier_go(struct engine_coordinator *c, struct engine_owned *o)
{
    const struct engine_item *row = first_row(o);
    if (!row || o->courier.state != ENGINE_COURIER_IDLE)
        return;
    if (o->courier.refused)
        send_back(c, o, row);
    else if (row->kind == ENGINE_OUTBOX_CHILD)
        make_child(c, o, row);
    else
        send_signal(c, o, row);
}

/* A defect: what could not be sent is put behind what can. */
static void put_last(struct engine_coordinator *c, struct engine_owned *o)
{
    uint32_t span = (uint32_t)engine_item_span(first_row(o)->size);
    uint32_t rest = o->outbox_durable - span;
    if (o->outbox.size != o->outbox_durable ||
        !engine_owned_keep(c, &o->outbox, o->outbox.bytes, span))
        return;
    memmove(o->outbox.bytes, o->outbox.bytes + span, rest + (size_t)span);
    o->outbox.size -= span;
}

void engine_courier_attend(struct engine_coordinator *c, struct engine_owned *o)
{
    if (o->courier.state == ENGINE_COURIER_IDLE ||
        c->mono_ns < o->courier.again_ns)
        return;
    bool acking =
        o->courier.state == ENGINE_COURIER_ACKING ||
        engine_defect(&c->config.defects, ENGINE_DEFECT_COURIER_GIVES_UP);
    engine_courier_forget(c, o);
    o->courier.state = ENGINE_COURIER_IDLE;
    if (!first_row(o))
        return;
    if (!acking &&
        engine_defect(&c->config.defects, ENGINE_DEFECT_OUTBOX_ORDER))
        put_last(c, o);
    if (acking)
        acknowledge(c, o);
    else
        engine_courier_go(c, o);
}

void engine_courier_child(struct engine_coordinator *c,
                          const struct engine_owned *child,
                          enum engine_courier_child outcome)
{
    struct engine_owned *o =
        child->run ? engine_owned_find(c, child->run->origin.parent) : NULL;
    const struct engine_item *row = o ? first_row(o) : NULL;
    struct engine_child head;
    if (!row || o->courier.state != ENGINE_COURIER_CHILD)
        return;
    memcpy(&head, engine_item_payload(row), sizeof(head));
    if (head.run != child->id || head.parent_op != child->run->origin.parent_op)
        return;
    o->courier.refused = (uint8_t)outcome;
    if (outcome != ENGINE_COURIER_CREATED)
        send_back(c, o, row);
    else
        acknowledge(c, o);
}

void engine_courier_wake(struct engine_coordinator *c, uint64_t run,
                         uint64_t holder)
{
    struct engine_owned *o = engine_owned_find(c, run);
    if (!o) {
        const struct engine_message message = {.kind = ENGINE_MSG_WAKE,
                                               .to = (uint32_t)(holder >> 32),
                                               .run = run};
        if (holder == 0 || holder == c->sender)
            c->scan_ns = c->due_ns = c->mono_ns; /* somebody must take it */
        else
            engine_coordinator_send(c, &message, NULL, 0);
        return;
    }
    o->mail_wanted = 1;
    engine_owned_advance(c, o);
    if (engine_owned_find(c, run) == o)
        engine_owned_rearm(c, o);
}

/* The row is done with: the next one, or the run may be let go. */
static void acknowledged(struct engine_coordinator *c, struct engine_owned *o)
{
    uint32_t span = (uint32_t)engine_item_span(first_row(o)->size);
    memmove(o->outbox.bytes, o->outbox.bytes + span, o->outbox.size - span);
    o->outbox.size -= span;
    o->outbox_durable -= span;
    o->courier = (struct engine_courier){0};
    uint64_t id = o->id;
    if (first_row(o))
        engine_courier_go(c, o);
    else
        engine_owned_advance(c, o);
    if (engine_owned_find(c, id) == o)
        engine_owned_rearm(c, o);
}

/* No such run: the signal is kept and sent again, ever less often. */
static bool keep_for_later(struct engine_coordinator *c, struct engine_owned *o,
                           const struct engine_reply *reply)
{
    if (reply->outcome != ENGINE_CONFLICT ||
        o->courier.state != ENGINE_COURIER_SENDING ||
        o->courier.tries >= MISSING_TRIES)
        return false;
    uint64_t seconds = UINT64_C(1) << o->courier.tries++;
    if (seconds > MISSING_SECONDS_MAX)
        seconds = MISSING_SECONDS_MAX;
    o->courier.again_ns = c->mono_ns + seconds * UINT64_C(1000000000);
    return true;
}

static void delivered(struct engine_coordinator *c, struct engine_owned *o,
                      const struct engine_reply *reply)
{
    if (keep_for_later(c, o, reply))
        return;

    const struct engine_item *row = first_row(o);
    bool back = o->courier.state == ENGINE_COURIER_RETURNING;
    uint64_t run = reply->run;
    uint64_t holder = reply->holder;
    bool taken = reply->outcome == ENGINE_COMMITTED;
    if (taken || back || row->kind == ENGINE_OUTBOX_CHILD) {
        acknowledge(c, o);
    } else {
        o->courier.refused = ENGINE_COURIER_REFUSED;
        send_back(c, o, row);
    }
    if (taken)
        engine_courier_wake(c, run, holder);
}

bool engine_courier_answered(struct engine_coordinator *c,
                             const struct engine_reply *reply)
{
    struct engine_owned *o = reply->id != 0 && c->couriers.count > 0
                                 ? engine_table_find(&c->couriers, reply->id)
                                 : NULL;
    if (!o)
        return false;
    engine_courier_forget(c, o);
    if (reply->outcome == ENGINE_FAILED || reply->outcome == ENGINE_UNKNOWN) {
        o->courier.again_ns = c->mono_ns + c->config.dispatch_timeout_ns;
        engine_owned_rearm(c, o);
    } else if (o->courier.state != ENGINE_COURIER_ACKING) {
        uint64_t id = o->id;
        delivered(c, o, reply);
        if (engine_owned_find(c, id) == o)
            engine_owned_rearm(c, o);
    } else if (reply->outcome == ENGINE_FENCED) {
        engine_owned_drop(c, o, ENGINE_DISOWN_FENCED);
    } else {
        acknowledged(c, o);
    }
    return true;
}
