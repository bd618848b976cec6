#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/recording.h"

static struct recording read(const char *text)
{
    struct recording recording = {true, 77};
    const char *why = NULL;
    cr_assert(recording_read(text, &recording, &why), "%s: %s", text, why);
    return recording;
}

Test(recording, full_off_and_a_share_are_read_and_printed_alike)
{
    static const char *const words[] = {"full", "off", "sample=1%",
                                        "sample=0.01%", "sample=33.3%"};
    char word[40];
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        struct recording recording = read(words[i]);
        cr_expect_str_eq(recording_print(&recording, word), words[i]);
    }
    struct recording all = read("sample=100%");
    cr_expect_str_eq(recording_print(&all, word), "full");
}

Test(recording, what_is_neither_is_refused_and_changes_nothing)
{
    static const char *const wrong[] = {
        "",          "Full",        "sample",     "sample=",  "1%",
        "sample=0%", "sample=101%", "sample=-1%", "sample=1", "off ",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct recording recording = {true, 77};
        const char *why = NULL;
        cr_expect_not(recording_read(wrong[i], &recording, &why), "%s",
                      wrong[i]);
        cr_expect(why && strlen(why) > 10, "%s: says why", wrong[i]);
        cr_expect_eq(recording.share_ppb, 77);
    }
}

Test(recording, full_keeps_everything_off_nothing_a_sample_also_the_world)
{
    struct recording full = read("full");
    struct recording off = read("off");
    struct recording some = read("sample=1%");
    uint32_t seen = 0;
    for (uint64_t run = 0; run < 1000; run++) {
        cr_assert(recording_keeps(&full, run));
        cr_assert_not(recording_keeps(&off, run));
        seen += run && recording_keeps(&some, run);
    }
    cr_expect(recording_keeps(&some, 0), "crashes and the like");
    cr_expect_gt(seen, 0);
    cr_expect_lt(seen, 40);
}

Test(recording, a_report_says_how_many_runs_it_knows)
{
    char text[RECORDING_TEXT];
    struct recording some = read("sample=10%");
    uint32_t seen = 0;
    char begin[64];
    for (uint64_t run = 1; run <= 300; run++)
        seen += recording_keeps(&some, run);
    snprintf(begin, sizeof(begin), "Most single runs: %u of 300 were", seen);
    cr_expect_eq(
        strncmp(recording_limit(&some, 300, text), begin, strlen(begin)), 0,
        "%s", text);
    cr_expect(strstr(text, "--record sample=10%)"), "%s", text);
    struct recording off = read("off");
    cr_expect(strstr(recording_limit(&off, 300, text), "--record off"));
}
