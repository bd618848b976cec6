/*
 * What the files that make up the store in SQLite share: store_sqlite.c (rows
 * and groups), store_open.c (opening a file), store_upkeep.c (what keeps a
 * database small). Nobody else includes this.
 */
#ifndef ENGINE_HOST_STORE_PRIVATE_H
#define ENGINE_HOST_STORE_PRIVATE_H

#include <sqlite3.h>

#include "engine/host/cipher.h"
#include "engine/host/store_rules.h"
#include "engine/host/store_runs.h"
#include "engine/host/store_schema.h"
#include "engine/host/store_sqlite.h"

enum {
    STORE_STATEMENTS_MAX = 64
};

/* Bytes that are sealed or opened, until the next call. */
struct store_scratch {
    uint8_t *bytes;
    size_t capacity;
};

struct store_sqlite {
    sqlite3 *db;
    sqlite3_stmt *statements[STORE_STATEMENTS_MAX];
    sqlite3_stmt *reading; /* its columns have been handed out */
    struct store_rules rules;
    struct store_runs runs;
    struct cipher *cipher;                 /* NULL: values stand in the clear */
    struct store_scratch sealed;           /* to be written */
    struct store_scratch opened;           /* that were read */
    unsigned char has[STORE_SCHEMA_PARTS]; /* these tables are there */
    unsigned char has_safe[STORE_SCHEMA_PARTS]; /* before the open group */
    uint64_t last;                              /* log position */
    uint64_t last_safe;     /* the same before the open group */
    int wal_pages;          /* in the write-ahead log after the last commit */
    int wal_pages_max;      /* then they are copied back; 0: no such log */
    int wal_ahead;          /* its file grows before it must */
    sqlite3_int64 wal_size; /* of its file, when it last grew so */
    int failure;            /* SQLite's code for the last call that failed */
    int unsealed;           /* it was a value that does not open */
    int broken;             /* a commit failed: nothing more is answered */
    int lazily;             /* statements are prepared when they are used */
};

extern const struct store_tables_ops store_sqlite_tables;
extern const struct engine_store_ops store_sqlite_operations;

/* Prepares the statements whose tables are there, unless lazily. 0 or -1. */
int store_sqlite_prepare(struct store_sqlite *store);
/* Copies the write-ahead log back when it has that many pages. */
void store_sqlite_keep_wal_short(struct store_sqlite *store, uint32_t pages);
/* Finds the last log position. 0 or -1. */
int store_sqlite_find_last(struct store_sqlite *store);
/* Makes a part of the schema, in the open group, if it is not there. */
int store_sqlite_need(struct store_sqlite *store, enum store_schema_part part);
/* Lets go of the row that was handed out, before other statements run. */
void store_sqlite_let_go(struct store_sqlite *store);
/* Says what SQLite's code means for whoever opened path. */
void store_sqlite_explain(int code, const char *message, const char *path,
                          struct store_problem *problem);

/*
 * Values as they stand in a cell. bind: 0 or -1, bytes must live until the
 * statement has run. column: 0; -1 if it does not open; valid until the next
 * call.
 */
int store_sqlite_bind_value(struct store_sqlite *store, sqlite3_stmt *to,
                            int at, const struct cipher_cell *cell,
                            const void *bytes, size_t size);
int store_sqlite_column_value(struct store_sqlite *store, sqlite3_stmt *from,
                              int at, const struct cipher_cell *cell,
                              const void **bytes, size_t *size);
/* The hash of a run's chain at a position, as it stands in the file. */
void store_sqlite_bind_chain(const struct store_sqlite *store, sqlite3_stmt *to,
                             int at, uint64_t run, uint64_t position,
                             const struct engine_hash *hash);
struct engine_hash store_sqlite_column_chain(const struct store_sqlite *store,
                                             sqlite3_stmt *from, int at,
                                             uint64_t run, uint64_t position);

/* Where values stand. */
struct cipher_cell store_cell_log(uint64_t position, uint64_t run);
struct cipher_cell store_cell_work(uint64_t id);
struct cipher_cell store_cell_outbox(uint64_t id);
struct cipher_cell store_cell_inbox(uint64_t run, struct engine_hash id);
struct cipher_cell store_cell_snapshot(uint64_t run);
struct cipher_cell store_cell_blob(const uint8_t digest[32]);

#endif
