#include <stdlib.h>
#include <string.h>

#include "engine/host/store_rules.h"

void store_history_free(struct store_history *history)
{
    free(history->rows);
    free(history->bytes);
    free(history->folded);
    memset(history, 0, sizeof(*history));
}

static int reserve_row(struct store_history *history)
{
    size_t capacity = history->capacity ? 2 * history->capacity : 32;
    void *rows;

    if (history->count < history->capacity)
        return 0;
    rows = realloc(history->rows, capacity * sizeof(*history->rows));
    if (!rows)
        return -1;
    history->rows = rows;
    history->capacity = capacity;
    return 0;
}

static int reserve_bytes(struct store_history *history, size_t more)
{
    size_t capacity = history->bytes_capacity ? history->bytes_capacity : 4096;
    void *bytes;

    while (capacity - history->size < more)
        capacity *= 2;
    if (capacity == history->bytes_capacity)
        return 0;
    bytes = realloc(history->bytes, capacity);
    if (!bytes)
        return -1;
    history->bytes = bytes;
    history->bytes_capacity = capacity;
    return 0;
}

static int keep(struct store_history *history, const struct engine_log_row *row)
{
    if (reserve_row(history) || reserve_bytes(history, row->items_size))
        return -1;
    history->rows[history->count++] = *row;
    if (row->items_size)
        memcpy(history->bytes + history->size, row->items, row->items_size);
    history->size += row->items_size;
    return 0;
}

/* Turns newest first into oldest first and points rows at their items. */
static void turn(struct store_history *history)
{
    size_t at = 0;

    for (size_t i = 0; i < history->count; i++) {
        history->rows[i].items = history->bytes + at;
        at += history->rows[i].items_size;
    }
    for (size_t i = 0; i < history->count / 2; i++) {
        struct engine_log_row *row = &history->rows[i];
        struct engine_log_row *mirror = &history->rows[history->count - 1 - i];
        struct engine_log_row kept = *row;

        *row = *mirror;
        *mirror = kept;
    }
}

struct engine_hash store_snapshot_digest(const struct store_snapshot *snapshot)
{
    struct engine_hash value =
        engine_hash_bytes(snapshot->value, snapshot->value_size);
    const uint64_t covered[] = {
        snapshot->run,     snapshot->seq,     snapshot->position,
        snapshot->hash.lo, snapshot->hash.hi, value.lo,
        value.hi};

    return engine_hash_bytes(covered, sizeof(covered));
}

/* Copies a snapshot's value, which its table will not keep for us. */
static int keep_snapshot(struct store_history *history,
                         const struct store_snapshot *snapshot)
{
    size_t size = snapshot->value_size;

    if (size > history->folded_capacity) {
        void *larger = realloc(history->folded, size);

        if (!larger)
            return -1;
        history->folded = larger;
        history->folded_capacity = size;
    }
    if (size)
        memcpy(history->folded, snapshot->value, size);
    history->snapshot = *snapshot;
    history->snapshot.value = history->folded;
    return 0;
}

/* Reads the run's snapshot if it has one; a damaged one counts as none. */
static int read_snapshot(struct store_history *history,
                         const struct store_tables_ops *tables, void *self,
                         const struct engine_run_row *run)
{
    struct store_snapshot snapshot;
    struct engine_hash digest;
    int found = tables->snapshot_get(self, run->run, &snapshot);

    if (found <= 0)
        return found;
    digest = store_snapshot_digest(&snapshot);
    if (digest.lo != snapshot.digest.lo || digest.hi != snapshot.digest.hi ||
        snapshot.position > run->tail)
        return 0;
    return keep_snapshot(history, &snapshot);
}

/* Reads the rows with a position after that of the snapshot. */
static int read_rows(struct store_history *history,
                     const struct store_tables_ops *tables, void *self,
                     const struct engine_run_row *run)
{
    uint64_t position = run->tail;
    struct engine_log_row row;

    history->count = 0;
    history->size = 0;
    while (position > history->snapshot.position) {
        int found = tables->log_get(self, position, &row);

        if (found < 0)
            return -1;
        if (!found || row.run != run->run)
            break;
        if (keep(history, &row))
            return -1;
        /* A damaged link could lead in a circle. */
        position = row.previous < position ? row.previous : 0;
    }
    turn(history);
    return 0;
}

int store_history_read(struct store_history *history,
                       const struct store_tables_ops *tables, void *self,
                       const struct engine_run_row *run)
{
    history->snapshot = (struct store_snapshot){0};
    if (read_snapshot(history, tables, self, run))
        return -1;
    return read_rows(history, tables, self, run);
}

int store_history_read_all(struct store_history *history,
                           const struct store_tables_ops *tables, void *self,
                           const struct engine_run_row *run)
{
    history->snapshot = (struct store_snapshot){0};
    return read_rows(history, tables, self, run);
}

static int broken(uint64_t *found, uint64_t *expected, uint64_t seq,
                  uint64_t right)
{
    *found = seq;
    *expected = right;
    return 0;
}

int store_history_verify(const struct store_history *history,
                         const struct engine_run_row *run, uint64_t *found,
                         uint64_t *expected)
{
    struct engine_hash hash = history->snapshot.hash;
    uint64_t seq = history->snapshot.seq + 1;

    for (size_t i = 0; i < history->count; i++) {
        const struct engine_log_row *row = &history->rows[i];

        hash = engine_store_chain(hash, row);
        if (row->seq != seq || row->hash.lo != hash.lo ||
            row->hash.hi != hash.hi)
            return broken(found, expected, row->seq, seq);
        seq += row->count;
    }
    if (seq != run->next_seq || hash.lo != run->hash.lo ||
        hash.hi != run->hash.hi)
        return broken(found, expected, seq, run->next_seq);
    return 1;
}
