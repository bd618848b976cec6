#include "scenarios/completion.h"

#include <string.h>

#include "scenarios/command.h"

/* What the tables say about values ---------------------------------------- */

static bool takes_value(const struct option *option)
{
    return option->kind != OPTION_FLAG && option->kind != OPTION_MODE;
}

/* Whether a value or an argument is a file, or a directory. */
static bool is_file(const char *word)
{
    return word && (strstr(word, "FILE") || strstr(word, "SCENARIO") ||
                    strstr(word, ".json"));
}

static bool is_directory(const char *word)
{
    return word && strcmp(word, "DIR") == 0;
}

/* The words that an option may have, with `between` between them. */
static void put_values(struct report_buffer *out, const struct option *option,
                       const char *between)
{
    const char *word;

    for (uint32_t i = 0; option->choices && option->choices[i]; i++)
        report_buffer_print(out, "%s%s", i ? between : "", option->choices[i]);
    for (uint32_t i = 0; option->names && (word = option->names(i)); i++)
        report_buffer_print(out, "%s%s", i ? between : "", word);
}

static bool has_values(const struct option *option)
{
    return option->choices || option->names;
}

static void put_words(struct report_buffer *out, const struct command *command,
                      const char *between)
{
    const char *word;

    for (uint32_t i = 0; command->words && (word = command->words(i)); i++)
        report_buffer_print(out, "%s%s", i ? between : "", word);
}

/* Whether a file may stand beside the options, whatever else may. */
static bool takes_files(const struct command *command)
{
    return command->rest_max > (command->words ? 1 : 0) ||
           (command->words && is_file(command->synopsis));
}

/* The first sentence, without what a shell or its table might take amiss. */
static void put_about(struct report_buffer *out, const char *help)
{
    const char *end = strstr(help, ". ");
    size_t length = end ? (size_t)(end - help) : strlen(help);

    if (length > 0 && help[length - 1] == '.')
        length--;
    for (size_t i = 0; i < length; i++) {
        if (strchr("[]:\\", help[i]))
            report_buffer_put(out, " ");
        else
            report_buffer_put(out, help[i] == '\'' ? "'\\''" : "");
        if (!strchr("[]:\\'", help[i]))
            report_buffer_bytes(out, help + i, 1);
    }
}

/* bash -------------------------------------------------------------------- */

/* "--out|--out=|-o": a mode has a value only behind "=". */
static void bash_names(struct report_buffer *out, const struct option *option)
{
    if (takes_value(option))
        report_buffer_print(out, "%s|", option->name);
    report_buffer_print(out, "%s=", option->name);
    if (option->letter && takes_value(option))
        report_buffer_print(out, "|-%c", option->letter);
}

static void bash_value(struct report_buffer *out, const struct option *option)
{
    report_buffer_put(out, "        ");
    bash_names(out, option);
    if (has_values(option)) {
        report_buffer_put(out, ") _perdure_words '");
        put_values(out, option, " ");
        report_buffer_put(out, "'");
    } else if (is_directory(option->value)) {
        report_buffer_put(out, ") _perdure_paths -d");
    } else if (is_file(option->value)) {
        report_buffer_put(out, ") _perdure_paths -f");
    } else {
        report_buffer_put(out, ") COMPREPLY=()");
    }
    report_buffer_put(out, "; return ;;\n");
}

static void bash_command(struct report_buffer *out,
                         const struct command *command)
{
    report_buffer_print(out, "    %s)\n        case $before in\n",
                        command->name);
    for (const struct option *o = command->options; o->name; o++)
        if (takes_value(o) || has_values(o))
            bash_value(out, o);
    report_buffer_put(out, "        esac\n        options='--help");
    for (const struct option *o = command->options; o->name; o++)
        report_buffer_print(out, " %s", o->name);
    report_buffer_put(out, "'\n        words='");
    put_words(out, command, " ");
    report_buffer_print(out, "' files=%s ;;\n",
                        takes_files(command) ? "-f" : "");
}

