#include "engine/operation.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "engine/store.h"

static const struct engine_hash NO_PARENT = {0, 0};

/* Memory that counts its blocks and fails from the n-th request on. */
struct counted {
    uint64_t left;
    int64_t blocks;
};

static void *counted_resize(void *self, void *old, size_t size)
{
    struct counted *counted = self;

    if (size == 0) {
        counted->blocks--;
        free(old);
        return NULL;
    }
    if (counted->left == 0)
        return NULL;
    counted->left--;
    if (!old)
        counted->blocks++;
    return realloc(old, size);
}

static struct engine_text text_of(const char *text)
{
    return (struct engine_text){text, strlen(text)};
}

static struct engine_hash id_of(uint64_t n)
{
    return engine_operation_id(7, NO_PARENT, n);
}

/* An OPERATION item of a step or context. */
static const struct engine_item *write_item(struct engine_block *block,
                                            unsigned type, uint64_t n,
                                            struct engine_hash parent,
                                            const char *name, const char *value)
{
    struct engine_hash id = id_of(n);
    struct engine_item head = {
        .type = ENGINE_ITEM_OPERATION,
        .kind = ENGINE_STATUS_STARTED,
        .op = (uint32_t)n,
        .attempt = 3,
        .a = id.lo,
        .b = id.hi,
        .flags = engine_operation_flags(type, ENGINE_SUBTYPE_NONE, 0)};
    struct engine_operation_view view = {
        .head = {.parent = parent,
                 .first_ns = 11,
                 .error = ENGINE_ERR_USER,
                 .name_size = (uint16_t)strlen(name),
                 .value_size = (uint32_t)strlen(value)},
        .name = text_of(name),
        .value = value};

    cr_assert_not_null(engine_block_begin(block, 8));
    return engine_operation_write(block, &head, &view);
}

Test(engine_operation, an_item_has_the_bytes_that_logs_are_written_in)
{
    static const uint8_t golden[] = {
        /* size, type, kind, op, attempt */
        67, 0, 0, 0, 7, 0, 2, 0, 5, 0, 0, 0, 1, 0, 0, 0,
        /* a, b */
        8, 7, 6, 5, 4, 3, 2, 1, 16, 15, 14, 13, 12, 11, 10, 9,
        /* flags: step, wait_for_condition, state; reserved */
        3, 10, 4, 0, 0, 0, 0, 0,
        /* parent */
        1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0,
        /* first_ns, second_ns */
        0, 202, 154, 59, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
        /* error, id_size, name_size, detail_size, value_size */
        2, 0, 0, 0, 2, 0, 4, 0, 6, 0, 0, 0, 7, 0, 0, 0,
        /* texts and value */
        'i', 'd', 'n', 'a', 'm', 'e', 'd', 'e', 't', 'a', 'i', 'l', '{', '"',
        'v', '"', ':', '1', '}',
        /* padding */
        0, 0, 0, 0, 0};
    const struct engine_item head = {
        .type = ENGINE_ITEM_UPDATE,
        .kind = ENGINE_ACTION_SUCCEED,
        .op = 5,
        .attempt = 1,
        .a = UINT64_C(0x0102030405060708),
        .b = UINT64_C(0x090A0B0C0D0E0F10),
        .flags = engine_operation_flags(ENGINE_OPERATION_STEP,
                                        ENGINE_SUBTYPE_WAIT_FOR_CONDITION,
                                        ENGINE_OPTION_STATE)};
    const struct engine_operation_view view = {.head = {.parent = {1, 2},
                                                        .first_ns = 1000000000,
                                                        .second_ns = 3,
                                                        .error = 2,
                                                        .id_size = 2,
                                                        .name_size = 4,
                                                        .detail_size = 6,
                                                        .value_size = 7},
                                               .id = text_of("id"),
                                               .name = text_of("name"),
                                               .detail = text_of("detail"),
                                               .value = "{\"v\":1}"};
    struct engine_block block;
    struct engine_operation_view read;
    const struct engine_item *item;

    engine_block_init(&block);
    engine_block_begin(&block, 8);
    item = engine_operation_write(&block, &head, &view);
    cr_assert_not_null(item);
    cr_expect_eq(block.size - 8, sizeof(golden));
    for (size_t i = 0; i < sizeof(golden); i++)
        cr_expect_eq(((const uint8_t *)item)[i], golden[i], "byte %zu", i);
    cr_assert_eq(engine_operation_view(item, &read), 0);
    cr_expect_eq(memcmp(&read.head, &view.head, sizeof(read.head)), 0);
    cr_expect_eq(memcmp(read.id.text, "id", 2), 0);
    cr_expect_eq(memcmp(read.name.text, "name", 4), 0);
    cr_expect_eq(memcmp(read.detail.text, "detail", 6), 0);
    cr_expect_eq(memcmp(read.value, view.value, 7), 0);
    engine_block_free(&block);
}

