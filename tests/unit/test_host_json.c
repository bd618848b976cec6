#include "engine/host/json.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/random.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char INTEGERS[] =
    "out of range, allowed integers from -9007199254740991 to 9007199254740991";
static const char VALUES[] =
    "allowed a JSON value: an object, an array, a string in double quotes, a "
    "number, true, false or null";

/* Reads @text, which must be accepted; the caller frees. */
static struct json_doc *read_good(const char *text)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;

    cr_assert_eq(json_read_bytes("s.json", text, strlen(text), &doc, &err), 0,
                 "%s", err.text);
    cr_assert_not_null(doc);
    return doc;
}

/* The error line of @size bytes that must be refused, in @line. */
static const char *refusal(const char *bytes, size_t size,
                           struct json_error *err)
{
    struct json_doc *doc = NULL;

    *err = (struct json_error){0};
    cr_assert_eq(json_read_bytes("s.json", bytes, size, &doc, err), JSON_ETEXT,
                 "accepted: %s", bytes);
    cr_assert_null(doc);
    return err->text;
}

/* A text that must be refused at "s.json:@place: found @found@more". */
struct bad {
    const char *text;
    const char *place;
    const char *found;
    const char *more;
};

static void check_bad(const struct bad *bad)
{
    struct json_error err;
    char expected[512];

    (void)snprintf(expected, sizeof(expected), "s.json:%s: found %s%s",
                   bad->place, bad->found, bad->more);
    cr_expect_str_eq(refusal(bad->text, strlen(bad->text), &err), expected);
}

Test(host_json, texts_that_are_not_json_are_refused_with_their_place)
{
    static const struct bad bad[] = {
        {"", "1:1", "an empty file, allowed one JSON value", ""},
        {" \n\t", "1:1", "an empty file, allowed one JSON value", ""},
        {"{", "1:2", "the end of the file, allowed a key in double quotes", ""},
        {"[", "1:2", "the end of the file, allowed a JSON value", ""},
        {"[1,]", "1:4", "\"]\", ", VALUES},
        {"[,1]", "1:2", "\",\", ", VALUES},
        {"[1 2]", "1:4",
         "\"2\", allowed \",\" or \"]\" after a value of an array", ""},
        {"{\"a\":1,}", "1:8", "\"}\", allowed a key in double quotes", ""},
        {"{a:1}", "1:2", "\"a\", allowed a key in double quotes", ""},
        {"{'a':1}", "1:2", "\"'a'\", allowed a key in double quotes", ""},
        {"{\"a\" 1}", "1:6", "\"1\", allowed \":\" after a key", ""},
        {"{\"a\":1 \"b\":2}", "1:8",
         "\"\\\"\", allowed \",\" or \"}\" after a member of an object", ""},
        {"{\"a\":1]", "1:7",
         "\"]\", allowed \",\" or \"}\" after a member of an object", ""},
        {"[1] x", "1:5", "\"x\", allowed nothing after the end of the value",
         ""},
        {"[1]\n\n]", "3:1", "\"]\", allowed nothing after the end of the value",
         ""},
        {"{}{}", "1:3", "\"{\", allowed nothing after the end of the value",
         ""},
        {"[ // no\n1]", "1:3", "a comment, ", VALUES},
        {"[/* no */1]", "1:2", "a comment, ", VALUES},
        {"True", "1:1", "\"True\", ", VALUES},
        {"truefalse", "1:1", "\"truefalse\", ", VALUES},
        {"nul", "1:1", "\"nul\", ", VALUES},
        {"\x0b[]", "1:1", "\"\\u000b\", ", VALUES},
        {"[\xC2\xA0]", "1:2", "\"\xC2\xA0\", ", VALUES},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        check_bad(&bad[i]);
    }
}

