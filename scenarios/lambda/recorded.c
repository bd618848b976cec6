#include "scenarios/lambda/recorded.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/names.h"
#include "scenarios/lambda/event.h"

#define SECOND UINT64_C(1000000000)

static const char *text_of(struct json_view view, const char *key)
{
    struct json_view member = json_member(view, key);

    return member.item && json_is_string(member) ? member.item->valuestring
                                                 : NULL;
}

static const char *text_or(struct json_view view, const char *key)
{
    const char *text = text_of(view, key);

    return text ? text : "";
}

/* Times ------------------------------------------------------------------- */

/* Days since 1970 of a date of the Gregorian calendar. */
static int64_t days_of(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = y / 400;
    int64_t of_era = y - era * 400;
    int64_t of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year -
           719468;
}

/* "2026-01-31T12:00:00.123Z", or with +01:00. 0: it is none. */
static uint64_t time_of_text(const char *text)
{
    int year, month, day, hour, minute, used = 0;
    int off_hour = 0, off_minute = 0;
    double second;

    if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%lf%n", &year, &month, &day, &hour,
               &minute, &second, &used) != 6 ||
        year < 1970 || month < 1 || month > 12 || second < 0 || second >= 61)
        return 0;
    if ((text[used] == '+' || text[used] == '-') &&
        sscanf(text + used + 1, "%2d:%2d", &off_hour, &off_minute) == 2 &&
        text[used] == '-') {
        off_hour = -off_hour;
        off_minute = -off_minute;
    }
    int64_t whole = ((days_of(year, month, day) * 24 + hour - off_hour) * 60 +
                     minute - off_minute) *
                    60;
    return whole <= 0 ? 0
                      : (uint64_t)whole * SECOND +
                            (uint64_t)(second * 1000 + 0.5) * (SECOND / 1000);
}

/* Seconds as a number, or words. 0: there is no time. */
static uint64_t time_of(struct json_view view, const char *key)
{
    struct json_view member = json_member(view, key);

    if (!member.item)
        return 0;
    if (json_is_string(member))
        return time_of_text(member.item->valuestring);
    if (!json_is_number(member) || member.item->valuedouble < 0 ||
        member.item->valuedouble > 1e10)
        return 0;
    return (uint64_t)(member.item->valuedouble * 1000 + 0.5) * (SECOND / 1000);
}

static uint64_t count_of(struct json_view view, const char *key)
{
    struct json_view member = json_member(view, key);

    return member.item && json_is_number(member) &&
                   member.item->valuedouble > 0 &&
                   member.item->valuedouble < 1e9
               ? (uint64_t)member.item->valuedouble
               : 0;
}

/* Events ------------------------------------------------------------------ */

static struct json_view details_of(struct json_view event)
{
    char key[80];

    snprintf(key, sizeof(key), "%.60sDetails", text_or(event, "EventType"));
    return json_member(event, key);
}

static const char *payload_of(struct json_view details, const char *key)
{
    struct json_view wrapper =
        details.item ? json_member(details, key) : (struct json_view){0};

    return wrapper.item && json_is_object(wrapper) ? text_of(wrapper, "Payload")
                                                   : NULL;
}

static const cJSON *error_of(struct json_view details)
{
    struct json_view wrapper =
        details.item ? json_member(details, "Error") : (struct json_view){0};

    return wrapper.item && json_is_object(wrapper)
               ? json_member(wrapper, "Payload").item
               : NULL;
}

static bool is_noun(struct json_view event, const char *noun)
{
    const char *type = text_or(event, "EventType");
    size_t size;

    (void)lambda_event_verb(type, &size);
    return size == strlen(noun) && memcmp(type, noun, size) == 0;
}

static enum lambda_verb verb_of(struct json_view event)
{
    size_t size;

    return lambda_event_verb(text_or(event, "EventType"), &size);
}

