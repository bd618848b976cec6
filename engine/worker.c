#include "engine/worker.h"

#include <assert.h>
#include <sodium/crypto_hash_sha256.h>

#include "engine/value.h"
#include "engine/worker_private.h"

static const struct engine_node *node_of(const struct engine_worker *w,
                                         const struct engine_slot *s)
{
    return engine_graph_node(w->config.graphs[s->workflow], s->op);
}

static void release(struct engine_worker *w, struct engine_slot *s)
{
    engine_call_free(w, s, true);
    engine_delete(w->config.memory, s->value);
    *s = (struct engine_slot){0};
    w->busy--;
}

/*
 * Gives up an attempt whose code has begun. In the store the claim stays ours
 * until it is cut: a late dispatch must not begin the same attempt again.
 */
void engine_worker_let_go(struct engine_worker *w, struct engine_slot *s)
{
    w->let_go[w->let_go_count++ % ENGINE_LET_GO_MAX] =
        (struct engine_worker_attempt){s->run, s->op, s->attempt};
    release(w, s);
}

static bool was_let_go(const struct engine_worker *w,
                       const struct engine_message *message)
{
    for (uint32_t i = 0; i < w->let_go_count && i < ENGINE_LET_GO_MAX; i++)
        if (w->let_go[i].run == message->run &&
            w->let_go[i].op == message->op &&
            w->let_go[i].attempt == message->attempt)
            return true;
    return false;
}

/* Requests ---------------------------------------------------------------- */

struct engine_request *engine_worker_begin(struct engine_worker *w,
                                           const struct engine_slot *s,
                                           enum engine_request_kind kind)
{
    struct engine_request *request =
        engine_block_begin(w->config.scratch, sizeof(*request));
    if (!request) {
        w->failed = true;
        return NULL;
    }
    request->kind = (uint16_t)kind;
    request->id = ++w->next_id;
    request->sender = w->sender;
    request->run = s->run;
    request->op = s->op;
    request->attempt = s->attempt;
    request->ttl_ns = w->config.claim_ttl_ns;
    request->now_ns = w->wall_ns;
    return request;
}

static void submit(struct engine_worker *w)
{
    engine_update_request(w->update, w->config.scratch, w->config.node,
                          w->config.store);
}

void engine_worker_submit(struct engine_worker *w, struct engine_slot *s)
{
    s->request_id = w->next_id;
    s->request_ns = w->mono_ns + w->config.request_timeout_ns;
    submit(w);
}

static void claim(struct engine_worker *w, struct engine_slot *s)
{
    s->state = ENGINE_SLOT_CLAIMING;
    s->asked_ns = w->mono_ns;
    if (engine_worker_begin(w, s, ENGINE_REQ_CLAIM))
        engine_worker_submit(w, s);
}

void engine_worker_finish(struct engine_worker *w, struct engine_slot *s)
{
    s->state = ENGINE_SLOT_FINISHING;
    struct engine_request *request =
        engine_worker_begin(w, s, ENGINE_REQ_FINISH);
    if (!request)
        return;
    request->error = s->error;
    request->retryable = s->retryable;
    struct engine_item head = {
        .type = ENGINE_ITEM_WORK, .op = s->op, .attempt = s->attempt};
    bool output = s->error == ENGINE_ERR_NONE || s->payload;
    engine_block_item(w->config.scratch, &head, output ? s->value : NULL,
                      output ? s->value_size : 0);
    engine_worker_submit(w, s);
}

void engine_worker_finish_error(struct engine_worker *w, struct engine_slot *s,
                                enum engine_error error)
{
    s->error = error;
    s->payload = 0;
    s->retryable =
        error == ENGINE_ERR_TIMED_OUT || error == ENGINE_ERR_INTERRUPTED;
    engine_worker_finish(w, s);
}

/* Values ------------------------------------------------------------------ */

bool engine_worker_keep(struct engine_worker *w, struct engine_slot *s,
                        const void *bytes, uint32_t size)
{
    engine_delete(w->config.memory, s->value);
    s->value = NULL;
    s->value_size = size;
    s->next_value = 0;
    if (size == 0)
        return true;
    s->value = engine_resize(w->config.memory, NULL, size);
    if (!s->value) {
        w->failed = true;
        return false;
    }
    memcpy(s->value, bytes, size);
    return true;
}

