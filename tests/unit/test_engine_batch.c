#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/durable_bed.h"

#define S ENGINE_SECOND

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

enum {
    ITEMS_MAX = 16
};

/* What the branches of one test do: branch i as script[i] says. */
struct script {
    const char *script;
    struct engine_batch_options options;
    uint32_t runs[ITEMS_MAX]; /* of each branch's step */
    uint32_t largest;         /* bytes of each result; 0: its input */
    enum engine_batch_reason reason;
    uint32_t calls; /* of the handler after the batch */
    char undone[64];
};

static int copy_input(struct engine_attempt *a, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    struct script *script = self;
    size_t size = script->largest ? script->largest : input.size;
    char *bytes = engine_attempt_memory(a, size);

    cr_assert(bytes);
    memset(bytes, *(const char *)input.data, size);
    *out = (struct engine_bytes){bytes, size};
    script->runs[*(const char *)input.data - 'a']++;
    return ENGINE_DONE;
}

static int undo(struct engine_attempt *a, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    struct script *script = self;
    size_t used = strlen(script->undone);

    (void)a;
    (void)out;
    script->undone[used] = *(const char *)input.data;
    return ENGINE_DONE;
}

/*
 * s: a step; f: fails; w: a step, a wait of a second, and then; W: the same
 * with ten seconds; F: fails after ten; u: a step that can be undone, then a
 * wait; U: the same, then fails; v: a wait, then a step that can be undone.
 */
static int run_branch(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    struct script *script = self;
    struct engine_step_options reversible = {
        .side_effect = ENGINE_EFFECT_REVERSIBLE, .compensate = undo};
    char what = script->script[*(const char *)input.data - 'a'];
    bool undone = what == 'u' || what == 'U' || what == 'v';

    if (what == 'f')
        return engine_fail(c, ENGINE_ERR_USER, "Bad", "branch failed");
    if (what == 'v')
        TRY(engine_wait(c, "before", S));
    TRY(engine_step(c, "copy", copy_input, self, input,
                    undone ? &reversible : NULL, out));
    if (what != 's' && what != 'v')
        TRY(engine_wait(c, "pause", what == 'w' || what == 'U' ? S : 10 * S));
    if (what == 'F' || what == 'U')
        return engine_fail(c, ENGINE_ERR_USER, "Late", "failed late");
    return ENGINE_DONE;
}

/* The items a, b, c.. in memory of the handler. */
static struct engine_bytes *make_items(struct engine_context *c, uint32_t count)
{
    struct engine_bytes *items =
        engine_context_memory(c, (count + 1) * sizeof(*items));

    cr_assert(items);
    for (uint32_t i = 0; i < count; i++) {
        char *letter = engine_context_memory(c, 1);

        cr_assert(letter);
        *letter = (char)('a' + i);
        items[i] = (struct engine_bytes){letter, 1};
    }
    return items;
}

/* "a=a;b!Bad;c~;d-;": values, errors, cancelled, not started. */
static struct engine_bytes describe(struct engine_context *c,
                                    const struct engine_batch *batch)
{
    char *words = engine_context_memory(c, 1024);
    size_t used = 0;

    cr_assert(words);
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct engine_branch_result *branch = &batch->branches[i];

        words[used++] = (char)('a' + i % 26);
        switch (branch->status) {
        case ENGINE_BRANCH_SUCCEEDED:
            used += (size_t)snprintf(
                words + used, 16, "=%.*s",
                branch->value.size < 10 ? (int)branch->value.size : 1,
                (const char *)branch->value.data);
            break;
        case ENGINE_BRANCH_FAILED:
            used += (size_t)snprintf(words + used, 16, "!%.*s",
                                     (int)branch->error.type.size,
                                     branch->error.type.text);
            break;
        case ENGINE_BRANCH_CANCELLED:
            words[used++] = '~';
            break;
        default:
            words[used++] = '-';
        }
        words[used++] = ';';
    }
    return (struct engine_bytes){words, used};
}

/* A batch and, when it is over, a wait, so that it is also met in a replay. */
static int finish(struct engine_context *c, struct script *script, int flow,
                  const struct engine_batch *batch, struct engine_bytes *out)
{
    if (flow == ENGINE_SUSPENDED || flow == ENGINE_BROKEN)
        return flow;
    TRY(engine_wait(c, "after", S));
    if (!batch)
        return flow;
    script->reason = batch->reason;
    *out = describe(c, batch);
    return flow;
}