/* The type of an operation that has this event; NULL: it is about none. */
static const char *type_of(struct json_view event)
{
    static const char *const types[][2] = {{"Context", "CONTEXT"},
                                           {"Step", "STEP"},
                                           {"Wait", "WAIT"},
                                           {"Callback", "CALLBACK"},
                                           {"ChainedInvoke", "CHAINED_INVOKE"}};

    for (unsigned i = 0; i < sizeof(types) / sizeof(*types); i++)
        if (is_noun(event, types[i][0]))
            return types[i][1];
    return NULL;
}

/* The state --------------------------------------------------------------- */

struct lambda_recorded_operation *
lambda_recorded_find(const struct lambda_recorded *recorded, const char *id)
{
    for (uint32_t i = 0; i < recorded->operation_count; i++)
        if (strcmp(recorded->operations[i].id, id) == 0)
            return &recorded->operations[i];
    return NULL;
}

static void apply_start(struct lambda_recorded_operation *operation,
                        struct json_view details, uint64_t now_ns)
{
    struct json_view duration =
        details.item ? json_member(details, "Duration") : (struct json_view){0};
    const char *callback = details.item ? text_of(details, "CallbackId") : NULL;

    if (!operation->status[0])
        operation->started_ns = now_ns;
    operation->status = "STARTED";
    if (callback)
        operation->callback = callback;
    if (strcmp(operation->type, "WAIT") != 0)
        return;
    operation->due_ns =
        details.item ? time_of(details, "ScheduledEndTimestamp") : 0;
    if (!operation->due_ns)
        operation->due_ns =
            now_ns + (duration.item && json_is_number(duration)
                          ? (uint64_t)duration.item->valuedouble * SECOND
                          : 0);
}

static void apply_end(struct lambda_recorded_operation *operation,
                      struct json_view details, enum lambda_verb verb,
                      uint64_t now_ns)
{
    static const char *const statuses[LAMBDA_VERB_NONE] = {
        [LAMBDA_VERB_SUCCEEDED] = "SUCCEEDED",
        [LAMBDA_VERB_FAILED] = "FAILED",
        [LAMBDA_VERB_TIMED_OUT] = "TIMED_OUT",
        [LAMBDA_VERB_STOPPED] = "STOPPED",
        [LAMBDA_VERB_CANCELLED] = "CANCELLED"};
    struct json_view retry = details.item ? json_member(details, "RetryDetails")
                                          : (struct json_view){0};

    operation->result = payload_of(details, "Result");
    operation->error = error_of(details);
    if (retry.item && json_is_object(retry))
        operation->attempt = (uint32_t)count_of(retry, "CurrentAttempt");
    if (retry.item && json_is_object(retry) &&
        json_member(retry, "NextAttemptDelaySeconds").item) {
        operation->status = "PENDING";
        operation->due_ns =
            now_ns + count_of(retry, "NextAttemptDelaySeconds") * SECOND;
        return;
    }
    operation->status = statuses[verb] ? statuses[verb] : "SUCCEEDED";
    operation->ended_ns = now_ns;
}

static void apply(struct lambda_recorded *recorded, uint32_t number)
{
    struct json_view event = recorded->events[number];
    struct lambda_recorded_operation *operation;
    enum lambda_verb verb = verb_of(event);

    if (recorded->about[number] == UINT32_MAX)
        return;
    operation = &recorded->operations[recorded->about[number]];
    if (verb == LAMBDA_VERB_STARTED)
        apply_start(operation, details_of(event),
                    time_of(event, "EventTimestamp"));
    else
        apply_end(operation, details_of(event), verb,
                  time_of(event, "EventTimestamp"));
}

/* Retries whose time has come. */
static void make_ready(struct lambda_recorded *recorded)
{
    for (uint32_t i = 0; i < recorded->operation_count; i++) {
        struct lambda_recorded_operation *operation = &recorded->operations[i];
        if (strcmp(operation->status, "PENDING") == 0 &&
            operation->due_ns <= recorded->now_ns)
            operation->status = "READY";
    }
}

