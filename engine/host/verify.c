#include "engine/host/verify.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/store_private.h"
#include "engine/host/store_search.h"
#include "engine/host/store_upkeep.h"
#include "engine/operation.h"
#include "engine/value.h"

struct verify {
    struct engine_store *store;
    struct store_sqlite *sqlite;
    verify_visit *visit;
    void *visitor;
    struct verify_summary *summary;
    struct store_history history;
    struct store_search *search;
    sqlite3_stmt *has_blob;
    uint64_t last;    /* log position there is now */
    uint8_t *reached; /* a bit for each log position */
};

const char *verify_kind_name(enum verify_kind kind)
{
    static const char *const names[VERIFY_KIND_COUNT] = {
        [VERIFY_GAP] = "gap",
        [VERIFY_HASH] = "hash",
        [VERIFY_TAIL] = "tail",
        [VERIFY_SNAPSHOT] = "snapshot",
        [VERIFY_BLOB_MISSING] = "blob missing",
        [VERIFY_BLOB_DIGEST] = "blob digest",
        [VERIFY_STRAY] = "stray row",
        [VERIFY_UNREACHED] = "unreached log row",
        [VERIFY_VALUE] = "value",
        [VERIFY_PAGE] = "page",
    };

    return names[kind];
}

static void find(struct verify *v, enum verify_kind kind, uint64_t run,
                 uint64_t seq, uint64_t position, const char *text)
{
    struct verify_finding finding = {kind, run, seq, position, text};

    v->summary->findings++;
    if (v->visit)
        v->visit(v->visitor, &finding);
}

static sqlite3_stmt *make(struct verify *v, const char *sql)
{
    sqlite3_stmt *made = NULL;

    store_sqlite_let_go(v->sqlite);
    sqlite3_prepare_v2(v->sqlite->db, sql, -1, &made, NULL);
    return made;
}

static void reach(struct verify *v, uint64_t position)
{
    if (position <= v->last)
        v->reached[position / 8] |= (uint8_t)(1u << position % 8);
}

/* References. */

static void check_reference(struct verify *v, uint64_t run, uint64_t seq,
                            uint64_t position,
                            const struct engine_blob_ref *ref)
{
    sqlite3_stmt *has = v->has_blob;
    int found;

    sqlite3_bind_blob(has, 1, ref->digest, sizeof(ref->digest), SQLITE_STATIC);
    found = sqlite3_step(has) == SQLITE_ROW;
    if (!found)
        find(v, VERIFY_BLOB_MISSING, run, seq, position,
             "refers to a blob that is not in the store");
    else if ((uint64_t)sqlite3_column_int64(has, 0) != ref->size)
        find(v, VERIFY_BLOB_MISSING, run, seq, position,
             "refers to a blob of another size");
    sqlite3_reset(has);
}

/* The blobs of an envelope, if these bytes are one. */
static void check_envelope(struct verify *v, uint64_t run, uint64_t seq,
                           uint64_t position, const void *bytes, size_t size)
{
    const struct engine_value *value;
    uint32_t wrong;

    if (engine_value_check(bytes, size, &wrong) != ENGINE_ERR_NONE)
        return;
    for (uint32_t i = 0; (value = engine_value_at(bytes, size, i)); i++) {
        struct engine_chunks_ref chunks;
        struct engine_blob_ref ref;

        if (!engine_value_blob(value, &ref))
            check_reference(v, run, seq, position, &ref);
        else if (!engine_value_chunks(value, &chunks))
            check_reference(v, run, seq, position, &chunks.blob);
    }
}

static int is_operation(uint16_t kind)
{
    return kind >= ENGINE_EV_OPERATION_STARTED &&
           kind <= ENGINE_EV_OPERATION_PROGRESS;
}

/* Whether an event's payload is an envelope of values. */
static int has_envelope(uint16_t kind)
{
    return kind == ENGINE_EV_RUN_CREATED || kind == ENGINE_EV_RUN_SUCCEEDED ||
           kind == ENGINE_EV_ATTEMPT_SUCCEEDED;
}

static void check_event(struct verify *v, const struct engine_log_row *row,
                        uint64_t seq, const struct engine_item *event)
{
    struct engine_operation_view view;
    struct engine_blob_ref ref;

    if (has_envelope(event->kind))
        check_envelope(v, row->run, seq, row->position,
                       engine_item_payload(event), event->size);
    if (!is_operation(event->kind) ||
        !(engine_operation_flag_options(event->flags) & ENGINE_OPTION_BLOB) ||
        engine_operation_view(event, &view) ||
        view.head.value_size != sizeof(ref))
        return;
    memcpy(&ref, view.value, sizeof(ref));
    check_reference(v, row->run, seq, row->position, &ref);
}

