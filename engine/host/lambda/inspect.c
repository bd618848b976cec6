#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/history.h"
#include "engine/host/lambda/service_private.h"
#include "engine/host/store_upkeep.h"

void lambda_call_get(struct lambda_service *service, struct lambda_call *call,
                     const char *arn)
{
    struct lambda_execution *execution =
        lambda_call_execution(service, call, arn);
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
    (void)json_put_string(w, "InputPayload", (const char *)execution->input,
                          execution->input_size);
    if (execution->state == ENGINE_RUN_SUCCEEDED)
        (void)json_put_string(w, "Result", (const char *)execution->result,
                              execution->result_size);
    else if (execution->ended_ns)
        lambda_execution_write_error(execution, w, "Error");
    json_put_seconds(w, "StartTimestamp", execution->started_ns);
    json_put_words(w, "Status", lambda_execution_status(execution));
    if (execution->ended_ns)
        json_put_seconds(w, "EndTimestamp", execution->ended_ns);
    json_put_words(w, "Version", execution->qualifier);
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
    ROWS_AT_ONCE = 4096
};

/* The history of a run, or NULL. */
static struct history *read_history(struct lambda_service *service,
                                    uint64_t run)
{
    struct history *history = history_new(run, true);
    struct store_page page = {0};
    uint64_t after = 0;
    int result = history ? 0 : -1;

    do {
        if (result == 0)
            result =
                store_read_events(lambda_core_store(service->core), run, after,
                                  ROWS_AT_ONCE, add_row, history, &page);
        after = page.last_seq;
    } while (result == 0 && page.state == STORE_PAGE_MORE);
    if (result == 0)
        return history;
    if (history)
        history_free(history);
    return NULL;
}

static void write_history(struct lambda_service *service,
                          const struct history *history,
                          const struct lambda_history_query *query)
{
    struct json_writer *w = &service->out;
    uint32_t count = history_count(history);
    uint64_t from = query->marker ? strtoull(query->marker, NULL, 10) : 0;
    uint64_t most = query->items ? query->items : 100;
    uint64_t at = from;
    char marker[24];

    json_write_reset(w);
    json_open(w, NULL);
    json_open_array(w, "Events");
    for (; at < count && at - from < most; at++) {
        uint32_t index = (uint32_t)(query->reverse ? count - 1 - at : at);
        size_t size;
        const char *event = history_event(history, index, &size);
        json_put_name(w, NULL);
        json_raw(w, event, size);
    }
    json_close_array(w);
    if (at < count) {
        snprintf(marker, sizeof(marker), "%llu", (unsigned long long)at);
        json_put_words(w, "NextMarker", marker);
    }
    json_close(w);
}

void lambda_call_history(struct lambda_service *service,
                         struct lambda_call *call, const char *arn,
                         const struct lambda_history_query *query)
{
    struct lambda_execution *execution =
        lambda_call_execution(service, call, arn);
    struct history *history;

    if (!execution)
        return;
    history = read_history(service, execution->run);
    if (!history) {
        lambda_call_refuse(call, 500, "ServiceException",
                           "The history could not be read");
        return;
    }
    write_history(service, history, query);
    history_free(history);
    lambda_call_answer(call, 200, service->out.bytes, service->out.size);
}

/* Lists ------------------------------------------------------------------- */

static bool has_status(const char *statuses, const char *status)
{
    size_t size = strlen(status);

    for (const char *at = statuses; at && *at;) {
        size_t span = strcspn(at, ",");
        if (span == size && memcmp(at, status, size) == 0)
            return true;
        at += span + (at[span] == ',');
    }
    return !statuses || !*statuses;
}

static bool is_wanted(const struct lambda_execution *execution,
                      uint32_t function, const struct lambda_list_query *query)
{
    return execution->accepted && execution->function == function &&
           (!query->name || strcmp(query->name, execution->name) == 0) &&
           has_status(query->statuses, lambda_execution_status(execution)) &&
           execution->started_ns > query->after_ns &&
           execution->started_ns < query->before_ns;
}

static void write_summary(struct lambda_service *service,
                          const struct lambda_execution *execution)
{
    struct json_writer *w = &service->out;
    char arn[LAMBDA_ARN_SIZE];

    json_open(w, NULL);
    lambda_execution_arn(service, execution, arn);
    json_put_words(w, "DurableExecutionArn", arn);
    json_put_words(w, "DurableExecutionName", execution->name);
    lambda_function_arn_write(service->functions[execution->function].name,
                              execution->qualifier, arn);
    json_put_words(w, "FunctionArn", arn);
    json_put_words(w, "Status", lambda_execution_status(execution));
    json_put_seconds(w, "StartTimestamp", execution->started_ns);
    if (execution->ended_ns)
        json_put_seconds(w, "EndTimestamp", execution->ended_ns);
    json_close(w);
}

void lambda_call_list(struct lambda_service *service, struct lambda_call *call,
                      const char *function,
                      const struct lambda_list_query *query)
{
    struct json_writer *w = &service->out;
    uint32_t number = lambda_service_find(service, function);
    uint32_t count = service->executions.count;
    uint64_t most = query->items ? query->items : 100;
    uint64_t at = query->marker ? strtoull(query->marker, NULL, 10) : 0;
    char marker[24];

    if (number == UINT32_MAX) {
        lambda_call_refuse(call, 404, "ResourceNotFoundException",
                           "Function not found");
        return;
    }
    json_write_reset(w);
    json_open(w, NULL);
    json_open_array(w, "DurableExecutions");
    /* Nothing is ever taken out, so places are those of their starts. */
    for (uint64_t written = 0; at < count && written < most; at++) {
        const struct lambda_execution *execution =
            service->executions.items[query->reverse ? at : count - 1 - at];
        if (!is_wanted(execution, number, query))
            continue;
        write_summary(service, execution);
        written++;
    }
    json_close_array(w);
    if (at < count) {
        snprintf(marker, sizeof(marker), "%llu", (unsigned long long)at);
        json_put_words(w, "NextMarker", marker);
    }
    json_close(w);
    lambda_call_answer(call, 200, w->bytes, w->size);
}
