#include "engine/host/worker_main.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND UINT64_C(1000000000)

/* An invocation may take long: what bounds it is its claim, renewed. */
static struct engine_graph *graph_of(const struct engine_handler *handler)
{
    struct engine_node node = {
        .name = handler->name,
        .kind = ENGINE_NODE_HANDLER,
        .attempt_timeout_ns = 15 * 60 * SECOND,
        .side_effect = ENGINE_EFFECT_IDEMPOTENT,
        .semantics = ENGINE_AT_LEAST_ONCE,
        .retry = {.attempts_max = 1, .factor_milli = 1000},
    };

    return engine_graph_new(handler->name, &node, 1, NULL, 0, NULL);
}

int host_handlers_run(const struct host_worker_config *config,
                      const struct engine_handler *handlers, uint32_t count,
                      char error[HOST_ERROR_SIZE])
{
    struct host_worker_config whole = *config;
    struct host_workflow *workflows =
        calloc(count ? count : 1, sizeof(*workflows));
    struct engine_graph **graphs =
        calloc(count ? count : 1, sizeof(struct engine_graph *));
    int result = -1;
    bool good = workflows && graphs;

    for (uint32_t i = 0; good && i < count; i++) {
        graphs[i] = graph_of(&handlers[i]);
        workflows[i].graph = graphs[i];
        workflows[i].handler = &handlers[i];
        good = graphs[i] != NULL;
    }
    whole.workflows = workflows;
    whole.workflow_count = count;
    if (good)
        result = host_worker_run(&whole, error);
    else
        snprintf(error, HOST_ERROR_SIZE,
                 "a handler has no name, or memory ran out");
    for (uint32_t i = 0; graphs && i < count; i++)
        engine_graph_free(graphs[i]);
    free(graphs);
    free(workflows);
    return result;
}

static void say(void *self, enum host_level level, const char *text)
{
    (void)level;
    fprintf(stderr, "%s: %s\n", (const char *)self, text);
}

static int usage(const char *name)
{
    fprintf(stderr, "usage: %s DB [--id NAME] [--slots N] [--optimistic]\n",
            name);
    return 2;
}

int perdure_worker_main(int argc, char **argv,
                        const struct engine_handler *handlers, uint32_t count)
{
    char error[HOST_ERROR_SIZE];
    char id[64];
    struct host_worker_config config = {
        .id = id,
        .drain_ns = 30 * SECOND,
        .level = HOST_SAY_INFO,
        .say = say,
        .self = argv[0],
    };

    snprintf(id, sizeof(id), "process-%ld", (long)getpid());
    for (int i = 1; i < argc; i++) {
        bool more = i + 1 < argc;
        if (strcmp(argv[i], "--id") == 0 && more)
            config.id = argv[++i];
        else if (strcmp(argv[i], "--slots") == 0 && more)
            config.slots = (uint32_t)strtoul(argv[++i], NULL, 10);
        else if (strcmp(argv[i], "--optimistic") == 0)
            config.optimistic = true;
        else if (argv[i][0] != '-' && !config.database)
            config.database = argv[i];
        else
            return usage(argv[0]);
    }
    if (!config.database || config.slots > 65536)
        return usage(argv[0]);
    signal(SIGPIPE, SIG_IGN);
    if (host_handlers_run(&config, handlers, count, error) == 0)
        return 0;
    fprintf(stderr, "%s: %s\n", argv[0], error);
    return 6;
}
