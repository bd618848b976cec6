/*
 * Handlers and other runs: those they invoke, those they send messages to; and
 * operators who decide what nobody else can.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "engine/invoke.h"
#include "tests/support/handler_bed.h"

enum {
    RUN = 5
};

static struct handler_bed bed;
static char text[65536];

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

static const char *story_of(uint64_t run)
{
    return handler_bed_story(&bed, run, text, sizeof(text));
}

static const char *end_of(uint64_t run)
{
    return handler_bed_end(&bed, run, text, sizeof(text));
}

static int invoke(struct engine_context *c, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    return engine_invoke(c, "child", self, input, NULL, out);
}

static int echo(struct engine_context *c, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    (void)self;
    TRY(engine_wait(c, "nap", 5 * BED_S));
    *out = input;
    return ENGINE_DONE;
}

static int fails(struct engine_context *c, void *self,
                 struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    return engine_fail(c, ENGINE_ERR_USER, "Odd", "it is odd");
}

static const struct engine_handler echo_handler = {"echo", echo, NULL};
static const struct engine_handler failing_handler = {"failing", fails, NULL};

static void open_parent(const char *of, const struct engine_handler *child)
{
    static struct engine_handler parent;
    parent = (struct engine_handler){"parent", invoke, (void *)of};
    handler_bed_open(&bed, &parent);
    if (child)
        handler_bed_add(&bed, child);
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "hello");
}

Test(engine_handler_others, an_invoked_run_gives_its_result_to_its_parent)
{
    open_parent("echo", &echo_handler);
    handler_bed_live(&bed, 4 * BED_S);
    uint64_t child = engine_invoke_child(RUN, 1);
    cr_assert_eq(handler_bed_state(&bed, child), ENGINE_RUN_RUNNING);
    handler_bed_live(&bed, 4 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, child), ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(bed.result_run, RUN); /* no client hears of the child */
    cr_assert_eq(bed.heard[ENGINE_MSG_RESULT], 1);
    cr_assert_str_eq(end_of(RUN), "hello");
    handler_bed_live(&bed, 100 * BED_S);
    cr_assert_eq(
        engine_coordinator_owned(
            engine_bed_machine(&bed.bed, HANDLER_BED_COORDINATOR)->coordinator),
        0);
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_childs_failure_is_its_parents_to_handle)
{
    open_parent("failing", &failing_handler);
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED, "%s", story_of(RUN));
    cr_assert(strstr(end_of(RUN), "it is odd"), "%s", text);
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_workflow_nobody_knows_fails_the_invoke_at_once)
{
    open_parent("echo", NULL);
    handler_bed_live(&bed, BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED);
    cr_assert_str_eq(end_of(RUN), "unknown workflow \"echo\"");
    cr_assert_eq(handler_bed_state(&bed, engine_invoke_child(RUN, 1)), 0);
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_chain_of_runs_has_an_end_and_is_warned_before)
{
    struct engine_limits limits = *engine_limits_at(0);
    limits.invoke_depth_max = 3;
    limits.invoke_depth_near = 2;
    static const struct engine_handler loop = {"loop", invoke, (void *)"loop"};
    handler_bed_open(&bed, &loop);
    bed.bed.coordinator.limits = &limits;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "hello");
    handler_bed_live(&bed, 20 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED, "%s", story_of(RUN));
    cr_assert(strstr(end_of(RUN), "depth of 4, at most 3"), "%s", text);
    uint64_t first = engine_invoke_child(RUN, 1);
    uint64_t second = engine_invoke_child(first, 1);
    uint64_t third = engine_invoke_child(second, 1);
    cr_assert(!strstr(story_of(RUN), "limit_near"));
    cr_assert(strstr(story_of(first), "limit_near"));
    cr_assert_eq(handler_bed_state(&bed, third), ENGINE_RUN_FAILED);
    cr_assert_eq(handler_bed_state(&bed, engine_invoke_child(third, 1)), 0);
    handler_bed_close(&bed);
}

