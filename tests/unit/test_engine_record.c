#include "engine/record.h"

#include <criterion/criterion.h>
#include <string.h>

#include "engine/host/store_memory.h"
#include "engine/operation.h"
#include "tests/support/store_bed.h"

enum {
    KEPT = 32,
    STORE_NODE = 9
};

struct kept {
    struct engine_record records[KEPT];
    size_t count;
};

static void keep(void *self, const struct engine_record *record)
{
    struct kept *kept = self;

    cr_assert_lt(kept->count, KEPT);
    kept->records[kept->count++] = *record;
}

static int open_memory(void *self, const struct store_opening *how,
                       struct engine_store *out)
{
    struct store_memory_config config = {.limits = how->limits, .keep_log = 1};

    (void)self;
    return store_memory_open(&config, out);
}

static const struct store_opener memory = {.open = open_memory};

/* Sends the bed's request and writes down its records. */
static struct kept exchange(struct store_bed *bed)
{
    struct kept kept = {.count = 0};
    struct engine_sink sink = {keep, &kept};

    store_bed_send(bed);
    engine_record_exchange(&sink, STORE_NODE, store_bed_head(bed),
                           store_bed_reply(bed));
    return kept;
}

static struct kept create(struct store_bed *bed)
{
    store_bed_ask(bed, ENGINE_REQ_CREATE, BED_A, 1);
    store_bed_event(bed, ENGINE_EV_RUN_CREATED, 5);
    store_bed_event(bed, ENGINE_EV_OP_SCHEDULED, 6);
    store_bed_work(bed, ENGINE_WORK_PUT, 3, 1, "input");
    return exchange(bed);
}

static struct engine_request *worker(struct store_bed *bed, uint16_t kind)
{
    struct engine_request *request = store_bed_ask(bed, kind, BED_B, 1);

    request->op = 3;
    request->attempt = 1;
    return request;
}

static struct kept finish(struct store_bed *bed)
{
    struct engine_item output = {.type = ENGINE_ITEM_WORK};

    worker(bed, ENGINE_REQ_FINISH)->error = ENGINE_ERR_USER;
    store_bed_item(bed, &output, "output", 6);
    return exchange(bed);
}

static struct engine_request *append(struct store_bed *bed)
{
    struct engine_request *request =
        store_bed_ask(bed, ENGINE_REQ_APPEND, BED_A, 1);

    request->token = 1;
    request->seq = 3;
    request->state = ENGINE_RUN_RUNNING;
    return request;
}

/* The records' kinds as a word of bytes, first one lowest. */
static uint64_t kinds(const struct kept *kept)
{
    uint64_t word = 0;

    for (size_t i = kept->count; i-- > 0;)
        word = word << 8 | kept->records[i].kind;
    return word;
}

static uint64_t sequence(uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                         uint64_t e)
{
    return a | b << 8 | c << 16 | d << 24 | e << 32;
}

Test(engine_record, a_new_run_is_appended_leased_and_has_work)
{
    struct store_bed bed;
    struct kept kept;

    store_bed_open(&bed, &memory);
    kept = create(&bed);
    cr_expect_eq(kinds(&kept),
                 sequence(ENGINE_REC_APPENDED, ENGINE_REC_EVENT,
                          ENGINE_REC_EVENT, ENGINE_REC_LEASE_GRANTED,
                          ENGINE_REC_WORK_PUT));
    cr_expect_eq(kept.records[0].a, 1);
    cr_expect_eq(kept.records[0].b, 1);
    cr_expect_eq(kept.records[0].count, 2);
    cr_expect_eq(kept.records[0].token, 1);
    cr_expect_eq(kept.records[0].state, ENGINE_RUN_RUNNING);
    cr_expect_eq(kept.records[0].node, STORE_NODE);
    cr_expect_eq(kept.records[0].peer, BED_A);
    cr_expect_eq(kept.records[0].key, store_bed_reply(&bed)->hash.lo);
    cr_expect_eq(kept.records[2].key, 2, "the second event's seq");
    cr_expect_eq(kept.records[2].a, 6);
    cr_expect_eq(kept.records[3].a, 1100);
    cr_expect_eq(kept.records[4].key, engine_hash_bytes("input", 5).lo);
    store_bed_close(&bed);
}

