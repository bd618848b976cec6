/*
 * What a coordinator answers to the questions of an invocation, message by
 * message; and what a worker does when nobody answers.
 */
#include <criterion/criterion.h>

#include "tests/support/handler_bed.h"

enum {
    RUN = 5,
    A = HANDLER_BED_COORDINATOR,
    B = HANDLER_BED_COORDINATOR + 1
};

static struct handler_bed bed;
static char text[16384];

static int nap(struct engine_context *c, void *self, struct engine_bytes input,
               struct engine_bytes *out)
{
    int flow = engine_wait(c, "nap", *(const uint64_t *)self);
    *out = input;
    return flow;
}

static const uint64_t long_ns = 3600 * BED_S;
static const struct engine_handler nap_handler = {"nap", nap, (void *)&long_ns};

/* RUN's first invocation has been dispatched, and nobody has taken it up. */
static void open_asked(void)
{
    handler_bed_open(&bed, &nap_handler);
    bed.workers = 0;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_pump(&bed);
    engine_bed_claim(&bed.bed, RUN, 0, 1, 30 * BED_S);
}

static const struct engine_message *answer(uint32_t kind)
{
    const struct engine_bed_post *post =
        engine_bed_message_post(&bed.bed, kind);
    return post ? engine_bed_head(post) : NULL;
}

/* The update of a wait that begins, or nothing. */
static void ask(uint32_t node, uint64_t token, uint64_t client, bool wait)
{
    struct engine_block block;
    struct engine_hash none = {0, 0};
    struct engine_hash id = engine_operation_id(RUN, none, 1);
    const struct engine_item item = {
        .type = ENGINE_ITEM_UPDATE,
        .kind = ENGINE_ACTION_START,
        .a = id.lo,
        .b = id.hi,
        .flags = engine_operation_flags(ENGINE_OPERATION_WAIT,
                                        ENGINE_SUBTYPE_WAIT, 0)};
    const struct engine_operation head = {.first_ns = long_ns};
    const struct engine_message question = {.kind = ENGINE_MSG_CHECKPOINT,
                                            .from = 77,
                                            .run = RUN,
                                            .attempt = 1,
                                            .token = token,
                                            .a = client,
                                            .b = 1};
    engine_block_init(&block);
    engine_block_begin(&block, 8);
    if (wait)
        engine_block_item(&block, &item, &head, sizeof(head));
    engine_bed_message(&bed.bed, node, &question, block.bytes + 8,
                       block.size - 8);
    engine_block_free(&block);
}

static const uint64_t first_token = UINT64_C(1) << 32;

Test(engine_handler_service, nothing_is_answered_before_it_is_durable)
{
    open_asked();
    ask(A, first_token, 9, true);
    cr_assert_null(answer(ENGINE_MSG_CHECKPOINTED));
    cr_assert_eq(engine_bed_serve(&bed.bed, ENGINE_REQ_APPEND),
                 ENGINE_COMMITTED);
    const struct engine_message *said = answer(ENGINE_MSG_CHECKPOINTED);
    cr_assert_eq(said->to, 77);
    cr_assert_eq(said->op, ENGINE_ERR_NONE);
    cr_assert_eq(said->token, first_token + 1);
    const struct engine_item *item = (const void *)(said + 1);
    cr_assert_eq(item->type, ENGINE_ITEM_OPERATION);
    cr_assert_eq(item->op, 1);
    handler_bed_close(&bed);
}

Test(engine_handler_service, a_question_repeated_is_answered_the_same_again)
{
    open_asked();
    ask(A, first_token, 9, true);
    engine_bed_serve(&bed.bed, ENGINE_REQ_APPEND);
    const struct engine_message *first = answer(ENGINE_MSG_CHECKPOINTED);
    ask(A, first_token, 9, true);
    cr_assert_null(
        engine_bed_request_post(&bed.bed, ENGINE_REQ_APPEND)); /* no change */
    const struct engine_message *second = answer(ENGINE_MSG_CHECKPOINTED);
    cr_assert_eq(first->size, second->size);
    cr_assert_eq(memcmp(first, second, first->size), 0);
    handler_bed_close(&bed);
}

Test(engine_handler_service, a_token_is_good_for_one_checkpoint)
{
    open_asked();
    ask(A, first_token, 9, true);
    engine_bed_serve(&bed.bed, ENGINE_REQ_APPEND);
    cr_assert_eq(answer(ENGINE_MSG_CHECKPOINTED)->op, ENGINE_ERR_NONE);
    ask(A, first_token, 10, true);
    cr_assert_eq(answer(ENGINE_MSG_CHECKPOINTED)->op, ENGINE_ERR_STALE_TOKEN);
    ask(A, first_token + 2, 11, true);
    cr_assert_eq(answer(ENGINE_MSG_CHECKPOINTED)->op, ENGINE_ERR_STALE_TOKEN);
    handler_bed_close(&bed);
}

