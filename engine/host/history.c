#include "engine/host/history.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/json_write.h"
#include "engine/invoke.h"
#include "engine/operation.h"
#include "engine/value.h"
#include "engine/workflow.h"

enum {
    TYPE_ROOM = 40,
    ID_ROOM = 33,
    ARN_ROOM = 512
};

/*
 * Of an entry of the table: status is STARTED once its Started event is
 * written; due_ns is a wait's duration; error is AMBIGUOUS while an operator
 * is to decide.
 */
struct history {
    uint64_t run;
    bool handler;
    struct engine_operations operations;
    struct json_writer out;
    size_t *ends; /* of each event in out */
    uint32_t count;
    uint32_t capacity;
    uint64_t invoked_ns;
    const struct history_view *view; /* NULL: the engine's own */
};

const char *history_more(struct engine_text id, char what)
{
    const char *end = id.text + id.size;
    const char *at = id.size ? memchr(id.text, '\0', id.size) : NULL;

    while (at && ++at < end) {
        if (*at == what)
            return at + 1;
        at = memchr(at, '\0', (size_t)(end - at));
    }
    return NULL;
}

/* Whole seconds; what has begun counts. */
static void duration(struct history *h, const char *name, uint64_t ns)
{
    json_put_number(&h->out, name,
                    ns / ENGINE_SECOND + (ns % ENGINE_SECOND != 0));
}

static bool is_bare(const struct history *h)
{
    return h->view && h->view->bare;
}

static const char empty[] = "";

/* An Input or Result; whole false: the bytes are kept elsewhere. Nothing is
 * none, but for the one that is empty. */
static void payload(struct history *h, const char *name, const void *bytes,
                    size_t size, bool whole)
{
    whole = whole && !is_bare(h);
    json_open(&h->out, name);
    if (whole && (size > 0 || bytes == empty))
        whole = json_put_string(&h->out, "Payload", bytes, size);
    json_put_bool(&h->out, "Truncated", !whole);
    json_close(&h->out);
}

/* Whether the members that came with an error say its type. */
static bool says_type(const char *members, size_t size)
{
    static const char start[] = "\"ErrorType\":";

    return size >= sizeof(start) - 1 &&
           memcmp(members, start, sizeof(start) - 1) == 0;
}

/* kept: its words, and behind a zero byte other members of the object. */
static void error_of(struct history *h, uint32_t error, struct engine_text type,
                     const void *kept, size_t size)
{
    const char *words = kept;
    size_t length = size > 0 ? strnlen(words, size) : 0;
    size_t more = length < size ? size - length - 1 : 0;
    bool whole;

    json_open(&h->out, "Error");
    if (is_bare(h)) {
        json_put_bool(&h->out, "Truncated", true);
        json_close(&h->out);
        return;
    }
    json_open(&h->out, "Payload");
    whole = (h->view && length == 0) ||
            json_put_string(&h->out, "ErrorMessage", words, length);
    if (type.size > 0)
        whole = json_put_string(&h->out, "ErrorType", type.text, type.size) &&
                whole;
    else if (!h->view && (!more || !says_type(words + length + 1, more)))
        json_put_words(&h->out, "ErrorType",
                       engine_error_name(error ? error : ENGINE_ERR_USER));
    if (more)
        json_put_members(&h->out, words + length + 1, more);
    json_close(&h->out);
    json_put_bool(&h->out, "Truncated", !whole);
    json_close(&h->out);
}

int history_arn(char *out, size_t room, const char *workflow,
                size_t workflow_size, uint64_t run)
{
    return snprintf(out, room,
                    "arn:perdure:lambda:local:000000000000:function:%.*s:"
                    "$LATEST/durable-execution/%" PRIu64 "/%" PRIu64,
                    (int)workflow_size, workflow, run, run);
}

/* Events ------------------------------------------------------------------ */

