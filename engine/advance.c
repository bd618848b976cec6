#include "engine/coordinator_private.h"

#include "engine/invoke.h"
#include "engine/random.h"
#include "engine/recover.h"

/* Deciding ---------------------------------------------------------------- */

static void decide_mail(struct engine_decide *decide, struct engine_owned *o)
{
    for (uint32_t at = 0; at < o->mail.size && !decide->error;) {
        const struct engine_item *work = (const void *)(o->mail.bytes + at);
        engine_decide_work(decide, work);
        at += (uint32_t)engine_item_span(work->size);
    }
    o->mail.size = 0;
}

static uint32_t attempts_open(const struct engine_run *run)
{
    uint32_t running = 0;
    for (uint32_t i = 0; i < run->open_count; i++)
        running += run->ops[run->open[i]].state == ENGINE_OP_SCHEDULED;
    return running;
}

/*
 * The history is full: the run fails once all its attempts have reported, so
 * that no work is left behind. A handler's might go on for ever: it is cut.
 */
static void decide_over_limit(struct engine_decide *decide,
                              struct engine_owned *o)
{
    static const char words[] = "the run's history is full";
    if (o->run->execution)
        (void)engine_inbox_over(o, decide, ENGINE_EV_RUN_FAILED,
                                ENGINE_ERR_SIZE_LIMIT, words,
                                sizeof(words) - 1);
    else if (engine_decide_give_up(decide, o->mail.bytes, o->mail.size,
                                   attempts_open(o->run),
                                   ENGINE_ERR_SIZE_LIMIT))
        o->mail.size = 0;
}

static bool has_reports(const struct engine_owned *o)
{
    for (uint32_t at = 0; at < o->mail.size;) {
        const struct engine_item *work = (const void *)(o->mail.bytes + at);
        if (work->kind == ENGINE_WORK_DONE)
            return true;
        at += (uint32_t)engine_item_span(work->size);
    }
    return false;
}

/*
 * The defect: a cancel is confirmed as soon as it is there, and what the run
 * reports at that time decides how it ends.
 */
static bool decide_cancel_late(struct engine_owned *o,
                               struct engine_decide *decide)
{
    if (!engine_inbox_wants_end(o) || !has_reports(o) ||
        !engine_defect(decide->defects, ENGINE_DEFECT_CANCEL_NO_CAS))
        return false;
    decide_mail(decide, o);
    o->confirmed = engine_decide_end(decide) != 0;
    return o->confirmed;
}

/* What can be decided about a run in good order. True: nothing stands in the
 * way of suspending it. */
static bool decide_events(struct engine_coordinator *c, struct engine_owned *o,
                          struct engine_decide *decide)
{
    if (decide_cancel_late(o, decide))
        return false;
    if (engine_inbox_end(o, decide))
        return false;
    decide_mail(decide, o);
    engine_service_decide(c, o, decide);
    /* What waits in the inbox came in time, however late its owner looks. */
    uint32_t before = decide->count;
    engine_inbox_decide(o, decide);
    /* What it set going has no time yet. */
    bool timeless = decide->count == before;
    engine_decide_timers(decide);
    engine_decide_ready(decide);
    engine_decide_end(decide);
    return timeless && o->outbox.size == 0 && o->question.size == 0 &&
           (o->run->execution ? !o->mail_wanted : decide->count == 0);
}

/* A run that is held and does nothing is given back, even if nothing else is
 * to be said of it. */
static void decide_release(struct engine_owned *o, struct engine_decide *decide)
{
    bool blocked = o->run->state == ENGINE_RUN_BLOCKED;
    bool paused = o->run->state == ENGINE_RUN_PAUSED && !attempts_open(o->run);
    o->release = blocked || (paused && o->outbox.size == 0);
    if (!o->release || decide->count > 0)
        return;
    engine_decide_event(
        decide, blocked ? ENGINE_EV_RUN_BLOCKED : ENGINE_EV_RUN_PAUSED,
        UINT32_MAX, 0, blocked ? ENGINE_ERR_AMBIGUOUS : 0, 0, NULL, 0);
}

