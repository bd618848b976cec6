/*
 * The fold of a run's operations as bytes:
 *
 *     | saved_run | saved_entry texts value input 0.. | saved_entry .. |
 *     | engine_edge_end .. |
 *
 * Only what does not follow from something else is in it. Reading it back
 * copies the bytes once and lets the entries point into the copy.
 */
#include "engine/execution.h"

#include <assert.h>

#include "engine/execution_index.h"

enum {
    VERSION = 1
};

struct saved_run {
    uint32_t size; /* of all the bytes */
    uint32_t version;
    uint64_t run;
    uint64_t token;
    uint64_t used;
    struct engine_hash client_token;
    uint64_t written;
    uint64_t started_ns;
    uint64_t deadline_ns;
    uint64_t parent_run;
    uint32_t parent_op;
    uint32_t depth;
    uint32_t failures;
    uint32_t change;
    uint32_t delivered;
    uint32_t before;
    uint32_t outside;
    uint32_t count;  /* operations with the run */
    uint32_t oldest; /* the order of changes: the first, the next in entries */
    uint32_t crowd;
};

struct saved_entry {
    struct engine_hash id;
    uint32_t parent;
    uint32_t changed;
    uint32_t newer;
    uint32_t attempt;
    uint64_t started_ns;
    uint64_t due_ns;
    uint64_t second_ns;
    uint64_t heartbeat_ns;
    uint64_t peer;
    uint8_t type;
    uint8_t subtype;
    uint8_t status;
    uint8_t options;
    uint8_t orphan;
    uint8_t dropped;
    uint16_t error;
    uint16_t id_size;
    uint16_t name_size;
    uint32_t detail_size;
    uint32_t value_size;
    uint32_t input_size;
};

static_assert(sizeof(struct saved_run) % 8 == 0, "entries are aligned");
static_assert(sizeof(struct saved_entry) % 8 == 0, "texts are aligned");
static_assert(sizeof(struct engine_edge_end) == 16, "ends have no gaps");

/* Writing ----------------------------------------------------------------- */

static size_t padded(size_t size)
{
    return (size + 7) & ~(size_t)7;
}

static size_t bytes_of(const struct saved_entry *saved)
{
    return padded((size_t)saved->id_size + saved->name_size +
                  saved->detail_size + saved->value_size + saved->input_size);
}

static struct saved_entry save_entry(const struct engine_execution *execution,
                                     const struct engine_op_entry *entry)
{
    return (struct saved_entry){
        .id = entry->id,
        .parent = entry->parent,
        .changed = entry->changed,
        .newer = execution->index->tracks[entry->number].newer,
        .attempt = entry->attempt,
        .started_ns = entry->started_ns,
        .due_ns = entry->due_ns,
        .second_ns = entry->second_ns,
        .heartbeat_ns = entry->heartbeat_ns,
        .peer = entry->peer,
        .type = entry->type,
        .subtype = entry->subtype,
        .status = entry->status,
        .options = entry->options,
        .orphan = entry->orphan,
        .dropped = entry->dropped,
        .error = entry->error,
        .id_size = (uint16_t)entry->id_text.size,
        .name_size = (uint16_t)entry->name.size,
        .detail_size = (uint32_t)entry->detail.size,
        .value_size = entry->value_size,
        .input_size = entry->input_size};
}

static struct saved_run save_run(const struct engine_execution *execution)
{
    return (struct saved_run){.version = VERSION,
                              .run = execution->operations.run,
                              .token = execution->token,
                              .used = execution->used,
                              .client_token = execution->client_token,
                              .written = execution->written,
                              .started_ns = execution->started_ns,
                              .deadline_ns = execution->deadline_ns,
                              .parent_run = execution->parent_run,
                              .parent_op = execution->parent_op,
                              .depth = execution->depth,
                              .failures = execution->failures,
                              .change = execution->change,
                              .delivered = execution->delivered,
                              .before = execution->before,
                              .outside = execution->outside,
                              .count = execution->operations.count,
                              .oldest = execution->index->oldest,
                              .crowd = execution->crowd};
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t size)
{
    if (size > 0)
        memcpy(at, bytes, size);
    return at + size;
}

static unsigned char *put_entry(unsigned char *at,
                                const struct saved_entry *saved,
                                const struct engine_op_entry *entry)
{
    unsigned char *start = put(at, saved, sizeof(*saved));

    at = put(start, entry->id_text.text, saved->id_size);
    at = put(at, entry->name.text, saved->name_size);
    at = put(at, entry->detail.text, saved->detail_size);
    at = put(at, entry->value, saved->value_size);
    (void)put(at, entry->input, saved->input_size);
    return start + bytes_of(saved);
}