static int map_them(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    struct script *script = self;
    uint32_t count = (uint32_t)strlen(script->script);
    struct engine_batch batch;
    int flow = engine_map(c, "map", make_items(c, count), count, run_branch,
                          script, &script->options, &batch);

    (void)input;
    return finish(c, script, flow, &batch, out);
}

static enum durable_phase run_map(struct durable_bed *bed,
                                  struct script *script)
{
    durable_bed_init(bed, map_them, script, "");
    return durable_bed_run(bed);
}

Test(engine_batch, a_map_gives_its_results_in_the_order_of_its_items)
{
    struct script script = {.script = "wsWs"};
    struct durable_bed bed;

    cr_assert_eq(run_map(&bed, &script), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "a=a;b=b;c=c;d=d;");
    cr_assert_eq(script.reason, ENGINE_ALL_COMPLETED);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(script.runs[i], 1);
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, 11 * S);
    /* The map, its iterations, a step in each, two waits, and one after. */
    cr_assert_eq(bed.execution.operations.count - 1, 1 + 4 + 4 + 2 + 1);
    durable_bed_free(&bed);
}

Test(engine_batch, a_map_of_nothing_is_over_at_once)
{
    struct script script = {.script = ""};
    struct durable_bed bed;

    cr_assert_eq(run_map(&bed, &script), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "");
    cr_assert_eq(script.reason, ENGINE_ALL_COMPLETED);
    durable_bed_free(&bed);
}

Test(engine_batch, no_more_branches_are_open_than_may_be)
{
    struct script script = {.script = "wwwwwwww",
                            .options = {.max_concurrency = 3}};
    struct durable_bed bed;
    uint32_t most = 0;

    durable_bed_init(&bed, map_them, &script, "");
    bed.limits.concurrency_max = 3; /* more would be refused */
    while (durable_bed_step(&bed))
        if (bed.execution.branches > most)
            most = bed.execution.branches;
    cr_assert_eq(bed.phase, DURABLE_SUCCEEDED);
    cr_assert_eq(most, 3);
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, 4 * S);
    durable_bed_free(&bed);
}

Test(engine_batch, a_completion_policy_decides_when_a_map_is_over)
{
    static const struct {
        const char *script;
        struct engine_completion completion;
        enum durable_phase phase;
        const char *result;
        enum engine_batch_reason reason;
    } rows[] = {
        {"ssss",
         {.min_successful = 2},
         DURABLE_SUCCEEDED,
         "a=a;b=b;c-;d-;",
         ENGINE_MIN_SUCCESSFUL_REACHED},
        {"fsfs",
         {.min_successful = 2},
         DURABLE_SUCCEEDED,
         "a!Bad;b=b;c!Bad;d=d;",
         ENGINE_MIN_SUCCESSFUL_REACHED},
        {"ffs",
         {.min_successful = 2},
         DURABLE_FAILED,
         "(none)",
         ENGINE_ALL_COMPLETED},
        {"sfss",
         {0},
         DURABLE_FAILED,
         "(none)",
         ENGINE_FAILURE_TOLERANCE_EXCEEDED},
        {"ffs",
         {.tolerate = true, .tolerated_failures = 1},
         DURABLE_FAILED,
         "(none)",
         ENGINE_FAILURE_TOLERANCE_EXCEEDED},
        {"fss",
         {.tolerate = true, .tolerated_failures = 1},
         DURABLE_SUCCEEDED,
         "a!Bad;b=b;c=c;",
         ENGINE_ALL_COMPLETED},
        {"fsss",
         {.tolerate = true, .tolerated_share_milli = 250},
         DURABLE_SUCCEEDED,
         "a!Bad;b=b;c=c;d=d;",
         ENGINE_ALL_COMPLETED},
        {"ffss",
         {.tolerate = true, .tolerated_share_milli = 250},
         DURABLE_FAILED,
         "(none)",
         ENGINE_FAILURE_TOLERANCE_EXCEEDED},
        {"fff",
         {.tolerate = true, .tolerated_failures = 3},
         DURABLE_SUCCEEDED,
         "a!Bad;b!Bad;c!Bad;",
         ENGINE_ALL_COMPLETED},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (int sync = 0; sync < 2; sync++) {
            struct script script = {
                .script = rows[i].script,
                .options = {.completion = rows[i].completion,
                            .max_concurrency = 1}};
            struct durable_bed bed;

            durable_bed_init(&bed, map_them, &script, "");
            bed.sync = sync;
            cr_expect_eq(durable_bed_run(&bed), rows[i].phase, "row %zu", i);
            cr_expect_str_eq(durable_bed_result(&bed), rows[i].result);
            cr_expect_eq(script.reason, rows[i].reason, "row %zu", i);
            if (bed.phase == DURABLE_FAILED)
                cr_expect_str_eq(bed.type, "Bad");
            cr_expect_eq(durable_bed_find(&bed, "map")->status,
                         ENGINE_STATUS_SUCCEEDED);
            durable_bed_free(&bed);
        }
}

Test(engine_batch, branches_open_at_the_end_are_cancelled)
{
    struct script script = {.script = "WsWw",
                            .options = {.completion = {.min_successful = 2}}};
    struct durable_bed bed;

    cr_assert_eq(run_map(&bed, &script), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "a~;b=b;c~;d=d;");
    cr_assert_eq(bed.now_ns - DURABLE_START_NS, 2 * S);
    durable_bed_free(&bed);
}

Test(engine_batch, a_result_is_the_same_whoever_dies_and_when)
{
    for (uint32_t large = 0; large < 2; large++)
        for (uint32_t at = 1; at < 40; at++) {
            struct script script = {
                .script = "WsfwF",
                .largest = large ? 150000 : 0,
                .options = {.completion = {.min_successful = 2}}};
            struct durable_bed bed;

            durable_bed_init(&bed, map_them, &script, "");
            for (uint32_t i = 0; i < at && durable_bed_step(&bed); i++)
                ;
            durable_bed_crash_worker(&bed);
            durable_bed_crash_service(&bed);
            cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s",
                         bed.words);
            cr_assert_str_eq(durable_bed_result(&bed), "a~;b=b;c!Bad;d=d;e~;");
            durable_bed_free(&bed);
        }
}

