#include <stdio.h>

#include "scenarios/command.h"
#include "scenarios/options.h"
#include "scenarios/output.h"
#include "scenarios/trend.h"

struct arguments {
    const char *html; /* NULL: text on stdout */
};

static const struct option options[] = {
    OPT_TEXT("--html", html, "FILE",
             "A page with a small line for each figure, instead of text."),
    {.name = NULL}};

static int show(const struct trend *trend, const char *path, const char *html)
{
    struct report_buffer out;
    report_buffer_init(&out);
    if (html) {
        trend_page(trend, path, &out);
        return output_file("trend", html, &out);
    }
    trend_text(trend, &out);
    return output_print(&out, EXIT_HELD);
}

static int run(int argc, char **argv)
{
    struct arguments a = {NULL};
    struct json_error err = {0};
    struct trend trend;
    const char *path = NULL;
    if (options_read(argc, argv, &command_trend, &a, &path) < 0)
        return EXIT_USAGE;
    int code = EXIT_USAGE;
    if (trend_read(path, stderr, &trend, &err))
        code = show(&trend, path, a.html);
    else
        fprintf(stderr, "perdure trend: %s\n", err.text);
    trend_free(&trend);
    return code;
}

const struct command command_trend = {
    .name = "trend",
    .group = COMMAND_COMPARE,
    .synopsis = "FILE.jsonl [--html FILE]",
    .summary = "how figures went over many gates",
    .about = "Shows what perdure gate --trend FILE has added to a file, figure "
             "by figure. A line that cannot be read is told with its number "
             "and left out; a file without any that can be ends it with 2.",
    .options = options,
    .rest_min = 1,
    .rest_max = 1,
    .run = run};