Test(host_json, numbers_that_are_malformed_or_do_not_fit_are_refused)
{
    static const struct bad bad[] = {
        {"9007199254740992", "1:1", "the number 9007199254740992, ", INTEGERS},
        {"-9007199254740992", "1:1", "the number -9007199254740992, ",
         INTEGERS},
        {"[1, 9007199254740993]", "1:5", "the number 9007199254740993, ",
         INTEGERS},
        {"18446744073709551617", "1:1", "the number 18446744073709551617, ",
         INTEGERS},
        {"1e301", "1:1", "the number 1e301, ",
         "out of range, allowed 0 or sizes from 1e-300 to 1e300"},
        {"-0.001e-298", "1:1", "the number -0.001e-298, ",
         "out of range, allowed 0 or sizes from 1e-300 to 1e300"},
        {"1e99999999999999999999", "1:1", "the number 1e99999999999999999999, ",
         "out of range, allowed 0 or sizes from 1e-300 to 1e300"},
        {"-01", "1:2", "\"01\", allowed a number without leading zeros", ""},
        {"+1", "1:1", "\"+1\", ", VALUES},
        {".5", "1:1", "\".5\", ", VALUES},
        {"[1.]", "1:4", "\"]\", allowed a digit after the decimal point", ""},
        {"[1e+]", "1:5", "\"]\", allowed a digit in the exponent", ""},
        {"[-]", "1:3", "\"]\", allowed a digit after the minus sign", ""},
        {"0x10", "1:2", "\"x10\", allowed nothing after the end of the value",
         ""},
        {"NaN", "1:1", "\"NaN\", ", VALUES},
        {"-Infinity", "1:2",
         "\"Infinity\", allowed a digit after the minus sign", ""},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        check_bad(&bad[i]);
    }
}

Test(host_json, strings_that_are_not_clean_utf8_are_refused)
{
    static const char utf8[] =
        ", which is not valid UTF-8 here, allowed only UTF-8";
    static const struct bad bad[] = {
        {"\"a", "1:1",
         "a string without its closing quote, allowed only with one", ""},
        {"[\"a\n\"]", "1:4",
         "the control character 0x0a in a string, allowed only escaped, as in "
         "\\n or \\u000a",
         ""},
        {"\"\\u0000\"", "1:2",
         "the escape \\u0000, allowed any character but U+0000", ""},
        {"\"\\ud800\"", "1:2",
         "the escape \\ud800, allowed surrogates only as a pair, high then low",
         ""},
        {"\"\\udc00\\ud800\"", "1:2",
         "the escape \\udc00, allowed surrogates only as a pair, high then low",
         ""},
        {"\"\\ud800\\u0041\"", "1:2",
         "the escape \\ud800\\u0041, allowed surrogates only as a pair, high "
         "then low",
         ""},
        {"\"\\x41\"", "1:3",
         "\"x41\", allowed after a backslash one of \" \\ / b f n r t u", ""},
        {"\"\\u12g4\"", "1:6",
         "\"g4\", allowed four hexadecimal digits after \\u", ""},
        {"\"\\", "1:3", "the end of the file, allowed the rest of an escape",
         ""},
        {"\xEF\xBB\xBF{}", "1:1",
         "a byte order mark, allowed UTF-8 without one", ""},
        {"\"\xFF\"", "1:2", "byte 0xff", utf8},
        {"\"\xC3\"", "1:2", "byte 0xc3", utf8},
        {"\"\xC0\xAF\"", "1:2", "byte 0xc0", utf8},
        {"\"\xE0\x80\xAF\"", "1:2", "byte 0xe0", utf8},
        {"\"\xED\xA0\x80\"", "1:2", "byte 0xed", utf8},
        {"\"\xF4\x90\x80\x80\"", "1:2", "byte 0xf4", utf8},
        {"\"\xF0\x9F\x98", "1:2", "byte 0xf0", utf8},
        {"{\"\xC3\xA4\": \"\xC3\xB6\xFF\"}", "1:9", "byte 0xff", utf8},
        {"[\x80]", "1:2", "byte 0x80", utf8},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        check_bad(&bad[i]);
    }
}

