#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/durable_bed.h"

#define S ENGINE_SECOND

static struct engine_bytes text(const char *words)
{
    return engine_text_bytes(words);
}

static bool is_text(struct engine_bytes bytes, const char *words)
{
    return bytes.size == strlen(words) &&
           memcmp(bytes.data, words, bytes.size) == 0;
}

/* A step's code that counts its runs and fails as often as it is told to. */
struct code {
    uint32_t runs;
    uint32_t failures; /* attempts that fail, from the first */
    uint32_t error;
    const char *type;
    const char *message;
    bool retryable;
    uint64_t retry_after_ns;
    struct engine_hash keys[8];
    const char *result;
    struct engine_bytes seen;
    char input[128];
};

static int run_code(struct engine_attempt *a, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    struct code *code = self;

    if (code->runs < 8)
        code->keys[code->runs] = engine_attempt_key(a);
    code->runs++;
    (void)snprintf(code->input, sizeof(code->input), "%.*s", (int)input.size,
                   (const char *)input.data);
    if (engine_attempt_number(a) <= code->failures)
        return engine_attempt_fail_as(a, code->error, code->type,
                                      code->message ? code->message : "no",
                                      code->retryable, code->retry_after_ns);
    *out = engine_attempt_text(a, code->result ? code->result : "done");
    return ENGINE_DONE;
}

/* The example of engine/workflow.h --------------------------------------- */

static int card_charge(struct engine_bytes input, struct engine_hash key)
{
    return input.size == 0 || (!key.lo && !key.hi);
}

static int charge(struct engine_attempt *a, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    if (card_charge(input, engine_attempt_key(a)))
        return engine_attempt_fail(a, ENGINE_ERR_NETWORK, "card down");
    *out = engine_attempt_text(a, "{\"ok\":true}");
    return ENGINE_DONE;
}

static int order(struct engine_context *c, void *self,
                 struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_step_options once = {.side_effect = ENGINE_EFFECT_IDEMPOTENT};
    struct engine_bytes paid;
    int flow;

    if ((flow = engine_step(c, "charge", charge, self, input, &once, &paid)))
        return flow;
    if ((flow = engine_wait(c, "cool off", 3600 * ENGINE_SECOND)))
        return flow;
    *out = paid;
    return ENGINE_DONE;
}

Test(engine_workflow, the_example_of_the_header_charges_waits_and_succeeds)
{
    struct durable_bed bed;
    char story[512];

    durable_bed_init(&bed, order, NULL, "100 EUR");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "{\"ok\":true}");
    cr_assert_str_eq(durable_bed_story(&bed, story, sizeof(story)),
                     "succeeded charge; started cool off; fired cool off");
    cr_assert_eq(bed.now_ns, DURABLE_START_NS + 3600 * S);
    cr_assert_eq(bed.invocation, 2);
    durable_bed_free(&bed);
}

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

/* Steps ------------------------------------------------------------------- */

struct one_step {
    struct code code;
    struct engine_step_options options;
};

static int call_one_step(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    struct one_step *one = self;

    return engine_step(c, "only", run_code, &one->code, input, &one->options,
                       out);
}

static enum durable_phase run_one_step(struct durable_bed *bed,
                                       struct one_step *one)
{
    durable_bed_init(bed, call_one_step, one, "in");
    return durable_bed_run(bed);
}

Test(engine_workflow, a_step_is_tried_again_after_the_delay_of_its_policy)
{
    struct engine_retry retry = engine_retry_fixed(3, 7 * S);
    struct one_step one = {
        .code = {.failures = 2, .error = ENGINE_ERR_NETWORK},
        .options = {.side_effect = ENGINE_EFFECT_READ_ONLY, .retry = &retry}};
    struct durable_bed bed;

    cr_assert_eq(run_one_step(&bed, &one), DURABLE_SUCCEEDED);
    cr_assert_eq(one.code.runs, 3);
    cr_assert_eq(bed.now_ns, DURABLE_START_NS + 14 * S);
    cr_assert(engine_hash_equal(one.code.keys[0], one.code.keys[2]));
    cr_assert_str_eq(one.code.input, "in");
    durable_bed_free(&bed);
}

Test(engine_workflow, a_step_that_declares_nothing_has_one_attempt)
{
    struct one_step one = {.code = {.failures = 1,
                                    .error = ENGINE_ERR_NETWORK,
                                    .message = "gone"}};
    struct durable_bed bed;

    cr_assert_eq(run_one_step(&bed, &one), DURABLE_FAILED);
    cr_assert_eq(one.code.runs, 1);
    cr_assert_eq(bed.error, ENGINE_ERR_NETWORK);
    cr_assert_str_eq(bed.words, "gone");
    durable_bed_free(&bed);
}

/* How often a step with the standard policy runs when it fails like this. */
static uint32_t attempts_of(struct code failing,
                            struct engine_retry_filter filter)
{
    struct one_step one = {.code = failing,
                           .options = {.side_effect = ENGINE_EFFECT_IDEMPOTENT,
                                       .retryable = filter}};
    struct durable_bed bed;

    one.code.failures = UINT32_MAX;
    cr_assert_eq(run_one_step(&bed, &one), DURABLE_FAILED);
    durable_bed_free(&bed);
    return one.code.runs;
}

Test(engine_workflow, the_class_of_an_error_decides_how_often_it_is_tried)
{
    static const struct {
        uint32_t error;
        bool flagged;
        uint32_t attempts;
    } rows[] = {
        {ENGINE_ERR_NETWORK, false, 6},
        {ENGINE_ERR_TIMED_OUT, false, 6},
        {ENGINE_ERR_PLATFORM_START, false, 6},
        {ENGINE_ERR_THROTTLED, false, 6},
        {ENGINE_ERR_OOM, false, 3},
        {ENGINE_ERR_AUTH_EXPIRED, false, 2},
        {ENGINE_ERR_USER, false, 1},
        {ENGINE_ERR_USER, true, 6},
        {ENGINE_ERR_UNKNOWN, false, 1},
        {ENGINE_ERR_VALIDATION, false, 1},
        {ENGINE_ERR_SIZE_LIMIT, true, 1},
    };
    struct engine_retry_filter none = {0};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct code code = {.error = rows[i].error,
                            .retryable = rows[i].flagged};

        cr_expect_eq(attempts_of(code, none), rows[i].attempts, "%s",
                     engine_error_name(rows[i].error));
    }
}

Test(engine_workflow, a_filter_lets_matching_errors_of_a_step_be_tried_again)
{
    const char *const types[] = {"Busy", "Slow"};
    struct engine_retry_filter by_type = {.types = types, .type_count = 2};
    struct engine_retry_filter by_part = {.message_part = "later"};
    struct code busy = {.error = ENGINE_ERR_USER, .type = "Slow"};
    struct code broken = {.error = ENGINE_ERR_USER, .type = "Broken"};
    struct code later = {.error = ENGINE_ERR_USER, .message = "come later"};
    struct code flagged = {
        .error = ENGINE_ERR_USER, .type = "Broken", .retryable = true};

    cr_assert_eq(attempts_of(busy, by_type), 6);
    cr_assert_eq(attempts_of(broken, by_type), 1);
    cr_assert_eq(attempts_of(flagged, by_type), 1);
    cr_assert_eq(attempts_of(later, by_part), 6);
    cr_assert_eq(attempts_of(broken, by_part), 1);
}

