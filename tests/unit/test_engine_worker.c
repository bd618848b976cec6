#include "engine/worker.h"

#include <criterion/criterion.h>

#include "engine/value.h"
#include "tests/support/engine_bed.h"

enum {
    C = BED_MACHINE,     /* the coordinator that created the run */
    W = BED_MACHINE + 1, /* workers */
    X = BED_MACHINE + 2,
    RUN = 5
};

static struct engine_bed bed;
static char text[4096];

/*
 * RUN of two steps in a row exists, its first step waits for a worker; W has
 * two slots, ten bytes inline at most, and a timeout of 600 s a step.
 */
static void open_with(const struct engine_store_limits *limits)
{
    const struct engine_node nodes[] = {engine_bed_step("s0"),
                                        engine_bed_step("s1")};
    engine_bed_open(&bed, engine_bed_chain(nodes, 2), limits);
    bed.worker.inline_max = 10;
    engine_bed_coordinator(&bed, C);
    engine_bed_wake(&bed, C);
    engine_bed_start(&bed, C, RUN);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CREATE), ENGINE_COMMITTED);
    engine_bed_lose_all(&bed);
    engine_bed_worker(&bed, W);
}

static void done(void)
{
    struct engine_graph *graph = (struct engine_graph *)bed.graphs[0];
    engine_bed_close(&bed);
    engine_graph_free(graph);
}

static void dispatch(uint32_t node, uint32_t op, uint32_t attempt)
{
    engine_bed_tell(&bed, node, ENGINE_MSG_DISPATCH, RUN, op, attempt);
}

static uint32_t busy(uint32_t node)
{
    return engine_worker_busy(engine_bed_machine(&bed, node)->worker);
}

static struct engine_bed_post *asked(uint32_t kind)
{
    return engine_bed_request_post(&bed, kind);
}

static struct engine_bed_post *ordered(uint32_t kind)
{
    return engine_bed_order_post(&bed, kind);
}

/* The first step is being executed in slot 0. */
static void executing(void)
{
    dispatch(W, 0, 1);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CLAIM), ENGINE_COMMITTED);
    cr_assert(ordered(ENGINE_DO_EXECUTE));
}

static void ended(uint32_t error)
{
    unsigned char out[16];
    size_t size = engine_value_write(out, ENGINE_VALUE_INLINE, "out", 3);
    engine_bed_ended(&bed, W, 0, error, out, (uint32_t)size);
}

/* The code ends with one value of that many bytes 'x'. */
static void ended_with(uint32_t payload)
{
    unsigned char *bytes = malloc(payload);
    unsigned char *out = malloc(engine_value_span(payload));
    memset(bytes, 'x', payload);
    size_t size = engine_value_write(out, ENGINE_VALUE_INLINE, bytes, payload);
    engine_bed_ended(&bed, W, 0, 0, out, (uint32_t)size);
    free(bytes);
    free(out);
}

/* Claiming -------------------------------------------------------------------
 */

Test(engine_worker, nothing_is_executed_before_the_claim_is_durable)
{
    open_with(NULL);
    dispatch(W, 0, 1);
    cr_assert_null(ordered(ENGINE_DO_EXECUTE));
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CLAIM), ENGINE_COMMITTED);
    const struct engine_execute *what =
        engine_bed_order(ordered(ENGINE_DO_EXECUTE));
    cr_assert_eq(what->run, RUN);
    cr_assert_eq(what->op, 0);
    cr_assert_eq(what->attempt, 1);
    done();
}

Test(engine_worker, a_dispatch_heard_again_changes_nothing)
{
    open_with(NULL);
    executing();
    dispatch(W, 0, 1);
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    cr_assert_eq(busy(W), 1);
    done();
}

