#include "engine/wire.h"

#include <string.h>

#include "engine/memory.h"

enum {
    SMALLEST_BLOCK = 512
};

static uint32_t block_size(const void *block)
{
    uint32_t size;

    memcpy(&size, block, sizeof(size));
    return size;
}

const struct engine_item *engine_item_first(const void *block, size_t head_size)
{
    const unsigned char *bytes = block;

    if (block_size(block) <= head_size)
        return NULL;
    return (const void *)(bytes + head_size);
}

const struct engine_item *engine_item_next(const void *block,
                                           const struct engine_item *item)
{
    const unsigned char *end = (const unsigned char *)block + block_size(block);
    const unsigned char *next =
        (const unsigned char *)item + engine_item_span(item->size);

    return next < end ? (const void *)next : NULL;
}

/* Counts the items between head and size, or -1 if they do not fit. */
static int64_t count_items(const void *block, size_t head_size, size_t size)
{
    const unsigned char *bytes = block;
    size_t at = head_size;
    int64_t count = 0;

    while (at < size) {
        struct engine_item item;

        if (size - at < sizeof(item))
            return -1;
        memcpy(&item, bytes + at, sizeof(item));
        if (engine_item_span(item.size) > size - at)
            return -1;
        if (item.type < ENGINE_ITEM_EVENT || item.type > ENGINE_ITEM_SNAPSHOT)
            return -1;
        at += engine_item_span(item.size);
        count++;
    }
    return count;
}

int engine_request_check(const void *block, size_t size)
{
    struct engine_request head;

    if (size < sizeof(head))
        return -1;
    memcpy(&head, block, sizeof(head));
    if (head.size != size || !head.kind || head.kind >= ENGINE_REQ_COUNT)
        return -1;
    if (count_items(block, sizeof(head), size) != head.item_count)
        return -1;
    return 0;
}

int engine_reply_check(const void *block, size_t size)
{
    struct engine_reply head;

    if (size < sizeof(head))
        return -1;
    memcpy(&head, block, sizeof(head));
    if (head.size != size || !head.kind || head.kind >= ENGINE_REQ_COUNT)
        return -1;
    if (!head.outcome || head.outcome > ENGINE_UNKNOWN)
        return -1;
    if (count_items(block, sizeof(head), size) != head.item_count)
        return -1;
    return 0;
}

void engine_block_init_in(struct engine_block *block,
                          const struct engine_memory *memory)
{
    *block = (struct engine_block){.memory = memory};
}

void engine_block_init(struct engine_block *block)
{
    engine_block_init_in(block, NULL);
}

void engine_block_free(struct engine_block *block)
{
    engine_delete(block->memory, block->bytes);
    engine_block_init_in(block, block->memory);
}

/* Makes room for more bytes; sizes are uint32, so 4 GiB is out of memory. */
static int grow(struct engine_block *block, size_t more)
{
    size_t capacity = block->capacity ? block->capacity : SMALLEST_BLOCK;
    unsigned char *bytes;

    if (more > UINT32_MAX - block->size)
        return -1;
    while (capacity < block->size + more)
        capacity *= 2;
    bytes = engine_resize(block->memory, block->bytes, capacity);
    if (!bytes)
        return -1;
    block->bytes = bytes;
    block->capacity = capacity;
    return 0;
}

/* Extends the block by span bytes and returns their place, or NULL. */
static unsigned char *extend(struct engine_block *block, size_t span)
{
    unsigned char *place;
    uint32_t size;

    if (block->failed)
        return NULL;
    if (block->capacity - block->size < span && grow(block, span)) {
        block->failed = 1;
        return NULL;
    }
    place = block->bytes + block->size;
    block->size += span;
    size = (uint32_t)block->size;
    memcpy(block->bytes, &size, sizeof(size));
    return place;
}

void *engine_block_begin(struct engine_block *block, size_t head_size)
{
    uint32_t size = (uint32_t)head_size;
    unsigned char *head;

    block->size = 0;
    block->failed = 0;
    head = extend(block, head_size);
    if (!head)
        return NULL;
    memset(head, 0, head_size);
    memcpy(head, &size, sizeof(size));
    return head;
}

