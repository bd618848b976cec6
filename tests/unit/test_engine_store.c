#include <criterion/criterion.h>
#include <string.h>

#include "engine/store.h"

static const struct engine_store_limits limits = {.op_payload_max = 64,
                                                  .request_max = 1000,
                                                  .history_ops_max = 10,
                                                  .blob_max = 128};

Test(engine_store, hashes_are_the_published_ones)
{
    struct engine_hash empty = engine_hash_bytes("", 0);

    cr_expect_eq(empty.lo, UINT64_C(0x6001c324468d497f));
    cr_expect_eq(empty.hi, UINT64_C(0x99aa06d3014798d8));
}

Test(engine_store, every_field_of_a_log_row_changes_its_hash)
{
    static const char items[] = "some events";
    static const char others[] = "some Events";
    struct engine_log_row row = {.run = 1,
                                 .seq = 2,
                                 .count = 3,
                                 .token = 4,
                                 .time_ns = 5,
                                 .items = items,
                                 .items_size = sizeof(items)};
    struct engine_hash previous = {6, 7};
    struct engine_hash hash = engine_store_chain(previous, &row);
    struct engine_log_row changed[7];

    for (int i = 0; i < 7; i++)
        changed[i] = row;
    changed[0].run++;
    changed[1].seq++;
    changed[2].count++;
    changed[3].token++;
    changed[4].time_ns++;
    changed[5].items = others;
    changed[6].items_size--;
    for (int i = 0; i < 7; i++)
        cr_expect_neq(engine_store_chain(previous, &changed[i]).lo, hash.lo,
                      "%d", i);
    previous.hi++;
    cr_expect_neq(engine_store_chain(previous, &row).lo, hash.lo);
}

Test(engine_store, a_time_never_leaves_what_a_store_can_keep)
{
    cr_expect_eq(engine_store_later(5, 7), 12);
    cr_expect_eq(engine_store_later(INT64_MAX - 1, 1), INT64_MAX);
    cr_expect_eq(engine_store_later(INT64_MAX, 1), INT64_MAX);
    cr_expect_eq(engine_store_later(5, UINT64_MAX), INT64_MAX);
    cr_expect_eq(engine_store_later(UINT64_MAX, 5), INT64_MAX);
}

struct asking {
    struct engine_block block;
    uint64_t actual;
    uint64_t maximum;
};

static struct engine_request *ask(struct asking *asking, uint16_t kind)
{
    struct engine_request *request =
        engine_block_begin(&asking->block, sizeof(*request));

    request->kind = kind;
    request->sender = 1;
    request->run = 1;
    request->state = ENGINE_RUN_RUNNING;
    return request;
}

static void add(struct asking *asking, uint16_t type, uint32_t op,
                uint32_t flags, size_t size)
{
    static const char zeros[256];
    struct engine_item item = {.type = type, .op = op, .flags = flags};

    engine_block_item(&asking->block, &item, zeros, size);
    ((struct engine_request *)(void *)asking->block.bytes)->item_count++;
}

static int admit(struct asking *asking)
{
    return engine_store_admit(&limits, (void *)asking->block.bytes,
                              &asking->actual, &asking->maximum);
}

Test(engine_store, a_limit_is_accepted_and_one_byte_more_refused)
{
    struct asking asking = {.actual = 0};

    ask(&asking, ENGINE_REQ_APPEND);
    add(&asking, ENGINE_ITEM_EVENT, 0, 0, 64);
    cr_expect_eq(admit(&asking), 0);
    add(&asking, ENGINE_ITEM_WORK, 0, ENGINE_WORK_PUT, 65);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    cr_expect_eq(asking.actual, 65);
    cr_expect_eq(asking.maximum, 64);
    ask(&asking, ENGINE_REQ_PUT_BLOB);
    add(&asking, ENGINE_ITEM_BLOB, 0, 0, 128);
    cr_expect_eq(admit(&asking), 0);
    ask(&asking, ENGINE_REQ_PUT_BLOB);
    add(&asking, ENGINE_ITEM_BLOB, 0, 0, 129);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_APPEND);
    for (int i = 0; i < 20; i++)
        add(&asking, ENGINE_ITEM_EVENT, 0, 0, 8);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    cr_expect_eq(asking.maximum, 1000);
    engine_block_free(&asking.block);
}