Test(engine_worker, a_claim_is_asked_for_again_when_its_reply_was_lost)
{
    open_with(NULL);
    dispatch(W, 0, 1);
    struct engine_bed_post *first = asked(ENGINE_REQ_CLAIM);
    cr_assert_eq(engine_bed_apply(&bed, engine_bed_request(first)),
                 ENGINE_COMMITTED);
    engine_bed_run_for(&bed, W, 2 * BED_S - 1);
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    engine_bed_run_for(&bed, W, 1);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CLAIM), ENGINE_COMMITTED);
    cr_assert(ordered(ENGINE_DO_EXECUTE));
    /* Now the first reply comes after all. */
    engine_bed_apply(&bed, engine_bed_request(first));
    engine_bed_reply(&bed, W, (const void *)bed.reply.bytes);
    cr_assert_null(ordered(ENGINE_DO_EXECUTE));
    done();
}

/* Its owner would end it while its code has only begun. */
Test(engine_worker, an_attempt_whose_time_is_over_at_its_claim_is_not_begun)
{
    open_with(NULL);
    dispatch(W, 0, 1);
    struct engine_bed_post *first = asked(ENGINE_REQ_CLAIM);
    cr_assert_eq(engine_bed_apply(&bed, engine_bed_request(first)),
                 ENGINE_COMMITTED);
    for (int i = 0; i < 601; i++) {
        engine_bed_lose_all(&bed);
        engine_bed_run_for(&bed, W, BED_S);
    }
    struct engine_bed_post *again;
    while (!(again = asked(ENGINE_REQ_CLAIM)))
        engine_bed_run_for(&bed, W, BED_S);
    cr_assert_eq(engine_bed_apply(&bed, engine_bed_request(again)),
                 ENGINE_COMMITTED);
    engine_bed_reply(&bed, W, (const void *)bed.reply.bytes);
    cr_expect_null(ordered(ENGINE_DO_EXECUTE));
    struct engine_bed_post *finish = asked(ENGINE_REQ_FINISH);
    cr_assert_not_null(finish);
    cr_expect_eq(engine_bed_request(finish)->error, ENGINE_ERR_TIMED_OUT);
    done();
}

Test(engine_worker, an_attempt_of_another_is_left_to_it)
{
    open_with(NULL);
    engine_bed_worker(&bed, X);
    executing();
    dispatch(X, 0, 1);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CLAIM), ENGINE_CONFLICT);
    cr_assert_eq(busy(X), 0);
    cr_assert_null(ordered(ENGINE_DO_EXECUTE));
    done();
}

Test(engine_worker, a_former_attempt_and_nonsense_are_not_executed)
{
    open_with(NULL);
    dispatch(W, 0, 2);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CLAIM), ENGINE_FENCED);
    dispatch(W, 2, 1); /* no such operation */
    struct engine_message message = {
        .kind = ENGINE_MSG_DISPATCH, .run = RUN, .attempt = 1, .a = 1};
    engine_bed_message(&bed, W, &message, NULL, 0); /* no such workflow */
    engine_bed_tell(&bed, W, ENGINE_MSG_START, RUN, 0, 1);
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    cr_assert_eq(busy(W), 0);
    done();
}

Test(engine_worker, with_all_slots_taken_a_dispatch_is_left_for_later)
{
    open_with(NULL);
    bed.worker.slots = 1;
    engine_bed_worker(&bed, W);
    executing();
    dispatch(W, 1, 1);
    cr_assert_eq(busy(W), 1);
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    ended(0);
    engine_bed_serve_all(&bed);
    cr_assert_eq(busy(W), 0);
    dispatch(W, 1, 1);
    cr_assert(asked(ENGINE_REQ_CLAIM));
    done();
}

Test(engine_worker, a_claim_granted_too_long_ago_is_not_executed)
{
    open_with(NULL);
    bed.worker.request_timeout_ns = 100 * BED_S;
    engine_bed_worker(&bed, W);
    dispatch(W, 0, 1);
    engine_bed_apply(&bed, engine_bed_request(asked(ENGINE_REQ_CLAIM)));
    engine_bed_pass(&bed, 29 * BED_S);
    engine_bed_reply(&bed, W, (const void *)bed.reply.bytes);
    cr_assert_null(ordered(ENGINE_DO_EXECUTE));
    cr_assert_eq(busy(W), 0);
    done();
}

