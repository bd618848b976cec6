#include "scenarios/options.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/quantity.h"
#include "engine/host/sentence.h"

enum {
    NAMES_MAX = 256,
    NAMES_SHOWN = 60, /* and how many more there are */
    LINE_SIZE = 4096,
    FORMS_SIZE = 800 /* a sentence holds it beside the rest */
};

/* Refusing ---------------------------------------------------------------- */

/* Nearest of a list that ends with NULL, or NULL. */
static const char *nearest(const char *found, const char *const *names)
{
    size_t count = 0;
    while (names[count])
        count++;
    return sentence_nearest(found, names, count);
}

/* Ends a refusal: the allowed names and the nearest. */
static bool allow(struct sentence *line, const char *found,
                  const char *const *names)
{
    const char *meant = nearest(found, names);

    sentence_add(line, ", allowed");
    for (size_t i = 0; names[i]; i++) {
        size_t left = 0;
        while (i >= NAMES_SHOWN && names[i + left])
            left++;
        sentence_add(line, "%s %s", i ? "," : "", names[i]);
        if (left > 1) {
            sentence_add(line, " and %zu more", left - 1);
            break;
        }
    }
    if (meant)
        sentence_add(line, "; did you mean %s?", meant);
    fprintf(stderr, "%s\n", line->text);
    return false;
}

static void list_names(const char *(*names)(uint32_t index), const char **list)
{
    uint32_t count = 0;

    while (count < NAMES_MAX && (list[count] = names(count)))
        count++;
    list[count] = NULL;
}

const char *options_nearest(const char *found, const char *(*names)(uint32_t))
{
    const char *list[NAMES_MAX + 1];

    list_names(names, list);
    return nearest(found, list);
}

bool options_refuse_name(const char *command, const char *what,
                         const char *found, const char *(*names)(uint32_t))
{
    const char *list[NAMES_MAX + 1];
    char text[LINE_SIZE];
    struct sentence line;

    list_names(names, list);
    sentence_init(&line, text, sizeof(text));
    sentence_add(&line, "perdure%s%s: found %s%s", *command ? " " : "", command,
                 what, *what ? " " : "");
    sentence_quote(&line, found, strlen(found));
    return allow(&line, found, list);
}

bool options_check_name(const char *command, const char *what,
                        const char *found, const char *(*names)(uint32_t))
{
    const char *name;

    for (uint32_t i = 0; (name = names(i)); i++)
        if (strcmp(name, found) == 0)
            return true;
    return options_refuse_name(command, what, found, names);
}

static bool refuse_unknown(const struct command *command, const char *name)
{
    const char *list[NAMES_MAX + 1];
    char text[LINE_SIZE];
    struct sentence line;
    size_t count = 0;

    for (const struct option *option = command->options;
         option->name && count + 1 < NAMES_MAX; option++)
        list[count++] = option->name;
    list[count++] = "--help";
    list[count] = NULL;
    sentence_init(&line, text, sizeof(text));
    sentence_add(&line, "perdure %s: found ", command->name);
    sentence_quote(&line, name, strlen(name));
    return allow(&line, name, list);
}

/* Says a sentence about what was found; what was typed is made harmless. */
__attribute__((format(printf, 2, 3))) static bool
refuse(const char *command, const char *format, ...)
{
    char text[LINE_SIZE];
    struct sentence line;
    va_list args;

    sentence_init(&line, text, sizeof(text));
    sentence_add(&line, "perdure %s: found ", command);
    va_start(args, format);
    sentence_vadd(&line, format, args);
    va_end(args);
    fprintf(stderr, "%s\n", line.text);
    return false;
}

/* The forms of a command, with "or" between them. */
static const char *forms(const struct command *command, char *text, size_t size)
{
    const char *at = command->synopsis;
    size_t used = 0;

    text[0] = '\0';
    for (;;) {
        size_t length = strcspn(at, "\n");
        if (used < size)
            used += (size_t)snprintf(text + used, size - used,
                                     "perdure %s%s%.*s", command->name,
                                     length ? " " : "", (int)length, at);
        if (!at[length])
            return text;
        if (used < size)
            used += (size_t)snprintf(text + used, size - used, " or ");
        at += length + 1;
    }
}

/* Values ------------------------------------------------------------------ */

static bool number_of(const char *text, int base, uint64_t *number)
{
    size_t digits =
        strspn(text, base == 16 ? "0123456789abcdefABCDEF" : "0123456789");

    errno = 0;
    *number = strtoull(text, NULL, base);
    return digits > 0 && text[digits] == '\0' && errno == 0;
}

static bool set_number(const char *command, const struct option *option,
                       const char *value, uint64_t *to)
{
    uint64_t number;

    if (number_of(value, 10, &number) && number >= option->min &&
        number <= option->max) {
        *to = number;
        return true;
    }
    return refuse(command,
                  "%s \"%.40s\", allowed a whole number from %" PRIu64
                  " to %" PRIu64,
                  option->name, value, option->min, option->max);
}

static bool set_seed(const char *command, const struct option *option,
                     const char *value, struct option_seed *seed)
{
    bool hexadecimal = value[0] == '0' && (value[1] | 32) == 'x';

    seed->given = number_of(hexadecimal ? value + 2 : value,
                            hexadecimal ? 16 : 10, &seed->value);
    if (seed->given)
        return true;
    return refuse(command,
                  "%s \"%.40s\", allowed a whole number from 0 to "
                  "18446744073709551615, or 0x and up to 16 hexadecimal digits",
                  option->name, value);
}