/* The child does not hear of it: nobody waits for its result any more. */
Test(engine_handler_others, a_parent_that_is_gone_does_not_hold_its_child)
{
    open_parent("echo", &echo_handler);
    handler_bed_live(&bed, BED_S);
    engine_bed_signal(&bed.bed, RUN, ENGINE_SIG_CANCEL, UINT32_MAX, 3, NULL,
                      NULL);
    engine_bed_tell(&bed.bed, HANDLER_BED_COORDINATOR, ENGINE_MSG_WAKE, RUN, 0,
                    0);
    handler_bed_live(&bed, 60 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_CANCELLED);
    cr_assert_eq(handler_bed_state(&bed, engine_invoke_child(RUN, 1)),
                 ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(
        engine_coordinator_owned(
            engine_bed_machine(&bed.bed, HANDLER_BED_COORDINATOR)->coordinator),
        0);
    handler_bed_close(&bed);
}

/* A client has taken the number that the child would have. */
static const struct engine_handler parent_of_echo = {"parent", invoke,
                                                     (void *)"echo"};

static void check_collision(uint64_t before_ns)
{
    handler_bed_open(&bed, &parent_of_echo);
    handler_bed_add(&bed, &echo_handler);
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 1, engine_invoke_child(RUN, 1), "mine");
    handler_bed_live(&bed, before_ns);
    handler_bed_start(&bed, 0, RUN, "hello");
    handler_bed_live(&bed, 60 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_FAILED, "%s",
                 story_of(RUN));
    cr_assert_str_eq(end_of(RUN),
                     "the number of the run to invoke is another run's");
    cr_assert_eq(handler_bed_state(&bed, engine_invoke_child(RUN, 1)),
                 ENGINE_RUN_SUCCEEDED);
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_child_whose_number_is_in_use_fails_its_invoke)
{
    check_collision(2 * BED_S);
}

Test(engine_handler_others, a_child_whose_number_was_in_use_fails_its_invoke)
{
    check_collision(100 * BED_S);
}

static int invoke_and_cancel(struct engine_context *c, void *self,
                             struct engine_bytes input,
                             struct engine_bytes *out)
{
    static const struct engine_invoke_options options = {
        .on_parent_end = ENGINE_PARENT_END_CANCEL};
    (void)self;
    return engine_invoke(c, "child", "echo", input, &options, out);
}

static const struct engine_handler strict_parent = {"strict", invoke_and_cancel,
                                                    NULL};

static void open_strict(void)
{
    handler_bed_open(&bed, &strict_parent);
    handler_bed_add(&bed, &echo_handler);
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "hello");
}

