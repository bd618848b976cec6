#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/store_private.h"

struct opening {
    const struct store_sqlite_config *config;
    struct store_sqlite *store;
    struct store_problem *problem;
};

static int say(struct store_problem *problem, enum store_trouble trouble,
               const char *path, const char *sentence)
{
    problem->trouble = trouble;
    snprintf(problem->text, sizeof(problem->text), "%s: %s", path, sentence);
    return -1;
}

static int fail(const struct opening *opening, enum store_trouble trouble,
                const char *sentence)
{
    return say(opening->problem, trouble, opening->config->path, sentence);
}

/* What SQLite says, in our words where they help more. */
static const struct {
    int code;
    enum store_trouble trouble;
    const char *sentence;
} meanings[] = {
    {SQLITE_BUSY, STORE_TROUBLE_LOCKED,
     "in use by another process: stop it, or speak to it through its socket"},
    {SQLITE_LOCKED, STORE_TROUBLE_LOCKED, "in use by another process"},
    {SQLITE_NOTADB, STORE_TROUBLE_FOREIGN,
     "not a database, or its first page is damaged: nothing was changed"},
    {SQLITE_CANTOPEN, STORE_TROUBLE_MISSING,
     "cannot be opened: no such file, or no right to it or its directory"},
    {SQLITE_PERM, STORE_TROUBLE_MISSING, "no right to open it"},
    {SQLITE_CORRUPT, STORE_TROUBLE_DAMAGED,
     "damaged: a page of it cannot be right; copy it away, then `perdure "
     "verify` says which runs are whole"},
    {SQLITE_FULL, STORE_TROUBLE_FULL,
     "the disk is full: what was acknowledged is safe, make room and go on"},
    {SQLITE_READONLY, STORE_TROUBLE_READ_ONLY,
     "cannot be written: the file, its directory or the disk is read-only"},
};

void store_sqlite_explain(int code, const char *message, const char *path,
                          struct store_problem *problem)
{
    for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
        if (meanings[i].code == (code & 0xff)) {
            say(problem, meanings[i].trouble, path, meanings[i].sentence);
            return;
        }
    }
    say(problem,
        (code & 0xff) == SQLITE_IOERR ? STORE_TROUBLE_IO : STORE_TROUBLE_OTHER,
        path, message);
}

static int fail_sqlite(const struct opening *opening)
{
    sqlite3 *db = opening->store->db;

    store_sqlite_explain(sqlite3_extended_errcode(db), sqlite3_errmsg(db),
                         opening->config->path, opening->problem);
    return -1;
}

static int fail_newer(const struct opening *opening, int64_t version)
{
    opening->problem->trouble = STORE_TROUBLE_NEWER;
    snprintf(opening->problem->text, sizeof(opening->problem->text),
             "%s: written by a newer version: its schema is %" PRId64
             ", this perdure knows up to %d; open it with the perdure that "
             "wrote it, or export from there",
             opening->config->path, version, STORE_SCHEMA_VERSION);
    return -1;
}

static int execute(const struct opening *opening, const char *sql)
{
    if (sqlite3_exec(opening->store->db, sql, NULL, NULL, NULL))
        return fail_sqlite(opening);
    return 0;
}

static int set_journal(const struct opening *opening)
{
    struct store_sqlite *store = opening->store;
    uint32_t pages = opening->config->checkpoint_pages;

    if (opening->config->journal == STORE_SQLITE_DELETE)
        return execute(opening, store_defect(&store->rules,
                                             ENGINE_DEFECT_JOURNAL_IN_MEMORY)
                                    ? "PRAGMA journal_mode=MEMORY"
                                    : "PRAGMA journal_mode=DELETE");
    store->wal_ahead = opening->config->wal_ahead;
    store_sqlite_keep_wal_short(store, pages ? pages : 250);
    return execute(opening, "PRAGMA journal_mode=WAL");
}

/*
 * A rollback journal needs EXTRA: with FULL, the removal of the journal is
 * not yet durable when the commit returns, and a crash brings it back.
 */
static const char *synchronous(const struct opening *opening)
{
    if (store_defect(&opening->store->rules, ENGINE_DEFECT_SYNC_OFF))
        return "PRAGMA synchronous=OFF";
    if (store_defect(&opening->store->rules, ENGINE_DEFECT_SYNC_INTERVAL))
        return "PRAGMA synchronous=NORMAL";
    if (store_defect(&opening->store->rules, ENGINE_DEFECT_NO_DIRSYNC))
        return "PRAGMA synchronous=FULL";
    if (opening->config->journal == STORE_SQLITE_DELETE)
        return "PRAGMA synchronous=EXTRA";
    return opening->config->sync_normal ? "PRAGMA synchronous=NORMAL"
                                        : "PRAGMA synchronous=FULL";
}

static int set_page_size(const struct opening *opening)
{
    char sql[40];
    uint32_t page_size = opening->config->page_size;

    snprintf(sql, sizeof(sql), "PRAGMA page_size=%u",
             page_size ? page_size : 4096);
    return execute(opening, sql);
}