static const char *subtype_of(const struct engine_op_entry *entry)
{
    static const char *const names[ENGINE_SUBTYPE_COUNT] = {
        [ENGINE_SUBTYPE_STEP] = "Step",
        [ENGINE_SUBTYPE_WAIT] = "Wait",
        [ENGINE_SUBTYPE_CALLBACK] = "Callback",
        [ENGINE_SUBTYPE_RUN_IN_CHILD_CONTEXT] = "RunInChildContext",
        [ENGINE_SUBTYPE_MAP] = "Map",
        [ENGINE_SUBTYPE_MAP_ITERATION] = "MapIteration",
        [ENGINE_SUBTYPE_PARALLEL] = "Parallel",
        [ENGINE_SUBTYPE_PARALLEL_BRANCH] = "ParallelBranch",
        [ENGINE_SUBTYPE_WAIT_FOR_CALLBACK] = "WaitForCallback",
        [ENGINE_SUBTYPE_WAIT_FOR_CONDITION] = "WaitForCondition",
        [ENGINE_SUBTYPE_CHAINED_INVOKE] = "ChainedInvoke",
        [ENGINE_SUBTYPE_COMPENSATION] = "Compensation",
    };

    if (entry->type == ENGINE_OPERATION_SEND)
        return "Send";
    if (entry->type == ENGINE_OPERATION_RECEIVE)
        return "Receive";
    return names[entry->subtype]
               ? names[entry->subtype]
               : history_more(entry->id_text, HISTORY_SUBTYPE);
}

/* What event types of this operation begin with. */
static const char *noun_of(const struct engine_op_entry *entry)
{
    switch (entry->type) {
    case ENGINE_OPERATION_CONTEXT:
        return "Context";
    case ENGINE_OPERATION_WAIT:
        return "Wait";
    case ENGINE_OPERATION_CALLBACK:
        return "Callback";
    case ENGINE_OPERATION_INVOKE:
        return "ChainedInvoke";
    default:
        return "Step";
    }
}

static bool is_step(const struct engine_op_entry *entry)
{
    return entry->type == ENGINE_OPERATION_STEP ||
           entry->type == ENGINE_OPERATION_SEND ||
           entry->type == ENGINE_OPERATION_RECEIVE;
}

static void put_id(struct history *h, const char *name,
                   const struct engine_op_entry *entry)
{
    char id[ID_ROOM];

    if (entry->id_text.size > 0) {
        (void)json_put_string(
            &h->out, name, entry->id_text.text,
            strnlen(entry->id_text.text, entry->id_text.size));
        return;
    }
    (void)snprintf(id, sizeof(id), "%016" PRIx64 "%016" PRIx64, entry->id.hi,
                   entry->id.lo);
    json_put_words(&h->out, name, id);
}

static void put_identity(struct history *h, const struct engine_op_entry *entry)
{
    put_id(h, "Id", entry);
    if (entry->name.size > 0)
        (void)json_put_string(&h->out, "Name", entry->name.text,
                              entry->name.size);
    if (entry->parent)
        put_id(h, "ParentId", &h->operations.entries[entry->parent]);
}

static void put_run(struct history *h)
{
    json_put_words(&h->out, "Id", h->view->id);
    json_put_words(&h->out, "Name", h->view->name);
}

/* Begins an event; what follows are members of its details. */
static void begin(struct history *h, const char *noun, const char *verb,
                  const struct engine_op_entry *entry, uint64_t time_ns)
{
    char type[TYPE_ROOM];
    char details[TYPE_ROOM];

    (void)snprintf(type, sizeof(type), "%s%s", noun, verb);
    (void)snprintf(details, sizeof(details), "%s%sDetails", noun, verb);
    h->out.first = true;
    json_open(&h->out, NULL);
    json_put_words(&h->out, "EventType", type);
    if (entry && subtype_of(entry))
        json_put_words(&h->out, "SubType", subtype_of(entry));
    json_put_number(&h->out, "EventId", h->count + UINT64_C(1));
    if (entry)
        put_identity(h, entry);
    else if (h->view && strcmp(noun, "Execution") == 0)
        put_run(h);
    json_put_seconds(&h->out, "EventTimestamp", time_ns);
    json_open(&h->out, details);
}