Test(host_json, a_nul_byte_is_refused_in_and_outside_strings)
{
    struct json_error err;

    cr_expect_str_eq(refusal("\"a\0b\"", 5, &err),
                     "s.json:1:3: found the control character 0x00 in a "
                     "string, allowed only escaped, as in \\n or \\u0000");
    cr_expect_str_eq(refusal("{}\0", 3, &err),
                     "s.json:1:3: found \"\\u0000\", allowed nothing after the "
                     "end of the value");
}

Test(host_json, a_key_again_is_refused_even_when_spelt_with_escapes)
{
    static const struct bad bad[] = {
        {"{\"a\":1,\n \"b\":{\"a\":2},\n \"\\u0061\":3}", "3:2",
         "key \"a\" again, allowed once in an object (first at line 1, column "
         "2)",
         ""},
        {"{\"a\":1,\"b\":1,\"b\":2,\"a\":3}", "1:14",
         "key \"b\" again, allowed once in an object (first at line 1, column "
         "8)",
         ""},
        {"[{\"x\":[{\"\":1,\"\":1}]}]", "1:14",
         "key \"\" again, allowed once in an object (first at line 1, column "
         "9)",
         ""},
    };

    for (size_t i = 0; i < COUNT(bad); i++) {
        check_bad(&bad[i]);
    }
    json_free(read_good("{\"a\":1,\"A\":{\"a\":1},\"aa\":[{\"a\":1}]}"));
}

/* Appends @count keys, 0 to @count - 1, to @out; returns the end. */
static char *put_keys(char *out, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        out += sprintf(out, "%s\"k%u\":0", i == 0 ? "" : ",", i);
    }
    return out;
}

Test(host_json, a_key_again_is_found_among_a_hundred_thousand)
{
    char *text = malloc(2000000);
    struct json_error err;
    char *end;

    cr_assert_not_null(text);
    text[0] = '{';
    end = put_keys(text + 1, 100000);
    memcpy(end, "}", 2);
    json_free(read_good(text));
    memcpy(end, ",\"k77777\":1}", 13);
    cr_expect_not_null(strstr(refusal(text, strlen(text), &err),
                              "found key \"k77777\" again"));
    free(text);
}

Test(host_json, nesting_is_accepted_to_64_levels_and_no_deeper)
{
    char text[200] = "";
    struct json_error err;

    memset(text, '[', 64);
    memset(text + 64, ']', 64);
    json_free(read_good(text));
    memset(text, '[', 100);
    cr_expect_str_eq(refusal(text, 100, &err),
                     "s.json:1:65: found nesting deeper than 64 levels, "
                     "allowed at most 64");
}

Test(host_json, a_number_longer_than_cjson_can_hold_is_refused)
{
    char text[80] = "0.";
    struct json_error err;

    memset(text + 2, '1', 61);
    json_free(read_good(text));
    text[63] = '1';
    cr_expect_not_null(
        strstr(refusal(text, 64, &err), "allowed at most 63 characters"));
}

Test(host_json, more_values_than_a_million_are_refused)
{
    size_t size = 2 * ((size_t)JSON_VALUES_MAX + 1);
    char *text = malloc(size);
    struct json_error err;

    cr_assert_not_null(text);
    for (size_t i = 0; i < size; i += 2) {
        text[i] = '0';
        text[i + 1] = ',';
    }
    text[0] = '[';
    text[1] = ' ';
    text[size - 1] = ']';
    cr_expect_str_eq(refusal(text, size, &err),
                     "s.json:1:2000001: found more than 1000000 values, "
                     "allowed at most so many");
    free(text);
}

