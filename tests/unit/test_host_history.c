#include <cjson/cJSON.h>
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/host/history.h"
#include "engine/invoke.h"
#include "engine/operation.h"
#include "engine/workflow.h"

#define RUN 42
#define START_NS UINT64_C(1700000000500000000)

/* An operation's event: what the tests vary of it. */
struct say {
    unsigned kind;
    uint32_t op;
    unsigned type;
    unsigned subtype;
    unsigned options;
    uint32_t attempt;
    uint32_t parent; /* number; 0: the run */
    uint32_t error;
    uint64_t first_ns;
    uint64_t second_ns;
    const char *name;
    const char *detail;
    const char *value;
    const char *id; /* one that is not ours, of id_size bytes; NULL: ours */
    size_t id_size;
    bool bare; /* no payload */
};

static struct engine_hash id_of(uint32_t op)
{
    return op ? (struct engine_hash){op, 0xabc} : (struct engine_hash){0, 0};
}

static struct engine_text text_of(const char *text)
{
    return (struct engine_text){text ? text : "", text ? strlen(text) : 0};
}

/* What history_add() says to a block's only item. */
static int add_block(struct history *h, struct engine_block *block)
{
    int result = history_add(
        h, (const struct engine_item *)(const void *)(block->bytes + 8),
        START_NS);

    engine_block_free(block);
    return result;
}

static int add(struct history *h, struct say s)
{
    const struct engine_item head = {
        .type = ENGINE_ITEM_EVENT,
        .kind = (uint16_t)s.kind,
        .op = s.op,
        .attempt = s.attempt,
        .a = id_of(s.op).lo,
        .b = id_of(s.op).hi,
        .flags = engine_operation_flags(s.type, s.subtype, s.options)};
    const struct engine_operation_view view = {
        .head = {.parent = id_of(s.parent),
                 .first_ns = s.first_ns,
                 .second_ns = s.second_ns,
                 .error = s.error,
                 .id_size = (uint16_t)s.id_size,
                 .name_size = (uint16_t)text_of(s.name).size,
                 .detail_size = (uint32_t)text_of(s.detail).size,
                 .value_size = (uint32_t)text_of(s.value).size},
        .id = {s.id ? s.id : "", s.id_size},
        .name = text_of(s.name),
        .detail = text_of(s.detail),
        .value = s.value ? s.value : ""};
    struct engine_block block = {0};

    cr_assert_not_null(engine_block_begin(&block, 8));
    if (s.bare)
        cr_assert_not_null(engine_block_item(&block, &head, NULL, 0));
    else
        cr_assert_not_null(engine_operation_write(&block, &head, &view));
    return add_block(h, &block);
}

/* An event of the run or of one of its invocations. */
static int add_run(struct history *h, unsigned kind, uint32_t flags, uint64_t a,
                   const void *payload, size_t size)
{
    const struct engine_item head = {.type = ENGINE_ITEM_EVENT,
                                     .kind = (uint16_t)kind,
                                     .attempt = 1,
                                     .a = a,
                                     .flags = flags};
    struct engine_block block = {0};

    cr_assert_not_null(engine_block_begin(&block, 8));
    cr_assert_not_null(engine_block_item(&block, &head, payload, size));
    return add_block(h, &block);
}

static struct history *begin(void)
{
    struct history *h = history_new(RUN, true);

    cr_assert_not_null(h);
    cr_assert_eq(add_run(h, ENGINE_EV_RUN_CREATED, 0, 0, "{}", 2), 0);
    return h;
}

static cJSON *event_at(const struct history *h, uint32_t index)
{
    size_t size;
    const char *text = history_event(h, index, &size);
    cJSON *event = cJSON_ParseWithLength(text, size);

    cr_assert_not_null(event, "event %u is no JSON: %.*s", index, (int)size,
                       text);
    return event;
}