/* Replaces one value of the envelope by another. */
static bool replace_value(struct engine_worker *w, struct engine_slot *s,
                          const struct engine_value *old,
                          enum engine_value_kind kind, const void *bytes,
                          uint32_t size)
{
    size_t before = (size_t)((const unsigned char *)old - s->value);
    size_t old_span = engine_value_span(old->size);
    size_t new_span = engine_value_span(size);
    size_t after = s->value_size - before - old_span;
    size_t total = before + new_span + after;
    unsigned char *value = total <= UINT32_MAX
                               ? engine_resize(w->config.memory, NULL, total)
                               : NULL;
    if (!value) {
        w->failed = true;
        return false;
    }
    memcpy(value, s->value, before);
    engine_value_write(value + before, kind, bytes, size);
    memcpy(value + before + new_span, s->value + before + old_span, after);
    engine_delete(w->config.memory, s->value);
    s->value = value;
    s->value_size = (uint32_t)total;
    return true;
}

static void execute(struct engine_worker *w, struct engine_slot *s)
{
    if (engine_call_handler(w, s->workflow)) {
        engine_call_begin_work(w, s);
        return;
    }
    s->state = ENGINE_SLOT_EXECUTING;
    struct engine_execute what = {
        .slot = (uint32_t)(s - w->slots),
        .workflow = s->workflow,
        .run = s->run,
        .op = s->op,
        .attempt = s->attempt,
        .deadline_ns = s->deadline_ns,
    };
    engine_update_add(w->update, ENGINE_DO_EXECUTE, &what, sizeof(what),
                      s->value, s->value_size);
}

/* The chunks of a stream are a blob as well; its digest stands first. */
static bool is_reference(const struct engine_value *value)
{
    return (value->kind == ENGINE_VALUE_BLOB &&
            value->size >= sizeof(struct engine_blob_ref)) ||
           (value->kind == ENGINE_VALUE_STREAM &&
            value->size == sizeof(struct engine_chunks_ref));
}

/* Fetches the next blob of the input, or starts when there is none left. */
static void fetch(struct engine_worker *w, struct engine_slot *s)
{
    s->state = ENGINE_SLOT_FETCHING;
    for (;; s->next_value++) {
        const struct engine_value *value =
            s->value ? engine_value_at(s->value, s->value_size, s->next_value)
                     : NULL;
        if (!value) {
            execute(w, s);
            return;
        }
        if (!is_reference(value))
            continue;
        struct engine_request *request =
            engine_worker_begin(w, s, ENGINE_REQ_GET_BLOB);
        if (!request)
            return;
        memcpy(request->blob, engine_value_bytes(value), sizeof(request->blob));
        engine_worker_submit(w, s);
        return;
    }
}

/* A handler's result stays what a parent can be told. */
static uint64_t inline_max(const struct engine_worker *w,
                           const struct engine_slot *s)
{
    const struct engine_limits *limits =
        w->config.limits ? w->config.limits : engine_limits_at(0);
    return engine_call_handler(w, s->workflow) &&
                   limits->operation_payload_max > w->config.inline_max
               ? limits->operation_payload_max
               : w->config.inline_max;
}

/*
 * What of a value is to be a blob: the bytes of a large one, the record that
 * stands behind the reference of a stream. False: nothing.
 */
static bool spills(const struct engine_worker *w, const struct engine_slot *s,
                   const struct engine_value *value, struct engine_bytes *out)
{
    size_t skip = value->kind == ENGINE_VALUE_STREAM
                      ? sizeof(struct engine_chunks_ref)
                      : 0;
    bool large = skip > 0 ? value->size > skip
                          : value->kind == ENGINE_VALUE_INLINE &&
                                value->size > inline_max(w, s);
    if (!large)
        return false;
    *out = (struct engine_bytes){
        (const unsigned char *)engine_value_bytes(value) + skip,
        value->size - skip};
    return true;
}

