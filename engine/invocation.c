/*
 * A slot that carries out an invocation of a handler: it holds a replay, loads
 * the run's state into it, persists what the handler wants recorded, and has
 * its steps run by the host.
 */
#include "engine/value.h"
#include "engine/worker_private.h"

#include <assert.h>
#include <sodium/crypto_hash_sha256.h>

/* A step's code that the host is running. */
struct step {
    uint32_t operation;
    uint64_t deadline_ns; /* mono, UINT64_MAX: none */
    uint64_t stalled_ns;  /* mono: no sign of progress by then; the same */
    uint64_t stall_ns;    /* 0: none */
};

struct engine_worker_call {
    struct engine_worker *worker;
    struct engine_slot *slot;
    struct engine_replay *replay;
    uint64_t token;
    struct engine_hash client; /* of the checkpoint under way, zeros: none */
    uint32_t marker;           /* of the page asked for */
    uint32_t owner;            /* node */
    uint64_t poll_ns;          /* mono: when to ask for news */
    uint64_t window_ns;        /* mono: the open batch closes; 0: none is */
    struct step *steps;
    uint32_t step_count;
    uint32_t step_capacity;
    struct engine_block answer; /* of the persist hook */
};

static void go(struct engine_worker *w, struct engine_slot *s);
static void go_on(struct engine_worker *w, struct engine_slot *s);

const struct engine_handler *engine_call_handler(const struct engine_worker *w,
                                                 uint32_t workflow)
{
    return w->config.handlers ? w->config.handlers[workflow] : NULL;
}

/* Steps ------------------------------------------------------------------- */

static void order(struct engine_worker *w, const struct engine_slot *s,
                  enum engine_action_kind kind, uint32_t operation)
{
    const struct engine_execute what = {
        .slot = (uint32_t)(s - w->slots),
        .workflow = s->workflow,
        .run = s->run,
        .op = s->op,
        .attempt = s->attempt,
        .part = operation,
    };
    engine_update_add(w->update, kind, &what, sizeof(what), NULL, 0);
}

void engine_call_free(struct engine_worker *w, struct engine_slot *s,
                      bool abandon)
{
    struct engine_worker_call *call = s->call;
    if (!call)
        return;
    for (uint32_t i = 0; abandon && i < call->step_count; i++)
        order(w, s, ENGINE_DO_ABANDON, call->steps[i].operation);
    engine_replay_free(call->replay);
    engine_block_free(&call->answer);
    engine_delete(w->config.memory, call->steps);
    engine_delete(w->config.memory, call);
    s->call = NULL;
}

static bool note_step(struct engine_worker *w, struct engine_worker_call *call,
                      const struct step *step)
{
    if (call->step_count == call->step_capacity) {
        uint32_t capacity = call->step_capacity ? 2 * call->step_capacity : 4;
        struct step *steps = engine_resize(w->config.memory, call->steps,
                                           capacity * sizeof(*steps));
        if (!steps) {
            w->failed = true;
            return false;
        }
        call->steps = steps;
        call->step_capacity = capacity;
    }
    call->steps[call->step_count++] = *step;
    return true;
}

/* mono after a duration, 0: never. */
static uint64_t time_after(const struct engine_worker *w, uint64_t ns)
{
    return ns > 0 && ns < UINT64_MAX - w->mono_ns ? w->mono_ns + ns
                                                  : UINT64_MAX;
}

/* The order to run a step: its input, then what it saved last. */
static void execute(struct engine_worker *w, const struct engine_execute *what,
                    const struct engine_replay_step *step)
{
    size_t size = step->input.size + step->progress.size;
    unsigned char *to =
        engine_block_begin(w->config.scratch, sizeof(uint64_t) + size);
    if (!to) {
        w->failed = true;
        return;
    }
    to += sizeof(uint64_t);
    if (step->input.size > 0)
        memcpy(to, step->input.data, step->input.size);
    if (step->progress.size > 0)
        memcpy(to + step->input.size, step->progress.data, step->progress.size);
    engine_update_add(w->update, ENGINE_DO_EXECUTE, what, sizeof(*what), to,
                      size);
}

