#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/verify.h"
#include "engine/value.h"
#include "tests/support/store_bed.h"
#include "tests/support/store_file.h"

struct seen {
    struct verify_finding findings[8];
    char texts[8][96];
    unsigned count;
};

static void see(void *self, const struct verify_finding *finding)
{
    struct seen *seen = self;
    unsigned at = seen->count++ % 8;

    seen->findings[at] = *finding;
    snprintf(seen->texts[at], sizeof(seen->texts[at]), "%s", finding->text);
}

static const char large[] = "a value above the inline limit";

/* Three rows of run 1 at positions 1, 3 and 5; two of run 2 at 2 and 4; a
 * blob that run 1 refers to, one that nobody does; work, signal, snapshot. */
static void fill(struct store_bed *bed)
{
    struct engine_item event = {
        .type = ENGINE_ITEM_EVENT, .kind = ENGINE_EV_RUN_CREATED, .a = 7};
    struct engine_item blob = {.type = ENGINE_ITEM_BLOB};
    struct engine_blob_ref ref = {.size = sizeof(large)};
    uint8_t envelope[64];
    size_t size;

    crypto_hash_sha256(ref.digest, (const unsigned char *)large, sizeof(large));
    size = engine_value_write(envelope, ENGINE_VALUE_BLOB, &ref, sizeof(ref));
    memcpy(store_bed_ask(bed, ENGINE_REQ_PUT_BLOB, BED_A, 0)->blob, ref.digest,
           32);
    store_bed_item(bed, &blob, large, sizeof(large));
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    crypto_hash_sha256(ref.digest, (const unsigned char *)"nobody's", 8);
    memcpy(store_bed_ask(bed, ENGINE_REQ_PUT_BLOB, BED_A, 0)->blob, ref.digest,
           32);
    store_bed_item(bed, &blob, "nobody's", 8);
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    for (uint64_t run = 1; run <= 2; run++) {
        store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, run);
        store_bed_item(bed, &event, envelope, run == 1 ? size : 0);
        store_bed_work(bed, ENGINE_WORK_PUT, 3, 1, "input");
        cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    }
    for (uint64_t i = 0; i < 3; i++) {
        struct engine_request *request =
            store_bed_ask(bed, ENGINE_REQ_APPEND, BED_A, i == 1 ? 2 : 1);

        request->token = 1;
        request->seq = i == 2 ? 3 : 2;
        request->state = ENGINE_RUN_RUNNING;
        store_bed_event(bed, ENGINE_EV_OP_SCHEDULED, i);
        if (i == 0)
            store_bed_snapshot(bed, 2, "folded");
        cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
    }
    store_bed_signal(bed, BED_A, 1, 5, "hello");
    cr_assert_eq(store_bed_send(bed), ENGINE_COMMITTED);
}

static void verify_with(const uint8_t *key, const char *sql, struct seen *seen,
                        struct verify_summary *summary)
{
    struct store_file file = {.page_size = 4096, .key = key};
    struct store_opener opener = store_file_opener(&file);
    struct store_bed bed;

    memset(seen, 0, sizeof(*seen));
    store_file_make(&file);
    cr_assert_eq(store_bed_open(&bed, &opener), 0, "%s", file.error);
    fill(&bed);
    bed.store.ops->close(bed.store.self);
    if (sql)
        store_file_meddle(&file, sql);
    file.read_only = 1;
    bed.store = store_file_open(&file);
    verify_store(&bed.store, see, seen, summary);
    store_bed_close(&bed);
    store_file_remove(&file);
}

Test(host_verify, a_sound_store_has_no_findings)
{
    static const uint8_t key[32] = {3};
    struct verify_summary summary;
    struct seen seen;

    for (int encrypted = 0; encrypted < 2; encrypted++) {
        verify_with(encrypted ? key : NULL, NULL, &seen, &summary);
        cr_expect_eq(summary.findings, 0, "%s", seen.texts[0]);
        cr_expect_eq(summary.runs, 2);
        cr_expect_eq(summary.rows, 5);
        cr_expect_eq(summary.events, 5);
        cr_expect_eq(summary.snapshots, 1);
        cr_expect_eq(summary.blobs, 2);
        cr_expect_eq(summary.orphans, 1);
    }
}

Test(host_verify, what_an_engine_wrote_since_the_store_was_opened_is_reached)
{
    struct store_file file = {.page_size = 4096, .shared = 1};
    struct store_opener opener = store_file_opener(&file);
    struct verify_summary summary;
    struct engine_store looked;
    struct seen seen = {.count = 0};
    struct store_bed bed;

    store_file_make(&file);
    cr_assert_eq(store_bed_open(&bed, &opener), 0, "%s", file.error);
    file.read_only = 1;
    looked = store_file_open(&file);
    fill(&bed);
    for (uint64_t run = 3; run < 200; run++) {
        store_bed_ask(&bed, ENGINE_REQ_CREATE, BED_A, run);
        store_bed_event(&bed, ENGINE_EV_RUN_CREATED, 7);
        cr_assert_eq(store_bed_send(&bed), ENGINE_COMMITTED);
    }
    cr_assert_eq(verify_store(&looked, see, &seen, &summary), 0);
    cr_expect_eq(summary.findings, 0, "%s", seen.texts[0]);
    cr_expect_eq(summary.runs, 199);
    looked.ops->close(looked.self);
    store_bed_close(&bed);
    store_file_remove(&file);
}

