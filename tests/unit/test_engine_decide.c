#include "engine/decide.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "engine/cause.h"
#include "engine/value.h"
#include "tests/support/engine_bed.h"

#define NOW (1000 * BED_S)

/* A run, and a request that grows as its owner decides. */
struct owner {
    struct engine_graph *graph;
    struct engine_run *run;
    struct engine_block block;
    struct engine_block rows;
    struct engine_decide decide;
};

static const struct engine_defects no_defects = {0};

static void begin(struct owner *owner)
{
    engine_block_begin(&owner->block, sizeof(struct engine_request));
    engine_block_begin(&owner->rows, sizeof(uint64_t));
    owner->decide = (struct engine_decide){.run = owner->run,
                                           .block = &owner->block,
                                           .rows = &owner->rows,
                                           .store_now_ns = NOW,
                                           .seed = 7,
                                           .defects = &no_defects};
}

static void open_owner(struct owner *owner, struct engine_graph *graph)
{
    *owner = (struct owner){.graph = graph};
    owner->run = engine_run_new(NULL, 5, 0, graph);
    begin(owner);
    engine_decide_event(&owner->decide, ENGINE_EV_RUN_CREATED, UINT32_MAX, 0, 0,
                        9, NULL, 0);
    engine_decide_ready(&owner->decide);
    cr_assert_eq(owner->decide.error, 0);
    engine_run_stamp(owner->run, NOW);
    begin(owner);
}

static void close_owner(struct owner *owner)
{
    engine_run_free(owner->run);
    engine_block_free(&owner->block);
    engine_block_free(&owner->rows);
    engine_graph_free(owner->graph);
}

/* The next request. */
static void again(struct owner *owner)
{
    engine_run_stamp(owner->run, owner->decide.store_now_ns);
    uint64_t now = owner->decide.store_now_ns;
    begin(owner);
    owner->decide.store_now_ns = now;
}

static struct engine_graph *one_step(struct engine_node node)
{
    return engine_bed_chain(&node, 1);
}

static void report(struct owner *owner, uint32_t op, uint32_t attempt,
                   uint32_t error, uint32_t retryable)
{
    struct engine_item work = {.type = ENGINE_ITEM_WORK,
                               .kind = ENGINE_WORK_DONE,
                               .op = op,
                               .attempt = attempt,
                               .a = NOW - 1,
                               .flags = error | retryable << 16};
    engine_decide_work(&owner->decide, &work);
}

static void claimed(struct owner *owner, uint32_t attempt, uint64_t claimed_ns,
                    uint64_t expires_ns)
{
    struct engine_item work = {.type = ENGINE_ITEM_WORK,
                               .kind = ENGINE_WORK_CLAIMED,
                               .attempt = attempt,
                               .a = claimed_ns,
                               .b = expires_ns};
    engine_decide_work(&owner->decide, &work);
}

/* The item of this type and number among the request's, or NULL. */
static const struct engine_item *item_at(struct owner *owner, uint16_t type,
                                         unsigned n)
{
    ENGINE_REQUEST_ITEMS(owner->block.bytes, item)
    {
        if (item->type == type && n-- == 0)
            return item;
    }
    return NULL;
}

static const struct engine_item *event_of(struct owner *owner, uint16_t kind)
{
    ENGINE_REQUEST_ITEMS(owner->block.bytes, item)
    {
        if (item->type == ENGINE_ITEM_EVENT && item->kind == kind)
            return item;
    }
    return NULL;
}

/* What becomes of an operation whose attempt ended in some way. */
enum fate {
    SUCCEEDS,
    RETRIES,
    FAILS,
    AMBIGUOUS
};

static enum fate fate_of(const struct owner *owner)
{
    switch (owner->run->ops[0].state) {
    case ENGINE_OP_SUCCEEDED:
        return SUCCEEDS;
    case ENGINE_OP_RETRY_WAIT:
        return RETRIES;
    case ENGINE_OP_AMBIGUOUS:
        return AMBIGUOUS;
    default:
        cr_assert_eq(owner->run->ops[0].state, ENGINE_OP_FAILED);
        return FAILS;
    }
}

/* How an attempt can end. */
enum ending {
    OK,
    OWN_ERROR,  /* the step's own, not to be retried */
    OWN_RETRY,  /* the step's own, to be retried */
    LATE,       /* reported by the worker: over its time */
    STOPPED,    /* reported: interrupted */
    MEMORY,     /* reported: out of memory */
    UNSURE,     /* reported: the effect may have happened */
    TOO_LARGE,  /* reported: output above a limit */
    STRANGE,    /* reported: unmapped */
    CLAIM_OVER, /* not reported: the claim ran out */
    TIME_OVER,  /* not reported: the attempt's time is over */
    ENDINGS
};

static void end_attempt(struct owner *owner, enum ending ending)
{
    static const uint32_t errors[] = {[OK] = ENGINE_ERR_NONE,
                                      [OWN_ERROR] = ENGINE_ERR_USER,
                                      [OWN_RETRY] = ENGINE_ERR_USER,
                                      [LATE] = ENGINE_ERR_TIMED_OUT,
                                      [STOPPED] = ENGINE_ERR_INTERRUPTED,
                                      [MEMORY] = ENGINE_ERR_OOM,
                                      [UNSURE] = ENGINE_ERR_AMBIGUOUS,
                                      [TOO_LARGE] = ENGINE_ERR_SIZE_LIMIT,
                                      [STRANGE] = ENGINE_ERR_UNKNOWN};
    if (ending == CLAIM_OVER)
        claimed(owner, 1, NOW - BED_S, NOW);
    else if (ending == TIME_OVER)
        claimed(owner, 1, NOW - 600 * BED_S, NOW + BED_S);
    else
        report(owner, 0, 1, errors[ending], ending == OWN_RETRY);
}

