/* Names that mislead are what is tested here.
   NOLINTBEGIN(misc-misleading-bidirectional) */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reports/buffer.h"

typedef size_t show(struct report_buffer *buffer, const char *text,
                    size_t columns);

static void shows_as(show *function, const char *text, size_t columns,
                     const char *expected)
{
    struct report_buffer buffer;
    report_buffer_init(&buffer);
    report_buffer_put(&buffer, "");
    size_t used = function(&buffer, text, columns);
    cr_assert_str_eq(buffer.text, expected);
    cr_assert_leq(used, columns);
    report_buffer_free(&buffer);
}

Test(reports_buffer, text_that_could_steer_a_terminal_is_shown)
{
    shows_as(report_buffer_plain, "a\033[31mb\n\r\t", 40,
             "a\\u{1b}[31mb\\u{0a}\\u{0d}\\u{09}");
    shows_as(report_buffer_plain, "\xc2\x9b", 40, "\\u{9b}");
    shows_as(report_buffer_plain, "evil\xe2\x80\xaetxt", 40,
             "evil\\u{202e}txt");
    shows_as(report_buffer_plain, "plain <b> & \xc3\xa9", 40,
             "plain <b> & \xc3\xa9");
}

/* XML has no U+FFFE; the last but one of any plane is no better. */
Test(reports_buffer, code_points_that_are_no_characters_are_shown)
{
    shows_as(report_buffer_html, "\xef\xbf\xbe", 40, "\\u{fffe}");
    shows_as(report_buffer_html, "\xef\xbf\xbf", 40, "\\u{ffff}");
    shows_as(report_buffer_plain, "\xf0\x9f\xbf\xbf", 40, "\\u{1ffff}");
    shows_as(report_buffer_plain, "\xef\xbf\xbd", 40, "\xef\xbf\xbd");
}

Test(reports_buffer, bytes_that_are_not_utf_8_are_shown)
{
    shows_as(report_buffer_plain, "\xff", 40, "\\x{ff}");
    shows_as(report_buffer_plain, "\xc3", 40, "\\x{c3}");
    shows_as(report_buffer_plain, "\xe2\x82z", 60, "\\x{e2}\\x{82}z");
    shows_as(report_buffer_plain, "\xc0\x80", 40, "\\x{c0}\\x{80}");
    shows_as(report_buffer_plain, "\xed\xa0\x80", 60, "\\x{ed}\\x{a0}\\x{80}");
    shows_as(report_buffer_plain, "\xf4\x90\x80\x80", 60,
             "\\x{f4}\\x{90}\\x{80}\\x{80}");
}

Test(reports_buffer, a_long_name_is_cut_at_a_character_and_says_so)
{
    shows_as(report_buffer_plain, "\xc3\xa4\xc3\xb6\xc3\xbc", 3,
             "\xc3\xa4\xc3\xb6\xc3\xbc");
    shows_as(report_buffer_plain, "\xc3\xa4\xc3\xb6\xc3\xbc", 2,
             "\xc3\xa4\xe2\x80\xa6");
    shows_as(report_buffer_html, "<<<<", 3, "&lt;&lt;\xe2\x80\xa6");
}

Test(reports_buffer, html_text_cannot_leave_its_element_or_attribute)
{
    shows_as(report_buffer_html, "</script><img onerror='x' a=\"y\">&", 80,
             "&lt;/script&gt;&lt;img onerror=&#39;x&#39; "
             "a=&quot;y&quot;&gt;&amp;");
}

static void json_is(const char *text, size_t size, const char *expected)
{
    struct report_buffer buffer;
    report_buffer_init(&buffer);
    report_buffer_json(&buffer, text, size);
    cr_assert_str_eq(buffer.text, expected);
    report_buffer_free(&buffer);
}

Test(reports_buffer, json_strings_keep_every_character)
{
    json_is("a\"\\\n\t\0z", 7, "\"a\\\"\\\\\\n\\u0009\\u0000z\"");
    json_is("\xe2\x80\xae\xc3\xa9", 5, "\"\\u202e\xc3\xa9\"");
    json_is("\xf3\xa0\x80\x81", 4, "\"\\udb40\\udc01\"");
    json_is("\xff", 1, "\"\\ufffd\"");
}

static void trims_to(const char *cut, const char *expected)
{
    char text[16];
    snprintf(text, sizeof(text), "%s", cut);
    report_buffer_trim(text);
    cr_assert_str_eq(text, expected);
}

Test(reports_buffer, a_character_that_was_cut_through_is_taken_off)
{
    trims_to("ab\xc3", "ab");
    trims_to("ab\xf0\x9f\x98", "ab");
    trims_to("\xe2\x80", "");
    trims_to("ab\xc3\xa9", "ab\xc3\xa9");
    trims_to("\xf0\x9f\x98\x80", "\xf0\x9f\x98\x80");
    trims_to("plain", "plain");
    trims_to("", "");
}
/* NOLINTEND(misc-misleading-bidirectional) */
