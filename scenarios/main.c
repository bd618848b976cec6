#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/command.h"
#include "scenarios/help.h"
#include "scenarios/output.h"

#ifndef PERDURE_VERSION
#error "PERDURE_VERSION comes from the Makefile"
#endif

/* Without a command, or with --help in its place. */
static int say_overview(int code)
{
    struct report_buffer out;
    report_buffer_init(&out);
    help_overview(&out, PERDURE_VERSION);
    return output_print(&out, code);
}

static int say_command(const struct command *command)
{
    struct report_buffer out;
    report_buffer_init(&out);
    help_command(&out, command);
    return output_print(&out, EXIT_HELD);
}

static bool asks_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

int main(int argc, char **argv)
{
    /* A closed pipe is an error of the write, not the end of the process; so
     * is a file that may not grow. */
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2)
        return say_overview(EXIT_USAGE);
    if (asks_help(argv[1]))
        return say_overview(EXIT_HELD);
    if (strcmp(argv[1], "--version") == 0) {
        puts("perdure " PERDURE_VERSION);
        return output_end(EXIT_HELD);
    }
    const struct command *command = command_find(argv[1]);
    if (!command) {
        options_refuse_name("", "command", argv[1], command_name);
        return EXIT_USAGE;
    }
    if (options_ask_help(argc - 1, argv + 1, command))
        return say_command(command);
    /* Until it can say how far it is. */
    if (command->group == COMMAND_SIMULATE)
        signal(SIGUSR1, SIG_IGN);
    return output_end(command->run(argc - 1, argv + 1));
}