static enum fate expected(enum engine_side_effect effect,
                          enum engine_semantics semantics, enum ending ending)
{
    bool unsafe = effect == ENGINE_EFFECT_IRREVERSIBLE ||
                  (effect == ENGINE_EFFECT_REVERSIBLE &&
                   semantics == ENGINE_AT_MOST_ONCE);
    switch (ending) {
    case OK:
        return SUCCEEDS;
    case OWN_RETRY:
        return RETRIES;
    case UNSURE:
        return AMBIGUOUS;
    case LATE:
    case STOPPED:
    case MEMORY:
    case CLAIM_OVER:
    case TIME_OVER:
        return unsafe ? AMBIGUOUS : RETRIES;
    default:
        return FAILS;
    }
}

Test(engine_decide, only_what_may_be_repeated_is_repeated)
{
    for (int effect = ENGINE_EFFECT_READ_ONLY;
         effect <= ENGINE_EFFECT_IRREVERSIBLE; effect++) {
        for (int semantics = ENGINE_AT_LEAST_ONCE;
             semantics <= ENGINE_AT_MOST_ONCE; semantics++) {
            for (int ending = OK; ending < ENDINGS; ending++) {
                struct engine_node node = engine_bed_step("s");
                node.side_effect = (enum engine_side_effect)effect;
                node.semantics = (enum engine_semantics)semantics;
                struct owner owner;
                open_owner(&owner, one_step(node));
                end_attempt(&owner, (enum ending)ending);
                cr_assert_eq(fate_of(&owner),
                             expected(node.side_effect, node.semantics,
                                      (enum ending)ending),
                             "effect %d, semantics %d, ending %d", effect,
                             semantics, ending);
                cr_assert_eq(owner.decide.error, 0);
                close_owner(&owner);
            }
        }
    }
}

Test(engine_decide, the_last_attempt_fails_the_operation_and_the_run)
{
    struct engine_node node = engine_bed_step("s");
    node.retry.attempts_max = 2;
    struct owner owner;
    open_owner(&owner, one_step(node));
    report(&owner, 0, 1, ENGINE_ERR_USER, 1);
    cr_assert_eq(fate_of(&owner), RETRIES);
    again(&owner);
    owner.decide.store_now_ns += 100 * BED_S;
    engine_decide_timers(&owner.decide);
    again(&owner);
    report(&owner, 0, 2, ENGINE_ERR_USER, 1);
    cr_assert_eq(fate_of(&owner), FAILS);
    cr_assert_eq(engine_decide_end(&owner.decide), 1);
    engine_decide_rows(&owner.decide);
    cr_assert_eq(event_of(&owner, ENGINE_EV_RUN_FAILED)->a, ENGINE_ERR_USER);
    const struct engine_item *out = item_at(&owner, ENGINE_ITEM_OUTBOX, 0);
    cr_assert(out);
    cr_assert_eq(out->kind, ENGINE_OUTBOX_RESULT);
    cr_assert_eq(owner.run->state, ENGINE_RUN_FAILED);
    close_owner(&owner);
}

Test(engine_decide, an_ambiguous_attempt_blocks_the_run_without_a_result)
{
    struct engine_node node = engine_bed_step("s");
    node.side_effect = ENGINE_EFFECT_IRREVERSIBLE;
    struct owner owner;
    open_owner(&owner, one_step(node));
    end_attempt(&owner, CLAIM_OVER);
    cr_assert_eq(engine_decide_end(&owner.decide), 1);
    engine_decide_rows(&owner.decide);
    cr_assert_eq(event_of(&owner, ENGINE_EV_RUN_BLOCKED)->a,
                 ENGINE_ERR_AMBIGUOUS);
    cr_assert_null(item_at(&owner, ENGINE_ITEM_OUTBOX, 0));
    cr_assert_eq(owner.run->state, ENGINE_RUN_BLOCKED);
    close_owner(&owner);
}

Test(engine_decide, a_claim_is_cut_when_it_or_the_time_is_over_and_not_before)
{
    static const struct {
        uint64_t claimed, expires;
        bool cut;
        uint64_t guard; /* store time before which the store refuses */
    } cases[] = {
        {NOW - BED_S, NOW + 1, false, 0},
        {NOW - BED_S, NOW, true, NOW},
        {NOW - BED_S, NOW - 5, true, NOW - 5},
        {NOW - 600 * BED_S + 1, NOW + BED_S, false, 0},
        {NOW - 600 * BED_S, NOW + BED_S, true, NOW},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct owner owner;
        open_owner(&owner, one_step(engine_bed_step("s")));
        claimed(&owner, 1, cases[i].claimed, cases[i].expires);
        engine_decide_rows(&owner.decide);
        const struct engine_item *row = item_at(&owner, ENGINE_ITEM_WORK, 0);
        cr_assert_eq(!row, !cases[i].cut, "case %zu", i);
        cr_assert_eq(owner.decide.cut_count, cases[i].cut);
        if (row) {
            cr_assert_eq(row->flags, ENGINE_WORK_CUT);
            cr_assert_eq(row->a, cases[i].expires);
            cr_assert_eq(row->b, cases[i].guard);
        } else {
            cr_assert_eq(owner.decide.count, 0);
        }
        close_owner(&owner);
    }
}

Test(engine_decide, an_error_that_has_no_class_is_unknown)
{
    struct owner owner;
    open_owner(&owner, one_step(engine_bed_step("s")));
    report(&owner, 0, 1, ENGINE_ERR_COUNT, 1);
    cr_assert_eq(fate_of(&owner), FAILS);
    cr_assert_eq(owner.decide.error, 0);
    cr_assert_eq(owner.run->error, ENGINE_ERR_UNKNOWN);
    close_owner(&owner);
}

