/*
 * The limits page of a community SDK, sentence by sentence where no other
 * test shows it: waits, sizes, counts, callbacks, branches, at the limit and
 * one beyond, in virtual time.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/durable_bed.h"
#include "tests/support/handler_bed.h"

#define S ENGINE_SECOND
#define DAY (86400 * S)

enum {
    RUN = 5
};

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

static struct engine_bytes text(const char *words)
{
    return engine_text_bytes(words);
}

/* A copy of the words in memory of the handler. */
static struct engine_bytes keep(struct engine_context *c, const char *words)
{
    size_t size = strlen(words);
    char *copy = engine_context_memory(c, size + 1);

    cr_assert(copy);
    memcpy(copy, words, size + 1);
    return (struct engine_bytes){copy, size};
}

/* Operations of the run, without the run itself. */
static uint32_t operations(const struct durable_bed *bed)
{
    return bed->execution.operations.count - 1;
}

/* Waits ------------------------------------------------------------------- */

static int wait_once(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    TRY(engine_wait(c, "pause", *(const uint64_t *)self));
    *out = input;
    return ENGINE_DONE;
}

Test(requirements_001, a_wait_of_each_unit_fires_at_its_second)
{
    static const uint64_t seconds[] = {
        1, 5, 60, 3600, 86400, 604800, 2592000, 15552000, 28512000, 31536000};

    for (size_t i = 0; i < sizeof(seconds) / sizeof(*seconds); i++) {
        uint64_t ns = seconds[i] * S;
        struct durable_bed bed;

        durable_bed_init(&bed, wait_once, &ns, "");
        cr_expect_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_expect_eq(bed.now_ns - DURABLE_START_NS, ns);
        cr_expect_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_FIRED), 1);
        durable_bed_free(&bed);
    }
}

Test(requirements_001, a_wait_of_0_or_of_400_days_is_refused_and_not_logged)
{
    static const uint64_t refused[] = {0, S - 1, 31536001 * S, 400 * DAY};

    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        uint64_t ns = refused[i];
        struct durable_bed bed;

        durable_bed_init(&bed, wait_once, &ns, "");
        cr_expect_eq(durable_bed_run(&bed), DURABLE_FAILED);
        cr_expect_eq(bed.error, ENGINE_ERR_VALIDATION);
        cr_expect(strstr(bed.words, "a wait of"), "%s", bed.words);
        cr_expect_eq(operations(&bed), 0);
        cr_expect_eq(durable_bed_count(&bed, ENGINE_EV_CHECKPOINT), 0);
        durable_bed_free(&bed);
    }
}

