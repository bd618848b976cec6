#include "scenarios/lambda/programs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/read_files.h"

static const struct {
    const char *ending;
    enum lambda_language language;
} endings[] = {{".mjs", LAMBDA_JAVASCRIPT},
               {".js", LAMBDA_JAVASCRIPT},
               {".cjs", LAMBDA_JAVASCRIPT},
               {".py", LAMBDA_PYTHON}};

enum {
    ENDING_COUNT = sizeof(endings) / sizeof(*endings)
};

__attribute__((format(printf, 1, 0))) static bool refuse(const char *format,
                                                         const char *what)
{
    fprintf(stderr, "perdure lambda: ");
    fprintf(stderr, format, what);
    fprintf(stderr, "\n");
    return false;
}

/* A program of this name in the PATH. */
static bool find_program(const char *name, char path[PATH_MAX])
{
    const char *at = getenv("PATH");

    while (at && *at) {
        size_t size = strcspn(at, ":");
        int length = snprintf(path, PATH_MAX, "%.*s/%s", (int)size, at, name);
        if (length > 0 && length < PATH_MAX && access(path, X_OK) == 0)
            return true;
        at += size + (at[size] == ':');
    }
    return false;
}

/* The last part of a path, cut off. */
static bool split_path(const char *path, char directory[PATH_MAX],
                       char name[PATH_MAX])
{
    char whole[PATH_MAX];
    const char *slash = strrchr(path, '/');

    snprintf(whole, sizeof(whole), "%.*s", slash ? (int)(slash - path) : 1,
             slash ? path : ".");
    snprintf(name, PATH_MAX, "%s", slash ? slash + 1 : path);
    return realpath(whole[0] ? whole : "/", directory) != NULL;
}

static bool has_ending(const char *name, const char *ending)
{
    size_t size = strlen(name);
    size_t length = strlen(ending);

    return size > length && strcmp(name + size - length, ending) == 0;
}

/* The file of a handler "FILE.EXPORT" of a directory. False: there is none. */
static bool find_file(const char *directory, const char *handler,
                      enum lambda_language *language)
{
    const char *dot = strrchr(handler, '.');
    char whole[2 * PATH_MAX];

    for (unsigned e = 0; dot && e < ENDING_COUNT; e++) {
        snprintf(whole, sizeof(whole), "%s/%.*s%s", directory,
                 (int)(dot - handler), handler, endings[e].ending);
        if (access(whole, R_OK) == 0) {
            *language = endings[e].language;
            return true;
        }
    }
    return false;
}

/* "order.mjs" is its export handler; "order.handler" is as Lambda has it. */
static bool read_handler(struct lambda_program_texts *texts, const char *path,
                         enum lambda_language *language)
{
    char *handler = texts->handler;

    if (!split_path(path, texts->directory, handler))
        return refuse("found no directory of %.300s", path);
    for (unsigned e = 0; e < ENDING_COUNT; e++) {
        if (!has_ending(handler, endings[e].ending))
            continue;
        handler[strlen(handler) - strlen(endings[e].ending)] = '\0';
        strncat(handler, ".handler", PATH_MAX - strlen(handler) - 1);
        break;
    }
    if (find_file(texts->directory, handler, language))
        return true;
    return refuse("found no file of handler \"%.300s\", allowed FILE.mjs, "
                  ".js, .cjs or .py, or FILE.EXPORT without the ending",
                  path);
}

/* What runs functions in that language: EXIT_HELD, or said what is missing. */
static int find_runtime(struct lambda_programs *set,
                        enum lambda_language language)
{
    static const char *const names[] = {"lambda/runtime/bootstrap.cjs",
                                        "lambda/runtime/bootstrap.py"};
    static const char *const programs[] = {"node", "python3"};
    static const char *const packages[] = {"nodejs, or --node FILE", "python3"};
    const char *own = language == LAMBDA_JAVASCRIPT ? set->node : NULL;

    if (set->bootstraps[language])
        return EXIT_HELD;
    set->bootstraps[language] = read_files_shipped(names[language]);
    if (!set->bootstraps[language]) {
        refuse("found no %s among the files that come with perdure",
               names[language]);
        return EXIT_ENVIRONMENT;
    }
    if (own)
        snprintf(set->runtimes[language], PATH_MAX, "%s", own);
    if (own ? access(own, X_OK) == 0
            : find_program(programs[language], set->runtimes[language]))
        return EXIT_HELD;
    fprintf(stderr,
            "perdure lambda: found no %s to run the function with: apt-get "
            "install %s\n",
            own ? own : programs[language], packages[language]);
    return EXIT_ENVIRONMENT;
}

int lambda_programs_add(struct lambda_programs *set, const char *path,
                        const struct lambda_function *function)
{
    struct lambda_program_texts *texts = &set->texts[set->count];
    enum lambda_language language = LAMBDA_JAVASCRIPT;

    if (set->count == LAMBDA_PROGRAMS_MAX) {
        refuse("found more functions than %s", "32");
        return EXIT_USAGE;
    }
    if (!lambda_name_ok(function->name, LAMBDA_FUNCTION_MAX)) {
        refuse("found function name \"%.80s\", allowed letters, digits, - and "
               "_, at most 64",
               function->name);
        return EXIT_USAGE;
    }
    snprintf(texts->name, sizeof(texts->name), "%s", function->name);
    if (!read_handler(texts, path, &language))
        return EXIT_USAGE;
    if (find_runtime(set, language) != EXIT_HELD)
        return EXIT_ENVIRONMENT;
    texts->command[0] = set->runtimes[language];
    texts->command[1] = set->bootstraps[language];
    set->programs[set->count] =
        (struct lambda_program){.function = *function,
                                .command = texts->command,
                                .directory = texts->directory,
                                .handler = texts->handler};
    set->programs[set->count].function.name = texts->name;
    set->count++;
    return EXIT_HELD;
}

void lambda_programs_free(struct lambda_programs *set)
{
    for (unsigned i = 0; i < LAMBDA_LANGUAGE_COUNT; i++)
        free(set->bootstraps[i]);
}

void lambda_programs_name(const char *path, char name[LAMBDA_FUNCTION_MAX + 1])
{
    const char *slash = strrchr(path, '/');
    const char *at = slash ? slash + 1 : path;
    size_t size = 0;

    for (; *at && *at != '.' && size < LAMBDA_FUNCTION_MAX; at++)
        name[size++] = (*at >= 'a' && *at <= 'z') ||
                               (*at >= 'A' && *at <= 'Z') ||
                               (*at >= '0' && *at <= '9') || *at == '-'
                           ? *at
                           : '_';
    name[size] = '\0';
}
