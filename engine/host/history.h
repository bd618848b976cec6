/*
 * The public history of a run: its log's events in the words in which durable
 * executions are shown to their users, 24 event types with JSON details.
 *
 *     log event --> history_add() --> {"EventType": "StepStarted", ...}, ..
 *
 * The log is terser than the history. A step that was never announced has its
 * StepStarted here all the same, one for each attempt; heartbeats, progress,
 * leases, checkpoints and consumed signals have no event. Messages to and from
 * other runs are shown as steps with the subtypes Send and Receive.
 *
 * Nodes of a declared graph have no event types: of such a run only its own
 * beginning and end are shown.
 */
#ifndef ENGINE_HOST_HISTORY_H
#define ENGINE_HOST_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/operation.h"
#include "engine/wire.h"

struct history;

/*
 * handler: the run is one of a handler, each attempt of its operation 0 is an
 * invocation. NULL when out of memory.
 */
struct history *history_new(uint64_t run, bool handler);
/*
 * How a run is called where its operations are not this engine's own: its
 * events have these names, and no error gets a type that nobody gave it.
 */
struct history_view {
    bool bare; /* payloads, results and errors are left out */
    const char *id;
    const char *name;
    uint64_t timeout_ns; /* of runs that were not given one of their own */
    const char *input;   /* of runs without one */
    /*
     * Of a run that an operation has invoked, its version and its ARN; each
     * NULL if it has none. Both hold until the next call.
     */
    void (*child)(void *self, uint64_t run, const char **version,
                  const char **arn);
    void *self;
};
/* Before the first event; it must hold until the last. */
void history_show(struct history *history, const struct history_view *view);
void history_free(struct history *history);

/*
 * Takes the next event of the log, whose row has this store time. 0; -1 out of
 * memory; -2 if it cannot follow what came before or its payload is damaged.
 * After an error the history is only good for what it has, and to be freed.
 */
int history_add(struct history *history, const struct engine_item *event,
                uint64_t time_ns);

uint32_t history_count(const struct history *history);
/* Bytes of all its events. */
size_t history_size(const struct history *history);
/*
 * The event at index, from 0, as one JSON object of *size bytes, UTF-8 on one
 * line without an end mark: its EventId is index + 1. Holds until the next
 * history_add().
 */
const char *history_event(const struct history *history, uint32_t index,
                          size_t *size);

/*
 * An id that is not ours may have more behind a zero byte: texts that each
 * begin with a letter that tells what they are and end with a zero byte. NULL:
 * it has none of this kind.
 */
enum {
    HISTORY_SUBTYPE = 'S',  /* one the engine does not know */
    HISTORY_FUNCTION = 'F', /* INVOKE: as the function was named */
    HISTORY_TENANT = 'T'    /* INVOKE: for whom */
};
const char *history_more(struct engine_text id, char what);

/*
 * The name by which the run, or one that it invokes, is known in histories.
 * Returns its length, as snprintf() does.
 */
int history_arn(char *out, size_t room, const char *workflow,
                size_t workflow_size, uint64_t run);

#endif
