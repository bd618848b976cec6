#include "engine/host/store_upkeep.h"

#include <stdlib.h>
#include <string.h>

#include "engine/host/store_private.h"
#include "engine/host/store_search.h"

/* Statements made for one call. */

static sqlite3_stmt *make(struct store_sqlite *store, const char *sql)
{
    sqlite3_stmt *made = NULL;

    store_sqlite_let_go(store);
    if (sqlite3_prepare_v2(store->db, sql, -1, &made, NULL))
        store->failure = sqlite3_extended_errcode(store->db);
    return made;
}

static void set(sqlite3_stmt *to, int at, uint64_t value)
{
    sqlite3_bind_int64(to, at, (sqlite3_int64)value);
}

static uint64_t get(sqlite3_stmt *from, int at)
{
    return (uint64_t)sqlite3_column_int64(from, at);
}

/* 1: a row. 0: the end. -1. */
static int next(sqlite3_stmt *of)
{
    int result = sqlite3_step(of);

    if (result == SQLITE_ROW)
        return 1;
    return result == SQLITE_DONE ? 0 : -1;
}

/* Runs a statement made with up to three numbers, and ends it. 0 or -1. */
static int execute(struct store_sqlite *store, const char *sql, uint64_t first,
                   uint64_t second, uint64_t third)
{
    sqlite3_stmt *made = make(store, sql);
    const uint64_t values[] = {first, second, third};
    int result;

    if (!made)
        return -1;
    for (int i = 0; i < 3 && i < sqlite3_bind_parameter_count(made); i++)
        set(made, i + 1, values[i]);
    result = next(made);
    return sqlite3_finalize(made) || result < 0 ? -1 : 0;
}

/* Ends a group: commits, or rolls back what failed. */
static int settle(struct engine_store *store, int result)
{
    if (!result)
        return store->ops->commit(store->self);
    store->ops->rollback(store->self);
    return -1;
}

int store_hold(struct engine_store *store, int *held)
{
    struct store_sqlite *self = store->self;

    store_sqlite_let_go(self);
    *held = sqlite3_get_autocommit(self->db);
    if (!*held || !sqlite3_exec(self->db, "BEGIN", NULL, NULL, NULL))
        return 0;
    *held = 0;
    return -1;
}

void store_let_go(struct engine_store *store, int held)
{
    struct store_sqlite *self = store->self;

    store_sqlite_let_go(self);
    if (held)
        sqlite3_exec(self->db, "COMMIT", NULL, NULL, NULL);
}

int store_end_holders(struct engine_store *store, uint64_t now_ns)
{
    struct store_sqlite *self = store->self;
    int result;

    if (store->ops->begin(store->self, now_ns))
        return -1;
    result = execute(self,
                     "UPDATE run SET wake = 1, expires = 1 WHERE wake IS NOT "
                     "NULL AND holder <> 0 AND expires > 1",
                     0, 0, 0) ||
             execute(self,
                     "UPDATE work SET expires = 1 WHERE state = ?1 "
                     "AND expires > 1",
                     ENGINE_WORK_CLAIMED, 0, 0);
    store_runs_forget(&self->runs);
    return settle(store, result ? -1 : 0);
}

int store_last_time(struct engine_store *store, uint64_t *time_ns)
{
    struct store_sqlite *self = store->self;
    sqlite3_stmt *last = self->broken
                             ? NULL
                             : make(self, "SELECT time FROM log "
                                          "ORDER BY position DESC LIMIT 1");
    int found = last ? next(last) : -1;

    *time_ns = found > 0 ? get(last, 0) : 0;
    sqlite3_finalize(last);
    return found < 0 ? -1 : 0;
}

/* Pages of events. */

/* The positions of the oldest rows seen on the way back, as a ring. */
struct ring {
    uint64_t *positions;
    uint64_t seen;
    uint32_t size;
    uint64_t folded_seq; /* before the first row that is there */
};

/* Walks back from a run's tail to after_seq. 0 or -1. */
static int walk_back(struct store_sqlite *store,
                     const struct engine_run_row *run, uint64_t after_seq,
                     struct ring *ring)
{
    sqlite3_stmt *look = make(store, "SELECT seq, count, previous FROM log "
                                     "WHERE position = ?1 AND run = ?2");
    uint64_t position = run->tail;
    uint64_t first_seq = run->next_seq;
    int found = look ? 1 : -1;

    while (position && found > 0) {
        set(look, 1, position);
        set(look, 2, run->run);
        found = next(look);
        if (found <= 0)
            break;
        first_seq = get(look, 0);
        if (first_seq + get(look, 1) - 1 <= after_seq) {
            first_seq = 1;
            break;
        }
        ring->positions[ring->seen++ % ring->size] = position;
        position = get(look, 2) < position ? get(look, 2) : 0;
        sqlite3_reset(look);
    }
    ring->folded_seq = first_seq - 1;
    sqlite3_finalize(look);
    return found < 0 ? -1 : 0;
}