/* Its first claim was granted and the reply lost. */
Test(engine_worker, an_attempt_claimed_again_has_what_is_left_of_its_time)
{
    open_with(NULL);
    bed.worker.request_timeout_ns = 400 * BED_S;
    bed.worker.claim_ttl_ns = 1000 * BED_S;
    engine_bed_worker(&bed, W);
    dispatch(W, 0, 1);
    engine_bed_apply(&bed, engine_bed_request(asked(ENGINE_REQ_CLAIM)));
    engine_bed_run_for(&bed, W, 400 * BED_S);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CLAIM), ENGINE_COMMITTED);
    const struct engine_execute *what =
        engine_bed_order(ordered(ENGINE_DO_EXECUTE));
    cr_assert_eq(what->deadline_ns,
                 engine_bed_machine(&bed, W)->mono_ns + 199 * BED_S);
    done();
}

/* The former process had claimed with its first request, too. */
Test(engine_worker, a_reply_to_the_process_before_is_not_taken_as_its_own)
{
    open_with(NULL);
    dispatch(W, 0, 1);
    engine_bed_apply(&bed, engine_bed_request(asked(ENGINE_REQ_CLAIM)));
    engine_bed_worker(&bed, W);
    dispatch(W, 0, 1);
    engine_bed_reply(&bed, W, (const void *)bed.reply.bytes);
    cr_assert_null(ordered(ENGINE_DO_EXECUTE));
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CLAIM), ENGINE_CONFLICT);
    done();
}

/* Holding --------------------------------------------------------------------
 */

Test(engine_worker, a_claim_is_renewed_each_third_of_its_time)
{
    open_with(NULL);
    executing();
    for (int i = 0; i < 6; i++) {
        engine_bed_run_for(&bed, W, 10 * BED_S - 1);
        cr_assert_null(asked(ENGINE_REQ_HEARTBEAT));
        engine_bed_run_for(&bed, W, 1);
        cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_HEARTBEAT),
                     ENGINE_COMMITTED);
    }
    cr_assert_eq(busy(W), 1);
    done();
}

Test(engine_worker, without_renewal_it_lets_go_before_the_claim_ends)
{
    open_with(NULL);
    executing();
    engine_bed_run_for(&bed, W, 29 * BED_S - 1);
    cr_assert_null(ordered(ENGINE_DO_ABANDON));
    engine_bed_run_for(&bed, W, 1);
    cr_assert_eq(engine_bed_order(ordered(ENGINE_DO_ABANDON))->attempt, 1);
    cr_assert_eq(busy(W), 0);
    cr_assert_null(asked(ENGINE_REQ_FINISH));
    done();
}

/* Its claim stands in the store until the coordinator cuts the attempt. */
Test(engine_worker, an_attempt_let_go_is_not_begun_again_by_a_late_dispatch)
{
    open_with(NULL);
    executing();
    engine_bed_run_for(&bed, W, 29 * BED_S);
    cr_assert(ordered(ENGINE_DO_ABANDON));
    engine_bed_lose_all(&bed);
    dispatch(W, 0, 1);
    engine_bed_serve_all(&bed);
    cr_assert_null(ordered(ENGINE_DO_EXECUTE));
    cr_assert_eq(busy(W), 0);
    dispatch(W, 0, 2); /* the next one is another matter */
    cr_assert(asked(ENGINE_REQ_CLAIM));
    done();
}

Test(engine_worker, a_worker_that_stood_still_does_not_report)
{
    open_with(NULL);
    executing();
    engine_bed_pass(&bed, 29 * BED_S);
    ended(0);
    cr_assert_null(asked(ENGINE_REQ_FINISH));
    cr_assert_eq(busy(W), 0);
    done();
}

Test(engine_worker, a_renewal_counts_from_when_it_was_asked_for)
{
    open_with(NULL);
    executing();
    engine_bed_run_for(&bed, W, 10 * BED_S);
    struct engine_bed_post *beat = asked(ENGINE_REQ_HEARTBEAT);
    engine_bed_run_for(&bed, W, 5 * BED_S);
    engine_bed_apply(&bed, engine_bed_request(beat));
    engine_bed_reply(&bed, W, (const void *)bed.reply.bytes);
    engine_bed_run_for(&bed, W, 24 * BED_S - 1); /* until 39 s */
    cr_assert_eq(busy(W), 1);
    engine_bed_run_for(&bed, W, 1);
    cr_assert_eq(busy(W), 0);
    done();
}

