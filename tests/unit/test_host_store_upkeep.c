#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/cipher.h"
#include "engine/host/store_upkeep.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

struct upkeep {
    struct store_file file;
    struct store_opener opener;
    struct store_bed bed;
};

static void set_up(struct upkeep *u)
{
    memset(u, 0, sizeof(*u));
    u->file.page_size = 4096;
    u->opener = store_file_opener(&u->file);
    store_file_make(&u->file);
    cr_assert_eq(store_bed_open(&u->bed, &u->opener), 0, "%s", u->file.error);
}

static void tear_down(struct upkeep *u)
{
    store_bed_close(&u->bed);
    store_file_remove(&u->file);
}

static void create(struct upkeep *u, uint64_t run)
{
    store_bed_ask(&u->bed, ENGINE_REQ_CREATE, BED_A, run);
    store_bed_event(&u->bed, ENGINE_EV_RUN_CREATED, 1);
    cr_assert_eq(store_bed_send(&u->bed), ENGINE_COMMITTED);
}

static struct engine_request *ask_append(struct upkeep *u, uint64_t run,
                                         uint64_t seq, uint32_t state)
{
    struct engine_request *request =
        store_bed_ask(&u->bed, ENGINE_REQ_APPEND, BED_A, run);

    request->token = 1;
    request->seq = seq;
    request->state = state;
    return request;
}

/* Rows of two events each, from seq 2 on; the last one may end the run. */
static void append_rows(struct upkeep *u, uint64_t run, unsigned count,
                        uint32_t last_state)
{
    for (unsigned i = 0; i < count; i++) {
        ask_append(u, run, 2 + 2 * (uint64_t)i,
                   i + 1 == count ? last_state : ENGINE_RUN_RUNNING);
        store_bed_event(&u->bed, ENGINE_EV_OP_SCHEDULED, i);
        store_bed_event(&u->bed, ENGINE_EV_OP_SUCCEEDED, i);
        cr_assert_eq(store_bed_send(&u->bed), ENGINE_COMMITTED);
    }
}

/* A run of 21 events that has ended, with a snapshot up to seq 11. */
static void make_closed(struct upkeep *u, uint64_t run)
{
    create(u, run);
    append_rows(u, run, 5, ENGINE_RUN_RUNNING);
    ask_append(u, run, 12, ENGINE_RUN_RUNNING);
    store_bed_event(&u->bed, ENGINE_EV_OP_SCHEDULED, 9);
    store_bed_event(&u->bed, ENGINE_EV_OP_SUCCEEDED, 9);
    store_bed_snapshot(&u->bed, 11, "the first eleven");
    cr_assert_eq(store_bed_send(&u->bed), ENGINE_COMMITTED);
    ask_append(u, run, 14, ENGINE_RUN_SUCCEEDED);
    store_bed_event(&u->bed, ENGINE_EV_RUN_SUCCEEDED, 0);
    cr_assert_eq(store_bed_send(&u->bed), ENGINE_COMMITTED);
}

struct pages {
    uint64_t next; /* the sequence number that must come */
    unsigned rows;
    int wrong;
};

static int see_row(void *self, const struct engine_log_row *row)
{
    struct pages *pages = self;

    pages->wrong |= row->seq != pages->next;
    pages->next = row->seq + row->count;
    pages->rows++;
    return 0;
}

Test(host_store_upkeep, pages_of_any_size_give_every_event_once)
{
    struct upkeep u;

    set_up(&u);
    create(&u, 1);
    create(&u, 2);
    append_rows(&u, 1, 20, ENGINE_RUN_RUNNING);
    for (uint32_t limit = 1; limit <= 22; limit++) {
        struct pages pages = {.next = 1};
        struct store_page page = {.state = STORE_PAGE_MORE};

        while (page.state == STORE_PAGE_MORE) {
            unsigned before = pages.rows;

            cr_assert_eq(store_read_events(&u.bed.store, 1, page.last_seq,
                                           limit, see_row, &pages, &page),
                         0);
            cr_expect_leq(pages.rows - before, limit);
        }
        cr_expect_eq(page.state, STORE_PAGE_END);
        cr_expect_eq(pages.rows, 21);
        cr_expect_eq(pages.next, 42);
        cr_expect_eq(pages.wrong, 0, "limit %u", limit);
    }
    tear_down(&u);
}

