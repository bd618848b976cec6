#include "engine/host/store_schema.h"

#include <assert.h>
#include <stdio.h>

/* What version 1 consists of. */
static const char version_1[] =
    "CREATE TABLE log (position INTEGER PRIMARY KEY, run INTEGER, seq INTEGER,"
    " count INTEGER, token INTEGER, time INTEGER, previous INTEGER, hash BLOB,"
    " items BLOB);"
    "CREATE TABLE run (run INTEGER PRIMARY KEY, token INTEGER, holder INTEGER,"
    " expires INTEGER, wake INTEGER, next_seq INTEGER, tail INTEGER,"
    " hash BLOB, state INTEGER, workflow INTEGER);"
    "CREATE INDEX run_wake ON run (wake) WHERE wake IS NOT NULL;"
    "CREATE TABLE work (id INTEGER PRIMARY KEY, attempt INTEGER,"
    " state INTEGER, holder INTEGER, claimed INTEGER, expires INTEGER,"
    " error INTEGER, retryable INTEGER, value BLOB);"
    "CREATE TABLE outbox (id INTEGER PRIMARY KEY, kind INTEGER, value BLOB);"
    "CREATE TABLE blob (digest BLOB PRIMARY KEY, size INTEGER, data BLOB)"
    " WITHOUT ROWID;";

/*
 * What version 2 adds. Inbox rows that were taken have no arrival, so that the
 * index over those that wait stays as small as the mail. created is NULL for
 * blobs of version 1. purge: runs whose log is being removed, newest row first.
 */
static const char version_2[] =
    "CREATE TABLE inbox (run INTEGER, id BLOB, arrival INTEGER, kind INTEGER,"
    " op INTEGER, value BLOB, PRIMARY KEY (run, id)) WITHOUT ROWID;"
    "CREATE INDEX inbox_waiting ON inbox (run, arrival)"
    " WHERE arrival IS NOT NULL;"
    "CREATE TABLE snapshot (run INTEGER PRIMARY KEY, seq INTEGER,"
    " position INTEGER, hash BLOB, digest BLOB, value BLOB);"
    "ALTER TABLE blob ADD COLUMN created INTEGER;"
    "CREATE TABLE purge (run INTEGER PRIMARY KEY, position INTEGER,"
    " until INTEGER);";

/* By the version that they lead from. */
static const char *const steps[STORE_SCHEMA_VERSION] = {version_1, version_2};

/* The number that a query returns. 0 or -1. */
static int query(sqlite3 *db, const char *sql, int64_t *number)
{
    sqlite3_stmt *one = NULL;
    int result = -1;

    if (!sqlite3_prepare_v2(db, sql, -1, &one, NULL) &&
        sqlite3_step(one) == SQLITE_ROW) {
        *number = sqlite3_column_int64(one, 0);
        result = 0;
    }
    return sqlite3_finalize(one) || result ? -1 : 0;
}

static enum store_schema_state judge(int64_t application, int64_t version,
                                     int64_t objects)
{
    if (!application && !version && !objects)
        return STORE_SCHEMA_NONE;
    if (application != STORE_SCHEMA_APPLICATION || version < 1)
        return STORE_SCHEMA_FOREIGN;
    if (version == STORE_SCHEMA_VERSION)
        return STORE_SCHEMA_OURS;
    return version < STORE_SCHEMA_VERSION ? STORE_SCHEMA_OLDER
                                          : STORE_SCHEMA_NEWER;
}

enum store_schema_state store_schema_read(sqlite3 *db,
                                          struct store_schema *schema)
{
    int64_t application;
    int64_t objects;

    schema->version = 0;
    schema->state = STORE_SCHEMA_UNREAD;
    if (!query(db, "PRAGMA application_id", &application) &&
        !query(db, "PRAGMA user_version", &schema->version) &&
        !query(db, "SELECT count(*) FROM sqlite_schema", &objects))
        schema->state = judge(application, schema->version, objects);
    return schema->state;
}

/* Carries out the steps that lead to our version. 0 or -1. */
static int climb(sqlite3 *db, int64_t version)
{
    char sql[96];

    for (; version < STORE_SCHEMA_VERSION; version++) {
        if (sqlite3_exec(db, steps[version], NULL, NULL, NULL))
            return -1;
    }
    snprintf(sql, sizeof(sql),
             "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
             STORE_SCHEMA_APPLICATION, STORE_SCHEMA_VERSION);
    return sqlite3_exec(db, sql, NULL, NULL, NULL) ? -1 : 0;
}

int store_schema_bring_up(sqlite3 *db, const struct store_schema *schema)
{
    assert(schema->state <= STORE_SCHEMA_OLDER);
    if (sqlite3_exec(db, "BEGIN EXCLUSIVE", NULL, NULL, NULL))
        return -1;
    if (schema->state == STORE_SCHEMA_OURS)
        return sqlite3_exec(db, "COMMIT", NULL, NULL, NULL) ? -1 : 0;
    return climb(db, schema->version);
}
