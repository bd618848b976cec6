#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/store_note.h"
#include "engine/host/store_private.h"

/* X(name, sql): every statement there is, prepared once. Those of a part of
 * the schema stand side by side, named in `ranges`. */
#define STATEMENTS(X)                                                          \
    X(BEGIN, "BEGIN")                                                          \
    X(COMMIT, "COMMIT")                                                        \
    X(ROLLBACK, "ROLLBACK")                                                    \
    X(RUN_GET, "SELECT token, holder, expires, wake, next_seq, tail, hash, "   \
               "state, workflow FROM run WHERE run = ?1")                      \
    X(RUN_INSERT, "INSERT INTO run (run, token, holder, expires, wake, "       \
                  "next_seq, tail, hash, state, workflow) "                    \
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)")          \
    X(RUN_ADVANCE, "UPDATE run SET next_seq = ?2, tail = ?3, hash = ?4, "      \
                   "state = ?5 WHERE run = ?1")                                \
    X(RUN_UPDATE, "UPDATE run SET token = ?2, holder = ?3, expires = ?4, "     \
                  "wake = ?5, next_seq = ?6, tail = ?7, hash = ?8, "           \
                  "state = ?9 WHERE run = ?1")                                 \
    X(DUE, "SELECT run, wake FROM run WHERE wake IS NOT NULL "                 \
           "ORDER BY wake, run LIMIT 1")                                       \
    X(LOG_LAST, "SELECT max(position) FROM log")                               \
    X(LOG_APPEND, "INSERT INTO log (position, run, seq, count, token, time, "  \
                  "previous, hash, items) "                                    \
                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")               \
    X(LOG_GET, "SELECT position, run, seq, count, token, time, previous, "     \
               "hash, items FROM log WHERE position = ?1")                     \
    X(LOG_SCAN, "SELECT position, run, seq, count, token, time, previous, "    \
                "hash, items FROM log WHERE position > ?1 ORDER BY position")  \
    X(RUN_SCAN, "SELECT token, holder, expires, wake, next_seq, tail, hash, "  \
                "state, workflow, run FROM run ORDER BY run")                  \
    X(WORK_HEAD, "SELECT id, attempt, state, holder, claimed, expires, "       \
                 "error, retryable FROM work WHERE id = ?1")                   \
    X(WORK_GET, "SELECT id, attempt, state, holder, claimed, expires, error, " \
                "retryable, value FROM work WHERE id = ?1")                    \
    X(WORK_LIST, "SELECT id, attempt, state, holder, claimed, expires, "       \
                 "error, retryable, value FROM work "                          \
                 "WHERE id BETWEEN ?1 AND ?2 ORDER BY id")                     \
    X(WORK_DONE, "SELECT 1 FROM work WHERE id BETWEEN ?1 AND ?2 "              \
                 "AND state = 3 LIMIT 1")                                      \
    X(WORK_PUT, "INSERT INTO work (id, attempt, state, holder, claimed, "      \
                "expires, error, retryable, value) "                           \
                "VALUES (?1, ?2, 1, 0, 0, 0, 0, 0, ?3)")                       \
    X(WORK_CLAIM, "UPDATE work SET state = ?2, holder = ?3, claimed = ?4, "    \
                  "expires = ?5 WHERE id = ?1")                                \
    X(WORK_FINISH, "UPDATE work SET state = ?2, error = ?3, retryable = ?4, "  \
                   "value = ?5 WHERE id = ?1")                                 \
    X(WORK_REMOVE, "DELETE FROM work WHERE id = ?1")                           \
    X(OUTBOX_GET, "SELECT 1 FROM outbox WHERE id = ?1")                        \
    X(OUTBOX_LIST, "SELECT id, kind, value FROM outbox "                       \
                   "WHERE id BETWEEN ?1 AND ?2 ORDER BY id")                   \
    X(OUTBOX_PUT, "INSERT INTO outbox (id, kind, value) VALUES (?1, ?2, ?3)")  \
    X(OUTBOX_REMOVE, "DELETE FROM outbox WHERE id = ?1")                       \
    X(OUTBOX_ANY, "SELECT 1 FROM outbox WHERE id BETWEEN ?1 AND ?2 LIMIT 1")   \
    X(INBOX_GET, "SELECT arrival IS NULL FROM inbox "                          \
                 "WHERE run = ?1 AND id = ?2")                                 \
    X(INBOX_LAST, "SELECT arrival FROM inbox WHERE run = ?1 "                  \
                  "AND arrival IS NOT NULL ORDER BY arrival DESC LIMIT 1")     \
    X(INBOX_PUT, "INSERT INTO inbox (run, id, arrival, kind, op, value) "      \
                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6)")                            \
    X(INBOX_TAKE, "UPDATE inbox SET arrival = NULL, value = NULL "             \
                  "WHERE run = ?1 AND id = ?2")                                \
    X(INBOX_BEYOND, "SELECT 1 FROM inbox WHERE run = ?1 "                      \
                    "AND arrival IS NOT NULL LIMIT 1 OFFSET ?2")               \
    X(INBOX_LIST, "SELECT id, kind, op, value, run FROM inbox WHERE run = ?1 " \
                  "AND arrival IS NOT NULL ORDER BY arrival")                  \
    X(INBOX_SCAN, "SELECT id, kind, op, value, run FROM inbox "                \
                  "WHERE arrival IS NOT NULL ORDER BY run, arrival")           \
    X(SNAPSHOT_GET, "SELECT seq, position, hash, digest, value "               \
                    "FROM snapshot WHERE run = ?1")                            \
    X(SNAPSHOT_SCAN, "SELECT seq, position, hash, digest, value, run "         \
                     "FROM snapshot ORDER BY run")                             \
    X(SNAPSHOT_PUT, "REPLACE INTO snapshot (run, seq, position, hash, "        \
                    "digest, value) VALUES (?1, ?2, ?3, ?4, ?5, ?6)")          \
    X(NOTE_PUT, "REPLACE INTO note (kind, id, value) VALUES (?1, ?2, ?3)")     \
    X(NOTE_REMOVE, "DELETE FROM note WHERE kind = ?1 AND id = ?2")             \
    X(NOTE_SCAN, "SELECT kind, id, value FROM note ORDER BY kind, id")         \
    X(BLOB_GET, "SELECT data FROM blob WHERE digest = ?1")                     \
    X(BLOB_HAS, "SELECT created FROM blob WHERE digest = ?1")                  \
    X(BLOB_TOUCH, "UPDATE blob SET created = ?2 WHERE digest = ?1")            \
    X(BLOB_PUT, "INSERT INTO blob (digest, size, data, created) "              \
                "VALUES (?1, ?2, ?3, ?4)")

