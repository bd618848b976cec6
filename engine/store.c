#include "engine/store.h"

#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

static struct engine_hash hash(const void *bytes, size_t size)
{
    XXH128_hash_t value = XXH3_128bits(bytes, size);

    return (struct engine_hash){.lo = value.low64, .hi = value.high64};
}

struct engine_hash engine_hash_bytes(const void *bytes, size_t size)
{
    return hash(bytes, size);
}

struct engine_hash engine_store_chain(struct engine_hash previous,
                                      const struct engine_log_row *row)
{
    struct engine_hash items = hash(row->items, row->items_size);
    const uint64_t covered[] = {previous.lo,  previous.hi, row->run,
                                row->seq,     row->count,  row->token,
                                row->time_ns, items.lo,    items.hi};

    return hash(covered, sizeof(covered));
}

static int refuse(uint64_t *actual, uint64_t *maximum, uint64_t found,
                  uint64_t limit)
{
    *actual = found;
    *maximum = limit;
    return ENGINE_REFUSED;
}

static int about_a_run(uint16_t kind)
{
    return kind != ENGINE_REQ_ACQUIRE && kind != ENGINE_REQ_RENEW &&
           kind != ENGINE_REQ_PUT_BLOB && kind != ENGINE_REQ_GET_BLOB;
}

static int about_a_row(uint16_t kind)
{
    return kind == ENGINE_REQ_ACK || kind == ENGINE_REQ_CLAIM ||
           kind == ENGINE_REQ_HEARTBEAT || kind == ENGINE_REQ_FINISH;
}

/* Whether a request of this kind may carry items of this type. */
static int allowed_item(uint16_t kind, uint16_t type)
{
    switch (kind) {
    case ENGINE_REQ_CREATE:
        return type == ENGINE_ITEM_EVENT || type == ENGINE_ITEM_WORK;
    case ENGINE_REQ_APPEND:
        return type == ENGINE_ITEM_EVENT || type == ENGINE_ITEM_WORK ||
               type == ENGINE_ITEM_OUTBOX || type == ENGINE_ITEM_INBOX ||
               type == ENGINE_ITEM_SNAPSHOT;
    case ENGINE_REQ_RENEW:
        return type == ENGINE_ITEM_RUN;
    case ENGINE_REQ_FINISH:
        return type == ENGINE_ITEM_WORK;
    case ENGINE_REQ_PUT_BLOB:
        return type == ENGINE_ITEM_BLOB;
    case ENGINE_REQ_SIGNAL:
        return type == ENGINE_ITEM_INBOX;
    default:
        return 0;
    }
}

static uint64_t payload_max(const struct engine_store_limits *limits,
                            uint16_t type)
{
    switch (type) {
    case ENGINE_ITEM_BLOB:
        return limits->blob_max;
    case ENGINE_ITEM_SNAPSHOT:
        return limits->snapshot_max ? limits->snapshot_max : UINT64_MAX;
    default:
        return limits->op_payload_max;
    }
}

/* The size that an inbox item's payload has to have. */
static uint64_t signal_size(uint16_t kind, const struct engine_item *item)
{
    struct engine_signal signal;

    if (kind != ENGINE_REQ_SIGNAL)
        return 0;
    if (item->size < sizeof(signal))
        return sizeof(signal);
    memcpy(&signal, engine_item_payload(item), sizeof(signal));
    return sizeof(signal) + (uint64_t)signal.actor_size + signal.reason_size +
           signal.edge_size + signal.value_size;
}

/* An inbox item is named by its id, and whole where it is put. */
static int admit_inbox(const struct engine_request *request,
                       const struct engine_item *item, uint64_t *actual,
                       uint64_t *maximum)
{
    uint64_t size = signal_size(request->kind, item);
    struct engine_signal signal;

    if (!item->a && !item->b)
        return refuse(actual, maximum, 0, 0);
    if (item->size != size)
        return refuse(actual, maximum, item->size, size);
    if (request->kind != ENGINE_REQ_SIGNAL)
        return 0;
    memcpy(&signal, engine_item_payload(item), sizeof(signal));
    if (!item->kind || item->kind >= ENGINE_SIG_COUNT)
        return refuse(actual, maximum, item->kind, ENGINE_SIG_COUNT - 1);
    if (signal.kind != item->kind)
        return refuse(actual, maximum, signal.kind, item->kind);
    if (signal.run != request->run)
        return refuse(actual, maximum, signal.run, request->run);
    return 0;
}

