#include "reports/index.h"

#include <stdlib.h>
#include <string.h>

enum {
    CAPACITY_MIN = 64
};

void report_index_init(struct report_index *index)
{
    memset(index, 0, sizeof(*index));
}

void report_index_deinit(struct report_index *index)
{
    free(index->keys);
    free(index->slots);
    memset(index, 0, sizeof(*index));
}

static uint64_t mix(const struct report_key *key)
{
    uint64_t hash = key->parts[0] * UINT64_C(0x9e3779b97f4a7c15);

    hash = (hash ^ hash >> 29 ^ key->parts[1]) * UINT64_C(0xbf58476d1ce4e5b9);
    hash = (hash ^ hash >> 31 ^ key->parts[2]) * UINT64_C(0x94d049bb133111eb);
    return hash ^ hash >> 30;
}

static uint32_t *slot_of(const struct report_index *index,
                         const struct report_key *key)
{
    uint32_t mask = 2 * index->capacity - 1;
    uint32_t at = (uint32_t)mix(key) & mask;

    while (index->slots[at] &&
           memcmp(&index->keys[index->slots[at] - 1], key, sizeof(*key)) != 0)
        at = (at + 1) & mask;
    return &index->slots[at];
}

uint32_t report_index_find(const struct report_index *index,
                           const struct report_key *key)
{
    return index->count ? *slot_of(index, key) - 1 : REPORT_INDEX_NONE;
}

static int grow(struct report_index *index, void **list, size_t size)
{
    uint32_t capacity = index->capacity ? 2 * index->capacity : CAPACITY_MIN;
    struct report_key *keys = realloc(index->keys, capacity * sizeof(*keys));
    void *items = keys ? realloc(*list, capacity * size) : NULL;
    uint32_t *slots = items ? calloc(capacity, 2 * sizeof(*slots)) : NULL;

    if (keys)
        index->keys = keys;
    if (items)
        *list = items;
    if (!slots)
        return -1;
    free(index->slots);
    index->slots = slots;
    index->capacity = capacity;
    for (uint32_t i = 0; i < index->count; i++)
        *slot_of(index, &index->keys[i]) = i + 1;
    return 0;
}

uint32_t report_index_add(struct report_index *index,
                          const struct report_key *key, void **list,
                          size_t size)
{
    if (index->count == index->capacity && grow(index, list, size))
        return REPORT_INDEX_NONE;
    index->keys[index->count] = *key;
    memset((unsigned char *)*list + index->count * size, 0, size);
    *slot_of(index, key) = index->count + 1;
    return index->count++;
}