static void spilled(struct engine_worker *w, struct engine_slot *s);

/* Writes the next large value as a blob, or reports when none is left. */
void engine_worker_spill(struct engine_worker *w, struct engine_slot *s)
{
    s->state = ENGINE_SLOT_SPILLING;
    for (;; s->next_value++) {
        const struct engine_value *value =
            s->value ? engine_value_at(s->value, s->value_size, s->next_value)
                     : NULL;
        if (!value) {
            engine_worker_finish(w, s);
            return;
        }
        struct engine_bytes bytes;
        if (!spills(w, s, value, &bytes))
            continue;
        struct engine_request *request =
            engine_worker_begin(w, s, ENGINE_REQ_PUT_BLOB);
        if (!request)
            return;
        crypto_hash_sha256(request->blob, bytes.data, bytes.size);
        struct engine_item head = {.type = ENGINE_ITEM_BLOB};
        engine_block_item(w->config.scratch, &head, bytes.data, bytes.size);
        engine_worker_submit(w, s);
        if (engine_defect(&w->config.defects, ENGINE_DEFECT_BLOB_AFTER_LOG))
            spilled(w, s);
        return;
    }
}

static void spilled(struct engine_worker *w, struct engine_slot *s)
{
    const struct engine_value *value =
        engine_value_at(s->value, s->value_size, s->next_value);
    struct engine_blob_ref ref = {.size = value->size};
    struct engine_chunks_ref chunks;
    bool replaced;
    if (value->kind == ENGINE_VALUE_STREAM) {
        memcpy(&chunks, engine_value_bytes(value), sizeof(chunks));
        replaced = replace_value(w, s, value, ENGINE_VALUE_STREAM, &chunks,
                                 sizeof(chunks));
    } else {
        crypto_hash_sha256(ref.digest, engine_value_bytes(value), value->size);
        replaced =
            replace_value(w, s, value, ENGINE_VALUE_BLOB, &ref, sizeof(ref));
    }
    if (replaced)
        engine_worker_spill(w, s);
}

static void fetched(struct engine_worker *w, struct engine_slot *s,
                    const struct engine_reply *reply)
{
    const struct engine_value *value =
        engine_value_at(s->value, s->value_size, s->next_value);
    bool stream = value->kind == ENGINE_VALUE_STREAM;
    struct engine_blob_ref ref;
    memcpy(&ref, engine_value_bytes(value), sizeof(ref));
    ENGINE_REPLY_ITEMS(reply, item)
    {
        uint8_t digest[ENGINE_BLOB_DIGEST_SIZE];
        if (item->type != ENGINE_ITEM_BLOB || item->size != ref.size)
            continue;
        crypto_hash_sha256(digest, engine_item_payload(item), item->size);
        if (memcmp(digest, ref.digest, sizeof(digest)) != 0)
            continue;
        if (!replace_value(w, s, value,
                           stream ? ENGINE_VALUE_STREAM : ENGINE_VALUE_INLINE,
                           engine_item_payload(item), item->size))
            return;
        s->next_value += stream; /* it might look like a reference */
        fetch(w, s);
        return;
    }
    engine_worker_finish_error(w, s, ENGINE_ERR_UNKNOWN);
}

/* Replies ----------------------------------------------------------------- */

/*
 * Our time for the attempt ends before the coordinator's, by the skew bound if
 * that fits. The answer to a claim that had to be asked for again may come
 * when some of it, or all, is used up.
 */
static void set_deadline(struct engine_worker *w, struct engine_slot *s,
                         const struct engine_reply *reply)
{
    uint64_t timeout = node_of(w, s)->attempt_timeout_ns;
    uint64_t spent = 0;
    ENGINE_REPLY_ITEMS(reply, item)
    {
        if (item->type == ENGINE_ITEM_WORK && reply->repeat &&
            reply->store_time_ns > item->a)
            spent = reply->store_time_ns - item->a;
    }
    if (timeout > 2 * w->config.skew_bound_ns)
        timeout -= w->config.skew_bound_ns;
    s->deadline_ns = s->asked_ns + (timeout > spent ? timeout - spent : 0);
}

