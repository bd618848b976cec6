#include "engine/coordinator.h"

#include <assert.h>

#include "engine/coordinator_private.h"
#include "engine/recover.h"

enum {
    RENEW_SHARE = 6, /* look at leases every TTL/6: renewed by TTL/3 */
    RENEWS_AT_ONCE = 512,
    SCAN_NS_MIN = 10000000 /* between two looks, whatever a store says */
};

static struct engine_owned *owned_at(const struct engine_coordinator *c,
                                     uint32_t i)
{
    return c->owned.items[i];
}

/* Leases ------------------------------------------------------------------- */

static void more_acquires(struct engine_coordinator *c, unsigned wanted);

static void acquired(struct engine_coordinator *c,
                     struct engine_acquire *acquire,
                     const struct engine_reply *reply)
{
    uint64_t asked_ns = acquire->sent_ns;
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_LEASE_FROM_REPLY))
        asked_ns = c->mono_ns;
    acquire->id = 0;
    const struct engine_run_row *row = engine_recover_row(reply);
    if (reply->outcome != ENGINE_COMMITTED || !row) {
        uint64_t next = c->mono_ns + c->config.scan_ns;
        if (reply->wake_ns != UINT64_MAX && reply->outcome == ENGINE_COMMITTED)
            c->due_ns = engine_earlier(
                c->due_ns,
                engine_coordinator_mono_of(c, reply->wake_ns) + SCAN_NS_MIN);
        next = engine_earlier(next, c->due_ns);
        if (c->scan_ns != UINT64_MAX) /* by a defect: it looks no more */
            c->scan_ns = engine_earlier(c->scan_ns, next);
        return;
    }
    if (c->mono_ns - asked_ns >=
        c->config.lease_ttl_ns - c->config.skew_bound_ns) {
        /* The answer took as long as the lease: it falls due again. */
        c->scan_ns = c->mono_ns;
        c->due_ns = c->mono_ns;
        return;
    }
    struct engine_owned *o = engine_owned_find(c, row->run);
    if (o) {
        /* We had lost it without knowing, and now have it again. */
        engine_owned_drop(c, o, ENGINE_DISOWN_FENCED);
    }
    o = engine_owned_adopt(c, row->run, row->token, asked_ns);
    if (!o)
        return;
    engine_owned_note(c, ENGINE_REC_OWNED, o, UINT32_MAX, 0, 2);
    engine_owned_recover(c, o, row, reply);
    if (!engine_defect(&c->config.defects, ENGINE_DEFECT_TIMER_ONE_PER_SCAN))
        more_acquires(c, 2);
}

/* Moves the run on and sets its timer; it may be dropped. */
static void advance(struct engine_coordinator *c, struct engine_owned *o)
{
    uint64_t id = o->id;
    engine_owned_advance(c, o);
    if (engine_owned_find(c, id) == o)
        engine_owned_rearm(c, o);
}

static void renewed(struct engine_coordinator *c,
                    const struct engine_reply *reply)
{
    ENGINE_REPLY_ITEMS(reply, item)
    {
        struct engine_owned *o = engine_owned_find(c, item->a);
        if (!o || item->type != ENGINE_ITEM_RUN || o->token != item->b)
            continue;
        if (item->flags == 0) {
            engine_owned_drop(c, o, ENGINE_DISOWN_FENCED);
        } else {
            o->mail_wanted = 1;
        }
    }
    bool good = reply->outcome == ENGINE_COMMITTED;
    for (uint32_t i = 0; i < c->owned.count; i++) {
        struct engine_owned *o = owned_at(c, i);
        if (o->renew_id != reply->id)
            continue;
        o->renew_id = 0;
        if (good &&
            engine_defect(&c->config.defects, ENGINE_DEFECT_LEASE_FROM_REPLY))
            o->granted_ns = c->mono_ns;
        if (good) {
            o->lease_ns = o->granted_ns + c->config.lease_ttl_ns -
                          c->config.skew_bound_ns;
            if (o->mail_wanted)
                advance(c, o);
            else
                engine_owned_rearm(c, o);
        }
    }
}

static void take_reply(struct engine_coordinator *c,
                       const struct engine_reply *reply)
{
    c->store_offset_ns = (int64_t)(reply->store_time_ns - c->mono_ns);
    c->store_known = true;
    if (reply->kind == ENGINE_REQ_ACQUIRE) {
        for (unsigned i = 0; i < ENGINE_ACQUIRES_MAX; i++)
            if (c->acquires[i].id == reply->id && reply->id)
                acquired(c, &c->acquires[i], reply);
        return;
    }
    if (reply->kind == ENGINE_REQ_RENEW) {
        renewed(c, reply);
        return;
    }
    if (engine_courier_answered(c, reply))
        return;
    struct engine_owned *o = engine_owned_find(c, reply->run);
    if (o && o->request_id == reply->id)
        engine_owned_answered(c, o, reply);
}