/* The types of all events after the first: "StepStarted StepSucceeded". */
static const char *types_of(const struct history *h, char *out, size_t room)
{
    size_t used = 0;

    *out = '\0';
    for (uint32_t i = 1; i < history_count(h); i++) {
        cJSON *event = event_at(h, i);

        used += (size_t)snprintf(
            out + used, room - used, "%s%s", used ? " " : "",
            cJSON_GetObjectItem(event, "EventType")->valuestring);
        cJSON_Delete(event);
    }
    return out;
}

/* Ends the history; whether its event types were these. */
static void expect(struct history *h, const char *types)
{
    char found[2048];

    cr_expect_str_eq(types_of(h, found, sizeof(found)), types);
    history_free(h);
}

static bool event_has(const struct history *h, uint32_t index, const char *part)
{
    char whole[4096];
    size_t size;
    const char *text = history_event(h, index, &size);

    (void)snprintf(whole, sizeof(whole), "%.*s", (int)size, text);
    return strstr(whole, part) != NULL;
}

static const struct say a_step = {.op = 1,
                                  .type = ENGINE_OPERATION_STEP,
                                  .subtype = ENGINE_SUBTYPE_STEP,
                                  .attempt = 1,
                                  .name = "a"};

static struct say step(unsigned kind, uint32_t attempt)
{
    struct say s = a_step;

    s.kind = kind;
    s.attempt = attempt;
    return s;
}

static struct say of_type(unsigned kind, uint32_t op, unsigned type,
                          unsigned subtype)
{
    return (struct say){
        .kind = kind, .op = op, .type = type, .subtype = subtype};
}

Test(host_history, a_step_that_was_not_announced_has_a_start_all_the_same)
{
    struct history *h = begin();

    cr_assert_eq(add(h, step(ENGINE_EV_OPERATION_SUCCEEDED, 1)), 0);
    cr_expect(event_has(h, 1, "\"StepStartedDetails\":{}"));
    cr_expect(event_has(h, 2, "\"RetryDetails\":{\"CurrentAttempt\":1}"));
    cr_expect(event_has(h, 2, "\"EventTimestamp\":1700000000.500"));
    cr_expect(event_has(h, 2, "\"EventId\":3"));
    expect(h, "StepStarted StepSucceeded");
}

Test(host_history, an_announced_attempt_is_not_announced_twice)
{
    struct history *h = begin();

    cr_assert_eq(add(h, step(ENGINE_EV_OPERATION_STARTED, 1)), 0);
    cr_assert_eq(add(h, step(ENGINE_EV_OPERATION_PROGRESS, 1)), 0);
    cr_assert_eq(add(h, step(ENGINE_EV_OPERATION_SUCCEEDED, 1)), 0);
    expect(h, "StepStarted StepSucceeded");
}

Test(host_history, each_attempt_of_a_step_has_a_start_and_its_delay_rounded_up)
{
    struct say again = step(ENGINE_EV_OPERATION_RETRY, 1);
    struct history *h = begin();

    again.first_ns = 1 * ENGINE_SECOND + 1;
    again.error = ENGINE_ERR_NETWORK;
    again.value = "no route";
    cr_assert_eq(add(h, again), 0);
    cr_assert_eq(add(h, (struct say){.kind = ENGINE_EV_OPERATION_READY,
                                     .op = 1,
                                     .bare = true}),
                 0);
    cr_assert_eq(add(h, step(ENGINE_EV_OPERATION_SUCCEEDED, 2)), 0);
    cr_expect(event_has(h, 2, "\"NextAttemptDelaySeconds\":2"));
    cr_expect(event_has(h, 2, "\"ErrorType\":\"network\""));
    cr_expect(event_has(h, 2, "\"ErrorMessage\":\"no route\""));
    cr_expect(event_has(h, 4, "\"CurrentAttempt\":2"));
    expect(h, "StepStarted StepFailed StepStarted StepSucceeded");
}

