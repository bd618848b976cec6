#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "engine/random.h"
#include "tests/support/durable_bed.h"

#define S ENGINE_SECOND

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

/* A machine without a service --------------------------------------------- */

struct counting {
    uint32_t calls; /* of the handler */
    uint32_t runs;  /* of code */
    uint32_t steps;
    size_t size; /* of each result */
    bool host;   /* code is left to the host */
    uint64_t timeout_ns;
};

static int make(struct engine_attempt *a, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    struct counting *counting = self;
    char *bytes = engine_attempt_memory(a, counting->size + 1);

    (void)input;
    counting->runs++;
    if (counting->host) {
        engine_attempt_tag(a, counting->runs);
        return ENGINE_SUSPENDED;
    }
    if (!bytes)
        return engine_attempt_fail(a, ENGINE_ERR_OOM, "no memory");
    memset(bytes, 'x', counting->size);
    *out = (struct engine_bytes){bytes, counting->size};
    return ENGINE_DONE;
}

static int make_them(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    struct counting *counting = self;
    struct engine_step_options options = {
        .attempt_timeout_ns = counting->timeout_ns,
        .side_effect = ENGINE_EFFECT_IDEMPOTENT};

    counting->calls++;
    for (uint32_t i = 0; i < counting->steps; i++)
        TRY(engine_step(c, "make", make, self, input, &options, out));
    return ENGINE_DONE;
}

static int make_side_by_side(struct engine_context *c, void *self,
                             struct engine_bytes input,
                             struct engine_bytes *out)
{
    struct counting *counting = self;
    struct engine_bytes ignored;
    int open = ENGINE_DONE;

    (void)out;
    counting->calls++;
    engine_context_overlap(c);
    for (uint32_t i = 0; i < counting->steps; i++) {
        int flow = engine_step(c, "make", make, self, input, NULL, &ignored);

        if (flow)
            open = flow;
    }
    return open;
}

static const struct engine_limits *limits(void)
{
    return engine_limits_find("seed-001");
}

static struct engine_replay *new_replay(const struct engine_handler *handler,
                                        const struct engine_limits *l)
{
    const struct engine_replay_config config = {
        .handler = handler, .limits = l, .run = 1, .input = {"in", 2}};
    struct engine_replay *replay = engine_replay_new(&config);

    cr_assert(replay);
    return replay;
}

/* Updates in the batch that is next. */
static uint32_t next_count(struct engine_replay *replay, size_t *size_out)
{
    size_t size;
    const void *items = engine_replay_updates(replay, &size);
    uint32_t count = 0;

    for (size_t at = 0; at < size; count++) {
        const struct engine_item *item =
            (const void *)((const unsigned char *)items + at);

        cr_assert_eq(item->type, ENGINE_ITEM_UPDATE);
        at += engine_item_span(item->size);
    }
    *size_out = size;
    return count;
}

Test(engine_replay, the_handler_is_not_called_while_updates_are_queued)
{
    struct counting counting = {.steps = 3};
    const struct engine_handler handler = {"h", make_them, &counting};
    struct engine_replay *replay = new_replay(&handler, limits());
    const void *first;
    size_t size;

    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    cr_assert_eq(counting.runs, 1);
    cr_assert_eq(next_count(replay, &size), 1);
    first = engine_replay_updates(replay, &size);
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    cr_assert_eq(engine_replay_updates(replay, &size), first);
    cr_assert_eq(counting.calls, 1);
    engine_replay_persisted(replay);
    cr_assert_null(engine_replay_updates(replay, &size));
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    cr_assert_eq(counting.calls, 2);
    cr_assert_eq(counting.runs, 2);
    engine_replay_free(replay);
}

Test(engine_replay, an_optimistic_handler_goes_on_before_steps_are_durable)
{
    struct counting counting = {.steps = 3};
    const struct engine_handler handler = {"h", make_them, &counting};
    const struct engine_replay_config config = {
        .handler = &handler, .limits = limits(), .run = 1, .optimistic = true};
    struct engine_replay *replay = engine_replay_new(&config);
    size_t size;

    cr_assert(replay);
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    cr_assert_eq(counting.runs, 3);
    cr_assert_eq(next_count(replay, &size), 3);
    engine_replay_persisted(replay);
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_SUCCEEDED);
    cr_assert_eq(counting.calls, 1);
    engine_replay_free(replay);
}