/* Virtual time from the first attempt to the end of a step that fails once. */
static uint64_t delay_of(struct code failing, const struct engine_retry *retry)
{
    struct one_step one = {
        .code = failing,
        .options = {.side_effect = ENGINE_EFFECT_IDEMPOTENT, .retry = retry}};
    struct durable_bed bed;
    uint64_t delay;

    one.code.failures = 1;
    cr_assert_eq(run_one_step(&bed, &one), DURABLE_SUCCEEDED);
    delay = bed.now_ns - DURABLE_START_NS;
    durable_bed_free(&bed);
    return delay;
}

Test(engine_workflow, a_delay_is_never_below_what_profile_or_target_ask_for)
{
    struct engine_retry quick = engine_retry_fixed(3, S / 10);
    struct code throttled = {.error = ENGINE_ERR_THROTTLED,
                             .retry_after_ns = 90 * S};
    struct code network = {.error = ENGINE_ERR_NETWORK};
    struct code eternal = {.error = ENGINE_ERR_NETWORK,
                           .retry_after_ns = UINT64_MAX};

    cr_assert_eq(delay_of(network, &quick), S);
    cr_assert_eq(delay_of(throttled, &quick), 90 * S);
    cr_assert_eq(delay_of(throttled, NULL), 90 * S);
    cr_assert_eq(delay_of(eternal, &quick),
                 engine_limits_find("seed-001")->wait_max_ns);
}

Test(engine_workflow, linear_delays_grow_by_the_same_up_to_their_bound)
{
    struct engine_retry linear = engine_retry_linear(5, 2 * S, 5 * S);
    struct one_step one = {
        .code = {.failures = 4, .error = ENGINE_ERR_NETWORK},
        .options = {.side_effect = ENGINE_EFFECT_IDEMPOTENT, .retry = &linear}};
    struct durable_bed bed;

    cr_assert_eq(run_one_step(&bed, &one), DURABLE_SUCCEEDED);
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, (2 + 4 + 5 + 5) * S);
    durable_bed_free(&bed);
}

Test(engine_workflow, jitter_is_the_same_for_one_seed_and_within_the_delay)
{
    struct code network = {.error = ENGINE_ERR_NETWORK};
    uint64_t delay = delay_of(network, NULL);

    cr_assert_eq(delay, delay_of(network, NULL));
    cr_assert(delay >= S && delay <= 5 * S);
    cr_assert_neq(delay % S, 0);
}

/* The delay of a retry under this jitter, the least and the most over seeds. */
static void measure_jitter(enum engine_jitter jitter, uint64_t delay_ns,
                           uint64_t *least, uint64_t *most)
{
    struct engine_retry retry = engine_retry_fixed(2, delay_ns);

    retry.jitter = jitter;
    *least = UINT64_MAX;
    *most = 0;
    for (uint64_t seed = 0; seed < 64; seed++) {
        struct one_step one = {
            .code = {.failures = 1, .error = ENGINE_ERR_NETWORK},
            .options = {.retry = &retry}};
        struct durable_bed bed;
        uint64_t delay;

        durable_bed_init(&bed, call_one_step, &one, "");
        bed.config.seed = seed;
        bed.limits.wait_min_ns = 0;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        delay = bed.now_ns - DURABLE_START_NS;
        *least = delay < *least ? delay : *least;
        *most = delay > *most ? delay : *most;
        durable_bed_free(&bed);
    }
}

Test(engine_workflow, full_jitter_draws_from_all_and_half_from_half_a_delay)
{
    uint64_t least;
    uint64_t most;

    measure_jitter(ENGINE_JITTER_FULL, 100 * S, &least, &most);
    cr_expect_lt(least, 20 * S);
    cr_expect(most > 80 * S && most <= 100 * S);
    measure_jitter(ENGINE_JITTER_HALF, 100 * S, &least, &most);
    cr_expect(least >= 50 * S && least < 60 * S);
    cr_expect(most > 90 * S && most <= 100 * S);
    measure_jitter(ENGINE_JITTER_NONE, 100 * S, &least, &most);
    cr_expect_eq(least, 100 * S);
    cr_expect_eq(most, 100 * S);
}

Test(engine_workflow, jitter_draws_the_whole_delay_and_nothing_above_it)
{
    uint64_t least;
    uint64_t most;

    measure_jitter(ENGINE_JITTER_FULL, 1, &least, &most);
    cr_expect_eq(least, 0);
    cr_expect_eq(most, 1);
    measure_jitter(ENGINE_JITTER_HALF, 3, &least, &most);
    cr_expect_eq(least, 1);
    cr_expect_eq(most, 3);
}

Test(engine_workflow, a_reversible_step_that_nobody_undoes_has_one_attempt)
{
    struct one_step one = {
        .code = {.failures = 1, .error = ENGINE_ERR_NETWORK},
        .options = {.side_effect = ENGINE_EFFECT_REVERSIBLE}};
    struct durable_bed bed;

    durable_bed_init(&bed, call_one_step, &one, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.error, ENGINE_ERR_NETWORK);
    cr_expect_eq(one.code.runs, 1);
    durable_bed_free(&bed);
}

static int fail_and_look(struct engine_attempt *a, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    if (engine_attempt_progress(a).size > 0)
        return engine_attempt_fail(a, ENGINE_ERR_USER, "not mine");
    if (engine_attempt_number(a) == 1)
        return engine_attempt_fail(a, ENGINE_ERR_NETWORK, "words of the error");
    *out = engine_attempt_text(a, "clean");
    return ENGINE_DONE;
}

static int look_for_progress(struct engine_context *c, void *self,
                             struct engine_bytes input,
                             struct engine_bytes *out)
{
    return engine_step(c, "only", fail_and_look, NULL, input, self, out);
}

Test(engine_workflow, the_words_of_an_error_are_no_progress_of_the_next_attempt)
{
    struct engine_step_options options[] = {
        {.side_effect = ENGINE_EFFECT_READ_ONLY},
        {.side_effect = ENGINE_EFFECT_READ_ONLY, .attempt_timeout_ns = S},
        {.retry = &engine_retry_standard, .semantics = ENGINE_AT_MOST_ONCE}};

    for (uint32_t i = 0; i < 3; i++) {
        struct durable_bed bed;

        durable_bed_init(&bed, look_for_progress, &options[i], "");
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
        cr_assert_str_eq(durable_bed_result(&bed), "clean");
        durable_bed_free(&bed);
    }
}

Test(engine_workflow, options_that_contradict_each_other_are_refused)
{
    struct engine_retry none = {0};
    struct engine_step_options rows[] = {
        {.side_effect = ENGINE_EFFECT_IRREVERSIBLE,
         .semantics = ENGINE_AT_LEAST_ONCE},
        {.side_effect = ENGINE_EFFECT_IDEMPOTENT, .compensate = run_code},
        {.retry = &none}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct one_step one = {.options = rows[i]};
        struct durable_bed bed;

        cr_assert_eq(run_one_step(&bed, &one), DURABLE_FAILED);
        cr_expect_eq(bed.error, ENGINE_ERR_CONTRACT);
        cr_expect_eq(one.code.runs, 0);
        durable_bed_free(&bed);
    }
}

/* Runs the bed up to the n-th move that ends in this phase. */
static void run_to(struct durable_bed *bed, enum durable_phase phase,
                   uint32_t times)
{
    while (times-- > 0)
        do
            cr_assert(durable_bed_step(bed));
        while (bed->phase != phase);
}

