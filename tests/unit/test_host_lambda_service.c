/*
 * The service without a network and without processes: calls as clients make
 * them, invocations as an environment answers them.
 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/host/lambda/service.h"
#include "engine/host/store_sqlite.h"

#define SECOND UINT64_C(1000000000)
#define START_NS (UINT64_C(1767225600) * SECOND)

enum {
    BODY_MAX = 1 << 16
};

struct answered {
    struct lambda_call call;
    int status; /* 0: not yet */
    char exception[64];
    char body[BODY_MAX];
};

struct bed {
    struct lambda_service *service;
    struct lambda_invocation *invocation; /* the last one given */
    char event[BODY_MAX];
    uint32_t events;
    uint32_t wanted;
    char callback[64];
    uint64_t now_ns;
};

static void take_answer(struct lambda_call *call, int status,
                        const char *exception, const void *body, size_t size)
{
    struct answered *answered = (void *)call;

    cr_assert_eq(answered->status, 0, "answered twice");
    answered->status = status;
    snprintf(answered->exception, sizeof(answered->exception), "%s",
             exception ? exception : "");
    snprintf(answered->body, sizeof(answered->body), "%.*s", (int)size,
             (const char *)body);
}

static void take_wanted(void *self, uint32_t function)
{
    struct bed *bed = self;

    bed->wanted++;
    (void)lambda_invocation_take(bed->service, function, bed);
}

static void take_event(void *self, struct lambda_invocation *invocation,
                       const void *event, size_t size)
{
    struct bed *bed = self;

    bed->invocation = invocation;
    bed->events++;
    snprintf(bed->event, sizeof(bed->event), "%.*s", (int)size,
             (const char *)event);
}

static void take_dropped(void *self, struct lambda_invocation *invocation)
{
    struct bed *bed = self;

    if (bed->invocation == invocation)
        bed->invocation = NULL;
}

static void take_callback(void *self, const struct lambda_callback *callback)
{
    struct bed *bed = self;

    snprintf(bed->callback, sizeof(bed->callback), "%s", callback->id);
}

static void init(struct bed *bed)
{
    const struct store_sqlite_config memory = {
        .path = ":memory:",
        .create = 1,
        .limits = {.op_payload_max = 8 << 20,
                   .request_max = 32 << 20,
                   .history_ops_max = 1 << 20,
                   .blob_max = 16 << 20},
    };
    struct lambda_service_config config = {
        .limits = engine_limits_at(0),
        .seed = 1,
        .now_ns = START_NS,
        .lease_ns = 3600 * SECOND,
        .incarnation = 1,
        .wanted = take_wanted,
        .event = take_event,
        .callback = take_callback,
        .dropped = take_dropped,
        .self = bed,
    };
    const struct lambda_function order = {.name = "order",
                                          .durable = true,
                                          .timeout_ns = 900 * SECOND,
                                          .execution_timeout_ns =
                                              86400 * 366 * SECOND};
    const struct lambda_function plain = {.name = "plain",
                                          .timeout_ns = 900 * SECOND};
    struct store_problem problem;

    memset(bed, 0, sizeof(*bed));
    bed->now_ns = START_NS;
    cr_assert_eq(store_sqlite_try(&memory, &config.store, &problem), 0);
    bed->service = lambda_service_new(&config);
    cr_assert(bed->service);
    cr_assert_eq(lambda_service_register(bed->service, &order), 0);
    cr_assert_eq(lambda_service_register(bed->service, &plain), 1);
}

static void turn(struct bed *bed)
{
    cr_assert_eq(lambda_service_turn(bed->service, bed->now_ns), 0);
}

/* To whatever is due next. */
static void skip(struct bed *bed)
{
    uint64_t due = lambda_service_due(bed->service);

    cr_assert_neq(due, UINT64_MAX, "nothing is due");
    bed->now_ns = due > bed->now_ns ? due : bed->now_ns;
    turn(bed);
}

static struct answered *new_call(void)
{
    struct answered *answered = calloc(1, sizeof(*answered));

    cr_assert(answered);
    answered->call.answer = take_answer;
    return answered;
}

static struct answered *invoke(struct bed *bed, const char *function,
                               const char *name, const char *payload)
{
    struct answered *answered = new_call();

    lambda_call_invoke(bed->service, &answered->call, function, NULL, name,
                       LAMBDA_REQUEST_RESPONSE, payload, strlen(payload));
    turn(bed);
    return answered;
}