Test(host_json, what_cjson_builds_is_what_was_written)
{
    struct json_doc *doc = read_good(
        "{\"max\":9007199254740991,\"min\":-9007199254740991,\"zero\":-0,"
        "\"real\":-1.5e-3,\"none\":0e999,\"face\":\"\\ud83d\\ude00\\n\\/\","
        "\"\\u00e4\":true}");
    struct json_view top = json_root(doc);
    struct json_error err = {0};
    const char *text = NULL;
    int64_t max = 0;
    int64_t min = 0;
    int64_t zero = 1;
    double real = 0;
    double none = 1;
    bool yes = false;

    json_get_int(top, "max", JSON_REQUIRED, 0, JSON_INT_MAX, &max, &err);
    json_get_int(top, "min", JSON_REQUIRED, -JSON_INT_MAX, 0, &min, &err);
    json_get_int(top, "zero", JSON_REQUIRED, 0, 0, &zero, &err);
    json_get_double(top, "real", JSON_REQUIRED, -1, 1, &real, &err);
    json_get_double(top, "none", JSON_REQUIRED, 0, 0, &none, &err);
    json_get_string(top, "face", JSON_REQUIRED, 6, 6, &text, &err);
    json_get_bool(top, "\xC3\xA4", JSON_REQUIRED, &yes, &err);
    cr_assert_eq(err.code, 0, "%s", err.text);
    cr_expect_eq(max, JSON_INT_MAX);
    cr_expect_eq(min, -JSON_INT_MAX);
    cr_expect_eq(zero, 0);
    cr_expect_eq(real, -1.5e-3);
    cr_expect_eq(none, 0);
    cr_expect_str_eq(text, "\xF0\x9F\x98\x80\n/");
    cr_expect(yes);
    json_free(doc);
}

static void check_where(struct json_view view, uint32_t line, uint32_t column)
{
    uint32_t found_line;
    uint32_t found_column;

    json_where(view, &found_line, &found_column);
    cr_expect_eq(found_line, line);
    cr_expect_eq(found_column, column);
}

Test(host_json, every_value_and_key_knows_its_line_and_column)
{
    struct json_doc *doc = read_good("{\n"
                                     "  \"a\": [1, {\"b\": 2}, \"c\"],\r\n"
                                     "  \"\xC3\xA4\xF0\x9F\x98\x80\": null,\n"
                                     "  \"z\" :\n true}\n");
    struct json_view top = json_root(doc);
    struct json_view v = json_first(json_member(top, "a"));
    uint32_t line;
    uint32_t column;

    check_where(top, 1, 1);
    check_where(v, 2, 9);
    v = json_next(v);
    check_where(v, 2, 12);
    check_where(json_first(v), 2, 18);
    v = json_next(v);
    check_where(v, 2, 22);
    cr_expect_null(json_next(v).item);
    v = json_next(json_first(top));
    check_where(v, 3, 9);
    v = json_next(v);
    check_where(v, 5, 2);
    json_where_key(v, &line, &column);
    cr_expect_eq(line, 4);
    cr_expect_eq(column, 3);
    cr_expect_str_eq(json_key(v), "z");
    cr_expect_eq(json_count(top), 3);
    cr_expect_null(json_next(v).item);
    cr_expect_null(json_key(json_next(v)));
    json_free(doc);
}

/* The questions of the tables below, by number. */
enum ask {
    ASK_KEYS,
    ASK_OBJECT,
    ASK_ARRAY,
    ASK_STRING,
    ASK_INT,
    ASK_DOUBLE,
    ASK_BOOL,
    ASK_ENUM,
    ASK_DURATION,
    ASK_SPREAD,
    ASK_OFFSET,
    ASK_DRIFT,
    ASK_RATE,
    ASK_RANGE
};

static const char *const known[] = {"load", "faults", "expect"};

static bool ask_plain(struct json_view top, enum ask ask,
                      struct json_error *err)
{
    struct json_view view;
    const char *text;
    int64_t integer;
    double real;
    size_t index;
    bool yes;

