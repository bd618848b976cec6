#include <string.h>

#include "scenarios/command.h"
#include "scenarios/completion.h"
#include "scenarios/output.h"

static const struct shell {
    const char *name;
    void (*write)(struct report_buffer *out);
} shells[] = {
    {"bash", completion_bash},
    {"zsh", completion_zsh},
    {"fish", completion_fish},
};

static const char *shell_name(uint32_t index)
{
    return index < sizeof(shells) / sizeof(*shells) ? shells[index].name : NULL;
}

static const struct option options[] = {{.name = NULL}};

static int run(int argc, char **argv)
{
    const char *name = NULL;
    const struct shell *shell = shells;
    struct report_buffer out;

    if (options_read(argc, argv, &command_completion, NULL, &name) < 0 ||
        !options_check_name("completion", "shell", name, shell_name))
        return EXIT_USAGE;
    while (strcmp(shell->name, name) != 0)
        shell++;
    report_buffer_init(&out);
    shell->write(&out);
    return output_print(&out, EXIT_HELD);
}

const struct command command_completion = {
    .name = "completion",
    .group = COMMAND_OTHER,
    .synopsis = "bash|zsh|fish",
    .summary = "what completes commands and options in a shell",
    .about = "Prints what completes commands and options in a shell, for "
             "example: source <(perdure completion bash).",
    .options = options,
    .rest_min = 1,
    .rest_max = 1,
    .words = shell_name,
    .run = run};