enum statement {
#define STATEMENT_ID(name, sql) S_##name,
    STATEMENTS(STATEMENT_ID)
#undef STATEMENT_ID
    STATEMENT_COUNT
};

/* A blob's age is that of its last put, but for as much. */
#define BLOB_TOUCH_NS UINT64_C(600000000000)

enum {
    WAL_FRAME = 4096 + 24,  /* a page and its head */
    WAL_ROOM = 64,          /* frames that a group may need */
    WAL_PIECE = 1024 * 1024 /* by which the file grows */
};

/* The statements of each part of the schema: first and one past the last. */
static const enum statement ranges[STORE_SCHEMA_PARTS][2] = {
    [STORE_SCHEMA_INBOX] = {S_INBOX_GET, S_SNAPSHOT_GET},
    [STORE_SCHEMA_SNAPSHOT] = {S_SNAPSHOT_GET, S_NOTE_PUT},
    [STORE_SCHEMA_NOTE] = {S_NOTE_PUT, S_BLOB_GET},
};

_Static_assert((int)STATEMENT_COUNT <= (int)STORE_STATEMENTS_MAX,
               "more statements than there is room for");

/* Binding and stepping. */

void store_sqlite_let_go(struct store_sqlite *store)
{
    if (store->reading)
        sqlite3_reset(store->reading);
    store->reading = NULL;
}

/* NULL if it cannot be; then nothing runs, and SQLite says so. */
static sqlite3_stmt *prepare_one(struct store_sqlite *store,
                                 enum statement which)
{
    static const char *const sql[STATEMENT_COUNT] = {
#define STATEMENT_SQL(name, text) [S_##name] = (text),
        STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
    };

    if (!store->statements[which])
        sqlite3_prepare_v3(store->db, sql[which], -1, SQLITE_PREPARE_PERSISTENT,
                           &store->statements[which], NULL);
    return store->statements[which];
}

static sqlite3_stmt *statement(struct store_sqlite *store, enum statement which)
{
    store_sqlite_let_go(store);
    return prepare_one(store, which);
}

static void bind(sqlite3_stmt *statement, int at, uint64_t value)
{
    sqlite3_bind_int64(statement, at, (sqlite3_int64)value);
}

static void bind_bytes(sqlite3_stmt *statement, int at, const void *bytes,
                       size_t size)
{
    if (size)
        sqlite3_bind_blob64(statement, at, bytes, size, SQLITE_STATIC);
    else
        sqlite3_bind_zeroblob(statement, at, 0);
}

/* Runs a statement that returns no rows. 0 or -1. */
static int run(sqlite3_stmt *statement)
{
    int done = sqlite3_step(statement) == SQLITE_DONE;

    return sqlite3_reset(statement) == SQLITE_OK && done ? 0 : -1;
}

/* 1: a row, kept open until the next statement. 0: none. -1: an error. */
static int read_one(struct store_sqlite *store, sqlite3_stmt *statement)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW) {
        store->reading = statement;
        return 1;
    }
    return sqlite3_reset(statement) == SQLITE_OK && result == SQLITE_DONE ? 0
                                                                          : -1;
}

static uint64_t column(sqlite3_stmt *statement, int at)
{
    return (uint64_t)sqlite3_column_int64(statement, at);
}

static uint32_t column32(sqlite3_stmt *statement, int at)
{
    return (uint32_t)sqlite3_column_int64(statement, at);
}

static struct engine_hash column_hash(sqlite3_stmt *statement, int at)
{
    struct engine_hash hash = {0, 0};

    if (sqlite3_column_bytes(statement, at) == sizeof(hash))
        memcpy(&hash, sqlite3_column_blob(statement, at), sizeof(hash));
    return hash;
}

static void bind_hash(sqlite3_stmt *statement, int at,
                      const struct engine_hash *hash)
{
    bind_bytes(statement, at, hash, sizeof(*hash));
}

/* Values, in the clear or sealed. */

static int reserve(struct store_scratch *scratch, size_t size)
{
    uint8_t *larger;

    if (size <= scratch->capacity)
        return 0;
    larger = realloc(scratch->bytes, 2 * size);
    if (!larger)
        return -1;
    scratch->bytes = larger;
    scratch->capacity = 2 * size;
    return 0;
}

int store_sqlite_bind_value(struct store_sqlite *store, sqlite3_stmt *to,
                            int at, const struct cipher_cell *cell,
                            const void *bytes, size_t size)
{
    if (!store->cipher) {
        bind_bytes(to, at, bytes, size);
        return 0;
    }
    if (reserve(&store->sealed, size + CIPHER_OVERHEAD))
        return -1;
    cipher_seal(store->cipher, cell, bytes, size, store->sealed.bytes);
    bind_bytes(to, at, store->sealed.bytes, size + CIPHER_OVERHEAD);
    return 0;
}

static int open_value(struct store_sqlite *store,
                      const struct cipher_cell *cell, const void **bytes,
                      size_t *size)
{
    if (reserve(&store->opened, *size + 1))
        return -1;
    if (cipher_open(store->cipher, cell, *bytes, *size, store->opened.bytes)) {
        store->unsealed = 1;
        return -1;
    }
    *bytes = store->opened.bytes;
    *size -= CIPHER_OVERHEAD;
    return 0;
}

int store_sqlite_column_value(struct store_sqlite *store, sqlite3_stmt *from,
                              int at, const struct cipher_cell *cell,
                              const void **bytes, size_t *size)
{
    *bytes = sqlite3_column_blob(from, at);
    *size = (size_t)sqlite3_column_bytes(from, at);
    return store->cipher ? open_value(store, cell, bytes, size) : 0;
}

