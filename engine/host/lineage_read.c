/*
 * One run's log, row by row: its chain is checked, it is folded, and each
 * event is then taken into the lineage (lineage_take.c).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lineage_private.h"

enum {
    PAGE_ROWS = 65536
};

int lineage_damaged(struct lineage_reading *r, const char *why)
{
    r->result = LINEAGE_DAMAGED;
    snprintf(r->why, sizeof(r->why), "%s", why);
    return 1;
}

int lineage_no_memory(struct lineage_reading *r)
{
    r->result = LINEAGE_MEMORY;
    return 1;
}

/* Reading ------------------------------------------------------------------
 */

static int take_event(struct lineage_reading *r,
                      const struct engine_item *event, const void *payload)
{
    const struct engine_item *item =
        engine_block_begin(&r->block, 8)
            ? engine_block_item(&r->block, event, payload, event->size)
            : NULL;

    if (!item)
        return lineage_no_memory(r);
    int applied = engine_run_apply(r->run, item, r->time_ns);
    if (applied == -1)
        return lineage_no_memory(r);
    if (applied)
        return lineage_damaged(r, "it cannot follow what was before it");
    int result = lineage_take(r, item);
    r->has_consumed = event->kind == ENGINE_EV_INBOX_CONSUMED;
    r->consumed = (struct engine_hash){event->a, event->b};
    return result || r->l->failed ? (r->result ? 1 : lineage_no_memory(r)) : 0;
}

/* The row follows the one before it and is as it was written. */
static int check_row(struct lineage_reading *r,
                     const struct engine_log_row *row)
{
    r->position = row->position;
    r->time_ns = row->time_ns;
    if (row->seq != r->seq)
        return lineage_damaged(r, "events are missing before it");
    if (r->chained &&
        !engine_hash_equal(engine_store_chain(r->chain, row), row->hash))
        return lineage_damaged(r, "its row is not the one that was written");
    r->chain = row->hash;
    r->chained = true;
    return 0;
}

static int take_row(void *self, const struct engine_log_row *row)
{
    struct lineage_reading *r = self;
    const unsigned char *items = row->items;
    size_t offset = 0;

    if (check_row(r, row))
        return 1;
    for (uint32_t i = 0; i < row->count; i++, r->seq++) {
        struct engine_item event;

        if (row->items_size - offset < sizeof(event))
            return lineage_damaged(r, "its row ends before it");
        memcpy(&event, items + offset, sizeof(event));
        if (event.type != ENGINE_ITEM_EVENT || event.kind >= ENGINE_EV_COUNT ||
            engine_item_span(event.size) > row->items_size - offset)
            return lineage_damaged(r, "it is longer than its row");
        if (r->seq > r->skip &&
            take_event(r, &event, items + offset + sizeof(event)))
            return 1;
        offset += engine_item_span(event.size);
    }
    return 0;
}

/* A log without its beginning ----------------------------------------------
 */

static int note_first(void *self, const struct engine_log_row *row)
{
    struct lineage_reading *r = self;

    r->seq = row->seq;
    r->position = row->position;
    return 1;
}

static int find_snapshot(void *self, uint64_t run,
                         const struct engine_item *item)
{
    struct lineage_reading *r = self;

    if (item->type != ENGINE_ITEM_SNAPSHOT || run != r->row.run)
        return 0;
    int error =
        engine_run_restore(r->run, engine_item_payload(item), item->size);
    if (error == -1)
        return lineage_no_memory(r);
    if (error)
        return lineage_damaged(r, "the snapshot before it cannot be read");
    r->skip = item->a;
    r->restored = true;
    return 1;
}

static int restore(struct lineage_reading *r)
{
    struct engine_store *store = host_reader_store(r->c->reader);

    if (!r->run->execution)
        return lineage_damaged(r, "events are missing before it");
    if (store->ops->scan_boxes(store->self, find_snapshot, r) < 0)
        return lineage_damaged(r, "the snapshots cannot be read");
    if (r->result)
        return 1;
    if (!r->restored)
        return lineage_damaged(r, "events are missing before it");
    r->l->runs[r->index].folded_seq = r->skip;
    lineage_take_created(r);
    struct lineage_execution *e = &r->l->executions[r->vertex];
    e->scheduled_ns = r->run->started_ns;
    e->started_ns = r->run->started_ns;
    for (uint32_t i = 1; i < r->run->execution->operations.count; i++)
        if (lineage_take_entry(r, i))
            return 1;
    return 0;
}