static size_t size_of(const struct engine_execution *execution)
{
    size_t size = sizeof(struct saved_run) +
                  execution->index->end_count * sizeof(struct engine_edge_end);

    for (uint32_t i = 0; i < execution->operations.count; i++) {
        struct saved_entry saved =
            save_entry(execution, &execution->operations.entries[i]);

        size += sizeof(saved) + bytes_of(&saved);
    }
    return size;
}

int engine_execution_save(const struct engine_execution *execution,
                          struct engine_block *block)
{
    struct saved_run run = save_run(execution);
    size_t size = size_of(execution);
    unsigned char *at;

    assert(execution->index->unstamped_count == 0);
    assert(!execution->index->start_unstamped);
    if (size > UINT32_MAX)
        return -1;
    at = engine_block_begin(block, size);
    if (!at)
        return -1;
    run.size = (uint32_t)size;
    at = put(at, &run, sizeof(run));
    for (uint32_t i = 0; i < run.count; i++) {
        const struct engine_op_entry *entry = &execution->operations.entries[i];
        struct saved_entry saved = save_entry(execution, entry);

        at = put_entry(at, &saved, entry);
    }
    (void)put(at, execution->index->ends,
              execution->index->end_count * sizeof(struct engine_edge_end));
    return 0;
}

/* Reading ----------------------------------------------------------------- */

static int check_run(const struct engine_execution *execution,
                     const struct saved_run *run, size_t size)
{
    if (run->size != size || run->version != VERSION || run->count == 0 ||
        run->count > size / sizeof(struct saved_entry) ||
        run->run != execution->operations.run)
        return -2;
    if (run->delivered > run->change || run->before > run->change ||
        run->outside > run->change)
        return -2;
    return 0;
}

static void restore_run(struct engine_execution *execution,
                        const struct saved_run *run)
{
    execution->token = run->token;
    execution->used = run->used;
    execution->client_token = run->client_token;
    execution->written = run->written;
    execution->started_ns = run->started_ns;
    execution->deadline_ns = run->deadline_ns;
    execution->parent_run = run->parent_run;
    execution->parent_op = run->parent_op;
    execution->depth = run->depth;
    execution->failures = run->failures;
    execution->change = run->change;
    execution->delivered = run->delivered;
    execution->before = run->before;
    execution->outside = run->outside;
    execution->crowd = run->crowd;
}

/* The entry at *at, whole and with what follows it, or NULL. */
static const struct saved_entry *next_entry(const unsigned char **at,
                                            const unsigned char *end)
{
    const struct saved_entry *saved = (const void *)*at;
    size_t left = (size_t)(end - *at);

    if (left < sizeof(*saved) || left - sizeof(*saved) < bytes_of(saved))
        return NULL;
    *at += sizeof(*saved) + bytes_of(saved);
    return saved;
}

/* Whether an entry can stand at this place of a table. */
static bool is_sound(const struct engine_operations *table,
                     const struct saved_entry *saved, uint32_t change)
{
    uint32_t number = table->count;
    const struct engine_op_entry *parent;

    if (saved->type <= ENGINE_OPERATION_EXECUTION ||
        saved->type >= ENGINE_OPERATION_TYPE_COUNT || !saved->status ||
        saved->subtype >= ENGINE_SUBTYPE_COUNT ||
        saved->status >= ENGINE_STATUS_COUNT ||
        saved->error >= ENGINE_ERR_COUNT || saved->parent >= number)
        return false;
    if (!saved->changed || saved->changed > change || saved->orphan > 1 ||
        saved->dropped > saved->orphan)
        return false;
    parent = &table->entries[saved->parent];
    if (saved->parent == 0 && saved->orphan)
        return false;
    if (saved->parent && (parent->type != ENGINE_OPERATION_CONTEXT ||
                          saved->dropped < parent->dropped ||
                          saved->orphan != engine_entry_over(parent)))
        return false;
    return !engine_operations_find(table, saved->id);
}

static bool is_sound_run(const struct saved_entry *saved, uint32_t change)
{
    bool none = !saved->status && !saved->changed;
    bool over = (saved->status == ENGINE_STATUS_SUCCEEDED ||
                 saved->status == ENGINE_STATUS_FAILED) &&
                saved->changed && saved->changed <= change;

    return saved->type == ENGINE_OPERATION_EXECUTION && !saved->id.lo &&
           !saved->id.hi && !saved->parent && !saved->orphan &&
           !saved->dropped && saved->error < ENGINE_ERR_COUNT && (none || over);
}