/* Walks a row's events as far as they are whole; how many they are. */
static uint32_t check_events(struct verify *v, const struct engine_log_row *row)
{
    const unsigned char *bytes = row->items;
    uint32_t count = 0;
    size_t at = 0;

    while (at + sizeof(struct engine_item) <= row->items_size) {
        const struct engine_item *event = (const void *)(bytes + at);

        if (event->type != ENGINE_ITEM_EVENT ||
            engine_item_span(event->size) > row->items_size - at)
            break;
        check_event(v, row, row->seq + count, event);
        at += engine_item_span(event->size);
        count++;
    }
    return count;
}

/* Logs. */

static int same(struct engine_hash a, struct engine_hash b)
{
    return a.lo == b.lo && a.hi == b.hi;
}

/* Each row against the one before it, so that one fault is said once. */
static void check_row(struct verify *v, const struct engine_log_row *row,
                      uint64_t seq, struct engine_hash before)
{
    reach(v, row->position);
    v->summary->rows++;
    v->summary->events += row->count;
    store_search_bytes(v->search, row->items, row->items_size);
    if (row->seq != seq)
        find(v, VERIFY_GAP, row->run, seq, row->position,
             "events are missing before this row");
    if (!same(engine_store_chain(before, row), row->hash))
        find(v, VERIFY_HASH, row->run, row->seq, row->position,
             "the row is not the one that was written after the one before");
    else if (check_events(v, row) != row->count)
        find(v, VERIFY_HASH, row->run, row->seq, row->position,
             "the row holds another number of events than it says");
}

/* A snapshot against itself and against the row at which it stands. */
static void check_snapshot(struct verify *v, const struct engine_run_row *run,
                           const struct store_snapshot *snapshot)
{
    v->summary->snapshots++;
    if (!same(store_snapshot_digest(snapshot), snapshot->digest)) {
        find(v, VERIFY_SNAPSHOT, run->run, snapshot->seq, snapshot->position,
             "the snapshot is not the one that was written");
        return;
    }
    for (size_t i = 0; i < v->history.count; i++) {
        const struct engine_log_row *row = &v->history.rows[i];

        if (row->position == snapshot->position &&
            (!same(row->hash, snapshot->hash) ||
             row->seq + row->count - 1 != snapshot->seq))
            find(v, VERIFY_SNAPSHOT, run->run, snapshot->seq,
                 snapshot->position, "the snapshot is of another log");
    }
}

/* The snapshot that a log without its beginning goes on from, if it does. */
static int goes_on(const struct verify *v,
                   const struct store_snapshot *snapshot)
{
    return snapshot->run && v->history.count &&
           v->history.rows[0].seq == snapshot->seq + 1;
}

static void check_log(struct verify *v, const struct engine_run_row *run,
                      const struct store_snapshot *snapshot)
{
    struct engine_hash hash = {0, 0};
    uint64_t seq = 1;

    if (goes_on(v, snapshot)) {
        hash = snapshot->hash;
        seq = snapshot->seq + 1;
    }
    for (size_t i = 0; i < v->history.count; i++) {
        const struct engine_log_row *row = &v->history.rows[i];

        check_row(v, row, seq, hash);
        seq = row->seq + row->count;
        hash = row->hash;
    }
    if (seq != run->next_seq || !same(hash, run->hash))
        find(v, VERIFY_TAIL, run->run, seq, run->tail,
             "the run's row says another end than its log has");
}

/* 1 if the table's row was read; 0 none; -1 said as a finding. */
static int readable(struct verify *v, const struct engine_run_row *run,
                    int result)
{
    if (result >= 0)
        return result;
    if (v->sqlite->unsealed)
        find(v, VERIFY_VALUE, run->run, 0, run->tail,
             "a value of the run was not sealed with this key for its place");
    else
        find(v, VERIFY_PAGE, run->run, 0, run->tail,
             "a page with the run's log cannot be read");
    v->sqlite->unsealed = 0;
    return -1;
}