Test(requirements_001, what_is_said_of_a_wait_that_is_too_long_has_both_figures)
{
    uint64_t ns = 400 * DAY;
    struct durable_bed bed;

    durable_bed_init(&bed, wait_once, &ns, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert(strstr(bed.words, "34560000"), "%s", bed.words);
    cr_assert(strstr(bed.words, "31536000"), "%s", bed.words);
    durable_bed_free(&bed);
}

/* The time of a run ------------------------------------------------------- */

struct two_waits {
    uint64_t first_ns;
    uint64_t second_ns;
};

static int wait_twice(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    const struct two_waits *waits = self;

    TRY(engine_wait(c, "first", waits->first_ns));
    TRY(engine_wait(c, "second", waits->second_ns));
    *out = input;
    return ENGINE_DONE;
}

/* The day on which a run that may take a year is told its end. */
static uint64_t day_of_end(struct handler_bed *bed, struct two_waits *waits)
{
    const struct engine_handler handler = {"waits", wait_twice, waits};
    uint64_t started;

    handler_bed_open(bed, &handler);
    engine_graph_set_timeout((struct engine_graph *)bed->bed.graphs[0],
                             engine_limits_find("seed-001")->run_max_ns);
    bed->bed.coordinator.limits = engine_limits_find("seed-001");
    bed->bed.coordinator.scan_ns = 3600 * S;
    handler_bed_restart(bed);
    started = bed->bed.now_ns;
    handler_bed_start(bed, 0, RUN, "in");
    while (bed->state == 0 && bed->bed.now_ns - started < 800 * DAY)
        handler_bed_live(bed, DAY / 24);
    return (bed->bed.now_ns - started) / DAY;
}

Test(requirements_001, two_waits_of_200_days_end_with_the_year_of_the_run)
{
    static struct handler_bed bed;
    static char story[4096];
    struct two_waits waits = {200 * DAY, 200 * DAY};

    cr_assert_eq(day_of_end(&bed, &waits), 365);
    cr_assert_eq(bed.state, ENGINE_RUN_TIMED_OUT);
    handler_bed_story(&bed, RUN, story, sizeof(story));
    cr_assert(strstr(story, "operation_fired:1"), "%s", story);
    cr_assert_null(strstr(story, "operation_fired:2"), "%s", story);
    handler_bed_close(&bed);
}

Test(requirements_001, a_wait_of_a_year_after_ten_days_ends_at_day_365)
{
    static struct handler_bed bed;
    struct two_waits waits = {10 * DAY, 365 * DAY};

    cr_assert_eq(day_of_end(&bed, &waits), 365);
    cr_assert_eq(bed.state, ENGINE_RUN_TIMED_OUT);
    handler_bed_close(&bed);
}

/* Sizes ------------------------------------------------------------------- */

/* A result of so many bytes. */
static int give_bytes(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    size_t size = *(const size_t *)self;
    char *bytes = engine_context_memory(c, size);

    (void)input;
    cr_assert(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)('a' + i % 23);
    *out = (struct engine_bytes){bytes, size};
    return ENGINE_DONE;
}

Test(requirements_001, a_result_of_8_mb_comes_whole_through_the_execution)
{
    struct durable_bed bed;
    size_t size = 8000000;

    durable_bed_init(&bed, give_bytes, &size, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_SUCCEEDED), 1);
    cr_assert_eq(bed.result_size, size);
    for (size_t i = 0; i < size; i++)
        cr_assert_eq(bed.result[i], (unsigned char)('a' + i % 23));
    durable_bed_free(&bed);
}

Test(requirements_001,
     a_result_of_7_mb_fails_where_only_the_response_carries_it)
{
    struct durable_bed bed;
    size_t size = 7000000;

    durable_bed_init(&bed, give_bytes, &size, "");
    bed.limits.result_max = bed.limits.response_max;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_str_eq(bed.words,
                     "7000000 bytes, at most 6291456: result of the result");
    cr_assert_eq(bed.invocation, 1);
    durable_bed_free(&bed);
}

static int large_or_key(struct engine_attempt *a, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    char *bytes = engine_attempt_memory(a, 300000);

    (void)self;
    if (input.size > 0) {
        *out = engine_attempt_text(a, "object/7");
        return ENGINE_DONE;
    }
    cr_assert(bytes);
    memset(bytes, 'x', 300000);
    *out = (struct engine_bytes){bytes, 300000};
    return ENGINE_DONE;
}

/* A result that is too large, and by reference what did not fit. */
static int store_by_reference(struct engine_context *c, void *self,
                              struct engine_bytes input,
                              struct engine_bytes *out)
{
    const struct engine_error_info *error;
    int flow = engine_step(c, "inline", large_or_key, self,
                           (struct engine_bytes){0}, NULL, out);

    (void)input;
    if (flow != ENGINE_FAILED_FLOW)
        return flow;
    error = engine_error_of(c);
    if (error->error != ENGINE_ERR_SIZE_LIMIT || error->actual != 300000 ||
        error->maximum != 262144)
        return engine_fail(c, ENGINE_ERR_USER, "", "another error");
    TRY(engine_wait(c, "pause", S));
    return engine_step(c, "reference", large_or_key, self, text("put"), NULL,
                       out);
}

Test(requirements_001,
     a_size_error_that_was_caught_is_the_same_after_each_crash)
{
    for (uint32_t move = 0; move < 16; move++) {
        struct durable_bed bed;

        durable_bed_init(&bed, store_by_reference, NULL, "");
        for (uint32_t i = 0; i < move && durable_bed_step(&bed); i++)
            continue;
        durable_bed_crash_worker(&bed);
        durable_bed_crash_service(&bed);
        cr_expect_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
        cr_expect_str_eq(durable_bed_result(&bed), "object/7");
        cr_expect_eq(operations(&bed), 3);
        durable_bed_free(&bed);
    }
}