static struct engine_hash masked(const struct store_sqlite *store,
                                 const char *what, uint64_t run,
                                 uint64_t position, struct engine_hash hash)
{
    struct cipher_cell cell = {what, {position, run}};

    return store->cipher ? cipher_mask(store->cipher, &cell, hash) : hash;
}

void store_sqlite_bind_chain(const struct store_sqlite *store, sqlite3_stmt *to,
                             int at, uint64_t run, uint64_t position,
                             const struct engine_hash *hash)
{
    struct engine_hash stands;

    if (!store->cipher) {
        bind_hash(to, at, hash);
        return;
    }
    stands = masked(store, "chain", run, position, *hash);
    sqlite3_bind_blob(to, at, &stands, sizeof(stands), SQLITE_TRANSIENT);
}

struct engine_hash store_sqlite_column_chain(const struct store_sqlite *store,
                                             sqlite3_stmt *from, int at,
                                             uint64_t run, uint64_t position)
{
    return masked(store, "chain", run, position, column_hash(from, at));
}

struct cipher_cell store_cell_log(uint64_t position, uint64_t run)
{
    return (struct cipher_cell){"log", {position, run}};
}

struct cipher_cell store_cell_work(uint64_t id)
{
    return (struct cipher_cell){"work", {id}};
}

struct cipher_cell store_cell_outbox(uint64_t id)
{
    return (struct cipher_cell){"outbox", {id}};
}

struct cipher_cell store_cell_inbox(uint64_t run, struct engine_hash id)
{
    return (struct cipher_cell){"inbox", {run, id.lo, id.hi}};
}

struct cipher_cell store_cell_snapshot(uint64_t run)
{
    return (struct cipher_cell){"snapshot", {run}};
}

static struct cipher_cell store_cell_note(uint32_t kind, uint64_t id)
{
    return (struct cipher_cell){"note", {kind, id}};
}

struct cipher_cell store_cell_blob(const uint8_t digest[32])
{
    struct cipher_cell cell = {"blob", {0}};

    memcpy(cell.key, digest, sizeof(cell.key));
    return cell;
}

/* Prepares these statements if they are not. 0 or -1. */
static int prepare_range(struct store_sqlite *store, enum statement first,
                         enum statement end)
{
    for (enum statement i = first; i < end && !store->lazily; i++) {
        if (!prepare_one(store, i))
            return -1;
    }
    return 0;
}

int store_sqlite_need(struct store_sqlite *store, enum store_schema_part part)
{
    if (store->has[part])
        return 0;
    if (store_schema_add(store->db, part) ||
        prepare_range(store, ranges[part][0], ranges[part][1]))
        return -1;
    store->has[part] = 1;
    return 0;
}

/* Whether a part of the schema is there. */
static int has(const struct store_sqlite *store, enum store_schema_part part)
{
    return store->has[part];
}

/* Runs. */

static void bind_wake(sqlite3_stmt *statement, int at, uint64_t wake_ns)
{
    if (wake_ns == STORE_NEVER)
        sqlite3_bind_null(statement, at);
    else
        bind(statement, at, wake_ns);
}

static void run_columns(const struct store_sqlite *store, sqlite3_stmt *from,
                        struct engine_run_row *row)
{
    row->token = column(from, 0);
    row->holder = column(from, 1);
    row->expires_ns = column(from, 2);
    row->wake_ns = sqlite3_column_type(from, 3) == SQLITE_NULL
                       ? STORE_NEVER
                       : column(from, 3);
    row->next_seq = column(from, 4);
    row->tail = column(from, 5);
    row->hash = store_sqlite_column_chain(store, from, 6, row->run, row->tail);
    row->state = column32(from, 7);
    row->workflow = column32(from, 8);
}

/* What changes whenever the file does, as far as this connection has seen. */
static uint32_t version(struct store_sqlite *store)
{
    uint32_t number = 0;

    (void)sqlite3_file_control(store->db, "main", SQLITE_FCNTL_DATA_VERSION,
                               &number);
    return number;
}

static int run_read(struct store_sqlite *store, uint64_t id,
                    struct engine_run_row *row)
{
    sqlite3_stmt *get = statement(store, S_RUN_GET);
    int found;

    bind(get, 1, id);
    found = read_one(store, get);
    if (found < 0)
        return -1;
    store_runs_read(&store->runs, version(store));
    if (found) {
        row->run = id;
        run_columns(store, get, row);
        store_runs_keep(&store->runs, row);
    }
    return found;
}

static int run_get(void *self, uint64_t id, struct engine_run_row *row)
{
    struct store_sqlite *store = self;
    const struct engine_run_row *kept = store_runs_find(&store->runs, id);

    if (!kept)
        return run_read(store, id, row);
    *row = *kept;
    return 1;
}

static void bind_run(const struct store_sqlite *store, sqlite3_stmt *to,
                     const struct engine_run_row *row)
{
    bind(to, 1, row->run);
    bind(to, 2, row->token);
    bind(to, 3, row->holder);
    bind(to, 4, row->expires_ns);
    bind_wake(to, 5, row->wake_ns);
    bind(to, 6, row->next_seq);
    bind(to, 7, row->tail);
    store_sqlite_bind_chain(store, to, 8, row->run, row->tail, &row->hash);
    bind(to, 9, row->state);
}

static int forget_runs(struct store_sqlite *store)
{
    store_runs_forget(&store->runs);
    return -1;
}

static int run_insert(void *self, const struct engine_run_row *row)
{
    struct store_sqlite *store = self;
    sqlite3_stmt *insert = statement(store, S_RUN_INSERT);

    bind_run(store, insert, row);
    bind(insert, 10, row->workflow);
    if (run(insert))
        return forget_runs(store);
    store_runs_keep(&store->runs, row);
    return 0;
}

static int run_update(void *self, const struct engine_run_row *row)
{
    struct store_sqlite *store = self;
    sqlite3_stmt *update = statement(store, S_RUN_UPDATE);

    bind_run(store, update, row);
    if (run(update))
        return forget_runs(store);
    store_runs_update(&store->runs, row);
    return 0;
}