    switch (ask) {
    case ASK_KEYS:
        return json_check_keys(top, known, 3, err);
    case ASK_OBJECT:
        return json_get_object(top, "k", JSON_REQUIRED, &view, err);
    case ASK_ARRAY:
        return json_get_array(top, "k", JSON_REQUIRED, 1, 2, &view, err);
    case ASK_STRING:
        return json_get_string(top, "k", JSON_REQUIRED, 1, 4, &text, err);
    case ASK_INT:
        return json_get_int(top, "k", JSON_REQUIRED, 1, 10, &integer, err);
    case ASK_DOUBLE:
        return json_get_double(top, "k", JSON_REQUIRED, 0, 0.5, &real, err);
    case ASK_BOOL:
        return json_get_bool(top, "k", JSON_REQUIRED, &yes, err);
    default:
        return json_get_enum(top, "k", JSON_REQUIRED, known, 3, &index, err);
    }
}

static bool ask_quantity(struct json_view top, enum ask ask,
                         struct json_error *err)
{
    struct quantity_range range;
    struct quantity_rate rate;
    struct json_view view;
    int64_t integer;
    uint64_t value;

    switch (ask) {
    case ASK_DURATION:
        return json_get_duration(top, "k", JSON_REQUIRED, 1000000000,
                                 60000000000, &value, err);
    case ASK_SPREAD:
        return json_get_quantity(top, "k", JSON_REQUIRED,
                                 QUANTITY_DURATION_SPREAD, 0, 1000000, &value,
                                 err);
    case ASK_RATE:
        return json_get_rate(top, "k", JSON_REQUIRED, &rate, err);
    case ASK_RANGE:
        return json_get_range(top, "k", JSON_REQUIRED, &range, err);
    case ASK_OFFSET:
        return json_get(top, "k", JSON_REQUIRED, &view, err) &&
               json_as_offset(view, &integer, err);
    default:
        return json_get(top, "k", JSON_REQUIRED, &view, err) &&
               json_as_drift(view, &integer, err);
    }
}

struct question {
    const char *text;
    enum ask ask;
    /* The error, or NULL if the answer is fine. */
    const char *error;
};

static void check_question(const struct question *question)
{
    struct json_doc *doc = read_good(question->text);
    struct json_error err = {0};
    bool good = question->ask < ASK_DURATION
                    ? ask_plain(json_root(doc), question->ask, &err)
                    : ask_quantity(json_root(doc), question->ask, &err);

    cr_expect_eq(good, question->error == NULL, "%s", question->text);
    cr_expect_eq(err.code, question->error == NULL ? 0 : JSON_ETEXT);
    cr_expect_str_eq(err.text, question->error == NULL ? "" : question->error);
    json_free(doc);
}

Test(host_json, unknown_keys_are_refused_at_the_key_with_the_nearest_name)
{
    static const struct question questions[] = {
        {"{\"load\":1,\"expect\":{}}", ASK_KEYS, NULL},
        {"{}", ASK_KEYS, NULL},
        {"{\"load\":1,\n  \"falts\":2}", ASK_KEYS,
         "s.json:2:3: found key \"falts\", allowed \"load\", \"faults\", "
         "\"expect\"; did you mean \"faults\"?"},
        {"{\"LOAD\":1}", ASK_KEYS,
         "s.json:1:2: found key \"LOAD\", allowed \"load\", \"faults\", "
         "\"expect\"; did you mean \"load\"?"},
        {"{\"laod\":1}", ASK_KEYS,
         "s.json:1:2: found key \"laod\", allowed \"load\", \"faults\", "
         "\"expect\"; did you mean \"load\"?"},
        {"{\"zebra\":1}", ASK_KEYS,
         "s.json:1:2: found key \"zebra\", allowed \"load\", \"faults\", "
         "\"expect\""},
        {"[]", ASK_KEYS, "s.json:1:1: found an array, allowed an object"},
    };

    for (size_t i = 0; i < COUNT(questions); i++) {
        check_question(&questions[i]);
    }
}