Test(engine_batch, results_too_large_for_a_summary_stay_in_their_branches)
{
    struct script script = {.script = "ssww", .largest = 100000};
    struct durable_bed bed;

    cr_assert_eq(run_map(&bed, &script), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "a=a;b=b;c=c;d=d;");
    cr_assert(durable_bed_find(&bed, "map")->options &
              ENGINE_OPTION_REPLAY_CHILDREN);
    cr_assert_lt(durable_bed_find(&bed, "map")->value_size, 100);
    for (int i = 0; i < 4; i++)
        cr_assert_eq(script.runs[i], 1);
    durable_bed_free(&bed);
}

Test(engine_batch, results_that_fit_into_a_summary_need_no_branches)
{
    struct script script = {.script = "ssww"};
    struct durable_bed bed;

    cr_assert_eq(run_map(&bed, &script), DURABLE_SUCCEEDED);
    cr_assert_str_eq(durable_bed_result(&bed), "a=a;b=b;c=c;d=d;");
    cr_assert_not(durable_bed_find(&bed, "map")->options &
                  ENGINE_OPTION_REPLAY_CHILDREN);
    durable_bed_free(&bed);
}

Test(engine_batch, a_map_that_changes_its_number_of_items_is_found_out)
{
    struct script script = {.script = "wwww"};
    struct durable_bed bed;

    durable_bed_init(&bed, map_them, &script, "");
    do
        cr_assert(durable_bed_step(&bed));
    while (bed.phase != DURABLE_PARKED);
    script.script = "www";
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_eq(bed.error, ENGINE_ERR_NONDETERMINISTIC);
    durable_bed_free(&bed);
    script = (struct script){.script = "ssss"};
    durable_bed_init(&bed, map_them, &script, "");
    do
        cr_assert(durable_bed_step(&bed));
    while (bed.phase != DURABLE_PARKED);
    script.script = "sssss";
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_str_eq(
        bed.words,
        "map \"map\" was recorded with 4 branches where there are now 5");
    durable_bed_free(&bed);
}

/* What a map of four says that is open when it has `now` items instead. */
static void expect_found_out(const char *now,
                             struct engine_batch_options options,
                             bool after_crash)
{
    struct script script = {.script = "wwww", .options = options};
    struct durable_bed bed;
    char words[100];

    durable_bed_init(&bed, map_them, &script, "");
    do
        cr_assert(durable_bed_step(&bed));
    while (bed.phase != DURABLE_PARKED);
    if (after_crash)
        durable_bed_crash_service(&bed);
    script.script = now;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.error, ENGINE_ERR_NONDETERMINISTIC);
    (void)snprintf(
        words, sizeof(words),
        "map \"map\" was recorded with 4 branches where there are now %zu",
        strlen(now));
    cr_expect_str_eq(bed.words, words);
    durable_bed_free(&bed);
}