/* The fold of what is committed, when it is time for one again. */
static void add_snapshot(struct engine_coordinator *c, struct engine_owned *o,
                         struct engine_decide *decide,
                         const struct engine_block *image)
{
    struct engine_item row = {.type = ENGINE_ITEM_SNAPSHOT, .a = o->seq - 1};
    if (image->size == 0 || decide->count == 0)
        return;
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_SNAP_NAMES_LATER))
        row.a += decide->count;
    engine_decide_row(decide, &row, image->bytes + sizeof(uint64_t),
                      image->size - sizeof(uint64_t));
    o->snapshot_seq = row.a;
    o->snapshot_sent = 1;
}

static void take_image(struct engine_coordinator *c, struct engine_owned *o,
                       struct engine_block *image)
{
    engine_block_init(image);
    o->snapshot_sent = 0;
    if (!o->run->execution || c->config.snapshot_events == 0 || o->broken ||
        o->snapshot_refused || o->seq == 0 ||
        o->seq - 1 - o->snapshot_seq < c->config.snapshot_events)
        return;
    if (!engine_block_begin(image, sizeof(uint64_t)) ||
        engine_run_save(o->run, image))
        c->failed = true;
}

static void decide_all(struct engine_coordinator *c, struct engine_owned *o,
                       struct engine_decide *decide)
{
    bool idle = false;
    o->suspend_ns = 0;
    if (o->broken)
        engine_decide_block(decide, ENGINE_ERR_UNKNOWN);
    else if (o->over_limit)
        decide_over_limit(decide, o);
    else
        idle = decide_events(c, o, decide);
    if (engine_run_state_terminal(o->run->state))
        engine_inbox_close(o, decide);
    engine_courier_note(c, o);
    if (idle && o->outbox.size == 0)
        o->suspend_ns =
            engine_decide_suspend(decide, c->config.suspend_after_ns);
    decide_release(o, decide);
    o->release = o->release || o->suspend_ns != 0;
}

/* When somebody must look at a run again that is given back. */
static uint64_t wake_of(const struct engine_coordinator *c,
                        const struct engine_owned *o)
{
    if (o->suspend_ns)
        return o->suspend_ns;
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_PAUSED_DEADLINE_LOST))
        return UINT64_MAX;
    return o->run->state == ENGINE_RUN_PAUSED ? engine_run_deadline(o->run)
                                              : UINT64_MAX;
}

static void finish_append(struct engine_coordinator *c, struct engine_owned *o,
                          const struct engine_decide *decide)
{
    struct engine_request *request = (void *)c->config.scratch->bytes;
    request->seq = o->seq;
    request->state = o->run->state;
    request->not_before_ns = decide->not_before_ns;
    request->wake_ns = UINT64_MAX;
    request->op = engine_inbox_count(o);
    if (o->release) {
        request->flags = ENGINE_APPEND_RELEASE;
        request->wake_ns = wake_of(c, o);
    } else if (engine_run_state_terminal(o->run->state)) {
        request->flags = ENGINE_APPEND_HEARD; /* all of it is answered */
    }
}

struct engine_decide engine_owned_decide(struct engine_coordinator *c,
                                         struct engine_owned *o)
{
    return (struct engine_decide){
        .run = o->run,
        .block = c->config.scratch,
        .rows = c->config.rows,
        .store_now_ns = engine_coordinator_store_now(c),
        .seed = c->config.seed,
        .defects = &c->config.defects,
        .words = o->words.bytes,
        .words_size = o->words.size,
        .busy = o->outbox.size > 0,
    };
}

/* Claims an attempt that nobody has begun, so that it can be cut. */
static void claim(struct engine_coordinator *c, struct engine_owned *o)
{
    struct engine_request *request = engine_owned_begin(c, o, ENGINE_REQ_CLAIM);
    if (!request)
        return;
    request->op = o->claim_op - 1;
    request->attempt = o->run->ops[o->claim_op - 1].attempt;
    request->ttl_ns = c->config.claim_ttl_ns;
    engine_owned_submit(c, o, ENGINE_REQ_CLAIM);
}

/* An ended run is owned until everybody who must has heard of its end. */
static void advance_ended(struct engine_coordinator *c, struct engine_owned *o)
{
    engine_service_refuse(c, o, ENGINE_ERR_STALE_TOKEN, "the run has ended");
    engine_courier_go(c, o);
    if (o->outbox_open && o->acked)
        engine_owned_ask(c, o, ENGINE_REQ_ACK);
    else if (!o->outbox_open && o->outbox.size == 0)
        engine_owned_drop(c, o, ENGINE_DISOWN_DONE);
}

