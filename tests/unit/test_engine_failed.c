/*
 * What platforms say of attempts, from the message to the log: an attempt
 * that nobody has claimed ends with it, one that is claimed does not, and
 * nothing else does in any case.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "engine/cause.h"
#include "engine/random.h"
#include "engine/run.h"
#include "tests/support/engine_bed.h"

enum {
    A = BED_MACHINE, /* coordinators */
    B = BED_MACHINE + 1,
    RUN = 5,
    OTHER = 6
};

static struct engine_bed bed;
static char text[16384];

static void open_graph(const struct engine_node *nodes, uint32_t count)
{
    struct engine_graph *graph =
        engine_graph_new("mixed", nodes, count, NULL, 0, NULL);
    cr_assert(graph);
    engine_bed_open(&bed, graph, NULL);
    bed.coordinator.platform_count = 3;
    engine_bed_coordinator(&bed, A);
    engine_bed_wake(&bed, A);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_ACQUIRE), ENGINE_COMMITTED);
}

/* A step that may run on platform 1, then on 2. */
static struct engine_node mixed(const char *name)
{
    struct engine_node node = engine_bed_step(name);
    node.platform_count = 2;
    node.platforms[0] = 1;
    node.platforms[1] = 2;
    return node;
}

static void open_one(void)
{
    const struct engine_node node = mixed("s");
    open_graph(&node, 1);
}

static void done(void)
{
    struct engine_graph *graph = (struct engine_graph *)bed.graphs[0];
    engine_bed_close(&bed);
    engine_graph_free(graph);
}

static void start(uint64_t run)
{
    engine_bed_start(&bed, A, run);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_CREATE), ENGINE_COMMITTED);
}

static const struct engine_message *said(uint32_t kind)
{
    const struct engine_bed_post *post = engine_bed_message_post(&bed, kind);
    return post ? engine_bed_head(post) : NULL;
}

static const char *story(void)
{
    return engine_bed_story(&bed, RUN, text, sizeof(text));
}

static void fail(uint32_t node, uint64_t run, uint32_t op, uint32_t attempt,
                 uint64_t error, const char *chain)
{
    const struct engine_message message = {.kind = ENGINE_MSG_FAILED,
                                           .from = bed.platforms[1],
                                           .run = run,
                                           .op = op,
                                           .attempt = attempt,
                                           .a = error};
    engine_bed_message(&bed, node, &message, chain, strlen(chain));
}

static void live(uint32_t node, uint64_t ns)
{
    for (uint64_t passed = 0; passed < ns; passed += 100 * BED_MS) {
        engine_bed_run_for(&bed, node, 100 * BED_MS);
        engine_bed_serve_all(&bed);
    }
}

static void finish(uint64_t run, uint32_t op, uint32_t attempt)
{
    cr_assert_eq(engine_bed_finish(&bed, run, op, attempt, 0, 0),
                 ENGINE_COMMITTED);
    engine_bed_hint(&bed, A, run, op, attempt, 0, 0);
    engine_bed_serve_all(&bed);
}

/* The words of the last event of this kind in the store. */
struct found {
    uint64_t run;
    uint16_t kind;
    uint64_t error;
    size_t size;
    char words[ENGINE_CAUSE_MAX];
};

static int visit(void *self, const struct engine_log_row *row)
{
    struct found *found = self;
    const unsigned char *at = row->items;
    while (row->run == found->run &&
           at < (const unsigned char *)row->items + row->items_size) {
        const struct engine_item *event = (const void *)at;
        if (event->kind == found->kind) {
            found->error = event->a;
            found->size = event->size;
            memcpy(found->words, engine_item_payload(event),
                   event->size < sizeof(found->words) ? event->size
                                                      : sizeof(found->words));
        }
        at += engine_item_span(event->size);
    }
    return 0;
}

static struct found last(uint64_t run, uint16_t kind)
{
    struct found found = {.run = run, .kind = kind};
    bed.store.ops->scan_log(bed.store.self, 0, visit, &found);
    return found;
}

static bool has_words(const struct found *found, const char *words)
{
    return found->size == strlen(words) &&
           memcmp(found->words, words, found->size) == 0;
}

