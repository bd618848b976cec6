#include "scenarios/manual.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "scenarios/command.h"
#include "scenarios/help.h"

/*
 * What is not about one command. A line "TERM: text" begins with "* ", one
 * that stays as it is with four spaces; an empty line is between paragraphs.
 * What is between backticks is to be typed.
 */
static const struct section {
    const char *title;
    const char *lines[24];
} before[] = {
    {"Description",
     {"Runs durable workflows in a simulated world, breaks it, and says "
      "whether everything recovered. A scenario is a JSON file that names a "
      "workflow, a load, a platform, what goes wrong and what is expected. The "
      "same scenario and seed give the same result, byte for byte.",
      "",
      "Options may stand anywhere behind the command, as `--out DIR` or "
      "`--out=DIR`; behind `--` nothing is an option. Of an option that is "
      "given twice the last counts, unless it may be repeated. A seed is a "
      "whole number of 64 bits, decimal or hexadecimal (`0x2a`); a time has a "
      "unit: `90s`, `5ms`, `90m`. `perdure COMMAND --help` shows one "
      "command.",
      NULL}},
};

static const struct section after[] = {
    {"Output",
     {"The result is on stdout, progress on stderr. The first line is the "
      "verdict:",
      "", "* PASS: every property and expectation held.",
      "* FAIL: a property failed or an expectation was missed; each is named.",
      "* EXCUSED: a failure that a fault beyond the scenario's envelope can "
      "explain.",
      "* INCONCLUSIVE: the run could not have failed: a fault that was armed "
      "never fired, fired when no work was in flight, or a property looked at "
      "nothing.",
      "", "The last line is the command that repeats the run.", NULL}},
    {"Progress and signals",
     {"What takes long says on stderr how far it is: done and total, what "
      "failed so far, the time left, the rate and the seed. On a terminal that "
      "is one line, written over itself five times a second and cut to the "
      "terminal's columns; elsewhere it is a line every ten seconds, and none "
      "for what takes less.",
      "", "* SIGUSR1: one more line at once, and on it goes.",
      "* SIGINT (Ctrl-C), SIGTERM: the first one ends a run, a sweep or a "
      "shrink cleanly. What there is by then is reported, as incomplete and "
      "inconclusive, and the exit code is 130. The second one exits with 130 "
      "at once. No file is left half written.",
      "",
      "A reader of stdout that goes away (`| head`) changes neither the exit "
      "code nor the files. A stdout that cannot be written, as on a full disk, "
      "is exit code 6.",
      NULL}},
    {"Lines of JSON",
     {"With `--json=lines`, `perdure run`, `replay` and `sweep` put nothing "
      "but "
      "JSON on stdout, a document a line. Each has an `event`, but for the "
      "last, "
      "which is what `--json` prints.",
      "",
      "* start: the first: command, scenario, version, and the schema "
      "perdure.events/1.",
      "* progress: once a second: done, failed, per_hour, seconds_left, total "
      "and unit, as far as they are known.",
      "* status: the same, in answer to SIGUSR1.",
      "* world: of a sweep over seeds, in their order: seed, digest, outcome; "
      "if it did not hold also property, text, and replay, the command that "
      "repeats it.",
      NULL}},
    {"Environment",
     {"* NO_COLOR: if set and not empty, turns colour off, as --no-color does.",
      "* CLICOLOR_FORCE: if set, and not to 0, gives colour also where stdout "
      "is no terminal; NO_COLOR and --no-color are above it.",
      "* TERM: a terminal that is \"dumb\" or has no name gets plain lines. "
      "Each stream is looked at for itself: stdout for colour, stderr for "
      "progress.",
      "* LC_ALL, LANG: change nothing that is written: the same run gives the "
      "same bytes in each locale.",
      NULL}},
    {"Files",
     {"A workflow, profile or trace that a scenario names is looked for beside "
      "the scenario, in up to three directories above it, and among the files "
      "that come with perdure: `../share/perdure/scenarios`, seen from the "
      "program.",
      "",
      "`perdure completion bash`, `zsh` and `fish` print what completes "
      "commands and options in these shells; `make install` puts them where "
      "the shells look.",
      NULL}},
    {"Examples",
     {"    perdure run scenarios/orders-on-lambda.json",
      "    perdure run scenarios/swarm.json --seed 7 --out swarm-7",
      "    perdure replay swarm-7/report.json",
      "    perdure run scenarios/defects/sync_off.json --defect sync_off",
      "    perdure shrink scenarios/defects/sync_off.json --defect sync_off "
      "--out small",
      NULL}},
};