Test(engine_record, an_append_says_what_it_took_cut_put_and_released)
{
    struct engine_item outbox = {.type = ENGINE_ITEM_OUTBOX,
                                 .kind = ENGINE_OUTBOX_RESULT};
    struct store_bed bed;
    struct kept kept;

    store_bed_open(&bed, &memory);
    create(&bed);
    worker(&bed, ENGINE_REQ_CLAIM);
    exchange(&bed);
    finish(&bed);
    append(&bed)->flags = ENGINE_APPEND_RELEASE;
    store_bed_head(&bed)->wake_ns = 1500;
    store_bed_work(&bed, ENGINE_WORK_TAKE, 3, 1, "");
    store_bed_item(&bed, &outbox, "result", 6);
    kept = exchange(&bed);
    cr_expect_eq(kinds(&kept),
                 sequence(ENGINE_REC_WORK_TAKEN, ENGINE_REC_OUTBOX_PUT,
                          ENGINE_REC_LEASE_RELEASED, 0, 0));
    cr_expect_eq(kept.records[0].op, 3);
    cr_expect_eq(kept.records[1].detail, ENGINE_OUTBOX_RESULT);
    cr_expect_eq(kept.records[2].a, 1500);
    store_bed_close(&bed);
}

Test(engine_record, a_taken_lease_is_a_row_an_event_and_a_grant)
{
    struct store_bed bed;
    struct kept kept;

    store_bed_open(&bed, &memory);
    create(&bed);
    store_bed_ask(&bed, ENGINE_REQ_ACQUIRE, BED_B, 0);
    kept = exchange(&bed);
    cr_expect_eq(kept.count, 0, "nothing is due");
    bed.now = 1100;
    kept = exchange(&bed);
    cr_expect_eq(kinds(&kept), sequence(ENGINE_REC_APPENDED, ENGINE_REC_EVENT,
                                        ENGINE_REC_LEASE_GRANTED, 0, 0));
    cr_expect_eq(kept.records[0].token, 2);
    cr_expect_eq(kept.records[0].a, 3);
    cr_expect_eq(kept.records[1].detail, ENGINE_EV_LEASE_ACQUIRED);
    cr_expect_eq(kept.records[1].b, store_bed_sender(BED_B));
    cr_expect_eq(kept.records[2].peer, BED_B);
    cr_expect_eq(kept.records[2].a, 1200);
    store_bed_close(&bed);
}

Test(engine_record, only_leases_that_were_kept_are_renewed)
{
    struct engine_item mine = {.type = ENGINE_ITEM_RUN, .a = 1, .b = 1};
    struct engine_item none = {.type = ENGINE_ITEM_RUN, .a = 8, .b = 1};
    struct store_bed bed;
    struct kept kept;

    store_bed_open(&bed, &memory);
    create(&bed);
    worker(&bed, ENGINE_REQ_CLAIM);
    exchange(&bed);
    finish(&bed);
    store_bed_ask(&bed, ENGINE_REQ_RENEW, BED_A, 0);
    store_bed_item(&bed, &none, NULL, 0);
    store_bed_item(&bed, &mine, NULL, 0);
    kept = exchange(&bed);
    cr_assert_eq(kept.count, 1);
    cr_expect_eq(kept.records[0].kind, ENGINE_REC_LEASE_RENEWED);
    cr_expect_eq(kept.records[0].run, 1);
    cr_expect_eq(kept.records[0].token, 1);
    cr_expect_eq(kept.records[0].a, 1100);
    store_bed_close(&bed);
}

