#include "engine/operation.h"

#include <assert.h>

#include "engine/store.h"

enum {
    SMALLEST_TABLE = 16,
    SMALL_SIZE = 256, /* up to here bytes live in chunks */
    CHUNK_SIZE_MIN = 1024,
    CHUNK_SIZE_MAX = 65536
};

/* Bytes that are given out from the front and freed all at once. */
struct engine_operations_chunk {
    struct engine_operations_chunk *next;
    uint32_t used;
    uint32_t size;
    unsigned char bytes[];
};

/* Items ------------------------------------------------------------------- */

static size_t payload_size(const struct engine_operation *head)
{
    return sizeof(*head) + head->id_size + head->name_size +
           (size_t)head->detail_size + head->value_size;
}

static struct engine_text take(const unsigned char **at, size_t size)
{
    struct engine_text text = {(const char *)*at, size};

    *at += size;
    return text;
}

int engine_operation_view(const struct engine_item *item,
                          struct engine_operation_view *view)
{
    const unsigned char *at = engine_item_payload(item);

    if (item->size < sizeof(view->head))
        return -1;
    memcpy(&view->head, at, sizeof(view->head));
    if (payload_size(&view->head) != item->size)
        return -1;
    at += sizeof(view->head);
    view->id = take(&at, view->head.id_size);
    view->name = take(&at, view->head.name_size);
    view->detail = take(&at, view->head.detail_size);
    view->value = at;
    return 0;
}

static void put(unsigned char **at, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(*at, bytes, size);
    *at += size;
}

struct engine_item *
engine_operation_write(struct engine_block *block,
                       const struct engine_item *head,
                       const struct engine_operation_view *view)
{
    struct engine_item *item =
        engine_block_item(block, head, NULL, payload_size(&view->head));
    unsigned char *at;

    assert(view->id.size == view->head.id_size);
    assert(view->name.size == view->head.name_size);
    assert(view->detail.size == view->head.detail_size);
    if (!item)
        return NULL;
    at = (unsigned char *)(item + 1);
    put(&at, &view->head, sizeof(view->head));
    put(&at, view->id.text, view->id.size);
    put(&at, view->name.text, view->name.size);
    put(&at, view->detail.text, view->detail.size);
    put(&at, view->value, view->head.value_size);
    return item;
}

struct engine_hash engine_operation_id(uint64_t run, struct engine_hash parent,
                                       uint64_t n)
{
    const uint64_t covered[] = {parent.lo, parent.hi, run, n};

    return engine_hash_bytes(covered, sizeof(covered));
}

/* Bytes of the table ------------------------------------------------------ */

static bool in_image(const struct engine_operations *table, const void *bytes)
{
    uintptr_t at = (uintptr_t)bytes;
    uintptr_t start = (uintptr_t)table->image;

    return table->image && at >= start && at - start < table->image_size;
}

static void release(struct engine_operations *table, void *bytes, size_t size)
{
    if (size > SMALL_SIZE && !in_image(table, bytes))
        engine_delete(table->memory, bytes);
}

static int add_chunk(struct engine_operations *table)
{
    struct engine_operations_chunk *last = table->chunks;
    uint32_t size = last ? last->size * 2 : CHUNK_SIZE_MIN;
    struct engine_operations_chunk *chunk;

    if (size > CHUNK_SIZE_MAX)
        size = CHUNK_SIZE_MAX;
    chunk = engine_resize(table->memory, NULL, sizeof(*chunk) + size);
    if (!chunk)
        return -1;
    *chunk = (struct engine_operations_chunk){.next = last, .size = size};
    table->chunks = chunk;
    return 0;
}

/* Room for size > 0 bytes, or NULL. */
static void *allocate(struct engine_operations *table, size_t size)
{
    uint32_t span = (uint32_t)((size + 7) & ~(size_t)7);
    void *bytes;

    if (size > SMALL_SIZE)
        return engine_resize(table->memory, NULL, size);
    if ((!table->chunks || table->chunks->size - table->chunks->used < span) &&
        add_chunk(table))
        return NULL;
    bytes = table->chunks->bytes + table->chunks->used;
    table->chunks->used += span;
    return bytes;
}

