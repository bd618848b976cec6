#include "engine/coordinator.h"

#include <assert.h>

#include "engine/decide.h"
#include "engine/recover.h"
#include "engine/run.h"
#include "engine/table.h"
#include "engine/timers.h"

enum {
    ACQUIRES_MAX = 8,
    RENEW_SHARE = 6, /* look at leases every TTL/6: renewed by TTL/3 */
    RENEWS_AT_ONCE = 512,
    SCAN_NS_MIN = 10000000 /* between two looks, whatever a store says */
};

/* Where the dispatch of one operation stands. */
enum dispatch_state {
    DISPATCH_NONE,
    DISPATCH_SENT,    /* not acknowledged: sent again at `at_ns` */
    DISPATCH_ACCEPTED /* the store is asked at `at_ns` how it goes */
};

struct dispatch {
    uint64_t at_ns;
    uint8_t state;
    uint8_t tries;
};

/* A run this coordinator believes to own. */
struct owned {
    struct engine_run *run; /* NULL until it has been read */
    uint64_t id;
    uint64_t token;
    uint64_t seq;
    uint64_t lease_ns;   /* mono: stop before this */
    uint64_t granted_ns; /* mono: when the lease was asked for */
    uint64_t renew_id;   /* the request that renews it now, 0: none */
    uint64_t request_id; /* in flight, 0: none */
    uint64_t request_ns; /* mono: when it becomes unknown */
    uint64_t result_ns;  /* mono: when RESULT is sent again */
    uint64_t reload_ns;  /* mono: when to read it again, 0: not wanted */
    uint64_t timer_ns;   /* earliest entry in the timers, UINT64_MAX: none */
    uint64_t suspend_ns; /* store time asked for by the request in flight */
    unsigned char *mail; /* WORK items not yet taken into the log */
    uint32_t mail_size;
    uint32_t mail_capacity;
    uint32_t client; /* waits for STARTED, 0: none */
    uint8_t request_kind;
    uint8_t result_tries;
    uint8_t outbox_open;
    uint8_t durable; /* the store has the run: starts are confirmed */
    uint8_t acked;   /* the client has the result */
    uint8_t mail_wanted;
    uint8_t broken;            /* the log cannot be folded: block the run */
    uint8_t over_limit;        /* the history is full: fail the run */
    struct dispatch *dispatch; /* by operation */
};

struct acquire {
    uint64_t id; /* 0: free */
    uint64_t sent_ns;
};

struct engine_coordinator {
    struct engine_coordinator_config config;
    struct engine_timers timers;
    struct engine_table owned; /* struct owned by run id */
    struct acquire acquires[ACQUIRES_MAX];
    uint64_t sender;
    uint64_t next_id;
    uint64_t mono_ns;
    uint64_t wall_ns;
    int64_t store_offset_ns; /* store time - mono, at the last reply */
    bool store_known;
    uint64_t scan_ns;  /* mono: next look for due runs */
    uint64_t renew_ns; /* mono: next look at the leases */
    struct engine_update *update;
    bool failed; /* out of memory */
};

/* Owned runs ------------------------------------------------------------- */

static struct owned *find(const struct engine_coordinator *c, uint64_t id)
{
    return engine_table_find(&c->owned, id);
}

static struct owned *owned_at(const struct engine_coordinator *c, uint32_t i)
{
    return c->owned.items[i];
}

static void note(struct engine_coordinator *c, enum engine_record_kind kind,
                 const struct owned *o, uint32_t op, uint32_t attempt,
                 unsigned detail)
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

static void free_owned(struct engine_coordinator *c, struct owned *o)
{
    engine_run_free(o->run);
    engine_delete(c->config.memory, o->mail);
    engine_delete(c->config.memory, o->dispatch);
    engine_delete(c->config.memory, o);
}

/* Why a run is owned no more; detail of DISOWNED. */
enum disown {
    DISOWN_DONE = 1,
    DISOWN_SUSPENDED,
    DISOWN_FENCED,
    DISOWN_EXPIRED
};

static void drop(struct engine_coordinator *c, struct owned *o, enum disown why)
{
    note(c, ENGINE_REC_DISOWNED, o, UINT32_MAX, 0, why);
    engine_table_remove(&c->owned, o->id);
    free_owned(c, o);
}