Test(engine_record, a_report_is_recorded_once_however_often_it_is_sent)
{
    struct store_bed bed;
    struct kept kept;

    store_bed_open(&bed, &memory);
    create(&bed);
    worker(&bed, ENGINE_REQ_CLAIM);
    kept = exchange(&bed);
    cr_assert_eq(kinds(&kept), ENGINE_REC_WORK_CLAIMED);
    cr_expect_eq(kept.records[0].a, 1100);
    cr_expect_eq(kept.records[0].count, 0);
    kept = exchange(&bed);
    cr_expect_eq(kept.records[0].count, 1, "claimed before");
    kept = finish(&bed);
    cr_assert_eq(kinds(&kept), ENGINE_REC_WORK_DONE);
    cr_expect_eq(kept.records[0].detail, ENGINE_ERR_USER);
    cr_expect_eq(kept.records[0].key, engine_hash_bytes("output", 6).lo);
    kept = finish(&bed);
    cr_expect_eq(kept.count, 0);
    store_bed_close(&bed);
}

Test(engine_record, what_was_not_committed_is_rejected_with_its_outcome)
{
    struct store_bed bed;
    struct kept kept;

    store_bed_open(&bed, &memory);
    create(&bed);
    append(&bed)->seq = 99;
    kept = exchange(&bed);
    cr_assert_eq(kinds(&kept), ENGINE_REC_REJECTED);
    cr_expect_eq(kept.records[0].detail, ENGINE_REQ_APPEND);
    cr_expect_eq(kept.records[0].count, ENGINE_CONFLICT);
    cr_expect_eq(kept.records[0].run, 1);
    cr_expect_eq(kept.records[0].token, 1);
    store_bed_close(&bed);
}

Test(engine_record, splitting_a_stream_does_not_change_its_digest)
{
    struct engine_record records[8];
    struct engine_digest whole;
    struct engine_digest parts;

    memset(records, 0, sizeof(records));
    for (unsigned i = 0; i < 8; i++)
        records[i].run = i;
    engine_digest_init(&whole);
    engine_digest_init(&parts);
    engine_digest_add(&whole, records, 8);
    engine_digest_add(&parts, records, 3);
    engine_digest_add(&parts, records + 3, 0);
    engine_digest_add(&parts, records + 3, 5);
    cr_expect_eq(whole.hash.lo, parts.hash.lo);
    cr_expect_eq(whole.hash.hi, parts.hash.hi);
    cr_expect_eq(parts.count, 8);
    records[7].reserved = 1;
    engine_digest_init(&parts);
    engine_digest_add(&parts, records, 8);
    cr_expect_neq(whole.hash.lo, parts.hash.lo);
}

Test(engine_record, every_kind_has_a_name)
{
    for (unsigned i = 1; i < ENGINE_REC_COUNT; i++)
        cr_expect_str_neq(engine_record_name(i), "?", "kind %u", i);
    cr_expect_str_eq(engine_record_name(ENGINE_REC_COUNT), "?");
}

/* Records of a request with one item that has this payload, all committed. */
static struct kept one_item(uint16_t request_kind,
                            const struct engine_item *item, const void *payload,
                            size_t size)
{
    struct engine_block block;
    struct engine_request *request;
    struct engine_reply reply = {.size = sizeof(reply),
                                 .kind = request_kind,
                                 .outcome = ENGINE_COMMITTED,
                                 .run = 4,
                                 .seq = 8};
    struct kept kept = {.count = 0};
    struct engine_sink sink = {keep, &kept};

    engine_block_init(&block);
    request = engine_block_begin(&block, sizeof(*request));
    request->kind = request_kind;
    request->run = 4;
    request->token = 3;
    engine_block_item(&block, item, payload, size);
    engine_record_exchange(&sink, STORE_NODE, (const void *)block.bytes,
                           &reply);
    engine_block_free(&block);
    return kept;
}