/* Replaces *old by a copy; what is small and not larger stays in its place. */
static int replace(struct engine_operations *table, void **old, size_t old_size,
                   const void *bytes, size_t size)
{
    void *copy = *old;

    if (size == 0) {
        copy = NULL;
    } else if (old_size > SMALL_SIZE || size > old_size) {
        copy = allocate(table, size);
        if (!copy)
            return -1;
    }
    if (copy)
        memmove(copy, bytes, size);
    if (copy != *old)
        release(table, *old, old_size);
    *old = copy;
    return 0;
}

int engine_operations_set_value(struct engine_operations *table,
                                struct engine_op_entry *entry,
                                const void *bytes, size_t size)
{
    assert(size <= UINT32_MAX);
    if (replace(table, &entry->value, entry->value_size, bytes, size))
        return -1;
    entry->value_size = (uint32_t)size;
    return 0;
}

int engine_operations_set_input(struct engine_operations *table,
                                struct engine_op_entry *entry,
                                const void *bytes, size_t size)
{
    assert(size <= UINT32_MAX);
    if (replace(table, &entry->input, entry->input_size, bytes, size))
        return -1;
    entry->input_size = (uint32_t)size;
    return 0;
}

int engine_operations_set_text(struct engine_operations *table,
                               struct engine_text *text, const char *bytes,
                               size_t size)
{
    void *copy = (void *)(uintptr_t)text->text;

    if (replace(table, &copy, text->size, bytes, size))
        return -1;
    *text = (struct engine_text){copy, size};
    return 0;
}

unsigned char *engine_operations_image(struct engine_operations *table,
                                       size_t image_size)
{
    assert(!table->image);
    table->image = engine_resize(table->memory, NULL, image_size);
    table->image_size = table->image ? image_size : 0;
    return table->image;
}

/* The table --------------------------------------------------------------- */

/* The part of an id that stands in its slot, to look at few entries. */
static uint64_t tag_of(struct engine_hash id)
{
    return id.hi & ~(uint64_t)UINT32_MAX;
}

static void place(struct engine_operations *table, uint32_t number)
{
    struct engine_hash id = table->entries[number].id;
    uint32_t mask = table->slot_count - 1;
    uint32_t at = (uint32_t)id.lo & mask;

    while (table->slots[at])
        at = (at + 1) & mask;
    table->slots[at] = tag_of(id) | (number + 1);
}

/* Slots are at most half full. */
static int grow_slots(struct engine_operations *table, uint32_t capacity)
{
    uint32_t slot_count = capacity * 2;
    uint64_t *slots = engine_new(table->memory, slot_count * sizeof(*slots));

    if (!slots)
        return -1;
    engine_delete(table->memory, table->slots);
    table->slots = slots;
    table->slot_count = slot_count;
    for (uint32_t i = 0; i < table->count; i++)
        place(table, i);
    return 0;
}

int engine_operations_reserve(struct engine_operations *table, uint32_t count)
{
    uint32_t capacity = table->capacity ? table->capacity : SMALLEST_TABLE;
    struct engine_op_entry *entries;

    if (count <= table->capacity)
        return 0;
    if (count > UINT32_C(1) << 30)
        return -1;
    while (capacity < count)
        capacity *= 2;
    if (grow_slots(table, capacity))
        return -1;
    entries = engine_resize(table->memory, table->entries,
                            capacity * sizeof(*entries));
    if (!entries)
        return -1;
    table->entries = entries;
    table->capacity = capacity;
    return 0;
}

int engine_operations_init(struct engine_operations *table,
                           const struct engine_memory *memory, uint64_t run)
{
    const struct engine_hash none = {0, 0};

    *table = (struct engine_operations){.memory = memory, .run = run};
    if (!engine_operations_add(table, none, 0)) {
        engine_operations_free(table);
        return -1;
    }
    table->entries[0].type = ENGINE_OPERATION_EXECUTION;
    return 0;
}