static void run_steps(struct engine_worker *w, struct engine_slot *s)
{
    struct engine_replay_step step;
    while (engine_replay_next_step(s->call->replay, &step)) {
        const struct step noted = {
            .operation = step.operation,
            .deadline_ns = time_after(w, step.timeout_ns),
            .stalled_ns = time_after(w, step.stall_ns),
            .stall_ns = step.stall_ns,
        };
        if (!note_step(w, s->call, &noted))
            return;
        const struct engine_execute what = {
            .slot = (uint32_t)(s - w->slots),
            .workflow = s->workflow,
            .run = s->run,
            .op = s->op,
            .attempt = s->attempt,
            .deadline_ns = noted.deadline_ns < s->deadline_ns
                               ? noted.deadline_ns
                               : s->deadline_ns,
            .part = step.operation,
            .part_attempt = step.attempt,
            .key = step.key,
            .id = step.id,
            .tag = step.tag,
            .progress_size = (uint32_t)step.progress.size,
        };
        execute(w, &what, &step);
    }
}

/* The place of a step in the list; step_count: it does not run. */
static uint32_t place_of(const struct engine_worker_call *call,
                         uint32_t operation)
{
    uint32_t i = 0;
    while (i < call->step_count && call->steps[i].operation != operation)
        i++;
    return i;
}

static void end_step(struct engine_worker *w, struct engine_slot *s, uint32_t i,
                     uint32_t error, bool retryable, struct engine_bytes output)
{
    struct engine_worker_call *call = s->call;
    uint32_t operation = call->steps[i].operation;
    call->steps[i] = call->steps[--call->step_count];
    if (engine_replay_ended(call->replay, operation, error, retryable, output))
        w->failed = true;
}

void engine_call_ended(struct engine_worker *w, struct engine_slot *s,
                       const struct engine_ended *ended)
{
    uint32_t i = place_of(s->call, ended->part);
    if (!engine_slot_calls(s) || i == s->call->step_count)
        return; /* given up meanwhile */
    end_step(w, s, i, ended->error, ended->retryable != 0,
             (struct engine_bytes){ended->output, ended->size});
    if (s->state == ENGINE_SLOT_CALLING && !w->failed)
        go_on(w, s);
}

void engine_call_progress(struct engine_worker *w, struct engine_slot *s,
                          const struct engine_ended *sign)
{
    uint32_t i = place_of(s->call, sign->part);
    if (!engine_slot_calls(s) || i == s->call->step_count)
        return;
    s->call->steps[i].stalled_ns = time_after(w, s->call->steps[i].stall_ns);
    if (sign->size > 0)
        (void)engine_replay_progress(
            s->call->replay, sign->part,
            (struct engine_bytes){sign->output, sign->size});
    if (sign->size > 0 && s->state == ENGINE_SLOT_CALLING)
        go_on(w, s);
}

/* Questions --------------------------------------------------------------- */

/* The question about the updates that are to be persisted now. */
static bool write_checkpoint(struct engine_worker *w, struct engine_slot *s,
                             const void *updates, size_t size)
{
    struct engine_worker_call *call = s->call;
    struct engine_block *block = w->config.scratch;
    if (call->client.lo == 0 && call->client.hi == 0)
        call->client = (struct engine_hash){w->sender, ++w->next_id};
    struct engine_message *message =
        engine_block_begin(block, sizeof(*message) + size);
    if (!message) {
        w->failed = true;
        return false;
    }
    message->kind = ENGINE_MSG_CHECKPOINT;
    message->from = w->config.node;
    message->to = call->owner;
    message->run = s->run;
    message->attempt = s->attempt;
    message->token = call->token;
    message->a = call->client.lo;
    message->b = call->client.hi;
    if (size > 0)
        memcpy(message + 1, updates, size);
    return true;
}

