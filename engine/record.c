#include "engine/record.h"

#include <string.h>

#include "engine/cause.h"
#include "engine/operation.h"
#include "engine/store.h"

void engine_digest_init(struct engine_digest *digest)
{
    memset(digest, 0, sizeof(*digest));
}

void engine_digest_add(struct engine_digest *digest,
                       const struct engine_record *records, size_t count)
{
    struct {
        struct engine_hash former;
        struct engine_record record;
    } link;

    for (size_t i = 0; i < count; i++) {
        link.former = digest->hash;
        link.record = records[i];
        digest->hash = engine_hash_bytes(&link, sizeof(link));
    }
    digest->count += count;
}

/* One exchange on its way into records. */
struct exchange {
    const struct engine_sink *sink;
    const struct engine_request *request;
    const struct engine_reply *reply;
    uint64_t token; /* of the row that was appended */
    uint16_t node;
};

/* A record about the exchange's run, to be completed by the caller. */
static struct engine_record about(const struct exchange *x, uint16_t kind)
{
    return (struct engine_record){
        .kind = kind,
        .node = x->node,
        .peer = (uint16_t)(x->request->sender >> 32),
        .run = x->reply->run,
        .token = x->token,
        .wall_ns = x->reply->store_time_ns,
        .op = UINT32_MAX,
    };
}

static void emit(const struct exchange *x, const struct engine_record *record)
{
    engine_emit(x->sink, record);
}

static void emit_work(const struct exchange *x, uint16_t kind,
                      const struct engine_item *item)
{
    struct engine_record record = about(x, kind);

    record.op = item->op;
    record.attempt = item->attempt;
    if (kind == ENGINE_REC_WORK_PUT)
        record.key =
            engine_hash_bytes(engine_item_payload(item), item->size).lo;
    emit(x, &record);
}

static void emit_appended(const struct exchange *x, uint32_t count,
                          uint32_t state)
{
    struct engine_record record = about(x, ENGINE_REC_APPENDED);

    record.a = x->reply->seq - count;
    record.b = x->reply->position;
    record.count = count;
    record.key = x->reply->hash.lo;
    record.key_hi = x->reply->hash.hi;
    record.detail = x->request->kind;
    record.state = (uint16_t)state;
    emit(x, &record);
}

enum {
    ROOT_SHOWN = 256 /* bytes of a root cause that tell it from others */
};

/* A hash of the root of a cause chain; 0: it has none. */
static uint64_t root_of(const void *chain, size_t size)
{
    struct engine_text root = engine_cause_root(chain, size);

    if (root.size > ROOT_SHOWN)
        root.size = ROOT_SHOWN;
    return root.size ? engine_hash_bytes(root.text, root.size).lo : 0;
}

static uint64_t root_of_operation(const struct engine_item *item)
{
    struct engine_operation_view view;

    return engine_operation_view(item, &view)
               ? 0
               : root_of(view.value, view.head.value_size);
}

/* What checkers need of an operation's event, in place of its full id. */
static void describe_operation(struct engine_record *record,
                               const struct engine_item *item)
{
    struct engine_operation head = {0};
    unsigned type = engine_operation_flag_type(item->flags);
    unsigned subtype = engine_operation_flag_subtype(item->flags);

    if (item->size >= sizeof(head))
        memcpy(&head, engine_item_payload(item), sizeof(head));
    record->b = item->kind == ENGINE_EV_OPERATION_FAILED
                    ? root_of_operation(item)
                    : head.first_ns;
    record->key_hi = head.parent.lo;
    record->token =
        item->kind == ENGINE_EV_OPERATION_STARTED ? head.second_ns : head.error;
    record->count = head.value_size;
    record->state =
        (uint16_t)((type & 0xf) | (subtype & 0xf) << 4 |
                   (engine_operation_flag_options(item->flags) & 0xff) << 8);
}

/* Whether the payload of an event that is no operation's says why. */
static int has_words(unsigned kind)
{
    return kind == ENGINE_EV_ATTEMPT_FAILED ||
           kind == ENGINE_EV_ATTEMPT_TIMED_OUT ||
           kind == ENGINE_EV_ATTEMPT_INTERRUPTED ||
           kind == ENGINE_EV_ATTEMPT_AMBIGUOUS || kind == ENGINE_EV_RUN_FAILED;
}

static int is_operation(unsigned kind)
{
    return kind >= ENGINE_EV_OPERATION_STARTED &&
           kind <= ENGINE_EV_OPERATION_HEARTBEAT;
}