Test(engine_batch, an_open_map_that_grows_or_shrinks_is_found_out)
{
    static const struct engine_batch_options few = {.max_concurrency = 1};
    static const struct engine_batch_options most = {
        .completion.min_successful = 4};
    static const char *const now[] = {"wwwww", "www", "w", ""};

    for (size_t i = 0; i < sizeof(now) / sizeof(*now); i++) {
        expect_found_out(now[i], (struct engine_batch_options){0}, false);
        expect_found_out(now[i], few, i % 2 == 0);
        expect_found_out(now[i], most, i % 2 == 1);
    }
}

static int tag_it(struct engine_attempt *a, void *self,
                  struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    engine_attempt_tag(a, 1);
    return ENGINE_SUSPENDED;
}

static int one_on_host(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    return engine_step(c, "job", tag_it, NULL, input, NULL, out);
}

/* A map of two that has three items when it is called again. */
static int grow_map(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    uint32_t *calls = self;
    uint32_t count = ++*calls < 2 ? 2 : 3;
    struct engine_batch batch;

    (void)input;
    (void)out;
    return engine_map(c, "map", make_items(c, count), count, one_on_host, NULL,
                      NULL, &batch);
}

Test(engine_batch, a_map_that_grows_before_it_is_durable_is_found_out)
{
    struct durable_bed bed;
    uint32_t calls = 0;

    durable_bed_init(&bed, grow_map, &calls, "");
    bed.collects = true;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_expect_eq(bed.checkpoints, 0);
    cr_expect_str_eq(
        bed.words,
        "map \"map\" was recorded with 2 branches where there are now 3");
    durable_bed_free(&bed);
}

/* A number of an outcome in the summary of a map that is over. */
struct damage {
    size_t at;
    uint32_t value;
    bool found;
};

/* Two branches that return a letter each: the bytes of their summary. */
enum {
    FIRST = 8, /* of the first outcome: status, error, sizes of two texts */
    SECOND = FIRST + 16 + 1
};

Test(engine_batch, a_damaged_outcome_is_found_out)
{
    static const struct damage rows[] = {
        {FIRST, ENGINE_BRANCH_CANCELLED, false},
        {FIRST, ENGINE_BRANCH_CANCELLED + 1, true},
        {FIRST, UINT32_MAX, true},
        {FIRST + 4, ENGINE_ERR_COUNT - 1, false},
        {FIRST + 4, ENGINE_ERR_COUNT, true},
        {FIRST + 8, UINT32_MAX, true},
        {FIRST + 12, 3, true},
        {FIRST + 12, 18, true},
        {SECOND + 8, 1, true},
        {SECOND + 12, 0, false},
        {SECOND + 12, 2, true},
        {SECOND + 12, UINT32_MAX, true},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct script script = {.script = "ss"};
        const struct engine_op_entry *map;
        struct durable_bed bed;

        durable_bed_init(&bed, map_them, &script, "");
        do
            cr_assert(durable_bed_step(&bed));
        while (bed.phase != DURABLE_PARKED);
        map = durable_bed_find(&bed, "map");
        cr_assert_eq(map->value_size, SECOND + 16 + 1);
        memcpy((char *)map->value + rows[i].at, &rows[i].value, 4);
        (void)durable_bed_run(&bed);
        cr_expect_eq(bed.phase == DURABLE_FAILED &&
                         bed.error == ENGINE_ERR_INTEGRITY,
                     rows[i].found, "row %zu: %u %s", i, bed.error, bed.words);
        durable_bed_free(&bed);
    }
}

/* Batches of items -------------------------------------------------------- */

static int count_items(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    char *words = engine_context_memory(c, 32);
    uint32_t count = 0;
    size_t bytes = 0;

    (void)self;
    cr_assert(words);
    for (;; count++) {
        struct engine_bytes item = engine_item_of(input, count);

        if (!item.data)
            break;
        bytes += item.size;
    }
    *out = (struct engine_bytes){
        words, (size_t)snprintf(words, 32, "%u/%zu ", count, bytes)};
    return ENGINE_DONE;
}