static void claimed(struct engine_worker *w, struct engine_slot *s,
                    const struct engine_reply *reply)
{
    s->claim_ns =
        s->asked_ns + w->config.claim_ttl_ns - w->config.skew_bound_ns;
    if (w->mono_ns >= s->claim_ns) {
        /* The answer took as long as the claim. */
        release(w, s);
        return;
    }
    s->heartbeat_ns = s->asked_ns + w->config.claim_ttl_ns / 3;
    set_deadline(w, s, reply);
    if (w->mono_ns >= s->deadline_ns) {
        engine_worker_finish_error(w, s, ENGINE_ERR_TIMED_OUT);
        return;
    }
    ENGINE_REPLY_ITEMS(reply, item)
    {
        if (item->type != ENGINE_ITEM_WORK)
            continue;
        if (engine_worker_keep(w, s, engine_item_payload(item), item->size))
            fetch(w, s);
        return;
    }
    fetch(w, s);
}

static void hint(struct engine_worker *w, const struct engine_slot *s)
{
    struct engine_block *block = w->config.scratch;
    struct engine_message *message =
        engine_block_begin(block, sizeof(*message));
    if (!message) {
        w->failed = true;
        return;
    }
    message->kind = ENGINE_MSG_HINT;
    message->from = w->config.node;
    message->to = s->reply_to;
    message->run = s->run;
    message->op = s->op;
    message->attempt = s->attempt;
    struct engine_item head = {
        .type = ENGINE_ITEM_WORK,
        .kind = ENGINE_WORK_DONE,
        .op = s->op,
        .attempt = s->attempt,
        .flags = s->error | s->retryable << 16,
    };
    bool output = s->error == ENGINE_ERR_NONE || s->payload;
    engine_block_item(block, &head, output ? s->value : NULL,
                      output ? s->value_size : 0);
    if (!engine_block_ok(block))
        w->failed = true;
    else
        engine_update_add(w->update, ENGINE_DO_SEND, block->bytes, block->size,
                          NULL, 0);
}

static void answered(struct engine_worker *w, struct engine_slot *s,
                     const struct engine_reply *reply)
{
    s->request_id = 0;
    if (reply->outcome == ENGINE_FAILED || reply->outcome == ENGINE_UNKNOWN) {
        /* Every request of a worker may be repeated: try again later. */
        s->request_ns = w->mono_ns + w->config.request_timeout_ns / 2;
        return;
    }
    bool good = reply->outcome == ENGINE_COMMITTED;
    switch (s->state) {
    case ENGINE_SLOT_CLAIMING:
        if (good)
            claimed(w, s, reply);
        else
            release(w, s);
        return;
    case ENGINE_SLOT_FETCHING:
        if (good)
            fetched(w, s, reply);
        else
            engine_worker_finish_error(w, s, ENGINE_ERR_UNKNOWN);
        return;
    case ENGINE_SLOT_GETTING:
    case ENGINE_SLOT_PUTTING:
        engine_call_blob(w, s, good ? reply : NULL);
        return;
    case ENGINE_SLOT_SPILLING:
        if (good)
            spilled(w, s);
        else
            engine_worker_finish_error(w, s, ENGINE_ERR_SIZE_LIMIT);
        return;
    case ENGINE_SLOT_FINISHING:
        if (reply->outcome == ENGINE_REFUSED &&
            s->error != ENGINE_ERR_SIZE_LIMIT) {
            engine_worker_finish_error(w, s, ENGINE_ERR_SIZE_LIMIT);
            return;
        }
        if (!good) {
            engine_worker_let_go(w, s);
            return;
        }
        hint(w, s);
        release(w, s);
        return;
    default:
        return;
    }
}

static void heartbeat_answered(struct engine_worker *w, struct engine_slot *s,
                               const struct engine_reply *reply)
{
    s->heartbeat_id = 0;
    if (reply->outcome == ENGINE_COMMITTED) {
        s->claim_ns = s->heartbeat_asked_ns + w->config.claim_ttl_ns -
                      w->config.skew_bound_ns;
        if (engine_slot_calls(s))
            engine_call_owner(w, s, reply->holder);
        return;
    }
    if (reply->outcome == ENGINE_FENCED)
        s->claim_ns = w->mono_ns;
}