Test(engine_replay, a_batch_is_never_larger_than_the_profile_allows)
{
    struct engine_limits l = *limits();
    struct counting counting = {.steps = 40, .size = 100};
    const struct engine_handler handler = {"h", make_side_by_side, &counting};
    struct engine_replay *replay;
    uint32_t updates = 0;
    uint32_t batches = 0;
    uint32_t count;
    size_t size;

    l.batch_max = 1000;
    l.batch_updates_max = 4;
    replay = new_replay(&handler, &l);
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    while ((count = next_count(replay, &size)) > 0) {
        cr_assert_leq(size, 1000);
        cr_assert_leq(count, 4);
        updates += count;
        batches++;
        engine_replay_persisted(replay);
    }
    cr_assert_eq(updates, 40);
    cr_assert_eq(batches, 10);
    engine_replay_free(replay);
}

Test(engine_replay, a_batch_closes_before_it_overflows)
{
    struct counting counting = {.steps = 3, .size = 262144};
    const struct engine_handler handler = {"h", make_side_by_side, &counting};
    struct engine_replay *replay = new_replay(&handler, limits());
    uint32_t counts[3] = {0};
    uint32_t batches = 0;
    uint32_t count;
    size_t size;

    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    while ((count = next_count(replay, &size)) > 0) {
        counts[batches++] = count;
        engine_replay_persisted(replay);
    }
    cr_assert_eq(batches, 2);
    cr_assert_eq(counts[0], 2); /* 786,432 bytes are more than 768,000 */
    cr_assert_eq(counts[1], 1);
    engine_replay_free(replay);
}

Test(engine_replay, damaged_items_are_refused)
{
    struct counting counting = {.steps = 1};
    const struct engine_handler handler = {"h", make_them, &counting};
    struct engine_replay *replay = new_replay(&handler, limits());
    struct engine_item item = {.type = ENGINE_ITEM_OPERATION, .size = 8};

    cr_assert_eq(engine_replay_load(replay, &item, 10), -2);
    cr_assert_eq(engine_replay_load(replay, &item, sizeof(item)), -2);
    item.size = 0;
    cr_assert_eq(engine_replay_load(replay, &item, sizeof(item)), -2);
    item.type = ENGINE_ITEM_EVENT;
    cr_assert_eq(engine_replay_load(replay, &item, sizeof(item)), -2);
    engine_replay_free(replay);
}

Test(engine_replay, a_refused_batch_fails_the_run_with_the_reason)
{
    struct counting counting = {.steps = 1};
    const struct engine_handler handler = {"h", make_them, &counting};
    struct engine_replay *replay = new_replay(&handler, limits());
    struct engine_text type;
    struct engine_text words;
    size_t size;

    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    cr_assert(engine_replay_updates(replay, &size));
    engine_replay_refused(replay, ENGINE_ERR_SIZE_LIMIT, "too many", 8);
    cr_assert_null(engine_replay_updates(replay, &size));
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_FAILED);
    cr_assert_eq(engine_replay_error(replay, &type, &words),
                 ENGINE_ERR_SIZE_LIMIT);
    cr_assert_eq(words.size, 8);
    cr_assert_eq(memcmp(words.text, "too many", 8), 0);
    cr_assert_eq(type.size, 0);
    engine_replay_free(replay);
}

/* Steps of the host ------------------------------------------------------- */

