/*
 * A service without processes whose records and histories are judged, whole
 * and doctored.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/operation.h"
#include "scenarios/lambda/storage.h"
#include "scenarios/lambda/watch.h"

#define SECOND UINT64_C(1000000000)
#define START_NS (UINT64_C(1767225600) * SECOND)

struct bed {
    struct lambda_watch *watch;
    struct lambda_service *service;
    struct lambda_invocation *invocation;
    struct lambda_call call;
    struct lambda_call checkpoint;
    char arn[LAMBDA_ARN_SIZE];
    char token[LAMBDA_TOKEN_SIZE];
    int answers;
    uint64_t now_ns;
};

static void take_answer(struct lambda_call *call, int status,
                        const char *exception, const void *body, size_t size)
{
    (void)call;
    (void)body;
    (void)size;
    cr_assert_eq(status, 200, "%s", exception ? exception : "");
}

static void take_wanted(void *self, uint32_t function)
{
    struct bed *bed = self;

    (void)lambda_invocation_take(bed->service, function, bed);
}

static void member(const char *json, size_t size, const char *key, char *out,
                   size_t room)
{
    const char *at = memmem(json, size, key, strlen(key));

    cr_assert(at, "no %s", key);
    at += strlen(key) + 3; /* ":" */
    snprintf(out, room, "%.*s", (int)strcspn(at, "\""), at);
}

static void take_event(void *self, struct lambda_invocation *invocation,
                       const void *event, size_t size)
{
    struct bed *bed = self;

    bed->invocation = invocation;
    member(event, size, "DurableExecutionArn", bed->arn, sizeof(bed->arn));
    member(event, size, "CheckpointToken", bed->token, sizeof(bed->token));
}

static void take_dropped(void *self, struct lambda_invocation *invocation)
{
    (void)self;
    (void)invocation;
}

static void init(struct bed *bed)
{
    const struct lambda_function order = {.name = "order",
                                          .durable = true,
                                          .timeout_ns = 900 * SECOND,
                                          .execution_timeout_ns =
                                              86400 * SECOND};

    memset(bed, 0, sizeof(*bed));
    bed->now_ns = START_NS;
    bed->watch = lambda_watch_new(engine_limits_at(0));
    cr_assert(bed->watch);
    struct lambda_service_config config = {
        .limits = engine_limits_at(0),
        .seed = 1,
        .now_ns = START_NS,
        .lease_ns = 3600 * SECOND,
        .incarnation = 1,
        .sink = lambda_watch_sink(bed->watch),
        .wanted = take_wanted,
        .event = take_event,
        .dropped = take_dropped,
        .self = bed,
    };
    cr_assert_eq(lambda_storage_open(NULL, config.limits, &config.store), 0);
    bed->service = lambda_service_new(&config);
    cr_assert(bed->service);
    cr_assert_eq(lambda_service_register(bed->service, &order), 0);
    cr_assert_eq(lambda_watch_begin(bed->watch, bed->service), 0);
}

static void deinit(struct bed *bed, struct lambda_findings *findings)
{
    lambda_findings_free(findings);
    lambda_watch_free(bed->watch);
    lambda_service_free(bed->service);
}

static void turn(struct bed *bed)
{
    cr_assert_eq(lambda_service_turn(bed->service, bed->now_ns), 0);
}

/* An order with one step and a wait, up to its end. */
static void run(struct bed *bed)
{
    static const char done[] = "{\"Status\":\"SUCCEEDED\",\"Result\":\"1\"}";
    char body[512];

    bed->call = (struct lambda_call){.answer = take_answer};
    lambda_call_invoke(bed->service, &bed->call, "order", "$LATEST", "first",
                       LAMBDA_REQUEST_RESPONSE, "{}", 2);
    turn(bed);
    snprintf(body, sizeof(body),
             "{\"CheckpointToken\":\"%s\",\"ClientToken\":\"c\",\"Updates\":[{"
             "\"Id\":\"a1\",\"Name\":\"charge\",\"Type\":\"STEP\",\"SubType\":"
             "\"Step\",\"Action\":\"SUCCEED\",\"Payload\":\"7\"},{\"Id\":"
             "\"w1\",\"Type\":\"WAIT\",\"SubType\":\"Wait\",\"Action\":"
             "\"START\",\"WaitOptions\":{\"WaitSeconds\":600}}]}",
             bed->token);
    bed->checkpoint = (struct lambda_call){.answer = take_answer};
    lambda_call_checkpoint(bed->service, &bed->checkpoint, bed->arn, body,
                           strlen(body));
    turn(bed);
    struct lambda_invocation *first = bed->invocation;
    bed->invocation = NULL;
    lambda_invocation_answered(bed->service, first, "{\"Status\":\"PENDING\"}",
                               20);
    turn(bed);
    bed->now_ns += 600 * SECOND;
    turn(bed);
    cr_assert(bed->invocation, "the wait is not over");
    lambda_invocation_answered(bed->service, bed->invocation, done,
                               sizeof(done) - 1);
    turn(bed);
}

