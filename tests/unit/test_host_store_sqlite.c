#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/stat.h>

#include "engine/host/store_sqlite.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

enum {
    RUNS = 20
};

static int open_ahead(void *self, const struct store_opening *how,
                      struct engine_store *out)
{
    const struct store_file *file = self;
    struct store_sqlite_config config = {.path = file->path,
                                         .create = 1,
                                         .shared = 1,
                                         .wal_ahead = 1,
                                         .limits = how->limits,
                                         .defects = how->defects};
    char error[STORE_SQLITE_ERROR_SIZE];

    return store_sqlite_open(&config, out, error);
}

static off_t log_size(const struct store_file *file)
{
    struct stat status;
    char wal[128];

    snprintf(wal, sizeof(wal), "%s-wal", file->path);
    cr_assert_eq(stat(wal, &status), 0);
    return status.st_size;
}

static void create(struct store_bed *bed, uint64_t run)
{
    store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, run);
    store_bed_event(bed, ENGINE_EV_RUN_CREATED, 1);
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
}

static int count_run(void *self, const struct engine_run_row *row)
{
    (void)row;
    (*(unsigned *)self)++;
    return 0;
}

Test(host_store_sqlite, a_log_that_grows_ahead_keeps_its_size_and_its_runs)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = {
        .name = "ahead", .open = open_ahead, .self = &file};
    struct store_bed bed;
    unsigned runs = 0;

    store_file_make(&file);
    cr_assert_eq(store_bed_open(&bed, &opener), 0);
    create(&bed, 1);
    off_t size = log_size(&file);
    cr_expect_geq(size, 1024 * 1024);
    for (uint64_t run = 2; run <= RUNS; run++)
        create(&bed, run);
    cr_expect_eq(log_size(&file), size);
    cr_assert_eq(store_bed_reopen(&bed), 0);
    cr_assert_eq(bed.store.ops->scan_runs(bed.store.self, count_run, &runs), 0);
    cr_expect_eq(runs, RUNS);
    store_bed_close(&bed);
    store_file_remove(&file);
}
