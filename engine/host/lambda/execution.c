#include <stdlib.h>
#include <string.h>

#include "engine/host/history.h"
#include "engine/host/lambda/service_private.h"
#include "engine/value.h"
#include "engine/workflow.h"

struct lambda_execution *lambda_execution_find(struct lambda_service *service,
                                               uint64_t run)
{
    return run ? engine_table_find(&service->executions, run) : NULL;
}

/* Names ------------------------------------------------------------------- */

static uint64_t hash_of(uint32_t function, const char *qualifier,
                        const char *name)
{
    char whole[LAMBDA_QUALIFIER_MAX + LAMBDA_EXECUTION_MAX + 16] = {0};
    size_t at = sizeof(function);

    memcpy(whole, &function, sizeof(function));
    at = (size_t)(stpcpy(whole + at, qualifier) - whole) + 1;
    at = (size_t)(stpcpy(whole + at, name) - whole);
    uint64_t hash = engine_hash_bytes(whole, at).lo;
    return hash ? hash : 1;
}

static bool is_named(const struct lambda_execution *execution,
                     uint32_t function, const char *qualifier, const char *name)
{
    return execution->function == function &&
           strcmp(execution->qualifier, qualifier) == 0 &&
           strcmp(execution->name, name) == 0;
}

struct lambda_execution *lambda_execution_named(struct lambda_service *service,
                                                uint32_t function,
                                                const char *qualifier,
                                                const char *name)
{
    struct lambda_execution *execution =
        engine_table_find(&service->names, hash_of(function, qualifier, name));

    while (execution && !is_named(execution, function, qualifier, name))
        execution = execution->same_name;
    return execution;
}

static bool add_name(struct lambda_service *service,
                     struct lambda_execution *execution)
{
    uint64_t hash =
        hash_of(execution->function, execution->qualifier, execution->name);
    struct lambda_execution *first = engine_table_find(&service->names, hash);

    if (!first)
        return engine_table_add(&service->names, hash, execution) == 0;
    execution->same_name = first->same_name;
    first->same_name = execution;
    return true;
}

static void remove_name(struct lambda_service *service,
                        struct lambda_execution *execution)
{
    uint64_t hash =
        hash_of(execution->function, execution->qualifier, execution->name);
    struct lambda_execution *at = engine_table_find(&service->names, hash);

    if (at == execution) {
        engine_table_remove(&service->names, hash);
        if (execution->same_name &&
            engine_table_add(&service->names, hash, execution->same_name))
            service->failed = true;
        return;
    }
    while (at && at->same_name != execution)
        at = at->same_name;
    if (at)
        at->same_name = execution->same_name;
}

bool lambda_execution_rename(struct lambda_service *service,
                             struct lambda_execution *execution,
                             const char *qualifier, const char *name)
{
    remove_name(service, execution);
    execution->same_name = NULL;
    strcpy(execution->qualifier, qualifier);
    strcpy(execution->name, name);
    return add_name(service, execution);
}

/* Life -------------------------------------------------------------------- */

static void free_operation(struct lambda_operation *operation)
{
    free(operation->text);
    free(operation->name);
    free(operation->own_subtype);
    free(operation->target);
    free(operation->tenant);
    free(operation);
}

static void free_operations(struct lambda_execution *execution)
{
    for (uint32_t i = 0; i < execution->operations.count; i++) {
        struct lambda_operation *operation = execution->operations.items[i];
        while (operation) {
            struct lambda_operation *next = operation->same_low;
            free_operation(operation);
            operation = next;
        }
    }
    engine_table_free(&execution->operations);
}

void lambda_execution_free(struct lambda_execution *execution)
{
    if (execution->invocation) {
        free(execution->invocation->event.bytes);
        free(execution->invocation->output);
        free(execution->invocation);
    }
    free_operations(execution);
    free(execution->input);
    free(execution->result);
    free(execution->client_context);
    free(execution->thrown);
    free(execution->tenant);
    free(execution);
}