Test(engine_worker, told_that_its_claim_is_gone_it_stops)
{
    open_with(NULL);
    executing();
    engine_bed_run_for(&bed, W, 10 * BED_S);
    engine_bed_refuse(&bed, ENGINE_REQ_HEARTBEAT, ENGINE_FENCED, 0, 0);
    engine_bed_wake(&bed, W);
    cr_assert(ordered(ENGINE_DO_ABANDON));
    cr_assert_eq(busy(W), 0);
    done();
}

/* Reporting ------------------------------------------------------------------
 */

Test(engine_worker, the_coordinator_hears_of_a_report_only_when_it_is_durable)
{
    open_with(NULL);
    executing();
    ended(0);
    cr_assert_null(engine_bed_message_post(&bed, ENGINE_MSG_HINT));
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_FINISH), ENGINE_COMMITTED);
    const struct engine_message *hint =
        engine_bed_head(engine_bed_message_post(&bed, ENGINE_MSG_HINT));
    const struct engine_item *work = (const void *)(hint + 1);
    cr_assert_eq(hint->to, C);
    cr_assert_eq(work->kind, ENGINE_WORK_DONE);
    cr_assert_eq(work->flags, 0);
    const struct engine_value *value =
        engine_value_at(engine_item_payload(work), work->size, 0);
    cr_assert(memcmp(engine_value_bytes(value), "out", 3) == 0);
    done();
}

Test(engine_worker, a_report_is_repeated_until_it_is_answered)
{
    open_with(NULL);
    executing();
    ended(0);
    engine_bed_apply(&bed, engine_bed_request(asked(ENGINE_REQ_FINISH)));
    engine_bed_run_for(&bed, W, 2 * BED_S);
    engine_bed_refuse(&bed, ENGINE_REQ_FINISH, ENGINE_FAILED, 0, 0);
    engine_bed_run_for(&bed, W, BED_S);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_FINISH), ENGINE_COMMITTED);
    cr_assert(engine_bed_message_post(&bed, ENGINE_MSG_HINT));
    cr_assert_eq(busy(W), 0);
    done();
}

Test(engine_worker, a_report_that_comes_too_late_is_no_news)
{
    open_with(NULL);
    executing();
    ended(0);
    engine_bed_refuse(&bed, ENGINE_REQ_FINISH, ENGINE_FENCED, 0, 0);
    cr_assert_null(engine_bed_message_post(&bed, ENGINE_MSG_HINT));
    cr_assert_eq(busy(W), 0);
    done();
}

Test(engine_worker, an_error_is_reported_without_output)
{
    open_with(NULL);
    executing();
    ended(ENGINE_ERR_USER);
    const struct engine_request *finish =
        engine_bed_request(asked(ENGINE_REQ_FINISH));
    cr_assert_eq(finish->error, ENGINE_ERR_USER);
    cr_assert_eq(finish->retryable, 1);
    cr_assert_eq(engine_item_first(finish, sizeof(*finish))->size, 0);
    done();
}

Test(engine_worker, an_attempt_over_its_time_is_stopped_and_reported_so)
{
    open_with(NULL);
    bed.worker.claim_ttl_ns = 1000 * BED_S;
    engine_bed_worker(&bed, W);
    dispatch(W, 0, 1);
    engine_bed_serve(&bed, ENGINE_REQ_CLAIM);
    const struct engine_execute *what =
        engine_bed_order(ordered(ENGINE_DO_EXECUTE));
    uint64_t start = engine_bed_machine(&bed, W)->mono_ns;
    /* Before the coordinator would cut it, by the skew bound. */
    cr_assert_eq(what->deadline_ns, start + 599 * BED_S);
    engine_bed_run_for(&bed, W, 599 * BED_S - 1);
    cr_assert_null(ordered(ENGINE_DO_ABANDON));
    engine_bed_run_for(&bed, W, 1);
    cr_assert(ordered(ENGINE_DO_ABANDON));
    cr_assert_eq(engine_bed_request(asked(ENGINE_REQ_FINISH))->error,
                 ENGINE_ERR_TIMED_OUT);
    ended(0); /* too late */
    cr_assert_null(asked(ENGINE_REQ_FINISH));
    done();
}