enum {
    BEFORE = sizeof(before) / sizeof(*before),
    AFTER = sizeof(after) / sizeof(*after),
    TERM_MAX = 40
};

/* The term of a line "* TERM: text"; returns where the text begins. */
static const char *split_term(const char *line, char *term)
{
    const char *colon = strchr(line, ':');
    snprintf(term, TERM_MAX, "%.*s", (int)(colon - line - 2), line + 2);
    return colon + 2;
}

/* A manual page ----------------------------------------------------------- */

/* Text that roff shall not take for its own; backticks become bold. */
static void man_text(struct report_buffer *out, const char *text)
{
    bool bold = false;

    if (*text == '.' || *text == '\'')
        report_buffer_put(out, "\\&");
    for (const char *c = text; *c; c++) {
        if (*c == '`') {
            bold = !bold;
            report_buffer_put(out, bold ? "\\fB" : "\\fR");
        } else if (*c == '\\') {
            report_buffer_put(out, "\\e");
        } else if (*c == '-') {
            report_buffer_put(out, "\\-");
        } else if (*c == '\n') {
            report_buffer_put(out, "\n.PP\n");
            c += c[1] == '\n';
        } else {
            report_buffer_bytes(out, c, 1);
        }
    }
}

static void man_title(struct report_buffer *out, const char *title)
{
    report_buffer_put(out, ".SH ");
    for (; *title; title++) {
        char letter = (char)toupper((unsigned char)*title);
        report_buffer_bytes(out, &letter, 1);
    }
    report_buffer_put(out, "\n");
}

static void man_bold(struct report_buffer *out, const char *text)
{
    report_buffer_put(out, "\\fB");
    man_text(out, text);
    report_buffer_put(out, "\\fR");
}

static void man_option(struct report_buffer *out, const struct option *option)
{
    char value[HELP_VALUE_SIZE];
    char letter[] = {'-', option->letter, '\0'};

    report_buffer_put(out, ".TP\n");
    if (option->letter) {
        man_bold(out, letter);
        report_buffer_put(out, ", ");
    }
    man_bold(out, option->name);
    help_value(option, value);
    bool placeholder = value[0] && !option->choices;
    report_buffer_put(out, placeholder ? "\\fI" : "");
    man_text(out, value);
    report_buffer_put(out, placeholder ? "\\fR\n" : "\n");
    man_text(out, option->help);
    report_buffer_put(out, "\n");
}

/* "perdure NAME REST" for each form of a command. */
static void man_synopsis(struct report_buffer *out,
                         const struct command *command)
{
    const char *at = command->synopsis;

    for (;;) {
        char form[400];
        size_t length = strcspn(at, "\n");
        snprintf(form, sizeof(form), "%.*s", (int)length, at);
        report_buffer_put(out, "\\fBperdure ");
        man_text(out, command->name);
        report_buffer_put(out, length ? "\\fR " : "\\fR");
        man_text(out, form);
        report_buffer_put(out, "\n");
        if (!at[length])
            break;
        at += length + 1;
    }
}

static void man_command(struct report_buffer *out,
                        const struct command *command)
{
    report_buffer_put(out, ".SS ");
    man_text(out, command->name);
    report_buffer_put(out, "\n.nf\n");
    man_synopsis(out, command);
    report_buffer_put(out, ".fi\n.PP\n");
    man_text(out, command->about);
    report_buffer_put(out, "\n");
    for (const struct option *o = command->options; o->name; o++)
        man_option(out, o);
}

static void man_section(struct report_buffer *out,
                        const struct section *section)
{
    char term[TERM_MAX];
    bool verbatim = false;

    man_title(out, section->title);
    for (const char *const *line = section->lines; *line; line++) {
        bool stays = strncmp(*line, "    ", 4) == 0;
        if (stays != verbatim)
            report_buffer_put(out, stays ? ".nf\n" : ".fi\n");
        verbatim = stays;
        if (**line == '*') {
            const char *text = split_term(*line, term);
            report_buffer_put(out, ".TP\n.B ");
            man_text(out, term);
            report_buffer_put(out, "\n");
            man_text(out, text);
        } else {
            man_text(out, *line + (stays ? 4 : 0));
            report_buffer_put(out, **line ? "" : ".PP");
        }
        report_buffer_put(out, "\n");
    }
    report_buffer_put(out, verbatim ? ".fi\n" : "");
}

static void man_codes(struct report_buffer *out)
{
    const char *text;
    int code;

    man_title(out, "Exit status");
    for (uint32_t i = 0; (text = help_exit_code(i, &code)); i++)
        report_buffer_print(out, ".TP\n.B %d\n%s\n", code, text);
}