/* Ends the event: 0 or -1. */
static int end(struct history *h)
{
    uint32_t capacity = h->capacity ? h->capacity * 2 : 64;
    size_t *ends;

    json_close(&h->out);
    json_close(&h->out);
    if (h->out.failed)
        return -1;
    if (h->count == h->capacity) {
        ends = realloc(h->ends, capacity * sizeof(*ends));
        if (!ends)
            return -1;
        h->ends = ends;
        h->capacity = capacity;
    }
    h->ends[h->count++] = h->out.size;
    return 0;
}

/* Operations -------------------------------------------------------------- */

static const struct engine_text no_text = {"", 0};

/* One thing that happened to an operation. */
struct change {
    const struct engine_item *event;
    struct engine_operation_view view;
    struct engine_op_entry *entry;
    uint64_t time_ns;
};

static void begin_change(struct history *h, const struct change *c,
                         const char *verb)
{
    begin(h, noun_of(c->entry), verb, c->entry, c->time_ns);
}

static void put_value(struct history *h, const char *name,
                      const struct change *c)
{
    unsigned options = engine_operation_flag_options(c->event->flags);
    bool nothing = c->view.head.value_size == 0;

    payload(h, name,
            nothing && options & ENGINE_OPTION_EMPTY ? empty : c->view.value,
            c->view.head.value_size, !(options & ENGINE_OPTION_BLOB));
}

static void put_error(struct history *h, const struct change *c)
{
    bool typed = c->entry->type != ENGINE_OPERATION_INVOKE;

    error_of(h, c->view.head.error, typed ? c->view.detail : no_text,
             c->view.value, c->view.head.value_size);
}

/* One of others: as it was asked for, and what it has become. */
static void put_named_invoke(struct history *h, const struct change *c)
{
    const char *function = history_more(c->entry->id_text, HISTORY_FUNCTION);
    const char *tenant = history_more(c->entry->id_text, HISTORY_TENANT);
    const char *version = NULL;
    const char *arn = NULL;

    h->view->child(h->view->self, engine_invoke_child(h->run, c->entry->number),
                   &version, &arn);
    if (function)
        json_put_words(&h->out, "FunctionName", function);
    if (tenant)
        json_put_words(&h->out, "TenantId", tenant);
    put_value(h, "Input", c);
    if (version)
        json_put_words(&h->out, "ExecutedVersion", version);
    if (arn)
        json_put_words(&h->out, "DurableExecutionArn", arn);
}

static void put_invoke(struct history *h, const struct change *c)
{
    char arn[ARN_ROOM];

    if (h->view) {
        put_named_invoke(h, c);
        return;
    }

    (void)history_arn(arn, sizeof(arn), c->view.detail.text,
                      c->view.detail.size,
                      engine_invoke_child(h->run, c->entry->number));
    (void)json_put_string(&h->out, "FunctionName", c->view.detail.text,
                          c->view.detail.size);
    put_value(h, "Input", c);
    json_put_words(&h->out, "ExecutedVersion", "$LATEST");
    json_put_words(&h->out, "DurableExecutionArn", arn);
}

static void put_callback(struct history *h, const struct change *c)
{
    struct engine_callback callback;

    engine_callback_write(h->run, c->entry->number, c->entry->id, &callback);
    json_put_words(&h->out, "CallbackId", callback.id);
    if (c->view.head.second_ns)
        duration(h, "HeartbeatTimeout", c->view.head.second_ns);
    if (c->view.head.first_ns)
        duration(h, "Timeout", c->view.head.first_ns);
}

