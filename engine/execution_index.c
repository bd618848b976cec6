#include "engine/execution_index.h"

#include <assert.h>

#include "engine/store.h"

enum {
    SMALLEST = 16
};

struct engine_execution_index *
engine_index_new(const struct engine_memory *memory)
{
    struct engine_execution_index *index = engine_new(memory, sizeof(*index));

    if (!index)
        return NULL;
    index->memory = memory;
    index->oldest = ENGINE_NO_OPERATION;
    index->newest = ENGINE_NO_OPERATION;
    return index;
}

void engine_index_free(struct engine_execution_index *index)
{
    if (!index)
        return;
    engine_delete(index->memory, index->tracks);
    engine_delete(index->memory, index->heap);
    engine_delete(index->memory, index->unstamped);
    engine_delete(index->memory, index->edges);
    engine_delete(index->memory, index->edge_slots);
    engine_delete(index->memory, index->ends);
    engine_delete(index->memory, index->batch);
    engine_delete(index->memory, index->batch_slots);
    engine_delete(index->memory, index);
}

/* An array of size-byte elements with room for count; NULL: stays as it is. */
static void *enlarge(const struct engine_memory *memory, void *array,
                     uint32_t *capacity, uint32_t count, size_t size)
{
    uint32_t larger = *capacity ? *capacity : SMALLEST;

    if (count <= *capacity)
        return array;
    while (larger < count)
        larger *= 2;
    array = engine_resize(memory, array, larger * size);
    if (array)
        *capacity = larger;
    return array;
}

int engine_index_reserve(struct engine_execution_index *index, uint32_t from,
                         uint32_t count)
{
    const struct engine_track none = {.older = ENGINE_NO_OPERATION,
                                      .newer = ENGINE_NO_OPERATION,
                                      .next_open = ENGINE_NO_OPERATION};
    struct engine_track *tracks =
        enlarge(index->memory, index->tracks, &index->track_capacity, count,
                sizeof(*tracks));

    if (!tracks)
        return -1;
    index->tracks = tracks;
    for (uint32_t i = from; i < count; i++)
        tracks[i] = none;
    return 0;
}

/* Changes ----------------------------------------------------------------- */

static void unlink_change(struct engine_execution_index *index, uint32_t number)
{
    struct engine_track *track = &index->tracks[number];

    if (track->older != ENGINE_NO_OPERATION)
        index->tracks[track->older].newer = track->newer;
    else if (index->oldest == number)
        index->oldest = track->newer;
    if (track->newer != ENGINE_NO_OPERATION)
        index->tracks[track->newer].older = track->older;
    else if (index->newest == number)
        index->newest = track->older;
}

void engine_index_touch(struct engine_execution_index *index, uint32_t number)
{
    struct engine_track *track = &index->tracks[number];

    unlink_change(index, number);
    track->older = index->newest;
    track->newer = ENGINE_NO_OPERATION;
    if (index->newest != ENGINE_NO_OPERATION)
        index->tracks[index->newest].newer = number;
    else
        index->oldest = number;
    index->newest = number;
}

/* Timers: a heap in which each timer knows its place ---------------------- */

static bool before(struct engine_timer left, struct engine_timer right)
{
    return left.time_ns < right.time_ns ||
           (left.time_ns == right.time_ns && left.key < right.key);
}

static void seat(struct engine_execution_index *index, uint32_t at,
                 struct engine_timer timer)
{
    index->heap[at] = timer;
    index->tracks[timer.key / 2].place[timer.key % 2] = at + 1;
}

/* Seats a timer at the free place, or where that has to move to. */
static void settle(struct engine_execution_index *index, uint32_t at,
                   struct engine_timer timer)
{
    while (at > 0 && before(timer, index->heap[(at - 1) / 2])) {
        seat(index, at, index->heap[(at - 1) / 2]);
        at = (at - 1) / 2;
    }
    for (;;) {
        uint32_t child = 2 * at + 1;

        if (child >= index->heap_count)
            break;
        if (child + 1 < index->heap_count &&
            before(index->heap[child + 1], index->heap[child]))
            child++;
        if (!before(index->heap[child], timer))
            break;
        seat(index, at, index->heap[child]);
        at = child;
    }
    seat(index, at, timer);
}

static void disarm(struct engine_execution_index *index, uint64_t key)
{
    uint32_t *place = &index->tracks[key / 2].place[key % 2];
    uint32_t at = *place;

    if (!at)
        return;
    *place = 0;
    index->heap_count--;
    if (at - 1 < index->heap_count)
        settle(index, at - 1, index->heap[index->heap_count]);
}

/* Room for so many timers, and for those that wait for their stamp. */
static int reserve_heap(struct engine_execution_index *index, uint32_t timers,
                        uint32_t unstamped)
{
    struct engine_timer *heap =
        enlarge(index->memory, index->heap, &index->heap_capacity,
                timers + 2 * unstamped, sizeof(*heap));

    if (!heap)
        return -1;
    index->heap = heap;
    return 0;
}

int engine_index_arm(struct engine_execution_index *index, uint64_t key,
                     uint64_t time_ns)
{
    uint32_t at = index->tracks[key / 2].place[key % 2];

    if (time_ns == UINT64_MAX) {
        disarm(index, key);
        return 0;
    }
    if (!at) {
        if (index->heap_count == index->heap_capacity &&
            reserve_heap(index, index->heap_count + 1, index->unstamped_count))
            return -1;
        at = ++index->heap_count;
    }
    settle(index, at - 1, (struct engine_timer){time_ns, key});
    return 0;
}

