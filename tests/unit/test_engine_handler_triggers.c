/*
 * Inputs from outside and progress of long steps, through coordinator, worker
 * and store, while both of them die.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/random.h"
#include "tests/support/handler_bed.h"

enum {
    RUN = 5,
    INPUTS = 12
};

static struct handler_bed bed;
static char text[65536];

/* Inputs ------------------------------------------------------------------ */

static int take_inputs(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    char *all = engine_context_memory(c, INPUTS);

    (void)self;
    (void)input;
    for (size_t i = 0; i < INPUTS; i++) {
        struct engine_bytes message;
        bool end;
        int flow = engine_receive(c, "file", &message, &end);

        if (flow)
            return flow;
        memcpy(all + i, message.data, 1);
    }
    *out = (struct engine_bytes){all, INPUTS};
    return ENGINE_DONE;
}

static const struct engine_handler taker = {"taker", take_inputs, NULL};

/* The source sends its n-th line under this id. */
static void offer(uint64_t n, uint64_t id)
{
    struct {
        struct engine_signal head;
        char words[16];
    } payload = {.head = {.run = RUN,
                          .number = n,
                          .kind = ENGINE_SIG_MESSAGE,
                          .actor_size = 6,
                          .edge_size = 4,
                          .value_size = 1}};
    const struct engine_item item = {.type = ENGINE_ITEM_INBOX,
                                     .kind = ENGINE_SIG_MESSAGE,
                                     .op = UINT32_MAX,
                                     .a = id,
                                     .b = 1};

    (void)snprintf(payload.words, sizeof(payload.words), "sourcefile%c",
                   (char)('a' + (char)n - 1));
    if (handler_bed_state(&bed, RUN) == ENGINE_RUN_SUCCEEDED)
        return; /* it has had all */
    engine_bed_ask(&bed.bed, ENGINE_REQ_SIGNAL, RUN);
    engine_bed_add(&bed.bed, &item, &payload,
                   sizeof(payload.head) + strlen(payload.words));
    cr_assert_eq(engine_bed_apply_own(&bed.bed), ENGINE_COMMITTED);
    engine_bed_tell(&bed.bed, HANDLER_BED_COORDINATOR, ENGINE_MSG_WAKE, RUN, 0,
                    0);
}

static void die(uint32_t node)
{
    engine_bed_kill(&bed.bed, node);
    if (node == HANDLER_BED_WORKER)
        engine_bed_worker(&bed.bed, node);
    else
        engine_bed_coordinator(&bed.bed, node);
}

Test(engine_handler_triggers, a_source_that_sends_again_is_heard_once)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct engine_stream stream;

        engine_stream_init(&stream, seed, "test/source", 0);
        handler_bed_open(&bed, &taker);
        handler_bed_start(&bed, 0, RUN, "");
        handler_bed_pump(&bed);
        for (uint64_t i = 0; i < 60; i++) {
            uint64_t n = 1 + engine_draw_below(&stream, 3 * i, INPUTS);

            offer(n, engine_draw_below(&stream, 3 * i + 1, 2) ? n : 1000 + i);
            switch (engine_draw_below(&stream, 3 * i + 2, 10)) {
            case 0:
                die(HANDLER_BED_WORKER);
                break;
            case 1:
                die(HANDLER_BED_COORDINATOR);
                break;
            case 2:
                handler_bed_live(&bed, 20 * BED_S);
                break;
            default:
                handler_bed_pump(&bed);
                break;
            }
        }
        for (uint64_t n = INPUTS; n > 0; n--)
            offer(n, 2000 + n);
        handler_bed_live(&bed, 600 * BED_S);
        cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_SUCCEEDED,
                     "seed %llu: %s", (unsigned long long)seed,
                     handler_bed_story(&bed, RUN, text, sizeof(text)));
        cr_assert_str_eq(handler_bed_end(&bed, RUN, text, sizeof(text)),
                         "abcdefghijkl");
        handler_bed_close(&bed);
    }
}

/* Progress ---------------------------------------------------------------- */

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
    static const struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT};

    return engine_step(c, "long", elsewhere, self, input, &options, out);
}

static const struct engine_handler long_step = {"long", one_step, NULL};

Test(engine_handler_triggers,
     a_step_goes_on_from_its_progress_on_another_worker)
{
    for (unsigned coordinator = 0; coordinator < 2; coordinator++) {
        handler_bed_open(&bed, &long_step);
        bed.steps_hang = true;
        handler_bed_start(&bed, 0, RUN, "in");
        handler_bed_live(&bed, BED_S);
        cr_assert_eq(bed.executed, 1);
        cr_assert_eq(bed.last.progress_size, 0);
        engine_bed_progress(&bed.bed, HANDLER_BED_WORKER, bed.last.slot,
                            bed.last.part, "half");
        handler_bed_live(&bed, BED_S);
        engine_bed_kill(&bed.bed, HANDLER_BED_WORKER);
        if (coordinator)
            die(HANDLER_BED_COORDINATOR);
        engine_bed_worker(&bed.bed, HANDLER_BED_WORKER);
        handler_bed_live(&bed, 300 * BED_S);
        cr_assert_geq(bed.executed, 2);
        cr_assert_eq(bed.last.progress_size, 4);
        engine_bed_part_ended(&bed.bed, HANDLER_BED_WORKER, bed.last.slot,
                              bed.last.part, 0, "whole", 5);
        handler_bed_live(&bed, 10 * BED_S);
        cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
        cr_assert_str_eq(handler_bed_end(&bed, RUN, text, sizeof(text)),
                         "whole");
        handler_bed_close(&bed);
    }
}

