#include "engine/host/store_memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/store_rules.h"

enum {
    NONE = 0, /* index of no row; rows count from 1 */
    CHUNK_BITS = 10,
    CHUNK = 1 << CHUNK_BITS,
    LOG_CHUNK_SIZE = 1 << 18
};

/* A hash table from keys (not 0) to row indexes, by linear probing. */
struct slot {
    uint64_t key;
    uint32_t value;
};

struct index {
    struct slot *slots;
    size_t mask; /* slots - 1 */
    size_t count;
};

/* Rows of one size in chunks that never move; freed rows are used again. */
struct pool {
    unsigned char **chunks;
    size_t chunk_count;
    size_t row_size;
    uint32_t used; /* rows ever given out */
};

struct work_row {
    struct store_work work;
    unsigned char *bytes; /* the value; kept when the row is freed */
    uint32_t capacity;
    uint32_t next; /* by op; of free rows: the next free one */
    uint32_t former;
};

struct outbox_row {
    uint32_t next;
    uint32_t number;
    uint32_t kind;
    uint32_t capacity;
    uint32_t size;
    unsigned char *bytes;
};

/* An inbox row; one that was taken is only found by its id. */
struct inbox_row {
    uint64_t run;
    struct engine_hash id;
    uint32_t kind;
    uint32_t op;
    uint32_t same; /* another row with the same key of the index */
    uint32_t next; /* by arrival, while it waits */
    uint32_t former;
    uint32_t waits;
    uint32_t capacity;
    uint32_t size;
    unsigned char *bytes;
};

struct snapshot_row {
    struct store_snapshot snapshot;
    uint32_t capacity;
    unsigned char *bytes;
};

struct run_row {
    struct engine_run_row row;
    uint64_t queued_ns; /* its earliest entry in the wake queue */
    uint32_t work;      /* first and last by op */
    uint32_t work_last;
    uint32_t outbox; /* by number */
    uint32_t done;   /* work rows that are DONE */
    uint32_t inbox;  /* first and last by arrival, of those that wait */
    uint32_t inbox_last;
    uint32_t inbox_count; /* those that wait */
    uint32_t snapshot;
};

/* An entry of the wake queue; only the run's earliest one counts. */
struct wake {
    uint64_t wake_ns;
    uint64_t run;
    uint32_t row;
};

struct wakes {
    struct wake *heap;
    size_t count;
    size_t capacity;
};

struct log_chunk {
    struct log_chunk *former;
    size_t used;
    size_t size;
    unsigned char bytes[];
};

struct blob {
    uint8_t digest[32];
    size_t size;
    unsigned char *bytes;
    uint32_t next; /* with the same key */
};

struct store_memory {
    struct store_rules rules;
    struct index run_index;
    struct index work_index;
    struct index blob_index;
    struct index inbox_index;
    struct pool runs;
    struct pool works;
    struct pool outboxes;
    struct pool blobs;
    struct pool inboxes;
    struct pool snapshots;
    uint32_t free_work;
    uint32_t free_outbox;
    struct wakes wakes;
    struct log_chunk *log; /* newest */
    struct engine_log_row **log_rows;
    size_t log_capacity;
    uint64_t last; /* log position */
    int broken;
};

/* Hash tables. */

static size_t home(const struct index *index, uint64_t key)
{
    key ^= key >> 32;
    key *= UINT64_C(0x9e3779b97f4a7c15);
    return (size_t)(key >> 32) & index->mask;
}

static struct slot *find_slot(const struct index *index, uint64_t key)
{
    size_t at = home(index, key);

    while (index->slots[at].key && index->slots[at].key != key)
        at = (at + 1) & index->mask;
    return &index->slots[at];
}

static uint32_t find(const struct index *index, uint64_t key)
{
    return index->slots ? find_slot(index, key)->value : NONE;
}

static int index_grow(struct index *index)
{
    struct index larger = {.mask = index->slots ? 2 * index->mask + 1 : 63};

    larger.slots = calloc(larger.mask + 1, sizeof(*larger.slots));
    if (!larger.slots)
        return -1;
    for (size_t i = 0; index->slots && i <= index->mask; i++) {
        if (index->slots[i].key)
            *find_slot(&larger, index->slots[i].key) = index->slots[i];
    }
    larger.count = index->count;
    free(index->slots);
    *index = larger;
    return 0;
}

