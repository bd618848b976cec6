#include "sim/platform/lambda_pool.h"

#include <assert.h>
#include <stdlib.h>

#define FIRST_CAPACITY 16

void sim_lambda_pool_init(struct sim_lambda_pool *pool)
{
    *pool = (struct sim_lambda_pool){
        .free_slot = SIM_LAMBDA_NONE,
        .young = {SIM_LAMBDA_NONE, SIM_LAMBDA_NONE},
    };
}

void sim_lambda_pool_deinit(struct sim_lambda_pool *pool)
{
    free(pool->slots);
    free(pool->heap);
}

static bool grow(struct sim_lambda_pool *pool)
{
    uint32_t capacity =
        pool->capacity == 0 ? FIRST_CAPACITY : 2 * pool->capacity;
    if (capacity < pool->capacity) {
        return false;
    }
    uint32_t *heap = realloc(pool->heap, capacity * sizeof *heap);
    if (heap == NULL) {
        return false;
    }
    pool->heap = heap;
    struct sim_lambda_slot *slots =
        realloc(pool->slots, capacity * sizeof *slots);
    if (slots == NULL) {
        return false;
    }
    pool->slots = slots;
    pool->capacity = capacity;
    return true;
}

static uint32_t fresh_slot(struct sim_lambda_pool *pool)
{
    if (pool->used == pool->capacity && !grow(pool)) {
        return SIM_LAMBDA_NONE;
    }
    pool->slots[pool->used].generation = 0;
    return pool->used++;
}

uint32_t sim_lambda_pool_take(struct sim_lambda_pool *pool)
{
    uint32_t slot = pool->free_slot;
    if (slot == SIM_LAMBDA_NONE) {
        slot = fresh_slot(pool);
        if (slot == SIM_LAMBDA_NONE) {
            return slot;
        }
    } else {
        pool->free_slot = pool->slots[slot].links[SIM_LAMBDA_OF_FUNCTION].after;
    }
    uint32_t generation = pool->slots[slot].generation + 1;
    pool->slots[slot] = (struct sim_lambda_slot){.generation = generation,
                                                 .heap_at = SIM_LAMBDA_NONE};
    assert(generation % 2 == 1);
    return slot;
}

void sim_lambda_pool_give(struct sim_lambda_pool *pool, uint32_t slot)
{
    struct sim_lambda_slot *given = &pool->slots[slot];
    assert(given->generation % 2 == 1);
    assert(given->heap_at == SIM_LAMBDA_NONE);
    given->generation++;
    given->links[SIM_LAMBDA_OF_FUNCTION].after = pool->free_slot;
    pool->free_slot = slot;
}

void sim_lambda_list_add(struct sim_lambda_pool *pool,
                         struct sim_lambda_list *list,
                         enum sim_lambda_list_kind kind, uint32_t slot)
{
    pool->slots[slot].links[kind] =
        (struct sim_lambda_links){list->last, SIM_LAMBDA_NONE};
    if (list->last == SIM_LAMBDA_NONE) {
        list->first = slot;
    } else {
        pool->slots[list->last].links[kind].after = slot;
    }
    list->last = slot;
}

void sim_lambda_list_cut(struct sim_lambda_pool *pool,
                         struct sim_lambda_list *list,
                         enum sim_lambda_list_kind kind, uint32_t slot)
{
    struct sim_lambda_links links = pool->slots[slot].links[kind];
    if (links.before == SIM_LAMBDA_NONE) {
        assert(list->first == slot);
        list->first = links.after;
    } else {
        pool->slots[links.before].links[kind].after = links.after;
    }
    if (links.after == SIM_LAMBDA_NONE) {
        assert(list->last == slot);
        list->last = links.before;
    } else {
        pool->slots[links.after].links[kind].before = links.before;
    }
}

/* Equal times go by index, so that the order is total. */
static bool precedes(const struct sim_lambda_pool *pool, uint32_t a, uint32_t b)
{
    uint64_t x = pool->slots[a].until_ns;
    uint64_t y = pool->slots[b].until_ns;
    return x != y ? x < y : a < b;
}

static void heap_put(struct sim_lambda_pool *pool, uint32_t at, uint32_t slot)
{
    pool->heap[at] = slot;
    pool->slots[slot].heap_at = at;
}

/* Finds the place of a slot from the hole `at` towards the root. */
static void heap_rise(struct sim_lambda_pool *pool, uint32_t at, uint32_t slot)
{
    while (at > 0) {
        uint32_t parent = (at - 1) / 2;
        if (!precedes(pool, slot, pool->heap[parent])) {
            break;
        }
        heap_put(pool, at, pool->heap[parent]);
        at = parent;
    }
    heap_put(pool, at, slot);
}

/* Moves the hole `at` to a leaf; returns where it is then. */
static uint32_t heap_sink(struct sim_lambda_pool *pool, uint32_t at)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= pool->heap_count) {
            return at;
        }
        if (child + 1 < pool->heap_count &&
            precedes(pool, pool->heap[child + 1], pool->heap[child])) {
            child++;
        }
        heap_put(pool, at, pool->heap[child]);
        at = child;
    }
}

void sim_lambda_heap_add(struct sim_lambda_pool *pool, uint32_t slot)
{
    assert(pool->heap_count < pool->capacity);
    assert(pool->slots[slot].heap_at == SIM_LAMBDA_NONE);
    heap_rise(pool, pool->heap_count++, slot);
}

void sim_lambda_heap_cut(struct sim_lambda_pool *pool, uint32_t slot)
{
    uint32_t at = pool->slots[slot].heap_at;
    assert(at < pool->heap_count && pool->heap[at] == slot);
    uint32_t moved = pool->heap[--pool->heap_count];
    pool->slots[slot].heap_at = SIM_LAMBDA_NONE;
    if (moved != slot) {
        heap_rise(pool, heap_sink(pool, at), moved);
    }
}
