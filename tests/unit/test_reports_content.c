#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "reports/content.h"

#define TEXT                                                                   \
    "{\n  \"a\": 1,\n  \"content_digest\": \"" REPORT_CONTENT_ZEROS            \
    "\",\n  \"z\": 2\n}\n"

static void sealed(char text[200])
{
    snprintf(text, 200, "%s", TEXT);
    report_content_seal(text, strlen(text));
}

Test(reports_content, a_sealed_text_holds)
{
    char text[200];
    sealed(text);
    cr_expect_null(strstr(text, REPORT_CONTENT_ZEROS));
    cr_expect_eq(report_content_check(text, strlen(text)),
                 REPORT_CONTENT_HOLDS);
}

Test(reports_content, any_other_byte_is_noticed)
{
    char text[200];
    sealed(text);
    size_t size = strlen(text);
    for (size_t i = 0; i < size; i++) {
        text[i] ^= 1;
        cr_expect_neq(report_content_check(text, size), REPORT_CONTENT_HOLDS,
                      "byte %zu", i);
        text[i] ^= 1;
    }
    for (size_t cut = 0; cut < size; cut++)
        cr_expect_neq(report_content_check(text, cut), REPORT_CONTENT_HOLDS,
                      "cut to %zu", cut);
}

Test(reports_content, a_text_without_a_digest_is_said_to_have_none)
{
    static const char inner[] = "{\n    \"content_digest\": \"x\"\n}\n";
    cr_expect_eq(report_content_check("", 0), REPORT_CONTENT_ABSENT);
    cr_expect_eq(report_content_check(inner, sizeof(inner) - 1),
                 REPORT_CONTENT_ABSENT);
}
