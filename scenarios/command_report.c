#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/gate_read.h"
#include "scenarios/lambda/table_export.h"
#include "scenarios/nearby.h"
#include "scenarios/output.h"
#include "scenarios/report_read.h"
#include "scenarios/runner.h"
#include "scenarios/terminal.h"

enum form {
    FORM_TEXT,
    FORM_HTML,
    FORM_MARKDOWN,
    FORM_JSON,
    FORM_BY_NAME /* of the file */
};

static const char *const forms[] = {"text", "html", "markdown", "json", NULL};

/* What the end of a file's name says it is; text for all others. */
static enum form form_of(const char *path)
{
    static const struct {
        const char *end;
        enum form form;
    } ends[] = {{".html", FORM_HTML},
                {".htm", FORM_HTML},
                {".md", FORM_MARKDOWN},
                {".json", FORM_JSON}};
    size_t size = path ? strlen(path) : 0;
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        size_t end = strlen(ends[i].end);
        if (size > end && strcmp(path + size - end, ends[i].end) == 0)
            return ends[i].form;
    }
    return FORM_TEXT;
}

static void render(const struct report_model *model, enum form form, int colour,
                   struct report_buffer *out)
{
    switch (form) {
    case FORM_TEXT:
        report_text(model, out, colour ? REPORT_TEXT_COLOUR : 0);
        break;
    case FORM_HTML:
        report_html(model, report_library(), out);
        break;
    case FORM_MARKDOWN:
        report_markdown(model, out);
        break;
    case FORM_JSON:
    case FORM_BY_NAME:
        report_json(model, out);
        break;
    }
}

struct arguments {
    const char *file;
    const char *out;
    uint64_t format; /* enum form */
    bool no_color;
};

static void render_markdown(const struct lambda_table *table,
                            struct report_buffer *out)
{
    struct lambda_export exported;
    if (lambda_export_init(&exported, table, runner_version()))
        report_export_github_summary(&exported.report, out);
    else
        out->failed = 1;
    lambda_export_deinit(&exported);
}

static void render_lambda(const struct lambda_table *table, enum form form,
                          struct report_buffer *out)
{
    switch (form) {
    case FORM_HTML:
        lambda_table_html(table, out);
        break;
    case FORM_JSON:
        lambda_table_json(table, out);
        break;
    case FORM_MARKDOWN:
        render_markdown(table, out);
        break;
    default:
        lambda_table_text(table, out);
        break;
    }
}

static bool show_lambda(const char *file, const char *bytes, size_t size,
                        enum form form, struct report_buffer *out,
                        struct json_error *error)
{
    struct lambda_table *table =
        lambda_table_read_bytes(file, bytes, size, error);
    if (table)
        render_lambda(table, form, out);
    lambda_table_free(table);
    return table != NULL;
}

static bool show(const char *file, const char *bytes, size_t size,
                 enum form form, int colour, struct report_buffer *out,
                 struct json_error *error)
{
    struct report_read *read = report_read_bytes(file, bytes, size, error);
    if (!read)
        return false;
    render(report_read_model(read), form, colour, out);
    report_read_free(read);
    return true;
}

static int report(const struct arguments *arguments)
{
    struct json_error error = {0};
    struct report_buffer out;
    const char *file = arguments->file;
    enum form form = (enum form)arguments->format;
    int colour =
        !arguments->out && terminal_colour(STDOUT_FILENO, arguments->no_color);
    size_t size = 0;
    char *bytes = gate_read_bytes(file, &size, &error);
    if (form == FORM_BY_NAME)
        form = form_of(arguments->out);
    report_buffer_init(&out);
    bool good =
        bytes && (lambda_table_is(bytes, size)
                      ? show_lambda(file, bytes, size, form, &out, &error)
                      : show(file, bytes, size, form, colour, &out, &error));
    free(bytes);
    if (good)
        return arguments->out ? output_file("report", arguments->out, &out)
                              : output_print(&out, EXIT_HELD);
    report_buffer_free(&out);
    nearby_suggest(file, &error);
    fprintf(stderr, "%s\n", error.text);
    return error.code == JSON_ENOMEM ? EXIT_INTERNAL : EXIT_USAGE;
}

static const struct option options[] = {
    OPT_CHOICE("--format", format, forms,
               "text for a terminal, html for a browser, markdown for a merge "
               "request or a wiki, json as it was. Without it the end of the "
               "file's name decides: .html, .md, .json; else text."),
    OPT_OUT(out, "FILE", "There instead of on stdout; replaced as a whole."),
    OPT_FLAG("--no-color", no_color, "No colours, also on a terminal."),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct arguments a = {.format = FORM_BY_NAME};
    if (options_read(argc, argv, &command_report, &a, &a.file) < 0)
        return EXIT_USAGE;
    return report(&a);
}

const struct command command_report = {
    .name = "report",
    .group = COMMAND_COMPARE,
    .synopsis = "REPORT.json [--format text|html|markdown|json] [--out FILE]",
    .summary = "show a report again, as text or as a page",
    .about = "Renders a report.json without running anything: the text, "
             "report.html and report.json are the same bytes as those of the "
             "run itself. A report that was cut short, edited or written by "
             "another version of the format is refused. The verdict of the "
             "report does not change the exit code. docs/report-json.md says "
             "what is in a report.json. A lambda.json is shown as well.",
    .options = options,
    .rest_min = 1,
    .rest_max = 1,
    .run = run};