static const char bash_head[] =
    "# Completion of perdure for bash; perdure completion bash writes it.\n"
    "_perdure_words() {\n"
    "    COMPREPLY=($(compgen -W \"$1\" -- \"$current\"))\n"
    "}\n"
    "_perdure_paths() {\n"
    "    local IFS=$'\\n'\n"
    "    compopt -o filenames 2>/dev/null\n"
    "    COMPREPLY=($(compgen \"$1\" -- \"$current\"))\n"
    "}\n"
    "_perdure() {\n"
    "    local current=${COMP_WORDS[COMP_CWORD]} before= options= words= "
    "files=\n"
    "    # --out=DIR is three words where = separates them\n"
    "    if [[ $current == = ]]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD - 1]}= current=\n"
    "    elif [[ ${COMP_WORDS[COMP_CWORD - 1]} == = ]]; then\n"
    "        before=${COMP_WORDS[COMP_CWORD - 2]}=\n"
    "    else\n"
    "        before=${COMP_WORDS[COMP_CWORD - 1]}\n"
    "    fi\n"
    "    COMPREPLY=()\n"
    "    if ((COMP_CWORD == 1)); then\n";

static const char bash_tail[] =
    "    *) return ;;\n"
    "    esac\n"
    "    if [[ $current == -* ]]; then\n"
    "        _perdure_words \"$options\"\n"
    "    else\n"
    "        if [[ $files ]]; then _perdure_paths \"$files\"; fi\n"
    "        if [[ $words ]]; then\n"
    "            COMPREPLY+=($(compgen -W \"$words\" -- \"$current\"))\n"
    "        fi\n"
    "    fi\n"
    "}\n"
    "complete -F _perdure perdure\n";

void completion_bash(struct report_buffer *out)
{
    const struct command *command;

    report_buffer_put(out, bash_head);
    report_buffer_put(out, "        _perdure_words '--help --version");
    for (uint32_t i = 0; (command = command_at(i)); i++)
        report_buffer_print(out, " %s", command->name);
    report_buffer_put(out, "'\n        return\n    fi\n"
                           "    case ${COMP_WORDS[1]} in\n");
    for (uint32_t i = 0; (command = command_at(i)); i++)
        bash_command(out, command);
    report_buffer_put(out, bash_tail);
}

/* zsh --------------------------------------------------------------------- */

/* What follows the text in brackets: ":value:how to complete it". */
static void zsh_value(struct report_buffer *out, const struct option *option)
{
    const char *optional = option->kind == OPTION_MODE ? "::" : ":";

    if (option->kind == OPTION_FLAG)
        return;
    report_buffer_print(out, "%svalue:", optional);
    if (has_values(option)) {
        report_buffer_put(out, "(");
        put_values(out, option, " ");
        report_buffer_put(out, ")");
    } else if (is_directory(option->value)) {
        report_buffer_put(out, "_files -/");
    } else if (is_file(option->value)) {
        report_buffer_put(out, "_files");
    }
}

static void zsh_option(struct report_buffer *out, const struct option *option)
{
    const char *many = option->kind == OPTION_TEXTS ? "*" : "";

    report_buffer_put(out, " \\\n            ");
    if (option->letter && takes_value(option))
        report_buffer_print(out, "'(-%c %s)'{-%c+,%s=}'[", option->letter,
                            option->name, option->letter, option->name);
    else if (option->letter)
        report_buffer_print(out, "'(-%c %s)'{-%c,%s}'[", option->letter,
                            option->name, option->letter, option->name);
    else
        report_buffer_print(out, "'%s%s%s[", many, option->name,
                            takes_value(option)           ? "="
                            : option->kind == OPTION_MODE ? "=-"
                                                          : "");
    put_about(out, option->help);
    report_buffer_put(out, "]");
    zsh_value(out, option);
    report_buffer_put(out, "'");
}