static struct owned *adopt(struct engine_coordinator *c, uint64_t id,
                           uint64_t token, uint64_t asked_ns)
{
    struct owned *o = engine_new(c->config.memory, sizeof(*o));
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

static uint64_t store_now(const struct engine_coordinator *c)
{
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_TIMER_EARLY))
        return c->wall_ns;
    return c->store_known ? c->mono_ns + (uint64_t)c->store_offset_ns : 0;
}

/* When this clock will show it, if the store's clock runs like ours. */
static uint64_t mono_of_store(const struct engine_coordinator *c,
                              uint64_t store_ns)
{
    uint64_t now = store_now(c);
    return store_ns <= now ? c->mono_ns : c->mono_ns + (store_ns - now);
}

static void set_timer(struct engine_coordinator *c, uint64_t time_ns,
                      uint64_t key)
{
    if (engine_timers_push(&c->timers, time_ns, key))
        c->failed = true;
}

static uint64_t earlier(uint64_t left, uint64_t right)
{
    return left < right ? left : right;
}

/* The next moment at which this run needs attention. */
static uint64_t next_of(const struct engine_coordinator *c,
                        const struct owned *o)
{
    uint64_t next = o->lease_ns;
    if (o->request_id)
        return earlier(next, o->request_ns);
    if (o->reload_ns)
        return earlier(next, o->reload_ns);
    if (!o->run)
        return next;
    if (engine_run_state_terminal(o->run->state))
        return earlier(next, o->result_ns);
    for (uint32_t i = 0; i < o->run->open_count; i++) {
        uint32_t index = o->run->open[i];
        const struct engine_op *op = &o->run->ops[index];
        if (op->state == ENGINE_OP_SCHEDULED)
            next = earlier(next, o->dispatch[index].at_ns);
        else if (op->state == ENGINE_OP_WAITING ||
                 op->state == ENGINE_OP_RETRY_WAIT)
            next = earlier(next, mono_of_store(c, op->due_ns));
    }
    return next;
}

static void rearm(struct engine_coordinator *c, struct owned *o)
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

