#include "scenarios/lambda/runtimes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "scenarios/command.h"
#include "scenarios/read_files.h"

bool lambda_runtimes_search(const char *name, char path[PATH_MAX])
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

static bool is_ric(const char *text)
{
    char path[PATH_MAX];
    struct stat seen;

    if (strcmp(text, "ric") == 0)
        return true;
    snprintf(path, sizeof(path), "%s/package.json", text);
    return stat(text, &seen) == 0 && S_ISDIR(seen.st_mode) &&
           access(path, R_OK) == 0;
}

bool lambda_runtimes_is_command(const struct lambda_runtimes *runtimes)
{
    return runtimes->text && !is_ric(runtimes->text);
}

/* Words ------------------------------------------------------------------- */

/* False: there is no room. */
static bool add(struct lambda_command *out, const char *word, size_t size)
{
    unsigned count = 0;

    while (out->words[count])
        count++;
    if (count == LAMBDA_COMMAND_MAX || out->used + size + 1 > sizeof(out->room))
        return false;
    memcpy(out->room + out->used, word, size);
    out->words[count] = out->room + out->used;
    out->room[out->used + size] = '\0';
    out->used += size + 1;
    return true;
}

/* The program is started elsewhere: what names a file here is made whole. */
static bool add_word(struct lambda_command *out, const char *text, size_t size)
{
    char word[PATH_MAX];
    char whole[PATH_MAX];

    snprintf(word, sizeof(word), "%.*s", (int)size, text);
    if (strlen(word) == size && realpath(word, whole) &&
        (strchr(word, '/') || strchr(word, '.')))
        return add(out, whole, strlen(whole));
    return add(out, text, size);
}

static int use_command(const char *text, struct lambda_command *out,
                       char *error, size_t size)
{
    char path[PATH_MAX];

    for (const char *at = text; *at;) {
        size_t length = strcspn(at, " ");
        if (length > 0 && !add_word(out, at, length)) {
            snprintf(error, size, "found runtime \"%.80s..\", allowed %d words",
                     text, LAMBDA_COMMAND_MAX);
            return EXIT_USAGE;
        }
        at += length + (at[length] == ' ');
    }
    if (out->words[0] && (strchr(out->words[0], '/')
                              ? access(out->words[0], X_OK) == 0
                              : lambda_runtimes_search(out->words[0], path)))
        return EXIT_HELD;
    snprintf(error, size,
             "found runtime \"%.200s\", allowed ric, the directory of one, or "
             "a program in the PATH or by its path, with its arguments",
             text);
    return EXIT_USAGE;
}

int lambda_runtimes_program(const char *path, struct lambda_command *out,
                            char *error, size_t size)
{
    char whole[PATH_MAX];
    struct stat seen;

    if (realpath(path, whole) && stat(whole, &seen) == 0 &&
        S_ISREG(seen.st_mode) && access(whole, X_OK) == 0 &&
        add(out, whole, strlen(whole)))
        return EXIT_HELD;
    snprintf(error, size, "%.300s is no program that can be started", path);
    return EXIT_USAGE;
}

/* Of languages ------------------------------------------------------------ */

static int find_program(struct lambda_runtimes *runtimes,
                        enum lambda_language language, char *error, size_t size)
{
    static const char *const names[] = {"node", "python3"};
    static const char *const packages[] = {"nodejs, or --node FILE", "python3"};
    const char *own = language == LAMBDA_JAVASCRIPT ? runtimes->node : NULL;

    if (own && !realpath(own, runtimes->programs[language]))
        runtimes->programs[language][0] = '\0';
    if (own ? access(own, X_OK) == 0
            : lambda_runtimes_search(names[language],
                                     runtimes->programs[language]))
        return EXIT_HELD;
    snprintf(error, size,
             "found no %.200s to run the function with: apt-get install %s",
             own ? own : names[language], packages[language]);
    return EXIT_ENVIRONMENT;
}

static int use_bootstrap(struct lambda_runtimes *runtimes,
                         enum lambda_language language,
                         struct lambda_command *out, char *error, size_t size)
{
    static const char *const names[] = {"lambda/runtime/bootstrap.cjs",
                                        "lambda/runtime/bootstrap.py"};
    char **bootstrap = &runtimes->bootstraps[language];