void lambda_recorded_go(struct lambda_recorded *recorded, uint32_t events)
{
    uint32_t last = events < recorded->event_count ? events : events - 1;

    for (uint32_t i = 0; i < recorded->operation_count; i++) {
        struct lambda_recorded_operation *operation = &recorded->operations[i];
        operation->status = "";
        operation->attempt = 0;
        operation->ended_ns = 0;
        operation->result = NULL;
        operation->error = NULL;
    }
    for (uint32_t i = 0; i < events; i++)
        apply(recorded, i);
    recorded->gone = events;
    recorded->now_ns = time_of(recorded->events[last], "EventTimestamp");
    make_ready(recorded);
}

bool lambda_recorded_next(const struct lambda_recorded *recorded,
                          const struct lambda_recorded_operation *operation,
                          struct lambda_recorded_end *end)
{
    for (uint32_t i = recorded->gone; i < recorded->event_count; i++) {
        struct lambda_recorded_operation found = {.status = "", .type = ""};
        struct json_view event = recorded->events[i];
        if (recorded->about[i] != operation->number - 1 ||
            verb_of(event) == LAMBDA_VERB_STARTED)
            continue;
        apply_end(&found, details_of(event), verb_of(event), 1);
        *end = (struct lambda_recorded_end){.succeeded = verb_of(event) ==
                                                         LAMBDA_VERB_SUCCEEDED,
                                            .again = found.ended_ns == 0,
                                            .result = found.result,
                                            .error = found.error};
        return true;
    }
    return false;
}

bool lambda_recorded_begins(const struct lambda_recorded *recorded,
                            uint32_t events)
{
    struct json_view last = recorded->events[events - 1];

    return type_of(last) ||
           (is_noun(last, "Execution") && verb_of(last) == LAMBDA_VERB_STARTED);
}

/* Writing ----------------------------------------------------------------- */

static void put_time(struct json_writer *w, const char *name, uint64_t ns,
                     enum lambda_times times)
{
    if (ns == 0)
        return;
    if (times == LAMBDA_SECONDS)
        json_put_seconds(w, name, ns);
    else
        json_put_millis(w, name, ns);
}

static void put_outcome(const struct lambda_recorded_operation *operation,
                        struct json_writer *w)
{
    char *error =
        operation->error ? cJSON_PrintUnformatted(operation->error) : NULL;

    if (operation->result)
        (void)json_put_string(w, "Result", operation->result,
                              strlen(operation->result));
    if (error) {
        json_put_name(w, "Error");
        json_raw(w, error, strlen(error));
    }
    free(error);
}

static bool has_children(const struct lambda_recorded *recorded, const char *id)
{
    for (uint32_t i = 0; i < recorded->operation_count; i++)
        if (strcmp(recorded->operations[i].parent, id) == 0)
            return true;
    return false;
}

static void put_details(const struct lambda_recorded *recorded,
                        const struct lambda_recorded_operation *operation,
                        struct json_writer *w, enum lambda_times times)
{
    if (strcmp(operation->type, "STEP") == 0) {
        json_open(w, "StepDetails");
        json_put_number(w, "Attempt", operation->attempt);
        if (strcmp(operation->status, "PENDING") == 0)
            put_time(w, "NextAttemptTimestamp", operation->due_ns, times);
        put_outcome(operation, w);
    } else if (strcmp(operation->type, "CONTEXT") == 0) {
        json_open(w, "ContextDetails");
        /* A result that is not there was too large to be kept. */
        if ((!operation->result || !operation->result[0]) &&
            !operation->error && has_children(recorded, operation->id))
            json_put_bool(w, "ReplayChildren", true);
        put_outcome(operation, w);
    } else if (strcmp(operation->type, "WAIT") == 0) {
        json_open(w, "WaitDetails");
        put_time(w, "ScheduledEndTimestamp", operation->due_ns, times);
    } else if (strcmp(operation->type, "CALLBACK") == 0) {
        json_open(w, "CallbackDetails");
        json_put_words(w, "CallbackId", operation->callback);
        put_outcome(operation, w);
    } else {
        json_open(w, "ChainedInvokeDetails");
        put_outcome(operation, w);
    }
    json_close(w);
}