/* What is done to the store, and the first thing that must be found. */
static const struct {
    const char *sql;
    enum verify_kind kind;
    uint64_t run;
    uint64_t seq;
    uint64_t position;
    unsigned count;
} damages[] = {
    {"UPDATE log SET items = zeroblob(length(items)) WHERE position = 3",
     VERIFY_HASH, 1, 2, 3, 1},
    {"UPDATE log SET time = time + 1 WHERE position = 5", VERIFY_HASH, 1, 3, 5,
     1},
    {"UPDATE log SET hash = zeroblob(16) WHERE position = 5", VERIFY_HASH, 1, 3,
     5, 2},
    {"UPDATE run SET next_seq = 3 WHERE run = 1", VERIFY_TAIL, 1, 4, 5, 1},
    {"UPDATE run SET tail = 3 WHERE run = 1", VERIFY_TAIL, 1, 3, 3, 2},
    {"DELETE FROM log WHERE position = 4", VERIFY_TAIL, 2, 1, 4, 2},
    {"UPDATE snapshot SET value = 'unfolded'", VERIFY_SNAPSHOT, 1, 2, 3, 1},
    {"UPDATE snapshot SET position = 5", VERIFY_SNAPSHOT, 1, 2, 5, 1},
    {"DELETE FROM blob WHERE size > 8", VERIFY_BLOB_MISSING, 1, 1, 1, 1},
    {"UPDATE blob SET size = 9 WHERE size > 9", VERIFY_BLOB_MISSING, 1, 1, 1,
     1},
    {"UPDATE blob SET data = 'elsewise' WHERE size = 8", VERIFY_BLOB_DIGEST, 0,
     0, 0, 1},
    {"UPDATE work SET id = 9 << 16 | 3 WHERE id >> 16 = 2", VERIFY_STRAY, 9, 0,
     0, 1},
    {"INSERT INTO outbox VALUES (8 << 16, 1, 'x')", VERIFY_STRAY, 8, 0, 0, 1},
    {"UPDATE inbox SET run = 7", VERIFY_STRAY, 7, 0, 0, 1},
    {"UPDATE snapshot SET run = 7", VERIFY_STRAY, 7, 0, 0, 1},
    {"INSERT INTO log SELECT position + 9, 7, seq, count, token, time, "
     "previous, hash, items FROM log WHERE position = 1",
     VERIFY_UNREACHED, 7, 1, 10, 1},
    {"DELETE FROM run WHERE run = 2", VERIFY_UNREACHED, 2, 1, 2, 3},
};

Test(host_verify, each_damage_is_found_and_named_and_nothing_else_is)
{
    for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
        const struct verify_finding *first;
        struct verify_summary summary;
        struct seen seen;

        verify_with(NULL, damages[i].sql, &seen, &summary);
        first = &seen.findings[0];
        cr_expect_eq(summary.findings, damages[i].count, "%s: %d: %s, %s",
                     damages[i].sql, (int)summary.findings, seen.texts[0],
                     seen.texts[1]);
        cr_expect_eq(first->kind, damages[i].kind, "%s: %s", damages[i].sql,
                     verify_kind_name(first->kind));
        cr_expect_eq(first->run, damages[i].run, "%s", damages[i].sql);
        cr_expect_eq(first->seq, damages[i].seq, "%s: seq %d", damages[i].sql,
                     (int)first->seq);
        cr_expect_eq(first->position, damages[i].position, "%s",
                     damages[i].sql);
    }
}

Test(host_verify, a_missing_row_in_the_middle_is_a_gap)
{
    struct verify_summary summary;
    struct seen seen;

    verify_with(NULL,
                "UPDATE log SET previous = 1 WHERE position = 5;"
                "DELETE FROM log WHERE position = 3",
                &seen, &summary);
    cr_expect_eq(seen.findings[0].kind, VERIFY_GAP);
    cr_expect_eq(seen.findings[0].run, 1);
    cr_expect_eq(seen.findings[0].seq, 2);
    cr_expect_eq(seen.findings[0].position, 5);
}

Test(host_verify, a_sealed_value_in_another_place_is_found)
{
    static const uint8_t key[32] = {3};
    struct verify_summary summary;
    struct seen seen;

    verify_with(key,
                "UPDATE log SET items = (SELECT items FROM log "
                "WHERE position = 5) WHERE position = 3",
                &seen, &summary);
    cr_expect_eq(summary.runs, 2);
    cr_expect_eq(seen.findings[0].kind, VERIFY_VALUE);
    cr_expect_eq(seen.findings[0].run, 1);
}