/* Messages ---------------------------------------------------------------- */

/* The input is too large: actual in a, maximum in b. */
static void refuse_input(struct engine_coordinator *c,
                         const struct engine_message *message, uint64_t size)
{
    const struct engine_message answer = {.kind = ENGINE_MSG_REFUSED,
                                          .to = message->from,
                                          .run = message->run,
                                          .op = ENGINE_ERR_SIZE_LIMIT,
                                          .a = size,
                                          .b = c->config.limits->input_max};
    engine_coordinator_send(c, &answer, NULL, 0);
}

static void start(struct engine_coordinator *c,
                  const struct engine_message *message)
{
    struct engine_owned *o = engine_owned_find(c, message->run);
    if (o) {
        /* Asked again: the answer was lost, or is still to come. */
        o->client = message->from;
        if (o->durable)
            engine_owned_confirm(c, o);
        return;
    }
    struct engine_owned nobody = {.id = message->run};
    if (c->owned.count + c->leaked >= c->config.runs_max ||
        message->a >= c->config.graph_count || message->run == 0) {
        engine_owned_send(c, ENGINE_MSG_BUSY, message->from, &nobody, 0, 0, 0,
                          0);
        return;
    }
    size_t size = message->size - sizeof(*message);
    if (c->config.limits && size > c->config.limits->input_max) {
        refuse_input(c, message, size);
        return;
    }
    o = engine_owned_adopt(c, message->run, 1, c->mono_ns);
    if (!o)
        return;
    o->client = message->from;
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_START_ACK_EARLY))
        engine_owned_send(c, ENGINE_MSG_STARTED, o->client, o, 0, 0, 0, 0);
    struct engine_origin origin = {.timeout_ns = message->b};
    engine_owned_create(c, o, (uint32_t)message->a, message->from, &origin,
                        message + 1, size);
    engine_owned_rearm(c, o);
}

/* The operation a platform or worker speaks of, if it is still open. */
static struct engine_owned *open_work(struct engine_coordinator *c,
                                      const struct engine_message *message)
{
    struct engine_owned *o = engine_owned_find(c, message->run);
    if (!o || !o->run || message->op >= o->run->op_count)
        return NULL;
    const struct engine_op *op = &o->run->ops[message->op];
    return op->state == ENGINE_OP_SCHEDULED && op->attempt == message->attempt
               ? o
               : NULL;
}

static void accepted(struct engine_coordinator *c,
                     const struct engine_message *message)
{
    struct engine_owned *o = open_work(c, message);
    if (!o || o->dispatch[message->op].state != ENGINE_DISPATCH_SENT)
        return;
    struct engine_dispatch *d = &o->dispatch[message->op];
    d->state = ENGINE_DISPATCH_ACCEPTED;
    engine_owned_look_at(
        c, o, message->op,
        engine_defect(&c->config.defects, ENGINE_DEFECT_ACCEPTED_TRUSTED)
            ? UINT64_MAX
            : c->mono_ns + engine_owned_check_delay(c, d));
    engine_owned_rearm(c, o);
}

/* Refused for now: 100 ms, doubling to 10 s, full jitter. */
static void throttled(struct engine_coordinator *c,
                      const struct engine_message *message)
{
    struct engine_owned *o = open_work(c, message);
    if (!o || o->dispatch[message->op].state != ENGINE_DISPATCH_SENT)
        return;
    static const struct engine_retry backoff = {
        .attempts_max = 10000,
        .factor_milli = 2000,
        .delay_ns = UINT64_C(100000000),
        .delay_max_ns = UINT64_C(10000000000),
        .jitter = ENGINE_JITTER_FULL,
    };
    struct engine_dispatch *d = &o->dispatch[message->op];
    if (d->tries < UINT8_MAX)
        d->tries++;
    engine_owned_look_at(
        c, o, message->op,
        c->mono_ns + 1 +
            engine_retry_delay(&backoff, c->config.seed ^ message->attempt,
                               o->id, message->op, d->tries + 1U));
    engine_owned_rearm(c, o);
}

/* The platform gives the attempt up: how it stands, the store knows. */
static void failed(struct engine_coordinator *c,
                   const struct engine_message *message)
{
    struct engine_owned *o = engine_owned_find(c, message->run);
    if (!o || !engine_failed_take(c, o, message))
        return;
    o->mail_wanted = 1;
    advance(c, o);
}

