#include "tests/support/store_file.h"

#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const suffixes[] = {"", "-wal", "-journal", "-shm"};

void store_file_make(struct store_file *file)
{
    strcpy(file->directory, "/tmp/perdure-test-XXXXXX");
    cr_assert(mkdtemp(file->directory));
    snprintf(file->path, sizeof(file->path), "%s/store", file->directory);
}

static void remove_store(const struct store_file *file)
{
    char path[128];

    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s%s", file->path, suffixes[i]);
        unlink(path);
    }
}

void store_file_remove(const struct store_file *file)
{
    remove_store(file);
    rmdir(file->directory);
}

static int open_file(void *self, const struct store_opening *how,
                     struct engine_store *out)
{
    struct store_file *file = self;
    struct store_sqlite_config config = {.path = file->path,
                                         .page_size = file->page_size,
                                         .journal = file->journal,
                                         .create = 1,
                                         .read_only = file->read_only,
                                         .shared = file->shared,
                                         .busy_timeout_ms =
                                             file->busy_timeout_ms,
                                         .key = file->key,
                                         .limits = how->limits,
                                         .defects = how->defects};

    struct store_problem problem;
    int result;

    if (how->fresh)
        remove_store(file);
    result = store_sqlite_try(&config, out, &problem);
    file->trouble = problem.trouble;
    memcpy(file->error, problem.text, sizeof(file->error));
    return result;
}

int store_file_try(struct store_file *file, struct engine_store *out)
{
    struct store_opening how = {.limits = {.op_payload_max = 1 << 20,
                                           .request_max = 1 << 22,
                                           .history_ops_max = 1 << 20,
                                           .blob_max = 1 << 20}};

    return open_file(file, &how, out);
}

struct engine_store store_file_open(struct store_file *file)
{
    struct engine_store store;

    cr_assert_eq(store_file_try(file, &store), 0, "%s", file->error);
    return store;
}

struct store_opener store_file_opener(struct store_file *file)
{
    return (struct store_opener){.name = "sqlite on a file",
                                 .open = open_file,
                                 .self = file,
                                 .durable = 1,
                                 .undoes = 1};
}

void store_file_meddle(const struct store_file *file, const char *sql)
{
    sqlite3 *db;

    cr_assert_eq(sqlite3_open(file->path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    sqlite3_close(db);
}

int64_t store_file_ask(const struct store_file *file, const char *sql)
{
    sqlite3_stmt *one;
    sqlite3 *db;
    int64_t number;

    cr_assert_eq(sqlite3_open(file->path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_prepare_v2(db, sql, -1, &one, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    cr_assert_eq(sqlite3_step(one), SQLITE_ROW);
    number = sqlite3_column_int64(one, 0);
    sqlite3_finalize(one);
    sqlite3_close(db);
    return number;
}

static char *read_all(const char *path, size_t *size)
{
    FILE *stream = fopen(path, "rb");
    char *text;
    long length;

    if (!stream)
        return NULL;
    fseek(stream, 0, SEEK_END);
    length = ftell(stream);
    rewind(stream);
    text = malloc((size_t)length + 1);
    cr_assert(text);
    *size = fread(text, 1, (size_t)length, stream);
    text[*size] = '\0';
    fclose(stream);
    return text;
}

char *store_file_text(const char *path)
{
    size_t size;
    char *text = read_all(path, &size);

    cr_assert(text, "%s cannot be read", path);
    return text;
}

int store_file_holds(const struct store_file *file, const char *bytes)
{
    int holds = 0;

    for (size_t i = 0; i < 4; i++) {
        char path[128];
        size_t size;
        char *text;

        snprintf(path, sizeof(path), "%s%s", file->path, suffixes[i]);
        text = read_all(path, &size);
        if (text)
            holds |= memmem(text, size, bytes, strlen(bytes)) != NULL;
        free(text);
    }
    return holds;
}