/* Visits what the ring holds, oldest first. */
static int visit_ring(struct store_sqlite *store, const struct ring *ring,
                      engine_store_visit_log *visit, void *visitor,
                      struct store_page *page)
{
    uint64_t count = ring->seen < ring->size ? ring->seen : ring->size;
    int result = 0;

    for (uint64_t i = 1; i <= count && !result; i++) {
        struct engine_log_row row;

        if (store_sqlite_tables.log_get(
                store, ring->positions[(ring->seen - i) % ring->size], &row) <=
            0)
            return -1;
        page->last_seq = row.seq + row.count - 1;
        result = visit(visitor, &row);
    }
    return result;
}

static int read_page(struct store_sqlite *store, uint64_t run,
                     uint64_t after_seq, struct ring *ring,
                     engine_store_visit_log *visit, void *visitor,
                     struct store_page *page)
{
    struct engine_run_row row;
    int result = store_sqlite_tables.run_get(store, run, &row);

    if (result <= 0)
        return result;
    page->state = STORE_PAGE_ARCHIVED;
    if (store_is_archived(&row))
        return 0;
    if (walk_back(store, &row, after_seq, ring))
        return -1;
    page->state = ring->seen > ring->size ? STORE_PAGE_MORE : STORE_PAGE_END;
    page->folded_seq = ring->folded_seq;
    return visit_ring(store, ring, visit, visitor, page);
}

int store_read_events(struct engine_store *store, uint64_t run,
                      uint64_t after_seq, uint32_t limit,
                      engine_store_visit_log *visit, void *visitor,
                      struct store_page *page)
{
    struct store_sqlite *self = store->self;
    struct ring ring = {.size = limit ? limit : 1};
    int result = -1;
    int held;

    *page = (struct store_page){.state = STORE_PAGE_NO_RUN};
    /* What is removed meanwhile stays for this reader. */
    if (self->broken || store_hold(store, &held))
        return -1;
    ring.positions = calloc(ring.size, sizeof(*ring.positions));
    if (ring.positions)
        result = read_page(self, run, after_seq, &ring, visit, visitor, page);
    free(ring.positions);
    store_let_go(store, held);
    return result;
}

int store_read_blob(struct engine_store *store, const uint8_t digest[32],
                    const void **bytes, size_t *size)
{
    struct store_sqlite *self = store->self;

    return self->broken
               ? -1
               : store_sqlite_tables.blob_get(self, digest, bytes, size);
}

/* Blobs that nothing refers to. */

static int search_log(void *self, const struct engine_log_row *row)
{
    store_search_bytes(self, row->items, row->items_size);
    return 0;
}

static int search_item(void *self, uint64_t run, const struct engine_item *item)
{
    (void)run;
    store_search_bytes(self, engine_item_payload(item), item->size);
    return 0;
}

static int search_rows(struct engine_store *store, struct store_search *search)
{
    const struct engine_store_ops *ops = store->ops;

    return ops->scan_log(store->self, 0, search_log, search) ||
                   ops->scan_work(store->self, search_item, search) ||
                   ops->scan_boxes(store->self, search_item, search)
               ? -1
               : 0;
}

struct removal {
    sqlite3_stmt *remove;
    uint64_t limit;
    uint64_t count;
};

static int remove_blob(void *self, const uint8_t digest[32])
{
    struct removal *removal = self;
    int result;

    if (removal->count == removal->limit)
        return 1;
    sqlite3_bind_blob(removal->remove, 1, digest, 32, SQLITE_STATIC);
    result = next(removal->remove);
    sqlite3_reset(removal->remove);
    removal->count++;
    return result;
}

static int remove_blobs(struct store_sqlite *store,
                        const struct store_search *search, uint32_t limit,
                        uint64_t *removed)
{
    struct removal removal = {.remove = make(store, "DELETE FROM blob "
                                                    "WHERE digest = ?1"),
                              .limit = limit};
    int result = -1;

    if (removal.remove)
        result = store_search_visit(search, 0, remove_blob, &removal);
    sqlite3_finalize(removal.remove);
    *removed = removal.count;
    return result < 0 ? -1 : 0;
}

/* In an open group. */
static int collect(struct engine_store *store, uint64_t before_ns,
                   uint32_t limit, uint64_t *removed)
{
    struct store_search *search = store_search_new(store->self, before_ns);
    int result = search ? 0 : -1;

    if (search && store_search_count(search))
        result = search_rows(store, search) ||
                         remove_blobs(store->self, search, limit, removed)
                     ? -1
                     : 0;
    store_search_free(search);
    return result;
}