static void undecided(struct engine_coordinator *c, struct engine_owned *o)
{
    if (o->answer != ENGINE_ANSWER_NONE)
        engine_service_answer(c, o);
    if (o->claim_op)
        claim(c, o);
    else if (o->mail_wanted)
        engine_owned_ask(c, o, ENGINE_REQ_MAIL);
}

/* Defects that tell others what is not durable yet. */
static void tell_early(struct engine_coordinator *c, struct engine_owned *o)
{
    if (o->answer == ENGINE_ANSWER_ACCEPTED &&
        engine_defect(&c->config.defects, ENGINE_DEFECT_RELEASED_EARLY))
        engine_service_answer(c, o);
    if (engine_run_state_terminal(o->run->state) && !o->run->origin.parent &&
        engine_defect(&c->config.defects, ENGINE_DEFECT_RESULT_EARLY))
        engine_owned_send_result(c, o);
}

void engine_owned_advance(struct engine_coordinator *c, struct engine_owned *o)
{
    if (o->request_id || o->reload_ns || !o->run)
        return;
    if (engine_run_state_terminal(o->run->state)) {
        advance_ended(c, o);
        return;
    }
    if (!o->broken)
        engine_courier_go(c, o);
    struct engine_block image;
    take_image(c, o, &image);
    if (!engine_owned_begin(c, o, ENGINE_REQ_APPEND) ||
        !engine_block_begin(c->config.rows, sizeof(uint64_t))) {
        engine_block_free(&image);
        c->failed = true;
        return;
    }
    struct engine_decide decide = engine_owned_decide(c, o);
    decide_all(c, o, &decide);
    add_snapshot(c, o, &decide, &image);
    engine_decide_rows(&decide);
    engine_block_free(&image);
    finish_append(c, o, &decide);
    if (decide.error == -1) {
        c->failed = true;
    } else if (decide.error) {
        engine_owned_note(c, ENGINE_REC_ENGINE_ERROR, o, UINT32_MAX, 0, 1);
        o->broken = 1;
        engine_owned_reload(c, o, 0);
    } else if (decide.count > 0) {
        engine_owned_submit(c, o, ENGINE_REQ_APPEND);
        tell_early(c, o);
    } else {
        undecided(c, o);
    }
}

/* Reading a run back ------------------------------------------------------- */

/* A claim is looked at again when it or the attempt's time runs out. */
static void watch_claim(struct engine_coordinator *c, struct engine_owned *o,
                        const struct engine_item *work)
{
    struct engine_dispatch *d = &o->dispatch[work->op];
    uint64_t over = engine_decide_over_at(o->run, work->op, work->a);
    uint64_t due = engine_coordinator_mono_of(c, engine_earlier(work->b, over));
    d->attempt = (uint16_t)work->attempt;
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_ATTEMPT_NO_TIMEOUT) ||
        engine_defect(&c->config.defects, ENGINE_DEFECT_AMO_NO_INTERRUPT_ERR))
        due = UINT64_MAX - 1000000; /* it is looked at now and then */
    d->state = ENGINE_DISPATCH_ACCEPTED;
    d->at_ns = engine_earlier(c->mono_ns + engine_owned_check_delay(c, d),
                              due + 1000000);
}

/* Nobody is to begin it any more: it is only looked at. */
static void wait_for_end(struct engine_coordinator *c, struct engine_owned *o,
                         const struct engine_item *work)
{
    struct engine_dispatch *d = &o->dispatch[work->op];
    d->attempt = (uint16_t)work->attempt;
    d->state = ENGINE_DISPATCH_ACCEPTED;
    d->at_ns = c->mono_ns + engine_owned_check_delay(c, d);
    (void)engine_owned_keep_item(c, &o->mail, work);
}

/* Its platform has it in a queue, for less time than is allowed there. */
static bool is_queued(const struct engine_coordinator *c,
                      const struct engine_dispatch *d)
{
    return d->state == ENGINE_DISPATCH_ACCEPTED &&
           c->mono_ns / ENGINE_DISPATCH_SECOND < d->again_s;
}