Test(host_history, a_state_that_is_polled_again_is_a_success_with_a_delay)
{
    struct say poll = step(ENGINE_EV_OPERATION_RETRY, 1);
    struct history *h = begin();

    poll.options = ENGINE_OPTION_STATE;
    poll.value = "7";
    poll.first_ns = 3 * ENGINE_SECOND;
    cr_assert_eq(add(h, poll), 0);
    cr_expect(event_has(h, 2, "\"Payload\":\"7\""));
    cr_expect(event_has(h, 2, "\"NextAttemptDelaySeconds\":3"));
    expect(h, "StepStarted StepSucceeded");
}

Test(host_history, an_ambiguous_step_ends_when_an_operator_says_how)
{
    struct say fail = step(ENGINE_EV_OPERATION_FAILED, 1);
    struct history *h = begin();

    fail.error = ENGINE_ERR_AMBIGUOUS;
    cr_assert_eq(add(h, fail), 0);
    cr_expect_eq(history_count(h), 2);
    cr_assert_eq(add(h, fail), 0);
    expect(h, "StepStarted StepFailed");
}

Test(host_history, what_comes_after_an_operations_end_is_not_shown)
{
    struct history *h = begin();

    cr_assert_eq(add(h, step(ENGINE_EV_OPERATION_SUCCEEDED, 1)), 0);
    cr_assert_eq(add(h, step(ENGINE_EV_OPERATION_FAILED, 1)), 0);
    expect(h, "StepStarted StepSucceeded");
}

Test(host_history, any_bytes_make_valid_json_and_those_lost_are_owned_up_to)
{
    struct say odd = step(ENGINE_EV_OPERATION_SUCCEEDED, 1);
    struct history *h = begin();
    cJSON *event;

    odd.name = "say \"\\\n\t\x01 \xc3\xa9";
    odd.value = "half \xc3";
    cr_assert_eq(add(h, odd), 0);
    event = event_at(h, 2);
    cr_expect_str_eq(cJSON_GetObjectItem(event, "Name")->valuestring, odd.name);
    cr_expect(event_has(h, 2, "\"Payload\":\"half \\ufffd\""));
    cr_expect(event_has(h, 2, "\"Truncated\":true"));
    cJSON_Delete(event);
    history_free(h);
}

Test(host_history, a_callback_is_shown_with_the_id_that_outside_systems_use)
{
    struct say callback =
        of_type(ENGINE_EV_OPERATION_STARTED, 1, ENGINE_OPERATION_CALLBACK,
                ENGINE_SUBTYPE_CALLBACK);
    struct history *h = begin();
    struct engine_hash key;
    const cJSON *details;
    cJSON *event;
    uint64_t run;
    uint32_t op;

    callback.first_ns = 60 * ENGINE_SECOND;
    callback.second_ns = 5 * ENGINE_SECOND;
    cr_assert_eq(add(h, callback), 0);
    event = event_at(h, 1);
    details = cJSON_GetObjectItem(event, "CallbackStartedDetails");
    cr_assert_eq(engine_callback_parse(
                     cJSON_GetObjectItem(details, "CallbackId")->valuestring,
                     &run, &op, &key),
                 0);
    cr_expect_eq(run, RUN);
    cr_expect_eq(op, 1);
    cr_expect(engine_hash_equal(key, id_of(1)));
    cr_expect_eq(cJSON_GetObjectItem(details, "Timeout")->valueint, 60);
    cr_expect_eq(cJSON_GetObjectItem(details, "HeartbeatTimeout")->valueint, 5);
    cJSON_Delete(event);
    history_free(h);
}