Test(engine_workflow, an_at_most_once_attempt_that_was_cut_off_is_interrupted)
{
    struct engine_retry twice = engine_retry_fixed(2, S);
    struct one_step one = {
        .options = {.semantics = ENGINE_AT_MOST_ONCE, .retry = &twice}};
    struct durable_bed bed;
    char story[256];

    durable_bed_init(&bed, call_one_step, &one, "in");
    run_to(&bed, DURABLE_COMMIT, 2); /* the code has run, nobody knows */
    cr_assert_eq(one.code.runs, 1);
    durable_bed_crash_worker(&bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(
        durable_bed_story(&bed, story, sizeof(story)),
        "started only; retry only; ready only; started only; succeeded only");
    cr_assert_eq(one.code.runs, 2);
    durable_bed_free(&bed);
}

Test(engine_workflow, an_at_most_once_step_without_a_policy_fails_when_cut_off)
{
    struct one_step one = {.options = {.semantics = ENGINE_AT_MOST_ONCE}};
    struct durable_bed bed;

    durable_bed_init(&bed, call_one_step, &one, "in");
    run_to(&bed, DURABLE_COMMIT, 2);
    durable_bed_crash_worker(&bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_INTERRUPTED);
    cr_assert_eq(one.code.runs, 1);
    durable_bed_free(&bed);
}

Test(engine_workflow, an_at_least_once_attempt_that_was_cut_off_runs_again)
{
    struct one_step one = {0};
    struct durable_bed bed;

    durable_bed_init(&bed, call_one_step, &one, "in");
    run_to(&bed, DURABLE_COMMIT, 1);
    durable_bed_crash_worker(&bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(one.code.runs, 2);
    cr_assert(engine_hash_equal(one.code.keys[0], one.code.keys[1]));
    cr_assert_eq(durable_bed_find(&bed, "only")->attempt, 1);
    durable_bed_free(&bed);
}

/* An irreversible step that was cut off, up to where the run is blocked. */
static void block(struct durable_bed *bed, struct one_step *one)
{
    one->options.side_effect = ENGINE_EFFECT_IRREVERSIBLE;
    durable_bed_init(bed, call_one_step, one, "in");
    run_to(bed, DURABLE_COMMIT, 2);
    durable_bed_crash_worker(bed);
    cr_assert_eq(durable_bed_run(bed), DURABLE_BLOCKED);
    cr_assert_eq(one->code.runs, 1);
}

Test(engine_workflow, an_irreversible_step_that_was_cut_off_waits_for_operators)
{
    static const struct {
        enum engine_signal_kind kind;
        enum durable_phase phase;
        const char *result;
        uint32_t runs;
    } rows[] = {{ENGINE_SIG_SKIP, DURABLE_SUCCEEDED, "by hand", 1},
                {ENGINE_SIG_RESUME, DURABLE_SUCCEEDED, "done", 2},
                {ENGINE_SIG_ABORT, DURABLE_FAILED, "(none)", 1}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct one_step one = {0};
        struct durable_bed bed;

        block(&bed, &one);
        durable_bed_signal(&bed, rows[i].kind,
                           durable_bed_find(&bed, "only")->number, 0, "", 0,
                           "by hand");
        cr_expect_eq(durable_bed_run(&bed), rows[i].phase);
        cr_expect_str_eq(durable_bed_result(&bed), rows[i].result);
        cr_expect_eq(one.code.runs, rows[i].runs);
        durable_bed_free(&bed);
    }
}

static int give_bytes(struct engine_attempt *a, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    size_t *size = self;
    void *bytes = engine_attempt_memory(a, *size);

    (void)input;
    cr_assert(bytes);
    memset(bytes, 'x', *size);
    *out = (struct engine_bytes){bytes, *size};
    return ENGINE_DONE;
}

static int call_give_bytes(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes large;

    TRY(engine_step(c, "large", give_bytes, self, input, NULL, &large));
    cr_assert_eq(large.size, *(size_t *)self);
    *out = text("passed");
    return ENGINE_DONE;
}

Test(engine_workflow, a_result_of_the_limit_passes_and_one_byte_more_does_not)
{
    struct durable_bed bed;
    size_t size = 262144;

    durable_bed_init(&bed, call_give_bytes, &size, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    durable_bed_free(&bed);
    size++;
    durable_bed_init(&bed, call_give_bytes, &size, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_str_eq(bed.words, "262145 bytes, at most 262144: op_payload");
    durable_bed_free(&bed);
}

static int see_numbers(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes large;
    const struct engine_error_info *why;

    cr_assert_eq(
        engine_step(c, "large", give_bytes, self, input, NULL, &large) > 0,
        engine_error_of(c)->error == ENGINE_ERR_NONE);
    TRY(engine_wait(c, "then", S));
    why = engine_error_of(c);
    cr_assert_eq(why->error, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_eq(why->actual, 300000);
    cr_assert_eq(why->maximum, 262144);
    *out = text("seen");
    return ENGINE_DONE;
}

Test(engine_workflow, a_size_limit_names_both_numbers_also_in_a_replay)
{
    struct durable_bed bed;
    size_t size = 300000;

    durable_bed_init(&bed, see_numbers, &size, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    durable_bed_free(&bed);
}

static int save_progress(struct engine_attempt *a, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    struct code *code = self;
    struct engine_bytes before = engine_attempt_progress(a);

    (void)input;
    code->runs++;
    if (before.size > 0) {
        cr_assert(is_text(before, "half"));
        *out = text("whole");
        return ENGINE_DONE;
    }
    cr_assert_eq(engine_attempt_save(a, text("hal")), 0);
    cr_assert_eq(engine_attempt_save(a, text("half")), 0);
    return engine_attempt_fail(a, ENGINE_ERR_NETWORK, "cut");
}

static int call_save_progress(struct engine_context *c, void *self,
                              struct engine_bytes input,
                              struct engine_bytes *out)
{
    struct engine_step_options options = {.side_effect =
                                              ENGINE_EFFECT_IDEMPOTENT};

    return engine_step(c, "long", save_progress, self, input, &options, out);
}

Test(engine_workflow, the_next_attempt_gets_the_progress_saved_last)
{
    for (int sync = 0; sync < 2; sync++) {
        struct code code = {0};
        struct durable_bed bed;

        durable_bed_init(&bed, call_save_progress, &code, "");
        bed.sync = sync;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
        cr_assert_str_eq(durable_bed_result(&bed), "whole");
        cr_assert_eq(code.runs, 2);
        durable_bed_free(&bed);
    }
}

static int save_twice(struct engine_attempt *a, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    struct code *code = self;
    struct engine_bytes before = engine_attempt_progress(a);
    char copy[4] = "";

    (void)input;
    cr_assert(before.size == 0 || is_text(before, "one") ||
              is_text(before, "two"));
    memcpy(copy, before.data, before.size);
    code->runs++;
    cr_assert_eq(engine_attempt_save(a, text("one")), 0);
    cr_assert(is_text(before, copy));
    cr_assert_eq(engine_attempt_save(a, text("two")), 0);
    cr_assert(is_text(before, copy));
    *out = text("saved");
    return ENGINE_DONE;
}

static int call_save_twice(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    return engine_step(c, "long", save_twice, self, input, NULL, out);
}

Test(engine_workflow, an_attempt_taken_over_goes_on_from_its_progress)
{
    for (int sync = 0; sync < 2; sync++)
        for (uint32_t at = 1; at < 9; at++) {
            struct code code = {0};
            struct durable_bed bed;

            durable_bed_init(&bed, call_save_twice, &code, "");
            for (uint32_t i = 0; i < at && durable_bed_step(&bed); i++)
                ;
            durable_bed_crash_worker(&bed);
            bed.sync = sync;
            cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s",
                         bed.words);
            cr_assert_eq(durable_bed_find(&bed, "long")->attempt, 1);
            durable_bed_free(&bed);
        }
}

/* Waiting ----------------------------------------------------------------- */

static int wait_for(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    (void)input;
    *out = text("waited");
    return engine_wait(c, "w", *(uint64_t *)self);
}

Test(engine_workflow, a_wait_is_as_long_as_it_says_or_refused)
{
    const struct engine_limits *limits = engine_limits_find("seed-001");
    uint64_t good[] = {limits->wait_min_ns, limits->wait_max_ns};
    uint64_t bad[] = {0, limits->wait_min_ns - 1, limits->wait_max_ns + 1};
    struct durable_bed bed;

    for (int i = 0; i < 2; i++) {
        durable_bed_init(&bed, wait_for, &good[i], "");
        cr_expect_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_expect_eq(bed.now_ns - DURABLE_START_NS, good[i]);
        durable_bed_free(&bed);
    }
    for (int i = 0; i < 3; i++) {
        durable_bed_init(&bed, wait_for, &bad[i], "");
        cr_expect_eq(durable_bed_run(&bed), DURABLE_FAILED);
        cr_expect_eq(bed.error, ENGINE_ERR_VALIDATION);
        durable_bed_free(&bed);
    }
}

static int poll_once(struct engine_attempt *a, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    uint32_t *holds_at = self;
    char *state = engine_attempt_memory(a, input.size + 1);

    cr_assert(state);
    memcpy(state, input.data, input.size);
    state[input.size] = 'x';
    *out = (struct engine_bytes){state, input.size + 1};
    return input.size + 1 < *holds_at ? ENGINE_SUSPENDED : ENGINE_DONE;
}

static int poll(struct engine_context *c, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    return engine_wait_for_condition(c, "condition", poll_once, self, input,
                                     NULL, out);
}

Test(engine_workflow, a_condition_hands_its_state_from_poll_to_poll)
{
    struct durable_bed bed;
    uint32_t holds_at = 4;
    char story[512];

    durable_bed_init(&bed, poll, &holds_at, "x");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "xxxx");
    cr_assert_str_eq(
        durable_bed_story(&bed, story, sizeof(story)),
        "retry condition; ready condition; retry condition; ready condition; "
        "succeeded condition");
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, S + S * 3 / 2);
    durable_bed_free(&bed);
}

Test(engine_workflow, a_condition_that_never_holds_fails_after_its_polls)
{
    struct durable_bed bed;
    uint32_t holds_at = UINT32_MAX;

    durable_bed_init(&bed, poll, &holds_at, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_TIMED_OUT);
    cr_assert_str_eq(bed.type, "Condition.Exhausted");
    cr_assert_str_eq(bed.words, "not so after 60 polls");
    durable_bed_free(&bed);
}

/* Callbacks --------------------------------------------------------------- */

static int await_callback(struct engine_context *c, void *self,
                          struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_callback_options *options = self;
    struct engine_callback callback;

    (void)input;
    TRY(engine_create_callback(c, "cb", options, &callback));
    return engine_callback_result(c, &callback, out);
}

Test(engine_workflow, a_callback_ends_as_the_outside_says)
{
    struct durable_bed bed;

    durable_bed_init(&bed, await_callback, NULL, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    durable_bed_signal(&bed, ENGINE_SIG_CALLBACK_SUCCEED, 1, 0, "", 0, "yes");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "yes");
    durable_bed_free(&bed);
    durable_bed_init(&bed, await_callback, NULL, "");
    (void)durable_bed_run(&bed);
    durable_bed_signal(&bed, ENGINE_SIG_CALLBACK_FAIL, 1, 0, "Rejected", 0,
                       "not approved");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_USER);
    cr_assert_str_eq(bed.type, "Rejected");
    cr_assert_str_eq(bed.words, "not approved");
    durable_bed_free(&bed);
}

Test(engine_workflow, a_callback_times_out_by_itself_or_without_heartbeats)
{
    struct engine_callback_options timeout = {.timeout_ns = 60 * S,
                                              .heartbeat_ns = 20 * S};
    struct durable_bed bed;

    durable_bed_init(&bed, await_callback, &timeout, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, 20 * S);
    cr_assert_eq(bed.error, ENGINE_ERR_TIMED_OUT);
    cr_assert_str_eq(bed.type, "Callback.Heartbeat");
    durable_bed_free(&bed);
    timeout.heartbeat_ns = 0;
    durable_bed_init(&bed, await_callback, &timeout, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, 60 * S);
    cr_assert_str_eq(bed.type, "Callback.Timeout");
    durable_bed_free(&bed);
}

Test(engine_workflow, a_heartbeat_timeout_must_be_below_the_timeout)
{
    struct engine_callback_options equal = {.timeout_ns = S, .heartbeat_ns = S};
    struct durable_bed bed;

    durable_bed_init(&bed, await_callback, &equal, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_VALIDATION);
    durable_bed_free(&bed);
}

static int submit(struct engine_attempt *a, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    struct code *code = self;

    code->runs++;
    (void)snprintf(code->input, sizeof(code->input), "%.*s", (int)input.size,
                   (const char *)input.data);
    (void)out;
    return engine_attempt_number(a) <= code->failures
               ? engine_attempt_fail(a, ENGINE_ERR_NETWORK, "no line")
               : ENGINE_DONE;
}

static int submit_and_wait(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_step_options options = {.side_effect =
                                              ENGINE_EFFECT_IDEMPOTENT};

    (void)input;
    return engine_wait_for_callback(c, "approval", submit, self, &options, NULL,
                                    out);
}

Test(engine_workflow, a_submitter_runs_after_its_callback_is_durable)
{
    struct code code = {0};
    struct durable_bed bed;
    struct engine_hash key;
    char story[512];
    uint64_t run;
    uint32_t number;

    durable_bed_init(&bed, submit_and_wait, &code, "");
    run_to(&bed, DURABLE_COMMIT, 1);
    cr_assert_eq(code.runs, 0);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    cr_assert_eq(code.runs, 1);
    cr_assert_eq(engine_callback_parse(code.input, &run, &number, &key), 0);
    cr_assert_eq(run, DURABLE_RUN);
    cr_assert_eq(bed.execution.operations.entries[number].type,
                 ENGINE_OPERATION_CALLBACK);
    cr_assert(
        engine_hash_equal(bed.execution.operations.entries[number].id, key));
    durable_bed_signal(&bed, ENGINE_SIG_CALLBACK_SUCCEED, number, 0, "", 0,
                       "approved");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "approved");
    cr_assert_eq(code.runs, 1);
    cr_assert_str_eq(durable_bed_story(&bed, story, sizeof(story)),
                     "started approval; started approval; succeeded submitter; "
                     "succeeded approval; succeeded approval");
    durable_bed_free(&bed);
}

Test(engine_workflow, an_answered_callback_needs_no_second_submitter)
{
    struct code code = {0};
    struct durable_bed bed;

    durable_bed_init(&bed, submit_and_wait, &code, "");
    run_to(&bed, DURABLE_COMMIT, 2); /* has run, but is not recorded */
    cr_assert_eq(code.runs, 1);
    durable_bed_signal(&bed, ENGINE_SIG_CALLBACK_SUCCEED, 2, 0, "", 0, "ok");
    durable_bed_crash_worker(&bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(code.runs, 1);
    durable_bed_free(&bed);
}

Test(engine_workflow, a_submitter_that_keeps_failing_fails_the_operation)
{
    struct code code = {.failures = UINT32_MAX};
    struct durable_bed bed;

    durable_bed_init(&bed, submit_and_wait, &code, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(code.runs, 6);
    cr_assert_str_eq(bed.words, "no line");
    durable_bed_free(&bed);
}

/* The same letter in base64, and in base64 for addresses. */
static bool is_twin(int letter, int other)
{
    return (letter == '-' && other == '+') || (letter == '_' && other == '/');
}

Test(engine_workflow, a_mistyped_callback_id_is_refused)
{
    struct code code = {0};
    struct durable_bed bed;
    struct engine_hash key;
    uint64_t run;
    uint32_t number;
    char id[48];

    durable_bed_init(&bed, submit_and_wait, &code, "");
    (void)durable_bed_run(&bed);
    memcpy(id, code.input, sizeof(id));
    cr_assert_eq(strlen(id), 44);
    for (size_t i = 0; i < 43; i++) {
        char was = id[i];

        for (int letter = 32; letter < 127; letter++) {
            id[i] = (char)letter;
            cr_assert_eq(engine_callback_parse(id, &run, &number, &key) == 0,
                         letter == was || is_twin(letter, was));
        }
        id[i] = '\0';
        cr_assert_neq(engine_callback_parse(id, &run, &number, &key), 0);
        id[i] = was;
    }
    durable_bed_free(&bed);
}

/* Other runs -------------------------------------------------------------- */

static int invoke(struct engine_context *c, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    return engine_invoke(c, "call", "other", input, self, out);
}

Test(engine_workflow, an_invoked_run_gives_its_result_or_error_or_times_out)
{
    struct engine_invoke_options options = {.timeout_ns = 10 * S};
    struct durable_bed bed;

    durable_bed_init(&bed, invoke, &options, "question");
    (void)durable_bed_step(&bed);
    run_to(&bed, DURABLE_PARKED, 1);
    cr_assert_eq(durable_bed_find(&bed, "call")->input_size, 8);
    durable_bed_signal(&bed, ENGINE_SIG_CHILD_ENDED, 1, 0, "", 0, "answer");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "answer");
    durable_bed_free(&bed);
    durable_bed_init(&bed, invoke, &options, "question");
    run_to(&bed, DURABLE_PARKED, 1);
    durable_bed_signal(&bed, ENGINE_SIG_CHILD_ENDED, 1, ENGINE_ERR_OOM, "", 0,
                       "too much");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_OOM);
    cr_assert_str_eq(bed.words, "too much");
    cr_assert_str_eq(bed.type, "");
    durable_bed_free(&bed);
    durable_bed_init(&bed, invoke, &options, "question");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_TIMED_OUT);
    durable_bed_free(&bed);
}

