#include "engine/host/sentence.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static const char *quoted(const char *text)
{
    static char line[512];
    struct sentence out;

    sentence_init(&out, line, sizeof(line));
    sentence_quote(&out, text, strlen(text));
    return line;
}

Test(host_sentence, quoted_text_is_visible_and_harmless)
{
    cr_expect_str_eq(quoted("plain"), "\"plain\"");
    cr_expect_str_eq(quoted("a\"b\\c"), "\"a\\\"b\\\\c\"");
    cr_expect_str_eq(quoted("\n\t\r\x1b\x7f"), "\"\\n\\t\\r\\u001b\\u007f\"");
    cr_expect_str_eq(quoted("ä😀"), "\"ä😀\"");
    cr_expect_str_eq(quoted("\xE2\x80\xA8\xEF\xBB\xBF\xC2\x9B"),
                     "\"\\u2028\\ufeff\\u009b\"");
    cr_expect_str_eq(quoted("\xFF\xC3"), "\"\\xff\\xc3\"");
    cr_expect_str_eq(
        quoted(
            "ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää"),
        "\"ääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää...\"");
}

Test(host_sentence, a_sentence_is_never_cut_inside_a_character)
{
    char line[64];
    uint32_t point;

    for (size_t size = 8; size < sizeof(line); size++) {
        struct sentence out;

        sentence_init(&out, line, size);
        sentence_add(&out, "%s", "xä€😀ä€😀ä€😀ä€😀ä€😀ä€😀ä€😀ä€😀ä€😀ä€😀");
        sentence_add(&out, "never");
        cr_assert_eq(strlen(line), out.length);
        cr_assert_lt(out.length, size);
        cr_assert_gt(out.length, size - 8);
        cr_assert(out.full);
        cr_assert_str_eq(line + out.length - 3, "...");
        for (size_t at = 0; at < out.length;) {
            size_t step = sentence_decode(line + at, out.length - at, &point);

            cr_assert_gt(step, 0);
            at += step;
        }
    }
}

Test(host_sentence, decoding_takes_shortest_forms_only)
{
    static const char *const bad[] = {"\x80",
                                      "\xC0\x80",
                                      "\xC1\xBF",
                                      "\xE0\x9F\xBF",
                                      "\xED\xA0\x80",
                                      "\xF0\x8F\xBF\xBF",
                                      "\xF4\x90\x80\x80",
                                      "\xF5\x80\x80\x80",
                                      "\xC3",
                                      "\xE2\x82",
                                      "\xC3("};
    uint32_t point = 0;

    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        cr_expect_eq(sentence_decode(bad[i], strlen(bad[i]), &point), 0);
    }
    cr_expect_eq(sentence_decode("\xF4\x8F\xBF\xBF", 4, &point), 4);
    cr_expect_eq(point, 0x10FFFF);
    cr_expect_eq(sentence_decode("\xEE\x80\x80", 3, &point), 3);
    cr_expect_eq(point, 0xE000);
    cr_expect_eq(sentence_decode("", 0, &point), 0);
}

static void check_nearest(const char *found, const char *expected)
{
    static const char *const names[] = {"lease",  "load", "faults",
                                        "clocks", "seed", "expect"};
    const char *nearest = sentence_nearest(found, names, 6);

    cr_expect_str_eq(nearest == NULL ? "none" : nearest, expected, "%s", found);
}

Test(host_sentence, the_nearest_name_is_the_one_with_fewest_slips)
{
    check_nearest("laod", "load");
    check_nearest("LEASE", "lease");
    check_nearest("fualt", "faults");
    check_nearest("clock", "clocks");
    check_nearest("seeds", "seed");
    check_nearest("workflow", "none");
    check_nearest("", "none");
    check_nearest("x", "none");
}

Test(host_sentence, a_long_list_of_names_says_how_many_are_left)
{
    char text[64][32];
    const char *names[64];
    char line[512];
    struct sentence out;

    for (int i = 0; i < 64; i++) {
        (void)snprintf(text[i], sizeof(text[i]), "choice-%02d", i);
        names[i] = text[i];
    }
    sentence_init(&out, line, sizeof(line));
    sentence_choices(&out, "choice-99", names, 64);
    cr_expect_eq(strncmp(line, ", allowed \"choice-00\", \"choice-01\"", 34),
                 0);
    cr_expect_not_null(strstr(
        line, ", \"choice-17\" and 46 more; did you mean \"choice-09\"?"));
    sentence_init(&out, line, sizeof(line));
    sentence_choices(&out, "x", names, 0);
    cr_expect_str_eq(line, ", allowed none");
}