Test(engine_decide, rows_of_other_attempts_and_operations_are_ignored)
{
    struct owner owner;
    open_owner(&owner, one_step(engine_bed_step("s")));
    report(&owner, 0, 2, ENGINE_ERR_NONE, 0);
    report(&owner, 0, 0, ENGINE_ERR_NONE, 0);
    report(&owner, 1, 1, ENGINE_ERR_NONE, 0);
    report(&owner, UINT32_MAX, 1, ENGINE_ERR_NONE, 0);
    cr_assert_eq(owner.decide.count, 0);
    report(&owner, 0, 1, ENGINE_ERR_NONE, 0);
    uint32_t count = owner.decide.count;
    report(&owner, 0, 1, ENGINE_ERR_NONE, 0); /* it has been taken */
    cr_assert_eq(owner.decide.count, count);
    cr_assert_eq(owner.decide.error, 0);
    close_owner(&owner);
}

Test(engine_decide, a_report_is_taken_with_its_row)
{
    struct owner owner;
    open_owner(&owner, one_step(engine_bed_step("s")));
    report(&owner, 0, 1, ENGINE_ERR_USER, 1);
    engine_decide_rows(&owner.decide);
    const struct engine_item *row = item_at(&owner, ENGINE_ITEM_WORK, 0);
    cr_assert_eq(row->flags, ENGINE_WORK_TAKE);
    cr_assert_eq(row->attempt, 1);
    const struct engine_item *ended =
        event_of(&owner, ENGINE_EV_ATTEMPT_FAILED);
    cr_assert_eq(ended->a, ENGINE_ERR_USER);
    cr_assert_eq(ended->b, 1);
    cr_assert_eq(event_of(&owner, ENGINE_EV_RETRY_SCHEDULED)->b, 2);
    close_owner(&owner);
}

Test(engine_decide, a_retry_starts_when_it_is_due_and_not_before)
{
    struct owner owner;
    open_owner(&owner, one_step(engine_bed_step("s"))); /* after 1 s */
    report(&owner, 0, 1, ENGINE_ERR_USER, 1);
    engine_decide_timers(&owner.decide); /* not committed: has no time yet */
    cr_assert_eq(fate_of(&owner), RETRIES);
    again(&owner);
    owner.decide.store_now_ns = NOW + BED_S - 1;
    engine_decide_timers(&owner.decide);
    cr_assert_eq(owner.decide.count, 0);
    owner.decide.store_now_ns = NOW + BED_S;
    engine_decide_timers(&owner.decide);
    cr_assert_eq(owner.run->ops[0].state, ENGINE_OP_SCHEDULED);
    cr_assert_eq(owner.run->ops[0].attempt, 2);
    cr_assert_eq(owner.decide.not_before_ns, NOW + BED_S);
    close_owner(&owner);
}

/* Two waits: both fire in one request, in the order they were started. */
Test(engine_decide, waits_that_are_due_fire_together)
{
    const struct engine_node nodes[] = {engine_bed_wait("a", 7 * BED_S),
                                        engine_bed_wait("b", 5 * BED_S),
                                        engine_bed_wait("c", 50 * BED_S)};
    struct owner owner;
    open_owner(&owner, engine_graph_new("g", nodes, 3, NULL, 0, NULL));
    owner.decide.store_now_ns = NOW + 7 * BED_S;
    engine_decide_timers(&owner.decide);
    cr_assert_eq(owner.run->succeeded_count, 2);
    cr_assert_eq(owner.run->open_count, 1);
    cr_assert_eq(owner.decide.not_before_ns, NOW + 7 * BED_S);
    cr_assert_eq(item_at(&owner, ENGINE_ITEM_EVENT, 0)->op, 0);
    cr_assert_eq(item_at(&owner, ENGINE_ITEM_EVENT, 2)->op, 1);
    close_owner(&owner);
}

Test(engine_decide, after_a_failure_nothing_new_starts_but_running_ends)
{
    const struct engine_node nodes[] = {
        engine_bed_step("a"), engine_bed_step("b"), engine_bed_step("after a")};
    const struct engine_edge_names edge = {"a", "out", "after a", "in"};
    struct owner owner;
    open_owner(&owner, engine_graph_new("g", nodes, 3, &edge, 1, NULL));
    report(&owner, 1, 1, ENGINE_ERR_UNKNOWN, 1);
    cr_assert_eq(engine_decide_end(&owner.decide), 0); /* a still runs */
    again(&owner);
    report(&owner, 0, 1, ENGINE_ERR_NONE, 0);
    engine_decide_ready(&owner.decide);
    cr_assert_eq(owner.run->ops[2].state, ENGINE_OP_IDLE);
    cr_assert_eq(engine_decide_end(&owner.decide), 1);
    cr_assert_eq(owner.run->state, ENGINE_RUN_FAILED);
    cr_assert_eq(owner.run->error, ENGINE_ERR_UNKNOWN);
    close_owner(&owner);
}

Test(engine_decide, ambiguity_weighs_more_than_failure)
{
    struct engine_node nodes[] = {engine_bed_step("a"), engine_bed_step("b")};
    nodes[0].side_effect = ENGINE_EFFECT_IRREVERSIBLE;
    struct owner owner;
    open_owner(&owner, engine_graph_new("g", nodes, 2, NULL, 0, NULL));
    report(&owner, 1, 1, ENGINE_ERR_UNKNOWN, 0);
    end_attempt(&owner, CLAIM_OVER);
    cr_assert_eq(engine_decide_end(&owner.decide), 1);
    cr_assert_eq(owner.run->state, ENGINE_RUN_BLOCKED);
    close_owner(&owner);
}