static int send_five(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    for (int i = 0; i < 5; i++)
        TRY(engine_send(c, 99, "work", text("m"), 2));
    *out = text("sent");
    return ENGINE_DONE;
}

Test(engine_workflow, a_sender_waits_while_its_window_is_full)
{
    struct durable_bed bed;

    durable_bed_init(&bed, send_five, NULL, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_STARTED), 2);
    durable_bed_signal(&bed, ENGINE_SIG_MESSAGE_ACK, UINT32_MAX, 0, "work", 1,
                       "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_STARTED), 3);
    durable_bed_signal(&bed, ENGINE_SIG_MESSAGE_ACK, UINT32_MAX, 0, "work", 3,
                       "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_STARTED), 5);
    durable_bed_free(&bed);
}

static int receive_all(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    char *all = engine_context_memory(c, 64);
    size_t size = 0;

    (void)self;
    (void)input;
    cr_assert(all);
    for (;;) {
        struct engine_bytes message;
        bool end;

        TRY(engine_receive(c, "work", &message, &end));
        if (end)
            break;
        memcpy(all + size, message.data, message.size);
        size += message.size;
    }
    *out = (struct engine_bytes){all, size};
    return ENGINE_DONE;
}

Test(engine_workflow, a_receiver_gets_messages_in_order_and_then_the_end)
{
    struct durable_bed bed;

    durable_bed_init(&bed, receive_all, NULL, "");
    durable_bed_signal(&bed, ENGINE_SIG_MESSAGE, UINT32_MAX, 0, "work", 2, "b");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    durable_bed_signal(&bed, ENGINE_SIG_END_OF_STREAM, UINT32_MAX, 0, "work", 3,
                       "");
    durable_bed_signal(&bed, ENGINE_SIG_MESSAGE, UINT32_MAX, 0, "work", 1, "a");
    durable_bed_signal(&bed, ENGINE_SIG_MESSAGE, UINT32_MAX, 0, "work", 1, "a");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "ab");
    durable_bed_free(&bed);
}