Test(engine_operation, an_item_whose_sizes_do_not_add_up_is_refused)
{
    struct engine_block block;
    struct engine_operation_view view;
    struct engine_item *item;

    engine_block_init(&block);
    item = (void *)(uintptr_t)write_item(&block, ENGINE_OPERATION_STEP, 1,
                                         NO_PARENT, "name", "value");
    cr_expect_eq(engine_operation_view(item, &view), 0);
    item->size--;
    cr_expect_eq(engine_operation_view(item, &view), -1);
    item->size = sizeof(struct engine_operation) - 1;
    cr_expect_eq(engine_operation_view(item, &view), -1);
    engine_block_free(&block);
}

Test(engine_operation, an_id_follows_from_run_parent_and_call_number_alone)
{
    struct engine_hash id = engine_operation_id(1, NO_PARENT, 1);

    cr_expect(engine_hash_equal(id, engine_operation_id(1, NO_PARENT, 1)));
    cr_expect_not(engine_hash_equal(id, engine_operation_id(2, NO_PARENT, 1)));
    cr_expect_not(engine_hash_equal(id, engine_operation_id(1, NO_PARENT, 2)));
    cr_expect_not(engine_hash_equal(id, engine_operation_id(1, id, 1)));
    cr_expect_eq(id.lo, UINT64_C(0x810ebfd81e7bb987), "%016llx",
                 (unsigned long long)id.lo);
    cr_expect_eq(id.hi, UINT64_C(0x24215e338636713d), "%016llx",
                 (unsigned long long)id.hi);
}

Test(engine_operation, every_operation_of_many_is_found_under_its_parent)
{
    struct engine_operations table;
    uint32_t count = 0;

    cr_assert_eq(engine_operations_init(&table, NULL, 7), 0);
    for (uint64_t n = 1; n <= 5000; n++) {
        const struct engine_op_entry *entry =
            engine_operations_add(&table, id_of(n), n < 10 ? 0 : 5);

        cr_assert_not_null(entry);
        cr_assert_eq(entry->number, n);
    }
    for (uint64_t n = 1; n <= 5000; n++)
        cr_assert_eq(engine_operations_find(&table, id_of(n))->number, n);
    cr_expect_null(engine_operations_find(&table, id_of(5001)));
    cr_expect_eq(engine_operations_find(&table, NO_PARENT)->type,
                 ENGINE_OPERATION_EXECUTION);
    for (uint32_t i = table.entries[5].first_child; i;
         i = table.entries[i].next_sibling)
        count++;
    cr_expect_eq(count, 4991);
    engine_operations_free(&table);
}

Test(engine_operation, what_one_table_stores_another_loads)
{
    struct engine_operations left;
    struct engine_operations right;
    struct engine_block block;
    struct engine_block again;
    struct engine_op_entry *entry;
    char large[2000];

    memset(large, 'x', sizeof(large));
    engine_block_init(&block);
    engine_block_init(&again);
    cr_assert_eq(engine_operations_init(&left, NULL, 7), 0);
    cr_assert_eq(engine_operations_init(&right, NULL, 7), 0);
    entry = engine_operations_add(&left, id_of(1), 0);
    entry->run_number = 31;
    entry->type = ENGINE_OPERATION_CALLBACK;
    entry->status = ENGINE_STATUS_STARTED;
    entry->options = ENGINE_OPTION_PROGRESS;
    entry->attempt = 2;
    entry->due_ns = 500;
    engine_operations_set_text(&left, &entry->name, "name", 4);
    engine_operations_set_text(&left, &entry->id_text, "id", 2);
    engine_operations_set_text(&left, &entry->detail, "detail", 6);
    engine_operations_set_value(&left, entry, large, sizeof(large));
    engine_block_begin(&block, 8);
    cr_assert_eq(engine_operations_store(&left, 1, &block), 0);
    cr_expect_eq(engine_operations_span(&left, 1), block.size - 8);
    cr_assert_eq(
        engine_operations_load(&right, engine_item_first(block.bytes, 8)), 0);
    entry = engine_operations_find(&right, id_of(1));
    cr_assert_not_null(entry);
    cr_expect_eq(entry->run_number, 31);
    cr_expect_eq(entry->due_ns, 500);
    cr_expect_eq(entry->heartbeat_ns, UINT64_MAX);
    engine_block_begin(&again, 8);
    cr_assert_eq(engine_operations_store(&right, 1, &again), 0);
    cr_assert_eq(again.size, block.size);
    cr_expect_eq(memcmp(again.bytes, block.bytes, block.size), 0);
    engine_operations_free(&left);
    engine_operations_free(&right);
    engine_block_free(&block);
    engine_block_free(&again);
}

