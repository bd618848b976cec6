/*
 * What runs a handler: the bootstrap of its language, AWS's own runtime
 * interface client, or any command that speaks the Runtime API.
 */
#ifndef SCENARIOS_LAMBDA_RUNTIMES_H
#define SCENARIOS_LAMBDA_RUNTIMES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LAMBDA_COMMAND_MAX = 32 /* words */
};

/* A handler's language, by the ending of its file. */
enum lambda_language {
    LAMBDA_JAVASCRIPT,
    LAMBDA_PYTHON,
    LAMBDA_LANGUAGE_COUNT
};

/* What was found for all functions of a command, and where. */
struct lambda_runtimes {
    const char *text; /* "ric", a path to one, or a command; NULL: bootstraps */
    const char *node; /* the caller's; NULL: the one in the PATH */
    char *bootstraps[LAMBDA_LANGUAGE_COUNT]; /* NULL: not needed yet */
    char *lead; /* what leads a node's requests to us; NULL: not needed yet */
    char programs[LAMBDA_LANGUAGE_COUNT][PATH_MAX];
};

/* A command, its words in its own room. */
struct lambda_command {
    const char *words[LAMBDA_COMMAND_MAX + 1];
    char room[4 * PATH_MAX];
    size_t used;
};

/* Whether the text names a command, which asks for no file of the handler. */
bool lambda_runtimes_is_command(const struct lambda_runtimes *runtimes);
/*
 * How a handler ("FILE.EXPORT") of a directory is run; node is told how much
 * memory there is, 0: any. An exit code of command.h; else error says what is
 * missing.
 */
int lambda_runtimes_find(struct lambda_runtimes *runtimes,
                         enum lambda_language language, const char *directory,
                         const char *handler, uint32_t memory_mb,
                         struct lambda_command *out, char *error, size_t size);
/* Of a handler that is a program itself. */
int lambda_runtimes_program(const char *path, struct lambda_command *out,
                            char *error, size_t size);
void lambda_runtimes_free(struct lambda_runtimes *runtimes);

/* A program of this name in the PATH. */
bool lambda_runtimes_search(const char *name, char path[PATH_MAX]);

#endif