Test(engine_handler_others, a_child_may_end_with_its_parent)
{
    open_strict();
    handler_bed_live(&bed, BED_S);
    engine_bed_signal(&bed.bed, RUN, ENGINE_SIG_STOP, UINT32_MAX, 3, NULL,
                      NULL);
    engine_bed_tell(&bed.bed, HANDLER_BED_COORDINATOR, ENGINE_MSG_WAKE, RUN, 0,
                    0);
    handler_bed_live(&bed, 60 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_STOPPED);
    uint64_t child = engine_invoke_child(RUN, 1);
    cr_assert_eq(handler_bed_state(&bed, child), ENGINE_RUN_CANCELLED, "%s",
                 story_of(child));
    cr_assert_str_eq(end_of(child), "the run that invoked it has ended");
    cr_assert_eq(
        engine_coordinator_owned(
            engine_bed_machine(&bed.bed, HANDLER_BED_COORDINATOR)->coordinator),
        0);
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_child_that_has_ended_is_not_cancelled)
{
    open_strict();
    handler_bed_live(&bed, 60 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    cr_assert_str_eq(end_of(RUN), "hello");
    cr_assert(!strstr(story_of(engine_invoke_child(RUN, 1)), "inbox_consumed"));
    handler_bed_close(&bed);
}

enum {
    LARGE = 3000
};

static int be_large(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    char *bytes = engine_context_memory(c, LARGE);
    (void)self;
    memset(bytes, input.size > 0 ? *(const char *)input.data : '?', LARGE);
    *out = (struct engine_bytes){bytes, LARGE};
    return ENGINE_DONE;
}

static int measure(struct engine_context *c, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes result;
    bool large;
    (void)self;
    TRY(engine_invoke(c, "child", "large", input, NULL, &result));
    TRY(engine_wait(c, "nap", 5 * BED_S));
    large = result.size == LARGE && *(const char *)result.data == 'h' &&
            ((const char *)result.data)[LARGE - 1] == 'h';
    *out = engine_text_bytes(large ? "large" : "other");
    return ENGINE_DONE;
}

static const struct engine_handler large_handler = {"large", be_large, NULL};
static const struct engine_handler measuring = {"measuring", measure, NULL};

Test(engine_handler_others, a_childs_large_result_is_its_parents_blob)
{
    struct engine_limits limits = *engine_limits_find("inline-1mb");
    limits.inline_max = 1000;
    limits.operation_payload_max = 1000;
    handler_bed_open(&bed, &measuring);
    handler_bed_add(&bed, &large_handler);
    bed.bed.coordinator.limits = &limits;
    bed.bed.worker.limits = &limits;
    bed.bed.worker.inline_max = 1000;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "h");
    handler_bed_live(&bed, 60 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", end_of(RUN));
    cr_assert_str_eq(end_of(RUN), "large");
    handler_bed_close(&bed);
}

/* Messages
 * ---------------------------------------------------------------------
 */

enum {
    MESSAGES = 10
};

static int send_all(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    for (unsigned i = 0; i < MESSAGES; i++) {
        char word[8];
        (void)snprintf(word, sizeof(word), "%u", i);
        TRY(engine_send(c, RUN + 1, "numbers", engine_text_bytes(word), 3));
    }
    *out = engine_text_bytes("sent");
    return ENGINE_DONE;
}

static int receive_all(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    char *all = engine_context_memory(c, 64);
    size_t size = 0;
    bool over = false;
    (void)self;
    (void)input;
    while (!over) {
        struct engine_bytes message;
        TRY(engine_receive(c, "numbers", &message, &over));
        if (!over) {
            memcpy(all + size, message.data, message.size);
            size += message.size;
        }
    }
    *out = (struct engine_bytes){all, size};
    return ENGINE_DONE;
}

static const struct engine_handler sender = {"sender", send_all, NULL};
static const struct engine_handler receiver = {"receiver", receive_all, NULL};

Test(engine_handler_others, messages_arrive_in_order_and_end_with_their_sender)
{
    handler_bed_open(&bed, &sender);
    handler_bed_add(&bed, &receiver);
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 1, RUN + 1, "");
    handler_bed_start(&bed, 0, RUN, "");
    handler_bed_live(&bed, 120 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED, "%s",
                 story_of(RUN));
    cr_assert_eq(handler_bed_state(&bed, RUN + 1), ENGINE_RUN_SUCCEEDED, "%s",
                 story_of(RUN + 1));
    cr_assert_str_eq(end_of(RUN + 1), "0123456789");
    handler_bed_close(&bed);
}

Test(engine_handler_others, messages_wait_for_a_run_that_starts_later)
{
    handler_bed_open(&bed, &sender);
    handler_bed_add(&bed, &receiver);
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "");
    handler_bed_live(&bed, 10 * BED_S);
    handler_bed_start(&bed, 1, RUN + 1, "");
    handler_bed_live(&bed, 120 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED, "%s",
                 story_of(RUN));
    cr_assert_str_eq(end_of(RUN + 1), "0123456789");
    handler_bed_close(&bed);
}

/* Two runs send the same numbers on one edge: neither loses a message. */
Test(engine_handler_others, what_two_runs_send_to_one_edge_all_arrives)
{
    unsigned seen[10] = {0};
    handler_bed_open(&bed, &sender);
    handler_bed_add(&bed, &receiver);
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 1, RUN + 1, "");
    handler_bed_start(&bed, 0, RUN, "");
    handler_bed_start(&bed, 0, RUN + 2, "");
    handler_bed_live(&bed, 120 * BED_S);
    for (uint64_t run = RUN; run <= RUN + 2; run++)
        cr_assert_eq(handler_bed_state(&bed, run), ENGINE_RUN_SUCCEEDED, "%s",
                     story_of(run));
    for (const char *at = end_of(RUN + 1); *at; at++)
        seen[*at - '0']++;
    for (unsigned i = 0; i < 10; i++)
        cr_assert_eq(seen[i], 2, "%s", end_of(RUN + 1));
    handler_bed_close(&bed);
}