static int admit_item(const struct engine_store_limits *limits,
                      const struct engine_request *request,
                      const struct engine_item *item, uint64_t *actual,
                      uint64_t *maximum)
{
    uint16_t kind = request->kind;
    uint64_t most = payload_max(limits, item->type);

    if (!allowed_item(kind, item->type))
        return refuse(actual, maximum, item->type, 0);
    if (item->size > most)
        return refuse(actual, maximum, item->size, most);
    if (item->type == ENGINE_ITEM_INBOX)
        return admit_inbox(request, item, actual, maximum);
    if ((item->type == ENGINE_ITEM_WORK || item->type == ENGINE_ITEM_OUTBOX) &&
        item->op > ENGINE_OP_MAX)
        return refuse(actual, maximum, item->op, ENGINE_OP_MAX);
    if (item->type == ENGINE_ITEM_WORK && kind != ENGINE_REQ_FINISH &&
        (item->flags < ENGINE_WORK_PUT || item->flags > ENGINE_WORK_DROP))
        return refuse(actual, maximum, item->flags, ENGINE_WORK_DROP);
    return 0;
}

/* How many items of one type a request may carry. */
static int admit_counts(uint16_t kind, uint32_t count, uint32_t snapshots,
                        uint64_t *actual, uint64_t *maximum)
{
    int exactly = kind == ENGINE_REQ_PUT_BLOB || kind == ENGINE_REQ_SIGNAL;
    int at_most = exactly || kind == ENGINE_REQ_FINISH;

    if ((exactly && count != 1) || (at_most && count > 1))
        return refuse(actual, maximum, count, 1);
    return snapshots > 1 ? refuse(actual, maximum, snapshots, 1) : 0;
}

/* Events come first, so that a log row is one piece of the request. */
static int admit_items(const struct engine_store_limits *limits,
                       const struct engine_request *request, uint64_t *actual,
                       uint64_t *maximum)
{
    int others = 0;
    uint32_t count = 0;
    uint32_t snapshots = 0;

    ENGINE_REQUEST_ITEMS(request, item)
    {
        int outcome = admit_item(limits, request, item, actual, maximum);

        if (outcome)
            return outcome;
        if (item->type != ENGINE_ITEM_EVENT)
            others = 1;
        else if (others)
            return refuse(actual, maximum, count, 0);
        snapshots += item->type == ENGINE_ITEM_SNAPSHOT;
        count++;
    }
    if (count != request->item_count)
        return refuse(actual, maximum, request->item_count, count);
    return admit_counts(request->kind, count, snapshots, actual, maximum);
}

/* The size of a request as request_max counts it. */
static uint64_t counted_size(const struct engine_store_limits *limits,
                             const struct engine_request *request)
{
    uint64_t size = request->size;

    if (size <= limits->request_max || !limits->snapshot_max ||
        request->kind != ENGINE_REQ_APPEND)
        return size;
    ENGINE_REQUEST_ITEMS(request, item)
    {
        if (item->type == ENGINE_ITEM_SNAPSHOT)
            size -= engine_item_span(item->size);
    }
    return size;
}

int engine_store_admit(const struct engine_store_limits *limits,
                       const struct engine_request *request, uint64_t *actual,
                       uint64_t *maximum)
{
    uint16_t kind = request->kind;

    if (request->size < sizeof(*request) || request->size % 8)
        return refuse(actual, maximum, request->size, sizeof(*request));
    if (!kind || kind >= ENGINE_REQ_COUNT)
        return refuse(actual, maximum, kind, ENGINE_REQ_COUNT - 1);
    if (counted_size(limits, request) > limits->request_max)
        return refuse(actual, maximum, counted_size(limits, request),
                      limits->request_max);
    if (about_a_run(kind) && (!request->run || request->run > ENGINE_RUN_MAX))
        return refuse(actual, maximum, request->run, ENGINE_RUN_MAX);
    if (about_a_row(kind) && request->op > ENGINE_OP_MAX)
        return refuse(actual, maximum, request->op, ENGINE_OP_MAX);
    if (kind == ENGINE_REQ_APPEND &&
        (!request->state || request->state >= ENGINE_RUN_STATE_COUNT))
        return refuse(actual, maximum, request->state,
                      ENGINE_RUN_STATE_COUNT - 1);
    if (!request->sender)
        return refuse(actual, maximum, 0, 0);
    return admit_items(limits, request, actual, maximum);
}