Test(host_store_upkeep, a_page_after_the_middle_of_a_row_begins_with_that_row)
{
    struct upkeep u;
    struct store_page page;
    struct pages pages = {.next = 4};

    set_up(&u);
    create(&u, 1);
    append_rows(&u, 1, 3, ENGINE_RUN_RUNNING);
    cr_assert_eq(
        store_read_events(&u.bed.store, 1, 4, 100, see_row, &pages, &page), 0);
    cr_expect_eq(pages.wrong, 0);
    cr_expect_eq(pages.rows, 2);
    cr_assert_eq(
        store_read_events(&u.bed.store, 1, 7, 100, see_row, &pages, &page), 0);
    cr_expect_eq(pages.rows, 2);
    cr_expect_eq(page.last_seq, 0);
    cr_assert_eq(
        store_read_events(&u.bed.store, 5, 0, 1, see_row, &pages, &page), 0);
    cr_expect_eq(page.state, STORE_PAGE_NO_RUN);
    tear_down(&u);
}

/* Blobs. */

static void put_blob(struct upkeep *u, uint8_t name)
{
    struct engine_item item = {.type = ENGINE_ITEM_BLOB};
    struct engine_request *request =
        store_bed_ask(&u->bed, ENGINE_REQ_PUT_BLOB, BED_A, 0);

    memset(request->blob, name, sizeof(request->blob));
    store_bed_item(&u->bed, &item, "large", 5);
    cr_assert_eq(store_bed_send(&u->bed), ENGINE_COMMITTED);
}

static int has_blob(struct upkeep *u, uint8_t name)
{
    struct engine_request *request =
        store_bed_ask(&u->bed, ENGINE_REQ_GET_BLOB, BED_A, 0);

    memset(request->blob, name, sizeof(request->blob));
    cr_assert_eq(store_bed_send(&u->bed), ENGINE_COMMITTED);
    return store_bed_find(&u->bed, ENGINE_ITEM_BLOB, 0) != NULL;
}

/* Some text with the digest of a blob in it, at no round place. */
static const char *referring(char text[64], char name)
{
    snprintf(text, 64, "see %032d!", 0);
    memset(text + 4, name, 32);
    return text;
}

/* Refers to blob 1 from the log, 2 from work, 3 inbox, 4 outbox, 5 snapshot. */
static void refer(struct upkeep *u)
{
    struct engine_item event = {.type = ENGINE_ITEM_EVENT, .kind = 1};
    struct engine_item outbox = {.type = ENGINE_ITEM_OUTBOX, .kind = 1};
    struct store_bed *bed = &u->bed;
    char text[64];

    store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, 1);
    store_bed_item(bed, &event, referring(text, 1), 37);
    store_bed_work(bed, ENGINE_WORK_PUT, 3, 1, referring(text, 2));
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    store_bed_signal(bed, BED_A, 1, 5, referring(text, 3));
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    ask_append(u, 1, 2, ENGINE_RUN_RUNNING);
    store_bed_item(bed, &outbox, referring(text, 4), 37);
    store_bed_snapshot(bed, 1, referring(text, 5));
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
}

Test(host_store_upkeep, a_blob_goes_when_it_is_old_and_nothing_refers_to_it)
{
    static const uint8_t key[CIPHER_KEY_SIZE] = {7};
    struct upkeep u;
    uint64_t removed;

    for (int encrypted = 0; encrypted < 2; encrypted++) {
        set_up(&u);
        u.file.key = encrypted ? key : NULL;
        u.bed.how.fresh = 1;
        cr_assert_eq(store_bed_reopen(&u.bed), 0);
        for (uint8_t name = 1; name <= 7; name++)
            put_blob(&u, name);
        refer(&u);
        u.bed.now = 5000;
        put_blob(&u, 8);
        cr_assert_eq(store_collect(&u.bed.store, 6000, 4000, 100, &removed), 0);
        cr_expect_eq(removed, 2);
        for (uint8_t name = 1; name <= 8; name++)
            cr_expect_eq(has_blob(&u, name), name != 6 && name != 7, "blob %d",
                         name);
        cr_assert_eq(store_collect(&u.bed.store, 9001, 4000, 100, &removed), 0);
        cr_expect_eq(removed, 1);
        tear_down(&u);
    }
}

