/*
 * One thing goes wrong in the life of a handler's run, at each place in turn:
 * a machine dies before or after one of its actions, a message or request is
 * lost or doubled. The run gives what it gives when nothing happens.
 */
#include <criterion/criterion.h>

#include "tests/support/handler_bed.h"

enum {
    RUN = 5,
    ACTIONS_MAX = 200,
    KEYS_MAX = 16
};

enum fault {
    DIES_BEFORE,
    DIES_AFTER,
    LOST,
    DOUBLED,
    FAULTS
};

/* What goes wrong, and what was seen. */
struct plan {
    enum fault fault;
    uint32_t node; /* whose action */
    unsigned nth;
    unsigned actions; /* of this node so far */
    bool dies_now;
    uint64_t keys[KEYS_MAX]; /* of effects */
    unsigned key_count;
    unsigned once; /* times the step that may not be repeated has run */
};

static struct handler_bed bed;
static char text[65536];

#define TRY(call)                                                              \
    do {                                                                       \
        int flow_ = (call);                                                    \
        if (flow_)                                                             \
            return flow_;                                                      \
    } while (0)

static int elsewhere(struct engine_attempt *a, void *self,
                     struct engine_bytes input, struct engine_bytes *out)
{
    (void)input;
    (void)out;
    engine_attempt_tag(a, self ? 1 : 0);
    return ENGINE_SUSPENDED;
}

static int life(struct engine_context *c, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    static int marked;
    const struct engine_retry retry = engine_retry_fixed(9, BED_S);
    const struct engine_step_options again = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT, .retry = &retry};
    const struct engine_step_options once = {.side_effect =
                                                 ENGINE_EFFECT_IDEMPOTENT,
                                             .semantics = ENGINE_AT_MOST_ONCE,
                                             .retry = &retry};
    struct engine_bytes first;
    struct engine_bytes second;
    (void)self;
    TRY(engine_step(c, "first", elsewhere, NULL, input, &again, &first));
    TRY(engine_invoke(c, "child", "leaf", first, NULL, &second));
    TRY(engine_wait(c, "nap", 100 * BED_S));
    TRY(engine_step(c, "once", elsewhere, &marked, second, &once, &first));
    *out = second;
    return ENGINE_DONE;
}

static int leaf(struct engine_context *c, void *self, struct engine_bytes input,
                struct engine_bytes *out)
{
    const struct engine_retry retry = engine_retry_fixed(9, BED_S);
    const struct engine_step_options again = {
        .side_effect = ENGINE_EFFECT_IDEMPOTENT, .retry = &retry};
    (void)self;
    return engine_step(c, "leaf", elsewhere, NULL, input, &again, out);
}

static const struct engine_handler life_handler = {"life", life, NULL};
static const struct engine_handler leaf_handler = {"leaf", leaf, NULL};

static void die(struct handler_bed *b, const struct plan *plan)
{
    for (size_t i = b->bed.post_count; i-- > 0;)
        if (b->bed.posts[i]->from == plan->node)
            engine_bed_discard(&b->bed, i);
    if (plan->node == HANDLER_BED_WORKER)
        engine_bed_worker(&b->bed, plan->node);
    else
        engine_bed_coordinator(&b->bed, plan->node);
}

static enum handler_bed_fate decide(struct handler_bed *b,
                                    const struct engine_bed_post *post)
{
    struct plan *plan = b->self;
    if (plan->dies_now) {
        plan->dies_now = false;
        bool mine = post->from == plan->node;
        die(b, plan);
        if (mine)
            return HANDLER_BED_LOSE;
    }
    if (post->from != plan->node || ++plan->actions != plan->nth)
        return HANDLER_BED_CARRY;
    /* Orders to a worker's own host are not sent anywhere. */
    bool sent = post->kind == ENGINE_DO_SEND || post->kind == ENGINE_DO_REQUEST;
    switch (plan->fault) {
    case DIES_BEFORE:
        die(b, plan);
        return HANDLER_BED_LOSE;
    case DIES_AFTER:
        plan->dies_now = true;
        return HANDLER_BED_CARRY;
    case LOST:
        return sent ? HANDLER_BED_LOSE : HANDLER_BED_CARRY;
    default:
        return sent ? HANDLER_BED_TWICE : HANDLER_BED_CARRY;
    }
}

static uint32_t effect(struct handler_bed *b, const struct engine_execute *what,
                       const char **result)
{
    struct plan *plan = b->self;
    unsigned i = 0;
    while (i < plan->key_count && plan->keys[i] != what->key.lo)
        i++;
    if (i == plan->key_count) {
        cr_assert_lt(i, KEYS_MAX);
        plan->keys[plan->key_count++] = what->key.lo;
    }
    plan->once += what->tag == 1 && what->part_attempt == 1;
    *result = "r";
    return 0;
}

/* Lives the run's life with one fault; the actions of the node. */
static unsigned live_with(struct plan *plan)
{
    handler_bed_open(&bed, &life_handler);
    handler_bed_add(&bed, &leaf_handler);
    bed.bed.coordinator.snapshot_events = plan->nth % 2 ? 5 : 0;
    handler_bed_restart(&bed);
    bed.fate = decide;
    bed.step = effect;
    bed.self = plan;
    for (unsigned i = 0; i < 60; i++) {
        if (bed.heard[ENGINE_MSG_STARTED] == 0)
            handler_bed_start(&bed, 0, RUN, "in");
        handler_bed_live(&bed, 10 * BED_S);
    }
    cr_assert_eq(bed.state, ENGINE_RUN_SUCCEEDED,
                 "fault %d at %u of node %u: state %u: %s", (int)plan->fault,
                 plan->nth, plan->node, bed.state,
                 handler_bed_story(&bed, RUN, text, sizeof(text)));
    cr_assert_str_eq(handler_bed_end(&bed, RUN, text, sizeof(text)), "r");
    cr_assert_eq(plan->key_count, 3);
    cr_assert_leq(plan->once, 1, "fault %d at %u of node %u", (int)plan->fault,
                  plan->nth, plan->node);
    cr_assert_eq(bed.bed.records[ENGINE_REC_ENGINE_ERROR], 0);
    cr_assert_eq(
        engine_coordinator_owned(
            engine_bed_machine(&bed.bed, HANDLER_BED_COORDINATOR)->coordinator),
        0);
    handler_bed_close(&bed);
    return plan->actions;
}

static void sweep(uint32_t node, enum fault fault)
{
    struct plan plan = {.node = node, .nth = ACTIONS_MAX + 1};
    unsigned actions = live_with(&plan);
    cr_assert_gt(actions, 20);
    for (unsigned nth = 1; nth <= ACTIONS_MAX && nth <= actions; nth++) {
        plan = (struct plan){.fault = fault, .node = node, .nth = nth};
        (void)live_with(&plan);
    }
}

Test(engine_handler_faults, a_coordinator_may_die_at_each_of_its_actions)
{
    sweep(HANDLER_BED_COORDINATOR, DIES_BEFORE);
    sweep(HANDLER_BED_COORDINATOR, DIES_AFTER);
}

Test(engine_handler_faults, a_worker_may_die_at_each_of_its_actions)
{
    sweep(HANDLER_BED_WORKER, DIES_BEFORE);
    sweep(HANDLER_BED_WORKER, DIES_AFTER);
}

Test(engine_handler_faults, each_message_may_be_lost_or_doubled)
{
    for (unsigned fault = LOST; fault < FAULTS; fault++) {
        sweep(HANDLER_BED_COORDINATOR, (enum fault)fault);
        sweep(HANDLER_BED_WORKER, (enum fault)fault);
    }
}