/* The text of a member of the event or of an answer. */
static void member(const char *json, const char *key, char *out, size_t room)
{
    char quoted[80];
    const char *at;

    snprintf(quoted, sizeof(quoted), "\"%s\":\"", key);
    at = strstr(json, quoted);
    cr_assert(at, "no %s in %s", key, json);
    at += strlen(quoted);
    snprintf(out, room, "%.*s", (int)strcspn(at, "\""), at);
}

/* updates: a list; NULL: none. token NULL: the event's. */
static struct answered *checkpoint(struct bed *bed, const char *token,
                                   const char *client, const char *updates)
{
    struct answered *answered = new_call();
    char arn[LAMBDA_ARN_SIZE];
    char own[LAMBDA_TOKEN_SIZE];
    char body[BODY_MAX];

    member(bed->event, "DurableExecutionArn", arn, sizeof(arn));
    member(bed->event, "CheckpointToken", own, sizeof(own));
    snprintf(body, sizeof(body),
             "{\"CheckpointToken\":\"%s\",\"ClientToken\":\"%s\","
             "\"Updates\":%s}",
             token ? token : own, client, updates ? updates : "[]");
    lambda_call_checkpoint(bed->service, &answered->call, arn, body,
                           strlen(body));
    turn(bed);
    cr_assert_neq(answered->status, 0, "no answer");
    return answered;
}

static void respond(struct bed *bed, const char *body)
{
    struct lambda_invocation *invocation = bed->invocation;

    bed->invocation = NULL;
    lambda_invocation_answered(bed->service, invocation, body, strlen(body));
    turn(bed);
}

static const char step_done[] =
    "[{\"Id\":\"a1\",\"Name\":\"charge\",\"Type\":\"STEP\",\"SubType\":"
    "\"Step\",\"Action\":\"SUCCEED\",\"Payload\":\"7\"}]";

Test(host_lambda_service, a_function_is_invoked_and_its_result_returned)
{
    struct bed bed;
    struct answered *call;

    init(&bed);
    call = invoke(&bed, "order", "first", "{\"id\":1}");
    cr_assert_eq(bed.events, 1);
    cr_assert(strstr(bed.event, "\"InputPayload\":\"{\\\"id\\\":1}\""), "%s",
              bed.event);
    cr_assert_eq(call->status, 0);
    respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"42\"}");
    cr_assert_eq(call->status, 200);
    cr_assert_str_eq(call->body, "42");
    free(call);
    lambda_service_free(bed.service);
}

Test(host_lambda_service, a_checkpoint_is_answered_with_a_new_token_and_once)
{
    struct bed bed;
    struct answered *call;
    struct answered *first;
    struct answered *again;
    struct answered *stale;

    init(&bed);
    call = invoke(&bed, "order", "first", "{}");
    first = checkpoint(&bed, NULL, "one", step_done);
    cr_assert_eq(first->status, 200, "%s", first->body);
    cr_assert(strstr(first->body, "\"Status\":\"SUCCEEDED\""), "%s",
              first->body);
    again = checkpoint(&bed, NULL, "one", step_done);
    cr_assert_str_eq(again->body, first->body);
    stale = checkpoint(&bed, NULL, "two", step_done);
    cr_assert_eq(stale->status, 400);
    cr_assert_str_eq(stale->exception, "InvalidParameterValueException");
    cr_assert(strstr(stale->body, "Invalid checkpoint token"), "%s",
              stale->body);
    free(first);
    free(again);
    free(stale);
    lambda_service_free(bed.service);
    free(call);
}

Test(host_lambda_service, a_wait_ends_when_its_time_is_over_and_not_before)
{
    static const char wait[] =
        "[{\"Id\":\"w1\",\"Type\":\"WAIT\",\"SubType\":\"Wait\",\"Action\":"
        "\"START\",\"WaitOptions\":{\"WaitSeconds\":86400}}]";
    struct bed bed;
    struct answered *call;

    init(&bed);
    call = invoke(&bed, "order", "first", "{}");
    free(checkpoint(&bed, NULL, "one", wait));
    respond(&bed, "{\"Status\":\"PENDING\"}");
    while (bed.events == 1)
        skip(&bed);
    cr_assert_geq(bed.now_ns, START_NS + 86400 * SECOND);
    cr_assert_lt(bed.now_ns, START_NS + 86401 * SECOND);
    cr_assert(strstr(bed.event, "\"Status\":\"SUCCEEDED\""), "%s", bed.event);
    respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"1\"}");
    cr_assert_eq(call->status, 200);
    free(call);
    lambda_service_free(bed.service);
}