static void zsh_command(struct report_buffer *out,
                        const struct command *command)
{
    report_buffer_print(out,
                        "    %s)\n        _arguments '(- *)'{-h,--help}'[all "
                        "options]'",
                        command->name);
    for (const struct option *o = command->options; o->name; o++)
        zsh_option(out, o);
    if (command->words) {
        report_buffer_put(out, " \\\n            '1:name:");
        report_buffer_print(out, "%s",
                            takes_files(command) && command->rest_max == 1
                                ? "{_alternative \"names:name:("
                                : "(");
        put_words(out, command, " ");
        report_buffer_put(out, takes_files(command) && command->rest_max == 1
                                   ? ")\" \"files:file:_files\"}'"
                                   : ")'");
    }
    if (takes_files(command) && command->rest_max > (command->words ? 1 : 0))
        report_buffer_put(out, " \\\n            '*:file:_files'");
    report_buffer_put(out, " ;;\n");
}

void completion_zsh(struct report_buffer *out)
{
    const struct command *command;

    report_buffer_put(
        out, "#compdef perdure\n"
             "# Completion of perdure for zsh; perdure completion zsh writes "
             "it.\n_perdure() {\n"
             "    local -a commands=(\n");
    for (uint32_t i = 0; (command = command_at(i)); i++) {
        report_buffer_print(out, "        '%s:", command->name);
        put_about(out, command->summary);
        report_buffer_put(out, "'\n");
    }
    report_buffer_put(out, "    )\n"
                           "    if ((CURRENT == 2)); then\n"
                           "        _describe command commands\n"
                           "        _arguments --help --version\n"
                           "        return\n    fi\n"
                           "    local name=$words[2]\n"
                           "    shift words\n    ((CURRENT--))\n"
                           "    case $name in\n");
    for (uint32_t i = 0; (command = command_at(i)); i++)
        zsh_command(out, command);
    report_buffer_put(out, "    esac\n}\n"
                           "if [[ $funcstack[1] == _perdure ]]; then\n"
                           "    _perdure \"$@\"\nelse\n"
                           "    compdef _perdure perdure\nfi\n");
}

/* fish -------------------------------------------------------------------- */

static void fish_option(struct report_buffer *out, const char *command,
                        const struct option *option)
{
    report_buffer_print(out,
                        "complete -c perdure -n '__fish_seen_subcommand_from "
                        "%s' -l %s",
                        command, option->name + 2);
    if (option->letter)
        report_buffer_print(out, " -s %c", option->letter);
    if (has_values(option)) {
        report_buffer_print(out, " -%sa '", takes_value(option) ? "x" : "f");
        put_values(out, option, " ");
        report_buffer_put(out, "'");
    } else if (is_directory(option->value)) {
        report_buffer_put(out, " -xa '(__fish_complete_directories)'");
    } else if (is_file(option->value)) {
        report_buffer_put(out, " -rF");
    } else if (takes_value(option)) {
        report_buffer_put(out, " -x");
    }
    report_buffer_put(out, " -d '");
    put_about(out, option->help);
    report_buffer_put(out, "'\n");
}

static void fish_command(struct report_buffer *out,
                         const struct command *command)
{
    report_buffer_print(
        out, "complete -c perdure -n __fish_use_subcommand -a %s -d '",
        command->name);
    put_about(out, command->summary);
    report_buffer_put(out, "'\n");
    for (const struct option *o = command->options; o->name; o++)
        fish_option(out, command->name, o);
    if (command->words) {
        report_buffer_print(out,
                            "complete -c perdure -n "
                            "'__fish_seen_subcommand_from %s' -a '",
                            command->name);
        put_words(out, command, " ");
        report_buffer_put(out, "'\n");
    }
    if (takes_files(command))
        report_buffer_print(out,
                            "complete -c perdure -n "
                            "'__fish_seen_subcommand_from %s' -F\n",
                            command->name);
}

void completion_fish(struct report_buffer *out)
{
    const struct command *command;

    report_buffer_put(out,
                      "# Completion of perdure for fish; perdure completion "
                      "fish writes it.\ncomplete -c perdure -f\n"
                      "complete -c perdure -s h -l help -d 'all options'\n"
                      "complete -c perdure -n __fish_use_subcommand -l "
                      "version -d 'which perdure this is'\n");
    for (uint32_t i = 0; (command = command_at(i)); i++)
        fish_command(out, command);
}