int store_collect(struct engine_store *store, uint64_t now_ns, uint64_t age_ns,
                  uint32_t limit, uint64_t *removed)
{
    int result;

    *removed = 0;
    if (store->ops->begin(store->self, now_ns))
        return -1;
    result =
        execute(store->self, "UPDATE blob SET created = ?1 WHERE created = 0",
                now_ns, 0, 0);
    if (!result && now_ns >= age_ns)
        result = collect(store, now_ns - age_ns, limit, removed);
    return settle(store, result);
}

/* Logs that are not needed any more. */

/* A run whose log is being purged is left alone until that is done. */
#define CLOSED                                                                 \
    "SELECT run.run, log.time FROM run JOIN log ON log.position = run.tail "   \
    "WHERE run.run BETWEEN ?1 AND ?3 AND run.state BETWEEN 4 AND 8 "           \
    "AND run.wake IS NULL AND log.time < ?2 "
#define NOT_PURGED "AND run.run NOT IN (SELECT run FROM purge) "
#define BY_RUN "ORDER BY run.run"

_Static_assert(ENGINE_RUN_SUCCEEDED == 4 && ENGINE_RUN_STOPPED == 8,
               "CLOSED names the states of runs that have ended");

/* The next closed run from a number on; its row. 1, 0 or -1. */
static int next_closed(struct store_sqlite *store, sqlite3_stmt *list,
                       struct engine_run_row *run, uint64_t *closed_ns)
{
    int found = next(list);

    if (found <= 0)
        return found;
    *closed_ns = get(list, 1);
    return store_sqlite_tables.run_get(store, get(list, 0), run) > 0 ? 1 : -1;
}

int store_scan_closed(struct engine_store *store, uint64_t from_run,
                      uint64_t before_ns, store_visit_closed *visit,
                      void *visitor)
{
    return store_scan_closed_to(store, from_run, INT64_MAX, before_ns, visit,
                                visitor);
}

uint64_t store_run_after(struct engine_store *store, uint64_t from_run,
                         uint32_t count)
{
    struct store_sqlite *self = store->self;
    sqlite3_stmt *list = self->broken
                             ? NULL
                             : make(self, "SELECT run FROM run WHERE run >= ?1 "
                                          "ORDER BY run LIMIT 1 OFFSET ?2");
    uint64_t run = 0;
    int found = -1;

    if (list) {
        set(list, 1, from_run);
        set(list, 2, count);
        found = next(list);
    }
    if (found > 0)
        run = get(list, 0);
    sqlite3_finalize(list);
    return found < 0 ? UINT64_MAX : run;
}

int store_scan_closed_to(struct engine_store *store, uint64_t from_run,
                         uint64_t to_run, uint64_t before_ns,
                         store_visit_closed *visit, void *visitor)
{
    struct store_sqlite *self = store->self;
    const char *sql = self->has[STORE_SCHEMA_PURGE] ? CLOSED NOT_PURGED BY_RUN
                                                    : CLOSED BY_RUN;
    sqlite3_stmt *list = self->broken ? NULL : make(self, sql);
    struct engine_run_row run;
    uint64_t closed_ns;
    int result = list ? 0 : -1;

    if (list) {
        set(list, 1, from_run);
        set(list, 2, before_ns);
        set(list, 3, to_run < INT64_MAX ? to_run : INT64_MAX);
    }
    while (!result && (result = next_closed(self, list, &run, &closed_ns)) > 0)
        result = visit(visitor, &run, closed_ns);
    sqlite3_finalize(list);
    return result;
}

struct compaction {
    struct store_sqlite *store;
    uint64_t limit;
    uint64_t cursor;
};

/* Marks the log behind the run's snapshot, if it has one that is sound. */
static int compact_run(void *self, const struct engine_run_row *run,
                       uint64_t closed_ns)
{
    struct compaction *compaction = self;
    struct store_snapshot snapshot;
    struct engine_hash digest;
    int found;

    (void)closed_ns;
    if (!compaction->limit--) {
        compaction->cursor = run->run;
        return 1;
    }
    found = store_sqlite_tables.snapshot_get(compaction->store, run->run,
                                             &snapshot);
    if (found <= 0)
        return found;
    digest = store_snapshot_digest(&snapshot);
    if (digest.lo != snapshot.digest.lo || digest.hi != snapshot.digest.hi)
        return 0;
    /* Without a row after it, nothing would tie the run row to its log. */
    if (snapshot.position >= run->tail)
        return 0;
    return execute(compaction->store,
                   "INSERT OR IGNORE INTO purge (run, position) "
                   "SELECT ?1, position FROM log WHERE position = ?2",
                   run->run, snapshot.position, 0);
}