static int index_put(struct index *index, uint64_t key, uint32_t value)
{
    struct slot *slot;

    if (!index->slots || index->count * 8 >= index->mask * 5) {
        if (index_grow(index))
            return -1;
    }
    slot = find_slot(index, key);
    if (!slot->key)
        index->count++;
    slot->key = key;
    slot->value = value;
    return 0;
}

/* Closes the gap, so that probing needs no tombstones. */
static void index_remove(struct index *index, uint64_t key)
{
    size_t gap = (size_t)(find_slot(index, key) - index->slots);

    assert(index->slots[gap].key == key);
    for (size_t at = (gap + 1) & index->mask; index->slots[at].key;
         at = (at + 1) & index->mask) {
        size_t wanted = home(index, index->slots[at].key);

        if (((at - wanted) & index->mask) >= ((at - gap) & index->mask)) {
            index->slots[gap] = index->slots[at];
            gap = at;
        }
    }
    index->slots[gap] = (struct slot){0};
    index->count--;
}

/* Pools. */

static void *pool_at(const struct pool *pool, uint32_t row)
{
    uint32_t at = row - 1;

    assert(row && row <= pool->used);
    return pool->chunks[at >> CHUNK_BITS] +
           (size_t)(at & (CHUNK - 1)) * pool->row_size;
}

static int pool_grow(struct pool *pool)
{
    unsigned char **chunks;
    size_t count = pool->chunk_count;

    if (!(count & (count - 1))) {
        chunks = realloc(pool->chunks,
                         (count ? 2 * count : 1) * sizeof(*pool->chunks));
        if (!chunks)
            return -1;
        pool->chunks = chunks;
    }
    pool->chunks[count] = calloc(CHUNK, pool->row_size);
    if (!pool->chunks[count])
        return -1;
    pool->chunk_count++;
    return 0;
}

/* The index of a new zeroed row, or NONE when out of memory. */
static uint32_t pool_add(struct pool *pool)
{
    if (pool->used == UINT32_MAX - 1)
        return NONE;
    if (pool->used == pool->chunk_count * CHUNK && pool_grow(pool))
        return NONE;
    return ++pool->used;
}

static void pool_free(struct pool *pool)
{
    for (size_t i = 0; i < pool->chunk_count; i++)
        free(pool->chunks[i]);
    free(pool->chunks);
}

/* Copies bytes to where a row keeps them. */
static int assign(unsigned char **to, uint32_t *capacity, const void *bytes,
                  size_t size)
{
    if (size > *capacity) {
        size_t room = size < 64 ? 64 : size;
        unsigned char *larger = realloc(*to, room);

        if (!larger)
            return -1;
        *to = larger;
        *capacity = (uint32_t)room;
    }
    if (size)
        memcpy(*to, bytes, size);
    return 0;
}

/* The wake queue: a binary heap by (wake, run). */

static int sooner(const struct wake *one, const struct wake *other)
{
    if (one->wake_ns != other->wake_ns)
        return one->wake_ns < other->wake_ns;
    return one->run < other->run;
}

static void wakes_sink(struct wakes *wakes)
{
    struct wake moved = wakes->heap[0];
    size_t at = 0;

    for (;;) {
        size_t child = 2 * at + 1;

        if (child >= wakes->count)
            break;
        if (child + 1 < wakes->count &&
            sooner(&wakes->heap[child + 1], &wakes->heap[child]))
            child++;
        if (!sooner(&wakes->heap[child], &moved))
            break;
        wakes->heap[at] = wakes->heap[child];
        at = child;
    }
    wakes->heap[at] = moved;
}

