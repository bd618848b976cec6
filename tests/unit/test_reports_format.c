#include <criterion/criterion.h>

#include "reports/format.h"

#define S 1000000000ull

static void ns_is(uint64_t ns, const char *expected)
{
    struct report_word word;
    cr_assert_str_eq(report_format_ns(&word, ns), expected);
}

Test(reports_format, durations_have_three_digits_and_a_unit)
{
    ns_is(0, "0 ns");
    ns_is(999, "999 ns");
    ns_is(1000, "1.00 µs");
    ns_is(63149, "63.1 µs");
    ns_is(999499, "999 µs");
    ns_is(999500, "1.00 ms");
    ns_is(1235000, "1.24 ms");
    ns_is(999499999, "999 ms");
    ns_is(999500000, "1.00 s");
    ns_is(59994999999, "60.0 s");
    ns_is(125 * S, "2 m 05 s");
    ns_is(3720 * S, "1 h 02 m");
    ns_is(273600 * S, "3 d 04 h");
    ns_is(UINT64_MAX, "213503 d 23 h");
}

Test(reports_format, whole_units_are_short_on_axes)
{
    struct report_word word;
    cr_assert_str_eq(report_format_line(&word, 0), "0");
    cr_assert_str_eq(report_format_line(&word, 30 * S), "30 s");
    cr_assert_str_eq(report_format_line(&word, 120 * S), "2 m");
    cr_assert_str_eq(report_format_line(&word, 90 * S), "1 m 30 s");
    cr_assert_str_eq(report_format_line(&word, 500000), "500 µs");
}

Test(reports_format, counts_have_commas_and_sizes_units)
{
    struct report_word word;
    cr_assert_str_eq(report_format_count(&word, 0), "0");
    cr_assert_str_eq(report_format_count(&word, 999), "999");
    cr_assert_str_eq(report_format_count(&word, 1000), "1,000");
    cr_assert_str_eq(report_format_count(&word, UINT64_MAX),
                     "18,446,744,073,709,551,615");
    cr_assert_str_eq(report_format_bytes(&word, 1023), "1023 B");
    cr_assert_str_eq(report_format_bytes(&word, 3355443), "3.20 MiB");
    cr_assert_str_eq(report_format_share(&word, 1, 3), "33.3 %");
    cr_assert_str_eq(report_format_share(&word, UINT64_MAX, UINT64_MAX),
                     "100.0 %");
}

Test(reports_format, lines_of_axes_only_rise_and_come_to_an_end)
{
    uint64_t at = 0;
    int count = 0;
    while (at != UINT64_MAX) {
        uint64_t next = report_format_next_line(at);
        cr_assert_gt(next, at);
        cr_assert_eq(report_format_next_line(next - 1), next);
        at = next;
        cr_assert_lt(++count, 100);
    }
    cr_assert_gt(count, 40);
}
