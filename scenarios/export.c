#include "scenarios/export.h"

#include <stdio.h>
#include <string.h>

#include "scenarios/export_read.h"
#include "scenarios/output.h"

static void hgrm_of_stats(const struct report_stats *stats,
                          struct report_buffer *out)
{
    report_export_hgrm(&stats->latency, out);
}

static void chrome_of_records(const struct report_activities *told,
                              const struct report_model *model,
                              struct report_buffer *out)
{
    report_export_chrome(told, &model->facts, model->stats, out);
}

static void otlp_of_records(const struct report_activities *told,
                            const struct report_model *model,
                            struct report_buffer *out)
{
    report_export_otlp(told, &model->facts, out);
}

static const struct export_format formats[] = {
    {"hgrm", "latency.hgrm", NULL, hgrm_of_stats, NULL, true},
    {"hlog", "latency.hlog", NULL, report_export_hlog, NULL, false},
    {"junit", "junit.xml", report_export_junit, NULL, NULL, false},
    {"openmetrics", "metrics.txt", report_export_openmetrics, NULL, NULL,
     false},
    {"bmf", "bmf.json", report_export_bmf, NULL, NULL, false},
    {"github-summary", "summary.md", report_export_github_summary, NULL, NULL,
     false},
    {"github-annotations", "annotations.txt", report_export_github_annotations,
     NULL, NULL, false},
    {"chrome-trace", "trace.json", NULL, NULL, chrome_of_records, false},
    {"otlp", "traces.otlp.jsonl", NULL, NULL, otlp_of_records, false},
};

const struct export_format *export_format_at(uint32_t index)
{
    return index < sizeof(formats) / sizeof(formats[0]) ? &formats[index]
                                                        : NULL;
}

const struct export_format *export_format_find(const char *name, size_t size)
{
    for (uint32_t i = 0; export_format_at(i); i++)
        if (strlen(formats[i].name) == size &&
            memcmp(formats[i].name, name, size) == 0)
            return &formats[i];
    return NULL;
}

/* The next name of a list, and where the one after it begins. */
static const char *next_name(const char **list, size_t *size)
{
    const char *name = *list;
    if (!name)
        return NULL;
    *size = strcspn(name, ",");
    *list = name[*size] ? name + *size + 1 : NULL;
    return name;
}

bool export_list_check(const char *command, const char *list)
{
    size_t size;
    for (const char *name; (name = next_name(&list, &size));) {
        if (export_format_find(name, size))
            continue;
        fprintf(stderr, "perdure %s: found format \"%.*s\", allowed", command,
                size > 40 ? 40 : (int)size, name);
        for (uint32_t i = 0; export_format_at(i); i++)
            fprintf(stderr, "%s %s", i ? "," : "", formats[i].name);
        fprintf(stderr, "\n");
        return false;
    }
    return true;
}

/* What only the records that were kept of the run can tell. */
static void render_records(const struct export_format *format,
                           const struct report_model *model,
                           const struct report_collect *collect,
                           struct report_buffer *out)
{
    struct report_activities told;
    if (report_activities_init(&told, collect, model->stats,
                               REPORT_ACTIVITIES_MAX) == 0)
        format->of_records(&told, model, out);
    else
        out->failed = 1;
    report_activities_deinit(&told);
}

static bool write_one(const struct export_format *format, const char *directory,
                      const struct report_model *model,
                      const struct report_collect *collect,
                      const struct report_export *report)
{
    struct report_buffer out;
    report_buffer_init(&out);
    if (format->of_records)
        render_records(format, model, collect, &out);
    else if (format->of_stats)
        format->of_stats(model->stats, &out);
    else
        format->of_report(report, &out);
    bool good = output_write(directory, format->file, &out);
    report_buffer_free(&out);
    return good;
}

bool export_list_write(const char *list, const char *directory,
                       const struct report_model *model,
                       const struct report_collect *collect,
                       const struct report_buffer *json)
{
    struct export_figures figures = {0};
    struct json_error error = {0};
    struct json_doc *doc = NULL;
    size_t size;
    bool good = report_buffer_ok(json) &&
                json_read_bytes("report.json", json->text, json->size, &doc,
                                &error) == 0 &&
                export_figures_read(doc, &figures, &error) == 0;
    if (!good)
        fprintf(stderr, "perdure: nothing was exported: %s\n",
                error.code ? error.text : "out of memory");
    for (const char *name; good && (name = next_name(&list, &size));)
        good = write_one(export_format_find(name, size), directory, model,
                         collect, &figures.report);
    export_figures_deinit(&figures);
    json_free(doc);
    return good;
}
