/*
 * The store that users link, on the disk that loses, tears and lies: what
 * every store must do, and what must be left after power was lost anywhere.
 */
#include <criterion/criterion.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/store_memory.h"
#include "engine/host/store_schema.h"
#include "engine/host/store_sqlite.h"
#include "engine/host/store_upkeep.h"
#include "engine/host/verify.h"
#include "sim/points.h"
#include "sim/vfs.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

enum {
    RUNS = 12,
    SIGNALS = 40, /* ids a run */
    GROUP_MAX = 5,
    POINTS = SIM_POINT_COUNT
};

struct platter {
    enum store_sqlite_journal journal;
    uint32_t page_size;
    uint32_t sector;
    int characteristics;
    uint64_t seed;
    uint64_t skip; /* disk operations until the power is lost */
    bool strikes;
    uint8_t armed[POINTS];
    struct engine_points points;
    struct sim_disk *disk;
    struct sim_vfs *vfs;
    char error[STORE_SQLITE_ERROR_SIZE];
};

static bool decide(void *self, const struct engine_site *site,
                   struct engine_decision *decision)
{
    struct platter *p = self;
    (void)site;
    if (!p->strikes || p->skip-- > 0)
        return false;
    p->strikes = false;
    decision->action = ENGINE_ACT_CRASH;
    return true;
}

static void platter_free(struct platter *p)
{
    sim_vfs_unregister(p->vfs);
    sim_disk_free(p->disk);
    p->vfs = NULL;
    p->disk = NULL;
}

static void platter_make(struct platter *p)
{
    p->points = (struct engine_points){p->armed, decide, p};
    struct sim_disk_config disk = {.sector = p->sector, .points = &p->points};
    struct sim_vfs_config vfs = {.name = "platter",
                                 .characteristics = p->characteristics};
    engine_stream_init(&disk.stream, p->seed, "disk", 0);
    engine_stream_init(&vfs.stream, p->seed, "vfs", 0);
    memset(p->armed, 1, sizeof(p->armed));
    p->disk = sim_disk_new(&disk);
    p->vfs = sim_vfs_register(p->disk, &vfs);
    cr_assert_not_null(p->vfs);
}

static int platter_open(void *self, const struct store_opening *how,
                        struct engine_store *out)
{
    struct platter *p = self;
    struct store_sqlite_config config = {.path = "store.db",
                                         .vfs = "platter",
                                         .page_size = p->page_size,
                                         .journal = p->journal,
                                         .create = 1,
                                         .checkpoint_pages = 64,
                                         .limits = how->limits,
                                         .defects = how->defects};
    if (how->fresh) {
        platter_free(p);
        platter_make(p);
    }
    return store_sqlite_open(&config, out, p->error);
}

/* The eight ways in which a store is laid out on a disk. */
static struct platter platter_number(unsigned i)
{
    return (struct platter){
        .journal = i & 1 ? STORE_SQLITE_DELETE : STORE_SQLITE_WAL,
        .page_size = i & 2 ? 4096 : 1024,
        .sector = i & 4 ? 4096 : 512,
        /* A torn write harms no byte it did not cover: 512 only. */
        .characteristics = i & 4 ? 0 : SQLITE_IOCAP_POWERSAFE_OVERWRITE,
        .seed = 7,
    };
}

Test(store_on_simulated_disk, it_does_what_every_store_must_do)
{
    for (unsigned i = 0; i < 8; i++) {
        struct platter p = platter_number(i);
        struct store_opener opener = {.name = "sqlite on a simulated disk",
                                      .open = platter_open,
                                      .self = &p,
                                      .durable = 1,
                                      .undoes = 1};
        cr_expect_eq(store_conformance(&opener), 0, "layout %u", i);
        platter_free(&p);
    }
}

static int open_memory(void *self, const struct store_opening *how,
                       struct engine_store *out)
{
    struct store_memory_config config = {
        .limits = how->limits, .defects = how->defects, .keep_log = 1};
    (void)self;
    return store_memory_open(&config, out);
}

