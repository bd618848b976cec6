#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "reports/file.h"
#include "scenarios/command.h"
#include "scenarios/output.h"
#include "scenarios/read_files.h"
#include "scenarios/starter.h"

#define FILE_USUAL "scenario.json"
#define SCHEMA "scenario.schema.json"

struct arguments {
    const char *file;
    uint64_t kind; /* enum starter_kind */
    bool force;
};

static const struct option options[] = {
    OPT_CHOICE("--kind", kind, starter_kinds,
               "graph (default): steps and the edges between them. handler: "
               "code with checkpoints."),
    OPT_FLAG("--force", force, "Also over a file that is there."),
    {.name = NULL}};

/* Editors take the schema from where it is installed. */
static void make(const struct arguments *a, struct report_buffer *out)
{
    char *path = read_files_shipped(SCHEMA);
    starter_write((enum starter_kind)a->kind, path ? path : SCHEMA, out);
    free(path);
}

static int save(const struct arguments *a, const struct report_buffer *text)
{
    if (!a->force && access(a->file, F_OK) == 0) {
        fprintf(stderr,
                "perdure init: found \"%.300s\", which is there already, "
                "allowed a new file, or --force\n",
                a->file);
        return EXIT_USAGE;
    }
    if (!report_buffer_ok(text) ||
        report_file_write(a->file, text->text, text->size) != 0) {
        fprintf(stderr, "perdure init: \"%.300s\" could not be written: %s\n",
                a->file,
                report_buffer_ok(text) ? strerror(errno) : "out of memory");
        return EXIT_ENVIRONMENT;
    }
    printf("Wrote %s. Next:\n  perdure run %s\n", a->file, a->file);
    return EXIT_HELD;
}

static int run(int argc, char **argv)
{
    struct arguments a = {.file = FILE_USUAL};
    struct report_buffer text;
    if (options_read(argc, argv, &command_init, &a, &a.file) < 0)
        return EXIT_USAGE;
    report_buffer_init(&text);
    make(&a, &text);
    if (strcmp(a.file, "-") == 0)
        return output_print(&text, EXIT_HELD);
    int code = save(&a, &text);
    report_buffer_free(&text);
    return code;
}

const struct command command_init = {
    .name = "init",
    .group = COMMAND_SIMULATE,
    .synopsis = "[FILE] [OPTIONS]",
    .summary = "write a scenario to begin with",
    .about = "Writes a scenario with a comment for each section into FILE "
             "(default scenario.json; - is stdout). It runs as it is. A file "
             "that is there stays as it is.",
    .options = options,
    .rest_max = 1,
    .run = run};