Test(engine_workflow, what_cannot_be_sent_or_invoked_is_refused_at_its_source)
{
    struct engine_invoke_options long_ago = {.timeout_ns = UINT64_MAX};
    struct durable_bed bed;

    durable_bed_init(&bed, invoke, &long_ago, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_VALIDATION);
    durable_bed_free(&bed);
    durable_bed_init(&bed, send_five, NULL, "");
    bed.limits.operation_payload_max = 0;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_SIZE_LIMIT);
    durable_bed_free(&bed);
}

/* Child contexts ---------------------------------------------------------- */

static int wait_and_step(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    TRY(engine_wait(c, "inner wait", S));
    return engine_step(c, "inner step", run_code, self, input, NULL, out);
}

static int call_child(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes first;

    TRY(engine_run_in_child_context(c, "child", wait_and_step, self, input,
                                    NULL, &first));
    TRY(engine_wait(c, "outer wait", S));
    *out = first;
    return ENGINE_DONE;
}

Test(engine_workflow, a_child_context_ends_with_its_functions_result)
{
    struct code code = {.result = "from inside"};
    struct durable_bed bed;
    char story[512];

    durable_bed_init(&bed, call_child, &code, "in");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "from inside");
    cr_assert_eq(code.runs, 1);
    cr_assert_str_eq(
        durable_bed_story(&bed, story, sizeof(story)),
        "started child; started inner wait; fired inner wait; succeeded inner "
        "step; succeeded child; started outer wait; fired outer wait");
    durable_bed_free(&bed);
}

Test(engine_workflow, a_failing_child_context_hands_its_error_on)
{
    struct code code = {.failures = 1,
                        .error = ENGINE_ERR_USER,
                        .type = "Custom",
                        .message = "inner words"};
    struct durable_bed bed;

    durable_bed_init(&bed, call_child, &code, "in");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_USER);
    cr_assert_str_eq(bed.type, "Custom");
    cr_assert_str_eq(bed.words, "inner words");
    cr_assert_eq(durable_bed_find(&bed, "child")->status, ENGINE_STATUS_FAILED);
    durable_bed_free(&bed);
}

/* A result of n parts, each within the limit. */
static int gather(struct engine_context *c, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    size_t part = 100000;
    char *all = engine_context_memory(c, 3 * part);

    (void)self;
    cr_assert(all);
    for (size_t i = 0; i < 3; i++) {
        struct engine_bytes bytes;

        TRY(engine_step(c, "part", give_bytes, &part, input, NULL, &bytes));
        memcpy(all + i * part, bytes.data, part);
    }
    *out = (struct engine_bytes){all, 3 * part};
    return ENGINE_DONE;
}

static int call_gather(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_child_options options = {.replay_children = *(bool *)self};
    struct engine_bytes all;

    TRY(engine_run_in_child_context(c, "large", gather, NULL, input, &options,
                                    &all));
    TRY(engine_wait(c, "between", S));
    cr_assert_eq(all.size, 300000);
    *out = text("gathered");
    return ENGINE_DONE;
}

Test(engine_workflow, a_large_result_is_rebuilt_from_children_or_refused)
{
    struct durable_bed bed;
    bool rebuild = true;

    durable_bed_init(&bed, call_gather, &rebuild, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(durable_bed_find(&bed, "large")->value_size, 0);
    cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_SUCCEEDED), 4);
    durable_bed_free(&bed);
    rebuild = false;
    durable_bed_init(&bed, call_gather, &rebuild, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_SIZE_LIMIT);
    durable_bed_free(&bed);
}

/* Discipline -------------------------------------------------------------- */

