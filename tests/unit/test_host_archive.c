#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/archive.h"
#include "engine/host/store_upkeep.h"
#include "engine/host/verify.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

struct attic {
    struct store_file file;
    struct store_opener opener;
    struct store_bed bed;
    char path[128];
    struct archive_result result;
};

static void set_up(struct attic *a)
{
    memset(a, 0, sizeof(*a));
    a->file.page_size = 4096;
    a->opener = store_file_opener(&a->file);
    store_file_make(&a->file);
    snprintf(a->path, sizeof(a->path), "%s/archive.jsonl", a->file.directory);
    cr_assert_eq(store_bed_open(&a->bed, &a->opener), 0, "%s", a->file.error);
}

static void tear_down(struct attic *a)
{
    unlink(a->path);
    store_bed_close(&a->bed);
    store_file_remove(&a->file);
}

static const char large[] = "a value above the inline limit";

static void put_blob(struct attic *a, uint8_t digest[32])
{
    struct engine_item item = {.type = ENGINE_ITEM_BLOB};
    struct engine_request *request =
        store_bed_ask(&a->bed, ENGINE_REQ_PUT_BLOB, BED_A, 0);

    crypto_hash_sha256(digest, (const unsigned char *)large, sizeof(large));
    memcpy(request->blob, digest, 32);
    store_bed_item(&a->bed, &item, large, sizeof(large));
    cr_assert_eq(store_bed_send(&a->bed), ENGINE_COMMITTED);
}

/* A run of three rows that refers to a blob; it ends in this state. */
static void make_run(struct attic *a, uint64_t run, uint32_t state)
{
    struct engine_item event = {.type = ENGINE_ITEM_EVENT, .kind = 1, .a = 7};
    struct store_bed *bed = &a->bed;
    uint8_t digest[32];

    put_blob(a, digest);
    store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, run);
    store_bed_item(bed, &event, digest, sizeof(digest));
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    for (uint64_t seq = 2; seq <= 3; seq++) {
        struct engine_request *request =
            store_bed_ask(bed, ENGINE_REQ_APPEND, BED_A, run);

        request->token = 1;
        request->seq = seq;
        request->state = seq == 3 ? state : ENGINE_RUN_RUNNING;
        store_bed_event(bed, ENGINE_EV_OP_SCHEDULED, seq);
        if (seq == 2)
            store_bed_snapshot(bed, 1, "folded");
        cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    }
}

static struct archive_options options(void)
{
    return (struct archive_options){
        .now_ns = 9000, .age_ns = 1000, .runs_max = 100, .slice = 2};
}

static int archive(struct attic *a)
{
    struct archive_options how = options();

    return archive_write(&a->bed.store, a->path, &how, &a->result);
}

static struct engine_hash hash_of(struct attic *a, uint64_t run)
{
    store_bed_ask(&a->bed, ENGINE_REQ_CREATE, BED_A, run);
    cr_assert_eq(store_bed_send(&a->bed), ENGINE_CONFLICT);
    return store_bed_reply(&a->bed)->hash;
}

static int add_up(void *self, const struct engine_log_row *row)
{
    uint64_t *sum = self;

    *sum = *sum * 31 + engine_hash_bytes(row->items, row->items_size).lo +
           row->time_ns + row->token;
    return 0;
}

/* A number that stands for all events of a run. */
static uint64_t events_of(struct attic *a, uint64_t run,
                          struct store_page *page)
{
    uint64_t sum = 1;

    cr_assert_eq(
        store_read_events(&a->bed.store, run, 0, 100, add_up, &sum, page), 0);
    return sum;
}

static void expect_whole(struct attic *a)
{
    struct verify_summary summary;

    cr_expect_eq(verify_store(&a->bed.store, NULL, NULL, &summary), 0);
    cr_expect_eq(summary.findings, 0);
}