Test(store_on_simulated_disk,
     random_requests_get_the_answers_of_the_memory_store)
{
    static const struct store_opener memory = {.name = "memory",
                                               .open = open_memory};
    for (unsigned i = 0; i < 8; i++) {
        struct platter p = platter_number(i);
        struct store_opener opener = {
            .name = "disk", .open = platter_open, .self = &p};
        cr_expect_eq(store_conformance_random(&opener, &memory, i, 1500), 0);
        platter_free(&p);
    }
}

/* Power loss ----------------------------------------------------------------
 */

struct head {
    uint64_t next_seq; /* 0: no such run */
    struct engine_hash hash;
    uint64_t waiting; /* signals in its inbox, a bit each */
    uint64_t put;     /* those that are there or were taken */
    uint64_t folded;  /* up to where its snapshot goes */
};

/* A workload, and what it knows to be durable. */
struct work {
    struct platter *platter;
    struct store_bed bed;
    struct engine_stream stream;
    uint64_t draws;
    struct head acked[RUNS + 1];
    struct head wanted[RUNS + 1]; /* if the open group survives as well */
    uint64_t crashes;
    uint64_t survived; /* groups in doubt that were there */
    uint64_t lost;     /* reopenings at which something acked was missing */
};

static uint64_t below(struct work *w, uint64_t n)
{
    return engine_draw_below(&w->stream, w->draws++, n);
}

static const unsigned char payload[3000] = {1, 2, 3};

static void build_signal(struct work *w, struct head *head, uint64_t run)
{
    uint64_t id = 1 + below(w, SIGNALS);
    store_bed_signal(&w->bed, BED_B, run, id, "signal");
    if (!(head->put >> id & 1))
        head->waiting |= UINT64_C(1) << id;
    head->put |= UINT64_C(1) << id;
}

/* Takes every other signal that waits, and perhaps folds the log. */
static void build_mail(struct work *w, struct head *head)
{
    for (uint64_t id = 1; id <= SIGNALS; id++) {
        if (!(head->waiting >> id & 1) || below(w, 2))
            continue;
        store_bed_take(&w->bed, id);
        head->waiting &= ~(UINT64_C(1) << id);
    }
    if (below(w, 4) == 0) {
        head->folded = head->next_seq - below(w, 2);
        store_bed_snapshot(&w->bed, head->folded, "the fold of all that");
    }
}

static void build(struct work *w, uint64_t run)
{
    struct engine_item event = {.type = ENGINE_ITEM_EVENT,
                                .kind = ENGINE_EV_OP_SCHEDULED,
                                .op = UINT32_MAX};
    struct head *head = &w->wanted[run];
    bool fresh = head->next_seq == 0;
    if (!fresh && below(w, 4) == 0) {
        build_signal(w, head, run);
        return;
    }
    struct engine_request *request = store_bed_ask(
        &w->bed, fresh ? ENGINE_REQ_CREATE : ENGINE_REQ_APPEND, BED_A, run);
    request->ttl_ns = INT64_MAX / 2;
    request->token = fresh ? 0 : 1;
    request->seq = fresh ? 0 : head->next_seq;
    request->state = fresh ? 0 : ENGINE_RUN_RUNNING;
    store_bed_item(&w->bed, &event, payload, below(w, sizeof(payload)));
    if (!fresh)
        build_mail(w, head);
}

/* A group of requests; false: the store failed somewhere in it. */
static bool group(struct work *w)
{
    const struct engine_store *store = &w->bed.store;
    uint64_t count = 1 + below(w, GROUP_MAX);
    memcpy(w->wanted, w->acked, sizeof(w->wanted));
    if (store->ops->begin(store->self, w->bed.now))
        return false;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t run = 1 + below(w, RUNS);
        build(w, run);
        unsigned outcome = store_bed_apply(&w->bed);
        if (!outcome) {
            /* Not even asked to commit: nothing of it may be there. */
            memcpy(w->wanted, w->acked, sizeof(w->wanted));
            return false;
        }
        cr_assert_eq(outcome, ENGINE_COMMITTED);
        w->wanted[run].next_seq = store_bed_reply(&w->bed)->seq;
        w->wanted[run].hash = store_bed_reply(&w->bed)->hash;
    }
    if (store->ops->commit(store->self))
        return false;
    memcpy(w->acked, w->wanted, sizeof(w->acked));
    return true;
}

