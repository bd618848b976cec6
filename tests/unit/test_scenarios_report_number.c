#include <criterion/criterion.h>
#include <string.h>

#include "scenarios/report_number.h"

static bool reads(const char *text, uint64_t max, uint64_t *number)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    cr_assert_eq(json_read_bytes("n", text, strlen(text), &doc, &err), 0, "%s",
                 err.text);
    bool good = report_number_as(json_root(doc), max, number, &err);
    cr_expect_eq(good, err.code == 0);
    json_free(doc);
    return good;
}

Test(scenarios_report_number, small_ones_are_numbers_and_large_ones_text)
{
    uint64_t number = 7;
    cr_expect(reads("0", 0, &number));
    cr_expect_eq(number, 0);
    cr_expect(reads("9007199254740991", UINT64_MAX, &number));
    cr_expect_eq(number, UINT64_C(9007199254740991));
    cr_expect(reads("\"18446744073709551615\"", UINT64_MAX, &number));
    cr_expect_eq(number, UINT64_MAX);
}

Test(scenarios_report_number, what_is_none_is_refused_and_changes_nothing)
{
    static const char *const none[] = {"-1",
                                       "0.5",

                                       "\"18446744073709551616\"",
                                       "\"-1\"",
                                       "\" 1\"",
                                       "\"1 \"",
                                       "\"\"",
                                       "\"0x1\"",
                                       "true",
                                       "null",
                                       "[]"};
    uint64_t number = 7;
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++)
        cr_expect_not(reads(none[i], UINT64_MAX, &number), "%s", none[i]);
    cr_expect_not(reads("5", 4, &number));
    cr_expect_not(reads("\"5\"", 4, &number));
    cr_expect_eq(number, 7);
}
