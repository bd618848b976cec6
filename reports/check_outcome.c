/*
 * S8: crash-equivalence. Whatever went wrong, each run has come out as in the
 * golden world, where nothing did: the same end, the same result, the same
 * side effects. Of effects:
 *
 *   with a key            applied as often, of the same content
 *   repeatable, no key    applied too; if no attempt of the run was broken
 *                         off, at least as often
 *   not to be repeated    if no attempt was broken off, at most as often
 *
 * Some runs may come out otherwise, and are counted apart if they do: those
 * of which the log says that faults used up the declared attempts or the time
 * of an operation, that an operator or their deadline had a say, that they
 * are blocked or have not ended; and those that had to do with such a run.
 * An operation that fails by chance of its attempt may draw another lot once
 * one was broken off. Even then nothing is done that the golden run has not
 * done, had it succeeded, but what undoes, and a step of a graph asks for the
 * same.
 *
 * Where it is open who is first (race, any, a quorum), one of the golden
 * worlds has to have the run's end; a result or an effect that no schedule
 * has shown is counted apart, since schedules are a sample.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "reports/check_each.h"
#include "reports/fold.h"
#include "reports/outcome.h"

struct outcome_check {
    struct check_self head;
    struct outcomes *own;   /* NULL: collected into the world's */
    struct outcomes *found; /* of this world */
    uint16_t *family_flags; /* by place: of the whole family, at its head */
    uint8_t *freedom;       /* the same of what its workflows leave open */
    struct engine_record end;
    uint64_t end_index;
};

static void close_outcome(void *self)
{
    struct outcome_check *s = self;

    outcomes_free(s->own);
    free(s->family_flags);
    free(s->freedom);
    free(s);
}

static void *open_outcome(const struct check_view *view,
                          struct check_result *result)
{
    struct outcome_check *s = check_self_new(view, result, sizeof(*s));

    if (!s)
        return NULL;
    s->found = view->world->outcomes;
    if (s->found || !view->world->golden)
        return s;
    s->own = outcomes_new();
    s->found = s->own;
    if (s->own)
        return s;
    free(s);
    return NULL;
}

static int has_golden(const struct check_world *world)
{
    return world->golden != NULL;
}

/* Families ----------------------------------------------------------------- */

static uint8_t freedom_of(const struct outcome_check *s,
                          const struct outcome_run *run)
{
    const struct check_world *world = s->head.world;

    return world->freedom && run->workflow < world->graph_count
               ? world->freedom[run->workflow]
               : 0;
}

/* What the log of the run says in the golden world counts as well. */
static bool gather(struct outcome_check *s)
{
    const struct outcomes *golden = s->head.world->golden;
    uint32_t count = s->found->run_index.count;

    s->family_flags = calloc(count + 1, sizeof(*s->family_flags));
    s->freedom = calloc(count + 1, sizeof(*s->freedom));
    for (uint32_t i = 0; s->family_flags && s->freedom && i < count; i++) {
        const struct outcome_run *run = &s->found->runs[i];
        const struct outcome_run *other = outcomes_run(golden, run->run);
        uint32_t head = outcomes_family(s->found, i);

        s->family_flags[head] |= run->flags;
        if (other)
            s->family_flags[head] |=
                other->flags & (OUTCOME_FAULTED | OUTCOME_OPERATED |
                                OUTCOME_OPEN | OUTCOME_OPAQUE);
        s->freedom[head] |= freedom_of(s, run);
    }
    return s->family_flags && s->freedom;
}

/* May it come out otherwise? */
static bool excused(const struct outcome_check *s, uint32_t head)
{
    uint16_t flags = s->family_flags[head];

    return flags & (OUTCOME_FAULTED | OUTCOME_OPERATED | OUTCOME_OPEN |
                    OUTCOME_OPAQUE) ||
           (flags & OUTCOME_BROKEN && s->freedom[head] & CHECK_FREE_CHANCE);
}

/* Effects ------------------------------------------------------------------
 */

static const char *name_of(const struct outcome_check *s,
                           const struct outcome_effect *effect, char *text,
                           size_t size)
{
    const struct check_world *world = s->head.world;
    const struct fold_run *run = fold_run(s->head.fold, effect->run);
    const struct report_program *program =
        world->programs && run ? &world->programs[run->workflow] : NULL;
    uint32_t step = effect->last.count;

    if (program && step && step <= program->count)
        snprintf(text, size, "%.60s", program->names[step - 1]);
    else
        snprintf(text, size, "%.60s",
                 run ? fold_op_name(s->head.fold, run, effect->last.op) : "?");
    return text;
}