static void free_entry(struct engine_operations *table,
                       struct engine_op_entry *entry)
{
    release(table, (void *)(uintptr_t)entry->id_text.text, entry->id_text.size);
    release(table, (void *)(uintptr_t)entry->name.text, entry->name.size);
    release(table, (void *)(uintptr_t)entry->detail.text, entry->detail.size);
    release(table, entry->value, entry->value_size);
    release(table, entry->input, entry->input_size);
}

void engine_operations_free(struct engine_operations *table)
{
    const struct engine_memory *memory = table->memory;

    for (uint32_t i = 0; i < table->count; i++)
        free_entry(table, &table->entries[i]);
    while (table->chunks) {
        struct engine_operations_chunk *chunk = table->chunks;

        table->chunks = chunk->next;
        engine_delete(memory, chunk);
    }
    engine_delete(memory, table->image);
    engine_delete(memory, table->slots);
    engine_delete(memory, table->entries);
    *table = (struct engine_operations){.memory = memory};
}

struct engine_op_entry *
engine_operations_find(const struct engine_operations *table,
                       struct engine_hash id)
{
    uint32_t mask = table->slot_count - 1;
    uint64_t tag = tag_of(id);

    for (uint32_t at = (uint32_t)id.lo & mask; table->slots[at];
         at = (at + 1) & mask) {
        uint64_t slot = table->slots[at];
        struct engine_op_entry *entry = &table->entries[(uint32_t)slot - 1];

        if ((slot ^ tag) <= UINT32_MAX && engine_hash_equal(entry->id, id))
            return entry;
    }
    return NULL;
}

struct engine_op_entry *engine_operations_add(struct engine_operations *table,
                                              struct engine_hash id,
                                              uint32_t parent)
{
    uint32_t number = table->count;
    struct engine_op_entry *entry;

    assert(parent < number || number == 0);
    if (engine_operations_reserve(table, number + 1))
        return NULL;
    entry = &table->entries[number];
    *entry = (struct engine_op_entry){.id = id,
                                      .number = number,
                                      .parent = parent,
                                      .due_ns = UINT64_MAX,
                                      .heartbeat_ns = UINT64_MAX};
    table->count++;
    place(table, number);
    if (number > 0) {
        entry->next_sibling = table->entries[parent].first_child;
        table->entries[parent].first_child = number;
    }
    return entry;
}

/* Items of the table ------------------------------------------------------ */

static uint64_t time_of_wire(uint64_t time_ns)
{
    return time_ns ? time_ns : UINT64_MAX;
}

static uint64_t time_to_wire(uint64_t time_ns)
{
    return time_ns == UINT64_MAX ? 0 : time_ns;
}

/* Whether its second number is none of a time. */
static bool has_number(unsigned type)
{
    return type == ENGINE_OPERATION_SEND || type == ENGINE_OPERATION_RECEIVE ||
           type == ENGINE_OPERATION_CONTEXT;
}

static void load_times(struct engine_op_entry *entry,
                       const struct engine_operation *head)
{
    if (entry->type == ENGINE_OPERATION_SEND)
        entry->peer = head->first_ns;
    else
        entry->due_ns = time_of_wire(head->first_ns);
    if (has_number(entry->type))
        entry->second_ns = head->second_ns;
    else
        entry->heartbeat_ns = time_of_wire(head->second_ns);
}

static int load_bytes(struct engine_operations *table,
                      struct engine_op_entry *entry,
                      const struct engine_operation_view *view)
{
    if (engine_operations_set_text(table, &entry->id_text, view->id.text,
                                   view->id.size) ||
        engine_operations_set_text(table, &entry->name, view->name.text,
                                   view->name.size) ||
        engine_operations_set_text(table, &entry->detail, view->detail.text,
                                   view->detail.size))
        return -1;
    return engine_operations_set_value(table, entry, view->value,
                                       view->head.value_size);
}

