#include "tests/support/store_bed.h"

#include <string.h>

static const struct engine_store_limits roomy = {.op_payload_max = 1 << 20,
                                                 .request_max = 1 << 22,
                                                 .history_ops_max = 100000,
                                                 .blob_max = 1 << 20};

int store_bed_open(struct store_bed *bed, const struct store_opener *opener)
{
    memset(bed, 0, sizeof(*bed));
    bed->opener = opener;
    bed->how.limits = roomy;
    bed->how.fresh = 1;
    bed->now = 1000;
    if (opener->open(opener->self, &bed->how, &bed->store))
        return -1;
    bed->how.fresh = 0;
    return 0;
}

void store_bed_close(struct store_bed *bed)
{
    bed->store.ops->close(bed->store.self);
    engine_block_free(&bed->request);
    engine_block_free(&bed->reply);
}

int store_bed_reopen(struct store_bed *bed)
{
    bed->store.ops->close(bed->store.self);
    return bed->opener->open(bed->opener->self, &bed->how, &bed->store);
}

uint64_t store_bed_sender(unsigned node)
{
    return (uint64_t)node << 32 | 1;
}

struct engine_request *store_bed_head(const struct store_bed *bed)
{
    return (void *)bed->request.bytes;
}

struct engine_request *store_bed_ask(struct store_bed *bed, uint16_t kind,
                                     unsigned node, uint64_t run)
{
    struct engine_request *request =
        engine_block_begin(&bed->request, sizeof(*request));

    request->kind = kind;
    request->id = ++bed->id;
    request->sender = store_bed_sender(node);
    request->run = run;
    request->ttl_ns = 100;
    return request;
}

void store_bed_item(struct store_bed *bed, const struct engine_item *item,
                    const void *payload, size_t size)
{
    engine_block_item(&bed->request, item, payload, size);
    store_bed_head(bed)->item_count++;
}

void store_bed_event(struct store_bed *bed, uint16_t kind, uint64_t a)
{
    struct engine_item item = {
        .type = ENGINE_ITEM_EVENT, .kind = kind, .op = UINT32_MAX, .a = a};

    store_bed_item(bed, &item, "event payload", 13);
}

void store_bed_work(struct store_bed *bed, uint32_t flag, uint32_t op,
                    uint32_t attempt, const char *input)
{
    struct engine_item item = {
        .type = ENGINE_ITEM_WORK, .op = op, .attempt = attempt, .flags = flag};

    store_bed_item(bed, &item, input, strlen(input));
}

void store_bed_signal(struct store_bed *bed, unsigned node, uint64_t run,
                      uint64_t id, const char *value)
{
    struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                               .kind = ENGINE_SIG_MESSAGE,
                               .op = UINT32_MAX,
                               .a = id};
    struct engine_signal signal = {.run = run,
                                   .kind = ENGINE_SIG_MESSAGE,
                                   .value_size = (uint32_t)strlen(value)};
    char payload[256];

    memcpy(payload, &signal, sizeof(signal));
    memcpy(payload + sizeof(signal), value, strlen(value));
    store_bed_ask(bed, ENGINE_REQ_SIGNAL, node, run);
    store_bed_item(bed, &item, payload, sizeof(signal) + strlen(value));
}

void store_bed_take(struct store_bed *bed, uint64_t id)
{
    struct engine_item item = {.type = ENGINE_ITEM_INBOX, .a = id};

    store_bed_item(bed, &item, NULL, 0);
}

void store_bed_snapshot(struct store_bed *bed, uint64_t seq, const char *text)
{
    struct engine_item item = {.type = ENGINE_ITEM_SNAPSHOT, .a = seq};

    store_bed_item(bed, &item, text, strlen(text));
}

const struct engine_reply *store_bed_reply(const struct store_bed *bed)
{
    return (const void *)bed->reply.bytes;
}

unsigned store_bed_apply(struct store_bed *bed)
{
    const struct engine_store *store = &bed->store;

    if (store->ops->apply(store->self, store_bed_head(bed), &bed->reply))
        return 0;
    if (engine_reply_check(bed->reply.bytes, bed->reply.size))
        return 0;
    return store_bed_reply(bed)->outcome;
}

unsigned store_bed_send(struct store_bed *bed)
{
    const struct engine_store *store = &bed->store;
    unsigned outcome;

    if (store->ops->begin(store->self, bed->now))
        return 0;
    outcome = store_bed_apply(bed);
    if (!outcome) {
        store->ops->rollback(store->self);
        return 0;
    }
    return store->ops->commit(store->self) ? 0 : outcome;
}

const struct engine_item *store_bed_find(const struct store_bed *bed,
                                         uint16_t type, unsigned nth)
{
    ENGINE_REPLY_ITEMS(bed->reply.bytes, item)
    {
        if (item->type == type && !nth--)
            return item;
    }
    return NULL;
}

int store_bed_says(const struct engine_item *item, const char *text)
{
    return item && item->size == strlen(text) &&
           !memcmp(engine_item_payload(item), text, item->size);
}

int store_bed_brings(const struct engine_item *item, uint64_t id,
                     const char *value)
{
    return item && item->type == ENGINE_ITEM_INBOX && item->a == id &&
           item->size == sizeof(struct engine_signal) + strlen(value) &&
           !memcmp((const char *)engine_item_payload(item) +
                       sizeof(struct engine_signal),
                   value, strlen(value));
}
