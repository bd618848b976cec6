#include "faults/hits.h"

#include <assert.h>
#include <stdlib.h>

#include "faults/rule.h"

struct fault_hits_slot {
    uint64_t key; /* 0: free; lanes start at 1, so no key is 0 */
    uint64_t count;
};

static uint64_t make_key(uint32_t lane, uint32_t point, uint32_t actor)
{
    assert(lane >= 1 && lane <= FAULT_LANE_MAX);
    assert(point <= FAULT_ALL_POINTS);
    return (uint64_t)lane << 48 | (uint64_t)point << 32 | actor;
}

int fault_hits_init(struct fault_hits *hits)
{
    *hits = (struct fault_hits){.size = 1024};
    hits->slots = calloc(hits->size, sizeof(*hits->slots));
    return hits->slots ? 0 : FAULT_ENOMEM;
}

void fault_hits_deinit(struct fault_hits *hits)
{
    free(hits->slots);
    hits->slots = NULL;
}

/* The slot of this key, or the free one where it belongs. */
static struct fault_hits_slot *find(struct fault_hits_slot *slots,
                                    uint32_t size, uint64_t key)
{
    uint64_t mixed = (key ^ key >> 29) * UINT64_C(0x9e3779b97f4a7c15);
    uint32_t at = (uint32_t)(mixed >> 32) & (size - 1);
    while (slots[at].key != 0 && slots[at].key != key)
        at = (at + 1) & (size - 1);
    return &slots[at];
}

static int grow(struct fault_hits *hits)
{
    uint32_t size = hits->size * 2;
    struct fault_hits_slot *slots = calloc(size, sizeof(*slots));
    if (!slots)
        return FAULT_ENOMEM;
    for (uint32_t i = 0; i < hits->size; i++) {
        if (hits->slots[i].key != 0)
            *find(slots, size, hits->slots[i].key) = hits->slots[i];
    }
    free(hits->slots);
    hits->slots = slots;
    hits->size = size;
    return 0;
}

/* The slot of this key, made if need be; NULL without memory. */
static struct fault_hits_slot *claim(struct fault_hits *hits, uint64_t key)
{
    struct fault_hits_slot *slot = find(hits->slots, hits->size, key);
    if (slot->key != 0)
        return slot;
    if (hits->used >= hits->size / 4 * 3) {
        if (grow(hits))
            return NULL;
        slot = find(hits->slots, hits->size, key);
    }
    slot->key = key;
    hits->used++;
    return slot;
}

uint64_t fault_hits_add(struct fault_hits *hits, uint32_t lane, uint32_t point,
                        uint32_t actor)
{
    struct fault_hits_slot *slot = claim(hits, make_key(lane, point, actor));
    return slot ? ++slot->count : 0;
}

int fault_hits_set(struct fault_hits *hits, uint32_t lane, uint32_t point,
                   uint32_t actor, uint64_t count)
{
    struct fault_hits_slot *slot = claim(hits, make_key(lane, point, actor));
    if (!slot)
        return FAULT_ENOMEM;
    slot->count = count;
    return 0;
}

uint64_t fault_hits_get(const struct fault_hits *hits, uint32_t lane,
                        uint32_t point, uint32_t actor)
{
    return find(hits->slots, hits->size, make_key(lane, point, actor))->count;
}