struct lambda_execution *lambda_execution_new(struct lambda_service *service,
                                              uint64_t run, uint32_t function,
                                              const char *qualifier,
                                              const char *name)
{
    struct lambda_execution *execution = calloc(1, sizeof(*execution));
    char id[LAMBDA_ID_SIZE];

    if (!execution)
        return NULL;
    lambda_id_write(run, id);
    execution->run = run;
    execution->function = function;
    execution->state = ENGINE_RUN_RUNNING;
    execution->started_ns = lambda_core_now(service->core);
    strncpy(execution->qualifier, qualifier, LAMBDA_QUALIFIER_MAX);
    strncpy(execution->name, name ? name : id, LAMBDA_EXECUTION_MAX);
    if (engine_table_add(&service->executions, run, execution)) {
        free(execution);
        return NULL;
    }
    if (add_name(service, execution))
        return execution;
    engine_table_remove(&service->executions, run);
    free(execution);
    return NULL;
}

void lambda_execution_drop(struct lambda_service *service,
                           struct lambda_execution *execution)
{
    remove_name(service, execution);
    if (execution->accepted)
        lambda_order_remove(&service->started, execution);
    engine_table_remove(&service->executions, execution->run);
    lambda_execution_free(execution);
}

/* The log ----------------------------------------------------------------- */

static void keep(struct lambda_service *service, unsigned char **to,
                 size_t *to_size, const void *bytes, size_t size)
{
    unsigned char *copy = malloc(size ? size : 1);

    if (!copy) {
        service->failed = true;
        return;
    }
    if (size > 0)
        memcpy(copy, bytes, size);
    free(*to);
    *to = copy;
    *to_size = size;
}

struct lambda_operation *
lambda_execution_operation(const struct lambda_execution *execution,
                           struct engine_hash id)
{
    struct lambda_operation *operation =
        id.lo ? engine_table_find(&execution->operations, id.lo) : NULL;

    while (operation && operation->id.hi != id.hi)
        operation = operation->same_low;
    return operation;
}

static bool add_operation(struct lambda_execution *execution,
                          struct lambda_operation *operation)
{
    struct lambda_operation *first =
        engine_table_find(&execution->operations, operation->id.lo);

    execution->operation_count++;
    if (!first)
        return engine_table_add(&execution->operations, operation->id.lo,
                                operation) == 0;
    operation->same_low = first->same_low;
    first->same_low = operation;
    return true;
}

static char *copy_more(struct engine_text id, char what)
{
    const char *text = history_more(id, what);

    return text ? strdup(text) : NULL;
}

static struct lambda_operation *
meet_operation(struct lambda_service *service,
               struct lambda_execution *execution,
               const struct engine_item *event,
               const struct engine_operation_view *view, uint64_t time_ns)
{
    const struct engine_hash id = {event->a, event->b};
    struct lambda_operation *operation =
        lambda_execution_operation(execution, id);

    if (operation)
        return operation;
    operation = calloc(1, sizeof(*operation));
    if (operation) {
        operation->id = id;
        operation->parent = view->head.parent;
        operation->type = (uint8_t)engine_operation_flag_type(event->flags);
        operation->subtype =
            (uint8_t)engine_operation_flag_subtype(event->flags);
        operation->text = strndup(view->id.text, view->id.size);
        operation->own_subtype = copy_more(view->id, HISTORY_SUBTYPE);
        operation->target = copy_more(view->id, HISTORY_FUNCTION);
        operation->tenant = copy_more(view->id, HISTORY_TENANT);
        operation->started_ns = time_ns;
    }
    if (operation && operation->text && add_operation(execution, operation))
        return operation;
    service->failed = true;
    if (operation)
        free_operation(operation);
    return NULL;
}

static bool ends_operation(unsigned kind)
{
    return kind == ENGINE_EV_OPERATION_SUCCEEDED ||
           kind == ENGINE_EV_OPERATION_FAILED ||
           kind == ENGINE_EV_OPERATION_CANCELLED ||
           kind == ENGINE_EV_OPERATION_FIRED ||
           kind == ENGINE_EV_OPERATION_TIMED_OUT ||
           kind == ENGINE_EV_OPERATION_STOPPED;
}

/* What no checkpoint of its function has brought. */
static bool is_outside(const struct engine_item *event)
{
    unsigned type = engine_operation_flag_type(event->flags);

    switch (event->kind) {
    case ENGINE_EV_OPERATION_FIRED:
    case ENGINE_EV_OPERATION_READY:
    case ENGINE_EV_OPERATION_TIMED_OUT:
    case ENGINE_EV_OPERATION_STOPPED:
        return true;
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
        return type == ENGINE_OPERATION_CALLBACK ||
               type == ENGINE_OPERATION_INVOKE;
    default:
        return false;
    }
}

