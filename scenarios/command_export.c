#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/command.h"
#include "scenarios/export.h"
#include "scenarios/export_read.h"
#include "scenarios/gate_read.h"
#include "scenarios/lambda/table_export.h"
#include "scenarios/names.h"
#include "scenarios/nearby.h"
#include "scenarios/output.h"
#include "scenarios/report_read.h"
#include "scenarios/runner.h"

/* The format asked for, or NULL: said why. */
static const struct export_format *choose(const char *name, const char *file)
{
    if (!name) {
        fprintf(stderr, "perdure export: found no --format NAME, allowed");
        for (uint32_t i = 0; export_format_at(i); i++)
            fprintf(stderr, "%s %s", i ? "," : "", export_format_at(i)->name);
        fprintf(stderr, "\n");
        return NULL;
    }
    const struct export_format *format = export_format_find(name, strlen(name));
    if (format->of_report || format->kept)
        return format;
    fprintf(stderr,
            "perdure export: format %s needs the %s of a run, which "
            "report.json has not: perdure replay %.300s --export %s\n",
            name, format->of_records ? "records" : "histograms", file, name);
    return NULL;
}

static int finish(struct report_buffer *out, const char *path)
{
    return path ? output_file("export", path, out)
                : output_print(out, EXIT_HELD);
}

/* A format that is made from the figures of a run, which the report keeps. */
static int export_kept(const char *file, const struct export_format *format,
                       const char *path)
{
    struct json_error error = {0};
    struct report_buffer out;
    struct report_read *read = report_read_file(file, &error);
    if (!read) {
        nearby_suggest(file, &error);
        fprintf(stderr, "%s\n", error.text);
        return EXIT_USAGE;
    }
    report_buffer_init(&out);
    format->of_stats(report_read_model(read)->stats, &out);
    report_read_free(read);
    return finish(&out, path);
}

/* A sweep of a function has verdicts, and no latencies or commits. */
static bool is_of_cases(const struct export_format *format)
{
    return format->of_report == report_export_junit ||
           format->of_report == report_export_github_summary ||
           format->of_report == report_export_github_annotations;
}

/* False: error says why. */
static bool write_lambda(const char *file, const char *bytes, size_t size,
                         const struct export_format *format,
                         struct report_buffer *out, struct json_error *error)
{
    struct lambda_table *table =
        lambda_table_read_bytes(file, bytes, size, error);
    struct lambda_export exported;
    if (!table)
        return false;
    if (!is_of_cases(format)) {
        lambda_table_free(table);
        snprintf(error->text, sizeof(error->text),
                 "perdure export: found --format %s of a sweep of a function, "
                 "allowed junit, github-summary, github-annotations",
                 format->name);
        return false;
    }
    if (lambda_export_init(&exported, table, runner_version()))
        format->of_report(&exported.report, out);
    else
        out->failed = 1;
    lambda_export_deinit(&exported);
    lambda_table_free(table);
    return true;
}

static bool write_figures(const char *file, const char *bytes, size_t size,
                          const struct export_format *format,
                          struct report_buffer *out, struct json_error *error)
{
    struct export_figures figures = {0};
    struct json_doc *doc = NULL;
    bool good = json_read_bytes(file, bytes, size, &doc, error) == 0 &&
                export_figures_read(doc, &figures, error) == 0;
    if (good)
        format->of_report(&figures.report, out);
    export_figures_deinit(&figures);
    json_free(doc);
    return good;
}

static int export_file(const char *file, const struct export_format *format,
                       const char *path)
{
    struct json_error error = {0};
    struct report_buffer out;
    size_t size = 0;
    char *bytes = gate_read_bytes(file, &size, &error);
    report_buffer_init(&out);
    bool good =
        bytes && (lambda_table_is(bytes, size)
                      ? write_lambda(file, bytes, size, format, &out, &error)
                      : write_figures(file, bytes, size, format, &out, &error));
    free(bytes);
    if (good)
        return finish(&out, path);
    report_buffer_free(&out);
    nearby_suggest(file, &error);
    fprintf(stderr, "%s\n", error.text);
    return EXIT_USAGE;
}

struct arguments {
    const char *file;
    const char *format;
    const char *out;
};

static const struct option options[] = {
    OPT_NAME("--format", format, "NAME", names_format,
             "junit, openmetrics, bmf, github-summary, github-annotations or "
             "hgrm; hlog, chrome-trace and otlp need the run itself: perdure "
             "replay REPORT.json --export hlog,otlp."),
    OPT_OUT(out, "FILE", "There instead of on stdout; replaced as a whole."),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct arguments a = {.file = NULL};
    if (options_read(argc, argv, &command_export, &a, &a.file) < 0)
        return EXIT_USAGE;
    const struct export_format *format = choose(a.format, a.file);
    if (!format)
        return EXIT_USAGE;
    return format->kept ? export_kept(a.file, format, a.out)
                        : export_file(a.file, format, a.out);
}

const struct command command_export = {
    .name = "export",
    .group = COMMAND_COMPARE,
    .synopsis = "REPORT.json --format NAME [--out FILE]",
    .summary = "a report for another tool",
    .about =
        "A report.json for another tool, on stdout or in a file; "
        "docs/formats.md says what each format holds. Of a lambda.json each "
        "trial is a case.",
    .options = options,
    .rest_min = 1,
    .rest_max = 1,
    .run = run};
