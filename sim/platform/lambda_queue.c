#include "sim/platform/lambda_queue.h"

#include <assert.h>
#include <stdlib.h>

#include "engine/random.h"
#include "sim/queue.h"

#define FIRST_CAPACITY 64
#define NONE UINT32_MAX

struct item {
    struct sim_lambda_queued event;
    uint64_t backoff_ns; /* before the next delivery after a throttle */
    uint32_t next_free;
    bool out; /* being delivered */
};

/* Every item is either out or has exactly one event in `due`. */
struct sim_lambda_queue {
    struct sim_lambda_queue_config config;
    struct engine_stream duplicates, drops;
    struct sim_queue *due;
    struct item *items;
    uint32_t capacity;
    uint32_t used;
    uint32_t count;
    uint32_t free_item;
    uint64_t pushed;    /* events ever; the index of a draw */
    uint64_t throttled; /* the same */
};

struct sim_lambda_queue *
sim_lambda_queue_new(const struct sim_lambda_queue_config *config,
                     uint64_t seed)
{
    assert(config->retries <= SIM_LAMBDA_QUEUE_RETRIES_MAX);
    struct sim_lambda_queue *queue = calloc(1, sizeof *queue);
    if (queue == NULL) {
        return NULL;
    }
    queue->config = *config;
    queue->free_item = NONE;
    engine_stream_init(&queue->duplicates, seed, "lambda/duplicate", 0);
    engine_stream_init(&queue->drops, seed, "lambda/drop", 0);
    queue->due = sim_queue_new(FIRST_CAPACITY);
    if (queue->due == NULL) {
        free(queue);
        return NULL;
    }
    return queue;
}

void sim_lambda_queue_free(struct sim_lambda_queue *queue)
{
    if (queue != NULL) {
        sim_queue_free(queue->due);
        free(queue->items);
        free(queue);
    }
}

static int grow(struct sim_lambda_queue *queue)
{
    uint32_t capacity =
        queue->capacity == 0 ? FIRST_CAPACITY : 2 * queue->capacity;
    if (capacity < queue->capacity) {
        return SIM_LAMBDA_QUEUE_ENOMEM;
    }
    struct item *items = realloc(queue->items, capacity * sizeof *items);
    if (items == NULL) {
        return SIM_LAMBDA_QUEUE_ENOMEM;
    }
    queue->items = items;
    queue->capacity = capacity;
    return 0;
}

static uint32_t take(struct sim_lambda_queue *queue)
{
    uint32_t id = queue->free_item;
    if (id != NONE) {
        queue->free_item = queue->items[id].next_free;
    } else if (queue->used < queue->capacity || grow(queue) == 0) {
        id = queue->used++;
    } else {
        return NONE;
    }
    queue->count++;
    return id;
}

static void give(struct sim_lambda_queue *queue, uint32_t id)
{
    queue->items[id].out = false;
    queue->items[id].next_free = queue->free_item;
    queue->free_item = id;
    queue->count--;
}

static int schedule(struct sim_lambda_queue *queue, uint32_t id,
                    uint64_t due_ns)
{
    struct sim_event event = {.time_ns = due_ns, .target = id};
    return sim_queue_push(queue->due, &event);
}

/* Adds a copy of `event` that is due at `now_ns`. */
static int add(struct sim_lambda_queue *queue, uint64_t now_ns,
               const struct sim_lambda_queued *event)
{
    uint32_t id = take(queue);
    if (id == NONE) {
        return SIM_LAMBDA_QUEUE_ENOMEM;
    }
    queue->items[id] = (struct item){
        .event = *event, .backoff_ns = queue->config.throttle_first_ns};
    queue->items[id].event.id = id;
    if (schedule(queue, id, now_ns) != 0) {
        give(queue, id);
        return SIM_LAMBDA_QUEUE_ENOMEM;
    }
    return 0;
}

