#include "sim/platform/heap.h"

#include <assert.h>
#include <stdlib.h>

enum {
    WAYS = 4 /* children of an entry: fewer levels, one cache line each */
};

void sim_heap_deinit(struct sim_heap *heap)
{
    free(heap->entries);
    free(heap->at);
    *heap = (struct sim_heap){.entries = NULL};
}

int sim_heap_reserve(struct sim_heap *heap, uint32_t ids)
{
    if (ids <= heap->capacity) {
        return 0;
    }
    uint64_t wanted = heap->capacity > 0 ? heap->capacity : 32;
    while (wanted < ids) {
        wanted *= 2;
    }
    if (wanted > SIM_HEAP_NONE) {
        wanted = SIM_HEAP_NONE;
    }
    struct sim_heap_entry *entries =
        realloc(heap->entries, wanted * sizeof(*entries));
    if (entries == NULL) {
        return -1;
    }
    heap->entries = entries;
    uint32_t *at = realloc(heap->at, wanted * sizeof(*at));
    if (at == NULL) {
        return -1;
    }
    heap->at = at;
    for (uint64_t i = heap->capacity; i < wanted; i++) {
        at[i] = SIM_HEAP_NONE;
    }
    heap->capacity = (uint32_t)wanted;
    return 0;
}

static bool before(const struct sim_heap_entry *a,
                   const struct sim_heap_entry *b)
{
    return a->time_ns < b->time_ns ||
           (a->time_ns == b->time_ns && a->sequence < b->sequence);
}

static void put(struct sim_heap *heap, uint32_t at, struct sim_heap_entry entry)
{
    heap->entries[at] = entry;
    heap->at[entry.id] = at;
}

static void rise(struct sim_heap *heap, uint32_t at)
{
    struct sim_heap_entry entry = heap->entries[at];
    while (at > 0) {
        uint32_t parent = (at - 1) / WAYS;
        if (!before(&entry, &heap->entries[parent])) {
            break;
        }
        put(heap, at, heap->entries[parent]);
        at = parent;
    }
    put(heap, at, entry);
}

/* The least child of the entry, or SIM_HEAP_NONE. */
static uint32_t least_child(const struct sim_heap *heap, uint32_t at)
{
    uint64_t first = (uint64_t)at * WAYS + 1;
    uint64_t end = first + WAYS < heap->count ? first + WAYS : heap->count;
    uint32_t least = SIM_HEAP_NONE;
    for (uint64_t i = first; i < end; i++) {
        if (least == SIM_HEAP_NONE ||
            before(&heap->entries[i], &heap->entries[least])) {
            least = (uint32_t)i;
        }
    }
    return least;
}

static void sink(struct sim_heap *heap, uint32_t at)
{
    struct sim_heap_entry entry = heap->entries[at];
    for (uint32_t child = least_child(heap, at);
         child != SIM_HEAP_NONE && before(&heap->entries[child], &entry);
         child = least_child(heap, at)) {
        put(heap, at, heap->entries[child]);
        at = child;
    }
    put(heap, at, entry);
}

void sim_heap_cut(struct sim_heap *heap, uint32_t id)
{
    assert(id < heap->capacity);
    uint32_t at = heap->at[id];
    if (at == SIM_HEAP_NONE) {
        return;
    }
    heap->at[id] = SIM_HEAP_NONE;
    heap->count--;
    if (at == heap->count) {
        return;
    }
    put(heap, at, heap->entries[heap->count]);
    sink(heap, at);
    rise(heap, at);
}

void sim_heap_set(struct sim_heap *heap, uint32_t id, uint64_t time_ns)
{
    sim_heap_cut(heap, id);
    if (time_ns == SIM_HEAP_NEVER) {
        return;
    }
    put(heap, heap->count,
        (struct sim_heap_entry){
            .time_ns = time_ns, .sequence = heap->sequence++, .id = id});
    heap->count++;
    rise(heap, heap->count - 1);
}

uint64_t sim_heap_time(const struct sim_heap *heap, uint32_t id)
{
    assert(id < heap->capacity);
    uint32_t at = heap->at[id];
    return at == SIM_HEAP_NONE ? SIM_HEAP_NEVER : heap->entries[at].time_ns;
}

uint32_t sim_heap_first(const struct sim_heap *heap)
{
    return heap->count > 0 ? heap->entries[0].id : SIM_HEAP_NONE;
}

uint32_t sim_heap_pop(struct sim_heap *heap)
{
    uint32_t id = sim_heap_first(heap);
    if (id != SIM_HEAP_NONE) {
        sim_heap_cut(heap, id);
    }
    return id;
}