Test(host_lambda_service, a_lost_invocation_is_invoked_again_with_what_it_knew)
{
    struct bed bed;
    struct answered *call;

    init(&bed);
    call = invoke(&bed, "order", "first", "{}");
    free(checkpoint(&bed, NULL, "one", step_done));
    lambda_invocation_lost(bed.service, bed.invocation, ENGINE_ERR_INTERRUPTED,
                           "killed");
    turn(&bed);
    while (bed.events == 1)
        skip(&bed);
    cr_assert(strstr(bed.event, "\"Id\":\"a1\",\"Name\":\"charge\""), "%s",
              bed.event);
    cr_assert(strstr(bed.event, "\"Result\":\"7\""), "%s", bed.event);
    respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"1\"}");
    cr_assert_eq(call->status, 200);
    free(call);
    lambda_service_free(bed.service);
}

Test(host_lambda_service, an_answered_callback_wakes_its_execution)
{
    static const char callback[] =
        "[{\"Id\":\"c1\",\"Name\":\"approve\",\"Type\":\"CALLBACK\","
        "\"SubType\":\"Callback\",\"Action\":\"START\","
        "\"CallbackOptions\":{\"TimeoutSeconds\":600}}]";
    struct bed bed;
    struct answered *call;
    struct answered *success = new_call();
    struct answered *late = new_call();

    init(&bed);
    call = invoke(&bed, "order", "first", "{}");
    free(checkpoint(&bed, NULL, "one", callback));
    respond(&bed, "{\"Status\":\"PENDING\"}");
    cr_assert_neq(bed.callback[0], '\0');
    lambda_call_callback(bed.service, &success->call, bed.callback,
                         LAMBDA_CALLBACK_SUCCEED, "\"yes\"", 5);
    turn(&bed);
    cr_assert_eq(success->status, 200, "%s", success->body);
    cr_assert_eq(bed.events, 2);
    cr_assert(strstr(bed.event, "\"Result\":\"\\\"yes\\\"\""), "%s", bed.event);
    lambda_call_callback(bed.service, &late->call, bed.callback,
                         LAMBDA_CALLBACK_SUCCEED, "1", 1);
    turn(&bed);
    cr_assert_eq(late->status, 400);
    cr_assert_str_eq(late->exception, "CallbackTimeoutException");
    free(success);
    free(late);
    lambda_service_free(bed.service);
    free(call);
}

Test(host_lambda_service, nothing_is_due_while_nothing_runs)
{
    struct bed bed;
    struct answered *call;

    init(&bed);
    turn(&bed);
    cr_assert_eq(lambda_service_due(bed.service), UINT64_MAX);
    call = invoke(&bed, "order", "first", "{}");
    respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"1\"}");
    cr_assert_eq(call->status, 200);
    turn(&bed);
    cr_assert_eq(lambda_service_due(bed.service), UINT64_MAX);
    free(call);
    lambda_service_free(bed.service);
}

Test(host_lambda_service, an_execution_tells_whose_answer_it_waits_for)
{
    static const char callback[] =
        "[{\"Id\":\"c1\",\"Type\":\"CALLBACK\",\"SubType\":\"Callback\","
        "\"Action\":\"START\",\"CallbackOptions\":{}}]";
    struct bed bed;
    struct answered *call;
    struct answered *success = new_call();
    uint64_t over = 0;

    init(&bed);
    call = invoke(&bed, "order", "first", "{}");
    cr_assert_not(lambda_service_awaits(bed.service, &over));
    free(checkpoint(&bed, NULL, "one", callback));
    respond(&bed, "{\"Status\":\"PENDING\"}");
    turn(&bed);
    cr_assert(lambda_service_awaits(bed.service, &over));
    cr_assert_geq(lambda_service_due(bed.service), over,
                  "only the end of its time is due");
    lambda_call_callback(bed.service, &success->call, bed.callback,
                         LAMBDA_CALLBACK_SUCCEED, "1", 1);
    turn(&bed);
    cr_assert_eq(success->status, 200, "%s", success->body);
    skip(&bed);
    cr_assert_not(lambda_service_awaits(bed.service, &over));
    free(success);
    free(call);
    lambda_service_free(bed.service);
}

