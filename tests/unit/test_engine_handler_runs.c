/*
 * Runs of handlers through a coordinator, a worker and a store: what becomes
 * of each kind of operation, and of the run from outside.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "engine/value.h"
#include "tests/support/handler_bed.h"

enum {
    RUN = 5
};

static struct handler_bed bed;
static char text[16384];

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

static const struct engine_step_options repeatable = {
    .side_effect = ENGINE_EFFECT_IDEMPOTENT};

/* A step's code that the host runs. */
static int elsewhere(struct engine_attempt *a, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    engine_attempt_tag(a, 77);
    return ENGINE_SUSPENDED;
}

static int here(struct engine_attempt *a, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    unsigned *count = self;
    if (count)
        ++*count;
    (void)input;
    *out = engine_attempt_text(a, "here");
    return ENGINE_DONE;
}

/* Two steps and a wait. */
static int two_steps(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes first;
    struct engine_bytes second;
    TRY(engine_step(c, "first", here, self, input, &repeatable, &first));
    TRY(engine_wait(c, "nap", 5 * BED_S));
    TRY(engine_step(c, "second", elsewhere, self, first, &repeatable, &second));
    *out = second;
    return ENGINE_DONE;
}

static const struct engine_handler two_steps_handler = {"two", two_steps, NULL};

static const char *story(void)
{
    return handler_bed_story(&bed, RUN, text, sizeof(text));
}

static const char *end(void)
{
    return handler_bed_end(&bed, RUN, text, sizeof(text));
}

Test(engine_handler_runs, steps_and_a_wait_take_two_invocations)
{
    handler_bed_open(&bed, &two_steps_handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 4 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_RUNNING);
    handler_bed_live(&bed, 2 * BED_S);
    cr_assert_str_eq(
        story(),
        "run_created op_scheduled:0.1 checkpoint:0.1 operation_succeeded:1.1 "
        "checkpoint:0.1 operation_started:2.0 attempt_started:0.1 "
        "attempt_suspended:0.1 operation_fired:2.0 op_scheduled:0.2 "
        "checkpoint:0.2 operation_succeeded:3.1 attempt_started:0.2 "
        "attempt_succeeded:0.2 op_succeeded:0.2 run_succeeded");
    cr_assert_str_eq(end(), "done");
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    cr_assert_eq(bed.executed, 1);
    handler_bed_close(&bed);
}

/* Waiting --------------------------------------------------------------------
 */

static int long_nap(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    TRY(engine_wait(c, "nap", 3600 * BED_S));
    *out = input;
    return ENGINE_DONE;
}

static const struct engine_handler long_nap_handler = {"nap", long_nap, NULL};

static uint32_t owned(void)
{
    return engine_coordinator_owned(
        engine_bed_machine(&bed.bed, HANDLER_BED_COORDINATOR)->coordinator);
}

Test(engine_handler_runs, a_run_that_waits_long_is_suspended_until_then)
{
    handler_bed_open(&bed, &long_nap_handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUSPENDED);
    cr_assert_eq(owned(), 0);
    handler_bed_live(&bed, 3598 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUSPENDED);
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    cr_assert_str_eq(end(), "in");
    handler_bed_close(&bed);
}

static int wait_for_answer(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_callback_options *options = self;
    struct engine_callback callback;
    (void)input;
    TRY(engine_create_callback(c, "answer", options, &callback));
    return engine_callback_result(c, &callback, out);
}

static const struct engine_handler answer_handler = {"answer", wait_for_answer,
                                                     NULL};

Test(engine_handler_runs, a_signal_wakes_a_run_that_only_waits_for_it)
{
    handler_bed_open(&bed, &answer_handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 1000 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUSPENDED);
    cr_assert_eq(owned(), 0);
    for (unsigned i = 0; i < 2; i++) /* the second is a repeat */
        cr_assert_eq(engine_bed_signal(&bed.bed, RUN,
                                       ENGINE_SIG_CALLBACK_SUCCEED, 1, 42, NULL,
                                       "yes"),
                     ENGINE_COMMITTED);
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    cr_assert_str_eq(end(), "yes");
    cr_assert_str_eq(
        story(),
        "run_created op_scheduled:0.1 checkpoint:0.1 operation_started:1.0 "
        "attempt_started:0.1 attempt_suspended:0.1 run_suspended "
        "lease_acquired inbox_consumed:0.0 operation_succeeded:1.0 "
        "op_scheduled:0.2 attempt_started:0.2 attempt_succeeded:0.2 "
        "op_succeeded:0.2 run_succeeded");
    handler_bed_close(&bed);
}