Test(host_history, a_map_shows_its_counts_and_its_iterations_their_parent)
{
    struct say map = of_type(ENGINE_EV_OPERATION_STARTED, 1,
                             ENGINE_OPERATION_CONTEXT, ENGINE_SUBTYPE_MAP);
    struct say item =
        of_type(ENGINE_EV_OPERATION_SUCCEEDED, 2, ENGINE_OPERATION_CONTEXT,
                ENGINE_SUBTYPE_MAP_ITERATION);
    struct history *h = begin();

    cr_assert_eq(add(h, map), 0);
    item.parent = 1;
    cr_assert_eq(add(h, item), 0);
    item.op = 3;
    item.kind = ENGINE_EV_OPERATION_FAILED;
    cr_assert_eq(add(h, item), 0);
    cr_expect(
        event_has(h, 3, "\"ParentId\":\"0000000000000abc0000000000000001\""));
    map.kind = ENGINE_EV_OPERATION_SUCCEEDED;
    map.value = "summary"; /* begins with no reason that there is */
    cr_assert_eq(add(h, map), 0);
    cr_expect(event_has(h, 6, "\\\"completionReason\\\":\\\"UNKNOWN"));
    cr_expect(event_has(h, 6,
                        "\\\"totalCount\\\":2,\\\"successCount\\\":1,"
                        "\\\"failureCount\\\":1"));
    expect(h, "ContextStarted ContextStarted ContextSucceeded ContextStarted "
              "ContextFailed ContextSucceeded");
}

Test(host_history, messages_to_other_runs_are_steps_with_a_subtype_of_their_own)
{
    struct history *h = begin();

    cr_assert_eq(add(h, of_type(ENGINE_EV_OPERATION_STARTED, 1,
                                ENGINE_OPERATION_SEND, ENGINE_SUBTYPE_NONE)),
                 0);
    cr_assert_eq(add(h, of_type(ENGINE_EV_OPERATION_STARTED, 2,
                                ENGINE_OPERATION_RECEIVE, ENGINE_SUBTYPE_NONE)),
                 0);
    cr_expect(event_has(h, 1, "\"SubType\":\"Send\""));
    cr_expect(event_has(h, 2, "\"SubType\":\"Receive\""));
    expect(h, "StepStarted StepStarted");
}

static void add_invokes(struct history *h)
{
    static const unsigned ends[] = {
        ENGINE_EV_OPERATION_SUCCEEDED, ENGINE_EV_OPERATION_FAILED,
        ENGINE_EV_OPERATION_TIMED_OUT, ENGINE_EV_OPERATION_STOPPED};

    for (uint32_t i = 0; i < 4; i++) {
        struct say invoke =
            of_type(ENGINE_EV_OPERATION_STARTED, i + 1, ENGINE_OPERATION_INVOKE,
                    ENGINE_SUBTYPE_CHAINED_INVOKE);

        invoke.detail = "child";
        cr_assert_eq(add(h, invoke), 0);
        invoke.kind = ends[i];
        cr_assert_eq(add(h, invoke), 0);
    }
}

Test(host_history, an_invoke_names_the_run_it_makes_and_ends_in_four_ways)
{
    struct history *h = begin();
    char arn[512];

    add_invokes(h);
    (void)history_arn(arn, sizeof(arn), "child", 5,
                      engine_invoke_child(RUN, 1));
    cr_expect(event_has(h, 1, arn));
    cr_expect(event_has(h, 1, "\"FunctionName\":\"child\""));
    cr_expect_not(event_has(h, 4, "\"ErrorType\":\"child\""),
                  "the workflow's name is not an error's type");
    expect(h, "ChainedInvokeStarted ChainedInvokeSucceeded "
              "ChainedInvokeStarted ChainedInvokeFailed "
              "ChainedInvokeStarted ChainedInvokeTimedOut "
              "ChainedInvokeStarted ChainedInvokeStopped");
}

Test(host_history, a_wait_fires_or_is_cancelled)
{
    struct say wait = of_type(ENGINE_EV_OPERATION_STARTED, 1,
                              ENGINE_OPERATION_WAIT, ENGINE_SUBTYPE_WAIT);
    struct history *h = begin();

    wait.first_ns = 90 * ENGINE_SECOND;
    cr_assert_eq(add(h, wait), 0);
    cr_expect(event_has(h, 1, "\"ScheduledEndTimestamp\":1700000090.500"));
    cr_assert_eq(add(h, (struct say){.kind = ENGINE_EV_OPERATION_FIRED,
                                     .op = 1,
                                     .bare = true}),
                 0);
    cr_expect(event_has(h, 2, "\"Duration\":90"));
    wait.op = 2;
    cr_assert_eq(add(h, wait), 0);
    wait.kind = ENGINE_EV_OPERATION_CANCELLED;
    cr_assert_eq(add(h, wait), 0);
    expect(h, "WaitStarted WaitSucceeded WaitStarted WaitCancelled");
}

