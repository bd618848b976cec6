#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/history.h"
#include "engine/host/lambda/service_private.h"
#include "engine/host/store_upkeep.h"

#define SECOND UINT64_C(1000000000)

static void write_data(const struct lambda_execution *execution,
                       struct json_writer *w)
{
    struct engine_text input = lambda_execution_input(execution);

    (void)json_put_string(w, "InputPayload", input.text, input.size);
    if (execution->state == ENGINE_RUN_SUCCEEDED && !execution->result_size)
        return; /* nothing came of it */
    if (execution->state == ENGINE_RUN_SUCCEEDED)
        (void)json_put_string(w, "Result", (const char *)execution->result,
                              execution->result_size);
    else if (execution->ended_ns && (execution->result_size ||
                                     execution->state != ENGINE_RUN_TIMED_OUT))
        lambda_execution_write_error(execution, w, "Error");
}

static void write_settings(const struct lambda_service *service,
                           const struct lambda_execution *execution,
                           struct json_writer *w)
{
    const struct lambda_function *function =
        &service->functions[execution->function];

    if (execution->trace[0]) {
        json_open(w, "TraceHeader");
        json_put_words(w, "XAmznTraceId", execution->trace);
        json_close(w);
    }
    if (!function->durable)
        return;
    json_open(w, "DurableConfig");
    json_put_number(w, "RetentionPeriodInDays", lambda_retain_days(function));
    json_put_number(w, "ExecutionTimeout",
                    (function->execution_timeout_ns + SECOND - 1) / SECOND);
    json_close(w);
}

void lambda_call_get(struct lambda_service *service, struct lambda_call *call,
                     const char *arn, bool data)
{
    struct lambda_execution *execution =
        lambda_call_execution(service, call, LAMBDA_RATE_GET, arn);
    struct json_writer *w = &service->out;
    char whole[LAMBDA_ARN_SIZE];

    if (!execution)
        return;
    json_write_reset(w);
    json_open(w, NULL);
    lambda_execution_arn(service, execution, whole);
    json_put_words(w, "DurableExecutionArn", whole);
    json_put_words(w, "DurableExecutionName", execution->name);
    lambda_function_arn_write(service->functions[execution->function].name,
                              execution->qualifier, whole);
    json_put_words(w, "FunctionArn", whole);
    if (data)
        write_data(execution, w);
    json_put_seconds(w, "StartTimestamp", execution->started_ns);
    json_put_words(w, "Status", lambda_execution_status(execution));
    if (execution->ended_ns)
        json_put_seconds(w, "EndTimestamp", execution->ended_ns);
    json_put_words(w, "Version", execution->qualifier);
    json_put_bool(w, "ExecutionDataIncluded", data);
    write_settings(service, execution, w);
    json_close(w);
    lambda_call_answer(call, 200, w->bytes, w->size);
}

/* Functions --------------------------------------------------------------- */

static void write_function(struct json_writer *w,
                           const struct lambda_function *function,
                           const char *qualifier, const char *name)
{
    char arn[LAMBDA_ARN_SIZE];

    lambda_function_arn_write(function->name, *qualifier ? qualifier : NULL,
                              arn);
    json_open(w, name);
    json_put_words(w, "FunctionName", function->name);
    json_put_words(w, "FunctionArn", arn);
    json_put_words(w, "Version", *qualifier ? qualifier : "$LATEST");
    json_put_number(w, "Timeout", function->timeout_ns / UINT64_C(1000000000));
    json_put_words(w, "PackageType", "Zip");
    json_put_words(w, "State", "Active");
    json_put_words(w, "LastUpdateStatus", "Successful");
    if (function->durable) {
        json_open(w, "DurableConfig");
        json_put_number(w, "RetentionPeriodInDays",
                        function->retention_days ? function->retention_days
                                                 : 14);
        json_put_number(w, "ExecutionTimeout",
                        function->execution_timeout_ns / UINT64_C(1000000000));
        json_close(w);
    }
    json_close(w);
}

void lambda_call_function(struct lambda_service *service,
                          struct lambda_call *call, const char *function,
                          const char *qualifier, bool whole)
{
    uint32_t number = lambda_service_find(service, function);
    struct json_writer *w = &service->out;

    if (number == UINT32_MAX ||
        (*qualifier && !lambda_qualifier_ok(qualifier))) {
        lambda_call_refuse(call, 404, "ResourceNotFoundException",
                           "Function not found");
        return;
    }
    json_write_reset(w);
    if (whole)
        json_open(w, NULL);
    write_function(w, &service->functions[number], qualifier,
                   whole ? "Configuration" : NULL);
    if (whole) {
        json_open(w, "Code");
        json_close(w);
        json_close(w);
    }
    lambda_call_answer(call, 200, w->bytes, w->size);
}

void lambda_call_functions(struct lambda_service *service,
                           struct lambda_call *call)
{
    struct json_writer *w = &service->out;

    json_write_reset(w);
    json_open(w, NULL);
    json_open_array(w, "Functions");
    for (uint32_t i = 0; i < service->function_count; i++)
        if (lambda_service_has(service, i))
            write_function(w, &service->functions[i], "", NULL);
    json_close_array(w);
    json_close(w);
    lambda_call_answer(call, 200, w->bytes, w->size);
}

/* History ----------------------------------------------------------------- */

