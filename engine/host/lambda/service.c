#include "engine/host/lambda/service_private.h"

#include <stdlib.h>
#include <string.h>

/* What the engine says ---------------------------------------------------- */

static void acknowledge(struct lambda_service *service, uint64_t run)
{
    const struct engine_message head = {
        .kind = ENGINE_MSG_RESULT_ACK, .from = LAMBDA_NODE_CLIENT, .run = run};

    lambda_core_send(service->core, &head, NULL, 0);
}

static void take_message(void *self, const struct engine_message *message)
{
    struct lambda_service *service = self;

    switch (message->kind) {
    case ENGINE_MSG_DISPATCH:
        lambda_invocation_dispatched(service, message);
        break;
    case ENGINE_MSG_CHECKPOINTED:
    case ENGINE_MSG_STATE_PAGE:
        lambda_call_answered(service, message);
        break;
    case ENGINE_MSG_BUSY:
    case ENGINE_MSG_REFUSED:
        lambda_invoke_refused(service, message);
        break;
    case ENGINE_MSG_RESULT:
        acknowledge(service, message->run);
        break;
    default:
        break;
    }
}

static void take_reply(void *self, uint64_t tag,
                       const struct engine_request *asked,
                       const struct engine_reply *reply)
{
    struct lambda_service *service = self;
    struct lambda_invocation *invocation =
        engine_table_find(&service->working, asked->run);
    bool its = invocation && invocation->attempt == asked->attempt;

    switch (tag & ((1U << LAMBDA_ASKED_BITS) - 1)) {
    case LAMBDA_ASKED_CLAIM:
        if (its)
            lambda_invocation_claimed(service, invocation, reply);
        break;
    case LAMBDA_ASKED_FINISH:
        if (its)
            lambda_invocation_finished(service, invocation, reply);
        break;
    case LAMBDA_ASKED_SIGNAL:
        lambda_call_signalled(service, tag >> LAMBDA_ASKED_BITS, reply);
        break;
    default:
        break;
    }
}

/* What a run begins with is kept as soon as the run is. */
static int take_applied(void *self, const struct engine_request *request,
                        const struct engine_reply *reply)
{
    struct lambda_service *service = self;
    const struct lambda_execution *execution;

    if (request->kind != ENGINE_REQ_CREATE ||
        reply->outcome != ENGINE_COMMITTED)
        return 0;
    execution = lambda_execution_find(service, request->run);
    return execution ? lambda_keep_execution(service, execution) : 0;
}

static void take_commit(void *self, const struct engine_request *request,
                        const struct engine_reply *reply)
{
    struct lambda_service *service = self;

    if (reply->outcome != ENGINE_COMMITTED ||
        (request->kind != ENGINE_REQ_CREATE &&
         request->kind != ENGINE_REQ_APPEND))
        return;
    ENGINE_REQUEST_ITEMS(request, item)
    {
        if (item->type == ENGINE_ITEM_EVENT)
            lambda_execution_fold(service, request->run, item,
                                  reply->store_time_ns);
    }
}

/* Functions --------------------------------------------------------------- */

static uint32_t number_of(const struct lambda_service *service,
                          const char *name)
{
    for (uint32_t i = 0; i < service->function_count; i++)
        if (strcmp(service->functions[i].name, name) == 0)
            return i;
    return UINT32_MAX;
}

bool lambda_service_has(const struct lambda_service *service, uint32_t number)
{
    return number < service->function_count && !service->removed[number];
}

uint32_t lambda_service_find(const struct lambda_service *service,
                             const char *name)
{
    uint32_t number = number_of(service, name);

    return lambda_service_has(service, number) ? number : UINT32_MAX;
}

uint32_t lambda_service_running(const struct lambda_service *service,
                                uint32_t function)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < service->executions.count; i++) {
        const struct lambda_execution *execution = service->executions.items[i];
        count += !execution->ended_ns &&
                 (function == UINT32_MAX || execution->function == function);
    }
    return count;
}

int lambda_service_remove(struct lambda_service *service, uint32_t number)
{
    if (lambda_service_running(service, number) > 0)
        return -1;
    service->removed[number] = true;
    return lambda_keep_function(service, number) ? 0 : -1;
}

static bool same_function(const struct lambda_function *a,
                          const struct lambda_function *b)
{
    return a->durable == b->durable && a->timeout_ns == b->timeout_ns &&
           a->execution_timeout_ns == b->execution_timeout_ns &&
           a->retention_days == b->retention_days;
}

static uint32_t register_again(struct lambda_service *service, uint32_t number,
                               const struct lambda_function *function)
{
    struct lambda_function *place = &service->functions[number];
    const char *name = place->name;

    if (same_function(place, function) && !service->removed[number])
        return number;
    if (!lambda_core_change(service->core, number, function->timeout_ns,
                            function->execution_timeout_ns))
        return UINT32_MAX;
    *place = *function;
    place->name = name;
    service->removed[number] = false;
    return lambda_keep_function(service, number) ? number : UINT32_MAX;
}

