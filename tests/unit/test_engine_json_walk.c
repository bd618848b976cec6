#include "engine/json_walk.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

/* Walks to the end; the fault, or NULL. */
static const char *walk_all(const char *text, size_t size, size_t *at)
{
    struct engine_json_walk walk;
    struct engine_json_value value;
    engine_json_start(&walk, text, size);
    while (engine_json_next(&walk, &value)) {
        cr_assert_lt(value.begin, value.end);
        cr_assert_leq(value.end, size);
    }
    cr_assert_not(engine_json_next(&walk, &value));
    *at = walk.at;
    return walk.fault;
}

static void expect_fault(const char *text, size_t size, size_t at,
                         const char *fault)
{
    size_t where;
    const char *found = walk_all(text, size, &where);
    cr_assert(found, "\"%s\" passed", text);
    cr_assert_str_eq(found, fault, "\"%s\": %s", text, found);
    cr_assert_eq(where, at, "\"%s\": at %zu", text, where);
}

Test(engine_json_walk, what_is_json_passes)
{
    static const char *const texts[] = {
        "0",
        "-0",
        "1.5e+10",
        "1E5",
        "-12.25",
        "true",
        " null ",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\ud83d\\ude00\"",
        "[]",
        "{}",
        "\t[ 1 , [ ] , { } ]\r\n",
        "{\"a\":{\"b\":[{}]},\"a\":1}",
        "\"ä€😀\"",
        "\"\\ud800\"",
        "\"\x7f\"",
        "123456789012345678901234567890",
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        size_t at;
        const char *fault = walk_all(texts[i], strlen(texts[i]), &at);
        cr_assert_null(fault, "%s: %s at %zu", texts[i], fault, at);
        cr_assert_eq(at, strlen(texts[i]));
    }
}

