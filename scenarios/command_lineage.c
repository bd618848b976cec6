/* Where the values of a run come from, over all runs it has to do with. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/lineage.h"
#include "reports/file.h"
#include "scenarios/command.h"
#include "scenarios/database.h"
#include "scenarios/lineage_write.h"

enum {
    DEPTH_DEFAULT = 8,
    DEPTH_MAX = 1000000
};

static int say(const char *database, enum lineage_result result,
               const char *error)
{
    switch (result) {
    case LINEAGE_NO_RUN:
        fprintf(stderr,
                "perdure lineage: %.200s: %s; see perdure ps %.200s --all\n",
                database, error, database);
        return EXIT_USAGE;
    case LINEAGE_DAMAGED:
        fprintf(stderr,
                "perdure lineage: %.200s: %s; see perdure verify %.200s\n",
                database, error, database);
        return EXIT_PROPERTY;
    default:
        fprintf(stderr, "perdure lineage: %.200s: %s\n", database, error);
        return result == LINEAGE_MEMORY ? EXIT_INTERNAL : EXIT_ENVIRONMENT;
    }
}

static int put(struct report_buffer *out, const char *file)
{
    if (!file)
        return database_print(out);
    bool good = report_buffer_ok(out) &&
                report_file_write(file, out->text, out->size) == 0;
    if (!good)
        fprintf(stderr,
                "perdure lineage: \"%.200s\" could not be written: %s\n", file,
                report_buffer_ok(out) ? strerror(errno) : "out of memory");
    report_buffer_free(out);
    return good ? EXIT_HELD : EXIT_ENVIRONMENT;
}

static int show(struct host_reader *reader, const char *database,
                const struct lineage_request *request, uint64_t format,
                const char *file)
{
    static void (*const writers[])(const struct lineage *,
                                   struct report_buffer *) = {
        lineage_write_text, lineage_write_json, lineage_write_graphml,
        lineage_write_svg};
    char error[HOST_ERROR_SIZE];
    struct lineage lineage;
    struct report_buffer out;

    enum lineage_result result =
        lineage_collect(reader, request, &lineage, error);
    int code = EXIT_HELD;
    if (result != LINEAGE_HELD) {
        code = say(database, result, error);
    } else {
        report_buffer_init(&out);
        writers[format](&lineage, &out);
        code = put(&out, file);
    }
    lineage_free(&lineage);
    return code;
}

struct arguments {
    uint64_t depth;
    uint64_t direction;
    uint64_t format;
    const char *file;
    const char *key;
};

static const char *const formats[] = {"text", "json", "graphml", "svg", NULL};
static const char *const directions[] = {"both", "up", "down", NULL};

static const struct option options[] = {
    OPT_NUMBER("--depth", depth, 0, DEPTH_MAX,
               "So many steps away, in each direction (default 8)."),
    OPT_CHOICE("--direction", direction, directions,
               "To what it is from, to what is from it, or both (default)."),
    OPT_CHOICE("--format", format, formats, "How it is written."),
    OPT_OUT(file, "FILE", "There instead of on stdout."),
    OPT_KEY_FILE(key),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct lineage_request request = {.run = 0};
    struct arguments a = {.depth = DEPTH_DEFAULT, .direction = LINEAGE_BOTH};
    const char *rest[2];

    if (options_read(argc, argv, &command_lineage, &a, rest) < 0 ||
        !database_number(argv[0], "run", rest[1], UINT64_MAX, &request.run))
        return EXIT_USAGE;
    request.depth = (uint32_t)a.depth;
    request.direction = (enum lineage_direction)a.direction;
    struct host_reader *reader = database_open(argv[0], rest[0], a.key);
    if (!reader)
        return EXIT_ENVIRONMENT;
    int code = show(reader, rest[0], &request, a.format, a.file);
    host_reader_close(reader);
    return code;
}

const struct command command_lineage = {
    .name = "lineage",
    .group = COMMAND_DATABASE,
    .synopsis = "DB RUN [OPTIONS]",
    .summary = "where values come from",
    .about = "Where values come from: every execution with its "
             "input, output, code, platform and parents, in this "
             "run and in those that it invoked, that invoked it, or "
             "that it exchanged messages with. Exit code 3: a log "
             "is damaged, and where.",
    .options = options,
    .rest_min = 2,
    .rest_max = 2,
    .run = run};