static struct engine_request *begin(struct engine_coordinator *c,
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

/* Sends the request in the scratch block. */
static void submit(struct engine_coordinator *c)
{
    engine_update_request(c->update, c->config.scratch, c->config.node,
                          c->config.store);
}

static struct engine_request *begin_for(struct engine_coordinator *c,
                                        struct owned *o,
                                        enum engine_request_kind kind)
{
    assert(o->request_id == 0);
    struct engine_request *request = begin(c, kind);
    if (!request)
        return NULL;
    request->run = o->id;
    request->token = o->token;
    return request;
}

static void submit_for(struct engine_coordinator *c, struct owned *o,
                       enum engine_request_kind kind)
{
    o->request_id = c->next_id;
    o->request_kind = (uint8_t)kind;
    o->request_ns = c->mono_ns + c->config.request_timeout_ns;
    if (kind == ENGINE_REQ_APPEND || kind == ENGINE_REQ_ACK)
        note(c, ENGINE_REC_ACTED, o, UINT32_MAX, 0, kind);
    submit(c);
}

static void ask(struct engine_coordinator *c, struct owned *o,
                enum engine_request_kind kind)
{
    struct engine_request *request = begin_for(c, o, kind);
    if (!request)
        return;
    if (kind == ENGINE_REQ_ACK)
        request->op = 1;
    submit_for(c, o, kind);
}

static void send(struct engine_coordinator *c, enum engine_message_kind kind,
                 uint32_t to, const struct owned *o, uint32_t op,
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
    engine_update_add(c->update, ENGINE_DO_SEND, &message, sizeof(message),
                      NULL, 0);
}

static void dispatch(struct engine_coordinator *c, struct owned *o, uint32_t op)
{
    struct dispatch *d = &o->dispatch[op];
    d->state = DISPATCH_SENT;
    d->at_ns = c->mono_ns + c->config.dispatch_timeout_ns;
    note(c, ENGINE_REC_SENT, o, op, o->run->ops[op].attempt, 0);
    send(c, ENGINE_MSG_DISPATCH, c->config.platform, o, op,
         o->run->ops[op].attempt, o->run->workflow, c->config.node);
}

static void send_result(struct engine_coordinator *c, struct owned *o)
{
    uint64_t wait = UINT64_C(1000000000)
                    << (o->result_tries < 5 ? o->result_tries : 5);
    if (o->result_tries < UINT8_MAX)
        o->result_tries++;
    o->result_ns = c->mono_ns + wait;
    send(c, ENGINE_MSG_RESULT, o->run->client, o, 0, 0, o->run->state, 0);
}

static void reload(struct engine_coordinator *c, struct owned *o,
                   uint64_t delay_ns)
{
    engine_run_free(o->run);
    o->run = NULL;
    o->mail_size = 0;
    if (delay_ns > 0) {
        o->reload_ns = c->mono_ns + delay_ns;
        return;
    }
    o->reload_ns = 0;
    ask(c, o, ENGINE_REQ_LOAD);
}

/* Deciding ---------------------------------------------------------------- */

static bool keep_mail(struct engine_coordinator *c, struct owned *o,
                      const struct engine_item *work)
{
    size_t span = engine_item_span(work->size);
    if (o->mail_size + span > o->mail_capacity) {
        size_t capacity = o->mail_capacity ? o->mail_capacity : 256;
        while (capacity < o->mail_size + span)
            capacity *= 2;
        void *mail = engine_resize(c->config.memory, o->mail, capacity);
        if (!mail) {
            c->failed = true;
            return false;
        }
        o->mail = mail;
        o->mail_capacity = (uint32_t)capacity;
    }
    memcpy(o->mail + o->mail_size, work, span);
    o->mail_size += (uint32_t)span;
    return true;
}

static void decide_mail(struct engine_decide *decide, struct owned *o)
{
    for (uint32_t at = 0; at < o->mail_size && !decide->error;) {
        const struct engine_item *work = (const void *)(o->mail + at);
        engine_decide_work(decide, work);
        at += (uint32_t)engine_item_span(work->size);
    }
    o->mail_size = 0;
}

/*
 * The history is full: the run fails once all its attempts have reported, so
 * that no work is left behind. Returns false until then.
 */
static bool decide_over_limit(struct engine_decide *decide, struct owned *o)
{
    uint32_t running = 0;
    for (uint32_t i = 0; i < o->run->open_count; i++)
        running += o->run->ops[o->run->open[i]].state == ENGINE_OP_SCHEDULED;
    return engine_decide_give_up(decide, o->mail, o->mail_size, running,
                                 ENGINE_ERR_SIZE_LIMIT);
}

static void decide_all(struct engine_coordinator *c, struct owned *o,
                       struct engine_decide *decide,
                       struct engine_request *request)
{
    if (o->broken) {
        engine_decide_block(decide, ENGINE_ERR_UNKNOWN);
    } else if (o->over_limit) {
        if (decide_over_limit(decide, o))
            o->mail_size = 0;
    } else {
        decide_mail(decide, o);
        engine_decide_timers(decide);
        engine_decide_ready(decide);
        engine_decide_end(decide);
    }
    engine_decide_rows(decide);
    o->suspend_ns = 0;
    if (decide->count == 0 && !o->over_limit)
        o->suspend_ns =
            engine_decide_suspend(decide, c->config.suspend_after_ns);
    /* The block may have moved while it grew. */
    request = (void *)c->config.scratch->bytes;
    request->seq = o->seq;
    request->state = o->run->state;
    request->not_before_ns = decide->not_before_ns;
    request->wake_ns = UINT64_MAX;
    if (o->suspend_ns || o->run->state == ENGINE_RUN_BLOCKED) {
        request->flags = ENGINE_APPEND_RELEASE;
        request->wake_ns = o->suspend_ns ? o->suspend_ns : UINT64_MAX;
    }
}

/* Moves a run on as far as can be decided without another answer. */
static void advance(struct engine_coordinator *c, struct owned *o)
{
    if (o->request_id || o->reload_ns || !o->run)
        return;
    if (engine_run_state_terminal(o->run->state)) {
        if (o->acked)
            ask(c, o, ENGINE_REQ_ACK);
        return;
    }
    struct engine_request *request = begin_for(c, o, ENGINE_REQ_APPEND);
    if (!request || !engine_block_begin(c->config.rows, sizeof(uint64_t))) {
        c->failed = true;
        return;
    }
    struct engine_decide decide = {
        .run = o->run,
        .block = c->config.scratch,
        .rows = c->config.rows,
        .store_now_ns = store_now(c),
        .seed = c->config.seed,
        .defects = &c->config.defects,
    };
    decide_all(c, o, &decide, request);
    if (decide.error == -1) {
        c->failed = true;
        return;
    }
    if (decide.error) {
        note(c, ENGINE_REC_ENGINE_ERROR, o, UINT32_MAX, 0, 1);
        o->broken = 1;
        reload(c, o, 0);
        return;
    }
    if (decide.count > 0)
        submit_for(c, o, ENGINE_REQ_APPEND);
    else if (o->mail_wanted)
        ask(c, o, ENGINE_REQ_MAIL);
}

/* Reading a run back ------------------------------------------------------- */

/* How long until the store is asked again about a running attempt. */
static uint64_t check_delay(const struct engine_coordinator *c,
                            struct dispatch *d)
{
    uint64_t delay = c->config.dispatch_timeout_ns;
    for (unsigned n = 0; n < d->tries && delay < c->config.claim_ttl_ns; n++)
        delay *= 2;
    if (d->tries < UINT8_MAX)
        d->tries++;
    return delay < c->config.claim_ttl_ns ? delay : c->config.claim_ttl_ns;
}

/* A claim is looked at again when it or the attempt's time runs out. */
static void watch_claim(struct engine_coordinator *c, struct owned *o,
                        const struct engine_item *work)
{
    const struct engine_node *node = engine_graph_node(o->run->graph, work->op);
    struct dispatch *d = &o->dispatch[work->op];
    uint64_t over = work->a + node->attempt_timeout_ns;
    uint64_t due = mono_of_store(c, earlier(work->b, over));
    d->state = DISPATCH_ACCEPTED;
    d->at_ns = earlier(c->mono_ns + check_delay(c, d), due + 1000000);
}

static void see_work(struct engine_coordinator *c, struct owned *o,
                     const struct engine_item *work)
{
    if (work->op >= o->run->op_count)
        return;
    const struct engine_op *op = &o->run->ops[work->op];
    if (op->state != ENGINE_OP_SCHEDULED || op->attempt != work->attempt)
        return;
    switch (work->kind) {
    case ENGINE_WORK_PENDING:
        dispatch(c, o, work->op);
        break;
    case ENGINE_WORK_CLAIMED:
        watch_claim(c, o, work);
        (void)keep_mail(c, o, work);
        break;
    case ENGINE_WORK_DONE:
        (void)keep_mail(c, o, work);
        break;
    default:
        break;
    }
}

/* Builds the run from a reply with RUN and LOG items. */
static int read_log(struct engine_coordinator *c, struct owned *o,
                    const struct engine_run_row *row,
                    const struct engine_reply *reply)
{
    if (row->workflow >= c->config.graph_count)
        return -2;
    const struct engine_graph *graph = c->config.graphs[row->workflow];
    engine_delete(c->config.memory, o->dispatch);
    o->dispatch = engine_new(c->config.memory,
                             engine_graph_count(graph) * sizeof(*o->dispatch));
    if (!o->dispatch)
        return -1;
    return engine_recover_run(c->config.memory, &c->config.defects, graph, row,
                              reply, &o->run);
}

/* The store has the run: tell the client that waits to hear it. */
static void confirm_start(struct engine_coordinator *c, struct owned *o)
{
    o->durable = 1;
    if (o->client)
        send(c, ENGINE_MSG_STARTED, o->client, o, 0, 0, 0, 0);
    o->client = 0;
}

/* Recovery: state from the log, then work and outbox as they stand. */
static void recover(struct engine_coordinator *c, struct owned *o,
                    const struct engine_run_row *row,
                    const struct engine_reply *reply)
{
    confirm_start(c, o);
    o->seq = row->next_seq;
    o->mail_size = 0;
    o->reload_ns = 0;
    engine_run_free(o->run);
    o->run = NULL;
    int error = read_log(c, o, row, reply);
    if (error == -1 || !o->run) {
        c->failed = c->failed || error == -1;
        drop(c, o, DISOWN_DONE);
        return;
    }
    /* A log that cannot be folded leaves the state to the row. */
    if (error)
        o->run->state = row->state;
    bool terminal = engine_run_state_terminal(o->run->state);
    if (!terminal && (error || !engine_recover_rows_agree(o->run, reply))) {
        note(c, ENGINE_REC_ENGINE_ERROR, o, UINT32_MAX, 0, error ? 2 : 3);
        o->broken = 1;
    }
    o->outbox_open = 0;
    ENGINE_REPLY_ITEMS(reply, item)
    {
        if (item->type == ENGINE_ITEM_WORK && !terminal)
            see_work(c, o, item);
        else if (item->type == ENGINE_ITEM_OUTBOX)
            o->outbox_open = 1;
    }
    if (terminal && o->outbox_open && !o->acked) {
        send_result(c, o);
    } else if (!terminal || o->outbox_open) {
        advance(c, o);
    } else {
        drop(c, o, DISOWN_DONE);
        return;
    }
    rearm(c, o);
}

/* Replies ------------------------------------------------------------------ */

static void dispatch_new(struct engine_coordinator *c, struct owned *o)
{
    for (uint32_t i = 0; i < o->run->open_count; i++) {
        uint32_t op = o->run->open[i];
        struct dispatch *d = &o->dispatch[op];
        if (o->run->ops[op].state != ENGINE_OP_SCHEDULED) {
            d->state = DISPATCH_NONE;
            d->tries = 0;
        } else if (d->state == DISPATCH_NONE) {
            dispatch(c, o, op);
        }
    }
}

/* What was decided is durable: act on it, then go on. */
static void committed(struct engine_coordinator *c, struct owned *o,
                      const struct engine_reply *reply)
{
    o->seq = reply->seq;
    o->over_limit = 0;
    engine_run_stamp(o->run, reply->store_time_ns);
    confirm_start(c, o);
    if (o->suspend_ns || o->run->state == ENGINE_RUN_BLOCKED) {
        if (o->suspend_ns)
            c->scan_ns = earlier(c->scan_ns, mono_of_store(c, o->suspend_ns));
        drop(c, o, o->suspend_ns ? DISOWN_SUSPENDED : DISOWN_DONE);
        return;
    }
    if (engine_run_state_terminal(o->run->state)) {
        send_result(c, o);
    } else {
        dispatch_new(c, o);
        if (o->mail_size > 0 || o->mail_wanted)
            advance(c, o);
    }
    rearm(c, o);
}

static void mail_read(struct engine_coordinator *c, struct owned *o,
                      const struct engine_reply *reply)
{
    /* What was heard meanwhile may be newer than this answer: look again. */
    o->mail_wanted = o->mail_size > 0;
    if (!o->run)
        return;
    o->mail_size = 0;
    ENGINE_REPLY_ITEMS(reply, item)
    {
        if (item->type == ENGINE_ITEM_WORK)
            see_work(c, o, item);
    }
    advance(c, o);
    rearm(c, o);
}

/* The run was there before: ours by an earlier try, or another's. */
static void create_conflict(struct engine_coordinator *c, struct owned *o,
                            const struct engine_reply *reply)
{
    confirm_start(c, o);
    const struct engine_run_row *row = engine_recover_row(reply);
    if (row && row->holder == c->sender && row->token == o->token) {
        /* The lease runs since the earlier try, not since this one. */
        uint64_t left = row->expires_ns > reply->store_time_ns
                            ? row->expires_ns - reply->store_time_ns
                            : 0;
        uint64_t bound = c->config.skew_bound_ns;
        o->lease_ns = o->granted_ns + (left > bound ? left - bound : 0);
        reload(c, o, 0);
        rearm(c, o);
    } else {
        drop(c, o, DISOWN_FENCED);
    }
}

static void refused(struct engine_coordinator *c, struct owned *o,
                    const struct engine_reply *reply)
{
    /* Too early by the store's clock, or too much: which, the size tells. */
    bool early = reply->maximum > reply->actual;
    if (!early)
        o->over_limit = 1;
    reload(c, o,
           early ? earlier(reply->maximum - reply->actual, UINT64_C(1000000000))
                 : 0);
    rearm(c, o);
}

static void answered(struct engine_coordinator *c, struct owned *o,
                     const struct engine_reply *reply)
{
    enum engine_request_kind kind = (enum engine_request_kind)o->request_kind;
    o->request_id = 0;
    switch (reply->outcome) {
    case ENGINE_COMMITTED:
        if (kind == ENGINE_REQ_MAIL) {
            mail_read(c, o, reply);
        } else if (kind == ENGINE_REQ_ACK) {
            drop(c, o, DISOWN_DONE);
        } else if (kind == ENGINE_REQ_LOAD) {
            const struct engine_run_row *row = engine_recover_row(reply);
            if (row)
                recover(c, o, row, reply);
            else
                drop(c, o, DISOWN_FENCED);
        } else {
            committed(c, o, reply);
        }
        return;
    case ENGINE_FENCED:
        drop(c, o, DISOWN_FENCED);
        return;
    case ENGINE_CONFLICT:
        if (kind == ENGINE_REQ_CREATE) {
            create_conflict(c, o, reply);
            return;
        }
        reload(c, o, 0);
        break;
    case ENGINE_REFUSED:
        if (kind == ENGINE_REQ_APPEND) {
            refused(c, o, reply);
            return;
        }
        /* A run that cannot be created or read is not ours to keep. */
        drop(c, o, DISOWN_DONE);
        return;
    default:
        /* FAILED or UNKNOWN: look before acting, but not in a tight loop. */
        reload(c, o, c->config.dispatch_timeout_ns);
        break;
    }
    rearm(c, o);
}

static void more_acquires(struct engine_coordinator *c, unsigned wanted);

static void acquired(struct engine_coordinator *c, struct acquire *acquire,
                     const struct engine_reply *reply)
{
    uint64_t asked_ns = acquire->sent_ns;
    acquire->id = 0;
    const struct engine_run_row *row = engine_recover_row(reply);
    if (reply->outcome != ENGINE_COMMITTED || !row) {
        uint64_t next = c->mono_ns + c->config.scan_ns;
        if (reply->wake_ns != UINT64_MAX && reply->outcome == ENGINE_COMMITTED)
            next =
                earlier(next, mono_of_store(c, reply->wake_ns) + SCAN_NS_MIN);
        c->scan_ns = earlier(c->scan_ns, next);
        return;
    }
    if (c->mono_ns - asked_ns >=
        c->config.lease_ttl_ns - c->config.skew_bound_ns) {
        /* The answer took as long as the lease: it falls due again. */
        c->scan_ns = c->mono_ns;
        return;
    }
    struct owned *o = find(c, row->run);
    if (o) {
        /* We had lost it without knowing, and now have it again. */
        drop(c, o, DISOWN_FENCED);
    }
    o = adopt(c, row->run, row->token, asked_ns);
    if (!o)
        return;
    note(c, ENGINE_REC_OWNED, o, UINT32_MAX, 0, 2);
    recover(c, o, row, reply);
    more_acquires(c, 2);
}

static void renewed(struct engine_coordinator *c,
                    const struct engine_reply *reply)
{
    ENGINE_REPLY_ITEMS(reply, item)
    {
        struct owned *o = find(c, item->a);
        if (!o || item->type != ENGINE_ITEM_RUN || o->token != item->b)
            continue;
        if (item->flags == 0) {
            drop(c, o, DISOWN_FENCED);
        } else {
            o->mail_wanted = 1;
        }
    }
    bool good = reply->outcome == ENGINE_COMMITTED;
    for (uint32_t i = 0; i < c->owned.count; i++) {
        struct owned *o = owned_at(c, i);
        if (o->renew_id != reply->id)
            continue;
        o->renew_id = 0;
        if (good) {
            o->lease_ns = o->granted_ns + c->config.lease_ttl_ns -
                          c->config.skew_bound_ns;
            if (o->mail_wanted)
                advance(c, o);
            rearm(c, o);
        }
    }
}

static void take_reply(struct engine_coordinator *c,
                       const struct engine_reply *reply)
{
    c->store_offset_ns = (int64_t)(reply->store_time_ns - c->mono_ns);
    c->store_known = true;
    if (reply->kind == ENGINE_REQ_ACQUIRE) {
        for (unsigned i = 0; i < ACQUIRES_MAX; i++)
            if (c->acquires[i].id == reply->id && reply->id)
                acquired(c, &c->acquires[i], reply);
        return;
    }
    if (reply->kind == ENGINE_REQ_RENEW) {
        renewed(c, reply);
        return;
    }
    struct owned *o = find(c, reply->run);
    if (o && o->request_id == reply->id)
        answered(c, o, reply);
}

/* Messages ---------------------------------------------------------------- */

static void create_run(struct engine_coordinator *c, struct owned *o,
                       const struct engine_message *message)
{
    struct engine_request *request = begin_for(c, o, ENGINE_REQ_CREATE);
    if (!request || !engine_block_begin(c->config.rows, sizeof(uint64_t))) {
        c->failed = true;
        return;
    }
    request->state = ENGINE_RUN_RUNNING;
    request->wake_ns = UINT64_MAX;
    struct engine_decide decide = {
        .run = o->run,
        .block = c->config.scratch,
        .rows = c->config.rows,
        .store_now_ns = store_now(c),
        .seed = c->config.seed,
        .defects = &c->config.defects,
    };
    engine_decide_event(&decide, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0,
                        message->a, message->from, message + 1,
                        message->size - sizeof(*message));
    engine_decide_ready(&decide);
    engine_decide_rows(&decide);
    if (decide.error)
        c->failed = true;
    else
        submit_for(c, o, ENGINE_REQ_CREATE);
}

static void start(struct engine_coordinator *c,
                  const struct engine_message *message)
{
    struct owned *o = find(c, message->run);
    if (o) {
        /* Asked again: the answer was lost, or is still to come. */
        o->client = message->from;
        if (o->durable)
            confirm_start(c, o);
        return;
    }
    struct owned nobody = {.id = message->run};
    if (c->owned.count >= c->config.runs_max ||
        message->a >= c->config.graph_count || message->run == 0) {
        send(c, ENGINE_MSG_BUSY, message->from, &nobody, 0, 0, 0, 0);
        return;
    }
    o = adopt(c, message->run, 1, c->mono_ns);
    if (!o)
        return;
    const struct engine_graph *graph = c->config.graphs[message->a];
    o->run =
        engine_run_new(c->config.memory, o->id, (uint32_t)message->a, graph);
    o->dispatch = engine_new(c->config.memory,
                             engine_graph_count(graph) * sizeof(*o->dispatch));
    if (!o->run || !o->dispatch) {
        c->failed = true;
        return;
    }
    note(c, ENGINE_REC_OWNED, o, UINT32_MAX, 0, 1);
    o->client = message->from;
    create_run(c, o, message);
    rearm(c, o);
}

/* The operation a platform or worker speaks of, if it is still open. */
static struct owned *open_work(struct engine_coordinator *c,
                               const struct engine_message *message)
{
    struct owned *o = find(c, message->run);
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
    struct owned *o = open_work(c, message);
    if (!o || o->dispatch[message->op].state != DISPATCH_SENT)
        return;
    struct dispatch *d = &o->dispatch[message->op];
    d->state = DISPATCH_ACCEPTED;
    d->at_ns = c->mono_ns + check_delay(c, d);
    rearm(c, o);
}

/* Refused for now: 100 ms, doubling to 10 s, full jitter. */
static void throttled(struct engine_coordinator *c,
                      const struct engine_message *message)
{
    struct owned *o = open_work(c, message);
    if (!o || o->dispatch[message->op].state != DISPATCH_SENT)
        return;
    static const struct engine_retry backoff = {
        .attempts_max = 10000,
        .factor_milli = 2000,
        .delay_ns = UINT64_C(100000000),
        .delay_max_ns = UINT64_C(10000000000),
        .jitter = ENGINE_JITTER_FULL,
    };
    struct dispatch *d = &o->dispatch[message->op];
    if (d->tries < UINT8_MAX)
        d->tries++;
    d->at_ns = c->mono_ns + 1 +
               engine_retry_delay(&backoff, c->config.seed ^ message->attempt,
                                  o->id, message->op, d->tries + 1U);
    rearm(c, o);
}

static void hinted(struct engine_coordinator *c,
                   const struct engine_message *message)
{
    struct owned *o = open_work(c, message);
    if (!o || message->size < sizeof(*message) + sizeof(struct engine_item))
        return;
    const struct engine_item *work = (const void *)(message + 1);
    if (work->type != ENGINE_ITEM_WORK || work->kind != ENGINE_WORK_DONE ||
        work->op != message->op || work->attempt != message->attempt ||
        message->size < sizeof(*message) + engine_item_span(work->size))
        return;
    if (keep_mail(c, o, work))
        advance(c, o);
    rearm(c, o);
}

static void result_acked(struct engine_coordinator *c,
                         const struct engine_message *message)
{
    struct owned *o = find(c, message->run);
    if (!o || !o->run || !engine_run_state_terminal(o->run->state))
        return;
    o->acked = 1;
    advance(c, o);
    rearm(c, o);
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
    case ENGINE_MSG_HINT:
        hinted(c, message);
        break;
    case ENGINE_MSG_RESULT_ACK:
        result_acked(c, message);
        break;
    default:
        break;
    }
}