struct found {
    struct head rows[RUNS + 1];
    struct head log[RUNS + 1];
    uint64_t position;
};

static int see_run(void *self, const struct engine_run_row *row)
{
    struct found *found = self;
    found->rows[row->run].next_seq = row->next_seq;
    found->rows[row->run].hash = row->hash;
    return 0;
}

/* Walks the chain of each run. */
static int see_row(void *self, const struct engine_log_row *row)
{
    struct found *found = self;
    struct head *head = &found->log[row->run];
    struct engine_hash hash = engine_store_chain(head->hash, row);
    cr_assert_eq(row->position, found->position + 1, "a gap in the log");
    cr_assert_eq(row->seq, head->next_seq ? head->next_seq : 1);
    cr_assert_arr_eq(&hash, &row->hash, sizeof(hash));
    found->position = row->position;
    *head = (struct head){.next_seq = row->seq + row->count, .hash = hash};
    return 0;
}

static int see_box(void *self, uint64_t run, const struct engine_item *item)
{
    struct found *found = self;
    if (item->type == ENGINE_ITEM_INBOX)
        found->rows[run].waiting |= UINT64_C(1) << item->a;
    if (item->type == ENGINE_ITEM_SNAPSHOT)
        found->rows[run].folded = item->a;
    return 0;
}

static bool same_boxes(const struct head *a, const struct head *b)
{
    for (uint64_t run = 1; run <= RUNS; run++)
        if (a[run].waiting != b[run].waiting || a[run].folded != b[run].folded)
            return false;
    return true;
}

static bool same(const struct head *a, const struct head *b)
{
    for (uint64_t run = 1; run <= RUNS; run++)
        if (a[run].next_seq != b[run].next_seq ||
            memcmp(&a[run].hash, &b[run].hash, sizeof(a[run].hash)) != 0)
            return false;
    return true;
}

/* Opens what is left and compares; goes on from there. */
static void reopen(struct work *w)
{
    struct engine_store *store = &w->bed.store;
    struct found found;
    memset(&found, 0, sizeof(found));
    w->crashes++;
    w->platter->strikes = false;
    sim_disk_crash(w->platter->disk);
    store->ops->close(store->self);
    sim_disk_restart(w->platter->disk);
    cr_assert_eq(platter_open(w->platter, &w->bed.how, store), 0, "%s",
                 w->platter->error);
    cr_assert_eq(store->ops->scan_log(store->self, 0, see_row, &found), 0);
    cr_assert_eq(store->ops->scan_runs(store->self, see_run, &found), 0);
    cr_assert_eq(store->ops->scan_boxes(store->self, see_box, &found), 0);
    cr_assert(same(found.rows, found.log), "rows and log differ");
    if (same(found.rows, w->acked) && same_boxes(found.rows, w->acked))
        return;
    bool whole =
        same(found.rows, w->wanted) && same_boxes(found.rows, w->wanted);
    w->survived += whole;
    w->lost += !whole;
    memcpy(w->acked, whole ? w->wanted : found.rows, sizeof(w->acked));
}