static void ask_checkpoint(struct engine_worker *w, struct engine_slot *s)
{
    size_t size;
    const void *updates = engine_replay_updates(s->call->replay, &size);
    s->state = ENGINE_SLOT_ASKING;
    s->request_ns = w->mono_ns + w->config.request_timeout_ns;
    if (write_checkpoint(w, s, updates, size))
        engine_update_add(w->update, ENGINE_DO_SEND, w->config.scratch->bytes,
                          w->config.scratch->size, NULL, 0);
}

/* Stores the blobs that the updates refer to, then asks to persist them. */
static void put_blobs(struct engine_worker *w, struct engine_slot *s)
{
    struct engine_bytes bytes;
    s->call->window_ns = 0;
    if (!engine_replay_blob(s->call->replay, &bytes)) {
        ask_checkpoint(w, s);
        return;
    }
    const struct engine_item head = {.type = ENGINE_ITEM_BLOB};
    struct engine_request *request =
        engine_worker_begin(w, s, ENGINE_REQ_PUT_BLOB);
    if (!request)
        return;
    s->state = ENGINE_SLOT_PUTTING;
    crypto_hash_sha256(request->blob, bytes.data, bytes.size);
    engine_block_item(w->config.scratch, &head, bytes.data, bytes.size);
    engine_worker_submit(w, s);
}

/* Reads the blobs of what is recorded, then calls the handler. */
static void get_blobs(struct engine_worker *w, struct engine_slot *s)
{
    struct engine_blob_ref ref;
    if (!engine_replay_missing(s->call->replay, &ref)) {
        go(w, s);
        return;
    }
    struct engine_request *request =
        engine_worker_begin(w, s, ENGINE_REQ_GET_BLOB);
    if (!request)
        return;
    s->state = ENGINE_SLOT_GETTING;
    memcpy(request->blob, ref.digest, sizeof(request->blob));
    engine_worker_submit(w, s);
}

static void ask_page(struct engine_worker *w, struct engine_slot *s)
{
    const struct engine_message message = {
        .size = sizeof(message),
        .kind = ENGINE_MSG_STATE,
        .from = w->config.node,
        .to = s->call->owner,
        .run = s->run,
        .attempt = s->attempt,
        .token = s->call->token,
        .a = s->call->marker,
    };
    s->state = ENGINE_SLOT_LOADING;
    s->request_ns = w->mono_ns + w->config.request_timeout_ns;
    engine_update_add(w->update, ENGINE_DO_SEND, &message, sizeof(message),
                      NULL, 0);
}

static void ask_again(struct engine_worker *w, struct engine_slot *s)
{
    switch (s->state) {
    case ENGINE_SLOT_LOADING:
        ask_page(w, s);
        break;
    case ENGINE_SLOT_GETTING:
        get_blobs(w, s);
        break;
    case ENGINE_SLOT_PUTTING:
        put_blobs(w, s);
        break;
    default:
        ask_checkpoint(w, s);
        break;
    }
}

void engine_call_owner(struct engine_worker *w, struct engine_slot *s,
                       uint64_t holder)
{
    uint32_t node = (uint32_t)(holder >> 32);
    if (node == 0 || node == s->call->owner)
        return;
    s->call->owner = node;
    s->reply_to = node;
    if (s->state == ENGINE_SLOT_LOADING || s->state == ENGINE_SLOT_ASKING)
        ask_again(w, s);
}

/* Answers ----------------------------------------------------------------- */

/* There will be another invocation. */
static void break_off(struct engine_worker *w, struct engine_slot *s)
{
    engine_call_free(w, s, true);
    engine_worker_finish_error(w, s, ENGINE_ERR_INTERRUPTED);
}

static void suspend(struct engine_worker *w, struct engine_slot *s)
{
    engine_call_free(w, s, true);
    engine_worker_finish_error(w, s, ENGINE_ERR_PENDING);
}

