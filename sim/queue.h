/*
 * The event queue of a world: what happens next, in one total order.
 *
 * Events come out by time, and among equal times in the order they were
 * pushed. Time never runs backwards: an event may be pushed at the time of
 * the last one popped or later, never before it. That allows a multi-level
 * bucket queue, in which a push compares nothing and moves nothing:
 *
 *   level   the highest byte in which the event's time differs from the time
 *           of the last event popped
 *   slot    the value of that byte
 *
 *   last popped 00 00 12 34
 *   event at    00 00 12 80   level 0, slot 80
 *   event at    00 07 00 00   level 2, slot 07
 *
 * All of a lower level precedes all of a higher one, and within a level a
 * lower slot precedes a higher one. When the first bucket holds more than one
 * time, its least becomes the last time popped and the others move to lower
 * levels in their order; an event moves at most seven times.
 *
 * A bucket holds its first event in place and the rest in a list of chunks,
 * so that walking a full bucket streams through memory. A pending event costs
 * about 25 bytes in chunks; the queue itself is 83 KB, touched as used.
 *
 * The fields are in the header only to let push and pop be inlined into the
 * loop of a world; nothing outside queue.[ch] reads them.
 */
#ifndef SIM_QUEUE_H
#define SIM_QUEUE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SIM_QUEUE_LEVELS 8 /* bytes in a time */
#define SIM_QUEUE_SLOTS 256
#define SIM_QUEUE_CHUNK 10 /* events in a chunk */

/* The most events that can be pending at once. */
#define SIM_QUEUE_COUNT_MAX (UINT32_C(1) << 31)

/* What peeking into an empty queue answers. */
#define SIM_QUEUE_NEVER UINT64_MAX

enum sim_queue_error {
    SIM_QUEUE_ENOMEM = -1, /* no memory to grow: nothing has changed */
    SIM_QUEUE_EFULL = -2,  /* SIM_QUEUE_COUNT_MAX events are pending */
};

/* Only the time means anything to the queue; the rest is the caller's. */
struct sim_event {
    uint64_t time_ns;
    uint32_t target;
    uint32_t kind;
    uint64_t arg;
};

struct sim_queue_chunk {
    struct sim_event events[SIM_QUEUE_CHUNK];
    uint32_t next;
    uint32_t unused;
};

/*
 * `end` is 0 while there is only the first event. Else `begin` and `end` are
 * positions: a chunk's number times 16, plus an offset into its events.
 */
struct sim_queue_bucket {
    struct sim_event first;
    uint32_t begin;
    uint32_t end;
};

struct sim_queue {
    uint64_t last_ns; /* time of the last event popped */
    struct sim_queue_chunk *chunks;
    uint32_t now_begin; /* positions of the events at last_ns; */
    uint32_t now_end;   /* equal when there are none */
    uint32_t free_chunk;
    uint32_t fresh_chunk; /* the first one never used */
    uint32_t count;
    uint32_t limit;  /* of count, before the chunks have to grow */
    uint32_t levels; /* a bit for each level in use */
    uint32_t words[SIM_QUEUE_LEVELS];    /* a bit for each word not 0 */
    uint64_t slots[SIM_QUEUE_LEVELS][4]; /* a bit for each bucket in use */
    uint64_t least[SIM_QUEUE_LEVELS][SIM_QUEUE_SLOTS]; /* if end is not 0 */
    _Alignas(
        64) struct sim_queue_bucket buckets[SIM_QUEUE_LEVELS][SIM_QUEUE_SLOTS];
};

/*
 * An empty queue whose last popped time is 0. It takes `count_hint` events
 * before it has to grow. NULL without memory. The caller frees it.
 */
struct sim_queue *sim_queue_new(uint32_t count_hint);

/* Frees the queue with whatever is pending. NULL is allowed. */
void sim_queue_free(struct sim_queue *queue);

/* The memory held for pending events, used or not, in bytes. */
size_t sim_queue_bytes(const struct sim_queue *queue);

/* Private: makes room for at least twice as many events. */
int sim_queue_grow(struct sim_queue *queue);

/* Private: empties a bucket taken off the bitmaps; pops its first event. */
void sim_queue_open(struct sim_queue *queue, unsigned level, unsigned slot,
                    struct sim_event *event);

/* The number of pending events. */
static inline uint32_t sim_queue_count(const struct sim_queue *queue)
{
    return queue->count;
}

/*
 * Private: copies field by field. A whole-struct copy reads 16 bytes at once,
 * and stalls when a caller has just written them in smaller pieces.
 */
static inline void sim_queue_copy(struct sim_event *to,
                                  const struct sim_event *from)
{
    to->time_ns = from->time_ns;
    to->target = from->target;
    to->kind = from->kind;
    to->arg = from->arg;
}

/* Private: sim_queue_grow() keeps enough chunks for any spread of events. */
static inline uint32_t sim_queue_chunk_take(struct sim_queue *queue)
{
    uint32_t chunk = queue->free_chunk;
    if (chunk == 0) {
        return queue->fresh_chunk++;
    }
    queue->free_chunk = queue->chunks[chunk].next;
    return chunk;
}

/* Private. */
static inline void sim_queue_chunk_give(struct sim_queue *queue, uint32_t chunk)
{
    queue->chunks[chunk].next = queue->free_chunk;
    queue->free_chunk = chunk;
}