static int check_run(void *self, const struct engine_run_row *run)
{
    struct verify *v = self;
    struct store_snapshot snapshot = {.run = 0};
    int found;

    if (store_is_archived(run)) {
        v->summary->archived++;
        return 0;
    }
    v->summary->runs++;
    found = store_history_read_all(&v->history, &store_sqlite_tables, v->sqlite,
                                   run);
    if (readable(v, run, found) < 0)
        return 0;
    found = readable(
        v, run,
        store_sqlite_tables.snapshot_get(v->sqlite, run->run, &snapshot));
    if (found > 0)
        check_snapshot(v, run, &snapshot);
    check_log(v, run, &snapshot);
    return 0;
}

/* Rows. */

static int check_work(void *self, uint64_t run, const struct engine_item *work)
{
    struct verify *v = self;

    store_search_bytes(v->search, engine_item_payload(work), work->size);
    check_envelope(v, run, 0, 0, engine_item_payload(work), work->size);
    return 0;
}

static int search_box(void *self, uint64_t run, const struct engine_item *item)
{
    struct verify *v = self;

    (void)run;
    store_search_bytes(v->search, engine_item_payload(item), item->size);
    return 0;
}

/* Runs a query of runs and says a sentence about each. 0 or -1. */
static int check_query(struct verify *v, const char *sql, enum verify_kind kind,
                       const char *sentence)
{
    sqlite3_stmt *list = make(v, sql);
    int result = SQLITE_ERROR;

    while (list && (result = sqlite3_step(list)) == SQLITE_ROW)
        find(v, kind, (uint64_t)sqlite3_column_int64(list, 0), 0, 0, sentence);
    sqlite3_finalize(list);
    return result == SQLITE_DONE ? 0 : -1;
}

static int check_strays(struct verify *v)
{
    const unsigned char *has = v->sqlite->has;

    if (check_query(v,
                    "SELECT DISTINCT id >> 16 FROM work "
                    "WHERE id >> 16 NOT IN (SELECT run FROM run)",
                    VERIFY_STRAY, "work of a run that is not there") ||
        check_query(v,
                    "SELECT DISTINCT id >> 16 FROM outbox "
                    "WHERE id >> 16 NOT IN (SELECT run FROM run)",
                    VERIFY_STRAY, "an outbox row of a run that is not there"))
        return -1;
    if (has[STORE_SCHEMA_INBOX] &&
        check_query(v,
                    "SELECT DISTINCT run FROM inbox "
                    "WHERE run NOT IN (SELECT run FROM run)",
                    VERIFY_STRAY, "an inbox row of a run that is not there"))
        return -1;
    if (!has[STORE_SCHEMA_SNAPSHOT])
        return 0;
    return check_query(v,
                       "SELECT run FROM snapshot "
                       "WHERE run NOT IN (SELECT run FROM run)",
                       VERIFY_STRAY, "a snapshot of a run that is not there");
}

/* Reaches the rows that wait to be purged. 0 or -1. */
static int reach_purged(struct verify *v)
{
    sqlite3_stmt *list;
    int result;

    if (!v->sqlite->has[STORE_SCHEMA_PURGE])
        return 0;
    list = make(v, "WITH RECURSIVE back (run, position) AS ("
                   "SELECT run, position FROM purge UNION "
                   "SELECT back.run, log.previous FROM back JOIN log "
                   "ON log.position = back.position AND log.run = back.run "
                   "WHERE log.previous > 0) SELECT position FROM back");
    result = list ? SQLITE_ROW : SQLITE_ERROR;
    while (list && (result = sqlite3_step(list)) == SQLITE_ROW)
        reach(v, (uint64_t)sqlite3_column_int64(list, 0));
    sqlite3_finalize(list);
    return result == SQLITE_DONE ? 0 : -1;
}

static int check_reached(struct verify *v)
{
    sqlite3_stmt *list = make(v, "SELECT position, run, seq FROM log");
    int result = SQLITE_ERROR;

    if (reach_purged(v)) {
        sqlite3_finalize(list);
        return -1;
    }
    while (list && (result = sqlite3_step(list)) == SQLITE_ROW) {
        uint64_t position = (uint64_t)sqlite3_column_int64(list, 0);

        if (!(v->reached[position / 8] & 1u << position % 8))
            find(v, VERIFY_UNREACHED, (uint64_t)sqlite3_column_int64(list, 1),
                 (uint64_t)sqlite3_column_int64(list, 2), position,
                 "no run leads to this row");
    }
    sqlite3_finalize(list);
    return result == SQLITE_DONE ? 0 : -1;
}