/* SQLite counts in KiB: the next one up. */
static int set_cache_size(const struct opening *opening)
{
    char sql[48];
    uint64_t size = opening->config->cache_size;

    if (size == 0)
        return 0;
    snprintf(sql, sizeof(sql), "PRAGMA cache_size=-%" PRIu64,
             (size + 1023) / 1024);
    return execute(opening, sql);
}

/* Whose file it is, before anything in it is changed. */
static int check_owner(const struct opening *opening,
                       struct store_schema *schema)
{
    switch (store_schema_read(opening->store->db, schema)) {
    case STORE_SCHEMA_NONE:
    case STORE_SCHEMA_OLDER:
    case STORE_SCHEMA_OURS:
        return 0;
    case STORE_SCHEMA_FOREIGN:
        return fail(opening, STORE_TROUBLE_FOREIGN,
                    "the database of another program: nothing was changed");
    case STORE_SCHEMA_NEWER:
        return fail_newer(opening, schema->version);
    default:
        return fail_sqlite(opening);
    }
}

static int set_up_to_write(const struct opening *opening,
                           const struct store_schema *schema)
{
    if (schema->state == STORE_SCHEMA_NONE && set_page_size(opening))
        return -1;
    if (execute(opening, "PRAGMA temp_store=MEMORY") ||
        execute(opening, synchronous(opening)) || set_journal(opening))
        return -1;
    /* Takes the lock that is then kept. */
    return store_schema_bring_up(opening->store->db, schema)
               ? fail_sqlite(opening)
               : 0;
}

static int set_up_to_read(const struct opening *opening,
                          const struct store_schema *schema)
{
    if (schema->state == STORE_SCHEMA_NONE)
        return fail(opening, STORE_TROUBLE_FOREIGN, "an empty database");
    if (schema->state == STORE_SCHEMA_OLDER)
        return fail(opening, STORE_TROUBLE_READ_ONLY,
                    "of an older version: open it once to write, so that it "
                    "is brought up");
    return execute(opening, "PRAGMA query_only=1");
}

static int set_up(const struct opening *opening, struct store_schema *schema)
{
    sqlite3_busy_timeout(opening->store->db,
                         (int)opening->config->busy_timeout_ms);
    /* Exclusive before the first read, so that WAL needs no shared memory. */
    bool shared =
        opening->config->shared ||
        store_defect(&opening->store->rules, ENGINE_DEFECT_NO_DIRSYNC);

    if ((!shared && execute(opening, "PRAGMA locking_mode=EXCLUSIVE")) ||
        check_owner(opening, schema) || set_cache_size(opening))
        return -1;
    return opening->config->read_only ? set_up_to_read(opening, schema)
                                      : set_up_to_write(opening, schema);
}

/* A defect: a write-ahead log that is found is taken for a leftover. */
static void discard_log(const struct store_sqlite_config *config)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(config->vfs);
    char name[256];

    snprintf(name, sizeof(name), "%s-wal", config->path);
    if (vfs)
        vfs->xDelete(vfs, name, 0);
}