int engine_index_unstamped(struct engine_execution_index *index,
                           uint32_t number)
{
    uint32_t *numbers =
        enlarge(index->memory, index->unstamped, &index->unstamped_capacity,
                index->unstamped_count + 1, sizeof(*numbers));

    if (!numbers)
        return -1;
    index->unstamped = numbers;
    if (reserve_heap(index, index->heap_count, index->unstamped_count + 1))
        return -1;
    numbers[index->unstamped_count++] = number;
    return 0;
}

/* Edges ------------------------------------------------------------------- */

struct engine_hash engine_index_edge_key(unsigned type, uint64_t peer,
                                         struct engine_text name)
{
    struct engine_hash hash = engine_hash_bytes(name.text, name.size);
    const uint64_t covered[] = {hash.lo, hash.hi, type, peer};

    return engine_hash_bytes(covered, sizeof(covered));
}

/* The place of the slot of this key, or of the free one where it would be. */
static uint32_t slot_of(const struct engine_execution_index *index,
                        struct engine_hash key)
{
    uint32_t mask = index->edge_slot_count - 1;
    uint32_t at = (uint32_t)key.lo & mask;

    while (index->edge_slots[at] &&
           !engine_hash_equal(index->edges[index->edge_slots[at] - 1].key, key))
        at = (at + 1) & mask;
    return at;
}

struct engine_edge *
engine_index_edge(const struct engine_execution_index *index, unsigned type,
                  uint64_t peer, struct engine_text name)
{
    uint32_t slot;

    if (!index->edge_count)
        return NULL;
    slot = index->edge_slots[slot_of(index,
                                     engine_index_edge_key(type, peer, name))];
    return slot ? &index->edges[slot - 1] : NULL;
}

static int grow_edges(struct engine_execution_index *index)
{
    struct engine_edge *edges =
        enlarge(index->memory, index->edges, &index->edge_capacity,
                index->edge_count + 1, sizeof(*edges));
    uint32_t *slots;

    if (!edges)
        return -1;
    index->edges = edges;
    if (index->edge_slot_count >= 2 * index->edge_capacity)
        return 0;
    slots = engine_new(index->memory,
                       2 * (size_t)index->edge_capacity * sizeof(*slots));
    if (!slots)
        return -1;
    engine_delete(index->memory, index->edge_slots);
    index->edge_slots = slots;
    index->edge_slot_count = 2 * index->edge_capacity;
    for (uint32_t i = 0; i < index->edge_count; i++)
        slots[slot_of(index, edges[i].key)] = i + 1;
    return 0;
}

static struct engine_edge *make_edge(struct engine_execution_index *index,
                                     struct engine_hash key, uint32_t named_by)
{
    if (grow_edges(index))
        return NULL;
    index->edges[index->edge_count] =
        (struct engine_edge){.key = key,
                             .named_by = named_by,
                             .first_open = ENGINE_NO_OPERATION,
                             .last_open = ENGINE_NO_OPERATION};
    index->edge_slots[slot_of(index, key)] = ++index->edge_count;
    return &index->edges[index->edge_count - 1];
}

struct engine_edge *engine_index_join(struct engine_execution_index *index,
                                      const struct engine_op_entry *entry)
{
    uint64_t peer = engine_edge_peer(entry);
    struct engine_edge *edge =
        engine_index_edge(index, entry->type, peer, entry->detail);

    if (!edge)
        edge = make_edge(
            index, engine_index_edge_key(entry->type, peer, entry->detail),
            entry->number);
    if (!edge || engine_entry_over(entry))
        return edge;
    if (edge->first_open == ENGINE_NO_OPERATION)
        edge->first_open = entry->number;
    else
        index->tracks[edge->last_open].next_open = entry->number;
    edge->last_open = entry->number;
    return edge;
}

/* The edge of a RECEIVE with all its senders; it is there. */
static struct engine_edge *whole(const struct engine_execution_index *index,
                                 const struct engine_op_entry *entry)
{
    struct engine_edge *edge =
        engine_index_edge(index, entry->type, 0, entry->detail);

    assert(edge);
    return edge;
}

struct engine_edge *engine_index_sender(struct engine_execution_index *index,
                                        const struct engine_op_entry *entry,
                                        uint64_t sender)
{
    struct engine_edge *edge =
        engine_index_edge(index, entry->type, sender, entry->detail);

    if (edge)
        return edge;
    edge = make_edge(index,
                     engine_index_edge_key(entry->type, sender, entry->detail),
                     entry->number);
    if (!edge)
        return NULL;
    whole(index, entry)->senders++;
    whole(index, entry)->ended = false;
    return edge;
}

int engine_index_end(struct engine_execution_index *index,
                     const struct engine_op_entry *entry, uint64_t sender)
{
    struct engine_edge *edge = engine_index_sender(index, entry, sender);
    struct engine_edge_end *ends;

    if (!edge)
        return -1;
    if (edge->ended)
        return 0;
    ends = enlarge(index->memory, index->ends, &index->end_capacity,
                   index->end_count + 1, sizeof(*ends));
    if (!ends)
        return -1;
    index->ends = ends;
    ends[index->end_count++] = (struct engine_edge_end){
        .sender = sender, .named_by = whole(index, entry)->named_by};
    edge->ended = true;
    edge = whole(index, entry);
    edge->ended = ++edge->over == edge->senders;
    return 0;
}
