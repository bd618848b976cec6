#include "sim/mirror.h"

#include <stdlib.h>
#include <string.h>

#include "engine/table.h"

/* One row of a log in memory, then its items. */
struct row {
    uint64_t time_ns;
    uint64_t seq;
    uint32_t count;
    uint32_t size; /* of the items, a multiple of 8 */
};

struct log {
    struct log *next; /* of all, to be freed */
    uint64_t next_seq;
    uint64_t token; /* granted last */
    uint32_t workflow;
    bool whole;
    unsigned char *rows;
    size_t size;
    size_t capacity;
};

struct sim_mirror {
    struct sim_mirror_config config;
    struct engine_table logs; /* by run */
    struct log *all;
};

struct sim_mirror *sim_mirror_new(const struct sim_mirror_config *config)
{
    struct sim_mirror *m = calloc(1, sizeof(*m));
    if (m)
        m->config = *config;
    return m;
}

void sim_mirror_free(struct sim_mirror *m)
{
    if (!m)
        return;
    while (m->all) {
        struct log *log = m->all;
        m->all = log->next;
        free(log->rows);
        free(log);
    }
    engine_table_free(&m->logs);
    free(m);
}

static struct log *log_of(struct sim_mirror *m, uint64_t run)
{
    struct log *log = engine_table_find(&m->logs, run);
    if (log)
        return log;
    log = calloc(1, sizeof(*log));
    if (!log || engine_table_add(&m->logs, run, log)) {
        free(log);
        return NULL;
    }
    log->next_seq = 1;
    log->whole = true;
    log->workflow = UINT32_MAX;
    log->next = m->all;
    m->all = log;
    return log;
}

/* Rows ----------------------------------------------------------------------
 */

static unsigned char *more(struct log *log, size_t size)
{
    size_t capacity = log->capacity ? log->capacity : 1024;
    while (capacity < log->size + size)
        capacity *= 2;
    if (capacity > log->capacity) {
        unsigned char *rows = realloc(log->rows, capacity);
        if (!rows)
            return NULL;
        log->rows = rows;
        log->capacity = capacity;
    }
    log->size += size;
    return log->rows + log->size - size;
}

static void note_workflow(struct log *log, const struct engine_item *event)
{
    if (event->kind == ENGINE_EV_RUN_CREATED)
        log->workflow = (uint32_t)event->a;
}

/* A row that follows the last one; another says what the mirror has missed. */
static int add_row(struct log *log, uint64_t seq, uint32_t count,
                   uint64_t time_ns, const void *items, size_t size)
{
    struct row row = {time_ns, seq, count, (uint32_t)size};
    if (count == 0 || seq + count <= log->next_seq)
        return 0;
    log->whole = log->whole && seq == log->next_seq;
    if (!log->whole)
        return 0;
    unsigned char *to = more(log, sizeof(row) + size);
    if (!to)
        return -1;
    memcpy(to, &row, sizeof(row));
    memcpy(to + sizeof(row), items, size);
    note_workflow(log, items);
    log->next_seq = seq + count;
    return 0;
}

/* The events of a request stand side by side at its beginning. */
static size_t events_of(const struct engine_request *request, uint32_t *count)
{
    size_t size = 0;
    *count = 0;
    ENGINE_REQUEST_ITEMS(request, item)
    {
        if (item->type != ENGINE_ITEM_EVENT)
            break;
        size += engine_item_span(item->size);
        ++*count;
    }
    return size;
}

static int take_written(struct log *log, const struct engine_request *request,
                        const struct engine_reply *reply)
{
    uint32_t count;
    size_t size = events_of(request, &count);
    return add_row(log, reply->seq - count, count, reply->store_time_ns,
                   engine_item_first(request, sizeof(*request)), size);
}

/* Whoever takes a run over leaves a word in its log, unless it has ended. */
static int take_acquired(struct log *log, const struct engine_request *request,
                         const struct engine_reply *reply)
{
    const struct engine_item *run = engine_item_first(reply, sizeof(*reply));
    struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                .kind = ENGINE_EV_LEASE_ACQUIRED,
                                .op = UINT32_MAX,
                                .a = reply->token,
                                .b = request->sender};
    if (!run || engine_run_state_terminal(run->op))
        return 0;
    return add_row(log, reply->seq - 1, 1, reply->store_time_ns, &event,
                   engine_item_span(0));
}

/* A log that is read from its start makes the mirror whole again. */
static int take_read(struct log *log, const struct engine_reply *reply)
{
    if (log->whole)
        return 0;
    ENGINE_REPLY_ITEMS(reply, item)
    {
        uint64_t time_ns;
        if (item->type != ENGINE_ITEM_LOG)
            continue;
        if (item->a == 1) {
            log->size = 0;
            log->next_seq = 1;
            log->whole = true;
        }
        memcpy(&time_ns, engine_item_payload(item), sizeof(time_ns));
        if (add_row(log, item->a, item->attempt, time_ns,
                    (const unsigned char *)(item + 1) + sizeof(time_ns),
                    item->size - sizeof(time_ns)))
            return -1;
    }
    return 0;
}

/* Folding -------------------------------------------------------------------
 */