Test(host_archive, an_archived_run_comes_back_as_it_was)
{
    struct attic a;
    struct store_page page;
    struct engine_hash before;
    struct engine_hash after;
    uint64_t events;

    set_up(&a);
    make_run(&a, 1, ENGINE_RUN_SUCCEEDED);
    make_run(&a, 2, ENGINE_RUN_RUNNING);
    make_run(&a, 3, ENGINE_RUN_FAILED);
    before = hash_of(&a, 1);
    events = events_of(&a, 1, &page);
    cr_assert_eq(archive(&a), 0, "%s", a.result.text);
    cr_expect_eq(a.result.runs, 2);
    cr_expect_eq(a.result.rows, 6);
    cr_expect_eq(a.result.blobs, 1);
    events_of(&a, 1, &page);
    cr_expect_eq(page.state, STORE_PAGE_ARCHIVED);
    events_of(&a, 2, &page);
    cr_expect_eq(page.state, STORE_PAGE_END);
    expect_whole(&a);
    cr_assert_eq(archive_restore(&a.bed.store, a.path, 9000, &a.result), 0,
                 "%s", a.result.text);
    cr_expect_eq(a.result.runs, 2);
    cr_expect_eq(a.result.skipped, 0);
    after = hash_of(&a, 1);
    cr_expect(before.lo == after.lo && before.hi == after.hi);
    cr_expect_eq(events_of(&a, 1, &page), events);
    cr_expect_eq(page.state, STORE_PAGE_END);
    expect_whole(&a);
    tear_down(&a);
}

Test(host_archive, as_many_runs_as_a_number_can_say_may_be_asked_for)
{
    struct archive_options how = options();
    struct attic a;

    set_up(&a);
    make_run(&a, 1, ENGINE_RUN_SUCCEEDED);
    how.runs_max = UINT32_MAX;
    cr_expect_eq(archive_write(&a.bed.store, a.path, &how, &a.result), 0, "%s",
                 a.result.text);
    cr_expect_eq(a.result.runs, 1);
    tear_down(&a);
}

Test(host_archive, a_run_is_restored_into_an_empty_encrypted_store)
{
    static const uint8_t key[32] = {9};
    struct attic a;
    struct store_page page;
    uint64_t events;
    uint8_t digest[32];

    set_up(&a);
    make_run(&a, 1, ENGINE_RUN_SUCCEEDED);
    events = events_of(&a, 1, &page);
    cr_assert_eq(archive(&a), 0, "%s", a.result.text);
    a.file.key = key;
    a.bed.how.fresh = 1;
    cr_assert_eq(store_bed_reopen(&a.bed), 0);
    cr_assert_eq(archive_restore(&a.bed.store, a.path, 9000, &a.result), 0,
                 "%s", a.result.text);
    cr_expect_eq(events_of(&a, 1, &page), events);
    crypto_hash_sha256(digest, (const unsigned char *)large, sizeof(large));
    memcpy(store_bed_ask(&a.bed, ENGINE_REQ_GET_BLOB, BED_A, 0)->blob, digest,
           32);
    cr_expect_eq(store_bed_send(&a.bed), ENGINE_COMMITTED);
    cr_expect_not_null(store_bed_find(&a.bed, ENGINE_ITEM_BLOB, 0));
    expect_whole(&a);
    tear_down(&a);
}