static void emit_event(const struct exchange *x, const struct engine_item *item,
                       uint64_t seq)
{
    struct engine_record record = about(x, ENGINE_REC_EVENT);

    record.op = item->op;
    record.attempt = item->attempt;
    record.detail = item->kind;
    record.a = item->a;
    record.b = item->b;
    record.key = seq;
    record.count = item->size;
    if (item->kind == ENGINE_EV_CHECKPOINT) {
        record.b = item->flags;
        record.key_hi = item->b;
    } else if (is_operation(item->kind)) {
        describe_operation(&record, item);
    } else if (has_words(item->kind)) {
        record.key_hi = root_of(engine_item_payload(item), item->size);
    }
    emit(x, &record);
}

static uint32_t count_events(const struct engine_request *request)
{
    uint32_t count = 0;

    ENGINE_REQUEST_ITEMS(request, item)
    {
        if (item->type != ENGINE_ITEM_EVENT)
            break;
        count++;
    }
    return count;
}

/* The log row that the request's events became. */
static void emit_row(const struct exchange *x, uint32_t state)
{
    uint32_t count = count_events(x->request);
    uint64_t seq = x->reply->seq - count;

    if (!count)
        return;
    emit_appended(x, count, state);
    ENGINE_REQUEST_ITEMS(x->request, item)
    {
        if (item->type != ENGINE_ITEM_EVENT)
            break;
        emit_event(x, item, seq++);
    }
}

/* A signal's edge as one number: its name, and who sends on it. */
static uint64_t edge_hash(const struct engine_signal *signal,
                          const struct engine_item *item)
{
    size_t skip = sizeof(*signal) + signal->actor_size + signal->reason_size;
    const unsigned char *bytes = engine_item_payload(item);
    struct engine_hash parts[2];

    if (!signal->edge_size || skip + signal->edge_size > item->size)
        return 0;
    parts[0] = engine_hash_bytes(bytes + sizeof(*signal), signal->actor_size);
    parts[1] = engine_hash_bytes(bytes + skip, signal->edge_size);
    return engine_hash_bytes(parts, sizeof(parts)).lo;
}

/* The head of an item's signal; zeros if it has none. */
static struct engine_signal signal_of(const struct engine_item *item)
{
    struct engine_signal signal = {0};

    if (item->size >= sizeof(signal))
        memcpy(&signal, engine_item_payload(item), sizeof(signal));
    return signal;
}

/* Results of declared runs are number 1, which goes without saying. */
static uint32_t outbox_number(uint32_t number)
{
    return number == 1 ? UINT32_MAX : number;
}

static void emit_outbox(const struct exchange *x,
                        const struct engine_item *item)
{
    struct engine_record record = about(x, ENGINE_REC_OUTBOX_PUT);
    struct engine_child child;

    record.detail = item->kind;
    record.op = outbox_number(item->op);
    if (item->kind == ENGINE_OUTBOX_CHILD && item->size >= sizeof(child)) {
        memcpy(&child, engine_item_payload(item), sizeof(child));
        record.a = child.run;
        record.b = child.parent_op;
        record.count = child.depth;
    } else if (item->kind == ENGINE_OUTBOX_SIGNAL) {
        struct engine_signal signal = signal_of(item);

        record.a = signal.run;
        record.b = signal.number;
        record.state = (uint16_t)signal.kind;
        record.count = signal.error;
        record.key = edge_hash(&signal, item);
    }
    emit(x, &record);
}

/* The other rows that the request's items became. */
static void emit_rows(const struct exchange *x)
{
    static const uint16_t kinds[] = {
        [ENGINE_WORK_PUT] = ENGINE_REC_WORK_PUT,
        [ENGINE_WORK_TAKE] = ENGINE_REC_WORK_TAKEN,
        [ENGINE_WORK_CUT] = ENGINE_REC_WORK_CUT,
        [ENGINE_WORK_DROP] = ENGINE_REC_WORK_CUT,
    };

    ENGINE_REQUEST_ITEMS(x->request, item)
    {
        if (item->type == ENGINE_ITEM_WORK) {
            emit_work(x, kinds[item->flags], item);
        } else if (item->type == ENGINE_ITEM_OUTBOX) {
            emit_outbox(x, item);
        } else if (item->type == ENGINE_ITEM_INBOX) {
            struct engine_record record = about(x, ENGINE_REC_INBOX_TAKEN);

            record.a = item->a;
            record.b = item->b;
            emit(x, &record);
        }
    }
}

static void emit_lease(const struct exchange *x, uint16_t kind, uint64_t time)
{
    struct engine_record record = about(x, kind);

    record.a = time;
    emit(x, &record);
}

static uint64_t expiry(const struct exchange *x)
{
    return engine_store_later(x->reply->store_time_ns, x->request->ttl_ns);
}

static void record_create(struct exchange *x)
{
    x->token = x->reply->token;
    emit_row(x, ENGINE_RUN_RUNNING);
    emit_lease(x, ENGINE_REC_LEASE_GRANTED, expiry(x));
    emit_rows(x);
}