/* The blob in a reply if it is the one that is missing. */
static const struct engine_item *blob_of(const struct engine_reply *reply,
                                         const struct engine_blob_ref *ref)
{
    ENGINE_REPLY_ITEMS(reply, item)
    {
        uint8_t digest[ENGINE_BLOB_DIGEST_SIZE];
        if (item->type != ENGINE_ITEM_BLOB || item->size != ref->size)
            continue;
        crypto_hash_sha256(digest, engine_item_payload(item), item->size);
        if (memcmp(digest, ref->digest, sizeof(digest)) == 0)
            return item;
    }
    return NULL;
}

static void got_blob(struct engine_worker *w, struct engine_slot *s,
                     const struct engine_reply *reply)
{
    struct engine_blob_ref ref;
    const struct engine_item *item = NULL;
    if (engine_replay_missing(s->call->replay, &ref) && reply)
        item = blob_of(reply, &ref);
    if (!item)
        break_off(w, s); /* a later invocation may find it */
    else if (engine_replay_fetched(s->call->replay, engine_item_payload(item),
                                   item->size))
        w->failed = true;
    else
        get_blobs(w, s);
}

void engine_call_blob(struct engine_worker *w, struct engine_slot *s,
                      const struct engine_reply *reply)
{
    static const char refused[] = "the store refuses a result of this size";
    if (s->state == ENGINE_SLOT_GETTING) {
        got_blob(w, s, reply);
        return;
    }
    if (reply) {
        engine_replay_stored(s->call->replay);
        put_blobs(w, s);
        return;
    }
    engine_replay_refused(s->call->replay, ENGINE_ERR_SIZE_LIMIT, refused,
                          sizeof(refused) - 1);
    go(w, s);
}

/* Takes over what has changed. False: the call is over. */
static bool load(struct engine_worker *w, struct engine_slot *s,
                 const struct engine_message *answer)
{
    int error = engine_replay_load(s->call->replay, answer + 1,
                                   answer->size - sizeof(*answer));
    if (error == -1)
        w->failed = true;
    else if (error)
        break_off(w, s);
    else
        s->call->token = answer->token;
    return error == 0;
}

/* The batch under way is answered, one way or the other. */
static void settle(struct engine_worker_call *call,
                   const struct engine_message *answer)
{
    call->client = (struct engine_hash){0, 0};
    if (answer->op == ENGINE_ERR_NONE)
        engine_replay_persisted(call->replay);
    else
        engine_replay_refused(call->replay, answer->op,
                              (const char *)(answer + 1),
                              answer->size - sizeof(*answer));
}

/* Somebody else owns the run: the store knows who. */
static void look_for_owner(struct engine_worker *w, struct engine_slot *s)
{
    uint64_t soon = w->mono_ns + w->config.request_timeout_ns / 4;
    if (soon < s->request_ns)
        s->request_ns = soon;
    engine_worker_heartbeat(w, s);
}

static void page_read(struct engine_worker *w, struct engine_slot *s,
                      const struct engine_message *page)
{
    if (!load(w, s, page))
        return;
    s->call->marker = (uint32_t)page->b;
    if (page->b)
        ask_page(w, s);
    else
        get_blobs(w, s);
}

/* Steps that have run out of time go on in vain. */
static void drop_late_steps(struct engine_worker *w, struct engine_slot *s)
{
    struct engine_worker_call *call = s->call;
    for (uint32_t i = 0; i < call->step_count;) {
        if (!engine_replay_is_over(call->replay, call->steps[i].operation)) {
            i++;
            continue;
        }
        order(w, s, ENGINE_DO_ABANDON, call->steps[i].operation);
        end_step(w, s, i, ENGINE_ERR_TIMED_OUT, false,
                 (struct engine_bytes){"", 0});
    }
}

