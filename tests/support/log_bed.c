#include "tests/support/log_bed.h"

#include <criterion/criterion.h>
#include <string.h>

#include "engine/host/definition.h"
#include "engine/host/registry.h"
#include "engine/operation.h"

void log_bed_open(struct log_bed *b)
{
    memset(b, 0, sizeof(*b));
    b->file.page_size = 4096;
    b->opener = store_file_opener(&b->file);
    store_file_make(&b->file);
    cr_assert_eq(store_bed_open(&b->bed, &b->opener), 0, "%s", b->file.error);
}

void log_bed_create(struct log_bed *b, uint64_t run)
{
    store_bed_ask(&b->bed, ENGINE_REQ_CREATE, BED_A, run);
    log_bed_event(b, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0, "{}");
}

void log_bed_append(struct log_bed *b, uint64_t run, uint64_t seq)
{
    struct engine_request *request =
        store_bed_ask(&b->bed, ENGINE_REQ_APPEND, BED_A, run);

    request->token = 1;
    request->seq = seq;
    request->state = ENGINE_RUN_RUNNING;
}

void log_bed_bytes(struct log_bed *b, unsigned kind, uint32_t op,
                   uint32_t attempt, const void *bytes, size_t size)
{
    const struct engine_item item = {.type = ENGINE_ITEM_EVENT,
                                     .kind = (uint16_t)kind,
                                     .op = op,
                                     .attempt = attempt};

    store_bed_item(&b->bed, &item, bytes, size);
}

void log_bed_event(struct log_bed *b, unsigned kind, uint32_t op,
                   uint32_t attempt, const char *words)
{
    log_bed_bytes(b, kind, op, attempt, words, strlen(words));
}

static struct engine_hash id_of(uint32_t op)
{
    return op ? (struct engine_hash){op, 0xabc} : (struct engine_hash){0, 0};
}

static struct engine_text text_of(const char *text)
{
    return (struct engine_text){text ? text : "", text ? strlen(text) : 0};
}

void log_bed_operation(struct log_bed *b, struct log_operation o)
{
    const struct engine_item head = {
        .type = ENGINE_ITEM_EVENT,
        .kind = (uint16_t)o.kind,
        .op = o.op,
        .attempt = o.attempt,
        .a = id_of(o.op).lo,
        .b = id_of(o.op).hi,
        .flags = engine_operation_flags(o.type, o.subtype, o.options)};
    const struct engine_operation_view view = {
        .head = {.parent = id_of(o.parent),
                 .first_ns = o.first_ns,
                 .error = o.error,
                 .name_size = (uint16_t)text_of(o.name).size,
                 .value_size = (uint32_t)text_of(o.value).size},
        .name = text_of(o.name),
        .value = text_of(o.value).text};

    cr_assert_not_null(engine_operation_write(&b->bed.request, &head, &view));
    store_bed_head(&b->bed)->item_count++;
}

void log_bed_commit(struct log_bed *b, uint64_t now_ns)
{
    b->bed.now = now_ns;
    cr_assert_eq(store_bed_send(&b->bed), ENGINE_COMMITTED);
}

struct host_reader *log_bed_look(struct log_bed *b,
                                 const struct engine_graph *graph)
{
    char error[HOST_ERROR_SIZE];
    struct engine_block block;
    const void *bytes;
    size_t size;

    b->bed.store.ops->close(b->bed.store.self);
    struct host_registry *registry = host_registry_open(b->file.path, error);
    cr_assert_not_null(registry, "%s", error);
    engine_block_init(&block);
    cr_assert_eq(host_definition_write(&block, graph, &bytes, &size), 0);
    cr_assert_eq(
        host_registry_add(registry, LOG_BED_WORKFLOW, graph, bytes, size), 0);
    engine_block_free(&block);
    host_registry_close(registry);
    b->reader = host_reader_open(b->file.path, NULL, error);
    cr_assert_not_null(b->reader, "%s", error);
    return b->reader;
}

void log_bed_close(struct log_bed *b)
{
    host_reader_close(b->reader);
    b->file.read_only = 1;
    b->bed.store = store_file_open(&b->file);
    store_bed_close(&b->bed);
    store_file_remove(&b->file);
}