static void see_work(struct engine_coordinator *c, struct engine_owned *o,
                     const struct engine_item *work)
{
    if (work->op >= o->run->op_count)
        return;
    const struct engine_op *op = &o->run->ops[work->op];
    if (op->state != ENGINE_OP_SCHEDULED || op->attempt != work->attempt)
        return;
    switch (work->kind) {
    case ENGINE_WORK_PENDING:
        if (o->ending)
            wait_for_end(c, o, work);
        else if (engine_owned_is_late(c, o, work->op) ||
                 engine_failed_find(&o->words, work->op, work->attempt))
            (void)engine_owned_keep_item(c, &o->mail, work);
        else if (engine_defect(&c->config.defects,
                               ENGINE_DEFECT_DISPATCH_MEM_ONLY))
            o->dispatch[work->op].at_ns = UINT64_MAX;
        else if (!is_queued(c, &o->dispatch[work->op]))
            engine_owned_dispatch(c, o, work->op);
        break;
    case ENGINE_WORK_CLAIMED:
        watch_claim(c, o, work);
        (void)engine_owned_keep_item(c, &o->mail, work);
        break;
    case ENGINE_WORK_DONE:
        (void)engine_owned_keep_item(c, &o->mail, work);
        break;
    default:
        break;
    }
}

/* A defect: the first platform of each step is asked again. */
static void forget_platforms(const struct engine_coordinator *c,
                             struct engine_run *run)
{
    if (!engine_defect(&c->config.defects, ENGINE_DEFECT_FALLBACK_IN_MEMORY))
        return;
    for (uint32_t op = 0; op < run->op_count; op++)
        run->ops[op].moves = 0;
}

/* Builds the run from a reply with RUN and LOG items. */
static int read_log(struct engine_coordinator *c, struct engine_owned *o,
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
    int error =
        engine_recover_run(c->config.memory, &c->config.defects, graph, row,
                           reply, c->config.limits, &o->run, &o->snapshot_seq);
    if (!error)
        forget_platforms(c, o->run);
    return error;
}

/* The store has the run: tell the client that waits to hear it. */
void engine_owned_confirm(struct engine_coordinator *c, struct engine_owned *o)
{
    o->durable = 1;
    if (o->client)
        engine_owned_send(c, ENGINE_MSG_STARTED, o->client, o, 0, 0, 0, 0);
    o->client = 0;
    if (o->run && o->run->origin.parent)
        engine_courier_child(c, o, ENGINE_COURIER_CREATED);
}

/* A defect: what came under another owner is taken for heard by it. */
static void keep_inbox(struct engine_coordinator *c, struct engine_owned *o,
                       const struct engine_item *item)
{
    struct engine_item heard = *item;
    heard.size = 0;
    if (o->token > 1 &&
        engine_defect(&c->config.defects, ENGINE_DEFECT_DEDUP_EPOCH_LEX))
        item = &heard;
    (void)engine_owned_keep_item(c, &o->inbox, item);
}

/* Work, inbox and outbox as they stand. */
static void read_rows(struct engine_coordinator *c, struct engine_owned *o,
                      const struct engine_reply *reply, bool terminal)
{
    engine_courier_forget(c, o);
    o->courier = (struct engine_courier){0};
    o->outbox_open = 0;
    o->inbox.size = 0;
    o->outbox.size = 0;
    ENGINE_REPLY_ITEMS(reply, item)
    {
        if (item->type == ENGINE_ITEM_WORK && !terminal)
            see_work(c, o, item);
        else if (item->type == ENGINE_ITEM_INBOX && !terminal)
            keep_inbox(c, o, item);
        else if (item->type == ENGINE_ITEM_OUTBOX &&
                 item->kind == ENGINE_OUTBOX_RESULT)
            o->outbox_open = 1;
        else if (item->type == ENGINE_ITEM_OUTBOX)
            (void)engine_owned_keep_item(c, &o->outbox, item);
    }
    o->outbox_durable = o->outbox.size;
}