/* Blobs. */

static void check_blob(struct verify *v, sqlite3_stmt *from)
{
    uint8_t digest[crypto_hash_sha256_BYTES];
    struct cipher_cell cell;
    const void *bytes;
    size_t size;

    v->summary->blobs++;
    if (sqlite3_column_bytes(from, 0) != sizeof(digest)) {
        find(v, VERIFY_BLOB_DIGEST, 0, 0, 0, "a blob without a digest");
        return;
    }
    cell = store_cell_blob(sqlite3_column_blob(from, 0));
    if (store_sqlite_column_value(v->sqlite, from, 1, &cell, &bytes, &size)) {
        v->sqlite->unsealed = 0;
        find(v, VERIFY_VALUE, 0, 0, 0,
             "a blob was not sealed with this key for its place");
        return;
    }
    crypto_hash_sha256(digest, bytes, size);
    if (memcmp(digest, sqlite3_column_blob(from, 0), sizeof(digest)) != 0)
        find(v, VERIFY_BLOB_DIGEST, 0, 0, 0,
             "a blob's bytes are not those of its digest");
}

static int check_blobs(struct verify *v)
{
    sqlite3_stmt *list = make(v, "SELECT digest, data FROM blob");
    int result = SQLITE_ERROR;

    while (list && (result = sqlite3_step(list)) == SQLITE_ROW)
        check_blob(v, list);
    sqlite3_finalize(list);
    return result == SQLITE_DONE ? 0 : -1;
}

static int count_orphan(void *self, const uint8_t digest[32])
{
    struct verify *v = self;

    (void)digest;
    v->summary->orphans++;
    return 0;
}

/* What SQLite itself finds, at most this many lines. */
static void check_pages(struct verify *v)
{
    sqlite3_stmt *list = make(v, "PRAGMA integrity_check(50)");
    int result = SQLITE_ERROR;

    while (list && (result = sqlite3_step(list)) == SQLITE_ROW) {
        const char *line = (const char *)sqlite3_column_text(list, 0);

        if (line && strcmp(line, "ok") != 0)
            find(v, VERIFY_PAGE, 0, 0, 0, line);
    }
    if (result != SQLITE_DONE)
        find(v, VERIFY_PAGE, 0, 0, 0, sqlite3_errmsg(v->sqlite->db));
    sqlite3_finalize(list);
}

/* An engine that runs beside may have written since the store was opened. */
static int read_last(struct verify *v)
{
    sqlite3_stmt *list = make(v, "SELECT max(position) FROM log");
    int result = list ? sqlite3_step(list) : SQLITE_ERROR;

    if (result == SQLITE_ROW)
        v->last = (uint64_t)sqlite3_column_int64(list, 0);
    sqlite3_finalize(list);
    return result == SQLITE_ROW ? 0 : -1;
}

static int prepare(struct verify *v)
{
    if (read_last(v))
        return -1;
    v->reached = calloc(v->last / 8 + 1, 1);
    v->has_blob = make(v, "SELECT size FROM blob WHERE digest = ?1");
    v->search = store_search_new(v->sqlite, INT64_MAX);
    return v->reached && v->has_blob && v->search ? 0 : -1;
}

static int check_all(struct verify *v)
{
    const struct engine_store_ops *ops = v->store->ops;
    int failed = 0;

    check_pages(v);
    if (prepare(v))
        return -1;
    failed |= ops->scan_runs(v->sqlite, check_run, v);
    failed |= check_reached(v);
    failed |= ops->scan_work(v->sqlite, check_work, v);
    failed |= ops->scan_boxes(v->sqlite, search_box, v);
    failed |= check_strays(v);
    failed |= check_blobs(v);
    store_search_visit(v->search, 0, count_orphan, v);
    return failed ? -1 : 0;
}

int verify_store(struct engine_store *store, verify_visit *visit, void *visitor,
                 struct verify_summary *summary)
{
    struct verify v = {.store = store,
                       .sqlite = store->self,
                       .visit = visit,
                       .visitor = visitor,
                       .summary = summary};
    int failed;
    int held;

    memset(summary, 0, sizeof(*summary));
    if (v.sqlite->broken || sodium_init() < 0 || store_hold(store, &held))
        return -1;
    failed = check_all(&v);
    store_history_free(&v.history);
    store_search_free(v.search);
    sqlite3_finalize(v.has_blob);
    free(v.reached);
    store_let_go(store, held);
    return failed;
}
