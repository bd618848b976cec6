/*
 * What the service keeps beside the logs, and how it takes both up again.
 * Notes are written in the groups that they belong to: an execution has its
 * name as soon as it is durable, and never without.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/service_private.h"
#include "engine/host/registry.h"
#include "engine/host/store_note.h"
#include "engine/host/store_upkeep.h"

enum note {
    NOTE_SERVICE = 1,
    NOTE_FUNCTION, /* by its number */
    NOTE_EXECUTION /* by its run */
};

struct service_note {
    uint64_t next_run;
    uint32_t incarnation;
    uint32_t reserved;
};

/* Before its name. */
struct function_note {
    uint64_t timeout_ns;
    uint64_t execution_timeout_ns;
    uint32_t retention_days;
    uint8_t durable;
    uint8_t removed; /* its number is kept for executions that have ended */
    uint8_t reserved[2];
};

enum {
    NOTE_SIZE = 1024,
    PURGE_ROWS = 4096
};

static int fail(struct lambda_service *service, const char *why)
{
    if (service->config.why && !service->config.why[0])
        snprintf(service->config.why, LAMBDA_SERVICE_WHY_SIZE, "%s", why);
    service->failed = true;
    return -1;
}

static struct engine_store *store_of(struct lambda_service *service)
{
    return &service->config.store;
}

/* Writing ----------------------------------------------------------------- */

/* A note in a group of its own. */
static int put_alone(struct lambda_service *service, enum note kind,
                     uint64_t id, const void *bytes, size_t size)
{
    const struct engine_store *store = store_of(service);

    if (store->ops->begin(store->self, lambda_core_now(service->core)))
        return -1;
    if (store_note_put(store_of(service), kind, id, bytes, size)) {
        store->ops->rollback(store->self);
        return -1;
    }
    return store->ops->commit(store->self);
}

bool lambda_keep_function(struct lambda_service *service, uint32_t number)
{
    const struct lambda_function *function = &service->functions[number];
    const struct function_note head = {
        .timeout_ns = function->timeout_ns,
        .execution_timeout_ns = function->execution_timeout_ns,
        .retention_days = function->retention_days,
        .durable = function->durable,
        .removed = service->removed[number],
    };
    unsigned char note[sizeof(head) + LAMBDA_FUNCTION_MAX];
    size_t size = strnlen(function->name, LAMBDA_FUNCTION_MAX);

    if (service->reopening)
        return true;
    memcpy(note, &head, sizeof(head));
    memcpy(note + sizeof(head), function->name, size);
    return put_alone(service, NOTE_FUNCTION, number, note,
                     sizeof(head) + size) == 0;
}

int lambda_keep_execution(struct lambda_service *service,
                          const struct lambda_execution *execution)
{
    const struct lambda_call *call = execution->waiting;
    const bool awaited = call && call->type == LAMBDA_REQUEST_RESPONSE;
    const char *const texts[] = {execution->qualifier, execution->name,
                                 execution->trace, awaited ? "awaited" : ""};
    char note[NOTE_SIZE];
    char *at = note;

    _Static_assert(LAMBDA_QUALIFIER_MAX + LAMBDA_EXECUTION_MAX +
                           LAMBDA_TRACE_MAX + 16 <
                       NOTE_SIZE,
                   "a note holds all texts of an execution");
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        at = stpcpy(at, texts[i]) + 1;
    return store_note_put(store_of(service), NOTE_EXECUTION, execution->run,
                          note, (size_t)(at - note));
}

static int keep_service(struct lambda_service *service)
{
    const struct service_note note = {.next_run = service->next_run,
                                      .incarnation =
                                          service->config.incarnation};

    return put_alone(service, NOTE_SERVICE, 0, &note, sizeof(note));
}

/* Its number is not given again. */
int lambda_keep_nothing(struct lambda_service *service, uint64_t run)
{
    const struct service_note note = {.next_run = service->next_run,
                                      .incarnation =
                                          service->config.incarnation};

    return store_note_remove(store_of(service), NOTE_EXECUTION, run) ||
                   store_note_put(store_of(service), NOTE_SERVICE, 0, &note,
                                  sizeof(note))
               ? -1
               : 0;
}

/* Reading ----------------------------------------------------------------- */

/* Visits nothing but the service's own note, which is the first. */
static int find_own(void *self, uint32_t kind, uint64_t id, const void *bytes,
                    size_t size)
{
    struct service_note *own = self;

    (void)id;
    if (kind == NOTE_SERVICE && size == sizeof(*own))
        memcpy(own, bytes, size);
    return 1;
}

static int read_function(struct lambda_service *service, uint64_t number,
                         const void *bytes, size_t size)
{
    char name[LAMBDA_FUNCTION_MAX + 1] = "";
    struct function_note head;

    if (size <= sizeof(head) || size > sizeof(head) + LAMBDA_FUNCTION_MAX)
        return -1;
    memcpy(&head, bytes, sizeof(head));
    memcpy(name, (const char *)bytes + sizeof(head), size - sizeof(head));
    const struct lambda_function function = {
        .name = name,
        .durable = head.durable != 0,
        .timeout_ns = head.timeout_ns,
        .execution_timeout_ns = head.execution_timeout_ns,
        .retention_days = head.retention_days,
    };
    if (lambda_service_register(service, &function) != number)
        return -1;
    service->removed[number] = head.removed != 0;
    return 0;
}