Test(host_store_upkeep, a_collection_removes_as_many_as_it_may)
{
    struct upkeep u;
    uint64_t removed;

    set_up(&u);
    for (uint8_t name = 1; name <= 5; name++)
        put_blob(&u, name);
    cr_assert_eq(store_collect(&u.bed.store, 9000, 0, 3, &removed), 0);
    cr_expect_eq(removed, 3);
    cr_assert_eq(store_collect(&u.bed.store, 9000, 0, 3, &removed), 0);
    cr_expect_eq(removed, 2);
    tear_down(&u);
}

Test(host_store_upkeep, a_blob_that_was_put_again_counts_as_new)
{
    uint64_t late = UINT64_C(3600000000000);
    struct upkeep u;
    uint64_t removed;

    set_up(&u);
    put_blob(&u, 1);
    u.bed.now = late;
    put_blob(&u, 1);
    cr_assert_eq(store_collect(&u.bed.store, late + 10, 11, 9, &removed), 0);
    cr_expect_eq(removed, 0);
    cr_assert_eq(store_collect(&u.bed.store, late + 10, 10, 9, &removed), 0);
    cr_expect_eq(removed, 1);
    tear_down(&u);
}

/* Logs. */

static int64_t count_rows(struct upkeep *u)
{
    int64_t rows;

    u->bed.store.ops->close(u->bed.store.self);
    rows = store_file_ask(&u->file, "SELECT count(*) FROM log WHERE run = 1");
    u->bed.store = store_file_open(&u->file);
    return rows;
}

static void purge_all(struct upkeep *u, uint32_t slice)
{
    int more = 1;

    for (int i = 0; i < 100 && more; i++)
        more = store_purge(&u->bed.store, u->bed.now, slice);
    cr_assert_eq(more, 0);
}

Test(host_store_upkeep, a_closed_run_keeps_its_snapshot_and_the_log_after_it)
{
    struct upkeep u;
    struct pages pages = {.next = 12};
    struct store_page page;
    uint64_t cursor = 0;

    set_up(&u);
    make_closed(&u, 1);
    create(&u, 2);
    cr_assert_eq(store_compact(&u.bed.store, 2000, 1000, 9, &cursor), 0);
    purge_all(&u, 2);
    cr_expect_eq(count_rows(&u), 8, "not old enough");
    cr_assert_eq(store_compact(&u.bed.store, 2001, 1000, 9, &cursor), 0);
    cr_expect_eq(cursor, 0);
    purge_all(&u, 2);
    cr_expect_eq(count_rows(&u), 2);
    cr_assert_eq(
        store_read_events(&u.bed.store, 1, 0, 9, see_row, &pages, &page), 0);
    cr_expect_eq(page.folded_seq, 11);
    cr_expect_eq(pages.wrong, 0);
    cr_expect_eq(pages.next, 15);
    store_bed_ask(&u.bed, ENGINE_REQ_LOAD, BED_A, 1)->token = 1;
    cr_expect_eq(store_bed_send(&u.bed), ENGINE_COMMITTED);
    cr_expect_eq(store_bed_find(&u.bed, ENGINE_ITEM_SNAPSHOT, 0)->a, 11);
    cr_expect_eq(store_bed_find(&u.bed, ENGINE_ITEM_LOG, 0)->a, 12);
    tear_down(&u);
}

Test(host_store_upkeep, the_log_of_an_open_run_or_a_bad_snapshot_stays)
{
    struct upkeep u;
    uint64_t cursor = 0;

    set_up(&u);
    create(&u, 1);
    ask_append(&u, 1, 2, ENGINE_RUN_RUNNING);
    store_bed_event(&u.bed, ENGINE_EV_OP_SCHEDULED, 9);
    store_bed_snapshot(&u.bed, 1, "one");
    cr_assert_eq(store_bed_send(&u.bed), ENGINE_COMMITTED);
    cr_assert_eq(store_compact(&u.bed.store, 9000, 0, 9, &cursor), 0);
    purge_all(&u, 9);
    cr_expect_eq(count_rows(&u), 2);
    ask_append(&u, 1, 3, ENGINE_RUN_FAILED);
    store_bed_event(&u.bed, ENGINE_EV_RUN_FAILED, 9);
    cr_assert_eq(store_bed_send(&u.bed), ENGINE_COMMITTED);
    u.bed.store.ops->close(u.bed.store.self);
    store_file_meddle(&u.file, "UPDATE snapshot SET value = 'eno'");
    u.bed.store = store_file_open(&u.file);
    cr_assert_eq(store_compact(&u.bed.store, 9000, 0, 9, &cursor), 0);
    purge_all(&u, 9);
    cr_expect_eq(count_rows(&u), 3);
    tear_down(&u);
}

