/*
 * Events of an execution's history, as the API tells them.
 */
#ifndef SCENARIOS_LAMBDA_EVENT_H
#define SCENARIOS_LAMBDA_EVENT_H

#include "engine/host/json.h"

/* Texts are "" where the event has none, and hold while its document does.
 * Times are microseconds since 1970. */
struct lambda_event {
    uint64_t number; /* EventId */
    uint64_t time_us;
    const char *type; /* "StepStarted" */
    const char *subtype;
    const char *id;
    const char *parent;
    const char *name;
    uint32_t attempt; /* that ends here, from 1; 0: it says none */
    bool again;       /* there will be another attempt */
    /* InvocationCompleted: */
    uint64_t start_us;
    uint64_t end_us;
    const char *request;
    bool broke; /* it has an error */
};

/* False: it has not what every event has; err says what. */
bool lambda_event_read(struct json_view view, struct lambda_event *event,
                       struct json_error *err);

/* The end of an event's type: what happened, to whatever it happened to. */
enum lambda_verb {
    LAMBDA_VERB_STARTED,
    LAMBDA_VERB_SUCCEEDED,
    LAMBDA_VERB_FAILED,
    LAMBDA_VERB_TIMED_OUT,
    LAMBDA_VERB_STOPPED,
    LAMBDA_VERB_CANCELLED,
    LAMBDA_VERB_COMPLETED,
    LAMBDA_VERB_NONE /* the type is not known */
};
/* *noun_size: of the type's beginning, as "Step". */
enum lambda_verb lambda_event_verb(const char *type, size_t *noun_size);
/* Whether its type begins with this noun alone. */
bool lambda_event_is(const struct lambda_event *event, const char *noun);

#endif