static void put_text(struct json_writer *w, const char *name, const char *text)
{
    if (text[0])
        json_put_words(w, name, text);
}

void lambda_recorded_write_operation(
    const struct lambda_recorded *recorded,
    const struct lambda_recorded_operation *operation, struct json_writer *w,
    enum lambda_times times)
{
    json_open(w, NULL);
    json_put_words(w, "Id", operation->id);
    put_text(w, "ParentId", operation->parent);
    put_text(w, "Name", operation->name);
    json_put_words(w, "Type", operation->type);
    put_text(w, "SubType", operation->subtype);
    json_put_words(w, "Status", operation->status);
    put_time(w, "StartTimestamp", operation->started_ns, times);
    put_time(w, "EndTimestamp", operation->ended_ns, times);
    put_details(recorded, operation, w, times);
    json_close(w);
}

static void put_self(const struct lambda_recorded *recorded, const char *id,
                     struct json_writer *w)
{
    json_open(w, NULL);
    json_put_words(w, "Id", id);
    json_put_words(w, "Name", "replay");
    json_put_words(w, "Type", "EXECUTION");
    json_put_words(w, "Status", "STARTED");
    put_time(w, "StartTimestamp", recorded->started_ns, LAMBDA_MILLIS);
    json_open(w, "ExecutionDetails");
    if (recorded->input)
        json_put_words(w, "InputPayload", recorded->input);
    json_close(w);
    json_close(w);
}

void lambda_recorded_write(const struct lambda_recorded *recorded,
                           struct json_writer *w)
{
    char arn[LAMBDA_ARN_SIZE];
    char id[LAMBDA_ID_SIZE];
    char token[LAMBDA_TOKEN_SIZE];

    lambda_id_write(1, id);
    lambda_arn_write("replay", "$LATEST", "replay", 1, arn);
    lambda_token_write(1, recorded->gone, token);
    json_write_reset(w);
    json_open(w, NULL);
    json_put_words(w, "DurableExecutionArn", arn);
    json_open(w, "InitialExecutionState");
    json_open_array(w, "Operations");
    put_self(recorded, id, w);
    for (uint32_t i = 0; i < recorded->operation_count; i++)
        if (recorded->operations[i].status[0])
            lambda_recorded_write_operation(recorded, &recorded->operations[i],
                                            w, LAMBDA_MILLIS);
    json_close_array(w);
    json_put_words(w, "NextMarker", "");
    json_close(w);
    json_put_words(w, "CheckpointToken", token);
    json_close(w);
}

/* Reading ----------------------------------------------------------------- */

static bool is_cut(struct json_view details)
{
    static const char *const wrappers[] = {"Input", "Result", "Error"};

    for (unsigned i = 0; details.item && i < 3; i++) {
        struct json_view wrapper = json_member(details, wrappers[i]);
        struct json_view cut = wrapper.item && json_is_object(wrapper)
                                   ? json_member(wrapper, "Truncated")
                                   : (struct json_view){0};
        if (cut.item && cJSON_IsTrue(cut.item))
            return true;
    }
    return false;
}

static bool add_operation(struct lambda_recorded *recorded,
                          struct json_view event, struct json_error *error)
{
    const char *id = text_of(event, "Id");

    if (!id || !*id)
        return json_fail(event, error,
                         "found %s without an Id, allowed one with the id of "
                         "its operation",
                         text_or(event, "EventType"));
    const struct lambda_recorded_operation *known =
        lambda_recorded_find(recorded, id);
    recorded->about[recorded->event_count - 1] =
        known ? known->number - 1 : recorded->operation_count;
    if (known)
        return true;
    recorded->operations[recorded->operation_count] =
        (struct lambda_recorded_operation){.id = id,
                                           .type = type_of(event),
                                           .subtype = text_or(event, "SubType"),
                                           .name = text_or(event, "Name"),
                                           .parent = text_or(event, "ParentId"),
                                           .number =
                                               recorded->operation_count + 1,
                                           .status = "",
                                           .callback = id};
    recorded->operation_count++;
    return true;
}