static int load(struct engine_operations *table, unsigned type, uint64_t n,
                struct engine_hash parent)
{
    struct engine_block block;
    int result;

    engine_block_init(&block);
    result = engine_operations_load(
        table, write_item(&block, type, n, parent, "a", "b"));
    engine_block_free(&block);
    return result;
}

Test(engine_operation, an_item_that_cannot_belong_to_the_run_is_refused)
{
    struct engine_operations table;

    cr_assert_eq(engine_operations_init(&table, NULL, 7), 0);
    cr_expect_eq(load(&table, ENGINE_OPERATION_STEP, 1, id_of(9)), -2);
    cr_expect_eq(load(&table, 0, 1, NO_PARENT), -2);
    cr_expect_eq(load(&table, ENGINE_OPERATION_TYPE_COUNT, 1, NO_PARENT), -2);
    cr_expect_eq(table.count, 1);
    cr_expect_eq(load(&table, ENGINE_OPERATION_CONTEXT, 1, NO_PARENT), 0);
    cr_expect_eq(load(&table, ENGINE_OPERATION_STEP, 2, id_of(1)), 0);
    cr_expect_eq(load(&table, ENGINE_OPERATION_STEP, 2, id_of(1)), 0);
    cr_expect_eq(load(&table, ENGINE_OPERATION_STEP, 2, NO_PARENT), -2);
    cr_expect_eq(table.count, 3);
    engine_operations_free(&table);
}

Test(engine_operation, a_value_is_the_one_that_was_set_last)
{
    static const size_t sizes[] = {0, 5, 3, 8, 300, 256, 257, 9000, 0, 1, 4};
    struct counted counted = {.left = UINT64_MAX};
    const struct engine_memory memory = {counted_resize, &counted};
    struct engine_operations table;
    struct engine_op_entry *entry;
    unsigned char bytes[9000];

    cr_assert_eq(engine_operations_init(&table, &memory, 7), 0);
    entry = engine_operations_add(&table, id_of(1), 0);
    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        memset(bytes, (int)i, sizeof(bytes));
        cr_assert_eq(
            engine_operations_set_value(&table, entry, bytes, sizes[i]), 0);
        cr_expect_eq(entry->value_size, sizes[i]);
        if (sizes[i])
            cr_expect_eq(memcmp(entry->value, bytes, sizes[i]), 0);
        else
            cr_expect_null(entry->value);
    }
    engine_operations_free(&table);
    cr_expect_eq(counted.blocks, 0);
}

/* Whether a table of some operations could be built with so many requests. */
static bool build(uint64_t requests)
{
    struct counted counted = {.left = requests};
    const struct engine_memory memory = {counted_resize, &counted};
    struct engine_operations table;
    int result = engine_operations_init(&table, &memory, 7);

    for (uint64_t n = 1; !result && n <= 40; n++) {
        struct engine_op_entry *entry =
            engine_operations_add(&table, id_of(n), 0);

        result = entry ? engine_operations_set_value(&table, entry, &counted,
                                                     sizeof(counted))
                       : -1;
        if (!result)
            result = engine_operations_set_text(
                &table, &entry->name, (const char *)&memory, sizeof(memory));
    }
    engine_operations_free(&table);
    cr_assert_eq(counted.blocks, 0);
    return !result;
}

Test(engine_operation, running_out_of_memory_is_said_and_leaks_nothing)
{
    uint64_t requests = 0;

    while (!build(requests))
        requests++;
    cr_expect_gt(requests, 4);
}

Test(engine_operation, every_type_subtype_status_and_action_has_a_name)
{
    for (unsigned i = 1; i < ENGINE_OPERATION_TYPE_COUNT; i++)
        cr_expect_str_neq(engine_operation_type_name(i), "?");
    for (unsigned i = 0; i < ENGINE_SUBTYPE_COUNT; i++)
        cr_expect_str_neq(engine_operation_subtype_name(i), "?");
    for (unsigned i = 1; i < ENGINE_STATUS_COUNT; i++)
        cr_expect_str_neq(engine_operation_status_name(i), "?");
    for (unsigned i = 1; i < ENGINE_ACTION_COUNT; i++)
        cr_expect_str_neq(engine_operation_action_name(i), "?");
    cr_expect_str_eq(engine_operation_action_name(ENGINE_ACTION_COUNT), "?");
}