/* Whether the parts that are enumerations are in range. */
static bool in_range(const struct engine_item *item, uint32_t error)
{
    unsigned type = engine_operation_flag_type(item->flags);

    return type && type < ENGINE_OPERATION_TYPE_COUNT &&
           engine_operation_flag_subtype(item->flags) < ENGINE_SUBTYPE_COUNT &&
           engine_operation_flag_options(item->flags) <= UINT8_MAX &&
           item->kind && item->kind < ENGINE_STATUS_COUNT &&
           error < ENGINE_ERR_COUNT;
}

/* The entry an item is about; NULL: *error says why. */
static struct engine_op_entry *
entry_of(struct engine_operations *table, const struct engine_item *item,
         const struct engine_operation_view *view, int *error)
{
    const struct engine_hash id = {item->a, item->b};
    struct engine_op_entry *parent =
        engine_operations_find(table, view->head.parent);
    struct engine_op_entry *entry = engine_operations_find(table, id);
    uint32_t number = parent ? parent->number : 0;
    bool execution =
        engine_operation_flag_type(item->flags) == ENGINE_OPERATION_EXECUTION;

    *error = -2;
    if (execution)
        return &table->entries[0];
    if (!parent || (entry && (!entry->number || entry->parent != number)))
        return NULL;
    *error = -1;
    return entry ? entry : engine_operations_add(table, id, number);
}

int engine_operations_load(struct engine_operations *table,
                           const struct engine_item *item)
{
    struct engine_operation_view view;
    struct engine_op_entry *entry;
    int error;

    if (engine_operation_view(item, &view) || !in_range(item, view.head.error))
        return -2;
    entry = entry_of(table, item, &view, &error);
    if (!entry)
        return error;
    entry->run_number = item->op;
    entry->type = (uint8_t)engine_operation_flag_type(item->flags);
    entry->subtype = (uint8_t)engine_operation_flag_subtype(item->flags);
    entry->options = (uint8_t)engine_operation_flag_options(item->flags);
    entry->status = (uint8_t)item->kind;
    entry->error = (uint16_t)view.head.error;
    entry->attempt = item->attempt;
    load_times(entry, &view.head);
    return load_bytes(table, entry, &view);
}

static struct engine_operation head_of(const struct engine_operations *table,
                                       const struct engine_op_entry *entry)
{
    bool number = has_number(entry->type);

    return (struct engine_operation){
        .parent = table->entries[entry->parent].id,
        .first_ns = entry->type == ENGINE_OPERATION_SEND
                        ? entry->peer
                        : time_to_wire(entry->due_ns),
        .second_ns =
            number ? entry->second_ns : time_to_wire(entry->heartbeat_ns),
        .error = entry->error,
        .id_size = (uint16_t)entry->id_text.size,
        .name_size = (uint16_t)entry->name.size,
        .detail_size = (uint32_t)entry->detail.size,
        .value_size = entry->value_size,
    };
}

/* What a blob's flag is about has gone with the value. */
static unsigned options_of(const struct engine_op_entry *entry)
{
    unsigned blob = ENGINE_OPTION_BLOB;

    return entry->value_size ? entry->options : entry->options & ~blob;
}

size_t engine_operations_span(const struct engine_operations *table,
                              uint32_t number)
{
    struct engine_operation head = head_of(table, &table->entries[number]);

    return engine_item_span((uint32_t)payload_size(&head));
}

int engine_operations_store(const struct engine_operations *table,
                            uint32_t number, struct engine_block *block)
{
    const struct engine_op_entry *entry = &table->entries[number];
    const struct engine_item item = {
        .type = ENGINE_ITEM_OPERATION,
        .kind = entry->status,
        .op = entry->run_number,
        .attempt = entry->attempt,
        .a = entry->id.lo,
        .b = entry->id.hi,
        .flags = engine_operation_flags(entry->type, entry->subtype,
                                        options_of(entry)),
    };
    const struct engine_operation_view view = {
        .head = head_of(table, entry),
        .id = entry->id_text,
        .name = entry->name,
        .detail = entry->detail,
        .value = entry->value,
    };

    assert(number < table->count);
    return engine_operation_write(block, &item, &view) ? 0 : -1;
}