static void take_execution(struct lambda_recorded *recorded,
                           struct json_view event)
{
    static const char *const ends[LAMBDA_VERB_NONE] = {
        [LAMBDA_VERB_SUCCEEDED] = "SUCCEEDED",
        [LAMBDA_VERB_FAILED] = "FAILED",
        [LAMBDA_VERB_TIMED_OUT] = "TIMED_OUT",
        [LAMBDA_VERB_STOPPED] = "STOPPED"};
    enum lambda_verb verb = verb_of(event);
    struct json_view details = details_of(event);

    if (verb == LAMBDA_VERB_STARTED) {
        recorded->input = payload_of(details, "Input");
        recorded->started_ns = time_of(event, "EventTimestamp");
    } else if (verb < LAMBDA_VERB_NONE && ends[verb]) {
        recorded->end = ends[verb];
        recorded->result = payload_of(details, "Result");
        recorded->error = error_of(details);
    }
}

static bool take_event(struct lambda_recorded *recorded, struct json_view event,
                       struct json_error *error)
{
    if (!json_is_object(event) || !text_of(event, "EventType") ||
        time_of(event, "EventTimestamp") == 0)
        return json_fail(event, error,
                         "found an event without EventType or EventTimestamp, "
                         "allowed one with both");
    if (is_cut(details_of(event)))
        return json_fail(event, error,
                         "found %s whose data was left out, allowed a history "
                         "that was asked for with IncludeExecutionData",
                         text_or(event, "EventType"));
    recorded->about[recorded->event_count] = UINT32_MAX;
    recorded->events[recorded->event_count++] = event;
    if (is_noun(event, "Execution"))
        take_execution(recorded, event);
    return !type_of(event) || add_operation(recorded, event, error);
}

static bool take_events(struct lambda_recorded *recorded,
                        struct json_error *error)
{
    struct json_view events;
    struct json_view top = json_root(recorded->doc);

    if (!json_get_array(top, "Events", JSON_REQUIRED, 1, UINT32_MAX, &events,
                        error))
        return false;
    recorded->events = calloc(json_count(events), sizeof(*recorded->events));
    recorded->operations =
        calloc(json_count(events), sizeof(*recorded->operations));
    recorded->about = calloc(json_count(events), sizeof(*recorded->about));
    if (!recorded->events || !recorded->operations || !recorded->about)
        return json_fail(top, error, "out of memory");
    for (struct json_view v = json_first(events); v.item; v = json_next(v))
        if (!take_event(recorded, v, error))
            return false;
    if (!is_noun(recorded->events[0], "Execution"))
        return json_fail(recorded->events[0], error,
                         "found %s, allowed ExecutionStarted as the first "
                         "event: the whole history, not in reverse order",
                         text_or(recorded->events[0], "EventType"));
    return true;
}

static struct lambda_recorded *take(struct json_doc *doc,
                                    struct json_error *error)
{
    struct lambda_recorded *recorded = calloc(1, sizeof(*recorded));

    if (!recorded) {
        json_free(doc);
        return NULL;
    }
    recorded->doc = doc;
    recorded->end = "";
    if (take_events(recorded, error))
        return recorded;
    lambda_recorded_free(recorded);
    return NULL;
}

struct lambda_recorded *lambda_recorded_read(const char *path,
                                             struct json_error *error)
{
    struct json_doc *doc = NULL;

    return json_read_file(path, &doc, error) ? NULL : take(doc, error);
}

struct lambda_recorded *lambda_recorded_of(const char *name, const void *bytes,
                                           size_t size,
                                           struct json_error *error)
{
    struct json_doc *doc = NULL;

    return json_read_bytes(name, bytes, size, &doc, error) ? NULL
                                                           : take(doc, error);
}

void lambda_recorded_free(struct lambda_recorded *recorded)
{
    if (!recorded)
        return;
    free(recorded->events);
    free(recorded->about);
    free(recorded->operations);
    json_free(recorded->doc);
    free(recorded);
}
