#include "engine/host/reader.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/registry.h"
#include "engine/host/store_sqlite.h"
#include "engine/operation.h"

enum {
    WORKFLOWS_MAX = 1024,
    PAGE_ROWS = 65536
};

struct host_reader {
    struct engine_store store;
    struct engine_graph *graphs[WORKFLOWS_MAX];
    struct engine_limits limits;
    char *platforms; /* names, each with its end */
    size_t platforms_size;
};

static int keep_workflow(void *self, uint32_t id, struct engine_graph *graph)
{
    struct host_reader *r = self;

    if (id < WORKFLOWS_MAX && !r->graphs[id])
        r->graphs[id] = graph;
    else
        engine_graph_free(graph);
    return 0;
}

static int read_registry(struct host_reader *r, const char *database,
                         char error[HOST_ERROR_SIZE])
{
    struct host_registry *registry = host_registry_look(database, error);
    int result = -1;

    if (!registry)
        return -1;
    r->limits = *engine_limits_at(0);
    if (host_registry_workflows(registry, keep_workflow, r) == 0 &&
        host_registry_limits(registry, &r->limits) >= 0 &&
        host_registry_platforms(registry, &r->platforms, &r->platforms_size) ==
            0)
        result = 0;
    else
        snprintf(error, HOST_ERROR_SIZE,
                 "%.300s: its workflows cannot be read: %s", database,
                 host_registry_error(registry));
    host_registry_close(registry);
    return result;
}

struct host_reader *host_reader_open(const char *database, const uint8_t *key,
                                     char error[HOST_ERROR_SIZE])
{
    struct store_sqlite_config config = {
        .path = database,
        .read_only = 1,
        .shared = 1,
        .busy_timeout_ms = 2000,
        .key = key,
        .limits = {.op_payload_max = UINT64_MAX,
                   .request_max = UINT64_MAX,
                   .history_ops_max = UINT64_MAX,
                   .blob_max = UINT64_MAX},
    };
    struct store_problem problem;
    struct host_reader *r = calloc(1, sizeof(*r));

    if (!r) {
        snprintf(error, HOST_ERROR_SIZE, "%.300s: out of memory", database);
        return NULL;
    }
    if (store_sqlite_try(&config, &r->store, &problem)) {
        snprintf(error, HOST_ERROR_SIZE, "%s", problem.text);
        free(r);
        return NULL;
    }
    if (read_registry(r, database, error) == 0)
        return r;
    host_reader_close(r);
    return NULL;
}

void host_reader_close(struct host_reader *r)
{
    if (!r)
        return;
    for (uint32_t i = 0; i < WORKFLOWS_MAX; i++)
        engine_graph_free(r->graphs[i]);
    r->store.ops->close(r->store.self);
    free(r->platforms);
    free(r);
}

const char *host_reader_platform(const struct host_reader *r, uint32_t number)
{
    size_t at = 0;

    for (; number > 0 && at < r->platforms_size; number--)
        at += strlen(r->platforms + at) + 1;
    return at < r->platforms_size ? r->platforms + at : NULL;
}

struct engine_store *host_reader_store(struct host_reader *r)
{
    return &r->store;
}

const struct engine_graph *host_reader_workflow(const struct host_reader *r,
                                                uint32_t id)
{
    return id < WORKFLOWS_MAX ? r->graphs[id] : NULL;
}

const struct engine_limits *host_reader_limits(const struct host_reader *r)
{
    return &r->limits;
}

const char *host_run_state_name(uint32_t state)
{
    static const char *const names[ENGINE_RUN_STATE_COUNT] = {
        [ENGINE_RUN_RUNNING] = "running",
        [ENGINE_RUN_SUSPENDED] = "suspended",
        [ENGINE_RUN_BLOCKED] = "blocked",
        [ENGINE_RUN_SUCCEEDED] = "succeeded",
        [ENGINE_RUN_FAILED] = "failed",
        [ENGINE_RUN_CANCELLED] = "cancelled",
        [ENGINE_RUN_TIMED_OUT] = "timed_out",
        [ENGINE_RUN_STOPPED] = "stopped",
        [ENGINE_RUN_PAUSED] = "paused",
    };

    return state < ENGINE_RUN_STATE_COUNT && names[state] ? names[state] : "?";
}

