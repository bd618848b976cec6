#include <criterion/criterion.h>
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
    report_export_chrome(&told, &sample->model.facts, sample->model.stats,
                         &out);
    cr_assert(report_buffer_ok(&out));
    report_activities_deinit(&told);
    sample_report_free(sample);
    return out;
}

static struct json_doc *read(const struct report_buffer *out)
{
    struct json_error error = {0};
    struct json_doc *doc = NULL;
    cr_assert_eq(
        json_read_bytes("trace.json", out->text, out->size, &doc, &error), 0,
        "%s", error.text);
    return doc;
}

Test(reports_export_chrome, a_small_world_is_as_it_was)
{
    struct report_buffer out = render(
        &(struct synthetic_options){.runs = 2, .trips = 1, .crash_every = 2});
    char room[400];
    const char *differs =
        golden_differs("export-trace.json", out.text, out.size, room);
    cr_expect_null(differs, "%s", differs);
    report_buffer_free(&out);
}

Test(reports_export_chrome, hostile_names_stay_inside_their_strings)
{
    struct report_buffer out = render(&(struct synthetic_options){
        .runs = 2, .workflow = SAMPLE_HOSTILE, .step = SAMPLE_HOSTILE});
    struct json_doc *doc = read(&out);
    cr_expect_null(strstr(out.text, "\x1b"));
    cr_expect_null(strchr(out.text, '\xff'));
    json_free(doc);
    report_buffer_free(&out);
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    for (; (text = strstr(text, part)); text += strlen(part))
        found++;
    return found;
}

Test(reports_export_chrome, what_begins_ends_and_has_an_id_of_its_own)
{
    struct report_buffer out = render(
        &(struct synthetic_options){.runs = 20, .trips = 3, .crash_every = 4});
    size_t begun = count(out.text, "{\"ph\":\"b\"");
    cr_expect_gt(begun, 60);
    cr_expect_eq(begun, count(out.text, "{\"ph\":\"e\""));
    for (const char *at = out.text; (at = strstr(at, "{\"ph\":\"b\"")); at++) {
        char id[40];
        const char *from = strstr(at, "\"id\":");
        size_t size = strcspn(from, ",}");
        cr_assert_lt(size, sizeof(id) - 1);
        memcpy(id, from, size);
        id[size] = '\0';
        strcat(id, ",");
        cr_expect_eq(count(out.text, id), 1, "%s", id);
        id[size] = '}';
        cr_expect_eq(count(out.text, id), 1, "%s", id);
    }
    report_buffer_free(&out);
}

Test(reports_export_chrome, each_arrow_has_two_ends)
{
    struct report_buffer out =
        render(&(struct synthetic_options){.runs = 20, .crash_every = 4});
    size_t from = count(out.text, "{\"ph\":\"s\"");
    cr_expect_gt(from, 0);
    cr_expect_eq(from, count(out.text, "{\"ph\":\"f\""));
    report_buffer_free(&out);
}