/* Recovery: state from the log, then work and outbox as they stand. */
void engine_owned_recover(struct engine_coordinator *c, struct engine_owned *o,
                          const struct engine_run_row *row,
                          const struct engine_reply *reply)
{
    engine_owned_confirm(c, o);
    o->seq = row->next_seq;
    o->mail.size = 0;
    o->reload_ns = 0;
    engine_run_free(o->run);
    o->run = NULL;
    int error = read_log(c, o, row, reply);
    if (error == -1 || !o->run) {
        c->failed = c->failed || error == -1;
        engine_owned_drop(c, o, ENGINE_DISOWN_DONE);
        return;
    }
    /* A log that cannot be folded leaves the state to the row. */
    if (error)
        o->run->state = row->state;
    bool terminal = engine_run_state_terminal(o->run->state);
    if (!terminal && (error || !engine_recover_rows_agree(o->run, reply))) {
        engine_owned_note(c, ENGINE_REC_ENGINE_ERROR, o, UINT32_MAX, 0,
                          error ? 2 : 3);
        o->broken = 1;
    }
    read_rows(c, o, reply, terminal);
    if (engine_defect(&c->config.defects, ENGINE_DEFECT_NOTIFY_ONLY_FRESH))
        o->result_ns = UINT64_MAX;
    else if (terminal && o->outbox_open && !o->acked)
        engine_owned_send_result(c, o);
    uint64_t id = o->id;
    engine_owned_advance(c, o);
    if (engine_owned_find(c, id) == o)
        engine_owned_rearm(c, o);
}

/* Replies ------------------------------------------------------------------ */

static void dispatch_new(struct engine_coordinator *c, struct engine_owned *o)
{
    for (uint32_t i = 0; i < o->run->open_count; i++) {
        uint32_t op = o->run->open[i];
        struct engine_dispatch *d = &o->dispatch[op];
        bool scheduled = o->run->ops[op].state == ENGINE_OP_SCHEDULED;
        bool later = d->attempt != (uint16_t)o->run->ops[op].attempt;
        if (!scheduled || later) {
            d->state = ENGINE_DISPATCH_NONE;
            d->tries = 0;
        }
        if (scheduled && d->state == ENGINE_DISPATCH_NONE)
            engine_owned_dispatch(c, o, op);
    }
}

static void released(struct engine_coordinator *c, struct engine_owned *o)
{
    if (o->suspend_ns) {
        uint64_t due = engine_coordinator_mono_of(c, o->suspend_ns);
        c->scan_ns = engine_earlier(c->scan_ns, due);
        c->due_ns = engine_earlier(c->due_ns, due);
    }
    engine_owned_drop(
        c, o, o->suspend_ns ? ENGINE_DISOWN_SUSPENDED : ENGINE_DISOWN_DONE);
}

/* What was decided is durable: act on it, then go on. */
static void committed(struct engine_coordinator *c, struct engine_owned *o,
                      const struct engine_reply *reply)
{
    o->seq = reply->seq;
    o->over_limit = 0;
    o->outbox_durable = o->outbox.size;
    engine_run_stamp(o->run, reply->store_time_ns);
    engine_owned_confirm(c, o);
    if (o->answer != ENGINE_ANSWER_NONE)
        engine_service_answer(c, o);
    if (o->release) {
        released(c, o);
        return;
    }
    uint64_t id = o->id;
    if (engine_run_state_terminal(o->run->state)) {
        o->outbox_open = o->run->origin.parent == 0;
        if (o->outbox_open)
            engine_owned_send_result(c, o);
        engine_owned_advance(c, o);
    } else {
        dispatch_new(c, o);
        if (o->mail.size > 0 || o->mail_wanted || o->run->execution)
            engine_owned_advance(c, o);
    }
    if (engine_owned_find(c, id) == o)
        engine_owned_rearm(c, o);
}

bool engine_owned_swallow(struct engine_coordinator *c, struct engine_owned *o)
{
    const struct engine_reply reply = {
        .seq = o->seq + 1, .store_time_ns = engine_coordinator_store_now(c)};
    if ((o->request_kind != ENGINE_REQ_CREATE &&
         o->request_kind != ENGINE_REQ_APPEND) ||
        !engine_defect(&c->config.defects,
                       ENGINE_DEFECT_APPEND_FAILURE_SWALLOWED))
        return false;
    committed(c, o, &reply);
    return true;
}

static void mail_read(struct engine_coordinator *c, struct engine_owned *o,
                      const struct engine_reply *reply)
{
    /* What was heard meanwhile may be newer than this answer: look again. */
    o->mail_wanted = o->mail.size > 0;
    if (!o->run)
        return;
    o->mail.size = 0;
    o->inbox.size = 0;
    ENGINE_REPLY_ITEMS(reply, item)
    {
        if (item->type == ENGINE_ITEM_WORK)
            see_work(c, o, item);
        else if (item->type == ENGINE_ITEM_INBOX)
            (void)engine_owned_keep_item(c, &o->inbox, item);
    }
    engine_owned_advance(c, o);
    engine_owned_rearm(c, o);
}