/* Values ---------------------------------------------------------------------
 */

/* s0 gives a value of `size` bytes; s1 is executed; its input is compared. */
static void pass_on(uint32_t size)
{
    executing();
    ended_with(size);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_PUT_BLOB),
                 size > 10 ? ENGINE_COMMITTED : 0);
    const struct engine_bed_post *finish = asked(ENGINE_REQ_FINISH);
    const struct engine_item *output = engine_item_first(
        engine_bed_request(finish), sizeof(struct engine_request));
    const struct engine_value *value =
        engine_value_at(engine_item_payload(output), output->size, 0);
    cr_assert_eq(value->kind,
                 size > 10 ? ENGINE_VALUE_BLOB : ENGINE_VALUE_INLINE);
    engine_bed_apply(&bed, engine_bed_request(finish));
    engine_bed_reply(&bed, W, (const void *)bed.reply.bytes);
    struct engine_bed_post *hint =
        engine_bed_message_post(&bed, ENGINE_MSG_HINT);
    engine_bed_message(&bed, C, engine_bed_head(hint),
                       engine_bed_head(hint) + 1,
                       hint->size - sizeof(struct engine_message));
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_COMMITTED);
    dispatch(W, 1, 1);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CLAIM), ENGINE_COMMITTED);
}

Test(engine_worker, a_value_above_the_inline_limit_travels_as_a_blob)
{
    for (uint32_t size = 9; size <= 3000; size += size < 12 ? 1 : 2988) {
        open_with(NULL);
        pass_on(size);
        cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_GET_BLOB),
                     size > 10 ? ENGINE_COMMITTED : 0);
        const unsigned char *input =
            (const void *)(engine_bed_order(ordered(ENGINE_DO_EXECUTE)) + 1);
        const struct engine_value *value =
            engine_value_at(input, engine_value_span(size), 0);
        cr_assert(value);
        cr_assert_eq(value->kind, ENGINE_VALUE_INLINE);
        cr_assert_eq(value->size, size);
        const char *bytes = engine_value_bytes(value);
        for (uint32_t i = 0; i < size; i++)
            cr_assert_eq(bytes[i], 'x');
        done();
    }
}

Test(engine_worker, a_blob_whose_digest_is_wrong_is_not_executed)
{
    open_with(NULL);
    pass_on(100);
    struct engine_bed_post *get = asked(ENGINE_REQ_GET_BLOB);
    engine_bed_apply(&bed, engine_bed_request(get));
    struct engine_reply *reply = (void *)bed.reply.bytes;
    struct engine_item *blob = (void *)(reply + 1);
    cr_assert_eq(blob->size, 100);
    ((unsigned char *)(blob + 1))[99] ^= 1;
    engine_bed_reply(&bed, W, reply);
    cr_assert_null(ordered(ENGINE_DO_EXECUTE));
    cr_assert_eq(engine_bed_request(asked(ENGINE_REQ_FINISH))->error,
                 ENGINE_ERR_UNKNOWN);
    done();
}

Test(engine_worker, a_blob_that_is_not_there_is_not_executed)
{
    open_with(NULL);
    pass_on(100);
    engine_bed_refuse(&bed, ENGINE_REQ_GET_BLOB, ENGINE_COMMITTED, 0, 0);
    cr_assert_null(ordered(ENGINE_DO_EXECUTE));
    cr_assert_eq(engine_bed_request(asked(ENGINE_REQ_FINISH))->error,
                 ENGINE_ERR_UNKNOWN);
    done();
}

