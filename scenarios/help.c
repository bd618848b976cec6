#include "scenarios/help.h"

#include <stdio.h>
#include <string.h>

#include "scenarios/command.h"

enum {
    COLUMNS = 79,
    NAME_COLUMNS = 18, /* of a command in the overview */
    TEXT_COLUMN = 26   /* where an option's text begins */
};

static const char *const groups[COMMAND_GROUP_COUNT] = {
    [COMMAND_SIMULATE] = "Run a simulated world",
    [COMMAND_COMPARE] = "Compare and hand on reports",
    [COMMAND_LOOK_UP] = "Look up",
    [COMMAND_DATABASE] = "Run for real, on a database with real processes",
    [COMMAND_SAY] = "Tell a run of a database what to do",
    [COMMAND_OTHER] = "Other",
};

const char *help_group(enum command_group group)
{
    return groups[group];
}

static const struct exit_text {
    int code;
    const char *text;
} exit_texts[] = {
    {EXIT_HELD, "everything held, or is excused"},
    {EXIT_INTERNAL, "internal error"},
    {EXIT_USAGE, "usage or scenario error"},
    {EXIT_PROPERTY, "a property failed"},
    {EXIT_BUDGET, "an expectation was missed"},
    {EXIT_INCONCLUSIVE, "inconclusive"},
    {EXIT_ENVIRONMENT, "environment missing"},
    {EXIT_INTERRUPTED, "interrupted"},
};

const char *help_exit_code(uint32_t index, int *code)
{
    if (index >= sizeof(exit_texts) / sizeof(*exit_texts))
        return NULL;
    *code = exit_texts[index].code;
    return exit_texts[index].text;
}

static void spaces(struct report_buffer *out, size_t count)
{
    for (size_t i = 0; i < count; i++)
        report_buffer_put(out, " ");
}

/*
 * Text in lines of COLUMNS, each but the first after `indent` spaces; `column`
 * is where the first begins. A line break of the text begins a paragraph.
 */
static void wrap(struct report_buffer *out, const char *text, size_t indent,
                 size_t column)
{
    bool first = true;

    while (*text) {
        size_t length = strcspn(text, " \n");
        if (!first && column + 1 + length > COLUMNS) {
            report_buffer_put(out, "\n");
            spaces(out, indent);
            column = indent;
        } else if (!first) {
            report_buffer_put(out, " ");
            column++;
        }
        report_buffer_bytes(out, text, length);
        column += length;
        text += length;
        first = *text == '\n';
        for (; *text == '\n'; text++) {
            report_buffer_put(out, "\n");
            column = 0;
        }
        text += *text == ' ';
    }
    report_buffer_put(out, "\n");
}

const char *help_value(const struct option *option, char *text)
{
    size_t length = 0;

    text[0] = '\0';
    if (option->choices) {
        for (uint32_t i = 0; option->choices[i]; i++)
            length += (size_t)snprintf(text + length, HELP_VALUE_SIZE - length,
                                       "%s%s",
                                       i                               ? "|"
                                       : option->kind == OPTION_CHOICE ? " "
                                                                       : "[=",
                                       option->choices[i]);
        if (option->kind == OPTION_MODE)
            snprintf(text + length, HELP_VALUE_SIZE - length, "]");
    } else if (option->value) {
        snprintf(text, HELP_VALUE_SIZE, " %s", option->value);
    }
    return text;
}

static void show_option(struct report_buffer *out, const struct option *option)
{
    char value[HELP_VALUE_SIZE];
    char head[HELP_VALUE_SIZE + 64];
    char letter[8] = "";

    if (option->letter)
        snprintf(letter, sizeof(letter), "-%c, ", option->letter);
    int length = snprintf(head, sizeof(head), "  %s%s%s", letter, option->name,
                          help_value(option, value));
    report_buffer_put(out, head);
    if (length + 2 > TEXT_COLUMN) {
        report_buffer_put(out, "\n");
        length = 0;
    }
    spaces(out, TEXT_COLUMN - (size_t)length);
    wrap(out, option->help, TEXT_COLUMN, TEXT_COLUMN);
}

/* "perdure NAME" before each form of a command. */
static void show_synopsis(struct report_buffer *out,
                          const struct command *command)
{
    const char *at = command->synopsis;
    size_t indent = strlen("       perdure  ") + strlen(command->name);

    for (bool first = true;; first = false) {
        char form[400];
        size_t length = strcspn(at, "\n");
        snprintf(form, sizeof(form), "%.*s", (int)length, at);
        report_buffer_print(out, "%sperdure %s%s",
                            first ? "Usage: " : "       ", command->name,
                            length ? " " : "");
        wrap(out, form, indent, indent);
        if (!at[length])
            break;
        at += length + 1;
    }
}

static void show_words(struct report_buffer *out, const struct command *command)
{
    char words[2000] = "";
    size_t length = 0;

    if (!command->words)
        return;
    for (uint32_t i = 0; command->words(i) && length < sizeof(words) - 100; i++)
        length +=
            (size_t)snprintf(words + length, sizeof(words) - length, "%s%.60s",
                             i ? ", " : "Known: ", command->words(i));
    report_buffer_put(out, "\n");
    wrap(out, words, 0, 0);
}

void help_command(struct report_buffer *out, const struct command *command)
{
    static const struct option help = {
        .name = "--help", .letter = 'h', .help = "This."};

    show_synopsis(out, command);
    report_buffer_put(out, "\n");
    wrap(out, command->about, 0, 0);
    show_words(out, command);
    report_buffer_put(out, "\nOptions:\n");
    for (const struct option *o = command->options; o->name; o++)
        show_option(out, o);
    show_option(out, &help);
}

void help_overview(struct report_buffer *out, const char *version)
{
    const struct command *command;
    int code;
    char codes[600] = "Exit codes: ";

    report_buffer_print(
        out,
        "perdure %s\n"
        "Runs durable workflows in a simulated world, breaks it, and says "
        "whether\neverything recovered.\n\n"
        "  perdure run scenarios/orders-on-lambda.json\n",
        version);
    for (int group = 0; group < COMMAND_GROUP_COUNT; group++) {
        report_buffer_print(out, "\n%s:\n", groups[group]);
        for (uint32_t i = 0; (command = command_at(i)); i++)
            if (command->group == (enum command_group)group)
                report_buffer_print(out, "  %-*s %s\n", NAME_COLUMNS - 3,
                                    command->name, command->summary);
    }
    for (uint32_t i = 0; help_exit_code(i, &code); i++) {
        size_t length = strlen(codes);
        snprintf(codes + length, sizeof(codes) - length, "%s%d %s",
                 i ? "; " : "", code, help_exit_code(i, &code));
    }
    report_buffer_put(out, "\nOptions of a command: perdure COMMAND --help. "
                           "All of them: man perdure.\n"
                           "--version says which perdure this is.\n");
    strcat(codes, ".");
    wrap(out, codes, 0, 0);
}