Test(host_json, values_of_a_wrong_type_or_size_are_refused_at_the_value)
{
    static const struct question questions[] = {
        {"{\"k\":{}}", ASK_OBJECT, NULL},
        {"{\"k\":null}", ASK_OBJECT,
         "s.json:1:6: found null for \"k\", allowed an object"},
        {"{}", ASK_OBJECT,
         "s.json:1:1: found an object without \"k\", allowed only with this "
         "key"},
        {"{\"K\":1}", ASK_INT,
         "s.json:1:1: found an object without \"k\", allowed only with this "
         "key"},
        {"7", ASK_INT, "s.json:1:1: found the number 7, allowed an object"},
        {"{\"k\":[1]}", ASK_ARRAY, NULL},
        {"{\"k\":\"x\"}", ASK_ARRAY,
         "s.json:1:6: found the string \"x\" for \"k\", allowed an array"},
        {"{\"k\":[1,2,3]}", ASK_ARRAY,
         "s.json:1:6: found an array for \"k\" of 3 values, allowed 1 to 2"},
        {"{\"k\":\"four\"}", ASK_STRING, NULL},
        {"{\"k\":true}", ASK_STRING,
         "s.json:1:6: found true for \"k\", allowed a string"},
        {"{\"k\":\"\"}", ASK_STRING,
         "s.json:1:6: found the string \"\" for \"k\" of 0 bytes, allowed 1 to "
         "4"},
        {"{\"k\":10}", ASK_INT, NULL},
        {"{\"k\":11}", ASK_INT,
         "s.json:1:6: found the number 11 for \"k\", allowed an integer from 1 "
         "to 10"},
        {"{\"k\":1.0}", ASK_INT,
         "s.json:1:6: found the number 1.0 for \"k\", allowed an integer from "
         "1 to 10, without point and exponent"},
        {"{\"k\":1e0}", ASK_INT,
         "s.json:1:6: found the number 1e0 for \"k\", allowed an integer from "
         "1 to 10, without point and exponent"},
        {"{\"k\":\"5\"}", ASK_INT,
         "s.json:1:6: found the string \"5\" for \"k\", allowed an integer "
         "from 1 to 10"},
        {"{\"k\":5e-1}", ASK_DOUBLE, NULL},
        {"{\"k\":0.50001}", ASK_DOUBLE,
         "s.json:1:6: found the number 0.50001 for \"k\", allowed a number "
         "from 0 to 0.5"},
        {"{\"k\":false}", ASK_BOOL, NULL},
        {"{\"k\":0}", ASK_BOOL,
         "s.json:1:6: found the number 0 for \"k\", allowed true or false"},
        {"{\"k\":\"faults\"}", ASK_ENUM, NULL},
        {"{\"k\":\"fault\"}", ASK_ENUM,
         "s.json:1:6: found the string \"fault\" for \"k\", allowed \"load\", "
         "\"faults\", \"expect\"; did you mean \"faults\"?"},
        {"{\"k\":[]}", ASK_ENUM,
         "s.json:1:6: found an array for \"k\", allowed \"load\", \"faults\", "
         "\"expect\""},
    };

    for (size_t i = 0; i < COUNT(questions); i++) {
        check_question(&questions[i]);
    }
}

Test(host_json, quantities_are_refused_with_what_to_write_instead)
{
    static const struct question questions[] = {
        {"{\"k\":\"60s\"}", ASK_DURATION, NULL},
        {"{\"k\":60}", ASK_DURATION,
         "s.json:1:6: found the number 60 for \"k\", allowed a duration as a "
         "string, e.g. \"60s\""},
        {"{\"k\":\"60\"}", ASK_DURATION,
         "s.json:1:6: found the string \"60\" for \"k\": duration without a "
         "unit: write e.g. \"60s\""},
        {"{\"k\":\"999ms\"}", ASK_DURATION,
         "s.json:1:6: found the string \"999ms\" for \"k\", allowed \"1s\" to "
         "\"1m\""},
        {"{\"k\":\"1ms\"}", ASK_SPREAD,
         "s.json:1:6: found the string \"1ms\" for \"k\": spread without its "
         "sign: write e.g. \"±500ms\""},
        {"{\"k\":\"±2ms\"}", ASK_SPREAD,
         "s.json:1:6: found the string \"±2ms\" for \"k\", allowed \"±0s\" to "
         "\"±1ms\""},
        {"{\"k\":\"-5s\"}", ASK_OFFSET, NULL},
        {"{\"k\":\"-50ppm\"}", ASK_DRIFT, NULL},
        {"{\"k\":\"3 ppm\"}", ASK_DRIFT,
         "s.json:1:6: found the string \"3 ppm\" for \"k\": unknown unit of "
         "drift: allowed one number and ppm or ppb"},
        {"{\"k\":\"100\"}", ASK_RATE,
         "s.json:1:6: found the string \"100\" for \"k\": rate without a unit "
         "of time: write e.g. \"100/s\""},
        {"{\"k\":\"3-1\"}", ASK_RANGE,
         "s.json:1:6: found the string \"3-1\" for \"k\": range that ends "
         "before it starts: write the smaller number first"},
    };

    for (size_t i = 0; i < COUNT(questions); i++) {
        check_question(&questions[i]);
    }
}