Test(engine_store, numbers_out_of_range_are_refused)
{
    struct asking asking = {.actual = 0};

    ask(&asking, ENGINE_REQ_MAIL)->run = 0;
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_MAIL)->run = ENGINE_RUN_MAX;
    cr_expect_eq(admit(&asking), 0);
    ask(&asking, ENGINE_REQ_MAIL)->run = ENGINE_RUN_MAX + 1;
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_CLAIM)->op = ENGINE_OP_MAX;
    cr_expect_eq(admit(&asking), 0);
    ask(&asking, ENGINE_REQ_CLAIM)->op = ENGINE_OP_MAX + 1;
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_APPEND)->state = 0;
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_ACQUIRE)->sender = 0;
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_COUNT);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, 0);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    engine_block_free(&asking.block);
}

Test(engine_store, items_that_do_not_belong_to_a_request_are_refused)
{
    struct asking asking = {.actual = 0};

    ask(&asking, ENGINE_REQ_CLAIM);
    add(&asking, ENGINE_ITEM_WORK, 0, ENGINE_WORK_PUT, 0);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_CREATE);
    add(&asking, ENGINE_ITEM_OUTBOX, 0, 0, 0);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_APPEND);
    add(&asking, ENGINE_ITEM_WORK, 0, ENGINE_WORK_DROP + 1, 0);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_APPEND);
    add(&asking, ENGINE_ITEM_WORK, ENGINE_OP_MAX + 1, ENGINE_WORK_PUT, 0);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_PUT_BLOB);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_APPEND)->item_count = 1;
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    engine_block_free(&asking.block);
}

/* A SIGNAL request that says so much about itself. */
static struct engine_signal *ask_signal(struct asking *asking, uint16_t kind,
                                        size_t size)
{
    struct engine_item item = {
        .type = ENGINE_ITEM_INBOX, .kind = kind, .op = UINT32_MAX, .a = 1};
    struct engine_signal signal[2] = {{.run = 1, .kind = kind}};
    struct engine_item *added;

    ask(asking, ENGINE_REQ_SIGNAL)->item_count = 1;
    added = engine_block_item(&asking->block, &item, signal, size);
    return (void *)(added + 1);
}

Test(engine_store, a_signal_must_be_whole_and_agree_with_its_request)
{
    struct asking asking = {.actual = 0};
    size_t size = sizeof(struct engine_signal);

    ask_signal(&asking, ENGINE_SIG_STOP, size);
    cr_expect_eq(admit(&asking), 0);
    ask_signal(&asking, ENGINE_SIG_STOP, size + 6)->value_size = 3;
    ((struct engine_signal *)(void *)(asking.block.bytes +
                                      sizeof(struct engine_request) +
                                      sizeof(struct engine_item)))
        ->edge_size = 3;
    cr_expect_eq(admit(&asking), 0);
    ask_signal(&asking, ENGINE_SIG_STOP, size)->reason_size = 1;
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    cr_expect_eq(asking.actual, size);
    cr_expect_eq(asking.maximum, size + 1);
    ask_signal(&asking, ENGINE_SIG_STOP, size)->run = 2;
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask_signal(&asking, ENGINE_SIG_STOP, size)->kind = ENGINE_SIG_PAUSE;
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask_signal(&asking, ENGINE_SIG_COUNT, size);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask_signal(&asking, ENGINE_SIG_STOP, size - 1);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_SIGNAL);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    engine_block_free(&asking.block);
}

Test(engine_store, an_append_takes_signals_by_id_and_one_snapshot)
{
    struct asking asking = {.actual = 0};
    struct engine_item inbox = {.type = ENGINE_ITEM_INBOX, .a = 1};

    ask(&asking, ENGINE_REQ_APPEND)->item_count = 1;
    engine_block_item(&asking.block, &inbox, NULL, 0);
    add(&asking, ENGINE_ITEM_SNAPSHOT, 0, 0, 200);
    cr_expect_eq(admit(&asking), 0);
    add(&asking, ENGINE_ITEM_SNAPSHOT, 0, 0, 8);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_APPEND)->item_count = 1;
    engine_block_item(&asking.block, &inbox, "payload", 7);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED);
    ask(&asking, ENGINE_REQ_APPEND);
    add(&asking, ENGINE_ITEM_INBOX, 0, 0, 0);
    cr_expect_eq(admit(&asking), ENGINE_REFUSED, "a row without an id");
    engine_block_free(&asking.block);
}
