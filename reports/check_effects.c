/*
 * S5: effects at their receiver. Where the receiver takes a key, an operation
 * is applied exactly once if it succeeded and at most once otherwise; without
 * a key at most once an attempt; an irreversible one at most once at all. An
 * operation with an effect cannot have succeeded without it.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/fold.h"

/* What one operation did to the world. */
struct tally {
    uint32_t attempts; /* bit n: attempt n + 1 was applied; up to 32 */
    uint16_t key;      /* of the last application, lowest bits */
    uint8_t applied;   /* stops at 255 */
    uint8_t reserved;
};

struct effects {
    struct check_self head;
    struct tally **tallies; /* by run, then op; NULL: nothing applied yet */
};

static void close_effects(void *self)
{
    struct effects *s = self;

    for (uint64_t run = 0; s->tallies && run <= s->head.world->runs_max; run++)
        free(s->tallies[run]);
    free(s->tallies);
    free(s);
}

static void *open_effects(const struct check_view *view,
                          struct check_result *result)
{
    struct effects *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    s->tallies = calloc(view->world->runs_max + 1, sizeof(struct tally *));
    if (!s->tallies) {
        close_effects(s);
        return NULL;
    }
    return s;
}

static struct tally *tally_of(struct effects *s, const struct fold_run *run,
                              const struct engine_record *record)
{
    struct tally **tallies = &s->tallies[record->run];

    if (!*tallies)
        *tallies = calloc(run->op_count, sizeof(struct tally));
    return *tallies ? &(*tallies)[record->op] : NULL;
}

static void check_keyed(struct effects *s, const struct tally *tally,
                        const struct engine_node *node,
                        const struct engine_record *record, uint64_t index)
{
    if (record->a || tally->applied > 1)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": the effect of %s was applied again "
                        "by attempt %u under %s key; expected one application",
                        record->run, node->name, record->attempt,
                        record->a || tally->key == (uint16_t)record->key
                            ? "the same"
                            : "another");
}

static void check_keyless(struct effects *s, const struct tally *tally,
                          const struct engine_node *node,
                          const struct engine_record *record, uint64_t index)
{
    uint32_t bit = record->attempt - 1;

    if (node->side_effect == ENGINE_EFFECT_IRREVERSIBLE && tally->applied > 1)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": the irreversible effect of %s was "
                        "applied %u times, the last by attempt %u; expected 1",
                        record->run, node->name, tally->applied,
                        record->attempt);
    else if (bit < 32 && tally->attempts >> bit & 1)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": attempt %u of %s applied its effect "
                        "twice; expected at most one application an attempt",
                        record->run, record->attempt, node->name);
}

static void applied(struct effects *s, const struct fold_run *run,
                    const struct engine_record *record, uint64_t index)
{
    struct fold const *fold = s->head.fold;
    const struct engine_node *node = fold_node(fold, run, record->op);
    struct tally *tally = tally_of(s, run, record);
    uint32_t bit = record->attempt - 1;

    if (!tally)
        return;
    s->head.result->checked++;
    if (tally->applied < UINT8_MAX)
        tally->applied++;
    if (fold_effect(fold, run, record->op) == 2)
        check_keyed(s, tally, node, record, index);
    else
        check_keyless(s, tally, node, record, index);
    tally->key = (uint16_t)record->key;
    if (bit < 32)
        tally->attempts |= UINT32_C(1) << bit;
}

static void succeeded(struct effects *s, const struct fold_run *run,
                      const struct engine_record *record, uint64_t index)
{
    const struct tally *tallies = s->tallies[record->run];

    if (!fold_effect(s->head.fold, run, record->op))
        return;
    s->head.result->checked++;
    if (!tallies || !tallies[record->op].applied)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": %s succeeded in attempt %u, but its "
                        "effect was never applied",
                        record->run,
                        fold_op_name(s->head.fold, run, record->op),
                        record->attempt);
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct effects *s = self;
    const struct fold_run *run = fold_run(s->head.fold, record->run);

    if (!run || !fold_node(s->head.fold, run, record->op))
        return;
    if (record->kind == ENGINE_REC_EFFECT_APPLIED)
        applied(s, run, record, index);
    else if (record->detail == ENGINE_EV_OP_SUCCEEDED)
        succeeded(s, run, record, index);
}

const struct check_ops check_effects = {
    .id = "S5",
    .name = "effects at their receiver",
    .unit = "effects and operations that have one",
    .kinds = CHECK_KIND(EFFECT_APPLIED) | CHECK_KIND(EVENT),
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT | CHECK_BEYOND_RECEIVER,
    .open = open_effects,
    .feed = feed,
    .close = close_effects,
};
