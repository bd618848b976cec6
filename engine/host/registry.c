#include "engine/host/registry.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/definition.h"

/* X(name, sql): every statement, prepared once. */
#define STATEMENTS(X)                                                          \
    X(END_LEASES, "UPDATE run SET wake = 1, expires = 1 WHERE wake IS NOT "    \
                  "NULL AND holder <> 0 AND expires > 1")                      \
    X(WORKFLOWS, "SELECT id, definition FROM workflow ORDER BY id")            \
    X(ADD, "INSERT INTO workflow (id, name, digest, definition) "              \
           "VALUES (?1, ?2, ?3, ?4)")                                          \
    X(LAST_RUN, "SELECT max(run) FROM run WHERE run <= ?1")                    \
    X(LAST_KEY, "SELECT max(run) FROM start_key")                              \
    X(KEY_PUT, "INSERT INTO start_key (key, run) VALUES (?1, ?2) "             \
               "ON CONFLICT DO NOTHING")                                       \
    X(KEY_GET, "SELECT run FROM start_key WHERE key = ?1")                     \
    X(STATE, "SELECT state FROM run WHERE run = ?1")                           \
    X(SET, "INSERT INTO setting (name, value) VALUES (?1, ?2) "                \
           "ON CONFLICT (name) DO UPDATE SET value = excluded.value "          \
           "WHERE value <> excluded.value")                                    \
    X(GET, "SELECT value FROM setting WHERE name = ?1")

enum statement {
#define STATEMENT_ID(name, sql) S_##name,
    STATEMENTS(STATEMENT_ID)
#undef STATEMENT_ID
    STATEMENT_COUNT
};