static void checkpointed(struct engine_worker *w, struct engine_slot *s,
                         const struct engine_message *answer)
{
    size_t size;
    if (answer->op == ENGINE_ERR_NONE && !load(w, s, answer))
        return;
    drop_late_steps(w, s);
    settle(s->call, answer);
    if (engine_replay_updates(s->call->replay, &size))
        put_blobs(w, s); /* what did not fit into that batch */
    else
        get_blobs(w, s);
}

static bool expects(const struct engine_slot *s,
                    const struct engine_message *answer)
{
    if (s->state == ENGINE_SLOT_LOADING)
        return answer->kind == ENGINE_MSG_STATE_PAGE &&
               answer->a == s->call->marker;
    return s->state == ENGINE_SLOT_ASKING &&
           answer->kind == ENGINE_MSG_CHECKPOINTED &&
           answer->a == s->call->client.lo && answer->b == s->call->client.hi;
}

static void answered(struct engine_worker *w, struct engine_slot *s,
                     const struct engine_message *answer)
{
    switch (answer->op) {
    case ENGINE_ERR_NOT_OWNER:
        look_for_owner(w, s);
        break;
    case ENGINE_ERR_STALE_TOKEN:
        engine_worker_let_go(w, s);
        break;
    default:
        if (answer->kind == ENGINE_MSG_CHECKPOINTED)
            checkpointed(w, s, answer);
        else if (answer->op == ENGINE_ERR_NONE)
            page_read(w, s, answer);
        else
            break_off(w, s);
        break;
    }
}

static bool is_for(const struct engine_slot *s,
                   const struct engine_message *message)
{
    return s->call && s->run == message->run &&
           s->attempt == message->attempt && expects(s, message);
}

static struct engine_slot *find_slot(struct engine_worker *w,
                                     const struct engine_message *message)
{
    struct engine_slot *likely = engine_worker_likely(w, message->run);
    if (is_for(likely, message))
        return likely;
    for (uint32_t i = 0; i < w->config.slots; i++)
        if (is_for(&w->slots[i], message))
            return &w->slots[i];
    return NULL;
}

struct engine_slot *engine_call_message(struct engine_worker *w,
                                        const struct engine_message *message)
{
    if (message->kind != ENGINE_MSG_CHECKPOINTED &&
        message->kind != ENGINE_MSG_STATE_PAGE)
        return NULL;
    struct engine_slot *s = find_slot(w, message);
    if (s)
        answered(w, s, message);
    return s;
}

/* The hook of hosts that can wait for an answer. */
static int persist(void *self, const void *updates, size_t size)
{
    struct engine_worker_call *call = self;
    struct engine_worker *w = call->worker;
    if (!write_checkpoint(w, call->slot, updates, size) ||
        w->config.persist(w->config.self,
                          (const void *)w->config.scratch->bytes,
                          &call->answer))
        return -1;
    const struct engine_message *answer = (const void *)call->answer.bytes;
    if (call->answer.size < sizeof(*answer) ||
        answer->kind != ENGINE_MSG_CHECKPOINTED ||
        answer->a != call->client.lo || answer->b != call->client.hi ||
        answer->op == ENGINE_ERR_NOT_OWNER ||
        answer->op == ENGINE_ERR_STALE_TOKEN)
        return -1;
    call->client = (struct engine_hash){0, 0};
    if (answer->op != ENGINE_ERR_NONE) {
        engine_replay_refused(call->replay, answer->op,
                              (const char *)(answer + 1),
                              answer->size - sizeof(*answer));
        return -1;
    }
    call->token = answer->token;
    return engine_replay_load(call->replay, answer + 1,
                              answer->size - sizeof(*answer));
}

/* Calling the handler ----------------------------------------------------- */

