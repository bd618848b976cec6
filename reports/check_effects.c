/*
 * S5: effects at their receiver. Where the receiver takes a key, an operation
 * is applied exactly once if it succeeded and at most once otherwise; without
 * a key at most once an attempt; an irreversible one at most once at all. An
 * operation with an effect cannot have succeeded without it.
 *
 * Effects of a handler's steps are told apart by operation. Without a key a
 * step that may be repeated can apply it any number of times, one that is
 * declared to run at most once does so at most once an attempt; a step that
 * sent an effect and succeeded has applied it.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "reports/check_each.h"
#include "reports/fold.h"

enum {
    OPERATIONS_MAX = 1 << 24 /* larger numbers are nonsense */
};

/* What one operation did to the world. */
struct tally {
    uint32_t attempts; /* bit n: attempt n + 1 was applied; up to 32 */
    uint16_t key;      /* of the last application, lowest bits */
    uint8_t applied;   /* stops at 255 */
    uint8_t sent;      /* an effect was asked for, 0 or 1 */
    uint64_t id;       /* of a handler's step, 0: free */
};

/*
 * By operation; of a handler open addressing by id, since the number of a step
 * is not known before its end is durable.
 */
struct tallies {
    struct tally *list; /* NULL: nothing sent yet */
    uint32_t count;
    uint32_t used; /* of a handler's */
};

struct effects {
    struct check_self head;
    struct check_by_run tallies; /* struct tallies */
};

static void close_effects(void *self)
{
    struct effects *s = self;

    for (uint64_t slot = 0; s->tallies.items && slot < s->tallies.count; slot++)
        free(((struct tallies *)(void *)s->tallies.items)[slot].list);
    check_by_run_deinit(&s->tallies);
    free(s);
}

static void *open_effects(const struct check_view *view,
                          struct check_result *result)
{
    struct effects *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    if (check_by_run_init(&s->tallies, view->fold, sizeof(struct tallies))) {
        close_effects(s);
        return NULL;
    }
    return s;
}

/* What a handler's steps are told apart by. */
static uint64_t step_id(const struct engine_record *record)
{
    return record->b ? record->b : record->op;
}

/* The slot of this id, or the free one where it would be. */
static struct tally *probe(const struct tallies *tallies, uint64_t id)
{
    uint32_t mask = tallies->count - 1;
    uint32_t at = (uint32_t)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32) & mask;

    while (tallies->list[at].id && tallies->list[at].id != id)
        at = (at + 1) & mask;
    return &tallies->list[at];
}

static bool grow(struct tallies *tallies)
{
    struct tallies more = {.count = tallies->count ? 2 * tallies->count : 8,
                           .used = tallies->used};

    more.list = calloc(more.count, sizeof(*more.list));
    if (!more.list)
        return false;
    for (uint32_t i = 0; i < tallies->count; i++)
        if (tallies->list[i].id)
            *probe(&more, tallies->list[i].id) = tallies->list[i];
    free(tallies->list);
    *tallies = more;
    return true;
}

static struct tally *tally_of_step(struct tallies *tallies, uint64_t id)
{
    struct tally *tally;

    if (2 * tallies->used >= tallies->count && !grow(tallies))
        return NULL;
    tally = probe(tallies, id);
    tallies->used += tally->id == 0;
    tally->id = id;
    return tally;
}

static struct tally *tally_of(struct effects *s, const struct fold_run *run,
                              const struct engine_record *record)
{
    struct tallies *tallies = check_by_run(&s->tallies, record->run);

    if (!tallies)
        return NULL;
    if (run->handler)
        return tally_of_step(tallies, step_id(record));
    if (!tallies->list) {
        tallies->list = calloc(run->op_count, sizeof(*tallies->list));
        tallies->count = tallies->list ? run->op_count : 0;
    }
    return record->op < tallies->count ? &tallies->list[record->op] : NULL;
}

static void check_keyed(struct effects *s, const struct tally *tally,
                        const char *name, const struct engine_record *record,
                        uint64_t index)
{
    if (record->a || tally->applied > 1)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": the effect of %s was applied again "
                        "by attempt %u under %s key; expected one application",
                        record->run, name, record->attempt,
                        record->a || tally->key == (uint16_t)record->key
                            ? "the same"
                            : "another");
}

static void check_keyless(struct effects *s, const struct tally *tally,
                          const char *name, bool irreversible,
                          const struct engine_record *record, uint64_t index)
{
    uint32_t bit = record->attempt - 1;

    if (irreversible && tally->applied > 1)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": the irreversible effect of %s was "
                        "applied %u times, the last by attempt %u; expected 1",
                        record->run, name, tally->applied, record->attempt);
    else if (bit < 32 && tally->attempts >> bit & 1)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": attempt %u of %s applied its effect "
                        "twice; expected at most one application an attempt",
                        record->run, record->attempt, name);
}