Test(host_archive, a_compacted_run_is_archived_with_its_snapshot)
{
    struct attic a;
    struct store_page page;
    uint64_t cursor = 0;
    uint64_t events;

    set_up(&a);
    make_run(&a, 1, ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(store_compact(&a.bed.store, 9000, 0, 9, &cursor), 0);
    while (store_purge(&a.bed.store, 9000, 1) > 0)
        continue;
    events = events_of(&a, 1, &page);
    cr_expect_eq(page.folded_seq, 1);
    expect_whole(&a);
    cr_assert_eq(archive(&a), 0, "%s", a.result.text);
    cr_expect_eq(a.result.rows, 2);
    cr_assert_eq(archive_restore(&a.bed.store, a.path, 9000, &a.result), 0,
                 "%s", a.result.text);
    cr_expect_eq(events_of(&a, 1, &page), events);
    cr_expect_eq(page.folded_seq, 1);
    expect_whole(&a);
    tear_down(&a);
}

Test(host_archive, open_young_and_unacknowledged_runs_are_left_alone)
{
    struct engine_item outbox = {.type = ENGINE_ITEM_OUTBOX, .kind = 1};
    struct engine_request *request;
    struct attic a;

    set_up(&a);
    make_run(&a, 1, ENGINE_RUN_BLOCKED);
    make_run(&a, 2, ENGINE_RUN_RUNNING);
    request = store_bed_ask(&a.bed, ENGINE_REQ_APPEND, BED_A, 2);
    request->token = 1;
    request->seq = 4;
    request->state = ENGINE_RUN_SUCCEEDED;
    store_bed_event(&a.bed, ENGINE_EV_RUN_SUCCEEDED, 0);
    store_bed_item(&a.bed, &outbox, "result", 6);
    cr_assert_eq(store_bed_send(&a.bed), ENGINE_COMMITTED);
    a.bed.now = 8000;
    make_run(&a, 3, ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(archive(&a), 0);
    cr_expect_eq(a.result.runs, 0);
    cr_expect_neq(access(a.path, F_OK), 0, "an empty archive was written");
    tear_down(&a);
}

Test(host_archive, what_is_there_already_is_skipped)
{
    struct attic a;

    set_up(&a);
    make_run(&a, 1, ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(archive(&a), 0, "%s", a.result.text);
    cr_assert_eq(archive_restore(&a.bed.store, a.path, 9000, &a.result), 0);
    cr_assert_eq(archive_restore(&a.bed.store, a.path, 9000, &a.result), 0);
    cr_expect_eq(a.result.runs, 0);
    cr_expect_eq(a.result.skipped, 1);
    while (store_purge(&a.bed.store, 9000, 9) > 0)
        continue;
    cr_expect_eq(archive(&a), -1);
    cr_expect(strstr(a.result.text, "there already"), "%s", a.result.text);
    expect_whole(&a);
    tear_down(&a);
}

Test(host_archive, a_trimmed_archive_has_heads_only_and_is_not_restored)
{
    struct archive_options how = options();
    struct attic a;
    char *text;

    set_up(&a);
    make_run(&a, 1, ENGINE_RUN_SUCCEEDED);
    how.trim = 1;
    cr_assert_eq(archive_write(&a.bed.store, a.path, &how, &a.result), 0, "%s",
                 a.result.text);
    cr_expect_eq(a.result.blobs, 0);
    text = store_file_text(a.path);
    cr_expect(strstr(text, "\"kind\":\"op_scheduled\""));
    cr_expect(!strstr(text, "items"));
    cr_expect(!strstr(text, "ZXZlbnQgcGF5bG9hZ"), "a payload is in it");
    free(text);
    cr_expect_eq(archive_check(a.path, &a.result), 0);
    cr_expect_eq(a.result.rows, 3);
    cr_expect_eq(archive_restore(&a.bed.store, a.path, 9000, &a.result), -1);
    cr_expect(strstr(a.result.text, "trimmed"), "%s", a.result.text);
    tear_down(&a);
}

static void write_text(const char *path, const char *text, size_t size)
{
    FILE *stream = fopen(path, "wb");

    cr_assert(stream);
    cr_assert_eq(fwrite(text, 1, size, stream), size);
    fclose(stream);
}

Test(host_archive, a_file_that_is_cut_or_changed_anywhere_restores_nothing)
{
    struct attic a;
    char *text;
    size_t size;

    set_up(&a);
    make_run(&a, 1, ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(archive(&a), 0, "%s", a.result.text);
    text = store_file_text(a.path);
    size = strlen(text);
    a.bed.how.fresh = 1;
    cr_assert_eq(store_bed_reopen(&a.bed), 0);
    for (size_t at = 0; at + 1 < size; at += 7) {
        write_text(a.path, text, at);
        cr_expect_eq(archive_restore(&a.bed.store, a.path, 9000, &a.result), -1,
                     "cut at %zu", at);
        text[at] ^= 1;
        write_text(a.path, text, size);
        cr_expect_eq(archive_restore(&a.bed.store, a.path, 9000, &a.result), -1,
                     "changed at %zu", at);
        cr_expect_eq(strncmp(a.result.text, a.path, strlen(a.path)), 0);
        text[at] ^= 1;
    }
    store_bed_ask(&a.bed, ENGINE_REQ_CREATE, BED_A, 1);
    cr_expect_eq(store_bed_send(&a.bed), ENGINE_COMMITTED);
    free(text);
    tear_down(&a);
}

Test(host_archive, a_directory_that_cannot_be_written_leaves_the_runs)
{
    struct archive_options how = options();
    struct attic a;
    struct store_page page;

    set_up(&a);
    make_run(&a, 1, ENGINE_RUN_SUCCEEDED);
    cr_expect_eq(archive_write(&a.bed.store, "/tmp/perdure-no/such/archive",
                               &how, &a.result),
                 -1);
    cr_expect(strstr(a.result.text, "No such file"), "%s", a.result.text);
    events_of(&a, 1, &page);
    cr_expect_eq(page.state, STORE_PAGE_END);
    tear_down(&a);
}