/* Whether the other world applied it as often as it promises; 0: it did. */
static const char *unequal(const struct outcome_effect *effect,
                           const struct outcome_effect *golden, bool broken)
{
    if (effect->content != golden->content)
        return "asking for something else than";
    if (effect->promise == OUTCOME_ONCE)
        return effect->count != golden->count ? "another number of times than"
                                              : NULL;
    if (broken)
        return NULL;
    if (effect->promise == OUTCOME_AT_MOST_ONCE)
        return effect->count > golden->count ? "more often than" : NULL;
    return effect->count < golden->count ? "less often than" : NULL;
}

static void check_effect(struct outcome_check *s,
                         const struct outcome_effect *effect)
{
    const struct outcomes *golden = s->head.world->golden;
    const struct outcome_run *run = outcomes_run(s->found, effect->run);
    const struct outcome_effect *other =
        outcomes_effect(golden, effect->run, effect->id);
    bool broken = run && run->flags & OUTCOME_BROKEN;
    const char *how = other ? unequal(effect, other, broken) : NULL;
    char name[64];

    s->head.result->checked++;
    if (!other)
        check_violation(s->head.result, &effect->last, effect->index,
                        "run %" PRIu64 ": the effect of %s was applied by "
                        "attempt %u; without faults it never is",
                        effect->run, name_of(s, effect, name, sizeof(name)),
                        effect->last.attempt);
    else if (how)
        check_violation(
            s->head.result, &effect->last, effect->index,
            "run %" PRIu64 ": the effect of %s was applied %u times, %s "
            "without faults (%u times); contents %016" PRIx64
            " and %016" PRIx64,
            effect->run, name_of(s, effect, name, sizeof(name)), effect->count,
            how, other->count, effect->content, other->content);
}

/* One that an equal run lacks. */
static void check_missing(struct outcome_check *s,
                          const struct outcome_effect *golden)
{
    char name[64];

    if (golden->promise == OUTCOME_AT_MOST_ONCE ||
        outcomes_effect(s->found, golden->run, golden->id))
        return;
    check_violation(s->head.result, &s->end, s->end_index,
                    "run %" PRIu64 ": the effect of %s was not applied, "
                    "although the run has come out as without faults, where "
                    "it is",
                    golden->run, name_of(s, golden, name, sizeof(name)));
}

/* The run did not come out as the golden one: at least it did nothing else. */
static void check_subset(struct outcome_check *s,
                         const struct outcome_effect *effect)
{
    const struct outcome_effect *other =
        outcomes_effect(s->head.world->golden, effect->run, effect->id);
    const struct fold_run *run = fold_run(s->head.fold, effect->run);

    if (effect->undoes)
        return;
    if (!other || (run && !run->handler && fold_graph(s->head.fold, run) &&
                   !engine_graph_is_handler(fold_graph(s->head.fold, run)) &&
                   other->content != effect->content))
        check_effect(s, effect);
}

/* Runs ---------------------------------------------------------------------
 */

static bool equal(const struct outcome_run *run,
                  const struct outcome_run *golden)
{
    return golden && run->state == golden->state &&
           run->result == golden->result && run->result_hi == golden->result_hi;
}

/* The schedule in which the run came out like this, or NULL. */
static const struct outcomes *match(const struct outcome_check *s,
                                    const struct outcome_run *run)
{
    const struct outcomes *golden = s->head.world->golden;

    while (golden && !equal(run, outcomes_run(golden, run->run)))
        golden = golden->next;
    return golden;
}

static bool state_known(const struct outcome_check *s,
                        const struct outcome_run *run)
{
    for (const struct outcomes *golden = s->head.world->golden; golden;
         golden = golden->next) {
        const struct outcome_run *other = outcomes_run(golden, run->run);

        if (other && other->state == run->state)
            return true;
    }
    return false;
}