static void record_acquire(struct exchange *x)
{
    const struct engine_item *run =
        engine_item_first(x->reply, sizeof(struct engine_reply));
    struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                .kind = ENGINE_EV_LEASE_ACQUIRED,
                                .op = UINT32_MAX,
                                .a = x->reply->token,
                                .b = x->request->sender};

    if (!run)
        return;
    x->token = x->reply->token;
    if (!engine_run_state_terminal(run->op)) {
        emit_appended(x, 1, run->op);
        emit_event(x, &event, x->reply->seq - 1);
    }
    emit_lease(x, ENGINE_REC_LEASE_GRANTED, expiry(x));
}

static void record_append(struct exchange *x)
{
    emit_row(x, x->request->state);
    emit_rows(x);
    if (x->request->flags & ENGINE_APPEND_RELEASE)
        emit_lease(x, ENGINE_REC_LEASE_RELEASED, x->reply->wake_ns);
}

/* The reply names what was lost, in the order of the request. */
static void record_renew(struct exchange *x)
{
    const struct engine_item *lost =
        engine_item_first(x->reply, sizeof(struct engine_reply));

    ENGINE_REQUEST_ITEMS(x->request, lease)
    {
        struct engine_record record = about(x, ENGINE_REC_LEASE_RENEWED);
        int named = lost && lost->a == lease->a && lost->b == lease->b;
        int kept = !named || lost->flags;

        if (named)
            lost = engine_item_next(x->reply, lost);
        if (!kept)
            continue;
        record.run = lease->a;
        record.token = lease->b;
        record.a = expiry(x);
        emit(x, &record);
    }
}

static void record_claim(struct exchange *x)
{
    struct engine_record record = about(x, ENGINE_REC_WORK_CLAIMED);

    record.op = x->request->op;
    record.attempt = x->request->attempt;
    record.a = expiry(x);
    record.count = x->reply->repeat;
    emit(x, &record);
}

static void record_finish(struct exchange *x)
{
    struct engine_record record = about(x, ENGINE_REC_WORK_DONE);
    const struct engine_item *output =
        engine_item_first(x->request, sizeof(struct engine_request));

    if (x->reply->repeat)
        return;
    record.op = x->request->op;
    record.attempt = x->request->attempt;
    record.detail = (uint16_t)x->request->error;
    if (output)
        record.key =
            engine_hash_bytes(engine_item_payload(output), output->size).lo;
    emit(x, &record);
}

static void record_ack(struct exchange *x)
{
    struct engine_record record = about(x, ENGINE_REC_OUTBOX_ACKED);

    record.op = outbox_number(x->request->op);
    if (!x->reply->repeat)
        emit(x, &record);
}

static void record_blob(struct exchange *x)
{
    struct engine_record record = about(x, ENGINE_REC_BLOB_PUT);
    const struct engine_item *item =
        engine_item_first(x->request, sizeof(struct engine_request));

    if (x->reply->repeat)
        return;
    memcpy(&record.key, x->request->blob, 8);
    memcpy(&record.key_hi, x->request->blob + 8, 8);
    record.a = item ? item->size : 0;
    emit(x, &record);
}

static void record_signal(struct exchange *x)
{
    struct engine_record record = about(x, ENGINE_REC_INBOX_PUT);
    const struct engine_item *item =
        engine_item_first(x->request, sizeof(struct engine_request));
    struct engine_signal signal;

    if (!item || x->reply->repeat)
        return;
    signal = signal_of(item);
    record.a = item->a;
    record.b = item->b;
    record.detail = item->kind;
    record.op = item->op;
    record.key = signal.number;
    record.key_hi = edge_hash(&signal, item);
    record.count = signal.error;
    emit(x, &record);
}

static void record_committed(struct exchange *x)
{
    switch (x->request->kind) {
    case ENGINE_REQ_CREATE:
        record_create(x);
        break;
    case ENGINE_REQ_ACQUIRE:
        record_acquire(x);
        break;
    case ENGINE_REQ_APPEND:
        record_append(x);
        break;
    case ENGINE_REQ_RENEW:
        record_renew(x);
        break;
    case ENGINE_REQ_ACK:
        record_ack(x);
        break;
    case ENGINE_REQ_CLAIM:
        record_claim(x);
        break;
    case ENGINE_REQ_FINISH:
        record_finish(x);
        break;
    case ENGINE_REQ_PUT_BLOB:
        record_blob(x);
        break;
    case ENGINE_REQ_SIGNAL:
        record_signal(x);
        break;
    default:
        break;
    }
}

