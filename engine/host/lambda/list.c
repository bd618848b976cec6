#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/service_private.h"

enum {
    ITEMS = 100, /* where a query does not say */
    ITEMS_MAX = 1000,
    MARKER_SIZE = 28
};

/* When an execution started; those that started at once go by their runs. */
struct start {
    uint64_t time_ns;
    uint64_t run;
};

static struct start start_of(const struct lambda_execution *execution)
{
    return (struct start){execution->started_ns, execution->run};
}

static bool is_before(struct start a, struct start b)
{
    return a.time_ns != b.time_ns ? a.time_ns < b.time_ns : a.run < b.run;
}

/* How many started before that. */
static uint32_t count_before(const struct lambda_order *order,
                             struct start mark)
{
    uint32_t low = 0;
    uint32_t high = order->count;

    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (is_before(start_of(order->items[middle]), mark))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool lambda_order_add(struct lambda_order *order,
                      struct lambda_execution *execution)
{
    uint32_t at = count_before(order, start_of(execution));

    if (order->count == order->capacity) {
        uint32_t capacity = order->capacity ? 2 * order->capacity : 64;
        struct lambda_execution **items =
            realloc(order->items, capacity * sizeof(struct lambda_execution *));
        if (!items)
            return false;
        order->items = items;
        order->capacity = capacity;
    }
    memmove(order->items + at + 1, order->items + at,
            (order->count - at) * sizeof(*order->items));
    order->items[at] = execution;
    order->count++;
    return true;
}

void lambda_order_remove(struct lambda_order *order,
                         const struct lambda_execution *execution)
{
    uint32_t at = count_before(order, start_of(execution));

    if (at == order->count || order->items[at] != execution)
        return;
    order->count--;
    memmove(order->items + at, order->items + at + 1,
            (order->count - at) * sizeof(*order->items));
}

/* Queries ----------------------------------------------------------------- */

/* A query whose texts have been read. */
struct filter {
    uint32_t function;
    const char *qualifier;
    const char *name;
    const char *statuses;
    uint64_t after_ns;
    uint64_t before_ns;
};

static bool has_status(const char *statuses, const char *status)
{
    size_t size = strlen(status);

    for (const char *at = statuses; at && *at;) {
        size_t span = strcspn(at, ",");
        if (span == size && memcmp(at, status, size) == 0)
            return true;
        at += span + (at[span] == ',');
    }
    return !statuses;
}

static bool known_statuses(const char *statuses)
{
    static const char all[] = "RUNNING,SUCCEEDED,FAILED,TIMED_OUT,STOPPED";
    char status[16];

    for (const char *at = statuses; at && *at;) {
        size_t span = strcspn(at, ",");
        if (span == 0 || span >= sizeof(status))
            return false;
        memcpy(status, at, span);
        status[span] = '\0';
        if (!has_status(all, status))
            return false;
        at += span + (at[span] == ',');
    }
    return true;
}

static bool is_wanted(const struct lambda_service *service,
                      const struct lambda_execution *execution,
                      const struct filter *f)
{
    return execution->function == f->function &&
           service->functions[f->function].durable &&
           (!f->qualifier || strcmp(f->qualifier, execution->qualifier) == 0) &&
           (!f->name || strcmp(f->name, execution->name) == 0) &&
           has_status(f->statuses, lambda_execution_status(execution)) &&
           execution->started_ns > f->after_ns &&
           execution->started_ns < f->before_ns &&
           !lambda_retain_is_over(service, execution);
}

static const char *nothing_for_empty(const char *text)
{
    return text && *text ? text : NULL;
}

/* NULL, or what is wrong with the query. */
static const char *read_query(const struct lambda_list_query *query,
                              struct filter *f)
{
    f->qualifier = nothing_for_empty(query->qualifier);
    f->name = nothing_for_empty(query->name);
    f->statuses = nothing_for_empty(query->statuses);
    f->before_ns = UINT64_MAX;
    if (f->qualifier && !lambda_qualifier_ok(f->qualifier))
        return "Invalid Qualifier";
    if (f->name && !lambda_name_ok(f->name, LAMBDA_EXECUTION_MAX))
        return "Invalid DurableExecutionName";
    if (!known_statuses(f->statuses))
        return "Statuses must be among RUNNING, SUCCEEDED, FAILED, TIMED_OUT "
               "and STOPPED";
    if (query->after && !lambda_time_parse(query->after, &f->after_ns))
        return "Invalid StartedAfter";
    if (query->before && !lambda_time_parse(query->before, &f->before_ns))
        return "Invalid StartedBefore";
    if (query->items > ITEMS_MAX)
        return "MaxItems must be at most 1000";
    return NULL;
}

/* Markers ----------------------------------------------------------------- */

/* The last one of a page: the next page goes on behind it. */
static void write_marker(struct start mark, char out[MARKER_SIZE])
{
    snprintf(out, MARKER_SIZE, "%016" PRIx64 "%010" PRIx64, mark.time_ns,
             mark.run);
}

static bool read_marker(const char *marker, struct start *mark)
{
    char again[MARKER_SIZE];

    if (sscanf(marker, "%16" SCNx64 "%10" SCNx64, &mark->time_ns, &mark->run) !=
        2)
        return false;
    write_marker(*mark, again);
    return strcmp(marker, again) == 0;
}

/* Pages ------------------------------------------------------------------- */

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

/* How many places were passed by before the page: the newest are first, or
 * the oldest. */
static uint32_t begin_at(const struct lambda_order *order, bool reverse,
                         const struct start *mark)
{
    uint32_t before;

    if (!mark)
        return 0;
    before = count_before(order, *mark);
    if (!reverse)
        return order->count - before;
    if (before < order->count &&
        !is_before(*mark, start_of(order->items[before])))
        before++; /* it is still there itself */
    return before;
}

static void write_page(struct lambda_service *service, const struct filter *f,
                       const struct lambda_list_query *query, uint32_t at)
{
    const struct lambda_order *order = &service->started;
    struct json_writer *w = &service->out;
    uint64_t most = query->items ? query->items : ITEMS;
    const struct lambda_execution *last = NULL;
    char marker[MARKER_SIZE];

    for (uint64_t written = 0; at < order->count; at++) {
        const struct lambda_execution *execution =
            order->items[query->reverse ? at : order->count - 1 - at];
        if (!is_wanted(service, execution, f))
            continue;
        if (written++ == most) {
            write_marker(start_of(last), marker);
            json_close_array(w);
            json_put_words(w, "NextMarker", marker);
            return;
        }
        write_summary(service, execution);
        last = execution;
    }
    json_close_array(w);
}

void lambda_call_list(struct lambda_service *service, struct lambda_call *call,
                      const char *function,
                      const struct lambda_list_query *query)
{
    struct filter f = {.function = lambda_service_find(service, function)};
    const char *marker = nothing_for_empty(query->marker);
    struct json_writer *w = &service->out;
    struct start mark;
    const char *wrong;

    if (!lambda_call_admit(service, call, LAMBDA_RATE_LIST))
        return;
    if (f.function == UINT32_MAX) {
        lambda_call_refuse(call, 404, "ResourceNotFoundException",
                           "Function not found");
        return;
    }
    wrong = read_query(query, &f);
    if (!wrong && marker && !read_marker(marker, &mark))
        wrong = "Invalid Marker";
    if (wrong) {
        lambda_call_refuse(call, 400, "InvalidParameterValueException", wrong);
        return;
    }
    json_write_reset(w);
    json_open(w, NULL);
    json_open_array(w, "DurableExecutions");
    write_page(
        service, &f, query,
        begin_at(&service->started, query->reverse, marker ? &mark : NULL));
    json_close(w);
    lambda_call_answer(call, 200, w->bytes, w->size);
}