/* Nobody will ever consume them: the sender is not held up for good. */
Test(engine_handler_others, messages_to_a_run_that_never_comes_are_dropped)
{
    handler_bed_open(&bed, &sender);
    handler_bed_start(&bed, 0, RUN, "");
    handler_bed_live(&bed, 1800 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED, "%s",
                 story_of(RUN));
    handler_bed_close(&bed);
}

/* It takes one message, then it is busy until it ends by itself. */
static int receive_one(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes message;
    bool over;
    (void)self;
    (void)input;
    TRY(engine_receive(c, "numbers", &message, &over));
    TRY(engine_wait(c, "busy", 50 * BED_S));
    *out = engine_text_bytes("enough");
    return ENGINE_DONE;
}

static const struct engine_handler busy = {"busy", receive_one, NULL};

static void open_busy(void)
{
    handler_bed_open(&bed, &sender);
    handler_bed_add(&bed, &busy);
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 1, RUN + 1, "");
    handler_bed_start(&bed, 0, RUN, "");
    handler_bed_live(&bed, 40 * BED_S);
    /* One is received, three fill the window. */
    cr_assert(!engine_run_state_terminal(handler_bed_state(&bed, RUN)));
    cr_assert(strstr(story_of(RUN), "operation_started:4.0"), "%s", text);
    cr_assert(!strstr(story_of(RUN), "operation_started:5.0"), "%s", text);
}

/* A message has no blob to be in: it is refused where it is sent. */
static int send_large(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    static char bytes[1001];
    const struct engine_bytes most = {bytes, 1000};
    const struct engine_bytes more = {bytes, 1001};
    bool refused;
    (void)self;
    (void)input;
    TRY(engine_send(c, RUN + 1, "numbers", most, 3));
    refused =
        engine_send(c, RUN + 1, "numbers", more, 3) == ENGINE_FAILED_FLOW &&
        engine_error_of(c)->error == ENGINE_ERR_SIZE_LIMIT;
    refused =
        refused &&
        engine_invoke(c, "i", "large", more, NULL, out) == ENGINE_FAILED_FLOW &&
        engine_error_of(c)->error == ENGINE_ERR_SIZE_LIMIT;
    *out = engine_text_bytes(refused ? "refused" : "taken");
    return ENGINE_DONE;
}

Test(engine_handler_others, what_goes_to_another_run_goes_there_inline)
{
    static const struct engine_handler large = {"sends", send_large, NULL};
    struct engine_limits limits = *engine_limits_find("inline-1mb");
    limits.inline_max = 1000;
    limits.operation_payload_max = 1000;
    handler_bed_open(&bed, &large);
    bed.bed.coordinator.limits = &limits;
    bed.bed.worker.limits = &limits;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "");
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", end_of(RUN));
    cr_assert_str_eq(end_of(RUN), "refused");
    handler_bed_close(&bed);
}

static unsigned count_of(const char *story, const char *word)
{
    unsigned count = 0;
    while ((story = strstr(story, word))) {
        story += strlen(word);
        count++;
    }
    return count;
}

Test(engine_handler_others, what_a_run_leaves_unread_opens_its_senders_window)
{
    open_busy();
    handler_bed_live(&bed, 40 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN + 1), ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED, "%s",
                 story_of(RUN));
    /* One answer for the three that were unread. */
    cr_assert(strstr(story_of(RUN),
                     " inbox_consumed:0.0 operation_succeeded:2.0 "
                     "operation_succeeded:3.0 operation_succeeded:4.0 "),
              "%s", text);
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_receiver_that_is_cancelled_holds_no_sender)
{
    open_busy();
    engine_bed_signal(&bed.bed, RUN + 1, ENGINE_SIG_CANCEL, UINT32_MAX, 3, NULL,
                      NULL);
    engine_bed_tell(&bed.bed, HANDLER_BED_COORDINATOR, ENGINE_MSG_WAKE, RUN + 1,
                    0, 0);
    handler_bed_live(&bed, 5 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN + 1), ENGINE_RUN_CANCELLED);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED, "%s",
                 story_of(RUN));
    handler_bed_close(&bed);
}

/* The owner of the receiver does not hear of a message that is put while it
 * decides on the end. */