static bool set_duration(const char *command, const struct option *option,
                         const char *value, uint64_t *to)
{
    const char *why;
    uint64_t ns;
    char least[32];
    char most[32];

    if (quantity_read(QUANTITY_DURATION, value, &ns, &why) != 0)
        return refuse(command, "%s \"%.40s\": %s", option->name, value, why);
    if (ns >= option->min && ns <= option->max) {
        *to = ns;
        return true;
    }
    return refuse(
        command, "%s %.40s, allowed %s to %s", option->name, value,
        quantity_print(QUANTITY_DURATION, option->min, least, sizeof(least)),
        quantity_print(QUANTITY_DURATION, option->max, most, sizeof(most)));
}

/* first: what choices[0] sets. */
static bool set_choice(const char *command, const struct option *option,
                       const char *value, uint64_t first, uint64_t *to)
{
    char text[LINE_SIZE];
    struct sentence line;

    for (uint64_t i = 0; option->choices[i]; i++)
        if (!value || strcmp(option->choices[i], value) == 0) {
            *to = first + i;
            return true;
        }
    sentence_init(&line, text, sizeof(text));
    sentence_add(&line, "perdure %s: found %s ", command, option->name);
    sentence_quote(&line, value, strlen(value));
    return allow(&line, value, option->choices);
}

static bool add_text(const char *command, const struct option *option,
                     const char *value, struct option_texts *texts)
{
    if (texts->count < OPTION_TEXTS_MAX) {
        texts->texts[texts->count++] = value;
        return true;
    }
    return refuse(command, "%s more than %d times", option->name,
                  OPTION_TEXTS_MAX);
}

static bool set(const char *command, const struct option *option,
                const char *value, void *arguments)
{
    void *to = (char *)arguments + option->at;

    if (option->names && value &&
        !options_check_name(command, option->name, value, option->names))
        return false;
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)to = true;
        return true;
    case OPTION_TEXT:
        *(const char **)to = value;
        return true;
    case OPTION_TEXTS:
        return add_text(command, option, value, to);
    case OPTION_NUMBER:
        return set_number(command, option, value, to);
    case OPTION_DURATION:
        return set_duration(command, option, value, to);
    case OPTION_CHOICE:
        return set_choice(command, option, value, 0, to);
    case OPTION_MODE:
        return set_choice(command, option, value, 1, to);
    case OPTION_SEED:
        return set_seed(command, option, value, to);
    }
    return false;
}

/* Reading ----------------------------------------------------------------- */

static const struct option *find(const struct command *command,
                                 const char *name, size_t length)
{
    for (const struct option *o = command->options; o->name; o++)
        if ((strlen(o->name) == length && memcmp(o->name, name, length) == 0) ||
            (o->letter && length == 2 && name[0] == '-' &&
             name[1] == o->letter))
            return o;
    return NULL;
}

static bool looks_like_option(const char *text)
{
    return text[0] == '-' && text[1] != '\0';
}

/* The option that an argument is, and its value if that is joined to it. */
static const struct option *match(const struct command *command,
                                  const char *text, const char **joined)
{
    bool is_long = strncmp(text, "--", 2) == 0;
    size_t length = is_long ? strcspn(text, "=") : 2;
    const struct option *option = find(command, text, length);

    *joined = NULL;
    if (is_long && text[length] == '=')
        *joined = text + length + 1;
    else if (!is_long && text[length] != '\0')
        *joined = text + length;
    return option;
}

static bool takes_next(const struct option *option, const char *joined)
{
    return !joined && option->kind != OPTION_FLAG &&
           option->kind != OPTION_MODE;
}

/* One option and its value; *used says how many arguments that were. */
static bool read_one(const struct command *command, char **argv, int left,
                     void *arguments, int *used)
{
    const char *value;
    const struct option *option = match(command, argv[0], &value);
    const char *ignored;

    if (!option)
        return refuse_unknown(command, argv[0]);
    if (value && option->kind == OPTION_FLAG)
        return refuse(command->name, "\"%.40s\", allowed %s alone", argv[0],
                      option->name);
    *used = takes_next(option, value) ? 2 : 1;
    if (*used == 2 && (left < 2 || (looks_like_option(argv[1]) &&
                                    match(command, argv[1], &ignored))))
        return refuse(command->name, "%s without a value, allowed %s %s",
                      argv[0], option->name,
                      option->value ? option->value : option->choices[0]);
    return set(command->name, option, *used == 2 ? argv[1] : value, arguments);
}

static bool add_rest(const struct command *command, const char *text,
                     const char **rest, int *count)
{
    char all[FORMS_SIZE];

    if (*count < command->rest_max) {
        rest[(*count)++] = text;
        return true;
    }
    return refuse(command->name, "\"%.80s\" too many, allowed %s", text,
                  forms(command, all, sizeof(all)));
}

int options_read(int argc, char **argv, const struct command *command,
                 void *arguments, const char **rest)
{
    char all[FORMS_SIZE];
    int count = 0;
    bool plain = false;

    for (int i = 1; i < argc;) {
        int used = 1;
        if (!plain && strcmp(argv[i], "--") == 0) {
            plain = true;
        } else if (!plain && looks_like_option(argv[i])) {
            if (!read_one(command, argv + i, argc - i, arguments, &used))
                return -1;
        } else if (!add_rest(command, argv[i], rest, &count)) {
            return -1;
        }
        i += used;
    }
    if (count >= command->rest_min)
        return count;
    (void)refuse(command->name, "%d argument%s, allowed %s", count,
                 count == 1 ? "" : "s", forms(command, all, sizeof(all)));
    return -1;
}

bool options_ask_help(int argc, char **argv, const struct command *command)
{
    for (int i = 1; i < argc; i++) {
        const char *joined;
        if (strcmp(argv[i], "--") == 0)
            return false;
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return true;
        if (!looks_like_option(argv[i]))
            continue;
        const struct option *option = match(command, argv[i], &joined);
        i += option && takes_next(option, joined);
    }
    return false;
}
