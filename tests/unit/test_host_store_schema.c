#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/store_schema.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

/* A store as version 1 left it. */
static void make_version_1(struct store_file *file)
{
    char *sql = store_file_text("tests/support/store_version_1.sql");

    store_file_make(file);
    store_file_meddle(file, sql);
    free(sql);
}

static void open_bed(struct store_bed *bed, const struct store_opener *opener)
{
    memset(bed, 0, sizeof(*bed));
    bed->opener = opener;
    bed->now = 2000;
    bed->how.limits = (struct engine_store_limits){.op_payload_max = 1 << 20,
                                                   .request_max = 1 << 20,
                                                   .history_ops_max = 1000,
                                                   .blob_max = 1 << 20};
    cr_assert_eq(opener->open(opener->self, &bed->how, &bed->store), 0, "%s",
                 ((struct store_file *)opener->self)->error);
}

Test(host_store_schema, a_store_of_version_1_goes_on_as_version_2)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = store_file_opener(&file);
    struct store_bed bed;

    make_version_1(&file);
    open_bed(&bed, &opener);
    store_bed_ask(&bed, ENGINE_REQ_ACQUIRE, BED_B, 0);
    cr_assert_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    cr_expect_eq(store_bed_reply(&bed)->run, 1);
    cr_expect_eq(store_bed_reply(&bed)->seq, 4);
    cr_expect_eq(store_bed_find(&bed, ENGINE_ITEM_LOG, 1)->a, 2);
    cr_expect(
        store_bed_says(store_bed_find(&bed, ENGINE_ITEM_WORK, 0), "input"));
    store_bed_signal(&bed, BED_C, 1, 5, "hello");
    cr_expect_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    store_bed_ask(&bed, ENGINE_REQ_GET_BLOB, BED_A, 0)->blob[0] = 1;
    cr_expect_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    cr_expect(store_bed_says(store_bed_find(&bed, ENGINE_ITEM_BLOB, 0),
                             "a blob of version 1"));
    store_bed_close(&bed);
    cr_expect_eq(store_file_ask(&file, "PRAGMA user_version"), 2);
    store_file_remove(&file);
}

Test(host_store_schema, a_blob_of_version_1_has_no_time_and_gets_one_when_put)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = store_file_opener(&file);
    struct engine_item item = {.type = ENGINE_ITEM_BLOB};
    struct store_bed bed;

    make_version_1(&file);
    open_bed(&bed, &opener);
    bed.now = UINT64_C(1) << 50;
    store_bed_ask(&bed, ENGINE_REQ_PUT_BLOB, BED_A, 0)->blob[0] = 1;
    store_bed_item(&bed, &item, "a blob of version 1", 19);
    cr_expect_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    cr_expect_eq(store_bed_reply(&bed)->repeat, 1);
    store_bed_close(&bed);
    cr_expect_eq(store_file_ask(&file, "SELECT created FROM blob"), INT64_C(1)
                                                                        << 50);
    store_file_remove(&file);
}

Test(host_store_schema, opening_a_second_time_changes_nothing)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = store_file_opener(&file);
    struct store_bed bed;
    int64_t before;

    make_version_1(&file);
    open_bed(&bed, &opener);
    store_bed_close(&bed);
    before = store_file_ask(&file, "PRAGMA schema_version");
    open_bed(&bed, &opener);
    store_bed_close(&bed);
    cr_expect_eq(store_file_ask(&file, "PRAGMA schema_version"), before);
    store_file_remove(&file);
}

Test(host_store_schema, a_store_of_a_newer_version_says_both_and_the_way_out)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = store_file_opener(&file);
    struct store_opening how = {.fresh = 0};
    struct engine_store store;

    make_version_1(&file);
    store_file_meddle(&file, "PRAGMA user_version=7");
    cr_expect_eq(opener.open(opener.self, &how, &store), -1);
    cr_expect(strstr(file.error, file.path), "%s", file.error);
    cr_expect(strstr(file.error, "schema is 7"), "%s", file.error);
    cr_expect(strstr(file.error, "up to 2"), "%s", file.error);
    cr_expect(strstr(file.error, "the perdure that wrote it"), "%s",
              file.error);
    cr_expect_eq(store_file_ask(&file, "PRAGMA user_version"), 7);
    store_file_remove(&file);
}

Test(host_store_schema, tables_for_signals_are_made_with_the_first_one)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = store_file_opener(&file);
    struct store_bed bed;
    const char *count = "SELECT count(*) FROM sqlite_schema "
                        "WHERE name IN ('inbox', 'snapshot', 'purge')";

    make_version_1(&file);
    open_bed(&bed, &opener);
    store_bed_close(&bed);
    cr_expect_eq(store_file_ask(&file, count), 0);
    open_bed(&bed, &opener);
    store_bed_signal(&bed, BED_C, 1, 5, "hello");
    cr_expect_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    store_bed_close(&bed);
    cr_expect_eq(store_file_ask(&file, count), 1);
    store_file_remove(&file);
}

Test(host_store_schema, tables_made_in_a_group_that_is_undone_are_made_again)
{
    struct store_file file = {.page_size = 4096};
    struct store_opener opener = store_file_opener(&file);
    const struct engine_store *store;
    struct store_bed bed;

    make_version_1(&file);
    open_bed(&bed, &opener);
    store = &bed.store;
    for (int i = 0; i < 2; i++) {
        cr_assert_eq(store->ops->begin(store->self, 2000), 0);
        store_bed_signal(&bed, BED_C, 1, 5, "hello");
        cr_expect_eq(store_bed_apply(&bed), ENGINE_COMMITTED);
        cr_expect_eq(store_bed_reply(&bed)->repeat, 0);
        store->ops->rollback(store->self);
    }
    store_bed_signal(&bed, BED_C, 1, 5, "hello");
    cr_expect_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    cr_expect_eq(store_bed_reply(&bed)->repeat, 0);
    store_bed_close(&bed);
    store_file_remove(&file);
}
