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
#include "scenarios/options.h"

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

int command_lineage(int argc, char **argv)
{
    static const char *const formats[] = {"text", "json", "graphml", "svg",
                                          NULL};
    static const char *const directions[] = {"both", "up", "down", NULL};
    struct lineage_request request = {.run = 0};
    uint64_t depth = DEPTH_DEFAULT;
    uint64_t direction = LINEAGE_BOTH;
    uint64_t format = 0;
    const char *file = NULL;
    const char *key = NULL;
    const char *rest[2];
    const struct option options[] = {
        {"--depth", OPTION_NUMBER, &depth, 0, DEPTH_MAX, NULL},
        {"--direction", OPTION_CHOICE, &direction, 0, 0, directions},
        {"--format", OPTION_CHOICE, &format, 0, 0, formats},
        {"--out", OPTION_TEXT, &file, 0, 0, NULL},
        {"--key-file", OPTION_TEXT, &key, 0, 0, NULL},
    };

    if (options_read(argc, argv, options, sizeof(options) / sizeof(options[0]),
                     rest, 2, 2,
                     "lineage DB RUN [--depth N] [--direction up|down|both] "
                     "[--format text|json|graphml|svg] [--out FILE] "
                     "[--key-file FILE]") < 0 ||
        !database_number(argv[0], "run", rest[1], UINT64_MAX, &request.run))
        return EXIT_USAGE;
    request.depth = (uint32_t)depth;
    request.direction = (enum lineage_direction)direction;
    struct host_reader *reader = database_open(argv[0], rest[0], key);
    if (!reader)
        return EXIT_ENVIRONMENT;
    int code = show(reader, rest[0], &request, format, file);
    host_reader_close(reader);
    return code;
}