void lambda_service_expect(struct lambda_service *service, const char *name,
                           size_t size)
{
    char text[LAMBDA_FUNCTION_MAX + 1] = "";
    const struct lambda_function missing = {.name = text,
                                            .timeout_ns = UINT64_C(1000000000)};
    uint32_t number;

    if (size > LAMBDA_FUNCTION_MAX ||
        service->function_count >= LAMBDA_FUNCTIONS_MAX / 2)
        return;
    memcpy(text, name, size);
    if (number_of(service, text) != UINT32_MAX)
        return;
    number = lambda_service_register(service, &missing);
    if (number != UINT32_MAX)
        service->removed[number] = true;
}

uint32_t lambda_service_register(struct lambda_service *service,
                                 const struct lambda_function *function)
{
    uint32_t number = number_of(service, function->name);
    char *name;

    if (number != UINT32_MAX)
        return register_again(service, number, function);
    name = strdup(function->name);
    if (!name)
        return UINT32_MAX;
    number = lambda_core_add(service->core, name, function->timeout_ns,
                             function->execution_timeout_ns);
    if (number == UINT32_MAX) {
        free(name);
        return UINT32_MAX;
    }
    service->functions[number] = *function;
    service->functions[number].name = name;
    service->function_count = number + 1;
    return lambda_keep_function(service, number) ? number : UINT32_MAX;
}

const struct lambda_function *
lambda_service_function(const struct lambda_service *service, uint32_t number)
{
    return &service->functions[number];
}

uint32_t lambda_service_functions(const struct lambda_service *service)
{
    return service->function_count;
}

const struct engine_graph *const *
lambda_service_graphs(const struct lambda_service *service)
{
    return lambda_core_graphs(service->core);
}

struct engine_store *lambda_service_store(struct lambda_service *service)
{
    return lambda_core_store(service->core);
}

/* Time -------------------------------------------------------------------- */

int lambda_service_turn(struct lambda_service *service, uint64_t now_ns)
{
    int result;

    do {
        result = lambda_core_turn(service->core, now_ns);
        lambda_invocation_attend(service);
    } while (!result && !service->failed && lambda_core_busy(service->core));
    if (!result && !service->failed)
        lambda_retain_attend(service);
    return result || service->failed ? -1 : 0;
}

bool lambda_service_busy(const struct lambda_service *service)
{
    return lambda_core_busy(service->core);
}

uint64_t lambda_service_deadline(const struct lambda_service *service)
{
    uint64_t core = lambda_core_deadline(service->core);
    uint64_t due = lambda_invocation_due(service);

    return due < core ? due : core;
}

uint64_t lambda_service_due(const struct lambda_service *service)
{
    uint64_t core = lambda_core_due(service->core);
    uint64_t due = lambda_invocation_due(service);

    return due < core ? due : core;
}

bool lambda_service_awaits(const struct lambda_service *service,
                           uint64_t *over_ns)
{
    *over_ns = UINT64_MAX;
    if (service->awaited == 0)
        return false;
    for (uint32_t i = 0; i < service->executions.count; i++) {
        const struct lambda_execution *execution = service->executions.items[i];
        uint64_t over =
            execution->started_ns +
            service->functions[execution->function].execution_timeout_ns;
        if (execution->awaited > 0 && over < *over_ns)
            *over_ns = over;
    }
    return true;
}

uint64_t lambda_service_events(const struct lambda_service *service)
{
    return service->events;
}

uint64_t lambda_service_now(const struct lambda_service *service)
{
    return lambda_core_now(service->core);
}

/* Life -------------------------------------------------------------------- */

static struct lambda_core *make_core(struct lambda_service *service)
{
    const struct lambda_service_config *config = &service->config;
    const struct lambda_core_config core = {
        .store = config->store,
        .limits = config->limits,
        .seed = config->seed,
        .now_ns = config->now_ns,
        .lease_ns = config->lease_ns,
        .incarnation = config->incarnation,
        .sink = config->sink,
        .message = take_message,
        .reply = take_reply,
        .applied = take_applied,
        .committed = take_commit,
        .self = service,
    };

    return lambda_core_new(&core);
}

void lambda_service_leave(struct lambda_service *service)
{
    if (service->core)
        lambda_core_leave(service->core);
}

static struct lambda_service *give_up(struct lambda_service *service)
{
    lambda_service_leave(service);
    lambda_service_free(service);
    return NULL;
}

struct lambda_service *
lambda_service_new(const struct lambda_service_config *config)
{
    struct lambda_service *service = calloc(1, sizeof(*service));
    int found;

    if (!service)
        return NULL;
    service->config = *config;
    if (service->config.page_items == 0)
        service->config.page_items = 100;
    found = lambda_keep_find(&service->config, &service->next_run);
    if (found >= 0)
        service->core = make_core(service);
    if (!service->core || (found > 0 && lambda_keep_open(service)))
        return give_up(service);
    return service;
}

void lambda_service_free(struct lambda_service *service)
{
    if (!service)
        return;
    for (uint32_t i = 0; i < service->executions.count; i++)
        lambda_execution_free(service->executions.items[i]);
    engine_table_free(&service->executions);
    engine_table_free(&service->names);
    free(service->started.items);
    engine_timers_free(&service->retained);
    engine_table_free(&service->working);
    for (uint32_t i = 0; i < service->function_count; i++)
        free((char *)service->functions[i].name);
    lambda_history_forget(service);
    lambda_core_free(service->core);
    free(service->out.bytes);
    free(service->kept.bytes);
    free(service);
}
