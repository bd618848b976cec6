#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/json.h"
#include "reports/export.h"
#include "tests/support/golden.h"
#include "tests/support/sample_export.h"
#include "tests/support/sample_report.h"

static struct report_buffer render(const struct synthetic_options *options)
{
    struct sample_report *sample = sample_report_new(options);
    struct report_activities told;
    struct report_buffer out;
    report_buffer_init(&out);
    cr_assert_eq(report_activities_init(&told, sample->collect,
                                        sample->model.stats,
                                        REPORT_ACTIVITIES_MAX),
                 0);
    report_export_otlp(&told, &sample->model.facts, &out);
    cr_assert(report_buffer_ok(&out));
    report_activities_deinit(&told);
    sample_report_free(sample);
    return out;
}

Test(reports_export_otlp, a_small_world_is_as_it_was)
{
    struct report_buffer out = render(
        &(struct synthetic_options){.runs = 2, .trips = 1, .crash_every = 2});
    char room[400];
    const char *differs =
        golden_differs("export-traces.otlp.jsonl", out.text, out.size, room);
    cr_expect_null(differs, "%s", differs);
    report_buffer_free(&out);
}

/* Each line is a document; returns how many there are. */
static size_t read_lines(const struct report_buffer *out)
{
    size_t lines = 0;
    for (const char *at = out->text; *at; lines++) {
        struct json_error error = {0};
        struct json_doc *doc = NULL;
        size_t size = strcspn(at, "\n");
        cr_assert_eq(at[size], '\n');
        cr_assert_eq(json_read_bytes("line", at, size, &doc, &error), 0, "%s",
                     error.text);
        json_free(doc);
        at += size + 1;
    }
    return lines;
}

Test(reports_export_otlp, a_line_is_a_run)
{
    struct report_buffer out = render(
        &(struct synthetic_options){.runs = 20, .trips = 3, .crash_every = 4});
    cr_expect_eq(read_lines(&out), 23);
    report_buffer_free(&out);
}

Test(reports_export_otlp, hostile_names_stay_inside_their_strings)
{
    struct report_buffer out = render(&(struct synthetic_options){
        .runs = 2, .workflow = SAMPLE_HOSTILE, .step = SAMPLE_HOSTILE});
    cr_expect_eq(read_lines(&out), 2);
    cr_expect_null(strstr(out.text, "\x1b"));
    cr_expect_null(strchr(out.text, '\xff'));
    report_buffer_free(&out);
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        found++;
    return found;
}

/* A link's id ends its object, a span's own is followed by more. */
Test(reports_export_otlp, ids_are_hexadecimal_and_belong_to_one_span)
{
    static const char key[] = "{\"traceId\":\"";
    struct report_buffer out =
        render(&(struct synthetic_options){.runs = 4, .crash_every = 2});
    size_t spans = 0;
    for (const char *at = out.text; (at = strstr(at, key)); at++) {
        char own[29];
        const char *span = strstr(at, "\"spanId\":\"");
        snprintf(own, sizeof(own), "%s", span);
        cr_expect_eq(strspn(at + strlen(key), "0123456789abcdef"), 32);
        cr_expect_eq(strspn(span + 10, "0123456789abcdef"), 16);
        cr_expect_neq(strspn(span + 10, "0"), 16);
        if (own[27] != ',')
            continue;
        spans++;
        cr_expect_eq(count(out.text, own), 1, "%s", own);
    }
    cr_expect_gt(spans, 20);
    report_buffer_free(&out);
}

Test(reports_export_otlp, other_records_have_other_ids)
{
    struct sample_report *sample =
        sample_report_new(&(struct synthetic_options){.runs = 1});
    struct report_activities told;
    struct report_buffer out[2];
    cr_assert_eq(report_activities_init(&told, sample->collect,
                                        sample->model.stats,
                                        REPORT_ACTIVITIES_MAX),
                 0);
    for (int i = 0; i < 2; i++) {
        sample->model.facts.digest.lo += (uint64_t)i;
        report_buffer_init(&out[i]);
        report_export_otlp(&told, &sample->model.facts, &out[i]);
    }
    char first[48];
    snprintf(first, sizeof(first), "%.44s", strstr(out[0].text, "\"traceId\""));
    cr_expect_null(strstr(out[1].text, first));
    report_activities_deinit(&told);
    report_buffer_free(&out[0]);
    report_buffer_free(&out[1]);
    sample_report_free(sample);
}
