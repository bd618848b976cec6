#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "engine/host/worker_process.h"
#include "scenarios/command.h"
#include "scenarios/options.h"
#include "scenarios/steps.h"

#define SECOND UINT64_C(1000000000)

enum {
    OUTPUT_MAX = 64 * 1024 * 1024
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

static int run(struct host_worker_config *config,
               const struct option_texts *files)
{
    struct json_error wrong = {0};
    char error[HOST_ERROR_SIZE];
    struct steps *steps = steps_read(files->texts, files->count, OUTPUT_MAX,
                                     say, config->self, &wrong);

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
    struct option_texts files = {0};
    const char *rest[1];
    char id[HOST_ERROR_SIZE];
    const char *given = NULL;
    uint64_t slots = 64, level = HOST_SAY_INFO;
    struct host_worker_config config = {
        .drain_ns = 30 * SECOND, .say = say, .self = argv[0]};
    const struct option options[] = {
        {"--id", OPTION_TEXT, &given, 0, 0, NULL},
        {"--workflow", OPTION_TEXTS, &files, 0, 0, NULL},
        {"--slots", OPTION_NUMBER, &slots, 1, 65536, NULL},
        {"--drain", OPTION_DURATION, &config.drain_ns, 0, 86400 * SECOND, NULL},
        {"--optimistic", OPTION_FLAG, &config.optimistic, 0, 0, NULL},
        {"--log", OPTION_CHOICE, &level, 0, 0, levels},
    };
    static const char usage[] =
        "worker DB --workflow FILE... [--id NAME] [--slots N] [--drain 30s]";

    if (options_read(argc, argv, options, sizeof(options) / sizeof(options[0]),
                     rest, 1, 1, usage) < 0)
        return EXIT_USAGE;
    if (files.count == 0) {
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
    return run(&config, &files);
}