struct engine_item *engine_block_item(struct engine_block *block,
                                      const struct engine_item *head,
                                      const void *payload, size_t payload_size)
{
    struct engine_item *item;
    size_t span;

    if (payload_size > UINT32_MAX - sizeof(*item) - 8) {
        block->failed = 1;
        return NULL;
    }
    span = engine_item_span((uint32_t)payload_size);
    item = (void *)extend(block, span);
    if (!item)
        return NULL;
    *item = *head;
    item->size = (uint32_t)payload_size;
    if (span > sizeof(*item))
        memset((unsigned char *)item + span - 8, 0, 8);
    if (payload && payload_size)
        memcpy(item + 1, payload, payload_size);
    return item;
}

/* The name at index, or "?" for what no version of the format has. */
static const char *name_of(const char *const *names, size_t count,
                           unsigned index)
{
    return index < count && names[index] ? names[index] : "?";
}

const char *engine_event_name(unsigned kind)
{
    static const char *const names[ENGINE_EV_COUNT] = {
        [ENGINE_EV_RUN_CREATED] = "run_created",
        [ENGINE_EV_RUN_SUSPENDED] = "run_suspended",
        [ENGINE_EV_RUN_BLOCKED] = "run_blocked",
        [ENGINE_EV_RUN_SUCCEEDED] = "run_succeeded",
        [ENGINE_EV_RUN_FAILED] = "run_failed",
        [ENGINE_EV_LEASE_ACQUIRED] = "lease_acquired",
        [ENGINE_EV_OP_SCHEDULED] = "op_scheduled",
        [ENGINE_EV_ATTEMPT_STARTED] = "attempt_started",
        [ENGINE_EV_ATTEMPT_SUCCEEDED] = "attempt_succeeded",
        [ENGINE_EV_ATTEMPT_FAILED] = "attempt_failed",
        [ENGINE_EV_ATTEMPT_TIMED_OUT] = "attempt_timed_out",
        [ENGINE_EV_ATTEMPT_INTERRUPTED] = "attempt_interrupted",
        [ENGINE_EV_ATTEMPT_AMBIGUOUS] = "attempt_ambiguous",
        [ENGINE_EV_RETRY_SCHEDULED] = "retry_scheduled",
        [ENGINE_EV_OP_SUCCEEDED] = "op_succeeded",
        [ENGINE_EV_OP_FAILED] = "op_failed",
        [ENGINE_EV_WAIT_STARTED] = "wait_started",
        [ENGINE_EV_WAIT_FIRED] = "wait_fired",
        [ENGINE_EV_RUN_CANCELLED] = "run_cancelled",
        [ENGINE_EV_RUN_TIMED_OUT] = "run_timed_out",
        [ENGINE_EV_RUN_STOPPED] = "run_stopped",
        [ENGINE_EV_RUN_PAUSED] = "run_paused",
        [ENGINE_EV_RUN_UNPAUSED] = "run_unpaused",
        [ENGINE_EV_RUN_UNBLOCKED] = "run_unblocked",
        [ENGINE_EV_OPERATOR_ACTION] = "operator_action",
        [ENGINE_EV_LIMIT_NEAR] = "limit_near",
        [ENGINE_EV_ATTEMPT_SUSPENDED] = "attempt_suspended",
        [ENGINE_EV_CHECKPOINT] = "checkpoint",
        [ENGINE_EV_OPERATION_STARTED] = "operation_started",
        [ENGINE_EV_OPERATION_SUCCEEDED] = "operation_succeeded",
        [ENGINE_EV_OPERATION_FAILED] = "operation_failed",
        [ENGINE_EV_OPERATION_RETRY] = "operation_retry",
        [ENGINE_EV_OPERATION_PROGRESS] = "operation_progress",
        [ENGINE_EV_OPERATION_CANCELLED] = "operation_cancelled",
        [ENGINE_EV_OPERATION_READY] = "operation_ready",
        [ENGINE_EV_OPERATION_FIRED] = "operation_fired",
        [ENGINE_EV_OPERATION_TIMED_OUT] = "operation_timed_out",
        [ENGINE_EV_OPERATION_STOPPED] = "operation_stopped",
        [ENGINE_EV_OPERATION_HEARTBEAT] = "operation_heartbeat",
        [ENGINE_EV_INBOX_CONSUMED] = "inbox_consumed",
    };

    return name_of(names, ENGINE_EV_COUNT, kind);
}