struct cutting {
    uint32_t count;
    size_t size;
    struct engine_batch_options options;
};

static int map_batches(struct engine_context *c, void *self,
                       struct engine_bytes input, struct engine_bytes *out)
{
    const struct cutting *cutting = self;
    struct engine_bytes *items =
        engine_context_memory(c, cutting->count * sizeof(*items));
    char *bytes = engine_context_memory(c, cutting->size);
    char *words = engine_context_memory(c, 256);
    struct engine_batch batch;
    size_t used = 0;

    (void)input;
    cr_assert(items && bytes && words);
    memset(bytes, 'i', cutting->size);
    for (uint32_t i = 0; i < cutting->count; i++)
        items[i] = (struct engine_bytes){bytes, cutting->size};
    TRY(engine_map(c, "map", items, cutting->count, count_items, NULL,
                   &cutting->options, &batch));
    for (uint32_t i = 0; i < batch.count; i++) {
        memcpy(words + used, batch.branches[i].value.data,
               batch.branches[i].value.size);
        used += batch.branches[i].value.size;
    }
    *out = (struct engine_bytes){words, used};
    return ENGINE_DONE;
}

Test(engine_batch, items_are_batched_by_number_and_by_bytes)
{
    static const struct {
        struct cutting cutting;
        const char *result;
    } rows[] = {
        {{250, 1, {.items_per_batch = 100}}, "100/100 100/100 50/50 "},
        {{250, 1, {.bytes_per_batch = 1000}}, "100/100 100/100 50/50 "},
        {{5, 96, {.bytes_per_batch = 200, .items_per_batch = 9}},
         "2/192 2/192 1/96 "},
        {{3, 300, {.bytes_per_batch = 200}}, "1/300 1/300 1/300 "},
        {{4, 100000, {.items_per_batch = 4}}, "2/200000 2/200000 "},
        {{3, 2, {.items_per_batch = 1}}, "0/0 0/0 0/0 "},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct cutting cutting = rows[i].cutting;
        struct durable_bed bed;

        durable_bed_init(&bed, map_batches, &cutting, "");
        cr_expect_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_expect_str_eq(durable_bed_result(&bed), rows[i].result);
        durable_bed_free(&bed);
    }
}

/* Parallels --------------------------------------------------------------- */

/* Branches named after their places; the caller's letters are their input. */
static struct engine_branch *make_branches(struct engine_context *c,
                                           struct script *script)
{
    static const char *const names[] = {"first", "second", "third", "fourth",
                                        "fifth"};
    uint32_t count = (uint32_t)strlen(script->script);
    struct engine_bytes *items = make_items(c, count);
    struct engine_branch *branches =
        engine_context_memory(c, (count + 1) * sizeof(*branches));

    cr_assert(branches && count <= 5);
    for (uint32_t i = 0; i < count; i++)
        branches[i] =
            (struct engine_branch){names[i], run_branch, script, items[i]};
    return branches;
}

static int use_parallel(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    struct script *script = self;
    struct engine_batch batch;
    int flow = engine_parallel(c, "parallel", make_branches(c, script),
                               (uint32_t)strlen(script->script),
                               &script->options, &batch);

    (void)input;
    return finish(c, script, flow, &batch, out);
}

static int use_all(struct engine_context *c, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    struct script *script = self;
    struct engine_batch batch;
    int flow = engine_all(c, "all", make_branches(c, script),
                          (uint32_t)strlen(script->script), &batch);

    (void)input;
    return finish(c, script, flow, &batch, out);
}

static int use_all_settled(struct engine_context *c, void *self,
                           struct engine_bytes input, struct engine_bytes *out)
{
    struct script *script = self;
    struct engine_batch batch;
    int flow = engine_all_settled(c, "settled", make_branches(c, script),
                                  (uint32_t)strlen(script->script), &batch);

    (void)input;
    return finish(c, script, flow, &batch, out);
}

static int tell_winner(struct engine_context *c, struct script *script,
                       int flow, uint32_t winner, struct engine_bytes value,
                       struct engine_bytes *out)
{
    char *words = engine_context_memory(c, 64);
    struct engine_error_info why = *engine_error_of(c);

