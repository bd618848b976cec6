#include "engine/coordinator_private.h"

#include <assert.h>

struct engine_owned *engine_owned_find(const struct engine_coordinator *c,
                                       uint64_t id)
{
    return engine_table_find(&c->owned, id);
}

void engine_owned_note(struct engine_coordinator *c,
                       enum engine_record_kind kind,
                       const struct engine_owned *o, uint32_t op,
                       uint32_t attempt, unsigned detail)
{
    struct engine_record record = {
        .kind = (uint16_t)kind,
        .node = (uint16_t)c->config.node,
        .run = o->id,
        .token = o->token,
        .op = op,
        .attempt = attempt,
        .detail = (uint16_t)detail,
    };
    engine_emit(c->config.sink, &record);
}

void engine_owned_free(struct engine_coordinator *c, struct engine_owned *o)
{
    engine_run_free(o->run);
    engine_delete(c->config.memory, o->mail.bytes);
    engine_delete(c->config.memory, o->inbox.bytes);
    engine_delete(c->config.memory, o->outbox.bytes);
    engine_delete(c->config.memory, o->words.bytes);
    engine_delete(c->config.memory, o->question.bytes);
    engine_delete(c->config.memory, o->dispatch);
    engine_delete(c->config.memory, o);
}

void engine_owned_drop(struct engine_coordinator *c, struct engine_owned *o,
                       enum engine_disown why)
{
    engine_owned_note(c, ENGINE_REC_DISOWNED, o, UINT32_MAX, 0, why);
    if (why >= ENGINE_DISOWN_FENCED &&
        engine_defect(&c->config.defects,
                      ENGINE_DEFECT_SLOT_RELEASE_HAPPY_ONLY))
        c->leaked++;
    engine_courier_forget(c, o);
    engine_table_remove(&c->owned, o->id);
    engine_owned_free(c, o);
}

bool engine_owned_keep(struct engine_coordinator *c, struct engine_pile *pile,
                       const void *bytes, uint32_t size)
{
    size_t span = ((size_t)size + 7) & ~(size_t)7;
    if (pile->size + span > pile->capacity) {
        size_t capacity = pile->capacity ? pile->capacity : 256;
        while (capacity < pile->size + span)
            capacity *= 2;
        void *grown =
            capacity <= UINT32_MAX
                ? engine_resize(c->config.memory, pile->bytes, capacity)
                : NULL;
        if (!grown) {
            c->failed = true;
            return false;
        }
        pile->bytes = grown;
        pile->capacity = (uint32_t)capacity;
    }
    memset(pile->bytes + pile->size + span - (span ? 8 : 0), 0, span ? 8 : 0);
    memcpy(pile->bytes + pile->size, bytes, size);
    pile->size += (uint32_t)span;
    return true;
}

struct engine_owned *engine_owned_adopt(struct engine_coordinator *c,
                                        uint64_t id, uint64_t token,
                                        uint64_t asked_ns)
{
    struct engine_owned *o = engine_new(c->config.memory, sizeof(*o));
    if (!o || engine_table_add(&c->owned, id, o)) {
        engine_delete(c->config.memory, o);
        c->failed = true;
        return NULL;
    }
    o->id = id;
    o->token = token;
    o->granted_ns = asked_ns;
    o->lease_ns = asked_ns + c->config.lease_ttl_ns - c->config.skew_bound_ns;
    o->timer_ns = UINT64_MAX;
    return o;
}

/* Time ------------------------------------------------------------------- */

uint64_t engine_coordinator_store_now(const struct engine_coordinator *c)
{
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_TIMER_EARLY))
        return c->wall_ns;
    return c->store_known ? c->mono_ns + (uint64_t)c->store_offset_ns : 0;
}

uint64_t engine_coordinator_mono_of(const struct engine_coordinator *c,
                                    uint64_t store_ns)
{
    if (store_ns == UINT64_MAX)
        return UINT64_MAX;
    uint64_t now = engine_coordinator_store_now(c);
    return store_ns <= now ? c->mono_ns : c->mono_ns + (store_ns - now);
}

static void set_timer(struct engine_coordinator *c, uint64_t time_ns,
                      uint64_t key)
{
    if (engine_timers_push(&c->timers, time_ns, key))
        c->failed = true;
}

static uint64_t due_of(const struct engine_coordinator *c,
                       const struct engine_op *op)
{
    bool unread =
        engine_defect(&c->config.defects, ENGINE_DEFECT_CLOSE_DEADLINE_UNREAD);
    return unread && !op->unstamped ? op->due_ns : engine_run_op_due(op);
}