Test(host_store_upkeep, compaction_goes_on_where_it_stopped)
{
    struct upkeep u;
    uint64_t cursor = 0;

    set_up(&u);
    for (uint64_t run = 1; run <= 5; run++)
        make_closed(&u, run);
    cr_assert_eq(store_compact(&u.bed.store, 9000, 0, 2, &cursor), 0);
    cr_expect_eq(cursor, 3);
    cr_assert_eq(store_compact(&u.bed.store, 9000, 0, 2, &cursor), 0);
    cr_expect_eq(cursor, 5);
    cr_assert_eq(store_compact(&u.bed.store, 9000, 0, 2, &cursor), 0);
    cr_expect_eq(cursor, 0);
    tear_down(&u);
}

/* Retires run 1 in a group of its own. */
static int retire(void *self, const struct engine_run_row *run, uint64_t at)
{
    struct upkeep *u = self;
    const struct engine_store *store = &u->bed.store;

    cr_assert_eq(store->ops->begin(store->self, 5000), 0);
    cr_assert_eq(store_retire(&u->bed.store, run, at), 0);
    cr_assert_eq(store->ops->commit(store->self), 0);
    return 1;
}

Test(host_store_upkeep, a_run_that_is_retired_is_out_of_reach_at_once)
{
    struct upkeep u;
    struct pages pages = {.next = 1};
    struct store_page page;

    set_up(&u);
    make_closed(&u, 1);
    create(&u, 2);
    cr_expect_eq(store_scan_closed(&u.bed.store, 0, 5000, retire, &u), 1);
    for (int i = 0; i < 9; i++) {
        cr_assert_eq(
            store_read_events(&u.bed.store, 1, 0, 9, see_row, &pages, &page),
            0);
        cr_expect_eq(page.state, STORE_PAGE_ARCHIVED);
        cr_expect_eq(pages.rows, 0);
        cr_expect_eq(store_purge(&u.bed.store, 5000, 1), i < 8);
    }
    cr_expect_eq(count_rows(&u), 0);
    store_bed_signal(&u.bed, BED_A, 1, 5, "late");
    cr_expect_eq(store_bed_send(&u.bed), ENGINE_FENCED);
    store_bed_ask(&u.bed, ENGINE_REQ_CREATE, BED_A, 1);
    cr_expect_eq(store_bed_send(&u.bed), ENGINE_CONFLICT);
    cr_expect_eq(store_scan_closed(&u.bed.store, 0, 5000, retire, &u), 0);
    tear_down(&u);
}

Test(host_store_upkeep, the_number_of_an_archived_run_is_kept_for_its_time)
{
    struct upkeep u;
    uint64_t removed;

    set_up(&u);
    make_closed(&u, 1);
    create(&u, 2);
    store_scan_closed(&u.bed.store, 0, 5000, retire, &u);
    cr_assert_eq(store_forget(&u.bed.store, 9000, 1000, 9, &removed), 0);
    cr_expect_eq(removed, 0, "its log is still there");
    purge_all(&u, 100);
    cr_assert_eq(store_forget(&u.bed.store, 9000, 8000, 9, &removed), 0);
    cr_expect_eq(removed, 0, "too young");
    cr_assert_eq(store_forget(&u.bed.store, 9001, 8000, 9, &removed), 0);
    cr_expect_eq(removed, 1);
    create(&u, 1);
    tear_down(&u);
}

Test(host_store_upkeep, positions_are_not_used_again_after_a_purge)
{
    struct upkeep u;

    set_up(&u);
    make_closed(&u, 1);
    store_scan_closed(&u.bed.store, 0, 5000, retire, &u);
    purge_all(&u, 100);
    cr_assert_eq(store_bed_reopen(&u.bed), 0);
    create(&u, 2);
    cr_expect_eq(store_bed_reply(&u.bed)->position, 9);
    purge_all(&u, 100);
    cr_expect_eq(count_rows(&u), 0);
    tear_down(&u);
}