/* Two letters for each call: one before the code was changed, one after. */
struct changing {
    const char *script;
    bool changed;
};

/* b: a step; c: a step and a wait; C: a step, and fails. */
static int box(struct engine_context *c, void *self, struct engine_bytes input,
               struct engine_bytes *out)
{
    const char *what = self;
    struct code code = {0};

    TRY(engine_step(c, "pack", run_code, &code, input, NULL, out));
    if (*what == 'C')
        return engine_fail(c, ENGINE_ERR_USER, "Changed", "changed");
    return *what == 'c' ? engine_wait(c, "inside", S) : ENGINE_DONE;
}

static int change_calls(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    const struct changing *changing = self;
    struct code code = {0};

    for (const char *script = changing->script; *script; script += 2) {
        char what = script[changing->changed];

        if (what == 's')
            TRY(engine_step(c, "charge", run_code, &code, input, NULL, out));
        if (what == 't')
            TRY(engine_step(c, "refund", run_code, &code, input, NULL, out));
        if (what == 'w')
            TRY(engine_wait(c, "cool off", S));
        if (what == 'b' || what == 'c' || what == 'C')
            TRY(engine_run_in_child_context(c, "box", box, &what, input, NULL,
                                            out));
        if (what == '!')
            return engine_fail(c, ENGINE_ERR_USER, "Changed", "changed");
    }
    return ENGINE_DONE;
}

Test(engine_workflow, a_replay_that_differs_names_both_operations)
{
    static const struct {
        const char *script;
        const char *words;
    } rows[] = {
        {"swww", "step \"charge\" was recorded where the handler now calls "
                 "wait \"cool off\""},
        {"stww", "step \"charge\" was recorded where the handler now calls "
                 "step \"refund\""},
        {"ssw.", "wait \"cool off\" was recorded as call 2 of the run "
                 "(operation 2), and the handler now ends without it"},
        {"s.w.", "step \"charge\" was recorded as call 1 of the run "
                 "(operation 1), and the handler now ends without it"},
        {"ssw!", "wait \"cool off\" was recorded as call 2 of the run "
                 "(operation 2), and the handler now fails before it: changed"},
        {"s!w.", "step \"charge\" was recorded as call 1 of the run "
                 "(operation 1), and the handler now fails before it: changed"},
        {"b!w.", "child context \"box\" was recorded as call 1 of the run "
                 "(operation 1), and the handler now fails before it: changed"},
        {"cCw.", "wait \"inside\" was recorded as call 2 of child context "
                 "\"box\" (operation 3), and the handler now fails before it: "
                 "changed"},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct changing changing = {.script = rows[i].script};
        struct durable_bed bed;

        durable_bed_init(&bed, change_calls, &changing, "");
        run_to(&bed, DURABLE_PARKED, 1);
        changing.changed = true;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
        cr_expect_eq(bed.error, ENGINE_ERR_NONDETERMINISTIC);
        cr_expect_str_eq(bed.words, rows[i].words);
        durable_bed_free(&bed);
    }
}

/* Calls a step more each time, and from the third call on one less. */
static int lose_the_thread(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    struct code code = {0};
    uint32_t *calls = self;

    ++*calls;
    TRY(engine_step(c, "one", run_code, &code, input, NULL, out));
    if (*calls >= 3)
        return engine_fail(c, ENGINE_ERR_USER, "Lost", "lost");
    return engine_step(c, "two", run_code, &code, input, NULL, out);
}

Test(engine_workflow, a_handler_that_changes_within_an_invocation_is_found_out)
{
    struct durable_bed bed;
    uint32_t calls = 0;

    durable_bed_init(&bed, lose_the_thread, &calls, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.invocation, 1);
    cr_expect_eq(bed.error, ENGINE_ERR_NONDETERMINISTIC);
    cr_expect_str_eq(
        bed.words, "step \"two\" was recorded as call 2 of the run "
                   "(operation 2), and the handler now fails before it: lost");
    durable_bed_free(&bed);
}

static int ignore_flow(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes ignored;

    cr_assert_neq(engine_wait(c, "first", S), ENGINE_BROKEN);
    (void)engine_step(c, "second", run_code, self, input, NULL, &ignored);
    *out = text("ended");
    return ENGINE_DONE;
}

Test(engine_workflow, a_handler_that_ignores_suspension_does_no_harm)
{
    struct code code = {0};
    struct durable_bed bed;

    durable_bed_init(&bed, ignore_flow, &code, "");
    run_to(&bed, DURABLE_PARKED, 1);
    cr_assert_eq(code.runs, 0);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(code.runs, 1);
    durable_bed_free(&bed);
}

static int mistake_flow(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    if (engine_wait(c, "first", S))
        return engine_fail(c, ENGINE_ERR_USER, "Mistaken", "not an error");
    *out = text("ended");
    return ENGINE_DONE;
}

Test(engine_workflow, a_handler_cannot_fail_for_having_to_wait)
{
    struct durable_bed bed;

    durable_bed_init(&bed, mistake_flow, NULL, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    durable_bed_free(&bed);
}

static int overlap(struct engine_context *c, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    int first;
    int second;

    engine_context_overlap(c);
    first = engine_wait(c, "first", 5 * S);
    second = engine_wait(c, "second", 7 * S);
    TRY(first);
    TRY(second);
    return engine_step(c, "both", run_code, self, input, NULL, out);
}

Test(engine_workflow, operations_of_a_context_that_overlaps_run_side_by_side)
{
    for (int sync = 0; sync < 2; sync++) {
        struct code code = {0};
        struct durable_bed bed;

        durable_bed_init(&bed, overlap, &code, "");
        bed.sync = sync;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_assert_eq(bed.now_ns - DURABLE_START_NS, 7 * S);
        durable_bed_free(&bed);
    }
}

/* first waits and then fails; second was recorded while first was open. */
static int overlap_and_fail(struct engine_context *c, void *self,
                            struct engine_bytes input, struct engine_bytes *out)
{
    struct code code = {0};
    int flow;

    (void)self;
    engine_context_overlap(c);
    flow = engine_wait(c, "first", S);
    if (!flow)
        return engine_fail(c, ENGINE_ERR_USER, "Early", "had enough");
    (void)engine_step(c, "second", run_code, &code, input, NULL, out);
    return flow;
}

Test(engine_workflow, a_context_that_overlaps_may_fail_before_it_has_met_all)
{
    struct durable_bed bed;

    durable_bed_init(&bed, overlap_and_fail, NULL, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect(durable_bed_find(&bed, "second"));
    cr_expect_eq(bed.error, ENGINE_ERR_USER);
    cr_expect_str_eq(bed.words, "had enough");
    durable_bed_free(&bed);
}

/* Says that it has no memory once it has waited. */
static int wait_then_starve(struct engine_context *c, void *self,
                            struct engine_bytes input, struct engine_bytes *out)
{
    const bool *starves = self;

    (void)input;
    (void)out;
    TRY(engine_wait(c, "first", S));
    if (*starves)
        return engine_fail(c, ENGINE_ERR_OOM, NULL, "none left");
    return engine_wait(c, "second", S);
}

Test(engine_workflow, a_handler_without_memory_says_that_and_nothing_else)
{
    bool starves = false;
    struct durable_bed bed;

    durable_bed_init(&bed, wait_then_starve, &starves, "");
    while (!durable_bed_find(&bed, "second"))
        cr_assert(durable_bed_step(&bed));
    starves = true;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.error, ENGINE_ERR_OOM);
    durable_bed_free(&bed);
}

static int overlap_and_ignore(struct engine_context *c, void *self,
                              struct engine_bytes input,
                              struct engine_bytes *out)
{
    (void)self;
    (void)input;
    engine_context_overlap(c);
    (void)engine_wait(c, "first", 5 * S);
    (void)engine_wait(c, "second", 7 * S);
    *out = text("ended");
    return ENGINE_DONE;
}

Test(engine_workflow, a_context_that_overlaps_is_not_over_while_one_is_open)
{
    struct durable_bed bed;

    durable_bed_init(&bed, overlap_and_ignore, NULL, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, 7 * S);
    durable_bed_free(&bed);
}

static int step_in_step(struct engine_attempt *a, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_context **c = self;

    (void)a;
    (void)input;
    (void)out;
    (void)engine_wait(*c, "inside", S);
    return ENGINE_DONE;
}

static int call_step_in_step(struct engine_context *c, void *self,
                             struct engine_bytes input,
                             struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "outer", step_in_step, &c, input, NULL, out);
}