Test(engine_handler_runs, an_owner_that_is_told_takes_a_signal_at_once)
{
    struct engine_handler handler = answer_handler;
    struct engine_callback_options options = {.timeout_ns = 50 * BED_S};
    handler.self = &options;
    handler_bed_open(&bed, &handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S);
    cr_assert_eq(owned(), 1); /* its time-out is near */
    engine_bed_signal(&bed.bed, RUN, ENGINE_SIG_CALLBACK_SUCCEED, 1, 42, NULL,
                      "yes");
    engine_bed_tell(&bed.bed, HANDLER_BED_COORDINATOR, ENGINE_MSG_WAKE, RUN, 0,
                    0);
    handler_bed_pump(&bed);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, a_callback_nobody_answers_times_out_and_fails_it)
{
    struct engine_handler handler = answer_handler;
    struct engine_callback_options options = {.timeout_ns = 50 * BED_S};
    handler.self = &options;
    handler_bed_open(&bed, &handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 49 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_RUNNING);
    handler_bed_live(&bed, 2 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED, "%u %s", bed.state, story());
    cr_assert(strstr(end(), "Callback timed out"), "%s", text);
    handler_bed_close(&bed);
}

static int pends_for_nothing(struct engine_context *c, void *self,
                             struct engine_bytes input,
                             struct engine_bytes *out)
{
    (void)c;
    (void)self;
    (void)input;
    (void)out;
    return ENGINE_SUSPENDED;
}

Test(engine_handler_runs, a_handler_that_waits_for_nothing_fails)
{
    const struct engine_handler handler = {"idle", pends_for_nothing, NULL};
    handler_bed_open(&bed, &handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED, "%u %s", bed.state, story());
    cr_assert_str_eq(end(), "PENDING with nothing pending");
    handler_bed_close(&bed);
}

/* Steps that fail ------------------------------------------------------------
 */

static uint32_t fail_twice(struct handler_bed *b,
                           const struct engine_execute *what,
                           const char **result)
{
    (void)b;
    *result = "";
    if (what->part_attempt < 3)
        return ENGINE_ERR_USER;
    *result = "third";
    return 0;
}

static int one_step(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_step_options *options = self;
    return engine_step(c, "only", elsewhere, NULL, input, options, out);
}

Test(engine_handler_runs, a_step_is_tried_again_when_its_delay_is_over)
{
    const struct engine_retry retry = engine_retry_fixed(5, 20 * BED_S);
    struct engine_step_options options = repeatable;
    options.retry = &retry;
    const struct engine_handler handler = {"retry", one_step, &options};
    handler_bed_open(&bed, &handler);
    bed.step = fail_twice;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 39 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_RUNNING);
    handler_bed_live(&bed, 3 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    cr_assert_str_eq(end(), "third");
    cr_assert_eq(bed.executed, 3);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, a_step_that_takes_too_long_is_stopped)
{
    struct engine_step_options options = repeatable;
    options.attempt_timeout_ns = 7 * BED_S;
    options.retry = &engine_retry_none;
    const struct engine_handler handler = {"slow", one_step, &options};
    handler_bed_open(&bed, &handler);
    bed.steps_hang = true;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 6 * BED_S);
    cr_assert_eq(bed.abandoned, 0);
    handler_bed_live(&bed, 2 * BED_S);
    cr_assert_eq(bed.abandoned, 1);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED, "%u %s", bed.state, story());
    handler_bed_close(&bed);
}