/* The next moment at which this run's operations or its own time need it. */
static uint64_t next_of_run(const struct engine_coordinator *c,
                            const struct engine_owned *o)
{
    uint64_t next = UINT64_MAX;
    bool runs = o->run->state == ENGINE_RUN_RUNNING;
    bool starts = runs && !engine_run_winds_down(o->run);
    for (uint32_t i = 0; i < o->run->open_count; i++) {
        uint32_t index = o->run->open[i];
        const struct engine_op *op = &o->run->ops[index];
        if (op->state == ENGINE_OP_SCHEDULED)
            next = engine_earlier(next, o->dispatch[index].at_ns);
        else if (starts && (op->state == ENGINE_OP_WAITING ||
                            op->state == ENGINE_OP_RETRY_WAIT))
            next = engine_earlier(next,
                                  engine_coordinator_mono_of(c, due_of(c, op)));
    }
    uint64_t due = runs ? engine_run_due(o->run)
                   : o->run->state == ENGINE_RUN_PAUSED
                       ? engine_run_deadline(o->run)
                       : UINT64_MAX;
    return engine_earlier(next, engine_coordinator_mono_of(c, due));
}

/* The next moment at which this run needs attention. */
static uint64_t next_of(const struct engine_coordinator *c,
                        const struct engine_owned *o)
{
    uint64_t next = o->lease_ns;
    if (o->courier.state != ENGINE_COURIER_IDLE)
        next = engine_earlier(next, o->courier.again_ns);
    if (o->request_id)
        return engine_earlier(next, o->request_ns);
    if (o->reload_ns)
        return engine_earlier(next, o->reload_ns);
    if (!o->run)
        return next;
    if (engine_run_state_terminal(o->run->state))
        return o->outbox_open ? engine_earlier(next, o->result_ns) : next;
    return engine_earlier(next, next_of_run(c, o));
}

void engine_owned_rearm(struct engine_coordinator *c, struct engine_owned *o)
{
    uint64_t next = next_of(c, o);
    if (next <= c->mono_ns)
        next = c->mono_ns + 1;
    if (next < o->timer_ns) {
        o->timer_ns = next;
        set_timer(c, next, o->id);
    }
}

/* Requests and messages --------------------------------------------------- */

struct engine_request *engine_coordinator_begin(struct engine_coordinator *c,
                                                enum engine_request_kind kind)
{
    struct engine_request *request =
        engine_block_begin(c->config.scratch, sizeof(*request));
    if (!request) {
        c->failed = true;
        return NULL;
    }
    request->kind = (uint16_t)kind;
    request->id = ++c->next_id;
    request->sender = c->sender;
    request->ttl_ns = c->config.lease_ttl_ns;
    request->now_ns = c->wall_ns;
    return request;
}

void engine_coordinator_submit(struct engine_coordinator *c)
{
    engine_update_request(c->update, c->config.scratch, c->config.node,
                          c->config.store);
}

struct engine_request *engine_owned_begin(struct engine_coordinator *c,
                                          struct engine_owned *o,
                                          enum engine_request_kind kind)
{
    assert(o->request_id == 0);
    struct engine_request *request = engine_coordinator_begin(c, kind);
    if (!request)
        return NULL;
    request->run = o->id;
    request->token = o->token;
    return request;
}

void engine_owned_submit(struct engine_coordinator *c, struct engine_owned *o,
                         enum engine_request_kind kind)
{
    o->request_id = c->next_id;
    o->request_kind = (uint8_t)kind;
    o->request_ns = c->mono_ns + c->config.request_timeout_ns;
    if (kind == ENGINE_REQ_APPEND || kind == ENGINE_REQ_ACK)
        engine_owned_note(c, ENGINE_REC_ACTED, o, UINT32_MAX, 0, kind);
    engine_coordinator_submit(c);
}

void engine_owned_ask(struct engine_coordinator *c, struct engine_owned *o,
                      enum engine_request_kind kind)
{
    struct engine_request *request = engine_owned_begin(c, o, kind);
    if (!request)
        return;
    if (kind == ENGINE_REQ_ACK)
        request->op = 1;
    engine_owned_submit(c, o, kind);
}

void engine_coordinator_send(struct engine_coordinator *c,
                             const struct engine_message *message,
                             const void *payload, size_t size)
{
    struct engine_message head = *message;
    head.size = (uint32_t)(sizeof(head) + size);
    head.from = c->config.node;
    engine_update_add(c->update, ENGINE_DO_SEND, &head, sizeof(head), payload,
                      size);
}

void engine_owned_send(struct engine_coordinator *c,
                       enum engine_message_kind kind, uint32_t to,
                       const struct engine_owned *o, uint32_t op,
                       uint32_t attempt, uint64_t a, uint64_t b)
{
    struct engine_message message = {
        .size = sizeof(message),
        .kind = (uint16_t)kind,
        .from = c->config.node,
        .to = to,
        .run = o->id,
        .op = op,
        .attempt = attempt,
        .token = o->token,
        .a = a,
        .b = b,
    };
    engine_coordinator_send(c, &message, NULL, 0);
}

