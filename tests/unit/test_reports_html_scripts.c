#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/sample_report.h"

static const struct synthetic_options options = {
    .runs = 40, .crash_every = 7, .outage = 1};

static const char script[] =
    "window.Dygraph = 1;\n//# sourceMappingURL=x.map\n";
static const char style[] = ".x{left:0}\n/*# sourceMappingURL=y.map */\n";
static const struct report_library library = {
    script, script + sizeof(script) - 1, style, style + sizeof(style) - 1};

static struct report_buffer html_of(const struct sample_report *sample,
                                    const struct report_library *with)
{
    struct report_buffer out;
    report_buffer_init(&out);
    report_html(&sample->model, with, &out);
    cr_assert(report_buffer_ok(&out));
    return out;
}

/* What stands between two texts, the first of them from a place on. */
static char *between(const char *from, const char *first, const char *last)
{
    const char *at = strstr(from, first);
    cr_assert_not_null(at, "%s", first);
    at += strlen(first);
    const char *end = strstr(at, last);
    cr_assert_not_null(end, "%s", last);
    return strndup(at, (size_t)(end - at));
}

static void expect_allowed(const char *page, const char *text)
{
    unsigned char hash[crypto_hash_sha256_BYTES];
    char base64[64];
    char words[80];
    crypto_hash_sha256(hash, (const unsigned char *)text, strlen(text));
    sodium_bin2base64(base64, sizeof(base64), hash, sizeof(hash),
                      sodium_base64_VARIANT_ORIGINAL);
    snprintf(words, sizeof(words), "'sha256-%s'", base64);
    char *policy = between(page, "Content-Security-Policy\" content=\"", "\">");
    cr_expect_not_null(strstr(policy, words), "%.60s", text);
    cr_expect_not_null(strstr(policy, "default-src 'none'"));
    cr_expect_null(strstr(strstr(policy, "script-src"), "unsafe"));
    free(policy);
}

Test(reports_html_scripts, the_policy_allows_the_two_scripts_of_the_page_only)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = html_of(sample, &library);
    char *first = between(out.text, "<script>", "</script>");
    char *second =
        between(strstr(out.text, "<script>") + 8, "<script>", "</script>");
    cr_expect_str_eq(first, "window.Dygraph = 1;\n");
    expect_allowed(out.text, first);
    expect_allowed(out.text, second);
    cr_expect_not_null(strstr(second, "chart-data"));
    cr_expect_null(strstr(out.text, "sourceMappingURL"));
    cr_expect_not_null(strstr(out.text, ".x{left:0}"));
    free(first);
    free(second);
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_html_scripts, a_page_without_a_library_has_no_script_at_all)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = html_of(sample, NULL);
    cr_expect_null(strstr(out.text, "<script"));
    cr_expect_null(strstr(out.text, "script-src"));
    report_buffer_free(&out);
    sample_report_free(sample);
}

static size_t times(const char *text, const char *what)
{
    size_t count = 0;
    for (; (text = strstr(text, what)); text++)
        count++;
    return count;
}

Test(reports_html_scripts, every_chart_that_moves_stands_there_as_a_picture)
{
    static const char *const ids[] = {"latency", "split", "in-flight",
                                      "throughput"};
    struct sample_report *sample = sample_report_new(&options);
    struct report_buffer out = html_of(sample, &library);
    char *data = between(out.text, "id=\"chart-data\">", "</script>");
    for (size_t i = 0; i < 4; i++) {
        char words[60];
        snprintf(words, sizeof(words), "\"id\":\"%s\"", ids[i]);
        cr_expect_eq(times(data, words), 1, "%s", ids[i]);
        snprintf(words, sizeof(words), "id=\"chart-%s\"><svg", ids[i]);
        cr_expect_eq(times(out.text, words), 1, "%s", ids[i]);
    }
    cr_expect_eq(times(data, "is down\"]"), sample->model.stats->band_count -
                                                times(data, "stands still\"]") -
                                                times(data, "lasts\"]"));
    /* One value a slice, far below 2,000. */
    cr_expect_leq(sample->model.stats->bucket_count, 2000);
    free(data);
    report_buffer_free(&out);
    sample_report_free(sample);
}

Test(reports_html_scripts, a_name_cannot_end_the_script_that_holds_it)
{
    struct sample_report *sample = sample_report_new(&options);
    struct report_fault fault = {
        .name = "</script><img src=x onerror=alert(1)>", .point = 5};
    struct report_band band = {.kind = REPORT_BAND_FAULT,
                               .point = 5,
                               .from_ns = sample->model.stats->first_ns,
                               .to_ns = sample->model.stats->last_ns};
    struct report_stats stats = *sample->model.stats;
    stats.faults = &fault;
    stats.fault_count = 1;
    stats.bands = &band;
    stats.band_count = 1;
    struct report_model model = sample->model;
    model.stats = &stats;
    struct report_buffer out;
    report_buffer_init(&out);
    report_html(&model, &library, &out);
    cr_assert(report_buffer_ok(&out));
    cr_expect_eq(times(out.text, "</script>"), 3);
    cr_expect_null(strstr(out.text, "<img"));
    cr_expect_not_null(strstr(out.text, "\"\\u003c/script>\\u003cimg"));
    report_buffer_free(&out);
    sample_report_free(sample);
}