Test(engine_failed, what_nobody_has_claimed_goes_on_to_the_next_platform)
{
    open_one();
    start(RUN);
    cr_assert_eq(said(ENGINE_MSG_DISPATCH)->to, bed.platforms[1]);
    fail(A, RUN, 0, 1, ENGINE_ERR_PLATFORM_START, "platform: X: y\nnode: R: r");
    engine_bed_serve_all(&bed);
    struct found found = last(RUN, ENGINE_EV_ATTEMPT_FAILED);
    cr_assert_eq(found.error, ENGINE_ERR_PLATFORM_START);
    cr_assert(has_words(&found, "platform: X: y\nnode: R: r"));
    live(A, 2 * BED_S);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 attempt_failed:0.1 "
                              "retry_scheduled:0.1 op_scheduled:0.2");
    const struct engine_message *dispatch = said(ENGINE_MSG_DISPATCH);
    cr_assert_eq(dispatch->attempt, 2);
    cr_assert_eq(dispatch->to, bed.platforms[2]);
    /* Whoever was given the first is too late. */
    cr_assert_eq(engine_bed_claim(&bed, RUN, 0, 1, BED_S), ENGINE_FENCED);
    done();
}

Test(engine_failed, who_takes_the_run_over_falls_back_as_its_owner_would)
{
    open_one();
    start(RUN);
    fail(A, RUN, 0, 1, ENGINE_ERR_PLATFORM_START, "platform: X: y");
    engine_bed_serve_all(&bed); /* in the log; what follows is not */
    engine_bed_lose_all(&bed);
    engine_bed_kill(&bed, A);
    engine_bed_coordinator(&bed, B);
    live(B, 40 * BED_S);
    const struct engine_message *dispatch = said(ENGINE_MSG_DISPATCH);
    cr_assert_eq(dispatch->attempt, 2);
    cr_assert_eq(dispatch->to, bed.platforms[2]);
    done();
}

Test(engine_failed, a_platform_that_is_not_there_is_the_first)
{
    struct engine_node node = mixed("s");
    node.platforms[0] = 77;
    open_graph(&node, 1);
    start(RUN);
    cr_assert_eq(said(ENGINE_MSG_DISPATCH)->to, bed.platforms[0]);
    done();
}

Test(engine_failed, words_about_what_is_over_or_was_never_do_nothing)
{
    static const struct {
        uint64_t run;
        uint32_t op, attempt;
    } wrong[] = {{RUN + 1, 0, 1}, {RUN, 0, 2}, {RUN, 0, 0}, {RUN, 77, 1}};
    open_one();
    start(RUN);
    engine_bed_lose_all(&bed);
    for (unsigned i = 0; i < 4; i++)
        fail(A, wrong[i].run, wrong[i].op, wrong[i].attempt,
             ENGINE_ERR_PLATFORM_START, "platform: X: y");
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    fail(A, RUN, 0, 1, ENGINE_ERR_PLATFORM_START, "platform: X: y");
    engine_bed_serve_all(&bed);
    live(A, 2 * BED_S);
    engine_bed_lose_all(&bed);
    /* The same once more, and late: attempt 2 is under way. */
    fail(A, RUN, 0, 1, ENGINE_ERR_PLATFORM_START, "platform: X: y");
    cr_assert_eq(engine_bed_waiting(&bed), 0);
    done();
}

Test(engine_failed, a_word_heard_twice_counts_once)
{
    open_one();
    start(RUN);
    for (int i = 0; i < 3; i++)
        fail(A, RUN, 0, 1, ENGINE_ERR_PLATFORM_START, "platform: X: y");
    engine_bed_serve_all(&bed);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 attempt_failed:0.1 "
                              "retry_scheduled:0.1");
    done();
}

Test(engine_failed, while_it_is_claimed_the_claim_rules)
{
    open_one();
    start(RUN);
    engine_bed_claim(&bed, RUN, 0, 1, 8 * BED_S);
    fail(A, RUN, 0, 1, ENGINE_ERR_OOM, "platform: X: y\nnode: OOMKilled: z");
    engine_bed_serve_all(&bed);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1");
    live(A, 7 * BED_S);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1");
    live(A, 6 * BED_S);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 "
                              "attempt_started:0.1 attempt_failed:0.1 "
                              "retry_scheduled:0.1 op_scheduled:0.2");
    struct found found = last(RUN, ENGINE_EV_ATTEMPT_FAILED);
    cr_assert_eq(found.error, ENGINE_ERR_OOM);
    cr_assert(has_words(&found, "platform: X: y\nnode: OOMKilled: z"));
    done();
}

