/*
 * Runs that have ended, taken out of a store in SQLite into a file of their
 * own, and back. The file is JSON lines and ends with the SHA-256 of all that
 * stands before:
 *
 *     {"archive":1,"trimmed":false}
 *     {"run":"7","state":"4",...,"closed":"1000","hash":"00ff..."}
 *     {"row":"1","count":"1","token":"1","time":"1000","hash":"..",
 *      "items":"base64"}
 *     {"blob":"digest","data":"base64"}
 *     {"sha256":"..."}
 *
 * Numbers are strings, since readers of JSON round large ones. It holds
 * plaintext also when the store is encrypted: keep it as safe as the key.
 *
 * It is written beside its name, made durable and then renamed; only then are
 * the runs taken out of reach, in one group. After a crash in between the next
 * archive has them once more.
 */
#ifndef ENGINE_HOST_ARCHIVE_H
#define ENGINE_HOST_ARCHIVE_H

#include "engine/store.h"

struct archive_options {
    uint64_t now_ns;
    uint64_t age_ns;   /* since the run ended */
    uint64_t from_run; /* only runs from this number .. */
    uint64_t to_run;   /* .. to this one; 0: no limit */
    uint32_t runs_max; /* in one archive */
    uint32_t slice;    /* log rows removed in one group; 0: none, see purge */
    int trim; /* without payloads and blobs: to be read, not to be restored */
};

struct archive_result {
    uint64_t runs;
    uint64_t rows;
    uint64_t blobs;
    uint64_t skipped; /* restoring: runs that are there already */
    char text[512];   /* what went wrong */
};

/*
 * Archives runs that ended more than age_ns ago and whose rows are all
 * acknowledged; live runs are not touched. No file is written when there are
 * none. Their numbers stay taken until store_forget(); blobs that only they
 * referred to are left to store_collect(). 0; or -1 with text, and then every
 * run is still in the store, or wholly in the file and out of reach.
 */
int archive_write(struct engine_store *store, const char *path,
                  const struct archive_options *options,
                  struct archive_result *result);

/*
 * Brings every run of an archive back, log, snapshot and blobs, all in one
 * group, with the hashes it had; a run that is still there is skipped. -1 with
 * text if the file is not whole or trimmed, or does not hash to what it says:
 * then nothing has changed.
 */
int archive_restore(struct engine_store *store, const char *path,
                    uint64_t now_ns, struct archive_result *result);

/* Checks the file against its SHA-256 and counts what is in it. 0 or -1. */
int archive_check(const char *path, struct archive_result *result);

#endif