static void report_run(struct outcome_check *s, const struct outcome_run *run)
{
    const struct outcome_run *golden =
        outcomes_run(s->head.world->golden, run->run);
    struct engine_record record = s->end;

    record.run = run->run;
    if (!golden)
        check_violation(s->head.result, &record, s->end_index,
                        "run %" PRIu64 ": it exists; without faults no run "
                        "asks for it",
                        run->run);
    else if (golden->state != run->state)
        check_violation(s->head.result, &record, s->end_index,
                        "run %" PRIu64 ": it has %s; without faults it has %s",
                        run->run, fold_state_name(run->state),
                        fold_state_name(golden->state));
    else
        check_violation(s->head.result, &record, s->end_index,
                        "run %" PRIu64 ": it has %s with %016" PRIx64
                        "; without faults with %016" PRIx64,
                        run->run, fold_state_name(run->state), run->result,
                        golden->result);
}

/* What the effects of a run are to be compared with. */
enum compare {
    COMPARE_NOT,
    COMPARE_SUBSET, /* it has come out otherwise, and may */
    COMPARE_ALL
};

static enum compare judge_run(struct outcome_check *s, uint32_t place)
{
    const struct outcome_run *run = &s->found->runs[place];
    const struct outcome_run *golden =
        outcomes_run(s->head.world->golden, run->run);
    uint32_t head = outcomes_family(s->found, place);
    bool choice = s->freedom[head] & CHECK_FREE_CHOICE;
    bool lots = s->family_flags[head] & OUTCOME_BROKEN &&
                s->freedom[head] & CHECK_FREE_CHANCE;

    if (match(s, run)) {
        s->head.result->checked++;
        return choice || run->state != ENGINE_RUN_SUCCEEDED ? COMPARE_NOT
                                                            : COMPARE_ALL;
    }
    if (excused(s, head) || (choice && state_known(s, run))) {
        s->head.result->apart++;
        return !choice && !lots && golden &&
                       golden->state == ENGINE_RUN_SUCCEEDED
                   ? COMPARE_SUBSET
                   : COMPARE_NOT;
    }
    s->head.result->checked++;
    report_run(s, run);
    return COMPARE_NOT;
}

static void judge_effects(struct outcome_check *s, const uint8_t *compare)
{
    const struct outcomes *golden = s->head.world->golden;

    for (uint32_t i = 0; i < s->found->effect_index.count; i++) {
        const struct outcome_effect *effect = &s->found->effects[i];
        const struct outcome_run *run = outcomes_run(s->found, effect->run);

        if (run && compare[run - s->found->runs] == COMPARE_ALL)
            check_effect(s, effect);
        else if (run && compare[run - s->found->runs] == COMPARE_SUBSET)
            check_subset(s, effect);
    }
    for (uint32_t i = 0; i < golden->effect_index.count; i++) {
        const struct outcome_run *run =
            outcomes_run(s->found, golden->effects[i].run);

        if (run && compare[run - s->found->runs] == COMPARE_ALL)
            check_missing(s, &golden->effects[i]);
    }
}

static void judge(struct outcome_check *s)
{
    uint32_t count = s->found->run_index.count;
    uint8_t *compare = calloc(count + 1, sizeof(*compare));

    if (compare && gather(s)) {
        for (uint32_t i = 0; i < count; i++)
            compare[i] = (uint8_t)judge_run(s, i);
        judge_effects(s, compare);
    } else {
        s->found->failed = true;
    }
    free(compare);
    /* Without memory nothing may be said. */
    if (s->found->failed || s->head.world->golden->failed)
        s->head.result->unjudged++;
}

static void feed(void *self, const struct engine_record *record, uint64_t index)
{
    struct outcome_check *s = self;

    if (!s->found)
        return;
    outcomes_feed(s->found, s->head.fold, record, index);
    if (record->kind != ENGINE_REC_WORLD_END || !s->head.world->golden)
        return;
    s->end = *record;
    s->end_index = index;
    judge(s);
}

const struct check_ops check_outcome = {
    .id = "S8",
    .name = "crash-equivalence",
    .unit = "golden outcomes",
    .kinds = OUTCOME_KINDS,
    .excuses = CHECK_BEYOND_SYNC | CHECK_BEYOND_CLOCK | CHECK_BEYOND_DISK |
               CHECK_BEYOND_ROT | CHECK_BEYOND_RECEIVER,
    .applies = has_golden,
    .needs = "there is no golden world to compare with (--golden)",
    .open = open_outcome,
    .feed = feed,
    .close = close_outcome,
};