static enum handler_bed_fate put_late(struct handler_bed *b,
                                      const struct engine_bed_post *post)
{
    static const char actor[] = "run 9";
    static const char edge[] = "numbers";
    unsigned char bytes[64];
    const struct engine_request *request;
    const struct engine_signal head = {.run = RUN,
                                       .number = 1,
                                       .kind = ENGINE_SIG_MESSAGE,
                                       .actor_size = sizeof(actor) - 1,
                                       .edge_size = sizeof(edge) - 1};
    const struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                                     .kind = ENGINE_SIG_MESSAGE,
                                     .op = UINT32_MAX,
                                     .a = 1,
                                     .b = 1};
    if (post->kind != ENGINE_DO_REQUEST)
        return HANDLER_BED_CARRY;
    request = engine_bed_request(post);
    if (request->kind != ENGINE_REQ_APPEND || request->run != RUN ||
        !engine_run_state_terminal(request->state))
        return HANDLER_BED_CARRY;
    memcpy(bytes, &head, sizeof(head));
    memcpy(bytes + sizeof(head), actor, sizeof(actor) - 1);
    memcpy(bytes + sizeof(head) + sizeof(actor) - 1, edge, sizeof(edge) - 1);
    engine_bed_ask(&b->bed, ENGINE_REQ_SIGNAL, RUN);
    engine_bed_add(&b->bed, &item, bytes,
                   sizeof(head) + sizeof(actor) + sizeof(edge) - 2);
    cr_assert_eq(engine_bed_apply_own(&b->bed), ENGINE_COMMITTED);
    b->fate = NULL;
    return HANDLER_BED_CARRY;
}

static unsigned answered; /* MESSAGE_ACKs to run 9 */

static enum handler_bed_fate see_answer(struct handler_bed *b,
                                        const struct engine_bed_post *post)
{
    const struct engine_request *request;
    if (b->self)
        (void)put_late(b, post);
    b->self = b->fate ? b->self : NULL;
    b->fate = see_answer;
    if (post->kind != ENGINE_DO_REQUEST)
        return HANDLER_BED_CARRY;
    request = engine_bed_request(post);
    if (request->kind != ENGINE_REQ_SIGNAL || request->run != 9)
        return HANDLER_BED_CARRY;
    ENGINE_REQUEST_ITEMS(request, item)
    {
        answered += item->kind == ENGINE_SIG_MESSAGE_ACK;
    }
    return HANDLER_BED_CARRY;
}

Test(engine_handler_others, a_message_put_as_its_receiver_ends_is_answered)
{
    answered = 0;
    handler_bed_open(&bed, &echo_handler);
    bed.self = &answered;
    bed.fate = see_answer;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 8 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED);
    cr_assert_null(bed.self);
    cr_assert_geq(answered, 1);
    handler_bed_close(&bed);
}

/* A graph receives nothing: it is answered for when it ends. */
Test(engine_handler_others, messages_to_a_graph_are_dropped_when_it_ends)
{
    struct engine_node nodes[] = {engine_bed_wait("a", 40 * BED_S)};
    handler_bed_open(&bed, &sender);
    bed.bed.graphs[1] = engine_bed_chain(nodes, 1);
    bed.bed.coordinator.graph_count = 2;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 1, RUN + 1, "in");
    handler_bed_start(&bed, 0, RUN, "");
    handler_bed_live(&bed, 35 * BED_S);
    cr_assert(!strstr(story_of(RUN), "operation_started:4.0"), "%s", text);
    handler_bed_live(&bed, 30 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN + 1), ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED, "%s",
                 story_of(RUN));
    handler_bed_close(&bed);
}

/* Operators
 * ----------------------------------------------------------------------
 */

static int elsewhere(struct engine_attempt *a, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    engine_attempt_tag(a, 77);
    return ENGINE_SUSPENDED;
}

static int pay(struct engine_context *c, void *self, struct engine_bytes input,
               struct engine_bytes *out)
{
    static const struct engine_step_options once = {
        .side_effect = ENGINE_EFFECT_IRREVERSIBLE,
        .semantics = ENGINE_AT_MOST_ONCE};
    (void)self;
    return engine_step(c, "pay", elsewhere, NULL, input, &once, out);
}

static const struct engine_handler pay_handler = {"pay", pay, NULL};

