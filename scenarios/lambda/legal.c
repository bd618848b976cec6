#include "scenarios/lambda/legal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/store.h"

enum phase {
    OPEN,
    BETWEEN, /* two attempts */
    CLOSED
};

struct operation {
    enum phase phase;
    uint32_t attempt; /* last one that ended */
    bool context;
};

__attribute__((format(printf, 2, 3))) static bool
wrong(struct lambda_legal *legal, const char *format, ...)
{
    va_list arguments;

    if (legal->why[0])
        return false;
    va_start(arguments, format);
    vsnprintf(legal->why, sizeof(legal->why), format, arguments);
    va_end(arguments);
    return false;
}

static uint64_t key_of(const char *id)
{
    uint64_t hash = engine_hash_bytes(id, strlen(id)).lo;

    return hash ? hash : 1;
}

/* Operations ---------------------------------------------------------------
 */

static struct operation *add(struct lambda_legal *legal,
                             const struct lambda_event *event)
{
    struct operation *operation = calloc(1, sizeof(*operation));

    if (operation &&
        engine_table_add(&legal->operations, key_of(event->id), operation) == 0)
        return operation;
    free(operation);
    legal->failed = true;
    return NULL;
}

static bool check_parent(struct lambda_legal *legal,
                         const struct lambda_event *event)
{
    const struct operation *parent =
        engine_table_find(&legal->operations, key_of(event->parent));

    if (!event->parent[0])
        return true;
    if (!parent || !parent->context)
        return wrong(legal,
                     "event %" PRIu64 ", %s of %.64s: its parent %.64s is no "
                     "context that has started",
                     event->number, event->type, event->id, event->parent);
    if (parent->phase == CLOSED)
        return wrong(legal,
                     "event %" PRIu64 ", %s of %.64s: its parent %.64s has "
                     "ended",
                     event->number, event->type, event->id, event->parent);
    return true;
}

static bool start(struct lambda_legal *legal, const struct lambda_event *event)
{
    struct operation *operation =
        engine_table_find(&legal->operations, key_of(event->id));

    if (operation && operation->phase != BETWEEN)
        return wrong(legal,
                     "event %" PRIu64 ", %s of %.64s: it has started before, "
                     "and no retry is due",
                     event->number, event->type, event->id);
    if (!check_parent(legal, event))
        return false;
    if (!operation)
        operation = add(legal, event);
    if (!operation)
        return false;
    operation->phase = OPEN;
    operation->context = lambda_event_is(event, "Context");
    return true;
}

static bool check_attempt(struct lambda_legal *legal,
                          struct operation *operation,
                          const struct lambda_event *event)
{
    if (!event->attempt)
        return true;
    if (event->attempt != operation->attempt + 1)
        return wrong(legal,
                     "event %" PRIu64 ", %s of %.64s: attempt %" PRIu32
                     " ends after attempt %" PRIu32,
                     event->number, event->type, event->id, event->attempt,
                     operation->attempt);
    operation->attempt = event->attempt;
    return true;
}

static bool finish(struct lambda_legal *legal, const struct lambda_event *event)
{
    struct operation *operation =
        engine_table_find(&legal->operations, key_of(event->id));

    if (!operation)
        return wrong(legal,
                     "event %" PRIu64 ", %s of %.64s: it has not started",
                     event->number, event->type, event->id);
    if (operation->phase != OPEN)
        return wrong(legal, "event %" PRIu64 ", %s of %.64s: it has ended %s",
                     event->number, event->type, event->id,
                     operation->phase == CLOSED ? "before"
                                                : "its last attempt before");
    operation->phase = event->again ? BETWEEN : CLOSED;
    return check_attempt(legal, operation, event);
}

static bool take_operation(struct lambda_legal *legal,
                           const struct lambda_event *event,
                           enum lambda_verb verb)
{
    if (!event->id[0])
        return wrong(legal, "event %" PRIu64 ", %s: it has no Id",
                     event->number, event->type);
    return verb == LAMBDA_VERB_STARTED ? start(legal, event)
                                       : finish(legal, event);
}

/* The execution ------------------------------------------------------------
 */

