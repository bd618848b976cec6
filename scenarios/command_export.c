#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "reports/file.h"
#include "scenarios/command.h"
#include "scenarios/export.h"
#include "scenarios/export_read.h"
#include "scenarios/options.h"
#include "scenarios/output.h"

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
    if (!format) {
        export_list_check("export", name);
        return NULL;
    }
    if (format->of_report)
        return format;
    fprintf(stderr,
            "perdure export: format %s needs the histograms of a run, which "
            "report.json has not: perdure replay %.300s --export %s\n",
            name, file, name);
    return NULL;
}

static int put(struct report_buffer *out, const char *path)
{
    if (!path)
        return output_print(out, EXIT_HELD);
    int code = EXIT_HELD;
    if (!report_buffer_ok(out)) {
        fprintf(stderr, "perdure export: out of memory\n");
        code = EXIT_INTERNAL;
    } else if (report_file_write(path, out->text ? out->text : "", out->size) !=
               0) {
        fprintf(stderr,
                "perdure export: %.300s could not be written: %s; choose "
                "another with --out FILE\n",
                path, strerror(errno));
        code = EXIT_ENVIRONMENT;
    }
    report_buffer_free(out);
    return code;
}

static int export_file(const char *file, const struct export_format *format,
                       const char *path)
{
    struct export_figures figures = {0};
    struct json_error error = {0};
    struct json_doc *doc = NULL;
    struct report_buffer out;
    int code = EXIT_USAGE;
    if (json_read_file(file, &doc, &error) == 0 &&
        export_figures_read(doc, &figures, &error) == 0) {
        report_buffer_init(&out);
        format->of_report(&figures.report, &out);
        code = put(&out, path);
    } else {
        fprintf(stderr, "%s\n", error.text);
    }
    export_figures_deinit(&figures);
    json_free(doc);
    return code;
}

int command_export(int argc, char **argv)
{
    const char *file = NULL;
    const char *name = NULL;
    const char *path = NULL;
    const struct option options[] = {
        {.name = "--format", .kind = OPTION_TEXT, .out = &name},
        {.name = "--out", .kind = OPTION_TEXT, .out = &path},
    };
    if (options_read(argc, argv, options, 2, &file, 1, 1,
                     "export REPORT.json --format NAME [--out FILE]") < 0)
        return EXIT_USAGE;
    const struct export_format *format = choose(name, file);
    return format ? export_file(file, format, path) : EXIT_USAGE;
}