    cr_assert(words);
    flow = finish(c, script, flow, NULL, out);
    if (flow == ENGINE_DONE)
        *out = (struct engine_bytes){
            words, (size_t)snprintf(words, 64, "%u %.*s", winner,
                                    (int)value.size, (const char *)value.data)};
    if (flow == ENGINE_FAILED_FLOW)
        *out = (struct engine_bytes){
            words, (size_t)snprintf(words, 64, "%u failed: %.*s", winner,
                                    (int)why.type.size, why.type.text)};
    return flow == ENGINE_FAILED_FLOW ? ENGINE_DONE : flow;
}

static int use_race(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    struct script *script = self;
    struct engine_bytes value = {"", 0};
    uint32_t winner = 0;
    int flow = engine_race(c, "race", make_branches(c, script),
                           (uint32_t)strlen(script->script), &winner, &value);

    (void)input;
    return tell_winner(c, script, flow, winner, value, out);
}

static int use_any(struct engine_context *c, void *self,
                   struct engine_bytes input, struct engine_bytes *out)
{
    struct script *script = self;
    struct engine_bytes value = {"", 0};
    uint32_t winner = 0;
    int flow = engine_any(c, "any", make_branches(c, script),
                          (uint32_t)strlen(script->script), &winner, &value);

    (void)input;
    return tell_winner(c, script, flow, winner, value, out);
}

Test(engine_batch, each_way_to_join_branches_ends_as_it_should)
{
    static const struct {
        engine_handler_fn *run;
        const char *script;
        enum durable_phase phase;
        const char *result;
        uint64_t seconds;
    } rows[] = {
        {use_parallel, "wsw", DURABLE_SUCCEEDED, "a=a;b=b;c=c;", 2},
        {use_parallel, "sfW", DURABLE_FAILED, "(none)", 1},
        {use_all, "wWs", DURABLE_SUCCEEDED, "a=a;b=b;c=c;", 11},
        {use_all, "WUW", DURABLE_FAILED, "(none)", 2},
        {use_all_settled, "fWF", DURABLE_SUCCEEDED, "a!Bad;b=b;c!Late;", 11},
        {use_race, "WwF", DURABLE_SUCCEEDED, "1 b", 2},
        {use_race, "WUw", DURABLE_SUCCEEDED, "1 failed: Late", 2},
        {use_race, "f", DURABLE_SUCCEEDED, "0 failed: Bad", 1},
        {use_any, "fWw", DURABLE_SUCCEEDED, "2 c", 2},
        {use_any, "fFf", DURABLE_SUCCEEDED, "0 failed: Bad", 11},
        {use_race, "", DURABLE_SUCCEEDED, "0 failed: ", 1},
        {use_all, "", DURABLE_SUCCEEDED, "", 1},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (int mode = 0; mode < 3; mode++) {
            struct script script = {.script = rows[i].script};
            struct durable_bed bed;

            durable_bed_init(&bed, rows[i].run, &script, "");
            bed.sync = mode == 1;
            bed.config.optimistic = mode == 2;
            cr_expect_eq(durable_bed_run(&bed), rows[i].phase, "row %zu", i);
            cr_expect_str_eq(durable_bed_result(&bed), rows[i].result,
                             "row %zu: %s", i, durable_bed_result(&bed));
            cr_expect_eq(bed.now_ns - DURABLE_START_NS, rows[i].seconds * S,
                         "row %zu", i);
            durable_bed_free(&bed);
        }
}

/* The service's bed, for code that looks at what is durable. */
struct looking {
    struct durable_bed bed;
    struct script script;
    bool durable;
};

static int look(struct engine_attempt *a, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    struct looking *looking = self;
    const struct engine_op_entry *race =
        durable_bed_find(&looking->bed, "race");

    (void)a;
    looking->durable = race && race->status == ENGINE_STATUS_SUCCEEDED;
    *out = input;
    return ENGINE_DONE;
}

static int race_and_look(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    struct looking *looking = self;
    uint32_t winner;

    TRY(engine_race(c, "race", make_branches(c, &looking->script), 2, &winner,
                    out));
    return engine_step(c, "look", look, self, input, NULL, out);
}

Test(engine_batch, a_decision_by_chance_is_durable_before_the_handler_goes_on)
{
    for (int sync = 0; sync < 2; sync++) {
        struct looking looking = {.script = {.script = "ws"}};

        durable_bed_init(&looking.bed, race_and_look, &looking, "");
        looking.bed.sync = sync;
        cr_assert_eq(durable_bed_run(&looking.bed), DURABLE_SUCCEEDED);
        cr_assert(looking.durable);
        durable_bed_free(&looking.bed);
    }
}

Test(engine_batch, options_that_make_no_sense_are_refused)
{
    struct engine_batch_options rows[] = {
        {.completion = {.min_successful = 4}},
        {.completion = {.tolerate = true, .tolerated_share_milli = 1001}}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct script script = {.script = "sss", .options = rows[i]};
        struct durable_bed bed;

        durable_bed_init(&bed, use_parallel, &script, "");
        cr_expect_eq(durable_bed_run(&bed), DURABLE_FAILED);
        cr_expect_eq(bed.error, ENGINE_ERR_VALIDATION);
        durable_bed_free(&bed);
    }
}

/* What branches do to each other ------------------------------------------ */

static int wait_long(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    return engine_wait(c, "timeout", 3600 * S);
}

static int cancel_it(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    uint32_t *seconds = self;

    (void)input;
    (void)out;
    if (*seconds)
        TRY(engine_wait(c, "work", *seconds * S));
    TRY(engine_wait_cancel(c, "timeout"));
    return engine_wait_cancel(c, "timeout");
}

static int guard(struct engine_context *c, void *self,
                 struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_branch branches[] = {{"watch", wait_long, NULL, input},
                                             {"work", cancel_it, self, input}};
    struct engine_batch batch;

    TRY(engine_all_settled(c, "guard", branches, 2, &batch));
    cr_assert_eq(batch.branches[0].error.error, ENGINE_ERR_CANCELLED);
    *out = engine_text_bytes("in time");
    return ENGINE_DONE;
}

Test(engine_batch, a_branch_cancels_the_wait_of_another)
{
    for (int mode = 0; mode < 4; mode++) {
        struct durable_bed bed;
        uint32_t seconds = mode & 1 ? 5 : 0; /* 0: in the go that began it */

        durable_bed_init(&bed, guard, &seconds, "");
        bed.sync = mode & 2;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED, "%s", bed.words);
        cr_assert_eq(bed.now_ns - DURABLE_START_NS, seconds * S);
        cr_assert_eq(durable_bed_count(&bed, ENGINE_EV_OPERATION_CANCELLED), 1);
        durable_bed_free(&bed);
    }
}