Test(requirements_001, an_input_of_262144_bytes_is_a_run_and_one_more_is_none)
{
    static struct handler_bed bed;
    uint64_t second = S;
    const struct engine_handler handler = {"wait", wait_once, &second};
    char *input = malloc(262146);

    cr_assert(input);
    for (size_t size = 262144; size <= 262145; size++) {
        memset(input, 'i', size);
        input[size] = '\0';
        handler_bed_open(&bed, &handler);
        bed.bed.coordinator.limits = engine_limits_find("seed-001");
        handler_bed_restart(&bed);
        handler_bed_start(&bed, 0, RUN, input);
        handler_bed_live(&bed, 60 * S);
        if (size == 262144) {
            cr_expect_eq(bed.state, ENGINE_RUN_SUCCEEDED);
        } else {
            cr_expect_eq(bed.refused.op, ENGINE_ERR_SIZE_LIMIT);
            cr_expect_eq(bed.refused.a, 262145);
            cr_expect_eq(bed.refused.b, 262144);
            cr_expect_eq(handler_bed_state(&bed, RUN), 0);
        }
        handler_bed_close(&bed);
    }
    free(input);
}

/* Counts ------------------------------------------------------------------ */

static int nothing(struct engine_attempt *a, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    *out = engine_attempt_text(a, "");
    return ENGINE_DONE;
}

static int many_steps(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    for (uint32_t i = 0; i < *(const uint32_t *)self; i++)
        TRY(engine_step(c, "step", nothing, NULL, input, NULL, out));
    *out = keep(c, "all");
    return ENGINE_DONE;
}

/* Looks where a run said that it neared a limit: after so many operations. */
static uint32_t warned_at(const struct durable_bed *bed, uint32_t times[2])
{
    uint32_t warnings = 0;
    uint32_t done = 0;

    for (size_t at = 8; at < bed->log.size;) {
        const struct engine_item *event = (const void *)(bed->log.bytes + at);

        done += event->kind == ENGINE_EV_OPERATION_SUCCEEDED;
        if (event->kind == ENGINE_EV_LIMIT_NEAR && warnings < 2)
            times[warnings] = done;
        warnings += event->kind == ENGINE_EV_LIMIT_NEAR;
        at += engine_item_span(event->size);
    }
    return warnings;
}

Test(requirements_001, a_run_has_25000_operations_and_is_warned_twice)
{
    uint32_t count = 25000;
    uint32_t times[2] = {0};
    struct durable_bed bed;

    durable_bed_init(&bed, many_steps, &count, "");
    bed.sync = true;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_assert_eq(operations(&bed), 25000);
    cr_assert_eq(warned_at(&bed, times), 2);
    cr_assert_eq(times[0], 20000);
    cr_assert_eq(times[1], 23750);
    durable_bed_free(&bed);
    count++;
    durable_bed_init(&bed, many_steps, &count, "");
    bed.sync = true;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_eq(operations(&bed), 25000);
    durable_bed_free(&bed);
}

static int empty(struct engine_context *c, void *self,
                 struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    *out = keep(c, "");
    return ENGINE_DONE;
}

/* So many of each of five kinds, side by side, and one step more if asked. */
struct mixture {
    uint32_t of_each;
    bool one_more;
};

static int mix(struct engine_context *c, void *self, struct engine_bytes input,
               struct engine_bytes *out)
{
    const struct mixture *mixture = self;
    struct engine_callback callback;
    int flow = ENGINE_DONE;