/* a's output feeds nothing, b's does: the result is that of a and c. */
Test(engine_decide, the_result_is_the_outputs_that_nothing_takes)
{
    const struct engine_node nodes[] = {
        engine_bed_step("a"), engine_bed_step("b"), engine_bed_step("c")};
    const struct engine_edge_names edge = {"b", "out", "c", "in"};
    struct owner owner;
    open_owner(&owner, engine_graph_new("g", nodes, 3, &edge, 1, NULL));
    static const char *const texts[] = {"from a", "from b", "from c"};
    for (uint32_t op = 0; op < 3; op++) {
        struct {
            struct engine_item item;
            unsigned char output[16];
        } work = {.item = {.type = ENGINE_ITEM_WORK,
                           .kind = ENGINE_WORK_DONE,
                           .op = op,
                           .attempt = 1}};
        work.item.size = (uint32_t)engine_value_write(
            work.output, ENGINE_VALUE_INLINE, texts[op], 6);
        engine_decide_work(&owner.decide, &work.item);
        engine_decide_ready(&owner.decide);
    }
    cr_assert_eq(engine_decide_end(&owner.decide), 1);
    const struct engine_item *end = event_of(&owner, ENGINE_EV_RUN_SUCCEEDED);
    const struct engine_value *first =
        engine_value_at(engine_item_payload(end), end->size, 0);
    const struct engine_value *second =
        engine_value_at(engine_item_payload(end), end->size, 1);
    cr_assert(memcmp(engine_value_bytes(first), "from a", 6) == 0);
    cr_assert(memcmp(engine_value_bytes(second), "from c", 6) == 0);
    cr_assert_null(engine_value_at(engine_item_payload(end), end->size, 2));
    close_owner(&owner);
}

Test(engine_decide, only_a_long_wait_for_time_alone_suspends)
{
    const struct engine_node both[] = {engine_bed_wait("w", 100 * BED_S),
                                       engine_bed_step("s")};
    struct owner owner;
    open_owner(&owner, engine_graph_new("g", both, 2, NULL, 0, NULL));
    cr_assert_eq(engine_decide_suspend(&owner.decide, BED_S), 0);
    report(&owner, 1, 1, ENGINE_ERR_NONE, 0);
    again(&owner);
    uint64_t due = NOW + 100 * BED_S;
    cr_assert_eq(engine_decide_suspend(&owner.decide, 100 * BED_S), 0);
    cr_assert_eq(owner.run->state, ENGINE_RUN_RUNNING);
    cr_assert_eq(engine_decide_suspend(&owner.decide, 100 * BED_S - 1), due);
    cr_assert_eq(owner.run->state, ENGINE_RUN_SUSPENDED);
    cr_assert_eq(event_of(&owner, ENGINE_EV_RUN_SUSPENDED)->a, due);
    close_owner(&owner);
}

Test(engine_decide, work_carries_the_input_of_its_operation)
{
    const struct engine_node nodes[] = {engine_bed_step("a"),
                                        engine_bed_step("b")};
    struct owner owner;
    open_owner(&owner, engine_bed_chain(nodes, 2));
    struct {
        struct engine_item item;
        unsigned char output[16];
    } work = {.item = {.type = ENGINE_ITEM_WORK,
                       .kind = ENGINE_WORK_DONE,
                       .attempt = 1}};
    work.item.size = (uint32_t)engine_value_write(
        work.output, ENGINE_VALUE_INLINE, "abc", 3);
    engine_decide_work(&owner.decide, &work.item);
    engine_decide_ready(&owner.decide);
    engine_decide_rows(&owner.decide);
    const struct engine_item *put = item_at(&owner, ENGINE_ITEM_WORK, 1);
    cr_assert_eq(put->flags, ENGINE_WORK_PUT);
    cr_assert_eq(put->op, 1);
    cr_assert_eq(put->size, work.item.size);
    cr_assert(memcmp(engine_item_payload(put), work.output, put->size) == 0);
    close_owner(&owner);
}

/* Delays ---------------------------------------------------------------------
 */

Test(engine_decide, a_delay_grows_by_its_factor_up_to_the_cap)
{
    struct engine_retry retry = {.attempts_max = 9,
                                 .factor_milli = 1500,
                                 .delay_ns = 1000,
                                 .delay_max_ns = 4000};
    static const uint64_t want[] = {1000, 1500, 2250, 3375, 4000, 4000};
    for (uint32_t i = 0; i < 6; i++)
        cr_assert_eq(engine_retry_delay(&retry, 1, 1, 0, 2 + i), want[i]);
}

Test(engine_decide, a_delay_never_leaves_its_bounds)
{
    static const uint64_t delays[] = {0, 1, 2, 999, BED_S, INT64_MAX};
    static const uint32_t factors[] = {1000, 1001, 2000, 1000000};
    for (unsigned d = 0; d < 6; d++) {
        for (unsigned f = 0; f < 4; f++) {
            for (unsigned mode = 0; mode < 3; mode++) {
                for (uint32_t n = 2; n < 200; n++) {
                    struct engine_retry retry = {.attempts_max = 200,
                                                 .factor_milli = factors[f],
                                                 .delay_ns = delays[d],
                                                 .delay_max_ns = INT64_MAX};
                    uint64_t plain = engine_retry_delay(&retry, 3, 4, 5, n);
                    retry.jitter = (enum engine_jitter)mode;
                    uint64_t delay = engine_retry_delay(&retry, 3, 4, 5, n);
                    cr_assert(plain >= delays[d] && plain <= INT64_MAX);
                    cr_assert(delay <= plain);
                    cr_assert(mode != ENGINE_JITTER_NONE || delay == plain);
                    cr_assert(mode != ENGINE_JITTER_HALF || delay >= plain / 2);
                }
            }
        }
    }
}

Test(engine_decide, jitter_uses_all_of_its_range)
{
    struct engine_retry retry = {.attempts_max = 3,
                                 .factor_milli = 1000,
                                 .delay_ns = 3,
                                 .delay_max_ns = 3};
    for (int mode = ENGINE_JITTER_HALF; mode <= ENGINE_JITTER_FULL; mode++) {
        unsigned seen[4] = {0};
        retry.jitter = (enum engine_jitter)mode;
        for (uint64_t run = 1; run <= 1000; run++)
            seen[engine_retry_delay(&retry, 1, run, 0, 2)]++;
        cr_assert_eq(seen[0] > 0, mode == ENGINE_JITTER_FULL);
        cr_assert(seen[1] > 150 && seen[2] > 150 && seen[3] > 150);
    }
}

