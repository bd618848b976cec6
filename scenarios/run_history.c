#include "scenarios/run_history.h"

#include <inttypes.h>
#include <string.h>

#include "engine/host/history.h"

enum {
    PAGE_ROWS = 65536
};

struct folding {
    struct history *history;
    struct engine_block block; /* of one event, aligned */
    bool failed;
};

static bool add_event(struct folding *f, const struct engine_item *event,
                      const void *payload, uint64_t time_ns)
{
    const struct engine_item *item =
        engine_block_begin(&f->block, 8)
            ? engine_block_item(&f->block, event, payload, event->size)
            : NULL;

    return item && history_add(f->history, item, time_ns) == 0;
}

static int fold_row(void *self, const struct engine_log_row *row)
{
    struct folding *f = self;
    const unsigned char *items = row->items;

    for (size_t at = 0; at + sizeof(struct engine_item) <= row->items_size;) {
        struct engine_item event;
        memcpy(&event, items + at, sizeof(event));
        if (!add_event(f, &event, items + at + sizeof(event), row->time_ns)) {
            f->failed = true;
            return 1;
        }
        at += engine_item_span(event.size);
    }
    return 0;
}

static int fold(struct folding *f, struct host_reader *reader, uint64_t run)
{
    struct store_page page;
    uint64_t after = 0;

    do {
        if (store_read_events(host_reader_store(reader), run, after, PAGE_ROWS,
                              fold_row, f, &page) < 0)
            return -1;
        if (f->failed || page.state == STORE_PAGE_ARCHIVED ||
            (after == 0 && page.folded_seq > 0))
            return -2;
        after = page.last_seq;
    } while (page.state == STORE_PAGE_MORE);
    return 0;
}

static void print_page(const struct history *history,
                       const struct run_history_page *page,
                       struct report_buffer *out)
{
    uint64_t count = history_count(history);
    uint64_t first = page->after < count ? page->after : count;
    uint64_t end = page->limit && page->limit < count - first
                       ? first + page->limit
                       : count;

    report_buffer_put(out, page->object ? "{\"Events\": [" : "");
    for (uint64_t i = first; i < end; i++) {
        size_t size;
        const char *text = history_event(history, (uint32_t)i, &size);
        report_buffer_put(out, page->object && i > first ? ", " : "");
        report_buffer_bytes(out, text, size);
        report_buffer_put(out, page->object ? "" : "\n");
    }
    if (page->object && end < count)
        report_buffer_print(out, "], \"NextMarker\": \"%" PRIu64 "\"}\n", end);
    else if (page->object)
        report_buffer_put(out, "]}\n");
}

int run_history_print(struct host_reader *reader,
                      const struct engine_run_row *row,
                      const struct run_history_page *page,
                      struct report_buffer *out)
{
    const struct engine_graph *graph =
        host_reader_workflow(reader, row->workflow);
    struct folding f = {.history = history_new(
                            row->run, graph && engine_graph_is_handler(graph))};
    int result = -1;

    engine_block_init(&f.block);
    if (f.history)
        result = fold(&f, reader, row->run);
    if (result == 0)
        print_page(f.history, page, out);
    engine_block_free(&f.block);
    history_free(f.history);
    return result;
}
