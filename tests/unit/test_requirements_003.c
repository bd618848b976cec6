/*
 * What a recording runtime's page of limitations asks for, where no other
 * test shows it: retry policies to the second, side effects that are never
 * repeated, a limit for payloads.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/durable_bed.h"
#include "tests/support/handler_bed.h"

#define S ENGINE_SECOND

enum {
    RUN = 5
};

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

/* Retries ----------------------------------------------------------------- */

struct failing {
    uint32_t runs;
    uint32_t failures; /* attempts that fail, from the first */
    uint32_t error;
    uint64_t at_ns[8]; /* when each ran */
    struct durable_bed *bed;
    struct engine_step_options options;
};

static int fail_at_times(struct engine_attempt *a, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    struct failing *failing = self;

    (void)input;
    cr_assert_lt(failing->runs, 8);
    failing->at_ns[failing->runs++] = failing->bed->now_ns;
    if (engine_attempt_number(a) <= failing->failures)
        return engine_attempt_fail(a, failing->error, "down");
    *out = engine_attempt_text(a, "done");
    return ENGINE_DONE;
}

static int call_failing(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    struct failing *failing = self;

    return engine_step(c, "call", fail_at_times, self, input, &failing->options,
                       out);
}

static enum durable_phase run_failing(struct durable_bed *bed,
                                      struct failing *failing)
{
    failing->bed = bed;
    durable_bed_init(bed, call_failing, failing, "");
    return durable_bed_run(bed);
}

Test(requirements_003, three_attempts_wait_1_and_2_seconds_and_then_say_why)
{
    const struct engine_retry retry = {.attempts_max = 3,
                                       .factor_milli = 2000,
                                       .delay_ns = S,
                                       .delay_max_ns = 10 * S};
    struct failing failing = {
        .failures = UINT32_MAX,
        .error = ENGINE_ERR_NETWORK,
        .options = {.side_effect = ENGINE_EFFECT_READ_ONLY, .retry = &retry}};
    struct durable_bed bed;

    cr_assert_eq(run_failing(&bed, &failing), DURABLE_FAILED);
    cr_assert_eq(failing.runs, 3);
    cr_assert_eq(failing.at_ns[1] - failing.at_ns[0], S);
    cr_assert_eq(failing.at_ns[2] - failing.at_ns[1], 2 * S);
    cr_assert_eq(bed.error, ENGINE_ERR_NETWORK);
    cr_assert_str_eq(bed.words, "down");
    durable_bed_free(&bed);
}

Test(requirements_003, delays_double_up_to_ten_seconds)
{
    const struct engine_retry retry = {.attempts_max = 7,
                                       .factor_milli = 2000,
                                       .delay_ns = S,
                                       .delay_max_ns = 10 * S};
    static const uint64_t delays[] = {1, 2, 4, 8, 10, 10};
    struct failing failing = {
        .failures = UINT32_MAX,
        .error = ENGINE_ERR_NETWORK,
        .options = {.side_effect = ENGINE_EFFECT_READ_ONLY, .retry = &retry}};
    struct durable_bed bed;

    cr_assert_eq(run_failing(&bed, &failing), DURABLE_FAILED);
    cr_assert_eq(failing.runs, 7);
    for (uint32_t i = 0; i < 6; i++)
        cr_assert_eq(failing.at_ns[i + 1] - failing.at_ns[i], delays[i] * S);
    durable_bed_free(&bed);
}

Test(requirements_003, only_what_says_that_it_may_be_repeated_is)
{
    static const struct {
        enum engine_side_effect effect;
        uint32_t attempts;
    } rows[] = {{0, 1},
                {ENGINE_EFFECT_READ_ONLY, 6},
                {ENGINE_EFFECT_IDEMPOTENT, 6},
                {ENGINE_EFFECT_REVERSIBLE, 1}, /* without a compensation */
                {ENGINE_EFFECT_IRREVERSIBLE, 1}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct failing failing = {.failures = UINT32_MAX,
                                  .error = ENGINE_ERR_NETWORK,
                                  .options = {.side_effect = rows[i].effect}};
        struct durable_bed bed;

        run_failing(&bed, &failing);
        cr_expect_eq(failing.runs, rows[i].attempts, "class %zu", i);
        durable_bed_free(&bed);
    }
}

/* Side effects ------------------------------------------------------------ */

Test(requirements_003, an_irreversible_step_runs_once_wherever_its_worker_dies)
{
    uint32_t blocked = 0;

    for (uint32_t move = 0; move < 12; move++) {
        struct failing failing = {
            .options = {.side_effect = ENGINE_EFFECT_IRREVERSIBLE}};
        struct durable_bed bed;
        enum durable_phase phase;

        failing.bed = &bed;
        durable_bed_init(&bed, call_failing, &failing, "");
        for (uint32_t i = 0; i < move && durable_bed_step(&bed); i++)
            continue;
        durable_bed_crash_worker(&bed);
        phase = durable_bed_run(&bed);
        cr_expect_leq(failing.runs, 1);
        cr_expect(phase == DURABLE_BLOCKED ||
                  (phase == DURABLE_SUCCEEDED && failing.runs == 1));
        blocked += phase == DURABLE_BLOCKED;
        durable_bed_free(&bed);
    }
    cr_assert_gt(blocked, 0);
}

/* Payloads ---------------------------------------------------------------- */

static int wait_a_second(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    TRY(engine_wait(c, "pause", S));
    *out = engine_text_bytes("over");
    return ENGINE_DONE;
}

Test(requirements_003,
     an_input_of_a_million_bytes_passes_where_that_is_the_limit)
{
    static struct handler_bed bed;
    const struct engine_handler handler = {"wait", wait_a_second, NULL};
    char *input = malloc(1000002);

    cr_assert(input);
    for (size_t size = 1000000; size <= 1000001; size++) {
        memset(input, 'i', size);
        input[size] = '\0';
        handler_bed_open(&bed, &handler);
        bed.bed.coordinator.limits = engine_limits_find("inline-1mb");
        handler_bed_restart(&bed);
        handler_bed_start(&bed, 0, RUN, input);
        handler_bed_live(&bed, 60 * S);
        if (size == 1000000) {
            cr_expect_neq(handler_bed_state(&bed, RUN), 0);
        } else {
            cr_expect_eq(bed.refused.op, ENGINE_ERR_SIZE_LIMIT);
            cr_expect_eq(bed.refused.a, 1000001);
            cr_expect_eq(bed.refused.b, 1000000);
            cr_expect_eq(handler_bed_state(&bed, RUN), 0);
        }
        handler_bed_close(&bed);
    }
    free(input);
}