static bool asked(const struct engine_slot *s, uint64_t id)
{
    return s->state != ENGINE_SLOT_FREE && id != 0 &&
           (s->request_id == id || s->heartbeat_id == id);
}

/* Who has asked; NULL: nobody that is still here. */
static struct engine_slot *find_asker(struct engine_worker *w,
                                      const struct engine_reply *reply)
{
    struct engine_slot *likely = engine_worker_likely(w, reply->run);
    if (asked(likely, reply->id))
        return likely;
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (asked(&w->slots[i], reply->id))
            return &w->slots[i];
    return NULL;
}

static struct engine_slot *take_reply(struct engine_worker *w,
                                      const struct engine_reply *reply)
{
    struct engine_slot *s = find_asker(w, reply);
    if (s && s->request_id == reply->id)
        answered(w, s, reply);
    else if (s)
        heartbeat_answered(w, s, reply);
    return s;
}

/* Messages ---------------------------------------------------------------- */

/* Its host has the code, as far as that is in a handler. */
static bool can_do(const struct engine_worker *w, uint32_t workflow)
{
    return !engine_graph_is_handler(w->config.graphs[workflow]) ||
           engine_call_handler(w, workflow);
}

static struct engine_slot *dispatched(struct engine_worker *w,
                                      const struct engine_message *message)
{
    struct engine_slot *free_slot = NULL;
    if (message->a >= w->config.graph_count ||
        message->op >=
            engine_graph_count(w->config.graphs[(uint32_t)message->a]) ||
        !can_do(w, (uint32_t)message->a))
        return NULL;
    for (uint32_t i = 0; i < w->config.slots; i++) {
        struct engine_slot *s = &w->slots[i];
        if (s->state == ENGINE_SLOT_FREE) {
            free_slot = free_slot ? free_slot : s;
        } else if (s->run == message->run && s->op == message->op &&
                   s->attempt == message->attempt &&
                   !engine_defect(&w->config.defects,
                                  ENGINE_DEFECT_DISPATCH_REPEAT_BEGINS)) {
            return NULL; /* a repeat of what is under way */
        }
    }
    if (!free_slot || was_let_go(w, message))
        return NULL; /* it will be sent again, or cut */
    *free_slot = (struct engine_slot){
        .run = message->run,
        .workflow = (uint32_t)message->a,
        .op = message->op,
        .attempt = message->attempt,
        .reply_to = (uint32_t)message->b,
        .token = message->token,
        .fresh = (message->flags & ENGINE_DISPATCH_FRESH) != 0,
    };
    w->busy++;
    w->likely[message->run % ENGINE_LIKELY_MAX] =
        (uint32_t)(free_slot - w->slots);
    claim(w, free_slot);
    return free_slot;
}

/*
 * Two attempts that write to one place: the second half of what is read back
 * is that of the one before, which never got there.
 */
static void collide(const struct engine_worker *w, struct engine_slot *s)
{
    size_t head = sizeof(struct engine_value);
    size_t half = s->value_size > head ? (s->value_size - head) / 2 : 0;
    if (s->attempt > 1 && half > 0 &&
        engine_defect(&w->config.defects, ENGINE_DEFECT_LOGSTORE_COLLISION))
        memset(s->value + s->value_size - half, 0, half);
}

static struct engine_slot *ended(struct engine_worker *w,
                                 const struct engine_ended *ended)
{
    assert(ended->slot < w->config.slots);
    struct engine_slot *s = &w->slots[ended->slot];
    if (s->call && ended->part) {
        engine_call_ended(w, s, ended);
        return s;
    }
    if (s->state != ENGINE_SLOT_EXECUTING)
        return NULL; /* given up meanwhile */
    s->error = ended->error;
    s->retryable = ended->retryable;
    if (ended->error) {
        engine_worker_finish(w, s);
    } else if (engine_worker_keep(w, s, ended->output, ended->size)) {
        collide(w, s);
        engine_worker_spill(w, s);
    }
    return s;
}

