#include "sim/queue.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS (SIM_QUEUE_LEVELS * SIM_QUEUE_SLOTS)

/* Chunk 0 means none; both ends of the now list, and the one being moved. */
#define CHUNKS_BESIDE 4

#define COUNT_MIN 64

_Static_assert(SIM_QUEUE_CHUNK < 16, "offsets must fit into a position");
_Static_assert(SIM_QUEUE_COUNT_MAX / SIM_QUEUE_CHUNK + BUCKETS + CHUNKS_BESIDE <
                   UINT32_C(1) << 28,
               "chunk numbers must fit into a position");

/*
 * How many chunks `count` events can occupy, however they are spread: all
 * full but one in each bucket, and none in a bucket with one event.
 */
static uint32_t chunks_for(uint32_t count)
{
    uint32_t packed = count / SIM_QUEUE_CHUNK + 1 + BUCKETS;
    return (packed < count ? packed : count) + CHUNKS_BESIDE;
}

static int reserve(struct sim_queue *queue, uint32_t count)
{
    size_t size = chunks_for(count) * sizeof *queue->chunks;
    struct sim_queue_chunk *chunks = realloc(queue->chunks, size);
    if (chunks == NULL) {
        return SIM_QUEUE_ENOMEM;
    }
    queue->chunks = chunks;
    queue->limit = count;
    return 0;
}

struct sim_queue *sim_queue_new(uint32_t count_hint)
{
    struct sim_queue *queue =
        aligned_alloc(_Alignof(struct sim_queue), sizeof *queue);
    if (queue == NULL) {
        return NULL;
    }
    memset(queue, 0, offsetof(struct sim_queue, least));
    queue->fresh_chunk = 1;
    uint32_t count = count_hint < COUNT_MIN ? COUNT_MIN : count_hint;
    if (count > SIM_QUEUE_COUNT_MAX || reserve(queue, count) != 0) {
        free(queue);
        return NULL;
    }
    return queue;
}

void sim_queue_free(struct sim_queue *queue)
{
    if (queue != NULL) {
        free(queue->chunks);
        free(queue);
    }
}

size_t sim_queue_bytes(const struct sim_queue *queue)
{
    return chunks_for(queue->limit) * sizeof *queue->chunks;
}

int sim_queue_grow(struct sim_queue *queue)
{
    if (queue->limit == SIM_QUEUE_COUNT_MAX) {
        return SIM_QUEUE_EFULL;
    }
    bool half = queue->limit > SIM_QUEUE_COUNT_MAX / 2;
    return reserve(queue, half ? SIM_QUEUE_COUNT_MAX : queue->limit * 2);
}

/* Asks for a chunk's memory while its predecessor is being worked on. */
static void prefetch(const struct sim_queue_chunk *chunk)
{
    const char *at = (const char *)chunk;
    for (size_t i = 0; i < sizeof *chunk; i += 64) {
        __builtin_prefetch(at + i);
    }
}

/* Puts each event of the chunks from `begin` to `end` where it now belongs. */
static void redistribute(struct sim_queue *queue, uint32_t begin, uint32_t end)
{
    for (uint32_t chunk = begin / 16;;) {
        const struct sim_queue_chunk *from = &queue->chunks[chunk];
        bool last = chunk == end / 16;
        uint32_t next = from->next;
        if (!last) {
            prefetch(&queue->chunks[next]);
        }
        uint32_t used = last ? end % 16 : SIM_QUEUE_CHUNK;
        for (uint32_t i = 0; i < used; i++) {
            sim_queue_place(queue, &from->events[i]);
        }
        sim_queue_chunk_give(queue, chunk);
        if (last) {
            return;
        }
        chunk = next;
    }
}

void sim_queue_open(struct sim_queue *queue, unsigned level, unsigned slot,
                    struct sim_event *event)
{
    struct sim_queue_bucket bucket = queue->buckets[level][slot];
    assert(bucket.end != 0);
    assert(queue->least[level][slot] > queue->last_ns);
    queue->last_ns = queue->least[level][slot];
    if (level == 0) { /* all at one time */
        *event = bucket.first;
        queue->now_begin = bucket.begin;
        queue->now_end = bucket.end;
        return;
    }
    sim_queue_place(queue, &bucket.first);
    redistribute(queue, bucket.begin, bucket.end);
    sim_queue_pop_now(queue, event);
}