static void succeed(struct engine_worker *w, struct engine_slot *s)
{
    struct engine_bytes result = engine_replay_result(s->call->replay);
    size_t span = engine_value_span((uint32_t)result.size);
    unsigned char *value = engine_resize(w->config.memory, NULL, span);
    if (!value) {
        w->failed = true;
        return;
    }
    engine_value_write(value, ENGINE_VALUE_INLINE, result.data,
                       (uint32_t)result.size);
    engine_call_free(w, s, true);
    engine_delete(w->config.memory, s->value);
    s->value = value;
    s->value_size = (uint32_t)span;
    s->next_value = 0;
    s->error = ENGINE_ERR_NONE;
    engine_worker_spill(w, s);
}

/* The report's payload is "type: words". */
static void fail(struct engine_worker *w, struct engine_slot *s)
{
    struct engine_text type;
    struct engine_text words;
    uint32_t error = engine_replay_error(s->call->replay, &type, &words);
    struct engine_block *block = w->config.scratch;
    size_t gap = type.size > 0 ? 2 : 0;
    size_t size = type.size + gap + words.size;
    unsigned char *to = engine_block_begin(block, sizeof(uint64_t) + size);
    if (!to) {
        w->failed = true;
        return;
    }
    to += sizeof(uint64_t);
    if (type.size > 0)
        memcpy(to, type.text, type.size);
    memcpy(to + type.size, ": ", gap);
    if (words.size > 0)
        memcpy(to + type.size + gap, words.text, words.size);
    if (!engine_worker_keep(w, s, to, (uint32_t)size))
        return;
    engine_call_free(w, s, true);
    s->error = error;
    /* With no type the replay itself ran out of memory. */
    s->retryable = error == ENGINE_ERR_OOM && gap == 0;
    s->payload = 1;
    engine_worker_finish(w, s);
}

/* Whether the updates queued wait for what the steps that run will say. */
static bool collects(const struct engine_worker *w, const struct engine_slot *s)
{
    struct engine_worker_call *call = s->call;
    uint64_t window = w->config.checkpoint_window_ns;
    if (window == 0 || call->step_count == 0 ||
        !engine_replay_open(call->replay))
        return false;
    if (call->window_ns == 0)
        call->window_ns = time_after(w, window);
    return call->window_ns < s->deadline_ns;
}

/* The handler has been called and stands like this. */
static void follow(struct engine_worker *w, struct engine_slot *s,
                   enum engine_replay_state state)
{
    struct engine_worker_call *call = s->call;
    size_t size;
    run_steps(w, s);
    if (w->failed)
        return;
    s->state = ENGINE_SLOT_CALLING;
    call->poll_ns = w->mono_ns + w->config.claim_ttl_ns / 3;
    if (collects(w, s))
        return;
    if (engine_replay_updates(call->replay, &size)) {
        put_blobs(w, s);
        return;
    }
    switch (state) {
    case ENGINE_REPLAY_PENDING:
        suspend(w, s);
        break;
    case ENGINE_REPLAY_SUCCEEDED:
        succeed(w, s);
        break;
    case ENGINE_REPLAY_FAILED:
        fail(w, s);
        break;
    default:
        break;
    }
}

static void go(struct engine_worker *w, struct engine_slot *s)
{
    follow(w, s, engine_replay_go(s->call->replay));
}

/* Something has been heard of a step while a batch may be open. */
static void go_on(struct engine_worker *w, struct engine_slot *s)
{
    if (!s->call->window_ns)
        go(w, s);
    else if (engine_replay_open(s->call->replay))
        follow(w, s, engine_replay_collect(s->call->replay));
    else
        put_blobs(w, s); /* progress has filled it */
}

static void log_line(void *self, uint64_t run, const char *operation,
                     const char *text)
{
    const struct engine_worker_call *call = self;
    call->worker->config.log(call->worker->config.self, run, operation, text);
}

