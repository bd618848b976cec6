/*
 * The schema of a store's database and its versions. A file of an older
 * version is brought up on opening, in one transaction: it is of the one
 * version or the other, wherever power is lost.
 *
 *     1  log, run, work, outbox, blob
 *     2  inbox, snapshot, purge; when a blob was put
 */
#ifndef ENGINE_HOST_STORE_SCHEMA_H
#define ENGINE_HOST_STORE_SCHEMA_H

#include <sqlite3.h>
#include <stdint.h>

enum {
    STORE_SCHEMA_VERSION = 2,
    STORE_SCHEMA_APPLICATION = 0x70657264 /* in the file's header: "perd" */
};

enum store_schema_state {
    STORE_SCHEMA_NONE,    /* an empty file */
    STORE_SCHEMA_OURS,    /* as this version writes it */
    STORE_SCHEMA_OLDER,   /* ours, to be brought up */
    STORE_SCHEMA_NEWER,   /* ours, of a version that is not known here */
    STORE_SCHEMA_FOREIGN, /* the database of another program */
    STORE_SCHEMA_UNREAD   /* SQLite could not read it; ask it why */
};

struct store_schema {
    enum store_schema_state state;
    int64_t version;
};

/* Looks without changing anything; returns schema->state. */
enum store_schema_state store_schema_read(sqlite3 *db,
                                          struct store_schema *schema);
/*
 * Creates the tables, or brings older ones up, or only takes the exclusive
 * lock; for the states up to OLDER. 0; or -1, then SQLite says why and nothing
 * has changed.
 */
int store_schema_bring_up(sqlite3 *db, const struct store_schema *schema);

#endif
