#include "tests/support/lambda_bed.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenarios/lambda/storage.h"

static void take_answer(struct lambda_call *call, int status,
                        const char *exception, const void *body, size_t size)
{
    struct lambda_answered *answered = (void *)call;

    cr_assert_eq(answered->status, 0, "answered twice");
    answered->status = status;
    answered->size = size;
    snprintf(answered->exception, sizeof(answered->exception), "%s",
             exception ? exception : "");
    snprintf(answered->body, sizeof(answered->body), "%.*s", (int)size,
             (const char *)body);
}

static void take_wanted(void *self, uint32_t function)
{
    struct lambda_bed *bed = self;

    bed->wanted++;
    (void)lambda_invocation_take(bed->service, function, bed);
}

static void take_event(void *self, struct lambda_invocation *invocation,
                       const void *event, size_t size)
{
    struct lambda_bed *bed = self;

    bed->invocation = invocation;
    bed->events++;
    snprintf(bed->event, sizeof(bed->event), "%.*s", (int)size,
             (const char *)event);
}

static void take_dropped(void *self, struct lambda_invocation *invocation)
{
    struct lambda_bed *bed = self;

    if (bed->invocation == invocation)
        bed->invocation = NULL;
}

static void take_callback(void *self, const struct lambda_callback *callback)
{
    struct lambda_bed *bed = self;

    snprintf(bed->callback, sizeof(bed->callback), "%s", callback->id);
}

static void begin_service(struct lambda_bed *bed)
{
    struct lambda_service_config config = {
        .limits = bed->limits ? bed->limits : engine_limits_at(0),
        .rates = bed->rates,
        .seed = 1,
        .now_ns = bed->now_ns,
        .lease_ns = 3600 * LAMBDA_BED_SECOND,
        .incarnation = 1,
        .why = bed->why,
        .wanted = take_wanted,
        .event = take_event,
        .callback = take_callback,
        .dropped = take_dropped,
        .self = bed,
    };
    const struct lambda_function order = {.name = "order",
                                          .durable = true,
                                          .timeout_ns = 900 * LAMBDA_BED_SECOND,
                                          .execution_timeout_ns =
                                              86400 * 365 * LAMBDA_BED_SECOND};
    const struct lambda_function plain = {
        .name = "plain", .timeout_ns = 900 * LAMBDA_BED_SECOND};

    cr_assert_eq(lambda_storage_open(bed->path, config.limits, &config.store),
                 0);
    bed->invocation = NULL;
    bed->service = lambda_service_new(&config);
    cr_assert(bed->service, "%s", bed->why);
    cr_assert_eq(lambda_service_register(bed->service, &order), 0);
    cr_assert_eq(lambda_service_register(bed->service, &plain), 1);
}

void lambda_bed_open(struct lambda_bed *bed)
{
    bed->now_ns = LAMBDA_BED_START;
    begin_service(bed);
}

void lambda_bed_reopen(struct lambda_bed *bed)
{
    lambda_service_free(bed->service);
    begin_service(bed);
}

void lambda_bed_close(struct lambda_bed *bed)
{
    lambda_service_free(bed->service);
}

void lambda_bed_turn(struct lambda_bed *bed)
{
    cr_assert_eq(lambda_service_turn(bed->service, bed->now_ns), 0);
}

void lambda_bed_skip(struct lambda_bed *bed)
{
    uint64_t due = lambda_service_due(bed->service);

    cr_assert_neq(due, UINT64_MAX, "nothing is due");
    bed->now_ns = due > bed->now_ns ? due : bed->now_ns;
    lambda_bed_turn(bed);
}

void lambda_bed_skip_to_event(struct lambda_bed *bed, uint32_t events)
{
    for (int i = 0; bed->events < events && i < 100000; i++)
        lambda_bed_skip(bed);
    cr_assert_eq(bed->events, events);
}

