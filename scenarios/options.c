#include "scenarios/options.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/quantity.h"

static const struct option *find(const struct option *options, uint32_t count,
                                 const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

static bool refuse_unknown(const char *command, const char *name,
                           const struct option *options, uint32_t count)
{
    fprintf(stderr, "perdure %s: found \"%.40s\", allowed", command, name);
    for (uint32_t i = 0; i < count; i++)
        fprintf(stderr, "%s %s", i ? "," : "", options[i].name);
    fprintf(stderr, "\n");
    return false;
}

static bool set_number(const char *command, const struct option *option,
                       const char *value)
{
    char *end;
    uint64_t number;

    errno = 0;
    number = strtoull(value, &end, 10);
    if (value[0] >= '0' && value[0] <= '9' && *end == '\0' && errno == 0 &&
        number >= option->min && number <= option->max) {
        *(uint64_t *)option->out = number;
        return true;
    }
    fprintf(stderr,
            "perdure %s: found %s \"%.40s\", allowed a whole number from "
            "%" PRIu64 " to %" PRIu64 "\n",
            command, option->name, value, option->min, option->max);
    return false;
}

static bool set_duration(const char *command, const struct option *option,
                         const char *value)
{
    const char *why;
    uint64_t ns;
    char least[32];
    char most[32];

    if (quantity_read(QUANTITY_DURATION, value, &ns, &why) != 0) {
        fprintf(stderr, "perdure %s: found %s \"%.40s\": %s\n", command,
                option->name, value, why);
        return false;
    }
    if (ns >= option->min && ns <= option->max) {
        *(uint64_t *)option->out = ns;
        return true;
    }
    fprintf(
        stderr, "perdure %s: found %s %.40s, allowed %s to %s\n", command,
        option->name, value,
        quantity_print(QUANTITY_DURATION, option->min, least, sizeof(least)),
        quantity_print(QUANTITY_DURATION, option->max, most, sizeof(most)));
    return false;
}

static bool set_choice(const char *command, const struct option *option,
                       const char *value)
{
    for (uint64_t i = 0; option->choices[i]; i++)
        if (strcmp(option->choices[i], value) == 0) {
            *(uint64_t *)option->out = i;
            return true;
        }
    fprintf(stderr, "perdure %s: found %s \"%.40s\", allowed", command,
            option->name, value);
    for (uint64_t i = 0; option->choices[i]; i++)
        fprintf(stderr, "%s %s", i ? "," : "", option->choices[i]);
    fprintf(stderr, "\n");
    return false;
}

static bool add_text(const char *command, const struct option *option,
                     const char *value)
{
    struct option_texts *texts = option->out;

    if (texts->count < OPTION_TEXTS_MAX) {
        texts->texts[texts->count++] = value;
        return true;
    }
    fprintf(stderr, "perdure %s: found %s more than %d times\n", command,
            option->name, OPTION_TEXTS_MAX);
    return false;
}

static bool set(const char *command, const struct option *option,
                const char *value)
{
    switch (option->kind) {
    case OPTION_FLAG:
        *(bool *)option->out = true;
        return true;
    case OPTION_TEXT:
        *(const char **)option->out = value;
        return true;
    case OPTION_TEXTS:
        return add_text(command, option, value);
    case OPTION_NUMBER:
        return set_number(command, option, value);
    case OPTION_DURATION:
        return set_duration(command, option, value);
    case OPTION_CHOICE:
        return set_choice(command, option, value);
    }
    return false;
}

/* One option and its value; *used says how many arguments that were. */
static bool read_one(const char *command, char **argv, int left,
                     const struct option *options, uint32_t option_count,
                     int *used)
{
    const struct option *option = find(options, option_count, argv[0]);

    if (!option)
        return refuse_unknown(command, argv[0], options, option_count);
    *used = option->kind == OPTION_FLAG ? 1 : 2;
    if (*used > left) {
        fprintf(stderr, "perdure %s: found %s without a value\n", command,
                argv[0]);
        return false;
    }
    return set(command, option, *used == 2 ? argv[1] : NULL);
}

int options_read(int argc, char **argv, const struct option *options,
                 uint32_t option_count, const char **rest, int rest_min,
                 int rest_max, const char *usage)
{
    int count = 0;
    bool plain = false;

    for (int i = 1; i < argc;) {
        int used = 1;
        if (!plain && strcmp(argv[i], "--") == 0) {
            plain = true;
        } else if (!plain && strncmp(argv[i], "--", 2) == 0) {
            if (!read_one(argv[0], argv + i, argc - i, options, option_count,
                          &used))
                return -1;
        } else if (count < rest_max) {
            rest[count++] = argv[i];
        } else {
            fprintf(stderr,
                    "perdure %s: found \"%.80s\" too many, allowed perdure "
                    "%s\n",
                    argv[0], argv[i], usage);
            return -1;
        }
        i += used;
    }
    if (count >= rest_min)
        return count;
    fprintf(stderr, "perdure %s: found %d arguments, allowed perdure %s\n",
            argv[0], count, usage);
    return -1;
}