/* The worker dies while the step that cannot be repeated is under way. */
static void open_blocked(void)
{
    handler_bed_open(&bed, &pay_handler);
    bed.steps_hang = true;
    handler_bed_start(&bed, 0, RUN, "10");
    handler_bed_live(&bed, 2 * BED_S);
    cr_assert_eq(bed.executed, 1);
    engine_bed_worker(&bed.bed, HANDLER_BED_WORKER);
    handler_bed_live(&bed, 120 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_BLOCKED, "%s",
                 story_of(RUN));
    cr_assert_eq(bed.executed, 1);
    bed.steps_hang = false;
}

static void operate(uint32_t kind, uint32_t op, const char *value)
{
    cr_assert_eq(
        engine_bed_signal(&bed.bed, RUN, kind, op, kind, "I looked", value),
        ENGINE_COMMITTED);
    handler_bed_live(&bed, 30 * BED_S);
}

Test(engine_handler_others, an_operator_may_have_a_payment_made_again)
{
    open_blocked();
    operate(ENGINE_SIG_RESUME, UINT32_MAX, NULL);
    cr_assert_eq(bed.executed, 2);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", story_of(RUN));
    cr_assert_str_eq(end_of(RUN), "done");
    cr_assert(strstr(story_of(RUN), "operator_action:1.0 inbox_consumed:0.0 "
                                    "operation_ready:1.1 run_unblocked"),
              "%s", text);
    handler_bed_close(&bed);
}

/* All are in the inbox before the owner looks: one is acted upon. */
Test(engine_handler_others, of_twenty_who_resume_at_once_one_has_it_made_again)
{
    unsigned acted = 0;
    open_blocked();
    for (uint64_t id = 1; id <= 20; id++)
        cr_assert_eq(engine_bed_signal(&bed.bed, RUN, ENGINE_SIG_RESUME,
                                       UINT32_MAX, 100 + id, "I looked", NULL),
                     ENGINE_COMMITTED);
    handler_bed_live(&bed, 60 * BED_S);
    cr_assert_eq(bed.executed, 2);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", story_of(RUN));
    for (const char *at = story_of(RUN); (at = strstr(at, "operator_action"));
         at++)
        acted++;
    cr_assert_eq(acted, 1, "%s", text);
    handler_bed_close(&bed);
}

Test(engine_handler_others, an_operator_may_say_that_a_payment_was_made)
{
    open_blocked();
    operate(ENGINE_SIG_SKIP, 1, "paid by hand");
    cr_assert_eq(bed.executed, 1);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", story_of(RUN));
    cr_assert_str_eq(end_of(RUN), "paid by hand");
    handler_bed_close(&bed);
}

Test(engine_handler_others, an_operator_may_give_a_payment_up)
{
    open_blocked();
    operate(ENGINE_SIG_ABORT, 1, NULL);
    cr_assert_eq(bed.executed, 1);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED, "%s", story_of(RUN));
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_blocked_run_may_be_cancelled)
{
    open_blocked();
    operate(ENGINE_SIG_CANCEL, UINT32_MAX, NULL);
    cr_assert_eq(bed.state, ENGINE_RUN_CANCELLED, "%s", story_of(RUN));
    cr_assert_str_eq(end_of(RUN), "I looked");
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_blocked_run_that_is_stopped_has_nothing_open)
{
    open_blocked();
    operate(ENGINE_SIG_STOP, UINT32_MAX, NULL);
    cr_assert_eq(bed.state, ENGINE_RUN_STOPPED, "%s", story_of(RUN));
    cr_assert(strstr(story_of(RUN), "operation_stopped:1.1"), "%s", text);
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_run_that_needs_no_operator_only_consumes_him)
{
    open_parent("echo", &echo_handler);
    handler_bed_live(&bed, BED_S);
    operate(ENGINE_SIG_RESUME, UINT32_MAX, NULL);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    cr_assert(!strstr(story_of(RUN), "operator_action"), "%s", text);
    handler_bed_close(&bed);
}

static int pay_twice(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    static const struct engine_branch branches[] = {{.name = "a", .run = pay},
                                                    {.name = "b", .run = pay}};
    struct engine_batch batch;
    (void)self;
    (void)input;
    TRY(engine_all_settled(c, "both", branches, 2, &batch));
    *out = engine_text_bytes("both");
    return ENGINE_DONE;
}

static const struct engine_handler twice_handler = {"twice", pay_twice, NULL};

