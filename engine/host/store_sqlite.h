/*
 * The store in an SQLite database: the embedded default, and the file that a
 * simulated world opens on its simulated disk by naming another VFS. One
 * process owns the file; a second opener is told so.
 *
 *     log       append-ordered, one row for each request that had events
 *     run       one small row a run; an index over those that have a wake
 *     work      one row an attempt that is pending, claimed or not yet taken
 *     outbox    what a client or another run has not acknowledged yet
 *     inbox     what has reached a run; taken rows leave their id behind
 *     snapshot  at most one a run: the fold of its log up to a row
 *     blob      values above the inline limit, by digest
 *
 * A run's log is read backwards from its row, so the log needs no index and
 * is written in key order only.
 */
#ifndef ENGINE_HOST_STORE_SQLITE_H
#define ENGINE_HOST_STORE_SQLITE_H

#include "engine/defects.h"
#include "engine/store.h"

enum store_sqlite_journal {
    STORE_SQLITE_WAL,
    STORE_SQLITE_DELETE /* rollback journal */
};

enum {
    STORE_SQLITE_ERROR_SIZE = 256
};

struct store_sqlite_config {
    const char *path;
    const char *vfs;    /* NULL: the default */
    uint32_t page_size; /* of a new file: a power of two from 512; 0: 4096 */
    enum store_sqlite_journal journal;
    int create;                /* make the file if it is not there */
    uint32_t checkpoint_pages; /* WAL length that is copied back; 0: 250 */
    struct engine_store_limits limits;
    struct engine_defects defects;
};

/*
 * Opens or creates a store. config is copied. 0; or -1 with a sentence in
 * error: no such file, in use by another process, another program's database,
 * written by a newer version, damaged. Then nothing has to be closed and a
 * file that is not ours is unchanged. Runs SQLite's recovery if the last owner
 * did not close the file. synchronous is FULL, or EXTRA with a rollback
 * journal.
 */
int store_sqlite_open(const struct store_sqlite_config *config,
                      struct engine_store *out,
                      char error[STORE_SQLITE_ERROR_SIZE]);

#endif
