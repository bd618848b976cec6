#include "engine/table.h"

#include <assert.h>

static uint32_t home_of(const struct engine_table *table, uint64_t id)
{
    uint64_t mixed = id * UINT64_C(0x9E3779B97F4A7C15);
    return (uint32_t)(mixed >> 32) & (table->slot_count - 1);
}

/* The slot of this number, or the free one where it would be. */
static struct engine_table_slot *slot_of(const struct engine_table *table,
                                         uint64_t id)
{
    uint32_t i = home_of(table, id);
    while (table->slots[i].id != id && table->slots[i].id != 0)
        i = (i + 1) & (table->slot_count - 1);
    return &table->slots[i];
}

void engine_table_free(struct engine_table *table)
{
    engine_delete(table->memory, table->items);
    engine_delete(table->memory, table->ids);
    engine_delete(table->memory, table->slots);
    *table = (struct engine_table){.memory = table->memory};
}

void *engine_table_find(const struct engine_table *table, uint64_t id)
{
    if (table->count == 0)
        return NULL;
    const struct engine_table_slot *slot = slot_of(table, id);
    return slot->id ? table->items[slot->index] : NULL;
}

static int grow(struct engine_table *table)
{
    uint32_t capacity = table->capacity ? 2 * table->capacity : 64;
    void **items =
        engine_resize(table->memory, table->items, capacity * sizeof(*items));
    if (!items)
        return -1;
    table->items = items;
    uint64_t *ids =
        engine_resize(table->memory, table->ids, capacity * sizeof(*ids));
    if (!ids)
        return -1;
    table->ids = ids;
    struct engine_table_slot *slots =
        engine_new(table->memory, 4 * (size_t)capacity * sizeof(*slots));
    if (!slots)
        return -1;
    engine_delete(table->memory, table->slots);
    table->slots = slots;
    table->slot_count = 4 * capacity;
    table->capacity = capacity;
    for (uint32_t i = 0; i < table->count; i++)
        *slot_of(table, ids[i]) = (struct engine_table_slot){ids[i], i};
    return 0;
}

int engine_table_add(struct engine_table *table, uint64_t id, void *item)
{
    assert(id != 0 && !engine_table_find(table, id));
    if (table->count == table->capacity && grow(table))
        return -1;
    *slot_of(table, id) = (struct engine_table_slot){id, table->count};
    table->ids[table->count] = id;
    table->items[table->count++] = item;
    return 0;
}

/* Closes the gap so that later entries are still found. */
static void empty_slot(struct engine_table *table, uint32_t hole)
{
    uint32_t mask = table->slot_count - 1;
    for (uint32_t i = (hole + 1) & mask; table->slots[i].id != 0;
         i = (i + 1) & mask) {
        uint32_t home = home_of(table, table->slots[i].id);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            table->slots[hole] = table->slots[i];
            hole = i;
        }
    }
    table->slots[hole] = (struct engine_table_slot){0};
}

void engine_table_remove(struct engine_table *table, uint64_t id)
{
    struct engine_table_slot *slot = slot_of(table, id);
    assert(slot->id == id);
    uint32_t index = slot->index;
    uint32_t last = --table->count;
    slot_of(table, table->ids[last])->index = index;
    table->items[index] = table->items[last];
    table->ids[index] = table->ids[last];
    empty_slot(table, (uint32_t)(slot - table->slots));
}