/* What one event adds --------------------------------------------------------
 */

static void take_words(struct host_run *run, const struct engine_item *event,
                       const void *payload)
{
    size_t size = event->size;

    if (size >= sizeof(run->words))
        size = sizeof(run->words) - 1;
    memcpy(run->words, payload, size);
    run->words[size] = '\0';
}

static void take_operation(struct host_run *run, uint32_t op)
{
    if (op != UINT32_MAX && op > run->operations)
        run->operations = op;
}

static void take_event(struct host_run *run, bool handler,
                       const struct engine_item *event, const void *payload)
{
    switch (event->kind) {
    case ENGINE_EV_OP_SCHEDULED:
        run->attempts_open++;
        break;
    case ENGINE_EV_ATTEMPT_SUCCEEDED:
    case ENGINE_EV_ATTEMPT_FAILED:
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_SUSPENDED:
        run->attempts_open -= run->attempts_open > 0;
        break;
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
        run->attempts_open -= run->attempts_open > 0;
        run->ambiguous_op = event->op;
        break;
    case ENGINE_EV_RUN_UNBLOCKED:
        run->ambiguous_op = UINT32_MAX;
        run->error = ENGINE_ERR_NONE;
        break;
    case ENGINE_EV_RUN_BLOCKED:
    case ENGINE_EV_RUN_FAILED:
    case ENGINE_EV_RUN_CANCELLED:
    case ENGINE_EV_RUN_TIMED_OUT:
    case ENGINE_EV_RUN_STOPPED:
        run->error = (uint32_t)event->a;
        take_words(run, event, payload);
        break;
    case ENGINE_EV_OP_SUCCEEDED:
    case ENGINE_EV_WAIT_FIRED:
        run->operations += !handler;
        break;
    case ENGINE_EV_OPERATION_STARTED:
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
    case ENGINE_EV_OPERATION_RETRY:
    case ENGINE_EV_OPERATION_CANCELLED:
        take_operation(run, event->op);
        break;
    default:
        break;
    }
}

struct taking {
    struct host_run *run;
    bool handler;
};

static int take_row(void *self, const struct engine_log_row *row)
{
    struct taking *taking = self;
    struct host_run *run = taking->run;
    const unsigned char *items = row->items;

    if (row->seq == 1)
        run->started_ns = row->time_ns;
    run->last_ns = row->time_ns;
    for (size_t at = 0; at + sizeof(struct engine_item) <= row->items_size;) {
        struct engine_item event;
        memcpy(&event, items + at, sizeof(event));
        take_event(run, taking->handler, &event, items + at + sizeof(event));
        run->events++;
        at += engine_item_span(event.size);
    }
    return 0;
}

int host_reader_run(struct host_reader *r, const struct engine_run_row *row,
                    struct host_run *run)
{
    const struct engine_graph *graph = host_reader_workflow(r, row->workflow);
    struct taking taking = {run, graph && engine_graph_is_handler(graph)};
    struct store_page page;
    uint64_t after = 0;

    *run = (struct host_run){.row = *row,
                             .workflow = graph ? engine_graph_name(graph) : "?",
                             .ambiguous_op = UINT32_MAX};
    run->operations_max = taking.handler ? r->limits.operations_max
                          : graph        ? engine_graph_count(graph)
                                         : 0;
    do {
        if (store_read_events(&r->store, row->run, after, PAGE_ROWS, take_row,
                              &taking, &page))
            return -1;
        after = page.last_seq;
    } while (page.state == STORE_PAGE_MORE);
    run->archived = page.state == STORE_PAGE_ARCHIVED;
    return 0;
}
