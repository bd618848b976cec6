#include "engine/timers.h"

#include <assert.h>
#include <stdbool.h>

void engine_timers_free(struct engine_timers *timers)
{
    engine_delete(timers->memory, timers->heap);
    *timers = (struct engine_timers){.memory = timers->memory};
}

static bool before(struct engine_timer left, struct engine_timer right)
{
    return left.time_ns < right.time_ns ||
           (left.time_ns == right.time_ns && left.key < right.key);
}

int engine_timers_push(struct engine_timers *timers, uint64_t time_ns,
                       uint64_t key)
{
    if (timers->count == timers->capacity) {
        size_t capacity = timers->capacity ? timers->capacity * 2 : 64;
        void *heap = engine_resize(timers->memory, timers->heap,
                                   capacity * sizeof(*timers->heap));
        if (!heap)
            return -1;
        timers->heap = heap;
        timers->capacity = capacity;
    }
    struct engine_timer timer = {time_ns, key};
    size_t at = timers->count++;
    while (at > 0 && before(timer, timers->heap[(at - 1) / 2])) {
        timers->heap[at] = timers->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    timers->heap[at] = timer;
    return 0;
}

struct engine_timer engine_timers_pop(struct engine_timers *timers)
{
    assert(timers->count > 0);
    struct engine_timer first = timers->heap[0];
    struct engine_timer last = timers->heap[--timers->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= timers->count)
            break;
        if (child + 1 < timers->count &&
            before(timers->heap[child + 1], timers->heap[child]))
            child++;
        if (!before(timers->heap[child], last))
            break;
        timers->heap[at] = timers->heap[child];
        at = child;
    }
    if (timers->count > 0)
        timers->heap[at] = last;
    return first;
}
