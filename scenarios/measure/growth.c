#include "scenarios/measure/growth.h"

#include <sqlite3.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/host/archive.h"
#include "engine/host/loop.h"
#include "engine/host/store_sqlite.h"
#include "engine/host/store_upkeep.h"

enum {
    IN_FLIGHT = 64,
    SLICE = 1000,
    RUNS_MAX = 1000000
};

/* Reading ------------------------------------------------------------------
 */

static uint64_t size_of(const char *path)
{
    struct stat is;

    return stat(path, &is) == 0 ? (uint64_t)is.st_size : 0;
}

static int number(sqlite3 *db, const char *sql, uint64_t *value)
{
    sqlite3_stmt *one = NULL;
    int result = -1;

    if (sqlite3_prepare_v2(db, sql, -1, &one, NULL) == SQLITE_OK &&
        sqlite3_step(one) == SQLITE_ROW) {
        *value = (uint64_t)sqlite3_column_int64(one, 0);
        result = 0;
    }
    sqlite3_finalize(one);
    return result;
}

static int read_contents(sqlite3 *db, struct measure_contents *c)
{
    uint64_t pages;
    uint64_t free_pages;
    uint64_t page;

    if (number(db, "PRAGMA page_count", &pages) ||
        number(db, "PRAGMA freelist_count", &free_pages) ||
        number(db, "PRAGMA page_size", &page) ||
        number(db, "SELECT count(*) FROM run", &c->runs) ||
        number(db, "SELECT count(*) FROM log", &c->rows) ||
        number(db, "SELECT coalesce(sum(count), 0) FROM log", &c->events) ||
        number(db, "SELECT coalesce(sum(length(items)), 0) FROM log",
               &c->log_bytes) ||
        number(db, "SELECT coalesce(sum(size), 0) FROM blob", &c->blob_bytes))
        return -1;
    c->used_bytes = (pages - free_pages) * page;
    return 0;
}

int measure_contents(const char *database, struct measure_contents *contents,
                     char *error)
{
    char log[MEASURE_PATH + 32];
    sqlite3 *db = NULL;

    *contents = (struct measure_contents){0};
    int result = sqlite3_open_v2(database, &db, SQLITE_OPEN_READWRITE, NULL)
                     ? -1
                     : read_contents(db, contents);
    if (result)
        snprintf(error, HOST_ERROR_SIZE, "%.400s: %.200s", database,
                 db ? sqlite3_errmsg(db) : "out of memory");
    sqlite3_close(db);
    snprintf(log, sizeof(log), "%.500s-wal", database);
    contents->file_bytes = size_of(database) + size_of(log);
    return result;
}

/* Writing ------------------------------------------------------------------
 */

static int open_store(const char *database, struct engine_store *store,
                      char *error)
{
    struct store_sqlite_config config = {
        .path = database,
        .create = 1,
        .limits = {.op_payload_max = UINT32_MAX,
                   .request_max = UINT32_MAX,
                   .history_ops_max = UINT64_MAX,
                   .blob_max = UINT32_MAX},
    };
    struct store_problem problem;

    if (store_sqlite_try(&config, store, &problem) == 0)
        return 0;
    snprintf(error, HOST_ERROR_SIZE, "%s", problem.text);
    return -1;
}

/* What a database takes that has no runs yet. */
static int look_before(const struct measure_stage *stage,
                       struct measure_contents *before, char *error)
{
    char path[MEASURE_PATH + 32];
    struct engine_store store;

    snprintf(path, sizeof(path), "%s/bench.archive", stage->dir);
    if (open_store(path, &store, error))
        return -1;
    store.ops->close(store.self);
    int result = measure_contents(path, before, error);
    (void)remove(path);
    return result;
}

static int archive_all(const struct measure_stage *stage,
                       struct measure_growth *growth, char *error)
{
    char path[MEASURE_PATH + 32];
    struct engine_store store;
    struct archive_options options = {
        .now_ns = host_wall_ns(), .runs_max = RUNS_MAX, .slice = SLICE};
    struct archive_result result = {0};

    if (open_store(stage->database, &store, error))
        return -1;
    snprintf(path, sizeof(path), "%s/bench.archive", stage->dir);
    int failed = archive_write(&store, path, &options, &result);
    uint64_t removed = 0;
    while (!failed && store_purge(&store, options.now_ns, SLICE) == 1)
        ;
    while (!failed &&
           store_collect(&store, options.now_ns + 1, 0, SLICE, &removed) == 0 &&
           removed == SLICE)
        ;
    store.ops->close(store.self);
    if (failed)
        snprintf(error, HOST_ERROR_SIZE, "%s", result.text);
    growth->archived = !failed;
    growth->archive_bytes = size_of(path);
    return failed ? -1
                  : measure_contents(stage->database, &growth->left, error);
}

int measure_growth(const struct measure_stage_config *config, uint32_t runs,
                   bool archive, struct measure_growth *growth, char *error)
{
    struct measure_stage stage;
    uint64_t took_ns;

    *growth = (struct measure_growth){
        .shape = config->shape, .snapshot_events = config->snapshot_events};
    int result = measure_stage_open(&stage, config) ||
                 measure_stage_run(&stage, runs, IN_FLIGHT, NULL, &took_ns) ||
                 measure_stage_close(&stage);
    if (result)
        snprintf(error, HOST_ERROR_SIZE, "%.1000s", stage.error);
    result = result || look_before(&stage, &growth->before, error) ||
             measure_contents(stage.database, &growth->after, error);
    growth->runs = growth->after.runs;
    if (!result && archive)
        result = archive_all(&stage, growth, error);
    measure_stage_remove(&stage);
    return result ? -1 : 0;
}

uint64_t measure_growth_each(const struct measure_growth *growth)
{
    uint64_t bytes = growth->after.used_bytes > growth->before.used_bytes
                         ? growth->after.used_bytes - growth->before.used_bytes
                         : 0;

    return growth->runs ? (bytes + growth->runs - 1) / growth->runs : 0;
}
