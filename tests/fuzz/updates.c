/*
 * Any bytes as a batch of updates: checking must refuse or accept them without
 * a fault of memory; what was accepted can be applied, is found in the pages,
 * and can be saved and restored; what was refused has changed nothing. The
 * first byte bounds the open branches; the rest is several
 * batches, each preceded by its size. The same bytes as a snapshot must be
 * refused, or be one.
 */
#include "engine/execution.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    RUN = 7,
    BATCHES_MAX = 16
};

static void must(bool holds)
{
    if (!holds)
        abort();
}

struct bed {
    struct engine_limits limits;
    struct engine_execution live;
    struct engine_execution folded;
    uint64_t now_ns;
};

static void open_execution(struct engine_execution *execution,
                           const struct bed *bed)
{
    must(engine_execution_init(execution, NULL, RUN, &bed->limits) == 0);
}

static void close_bed(struct bed *bed)
{
    engine_execution_free(&bed->live);
    engine_execution_free(&bed->folded);
}

/* Applies the events of a block, to the live state as to be stamped later. */
static void apply(struct bed *bed, struct engine_block *events)
{
    const struct engine_item *item = engine_item_first(events->bytes, 8);

    for (; item; item = engine_item_next(events->bytes, item)) {
        must(engine_execution_apply(&bed->live, item, 0) == 0);
        must(engine_execution_apply(&bed->folded, item, bed->now_ns) == 0);
    }
    engine_execution_stamp(&bed->live, bed->now_ns);
    engine_block_free(events);
}

static void start_block(struct engine_block *block)
{
    engine_block_init(block);
    must(engine_block_begin(block, 8) != NULL);
}

static void invoke(struct bed *bed, uint32_t invocation)
{
    const struct engine_item item = {.type = ENGINE_ITEM_EVENT,
                                     .kind = ENGINE_EV_OP_SCHEDULED,
                                     .attempt = invocation};
    struct engine_block events;

    start_block(&events);
    must(engine_block_item(&events, &item, NULL, 0) != NULL);
    apply(bed, &events);
}

static void fire(struct bed *bed)
{
    struct engine_block events;
    uint64_t latest;

    start_block(&events);
    must(engine_execution_fire(&bed->live, bed->now_ns, &events, &latest) == 0);
    must(latest <= bed->now_ns);
    apply(bed, &events);
    must(engine_execution_due(&bed->live) > bed->now_ns);
}

static void save(const struct engine_execution *execution,
                 struct engine_block *block)
{
    engine_block_init(block);
    must(engine_execution_save(execution, block) == 0);
}

static void must_be_same(const struct engine_block *a,
                         const struct engine_block *b)
{
    must(a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0);
}

/* The log's fold and a restored snapshot are what is live. */
static void check_fold(const struct bed *bed)
{
    struct engine_execution restored;
    struct engine_block live;
    struct engine_block other;

    save(&bed->live, &live);
    save(&bed->folded, &other);
    must_be_same(&live, &other);
    engine_block_free(&other);
    open_execution(&restored, bed);
    must(engine_execution_restore(&restored, live.bytes, live.size) == 0);
    save(&restored, &other);
    must_be_same(&live, &other);
    must(restored.waiting == bed->live.waiting);
    must(restored.open_count == bed->live.open_count);
    must(engine_execution_due(&restored) == engine_execution_due(&bed->live));
    engine_execution_free(&restored);
    engine_block_free(&live);
    engine_block_free(&other);
}

/* Small pages make up the one large page, and a table can load them. */
static void check_pages(const struct bed *bed)
{
    struct engine_operations table;
    struct engine_block all;
    struct engine_block pages;
    uint32_t next = 0;

    start_block(&all);
    start_block(&pages);
    must(engine_execution_page(&bed->live, 0, SIZE_MAX, &all, &next) == 0);
    must(next == 0);
    do {
        must(engine_execution_page(&bed->live, next, 150, &pages, &next) == 0);
    } while (next);
    must_be_same(&all, &pages);
    must(engine_operations_init(&table, NULL, RUN) == 0);
    for (const struct engine_item *item = engine_item_first(all.bytes, 8); item;
         item = engine_item_next(all.bytes, item))
        must(engine_operations_load(&table, item) == 0);
    engine_operations_free(&table);
    engine_block_free(&all);
    engine_block_free(&pages);
}

static void accept(struct bed *bed, const void *updates, size_t size)
{
    const struct engine_hash client = {size, 1};
    struct engine_block events;
    struct engine_block delta;

    start_block(&events);
    start_block(&delta);
    must(engine_execution_events(&bed->live, updates, size, client, 0,
                                 &events) == 0);
    apply(bed, &events);
    start_block(&events);
    must(engine_execution_ends(&bed->live, &events) == 0);
    apply(bed, &events);
    must(!engine_execution_has_news(&bed->live));
    must(engine_execution_delta(&bed->live, bed->live.before, &delta) == 0);
    engine_block_free(&delta);
}

static void check_problem(const struct engine_problem *problem)
{
    must(problem->error != ENGINE_ERR_NONE && problem->text[0]);
    must(memchr(problem->text, '\0', sizeof(problem->text)) != NULL);
    for (const char *at = problem->text; *at; at++)
        must((unsigned char)*at >= 0x20 && *at != 0x7F);
}

static void try_batch(struct bed *bed, const uint8_t *data, size_t size)
{
    struct engine_problem problem;
    uint8_t *updates = malloc(size ? size : 1);

    must(updates != NULL);
    if (size > 0)
        memcpy(updates, data, size);
    if (engine_execution_check(&bed->live, updates, size, &problem) == 0)
        accept(bed, updates, size);
    else
        check_problem(&problem);
    free(updates);
    check_fold(bed);
    check_pages(bed);
}

static void try_batches(struct bed *bed, const uint8_t *data, size_t size)
{
    for (uint32_t i = 0; size >= 2 && i < BATCHES_MAX; i++) {
        size_t part = data[0] + ((size_t)data[1] << 8);

        data += 2;
        size -= 2;
        if (part > size)
            part = size;
        try_batch(bed, data, part);
        data += part;
        size -= part;
        bed->now_ns += UINT64_C(1000000000);
        fire(bed);
    }
}

static void try_snapshot(const struct bed *bed, const uint8_t *data,
                         size_t size)
{
    struct engine_execution restored;
    struct engine_block block;

    open_execution(&restored, bed);
    if (engine_execution_restore(&restored, data, size) == 0) {
        save(&restored, &block);
        must(block.size == size);
        engine_block_free(&block);
    }
    engine_execution_free(&restored);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bed bed = {.now_ns = UINT64_C(1000000000)};
    const struct engine_limits *profile = engine_limits_find("inline-1mb");

    if (size == 0)
        return 0;
    bed.limits = *profile;
    bed.limits.operations_max = 50;
    bed.limits.concurrency_max = 1 + data[0] % 8U;
    bed.limits.written_max = 10000;
    open_execution(&bed.live, &bed);
    open_execution(&bed.folded, &bed);
    invoke(&bed, 1);
    try_batches(&bed, data + 1, size - 1);
    try_snapshot(&bed, data + 1, size - 1);
    close_bed(&bed);
    return 0;
}
