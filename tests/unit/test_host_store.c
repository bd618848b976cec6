#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/store_memory.h"
#include "engine/host/store_sqlite.h"
#include "tests/support/store_bed.h"

/* Openers. */

static int open_memory(void *self, const struct store_opening *how,
                       struct engine_store *out)
{
    struct store_memory_config config = {
        .limits = how->limits, .defects = how->defects, .keep_log = 1};

    (void)self;
    return store_memory_open(&config, out);
}

static const struct store_opener memory = {.name = "memory",
                                           .open = open_memory};

struct file {
    char directory[64];
    char path[96];
    uint32_t page_size;
    enum store_sqlite_journal journal;
    char error[STORE_SQLITE_ERROR_SIZE];
};

static void make_directory(struct file *file)
{
    strcpy(file->directory, "/tmp/perdure-test-XXXXXX");
    cr_assert(mkdtemp(file->directory));
    snprintf(file->path, sizeof(file->path), "%s/store", file->directory);
}

static void remove_file(const struct file *file)
{
    static const char *const suffixes[] = {"", "-wal", "-journal", "-shm"};
    char path[128];

    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s%s", file->path, suffixes[i]);
        unlink(path);
    }
}

static void remove_directory(const struct file *file)
{
    remove_file(file);
    rmdir(file->directory);
}

static int open_file(void *self, const struct store_opening *how,
                     struct engine_store *out)
{
    struct file *file = self;
    struct store_sqlite_config config = {.path = file->path,
                                         .page_size = file->page_size,
                                         .journal = file->journal,
                                         .create = 1,
                                         .limits = how->limits,
                                         .defects = how->defects};

    if (how->fresh)
        remove_file(file);
    return store_sqlite_open(&config, out, file->error);
}

static struct store_opener on_file(struct file *file)
{
    return (struct store_opener){.name = "sqlite on a file",
                                 .open = open_file,
                                 .self = file,
                                 .durable = 1,
                                 .undoes = 1};
}

static int open_nameless(void *self, const struct store_opening *how,
                         struct engine_store *out)
{
    struct store_sqlite_config config = {.path = ":memory:",
                                         .page_size = 1024,
                                         .create = 1,
                                         .limits = how->limits,
                                         .defects = how->defects};
    char error[STORE_SQLITE_ERROR_SIZE];

    (void)self;
    return store_sqlite_open(&config, out, error);
}

static const struct store_opener nameless = {
    .name = "sqlite in memory", .open = open_nameless, .undoes = 1};

Test(host_store, memory_store_does_what_every_store_must_do)
{
    cr_assert_eq(store_conformance(&memory), 0);
}

Test(host_store, sqlite_in_memory_does_what_every_store_must_do)
{
    cr_assert_eq(store_conformance(&nameless), 0);
}

Test(host_store, sqlite_on_a_file_does_what_every_store_must_do)
{
    struct file file = {.page_size = 4096};
    struct store_opener opener = on_file(&file);

    make_directory(&file);
    cr_expect_eq(store_conformance(&opener), 0);
    file.journal = STORE_SQLITE_DELETE;
    file.page_size = 1024;
    cr_expect_eq(store_conformance(&opener), 0);
    remove_directory(&file);
}

Test(host_store, the_suite_has_at_least_forty_sentences)
{
    cr_assert_geq(store_conformance_count(), 40);
}

Test(host_store, random_requests_get_the_model_s_answers_and_equal_bytes)
{
    for (uint64_t seed = 1; seed <= 12; seed++)
        cr_assert_eq(store_conformance_random(&memory, &nameless, seed, 2000),
                     0, "seed %d", (int)seed);
}
