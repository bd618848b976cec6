/*
 * What a workflow runner's list of open issues asks for, where no other test
 * shows it: attempts that are counted in the log, errors with their class and
 * words, checkpoints inside long steps, values above a threshold.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/failure.h"
#include "engine/value.h"
#include "tests/support/durable_bed.h"
#include "tests/support/engine_bed.h"

#define S ENGINE_SECOND

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

/* Attempts ---------------------------------------------------------------- */

struct flaky {
    uint32_t failures; /* attempts that fail, from the first */
    uint32_t runs;
    uint32_t seen[8]; /* the number that each attempt was given */
    uint32_t error;
    struct engine_step_options options;
};

static int fail_first(struct engine_attempt *a, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    struct flaky *flaky = self;

    (void)input;
    cr_assert_lt(flaky->runs, 8);
    flaky->seen[flaky->runs++] = engine_attempt_number(a);
    if (engine_attempt_number(a) <= flaky->failures)
        return engine_attempt_fail(a, flaky->error, "not yet");
    *out = engine_attempt_text(a, "done");
    return ENGINE_DONE;
}

static int call_flaky(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    struct flaky *flaky = self;

    return engine_step(c, "flaky", fail_first, self, input, &flaky->options,
                       out);
}

/* The attempts that the log's events of the step carry, "1 2 3". */
static const char *logged_attempts(const struct durable_bed *bed, char *out,
                                   size_t room)
{
    size_t used = 0;

    *out = '\0';
    for (size_t at = 8; at < bed->log.size;) {
        const struct engine_item *event = (const void *)(bed->log.bytes + at);

        at += engine_item_span(event->size);
        if (event->op == 1 && (event->kind == ENGINE_EV_OPERATION_RETRY ||
                               event->kind == ENGINE_EV_OPERATION_SUCCEEDED))
            used += (size_t)snprintf(out + used, room - used, "%s%u",
                                     used ? " " : "", event->attempt);
        cr_assert_lt(used, room);
    }
    return out;
}

Test(requirements_002, a_step_that_fails_three_times_logs_attempts_1_to_4)
{
    struct engine_retry retry = engine_retry_fixed(6, S);
    struct flaky flaky = {
        .failures = 3,
        .error = ENGINE_ERR_NETWORK,
        .options = {.side_effect = ENGINE_EFFECT_READ_ONLY, .retry = &retry}};
    struct durable_bed bed;
    char line[64];

    durable_bed_init(&bed, call_flaky, &flaky, "");
    while (durable_bed_step(&bed))
        durable_bed_crash_service(&bed); /* each count is from the log */
    cr_assert_eq(bed.phase, DURABLE_SUCCEEDED);
    cr_assert_eq(flaky.runs, 4);
    for (uint32_t i = 0; i < 4; i++)
        cr_assert_eq(flaky.seen[i], i + 1);
    cr_assert_str_eq(logged_attempts(&bed, line, sizeof(line)), "1 2 3 4");
    durable_bed_free(&bed);
}