static uint32_t nth_ambiguous(uint32_t n)
{
    const char *at = story_of(RUN);
    unsigned op = 0;
    while (n-- > 0 && (at = strstr(at + 1, "operation_failed:")))
        (void)sscanf(at, "operation_failed:%u", &op);
    return op;
}

Test(engine_handler_others, of_two_payments_an_operator_must_name_one)
{
    handler_bed_open(&bed, &twice_handler);
    bed.steps_hang = true;
    handler_bed_start(&bed, 0, RUN, "10");
    handler_bed_live(&bed, 2 * BED_S);
    cr_assert_eq(bed.executed, 2);
    engine_bed_worker(&bed.bed, HANDLER_BED_WORKER);
    handler_bed_live(&bed, 120 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_BLOCKED, "%s",
                 story_of(RUN));
    operate(ENGINE_SIG_SKIP, UINT32_MAX, "paid");
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_BLOCKED);
    cr_assert(!strstr(story_of(RUN), "operator_action"), "%s", text);
    operate(ENGINE_SIG_ABORT, nth_ambiguous(2), NULL);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_BLOCKED, "%s",
                 story_of(RUN));
    /* Now it is clear which. */
    bed.steps_hang = false;
    operate(ENGINE_SIG_RESUME, UINT32_MAX, NULL);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", story_of(RUN));
    handler_bed_close(&bed);
}

/* What the store says of the inbox is damaged on its way, once. */
static enum handler_bed_fate damage_mail(struct handler_bed *b,
                                         const struct engine_bed_post *post)
{
    struct engine_reply *reply;
    if (post->kind != ENGINE_DO_REQUEST ||
        (engine_bed_request(post)->kind != ENGINE_REQ_MAIL &&
         engine_bed_request(post)->kind != ENGINE_REQ_ACQUIRE))
        return HANDLER_BED_CARRY;
    engine_bed_apply(&b->bed, engine_bed_request(post));
    reply = (void *)b->bed.reply.bytes;
    ENGINE_REPLY_ITEMS(reply, item)
    {
        struct engine_signal *signal = (void *)(item + 1);
        if (item->type != ENGINE_ITEM_INBOX)
            continue;
        signal->value_size += 77;
        b->fate = NULL;
    }
    engine_bed_reply(&b->bed, post->from, reply);
    return HANDLER_BED_LOSE;
}

/* It is in nobody's way: the run hears what comes behind it. */
Test(engine_handler_others, a_signal_that_is_damaged_is_only_consumed)
{
    open_parent("echo", &echo_handler);
    handler_bed_live(&bed, BED_S);
    engine_bed_signal(&bed.bed, RUN, ENGINE_SIG_PAUSE, UINT32_MAX, 4, NULL,
                      NULL);
    bed.fate = damage_mail;
    engine_bed_tell(&bed.bed, HANDLER_BED_COORDINATOR, ENGINE_MSG_WAKE, RUN, 0,
                    0);
    handler_bed_live(&bed, 30 * BED_S);
    cr_assert_null(bed.fate);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", story_of(RUN));
    cr_assert(!strstr(story_of(RUN), "run_paused"), "%s", text);
    cr_assert_eq(count_of(text, "inbox_consumed"), 2, "%s", text);
    handler_bed_close(&bed);
}

/* Graphs are decided upon like handlers. */
static void open_blocked_graph(void)
{
    struct engine_node nodes[] = {engine_bed_step("a"), engine_bed_step("b")};
    nodes[0].side_effect = ENGINE_EFFECT_IRREVERSIBLE;
    handler_bed_open(&bed, &pay_handler);
    bed.bed.graphs[1] = engine_bed_chain(nodes, 2);
    bed.bed.coordinator.graph_count = 2;
    bed.workers = 0;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 1, RUN, "in");
    handler_bed_live(&bed, BED_S / 2);
    engine_bed_claim(&bed.bed, RUN, 0, 1, BED_S);
    handler_bed_live(&bed, 40 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_BLOCKED);
}

