#include "scenarios/lambda/functions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/command.h"

#define SECOND UINT64_C(1000000000)

enum {
    ARGUMENTS_MAX = 64,
    ARGUMENT_SIZE = 4095,
    VARIABLES_MAX = 64,
    VARIABLE_NAME = 128,
    LISTED_MAX = 1000
};

static const char *const keys[] = {
    "handler",   "command",         "directory",         "environment",
    "durable",   "timeout",         "execution_timeout", "retention_days",
    "memory_mb", "environments_max"};

enum {
    KEY_COUNT = sizeof(keys) / sizeof(*keys)
};

/* Lists ------------------------------------------------------------------- */

static bool has_no_memory(struct json_view at, struct json_error *err)
{
    json_fail(at, err, "out of memory");
    err->code = JSON_ENOMEM;
    return false;
}

static bool read_command(struct json_view object,
                         struct lambda_program *program, struct json_error *err)
{
    struct json_view list;
    const char **command;
    size_t count = 0;

    if (!json_get_array(object, "command", JSON_OPTIONAL, 1, ARGUMENTS_MAX,
                        &list, err))
        return err->code == 0;
    command = calloc(json_count(list) + 1, sizeof(*command));
    program->command = command;
    if (!command)
        return has_no_memory(list, err);
    for (struct json_view v = json_first(list); v.item; v = json_next(v)) {
        const char *text = NULL;
        if (!json_as_string(v, count == 0, ARGUMENT_SIZE, &text, err))
            return false;
        command[count] = strdup(text);
        if (!command[count++])
            return has_no_memory(v, err);
    }
    return true;
}

static bool is_variable(const char *name)
{
    size_t size = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
                               "abcdefghijklmnopqrstuvwxyz0123456789_");

    return size > 0 && size <= VARIABLE_NAME && name[size] == '\0' &&
           (name[0] < '0' || name[0] > '9');
}

/* What the environment itself is told by these names must be right. */
static bool is_reserved(const char *name)
{
    return strncmp(name, "AWS_LAMBDA_", 11) == 0 ||
           strncmp(name, "PERDURE_", 8) == 0 || strcmp(name, "_HANDLER") == 0 ||
           strcmp(name, "LAMBDA_TASK_ROOT") == 0;
}

static bool read_variable(struct json_view view, const char **out,
                          struct json_error *err)
{
    const char *name = json_key(view);
    const char *value = NULL;
    char *text = NULL;

    if (!is_variable(name))
        return json_fail_key(view, err,
                             "found variable \"%.128s\", allowed letters, "
                             "digits and _, a digit not first, at most %d",
                             name, VARIABLE_NAME);
    if (is_reserved(name))
        return json_fail_key(view, err,
                             "found variable \"%s\", allowed names that the "
                             "runtime does not set itself",
                             name);
    if (!json_as_string(view, 0, ARGUMENT_SIZE, &value, err))
        return false;
    if (asprintf(&text, "%s=%s", name, value) < 0)
        return has_no_memory(view, err);
    *out = text;
    return true;
}

static bool read_environment(struct json_view object,
                             struct lambda_program *program,
                             struct json_error *err)
{
    struct json_view list;
    const char **environment;
    size_t count = 0;

    if (!json_get_object(object, "environment", JSON_OPTIONAL, &list, err))
        return err->code == 0;
    if (json_count(list) > VARIABLES_MAX)
        return json_fail(list, err, "found %zu variables, allowed at most %d",
                         json_count(list), VARIABLES_MAX);
    environment = calloc(json_count(list) + 1, sizeof(*environment));
    program->environment = environment;
    if (!environment)
        return has_no_memory(list, err);
    for (struct json_view v = json_first(list); v.item; v = json_next(v))
        if (!read_variable(v, &environment[count++], err))
            return false;
    return true;
}

/* One function ------------------------------------------------------------ */

static bool read_ways(struct json_view object, struct lambda_program *program,
                      struct json_error *err)
{
    const char *handler = NULL;
    const char *directory = NULL;
    bool has_command = json_member(object, "command").item != NULL;

    json_get_string(object, "handler", JSON_OPTIONAL, 1, ARGUMENT_SIZE,
                    &handler, err);
    json_get_string(object, "directory", JSON_OPTIONAL, 1, ARGUMENT_SIZE,
                    &directory, err);
    program->handler = handler;
    program->directory = directory;
    if (err->code == 0 && !handler == !has_command)
        json_fail(object, err,
                  "found a function with %s, allowed either \"handler\" or "
                  "\"command\"",
                  handler ? "both" : "neither");
    return err->code == 0 && read_command(object, program, err) &&
           read_environment(object, program, err);
}

static uint32_t read_count(struct json_view object, const char *key,
                           int64_t least, int64_t most, int64_t otherwise,
                           struct json_error *err)
{
    int64_t count = otherwise;

    json_get_int(object, key, JSON_OPTIONAL, least, most, &count, err);
    return (uint32_t)count;
}