Test(engine_replay, a_step_left_to_the_host_is_handed_out_once)
{
    struct counting counting = {.steps = 1, .host = true, .timeout_ns = 5 * S};
    const struct engine_handler handler = {"h", make_them, &counting};
    struct engine_replay *replay = new_replay(&handler, limits());
    struct engine_replay_step step;
    struct engine_replay_step none;
    struct engine_bytes output = {"out", 3};
    size_t size;

    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    cr_assert(engine_replay_next_step(replay, &step));
    cr_assert_not(engine_replay_next_step(replay, &none));
    cr_assert_eq(step.tag, 1);
    cr_assert_eq(step.timeout_ns, 5 * S);
    cr_assert_eq(step.attempt, 1);
    cr_assert_eq(step.input.size, 2);
    cr_assert_eq(engine_replay_running(replay), 1);
    /* It may be repeated: nobody needs to know that it began. */
    cr_assert_null(engine_replay_updates(replay, &size));
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    cr_assert_eq(counting.runs, 1);
    cr_assert_not(engine_replay_next_step(replay, &none));
    cr_assert_eq(engine_replay_progress(replay, step.operation, output), 0);
    cr_assert_eq(next_count(replay, &size), 2); /* with its START */
    engine_replay_persisted(replay);
    cr_assert_eq(engine_replay_ended(replay, step.operation, ENGINE_ERR_NONE,
                                     false, output),
                 0);
    cr_assert_eq(engine_replay_progress(replay, step.operation, output), -1);
    cr_assert_eq(engine_replay_running(replay), 0);
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    while (engine_replay_updates(replay, &size))
        engine_replay_persisted(replay);
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_SUCCEEDED);
    cr_assert_eq(engine_replay_result(replay).size, 3);
    cr_assert_eq(counting.runs, 1);
    engine_replay_free(replay);
}

static void end_with_network(void *self, const struct engine_replay_step *step,
                             uint32_t *error, struct engine_bytes *output)
{
    uint32_t *jobs = self;

    ++*jobs;
    if (step->attempt > 2)
        return;
    *error = ENGINE_ERR_NETWORK;
    *output = engine_text_bytes("line cut");
}

Test(engine_replay, a_step_that_fails_on_the_host_is_tried_again)
{
    struct counting counting = {.steps = 1, .host = true};
    struct durable_bed bed;
    uint32_t jobs = 0;

    durable_bed_init(&bed, make_them, &counting, "in");
    bed.job = end_with_network;
    bed.job_self = &jobs;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(jobs, 3);
    cr_assert_str_eq(durable_bed_result(&bed), "in");
    durable_bed_free(&bed);
}

static int suspend(struct engine_attempt *a, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    (void)a;
    (void)self;
    (void)input;
    (void)out;
    return ENGINE_SUSPENDED;
}

static int suspend_in_step(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "left alone", suspend, NULL, input, NULL, out);
}

Test(engine_replay, a_step_that_nobody_is_to_end_breaks_the_run)
{
    struct durable_bed bed;

    durable_bed_init(&bed, suspend_in_step, NULL, "in");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.error, ENGINE_ERR_VALIDATION);
    cr_expect_str_eq(bed.words, "a step's code is suspended and has no tag to "
                                "be ended by");
    durable_bed_free(&bed);
}

static int tag_poll(struct engine_attempt *a, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    engine_attempt_tag(a, 1);
    return ENGINE_SUSPENDED;
}

static int poll_on_host(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_wait_for_condition(c, "poll", tag_poll, NULL, input, NULL,
                                     out);
}

static void hold_at_three(void *self, const struct engine_replay_step *step,
                          uint32_t *error, struct engine_bytes *output)
{
    static const char state[] = "sss";

    (void)self;
    if (step->attempt < 3)
        *error = ENGINE_ERR_PENDING;
    cr_assert_eq(step->input.size, step->attempt - 1);
    *output = (struct engine_bytes){state, step->attempt};
}

Test(engine_replay, a_condition_may_be_polled_by_the_host)
{
    struct durable_bed bed;

    durable_bed_init(&bed, poll_on_host, NULL, "");
    bed.job = hold_at_three;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
    cr_assert_str_eq(durable_bed_result(&bed), "sss");
    durable_bed_free(&bed);
}

/* Persisting from within -------------------------------------------------- */

struct disk {
    struct engine_replay *replay;
    uint32_t writes;
    bool broken;
};

static int write_disk(void *self, const void *updates, size_t size)
{
    struct disk *disk = self;

    (void)updates;
    (void)size;
    disk->writes++;
    return disk->broken ? -1 : 0;
}