static struct engine_slot *progressed(struct engine_worker *w,
                                      const struct engine_ended *sign)
{
    assert(sign->slot < w->config.slots);
    struct engine_slot *s = &w->slots[sign->slot];
    if (s->call && sign->part)
        engine_call_progress(w, s, sign);
    return s;
}

/* Time -------------------------------------------------------------------- */

static void abandon(struct engine_worker *w, struct engine_slot *s)
{
    struct engine_execute what = {
        .slot = (uint32_t)(s - w->slots),
        .run = s->run,
        .op = s->op,
        .attempt = s->attempt,
    };
    if (s->state == ENGINE_SLOT_EXECUTING)
        engine_update_add(w->update, ENGINE_DO_ABANDON, &what, sizeof(what),
                          NULL, 0);
}

static void ask_again(struct engine_worker *w, struct engine_slot *s)
{
    switch (s->state) {
    case ENGINE_SLOT_CLAIMING:
        if (engine_defect(&w->config.defects, ENGINE_DEFECT_RESUB_MISSING))
            s->request_ns = UINT64_MAX;
        else
            claim(w, s);
        break;
    case ENGINE_SLOT_FETCHING:
        fetch(w, s);
        break;
    case ENGINE_SLOT_SPILLING:
        engine_worker_spill(w, s);
        break;
    case ENGINE_SLOT_FINISHING:
        engine_worker_finish(w, s);
        break;
    default:
        break;
    }
}

void engine_worker_heartbeat(struct engine_worker *w, struct engine_slot *s)
{
    if (s->heartbeat_id && w->mono_ns < s->heartbeat_ns)
        return;
    s->heartbeat_ns = w->mono_ns + w->config.claim_ttl_ns / 3;
    s->heartbeat_asked_ns = w->mono_ns;
    if (!engine_worker_begin(w, s, ENGINE_REQ_HEARTBEAT))
        return;
    s->heartbeat_id = w->next_id;
    submit(w);
}

static void attend(struct engine_worker *w, struct engine_slot *s)
{
    bool holds = s->state != ENGINE_SLOT_CLAIMING;
    if (holds && s->state == ENGINE_SLOT_EXECUTING &&
        engine_defect(&w->config.defects, ENGINE_DEFECT_HB_SAME_THREAD)) {
        /* The step's code has the thread. */
        s->claim_ns = w->mono_ns + w->config.claim_ttl_ns;
        s->heartbeat_ns = s->claim_ns;
    }
    if (holds && w->mono_ns >= s->claim_ns &&
        engine_defect(&w->config.defects, ENGINE_DEFECT_WORKER_NO_SELF_FENCE))
        s->claim_ns = UINT64_MAX;
    if (holds && w->mono_ns >= s->claim_ns) {
        /* The claim may be over: another decides about this attempt. */
        abandon(w, s);
        if (s->state == ENGINE_SLOT_FETCHING)
            release(w, s);
        else
            engine_worker_let_go(w, s);
        return;
    }
    if (!holds && w->mono_ns - s->asked_ns >= w->config.claim_ttl_ns) {
        release(w, s);
        return;
    }
    if (s->state == ENGINE_SLOT_EXECUTING && w->mono_ns >= s->deadline_ns &&
        engine_defect(&w->config.defects, ENGINE_DEFECT_ATTEMPT_NO_TIMEOUT))
        s->deadline_ns = UINT64_MAX;
    if (s->state == ENGINE_SLOT_EXECUTING && w->mono_ns >= s->deadline_ns) {
        abandon(w, s);
        engine_worker_finish_error(w, s, ENGINE_ERR_TIMED_OUT);
        return;
    }
    if (holds && w->mono_ns >= s->heartbeat_ns)
        engine_worker_heartbeat(w, s);
    if (engine_slot_calls(s)) {
        engine_call_attend(w, s);
        return;
    }
    if (s->state != ENGINE_SLOT_EXECUTING && w->mono_ns >= s->request_ns)
        ask_again(w, s);
}