Test(engine_handler_runs, a_step_that_shows_no_progress_is_stopped)
{
    struct engine_step_options options = repeatable;
    const struct engine_retry retry = engine_retry_fixed(2, BED_S);
    options.stall_timeout_ns = 5 * BED_S;
    options.retry = &retry;
    const struct engine_handler handler = {"slow", one_step, &options};
    handler_bed_open(&bed, &handler);
    bed.steps_hang = true;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 4 * BED_S);
    engine_bed_progress(&bed.bed, HANDLER_BED_WORKER, bed.last.slot,
                        bed.last.part, "half");
    handler_bed_live(&bed, 4 * BED_S);
    cr_assert_eq(bed.abandoned, 0);
    handler_bed_live(&bed, 2 * BED_S);
    cr_assert_eq(bed.abandoned, 1);
    handler_bed_live(&bed, 2 * BED_S); /* it goes on from where it was */
    cr_assert_eq(bed.executed, 2);
    cr_assert_eq(bed.last.part_attempt, 2);
    cr_assert_eq(bed.last.progress_size, 4);
    cr_assert_str_eq(bed.last_input, "inhalf");
    handler_bed_close(&bed);
}

/* From outside ----------------------------------------------------------------
 */

static void signal_run(uint32_t kind, uint32_t op, uint64_t id,
                       const char *value)
{
    cr_assert_eq(
        engine_bed_signal(&bed.bed, RUN, kind, op, id, "because", value),
        ENGINE_COMMITTED);
    engine_bed_tell(&bed.bed, HANDLER_BED_COORDINATOR, ENGINE_MSG_WAKE, RUN, 0,
                    0);
}

Test(engine_handler_runs, a_cancelled_run_ends_though_its_invocation_hangs)
{
    const struct engine_handler handler = {"hang", one_step,
                                           (void *)&repeatable};
    handler_bed_open(&bed, &handler);
    bed.steps_hang = true;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 3 * BED_S);
    signal_run(ENGINE_SIG_CANCEL, UINT32_MAX, 7, NULL);
    handler_bed_live(&bed, 15 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_CANCELLED);
    cr_assert_str_eq(end(), "because");
    cr_assert_eq(bed.abandoned, 1); /* its claim was cut */
    cr_assert(strstr(story(), "operator_action inbox_consumed:0.0 "
                              "run_cancelled"),
              "%s", text);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, an_attempt_nobody_has_claimed_is_not_begun_any_more)
{
    handler_bed_open(&bed, &two_steps_handler);
    bed.workers = 0;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S / 2);
    signal_run(ENGINE_SIG_CANCEL, UINT32_MAX, 7, NULL);
    handler_bed_live(&bed, BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_CANCELLED);
    cr_assert_eq(engine_bed_claim(&bed.bed, RUN, 0, 1, BED_S), ENGINE_FENCED);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, a_stopped_run_leaves_no_operation_open)
{
    handler_bed_open(&bed, &long_nap_handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S);
    signal_run(ENGINE_SIG_STOP, UINT32_MAX, 7, NULL);
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_STOPPED);
    cr_assert(strstr(story(), "operator_action inbox_consumed:0.0 "
                              "operation_stopped:1.0 run_stopped"),
              "%s", text);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, a_paused_run_does_nothing_until_it_may_go_on)
{
    handler_bed_open(&bed, &two_steps_handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S);
    signal_run(ENGINE_SIG_PAUSE, UINT32_MAX, 7, NULL);
    signal_run(ENGINE_SIG_PAUSE, UINT32_MAX, 8, NULL);
    handler_bed_live(&bed, 1000 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_PAUSED);
    cr_assert_eq(owned(), 0);
    signal_run(ENGINE_SIG_UNPAUSE, UINT32_MAX, 9, NULL);
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    cr_assert(strstr(story(), "operator_action run_paused inbox_consumed:0.0 "
                              "inbox_consumed:0.0"),
              "%s", text);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, a_run_does_not_outlive_its_time)
{
    handler_bed_open(&bed, &long_nap_handler);
    engine_graph_set_timeout((struct engine_graph *)bed.bed.graphs[0],
                             100 * BED_S);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 98 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUSPENDED);
    handler_bed_live(&bed, 9 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_TIMED_OUT);
    cr_assert(strstr(story(), "operation_stopped:1.0 run_timed_out"), "%s",
              text);
    handler_bed_close(&bed);
}