Test(host_history, a_run_ends_as_one_of_four_things)
{
    static const struct {
        unsigned kind;
        const char *type;
    } ends[] = {{ENGINE_EV_RUN_SUCCEEDED, "ExecutionSucceeded"},
                {ENGINE_EV_RUN_FAILED, "ExecutionFailed"},
                {ENGINE_EV_RUN_TIMED_OUT, "ExecutionTimedOut"},
                {ENGINE_EV_RUN_STOPPED, "ExecutionStopped"},
                {ENGINE_EV_RUN_CANCELLED, "ExecutionStopped"}};

    for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
        struct history *h = begin();

        cr_assert_eq(add_run(h, ends[i].kind, 0, ENGINE_ERR_USER, NULL, 0), 0);
        expect(h, ends[i].type);
    }
}

Test(host_history, only_an_invocation_that_broke_off_has_an_error)
{
    struct history *h = begin();

    cr_assert_eq(add_run(h, ENGINE_EV_ATTEMPT_INTERRUPTED, 0,
                         ENGINE_ERR_INTERRUPTED, NULL, 0),
                 0);
    cr_assert_eq(
        add_run(h, ENGINE_EV_ATTEMPT_FAILED, 0, ENGINE_ERR_USER, "no", 2), 0);
    cr_expect(event_has(h, 1, "\"ErrorType\":\"interrupted\""));
    cr_expect_not(event_has(h, 2, "\"Error\""));
    expect(h, "InvocationCompleted InvocationCompleted");
}

Test(host_history, an_invocation_that_broke_off_shows_why_with_its_own_type)
{
    static const char kept[] = "killed\0\"ErrorType\":\"Runtime.ExitError\"";
    struct history *h = begin();

    cr_assert_eq(add_run(h, ENGINE_EV_ATTEMPT_INTERRUPTED, 0,
                         ENGINE_ERR_INTERRUPTED, kept, sizeof(kept) - 1),
                 0);
    cr_expect(event_has(h, 1, "\"ErrorMessage\":\"killed\""));
    cr_expect(event_has(h, 1, "\"ErrorType\":\"Runtime.ExitError\""));
    expect(h, "InvocationCompleted");
}

Test(host_history, a_declared_graphs_first_node_is_no_invocation)
{
    struct history *h = history_new(RUN, false);

    cr_assert_not_null(h);
    cr_assert_eq(add_run(h, ENGINE_EV_RUN_CREATED, 0, 0, NULL, 0), 0);
    cr_assert_eq(add_run(h, ENGINE_EV_ATTEMPT_SUCCEEDED, 0, 0, NULL, 0), 0);
    cr_assert_eq(add_run(h, ENGINE_EV_RUN_SUCCEEDED, 0, 0, NULL, 0), 0);
    expect(h, "ExecutionSucceeded");
}

Test(host_history, events_that_are_damaged_or_out_of_order_are_refused)
{
    struct say orphan = step(ENGINE_EV_OPERATION_SUCCEEDED, 1);
    struct history *h = begin();

    orphan.parent = 9;
    cr_expect_eq(add(h, orphan), -2);
    orphan.parent = 0;
    orphan.op = 5;
    cr_expect_eq(add(h, orphan), -2);
    orphan.op = 1;
    orphan.bare = true;
    cr_expect_eq(add(h, orphan), -2);
    orphan.bare = false;
    orphan.subtype = ENGINE_SUBTYPE_COUNT;
    cr_expect_eq(add(h, orphan), -2);
    cr_expect_eq(
        add_run(h, ENGINE_EV_RUN_CREATED, ENGINE_CREATED_ORIGIN, 0, "short", 5),
        -2);
    cr_expect_eq(add_run(h, ENGINE_EV_OPERATION_STARTED, 0, 0, "short", 5), -2);
    history_free(h);
}