void lambda_bed_pass(struct lambda_bed *bed, uint64_t ns)
{
    bed->now_ns += ns;
    lambda_bed_turn(bed);
}

struct lambda_answered *lambda_bed_call(void)
{
    struct lambda_answered *answered = calloc(1, sizeof(*answered));

    cr_assert(answered);
    answered->call.answer = take_answer;
    return answered;
}

struct lambda_answered *lambda_bed_invoke(struct lambda_bed *bed,
                                          const char *function,
                                          const char *name, const char *payload)
{
    struct lambda_answered *answered = lambda_bed_call();

    lambda_call_invoke(bed->service, &answered->call, function, NULL, name,
                       LAMBDA_REQUEST_RESPONSE, payload, strlen(payload));
    lambda_bed_turn(bed);
    return answered;
}

void lambda_bed_begin(struct lambda_bed *bed, const char *function,
                      const char *name, const char *payload)
{
    struct lambda_answered *answered = lambda_bed_call();

    lambda_call_invoke(bed->service, &answered->call, function, NULL, name,
                       LAMBDA_EVENT, payload, strlen(payload));
    lambda_bed_turn(bed);
    cr_assert_eq(answered->status, 202, "%s", answered->body);
    free(answered);
}

void lambda_bed_member(const char *json, const char *key, char *out,
                       size_t room)
{
    char quoted[80];
    const char *at;

    snprintf(quoted, sizeof(quoted), "\"%s\":\"", key);
    at = strstr(json, quoted);
    cr_assert(at, "no %s in %s", key, json);
    at += strlen(quoted);
    snprintf(out, room, "%.*s", (int)strcspn(at, "\""), at);
}

struct lambda_answered *lambda_bed_checkpoint(struct lambda_bed *bed,
                                              const char *token,
                                              const char *client,
                                              const char *updates)
{
    struct lambda_answered *answered = lambda_bed_call();
    size_t room = 512 + (updates ? strlen(updates) : 0);
    char *body = malloc(room);
    char arn[LAMBDA_ARN_SIZE];
    char own[LAMBDA_TOKEN_SIZE];

    cr_assert(body);
    lambda_bed_member(bed->event, "DurableExecutionArn", arn, sizeof(arn));
    lambda_bed_member(bed->event, "CheckpointToken", own, sizeof(own));
    snprintf(body, room,
             "{\"CheckpointToken\":\"%s\",\"ClientToken\":\"%s\","
             "\"Updates\":%s}",
             token ? token : own, client, updates ? updates : "[]");
    lambda_call_checkpoint(bed->service, &answered->call, arn, body,
                           strlen(body));
    lambda_bed_turn(bed);
    free(body);
    cr_assert_neq(answered->status, 0, "no answer");
    return answered;
}

void lambda_bed_respond(struct lambda_bed *bed, const char *body)
{
    struct lambda_invocation *invocation = bed->invocation;

    cr_assert(invocation, "nothing is invoked");
    bed->invocation = NULL;
    lambda_invocation_answered(bed->service, invocation, body, strlen(body));
    lambda_bed_turn(bed);
}

struct lambda_answered *lambda_bed_get(struct lambda_bed *bed, const char *arn)
{
    struct lambda_answered *answered = lambda_bed_call();

    lambda_call_get(bed->service, &answered->call, arn, true);
    return answered;
}

struct lambda_answered *lambda_bed_history(struct lambda_bed *bed,
                                           const char *arn)
{
    const struct lambda_history_query all = {.data = true, .items = 1000};
    struct lambda_answered *answered = lambda_bed_call();

    lambda_call_history(bed->service, &answered->call, arn, &all);
    return answered;
}

struct lambda_answered *lambda_bed_list(struct lambda_bed *bed,
                                        const char *function)
{
    const struct lambda_list_query all = {.items = 1000};
    struct lambda_answered *answered = lambda_bed_call();

    lambda_call_list(bed->service, &answered->call, function, &all);
    return answered;
}