Test(engine_failed, what_is_reported_after_the_word_is_what_happened)
{
    open_one();
    start(RUN);
    engine_bed_claim(&bed, RUN, 0, 1, 30 * BED_S);
    fail(A, RUN, 0, 1, ENGINE_ERR_INTERRUPTED, "node: spot reclaim: 2 min");
    engine_bed_serve_all(&bed);
    finish(RUN, 0, 1);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 "
                              "attempt_started:0.1 attempt_succeeded:0.1 "
                              "op_succeeded:0.1 run_succeeded");
    done();
}

/* It is claimed between the look at its row and the decision. */
Test(engine_failed, a_claim_that_was_first_wins)
{
    open_one();
    start(RUN);
    fail(A, RUN, 0, 1, ENGINE_ERR_PLATFORM_START, "platform: X: y");
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_MAIL), ENGINE_COMMITTED);
    cr_assert_eq(engine_bed_claim(&bed, RUN, 0, 1, 30 * BED_S),
                 ENGINE_COMMITTED);
    cr_assert_eq(engine_bed_serve(&bed, ENGINE_REQ_APPEND), ENGINE_CONFLICT);
    engine_bed_serve_all(&bed);
    finish(RUN, 0, 1);
    cr_assert_str_eq(story(), "run_created op_scheduled:0.1 "
                              "attempt_started:0.1 attempt_succeeded:0.1 "
                              "op_succeeded:0.1 run_succeeded");
    done();
}

Test(engine_failed, the_word_about_its_end_counts_and_not_that_about_a_copy)
{
    open_one();
    start(RUN);
    engine_bed_claim(&bed, RUN, 0, 1, 5 * BED_S);
    fail(A, RUN, 0, 1, ENGINE_ERR_PLATFORM_START, "platform: X: a copy");
    fail(A, RUN, 0, 1, ENGINE_ERR_OOM, "node: OOMKilled: z");
    fail(A, RUN, 0, 1, ENGINE_ERR_THROTTLED, "platform: X: another copy");
    live(A, 10 * BED_S);
    struct found found = last(RUN, ENGINE_EV_ATTEMPT_FAILED);
    cr_assert(has_words(&found, "node: OOMKilled: z"));
    done();
}

Test(engine_failed, classes_that_no_platform_can_know_are_unknown)
{
    static const uint64_t strange[] = {
        ENGINE_ERR_NONE,      ENGINE_ERR_AMBIGUOUS,       ENGINE_ERR_PENDING,
        ENGINE_ERR_CANCELLED, ENGINE_ERR_COUNT,           UINT64_MAX,
        ENGINE_ERR_NOT_OWNER, ENGINE_ERR_NONDETERMINISTIC};
    for (size_t i = 0; i < sizeof(strange) / sizeof(*strange); i++) {
        open_one();
        start(RUN);
        fail(A, RUN, 0, 1, strange[i], "platform: X: y");
        engine_bed_serve_all(&bed);
        cr_assert_eq(last(RUN, ENGINE_EV_ATTEMPT_FAILED).error,
                     ENGINE_ERR_UNKNOWN);
        cr_assert_eq(last(RUN, ENGINE_EV_RUN_FAILED).error, ENGINE_ERR_UNKNOWN);
        done();
    }
}

Test(engine_failed, words_without_end_are_cut_and_keep_their_root)
{
    static char chain[100000];
    memset(chain, 'x', sizeof(chain));
    memcpy(chain, "platform: X: ", 13);
    snprintf(chain + sizeof(chain) - 20, 20, "\nnode: R: the root!");
    open_one();
    start(RUN);
    fail(A, RUN, 0, 1, ENGINE_ERR_VALIDATION, chain);
    engine_bed_serve_all(&bed);
    struct found found = last(RUN, ENGINE_EV_RUN_FAILED);
    cr_assert_leq(found.size, ENGINE_CAUSE_MAX);
    struct engine_text root = engine_cause_root(found.words, found.size);
    cr_assert_eq(root.size, 18);
    cr_assert_eq(memcmp(root.text, "node: R: the root!", 18), 0);
    done();
}

/* Containment ---------------------------------------------------------------
 */

/*
 * Two steps of one run, and one of another, are under way: of the first its
 * platform says that it has failed. What becomes of it is its own affair.
 */