    if (!*bootstrap)
        *bootstrap = read_files_shipped(names[language]);
    if (!*bootstrap) {
        snprintf(error, size,
                 "found no %s among the files that come with perdure",
                 names[language]);
        return EXIT_ENVIRONMENT;
    }
    out->words[out->words[1] ? 2 : 1] = *bootstrap;
    return EXIT_HELD;
}

/* The client's program, of a directory with node_modules, or of the package. */
static bool has_client(const char *directory, char path[PATH_MAX])
{
    static const char *const places[] = {
        "node_modules/aws-lambda-ric/index.mjs",
        "node_modules/aws-lambda-ric/bin/index.mjs", "index.mjs",
        "bin/index.mjs"};

    for (unsigned i = 0; i < sizeof(places) / sizeof(*places); i++) {
        char whole[PATH_MAX + 64];
        snprintf(whole, sizeof(whole), "%s/%s", directory, places[i]);
        if (access(whole, R_OK) == 0 && realpath(whole, path))
            return true;
    }
    return false;
}

/* As node looks for packages: in the handler's directory and above; else where
 * npm has put its command. */
static bool find_client(const char *text, const char *directory,
                        char path[PATH_MAX])
{
    char at[PATH_MAX];

    if (strcmp(text, "ric") != 0)
        return has_client(text, path);
    snprintf(at, sizeof(at), "%s", directory);
    for (;;) {
        char *slash = strrchr(at, '/');
        char inside[PATH_MAX + 32];
        snprintf(inside, sizeof(inside), "%s/node_modules/aws-lambda-ric", at);
        if (access(inside, R_OK) == 0)
            return has_client(inside, path);
        if (!slash)
            break;
        *slash = '\0';
    }
    return lambda_runtimes_search("aws-lambda-ric", at) && realpath(at, path);
}

static int use_client(struct lambda_runtimes *runtimes,
                      enum lambda_language language, const char *directory,
                      const char *handler, struct lambda_command *out,
                      char *error, size_t size)
{
    static const char require[] = "--require";
    char client[PATH_MAX];

    if (language == LAMBDA_PYTHON) {
        out->words[1] = "-m";
        out->words[2] = "awslambdaric";
        return add(out, handler, strlen(handler)) ? EXIT_HELD : EXIT_USAGE;
    }
    if (!runtimes->lead)
        runtimes->lead = read_files_shipped("lambda/runtime/lead.cjs");
    if (runtimes->lead && find_client(runtimes->text, directory, client) &&
        add(out, require, sizeof(require) - 1) &&
        add(out, runtimes->lead, strlen(runtimes->lead)) &&
        add(out, client, strlen(client)) && add(out, handler, strlen(handler)))
        return EXIT_HELD;
    snprintf(error, size,
             "found no aws-lambda-ric for --runtime %.200s: npm install "
             "aws-lambda-ric beside the handler, or give its directory",
             runtimes->text);
    return EXIT_ENVIRONMENT;
}

/* As Lambda's own runtime of node does. */
static void tell_memory(uint32_t memory_mb, struct lambda_command *out)
{
    char word[48];

    snprintf(word, sizeof(word), "--max-old-space-size=%u",
             (unsigned)(memory_mb / 10 * 9));
    (void)add(out, word, strlen(word));
}

int lambda_runtimes_find(struct lambda_runtimes *runtimes,
                         enum lambda_language language, const char *directory,
                         const char *handler, uint32_t memory_mb,
                         struct lambda_command *out, char *error, size_t size)
{
    int code;

    if (lambda_runtimes_is_command(runtimes))
        return use_command(runtimes->text, out, error, size);
    code = find_program(runtimes, language, error, size);
    if (code != EXIT_HELD)
        return code;
    out->words[0] = runtimes->programs[language];
    if (language == LAMBDA_JAVASCRIPT && memory_mb > 0)
        tell_memory(memory_mb, out);
    return runtimes->text ? use_client(runtimes, language, directory, handler,
                                       out, error, size)
                          : use_bootstrap(runtimes, language, out, error, size);
}

void lambda_runtimes_free(struct lambda_runtimes *runtimes)
{
    for (unsigned i = 0; i < LAMBDA_LANGUAGE_COUNT; i++)
        free(runtimes->bootstraps[i]);
    free(runtimes->lead);
}