void engine_record_exchange(const struct engine_sink *sink, uint16_t node,
                            const struct engine_request *request,
                            const struct engine_reply *reply)
{
    struct exchange x = {.sink = sink,
                         .request = request,
                         .reply = reply,
                         .token = request->token,
                         .node = node};
    struct engine_record record;

    if (!sink || !sink->emit || reply->outcome == ENGINE_UNKNOWN)
        return;
    if (reply->outcome == ENGINE_COMMITTED) {
        record_committed(&x);
        return;
    }
    record = about(&x, ENGINE_REC_REJECTED);
    record.detail = request->kind;
    record.count = reply->outcome;
    emit(&x, &record);
}

const char *engine_record_name(unsigned kind)
{
    static const char *const names[ENGINE_REC_COUNT] = {
        [ENGINE_REC_START_SENT] = "start_sent",
        [ENGINE_REC_START_OK] = "start_ok",
        [ENGINE_REC_RESULT_SEEN] = "result_seen",
        [ENGINE_REC_APPENDED] = "appended",
        [ENGINE_REC_EVENT] = "event",
        [ENGINE_REC_LEASE_GRANTED] = "lease_granted",
        [ENGINE_REC_LEASE_RENEWED] = "lease_renewed",
        [ENGINE_REC_LEASE_RELEASED] = "lease_released",
        [ENGINE_REC_WORK_PUT] = "work_put",
        [ENGINE_REC_WORK_CLAIMED] = "work_claimed",
        [ENGINE_REC_WORK_DONE] = "work_done",
        [ENGINE_REC_WORK_TAKEN] = "work_taken",
        [ENGINE_REC_WORK_CUT] = "work_cut",
        [ENGINE_REC_OUTBOX_PUT] = "outbox_put",
        [ENGINE_REC_OUTBOX_ACKED] = "outbox_acked",
        [ENGINE_REC_REJECTED] = "rejected",
        [ENGINE_REC_BLOB_PUT] = "blob_put",
        [ENGINE_REC_STORE_OPENED] = "store_opened",
        [ENGINE_REC_AUDIT_ROW] = "audit_row",
        [ENGINE_REC_AUDIT_RUN] = "audit_run",
        [ENGINE_REC_AUDIT_WORK] = "audit_work",
        [ENGINE_REC_AUDIT_DONE] = "audit_done",
        [ENGINE_REC_SYNC_FAILED] = "sync_failed",
        [ENGINE_REC_ACTED] = "acted",
        [ENGINE_REC_OWNED] = "owned",
        [ENGINE_REC_DISOWNED] = "disowned",
        [ENGINE_REC_SENT] = "sent",
        [ENGINE_REC_ENGINE_ERROR] = "engine_error",
        [ENGINE_REC_ATTEMPT_BEGIN] = "attempt_begin",
        [ENGINE_REC_ATTEMPT_END] = "attempt_end",
        [ENGINE_REC_EFFECT_SENT] = "effect_sent",
        [ENGINE_REC_EFFECT_APPLIED] = "effect_applied",
        [ENGINE_REC_EFFECT_REPEAT] = "effect_repeat",
        [ENGINE_REC_INVOKED] = "invoked",
        [ENGINE_REC_THROTTLED] = "throttled",
        [ENGINE_REC_ENV_STARTED] = "env_started",
        [ENGINE_REC_ENV_ENDED] = "env_ended",
        [ENGINE_REC_KILLED] = "killed",
        [ENGINE_REC_GAUGE] = "gauge",
        [ENGINE_REC_PLATFORM] = "platform",
        [ENGINE_REC_FAULT] = "fault",
        [ENGINE_REC_FAULT_ENDED] = "fault_ended",
        [ENGINE_REC_PROC_DOWN] = "proc_down",
        [ENGINE_REC_PROC_UP] = "proc_up",
        [ENGINE_REC_PROC_PAUSED] = "proc_paused",
        [ENGINE_REC_PROC_RESUMED] = "proc_resumed",
        [ENGINE_REC_CLOCK_SET] = "clock_set",
        [ENGINE_REC_DISK_CRASH] = "disk_crash",
        [ENGINE_REC_DISK_FAULT] = "disk_fault",
        [ENGINE_REC_TAINT_READ] = "taint_read",
        [ENGINE_REC_WORLD_END] = "world_end",
        [ENGINE_REC_INBOX_PUT] = "inbox_put",
        [ENGINE_REC_INBOX_TAKEN] = "inbox_taken",
        [ENGINE_REC_REPLAYED] = "replayed",
        [ENGINE_REC_RESTORED] = "restored",
        [ENGINE_REC_START_REFUSED] = "start_refused",
        [ENGINE_REC_SIGNAL_SENT] = "signal_sent",
        [ENGINE_REC_SIGNAL_ANSWERED] = "signal_answered",
    };

    if (kind >= ENGINE_REC_COUNT || !names[kind])
        return "?";
    return names[kind];
}
