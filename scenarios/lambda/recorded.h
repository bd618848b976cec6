/*
 * A history that was recorded, as GetDurableExecutionHistory tells it with
 * IncludeExecutionData, and the state that the execution had after each of its
 * events: what an invocation that began there was given.
 *
 *     events 1 .. n --go--> operations --write--> event of an invocation
 */
#ifndef SCENARIOS_LAMBDA_RECORDED_H
#define SCENARIOS_LAMBDA_RECORDED_H

#include "engine/host/json.h"
#include "engine/host/json_write.h"
#include "engine/host/lambda/codec.h"

/* Texts are "" where there are none, and hold while the history does. */
struct lambda_recorded_operation {
    const char *id;
    const char *type; /* "STEP" and so on */
    const char *subtype;
    const char *name;
    const char *parent;
    uint32_t number; /* in the order of their starts, from 1 */
    /* As far as the history has gone: */
    const char *status; /* "": it has not started */
    uint32_t attempt;   /* that have ended */
    uint64_t started_ns;
    uint64_t ended_ns;
    uint64_t due_ns;
    const char *result; /* NULL: none */
    const cJSON *error; /* the same */
    const char *callback;
};

struct lambda_recorded {
    struct json_doc *doc;
    struct json_view *events;
    uint32_t *about; /* the operation of each event; UINT32_MAX: none */
    uint32_t event_count;
    struct lambda_recorded_operation *operations;
    uint32_t operation_count;
    const char *input; /* NULL: none */
    uint64_t started_ns;
    const char *end; /* "SUCCEEDED" and so on; "": it had not ended */
    const char *result;
    const cJSON *error;
    uint32_t gone;   /* so many events */
    uint64_t now_ns; /* when the next one came, or the last */
};

/* NULL with what is wrong in it. */
struct lambda_recorded *lambda_recorded_read(const char *path,
                                             struct json_error *error);
/* The same of bytes; name: of what they are. */
struct lambda_recorded *lambda_recorded_of(const char *name, const void *bytes,
                                           size_t size,
                                           struct json_error *error);
void lambda_recorded_free(struct lambda_recorded *recorded);

/* To the state after so many events; all: the end of the execution. */
void lambda_recorded_go(struct lambda_recorded *recorded, uint32_t events);
/* An event of its kind makes a state that an invocation can begin with. */
bool lambda_recorded_begins(const struct lambda_recorded *recorded,
                            uint32_t events);
/*
 * How an operation, not yet ended, ended next after where the history has gone.
 * False: it did not.
 */
struct lambda_recorded_end {
    bool succeeded;
    bool again;         /* another attempt came after it */
    const char *result; /* NULL: none */
    const cJSON *error; /* the same */
};
bool lambda_recorded_next(const struct lambda_recorded *recorded,
                          const struct lambda_recorded_operation *operation,
                          struct lambda_recorded_end *end);
/* NULL: it has none with this id. */
struct lambda_recorded_operation *
lambda_recorded_find(const struct lambda_recorded *recorded, const char *id);

/* The event of an invocation that begins there. */
void lambda_recorded_write(const struct lambda_recorded *recorded,
                           struct json_writer *w);
/* One operation as an element. */
void lambda_recorded_write_operation(
    const struct lambda_recorded *recorded,
    const struct lambda_recorded_operation *operation, struct json_writer *w,
    enum lambda_times times);

#endif