Test(engine_record, an_operations_event_says_what_timers_and_limits_need)
{
    const struct engine_operation head = {.parent = {77, 78},
                                          .first_ns = 5000,
                                          .second_ns = 900,
                                          .value_size = 11};
    const struct engine_item item = {
        .type = ENGINE_ITEM_EVENT,
        .kind = ENGINE_EV_OPERATION_STARTED,
        .op = 9,
        .attempt = 2,
        .a = 55,
        .b = 56,
        .flags = engine_operation_flags(ENGINE_OPERATION_CALLBACK,
                                        ENGINE_SUBTYPE_CALLBACK,
                                        ENGINE_OPTION_AT_MOST_ONCE)};
    struct kept kept = one_item(ENGINE_REQ_APPEND, &item, &head, sizeof(head));
    const struct engine_record *event = &kept.records[1];

    cr_assert_eq(kept.count, 2);
    cr_assert_eq(event->kind, ENGINE_REC_EVENT);
    cr_assert_eq(event->a, 55);
    cr_assert_eq(event->b, 5000);
    cr_assert_eq(event->token, 900);
    cr_assert_eq(event->key, 7);
    cr_assert_eq(event->key_hi, 77);
    cr_assert_eq(event->count, 11);
    cr_assert_eq(engine_record_type(event), ENGINE_OPERATION_CALLBACK);
    cr_assert_eq(engine_record_subtype(event), ENGINE_SUBTYPE_CALLBACK);
    cr_assert_eq(engine_record_options(event), ENGINE_OPTION_AT_MOST_ONCE);
}

Test(engine_record, a_checkpoint_says_which_token_it_used_up)
{
    const struct engine_item item = {.type = ENGINE_ITEM_EVENT,
                                     .kind = ENGINE_EV_CHECKPOINT,
                                     .attempt = 3,
                                     .a = 55,
                                     .b = 56,
                                     .flags = 12};
    struct kept kept = one_item(ENGINE_REQ_APPEND, &item, NULL, 0);

    cr_assert_eq(kept.records[1].a, 55);
    cr_assert_eq(kept.records[1].b, 12);
    cr_assert_eq(kept.records[1].key_hi, 56);
    cr_assert_eq(kept.records[1].attempt, 3);
}

Test(engine_record, signals_are_recorded_where_they_arrive_and_leave)
{
    struct {
        struct engine_signal head;
        char text[8];
    } signal = {.head = {.run = 4,
                         .number = 6,
                         .kind = ENGINE_SIG_MESSAGE,
                         .actor_size = 5,
                         .edge_size = 3},
                .text = "run 1in"};
    struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                               .kind = ENGINE_SIG_MESSAGE,
                               .op = UINT32_MAX,
                               .a = 55,
                               .b = 56};
    struct kept put =
        one_item(ENGINE_REQ_SIGNAL, &item, &signal, sizeof(signal));
    struct kept taken = one_item(ENGINE_REQ_APPEND, &item, NULL, 0);
    struct kept sent;
    struct kept other;

    item = (struct engine_item){
        .type = ENGINE_ITEM_OUTBOX, .kind = ENGINE_OUTBOX_SIGNAL, .op = 5};
    sent = one_item(ENGINE_REQ_APPEND, &item, &signal, sizeof(signal));
    signal.text[4] = '2'; /* another sender on an edge of the same name */
    other = one_item(ENGINE_REQ_APPEND, &item, &signal, sizeof(signal));
    cr_assert_eq(put.count, 1);
    cr_assert_eq(put.records[0].kind, ENGINE_REC_INBOX_PUT);
    cr_assert_eq(put.records[0].a, 55);
    cr_assert_eq(put.records[0].key, 6);
    cr_assert_eq(put.records[0].detail, ENGINE_SIG_MESSAGE);
    cr_assert_eq(taken.records[0].kind, ENGINE_REC_INBOX_TAKEN);
    cr_assert_eq(taken.records[0].b, 56);
    cr_assert_eq(sent.records[0].op, 5);
    cr_assert_eq(sent.records[0].a, 4);
    cr_assert_eq(sent.records[0].b, 6);
    cr_assert_eq(sent.records[0].key, put.records[0].key_hi);
    cr_assert_neq(sent.records[0].key, other.records[0].key);
}

Test(engine_record, an_invocation_names_the_run_it_makes)
{
    const struct engine_child child = {.run = 99, .parent_op = 2, .depth = 3};
    const struct engine_item item = {
        .type = ENGINE_ITEM_OUTBOX, .kind = ENGINE_OUTBOX_CHILD, .op = 4};
    struct kept kept =
        one_item(ENGINE_REQ_APPEND, &item, &child, sizeof(child));

    cr_assert_eq(kept.records[0].a, 99);
    cr_assert_eq(kept.records[0].b, 2);
    cr_assert_eq(kept.records[0].count, 3);
    cr_assert_eq(kept.records[0].op, 4);
}