static int add_row(void *self, const struct engine_log_row *row)
{
    const unsigned char *at = row->items;
    size_t left = row->items_size;

    while (left >= sizeof(struct engine_item)) {
        const struct engine_item *item = (const void *)at;
        size_t span = engine_item_span(item->size);
        if (span > left)
            return -2;
        int result = history_add(self, item, row->time_ns);
        if (result)
            return result;
        at += span;
        left -= span;
    }
    return 0;
}

enum {
    ROWS_AT_ONCE = 4096,
    KEPT_MAX = 16 << 20 /* bytes of a history */
};

/* What a history is told of other runs. */
struct naming {
    const struct lambda_service *service;
    char id[LAMBDA_ID_SIZE];
    char child[LAMBDA_ARN_SIZE];
};

static void name_child(void *self, uint64_t run, const char **version,
                       const char **arn)
{
    struct naming *naming = self;
    const struct lambda_service *service = naming->service;
    const struct lambda_execution *child =
        engine_table_find(&service->executions, run);

    if (!child || !lambda_service_has(service, child->function))
        return;
    *version = child->qualifier;
    if (!service->functions[child->function].durable)
        return;
    lambda_execution_arn(service, child, naming->child);
    *arn = naming->child;
}

void lambda_history_forget(struct lambda_service *service)
{
    if (service->shown.history)
        history_free(service->shown.history);
    service->shown = (struct lambda_shown){0};
}

/* Takes in what the log has beyond. 0 or -1. */
static int read_on(struct lambda_service *service, struct lambda_shown *shown)
{
    struct store_page page;

    do {
        if (store_read_events(lambda_core_store(service->core), shown->run,
                              shown->last_seq, ROWS_AT_ONCE, add_row,
                              shown->history, &page))
            return -1;
        if (page.last_seq)
            shown->last_seq = page.last_seq;
    } while (page.state == STORE_PAGE_MORE);
    return 0;
}

/*
 * The history of a run, or NULL. The last one is kept: who reads it page by
 * page, or asks again and again, has its log read once.
 */
static const struct history *
read_history(struct lambda_service *service,
             const struct lambda_execution *execution, bool data)
{
    struct lambda_shown *shown = &service->shown;
    struct naming naming = {.service = service};
    const struct history_view view = {
        .bare = !data,
        .id = naming.id,
        .name = execution->name,
        .timeout_ns =
            service->functions[execution->function].execution_timeout_ns,
        .input = "{}",
        .child = name_child,
        .self = &naming};

    if (shown->run != execution->run || shown->data != data)
        lambda_history_forget(service);
    if (!shown->history)
        *shown =
            (struct lambda_shown){.history = history_new(execution->run, true),
                                  .run = execution->run,
                                  .data = data};
    if (!shown->history)
        return NULL;
    lambda_id_write(execution->run, naming.id);
    history_show(shown->history, &view);
    if (read_on(service, shown)) {
        lambda_history_forget(service);
        return NULL;
    }
    history_show(shown->history, NULL);
    return shown->history;
}

enum {
    EVENTS = 100, /* where a query does not say */
    EVENTS_MAX = 1000
};

/* A marker is the id of the event that comes next: however many come in
 * between, it is the same. False: it is none. */
static bool read_marker(const char *marker, uint64_t *id)
{
    char *end;

    *id = strtoull(marker, &end, 10);
    return marker[0] >= '1' && marker[0] <= '9' && *end == '\0';
}

static void write_history(struct lambda_service *service,
                          const struct history *history, uint64_t id,
                          const struct lambda_history_query *query)
{
    struct json_writer *w = &service->out;
    uint32_t count = history_count(history);
    uint64_t most = query->items ? query->items : EVENTS;
    char marker[24];

    json_write_reset(w);
    json_open(w, NULL);
    json_open_array(w, "Events");
    for (; id > 0 && id <= count && most > 0; most--) {
        size_t size;
        const char *event = history_event(history, (uint32_t)id - 1, &size);
        json_put_name(w, NULL);
        json_raw(w, event, size);
        id = query->reverse ? id - 1 : id + 1;
    }
    json_close_array(w);
    if (id > 0 && id <= count) {
        snprintf(marker, sizeof(marker), "%llu", (unsigned long long)id);
        json_put_words(w, "NextMarker", marker);
    }
    json_close(w);
}

void lambda_call_history(struct lambda_service *service,
                         struct lambda_call *call, const char *arn,
                         const struct lambda_history_query *query)
{
    struct lambda_execution *execution =
        lambda_call_execution(service, call, LAMBDA_RATE_HISTORY, arn);
    const struct history *history;
    uint64_t id = 0;

    if (!execution)
        return;
    if (query->items > EVENTS_MAX ||
        (query->marker && *query->marker && !read_marker(query->marker, &id))) {
        lambda_call_refuse(call, 400, "InvalidParameterValueException",
                           query->items > EVENTS_MAX
                               ? "MaxItems must be at most 1000"
                               : "Invalid Marker");
        return;
    }
    history = read_history(service, execution, query->data);
    if (!history) {
        lambda_call_refuse(call, 500, "ServiceException",
                           "The history could not be read");
        return;
    }
    if (id == 0)
        id = query->reverse ? history_count(history) : 1;
    write_history(service, history, id, query);
    if (history_size(history) > KEPT_MAX)
        lambda_history_forget(service);
    lambda_call_answer(call, 200, service->out.bytes, service->out.size);
}
