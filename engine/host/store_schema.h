/*
 * The schema of a store's database and its versions. A file of an older
 * version is brought up on opening, in one transaction: it is of the one
 * version or the other, wherever power is lost.
 *
 *     1  log, run, work, outbox, blob
 *     2  when a blob was put; and tables that are made when they are first
 *        needed, so that a store without signals pays nothing for them: inbox,
 *        snapshot, purge, cipher, note
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

/* Tables that are made when they are needed. */
enum store_schema_part {
    STORE_SCHEMA_INBOX,
    STORE_SCHEMA_SNAPSHOT,
    STORE_SCHEMA_PURGE,
    STORE_SCHEMA_CIPHER, /* what an encrypted file knows its key by */
    STORE_SCHEMA_NOTE,   /* what a host keeps beside the logs */
    STORE_SCHEMA_PARTS
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

/* Which parts are there, 1 or 0 each. 0; -1: SQLite says why. */
int store_schema_find(sqlite3 *db, unsigned char found[STORE_SCHEMA_PARTS]);
/* Makes a part that is not there, in the open transaction. 0 or -1. */
int store_schema_add(sqlite3 *db, enum store_schema_part part);

#endif