static int start(struct history *h, const struct change *c)
{
    begin_change(h, c, "Started");
    c->entry->status = ENGINE_STATUS_STARTED;
    if (c->entry->type == ENGINE_OPERATION_WAIT) {
        c->entry->due_ns = c->view.head.first_ns;
        duration(h, "Duration", c->view.head.first_ns);
        json_put_seconds(&h->out, "ScheduledEndTimestamp",
                         c->time_ns + c->view.head.first_ns);
    }
    if (c->entry->type == ENGINE_OPERATION_CALLBACK)
        put_callback(h, c);
    if (c->entry->type == ENGINE_OPERATION_INVOKE)
        put_invoke(h, c);
    return end(h);
}

/* A step that ends without having been announced began just now. */
static int start_if_silent(struct history *h, const struct change *c)
{
    bool silent =
        c->entry->status != ENGINE_STATUS_STARTED &&
        (is_step(c->entry) || c->entry->type == ENGINE_OPERATION_CONTEXT);

    return silent ? start(h, c) : 0;
}

static void put_retry(struct history *h, const struct change *c, bool again)
{
    uint32_t attempt = c->event->attempt ? c->event->attempt : 1;

    if (!is_step(c->entry))
        return;
    json_open(&h->out, "RetryDetails");
    json_put_number(&h->out, "CurrentAttempt", attempt);
    if (again)
        duration(h, "NextAttemptDelaySeconds", c->view.head.first_ns);
    json_close(&h->out);
}

static const char *reason_of(const struct change *c)
{
    static const char *const names[] = {
        [ENGINE_ALL_COMPLETED] = "ALL_COMPLETED",
        [ENGINE_MIN_SUCCESSFUL_REACHED] = "MIN_SUCCESSFUL_REACHED",
        [ENGINE_FAILURE_TOLERANCE_EXCEEDED] = "FAILURE_TOLERANCE_EXCEEDED",
    };
    uint32_t reason = 0; /* a batch's value begins with it */

    if (c->view.head.value_size >= sizeof(reason))
        memcpy(&reason, c->view.value, sizeof(reason));
    if (reason == 0 || reason > ENGINE_FAILURE_TOLERANCE_EXCEEDED)
        return "UNKNOWN";
    return names[reason];
}

static uint32_t children_with(const struct history *h,
                              const struct engine_op_entry *entry,
                              unsigned status)
{
    uint32_t count = 0;

    for (uint32_t i = entry->first_child; i;
         i = h->operations.entries[i].next_sibling)
        count += status == 0 || h->operations.entries[i].status == status;
    return count;
}

/* The engine keeps the results of a batch in a form of its own; here stands
 * how many there are, and the branches have them. */
static void put_batch(struct history *h, const struct change *c)
{
    uint32_t failed = children_with(h, c->entry, ENGINE_STATUS_FAILED);
    char text[256];
    int size = snprintf(
        text, sizeof(text),
        "{\"type\":\"%sResult\",\"totalCount\":%u,\"successCount\":%u,"
        "\"failureCount\":%u,\"completionReason\":\"%s\",\"status\":\"%s\"}",
        subtype_of(c->entry), children_with(h, c->entry, 0),
        children_with(h, c->entry, ENGINE_STATUS_SUCCEEDED), failed,
        reason_of(c), failed ? "FAILED" : "SUCCEEDED");

    payload(h, "Result", text, (size_t)size, true);
}

/* Of this engine's own handlers: others say themselves what came of them. */
static bool is_batch(const struct engine_op_entry *entry)
{
    return entry->id_text.size == 0 &&
           (entry->subtype == ENGINE_SUBTYPE_MAP ||
            entry->subtype == ENGINE_SUBTYPE_PARALLEL);
}

static int succeed(struct history *h, const struct change *c)
{
    if (start_if_silent(h, c))
        return -1;
    begin_change(h, c, "Succeeded");
    c->entry->status = ENGINE_STATUS_SUCCEEDED;
    if (c->entry->type == ENGINE_OPERATION_WAIT)
        duration(h, "Duration", c->entry->due_ns);
    else if (is_batch(c->entry))
        put_batch(h, c);
    else
        put_value(h, "Result", c);
    put_retry(h, c, false);
    return end(h);
}