static int open_file(const struct opening *opening)
{
    const struct store_sqlite_config *config = opening->config;
    struct store_sqlite *store = opening->store;
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
                (config->create && !config->read_only ? SQLITE_OPEN_CREATE : 0);

    if (store_defect(&store->rules, ENGINE_DEFECT_WAL_DISCARDED))
        discard_log(config);
    if (sqlite3_open_v2(config->path, &store->db, flags, config->vfs))
        return fail_sqlite(opening);
    sqlite3_extended_result_codes(store->db, 1);
    /* Closing must not write: a crash is a close. */
    sqlite3_db_config(store->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
    return 0;
}

/* 1 if the file is encrypted, with its check; 0, or -1. */
static int read_check(const struct opening *opening,
                      uint8_t check[CIPHER_CHECK_SIZE])
{
    sqlite3 *db = opening->store->db;
    sqlite3_stmt *get = NULL;
    int found;

    if (!opening->store->has[STORE_SCHEMA_CIPHER])
        return 0;
    if (sqlite3_prepare_v2(db, "SELECT value FROM cipher", -1, &get, NULL))
        return fail_sqlite(opening);
    found = sqlite3_step(get) == SQLITE_ROW &&
            sqlite3_column_bytes(get, 0) == CIPHER_CHECK_SIZE;
    if (found)
        memcpy(check, sqlite3_column_blob(get, 0), CIPHER_CHECK_SIZE);
    sqlite3_finalize(get);
    return found ? 1
                 : fail(opening, STORE_TROUBLE_DAMAGED,
                        "damaged: what it should know its key by is gone");
}

/* Marks a new file as encrypted with this key. */
static int write_check(const struct opening *opening,
                       const uint8_t check[CIPHER_CHECK_SIZE])
{
    sqlite3 *db = opening->store->db;
    sqlite3_stmt *put = NULL;
    int result = -1;

    if (execute(opening, "BEGIN IMMEDIATE"))
        return -1;
    if (!store_schema_add(db, STORE_SCHEMA_CIPHER) &&
        !sqlite3_prepare_v2(db, "INSERT INTO cipher (value) VALUES (?1)", -1,
                            &put, NULL)) {
        sqlite3_bind_blob(put, 1, check, CIPHER_CHECK_SIZE, SQLITE_STATIC);
        result = sqlite3_step(put) == SQLITE_DONE ? 0 : -1;
    }
    sqlite3_finalize(put);
    if (result)
        return fail_sqlite(opening);
    opening->store->has[STORE_SCHEMA_CIPHER] = 1;
    return execute(opening, "COMMIT");
}

static int make_cipher(const struct opening *opening)
{
    struct cipher *cipher = calloc(1, sizeof(*cipher));

    opening->store->cipher = cipher;
    if (!cipher || cipher_init(cipher, opening->config->key))
        return fail(opening, STORE_TROUBLE_OTHER, "libsodium is not usable");
    return 0;
}

/* 1 if the file holds nothing that a key could be for; 0, or -1. */
static int is_empty(const struct opening *opening)
{
    sqlite3_stmt *get = NULL;
    int found = -1;

    if (!sqlite3_prepare_v2(opening->store->db,
                            "SELECT 1 FROM run UNION ALL SELECT 1 FROM blob",
                            -1, &get, NULL))
        found = sqlite3_step(get);
    sqlite3_finalize(get);
    if (found == SQLITE_ROW)
        return 0;
    return found == SQLITE_DONE ? 1 : fail_sqlite(opening);
}

/* A key for a file that is not encrypted: only while nothing is in it. */
static int adopt_key(const struct opening *opening,
                     const uint8_t check[CIPHER_CHECK_SIZE])
{
    int empty = is_empty(opening);

    if (empty > 0 && !opening->config->read_only)
        return write_check(opening, check);
    if (empty < 0)
        return -1;
    return fail(opening, STORE_TROUBLE_KEY,
                "not encrypted: a key is only taken for a new database; "
                "archive its runs and restore them into one");
}

/* Agrees on the key, before a value is read. */
static int set_key(const struct opening *opening)
{
    uint8_t kept[CIPHER_CHECK_SIZE];
    uint8_t ours[CIPHER_CHECK_SIZE];
    int encrypted = read_check(opening, kept);

    if (encrypted < 0)
        return -1;
    if (!opening->config->key)
        return encrypted ? fail(opening, STORE_TROUBLE_KEY,
                                "encrypted: its key file is needed")
                         : 0;
    if (make_cipher(opening))
        return -1;
    cipher_check(opening->store->cipher, ours);
    if (!encrypted)
        return adopt_key(opening, ours);
    if (memcmp(ours, kept, sizeof(ours)) != 0)
        return fail(opening, STORE_TROUBLE_KEY,
                    "INTEGRITY: encrypted with another key than this one");
    return 0;
}

/* Everything that may fail. 0 or -1. */
static int open_all(const struct opening *opening)
{
    struct store_schema schema = {.state = STORE_SCHEMA_UNREAD};

    if (open_file(opening) || set_up(opening, &schema))
        return -1;
    if (store_schema_find(opening->store->db, opening->store->has))
        return fail_sqlite(opening);
    if (set_key(opening))
        return -1;
    if (store_sqlite_prepare(opening->store) ||
        store_sqlite_find_last(opening->store))
        return fail_sqlite(opening);
    return 0;
}

int store_sqlite_try(const struct store_sqlite_config *config,
                     struct engine_store *out, struct store_problem *problem)
{
    struct opening opening = {.config = config, .problem = problem};
    struct store_sqlite *store = calloc(1, sizeof(*store));

    *problem = (struct store_problem){.trouble = STORE_TROUBLE_NONE};
    if (!store)
        return fail(&opening, STORE_TROUBLE_OTHER, "out of memory");
    opening.store = store;
    store->lazily = config->lazily;
    store_rules_init(&store->rules, &store_sqlite_tables, store,
                     &config->limits, &config->defects);
    if (open_all(&opening)) {
        store_sqlite_operations.close(store);
        return -1;
    }
    *out =
        (struct engine_store){.ops = &store_sqlite_operations, .self = store};
    return 0;
}

int store_sqlite_open(const struct store_sqlite_config *config,
                      struct engine_store *out,
                      char error[STORE_SQLITE_ERROR_SIZE])
{
    struct store_problem problem;
    int result = store_sqlite_try(config, out, &problem);
    size_t size = strlen(problem.text);

    if (size >= STORE_SQLITE_ERROR_SIZE)
        size = STORE_SQLITE_ERROR_SIZE - 1;
    memcpy(error, problem.text, size);
    error[size] = '\0';
    return result;
}

void store_sqlite_why(const struct engine_store *store, const char *path,
                      struct store_problem *problem)
{
    const struct store_sqlite *self = store->self;

    if (self->unsealed)
        say(problem, STORE_TROUBLE_KEY, path,
            "INTEGRITY: a value was not sealed with this key for its place");
    else if (self->failure)
        store_sqlite_explain(self->failure, sqlite3_errstr(self->failure), path,
                             problem);
    else
        say(problem, STORE_TROUBLE_NONE, path, "nothing has failed");
}