static const struct lambda_property *
property(const struct lambda_findings *findings, const char *id)
{
    for (uint32_t i = 0; i < findings->property_count; i++)
        if (strcmp(findings->properties[i].id, id) == 0)
            return &findings->properties[i];
    cr_assert_fail("no property %s", id);
    return NULL;
}

Test(scenarios_lambda_watch, a_run_that_is_right_is_looked_at_and_found_right)
{
    static const char *const seen[] = {"S1",  "S2",  "S3",  "S4",  "S9",
                                       "S10", "S11", "S12", "S14", "S15",
                                       "L1",  "L5",  "H1"};
    struct lambda_findings findings;
    struct bed bed;

    init(&bed);
    run(&bed);
    cr_assert_eq(lambda_watch_end(bed.watch, true, &findings), 0);
    for (size_t i = 0; i < sizeof(seen) / sizeof(*seen); i++) {
        const struct lambda_property *found = property(&findings, seen[i]);
        cr_assert_eq(found->violations, 0, "%s: %s", seen[i], found->why);
        cr_assert_gt(found->checked, 0, "%s has looked at nothing", seen[i]);
    }
    cr_assert_eq(lambda_metered(&findings.use), 3);
    cr_assert_eq(findings.use.quotas[LAMBDA_QUOTA_INVOCATIONS], 2);
    cr_assert_eq(findings.history_count, 8);
    cr_assert_str_eq(findings.history[7].type, "ExecutionSucceeded");
    cr_assert_eq(findings.history[7].since_us, 600000000);
    deinit(&bed, &findings);
}

/* What the service did not write is put among its records. */
static void doctor(struct engine_record record, const char *id)
{
    struct lambda_findings findings;
    struct bed bed;

    init(&bed);
    run(&bed);
    const struct engine_sink *sink = lambda_watch_sink(bed.watch);
    record.node = LAMBDA_NODE_STORE;
    sink->emit(sink->self, &record);
    cr_assert_eq(lambda_watch_end(bed.watch, true, &findings), 0);
    const struct lambda_property *found = property(&findings, id);
    cr_assert_gt(found->violations, 0, "%s holds all the same", id);
    cr_assert_neq(found->why[0], '\0');
    deinit(&bed, &findings);
}

Test(scenarios_lambda_watch, records_that_cannot_be_are_refused)
{
    doctor((struct engine_record){.kind = ENGINE_REC_APPENDED,
                                  .detail = ENGINE_REQ_APPEND,
                                  .run = 1,
                                  .a = 900,
                                  .b = 900,
                                  .count = 1,
                                  .op = UINT32_MAX},
           "S1");
    doctor((struct engine_record){.kind = ENGINE_REC_LEASE_RENEWED,
                                  .run = 1,
                                  .peer = LAMBDA_NODE_COORDINATOR,
                                  .token = 0,
                                  .op = UINT32_MAX},
           "S2");
    doctor((struct engine_record){.kind = ENGINE_REC_EVENT,
                                  .detail = ENGINE_EV_OPERATION_SUCCEEDED,
                                  .run = 1,
                                  .op = 1,
                                  .state = 1},
           "S9");
    doctor(
        (struct engine_record){
            .kind = ENGINE_REC_AUDIT_WORK, .run = 1, .op = 0, .attempt = 9},
        "S11");
    doctor((struct engine_record){.kind = ENGINE_REC_EVENT,
                                  .detail = ENGINE_EV_OPERATION_SUCCEEDED,
                                  .run = 1,
                                  .op = 3001,
                                  .state = ENGINE_OPERATION_STEP,
                                  .count = 300000},
           "S15");
}

Test(scenarios_lambda_watch, a_run_that_is_left_is_stuck)
{
    struct lambda_findings findings;
    struct bed bed;

    init(&bed);
    bed.call = (struct lambda_call){.answer = take_answer};
    lambda_call_invoke(bed.service, &bed.call, "order", "$LATEST", "first",
                       LAMBDA_REQUEST_RESPONSE, "{}", 2);
    turn(&bed);
    cr_assert_eq(lambda_watch_end(bed.watch, true, &findings), 0);
    cr_assert_eq(property(&findings, "L1")->violations, 1);
    cr_assert_eq(property(&findings, "H1")->violations, 0);
    deinit(&bed, &findings);
}