static void lose_power(struct work *w, struct platter *p,
                       const struct engine_defects *defects, uint64_t crashes,
                       uint64_t crashes_max)
{
    struct store_opener opener = {
        .name = "platter", .open = platter_open, .self = p};
    memset(w, 0, sizeof(*w));
    w->platter = p;
    engine_stream_init(&w->stream, p->seed, "work", 0);
    cr_assert_eq(store_bed_open(&w->bed, &opener), 0, "%s", p->error);
    if (defects) {
        w->bed.how.defects = *defects;
        cr_assert_eq(store_bed_reopen(&w->bed), 0);
    }
    /* On until a group in doubt has survived: on some layouts that is rare. */
    while (w->crashes < crashes || (!w->survived && w->crashes < crashes_max)) {
        if (!p->strikes)
            p->skip = below(w, 120);
        p->strikes = true;
        if (!group(w))
            reopen(w);
    }
    store_bed_close(&w->bed);
    platter_free(p);
}

Test(store_on_simulated_disk,
     after_power_loss_anywhere_all_that_was_acked_is_there)
{
    for (unsigned i = 0; i < 8; i++) {
        struct platter p = platter_number(i);
        struct work w;
        lose_power(&w, &p, NULL, 200, 2000);
        cr_expect_eq(w.lost, 0, "layout %u", i);
        cr_expect_gt(w.survived, 0, "layout %u: no doubt ever arose", i);
        cr_expect_lt(w.survived, w.crashes);
    }
}

static bool say_yes(void *self, const struct engine_site *site,
                    struct engine_decision *decision)
{
    (void)self;
    (void)site;
    decision->action = ENGINE_ACT_DEFECT;
    return true;
}

Test(store_on_simulated_disk, a_store_that_does_not_sync_loses_what_it_acked)
{
    uint8_t armed[ENGINE_DEFECT_COUNT] = {0};
    struct engine_points points = {armed, say_yes, NULL};
    struct engine_defects defects = {.points = &points};
    struct platter p = platter_number(0);
    struct work w;
    armed[ENGINE_DEFECT_SYNC_OFF] = 1;
    lose_power(&w, &p, &defects, 30, 30);
    cr_expect_gt(w.lost, 0);
}

Test(store_on_simulated_disk, the_same_seed_leaves_the_same_heads)
{
    struct head first[RUNS + 1];
    for (int turn = 0; turn < 2; turn++) {
        struct platter p = platter_number(0);
        struct work w;
        lose_power(&w, &p, NULL, 20, 20);
        if (turn == 0)
            memcpy(first, w.acked, sizeof(first));
        else
            cr_expect(same(first, w.acked));
    }
}

/* Older files and upkeep
 * ----------------------------------------------------------------------------
 */

/* Makes a file of schema version 1 on the platter. */
static void make_version_1(struct platter *p, const char *sql)
{
    sqlite3 *db;
    platter_free(p);
    platter_make(p);
    cr_assert_eq(sqlite3_open_v2("store.db", &db,
                                 SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
                                 "platter"),
                 SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, "PRAGMA synchronous=EXTRA", NULL, NULL, NULL),
                 SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK, "%s",
                 sqlite3_errmsg(db));
    sqlite3_close(db);
}

static void expect_version_1_rows(struct platter *p, struct engine_store *store,
                                  uint64_t skip)
{
    struct verify_summary summary;
    struct store_opening how = {.fresh = 0};
    cr_assert_eq(platter_open(p, &how, store), 0, "%s", p->error);
    cr_assert_eq(verify_store(store, NULL, NULL, &summary), 0);
    cr_expect_eq(summary.runs, 2);
    cr_expect_eq(summary.rows, 4);
    cr_expect_eq(summary.blobs, 1);
    /* The sample's blob has a made-up name. */
    cr_expect_eq(summary.findings, 1, "power lost after %d operations",
                 (int)skip);
}

/* Loses power after that many disk operations of the upgrade; false: there
 * were fewer. */
static bool lose_power_in_upgrade(struct platter *p, const char *sql,
                                  uint64_t skip)
{
    struct store_opening how = {.fresh = 0};
    struct engine_store store;
    make_version_1(p, sql);
    p->skip = skip;
    p->strikes = true;
    int failed = platter_open(p, &how, &store);
    bool struck = !p->strikes;
    p->strikes = false;
    sim_disk_crash(p->disk);
    if (!failed)
        store.ops->close(store.self);
    sim_disk_restart(p->disk);
    expect_version_1_rows(p, &store, skip);
    store.ops->close(store.self);
    return struck;
}