Test(engine_decide, jitter_is_a_function_of_seed_run_operation_and_attempt)
{
    struct engine_retry retry = {.attempts_max = 9,
                                 .factor_milli = 1000,
                                 .delay_ns = INT64_MAX,
                                 .delay_max_ns = INT64_MAX,
                                 .jitter = ENGINE_JITTER_FULL};
    uint64_t draw = engine_retry_delay(&retry, 1, 2, 3, 4);
    cr_assert_eq(engine_retry_delay(&retry, 1, 2, 3, 4), draw);
    cr_assert_neq(engine_retry_delay(&retry, 9, 2, 3, 4), draw);
    cr_assert_neq(engine_retry_delay(&retry, 1, 9, 3, 4), draw);
    cr_assert_neq(engine_retry_delay(&retry, 1, 2, 9, 4), draw);
    cr_assert_neq(engine_retry_delay(&retry, 1, 2, 3, 9), draw);
}

Test(engine_decide, invocations_that_break_off_wait_longer_and_longer)
{
    static const uint64_t seconds[] = {1, 1, 2, 4, 8, 16, 32, 60, 60};
    for (uint32_t i = 0; i < sizeof(seconds) / sizeof(seconds[0]); i++)
        cr_assert_eq(engine_decide_backoff(i), seconds[i] * BED_S, "%u", i);
    cr_assert_eq(engine_decide_backoff(UINT32_MAX), 60 * BED_S);
}

/* Deadlines around attempts ------------------------------------------------ */

static void unclaimed(struct owner *owner, uint32_t attempt)
{
    struct engine_item work = {.type = ENGINE_ITEM_WORK,
                               .kind = ENGINE_WORK_PENDING,
                               .attempt = attempt};
    engine_decide_work(&owner->decide, &work);
}

static bool names(const struct engine_item *event, const char *deadline)
{
    return event && event->size == strlen(deadline) &&
           memcmp(engine_item_payload(event), deadline, event->size) == 0;
}

Test(engine_decide, an_attempt_that_nobody_begins_is_given_up_in_time)
{
    for (int effect = ENGINE_EFFECT_READ_ONLY;
         effect <= ENGINE_EFFECT_IRREVERSIBLE; effect++) {
        struct engine_node node = engine_bed_step("s");
        node.side_effect = (enum engine_side_effect)effect;
        node.schedule_to_start_ns = 20 * BED_S;
        struct owner owner;
        open_owner(&owner, one_step(node));
        owner.decide.store_now_ns = NOW + 20 * BED_S - 1;
        unclaimed(&owner, 1);
        cr_assert_eq(owner.decide.count, 0);
        owner.decide.store_now_ns++;
        unclaimed(&owner, 1);
        engine_decide_rows(&owner.decide);
        const struct engine_item *row = item_at(&owner, ENGINE_ITEM_WORK, 0);
        cr_assert_eq(row->flags, ENGINE_WORK_DROP);
        cr_assert_eq(owner.decide.not_before_ns, NOW + 20 * BED_S);
        cr_assert_null(event_of(&owner, ENGINE_EV_ATTEMPT_STARTED));
        cr_assert(names(event_of(&owner, ENGINE_EV_ATTEMPT_TIMED_OUT),
                        "schedule_to_start"));
        /* It has not begun: whatever it does may be tried again. */
        cr_assert_eq(fate_of(&owner), RETRIES, "effect %d", effect);
        again(&owner);
        owner.decide.store_now_ns += 100 * BED_S;
        engine_decide_timers(&owner.decide);
        again(&owner);
        cr_assert_eq(engine_run_op_due(&owner.run->ops[0]),
                     owner.decide.store_now_ns + 20 * BED_S);
        close_owner(&owner);
    }
}

Test(engine_decide, a_handlers_invocation_that_nobody_begins_is_called_anew)
{
    struct engine_node node = engine_bed_step("h");
    node.kind = ENGINE_NODE_HANDLER;
    node.schedule_to_start_ns = 20 * BED_S;
    struct owner owner;
    open_owner(&owner, one_step(node));
    owner.decide.store_now_ns = NOW + 20 * BED_S;
    unclaimed(&owner, 1);
    cr_assert_eq(owner.decide.error, 0);
    cr_assert_eq(fate_of(&owner), RETRIES);
    cr_assert_eq(owner.run->execution->failures, 1);
    close_owner(&owner);
}

Test(engine_decide, all_attempts_of_a_step_have_a_time_together)
{
    struct engine_node node = engine_bed_step("s");
    node.retry.attempts_max = 100;
    node.timeout_ns = 700 * BED_S;
    struct owner owner;
    open_owner(&owner, one_step(node));
    /* Under way: it is cut when that comes before its own time is over. */
    cr_assert_eq(engine_decide_over_at(owner.run, 0, NOW), NOW + 600 * BED_S);
    cr_assert_eq(engine_decide_over_at(owner.run, 0, NOW + 200 * BED_S),
                 NOW + 700 * BED_S);
    owner.decide.store_now_ns = NOW + 700 * BED_S;
    claimed(&owner, 1, NOW + 200 * BED_S, NOW + 800 * BED_S);
    engine_decide_rows(&owner.decide);
    const struct engine_item *row = item_at(&owner, ENGINE_ITEM_WORK, 0);
    cr_assert_eq(row->flags, ENGINE_WORK_CUT);
    cr_assert_eq(row->b, NOW + 700 * BED_S);
    cr_assert(names(event_of(&owner, ENGINE_EV_ATTEMPT_TIMED_OUT), "timeout"));
    cr_assert_eq(fate_of(&owner), FAILS);
    close_owner(&owner);
}

