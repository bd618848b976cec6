#include "scenarios/command.h"
#include "scenarios/help.h"
#include "scenarios/output.h"

static const struct option options[] = {{.name = NULL}};

/* Without a name main.c says the overview. */
static int run(int argc, char **argv)
{
    const char *name = NULL;
    struct report_buffer out;

    if (options_read(argc, argv, &command_help, NULL, &name) < 0 ||
        !options_check_name("help", "command", name, command_name))
        return EXIT_USAGE;
    report_buffer_init(&out);
    help_command(&out, command_find(name));
    return output_print(&out, EXIT_HELD);
}

const struct command command_help = {
    .name = "help",
    .group = COMMAND_OTHER,
    .synopsis = "[COMMAND]",
    .summary = "the commands, or one of them with its options",
    .about = "The commands, or one of them with all its options.",
    .options = options,
    .rest_min = 1,
    .rest_max = 1,
    .words = command_name,
    .run = run};
