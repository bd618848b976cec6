#include "engine/value.h"

#include <criterion/criterion.h>

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
