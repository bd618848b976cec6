/*
 * The commands of the program and their options, as tables. One table drives
 * reading, help, the manual and the completion of shells, so that none of
 * them can lack what another has.
 *
 *     struct arguments {
 *         const char *out;
 *         bool json;
 *     };
 *
 *     static const struct option options[] = {
 *         OPT_OUT(out, "DIR", "Where the report goes."),
 *         OPT_FLAG("--json", json, "The report on stdout."),
 *         {.name = NULL}};
 *
 * What is refused is said on stderr: what was found, what is allowed, and what
 * was perhaps meant.
 */
#ifndef SCENARIOS_OPTIONS_H
#define SCENARIOS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,     /* bool, set when given; takes no value */
    OPTION_TEXT,     /* const char * */
    OPTION_TEXTS,    /* struct option_texts; may be repeated */
    OPTION_NUMBER,   /* uint64_t, from min to max */
    OPTION_DURATION, /* uint64_t ns, from min to max: "60s" */
    OPTION_CHOICE,   /* uint64_t: index in choices */
    OPTION_MODE, /* uint64_t: 0, or 1 + index in choices; --x is --x=first */
    OPTION_SEED  /* struct option_seed: decimal, or hexadecimal after 0x */
};

enum {
    OPTION_TEXTS_MAX = 64
};

struct option_texts {
    const char *texts[OPTION_TEXTS_MAX];
    uint32_t count;
};

struct option_seed {
    uint64_t value;
    bool given;
};

/*
 * Of an option that is given twice the last counts, unless it collects. What
 * is not given keeps what the arguments held before.
 */
struct option {
    const char *name; /* "--lease"; NULL ends a table */
    char letter;      /* 'o' for -o; 0: none */
    enum option_kind kind;
    size_t at;         /* in the command's struct arguments */
    const char *value; /* what help calls its value: FILE and DIR are such */
    const char *help;  /* sentences */
    uint64_t min;
    uint64_t max;
    const char *const *choices; /* ends with NULL */
    /* Of texts: only what this gives for 0, 1, .. until NULL; may be NULL. */
    const char *(*names)(uint32_t index);
};

enum command_group {
    COMMAND_SIMULATE,
    COMMAND_COMPARE,
    COMMAND_LOOK_UP,
    COMMAND_DATABASE,
    COMMAND_SAY,
    COMMAND_OTHER,
    COMMAND_GROUP_COUNT
};

enum {
    COMMAND_REST_MANY = 1 << 20
};

struct command {
    const char *name;
    enum command_group group;
    const char *synopsis; /* what may follow the name; a line each */
    const char *summary;  /* one line that ends without a stop */
    const char *about;    /* sentences; "\n\n" between paragraphs */
    const struct option *options;
    int rest_min; /* how many arguments that are not options */
    int rest_max;
    /* The first of them, for completion and help; may be NULL. */
    const char *(*words)(uint32_t index);
    /* argv[0] is the name. Returns the exit code of the process. */
    int (*run)(int argc, char **argv);
};

/* Where a member is, held to the type that the kind of option writes. */
#define OPTION_AT(type, member)                                                \
    _Generic(((struct arguments *)0)->member, type                             \
             : offsetof(struct arguments, member))

#define OPT_FLAG(option, member, text)                                         \
    {                                                                          \
        .name = option, .kind = OPTION_FLAG, .at = OPTION_AT(bool, member),    \
        .help = text                                                           \
    }
#define OPT_QUIET(member, text)                                                \
    {                                                                          \
        .name = "--quiet", .letter = 'q', .kind = OPTION_FLAG,                 \
        .at = OPTION_AT(bool, member), .help = text                            \
    }
#define OPT_TEXT(option, member, word, text)                                   \
    {                                                                          \
        .name = option, .kind = OPTION_TEXT,                                   \
        .at = OPTION_AT(const char *, member), .value = word, .help = text     \
    }
#define OPT_OUT(member, word, text)                                            \
    {                                                                          \
        .name = "--out", .letter = 'o', .kind = OPTION_TEXT,                   \
        .at = OPTION_AT(const char *, member), .value = word, .help = text     \
    }
/* A text that must be one of the names that a function gives. */
#define OPT_NAME(option, member, word, function, text)                         \
    {                                                                          \
        .name = option, .kind = OPTION_TEXT,                                   \
        .at = OPTION_AT(const char *, member), .value = word, .help = text,    \
        .names = function                                                      \
    }
#define OPT_TEXTS(option, member, word, text)                                  \
    {                                                                          \
        .name = option, .kind = OPTION_TEXTS,                                  \
        .at = OPTION_AT(struct option_texts, member), .value = word,           \
        .help = text                                                           \
    }
#define OPT_NAMES(option, member, word, function, text)                        \
    {                                                                          \
        .name = option, .kind = OPTION_TEXTS,                                  \
        .at = OPTION_AT(struct option_texts, member), .value = word,           \
        .help = text, .names = function                                        \
    }
#define OPT_NUMBER(option, member, least, most, text)                          \
    {                                                                          \
        .name = option, .kind = OPTION_NUMBER,                                 \
        .at = OPTION_AT(uint64_t, member), .value = "N", .help = text,         \
        .min = least, .max = most                                              \
    }
#define OPT_DURATION(option, member, least, most, text)                        \
    {                                                                          \
        .name = option, .kind = OPTION_DURATION,                               \
        .at = OPTION_AT(uint64_t, member), .value = "TIME", .help = text,      \
        .min = least, .max = most                                              \
    }
#define OPT_CHOICE(option, member, list, text)                                 \
    {                                                                          \
        .name = option, .kind = OPTION_CHOICE,                                 \
        .at = OPTION_AT(uint64_t, member), .help = text, .choices = list       \
    }
#define OPT_MODE(option, member, list, text)                                   \
    {                                                                          \
        .name = option, .kind = OPTION_MODE,                                   \
        .at = OPTION_AT(uint64_t, member), .help = text, .choices = list       \
    }
#define OPT_SEED(option, member, text)                                         \
    {                                                                          \
        .name = option, .kind = OPTION_SEED,                                   \
        .at = OPTION_AT(struct option_seed, member), .value = "N",             \
        .help = text                                                           \
    }

/* Of commands on a database. */
#define OPT_KEY_FILE(member)                                                   \
    OPT_TEXT("--key-file", member, "FILE",                                     \
             "The key, if the database is encrypted.")
#define OPT_ROWS_JSON(member)                                                  \
    OPT_FLAG("--json", member, "One JSON object a line.")

/*
 * Reads argv[1..] into the command's arguments, and what is no option into
 * rest, which holds rest_max (or argc, if that is less). Options may stand
 * anywhere, as "--out DIR", "--out=DIR" or "-o DIR"; after "--" nothing is one.
 * Returns how many rest holds, or -1: refused, and said so.
 */
int options_read(int argc, char **argv, const struct command *command,
                 void *arguments, const char **rest);

/* Whether --help or -h stands where an option does. */
bool options_ask_help(int argc, char **argv, const struct command *command);

/*
 * Says that `found`, which is a `what` ("profile"; "" for none), is none of
 * what names(0), names(1), .. give, and which of them is nearest. Returns
 * false, for the caller to return.
 */
bool options_refuse_name(const char *command, const char *what,
                         const char *found,
                         const char *(*names)(uint32_t index));

/* The nearest of the names, or NULL: none is near. */
const char *options_nearest(const char *found,
                            const char *(*names)(uint32_t index));

/* Whether `found` is a name, or refuses it as above. */
bool options_check_name(const char *command, const char *what,
                        const char *found,
                        const char *(*names)(uint32_t index));

#endif