/* Only a durable function has executions that last. */
static bool check_plain(struct json_view object, struct json_error *err)
{
    static const char *const durable[] = {"execution_timeout",
                                          "retention_days"};

    for (unsigned i = 0; i < 2; i++) {
        struct json_view view = json_member(object, durable[i]);
        if (view.item)
            return json_fail_key(view, err,
                                 "found \"%s\" of a function that is not "
                                 "durable, allowed only with \"durable\": true",
                                 durable[i]);
    }
    return true;
}

/* Command and environment are to be freed by lambda_program_free(); the other
 * texts are the document's. */
static bool read_function(struct json_view object,
                          struct lambda_program *program,
                          struct json_error *err)
{
    struct lambda_function *function = &program->function;

    *program = (struct lambda_program){
        .function = {.durable = true,
                     .timeout_ns = 900 * SECOND,
                     .execution_timeout_ns = 31622400 * SECOND}};
    if (!json_as_object(object, err) ||
        !json_check_keys(object, keys, KEY_COUNT, err) ||
        !read_ways(object, program, err))
        return false;
    json_get_bool(object, "durable", JSON_OPTIONAL, &function->durable, err);
    json_get_duration(object, "timeout", JSON_OPTIONAL, SECOND, 900 * SECOND,
                      &function->timeout_ns, err);
    json_get_duration(object, "execution_timeout", JSON_OPTIONAL, SECOND,
                      31622400 * SECOND, &function->execution_timeout_ns, err);
    function->retention_days =
        read_count(object, "retention_days", 1, 90, 14, err);
    program->memory_mb = read_count(object, "memory_mb", 128, 10240, 0, err);
    program->environments_max =
        read_count(object, "environments_max", 1, LISTED_MAX, 16, err);
    return err->code == 0 && (function->durable || check_plain(object, err));
}

static bool check_name(struct json_view at, const char *name,
                       struct json_error *err)
{
    if (lambda_name_ok(name, LAMBDA_FUNCTION_MAX))
        return true;
    return json_fail_key(at, err,
                         "found function name \"%.80s\", allowed letters, "
                         "digits, - and _, at most %d",
                         name, LAMBDA_FUNCTION_MAX);
}

int lambda_functions_put(struct lambda_programs *set, const char *name,
                         struct json_view declared, const char *directory,
                         struct json_error *err)
{
    struct lambda_program program = {0};
    int code = EXIT_USAGE;

    if (check_name(declared, name, err) &&
        read_function(declared, &program, err)) {
        program.function.name = name;
        code = lambda_programs_put(set, &program, directory);
        if (code != EXIT_HELD) {
            struct json_view handler = json_member(declared, "handler");
            json_fail(handler.item ? handler : declared, err, "%s", set->error);
        }
    }
    lambda_programs_free_lists(&program);
    return code;
}

/* The file ---------------------------------------------------------------- */

static bool read_file(const char *path, struct json_doc **doc,
                      struct json_view *list, struct json_error *err)
{
    static const char *const top[] = {"$schema", "functions"};
    const char *schema;

    if (json_read_file(path, doc, err) != 0)
        return false;
    json_check_keys(json_root(*doc), top, 2, err);
    json_get_string(json_root(*doc), "$schema", JSON_OPTIONAL, 0, 1024, &schema,
                    err);
    if (!json_get_object(json_root(*doc), "functions", JSON_REQUIRED, list,
                         err))
        return false;
    if (json_count(*list) < 1 || json_count(*list) > LAMBDA_PROGRAMS_MAX)
        json_fail(*list, err, "found %zu functions, allowed 1 to %d",
                  json_count(*list), LAMBDA_PROGRAMS_MAX);
    return err->code == 0;
}

bool lambda_functions_check(const char *path, struct json_error *err)
{
    struct json_doc *doc = NULL;
    struct json_view list;
    bool good = read_file(path, &doc, &list, err);

    for (struct json_view v = good ? json_first(list) : (struct json_view){0};
         good && v.item; v = json_next(v)) {
        struct lambda_program program = {0};
        good =
            check_name(v, json_key(v), err) && read_function(v, &program, err);
        lambda_programs_free_lists(&program);
    }
    json_free(doc);
    return good;
}

/* The directory that a file is in. */
static void find_directory(const char *path, char out[PATH_MAX])
{
    const char *slash = strrchr(path, '/');

    if (!slash)
        snprintf(out, PATH_MAX, ".");
    else
        snprintf(out, PATH_MAX, "%.*s", (int)(slash - path) + (slash == path),
                 path);
}

int lambda_functions_add(struct lambda_programs *set, const char *path)
{
    struct json_error err = {0};
    struct json_doc *doc = NULL;
    struct json_view list;
    char directory[PATH_MAX];
    int code = read_file(path, &doc, &list, &err) ? EXIT_HELD : EXIT_USAGE;

    find_directory(path, directory);
    for (struct json_view v = code == EXIT_HELD ? json_first(list)
                                                : (struct json_view){0};
         code == EXIT_HELD && v.item; v = json_next(v))
        code = lambda_functions_put(set, json_key(v), v, directory, &err);
    if (code != EXIT_HELD)
        fprintf(stderr, "perdure lambda: %s\n", err.text);
    json_free(doc);
    return code;
}