static const struct report_program *program_of(const struct effects *s,
                                               const struct fold_run *run)
{
    return s->head.world->programs ? &s->head.world->programs[run->workflow]
                                   : NULL;
}

static void check_step(struct effects *s, const struct fold_run *run,
                       const struct tally *tally,
                       const struct engine_record *record, uint64_t index)
{
    const struct fold_operation *op = fold_step_of(run, record);
    const struct report_program *program = program_of(s, run);
    unsigned options = op ? op->options : 0;
    char name[64];

    if (program && record->count && record->count <= program->count)
        snprintf(name, sizeof(name), "%.60s",
                 program->names[record->count - 1]);
    else
        snprintf(name, sizeof(name), "operation %u", record->op);
    if (fold_step_effect(s->head.fold, run, record) == 2)
        check_keyed(s, tally, name, record, index);
    else if (options &
             (ENGINE_OPTION_AT_MOST_ONCE | ENGINE_OPTION_IRREVERSIBLE))
        check_keyless(s, tally, name,
                      options & ENGINE_OPTION_IRREVERSIBLE && !op->resumed,
                      record, index);
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
    if (run->handler)
        check_step(s, run, tally, record, index);
    else if (fold_effect(fold, run, record->op) == 2)
        check_keyed(s, tally, node->name, record, index);
    else
        check_keyless(s, tally, node->name,
                      node->side_effect == ENGINE_EFFECT_IRREVERSIBLE &&
                          !fold_has(run, FOLD_OPERATED),
                      record, index);
    tally->key = (uint16_t)record->key;
    if (bit < 32)
        tally->attempts |= UINT32_C(1) << bit;
}

static void succeeded(struct effects *s, const struct fold_run *run,
                      const struct engine_record *record, uint64_t index)
{
    const struct tallies *tallies = check_by_run(&s->tallies, record->run);

    if (!fold_effect(s->head.fold, run, record->op) || run->handler ||
        fold_has(run, FOLD_OPERATED))
        return;
    s->head.result->checked++;
    if (!tallies || record->op >= tallies->count ||
        !tallies->list[record->op].applied)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": %s succeeded in attempt %u, but its "
                        "effect was never applied",
                        record->run,
                        fold_op_name(s->head.fold, run, record->op),
                        record->attempt);
}

static void step_succeeded(struct effects *s, const struct fold_run *run,
                           const struct engine_record *record, uint64_t index)
{
    const struct fold_operation *op = fold_operation(run, record->op);
    const struct tallies *tallies = check_by_run(&s->tallies, record->run);
    const struct tally *tally =
        tallies && tallies->count ? probe(tallies, record->a) : NULL;

    /* Those who do not say the id say the number. */
    if (tally && !tally->id)
        tally = probe(tallies, record->op);
    if (!tally || !tally->sent || (op && op->ambiguous))
        return; /* if it is ambiguous, an operator takes it as done */
    s->head.result->checked++;
    if (!tally->applied)
        check_violation(s->head.result, record, index,
                        "run %" PRIu64 ": operation %u succeeded in attempt "
                        "%u, but the effect it asked for was never applied",
                        record->run, record->op, record->attempt);
}

static void effect_sent(struct effects *s, const struct fold_run *run,
                        const struct engine_record *record)
{
    struct tally *tally = run->handler ? tally_of(s, run, record) : NULL;

    if (tally)
        tally->sent = 1;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct effects *s = self;
    const struct fold_run *run = fold_run(s->head.fold, record->run);

    if (!run || record->op >= OPERATIONS_MAX ||
        (!run->handler && !fold_node(s->head.fold, run, record->op)))
        return;
    if (record->kind == ENGINE_REC_EFFECT_SENT)
        effect_sent(s, run, record);
    else if (record->kind == ENGINE_REC_EFFECT_APPLIED)
        applied(s, run, record, index);
    else if (record->detail == ENGINE_EV_OPERATION_SUCCEEDED)
        step_succeeded(s, run, record, index);
    else if (record->detail == ENGINE_EV_OP_SUCCEEDED)
        succeeded(s, run, record, index);
}

static int applies(const struct check_world *world)
{
    for (uint32_t w = 0; world->effects && w < world->graph_count; w++)
        for (uint32_t op = 0;
             world->effects[w] && op < engine_graph_count(world->graphs[w]);
             op++)
            if (world->effects[w][op])
                return 1;
    return fold_has_handlers(world);
}

const struct check_ops check_effects = {
    .id = "S5",
    .name = "effects at their receiver",
    .unit = "effects and operations that have one",
    .kinds = CHECK_KIND(EFFECT_SENT) | CHECK_KIND(EFFECT_APPLIED) |
             CHECK_KIND(EVENT),
    .applies = applies,
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_ROT | CHECK_BEYOND_RECEIVER,
    .open = open_effects,
    .feed = feed,
    .close = close_effects,
};
