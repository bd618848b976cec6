/*
 * What keeps the database of a running engine small: logs of runs that ended
 * long ago leave it, into archives if there is a directory for them. In
 * slices, between groups, when nobody waits; a round begins again and again.
 *
 *     runs, a window at a time ─▶ out of reach ─▶ rows removed ─▶ blobs
 */
#include "engine/host/engine_private.h"

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/host/archive.h"
#include "engine/host/store_sqlite.h"
#include "engine/host/store_upkeep.h"

enum {
    WINDOW = 1024,    /* runs looked at in one slice */
    RETIRED_MAX = 64, /* and taken out of reach */
    ARCHIVED_MAX = 256,
    ROWS = 256, /* removed in one slice */
    BLOBS = 256
};

/* Blobs that have not been referred to for so long never will be. */
#define BLOB_AGE (3600 * SECOND)
#define COLLECT_EVERY (600 * SECOND)

enum phase {
    PHASE_REST,
    PHASE_RUNS,
    PHASE_ROWS,
    PHASE_BLOBS
};

/* Often enough that a run stays at most a tenth longer than it has to. */
static uint64_t interval(const struct host_engine *e)
{
    uint64_t ns = e->config.retention_ns / 10;

    if (ns < SECOND / 10)
        return SECOND / 10;
    return ns < 3600 * SECOND ? ns : 3600 * SECOND;
}

static void rest(struct host_engine *e)
{
    e->upkeep.phase = PHASE_REST;
    e->upkeep.next_ns = e->mono_ns + interval(e);
}

/* The database as it is has to be opened anew. */
static void store_failed(struct host_engine *e)
{
    struct store_problem problem;

    store_sqlite_why(&e->store, e->config.database, &problem);
    host_engine_say(e, HOST_SAY_ERROR,
                    "%s; logs of runs that have ended are kept for now",
                    problem.text);
    host_engine_close_store(e);
    rest(e);
}

/* Runs ----------------------------------------------------------------------
 */

struct closed {
    struct engine_run_row runs[RETIRED_MAX];
    uint64_t closed_ns[RETIRED_MAX];
    uint32_t count;
};

static int note_closed(void *self, const struct engine_run_row *run,
                       uint64_t closed_ns)
{
    struct closed *closed = self;

    closed->runs[closed->count] = *run;
    closed->closed_ns[closed->count++] = closed_ns;
    return closed->count == RETIRED_MAX;
}

static int retire(struct host_engine *e, const struct closed *closed)
{
    const struct engine_store_ops *ops = e->store.ops;
    int result = 0;

    if (ops->begin(e->store.self, e->store_now_ns))
        return -1;
    for (uint32_t i = 0; i < closed->count && !result; i++)
        result =
            store_retire(&e->store, &closed->runs[i], closed->closed_ns[i]);
    if (result == 0)
        return ops->commit(e->store.self);
    ops->rollback(e->store.self);
    return -1;
}

/* A name that no archive had before: time and first run. */
static void archive_name(const struct host_engine *e, uint64_t run, char *path,
                         size_t size)
{
    time_t seconds = (time_t)(e->store_now_ns / SECOND);
    struct tm parts = {0};
    char day[32];

    (void)gmtime_r(&seconds, &parts);
    strftime(day, sizeof(day), "%Y%m%dT%H%M%S", &parts);
    snprintf(path, size, "%s/%s.%09" PRIu64 "-%" PRIu64 ".jsonl",
             e->config.archive, day, e->store_now_ns % SECOND, run);
}

/* An archive that cannot be written is no trouble of the store's. */
static void archive(struct host_engine *e, uint64_t first, uint64_t end)
{
    struct archive_options options = {
        .now_ns = e->store_now_ns,
        .age_ns = e->config.retention_ns,
        .from_run = first,
        .to_run = end,
        .runs_max = ARCHIVED_MAX,
    };
    struct archive_result result = {0};
    char path[1024];

    archive_name(e, first, path, sizeof(path));
    if (archive_write(&e->store, path, &options, &result)) {
        host_engine_say(e, HOST_SAY_ERROR,
                        "%s; runs that have ended are kept for now",
                        result.text);
        e->upkeep.cursor = end;
        return;
    }
    host_engine_say(e, HOST_SAY_DEBUG, "%s: %" PRIu64 " runs archived", path,
                    result.runs);
    e->upkeep.removed |= result.runs > 0;
    if (result.runs < ARCHIVED_MAX)
        e->upkeep.cursor = end;
}