static bool take_invocation(struct lambda_legal *legal,
                            const struct lambda_event *event)
{
    if (event->end_us < event->start_us || event->end_us > event->time_us)
        return wrong(legal,
                     "event %" PRIu64 ", InvocationCompleted: it ends before "
                     "it begins, or after it is told",
                     event->number);
    if (engine_table_find(&legal->requests, key_of(event->request)))
        return wrong(legal,
                     "event %" PRIu64 ", InvocationCompleted: invocation "
                     "%.64s was completed before",
                     event->number, event->request);
    if (engine_table_add(&legal->requests, key_of(event->request), legal))
        legal->failed = true;
    return !legal->failed;
}

/* The execution's own beginning or end. */
static bool take_execution(struct lambda_legal *legal,
                           const struct lambda_event *event,
                           enum lambda_verb verb)
{
    static const char *const ends[LAMBDA_VERB_NONE] = {
        [LAMBDA_VERB_SUCCEEDED] = "SUCCEEDED",
        [LAMBDA_VERB_FAILED] = "FAILED",
        [LAMBDA_VERB_TIMED_OUT] = "TIMED_OUT",
        [LAMBDA_VERB_STOPPED] = "STOPPED"};

    if (verb == LAMBDA_VERB_STARTED)
        return event->number == 1 ||
               wrong(legal, "event %" PRIu64 ": ExecutionStarted again",
                     event->number);
    if (!ends[verb])
        return wrong(legal, "event %" PRIu64 ": \"%.40s\" is no event type",
                     event->number, event->type);
    snprintf(legal->end, sizeof(legal->end), "%s", ends[verb]);
    if ((verb == LAMBDA_VERB_SUCCEEDED || verb == LAMBDA_VERB_FAILED) &&
        !legal->completed)
        return wrong(legal,
                     "event %" PRIu64 ", %s: no InvocationCompleted stands "
                     "directly before it",
                     event->number, event->type);
    return true;
}

static bool check_place(struct lambda_legal *legal,
                        const struct lambda_event *event)
{
    if (event->number != legal->events)
        return wrong(legal, "event %" PRIu64 " has EventId %" PRIu64,
                     legal->events, event->number);
    if (event->time_us < legal->last_us)
        return wrong(legal,
                     "event %" PRIu64 ", %s: its time is before that "
                     "of the event before it",
                     event->number, event->type);
    if (legal->end[0])
        return wrong(legal, "event %" PRIu64 ", %s: the execution had ended %s",
                     event->number, event->type, legal->end);
    if (event->number == 1 && strcmp(event->type, "ExecutionStarted") != 0)
        return wrong(legal, "event 1 is %.40s, not ExecutionStarted",
                     event->type);
    return true;
}

bool lambda_legal_add(struct lambda_legal *legal,
                      const struct lambda_event *event)
{
    size_t size;
    enum lambda_verb verb = lambda_event_verb(event->type, &size);
    bool good;

    legal->events++;
    if (!check_place(legal, event))
        return false;
    legal->last_us = event->time_us;
    if (verb == LAMBDA_VERB_NONE)
        good = wrong(legal, "event %" PRIu64 ": \"%.40s\" is no event type",
                     event->number, event->type);
    else if (verb == LAMBDA_VERB_COMPLETED)
        good = take_invocation(legal, event);
    else if (lambda_event_is(event, "Execution"))
        good = take_execution(legal, event, verb);
    else
        good = take_operation(legal, event, verb);
    legal->completed = verb == LAMBDA_VERB_COMPLETED ||
                       (legal->completed && verb == LAMBDA_VERB_STOPPED);
    return good && !legal->why[0];
}

bool lambda_legal_end(struct lambda_legal *legal, const char *status)
{
    const char *end = legal->end[0] ? legal->end : "RUNNING";

    if (legal->events == 0)
        return wrong(legal, "the history is empty");
    if (strcmp(end, status) != 0)
        return wrong(legal, "the history ends %s, the execution is %s", end,
                     status);
    return !legal->why[0];
}

void lambda_legal_free(struct lambda_legal *legal)
{
    for (uint32_t i = 0; i < legal->operations.count; i++)
        free(legal->operations.items[i]);
    engine_table_free(&legal->operations);
    engine_table_free(&legal->requests);
}