static int run_advance(void *self, const struct engine_run_row *row)
{
    struct store_sqlite *store = self;
    sqlite3_stmt *update = statement(store, S_RUN_ADVANCE);

    bind(update, 1, row->run);
    bind(update, 2, row->next_seq);
    bind(update, 3, row->tail);
    store_sqlite_bind_chain(store, update, 4, row->run, row->tail, &row->hash);
    bind(update, 5, row->state);
    if (run(update))
        return forget_runs(store);
    store_runs_advance(&store->runs, row);
    return 0;
}

static int due(void *self, uint64_t *id, uint64_t *wake_ns)
{
    sqlite3_stmt *get = statement(self, S_DUE);
    int found = read_one(self, get);

    if (found > 0) {
        *id = column(get, 0);
        *wake_ns = column(get, 1);
    }
    return found;
}

/* The log. */

static int log_append(void *self, struct engine_log_row *row)
{
    struct store_sqlite *store = self;
    sqlite3_stmt *insert = statement(store, S_LOG_APPEND);
    struct cipher_cell cell = store_cell_log(store->last + 1, row->run);

    row->position = store->last + 1;
    bind(insert, 1, row->position);
    bind(insert, 2, row->run);
    bind(insert, 3, row->seq);
    bind(insert, 4, row->count);
    bind(insert, 5, row->token);
    bind(insert, 6, row->time_ns);
    bind(insert, 7, row->previous);
    store_sqlite_bind_chain(store, insert, 8, row->run, row->position,
                            &row->hash);
    if (store_sqlite_bind_value(store, insert, 9, &cell, row->items,
                                row->items_size) ||
        run(insert))
        return -1;
    store->last++;
    return 0;
}

/* 0, or -1 if the items do not open. */
static int log_columns(struct store_sqlite *store, sqlite3_stmt *from,
                       struct engine_log_row *row)
{
    struct cipher_cell cell;

    row->position = column(from, 0);
    row->run = column(from, 1);
    row->seq = column(from, 2);
    row->count = column32(from, 3);
    row->token = column(from, 4);
    row->time_ns = column(from, 5);
    row->previous = column(from, 6);
    row->hash =
        store_sqlite_column_chain(store, from, 7, row->run, row->position);
    cell = store_cell_log(row->position, row->run);
    return store_sqlite_column_value(store, from, 8, &cell, &row->items,
                                     &row->items_size);
}

static int log_get(void *self, uint64_t position, struct engine_log_row *row)
{
    sqlite3_stmt *get = statement(self, S_LOG_GET);
    int found;

    bind(get, 1, position);
    found = read_one(self, get);
    return found > 0 && log_columns(self, get, row) ? -1 : found;
}

/* Work. */

static uint64_t key(uint64_t id, uint32_t number)
{
    assert(id <= ENGINE_RUN_MAX && number <= ENGINE_OP_MAX);
    return id << 16 | number;
}

static void bind_range(sqlite3_stmt *to, uint64_t id)
{
    bind(to, 1, key(id, 0));
    bind(to, 2, key(id, ENGINE_OP_MAX));
}

static void work_columns(sqlite3_stmt *from, struct store_work *work)
{
    work->run = column(from, 0) >> 16;
    work->op = column32(from, 0) & ENGINE_OP_MAX;
    work->attempt = column32(from, 1);
    work->state = column32(from, 2);
    work->holder = column(from, 3);
    work->claimed_ns = column(from, 4);
    work->expires_ns = column(from, 5);
    work->error = column32(from, 6);
    work->retryable = column32(from, 7);
    work->value = NULL;
    work->value_size = 0;
}

static int work_value(struct store_sqlite *store, sqlite3_stmt *from,
                      struct store_work *work)
{
    struct cipher_cell cell = store_cell_work(key(work->run, work->op));
    size_t size;

    if (store_sqlite_column_value(store, from, 8, &cell, &work->value, &size))
        return -1;
    work->value_size = (uint32_t)size;
    return 0;
}

static int work_get(void *self, uint64_t id, uint32_t op, int with_value,
                    struct store_work *work)
{
    sqlite3_stmt *get = statement(self, with_value ? S_WORK_GET : S_WORK_HEAD);
    int found;

    bind(get, 1, key(id, op));
    found = read_one(self, get);
    if (found > 0)
        work_columns(get, work);
    if (found > 0 && with_value && work_value(self, get, work))
        return -1;
    return found;
}

static int work_put(void *self, const struct store_work *work)
{
    sqlite3_stmt *insert = statement(self, S_WORK_PUT);
    struct cipher_cell cell = store_cell_work(key(work->run, work->op));

    bind(insert, 1, key(work->run, work->op));
    bind(insert, 2, work->attempt);
    if (store_sqlite_bind_value(self, insert, 3, &cell, work->value,
                                work->value_size))
        return -1;
    return run(insert);
}

static int work_claim(void *self, const struct store_work *work)
{
    sqlite3_stmt *update = statement(self, S_WORK_CLAIM);

    bind(update, 1, key(work->run, work->op));
    bind(update, 2, work->state);
    bind(update, 3, work->holder);
    bind(update, 4, work->claimed_ns);
    bind(update, 5, work->expires_ns);
    return run(update);
}

static int work_finish(void *self, const struct store_work *work)
{
    sqlite3_stmt *update = statement(self, S_WORK_FINISH);
    struct cipher_cell cell = store_cell_work(key(work->run, work->op));

    bind(update, 1, key(work->run, work->op));
    bind(update, 2, work->state);
    bind(update, 3, work->error);
    bind(update, 4, work->retryable);
    if (store_sqlite_bind_value(self, update, 5, &cell, work->value,
                                work->value_size))
        return -1;
    return run(update);
}

static int work_remove(void *self, uint64_t id, uint32_t op)
{
    sqlite3_stmt *remove = statement(self, S_WORK_REMOVE);

    bind(remove, 1, key(id, op));
    return run(remove);
}

static int work_done(void *self, uint64_t id)
{
    sqlite3_stmt *get = statement(self, S_WORK_DONE);

    bind_range(get, id);
    return read_one(self, get);
}