static struct engine_run *begin(const struct sim_mirror *m, uint64_t run,
                                const struct log *log)
{
    if (log->workflow >= m->config.graph_count)
        return NULL;
    return engine_run_new_within(NULL, run, log->workflow,
                                 m->config.graphs[log->workflow],
                                 m->config.limits);
}

/* Events side by side, of one row. */
static int apply(struct engine_run *run, const unsigned char *at, size_t size,
                 uint64_t time_ns)
{
    const unsigned char *end = at + size;
    while (at < end) {
        const struct engine_item *event = (const void *)at;
        int error = engine_run_apply(run, event, time_ns);
        if (error)
            return error;
        at += engine_item_span(event->size);
    }
    return 0;
}

/* The rows behind event `after`, which ends a row, and before event `to`. */
static int fold(struct engine_run *run, const struct log *log, uint64_t after,
                uint64_t to)
{
    for (size_t at = 0; at < log->size;) {
        struct row row;
        memcpy(&row, log->rows + at, sizeof(row));
        at += sizeof(row);
        if (row.seq > after && row.seq < to) {
            int error = apply(run, log->rows + at, row.size, row.time_ns);
            if (error)
                return error;
        }
        at += row.size;
    }
    return 0;
}

static void say(const struct sim_mirror *m, enum engine_record_kind kind,
                uint32_t node, uint64_t run, uint64_t seq, bool differs)
{
    struct engine_record record = {
        .kind = (uint16_t)kind,
        .node = (uint16_t)node,
        .run = run,
        .op = UINT32_MAX,
        .a = seq,
        .detail = differs,
    };
    engine_emit(m->config.sink, &record);
}

static bool same(const struct engine_run *one, const struct engine_run *other)
{
    struct engine_hash a = engine_run_digest(one);
    struct engine_hash b = engine_run_digest(other);
    return engine_hash_equal(a, b);
}

int sim_mirror_appends(struct sim_mirror *m, uint32_t node,
                       const struct engine_request *request,
                       const struct engine_run *run)
{
    const struct log *log = engine_table_find(&m->logs, request->run);
    uint32_t count;
    size_t size = events_of(request, &count);
    if (!log || !log->whole || log->next_seq != request->seq ||
        log->token != request->token)
        return 0;
    struct engine_run *folded = begin(m, request->run, log);
    if (!folded)
        return -1;
    int error = fold(folded, log, 0, UINT64_MAX);
    if (!error)
        error = apply(
            folded, (const void *)engine_item_first(request, sizeof(*request)),
            size, 0);
    if (error != -1)
        say(m, ENGINE_REC_REPLAYED, node, request->run, request->seq + count,
            error != 0 || !same(folded, run));
    engine_run_free(folded);
    return error == -1 ? -1 : 0;
}

/* Snapshot and the rows behind it, against the whole log: up to `to`. */
static int restore(struct sim_mirror *m, const struct log *log, uint64_t run,
                   const struct engine_item *snapshot, uint64_t to)
{
    struct engine_run *whole = begin(m, run, log);
    struct engine_run *short_cut = begin(m, run, log);
    int error = whole && short_cut ? 0 : -1;
    bool differs = false;
    if (!error)
        error = fold(whole, log, 0, to);
    if (!error) {
        error = engine_run_restore(short_cut, engine_item_payload(snapshot),
                                   snapshot->size);
        if (!error)
            error = fold(short_cut, log, snapshot->a, to);
        differs = error == -2;
    }
    if (!error || differs)
        say(m, ENGINE_REC_RESTORED, 0, run, snapshot->a,
            differs || !same(whole, short_cut));
    engine_run_free(whole);
    engine_run_free(short_cut);
    return error == -1 ? -1 : 0;
}

int sim_mirror_snapshot(struct sim_mirror *m, uint64_t run,
                        const struct engine_item *snapshot)
{
    const struct log *log = engine_table_find(&m->logs, run);
    if (!log || !log->whole || snapshot->a >= log->next_seq)
        return 0;
    return restore(m, log, run, snapshot, UINT64_MAX);
}

static int look_at_snapshot(struct sim_mirror *m, const struct log *log,
                            const struct engine_reply *reply)
{
    ENGINE_REPLY_ITEMS(reply, item)
    {
        if (item->type == ENGINE_ITEM_SNAPSHOT && log->whole &&
            log->next_seq == reply->seq)
            return restore(m, log, reply->run, item, UINT64_MAX);
    }
    return 0;
}

int sim_mirror_exchange(struct sim_mirror *m,
                        const struct engine_request *request,
                        const struct engine_reply *reply)
{
    bool reads =
        reply->kind == ENGINE_REQ_ACQUIRE || reply->kind == ENGINE_REQ_LOAD;
    bool writes =
        reply->kind == ENGINE_REQ_CREATE || reply->kind == ENGINE_REQ_APPEND;
    if (reply->outcome != ENGINE_COMMITTED || reply->run == 0 ||
        (!reads && !writes))
        return 0;
    struct log *log = log_of(m, reply->run);
    if (!log)
        return -1;
    if (reply->kind == ENGINE_REQ_CREATE || reply->kind == ENGINE_REQ_ACQUIRE)
        log->token = reply->token;
    if (writes)
        return take_written(log, request, reply);
    if (reply->kind == ENGINE_REQ_ACQUIRE && take_acquired(log, request, reply))
        return -1;
    return take_read(log, reply) ? -1 : look_at_snapshot(m, log, reply);
}