/* One that has no name goes by that of the context it waits in. */
static struct engine_text
callback_name(const struct lambda_execution *execution,
              const struct engine_operation_view *view)
{
    const struct lambda_operation *parent =
        lambda_execution_operation(execution, view->head.parent);

    if (view->name.size > 0 || !parent || !parent->name)
        return view->name;
    return (struct engine_text){parent->name, strlen(parent->name)};
}

static void tell_callback(struct lambda_service *service,
                          const struct lambda_execution *execution,
                          const struct engine_item *event,
                          const struct engine_operation_view *view)
{
    struct engine_text name = callback_name(execution, view);
    struct engine_callback callback;

    if (!service->config.callback || service->reopening)
        return;
    engine_callback_write(execution->run, event->op,
                          (struct engine_hash){event->a, event->b}, &callback);
    const struct lambda_callback made = {
        .run = execution->run,
        .name = name.text,
        .name_size = name.size,
        .id = callback.id,
        .timeout_ns = view->head.first_ns,
        .heartbeat_ns = view->head.second_ns,
    };
    service->config.callback(service->config.self, &made);
}

/* Whether its timer, just started, was made to be late. */
static void fold_late(struct lambda_service *service,
                      const struct lambda_execution *execution,
                      struct lambda_operation *operation)
{
    for (uint32_t i = 0; i < service->delayed_count; i++) {
        const struct lambda_delayed *delayed = &service->delayed[i];
        if (delayed->run != execution->run ||
            !engine_hash_equal(delayed->id, operation->id))
            continue;
        operation->late_ns = delayed->ns;
        service->delayed[i] = service->delayed[--service->delayed_count];
        return;
    }
}

static void await_callback(struct lambda_service *service,
                           struct lambda_execution *execution,
                           struct lambda_operation *operation, bool awaited)
{
    if (operation->awaited == awaited)
        return;
    operation->awaited = awaited;
    execution->awaited += awaited ? 1 : UINT32_MAX;
    service->awaited += awaited ? 1 : UINT32_MAX;
}

static void fold_operation(struct lambda_service *service,
                           struct lambda_execution *execution,
                           const struct engine_item *event, uint64_t time_ns)
{
    struct engine_operation_view view = {.value = ""};
    struct lambda_operation *operation;

    if (event->size > 0 && engine_operation_view(event, &view))
        return;
    execution->recorded++;
    if (event->op == 0) { /* the result, of which the run's end says nothing */
        keep(service, &execution->result, &execution->result_size, view.value,
             view.head.value_size);
        return;
    }
    operation = meet_operation(service, execution, event, &view, time_ns);
    if (!operation)
        return;
    operation->number = event->op;
    if (is_outside(event) && !operation->news) {
        operation->news = true;
        execution->news++;
    }
    if (view.name.size > 0 && !operation->name)
        operation->name = strndup(view.name.text, view.name.size);
    fold_late(service, execution, operation);
    if (event->kind == ENGINE_EV_OPERATION_STARTED &&
        engine_operation_flag_type(event->flags) == ENGINE_OPERATION_WAIT)
        operation->due_ns = time_ns + view.head.first_ns - operation->late_ns;
    if (ends_operation(event->kind)) {
        operation->ended_ns = time_ns;
        await_callback(service, execution, operation, false);
    }
    if (event->kind == ENGINE_EV_OPERATION_STARTED &&
        engine_operation_flag_type(event->flags) == ENGINE_OPERATION_CALLBACK) {
        await_callback(service, execution, operation, true);
        tell_callback(service, execution, event, &view);
    }
}

static const struct lambda_operation *
operation_at(const struct lambda_execution *execution, uint32_t number)
{
    for (uint32_t i = 0; i < execution->operations.count; i++)
        for (const struct lambda_operation *one =
                 execution->operations.items[i];
             one; one = one->same_low)
            if (one->number == number)
                return one;
    return NULL;
}

/* One that another run invokes: of the version, and for the tenant, that it has
 * asked for. */
