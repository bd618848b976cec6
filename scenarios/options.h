/*
 * Arguments of a command: names with what they set, and the rest. Everything
 * that is refused is said on stderr with what was found and what is allowed.
 */
#ifndef SCENARIOS_OPTIONS_H
#define SCENARIOS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

enum option_kind {
    OPTION_FLAG,     /* bool, set when given; takes no value */
    OPTION_TEXT,     /* const char * */
    OPTION_TEXTS,    /* struct option_texts; may be repeated */
    OPTION_NUMBER,   /* uint64_t, from min to max */
    OPTION_DURATION, /* uint64_t ns, from min to max: "60s" */
    OPTION_CHOICE    /* uint64_t: index in choices, which ends with NULL */
};

enum {
    OPTION_TEXTS_MAX = 64
};

struct option_texts {
    const char *texts[OPTION_TEXTS_MAX];
    uint32_t count;
};

struct option {
    const char *name; /* "--lease" */
    enum option_kind kind;
    void *out; /* keeps its value when the option is not given */
    uint64_t min;
    uint64_t max;
    const char *const *choices;
};

/*
 * Reads argv[1..]: options from the table and at most rest_max other
 * arguments, at least rest_min. After "--" nothing is an option. usage is the
 * command's line of help. Returns the number of others, or -1: said why.
 */
int options_read(int argc, char **argv, const struct option *options,
                 uint32_t option_count, const char **rest, int rest_min,
                 int rest_max, const char *usage);

#endif