/* Where the window that begins at the cursor ends, included; 0: unknown. */
static uint64_t window_end(struct host_engine *e, bool *last)
{
    uint64_t next = store_run_after(&e->store, e->upkeep.cursor, WINDOW);

    *last = next == 0;
    if (next == UINT64_MAX)
        return 0;
    return *last ? ENGINE_RUN_MAX : next - 1;
}

static void look_at_runs(struct host_engine *e)
{
    struct host_upkeep *u = &e->upkeep;
    struct closed closed = {.count = 0};
    uint64_t before = e->store_now_ns - e->config.retention_ns;
    bool last;
    uint64_t end = window_end(e, &last);

    if (!end || store_scan_closed_to(&e->store, u->cursor, end, before,
                                     note_closed, &closed) < 0) {
        store_failed(e);
        return;
    }
    if (closed.count > 0 && e->config.archive) {
        archive(e, closed.runs[0].run, end);
    } else if (closed.count > 0 && retire(e, &closed)) {
        store_failed(e);
        return;
    } else {
        u->removed |= closed.count > 0;
        u->cursor = closed.count == RETIRED_MAX
                        ? closed.runs[RETIRED_MAX - 1].run
                        : end;
    }
    if (u->cursor == end && last)
        u->phase = PHASE_ROWS;
    u->cursor += u->cursor == end;
}

/* Rows and blobs ------------------------------------------------------------
 */

static void remove_rows(struct host_engine *e)
{
    int result = store_purge(&e->store, e->store_now_ns, ROWS);

    if (result < 0)
        store_failed(e);
    else if (result == 0)
        e->upkeep.phase = PHASE_BLOBS;
}

/* Goes over the whole file: seldom, and only after something was removed. */
static void remove_blobs(struct host_engine *e)
{
    struct host_upkeep *u = &e->upkeep;
    uint64_t removed = 0;

    if (!u->removed || e->mono_ns < u->collect_ns) {
        rest(e);
        return;
    }
    if (store_collect(&e->store, e->store_now_ns, BLOB_AGE, BLOBS, &removed)) {
        store_failed(e);
        return;
    }
    if (removed == BLOBS)
        return;
    u->removed = false;
    u->collect_ns = e->mono_ns + COLLECT_EVERY;
    rest(e);
}

/* The engine's --------------------------------------------------------------
 */

uint64_t host_engine_upkeep_ns(const struct host_engine *e)
{
    if (e->config.retention_ns == 0 || e->draining)
        return UINT64_MAX;
    return e->upkeep.phase == PHASE_REST ? e->upkeep.next_ns : 0;
}

void host_engine_upkeep(struct host_engine *e, bool idle)
{
    struct host_upkeep *u = &e->upkeep;

    if (host_engine_upkeep_ns(e) > e->mono_ns || !e->store_open)
        return;
    /* Without a pause for a second it takes its turn all the same. */
    if (!idle && e->mono_ns < u->slice_ns + SECOND)
        return;
    u->slice_ns = e->mono_ns;
    if (e->wall_ns > e->store_now_ns)
        e->store_now_ns = e->wall_ns;
    if (e->store_now_ns < e->config.retention_ns) {
        rest(e);
        return;
    }
    switch (u->phase) {
    case PHASE_REST:
        u->phase = PHASE_RUNS;
        u->cursor = 1;
        break;
    case PHASE_RUNS:
        look_at_runs(e);
        break;
    case PHASE_ROWS:
        remove_rows(e);
        break;
    default:
        remove_blobs(e);
        break;
    }
}