Test(requirements_002, an_attempt_that_was_begun_is_counted_after_a_crash)
{
    struct engine_retry retry = engine_retry_fixed(3, S);
    struct flaky flaky = {.options = {.side_effect = ENGINE_EFFECT_IDEMPOTENT,
                                      .semantics = ENGINE_AT_MOST_ONCE,
                                      .retry = &retry}};
    struct durable_bed bed;

    durable_bed_init(&bed, call_flaky, &flaky, "");
    /* Handed in and not committed: nothing has begun, so it is attempt 1. */
    while (bed.phase != DURABLE_COMMIT)
        cr_assert(durable_bed_step(&bed));
    durable_bed_crash_worker(&bed);
    while (flaky.runs == 0)
        cr_assert(durable_bed_step(&bed));
    cr_assert_eq(flaky.seen[0], 1);
    /* Committed as begun: what follows is attempt 2. */
    durable_bed_crash_worker(&bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(flaky.runs, 2);
    cr_assert_eq(flaky.seen[1], 2);
    durable_bed_free(&bed);
}

Test(requirements_002, out_of_memory_is_tried_three_times_after_1_to_60_s)
{
    struct flaky flaky = {.failures = UINT32_MAX,
                          .error = ENGINE_ERR_OOM,
                          .options = {.side_effect = ENGINE_EFFECT_IDEMPOTENT}};
    uint64_t before = DURABLE_START_NS;
    uint32_t runs = 1;
    struct durable_bed bed;

    durable_bed_init(&bed, call_flaky, &flaky, "");
    while (durable_bed_step(&bed))
        if (flaky.runs > runs) {
            cr_expect(bed.now_ns - before >= S &&
                      bed.now_ns - before <= 60 * S);
            before = bed.now_ns;
            runs = flaky.runs;
        }
    cr_assert_eq(bed.phase, DURABLE_FAILED);
    cr_assert_eq(flaky.runs, 3);
    durable_bed_free(&bed);
}

/* Errors ------------------------------------------------------------------ */

enum {
    LETTERS = 10000,
    LETTER_BYTES = 2 * LETTERS
};

static int fail_at_length(struct engine_attempt *a, void *self,
                          struct engine_bytes input, struct engine_bytes *out)
{
    char *words = engine_attempt_memory(a, LETTER_BYTES + 1);

    (void)self;
    (void)input;
    (void)out;
    cr_assert(words);
    for (uint32_t i = 0; i < LETTERS; i++)
        memcpy(words + 2 * (size_t)i, "\xc3\xa4", 2);
    words[LETTER_BYTES] = '\0';
    return engine_attempt_fail(a, ENGINE_ERR_USER, words);
}

static int call_failing(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    return engine_step(c, "long", fail_at_length, self, input, NULL, out);
}

Test(requirements_002, of_10000_letters_of_two_bytes_1000_whole_ones_are_kept)
{
    const struct engine_op_entry *entry;
    struct durable_bed bed;

    durable_bed_init(&bed, call_failing, NULL, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    entry = durable_bed_find(&bed, "long");
    cr_assert(entry && entry->status == ENGINE_STATUS_FAILED);
    cr_assert_eq(entry->error, ENGINE_ERR_USER);
    cr_assert_eq(entry->value_size, 2 * ENGINE_ERROR_TEXT_MAX);
    for (uint32_t i = 0; i < ENGINE_ERROR_TEXT_MAX; i++)
        cr_assert_eq(
            memcmp((char *)entry->value + 2 * (size_t)i, "\xc3\xa4", 2), 0);
    durable_bed_free(&bed);
}

/* Checkpoints inside a step ----------------------------------------------- */

struct long_work {
    uint32_t minutes; /* done, by all attempts together */
    uint32_t dies_at; /* minute of the first attempt's death; 0: never */
    uint32_t resumed; /* where the second attempt began */
};

static int work_an_hour(struct engine_attempt *a, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    struct long_work *work = self;
    struct engine_bytes saved = engine_attempt_progress(a);
    uint32_t minute = 0;

    (void)input;
    if (saved.size == sizeof(minute))
        memcpy(&minute, saved.data, sizeof(minute));
    if (engine_attempt_number(a) > 1)
        work->resumed = minute;
    for (; minute < 60; minute++) {
        const uint32_t done = minute + 1;

        work->minutes++;
        if (engine_attempt_number(a) == 1 && done == work->dies_at)
            return engine_attempt_fail(a, ENGINE_ERR_INTERRUPTED, "cut off");
        cr_assert_eq(
            engine_attempt_save(a, (struct engine_bytes){&done, sizeof(done)}),
            0);
    }
    *out = engine_attempt_text(a, "an hour");
    return ENGINE_DONE;
}

static int call_work(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_step_options options = {.side_effect =
                                              ENGINE_EFFECT_IDEMPOTENT};

    return engine_step(c, "work", work_an_hour, self, input, &options, out);
}

Test(requirements_002, work_that_saves_each_minute_repeats_at_most_one)
{
    struct long_work work = {.dies_at = 37};
    struct durable_bed bed;

    durable_bed_init(&bed, call_work, &work, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_assert_eq(work.resumed, 36);
    cr_assert_eq(work.minutes, 61);
    durable_bed_free(&bed);
}

/* Values ------------------------------------------------------------------ */

enum {
    RUN = 5,
    COORDINATOR = BED_MACHINE,
    WORKER = BED_MACHINE + 1
};

static struct engine_bed bed;

/* An attempt of a step is under way at a worker of profile inline-1mb. */
static struct engine_graph *open_executing(void)
{
    const struct engine_node step = engine_bed_step("only");
    struct engine_graph *graph = engine_bed_chain(&step, 1);
    struct engine_store_limits limits = engine_bed_limits();

    limits.op_payload_max = 2000000;
    limits.request_max = 4000000;
    limits.blob_max = 4000000;
    engine_bed_open(&bed, graph, &limits);
    bed.worker.inline_max =
        (uint32_t)engine_limits_find("inline-1mb")->inline_max;
    engine_bed_coordinator(&bed, COORDINATOR);
    engine_bed_wake(&bed, COORDINATOR);
    engine_bed_start(&bed, COORDINATOR, RUN);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CREATE), ENGINE_COMMITTED);
    engine_bed_lose_all(&bed);
    engine_bed_worker(&bed, WORKER);
    engine_bed_tell(&bed, WORKER, ENGINE_MSG_DISPATCH, RUN, 0, 1);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CLAIM), ENGINE_COMMITTED);
    return graph;
}