Test(host_json, the_first_error_stays_and_stops_what_follows)
{
    struct json_doc *doc = read_good("{\"a\":1,\"b\":\"x\"}");
    struct json_view top = json_root(doc);
    struct json_error err = {0};
    struct json_doc *other = NULL;
    int64_t a = 7;
    int64_t b = 8;

    cr_expect_not(json_get_int(top, "b", JSON_REQUIRED, 0, 9, &b, &err));
    cr_expect_not(json_get_int(top, "a", JSON_REQUIRED, 0, 9, &a, &err));
    cr_expect_not(json_fail(top, &err, "another error"));
    cr_expect_eq(json_read_bytes("t.json", "1", 1, &other, &err), JSON_ETEXT);
    cr_expect_null(other);
    cr_expect_eq(a, 7);
    cr_expect_eq(b, 8);
    cr_expect_eq(err.line, 1);
    cr_expect_eq(err.column, 12);
    cr_expect_str_eq(err.file, "s.json");
    cr_expect_str_eq(err.text, "s.json:1:12: found the string \"x\" for \"b\", "
                               "allowed an integer from 0 to 9");
    json_free(doc);
}

Test(host_json, an_optional_member_that_is_absent_changes_nothing)
{
    struct json_doc *doc = read_good("{}");
    struct json_error err = {0};
    uint64_t lease_ns = 5;

    cr_expect_not(json_get_duration(json_root(doc), "lease", JSON_OPTIONAL, 0,
                                    9, &lease_ns, &err));
    cr_expect_eq(err.code, 0);
    cr_expect_eq(lease_ns, 5);
    json_free(doc);
}

Test(host_json, a_wrong_name_is_reported_with_those_that_exist)
{
    static const char *const steps[] = {"reserve", "charge", "ship"};
    struct json_doc *doc = read_good("{\"of\": \"chrage\"}");
    struct json_error err = {0};

    json_fail_choice(json_first(json_root(doc)), &err, "step", "chrage", steps,
                     3);
    cr_expect_str_eq(err.text,
                     "s.json:1:8: found step \"chrage\", allowed \"reserve\", "
                     "\"charge\", \"ship\"; did you mean \"charge\"?");
    json_free(doc);
}

Test(host_json, a_hostile_file_cannot_write_to_the_terminal)
{
    struct json_doc *doc = NULL;
    struct json_error err = {0};
    static const char text[] = "{\"\\u001b[2J\\u202e\\u0085x\\\"\": 1}";

    cr_assert_eq(
        json_read_bytes("a\033[31m\n.json", text, strlen(text), &doc, &err), 0);
    json_check_keys(json_root(doc), known, 1, &err);
    cr_expect_str_eq(err.text,
                     "a\\u001b[31m\\n.json:1:2: found key "
                     "\"\\u001b[2J\\u202e\\u0085x\\\"\", allowed \"load\"");
    json_free(doc);
}