static void hinted(struct engine_coordinator *c,
                   const struct engine_message *message)
{
    struct engine_owned *o = open_work(c, message);
    if (!o || message->size < sizeof(*message) + sizeof(struct engine_item))
        return;
    const struct engine_item *work = (const void *)(message + 1);
    if (work->type != ENGINE_ITEM_WORK || work->kind != ENGINE_WORK_DONE ||
        work->op != message->op || work->attempt != message->attempt ||
        message->size < sizeof(*message) + engine_item_span(work->size))
        return;
    if (engine_owned_keep_item(c, &o->mail, work))
        engine_owned_advance(c, o);
    engine_owned_rearm(c, o);
}

static void result_acked(struct engine_coordinator *c,
                         const struct engine_message *message)
{
    struct engine_owned *o = engine_owned_find(c, message->run);
    if (!o || !o->run || !engine_run_state_terminal(o->run->state))
        return;
    o->acked = 1;
    advance(c, o);
}

/* There is a row in the run's inbox. */
static void woken(struct engine_coordinator *c,
                  const struct engine_message *message)
{
    engine_courier_wake(c, message->run, c->sender);
}

static void take_message(struct engine_coordinator *c,
                         const struct engine_message *message)
{
    switch (message->kind) {
    case ENGINE_MSG_START:
        start(c, message);
        break;
    case ENGINE_MSG_ACCEPTED:
        accepted(c, message);
        break;
    case ENGINE_MSG_THROTTLED:
        throttled(c, message);
        break;
    case ENGINE_MSG_FAILED:
        failed(c, message);
        break;
    case ENGINE_MSG_HINT:
        hinted(c, message);
        break;
    case ENGINE_MSG_RESULT_ACK:
        result_acked(c, message);
        break;
    case ENGINE_MSG_CHECKPOINT:
    case ENGINE_MSG_STATE:
        engine_service_asked(c, message);
        break;
    case ENGINE_MSG_WAKE:
        woken(c, message);
        break;
    default:
        break;
    }
}

/* Timers ------------------------------------------------------------------ */

static void more_acquires(struct engine_coordinator *c, unsigned wanted)
{
    uint32_t expected = c->owned.count;
    for (unsigned i = 0; i < ENGINE_ACQUIRES_MAX; i++)
        expected += c->acquires[i].id != 0;
    for (unsigned i = 0; i < ENGINE_ACQUIRES_MAX && wanted > 0; i++) {
        struct engine_acquire *acquire = &c->acquires[i];
        if (acquire->id)
            continue;
        if (expected++ >= c->config.runs_max)
            return;
        if (!engine_coordinator_begin(c, ENGINE_REQ_ACQUIRE))
            return;
        *acquire = (struct engine_acquire){c->next_id, c->mono_ns};
        engine_coordinator_submit(c);
        wanted--;
    }
}

static void scan(struct engine_coordinator *c)
{
    if (c->mono_ns < c->scan_ns)
        return;
    bool lost = false;
    c->scan_ns = c->mono_ns + c->config.scan_ns;
    c->due_ns = UINT64_MAX;
    for (unsigned i = 0; i < ENGINE_ACQUIRES_MAX; i++)
        if (c->acquires[i].id && c->mono_ns - c->acquires[i].sent_ns >=
                                     c->config.request_timeout_ns) {
            c->acquires[i].id = 0;
            lost = true;
        }
    if (lost &&
        engine_defect(&c->config.defects, ENGINE_DEFECT_RECOVER_ONCE_SWALLOW))
        c->scan_ns = UINT64_MAX;
    else
        more_acquires(c, 1);
}

/* Renews the leases that have used up a share of their time. */
static void renew(struct engine_coordinator *c)
{
    if (c->mono_ns < c->renew_ns)
        return;
    uint64_t share = c->config.lease_ttl_ns / RENEW_SHARE;
    c->renew_ns = c->mono_ns + share;
    for (uint32_t i = 0; i < c->owned.count;) {
        struct engine_request *request =
            engine_coordinator_begin(c, ENGINE_REQ_RENEW);
        if (!request)
            return;
        uint32_t count = 0;
        for (; i < c->owned.count && count < RENEWS_AT_ONCE; i++) {
            struct engine_owned *o = owned_at(c, i);
            if (c->mono_ns - o->granted_ns < share ||
                (o->request_id && o->request_kind == ENGINE_REQ_CREATE))
                continue;
            struct engine_item head = {
                .type = ENGINE_ITEM_RUN, .a = o->id, .b = o->token};
            engine_block_item(c->config.scratch, &head, NULL, 0);
            o->granted_ns = c->mono_ns;
            o->renew_id = c->next_id;
            count++;
        }
        if (count > 0)
            engine_coordinator_submit(c);
    }
}