/* Private: adds an event to the list of chunks from *begin to *end. */
static inline void sim_queue_append(struct sim_queue *queue, uint32_t *begin,
                                    uint32_t *end,
                                    const struct sim_event *event)
{
    uint32_t chunk = *end / 16;
    uint32_t used = *end % 16;
    if (chunk == 0) {
        chunk = sim_queue_chunk_take(queue);
        *begin = chunk * 16;
    } else if (used == SIM_QUEUE_CHUNK) {
        uint32_t next = sim_queue_chunk_take(queue);
        queue->chunks[chunk].next = next;
        chunk = next;
        used = 0;
    }
    sim_queue_copy(&queue->chunks[chunk].events[used], event);
    *end = chunk * 16 + used + 1;
}

/* Private: the event's time is that of the last one popped. */
static inline void sim_queue_place_now(struct sim_queue *queue,
                                       const struct sim_event *event)
{
    if (queue->now_begin == queue->now_end) {
        queue->now_end = 0;
    }
    sim_queue_append(queue, &queue->now_begin, &queue->now_end, event);
}

/* Private: puts an event where its time belongs. */
static inline void sim_queue_place(struct sim_queue *queue,
                                   const struct sim_event *event)
{
    uint64_t time = event->time_ns;
    uint64_t differs = time ^ queue->last_ns;
    if (__builtin_expect(differs == 0, 0)) {
        sim_queue_place_now(queue, event);
        return;
    }
    unsigned level = (63U - (unsigned)__builtin_clzll(differs)) / 8;
    unsigned slot = (unsigned)(time >> (level * 8)) % SIM_QUEUE_SLOTS;
    struct sim_queue_bucket *bucket = &queue->buckets[level][slot];
    uint64_t *word = &queue->slots[level][slot / 64];
    uint64_t bit = UINT64_C(1) << slot % 64;
    if ((*word & bit) == 0) {
        sim_queue_copy(&bucket->first, event);
        bucket->end = 0;
        *word |= bit;
        queue->words[level] |= 1U << slot / 64;
        queue->levels |= 1U << level;
        return;
    }
    uint64_t *least = &queue->least[level][slot];
    uint64_t so_far = bucket->end == 0 ? bucket->first.time_ns : *least;
    *least = time < so_far ? time : so_far;
    sim_queue_append(queue, &bucket->begin, &bucket->end, event);
}

/*
 * Adds a copy of `event`. Its time must not be before the last popped. Grows
 * the queue when it is full; 0 or a sim_queue_error, and then unchanged.
 */
static inline int sim_queue_push(struct sim_queue *queue,
                                 const struct sim_event *event)
{
    assert(event->time_ns >= queue->last_ns);
    if (__builtin_expect(queue->count == queue->limit, 0)) {
        int error = sim_queue_grow(queue);
        if (error != 0) {
            return error;
        }
    }
    sim_queue_place(queue, event);
    queue->count++;
    return 0;
}

/* Private: pops one of the events at last_ns; there is one. */
static inline void sim_queue_pop_now(struct sim_queue *queue,
                                     struct sim_event *event)
{
    uint32_t chunk = queue->now_begin / 16;
    uint32_t offset = queue->now_begin % 16;
    uint32_t next = queue->chunks[chunk].next;
    sim_queue_copy(event, &queue->chunks[chunk].events[offset]);
    queue->now_begin++;
    if (queue->now_begin == queue->now_end) {
        sim_queue_chunk_give(queue, chunk);
    } else if (offset + 1 == SIM_QUEUE_CHUNK) {
        queue->now_begin = next * 16;
        sim_queue_chunk_give(queue, chunk);
    }
}

/* Private: the first bucket in use, of which there is one. */
static inline unsigned sim_queue_first(const struct sim_queue *queue,
                                       unsigned *slot)
{
    unsigned level = (unsigned)__builtin_ctz(queue->levels);
    unsigned word = (unsigned)__builtin_ctz(queue->words[level]);
    uint64_t slots = queue->slots[level][word];
    *slot = word * 64 + (unsigned)__builtin_ctzll(slots);
    return level;
}

/* Private: marks the first bucket as not in use. */
static inline void sim_queue_drop(struct sim_queue *queue, unsigned level,
                                  unsigned slot)
{
    uint64_t *word = &queue->slots[level][slot / 64];
    *word &= *word - 1;
    if (*word == 0) {
        queue->words[level] &= queue->words[level] - 1;
        if (queue->words[level] == 0) {
            queue->levels &= queue->levels - 1;
        }
    }
}

/* Takes the first event out into *event. False when nothing is pending. */
static inline bool sim_queue_pop(struct sim_queue *queue,
                                 struct sim_event *event)
{
    if (queue->count == 0) {
        return false;
    }
    queue->count--;
    if (queue->now_begin != queue->now_end) {
        sim_queue_pop_now(queue, event);
        return true;
    }
    unsigned slot;
    unsigned level = sim_queue_first(queue, &slot);
    sim_queue_drop(queue, level, slot);
    struct sim_queue_bucket *bucket = &queue->buckets[level][slot];
    if (bucket->end == 0) {
        sim_queue_copy(event, &bucket->first);
        queue->last_ns = event->time_ns;
        return true;
    }
    sim_queue_open(queue, level, slot, event);
    return true;
}

/* The time of the first event, or SIM_QUEUE_NEVER. Changes nothing. */
static inline uint64_t sim_queue_peek_time(const struct sim_queue *queue)
{
    if (queue->count == 0) {
        return SIM_QUEUE_NEVER;
    }
    if (queue->now_begin != queue->now_end) {
        return queue->last_ns;
    }
    unsigned slot;
    unsigned level = sim_queue_first(queue, &slot);
    const struct sim_queue_bucket *bucket = &queue->buckets[level][slot];
    return bucket->end == 0 ? bucket->first.time_ns : queue->least[level][slot];
}

#endif