/* Before anything else has happened: the invocation needs not ask for it. */
static bool is_fresh(const struct engine_execution *execution, uint32_t attempt)
{
    return attempt == 1 && execution->operations.count == 1 &&
           execution->token == engine_execution_token(1, 0);
}

bool engine_owned_is_late(const struct engine_coordinator *c,
                          const struct engine_owned *o, uint32_t op)
{
    return engine_run_op_due(&o->run->ops[op]) <=
           engine_coordinator_store_now(c);
}

void engine_owned_look_at(struct engine_coordinator *c, struct engine_owned *o,
                          uint32_t op, uint64_t at_ns)
{
    uint64_t due =
        engine_coordinator_mono_of(c, engine_run_op_due(&o->run->ops[op]));
    o->dispatch[op].at_ns =
        due > c->mono_ns ? engine_earlier(at_ns, due) : at_ns;
}

static void note_sent(struct engine_coordinator *c,
                      const struct engine_owned *o, uint32_t op,
                      uint32_t platform)
{
    struct engine_record record = {.kind = ENGINE_REC_SENT,
                                   .node = (uint16_t)c->config.node,
                                   .run = o->id,
                                   .token = o->token,
                                   .op = op,
                                   .attempt = o->run->ops[op].attempt,
                                   .a = platform};
    engine_emit(c->config.sink, &record);
}

void engine_owned_dispatch(struct engine_coordinator *c, struct engine_owned *o,
                           uint32_t op)
{
    struct engine_dispatch *d = &o->dispatch[op];
    d->state = ENGINE_DISPATCH_SENT;
    d->attempt = (uint16_t)o->run->ops[op].attempt;
    engine_owned_look_at(
        c, o, op,
        engine_defect(&c->config.defects, ENGINE_DEFECT_DISPATCH_ONCE)
            ? UINT64_MAX
            : c->mono_ns + c->config.dispatch_timeout_ns);
    d->again_s = (uint32_t)((c->mono_ns + c->config.dispatch_timeout_ns) /
                            ENGINE_DISPATCH_SECOND);
    uint32_t platform = engine_run_platform(o->run, op);
    if (platform >= c->config.platform_count)
        platform = 0;
    note_sent(c, o, op, platform);
    struct engine_message message = {
        .size = sizeof(message),
        .kind = ENGINE_MSG_DISPATCH,
        .from = c->config.node,
        .to = c->config.platforms[platform],
        .run = o->id,
        .op = op,
        .attempt = o->run->ops[op].attempt,
        .token = o->token,
        .a = o->run->workflow,
        .b = c->config.node,
    };
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_ATTEMPT_ALWAYS_ONE))
        message.attempt = 1;
    if (o->run->execution && is_fresh(o->run->execution, message.attempt)) {
        message.token = o->run->execution->token;
        message.flags = ENGINE_DISPATCH_FRESH;
    }
    engine_coordinator_send(c, &message, NULL, 0);
}

void engine_owned_send_result(struct engine_coordinator *c,
                              struct engine_owned *o)
{
    uint64_t wait = UINT64_C(1000000000)
                    << (o->result_tries < 5 ? o->result_tries : 5);
    if (o->result_tries < UINT8_MAX)
        o->result_tries++;
    o->result_ns = c->mono_ns + wait;
    engine_owned_send(c, ENGINE_MSG_RESULT, o->run->client, o, 0, 0,
                      o->confirmed ? ENGINE_RUN_CANCELLED : o->run->state, 0);
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_RESULT_ACK_UNSEEN))
        o->acked = 1;
}

void engine_owned_reload(struct engine_coordinator *c, struct engine_owned *o,
                         uint64_t delay_ns)
{
    engine_run_free(o->run);
    o->run = NULL;
    o->mail.size = 0;
    o->inbox.size = 0;
    o->outbox.size = o->outbox_durable;
    o->answer = ENGINE_ANSWER_NONE;
    if (delay_ns > 0) {
        o->reload_ns = c->mono_ns + delay_ns;
        return;
    }
    o->reload_ns = 0;
    engine_owned_ask(c, o, ENGINE_REQ_LOAD);
}

uint64_t engine_owned_check_delay(const struct engine_coordinator *c,
                                  struct engine_dispatch *d)
{
    uint64_t delay = c->config.dispatch_timeout_ns;
    for (unsigned n = 0; n < d->tries && delay < c->config.claim_ttl_ns; n++)
        delay *= 2;
    if (d->tries < UINT8_MAX)
        d->tries++;
    return delay < c->config.claim_ttl_ns ? delay : c->config.claim_ttl_ns;
}
