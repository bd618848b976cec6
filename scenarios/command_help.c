#include "scenarios/command.h"
#include "scenarios/help.h"
#include "scenarios/manual.h"
#include "scenarios/output.h"
#include "scenarios/runner.h"

enum format {
    TEXT,
    MAN,
    MARKDOWN
};

struct arguments {
    const char *name;
    uint64_t format;
};

static const char *const formats[] = {"text", "man", "markdown", NULL};

static const struct option options[] = {
    OPT_CHOICE("--format", format, formats,
               "The whole manual for man, or as a page of Markdown."),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct arguments a = {.name = NULL};
    struct report_buffer out;

    if (options_read(argc, argv, &command_help, &a, &a.name) < 0 ||
        (a.name &&
         !options_check_name("help", "command", a.name, command_name)))
        return EXIT_USAGE;
    report_buffer_init(&out);
    if (a.format == MAN)
        manual_man(&out, runner_version());
    else if (a.format == MARKDOWN)
        manual_markdown(&out);
    else if (a.name)
        help_command(&out, command_find(a.name));
    else
        help_overview(&out, runner_version());
    return output_print(&out, EXIT_HELD);
}

const struct command command_help = {
    .name = "help",
    .group = COMMAND_OTHER,
    .synopsis = "[COMMAND] [--format text|man|markdown]",
    .summary = "the commands, or one of them with its options",
    .about = "The commands, or one of them with all its options.",
    .options = options,
    .rest_max = 1,
    .words = command_name,
    .run = run};
