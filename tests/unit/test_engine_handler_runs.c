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