struct host_registry {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    char why[128]; /* the first of them could not be prepared */
};

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS workflow (id INTEGER PRIMARY KEY, name TEXT,"
    " digest BLOB, definition BLOB);"
    "CREATE TABLE IF NOT EXISTS start_key (key BLOB PRIMARY KEY, run INTEGER)"
    " WITHOUT ROWID;"
    "CREATE TABLE IF NOT EXISTS setting (name TEXT PRIMARY KEY, value BLOB)"
    " WITHOUT ROWID;";

static int prepare(struct host_registry *registry)
{
    static const char *const sql[STATEMENT_COUNT] = {
#define STATEMENT_SQL(name, text) [S_##name] = (text),
        STATEMENTS(STATEMENT_SQL)
#undef STATEMENT_SQL
    };

    int result = 0;

    for (int i = 0; i < STATEMENT_COUNT; i++)
        if (sqlite3_prepare_v3(registry->db, sql[i], -1,
                               SQLITE_PREPARE_PERSISTENT,
                               &registry->statements[i], NULL) &&
            result == 0) {
            snprintf(registry->why, sizeof(registry->why), "%s",
                     sqlite3_errmsg(registry->db));
            result = -1;
        }
    return result;
}

static struct host_registry *fail(struct host_registry *registry,
                                  const char *database,
                                  char error[HOST_ERROR_SIZE])
{
    const char *why = registry ? registry->why : "out of memory";

    snprintf(error, HOST_ERROR_SIZE, "%.300s: %s", database,
             why[0] ? why : host_registry_error(registry));
    host_registry_close(registry);
    return NULL;
}

struct host_registry *host_registry_open(const char *database,
                                         char error[HOST_ERROR_SIZE])
{
    struct host_registry *registry = calloc(1, sizeof(*registry));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

    if (!registry || sqlite3_open_v2(database, &registry->db, flags, NULL) ||
        sqlite3_busy_timeout(registry->db, 2000) ||
        sqlite3_exec(registry->db, "PRAGMA synchronous=FULL", NULL, NULL,
                     NULL) ||
        sqlite3_exec(registry->db, schema, NULL, NULL, NULL) ||
        prepare(registry))
        return fail(registry, database, error);
    return registry;
}

struct host_registry *host_registry_look(const char *database,
                                         char error[HOST_ERROR_SIZE])
{
    struct host_registry *registry = calloc(1, sizeof(*registry));
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;

    if (!registry || sqlite3_open_v2(database, &registry->db, flags, NULL) ||
        sqlite3_busy_timeout(registry->db, 2000) ||
        sqlite3_exec(registry->db, "PRAGMA query_only=1", NULL, NULL, NULL))
        return fail(registry, database, error);
    /* What is not there cannot be prepared, and is asked for in vain. */
    (void)prepare(registry);
    return registry;
}

void host_registry_close(struct host_registry *registry)
{
    if (!registry)
        return;
    for (int i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(registry->statements[i]);
    sqlite3_close(registry->db);
    free(registry);
}

const char *host_registry_error(const struct host_registry *registry)
{
    return registry->db ? sqlite3_errmsg(registry->db) : "out of memory";
}

/* Runs a statement to its first row or its end, which is then reset. */
static int one_number(sqlite3_stmt *statement, uint64_t *number)
{
    int step = sqlite3_step(statement);

    if (step == SQLITE_ROW && number)
        *number = (uint64_t)sqlite3_column_int64(statement, 0);
    sqlite3_reset(statement);
    if (step == SQLITE_ROW)
        return 1;
    return step == SQLITE_DONE ? 0 : -1;
}

int host_registry_end_leases(struct host_registry *registry)
{
    return one_number(registry->statements[S_END_LEASES], NULL);
}

int host_registry_workflows(struct host_registry *registry,
                            host_visit_workflow *visit, void *self)
{
    sqlite3_stmt *list = registry->statements[S_WORKFLOWS];
    int result = 0;
    int step = SQLITE_DONE;

    while (list && result == 0 && (step = sqlite3_step(list)) == SQLITE_ROW) {
        struct engine_graph *graph =
            host_definition_read(sqlite3_column_blob(list, 1),
                                 (size_t)sqlite3_column_bytes(list, 1));
        result =
            graph ? visit(self, (uint32_t)sqlite3_column_int64(list, 0), graph)
                  : -1;
    }
    sqlite3_reset(list);
    return result || step == SQLITE_ROW || step == SQLITE_DONE ? result : -1;
}

int host_registry_add(struct host_registry *registry, uint32_t id,
                      const struct engine_graph *graph, const void *definition,
                      size_t size)
{
    sqlite3_stmt *add = registry->statements[S_ADD];
    struct engine_hash digest = engine_graph_digest(graph);

    sqlite3_bind_int64(add, 1, id);
    sqlite3_bind_text(add, 2, engine_graph_name(graph), -1, SQLITE_STATIC);
    sqlite3_bind_blob64(add, 3, &digest, sizeof(digest), SQLITE_STATIC);
    sqlite3_bind_blob64(add, 4, definition, size, SQLITE_STATIC);
    int result = one_number(add, NULL);
    sqlite3_clear_bindings(add);
    return result;
}

int host_registry_last_run(struct host_registry *registry, uint64_t *run)
{
    sqlite3_stmt *last = registry->statements[S_LAST_RUN];
    uint64_t key = 0;

    sqlite3_bind_int64(last, 1, (sqlite3_int64)HOST_RUN_MAX);
    *run = 0;
    if (one_number(last, run) < 0 ||
        one_number(registry->statements[S_LAST_KEY], &key) < 0)
        return -1;
    *run = key > *run ? key : *run;
    return 0;
}

int host_registry_key(struct host_registry *registry, const void *key,
                      size_t size, uint64_t *run)
{
    sqlite3_stmt *get = registry->statements[S_KEY_GET];
    sqlite3_stmt *put = registry->statements[S_KEY_PUT];
    int found;

    sqlite3_bind_blob64(get, 1, key, size, SQLITE_STATIC);
    found = one_number(get, run);
    if (found)
        return found;
    sqlite3_bind_blob64(put, 1, key, size, SQLITE_STATIC);
    sqlite3_bind_int64(put, 2, (sqlite3_int64)*run);
    return one_number(put, NULL);
}

int host_registry_keep_limits(struct host_registry *registry,
                              const struct engine_limits *limits)
{
    sqlite3_stmt *set = registry->statements[S_SET];

    sqlite3_bind_text(set, 1, "limits", -1, SQLITE_STATIC);
    sqlite3_bind_blob64(set, 2, limits, sizeof(*limits), SQLITE_STATIC);
    int result = one_number(set, NULL);
    sqlite3_clear_bindings(set);
    return result;
}

int host_registry_limits(struct host_registry *registry,
                         struct engine_limits *limits)
{
    sqlite3_stmt *get = registry->statements[S_GET];
    int result = 1;

    if (!get)
        return 1;
    sqlite3_bind_text(get, 1, "limits", -1, SQLITE_STATIC);
    int step = sqlite3_step(get);
    if (step == SQLITE_ROW &&
        sqlite3_column_bytes(get, 0) == (int)sizeof(*limits)) {
        memcpy(limits, sqlite3_column_blob(get, 0), sizeof(*limits));
        limits->name[sizeof(limits->name) - 1] = '\0';
        result = 0;
    }
    sqlite3_reset(get);
    return step == SQLITE_ROW || step == SQLITE_DONE ? result : -1;
}

int host_registry_keep_platforms(struct host_registry *registry,
                                 const char *names, size_t size)
{
    sqlite3_stmt *set = registry->statements[S_SET];

    sqlite3_bind_text(set, 1, "platforms", -1, SQLITE_STATIC);
    sqlite3_bind_blob64(set, 2, names, size, SQLITE_STATIC);
    int result = one_number(set, NULL);
    sqlite3_clear_bindings(set);
    return result;
}

int host_registry_platforms(struct host_registry *registry, char **names,
                            size_t *size)
{
    sqlite3_stmt *get = registry->statements[S_GET];
    int result = 0;

    *names = NULL;
    *size = 0;
    if (!get)
        return 0;
    sqlite3_bind_text(get, 1, "platforms", -1, SQLITE_STATIC);
    int step = sqlite3_step(get);
    int bytes = step == SQLITE_ROW ? sqlite3_column_bytes(get, 0) : 0;
    if (bytes > 0) {
        *names = malloc((size_t)bytes);
        if (*names) {
            memcpy(*names, sqlite3_column_blob(get, 0), (size_t)bytes);
            (*names)[bytes - 1] = '\0';
            *size = (size_t)bytes;
        } else {
            result = -1;
        }
    }
    sqlite3_reset(get);
    return step == SQLITE_ROW || step == SQLITE_DONE ? result : -1;
}

int host_registry_state(struct host_registry *registry, uint64_t run)
{
    sqlite3_stmt *get = registry->statements[S_STATE];
    uint64_t state = 0;

    sqlite3_bind_int64(get, 1, (sqlite3_int64)run);
    return one_number(get, &state) < 0 ? -1 : (int)state;
}