void manual_man(struct report_buffer *out, const char *version)
{
    const struct command *command;

    report_buffer_print(
        out,
        ".\\\" perdure help --format man; ci/reference --write\n"
        ".TH PERDURE 1 \"\" \"perdure %s\" \"User Commands\"\n"
        ".SH NAME\nperdure \\- run durable workflows in a simulated world, "
        "break it, and judge\n.SH SYNOPSIS\n.nf\n"
        "\\fBperdure\\fR \\fICOMMAND\\fR [\\fIARGUMENTS\\fR] "
        "[\\fIOPTIONS\\fR]\n"
        "\\fBperdure \\-\\-help\\fR | \\fB\\-\\-version\\fR\n.fi\n",
        version);
    for (int i = 0; i < BEFORE; i++)
        man_section(out, &before[i]);
    for (int group = 0; group < COMMAND_GROUP_COUNT; group++) {
        man_title(out, help_group((enum command_group)group));
        for (uint32_t i = 0; (command = command_at(i)); i++)
            if (command->group == (enum command_group)group)
                man_command(out, command);
    }
    man_codes(out);
    for (int i = 0; i < AFTER; i++)
        man_section(out, &after[i]);
}

/* A page of the documentation --------------------------------------------- */

/* Text that Markdown shall not take for its own, but between backticks. */
static void mark_text(struct report_buffer *out, const char *text)
{
    bool code = false;

    for (const char *c = text; *c; c++) {
        if (*c == '`')
            code = !code;
        else if (!code && strchr("*_<>[]\\|", *c))
            report_buffer_put(out, "\\");
        report_buffer_bytes(out, c, 1);
    }
}

static void mark_option(struct report_buffer *out, const struct option *option)
{
    char value[HELP_VALUE_SIZE];

    report_buffer_put(out, "- ");
    if (option->letter)
        report_buffer_print(out, "`-%c`, ", option->letter);
    report_buffer_print(out, "`%s%s`: ", option->name,
                        help_value(option, value));
    mark_text(out, option->help);
    report_buffer_put(out, "\n");
}

static void mark_command(struct report_buffer *out,
                         const struct command *command)
{
    const char *at = command->synopsis;

    report_buffer_print(out, "\n### %s\n\n", command->name);
    report_buffer_put(out, "```text\n");
    for (;;) {
        size_t length = strcspn(at, "\n");
        report_buffer_print(out, "perdure %s%s", command->name,
                            length ? " " : "");
        report_buffer_bytes(out, at, length);
        report_buffer_put(out, "\n");
        if (!at[length])
            break;
        at += length + 1;
    }
    report_buffer_put(out, "```\n\n");
    mark_text(out, command->about);
    report_buffer_put(out, command->options->name ? "\n\n" : "\n");
    for (const struct option *o = command->options; o->name; o++)
        mark_option(out, o);
}

static void mark_section(struct report_buffer *out,
                         const struct section *section)
{
    char term[TERM_MAX];
    bool verbatim = false;

    report_buffer_print(out, "\n## %s\n\n", section->title);
    for (const char *const *line = section->lines; *line; line++) {
        bool stays = strncmp(*line, "    ", 4) == 0;
        if (stays != verbatim)
            report_buffer_put(out, stays ? "```sh\n" : "```\n");
        verbatim = stays;
        if (**line == '*') {
            const char *text = split_term(*line, term);
            report_buffer_print(out, "- `%s`: ", term);
            mark_text(out, text);
        } else if (stays) {
            report_buffer_put(out, *line + 4);
        } else {
            mark_text(out, *line);
        }
        report_buffer_put(out, "\n");
    }
    report_buffer_put(out, verbatim ? "```\n" : "");
}

void manual_markdown(struct report_buffer *out)
{
    const struct command *command;
    const char *text;
    int code;

    report_buffer_put(out, "<!-- perdure help --format markdown; "
                           "ci/reference --write -->\n# Commands\n");
    for (int i = 0; i < BEFORE; i++)
        mark_section(out, &before[i]);
    for (int group = 0; group < COMMAND_GROUP_COUNT; group++) {
        report_buffer_print(out, "\n## %s\n",
                            help_group((enum command_group)group));
        for (uint32_t i = 0; (command = command_at(i)); i++)
            if (command->group == (enum command_group)group)
                mark_command(out, command);
    }
    report_buffer_put(out, "\n## Exit status\n\n");
    for (uint32_t i = 0; (text = help_exit_code(i, &code)); i++)
        report_buffer_print(out, "- `%d`: %s\n", code, text);
    for (int i = 0; i < AFTER; i++)
        mark_section(out, &after[i]);
}