static struct lambda_execution *add_child(struct lambda_service *service,
                                          uint64_t run, uint32_t function,
                                          const struct engine_origin *origin)
{
    const struct lambda_execution *parent =
        lambda_execution_find(service, origin->parent);
    const struct lambda_operation *operation =
        parent ? operation_at(parent, origin->parent_op) : NULL;
    char name[LAMBDA_FUNCTION_MAX + 1];
    char qualifier[LAMBDA_QUALIFIER_MAX + 1] = "";
    struct lambda_execution *execution;

    if (operation && operation->target &&
        !lambda_function_parse(operation->target, name, qualifier))
        qualifier[0] = '\0';
    execution = lambda_execution_new(
        service, run, function,
        *qualifier ? lambda_version(qualifier) : "$LATEST", NULL);
    if (!execution)
        return NULL;
    execution->parent = origin->parent;
    if (operation && operation->tenant)
        execution->tenant = strdup(operation->tenant);
    return execution;
}

static void fold_created(struct lambda_service *service, uint64_t run,
                         const struct engine_item *event, uint64_t time_ns)
{
    struct lambda_execution *execution = lambda_execution_find(service, run);
    size_t skip =
        event->flags & ENGINE_CREATED_ORIGIN ? sizeof(struct engine_origin) : 0;
    struct engine_origin origin = {0};

    if (event->size < skip) {
        service->failed = true;
        return;
    }
    memcpy(&origin, engine_item_payload(event), skip);
    if (!execution)
        execution = add_child(service, run, (uint32_t)event->a, &origin);
    if (!execution) {
        service->failed = true;
        return;
    }
    execution->started_ns = time_ns;
    execution->accepted = true;
    if (!lambda_order_add(&service->started, execution))
        service->failed = true;
    keep(service, &execution->input, &execution->input_size,
         (const unsigned char *)engine_item_payload(event) + skip,
         event->size - skip);
    lambda_invoke_started(service, execution);
}

static void fold_end(struct lambda_service *service,
                     struct lambda_execution *execution,
                     const struct engine_item *event, uint32_t state,
                     uint64_t time_ns)
{
    const void *bytes = engine_item_payload(event);
    size_t size = event->size;

    if (state == ENGINE_RUN_SUCCEEDED) {
        const struct engine_value *value = engine_value_at(bytes, size, 0);
        bytes = value ? engine_value_bytes(value) : "";
        size = value ? value->size : 0;
    }
    if (size > 0 || !execution->result)
        keep(service, &execution->result, &execution->result_size, bytes, size);
    service->awaited -= execution->awaited;
    execution->awaited = 0;
    execution->state = state;
    execution->ended_ns = time_ns;
    lambda_retain(service, execution);
    lambda_invoke_ended(service, execution);
}

void lambda_execution_fold(struct lambda_service *service, uint64_t run,
                           const struct engine_item *event, uint64_t time_ns)
{
    struct lambda_execution *execution;

    service->events++;
    if (event->kind == ENGINE_EV_RUN_CREATED) {
        fold_created(service, run, event, time_ns);
        return;
    }
    execution = lambda_execution_find(service, run);
    if (!execution)
        return;
    if (event->kind >= ENGINE_EV_OPERATION_STARTED &&
        event->kind <= ENGINE_EV_OPERATION_HEARTBEAT) {
        fold_operation(service, execution, event, time_ns);
        return;
    }
    switch (event->kind) {
    case ENGINE_EV_RUN_SUCCEEDED:
        fold_end(service, execution, event, ENGINE_RUN_SUCCEEDED, time_ns);
        break;
    case ENGINE_EV_RUN_FAILED:
        fold_end(service, execution, event, ENGINE_RUN_FAILED, time_ns);
        break;
    case ENGINE_EV_RUN_TIMED_OUT:
        fold_end(service, execution, event, ENGINE_RUN_TIMED_OUT, time_ns);
        break;
    case ENGINE_EV_RUN_CANCELLED:
    case ENGINE_EV_RUN_STOPPED:
        fold_end(service, execution, event, ENGINE_RUN_STOPPED, time_ns);
        break;
    default:
        break;
    }
}

/* What the API says of it ------------------------------------------------- */