/* An operator is to say what came of a step: only then it has ended. */
static bool is_held(const struct change *c)
{
    return c->entry->type == ENGINE_OPERATION_STEP &&
           c->view.head.error == ENGINE_ERR_AMBIGUOUS &&
           c->entry->error != ENGINE_ERR_AMBIGUOUS;
}

static int fail(struct history *h, const struct change *c)
{
    if (start_if_silent(h, c))
        return -1;
    if (is_held(c)) {
        c->entry->error = ENGINE_ERR_AMBIGUOUS;
        return 0;
    }
    begin_change(h, c, "Failed");
    c->entry->status = ENGINE_STATUS_FAILED;
    put_error(h, c);
    put_retry(h, c, false);
    return end(h);
}

/* An attempt is over and there will be another one. */
static int retry(struct history *h, const struct change *c)
{
    unsigned options = engine_operation_flag_options(c->event->flags);
    bool state = (options & ENGINE_OPTION_STATE) != 0;

    if (start_if_silent(h, c))
        return -1;
    begin_change(h, c, state ? "Succeeded" : "Failed");
    c->entry->status = ENGINE_STATUS_PENDING;
    if (state)
        put_value(h, "Result", c);
    else
        put_error(h, c);
    put_retry(h, c, true);
    return end(h);
}

static int time_out(struct history *h, const struct change *c)
{
    begin_change(h, c, "TimedOut");
    c->entry->status = ENGINE_STATUS_TIMED_OUT;
    put_error(h, c);
    return end(h);
}

static int stop(struct history *h, const struct change *c)
{
    static const char text[] = "the run was stopped";
    bool own = c->event->size > 0;

    c->entry->status = ENGINE_STATUS_STOPPED;
    if (c->entry->type != ENGINE_OPERATION_INVOKE)
        return 0;
    begin_change(h, c, "Stopped");
    error_of(h, ENGINE_ERR_STOPPED, no_text, own ? c->view.value : text,
             own ? c->view.head.value_size : sizeof(text) - 1);
    return end(h);
}

static int cancel(struct history *h, const struct change *c)
{
    c->entry->status = ENGINE_STATUS_CANCELLED;
    if (c->entry->type != ENGINE_OPERATION_WAIT)
        return 0;
    begin_change(h, c, "Cancelled");
    return end(h);
}

static int make_ready(const struct change *c)
{
    c->entry->status = ENGINE_STATUS_READY;
    c->entry->error = ENGINE_ERR_NONE;
    return 0;
}

/* Takes an operation that is met for the first time. 0, -1, -2. */
static int meet(struct history *h, struct change *c)
{
    const struct engine_item *event = c->event;
    const struct engine_hash id = {event->a, event->b};
    struct engine_operations *table = &h->operations;
    struct engine_op_entry *parent =
        engine_operations_find(table, c->view.head.parent);
    unsigned type = engine_operation_flag_type(event->flags);
    unsigned subtype = engine_operation_flag_subtype(event->flags);

    if (!parent || event->size == 0 || type <= ENGINE_OPERATION_EXECUTION ||
        type >= ENGINE_OPERATION_TYPE_COUNT || subtype >= ENGINE_SUBTYPE_COUNT)
        return -2;
    c->entry = engine_operations_add(table, id, parent->number);
    if (!c->entry)
        return -1;
    c->entry->type = (uint8_t)type;
    c->entry->subtype = (uint8_t)subtype;
    if (engine_operations_set_text(table, &c->entry->id_text, c->view.id.text,
                                   c->view.id.size) ||
        engine_operations_set_text(table, &c->entry->name, c->view.name.text,
                                   c->view.name.size))
        return -1;
    return 0;
}