Test(engine_replay, updates_that_cannot_be_persisted_stay_queued)
{
    struct counting counting = {.steps = 3};
    const struct engine_handler handler = {"h", make_them, &counting};
    struct disk disk = {.broken = true};
    const struct engine_replay_config config = {.handler = &handler,
                                                .limits = limits(),
                                                .run = 1,
                                                .persist = write_disk,
                                                .self = &disk};
    struct engine_replay *replay = engine_replay_new(&config);
    size_t size;

    cr_assert(replay);
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_WORKING);
    cr_assert_eq(disk.writes, 1);
    cr_assert_eq(next_count(replay, &size), 1);
    disk.broken = false;
    cr_assert_eq(engine_replay_go(replay), ENGINE_REPLAY_SUCCEEDED);
    cr_assert_eq(disk.writes, 1 + 1 + 2);
    cr_assert_eq(counting.runs, 3);
    cr_assert_eq(counting.calls, 2);
    engine_replay_free(replay);
}

static int some_of_each(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    struct counting *counting = self;
    struct engine_callback callback;

    TRY(engine_step(c, "one", make, counting, input, NULL, out));
    TRY(engine_create_callback(c, "callback", NULL, &callback));
    TRY(engine_run_in_child_context(c, "child", make_them, counting, input,
                                    NULL, out));
    TRY(engine_wait(c, "wait", S));
    return engine_step(c, "last", make, counting, input, NULL, out);
}

Test(engine_replay, both_ways_to_persist_leave_the_same_log)
{
    char stories[2][1024];

    for (int sync = 0; sync < 2; sync++) {
        struct counting counting = {.steps = 2, .size = 3};
        struct durable_bed bed;

        durable_bed_init(&bed, some_of_each, &counting, "");
        bed.sync = sync;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_assert_eq(counting.runs, 4);
        (void)durable_bed_story(&bed, stories[sync], sizeof(stories[sync]));
        durable_bed_free(&bed);
    }
    cr_assert_str_eq(stories[0], stories[1]);
    cr_assert_str_eq(stories[0],
                     "succeeded one; started callback; started child; "
                     "succeeded make; succeeded make; succeeded child; started "
                     "wait; fired wait; succeeded last");
}

/* Results ----------------------------------------------------------------- */

static int give_size(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    size_t size = *(size_t *)self;
    void *bytes = engine_context_memory(c, size);

    (void)input;
    cr_assert(bytes);
    memset(bytes, 'r', size);
    *out = (struct engine_bytes){bytes, size};
    return ENGINE_DONE;
}

Test(engine_replay, a_result_above_the_response_goes_through_the_execution)
{
    for (size_t more = 0; more < 2; more++) {
        struct durable_bed bed;
        size_t size;

        durable_bed_init(&bed, give_size, &size, "");
        size = bed.limits.response_max + more;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
        cr_assert_eq(bed.result_size, size);
        cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_SUCCEEDED),
                     more);
        durable_bed_free(&bed);
    }
}

Test(engine_replay, a_result_above_the_largest_fails_the_run)
{
    struct durable_bed bed;
    size_t size = 2001;

    durable_bed_init(&bed, give_size, &size, "");
    bed.limits.response_max = 1000;
    bed.limits.result_max = 2000;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_SIZE_LIMIT);
    cr_assert_str_eq(bed.words,
                     "2001 bytes, at most 2000: result of the result");
    durable_bed_free(&bed);
}

Test(engine_replay, a_large_result_survives_a_crash_before_it_is_answered)
{
    struct durable_bed bed;
    size_t size = 1500;

    durable_bed_init(&bed, give_size, &size, "");
    bed.limits.response_max = 1000;
    while (bed.phase != DURABLE_ANSWER)
        cr_assert(durable_bed_step(&bed));
    durable_bed_crash_worker(&bed);
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(bed.result_size, size);
    cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_SUCCEEDED), 1);
    durable_bed_free(&bed);
}

/* Handlers made of a seed ------------------------------------------------- */

/*
 * Each place in the tree is known by its path from the root, and all that
 * happens there is drawn from it; so a handler is the same in each replay, and
 * a step's result in each attempt.
 */
