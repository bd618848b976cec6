#include <criterion/criterion.h>
#include <string.h>

#include "engine/wire.h"

/* A request with three items of 0, 5 and 8 bytes. */
static struct engine_request *build(struct engine_block *block)
{
    struct engine_item item = {.type = ENGINE_ITEM_EVENT};
    struct engine_request *request;

    engine_block_init(block);
    request = engine_block_begin(block, sizeof(*request));
    request->kind = ENGINE_REQ_APPEND;
    engine_block_item(block, &item, NULL, 0);
    engine_block_item(block, &item, "hello", 5);
    engine_block_item(block, &item, "12345678", 8);
    request = (void *)block->bytes;
    request->item_count = 3;
    return request;
}

Test(engine_wire, items_are_walked_in_the_order_they_were_added)
{
    static const uint32_t sizes[] = {0, 5, 8};
    struct engine_block block;
    struct engine_request *request = build(&block);
    size_t count = 0;

    ENGINE_REQUEST_ITEMS(request, item)
    {
        cr_assert_lt(count, 3);
        cr_expect_eq(item->size, sizes[count++]);
        cr_expect_eq((uintptr_t)item % 8, 0);
    }
    cr_expect_eq(count, 3);
    cr_expect_eq(request->size, sizeof(*request) + 40 + 48 + 48);
    engine_block_free(&block);
}

Test(engine_wire, a_head_without_items_has_no_first_item)
{
    struct engine_block block;
    struct engine_reply *reply;

    engine_block_init(&block);
    reply = engine_block_begin(&block, sizeof(*reply));
    cr_expect_null(engine_item_first(reply, sizeof(*reply)));
    engine_block_free(&block);
}

Test(engine_wire, padding_is_zero_even_in_a_block_used_before)
{
    struct engine_item item = {.type = ENGINE_ITEM_EVENT};
    struct engine_block block;
    const unsigned char *payload;

    build(&block);
    memset(block.bytes, 0xff, block.capacity);
    engine_block_begin(&block, sizeof(struct engine_request));
    payload = engine_item_payload(engine_block_item(&block, &item, "hello", 5));
    cr_expect_arr_eq(payload, "hello\0\0\0", 8);
    payload = engine_item_payload(engine_block_item(&block, &item, NULL, 3));
    cr_expect_eq(payload[3] | payload[7], 0);
    engine_block_free(&block);
}

Test(engine_wire, a_begun_block_has_a_zeroed_head_with_its_size)
{
    struct engine_block block;
    struct engine_request *request = build(&block);

    memset(request, 0xff, sizeof(*request));
    request = engine_block_begin(&block, sizeof(*request));
    cr_expect_eq(request->size, sizeof(*request));
    cr_expect_eq(request->run | request->item_count | request->kind, 0);
    cr_expect(engine_block_ok(&block));
    engine_block_free(&block);
}

Test(engine_wire, a_block_that_would_pass_4_gib_has_failed)
{
    struct engine_item item = {.type = ENGINE_ITEM_EVENT};
    struct engine_block block;

    build(&block);
    cr_expect_null(engine_block_item(&block, &item, NULL, UINT32_MAX));
    cr_expect(!engine_block_ok(&block));
    cr_expect_null(engine_block_item(&block, &item, NULL, 1),
                   "it stays failed until it is begun again");
    engine_block_free(&block);
}

Test(engine_wire, a_whole_request_passes_and_every_shorter_one_fails)
{
    struct engine_block block;
    struct engine_request *request = build(&block);
    uint32_t whole = request->size;

    cr_expect_eq(engine_request_check(request, whole), 0);
    for (uint32_t size = 0; size < whole; size++) {
        cr_expect_eq(engine_request_check(request, size), -1);
        request->size = size;
        cr_expect_eq(engine_request_check(request, size), -1, "%u", size);
        request->size = whole;
    }
    engine_block_free(&block);
}

Test(engine_wire, lies_in_a_request_are_found)
{
    struct engine_block block;
    struct engine_request *request = build(&block);
    struct engine_item *item = (void *)(request + 1);

    request->item_count = 2;
    cr_expect_eq(engine_request_check(request, request->size), -1);
    request->item_count = 3;
    request->kind = ENGINE_REQ_COUNT;
    cr_expect_eq(engine_request_check(request, request->size), -1);
    request->kind = ENGINE_REQ_APPEND;
    item->type = ENGINE_ITEM_SNAPSHOT + 1;
    cr_expect_eq(engine_request_check(request, request->size), -1);
    item->type = ENGINE_ITEM_EVENT;
    item->size = UINT32_MAX;
    cr_expect_eq(engine_request_check(request, request->size), -1);
    item->size = 0;
    cr_expect_eq(engine_request_check(request, request->size), 0);
    engine_block_free(&block);
}

Test(engine_wire, a_request_changed_at_random_is_never_walked_out_of_bounds)
{
    struct engine_block block;
    struct engine_request *request = build(&block);
    size_t size = request->size;
    uint64_t draw = 1;

    for (int i = 0; i < 20000; i++) {
        unsigned char copy[512];
        size_t at;

        draw = draw * UINT64_C(6364136223846793005) + 1;
        at = (size_t)(draw >> 33) % size;
        memcpy(copy, request, size);
        copy[at] ^= (unsigned char)(1U << (draw >> 61));
        if (engine_request_check(copy, size))
            continue;
        ENGINE_REQUEST_ITEMS(copy, item)
        {
            const unsigned char *end = engine_item_payload(item);

            cr_assert_leq(end + item->size, copy + size);
        }
    }
    engine_block_free(&block);
}

Test(engine_wire, a_reply_needs_an_outcome)
{
    struct engine_reply reply = {.size = sizeof(reply),
                                 .kind = ENGINE_REQ_APPEND};

    cr_expect_eq(engine_reply_check(&reply, sizeof(reply)), -1);
    reply.outcome = ENGINE_UNKNOWN;
    cr_expect_eq(engine_reply_check(&reply, sizeof(reply)), 0);
    reply.outcome = ENGINE_UNKNOWN + 1;
    cr_expect_eq(engine_reply_check(&reply, sizeof(reply)), -1);
}

Test(engine_wire, everything_that_has_a_number_has_a_name)
{
    for (unsigned i = 1; i < ENGINE_EV_COUNT; i++)
        cr_expect_str_neq(engine_event_name(i), "?", "event %u", i);
    for (unsigned i = 1; i < ENGINE_REQ_COUNT; i++)
        cr_expect_str_neq(engine_request_name(i), "?", "request %u", i);
    for (unsigned i = 1; i <= ENGINE_UNKNOWN; i++)
        cr_expect_str_neq(engine_outcome_name(i), "?", "outcome %u", i);
    for (unsigned i = 0; i < ENGINE_ERR_COUNT; i++)
        cr_expect_str_neq(engine_error_name(i), "?", "error %u", i);
    cr_expect_str_eq(engine_event_name(ENGINE_EV_COUNT), "?");
    cr_expect_str_eq(engine_outcome_name(0), "?");
}
