#include "reports/index.h"

#include <criterion/criterion.h>
#include <stdlib.h>

static struct report_key key(uint64_t n)
{
    return (struct report_key){{n / 7, n % 7, n ^ 5}};
}

Test(reports_index, every_key_is_found_where_it_was_put)
{
    struct report_index index;
    void *list = NULL;

    report_index_init(&index);
    for (uint64_t n = 0; n < 5000; n++) {
        struct report_key one = key(n);

        cr_assert_eq(report_index_find(&index, &one), REPORT_INDEX_NONE);
        cr_assert_eq(report_index_add(&index, &one, &list, sizeof(n)), n);
        cr_assert_eq(((uint64_t *)list)[n], 0);
        ((uint64_t *)list)[n] = n * n;
    }
    for (uint64_t n = 0; n < 5000; n++) {
        struct report_key one = key(n);

        cr_assert_eq(report_index_find(&index, &one), n);
        cr_assert_eq(((uint64_t *)list)[n], n * n);
    }
    free(list);
    report_index_deinit(&index);
}