struct forest {
    struct engine_stream stream;
    struct durable_bed *bed;
    uint32_t running; /* begun and not seen to end, for at most once */
    bool twice;       /* an attempt of such a step was begun twice */
    struct {
        struct engine_hash key;
        uint32_t attempt;
    } begun[4096];
    uint32_t begun_count;
};

struct place {
    struct forest *forest;
    uint64_t path;
    uint32_t depth;
};

static uint64_t draw(const struct place *place, uint64_t what, uint64_t n)
{
    return engine_draw_below(&place->forest->stream, place->path * 64 + what,
                             n);
}

static struct place below(const struct place *place, uint64_t n)
{
    return (struct place){place->forest, place->path * 31 + n + 1,
                          place->depth + 1};
}

static void note_begin(struct forest *forest, const struct engine_attempt *a)
{
    struct engine_hash key = engine_attempt_key(a);
    uint32_t attempt = engine_attempt_number(a);

    for (uint32_t i = 0; i < forest->begun_count; i++)
        if (engine_hash_equal(forest->begun[i].key, key) &&
            forest->begun[i].attempt == attempt)
            forest->twice = true;
    cr_assert_lt(forest->begun_count, 4096);
    forest->begun[forest->begun_count].key = key;
    forest->begun[forest->begun_count++].attempt = attempt;
}

static int plant(struct engine_attempt *a, void *self,
                 struct engine_bytes input, struct engine_bytes *out)
{
    const struct place *place = self;
    char *words = engine_attempt_memory(a, 32);

    (void)input;
    cr_assert(words);
    if (draw(place, 1, 2))
        note_begin(place->forest, a);
    if (draw(place, 2, 8) == 0)
        return engine_attempt_fail_as(a, ENGINE_ERR_USER, "Dead", "dead", false,
                                      0);
    if (engine_attempt_number(a) <= draw(place, 3, 4))
        return engine_attempt_fail(a, ENGINE_ERR_NETWORK, "rain");
    if (draw(place, 4, 3) == 0) {
        engine_attempt_tag(a, 1);
        return ENGINE_SUSPENDED;
    }
    *out = (struct engine_bytes){
        words, (size_t)snprintf(words, 32, "%llx",
                                (unsigned long long)draw(place, 5, 1 << 20))};
    return ENGINE_DONE;
}

static int grow_poll(struct engine_attempt *a, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    const struct place *place = self;
    char *words = engine_attempt_memory(a, input.size + 1);

    cr_assert(words);
    memcpy(words, input.data, input.size);
    words[input.size] = 'p';
    *out = (struct engine_bytes){words, input.size + 1};
    return input.size > draw(place, 6, 3) ? ENGINE_DONE : ENGINE_SUSPENDED;
}

static int grow(struct engine_context *c, void *self, struct engine_bytes input,
                struct engine_bytes *out);

static int grow_step(struct engine_context *c, struct place *place,
                     struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_retry patient = engine_retry_fixed(100, S);
    struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT,
        .semantics =
            draw(place, 1, 2) ? ENGINE_AT_MOST_ONCE : ENGINE_AT_LEAST_ONCE,
        .retry = &patient};

    return engine_step(c, "step", plant, place, input, &options, out);
}

static int grow_batch(struct engine_context *c, struct place *place,
                      struct engine_bytes input, struct engine_bytes *out)
{
    uint32_t count = (uint32_t)draw(place, 7, 5);
    struct engine_branch *branches =
        engine_context_memory(c, (count + 1) * sizeof(*branches));
    struct place *places =
        engine_context_memory(c, (count + 1) * sizeof(*places));
    struct engine_batch_options options = {
        .max_concurrency = (uint32_t)draw(place, 8, 3),
        .completion = {.tolerate = true, .tolerated_share_milli = 1000}};
    struct engine_batch batch;
    char *words = engine_context_memory(c, 128);