/* How the worker stores an output of so many letters. */
static uint32_t kind_stored(const char *letter, uint32_t letters)
{
    struct engine_graph *graph = open_executing();
    size_t width = strlen(letter);
    char *bytes = malloc(width * letters);
    unsigned char *out = malloc(engine_value_span((uint32_t)(width * letters)));
    struct engine_bed_post *post;
    const struct engine_request *finish;
    const struct engine_item *output;
    size_t size;
    uint32_t kind;

    cr_assert(bytes && out);
    for (size_t i = 0; i < width * letters; i++)
        bytes[i] = letter[i % width];
    size = engine_value_write(out, ENGINE_VALUE_INLINE, bytes,
                              (uint32_t)(width * letters));
    engine_bed_ended(&bed, WORKER, 0, 0, out, (uint32_t)size);
    post = engine_bed_request_post(&bed, ENGINE_REQ_FINISH);
    if (!post) { /* the blob is durable before the row that names it */
        cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_PUT_BLOB),
                     ENGINE_COMMITTED);
        post = engine_bed_request_post(&bed, ENGINE_REQ_FINISH);
    }
    cr_assert(post);
    finish = engine_bed_request(post);
    output = engine_item_first(finish, sizeof(*finish));
    kind = engine_value_at(engine_item_payload(output), output->size, 0)->kind;
    free(bytes);
    free(out);
    engine_bed_close(&bed);
    engine_graph_free(graph);
    return kind;
}

Test(requirements_002, a_million_bytes_stay_inline_and_one_more_becomes_a_blob)
{
    cr_assert_eq(kind_stored("x", 1000000), ENGINE_VALUE_INLINE);
    cr_assert_eq(kind_stored("x", 1000001), ENGINE_VALUE_BLOB);
}

Test(requirements_002, the_threshold_counts_bytes_and_not_letters)
{
    cr_assert_eq(kind_stored("\xc3\xa4", 500000), ENGINE_VALUE_INLINE);
    cr_assert_eq(kind_stored("\xc3\xa4", 600000), ENGINE_VALUE_BLOB);
}