/* Histories of others ----------------------------------------------------- */

static void tell_child(void *self, uint64_t run, const char **version,
                       const char **arn)
{
    cr_assert_eq(run, engine_invoke_child(RUN, 1));
    *version = "7";
    *arn = self;
}

static struct history *begin_named(void)
{
    static char arn[] = "arn:child";
    static const struct history_view view = {.id = "its-id",
                                             .name = "its-name",
                                             .timeout_ns =
                                                 90 * UINT64_C(1000000000),
                                             .input = "{}",
                                             .child = tell_child,
                                             .self = arn};
    struct history *h = history_new(RUN, true);

    cr_assert_not_null(h);
    history_show(h, &view);
    cr_assert_eq(add_run(h, ENGINE_EV_RUN_CREATED, 0, 0, "", 0), 0);
    return h;
}

static void expect_event(const struct history *h, uint32_t index,
                         const char *words)
{
    size_t size;
    const char *text = history_event(h, index, &size);

    cr_expect(memmem(text, size, words, strlen(words)), "no %s in %.*s", words,
              (int)size, text);
}

Test(host_history, the_run_of_another_has_its_names_and_its_time)
{
    struct history *h = begin_named();

    expect_event(h, 0, "\"Id\":\"its-id\",\"Name\":\"its-name\"");
    expect_event(h, 0, "\"Payload\":\"{}\"");
    expect_event(h, 0, "\"ExecutionTimeout\":90");
    cr_assert_eq(add_run(h, ENGINE_EV_RUN_FAILED, 0, ENGINE_ERR_USER, "no", 2),
                 0);
    expect_event(h, 1, "\"Name\":\"its-name\"");
    expect_event(h, 1, "{\"Payload\":{\"ErrorMessage\":\"no\"},");
    history_free(h);
}

Test(host_history, what_stands_behind_an_id_is_shown_where_it_belongs)
{
    static const char id[] = "call\0Fname:7\0Tblue";
    static const char own[] = "own\0SMine";
    struct history *h = begin_named();

    cr_assert_eq(add(h, (struct say){.kind = ENGINE_EV_OPERATION_STARTED,
                                     .op = 1,
                                     .type = ENGINE_OPERATION_INVOKE,
                                     .detail = "name",
                                     .id = id,
                                     .id_size = sizeof(id)}),
                 0);
    cr_assert_eq(add(h, (struct say){.kind = ENGINE_EV_OPERATION_STARTED,
                                     .op = 2,
                                     .type = ENGINE_OPERATION_CONTEXT,
                                     .id = own,
                                     .id_size = sizeof(own)}),
                 0);
    expect_event(h, 1, "\"Id\":\"call\"");
    expect_event(h, 1, "\"FunctionName\":\"name:7\",\"TenantId\":\"blue\"");
    expect_event(h, 1, "\"ExecutedVersion\":\"7\"");
    expect_event(h, 1, "\"DurableExecutionArn\":\"arn:child\"");
    expect_event(h, 2, "\"SubType\":\"Mine\"");
    expect_event(h, 2, "\"Id\":\"own\"");
    history_free(h);
}

Test(host_history, an_empty_value_is_not_none)
{
    struct history *h = begin_named();
    struct say said = {.kind = ENGINE_EV_OPERATION_SUCCEEDED,
                       .op = 1,
                       .type = ENGINE_OPERATION_CONTEXT};

    cr_assert_eq(add(h, said), 0);
    said.op = 2;
    said.options = ENGINE_OPTION_EMPTY;
    cr_assert_eq(add(h, said), 0);
    expect_event(h, 2, "\"Result\":{\"Truncated\":false}");
    expect_event(h, 4, "\"Result\":{\"Payload\":\"\",\"Truncated\":false}");
    history_free(h);
}
