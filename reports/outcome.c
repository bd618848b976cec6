#include "reports/outcome.h"

#include <stdlib.h>

#include "reports/fold.h"

struct outcomes *outcomes_new(void)
{
    struct outcomes *o = calloc(1, sizeof(*o));

    if (!o)
        return NULL;
    report_index_init(&o->run_index);
    report_index_init(&o->effect_index);
    report_index_init(&o->broken_index);
    return o;
}

void outcomes_free(struct outcomes *o)
{
    while (o) {
        struct outcomes *next = o->next;

        report_index_deinit(&o->run_index);
        report_index_deinit(&o->effect_index);
        report_index_deinit(&o->broken_index);
        free(o->runs);
        free(o->effects);
        free(o->broken);
        free(o);
        o = next;
    }
}

/* Runs ---------------------------------------------------------------------
 */

const struct outcome_run *outcomes_run(const struct outcomes *o, uint64_t run)
{
    struct report_key key = {{run, 0, 0}};
    uint32_t place = report_index_find(&o->run_index, &key);

    return place == REPORT_INDEX_NONE ? NULL : &o->runs[place];
}

/* The place of a run; a new one stands for itself. */
static uint32_t place_of(struct outcomes *o, uint64_t run)
{
    struct report_key key = {{run, 0, 0}};
    uint32_t place = report_index_find(&o->run_index, &key);
    void *list = o->runs;

    if (place != REPORT_INDEX_NONE)
        return place;
    place = report_index_add(&o->run_index, &key, &list, sizeof(*o->runs));
    o->runs = list;
    if (place == REPORT_INDEX_NONE) {
        o->failed = true;
        return place;
    }
    o->runs[place].run = run;
    o->runs[place].workflow = UINT32_MAX;
    o->runs[place].family = place;
    return place;
}

uint32_t outcomes_family(const struct outcomes *o, uint32_t place)
{
    while (o->runs[place].family != place)
        place = o->runs[place].family;
    return place;
}

/* The smaller place stands for both. */
static void join(struct outcomes *o, uint64_t run, uint64_t other)
{
    uint32_t left = place_of(o, run);
    uint32_t right = place_of(o, other);

    if (left == REPORT_INDEX_NONE || right == REPORT_INDEX_NONE)
        return;
    left = outcomes_family(o, left);
    right = outcomes_family(o, right);
    if (left < right)
        o->runs[right].family = left;
    else
        o->runs[left].family = right;
}

/* Events -------------------------------------------------------------------
 */

/* What ends an attempt from outside, not by the step's own doing. */
static bool from_outside(uint64_t error)
{
    switch (error) {
    case ENGINE_ERR_TIMED_OUT:
    case ENGINE_ERR_INTERRUPTED:
    case ENGINE_ERR_AMBIGUOUS:
    case ENGINE_ERR_OOM:
    case ENGINE_ERR_THROTTLED:
    case ENGINE_ERR_NETWORK:
    case ENGINE_ERR_PLATFORM_START:
    case ENGINE_ERR_AUTH_EXPIRED:
    case ENGINE_ERR_STORAGE:
    case ENGINE_ERR_STORAGE_FULL:
        return true;
    default:
        return false;
    }
}

static bool breaks(const struct engine_record *event)
{
    switch (event->detail) {
    case ENGINE_EV_ATTEMPT_TIMED_OUT:
    case ENGINE_EV_ATTEMPT_INTERRUPTED:
    case ENGINE_EV_ATTEMPT_AMBIGUOUS:
    case ENGINE_EV_OPERATION_TIMED_OUT:
        return true;
    case ENGINE_EV_ATTEMPT_FAILED:
        return from_outside(event->a);
    case ENGINE_EV_OPERATION_RETRY:
    case ENGINE_EV_OPERATION_FAILED:
        return from_outside(event->token);
    default:
        return false;
    }
}

static bool fails(const struct engine_record *event)
{
    return event->detail == ENGINE_EV_OP_FAILED ||
           event->detail == ENGINE_EV_OPERATION_FAILED ||
           event->detail == ENGINE_EV_OPERATION_TIMED_OUT;
}

/* The operation that an event is about, in a graph or of a handler. */
static struct report_key operation_of(const struct engine_record *event)
{
    return fold_is_operation(event->detail)
               ? (struct report_key){{event->run, event->a, 1}}
               : (struct report_key){{event->run, event->op, 0}};
}

static void note_break(struct outcomes *o, const struct engine_record *event)
{
    struct report_key key = operation_of(event);
    void *list = o->broken;

    if (report_index_find(&o->broken_index, &key) != REPORT_INDEX_NONE)
        return;
    if (report_index_add(&o->broken_index, &key, &list, sizeof(*o->broken)) ==
        REPORT_INDEX_NONE)
        o->failed = true;
    o->broken = list;
}

/* An invocation that broke off is begun again: nothing of it is lost. */
static bool is_invocation(const struct fold_run *run,
                          const struct engine_record *event)
{
    return run && run->handler && !fold_is_operation(event->detail);
}

static uint16_t flags_of(struct outcomes *o, const struct fold_run *run,
                         const struct engine_record *event)
{
    struct report_key key = operation_of(event);
    uint16_t flags = 0;

    if (is_invocation(run, event))
        return 0;
    if (breaks(event)) {
        note_break(o, event);
        flags |= OUTCOME_BROKEN;
    }
    if (fails(event) &&
        report_index_find(&o->broken_index, &key) != REPORT_INDEX_NONE)
        flags |= OUTCOME_FAULTED;
    return flags;
}

