/*
 * The hold model: with a number of events pending, pop the first and push it
 * again later, by an exponential time drawn beforehand. Both queues keep the
 * total order (time, sequence) and carry the same event.
 */
#include <stdlib.h>

#include "engine/random.h"
#include "sim/queue.h"
#include "sim/real.h"
#include "tests/bench/bench.h"

#define DELAYS 65536
#define MEAN_NS 1e9

struct hold {
    uint64_t delays[DELAYS];
    uint32_t pending;
    uint32_t ops;
};

struct heap_entry {
    uint64_t time_ns;
    uint64_t sequence;
    uint64_t arg;
    uint32_t target;
    uint32_t kind;
};

/* A bare 4-ary heap: children of i are 4i + 1 to 4i + 4. */
struct heap {
    struct heap_entry *entries;
    size_t count;
    uint64_t sequence;
};

static bool precedes(const struct heap_entry *a, const struct heap_entry *b)
{
    return a->time_ns < b->time_ns ||
           (a->time_ns == b->time_ns && a->sequence < b->sequence);
}

static void heap_push(struct heap *heap, const struct sim_event *event)
{
    struct heap_entry entry = {event->time_ns, heap->sequence++, event->arg,
                               event->target, event->kind};
    size_t at = heap->count++;
    while (at > 0) {
        size_t parent = (at - 1) / 4;
        if (!precedes(&entry, &heap->entries[parent])) {
            break;
        }
        heap->entries[at] = heap->entries[parent];
        at = parent;
    }
    heap->entries[at] = entry;
}

static size_t heap_least_child(const struct heap *heap, size_t at)
{
    size_t first = 4 * at + 1;
    size_t end = first + 4 < heap->count ? first + 4 : heap->count;
    size_t least = first;
    for (size_t child = first + 1; child < end; child++) {
        if (precedes(&heap->entries[child], &heap->entries[least])) {
            least = child;
        }
    }
    return least;
}

static void heap_pop(struct heap *heap, struct sim_event *event)
{
    struct heap_entry top = heap->entries[0];
    struct heap_entry moved = heap->entries[--heap->count];
    size_t at = 0;
    while (4 * at + 1 < heap->count) {
        size_t child = heap_least_child(heap, at);
        if (!precedes(&heap->entries[child], &moved)) {
            break;
        }
        heap->entries[at] = heap->entries[child];
        at = child;
    }
    heap->entries[at] = moved;
    *event = (struct sim_event){top.time_ns, top.target, top.kind, top.arg};
}

static struct sim_event start_event(const struct hold *hold, uint32_t i)
{
    return (struct sim_event){.time_ns = hold->delays[(i * 7919U) % DELAYS],
                              .arg = i};
}

static double per_event(const struct hold *hold, uint64_t began_ns)
{
    return (double)(bench_cpu_ns() - began_ns) / (double)hold->ops;
}

static double measure_queue(void *arg)
{
    const struct hold *hold = arg;
    struct sim_queue *queue = sim_queue_new(hold->pending);
    if (queue == NULL) {
        bench_fail("no memory for the queue");
    }
    for (uint32_t i = 0; i < hold->pending; i++) {
        struct sim_event event = start_event(hold, i);
        sim_queue_push(queue, &event);
    }
    uint64_t began_ns = 0;
    /* First let the delays replace the starting times. */
    for (uint32_t i = 0; i < 2 * hold->pending + hold->ops; i++) {
        if (i == 2 * hold->pending) {
            began_ns = bench_cpu_ns();
        }
        struct sim_event event;
        sim_queue_pop(queue, &event);
        /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.Assign): full. */
        event.time_ns += hold->delays[i % DELAYS];
        sim_queue_push(queue, &event);
    }
    double ns = per_event(hold, began_ns);
    sim_queue_free(queue);
    return ns;
}

static double measure_heap(void *arg)
{
    const struct hold *hold = arg;
    struct heap heap = {0};
    heap.entries = calloc(hold->pending + 1, sizeof *heap.entries);
    if (heap.entries == NULL) {
        bench_fail("no memory for the heap");
    }
    for (uint32_t i = 0; i < hold->pending; i++) {
        struct sim_event event = start_event(hold, i);
        heap_push(&heap, &event);
    }
    uint64_t began_ns = 0;
    for (uint32_t i = 0; i < 2 * hold->pending + hold->ops; i++) {
        if (i == 2 * hold->pending) {
            began_ns = bench_cpu_ns();
        }
        struct sim_event event;
        heap_pop(&heap, &event);
        event.time_ns += hold->delays[i % DELAYS];
        heap_push(&heap, &event);
    }
    double ns = per_event(hold, began_ns);
    free(heap.entries);
    return ns;
}

static double measure_bytes(void *arg)
{
    const struct hold *hold = arg;
    struct sim_queue *queue = sim_queue_new(hold->pending);
    if (queue == NULL) {
        bench_fail("no memory for the queue");
    }
    size_t bytes = sim_queue_bytes(queue) + sizeof *queue;
    sim_queue_free(queue);
    return (double)bytes / hold->pending;
}

static void draw_delays(struct hold *hold)
{
    struct engine_stream stream;
    engine_stream_init(&stream, 1, "hold", 0);
    for (uint32_t i = 0; i < DELAYS; i++) {
        double u = ((double)(engine_stream_u64(&stream, i) >> 12) + 0.5);
        hold->delays[i] = (uint64_t)(-sim_real_log(u * 0x1p-52) * MEAN_NS);
    }
}

void bench_queue(struct bench *bench)
{
    static const struct {
        const char *name;
        double target;
        uint32_t pending, ops;
    } sizes[] = {
        {"queue: hold 1,000 pending, vs 4-ary heap", 0.7, 1000, 2000000},
        {"queue: hold 100,000 pending, vs 4-ary heap", 0.4, 100000, 2000000},
        {"queue: hold 1,000,000 pending, vs 4-ary heap", 0.5, 1000000, 2000000},
    };
    struct hold *hold = calloc(1, sizeof *hold);
    if (hold == NULL) {
        bench_fail("no memory");
    }
    draw_delays(hold);
    for (int i = 0; i < 3; i++) {
        hold->pending = sizes[i].pending;
        hold->ops = sizes[i].ops;
        bench_case(bench, &(struct bench_case){.name = sizes[i].name,
                                               .unit = "ns/event",
                                               .goal = BENCH_AT_MOST,
                                               .target = sizes[i].target,
                                               .measure = measure_queue,
                                               .baseline = measure_heap,
                                               .arg = hold});
    }
    bench_case(bench,
               &(struct bench_case){.name = "queue: memory, 1,000,000 pending",
                                    .unit = "B/event",
                                    .goal = BENCH_AT_MOST,
                                    .target = 40,
                                    .measure = measure_bytes,
                                    .arg = hold});
    free(hold);
}
