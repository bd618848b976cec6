#include "scenarios/table.h"

#include <criterion/criterion.h>
#include <string.h>

static void expect_error(const char *text, const char *error)
{
    struct json_error err = {0};
    struct table table;
    bool open = table_open(&table, "t.csv", text, strlen(text), "a,b", &err);
    while (open && table_next(&table)) {
    }
    cr_assert_str_eq(err.text, error, "%s", err.text);
}

Test(scenarios_table, fields_are_what_stands_between_commas)
{
    static const char text[] = "a,b\nx y,1\nz,22";
    struct json_error err = {0};
    struct table table;
    cr_assert(table_open(&table, "t.csv", text, strlen(text), "a,b", &err));
    cr_assert(table_next(&table));
    cr_assert_str_eq(table.fields[0], "x y");
    cr_assert_str_eq(table.fields[1], "1");
    cr_assert_eq(table.line, 2);
    cr_assert(table_next(&table));
    cr_assert_str_eq(table.fields[0], "z");
    cr_assert_str_eq(table.fields[1], "22");
    cr_assert_not(table_next(&table));
    cr_assert_eq(err.code, 0);
}

Test(scenarios_table, anything_else_is_refused_at_its_column)
{
    expect_error("", "t.csv:1:1: found another heading, allowed a,b");
    expect_error("a,b\r\n1,2\r\n",
                 "t.csv:1:1: found another heading, allowed a,b");
    expect_error("a,b\n1\n", "t.csv:2:2: found 1 fields, allowed 2");
    expect_error("a,b\n1,2,3\n",
                 "t.csv:2:5: found more fields than the 2 allowed");
    expect_error("a,b\n1,\n", "t.csv:2:3: found an empty field");
    expect_error("a,b\n1,2\n\n3,4\n", "t.csv:3:1: found an empty field");
    expect_error("a,b\n1, 2\n",
                 "t.csv:2:3: found a byte 0x20 that no field may have");
    expect_error("a,b\n1,2\r\n",
                 "t.csv:2:4: found a byte 0x0d that no field may have");
    expect_error("a,b\n\"1\",2\n",
                 "t.csv:2:1: found a byte 0x22 that no field may have");
    expect_error("a,b\n1,\xc3\xa4\n",
                 "t.csv:2:3: found a byte 0xc3 that no field may have");
}

Test(scenarios_table, a_field_that_is_too_long_is_refused)
{
    char text[100] = "a,b\n";
    memset(text + 4, 'x', 64);
    memcpy(text + 68, ",1\n", 4);
    expect_error(text, "t.csv:2:1: found a field of 64 bytes, allowed 63");
}

Test(scenarios_table, decimals_are_exact_or_refused)
{
    static const struct {
        const char *text;
        unsigned places;
        bool ok;
        uint64_t value;
    } cases[] = {
        {"1.25", 3, true, 1250},
        {"0.0000166667", 12, true, 16666700},
        {"18446744073709551615", 0, true, UINT64_MAX},
        {"18446744073709551616", 0, false, 0},
        {"1.2345", 3, false, 0},
        {"1.", 3, false, 0},
        {".5", 3, false, 0},
        {"1.2.3", 3, false, 0},
        {"", 3, false, 0},
        {"-1", 3, false, 0},
        {"+1", 3, false, 0},
        {"1e3", 3, false, 0},
        {"0x1", 3, false, 0},
        {"99999999999999999999", 3, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint64_t value = 7;
        bool ok = table_decimal(cases[i].text, cases[i].places, &value);
        cr_assert_eq(ok, cases[i].ok, "%s", cases[i].text);
        cr_assert_eq(value, (ok ? cases[i].value : 7), "%s", cases[i].text);
    }
}