Test(engine_handler_others, a_blocked_graph_is_resumed_with_a_new_attempt)
{
    open_blocked_graph();
    operate(ENGINE_SIG_RESUME, 0, NULL);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_RUNNING);
    cr_assert_eq(engine_bed_claim(&bed.bed, RUN, 0, 2, 30 * BED_S),
                 ENGINE_COMMITTED, "%s", story_of(RUN));
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_blocked_graph_goes_on_past_what_is_skipped)
{
    open_blocked_graph();
    operate(ENGINE_SIG_SKIP, UINT32_MAX, "value");
    cr_assert_eq(engine_bed_claim(&bed.bed, RUN, 1, 1, 30 * BED_S),
                 ENGINE_COMMITTED, "%s", story_of(RUN));
    handler_bed_close(&bed);
}

Test(engine_handler_others, a_blocked_graph_fails_when_it_is_aborted)
{
    open_blocked_graph();
    operate(ENGINE_SIG_ABORT, 0, NULL);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED, "%s", story_of(RUN));
    handler_bed_close(&bed);
}

Test(engine_handler_others, an_operation_that_a_graph_has_not_is_not_decided_on)
{
    open_blocked_graph();
    operate(ENGINE_SIG_ABORT, 2, NULL);
    operate(ENGINE_SIG_SKIP, 1u << 28, "value");
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_BLOCKED, "%s",
                 story_of(RUN));
    cr_assert_eq(count_of(story_of(RUN), "inbox_consumed"), 0 + 2, "%s", text);
    cr_assert(!strstr(text, "operator_action"), "%s", text);
    handler_bed_close(&bed);
}

/* Endings ------------------------------------------------------------------ */

static int nap_long(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    TRY(engine_wait(c, "nap", 5 * BED_S));
    *out = input;
    return ENGINE_DONE;
}

static const struct engine_handler napping = {"napping", nap_long, NULL};

static enum handler_bed_fate lose_claims(struct handler_bed *b,
                                         const struct engine_bed_post *post)
{
    (void)b;
    return post->kind == ENGINE_DO_REQUEST &&
                   engine_bed_request(post)->kind == ENGINE_REQ_CLAIM
               ? HANDLER_BED_LOSE
               : HANDLER_BED_CARRY;
}

/* Its time seemed to be over, by a clock that was corrected since. */
Test(engine_handler_others, a_run_that_was_not_over_after_all_goes_on)
{
    struct engine_limits limits = *engine_limits_at(0);
    limits.run_max_ns = 100 * BED_S;
    handler_bed_open(&bed, &napping);
    bed.bed.coordinator.limits = &limits;
    bed.workers = 0;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S);
    bed.fate = lose_claims;
    bed.bed.now_ns += 200 * BED_S;
    handler_bed_live(&bed, 5 * BED_S);
    bed.bed.now_ns -= 200 * BED_S;
    bed.fate = NULL;
    bed.workers = 1;
    handler_bed_live(&bed, 60 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", story_of(RUN));
    handler_bed_close(&bed);
}

static unsigned sent_to[2]; /* signals to the receiver, and back to the run */

static enum handler_bed_fate lose_answers(struct handler_bed *b,
                                          const struct engine_bed_post *post)
{
    const struct engine_request *request;
    (void)b;
    if (post->kind != ENGINE_DO_REQUEST)
        return HANDLER_BED_CARRY;
    request = engine_bed_request(post);
    if (request->kind != ENGINE_REQ_SIGNAL)
        return HANDLER_BED_CARRY;
    sent_to[request->run == RUN]++;
    return request->run == RUN && sent_to[1] == 1 ? HANDLER_BED_LOSE
                                                  : HANDLER_BED_CARRY;
}

/* The store has said so: nobody asks it twice. */
Test(engine_handler_others, a_message_that_was_refused_is_not_sent_again)
{
    static struct engine_handler echoing = {"echo", echo, NULL};
    handler_bed_open(&bed, &sender);
    handler_bed_add(&bed, &echoing);
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 1, RUN + 1, "");
    handler_bed_live(&bed, 20 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN + 1), ENGINE_RUN_SUCCEEDED);
    sent_to[0] = sent_to[1] = 0;
    bed.fate = lose_answers;
    handler_bed_start(&bed, 0, RUN, "");
    handler_bed_live(&bed, 60 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED, "%s",
                 story_of(RUN));
    cr_assert_eq(sent_to[0], MESSAGES + 1); /* and the end of the stream */
    cr_assert_eq(sent_to[1], MESSAGES + 1); /* one was lost */
    handler_bed_close(&bed);
}
