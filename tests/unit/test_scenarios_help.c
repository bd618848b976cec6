/*
 * Help, manual and page as text: lines that fit, and marks that a reader of
 * each kind does not take for its own.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/command.h"
#include "scenarios/completion.h"
#include "scenarios/help.h"
#include "scenarios/manual.h"

static const char *const lengths[] = {"short", "long", NULL};

static const struct option options[] = {
    {.name = "--out",
     .letter = 'o',
     .kind = OPTION_TEXT,
     .value = "DIR",
     .help = "Where it goes: a text that is long enough to need another line "
             "and then some more."},
    {.name = "--length",
     .kind = OPTION_CHOICE,
     .choices = lengths,
     .help = "L."},
    {.name = "--json", .kind = OPTION_MODE, .choices = lengths, .help = "J."},
    {.name = NULL}};

static const struct command command = {.name = "try",
                                       .synopsis = "FILE\n--all [OPTIONS]",
                                       .summary = "try it",
                                       .about = "One.\n\nTwo.",
                                       .options = options};

Test(scenarios_help, a_command_is_shown_with_its_options)
{
    struct report_buffer out;
    report_buffer_init(&out);
    help_command(&out, &command);
    cr_assert(report_buffer_ok(&out));
    cr_expect_str_eq(
        out.text,
        "Usage: perdure try FILE\n"
        "       perdure try --all [OPTIONS]\n"
        "\nOne.\n\nTwo.\n"
        "\nOptions:\n"
        "  -o, --out DIR           Where it goes: a text that is long enough "
        "to need\n"
        "                          another line and then some more.\n"
        "  --length short|long     L.\n"
        "  --json[=short|long]     J.\n"
        "  -h, --help              This.\n");
    report_buffer_free(&out);
}

static size_t longest_line(const char *text)
{
    size_t most = 0;
    for (const char *at = text; *at; at += at[strcspn(at, "\n")] != '\0') {
        size_t length = strcspn(at, "\n");
        most = length > most ? length : most;
        at += length;
    }
    return most;
}

Test(scenarios_help, no_line_is_wider_than_a_terminal)
{
    struct report_buffer out;
    const struct command *one;
    report_buffer_init(&out);
    help_overview(&out, "1.2.3");
    cr_expect_lt(longest_line(out.text), 80);
    report_buffer_free(&out);
    for (uint32_t i = 0; (one = command_at(i)); i++) {
        report_buffer_init(&out);
        help_command(&out, one);
        cr_expect_lt(longest_line(out.text), 80, "%s", one->name);
        report_buffer_free(&out);
    }
}

Test(scenarios_help, no_line_of_the_manual_is_an_order_to_roff_by_chance)
{
    static const char *const orders[] = {".\\\"", ".TH", ".SH", ".SS", ".TP",
                                         ".PP",   ".B ", ".nf", ".fi"};
    struct report_buffer out;
    report_buffer_init(&out);
    manual_man(&out, "1.2.3");
    cr_assert(report_buffer_ok(&out));
    for (const char *at = out.text; *at; at++) {
        bool known = *at != '.' && *at != '\'';
        for (size_t i = 0; i < sizeof(orders) / sizeof(*orders); i++)
            known = known || strncmp(at, orders[i], 3) == 0;
        cr_expect(known, "%.40s", at);
        cr_expect_neq(*at, '\t');
        at += strcspn(at, "\n");
        if (!*at)
            break;
    }
    cr_expect(strstr(out.text, "perdure 1.2.3"));
    report_buffer_free(&out);
}

Test(scenarios_help, no_pattern_of_the_page_is_taken_for_emphasis)
{
    struct report_buffer out;
    report_buffer_init(&out);
    manual_markdown(&out);
    cr_assert(report_buffer_ok(&out));
    cr_expect(strstr(out.text, "items\\[\\*\\].secret"));
    cr_expect(strstr(out.text, "\\*\\*.token"));
    report_buffer_free(&out);
}

Test(scenarios_help, every_exit_code_is_said_once)
{
    int code, last = -1;
    for (uint32_t i = 0; help_exit_code(i, &code); i++) {
        cr_expect_gt(code, last);
        last = code;
    }
    cr_expect_eq(last, EXIT_INTERRUPTED);
}
