#include <criterion/criterion.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

static void expect_trouble(struct store_file *file, enum store_trouble trouble,
                           const char *words)
{
    struct engine_store store;

    cr_assert_eq(store_file_try(file, &store), -1, "%s", words);
    cr_expect_eq(file->trouble, trouble, "%s: %d", words, file->trouble);
    cr_expect(strstr(file->error, words), "%s", file->error);
    cr_expect_eq(strncmp(file->error, file->path, strlen(file->path)), 0, "%s",
                 file->error);
}

static void make_store(struct store_file *file)
{
    struct engine_store store;

    store_file_make(file);
    store = store_file_open(file);
    store.ops->close(store.self);
}

static unsigned create(struct store_bed *bed, uint64_t run)
{
    store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, run);
    store_bed_event(bed, ENGINE_EV_RUN_CREATED, 1);
    return store_bed_send(bed);
}

Test(host_store_open, what_is_not_ours_is_told_apart)
{
    struct store_file file = {.page_size = 1024};

    store_file_make(&file);
    store_file_meddle(&file, "CREATE TABLE songs (title)");
    expect_trouble(&file, STORE_TROUBLE_FOREIGN, "another program");
    store_file_remove(&file);
    make_store(&file);
    store_file_meddle(&file, "PRAGMA user_version=9");
    expect_trouble(&file, STORE_TROUBLE_NEWER, "newer version");
    store_file_remove(&file);
    store_file_make(&file);
    snprintf(file.path, sizeof(file.path), "%s/no/where", file.directory);
    expect_trouble(&file, STORE_TROUBLE_MISSING, "cannot be opened");
    rmdir(file.directory);
}

/* Overwrites bytes of the file. */
static void scratch(const struct store_file *file, long at, size_t size)
{
    FILE *stream = fopen(file->path, "r+b");

    cr_assert(stream);
    fseek(stream, at, SEEK_SET);
    for (size_t i = 0; i < size; i++)
        fputc(0xa5, stream);
    fclose(stream);
}

Test(host_store_open, a_damaged_header_and_a_damaged_schema_are_told)
{
    struct store_file file = {.page_size = 4096,
                              .journal = STORE_SQLITE_DELETE};

    make_store(&file);
    scratch(&file, 0, 16);
    expect_trouble(&file, STORE_TROUBLE_FOREIGN, "first page is damaged");
    store_file_remove(&file);
    make_store(&file);
    scratch(&file, 100, 60);
    expect_trouble(&file, STORE_TROUBLE_DAMAGED, "damaged: a page");
    store_file_remove(&file);
}

Test(host_store_open, a_damaged_page_fails_the_group_and_says_why)
{
    struct store_file file = {.page_size = 4096,
                              .journal = STORE_SQLITE_DELETE};
    struct store_opener opener = store_file_opener(&file);
    struct store_problem problem;
    struct store_bed bed;

    store_file_make(&file);
    cr_assert_eq(store_bed_open(&bed, &opener), 0);
    cr_assert_eq(create(&bed, 1), ENGINE_COMMITTED);
    bed.store.ops->close(bed.store.self);
    scratch(&file,
            4096L * (store_file_ask(&file, "SELECT rootpage FROM "
                                           "sqlite_schema WHERE name = 'run'") -
                     1),
            4096);
    bed.store = store_file_open(&file);
    cr_expect_eq(create(&bed, 2), 0);
    store_sqlite_why(&bed.store, file.path, &problem);
    cr_expect_eq(problem.trouble, STORE_TROUBLE_DAMAGED, "%s", problem.text);
    store_bed_close(&bed);
    store_file_remove(&file);
}

Test(host_store_open, a_store_locked_by_another_program_says_so)
{
    struct store_file file = {.page_size = 4096, .busy_timeout_ms = 1};
    struct engine_store store;
    sqlite3 *db;

    make_store(&file);
    cr_assert_eq(sqlite3_open(file.path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL), 0);
    expect_trouble(&file, STORE_TROUBLE_LOCKED, "in use");
    sqlite3_close(db);
    store = store_file_open(&file);
    store.ops->close(store.self);
    store_file_remove(&file);
}

Test(host_store_open, a_read_only_store_is_read_and_not_written)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = store_file_opener(&file);
    struct store_problem problem;
    struct store_bed bed;
    struct stat before;
    struct stat after;

    store_file_make(&file);
    cr_assert_eq(store_bed_open(&bed, &opener), 0);
    cr_assert_eq(create(&bed, 1), ENGINE_COMMITTED);
    bed.store.ops->close(bed.store.self);
    cr_assert_eq(stat(file.path, &before), 0);
    file.read_only = 1;
    bed.store = store_file_open(&file);
    store_bed_ask(&bed, ENGINE_REQ_LOAD, BED_A, 1)->token = 1;
    cr_expect_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    cr_expect_eq(create(&bed, 2), 0);
    store_sqlite_why(&bed.store, file.path, &problem);
    cr_expect_eq(problem.trouble, STORE_TROUBLE_READ_ONLY, "%s", problem.text);
    store_bed_close(&bed);
    cr_assert_eq(stat(file.path, &after), 0);
    cr_expect_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
    cr_expect_eq(before.st_size, after.st_size);
    store_file_remove(&file);
}

Test(host_store_open, an_older_or_missing_store_is_not_opened_to_read)
{
    struct store_file file = {.page_size = 4096, .read_only = 1};
    char *sql = store_file_text("tests/support/store_version_1.sql");

    store_file_make(&file);
    expect_trouble(&file, STORE_TROUBLE_MISSING, "cannot be opened");
    store_file_meddle(&file, "VACUUM");
    expect_trouble(&file, STORE_TROUBLE_FOREIGN, "an empty database");
    store_file_meddle(&file, sql);
    expect_trouble(&file, STORE_TROUBLE_READ_ONLY, "of an older version");
    cr_expect_eq(store_file_ask(&file, "PRAGMA user_version"), 1);
    store_file_remove(&file);
    free(sql);
}

static void let_files_grow(int grow)
{
    struct rlimit limit;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = grow ? limit.rlim_max : 0;
    cr_assert_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

Test(host_store_open, a_store_that_cannot_grow_is_not_made_and_says_why)
{
    struct store_file file = {.page_size = 4096};
    struct engine_store store;
    int result;

    store_file_make(&file);
    let_files_grow(0);
    result = store_file_try(&file, &store);
    let_files_grow(1);
    cr_expect_eq(result, -1);
    cr_expect(file.trouble == STORE_TROUBLE_FULL ||
                  file.trouble == STORE_TROUBLE_IO,
              "%s", file.error);
    store = store_file_open(&file);
    store.ops->close(store.self);
    store_file_remove(&file);
}
