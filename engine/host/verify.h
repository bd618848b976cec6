/*
 * Is a store in SQLite what it should be? Walks every run and says each thing
 * that is wrong, with run, sequence number and position, and goes on: what is
 * whole stays usable, and a run whose log is broken is blocked by the store
 * when somebody wants it, never the others.
 *
 * A torn tail is not among the findings. A group is on the disk when its
 * commit record is; what a crash leaves of a later one fails the checksums of
 * SQLite's journal and is dropped on opening, before anything is read. Nothing
 * that was acknowledged can be in it. A log that is cut anywhere else is GAP,
 * HASH or TAIL, and no cut is repaired by guessing.
 */
#ifndef ENGINE_HOST_VERIFY_H
#define ENGINE_HOST_VERIFY_H

#include "engine/store.h"

enum verify_kind {
    VERIFY_GAP,          /* events are missing before this row */
    VERIFY_HASH,         /* the row is not the one that was written */
    VERIFY_TAIL,         /* the run's row and its log do not end alike */
    VERIFY_SNAPSHOT,     /* a snapshot is damaged or stands elsewhere */
    VERIFY_BLOB_MISSING, /* a row refers to a blob that is not there */
    VERIFY_BLOB_DIGEST,  /* a blob's bytes are not those of its name */
    VERIFY_STRAY,        /* work, outbox, inbox or snapshot of no run */
    VERIFY_UNREACHED,    /* a log row that no run leads to */
    VERIFY_VALUE,        /* a value that the key does not open */
    VERIFY_PAGE,         /* SQLite's integrity check */
    VERIFY_KIND_COUNT
};

struct verify_finding {
    enum verify_kind kind;
    uint64_t run;      /* 0: none */
    uint64_t seq;      /* 0: none */
    uint64_t position; /* in the log, 0: none */
    const char *text;  /* a sentence */
};

typedef void verify_visit(void *self, const struct verify_finding *finding);

struct verify_summary {
    uint64_t runs; /* whose log is there */
    uint64_t archived;
    uint64_t rows;
    uint64_t events;
    uint64_t snapshots;
    uint64_t blobs;
    uint64_t orphans; /* blobs that nothing refers to: not wrong, collectable */
    uint64_t findings;
};

/*
 * Verifies a store that is open, also to read only, between groups. Needs
 * memory for the log of one run and a bit for each log row. 0: it was looked
 * at, findings are in summary->findings; -1: it could not be read to the end.
 */
int verify_store(struct engine_store *store, verify_visit *visit, void *visitor,
                 struct verify_summary *summary);

/* GAP is "gap", BLOB_MISSING "blob missing". */
const char *verify_kind_name(enum verify_kind kind);

#endif
