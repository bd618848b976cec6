#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/host/worker_process.h"
#include "scenarios/command.h"
#include "scenarios/options.h"
#include "scenarios/redaction.h"
#include "scenarios/steps.h"

#define SECOND UINT64_C(1000000000)

enum {
    OUTPUT_MAX = 64 * 1024 * 1024,
    FILES_MAX = 64
};

static const char *const levels[] = {"error", "warn", "info", "debug", NULL};

static void say(void *self, enum host_level level, const char *text)
{
    (void)level;
    fprintf(stderr, "perdure %s: %s\n", (const char *)self, text);
}

/* host:process, unless the caller has named it. */
static void usual_id(char *id, size_t size)
{
    char host[64] = "here";

    (void)gethostname(host, sizeof(host) - 1);
    snprintf(id, size, "%s:%ld", host, (long)getpid());
}

/* Files of workflows: those that were named, and those in directories. */
struct files {
    const char *names[FILES_MAX];
    char *owned[FILES_MAX]; /* the names that were made here */
    uint32_t count;
    uint32_t owned_count;
};

static bool add_file(struct files *files, const char *name)
{
    if (files->count < FILES_MAX) {
        files->names[files->count++] = name;
        return true;
    }
    fprintf(stderr,
            "perdure worker: found more than %d workflows, allowed %d\n",
            FILES_MAX, FILES_MAX);
    return false;
}

static int is_workflow(const struct dirent *entry)
{
    size_t size = strlen(entry->d_name);

    return entry->d_name[0] != '.' && size > 5 &&
           strcmp(entry->d_name + size - 5, ".json") == 0;
}

static int by_name(const struct dirent **left, const struct dirent **right)
{
    return strcmp((*left)->d_name, (*right)->d_name);
}

static bool add_entry(struct files *files, const char *directory,
                      const char *name)
{
    char *path = NULL;

    if (files->owned_count == FILES_MAX)
        return add_file(files, name); /* says why not */
    if (asprintf(&path, "%s/%s", directory, name) < 0)
        return false;
    files->owned[files->owned_count++] = path;
    return add_file(files, path);
}

/* A file, or every .json in a directory, in the order of their names. */
static bool add_files(struct files *files, const char *name)
{
    struct dirent **entries = NULL;
    struct stat is;
    bool good = true;

    if (stat(name, &is) != 0 || !S_ISDIR(is.st_mode))
        return add_file(files, name);
    int count = scandir(name, &entries, is_workflow, by_name);
    if (count <= 0)
        fprintf(stderr,
                "perdure worker: found %s in \"%.200s\", allowed at "
                "least one .json\n",
                count < 0 ? strerror(errno) : "no workflow", name);
    for (int i = 0; i < count; i++) {
        good = good && add_entry(files, name, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    return good && count > 0;
}

static bool gather(struct files *files, const struct option_texts *named,
                   const char **rest, int count)
{
    bool good = true;

    for (uint32_t i = 0; i < named->count; i++)
        good = good && add_files(files, named->texts[i]);
    for (int i = 1; i < count; i++)
        good = good && add_files(files, rest[i]);
    return good;
}

static int run(struct host_worker_config *config, const struct files *files,
               const struct option_texts *redact)
{
    const struct steps_config of = {.paths = files->names,
                                    .count = files->count,
                                    .output_max = OUTPUT_MAX,
                                    .redact = redact,
                                    .say = say,
                                    .self = config->self};
    struct json_error wrong = {0};
    char error[HOST_ERROR_SIZE];
    struct steps *steps = steps_read(&of, &wrong);

    if (!steps) {
        fprintf(stderr, "%s\n", wrong.text);
        return EXIT_USAGE;
    }
    config->workflows = steps_workflows(steps, &config->workflow_count);
    config->executor = steps_executor(steps);
    int result = host_worker_run(config, error);
    steps_free(steps);
    if (result == 0)
        return EXIT_HELD;
    fprintf(stderr, "perdure worker: %s\n", error);
    return EXIT_ENVIRONMENT;
}

int command_worker(int argc, char **argv)
{
    struct option_texts named = {0};
    struct option_texts redact = {0};
    struct files files = {.count = 0};
    const char *rest[1 + FILES_MAX];
    char id[HOST_ERROR_SIZE];
    const char *given = NULL;
    uint64_t slots = 64, level = HOST_SAY_INFO;
    struct host_worker_config config = {
        .drain_ns = 30 * SECOND, .say = say, .self = argv[0]};
    const struct option options[] = {
        {"--id", OPTION_TEXT, &given, 0, 0, NULL},
        {"--workflow", OPTION_TEXTS, &named, 0, 0, NULL},
        {"--redact", OPTION_TEXTS, &redact, 0, 0, NULL},
        {"--slots", OPTION_NUMBER, &slots, 1, 65536, NULL},
        {"--drain", OPTION_DURATION, &config.drain_ns, 0, 86400 * SECOND, NULL},
        {"--optimistic", OPTION_FLAG, &config.optimistic, 0, 0, NULL},
        {"--checkpoint-window", OPTION_DURATION, &config.checkpoint_window_ns,
         0, SECOND, NULL},
        {"--log", OPTION_CHOICE, &level, 0, 0, levels},
    };
    static const char usage[] = "worker DB --workflow FILE|DIR... [--id NAME] "
                                "[--slots N] [--drain 30s]";

    int count =
        options_read(argc, argv, options, sizeof(options) / sizeof(options[0]),
                     rest, 1, 1 + FILES_MAX, usage);
    if (count < 0)
        return EXIT_USAGE;
    if (named.count == 0) {
        fprintf(stderr,
                "perdure worker: found no workflow, allowed perdure %s\n",
                usage);
        return EXIT_USAGE;
    }
    usual_id(id, sizeof(id));
    config.database = rest[0];
    config.id = given ? given : id;
    config.slots = (uint32_t)slots;
    config.level = (enum host_level)level;
    int code = EXIT_USAGE;
    if (redaction_check(argv[0], &redact) &&
        gather(&files, &named, rest, count))
        code = run(&config, &files, &redact);
    for (uint32_t i = 0; i < files.owned_count; i++)
        free(files.owned[i]);
    return code;
}