const char *engine_request_name(unsigned kind)
{
    static const char *const names[ENGINE_REQ_COUNT] = {
        [ENGINE_REQ_CREATE] = "create",
        [ENGINE_REQ_ACQUIRE] = "acquire",
        [ENGINE_REQ_LOAD] = "load",
        [ENGINE_REQ_APPEND] = "append",
        [ENGINE_REQ_MAIL] = "mail",
        [ENGINE_REQ_RENEW] = "renew",
        [ENGINE_REQ_ACK] = "ack",
        [ENGINE_REQ_CLAIM] = "claim",
        [ENGINE_REQ_HEARTBEAT] = "heartbeat",
        [ENGINE_REQ_FINISH] = "finish",
        [ENGINE_REQ_PUT_BLOB] = "put_blob",
        [ENGINE_REQ_GET_BLOB] = "get_blob",
        [ENGINE_REQ_SIGNAL] = "signal",
    };

    return name_of(names, ENGINE_REQ_COUNT, kind);
}

const char *engine_outcome_name(unsigned outcome)
{
    static const char *const names[] = {
        [ENGINE_COMMITTED] = "committed", [ENGINE_CONFLICT] = "conflict",
        [ENGINE_FENCED] = "fenced",       [ENGINE_REFUSED] = "refused",
        [ENGINE_FAILED] = "failed",       [ENGINE_UNKNOWN] = "unknown",
    };

    return name_of(names, sizeof(names) / sizeof(names[0]), outcome);
}

const char *engine_error_name(unsigned error)
{
    static const char *const names[ENGINE_ERR_COUNT] = {
        [ENGINE_ERR_NONE] = "none",
        [ENGINE_ERR_USER] = "user",
        [ENGINE_ERR_TIMED_OUT] = "timed_out",
        [ENGINE_ERR_INTERRUPTED] = "interrupted",
        [ENGINE_ERR_AMBIGUOUS] = "ambiguous",
        [ENGINE_ERR_OOM] = "out_of_memory",
        [ENGINE_ERR_SIZE_LIMIT] = "size_limit",
        [ENGINE_ERR_UNKNOWN] = "unknown",
        [ENGINE_ERR_VALIDATION] = "validation",
        [ENGINE_ERR_THROTTLED] = "throttled",
        [ENGINE_ERR_NETWORK] = "network",
        [ENGINE_ERR_PLATFORM_START] = "platform_start",
        [ENGINE_ERR_AUTH_EXPIRED] = "auth_expired",
        [ENGINE_ERR_NONDETERMINISTIC] = "nondeterministic",
        [ENGINE_ERR_SERIALIZATION] = "serialization",
        [ENGINE_ERR_INTEGRITY] = "integrity",
        [ENGINE_ERR_STORAGE] = "storage",
        [ENGINE_ERR_STORAGE_FULL] = "storage_full",
        [ENGINE_ERR_CONTRACT] = "contract",
        [ENGINE_ERR_CANCELLED] = "cancelled",
        [ENGINE_ERR_STOPPED] = "stopped",
        [ENGINE_ERR_STALE_TOKEN] = "stale_token",
        [ENGINE_ERR_ORPHAN] = "orphan",
        [ENGINE_ERR_NOT_OWNER] = "not_owner",
        [ENGINE_ERR_PENDING] = "pending",
    };

    return name_of(names, ENGINE_ERR_COUNT, error);
}
