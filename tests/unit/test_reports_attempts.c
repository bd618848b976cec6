#include <criterion/criterion.h>
#include <string.h>

#include "reports/attempts.h"

enum {
    RUNS = 400,
    OPS = 3
};

Test(reports_attempts, the_table_agrees_with_an_array_after_any_changes)
{
    struct report_attempts table;
    report_attempts_init(&table);
    uint64_t model[RUNS][OPS];
    memset(model, 0, sizeof(model));
    uint64_t state = 1;
    size_t count = 0;
    for (uint64_t i = 1; i < 60000; i++) {
        state = state * 6364136223846793005ull + 1442695040888963407ull;
        uint64_t run = (state >> 33) % RUNS;
        uint32_t op = (uint32_t)(state >> 20) % OPS;
        struct report_attempt *entry =
            report_attempts_find(&table, run + 1, op, 1);
        cr_assert_eq(entry != NULL, model[run][op] != 0);
        if (entry) {
            cr_assert_eq(entry->put_ns, model[run][op]);
            report_attempts_drop(&table, entry);
            model[run][op] = 0;
            count--;
        } else {
            entry = report_attempts_add(&table, run + 1, op, 1);
            cr_assert(entry);
            entry->put_ns = i;
            model[run][op] = i;
            count++;
        }
        cr_assert_eq(table.count, count);
    }
    report_attempts_deinit(&table);
}

Test(reports_attempts, an_entry_added_twice_is_one)
{
    struct report_attempts table;
    report_attempts_init(&table);
    cr_assert_null(report_attempts_find(&table, 1, 0, 1));
    struct report_attempt *entry = report_attempts_add(&table, 1, 0, 1);
    cr_assert_eq(report_attempts_add(&table, 1, 0, 1), entry);
    cr_assert_null(report_attempts_find(&table, 1, 0, 2));
    cr_assert_null(report_attempts_find(&table, 1, 1, 1));
    report_attempts_deinit(&table);
}