    cr_assert(branches && places && words);
    for (uint32_t i = 0; i < count; i++) {
        places[i] = below(place, i);
        branches[i] = (struct engine_branch){"branch", grow, &places[i], input};
    }
    TRY(engine_parallel(c, "batch", branches, count, &options, &batch));
    *out = (struct engine_bytes){
        words,
        (size_t)snprintf(words, 128, "%u/%u", batch.succeeded, batch.failed)};
    for (uint32_t i = 0; i < batch.count; i++)
        out->size +=
            (size_t)snprintf(words + out->size, 128 - out->size, " %.*s",
                             batch.branches[i].value.size > 12
                                 ? 12
                                 : (int)batch.branches[i].value.size,
                             (const char *)batch.branches[i].value.data);
    return ENGINE_DONE;
}

static int grow_callback(struct engine_context *c, struct place *place,
                         struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_retry patient = engine_retry_fixed(100, S);
    struct engine_step_options options = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT,
        .semantics =
            draw(place, 1, 2) ? ENGINE_AT_MOST_ONCE : ENGINE_AT_LEAST_ONCE,
        .retry = &patient};
    struct engine_callback_options callback = {.timeout_ns = 10000 * S};

    (void)input;
    return engine_wait_for_callback(c, "callback", plant, place, &options,
                                    &callback, out);
}

static int grow_one(struct engine_context *c, struct place *place,
                    struct engine_bytes input, struct engine_bytes *out)
{
    uint64_t kind = draw(place, 0, place->depth < 3 ? 7 : 4);

    switch (kind) {
    case 0:
        *out = engine_text_bytes("");
        return engine_wait(c, "wait", (1 + draw(place, 9, 5)) * S);
    case 1:
        return engine_wait_for_condition(c, "condition", grow_poll, place,
                                         input, NULL, out);
    case 2:
    case 3:
        return grow_step(c, place, input, out);
    case 4:
        return grow_batch(c, place, input, out);
    case 5:
        return engine_run_in_child_context(c, "child", grow, place, input, NULL,
                                           out);
    default:
        return grow_callback(c, place, input, out);
    }
}

/* A few operations in a row; the last one that succeeds gives the result. */
static int grow(struct engine_context *c, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    const struct place *place = self;
    uint64_t count = (place->depth ? 1 : 8) + draw(place, 10, 4);
    int last = ENGINE_DONE;

    *out = engine_text_bytes("");
    for (uint64_t i = 0; i < count; i++) {
        struct place *next = engine_context_memory(c, sizeof(*next));
        struct engine_bytes result;

        cr_assert(next);
        *next = below(place, 8 + i);
        last = grow_one(c, next, input, &result);
        if (last == ENGINE_SUSPENDED || last == ENGINE_BROKEN)
            return last;
        if (!last)
            *out = result;
    }
    return last;
}

static void fail_some_jobs(void *self, const struct engine_replay_step *step,
                           uint32_t *error, struct engine_bytes *output)
{
    (void)self;
    if (step->id.lo % 3 == 0 && step->attempt == 1)
        *error = ENGINE_ERR_NETWORK;
    *output = engine_text_bytes("job");
}

enum mode {
    ASYNC,
    SYNC,
    COLLECTING,
    OPTIMISTIC,
    OPTIMISTIC_SYNC,
    OPTIMISTIC_COLLECTING,
    MODES
};

struct world {
    struct durable_bed bed;
    struct forest forest;
    struct place root;
};

static void plant_world(struct world *world, uint64_t seed, enum mode mode)
{
    memset(world, 0, sizeof(*world));
    engine_stream_init(&world->forest.stream, seed, "test/forest", 0);
    world->root = (struct place){.forest = &world->forest, .path = 1};
    world->forest.bed = &world->bed;
    durable_bed_init(&world->bed, grow, &world->root, "i");
    world->bed.job = fail_some_jobs;
    world->bed.sync = mode == SYNC || mode == OPTIMISTIC_SYNC;
    world->bed.collects = mode == COLLECTING || mode == OPTIMISTIC_COLLECTING;
    world->bed.config.optimistic = mode >= OPTIMISTIC;
}

static bool same_text(const void *a, size_t a_size, const void *b,
                      size_t b_size)
{
    return a_size == b_size && (a_size == 0 || memcmp(a, b, a_size) == 0);
}