Test(engine_workflow, an_operation_inside_a_step_fails_the_run)
{
    struct durable_bed bed;

    durable_bed_init(&bed, call_step_in_step, NULL, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_VALIDATION);
    durable_bed_free(&bed);
}

static int name_it(struct engine_context *c, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    struct code code = {0};

    return engine_step(c, self, run_code, &code, input, NULL, out);
}

Test(engine_workflow, names_are_bounded_and_printable)
{
    char name[258];
    struct durable_bed bed;

    memset(name, 'n', sizeof(name));
    name[256] = '\0';
    durable_bed_init(&bed, name_it, name, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    durable_bed_free(&bed);
    name[256] = 'n';
    name[257] = '\0';
    durable_bed_init(&bed, name_it, name, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_SIZE_LIMIT);
    durable_bed_free(&bed);
    memcpy(name, "a\nb", 4);
    durable_bed_init(&bed, name_it, name, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_VALIDATION);
    durable_bed_free(&bed);
}

static int fail_itself(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    return engine_fail(c, ENGINE_ERR_USER, "Mine", "I will not");
}

Test(engine_workflow, a_handler_may_fail_itself)
{
    struct durable_bed bed;

    durable_bed_init(&bed, fail_itself, NULL, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_USER);
    cr_assert_str_eq(bed.type, "Mine");
    cr_assert_str_eq(bed.words, "I will not");
    durable_bed_free(&bed);
}

/* Compensations ----------------------------------------------------------- */

struct saga {
    char undone[128];
    uint32_t failures; /* of each compensation */
    bool in_child;
    bool fails;
    bool keeps_car; /* and does not say how to give it back */
};

static int reserve(struct engine_attempt *a, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)a;
    *out = input;
    return ENGINE_DONE;
}

static int cancel(struct engine_attempt *a, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    struct saga *saga = self;
    size_t used = strlen(saga->undone);

    *out = text("");
    if (engine_attempt_number(a) <= saga->failures)
        return engine_attempt_fail(a, ENGINE_ERR_NETWORK, "busy");
    (void)snprintf(saga->undone + used, sizeof(saga->undone) - used, "%.*s ",
                   (int)input.size, (const char *)input.data);
    return ENGINE_DONE;
}

static int reserve_one(struct engine_context *c, void *self, const char *what)
{
    const struct saga *saga = self;
    bool keeps = saga->keeps_car && strcmp(what, "car") == 0;
    struct engine_step_options options = {.side_effect =
                                              ENGINE_EFFECT_REVERSIBLE,
                                          .compensate = keeps ? NULL : cancel};
    struct engine_bytes ignored;

    return engine_step(c, what, reserve, self, text(what), &options, &ignored);
}

static int reserve_hotel(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    (void)input;
    TRY(reserve_one(c, self, "hotel"));
    TRY(engine_wait(c, "hotel wait", S));
    *out = text("");
    return ENGINE_DONE;
}

static int travel(struct engine_context *c, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    struct saga *saga = self;

    TRY(reserve_one(c, self, "flight"));
    if (saga->in_child)
        TRY(engine_run_in_child_context(c, "child", reserve_hotel, self, input,
                                        NULL, out));
    TRY(engine_wait(c, "think", S));
    TRY(reserve_one(c, self, "car"));
    if (saga->fails)
        return engine_fail(c, ENGINE_ERR_USER, "Closed", "no beds");
    *out = text("booked");
    return ENGINE_DONE;
}

Test(engine_workflow, a_failing_run_undoes_its_reversible_steps_newest_first)
{
    for (int mode = 0; mode < 4; mode++) {
        struct saga saga = {.fails = true, .failures = 2, .in_child = mode & 1};
        struct durable_bed bed;

        durable_bed_init(&bed, travel, &saga, "");
        bed.sync = mode & 2;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
        cr_expect_str_eq(saga.undone,
                         saga.in_child ? "car hotel flight " : "car flight ");
        cr_expect_str_eq(bed.words, "no beds");
        cr_expect_str_eq(bed.type, "Closed");
        cr_expect_eq(durable_bed_find(&bed, "compensate car")->attempt, 3);
        cr_expect_eq(durable_bed_find(&bed, "compensate car")->subtype,
                     ENGINE_SUBTYPE_COMPENSATION);
        durable_bed_free(&bed);
    }
}

Test(engine_workflow, a_run_that_succeeds_undoes_nothing)
{
    struct saga saga = {.in_child = true};
    struct durable_bed bed;

    durable_bed_init(&bed, travel, &saga, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_str_eq(saga.undone, "");
    durable_bed_free(&bed);
}

Test(engine_workflow, a_compensation_is_not_done_twice_after_a_crash)
{
    struct saga saga = {.fails = true, .in_child = true};
    struct durable_bed bed;

    durable_bed_init(&bed, travel, &saga, "");
    while (!durable_bed_find(&bed, "compensate hotel"))
        cr_assert(durable_bed_step(&bed));
    durable_bed_crash_worker(&bed);
    durable_bed_crash_service(&bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_str_eq(saga.undone, "car hotel flight ");
    durable_bed_free(&bed);
}

Test(engine_workflow, a_run_that_undoes_steps_cannot_change_its_mind)
{
    struct saga saga = {.fails = true};
    struct durable_bed bed;

    durable_bed_init(&bed, travel, &saga, "");
    while (!durable_bed_find(&bed, "compensate car"))
        cr_assert(durable_bed_step(&bed));
    durable_bed_crash_worker(&bed);
    saga.fails = false;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.error, ENGINE_ERR_NONDETERMINISTIC);
    cr_expect(strstr(bed.words, "compensation \"compensate car\""), "%s",
              bed.words);
    durable_bed_free(&bed);
}

Test(engine_workflow, a_step_undone_that_no_longer_would_be_is_found_out)
{
    struct saga saga = {.fails = true};
    struct durable_bed bed;

    durable_bed_init(&bed, travel, &saga, "");
    while (!durable_bed_find(&bed, "compensate car"))
        cr_assert(durable_bed_step(&bed));
    durable_bed_crash_worker(&bed);
    saga.keeps_car = true;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.error, ENGINE_ERR_NONDETERMINISTIC);
    cr_expect(strstr(bed.words, "compensation \"compensate car\" was recorded "
                                "as part of the run"),
              "%s", bed.words);
    durable_bed_free(&bed);
}

/* Helpers ----------------------------------------------------------------- */

static int use_helpers(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    struct code code = {0};
    struct engine_bytes ignored;
    char *words = engine_context_memory(c, 128);
    char uuid[37];

    (void)self;
    cr_assert(words);
    engine_log(c, "begins");
    engine_uuid(c, uuid);
    TRY(engine_step(c, "one", run_code, &code, input, NULL, &ignored));
    engine_log(c, "after %d", 1);
    TRY(engine_wait(c, "two", S));
    engine_log(c, "after 2");
    TRY(engine_step(c, "three", run_code, &code, input, NULL, &ignored));
    engine_log(c, "ends");
    (void)snprintf(words, 128, "%s %llu %llu %llu", uuid,
                   (unsigned long long)engine_random(c),
                   (unsigned long long)engine_now(c),
                   (unsigned long long)engine_context_run(c));
    *out = text(words);
    return ENGINE_DONE;
}