Test(engine_json_walk, what_is_not_json_is_refused_at_its_byte)
{
    static const struct {
        const char *text;
        size_t at;
        const char *fault;
    } cases[] = {
        {"", 0, "no value"},
        {"  ", 2, "no value"},
        {"tru", 0, "no value"},
        {"True", 0, "no value"},
        {"nulls", 4, "something after the value"},
        {"1 2", 2, "something after the value"},
        {"{}}", 2, "something after the value"},
        {"01", 1, "a number with a leading zero"},
        {"-", 1, "a number without a digit"},
        {"1.", 2, "a number without a digit"},
        {"1e", 2, "a number without a digit"},
        {".5", 0, "no value"},
        {"+1", 0, "no value"},
        {"[1,]", 3, "no value"},
        {"[1 2]", 3, "no comma between two values"},
        {"[", 1, "no value"},
        {"[}", 1, "no value"},
        {"{\"a\" 1}", 5, "no colon after a key"},
        {"{\"a\":1,}", 7, "no key"},
        {"{a:1}", 1, "no key"},
        {"{\"a\":1]", 6, "no comma between two values"},
        {"\"a", 2, "a string without an end"},
        {"\"a\\", 3, "a string without an end"},
        {"\"\\x\"", 2, "an escape that is none"},
        {"\"\\u12g4\"", 5, "\\u without four hexadecimal digits"},
        {"\"\\u12", 5, "\\u without four hexadecimal digits"},
        {"\"a\nb\"", 2, "a control character in a string"},
        {"\"\xff\"", 1, "bytes that are not UTF-8"},
        {"\"\xc3\"", 1, "bytes that are not UTF-8"},
        {"\"\xc0\xaf\"", 1, "bytes that are not UTF-8"},
        {"\"\xed\xa0\x80\"", 1, "bytes that are not UTF-8"},
        {"\"\xf4\x90\x80\x80\"", 1, "bytes that are not UTF-8"},
        {"\"\xe0\x9f\x80\"", 1, "bytes that are not UTF-8"},
        {"\"\xf0\x8f\x80\x80\"", 1, "bytes that are not UTF-8"},
        {"\xef\xbb\xbf{}", 0, "no value"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        expect_fault(cases[i].text, strlen(cases[i].text), cases[i].at,
                     cases[i].fault);
    expect_fault("\"\0\"", 3, 1, "a control character in a string");
    expect_fault("\"\\\0\"", 4, 2, "an escape that is none");
}

Test(engine_json_walk, a_text_cut_anywhere_is_refused)
{
    static const char text[] =
        "{\"a\": [1, -2.5e3, true, null, \"\\u00e4\xc3\xa4\"], \"b\": {}}";
    size_t at;
    cr_assert_null(walk_all(text, sizeof(text) - 1, &at));
    for (size_t size = 0; size < sizeof(text) - 1; size++)
        cr_assert(walk_all(text, size, &at), "cut at %zu", size);
}

Test(engine_json_walk, depth_is_bounded_and_the_bound_passes)
{
    char text[2 * ENGINE_JSON_DEPTH + 4];
    size_t at;
    memset(text, '[', ENGINE_JSON_DEPTH);
    memset(text + ENGINE_JSON_DEPTH, ']', ENGINE_JSON_DEPTH);
    cr_assert_null(walk_all(text, (size_t)2 * ENGINE_JSON_DEPTH, &at));
    memset(text, '[', ENGINE_JSON_DEPTH + 1);
    cr_assert_str_eq(walk_all(text, ENGINE_JSON_DEPTH + 1, &at),
                     "a value nested too deep");
}

Test(engine_json_walk, each_value_knows_its_place)
{
    static const char text[] =
        "{\"items\": [7, {\"uri\": \"x\", \"a b\": [[]]}], \"n\": null}";
    static const struct {
        enum engine_json_kind kind;
        const char *path;
    } want[] = {
        {ENGINE_JSON_OBJECT, "$"},
        {ENGINE_JSON_ARRAY, "$.items"},
        {ENGINE_JSON_NUMBER, "$.items[0]"},
        {ENGINE_JSON_OBJECT, "$.items[1]"},
        {ENGINE_JSON_STRING, "$.items[1].uri"},
        {ENGINE_JSON_ARRAY, "$.items[1][\"a b\"]"},
        {ENGINE_JSON_ARRAY, "$.items[1][\"a b\"][0]"},
        {ENGINE_JSON_END, "$.items[1][\"a b\"][0]"},
        {ENGINE_JSON_END, "$.items[1][\"a b\"]"},
        {ENGINE_JSON_END, "$.items[1]"},
        {ENGINE_JSON_END, "$.items"},
        {ENGINE_JSON_WORD, "$.n"},
        {ENGINE_JSON_END, "$"},
    };
    struct engine_json_walk walk;
    struct engine_json_value value;
    size_t count = 0;
    engine_json_start(&walk, text, sizeof(text) - 1);
    while (engine_json_next(&walk, &value)) {
        char path[80];
        cr_assert_eq(value.kind, want[count].kind, "%zu", count);
        cr_assert_str_eq(engine_json_path(&walk, &value, path, sizeof(path)),
                         want[count].path);
        count++;
    }
    cr_assert_eq(count, sizeof(want) / sizeof(*want));
}

Test(engine_json_walk, a_path_that_does_not_fit_ends_in_dots)
{
    static const char text[] = "{\"abc\": {\"def\": [[{\"ghi\": 1}]]}}";
    for (size_t size = 8; size < 40; size++) {
        struct engine_json_walk walk;
        struct engine_json_value value;
        engine_json_start(&walk, text, sizeof(text) - 1);
        while (engine_json_next(&walk, &value)) {
            char path[40];
            memset(path, 'x', sizeof(path));
            engine_json_path(&walk, &value, path, size);
            cr_assert_lt(strnlen(path, size), size);
            cr_assert(strstr("$.abc.def[0][0].ghi", path) ||
                          strstr(path, "..."),
                      "%s", path);
        }
    }
}

static void expect_meaning(const char *string, const char *bytes)
{
    cr_assert(engine_json_equal(string, strlen(string), bytes, strlen(bytes)),
              "%s", string);
    cr_assert_not(
        engine_json_equal(string, strlen(string), "?????", strlen(bytes) + 1));
}

Test(engine_json_walk, escapes_mean_the_bytes_that_they_stand_for)
{
    expect_meaning("plain", "plain");
    expect_meaning("\\u0070la\\u0069n", "plain");
    expect_meaning("\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t");
    expect_meaning("\\u00e4\\u20AC", "ä€");
    expect_meaning("\\ud83d\\ude00!", "😀!");
    expect_meaning("\\ud83dx", "\xed\xa0\xbdx");
    expect_meaning("\\ud83d\\u0041", "\xed\xa0\xbd"
                                     "A");
    cr_assert(engine_json_equal("a\\u0000b", 8, "a\0b", 3));
    cr_assert_not(engine_json_equal("abc", 3, "ab", 2));
    cr_assert_not(engine_json_equal("ab", 2, "abc", 3));
    cr_assert(engine_json_equal("", 0, "", 0));
}