Test(engine_decide, a_run_is_suspended_until_its_step_ends_at_the_latest)
{
    struct engine_node node = engine_bed_step("s");
    node.retry = (struct engine_retry){.attempts_max = 100,
                                       .factor_milli = 1000,
                                       .delay_ns = 500 * BED_S,
                                       .delay_max_ns = 500 * BED_S};
    node.timeout_ns = 700 * BED_S;
    struct owner owner;
    open_owner(&owner, one_step(node));
    owner.decide.store_now_ns = NOW + 300 * BED_S;
    report(&owner, 0, 1, ENGINE_ERR_USER, 1);
    cr_assert_eq(fate_of(&owner), RETRIES);
    again(&owner);
    cr_assert_eq(engine_decide_suspend(&owner.decide, BED_S),
                 NOW + 700 * BED_S);
    close_owner(&owner);
}

Test(engine_decide, a_step_is_over_at_its_time_and_not_before)
{
    struct engine_node node = engine_bed_step("s");
    node.retry = (struct engine_retry){.attempts_max = 100,
                                       .factor_milli = 1000,
                                       .delay_ns = 500 * BED_S,
                                       .delay_max_ns = 500 * BED_S};
    node.timeout_ns = 700 * BED_S;
    struct owner owner;
    open_owner(&owner, one_step(node));
    owner.decide.store_now_ns = NOW + 300 * BED_S;
    report(&owner, 0, 1, ENGINE_ERR_USER, 1);
    again(&owner);
    owner.decide.store_now_ns = NOW + 700 * BED_S - 1;
    engine_decide_timers(&owner.decide);
    cr_assert_eq(owner.decide.count, 0);
    owner.decide.store_now_ns++;
    engine_decide_timers(&owner.decide);
    cr_assert_eq(fate_of(&owner), FAILS);
    cr_assert_eq(owner.run->error, ENGINE_ERR_TIMED_OUT);
    cr_assert_eq(owner.decide.not_before_ns, NOW + 700 * BED_S);
    cr_assert(names(event_of(&owner, ENGINE_EV_OP_FAILED), "timeout"));
    close_owner(&owner);
}

Test(engine_decide, a_run_that_an_operator_must_look_at_has_no_deadline)
{
    struct engine_node node = engine_bed_step("s");
    node.side_effect = ENGINE_EFFECT_IRREVERSIBLE;
    struct engine_graph *graph = one_step(node);
    engine_graph_set_timeout(graph, 50 * BED_S);
    struct owner owner;
    open_owner(&owner, graph);
    cr_assert_eq(engine_run_deadline(owner.run), NOW + 50 * BED_S);
    end_attempt(&owner, CLAIM_OVER);
    cr_assert_eq(engine_run_deadline(owner.run), UINT64_MAX);
    cr_assert_eq(engine_run_due(owner.run), UINT64_MAX);
    close_owner(&owner);
}

/* What platforms say of attempts --------------------------------------------
 */

/* The word about an attempt of operation 0, for what is decided next. */
static void say(struct owner *owner, uint32_t attempt, uint32_t error,
                const char *chain)
{
    static struct {
        struct engine_item head;
        char chain[ENGINE_CAUSE_MAX];
    } word;
    size_t size = strlen(chain);
    word.head = (struct engine_item){
        .size = (uint32_t)size, .attempt = attempt, .a = error};
    memcpy(word.chain, chain, size);
    owner->decide.words = &word;
    owner->decide.words_size = engine_item_span(word.head.size);
}

/* Its platform gives the attempt up that nobody has claimed. */
static void refuse(struct owner *owner, uint32_t error, const char *chain)
{
    uint32_t attempt = owner->run->ops[0].attempt;
    say(owner, attempt, error, chain);
    unclaimed(owner, attempt);
    cr_assert_eq(owner->decide.error, 0);
}

/* Then the next one is scheduled, as soon as it may be. */
static void next_attempt(struct owner *owner)
{
    again(owner);
    owner->decide.store_now_ns = engine_run_op_due(&owner->run->ops[0]);
    engine_decide_timers(&owner->decide);
    cr_assert_eq(owner->run->ops[0].state, ENGINE_OP_SCHEDULED);
    again(owner);
}

static struct engine_node mixed(uint32_t platforms, uint32_t attempts)
{
    struct engine_node node = engine_bed_step("s");
    node.retry.attempts_max = attempts;
    node.platform_count = platforms;
    for (uint32_t i = 0; i < platforms; i++)
        node.platforms[i] = 10 + i;
    return node;
}