/*
 * The lease runs since the try that created the run, which need not be the
 * last one: what is left of it when we asked is ours.
 */
static void lease_as_found(struct engine_coordinator *c, struct engine_owned *o,
                           const struct engine_run_row *row,
                           const struct engine_reply *reply, uint64_t asked_ns)
{
    uint64_t left = row->expires_ns > reply->store_time_ns
                        ? row->expires_ns - reply->store_time_ns
                        : 0;
    uint64_t bound = c->config.skew_bound_ns;
    o->lease_ns = asked_ns + (left > bound ? left - bound : 0);
}

static void loaded(struct engine_coordinator *c, struct engine_owned *o,
                   const struct engine_reply *reply)
{
    const struct engine_run_row *row = engine_recover_row(reply);
    if (!row) {
        engine_owned_drop(c, o, ENGINE_DISOWN_FENCED);
        return;
    }
    if (!o->durable) /* our CREATE was not answered */
        lease_as_found(c, o, row, reply,
                       o->request_ns - c->config.request_timeout_ns);
    if (c->mono_ns >= o->lease_ns &&
        !engine_defect(&c->config.defects, ENGINE_DEFECT_LEASE_NO_SELF_FENCE)) {
        engine_owned_confirm(c, o);
        engine_owned_drop(c, o, ENGINE_DISOWN_EXPIRED);
        return;
    }
    engine_owned_recover(c, o, row, reply);
}

/* The run was there before: ours by an earlier try, or another's. */
static void create_conflict(struct engine_coordinator *c,
                            struct engine_owned *o,
                            const struct engine_reply *reply)
{
    if (engine_invoke_is_taken(&o->run->origin, reply)) {
        engine_courier_child(c, o, ENGINE_COURIER_TAKEN);
        engine_owned_drop(c, o, ENGINE_DISOWN_FENCED);
        return;
    }
    engine_owned_confirm(c, o);
    const struct engine_run_row *row = engine_recover_row(reply);
    if (row && row->holder == c->sender && row->token == o->token) {
        lease_as_found(c, o, row, reply, o->granted_ns);
        engine_owned_reload(c, o, 0);
        engine_owned_rearm(c, o);
    } else {
        engine_owned_drop(c, o, ENGINE_DISOWN_FENCED);
    }
}

static void refused(struct engine_coordinator *c, struct engine_owned *o,
                    const struct engine_reply *reply)
{
    /* Too early by the store's clock, or too much: which, the size tells. */
    bool early = reply->maximum > reply->actual;
    if (!early && o->snapshot_sent)
        o->snapshot_refused = 1; /* the run can do without */
    else if (!early && !engine_defect(&c->config.defects,
                                      ENGINE_DEFECT_VALIDATE_REJECT_LOOP))
        o->over_limit = 1;
    engine_owned_reload(c, o,
                        early ? engine_earlier(reply->maximum - reply->actual,
                                               UINT64_C(1000000000))
                              : 0);
    engine_owned_rearm(c, o);
}

/* An attempt is ours, or somebody else's, or over: look again. */
static void claimed(struct engine_coordinator *c, struct engine_owned *o,
                    const struct engine_reply *reply)
{
    o->claim_op = 0;
    o->mail_wanted = 1;
    if (reply->outcome == ENGINE_FAILED || reply->outcome == ENGINE_UNKNOWN)
        engine_owned_reload(c, o, c->config.dispatch_timeout_ns);
    else
        engine_owned_ask(c, o, ENGINE_REQ_MAIL);
    engine_owned_rearm(c, o);
}

