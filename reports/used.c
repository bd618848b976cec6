#include "reports/used.h"

#include <assert.h>

#include "engine/operation.h"

const char *report_limit_name(enum report_limit limit)
{
    static const char *const names[REPORT_LIMITS] = {
        "updates of a checkpoint",      "attempts in flight on a platform",
        "depth of invoked runs",        "events of a run",
        "operations of a handler",      "size of an event's payload",
        "size of an operation's result"};
    assert(limit < REPORT_LIMITS);
    return names[limit];
}

const char *report_limit_unit(enum report_limit limit)
{
    return limit == REPORT_LIMIT_VALUE || limit == REPORT_LIMIT_PAYLOAD
               ? "bytes"
               : "";
}

static void note(struct report_use *use, enum report_limit limit,
                 uint64_t amount, uint64_t run)
{
    struct report_used *used = &use->list[limit];
    if (amount <= used->used)
        return;
    used->used = amount;
    used->run = run;
}

/* An update, as they stand behind a CHECKPOINT in one append. */
static int is_update(const struct engine_record *record)
{
    switch (record->detail) {
    case ENGINE_EV_OPERATION_STARTED:
    case ENGINE_EV_OPERATION_PROGRESS:
    case ENGINE_EV_OPERATION_RETRY:
    case ENGINE_EV_OPERATION_CANCELLED:
        return 1;
    case ENGINE_EV_OPERATION_SUCCEEDED:
    case ENGINE_EV_OPERATION_FAILED:
        return engine_record_type(record) < ENGINE_OPERATION_CALLBACK;
    default:
        return 0;
    }
}

static void batch(struct report_use *use, const struct engine_record *record)
{
    if (record->detail == ENGINE_EV_CHECKPOINT) {
        use->run = record->run;
        use->updates = 0;
    } else if (record->run == use->run && is_update(record)) {
        note(use, REPORT_LIMIT_BATCH, ++use->updates, record->run);
    } else {
        use->run = 0;
    }
}

static int is_operation(const struct engine_record *record)
{
    return record->detail >= ENGINE_EV_OPERATION_STARTED &&
           record->detail <= ENGINE_EV_OPERATION_HEARTBEAT;
}

static void event(struct report_use *use, const struct engine_record *record)
{
    int operation = is_operation(record);
    batch(use, record);
    /* The result of a handler as a whole has a limit of its own. */
    if (operation && engine_record_type(record) == ENGINE_OPERATION_EXECUTION)
        return;
    note(use, REPORT_LIMIT_PAYLOAD, record->count, record->run);
    if (!operation)
        return;
    note(use, REPORT_LIMIT_OPERATIONS, record->op, record->run);
    if (record->detail == ENGINE_EV_OPERATION_SUCCEEDED &&
        !(engine_record_options(record) & ENGINE_OPTION_BLOB))
        note(use, REPORT_LIMIT_VALUE, record->count, record->run);
}

/* The last thing said of a platform's limit is the limit. */
static void gauge(struct report_use *use, const struct engine_record *record)
{
    struct report_used *used = &use->list[REPORT_LIMIT_CONCURRENCY];
    if ((int64_t)record->a < 0)
        return;
    note(use, REPORT_LIMIT_CONCURRENCY, record->a, 0);
    if (record->b)
        used->allowed = record->b;
}

void report_use_feed(struct report_use *use, const struct engine_record *record,
                     int handler)
{
    switch (record->kind) {
    case ENGINE_REC_EVENT:
        event(use, record);
        break;
    case ENGINE_REC_APPENDED:
        use->run = 0;
        if (!handler && record->count > 0) /* capacity mode has no log */
            note(use, REPORT_LIMIT_EVENTS, record->a + record->count - 1,
                 record->run);
        break;
    case ENGINE_REC_OUTBOX_PUT:
        if (record->detail == ENGINE_OUTBOX_CHILD)
            note(use, REPORT_LIMIT_DEPTH, record->count, record->run);
        break;
    case ENGINE_REC_INVOKED:
    case ENGINE_REC_THROTTLED:
    case ENGINE_REC_GAUGE:
        gauge(use, record);
        break;
    default:
        break;
    }
}
