#include "engine/host/store_schema.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

/* A new file. */
static const char from_nothing[] =
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
    "CREATE TABLE blob (digest BLOB PRIMARY KEY, size INTEGER,"
    " created INTEGER, data BLOB) WITHOUT ROWID;";

/*
 * What version 2 adds: when a blob was put, 0 for those put before. It stands
 * before the data, which may lie pages away.
 */
static const char from_1[] =
    "CREATE TABLE blob_2 (digest BLOB PRIMARY KEY, size INTEGER,"
    " created INTEGER, data BLOB) WITHOUT ROWID;"
    "INSERT INTO blob_2 SELECT digest, size, 0, data FROM blob;"
    "DROP TABLE blob;"
    "ALTER TABLE blob_2 RENAME TO blob;";

/*
 * Inbox rows that were taken have no arrival, so that the index over those
 * that wait stays as small as the mail. purge: runs whose log is being removed
 * from position back.
 */
static const struct part {
    const char *table;
    const char *sql;
} parts[STORE_SCHEMA_PARTS] = {
    [STORE_SCHEMA_INBOX] =
        {"inbox",
         "CREATE TABLE inbox (run INTEGER, id BLOB, arrival INTEGER,"
         " kind INTEGER, op INTEGER, value BLOB, PRIMARY KEY (run, id))"
         " WITHOUT ROWID;"
         "CREATE INDEX inbox_waiting ON inbox (run, arrival)"
         " WHERE arrival IS NOT NULL;"},
    [STORE_SCHEMA_SNAPSHOT] =
        {"snapshot",
         "CREATE TABLE snapshot (run INTEGER PRIMARY KEY, seq INTEGER,"
         " position INTEGER, hash BLOB, digest BLOB, value BLOB);"},
    [STORE_SCHEMA_PURGE] =
        {"purge",
         "CREATE TABLE purge (run INTEGER PRIMARY KEY, position INTEGER);"},
    [STORE_SCHEMA_CIPHER] = {"cipher", "CREATE TABLE cipher (value BLOB);"},
    [STORE_SCHEMA_NOTE] = {"note",
                           "CREATE TABLE note (kind INTEGER, id INTEGER,"
                           " value BLOB, PRIMARY KEY (kind, id))"
                           " WITHOUT ROWID;"},
};

/* By the version that they lead from, each to the newest or the next. */
static const struct step {
    const char *sql;
    int64_t to;
} steps[STORE_SCHEMA_VERSION] = {{from_nothing, 2}, {from_1, 2}};

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

    for (; version < STORE_SCHEMA_VERSION; version = steps[version].to) {
        if (sqlite3_exec(db, steps[version].sql, NULL, NULL, NULL))
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

/* One query for all of them: most of what each costs is to prepare it. */
int store_schema_find(sqlite3 *db, unsigned char found[STORE_SCHEMA_PARTS])
{
    sqlite3_stmt *names = NULL;

    memset(found, 0, STORE_SCHEMA_PARTS);
    if (sqlite3_prepare_v2(db, "SELECT name FROM sqlite_schema", -1, &names,
                           NULL))
        return -1;
    while (sqlite3_step(names) == SQLITE_ROW) {
        const char *name = (const char *)sqlite3_column_text(names, 0);

        for (int part = 0; part < STORE_SCHEMA_PARTS; part++) {
            if (name && strcmp(name, parts[part].table) == 0)
                found[part] = 1;
        }
    }
    return sqlite3_finalize(names) ? -1 : 0;
}

int store_schema_add(sqlite3 *db, enum store_schema_part part)
{
    return sqlite3_exec(db, parts[part].sql, NULL, NULL, NULL) ? -1 : 0;
}