void engine_owned_answered(struct engine_coordinator *c, struct engine_owned *o,
                           const struct engine_reply *reply)
{
    enum engine_request_kind kind = (enum engine_request_kind)o->request_kind;
    o->request_id = 0;
    if (kind == ENGINE_REQ_CLAIM) {
        claimed(c, o, reply);
        return;
    }
    switch (reply->outcome) {
    case ENGINE_COMMITTED:
        if (kind == ENGINE_REQ_MAIL) {
            mail_read(c, o, reply);
        } else if (kind == ENGINE_REQ_ACK) {
            o->outbox_open = 0;
            engine_owned_advance(c, o);
        } else if (kind == ENGINE_REQ_LOAD) {
            loaded(c, o, reply);
        } else {
            committed(c, o, reply);
        }
        return;
    case ENGINE_FENCED:
        engine_owned_drop(c, o, ENGINE_DISOWN_FENCED);
        return;
    case ENGINE_CONFLICT:
        if (kind == ENGINE_REQ_CREATE) {
            create_conflict(c, o, reply);
            return;
        }
        engine_owned_reload(c, o, 0);
        break;
    case ENGINE_REFUSED:
        if (kind == ENGINE_REQ_APPEND) {
            refused(c, o, reply);
            return;
        }
        if (kind == ENGINE_REQ_CREATE)
            engine_courier_child(c, o, ENGINE_COURIER_REFUSED);
        /* A run that cannot be created or read is not ours to keep. */
        engine_owned_drop(c, o, ENGINE_DISOWN_DONE);
        return;
    default:
        /* FAILED or UNKNOWN: look before acting, but not in a tight loop. */
        engine_owned_reload(c, o, c->config.dispatch_timeout_ns);
        break;
    }
    engine_owned_rearm(c, o);
}

/* Creating ----------------------------------------------------------------- */

static void add_created(struct engine_decide *decide, uint32_t workflow,
                        uint32_t client, const struct engine_origin *origin,
                        const void *input, size_t size)
{
    size_t from = decide->block->size;
    size_t head_size = origin ? sizeof(*origin) : 0;
    const struct engine_item head = {
        .type = ENGINE_ITEM_EVENT,
        .kind = ENGINE_EV_RUN_CREATED,
        .op = UINT32_MAX,
        .a = workflow,
        .b = client,
        .flags = origin ? ENGINE_CREATED_ORIGIN : 0,
    };
    struct engine_item *item =
        engine_block_item(decide->block, &head, NULL, head_size + size);
    if (!item) {
        decide->error = -1;
        return;
    }
    if (origin)
        memcpy(item + 1, origin, sizeof(*origin));
    if (size > 0)
        memcpy((unsigned char *)(item + 1) + head_size, input, size);
    engine_decide_added(decide, from);
}

/* The random draws of a run are its own, whoever owns it. */
static uint64_t seed_of(const struct engine_coordinator *c, uint64_t run)
{
    struct engine_stream stream;
    engine_stream_init(&stream, c->config.seed, "engine/run", run);
    return engine_stream_u64(&stream, 0);
}

static int make_run(struct engine_coordinator *c, struct engine_owned *o,
                    uint32_t workflow)
{
    const struct engine_graph *graph = c->config.graphs[workflow];
    o->run = engine_run_new_within(c->config.memory, o->id, workflow, graph,
                                   c->config.limits);
    o->dispatch = engine_new(c->config.memory,
                             engine_graph_count(graph) * sizeof(*o->dispatch));
    if (o->run && o->run->execution)
        o->run->execution->defects = &c->config.defects;
    return o->run && o->dispatch ? 0 : -1;
}

void engine_owned_create(struct engine_coordinator *c, struct engine_owned *o,
                         uint32_t workflow, uint32_t client,
                         struct engine_origin *origin, const void *input,
                         size_t size)
{
    if (make_run(c, o, workflow)) {
        c->failed = true;
        return;
    }
    engine_owned_note(c, ENGINE_REC_OWNED, o, UINT32_MAX, 0, 1);
    struct engine_request *request =
        engine_owned_begin(c, o, ENGINE_REQ_CREATE);
    if (!request || !engine_block_begin(c->config.rows, sizeof(uint64_t))) {
        c->failed = true;
        return;
    }
    request->state = ENGINE_RUN_RUNNING;
    request->wake_ns = UINT64_MAX;
    request->flags = origin->parent ? ENGINE_CREATE_CHILD : 0;
    origin->created_ns =
        c->store_known ? engine_coordinator_store_now(c) : c->wall_ns;
    origin->seed = seed_of(c, o->id);
    bool whole = origin->parent || o->run->execution;
    struct engine_decide decide = engine_owned_decide(c, o);
    add_created(&decide, workflow, client, whole ? origin : NULL, input, size);
    engine_decide_ready(&decide);
    engine_decide_rows(&decide);
    if (decide.error)
        c->failed = true;
    else
        engine_owned_submit(c, o, ENGINE_REQ_CREATE);
}