/* Every operation of one run ended in the other in the same way. */
static void compare(const struct world *a, const struct world *b, uint64_t seed)
{
    const struct engine_operations *x = &a->bed.execution.operations;
    const struct engine_operations *y = &b->bed.execution.operations;

    cr_assert_eq(x->count, y->count, "seed %llu", (unsigned long long)seed);
    for (uint32_t i = 1; i < x->count; i++) {
        const struct engine_op_entry *one = &x->entries[i];
        const struct engine_op_entry *other =
            engine_operations_find(y, one->id);

        cr_assert(other, "seed %llu", (unsigned long long)seed);
        cr_assert_eq(one->status, other->status, "seed %llu: %.*s",
                     (unsigned long long)seed, (int)one->name.size,
                     one->name.text);
        cr_assert(same_text(one->value, one->value_size, other->value,
                            other->value_size),
                  "seed %llu: %.*s", (unsigned long long)seed,
                  (int)one->name.size, one->name.text);
    }
    cr_assert_eq(a->bed.phase, b->bed.phase);
    cr_assert_str_eq(durable_bed_result(&a->bed), durable_bed_result(&b->bed));
    cr_assert_str_eq(a->bed.words, b->bed.words);
}

/* No operation ended twice, and none began twice. */
static void check_log(const struct world *world)
{
    const struct durable_bed *bed = &world->bed;
    uint32_t count = bed->execution.operations.count;
    uint8_t *ends = calloc(count, 1);

    cr_assert(ends);
    for (size_t at = 8; at < bed->log.size;) {
        const struct engine_item *event = (const void *)(bed->log.bytes + at);

        at += engine_item_span(event->size);
        if (event->kind == ENGINE_EV_OPERATION_SUCCEEDED ||
            event->kind == ENGINE_EV_OPERATION_FAILED ||
            event->kind == ENGINE_EV_OPERATION_FIRED ||
            event->kind == ENGINE_EV_OPERATION_TIMED_OUT)
            cr_assert_eq(ends[event->op]++, 0);
    }
    for (uint32_t i = 1; i < count; i++)
        cr_assert(ends[i] == 1 || bed->execution.operations.entries[i].orphan);
    free(ends);
    cr_assert_not(world->forest.twice);
}

Test(engine_replay, random_handlers_end_the_same_in_all_modes)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct world *plain = malloc(sizeof(*plain));
        struct world *other = malloc(sizeof(*other));

        cr_assert(plain && other);
        plant_world(plain, seed, ASYNC);
        (void)durable_bed_run(&plain->bed);
        check_log(plain);
        for (int mode = SYNC; mode < MODES; mode++) {
            plant_world(other, seed, (enum mode)mode);
            (void)durable_bed_run(&other->bed);
            check_log(other);
            compare(plain, other, seed);
            durable_bed_free(&other->bed);
        }
        durable_bed_free(&plain->bed);
        free(plain);
        free(other);
    }
}

/* Lets worker and service die with a chance before each move. */
static void run_dying(struct world *world, uint64_t seed, uint32_t chance)
{
    struct engine_stream fate;
    uint64_t move = 0;

    engine_stream_init(&fate, seed, "test/fate", chance);
    for (; durable_bed_step(&world->bed); move++) {
        cr_assert_lt(move, 100000);
        if (engine_draw_below(&fate, 2 * move, chance) == 0)
            durable_bed_crash_worker(&world->bed);
        if (engine_draw_below(&fate, 2 * move + 1, chance) == 0)
            durable_bed_crash_service(&world->bed);
    }
}

Test(engine_replay, random_handlers_end_the_same_whoever_dies_and_when)
{
    for (uint64_t seed = 1; seed <= 150; seed++) {
        struct world *plain = malloc(sizeof(*plain));
        struct world *dying = malloc(sizeof(*dying));

        cr_assert(plain && dying);
        plant_world(plain, seed, ASYNC);
        (void)durable_bed_run(&plain->bed);
        for (int mode = ASYNC; mode < MODES; mode++) {
            plant_world(dying, seed, (enum mode)mode);
            run_dying(dying, seed, 4 + (uint32_t)mode * 5);
            check_log(dying);
            compare(plain, dying, seed);
            durable_bed_free(&dying->bed);
        }
        durable_bed_free(&plain->bed);
        free(plain);
        free(dying);
    }
}