static void contained(uint32_t error, bool claimed)
{
    const struct engine_node nodes[] = {mixed("s0"), mixed("s1")};
    open_graph(nodes, 2);
    start(RUN);
    start(OTHER);
    if (claimed)
        engine_bed_claim(&bed, RUN, 0, 1, 5 * BED_S);
    engine_bed_claim(&bed, RUN, 1, 1, 60 * BED_S);
    engine_bed_claim(&bed, OTHER, 0, 1, 60 * BED_S);
    fail(A, RUN, 0, 1, error, "platform: X: y");
    live(A, 20 * BED_S);
    cr_assert_neq(last(RUN, ENGINE_EV_ATTEMPT_FAILED).error +
                      last(RUN, ENGINE_EV_ATTEMPT_TIMED_OUT).error +
                      last(RUN, ENGINE_EV_ATTEMPT_INTERRUPTED).error,
                  0);
    /* The others are still theirs who have claimed them. */
    finish(RUN, 1, 1);
    finish(OTHER, 0, 1);
    (void)story();
    cr_assert(strstr(text, "op_succeeded:1.1"), "%s: %s",
              engine_error_name(error), text);
    cr_assert_null(strstr(text, ":1.2"));
    engine_bed_story(&bed, OTHER, text, sizeof(text));
    cr_assert_str_eq(text,
                     "run_created op_scheduled:0.1 op_scheduled:1.1 "
                     "attempt_started:0.1 attempt_succeeded:0.1 op_succeeded:"
                     "0.1",
                     "%s", text);
    done();
}

Test(engine_failed, no_failure_of_one_attempt_ends_another_or_another_run)
{
    for (uint32_t error = 1; error < ENGINE_ERR_COUNT; error++) {
        contained(error, false);
        contained(error, true);
    }
}

/* Anything ------------------------------------------------------------------
 */

/* What was said is of no use any more. */
static void forget_posts(void)
{
    engine_bed_serve_all(&bed);
    while (bed.post_count > 0)
        engine_bed_discard(&bed, bed.post_count - 1);
}

/* One random thing that a platform or a worker may do. */
static void act(const struct engine_stream *stream, uint64_t *index)
{
    uint32_t op = (uint32_t)engine_draw_below(stream, (*index)++, 3);
    uint32_t attempt = 1 + (uint32_t)engine_draw_below(stream, (*index)++, 8);
    uint64_t error =
        engine_draw_below(stream, (*index)++, ENGINE_ERR_COUNT + 2);
    switch (engine_draw_below(stream, (*index)++, 8)) {
    case 0:
    case 1:
    case 2:
        fail(A, RUN, op, attempt, error, error % 2 ? "platform: X: y" : "");
        break;
    case 3:
        engine_bed_claim(&bed, RUN, op, attempt, (1 + error) * BED_S);
        break;
    case 4:
        engine_bed_finish(&bed, RUN, op, attempt, 0, 0);
        break;
    case 5:
        engine_bed_tell(&bed, A, ENGINE_MSG_ACCEPTED, RUN, op, attempt);
        break;
    case 6:
        engine_bed_serve_all(&bed);
        break;
    default:
        live(A, error * BED_S / 4);
        break;
    }
}

/* The log folds, and to a run that has ended or has work under way. */
static void check_log(void)
{
    struct engine_run_row row;
    cr_assert(engine_bed_row(&bed, RUN, &row));
    cr_assert_eq(bed.records[ENGINE_REC_ENGINE_ERROR], 0, "%s", story());
    cr_assert_neq(row.state, 0);
}

Test(engine_failed, whatever_platforms_say_a_run_keeps_its_order)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        const struct engine_node nodes[] = {mixed("s0"), mixed("s1"),
                                            engine_bed_step("s2")};
        struct engine_stream stream;
        uint64_t index = 0;
        open_graph(nodes, 3);
        start(RUN);
        engine_stream_init(&stream, seed, "test/failed", 0);
        for (int i = 0; i < 120; i++) {
            act(&stream, &index);
            forget_posts();
            if (i == 60) { /* another takes over from what is in the store */
                engine_bed_coordinator(&bed, A);
                engine_bed_wake(&bed, A);
            }
        }
        for (int i = 0; i < 100; i++) {
            live(A, BED_S);
            forget_posts();
        }
        check_log();
        done();
    }
}
