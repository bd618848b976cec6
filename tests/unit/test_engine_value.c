#include "engine/value.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

Test(engine_value, a_row_of_values_is_read_back_by_index)
{
    unsigned char row[128];
    size_t size = 0;
    for (uint32_t n = 0; n < 5; n++)
        size += engine_value_write(row + size, ENGINE_VALUE_INLINE, "abcdefghi",
                                   2 * n);
    for (uint32_t n = 0; n < 5; n++) {
        const struct engine_value *value = engine_value_at(row, size, n);
        cr_assert(value);
        cr_assert_eq(value->size, 2 * n);
        cr_assert_eq(value->kind, ENGINE_VALUE_INLINE);
        cr_assert(
            memcmp(engine_value_bytes(value), "abcdefghi", (size_t)2 * n) == 0);
    }
    cr_assert_null(engine_value_at(row, size, 5));
    cr_assert_null(engine_value_at(NULL, 0, 0));
}

Test(engine_value, padding_is_zero_whatever_was_there)
{
    for (uint32_t size = 0; size <= 16; size++) {
        unsigned char row[64];
        memset(row, 0xee, sizeof(row));
        size_t span = engine_value_write(row, ENGINE_VALUE_BLOB,
                                         "0123456789abcdef", size);
        cr_assert_eq(span % 8, 0);
        cr_assert_eq(span, engine_value_span(size));
        for (size_t at = sizeof(struct engine_value) + size; at < span; at++)
            cr_assert_eq(row[at], 0);
        cr_assert_eq(row[span], 0xee, "wrote behind its span");
    }
}

Test(engine_value, a_row_cut_anywhere_gives_no_value_behind_the_cut)
{
    unsigned char row[64];
    size_t first = engine_value_write(row, ENGINE_VALUE_INLINE, "abc", 3);
    size_t size =
        first + engine_value_write(row + first, ENGINE_VALUE_INLINE, "d", 1);
    for (size_t cut = 0; cut < size; cut++) {
        cr_assert_eq(!engine_value_at(row, cut, 0), cut < first);
        cr_assert_null(engine_value_at(row, cut, 1));
    }
}

Test(engine_value, a_size_that_points_outside_is_damage)
{
    struct engine_value value = {.size = UINT32_MAX, .kind = 1};
    cr_assert_null(engine_value_at(&value, sizeof(value), 0));
    cr_assert_eq(engine_value_span(UINT32_MAX),
                 sizeof(value) + (UINT64_C(1) << 32));
}

static size_t stream_of(void *row, uint64_t chunks, uint64_t raw, uint32_t size)
{
    struct engine_chunks_ref ref = {.raw_size = raw, .chunk_count = chunks};
    unsigned char bytes[80] = {0};
    memcpy(bytes, &ref, sizeof(ref));
    return engine_value_write(row, ENGINE_VALUE_STREAM, bytes, size);
}

Test(engine_value, a_stream_is_read_back_with_its_counts)
{
    unsigned char row[128];
    struct engine_chunks_ref ref;
    struct engine_blob_ref blob;
    size_t size = stream_of(row, 1000, 5000000, sizeof(ref));
    const struct engine_value *value = engine_value_at(row, size, 0);
    cr_assert_eq(engine_value_chunks(value, &ref), 0);
    cr_assert_eq(ref.chunk_count, 1000);
    cr_assert_eq(ref.raw_size, 5000000);
    cr_assert_eq(engine_value_blob(value, &blob), -1);
}

Test(engine_value, a_stream_of_the_wrong_size_or_without_chunks_is_damage)
{
    unsigned char row[128];
    struct engine_chunks_ref ref;
    for (uint32_t size = 0; size < 72; size++) {
        stream_of(row, 1, 1, size);
        cr_assert_eq(engine_value_chunks((void *)row, &ref) == 0,
                     size == sizeof(ref));
    }
    stream_of(row, 0, 1, sizeof(ref));
    cr_assert_eq(engine_value_chunks((void *)row, &ref), -1);
    stream_of(row, 0, 0, sizeof(ref));
    cr_assert_eq(engine_value_chunks((void *)row, &ref), 0);
}

Test(engine_value, an_unknown_kind_is_a_serialization_error_at_its_index)
{
    unsigned char row[256];
    struct engine_blob_ref blob = {.size = 7};
    uint32_t index;
    size_t size = engine_value_write(row, ENGINE_VALUE_INLINE, "a", 1);
    size +=
        engine_value_write(row + size, ENGINE_VALUE_BLOB, &blob, sizeof(blob));
    size += stream_of(row + size, 3, 30, sizeof(struct engine_chunks_ref));
    cr_assert_eq(engine_value_check(row, size, &index), ENGINE_ERR_NONE);
    cr_assert_eq(engine_value_check(row, 0, &index), ENGINE_ERR_NONE);
    for (uint32_t kind = 0; kind < 300; kind++) {
        if (kind > 0 && kind < ENGINE_VALUE_KIND_COUNT)
            continue;
        size_t more = engine_value_write(
            row + size, (enum engine_value_kind)kind, "xyz", 3);
        cr_assert_eq(engine_value_check(row, size + more, &index),
                     ENGINE_ERR_SERIALIZATION);
        cr_assert_eq(index, 3);
    }
    for (size_t cut = 1; cut < 16; cut++)
        cr_assert_eq(engine_value_check(row, size - cut, &index),
                     ENGINE_ERR_SERIALIZATION);
}