/* Timers ------------------------------------------------------------------ */

static void more_acquires(struct engine_coordinator *c, unsigned wanted)
{
    uint32_t expected = c->owned.count;
    for (unsigned i = 0; i < ACQUIRES_MAX; i++)
        expected += c->acquires[i].id != 0;
    for (unsigned i = 0; i < ACQUIRES_MAX && wanted > 0; i++) {
        struct acquire *acquire = &c->acquires[i];
        if (acquire->id)
            continue;
        if (expected++ >= c->config.runs_max)
            return;
        if (!begin(c, ENGINE_REQ_ACQUIRE))
            return;
        *acquire = (struct acquire){c->next_id, c->mono_ns};
        submit(c);
        wanted--;
    }
}

static void scan(struct engine_coordinator *c)
{
    if (c->mono_ns < c->scan_ns)
        return;
    c->scan_ns = c->mono_ns + c->config.scan_ns;
    for (unsigned i = 0; i < ACQUIRES_MAX; i++)
        if (c->acquires[i].id &&
            c->mono_ns - c->acquires[i].sent_ns >= c->config.request_timeout_ns)
            c->acquires[i].id = 0;
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
        struct engine_request *request = begin(c, ENGINE_REQ_RENEW);
        if (!request)
            return;
        uint32_t count = 0;
        for (; i < c->owned.count && count < RENEWS_AT_ONCE; i++) {
            struct owned *o = owned_at(c, i);
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
            submit(c);
    }
}