Test(engine_handler_service, a_refused_batch_does_not_use_its_token_up)
{
    open_asked();
    ask(A, first_token, 9, true);
    engine_bed_serve(&bed.bed, ENGINE_REQ_APPEND);
    (void)answer(ENGINE_MSG_CHECKPOINTED);
    ask(A, first_token + 1, 10, true); /* it has been started already */
    const struct engine_message *said = answer(ENGINE_MSG_CHECKPOINTED);
    cr_assert_neq(said->op, ENGINE_ERR_NONE);
    cr_assert_neq(said->op, ENGINE_ERR_STALE_TOKEN);
    cr_assert_gt(said->size, sizeof(*said)); /* it says why */
    ask(A, first_token + 1, 11, false);
    cr_assert_eq(answer(ENGINE_MSG_CHECKPOINTED)->op, ENGINE_ERR_NONE);
    handler_bed_close(&bed);
}

Test(engine_handler_service, an_empty_question_costs_no_append)
{
    open_asked();
    ask(A, first_token, 9, false);
    cr_assert_null(engine_bed_request_post(&bed.bed, ENGINE_REQ_APPEND));
    const struct engine_message *said = answer(ENGINE_MSG_CHECKPOINTED);
    cr_assert_eq(said->token, first_token);
    cr_assert_eq(said->size, sizeof(*said));
    handler_bed_close(&bed);
}

Test(engine_handler_service, who_does_not_own_the_run_says_so)
{
    open_asked();
    engine_bed_coordinator(&bed.bed, B);
    ask(B, first_token, 9, true);
    cr_assert_eq(answer(ENGINE_MSG_CHECKPOINTED)->op, ENGINE_ERR_NOT_OWNER);
    handler_bed_close(&bed);
}

/* Workers --------------------------------------------------------------------
 */

static unsigned states_asked;

static enum handler_bed_fate count_states(struct handler_bed *b,
                                          const struct engine_bed_post *post)
{
    (void)b;
    states_asked += post->kind == ENGINE_DO_SEND &&
                    engine_bed_head(post)->kind == ENGINE_MSG_STATE;
    return HANDLER_BED_CARRY;
}

Test(engine_handler_service, a_first_invocation_has_nothing_to_load)
{
    uint64_t short_ns = 5 * BED_S;
    const struct engine_handler handler = {"short", nap, &short_ns};
    handler_bed_open(&bed, &handler);
    bed.fate = count_states;
    states_asked = 0;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S);
    cr_assert_eq(states_asked, 0);
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(states_asked, 1);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    handler_bed_close(&bed);
}

static int elsewhere(struct engine_attempt *a, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    engine_attempt_tag(a, 1);
    return ENGINE_SUSPENDED;
}

static int one_step(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "only", elsewhere, NULL, input, NULL, out);
}

/* The owner dies while the step runs; another coordinator takes the run. */
Test(engine_handler_service, a_worker_finds_the_new_owner_of_its_run)
{
    const struct engine_handler handler = {"one", one_step, NULL};
    handler_bed_open(&bed, &handler);
    engine_bed_coordinator(&bed.bed, B);
    bed.steps_hang = true;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S);
    engine_bed_kill(&bed.bed, A);
    handler_bed_live(&bed, 41 * BED_S);
    engine_bed_part_ended(&bed.bed, HANDLER_BED_WORKER, bed.last.slot,
                          bed.last.part, 0, "late", 4);
    handler_bed_live(&bed, 4 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s",
                 handler_bed_story(&bed, RUN, text, sizeof(text)));
    cr_assert_eq(bed.executed, 1);
    cr_assert_str_eq(handler_bed_end(&bed, RUN, text, sizeof(text)), "late");
    handler_bed_close(&bed);
}

/* Suspending -----------------------------------------------------------------
 */

static int heartbeats(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_callback_options options = {
        .timeout_ns = 1000 * BED_S, .heartbeat_ns = 100 * BED_S};
    struct engine_callback callback;
    int flow = engine_create_callback(c, "cb", &options, &callback);
    (void)self;
    (void)input;
    return flow ? flow : engine_callback_result(c, &callback, out);
}

Test(engine_handler_service, a_sign_of_life_counts_from_when_it_was_taken)
{
    const struct engine_handler handler = {"beats", heartbeats, NULL};
    handler_bed_open(&bed, &handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 50 * BED_S);
    engine_bed_signal(&bed.bed, RUN, ENGINE_SIG_CALLBACK_HEARTBEAT, 1, 3, NULL,
                      NULL);
    engine_bed_tell(&bed.bed, A, ENGINE_MSG_WAKE, RUN, 0, 0);
    handler_bed_live(&bed, 98 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUSPENDED);
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED);
    handler_bed_close(&bed);
}

/* Nobody receives it, ever: the run sleeps on. */
Test(engine_handler_service, a_message_left_in_the_inbox_keeps_no_run_awake)
{
    handler_bed_open(&bed, &nap_handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 5 * BED_S);
    engine_bed_signal(&bed.bed, RUN, ENGINE_SIG_MESSAGE, UINT32_MAX, 3, NULL,
                      "hello");
    handler_bed_live(&bed, 1000 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUSPENDED);
    cr_assert_str_eq(handler_bed_story(&bed, RUN, text, sizeof(text)),
                     "run_created op_scheduled:0.1 checkpoint:0.1 "
                     "operation_started:1.0 attempt_started:0.1 "
                     "attempt_suspended:0.1 run_suspended lease_acquired "
                     "run_suspended");
    handler_bed_close(&bed);
}
