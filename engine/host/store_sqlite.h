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

/* Why a store cannot be opened, or why it failed. */
enum store_trouble {
    STORE_TROUBLE_NONE,
    STORE_TROUBLE_MISSING,   /* no such file, or no right to open it */
    STORE_TROUBLE_LOCKED,    /* in use by another process */
    STORE_TROUBLE_FOREIGN,   /* not a database, or another program's */
    STORE_TROUBLE_NEWER,     /* of a schema that is not known here */
    STORE_TROUBLE_DAMAGED,   /* a page that cannot be right */
    STORE_TROUBLE_FULL,      /* no room on the disk */
    STORE_TROUBLE_READ_ONLY, /* it would have to be written */
    STORE_TROUBLE_KEY,       /* encrypted and no key, the wrong one, or none
                                needed */
    STORE_TROUBLE_IO,        /* the disk failed */
    STORE_TROUBLE_OTHER
};

/* Said to whoever runs the program: path, what is wrong, what to do. */
struct store_problem {
    enum store_trouble trouble;
    char text[512];
};

struct store_sqlite_config {
    const char *path;
    const char *vfs;     /* NULL: the default */
    uint32_t page_size;  /* of a new file: a power of two from 512; 0: 4096 */
    uint64_t cache_size; /* bytes of pages in memory; 0: 2000 KiB. More only
                            while one statement needs them */
    enum store_sqlite_journal journal;
    int create;                /* make the file if it is not there */
    uint32_t checkpoint_pages; /* WAL length that is copied back; 0: 250 */
    int wal_ahead; /* the log's file grows in large pieces, before it must */
    /*
     * Only reads: requests are refused by SQLite, an older schema is not
     * brought up. The file is still locked, so that no engine runs beside.
     */
    int read_only;
    /*
     * Others may read the file, and write it between groups, while this store
     * is open: whoever opens it sees to it that there is one engine only. Not
     * on a file system without shared memory.
     */
    int shared;
    /*
     * Statements are prepared when they are first used: for who opens a file
     * often and knows that its schema is sound. A schema that is not shows
     * late, as a call that fails.
     */
    int lazily;
    int sync_normal; /* with WAL: losing power may undo the last commits */
    uint32_t busy_timeout_ms; /* how long to wait for another's lock */
    const uint8_t *key;       /* of CIPHER_KEY_SIZE bytes, copied; NULL: none */
    struct engine_store_limits limits;
    struct engine_defects defects;
};

/*
 * Opens or creates a store. config is copied. 0; or -1 with *problem. Then
 * nothing has to be closed and a file that is not ours is unchanged. Runs
 * SQLite's recovery if the last owner did not close the file. synchronous is
 * FULL, or EXTRA with a rollback journal.
 *
 * A file that is created with a key keeps its payloads encrypted
 * (engine/host/cipher.h); what else stands in it is numbers, times, sizes and
 * the SHA-256 of blobs. It opens with this key only.
 */
int store_sqlite_try(const struct store_sqlite_config *config,
                     struct engine_store *out, struct store_problem *problem);
/* The same with the words only. */
int store_sqlite_open(const struct store_sqlite_config *config,
                      struct engine_store *out,
                      char error[STORE_SQLITE_ERROR_SIZE]);
/* Why the last call of the store that returned -1 did; path is for the text. */
void store_sqlite_why(const struct engine_store *store, const char *path,
                      struct store_problem *problem);

#endif
