/* What is found again by a hash while a lineage is collected. */
#include <stdlib.h>

#include "engine/host/lineage_private.h"

static uint32_t slot_of(const struct lineage_map *map, struct engine_hash key)
{
    uint32_t slot = (uint32_t)key.lo & (map->capacity - 1);

    while ((map->keys[slot].lo || map->keys[slot].hi) &&
           !engine_hash_equal(map->keys[slot], key))
        slot = (slot + 1) & (map->capacity - 1);
    return slot;
}

static int grow_map(struct lineage_map *map)
{
    struct lineage_map more = {.capacity =
                                   map->capacity ? 2 * map->capacity : 256};

    more.keys = calloc(more.capacity, sizeof(*more.keys));
    more.values = calloc(more.capacity, sizeof(*more.values));
    if (!more.keys || !more.values) {
        lineage_map_free(&more);
        return -1;
    }
    for (uint32_t i = 0; i < map->capacity; i++)
        if (map->keys[i].lo || map->keys[i].hi)
            (void)lineage_map_put(&more, map->keys[i], map->values[i]);
    lineage_map_free(map);
    *map = more;
    return 0;
}

int lineage_map_put(struct lineage_map *map, struct engine_hash key,
                    uint32_t value)
{
    if (2 * (map->count + 1) > map->capacity && grow_map(map))
        return -1;
    uint32_t slot = slot_of(map, key);
    if (!map->keys[slot].lo && !map->keys[slot].hi)
        map->count++;
    map->keys[slot] = key;
    map->values[slot] = value;
    return 0;
}

uint32_t lineage_map_get(const struct lineage_map *map, struct engine_hash key)
{
    if (map->capacity == 0)
        return LINEAGE_NONE;
    uint32_t slot = slot_of(map, key);
    return map->keys[slot].lo || map->keys[slot].hi ? map->values[slot]
                                                    : LINEAGE_NONE;
}

void lineage_map_free(struct lineage_map *map)
{
    free(map->keys);
    free(map->values);
    *map = (struct lineage_map){0};
}