    engine_context_overlap(c);
    for (uint32_t i = 0; i < mixture->of_each; i++) {
        if ((flow = engine_step(c, "s", nothing, NULL, input, NULL, out)) < 0 ||
            (flow = engine_wait(c, "w", DAY)) < 0 ||
            (flow = engine_create_callback(c, "c", NULL, &callback)) < 0 ||
            (flow = engine_invoke(c, "i", "other", input, NULL, out)) < 0 ||
            (flow = engine_run_in_child_context(c, "x", empty, NULL, input,
                                                NULL, out)) < 0)
            return flow;
    }
    if (mixture->one_more && (flow = engine_step(c, "one more", nothing, NULL,
                                                 input, NULL, out)) < 0)
        return flow;
    return ENGINE_SUSPENDED;
}

Test(requirements_001, steps_waits_callbacks_invokes_and_contexts_count_alike)
{
    struct mixture mixture = {.of_each = 5000};
    struct durable_bed bed;

    durable_bed_init(&bed, mix, &mixture, "");
    bed.sync = true;
    while (bed.phase != DURABLE_PARKED)
        cr_assert(durable_bed_step(&bed), "%s", bed.words);
    cr_assert_eq(operations(&bed), 25000);
    durable_bed_free(&bed);
    mixture.one_more = true;
    durable_bed_init(&bed, mix, &mixture, "");
    bed.sync = true;
    while (bed.phase != DURABLE_PARKED && bed.phase != DURABLE_FAILED)
        cr_assert(durable_bed_step(&bed));
    cr_assert_eq(bed.phase, DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_eq(operations(&bed), 25000);
    durable_bed_free(&bed);
}

/* Maps -------------------------------------------------------------------- */

struct mapping {
    uint32_t count;
    size_t size; /* of an item */
    struct engine_batch_options options;
    uint32_t taken; /* items that a branch's first attempt saw */
    uint32_t open_max;
};

static int one_step(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    return engine_step(c, "step", nothing, self, input, NULL, out);
}

static int map_items(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    struct mapping *mapping = self;
    char *bytes = engine_context_memory(c, mapping->size);
    struct engine_bytes *items =
        engine_context_memory(c, mapping->count * sizeof(*items));
    struct engine_batch batch;

    (void)input;
    cr_assert(bytes && items);
    memset(bytes, 'i', mapping->size);
    for (uint32_t i = 0; i < mapping->count; i++)
        items[i] = (struct engine_bytes){bytes, mapping->size};
    TRY(engine_map(c, "map", items, mapping->count, one_step, NULL,
                   &mapping->options, &batch));
    mapping->taken = batch.count;
    *out = keep(c, "mapped");
    return ENGINE_DONE;
}

static uint32_t operations_of(struct mapping *mapping, uint64_t most)
{
    struct durable_bed bed;
    uint32_t count;

    durable_bed_init(&bed, map_items, mapping, "");
    bed.limits.operations_max = most;
    bed.sync = true;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    count = operations(&bed);
    durable_bed_free(&bed);
    return count;
}

Test(requirements_001, a_map_of_25000_makes_50001_operations_in_batches_501)
{
    struct mapping singly = {.count = 25000, .size = 1};
    struct mapping batched = {
        .count = 25000, .size = 1, .options = {.items_per_batch = 100}};

    cr_assert_eq(operations_of(&singly, 60000), 50001);
    cr_assert_eq(operations_of(&batched, 25000), 501);
}

Test(requirements_001,
     a_thousand_items_are_ten_batches_and_3000_bytes_batch_by_87)
{
    struct mapping hundreds = {
        .count = 1000, .size = 1, .options = {.items_per_batch = 100}};
    struct mapping large = {
        .count = 870, .size = 3000, .options = {.bytes_per_batch = 262144}};

    cr_assert_eq(operations_of(&hundreds, 25000), 21);
    cr_assert_eq(hundreds.taken, 10);
    operations_of(&large, 25000);
    cr_assert_eq(large.taken, 10);
    large.count++;
    operations_of(&large, 25000);
    cr_assert_eq(large.taken, 11);
}

/* A branch that is open for a second. */
static int step_and_wait(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    TRY(engine_step(c, "step", nothing, self, input, NULL, out));
    return engine_wait(c, "pause", S);
}

static int map_slowly(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    struct mapping *mapping = self;
    struct engine_bytes *items =
        engine_context_memory(c, mapping->count * sizeof(*items));
    struct engine_batch batch;

    cr_assert(items);
    for (uint32_t i = 0; i < mapping->count; i++)
        items[i] = input;
    TRY(engine_map(c, "map", items, mapping->count, step_and_wait, NULL,
                   &mapping->options, &batch));
    mapping->taken = batch.succeeded;
    *out = keep(c, "mapped");
    return ENGINE_DONE;
}

Test(requirements_001, ten_of_a_thousand_branches_are_open_whoever_dies)
{
    struct mapping mapping = {.count = 1000,
                              .options = {.max_concurrency = 10}};
    struct durable_bed bed;
    uint32_t crashes = 0;
    uint32_t most = 0;

    durable_bed_init(&bed, map_slowly, &mapping, "in");
    for (uint32_t move = 1; durable_bed_step(&bed); move++) {
        if (bed.execution.branches > most)
            most = bed.execution.branches;
        if (move % 41 == 0 && crashes < 20) {
            durable_bed_crash_worker(&bed);
            durable_bed_crash_service(&bed);
            crashes++;
        }
    }
    cr_assert_eq(bed.phase, DURABLE_SUCCEEDED, "%s", bed.words);
    cr_assert_eq(crashes, 20);
    cr_assert_eq(most, 10);
    cr_assert_eq(mapping.taken, 1000);
    /* Each branch, its step and its wait once, and the map. */
    cr_assert_eq(operations(&bed), 3001);
    durable_bed_free(&bed);
}

/* Callbacks --------------------------------------------------------------- */

static int await_callback(struct engine_context *c, void *self,
                          struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_callback callback;

    (void)input;
    TRY(engine_create_callback(c, "callback", self, &callback));
    return engine_callback_result(c, &callback, out);
}

static void open_parked(struct durable_bed *bed,
                        struct engine_callback_options *options)
{
    durable_bed_init(bed, await_callback, options, "");
    while (bed->phase != DURABLE_PARKED)
        cr_assert(durable_bed_step(bed), "%s", bed->words);
}

Test(requirements_001, a_callback_may_wait_a_year_and_not_a_second_longer)
{
    struct engine_callback_options year = {.timeout_ns = 31536000 * S};
    struct engine_callback_options longer = {.timeout_ns = 31536001 * S};
    struct durable_bed bed;

    durable_bed_init(&bed, await_callback, &year, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_TIMED_OUT);
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, year.timeout_ns);
    durable_bed_free(&bed);
    durable_bed_init(&bed, await_callback, &longer, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_VALIDATION);
    cr_assert_eq(operations(&bed), 0);
    durable_bed_free(&bed);
}