Test(engine_worker, a_blob_is_written_again_when_the_reply_was_lost)
{
    open_with(NULL);
    executing();
    ended_with(100);
    engine_bed_apply(&bed, engine_bed_request(asked(ENGINE_REQ_PUT_BLOB)));
    engine_bed_run_for(&bed, W, 2 * BED_S);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_PUT_BLOB), ENGINE_COMMITTED);
    cr_assert(asked(ENGINE_REQ_FINISH));
    done();
}

Test(engine_worker, of_several_values_each_large_one_becomes_a_blob)
{
    open_with(NULL);
    executing();
    unsigned char out[256];
    char bytes[64] = "the same in each, only longer";
    size_t size = 0;
    for (uint32_t n = 0; n < 4; n++)
        size += engine_value_write(out + size, ENGINE_VALUE_INLINE, bytes,
                                   n % 2 ? 3 : 20 + n);
    engine_bed_ended(&bed, W, 0, 0, out, (uint32_t)size);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_PUT_BLOB), ENGINE_COMMITTED);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_PUT_BLOB), ENGINE_COMMITTED);
    cr_assert_null(asked(ENGINE_REQ_PUT_BLOB));
    const struct engine_request *finish =
        engine_bed_request(asked(ENGINE_REQ_FINISH));
    const struct engine_item *output =
        engine_item_first(finish, sizeof(*finish));
    for (uint32_t n = 0; n < 4; n++) {
        const struct engine_value *value =
            engine_value_at(engine_item_payload(output), output->size, n);
        cr_assert_eq(value->kind,
                     n % 2 ? ENGINE_VALUE_INLINE : ENGINE_VALUE_BLOB);
        if (n % 2 == 0) {
            struct engine_blob_ref ref;
            memcpy(&ref, engine_value_bytes(value), sizeof(ref));
            cr_assert_eq(ref.size, 20 + n);
        }
    }
    cr_assert_null(
        engine_value_at(engine_item_payload(output), output->size, 4));
    done();
}

Test(engine_worker, an_output_that_the_store_refuses_is_a_size_error)
{
    struct engine_store_limits limits = engine_bed_limits();
    limits.op_payload_max = 100;
    open_with(&limits);
    executing();
    unsigned char out[512];
    size_t size = 0;
    for (int n = 0; n < 20; n++)
        size +=
            engine_value_write(out + size, ENGINE_VALUE_INLINE, "0123456", 7);
    engine_bed_ended(&bed, W, 0, 0, out, (uint32_t)size);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_FINISH), ENGINE_REFUSED);
    const struct engine_bed_post *finish = asked(ENGINE_REQ_FINISH);
    cr_assert_eq(engine_bed_request(finish)->error, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_eq(engine_bed_apply(&bed, engine_bed_request(finish)),
                 ENGINE_COMMITTED);
    engine_bed_reply(&bed, W, (const void *)bed.reply.bytes);
    cr_assert_eq(busy(W), 0);
    done();
}

Test(engine_worker, a_blob_above_the_limit_is_a_size_error)
{
    struct engine_store_limits limits = engine_bed_limits();
    limits.blob_max = 99;
    open_with(&limits);
    executing();
    ended_with(100);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_PUT_BLOB), ENGINE_REFUSED);
    cr_assert_eq(engine_bed_request(asked(ENGINE_REQ_FINISH))->error,
                 ENGINE_ERR_SIZE_LIMIT);
    done();
}

Test(engine_worker, what_it_has_done_is_in_the_log_as_it_was)
{
    open_with(NULL);
    executing();
    ended(ENGINE_ERR_USER);
    engine_bed_serve_all(&bed);
    struct engine_bed_post *hint =
        engine_bed_message_post(&bed, ENGINE_MSG_HINT);
    engine_bed_message(&bed, C, engine_bed_head(hint),
                       engine_bed_head(hint) + 1,
                       hint->size - sizeof(struct engine_message));
    engine_bed_serve_all(&bed);
    cr_assert_str_eq(engine_bed_story(&bed, RUN, text, sizeof(text)),
                     "run_created op_scheduled:0.1 attempt_started:0.1 "
                     "attempt_failed:0.1 retry_scheduled:0.1");
    done();
}
