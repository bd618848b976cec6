#include "scenarios/lambda/programs.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/command.h"

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

__attribute__((format(printf, 2, 3))) static bool
refuse(struct lambda_programs *set, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(set->error, sizeof(set->error), format, arguments);
    va_end(arguments);
    return false;
}

/* A path seen from a directory. */
static void join(const char *directory, const char *path, char out[PATH_MAX])
{
    char whole[2 * PATH_MAX];

    snprintf(whole, sizeof(whole), "%s%s%s", path[0] == '/' ? "" : directory,
             path[0] == '/' ? "" : "/", path);
    snprintf(out, PATH_MAX, "%.*s", PATH_MAX - 1, whole);
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

/* The file of a handler "FILE.EXPORT" of a directory. ending: that it has;
 * NULL: any. False: there is none. */
static bool find_file(const char *directory, const char *handler,
                      const char *ending, enum lambda_language *language)
{
    const char *dot = strrchr(handler, '.');
    char whole[2 * PATH_MAX];

    for (unsigned e = 0; dot && e < ENDING_COUNT; e++) {
        snprintf(whole, sizeof(whole), "%s/%.*s%s", directory,
                 (int)(dot - handler), handler, endings[e].ending);
        if ((!ending || ending == endings[e].ending) &&
            access(whole, R_OK) == 0) {
            *language = endings[e].language;
            return true;
        }
    }
    return false;
}

/* "order.mjs" is its export handler; "order.handler" is as Lambda has it.
 * Returns the ending, NULL: it had none. */
static const char *name_export(char handler[PATH_MAX])
{
    for (unsigned e = 0; e < ENDING_COUNT; e++) {
        if (!has_ending(handler, endings[e].ending))
            continue;
        handler[strlen(handler) - strlen(endings[e].ending)] = '\0';
        strncat(handler, ".handler", PATH_MAX - strlen(handler) - 1);
        return endings[e].ending;
    }
    return NULL;
}

/* rooted: the handler is seen from the directory, which is the function's;
 * else it brings its own. */
static bool read_handler(struct lambda_programs *set,
                         struct lambda_program_texts *texts,
                         const char *directory, const char *path, bool rooted)
{
    char whole[PATH_MAX];

    join(directory, path, whole);
    if (rooted)
        snprintf(texts->handler, sizeof(texts->handler), "%s", path);
    else if (!split_path(whole, texts->directory, texts->handler))
        return refuse(set, "found no directory of %.300s", path);
    return true;
}

/* Whether the handler is a program by itself. */
static bool is_program(const struct lambda_programs *set,
                       const struct lambda_program_texts *texts,
                       char whole[PATH_MAX])
{
    struct stat seen;

    for (unsigned e = 0; e < ENDING_COUNT; e++)
        if (has_ending(texts->handler, endings[e].ending))
            return false;
    join(texts->directory, texts->handler, whole);
    return !set->runtimes.text && stat(whole, &seen) == 0 &&
           S_ISREG(seen.st_mode) && access(whole, X_OK) == 0;
}

static int find_runtime(struct lambda_programs *set,
                        struct lambda_program_texts *texts, uint32_t memory_mb)
{
    enum lambda_language language = LAMBDA_JAVASCRIPT;
    char whole[PATH_MAX];

    if (is_program(set, texts, whole))
        return lambda_runtimes_program(whole, &texts->command, set->error,
                                       sizeof(set->error));
    if (!lambda_runtimes_is_command(&set->runtimes)) {
        const char *ending = name_export(texts->handler);
        if (!find_file(texts->directory, texts->handler, ending, &language)) {
            refuse(set,
                   "found no file of handler \"%.300s\", allowed FILE.mjs, "
                   ".js, .cjs or .py, FILE.EXPORT without the ending, or a "
                   "program",
                   texts->handler);
            return EXIT_USAGE;
        }
    }
    return lambda_runtimes_find(&set->runtimes, language, texts->directory,
                                texts->handler, memory_mb, &texts->command,
                                set->error, sizeof(set->error));
}

/* How a handler is run. */
static int add_handler(struct lambda_programs *set,
                       struct lambda_program_texts *texts,
                       const struct lambda_program *program,
                       const char *directory)
{
    if (!read_handler(set, texts, directory, program->handler,
                      program->directory != NULL))
        return EXIT_USAGE;
    memset(&texts->command, 0, sizeof(texts->command));
    return find_runtime(set, texts, program->memory_mb);
}

/* Whether a command can be started from its directory. */
static int check_command(struct lambda_programs *set,
                         const struct lambda_program_texts *texts,
                         const char *name)
{
    char whole[PATH_MAX];

    join(texts->directory, name, whole);
    if (strchr(name, '/') ? access(whole, X_OK) == 0
                          : lambda_runtimes_search(name, whole))
        return EXIT_HELD;
    refuse(set,
           "found no program \"%.300s\", allowed one in the PATH or a path "
           "seen from %.200s",
           name, texts->directory);
    return EXIT_USAGE;
}

int lambda_programs_put(struct lambda_programs *set,
                        struct lambda_program *program, const char *directory)
{
    struct lambda_program_texts *texts = &set->texts[set->count];
    char root[PATH_MAX];
    int code;

    if (set->count == LAMBDA_PROGRAMS_MAX) {
        refuse(set, "found more functions than %d", LAMBDA_PROGRAMS_MAX);
        return EXIT_USAGE;
    }
    for (uint32_t i = 0; i < set->count; i++)
        if (strcmp(set->texts[i].name, program->function.name) == 0) {
            refuse(set, "found a second function \"%s\"", set->texts[i].name);
            return EXIT_USAGE;
        }
    snprintf(texts->name, sizeof(texts->name), "%s", program->function.name);
    join(directory, program->directory ? program->directory : ".", root);
    if (!realpath(root, texts->directory)) {
        refuse(set, "found no directory \"%.300s\"", root);
        return EXIT_USAGE;
    }
    code = program->handler ? add_handler(set, texts, program, root)
                            : check_command(set, texts, program->command[0]);
    if (code != EXIT_HELD)
        return code;
    texts->lists = *program;
    program->command = NULL;
    program->environment = NULL;
    set->programs[set->count] = texts->lists;
    program = &set->programs[set->count++];
    program->function.name = texts->name;
    program->directory = texts->directory;
    if (program->handler) {
        program->handler = texts->handler;
        program->command = texts->command.words;
    }
    return EXIT_HELD;
}

int lambda_programs_add(struct lambda_programs *set, const char *path,
                        const struct lambda_function *function,
                        uint32_t memory_mb)
{
    struct lambda_program program = {
        .function = *function, .handler = path, .memory_mb = memory_mb};
    int code = EXIT_USAGE;

    if (lambda_name_ok(function->name, LAMBDA_FUNCTION_MAX))
        code = lambda_programs_put(set, &program, ".");
    else
        refuse(set,
               "found function name \"%.80s\", allowed letters, digits, - and "
               "_, at most %d",
               function->name, LAMBDA_FUNCTION_MAX);
    if (code != EXIT_HELD)
        fprintf(stderr, "perdure lambda: %s\n", set->error);
    return code;
}

static void free_list(const char *const *list)
{
    for (unsigned i = 0; list && list[i]; i++)
        free((char *)list[i]);
    free((void *)list);
}

void lambda_programs_free_lists(struct lambda_program *program)
{
    free_list(program->command);
    free_list(program->environment);
}

void lambda_programs_free(struct lambda_programs *set)
{
    for (uint32_t i = 0; i < set->count; i++)
        lambda_programs_free_lists(&set->texts[i].lists);
    lambda_runtimes_free(&set->runtimes);
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