static int tell(struct history *h, const struct change *c)
{
    switch (c->event->kind) {
    case ENGINE_EV_OPERATION_STARTED:
        return start(h, c);
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FIRED:
        return succeed(h, c);
    case ENGINE_EV_OPERATION_FAILED:
        return fail(h, c);
    case ENGINE_EV_OPERATION_RETRY:
        return retry(h, c);
    case ENGINE_EV_OPERATION_CANCELLED:
        return cancel(h, c);
    case ENGINE_EV_OPERATION_TIMED_OUT:
        return time_out(h, c);
    case ENGINE_EV_OPERATION_STOPPED:
        return stop(h, c);
    case ENGINE_EV_OPERATION_READY:
        return make_ready(c);
    default:
        return start_if_silent(h, c); /* a sign of life or of progress */
    }
}

static int add_operation(struct history *h, const struct engine_item *event,
                         uint64_t time_ns)
{
    struct change c = {
        .event = event, .view = {.value = ""}, .time_ns = time_ns};
    int result = 0;

    if (event->size > 0 && engine_operation_view(event, &c.view))
        return -2;
    if (event->op == 0) /* the run's own result */
        return engine_operations_set_value(&h->operations,
                                           h->operations.entries, c.view.value,
                                           c.view.head.value_size);
    if (event->op > h->operations.count)
        return -2;
    if (event->op == h->operations.count)
        result = meet(h, &c);
    if (result)
        return result;
    c.entry = &h->operations.entries[event->op];
    return engine_status_terminal(c.entry->status) ? 0 : tell(h, &c);
}

/* The run ----------------------------------------------------------------- */

static int add_created(struct history *h, const struct engine_item *event,
                       uint64_t time_ns)
{
    const unsigned char *input = engine_item_payload(event);
    struct engine_origin origin = {0};
    size_t size = event->size;

    if (event->flags & ENGINE_CREATED_ORIGIN) {
        if (size < sizeof(origin))
            return -2;
        memcpy(&origin, input, sizeof(origin));
        input += sizeof(origin);
        size -= sizeof(origin);
    }
    if (h->view && origin.timeout_ns == 0)
        origin.timeout_ns = h->view->timeout_ns;
    begin(h, "Execution", "Started", NULL, time_ns);
    if (h->view && size == 0)
        payload(h, "Input", h->view->input, strlen(h->view->input), true);
    else
        payload(h, "Input", input, size, true);
    if (origin.timeout_ns || h->view)
        duration(h, "ExecutionTimeout", origin.timeout_ns);
    return end(h);
}

/* Whether an invocation broke off, rather than said how it ended. */
static bool broke_off(const struct engine_item *event)
{
    return event->kind == ENGINE_EV_ATTEMPT_INTERRUPTED ||
           event->kind == ENGINE_EV_ATTEMPT_TIMED_OUT ||
           (event->kind == ENGINE_EV_ATTEMPT_FAILED &&
            event->a == ENGINE_ERR_OOM);
}

static int add_invocation(struct history *h, const struct engine_item *event,
                          uint64_t time_ns)
{
    static const char text[] = "the invocation broke off";
    char request[TYPE_ROOM];

    (void)snprintf(request, sizeof(request), "%08x-%04x-4000-8000-%012x",
                   (unsigned)(h->run >> 16), (unsigned)(h->run & 0xffff),
                   (unsigned)event->attempt);
    begin(h, "Invocation", "Completed", NULL, time_ns);
    json_put_seconds(&h->out, "StartTimestamp", h->invoked_ns);
    json_put_seconds(&h->out, "EndTimestamp", time_ns);
    json_put_words(&h->out, "RequestId", request);
    if (broke_off(event))
        error_of(h, (uint32_t)event->a, no_text,
                 event->size > 0 ? engine_item_payload(event) : text,
                 event->size > 0 ? event->size : sizeof(text) - 1);
    return end(h);
}