Test(engine_decide, what_its_platform_would_not_begin_is_repeated_by_its_class)
{
    static const struct {
        uint32_t error;
        bool again;
    } rows[] = {
        {ENGINE_ERR_PLATFORM_START, true}, {ENGINE_ERR_THROTTLED, true},
        {ENGINE_ERR_AUTH_EXPIRED, true},   {ENGINE_ERR_INTERRUPTED, true},
        {ENGINE_ERR_TIMED_OUT, true},      {ENGINE_ERR_OOM, true},
        {ENGINE_ERR_NETWORK, true},        {ENGINE_ERR_USER, true},
        {ENGINE_ERR_SIZE_LIMIT, false},    {ENGINE_ERR_VALIDATION, false},
        {ENGINE_ERR_CONTRACT, false},      {ENGINE_ERR_UNKNOWN, false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct engine_node node = engine_bed_step("s");
        struct owner owner;
        node.side_effect = ENGINE_EFFECT_IRREVERSIBLE; /* it did not begin */
        open_owner(&owner, one_step(node));
        refuse(&owner, rows[i].error, "platform: X: y");
        engine_decide_rows(&owner.decide);
        const struct engine_item *row = item_at(&owner, ENGINE_ITEM_WORK, 0);
        const struct engine_item *event =
            event_of(&owner, ENGINE_EV_ATTEMPT_FAILED);
        cr_assert_eq(row->flags, ENGINE_WORK_DROP);
        cr_assert_null(event_of(&owner, ENGINE_EV_ATTEMPT_STARTED));
        cr_assert(names(event, "platform: X: y"));
        cr_assert_eq(event->a, rows[i].error);
        cr_assert_eq(event->b, rows[i].again);
        cr_assert_eq(fate_of(&owner), rows[i].again ? RETRIES : FAILS, "%s",
                     engine_error_name(rows[i].error));
        close_owner(&owner);
    }
}

Test(engine_decide, while_an_attempt_is_claimed_the_word_of_its_platform_waits)
{
    struct owner owner;
    open_owner(&owner, one_step(engine_bed_step("s")));
    say(&owner, 1, ENGINE_ERR_OOM, "node: OOMKilled: 5 MiB");
    claimed(&owner, 1, NOW - BED_S, NOW + 1);
    cr_assert_eq(owner.decide.count, 0);
    owner.decide.store_now_ns++;
    claimed(&owner, 1, NOW - BED_S, NOW + 1);
    const struct engine_item *event =
        event_of(&owner, ENGINE_EV_ATTEMPT_FAILED);
    cr_assert_not_null(event_of(&owner, ENGINE_EV_ATTEMPT_STARTED));
    cr_assert(names(event, "node: OOMKilled: 5 MiB"));
    cr_assert_eq(event->a, ENGINE_ERR_OOM);
    cr_assert_eq(fate_of(&owner), RETRIES);
    close_owner(&owner);
}

Test(engine_decide, a_word_of_what_could_not_begin_is_no_class_of_what_did)
{
    static const uint32_t errors[] = {
        ENGINE_ERR_PLATFORM_START, ENGINE_ERR_THROTTLED,
        ENGINE_ERR_AUTH_EXPIRED, ENGINE_ERR_CONTRACT, ENGINE_ERR_VALIDATION};
    for (size_t i = 0; i < sizeof(errors) / sizeof(*errors); i++) {
        struct owner owner;
        open_owner(&owner, one_step(mixed(2, 3)));
        say(&owner, 1, errors[i], "platform: X: of a copy");
        claimed(&owner, 1, NOW - BED_S, NOW);
        const struct engine_item *event =
            event_of(&owner, ENGINE_EV_ATTEMPT_INTERRUPTED);
        cr_assert(names(event, "platform: X: of a copy"));
        cr_assert_eq(event->a, ENGINE_ERR_INTERRUPTED);
        cr_assert_eq(engine_run_platform(owner.run, 0), 10);
        close_owner(&owner);
    }
}

Test(engine_decide, no_word_of_a_platform_makes_a_begun_effect_certain)
{
    for (uint32_t error = 1; error < ENGINE_ERR_COUNT; error++) {
        struct engine_node node = engine_bed_step("s");
        struct owner owner;
        node.side_effect = ENGINE_EFFECT_IRREVERSIBLE;
        open_owner(&owner, one_step(node));
        say(&owner, 1, error, "platform: X: y");
        claimed(&owner, 1, NOW - BED_S, NOW);
        cr_assert_eq(fate_of(&owner), AMBIGUOUS, "%s",
                     engine_error_name(error));
        cr_assert(names(event_of(&owner, ENGINE_EV_ATTEMPT_AMBIGUOUS),
                        "platform: X: y"));
        close_owner(&owner);
    }
}

Test(engine_decide, words_of_other_attempts_say_nothing)
{
    struct owner owner;
    open_owner(&owner, one_step(engine_bed_step("s")));
    say(&owner, 2, ENGINE_ERR_PLATFORM_START, "platform: X: y");
    unclaimed(&owner, 1);
    cr_assert_eq(owner.decide.count, 0);
    claimed(&owner, 1, NOW - BED_S, NOW);
    cr_assert_eq(event_of(&owner, ENGINE_EV_ATTEMPT_INTERRUPTED)->size, 0);
    close_owner(&owner);
}

Test(engine_decide, an_attempt_goes_on_through_its_platforms_and_round_again)
{
    struct owner owner;
    open_owner(&owner, one_step(mixed(3, 3)));
    static const uint32_t expected[] = {10, 11, 12, 10, 11};
    for (uint32_t i = 0; i < 5; i++) {
        cr_assert_eq(engine_run_platform(owner.run, 0), expected[i], "%u", i);
        refuse(&owner, ENGINE_ERR_PLATFORM_START, "platform: X: y");
        if (i < 4)
            next_attempt(&owner);
    }
    /* Two of the five were to platforms not tried before. */
    cr_assert_eq(fate_of(&owner), FAILS);
    cr_assert_eq(owner.run->ops[0].attempt, 5);
    close_owner(&owner);
}

Test(engine_decide, a_step_tried_once_is_tried_once_on_each_platform)
{
    struct owner owner;
    open_owner(&owner, one_step(mixed(2, 1)));
    refuse(&owner, ENGINE_ERR_CONTRACT, "platform: Unschedulable: 9 GPUs");
    cr_assert_eq(fate_of(&owner), RETRIES);
    next_attempt(&owner);
    cr_assert_eq(engine_run_platform(owner.run, 0), 11);
    refuse(&owner, ENGINE_ERR_CONTRACT, "platform: Unschedulable: 9 GPUs");
    cr_assert_eq(fate_of(&owner), FAILS);
    close_owner(&owner);
}

Test(engine_decide, what_began_stays_on_its_platform)
{
    struct owner owner;
    open_owner(&owner, one_step(mixed(2, 5)));
    claimed(&owner, 1, NOW - BED_S, NOW);
    cr_assert_eq(fate_of(&owner), RETRIES);
    cr_assert_eq(engine_run_platform(owner.run, 0), 10);
    next_attempt(&owner);
    refuse(&owner, ENGINE_ERR_INTERRUPTED, "node: spot reclaim: 2 min");
    cr_assert_eq(engine_run_platform(owner.run, 0), 10);
    close_owner(&owner);
}

Test(engine_decide, credentials_are_refreshed_once_on_each_platform)
{
    for (uint32_t platforms = 0; platforms <= 2; platforms++) {
        uint32_t tries = 1;
        struct owner owner;
        open_owner(&owner, one_step(mixed(platforms, 9)));
        refuse(&owner, ENGINE_ERR_AUTH_EXPIRED, "platform: X: y");
        for (; fate_of(&owner) == RETRIES; tries++) {
            cr_assert_eq(event_of(&owner, ENGINE_EV_RETRY_SCHEDULED)->a, 0);
            next_attempt(&owner);
            refuse(&owner, ENGINE_ERR_AUTH_EXPIRED, "platform: X: y");
        }
        cr_assert_eq(tries, platforms == 2 ? 4 : 2);
        close_owner(&owner);
    }
}

Test(engine_decide, a_throttled_platform_is_asked_five_times_more_ever_later)
{
    static const uint64_t delays[] = {100, 200, 400, 800, 1600};
    struct owner owner;
    open_owner(&owner, one_step(mixed(0, 1)));
    for (size_t i = 0; i < 5; i++) {
        refuse(&owner, ENGINE_ERR_THROTTLED, "platform: X: y");
        cr_assert_eq(event_of(&owner, ENGINE_EV_RETRY_SCHEDULED)->a,
                     delays[i] * BED_MS);
        next_attempt(&owner);
    }
    refuse(&owner, ENGINE_ERR_THROTTLED, "platform: X: y");
    cr_assert_eq(fate_of(&owner), FAILS);
    close_owner(&owner);
}

Test(engine_decide, a_run_that_fails_says_which_step_and_keeps_the_root_cause)
{
    struct engine_node node = engine_bed_step("train\nmodel");
    struct owner owner;
    node.retry.attempts_max = 1;
    open_owner(&owner, one_step(node));
    refuse(&owner, ENGINE_ERR_PLATFORM_START,
           "node: ImagePullBackOff: Back-off\nnode: ErrImagePull: no host");
    engine_decide_end(&owner.decide);
    const struct engine_item *event = event_of(&owner, ENGINE_EV_RUN_FAILED);
    cr_assert_eq(event->a, ENGINE_ERR_PLATFORM_START);
    cr_assert(names(event, "engine: PLATFORM_START: step train model, attempt "
                           "1\nnode: ImagePullBackOff: Back-off\nnode: "
                           "ErrImagePull: no host"));
    close_owner(&owner);
}

Test(engine_decide, a_run_whose_step_came_too_late_says_which_time_was_over)
{
    struct engine_node node = engine_bed_step("s");
    struct owner owner;
    node.retry.attempts_max = 1;
    node.schedule_to_start_ns = BED_S;
    open_owner(&owner, one_step(node));
    owner.decide.store_now_ns += BED_S;
    unclaimed(&owner, 1);
    engine_decide_end(&owner.decide);
    cr_assert(names(event_of(&owner, ENGINE_EV_RUN_FAILED),
                    "engine: TIMED_OUT: step s, attempt 1\nengine: TIMED_OUT: "
                    "schedule_to_start is over"));
    close_owner(&owner);
}

static struct engine_node mixed_handler(uint32_t platforms)
{
    struct engine_node node = mixed(platforms, 1);
    node.kind = ENGINE_NODE_HANDLER;
    return node;
}

Test(engine_decide, an_invocation_goes_on_through_its_platforms_for_ever)
{
    struct owner owner;
    open_owner(&owner, one_step(mixed_handler(2)));
    for (uint32_t i = 0; i < 20; i++) {
        cr_assert_eq(engine_run_platform(owner.run, 0), 10 + i % 2);
        refuse(&owner, ENGINE_ERR_PLATFORM_START, "platform: X: y");
        cr_assert_eq(fate_of(&owner), RETRIES);
        next_attempt(&owner);
    }
    close_owner(&owner);
}

Test(engine_decide, an_invocation_that_can_never_begin_ends_its_run_in_words)
{
    static const uint32_t errors[] = {
        ENGINE_ERR_SIZE_LIMIT, ENGINE_ERR_CONTRACT, ENGINE_ERR_VALIDATION};
    for (size_t i = 0; i < 3; i++) {
        struct owner owner;
        open_owner(&owner, one_step(mixed_handler(0)));
        refuse(&owner, errors[i], "platform: X: y");
        cr_assert_eq(fate_of(&owner), FAILS);
        engine_decide_end(&owner.decide);
        cr_assert(
            names(event_of(&owner, ENGINE_EV_RUN_FAILED), "platform: X: y"));
        close_owner(&owner);
    }
}

static const struct engine_item *outbox_row(const struct owner *owner)
{
    const unsigned char *bytes = owner->rows.bytes;
    for (size_t at = sizeof(uint64_t); at < owner->rows.size;) {
        const struct engine_item *item = (const void *)(bytes + at);
        if (item->type == ENGINE_ITEM_OUTBOX)
            return item;
        at += engine_item_span(item->size);
    }
    return NULL;
}

Test(engine_decide, a_parent_hears_which_run_failed_before_its_root_cause)
{
    struct engine_node node = engine_bed_step("train");
    struct owner owner;
    node.retry.attempts_max = 1;
    open_owner(&owner, one_step(node));
    owner.run->origin.parent = 7;
    refuse(&owner, ENGINE_ERR_PLATFORM_START, "node: ErrImagePull: no host");
    engine_decide_end(&owner.decide);
    const struct engine_item *row = outbox_row(&owner);
    cr_assert_not_null(row);
    struct engine_signal signal;
    memcpy(&signal, engine_item_payload(row), sizeof(signal));
    cr_assert_eq(signal.kind, ENGINE_SIG_CHILD_ENDED);
    const char *words = (const char *)engine_item_payload(row) + sizeof(signal);
    char expected[200];
    int size = snprintf(expected, sizeof(expected),
                        "engine: PLATFORM_START: run %llu of %s\n"
                        "engine: PLATFORM_START: step train, attempt 1\n"
                        "node: ErrImagePull: no host",
                        (unsigned long long)owner.run->id,
                        engine_graph_name(owner.run->graph));
    cr_assert_eq(signal.value_size, (uint32_t)size);
    cr_assert_eq(memcmp(words, expected, signal.value_size), 0, "%.*s",
                 (int)signal.value_size, words);
    close_owner(&owner);
}