/* The next of a note's texts; NULL: there is none, or it is too long. */
static const char *next_text(const char **at, const char *end, size_t max)
{
    const char *text = *at;
    size_t size = strnlen(text, (size_t)(end - text));

    if (size > max || text + size == end)
        return NULL;
    *at = text + size + 1;
    return text;
}

static int read_execution(struct lambda_service *service, uint64_t run,
                          const void *bytes, size_t size)
{
    struct lambda_execution *execution = lambda_execution_find(service, run);
    const char *at = bytes;
    const char *end = at + size;
    const char *qualifier = next_text(&at, end, LAMBDA_QUALIFIER_MAX);
    const char *name =
        qualifier ? next_text(&at, end, LAMBDA_EXECUTION_MAX) : NULL;
    const char *trace = name ? next_text(&at, end, LAMBDA_TRACE_MAX) : NULL;
    const char *awaited = trace ? next_text(&at, end, LAMBDA_TRACE_MAX) : NULL;

    if (!awaited)
        return -1;
    if (!execution)
        return 0; /* it was removed, but for this */
    strcpy(execution->trace, trace);
    execution->abandoned = awaited[0] != '\0';
    return lambda_execution_rename(service, execution, qualifier, name) ? 0
                                                                        : -1;
}

static int read_functions(void *self, uint32_t kind, uint64_t id,
                          const void *bytes, size_t size)
{
    return kind == NOTE_FUNCTION ? read_function(self, id, bytes, size) : 0;
}

static int read_executions(void *self, uint32_t kind, uint64_t id,
                           const void *bytes, size_t size)
{
    return kind == NOTE_EXECUTION ? read_execution(self, id, bytes, size) : 0;
}

static int read_run(void *self, const struct engine_run_row *row)
{
    struct lambda_service *service = self;

    if (row->run <= HOST_RUN_MAX && row->run >= service->next_run)
        service->next_run = row->run + 1;
    if (store_is_archived(row))
        return 0;
    if (row->workflow >= service->function_count)
        return fail(service, "it holds runs that no `perdure lambda serve` has "
                             "started: give it a file of its own");
    return lambda_execution_new(service, row->run, row->workflow, "$LATEST",
                                NULL)
               ? 0
               : -1;
}

static int read_row(void *self, const struct engine_log_row *row)
{
    struct lambda_service *service = self;
    const unsigned char *at = row->items;
    size_t left = row->items_size;

    if (!lambda_execution_find(service, row->run))
        return 0; /* of one that was removed */
    while (left >= sizeof(struct engine_item)) {
        const struct engine_item *item = (const void *)at;
        size_t span = engine_item_span(item->size);
        if (span > left)
            return -1;
        lambda_execution_fold(service, row->run, item, row->time_ns);
        at += span;
        left -= span;
    }
    return service->failed || left > 0 ? -1 : 0;
}

static int purge(struct lambda_service *service)
{
    int more;

    do
        more = store_purge(store_of(service), lambda_core_now(service->core),
                           PURGE_ROWS);
    while (more > 0);
    return more;
}

static int read_all(struct lambda_service *service)
{
    const struct engine_store *store = store_of(service);

    if (purge(service) ||
        store_note_scan(store_of(service), read_functions, service) ||
        store->ops->scan_runs(store->self, read_run, service) ||
        store_note_scan(store_of(service), read_executions, service) ||
        store->ops->scan_log(store->self, 0, read_row, service))
        return fail(service, "what it holds of executions cannot be read");
    return 0;
}

int lambda_keep_find(struct lambda_service_config *config, uint64_t *next_run)
{
    struct service_note own = {.next_run = 1, .incarnation = 1};
    uint64_t last_ns;
    int found = store_note_scan(&config->store, find_own, &own);

    if (found < 0 || store_last_time(&config->store, &last_ns))
        return -1;
    *next_run = own.next_run;
    if (last_ns == 0)
        return 0; /* no run was ever made */
    if (config->incarnation <= own.incarnation)
        config->incarnation = own.incarnation + 1;
    if (config->now_ns < last_ns)
        config->now_ns = last_ns;
    return 1;
}

static void forget_call(struct lambda_call *call, int status,
                        const char *exception, const void *body, size_t size)
{
    (void)status;
    (void)exception;
    (void)body;
    (void)size;
    free(call);
}

/* A plain function is not run again for a caller that has gone with the
 * service before. */
static int end_abandoned(struct lambda_service *service)
{
    for (uint32_t i = 0; i < service->executions.count; i++) {
        const struct lambda_execution *execution = service->executions.items[i];
        struct lambda_call *call;
        if (!execution->abandoned || execution->ended_ns ||
            service->functions[execution->function].durable)
            continue;
        call = calloc(1, sizeof(*call));
        if (!call)
            return -1;
        call->answer = forget_call;
        lambda_call_stop_run(service, call, execution->run);
    }
    return 0;
}

int lambda_keep_open(struct lambda_service *service)
{
    int result;

    service->reopening = true;
    result = read_all(service);
    service->reopening = false;
    if (result)
        return -1;
    if (keep_service(service) ||
        store_end_holders(store_of(service), lambda_core_now(service->core)))
        return fail(service, "it cannot be written");
    return end_abandoned(service);
}