/* Steps on through a list. 1, 0 at its end, or -1. */
static int next_row(sqlite3_stmt *list)
{
    int result = sqlite3_step(list);

    if (result == SQLITE_ROW)
        return 1;
    return result == SQLITE_DONE ? 0 : -1;
}

static int visit_work(struct store_sqlite *store, sqlite3_stmt *list,
                      store_visit_work *visit, void *visitor)
{
    struct store_work work;
    int result;

    while ((result = next_row(list)) > 0) {
        work_columns(list, &work);
        result = work_value(store, list, &work) ? -1 : visit(visitor, &work);
        if (result)
            break;
    }
    sqlite3_reset(list);
    return result;
}

static int work_list(void *self, uint64_t id, store_visit_work *visit,
                     void *visitor)
{
    sqlite3_stmt *list = statement(self, S_WORK_LIST);

    bind_range(list, id);
    return visit_work(self, list, visit, visitor);
}

/* Outboxes. */

static int outbox_get(void *self, uint64_t id, uint32_t number)
{
    sqlite3_stmt *get = statement(self, S_OUTBOX_GET);

    bind(get, 1, key(id, number));
    return read_one(self, get);
}

static int outbox_put(void *self, const struct store_outbox *row)
{
    sqlite3_stmt *insert = statement(self, S_OUTBOX_PUT);
    struct cipher_cell cell = store_cell_outbox(key(row->run, row->number));

    bind(insert, 1, key(row->run, row->number));
    bind(insert, 2, row->kind);
    if (store_sqlite_bind_value(self, insert, 3, &cell, row->value,
                                row->value_size))
        return -1;
    return run(insert);
}

static int outbox_remove(void *self, uint64_t id, uint32_t number)
{
    struct store_sqlite *store = self;
    sqlite3_stmt *remove = statement(self, S_OUTBOX_REMOVE);

    bind(remove, 1, key(id, number));
    if (run(remove))
        return -1;
    return sqlite3_changes(store->db) > 0;
}

static int visit_outbox(struct store_sqlite *store, sqlite3_stmt *list,
                        store_visit_outbox *visit, void *visitor)
{
    int result;

    while ((result = next_row(list)) > 0) {
        struct cipher_cell cell = store_cell_outbox(column(list, 0));
        struct store_outbox row = {.run = column(list, 0) >> 16,
                                   .number = column32(list, 0) & ENGINE_OP_MAX,
                                   .kind = column32(list, 1)};

        if (store_sqlite_column_value(store, list, 2, &cell, &row.value,
                                      &row.value_size))
            result = -1;
        else
            result = visit(visitor, &row);
        if (result)
            break;
    }
    sqlite3_reset(list);
    return result;
}

static int outbox_list(void *self, uint64_t id, store_visit_outbox *visit,
                       void *visitor)
{
    sqlite3_stmt *list = statement(self, S_OUTBOX_LIST);

    bind_range(list, id);
    return visit_outbox(self, list, visit, visitor);
}

static int outbox_any(void *self, uint64_t id)
{
    sqlite3_stmt *get = statement(self, S_OUTBOX_ANY);

    bind_range(get, id);
    return read_one(self, get);
}

/* Inboxes. */

static int inbox_get(void *self, uint64_t id, struct engine_hash row,
                     int *taken)
{
    sqlite3_stmt *get;
    int found;

    *taken = 0;
    if (!has(self, STORE_SCHEMA_INBOX))
        return 0;
    get = statement(self, S_INBOX_GET);
    bind(get, 1, id);
    bind_hash(get, 2, &row);
    found = read_one(self, get);
    *taken = found > 0 && column(get, 0);
    return *taken ? 0 : found;
}

/* The arrival of the last row that waits, 0: none. 0 or -1. */
static int inbox_last(struct store_sqlite *store, uint64_t id,
                      uint64_t *arrival)
{
    sqlite3_stmt *get = statement(store, S_INBOX_LAST);
    int found;

    bind(get, 1, id);
    found = read_one(store, get);
    *arrival = found > 0 ? column(get, 0) : 0;
    return found < 0 ? -1 : 0;
}

static int inbox_put(void *self, const struct store_inbox *row)
{
    struct cipher_cell cell = store_cell_inbox(row->run, row->id);
    sqlite3_stmt *insert;
    uint64_t last;

    if (store_sqlite_need(self, STORE_SCHEMA_INBOX) ||
        inbox_last(self, row->run, &last))
        return -1;
    insert = statement(self, S_INBOX_PUT);
    bind(insert, 1, row->run);
    bind_hash(insert, 2, &row->id);
    bind(insert, 3, last + 1);
    bind(insert, 4, row->kind);
    bind(insert, 5, row->op);
    if (store_sqlite_bind_value(self, insert, 6, &cell, row->value,
                                row->value_size))
        return -1;
    return run(insert);
}

static int inbox_take(void *self, uint64_t id, struct engine_hash row)
{
    sqlite3_stmt *update;

    if (!has(self, STORE_SCHEMA_INBOX))
        return 0;
    update = statement(self, S_INBOX_TAKE);
    bind(update, 1, id);
    bind_hash(update, 2, &row);
    return run(update);
}

static int inbox_beyond(void *self, uint64_t id, uint32_t count)
{
    sqlite3_stmt *get;

    if (!has(self, STORE_SCHEMA_INBOX))
        return 0;
    get = statement(self, S_INBOX_BEYOND);
    bind(get, 1, id);
    bind(get, 2, count);
    return read_one(self, get);
}

/* Its columns: id, kind, op, value, run. */
static int visit_inbox(struct store_sqlite *store, sqlite3_stmt *list,
                       store_visit_inbox *visit, void *visitor)
{
    int result;

    while ((result = next_row(list)) > 0) {
        struct store_inbox row = {.run = column(list, 4),
                                  .id = column_hash(list, 0),
                                  .kind = column32(list, 1),
                                  .op = column32(list, 2)};
        struct cipher_cell cell = store_cell_inbox(row.run, row.id);

        if (store_sqlite_column_value(store, list, 3, &cell, &row.value,
                                      &row.value_size))
            result = -1;
        else
            result = visit(visitor, &row);
        if (result)
            break;
    }
    sqlite3_reset(list);
    return result;
}