static void fill(struct engine_op_entry *entry, const struct saved_entry *saved)
{
    char *at = (char *)(uintptr_t)(saved + 1);

    entry->run_number = entry->number;
    entry->type = saved->type;
    entry->subtype = saved->subtype;
    entry->status = saved->status;
    entry->options = saved->options;
    entry->orphan = saved->orphan;
    entry->dropped = saved->dropped;
    entry->error = saved->error;
    entry->attempt = saved->attempt;
    entry->changed = saved->changed;
    entry->started_ns = saved->started_ns;
    entry->due_ns = saved->due_ns;
    entry->second_ns = saved->second_ns;
    entry->heartbeat_ns = saved->heartbeat_ns;
    entry->peer = saved->peer;
    entry->id_text = (struct engine_text){at, saved->id_size};
    at += saved->id_size;
    entry->name = (struct engine_text){at, saved->name_size};
    at += saved->name_size;
    entry->detail = (struct engine_text){at, saved->detail_size};
    at += saved->detail_size;
    entry->value_size = saved->value_size;
    entry->value = saved->value_size ? at : NULL;
    at += saved->value_size;
    entry->input_size = saved->input_size;
    entry->input = saved->input_size ? at : NULL;
}

/* What is looked up follows from the entry. */
static int look_up(struct engine_execution *execution,
                   struct engine_op_entry *entry)
{
    struct engine_op_entry *parent =
        &execution->operations.entries[entry->parent];

    if (entry->dropped) /* nobody walks down to it any more */
        parent->first_child = 0;
    engine_execution_tally(execution, entry, 1);
    if (engine_execution_rejoin(execution, entry))
        return -1;
    return engine_execution_arm(execution, entry);
}

static int restore_entry(struct engine_execution *execution,
                         const struct saved_entry *saved)
{
    struct engine_operations *table = &execution->operations;
    struct engine_op_entry *entry = &table->entries[0];

    if (saved == (const void *)(table->image + sizeof(struct saved_run))) {
        if (!is_sound_run(saved, execution->change))
            return -2;
        fill(entry, saved);
        return 0;
    }
    if (!is_sound(table, saved, execution->change))
        return -2;
    entry = engine_operations_add(table, saved->id, saved->parent);
    if (!entry)
        return -1;
    fill(entry, saved);
    return look_up(execution, entry);
}

/* The order of changes: each one is later, so there is no circle. */
static int restore_order(struct engine_execution *execution, uint32_t oldest,
                         const struct saved_entry *const *saved)
{
    const struct engine_operations *table = &execution->operations;
    uint32_t last = 0;
    uint32_t count = 0;

    for (uint32_t i = oldest; i != ENGINE_NO_OPERATION; i = saved[i]->newer) {
        if (i >= table->count || table->entries[i].changed <= last)
            return -2;
        last = table->entries[i].changed;
        engine_index_touch(execution->index, i);
        count++;
    }
    return count == table->count - (table->entries[0].changed ? 0 : 1) ? 0 : -2;
}

/* Which senders have ended, in the order in which they did. */
static int restore_ends(struct engine_execution *execution,
                        const unsigned char *at, const unsigned char *end)
{
    const struct engine_operations *table = &execution->operations;
    struct engine_edge_end saved;

    for (; at != end; at += sizeof(saved)) {
        uint32_t count = execution->index->end_count;

        if ((size_t)(end - at) < sizeof(saved))
            return -2;
        memcpy(&saved, at, sizeof(saved));
        if (saved.named_by >= table->count || !saved.sender || saved.reserved ||
            table->entries[saved.named_by].type != ENGINE_OPERATION_RECEIVE)
            return -2;
        if (engine_index_end(execution->index, &table->entries[saved.named_by],
                             saved.sender))
            return -1;
        if (execution->index->end_count == count)
            return -2; /* it stands there twice */
    }
    return 0;
}

static int restore_entries(struct engine_execution *execution,
                           const struct saved_run *run,
                           const struct saved_entry **saved)
{
    const unsigned char *at = (const unsigned char *)(run + 1);
    const unsigned char *end = (const unsigned char *)run + run->size;
    int result;

    for (uint32_t i = 0; i < run->count; i++) {
        saved[i] = next_entry(&at, end);
        if (!saved[i])
            return -2;
        result = restore_entry(execution, saved[i]);
        if (result)
            return result;
    }
    result = restore_ends(execution, at, end);
    if (result)
        return result;
    return restore_order(execution, run->oldest, saved);
}

int engine_execution_restore(struct engine_execution *execution,
                             const void *bytes, size_t size)
{
    struct engine_operations *table = &execution->operations;
    const struct engine_memory *memory = table->memory;
    const struct saved_entry **saved;
    struct saved_run *run;
    int result;

    assert(table->count == 1 && !table->image);
    if (size < sizeof(*run))
        return -2;
    run = (void *)engine_operations_image(table, size);
    if (!run)
        return -1;
    memcpy(run, bytes, size);
    result = check_run(execution, run, size);
    if (result)
        return result;
    restore_run(execution, run);
    if (engine_operations_reserve(table, run->count) ||
        engine_index_reserve(execution->index, 1, run->count))
        return -1;
    saved = engine_resize(memory, NULL, run->count * sizeof(const void *));
    if (!saved)
        return -1;
    result = restore_entries(execution, run, saved);
    engine_delete(memory, (void *)(uintptr_t)saved);
    return result;
}