static void expect_storable(const char *text, bool json, const char *why)
{
    struct engine_value_fault fault;
    enum engine_error error =
        engine_value_storable(text, strlen(text), json, &fault);
    cr_assert_str_eq(fault.text, why, "%s: %s", text, fault.text);
    cr_assert_eq(error, why[0] ? ENGINE_ERR_SERIALIZATION : ENGINE_ERR_NONE);
}

Test(engine_value, volatile_references_are_refused_with_their_place)
{
    expect_storable("{\"image\": \"memory://x\"}", true,
                    "volatile reference memory://x at $.image: store it "
                    "first");
    expect_storable("[{\"a\": [1, \"fd:3\"]}]", false,
                    "volatile reference fd:3 at $[0].a[1]: store it first");
    expect_storable("\"tmp:/run/x\"", true,
                    "volatile reference tmp:/run/x at $: store it first");
    expect_storable("\"\\u006dEMORY\\u003a//x\"", true,
                    "volatile reference \\u006dEMORY\\u003a//x at $: store it "
                    "first");
    expect_storable("{\"type\": \"image\", \"uri\": \"Memory:x\"}", true,
                    "volatile reference Memory:x at $.uri: store it first");
    expect_storable("[\"memory://1\", \"memory://2\"]", true,
                    "volatile reference memory://1 at $[0]: store it first");
}

Test(engine_value, what_only_looks_like_a_reference_is_stored)
{
    static const char *const texts[] = {
        "\"memory\"",
        "\"memory:\"",
        "\"memory: 16 GB\"",
        "\"fd:\"",
        "\"tmpfs:/x\"",
        "\"temp://x\"",
        "\"s3://bucket/memory://x\"",
        "\"the fd:3\"",
        "{\"memory://x\": 1}",
        "\"amemory://x\"",
        "\"file:///x\"",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        expect_storable(texts[i], true, "");
}

Test(engine_value, a_long_reference_is_cut_between_two_characters)
{
    struct engine_value_fault fault;
    char text[600] = "\"tmp:";
    size_t size = 5;
    for (int i = 0; i < 100; i++)
        size += (size_t)snprintf(text + size, sizeof(text) - size, "ä");
    text[size++] = '"';
    engine_value_storable(text, size, true, &fault);
    cr_assert_eq(strncmp(fault.text, "volatile reference tmp:ä", 25), 0);
    cr_assert(strstr(fault.text, "ä... at $: store it first"), "%s",
              fault.text);
}

Test(engine_value, what_is_declared_json_and_is_not_is_refused_at_its_byte)
{
    expect_storable("{\"a\": 1 \"b\"}", true,
                    "not JSON at byte 8: found no comma between two values");
    expect_storable("", true, "not JSON at byte 0: found no value");
    expect_storable("\"\xff\"", true,
                    "not JSON at byte 1: found bytes that are not UTF-8");
    expect_storable("{\"a\": \"memory://x\"", true,
                    "not JSON at byte 18: found no comma between two values");
}

Test(engine_value, bytes_that_are_not_declared_json_may_be_anything)
{
    expect_storable("", false, "");
    expect_storable("\xff\xfe", false, "");
    expect_storable("memory://x", false, "");
    expect_storable("[\"memory://x\"", false, "");
}

/* A document in which one string at any place and depth is the reference. */
static size_t nest(char *text, uint32_t shape, const char *reference)
{
    char *at = text;
    uint32_t depth = shape % 100;
    for (uint32_t i = 0; i < depth; i++)
        at += sprintf(at, (shape >> (i % 16) & 1) ? "{\"k\":1,\"x\":" : "[2,");
    at += sprintf(at, "\"%s\"", reference);
    for (uint32_t i = depth; i-- > 0;)
        at += sprintf(at, (shape >> (i % 16) & 1) ? ",\"y\":[]}" : ",{}]");
    return (size_t)(at - text);
}

Test(engine_value, no_volatile_reference_is_missed_at_any_depth)
{
    for (uint32_t shape = 0; shape < 4000; shape++) {
        char text[4000];
        struct engine_value_fault fault;
        size_t size = nest(text, shape * 7919, "memory://x");
        cr_assert_eq(engine_value_storable(text, size, true, &fault),
                     ENGINE_ERR_SERIALIZATION);
        cr_assert_eq(text[fault.offset], '"');
        size = nest(text, shape * 7919, "blob://x");
        cr_assert_eq(engine_value_storable(text, size, true, &fault),
                     ENGINE_ERR_NONE);
    }
}