static uint64_t next_of(const struct engine_slot *s)
{
    uint64_t next = s->state == ENGINE_SLOT_CLAIMING ? UINT64_MAX : s->claim_ns;
    if (s->state != ENGINE_SLOT_CLAIMING && s->heartbeat_ns < next)
        next = s->heartbeat_ns;
    if (engine_slot_calls(s)) {
        uint64_t call = engine_call_next(s);
        return call < next ? call : next;
    }
    uint64_t other =
        s->state == ENGINE_SLOT_EXECUTING ? s->deadline_ns : s->request_ns;
    return other < next ? other : next;
}

struct engine_worker *
engine_worker_new(const struct engine_worker_config *config, uint64_t mono_ns)
{
    assert(config->slots > 0 && config->incarnation != 0);
    assert(config->skew_bound_ns < config->claim_ttl_ns);
    struct engine_worker *w =
        engine_new(config->memory,
                   sizeof(*w) + config->slots * sizeof(struct engine_slot));
    if (!w)
        return NULL;
    w->config = *config;
    w->sender = (uint64_t)config->node << 32 | config->incarnation;
    /* A late reply to the process before this one must find no request. */
    w->next_id = (uint64_t)config->incarnation << 32;
    w->mono_ns = mono_ns;
    w->due_ns = UINT64_MAX;
    return w;
}

void engine_worker_free(struct engine_worker *w)
{
    if (!w)
        return;
    for (uint32_t i = 0; i < w->config.slots; i++) {
        engine_call_free(w, &w->slots[i], false);
        engine_delete(w->config.memory, w->slots[i].value);
    }
    engine_delete(w->config.memory, w);
}

/* Attends to all that are due. */
static void attend_due(struct engine_worker *w)
{
    /* Busy slots are the first ones, but for what has become free since. */
    for (uint32_t i = 0, left = w->busy; left > 0; i++) {
        if (w->slots[i].state == ENGINE_SLOT_FREE)
            continue;
        left--;
        if (next_of(&w->slots[i]) <= w->mono_ns)
            attend(w, &w->slots[i]);
    }
    w->due_ns = engine_worker_deadline(w);
}

/* Carries it out; the slot that has changed by it, NULL: none. */
static struct engine_slot *take(struct engine_worker *w,
                                const struct engine_input *input)
{
    switch (input->kind) {
    case ENGINE_IN_MESSAGE:
        return input->message->kind == ENGINE_MSG_DISPATCH
                   ? dispatched(w, input->message)
                   : engine_call_message(w, input->message);
    case ENGINE_IN_REPLY:
        return take_reply(w, input->reply);
    case ENGINE_IN_ENDED:
        return ended(w, input->ended);
    case ENGINE_IN_PROGRESS:
        return progressed(w, input->ended);
    default:
        return NULL;
    }
}

int engine_worker_step(struct engine_worker *w,
                       const struct engine_input *input,
                       struct engine_update *update)
{
    assert(input->mono_ns >= w->mono_ns);
    w->mono_ns = input->mono_ns;
    w->wall_ns = input->wall_ns;
    w->update = update;
    if (w->mono_ns >= w->due_ns)
        attend_due(w);
    const struct engine_slot *s = take(w, input);
    if (s && s->state != ENGINE_SLOT_FREE && next_of(s) < w->due_ns)
        w->due_ns = next_of(s);
    w->update = NULL;
    return w->failed || update->failed ? -1 : 0;
}

uint64_t engine_worker_deadline(const struct engine_worker *w)
{
    uint64_t next = UINT64_MAX;
    for (uint32_t i = 0, left = w->busy; left > 0; i++) {
        if (w->slots[i].state == ENGINE_SLOT_FREE)
            continue;
        left--;
        uint64_t slot = next_of(&w->slots[i]);
        next = slot < next ? slot : next;
    }
    return next;
}

uint32_t engine_worker_busy(const struct engine_worker *w)
{
    return w->busy;
}

bool engine_worker_has(const struct engine_worker *w, uint64_t run, uint32_t op,
                       uint32_t attempt)
{
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (w->slots[i].state != ENGINE_SLOT_FREE && w->slots[i].run == run &&
            w->slots[i].op == op && w->slots[i].attempt == attempt)
            return true;
    return false;
}