/* Large results ----------------------------------------------------------- */

enum {
    LARGE = 5000
};

static int give_large(struct engine_attempt *a, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    char *bytes = engine_attempt_memory(a, LARGE);

    (void)self;
    cr_assert_not_null(bytes);
    memset(bytes, *(const char *)input.data, LARGE);
    *out = (struct engine_bytes){bytes, LARGE};
    return ENGINE_DONE;
}

static bool is_large(struct engine_bytes bytes, char of)
{
    const char *at = bytes.data;

    return bytes.size == LARGE && at[0] == of &&
           memcmp(at, at + 1, LARGE - 1) == 0;
}

static int large_child(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "inner", give_large, NULL, input, NULL, out);
}

static int large_results(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes a;
    struct engine_bytes b;
    struct engine_bytes ab = engine_text_bytes("b");
    int flow;

    if ((flow = engine_step(c, "first", give_large, self, input, NULL, &a)))
        return flow;
    if ((flow = engine_wait(c, "nap", 5 * BED_S)))
        return flow;
    if ((flow = engine_run_in_child_context(c, "child", large_child, NULL, ab,
                                            NULL, &b)))
        return flow;
    if ((flow = engine_wait(c, "nap", 5 * BED_S)))
        return flow;
    *out = engine_text_bytes(is_large(a, 'a') && is_large(b, 'b') ? "same"
                                                                  : "other");
    return ENGINE_DONE;
}

static const struct engine_handler large = {"large", large_results, NULL};

static struct engine_limits spilling;
static unsigned posts;
static unsigned deadly;
static unsigned blobs_put;
static unsigned blobs_got;

/* The worker dies when it has done so many things. */
static enum handler_bed_fate die_at(struct handler_bed *b,
                                    const struct engine_bed_post *post)
{
    if (post->kind == ENGINE_DO_REQUEST) {
        blobs_put += engine_bed_request(post)->kind == ENGINE_REQ_PUT_BLOB;
        blobs_got += engine_bed_request(post)->kind == ENGINE_REQ_GET_BLOB;
    }
    if (post->from != HANDLER_BED_WORKER || ++posts != deadly)
        return HANDLER_BED_CARRY;
    engine_bed_kill(&b->bed, HANDLER_BED_WORKER);
    engine_bed_worker(&b->bed, HANDLER_BED_WORKER);
    return HANDLER_BED_LOSE;
}

static void open_spilling(void)
{
    spilling = *engine_limits_find("inline-1mb");
    spilling.inline_max = 1000;
    spilling.operation_payload_max = 1000;
    handler_bed_open(&bed, &large);
    bed.bed.coordinator.limits = &spilling;
    bed.bed.worker.limits = &spilling;
    handler_bed_restart(&bed);
    bed.fate = die_at;
    posts = blobs_put = blobs_got = 0;
}

Test(engine_handler_triggers, large_results_are_blobs_whoever_dies)
{
    for (deadly = 0; deadly <= 40; deadly++) {
        open_spilling();
        handler_bed_start(&bed, 0, RUN, "a");
        handler_bed_live(&bed, 600 * BED_S);
        cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED, "%u: %s", deadly,
                     handler_bed_story(&bed, RUN, text, sizeof(text)));
        cr_assert_str_eq(handler_bed_end(&bed, RUN, text, sizeof(text)),
                         "same");
        cr_assert_geq(blobs_put, 3); /* the inner step's, and the context's */
        cr_assert_geq(blobs_got, 3); /* one, then two */
        handler_bed_close(&bed);
    }
}

static enum handler_bed_fate refuse_blobs(struct handler_bed *b,
                                          const struct engine_bed_post *post)
{
    (void)b;
    return post->kind == ENGINE_DO_REQUEST &&
                   engine_bed_request(post)->kind == ENGINE_REQ_GET_BLOB
               ? HANDLER_BED_LOSE
               : HANDLER_BED_CARRY;
}

Test(engine_handler_triggers, a_handler_is_not_called_without_its_results)
{
    open_spilling();
    bed.fate = refuse_blobs;
    handler_bed_start(&bed, 0, RUN, "a");
    handler_bed_live(&bed, 60 * BED_S);
    cr_assert_eq(handler_bed_state(&bed, RUN), ENGINE_RUN_RUNNING);
    bed.fate = NULL;
    handler_bed_live(&bed, 1200 * BED_S);
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED);
    handler_bed_close(&bed);
}