int store_compact(struct engine_store *store, uint64_t now_ns, uint64_t age_ns,
                  uint32_t limit, uint64_t *cursor)
{
    struct compaction compaction = {.store = store->self, .limit = limit};
    int result;

    if (store->ops->begin(store->self, now_ns))
        return -1;
    result = store_sqlite_need(compaction.store, STORE_SCHEMA_PURGE);
    if (!result && now_ns >= age_ns)
        result = store_scan_closed(store, *cursor, now_ns - age_ns, compact_run,
                                   &compaction);
    *cursor = compaction.cursor;
    return settle(store, result < 0 ? -1 : 0);
}

/* Removes rows of one run, newest first. 0 or -1; *limit counts down. */
static int purge_run(struct store_sqlite *store, uint64_t run,
                     uint64_t position, uint32_t *limit)
{
    sqlite3_stmt *look = make(store, "SELECT previous FROM log "
                                     "WHERE position = ?1 AND run = ?2");
    sqlite3_stmt *remove = make(store, "DELETE FROM log WHERE position = ?1");
    int found = look && remove ? 1 : -1;

    while (position && *limit && found > 0) {
        set(look, 1, position);
        set(look, 2, run);
        found = next(look);
        if (found > 0) {
            uint64_t previous = get(look, 0);

            sqlite3_reset(look);
            set(remove, 1, position);
            found = next(remove) < 0 ? -1 : 1;
            sqlite3_reset(remove);
            position = previous < position ? previous : 0;
            --*limit;
        }
    }
    sqlite3_finalize(look);
    sqlite3_finalize(remove);
    if (found < 0)
        return -1;
    return found && position
               ? execute(store, "UPDATE purge SET position = ?2 WHERE run = ?1",
                         run, position, 0)
               : execute(store, "DELETE FROM purge WHERE run = ?1", run, 0, 0);
}

/* The first run that waits to be purged, but for the log's very end. */
static int next_purge(struct store_sqlite *store, uint64_t *run,
                      uint64_t *position)
{
    sqlite3_stmt *list = make(store, "SELECT run, position FROM purge "
                                     "WHERE position <> ?1 LIMIT 1");
    int found = -1;

    if (list) {
        set(list, 1, store->last);
        found = next(list);
    }
    if (found > 0) {
        *run = get(list, 0);
        *position = get(list, 1);
    }
    sqlite3_finalize(list);
    return found;
}

int store_purge(struct engine_store *store, uint64_t now_ns, uint32_t limit)
{
    struct store_sqlite *self = store->self;
    uint64_t run;
    uint64_t position;
    int found = 1;

    if (!self->has[STORE_SCHEMA_PURGE])
        return 0;
    if (store->ops->begin(store->self, now_ns))
        return -1;
    while (limit && (found = next_purge(self, &run, &position)) > 0) {
        if (purge_run(self, run, position, &limit)) {
            found = -1;
            break;
        }
    }
    return settle(store, found < 0 ? -1 : 0) ? -1 : found;
}

int store_retire(struct engine_store *store, const struct engine_run_row *run,
                 uint64_t closed_ns)
{
    struct store_sqlite *self = store->self;
    struct engine_run_row retired = *run;

    retired.tail = 0;
    retired.holder = 0;
    retired.expires_ns = closed_ns;
    if (store_sqlite_need(self, STORE_SCHEMA_PURGE) ||
        execute(self, "INSERT INTO purge (run, position) VALUES (?1, ?2)",
                run->run, run->tail, 0) ||
        execute(self, "DELETE FROM work WHERE id BETWEEN ?1 AND ?2",
                run->run << 16, run->run << 16 | ENGINE_OP_MAX, 0))
        return -1;
    if (self->has[STORE_SCHEMA_INBOX] &&
        execute(self, "DELETE FROM inbox WHERE run = ?1", run->run, 0, 0))
        return -1;
    if (self->has[STORE_SCHEMA_SNAPSHOT] &&
        execute(self, "DELETE FROM snapshot WHERE run = ?1", run->run, 0, 0))
        return -1;
    return store_sqlite_tables.run_update(self, &retired);
}

int store_forget(struct engine_store *store, uint64_t now_ns, uint64_t age_ns,
                 uint32_t limit, uint64_t *removed)
{
    struct store_sqlite *self = store->self;
    int result;

    *removed = 0;
    if (!self->has[STORE_SCHEMA_PURGE] || now_ns < age_ns)
        return 0;
    if (store->ops->begin(store->self, now_ns))
        return -1;
    result = execute(self,
                     "DELETE FROM run WHERE run IN (SELECT run FROM run "
                     "WHERE tail = 0 AND next_seq > 1 "
                     "AND state BETWEEN 4 AND 8 AND expires < ?1 "
                     "AND run NOT IN (SELECT run FROM purge) LIMIT ?2)",
                     now_ns - age_ns, limit, 0);
    *removed = result ? 0 : (uint64_t)sqlite3_changes(self->db);
    store_runs_forget(&self->runs);
    return settle(store, result);
}