/* Something of this run is due. */
static void attend(struct engine_coordinator *c, struct engine_owned *o)
{
    if (c->mono_ns >= o->lease_ns) {
        if (!engine_defect(&c->config.defects,
                           ENGINE_DEFECT_LEASE_NO_SELF_FENCE)) {
            engine_owned_drop(c, o, ENGINE_DISOWN_EXPIRED);
            return;
        }
        o->lease_ns = UINT64_MAX;
    }
    engine_courier_attend(c, o);
    if (o->request_id) {
        if (c->mono_ns >= o->request_ns) {
            /* Lost on the way there or back: unknown. */
            if (engine_defect(&c->config.defects,
                              ENGINE_DEFECT_APPLY_LOOP_DEAD)) {
                o->request_ns = UINT64_MAX;
                engine_owned_rearm(c, o);
                return;
            }
            o->request_id = 0;
            if (engine_owned_swallow(c, o))
                return;
            engine_owned_reload(c, o, 0);
        }
    } else if (o->reload_ns) {
        if (c->mono_ns >= o->reload_ns)
            engine_owned_reload(c, o, 0);
    } else if (o->run && engine_run_state_terminal(o->run->state)) {
        if (o->outbox_open && !o->acked && c->mono_ns >= o->result_ns)
            engine_owned_send_result(c, o);
        advance(c, o);
        return;
    } else if (o->run) {
        for (uint32_t i = 0; i < o->run->open_count; i++) {
            uint32_t op = o->run->open[i];
            struct engine_dispatch *d = &o->dispatch[op];
            if (o->run->ops[op].state != ENGINE_OP_SCHEDULED ||
                c->mono_ns < d->at_ns)
                continue;
            if (d->state == ENGINE_DISPATCH_ACCEPTED ||
                engine_owned_is_late(c, o, op)) {
                d->at_ns = c->mono_ns + engine_owned_check_delay(c, d);
                o->mail_wanted = 1;
            } else {
                engine_owned_dispatch(c, o, op);
            }
        }
        advance(c, o);
        return;
    }
    engine_owned_rearm(c, o);
}

static void run_timers(struct engine_coordinator *c)
{
    while (engine_timers_next(&c->timers) <= c->mono_ns) {
        struct engine_timer timer = engine_timers_pop(&c->timers);
        struct engine_owned *o = engine_owned_find(c, timer.key);
        if (!o || o->timer_ns != timer.time_ns)
            continue;
        o->timer_ns = UINT64_MAX;
        attend(c, o);
    }
    scan(c);
    renew(c);
}

struct engine_coordinator *
engine_coordinator_new(const struct engine_coordinator_config *config,
                       uint64_t mono_ns)
{
    assert(config->node <= UINT16_MAX && config->incarnation != 0);
    assert(config->platform_count > 0);
    assert(config->skew_bound_ns < config->lease_ttl_ns);
    struct engine_coordinator *c = engine_new(config->memory, sizeof(*c));
    if (!c)
        return NULL;
    c->config = *config;
    c->timers.memory = config->memory;
    c->owned.memory = config->memory;
    c->couriers.memory = config->memory;
    c->sender = (uint64_t)config->node << 32 | config->incarnation;
    /* A late reply to the process before this one must find no request. */
    c->next_id = (uint64_t)config->incarnation << 32;
    c->mono_ns = mono_ns;
    c->scan_ns = mono_ns;
    c->due_ns = mono_ns;
    c->renew_ns = mono_ns + config->lease_ttl_ns / RENEW_SHARE;
    return c;
}

void engine_coordinator_free(struct engine_coordinator *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->owned.count; i++)
        engine_owned_free(c, owned_at(c, i));
    engine_table_free(&c->owned);
    engine_table_free(&c->couriers);
    engine_timers_free(&c->timers);
    engine_delete(c->config.memory, c);
}

int engine_coordinator_step(struct engine_coordinator *c,
                            const struct engine_input *input,
                            struct engine_update *update)
{
    assert(input->mono_ns >= c->mono_ns);
    c->mono_ns = input->mono_ns;
    c->wall_ns = input->wall_ns;
    c->update = update;
    /* Leases first: a process that stood still must not act on old ones. */
    run_timers(c);
    if (input->kind == ENGINE_IN_MESSAGE)
        take_message(c, input->message);
    else if (input->kind == ENGINE_IN_REPLY)
        take_reply(c, input->reply);
    c->update = NULL;
    return c->failed || update->failed ? -1 : 0;
}

uint64_t engine_coordinator_deadline(const struct engine_coordinator *c)
{
    return engine_earlier(
        engine_earlier(engine_timers_next(&c->timers), c->scan_ns),
        c->renew_ns);
}

uint64_t engine_coordinator_due(const struct engine_coordinator *c)
{
    return c->owned.count > 0 ? engine_coordinator_deadline(c) : c->due_ns;
}

const struct engine_run *
engine_coordinator_run(const struct engine_coordinator *c, uint64_t run)
{
    const struct engine_owned *o = engine_owned_find(c, run);
    return o ? o->run : NULL;
}

uint32_t engine_coordinator_owned(const struct engine_coordinator *c)
{
    return c->owned.count;
}