int sim_lambda_queue_push(struct sim_lambda_queue *queue, uint64_t now_ns,
                          uint32_t function, uint64_t payload_bytes,
                          uint64_t tag)
{
    struct sim_lambda_queued event = {.function = function,
                                      .attempt = 1,
                                      .pushed_ns = now_ns,
                                      .payload_bytes = payload_bytes,
                                      .tag = tag};
    if (payload_bytes > queue->config.payload_max) {
        return SIM_LAMBDA_QUEUE_ETOOBIG;
    }
    int error = add(queue, now_ns, &event);
    if (error != 0 || !engine_draw_chance(&queue->duplicates, queue->pushed++,
                                          queue->config.duplicate_ppb)) {
        return error;
    }
    event.duplicate = true;
    return add(queue, now_ns, &event);
}

uint64_t sim_lambda_queue_next(const struct sim_lambda_queue *queue)
{
    return sim_queue_peek_time(queue->due);
}

bool sim_lambda_queue_pop(struct sim_lambda_queue *queue, uint64_t now_ns,
                          struct sim_lambda_queued *event)
{
    struct sim_event due;
    if (sim_queue_peek_time(queue->due) > now_ns ||
        !sim_queue_pop(queue->due, &due)) {
        return false;
    }
    struct item *item = &queue->items[due.target];
    assert(!item->out);
    item->out = true;
    *event = item->event;
    return true;
}

static struct item *item_of(struct sim_lambda_queue *queue, uint32_t id)
{
    assert(id < queue->used && queue->items[id].out);
    return &queue->items[id];
}

void sim_lambda_queue_done(struct sim_lambda_queue *queue, uint32_t id)
{
    (void)item_of(queue, id);
    give(queue, id);
}

static int again(struct sim_lambda_queue *queue, uint32_t id, uint64_t due_ns)
{
    struct item *item = item_of(queue, id);
    if (due_ns - item->event.pushed_ns > queue->config.age_max_ns) {
        give(queue, id);
        return SIM_LAMBDA_GIVEN_UP_OLD;
    }
    int error = schedule(queue, id, due_ns);
    item->out = error != 0;
    return error != 0 ? SIM_LAMBDA_QUEUE_ENOMEM : SIM_LAMBDA_AGAIN;
}

int sim_lambda_queue_failed(struct sim_lambda_queue *queue, uint32_t id,
                            uint64_t now_ns)
{
    struct item *item = item_of(queue, id);
    uint32_t failed = item->event.attempt;
    if (failed > queue->config.retries) {
        give(queue, id);
        return SIM_LAMBDA_GIVEN_UP;
    }
    int fate = again(queue, id, now_ns + queue->config.retry_ns[failed - 1]);
    if (fate == SIM_LAMBDA_AGAIN) {
        item->event.attempt++;
        item->backoff_ns = queue->config.throttle_first_ns;
    }
    return fate;
}

/* How many times longer than usual an event waits: the queue is that long. */
static uint64_t slowness(const struct sim_lambda_queue *queue)
{
    uint32_t backlog = queue->config.backlog;
    return backlog > 0 && queue->count > backlog ? 1 + queue->count / backlog
                                                 : 1;
}

int sim_lambda_queue_throttled(struct sim_lambda_queue *queue, uint32_t id,
                               uint64_t now_ns)
{
    struct item *item = item_of(queue, id);
    uint64_t wait_ns = item->backoff_ns;
    uint64_t most_ns = queue->config.throttle_max_ns;
    uint64_t times = slowness(queue);
    uint64_t slower_ns = wait_ns > most_ns / times ? most_ns : wait_ns * times;
    if (times > 1 && engine_draw_chance(&queue->drops, queue->throttled++,
                                        queue->config.drop_ppb)) {
        give(queue, id);
        return SIM_LAMBDA_DROPPED;
    }
    int fate = again(queue, id, now_ns + slower_ns);
    if (fate == SIM_LAMBDA_AGAIN) {
        item->backoff_ns = wait_ns < most_ns / 2 ? 2 * wait_ns : most_ns;
    }
    return fate;
}

uint32_t sim_lambda_queue_count(const struct sim_lambda_queue *queue)
{
    return queue->count;
}