/* Writes @size bytes, "[1]" and then spaces, to a new file; its name: @path. */
static void make_file(char *path, size_t size)
{
    int fd = mkstemp(path);

    cr_assert_geq(fd, 0);
    cr_assert_eq(write(fd, "[1]", 3), 3);
    cr_assert_eq(ftruncate(fd, (off_t)size), 0);
    (void)close(fd);
}

Test(host_json, files_that_cannot_be_read_or_are_too_large_are_refused)
{
    char path[] = "/tmp/test_host_json_XXXXXX";
    char expected[128];
    struct json_error err = {0};
    struct json_doc *doc = NULL;

    cr_expect_eq(json_read_file("/no/such.json", &doc, &err), JSON_EREAD);
    cr_expect_str_eq(err.text, "/no/such.json:1:1: found no such file, allowed "
                               "a readable JSON file");
    err.code = 0;
    cr_expect_eq(json_read_file("/", &doc, &err), JSON_EREAD);
    cr_expect_str_eq(err.text,
                     "/:1:1: found a directory, allowed a readable JSON file");
    err.code = 0;
    cr_expect_eq(json_read_file("/dev/zero", &doc, &err), JSON_ETEXT);
    cr_expect_str_eq(err.text, "/dev/zero:1:1: found at least 16777217 bytes, "
                               "allowed at most 16777216");
    make_file(path, 100000000);
    err.code = 0;
    cr_expect_eq(json_read_file(path, &doc, &err), JSON_ETEXT);
    (void)snprintf(expected, sizeof(expected),
                   "%s:1:1: found 100000000 bytes, allowed at most 16777216",
                   path);
    cr_expect_str_eq(err.text, expected);
    cr_expect_null(doc);
    (void)unlink(path);
}

Test(host_json, a_file_gives_the_same_document_as_its_bytes)
{
    char path[] = "/tmp/test_host_json_XXXXXX";
    struct json_error err = {0};
    struct json_doc *doc = NULL;

    make_file(path, 3);
    cr_assert_eq(json_read_file(path, &doc, &err), 0, "%s", err.text);
    cr_expect_eq(json_count(json_root(doc)), 1);
    (void)unlink(path);
    json_free(doc);
    json_free(NULL);
}

/* Reads @text; if it is accepted, walks it, asking each value for its place. */
static void read_any(const char *text, size_t size)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    uint32_t line;
    uint32_t column;

    if (json_read_bytes("s.json", text, size, &doc, &err) != 0) {
        cr_assert_eq(err.code, JSON_ETEXT);
        cr_assert_eq(strncmp(err.text, "s.json:", 7), 0);
        return;
    }
    for (struct json_view v = json_root(doc); v.item; v = json_first(v)) {
        json_where(v, &line, &column);
        cr_assert_geq(line, 1);
    }
    json_free(doc);
}

Test(host_json, no_bytes_and_no_mutation_of_a_good_text_do_any_harm)
{
    static const char good[] =
        "{\"a\": [1.5e3, -0, \"\\ud83d\\ude00\xC3\xA4\"], \"b\": {\"c\": true, "
        "\"d\": null, \"e\": [[], {}]}, \"f\": 9007199254740991}";
    static const char alphabet[] = "{}[]\",:\\u0019eE+-. \ntfn";
    struct engine_stream stream;
    char text[sizeof(good)];
    uint64_t draw = 0;

    engine_stream_init(&stream, 1, "test/json", 0);
    for (int round = 0; round < 20000; round++) {
        size_t size = sizeof(good) - 1;

        memcpy(text, good, size);
        for (uint64_t n = engine_draw_below(&stream, draw++, 4); n > 0; n--) {
            uint64_t at = engine_draw_below(&stream, draw++, size);

            text[at] =
                alphabet[engine_draw_below(&stream, draw++, sizeof(alphabet))];
        }
        read_any(text, engine_draw_below(&stream, draw++, size + 1));
        read_any(text, size);
        for (size_t i = 0; i < 20; i++) {
            text[i] = (char)engine_draw_below(&stream, draw++, 256);
        }
        read_any(text, 20);
    }
}
