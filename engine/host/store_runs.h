/*
 * The run rows that a store in SQLite has read or written lately, so that a
 * request need not ask for the row that the one before it has written. What is
 * kept is what stands in the file: it is believed only inside a group whose
 * first row was read from there, and only if nobody but the store has written
 * since its last commit.
 */
#ifndef ENGINE_HOST_STORE_RUNS_H
#define ENGINE_HOST_STORE_RUNS_H

#include <stdbool.h>
#include <stdint.h>

#include "engine/store.h"

enum {
    STORE_RUNS_MAX = 256
};

struct store_runs {
    uint32_t version; /* of the file, after the last commit */
    bool grouped;     /* between begin and commit */
    bool current;     /* the group has seen that version */
    struct engine_run_row rows[STORE_RUNS_MAX]; /* by number; run 0: none */
};

/* Forgets all rows, and keeps none until the next group: a write has failed or
 * went past this, or the group was rolled back. */
void store_runs_forget(struct store_runs *runs);
/* A group begins, or has ended in a commit that left the file at version. */
void store_runs_begin(struct store_runs *runs);
void store_runs_commit(struct store_runs *runs, uint32_t version);
/* The group has read from the file, which stands at version. */
void store_runs_read(struct store_runs *runs, uint32_t version);
/* The row, NULL: it has to be read. Valid until the next call. */
const struct engine_run_row *store_runs_find(const struct store_runs *runs,
                                             uint64_t run);
/* Keeps a row that was read or inserted. */
void store_runs_keep(struct store_runs *runs, const struct engine_run_row *row);
/* Changes a row that is kept as run_advance() and run_update() of the tables
 * have changed it in the file. */
void store_runs_advance(struct store_runs *runs,
                        const struct engine_run_row *row);
void store_runs_update(struct store_runs *runs,
                       const struct engine_run_row *row);

#endif