static int add_success(struct history *h, const struct engine_item *event,
                       uint64_t time_ns)
{
    const struct engine_op_entry *run = h->operations.entries;
    const struct engine_value *value =
        engine_value_at(engine_item_payload(event), event->size, 0);

    begin(h, "Execution", "Succeeded", NULL, time_ns);
    if (run->value_size > 0)
        payload(h, "Result", run->value, run->value_size, true);
    else if (value)
        payload(h, "Result", engine_value_bytes(value), value->size,
                value->kind == ENGINE_VALUE_INLINE);
    else
        payload(h, "Result", "", 0, true);
    return end(h);
}

static int add_end(struct history *h, const struct engine_item *event,
                   const char *verb, uint64_t time_ns)
{
    uint32_t error =
        event->a < ENGINE_ERR_COUNT ? (uint32_t)event->a : ENGINE_ERR_UNKNOWN;

    begin(h, "Execution", verb, NULL, time_ns);
    if (h->view && event->kind == ENGINE_EV_RUN_TIMED_OUT && !event->size)
        return end(h); /* that says it all */
    error_of(h, error, no_text, engine_item_payload(event), event->size);
    return end(h);
}

static int add_attempt(struct history *h, const struct engine_item *event,
                       uint64_t time_ns)
{
    if (event->op != 0 || !h->handler)
        return 0;
    if (event->kind != ENGINE_EV_OP_SCHEDULED &&
        event->kind != ENGINE_EV_ATTEMPT_STARTED)
        return add_invocation(h, event, time_ns);
    /* That it has started may stand beside its end; its claim says when. */
    if (event->kind == ENGINE_EV_ATTEMPT_STARTED && event->a)
        h->invoked_ns = event->a;
    else if (event->kind == ENGINE_EV_OP_SCHEDULED || !h->view)
        h->invoked_ns = time_ns;
    return 0;
}

int history_add(struct history *h, const struct engine_item *event,
                uint64_t time_ns)
{
    if (event->kind >= ENGINE_EV_OPERATION_STARTED &&
        event->kind <= ENGINE_EV_OPERATION_HEARTBEAT)
        return add_operation(h, event, time_ns);
    switch (event->kind) {
    case ENGINE_EV_RUN_CREATED:
        return add_created(h, event, time_ns);
    case ENGINE_EV_OP_SCHEDULED:
    case ENGINE_EV_ATTEMPT_STARTED:
    case ENGINE_EV_ATTEMPT_SUCCEEDED:
    case ENGINE_EV_ATTEMPT_FAILED:
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_SUSPENDED:
        return add_attempt(h, event, time_ns);
    case ENGINE_EV_RUN_SUCCEEDED:
        return add_success(h, event, time_ns);
    case ENGINE_EV_RUN_FAILED:
        return add_end(h, event, "Failed", time_ns);
    case ENGINE_EV_RUN_TIMED_OUT:
        return add_end(h, event, "TimedOut", time_ns);
    case ENGINE_EV_RUN_CANCELLED:
    case ENGINE_EV_RUN_STOPPED:
        return add_end(h, event, "Stopped", time_ns);
    default:
        return 0;
    }
}

/* Life -------------------------------------------------------------------- */

struct history *history_new(uint64_t run, bool handler)
{
    struct history *h = calloc(1, sizeof(*h));

    if (!h)
        return NULL;
    h->run = run;
    h->handler = handler;
    if (engine_operations_init(&h->operations, NULL, run)) {
        free(h);
        return NULL;
    }
    return h;
}

void history_show(struct history *h, const struct history_view *view)
{
    h->view = view;
}

void history_free(struct history *h)
{
    if (!h)
        return;
    engine_operations_free(&h->operations);
    free(h->out.bytes);
    free(h->ends);
    free(h);
}

size_t history_size(const struct history *h)
{
    return h->out.size;
}

uint32_t history_count(const struct history *h)
{
    return h->count;
}

const char *history_event(const struct history *h, uint32_t index, size_t *size)
{
    size_t from = index ? h->ends[index - 1] : 0;

    *size = h->ends[index] - from;
    return h->out.bytes + from;
}