Test(engine_batch, steps_in_lost_and_failed_branches_are_undone)
{
    for (int mode = 0; mode < 3; mode++) {
        struct script script = {.script = "uUu"};
        struct durable_bed bed;

        durable_bed_init(&bed, use_all, &script, "");
        bed.sync = mode == 1;
        bed.config.optimistic = mode == 2;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
        cr_expect_str_eq(bed.type, "Late");
        cr_expect_str_eq(script.undone, "cba");
        durable_bed_free(&bed);
    }
}

Test(engine_batch, steps_are_undone_by_age_and_not_by_place)
{
    struct script script = {.script = "vuF"};
    struct durable_bed bed;

    durable_bed_init(&bed, use_all, &script, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_str_eq(script.undone, "ab");
    durable_bed_free(&bed);
}

static int race_and_fail(struct engine_context *c, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    struct script *script = self;
    uint32_t winner;

    (void)input;
    TRY(engine_race(c, "race", make_branches(c, script), 2, &winner, out));
    TRY(engine_wait(c, "after", S));
    return engine_fail(c, ENGINE_ERR_USER, "Late", "after all");
}

Test(engine_batch, a_branch_that_lost_goes_no_further_to_be_undone)
{
    struct script script = {.script = "su"};
    struct durable_bed bed;

    durable_bed_init(&bed, race_and_fail, &script, "");
    cr_assert_eq(durable_bed_run(&bed), DURABLE_FAILED);
    cr_assert_str_eq(bed.words, "after all");
    cr_assert_str_eq(script.undone, "b");
    cr_assert_null(durable_bed_find(&bed, "pause"));
    durable_bed_free(&bed);
}

static int log_and_send(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    engine_log(c, "%c begins", *(const char *)input.data);
    TRY(engine_send(c, 99, "out", input, 4));
    TRY(engine_step(c, "copy", copy_input, self, input, NULL, out));
    engine_log(c, "%c goes on", *(const char *)input.data);
    TRY(engine_send(c, 99, "out", input, 4));
    TRY(engine_step(c, "again", copy_input, self, input, NULL, out));
    engine_log(c, "%c ends", *(const char *)input.data);
    return ENGINE_DONE;
}

static int log_in_map(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_batch batch;

    TRY(engine_map(c, "map", make_items(c, 2), 2, log_and_send, self, NULL,
                   &batch));
    *out = input;
    return ENGINE_DONE;
}

Test(engine_batch, branches_called_anew_log_and_send_nothing_twice)
{
    for (int sync = 0; sync < 2; sync++) {
        struct script script = {0};
        struct durable_bed bed;

        durable_bed_init(&bed, log_in_map, &script, "");
        bed.sync = sync;
        cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
        cr_assert_str_eq(bed.logged, "map/: a begins\nmap/: b begins\n"
                                     "map/: a goes on\nmap/: b goes on\n"
                                     "map/: a ends\nmap/: b ends\n");
        cr_assert_eq(bed.execution.operations.count - 1, 1 + 2 + 2 * 4);
        durable_bed_free(&bed);
    }
}

static int leave_to_host(struct engine_attempt *a, void *self,
                         struct engine_bytes input, struct engine_bytes *out)
{
    (void)self;
    (void)input;
    (void)out;
    engine_attempt_tag(a, 1);
    return ENGINE_SUSPENDED;
}

static int work_on_host(struct engine_context *c, void *self,
                        struct engine_bytes input, struct engine_bytes *out)
{
    return engine_step(c, "job", leave_to_host, self, input, NULL, out);
}

static int work_here(struct engine_context *c, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    return engine_step(c, "here", copy_input, self, input, NULL, out);
}

static int race_hosts(struct engine_context *c, void *self,
                      struct engine_bytes input, struct engine_bytes *out)
{
    const struct engine_branch branches[] = {
        {"host", work_on_host, NULL, input}, {"here", work_here, self, input}};
    uint32_t winner;

    TRY(engine_race(c, "race", branches, 2, &winner, out));
    return engine_step(c, "own", leave_to_host, self, input, NULL, out);
}

static void count_job(void *self, const struct engine_replay_step *step,
                      uint32_t *error, struct engine_bytes *output)
{
    *error = ENGINE_ERR_NONE;
    *output = step->input;
    ++*(uint32_t *)self;
}

Test(engine_batch, a_job_of_a_branch_that_lost_is_not_handed_out)
{
    struct script script = {0};
    struct durable_bed bed;
    uint32_t jobs = 0;

    durable_bed_init(&bed, race_hosts, &script, "a");
    bed.config.optimistic = true;
    bed.job = count_job;
    bed.job_self = &jobs;
    cr_assert_eq(durable_bed_run(&bed), DURABLE_SUCCEEDED);
    cr_assert_eq(jobs, 1);
    durable_bed_free(&bed);
}

/* Size -------------------------------------------------------------------- */

static int count_it(struct engine_attempt *a, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    (void)a;
    ++*(uint32_t *)self;
    *out = input;
    return ENGINE_DONE;
}

static int one_item(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    return engine_step(c, "one", count_it, self, input, NULL, out);
}

enum {
    MANY = 3000
};

static int map_many(struct engine_context *c, void *self,
                    struct engine_bytes input, struct engine_bytes *out)
{
    struct engine_bytes *items =
        engine_context_memory(c, MANY * sizeof(*items));
    struct engine_batch batch;

    cr_assert(items);
    for (uint32_t i = 0; i < MANY; i++)
        items[i] = input;
    TRY(engine_map(c, "many", items, MANY, one_item, self, NULL, &batch));
    cr_assert_eq(batch.succeeded, MANY);
    *out = engine_text_bytes("all");
    return ENGINE_DONE;
}

/* A profile that bounds nothing still has no map open 3,000 branches. */
Test(engine_batch, a_large_map_is_called_a_few_times_and_not_for_each_item)
{
    struct durable_bed bed;
    uint32_t runs = 0;
    uint32_t calls = 0;
    uint32_t most = 0;

    durable_bed_init(&bed, map_many, &runs, "x");
    while (durable_bed_step(&bed)) {
        calls += bed.phase == DURABLE_GO;
        if (bed.execution.branches > most)
            most = bed.execution.branches;
    }
    cr_assert_eq(bed.phase, DURABLE_SUCCEEDED);
    cr_assert_eq(runs, MANY);
    cr_assert_leq(calls, MANY / ENGINE_BRANCHES_MAX + 4);
    cr_assert_gt(most, 1);
    cr_assert_leq(most, ENGINE_BRANCHES_MAX);
    durable_bed_free(&bed);
}