/* Something of this run is due. */
static void attend(struct engine_coordinator *c, struct owned *o)
{
    if (c->mono_ns >= o->lease_ns) {
        if (!engine_defect(&c->config.defects,
                           ENGINE_DEFECT_LEASE_NO_SELF_FENCE)) {
            drop(c, o, DISOWN_EXPIRED);
            return;
        }
        o->lease_ns = UINT64_MAX;
    }
    if (o->request_id) {
        if (c->mono_ns >= o->request_ns) {
            /* Lost on the way there or back: unknown. */
            o->request_id = 0;
            reload(c, o, 0);
        }
    } else if (o->reload_ns) {
        if (c->mono_ns >= o->reload_ns)
            reload(c, o, 0);
    } else if (o->run && engine_run_state_terminal(o->run->state)) {
        if (o->acked)
            advance(c, o);
        else if (c->mono_ns >= o->result_ns)
            send_result(c, o);
    } else if (o->run) {
        for (uint32_t i = 0; i < o->run->open_count; i++) {
            uint32_t op = o->run->open[i];
            struct dispatch *d = &o->dispatch[op];
            if (o->run->ops[op].state != ENGINE_OP_SCHEDULED ||
                c->mono_ns < d->at_ns)
                continue;
            if (d->state == DISPATCH_ACCEPTED) {
                d->at_ns = c->mono_ns + check_delay(c, d);
                o->mail_wanted = 1;
            } else {
                dispatch(c, o, op);
            }
        }
        advance(c, o);
    }
    rearm(c, o);
}