static int inbox_list(void *self, uint64_t id, store_visit_inbox *visit,
                      void *visitor)
{
    sqlite3_stmt *list;

    if (!has(self, STORE_SCHEMA_INBOX))
        return 0;
    list = statement(self, S_INBOX_LIST);
    bind(list, 1, id);
    return visit_inbox(self, list, visit, visitor);
}

/* Snapshots. */

/* Its columns: seq, position, hash, digest, value. 0 or -1. */
static int snapshot_columns(struct store_sqlite *store, sqlite3_stmt *from,
                            uint64_t id, struct store_snapshot *snapshot)
{
    struct cipher_cell cell = store_cell_snapshot(id);

    snapshot->run = id;
    snapshot->seq = column(from, 0);
    snapshot->position = column(from, 1);
    snapshot->hash =
        store_sqlite_column_chain(store, from, 2, id, snapshot->position);
    snapshot->digest =
        masked(store, "snapshot", id, snapshot->position, column_hash(from, 3));
    return store_sqlite_column_value(store, from, 4, &cell, &snapshot->value,
                                     &snapshot->value_size);
}

static int snapshot_get(void *self, uint64_t id,
                        struct store_snapshot *snapshot)
{
    sqlite3_stmt *get;
    int found;

    if (!has(self, STORE_SCHEMA_SNAPSHOT))
        return 0;
    get = statement(self, S_SNAPSHOT_GET);
    bind(get, 1, id);
    found = read_one(self, get);
    return found > 0 && snapshot_columns(self, get, id, snapshot) ? -1 : found;
}

static int snapshot_put(void *self, const struct store_snapshot *snapshot)
{
    struct cipher_cell cell = store_cell_snapshot(snapshot->run);
    struct engine_hash digest = masked(self, "snapshot", snapshot->run,
                                       snapshot->position, snapshot->digest);
    sqlite3_stmt *replace;

    if (store_sqlite_need(self, STORE_SCHEMA_SNAPSHOT))
        return -1;
    replace = statement(self, S_SNAPSHOT_PUT);
    bind(replace, 1, snapshot->run);
    bind(replace, 2, snapshot->seq);
    bind(replace, 3, snapshot->position);
    store_sqlite_bind_chain(self, replace, 4, snapshot->run, snapshot->position,
                            &snapshot->hash);
    bind_hash(replace, 5, &digest);
    if (store_sqlite_bind_value(self, replace, 6, &cell, snapshot->value,
                                snapshot->value_size))
        return -1;
    return run(replace);
}

/* Notes. */

int store_note_put(struct engine_store *store, uint32_t kind, uint64_t id,
                   const void *bytes, size_t size)
{
    struct store_sqlite *self = store->self;
    struct cipher_cell cell = store_cell_note(kind, id);
    sqlite3_stmt *replace;

    if (self->broken || store_sqlite_need(self, STORE_SCHEMA_NOTE))
        return -1;
    replace = statement(self, S_NOTE_PUT);
    bind(replace, 1, kind);
    bind(replace, 2, id);
    if (store_sqlite_bind_value(self, replace, 3, &cell, bytes, size))
        return -1;
    return run(replace);
}

int store_note_remove(struct engine_store *store, uint32_t kind, uint64_t id)
{
    struct store_sqlite *self = store->self;
    sqlite3_stmt *remove;

    if (self->broken)
        return -1;
    if (!has(self, STORE_SCHEMA_NOTE))
        return 0;
    remove = statement(self, S_NOTE_REMOVE);
    bind(remove, 1, kind);
    bind(remove, 2, id);
    return run(remove);
}

int store_note_scan(struct engine_store *store, store_visit_note *visit,
                    void *self)
{
    struct store_sqlite *own = store->self;
    sqlite3_stmt *list;
    const void *bytes;
    size_t size;
    int result = own->broken ? -1 : 0;

    if (result || !has(own, STORE_SCHEMA_NOTE))
        return result;
    list = statement(own, S_NOTE_SCAN);
    while (!result && (result = next_row(list)) > 0) {
        struct cipher_cell cell =
            store_cell_note(column32(list, 0), column(list, 1));
        result =
            store_sqlite_column_value(own, list, 2, &cell, &bytes, &size)
                ? -1
                : visit(self, column32(list, 0), column(list, 1), bytes, size);
    }
    sqlite3_reset(list);
    return result;
}

/* Blobs. */

static int blob_get(void *self, const uint8_t digest[32], const void **bytes,
                    size_t *size)
{
    struct cipher_cell cell = store_cell_blob(digest);
    sqlite3_stmt *get = statement(self, S_BLOB_GET);
    int found;

    bind_bytes(get, 1, digest, 32);
    found = read_one(self, get);
    if (found > 0 &&
        store_sqlite_column_value(self, get, 0, &cell, bytes, size))
        return -1;
    return found;
}

/* Who puts a blob again is about to refer to it: it counts as new. */
static int blob_touch(struct store_sqlite *store, const uint8_t digest[32],
                      uint64_t created_ns)
{
    sqlite3_stmt *touch;

    if (store->rules.now_ns < engine_store_later(created_ns, BLOB_TOUCH_NS))
        return 0;
    touch = statement(store, S_BLOB_TOUCH);
    bind_bytes(touch, 1, digest, 32);
    bind(touch, 2, store->rules.now_ns);
    return run(touch);
}

static int blob_put(void *self, const uint8_t digest[32], const void *bytes,
                    size_t size)
{
    struct store_sqlite *store = self;
    struct cipher_cell cell = store_cell_blob(digest);
    sqlite3_stmt *has_one = statement(store, S_BLOB_HAS);
    sqlite3_stmt *insert;
    int found;

    bind_bytes(has_one, 1, digest, 32);
    found = read_one(store, has_one);
    if (found)
        return found < 0 ? -1 : blob_touch(store, digest, column(has_one, 0));
    insert = statement(store, S_BLOB_PUT);
    bind_bytes(insert, 1, digest, 32);
    bind(insert, 2, size);
    bind(insert, 4, store->rules.now_ns);
    if (store_sqlite_bind_value(store, insert, 3, &cell, bytes, size))
        return -1;
    return run(insert) ? -1 : 1;
}