Test(requirements_001, an_answer_a_second_before_24_hours_wins)
{
    struct engine_callback_options day = {.timeout_ns = DAY};
    struct durable_bed bed;

    for (uint64_t early = 0; early < 2; early++) {
        open_parked(&bed, &day);
        bed.now_ns = DURABLE_START_NS + DAY - early * S;
        if (early)
            durable_bed_signal(&bed, ENGINE_SIG_CALLBACK_SUCCEED, 1, 0, "", 0,
                               "yes");
        cr_assert_eq(durable_bed_run(&bed),
                     early ? DURABLE_SUCCEEDED : DURABLE_FAILED);
        cr_assert_eq(bed.now_ns - DURABLE_START_NS, DAY - early * S);
        cr_assert_str_eq(durable_bed_result(&bed), early ? "yes" : "(none)");
        durable_bed_free(&bed);
    }
}

Test(requirements_001, a_callback_of_30_days_fires_once_over_daily_restarts)
{
    struct engine_callback_options month = {.timeout_ns = 30 * DAY};
    struct durable_bed bed;

    open_parked(&bed, &month);
    for (int day = 1; day < 30; day++) {
        bed.now_ns = DURABLE_START_NS + (uint64_t)day * DAY;
        durable_bed_crash_service(&bed);
        cr_assert_gt(engine_execution_due(&bed.execution), bed.now_ns);
    }
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_TIMED_OUT);
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, 30 * DAY);
    cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_TIMED_OUT), 1);
    durable_bed_free(&bed);
}