/* Names ------------------------------------------------------------------- */

static const char *name_at(const char *const *names, size_t count,
                           unsigned index)
{
    return index < count && names[index] ? names[index] : "?";
}

const char *engine_operation_type_name(unsigned type)
{
    static const char *const names[ENGINE_OPERATION_TYPE_COUNT] = {
        [ENGINE_OPERATION_EXECUTION] = "execution",
        [ENGINE_OPERATION_CONTEXT] = "context",
        [ENGINE_OPERATION_STEP] = "step",
        [ENGINE_OPERATION_WAIT] = "wait",
        [ENGINE_OPERATION_CALLBACK] = "callback",
        [ENGINE_OPERATION_INVOKE] = "invoke",
        [ENGINE_OPERATION_SEND] = "send",
        [ENGINE_OPERATION_RECEIVE] = "receive",
    };

    return name_at(names, ENGINE_OPERATION_TYPE_COUNT, type);
}

const char *engine_operation_subtype_name(unsigned subtype)
{
    static const char *const names[ENGINE_SUBTYPE_COUNT] = {
        [ENGINE_SUBTYPE_NONE] = "none",
        [ENGINE_SUBTYPE_STEP] = "step",
        [ENGINE_SUBTYPE_WAIT] = "wait",
        [ENGINE_SUBTYPE_CALLBACK] = "callback",
        [ENGINE_SUBTYPE_RUN_IN_CHILD_CONTEXT] = "run_in_child_context",
        [ENGINE_SUBTYPE_MAP] = "map",
        [ENGINE_SUBTYPE_MAP_ITERATION] = "map_iteration",
        [ENGINE_SUBTYPE_PARALLEL] = "parallel",
        [ENGINE_SUBTYPE_PARALLEL_BRANCH] = "parallel_branch",
        [ENGINE_SUBTYPE_WAIT_FOR_CALLBACK] = "wait_for_callback",
        [ENGINE_SUBTYPE_WAIT_FOR_CONDITION] = "wait_for_condition",
        [ENGINE_SUBTYPE_CHAINED_INVOKE] = "chained_invoke",
        [ENGINE_SUBTYPE_COMPENSATION] = "compensation",
    };

    return name_at(names, ENGINE_SUBTYPE_COUNT, subtype);
}

const char *engine_operation_status_name(unsigned status)
{
    static const char *const names[ENGINE_STATUS_COUNT] = {
        [ENGINE_STATUS_STARTED] = "started",
        [ENGINE_STATUS_PENDING] = "pending",
        [ENGINE_STATUS_READY] = "ready",
        [ENGINE_STATUS_SUCCEEDED] = "succeeded",
        [ENGINE_STATUS_FAILED] = "failed",
        [ENGINE_STATUS_CANCELLED] = "cancelled",
        [ENGINE_STATUS_TIMED_OUT] = "timed_out",
        [ENGINE_STATUS_STOPPED] = "stopped",
    };

    return name_at(names, ENGINE_STATUS_COUNT, status);
}

const char *engine_operation_action_name(unsigned action)
{
    static const char *const names[ENGINE_ACTION_COUNT] = {
        [ENGINE_ACTION_START] = "start",
        [ENGINE_ACTION_SUCCEED] = "succeed",
        [ENGINE_ACTION_FAIL] = "fail",
        [ENGINE_ACTION_RETRY] = "retry",
        [ENGINE_ACTION_CANCEL] = "cancel",
        [ENGINE_ACTION_PROGRESS] = "progress",
    };

    return name_at(names, ENGINE_ACTION_COUNT, action);
}