const struct store_tables_ops store_sqlite_tables = {
    .run_get = run_get,
    .run_insert = run_insert,
    .run_advance = run_advance,
    .run_update = run_update,
    .due = due,
    .log_append = log_append,
    .log_get = log_get,
    .work_get = work_get,
    .work_put = work_put,
    .work_claim = work_claim,
    .work_finish = work_finish,
    .work_remove = work_remove,
    .work_done = work_done,
    .work_list = work_list,
    .outbox_get = outbox_get,
    .outbox_put = outbox_put,
    .outbox_remove = outbox_remove,
    .outbox_list = outbox_list,
    .outbox_any = outbox_any,
    .inbox_get = inbox_get,
    .inbox_put = inbox_put,
    .inbox_take = inbox_take,
    .inbox_beyond = inbox_beyond,
    .inbox_list = inbox_list,
    .snapshot_get = snapshot_get,
    .snapshot_put = snapshot_put,
    .blob_get = blob_get,
    .blob_put = blob_put,
};

/* Groups. */

/* Remembers why a call fails, before a rollback makes SQLite forget. */
static int note(struct store_sqlite *store)
{
    store->failure = sqlite3_extended_errcode(store->db);
    return -1;
}

static int store_begin(void *self, uint64_t now_ns)
{
    struct store_sqlite *store = self;

    if (store->broken)
        return -1;
    store->unsealed = 0;
    if (run(statement(store, S_BEGIN)))
        return note(store);
    store->last_safe = store->last;
    memcpy(store->has_safe, store->has, sizeof(store->has));
    store_runs_begin(&store->runs);
    return store_rules_begin(&store->rules, now_ns);
}

static int store_apply(void *self, const struct engine_request *request,
                       struct engine_block *reply)
{
    struct store_sqlite *store = self;

    if (store->broken)
        return -1;
    return store_rules_apply(&store->rules, request, reply) ? note(store) : 0;
}

/* SQLite may have rolled back by itself already. */
static int end_transaction(struct store_sqlite *store)
{
    if (!store_defect(&store->rules, ENGINE_DEFECT_SEQ_NOT_TRANSACTIONAL))
        store->last = store->last_safe;
    memcpy(store->has, store->has_safe, sizeof(store->has));
    store_rules_end(&store->rules, 0);
    if (!store_defect(&store->rules, ENGINE_DEFECT_CACHE_SURVIVES_ROLLBACK))
        forget_runs(store);
    if (sqlite3_get_autocommit(store->db))
        return 0;
    return run(statement(store, S_ROLLBACK));
}

static int count_wal_pages(void *self, sqlite3 *db, const char *name, int pages)
{
    struct store_sqlite *store = self;

    (void)db;
    (void)name;
    store->wal_pages = pages;
    return SQLITE_OK;
}

void store_sqlite_keep_wal_short(struct store_sqlite *store, uint32_t pages)
{
    store->wal_pages_max = (int)pages;
    sqlite3_wal_hook(store->db, count_wal_pages, store);
}

/* The write-ahead log's file; NULL: there is none. */
static sqlite3_file *wal_file(struct store_sqlite *store)
{
    sqlite3_file *file = NULL;

    if (sqlite3_file_control(store->db, "main", SQLITE_FCNTL_JOURNAL_POINTER,
                             &file) ||
        !file->pMethods)
        return NULL;
    return file;
}

/* Adds zeros, which are no frames, to the file's end. 0 or SQLite's code. */
static int lengthen(sqlite3_file *file, sqlite3_int64 *size)
{
    static const unsigned char zeros[65536];
    sqlite3_int64 end = *size + WAL_PIECE;
    int code = SQLITE_OK;

    while (*size < end && code == SQLITE_OK) {
        code = file->pMethods->xWrite(file, zeros, sizeof(zeros), *size);
        if (code == SQLITE_OK)
            *size += (sqlite3_int64)sizeof(zeros);
    }
    return code;
}

/*
 * A sync of a file that has grown has its new size to write as well, in the
 * journal of the file system, and takes several times as long as one of a file
 * that has not. So the log grows rarely, and by much. Only while the group
 * holds the lock of writers: nobody else may be adding frames. What fails here
 * is left to the commit to say.
 */
static void grow_wal(struct store_sqlite *store)
{
    sqlite3_int64 needed =
        (sqlite3_int64)(store->wal_pages + WAL_ROOM) * WAL_FRAME;
    sqlite3_file *file;

    if (!store->wal_ahead || needed <= store->wal_size ||
        sqlite3_txn_state(store->db, "main") != SQLITE_TXN_WRITE)
        return;
    file = wal_file(store);
    if (!file || file->pMethods->xFileSize(file, &store->wal_size))
        return;
    if (needed > store->wal_size && lengthen(file, &store->wal_size))
        store->wal_ahead = 0;
}

/*
 * Keeps the log short. SQLite's own checkpoint after a commit swallows
 * errors; after one, what is in the file is in doubt and the store ends.
 */