static void take_event(struct outcomes *o, const struct fold *fold,
                       const struct engine_record *event)
{
    uint32_t place = place_of(o, event->run);
    uint16_t flags = flags_of(o, fold_run(fold, event->run), event);
    struct outcome_run *run;

    if (place == REPORT_INDEX_NONE)
        return;
    run = &o->runs[place];
    run->flags |= flags;
    if (fold_is_run_end(event->detail))
        run->flags |= OUTCOME_ENDED;
    switch (event->detail) {
    case ENGINE_EV_RUN_CREATED:
        run->workflow = (uint32_t)event->a;
        break;
    case ENGINE_EV_RUN_SUCCEEDED:
        run->result = event->a;
        run->result_hi = event->b;
        break;
    case ENGINE_EV_RUN_FAILED:
        run->result = event->a;
        break;
    case ENGINE_EV_OPERATOR_ACTION:
    case ENGINE_EV_RUN_CANCELLED:
    case ENGINE_EV_RUN_TIMED_OUT:
    case ENGINE_EV_RUN_STOPPED:
        run->flags |= OUTCOME_OPERATED;
        break;
    default:
        break;
    }
}

/* Effects ------------------------------------------------------------------
 */

static uint64_t effect_id(const struct fold_run *run,
                          const struct engine_record *record)
{
    return run && run->handler && record->b ? record->b : record->op;
}

static enum outcome_promise promise_of(const struct fold *fold,
                                       const struct fold_run *run,
                                       const struct engine_record *record)
{
    const struct engine_node *node = fold_node(fold, run, record->op);
    const struct fold_operation *op = fold_step_of(run, record);

    if (run->handler) {
        if (fold_step_effect(fold, run, record) == 2)
            return OUTCOME_ONCE;
        return op && op->options & (ENGINE_OPTION_AT_MOST_ONCE |
                                    ENGINE_OPTION_IRREVERSIBLE)
                   ? OUTCOME_AT_MOST_ONCE
                   : OUTCOME_AT_LEAST_ONCE;
    }
    if (fold_effect(fold, run, record->op) == 2)
        return OUTCOME_ONCE;
    return node && (node->semantics == ENGINE_AT_MOST_ONCE ||
                    node->side_effect == ENGINE_EFFECT_IRREVERSIBLE)
               ? OUTCOME_AT_MOST_ONCE
               : OUTCOME_AT_LEAST_ONCE;
}

static bool undoes(const struct fold *fold, const struct fold_run *run,
                   const struct engine_record *record)
{
    const struct report_program *program =
        fold->world->programs ? &fold->world->programs[run->workflow] : NULL;

    return run->handler && program && program->undoes && record->count &&
           record->count <= program->count &&
           program->undoes[record->count - 1];
}

static struct outcome_effect *effect_of(struct outcomes *o, uint64_t run,
                                        uint64_t id)
{
    struct report_key key = {{run, id, 0}};
    uint32_t place = report_index_find(&o->effect_index, &key);
    void *list = o->effects;

    if (place == REPORT_INDEX_NONE)
        place = report_index_add(&o->effect_index, &key, &list,
                                 sizeof(*o->effects));
    o->effects = list;
    o->failed = o->failed || place == REPORT_INDEX_NONE;
    return place == REPORT_INDEX_NONE ? NULL : &o->effects[place];
}

const struct outcome_effect *outcomes_effect(const struct outcomes *o,
                                             uint64_t run, uint64_t id)
{
    struct report_key key = {{run, id, 0}};
    uint32_t place = report_index_find(&o->effect_index, &key);

    return place == REPORT_INDEX_NONE ? NULL : &o->effects[place];
}

static void take_effect(struct outcomes *o, const struct fold *fold,
                        const struct engine_record *record, uint64_t index)
{
    const struct fold_run *run = fold_run(fold, record->run);
    uint64_t id = effect_id(run, record);
    struct outcome_effect *effect = effect_of(o, record->run, id);

    if (!effect || !run)
        return;
    if (!effect->count) {
        effect->run = record->run;
        effect->id = id;
        effect->content = record->token;
        effect->undoes = undoes(fold, run, record);
    }
    effect->promise = (uint8_t)promise_of(fold, run, record);
    effect->last = *record;
    effect->index = index;
    effect->count++;
}

/* The end ------------------------------------------------------------------
 */

static void close_run(const struct fold *fold, struct outcome_run *outcome)
{
    const struct fold_run *run = fold_run(fold, outcome->run);

    outcome->state = run ? run->state : 0;
    if (run && fold_has(run, FOLD_OPAQUE)) {
        outcome->flags |= OUTCOME_OPAQUE;
        outcome->state = run->row_state;
    }
    if (!engine_run_state_terminal(outcome->state))
        outcome->flags |= OUTCOME_OPEN;
    else if (!(outcome->flags & OUTCOME_ENDED))
        outcome->flags |= OUTCOME_OPAQUE;
}

void outcomes_feed(struct outcomes *o, const struct fold *fold,
                   const struct engine_record *record, uint64_t index)
{
    switch (record->kind) {
    case ENGINE_REC_EVENT:
        take_event(o, fold, record);
        break;
    case ENGINE_REC_OUTBOX_PUT:
        if (record->detail != ENGINE_OUTBOX_RESULT && record->a)
            join(o, record->run, record->a);
        break;
    case ENGINE_REC_EFFECT_APPLIED:
        take_effect(o, fold, record, index);
        break;
    case ENGINE_REC_WORLD_END:
        for (uint32_t i = 0; i < o->run_index.count; i++)
            close_run(fold, &o->runs[i]);
        break;
    default:
        break;
    }
}