static void run_timers(struct engine_coordinator *c)
{
    while (engine_timers_next(&c->timers) <= c->mono_ns) {
        struct engine_timer timer = engine_timers_pop(&c->timers);
        struct owned *o = find(c, timer.key);
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
    assert(config->skew_bound_ns < config->lease_ttl_ns);
    struct engine_coordinator *c = engine_new(config->memory, sizeof(*c));
    if (!c)
        return NULL;
    c->config = *config;
    c->timers.memory = config->memory;
    c->owned.memory = config->memory;
    c->sender = (uint64_t)config->node << 32 | config->incarnation;
    /* A late reply to the process before this one must find no request. */
    c->next_id = (uint64_t)config->incarnation << 32;
    c->mono_ns = mono_ns;
    c->scan_ns = mono_ns;
    c->renew_ns = mono_ns + config->lease_ttl_ns / RENEW_SHARE;
    return c;
}

void engine_coordinator_free(struct engine_coordinator *c)
{
    if (!c)
        return;
    for (uint32_t i = 0; i < c->owned.count; i++)
        free_owned(c, owned_at(c, i));
    engine_table_free(&c->owned);
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
    return earlier(earlier(engine_timers_next(&c->timers), c->scan_ns),
                   c->renew_ns);
}

uint32_t engine_coordinator_owned(const struct engine_coordinator *c)
{
    return c->owned.count;
}