/* Bad times --------------------------------------------------------------- */

/* Memory that runs out after so many more allocations. */
struct purse {
    uint32_t left;
};

static void *spend(void *self, void *old, size_t size)
{
    struct purse *purse = self;

    if (size == 0) {
        free(old);
        return NULL;
    }
    if (purse->left == 0)
        return NULL;
    purse->left--;
    return realloc(old, size);
}

/* Goes on as long as anything can be done; what is queued counts as durable. */
static enum engine_replay_state drive(struct engine_replay *replay)
{
    enum engine_replay_state state;

    for (uint32_t i = 0;; i++) {
        struct engine_replay_step step;
        size_t size;

        cr_assert_lt(i, 1000);
        state = engine_replay_go(replay);
        if (state != ENGINE_REPLAY_WORKING)
            return state;
        while (engine_replay_updates(replay, &size))
            engine_replay_persisted(replay);
        while (engine_replay_next_step(replay, &step))
            if (engine_replay_ended(replay, step.operation, 0, false,
                                    (struct engine_bytes){"out", 3}))
                return ENGINE_REPLAY_FAILED;
    }
}

static int many_kinds(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    struct counting *counting = self;
    const struct engine_branch branches[] = {{"a", make_them, counting, input},
                                             {"b", make_them, counting, input}};
    struct engine_batch batch;
    struct engine_bytes message;
    bool end;

    TRY(engine_step(c, "one", make, counting, input, NULL, out));
    TRY(engine_all(c, "all", branches, 2, &batch));
    TRY(engine_send(c, 99, "edge", input, 1));
    TRY(engine_wait(c, "wait", S));
    return engine_receive(c, "edge", &message, &end);
}

Test(engine_replay, a_replay_without_memory_says_so_and_nothing_else)
{
    uint32_t ended = 0;

    for (uint32_t left = 0; left < 100; left++) {
        struct counting counting = {.steps = 20, .size = 300};
        struct purse purse = {left};
        const struct engine_memory memory = {spend, &purse};
        const struct engine_handler handler = {"h", many_kinds, &counting};
        const struct engine_replay_config config = {.memory = &memory,
                                                    .handler = &handler,
                                                    .limits = limits(),
                                                    .run = 1};
        struct engine_replay *replay = engine_replay_new(&config);
        struct engine_text type;
        struct engine_text words;

        if (replay && drive(replay) == ENGINE_REPLAY_FAILED)
            cr_assert_eq(engine_replay_error(replay, &type, &words),
                         ENGINE_ERR_OOM);
        else if (replay)
            ended++;
        engine_replay_free(replay);
    }
    cr_assert_gt(ended, 10);
    cr_assert_lt(ended, 90);
}

Test(engine_replay, damaged_state_does_no_harm)
{
    struct counting counting = {.steps = 2, .size = 3};
    const struct engine_handler handler = {"h", many_kinds, &counting};
    struct engine_block page = {0};
    struct durable_bed bed;
    uint32_t marker;

    durable_bed_init(&bed, many_kinds, &counting, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_PARKED);
    cr_assert(engine_block_begin(&page, 8));
    cr_assert_eq(
        engine_execution_page(&bed.execution, 0, 1 << 16, &page, &marker), 0);
    cr_assert_gt(page.size, 500);
    for (size_t at = 8; at < page.size; at++)
        for (unsigned bit = 1; bit < 256; bit *= 4) {
            struct engine_replay *replay = new_replay(&handler, limits());

            page.bytes[at] = (unsigned char)(page.bytes[at] ^ bit);
            if (engine_replay_load(replay, page.bytes + 8, page.size - 8) == 0)
                (void)drive(replay);
            page.bytes[at] = (unsigned char)(page.bytes[at] ^ bit);
            engine_replay_free(replay);
        }
    engine_block_free(&page);
    durable_bed_free(&bed);
}