Test(store_on_simulated_disk, an_upgrade_survives_power_loss_at_each_operation)
{
    char *sql = store_file_text("tests/support/store_version_1.sql");
    for (unsigned i = 0; i < 8; i++) {
        struct platter p = platter_number(i);
        uint64_t skip = 0;
        while (lose_power_in_upgrade(&p, sql, skip))
            skip++;
        cr_expect_gt(skip, 5, "layout %u: the upgrade hardly wrote", i);
        platter_free(&p);
    }
    free(sql);
}

/* A run of four rows that has ended and one that has not. */
static void make_closed(struct store_bed *bed)
{
    for (uint64_t run = 1; run <= 2; run++) {
        store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, run);
        store_bed_event(bed, ENGINE_EV_RUN_CREATED, 1);
        cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
        for (uint64_t seq = 2; seq <= 4; seq++) {
            struct engine_request *request =
                store_bed_ask(bed, ENGINE_REQ_APPEND, BED_A, run);
            request->token = 1;
            request->seq = seq;
            request->state = run == 1 && seq == 4 ? ENGINE_RUN_SUCCEEDED
                                                  : ENGINE_RUN_RUNNING;
            store_bed_event(bed, ENGINE_EV_OP_SCHEDULED, seq);
            cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
        }
    }
}

/* Takes run 1 out of reach in a group of its own; 1, -1 if that failed. */
static int retire(void *self, const struct engine_run_row *run, uint64_t at)
{
    struct engine_store *store = self;
    if (store->ops->begin(store->self, 5000))
        return -1;
    if (store_retire(store, run, at)) {
        store->ops->rollback(store->self);
        return -1;
    }
    return store->ops->commit(store->self) ? -1 : 1;
}

static int purge(struct engine_store *store)
{
    int more = 1;
    while (more > 0)
        more = store_purge(store, 5000, 2);
    return more;
}

static bool lose_power_in_purge(struct platter *p, uint64_t skip)
{
    struct store_opener opener = {
        .name = "platter", .open = platter_open, .self = p};
    struct verify_summary summary;
    struct store_bed bed;
    cr_assert_eq(store_bed_open(&bed, &opener), 0, "%s", p->error);
    make_closed(&bed);
    p->skip = skip;
    p->strikes = true;
    if (store_scan_closed(&bed.store, 0, 5000, retire, &bed.store) == 1)
        purge(&bed.store);
    bool struck = !p->strikes;
    p->strikes = false;
    sim_disk_crash(p->disk);
    bed.store.ops->close(bed.store.self);
    sim_disk_restart(p->disk);
    cr_assert_eq(platter_open(p, &bed.how, &bed.store), 0, "%s", p->error);
    cr_expect_eq(verify_store(&bed.store, NULL, NULL, &summary), 0);
    cr_expect_eq(summary.findings, 0, "after %d operations", (int)skip);
    cr_expect_eq(summary.runs + summary.archived, 2);
    cr_expect(struck || summary.archived == 1, "what was done is not there");
    cr_expect_eq(purge(&bed.store), 0);
    cr_expect_eq(verify_store(&bed.store, NULL, NULL, &summary), 0);
    cr_expect_eq(summary.findings, 0);
    cr_expect_eq(summary.rows, summary.archived ? 4 : 8);
    store_bed_close(&bed);
    return struck;
}

Test(store_on_simulated_disk, a_purge_survives_power_loss_at_each_operation)
{
    for (unsigned i = 0; i < 8; i++) {
        struct platter p = platter_number(i);
        uint64_t skip = 0;
        while (lose_power_in_purge(&p, skip))
            skip++;
        cr_expect_gt(skip, 10, "layout %u", i);
        platter_free(&p);
    }
}
