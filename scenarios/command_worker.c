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

static int work(struct host_worker_config *config, const struct files *files,
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

struct arguments {
    const char *id;
    struct option_texts workflows;
    struct option_texts redact;
    uint64_t slots;
    uint64_t level;
    struct host_worker_config config;
};

static const struct option options[] = {
    OPT_TEXTS("--workflow", workflows, "FILE|DIR",
              "A workflow, or every .json of a directory; may be repeated."),
    OPT_TEXT("--id", id, "NAME",
             "Unique among the workers of a database (default host:process)."),
    OPT_TEXTS("--redact", redact, "PATTERN",
              "Take secrets out of what steps' commands write, which must be "
              "JSON then, beside those that a workflow names under \"redact\": "
              "password, **.token, $.card.number, items[*].secret. May be "
              "repeated."),
    OPT_NUMBER("--slots", slots, 1, 65536, "Attempts at a time (default 64)."),
    OPT_DURATION("--drain", config.drain_ns, 0, 86400 * SECOND,
                 "How long attempts may take to end after SIGTERM (default "
                 "30s)."),
    OPT_FLAG("--optimistic", config.optimistic,
             "Let steps of a handler that may be repeated share checkpoints; "
             "after a crash all of them run again. Without, each result is "
             "durable before the next step begins."),
    OPT_DURATION("--checkpoint-window", config.checkpoint_window_ns, 0, SECOND,
                 "How long a checkpoint of a handler stays open, at most, for "
                 "the results of steps that run beside it, in other branches: "
                 "fewer checkpoints, each later (default 0s, at most 1s). It "
                 "goes out at once when it is full or no step runs any more."),
    OPT_CHOICE("--log", level, levels,
               "How much is said on stderr (default info)."),
    {.name = NULL}};

static int run(int argc, char **argv)
{
    struct files files = {.count = 0};
    const char *rest[1 + FILES_MAX];
    char id[HOST_ERROR_SIZE];
    struct arguments a = {
        .slots = 64,
        .level = HOST_SAY_INFO,
        .config = {.drain_ns = 30 * SECOND, .say = say, .self = argv[0]}};

    int count = options_read(argc, argv, &command_worker, &a, rest);
    if (count < 0)
        return EXIT_USAGE;
    if (a.workflows.count == 0) {
        fprintf(stderr,
                "perdure worker: found no workflow, allowed perdure worker %s"
                "\n",
                command_worker.synopsis);
        return EXIT_USAGE;
    }
    usual_id(id, sizeof(id));
    a.config.database = rest[0];
    a.config.id = a.id ? a.id : id;
    a.config.slots = (uint32_t)a.slots;
    a.config.level = (enum host_level)a.level;
    int code = EXIT_USAGE;
    if (redaction_check(argv[0], &a.redact) &&
        gather(&files, &a.workflows, rest, count))
        code = work(&a.config, &files, &a.redact);
    for (uint32_t i = 0; i < files.owned_count; i++)
        free(files.owned[i]);
    return code;
}

const struct command command_worker = {
    .name = "worker",
    .group = COMMAND_DATABASE,
    .synopsis = "DB --workflow FILE|DIR... [OPTIONS]",
    .summary = "execute the steps of workflows",
    .about = "Executes the steps of workflows. A step with \"run\": "
             "{\"command\": [...]} runs the program: input on "
             "stdin, output from stdout; exit 0 is done, 75 may be "
             "retried, any other is a failure for good. "
             "PERDURE_RUN, PERDURE_STEP, PERDURE_ATTEMPT and "
             "PERDURE_KEY are in its environment. Any other step "
             "takes its time and returns bytes. When the engine "
             "goes away the attempts go on and are reported to the "
             "next one.",
    .options = options,
    .rest_min = 1,
    .rest_max = 1 + FILES_MAX,
    .run = run};