static void checkpoint(struct store_sqlite *store)
{
    if (!store->wal_pages_max || store->wal_pages < store->wal_pages_max)
        return;
    store->wal_pages = 0;
    if (store_defect(&store->rules, ENGINE_DEFECT_CHECKPOINT_UNSYNCED))
        sqlite3_exec(store->db, "PRAGMA synchronous=OFF", NULL, NULL, NULL);
    if (sqlite3_wal_checkpoint_v2(store->db, NULL, SQLITE_CHECKPOINT_PASSIVE,
                                  NULL, NULL)) {
        note(store);
        store->broken = 1;
    }
    if (store_defect(&store->rules, ENGINE_DEFECT_CHECKPOINT_UNSYNCED))
        sqlite3_exec(store->db, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
}

static int store_commit(void *self)
{
    struct store_sqlite *store = self;

    if (store->broken)
        return -1;
    grow_wal(store);
    if (!run(statement(store, S_COMMIT))) {
        store_rules_end(&store->rules, 1);
        store_runs_commit(&store->runs, version(store));
        checkpoint(store);
        return 0;
    }
    note(store);
    forget_runs(store);
    if (store_defect(&store->rules, ENGINE_DEFECT_FSYNC_RETRY_OK)) {
        if (run(store->statements[S_COMMIT]))
            end_transaction(store);
        return 0;
    }
    store->broken = 1;
    return -1;
}

static void store_rollback(void *self)
{
    struct store_sqlite *store = self;

    statement(store, S_ROLLBACK);
    if (end_transaction(store))
        store->broken = 1;
}

/* Reading everything. */

static int scan_log(void *self, uint64_t after, engine_store_visit_log *visit,
                    void *visitor)
{
    struct store_sqlite *store = self;
    sqlite3_stmt *list = statement(store, S_LOG_SCAN);
    struct engine_log_row row;
    int result = store->broken ? -1 : 0;

    bind(list, 1, after);
    while (!result && (result = next_row(list)) > 0) {
        result = log_columns(store, list, &row) ? -1 : visit(visitor, &row);
    }
    sqlite3_reset(list);
    return result;
}

static int scan_runs(void *self, engine_store_visit_run *visit, void *visitor)
{
    struct store_sqlite *store = self;
    sqlite3_stmt *list = statement(store, S_RUN_SCAN);
    struct engine_run_row row;
    int result = store->broken ? -1 : 0;

    while (!result && (result = next_row(list)) > 0) {
        row.run = column(list, 9);
        run_columns(store, list, &row);
        result = visit(visitor, &row);
    }
    sqlite3_reset(list);
    return result;
}

/* A visitor of the contract behind a visitor of rows. */
struct work_scan {
    engine_store_visit_work *visit;
    void *visitor;
    struct engine_block block;
};

static int scan_one_work(void *self, const struct store_work *work)
{
    struct work_scan *scan = self;
    struct engine_item *item;

    if (!engine_block_begin(&scan->block, 8))
        return -1;
    item = store_work_item(&scan->block, work);
    return item ? scan->visit(scan->visitor, work->run, item) : -1;
}

static int scan_work(void *self, engine_store_visit_work *visit, void *visitor)
{
    struct store_sqlite *store = self;
    struct work_scan scan = {.visit = visit, .visitor = visitor};
    sqlite3_stmt *list = statement(store, S_WORK_LIST);
    int result;

    if (store->broken)
        return -1;
    bind(list, 1, 0);
    bind(list, 2, INT64_MAX);
    result = visit_work(store, list, scan_one_work, &scan);
    engine_block_free(&scan.block);
    return result;
}

/* A visitor of the contract behind visitors of rows. */
static int scan_one(const struct work_scan *scan, uint64_t run,
                    const struct engine_item *item)
{
    return item ? scan->visit(scan->visitor, run, item) : -1;
}

static int scan_one_outbox(void *self, const struct store_outbox *row)
{
    struct work_scan *scan = self;

    return engine_block_begin(&scan->block, 8)
               ? scan_one(scan, row->run, store_outbox_item(&scan->block, row))
               : -1;
}

static int scan_one_inbox(void *self, const struct store_inbox *row)
{
    struct work_scan *scan = self;

    return engine_block_begin(&scan->block, 8)
               ? scan_one(scan, row->run, store_inbox_item(&scan->block, row))
               : -1;
}

static int scan_one_snapshot(struct work_scan *scan,
                             const struct store_snapshot *row)
{
    return engine_block_begin(&scan->block, 8)
               ? scan_one(scan, row->run,
                          store_snapshot_item(&scan->block, row))
               : -1;
}

static int scan_snapshots(struct store_sqlite *store, struct work_scan *scan)
{
    sqlite3_stmt *list = statement(store, S_SNAPSHOT_SCAN);
    struct store_snapshot row;
    int result;

    while ((result = next_row(list)) > 0) {
        result = snapshot_columns(store, list, column(list, 5), &row)
                     ? -1
                     : scan_one_snapshot(scan, &row);
        if (result)
            break;
    }
    sqlite3_reset(list);
    return result;
}

static int scan_boxes(void *self, engine_store_visit_work *visit, void *visitor)
{
    struct store_sqlite *store = self;
    struct work_scan scan = {.visit = visit, .visitor = visitor};
    sqlite3_stmt *list = statement(store, S_OUTBOX_LIST);
    int result;

    if (store->broken)
        return -1;
    bind(list, 1, 0);
    bind(list, 2, INT64_MAX);
    result = visit_outbox(store, list, scan_one_outbox, &scan);
    if (!result && has(store, STORE_SCHEMA_INBOX))
        result = visit_inbox(store, statement(store, S_INBOX_SCAN),
                             scan_one_inbox, &scan);
    if (!result && has(store, STORE_SCHEMA_SNAPSHOT))
        result = scan_snapshots(store, &scan);
    engine_block_free(&scan.block);
    return result;
}

static void store_close(void *self)
{
    struct store_sqlite *store = self;

    store_rules_deinit(&store->rules);
    if (store->cipher)
        cipher_wipe(store->cipher);
    free(store->cipher);
    free(store->sealed.bytes);
    free(store->opened.bytes);
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(store->statements[i]);
    sqlite3_close(store->db);
    free(store);
}

const struct engine_store_ops store_sqlite_operations = {
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

int store_sqlite_prepare(struct store_sqlite *store)
{
    if (prepare_range(store, 0, S_INBOX_GET) ||
        prepare_range(store, S_BLOB_GET, STATEMENT_COUNT))
        return -1;
    for (int part = 0; part < STORE_SCHEMA_PARTS; part++) {
        if (store->has[part] &&
            prepare_range(store, ranges[part][0], ranges[part][1]))
            return -1;
    }
    return 0;
}

int store_sqlite_find_last(struct store_sqlite *store)
{
    sqlite3_stmt *get = statement(store, S_LOG_LAST);

    if (read_one(store, get) <= 0)
        return -1;
    store->last = column(get, 0);
    store_sqlite_let_go(store);
    return 0;
}