Test(engine_workflow, each_line_is_logged_once_however_often_it_is_replayed)
{
    for (int sync = 0; sync < 2; sync++) {
        struct durable_bed bed;

        durable_bed_init(&bed, use_helpers, NULL, "");
        bed.sync = sync;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_expect_str_eq(bed.logged, "begins\nafter 1\nafter 2\nends\n");
        durable_bed_free(&bed);
    }
}

Test(engine_workflow, time_and_random_numbers_are_the_same_in_every_replay)
{
    struct durable_bed once;
    struct durable_bed often;

    durable_bed_init(&once, use_helpers, NULL, "");
    durable_bed_init(&often, use_helpers, NULL, "");
    once.sync = true;
    (void)durable_bed_run(&once);
    for (uint32_t i = 0; durable_bed_step(&often); i++)
        if (i % 4 == 3)
            durable_bed_crash_worker(&often);
    cr_assert_str_eq(durable_bed_result(&once), durable_bed_result(&often));
    cr_assert_eq(durable_bed_result(&once)[14], '4');
    cr_assert(strstr(durable_bed_result(&once), " 1700000000000000000 42"));
    durable_bed_free(&once);
    durable_bed_free(&often);
}

/* Values and budgets ------------------------------------------------------ */

Test(engine_workflow, a_value_that_is_no_json_fails_its_step_at_once)
{
    static const struct {
        const char *result;
        const char *words; /* NULL: it may be stored */
    } cases[] = {
        {"{\"ok\":[1,true]}", NULL},
        {"done", "not JSON at byte 0"},
        {"{\"a\":1,}", "not JSON at byte"},
        {"{\"image\":\"memory://x\"}", "volatile reference memory://x"},
        {"[[\"fd:3\"]]", "volatile reference fd:3"}};

    for (size_t i = 0; i < 2 * (sizeof(cases) / sizeof(cases[0])); i++) {
        const char *expected = cases[i / 2].words;
        struct one_step one = {
            .code = {.result = cases[i / 2].result},
            .options = {.side_effect = ENGINE_EFFECT_IDEMPOTENT,
                        .json = i % 2}};
        struct durable_bed bed;

        durable_bed_init(&bed, call_one_step, &one, "");
        bed.config.json = !(i % 2); /* of the step, or of all */
        cr_assert_eq(durable_bed_run(&bed),
                     expected ? DURABLE_FAILED : DURABLE_SUCCEEDED);
        cr_assert_eq(one.code.runs, 1);
        if (expected) {
            cr_assert_eq(bed.error, ENGINE_ERR_SERIALIZATION);
            cr_assert_not_null(strstr(bed.words, expected), "%s", bed.words);
        }
        durable_bed_free(&bed);
    }
}

static int call_ten_steps(struct engine_context *c, void *self,
                          struct engine_bytes input, struct engine_bytes *out)
{
    struct one_step *one = self;

    for (unsigned i = 0; i < 10; i++)
        if (engine_step(c, "one of ten", run_code, &one->code, input,
                        &one->options, out) == ENGINE_SUSPENDED)
            return ENGINE_SUSPENDED;
    *out = text("over");
    return ENGINE_DONE;
}

Test(engine_workflow, runs_of_one_budget_retry_no_more_than_its_share)
{
    struct engine_budget budget;
    uint32_t calls = 0;

    engine_budget_init(&budget, 200, 2);
    for (unsigned run = 0; run < 5; run++) {
        struct one_step one = {
            .code = {.failures = 100, .error = ENGINE_ERR_NETWORK},
            .options = {.side_effect = ENGINE_EFFECT_IDEMPOTENT}};
        struct durable_bed bed;

        durable_bed_init(&bed, call_ten_steps, &one, "");
        bed.config.budget = &budget;
        bed.sync = run % 2;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        calls += one.code.runs;
        durable_bed_free(&bed);
    }
    cr_assert_eq(budget.firsts, 50);
    /* The first step's share finds the budget full. */
    cr_assert_eq(budget.retries, 2 + 49 / 5);
    cr_assert_eq(calls, 50 + 2 + 49 / 5); /* without it: 300 */
}

static int call_fail_long(struct engine_context *c, void *self,
                          struct engine_bytes input, struct engine_bytes *out)
{
    (void)input;
    (void)out;
    return engine_fail(c, ENGINE_ERR_USER, NULL, self);
}

Test(engine_workflow, of_an_errors_words_a_thousand_characters_are_kept)
{
    char words[2 * 1001 + 1];
    struct durable_bed bed;
    struct one_step one = {
        .code = {.failures = 1, .error = ENGINE_ERR_USER, .message = words}};

    for (unsigned i = 0; i < 1001; i++)
        memcpy(words + 2 * (size_t)i, "\xc3\xa4", 3);
    durable_bed_init(&bed, call_one_step, &one, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(durable_bed_find(&bed, "only")->value_size, 2000);
    durable_bed_free(&bed);
    durable_bed_init(&bed, call_fail_long, words, "");
    while (bed.phase != DURABLE_GO)
        cr_assert(durable_bed_step(&bed));
    cr_assert_eq(engine_replay_go(bed.replay), ENGINE_REPLAY_FAILED);
    struct engine_text type;
    struct engine_text kept;
    cr_assert_eq(engine_replay_error(bed.replay, &type, &kept),
                 ENGINE_ERR_USER);
    cr_assert_eq(kept.size, 2000);
    durable_bed_free(&bed);
}

/* Dies after each move; what was saved is never lost. */
struct long_step {
    uint32_t part;
    uint32_t begun[8];
};

static int go_on_from_progress(struct engine_attempt *a, void *self,
                               struct engine_bytes input,
                               struct engine_bytes *out)
{
    struct long_step *work = self;
    struct engine_bytes before = engine_attempt_progress(a);
    uint32_t part =
        before.size > 0 ? (uint32_t)(*(const char *)before.data - '0') : 0;

    (void)input;
    cr_assert_geq(part, work->part, "what was saved is lost");
    work->part = part;
    if (part < 5) {
        char next = (char)('1' + part);

        work->begun[part]++;
        cr_assert_eq(engine_attempt_save(a, (struct engine_bytes){&next, 1}),
                     0);
        return engine_attempt_fail(a, ENGINE_ERR_NETWORK, "cut");
    }
    *out = engine_attempt_text(a, "whole");
    return ENGINE_DONE;
}

static int call_long_step(struct engine_context *c, void *self,
                          struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_step_options options = {.side_effect =
                                              ENGINE_EFFECT_IDEMPOTENT};

    return engine_step(c, "long", go_on_from_progress, self, input, &options,
                       out);
}

Test(engine_workflow, progress_that_was_saved_outlives_every_crash)
{
    for (unsigned die = 0; die < 80; die++) {
        struct long_step work = {0};
        struct durable_bed bed;

        durable_bed_init(&bed, call_long_step, &work, "");
        bed.sync = die % 2;
        for (unsigned i = 0; i < die / 2; i++)
            (void)durable_bed_step(&bed);
        durable_bed_crash_worker(&bed);
        durable_bed_crash_service(&bed);
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_assert_str_eq(durable_bed_result(&bed), "whole");
        for (unsigned i = 0; i < 5; i++)
            cr_assert_leq(work.begun[i], 2);
        durable_bed_free(&bed);
    }
}