static struct engine_worker_call *new_call(struct engine_worker *w,
                                           struct engine_slot *s)
{
    struct engine_worker_call *call =
        engine_new(w->config.memory, sizeof(*call));
    if (!call)
        return NULL;
    *call = (struct engine_worker_call){
        .worker = w, .slot = s, .owner = s->reply_to};
    const struct engine_value *input =
        engine_value_at(s->value, s->value_size, 0);
    const struct engine_value *origin =
        engine_value_at(s->value, s->value_size, 1);
    struct engine_invocation head = {0};
    if (origin && origin->size == sizeof(head))
        memcpy(&head, engine_value_bytes(origin), sizeof(head));
    const struct engine_replay_config config = {
        .memory = w->config.memory,
        .handler = engine_call_handler(w, s->workflow),
        .limits = w->config.limits ? w->config.limits : engine_limits_at(0),
        .run = s->run,
        .seed = head.seed,
        .now_ns = head.created_ns,
        .input = {input ? engine_value_bytes(input) : "",
                  input ? input->size : 0},
        .optimistic = w->config.optimistic,
        .json = w->config.json,
        .budget = w->config.budget,
        .persist = w->config.persist ? persist : NULL,
        .log = w->config.log ? log_line : NULL,
        .self = call,
        .defects = w->config.defects,
    };
    call->replay = engine_replay_new(&config);
    engine_block_init_in(&call->answer, w->config.memory);
    if (!call->replay) {
        engine_delete(w->config.memory, call);
        return NULL;
    }
    return call;
}

void engine_call_begin_work(struct engine_worker *w, struct engine_slot *s)
{
    s->call = new_call(w, s);
    if (!s->call) {
        w->failed = true;
        return;
    }
    if (!s->fresh) {
        ask_page(w, s);
        return;
    }
    s->call->token = s->token;
    go(w, s);
}

/* Time -------------------------------------------------------------------- */

/* When a handler whose steps run asks by itself. */
static uint64_t next_question(const struct engine_worker_call *call)
{
    return call->window_ns && call->window_ns < call->poll_ns ? call->window_ns
                                                              : call->poll_ns;
}

static void time_out_steps(struct engine_worker *w, struct engine_slot *s)
{
    struct engine_worker_call *call = s->call;
    bool some = false;
    for (uint32_t i = 0; i < call->step_count;) {
        if (w->mono_ns < call->steps[i].deadline_ns &&
            w->mono_ns < call->steps[i].stalled_ns) {
            i++;
            continue;
        }
        order(w, s, ENGINE_DO_ABANDON, call->steps[i].operation);
        end_step(w, s, i, ENGINE_ERR_TIMED_OUT, true,
                 (struct engine_bytes){"", 0});
        some = true;
    }
    if (some && s->state == ENGINE_SLOT_CALLING && !w->failed)
        go_on(w, s);
}

void engine_call_attend(struct engine_worker *w, struct engine_slot *s)
{
    if (w->mono_ns >= s->deadline_ns) {
        /* What is not handed in by now is done again. */
        if (engine_defect(&w->config.defects, ENGINE_DEFECT_PENDING_IDLE))
            suspend(w, s);
        else
            break_off(w, s);
        return;
    }
    time_out_steps(w, s);
    if (!engine_slot_calls(s))
        return;
    if (s->state == ENGINE_SLOT_CALLING) {
        if (w->mono_ns >= next_question(s->call))
            put_blobs(w, s);
    } else if (w->mono_ns >= s->request_ns) {
        engine_worker_heartbeat(w, s);
        ask_again(w, s);
    }
}

uint64_t engine_call_next(const struct engine_slot *s)
{
    uint64_t next = s->deadline_ns;
    uint64_t other = s->state == ENGINE_SLOT_CALLING ? next_question(s->call)
                                                     : s->request_ns;
    if (other < next)
        next = other;
    for (uint32_t i = 0; i < s->call->step_count; i++) {
        const struct step *step = &s->call->steps[i];
        if (step->deadline_ns < next)
            next = step->deadline_ns;
        if (step->stalled_ns < next)
            next = step->stalled_ns;
    }
    return next;
}