static int wakes_push(struct wakes *wakes, const struct wake *wake)
{
    size_t at = wakes->count;

    if (at == wakes->capacity) {
        size_t capacity = at ? 2 * at : 64;
        void *heap = realloc(wakes->heap, capacity * sizeof(*wakes->heap));

        if (!heap)
            return -1;
        wakes->heap = heap;
        wakes->capacity = capacity;
    }
    while (at && sooner(wake, &wakes->heap[(at - 1) / 2])) {
        wakes->heap[at] = wakes->heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    wakes->heap[at] = *wake;
    wakes->count++;
    return 0;
}

static void wakes_pop(struct wakes *wakes)
{
    wakes->heap[0] = wakes->heap[--wakes->count];
    if (wakes->count)
        wakes_sink(wakes);
}

/*
 * A later wake leaves the entry where it is: due() moves it when it comes up,
 * so that renewing a lease costs nothing here.
 */
static int queue_wake(struct store_memory *store, struct run_row *run,
                      uint32_t row)
{
    struct wake wake = {run->row.wake_ns, run->row.run, row};

    if (run->row.wake_ns >= run->queued_ns)
        return 0;
    run->queued_ns = run->row.wake_ns;
    return wakes_push(&store->wakes, &wake);
}

/* Removes or moves the first entry if it is out of date; 1 if it was. */
static int settle_first(struct store_memory *store)
{
    struct wake *first = store->wakes.heap;
    struct run_row *run = pool_at(&store->runs, first->row);

    if (first->wake_ns != run->queued_ns) {
        wakes_pop(&store->wakes);
        return 1;
    }
    if (first->wake_ns == run->row.wake_ns)
        return 0;
    run->queued_ns = run->row.wake_ns;
    if (run->row.wake_ns == STORE_NEVER) {
        wakes_pop(&store->wakes);
    } else {
        first->wake_ns = run->row.wake_ns;
        wakes_sink(&store->wakes);
    }
    return 1;
}

static int due(void *self, uint64_t *run, uint64_t *wake_ns)
{
    struct store_memory *store = self;

    while (store->wakes.count && settle_first(store))
        continue;
    if (!store->wakes.count)
        return 0;
    *run = store->wakes.heap[0].run;
    *wake_ns = store->wakes.heap[0].wake_ns;
    return 1;
}

/* Runs. */

static struct run_row *find_run(const struct store_memory *store, uint64_t run)
{
    uint32_t row = find(&store->run_index, run);

    return row ? pool_at(&store->runs, row) : NULL;
}

static int run_get(void *self, uint64_t id, struct engine_run_row *row)
{
    struct run_row *run = find_run(self, id);

    if (!run)
        return 0;
    *row = run->row;
    return 1;
}

static int run_insert(void *self, const struct engine_run_row *row)
{
    struct store_memory *store = self;
    uint32_t at = pool_add(&store->runs);
    struct run_row *run;

    if (!at || index_put(&store->run_index, row->run, at))
        return -1;
    run = pool_at(&store->runs, at);
    run->row = *row;
    run->queued_ns = STORE_NEVER;
    return queue_wake(store, run, at);
}

static int run_update(void *self, const struct engine_run_row *row)
{
    struct store_memory *store = self;
    uint32_t at = find(&store->run_index, row->run);
    struct run_row *run;

    assert(at);
    run = pool_at(&store->runs, at);
    run->row = *row;
    return queue_wake(store, run, at);
}

/* The log. */

/* Room for size bytes that stay where they are until close. */
static void *log_room(struct store_memory *store, size_t size)
{
    struct log_chunk *chunk = store->log;
    size_t needed = (size + 7) & ~(size_t)7;

    if (!chunk || chunk->size - chunk->used < needed) {
        size_t room = needed > LOG_CHUNK_SIZE ? needed : LOG_CHUNK_SIZE;

        chunk = malloc(sizeof(*chunk) + room);
        if (!chunk)
            return NULL;
        *chunk = (struct log_chunk){.former = store->log, .size = room};
        store->log = chunk;
    }
    chunk->used += needed;
    return chunk->bytes + chunk->used - needed;
}

static int keep_row(struct store_memory *store,
                    const struct engine_log_row *row)
{
    struct engine_log_row *kept;

    if (store->last == store->log_capacity) {
        size_t capacity = store->last ? 2 * (size_t)store->last : 1024;
        void *rows = realloc(store->log_rows, capacity * sizeof(void *));

        if (!rows)
            return -1;
        store->log_rows = rows;
        store->log_capacity = capacity;
    }
    kept = log_room(store, sizeof(*kept) + row->items_size);
    if (!kept)
        return -1;
    *kept = *row;
    kept->items = kept + 1;
    if (row->items_size)
        memcpy(kept + 1, row->items, row->items_size);
    store->log_rows[store->last] = kept;
    return 0;
}

static int log_append(void *self, struct engine_log_row *row)
{
    struct store_memory *store = self;

    row->position = store->last + 1;
    if (store->rules.tables->log_get && keep_row(store, row))
        return -1;
    store->last++;
    return 0;
}

static int log_get(void *self, uint64_t position, struct engine_log_row *row)
{
    struct store_memory *store = self;

    if (!position || position > store->last)
        return 0;
    *row = *store->log_rows[position - 1];
    return 1;
}

/* Work. */

static uint64_t key(uint64_t run, uint32_t number)
{
    assert(run <= ENGINE_RUN_MAX && number <= ENGINE_OP_MAX);
    return run << 16 | number;
}

static struct work_row *work_at(const struct store_memory *store, uint32_t row)
{
    return pool_at(&store->works, row);
}

static struct work_row *find_work(const struct store_memory *store,
                                  uint64_t run, uint32_t op)
{
    uint32_t row = find(&store->work_index, key(run, op));

    return row ? work_at(store, row) : NULL;
}

static int work_get(void *self, uint64_t run, uint32_t op, int with_value,
                    struct store_work *work)
{
    struct work_row *row = find_work(self, run, op);

    (void)with_value;
    if (!row)
        return 0;
    *work = row->work;
    work->value = row->bytes;
    return 1;
}

static uint32_t new_work(struct store_memory *store)
{
    uint32_t row = store->free_work;

    if (!row)
        return pool_add(&store->works);
    store->free_work = work_at(store, row)->next;
    return row;
}

/* Links a row into its run's list, which is ordered by op. */
static void link_work(struct store_memory *store, struct run_row *run,
                      uint32_t at)
{
    struct work_row *row = work_at(store, at);
    uint32_t former = run->work_last;

    while (former && work_at(store, former)->work.op > row->work.op)
        former = work_at(store, former)->former;
    row->former = former;
    row->next = former ? work_at(store, former)->next : run->work;
    if (former)
        work_at(store, former)->next = at;
    else
        run->work = at;
    if (row->next)
        work_at(store, row->next)->former = at;
    else
        run->work_last = at;
}

static void unlink_work(struct store_memory *store, struct run_row *run,
                        const struct work_row *row)
{
    if (row->former)
        work_at(store, row->former)->next = row->next;
    else
        run->work = row->next;
    if (row->next)
        work_at(store, row->next)->former = row->former;
    else
        run->work_last = row->former;
}

static int work_put(void *self, const struct store_work *work)
{
    struct store_memory *store = self;
    struct run_row *run = find_run(store, work->run);
    uint32_t at = new_work(store);
    struct work_row *row;

    if (!run || !at)
        return -1;
    row = work_at(store, at);
    row->work = *work;
    if (assign(&row->bytes, &row->capacity, work->value, work->value_size) ||
        index_put(&store->work_index, key(work->run, work->op), at))
        return -1;
    link_work(store, run, at);
    return 0;
}

static int work_claim(void *self, const struct store_work *work)
{
    struct work_row *row = find_work(self, work->run, work->op);

    assert(row);
    row->work.state = work->state;
    row->work.holder = work->holder;
    row->work.claimed_ns = work->claimed_ns;
    row->work.expires_ns = work->expires_ns;
    return 0;
}

static int work_finish(void *self, const struct store_work *work)
{
    struct work_row *row = find_work(self, work->run, work->op);

    assert(row && row->work.state != ENGINE_WORK_DONE);
    row->work.state = work->state;
    row->work.error = work->error;
    row->work.retryable = work->retryable;
    row->work.value_size = work->value_size;
    find_run(self, work->run)->done++;
    return assign(&row->bytes, &row->capacity, work->value, work->value_size);
}

static int work_remove(void *self, uint64_t id, uint32_t op)
{
    struct store_memory *store = self;
    uint32_t at = find(&store->work_index, key(id, op));
    struct run_row *run = find_run(store, id);
    struct work_row *row;

    assert(at && run);
    row = work_at(store, at);
    run->done -= row->work.state == ENGINE_WORK_DONE;
    unlink_work(store, run, row);
    index_remove(&store->work_index, key(id, op));
    row->next = store->free_work;
    store->free_work = at;
    return 0;
}

static int work_done(void *self, uint64_t id)
{
    return find_run(self, id)->done > 0;
}

static int work_list(void *self, uint64_t id, store_visit_work *visit,
                     void *visitor)
{
    struct store_memory *store = self;
    struct run_row *run = find_run(store, id);
    int result = 0;

    for (uint32_t at = run ? run->work : NONE; at && !result;) {
        struct work_row *row = work_at(store, at);

        row->work.value = row->bytes;
        result = visit(visitor, &row->work);
        at = row->next;
    }
    return result;
}

/* Outbox. */

static struct outbox_row *outbox_at(const struct store_memory *store,
                                    uint32_t row)
{
    return pool_at(&store->outboxes, row);
}

/* The link that leads to the number, or to where it belongs. */
static uint32_t *outbox_link(const struct store_memory *store, uint64_t id,
                             uint32_t number)
{
    struct run_row *run = find_run(store, id);
    uint32_t *link;

    if (!run)
        return NULL;
    link = &run->outbox;
    while (*link && outbox_at(store, *link)->number < number)
        link = &outbox_at(store, *link)->next;
    return link;
}

static int outbox_get(void *self, uint64_t id, uint32_t number)
{
    const uint32_t *link = outbox_link(self, id, number);

    return link && *link && outbox_at(self, *link)->number == number;
}

static int outbox_put(void *self, const struct store_outbox *row)
{
    struct store_memory *store = self;
    uint32_t *link = outbox_link(store, row->run, row->number);
    uint32_t at = store->free_outbox;
    struct outbox_row *added;

    if (at)
        store->free_outbox = outbox_at(store, at)->next;
    else
        at = pool_add(&store->outboxes);
    if (!at || !link)
        return -1;
    added = outbox_at(store, at);
    added->number = row->number;
    added->kind = row->kind;
    added->size = (uint32_t)row->value_size;
    added->next = *link;
    *link = at;
    return assign(&added->bytes, &added->capacity, row->value, row->value_size);
}

static int outbox_remove(void *self, uint64_t id, uint32_t number)
{
    struct store_memory *store = self;
    uint32_t *link = outbox_link(store, id, number);
    struct outbox_row *row;
    uint32_t at;

    if (!outbox_get(store, id, number))
        return 0;
    at = *link;
    row = outbox_at(store, at);
    *link = row->next;
    row->next = store->free_outbox;
    store->free_outbox = at;
    return 1;
}

static int outbox_list(void *self, uint64_t id, store_visit_outbox *visit,
                       void *visitor)
{
    struct store_memory *store = self;
    struct run_row *run = find_run(store, id);
    int result = 0;

    for (uint32_t at = run ? run->outbox : NONE; at && !result;) {
        const struct outbox_row *row = outbox_at(store, at);
        struct store_outbox seen = {.run = id,
                                    .number = row->number,
                                    .kind = row->kind,
                                    .value = row->bytes,
                                    .value_size = row->size};

        result = visit(visitor, &seen);
        at = row->next;
    }
    return result;
}

static int outbox_any(void *self, uint64_t id)
{
    const struct run_row *run = find_run(self, id);

    return run && run->outbox;
}

/* Inboxes, by the hash of run and id. */

static struct inbox_row *inbox_at(const struct store_memory *store,
                                  uint32_t row)
{
    return pool_at(&store->inboxes, row);
}

static uint64_t inbox_key(uint64_t run, struct engine_hash id)
{
    const uint64_t named[] = {run, id.lo, id.hi};

    return engine_hash_bytes(named, sizeof(named)).lo | 1;
}

/* The index of the row, or NONE. */
static uint32_t find_inbox(const struct store_memory *store, uint64_t run,
                           struct engine_hash id)
{
    uint32_t at = find(&store->inbox_index, inbox_key(run, id));

    while (at) {
        const struct inbox_row *row = inbox_at(store, at);

        if (row->run == run && row->id.lo == id.lo && row->id.hi == id.hi)
            return at;
        at = row->same;
    }
    return NONE;
}

static int inbox_get(void *self, uint64_t id, struct engine_hash row,
                     int *taken)
{
    uint32_t at = find_inbox(self, id, row);

    *taken = at && !inbox_at(self, at)->waits;
    return at && !*taken;
}

/* Links a row behind those of its run that wait. */
static void link_inbox(struct store_memory *store, struct run_row *run,
                       uint32_t at)
{
    struct inbox_row *row = inbox_at(store, at);

    row->waits = 1;
    row->former = run->inbox_last;
    if (run->inbox_last)
        inbox_at(store, run->inbox_last)->next = at;
    else
        run->inbox = at;
    run->inbox_last = at;
    run->inbox_count++;
}

static void unlink_inbox(struct store_memory *store, struct run_row *run,
                         struct inbox_row *row)
{
    if (row->former)
        inbox_at(store, row->former)->next = row->next;
    else
        run->inbox = row->next;
    if (row->next)
        inbox_at(store, row->next)->former = row->former;
    else
        run->inbox_last = row->former;
    row->waits = 0;
    run->inbox_count--;
}

static int inbox_put(void *self, const struct store_inbox *row)
{
    struct store_memory *store = self;
    uint64_t hashed = inbox_key(row->run, row->id);
    struct run_row *run = find_run(store, row->run);
    uint32_t at = pool_add(&store->inboxes);
    struct inbox_row *added;

    if (!run || !at)
        return -1;
    added = inbox_at(store, at);
    added->run = row->run;
    added->id = row->id;
    added->kind = row->kind;
    added->op = row->op;
    added->size = (uint32_t)row->value_size;
    added->same = find(&store->inbox_index, hashed);
    if (assign(&added->bytes, &added->capacity, row->value, row->value_size) ||
        index_put(&store->inbox_index, hashed, at))
        return -1;
    link_inbox(store, run, at);
    return 0;
}

static int inbox_take(void *self, uint64_t id, struct engine_hash row)
{
    struct store_memory *store = self;
    uint32_t at = find_inbox(store, id, row);
    struct inbox_row *taken = at ? inbox_at(store, at) : NULL;

    if (!taken || !taken->waits)
        return 0;
    unlink_inbox(store, find_run(store, id), taken);
    free(taken->bytes);
    taken->bytes = NULL;
    taken->capacity = 0;
    return 0;
}

static int inbox_beyond(void *self, uint64_t id, uint32_t count)
{
    const struct run_row *run = find_run(self, id);

    return run && run->inbox_count > count;
}

static int inbox_list(void *self, uint64_t id, store_visit_inbox *visit,
                      void *visitor)
{
    struct store_memory *store = self;
    struct run_row *run = find_run(store, id);
    int result = 0;

    for (uint32_t at = run ? run->inbox : NONE; at && !result;) {
        const struct inbox_row *row = inbox_at(store, at);
        struct store_inbox seen = {.run = id,
                                   .id = row->id,
                                   .kind = row->kind,
                                   .op = row->op,
                                   .value = row->bytes,
                                   .value_size = row->size};

        result = visit(visitor, &seen);
        at = row->next;
    }
    return result;
}

/* Snapshots. */

static struct snapshot_row *find_snapshot(const struct store_memory *store,
                                          uint64_t id)
{
    const struct run_row *run = find_run(store, id);

    return run && run->snapshot ? pool_at(&store->snapshots, run->snapshot)
                                : NULL;
}

static int snapshot_get(void *self, uint64_t id,
                        struct store_snapshot *snapshot)
{
    const struct snapshot_row *row = find_snapshot(self, id);

    if (!row)
        return 0;
    *snapshot = row->snapshot;
    snapshot->value = row->bytes;
    return 1;
}

static int snapshot_put(void *self, const struct store_snapshot *snapshot)
{
    struct store_memory *store = self;
    struct run_row *run = find_run(store, snapshot->run);
    struct snapshot_row *row;

    if (run && !run->snapshot)
        run->snapshot = pool_add(&store->snapshots);
    row = find_snapshot(store, snapshot->run);
    if (!row)
        return -1;
    row->snapshot = *snapshot;
    return assign(&row->bytes, &row->capacity, snapshot->value,
                  snapshot->value_size);
}

/* Blobs, by the hash of their digest. */

static uint64_t blob_key(const uint8_t digest[32])
{
    return engine_hash_bytes(digest, 32).lo | 1;
}

static struct blob *find_blob(const struct store_memory *store,
                              const uint8_t digest[32])
{
    uint32_t at = find(&store->blob_index, blob_key(digest));

    while (at) {
        struct blob *blob = pool_at(&store->blobs, at);

        if (!memcmp(blob->digest, digest, sizeof(blob->digest)))
            return blob;
        at = blob->next;
    }
    return NULL;
}

static int blob_get(void *self, const uint8_t digest[32], const void **bytes,
                    size_t *size)
{
    const struct blob *blob = find_blob(self, digest);

    if (!blob)
        return 0;
    *bytes = blob->bytes;
    *size = blob->size;
    return 1;
}

static int blob_put(void *self, const uint8_t digest[32], const void *bytes,
                    size_t size)
{
    struct store_memory *store = self;
    uint64_t hashed = blob_key(digest);
    uint32_t former = find(&store->blob_index, hashed);
    uint32_t capacity = 0;
    uint32_t at;
    struct blob *blob;

    if (find_blob(store, digest))
        return 0;
    at = pool_add(&store->blobs);
    if (!at)
        return -1;
    blob = pool_at(&store->blobs, at);
    memcpy(blob->digest, digest, sizeof(blob->digest));
    blob->size = size;
    blob->next = former;
    if (assign(&blob->bytes, &capacity, bytes, size) ||
        index_put(&store->blob_index, hashed, at))
        return -1;
    return 1;
}

#define TABLES                                                                 \
    .run_get = run_get, .run_insert = run_insert, .run_advance = run_update,   \
    .run_update = run_update, .due = due, .log_append = log_append,            \
    .work_get = work_get, .work_put = work_put, .work_claim = work_claim,      \
    .work_finish = work_finish, .work_remove = work_remove,                    \
    .work_done = work_done, .work_list = work_list, .outbox_get = outbox_get,  \
    .outbox_put = outbox_put, .outbox_remove = outbox_remove,                  \
    .outbox_list = outbox_list, .outbox_any = outbox_any,                      \
    .inbox_get = inbox_get, .inbox_put = inbox_put, .inbox_take = inbox_take,  \
    .inbox_beyond = inbox_beyond, .inbox_list = inbox_list,                    \
    .snapshot_get = snapshot_get, .snapshot_put = snapshot_put,                \
    .blob_get = blob_get, .blob_put = blob_put

static const struct store_tables_ops tables = {TABLES, .log_get = log_get};
static const struct store_tables_ops tables_without_log = {TABLES};

/* The contract. */

static int store_begin(void *self, uint64_t now_ns)
{
    struct store_memory *store = self;

    return store->broken ? -1 : store_rules_begin(&store->rules, now_ns);
}

static int store_apply(void *self, const struct engine_request *request,
                       struct engine_block *reply)
{
    struct store_memory *store = self;

    if (!store->broken && store_rules_apply(&store->rules, request, reply))
        store->broken = 1;
    return store->broken ? -1 : 0;
}

static int store_commit(void *self)
{
    struct store_memory *store = self;

    if (store->broken)
        return -1;
    store_rules_end(&store->rules, 1);
    return 0;
}

static void store_rollback(void *self)
{
    struct store_memory *store = self;

    store_rules_end(&store->rules, 0);
}

static int scan_log(void *self, uint64_t after, engine_store_visit_log *visit,
                    void *visitor)
{
    struct store_memory *store = self;
    int result = store->broken ? -1 : 0;

    if (!store->rules.tables->log_get)
        return result;
    for (uint64_t at = after; at < store->last && !result; at++)
        result = visit(visitor, store->log_rows[at]);
    return result;
}

static int compare_keys(const void *one, const void *other)
{
    uint64_t left = *(const uint64_t *)one;
    uint64_t right = *(const uint64_t *)other;

    return (left > right) - (left < right);
}

/* The keys of an index in order; *keys is to be freed. */
static int sorted_keys(const struct index *index, uint64_t **keys)
{
    size_t count = 0;

    *keys = malloc((index->count + 1) * sizeof(**keys));
    if (!*keys)
        return -1;
    for (size_t i = 0; index->slots && i <= index->mask; i++) {
        if (index->slots[i].key)
            (*keys)[count++] = index->slots[i].key;
    }
    qsort(*keys, count, sizeof(**keys), compare_keys);
    return 0;
}

static int scan_runs(void *self, engine_store_visit_run *visit, void *visitor)
{
    struct store_memory *store = self;
    uint64_t *keys;
    int result = store->broken ? -1 : 0;

    if (result || sorted_keys(&store->run_index, &keys))
        return -1;
    for (size_t i = 0; i < store->run_index.count && !result; i++)
        result = visit(visitor, &find_run(store, keys[i])->row);
    free(keys);
    return result;
}

static int scan_one_work(const struct work_row *row,
                         engine_store_visit_work *visit, void *visitor,
                         struct engine_block *block)
{
    struct store_work work = row->work;
    struct engine_item *item;

    work.value = row->bytes;
    if (!engine_block_begin(block, 8))
        return -1;
    item = store_work_item(block, &work);
    return item ? visit(visitor, work.run, item) : -1;
}

static int scan_work(void *self, engine_store_visit_work *visit, void *visitor)
{
    struct store_memory *store = self;
    struct engine_block block;
    uint64_t *keys;
    int result = store->broken ? -1 : 0;

    if (result || sorted_keys(&store->work_index, &keys))
        return -1;
    engine_block_init(&block);
    for (size_t i = 0; i < store->work_index.count && !result; i++)
        result =
            scan_one_work(work_at(store, find(&store->work_index, keys[i])),
                          visit, visitor, &block);
    engine_block_free(&block);
    free(keys);
    return result;
}

/* A visitor of the contract behind visitors of rows. */
struct box_scan {
    engine_store_visit_work *visit;
    void *visitor;
    struct engine_block block;
};

static int scan_one(const struct box_scan *scan, uint64_t run,
                    const struct engine_item *item)
{
    return item ? scan->visit(scan->visitor, run, item) : -1;
}

static int scan_one_outbox(void *self, const struct store_outbox *row)
{
    struct box_scan *scan = self;

    return engine_block_begin(&scan->block, 8)
               ? scan_one(scan, row->run, store_outbox_item(&scan->block, row))
               : -1;
}

static int scan_one_inbox(void *self, const struct store_inbox *row)
{
    struct box_scan *scan = self;

    return engine_block_begin(&scan->block, 8)
               ? scan_one(scan, row->run, store_inbox_item(&scan->block, row))
               : -1;
}

static int scan_snapshot(struct store_memory *store, uint64_t run,
                         struct box_scan *scan)
{
    struct store_snapshot row;

    if (!snapshot_get(store, run, &row))
        return 0;
    return engine_block_begin(&scan->block, 8)
               ? scan_one(scan, run, store_snapshot_item(&scan->block, &row))
               : -1;
}

/* The boxes of one kind of one run. */
static int scan_box(struct store_memory *store, int kind, uint64_t run,
                    struct box_scan *scan)
{
    switch (kind) {
    case 0:
        return outbox_list(store, run, scan_one_outbox, scan);
    case 1:
        return inbox_list(store, run, scan_one_inbox, scan);
    default:
        return scan_snapshot(store, run, scan);
    }
}

static int scan_boxes(void *self, engine_store_visit_work *visit, void *visitor)
{
    struct store_memory *store = self;
    struct box_scan scan = {.visit = visit, .visitor = visitor};
    size_t count = store->run_index.count;
    uint64_t *keys;
    int result = 0;

    if (store->broken || sorted_keys(&store->run_index, &keys))
        return -1;
    for (size_t i = 0; i < 3 * count && !result; i++)
        result = scan_box(store, (int)(i / count), keys[i % count], &scan);
    engine_block_free(&scan.block);
    free(keys);
    return result;
}

static void free_values(struct store_memory *store)
{
    for (uint32_t i = 1; i <= store->works.used; i++)
        free(work_at(store, i)->bytes);
    for (uint32_t i = 1; i <= store->outboxes.used; i++)
        free(outbox_at(store, i)->bytes);
    for (uint32_t i = 1; i <= store->blobs.used; i++)
        free(((struct blob *)pool_at(&store->blobs, i))->bytes);
    for (uint32_t i = 1; i <= store->inboxes.used; i++)
        free(inbox_at(store, i)->bytes);
    for (uint32_t i = 1; i <= store->snapshots.used; i++)
        free(((struct snapshot_row *)pool_at(&store->snapshots, i))->bytes);
}

static void free_log(struct store_memory *store)
{
    while (store->log) {
        struct log_chunk *former = store->log->former;

        free(store->log);
        store->log = former;
    }
    free(store->log_rows);
}

static void store_close(void *self)
{
    struct store_memory *store = self;

    free_values(store);
    free_log(store);
    pool_free(&store->runs);
    pool_free(&store->works);
    pool_free(&store->outboxes);
    pool_free(&store->blobs);
    pool_free(&store->inboxes);
    pool_free(&store->snapshots);
    free(store->run_index.slots);
    free(store->work_index.slots);
    free(store->blob_index.slots);
    free(store->inbox_index.slots);
    free(store->wakes.heap);
    store_rules_deinit(&store->rules);
    free(store);
}

static const struct engine_store_ops operations = {
    .begin = store_begin,
    .apply = store_apply,
    .commit = store_commit,
    .rollback = store_rollback,
    .scan_log = scan_log,
    .scan_runs = scan_runs,
    .scan_work = scan_work,
    .scan_boxes = scan_boxes,
    .close = store_close,
};

int store_memory_open(const struct store_memory_config *config,
                      struct engine_store *out)
{
    struct store_memory *store = calloc(1, sizeof(*store));

    if (!store)
        return -1;
    store_rules_init(&store->rules,
                     config->keep_log ? &tables : &tables_without_log, store,
                     &config->limits, &config->defects);
    store->runs.row_size = sizeof(struct run_row);
    store->works.row_size = sizeof(struct work_row);
    store->outboxes.row_size = sizeof(struct outbox_row);
    store->blobs.row_size = sizeof(struct blob);
    store->inboxes.row_size = sizeof(struct inbox_row);
    store->snapshots.row_size = sizeof(struct snapshot_row);
    *out = (struct engine_store){.ops = &operations, .self = store};
    return 0;
}