uint32_t lambda_execution_write(const struct lambda_execution *execution,
                                const void *items, size_t size,
                                struct json_writer *w, enum lambda_times times,
                                uint32_t most, uint32_t *next)
{
    uint32_t written = 0;

    for (size_t at = 0; at < size;) {
        const struct engine_item *item =
            (const void *)((const unsigned char *)items + at);
        struct lambda_operation *self = lambda_execution_operation(
            execution, (struct engine_hash){item->a, item->b});
        struct engine_operation_view view;
        at += engine_item_span(item->size);
        if (item->op == 0 || !self || engine_operation_view(item, &view))
            continue;
        if (written == most) {
            *next = item->op;
            return written;
        }
        lambda_operation_write(
            w, execution->run, item, self,
            lambda_execution_operation(execution, view.head.parent), times);
        written++;
    }
    return written;
}

static void write_news(struct lambda_execution *execution,
                       struct lambda_operation *operation,
                       struct json_writer *w)
{
    if (!operation->news)
        return;
    operation->news = false;
    execution->news--;
    if (w)
        json_put_words(w, NULL, operation->text);
}

void lambda_execution_write_news(struct lambda_execution *execution,
                                 struct json_writer *w)
{
    for (uint32_t i = 0; execution->news > 0 && i < execution->operations.count;
         i++)
        for (struct lambda_operation *one = execution->operations.items[i]; one;
             one = one->same_low)
            write_news(execution, one, w);
}

struct engine_text
lambda_execution_input(const struct lambda_execution *execution)
{
    if (execution->input_size == 0)
        return (struct engine_text){"{}", 2};
    return (struct engine_text){(const char *)execution->input,
                                execution->input_size};
}

void lambda_execution_write_self(const struct lambda_execution *execution,
                                 struct json_writer *w, enum lambda_times times)
{
    struct engine_text input = lambda_execution_input(execution);
    char id[LAMBDA_ID_SIZE];

    lambda_id_write(execution->run, id);
    json_open(w, NULL);
    json_put_words(w, "Id", id);
    json_put_words(w, "Name", execution->name);
    json_put_words(w, "Type", "EXECUTION");
    json_put_words(w, "Status", "STARTED");
    if (times == LAMBDA_SECONDS)
        json_put_seconds(w, "StartTimestamp", execution->started_ns);
    else
        json_put_millis(w, "StartTimestamp", execution->started_ns);
    json_open(w, "ExecutionDetails");
    (void)json_put_string(w, "InputPayload", input.text, input.size);
    json_close(w);
    json_close(w);
}

void lambda_execution_arn(const struct lambda_service *service,
                          const struct lambda_execution *execution,
                          char out[LAMBDA_ARN_SIZE])
{
    lambda_arn_write(service->functions[execution->function].name,
                     execution->qualifier, execution->name, execution->run,
                     out);
}

const char *lambda_execution_status(const struct lambda_execution *execution)
{
    switch (execution->state) {
    case ENGINE_RUN_SUCCEEDED:
        return "SUCCEEDED";
    case ENGINE_RUN_FAILED:
        return "FAILED";
    case ENGINE_RUN_TIMED_OUT:
        return "TIMED_OUT";
    case ENGINE_RUN_STOPPED:
        return "STOPPED";
    default:
        return "RUNNING";
    }
}

void lambda_execution_write_error(const struct lambda_execution *execution,
                                  struct json_writer *w, const char *name)
{
    static const struct engine_text unknown = {"", 0};

    lambda_error_write(w, name, unknown, execution->result,
                       execution->result_size);
}

bool lambda_service_standing(const struct lambda_service *service, uint64_t run,
                             struct lambda_standing *standing)
{
    const struct lambda_execution *execution =
        engine_table_find(&service->executions, run);

    if (!execution)
        return false;
    *standing = (struct lambda_standing){
        .name = execution->name,
        .qualifier = execution->qualifier,
        .function = execution->function,
        .status = lambda_execution_status(execution),
        .result = execution->ended_ns ? execution->result : NULL,
        .size = execution->result_size,
        .operations = execution->operation_count,
        .recorded = execution->recorded,
        .started_ns = execution->started_ns,
        .ended_ns = execution->ended_ns,
    };
    return true;
}
