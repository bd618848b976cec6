#include "scenarios/lambda/event.h"

#include <stdio.h>
#include <string.h>

static const char *text_of(struct json_view view, const char *key)
{
    struct json_view member = json_member(view, key);

    return member.item && cJSON_IsString(member.item) ? member.item->valuestring
                                                      : "";
}

/* Seconds since 1970 as microseconds, 0: there are none. */
static uint64_t time_of(struct json_view view, const char *key)
{
    struct json_view member = json_member(view, key);

    if (!member.item || !cJSON_IsNumber(member.item) ||
        member.item->valuedouble < 0 || member.item->valuedouble > 1e12)
        return 0;
    return (uint64_t)(member.item->valuedouble * 1e6 + 0.5);
}

static uint32_t count_of(struct json_view view, const char *key)
{
    struct json_view member = json_member(view, key);

    if (!member.item || !cJSON_IsNumber(member.item) ||
        member.item->valuedouble < 0 || member.item->valuedouble > 1e9)
        return 0;
    return (uint32_t)member.item->valuedouble;
}

static void read_details(struct json_view details, struct lambda_event *event)
{
    struct json_view retry = json_member(details, "RetryDetails");
    struct json_view error = json_member(details, "Error");

    event->attempt = retry.item ? count_of(retry, "CurrentAttempt") : 0;
    event->again =
        retry.item && json_member(retry, "NextAttemptDelaySeconds").item;
    event->start_us = time_of(details, "StartTimestamp");
    event->end_us = time_of(details, "EndTimestamp");
    event->request = text_of(details, "RequestId");
    event->broke = error.item && json_is_object(error) &&
                   json_member(error, "Payload").item;
}

bool lambda_event_read(struct json_view view, struct lambda_event *event,
                       struct json_error *err)
{
    char key[80];

    *event = (struct lambda_event){.type = text_of(view, "EventType"),
                                   .subtype = text_of(view, "SubType"),
                                   .id = text_of(view, "Id"),
                                   .parent = text_of(view, "ParentId"),
                                   .name = text_of(view, "Name"),
                                   .request = ""};
    event->number = count_of(view, "EventId");
    event->time_us = time_of(view, "EventTimestamp");
    if (!*event->type || !event->number || !event->time_us)
        return json_fail(view, err,
                         "found an event without EventType, EventId or "
                         "EventTimestamp, allowed one with all three");
    snprintf(key, sizeof(key), "%.60sDetails", event->type);
    struct json_view details = json_member(view, key);
    if (details.item)
        read_details(details, event);
    return true;
}

enum lambda_verb lambda_event_verb(const char *type, size_t *noun_size)
{
    static const char *const verbs[LAMBDA_VERB_NONE] = {
        "Started", "Succeeded", "Failed",   "TimedOut",
        "Stopped", "Cancelled", "Completed"};
    size_t size = strlen(type);

    for (unsigned i = 0; i < LAMBDA_VERB_NONE; i++) {
        size_t end = strlen(verbs[i]);
        if (size <= end || strcmp(type + size - end, verbs[i]) != 0)
            continue;
        *noun_size = size - end;
        return (enum lambda_verb)i;
    }
    *noun_size = size;
    return LAMBDA_VERB_NONE;
}

bool lambda_event_is(const struct lambda_event *event, const char *noun)
{
    size_t size;

    return lambda_event_verb(event->type, &size) != LAMBDA_VERB_NONE &&
           size == strlen(noun) && memcmp(event->type, noun, size) == 0;
}