static int fail_beside_waits(struct engine_context *c, void *self,
                             struct engine_bytes input,
                             struct engine_bytes *out)
{
    struct engine_callback callback;
    (void)self;
    (void)input;
    (void)out;
    TRY(engine_create_callback(c, "nobody answers", NULL, &callback));
    TRY(engine_create_callback(c, "nor here", NULL, &callback));
    return engine_fail(c, ENGINE_ERR_USER, "Broken", "enough");
}

Test(engine_handler_runs, a_run_that_fails_or_is_cancelled_leaves_nothing_open)
{
    const struct engine_handler handler = {"fails", fail_beside_waits, NULL};
    handler_bed_open(&bed, &handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_FAILED);
    cr_assert(strstr(story(), "operation_stopped:1.0 operation_stopped:2.0 "
                              "run_failed"),
              "%s", text);
    handler_bed_close(&bed);
    handler_bed_open(&bed, &long_nap_handler);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, BED_S);
    signal_run(ENGINE_SIG_CANCEL, UINT32_MAX, 7, NULL);
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_CANCELLED);
    cr_assert(strstr(story(), "operation_stopped:1.0 run_cancelled"), "%s",
              text);
    handler_bed_close(&bed);
}

/* The run's own bound comes from the profile where nobody sets another. */
Test(engine_handler_runs, a_run_ends_when_its_profile_says_so)
{
    struct engine_limits limits = *engine_limits_find("seed-001");
    handler_bed_open(&bed, &long_nap_handler);
    limits.run_max_ns = 50 * BED_S;
    bed.bed.coordinator.limits = &limits;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 48 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_RUNNING);
    (void)story();
    cr_assert(strstr(story(), "limit_near"), "%s", text);
    handler_bed_live(&bed, 9 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_TIMED_OUT);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, a_run_of_a_graph_does_not_outlive_its_time_either)
{
    const struct engine_node node = engine_bed_wait("w", 3600 * BED_S);
    handler_bed_open(&bed, &long_nap_handler);
    struct engine_graph *graph = engine_bed_chain(&node, 1);
    engine_graph_set_timeout(graph, 100 * BED_S);
    bed.bed.graphs[1] = graph;
    bed.bed.coordinator.graph_count = 2;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 1, RUN, "in");
    handler_bed_live(&bed, 98 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUSPENDED);
    handler_bed_live(&bed, 9 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_TIMED_OUT);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, too_large_an_input_is_refused_with_both_sizes)
{
    struct engine_limits limits = *engine_limits_at(0);
    limits.input_max = 3;
    handler_bed_open(&bed, &two_steps_handler);
    bed.bed.coordinator.limits = &limits;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "four");
    handler_bed_live(&bed, BED_S);
    cr_assert_eq(bed.refused.run, RUN);
    cr_assert_eq(bed.refused.op, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_eq(bed.refused.a, 4);
    cr_assert_eq(bed.refused.b, 3);
    cr_assert_eq(handler_bed_state(&bed, RUN), 0);
    handler_bed_start(&bed, 0, RUN, "two");
    handler_bed_live(&bed, 10 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    handler_bed_close(&bed);
}

/* Snapshots
 * ---------------------------------------------------------------------
 */

static int ten_steps(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes value = input;
    for (unsigned i = 0; i < 10; i++)
        TRY(engine_step(c, "step", here, self, value, &repeatable, &value));
    TRY(engine_wait(c, "nap", 200 * BED_S));
    *out = value;
    return ENGINE_DONE;
}

Test(engine_handler_runs, steps_before_a_snapshot_are_not_run_again)
{
    unsigned runs = 0;
    const struct engine_handler handler = {"ten", ten_steps, &runs};
    handler_bed_open(&bed, &handler);
    bed.bed.coordinator.snapshot_events = 6;
    bed.bed.coordinator.page_max = 1;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 250 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", story());
    cr_assert_eq(runs, 10);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, a_run_can_do_without_a_snapshot_that_is_too_large)
{
    unsigned runs = 0;
    const struct engine_handler handler = {"ten", ten_steps, &runs};
    struct engine_store_limits limits = engine_bed_limits();
    limits.snapshot_max = 16;
    handler_bed_open_within(&bed, &handler, &limits);
    bed.bed.coordinator.snapshot_events = 6;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 250 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", story());
    handler_bed_close(&bed);
}

/* Hosts that wait for answers
 * -----------------------------------------------------
 */

/* What the coordinator wants sent: requests are served, the answer is kept. */
static bool serve_one(struct engine_block *answer)
{
    if (bed.bed.post_count == 0)
        return false;
    struct engine_bed_post *post = engine_bed_detach(&bed.bed, 0);
    const struct engine_message *message = engine_bed_head(post);
    bool answered = post->kind == ENGINE_DO_SEND &&
                    message->kind == ENGINE_MSG_CHECKPOINTED;
    if (post->kind == ENGINE_DO_REQUEST) {
        engine_bed_apply(&bed.bed, engine_bed_request(post));
        engine_bed_reply(&bed.bed, post->from,
                         (const void *)bed.bed.reply.bytes);
    } else if (answered) {
        memcpy(engine_block_begin(answer, message->size), message,
               message->size);
    }
    free(post->bytes);
    free(post);
    return !answered;
}

/* The worker has its own blocks: it is in the middle of a step. */
static int ask_and_wait(void *self, const struct engine_message *question,
                        struct engine_block *answer)
{
    unsigned *asked = self;
    ++*asked;
    struct engine_update kept = bed.bed.update;
    engine_update_init(&bed.bed.update);
    engine_bed_message(&bed.bed, HANDLER_BED_COORDINATOR, question,
                       question + 1, question->size - sizeof(*question));
    while (serve_one(answer))
        continue;
    engine_update_free(&bed.bed.update);
    bed.bed.update = kept;
    return answer->size > 0 ? 0 : -1;
}

Test(engine_handler_runs, a_host_that_waits_for_answers_calls_a_handler_once)
{
    unsigned runs = 0;
    unsigned asked = 0;
    struct engine_block scratch;
    const struct engine_handler handler = {"ten", ten_steps, &runs};
    handler_bed_open(&bed, &handler);
    engine_block_init(&scratch);
    bed.bed.worker.scratch = &scratch;
    bed.bed.worker.persist = ask_and_wait;
    bed.bed.worker.self = &asked;
    handler_bed_restart(&bed);
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_live(&bed, 250 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%s", story());
    cr_assert_eq(runs, 10);
    cr_assert_geq(asked, 11);
    handler_bed_close(&bed);
    engine_block_free(&scratch);
}

/* Batches that stay open ----------------------------------------------------
 */

/* A branch: a step that the host runs, and one after it. */
static int two_elsewhere(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    TRY(engine_step(c, "before", elsewhere, self, input, &repeatable, out));
    return engine_step(c, "after", elsewhere, self, *out, &repeatable, out);
}

static int fan_out(struct engine_context *c, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_branch branches[] = {
        {"a", two_elsewhere, self, input},
        {"b", two_elsewhere, self, input},
        {"c", two_elsewhere, self, input},
    };
    struct engine_batch batch;
    TRY(engine_all(c, "fan", branches, 3, &batch));
    *out = batch.branches[2].value;
    return ENGINE_DONE;
}

static const struct engine_handler fan_handler = {"fan", fan_out, NULL};

/* Handles of the first steps: the run 0, the batch 1, then branch and step. */
enum {
    STEP_A = 3,
    STEP_B = 5,
    STEP_C = 7
};

static void open_fan_within(uint64_t window_ns,
                            const struct engine_limits *limits)
{
    handler_bed_open(&bed, &fan_handler);
    bed.bed.worker.checkpoint_window_ns = window_ns;
    bed.bed.worker.limits = limits;
    handler_bed_restart(&bed);
    bed.steps_hang = true;
    handler_bed_start(&bed, 0, RUN, "in");
    handler_bed_pump(&bed);
    cr_assert_eq(bed.executed, 3);
}

static void open_fan(uint64_t window_ns)
{
    open_fan_within(window_ns, NULL);
}

static void end_step(uint32_t part)
{
    engine_bed_part_ended(&bed.bed, HANDLER_BED_WORKER, 0, part, 0, "ok", 2);
    handler_bed_pump(&bed);
}

static unsigned checkpoints(void)
{
    unsigned count = 0;
    for (const char *at = story(); (at = strstr(at, "checkpoint:")); at++)
        count++;
    return count;
}

Test(engine_handler_runs, an_open_batch_collects_what_branches_say)
{
    open_fan(20 * BED_MS);
    handler_bed_live(&bed, 5 * BED_MS);
    end_step(STEP_A);
    handler_bed_live(&bed, 5 * BED_MS);
    end_step(STEP_B);
    handler_bed_live(&bed, 9 * BED_MS);
    cr_expect_eq(checkpoints(), 0);
    cr_expect_eq(bed.executed, 3);
    handler_bed_live(&bed, 1 * BED_MS);
    cr_expect_eq(checkpoints(), 1);
    cr_expect(strstr(story(), "checkpoint:0.1 operation_started:1.0 "
                              "operation_started:2.0 operation_started:3.0 "
                              "operation_started:4.0 operation_succeeded:5.1 "
                              "operation_succeeded:6.1"),
              "%s", story());
    handler_bed_close(&bed);
}

Test(engine_handler_runs, nothing_begins_before_what_it_hangs_on_is_durable)
{
    open_fan(20 * BED_MS);
    end_step(STEP_A);
    end_step(STEP_B);
    cr_expect_eq(bed.executed, 3);
    handler_bed_live(&bed, 19 * BED_MS);
    cr_expect_eq(bed.executed, 3);
    handler_bed_live(&bed, 1 * BED_MS);
    cr_expect_eq(bed.executed, 5);
    cr_expect_str_eq(bed.last_input, "ok");
    handler_bed_close(&bed);
}

Test(engine_handler_runs, an_open_batch_closes_when_no_step_runs)
{
    open_fan(20 * BED_MS);
    end_step(STEP_C);
    end_step(STEP_A);
    cr_expect_eq(checkpoints(), 0);
    end_step(STEP_B);
    cr_expect_eq(checkpoints(), 1);
    cr_expect_eq(bed.executed, 6);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, an_open_batch_closes_when_it_is_full)
{
    struct engine_limits limits = *engine_limits_at(0);
    limits.batch_updates_max = 5;
    open_fan_within(20 * BED_MS, &limits);
    cr_expect_eq(checkpoints(), 0);
    end_step(STEP_A);
    cr_expect_eq(checkpoints(), 1);
    cr_expect_eq(bed.executed, 4);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, what_a_full_batch_leaves_does_not_wait_again)
{
    struct engine_limits limits = *engine_limits_at(0);
    limits.batch_updates_max = 3;
    open_fan_within(20 * BED_MS, &limits);
    cr_expect_eq(checkpoints(), 2);
    cr_expect(strstr(story(), "checkpoint:0.1 operation_started:4.0"), "%s",
              story());
    handler_bed_close(&bed);
}

Test(engine_handler_runs, no_batch_is_open_at_the_end_of_an_invocation)
{
    open_fan(365 * 24 * 3600 * BED_S);
    cr_expect_eq(checkpoints(), 1);
    handler_bed_close(&bed);
}

Test(engine_handler_runs, without_a_window_a_batch_goes_out_at_once)
{
    open_fan(0);
    cr_expect_eq(checkpoints(), 1);
    end_step(STEP_A);
    cr_expect_eq(checkpoints(), 2);
    cr_expect_eq(bed.executed, 4);
    handler_bed_close(&bed);
}

static const char *window_end(uint64_t window_ns, unsigned *count)
{
    open_fan(window_ns);
    bed.steps_hang = false;
    end_step(STEP_B);
    end_step(STEP_A);
    end_step(STEP_C);
    handler_bed_live(&bed, 60 * BED_S);
    *count = checkpoints();
    cr_expect_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED);
    return end();
}

Test(engine_handler_runs, a_window_changes_how_often_and_not_what_is_recorded)
{
    unsigned few;
    unsigned many;
    cr_expect_str_eq(window_end(0, &many), "done");
    handler_bed_close(&bed);
    cr_expect_str_eq(window_end(20 * BED_MS, &few), "done");
    handler_bed_close(&bed);
    cr_expect_lt(few, many);
}