Test(host_lambda_service, a_name_stands_for_one_execution)
{
    struct bed bed;
    struct answered *first;
    struct answered *same;
    struct answered *other;

    init(&bed);
    first = invoke(&bed, "order", "first", "{}");
    same = invoke(&bed, "order", "first", "{}");
    other = invoke(&bed, "order", "first", "{\"x\":1}");
    cr_assert_eq(other->status, 409);
    cr_assert_str_eq(other->exception,
                     "DurableExecutionAlreadyStartedException");
    cr_assert_eq(bed.events, 1);
    respond(&bed, "{\"Status\":\"SUCCEEDED\",\"Result\":\"5\"}");
    cr_assert_str_eq(first->body, "5");
    cr_assert_str_eq(same->body, "5");
    free(first);
    free(same);
    free(other);
    lambda_service_free(bed.service);
}

Test(host_lambda_service, a_qualifier_of_any_length_is_refused_or_kept_whole)
{
    char long_one[300];
    const char *const wrong[] = {"a b", "$OTHER", "a/b", long_one};
    struct bed bed;

    init(&bed);
    memset(long_one, 'a', sizeof(long_one) - 1);
    long_one[sizeof(long_one) - 1] = '\0';
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct answered *refused = new_call();
        lambda_call_invoke(bed.service, &refused->call, "order", wrong[i],
                           "first", LAMBDA_REQUEST_RESPONSE, "{}", 2);
        cr_assert_eq(refused->status, 400, "%s", wrong[i]);
        free(refused);
    }
    cr_assert_eq(bed.events, 0);
    lambda_service_free(bed.service);
}

Test(host_lambda_service, a_stopped_execution_takes_no_more_checkpoints)
{
    struct bed bed;
    struct answered *call;
    struct answered *stop = new_call();
    struct answered *refused;
    char arn[LAMBDA_ARN_SIZE];

    init(&bed);
    call = invoke(&bed, "order", "first", "{}");
    member(bed.event, "DurableExecutionArn", arn, sizeof(arn));
    lambda_call_stop(bed.service, &stop->call, arn, "", 0);
    turn(&bed);
    cr_assert_eq(stop->status, 200, "%s", stop->body);
    refused = checkpoint(&bed, NULL, "one", step_done);
    cr_assert_eq(refused->status, 400, "%s", refused->body);
    cr_assert(strstr(call->body, "STOPPED"), "%s", call->body);
    free(refused);
    free(stop);
    free(call);
    lambda_service_free(bed.service);
}

Test(host_lambda_service, a_plain_function_is_given_its_payload_as_it_is)
{
    struct bed bed;
    struct answered *call;

    init(&bed);
    call = invoke(&bed, "plain", NULL, "[1,2]");
    cr_assert_str_eq(bed.event, "[1,2]");
    respond(&bed, "{\"sum\":3}");
    cr_assert_str_eq(call->body, "{\"sum\":3}");
    free(call);
    lambda_service_free(bed.service);
}

/* What is wrong is refused, and the next call goes on as if it had not been. */
Test(host_lambda_service, wrong_updates_are_refused_as_a_whole)
{
    static const char *const wrong[] = {
        "7",
        "[7]",
        "[{}]",
        "[{\"Id\":\"a\",\"Type\":\"NOTHING\",\"Action\":\"START\"}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"JUMP\"}]",
        "[{\"Id\":\"a b\",\"Type\":\"STEP\",\"Action\":\"START\"}]",
        "[{\"Id\":\"a\",\"Type\":\"WAIT\",\"Action\":\"START\","
        "\"WaitOptions\":{\"WaitSeconds\":0}}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"RETRY\"}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"FAIL\","
        "\"Payload\":\"1\"}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"SUCCEED\","
        "\"Error\":{}}]",
        "[{\"Id\":\"a\",\"ParentId\":\"none\",\"Type\":\"STEP\","
        "\"Action\":\"START\"}]",
        "[{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"START\"},"
        "{\"Id\":\"a\",\"Type\":\"STEP\",\"Action\":\"START\"}]",
        "[{\"Id\":\"a\",\"Type\":\"CHAINED_INVOKE\",\"Action\":\"START\"}]"};
    struct bed bed;
    struct answered *call;
    struct answered *good;

    init(&bed);
    call = invoke(&bed, "order", "first", "{}");
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        struct answered *refused = checkpoint(&bed, NULL, "w", wrong[i]);
        cr_assert_eq(refused->status, 400, "%s: %s", wrong[i], refused->body);
        cr_assert_str_eq(refused->exception, "InvalidParameterValueException",
                         "%s: %s", wrong[i], refused->body);
        free(refused);
    }
    good = checkpoint(&bed, NULL, "good", step_done);
    cr_assert_eq(good->status, 200, "%s", good->body);
    free(good);
    lambda_service_free(bed.service);
    free(call);
}