/* Where the log begins, and what was before that. */
static int begin_log(struct lineage_reading *r)
{
    struct engine_store *store = host_reader_store(r->c->reader);
    struct store_page page;

    if (store_read_events(store, r->row.run, 0, PAGE_ROWS, note_first, r,
                          &page) < 0)
        return lineage_damaged(r, "a page of it cannot be read");
    if (page.state == STORE_PAGE_ARCHIVED) {
        r->result = LINEAGE_ARCHIVED;
        return 1;
    }
    r->chained = r->seq == 1;
    return r->chained ? 0 : restore(r);
}

static int read_log(struct lineage_reading *r)
{
    struct engine_store *store = host_reader_store(r->c->reader);
    struct store_page page = {.state = STORE_PAGE_MORE};

    if (begin_log(r))
        return 1;
    while (page.state == STORE_PAGE_MORE) {
        int result = store_read_events(store, r->row.run, r->seq - 1, PAGE_ROWS,
                                       take_row, r, &page);
        if (r->result)
            return 1;
        if (result)
            return lineage_damaged(r, "a page of it cannot be read");
    }
    if (r->seq < r->row.next_seq)
        return lineage_damaged(r, "events are missing at the end");
    if (r->seq == r->row.next_seq && r->chained &&
        !engine_hash_equal(r->chain, r->row.hash))
        return lineage_damaged(r, "the run's row is of another log");
    return 0;
}

static int add_run(struct lineage_reading *r)
{
    struct lineage *l = r->l;

    if (l->run_count == l->run_capacity) {
        uint32_t capacity = l->run_capacity ? 2 * l->run_capacity : 8;
        void *runs = realloc(l->runs, capacity * sizeof(*l->runs));
        if (!runs)
            return lineage_no_memory(r);
        l->runs = runs;
        l->run_capacity = capacity;
    }
    r->index = l->run_count++;
    l->runs[r->index] = (struct lineage_run){
        .number = r->row.run,
        .workflow = engine_graph_name(r->graph),
        .code = lineage_code(r->graph),
        .state = r->row.state,
        .depth = r->depth,
        .handler = engine_graph_is_handler(r->graph),
    };
    lineage_take_run(r);
    return r->result;
}

static void say(const struct lineage_reading *r)
{
    char *error = r->c->error;

    if (r->result == LINEAGE_DAMAGED)
        snprintf(error, HOST_ERROR_SIZE,
                 "run %" PRIu64 ", event %" PRIu64 ", position %" PRIu64 ": %s",
                 r->row.run, r->seq, r->position, r->why);
    else if (r->result == LINEAGE_ARCHIVED)
        snprintf(error, HOST_ERROR_SIZE,
                 "run %" PRIu64 " has left the database: its log is in an "
                 "archive, if there is one",
                 r->row.run);
    else if (r->result == LINEAGE_UNKNOWN)
        snprintf(error, HOST_ERROR_SIZE,
                 "run %" PRIu64 ": its workflow, number %u, is not among those "
                 "that the database keeps",
                 r->row.run, r->row.workflow);
    else
        snprintf(error, HOST_ERROR_SIZE, "out of memory");
}

enum lineage_result lineage_read_run(struct lineage_collecting *c,
                                     const struct engine_run_row *row,
                                     uint32_t depth)
{
    struct lineage_reading r = {
        .c = c,
        .l = c->lineage,
        .row = *row,
        .depth = depth,
        .seq = 1,
        .graph = host_reader_workflow(c->reader, row->workflow),
        .vertex = LINEAGE_NONE};

    engine_block_init(&r.block);
    if (!r.graph)
        r.result = LINEAGE_UNKNOWN;
    else
        r.run = engine_run_new_within(NULL, row->run, row->workflow, r.graph,
                                      host_reader_limits(c->reader));
    if (r.graph && !r.run)
        r.result = LINEAGE_MEMORY;
    if (!r.result && !add_run(&r) && !read_log(&r) && r.run->execution)
        lineage_take_calls(&r);
    if (r.result)
        say(&r);
    engine_run_free(r.run);
    engine_block_free(&r.block);
    lineage_map_free(&r.outputs);
    free(r.tracks);
    return r.result;
}
